// SPDX-License-Identifier: GPL-2.0-only
/*
 * The VM's PIT. Its hrtimer expires in softirq, so that the lock may be an
 * ordinary one; it is taken with bottom halves off everywhere else.
 */
#include <linux/hrtimer.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "irqchip.h"
#include "../irqchip/pit.h"

/* As for the local APIC: a floor under what a guest may ask of the host. */
#define MIN_PERIOD_NS	200000

static_assert(sizeof(struct hg_pit_state) == sizeof(struct kvm_pit_state2));
static_assert(sizeof(struct hg_pit_channel) == sizeof(struct kvm_pit_channel_state));
static_assert(offsetof(struct hg_pit_channel, count_load_time) ==
	      offsetof(struct kvm_pit_channel_state, count_load_time));
static_assert(offsetof(struct hg_pit_state, flags) == offsetof(struct kvm_pit_state2, flags));

struct hgl_pit {
	spinlock_t lock;
	struct hg_pit model;
	struct hrtimer timer;
	struct hgl_irqchip *chip;
	bool speaker;		/* port 61h is ours too */
};

/* ---- the model's host -------------------------------------------------- */

static u64 op_now(void *host)
{
	return ktime_get_ns();
}

static void op_arm(void *host, u64 deadline_ns)
{
	struct hgl_pit *pit = host;

	hrtimer_start(&pit->timer, ns_to_ktime(deadline_ns), HRTIMER_MODE_ABS_SOFT);
}

static void op_cancel(void *host)
{
	struct hgl_pit *pit = host;

	/* A callback that waits for our lock finds nothing due. */
	hrtimer_try_to_cancel(&pit->timer);
}

static int op_tick(void *host)
{
	struct hgl_pit *pit = host;
	int result;

	result = hgl_gsi_set(pit->chip->vm, 0, HGL_IRQ_PIT, true);
	hgl_gsi_set(pit->chip->vm, 0, HGL_IRQ_PIT, false);
	hgl_apic_watchdog(pit->chip);
	return result;
}

static const struct hg_pit_ops pit_ops = {
	.now_ns = op_now,
	.timer_arm = op_arm,
	.timer_cancel = op_cancel,
	.tick = op_tick,
};

static enum hrtimer_restart timer_expired(struct hrtimer *timer)
{
	struct hgl_pit *pit = container_of(timer, struct hgl_pit, timer);

	spin_lock_bh(&pit->lock);
	hg_pit_expired(&pit->model);
	spin_unlock_bh(&pit->lock);
	return HRTIMER_NORESTART;
}

/* ---- life -------------------------------------------------------------- */

int hgl_pit_create(struct hgl_irqchip *chip, u32 flags)
{
	struct hgl_pit *pit;

	if (flags & ~(u32)KVM_PIT_SPEAKER_DUMMY)
		return -EINVAL;
	if (chip->pit)
		return -EEXIST;
	pit = kzalloc(sizeof(*pit), GFP_KERNEL_ACCOUNT);
	if (!pit)
		return -ENOMEM;
	spin_lock_init(&pit->lock);
	pit->chip = chip;
	pit->speaker = flags & KVM_PIT_SPEAKER_DUMMY;
	hrtimer_init(&pit->timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_SOFT);
	pit->timer.function = timer_expired;
	hg_pit_init(&pit->model, &pit_ops, pit);
	pit->model.min_period_ns = MIN_PERIOD_NS;
	hgl_bus_claim_owned(chip->vm, hg_pit_owns);
	smp_store_release(&chip->pit, pit);
	return 0;
}

void hgl_pit_destroy(struct hgl_irqchip *chip)
{
	struct hgl_pit *pit = chip->pit;

	if (!pit)
		return;
	/* Nothing else can reach it now: a last callback may rearm it, once. */
	spin_lock_bh(&pit->lock);
	pit->model.deadline_ns = 0;
	spin_unlock_bh(&pit->lock);
	hrtimer_cancel(&pit->timer);
	chip->pit = NULL;
	kfree(pit);
}

/* ---- accesses ---------------------------------------------------------- */

bool hgl_pit_owns_port(struct hgl_pit *pit, u16 port)
{
	return hg_pit_owns(port) && (port != HG_PIT_SPEAKER_PORT || pit->speaker);
}

u8 hgl_pit_port_read(struct hgl_pit *pit, u16 port)
{
	u8 val;

	spin_lock_bh(&pit->lock);
	val = hg_pit_read(&pit->model, port);
	spin_unlock_bh(&pit->lock);
	return val;
}

void hgl_pit_port_write(struct hgl_pit *pit, u16 port, u8 val)
{
	spin_lock_bh(&pit->lock);
	hg_pit_write(&pit->model, port, val);
	spin_unlock_bh(&pit->lock);
}

void hgl_pit_line_acked(struct hgl_pit *pit)
{
	spin_lock_bh(&pit->lock);
	hg_pit_acked(&pit->model);
	spin_unlock_bh(&pit->lock);
}

void hgl_pit_line_unmasked(struct hgl_pit *pit)
{
	spin_lock_bh(&pit->lock);
	hg_pit_unmasked(&pit->model);
	spin_unlock_bh(&pit->lock);
}

/* ---- ioctls ------------------------------------------------------------ */

/* size: of kvm_pit_state or kvm_pit_state2, which begin alike. */
static long get_state(struct hgl_pit *pit, void __user *user, size_t size)
{
	struct hg_pit_state state;

	spin_lock_bh(&pit->lock);
	hg_pit_get_state(&pit->model, &state);
	spin_unlock_bh(&pit->lock);
	return copy_to_user(user, &state, size) ? -EFAULT : 0;
}

static long set_state(struct hgl_pit *pit, const void __user *user, size_t size)
{
	struct hg_pit_state state = {};
	bool ok;

	if (copy_from_user(&state, user, size))
		return -EFAULT;
	spin_lock_bh(&pit->lock);
	if (size < sizeof(state))
		state.flags = pit->model.flags;
	ok = hg_pit_set_state(&pit->model, &state);
	spin_unlock_bh(&pit->lock);
	return ok ? 0 : -EINVAL;
}

static long set_reinject(struct hgl_pit *pit, const void __user *user)
{
	struct kvm_reinject_control control;

	if (copy_from_user(&control, user, sizeof(control)))
		return -EFAULT;
	spin_lock_bh(&pit->lock);
	hg_pit_set_reinject(&pit->model, control.pit_reinject);
	spin_unlock_bh(&pit->lock);
	return 0;
}

long hgl_pit_ioctl(struct hgl_irqchip *chip, unsigned int cmd, unsigned long arg)
{
	struct hgl_pit *pit = smp_load_acquire(&chip->pit);
	void __user *user = (void __user *)arg;

	if (!pit)
		return -ENXIO;
	switch (cmd) {
	case KVM_GET_PIT:
		return get_state(pit, user, sizeof(struct kvm_pit_state));
	case KVM_SET_PIT:
		return set_state(pit, user, sizeof(struct kvm_pit_state));
	case KVM_GET_PIT2:
		return get_state(pit, user, sizeof(struct kvm_pit_state2));
	case KVM_SET_PIT2:
		return set_state(pit, user, sizeof(struct kvm_pit_state2));
	case KVM_REINJECT_CONTROL:
		return set_reinject(pit, user);
	default:
		return -ENOTTY;
	}
}
