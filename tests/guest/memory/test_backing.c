// SPDX-License-Identifier: Apache-2.0
/*
 * What may be behind guest memory: huge pages of both kinds, swap, KSM, files,
 * and memory whose guest and host addresses do not agree modulo 2 MiB.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "worker.h"

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

#define HUGE	(2 * MIB)

struct fixture {
	struct hgt_vm *vm;
	struct hgt_vcpu *vcpu;
	struct worker worker;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	f->vm = hgt_vm_new(HGT_IRQCHIP_OFF);
	f->vcpu = hgt_vcpu_new(f->vm, 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	if (f->worker.started) {
		hgt_u32(f->vm, TALK_STOP) = 1;
		worker_join(&f->worker);
	}
	hgt_vcpu_free(f->vcpu);
	hgt_vm_free(f->vm);
	free(f);
	return 0;
}

/* Let the guest count all pages up @passes times; all must hold the count. */
static uint64_t keep(struct fixture *f, uint8_t *host, uint64_t gpa, size_t size,
		     unsigned int passes)
{
	uint64_t done, v;
	size_t i;

	worker_start(&f->worker, f->vcpu, WORK_KEEP, gpa, size / PAGE);
	worker_wait(&f->worker, passes);
	worker_stop(&f->worker);
	done = hgt_u64(f->vm, TALK_PASS);
	for (i = 0; i < size; i += PAGE) {
		v = *(volatile uint64_t *)(host + i);
		/* The last pass was cut short somewhere. */
		if (v != done && v != done + 1)
			fail_msg("page %zu holds %lu after %lu passes", i / PAGE,
				 (unsigned long)v, (unsigned long)done);
	}
	return done;
}

static void transparent_huge_pages(void **state)
{
	struct fixture *f = *state;
	size_t size = 16 * MIB;
	uint8_t *p = aligned_pages(size, HUGE);
	long small, big;

	assert_int_equal(madvise(p, size, MADV_HUGEPAGE), 0);
	assert_int_equal(hgt_slot(f->vm, 1, 0, WINDOW, size, p), 0);
	small = vm_counter("mapped_4k");
	keep(f, p, WINDOW, size, 2);
	big = vm_counter("mapped_2m");
	if (big >= 0) {
		/* Eight pages did it; only slot 0 has small ones. */
		assert_in_range(big, 8, 16);
		assert_true(vm_counter("mapped_4k") - small < 64);
	}

	/* A hole in the middle of one: the guest sees zeroes there, only there. */
	memset(p, 0, size);
	*(uint64_t *)(p + HUGE + 4 * PAGE) = 77;
	assert_int_equal(madvise(p + HUGE + 3 * PAGE, PAGE, MADV_DONTNEED), 0);
	assert_int_equal(*(uint64_t *)(p + HUGE + 4 * PAGE), 77);
	*(uint64_t *)(p + HUGE + 4 * PAGE) = 0;
	keep(f, p, WINDOW, size, 2);
	munmap(p, size);
}

static void hugetlb(void **state)
{
	static const char nr[] = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages";
	struct fixture *f = *state;
	size_t size = 4 * HUGE;
	int fd = memfd_create("huge", MFD_CLOEXEC | MFD_HUGETLB);
	uint8_t *p;

	write_number(nr, 4);
	if (fd < 0 || read_number(nr) < 4) {
		write_number(nr, 0);
		print_message("# skipped: no 2 MiB pages to be had\n");
		skip();
	}
	assert_int_equal(ftruncate(fd, size), 0);
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(p, MAP_FAILED);
	assert_int_equal(hgt_slot(f->vm, 1, 0, WINDOW, size, p), 0);
	keep(f, p, WINDOW, size, 2);
	if (vm_counter("mapped_2m") >= 0)
		assert_in_range(vm_counter("mapped_2m"), 4, 8);

	/* Punched out: zeroes, in new pages. */
	assert_int_equal(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, size), 0);
	keep(f, p, WINDOW, size, 1);
	munmap(p, size);
	close(fd);
	write_number(nr, 0);
}

