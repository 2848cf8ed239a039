// SPDX-License-Identifier: Apache-2.0
/* Memory slots: what is refused, what a change does, dirty logging. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hgt.h"

#define FAR	0x10000000ull	/* where tests put slots of their own */
#define PAGE	4096ull

struct fixture {
	struct hgt_vm *vm;
	struct hgt_vcpu *vcpu;
	uint8_t *host;		/* 16 pages */
};

/* Loop: read %ebx's address, report the value, store %ecx there. */
HGT_GUEST(peek_poke, 64,
	"1:	movl (%rbx), %eax\n"
	GUEST_DONE
	"	movl %ecx, (%rbx)\n"
	"	movl $1, %eax\n"
	GUEST_DONE
	"	jmp 1b\n");

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	f->vm = hgt_vm_new(HGT_IRQCHIP_OFF);
	f->vcpu = hgt_vcpu_new(f->vm, 0);
	f->host = hgt_pages(16 * PAGE);
	hgt_start_long(f->vcpu, peek_poke);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	hgt_vcpu_free(f->vcpu);
	hgt_vm_free(f->vm);
	munmap(f->host, 16 * PAGE);
	free(f);
	return 0;
}

static void aim(struct fixture *f, uint64_t gva, uint32_t store)
{
	struct kvm_regs r;

	hgt_get_regs(f->vcpu, &r);
	r.rip = HGT_CODE;
	r.rbx = gva;
	r.rcx = store;
	hgt_set_regs(f->vcpu, &r);
}

static uint32_t guest_read(struct fixture *f, uint64_t gva)
{
	aim(f, gva, 0);
	return hgt_expect_done(f->vcpu);
}

static void guest_write(struct fixture *f, uint64_t gva, uint32_t value)
{
	aim(f, gva, value);
	hgt_expect_done(f->vcpu);
	assert_int_equal(hgt_expect_done(f->vcpu), 1);
}

/* The guest still sees slot 1 at FAR with 0x11 in it, and nothing above. */
static void assert_slot1_intact(struct fixture *f)
{
	assert_int_equal(guest_read(f, FAR), 0x11);
	assert_int_equal(guest_read(f, FAR + 3 * PAGE), 0x44);
	aim(f, FAR + 4 * PAGE, 0);
	hgt_expect(f->vcpu, KVM_EXIT_MMIO);
	assert_int_equal(f->vcpu->run->mmio.phys_addr, FAR + 4 * PAGE);
	memset(f->vcpu->run->mmio.data, 0, 8);
	hgt_expect_done(f->vcpu);
}

static void slot1(struct fixture *f)
{
	*(uint32_t *)f->host = 0x11;
	*(uint32_t *)(f->host + 3 * PAGE) = 0x44;
	assert_int_equal(hgt_slot(f->vm, 1, 0, FAR, 4 * PAGE, f->host), 0);
	assert_slot1_intact(f);
}

static void misaligned(void **state)
{
	struct fixture *f = *state;
	uint8_t *h = f->host;

	slot1(f);
	assert_int_equal(hgt_slot(f->vm, 2, 0, FAR * 2 + 1, PAGE, h), -EINVAL);
	assert_int_equal(hgt_slot(f->vm, 2, 0, FAR * 2 + 512, PAGE, h), -EINVAL);
	assert_int_equal(hgt_slot(f->vm, 2, 0, FAR * 2, 100, h), -EINVAL);
	assert_int_equal(hgt_slot(f->vm, 2, 0, FAR * 2, PAGE + 1, h), -EINVAL);
	assert_int_equal(hgt_slot(f->vm, 2, 0, FAR * 2, PAGE, h + 8), -EINVAL);
	assert_slot1_intact(f);
	/* None of them left a slot behind. */
	assert_int_equal(hgt_slot(f->vm, 2, 0, 0, 0, h), -EINVAL);
}

