// SPDX-License-Identifier: GPL-2.0-only
/*
 * AMD's SEV commands for a guest (SEV API 0.24, chapter 6; the kernel's
 * amd-memory-encryption.rst), as VMMs issue them through KVM_MEMORY_ENCRYPT_OP.
 * Behind them are the core's calls and not AMD's firmware: docs/sev-interface.md
 * says what the interface means here.
 *
 * Errors: -EIO with a code of enum sev_ret_code in the command's @error is what
 * AMD's firmware would refuse; other errors are the ABI's own.
 */
#define pr_fmt(fmt) "hypergpu: " fmt

#include <linux/file.h>
#include <linux/mm.h>
#include <linux/psp-sev.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "cvm.h"
#include "memory.h"
#include "sev.h"

#define MEASURE_NONCE	16
#define UPDATE_ALIGN	16
#define UPDATE_MAX	(1U << 30)

/* vm->sev: since KVM_SEV_INIT. vm->lock protects it. */
struct hgl_sev {
	u32 policy;
	u8 nonce[MEASURE_NONCE];
	u64 gfn_limit;		/* RAM ends below the C-bit */
	bool ram_declared;	/* the core knows all of it */
	struct list_head regions;
};

/* KVM_MEMORY_ENCRYPT_REG_REGION: only remembered; private memory is never the VMM's. */
struct region {
	struct list_head list;
	u64 addr, size;
};

/* One command: the copy, and where it came from. */
struct command {
	struct kvm_sev_cmd cmd;
	void __user *data;
};

/* What AMD's firmware would say, and the errno that goes with it. */
static long refuse(struct command *c, u32 error)
{
	c->cmd.error = error;
	return -EIO;
}

/* The codes that the core's answers mean. */
static long core_answer(struct command *c, s64 status)
{
	switch (status) {
	case HG_OK:
		return 0;
	case HG_E_STATE:
		return refuse(c, SEV_RET_INVALID_GUEST_STATE);
	case HG_E_RANGE:
	case HG_E_EXISTS:
		return refuse(c, SEV_RET_INVALID_ADDRESS);
	case HG_E_LIMIT:
		return refuse(c, SEV_RET_RESOURCE_LIMIT);
	case HG_E_UNSUPPORTED:
		return refuse(c, SEV_RET_UNSUPPORTED);
	}
	return refuse(c, SEV_RET_INVALID_PARAM);
}

static int copy_in(void *to, const struct command *c, size_t size)
{
	return copy_from_user(to, c->data, size) ? -EFAULT : 0;
}

static int copy_out(const struct command *c, const void *from, size_t size)
{
	return copy_to_user(c->data, from, size) ? -EFAULT : 0;
}

/* A state is asked for by name, so that the refusal changes nothing. */
static bool in_state(const struct hgl_vm *vm, u8 state)
{
	return vm->cvm == state;
}

/* ---- the life of a guest ---- */

static s64 core_init(struct hgl_vm *vm)
{
	s64 status;

	do {
		status = hgl_call(HG_CALL_CVM_INIT, vm->domain);
	} while (status == HG_E_NOMEM && !hgl_mmu_donate(vm));
	return status;
}

u32 hgl_sev_c_bit(const struct hgl_vm *vm)
{
	return ilog2(vm->sev->gfn_limit) + PAGE_SHIFT;
}

static long init(struct hgl_vm *vm, struct command *c)
{
	struct hgl_sev *sev;
	s64 status;

	if (vm->nr_vcpus || vm->sev)
		return -EINVAL;
	sev = kzalloc(sizeof(*sev), GFP_KERNEL_ACCOUNT);
	if (!sev)
		return -ENOMEM;
	INIT_LIST_HEAD(&sev->regions);
	get_random_bytes(sev->nonce, sizeof(sev->nonce));
	status = core_init(vm);
	if (status < 0) {
		kfree(sev);
		return status == HG_E_STATE ? -EINVAL : core_answer(c, status);
	}
	sev->gfn_limit = 1ULL << (status - PAGE_SHIFT);
	vm->sev = sev;
	smp_store_release(&vm->cvm, HG_CVM_CREATED);
	hgl_sev_count(1);
	return 0;
}

/* Policy bits (SEV API, table 2) that promise what is not here. */
#define POLICY_ES	BIT(2)

