// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the trusted core makes of a confidential vCPU's CPUID table, as a filter:
 * test-measure.c compares hgctl with it. A program of its own, because the core's
 * licence is not hgctl's.
 *
 * Standard input: u32 position of the C-bit, u32 count, @count struct hg_cpuid; and
 * again, to the end. Standard output: u32 count, the entries.
 */
#include "core.h"
#include "arch.h"

#include <stdio.h>

/* Not reached by hg_cpuid_take(). */
struct hg_core hg_core;

u64 hg_arch_xgetbv(void)
{
	return 0;
}

int main(void)
{
	static struct hg_cpuid from[HG_MAX_CPUID], to[HG_MAX_CPUID];
	static struct hg_domain domain;
	static struct hg_vcpu vcpu = { .domain = &domain, .cpuid = to };
	u32 head[2];

	while (fread(head, sizeof(head), 1, stdin) == 1) {
		if (head[1] > HG_MAX_CPUID || fread(from, sizeof(*from), head[1], stdin) != head[1])
			return 1;
		domain.cvm.c_bit = head[0];
		domain.c_mask = HG_BIT(head[0]);
		if (hg_cpuid_take(&vcpu, from, head[1]) != HG_OK)
			return 1;
		fwrite(&vcpu.cpuid_count, sizeof(vcpu.cpuid_count), 1, stdout);
		fwrite(to, sizeof(*to), vcpu.cpuid_count, stdout);
	}
	return ferror(stdin) || fflush(stdout);
}
