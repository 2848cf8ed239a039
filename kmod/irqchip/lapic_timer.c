// SPDX-License-Identifier: GPL-2.0-only
/*
 * Local APIC timer (SDM 11.5.4): one-shot, periodic and TSC deadline.
 *
 * The host's timer holds the next expiry only; counts are computed when they
 * are read. The count-down clock is 1 GHz before division: the guest measures
 * it, so that any frequency will do, and this one needs no conversion.
 */
#include "lapic_priv.h"

/* Beyond about 146 years a deadline is as good as never. */
#define NEVER_NS	(1ULL << 62)

static u32 timer_mode(const struct hg_lapic *lapic)
{
	return hg_lapic_reg(lapic, HG_APIC_LVTT) >> 17 & 3;
}

/* Divide configuration (SDM figure 11-10) as a shift: 000b is 2, 111b is 1. */
static u32 divide_shift(u32 tdcr)
{
	return (((tdcr & 3) | (tdcr & 8) >> 1) + 1) & 7;
}

static u64 count_to_ns(const struct hg_lapic *lapic, u32 count)
{
	return (u64)count << divide_shift(hg_lapic_reg(lapic, HG_APIC_TDCR));
}

/*
 * A one-shot expiry clears the deadline as the last thing it does to the timer:
 * an owner that reads 0 owns the timer without cancelling.
 */
static u64 deadline(const struct hg_lapic *lapic)
{
	return __atomic_load_n(&lapic->timer_deadline_ns, __ATOMIC_ACQUIRE);
}

static void set_deadline(struct hg_lapic *lapic, u64 ns)
{
	__atomic_store_n(&lapic->timer_deadline_ns, ns, __ATOMIC_RELEASE);
}

static void arm(struct hg_lapic *lapic, u64 ns)
{
	if (!ns)
		ns = 1;		/* 0 means disarmed */
	set_deadline(lapic, ns);
	lapic->ops->timer_arm(lapic->host, ns);
}

/* After this the callback is not running, and all timer fields are ours. */
static void pause_timer(struct hg_lapic *lapic)
{
	if (deadline(lapic))
		lapic->ops->timer_cancel(lapic->host);
}

void lapic_timer_stop(struct hg_lapic *lapic)
{
	/* Unconditionally: a callback may be on its way out just now. */
	lapic->ops->timer_cancel(lapic->host);
	set_deadline(lapic, 0);
	lapic->timer_period_ns = 0;
}

/*
 * A guest may ask for a period it could never keep up with; each expiry costs
 * the host an interrupt. The floor bounds that.
 */
static u64 period_of(const struct hg_lapic *lapic)
{
	u64 ns;

	if (timer_mode(lapic) != TIMER_PERIODIC)
		return 0;
	ns = count_to_ns(lapic, hg_lapic_reg(lapic, HG_APIC_TMICT));
	return ns < lapic->cfg.min_period_ns ? lapic->cfg.min_period_ns : ns;
}

static u64 remaining_ns(const struct hg_lapic *lapic)
{
	u64 due = deadline(lapic);
	u64 now, late;

	if (!due)
		return 0;
	now = lapic->ops->now_ns(lapic->host);
	if (now < due)
		return due - now;
	/* Expired, and the callback is late: tell the phase all the same. */
	late = now - due;
	return lapic->timer_period_ns ? lapic->timer_period_ns - late % lapic->timer_period_ns : 0;
}

u32 lapic_timer_current(const struct hg_lapic *lapic)
{
	u32 initial = hg_lapic_reg(lapic, HG_APIC_TMICT);
	u64 count;

	if (timer_mode(lapic) == TIMER_DEADLINE)
		return 0;
	count = remaining_ns(lapic) >> divide_shift(hg_lapic_reg(lapic, HG_APIC_TDCR));
	return count > initial ? initial : (u32)count;
}

static void start_count(struct hg_lapic *lapic, u32 first)
{
	u64 first_ns = count_to_ns(lapic, first);

	lapic->timer_period_ns = period_of(lapic);
	if (!first) {
		set_deadline(lapic, 0);
		return;
	}
	arm(lapic, lapic->ops->now_ns(lapic->host) + first_ns);
}

void lapic_timer_set_count(struct hg_lapic *lapic, u32 count)
{
	if (timer_mode(lapic) == TIMER_DEADLINE)
		return;
	pause_timer(lapic);
	lapic_store(lapic, HG_APIC_TMICT, count);
	start_count(lapic, count);
}

void lapic_timer_set_divide(struct hg_lapic *lapic, u32 val)
{
	u32 from = divide_shift(hg_lapic_reg(lapic, HG_APIC_TDCR));
	u32 to = divide_shift(val);
	u64 left;

	if (from == to || timer_mode(lapic) == TIMER_DEADLINE || !deadline(lapic)) {
		lapic_store(lapic, HG_APIC_TDCR, val);
		return;
	}
	pause_timer(lapic);
	/* The count stays what it is and goes on at the new pace. */
	left = remaining_ns(lapic) >> from;
	lapic_store(lapic, HG_APIC_TDCR, val);
	lapic->timer_period_ns = period_of(lapic);
	if (deadline(lapic))
		arm(lapic, lapic->ops->now_ns(lapic->host) + (left << to));
}

