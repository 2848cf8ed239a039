// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nested faults: find the host frame behind a guest frame and lend it.
 *
 * The host's page tables are the truth, the guest's nested tables a cache of
 * them. A fault copies one entry; the notifier (notifier.c) throws entries
 * away before the host changes its own. The two meet in a sequence count:
 *
 *	fault				host
 *	-----				----
 *	seq = invalidate_seq
 *	read the host's tables		invalidate_range_start:
 *	lock mmu_lock			    lock, invalidating++, unmap, unlock
 *	stale(seq)? try again		change its tables, free frames
 *	MAP				invalidate_range_end:
 *	unlock				    lock, seq++, invalidating--, unlock
 *
 * If the tables were read before or during a change, the fault sees either an
 * open invalidation or another sequence number, and drops what it has read.
 */
#define pr_fmt(fmt) "hypergpu: " fmt

#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/smp.h>

#include "memory.h"
#include "trace.h"

/* Frames given to a domain's cache at a time: one serves 2 MiB of 4 KiB pages. */
#define DONATE_BATCH	16

/* Frames changed at a time, between two chances to yield the lock: 128 MiB. */
#define RANGE_BATCH	HG_NEST_RANGE

/* Biggest mapping the CPU takes; found out by trying. */
static u32 level_max __read_mostly = 3;

static inline u64 level_pages(u32 level)
{
	return 1ULL << (9 * (level - 1));
}

/* What one fault has found out. */
struct fault {
	const struct hgl_slot *slot;
	u64 gfn;
	unsigned long hva;
	bool write;
	unsigned long seq;		/* vm->invalidate_seq before the lookup */
	struct hgl_host_page host;
};

/*
 * The biggest level at which guest frame, address and host mapping agree and
 * the whole page is inside the slot. Slots whose writes are logged are mapped
 * page by page: a big page would hide 511 writes behind the first.
 */
static u32 fit_level(const struct fault *f)
{
	const struct hgl_slot *slot = f->slot;
	u32 level = min(f->host.level, READ_ONCE(level_max));

	if (likely(level == 1) || slot->dirty)
		return 1;

	for (; level > 1; level--) {
		u64 pages = level_pages(level);
		u64 first = f->gfn & ~(pages - 1);

		if ((f->gfn ^ (f->hva >> PAGE_SHIFT)) & (pages - 1))
			continue;
		if (first >= slot->gfn && pages <= slot->pages &&
		    first - slot->gfn <= slot->pages - pages)
			break;
	}
	return level;
}

static void count_mapping(struct hgl_vm *vm, u32 level)
{
	if (level == 1)
		vm->stat.mapped_4k++;
	else if (level == 2)
		vm->stat.mapped_2m++;
	else
		vm->stat.mapped_1g++;
}

/*
 * Install the mapping, unless the host has changed since the lookup.
 * -EAGAIN: it has. Otherwise what the core answers.
 */
static s64 install(struct hgl_vm *vm, const struct fault *f, u32 level)
{
	u64 pages = level_pages(level);
	u64 gfn = f->gfn & ~(pages - 1);
	u64 pfn = f->host.pfn & ~(pages - 1);
	unsigned long hva = f->hva & ~((pages << PAGE_SHIFT) - 1);
	u64 prot = HG_PROT_READ | HG_PROT_EXEC;
	s64 status;

	/*
	 * Writable at once if the host allows it, so that a page which is read
	 * first does not fault again. Not if writes are logged.
	 */
	if (f->host.writable && !(f->slot->flags & KVM_MEM_READONLY) &&
	    (f->write || !f->slot->dirty))
		prot |= HG_PROT_WRITE;

	spin_lock(&vm->mmu_lock);
	vm->stat.faults++;
	if (hgl_notifier_stale(vm, f->seq, hva, hva + (pages << PAGE_SHIFT))) {
		status = -EAGAIN;
		goto unlock;
	}

	status = hgl_core(HG_CALL_MAP, vm->domain, gfn, pfn, level, prot);
	if (status == HG_E_EXISTS) {
		/*
		 * Mapped in another size, as after the host has joined small
		 * pages or writes are logged now; or a slot has just moved.
		 */
		hgl_mmu_unmap(vm, gfn, pages, false);
		status = hgl_core(HG_CALL_MAP, vm->domain, gfn, pfn, level, prot);
	}
	if (status == HG_OK) {
		/* Under the lock: a harvest sees the bit, or takes the right away. */
		if (f->write)
			hgl_dirty_mark(f->slot, f->gfn);
		count_mapping(vm, level);
	}
unlock:
	spin_unlock(&vm->mmu_lock);
	return status;
}

