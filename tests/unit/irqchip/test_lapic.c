// SPDX-License-Identifier: GPL-2.0-only
/* Local APIC: priorities, acknowledge and EOI order, delivery, destinations, state. */
#include "fake.h"

static struct fake_vm vm;

static int setup(void **state)
{
	(void)state;
	fake_init(&vm, 4);
	return 0;
}

static struct hg_lapic *bsp(void)
{
	return vm.lapics[0];
}

static void power_up(void **state)
{
	struct hg_lapic_config cfg;
	struct hg_lapic *l = bsp();

	(void)state;
	fake_config(&cfg, 0);
	hg_lapic_init(l, &cfg, &fake_ops, &vm.cpu[0]);
	assert_int_equal(l->base, 0xfee00900);
	assert_int_equal(fake_read(&vm, 0, HG_APIC_SVR), 0xff);
	assert_int_equal(fake_read(&vm, 0, HG_APIC_DFR), 0xffffffff);
	assert_int_equal(fake_read(&vm, 0, HG_APIC_VERSION), 0x50014);
	assert_int_equal(fake_read(&vm, 0, HG_APIC_LVTT), 0x10000);
	assert_int_equal(fake_read(&vm, 0, HG_APIC_LVT0), 0x700);
	assert_true(hg_lapic_accepts_pic(l));
	assert_int_equal(hg_lapic_pending(l), -1);
	/* Software disabled: takes no vectors. */
	assert_int_equal(hg_lapic_post(l, 0x40, false), HG_IRQ_MASKED);
	assert_int_equal(l->irr_pending, 0);
	assert_int_equal(vm.cpu[0].kicks, 0);
}

static void priority_order(void **state)
{
	struct hg_lapic *l = bsp();

	(void)state;
	assert_int_equal(hg_lapic_post(l, 0x41, false), HG_IRQ_DELIVERED);
	assert_int_equal(hg_lapic_post(l, 0x41, false), HG_IRQ_COALESCED);
	assert_int_equal(hg_lapic_post(l, 0x93, false), HG_IRQ_DELIVERED);
	assert_int_equal(hg_lapic_post(l, 0x47, false), HG_IRQ_DELIVERED);
	assert_int_equal(vm.cpu[0].kicks, 3);

	assert_int_equal(hg_lapic_pending(l), 0x93);
	assert_int_equal(hg_lapic_ack(l), 0x93);
	assert_int_equal(fake_read(&vm, 0, HG_APIC_PPR), 0x90);
	/* Lower classes wait; the hint stays. */
	assert_int_equal(hg_lapic_pending(l), -1);
	assert_int_equal(hg_lapic_ack(l), -1);
	assert_int_equal(hg_lapic_highest_irr(l), 0x47);

	hg_lapic_eoi(l);
	assert_int_equal(hg_lapic_ack(l), 0x47);
	/* Same class does not nest. */
	assert_int_equal(hg_lapic_pending(l), -1);
	hg_lapic_eoi(l);
	assert_int_equal(hg_lapic_ack(l), 0x41);
	assert_int_equal(l->irr_pending, 0);
	hg_lapic_eoi(l);
	assert_int_equal(fake_read(&vm, 0, HG_APIC_PPR), 0);
	/* One more EOI than interrupts is harmless. */
	hg_lapic_eoi(l);
	assert_int_equal(vm.cpu[0].eois, 0);
}

static void nesting_and_eoi_order(void **state)
{
	struct hg_lapic *l = bsp();

	(void)state;
	hg_lapic_post(l, 0x30, false);
	assert_int_equal(hg_lapic_ack(l), 0x30);
	hg_lapic_post(l, 0x51, true);
	assert_int_equal(hg_lapic_ack(l), 0x51);
	hg_lapic_post(l, 0xff, false);
	assert_int_equal(hg_lapic_ack(l), 0xff);
	assert_int_equal(fake_read(&vm, 0, HG_APIC_ISR + 0x10), 1U << 16);
	assert_int_equal(fake_read(&vm, 0, HG_APIC_ISR + 0x70), 1U << 31);

	hg_lapic_eoi(l);
	assert_int_equal(fake_read(&vm, 0, HG_APIC_PPR), 0x50);
	assert_int_equal(vm.cpu[0].eois, 0);
	hg_lapic_eoi(l);
	assert_int_equal(vm.cpu[0].eois, 1);
	assert_int_equal(vm.cpu[0].eoi_vector, 0x51);
	assert_true(vm.cpu[0].eoi_level);
	assert_int_equal(fake_read(&vm, 0, HG_APIC_PPR), 0x30);
	hg_lapic_eoi(l);
	assert_int_equal(fake_read(&vm, 0, HG_APIC_PPR), 0);
}

