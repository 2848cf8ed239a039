// SPDX-License-Identifier: Apache-2.0
/*
 * The VMM changes memory and slots while the guest uses them: after each such
 * call has returned, the guest must not reach what was taken from it.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "worker.h"

#define SIZE	(4 * MIB)

struct fixture {
	struct hgt_vm *vm;
	struct hgt_vcpu *vcpu;
	struct worker worker;
	uint8_t *host;		/* SIZE bytes, slot 1 at WINDOW */
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	f->vm = hgt_vm_new(HGT_IRQCHIP_OFF);
	f->vcpu = hgt_vcpu_new(f->vm, 0);
	f->host = aligned_pages(SIZE, 2 * MIB);
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
	free(f);
	return 0;
}

static void start(struct fixture *f, enum work work)
{
	worker_start(&f->worker, f->vcpu, work, WINDOW, SIZE / PAGE);
	worker_wait(&f->worker, 1);
}

/* Fails if anybody writes to the window's memory within a moment. */
static void assert_quiet(uint8_t *p, size_t size)
{
	struct timespec pause = { 0, 30000000 };
	size_t i;

	for (i = 0; i < size; i += PAGE)
		*(volatile uint64_t *)(p + i) = 0xdeadul << 32;
	nanosleep(&pause, NULL);
	for (i = 0; i < size; i += PAGE)
		if (*(volatile uint64_t *)(p + i) != 0xdeadul << 32)
			fail_msg("page %zu was written after it was taken away", i / PAGE);
}

/* Pages given back at random under a guest that writes and reads them. */
static void balloon(void **state)
{
	struct fixture *f = *state;
	unsigned int seed = 1;
	int i;

	start(f, WORK_CHECK);
	for (i = 0; i < 2000; i++) {
		size_t page = rand_r(&seed) % (SIZE / PAGE);
		size_t n = 1 + rand_r(&seed) % 16;

		if (n > SIZE / PAGE - page)
			n = SIZE / PAGE - page;
		assert_int_equal(madvise(f->host + page * PAGE, n * PAGE, MADV_DONTNEED), 0);
	}
	worker_wait(&f->worker, 2);
	worker_stop(&f->worker);
	if (vm_counter("invalidations") >= 0)
		assert_true(vm_counter("invalidations") >= 2000);
}

/* Protection changed and changed back: no write is lost. */
static void protection(void **state)
{
	struct fixture *f = *state;
	int i;

	/* What a guest's write to read-only memory does is the ABI tests' matter. */
	start(f, WORK_KEEP);
	for (i = 0; i < 20; i++) {
		assert_int_equal(mprotect(f->host, SIZE / 2, PROT_READ | PROT_WRITE |
					  (i & 1 ? PROT_EXEC : 0)), 0);
		worker_wait(&f->worker, 1);
	}
	worker_stop(&f->worker);
}

/* A slot deleted under the guest: it gets an MMIO exit, the memory is quiet. */
static void delete_while_running(void **state)
{
	struct fixture *f = *state;
	struct kvm_run *run = f->vcpu->run;
	int i;

	for (i = 0; i < 5; i++) {
		start(f, WORK_STAMP);
		assert_int_equal(hgt_slot(f->vm, 1, 0, WINDOW, 0, f->host), 0);
		assert_quiet(f->host, SIZE);
		assert_int_equal(worker_join(&f->worker), 0);
		assert_int_equal(run->exit_reason, KVM_EXIT_MMIO);
		assert_in_range(run->mmio.phys_addr, WINDOW, WINDOW + SIZE - 1);
		assert_int_equal(hgt_slot(f->vm, 1, 0, WINDOW, SIZE, f->host), 0);
		/* Finish the access that is in flight. */
		f->vcpu->run->immediate_exit = 1;
		assert_int_equal(hgt_run(f->vcpu), -EINTR);
		f->vcpu->run->immediate_exit = 0;
	}
}

