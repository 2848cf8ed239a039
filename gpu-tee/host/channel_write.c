// SPDX-License-Identifier: Apache-2.0
/* Host to device: rows of records through the ring, small writes together, new keys. */
#include "channel_impl.h"

#include <openssl/crypto.h>

#include <string.h>

/* A row of large records, sealed by the pool. */
struct row {
	struct hg_channel *ch;
	uint8_t *out;
	const uint8_t *src;
	uint64_t id, offset;
	uint32_t count;
	size_t size;
	uint8_t tags[HG_BATCH_MAX][HG_TAG_SIZE];
	int failed;
	struct hg_gpu_error err;
};

static struct hg_record make_head(const struct hg_channel *ch, uint32_t index, uint32_t count)
{
	struct hg_record head = {
		.magic = HG_RECORD_MAGIC,
		.kind = HG_DATA,
		.suite = ch->keys.suite,
		.direction = HG_H2D,
		.epoch = ch->keys.epoch & 255,
		.session = ch->keys.session,
		.sequence = ch->opened + index,
		.more = count - 1 - index,
	};

	return head;
}

static void seal_one(void *arg, unsigned i)
{
	struct row *row = arg;
	uint8_t *at = row->out + (size_t)i * HG_RECORD_SPACE(HG_RECORD_DATA);
	size_t from = (size_t)i * HG_RECORD_DATA;
	struct hg_record head = make_head(row->ch, i, row->count);
	struct hg_gpu_error err;
	struct hg_record_cipher *c = channel_cipher_get(row->ch, HG_KEY_H2D, &err);
	uint64_t start;
	int r = -1;

	head.buffer = row->id;
	head.offset = row->offset + from;
	head.length = i + 1 < row->count ? HG_RECORD_DATA : row->size - from;
	if (c) {
		start = channel_now();
		r = hg_record_seal(c, &head, row->src + from, at + sizeof(head), &err);
		channel_count_since(&row->ch->stats.seal_ns, start);
		channel_cipher_put(row->ch, HG_KEY_H2D, c);
		memcpy(at, &head, sizeof(head));
		memcpy(row->tags[i], head.tag, HG_TAG_SIZE);
	}
	/* Of several failures any will do, and one thread writes it. */
	if (r && !__atomic_exchange_n(&row->failed, 1, __ATOMIC_SEQ_CST))
		row->err = err;
}

/* The next slot of the ring, when what it held has left. */
static int ring_take(struct hg_channel *ch, struct slot **slot, struct hg_gpu_error *err)
{
	struct slot *s = ch->ring[ch->ring_next++ % ch->ring_size];
	uint64_t start;

	if (s->event) {
		start = channel_now();
		if (ch->p->ops->event_wait(ch->p, s->event, err))
			return -1;
		if (channel_now() - start > 10000)
			channel_count(&ch->stats.waits, 1);
		ch->p->ops->event_release(ch->p, s->event);
		s->event = NULL;
	}
	*slot = s;
	return 0;
}

/* Sends the first @size bytes of a slot. */
static int send_slot(struct hg_channel *ch, struct hg_queue *queue, struct slot *s, size_t size,
		     struct hg_gpu_error *err)
{
	struct hg_wait wait;

	if (ch->p->ops->write(ch->p, queue, s->device, 0, s->host, size,
			      channel_wait(ch, queue, &wait), &s->event, err))
		return -1;
	channel_count(&ch->stats.crossings, 1);
	channel_count(&ch->stats.bus_h2d, size);
	return 0;
}

/* The row is on its way: numbers and chain as the device will have them. */
static int row_sent(struct hg_channel *ch, struct hg_queue *queue, uint32_t count, const void *tags,
		    struct hg_gpu_error *err)
{
	ch->opened += count;
	channel_count(&ch->stats.records_h2d, count);
	if (hg_record_chain(ch->chain, HG_CHAIN_OPEN, count, tags, (size_t)count * HG_TAG_SIZE,
			    err))
		return -1;
	return ch->p->ops->flush(ch->p, queue, err);
}

static int send_large(struct hg_channel *ch, struct hg_queue *queue, uint64_t id,
		      struct hg_buffer *buffer, uint64_t offset, const uint8_t *src, size_t size,
		      struct hg_gpu_error *err)
{
	uint32_t count = (size + HG_RECORD_DATA - 1) / HG_RECORD_DATA;
	uint32_t last = size - (size_t)(count - 1) * HG_RECORD_DATA;
	uint32_t parts = HG_PARTS_OF(ch->p->info.lanes);
	struct row row = {.ch = ch, .src = src, .id = id, .offset = offset, .count = count,
			  .size = size};
	struct hg_arg args[4] = {{.type = HG_ARG_BUFFER, .buffer = ch->state}};
	struct slot *s;

