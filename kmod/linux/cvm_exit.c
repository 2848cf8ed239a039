// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a confidential vCPU's exits need done. The core has already decided
 * what may be known of each: an address, a size, a value. Nothing here looks at
 * registers, for there are none to see.
 */
#define pr_fmt(fmt) "hypergpu: " fmt

#include <linux/ratelimit.h>
#include <linux/sched.h>

#include "cvm.h"
#include "memory.h"
#include "trace.h"
#include "vcpu.h"

static int reply(struct hgl_vcpu *vcpu, enum hg_reply reply, u64 value)
{
	vcpu->page->reply = reply;
	vcpu->page->reply_value = value;
	return HGL_AGAIN;
}

/* ---- ports ---- */

static int user_port(struct hgl_vcpu *vcpu, u16 port, u32 size, bool in)
{
	struct kvm_run *run = vcpu->run;

	run->exit_reason = KVM_EXIT_IO;
	run->io.direction = in ? KVM_EXIT_IO_IN : KVM_EXIT_IO_OUT;
	run->io.size = (u8)size;
	run->io.port = port;
	run->io.count = 1;
	run->io.data_offset = KVM_PIO_PAGE_OFFSET * PAGE_SIZE;
	return HGL_TO_USER;
}

static int exit_io(struct hgl_vcpu *vcpu)
{
	const struct hg_vcpu_page *page = vcpu->page;
	bool in = page->io.flags & HG_IO_IN;
	u32 size = page->io.size;
	u16 port = page->io.port;
	u64 value = in ? 0 : page->io.value;

	vcpu->stat.exit_io++;
	trace_hg_pio(vcpu->vm->id, vcpu->id, !in, port, size, 1, value);
	if (in) {
		if (!hgl_bus_read(vcpu, HGL_BUS_PIO, port, size, &value))
			return reply(vcpu, HG_REPLY_VALUE, value);
		vcpu->cvm_wait = HGL_CVM_PORT;
		vcpu->cvm_wait_size = size;
	} else {
		if (!hgl_bus_write(vcpu, HGL_BUS_PIO, port, size, &value))
			return HGL_AGAIN;
		memcpy(vcpu->pio_data, &value, size);
	}
	return user_port(vcpu, port, size, in);
}

/* ---- device memory ---- */

static int exit_mmio(struct hgl_vcpu *vcpu)
{
	const struct hg_vcpu_page *page = vcpu->page;
	u64 gpa = page->mmio.gpa, value = page->mmio.write ? page->mmio.value : 0;
	u32 size = min_t(u32, page->mmio.size, sizeof(value));
	bool write = page->mmio.write;
	struct kvm_run *run = vcpu->run;

	vcpu->stat.exit_mmio++;
	trace_hg_mmio(vcpu->vm->id, vcpu->id, write, gpa, size, value);
	if (write) {
		if (!hgl_bus_write(vcpu, HGL_BUS_MMIO, gpa, size, &value))
			return HGL_AGAIN;
	} else {
		if (!hgl_bus_read(vcpu, HGL_BUS_MMIO, gpa, size, &value))
			return reply(vcpu, HG_REPLY_VALUE, value);
		/* A read-only slot that the guest reads by its private address, as flash. */
		if (!hgl_guest_read(vcpu->vm, gpa, &value, size))
			return reply(vcpu, HG_REPLY_VALUE, value);
		vcpu->cvm_wait = HGL_CVM_MMIO;
		vcpu->cvm_wait_size = size;
	}
	run->exit_reason = KVM_EXIT_MMIO;
	run->mmio.phys_addr = gpa;
	run->mmio.len = size;
	run->mmio.is_write = write;
	memcpy(run->mmio.data, &value, sizeof(run->mmio.data));
	return HGL_TO_USER;
}

int hgl_cvm_io_complete(struct hgl_vcpu *vcpu)
{
	const void *data = vcpu->cvm_wait == HGL_CVM_PORT ? vcpu->pio_data :
							   (const void *)vcpu->run->mmio.data;
	u64 value = 0;

	memcpy(&value, data, vcpu->cvm_wait_size);
	vcpu->cvm_wait = HGL_CVM_NOTHING;
	return reply(vcpu, HG_REPLY_VALUE, value);
}

/* ---- MSRs, faults ---- */

static int exit_msr(struct hgl_vcpu *vcpu, bool write)
{
	u32 index = vcpu->page->msr.index;
	u64 value = vcpu->page->msr.value;
	int fault;

	vcpu->stat.exit_msr++;
	fault = write ? hgl_msr_write(vcpu, index, value, false) :
			hgl_msr_read(vcpu, index, &value, false);
	trace_hg_msr(vcpu->vm->id, vcpu->id, write, index, value, fault);
	return reply(vcpu, fault ? HG_REPLY_FAULT : HG_REPLY_VALUE, value);
}

static int exit_npf(struct hgl_vcpu *vcpu)
{
	u64 gpa = vcpu->page->npf.gpa, access = vcpu->page->npf.access;
	int ret;

	vcpu->stat.exit_npf++;
	if (access & HG_NPF_PRIVATE) {
		trace_hg_fault(vcpu->vm->id, vcpu->id, gpa, access);
		ret = hgl_cvm_fault(vcpu, gpa);
	} else {
		ret = hgl_mmu_fault(vcpu, gpa, access);
	}
	if (ret == HGL_FAULT_DONE)
		return HGL_AGAIN;
	return ret < 0 ? ret : reply(vcpu, HG_REPLY_MMIO, 0);
}

/* ---- what ends it ---- */

/* The core could not make out an instruction: only it has seen which. */
static int exit_undecoded(struct hgl_vcpu *vcpu)
{
	pr_warn_ratelimited("vm %u vcpu %u: the guest touched a device by an instruction that is not understood\n",
			    vcpu->vm->id, vcpu->id);
	return hgl_internal_error(vcpu, KVM_INTERNAL_ERROR_EMULATION);
}

static int exit_invalid(struct hgl_vcpu *vcpu)
{
	pr_warn_ratelimited("vm %u vcpu %u: the CPU refused the guest's state\n",
			    vcpu->vm->id, vcpu->id);
	vcpu->run->exit_reason = KVM_EXIT_FAIL_ENTRY;
	vcpu->run->fail_entry.hardware_entry_failure_reason = vcpu->page->fail.code;
	vcpu->run->fail_entry.cpu = READ_ONCE(vcpu->cpu);
	return HGL_TO_USER;
}

int hgl_cvm_exit(struct hgl_vcpu *vcpu, enum hg_exit exit)
{
	switch (exit) {
	case HG_EXIT_IO:
		return exit_io(vcpu);
	case HG_EXIT_MMIO:
		return exit_mmio(vcpu);
	case HG_EXIT_MSR_READ:
		return exit_msr(vcpu, false);
	case HG_EXIT_MSR_WRITE:
		return exit_msr(vcpu, true);
	case HG_EXIT_NPF:
		return exit_npf(vcpu);
	case HG_EXIT_CONVERTED:
		vcpu->stat.exit_hypercall++;
		hgl_cvm_reclaim(vcpu->vm);
		return HGL_AGAIN;
	case HG_EXIT_FRAMES:
		return hgl_mmu_donate(vcpu->vm) ?: HGL_AGAIN;
	case HG_EXIT_UNDECODED:
		return exit_undecoded(vcpu);
	case HG_EXIT_INVALID:
		return exit_invalid(vcpu);
	default:
		return HGL_NOT_MINE;
	}
}
