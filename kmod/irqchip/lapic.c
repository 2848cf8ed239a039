// SPDX-License-Identifier: GPL-2.0-only
/*
 * Local APIC: life cycle, priorities, acceptance and delivery.
 * Registers as the guest sees them are in lapic_regs.c, the timer in
 * lapic_timer.c.
 */
#include "lapic_priv.h"

#define APIC_VERSION		0x14U		/* integrated local APIC, SDM 11.4.8 */
#define APIC_VERSION_LVTS	(5U << 16)	/* six LVT entries */
#define APIC_VERSION_NO_EOI_BC	(1U << 24)

/* ---- vectors ----------------------------------------------------------- */

static int highest_vector(const struct hg_lapic *lapic, u32 base)
{
	int word;

	for (word = 7; word >= 0; word--) {
		u32 bits = hg_lapic_reg(lapic, base + (u32)word * 0x10);

		if (bits)
			return word * 32 + 31 - __builtin_clz(bits);
	}
	return -1;
}

int hg_lapic_highest_irr(const struct hg_lapic *lapic)
{
	if (!__atomic_load_n(&lapic->irr_pending, __ATOMIC_ACQUIRE))
		return -1;
	return highest_vector(lapic, HG_APIC_IRR);
}

void lapic_update_ppr(struct hg_lapic *lapic)
{
	u32 tpr = hg_lapic_reg(lapic, HG_APIC_TPR);
	u32 service = lapic->isr_top < 0 ? 0 : (u32)lapic->isr_top & 0xf0;

	/* SDM 11.8.3.1: the TPR wins ties and then shows its sub-class too. */
	lapic_store(lapic, HG_APIC_PPR, (tpr & 0xf0) >= service ? tpr : service);
}

int hg_lapic_scan(const struct hg_lapic *lapic)
{
	int vector;

	if (!hg_lapic_hw_enabled(lapic))
		return -1;
	vector = highest_vector(lapic, HG_APIC_IRR);
	if (vector < 0 || ((u32)vector & 0xf0) <= (hg_lapic_reg(lapic, HG_APIC_PPR) & 0xf0))
		return -1;
	return vector;
}

/*
 * The hint may only be cleared when the IRR is empty, while others post. They
 * set the bit first and the hint second; here the hint goes first and the IRR
 * is read second. With both sides sequentially consistent, either the scan
 * sees the bit or the hint is set again after the clear.
 */
static void refresh_irr_hint(struct hg_lapic *lapic)
{
	__atomic_store_n(&lapic->irr_pending, 0, __ATOMIC_SEQ_CST);
	if (highest_vector(lapic, HG_APIC_IRR) >= 0)
		__atomic_store_n(&lapic->irr_pending, 1, __ATOMIC_SEQ_CST);
}

int hg_lapic_ack(struct hg_lapic *lapic)
{
	int vector = hg_lapic_pending(lapic);
	u32 *irr, *isr, bit;

	if (vector < 0)
		return -1;
	irr = lapic_vector_word(lapic, HG_APIC_IRR, (u32)vector);
	isr = lapic_vector_word(lapic, HG_APIC_ISR, (u32)vector);
	bit = 1U << (vector % 32);
	__atomic_store_n(isr, *isr | bit, __ATOMIC_RELAXED);
	__atomic_fetch_and(irr, ~bit, __ATOMIC_SEQ_CST);
	refresh_irr_hint(lapic);
	/* Only a vector of a higher class gets here, so it is the new top. */
	lapic->isr_top = vector;
	lapic_update_ppr(lapic);
	return vector;
}

void hg_lapic_eoi(struct hg_lapic *lapic)
{
	int vector = lapic->isr_top;
	bool level, wanted;
	u32 *isr;

	if (vector < 0)
		return;
	isr = lapic_vector_word(lapic, HG_APIC_ISR, (u32)vector);
	__atomic_store_n(isr, *isr & ~(1U << (vector % 32)), __ATOMIC_RELAXED);
	lapic->isr_top = highest_vector(lapic, HG_APIC_ISR);
	lapic_update_ppr(lapic);

	level = lapic_vector_bit(lapic, HG_APIC_TMR, (u32)vector);
	if (level)
		wanted = !(hg_lapic_reg(lapic, HG_APIC_SVR) & HG_APIC_SVR_NO_EOI_BC);
	else
		wanted = __atomic_load_n(&lapic->eoi_vectors[vector / 32], __ATOMIC_RELAXED) >>
			 (vector % 32) & 1;
	if (wanted)
		lapic->ops->eoi(lapic->host, (u8)vector, level);
}

