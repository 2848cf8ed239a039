// SPDX-License-Identifier: Apache-2.0
/* Device to host: sealing launches, their receipts, and what is made of them. */
#include "channel_impl.h"

#include <openssl/crypto.h>

#include <stdlib.h>
#include <string.h>

#define ull(x) ((unsigned long long)(x))

/* Where the receipt of a row lies. */
static size_t receipt_at(uint32_t count, uint32_t length)
{
	if (!count)
		return 0;
	return (size_t)(count - 1) * HG_RECORD_SPACE(HG_RECORD_DATA) +
	       HG_RECORD_SPACE(length - (count - 1) * HG_RECORD_DATA);
}

#define RECEIPT_SPACE HG_RECORD_SPACE((uint32_t)sizeof(struct hg_receipt))

/* The one field of a header that is not as it must be, or NULL. The sequence apart. */
static const char *odd_field(const struct hg_channel *ch, const struct hg_record *h, uint8_t kind,
			     uint64_t id, uint64_t offset, uint32_t length, uint32_t more)
{
	return h->magic != HG_RECORD_MAGIC ? "magic" :
	       h->kind != kind ? "kind" :
	       h->suite != ch->keys.suite ? "suite" :
	       h->direction != HG_D2H ? "direction" :
	       h->epoch != (ch->keys.epoch & 255) ? "epoch" :
	       h->session != ch->keys.session ? "session" :
	       h->buffer != id ? "buffer" :
	       h->offset != offset ? "offset" :
	       h->length != length ? "length" :
	       h->more != more ? "more" : NULL;
}

/* A record of the device, copied: @h is the copy of its header. */
static int open_one(struct hg_channel *ch, const struct hg_record *h, const uint8_t *data,
		    void *dst, struct hg_gpu_error *err)
{
	struct hg_record_cipher *c = channel_cipher_get(ch, HG_KEY_D2H, err);
	uint64_t start = channel_now();
	int r;

	if (!c)
		return -1;
	r = hg_record_open(c, h, data, dst, err);
	channel_count_since(&ch->stats.open_ns, start);
	channel_cipher_put(ch, HG_KEY_D2H, c);
	return r;
}

static int refused(const struct hg_receipt *r, struct hg_gpu_error *err)
{
	if (r->bad_code == HG_BAD_AREA)
		return hg_gpu_fail(err, HG_GPU_E_REFUSED, "bus: %s",
				   hg_record_bad_text(r->bad_code));
	if (r->bad_code > HG_BAD_AREA)
		return hg_gpu_fail(err, HG_GPU_E_REFUSED, "bus: launch %llu: %s",
				   ull(r->bad_sequence & (HG_LAUNCH_LIMIT - 1)),
				   hg_record_bad_text(r->bad_code));
	return hg_gpu_fail(err, HG_GPU_E_REFUSED, "bus: the device refused record %llu: %s",
			   ull(r->bad_sequence), hg_record_bad_text(r->bad_code));
}

/* It may be launches that were tampered with: channel_name() finds out. */
static void doubt(struct hg_channel *ch, uint32_t code, uint64_t at)
{
	if (code < HG_BAD_AREA)
		return;
	ch->doubt_at = at;
	__atomic_store_n(&ch->doubt, code, __ATOMIC_RELEASE);
}

static int check_receipt(struct hg_channel *ch, const struct piece *p, struct hg_receipt *receipt,
			 struct hg_gpu_error *err)
{
	const uint8_t *at = p->slot->host + receipt_at(p->count, p->length);
	uint64_t last = p->first + p->count;
	struct hg_record h;
	const char *odd;

