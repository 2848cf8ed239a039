/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernels do. Everything that comes over the bus is copied once; the copy
 * is checked, and the copy is used. All lanes of a group take the same way through
 * every function here, since all of them meet at the barriers.
 */
#ifndef HG_TRANSFER_H
#define HG_TRANSFER_H

#include "suite.h"

#define HG_PARTS HG_PARTS_OF(HG_LANES)

#define RECORD_WORDS(length) (16u + 4u * (((length) + 15u) / 16u))

/* The same of a kernel that takes one group; the state is bad if it has not. */
HG_FN u32 launch_single(HG_GLOBAL struct hg_state *state)
{
	if (launch_fits(1))
		return 1;
	if (HG_GROUP == 0 && HG_LANE == 0 && state->installed)
		state_refuse(state, HG_BAD_LAUNCH, state->sealed);
	return 0;
}

/*
 * What lane 0 says, to all lanes of its group by local memory: the state may be changed by
 * a launch that overlaps, and lanes that each read it could go different ways.
 */
HG_FN u32 lanes_told(u32 value, HG_LOCAL u32 *word)
{
	if (HG_LANE == 0)
		*word = value;
	HG_BARRIER();
	value = *word;
	HG_BARRIER();
	return value;
}

/* Whether two ranges of memory have a byte in common. */
HG_FN u32 ranges_meet(u64 a, u64 size_a, u64 b, u64 size_b)
{
	return a <= b ? b - a < size_a : a - b < size_b;
}

#define RECEIPT_BYTES (4u * RECORD_WORDS(96u))

/*
 * Whether what is sealed will not lie in the state: ciphertext in the keys' place would be keys
 * that the bus knows. Lanes agree on it, as they have the same arguments.
 */
HG_FN u32 out_apart(HG_GLOBAL struct hg_state *state, u64 out, u64 size)
{
	if (!ranges_meet(out, size, HG_ADDRESS(state), sizeof(*state)))
		return 1;
	if (HG_LANE == 0 && state->installed)
		state_refuse(state, HG_BAD_BUFFER, state->sealed);
	return 0;
}

#define WORD_OF(sum) ((sum) + 5 * HG_LANES)

/*
 * Launches that overlap must not share a slot: its scratch memory, and the keys while
 * it is in use. Whoever takes it gives it back, and where it is not free the
 * launches are not ours. One lane.
 */
HG_FN u32 slot_take(HG_GLOBAL struct hg_state *state, u32 slot, u64 sequence)
{
	if (HG_ATOMIC_CAS(&state->records[slot].verdict, HG_VERDICT_NONE, HG_VERDICT_BUSY) !=
	    HG_VERDICT_NONE) {
		state_refuse(state, HG_BAD_LAUNCH, sequence);
		return 0;
	}
	HG_FENCE();
	return 1;
}

HG_FN void slot_give(HG_GLOBAL struct hg_state *state, u32 slot)
{
	HG_FENCE();
	state->records[slot].verdict = HG_VERDICT_NONE;
}