void hg_lapic_set_cr8(struct hg_lapic *lapic, u64 cr8)
{
	u32 tpr = (u32)(cr8 & 0xf) << 4;

	if (hg_lapic_reg(lapic, HG_APIC_TPR) == tpr)
		return;
	lapic_store(lapic, HG_APIC_TPR, tpr);
	lapic_update_ppr(lapic);
}

/* ---- acceptance -------------------------------------------------------- */

void lapic_error(struct hg_lapic *lapic, u32 bits)
{
	u32 old = __atomic_fetch_or(&lapic->esr_pending, bits, __ATOMIC_RELAXED);
	u32 lvt = hg_lapic_reg(lapic, HG_APIC_LVTERR);

	/* An illegal error vector would be an error again: do not recurse. */
	if ((old & bits) != bits && (lvt & 0xff) >= FIRST_LEGAL_VECTOR)
		hg_lapic_local(lapic, HG_APIC_LVTERR);
}

static void set_trigger(struct hg_lapic *lapic, u8 vector, bool level)
{
	u32 *tmr = lapic_vector_word(lapic, HG_APIC_TMR, vector);
	u32 bit = 1U << (vector % 32);

	/* A locked operation only where the trigger mode really changes. */
	if (lapic_vector_bit(lapic, HG_APIC_TMR, vector) == level)
		return;
	if (level)
		__atomic_fetch_or(tmr, bit, __ATOMIC_SEQ_CST);
	else
		__atomic_fetch_and(tmr, ~bit, __ATOMIC_SEQ_CST);
}

int hg_lapic_post(struct hg_lapic *lapic, u8 vector, bool level)
{
	u32 bit = 1U << (vector % 32);
	u32 old;

	if (!hg_lapic_enabled(lapic))
		return HG_IRQ_MASKED;
	if (vector < FIRST_LEGAL_VECTOR) {
		lapic_error(lapic, ESR_RECV_ILLEGAL);
		return HG_IRQ_MASKED;
	}
	set_trigger(lapic, vector, level);
	old = __atomic_fetch_or(lapic_vector_word(lapic, HG_APIC_IRR, vector), bit,
				__ATOMIC_SEQ_CST);
	__atomic_store_n(&lapic->irr_pending, 1, __ATOMIC_SEQ_CST);
	if (old & bit)
		return HG_IRQ_COALESCED;
	lapic->ops->kick(lapic->host);
	return HG_IRQ_DELIVERED;
}

static int post_event(struct hg_lapic *lapic, u32 event)
{
	u32 old = __atomic_fetch_or(&lapic->events, event, __ATOMIC_SEQ_CST);

	lapic->ops->kick(lapic->host);
	return old & event ? HG_IRQ_COALESCED : HG_IRQ_DELIVERED;
}

/* INIT puts the processor into wait-for-SIPI: a SIPI from before is void. */
static int post_init(struct hg_lapic *lapic)
{
	u32 old = __atomic_load_n(&lapic->events, __ATOMIC_RELAXED);
	u32 new;

	do {
		new = (old | HG_LAPIC_EV_INIT) & ~(u32)HG_LAPIC_EV_SIPI;
	} while (!__atomic_compare_exchange_n(&lapic->events, &old, new, false, __ATOMIC_SEQ_CST,
					      __ATOMIC_RELAXED));
	lapic->ops->kick(lapic->host);
	return HG_IRQ_DELIVERED;
}

int hg_lapic_deliver(struct hg_lapic *lapic, const struct hg_irq *irq)
{
	if (!hg_lapic_hw_enabled(lapic))
		return HG_IRQ_MASKED;

	switch (irq->mode) {
	case HG_IRQ_FIXED:
	case HG_IRQ_LOWEST:
		return hg_lapic_post(lapic, irq->vector, irq->level);
	case HG_IRQ_SMI:
		return post_event(lapic, HG_LAPIC_EV_SMI);
	case HG_IRQ_NMI:
		return post_event(lapic, HG_LAPIC_EV_NMI);
	case HG_IRQ_INIT:
		/* The level de-assert only ever set arbitration IDs. */
		if (irq->level && !irq->assert)
			return HG_IRQ_DELIVERED;
		return post_init(lapic);
	case HG_IRQ_SIPI:
		__atomic_store_n(&lapic->sipi_vector, irq->vector, __ATOMIC_RELAXED);
		return post_event(lapic, HG_LAPIC_EV_SIPI);
	default:
		/*
		 * ExtINT reaches a processor by the INTR line of the PIC, see
		 * hg_lapic_accepts_pic(); remote read does not exist any more.
		 */
		return HG_IRQ_MASKED;
	}
}