static long launch_start(struct hgl_vm *vm, struct command *c)
{
	struct kvm_sev_launch_start start;
	s64 status;

	if (copy_in(&start, c, sizeof(start)))
		return -EFAULT;
	if (!in_state(vm, HG_CVM_CREATED))
		return refuse(c, SEV_RET_INVALID_GUEST_STATE);
	if (start.handle)
		return refuse(c, SEV_RET_UNSUPPORTED);	/* no keys to share with another guest */
	if (start.policy & POLICY_ES)
		return refuse(c, SEV_RET_POLICY_FAILURE);
	/* A session is agreed with a key of AMD's; ours is agreed with the report's. */
	if (start.dh_len || start.session_len)
		return refuse(c, SEV_RET_UNSUPPORTED);
	status = hgl_call(HG_CALL_CVM_LAUNCH, vm->domain, start.policy);
	if (status)
		return core_answer(c, status);
	vm->sev->policy = start.policy;
	smp_store_release(&vm->cvm, HG_CVM_LAUNCHING);
	start.handle = (u32)vm->domain;
	return copy_out(c, &start, sizeof(start));
}

/* ---- loading ---- */

/* The slot whose memory of the VMM's holds [hva, hva + length), lowest first. */
static const struct hgl_slot *slot_of_hva(const struct hgl_slots *slots, u64 hva, u64 length)
{
	u32 i;

	for (i = 0; i < slots->count; i++) {
		const struct hgl_slot *slot = &slots->slot[i];
		u64 size = slot->pages << PAGE_SHIFT;

		if (hva >= slot->hva && length <= size && hva - slot->hva <= size - length)
			return slot;
	}
	return NULL;
}

static long load(struct hgl_vm *vm, struct command *c, u64 hva, u64 length, u32 type)
{
	const struct hgl_slot *slot;
	u64 gpa, first, last;
	int idx, ret;
	u32 flags;

	idx = srcu_read_lock(&vm->srcu);
	slot = slot_of_hva(hgl_slots_reader(vm), hva, length);
	if (!slot) {
		srcu_read_unlock(&vm->srcu, idx);
		return refuse(c, SEV_RET_INVALID_ADDRESS);
	}
	gpa = (slot->gfn << PAGE_SHIFT) + (hva - slot->hva);
	flags = slot->flags & KVM_MEM_READONLY ? HG_CVM_READONLY : 0;
	set_bit(slot->id, vm->cvm_slots);
	srcu_read_unlock(&vm->srcu, idx);

	first = gpa >> PAGE_SHIFT;
	last = (gpa + length - 1) >> PAGE_SHIFT;
	/* A secret's page may be there already; a new one can only be RAM by now. */
	ret = hgl_cvm_populate(vm, first, last - first + 1, flags);
	if (!ret)
		ret = hgl_cvm_load(vm, gpa, hva, (u32)length, type);
	if (ret == -EPERM || ret == -ENOENT)
		return refuse(c, SEV_RET_INVALID_ADDRESS);
	return ret;
}

static long launch_update_data(struct hgl_vm *vm, struct command *c)
{
	struct kvm_sev_launch_update_data update;

	if (copy_in(&update, c, sizeof(update)))
		return -EFAULT;
	if (!in_state(vm, HG_CVM_LAUNCHING))
		return refuse(c, SEV_RET_INVALID_GUEST_STATE);
	if (!update.len || update.len > UPDATE_MAX || update.len % UPDATE_ALIGN)
		return refuse(c, SEV_RET_INVALID_LEN);
	if (update.uaddr % UPDATE_ALIGN)
		return refuse(c, SEV_RET_INVALID_ADDRESS);
	return load(vm, c, update.uaddr, update.len, HG_LOAD_MEASURED);
}

/* ---- measuring ---- */

struct ram {
	u64 gfn, count;
};

/*
 * Writable slots are RAM; where they touch, they are one range. The number of
 * ranges, or HG_E_LIMIT.
 */
static s64 collect_ram(struct hgl_vm *vm, struct ram ram[HG_CVM_RANGES])
{
	const struct hgl_slots *slots;
	u32 i, nr = 0;
	int idx;

	idx = srcu_read_lock(&vm->srcu);
	slots = hgl_slots_reader(vm);
	for (i = 0; i < slots->count && nr <= HG_CVM_RANGES; i++) {
		const struct hgl_slot *slot = &slots->slot[i];

		if (slot->flags & KVM_MEM_READONLY)
			continue;
		if (nr && slot->gfn == ram[nr - 1].gfn + ram[nr - 1].count) {
			ram[nr - 1].count += slot->pages;
			continue;
		}
		if (nr < HG_CVM_RANGES)
			ram[nr] = (struct ram){ slot->gfn, slot->pages };
		nr++;
	}
	srcu_read_unlock(&vm->srcu, idx);
	/* Not by ?:, whose type would be unsigned. */
	if (nr > HG_CVM_RANGES)
		return HG_E_LIMIT;
	return nr;
}

/*
 * All ranges or none: what the core has been told of one is measured and stays.
 * So what it would refuse is refused before, and a VMM may mend its slots and
 * ask again.
 */