	if (ring_take(ch, &s, err))
		return -1;
	row.out = s->host;
	hg_pool_run(ch->pool, seal_one, &row, count);
	if (row.failed) {
		*err = row.err;
		return -1;
	}
	if (send_slot(ch, queue, s,
		      (size_t)(count - 1) * HG_RECORD_SPACE(HG_RECORD_DATA) + HG_RECORD_SPACE(last),
		      err))
		return -1;
	args[1] = (struct hg_arg){.type = HG_ARG_BUFFER, .buffer = s->device};
	args[2] = (struct hg_arg){.type = HG_ARG_BUFFER, .buffer = buffer};
	args[3] = (struct hg_arg){.type = HG_ARG_U32, .u32 = count};
	if (channel_launch(ch, queue, K_CHECK, args, 4, count, err))
		return -1;
	args[1] = args[2];
	args[2] = args[3];
	if (channel_launch(ch, queue, K_OPEN, args, 3, (size_t)count * parts, err))
		return -1;
	return row_sent(ch, queue, count, row.tags, err);
}

/* Rows that one work-group opens; @targets beyond the buffers are null. */
static int send_small(struct hg_channel *ch, struct hg_queue *queue, struct slot *s, size_t size,
		      struct hg_buffer *const *target, unsigned targets, uint32_t count,
		      const void *tags, struct hg_gpu_error *err)
{
	struct hg_arg args[7] = {{.type = HG_ARG_BUFFER, .buffer = ch->state},
				 {.type = HG_ARG_BUFFER, .buffer = s->device}};
	unsigned i;

	if (send_slot(ch, queue, s, size, err))
		return -1;
	for (i = 0; i < HG_TARGETS; i++)
		args[2 + i] = (struct hg_arg){.type = HG_ARG_BUFFER,
					      .buffer = i < targets ? target[i] : NULL};
	args[6] = (struct hg_arg){.type = HG_ARG_U32, .u32 = count};
	if (channel_launch(ch, queue, K_OPEN_SMALL, args, 7, 1, err))
		return -1;
	return row_sent(ch, queue, count, tags, err);
}

int channel_flush(struct hg_channel *ch, struct hg_gpu_error *err)
{
	struct batch *b = &ch->batch;
	uint8_t tags[HG_BATCH_MAX][HG_TAG_SIZE];
	struct hg_record_cipher *c;
	struct slot *s;
	size_t at = 0;
	uint64_t start;
	unsigned i;
	int r = 0;

	if (!b->count)
		return 0;
	if (ring_take(ch, &s, err))
		return channel_fail(ch, err);
	c = channel_cipher_get(ch, HG_KEY_H2D, err);
	if (!c)
		return channel_fail(ch, err);
	start = channel_now();
	for (i = 0; i < b->count && !r; i++) {
		const struct small *w = &b->writes[i];
		struct hg_record head = make_head(ch, i, b->count);

		head.buffer = w->id;
		head.offset = w->offset;
		head.length = w->length;
		r = hg_record_seal(c, &head, b->data + w->at, s->host + at + sizeof(head), err);
		memcpy(s->host + at, &head, sizeof(head));
		memcpy(tags[i], head.tag, HG_TAG_SIZE);
		at += HG_RECORD_SPACE(head.length);
	}
	channel_cipher_put(ch, HG_KEY_H2D, c);
	channel_count_since(&ch->stats.seal_ns, start);
	if (!r)
		r = send_small(ch, b->queue, s, at, b->target, b->targets, b->count, tags, err);
	if (b->count > 1)
		channel_count(&ch->stats.coalesced, b->count);
	OPENSSL_cleanse(b->data, b->size);
	b->count = b->targets = b->size = 0;
	return r ? channel_fail(ch, err) : 0;
}

/* Puts a write to those that wait; sends them first where it does not fit. */
static int add_small(struct hg_channel *ch, struct hg_queue *queue, uint64_t id,
		     struct hg_buffer *buffer, uint64_t offset, const void *src, uint32_t size,
		     struct hg_gpu_error *err)
{
	struct batch *b = &ch->batch;
	unsigned t;

	for (t = 0; t < b->targets && b->target[t] != buffer; t++)
		;
	if (b->count && (b->queue != queue || b->count == HG_BATCH_MAX || t == HG_TARGETS ||
			 size > SMALL_ROW - b->size)) {
		if (channel_flush(ch, err))
			return -1;
		t = 0;
	}
	if (t == b->targets)
		b->target[b->targets++] = buffer;
	b->queue = queue;
	memcpy(b->data + b->size, src, size);
	b->writes[b->count++] = (struct small){.id = id, .offset = offset, .length = size,
					       .at = b->size, .target = t};
	b->size += size;
	return 0;
}

