/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of hashes that QEMU puts into the guest's memory, and has measured
 * (-object sev-guest,kernel-hashes=on): the SHA-256 of the kernel, the initrd and
 * the command line.
 */
#ifndef HG_LOADER_HASHES_H
#define HG_LOADER_HASHES_H

#include <stdbool.h>

#include "sha256.h"

struct hashes {
	bool present;
	uint8_t cmdline[SHA256_SIZE], initrd[SHA256_SIZE], kernel[SHA256_SIZE];
};

/*
 * Read the table that is at @table, in @room bytes. It is absent if its GUID is not
 * there. NULL, or what is wrong with it: a length that does not fit, or not
 * exactly one entry each.
 */
const char *hashes_parse(struct hashes *hashes, const uint8_t *table, size_t room);

#endif
