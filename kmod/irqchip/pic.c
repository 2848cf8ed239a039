// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dual 8259A (Intel 8259A datasheet) with ELCR (82371AB datasheet, 4d0h).
 * See pic.h for locking.
 */
#include "pic.h"

#define CASCADE		2U	/* master pin that the slave drives */
#define SPURIOUS	7U	/* pin whose vector a lost request gets */

#define PORT_MASTER	0x20
#define PORT_SLAVE	0xa0
#define PORT_ELCR	0x4d0

/* ICW1, OCW2 and OCW3 bits. */
#define ICW1		0x10
#define ICW1_IC4	0x01
#define OCW3		0x08

/* ---- one chip ---------------------------------------------------------- */

/* Rank (0 highest) of the first pin set in mask; 8 if none is. */
static u32 rank(const struct hg_pic_state *c, u32 mask)
{
	u32 r;

	for (r = 0; r < 8; r++)
		if (mask >> ((r + c->priority_add) & 7) & 1)
			return r;
	return 8;
}

static u32 pin_of(const struct hg_pic_state *c, u32 r)
{
	return (r + c->priority_add) & 7;
}

/* The pin to interrupt for, -1 if none outranks what is in service. */
static int pending_pin(const struct hg_pic *pic, u32 n)
{
	const struct hg_pic_state *c = &pic->chip[n];
	u32 want = rank(c, c->irr & ~c->imr & 0xff);
	u32 service = c->isr;

	if (want == 8)
		return -1;
	/* Special mask: a masked pin in service holds nobody back. */
	if (c->special_mask)
		service &= ~(u32)c->imr;
	/*
	 * Special fully nested, master only: the slave may interrupt again
	 * with a higher pin of its own while one of its pins is in service.
	 */
	if (c->special_fully_nested_mode && n == 0)
		service &= ~(1U << CASCADE);
	return want < rank(c, service) ? (int)pin_of(c, want) : -1;
}

/*
 * Edge or level on one pin of a chip. An edge is remembered until it is
 * acknowledged, even if the line falls before: devices of a host raise and
 * lower theirs in one go, where the real chip saw a pulse of some length.
 */
static int set_pin(struct hg_pic_state *c, u32 pin, bool level)
{
	u8 mask = (u8)(1U << pin);
	bool was = c->last_irr & mask;
	bool request = c->irr & mask;

	if (level)
		c->last_irr |= mask;
	else
		c->last_irr &= (u8)~mask;

	if (c->elcr & mask) {
		if (level)
			c->irr |= mask;
		else
			c->irr &= (u8)~mask;
	} else if (level && !was) {
		c->irr |= mask;
	}
	if (!level)
		return HG_IRQ_DELIVERED;
	if (c->imr & mask)
		return HG_IRQ_MASKED;
	return request || was ? HG_IRQ_COALESCED : HG_IRQ_DELIVERED;
}

static void update(struct hg_pic *pic)
{
	u8 mask = 1U << CASCADE;
	bool out;

	/*
	 * The slave's INT pulses with every request it has; the master is shown
	 * the level instead, which loses none that comes back to back.
	 */
	if (pending_pin(pic, 1) >= 0)
		pic->chip[0].irr |= mask;
	else
		pic->chip[0].irr &= (u8)~mask;
	out = pending_pin(pic, 0) >= 0;
	if (out == pic->output)
		return;
	pic->output = out;
	pic->ops->output(pic->host, out);
}

static void end(struct hg_pic *pic, u32 n, u32 pin)
{
	struct hg_pic_state *c = &pic->chip[n];

	if (!(c->isr >> pin & 1))
		return;
	c->isr &= (u8)~(1U << pin);
	pic->acked |= (u16)(1U << (pin + 8 * n));
}

static void acknowledge(struct hg_pic *pic, u32 n, u32 pin)
{
	struct hg_pic_state *c = &pic->chip[n];

	c->isr |= (u8)(1U << pin);
	if (!(c->elcr >> pin & 1))
		c->irr &= (u8)~(1U << pin);
	if (!c->auto_eoi)
		return;
	if (c->rotate_on_auto_eoi)
		c->priority_add = (pin + 1) & 7;
	end(pic, n, pin);
}

