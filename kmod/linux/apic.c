// SPDX-License-Identifier: GPL-2.0-only
/*
 * Local APICs: the model's host. Its timer is an hrtimer that expires in hard
 * interrupt context and takes no lock; everything else runs in the vCPU's
 * thread, or is one of the model's "any CPU" functions.
 */
#include <linux/hrtimer.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/msr.h>
#include <asm/tsc.h>

#include "cvm.h"
#include "irqchip.h"

/* Periodic timers no faster than this: each tick is a host interrupt. */
#define MIN_PERIOD_NS	200000

#define CPUID_1_ECX_X2APIC	BIT(21)
#define CPUID_1_ECX_DEADLINE	BIT(24)

#define MSR_BASE		0x1b
#define MSR_DEADLINE		0x6e0

struct hgl_lapic {
	struct hg_lapic model;
	struct hrtimer timer;
	struct hgl_vcpu *vcpu;
	struct hgl_irqchip *chip;
	int eoi_vector;			/* split: for the VMM; -1 none */
};

struct hg_lapic *hgl_apic_model(struct hgl_vcpu *vcpu)
{
	return vcpu->lapic ? &vcpu->lapic->model : NULL;
}

/* ---- destinations ------------------------------------------------------ */

void hgl_irqchip_update_map(struct hgl_irqchip *chip)
{
	u32 max_id = HGL_MAX_VCPU_ID;
	struct hgl_map *new, *old;

	BUILD_BUG_ON(HG_MAX_VCPUS > HG_APICMAP_MAX_VCPUS || HGL_MAX_VCPU_ID > HG_APICMAP_MAX_ID);

	mutex_lock(&chip->update);
	new = kvmalloc(offsetof(struct hgl_map, map) + hg_apicmap_size(max_id),
		       GFP_KERNEL_ACCOUNT);
	if (new) {
		memcpy(new->lapics, chip->lapics, sizeof(new->lapics));
		hg_apicmap_build(&new->map, new->lapics, chip->nr_lapics, max_id);
	}
	old = rcu_replace_pointer(chip->map, new, lockdep_is_held(&chip->update));
	mutex_unlock(&chip->update);
	if (old)
		kvfree_rcu(old, rcu);
}

/* Without a map: slower, and right all the same. */
static int deliver_unmapped(struct hgl_irqchip *chip, const struct hg_irq *irq,
			    const struct hg_lapic *sender)
{
	u32 nr = READ_ONCE(chip->nr_lapics);
	int result = HG_IRQ_MASKED;
	u32 i;

	for (i = 0; i < nr; i++) {
		struct hg_lapic *lapic = READ_ONCE(chip->lapics[i]);
		int r;

		if (!lapic || !hg_irq_match(lapic, irq, sender))
			continue;
		r = hg_lapic_deliver(lapic, irq);
		if (r > 0 && irq->mode == HG_IRQ_LOWEST)
			return r;
		if (r > 0)
			result = max(result, 0) + r;
		else
			result = max(result, r);
	}
	return result;
}

/*
 * What a device may send to a confidential guest: the core drops the rest anyway,
 * but the local APIC would take it for in service. See kmod/core/cvm_irq.c.
 */
static bool from_outside_allowed(struct hgl_vm *vm, const struct hg_irq *irq)
{
	bool allowed;

	if (likely(!hgl_cvm_running(vm)))
		return true;
	switch (irq->mode) {
	case HG_IRQ_FIXED:
	case HG_IRQ_LOWEST:
		allowed = irq->vector >= HG_IRQ_FIRST && irq->vector < HG_IRQ_SYSTEM &&
			  irq->vector != HG_IRQ_SYSCALL;
		break;
	case HG_IRQ_NMI:
	case HG_IRQ_EXTINT:
		allowed = true;
		break;
	default:
		allowed = false;
	}
	if (!allowed)
		vm->stat.cvm_messages_dropped++;
	return allowed;
}

int hgl_irq_deliver(struct hgl_irqchip *chip, const struct hg_irq *irq,
		    const struct hg_lapic *sender)
{
	const struct hgl_map *map;
	int result;

	if (unlikely(!sender && !from_outside_allowed(chip->vm, irq)))
		return HG_IRQ_MASKED;
	rcu_read_lock();
	map = rcu_dereference(chip->map);
	if (likely(map))
		result = hg_apicmap_deliver(&map->map, irq, sender, &chip->turn);
	else
		result = deliver_unmapped(chip, irq, sender);
	rcu_read_unlock();
	return result;
}