	memcpy(&h, at, sizeof(h));
	odd = odd_field(ch, &h, HG_RECEIPT, 0, 0, sizeof(*receipt), 0);
	/* A device that refused gives fewer numbers out: the receipt says so, and why. */
	if (!odd && (h.sequence < p->first || h.sequence > last))
		odd = "sequence";
	if (odd)
		return hg_gpu_fail(err, HG_GPU_E_TAMPERED,
				   "bus: a receipt is missing, replayed or was altered (%s)", odd);
	if (open_one(ch, &h, at + sizeof(h), receipt, err))
		return err->code == HG_GPU_E_TAMPERED ?
		       hg_gpu_fail(err, HG_GPU_E_TAMPERED, "bus: a receipt was altered (tag)") : -1;
	if (receipt->bad_code) {
		doubt(ch, receipt->bad_code, receipt->bad_sequence);
		return refused(receipt, err);
	}
	if (h.sequence != last || receipt->sealed != p->want.sealed)
		odd = "the count of sealed records";
	else if (receipt->opened != p->want.opened)
		odd = "the count of opened records: a write was left out or added";
	else if (receipt->binds != p->want.binds)
		odd = "the count of bound buffers";
	else if (receipt->launches != p->want.launches)
		odd = "the count of launches";
	else if (memcmp(receipt->chain, p->want.chain, sizeof(receipt->chain)))
		odd = "the hash of what it got";
	if (odd)
		doubt(ch, ~0u, 0);
	if (odd)
		return hg_gpu_fail(err, HG_GPU_E_TAMPERED,
				   "bus: the device reports other traffic than was sent: %s", odd);
	return 0;
}

/* The data of a piece, by the pool. */
struct job {
	struct hg_channel *ch;
	const struct piece *piece;
	uint32_t seen; /* bit of each sequence that turned up */
	int failed;
	struct hg_gpu_error err;
};

static int check_record(struct job *job, unsigned i, struct hg_gpu_error *err)
{
	const struct piece *p = job->piece;
	const uint8_t *at = p->slot->host + (size_t)i * HG_RECORD_SPACE(HG_RECORD_DATA);
	uint32_t length = i + 1 < p->count ? HG_RECORD_DATA : p->length - i * HG_RECORD_DATA, bit;
	struct hg_record h;
	const char *odd;

	memcpy(&h, at, sizeof(h));
	odd = odd_field(job->ch, &h, HG_DATA, p->id, p->offset + (uint64_t)i * HG_RECORD_DATA,
			length, p->count - i);
	if (!odd && (h.sequence < p->first || h.sequence - p->first >= p->count))
		odd = "sequence";
	if (!odd) {
		bit = 1u << (h.sequence - p->first);
		if (__atomic_fetch_or(&job->seen, bit, __ATOMIC_SEQ_CST) & bit)
			odd = "sequence, twice";
	}
	if (!odd) {
		if (!open_one(job->ch, &h, at + sizeof(h),
			      p->slot->plain + (size_t)i * HG_RECORD_DATA, err))
			return 0;
		if (err->code != HG_GPU_E_TAMPERED)
			return -1;
		odd = "tag";
	}
	return hg_gpu_fail(err, HG_GPU_E_TAMPERED, "bus: record %llu of buffer %llu was altered (%s)",
			   ull(p->first + i), ull(p->id & (HG_BOUND_MAX - 1)), odd);
}

static void check_one(void *arg, unsigned i)
{
	struct job *job = arg;
	struct hg_gpu_error err;

	if (check_record(job, i, &err) && !__atomic_exchange_n(&job->failed, 1, __ATOMIC_SEQ_CST))
		job->err = err;
}

static void slot_put(struct hg_channel *ch, struct slot *s)
{
	if (s->event)
		ch->p->ops->event_release(ch->p, s->event);
	s->event = NULL;
	pthread_mutex_lock(&ch->slot_lock);
	s->next = ch->free_slots;
	ch->free_slots = s;
	pthread_mutex_unlock(&ch->slot_lock);
}

/* Waits for a piece and judges it; its data goes to the reader only if all is good. */
static int judge_piece(struct hg_channel *ch, struct hg_pending *r, const struct piece *p,
		       struct hg_gpu_error *err)
{
	struct job job = {.ch = ch, .piece = p};

	if (ch->p->ops->event_wait(ch->p, p->slot->event, err))
		return -1;
	if (r->failed) {
		*err = r->error;
		return -1;
	}
	if (check_receipt(ch, p, &r->receipt, err))
		return -1;
	hg_pool_run(ch->pool, check_one, &job, p->count);
	if (job.failed)
		*err = job.err;
	else if (p->length)
		memcpy(r->dst + p->at, p->slot->plain, p->length);
	if (p->length)
		OPENSSL_cleanse(p->slot->plain, p->length);
	return job.failed ? -1 : 0;
}