static void eoi_of_watched_edge(void **state)
{
	struct hg_lapic *l = bsp();

	(void)state;
	l->eoi_vectors[0x61 / 32] = 1U << (0x61 % 32);
	hg_lapic_post(l, 0x61, false);
	hg_lapic_ack(l);
	hg_lapic_eoi(l);
	assert_int_equal(vm.cpu[0].eois, 1);
	assert_false(vm.cpu[0].eoi_level);
}

static void eoi_broadcast_suppression(void **state)
{
	struct hg_lapic_config cfg;
	struct hg_lapic *l = bsp();

	(void)state;
	/* Not offered: the bit does not stick. */
	fake_write(&vm, 0, HG_APIC_SVR, 0x11ff);
	assert_int_equal(fake_read(&vm, 0, HG_APIC_SVR), 0x1ff);

	fake_config(&cfg, 0);
	cfg.directed_eoi = true;
	hg_lapic_set_config(l, &cfg);
	assert_int_equal(fake_read(&vm, 0, HG_APIC_VERSION), 0x1050014);
	fake_write(&vm, 0, HG_APIC_SVR, 0x11ff);
	assert_int_equal(fake_read(&vm, 0, HG_APIC_SVR), 0x11ff);
	hg_lapic_post(l, 0x51, true);
	hg_lapic_ack(l);
	hg_lapic_eoi(l);
	assert_int_equal(vm.cpu[0].eois, 0);
}

static void task_priority(void **state)
{
	struct hg_lapic *l = bsp();

	(void)state;
	hg_lapic_post(l, 0x5f, false);
	hg_lapic_set_cr8(l, 5);
	assert_int_equal(fake_read(&vm, 0, HG_APIC_TPR), 0x50);
	assert_int_equal(hg_lapic_pending(l), -1);
	hg_lapic_set_cr8(l, 4);
	assert_int_equal(hg_lapic_get_cr8(l), 4);
	assert_int_equal(hg_lapic_pending(l), 0x5f);
	fake_write(&vm, 0, HG_APIC_TPR, 0x5a);
	assert_int_equal(hg_lapic_get_cr8(l), 5);
	assert_int_equal(fake_read(&vm, 0, HG_APIC_PPR), 0x5a);
	assert_int_equal(hg_lapic_pending(l), -1);
	fake_write(&vm, 0, HG_APIC_TPR, 0);
	assert_int_equal(hg_lapic_ack(l), 0x5f);
}

