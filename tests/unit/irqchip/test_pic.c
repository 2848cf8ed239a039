// SPDX-License-Identifier: GPL-2.0-only
/* Dual 8259A: initialisation, priorities, cascade, EOI forms, spurious, state. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "pic.h"

static struct hg_pic pic;
static u32 changes;
static bool line;

static void output(void *host, bool level)
{
	assert_ptr_equal(host, &pic);
	assert_true(level != line);
	line = level;
	changes++;
}

static const struct hg_pic_ops ops = { output };

static void out(u16 port, u8 val)
{
	hg_pic_write(&pic, port, val);
}

static void program(u8 icw4)
{
	out(0x20, 0x11);
	out(0x21, 0x30);
	out(0x21, 0x04);
	out(0x21, icw4);
	out(0xa0, 0x11);
	out(0xa1, 0x38);
	out(0xa1, 0x02);
	out(0xa1, icw4);
}

static int setup(void **state)
{
	(void)state;
	changes = 0;
	line = false;
	hg_pic_init(&pic, &ops, &pic);
	program(0x01);
	return 0;
}

static void pulse(u32 pin)
{
	hg_pic_set_irq(&pic, pin, 0, true);
	hg_pic_set_irq(&pic, pin, 0, false);
}

static u8 isr(u16 port)
{
	out(port, 0x0b);
	return hg_pic_read(&pic, port);
}

static u8 irr(u16 port)
{
	out(port, 0x0a);
	return hg_pic_read(&pic, port);
}

static void priorities(void **state)
{
	(void)state;
	assert_int_equal(hg_pic_set_irq(&pic, 5, 0, true), HG_IRQ_DELIVERED);
	assert_true(line);
	assert_int_equal(hg_pic_set_irq(&pic, 5, 0, true), HG_IRQ_COALESCED);
	pulse(3);
	assert_int_equal(irr(0x20), 0x28);
	assert_int_equal(hg_pic_ack(&pic), 0x33);
	assert_false(line);
	assert_int_equal(isr(0x20), 0x08);
	/* Higher interrupts lower, not the other way. */
	pulse(1);
	assert_true(line);
	assert_int_equal(hg_pic_ack(&pic), 0x31);
	out(0x20, 0x20);
	assert_int_equal(isr(0x20), 0x08);
	assert_false(line);
	out(0x20, 0x63);
	assert_int_equal(isr(0x20), 0);
	assert_int_equal(hg_pic_ack(&pic), 0x35);
	out(0x20, 0x20);
	assert_int_equal(hg_pic_take_acked(&pic), 1 << 1 | 1 << 3 | 1 << 5);
	assert_int_equal(hg_pic_take_acked(&pic), 0);
}

static void masking_keeps_edges(void **state)
{
	(void)state;
	out(0x21, 0xff);
	assert_int_equal(hg_pic_read(&pic, 0x21), 0xff);
	assert_int_equal(hg_pic_set_irq(&pic, 0, 0, true), HG_IRQ_MASKED);
	assert_int_equal(hg_pic_set_irq(&pic, 0, 0, false), HG_IRQ_DELIVERED);
	assert_false(line);
	out(0x21, 0xfe);
	assert_true(line);
	assert_int_equal(hg_pic_ack(&pic), 0x30);
}

static void cascade(void **state)
{
	(void)state;
	pulse(12);
	assert_true(line);
	assert_int_equal(irr(0x20), 0x04);
	assert_int_equal(irr(0xa0), 0x10);
	assert_int_equal(hg_pic_ack(&pic), 0x3c);
	assert_int_equal(isr(0x20), 0x04);
	assert_int_equal(isr(0xa0), 0x10);
	/* A higher pin of the slave waits for the master's EOI... */
	pulse(8);
	assert_false(line);
	/* ...and a higher one of the master does not. */
	pulse(1);
	assert_true(line);
	assert_int_equal(hg_pic_ack(&pic), 0x31);
	out(0x20, 0x61);
	out(0xa0, 0x20);
	out(0x20, 0x62);
	assert_true(line);
	assert_int_equal(hg_pic_ack(&pic), 0x38);
	out(0xa0, 0x20);
	out(0x20, 0x20);
	assert_false(line);
	assert_int_equal(hg_pic_take_acked(&pic), 1 << 1 | 1 << 2 | 1 << 8 | 1 << 12);
	/* The cascade pin has no line of its own. */
	assert_int_equal(hg_pic_set_irq(&pic, 2, 0, true), HG_IRQ_MASKED);
}

