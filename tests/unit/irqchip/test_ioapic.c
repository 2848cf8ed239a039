// SPDX-License-Identifier: GPL-2.0-only
/* I/O APIC: edges, levels, masking, EOI, storms, registers, state. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "ioapic.h"

#define LEVEL	HG_IOAPIC_RTE_LEVEL
#define MASKED	HG_IOAPIC_RTE_MASKED
#define REMOTE	HG_IOAPIC_RTE_REMOTE_IRR

static struct hg_ioapic io;
static struct hg_irq last;
static u32 sent, deferred, deferred_pin, changes;
static int answer;

static int deliver(void *host, const struct hg_irq *irq)
{
	assert_ptr_equal(host, &io);
	last = *irq;
	sent++;
	return answer;
}

static void defer(void *host, u32 pin)
{
	(void)host;
	deferred++;
	deferred_pin = pin;
}

static void changed(void *host)
{
	(void)host;
	changes++;
}

static const struct hg_ioapic_ops ops = { deliver, defer, changed };

static u32 reg_read(u32 index)
{
	u64 val;

	hg_ioapic_write(&io, 0x00, 4, index);
	hg_ioapic_read(&io, 0x10, 4, &val);
	return (u32)val;
}

static void reg_write(u32 index, u32 val)
{
	hg_ioapic_write(&io, 0x00, 4, index);
	hg_ioapic_write(&io, 0x10, 4, val);
}

static void program(u32 pin, u64 rte)
{
	reg_write(0x11 + 2 * pin, (u32)(rte >> 32));
	reg_write(0x10 + 2 * pin, (u32)rte);
}

static int setup(void **state)
{
	(void)state;
	hg_ioapic_init(&io, &ops, &io);
	sent = deferred = changes = 0;
	answer = HG_IRQ_DELIVERED;
	return 0;
}

static void registers(void **state)
{
	u64 val;

	(void)state;
	assert_int_equal(reg_read(1), 0x170011);
	reg_write(1, 0);
	assert_int_equal(reg_read(1), 0x170011);
	reg_write(0, 0xff000000);
	assert_int_equal(reg_read(0), 0x0f000000);
	assert_int_equal(reg_read(2), 0x0f000000);
	assert_int_equal(reg_read(0x10), 0x10000);
	assert_int_equal(reg_read(0x3f), 0);
	assert_int_equal(reg_read(0x40), 0xffffffff);
	reg_write(0x40, 0);
	assert_int_equal(reg_read(0x0f), 0xffffffff);
	/* Read-only bits of an entry. */
	program(3, 0xab000000ffffffffULL);
	assert_int_equal(reg_read(0x17), 0xab000000);
	assert_int_equal(reg_read(0x16), 0x1afff);
	/* Bytes of the select register. */
	hg_ioapic_write(&io, 0, 1, 0x17);
	hg_ioapic_read(&io, 0x10, 4, &val);
	assert_int_equal(val, 0xab000000);
	hg_ioapic_read(&io, 0x13, 1, &val);
	assert_int_equal(val, 0xab);
	hg_ioapic_read(&io, 0x20, 4, &val);
	assert_int_equal(val, 0);
	assert_int_equal(sent, 0);
}

static void edge(void **state)
{
	(void)state;
	/* Masked: lost for good. */
	assert_int_equal(hg_ioapic_set_irq(&io, 4, 0, true), HG_IRQ_MASKED);
	program(4, 0x0200000000000934ULL);
	assert_int_equal(sent, 0);
	assert_int_equal(hg_ioapic_set_irq(&io, 4, 0, true), HG_IRQ_COALESCED);
	hg_ioapic_set_irq(&io, 4, 0, false);
	assert_int_equal(hg_ioapic_set_irq(&io, 4, 0, true), HG_IRQ_DELIVERED);
	assert_int_equal(sent, 1);
	assert_int_equal(last.vector, 0x34);
	assert_int_equal(last.mode, HG_IRQ_LOWEST);
	assert_int_equal(last.dest, 2);
	assert_true(last.logical);
	assert_false(last.level);
	/* Only a new edge counts; a second source makes none. */
	assert_int_equal(hg_ioapic_set_irq(&io, 4, 1, true), HG_IRQ_COALESCED);
	hg_ioapic_set_irq(&io, 4, 0, false);
	assert_int_equal(hg_ioapic_set_irq(&io, 4, 0, true), HG_IRQ_COALESCED);
	hg_ioapic_set_irq(&io, 4, 0, false);
	hg_ioapic_set_irq(&io, 4, 1, false);
	answer = HG_IRQ_COALESCED;
	assert_int_equal(hg_ioapic_set_irq(&io, 4, 0, true), HG_IRQ_COALESCED);
	assert_int_equal(sent, 2);
	assert_false(io.s.redir[4] & REMOTE);
}

