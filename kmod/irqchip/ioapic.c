// SPDX-License-Identifier: GPL-2.0-only
/*
 * I/O APIC (Intel 82093AA datasheet). See ioapic.h for locking.
 *
 * The version is 0x11, which has no EOI register: ends of interrupts come as
 * broadcasts from the local APICs.
 */
#include "ioapic.h"

#define REG_SELECT	0x00
#define REG_WINDOW	0x10

#define INDEX_ID	0x00
#define INDEX_VERSION	0x01
#define INDEX_ARB	0x02
#define INDEX_REDIR	0x10

#define VERSION		(0x11U | (HG_IOAPIC_PINS - 1) << 16)

/* Delivery status and remote IRR belong to the chip, not to the guest. */
#define RTE_READ_ONLY	((1ULL << 12) | HG_IOAPIC_RTE_REMOTE_IRR)
#define RTE_WRITABLE	(0xff0000000001ffffULL & ~RTE_READ_ONLY)

static bool is_level(u64 rte)
{
	return rte & HG_IOAPIC_RTE_LEVEL;
}

void hg_ioapic_reset(struct hg_ioapic *io)
{
	u32 pin;

	memset(&io->s, 0, sizeof(io->s));
	memset(io->lines, 0, sizeof(io->lines));
	memset(io->repeats, 0, sizeof(io->repeats));
	io->s.base = HG_IOAPIC_BASE;
	for (pin = 0; pin < HG_IOAPIC_PINS; pin++)
		io->s.redir[pin] = HG_IOAPIC_RTE_MASKED;
	io->ops->changed(io->host);
}

void hg_ioapic_init(struct hg_ioapic *io, const struct hg_ioapic_ops *ops, void *host)
{
	memset(io, 0, sizeof(*io));
	io->ops = ops;
	io->host = host;
	hg_ioapic_reset(io);
}

void hg_ioapic_message(const struct hg_ioapic *io, u32 pin, struct hg_irq *irq)
{
	u64 rte = io->s.redir[pin];

	*irq = (struct hg_irq){
		.dest = (u32)(rte >> 56),
		.vector = (u8)rte,
		.mode = rte >> 8 & 7,
		.logical = rte >> 11 & 1,
		.level = is_level(rte),
		.assert = true,
	};
}

/*
 * Send what a pin has to say, if it may. A level interrupt sets remote IRR,
 * which holds back the next one until the EOI.
 */
static int service(struct hg_ioapic *io, u32 pin)
{
	u64 rte = io->s.redir[pin];
	struct hg_irq irq;
	int result;

	if (rte & HG_IOAPIC_RTE_MASKED)
		return HG_IRQ_MASKED;
	if (is_level(rte) && (rte & HG_IOAPIC_RTE_REMOTE_IRR))
		return HG_IRQ_COALESCED;
	hg_ioapic_message(io, pin, &irq);
	result = io->ops->deliver(io->host, &irq);
	/*
	 * A level message that only joined a pending one is accepted too: one
	 * EOI will end both. One that nobody took has no EOI to wait for.
	 */
	if (is_level(rte) && result >= 0)
		io->s.redir[pin] |= HG_IOAPIC_RTE_REMOTE_IRR;
	return result;
}

int hg_ioapic_set_irq(struct hg_ioapic *io, u32 pin, u32 source, bool level)
{
	u32 mask, old;

	if (pin >= HG_IOAPIC_PINS || source >= 64)
		return HG_IRQ_MASKED;
	if (level)
		io->lines[pin] |= 1ULL << source;
	else
		io->lines[pin] &= ~(1ULL << source);

	mask = 1U << pin;
	old = io->s.irr;
	if (!io->lines[pin]) {
		io->s.irr &= ~mask;
		return HG_IRQ_DELIVERED;
	}
	io->s.irr |= mask;
	/* An edge is a change; an edge that comes while masked is lost. */
	if (!is_level(io->s.redir[pin]) && (old & mask))
		return HG_IRQ_COALESCED;
	return service(io, pin);
}

/* ---- registers --------------------------------------------------------- */

static void write_redir(struct hg_ioapic *io, u32 index, u32 val)
{
	u32 pin = (index - INDEX_REDIR) / 2;
	u32 shift = index & 1 ? 32 : 0;
	u64 writable = RTE_WRITABLE & (0xffffffffULL << shift);
	u64 *rte = &io->s.redir[pin];

	*rte = (*rte & ~writable) | ((u64)val << shift & writable);
	/*
	 * An edge interrupt has no remote IRR; switching to edge and back is
	 * how guests without directed EOI clear a stuck one.
	 */
	if (!is_level(*rte))
		*rte &= ~HG_IOAPIC_RTE_REMOTE_IRR;
	io->repeats[pin] = 0;
	io->ops->changed(io->host);
	if (is_level(*rte) && (io->s.irr >> pin & 1))
		service(io, pin);
}