u32 hg_lapic_take_events(struct hg_lapic *lapic, u32 mask)
{
	if (!(hg_lapic_peek_events(lapic) & mask))
		return 0;
	return __atomic_fetch_and(&lapic->events, ~mask, __ATOMIC_SEQ_CST) & mask;
}

int hg_lapic_local(struct hg_lapic *lapic, u32 lvt)
{
	u32 reg = hg_lapic_reg(lapic, lvt);
	struct hg_irq irq = {
		.vector = (u8)reg,
		.mode = (u8)LVT_MODE(reg),
		.level = reg & LVT_LEVEL,
		.assert = true,
	};

	if (reg & HG_APIC_LVT_MASKED)
		return HG_IRQ_MASKED;
	/* The counter stops asking until its handler unmasks it (SDM 11.5.1). */
	if (lvt == HG_APIC_LVTPC)
		__atomic_fetch_or(&lapic->regs[lvt / 4], HG_APIC_LVT_MASKED, __ATOMIC_RELAXED);
	return hg_lapic_deliver(lapic, &irq);
}

bool hg_lapic_accepts_pic(const struct hg_lapic *lapic)
{
	u32 lvt0 = hg_lapic_reg(lapic, HG_APIC_LVT0);

	/* With the local APIC off, LINT0 is the processor's INTR pin. */
	if (!hg_lapic_hw_enabled(lapic))
		return true;
	return !(lvt0 & HG_APIC_LVT_MASKED) && LVT_MODE(lvt0) == HG_IRQ_EXTINT;
}

/* ---- destinations ------------------------------------------------------ */

static bool is_broadcast(const struct hg_lapic *lapic, const struct hg_irq *irq,
			 const struct hg_lapic *sender)
{
	if (irq->dest32)
		return irq->dest == HG_IRQ_BROADCAST_32;
	if ((irq->dest & 0xff) != HG_IRQ_BROADCAST_8)
		return false;
	return sender || !lapic->cfg.no_bcast_quirk || !hg_lapic_x2apic(lapic);
}

static bool match_physical(const struct hg_lapic *lapic, const struct hg_irq *irq)
{
	u32 dest = irq->dest32 ? irq->dest : irq->dest & 0xff;

	if (hg_lapic_x2apic(lapic))
		return dest == lapic->cfg.id;
	/*
	 * An ID above 255 has no xAPIC form. It answers to its full ID, so
	 * that a processor in x2APIC mode can start it.
	 */
	if (lapic->cfg.id > 0xff)
		return irq->dest32 && dest == lapic->cfg.id;
	return dest == hg_lapic_reg(lapic, HG_APIC_ID) >> 24;
}

static bool match_logical(const struct hg_lapic *lapic, const struct hg_irq *irq)
{
	u32 dest = irq->dest32 ? irq->dest : irq->dest & 0xff;
	u32 ldr = hg_lapic_reg(lapic, HG_APIC_LDR);

	if (hg_lapic_x2apic(lapic))
		return dest >> 16 == ldr >> 16 && (dest & ldr & 0xffff);
	if (dest > 0xff)
		return false;
	ldr >>= 24;
	if (hg_lapic_reg(lapic, HG_APIC_DFR) == HG_APIC_DFR_FLAT)
		return dest & ldr;
	return dest >> 4 == ldr >> 4 && (dest & ldr & 0xf);
}

bool hg_irq_match(const struct hg_lapic *lapic, const struct hg_irq *irq,
		  const struct hg_lapic *sender)
{
	switch (irq->shorthand) {
	case HG_IRQ_TO_SELF:
		return lapic == sender;
	case HG_IRQ_TO_ALL:
		return true;
	case HG_IRQ_TO_OTHERS:
		return lapic != sender;
	default:
		break;
	}
	if (is_broadcast(lapic, irq, sender))
		return true;
	return irq->logical ? match_logical(lapic, irq) : match_physical(lapic, irq);
}