int hgl_mmu_donate(struct hgl_vm *vm)
{
	u32 i;

	for (i = 0; i < DONATE_BATCH; i++) {
		struct page *page = alloc_page(GFP_KERNEL_ACCOUNT);
		s64 status;

		if (!page)
			return i ? 0 : -ENOMEM;
		status = hgl_call(HG_CALL_DOMAIN_DONATE, vm->domain, page_to_pfn(page));
		if (status < 0) {
			__free_page(page);
			pr_warn_ratelimited("vm %u: page-table frame refused: %lld\n",
					    vm->id, status);
			return -EFAULT;
		}
	}
	return 0;
}

/*
 * Map what the lookup has found. HGL_FAULT_DONE: it is mapped, or the host
 * changed and the guest shall fault again, which gives signals and the
 * scheduler their chance as well.
 */
static int map_found(struct hgl_vm *vm, const struct fault *f)
{
	u32 level = fit_level(f);
	int ret;

	for (;;) {
		s64 status = install(vm, f, level);

		switch (status) {
		case HG_OK:
			return HGL_FAULT_DONE;
		case -EAGAIN:
			return HGL_FAULT_DONE;
		case HG_E_NOMEM:
			ret = hgl_mmu_donate(vm);
			if (ret)
				return ret;
			break;
		case HG_E_DENIED:
			/* The guest gave away a page here. If it is this one, it will hear so. */
			if (level == 1)
				return HGL_FAULT_DONE;
			level = 1;
			break;
		case HG_E_ARG:
		case HG_E_UNSUPPORTED:
			if (level > 2) {
				/* This CPU has no leaf of 1 GiB. */
				level = 2;
				WRITE_ONCE(level_max, level);
				break;
			}
			fallthrough;
		default:
			pr_warn_ratelimited("vm %u: gfn %llx: cannot map pfn %llx: %lld\n",
					    vm->id, f->gfn, f->host.pfn, status);
			return -EFAULT;
		}
	}
}

/*
 * A broken frame is the VMM's to handle: it gets the signal it would get for
 * touching the frame itself, and the guest faults again when it runs next.
 */
static int report_poison(unsigned long hva)
{
	send_sig_mceerr(BUS_MCEERR_AR, (void __user *)hva, PAGE_SHIFT, current);
	return HGL_FAULT_DONE;
}

static int resolve(struct hgl_vm *vm, struct fault *f)
{
	bool faulted = false;
	int ret;

	for (;;) {
		/* Pairs with the release in hgl_notifier_ops' range end. */
		f->seq = smp_load_acquire(&vm->invalidate_seq);

		switch (hgl_host_lookup(vm->mm, f->hva, f->write, &f->host)) {
		case HGL_HOST_MAPPED:
			return map_found(vm, f);
		case HGL_HOST_SPECIAL:
			pr_warn_ratelimited("vm %u: gfn %llx: device memory is unsupported\n",
					    vm->id, f->gfn);
			return -EFAULT;
		case HGL_HOST_ABSENT:
			break;
		}

		/* The host took it away between our fault and our lookup. */
		if (faulted)
			return HGL_FAULT_DONE;

		ret = hgl_host_fault(vm->mm, f->hva, f->write);
		if (ret == -EHWPOISON)
			return report_poison(f->hva);
		if (ret)
			return ret;
		faulted = true;
	}
}

int hgl_mmu_fault(struct hgl_vcpu *vcpu, u64 gpa, u64 access)
{
	struct hgl_vm *vm = vcpu->vm;
	struct fault f = {
		.gfn = gpa >> PAGE_SHIFT,
		.write = access & HG_NPF_WRITE,
	};

	trace_hg_fault(vm->id, vcpu->id, gpa, access);

	f.slot = hgl_slot_find(hgl_slots_reader(vm), f.gfn);
	if (!f.slot || (f.write && (f.slot->flags & KVM_MEM_READONLY)))
		return HGL_FAULT_MMIO;
	f.hva = f.slot->hva + ((f.gfn - f.slot->gfn) << PAGE_SHIFT);
	return resolve(vm, &f);
}

