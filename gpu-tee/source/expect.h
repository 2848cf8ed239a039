/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's side of a launch: it masks what it hands over, and knows the entry that
 * the device must log for it. Every call adds to the entry what the next parameter
 * gives, in the order of the table.
 */
#ifndef HG_SOURCE_EXPECT_H
#define HG_SOURCE_EXPECT_H

#include "../device/launch.h"
#include "source.h"

/* Bytes that a value's argument has below: whole words if it is packed. */
size_t hg_expect_size(const struct hg_source_param *p, size_t size);

/* @sequence may have HG_LAUNCH_ANY_LOCAL. */
void hg_expect_begin(struct hg_launch_entry *e, uint64_t sequence, uint64_t program,
		     uint32_t number);
/*
 * @masked gets hg_expect_size() bytes at most @size rounded up to 4. -1: the pad is used
 * up, and nothing has changed.
 */
int hg_expect_value(struct hg_launch_entry *e, const uint32_t pad[HG_LAUNCH_WORDS],
		    const void *value, size_t size, void *masked);
int hg_expect_pointer(struct hg_launch_entry *e, uint64_t address);
/* @offset may be NULL. @local may be NULL if the sequence has HG_LAUNCH_ANY_LOCAL. */
int hg_expect_geometry(struct hg_launch_entry *e, unsigned int dimensions, const size_t *offset,
		       const size_t *global, const size_t *local);
/* What items[] must hold. */
uint32_t hg_expect_items(const struct hg_launch_entry *e);
/* NULL, or what differs. */
const char *hg_expect_differs(const struct hg_launch_entry *want,
			      const struct hg_launch_entry *got);

/*
 * The bytes of an entry that count, for a digest over the log: @first bytes from its
 * start, then its pointers.
 */
static inline size_t hg_entry_first(const struct hg_launch_entry *e)
{
	return offsetof(struct hg_launch_entry, argument) + 4u * (size_t)e->words;
}

static inline size_t hg_entry_pointers(const struct hg_launch_entry *e)
{
	return 8u * (size_t)e->pointers;
}

#endif
