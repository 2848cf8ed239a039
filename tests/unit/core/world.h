/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The core's world in user space: an arena of memory that plays the machine's
 * RAM, a backend without hardware, and a walker that reads the tables in the
 * arena by the manual and not by the core's code.
 */
#ifndef TEST_WORLD_H
#define TEST_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core.h"

/* Frames 0..15 and the last 16 of the arena are no RAM. */
#define WORLD_FRAMES	4096
#define WORLD_RAM	16
#define WORLD_BACKEND	16	/* the backend's frames, RAM */
#define WORLD_FREE	32	/* the first frame that tests may use */
#define WORLD_CPUS	4

struct world {
	u64 frames;		/* in the arena */
	u8 *arena;
	struct hg_frame *table;
	struct hg_cpu cpus[WORLD_CPUS];
	u64 next;		/* for take() */
};
extern struct world world;

/* How the fake backend's tables look: as NPT, or as EPT. */
enum world_format { WORLD_NPT, WORLD_EPT };

void world_start(u64 frames, enum world_format format);
void world_stop(void);		/* releases all domains, checks that nothing leaked */
int world_setup(void **state);	/* WORLD_FRAMES, NPT */
int world_teardown(void **state);

/* @count fresh host frames, the first aligned to @align. */
u64 take(u64 count, u64 align);
static inline u64 take1(void)
{
	return take(1, 1);
}
static inline void *at(u64 pfn)
{
	return world.arena + (pfn << 12);
}
void plant(u64 pfn, u64 count);		/* fill with a pattern */
bool all_zero(u64 pfn, u64 count);

/* hg_call() with the trailing zeros left out. */
#define call(...) call_(__VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define call_(nr, a, b, c, d, e, ...) \
	hg_call(HG_CALL_##nr, (u64)(a), (u64)(b), (u64)(c), (u64)(d), (u64)(e))

/* The call is refused with @status, and memory and records are as before. */
#define assert_refused(status, ...)					\
	do {								\
		struct snapshot *before_ = snapshot_take();		\
		assert_int_equal(call(__VA_ARGS__), status);		\
		snapshot_check(before_, __FILE__, __LINE__);		\
	} while (0)
struct snapshot;
struct snapshot *snapshot_take(void);
void snapshot_check(struct snapshot *before, const char *file, int line);

/* A domain with @cache frames in its cache (and one more, its top table). */
u64 make_domain(u32 cache);
u64 make_vcpu(u64 domain, u64 *page_pfn);
void unmake_domain(u64 domain);		/* destroy it, reclaim every frame */
struct hg_domain *domain_of(u64 handle);
struct hg_vcpu *vcpu_of(u64 handle);
u64 stat_of(u64 domain, enum hg_domain_stat which);
struct hg_frame record(u64 pfn);

/* What the hardware would find at @gfn; level 0 if nothing. */
struct walk {
	u32 level;
	u64 pfn;		/* of this gfn */
	bool write, exec, accessed, dirty;
	u64 *entry;
};
struct walk walk(u64 root, u64 gfn);

/*
 * The fake backend. enter() runs when the core enters the guest: it may do
 * what a guest or another CPU would, and returns an exit or -1.
 */
struct fake {
	int (*enter)(struct hg_vcpu *vcpu, struct hg_cpu *cpu);
	u32 enters, loads, unloads, inits;
	u64 put_groups, get_groups;
	s64 put_control_status;
	s64 start_status, cpu_on_status;
	u32 started, cpus_on;
	u64 dr6, dr7;		/* vcpu_debug */
	u64 xcr0;		/* the last XSETBV */
	u32 xsetbvs;
	u32 skipped;		/* bytes, by vcpu_skip */
	struct hg_fetch guest;	/* vcpu_code: cr0 to cpl */
	struct hg_segment segment[HG_NR_SEGS];
	u64 cr2, pat, tsc_offset;
	u32 flushes;		/* by vcpu_set_cr3 */
	u32 event, event_error, event_length; /* at the last entry */
	u32 run_flags;
};
extern u64 fake_fpu;
extern struct fake fake;
extern const struct hg_backend fake_backend_npt, fake_backend_ept;

/* The port's report key: signatures are the bytes 0x80, 0x81, and so on. */
struct fake_key {
	u32 signs;
	s64 answer;			/* of the port; 0: as it should */
	struct hg_report message;	/* the last */
	void (*meanwhile)(void);	/* while it signs */
};
extern struct fake_key fake_key;
void fake_key_give(u32 algorithm, u32 flags);

/* Run @code; true if the core panicked, with its words in panic_text. */
extern const char *panic_text;
extern jmp_buf panic_jump;
extern bool panic_expected;
#define panics(code)							\
	({								\
		volatile bool panicked_ = true;					\
		panic_expected = true;					\
		if (!setjmp(panic_jump)) {				\
			code;						\
			panicked_ = false;				\
		}							\
		panic_expected = false;					\
		panicked_;						\
	})

#endif /* TEST_WORLD_H */