/* ---- the model's host -------------------------------------------------- */

static u64 op_now(void *host)
{
	return ktime_get_ns();
}

static u64 op_guest_tsc(void *host)
{
	struct hgl_lapic *apic = host;

	return rdtsc_ordered() + apic->vcpu->page->tsc_offset;
}

static void op_timer_arm(void *host, u64 deadline_ns)
{
	struct hgl_lapic *apic = host;

	/* Pinned: the vCPU most likely still runs here, and exits by itself. */
	hrtimer_start(&apic->timer, ns_to_ktime(deadline_ns), HRTIMER_MODE_ABS_PINNED_HARD);
}

static void op_timer_cancel(void *host)
{
	struct hgl_lapic *apic = host;

	hrtimer_cancel(&apic->timer);
}

static void op_send_ipi(void *host, const struct hg_irq *irq)
{
	struct hgl_lapic *apic = host;

	hgl_irq_deliver(apic->chip, irq, &apic->model);
}

static void op_eoi(void *host, u8 vector, bool level)
{
	struct hgl_lapic *apic = host;

	if (!apic->chip->split) {
		hgl_irqchip_eoi(apic->chip, vector, level);
		return;
	}
	if (!level || !hgl_routes_want_eoi(apic->vcpu->vm, vector))
		return;
	/* Taken before the next entry, so there is never a second one. */
	apic->eoi_vector = vector;
	hgl_vcpu_request(apic->vcpu, HGL_REQ_EOI_EXIT);
}

static void op_kick(void *host)
{
	struct hgl_lapic *apic = host;

	hgl_vcpu_request(apic->vcpu, HGL_REQ_EVENT);
	hgl_vcpu_kick(apic->vcpu);
}

static void op_map_changed(void *host)
{
	struct hgl_lapic *apic = host;

	hgl_irqchip_update_map(apic->chip);
}

static const struct hg_lapic_ops lapic_ops = {
	.now_ns = op_now,
	.guest_tsc = op_guest_tsc,
	.timer_arm = op_timer_arm,
	.timer_cancel = op_timer_cancel,
	.send_ipi = op_send_ipi,
	.eoi = op_eoi,
	.kick = op_kick,
	.map_changed = op_map_changed,
};

static enum hrtimer_restart timer_expired(struct hrtimer *timer)
{
	struct hgl_lapic *apic = container_of(timer, struct hgl_lapic, timer);

	/* A periodic timer arms itself again from inside. */
	hg_lapic_timer_expired(&apic->model);
	return HRTIMER_NORESTART;
}

/* ---- configuration ----------------------------------------------------- */

static const struct kvm_cpuid_entry2 *find_leaf(const struct hgl_vcpu *vcpu, u32 function)
{
	u32 i;

	for (i = 0; i < vcpu->cpuid_count; i++)
		if (vcpu->cpuid[i].function == function)
			return &vcpu->cpuid[i];
	return NULL;
}

/* Before KVM_SET_CPUID2 nothing is known: allow what the model can do. */
static void make_config(const struct hgl_lapic *apic, struct hg_lapic_config *cfg)
{
	const struct hgl_vcpu *vcpu = apic->vcpu;
	const struct kvm_cpuid_entry2 *leaf = find_leaf(vcpu, 1);
	u32 ecx = leaf ? leaf->ecx : ~0U;

	*cfg = (struct hg_lapic_config){
		.id = vcpu->id,
		.tsc_khz = vcpu->tsc_khz ?: tsc_khz,
		.maxphyaddr = vcpu->maxphyaddr ?: 52,
		.bsp = vcpu->id == vcpu->vm->boot_cpu_id,
		.x2apic = ecx & CPUID_1_ECX_X2APIC,
		.tsc_deadline = ecx & CPUID_1_ECX_DEADLINE,
		.no_bcast_quirk = apic->chip->no_bcast_quirk,
		.min_period_ns = MIN_PERIOD_NS,
	};
	/* The I/O APIC in the kernel has no EOI register to direct one to. */
	cfg->directed_eoi = cfg->x2apic && apic->chip->split && leaf;
}

