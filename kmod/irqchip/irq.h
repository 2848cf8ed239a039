/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One interrupt message, as an ICR write, an I/O APIC pin or an MSI sends it.
 */
#ifndef HG_IRQCHIP_IRQ_H
#define HG_IRQCHIP_IRQ_H

#include "../core/types.h"

/* Delivery modes, encoded as in the ICR, the LVTs and MSI data (SDM 11.6.1). */
enum hg_irq_mode {
	HG_IRQ_FIXED	= 0,
	HG_IRQ_LOWEST	= 1,
	HG_IRQ_SMI	= 2,
	HG_IRQ_REMRD	= 3,	/* remote read, gone since the Pentium 4: dropped */
	HG_IRQ_NMI	= 4,
	HG_IRQ_INIT	= 5,
	HG_IRQ_SIPI	= 6,
	HG_IRQ_EXTINT	= 7,
};

enum hg_irq_shorthand {
	HG_IRQ_TO_DEST		= 0,
	HG_IRQ_TO_SELF		= 1,
	HG_IRQ_TO_ALL		= 2,
	HG_IRQ_TO_OTHERS	= 3,
};

#define HG_IRQ_BROADCAST_8	0xffU
#define HG_IRQ_BROADCAST_32	0xffffffffU

struct hg_irq {
	u32 dest;	/* 8 bits wide unless dest32 */
	u8 vector;
	u8 mode;	/* enum hg_irq_mode */
	u8 shorthand;	/* enum hg_irq_shorthand; only an ICR has one */
	bool logical;	/* dest is a logical destination */
	bool dest32;	/* dest is in x2APIC format: 32 bits, broadcast is ~0 */
	bool level;	/* level triggered (false: edge) */
	bool assert;	/* INIT only: false with level is the level de-assert */
};

/*
 * What became of a delivery; the numbers are those KVM_IRQ_LINE_STATUS
 * reports. A positive value counts the local APICs that took the interrupt.
 */
enum hg_irq_result {
	HG_IRQ_MASKED		= -1,	/* masked, or nobody matched */
	HG_IRQ_COALESCED	= 0,	/* the same interrupt was pending already */
	HG_IRQ_DELIVERED	= 1,
};

#endif /* HG_IRQCHIP_IRQ_H */