/*
 * One call for a whole range, a batch at a time. Each batch is flushed under
 * the same lock as its change: whoever then finds nothing left to change may
 * rely on it being forgotten, too.
 */
static void change_range(struct hgl_vm *vm, enum hg_call_nr call, u64 gfn, u64 pages, bool yield)
{
	lockdep_assert_held(&vm->mmu_lock);

	while (pages) {
		u64 batch = min(pages, RANGE_BATCH);
		s64 changed = hgl_core(call, vm->domain, gfn, batch, 0, 0);

		if (hgl_vm_failed(changed))
			return;
		if (changed) {
			if (call == HG_CALL_UNMAP)
				vm->stat.unmapped += changed;
			hgl_vm_flush(vm);
		}
		gfn += batch;
		pages -= batch;
		if (yield && pages)
			cond_resched_lock(&vm->mmu_lock);
	}
}

void hgl_mmu_unmap(struct hgl_vm *vm, u64 gfn, u64 pages, bool yield)
{
	change_range(vm, HG_CALL_UNMAP, gfn, pages, yield);
}

/* How many of the mappings were used since they were last cleared. */
s64 hgl_mmu_age(struct hgl_vm *vm, u64 gfn, u64 pages, bool clear)
{
	s64 young = 0;

	lockdep_assert_held(&vm->mmu_lock);
	while (pages) {
		u64 batch = min(pages, RANGE_BATCH);
		s64 status = hgl_core(HG_CALL_AGE, vm->domain, gfn, batch, clear, 0);

		if (hgl_vm_failed(status))
			break;
		young += status;
		gfn += batch;
		pages -= batch;
	}
	return young;
}

void hgl_mmu_protect(struct hgl_vm *vm, u64 gfn, u64 pages, bool yield)
{
	change_range(vm, HG_CALL_PROTECT, gfn, pages, yield);
}

static void leave_guest(void *unused)
{
	/* The interrupt itself has made the vCPU leave. */
}

/*
 * Make every vCPU that may still use a removed mapping leave the guest; at its
 * next entry the core flushes the TLB. Context: vm->mmu_lock, interrupts on.
 *
 * Ordering. The core has raised the domain's TLB generation; a vCPU publishes
 * mode = HGL_INSIDE and only then, behind a full barrier, the core reads the
 * generation. With the full barrier below, one side sees the other: either we
 * see it inside and interrupt it, or it sees the new generation and flushes.
 * The vCPU keeps interrupts off from the publication until it has left, so
 * once our interrupt was served, it is not inside with the old generation.
 */
void hgl_vm_flush(struct hgl_vm *vm)
{
	u32 nr = hgl_vm_nr_vcpus(vm);
	u32 i;

	lockdep_assert_held(&vm->mmu_lock);
	vm->stat.flushes++;

	smp_mb();
	cpumask_clear(vm->kick_mask);
	for (i = 0; i < nr; i++) {
		struct hgl_vcpu *vcpu = vm->vcpus[i];
		int cpu;

		/* A vCPU sets its cpu before its mode. */
		if (smp_load_acquire(&vcpu->mode) != HGL_INSIDE)
			continue;
		cpu = READ_ONCE(vcpu->cpu);
		if (cpu >= 0)
			__cpumask_set_cpu(cpu, vm->kick_mask);
	}
	if (cpumask_empty(vm->kick_mask))
		return;
	vm->stat.flush_kicks++;
	smp_call_function_many(vm->kick_mask, leave_guest, NULL, true);
}

/*
 * Watch the creator's address space. -ENOMEM, -EINTR (killed). Context: its
 * own process; may sleep; takes mmap_lock.
 */
int hgl_mmu_init(struct hgl_vm *vm)
{
	int ret;

	spin_lock_init(&vm->mmu_lock);
	if (!zalloc_cpumask_var(&vm->kick_mask, GFP_KERNEL_ACCOUNT))
		return -ENOMEM;

	vm->notifier.ops = &hgl_notifier_ops;
	ret = mmu_notifier_register(&vm->notifier, vm->mm);
	if (ret)
		free_cpumask_var(vm->kick_mask);
	return ret;
}

/*
 * Stop watching. No vCPU runs any more; on return no notifier does, either,
 * and none of the VM's frames is mapped by the domain.
 */
void hgl_mmu_stop(struct hgl_vm *vm)
{
	mmu_notifier_unregister(&vm->notifier, vm->mm);
	free_cpumask_var(vm->kick_mask);
}
