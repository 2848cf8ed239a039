/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hgctl measure: the launch digest that `hgvmm --cvm` will print, from the same
 * files and without a VM. It needs no hypergpu.ko and no privilege.
 */
#ifndef HGCTL_MEASURE_H
#define HGCTL_MEASURE_H

#include "cpuid-table.h"
#include "digest.h"

#include <argp.h>
#include <stdbool.h>

struct measure_options {
	const char *kernel, *initrd, *append, *cpuid;
	const char *firmware;	/* NULL: for hgvmm, else for QEMU */
	unsigned int smp;
	uint64_t mem;
	bool split;		/* --irqchip split */
	uint32_t policy;
	bool any;		/* one of these options was given */
};

/* The command's own options; its input is a struct measure_options of zeros. */
extern const struct argp measure_argp;

/*
 * Sets @o->smp and @o->mem, as --smp and --mem would say them. 0, or -EINVAL without a message.
 */
int measure_set(struct measure_options *o, const char *smp, const char *mem);

/* The digest itself: 0, or -errno after a message. */
int measure_digest(const struct measure_options *o, uint8_t digest[DIGEST_SIZE]);

/* The subcommand. -> exit status: 0, or 1 with a message on standard error. */
int measure_main(const struct measure_options *options, bool json);

#endif /* HGCTL_MEASURE_H */