static void wraps_and_huge(void **state)
{
	struct fixture *f = *state;
	uint8_t *h = f->host;

	slot1(f);
	assert_int_equal(hgt_slot(f->vm, 2, 0, ~0xfffull, 2 * PAGE, h), -EINVAL);
	assert_int_equal(hgt_slot(f->vm, 2, 0, FAR * 2, ~0xfffull, h), -EINVAL);
	/* More pages than can be counted in 31 bits. */
	assert_int_equal(hgt_slot(f->vm, 2, 0, FAR * 2, 1ull << 44, h), -EINVAL);
	/* A host range that is not user space. */
	assert_int_equal(hgt_slot(f->vm, 2, 0, FAR * 2, PAGE,
				  (void *)0xffff888000000000ul), -EINVAL);
	assert_int_equal(hgt_slot(f->vm, 2, 0, FAR * 2, 2 * PAGE,
				  (void *)0xfffffffffffff000ul), -EINVAL);
	assert_slot1_intact(f);
	assert_int_equal(hgt_slot(f->vm, 2, 0, 0, 0, h), -EINVAL);
}

static void bad_flags_and_ids(void **state)
{
	struct fixture *f = *state;
	uint8_t *h = f->host;
	unsigned int n = hgt_cap(KVM_CAP_NR_MEMSLOTS);

	slot1(f);
	assert_int_equal(hgt_slot(f->vm, 2, 4, FAR * 2, PAGE, h), -EINVAL);
	assert_int_equal(hgt_slot(f->vm, 2, ~0u, FAR * 2, PAGE, h), -EINVAL);
	assert_int_equal(hgt_slot(f->vm, n, 0, FAR * 2, PAGE, h), -EINVAL);
	assert_int_equal(hgt_slot(f->vm, 0xffff, 0, FAR * 2, PAGE, h), -EINVAL);
	/* Address space 7. */
	assert_int_equal(hgt_slot(f->vm, 0x70001, 0, FAR * 2, PAGE, h), -EINVAL);
	assert_int_equal(hgt_slot(f->vm, n - 1, 0, FAR * 2, PAGE, h), 0);
	assert_int_equal(hgt_slot(f->vm, n - 1, 0, FAR * 2, 0, h), 0);
	assert_slot1_intact(f);
}

static void overlap(void **state)
{
	struct fixture *f = *state;
	uint8_t *h = f->host + 8 * PAGE;

	slot1(f);
	assert_int_equal(hgt_slot(f->vm, 2, 0, FAR, PAGE, h), -EEXIST);
	assert_int_equal(hgt_slot(f->vm, 2, 0, FAR + 3 * PAGE, PAGE, h), -EEXIST);
	assert_int_equal(hgt_slot(f->vm, 2, 0, FAR - PAGE, 2 * PAGE, h), -EEXIST);
	assert_int_equal(hgt_slot(f->vm, 2, 0, FAR - PAGE, 8 * PAGE, h), -EEXIST);
	assert_slot1_intact(f);
	/* Touching is not overlapping. */
	*(uint32_t *)h = 0x77;
	assert_int_equal(hgt_slot(f->vm, 2, 0, FAR - PAGE, PAGE, h), 0);
	assert_int_equal(guest_read(f, FAR - PAGE), 0x77);
	assert_slot1_intact(f);
	/* Moving slot 2 onto slot 1 is refused, and slot 2 stays. */
	assert_int_equal(hgt_slot(f->vm, 2, 0, FAR, PAGE, h), -EEXIST);
	assert_int_equal(guest_read(f, FAR - PAGE), 0x77);
	assert_slot1_intact(f);
}

static void changes_that_need_delete(void **state)
{
	struct fixture *f = *state;

	slot1(f);
	/* Another size, another host address, read-only: delete first. */
	assert_int_equal(hgt_slot(f->vm, 1, 0, FAR, 2 * PAGE, f->host), -EINVAL);
	assert_int_equal(hgt_slot(f->vm, 1, 0, FAR, 4 * PAGE, f->host + PAGE),
			 -EINVAL);
	assert_int_equal(hgt_slot(f->vm, 1, KVM_MEM_READONLY, FAR, 4 * PAGE,
				  f->host), -EINVAL);
	assert_slot1_intact(f);
	/* The same again is no change. */
	assert_int_equal(hgt_slot(f->vm, 1, 0, FAR, 4 * PAGE, f->host), 0);
	assert_slot1_intact(f);
}

