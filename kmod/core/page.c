// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page ownership: the state machine over frames.
 *
 *	HOST --LEND--> LENT --UNLEND (last)--> HOST
 *	HOST --DONATE--> CORE --RETURN--> HOST
 *	HOST --CONTROL--> CONTROL --UNCONTROL--> HOST
 *	HOST --ENTRUST--> PRIVATE --WITHDRAW--> CORE (and RETURN from there)
 *
 * A record is one word and changes by compare-and-exchange, so moves need no
 * lock. DEVICE is where every frame starts and what is no RAM stays.
 */
#include "core.h"

HG_STATIC_ASSERT(sizeof(struct hg_frame) == sizeof(u64));

/* The legal moves; what is not here is refused. */
static const struct {
	u8 from, to;
	u8 from_too;		/* a second legal start, or the same */
} moves[HG_FRAME_MOVES] = {
	[HG_MOVE_LEND]		= { HG_FRAME_HOST, HG_FRAME_LENT, HG_FRAME_LENT },
	[HG_MOVE_UNLEND]	= { HG_FRAME_LENT, HG_FRAME_HOST, HG_FRAME_LENT },
	[HG_MOVE_DONATE]	= { HG_FRAME_HOST, HG_FRAME_CORE, HG_FRAME_HOST },
	[HG_MOVE_RETURN]	= { HG_FRAME_CORE, HG_FRAME_HOST, HG_FRAME_CORE },
	[HG_MOVE_CONTROL]	= { HG_FRAME_HOST, HG_FRAME_CONTROL, HG_FRAME_HOST },
	[HG_MOVE_UNCONTROL]	= { HG_FRAME_CONTROL, HG_FRAME_HOST, HG_FRAME_CONTROL },
	[HG_MOVE_ENTRUST]	= { HG_FRAME_HOST, HG_FRAME_PRIVATE, HG_FRAME_HOST },
	[HG_MOVE_UNENTRUST]	= { HG_FRAME_PRIVATE, HG_FRAME_HOST, HG_FRAME_PRIVATE },
	[HG_MOVE_WITHDRAW]	= { HG_FRAME_PRIVATE, HG_FRAME_CORE, HG_FRAME_PRIVATE },
	[HG_MOVE_UNWITHDRAW]	= { HG_FRAME_CORE, HG_FRAME_PRIVATE, HG_FRAME_CORE },
};

/* Frames in each state; relaxed, so a reader may lag. */
static u64 counts[HG_FRAME_STATES];

static void recount(u8 from, u8 to, u64 by)
{
	if (from == to)
		return;
	__atomic_fetch_sub(&counts[from], by, __ATOMIC_RELAXED);
	__atomic_fetch_add(&counts[to], by, __ATOMIC_RELAXED);
}

/* The record after @move, or a status. */
static s64 next(struct hg_frame *frame, enum hg_frame_move move, u32 owner)
{
	if (frame->state != moves[move].from && frame->state != moves[move].from_too)
		return frame->state == HG_FRAME_DEVICE ? HG_E_RANGE : HG_E_OWNER;
	switch (move) {
	case HG_MOVE_LEND:
		if (frame->maps == ~0u)
			return HG_E_LIMIT;
		frame->maps++;
		frame->state = HG_FRAME_LENT;
		return HG_OK;
	case HG_MOVE_UNLEND:
		frame->maps--;
		frame->state = frame->maps ? HG_FRAME_LENT : HG_FRAME_HOST;
		return HG_OK;
	case HG_MOVE_RETURN:
	case HG_MOVE_UNCONTROL:
	case HG_MOVE_UNENTRUST:
		if (frame->owner != owner)
			return HG_E_OWNER;
		owner = 0;
		break;
	case HG_MOVE_WITHDRAW:
	case HG_MOVE_UNWITHDRAW:
		if (frame->owner != owner)
			return HG_E_OWNER;
		break;
	default:
		break;
	}
	frame->state = moves[move].to;
	frame->owner = (u16)owner;
	frame->maps = 0;
	return HG_OK;
}

static s64 move_one(u64 pfn, enum hg_frame_move move, u32 owner)
{
	union { struct hg_frame frame; u64 word; } old, new;
	u64 *word = (u64 *)&hg_core.frames[pfn];
	s64 status;

	old.word = __atomic_load_n(word, __ATOMIC_RELAXED);
	do {
		new = old;
		status = next(&new.frame, move, owner);
		if (HG_UNLIKELY(status))
			return status;
	} while (!__atomic_compare_exchange_n(word, &old.word, new.word, false,
					      __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
	recount(old.frame.state, new.frame.state, 1);
	return HG_OK;
}

/* What takes a move back. */
static enum hg_frame_move inverse(enum hg_frame_move move)
{
	return (enum hg_frame_move)(move ^ 1);
}
HG_STATIC_ASSERT((HG_MOVE_LEND ^ 1) == HG_MOVE_UNLEND);
HG_STATIC_ASSERT((HG_MOVE_DONATE ^ 1) == HG_MOVE_RETURN);
HG_STATIC_ASSERT((HG_MOVE_CONTROL ^ 1) == HG_MOVE_UNCONTROL);
HG_STATIC_ASSERT((HG_MOVE_ENTRUST ^ 1) == HG_MOVE_UNENTRUST);
HG_STATIC_ASSERT((HG_MOVE_WITHDRAW ^ 1) == HG_MOVE_UNWITHDRAW);

s64 hg_frames_move(u64 pfn, u64 count, enum hg_frame_move move, u32 owner)
{
	s64 status;
	u64 i;

	if (pfn >= hg_core.frame_count || count > hg_core.frame_count - pfn)
		return HG_E_RANGE;
	for (i = 0; i < count; i++) {
		status = move_one(pfn + i, move, owner);
		if (HG_LIKELY(!status))
			continue;
		/* All or none. */
		while (i--)
			HG_BUG_ON(move_one(pfn + i, inverse(move), owner));
		return status;
	}
	return HG_OK;
}

u64 hg_frames_count(enum hg_frame_state state)
{
	return __atomic_load_n(&counts[state], __ATOMIC_RELAXED);
}

/* Start: every frame is a device until it is named RAM. */
void hg_frames_init(void)
{
	u64 i;

	memset(counts, 0, sizeof(counts));
	counts[HG_FRAME_DEVICE] = hg_core.frame_count;
	for (i = 0; i < hg_core.frame_count; i++)
		hg_core.frames[i] = (struct hg_frame){ .state = HG_FRAME_DEVICE };
}

s64 hg_core_ram(u64 pfn, u64 count)
{
	u64 i;

	if (pfn >= hg_core.frame_count || count > hg_core.frame_count - pfn)
		return HG_E_RANGE;
	/* Frame 0 stays out: in the core's lists of frames it means "none". */
	for (i = !pfn; i < count; i++)
		if (hg_core.frames[pfn + i].state == HG_FRAME_DEVICE) {
			hg_core.frames[pfn + i].state = HG_FRAME_HOST;
			recount(HG_FRAME_DEVICE, HG_FRAME_HOST, 1);
		}
	return HG_OK;
}

s64 hg_do_frame_stat(u32 who, u64 state, u64 a1, u64 a2, u64 a3, u64 a4)
{
	(void)who;	/* nest.c answers guests */
	(void)a1;
	(void)a2;
	(void)a3;
	(void)a4;
	if (state >= HG_FRAME_STATES)
		return HG_E_ARG;
	return (s64)hg_frames_count((enum hg_frame_state)state);
}
