/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two cascaded Intel 8259A interrupt controllers with the edge/level control
 * registers of the PIIX (ports 20h, 21h, a0h, a1h, 4d0h, 4d1h).
 *
 * The caller serialises all functions with one lock of the VM; ops are called
 * with that lock held.
 */
#ifndef HG_IRQCHIP_PIC_H
#define HG_IRQCHIP_PIC_H

#include "irq.h"

#define HG_PIC_PINS	16U

struct hg_pic_ops {
	/* The INT line to the CPU changed. */
	void (*output)(void *host, bool level);
};

/* Layout of struct kvm_pic_state: one chip. */
struct hg_pic_state {
	u8 last_irr;		/* line levels, for edge detection */
	u8 irr;
	u8 imr;
	u8 isr;
	u8 priority_add;	/* pin with the highest priority */
	u8 irq_base;		/* vector of pin 0 */
	u8 read_reg_select;	/* reads give: 0 IRR, 1 ISR */
	u8 poll;
	u8 special_mask;
	u8 init_state;		/* next ICW: 0 none, 1 ICW2, 2 ICW3, 3 ICW4 */
	u8 auto_eoi;
	u8 rotate_on_auto_eoi;
	u8 special_fully_nested_mode;
	u8 init4;		/* ICW4 will follow */
	u8 elcr;
	u8 elcr_mask;		/* pins that may be level triggered */
};

struct hg_pic {
	struct hg_pic_state chip[2];	/* master, slave */
	const struct hg_pic_ops *ops;
	void *host;
	u64 lines[HG_PIC_PINS];	/* asserted sources, one bit each */
	u16 acked;		/* pins ended since hg_pic_take_acked() */
	bool output;
};

void hg_pic_init(struct hg_pic *pic, const struct hg_pic_ops *ops, void *host);
void hg_pic_reset(struct hg_pic *pic);

/* Change source `source` (0 to 63) of a pin. Returns enum hg_irq_result. */
int hg_pic_set_irq(struct hg_pic *pic, u32 pin, u32 source, bool level);

/* Does a port belong to the PICs? */
bool hg_pic_owns(u16 port);

/* One-byte access to an owned port. */
u8 hg_pic_read(struct hg_pic *pic, u16 port);
void hg_pic_write(struct hg_pic *pic, u16 port, u8 val);

/* Is INT asserted? */
static inline bool hg_pic_output(const struct hg_pic *pic)
{
	return pic->output;
}

/*
 * Interrupt acknowledge cycle: the vector. If the request went away in the
 * meantime it is the spurious one, pin 7 of the chip that was asked.
 */
u8 hg_pic_ack(struct hg_pic *pic);

/* Pins whose interrupt ended since the last call; the host tells sources. */
u16 hg_pic_take_acked(struct hg_pic *pic);

/* chip: 0 master, 1 slave. set returns false for an impossible state. */
void hg_pic_get_state(const struct hg_pic *pic, u32 chip, struct hg_pic_state *state);
bool hg_pic_set_state(struct hg_pic *pic, u32 chip, const struct hg_pic_state *state);

#endif /* HG_IRQCHIP_PIC_H */
