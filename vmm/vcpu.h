/* SPDX-License-Identifier: Apache-2.0 */
/* One vCPU and the thread that runs it. */
#ifndef HGVMM_VCPU_H
#define HGVMM_VCPU_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct config;
struct vm;
struct kvm_run;
struct kvm_cpuid2;

/* How a vCPU is entered the first time. */
enum boot_mode {
	BOOT_LINUX64,	/* 64-bit, paging on: Linux boot protocol */
	BOOT_PVH32,	/* 32-bit, flat, paging off: PVH */
};

struct boot_entry {
	enum boot_mode mode;
	uint64_t rip;
	uint64_t arg;	/* RSI (Linux) or EBX (PVH): the parameter page */
	uint64_t cr3;	/* BOOT_LINUX64 only */
	uint64_t gdt;	/* where the boot GDT lies, 8-byte entries */
};

enum vcpu_count {
	CNT_EXITS, CNT_PIO, CNT_MMIO, CNT_HLT, CNT_INTR, CNT_IRQWIN, CNT_OTHER, CNT_MAX,
};
extern const char *const vcpu_count_name[CNT_MAX];

struct vcpu {
	struct vm *vm;
	unsigned int index;
	int fd;
	struct kvm_run *run;
	pthread_t thread;
	bool has_thread;
	_Atomic uint64_t count[CNT_MAX];
};

/* 0 or negative errno after a message. vcpu_destroy() undoes it. */
int vcpu_create(struct vm *vm, struct vcpu *vcpu, unsigned int index);
void vcpu_destroy(struct vcpu *vcpu);

/* Load the boot state into vCPU 0 (the others wait for INIT/SIPI). */
int vcpu_set_entry(struct vcpu *vcpu, const struct boot_entry *entry);

int vcpu_start(struct vcpu *vcpu);
/* Make the vCPU leave KVM_RUN soon. Any thread. */
void vcpu_kick(struct vcpu *vcpu);

/* Install the handler for the kick signal; once, before any vCPU. */
int vcpu_signal_setup(void);

/* cpuid.c: the CPUID table for vCPU @index. Caller frees. NULL after a message. */
struct kvm_cpuid2 *cpuid_build(const struct vm *vm, unsigned int index);
/*
 * cpuid-dump.c: write the tables of all vCPUs of such a machine as JSON, for
 * hgctl measure on another machine. 0 or negative errno after a message.
 */
int cpuid_dump(const struct config *cfg, const char *path);
/* True when the device offers a paravirtual clock to the guest. */
bool cpuid_has_kvmclock(const struct kvm_cpuid2 *cpuid);

#endif
