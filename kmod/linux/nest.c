// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nesting, both ends (nest.h).
 */
#define pr_fmt(fmt) "hypergpu: " fmt

#include <linux/delay.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/sched.h>
#include <asm/cpufeature.h>
#include <asm/processor.h>

#include "cvm.h"
#include "memory.h"
#include "nest.h"
#include "vcpu.h"

/* ---- this kernel as a guest ---- */

DEFINE_STATIC_KEY_FALSE(hgl_nested);

s64 hgl_hypercall(u64 nr, u64 a0, u64 a1, u64 a2, u64 a3, u64 a4)
{
	u64 rax = HG_NEST_CALL | nr;

	/* The core knows the CPU better than we do. */
	if (nr == HG_CALL_VCPU_RUN)
		a1 = 0;
	asm volatile("vmmcall" : "+a" (rax)
		     : "b" (a0), "c" (a1), "d" (a2), "S" (a3), "D" (a4) : "memory");
	return (s64)rax;
}

int hgl_nest_probe(void)
{
	u32 top, abi, features, calls, rest, name[3];

	if (!boot_cpu_has(X86_FEATURE_HYPERVISOR))
		return 0;
	cpuid(HG_NEST_LEAF, &top, &name[0], &name[1], &name[2]);
	if (top <= HG_NEST_LEAF || memcmp(name, HG_NEST_SIGNATURE, sizeof(name)))
		return 0;
	cpuid(HG_NEST_LEAF + 1, &abi, &features, &calls, &rest);
	if (abi != HG_CALL_ABI || calls < HG_CALL_COUNT) {
		pr_err("the HyperGPU beneath has version %u of the calls, this module has %u: load the module of the host's release\n",
		       abi, HG_CALL_ABI);
		return -EOPNOTSUPP;
	}
	static_branch_enable(&hgl_nested);
	return 1;
}

/* Frames that one call scrubs: with preemption off. */
#define PURGE_STEP	512
/* How long vCPUs that were told to stop may take for it, in milliseconds. */
#define STOP_LIMIT	2000

/* 0, or the status that kept children from being destroyed. */
static s64 purge(u64 domain)
{
	s64 left;

	do {
		left = hgl_call(HG_CALL_DOMAIN_PURGE, domain, PURGE_STEP);
		cond_resched();
	} while (left > 0);
	return left;
}

void hgl_nest_clean(void)
{
	unsigned int waited = 0;
	s64 left;

	while ((left = purge(0)) == HG_E_BUSY && waited++ < STOP_LIMIT)
		msleep(1);
	if (left)
		pr_warn("guests that were left before could not be destroyed: status %lld\n", left);
}

/* ---- for guests ---- */

static bool nested = true;
module_param(nested, bool, 0444);
MODULE_PARM_DESC(nested, "let guests have guests of their own, by hypergpu.ko in them (default: on)");

u64 hgl_nest_flags(void)
{
	return nested && !static_branch_unlikely(&hgl_nested) ? HG_DOMAIN_NESTING : 0;
}

static int donate_big(struct hgl_vm *vm)
{
	struct page *page = hgl_big_alloc();
	s64 status;

	if (!page)
		return -ENOMEM;
	status = hgl_call(HG_CALL_DOMAIN_DONATE, vm->domain, page_to_pfn(page), 1);
	if (status >= 0)
		return 0;
	hgl_big_free(page);
	/* Another vCPU has brought one meanwhile. */
	return status == HG_E_EXISTS ? 0 : -ENOMEM;
}

void hgl_nest_frames(struct hgl_vcpu *vcpu)
{
	int ret = vcpu->page->frames.big ? donate_big(vcpu->vm) : hgl_mmu_donate(vcpu->vm);

	if (ret)
		vcpu->page->reply = HG_REPLY_FAULT;
}

void hgl_nest_purge(struct hgl_vm *vm)
{
	s64 left = hgl_nest_flags() ? purge(vm->domain) : 0;

	if (left)
		pr_warn_ratelimited("vm %u: its guests could not be destroyed: status %lld\n",
				    vm->id, left);
}

void hgl_nest_reset(struct hgl_vm *vm)
{
	hgl_nest_purge(vm);
	hgl_cvm_reclaim(vm);
}
