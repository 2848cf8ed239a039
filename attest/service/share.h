/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that is set aside for requests: so much in all, and so much of it for
 * one source, so that nobody has all of it.
 */
#ifndef HG_SHARE_H
#define HG_SHARE_H

#include "rate.h"

struct shares;

/* At most @sources at a time; bytes for @all of them, and for @each. NULL without memory. */
struct shares *shares_new(size_t sources, uint64_t all, uint64_t each);
void shares_free(struct shares *s);
/* false: that would be too much, and nothing was taken. */
bool share_take(struct shares *s, const struct source *by, uint64_t size);
/* What was taken. */
void share_give(struct shares *s, const struct source *by, uint64_t size);

#endif