/* The header of a copied record, against the state. @index counts in its row of @count. */
HG_FN u32 header_verdict(HG_GLOBAL const struct hg_state *state, const u32 *h, u32 index, u32 count,
			 u32 small)
{
	u64 session = h[2] | (u64)h[3] << 32, sequence = h[4] | (u64)h[5] << 32;
	u64 id = h[6] | (u64)h[7] << 32, offset = h[8] | (u64)h[9] << 32;
	u32 kind = h[1] & 255, length = h[10], slot = (u32)id & (HG_BOUND_MAX - 1);

	if (h[0] != HG_RECORD_MAGIC)
		return HG_BAD_MAGIC;
	if (kind != HG_DATA && !(kind == HG_COMMAND && small))
		return HG_BAD_KIND;
	if (((h[1] >> 8) & 255) != SUITE_OF(state))
		return HG_BAD_SUITE;
	if (((h[1] >> 16) & 255) != HG_H2D)
		return HG_BAD_DIRECTION;
	if (h[1] >> 24 != (state->epoch & 255))
		return HG_BAD_EPOCH;
	if (session != state->session)
		return HG_BAD_SESSION;
	if (sequence != state->opened + index)
		return HG_BAD_SEQUENCE;
	if (h[11] != count - 1 - index)
		return HG_BAD_MORE;
	if (length == 0 || length > HG_RECORD_DATA)
		return HG_BAD_RANGE;
	if (kind == HG_COMMAND)
		return id || offset ? HG_BAD_BUFFER :
		       length != 8 || count != 1 ? HG_BAD_COMMAND : 0;
	/* In a row of large records all but the last are full: so each knows its place. */
	if (!small && index + 1 < count && length != HG_RECORD_DATA)
		return HG_BAD_RANGE;
	if (id == 0 || state->bound[slot].id != id)
		return HG_BAD_BUFFER;
	if (offset > state->bound[slot].size || length > state->bound[slot].size - offset)
		return HG_BAD_RANGE;
	return 0;
}

/* The buffer of a record with a good header, if it is one of @targets. */
HG_FN u32 target_verdict(HG_GLOBAL const struct hg_state *state, const u32 *h, const u64 *targets,
			 u64 *address)
{
	u32 i;

	*address = 0;
	if ((h[1] & 255) != HG_DATA)
		return 0;
	*address = state->bound[h[6] & (HG_BOUND_MAX - 1)].address;
	for (i = 0; i < HG_TARGETS; i++)
		if (targets[i] == *address)
			return 0;
	return HG_BAD_BUFFER;
}

/* Takes the slot and fills it in from the header, which it copies. One lane. */
HG_FN u32 check_header(HG_GLOBAL struct hg_state *state, HG_GLOBAL const u32 *src, u32 index,
		       u32 count, u32 small, const u64 *targets)
{
	HG_GLOBAL struct hg_checked *r = &state->records[index];
	u32 h[16], bad, i;
	u64 address = 0;

	if (!slot_take(state, index, state->opened + index))
		return HG_BAD_LAUNCH;
	for (i = 0; i < 16; i++)
		h[i] = state->heads[index][i] = src[i];
	bad = header_verdict(state, h, index, count, small);
	if (!bad)
		bad = target_verdict(state, h, targets, &address);
	r->sequence = state->opened + index;
	r->buffer = h[6] | (u64)h[7] << 32;
	r->address = address;
	r->offset = h[8] | (u64)h[9] << 32;
	r->length = h[10];
	r->kind = h[1] & 255;
	r->row = count;
	if (bad)
		r->verdict = HG_VERDICT_BAD + bad;
	return bad;
}

/*
 * Copies record @index from @src into the state and judges it: its verdict is in
 * state->records[@index]. @targets: addresses of the buffers that may be written.
 * -> 0 where the header is good, which the tag need not be.
 */
HG_FN u32 check_record(HG_GLOBAL struct hg_state *state, HG_GLOBAL const u32 *src, u32 index,
		       u32 count, u32 small, const u64 *targets, HG_LOCAL u32 *sum)
{
	HG_GLOBAL struct hg_checked *r = &state->records[index];
	HG_GLOBAL u32 *copy = state->scratch[index];
	u32 h[16], tag[4] = {0, 0, 0, 0}, words, bad, i;

	bad = lanes_told(HG_LANE ? 0 : check_header(state, src, index, count, small, targets),
			 WORD_OF(sum));
	if (bad)
		return bad;
	for (i = 0; i < 16; i++)
		h[i] = state->heads[index][i];
	words = 4 * ((h[10] + 15) / 16);
	for (i = HG_LANE; i < words; i += HG_LANES) {
		/* Zeros after the last byte, whatever was sent there. */
		u32 left = h[10] > 4 * i ? h[10] - 4 * i : 0;

		copy[i] = left >= 4 ? src[16 + i] :
			  left ? src[16 + i] & (0xffffffffu >> (32 - 8 * left)) : 0;
	}
	HG_BARRIER();
	suite_tag(tag, &state->keys[(h[1] & 255) == HG_DATA ? HG_KEY_H2D : HG_KEY_COMMAND_H2D],
		  SUITE_OF(state), h, copy, h[10], sum);
	/* Lane 0 alone has the tag: it alone writes the verdict. */
	if (HG_LANE == 0) {
		bad = (tag[0] ^ h[12]) | (tag[1] ^ h[13]) | (tag[2] ^ h[14]) | (tag[3] ^ h[15]);
		HG_FENCE();
		r->verdict = bad ? HG_VERDICT_BAD + HG_BAD_TAG : HG_VERDICT_GOOD;
	}
	HG_BARRIER();
	return 0;
}

