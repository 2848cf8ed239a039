// SPDX-License-Identifier: GPL-2.0-only
/*
 * hg_lapic_post() from several threads while the owner acknowledges: nothing
 * is lost and the hint never hides a pending vector. Also run under TSan.
 */
#include <pthread.h>
#include <sched.h>

#include "fake.h"

#define POSTERS		3
#define ROUNDS		20000
#define VECTORS		48	/* each poster has its own */

static struct fake_vm vm;
static u32 posted[256], taken[256];

static void *poster(void *arg)
{
	u32 base = 0x20 + (u32)(unsigned long)arg * VECTORS;
	u32 i;

	for (i = 0; i < ROUNDS; i++) {
		u8 vector = (u8)(base + i % VECTORS);

		if (hg_lapic_post(vm.lapics[0], vector, i & 1) == HG_IRQ_DELIVERED)
			posted[vector]++;
		if (i % 64 == 0)
			sched_yield();
	}
	return NULL;
}

static void drain(void)
{
	int vector;

	while ((vector = hg_lapic_ack(vm.lapics[0])) >= 0) {
		taken[vector]++;
		hg_lapic_eoi(vm.lapics[0]);
	}
}

static void nothing_is_lost(void **state)
{
	pthread_t threads[POSTERS];
	u32 i;

	(void)state;
	fake_init(&vm, 1);
	for (i = 0; i < POSTERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, poster,
						(void *)(unsigned long)i), 0);
	for (i = 0; i < 200000; i++)
		drain();
	for (i = 0; i < POSTERS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	drain();
	assert_int_equal(vm.lapics[0]->irr_pending, 0);
	for (i = 0; i < 256; i++)
		assert_int_equal(taken[i], posted[i]);
	for (i = 0x20; i < 0x20 + POSTERS * VECTORS; i++)
		assert_true(taken[i] > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(nothing_is_lost) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
