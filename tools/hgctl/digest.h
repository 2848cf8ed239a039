/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The launch digest of a confidential VM, as docs/launch-digest.md specifies it:
 * three chains of SHA-256 over what the VM starts with, and one hash of the three.
 */
#ifndef HGCTL_DIGEST_H
#define HGCTL_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DIGEST_SIZE	32
#define DIGEST_PAGE	4096u	/* bytes of a page, and the most of one record */

struct digest {
	uint32_t policy, c_bit, vcpus;
	uint8_t pages[DIGEST_SIZE];
	uint8_t ranges[DIGEST_SIZE];
	uint8_t cpus[DIGEST_SIZE];
};

/* A failure of the hash itself ends the program: there is no digest without it. */
void digest_sha256(const void *bytes, size_t length, uint8_t out[DIGEST_SIZE]);

/* @d begins as zeros. Each of these adds one record to its chain; the order matters. */
void digest_page(struct digest *d, uint64_t gpa, const void *bytes, uint32_t length, bool readonly);
void digest_range(struct digest *d, uint64_t gpa, uint64_t bytes);
/* @table holds @entries of 32 bytes. Counts the vCPU. */
void digest_cpu(struct digest *d, uint32_t index, const void *table, uint32_t entries);

void digest_launch(const struct digest *d, uint8_t out[DIGEST_SIZE]);

/* -> @text, which has room for 2 * DIGEST_SIZE + 1. */
const char *digest_hex(const uint8_t digest[DIGEST_SIZE], char *text);

#endif /* HGCTL_DIGEST_H */