static void events(void **state)
{
	struct hg_irq irq = { .mode = HG_IRQ_SIPI, .vector = 0x9a };
	struct hg_lapic *l = bsp();

	(void)state;
	assert_int_equal(hg_lapic_deliver(l, &irq), HG_IRQ_DELIVERED);
	assert_int_equal(hg_lapic_sipi_vector(l), 0x9a);
	assert_int_equal(hg_lapic_peek_events(l), HG_LAPIC_EV_SIPI);
	/* An INIT voids the SIPI before it; a SIPI after it stays. */
	irq.mode = HG_IRQ_INIT;
	hg_lapic_deliver(l, &irq);
	assert_int_equal(hg_lapic_peek_events(l), HG_LAPIC_EV_INIT);
	irq.mode = HG_IRQ_SIPI;
	irq.vector = 0x12;
	hg_lapic_deliver(l, &irq);
	assert_int_equal(hg_lapic_take_events(l, HG_LAPIC_EV_INIT), HG_LAPIC_EV_INIT);
	assert_int_equal(hg_lapic_take_events(l, ~0U), HG_LAPIC_EV_SIPI);
	assert_int_equal(hg_lapic_take_events(l, ~0U), 0);

	/* The level de-assert of INIT does nothing. */
	irq.mode = HG_IRQ_INIT;
	irq.level = true;
	hg_lapic_deliver(l, &irq);
	assert_int_equal(hg_lapic_peek_events(l), 0);
	irq.assert = true;
	hg_lapic_deliver(l, &irq);
	assert_int_equal(hg_lapic_take_events(l, ~0U), HG_LAPIC_EV_INIT);

	irq.mode = HG_IRQ_NMI;
	hg_lapic_deliver(l, &irq);
	irq.mode = HG_IRQ_SMI;
	hg_lapic_deliver(l, &irq);
	assert_int_equal(hg_lapic_take_events(l, ~0U), HG_LAPIC_EV_NMI | HG_LAPIC_EV_SMI);
	irq.mode = HG_IRQ_EXTINT;
	assert_int_equal(hg_lapic_deliver(l, &irq), HG_IRQ_MASKED);
	irq.mode = HG_IRQ_REMRD;
	assert_int_equal(hg_lapic_deliver(l, &irq), HG_IRQ_MASKED);
	assert_int_equal(hg_lapic_pending(l), -1);
}

static void software_disable(void **state)
{
	struct hg_irq nmi = { .mode = HG_IRQ_NMI };
	struct hg_lapic *l = bsp();

	(void)state;
	fake_write(&vm, 0, HG_APIC_LVT1, 0x400);
	hg_lapic_post(l, 0x70, false);
	fake_write(&vm, 0, HG_APIC_SVR, 0xff);
	/* What is pending stays so; nothing new; NMI still works. */
	assert_int_equal(hg_lapic_pending(l), 0x70);
	assert_int_equal(hg_lapic_post(l, 0x80, false), HG_IRQ_MASKED);
	assert_int_equal(hg_lapic_deliver(l, &nmi), HG_IRQ_DELIVERED);
	/* Masks are forced. */
	assert_int_equal(fake_read(&vm, 0, HG_APIC_LVT1), 0x10400);
	fake_write(&vm, 0, HG_APIC_LVT1, 0x400);
	assert_int_equal(fake_read(&vm, 0, HG_APIC_LVT1), 0x10400);
	assert_false(hg_lapic_accepts_pic(l));
	fake_write(&vm, 0, HG_APIC_SVR, 0x1ff);
	fake_write(&vm, 0, HG_APIC_LVT1, 0x400);
	assert_int_equal(fake_read(&vm, 0, HG_APIC_LVT1), 0x400);
}

static void local_sources(void **state)
{
	struct hg_lapic *l = bsp();

	(void)state;
	assert_int_equal(hg_lapic_local(l, HG_APIC_LVT1), HG_IRQ_MASKED);
	fake_write(&vm, 0, HG_APIC_LVT1, 0x400);
	assert_int_equal(hg_lapic_local(l, HG_APIC_LVT1), HG_IRQ_DELIVERED);
	assert_int_equal(hg_lapic_take_events(l, ~0U), HG_LAPIC_EV_NMI);

	fake_write(&vm, 0, HG_APIC_LVTPC, 0x44);
	assert_int_equal(hg_lapic_local(l, HG_APIC_LVTPC), HG_IRQ_DELIVERED);
	assert_int_equal(hg_lapic_ack(l), 0x44);
	/* It masks itself. */
	assert_int_equal(fake_read(&vm, 0, HG_APIC_LVTPC), 0x10044);
	assert_int_equal(hg_lapic_local(l, HG_APIC_LVTPC), HG_IRQ_MASKED);

	/* LINT0 as a level-triggered fixed interrupt. */
	fake_write(&vm, 0, HG_APIC_LVT0, 0x8055);
	assert_int_equal(hg_lapic_local(l, HG_APIC_LVT0), HG_IRQ_DELIVERED);
	assert_int_equal(fake_read(&vm, 0, HG_APIC_TMR + 0x20), 1U << 21);
	assert_false(hg_lapic_accepts_pic(l));
}

