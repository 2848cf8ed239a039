/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Page ownership: who may touch a frame of the machine.
 *
 * One record per frame of RAM. The legal moves are one table in page.c; no
 * other code writes a record.
 */
#ifndef HG_CORE_PAGE_H
#define HG_CORE_PAGE_H

#include "types.h"
#include "status.h"

enum hg_frame_state {
	HG_FRAME_HOST,		/* the host's alone; the state at start */
	HG_FRAME_LENT,		/* the host's, mapped into domains (maps > 0) */
	HG_FRAME_CONTROL,	/* lent to the core as a vCPU's control page */
	HG_FRAME_CORE,		/* the core's: tables, control blocks */
	HG_FRAME_DEVICE,	/* not RAM, or nobody may map it */
	HG_FRAME_PRIVATE,	/* a confidential VM's own */
	HG_FRAME_STATES
};

/*
 * A frame's record. @owner is a domain handle for HG_FRAME_CORE (0: the core
 * itself) and HG_FRAME_PRIVATE; @maps counts leaf mappings of a LENT frame, over
 * all domains. A PRIVATE frame has there which of its blocks of
 * HG_MEASURED_BLOCK bytes were measured; a CORE frame whatever its use needs.
 */
struct hg_frame {
	u8 state;
	u8 mark;		/* scratch of the audit, 0 otherwise */
	u16 owner;
	u32 maps;		/* or 31:0 of a frame number: see hg_frame_list in core.h */
};
HG_STATIC_ASSERT(sizeof(struct hg_frame) == 8);

#define HG_MEASURED_BLOCK	256

enum hg_frame_move {
	HG_MOVE_LEND,		/* HOST or LENT -> LENT, maps + 1 */
	HG_MOVE_UNLEND,		/* LENT -> LENT or HOST, maps - 1 */
	HG_MOVE_DONATE,		/* HOST -> CORE */
	HG_MOVE_RETURN,		/* CORE -> HOST, scrubbed by the caller first */
	HG_MOVE_CONTROL,	/* HOST -> CONTROL */
	HG_MOVE_UNCONTROL,	/* CONTROL -> HOST */
	HG_MOVE_ENTRUST,	/* HOST -> PRIVATE; the caller scrubs before the guest sees it */
	HG_MOVE_UNENTRUST,	/* takes that back at once, nothing was in it */
	HG_MOVE_WITHDRAW,	/* PRIVATE -> CORE: out of the guest's reach, still unscrubbed */
	HG_MOVE_UNWITHDRAW,	/* takes that back */
	HG_FRAME_MOVES
};

/*
 * hg_frames_move - move @count frames from @pfn, all or none.
 * @owner: domain handle, checked (RETURN, UNENTRUST, WITHDRAW) or set (DONATE, ENTRUST).
 * Returns HG_OK, HG_E_RANGE (not RAM), HG_E_OWNER (state or owner forbids),
 * HG_E_LIMIT (too many mappings).
 */
s64 hg_frames_move(u64 pfn, u64 count, enum hg_frame_move move, u32 owner);

/* hg_frames_count - number of frames in @state, over the whole machine. */
u64 hg_frames_count(enum hg_frame_state state);

#endif /* HG_CORE_PAGE_H */
