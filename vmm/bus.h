/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Port and memory-mapped I/O dispatch. Ranges are registered while the machine
 * is assembled, before the first vCPU runs; afterwards the table is read-only,
 * so look-ups need no lock. Each device locks itself.
 */
#ifndef HGVMM_BUS_H
#define HGVMM_BUS_H

#include <stdint.h>

#define BUS_RANGES_MAX 32

struct bus_ops {
	/* @off is relative to the range, @size is 1, 2, 4 or 8 bytes. */
	uint64_t (*read)(void *dev, uint64_t off, unsigned int size);
	void (*write)(void *dev, uint64_t off, uint64_t val, unsigned int size);
};

struct bus_range {
	uint64_t base, size;
	const struct bus_ops *ops;
	void *dev;
};

struct bus {
	unsigned int nr;
	struct bus_range range[BUS_RANGES_MAX];
};

/* Returns 0, -EEXIST when the range overlaps another, -ENOSPC when full. */
int bus_add(struct bus *bus, uint64_t base, uint64_t size,
	    const struct bus_ops *ops, void *dev);

/* Reads from nowhere give all ones, as on a PC; writes to nowhere vanish. */
uint64_t bus_read(const struct bus *bus, uint64_t addr, unsigned int size);
void bus_write(const struct bus *bus, uint64_t addr, uint64_t val, unsigned int size);

#endif
