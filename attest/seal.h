/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files sealed with a key that both sides have: a model, a prompt. In pieces, so that a file need
 * not fit in memory. docs/cvm-image.md has the format.
 */
#ifndef ATT_SEAL_H
#define ATT_SEAL_H

#include "attest.h"

#define ATT_SEAL_KEY	     32u
#define ATT_SEAL_HEADER	     64u
#define ATT_SEAL_PIECE	     65536u
#define ATT_SEAL_TAG	     16u
#define ATT_SEAL_CONTEXT_MAX 255u
/* So much that counters and sums of lengths stay far from their ends. */
#define ATT_SEAL_MAX (UINT64_C(1) << 48)

/*
 * Seals @size bytes read from @in to @out. @context says what it is, 1 to ATT_SEAL_CONTEXT_MAX
 * bytes: it opens for no other. ATT_E_IO, ATT_E_CRYPTO, ATT_E_REFUSED (a size or context out of
 * limits); @out may then have part of it.
 */
int att_seal(const uint8_t key[ATT_SEAL_KEY], const char *context, int in, uint64_t size, int out,
	     struct att_error *err);
/*
 * Opens it. Each piece is written only once it was found unaltered; but after a failure @out has
 * the pieces before it, and is to be thrown away. What follows the sealed bytes is not read.
 * ATT_E_FORMAT, ATT_E_UNSUPPORTED, ATT_E_CRYPTO: altered, or another key or context.
 */
int att_unseal(const uint8_t key[ATT_SEAL_KEY], const char *context, int in, int out,
	       struct att_error *err);

#endif
