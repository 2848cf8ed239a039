// SPDX-License-Identifier: Apache-2.0
#include "pci.h"

#include <errno.h>

#include "memory.h"
#include "util.h"

#define CFG_STATUS	0x06u
#define CFG_REVISION	0x08u
#define CFG_CLASS	0x09u
#define CFG_SUBSYS	0x2cu
#define CFG_CAP_PTR	0x34u
#define CFG_INT_LINE	0x3cu
#define CFG_FIRST_CAP	0x40u

#define STATUS_CAPS	0x0010u
#define CMD_WRITABLE	0x0406u	/* memory, bus master, INTx disable */

#define ADDR_ENABLE	0x80000000u
#define RESET_PORT	1u	/* 0xcf9, inside the address register */
#define RESET_CPU	0x04u

void pci_dev_init(struct pci_dev *dev, uint16_t vendor, uint16_t device, uint32_t class_code,
		  uint16_t subsystem)
{
	memset(dev->config, 0, sizeof(dev->config));
	memset(dev->wmask, 0, sizeof(dev->wmask));
	put_le16(dev->config, vendor);
	put_le16(dev->config + 2, device);
	dev->config[CFG_REVISION] = 1;
	dev->config[CFG_CLASS] = (uint8_t)class_code;
	dev->config[CFG_CLASS + 1] = (uint8_t)(class_code >> 8);
	dev->config[CFG_CLASS + 2] = (uint8_t)(class_code >> 16);
	put_le16(dev->config + CFG_SUBSYS, vendor);
	put_le16(dev->config + CFG_SUBSYS + 2, subsystem);
	put_le16(dev->wmask + PCI_CFG_COMMAND, CMD_WRITABLE);
	dev->wmask[CFG_INT_LINE] = 0xff;
	dev->cap_tail = CFG_FIRST_CAP;
	dev->cap_last = 0;
}

void pci_dev_bar(struct pci_dev *dev, unsigned int nr, uint32_t size,
		 const struct bus_ops *ops, void *opaque)
{
	dev->bar[nr] = (struct pci_bar){ size, ops, opaque };
	put_le32(dev->wmask + PCI_CFG_BAR0 + 4 * nr, ~(size - 1));
}

unsigned int pci_dev_cap(struct pci_dev *dev, uint8_t id, const void *cap, unsigned int len)
{
	unsigned int at = dev->cap_tail;

	if (len < 2 || len > PCI_CONFIG_SIZE - at)
		return 0;
	memcpy(dev->config + at, cap, len);
	dev->config[at] = id;
	dev->config[at + 1] = 0;
	dev->config[dev->cap_last ? dev->cap_last + 1 : CFG_CAP_PTR] = (uint8_t)at;
	put_le16(dev->config + CFG_STATUS, STATUS_CAPS);
	dev->cap_last = at;
	dev->cap_tail = (unsigned int)align_up(at + len, 4);
	return at;
}

static int place_bar(struct pci_bus *bus, struct pci_dev *dev, unsigned int nr)
{
	uint64_t end = PCI_MMIO_BASE + PCI_MMIO_SIZE, at;
	uint32_t size = dev->bar[nr].size;

	if (!size)
		return 0;
	at = align_up(bus->next_bar, size);
	if (at > end || size > end - at)
		return -ENOSPC;
	put_le32(dev->config + PCI_CFG_BAR0 + 4 * nr, (uint32_t)at);
	bus->next_bar = (uint32_t)(at + size);
	return 0;
}

int pci_dev_add(struct pci_bus *bus, struct pci_dev *dev)
{
	unsigned int slot, i;
	int ret = 0;

	for (slot = 1; slot < PCI_SLOTS && bus->dev[slot]; slot++)
		;
	if (slot == PCI_SLOTS)
		return -ENOSPC;
	for (i = 0; i < PCI_BARS && !ret; i++)
		ret = place_bar(bus, dev, i);
	if (ret)
		return ret;
	dev->slot = slot;
	bus->dev[slot] = dev;
	memcpy(dev->initial, dev->config, sizeof(dev->initial));
	return 0;
}

void pci_bus_reset(struct pci_bus *bus)
{
	unsigned int i;

	bus->address = 0;
	for (i = 0; i < PCI_SLOTS; i++)
		if (bus->dev[i])
			memcpy(bus->dev[i]->config, bus->dev[i]->initial, PCI_CONFIG_SIZE);
}

uint64_t pci_bar_addr(const struct pci_dev *dev, unsigned int nr)
{
	if (!dev->bar[nr].size || !(get_le16(dev->config + PCI_CFG_COMMAND) & PCI_CMD_MEMORY))
		return 0;
	return get_le32(dev->config + PCI_CFG_BAR0 + 4 * nr) & ~0xfu;
}

static bool bad_access(unsigned int slot, unsigned int off, unsigned int size)
{
	return slot >= PCI_SLOTS || off >= PCI_CONFIG_SIZE || size > 4 || (off & 3) + size > 4;
}

uint32_t pci_config_read(struct pci_bus *bus, unsigned int slot, unsigned int off,
			 unsigned int size)
{
	uint32_t v = UINT32_MAX;
	struct pci_dev *dev;

	if (bad_access(slot, off, size))
		return v;
	pthread_mutex_lock(&bus->lock);
	dev = bus->dev[slot];
	if (dev) {
		if (dev->config_read)
			dev->config_read(dev, off, size);
		v = 0;
		memcpy(&v, dev->config + off, size);
	}
	pthread_mutex_unlock(&bus->lock);
	return v;
}

