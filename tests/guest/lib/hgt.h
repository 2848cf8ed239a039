/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hgt: a small library for tests that talk to a provider of the KVM ABI.
 *
 * A test creates a VM, copies a few instructions of guest code into it, runs
 * a vCPU and looks at the exits. Everything here fails the running CMocka
 * test, with the name of the ioctl and errno, when a step that the test takes
 * for granted does not work; the tests themselves only state what they are
 * about. Functions that may be called outside the test's own thread say so.
 */
#ifndef HGT_H
#define HGT_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <linux/kvm.h>
#include <cmocka.h>

#include "layout.h"

struct hgt_vm {
	int fd;
	uint8_t *ram;		/* guest-physical 0 .. ram_size, slot 0 */
	size_t ram_size;
	unsigned int chips;	/* HGT_IRQCHIP_* */
};

struct hgt_vcpu {
	struct hgt_vm *vm;
	int fd;
	unsigned int id;
	struct kvm_run *run;
	size_t run_size;
};

/* Where the interrupt controllers of a VM live. */
enum {
	HGT_IRQCHIP_OFF,	/* all in user space */
	HGT_IRQCHIP_SPLIT,	/* LAPIC in the kernel */
	HGT_IRQCHIP_ON,		/* LAPIC, IOAPIC, PIC in the kernel */
};

/* ---- provider ---- */

