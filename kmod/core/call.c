// SPDX-License-Identifier: GPL-2.0-only
/*
 * The call table.
 */
#include "core.h"

typedef s64 (*call_fn)(u32 who, u64 a0, u64 a1, u64 a2, u64 a3, u64 a4);

/* Arguments each call takes; the rest must be zero. */
static const struct {
	call_fn fn;
	u8 args;
} table[HG_CALL_COUNT] = {
	[HG_CALL_VERSION]	  = { hg_do_version, 0 },
	[HG_CALL_DOMAIN_CREATE]	  = { hg_do_domain_create, 2 },
	[HG_CALL_DOMAIN_DESTROY]  = { hg_do_domain_destroy, 1 },
	[HG_CALL_DOMAIN_DONATE]	  = { hg_do_domain_donate, 3 },
	[HG_CALL_DOMAIN_RECLAIM]  = { hg_do_domain_reclaim, 1 },
	[HG_CALL_DOMAIN_STAT]	  = { hg_do_domain_stat, 2 },
	[HG_CALL_MAP]		  = { hg_do_map, 5 },
	[HG_CALL_UNMAP]		  = { hg_do_unmap, 3 },
	[HG_CALL_PROTECT]	  = { hg_do_protect, 3 },
	[HG_CALL_AGE]		  = { hg_do_age, 4 },
	[HG_CALL_VCPU_CREATE]	  = { hg_do_vcpu_create, 3 },
	[HG_CALL_VCPU_DESTROY]	  = { hg_do_vcpu_destroy, 1 },
	[HG_CALL_VCPU_RUN]	  = { hg_do_vcpu_run, 2 },
	[HG_CALL_VCPU_FETCH]	  = { hg_do_vcpu_fetch, 2 },
	[HG_CALL_VCPU_SET_CPUID]  = { hg_do_vcpu_set_cpuid, 3 },
	[HG_CALL_VCPU_DUMP]	  = { hg_do_vcpu_dump, 2 },
	[HG_CALL_FRAME_STAT]	  = { hg_do_frame_stat, 1 },
	[HG_CALL_VCPU_INSN]	  = { hg_do_vcpu_insn, 2 },
	[HG_CALL_CVM_INIT]	  = { hg_do_cvm_init, 1 },
	[HG_CALL_CVM_LAUNCH]	  = { hg_do_cvm_launch, 2 },
	[HG_CALL_CVM_RAM]	  = { hg_do_cvm_ram, 3 },
	[HG_CALL_CVM_ADD]	  = { hg_do_cvm_add, 5 },
	[HG_CALL_CVM_LOAD]	  = { hg_do_cvm_load, 5 },
	[HG_CALL_CVM_SEAL]	  = { hg_do_cvm_seal, 1 },
	[HG_CALL_CVM_START]	  = { hg_do_cvm_start, 1 },
	[HG_CALL_CVM_REPORT]	  = { hg_do_cvm_report, 2 },
	[HG_CALL_CVM_RESET]	  = { hg_do_cvm_reset, 1 },
	[HG_CALL_VCPU_STARTUP]	  = { hg_do_vcpu_startup, 2 },
	[HG_CALL_DOMAIN_PURGE]	  = { hg_do_domain_purge, 2 },
};

s64 hg_do_version(u32 who, u64 a0, u64 a1, u64 a2, u64 a3, u64 a4)
{
	(void)who;
	(void)a0;
	(void)a1;
	(void)a2;
	(void)a3;
	(void)a4;
	return HG_CALL_ABI;
}

static bool surplus(u8 args, u64 a0, u64 a1, u64 a2, u64 a3, u64 a4)
{
	u64 any = 0;

	switch (args) {
	case 0:
		any |= a0;
		__attribute__((__fallthrough__));
	case 1:
		any |= a1;
		__attribute__((__fallthrough__));
	case 2:
		any |= a2;
		__attribute__((__fallthrough__));
	case 3:
		any |= a3;
		__attribute__((__fallthrough__));
	case 4:
		any |= a4;
	}
	return any;
}

/* @index below @bound, zero if a mispredicted branch says so falsely. */
static inline u64 no_speculation(u64 index, u64 bound)
{
	u64 mask;

	__asm__("cmp %2, %1; sbb %0, %0" : "=r" (mask) : "r" (index), "r" (bound) : "cc");
	return index & mask;
}

static inline s64 check(u64 *nr, u64 a0, u64 a1, u64 a2, u64 a3, u64 a4)
{
	if (HG_UNLIKELY(*nr >= HG_CALL_COUNT))
		return HG_E_CALL;
	*nr = no_speculation(*nr, HG_CALL_COUNT);
	return HG_UNLIKELY(surplus(table[*nr].args, a0, a1, a2, a3, a4)) ? HG_E_ARG : HG_OK;
}

s64 hg_call_check(u64 *nr, const u64 arg[5])
{
	return check(nr, arg[0], arg[1], arg[2], arg[3], arg[4]);
}

s64 hg_call_as(u32 who, u64 nr, const u64 arg[5])
{
	return table[nr].fn(who, arg[0], arg[1], arg[2], arg[3], arg[4]);
}

s64 hg_call(u64 nr, u64 a0, u64 a1, u64 a2, u64 a3, u64 a4)
{
	s64 status = check(&nr, a0, a1, a2, a3, a4);

	if (HG_UNLIKELY(status))
		return status;
	status = table[nr].fn(0, a0, a1, a2, a3, a4);
#ifdef HG_DEBUG
	hg_core_audit_some();
#endif
	return status;
}
