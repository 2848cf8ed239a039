// SPDX-License-Identifier: Apache-2.0
#include "power.h"

#include <pthread.h>
#include <stdlib.h>

#include "acpi.h"
#include "util.h"
#include "vm.h"

/* PM1 status/enable bits (ACPI 6.0, 4.8.3.1) and control bits (4.8.3.2). */
#define PM1_PWRBTN	(1u << 8)
#define PM1_ENABLES	((1u << 0) | (1u << 5) | PM1_PWRBTN | (1u << 9) | (1u << 10))
#define CNT_SCI_EN	(1u << 0)
#define CNT_SLP_TYP(v)	((v) >> 10 & 7)
#define CNT_SLP_EN	(1u << 13)

#define OFF_STATUS	0x0
#define OFF_ENABLE	0x2
#define OFF_CONTROL	0x4
#define OFF_TIMER	0x8
#define OFF_RESET	0xc
#define POWER_SIZE	0x10

#define PM_TIMER_HZ	3579545u

#define KBD_STATUS	0x64u
#define KBD_PULSE_RESET	0xfeu

struct power {
	struct vm *vm;
	pthread_mutex_t lock;	/* the registers below */
	uint16_t status, enable, control;
};

/* Caller holds the lock. The SCI is a level: it follows status AND enable. */
static void update_sci(struct power *pw)
{
	vm_irq_line(pw->vm, ACPI_SCI, pw->status & pw->enable & PM1_ENABLES);
}

static uint32_t timer_value(void)
{
	return (uint32_t)((unsigned __int128)hg_now_ns() * PM_TIMER_HZ / 1000000000u);
}

static uint64_t pm_read(void *dev, uint64_t off, unsigned int size)
{
	struct power *pw = dev;
	uint8_t regs[POWER_SIZE] = { 0 };
	uint64_t v = 0;

	/* The drivers read words and dwords; an image of all serves any size. */
	pthread_mutex_lock(&pw->lock);
	put_le16(regs + OFF_STATUS, pw->status);
	put_le16(regs + OFF_ENABLE, pw->enable);
	put_le16(regs + OFF_CONTROL, pw->control);
	pthread_mutex_unlock(&pw->lock);
	put_le32(regs + OFF_TIMER, timer_value());
	memcpy(&v, regs + off, size);
	return v;
}

static void write_control(struct power *pw, uint16_t v)
{
	pw->control = (uint16_t)((v & ~CNT_SLP_EN) | CNT_SCI_EN);
	if (v & CNT_SLP_EN && CNT_SLP_TYP(v) == POWER_SLP_S5)
		vm_ask(pw->vm, REQ_POWEROFF);
}

static void pm_write(void *dev, uint64_t off, uint64_t val, unsigned int size)
{
	struct power *pw = dev;
	uint16_t v = (uint16_t)val;

	if (off == OFF_RESET && size == 1) {
		if (v == POWER_RESET_VALUE)
			vm_ask(pw->vm, REQ_RESET);
		return;
	}
	pthread_mutex_lock(&pw->lock);
	if (off == OFF_STATUS && size >= 2) {
		pw->status &= (uint16_t)~v;	/* write one to clear */
		if (size == 4)
			pw->enable = (uint16_t)(val >> 16) & PM1_ENABLES;
	} else if (off == OFF_ENABLE && size == 2) {
		pw->enable = v & PM1_ENABLES;
	} else if (off == OFF_CONTROL && size == 2) {
		write_control(pw, v);
	}
	update_sci(pw);
	pthread_mutex_unlock(&pw->lock);
}

static const struct bus_ops pm_ops = { .read = pm_read, .write = pm_write };

/* Nothing in the buffers: a driver that looks sees an idle controller. */
static uint64_t kbd_read(void *dev, uint64_t off, unsigned int size)
{
	(void)dev;
	(void)off;
	(void)size;
	return 0;
}

static void kbd_write(void *dev, uint64_t off, uint64_t val, unsigned int size)
{
	struct power *pw = dev;

	(void)off;
	(void)size;
	if ((val & 0xff) == KBD_PULSE_RESET)
		vm_ask(pw->vm, REQ_RESET);
}

static const struct bus_ops kbd_ops = { .read = kbd_read, .write = kbd_write };

static void debug_exit_write(void *dev, uint64_t off, uint64_t val, unsigned int size)
{
	struct power *pw = dev;

	(void)off;
	(void)size;
	/*
	 * Only the request that wins may be seen with this code: the vCPUs stop
	 * at the first one, so a lost race leaves a value nobody reads.
	 */
	pw->vm->exit_code = (uint8_t)((val << 1 | 1) & 0xff);
	vm_ask(pw->vm, REQ_EXIT);
}

static const struct bus_ops debug_exit_ops = { .write = debug_exit_write };

void power_reset(struct power *pw)
{
	pthread_mutex_lock(&pw->lock);
	pw->status = 0;
	pw->enable = 0;
	pw->control = CNT_SCI_EN;	/* no SMI here: always in ACPI mode */
	pthread_mutex_unlock(&pw->lock);
}

void power_button(struct power *pw)
{
	pthread_mutex_lock(&pw->lock);
	pw->status |= PM1_PWRBTN;
	update_sci(pw);
	pthread_mutex_unlock(&pw->lock);
}

struct power *power_new(struct vm *vm)
{
	const struct config *cfg = vm->cfg;
	struct power *pw = calloc(1, sizeof(*pw));

	if (!pw)
		return NULL;
	pw->vm = vm;
	pthread_mutex_init(&pw->lock, NULL);
	power_reset(pw);
	if (bus_add(&vm->pio, POWER_BASE, POWER_SIZE, &pm_ops, pw) ||
	    bus_add(&vm->pio, KBD_STATUS, 1, &kbd_ops, pw)) {
		power_free(pw);
		return NULL;
	}
	if (cfg->debug_exit &&
	    bus_add(&vm->pio, cfg->debug_exit_port, 4, &debug_exit_ops, pw)) {
		hg_err("--debug-exit 0x%x: another device lives there; try 0xf4",
		       cfg->debug_exit_port);
		power_free(pw);
		return NULL;
	}
	return pw;
}

void power_free(struct power *pw)
{
	if (!pw)
		return;
	pthread_mutex_destroy(&pw->lock);
	free(pw);
}
