// SPDX-License-Identifier: Apache-2.0
#include "digest.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC		UINT64_C(0x31304d5643544748)	/* "HGTCVM01" */
#define READONLY	1u
#define CPUID_SIZE	32u	/* of one entry of a CPUID table */

/* The records, as they are hashed. This machine is little-endian, as the records are. */
struct page_record {
	uint64_t gpa;
	uint32_t length;
	uint32_t flags;
	uint8_t content[DIGEST_SIZE];
};

struct range_record {
	uint64_t gfn;
	uint64_t count;
};

struct cpu_record {
	uint32_t index;
	uint32_t entries;
	uint8_t cpuid[DIGEST_SIZE];
};

struct launch_record {
	uint64_t magic;
	uint32_t policy;
	uint32_t c_bit;
	uint32_t vcpus;
	uint32_t reserved;
	uint8_t pages[DIGEST_SIZE];
	uint8_t ranges[DIGEST_SIZE];
	uint8_t cpus[DIGEST_SIZE];
};

/* No padding anywhere. */
_Static_assert(sizeof(struct page_record) == 48, "page record");
_Static_assert(sizeof(struct range_record) == 16, "range record");
_Static_assert(sizeof(struct cpu_record) == 40, "vCPU record");
_Static_assert(sizeof(struct launch_record) == 120, "launch record");
#define RECORD_MAX	48

void digest_sha256(const void *bytes, size_t length, uint8_t out[DIGEST_SIZE])
{
	if (EVP_Digest(bytes, length, out, NULL, EVP_sha256(), NULL))
		return;
	fputs("hgctl: OpenSSL computes no SHA-256\n", stderr);
	exit(2);
}

/* What came before, and the new record: the next link of the chain. */
static void extend(uint8_t chain[DIGEST_SIZE], const void *record, size_t length)
{
	uint8_t link[DIGEST_SIZE + RECORD_MAX];

	memcpy(link, chain, DIGEST_SIZE);
	memcpy(link + DIGEST_SIZE, record, length);
	digest_sha256(link, DIGEST_SIZE + length, chain);
}

void digest_page(struct digest *d, uint64_t gpa, const void *bytes, uint32_t length, bool readonly)
{
	struct page_record r = {
		.gpa = gpa, .length = length, .flags = readonly ? READONLY : 0,
	};

	digest_sha256(bytes, length, r.content);
	extend(d->pages, &r, sizeof(r));
}

void digest_range(struct digest *d, uint64_t gpa, uint64_t bytes)
{
	struct range_record r = { .gfn = gpa / DIGEST_PAGE, .count = bytes / DIGEST_PAGE };

	extend(d->ranges, &r, sizeof(r));
}

void digest_cpu(struct digest *d, uint32_t index, const void *table, uint32_t entries)
{
	struct cpu_record r = { .index = index, .entries = entries };

	digest_sha256(table, (size_t)entries * CPUID_SIZE, r.cpuid);
	extend(d->cpus, &r, sizeof(r));
	d->vcpus++;
}

void digest_launch(const struct digest *d, uint8_t out[DIGEST_SIZE])
{
	struct launch_record r = {
		.magic = MAGIC, .policy = d->policy, .c_bit = d->c_bit, .vcpus = d->vcpus,
	};

	memcpy(r.pages, d->pages, DIGEST_SIZE);
	memcpy(r.ranges, d->ranges, DIGEST_SIZE);
	memcpy(r.cpus, d->cpus, DIGEST_SIZE);
	digest_sha256(&r, sizeof(r), out);
}

const char *digest_hex(const uint8_t digest[DIGEST_SIZE], char *text)
{
	for (unsigned int i = 0; i < DIGEST_SIZE; i++)
		snprintf(text + 2 * i, 3, "%02x", digest[i]);
	return text;
}
