// SPDX-License-Identifier: GPL-2.0-only
/*
 * Local APIC registers as the guest reaches them: the xAPIC page (SDM table
 * 11-1) and the x2APIC MSRs (SDM table 11-6), which differ in who may read and
 * write what, and in that the MSRs fault on reserved bits.
 */
#include "lapic_priv.h"

#define R	1U	/* xAPIC read */
#define W	2U	/* xAPIC write */
#define XR	4U	/* x2APIC read */
#define XW	8U	/* x2APIC write */

#define ICR_BUSY	(1U << 12)	/* delivery is instant: never set */
#define ICR_VALID	0x000cdfffU
#define ICR_LOGICAL	(1U << 11)
#define ICR_ASSERT	(1U << 14)
#define ICR_LEVEL	(1U << 15)

/* One entry per 16 bytes of the page; 0 is no register. */
static const u8 access_rights[HG_APIC_REGS_SIZE / 0x10] = {
	[HG_APIC_ID >> 4]	= R | W | XR,
	[HG_APIC_VERSION >> 4]	= R | XR,
	[HG_APIC_TPR >> 4]	= R | W | XR | XW,
	[HG_APIC_APR >> 4]	= R,
	[HG_APIC_PPR >> 4]	= R | XR,
	[HG_APIC_EOI >> 4]	= W | XW,
	[HG_APIC_RRD >> 4]	= R,
	[HG_APIC_LDR >> 4]	= R | W | XR,
	[HG_APIC_DFR >> 4]	= R | W,
	[HG_APIC_SVR >> 4]	= R | W | XR | XW,
	[HG_APIC_ISR >> 4 ... (HG_APIC_ISR >> 4) + 7] = R | XR,
	[HG_APIC_TMR >> 4 ... (HG_APIC_TMR >> 4) + 7] = R | XR,
	[HG_APIC_IRR >> 4 ... (HG_APIC_IRR >> 4) + 7] = R | XR,
	[HG_APIC_ESR >> 4]	= R | W | XR | XW,
	[HG_APIC_ICR >> 4]	= R | W | XR | XW,
	[HG_APIC_ICR2 >> 4]	= R | W,
	[HG_APIC_LVTT >> 4]	= R | W | XR | XW,
	[HG_APIC_LVTTHMR >> 4]	= R | W | XR | XW,
	[HG_APIC_LVTPC >> 4]	= R | W | XR | XW,
	[HG_APIC_LVT0 >> 4]	= R | W | XR | XW,
	[HG_APIC_LVT1 >> 4]	= R | W | XR | XW,
	[HG_APIC_LVTERR >> 4]	= R | W | XR | XW,
	[HG_APIC_TMICT >> 4]	= R | W | XR | XW,
	[HG_APIC_TMCCT >> 4]	= R | XR,
	[HG_APIC_TDCR >> 4]	= R | W | XR | XW,
	[HG_APIC_SELF >> 4]	= XW,
};

/* Bits a write may set; in x2APIC mode any other bit is a fault. */
static u32 writable_bits(const struct hg_lapic *lapic, u32 off)
{
	switch (off) {
	case HG_APIC_ID:
	case HG_APIC_LDR:
		return 0xff000000;
	case HG_APIC_DFR:
		return 0xf0000000;
	case HG_APIC_TPR:
	case HG_APIC_SELF:
		return 0xff;
	case HG_APIC_SVR:
		return lapic->cfg.directed_eoi ? 0x13ff : 0x3ff;
	case HG_APIC_EOI:
	case HG_APIC_ESR:
		return 0;
	case HG_APIC_LVTT:
		return lapic->cfg.tsc_deadline ? 0x700ff : 0x300ff;
	case HG_APIC_LVTTHMR:
	case HG_APIC_LVTPC:
		return 0x107ff;
	case HG_APIC_LVT0:
	case HG_APIC_LVT1:
		return 0x1a7ff;
	case HG_APIC_LVTERR:
		return 0x100ff;
	case HG_APIC_TDCR:
		return 0xb;
	default:
		return 0xffffffff;
	}
}

/* Bits an x2APIC write may carry although they do not stick. */
static u32 ignored_bits(u32 off)
{
	switch (off) {
	case HG_APIC_LVTT:
	case HG_APIC_LVTTHMR:
	case HG_APIC_LVTPC:
	case HG_APIC_LVT0:
	case HG_APIC_LVT1:
	case HG_APIC_LVTERR:
		return LVT_READ_ONLY;
	default:
		return 0;
	}
}

/* ---- ICR --------------------------------------------------------------- */