static void matching(void **state)
{
	struct hg_irq irq = { .dest = 2 };
	struct hg_lapic *self = vm.lapics[1];

	(void)state;
	assert_true(hg_irq_match(vm.lapics[2], &irq, NULL));
	assert_false(hg_irq_match(vm.lapics[1], &irq, NULL));
	irq.dest = 0xff;
	assert_true(hg_irq_match(vm.lapics[3], &irq, NULL));
	irq.shorthand = HG_IRQ_TO_SELF;
	assert_true(hg_irq_match(self, &irq, self));
	assert_false(hg_irq_match(vm.lapics[0], &irq, self));
	irq.shorthand = HG_IRQ_TO_OTHERS;
	assert_false(hg_irq_match(self, &irq, self));
	assert_true(hg_irq_match(vm.lapics[0], &irq, self));
	irq.shorthand = HG_IRQ_TO_ALL;
	assert_true(hg_irq_match(self, &irq, self));

	/* Flat: any common bit. */
	irq = (struct hg_irq){ .dest = 0x0a, .logical = true };
	fake_write(&vm, 0, HG_APIC_LDR, 0x01000000);
	fake_write(&vm, 1, HG_APIC_LDR, 0x02000000);
	fake_write(&vm, 2, HG_APIC_LDR, 0x0c000000);
	assert_false(hg_irq_match(vm.lapics[0], &irq, NULL));
	assert_true(hg_irq_match(vm.lapics[1], &irq, NULL));
	assert_true(hg_irq_match(vm.lapics[2], &irq, NULL));
	assert_false(hg_irq_match(vm.lapics[3], &irq, NULL));

	/* Cluster: same cluster and a common member bit. */
	fake_write(&vm, 0, HG_APIC_DFR, 0x0fffffff);
	fake_write(&vm, 0, HG_APIC_LDR, 0x32000000);
	irq.dest = 0x36;
	assert_true(hg_irq_match(vm.lapics[0], &irq, NULL));
	irq.dest = 0x26;
	assert_false(hg_irq_match(vm.lapics[0], &irq, NULL));
	irq.dest = 0x34;
	assert_false(hg_irq_match(vm.lapics[0], &irq, NULL));
	irq.dest = 0xff;
	assert_true(hg_irq_match(vm.lapics[0], &irq, NULL));
}

static void matching_x2apic(void **state)
{
	struct hg_irq irq = { .dest = 0x00000001, .logical = true, .dest32 = true };
	struct hg_lapic_config cfg;
	struct hg_lapic *l = vm.lapics[3];

	(void)state;
	fake_config(&cfg, 0x123);
	hg_lapic_init(l, &cfg, &fake_ops, &vm.cpu[3]);
	/* Before it is in x2APIC mode it answers to its full ID. */
	irq = (struct hg_irq){ .dest = 0x123, .dest32 = true };
	assert_true(hg_irq_match(l, &irq, bsp()));
	irq = (struct hg_irq){ .dest = 0x23 };
	assert_false(hg_irq_match(l, &irq, NULL));

	fake_x2apic(&vm, 3);
	assert_int_equal(hg_lapic_reg(l, HG_APIC_ID), 0x123);
	assert_int_equal(hg_lapic_reg(l, HG_APIC_LDR), 0x12 << 16 | 1 << 3);
	irq = (struct hg_irq){ .dest = 0x12000c, .logical = true, .dest32 = true };
	assert_true(hg_irq_match(l, &irq, bsp()));
	irq.dest = 0x120004;
	assert_false(hg_irq_match(l, &irq, bsp()));
	irq.dest = 0x130008;
	assert_false(hg_irq_match(l, &irq, bsp()));
	irq.dest = 0xffffffff;
	assert_true(hg_irq_match(l, &irq, bsp()));
	irq = (struct hg_irq){ .dest = 0xff, .dest32 = true };
	assert_false(hg_irq_match(l, &irq, bsp()));

	/* 0xff from a device: all, unless the host wants it to be ID 255. */
	irq = (struct hg_irq){ .dest = 0xff };
	assert_true(hg_irq_match(l, &irq, NULL));
	cfg.no_bcast_quirk = true;
	hg_lapic_set_config(l, &cfg);
	assert_false(hg_irq_match(l, &irq, NULL));
}

