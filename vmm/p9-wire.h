/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 9P2000.L on the wire: message numbers, and bounded readers and writers. A
 * reader that runs over the end sets bad and yields zeros; a writer that does
 * sets full; both are checked once, after the last field.
 */
#ifndef HGVMM_P9_WIRE_H
#define HGVMM_P9_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	P9_RLERROR = 7, P9_TSTATFS = 8, P9_TLOPEN = 12, P9_TLCREATE = 14, P9_TSYMLINK = 16,
	P9_TMKNOD = 18, P9_TRENAME = 20, P9_TREADLINK = 22, P9_TGETATTR = 24, P9_TSETATTR = 26,
	P9_TXATTRWALK = 30, P9_TXATTRCREATE = 32, P9_TREADDIR = 40, P9_TFSYNC = 50, P9_TLOCK = 52,
	P9_TGETLOCK = 54, P9_TLINK = 70, P9_TMKDIR = 72, P9_TRENAMEAT = 74, P9_TUNLINKAT = 76,
	P9_TVERSION = 100, P9_TATTACH = 104, P9_TFLUSH = 108, P9_TWALK = 110, P9_TREAD = 116,
	P9_TWRITE = 118, P9_TCLUNK = 120, P9_TREMOVE = 122,
};

#define P9_HDR		7u	/* size[4] type[1] tag[2] */
#define P9_IOHDR	24u	/* what a client takes off msize for data */
#define P9_QID_SIZE	13u
#define P9_WALK_MAX	16u
#define P9_NAME_SIZE	256u	/* longest name, 255, and a terminator */

#define P9_QTDIR	0x80
#define P9_QTSYMLINK	0x02
#define P9_QTFILE	0x00

#define P9_STATS_BASIC	0x000007ffu
#define P9_LOCK_SUCCESS	0
#define P9_LOCK_UNLOCKED 2

struct p9_qid {
	uint8_t type;
	uint32_t version;
	uint64_t path;
};

struct p9_in {
	const uint8_t *p;
	size_t len, off;
	bool bad;
};

struct p9_out {
	uint8_t *p;
	size_t cap, len;
	bool full;
};

/* @len bytes of the message, NULL (and bad) when there are fewer. */
const uint8_t *p9_take(struct p9_in *in, size_t len);
uint16_t p9_u16(struct p9_in *in);
uint32_t p9_u32(struct p9_in *in);
uint64_t p9_u64(struct p9_in *in);
/* A string with its terminator; bad when longer than @size - 1 or with a NUL. */
void p9_str(struct p9_in *in, char *buf, size_t size);

/* @len bytes to fill in, NULL (and full) when they do not fit. */
uint8_t *p9_reserve(struct p9_out *out, size_t len);
size_t p9_room(const struct p9_out *out);
void p9_truncate(struct p9_out *out, size_t len);
void p9_put8(struct p9_out *out, uint8_t v);
void p9_put16(struct p9_out *out, uint16_t v);
void p9_put32(struct p9_out *out, uint32_t v);
void p9_put64(struct p9_out *out, uint64_t v);
void p9_put_str(struct p9_out *out, const char *s);
void p9_put_qid(struct p9_out *out, struct p9_qid q);

#endif
