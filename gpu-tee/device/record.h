/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What crosses the bus: records and the receipt in some of them. Shared by host
 * and device. All integers are little-endian; every member has a fixed size.
 * docs/gpu-records.md explains.
 */
#ifndef HG_RECORD_H
#define HG_RECORD_H

#include "dialect.h"

#define HG_RECORD_MAGIC 0x31524748u /* "HGR1" */
#define HG_RECORD_DATA  65536u	    /* bytes of data of one record, at most */
#define HG_HEADER_AAD   48u	    /* the header without the tag */
#define HG_TAG_SIZE     16u
#define HG_NONCE_SIZE   12u
#define HG_SALT_SIZE    4u
#define HG_KEY_SIZE     32u
#define HG_SECRET_SIZE  32u
/* Records of one launch, at most: a slot of the staging ring. */
#define HG_BATCH_MAX 16u
/* Work-groups of so many lanes that hg_open shares a record among. */
#define HG_PARTS_OF(lanes) ((lanes) == 1 ? 4u : (130u + (lanes) - 1u) / (lanes))
#define HG_PARTS_MAX	   66u /* of two lanes */
/* Buffers that the small path opens into in one launch, at most. */
#define HG_TARGETS 4u
/* Buffers bound at a time. The low bits of an id are its place in the table. */
#define HG_BOUND_BITS 12u
#define HG_BOUND_MAX  (1u << HG_BOUND_BITS)
/* Launch areas of a session, one a queue; launch numbers have the area's above 40 bits. */
#define HG_AREAS	 64u
#define HG_AREA_SHIFT	 40u
#define HG_LAUNCH_LIMIT	 (1ull << HG_AREA_SHIFT)
#define HG_LEAF_WORDS	 4u
/* A key is changed after so many records or bytes, at the latest. */
#define HG_REKEY_RECORDS 0xf0000000u
#define HG_REKEY_BYTES   (1ull << 36)

#define HG_LABEL_H2D	     "hypergpu h2d"
#define HG_LABEL_D2H	     "hypergpu d2h"
#define HG_LABEL_COMMAND_H2D "hypergpu command h2d"
#define HG_LABEL_COMMAND_D2H "hypergpu command d2h"
#define HG_LABEL_LAUNCH	     "hypergpu launch"
#define HG_LABEL_CHAIN	     "hypergpu chain"
#define HG_LABEL_REKEY	     "hypergpu rekey"

enum hg_kind { HG_DATA = 1, HG_RECEIPT = 2, HG_COMMAND = 3 };
enum hg_direction { HG_H2D = 0, HG_D2H = 1 };
enum hg_suite { HG_AES_256_GCM = 1, HG_CHACHA20_POLY1305 = 2, HG_SM4_CTR_HMAC_SM3 = 3 };
#define HG_SUITES_ALL 0xeu /* a mask of 1 << enum hg_suite */
/* HG_KEY_LAUNCH makes pads of launches, and stays through all epochs. */
enum hg_purpose {
	HG_KEY_H2D,
	HG_KEY_D2H,
	HG_KEY_COMMAND_H2D,
	HG_KEY_COMMAND_D2H,
	HG_KEY_LAUNCH,
	HG_KEYS
};

/* Why the device refused; the first reason stays. */
enum hg_bad {
	HG_BAD_NONE = 0,
	HG_BAD_MAGIC,
	HG_BAD_KIND,
	HG_BAD_SUITE,
	HG_BAD_DIRECTION,
	HG_BAD_EPOCH,
	HG_BAD_SESSION,
	HG_BAD_SEQUENCE,
	HG_BAD_BUFFER, /* the id is not bound, or bound to other memory */
	HG_BAD_RANGE,  /* offset and length leave the buffer, or length is not a record's */
	HG_BAD_MORE,   /* the records are not the row that they say they are */
	HG_BAD_TAG,
	HG_BAD_LAUNCH, /* a kernel was started with a size or count that is not ours */
	HG_BAD_BIND,   /* an id that was used before, or does not fit the table */
	HG_BAD_COMMAND,
	HG_BAD_COUNTER, /* the numbers of this key are used up */
	HG_BAD_STATE,	/* no keys are installed, or they are already */
	HG_BAD_AREA,	/* a launch area that is none */
	HG_BAD_ORDER,	/* a launch was repeated, or done in another order */
	HG_BAD_ITEMS,	/* a launch had more work-items, or fewer, than its size says */
	HG_BADS
};

/* Commands: the data of a COMMAND record starts with one of these as u32. */
enum hg_command { HG_COMMAND_REKEY = 1 };

struct hg_record {
	u32 magic;
	u8 kind;
	u8 suite;
	u8 direction;
	u8 epoch; /* low byte of the number of key changes so far */
	u64 session;
	/*
	 * Per direction, from 0 in each epoch. Host to device: in the order of the
	 * rows. Device to host: the data records of one row share out a range in any
	 * order, the receipt has the range's last.
	 */
	u64 sequence;
	u64 buffer;
	u64 offset;
	u32 length;
	u32 more; /* records of this row that follow */
	u8 tag[HG_TAG_SIZE];
};

/* The data of a RECEIPT record. */
struct hg_receipt {
	u64 opened; /* next sequence, host to device */
	u64 sealed; /* next sequence, device to host, after this receipt */
	u32 bad_code;
	u32 epoch;
	u64 bad_sequence;
	u64 launches;
	u8 chain[32]; /* running hash of what was opened, bound and launched, in order */
	u64 binds;
	u64 bind_id; /* the last buffer that was bound, and where it lies */
	u64 bind_address;
};

struct hg_command_rekey {
	u32 command;
	u32 epoch; /* the new one */
};

HG_STATIC_ASSERT(sizeof(struct hg_record) == 64, "a header has 64 bytes");
HG_STATIC_ASSERT(sizeof(struct hg_receipt) == 96, "a receipt has 96 bytes");
HG_STATIC_ASSERT(sizeof(struct hg_command_rekey) == 8, "a rekey command has 8 bytes");

/* Bytes that a record with @length bytes of data takes in a row. */
#define HG_RECORD_SPACE(length) (64u + (((length) + 15u) & ~15u))

#endif
