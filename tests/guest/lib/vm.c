// SPDX-License-Identifier: Apache-2.0
/* The provider's device, virtual machines, memory and virtual CPUs. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hgt.h"

#define HGT_MAX_CPUID 256

static int sys_fd = -1;

const char *hgt_dev(void)
{
	const char *dev = getenv("HG_DEV");

	if (dev && *dev)
		return dev;
	return access("/dev/hypergpu", F_OK) ? "/dev/kvm" : "/dev/hypergpu";
}

int hgt_sys(void)
{
	if (sys_fd < 0) {
		sys_fd = open(hgt_dev(), O_RDWR | O_CLOEXEC);
		if (sys_fd < 0)
			fail_msg("open %s: %s", hgt_dev(), strerror(errno));
	}
	return sys_fd;
}

int hgt_cap(long cap)
{
	int r = ioctl(hgt_sys(), KVM_CHECK_EXTENSION, cap);

	if (r < 0)
		fail_msg("KVM_CHECK_EXTENSION %ld: %s", cap, strerror(errno));
	return r;
}

int hgt_ioctl_named(int fd, unsigned long req, void *arg,
		    const char *name, const char *file, int line)
{
	int r = ioctl(fd, req, arg);

	if (r < 0) {
		print_error("%s:%d: %s: %s\n", file, line, name,
			    strerror(errno));
		_fail(file, line);
	}
	return r;
}

void hgt_refused_named(int fd, unsigned long req, void *arg, int err,
		       const char *name, const char *file, int line)
{
	int r = ioctl(fd, req, arg);
	int got = r < 0 ? errno : 0;

	if (got != err) {
		print_error("%s:%d: %s: expected \"%s\", got \"%s\"\n", file,
			    line, name, strerror(err),
			    got ? strerror(got) : "success");
		if (!got && (req == KVM_CREATE_VCPU || req == KVM_CREATE_VM))
			close(r);
		_fail(file, line);
	}
}

void *hgt_pages(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		fail_msg("mmap of %zu bytes: %s", size, strerror(errno));
	return p;
}

int hgt_slot(struct hgt_vm *vm, uint32_t slot, uint32_t flags, uint64_t gpa,
	     uint64_t size, const void *host)
{
	struct kvm_userspace_memory_region r = {
		.slot = slot,
		.flags = flags,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (uintptr_t)host,
	};

	return ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &r) ? -errno : 0;
}

static void create_chips(struct hgt_vm *vm)
{
	struct kvm_enable_cap split = {
		.cap = KVM_CAP_SPLIT_IRQCHIP,
		.args = { 24 },
	};

	if (vm->chips == HGT_IRQCHIP_ON)
		hgt_ok(vm->fd, KVM_CREATE_IRQCHIP, 0);
	else if (vm->chips == HGT_IRQCHIP_SPLIT)
		hgt_ok(vm->fd, KVM_ENABLE_CAP, &split);
}

struct hgt_vm *hgt_vm_new(unsigned int chips)
{
	struct hgt_vm *vm = calloc(1, sizeof(*vm));
	int r;

	assert_non_null(vm);
	vm->fd = hgt_ok(hgt_sys(), KVM_CREATE_VM, 0);
	vm->ram_size = HGT_RAM;
	vm->ram = hgt_pages(vm->ram_size);
	vm->chips = chips;
	create_chips(vm);
	r = hgt_slot(vm, 0, 0, 0, vm->ram_size, vm->ram);
	if (r)
		fail_msg("memory slot 0: %s", strerror(-r));
	return vm;
}

void hgt_vm_free(struct hgt_vm *vm)
{
	assert_int_equal(close(vm->fd), 0);
	munmap(vm->ram, vm->ram_size);
	free(vm);
}

static void default_cpuid(int vcpu_fd)
{
	struct kvm_cpuid2 *c;

	c = calloc(1, sizeof(*c) + HGT_MAX_CPUID * sizeof(c->entries[0]));
	assert_non_null(c);
	c->nent = HGT_MAX_CPUID;
	hgt_ok(hgt_sys(), KVM_GET_SUPPORTED_CPUID, c);
	hgt_ok(vcpu_fd, KVM_SET_CPUID2, c);
	free(c);
}

struct hgt_vcpu *hgt_vcpu_new(struct hgt_vm *vm, unsigned int id)
{
	struct hgt_vcpu *vcpu = calloc(1, sizeof(*vcpu));
	void *run;

	assert_non_null(vcpu);
	vcpu->vm = vm;
	vcpu->id = id;
	vcpu->fd = hgt_ok(vm->fd, KVM_CREATE_VCPU, id);
	vcpu->run_size = hgt_ok(hgt_sys(), KVM_GET_VCPU_MMAP_SIZE, 0);
	run = mmap(NULL, vcpu->run_size, PROT_READ | PROT_WRITE, MAP_SHARED,
		   vcpu->fd, 0);
	if (run == MAP_FAILED)
		fail_msg("mmap of the run page: %s", strerror(errno));
	vcpu->run = run;
	default_cpuid(vcpu->fd);
	return vcpu;
}

void hgt_vcpu_free(struct hgt_vcpu *vcpu)
{
	munmap(vcpu->run, vcpu->run_size);
	assert_int_equal(close(vcpu->fd), 0);
	free(vcpu);
}

void *hgt_ptr(struct hgt_vm *vm, uint64_t gpa, size_t len)
{
	if (len > vm->ram_size || gpa > vm->ram_size - len)
		fail_msg("test bug: guest address %#lx+%zu outside memory",
			 (unsigned long)gpa, len);
	return vm->ram + gpa;
}

void hgt_copy_in(struct hgt_vm *vm, uint64_t gpa, const void *src, size_t len)
{
	memcpy(hgt_ptr(vm, gpa, len), src, len);
}

/* ---- running the tests ---- */

static void on_alarm(int sig)
{
	static const char msg[] = "# timed out: a test hung, giving up\n";

	(void)sig;
	if (write(STDOUT_FILENO, msg, sizeof(msg) - 1) < 0)
		_exit(4);
	_exit(3);
}

void hgt_watchdog(unsigned int seconds)
{
	struct sigaction sa = { .sa_handler = on_alarm };

	sigaction(SIGALRM, &sa, NULL);
	alarm(seconds);
}

int hgt_main_group(const char *name, const struct CMUnitTest *tests, size_t n)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	cmocka_set_test_filter(getenv("HGT_FILTER"));
	hgt_watchdog(HGT_TIMEOUT);
	return _cmocka_run_group_tests(name, tests, n, NULL, NULL);
}