static void cascade_back_to_back(void **state)
{
	(void)state;
	/* With automatic EOI nothing separates two requests of the slave. */
	program(0x03);
	pulse(9);
	pulse(10);
	assert_int_equal(hg_pic_ack(&pic), 0x39);
	assert_true(line);
	assert_int_equal(hg_pic_ack(&pic), 0x3a);
	assert_false(line);
	assert_int_equal(isr(0x20) | isr(0xa0), 0);
}

static void special_fully_nested(void **state)
{
	(void)state;
	program(0x11);
	pulse(12);
	assert_int_equal(hg_pic_ack(&pic), 0x3c);
	pulse(8);
	assert_true(line);
	assert_int_equal(hg_pic_ack(&pic), 0x38);
	pulse(14);
	assert_false(line);
}

static void spurious(void **state)
{
	(void)state;
	assert_int_equal(hg_pic_ack(&pic), 0x37);
	assert_int_equal(isr(0x20), 0);
	/* A level request that goes away before the acknowledge. */
	out(0x4d0, 0x20);
	hg_pic_set_irq(&pic, 5, 0, true);
	assert_true(line);
	hg_pic_set_irq(&pic, 5, 0, false);
	assert_false(line);
	assert_int_equal(hg_pic_ack(&pic), 0x37);
	assert_int_equal(isr(0x20), 0);
	assert_int_equal(hg_pic_take_acked(&pic), 0);
}

static void levels(void **state)
{
	(void)state;
	/* Timer, keyboard, cascade; RTC and FPU cannot be level. */
	out(0x4d0, 0xff);
	out(0x4d1, 0xff);
	assert_int_equal(hg_pic_read(&pic, 0x4d0), 0xf8);
	assert_int_equal(hg_pic_read(&pic, 0x4d1), 0xde);
	hg_pic_set_irq(&pic, 10, 0, true);
	hg_pic_set_irq(&pic, 10, 1, true);
	assert_int_equal(hg_pic_ack(&pic), 0x3a);
	hg_pic_set_irq(&pic, 10, 0, false);
	out(0xa0, 0x20);
	out(0x20, 0x20);
	/* The other source still asserts. */
	assert_true(line);
	assert_int_equal(hg_pic_ack(&pic), 0x3a);
	hg_pic_set_irq(&pic, 10, 1, false);
	out(0xa0, 0x20);
	out(0x20, 0x20);
	assert_false(line);
	/* An edge pin that is high becomes level: it requests. */
	out(0x4d1, 0);
	hg_pic_set_irq(&pic, 11, 0, true);
	assert_int_equal(hg_pic_ack(&pic), 0x3b);
	out(0xa0, 0x20);
	out(0x20, 0x20);
	assert_false(line);
	out(0x4d1, 0x08);
	assert_true(line);
}

static void rotation(void **state)
{
	(void)state;
	/* Rotate on non-specific EOI: the served pin becomes the lowest. */
	pulse(3);
	assert_int_equal(hg_pic_ack(&pic), 0x33);
	out(0x20, 0xa0);
	pulse(3);
	pulse(4);
	pulse(2 + 8);
	assert_int_equal(hg_pic_ack(&pic), 0x34);
	out(0x20, 0x20);
	assert_int_equal(hg_pic_ack(&pic), 0x3a);
	out(0xa0, 0x20);
	out(0x20, 0x20);
	assert_int_equal(hg_pic_ack(&pic), 0x33);
	/* Rotate on specific EOI, then set priority. */
	out(0x20, 0xe3);
	out(0x20, 0xc7);
	pulse(7);
	pulse(0);
	assert_int_equal(hg_pic_ack(&pic), 0x30);
	out(0x20, 0x20);
	assert_int_equal(hg_pic_ack(&pic), 0x37);
	/* No operation. */
	out(0x20, 0x40);
	assert_int_equal(isr(0x20), 0x80);
}