/* The oldest piece of a read, with the read's lock held. */
static void finish_piece(struct hg_channel *ch, struct hg_pending *r)
{
	struct piece *p = r->pieces;
	struct hg_gpu_error err;

	r->pieces = p->next;
	if (!r->pieces)
		r->tail = &r->pieces;
	if (judge_piece(ch, r, p, &err) && !r->failed) {
		channel_fail(ch, &err);
		r->failed = true;
		r->error = err;
		/* Nothing of a read that fails is left with the application. */
		if (r->size)
			OPENSSL_cleanse(r->dst, r->size);
	}
	slot_put(ch, p->slot);
	free(p);
}

static void finish(struct hg_channel *ch, struct hg_pending *r)
{
	pthread_mutex_lock(&r->lock);
	while (r->pieces)
		finish_piece(ch, r);
	pthread_mutex_unlock(&r->lock);
}

int pending_finish_all(struct hg_channel *ch, struct hg_gpu_error *err)
{
	struct hg_pending *r;

	for (r = ch->pending; r; r = r->next)
		finish(ch, r);
	return hg_channel_error(ch, err);
}

static void unlink_pending(struct hg_channel *ch, struct hg_pending *r)
{
	*r->link = r->next;
	if (r->next)
		r->next->link = r->link;
	else
		ch->pending_tail = r->link;
	pthread_mutex_destroy(&r->lock);
	free(r);
}

/* Frees the reads that are complete. */
static void reap(struct hg_channel *ch)
{
	struct hg_pending *r, *next;

	for (r = ch->pending; r; r = next) {
		next = r->next;
		if (__atomic_load_n(&r->over, __ATOMIC_ACQUIRE))
			unlink_pending(ch, r);
	}
}

/* Waits for what is under way, and lets nothing of it through. */
void pending_abandon(struct hg_channel *ch, struct hg_pending *r)
{
	pthread_mutex_lock(&r->lock);
	if (!r->failed) {
		r->failed = true;
		hg_gpu_fail(&r->error, HG_GPU_E_DEVICE, "the read was abandoned");
	}
	while (r->pieces)
		finish_piece(ch, r);
	pthread_mutex_unlock(&r->lock);
	unlink_pending(ch, r);
}

static struct hg_pending *pending_new(struct hg_channel *ch, void *dst, size_t size,
				      struct hg_gpu_error *err)
{
	struct hg_pending *r = calloc(1, sizeof(*r));

	reap(ch);
	if (!r) {
		hg_gpu_no_memory(err);
		return NULL;
	}
	pthread_mutex_init(&r->lock, NULL);
	r->tail = &r->pieces;
	r->dst = dst;
	r->size = size;
	r->link = ch->pending ? ch->pending_tail : &ch->pending;
	*r->link = r;
	ch->pending_tail = &r->next;
	return r;
}

/* A slot to read into. Where all are in use the oldest read under way is finished. */
static int read_slot(struct hg_channel *ch, struct slot **slot, struct hg_gpu_error *err)
{
	struct hg_pending *r;

	for (;;) {
		struct slot *s;
		bool more;

		pthread_mutex_lock(&ch->slot_lock);
		s = ch->free_slots;
		if (s)
			ch->free_slots = s->next;
		more = !s && ch->read_slots < READ_SLOTS_MAX;
		if (more)
			ch->read_slots++;
		pthread_mutex_unlock(&ch->slot_lock);
		if (s) {
			*slot = s;
			return 0;
		}
		if (more) {
			if (!slot_new(ch, true, slot, err))
				return 0;
			ch->read_slots--;
			return -1;
		}
		channel_count(&ch->stats.waits, 1);
		for (r = ch->pending; r; r = r->next) {
			bool had;

			pthread_mutex_lock(&r->lock);
			had = r->pieces;
			if (had)
				finish_piece(ch, r);
			pthread_mutex_unlock(&r->lock);
			if (had)
				break;
		}
	}
}