void lapic_timer_set_lvtt(struct hg_lapic *lapic, u32 val)
{
	u32 from = timer_mode(lapic);
	u32 to = val >> 17 & 3;

	if (from == to) {
		lapic_store(lapic, HG_APIC_LVTT, val);
		return;
	}
	if (from == TIMER_DEADLINE || to == TIMER_DEADLINE) {
		/* SDM 11.5.4.1: changing to or from deadline mode disarms. */
		lapic_timer_stop(lapic);
		lapic->tsc_deadline = 0;
		lapic_store(lapic, HG_APIC_TMICT, 0);
		lapic_store(lapic, HG_APIC_LVTT, val);
		return;
	}
	pause_timer(lapic);
	lapic_store(lapic, HG_APIC_LVTT, val);
	lapic->timer_period_ns = period_of(lapic);
	if (deadline(lapic))
		arm(lapic, deadline(lapic));
}

/* ---- TSC deadline ------------------------------------------------------ */

/* Rounded up, so that the timer is never early; saturating. */
static u64 ticks_to_ns(u64 ticks, u32 khz)
{
	u64 whole = ticks / khz;
	u64 ns;

	if (whole > NEVER_NS / 1000000)
		return NEVER_NS;
	ns = whole * 1000000 + (ticks % khz * 1000000 + khz - 1) / khz;
	return ns > NEVER_NS ? NEVER_NS : ns;
}

static void start_deadline(struct hg_lapic *lapic)
{
	u64 target = lapic->tsc_deadline;
	u64 tsc;

	set_deadline(lapic, 0);
	lapic->timer_period_ns = 0;
	if (!target || !lapic->cfg.tsc_khz)
		return;
	/* TSC first: time that passes between the two only makes us late. */
	tsc = lapic->ops->guest_tsc(lapic->host);
	if (target > tsc) {
		arm(lapic, lapic->ops->now_ns(lapic->host) +
				   ticks_to_ns(target - tsc, lapic->cfg.tsc_khz));
		return;
	}
	__atomic_store_n(&lapic->tsc_deadline, 0, __ATOMIC_RELAXED);
	hg_lapic_local(lapic, HG_APIC_LVTT);
}

u64 hg_lapic_get_tsc_deadline(const struct hg_lapic *lapic)
{
	if (timer_mode(lapic) != TIMER_DEADLINE)
		return 0;
	return __atomic_load_n(&lapic->tsc_deadline, __ATOMIC_RELAXED);
}

void hg_lapic_set_tsc_deadline(struct hg_lapic *lapic, u64 target)
{
	if (timer_mode(lapic) != TIMER_DEADLINE)
		return;
	pause_timer(lapic);
	__atomic_store_n(&lapic->tsc_deadline, target, __ATOMIC_RELAXED);
	start_deadline(lapic);
}

void hg_lapic_tsc_changed(struct hg_lapic *lapic, u32 tsc_khz)
{
	pause_timer(lapic);
	lapic->cfg.tsc_khz = tsc_khz;
	if (timer_mode(lapic) == TIMER_DEADLINE)
		start_deadline(lapic);
	else if (deadline(lapic))
		arm(lapic, deadline(lapic));
}

void lapic_timer_resume(struct hg_lapic *lapic, u32 current)
{
	u32 initial = hg_lapic_reg(lapic, HG_APIC_TMICT);

	if (timer_mode(lapic) == TIMER_DEADLINE) {
		start_deadline(lapic);
		return;
	}
	/* A one-shot timer at 0 has expired; a periodic one just wrapped. */
	if (current > initial || (!current && timer_mode(lapic) == TIMER_PERIODIC))
		current = initial;
	start_count(lapic, current);
}

/* ---- expiry ------------------------------------------------------------ */

void hg_lapic_timer_expired(struct hg_lapic *lapic)
{
	u64 due = deadline(lapic);
	u64 period = lapic->timer_period_ns;
	u64 now, next;

	if (!due)
		return;
	now = lapic->ops->now_ns(lapic->host);
	if (now < due) {
		lapic->ops->timer_arm(lapic->host, due);
		return;
	}
	if (period) {
		/*
		 * From the last deadline, not from now: periods do not drift.
		 * Whole periods that were missed are dropped, as the IRR could
		 * not hold more than one of them anyway.
		 */
		next = due + period;
		if (next <= now)
			next = now + period - (now - due) % period;
		arm(lapic, next);
	} else {
		__atomic_store_n(&lapic->tsc_deadline, 0, __ATOMIC_RELAXED);
		set_deadline(lapic, 0);
	}
	hg_lapic_local(lapic, HG_APIC_LVTT);
}
