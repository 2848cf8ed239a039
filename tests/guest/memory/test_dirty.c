// SPDX-License-Identifier: Apache-2.0
/*
 * The dirty log as live migration uses it: a copy that follows the log must in
 * the end equal the memory, whatever the guest did meanwhile.
 */
#include <stdlib.h>
#include <sys/mman.h>

#include "worker.h"

#define SIZE	(4 * MIB)
#define PAGES	(SIZE / PAGE)
#define WORDS	(PAGES / 64)

struct fixture {
	struct hgt_vm *vm;
	struct hgt_vcpu *vcpu;
	struct worker worker;
	uint8_t *host, *copy;
	uint64_t bits[WORDS];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	f->vm = hgt_vm_new(HGT_IRQCHIP_OFF);
	f->vcpu = hgt_vcpu_new(f->vm, 0);
	f->host = aligned_pages(SIZE, 2 * MIB);
	f->copy = aligned_pages(SIZE, 2 * MIB);
	assert_int_equal(madvise(f->host, SIZE, MADV_HUGEPAGE), 0);
	assert_int_equal(hgt_slot(f->vm, 1, 0, WINDOW, SIZE, f->host), 0);
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
	munmap(f->host, SIZE);
	munmap(f->copy, SIZE);
	free(f);
	return 0;
}

static int set_logging(struct fixture *f, bool on)
{
	return hgt_slot(f->vm, 1, on ? KVM_MEM_LOG_DIRTY_PAGES : 0, WINDOW, SIZE, f->host);
}

static size_t get_log(struct fixture *f)
{
	struct kvm_dirty_log log = { .slot = 1, .dirty_bitmap = f->bits };
	size_t i, n = 0;

	hgt_ok(f->vm->fd, KVM_GET_DIRTY_LOG, &log);
	for (i = 0; i < WORDS; i++)
		n += __builtin_popcountll(f->bits[i]);
	return n;
}

static void copy_dirty(struct fixture *f)
{
	size_t i;

	for (i = 0; i < PAGES; i++)
		if (f->bits[i / 64] >> i % 64 & 1)
			memcpy(f->copy + i * PAGE, f->host + i * PAGE, PAGE);
}

static void assert_same(struct fixture *f)
{
	size_t i;

	for (i = 0; i < PAGES; i++)
		if (memcmp(f->copy + i * PAGE, f->host + i * PAGE, PAGE))
			fail_msg("page %zu was written but not logged: %lu here, %lu there", i,
				 (unsigned long)*(uint64_t *)(f->host + i * PAGE),
				 (unsigned long)*(uint64_t *)(f->copy + i * PAGE));
}

/* Big pages before, small ones while it is logged, big ones after. */
static void migration(void **state)
{
	struct fixture *f = *state;
	long big = -1;
	int i;

	worker_start(&f->worker, f->vcpu, WORK_KEEP, WINDOW, PAGES);
	worker_wait(&f->worker, 2);
	if (vm_counter("domain_mapped_2m") >= 0)
		big = vm_counter("domain_mapped_2m");
	assert_int_equal(set_logging(f, true), 0);
	memcpy(f->copy, f->host, SIZE);

	for (i = 0; i < 30; i++) {
		get_log(f);
		copy_dirty(f);
	}
	worker_wait(&f->worker, 1);
	worker_wait(&f->worker, 2);	/* so that there is something to find */
	worker_stop(&f->worker);
	/* The guest stands still: one last round. */
	assert_true(get_log(f) > 0);
	copy_dirty(f);
	assert_same(f);
	assert_int_equal(get_log(f), 0);

	assert_int_equal(set_logging(f, false), 0);
	memset(f->host, 0, SIZE);
	worker_start(&f->worker, f->vcpu, WORK_KEEP, WINDOW, PAGES);
	worker_wait(&f->worker, 1);
	if (big > 0)
		assert_int_equal(vm_counter("domain_mapped_2m"), big);
	worker_stop(&f->worker);
}

