/* SPDX-License-Identifier: GPL-2.0-only */
/* Runs one instruction on the CPU that the tests run on. */
#ifndef EMU_TEST_NATIVE_H
#define EMU_TEST_NATIVE_H

#include "machine.h"

struct native {
	u64 gpr[HG_NR_GPRS];	/* offset 0 */
	u64 rflags;		/* 128 */
	struct vec_state vec;	/* 136: ymm, then mm */
};

/* Map the memory and the code page; false if this machine cannot. */
bool native_init(void);
/* Whether Linux, or what it runs on, has a code segment for 32-bit code here. */
bool native_has_32(void);
/* Take the signals; a test framework may have taken them since. */
bool native_catch(void);
/* Memory at MACHINE_BASE, MACHINE_SIZE bytes. */
u8 *native_memory(void);
/* Where code must be placed so that RIP-relative operands agree. */
#define NATIVE_CODE	MACHINE_CODE

/*
 * Run code, len bytes at NATIVE_CODE. Returns 0, or the exception vector that
 * a signal stands for (0 #DE, 6 #UD, 13 or 14), plus 1.
 */
int native_run(struct native *n, const u8 *code, u32 len);
/* The same in 32-bit code: registers 0 to 7, their low halves. */
int native_run32(struct native *n, const u8 *code, u32 len);

#endif /* EMU_TEST_NATIVE_H */