static void send(struct hg_lapic *lapic, u32 icr, u32 icr2)
{
	struct hg_irq irq = {
		.dest32 = hg_lapic_x2apic(lapic),
		.vector = (u8)icr,
		.mode = icr >> 8 & 7,
		.shorthand = icr >> 18 & 3,
		.logical = icr & ICR_LOGICAL,
		.assert = icr & ICR_ASSERT,
		.level = icr & ICR_LEVEL,
	};

	irq.dest = irq.dest32 ? icr2 : icr2 >> 24;
	if (irq.mode == HG_IRQ_FIXED || irq.mode == HG_IRQ_LOWEST) {
		if (irq.vector < FIRST_LEGAL_VECTOR) {
			lapic_error(lapic, ESR_SEND_ILLEGAL);
			return;
		}
		/* IPIs are edge triggered whatever the bit says (SDM 11.6.1). */
		irq.level = false;
		if (irq.shorthand == HG_IRQ_TO_SELF) {
			hg_lapic_post(lapic, irq.vector, false);
			return;
		}
	}
	lapic->ops->send_ipi(lapic->host, &irq);
}

static void write_icr(struct hg_lapic *lapic, u32 icr, u32 icr2)
{
	icr &= ICR_VALID & ~ICR_BUSY;
	lapic_store(lapic, HG_APIC_ICR2, icr2);
	lapic_store(lapic, HG_APIC_ICR, icr);
	send(lapic, icr, icr2);
}

/* ---- the others -------------------------------------------------------- */

static void write_svr(struct hg_lapic *lapic, u32 val)
{
	static const u16 lvts[] = { HG_APIC_LVTT, HG_APIC_LVTTHMR, HG_APIC_LVTPC,
				    HG_APIC_LVT0, HG_APIC_LVT1,	   HG_APIC_LVTERR };
	u32 old = hg_lapic_reg(lapic, HG_APIC_SVR);
	u32 i;

	lapic_store(lapic, HG_APIC_SVR, val);
	if (!((old ^ val) & HG_APIC_SVR_ENABLED))
		return;
	/* SDM 11.4.7.2: all LVT mask bits are set and stay set. */
	if (!(val & HG_APIC_SVR_ENABLED))
		for (i = 0; i < HG_ARRAY_SIZE(lvts); i++)
			lapic_store(lapic, lvts[i],
				    hg_lapic_reg(lapic, lvts[i]) | HG_APIC_LVT_MASKED);
	lapic->ops->map_changed(lapic->host);
}

static void write_lvt(struct hg_lapic *lapic, u32 off, u32 val)
{
	if (!(hg_lapic_reg(lapic, HG_APIC_SVR) & HG_APIC_SVR_ENABLED))
		val |= HG_APIC_LVT_MASKED;
	if (off == HG_APIC_LVTT)
		lapic_timer_set_lvtt(lapic, val);
	else
		lapic_store(lapic, off, val);
}

static void write_identity(struct hg_lapic *lapic, u32 off, u32 val)
{
	if (off == HG_APIC_DFR)
		val |= 0x0fffffff;
	if (hg_lapic_reg(lapic, off) == val)
		return;
	lapic_store(lapic, off, val);
	lapic->ops->map_changed(lapic->host);
}

/* `val` holds writable bits only. */
static void write_register(struct hg_lapic *lapic, u32 off, u32 val)
{
	switch (off) {
	case HG_APIC_ID:
	case HG_APIC_LDR:
	case HG_APIC_DFR:
		write_identity(lapic, off, val);
		break;
	case HG_APIC_TPR:
		lapic_store(lapic, off, val);
		lapic_update_ppr(lapic);
		break;
	case HG_APIC_EOI:
		hg_lapic_eoi(lapic);
		break;
	case HG_APIC_SVR:
		write_svr(lapic, val);
		break;
	case HG_APIC_ESR:
		/* SDM 11.5.3: a write shows what came since the last one. */
		lapic_store(lapic, off,
			    __atomic_exchange_n(&lapic->esr_pending, 0, __ATOMIC_RELAXED));
		break;
	case HG_APIC_ICR:
		write_icr(lapic, val, hg_lapic_reg(lapic, HG_APIC_ICR2));
		break;
	case HG_APIC_LVTT:
	case HG_APIC_LVTTHMR:
	case HG_APIC_LVTPC:
	case HG_APIC_LVT0:
	case HG_APIC_LVT1:
	case HG_APIC_LVTERR:
		write_lvt(lapic, off, val);
		break;
	case HG_APIC_TMICT:
		lapic_timer_set_count(lapic, val);
		break;
	case HG_APIC_TDCR:
		lapic_timer_set_divide(lapic, val);
		break;
	case HG_APIC_SELF:
		send(lapic, HG_IRQ_TO_SELF << 18 | val, 0);
		break;
	default:
		lapic_store(lapic, off, val);
		break;
	}
}