/* All good? Else the state is bad for the first that was not. One lane. */
HG_FN u32 verdict_all(HG_GLOBAL struct hg_state *state, u32 count)
{
	u32 i;

	for (i = 0; i < count; i++)
		if (state->records[i].verdict != HG_VERDICT_GOOD) {
			u32 v = state->records[i].verdict;

			state_refuse(state, v > HG_VERDICT_BAD ? v - HG_VERDICT_BAD : HG_BAD_LAUNCH,
				     state->records[i].sequence);
			return 0;
		}
	return 1;
}

/* The records of a launch are open: the chain takes up their tags. One lane. */
HG_FN void opened_all(HG_GLOBAL struct hg_state *state, u32 count)
{
	struct sha256 s;
	u32 i, k;

	chain_start(state, &s, CHAIN_OPEN, count);
	for (i = 0; i < count; i++)
		for (k = 12; k < 16; k++)
			sha256_word(&s, state->heads[i][k]);
	chain_end(state, &s);
	state->opened += count;
}

/* This lane's share of the data of record @index, to the buffer at @dst. */
HG_FN void open_record(HG_GLOBAL const struct hg_state *state, u32 index, HG_GLOBAL u8 *dst,
		       u32 part, u32 parts)
{
	HG_GLOBAL const struct hg_checked *r = &state->records[index];
	u32 groups = suite_groups(SUITE_OF(state), r->length), g;

	for (g = part * HG_LANES + HG_LANE; g < groups; g += parts * HG_LANES)
		suite_xor(&state->keys[HG_KEY_H2D], SUITE_OF(state), r->sequence, dst + r->offset,
			  (HG_GLOBAL const u8 *)state->scratch[index], r->length, g);
}

/*
 * Lane 0 of the last group that gets here finds 1 in @flag, and so do its other lanes.
 * What the other groups wrote before is visible to it.
 */
HG_FN u32 last_group(HG_GLOBAL u32 *done, u32 groups, HG_LOCAL u32 *flag)
{
	u32 last = 0;

	HG_BARRIER();
	if (HG_LANE == 0) {
		HG_FENCE();
		last = HG_ATOMIC_ADD(done, 1u) + 1 == groups;
		if (last)
			*done = 0;
		HG_FENCE();
	}
	return lanes_told(last, flag);
}

/* One group a record, of a row of large ones. */
HG_FN void check_launch(HG_GLOBAL struct hg_state *state, HG_GLOBAL const u32 *records, u64 target,
			u32 count, HG_LOCAL u32 *sum)
{
	u64 targets[HG_TARGETS] = {target, target, target, target};

	if (!lanes_told(state_ready(state), WORD_OF(sum)))
		return;
	if (count == 0 || count > HG_BATCH_MAX || !launch_fits(count)) {
		if (HG_GROUP == 0 && HG_LANE == 0)
			state_refuse(state, HG_BAD_LAUNCH, state->opened);
		return;
	}
	check_record(state, records + HG_GROUP * RECORD_WORDS(HG_RECORD_DATA), HG_GROUP, count, 0,
		     targets, sum);
}

/*
 * Whether a group may open part @part of record @index: all of the row is good and for
 * the buffer that is there, and nobody else opens that part. One lane.
 */
