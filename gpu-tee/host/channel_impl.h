/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the channel share. */
#ifndef HG_GPU_CHANNEL_IMPL_H
#define HG_GPU_CHANNEL_IMPL_H

#include "../device/state.h"
#include "channel.h"
#include "pool.h"
#include "record.h"

#include <pthread.h>

/* A slot holds a full row, and the receipt of one. */
#define SLOT_DATA  (HG_BATCH_MAX * HG_RECORD_DATA)
#define SLOT_BYTES (HG_BATCH_MAX * HG_RECORD_SPACE(HG_RECORD_DATA) + 192u)

/* A write that is no larger may wait for others, a row of such is opened by one group. */
#define SMALL_WRITE 16384u
#define SMALL_ROW   32768u

#define CIPHERS_KEPT 20
#define RING_MAX     16
/* Slots of reads under way, at most; then the oldest is completed to make room. */
#define READ_SLOTS_MAX 32

enum channel_kernel {
	K_INSTALL, K_BIND, K_CHECK, K_OPEN, K_OPEN_SMALL, K_SEAL, K_RECEIPT, K_AREA, K_FOLD,
	K_COMMIT, CHANNEL_KERNELS
};

struct slot {
	uint8_t *host;	/* as it crosses: ciphertext only */
	uint8_t *plain;	/* of reads: what was opened and waits for the verdict on the rest */
	struct hg_buffer *device;
	struct hg_event *event; /* after which host is ours again */
	struct slot *next;
};

/* A write that waits to be sent with others. */
struct small {
	uint64_t id, offset;
	uint32_t length, at; /* in the row's data */
	unsigned target;
};

struct batch {
	struct hg_queue *queue;
	unsigned count, targets;
	uint32_t size;
	struct small writes[HG_BATCH_MAX];
	struct hg_buffer *target[HG_TARGETS];
	uint8_t data[SMALL_ROW];
};

/* What a receipt must say. */
struct expected {
	uint64_t opened, sealed, launches, binds;
	uint8_t chain[32];
};

/* A launch that seals: up to a slot of data, then the receipt. */
struct piece {
	struct slot *slot;
	uint64_t id, offset, first; /* first: sequence */
	uint32_t length, count;
	size_t at; /* in the read */
	struct expected want;
	struct piece *next;
};

struct hg_pending {
	pthread_mutex_t lock;
	struct piece *pieces, **tail;
	uint8_t *dst;
	size_t size;
	bool failed;
	bool over; /* atomic: hg_channel_complete is done with it, the next reader frees it */
	struct hg_gpu_error error;
	struct hg_receipt receipt; /* the last */
	struct hg_pending *next, **link; /* in the channel, oldest first */
};

struct bound {
	uint64_t id, address, size;
	uint32_t serial; /* of the last id of this place */
};

struct area;

struct hg_channel {
	struct hg_provider *p;
	struct hg_queue *queue; /* that the channel was opened on */
	struct hg_kernel *kernel[CHANNEL_KERNELS];
	struct hg_pool *pool;
	bool coalesce;
	uint64_t rekey_bytes;

	pthread_mutex_t lock;
	struct hg_buffer *state;
	uint64_t opened, sealed, launches, binds, epoch_bytes;
	uint8_t chain[32];
	struct bound bound[HG_BOUND_MAX];
	struct slot *ring[RING_MAX];
	unsigned ring_size, ring_next;
	struct batch batch;
	struct hg_event *last_event;
	struct hg_queue *last_queue;
	struct hg_pending *pending, **pending_tail;

	/* Launches of the application: launch.c. */
	struct area *area[HG_AREAS];
	unsigned areas;
	const unsigned int *held;
	struct hg_record_cipher *pads;
	struct evp_md_st *leaf_md;
	struct evp_md_ctx_st *leaf;
	/* A receipt found fault with launches: HG_BAD_... or ~0, and where. */
	uint32_t doubt;
	uint64_t doubt_at;

	pthread_mutex_t slot_lock;
	pthread_cond_t slot_free;
	struct slot *free_slots;
	unsigned read_slots;

	pthread_mutex_t cipher_lock;
	struct hg_record_keys keys;
	struct hg_record_cipher *ciphers[HG_KEYS][CIPHERS_KEPT];
	unsigned cipher_count[HG_KEYS];

	pthread_mutex_t error_lock;
	bool failed;
	struct hg_gpu_error error;

	struct hg_channel_stats stats;
};

int channel_fail(struct hg_channel *ch, struct hg_gpu_error *err);
void channel_count(uint64_t *counter, uint64_t n);
/* Nanoseconds of a clock that never goes back; and adds those since @start. */
uint64_t channel_now(void);
void channel_count_since(uint64_t *counter, uint64_t start);
int channel_launch(struct hg_channel *ch, struct hg_queue *queue, enum channel_kernel kernel,
		   const struct hg_arg *args, unsigned count, size_t groups,
		   struct hg_gpu_error *err);
const struct hg_wait *channel_wait(struct hg_channel *ch, struct hg_queue *queue,
				   struct hg_wait *wait);
void channel_last(struct hg_channel *ch, struct hg_queue *queue, struct hg_event *done);
struct hg_record_cipher *channel_cipher_get(struct hg_channel *ch, enum hg_purpose purpose,
					    struct hg_gpu_error *err);
void channel_cipher_put(struct hg_channel *ch, enum hg_purpose purpose,
			struct hg_record_cipher *c);
int channel_next_epoch(struct hg_channel *ch, struct hg_gpu_error *err);
/* With the channel's lock held: sends what waits; changes keys when it is time to. */
int channel_flush(struct hg_channel *ch, struct hg_gpu_error *err);
int channel_maybe_rekey(struct hg_channel *ch, struct hg_queue *queue, struct hg_gpu_error *err);

/* The same for binding, and for the folds that a receipt needs. */
int channel_bind(struct hg_channel *ch, struct hg_queue *queue, struct hg_buffer *buffer,
		 uint64_t size, uint64_t *id, struct hg_gpu_error *err);
int channel_fold(struct hg_channel *ch, struct hg_queue *queue, struct hg_gpu_error *err);
/* Says in @err which launch it was that a receipt found fault with. */
void channel_name(struct hg_channel *ch, struct hg_gpu_error *err);
void launch_close(struct hg_channel *ch);

int slot_new(struct hg_channel *ch, bool with_plain, struct slot **slot, struct hg_gpu_error *err);
void slot_free(struct hg_channel *ch, struct slot *s);

/* All with the channel's lock held. */
int pending_finish_all(struct hg_channel *ch, struct hg_gpu_error *err);
void pending_abandon(struct hg_channel *ch, struct hg_pending *pending);

#endif
