/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interrupt routing. Each message-signalled interrupt owns one GSI above the
 * IOAPIC pins; its route is installed with KVM_SET_GSI_ROUTING and it is fired
 * through an irqfd, or with KVM_SIGNAL_MSI where irqfds are missing.
 */
#ifndef HGVMM_MSI_H
#define HGVMM_MSI_H

#include <stdbool.h>
#include <stdint.h>

struct vm;
struct msi_table;

#define MSI_MAX		256	/* vectors of all devices together */
#define IOAPIC_PINS	24

struct msi_table *msi_new(struct vm *vm);
void msi_free(struct msi_table *t);

/* Reserve a vector. Returns its handle, or a negative errno after a message. */
int msi_alloc(struct msi_table *t);

/*
 * Point vector @msi at @addr/@data. Returns 0, or a negative errno when the
 * kernel refused the route; the vector is then dead until it is set again.
 */
int msi_set(struct msi_table *t, int msi, uint64_t addr, uint32_t data);
/* Split irqchip: route of IOAPIC pin @pin, so that EOIs come back to us. */
int msi_set_pin(struct msi_table *t, unsigned int pin, bool valid, uint64_t addr,
		uint32_t data);

/* Deliver. Any thread. Does nothing for a vector that was never set. */
void msi_fire(struct msi_table *t, int msi);
/* Deliver once without a vector of one's own (split IOAPIC). */
void msi_send(struct msi_table *t, uint64_t addr, uint32_t data);

/* A new KVM VM: install the base routes. 0 or negative errno after a message. */
int msi_start(struct msi_table *t);
/* The KVM VM is gone: forget every route and irqfd binding. */
void msi_halt(struct msi_table *t);

#endif
