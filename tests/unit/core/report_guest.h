/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A confidential guest that asks for reports, played inside vcpu_enter().
 */
#ifndef TEST_REPORT_GUEST_H
#define TEST_REPORT_GUEST_H

#include <string.h>

#include "world.h"

static const u8 carriers[8] = {
	HG_RBX, HG_RCX, HG_RDX, HG_RSI, HG_RDI, HG_R8, HG_R9, HG_R10,
};

/* The call that is made, and what came of it. */
static struct {
	u64 rax, in[8];
	bool done;		/* the instruction is behind it */
	s64 answer;
	u64 out[8];
} rc;

static inline int report_call(struct hg_vcpu *v)
{
	u64 rip = v->rip, before[HG_NR_GPRS], i;
	int exit;

	v->gpr[HG_RAX] = rc.rax;
	v->gpr[HG_RBP] = 0xb9;
	v->gpr[HG_R11] = 0x11;
	v->gpr[HG_R15] = 0x15;
	for (i = 0; i < 8; i++)
		v->gpr[carriers[i]] = rc.in[i];
	memcpy(before, v->gpr, sizeof(before));
	exit = hg_cvm_hypercall(v, 3);
	rc.done = v->rip == rip + 3;
	rc.answer = (s64)v->gpr[HG_RAX];
	for (i = 0; i < 8; i++)
		rc.out[i] = v->gpr[carriers[i]];
	/* What carries nothing is as it was; before the end, all is. */
	if (!rc.done) {
		assert_int_equal(exit, HG_EXIT_REPORT);
		assert_int_equal(v->rip, rip);
		assert_memory_equal(v->gpr, before, sizeof(before));
		return exit;
	}
	assert_int_equal(exit, -1);
	if (rc.answer || (u32)rc.rax != (HG_REPORT_CALL | HG_REPORT_READ))
		for (i = 0; i < 8; i++)
			before[carriers[i]] = rc.in[i];
	else
		for (i = 0; i < 8; i++)
			before[carriers[i]] = rc.out[i];
	before[HG_RAX] = v->gpr[HG_RAX];
	assert_memory_equal(v->gpr, before, sizeof(before));
	return exit;
}

static inline int report_enter(struct hg_vcpu *v, struct hg_cpu *cpu)
{
	(void)cpu;
	return rc.done ? HG_EXIT_HLT : report_call(v);
}

static inline void guest_wants(u64 nr, const void *data)
{
	memset(&rc, 0, sizeof(rc));
	rc.rax = HG_REPORT_CALL | nr;
	if (data)
		memcpy(rc.in, data, sizeof(rc.in));
}

#endif
