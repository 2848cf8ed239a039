// SPDX-License-Identifier: Apache-2.0
/*
 * A VM whose only vCPU counts and tells: "spin SECONDS". Each write to port
 * 0x10 carries the guest's count; it must go up by one each time, whatever
 * happens to the CPUs beneath. Prints how many there were.
 * Exit status: 0, 1 (the guest went wrong), 2 (no VM).
 */
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>

#define MEMORY	0x10000
#define CODE	0x1000

/* 16-bit: inc %eax; cpuid is left out so that only port exits reach us. */
static const uint8_t code[] = {
	0x66, 0x40,		/* inc %eax */
	0x66, 0xe7, 0x10,	/* out %eax, $0x10 */
	0xeb, 0xf9,		/* jmp to the start */
};

static int check(int result, const char *what)
{
	if (result < 0) {
		perror(what);
		exit(2);
	}
	return result;
}

static struct kvm_run *start(const char *device, int *vcpu)
{
	int dev = check(open(device, O_RDWR | O_CLOEXEC), device);
	int vm = check(ioctl(dev, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
	int size = check(ioctl(dev, KVM_GET_VCPU_MMAP_SIZE, 0), "KVM_GET_VCPU_MMAP_SIZE");
	struct kvm_userspace_memory_region slot = { .memory_size = MEMORY };
	struct kvm_regs regs = { .rip = CODE, .rflags = 2 };
	struct kvm_sregs sregs;
	struct kvm_run *run;
	uint8_t *memory;

	memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		check(-1, "mmap");
	memcpy(memory + CODE, code, sizeof(code));
	slot.userspace_addr = (uintptr_t)memory;
	check(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &slot), "KVM_SET_USER_MEMORY_REGION");
	*vcpu = check(ioctl(vm, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
	run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, *vcpu, 0);
	if (run == MAP_FAILED)
		check(-1, "mmap of the vCPU");
	check(ioctl(*vcpu, KVM_GET_SREGS, &sregs), "KVM_GET_SREGS");
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	check(ioctl(*vcpu, KVM_SET_SREGS, &sregs), "KVM_SET_SREGS");
	check(ioctl(*vcpu, KVM_SET_REGS, &regs), "KVM_SET_REGS");
	return run;
}

int main(int argc, char **argv)
{
	const char *device = getenv("HG_DEV");
	time_t end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 10);
	struct kvm_run *run;
	uint32_t count = 0, told;
	int vcpu;

	run = start(device ? device : "/dev/hypergpu", &vcpu);
	puts("running");
	fflush(stdout);
	while (time(NULL) < end) {
		check(ioctl(vcpu, KVM_RUN, 0), "KVM_RUN");
		if (run->exit_reason != KVM_EXIT_IO || run->io.port != 0x10) {
			fprintf(stderr, "exit %u after %u\n", run->exit_reason, count);
			return 1;
		}
		memcpy(&told, (uint8_t *)run + run->io.data_offset, sizeof(told));
		if (told != ++count) {
			fprintf(stderr, "the guest tells %u, want %u\n", told, count);
			return 1;
		}
	}
	printf("counted %u\n", count);
	return 0;
}
