// SPDX-License-Identifier: GPL-2.0-only
/* 8254 and port 61h: counting, modes, latches, ticks and reinjection. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "pit.h"

static struct hg_pit pit;
static u64 now, deadline;
static u32 ticks;
static int answer;

static u64 clock_ns(void *host)
{
	assert_ptr_equal(host, &pit);
	return now;
}

static void arm(void *host, u64 ns)
{
	(void)host;
	deadline = ns;
}

static void cancel(void *host)
{
	(void)host;
	deadline = 0;
}

static int tick(void *host)
{
	(void)host;
	ticks++;
	return answer;
}

static const struct hg_pit_ops ops = { clock_ns, arm, cancel, tick };

/* First nanosecond at which n ticks of the 8254 have passed. */
static u64 ns_of(u64 n)
{
	return (n * 1000000000ULL + HG_PIT_HZ - 1) / HG_PIT_HZ;
}

static void run(u64 ns)
{
	u64 end = now + ns;

	while (deadline && deadline <= end) {
		if (deadline > now)
			now = deadline;
		deadline = 0;
		hg_pit_expired(&pit);
	}
	now = end;
}

static void out(u16 port, u8 val)
{
	hg_pit_write(&pit, port, val);
}

static u8 in(u16 port)
{
	return hg_pit_read(&pit, port);
}

static u32 in16(u16 port)
{
	u32 low = in(port);

	return low | (u32)in(port) << 8;
}

static void program(u32 ch, u32 mode, u32 count)
{
	out(0x43, (u8)(ch << 6 | 0x30 | mode << 1));
	out((u16)(0x40 + ch), (u8)count);
	out((u16)(0x40 + ch), (u8)(count >> 8));
}

static int setup(void **state)
{
	(void)state;
	now = 5000000000ULL;
	deadline = 0;
	ticks = 0;
	answer = HG_IRQ_DELIVERED;
	hg_pit_init(&pit, &ops, &pit);
	return 0;
}

static void counting(void **state)
{
	(void)state;
	program(2, 0, 1000);
	assert_int_equal(in16(0x42), 1000);
	now += ns_of(400);
	assert_int_equal(in16(0x42), 600);
	now += ns_of(1000) - ns_of(400);
	assert_int_equal(in16(0x42), 0);
	/* Past zero it wraps and goes on. */
	now += ns_of(1001) - ns_of(1000);
	assert_int_equal(in16(0x42), 0xffff);

	program(2, 2, 1000);
	now += ns_of(2400);
	assert_int_equal(in16(0x42), 600);
	program(2, 3, 1000);
	now += ns_of(100);
	assert_int_equal(in16(0x42), 800);
	now += ns_of(600) - ns_of(100);
	assert_int_equal(in16(0x42), 800);
	/* Days later the arithmetic is still exact. */
	program(2, 2, 1000);
	now += 86400ULL * 1000000000 * 30 + ns_of(1);
	assert_int_equal(in16(0x42), 1000 - (86400ULL * 30 * HG_PIT_HZ + 1) % 1000);
}

static void full_count_and_bcd(void **state)
{
	(void)state;
	program(2, 2, 0);
	assert_int_equal(pit.ch[2].count, 0x10000);
	assert_int_equal(in16(0x42), 0);
	now += ns_of(1);
	assert_int_equal(in16(0x42), 0xffff);

	out(0x43, 0xb1);
	out(0x42, 0x34);
	out(0x42, 0x12);
	assert_int_equal(pit.ch[2].count, 1234);
	now += ns_of(35);
	assert_int_equal(in16(0x42), 0x1199);
	now += ns_of(1235) - ns_of(35);
	assert_int_equal(in16(0x42), 0x9999);
	out(0x42, 0);
	out(0x42, 0);
	assert_int_equal(pit.ch[2].count, 10000);
}

static void byte_access(void **state)
{
	(void)state;
	out(0x43, 0x94);		/* channel 2, low byte, mode 2 */
	out(0x42, 0x80);
	assert_int_equal(pit.ch[2].count, 0x80);
	now += ns_of(0x10);
	assert_int_equal(in(0x42), 0x70);
	assert_int_equal(in(0x42), 0x70);
	out(0x43, 0xa4);		/* high byte */
	out(0x42, 0x80);
	assert_int_equal(pit.ch[2].count, 0x8000);
	now += ns_of(0x100);
	assert_int_equal(in(0x42), 0x7f);
	/* The control word itself reads as nothing. */
	assert_int_equal(in(0x43), 0);
}