HG_FN u32 part_take(HG_GLOBAL struct hg_state *state, u64 address, u32 count, u32 index, u32 part)
{
	u32 i;

	if (!state_ready(state) || !verdict_all(state, count))
		return 0;
	for (i = 0; i < count; i++) {
		if (state->records[i].row != count) {
			state_refuse(state, HG_BAD_LAUNCH, state->opened);
			return 0;
		}
		if (state->records[i].address != address) {
			state_refuse(state, HG_BAD_BUFFER, state->opened);
			return 0;
		}
	}
	if (HG_ATOMIC_CAS(&state->taken[index][part], 0u, 1u) != 0) {
		state_refuse(state, HG_BAD_LAUNCH, state->opened);
		return 0;
	}
	HG_FENCE();
	return 1;
}

/*
 * After hg_check. Each part of the row is opened once, by whatever launch: so the last to
 * be through knows that nobody uses the slots any more.
 */
HG_FN void open_launch(HG_GLOBAL struct hg_state *state, HG_GLOBAL u8 *dst, u32 count,
		       HG_LOCAL u32 *flag)
{
	u32 index = HG_GROUP / HG_PARTS, part = HG_GROUP % HG_PARTS, i, k;

	if (count == 0 || count > HG_BATCH_MAX || !launch_fits(count * HG_PARTS)) {
		if (HG_GROUP == 0 && HG_LANE == 0 && state_ready(state))
			state_refuse(state, HG_BAD_LAUNCH, state->opened);
		return;
	}
	if (!lanes_told(HG_LANE ? 0 : part_take(state, HG_ADDRESS(dst), count, index, part), flag))
		return;
	open_record(state, index, dst, part, HG_PARTS);
	if (!last_group(&state->parts, count * HG_PARTS, flag) || HG_LANE)
		return;
	if (!state->bad_code)
		opened_all(state, count);
	for (i = 0; i < count; i++) {
		for (k = 0; k < HG_PARTS; k++)
			state->taken[i][k] = 0;
		slot_give(state, i);
	}
}

/*
 * A COMMAND that was found good, in slot 0. New keys come when no other slot is in use, as
 * a record that is half made would go on with them, and a number of the old. One lane.
 */
HG_FN void run_command(HG_GLOBAL struct hg_state *state)
{
	HG_GLOBAL u8 *plain = (HG_GLOBAL u8 *)state->plain;
	u64 sequence = state->records[0].sequence;
	u32 groups = suite_groups(SUITE_OF(state), 8), g, slot;

	for (slot = 1; slot < HG_SLOTS; slot++)
		if (!slot_take(state, slot, sequence))
			return;
	for (g = 0; g < groups; g++)
		suite_xor(&state->keys[HG_KEY_COMMAND_H2D], SUITE_OF(state), sequence, plain,
			  (HG_GLOBAL const u8 *)state->scratch[0], 8, g);
	opened_all(state, 1);
	if (state->plain[0] == HG_COMMAND_REKEY && state->plain[1] == state->epoch + 1)
		state_rekey(state);
	else
		state_refuse(state, HG_BAD_COMMAND, sequence);
	for (slot = 1; slot < HG_SLOTS; slot++)
		slot_give(state, slot);
}

