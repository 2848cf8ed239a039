/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A user-space IOAPIC (Intel 82093AA) for --irqchip split: the local APICs are
 * in the kernel, interrupts travel to them as messages.
 */
#ifndef HGVMM_IOAPIC_H
#define HGVMM_IOAPIC_H

#include <stdbool.h>

#define IOAPIC_BASE	UINT64_C(0xfec00000)
#define IOAPIC_SIZE	UINT64_C(0x1000)

struct vm;
struct ioapic;

/* Registers itself on vm->mmio. NULL when out of memory. */
struct ioapic *ioapic_new(struct vm *vm);
void ioapic_free(struct ioapic *io);
void ioapic_reset(struct ioapic *io);

/* Drive input @pin. Any thread. */
void ioapic_line(struct ioapic *io, unsigned int pin, bool level);
/* A local APIC finished with a level-triggered @vector. */
void ioapic_eoi(struct ioapic *io, unsigned int vector);

#endif