void hgl_irq_config_changed(struct hgl_vcpu *vcpu)
{
	struct hg_lapic_config cfg;

	if (!vcpu->lapic)
		return;
	make_config(vcpu->lapic, &cfg);
	hg_lapic_set_config(&vcpu->lapic->model, &cfg);
}

void hgl_irq_tsc_moved(struct hgl_vcpu *vcpu)
{
	if (vcpu->lapic)
		hg_lapic_tsc_changed(&vcpu->lapic->model, vcpu->tsc_khz ?: tsc_khz);
}

/* ---- life -------------------------------------------------------------- */

int hgl_irqchip_vcpu_init(struct hgl_vcpu *vcpu)
{
	struct hgl_irqchip *chip = hgl_irqchip(vcpu->vm);
	struct hg_lapic_config cfg;
	struct hgl_lapic *apic;
	u32 vectors[8];

	if (!chip)
		return 0;
	apic = kzalloc(sizeof(*apic), GFP_KERNEL_ACCOUNT);
	if (!apic)
		return -ENOMEM;
	apic->vcpu = vcpu;
	apic->chip = chip;
	apic->eoi_vector = -1;
	hrtimer_init(&apic->timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_PINNED_HARD);
	apic->timer.function = timer_expired;
	make_config(apic, &cfg);
	hg_lapic_init(&apic->model, &cfg, &lapic_ops, apic);
	vcpu->lapic = apic;
	vcpu->apic_base = apic->model.base;

	mutex_lock(&chip->update);
	WRITE_ONCE(chip->lapics[vcpu->index], &apic->model);
	WRITE_ONCE(chip->nr_lapics, max(chip->nr_lapics, vcpu->index + 1));
	mutex_unlock(&chip->update);
	hgl_irqchip_update_map(chip);

	if (!chip->split) {
		spin_lock_irq(&vcpu->vm->irq_lock);
		hg_ioapic_vectors(&chip->ioapic, vectors);
		hgl_apic_set_eoi_vectors(chip, vectors);
		spin_unlock_irq(&vcpu->vm->irq_lock);
	}
	return 0;
}

void hgl_irqchip_vcpu_destroy(struct hgl_vcpu *vcpu)
{
	struct hgl_lapic *apic = vcpu->lapic;

	if (!apic)
		return;
	/* Out of sight of every sender first, then no more timer. */
	mutex_lock(&apic->chip->update);
	WRITE_ONCE(apic->chip->lapics[vcpu->index], NULL);
	mutex_unlock(&apic->chip->update);
	hgl_irqchip_update_map(apic->chip);
	synchronize_rcu_expedited();
	hg_lapic_stop(&apic->model);
	vcpu->lapic = NULL;
	kfree(apic);
}

/* ---- the run loop's view ----------------------------------------------- */

static bool pic_asserted(const struct hgl_lapic *apic)
{
	return !apic->chip->split && unlikely(READ_ONCE(apic->chip->pic.output)) &&
	       hg_lapic_accepts_pic(&apic->model);
}

int hgl_irq_pending(struct hgl_vcpu *vcpu)
{
	struct hgl_lapic *apic = vcpu->lapic;

	if (!apic)
		return -1;
	/* Its vector is not known before the acknowledge cycle: any will do. */
	if (pic_asserted(apic))
		return 0;
	return hg_lapic_pending(&apic->model);
}

bool hgl_irq_busy(struct hgl_vcpu *vcpu)
{
	const struct hgl_lapic *apic = vcpu->lapic;

	return apic && (__atomic_load_n(&apic->model.irr_pending, __ATOMIC_ACQUIRE) ||
			(!apic->chip->split && READ_ONCE(apic->chip->pic.output)));
}

int hgl_irq_ack(struct hgl_vcpu *vcpu)
{
	struct hgl_lapic *apic = vcpu->lapic;
	int vector;

	if (!apic)
		return -1;
	if (pic_asserted(apic)) {
		vector = hgl_irqchip_ack_pic(apic->chip);
		if (vector >= 0)
			return vector;
	}
	return hg_lapic_ack(&apic->model);
}

bool hgl_irq_wants_cr8(struct hgl_vcpu *vcpu)
{
	struct hgl_lapic *apic = vcpu->lapic;
	int vector, service;

	if (!apic)
		return false;
	vector = hg_lapic_highest_irr(&apic->model);
	if (likely(vector < 0) || !hg_lapic_hw_enabled(&apic->model))
		return false;
	service = max(apic->model.isr_top, 0);
	return vector >> 4 > service >> 4 &&
	       vector >> 4 <= (int)hg_lapic_get_cr8(&apic->model);
}