/* ---- life cycle -------------------------------------------------------- */

void lapic_refresh_identity(struct hg_lapic *lapic)
{
	u32 id = lapic->cfg.id;
	u32 version = APIC_VERSION | APIC_VERSION_LVTS;

	if (lapic->cfg.directed_eoi)
		version |= APIC_VERSION_NO_EOI_BC;
	lapic_store(lapic, HG_APIC_VERSION, version);
	if (!hg_lapic_x2apic(lapic))
		return;
	/* SDM 11.12.10.2: the logical ID follows from the physical one. */
	lapic_store(lapic, HG_APIC_ID, id);
	lapic_store(lapic, HG_APIC_LDR, (id >> 4) << 16 | 1U << (id & 0xf));
}

/* Register values after power-up or INIT (SDM 11.4.7.1). */
static void reset_registers(struct hg_lapic *lapic)
{
	static const u16 lvts[] = { HG_APIC_LVTT, HG_APIC_LVTTHMR, HG_APIC_LVTPC,
				    HG_APIC_LVT0, HG_APIC_LVT1,	   HG_APIC_LVTERR };
	u32 off, i;

	for (off = 0; off < HG_APIC_REGS_SIZE; off += 4)
		if (off != HG_APIC_ID)
			lapic_store(lapic, off, 0);
	for (i = 0; i < HG_ARRAY_SIZE(lvts); i++)
		lapic_store(lapic, lvts[i], HG_APIC_LVT_MASKED);
	lapic_store(lapic, HG_APIC_DFR, HG_APIC_DFR_FLAT);
	lapic_store(lapic, HG_APIC_SVR, 0xff);
	/*
	 * Firmware of old relies on virtual wire mode being set up for the
	 * first processor: the PIC's line enters at LINT0.
	 */
	if (lapic->cfg.bsp)
		lapic_store(lapic, HG_APIC_LVT0, HG_IRQ_EXTINT << 8);

	lapic->isr_top = -1;
	lapic->tsc_deadline = 0;
	__atomic_store_n(&lapic->esr_pending, 0, __ATOMIC_RELAXED);
	lapic_refresh_identity(lapic);
	refresh_irr_hint(lapic);
}

static void power_up(struct hg_lapic *lapic)
{
	u64 base = HG_APIC_DEFAULT_BASE | HG_APIC_BASE_ENABLED;

	if (lapic->cfg.bsp)
		base |= HG_APIC_BASE_BSP;
	__atomic_store_n(&lapic->base, base, __ATOMIC_RELAXED);
	__atomic_store_n(&lapic->events, 0, __ATOMIC_SEQ_CST);
	lapic_store(lapic, HG_APIC_ID, lapic->cfg.id << 24);
	reset_registers(lapic);
}

void hg_lapic_init(struct hg_lapic *lapic, const struct hg_lapic_config *cfg,
		   const struct hg_lapic_ops *ops, void *host)
{
	*lapic = (struct hg_lapic){
		.ops = ops,
		.host = host,
		.cfg = *cfg,
	};
	power_up(lapic);
}

void hg_lapic_reset(struct hg_lapic *lapic, bool init_event)
{
	lapic_timer_stop(lapic);
	if (init_event)
		reset_registers(lapic);
	else
		power_up(lapic);
	lapic->ops->map_changed(lapic->host);
}

void hg_lapic_stop(struct hg_lapic *lapic)
{
	lapic_timer_stop(lapic);
}

void hg_lapic_set_config(struct hg_lapic *lapic, const struct hg_lapic_config *cfg)
{
	struct hg_lapic_config new = *cfg;

	new.id = lapic->cfg.id;
	new.bsp = lapic->cfg.bsp;
	new.tsc_khz = lapic->cfg.tsc_khz;
	lapic->cfg = new;
	lapic_refresh_identity(lapic);
	if (lapic->cfg.tsc_khz != cfg->tsc_khz)
		hg_lapic_tsc_changed(lapic, cfg->tsc_khz);
}

