/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A machine for the emulator: flat memory in pages with permissions, ports,
 * vector registers, segments, and ways to make callbacks wait or fail.
 */
#ifndef EMU_TEST_MACHINE_H
#define EMU_TEST_MACHINE_H

#include "emulate.h"

#define MACHINE_PAGES	8
#define MACHINE_SIZE	(MACHINE_PAGES * 4096u)
/* Low enough for every way of addressing, and mappable for real. */
#define MACHINE_BASE	0x10000000ull
#define MACHINE_CODE	0x18000000ull
#define MACHINE_CODE_SIZE	8192u

enum page_kind {
	PAGE_RAM,
	PAGE_RO,		/* a write is #PF, P = 1 */
	PAGE_NONE,		/* any access is #PF, P = 0 */
	PAGE_DEVICE,		/* a probe finds no RAM; writes are posted */
	PAGE_FAIL,		/* callbacks answer FAIL */
};

struct vec_state {
	u8 ymm[16][32];
	u8 mm[8][8];
};

struct machine {
	struct hg_emu emu;
	u64 gpr[HG_NR_GPRS];
	struct vec_state vec;
	struct hg_segment seg[8];
	struct hg_replay replay;
	u8 bulk[4096];
	u8 mem[MACHINE_SIZE];
	u8 code[MACHINE_CODE_SIZE];
	enum page_kind page[MACHINE_PAGES];
	enum page_kind code_page[2];

	/* Waiting: a read pends with probability pend / 256. */
	u32 pend;
	u64 pend_seed;
	u64 asked_addr;
	u32 asked_len;
	bool asked;
	bool bulk_answered;	/* a bulk port read was answered */
	u32 lose;		/* locked exchanges to lose */

	/* Ports: input counts up from in_next; output is logged. */
	u8 in_next;
	u8 out_log[8192];
	u32 out_len;
	u16 last_port;
	u32 last_count;

	u32 reads, writes, exchanges, fetches, sole, probes;
	u32 last_access;
	u16 loaded_selector;
	int loaded_seg;		/* -1: none */
};

void machine_init(struct machine *m, enum hg_mode mode);
/* Place code at MACHINE_CODE + offset and point RIP there. */
void machine_code(struct machine *m, u32 offset, const void *code, u32 len);
/* hg_emulate() until it is no longer waiting or repeating. */
enum hg_emu_result machine_run(struct machine *m);
/* Supply the data of the read that machine's callback pended on. */
void machine_answer(struct machine *m);

u64 test_random(u64 *seed);

#endif /* EMU_TEST_MACHINE_H */
