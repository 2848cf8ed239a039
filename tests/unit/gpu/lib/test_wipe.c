// SPDX-License-Identifier: Apache-2.0
/*
 * Memory that the library, and the simulated device in it, gave back: nothing that crossed the
 * channel is left there. The linker puts what is below before free().
 */
#include "fixture.h"

#include <malloc.h>
#include <stdlib.h>

void __real_free(void *p);
void __wrap_free(void *p);

#define SIZE 300001u
#define MARK 16u

static const unsigned char *mark; /* 16 bytes that must not be found; NULL: do not look */
static unsigned found, looked;

static void look(const void *p, size_t size)
{
	__atomic_add_fetch(&looked, 1, __ATOMIC_RELAXED);
	if (memmem(p, size, mark, MARK))
		__atomic_add_fetch(&found, 1, __ATOMIC_RELAXED);
}

void __wrap_free(void *p)
{
	if (p && __atomic_load_n(&mark, __ATOMIC_ACQUIRE))
		look(p, malloc_usable_size(p));
	__real_free(p);
}

/* A run of @size bytes there and back; the mark is all over them. */
static void run(uint32_t suite, size_t size)
{
	static unsigned char there[SIZE], back[SIZE];
	struct hg_gpu *gpu = open_gpu("simulated", NULL);
	struct hg_gpu_session *s = open_session(gpu, suite);
	struct hg_gpu_failure f;
	hg_gpu_buffer *b = NULL, *other = NULL;

	for (size_t i = 0; i < SIZE; i++)
		there[i] = "a secret of this\n"[i % 17];
	found = looked = 0;
	__atomic_store_n(&mark, there + 17, __ATOMIC_RELEASE);
	ok(hg_gpu_buffer_create(s, size, &b, &f), &f);
	ok(hg_gpu_buffer_create(s, size, &other, &f), &f);
	ok(hg_gpu_buffer_write(b, 0, there, size, &f), &f);
	ok(hg_gpu_buffer_read(b, 0, back, size, &f), &f);
	assert_memory_equal(there, back, size);
	ok(hg_gpu_buffer_write(other, 0, there, size, &f), &f);
	hg_gpu_buffer_free(b);
	ok(hg_gpu_session_close(s, &f), &f);
	/* After the end, too. */
	hg_gpu_buffer_free(other);
	hg_gpu_session_free(s);
	hg_gpu_close(gpu);
	mark = NULL;
	assert_true(looked > 10);
	assert_int_equal(found, 0);
}

static void small(void **state)
{
	(void)state;
	for (uint32_t suite = 1; suite <= 3; suite++)
		run(suite, 100);
}

static void large(void **state)
{
	(void)state;
	for (uint32_t suite = 1; suite <= 3; suite++)
		run(suite, SIZE);
}

/* That the test would see it. */
static void sees(void **state)
{
	char *copy = malloc(100);

	(void)state;
	memset(copy, 'x', 100);
	found = 0;
	mark = (const unsigned char *)"xxxxxxxxxxxxxxxx";
	/* A compiler knows that free() reads neither. */
	__asm__ volatile("" : : "r"(copy) : "memory");
	free(copy);
	mark = NULL;
	assert_int_equal(found, 1);
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(sees),
		cmocka_unit_test(small),
		cmocka_unit_test(large),
	};

	return cmocka_run_group_tests_name("wipe", all, NULL, NULL);
}