u64 hgl_irq_get_cr8(struct hgl_vcpu *vcpu)
{
	return vcpu->lapic ? hg_lapic_get_cr8(&vcpu->lapic->model) : 0;
}

void hgl_irq_set_cr8(struct hgl_vcpu *vcpu, u64 cr8)
{
	/* An unchanged class must not wipe the TPR's sub-class. */
	if (vcpu->lapic && hg_lapic_get_cr8(&vcpu->lapic->model) != cr8)
		hg_lapic_set_cr8(&vcpu->lapic->model, cr8);
}

u32 hgl_irq_peek_events(struct hgl_vcpu *vcpu)
{
	return vcpu->lapic ? hg_lapic_peek_events(&vcpu->lapic->model) : 0;
}

u32 hgl_irq_take_events(struct hgl_vcpu *vcpu, u32 mask)
{
	return vcpu->lapic ? hg_lapic_take_events(&vcpu->lapic->model, mask) : 0;
}

u8 hgl_irq_sipi_vector(struct hgl_vcpu *vcpu)
{
	return vcpu->lapic ? hg_lapic_sipi_vector(&vcpu->lapic->model) : 0;
}

bool hgl_irq_accepts_pic(struct hgl_vcpu *vcpu)
{
	return vcpu->lapic && hg_lapic_accepts_pic(&vcpu->lapic->model);
}

void hgl_irq_reset(struct hgl_vcpu *vcpu, bool init)
{
	if (!vcpu->lapic)
		return;
	hg_lapic_reset(&vcpu->lapic->model, init);
	vcpu->apic_base = vcpu->lapic->model.base;
}

int hgl_irq_take_eoi_exit(struct hgl_vcpu *vcpu)
{
	int vector;

	if (!vcpu->lapic)
		return -1;
	vector = vcpu->lapic->eoi_vector;
	vcpu->lapic->eoi_vector = -1;
	return vector;
}

/* ---- what the I/O APIC, the PIC and the PIT want of all local APICs ---- */

void hgl_apic_pic_raised(struct hgl_irqchip *chip)
{
	u32 i, nr = READ_ONCE(chip->nr_lapics);

	rcu_read_lock();
	for (i = 0; i < nr; i++) {
		struct hg_lapic *lapic = READ_ONCE(chip->lapics[i]);

		if (lapic && hg_lapic_accepts_pic(lapic))
			op_kick(lapic->host);
	}
	rcu_read_unlock();
}

void hgl_apic_set_eoi_vectors(struct hgl_irqchip *chip, const u32 vectors[8])
{
	u32 i, j, nr = READ_ONCE(chip->nr_lapics);

	rcu_read_lock();
	for (i = 0; i < nr; i++) {
		struct hg_lapic *lapic = READ_ONCE(chip->lapics[i]);

		for (j = 0; lapic && j < 8; j++)
			WRITE_ONCE(lapic->eoi_vectors[j], vectors[j]);
	}
	rcu_read_unlock();
}

void hgl_apic_watchdog(struct hgl_irqchip *chip)
{
	u32 i, nr = READ_ONCE(chip->nr_lapics);

	rcu_read_lock();
	for (i = 0; i < nr; i++) {
		struct hg_lapic *lapic = READ_ONCE(chip->lapics[i]);

		if (lapic && (hg_lapic_reg(lapic, HG_APIC_LVT0) >> 8 & 7) == HG_IRQ_NMI)
			hg_lapic_local(lapic, HG_APIC_LVT0);
	}
	rcu_read_unlock();
}

/* ---- registers --------------------------------------------------------- */

bool hgl_apic_read(struct hgl_vcpu *vcpu, u64 addr, u32 len, void *data)
{
	u64 base, val;

	if (!vcpu->lapic || !hg_lapic_mmio_base(&vcpu->lapic->model, &base) ||
	    addr - base >= HG_APIC_MMIO_SIZE)
		return false;
	if (!hg_lapic_mmio_read(&vcpu->lapic->model, (u32)(addr - base), len, &val))
		return false;
	memset(data, 0, len);
	memcpy(data, &val, min_t(u32, len, sizeof(val)));
	return true;
}

