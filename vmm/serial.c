// SPDX-License-Identifier: Apache-2.0
#include "serial.h"

#include <pthread.h>
#include <stdlib.h>

#include "chardev.h"
#include "util.h"
#include "vm.h"

#define SERIAL_PORT	0x3f8u
#define SERIAL_IRQ	4
#define FIFO_SIZE	16

/* Registers and bits: PC16550D data sheet, section 8. */
enum { R_DATA, R_IER, R_IIR, R_LCR, R_MCR, R_LSR, R_MSR, R_SCR };

#define IER_RX		0x01
#define IER_THRE	0x02
#define IER_LINE	0x04
#define IER_MASK	0x0f
#define IIR_NONE	0x01
#define IIR_THRE	0x02
#define IIR_RX		0x04
#define IIR_TIMEOUT	0x0c
#define IIR_FIFO	0xc0
#define FCR_ENABLE	0x01
#define FCR_CLEAR_RX	0x02
#define LCR_DLAB	0x80
#define MCR_OUT2	0x08	/* gates the interrupt on a PC */
#define MCR_LOOP	0x10
#define MCR_MASK	0x1f
#define LSR_DATA	0x01
#define LSR_OVERRUN	0x02
#define LSR_THRE	0x20
#define LSR_EMPTY	0x40
#define MSR_CTS		0x10
#define MSR_DSR		0x20
#define MSR_DCD		0x80

struct serial {
	struct vm *vm;
	struct chardev *cd;
	pthread_mutex_t lock;	/* everything below */
	uint8_t ier, fcr, lcr, mcr, scr, dll, dlm, lsr_errors;
	bool thre_pending;	/* transmitter went empty, not yet acknowledged */
	bool line;		/* interrupt line as last driven */
	unsigned int head, count;
	uint8_t fifo[FIFO_SIZE];
};

static uint8_t pending_irq(const struct serial *s)
{
	if (s->ier & IER_RX && s->count)
		/* No timers here: with FIFOs on, report what a timeout would. */
		return s->fcr & FCR_ENABLE ? IIR_TIMEOUT : IIR_RX;
	if (s->ier & IER_THRE && s->thre_pending)
		return IIR_THRE;
	return IIR_NONE;
}

static void update_irq(struct serial *s)
{
	bool level = pending_irq(s) != IIR_NONE && s->mcr & MCR_OUT2;

	if (level == s->line)
		return;
	s->line = level;
	vm_irq_line(s->vm, SERIAL_IRQ, level);
}

static void push_rx(struct serial *s, uint8_t b)
{
	if (s->count == FIFO_SIZE) {
		s->lsr_errors |= LSR_OVERRUN;
		return;
	}
	s->fifo[(s->head + s->count++) % FIFO_SIZE] = b;
}

static uint8_t read_data(struct serial *s)
{
	uint8_t b = 0;

	if (s->count) {
		b = s->fifo[s->head];
		s->head = (s->head + 1) % FIFO_SIZE;
		s->count--;
	}
	return b;
}

static uint8_t read_msr(const struct serial *s)
{
	/* In loopback the modem outputs come back as inputs (8.6.7). */
	if (s->mcr & MCR_LOOP)
		return (uint8_t)((s->mcr & 0x0c) << 4 | (s->mcr & 0x02) << 3 |
				 (s->mcr & 0x01) << 5);
	return MSR_CTS | MSR_DSR | MSR_DCD;
}

static uint8_t read_iir(struct serial *s)
{
	uint8_t v = pending_irq(s);

	if (v == IIR_THRE)
		s->thre_pending = false;
	if (s->fcr & FCR_ENABLE)
		v |= IIR_FIFO;
	return v;
}

static uint8_t read_reg(struct serial *s, unsigned int reg)
{
	uint8_t v;

	switch (reg) {
	case R_DATA: return s->lcr & LCR_DLAB ? s->dll : read_data(s);
	case R_IER: return s->lcr & LCR_DLAB ? s->dlm : s->ier;
	case R_IIR: return read_iir(s);
	case R_LCR: return s->lcr;
	case R_MCR: return s->mcr;
	case R_LSR:
		v = (uint8_t)(LSR_THRE | LSR_EMPTY | s->lsr_errors | (s->count ? LSR_DATA : 0));
		s->lsr_errors = 0;
		return v;
	case R_MSR: return read_msr(s);
	default: return s->scr;
	}
}