static bool base_is_valid(const struct hg_lapic *lapic, u64 value)
{
	u32 width = lapic->cfg.maxphyaddr;
	u64 allowed = 0xd00 | (width > 12 && width < 64 ? HG_MASK(width - 1, 12) : ~0xfffULL);

	if (!lapic->cfg.x2apic)
		allowed &= ~HG_APIC_BASE_X2APIC;
	if (value & ~allowed)
		return false;
	return !(value & HG_APIC_BASE_X2APIC) || (value & HG_APIC_BASE_ENABLED);
}

/* SDM figure 11-27; modes as (EN, EXTD). */
static bool transition_is_valid(u64 from, u64 to)
{
	bool from_x2 = from & HG_APIC_BASE_X2APIC;
	bool to_x2 = to & HG_APIC_BASE_X2APIC;

	if (!(to & HG_APIC_BASE_ENABLED))
		return true;
	if (from_x2)
		return to_x2;
	return !to_x2 || (from & HG_APIC_BASE_ENABLED);
}

bool hg_lapic_set_base(struct hg_lapic *lapic, u64 value, bool host)
{
	u64 mode = HG_APIC_BASE_ENABLED | HG_APIC_BASE_X2APIC;
	u64 old = lapic->base;
	bool was_x2 = hg_lapic_x2apic(lapic);

	if (!base_is_valid(lapic, value) || (!host && !transition_is_valid(old, value)))
		return false;

	__atomic_store_n(&lapic->base, value, __ATOMIC_RELAXED);
	if (!((old ^ value) & mode))
		return true;

	/* A guest that turns it off loses its state (SDM 11.4.3, 11.12.5.1). */
	if (!host && !(value & HG_APIC_BASE_ENABLED)) {
		lapic_timer_stop(lapic);
		lapic_store(lapic, HG_APIC_ID, lapic->cfg.id << 24);
		reset_registers(lapic);
	} else if (was_x2 && !hg_lapic_x2apic(lapic)) {
		lapic_store(lapic, HG_APIC_ID, lapic->cfg.id << 24);
		lapic_store(lapic, HG_APIC_LDR, 0);
		lapic_store(lapic, HG_APIC_DFR, HG_APIC_DFR_FLAT);
	}
	lapic_refresh_identity(lapic);
	lapic->ops->map_changed(lapic->host);
	return true;
}

/* ---- state ------------------------------------------------------------- */

static void put32(u8 *buf, u32 off, u32 val)
{
	memcpy(buf + off, &val, sizeof(val));
}

static u32 get32(const u8 *buf, u32 off)
{
	u32 val;

	memcpy(&val, buf + off, sizeof(val));
	return val;
}

void hg_lapic_get_state(struct hg_lapic *lapic, u8 *buf, bool id32)
{
	u32 off;

	for (off = 0; off < HG_APIC_REGS_SIZE; off += 4)
		put32(buf, off, hg_lapic_reg(lapic, off));
	put32(buf, HG_APIC_TMCCT, lapic_timer_current(lapic));
	if (hg_lapic_x2apic(lapic) && !id32)
		put32(buf, HG_APIC_ID, lapic->cfg.id << 24);
}

/* In x2APIC mode the ID cannot change, so it must be the one we have. */
static bool state_id_matches(const struct hg_lapic *lapic, u32 reg, bool id32)
{
	if (!hg_lapic_x2apic(lapic))
		return true;
	return id32 ? reg == lapic->cfg.id : reg == lapic->cfg.id << 24;
}

bool hg_lapic_set_state(struct hg_lapic *lapic, const u8 *buf, bool id32)
{
	u32 off;

	if (!state_id_matches(lapic, get32(buf, HG_APIC_ID), id32))
		return false;
	lapic_timer_stop(lapic);
	for (off = 0; off < HG_APIC_REGS_SIZE; off += 4)
		lapic_store(lapic, off, get32(buf, off));
	lapic_store(lapic, HG_APIC_TPR, get32(buf, HG_APIC_TPR) & 0xff);
	lapic_refresh_identity(lapic);
	lapic->isr_top = highest_vector(lapic, HG_APIC_ISR);
	refresh_irr_hint(lapic);
	lapic_update_ppr(lapic);
	lapic_timer_resume(lapic, get32(buf, HG_APIC_TMCCT));
	lapic->ops->map_changed(lapic->host);
	if (lapic->irr_pending)
		lapic->ops->kick(lapic->host);
	return true;
}