/* A row that is small, for up to HG_TARGETS buffers, by one group from check to chain. */
HG_FN void open_small(HG_GLOBAL struct hg_state *state, HG_GLOBAL const u32 *records,
		      HG_GLOBAL u8 *dst0, HG_GLOBAL u8 *dst1, HG_GLOBAL u8 *dst2,
		      HG_GLOBAL u8 *dst3, u32 count, HG_LOCAL u32 *sum)
{
	u64 targets[HG_TARGETS] = {HG_ADDRESS(dst0), HG_ADDRESS(dst1), HG_ADDRESS(dst2),
				   HG_ADDRESS(dst3)};
	u32 i, at = 0, seen;

	if (!lanes_told(state_ready(state), WORD_OF(sum)))
		return;
	if (count == 0 || count > HG_BATCH_MAX || !launch_fits(1)) {
		if (HG_LANE == 0)
			state_refuse(state, HG_BAD_LAUNCH, state->opened);
		return;
	}
	/* A good length is at most a record's: @at stays within the ring's slot. */
	for (seen = 0; seen < count; seen++) {
		if (check_record(state, records + at, seen, count, 1, targets, sum))
			break;
		at += RECORD_WORDS(state->records[seen].length);
	}
	/* Slots that are bad are not given back: the state is no longer good for anything. */
	if (!lanes_told(HG_LANE == 0 && verdict_all(state, seen < count ? seen + 1 : count) &&
				seen == count && state_ready(state),
			WORD_OF(sum)))
		return;
	for (i = 0; i < count; i++) {
		u64 address = state->records[i].address;

		if (state->records[i].kind != HG_DATA)
			continue;
		open_record(state, i,
			    address == targets[0] ? dst0 : address == targets[1] ? dst1 :
			    address == targets[2] ? dst2 : dst3, 0, 1);
	}
	HG_BARRIER();
	if (HG_LANE)
		return;
	if (state->records[0].kind == HG_COMMAND)
		run_command(state);
	else
		opened_all(state, count);
	for (i = 0; i < count; i++)
		slot_give(state, i);
}

#define NUMBER_NONE 0xffffffffu

/* A number of the key's that nobody else has or gets, or NUMBER_NONE. One lane. */
HG_FN u32 number_take(HG_GLOBAL struct hg_state *state)
{
	u32 number = state->sealed < HG_REKEY_RECORDS ? HG_ATOMIC_ADD(&state->sealed, 1u) :
							HG_REKEY_RECORDS;

	if (number < HG_REKEY_RECORDS)
		return number;
	state_refuse(state, HG_BAD_COUNTER, number);
	return NUMBER_NONE;
}

/* A slot and a number for a data record. One lane. */
HG_FN u32 number_with_slot(HG_GLOBAL struct hg_state *state, u32 slot)
{
	if (!state_ready(state) || !slot_take(state, slot, state->sealed))
		return NUMBER_NONE;
	return number_take(state);
}

/*
 * Seals @length bytes at @src as a record at @out, in @slot, which was taken, and gives that
 * back. The @number was taken from the state for this record alone, while the slot was
 * held, and came to the lanes by local memory: no other launch can change it, or get the same.
 */
HG_FN void seal_record(HG_GLOBAL struct hg_state *state, u32 slot, u32 number, u32 kind,
		       HG_GLOBAL const u8 *src, HG_GLOBAL u32 *out, u64 id, u64 offset, u32 length,
		       u32 more, HG_LOCAL u32 *sum)
{
	HG_GLOBAL const struct hg_key *key = &state->keys[HG_KEY_D2H];
	HG_GLOBAL u32 *copy = state->scratch[slot];
	u32 tag[4] = {0, 0, 0, 0}, words = 4 * ((length + 15) / 16), i, g, groups;
	/* Session, suite and epoch stay while a slot is taken. */
	u32 h[12] = {HG_RECORD_MAGIC,
		     kind | SUITE_OF(state) << 8 | HG_D2H << 16 | (state->epoch & 255) << 24,
		     (u32)state->session,
		     (u32)(state->session >> 32),
		     number,
		     0,
		     (u32)id,
		     (u32)(id >> 32),
		     (u32)offset,
		     (u32)(offset >> 32),
		     length,
		     more};

	groups = suite_groups(SUITE_OF(state), length);
	for (g = HG_LANE; g < groups; g += HG_LANES)
		suite_xor(key, SUITE_OF(state), number, (HG_GLOBAL u8 *)copy, src, length, g);
	HG_BARRIER();
	if (HG_LANE == 0)
		for (i = length; i < 4 * words; i++)
			((HG_GLOBAL u8 *)copy)[i] = 0;
	HG_BARRIER();
	suite_tag(tag, key, SUITE_OF(state), h, copy, length, sum);
	for (i = HG_LANE; i < words; i += HG_LANES)
		out[16 + i] = copy[i];
	if (HG_LANE == 0) {
		for (i = 0; i < 12; i++)
			out[i] = h[i];
		for (i = 0; i < 4; i++)
			out[12 + i] = tag[i];
	}
	HG_BARRIER();
	if (HG_LANE == 0)
		slot_give(state, slot);
}