static void auto_eoi_rotation(void **state)
{
	(void)state;
	program(0x03);
	out(0x20, 0x80);
	pulse(0);
	assert_int_equal(hg_pic_ack(&pic), 0x30);
	pulse(0);
	pulse(1);
	assert_int_equal(hg_pic_ack(&pic), 0x31);
	assert_int_equal(hg_pic_ack(&pic), 0x30);
	out(0x20, 0x00);
	pulse(5);
	pulse(6);
	assert_int_equal(hg_pic_ack(&pic), 0x35);
	assert_int_equal(isr(0x20), 0);
}

static void special_mask(void **state)
{
	(void)state;
	pulse(3);
	assert_int_equal(hg_pic_ack(&pic), 0x33);
	pulse(6);
	assert_false(line);
	out(0x21, 0x08);
	assert_false(line);
	out(0x20, 0x68);
	assert_true(line);
	assert_int_equal(hg_pic_ack(&pic), 0x36);
	/* Non-specific EOI passes over the masked pin in service. */
	out(0x20, 0x20);
	assert_int_equal(isr(0x20), 0x08);
	out(0x20, 0x48);
	out(0x21, 0);
	pulse(6);
	assert_false(line);
}

static void polling(void **state)
{
	(void)state;
	out(0x20, 0x0c);
	assert_int_equal(hg_pic_read(&pic, 0x20), 0);
	pulse(4);
	out(0x20, 0x0c);
	assert_int_equal(hg_pic_read(&pic, 0x20), 0x84);
	assert_int_equal(isr(0x20), 0x10);
	assert_false(line);
}

static void initialisation_clears(void **state)
{
	(void)state;
	pulse(3);
	assert_int_equal(hg_pic_ack(&pic), 0x33);
	pulse(4);
	out(0x21, 0x55);
	out(0x20, 0x10);
	assert_int_equal(hg_pic_read(&pic, 0x21), 0);
	assert_int_equal(isr(0x20) | irr(0x20), 0);
	assert_int_equal(hg_pic_take_acked(&pic), 1 << 3);
	/* Without ICW4 the sequence ends after ICW3. */
	out(0x21, 0x4f);
	out(0x21, 0x04);
	out(0x21, 0xaa);
	assert_int_equal(hg_pic_read(&pic, 0x21), 0xaa);
	pulse(0);
	assert_int_equal(hg_pic_ack(&pic), 0x48);
}

static void save_and_restore(void **state)
{
	struct hg_pic_state m, s;

	(void)state;
	out(0x4d1, 0x04);
	hg_pic_set_irq(&pic, 10, 0, true);
	hg_pic_get_state(&pic, 0, &m);
	hg_pic_get_state(&pic, 1, &s);
	hg_pic_reset(&pic);
	assert_false(line);
	assert_true(hg_pic_set_state(&pic, 1, &s));
	assert_true(hg_pic_set_state(&pic, 0, &m));
	assert_true(line);
	assert_int_equal(hg_pic_ack(&pic), 0x3a);
	out(0xa0, 0x20);
	out(0x20, 0x20);
	assert_true(line);
	hg_pic_set_irq(&pic, 10, 0, false);
	assert_false(line);

	s.init_state = 4;
	assert_false(hg_pic_set_state(&pic, 1, &s));
	s.init_state = 0;
	s.priority_add = 8;
	assert_false(hg_pic_set_state(&pic, 1, &s));
	s.priority_add = 0;
	assert_false(hg_pic_set_state(&pic, 2, &s));
}

static void ports(void **state)
{
	static const u16 owned[] = { 0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1 };
	u32 port, n = 0;

	(void)state;
	for (port = 0; port < 0x10000; port++)
		if (hg_pic_owns((u16)port))
			assert_int_equal(port, owned[n++]);
	assert_int_equal(n, 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(priorities, setup),
		cmocka_unit_test_setup(masking_keeps_edges, setup),
		cmocka_unit_test_setup(cascade, setup),
		cmocka_unit_test_setup(cascade_back_to_back, setup),
		cmocka_unit_test_setup(special_fully_nested, setup),
		cmocka_unit_test_setup(spurious, setup),
		cmocka_unit_test_setup(levels, setup),
		cmocka_unit_test_setup(rotation, setup),
		cmocka_unit_test_setup(auto_eoi_rotation, setup),
		cmocka_unit_test_setup(special_mask, setup),
		cmocka_unit_test_setup(polling, setup),
		cmocka_unit_test_setup(initialisation_clears, setup),
		cmocka_unit_test_setup(save_and_restore, setup),
		cmocka_unit_test_setup(ports, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
