/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Launches of the application's rewritten kernels (launch.h): their pads, and the folding
 * of their log into the chain. docs/gpu-kernels.md explains.
 *
 * A launch area belongs to one queue, so its log is in the order of the launches. It has a
 * chain of its own, which a commit takes up into the session's. One group does all of this:
 * the lanes share the entries, lane 0 does what has an order.
 */
#ifndef HG_FOLD_H
#define HG_FOLD_H

#include "leaf.h"
#include "transfer.h"

#define PAD_BYTES (4 * HG_LAUNCH_WORDS)

#define AREA_SEQUENCE(index, number) ((u64)(index) << HG_AREA_SHIFT | (number))

HG_FN HG_GLOBAL u32 *pad_of(HG_GLOBAL struct hg_launch *l, u64 number)
{
	return l->pad[(u32)number % HG_LAUNCH_SLOTS];
}

/* The pad of launch @number of an area: the stream of the record of that number. */
HG_FN void pad_fill(HG_GLOBAL const struct hg_state *state, HG_GLOBAL struct hg_launch *l,
		    u32 index, u64 number)
{
	HG_GLOBAL u32 *pad = pad_of(l, number);
	u32 groups = suite_groups(SUITE_OF(state), PAD_BYTES), g, i;

	for (i = 0; i < HG_LAUNCH_WORDS; i++)
		pad[i] = 0;
	for (g = 0; g < groups; g++)
		suite_xor(&state->keys[HG_KEY_LAUNCH], SUITE_OF(state),
			  AREA_SEQUENCE(index, number), (HG_GLOBAL u8 *)pad,
			  (HG_GLOBAL const u8 *)pad, PAD_BYTES, g);
}

/* The same of @number and the next one: AES makes both at once. */
HG_FN void pad_fill_two(HG_GLOBAL const struct hg_state *state, HG_GLOBAL struct hg_launch *l,
			u32 index, u64 number)
{
	HG_GLOBAL const struct hg_key *key = &state->keys[HG_KEY_LAUNCH];
	u64 a = AREA_SEQUENCE(index, number), b = a + 1;
	HG_GLOBAL u32 *pad = pad_of(l, number), *then = pad_of(l, number + 1);
	v16 q[8];
	u32 i;

	aes_two_streams(q, key->rk, key->salt, NONCE_1(a), NONCE_2(a), NONCE_1(b), NONCE_2(b));
	for (i = 0; i < PAD_BYTES / 64; i++) {
		HG_STORE16(q[i], pad + 16 * i);
		HG_STORE16(q[i + PAD_BYTES / 64], then + 16 * i);
	}
}

/* The pads of @count launches from @number on, by all lanes of a group. */
HG_FN void pads_fill(HG_GLOBAL const struct hg_state *state, HG_GLOBAL struct hg_launch *l,
		     u32 index, u64 number, u32 count)
{
	u32 pairs = SUITE_OF(state) == HG_AES_256_GCM ? count / 2 : 0, i;

	for (i = HG_LANE; i < pairs; i += HG_LANES)
		pad_fill_two(state, l, index, number + 2 * i);
	for (i = 2 * pairs + HG_LANE; i < count; i += HG_LANES)
		pad_fill(state, l, index, number + i);
}

HG_FN void sha256_long(struct sha256 *s, u64 x)
{
	sha256_word(s, (u32)x);
	sha256_word(s, (u32)(x >> 32));
}

/* The area that @index and @address name, or 0. */
HG_FN u32 area_known(HG_GLOBAL const struct hg_state *state, u64 address, u32 index)
{
	u64 id;

	if (index >= HG_AREAS || !state->area[index].id)
		return 0;
	id = state->area[index].id;
	return state->bound[(u32)id & (HG_BOUND_MAX - 1)].id == id &&
	       state->bound[(u32)id & (HG_BOUND_MAX - 1)].address == address;
}

/* The bound buffer @id becomes launch area @index: an empty log, and the first pads. */
HG_FN void area_launch(HG_GLOBAL struct hg_state *state, HG_GLOBAL struct hg_launch *l, u64 id,
		       u32 index)
{
	HG_GLOBAL const struct hg_bound *b = &state->bound[(u32)id & (HG_BOUND_MAX - 1)];
	struct sha256 s;
	u32 bad, n;

	if (!state->installed || state->bad_code || HG_STARTED_LANES != HG_LANES)
		return;
	bad = index >= HG_AREAS || state->area[index].id || id == 0 || b->id != id ||
	      b->address != HG_ADDRESS(l) || b->size < sizeof(struct hg_launch);
	HG_BARRIER();
	if (bad) {
		if (HG_LANE == 0)
			state_refuse(state, HG_BAD_AREA, index);
		return;
	}
	for (n = HG_LANE; n < HG_LAUNCH_SLOTS; n += HG_LANES)
		l->items[n] = 0;
	pads_fill(state, l, index, 0, HG_LAUNCH_SLOTS);
	if (HG_LANE)
		return;
	l->count = 0;
	state->area[index].id = id;
	state->area[index].next = 0;
	state->area[index].logged = 0;
	state->area[index].since = 0;
	for (n = 0; n < 8; n++)
		state->area[index].chain[n] = 0;
	chain_start(state, &s, CHAIN_AREA, 1);
	sha256_word(&s, index);
	sha256_word(&s, 0);
	sha256_long(&s, id);
	chain_end(state, &s);
}