/* What the receipt says, and its number. Its slot is held. One lane. */
HG_FN u32 receipt_fill(HG_GLOBAL struct hg_state *state)
{
	HG_GLOBAL u32 *p = state->plain;
	u32 number = number_take(state), i;

	p[0] = (u32)state->opened;
	p[1] = (u32)(state->opened >> 32);
	p[2] = number + 1;
	p[3] = 0;
	p[4] = state->bad_code;
	p[5] = state->epoch;
	p[6] = (u32)state->bad_sequence;
	p[7] = (u32)(state->bad_sequence >> 32);
	p[8] = (u32)state->launches;
	p[9] = (u32)(state->launches >> 32);
	for (i = 0; i < 8; i++)
		p[10 + i] = state->chain[i];
	p[18] = (u32)state->binds;
	p[19] = (u32)(state->binds >> 32);
	p[20] = (u32)state->bind_id;
	p[21] = (u32)(state->bind_id >> 32);
	p[22] = (u32)state->bind_address;
	p[23] = (u32)(state->bind_address >> 32);
	return number;
}

/* Of a state that is good or bad, by a group that holds the receipt's slot. */
HG_FN void seal_held(HG_GLOBAL struct hg_state *state, HG_GLOBAL u32 *out, HG_LOCAL u32 *sum)
{
	u32 number = lanes_told(HG_LANE ? 0 : receipt_fill(state), WORD_OF(sum));

	if (number != NUMBER_NONE)
		seal_record(state, HG_BATCH_MAX, number, HG_RECEIPT,
			    (HG_GLOBAL const u8 *)state->plain, out, 0, 0, 96, 0, sum);
}

/* One group. */
HG_FN void seal_receipt(HG_GLOBAL struct hg_state *state, HG_GLOBAL u32 *out, HG_LOCAL u32 *sum)
{
	if (!out_apart(state, HG_ADDRESS(out), RECEIPT_BYTES))
		return;
	if (lanes_told(HG_LANE == 0 && state->installed &&
			       slot_take(state, HG_BATCH_MAX, state->sealed),
		       WORD_OF(sum)))
		seal_held(state, out, sum);
}

/* Whether the range is one of the buffer with this id, and that lies at @src. One lane. */
HG_FN u32 seal_verdict(HG_GLOBAL const struct hg_state *state, u64 src, u64 id, u64 offset,
		       u32 length)
{
	HG_GLOBAL const struct hg_bound *b = &state->bound[(u32)id & (HG_BOUND_MAX - 1)];

	if (id == 0 || b->id != id || b->address != src)
		return HG_BAD_BUFFER;
	return offset > b->size || length > b->size - offset ? HG_BAD_RANGE : 0;
}

/* Bytes of a row of @count records, one at least, of @length bytes, with its receipt. */
HG_FN u64 row_bytes(u32 length, u32 count)
{
	u32 last = length - (count - 1) * HG_RECORD_DATA;

	return 4ull * ((count - 1ull) * RECORD_WORDS(HG_RECORD_DATA) + RECORD_WORDS(last)) +
	       RECEIPT_BYTES;
}

/* What keeps a group from sealing: no keys, or why it is refused. One lane. */
#define SEAL_NOTHING 0xffffffffu
HG_FN u32 seal_check(HG_GLOBAL struct hg_state *state, u64 src, u64 out, u64 id, u64 offset,
		     u32 length, u32 count)
{
	/* To the byte: the buffer behind may be the source. */
	u64 size = count ? row_bytes(length, count) : 0;
	u32 bad;

	if (!state->installed || !out_apart(state, out, size))
		return SEAL_NOTHING;
	/* Nor does the row lie over what it is made from. */
	if (ranges_meet(out, size, src + offset, length)) {
		state_refuse(state, HG_BAD_BUFFER, state->sealed);
		return SEAL_NOTHING;
	}
	bad = count == 0 || count > HG_BATCH_MAX || !launch_fits(count)
		      ? (u32)HG_BAD_LAUNCH
		      : seal_verdict(state, src, id, offset, length);
	if (bad && HG_GROUP == 0)
		state_refuse(state, bad, state->sealed);
	return bad;
}

