/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * I/O APIC with 24 pins (Intel 82093AA), version 0x11.
 *
 * The caller serialises all functions with one lock of the VM; ops are called
 * with that lock held. As in KVM, the polarity bit is stored and ignored:
 * a level of 1 always means "asserted".
 */
#ifndef HG_IRQCHIP_IOAPIC_H
#define HG_IRQCHIP_IOAPIC_H

#include "irq.h"

#define HG_IOAPIC_PINS		24U
#define HG_IOAPIC_BASE		0xfec00000ULL
#define HG_IOAPIC_MMIO_SIZE	0x100U

/*
 * A level line that is still asserted at its EOI interrupts again at once. A
 * guest that never quiets its device would starve itself; after this many
 * such repeats in a row the next one is left to ops->defer.
 */
#define HG_IOAPIC_STORM		10000U

#define HG_IOAPIC_RTE_REMOTE_IRR	(1ULL << 14)
#define HG_IOAPIC_RTE_LEVEL		(1ULL << 15)
#define HG_IOAPIC_RTE_MASKED		(1ULL << 16)

struct hg_ioapic_ops {
	/* Send to the local APICs; returns enum hg_irq_result or a count. */
	int (*deliver)(void *host, const struct hg_irq *irq);
	/* Call hg_ioapic_retry(pin) in about 10 ms. */
	void (*defer)(void *host, u32 pin);
	/* A redirection entry changed: the set of vectors may be different. */
	void (*changed)(void *host);
};

/* Layout of struct kvm_ioapic_state. */
struct hg_ioapic_state {
	u64 base;
	u32 ioregsel;
	u32 id;
	u32 irr;
	u32 pad;
	u64 redir[HG_IOAPIC_PINS];
};

struct hg_ioapic {
	struct hg_ioapic_state s;
	const struct hg_ioapic_ops *ops;
	void *host;
	u64 lines[HG_IOAPIC_PINS];	/* asserted sources, one bit each */
	u32 repeats[HG_IOAPIC_PINS];	/* EOIs in a row with the line high */
};

void hg_ioapic_init(struct hg_ioapic *io, const struct hg_ioapic_ops *ops, void *host);
void hg_ioapic_reset(struct hg_ioapic *io);

/*
 * Change source `source` (0 to 63) of a pin; the pin is the OR of its
 * sources. Returns enum hg_irq_result; lowering a line is DELIVERED.
 * An impossible pin or source is MASKED.
 */
int hg_ioapic_set_irq(struct hg_ioapic *io, u32 pin, u32 source, bool level);

/* Access inside the page at s.base; off < HG_IOAPIC_MMIO_SIZE, size 1 to 8. */
void hg_ioapic_read(struct hg_ioapic *io, u32 off, u32 size, u64 *val);
void hg_ioapic_write(struct hg_ioapic *io, u32 off, u32 size, u64 val);

/*
 * EOI in two steps. First hg_ioapic_eoi_pins(): which pins does the EOI of
 * this vector end? The caller drops its lock and tells the sources, which may
 * lower their lines. Then hg_ioapic_eoi(): ends them, and a line that is
 * still asserted interrupts again.
 */
u32 hg_ioapic_eoi_pins(const struct hg_ioapic *io, u8 vector, bool level);
void hg_ioapic_eoi(struct hg_ioapic *io, u8 vector, bool level);

/* Try again a delivery that was handed to ops->defer. */
void hg_ioapic_retry(struct hg_ioapic *io, u32 pin);

/* Vectors of all entries, one bit each: for hg_lapic::eoi_vectors. */
void hg_ioapic_vectors(const struct hg_ioapic *io, u32 vectors[8]);

/* The message an entry sends (pin < HG_IOAPIC_PINS). */
void hg_ioapic_message(const struct hg_ioapic *io, u32 pin, struct hg_irq *irq);

void hg_ioapic_get_state(const struct hg_ioapic *io, struct hg_ioapic_state *state);
/* Lines in state->irr are delivered again. Every value is valid. */
void hg_ioapic_set_state(struct hg_ioapic *io, const struct hg_ioapic_state *state);

#endif /* HG_IRQCHIP_IOAPIC_H */
