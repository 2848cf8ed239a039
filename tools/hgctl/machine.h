/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine that the doctor looks at: its files, its CPU, its registers.
 *
 * With another root than "/", CPUID and MSRs are read from two text files
 * there, so that every machine can be described in a directory:
 *   ROOT/cpuid  lines "LEAF SUBLEAF EAX EBX ECX EDX", ROOT/msr  "MSR VALUE",
 * all hexadecimal without prefix; '#' begins a comment.
 */
#ifndef HGCTL_MACHINE_H
#define HGCTL_MACHINE_H

#include "fs.h"

struct machine {
	struct fs fs;
	bool real;	/* the root is "/": instructions and libraries may be tried */
};

struct cpuid {
	uint32_t eax, ebx, ecx, edx;
};

/* @root "" or "/" is this machine; otherwise it must outlive @m. */
void machine_init(struct machine *m, const char *root);

/*
 * All zeros for a leaf beyond those that the CPU has (the instruction itself
 * would answer with another leaf's values there).
 */
struct cpuid machine_cpuid(const struct machine *m, uint32_t leaf, uint32_t subleaf);

/* Does a hypervisor run below us? Then the firmware is not the one to ask. */
bool machine_is_virtual(const struct machine *m);

/* Reads an MSR of CPU 0. 0 or -errno; -ENOENT and -EACCES are usual. */
int machine_rdmsr(const struct machine *m, uint32_t msr, uint64_t *value);

/* Release of the running kernel, such as "6.1.0-56-amd64". 0 or -errno. */
int machine_release(const struct machine *m, char *buf, size_t size);

/* Is the module loaded (in /proc/modules)? @users gets its use count if not NULL. */
bool machine_module_loaded(const struct machine *m, const char *name, unsigned long *users);

#endif /* HGCTL_MACHINE_H */
