/* SPDX-License-Identifier: GPL-2.0-only */
/* Short ways to run one instruction on the test machine and look around. */
#ifndef EMU_TEST_ONE_H
#define EMU_TEST_ONE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "machine.h"

#define MEM	MACHINE_BASE
#define RUN(...) one_run((const u8[]){ __VA_ARGS__ }, sizeof((const u8[]){ __VA_ARGS__ }))

/* The machine of one.c. */
extern struct machine m;

/* Place the code and call hg_emulate() once. */
enum hg_emu_result one_run(const u8 *code, u32 len);
/* The last run raised this, with this error code (-1: none), and RIP stayed. */
void assert_fault(u8 vector, int error);
u64 peek(u64 linear, u32 size);
void poke(u64 linear, u64 v, u32 size);
/* A TSS in page 4 whose I/O map is at map_base; CPL 3. */
void with_tss(u16 map_base, u32 limit);

int setup64(void **state);
int setup32(void **state);
int setup16(void **state);

#define T64(t) cmocka_unit_test_setup(t, setup64)
#define T32(t) cmocka_unit_test_setup(t, setup32)
#define T16(t) cmocka_unit_test_setup(t, setup16)

#endif /* EMU_TEST_ONE_H */
