// SPDX-License-Identifier: GPL-2.0-only
/*
 * Vector registers for the emulator. During KVM_RUN the guest's are in the CPU
 * or about to be loaded into it; they are read and written there.
 */
#include "mmio.h"

#include <asm/asm.h>
#include <asm/cpufeature.h>
#include <asm/fpu/api.h>

/* The guest's registers are in the CPU, and stay. */
static void vec_begin(void)
{
	fpregs_lock();
	if (test_thread_flag(TIF_NEED_FPU_LOAD))
		switch_fpu_return();
}

/*
 * A pending x87 exception would be raised by the first MMX instruction, here in
 * the kernel. False: there is one; the guest would get its #MF.
 */
static bool x87_quiet(void)
{
	int error = 0;

	asm volatile("1: fwait\n"
		     "2:\n"
		     _ASM_EXTABLE_TYPE_REG(1b, 2b, EX_TYPE_EFAULT_REG, %[error])
		     : [error] "+r" (error));
	return !error;
}

static void vec_end(void)
{
	fpregs_unlock();
}

/* The register number is part of the instruction, so one case each. */
#define CASES_16(op)								\
	op(0); op(1); op(2); op(3); op(4); op(5); op(6); op(7);		\
	op(8); op(9); op(10); op(11); op(12); op(13); op(14); op(15)
#define CASES_8(op)								\
	op(0); op(1); op(2); op(3); op(4); op(5); op(6); op(7)

#define GET_XMM(n) \
	case n: asm volatile("movdqu %%xmm" #n ", %0" : "=m" (*(u8 (*)[16])buf)); break
#define SET_XMM(n) \
	case n: asm volatile("movdqu %0, %%xmm" #n : : "m" (*(const u8 (*)[16])buf)); break
#define GET_YMM(n) \
	case n: asm volatile("vmovdqu %%ymm" #n ", %0" : "=m" (*(u8 (*)[32])buf)); break
#define SET_YMM(n) \
	case n: asm volatile("vmovdqu %0, %%ymm" #n : : "m" (*(const u8 (*)[32])buf)); break
/* VEX.128: clears the upper half, as its instruction does. */
#define SET_XMM_VEX(n) \
	case n: asm volatile("vmovdqu %0, %%xmm" #n : : "m" (*(const u8 (*)[16])buf)); break
#define GET_MMX(n) \
	case n: asm volatile("movq %%mm" #n ", %0" : "=m" (*(u64 *)buf)); break
#define SET_MMX(n) \
	case n: asm volatile("movq %0, %%mm" #n : : "m" (*(const u64 *)buf)); break

enum hg_emu_io hgl_vec_get(void *ctx, enum hg_vec_file file, u32 nr, void *buf, u32 len)
{
	if (nr >= (file == HG_VEC_FILE_MMX ? 8 : 16))
		return HG_EMU_IO_FAIL;
	if (len == 32 && !boot_cpu_has(X86_FEATURE_AVX))
		return HG_EMU_IO_FAIL;
	vec_begin();
	if (file == HG_VEC_FILE_MMX && !x87_quiet()) {
		vec_end();
		return HG_EMU_IO_FAIL;
	}
	if (file == HG_VEC_FILE_MMX)
		switch (nr) { CASES_8(GET_MMX); }
	else if (len == 32)
		switch (nr) { CASES_16(GET_YMM); }
	else
		switch (nr) { CASES_16(GET_XMM); }
	vec_end();
	return HG_EMU_IO_OK;
}

enum hg_emu_io hgl_vec_set(void *ctx, enum hg_vec_file file, u32 nr, const void *buf, u32 len,
			   bool zero_upper)
{
	if (nr >= (file == HG_VEC_FILE_MMX ? 8 : 16))
		return HG_EMU_IO_FAIL;
	if ((len == 32 || zero_upper) && !boot_cpu_has(X86_FEATURE_AVX))
		return HG_EMU_IO_FAIL;
	vec_begin();
	if (file == HG_VEC_FILE_MMX && !x87_quiet()) {
		vec_end();
		return HG_EMU_IO_FAIL;
	}
	if (file == HG_VEC_FILE_MMX)
		switch (nr) { CASES_8(SET_MMX); }
	else if (len == 32)
		switch (nr) { CASES_16(SET_YMM); }
	else if (zero_upper)
		switch (nr) { CASES_16(SET_XMM_VEX); }
	else
		switch (nr) { CASES_16(SET_XMM); }
	vec_end();
	return HG_EMU_IO_OK;
}