/* One group a record; the last to finish adds the receipt. A bad state yields nothing else. */
HG_FN void seal_launch(HG_GLOBAL struct hg_state *state, HG_GLOBAL const u8 *src,
		       HG_GLOBAL u32 *out, u64 id, u64 offset, u32 length, HG_LOCAL u32 *sum)
{
	u32 count = length / HG_RECORD_DATA + (length % HG_RECORD_DATA != 0), group = HG_GROUP;
	u32 words = RECORD_WORDS(HG_RECORD_DATA), bad, number, fits = launch_fits(count);
	u64 from = (u64)group * HG_RECORD_DATA;

	bad = lanes_told(HG_LANE ? 0 : seal_check(state, HG_ADDRESS(src), HG_ADDRESS(out), id,
						  offset, length, count),
			 WORD_OF(sum));
	if (bad == SEAL_NOTHING || count == 0 || count > HG_BATCH_MAX)
		return;
	if (!bad) {
		number = lanes_told(HG_LANE ? 0 : number_with_slot(state, group), WORD_OF(sum));
		if (number != NUMBER_NONE)
			seal_record(state, group, number, HG_DATA, src + offset + from,
				    out + group * words, id, offset + from,
				    group + 1 < count ? HG_RECORD_DATA : length - (u32)from,
				    count - group, sum);
	}
	/* Where the host looks for the receipt of what it asked for. */
	if (fits ? last_group(&state->done, count, WORD_OF(sum)) : group_fits() && group == 0)
		seal_receipt(state, out + (count - 1) * words +
			     RECORD_WORDS(length - (count - 1) * HG_RECORD_DATA), sum);
}

/*
 * Ids of one place in the table only grow: an old one never comes back. What is the session's
 * own is no buffer: where the state lies, or the receipt. One lane.
 */
HG_FN void bind_note(HG_GLOBAL struct hg_state *state, u64 address, u64 id, u64 size, u64 out)
{
	HG_GLOBAL struct hg_bound *b = &state->bound[(u32)id & (HG_BOUND_MAX - 1)];
	struct sha256 s;

	if (id <= b->id || size == 0 || address == 0 ||
	    ranges_meet(address, size, HG_ADDRESS(state), sizeof(*state)) ||
	    ranges_meet(address, size, out, RECEIPT_BYTES)) {
		state_refuse(state, HG_BAD_BIND, id);
		return;
	}
	b->id = id;
	b->address = address;
	b->size = size;
	chain_start(state, &s, CHAIN_BIND, 1);
	sha256_word(&s, (u32)id);
	sha256_word(&s, (u32)(id >> 32));
	sha256_word(&s, (u32)size);
	sha256_word(&s, (u32)(size >> 32));
	chain_end(state, &s);
	state->binds++;
	state->bind_id = id;
	state->bind_address = address;
}

/* One group. */
HG_FN void bind_buffer(HG_GLOBAL struct hg_state *state, u64 address, u64 id, u64 size,
		       HG_GLOBAL u32 *out, HG_LOCAL u32 *sum)
{
	if (!out_apart(state, HG_ADDRESS(out), RECEIPT_BYTES))
		return;
	if (!lanes_told(HG_LANE == 0 && state->installed &&
				slot_take(state, HG_BATCH_MAX, state->sealed),
			WORD_OF(sum)))
		return;
	if (HG_LANE == 0 && !state->bad_code)
		bind_note(state, address, id, size, HG_ADDRESS(out));
	seal_held(state, out, sum);
}

#endif
