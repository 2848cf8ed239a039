// SPDX-License-Identifier: Apache-2.0
#include "expect.h"

#include <string.h>

_Static_assert(offsetof(struct hg_launch_entry, argument) == 104, "wire format");
_Static_assert(offsetof(struct hg_launch_entry, pointer) == 360, "wire format");
_Static_assert(sizeof(struct hg_launch_entry) == 616, "wire format");
_Static_assert(offsetof(struct hg_launch, items) == 64, "wire format");
_Static_assert(sizeof(struct hg_launch) ==
		       64 + HG_LAUNCH_SLOTS * (4 + 4 * HG_LAUNCH_WORDS + 616),
	       "wire format");

size_t hg_expect_size(const struct hg_source_param *p, size_t size)
{
	return p->packed ? HG_LAUNCH_WORDS_OF(size) * 4 : size;
}

void hg_expect_begin(struct hg_launch_entry *e, uint64_t sequence, uint64_t program,
		     uint32_t number)
{
	/* The rest counts as far as words and pointers say. */
	memset(e, 0, offsetof(struct hg_launch_entry, argument));
	e->sequence = sequence;
	e->program = program;
	e->number = number;
}

int hg_expect_value(struct hg_launch_entry *e, const uint32_t pad[HG_LAUNCH_WORDS],
		    const void *value, size_t size, void *masked)
{
	const unsigned char *from = value;
	size_t words = HG_LAUNCH_WORDS_OF(size), i;

	if (!size || size > 4 * HG_LAUNCH_WORDS || words > HG_LAUNCH_WORDS - e->words)
		return -1;
	for (i = 0; i < words; i++) {
		size_t part = size - 4 * i < 4 ? size - 4 * i : 4;
		uint32_t word = 0, key = 0;

		/* The bytes that fill the last word are not sent, or sent as 0. */
		memcpy(&word, from + 4 * i, part);
		memcpy(&key, pad + e->words + i, part);
		e->argument[e->words + i] = word ^ key;
	}
	memcpy(masked, &e->argument[e->words], 4 * words);
	e->words += (uint32_t)words;
	return 0;
}

int hg_expect_pointer(struct hg_launch_entry *e, uint64_t address)
{
	if (e->pointers == HG_LAUNCH_POINTERS)
		return -1;
	e->pointer[e->pointers++] = address;
	return 0;
}

int hg_expect_geometry(struct hg_launch_entry *e, unsigned int dimensions, const size_t *offset,
		       const size_t *global, const size_t *local)
{
	bool any = e->sequence & HG_LAUNCH_ANY_LOCAL;
	unsigned int d;

	if (dimensions < 1 || dimensions > 3 || (!local && !any))
		return -1;
	e->dimensions = dimensions;
	for (d = 0; d < 3; d++) {
		bool in = d < dimensions;

		e->global_size[d] = in ? global[d] : 1;
		e->global_offset[d] = in && offset ? offset[d] : 0;
		e->local_size[d] = any ? 0 : in ? local[d] : 1;
	}
	return 0;
}

uint32_t hg_expect_items(const struct hg_launch_entry *e)
{
	return (uint32_t)(e->global_size[0] * e->global_size[1] * e->global_size[2]);
}

const char *hg_expect_differs(const struct hg_launch_entry *want,
			      const struct hg_launch_entry *got)
{
	if (want->sequence != got->sequence)
		return "the launch number";
	if (want->program != got->program || want->number != got->number)
		return "the kernel";
	if (want->dimensions != got->dimensions ||
	    memcmp(want->global_size, got->global_size, sizeof(want->global_size)) ||
	    memcmp(want->global_offset, got->global_offset, sizeof(want->global_offset)) ||
	    memcmp(want->local_size, got->local_size, sizeof(want->local_size)))
		return "the geometry";
	if (want->words != got->words || want->words > HG_LAUNCH_WORDS ||
	    memcmp(want->argument, got->argument, 4u * (size_t)want->words))
		return "a value";
	if (want->pointers != got->pointers || want->pointers > HG_LAUNCH_POINTERS ||
	    memcmp(want->pointer, got->pointer, 8u * (size_t)want->pointers))
		return "a buffer";
	return NULL;
}