static void level_retrigger(void **state)
{
	(void)state;
	program(10, LEVEL | 0x5a);
	assert_int_equal(hg_ioapic_set_irq(&io, 10, 0, true), HG_IRQ_DELIVERED);
	assert_true(io.s.redir[10] & REMOTE);
	assert_int_equal(hg_ioapic_set_irq(&io, 10, 1, true), HG_IRQ_COALESCED);
	assert_int_equal(sent, 1);
	/* An EOI of something else, or of an edge, is none of ours. */
	hg_ioapic_eoi(&io, 0x5b, true);
	hg_ioapic_eoi(&io, 0x5a, false);
	assert_int_equal(sent, 1);
	assert_int_equal(hg_ioapic_eoi_pins(&io, 0x5a, true), 1 << 10);
	assert_int_equal(hg_ioapic_eoi_pins(&io, 0x5a, false), 0);
	/* Still asserted: again. */
	hg_ioapic_eoi(&io, 0x5a, true);
	assert_int_equal(sent, 2);
	assert_true(io.s.redir[10] & REMOTE);
	/* One of two sources gone: still asserted. */
	hg_ioapic_set_irq(&io, 10, 0, false);
	hg_ioapic_eoi(&io, 0x5a, true);
	assert_int_equal(sent, 3);
	hg_ioapic_set_irq(&io, 10, 1, false);
	hg_ioapic_eoi(&io, 0x5a, true);
	assert_int_equal(sent, 3);
	assert_false(io.s.redir[10] & REMOTE);
}

static void level_while_masked(void **state)
{
	(void)state;
	program(10, LEVEL | MASKED | 0x5a);
	assert_int_equal(hg_ioapic_set_irq(&io, 10, 0, true), HG_IRQ_MASKED);
	program(10, LEVEL | 0x5a);
	assert_int_equal(sent, 1);
	/* Masked before the EOI: delivered at the unmask. */
	program(10, LEVEL | MASKED | 0x5a);
	hg_ioapic_eoi(&io, 0x5a, true);
	assert_int_equal(sent, 1);
	program(10, LEVEL | 0x5a);
	assert_int_equal(sent, 2);
	/* A switch to edge and back forgets a stuck remote IRR. */
	assert_true(io.s.redir[10] & REMOTE);
	program(10, MASKED | 0x5a);
	assert_false(io.s.redir[10] & REMOTE);
	/* Nobody took it: not in flight, so the next try is a new one. */
	hg_ioapic_set_irq(&io, 10, 0, false);
	program(10, LEVEL | 0x5a);
	answer = HG_IRQ_MASKED;
	assert_int_equal(hg_ioapic_set_irq(&io, 10, 0, true), HG_IRQ_MASKED);
	assert_false(io.s.redir[10] & REMOTE);
}

static void shared_vector(void **state)
{
	(void)state;
	program(5, LEVEL | 0x44);
	program(6, LEVEL | 0x44);
	hg_ioapic_set_irq(&io, 5, 0, true);
	answer = HG_IRQ_COALESCED;
	assert_int_equal(hg_ioapic_set_irq(&io, 6, 0, true), HG_IRQ_COALESCED);
	assert_true(io.s.redir[6] & REMOTE);
	assert_int_equal(hg_ioapic_eoi_pins(&io, 0x44, true), 3 << 5);
	answer = HG_IRQ_DELIVERED;
	hg_ioapic_set_irq(&io, 5, 0, false);
	hg_ioapic_eoi(&io, 0x44, true);
	assert_int_equal(sent, 3);
	assert_false(io.s.redir[5] & REMOTE);
	assert_true(io.s.redir[6] & REMOTE);
}

