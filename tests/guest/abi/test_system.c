// SPDX-License-Identifier: Apache-2.0
/* The system descriptor: version, capabilities, index lists, VM creation. */
#include <cpuid.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "hgt.h"

#define MSR_LSTAR 0xc0000082
#define MSR_KVM_FIRST 0x4b564d00

static void api_version(void **state)
{
	(void)state;
	assert_int_equal(hgt_ok(hgt_sys(), KVM_GET_API_VERSION, 0), 12);
	hgt_refused(hgt_sys(), KVM_GET_API_VERSION, 1, EINVAL);
}

/* What QEMU 7.2 refuses to start without. */
static void required_capabilities(void **state)
{
	(void)state;
	assert_true(hgt_cap(KVM_CAP_USER_MEMORY));
	assert_true(hgt_cap(KVM_CAP_DESTROY_MEMORY_REGION_WORKS));
	assert_true(hgt_cap(KVM_CAP_JOIN_MEMORY_REGIONS_WORKS));
	assert_true(hgt_cap(KVM_CAP_SET_TSS_ADDR));
	assert_true(hgt_cap(KVM_CAP_EXT_CPUID));
	assert_true(hgt_cap(KVM_CAP_MP_STATE));
	assert_true(hgt_cap(KVM_CAP_IRQ_ROUTING));
}

/* OSXSAVE. A kernel that was told noxsave, as that of a guest may be, has none. */
static int host_uses_xsave(void)
{
	unsigned int a, b, c, d;

	return __get_cpuid(1, &a, &b, &c, &d) && c & bit_OSXSAVE;
}

static void useful_capabilities(void **state)
{
	(void)state;
	assert_true(hgt_cap(KVM_CAP_XSAVE));
	assert_int_equal(hgt_cap(KVM_CAP_XCRS), host_uses_xsave());
	assert_true(hgt_cap(KVM_CAP_VCPU_EVENTS));
	assert_true(hgt_cap(KVM_CAP_DEBUGREGS));
	assert_true(hgt_cap(KVM_CAP_IMMEDIATE_EXIT));
	assert_true(hgt_cap(KVM_CAP_READONLY_MEM));
	assert_true(hgt_cap(KVM_CAP_SYNC_MMU));
	assert_in_range(hgt_cap(KVM_CAP_NR_MEMSLOTS), 32, 1 << 20);
	assert_in_range(hgt_cap(KVM_CAP_MAX_VCPUS), 16, 1 << 20);
	assert_in_range(hgt_cap(KVM_CAP_NR_VCPUS), 1, 1 << 20);
}

static void unknown_capability(void **state)
{
	(void)state;
	assert_int_equal(hgt_cap(0x7ffffffe), 0);
	assert_int_equal(hgt_cap(100000), 0);
}

static void create_vm_types(void **state)
{
	int fd;

	(void)state;
	hgt_refused(hgt_sys(), KVM_CREATE_VM, 0x1000000, EINVAL);
	hgt_refused(hgt_sys(), KVM_CREATE_VM, ~0ul, EINVAL);
	fd = hgt_ok(hgt_sys(), KVM_CREATE_VM, 0);
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_int_equal(close(fd), 0);
}

static void unknown_ioctls(void **state)
{
	struct hgt_vm *vm = hgt_vm_new(HGT_IRQCHIP_OFF);
	struct hgt_vcpu *vcpu = hgt_vcpu_new(vm, 0);
	unsigned long odd = _IOW(KVMIO, 0xff, long);
	unsigned long foreign = _IOW('q', 0x01, long);
	long arg = 0;

	(void)state;
	assert_int_equal(ioctl(hgt_sys(), odd, &arg), -1);
	assert_true(errno == ENOTTY || errno == EINVAL);
	assert_int_equal(ioctl(vm->fd, odd, &arg), -1);
	assert_true(errno == ENOTTY || errno == EINVAL);
	assert_int_equal(ioctl(vcpu->fd, odd, &arg), -1);
	assert_true(errno == ENOTTY || errno == EINVAL);
	assert_int_equal(ioctl(hgt_sys(), foreign, &arg), -1);
	assert_true(errno == ENOTTY || errno == EINVAL);
	/* An ioctl of one kind of descriptor on another. */
	assert_int_equal(ioctl(hgt_sys(), KVM_RUN, 0), -1);
	assert_int_equal(ioctl(vm->fd, KVM_RUN, 0), -1);
	assert_int_equal(ioctl(vcpu->fd, KVM_CREATE_VM, 0), -1);
	assert_int_equal(ioctl(vcpu->fd, KVM_CREATE_VCPU, 1), -1);
	hgt_vcpu_free(vcpu);
	hgt_vm_free(vm);
}

