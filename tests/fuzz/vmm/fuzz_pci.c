// SPDX-License-Identifier: Apache-2.0
/*
 * Random port and memory accesses against the PCI bus with two functions.
 * Whatever reaches a device lies within its BAR.
 */
#include <assert.h>
#include <stdlib.h>

#include "memory.h"
#include "pci.h"
#include "util.h"

#define BIG	0x4000u
#define SMALL	0x10u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t on_read(void *dev, uint64_t off, unsigned int size)
{
	uint64_t bar = (uint64_t)(uintptr_t)dev;

	assert(off < bar && size <= bar - off);
	return off;
}

static void on_write(void *dev, uint64_t off, uint64_t val, unsigned int size)
{
	uint64_t bar = (uint64_t)(uintptr_t)dev;

	(void)val;
	assert(off < bar && size <= bar - off);
}

static const struct bus_ops ops = { on_read, on_write };

static void hook(struct pci_dev *dev, unsigned int off, unsigned int len)
{
	assert(off < PCI_CONFIG_SIZE && len <= PCI_CONFIG_SIZE - off);
	assert(!(pci_bar_addr(dev, 0) & (BIG - 1)));
}

static void add(struct pci_bus *bus, struct pci_dev *dev, uint32_t size)
{
	uint8_t cap[16] = { 0 };

	pci_dev_init(dev, 0x1af4, 0x1042, 0x018000, 0x1100);
	pci_dev_bar(dev, 0, BIG, &ops, (void *)(uintptr_t)BIG);
	pci_dev_bar(dev, 1, size, &ops, (void *)(uintptr_t)size);
	if (!pci_dev_cap(dev, 9, cap, sizeof(cap)) || pci_dev_add(bus, dev))
		abort();
	dev->config_read = hook;
	dev->config_written = hook;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned int sizes[] = { 1, 2, 4, 8 };
	struct bus pio = { 0 }, mmio = { 0 };
	struct pci_dev a = { 0 }, b = { 0 };
	struct pci_bus bus;
	unsigned int i;

	pci_bus_init(&bus);
	if (pci_bus_attach(&bus, &pio, &mmio))
		abort();
	add(&bus, &a, SMALL);
	add(&bus, &b, 0x1000);
	for (; size >= 10; data += 10, size -= 10) {
		unsigned int n = sizes[data[0] >> 1 & 3];
		bool memory = data[0] & 8, write = data[0] & 1;
		uint32_t addr = get_le32(data + 1), val = get_le32(data + 5);

		if (!memory) {
			addr = 0xcf8 + addr % 8;
			n = n > 4 ? 4 : n;
			if (write && addr == 0xcf8)
				val |= 0x80000000u;
		} else if (data[9] & 1) {
			addr = (uint32_t)PCI_MMIO_BASE + (addr & 0x1ffff);
		}
		if (write)
			bus_write(memory ? &mmio : &pio, addr, val, n);
		else
			bus_read(memory ? &mmio : &pio, addr, n);
	}
	/* Identity never changes, and reset undoes the rest. */
	assert(get_le32(a.config) == 0x10421af4);
	pci_bus_reset(&bus);
	for (i = 0; i < PCI_CONFIG_SIZE; i++)
		assert(a.config[i] == a.initial[i] && b.config[i] == b.initial[i]);
	pthread_mutex_destroy(&bus.lock);
	return 0;
}