static s64 declare_ram(struct hgl_vm *vm)
{
	struct ram ram[HG_CVM_RANGES];
	s64 nr, i, status;

	if (vm->sev->ram_declared)
		return HG_OK;
	nr = collect_ram(vm, ram);
	if (nr < 0)
		return nr;
	if (nr && ram[nr - 1].gfn + ram[nr - 1].count > vm->sev->gfn_limit)
		return HG_E_RANGE;
	for (i = 0; i < nr; i++) {
		status = hgl_call(HG_CALL_CVM_RAM, vm->domain, ram[i].gfn, ram[i].count);
		if (WARN_ON_ONCE(status))
			return status;
	}
	vm->sev->ram_declared = true;
	return HG_OK;
}

static long seal(struct hgl_vm *vm, struct command *c)
{
	s64 status;

	/* Local APICs and their IPIs must be on this side of the VMM. */
	if (!vm->irqchip)
		return refuse(c, SEV_RET_INAVLID_CONFIG);
	if (!vm->nr_vcpus)
		return refuse(c, SEV_RET_INVALID_GUEST_STATE);
	/* No KVM_SET_CPUID2 that began before may end after: what is sealed stays. */
	if (!hgl_cvm_lock_vcpus(vm, NULL))
		return -EBUSY;
	status = declare_ram(vm);
	if (!status)
		status = hgl_call(HG_CALL_CVM_SEAL, vm->domain);
	hgl_cvm_unlock_vcpus(vm, NULL);
	if (status)
		return core_answer(c, status);
	smp_store_release(&vm->cvm, HG_CVM_SEALED);
	return 0;
}

/* The launch digest and the nonce. */
static long measurement(struct hgl_vm *vm, u8 blob[HG_DIGEST_SIZE + MEASURE_NONCE])
{
	struct page *page = alloc_page(GFP_KERNEL_ACCOUNT);
	const struct hg_cvm_report *report;
	s64 status;

	if (!page)
		return -ENOMEM;
	status = hgl_call(HG_CALL_CVM_REPORT, vm->domain, page_to_pfn(page));
	report = page_address(page);
	if (status > 0) {
		memcpy(blob, report->launch, HG_DIGEST_SIZE);
		memcpy(blob + HG_DIGEST_SIZE, vm->sev->nonce, MEASURE_NONCE);
	}
	__free_page(page);
	return status > 0 ? 0 : -EIO;
}

static long launch_measure(struct hgl_vm *vm, struct command *c)
{
	u8 blob[HG_DIGEST_SIZE + MEASURE_NONCE];
	struct kvm_sev_launch_measure measure;
	long ret = 0;

	if (copy_in(&measure, c, sizeof(measure)))
		return -EFAULT;
	if (!in_state(vm, HG_CVM_LAUNCHING) && !in_state(vm, HG_CVM_SEALED))
		return refuse(c, SEV_RET_INVALID_GUEST_STATE);
	if (measure.len < sizeof(blob)) {
		measure.len = sizeof(blob);
		return copy_out(c, &measure, sizeof(measure)) ?: refuse(c, SEV_RET_INVALID_LEN);
	}
	if (in_state(vm, HG_CVM_LAUNCHING))
		ret = seal(vm, c);
	if (!ret)
		ret = measurement(vm, blob);
	if (ret)
		return ret;
	measure.len = sizeof(blob);
	if (copy_to_user((void __user *)measure.uaddr, blob, sizeof(blob)))
		return -EFAULT;
	return copy_out(c, &measure, sizeof(measure));
}

static long launch_finish(struct hgl_vm *vm, struct command *c)
{
	s64 status;

	if (!in_state(vm, HG_CVM_SEALED))
		return refuse(c, SEV_RET_INVALID_GUEST_STATE);
	status = hgl_call(HG_CALL_CVM_START, vm->domain);
	if (status == HG_E_BUSY)
		return -EBUSY;
	if (status)
		return core_answer(c, status);
	smp_store_release(&vm->cvm, HG_CVM_RUNNING);
	return 0;
}

/* ---- telling ---- */

/* enum of GUEST_STATUS (SEV API, table 57). */
static u32 guest_state(const struct hgl_vm *vm)
{
	switch (vm->cvm) {
	case HG_CVM_LAUNCHING:
		return 1;	/* LUPDATE */
	case HG_CVM_SEALED:
		return 2;	/* LSECRET */
	case HG_CVM_RUNNING:
		return 3;
	}
	return 0;		/* UNINIT */
}