/*
 * Numbers grow, stay below @next and are used once; the work-items are those that the
 * size says. That the entries are the right ones is for the host to say. One lane.
 */
HG_FN u32 fold_check(HG_GLOBAL struct hg_state *state, HG_GLOBAL struct hg_launch *l, u32 index,
		     u32 first, u32 count, u64 next)
{
	u64 low = state->area[index].next, number;
	u32 i;

	for (i = 0; i < count; i++) {
		HG_GLOBAL const struct hg_launch_entry *e = &l->log[(first + i) % HG_LAUNCH_SLOTS];

		number = e->sequence & (HG_LAUNCH_LIMIT - 1);
		if (number < low || number >= next ||
		    (e->sequence & ~HG_LAUNCH_ANY_LOCAL) >> HG_AREA_SHIFT != index) {
			state_refuse(state, HG_BAD_ORDER, e->sequence & ~HG_LAUNCH_ANY_LOCAL);
			return 0;
		}
		low = number + 1;
		if (l->items[(u32)number % HG_LAUNCH_SLOTS] !=
		    (u32)(e->global_size[0] * e->global_size[1] * e->global_size[2])) {
			state_refuse(state, HG_BAD_ITEMS, e->sequence & ~HG_LAUNCH_ANY_LOCAL);
			return 0;
		}
	}
	return 1;
}

/* The area's own chain takes up the leaves. One lane. */
HG_FN void fold_chain(HG_GLOBAL struct hg_state *state, u32 index, u32 count, u64 next)
{
	HG_GLOBAL struct hg_area *a = &state->area[index];
	struct sha256 s;
	u32 digest[8], i, k;

	sha256_init(&s);
	for (i = 0; i < 8; i++)
		sha256_word(&s, a->chain[i]);
	sha256_word(&s, count);
	sha256_word(&s, index);
	sha256_long(&s, next);
	for (i = 0; i < count; i++)
		for (k = 0; k < HG_LEAF_WORDS; k++)
			sha256_word(&s, state->leaf[index][i][k]);
	sha256_final(&s, digest);
	for (i = 0; i < 8; i++)
		a->chain[i] = digest[i];
	a->next = next;
	a->logged += count;
	a->since += count;
}

/* The session's chain takes up the area's: so what was folded is in receipts. One lane. */
HG_FN void area_commit(HG_GLOBAL struct hg_state *state, u32 index)
{
	HG_GLOBAL struct hg_area *a = &state->area[index];
	struct sha256 s;
	u32 i;

	chain_start(state, &s, CHAIN_LAUNCH, a->since);
	sha256_word(&s, index);
	sha256_word(&s, 0);
	for (i = 0; i < 8; i++)
		sha256_word(&s, a->chain[i]);
	chain_end(state, &s);
	state->launches += a->since;
	a->since = 0;
}

HG_FN void commit_launch(HG_GLOBAL struct hg_state *state, u32 index)
{
	if (!state->installed || state->bad_code || HG_LANE)
		return;
	if (index >= HG_AREAS || !state->area[index].id)
		state_refuse(state, HG_BAD_AREA, index);
	else
		area_commit(state, index);
}

/*
 * Folds what area @index logged since the last time. @next is the host's next number: all
 * below are used up, whether they were launched or not, and get new pads. Unless it is to
 * @commit this touches the area alone: folds of several queues may run at a time.
 */
HG_FN void fold_launch(HG_GLOBAL struct hg_state *state, HG_GLOBAL struct hg_launch *l, u32 index,
		       u64 next, u32 commit)
{
	u32 first, count, bad;
	u64 from, n;

	if (!state->installed || state->bad_code || HG_STARTED_LANES != HG_LANES)
		return;
	bad = !area_known(state, HG_ADDRESS(l), index);
	from = bad ? 0 : state->area[index].next;
	first = bad ? 0 : state->area[index].logged;
	count = bad ? 0 : l->count - first;
	if (next < from || next - from > HG_LAUNCH_SLOTS)
		bad = 1;
	HG_BARRIER();
	if (bad || count > next - from) {
		if (HG_LANE == 0)
			state_refuse(state, bad ? HG_BAD_AREA : HG_BAD_ORDER,
				     (u64)index << HG_AREA_SHIFT | next);
		return;
	}
	leaves(l, first, count, state->leaf[index]);
	HG_BARRIER();
	if (HG_LANE == 0 && fold_check(state, l, index, first, count, next)) {
		fold_chain(state, index, count, next);
		if (commit)
			area_commit(state, index);
	}
	HG_BARRIER();
	if (state->bad_code)
		return;
	for (n = from + HG_LANE; n < next; n += HG_LANES)
		l->items[(u32)n % HG_LAUNCH_SLOTS] = 0;
	pads_fill(state, l, index, from + HG_LAUNCH_SLOTS, (u32)(next - from));
}

#endif
