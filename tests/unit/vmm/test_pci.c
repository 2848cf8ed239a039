// SPDX-License-Identifier: Apache-2.0
#include "ram.h"

#include <string.h>

#include "bus.h"
#include "pci.h"
#include "util.h"

struct fixture {
	struct pci_bus bus;
	struct bus pio, mmio;
	struct pci_dev dev;
	uint64_t last_off, last_val;
	unsigned int reads, writes, resets;
};

static uint64_t on_read(void *dev, uint64_t off, unsigned int size)
{
	struct fixture *f = dev;

	(void)size;
	f->reads++;
	f->last_off = off;
	return 0x1122334455667788;
}

static void on_write(void *dev, uint64_t off, uint64_t val, unsigned int size)
{
	struct fixture *f = dev;

	(void)size;
	f->writes++;
	f->last_off = off;
	f->last_val = val;
}

static const struct bus_ops ops = { on_read, on_write };

static void on_reset(void *opaque)
{
	((struct fixture *)opaque)->resets++;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	pci_bus_init(&f->bus);
	f->bus.reset = on_reset;
	f->bus.reset_opaque = f;
	assert_int_equal(pci_bus_attach(&f->bus, &f->pio, &f->mmio), 0);
	pci_dev_init(&f->dev, 0x1af4, 0x1042, 0x018000, 0x1100);
	pci_dev_bar(&f->dev, 0, 0x4000, &ops, f);
	pci_dev_bar(&f->dev, 1, 0x1000, &ops, f);
	assert_int_equal(pci_dev_add(&f->bus, &f->dev), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	free(*state);
	return 0;
}

static uint32_t cfg(struct fixture *f, unsigned int reg)
{
	bus_write(&f->pio, 0xcf8, 0x80000000u | f->dev.slot << 11 | reg, 4);
	return (uint32_t)bus_read(&f->pio, 0xcfc, 4);
}

static void cfg_write(struct fixture *f, unsigned int reg, uint32_t val)
{
	bus_write(&f->pio, 0xcf8, 0x80000000u | f->dev.slot << 11 | reg, 4);
	bus_write(&f->pio, 0xcfc, val, 4);
}

static void identity(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(cfg(f, 0), 0x10421af4);
	assert_int_equal(cfg(f, 8) >> 8, 0x018000);
	bus_write(&f->pio, 0xcf8, 0x80000000u, 4);
	assert_int_equal(bus_read(&f->pio, 0xcfc, 4), 0x00081b36);	/* host bridge */
	/* Bytes and words of a register, at their ports. */
	bus_write(&f->pio, 0xcf8, 0x80000000u | f->dev.slot << 11, 4);
	assert_int_equal(bus_read(&f->pio, 0xcfe, 2), 0x1042);
	assert_int_equal(bus_read(&f->pio, 0xcfd, 1), 0x1a);
}

static void nobody_there(void **state)
{
	struct fixture *f = *state;
	static const uint32_t addr[] = {
		0x80000000u | 9 << 11,			/* empty slot */
		0x80000000u | 1 << 11 | 1 << 8,		/* function 1 */
		0x80000000u | 1 << 16,			/* bus 1 */
		1 << 11,				/* not enabled */
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(addr); i++) {
		bus_write(&f->pio, 0xcf8, addr[i], 4);
		assert_int_equal(bus_read(&f->pio, 0xcfc, 4), 0xffffffff);
		bus_write(&f->pio, 0xcfc, 0x12345678, 4);
	}
	assert_int_equal(cfg(f, 0), 0x10421af4);
}

/* Sizing, as software does it (PCI 3.0, 6.2.5.1), and moving. */
static void bars(void **state)
{
	struct fixture *f = *state;
	uint32_t base = cfg(f, 0x10);

	assert_int_equal(base, PCI_MMIO_BASE);
	cfg_write(f, 0x10, 0xffffffff);
	assert_int_equal(cfg(f, 0x10), 0xffffc000);
	cfg_write(f, 0x18, 0xffffffff);
	assert_int_equal(cfg(f, 0x18), 0);		/* no BAR 2 */
	cfg_write(f, 0x10, 0xd0001234);
	assert_int_equal(cfg(f, 0x10), 0xd0000000);

	/* Nothing is decoded before the command register says so. */
	assert_int_equal(bus_read(&f->mmio, 0xd0000010, 4), UINT64_MAX);
	assert_int_equal(f->reads, 0);
	cfg_write(f, 4, 2);
	bus_write(&f->mmio, 0xd0000010, 0xabcd, 2);
	assert_int_equal(f->writes, 1);
	assert_int_equal(f->last_off, 0x10);
	assert_int_equal(f->last_val, 0xabcd);
	bus_read(&f->mmio, 0xd0003ff8, 8);
	assert_int_equal(f->reads, 1);
	/* Over the end, and outside. */
	bus_read(&f->mmio, 0xd0003ffc, 8);
	bus_read(&f->mmio, 0xd0004000, 1);
	bus_read(&f->mmio, base, 1);
	assert_int_equal(f->reads, 1);
}

static void read_only_bits(void **state)
{
	struct fixture *f = *state;
	unsigned int reg;

	for (reg = 0; reg < 256; reg += 4) {
		uint32_t before = cfg(f, reg), after;

		if (reg == 4 || reg == 0x10 || reg == 0x14 || reg == 0x3c)
			continue;
		cfg_write(f, reg, ~before);
		after = cfg(f, reg);
		assert_int_equal(before, after);
	}
	cfg_write(f, 4, 0xffffffff);
	assert_int_equal(cfg(f, 4) & 0xffff, 0x0406);
}

static void capabilities(void **state)
{
	struct fixture *f = *state;
	struct pci_dev d;
	uint8_t cap[20] = { 0 };
	unsigned int first, second, n = 0, at;

	pci_dev_init(&d, 1, 2, 3, 4);
	first = pci_dev_cap(&d, 9, cap, 17);
	second = pci_dev_cap(&d, 0x11, cap, 12);
	assert_int_equal(first, 0x40);
	assert_int_equal(second, 0x54);			/* aligned to four */
	assert_int_equal(d.config[0x34], first);
	assert_int_equal(d.config[first + 1], second);
	assert_int_equal(d.config[second + 1], 0);
	assert_int_equal(d.config[6] & 0x10, 0x10);
	assert_int_equal(pci_dev_cap(&d, 9, cap, 1), 0);
	/* Until it is full; the list stays whole. */
	while (pci_dev_cap(&d, 9, cap, sizeof(cap)))
		n++;
	assert_int_equal(n, (256 - 0x60) / 20);
	for (at = d.config[0x34]; at; at = d.config[at + 1])
		n--;
	assert_int_equal((int)n, -2);
	(void)f;
}

static void no_more_slots(void **state)
{
	struct fixture *f = *state;
	struct pci_dev *d = calloc(PCI_SLOTS, sizeof(*d));
	unsigned int i;

	for (i = 0; i < PCI_SLOTS; i++) {
		int ret;

		pci_dev_init(&d[i], 1, 2, 3, 4);
		ret = pci_dev_add(&f->bus, &d[i]);
		assert_int_equal(ret, i < PCI_SLOTS - 2 ? 0 : -28);
	}
	free(d);
}

static void reset_restores(void **state)
{
	struct fixture *f = *state;

	cfg_write(f, 4, 2);
	cfg_write(f, 0x10, 0xd0000000);
	pci_bus_reset(&f->bus);
	assert_int_equal(cfg(f, 4) & 2, 0);
	assert_int_equal(cfg(f, 0x10), PCI_MMIO_BASE);

	assert_int_equal(f->resets, 0);
	bus_write(&f->pio, 0xcf9, 2, 1);
	assert_int_equal(f->resets, 0);
	bus_write(&f->pio, 0xcf9, 6, 1);
	assert_int_equal(f->resets, 1);
}

static void bus_ranges(void **state)
{
	struct fixture *f = *state;
	struct bus b = { 0 };

	assert_int_equal(bus_add(&b, 0x100, 0x10, &ops, f), 0);
	assert_int_equal(bus_add(&b, 0x10f, 1, &ops, f), -17);
	assert_int_equal(bus_add(&b, 0xff, 2, &ops, f), -17);
	assert_int_equal(bus_add(&b, 0, UINT64_MAX, &ops, f), -17);
	assert_int_equal(bus_add(&b, 0x110, 0x10, &ops, f), 0);
	assert_int_equal(bus_add(&b, 0xf0, 0x10, &ops, f), 0);
	bus_read(&b, 0x10e, 4);		/* across two devices: neither */
	assert_int_equal(f->reads, 0);
	bus_read(&b, 0x10c, 4);
	assert_int_equal(f->reads, 1);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(identity), TEST(nobody_there), TEST(bars), TEST(read_only_bits),
		TEST(capabilities), TEST(no_more_slots), TEST(reset_restores), TEST(bus_ranges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