static void delete_and_readd(void **state)
{
	struct fixture *f = *state;

	slot1(f);
	assert_int_equal(hgt_slot(f->vm, 1, 0, FAR, 0, f->host), 0);
	aim(f, FAR, 0);
	hgt_expect(f->vcpu, KVM_EXIT_MMIO);
	assert_false(f->vcpu->run->mmio.is_write);
	hgt_expect_done(f->vcpu);
	assert_int_equal(hgt_slot(f->vm, 1, 0, FAR, 0, f->host), -EINVAL);
	assert_int_equal(hgt_slot(f->vm, 1, 0, FAR, 4 * PAGE, f->host + PAGE), 0);
	*(uint32_t *)(f->host + PAGE) = 0x99;
	assert_int_equal(guest_read(f, FAR), 0x99);
}

static void move(void **state)
{
	struct fixture *f = *state;

	slot1(f);
	assert_int_equal(hgt_slot(f->vm, 1, 0, FAR * 3, 4 * PAGE, f->host), 0);
	assert_int_equal(guest_read(f, FAR * 3), 0x11);
	guest_write(f, FAR * 3, 0x1234);
	assert_int_equal(*(uint32_t *)f->host, 0x1234);
	aim(f, FAR, 0);
	hgt_expect(f->vcpu, KVM_EXIT_MMIO);
	hgt_expect_done(f->vcpu);
}

static void readonly(void **state)
{
	struct fixture *f = *state;
	struct kvm_run *run = f->vcpu->run;

	*(uint32_t *)f->host = 0xfeed;
	assert_int_equal(hgt_slot(f->vm, 1, KVM_MEM_READONLY, FAR, 2 * PAGE,
				  f->host), 0);
	assert_int_equal(guest_read(f, FAR), 0xfeed);
	aim(f, FAR, 0xbad);
	hgt_expect_done(f->vcpu);
	hgt_expect(f->vcpu, KVM_EXIT_MMIO);
	assert_int_equal(run->mmio.phys_addr, FAR);
	assert_int_equal(run->mmio.len, 4);
	assert_true(run->mmio.is_write);
	assert_int_equal(*(uint32_t *)run->mmio.data, 0xbad);
	assert_int_equal(hgt_expect_done(f->vcpu), 1);
	assert_int_equal(*(uint32_t *)f->host, 0xfeed);
	/* The host may write it, and the guest sees that. */
	*(uint32_t *)f->host = 0xcafe;
	assert_int_equal(guest_read(f, FAR), 0xcafe);
}

/* A flags-only change of a slot to log dirty pages, and back. */
static void dirty_log(void **state)
{
	struct fixture *f = *state;
	uint64_t bits = ~0ull;
	struct kvm_dirty_log log = { .slot = 1, .dirty_bitmap = &bits };

	slot1(f);
	guest_write(f, FAR + PAGE, 5);
	assert_int_equal(ioctl(f->vm->fd, KVM_GET_DIRTY_LOG, &log), -1);
	assert_true(errno == ENOENT || errno == EINVAL);

	assert_int_equal(hgt_slot(f->vm, 1, KVM_MEM_LOG_DIRTY_PAGES, FAR,
				  4 * PAGE, f->host), 0);
	hgt_ok(f->vm->fd, KVM_GET_DIRTY_LOG, &log);
	guest_write(f, FAR + 2 * PAGE, 6);
	assert_int_equal(guest_read(f, FAR + 3 * PAGE), 0x44);
	bits = ~0ull;
	hgt_ok(f->vm->fd, KVM_GET_DIRTY_LOG, &log);
	assert_int_equal(bits, 1 << 2);
	bits = ~0ull;
	hgt_ok(f->vm->fd, KVM_GET_DIRTY_LOG, &log);
	assert_int_equal(bits, 0);
	/* Written again after the log was read: reported again. */
	guest_write(f, FAR + 2 * PAGE, 7);
	guest_write(f, FAR, 8);
	guest_write(f, FAR + 2 * PAGE + 8, 9);
	hgt_ok(f->vm->fd, KVM_GET_DIRTY_LOG, &log);
	assert_int_equal(bits, 1 << 2 | 1);
	assert_int_equal(*(uint32_t *)(f->host + 2 * PAGE), 7);
	assert_int_equal(*(uint32_t *)(f->host + 2 * PAGE + 8), 9);

	assert_int_equal(hgt_slot(f->vm, 1, 0, FAR, 4 * PAGE, f->host), 0);
	assert_int_equal(ioctl(f->vm->fd, KVM_GET_DIRTY_LOG, &log), -1);
	guest_write(f, FAR, 0x10);
	assert_int_equal(*(uint32_t *)f->host, 0x10);
}