/* The same for a slot that moves, by a distance smaller than itself, too. */
static void move_while_running(void **state)
{
	struct fixture *f = *state;
	static const uint64_t to[] = { WINDOW + 2 * SIZE, WINDOW + 8 * PAGE };
	size_t i;

	for (i = 0; i < sizeof(to) / sizeof(to[0]); i++) {
		start(f, WORK_STAMP);
		assert_int_equal(hgt_slot(f->vm, 1, 0, to[i], SIZE, f->host), 0);
		assert_int_equal(worker_join(&f->worker), 0);
		assert_int_equal(f->vcpu->run->exit_reason, KVM_EXIT_MMIO);
		assert_in_range(f->vcpu->run->mmio.phys_addr, WINDOW, to[i] - 1);
		f->vcpu->run->immediate_exit = 1;
		assert_int_equal(hgt_run(f->vcpu), -EINTR);
		f->vcpu->run->immediate_exit = 0;

		/* In its new place the contents are at the new addresses. */
		memset(f->host, 0, SIZE);
		worker_start(&f->worker, f->vcpu, WORK_KEEP, to[i], SIZE / PAGE);
		worker_wait(&f->worker, 2);
		worker_stop(&f->worker);
		assert_true(*(uint64_t *)f->host >= 2);
		assert_true(*(uint64_t *)(f->host + SIZE - PAGE) >= 2);
		assert_int_equal(hgt_slot(f->vm, 1, 0, WINDOW, SIZE, f->host), 0);
	}
}

/* Other slots come and go; the guest that does not use them notices nothing. */
static void neighbours_come_and_go(void **state)
{
	struct fixture *f = *state;
	uint8_t *other = hgt_pages(16 * PAGE);
	int i;

	start(f, WORK_KEEP);
	for (i = 0; i < 20; i++) {
		assert_int_equal(hgt_slot(f->vm, 2, 0, WINDOW + SIZE, 16 * PAGE, other), 0);
		assert_int_equal(hgt_slot(f->vm, 3, 0, WINDOW - 16 * PAGE, 16 * PAGE, other), 0);
		assert_int_equal(hgt_slot(f->vm, 2, KVM_MEM_LOG_DIRTY_PAGES, WINDOW + SIZE,
					  16 * PAGE, other), 0);
		assert_int_equal(hgt_slot(f->vm, 2, 0, 0, 0, NULL), 0);
		assert_int_equal(hgt_slot(f->vm, 3, 0, 0, 0, NULL), 0);
	}
	worker_wait(&f->worker, 1);
	worker_stop(&f->worker);
	munmap(other, 16 * PAGE);
}