/* Exactly the pages that were written, each time. */
static void exact(void **state)
{
	struct fixture *f = *state;
	size_t first, n;

	assert_int_equal(set_logging(f, true), 0);
	get_log(f);
	for (first = 1; first < PAGES; first = first * 3 + 1) {
		n = first % 7 + 1;
		if (first + n > PAGES)
			n = PAGES - first;
		worker_start(&f->worker, f->vcpu, WORK_STAMP, WINDOW + first * PAGE, n);
		worker_wait(&f->worker, 1);
		worker_stop(&f->worker);
		assert_int_equal(get_log(f), n);
		for (; n; n--)
			assert_true(f->bits[(first + n - 1) / 64] >> (first + n - 1) % 64 & 1);
	}
	/* Reading is not writing; but KVM takes the first touch for a write. */
	memset(f->host, 0, SIZE);
	worker_start(&f->worker, f->vcpu, WORK_READ, WINDOW, PAGES);
	worker_wait(&f->worker, 1);
	worker_stop(&f->worker);
	get_log(f);
	worker_start(&f->worker, f->vcpu, WORK_READ, WINDOW, PAGES);
	worker_wait(&f->worker, 1);
	worker_stop(&f->worker);
	assert_int_equal(get_log(f), 0);
}

static int enable_manual(struct fixture *f, uint64_t options)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2,
		.args = { options },
	};

	return ioctl(f->vm->fd, KVM_ENABLE_CAP, &cap) ? -errno : 0;
}

static int clear_log(struct fixture *f, uint64_t first, uint32_t pages, const void *bits)
{
	struct kvm_clear_dirty_log log = {
		.slot = 1,
		.first_page = first,
		.num_pages = pages,
		.dirty_bitmap = (void *)bits,
	};

	return ioctl(f->vm->fd, KVM_CLEAR_DIRTY_LOG, &log) ? -errno : 0;
}

static void manual_migration(void **state)
{
	struct fixture *f = *state;
	int options = hgt_cap(KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2);
	int i;

	hgt_need_cap(KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2);
	assert_int_equal(enable_manual(f, 0x80), -EINVAL);
	assert_int_equal(enable_manual(f, KVM_DIRTY_LOG_INITIALLY_SET), -EINVAL);
	assert_int_equal(enable_manual(f, options), 0);
	worker_start(&f->worker, f->vcpu, WORK_KEEP, WINDOW, PAGES);
	worker_wait(&f->worker, 1);
	assert_int_equal(set_logging(f, true), 0);
	/* Everything begins dirty, so nothing needs copying before. */
	if (options & KVM_DIRTY_LOG_INITIALLY_SET)
		assert_int_equal(get_log(f), PAGES);
	else
		memcpy(f->copy, f->host, SIZE);
	for (i = 0; i < 20; i++) {
		get_log(f);
		/* In two pieces, each cleared before it is copied. */
		assert_int_equal(clear_log(f, 0, PAGES / 2, f->bits), 0);
		assert_int_equal(clear_log(f, PAGES / 2, PAGES / 2, f->bits + WORDS / 2), 0);
		copy_dirty(f);
	}
	worker_wait(&f->worker, 2);	/* so that there is something to find */
	worker_stop(&f->worker);
	get_log(f);
	copy_dirty(f);
	assert_same(f);
	/* Looking took nothing out. */
	assert_true(get_log(f) > 0);
	assert_int_equal(clear_log(f, 0, PAGES, f->bits), 0);
	assert_int_equal(get_log(f), 0);
}

static void clear_refusals(void **state)
{
	struct fixture *f = *state;

	hgt_need_cap(KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2);
	assert_int_equal(clear_log(f, 0, PAGES, f->bits), -ENOENT);
	assert_int_equal(enable_manual(f, KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE), 0);
	assert_int_equal(set_logging(f, true), 0);
	worker_start(&f->worker, f->vcpu, WORK_STAMP, WINDOW, PAGES);
	worker_wait(&f->worker, 1);
	worker_stop(&f->worker);
	assert_int_equal(get_log(f), PAGES);
	assert_int_equal(clear_log(f, 1, 63, f->bits), -EINVAL);
	assert_int_equal(clear_log(f, 0, 63, f->bits), -EINVAL);
	assert_int_equal(clear_log(f, 64, PAGES, f->bits), -EINVAL);
	assert_int_equal(clear_log(f, PAGES + 64, 0, f->bits), -EINVAL);
	assert_int_equal(clear_log(f, ~63ull, 64, f->bits), -EINVAL);
	assert_int_equal(clear_log(f, 0, PAGES, (void *)8), -EFAULT);
	/* Nothing of that has cleared anything. */
	assert_int_equal(get_log(f), PAGES);
}

int main(void)
{
	const struct CMUnitTest dirty[] = {
		cmocka_unit_test_setup_teardown(migration, setup, teardown),
		cmocka_unit_test_setup_teardown(exact, setup, teardown),
		cmocka_unit_test_setup_teardown(manual_migration, setup, teardown),
		cmocka_unit_test_setup_teardown(clear_refusals, setup, teardown),
	};

	return hgt_main(dirty);
}