static void storm(void **state)
{
	u32 i;

	(void)state;
	program(7, LEVEL | 0x77);
	hg_ioapic_set_irq(&io, 7, 0, true);
	for (i = 1; i < HG_IOAPIC_STORM; i++)
		hg_ioapic_eoi(&io, 0x77, true);
	assert_int_equal(sent, HG_IOAPIC_STORM);
	assert_int_equal(deferred, 0);
	hg_ioapic_eoi(&io, 0x77, true);
	assert_int_equal(deferred, 1);
	assert_int_equal(deferred_pin, 7);
	assert_int_equal(sent, HG_IOAPIC_STORM);
	hg_ioapic_retry(&io, 7);
	assert_int_equal(sent, HG_IOAPIC_STORM + 1);
	/* Quiet by then: the retry has nothing to do. */
	hg_ioapic_set_irq(&io, 7, 0, false);
	hg_ioapic_eoi(&io, 0x77, true);
	hg_ioapic_retry(&io, 7);
	hg_ioapic_retry(&io, HG_IOAPIC_PINS);
	assert_int_equal(sent, HG_IOAPIC_STORM + 1);
}

static void vectors(void **state)
{
	u32 v[8];

	(void)state;
	program(1, 0x31);
	program(2, MASKED | 0x32);
	program(3, LEVEL | 0xfe);
	hg_ioapic_vectors(&io, v);
	assert_int_equal(v[1], 1 << 0x11);
	assert_int_equal(v[7], 1 << 30);
	assert_int_equal(v[0] | v[2] | v[3] | v[4] | v[5] | v[6], 0);
	assert_true(changes > 0);
}

static void save_and_restore(void **state)
{
	struct hg_ioapic_state s;

	(void)state;
	program(10, 0x0300000000000000ULL | LEVEL | 0x5a);
	program(11, LEVEL | 0x5b);
	hg_ioapic_set_irq(&io, 10, 0, true);
	hg_ioapic_get_state(&io, &s);
	assert_int_equal(s.irr, 1 << 10);
	assert_int_equal(s.base, HG_IOAPIC_BASE);
	hg_ioapic_reset(&io);
	assert_int_equal(io.s.irr, 0);
	/* In flight: the restored remote IRR holds it back till the EOI. */
	sent = 0;
	hg_ioapic_set_state(&io, &s);
	assert_int_equal(sent, 0);
	hg_ioapic_eoi(&io, 0x5a, true);
	assert_int_equal(sent, 1);
	/* Not in flight: sent. And junk is cut to what exists. */
	s.redir[10] &= ~REMOTE;
	s.irr = ~0U;
	s.ioregsel = ~0U;
	s.redir[0] = ~0ULL;
	sent = 0;
	hg_ioapic_set_state(&io, &s);
	assert_int_equal(sent, 2);
	assert_int_equal(io.s.irr, 0xffffff);
	assert_int_equal(io.s.redir[0], 0xff0000000001ffffULL);
	/* The restored line falls with source 0. */
	hg_ioapic_set_irq(&io, 10, 0, false);
	assert_false(io.s.irr >> 10 & 1);
	assert_int_equal(hg_ioapic_set_irq(&io, HG_IOAPIC_PINS, 0, true), HG_IRQ_MASKED);
	assert_int_equal(hg_ioapic_set_irq(&io, 0, 64, true), HG_IRQ_MASKED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(registers, setup),
		cmocka_unit_test_setup(edge, setup),
		cmocka_unit_test_setup(level_retrigger, setup),
		cmocka_unit_test_setup(level_while_masked, setup),
		cmocka_unit_test_setup(shared_vector, setup),
		cmocka_unit_test_setup(storm, setup),
		cmocka_unit_test_setup(vectors, setup),
		cmocka_unit_test_setup(save_and_restore, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