static void dirty_log_refusals(void **state)
{
	struct fixture *f = *state;
	uint64_t bits = 0x5555;
	struct kvm_dirty_log log = { .slot = 9, .dirty_bitmap = &bits };

	assert_int_equal(ioctl(f->vm->fd, KVM_GET_DIRTY_LOG, &log), -1);
	assert_true(errno == ENOENT || errno == EINVAL);
	log.slot = 0xffff;
	assert_int_equal(ioctl(f->vm->fd, KVM_GET_DIRTY_LOG, &log), -1);
	assert_true(errno == ENOENT || errno == EINVAL);
	assert_int_equal(bits, 0x5555);
	assert_int_equal(hgt_slot(f->vm, 1, KVM_MEM_LOG_DIRTY_PAGES, FAR,
				  4 * PAGE, f->host), 0);
	log.slot = 1;
	log.dirty_bitmap = (void *)8;
	hgt_refused(f->vm->fd, KVM_GET_DIRTY_LOG, &log, EFAULT);
	hgt_refused(f->vm->fd, KVM_GET_DIRTY_LOG, 8, EFAULT);
}

/* Memory given back and replaced under the guest is seen by the guest. */
static void follows_host_mapping(void **state)
{
	struct fixture *f = *state;
	void *p;

	slot1(f);
	guest_write(f, FAR, 0xabcd);
	assert_int_equal(madvise(f->host, PAGE, MADV_DONTNEED), 0);
	assert_int_equal(guest_read(f, FAR), 0);
	guest_write(f, FAR, 0xabcd);
	assert_int_equal(*(uint32_t *)f->host, 0xabcd);
	p = mmap(f->host, PAGE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	assert_ptr_equal(p, f->host);
	*(uint32_t *)f->host = 0x4321;
	assert_int_equal(guest_read(f, FAR), 0x4321);
}

/* mprotect(PROT_READ) under the guest: a store faults out of KVM_RUN. */
static void host_write_protect(void **state)
{
	struct fixture *f = *state;
	int r;

	slot1(f);
	guest_write(f, FAR, 0x55);
	assert_int_equal(mprotect(f->host, PAGE, PROT_READ), 0);
	assert_int_equal(guest_read(f, FAR), 0x55);
	aim(f, FAR, 0x66);
	hgt_expect_done(f->vcpu);
	r = hgt_run(f->vcpu);
	assert_int_equal(r, -EFAULT);
	assert_int_equal(*(uint32_t *)f->host, 0x55);
	assert_int_equal(mprotect(f->host, PAGE, PROT_READ | PROT_WRITE), 0);
	guest_write(f, FAR, 0x77);
	assert_int_equal(*(uint32_t *)f->host, 0x77);
}

/* A page that the host unmapped: KVM_RUN says so, and recovers. */
static void host_hole(void **state)
{
	struct fixture *f = *state;
	void *p;

	slot1(f);
	assert_int_equal(munmap(f->host + PAGE, PAGE), 0);
	aim(f, FAR + PAGE, 1);
	assert_int_equal(hgt_run(f->vcpu), -EFAULT);
	assert_slot1_intact(f);
	p = mmap(f->host + PAGE, PAGE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	assert_ptr_equal(p, f->host + PAGE);
	guest_write(f, FAR + PAGE, 3);
	assert_int_equal(*(uint32_t *)p, 3);
}

/* Shared file memory: what the guest writes is in the file. */
static void file_backed(void **state)
{
	struct fixture *f = *state;
	int fd = memfd_create("guest", MFD_CLOEXEC);
	uint32_t value = 0;
	void *p;

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 4 * PAGE), 0);
	p = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(p, MAP_FAILED);
	assert_int_equal(hgt_slot(f->vm, 3, 0, FAR, 4 * PAGE, p), 0);
	guest_write(f, FAR + 2 * PAGE, 0x600d);
	assert_int_equal(pread(fd, &value, 4, 2 * PAGE), 4);
	assert_int_equal(value, 0x600d);
	value = 0x1dea;
	assert_int_equal(pwrite(fd, &value, 4, 2 * PAGE), 4);
	assert_int_equal(guest_read(f, FAR + 2 * PAGE), 0x1dea);
	assert_int_equal(hgt_slot(f->vm, 3, 0, FAR, 0, p), 0);
	munmap(p, 4 * PAGE);
	close(fd);
}