/* Path of the device: $HG_DEV, else /dev/hypergpu, else /dev/kvm. */
const char *hgt_dev(void);
/* The provider's system descriptor, opened once for the process. */
int hgt_sys(void);
/* KVM_CHECK_EXTENSION on the system descriptor; never negative. */
int hgt_cap(long cap);
/* Skip the running test unless @cap is offered. */
#define hgt_need_cap(cap)						\
	do {								\
		if (!hgt_cap(cap)) {					\
			print_message("# skipped: no " #cap "\n");	\
			skip();						\
		}							\
	} while (0)

/* ---- ioctl assertions ---- */

int hgt_ioctl_named(int fd, unsigned long req, void *arg,
		    const char *name, const char *file, int line);
void hgt_refused_named(int fd, unsigned long req, void *arg, int err,
		       const char *name, const char *file, int line);

/* The ioctl succeeds; yields its result. */
#define hgt_ok(fd, req, arg)						\
	hgt_ioctl_named(fd, req, (void *)(uintptr_t)(arg), #req,	\
			__FILE__, __LINE__)
/* The ioctl fails with exactly @err. */
#define hgt_refused(fd, req, arg, err)					\
	hgt_refused_named(fd, req, (void *)(uintptr_t)(arg), err,	\
			  #req, __FILE__, __LINE__)

/* ---- VMs ---- */

/* A VM with HGT_RAM bytes of zeroed memory at guest-physical 0 in slot 0. */
struct hgt_vm *hgt_vm_new(unsigned int chips);
void hgt_vm_free(struct hgt_vm *vm);
/* A vCPU with the CPUID the provider supports. The VM owns it. */
struct hgt_vcpu *hgt_vcpu_new(struct hgt_vm *vm, unsigned int id);
void hgt_vcpu_free(struct hgt_vcpu *vcpu);
/* Host pointer to @len bytes of guest memory; fails the test if outside. */
void *hgt_ptr(struct hgt_vm *vm, uint64_t gpa, size_t len);
#define hgt_u32(vm, gpa) (*(volatile uint32_t *)hgt_ptr(vm, gpa, 4))
#define hgt_u64(vm, gpa) (*(volatile uint64_t *)hgt_ptr(vm, gpa, 8))
/* SET_USER_MEMORY_REGION without assertion: 0 or -errno. */
int hgt_slot(struct hgt_vm *vm, uint32_t slot, uint32_t flags, uint64_t gpa,
	     uint64_t size, const void *host);
/* Zeroed, page-aligned host memory; freed with munmap. */
void *hgt_pages(size_t size);

/* ---- guest code ---- */

/*
 * Guest instructions beside the test that uses them. They are placed in
 * read-only data and copied into the guest, so they must not refer to
 * absolute labels of their own (use HGT_REL()).
 */
#define HGT_GUEST(name, mode, text)					\
	__asm__(".pushsection .rodata\n"				\
		".balign 16\n"						\
		".code" #mode "\n"					\
		#name ":\n" text "\n" #name "_end:\n"			\
		".code64\n"						\
		".popsection\n");					\
	extern const uint8_t name[], name##_end[]

#define HGT_STR_(x) #x
#define HGT_STR(x) HGT_STR_(x)
/* Tell the host that the guest is done; %eax is the result. */
#define GUEST_DONE "outl %eax, $" HGT_STR(HGT_PORT_DONE) "\n"

#define hgt_load(vm, gpa, name) \
	hgt_copy_in(vm, gpa, name, (size_t)(name##_end - name))
void hgt_copy_in(struct hgt_vm *vm, uint64_t gpa, const void *src, size_t len);

/* Load @name at HGT_CODE and start @vcpu there in the given mode. */
#define hgt_start_real(vcpu, name)					\
	do {								\
		hgt_load((vcpu)->vm, HGT_CODE, name);			\
		hgt_mode_real(vcpu);					\
	} while (0)
#define hgt_start_prot(vcpu, name)					\
	do {								\
		hgt_load((vcpu)->vm, HGT_CODE, name);			\
		hgt_mode_prot(vcpu);					\
	} while (0)
#define hgt_start_long(vcpu, name)					\
	do {								\
		hgt_load((vcpu)->vm, HGT_CODE, name);			\
		hgt_mode_long(vcpu);					\
	} while (0)

/* Registers for 16-bit real mode, CS:IP = HGT_CODE >> 4 : 0. */
void hgt_mode_real(struct hgt_vcpu *vcpu);
/* Flat 32-bit protected mode without paging. */
void hgt_mode_prot(struct hgt_vcpu *vcpu);
/*
 * 64-bit mode, the low 4 GiB mapped one to one (the first 2 MiB by 4 KiB
 * pages, the rest by 2 MiB pages), user-accessible, with an IDT whose stubs
 * report exceptions 0-31 (but NMI) to the host through HGT_PORT_FAULT and
 * count NMI and all interrupts at HGT_IRQ_COUNT.
 */
void hgt_mode_long(struct hgt_vcpu *vcpu);

void hgt_get_regs(struct hgt_vcpu *vcpu, struct kvm_regs *regs);
void hgt_set_regs(struct hgt_vcpu *vcpu, const struct kvm_regs *regs);
void hgt_get_sregs(struct hgt_vcpu *vcpu, struct kvm_sregs *sregs);
void hgt_set_sregs(struct hgt_vcpu *vcpu, const struct kvm_sregs *sregs);
uint64_t hgt_get_msr(struct hgt_vcpu *vcpu, uint32_t index);
/* KVM_SET_MSRS of one entry: the number taken (0 or 1), or -errno. */
int hgt_set_msr(struct hgt_vcpu *vcpu, uint32_t index, uint64_t value);
int hgt_try_get_msr(struct hgt_vcpu *vcpu, uint32_t index, uint64_t *value);

/* ---- running ---- */

/* KVM_RUN once: 0 or -errno. Any thread. */
int hgt_run(struct hgt_vcpu *vcpu);
/* KVM_RUN once, interrupted (-EINTR) after @ms milliseconds. Single-threaded. */
int hgt_run_for(struct hgt_vcpu *vcpu, unsigned int ms);
/* KVM_RUN until it is not interrupted by a stray signal, expect @reason. */
#define hgt_expect(vcpu, reason) \
	hgt_expect_named(vcpu, reason, #reason, __FILE__, __LINE__)
void hgt_expect_named(struct hgt_vcpu *vcpu, uint32_t reason,
		      const char *name, const char *file, int line);
/* Run until the guest says it is done; its result. */
#define hgt_expect_done(vcpu) hgt_expect_done_at(vcpu, __FILE__, __LINE__)
uint32_t hgt_expect_done_at(struct hgt_vcpu *vcpu, const char *file, int line);
/* Run until the guest reports an exception, which must be @vector. */
#define hgt_expect_fault(vcpu, vector) \
	hgt_expect_fault_at(vcpu, vector, __FILE__, __LINE__)
const struct hgt_fault *hgt_expect_fault_at(struct hgt_vcpu *vcpu,
					    unsigned int vector,
					    const char *file, int line);
/* Name of an exit reason, for messages. */
const char *hgt_exit_name(uint32_t reason);
/* Data area of a port exit. */
void *hgt_pio_data(struct hgt_vcpu *vcpu);

/*
 * Run all @tests (those that match $HGT_FILTER, with * and ?, if it is set),
 * TAP on standard output. A program that runs longer than HGT_TIMEOUT
 * seconds ends with status 3 and a message.
 */
#define HGT_TIMEOUT 60
#define hgt_main(tests)						\
	hgt_main_group(#tests, tests, sizeof(tests) / sizeof((tests)[0]))
int hgt_main_group(const char *name, const struct CMUnitTest *tests, size_t n);
/* Give the running test @seconds from now. */
void hgt_watchdog(unsigned int seconds);

#endif /* HGT_H */
