/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel of a guest turns against its guests: what the parts of evil.ko share.
 *
 * "L1" is this kernel, "L2" a guest of its that it made by the core's own calls
 * (kmod/core/nest.h), ordinary or confidential. Both kinds run the command
 * interpreter of tests/guest/cvm, which keeps a secret and can tell whether it is whole.
 */
#ifndef EVIL_H
#define EVIL_H

#include <linux/mm.h>
#include <linux/types.h>

#include "call.h"
#include "cvm.h"
#include "guest.h"
#include "nest.h"
#include "page.h"
#include "vcpu_page.h"

/* ---- calls ---- */

s64 evil_call(u64 nr, u64 a0, u64 a1, u64 a2, u64 a3, u64 a4);
#define CALL_(nr, a0, a1, a2, a3, a4, ...) evil_call(HG_CALL_##nr, a0, a1, a2, a3, a4)
#define CALL(nr, ...) CALL_(nr, ##__VA_ARGS__, 0, 0, 0, 0, 0)

/* ---- an L2 ---- */

#define L2_RAM_PAGES	0x60u
#define L2_ROM_PAGES	(GUEST_ROM_SIZE / PAGE_SIZE)
#define L2_ROM_GFN	(GUEST_ROM >> PAGE_SHIFT)
#define L2_SECRET_GFN	(GUEST_SECRET >> PAGE_SHIFT)
#define L2_FREE_GFN	(GUEST_PAGE >> PAGE_SHIFT)

struct l2 {
	u8 fpu[512] __aligned(16);	/* what the registers hold around each run of it */
	bool cvm;
	bool leaked;			/* a confidential one's run changed them */
	s64 domain, vcpu;		/* handles, 0: none */
	u32 given;			/* pages that DOMAIN_RECLAIM owes us */
	struct page *control;
	struct hg_vcpu_page *page;	/* that one */
	struct page *frames;		/* HG_VCPU_FRAMES in a row */
	struct page *rom[L2_ROM_PAGES];
	struct page *ram[L2_RAM_PAGES];		/* lent, or a confidential one's own */
	struct page *shared[L2_RAM_PAGES];	/* lent to a confidential one */
};

/* These return 0 or -1, and then they have told why. */

/* With its tables and one vCPU; a confidential one is LAUNCHING, nothing is loaded. */
int l2_make(struct l2 *l2, bool cvm);
/* Load the ROM. */
int l2_load(struct l2 *l2);
/* Seal and start: does nothing to an ordinary one. */
int l2_start(struct l2 *l2);
/* Run until the guest is ready. */
int l2_boot(struct l2 *l2);
/* All that. */
int l2_create(struct l2 *l2, bool cvm);
/* Everything comes back, or it has failed. */
int l2_destroy(struct l2 *l2);

/* One more page for its tables. */
int l2_donate(struct l2 *l2);
/* A page of ours, marked as one that may come back by DOMAIN_RECLAIM. */
struct page *l2_page(void);
/* @page was given to it, and is freed when it comes back. */
void l2_own(struct l2 *l2, struct page *page);

/* One VCPU_RUN, with the vector registers of l2->fpu. */
s64 l2_run_once(struct l2 *l2);
/* Until an exit that is not an interrupt's. */
s64 l2_run(struct l2 *l2);
/* The exit is an access to memory or to an MSR: do as a VMM would. */
int l2_serve(struct l2 *l2);
/* Run and serve, until a port access. */
int l2_next(struct l2 *l2);
bool l2_reads_port(const struct l2 *l2);
u32 l2_port_value(const struct l2 *l2);
/* Finish the port access of the last exit. */
void l2_answer(struct l2 *l2, u32 word);

int l2_do(struct l2 *l2, u32 command, const u32 *args, u32 nr_args, u32 *answer, u32 words);
int l2_peek(struct l2 *l2, u32 address, u64 *value);
int l2_poke(struct l2 *l2, u32 address, u64 value);
/* Interrupts on for a moment. */
int l2_open(struct l2 *l2);
/* Is the secret whole? 1, 0 or -1. */
int l2_whole(struct l2 *l2);
/* After an attack has confused both: until the guest waits for a command. */
int l2_resync(struct l2 *l2);

u64 l2_secret(u32 half);
/* @bytes at @data: is a half of the secret there? Faults count as no. */
bool l2_has_secret(const void *data, u32 bytes);

static inline u64 pfn_of(const struct page *page)
{
	return page_to_pfn(page);
}

/* ---- memory that may not be there ---- */

bool evil_read(const u64 *at, u64 *value);
bool evil_write(u64 *at, u64 value);

/* ---- the other CPU ---- */

struct helper {
	struct task_struct *task;
	void (*work)(void *data);	/* called until it is stopped */
	void *data;
};

int helper_start(struct helper *helper, void (*work)(void *data), void *data);
void helper_stop(struct helper *helper);

/* ---- attacks ---- */

/* Why an attack did not do what it should; the first reason stays. Returns -1. */
__printf(1, 2) int evil_why(const char *format, ...);

#define MUST(condition) do { \
	if (!(condition)) \
		return evil_why("%s:%d: not so: %s", __FILE_NAME__, __LINE__, #condition); \
} while (0)
#define WANT(call, status) do { \
	s64 got_ = (call); \
	if (got_ != (s64)(status)) \
		return evil_why("%s:%d: %s is %lld, not %s", __FILE_NAME__, __LINE__, #call, \
				got_, #status); \
} while (0)

/* Each is run on an ordinary L2, then on a confidential one, which must be whole after it. */
typedef int (*attack_fn)(struct l2 *l2);
extern struct l2 evil_other;	/* a second L2, for attacks that need one; they destroy it */

int attack_read_private(struct l2 *l2);
int attack_write_private(struct l2 *l2);
int attack_stale_tlb(struct l2 *l2);
int attack_lend_private(struct l2 *l2);
int attack_donate_twice(struct l2 *l2);
int attack_lie_memory(struct l2 *l2);
int attack_remap_measured(struct l2 *l2);
int attack_set_registers(struct l2 *l2);
int attack_forge_exit(struct l2 *l2);
int attack_inject(struct l2 *l2);
int attack_fpu_leak(struct l2 *l2);
int attack_reclaim_running(struct l2 *l2);
int attack_control_race(struct l2 *l2);
int attack_run_twice(struct l2 *l2);
int attack_foreign_handle(struct l2 *l2);
int attack_user_mode(struct l2 *l2);
/* Has L2s of its own. */
int attack_fuzz(struct l2 *unused);

#endif /* EVIL_H */