/* One host page in two slots is one page. */
static void aliased(void **state)
{
	struct fixture *f = *state;

	slot1(f);
	assert_int_equal(hgt_slot(f->vm, 2, 0, FAR * 2, 4 * PAGE, f->host), 0);
	guest_write(f, FAR * 2, 0xa11a5);
	assert_int_equal(guest_read(f, FAR), 0xa11a5);
}

static void tss_and_identity_map(void **state)
{
	struct fixture *f = *state;
	uint64_t addr = 0xfeffc000;

	slot1(f);
	hgt_ok(f->vm->fd, KVM_SET_TSS_ADDR, 0xfeffd000);
	hgt_refused(f->vm->fd, KVM_SET_TSS_ADDR, 0xfffff000, EINVAL);
	if (hgt_cap(KVM_CAP_SET_IDENTITY_MAP_ADDR)) {
		/* Only before there are vCPUs; the fixture has one. */
		hgt_refused(f->vm->fd, KVM_SET_IDENTITY_MAP_ADDR, &addr,
			    EINVAL);
	}
	assert_slot1_intact(f);
}

static void bad_pointer(void **state)
{
	struct fixture *f = *state;

	slot1(f);
	hgt_refused(f->vm->fd, KVM_SET_USER_MEMORY_REGION, 8, EFAULT);
	hgt_refused(f->vm->fd, KVM_SET_USER_MEMORY_REGION, 0, EFAULT);
	assert_slot1_intact(f);
}

/* Many slots at once, each seen at its place. */
static void many_slots(void **state)
{
	struct fixture *f = *state;
	uint8_t *host = hgt_pages(32 * PAGE);
	unsigned int i, n = hgt_cap(KVM_CAP_NR_MEMSLOTS);

	if (n > 33)
		n = 33;
	for (i = 1; i < n; i++) {
		*(uint32_t *)(host + (i - 1) * PAGE) = 0x1000 + i;
		assert_int_equal(hgt_slot(f->vm, i, 0, FAR + i * 2 * PAGE,
					  PAGE, host + (i - 1) * PAGE), 0);
	}
	for (i = 1; i < n; i += 5)
		assert_int_equal(guest_read(f, FAR + i * 2 * PAGE), 0x1000 + i);
	for (i = 1; i < n; i++)
		assert_int_equal(hgt_slot(f->vm, i, 0, FAR, 0, host), 0);
	munmap(host, 32 * PAGE);
}

#define t(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		t(misaligned),
		t(wraps_and_huge),
		t(bad_flags_and_ids),
		t(overlap),
		t(changes_that_need_delete),
		t(delete_and_readd),
		t(move),
		t(readonly),
		t(dirty_log),
		t(dirty_log_refusals),
		t(follows_host_mapping),
		t(host_write_protect),
		t(host_hole),
		t(file_backed),
		t(aliased),
		t(tss_and_identity_map),
		t(bad_pointer),
		t(many_slots),
	};

	return hgt_main(tests);
}
