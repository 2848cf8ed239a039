/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A host for the models under test: a clock that moves when told to, and
 * counters of everything the models ask for.
 */
#ifndef HG_TEST_IRQCHIP_FAKE_H
#define HG_TEST_IRQCHIP_FAKE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "apicmap.h"
#include "lapic.h"

#define FAKE_MAX	8
#define FAKE_TSC_KHZ	2000000U	/* 2 ticks a nanosecond */

struct fake_cpu {
	struct hg_lapic lapic;
	struct fake_vm *vm;
	u64 deadline;		/* of the host timer; 0: disarmed */
	u32 kicks, arms, eois;
	u8 eoi_vector;
	bool eoi_level;
};

struct fake_vm {
	u64 now;
	u32 nr;
	u32 map_changes;
	u32 ipis;
	struct hg_irq last_ipi;
	u32 turn;
	struct hg_lapic *lapics[FAKE_MAX];
	struct fake_cpu cpu[FAKE_MAX];
};

static inline u64 fake_now(void *host)
{
	return ((struct fake_cpu *)host)->vm->now;
}

static inline u64 fake_tsc(void *host)
{
	return fake_now(host) * (FAKE_TSC_KHZ / 1000000);
}

static inline void fake_arm(void *host, u64 ns)
{
	struct fake_cpu *cpu = host;

	cpu->deadline = ns;
	cpu->arms++;
}

static inline void fake_cancel(void *host)
{
	((struct fake_cpu *)host)->deadline = 0;
}

/* Delivered by asking every local APIC: the reference for the map. */
static inline void fake_ipi(void *host, const struct hg_irq *irq)
{
	struct fake_cpu *from = host;
	u32 i;

	from->vm->ipis++;
	from->vm->last_ipi = *irq;
	for (i = 0; i < from->vm->nr; i++)
		if (hg_irq_match(from->vm->lapics[i], irq, &from->lapic))
			hg_lapic_deliver(from->vm->lapics[i], irq);
}

static inline void fake_eoi(void *host, u8 vector, bool level)
{
	struct fake_cpu *cpu = host;

	cpu->eois++;
	cpu->eoi_vector = vector;
	cpu->eoi_level = level;
}

static inline void fake_kick(void *host)
{
	__atomic_fetch_add(&((struct fake_cpu *)host)->kicks, 1, __ATOMIC_RELAXED);
}

static inline void fake_map_changed(void *host)
{
	((struct fake_cpu *)host)->vm->map_changes++;
}

static const struct hg_lapic_ops fake_ops __attribute__((unused)) = {
	.now_ns = fake_now,
	.guest_tsc = fake_tsc,
	.timer_arm = fake_arm,
	.timer_cancel = fake_cancel,
	.send_ipi = fake_ipi,
	.eoi = fake_eoi,
	.kick = fake_kick,
	.map_changed = fake_map_changed,
};

static inline void fake_config(struct hg_lapic_config *cfg, u32 id)
{
	*cfg = (struct hg_lapic_config){
		.id = id,
		.tsc_khz = FAKE_TSC_KHZ,
		.maxphyaddr = 40,
		.bsp = id == 0,
		.x2apic = true,
		.tsc_deadline = true,
	};
}

/* nr local APICs with IDs 0 to nr - 1, software enabled, at 1 s. */
static inline void fake_init(struct fake_vm *vm, u32 nr)
{
	struct hg_lapic_config cfg;
	u32 i;

	memset(vm, 0, sizeof(*vm));
	vm->now = 1000000000;
	vm->nr = nr;
	for (i = 0; i < nr; i++) {
		vm->cpu[i].vm = vm;
		vm->lapics[i] = &vm->cpu[i].lapic;
		fake_config(&cfg, i);
		hg_lapic_init(vm->lapics[i], &cfg, &fake_ops, &vm->cpu[i]);
		hg_lapic_mmio_write(vm->lapics[i], HG_APIC_SVR, 4, 0x1ff);
	}
}

/* Move the clock, firing timers on their way. */
static inline void fake_run(struct fake_vm *vm, u64 ns)
{
	u64 end = vm->now + ns;

	for (;;) {
		struct fake_cpu *first = NULL;
		u32 i;

		for (i = 0; i < vm->nr; i++)
			if (vm->cpu[i].deadline && vm->cpu[i].deadline <= end &&
			    (!first || vm->cpu[i].deadline < first->deadline))
				first = &vm->cpu[i];
		if (!first)
			break;
		if (first->deadline > vm->now)
			vm->now = first->deadline;
		first->deadline = 0;
		hg_lapic_timer_expired(&first->lapic);
	}
	vm->now = end;
}

static inline u32 fake_read(struct fake_vm *vm, u32 cpu, u32 off)
{
	u64 val = 0;

	assert_true(hg_lapic_mmio_read(vm->lapics[cpu], off, 4, &val));
	return (u32)val;
}

static inline void fake_write(struct fake_vm *vm, u32 cpu, u32 off, u32 val)
{
	assert_true(hg_lapic_mmio_write(vm->lapics[cpu], off, 4, val));
}

static inline void fake_x2apic(struct fake_vm *vm, u32 cpu)
{
	assert_true(hg_lapic_set_base(vm->lapics[cpu],
				      vm->lapics[cpu]->base | HG_APIC_BASE_X2APIC, false));
}

#endif /* HG_TEST_IRQCHIP_FAKE_H */