/* Adds a piece that was sealed to @slot and enqueues its way back. */
static int fetch(struct hg_channel *ch, struct hg_queue *queue, struct hg_pending *r,
		 struct piece *p, struct hg_gpu_error *err)
{
	size_t size = receipt_at(p->count, p->length) + RECEIPT_SPACE;
	struct hg_wait wait;

	p->first = ch->sealed;
	ch->sealed += p->count + 1;
	p->want = (struct expected){.opened = ch->opened, .sealed = ch->sealed,
				    .launches = ch->launches, .binds = ch->binds};
	memcpy(p->want.chain, ch->chain, sizeof(ch->chain));
	if (ch->p->ops->read(ch->p, queue, p->slot->device, 0, p->slot->host, size,
			     channel_wait(ch, queue, &wait), &p->slot->event, err))
		return -1;
	*r->tail = p;
	r->tail = &p->next;
	channel_count(&ch->stats.crossings, 1);
	channel_count(&ch->stats.receipts, 1);
	channel_count(&ch->stats.records_d2h, p->count + 1);
	channel_count(&ch->stats.bus_d2h, size);
	return ch->p->ops->flush(ch->p, queue, err);
}

static struct piece *piece_new(struct hg_channel *ch, struct hg_gpu_error *err)
{
	struct piece *p = calloc(1, sizeof(*p));

	if (!p) {
		hg_gpu_no_memory(err);
	} else if (read_slot(ch, &p->slot, err)) {
		free(p);
		p = NULL;
	}
	return p;
}

static struct hg_arg buffer_arg(struct hg_buffer *buffer)
{
	return (struct hg_arg){.type = HG_ARG_BUFFER, .buffer = buffer};
}

static int read_piece(struct hg_channel *ch, struct hg_queue *queue, struct hg_pending *r,
		      struct hg_buffer *buffer, uint64_t id, uint64_t offset, size_t at,
		      uint32_t length, struct hg_gpu_error *err)
{
	struct piece *p = piece_new(ch, err);
	struct hg_arg args[6];
	int ret;

	if (!p)
		return -1;
	p->id = id;
	p->offset = offset;
	p->length = length;
	p->count = (length + HG_RECORD_DATA - 1) / HG_RECORD_DATA;
	p->at = at;
	args[0] = buffer_arg(ch->state);
	args[1] = buffer_arg(buffer);
	args[2] = buffer_arg(p->slot->device);
	args[3] = (struct hg_arg){.type = HG_ARG_U64, .u64 = id};
	args[4] = (struct hg_arg){.type = HG_ARG_U64, .u64 = offset};
	args[5] = (struct hg_arg){.type = HG_ARG_U32, .u32 = length};
	ret = channel_launch(ch, queue, K_SEAL, args, 6, p->count, err);
	if (!ret) {
		pthread_mutex_lock(&r->lock);
		ret = fetch(ch, queue, r, p, err);
		pthread_mutex_unlock(&r->lock);
	}
	/* A piece that did not get into the read has no event: nothing writes to its slot. */
	if (ret && !p->slot->event) {
		slot_put(ch, p->slot);
		free(p);
	}
	return ret;
}

static int read_locked(struct hg_channel *ch, struct hg_queue *queue, uint64_t id,
		       struct hg_buffer *buffer, uint64_t offset, void *dst, size_t size,
		       struct hg_pending **pending, struct hg_gpu_error *err)
{
	const struct bound *b = &ch->bound[id & (HG_BOUND_MAX - 1)];
	struct hg_pending *r;
	size_t at = 0;

