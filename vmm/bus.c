// SPDX-License-Identifier: Apache-2.0
#include "bus.h"

#include <errno.h>
#include <stddef.h>

int bus_add(struct bus *bus, uint64_t base, uint64_t size,
	    const struct bus_ops *ops, void *dev)
{
	unsigned int i;

	if (bus->nr == BUS_RANGES_MAX)
		return -ENOSPC;
	for (i = 0; i < bus->nr; i++) {
		const struct bus_range *r = &bus->range[i];

		if (base <= r->base ? r->base - base < size : base - r->base < r->size)
			return -EEXIST;
	}
	bus->range[bus->nr++] = (struct bus_range){ base, size, ops, dev };
	return 0;
}

static const struct bus_range *bus_find(const struct bus *bus, uint64_t addr,
					unsigned int size)
{
	unsigned int i;

	for (i = 0; i < bus->nr; i++) {
		const struct bus_range *r = &bus->range[i];

		if (addr < r->base || addr - r->base >= r->size)
			continue;
		/* An access that runs over the end of the device hits nothing. */
		return size <= r->size - (addr - r->base) ? r : NULL;
	}
	return NULL;
}

uint64_t bus_read(const struct bus *bus, uint64_t addr, unsigned int size)
{
	const struct bus_range *r = bus_find(bus, addr, size);

	if (!r || !r->ops->read)
		return ~UINT64_C(0);
	return r->ops->read(r->dev, addr - r->base, size);
}

void bus_write(const struct bus *bus, uint64_t addr, uint64_t val, unsigned int size)
{
	const struct bus_range *r = bus_find(bus, addr, size);

	if (r && r->ops->write)
		r->ops->write(r->dev, addr - r->base, val, size);
}