static void mmap_size(void **state)
{
	int size;

	(void)state;
	size = hgt_ok(hgt_sys(), KVM_GET_VCPU_MMAP_SIZE, 0);
	assert_in_range(size, 2 * 4096, 16 * 4096);
	assert_int_equal(size % 4096, 0);
	assert_true((size_t)size >= sizeof(struct kvm_run));
	hgt_refused(hgt_sys(), KVM_GET_VCPU_MMAP_SIZE, 1, EINVAL);
}

static bool listed(const struct kvm_msr_list *list, uint32_t index)
{
	uint32_t i;

	for (i = 0; i < list->nmsrs; i++)
		if (list->indices[i] == index)
			return true;
	return false;
}

static void msr_index_list(void **state)
{
	struct kvm_msr_list probe = { .nmsrs = 0 };
	struct kvm_msr_list *list;
	uint32_t n;

	(void)state;
	hgt_refused(hgt_sys(), KVM_GET_MSR_INDEX_LIST, &probe, E2BIG);
	n = probe.nmsrs;
	assert_in_range(n, 4, 4096);

	list = calloc(1, sizeof(*list) + n * sizeof(list->indices[0]));
	assert_non_null(list);
	list->nmsrs = n - 1;
	list->indices[0] = 0xdeadbeef;
	hgt_refused(hgt_sys(), KVM_GET_MSR_INDEX_LIST, list, E2BIG);
	assert_int_equal(list->nmsrs, n);
	assert_int_equal(list->indices[0], 0xdeadbeef);

	hgt_ok(hgt_sys(), KVM_GET_MSR_INDEX_LIST, list);
	assert_int_equal(list->nmsrs, n);
	assert_true(listed(list, MSR_LSTAR));
	free(list);
	hgt_refused(hgt_sys(), KVM_GET_MSR_INDEX_LIST, 8, EFAULT);
}

/* Every MSR that is listed can be read, and written with what was read. */
static void listed_msrs_work(void **state)
{
	struct hgt_vm *vm = hgt_vm_new(HGT_IRQCHIP_OFF);
	struct hgt_vcpu *vcpu = hgt_vcpu_new(vm, 0);
	struct kvm_msr_list probe = { .nmsrs = 0 };
	struct kvm_msr_list *list;
	uint64_t value;
	uint32_t i;
	int r;

	(void)state;
	hgt_refused(hgt_sys(), KVM_GET_MSR_INDEX_LIST, &probe, E2BIG);
	list = calloc(1, sizeof(*list) + probe.nmsrs * sizeof(uint32_t));
	assert_non_null(list);
	list->nmsrs = probe.nmsrs;
	hgt_ok(hgt_sys(), KVM_GET_MSR_INDEX_LIST, list);
	for (i = 0; i < list->nmsrs; i++) {
		r = hgt_try_get_msr(vcpu, list->indices[i], &value);
		if (r != 1)
			print_error("MSR %#x is listed, but reading it gives %d\n",
				    list->indices[i], r);
		assert_int_equal(r, 1);
		if ((list->indices[i] & ~0xffu) == MSR_KVM_FIRST)
			continue;	/* need an in-kernel LAPIC to be written */
		r = hgt_set_msr(vcpu, list->indices[i], value);
		if (r != 1)
			print_error("MSR %#x: writing back %#lx gives %d\n",
				    list->indices[i], (unsigned long)value, r);
		assert_int_equal(r, 1);
	}
	free(list);
	hgt_vcpu_free(vcpu);
	hgt_vm_free(vm);
}

