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

/* Whether the launch is one of ours: one dimension, and as many groups as it takes. */
HG_FN u32 launch_fits(u32 groups)
{
	return HG_STARTED_LANES == HG_LANES && HG_STARTED_FLAT && HG_GROUPS == groups;
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

/*
 * Copies record @index from @src into the state and judges it: its verdict is in
 * state->records[@index]. @targets: addresses of the buffers that may be written.
 */
HG_FN void check_record(HG_GLOBAL struct hg_state *state, HG_GLOBAL const u32 *src, u32 index,
			u32 count, u32 small, const u64 *targets, HG_LOCAL u32 *sum)
{
	HG_GLOBAL struct hg_checked *r = &state->records[index];
	HG_GLOBAL u32 *copy = state->scratch[index];
	u32 h[16], tag[4] = {0, 0, 0, 0}, length, words, bad, i;
	u64 address = 0, id;

	if (HG_LANE == 0)
		for (i = 0; i < 16; i++)
			state->heads[index][i] = src[i];
	HG_BARRIER();
	for (i = 0; i < 16; i++)
		h[i] = state->heads[index][i];
	bad = header_verdict(state, h, index, count, small);
	length = h[10];
	id = h[6] | (u64)h[7] << 32;
	if (!bad && (h[1] & 255) == HG_DATA) {
		address = state->bound[(u32)id & (HG_BOUND_MAX - 1)].address;
		for (i = 0; i < HG_TARGETS && targets[i] != address; i++)
			;
		if (i == HG_TARGETS)
			bad = HG_BAD_BUFFER;
	}
	if (!bad) {
		words = 4 * ((length + 15) / 16);
		for (i = HG_LANE; i < words; i += HG_LANES) {
			/* Zeros after the last byte, whatever was sent there. */
			u32 left = length > 4 * i ? length - 4 * i : 0;

			copy[i] = left >= 4 ? src[16 + i] :
				  left ? src[16 + i] & (0xffffffffu >> (32 - 8 * left)) : 0;
		}
		HG_BARRIER();
		suite_tag(tag,
			  &state->keys[(h[1] & 255) == HG_DATA ? HG_KEY_H2D : HG_KEY_COMMAND_H2D],
			  SUITE_OF(state), h, copy, length, sum);
		if ((tag[0] ^ h[12]) | (tag[1] ^ h[13]) | (tag[2] ^ h[14]) | (tag[3] ^ h[15]))
			bad = HG_BAD_TAG; /* Lane 0 alone knows: it alone writes the verdict. */
	}
	if (HG_LANE == 0) {
		r->sequence = state->opened + index;
		r->buffer = id;
		r->address = address;
		r->offset = h[8] | (u64)h[9] << 32;
		r->length = length;
		r->kind = h[1] & 255;
		r->verdict = bad ? HG_VERDICT_BAD + bad : HG_VERDICT_GOOD;
	}
	HG_BARRIER();
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
HG_FN u32 last_group(HG_GLOBAL struct hg_state *state, u32 groups, HG_LOCAL u32 *flag)
{
	HG_BARRIER();
	if (HG_LANE == 0) {
		HG_FENCE();
		flag[0] = HG_ATOMIC_ADD(&state->done, 1u) + 1 == groups;
		if (flag[0])
			state->done = 0;
		HG_FENCE();
	}
	HG_BARRIER();
	return flag[0];
}

/* One group a record, of a row of large ones. */
HG_FN void check_launch(HG_GLOBAL struct hg_state *state, HG_GLOBAL const u32 *records, u64 target,
			u32 count, HG_LOCAL u32 *sum)
{
	u64 targets[HG_TARGETS] = {target, target, target, target};

	if (state->bad_code || !state->installed)
		return;
	if (count == 0 || count > HG_BATCH_MAX || !launch_fits(count)) {
		if (HG_GROUP == 0 && HG_LANE == 0)
			state_refuse(state, HG_BAD_LAUNCH, state->opened);
		return;
	}
	if (HG_GROUP == 0 && HG_LANE == 0)
		state->checked = count;
	check_record(state, records + HG_GROUP * RECORD_WORDS(HG_RECORD_DATA), HG_GROUP, count, 0,
		     targets, sum);
}

/*
 * After hg_check. Nothing is written unless all records of the row are good and for
 * the buffer that is there.
 */
HG_FN void open_launch(HG_GLOBAL struct hg_state *state, HG_GLOBAL u8 *dst, u32 count,
		       HG_LOCAL u32 *flag)
{
	u32 fits, good, i;

	if (state->bad_code || !state->installed)
		return;
	fits = count && count <= HG_BATCH_MAX && launch_fits(count * HG_PARTS) &&
	       state->checked == count;
	if (!fits) {
		if (HG_GROUP == 0 && HG_LANE == 0)
			state_refuse(state, HG_BAD_LAUNCH, state->opened);
		return;
	}
	good = 1;
	for (i = 0; i < count; i++)
		if (state->records[i].verdict != HG_VERDICT_GOOD ||
		    state->records[i].address != HG_ADDRESS(dst))
			good = 0;
	if (good)
		open_record(state, HG_GROUP / HG_PARTS, dst, HG_GROUP % HG_PARTS, HG_PARTS);
	if (!last_group(state, count * HG_PARTS, flag) || HG_LANE)
		return;
	if (verdict_all(state, count)) {
		if (good)
			opened_all(state, count);
		else
			state_refuse(state, HG_BAD_BUFFER, state->opened);
	}
	state->checked = 0;
	for (i = 0; i < count; i++)
		state->records[i].verdict = HG_VERDICT_NONE;
}

/* A COMMAND that was found good. One lane. */
HG_FN void run_command(HG_GLOBAL struct hg_state *state)
{
	HG_GLOBAL u8 *plain = (HG_GLOBAL u8 *)state->plain;
	u64 sequence = state->records[0].sequence;
	u32 groups = suite_groups(SUITE_OF(state), 8), g;

	for (g = 0; g < groups; g++)
		suite_xor(&state->keys[HG_KEY_COMMAND_H2D], SUITE_OF(state), sequence, plain,
			  (HG_GLOBAL const u8 *)state->scratch[0], 8, g);
	opened_all(state, 1);
	if (state->plain[0] == HG_COMMAND_REKEY && state->plain[1] == state->epoch + 1)
		state_rekey(state);
	else
		state_refuse(state, HG_BAD_COMMAND, sequence);
}

/* A row that is small, for up to HG_TARGETS buffers, by one group from check to chain. */
HG_FN void open_small(HG_GLOBAL struct hg_state *state, HG_GLOBAL const u32 *records,
		      HG_GLOBAL u8 *dst0, HG_GLOBAL u8 *dst1, HG_GLOBAL u8 *dst2,
		      HG_GLOBAL u8 *dst3, u32 count, HG_LOCAL u32 *sum)
{
	u64 targets[HG_TARGETS] = {HG_ADDRESS(dst0), HG_ADDRESS(dst1), HG_ADDRESS(dst2),
				   HG_ADDRESS(dst3)};
	u32 i, at = 0, good = 1, seen = 0;

	if (state->bad_code || !state->installed)
		return;
	if (count == 0 || count > HG_BATCH_MAX || !launch_fits(1)) {
		HG_BARRIER();
		if (HG_LANE == 0)
			state_refuse(state, HG_BAD_LAUNCH, state->opened);
		return;
	}
	while (seen < count && good) {
		check_record(state, records + at, seen, count, 1, targets, sum);
		good = state->records[seen].verdict == HG_VERDICT_GOOD;
		/* A good length is at most a record's: @at stays within the ring's slot. */
		at += RECORD_WORDS(state->records[seen].length);
		seen++;
	}
	for (i = 0; i < count && good; i++) {
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
	if (verdict_all(state, seen)) {
		if (state->records[0].kind == HG_COMMAND)
			run_command(state);
		else
			opened_all(state, count);
	}
	for (i = 0; i < count; i++)
		state->records[i].verdict = HG_VERDICT_NONE;
	state->checked = 0;
}

/*
 * Seals @length bytes at @src as a record at @out. The number is taken from the state
 * for this record alone, so that no second launch, whoever starts it, can get the same.
 */
HG_FN void seal_record(HG_GLOBAL struct hg_state *state, u32 slot, u32 kind,
		       HG_GLOBAL const u8 *src, HG_GLOBAL u32 *out, u64 id, u64 offset, u32 length,
		       u32 more, HG_LOCAL u32 *sum)
{
	HG_GLOBAL const struct hg_key *key = &state->keys[HG_KEY_D2H];
	HG_GLOBAL u32 *head = state->heads[slot], *copy = state->scratch[slot];
	u32 h[12], tag[4] = {0, 0, 0, 0}, words = 4 * ((length + 15) / 16), i, g, groups;

	if (HG_LANE == 0) {
		head[0] = HG_RECORD_MAGIC;
		head[1] = kind | SUITE_OF(state) << 8 | HG_D2H << 16 | (state->epoch & 255) << 24;
		head[2] = (u32)state->session;
		head[3] = (u32)(state->session >> 32);
		head[4] = state->sealed < HG_REKEY_RECORDS ? HG_ATOMIC_ADD(&state->sealed, 1u) :
							     HG_REKEY_RECORDS;
		head[5] = 0;
		head[6] = (u32)id;
		head[7] = (u32)(id >> 32);
		head[8] = (u32)offset;
		head[9] = (u32)(offset >> 32);
		head[10] = length;
		head[11] = more;
		if (head[4] >= HG_REKEY_RECORDS)
			state_refuse(state, HG_BAD_COUNTER, head[4]);
	}
	HG_BARRIER();
	for (i = 0; i < 12; i++)
		h[i] = head[i];
	if (h[4] >= HG_REKEY_RECORDS)
		return;
	groups = suite_groups(SUITE_OF(state), length);
	for (g = HG_LANE; g < groups; g += HG_LANES)
		suite_xor(key, SUITE_OF(state), h[4], (HG_GLOBAL u8 *)copy, src, length, g);
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
}

/* One group. */
HG_FN void seal_receipt(HG_GLOBAL struct hg_state *state, HG_GLOBAL u32 *out, HG_LOCAL u32 *sum)
{
	HG_GLOBAL u32 *p = state->plain;
	u32 i;

	if (!state->installed || HG_STARTED_LANES != HG_LANES)
		return;
	HG_BARRIER();
	if (HG_LANE == 0) {
		p[0] = (u32)state->opened;
		p[1] = (u32)(state->opened >> 32);
		p[2] = state->sealed + 1;
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
	}
	HG_BARRIER();
	seal_record(state, HG_BATCH_MAX, HG_RECEIPT, (HG_GLOBAL const u8 *)p, out, 0, 0, 96, 0,
		    sum);
}

/* One group a record; the last to finish adds the receipt. A bad state yields nothing else. */
HG_FN void seal_launch(HG_GLOBAL struct hg_state *state, HG_GLOBAL const u8 *src,
		       HG_GLOBAL u32 *out, u64 id, u64 offset, u32 length, HG_LOCAL u32 *sum)
{
	HG_GLOBAL const struct hg_bound *b = &state->bound[(u32)id & (HG_BOUND_MAX - 1)];
	u32 count, words, bad = 0, group = HG_GROUP;

	if (!state->installed)
		return;
	count = length / HG_RECORD_DATA + (length % HG_RECORD_DATA != 0);
	if (length == 0 || count > HG_BATCH_MAX || !launch_fits(count))
		bad = HG_BAD_LAUNCH;
	else if (id == 0 || b->id != id || b->address != HG_ADDRESS(src))
		bad = HG_BAD_BUFFER;
	else if (offset > b->size || length > b->size - offset)
		bad = HG_BAD_RANGE;
	if (bad && (count == 0 || count > HG_BATCH_MAX)) {
		if (group == 0 && HG_LANE == 0)
			state_refuse(state, bad, state->sealed);
		return;
	}
	words = RECORD_WORDS(HG_RECORD_DATA);
	if (bad || state->bad_code) {
		/* Where the host looks for the receipt of what it asked for. */
		HG_BARRIER();
		if (group == 0 && HG_LANE == 0 && bad)
			state_refuse(state, bad, state->sealed);
	} else {
		u64 from = (u64)group * HG_RECORD_DATA;

		seal_record(state, group, HG_DATA, src + offset + from, out + group * words, id,
			    offset + from,
			    group + 1 < count ? HG_RECORD_DATA : length - (u32)from, count - group,
			    sum);
	}
	if (launch_fits(count) ? last_group(state, count, sum + 5 * HG_LANES) : group == 0)
		seal_receipt(state, out + (count - 1) * words +
			     RECORD_WORDS(length - (count - 1) * HG_RECORD_DATA), sum);
}

/* One group. */
HG_FN void bind_buffer(HG_GLOBAL struct hg_state *state, u64 address, u64 id, u64 size,
		       HG_GLOBAL u32 *out, HG_LOCAL u32 *sum)
{
	HG_GLOBAL struct hg_bound *b = &state->bound[(u32)id & (HG_BOUND_MAX - 1)];

	if (!state->installed || HG_STARTED_LANES != HG_LANES)
		return;
	if (HG_LANE == 0 && !state->bad_code) {
		struct sha256 s;

		/* Ids of one place in the table only grow: an old one never comes back. */
		if (id <= b->id || size == 0 || address == 0) {
			state_refuse(state, HG_BAD_BIND, id);
		} else {
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
	}
	HG_BARRIER();
	seal_receipt(state, out, sum);
}

#endif