	if (hg_channel_error(ch, err))
		return -1;
	if (!id || b->id != id || offset > b->size || size > b->size - offset)
		return hg_gpu_fail(err, HG_GPU_E_ARGUMENT,
				   "%zu bytes at %llu of buffer %llu: not bound, or outside of it",
				   size, ull(offset), ull(id));
	if (channel_flush(ch, err) || channel_fold(ch, queue, err))
		return -1;
	r = pending_new(ch, dst, size, err);
	if (!r)
		return -1;
	channel_count(&ch->stats.reads, 1);
	channel_count(&ch->stats.bytes_d2h, size);
	while (at < size) {
		uint32_t part = size - at < SLOT_DATA ? size - at : SLOT_DATA;

		ch->epoch_bytes += part;
		if (channel_maybe_rekey(ch, queue, err) ||
		    read_piece(ch, queue, r, buffer, id, offset + at, at, part, err)) {
			channel_fail(ch, err);
			pending_abandon(ch, r);
			return -1;
		}
		at += part;
	}
	*pending = r;
	return 0;
}

int hg_channel_read(struct hg_channel *ch, struct hg_queue *queue, uint64_t id,
		    struct hg_buffer *buffer, uint64_t offset, void *dst, size_t size,
		    struct hg_pending **pending, struct hg_gpu_error *err)
{
	struct hg_gpu_error own = {.code = HG_GPU_OK};
	int r;

	*pending = NULL;
	err = err ? err : &own;
	pthread_mutex_lock(&ch->lock);
	r = read_locked(ch, queue, id, buffer, offset, dst, size, pending, err);
	pthread_mutex_unlock(&ch->lock);
	return r;
}

/*
 * Without the channel's lock: who has it may wait for a command that the device starts only
 * after what the caller does with this read.
 */
int hg_channel_complete(struct hg_channel *ch, struct hg_pending *r, struct hg_gpu_error *err)
{
	int ret = 0;

	if (!r)
		return hg_gpu_fail(err, HG_GPU_E_ARGUMENT, "there is no such read");
	finish(ch, r);
	if (r->failed) {
		/* The name of a launch is for people: left out where it would mean to wait. */
		if (!pthread_mutex_trylock(&ch->lock)) {
			channel_name(ch, &r->error);
			pthread_mutex_unlock(&ch->lock);
		}
		if (err)
			*err = r->error;
		ret = -1;
	}
	/* From here on it may be gone. */
	__atomic_store_n(&r->over, true, __ATOMIC_RELEASE);
	return ret;
}

/* A launch that yields a receipt alone. The args after the state are the caller's. */
static struct hg_pending *receipt_locked(struct hg_channel *ch, struct hg_queue *queue,
					 enum channel_kernel kernel, struct hg_arg *args,
					 unsigned count, struct hg_gpu_error *err)
{
	struct hg_pending *r = pending_new(ch, NULL, 0, err);
	struct piece *p = r ? piece_new(ch, err) : NULL;
	int ret;

	if (!p) {
		if (r)
			pending_abandon(ch, r);
		return NULL;
	}
	args[0] = buffer_arg(ch->state);
	args[count - 1] = buffer_arg(p->slot->device);
	ret = channel_launch(ch, queue, kernel, args, count, 1, err);
	if (!ret) {
		pthread_mutex_lock(&r->lock);
		ret = fetch(ch, queue, r, p, err);
		pthread_mutex_unlock(&r->lock);
	}
	if (!ret)
		return r;
	if (!p->slot->event) {
		slot_put(ch, p->slot);
		free(p);
	}
	channel_fail(ch, err);
	pending_abandon(ch, r);
	return NULL;
}

int hg_channel_sync(struct hg_channel *ch, struct hg_queue *queue, struct hg_gpu_error *err)
{
	struct hg_pending *r = NULL;
	struct hg_gpu_error own = {.code = HG_GPU_OK};
	struct hg_arg args[2];

	err = err ? err : &own;
	pthread_mutex_lock(&ch->lock);
	if (!hg_channel_error(ch, err) && !channel_flush(ch, err) &&
	    !channel_fold(ch, queue, err) && !channel_maybe_rekey(ch, queue, err))
		r = receipt_locked(ch, queue, K_RECEIPT, args, 2, err);
	pthread_mutex_unlock(&ch->lock);
	channel_count(&ch->stats.syncs, 1);
	return r ? hg_channel_complete(ch, r, err) : -1;
}

