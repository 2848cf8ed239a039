/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What QEMU loads into a confidential VM whose kernel it measures: a firmware, and
 * the table of hashes (docs/launch-digest.md, "QEMU").
 */
#ifndef HGCTL_MEASURE_QEMU_H
#define HGCTL_MEASURE_QEMU_H

#include "digest.h"

#include "../../vmm/image.h"

struct qemu_source {
	const struct image *firmware;
	const struct image *kernel;	/* NULL: no table of hashes */
	const struct image *initrd;	/* maybe empty */
	const char *append;
	uint64_t mem;
};

/*
 * Add pages and ranges to @d. 0, or -EINVAL with a message: @firmware is not a
 * flash image, or has no place for the table.
 */
int qemu_add_memory(struct digest *d, const struct qemu_source *src);

#endif /* HGCTL_MEASURE_QEMU_H */