/* SDM 11.6.2.4: nobody arbitrates on a bus any more, but it can be read. */
static u32 arbitration_priority(const struct hg_lapic *lapic)
{
	u32 tpr = hg_lapic_reg(lapic, HG_APIC_TPR) & 0xff;
	int irr = hg_lapic_highest_irr(lapic);
	u32 request = irr < 0 ? 0 : (u32)irr & 0xf0;
	u32 service = lapic->isr_top < 0 ? 0 : (u32)lapic->isr_top & 0xf0;

	if ((tpr & 0xf0) >= request && (tpr & 0xf0) > service)
		return tpr;
	request = request > service ? request : service;
	return (tpr & 0xf0) > request ? tpr & 0xf0 : request;
}

static u32 read_register(struct hg_lapic *lapic, u32 off)
{
	switch (off) {
	case HG_APIC_TMCCT:
		return lapic_timer_current(lapic);
	case HG_APIC_APR:
		return arbitration_priority(lapic);
	default:
		return hg_lapic_reg(lapic, off);
	}
}

/* ---- memory mapped ----------------------------------------------------- */

static bool mmio_on(const struct hg_lapic *lapic, u32 off)
{
	return off < HG_APIC_MMIO_SIZE && hg_lapic_hw_enabled(lapic) && !hg_lapic_x2apic(lapic);
}

/* Rights of the register at off; an access to none at all is an APIC error. */
static u32 mmio_rights(struct hg_lapic *lapic, u32 off)
{
	u32 rights = off < HG_APIC_REGS_SIZE ? access_rights[off >> 4] & (R | W) : 0;

	if (!rights)
		lapic_error(lapic, ESR_ILLEGAL_REG);
	return rights;
}

bool hg_lapic_mmio_read(struct hg_lapic *lapic, u32 off, u32 size, u64 *val)
{
	u32 shift = (off & 3) * 8;
	u64 word;

	if (!mmio_on(lapic, off))
		return false;
	*val = 0;
	/* Only the first four of each sixteen bytes exist. */
	if (!(mmio_rights(lapic, off) & R) || (off & 0xf) > 3)
		return true;
	word = read_register(lapic, off & ~0xfU) >> shift;
	*val = size < 4 ? word & ((1U << size * 8) - 1) : word;
	return true;
}

bool hg_lapic_mmio_write(struct hg_lapic *lapic, u32 off, u32 size, u64 val)
{
	if (!mmio_on(lapic, off))
		return false;
	/* Anything but an aligned 32-bit write is undefined: no effect. */
	if ((off & 0xf) || size != 4)
		return true;
	if (mmio_rights(lapic, off) & W)
		write_register(lapic, off, (u32)val & writable_bits(lapic, off));
	return true;
}

/* ---- MSRs -------------------------------------------------------------- */

static bool msr_register(const struct hg_lapic *lapic, u32 msr, u32 right, u32 *off)
{
	if (msr < HG_X2APIC_MSR_FIRST || msr > HG_X2APIC_MSR_LAST || !hg_lapic_x2apic(lapic))
		return false;
	*off = (msr - HG_X2APIC_MSR_FIRST) << 4;
	return *off < HG_APIC_REGS_SIZE && (access_rights[*off >> 4] & right);
}

bool hg_lapic_msr_read(struct hg_lapic *lapic, u32 msr, u64 *val)
{
	u32 off;

	if (!msr_register(lapic, msr, XR, &off))
		return false;
	*val = read_register(lapic, off);
	if (off == HG_APIC_ICR)
		*val |= (u64)hg_lapic_reg(lapic, HG_APIC_ICR2) << 32;
	return true;
}

bool hg_lapic_msr_write(struct hg_lapic *lapic, u32 msr, u64 val)
{
	u32 off, bits;

	if (!msr_register(lapic, msr, XW, &off))
		return false;
	if (off == HG_APIC_ICR) {
		/* The busy bit is gone, but writing it back is harmless. */
		if ((u32)val & ~ICR_VALID)
			return false;
		write_icr(lapic, (u32)val, (u32)(val >> 32));
		return true;
	}
	bits = writable_bits(lapic, off);
	if (val & ~(u64)(bits | ignored_bits(off)))
		return false;
	write_register(lapic, off, (u32)val & bits);
	return true;
}