/* What the device says of where the buffer lies: nowhere where another live one does. */
static int check_address(struct hg_channel *ch, const struct hg_receipt *receipt, uint64_t id,
			 uint64_t size, struct hg_gpu_error *err)
{
	uint64_t address = receipt->bind_address;
	unsigned i;

	if (receipt->bind_id != id || address > UINT64_MAX - size)
		return hg_gpu_fail(err, HG_GPU_E_TAMPERED,
				   "bus: the device bound another buffer (%llx) than was announced (%llx)",
				   ull(receipt->bind_id), ull(id));
	for (i = 0; i < HG_BOUND_MAX; i++) {
		const struct bound *b = &ch->bound[i];

		if (b->id && address < b->address + b->size && b->address < address + size)
			return hg_gpu_fail(err, HG_GPU_E_TAMPERED,
					   "bus: buffers %u and %llu were given the same memory (buffer)",
					   i, ull(id & (HG_BOUND_MAX - 1)));
	}
	return 0;
}

int channel_bind(struct hg_channel *ch, struct hg_queue *queue, struct hg_buffer *buffer,
		 uint64_t size, uint64_t *id, struct hg_gpu_error *err)
{
	struct hg_arg args[5];
	struct hg_receipt receipt;
	struct hg_pending *r;
	uint64_t words[2];
	unsigned at;

	if (hg_channel_error(ch, err))
		return -1;
	if (!buffer || !size)
		return hg_gpu_fail(err, HG_GPU_E_ARGUMENT, "an empty buffer cannot be bound");
	/* Place 0 is never used: no id is 0, and ids are easy to tell apart. */
	for (at = 1; at < HG_BOUND_MAX && ch->bound[at].id; at++)
		;
	if (at == HG_BOUND_MAX)
		return hg_gpu_fail(err, HG_GPU_E_LIMIT, "%u buffers are in use: that is the limit",
				   HG_BOUND_MAX - 1);
	if (channel_flush(ch, err) || channel_maybe_rekey(ch, queue, err))
		return -1;
	words[0] = *id = (uint64_t)++ch->bound[at].serial << HG_BOUND_BITS | at;
	words[1] = size;
	if (hg_record_chain(ch->chain, HG_CHAIN_BIND, 1, words, sizeof(words), err))
		return channel_fail(ch, err);
	ch->binds++;
	args[1] = buffer_arg(buffer);
	args[2] = (struct hg_arg){.type = HG_ARG_U64, .u64 = *id};
	args[3] = (struct hg_arg){.type = HG_ARG_U64, .u64 = size};
	r = receipt_locked(ch, queue, K_BIND, args, 5, err);
	if (!r)
		return channel_fail(ch, err);
	finish(ch, r);
	receipt = r->receipt;
	if (r->failed)
		channel_name(ch, &r->error);
	unlink_pending(ch, r);
	if (hg_channel_error(ch, err))
		return -1;
	if (check_address(ch, &receipt, *id, size, err))
		return channel_fail(ch, err);
	ch->bound[at].id = *id;
	ch->bound[at].size = size;
	ch->bound[at].address = receipt.bind_address;
	channel_count(&ch->stats.binds, 1);
	return 0;
}

int hg_channel_bind(struct hg_channel *ch, struct hg_queue *queue, struct hg_buffer *buffer,
		    uint64_t size, uint64_t *id, struct hg_gpu_error *err)
{
	struct hg_gpu_error own = {.code = HG_GPU_OK};
	int r;

	*id = 0;
	err = err ? err : &own;
	pthread_mutex_lock(&ch->lock);
	r = channel_bind(ch, queue, buffer, size, id, err);
	if (r)
		*id = 0;
	pthread_mutex_unlock(&ch->lock);
	return r;
}

void hg_channel_forget(struct hg_channel *ch, uint64_t id)
{
	struct hg_gpu_error err;
	struct bound *b = &ch->bound[id & (HG_BOUND_MAX - 1)];

	pthread_mutex_lock(&ch->lock);
	if (id && b->id == id) {
		/* Writes to it that wait go first, while the buffer is there. */
		if (!hg_channel_error(ch, &err))
			channel_flush(ch, &err);
		b->id = b->size = b->address = 0;
	}
	pthread_mutex_unlock(&ch->lock);
}