static int rekey(struct hg_channel *ch, struct hg_queue *queue, struct hg_gpu_error *err)
{
	struct hg_command_rekey command = {.command = HG_COMMAND_REKEY,
					   .epoch = ch->keys.epoch + 1};
	struct hg_record_cipher *c;
	struct hg_record head;
	struct slot *s;
	int r;

	/* What waits, and what is on its way back, belongs to the old keys. */
	if (channel_flush(ch, err) || pending_finish_all(ch, err) || ring_take(ch, &s, err))
		return -1;
	head = make_head(ch, 0, 1);
	head.kind = HG_COMMAND;
	head.length = sizeof(command);
	c = channel_cipher_get(ch, HG_KEY_COMMAND_H2D, err);
	if (!c)
		return -1;
	r = hg_record_seal(c, &head, &command, s->host + sizeof(head), err);
	channel_cipher_put(ch, HG_KEY_COMMAND_H2D, c);
	memcpy(s->host, &head, sizeof(head));
	if (r ||
	    send_small(ch, queue, s, HG_RECORD_SPACE(sizeof(command)), NULL, 0, 1, head.tag, err) ||
	    channel_next_epoch(ch, err))
		return channel_fail(ch, err);
	channel_count(&ch->stats.rekeys, 1);
	return 0;
}

int channel_maybe_rekey(struct hg_channel *ch, struct hg_queue *queue, struct hg_gpu_error *err)
{
	const uint64_t limit = HG_REKEY_RECORDS - 2 * HG_SLOTS;

	if (ch->epoch_bytes < ch->rekey_bytes && ch->opened < limit && ch->sealed < limit)
		return 0;
	return rekey(ch, queue, err);
}

int hg_channel_rekey(struct hg_channel *ch, struct hg_queue *queue, struct hg_gpu_error *err)
{
	struct hg_gpu_error own = {.code = HG_GPU_OK};
	int r;

	err = err ? err : &own;
	pthread_mutex_lock(&ch->lock);
	r = hg_channel_error(ch, err) || rekey(ch, queue, err) ? -1 : 0;
	pthread_mutex_unlock(&ch->lock);
	return r;
}

int hg_channel_flush(struct hg_channel *ch, struct hg_queue *queue, struct hg_gpu_error *err)
{
	struct hg_gpu_error own = {.code = HG_GPU_OK};
	int r;

	(void)queue; /* what waits for another queue may go, too */
	err = err ? err : &own;
	pthread_mutex_lock(&ch->lock);
	r = hg_channel_error(ch, err) || channel_flush(ch, err) ? -1 : 0;
	pthread_mutex_unlock(&ch->lock);
	return r;
}

/* The buffer is known by this id, and has room: the device will say the same. */
static int check_target(const struct hg_channel *ch, uint64_t id, uint64_t offset, size_t size,
			struct hg_gpu_error *err)
{
	const struct bound *b = &ch->bound[id & (HG_BOUND_MAX - 1)];

	if (!id || b->id != id)
		return hg_gpu_fail(err, HG_GPU_E_ARGUMENT, "buffer %llu is not bound",
				   (unsigned long long)id);
	if (offset > b->size || size > b->size - offset)
		return hg_gpu_fail(err, HG_GPU_E_ARGUMENT,
				   "%zu bytes at %llu are outside of buffer %llu of %llu", size,
				   (unsigned long long)offset, (unsigned long long)id,
				   (unsigned long long)b->size);
	return 0;
}

static int write_locked(struct hg_channel *ch, struct hg_queue *queue, uint64_t id,
			struct hg_buffer *buffer, uint64_t offset, const uint8_t *src, size_t size,
			bool now, struct hg_gpu_error *err)
{
	if (hg_channel_error(ch, err) || check_target(ch, id, offset, size, err) ||
	    channel_maybe_rekey(ch, queue, err))
		return -1;
	channel_count(&ch->stats.writes, 1);
	channel_count(&ch->stats.bytes_h2d, size);
	if (size && size <= SMALL_WRITE) {
		ch->epoch_bytes += size;
		if (add_small(ch, queue, id, buffer, offset, src, size, err))
			return -1;
		return now || !ch->coalesce ? channel_flush(ch, err) : 0;
	}
	if (channel_flush(ch, err))
		return -1;
	while (size) {
		size_t part = size < SLOT_DATA ? size : SLOT_DATA;

		if (channel_maybe_rekey(ch, queue, err))
			return -1;
		ch->epoch_bytes += part;
		/* Numbers are used, and it is not known what arrived: there is no way on. */
		if (send_large(ch, queue, id, buffer, offset, src, part, err))
			return channel_fail(ch, err);
		src += part;
		offset += part;
		size -= part;
	}
	return 0;
}

int hg_channel_write(struct hg_channel *ch, struct hg_queue *queue, uint64_t id,
		     struct hg_buffer *buffer, uint64_t offset, const void *src, size_t size,
		     struct hg_event **done, struct hg_gpu_error *err)
{
	struct hg_gpu_error own = {.code = HG_GPU_OK};
	int r;

	err = err ? err : &own;
	pthread_mutex_lock(&ch->lock);
	r = write_locked(ch, queue, id, buffer, offset, src, size, done, err);
	if (!r && done) {
		*done = ch->last_event;
		ch->p->ops->event_retain(ch->p, *done);
	}
	pthread_mutex_unlock(&ch->lock);
	return r;
}
