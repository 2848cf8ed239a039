/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The CPUID tables of a confidential VM: read from what `hgvmm --dump-cpuid`
 * wrote, and made what the trusted core makes of them before it measures them
 * (docs/launch-digest.md, "CPUID"). tests/unit/tools holds this and the core
 * together.
 */
#ifndef HGCTL_CPUID_TABLE_H
#define HGCTL_CPUID_TABLE_H

#include <stddef.h>
#include <stdint.h>

#define CPUID_INDEXED	1u	/* ECX selects: @index matters */

/* As it is measured. */
struct cpuid_entry {
	uint32_t function, index, flags;
	uint32_t eax, ebx, ecx, edx;
	uint32_t reserved;
};

#define CPUID_MAX	100	/* entries of one vCPU in the core */
#define CPUID_ADDED	3	/* of them the core may need for itself */

struct cpuid_table {
	struct cpuid_entry entry[CPUID_MAX];
	uint32_t count;
};

struct cpuid_tables {
	uint32_t c_bit;
	uint32_t vcpus;
	struct cpuid_table *vcpu;
};

/*
 * Tables from JSON text; @name is for messages. 0, or -EINVAL / -ENOMEM after a
 * message. On success the caller calls cpuid_tables_free().
 */
int cpuid_tables_parse(struct cpuid_tables *t, const char *name, const char *text, size_t length);
void cpuid_tables_free(struct cpuid_tables *t);

/* What the core tells a guest when it is given @t: sanitised and sorted. */
void cpuid_table_sanitise(struct cpuid_table *t, uint32_t c_bit);

#endif /* HGCTL_CPUID_TABLE_H */