void pci_config_write(struct pci_bus *bus, unsigned int slot, unsigned int off, uint32_t val,
		      unsigned int size)
{
	struct pci_dev *dev;
	unsigned int i;

	if (bad_access(slot, off, size))
		return;
	pthread_mutex_lock(&bus->lock);
	dev = bus->dev[slot];
	for (i = 0; dev && i < size; i++) {
		uint8_t mask = dev->wmask[off + i];

		dev->config[off + i] = (uint8_t)((dev->config[off + i] & ~mask) |
						 (val >> 8 * i & mask));
	}
	if (dev && dev->config_written)
		dev->config_written(dev, off, size);
	pthread_mutex_unlock(&bus->lock);
}

/* The function a configuration data access is for; PCI_SLOTS: none. */
static unsigned int selected(struct pci_bus *bus, unsigned int *reg)
{
	uint32_t a;

	pthread_mutex_lock(&bus->lock);
	a = bus->address;
	pthread_mutex_unlock(&bus->lock);
	*reg = a & 0xfc;
	/* Bus 0 only, function 0 only. */
	if (!(a & ADDR_ENABLE) || a & 0x00ff0700)
		return PCI_SLOTS;
	return a >> 11 & 31;
}

static uint64_t port_read(void *opaque, uint64_t off, unsigned int size)
{
	struct pci_bus *bus = opaque;
	unsigned int reg, slot;
	uint32_t v = UINT32_MAX;

	if (off >= 4) {
		slot = selected(bus, &reg);
		return pci_config_read(bus, slot, reg + (unsigned int)off - 4, size);
	}
	if (off == 0 && size == 4) {
		pthread_mutex_lock(&bus->lock);
		v = bus->address;
		pthread_mutex_unlock(&bus->lock);
	} else if (off == RESET_PORT && size == 1) {
		v = 0;
	}
	return v;
}

static void port_write(void *opaque, uint64_t off, uint64_t val, unsigned int size)
{
	struct pci_bus *bus = opaque;
	unsigned int reg, slot;

	if (off >= 4) {
		slot = selected(bus, &reg);
		pci_config_write(bus, slot, reg + (unsigned int)off - 4, (uint32_t)val, size);
	} else if (off == 0 && size == 4) {
		pthread_mutex_lock(&bus->lock);
		bus->address = (uint32_t)val & 0x80fffffc;
		pthread_mutex_unlock(&bus->lock);
	} else if (off == RESET_PORT && size == 1 && val & RESET_CPU && bus->reset) {
		bus->reset(bus->reset_opaque);
	}
}

static const struct bus_ops port_ops = { .read = port_read, .write = port_write };

/* Which BAR decodes @addr? The copy stays valid: devices are never unplugged. */
static bool find_bar(struct pci_bus *bus, uint64_t addr, unsigned int size,
		     struct pci_bar *bar, uint64_t *off)
{
	unsigned int slot, i;
	bool found = false;

	pthread_mutex_lock(&bus->lock);
	for (slot = 0; slot < PCI_SLOTS && !found; slot++) {
		const struct pci_dev *dev = bus->dev[slot];

		for (i = 0; dev && i < PCI_BARS && !found; i++) {
			uint64_t base = pci_bar_addr(dev, i);

			if (!base || addr < base || addr - base >= dev->bar[i].size ||
			    size > dev->bar[i].size - (addr - base))
				continue;
			*bar = dev->bar[i];
			*off = addr - base;
			found = true;
		}
	}
	pthread_mutex_unlock(&bus->lock);
	return found;
}

static uint64_t window_read(void *opaque, uint64_t off, unsigned int size)
{
	struct pci_bar bar;

	if (!find_bar(opaque, PCI_MMIO_BASE + off, size, &bar, &off))
		return ~UINT64_C(0);
	return bar.ops->read(bar.dev, off, size);
}

static void window_write(void *opaque, uint64_t off, uint64_t val, unsigned int size)
{
	struct pci_bar bar;

	if (find_bar(opaque, PCI_MMIO_BASE + off, size, &bar, &off))
		bar.ops->write(bar.dev, off, val, size);
}

static const struct bus_ops window_ops = { .read = window_read, .write = window_write };

void pci_bus_init(struct pci_bus *bus)
{
	memset(bus, 0, sizeof(*bus));
	pthread_mutex_init(&bus->lock, NULL);
	bus->next_bar = (uint32_t)PCI_MMIO_BASE;
	/* Linux looks for a host bridge before it trusts the ports. 1b36:0008 is
	 * the generic host bridge of the Red Hat virtual device range. */
	pci_dev_init(&bus->host, 0x1b36, 0x0008, 0x060000, 0);
	memcpy(bus->host.initial, bus->host.config, sizeof(bus->host.initial));
	bus->dev[0] = &bus->host;
}

int pci_bus_attach(struct pci_bus *bus, struct bus *pio, struct bus *mmio)
{
	int ret = bus_add(pio, PCI_ADDR_PORT, PCI_PORTS, &port_ops, bus);

	return ret ? ret : bus_add(mmio, PCI_MMIO_BASE, PCI_MMIO_SIZE, &window_ops, bus);
}