static long guest_status(struct hgl_vm *vm, struct command *c)
{
	struct kvm_sev_guest_status status = {
		.handle = (u32)vm->domain,
		.policy = vm->sev->policy,
		.state = guest_state(vm),
	};

	return copy_out(c, &status, sizeof(status));
}

/* ---- KVM_MEMORY_ENCRYPT_OP ---- */

static long guest_command(struct hgl_vm *vm, struct command *c)
{
	switch (c->cmd.id) {
	case KVM_SEV_LAUNCH_START:
		return launch_start(vm, c);
	case KVM_SEV_LAUNCH_UPDATE_DATA:
		return launch_update_data(vm, c);
	case KVM_SEV_LAUNCH_MEASURE:
		return launch_measure(vm, c);
	case KVM_SEV_LAUNCH_FINISH:
		return launch_finish(vm, c);
	case KVM_SEV_GUEST_STATUS:
		return guest_status(vm, c);
	case KVM_SEV_LAUNCH_SECRET:
		/* It is sealed with a session's keys, and there are no sessions. */
	case KVM_SEV_LAUNCH_UPDATE_VMSA:
	case KVM_SEV_SEND_START:
	case KVM_SEV_SEND_UPDATE_DATA:
	case KVM_SEV_SEND_UPDATE_VMSA:
	case KVM_SEV_SEND_FINISH:
	case KVM_SEV_SEND_CANCEL:
	case KVM_SEV_RECEIVE_START:
	case KVM_SEV_RECEIVE_UPDATE_DATA:
	case KVM_SEV_RECEIVE_UPDATE_VMSA:
	case KVM_SEV_RECEIVE_FINISH:
	case KVM_SEV_DBG_DECRYPT:
	case KVM_SEV_DBG_ENCRYPT:
	case KVM_SEV_CERT_EXPORT:
	case KVM_SEV_GET_ATTESTATION_REPORT:
		return refuse(c, SEV_RET_UNSUPPORTED);
	}
	return -EINVAL;
}

static long issue(struct hgl_vm *vm, struct command *c)
{
	if (c->cmd.id == KVM_SEV_INIT)
		return init(vm, c);
	if (c->cmd.id == KVM_SEV_ES_INIT)
		return refuse(c, SEV_RET_UNSUPPORTED);
	if (!vm->sev)
		return -ENOTTY;
	if (!hgl_sev_dev_is((int)c->cmd.sev_fd))
		return -EBADF;
	return guest_command(vm, c);
}

long hgl_sev_op(struct hgl_vm *vm, void __user *user)
{
	struct command c;
	long ret;

	/* The question whether there is SEV. */
	if (!user)
		return 0;
	if (copy_from_user(&c.cmd, user, sizeof(c.cmd)))
		return -EFAULT;
	c.data = (void __user *)c.cmd.data;
	c.cmd.error = SEV_RET_SUCCESS;
	mutex_lock(&vm->lock);
	ret = issue(vm, &c);
	mutex_unlock(&vm->lock);
	if (copy_to_user(user, &c.cmd, sizeof(c.cmd)))
		return -EFAULT;
	return ret;
}

/* ---- regions ---- */

static struct region *find_region(struct hgl_sev *sev, u64 addr, u64 size)
{
	struct region *region;

	list_for_each_entry(region, &sev->regions, list)
		if (region->addr == addr && region->size == size)
			return region;
	return NULL;
}

static long add_region(struct hgl_sev *sev, const struct kvm_enc_region *args)
{
	struct region *region;

	if (!args->size || args->addr + args->size < args->addr ||
	    !access_ok((void __user *)args->addr, args->size))
		return -EINVAL;
	region = kmalloc(sizeof(*region), GFP_KERNEL_ACCOUNT);
	if (!region)
		return -ENOMEM;
	region->addr = args->addr;
	region->size = args->size;
	list_add_tail(&region->list, &sev->regions);
	return 0;
}

long hgl_sev_region(struct hgl_vm *vm, const struct kvm_enc_region *args, bool add)
{
	struct region *region;
	long ret = 0;

	mutex_lock(&vm->lock);
	if (!vm->sev) {
		ret = -ENOTTY;
	} else if (add) {
		ret = add_region(vm->sev, args);
	} else {
		region = find_region(vm->sev, args->addr, args->size);
		if (region) {
			list_del(&region->list);
			kfree(region);
		} else {
			ret = -EINVAL;
		}
	}
	mutex_unlock(&vm->lock);
	return ret;
}

void hgl_sev_destroy(struct hgl_vm *vm)
{
	struct region *region, *next;

	if (!vm->sev)
		return;
	list_for_each_entry_safe(region, next, &vm->sev->regions, list)
		kfree(region);
	kfree(vm->sev);
	vm->sev = NULL;
	hgl_sev_count(-1);
}