bool hgl_apic_write(struct hgl_vcpu *vcpu, u64 addr, u32 len, const void *data)
{
	u64 base, val = 0;

	if (!vcpu->lapic || !hg_lapic_mmio_base(&vcpu->lapic->model, &base) ||
	    addr - base >= HG_APIC_MMIO_SIZE)
		return false;
	memcpy(&val, data, min_t(u32, len, sizeof(val)));
	return hg_lapic_mmio_write(&vcpu->lapic->model, (u32)(addr - base), len, val);
}

static int set_base(struct hgl_vcpu *vcpu, u64 base, bool host)
{
	if (!vcpu->lapic) {
		vcpu->apic_base = base;
		return 0;
	}
	if (!hg_lapic_set_base(&vcpu->lapic->model, base, host))
		return 1;
	vcpu->apic_base = base;
	return 0;
}

int hgl_irq_set_base(struct hgl_vcpu *vcpu, u64 base)
{
	return set_base(vcpu, base, true) ? -EINVAL : 0;
}

int hgl_irq_msr_read(struct hgl_vcpu *vcpu, u32 index, u64 *value, bool host)
{
	if (index == MSR_BASE) {
		*value = vcpu->apic_base;
		return 0;
	}
	if (!vcpu->lapic)
		return 1;
	if (index == MSR_DEADLINE) {
		*value = hg_lapic_get_tsc_deadline(&vcpu->lapic->model);
		return !host && !vcpu->lapic->model.cfg.tsc_deadline;
	}
	return !hg_lapic_msr_read(&vcpu->lapic->model, index, value);
}

int hgl_irq_msr_write(struct hgl_vcpu *vcpu, u32 index, u64 value, bool host)
{
	if (index == MSR_BASE)
		return set_base(vcpu, value, host);
	if (!vcpu->lapic)
		return 1;
	if (index == MSR_DEADLINE) {
		if (!host && !vcpu->lapic->model.cfg.tsc_deadline)
			return 1;
		hg_lapic_set_tsc_deadline(&vcpu->lapic->model, value);
		return 0;
	}
	return !hg_lapic_msr_write(&vcpu->lapic->model, index, value);
}

/* ---- ioctls ------------------------------------------------------------ */

static long get_lapic(struct hgl_lapic *apic, void __user *user)
{
	struct kvm_lapic_state *state = kzalloc(sizeof(*state), GFP_KERNEL);
	long ret = 0;

	BUILD_BUG_ON(sizeof(state->regs) != HG_APIC_REGS_SIZE);
	if (!state)
		return -ENOMEM;
	hg_lapic_get_state(&apic->model, (u8 *)state->regs, apic->chip->x2apic_32bit);
	if (copy_to_user(user, state, sizeof(*state)))
		ret = -EFAULT;
	kfree(state);
	return ret;
}

static long set_lapic(struct hgl_lapic *apic, const void __user *user)
{
	struct kvm_lapic_state *state = memdup_user(user, sizeof(*state));
	long ret = 0;

	if (IS_ERR(state))
		return PTR_ERR(state);
	if (!hg_lapic_set_state(&apic->model, (u8 *)state->regs, apic->chip->x2apic_32bit))
		ret = -EINVAL;
	kfree(state);
	return ret;
}

/*
 * KVM_GET_LAPIC, KVM_SET_LAPIC: -EINVAL without a local APIC in the kernel, or
 * for a state with another x2APIC ID. KVM_SET_VAPIC_ADDR: accepted, as the
 * page it names is an optimisation for guests that is not made here.
 */
long hgl_irqchip_vcpu_ioctl(struct hgl_vcpu *vcpu, unsigned int cmd, unsigned long arg)
{
	void __user *user = (void __user *)arg;
	struct kvm_vapic_addr vapic;

	switch (cmd) {
	case KVM_GET_LAPIC:
		return vcpu->lapic ? get_lapic(vcpu->lapic, user) : -EINVAL;
	case KVM_SET_LAPIC:
		return vcpu->lapic ? set_lapic(vcpu->lapic, user) : -EINVAL;
	case KVM_SET_VAPIC_ADDR:
		if (!vcpu->lapic)
			return -EINVAL;
		return copy_from_user(&vapic, user, sizeof(vapic)) ? -EFAULT : 0;
	default:
		return -ENOTTY;
	}
}