static void write_data(struct serial *s, uint8_t v)
{
	if (s->mcr & MCR_LOOP)
		push_rx(s, v);
	else
		chardev_write(s->cd, &v, 1);
	s->thre_pending = true;
}

static void write_reg(struct serial *s, unsigned int reg, uint8_t v)
{
	switch (reg) {
	case R_DATA:
		if (s->lcr & LCR_DLAB)
			s->dll = v;
		else
			write_data(s, v);
		break;
	case R_IER:
		if (s->lcr & LCR_DLAB) {
			s->dlm = v;
			break;
		}
		/* Enabling the THRE interrupt while empty raises it at once. */
		if (!(s->ier & IER_THRE) && v & IER_THRE)
			s->thre_pending = true;
		s->ier = v & IER_MASK;
		break;
	case R_IIR:		/* FCR when written */
		if (v & FCR_CLEAR_RX || (v ^ s->fcr) & FCR_ENABLE)
			s->count = 0;
		s->fcr = v & FCR_ENABLE;
		break;
	case R_LCR: s->lcr = v; break;
	case R_MCR: s->mcr = v & MCR_MASK; break;
	case R_SCR: s->scr = v; break;
	}
}

/* Room for input. Before the driver listens, input waits on the host instead of
 * being lost. */
static size_t room(const struct serial *s)
{
	return s->ier & IER_RX && !(s->mcr & MCR_LOOP) ? FIFO_SIZE - s->count : 0;
}

static uint64_t serial_read(void *dev, uint64_t off, unsigned int size)
{
	struct serial *s = dev;
	size_t before, after;
	uint8_t v;

	(void)size;
	pthread_mutex_lock(&s->lock);
	before = room(s);
	v = read_reg(s, (unsigned int)off);
	after = room(s);
	update_irq(s);
	pthread_mutex_unlock(&s->lock);
	if (!before && after)
		chardev_ready(s->cd);
	return v;
}

static void serial_write(void *dev, uint64_t off, uint64_t val, unsigned int size)
{
	struct serial *s = dev;
	size_t before, after;

	(void)size;
	pthread_mutex_lock(&s->lock);
	before = room(s);
	write_reg(s, (unsigned int)off, (uint8_t)val);
	after = room(s);
	update_irq(s);
	pthread_mutex_unlock(&s->lock);
	if (!before && after)
		chardev_ready(s->cd);
}

static const struct bus_ops serial_ops = { .read = serial_read, .write = serial_write };

static size_t rx_space(void *dev)
{
	struct serial *s = dev;
	size_t n;

	pthread_mutex_lock(&s->lock);
	n = room(s);
	pthread_mutex_unlock(&s->lock);
	return n;
}

static void rx_data(void *dev, const uint8_t *data, size_t len)
{
	struct serial *s = dev;

	pthread_mutex_lock(&s->lock);
	while (len--)
		push_rx(s, *data++);
	update_irq(s);
	pthread_mutex_unlock(&s->lock);
}

static const struct chardev_ops rx_ops = { .space = rx_space, .receive = rx_data };

void serial_reset(struct serial *s)
{
	pthread_mutex_lock(&s->lock);
	s->ier = s->fcr = s->lcr = s->mcr = s->scr = s->lsr_errors = 0;
	s->dll = 0x0c;
	s->dlm = 0;
	s->thre_pending = s->line = false;
	s->head = s->count = 0;
	pthread_mutex_unlock(&s->lock);
}

struct serial *serial_new(struct vm *vm)
{
	struct serial *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->vm = vm;
	pthread_mutex_init(&s->lock, NULL);
	serial_reset(s);
	s->cd = chardev_new(vm, &vm->cfg->serial, "serial");
	if (!s->cd || bus_add(&vm->pio, SERIAL_PORT, 8, &serial_ops, s) ||
	    chardev_attach(s->cd, &rx_ops, s)) {
		serial_free(s);
		return NULL;
	}
	return s;
}

void serial_free(struct serial *s)
{
	if (!s)
		return;
	chardev_free(s->cd);
	pthread_mutex_destroy(&s->lock);
	free(s);
}