/* Memory replaced by mmap over it: the old pages are quiet, the new are used. */
static void remap_while_running(void **state)
{
	struct fixture *f = *state;
	uint8_t *old;
	void *p;
	int i;

	start(f, WORK_STAMP);
	for (i = 0; i < 5; i++) {
		/* The old pages move out of the slot's address range... */
		old = mremap(f->host, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP);
		assert_ptr_not_equal(old, MAP_FAILED);
		assert_quiet(old, SIZE);
		munmap(old, SIZE);
		/* ...and new ones are there at once. */
		p = mmap(f->host, SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		assert_ptr_equal(p, f->host);
		worker_wait(&f->worker, 2);
		assert_true(*(volatile uint64_t *)f->host >= 1);
	}
	worker_stop(&f->worker);
}

/* A child sees memory as at the fork; the guest goes on in the parent's. */
static void fork_while_running(void **state)
{
	struct fixture *f = *state;
	int i, status, go[2];
	pid_t child;
	char c = 0;

	start(f, WORK_KEEP);
	for (i = 0; i < 5; i++) {
		assert_int_equal(pipe(go), 0);
		child = fork();
		assert_true(child >= 0);
		if (!child) {
			uint64_t first = *(volatile uint64_t *)f->host;
			struct kvm_userspace_memory_region r = { .slot = 4 };

			if (read(go[0], &c, 1) != 1)
				_exit(1);
			/* The guest has counted on meanwhile, but not here. */
			if (*(volatile uint64_t *)f->host != first)
				_exit(2);
			/* And the VM is not this process's. */
			if (ioctl(f->vm->fd, KVM_SET_USER_MEMORY_REGION, &r) != -1 ||
			    errno != EIO)
				_exit(3);
			if (ioctl(f->vcpu->fd, KVM_RUN, 0) != -1 || errno != EIO)
				_exit(4);
			_exit(0);
		}
		worker_wait(&f->worker, 3);
		assert_int_equal(write(go[1], &c, 1), 1);
		assert_int_equal(waitpid(child, &status, 0), child);
		close(go[0]);
		close(go[1]);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
	}
	worker_wait(&f->worker, 2);
	worker_stop(&f->worker);
}

/* Pages moved by the host (compaction) under the guest. */
static void compaction(void **state)
{
	struct fixture *f = *state;
	int i;

	assert_int_equal(madvise(f->host, SIZE, MADV_NOHUGEPAGE), 0);
	start(f, WORK_KEEP);
	for (i = 0; i < 5; i++) {
		if (write_number("/proc/sys/vm/compact_memory", 1)) {
			worker_stop(&f->worker);
			print_message("# skipped: the kernel does not compact\n");
			skip();
		}
		worker_wait(&f->worker, 1);
	}
	worker_stop(&f->worker);
}

/*
 * Two vCPUs at once: one counts in its half and must lose nothing, the other's
 * half is given back under it, and other slots come and go.
 */
static void two_vcpus(void **state)
{
	struct fixture *f = *state;
	struct hgt_vcpu *second = hgt_vcpu_new(f->vm, 1);
	uint8_t *other = hgt_pages(16 * PAGE);
	struct worker keeper = { 0 };
	unsigned int seed = 2;
	int i;

	worker_prepare(&f->worker, f->vcpu, WORK_CHECK, WINDOW, SIZE / 2 / PAGE);
	worker_prepare(&keeper, second, WORK_KEEP, WINDOW + SIZE / 2, SIZE / 2 / PAGE);
	worker_go(&f->worker);
	worker_go(&keeper);
	for (i = 0; i < 300; i++) {
		size_t page = rand_r(&seed) % (SIZE / 2 / PAGE);

		assert_int_equal(madvise(f->host + page * PAGE, PAGE, MADV_DONTNEED), 0);
		if (i % 50 == 0)
			assert_int_equal(hgt_slot(f->vm, 2, 0, WINDOW + SIZE, 16 * PAGE, other), 0);
		if (i % 50 == 25)
			assert_int_equal(hgt_slot(f->vm, 2, 0, 0, 0, NULL), 0);
	}
	worker_wait(&f->worker, 2);
	worker_wait(&keeper, 2);
	worker_stop(&keeper);
	worker_stop(&f->worker);
	hgt_vcpu_free(second);
	munmap(other, 16 * PAGE);
}

/* Killed with a guest at work: the runner looks at what stayed behind. */
static void killed(void **state)
{
	int i, status, ready[2];
	char c = 0;

	(void)state;
	for (i = 0; i < 5; i++) {
		pid_t child;

		assert_int_equal(pipe(ready), 0);
		child = fork();
		assert_true(child >= 0);
		if (!child) {
			struct hgt_vm *vm = hgt_vm_new(HGT_IRQCHIP_OFF);
			struct hgt_vcpu *vcpu = hgt_vcpu_new(vm, 0);
			uint8_t *host = aligned_pages(SIZE, 2 * MIB);
			struct worker w;

			if (hgt_slot(vm, 1, 0, WINDOW, SIZE, host))
				_exit(1);
			worker_start(&w, vcpu, WORK_STAMP, WINDOW, SIZE / PAGE);
			worker_wait(&w, 1);
			if (write(ready[1], &c, 1) != 1)
				_exit(1);
			for (;;)
				pause();
		}
		assert_int_equal(read(ready[0], &c, 1), 1);
		assert_int_equal(kill(child, SIGKILL), 0);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status));
		close(ready[0]);
		close(ready[1]);
	}
}

int main(void)
{
	const struct CMUnitTest churn[] = {
		cmocka_unit_test_setup_teardown(balloon, setup, teardown),
		cmocka_unit_test_setup_teardown(protection, setup, teardown),
		cmocka_unit_test_setup_teardown(delete_while_running, setup, teardown),
		cmocka_unit_test_setup_teardown(move_while_running, setup, teardown),
		cmocka_unit_test_setup_teardown(neighbours_come_and_go, setup, teardown),
		cmocka_unit_test_setup_teardown(remap_while_running, setup, teardown),
		cmocka_unit_test_setup_teardown(fork_while_running, setup, teardown),
		cmocka_unit_test_setup_teardown(compaction, setup, teardown),
		cmocka_unit_test_setup_teardown(two_vcpus, setup, teardown),
		cmocka_unit_test(killed),
	};

	return hgt_main(churn);
}