/* ---- acknowledge cycle ------------------------------------------------- */

u8 hg_pic_ack(struct hg_pic *pic)
{
	int pin = pending_pin(pic, 0);
	int sub;
	u8 vector;

	if (pin < 0)
		return (u8)(pic->chip[0].irq_base + SPURIOUS);
	if (pin != CASCADE) {
		acknowledge(pic, 0, (u32)pin);
		vector = (u8)(pic->chip[0].irq_base + (u32)pin);
	} else {
		/* Which pin of the slave is settled before the master's ISR. */
		sub = pending_pin(pic, 1);
		acknowledge(pic, 0, CASCADE);
		if (sub < 0) {
			vector = (u8)(pic->chip[1].irq_base + SPURIOUS);
		} else {
			acknowledge(pic, 1, (u32)sub);
			vector = (u8)(pic->chip[1].irq_base + (u32)sub);
		}
	}
	update(pic);
	return vector;
}

u16 hg_pic_take_acked(struct hg_pic *pic)
{
	u16 acked = pic->acked;

	pic->acked = 0;
	return acked;
}

/* ---- lines ------------------------------------------------------------- */

int hg_pic_set_irq(struct hg_pic *pic, u32 pin, u32 source, bool level)
{
	int result;

	/* The cascade input has no line to the outside. */
	if (pin >= HG_PIC_PINS || pin == CASCADE || source >= 64)
		return HG_IRQ_MASKED;
	if (level)
		pic->lines[pin] |= 1ULL << source;
	else
		pic->lines[pin] &= ~(1ULL << source);
	result = set_pin(&pic->chip[pin / 8], pin % 8, pic->lines[pin]);
	update(pic);
	return result;
}

/* ---- commands ---------------------------------------------------------- */

/*
 * ICW1 clears the mask, the service register and the edge detectors, and
 * makes pin 7 the lowest; a pin held by a level request keeps it.
 */
static void begin_init(struct hg_pic *pic, u32 n, u8 icw1)
{
	struct hg_pic_state *c = &pic->chip[n];
	u32 pin;

	for (pin = 0; pin < 8; pin++)
		end(pic, n, pin);
	*c = (struct hg_pic_state){
		.irr = c->irr & c->elcr,
		.irq_base = c->irq_base,
		.init_state = 1,
		.init4 = icw1 & ICW1_IC4,
		.elcr = c->elcr,
		.elcr_mask = c->elcr_mask,
	};
}

/* OCW2: R, SL, EOI in bits 7 to 5. */
static void command_eoi(struct hg_pic *pic, u32 n, u8 val)
{
	struct hg_pic_state *c = &pic->chip[n];
	u32 named = val & 7;
	u32 service = c->isr;
	u32 r;

	switch (val >> 5) {
	case 0:		/* rotate in auto-EOI mode: clear */
	case 4:		/* set */
		c->rotate_on_auto_eoi = val >> 7;
		break;
	case 1:		/* non-specific EOI */
	case 5:		/* and rotate */
		if (c->special_mask)
			service &= ~(u32)c->imr;
		r = rank(c, service);
		if (r == 8)
			break;
		named = pin_of(c, r);
		end(pic, n, named);
		if (val >> 7)
			c->priority_add = (named + 1) & 7;
		break;
	case 3:		/* specific EOI */
		end(pic, n, named);
		break;
	case 7:		/* and rotate */
		end(pic, n, named);
		c->priority_add = (named + 1) & 7;
		break;
	case 6:		/* set priority */
		c->priority_add = (named + 1) & 7;
		break;
	default:	/* 2: no operation */
		break;
	}
}

static void write_command(struct hg_pic *pic, u32 n, u8 val)
{
	struct hg_pic_state *c = &pic->chip[n];

	if (val & ICW1) {
		begin_init(pic, n, val);
	} else if (val & OCW3) {
		c->poll = val >> 2 & 1;
		if (val & 2)
			c->read_reg_select = val & 1;
		if (val & 0x40)
			c->special_mask = val >> 5 & 1;
	} else {
		command_eoi(pic, n, val);
	}
}

