/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A 9P2000.L file server for one shared folder. It works on whole messages in
 * plain buffers, so it is tested and fuzzed without a VM. One thread at a time.
 *
 * Nothing outside the folder can be reached: every path is resolved with
 * openat2(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS) from the folder's descriptor.
 * Symbolic links are for the guest to follow. Only regular files and
 * directories are opened, and no device nodes are made.
 */
#ifndef HGVMM_P9_H
#define HGVMM_P9_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define P9_MSIZE_MAX	(512u * 1024u)
#define P9_MSIZE_MIN	4096u

struct p9_server;

/*
 * Serve @path. @ro: nothing may change. @xdev: also what is mounted below it.
 * NULL after a message.
 */
struct p9_server *p9_new(const char *path, bool ro, bool xdev);
void p9_free(struct p9_server *s);

/* Forget the session: all fids are clunked. */
void p9_reset(struct p9_server *s);

/*
 * Answer the request @req of @len bytes in @rep, which holds @cap bytes. Returns
 * the length of the answer, or 0 when the request is no message at all (shorter
 * than its header or with a wrong size field) or @cap is below 11 bytes.
 */
size_t p9_handle(struct p9_server *s, const uint8_t *req, size_t len, uint8_t *rep, size_t cap);

struct p9_stats {
	uint64_t requests, errors, read_bytes, written_bytes;
	unsigned int fids;
};

/* Any thread. */
struct p9_stats p9_stats(const struct p9_server *s);

#endif