/* Guest and host addresses differ modulo 2 MiB: small pages, right contents. */
static void skewed(void **state)
{
	struct fixture *f = *state;
	size_t size = 8 * MIB;
	uint8_t *p = aligned_pages(size, HUGE);

	assert_int_equal(madvise(p, size, MADV_HUGEPAGE), 0);
	memset(p, 0, size);
	assert_int_equal(hgt_slot(f->vm, 1, 0, WINDOW + 5 * PAGE, size, p), 0);
	keep(f, p, WINDOW + 5 * PAGE, size, 2);
	if (vm_counter("mapped_2m") >= 0)
		assert_int_equal(vm_counter("domain_mapped_2m"), vm_counter("mapped_2m"));
	munmap(p, size);
}

/* A slot that ends inside a huge page must not give away the rest of it. */
static void slot_inside_huge_page(void **state)
{
	struct fixture *f = *state;
	uint8_t *p = aligned_pages(2 * HUGE, HUGE);

	assert_int_equal(madvise(p, 2 * HUGE, MADV_HUGEPAGE), 0);
	memset(p, 0, 2 * HUGE);
	assert_int_equal(hgt_slot(f->vm, 1, 0, WINDOW, HUGE + 3 * PAGE, p), 0);
	keep(f, p, WINDOW, HUGE + 3 * PAGE, 1);
	worker_start(&f->worker, f->vcpu, WORK_STAMP, WINDOW + HUGE + 3 * PAGE, 1);
	assert_int_equal(worker_join(&f->worker), 0);
	assert_int_equal(f->vcpu->run->exit_reason, KVM_EXIT_MMIO);
	assert_int_equal(f->vcpu->run->mmio.phys_addr, WINDOW + HUGE + 3 * PAGE);
	assert_int_equal(*(uint64_t *)(p + HUGE + 3 * PAGE), 0);
	munmap(p, 2 * HUGE);
}

/*
 * Page out what can be. The first call may only find that the guest has used
 * the pages lately, and take note that it has not since; the second acts.
 */
static void page_out(uint8_t *p, size_t size)
{
	assert_int_equal(madvise(p, size, MADV_PAGEOUT), 0);
	assert_int_equal(madvise(p, size, MADV_PAGEOUT), 0);
}

/* How many pages of the range are in memory. */
static size_t resident(uint8_t *p, size_t size)
{
	unsigned char *map = malloc(size / PAGE);
	size_t i, n = 0;

	assert_non_null(map);
	assert_int_equal(mincore(p, size, map), 0);
	for (i = 0; i < size / PAGE; i++)
		n += map[i] & 1;
	free(map);
	return n;
}

static void swapped_out(void **state)
{
	struct fixture *f = *state;
	size_t size = 4 * MIB, before, after, i;
	uint8_t *p = aligned_pages(size, HUGE);
	uint64_t pass;

	assert_int_equal(madvise(p, size, MADV_NOHUGEPAGE), 0);
	assert_int_equal(hgt_slot(f->vm, 1, 0, WINDOW, size, p), 0);
	pass = keep(f, p, WINDOW, size, 2);
	for (i = 0; i < size; i += PAGE)
		*(uint64_t *)(p + i) = i / PAGE + 1;

	before = resident(p, size);
	page_out(p, size);
	after = resident(p, size);
	print_message("# %zu of %zu pages left after MADV_PAGEOUT\n", after, before);
	if (after == before) {
		munmap(p, size);
		print_message("# skipped: nothing was swapped out\n");
		skip();
	}
	/* The guest reads them back; a lost page would be 0, and counted. */
	worker_start(&f->worker, f->vcpu, WORK_READ, WINDOW, size / PAGE);
	worker_wait(&f->worker, 2);
	worker_stop(&f->worker);
	assert_int_equal(hgt_u64(f->vm, TALK_ZERO), 0);
	assert_true(pass >= 2);
	munmap(p, size);
}

/* Swapped out again and again while the guest writes: no write is lost. */
static void swapped_while_running(void **state)
{
	struct fixture *f = *state;
	size_t size = 2 * MIB;
	uint8_t *p = aligned_pages(size, HUGE);
	int i;

	assert_int_equal(madvise(p, size, MADV_NOHUGEPAGE), 0);
	assert_int_equal(hgt_slot(f->vm, 1, 0, WINDOW, size, p), 0);
	worker_start(&f->worker, f->vcpu, WORK_KEEP, WINDOW, size / PAGE);
	for (i = 0; i < 10; i++) {
		worker_wait(&f->worker, 1);
		page_out(p, size);
	}
	worker_stop(&f->worker);
	munmap(p, size);
}