static void init_keeps_mode(void **state)
{
	struct hg_lapic *l = vm.lapics[2];

	(void)state;
	fake_x2apic(&vm, 2);
	hg_lapic_post(l, 0x60, false);
	hg_lapic_reset(l, true);
	assert_true(hg_lapic_x2apic(l));
	assert_int_equal(hg_lapic_reg(l, HG_APIC_ID), 2);
	assert_int_equal(hg_lapic_reg(l, HG_APIC_LDR), 4);
	assert_int_equal(hg_lapic_pending(l), -1);
	assert_int_equal(hg_lapic_reg(l, HG_APIC_LVT0), 0x10000);
	hg_lapic_reset(l, false);
	assert_false(hg_lapic_x2apic(l));
	assert_int_equal(fake_read(&vm, 2, HG_APIC_ID), 2U << 24);
}

static void save_and_restore(void **state)
{
	struct hg_lapic *from = bsp(), *to = vm.lapics[1];
	u8 buf[HG_APIC_REGS_SIZE];
	u32 id;

	(void)state;
	hg_lapic_post(from, 0x40, false);
	hg_lapic_ack(from);
	hg_lapic_post(from, 0x35, true);
	hg_lapic_set_cr8(from, 2);
	fake_write(&vm, 0, HG_APIC_LVTT, 0xec);
	fake_write(&vm, 0, HG_APIC_TDCR, 0xb);
	fake_write(&vm, 0, HG_APIC_TMICT, 1000);
	fake_run(&vm, 400);
	hg_lapic_get_state(from, buf, false);

	assert_true(hg_lapic_set_state(to, buf, false));
	assert_int_equal(to->isr_top, 0x40);
	assert_int_equal(hg_lapic_pending(to), -1);
	assert_int_equal(fake_read(&vm, 1, HG_APIC_PPR), 0x40);
	assert_int_equal(fake_read(&vm, 1, HG_APIC_TMCCT), 600);
	hg_lapic_eoi(to);
	assert_int_equal(hg_lapic_ack(to), 0x35);
	fake_run(&vm, 600);
	assert_int_equal(hg_lapic_ack(to), 0xec);

	/* x2APIC: the ID must be right, in the form asked for. */
	fake_x2apic(&vm, 1);
	hg_lapic_get_state(to, buf, true);
	memcpy(&id, buf + HG_APIC_ID, 4);
	assert_int_equal(id, 1);
	assert_true(hg_lapic_set_state(to, buf, true));
	assert_false(hg_lapic_set_state(to, buf, false));
	hg_lapic_get_state(to, buf, false);
	memcpy(&id, buf + HG_APIC_ID, 4);
	assert_int_equal(id, 1U << 24);
	assert_true(hg_lapic_set_state(to, buf, false));
	id = 7;
	memcpy(buf + HG_APIC_ID, &id, 4);
	assert_false(hg_lapic_set_state(to, buf, true));
	assert_int_equal(hg_lapic_reg(to, HG_APIC_ID), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(power_up, setup),
		cmocka_unit_test_setup(priority_order, setup),
		cmocka_unit_test_setup(nesting_and_eoi_order, setup),
		cmocka_unit_test_setup(eoi_of_watched_edge, setup),
		cmocka_unit_test_setup(eoi_broadcast_suppression, setup),
		cmocka_unit_test_setup(task_priority, setup),
		cmocka_unit_test_setup(events, setup),
		cmocka_unit_test_setup(software_disable, setup),
		cmocka_unit_test_setup(local_sources, setup),
		cmocka_unit_test_setup(matching, setup),
		cmocka_unit_test_setup(matching_x2apic, setup),
		cmocka_unit_test_setup(init_keeps_mode, setup),
		cmocka_unit_test_setup(save_and_restore, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
