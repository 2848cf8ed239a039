/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sealed channel: transfers between the application and a device, as records.
 * One per context and device. Thread safe. Errors are sticky: after the first
 * verdict against the bus every call fails with it.
 *
 * Order: what is done to one queue happens on the device in the order of the calls.
 * Small writes wait on the host to be sent together; whoever enqueues anything of
 * the application's on a queue (a kernel, a copy, a marker) calls hg_channel_flush
 * before. The channel numbers its records across all queues: an operation on another
 * queue than the last waits, on the device, for the last.
 */
#ifndef HG_GPU_CHANNEL_H
#define HG_GPU_CHANNEL_H

#include "../device/record.h"
#include "device.h"

struct hg_channel;
struct hg_pending;

struct hg_channel_options {
	enum hg_suite suite; /* 0: AES-256-GCM */
	unsigned threads;    /* that seal besides the caller; 0: none. At most 16 */
	unsigned slots;	     /* of the staging ring, 1 MiB each; 0: 4 */
	bool no_coalescing;
	uint64_t rekey_bytes; /* 0: HG_REKEY_BYTES; at most that */
	/*
	 * The session. Where a key agreement has filled a state on the device, @state
	 * is that buffer and @secret what was agreed. The buffer is the channel's from the
	 * call on, and is gone where that fails. Where
	 * @state is NULL the channel makes one and installs @secret by hg_install: it
	 * crosses in clear, which is for tests and development only.
	 */
	struct hg_buffer *state;
	uint64_t session;
	uint8_t secret[HG_SECRET_SIZE];
	uint8_t transcript[32];
};

struct hg_channel_stats {
	uint64_t writes, reads, syncs;	   /* calls */
	uint64_t crossings;		   /* transfers and launches on the bus */
	uint64_t bytes_h2d, bytes_d2h;	   /* of the application */
	uint64_t bus_h2d, bus_d2h;	   /* on the bus, headers and receipts included */
	uint64_t records_h2d, records_d2h;
	uint64_t launches;		   /* of the session program */
	uint64_t coalesced;		   /* writes that travelled with others */
	uint64_t waits;			   /* for a free slot */
	uint64_t rekeys, binds, receipts;
	uint64_t seal_ns, open_ns; /* that threads spent on the records of the two directions */
	uint64_t kernels, folds; /* launches of the application that are receipted: launch.h */
};

/*
 * @queue carries the installation of keys, and their end when the channel is closed: it
 * must live until then. Any queue of the context will do for the rest.
 */
int hg_channel_open(struct hg_provider *p, struct hg_queue *queue,
		    const struct hg_channel_options *options, struct hg_channel **ch,
		    struct hg_gpu_error *err);
/* No call may be under way. Pending reads are abandoned. */
void hg_channel_close(struct hg_channel *ch);
/* Bytes of the state on the device, for whoever makes it before the channel. */
size_t hg_channel_state_size(void);
/* Releases a state that no channel has taken; zeros take the keys' place before. */
void hg_channel_state_drop(struct hg_provider *p, struct hg_queue *queue, struct hg_buffer *state);

/* Makes a buffer known; @id goes into every record about it and is never used twice. */
int hg_channel_bind(struct hg_channel *ch, struct hg_queue *queue, struct hg_buffer *buffer,
		    uint64_t size, uint64_t *id, struct hg_gpu_error *err);
/* The buffer is about to be released: its memory may turn up in another. */
void hg_channel_forget(struct hg_channel *ch, uint64_t id);

/*
 * @src has been consumed on return. @done, unless NULL, becomes an event of the
 * device that follows the write (and makes it leave at once).
 */
int hg_channel_write(struct hg_channel *ch, struct hg_queue *queue, uint64_t id,
		     struct hg_buffer *buffer, uint64_t offset, const void *src, size_t size,
		     struct hg_event **done, struct hg_gpu_error *err);
/*
 * Starts a read; @dst must stay valid until hg_channel_complete, which must be
 * called once for each, and frees it. Nothing is copied to @dst before its piece
 * (1 MiB) is verified; where a later piece fails all of @dst is wiped.
 */
int hg_channel_read(struct hg_channel *ch, struct hg_queue *queue, uint64_t id,
		    struct hg_buffer *buffer, uint64_t offset, void *dst, size_t size,
		    struct hg_pending **pending, struct hg_gpu_error *err);
int hg_channel_complete(struct hg_channel *ch, struct hg_pending *pending,
			struct hg_gpu_error *err);
/* Sends what small writes wait. */
int hg_channel_flush(struct hg_channel *ch, struct hg_queue *queue, struct hg_gpu_error *err);
/* A receipt: all that was written so far has arrived unaltered. Waits for it. */
int hg_channel_sync(struct hg_channel *ch, struct hg_queue *queue, struct hg_gpu_error *err);
/* Changes the keys now. Waits for pending reads to arrive. */
int hg_channel_rekey(struct hg_channel *ch, struct hg_queue *queue, struct hg_gpu_error *err);
/* 0 while the channel is good; -1 and its first error after. */
int hg_channel_error(struct hg_channel *ch, struct hg_gpu_error *err);
void hg_channel_stats(struct hg_channel *ch, struct hg_channel_stats *stats);
/* The state on the device, an argument of rewritten kernels. */
struct hg_buffer *hg_channel_state(struct hg_channel *ch);

#endif
