/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the files of the local APIC model only. */
#ifndef HG_IRQCHIP_LAPIC_PRIV_H
#define HG_IRQCHIP_LAPIC_PRIV_H

#include "lapic.h"

/* ESR bits (SDM figure 11-9); the others need a bus that is long gone. */
#define ESR_SEND_ILLEGAL	(1U << 5)
#define ESR_RECV_ILLEGAL	(1U << 6)
#define ESR_ILLEGAL_REG		(1U << 7)

#define LVT_MODE(v)		(((v) >> 8) & 7)
#define LVT_LEVEL		(1U << 15)
#define LVT_READ_ONLY		((1U << 12) | (1U << 14))	/* status, remote IRR */

/* Vectors below 16 are illegal in every message and LVT (SDM 11.5.2). */
#define FIRST_LEGAL_VECTOR	16U

enum lapic_timer_mode {
	TIMER_ONE_SHOT	= 0,
	TIMER_PERIODIC	= 1,
	TIMER_DEADLINE	= 2,
};

static inline void lapic_store(struct hg_lapic *lapic, u32 off, u32 val)
{
	__atomic_store_n(&lapic->regs[off / 4], val, __ATOMIC_RELAXED);
}

static inline u32 *lapic_vector_word(struct hg_lapic *lapic, u32 base, u32 vector)
{
	return &lapic->regs[(base + (vector / 32) * 0x10) / 4];
}

static inline bool lapic_vector_bit(const struct hg_lapic *lapic, u32 base, u32 vector)
{
	return hg_lapic_reg(lapic, base + (vector / 32) * 0x10) >> (vector % 32) & 1;
}

/* Latch errors for the next ESR write and raise the error interrupt. Any CPU. */
void lapic_error(struct hg_lapic *lapic, u32 bits);

/* ID, LDR, PPR and version as mode and configuration say. */
void lapic_refresh_identity(struct hg_lapic *lapic);
void lapic_update_ppr(struct hg_lapic *lapic);

/* Timer: effects of register writes. Owner only. */
void lapic_timer_stop(struct hg_lapic *lapic);
void lapic_timer_set_lvtt(struct hg_lapic *lapic, u32 val);
void lapic_timer_set_count(struct hg_lapic *lapic, u32 count);
void lapic_timer_set_divide(struct hg_lapic *lapic, u32 val);
u32 lapic_timer_current(const struct hg_lapic *lapic);
/* Go on after set_state: `current` counts are left of a count-down. */
void lapic_timer_resume(struct hg_lapic *lapic, u32 current);

#endif /* HG_IRQCHIP_LAPIC_PRIV_H */
