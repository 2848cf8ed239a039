// SPDX-License-Identifier: Apache-2.0
#include "ioapic.h"

#include <pthread.h>
#include <stdlib.h>

#include "msi.h"
#include "util.h"
#include "vm.h"

#define REG_SELECT	0x00
#define REG_WINDOW	0x10
#define REG_EOI		0x40

#define IDX_ID		0x00
#define IDX_VERSION	0x01
#define IDX_ARB		0x02
#define IDX_REDIR	0x10

#define VERSION		(0x20u | (IOAPIC_PINS - 1) << 16)

/* Redirection entry bits (82093AA data sheet, 3.2.4). */
#define RE_VECTOR	UINT64_C(0xff)
#define RE_DELIVERY	UINT64_C(0x700)
#define RE_LOGICAL	UINT64_C(0x800)
#define RE_STATUS	UINT64_C(0x1000)
#define RE_REMOTE_IRR	UINT64_C(0x4000)
#define RE_LEVEL	UINT64_C(0x8000)
#define RE_MASK		UINT64_C(0x10000)
#define RE_READONLY	(RE_STATUS | RE_REMOTE_IRR)

struct ioapic {
	struct vm *vm;
	pthread_mutex_t lock;	/* everything below */
	uint8_t select;
	uint32_t id;
	uint32_t lines;		/* current input levels */
	uint64_t redir[IOAPIC_PINS];
};

/* SDM vol. 3, 11.11: the message a redirection entry stands for. */
static uint64_t entry_addr(uint64_t e)
{
	return 0xfee00000u | (e >> 56) << 12 | (e & RE_LOGICAL ? 4 : 0);
}

static uint32_t entry_data(uint64_t e)
{
	uint32_t data = (uint32_t)(e & (RE_VECTOR | RE_DELIVERY));

	if (e & RE_LEVEL)
		data |= 1u << 15 | 1u << 14;
	return data;
}

static void deliver(struct ioapic *io, unsigned int pin)
{
	uint64_t *e = &io->redir[pin];

	if (*e & RE_MASK)
		return;
	if (*e & RE_LEVEL) {
		if (*e & RE_REMOTE_IRR)
			return;
		*e |= RE_REMOTE_IRR;
	}
	msi_send(io->vm->msi, entry_addr(*e), entry_data(*e));
}

void ioapic_line(struct ioapic *io, unsigned int pin, bool level)
{
	bool was;

	if (pin >= IOAPIC_PINS)
		return;
	pthread_mutex_lock(&io->lock);
	was = io->lines >> pin & 1;
	io->lines = (io->lines & ~(1u << pin)) | (uint32_t)level << pin;
	if (level && (!was || io->redir[pin] & RE_LEVEL))
		deliver(io, pin);
	pthread_mutex_unlock(&io->lock);
}

void ioapic_eoi(struct ioapic *io, unsigned int vector)
{
	unsigned int pin;

	pthread_mutex_lock(&io->lock);
	for (pin = 0; pin < IOAPIC_PINS; pin++) {
		uint64_t *e = &io->redir[pin];

		if (!(*e & RE_LEVEL) || (*e & RE_VECTOR) != vector)
			continue;
		*e &= ~RE_REMOTE_IRR;
		if (io->lines >> pin & 1)
			deliver(io, pin);
	}
	pthread_mutex_unlock(&io->lock);
}

static uint32_t read_index(struct ioapic *io)
{
	unsigned int i = io->select;

	if (i == IDX_ID || i == IDX_ARB)
		return io->id;
	if (i == IDX_VERSION)
		return VERSION;
	if (i >= IDX_REDIR && i < IDX_REDIR + 2 * IOAPIC_PINS)
		return (uint32_t)(io->redir[(i - IDX_REDIR) / 2] >> (i & 1 ? 32 : 0));
	return 0;
}

static void write_redir(struct ioapic *io, unsigned int pin, bool high, uint32_t val)
{
	uint64_t *e = &io->redir[pin];

	if (high) {
		*e = (*e & 0xffffffffu) | (uint64_t)val << 32;
	} else {
		*e = (*e & ~UINT64_C(0xffffffff)) | (val & 0x1ffffu & ~RE_READONLY) |
		     (*e & RE_READONLY);
		if (!(*e & RE_LEVEL))
			*e &= ~RE_REMOTE_IRR;
	}
	/* The kernel learns of the route so that it reports EOIs of this vector. */
	msi_set_pin(io->vm->msi, pin, !(*e & RE_MASK), entry_addr(*e), entry_data(*e));
	if (*e & RE_LEVEL && io->lines >> pin & 1)
		deliver(io, pin);
}

static void write_index(struct ioapic *io, uint32_t val)
{
	unsigned int i = io->select;

	if (i == IDX_ID)
		io->id = val & 0x0f000000;
	else if (i >= IDX_REDIR && i < IDX_REDIR + 2 * IOAPIC_PINS)
		write_redir(io, (i - IDX_REDIR) / 2, i & 1, val);
}

static uint64_t io_read(void *dev, uint64_t off, unsigned int size)
{
	struct ioapic *io = dev;
	uint64_t v = 0;

	(void)size;
	pthread_mutex_lock(&io->lock);
	if (off == REG_SELECT)
		v = io->select;
	else if (off == REG_WINDOW)
		v = read_index(io);
	pthread_mutex_unlock(&io->lock);
	return v;
}

static void io_write(void *dev, uint64_t off, uint64_t val, unsigned int size)
{
	struct ioapic *io = dev;

	(void)size;
	if (off == REG_EOI) {
		ioapic_eoi(io, (unsigned int)val & 0xff);
		return;
	}
	pthread_mutex_lock(&io->lock);
	if (off == REG_SELECT)
		io->select = (uint8_t)val;
	else if (off == REG_WINDOW)
		write_index(io, (uint32_t)val);
	pthread_mutex_unlock(&io->lock);
}

static const struct bus_ops ioapic_ops = { .read = io_read, .write = io_write };

void ioapic_reset(struct ioapic *io)
{
	unsigned int i;

	pthread_mutex_lock(&io->lock);
	io->select = 0;
	io->id = 0;
	io->lines = 0;
	for (i = 0; i < IOAPIC_PINS; i++)
		io->redir[i] = RE_MASK;
	pthread_mutex_unlock(&io->lock);
}

struct ioapic *ioapic_new(struct vm *vm)
{
	struct ioapic *io = calloc(1, sizeof(*io));

	if (!io)
		return NULL;
	io->vm = vm;
	pthread_mutex_init(&io->lock, NULL);
	ioapic_reset(io);
	if (bus_add(&vm->mmio, IOAPIC_BASE, IOAPIC_SIZE, &ioapic_ops, io)) {
		free(io);
		return NULL;
	}
	return io;
}

void ioapic_free(struct ioapic *io)
{
	if (!io)
		return;
	pthread_mutex_destroy(&io->lock);
	free(io);
}