static void latching(void **state)
{
	(void)state;
	program(2, 2, 1000);
	now += ns_of(100);
	out(0x43, 0x80);
	now += ns_of(300);
	/* The first latch holds until read, a second is ignored. */
	out(0x43, 0x80);
	assert_int_equal(in16(0x42), 900);
	assert_int_equal(in16(0x42), 600);
}

static void read_back(void **state)
{
	(void)state;
	program(2, 0, 1000);
	now += ns_of(100);
	out(0x43, 0xc8);		/* both, channel 2 */
	now += ns_of(1000);
	assert_int_equal(in(0x42), 0x30);
	assert_int_equal(in16(0x42), 900);
	out(0x43, 0xe8);		/* status only: output is high now */
	assert_int_equal(in(0x42), 0xb0);
	/* Null count between control word and count; mode 3 output high. */
	out(0x43, 0xb6);
	out(0x43, 0xe8);
	assert_int_equal(in(0x42), 0xf6);
	/* Channel 0 alone. */
	program(0, 2, 0x1234);
	out(0x43, 0xd2);
	assert_int_equal(in16(0x40), 0x1234);
}

static void outputs(void **state)
{
	(void)state;
	out(0x61, 0x01);
	program(2, 0, 500);
	assert_false(in(0x61) & 0x20);
	now += ns_of(499);
	assert_false(in(0x61) & 0x20);
	now += ns_of(500) - ns_of(499);
	assert_true(in(0x61) & 0x20);
	program(2, 3, 100);
	assert_true(in(0x61) & 0x20);
	now += ns_of(50);
	assert_false(in(0x61) & 0x20);
	program(2, 2, 100);
	now += ns_of(99);
	assert_false(in(0x61) & 0x20);
	now += ns_of(100) - ns_of(99);
	assert_true(in(0x61) & 0x20);
	program(2, 4, 100);
	now += ns_of(100);
	assert_false(in(0x61) & 0x20);
	now += ns_of(101) - ns_of(100);
	assert_true(in(0x61) & 0x20);
}

static void speaker_port(void **state)
{
	u8 a, b;

	(void)state;
	assert_int_equal(in(0x61) & 3, 0);
	out(0x61, 0x03);
	assert_int_equal(in(0x61) & 3, 3);
	assert_int_equal(pit.flags, HG_PIT_FLAG_SPEAKER_ON);
	a = in(0x61);
	b = in(0x61);
	assert_int_equal((a ^ b) & 0x10, 0x10);
	/* A rising gate restarts mode 1. */
	program(2, 1, 1000);
	now += ns_of(700);
	out(0x61, 0x00);
	out(0x61, 0x01);
	assert_int_equal(in16(0x42), 1000);
	/* But not mode 0. */
	program(2, 0, 1000);
	now += ns_of(700);
	out(0x61, 0x00);
	out(0x61, 0x01);
	assert_int_equal(in16(0x42), 300);
}

static void periodic_ticks(void **state)
{
	u64 start = now;
	u32 i;

	(void)state;
	hg_pit_set_reinject(&pit, false);
	program(0, 2, 11932);
	for (i = 1; i <= 100; i++) {
		assert_int_equal(deadline, start + i * ns_of(11932));
		run(deadline - now);
		assert_int_equal(ticks, i);
	}
	/* A new control word stops it. */
	out(0x43, 0x34);
	assert_int_equal(deadline, 0);
	hg_pit_expired(&pit);
	assert_int_equal(ticks, 100);
}

static void one_shot_tick(void **state)
{
	(void)state;
	program(0, 0, 1193);
	run(ns_of(1192));
	assert_int_equal(ticks, 0);
	run(10000000);
	assert_int_equal(ticks, 1);
	assert_int_equal(deadline, 0);
	/* Gate-triggered modes never run on channel 0. */
	program(0, 1, 1193);
	assert_int_equal(deadline, 0);
	program(0, 5, 1193);
	assert_int_equal(deadline, 0);
}

static void reinjection(void **state)
{
	u32 i;

	(void)state;
	program(0, 2, 1193);
	run(10 * ns_of(1193));
	/* Ten due, one out, until it is acknowledged. */
	assert_int_equal(ticks, 1);
	assert_int_equal(pit.owed, 9);
	for (i = 2; i <= 10; i++) {
		hg_pit_acked(&pit);
		assert_int_equal(ticks, i);
	}
	hg_pit_acked(&pit);
	assert_int_equal(ticks, 10);
	/* One callback, very late: every tick is still owed. */
	now = deadline + 4 * ns_of(1193) + 5;
	hg_pit_expired(&pit);
	assert_int_equal(ticks, 11);
	assert_int_equal(pit.owed, 4);
	/* Line 0 was masked and is not: start afresh. */
	hg_pit_unmasked(&pit);
	hg_pit_acked(&pit);
	assert_int_equal(ticks, 11);
	run(deadline - now);
	assert_int_equal(ticks, 12);
	/* A masked tick waits for no acknowledgement. */
	hg_pit_unmasked(&pit);
	answer = HG_IRQ_MASKED;
	run(3 * ns_of(1193));
	assert_int_equal(ticks, 15);
	assert_int_equal(pit.owed, 0);
}