static struct kvm_cpuid2 *cpuid_room(uint32_t nent)
{
	struct kvm_cpuid2 *c;

	c = calloc(1, sizeof(*c) + nent * sizeof(c->entries[0]));
	assert_non_null(c);
	c->nent = nent;
	return c;
}

static const struct kvm_cpuid_entry2 *find(const struct kvm_cpuid2 *c,
					   uint32_t leaf, uint32_t index)
{
	uint32_t i;

	for (i = 0; i < c->nent; i++)
		if (c->entries[i].function == leaf &&
		    c->entries[i].index == index)
			return &c->entries[i];
	return NULL;
}

static void supported_cpuid(void **state)
{
	struct kvm_cpuid2 *c = cpuid_room(256);
	const struct kvm_cpuid_entry2 *e;
	uint32_t n;

	(void)state;
	hgt_ok(hgt_sys(), KVM_GET_SUPPORTED_CPUID, c);
	n = c->nent;
	assert_in_range(n, 5, 256);
	e = find(c, 0, 0);
	assert_non_null(e);
	assert_true(e->eax >= 1);
	e = find(c, 1, 0);
	assert_non_null(e);
	/* FPU, TSC, MSR, PAE, CX8, SSE2: nothing boots without. */
	assert_int_equal(e->edx & 0x04000171, 0x04000171);
	e = find(c, 0x80000001, 0);
	assert_non_null(e);
	assert_true(e->edx & (1u << 29));	/* long mode */
	e = find(c, 0xd, 0);
	if (e)
		assert_int_equal(e->eax & 3, 3);	/* XCR0: x87 and SSE */
	free(c);
}

static void supported_cpuid_too_small(void **state)
{
	struct kvm_cpuid2 *c = cpuid_room(2);

	(void)state;
	c->nent = 1;
	c->entries[0].function = 0x1234;
	hgt_refused(hgt_sys(), KVM_GET_SUPPORTED_CPUID, c, E2BIG);
	assert_int_equal(c->entries[0].function, 0x1234);
	c->nent = 0;
	hgt_refused(hgt_sys(), KVM_GET_SUPPORTED_CPUID, c, E2BIG);
	free(c);
	hgt_refused(hgt_sys(), KVM_GET_SUPPORTED_CPUID, 8, EFAULT);
}

static void many_vms(void **state)
{
	int fds[64];
	int i;

	(void)state;
	for (i = 0; i < 64; i++)
		fds[i] = hgt_ok(hgt_sys(), KVM_CREATE_VM, 0);
	for (i = 0; i < 64; i++)
		assert_int_equal(close(fds[i]), 0);
}

/* A VM lives on through its vCPU after its own descriptor is closed. */
HGT_GUEST(say_7, 16, "mov $7, %eax\n" GUEST_DONE);

static void vcpu_outlives_vm_fd(void **state)
{
	struct hgt_vm *vm = hgt_vm_new(HGT_IRQCHIP_OFF);
	struct hgt_vcpu *vcpu = hgt_vcpu_new(vm, 0);

	(void)state;
	hgt_start_real(vcpu, say_7);
	assert_int_equal(close(vm->fd), 0);
	assert_int_equal(hgt_expect_done(vcpu), 7);
	hgt_vcpu_free(vcpu);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(api_version),
		cmocka_unit_test(required_capabilities),
		cmocka_unit_test(useful_capabilities),
		cmocka_unit_test(unknown_capability),
		cmocka_unit_test(create_vm_types),
		cmocka_unit_test(unknown_ioctls),
		cmocka_unit_test(mmap_size),
		cmocka_unit_test(msr_index_list),
		cmocka_unit_test(listed_msrs_work),
		cmocka_unit_test(supported_cpuid),
		cmocka_unit_test(supported_cpuid_too_small),
		cmocka_unit_test(many_vms),
		cmocka_unit_test(vcpu_outlives_vm_fd),
	};

	return hgt_main(tests);
}