static void same_page_merging(void **state)
{
	static const char run[] = "/sys/kernel/mm/ksm/run";
	struct fixture *f = *state;
	struct timespec pause = { 0, 20000000 };
	size_t size = 64 * PAGE, i;
	uint8_t *p = aligned_pages(size, HUGE);
	int tries;

	if (read_number(run) < 0) {
		print_message("# skipped: the kernel has no KSM\n");
		skip();
	}
	assert_int_equal(madvise(p, size, MADV_NOHUGEPAGE), 0);
	assert_int_equal(hgt_slot(f->vm, 1, 0, WINDOW, size, p), 0);
	/* The guest has them mapped for writing, then all become the same. */
	keep(f, p, WINDOW, size, 1);
	memset(p, 0x5a, size);
	assert_int_equal(madvise(p, size, MADV_MERGEABLE), 0);
	write_number("/sys/kernel/mm/ksm/sleep_millisecs", 1);
	write_number("/sys/kernel/mm/ksm/pages_to_scan", 1000);
	write_number(run, 1);
	for (tries = 0; tries < 500; tries++) {
		if (read_number("/sys/kernel/mm/ksm/pages_sharing") >= 32)
			break;
		nanosleep(&pause, NULL);
	}
	assert_true(read_number("/sys/kernel/mm/ksm/pages_sharing") >= 32);

	/* The guest writes the first page: no other one changes. */
	worker_start(&f->worker, f->vcpu, WORK_STAMP, WINDOW, 1);
	worker_wait(&f->worker, 1);
	worker_stop(&f->worker);
	assert_int_not_equal(*(uint64_t *)p, 0x5a5a5a5a5a5a5a5aul);
	for (i = PAGE; i < size; i += PAGE)
		assert_true(*(uint64_t *)(p + i) == 0x5a5a5a5a5a5a5a5aul);

	/* And with KSM at work all the time no count is lost. */
	memset(p, 0, size);
	keep(f, p, WINDOW, size, 200);
	write_number(run, 2);
	write_number(run, 0);
	munmap(p, size);
}

/* MADV_FREE: a page that the guest has written since must not be dropped. */
static void lazily_freed(void **state)
{
	struct fixture *f = *state;
	size_t size = 1 * MIB, i;
	uint8_t *p = aligned_pages(size, HUGE);

	assert_int_equal(madvise(p, size, MADV_NOHUGEPAGE), 0);
	assert_int_equal(hgt_slot(f->vm, 1, 0, WINDOW, size, p), 0);
	memset(p, 0xee, size);
	keep(f, memset(p, 0, size), WINDOW, size, 1);
	for (i = 0; i < size; i += PAGE)
		*(uint64_t *)(p + i) = 0;
	assert_int_equal(madvise(p, size, MADV_FREE), 0);
	worker_start(&f->worker, f->vcpu, WORK_STAMP, WINDOW, size / PAGE);
	worker_wait(&f->worker, 1);
	worker_stop(&f->worker);
	/* Reclaim takes what is still clean. */
	page_out(p, size);
	for (i = 0; i < size; i += PAGE)
		assert_true(*(uint64_t *)(p + i) >= 1);
	munmap(p, size);
}

int main(void)
{
	const struct CMUnitTest backing[] = {
		cmocka_unit_test_setup_teardown(transparent_huge_pages, setup, teardown),
		cmocka_unit_test_setup_teardown(hugetlb, setup, teardown),
		cmocka_unit_test_setup_teardown(skewed, setup, teardown),
		cmocka_unit_test_setup_teardown(slot_inside_huge_page, setup, teardown),
		cmocka_unit_test_setup_teardown(swapped_out, setup, teardown),
		cmocka_unit_test_setup_teardown(swapped_while_running, setup, teardown),
		cmocka_unit_test_setup_teardown(same_page_merging, setup, teardown),
		cmocka_unit_test_setup_teardown(lazily_freed, setup, teardown),
	};

	return hgt_main(backing);
}