static void no_reinjection(void **state)
{
	(void)state;
	hg_pit_set_reinject(&pit, false);
	program(0, 2, 1193);
	now = deadline + 4 * ns_of(1193) + 5;
	hg_pit_expired(&pit);
	assert_int_equal(ticks, 1);
	assert_int_equal(pit.owed, 0);
	hg_pit_acked(&pit);
	assert_int_equal(ticks, 1);
}

static void owed_is_bounded(void **state)
{
	(void)state;
	program(0, 2, 2);
	now += 3600ULL * 1000000000;
	hg_pit_expired(&pit);
	assert_in_range(pit.owed, 1, 65536);
	now += 3600ULL * 1000000000;
	hg_pit_expired(&pit);
	assert_in_range(pit.owed, 1, 65536);
}

static void period_floor(void **state)
{
	(void)state;
	pit.min_period_ns = 200000;
	program(0, 2, 2);
	assert_int_equal(deadline, now + 200000);
}

static void save_and_restore(void **state)
{
	struct hg_pit_state s;
	u64 loaded;

	(void)state;
	program(0, 2, 11932);
	program(2, 2, 1000);
	loaded = now;
	now += ns_of(300);
	hg_pit_get_state(&pit, &s);
	assert_int_equal(s.ch[2].count_load_time, loaded);
	/* A channel without a count shows the longest one. */
	assert_int_equal(pit.ch[1].count, 0);
	assert_int_equal(s.ch[1].count, 0x10000);
	hg_pit_reset(&pit);
	assert_int_equal(deadline, 0);
	assert_true(hg_pit_set_state(&pit, &s));
	/* Channel 0 starts afresh, channel 2 keeps its phase. */
	assert_int_equal(deadline, now + ns_of(11932));
	assert_int_equal(in16(0x42), 700);

	s.ch[2].count_load_time = (s64)(now + 1000);
	assert_true(hg_pit_set_state(&pit, &s));
	assert_int_equal(in16(0x42), 1000);

	s.flags = HG_PIT_FLAG_HPET_LEGACY;
	assert_true(hg_pit_set_state(&pit, &s));
	assert_int_equal(deadline, 0);
	s.flags = 0;
	assert_true(hg_pit_set_state(&pit, &s));
	assert_int_not_equal(deadline, 0);

	s.flags = 4;
	assert_false(hg_pit_set_state(&pit, &s));
	s.flags = 0;
	s.ch[1].mode = 6;
	assert_false(hg_pit_set_state(&pit, &s));
	s.ch[1].mode = 0;
	s.ch[1].count = 0x10001;
	assert_false(hg_pit_set_state(&pit, &s));
	s.ch[1].count = 0;
	s.ch[1].read_state = 5;
	assert_false(hg_pit_set_state(&pit, &s));
	assert_int_equal(pit.ch[1].read_state, HG_PIT_RW_WORD0);
}

static void ports(void **state)
{
	u32 port, n = 0;

	(void)state;
	for (port = 0; port < 0x10000; port++)
		n += hg_pit_owns((u16)port);
	assert_int_equal(n, 5);
	assert_true(hg_pit_owns(0x61) && hg_pit_owns(0x40) && hg_pit_owns(0x43));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(counting, setup),
		cmocka_unit_test_setup(full_count_and_bcd, setup),
		cmocka_unit_test_setup(byte_access, setup),
		cmocka_unit_test_setup(latching, setup),
		cmocka_unit_test_setup(read_back, setup),
		cmocka_unit_test_setup(outputs, setup),
		cmocka_unit_test_setup(speaker_port, setup),
		cmocka_unit_test_setup(periodic_ticks, setup),
		cmocka_unit_test_setup(one_shot_tick, setup),
		cmocka_unit_test_setup(reinjection, setup),
		cmocka_unit_test_setup(no_reinjection, setup),
		cmocka_unit_test_setup(owed_is_bounded, setup),
		cmocka_unit_test_setup(period_floor, setup),
		cmocka_unit_test_setup(save_and_restore, setup),
		cmocka_unit_test_setup(ports, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