static void write_data(struct hg_pic_state *c, u8 val)
{
	switch (c->init_state) {
	case 1:		/* ICW2 */
		c->irq_base = val & 0xf8;
		c->init_state = 2;
		break;
	case 2:		/* ICW3: the cascade is wired, nothing to choose */
		c->init_state = c->init4 ? 3 : 0;
		break;
	case 3:		/* ICW4 */
		c->special_fully_nested_mode = val >> 4 & 1;
		c->auto_eoi = val >> 1 & 1;
		c->init_state = 0;
		break;
	default:	/* OCW1 */
		c->imr = val;
		break;
	}
}

/* A read in poll mode is an acknowledge cycle of this chip alone. */
static u8 read_poll(struct hg_pic *pic, u32 n)
{
	int pin = pending_pin(pic, n);

	pic->chip[n].poll = 0;
	if (pin < 0)
		return 0;
	acknowledge(pic, n, (u32)pin);
	return (u8)(0x80 | pin);
}

/* ---- ports ------------------------------------------------------------- */

bool hg_pic_owns(u16 port)
{
	return (port & 0xfffe) == PORT_MASTER || (port & 0xfffe) == PORT_SLAVE ||
	       (port & 0xfffe) == PORT_ELCR;
}

static u32 chip_of(u16 port)
{
	return (port & 0xfffe) == PORT_SLAVE;
}

u8 hg_pic_read(struct hg_pic *pic, u16 port)
{
	u32 n = chip_of(port);
	struct hg_pic_state *c = &pic->chip[n];
	u8 val;

	if ((port & 0xfffe) == PORT_ELCR)
		return pic->chip[port & 1].elcr;
	if (c->poll) {
		val = read_poll(pic, n);
		update(pic);
		return val;
	}
	if (port & 1)
		return c->imr;
	return c->read_reg_select ? c->isr : c->irr;
}

/* A pin that becomes level triggered follows its line from now on. */
static void write_elcr(struct hg_pic *pic, u32 n, u8 val)
{
	struct hg_pic_state *c = &pic->chip[n];
	u32 pin;

	c->elcr = val & c->elcr_mask;
	for (pin = 0; pin < 8; pin++)
		if (c->elcr >> pin & 1)
			set_pin(c, pin, pic->lines[n * 8 + pin]);
}

void hg_pic_write(struct hg_pic *pic, u16 port, u8 val)
{
	u32 n = chip_of(port);

	if ((port & 0xfffe) == PORT_ELCR)
		write_elcr(pic, port & 1, val);
	else if (port & 1)
		write_data(&pic->chip[n], val);
	else
		write_command(pic, n, val);
	update(pic);
}

/* ---- life cycle and state ---------------------------------------------- */

void hg_pic_reset(struct hg_pic *pic)
{
	memset(pic->chip, 0, sizeof(pic->chip));
	memset(pic->lines, 0, sizeof(pic->lines));
	pic->acked = 0;
	/* Timer, keyboard and cascade, and on the slave RTC and FPU, are edge. */
	pic->chip[0].elcr_mask = 0xf8;
	pic->chip[1].elcr_mask = 0xde;
	update(pic);
}

void hg_pic_init(struct hg_pic *pic, const struct hg_pic_ops *ops, void *host)
{
	memset(pic, 0, sizeof(*pic));
	pic->ops = ops;
	pic->host = host;
	hg_pic_reset(pic);
}

void hg_pic_get_state(const struct hg_pic *pic, u32 chip, struct hg_pic_state *state)
{
	*state = pic->chip[chip & 1];
}

bool hg_pic_set_state(struct hg_pic *pic, u32 chip, const struct hg_pic_state *state)
{
	struct hg_pic_state *c = &pic->chip[chip & 1];
	u32 pin;

	if (chip > 1 || state->init_state > 3 || state->priority_add > 7)
		return false;
	*c = *state;
	c->elcr_mask = chip ? 0xde : 0xf8;
	c->elcr &= c->elcr_mask;
	/* As for the I/O APIC: source 0 stands in for whoever asserts. */
	for (pin = 0; pin < 8; pin++)
		pic->lines[chip * 8 + pin] = c->last_irr >> pin & 1;
	update(pic);
	return true;
}
