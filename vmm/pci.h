/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One PCI bus behind the configuration ports 0xcf8/0xcfc: configuration space,
 * base address registers and the dispatch of memory accesses to them. Nothing
 * here calls KVM. PCI Local Bus Specification 3.0.
 */
#ifndef HGVMM_PCI_H
#define HGVMM_PCI_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "bus.h"

#define PCI_SLOTS	32
#define PCI_BARS	2
#define PCI_CONFIG_SIZE	256

#define PCI_ADDR_PORT	0xcf8u
#define PCI_PORTS	8u

struct pci_bar {
	uint32_t size;		/* power of two, at least 16; 0: not there */
	const struct bus_ops *ops;
	void *dev;
};

struct pci_dev {
	unsigned int slot;
	uint8_t config[PCI_CONFIG_SIZE];
	uint8_t initial[PCI_CONFIG_SIZE];	/* power-on contents */
	uint8_t wmask[PCI_CONFIG_SIZE];		/* bits the guest may change */
	struct pci_bar bar[PCI_BARS];
	unsigned int cap_tail;			/* next free byte for capabilities */
	unsigned int cap_last;			/* offset of the newest one */

	/*
	 * Optional. Called under the bus lock: before a read and after a write of
	 * [off, off + len). They may use pci_bar_addr(), not take the bus lock.
	 */
	void (*config_read)(struct pci_dev *dev, unsigned int off, unsigned int len);
	void (*config_written)(struct pci_dev *dev, unsigned int off, unsigned int len);
};

struct pci_bus {
	pthread_mutex_t lock;	/* address, and config[] of every device */
	uint32_t address;	/* 0xcf8 */
	struct pci_dev host;	/* slot 0 */
	struct pci_dev *dev[PCI_SLOTS];
	uint32_t next_bar;	/* next free address of the memory window */
	void (*reset)(void *opaque);	/* the guest used port 0xcf9 */
	void *reset_opaque;
};

/* Offsets used in more than one file. */
#define PCI_CFG_COMMAND	0x04u
#define PCI_CFG_BAR0	0x10u
#define PCI_CMD_MEMORY	0x0002u

void pci_bus_init(struct pci_bus *bus);
/* Register the ports and the memory window. 0 or negative errno. */
int pci_bus_attach(struct pci_bus *bus, struct bus *pio, struct bus *mmio);

/* Fill the header of a type 0 function. @class_code: class, subclass, interface. */
void pci_dev_init(struct pci_dev *dev, uint16_t vendor, uint16_t device, uint32_t class_code,
		  uint16_t subsystem);
void pci_dev_bar(struct pci_dev *dev, unsigned int nr, uint32_t size,
		 const struct bus_ops *ops, void *opaque);
/*
 * Append a capability of @len bytes (its first two are filled in here). Returns
 * its offset, or 0 when the configuration space is full.
 */
unsigned int pci_dev_cap(struct pci_dev *dev, uint8_t id, const void *cap, unsigned int len);
/* Plug in; BARs get addresses. 0, or -ENOSPC when no slot or window is left. */
int pci_dev_add(struct pci_bus *bus, struct pci_dev *dev);

/* Power-on state of every function. No vCPU may run. */
void pci_bus_reset(struct pci_bus *bus);

/* Current address of a BAR, or 0 when memory decoding is off. */
uint64_t pci_bar_addr(const struct pci_dev *dev, unsigned int nr);

/* Configuration access as the ports do it. @size is 1, 2 or 4, within a dword. */
uint32_t pci_config_read(struct pci_bus *bus, unsigned int slot, unsigned int off,
			 unsigned int size);
void pci_config_write(struct pci_bus *bus, unsigned int slot, unsigned int off, uint32_t val,
		      unsigned int size);

#endif