static u32 read_window(const struct hg_ioapic *io)
{
	u32 index = io->s.ioregsel;

	switch (index) {
	case INDEX_ID:
	case INDEX_ARB:
		return (io->s.id & 0xf) << 24;
	case INDEX_VERSION:
		return VERSION;
	default:
		break;
	}
	if (index < INDEX_REDIR || index - INDEX_REDIR >= 2 * HG_IOAPIC_PINS)
		return 0xffffffff;
	return (u32)(io->s.redir[(index - INDEX_REDIR) / 2] >> (index & 1 ? 32 : 0));
}

static void write_window(struct hg_ioapic *io, u32 val)
{
	u32 index = io->s.ioregsel;

	if (index == INDEX_ID)
		io->s.id = val >> 24 & 0xf;
	else if (index >= INDEX_REDIR && index - INDEX_REDIR < 2 * HG_IOAPIC_PINS)
		write_redir(io, index, val);
}

void hg_ioapic_read(struct hg_ioapic *io, u32 off, u32 size, u64 *val)
{
	*val = 0;
	switch (off & ~0xfU) {
	case REG_SELECT:
		*val = io->s.ioregsel;
		break;
	case REG_WINDOW:
		*val = read_window(io);
		break;
	default:
		break;
	}
	*val >>= (off & 3) * 8;
	if (size < 4)
		*val &= (1U << size * 8) - 1;
}

void hg_ioapic_write(struct hg_ioapic *io, u32 off, u32 size, u64 val)
{
	/* Only the select register may be written by less than 32 bits. */
	if (off == REG_SELECT)
		io->s.ioregsel = val & 0xff;
	else if (off == REG_WINDOW && size >= 4)
		write_window(io, (u32)val);
}

/* ---- ends of interrupts ------------------------------------------------ */

static bool ends(const struct hg_ioapic *io, u32 pin, u8 vector, bool level)
{
	u64 rte = io->s.redir[pin];

	return (u8)rte == vector && is_level(rte) == level;
}

u32 hg_ioapic_eoi_pins(const struct hg_ioapic *io, u8 vector, bool level)
{
	u32 pin, pins = 0;

	for (pin = 0; pin < HG_IOAPIC_PINS; pin++)
		if (ends(io, pin, vector, level))
			pins |= 1U << pin;
	return pins;
}

void hg_ioapic_retry(struct hg_ioapic *io, u32 pin)
{
	if (pin >= HG_IOAPIC_PINS)
		return;
	io->repeats[pin] = 0;
	if (is_level(io->s.redir[pin]) && (io->s.irr >> pin & 1))
		service(io, pin);
}

void hg_ioapic_eoi(struct hg_ioapic *io, u8 vector, bool level)
{
	u32 pin;

	if (!level)
		return;
	for (pin = 0; pin < HG_IOAPIC_PINS; pin++) {
		u64 *rte = &io->s.redir[pin];

		if (!ends(io, pin, vector, true) || !(*rte & HG_IOAPIC_RTE_REMOTE_IRR))
			continue;
		*rte &= ~HG_IOAPIC_RTE_REMOTE_IRR;
		if (!(io->s.irr >> pin & 1)) {
			io->repeats[pin] = 0;
		} else if (!(*rte & HG_IOAPIC_RTE_MASKED)) {
			if (++io->repeats[pin] >= HG_IOAPIC_STORM)
				io->ops->defer(io->host, pin);
			else
				service(io, pin);
		}
	}
}

void hg_ioapic_vectors(const struct hg_ioapic *io, u32 vectors[8])
{
	u32 pin;

	memset(vectors, 0, 8 * sizeof(vectors[0]));
	for (pin = 0; pin < HG_IOAPIC_PINS; pin++) {
		u64 rte = io->s.redir[pin];

		if (!(rte & HG_IOAPIC_RTE_MASKED))
			vectors[(rte & 0xff) / 32] |= 1U << (rte % 32);
	}
}

/* ---- state ------------------------------------------------------------- */

void hg_ioapic_get_state(const struct hg_ioapic *io, struct hg_ioapic_state *state)
{
	*state = io->s;
}

void hg_ioapic_set_state(struct hg_ioapic *io, const struct hg_ioapic_state *state)
{
	u32 pin, irr = state->irr & ((1U << HG_IOAPIC_PINS) - 1);

	io->s = *state;
	io->s.pad = 0;
	io->s.ioregsel &= 0xff;
	io->s.id &= 0xf;
	io->s.irr = irr;
	for (pin = 0; pin < HG_IOAPIC_PINS; pin++) {
		io->s.redir[pin] &= RTE_WRITABLE | RTE_READ_ONLY;
		if (!is_level(io->s.redir[pin]))
			io->s.redir[pin] &= ~HG_IOAPIC_RTE_REMOTE_IRR;
		io->repeats[pin] = 0;
		/*
		 * The image has lines but not who asserts them. Whoever does
		 * will say so again; source 0 stands in until then.
		 */
		io->lines[pin] = irr >> pin & 1;
	}
	io->ops->changed(io->host);
	for (pin = 0; pin < HG_IOAPIC_PINS; pin++)
		if (irr >> pin & 1)
			service(io, pin);
}
