// SPDX-License-Identifier: Apache-2.0
/*
 * The sealed channel. One lock orders everything that is numbered: rows of records,
 * launches, the chain. Reads are completed outside of it, by whoever waits for them.
 * Locks: channel lock, then a read's, then those of slots, ciphers and the error.
 */
#include "channel_impl.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SLOTS_DEFAULT 4
#define SLOTS_MAX     16
#define THREADS_MAX   16

int hg_channel_error(struct hg_channel *ch, struct hg_gpu_error *err)
{
	int r = 0;

	if (!__atomic_load_n(&ch->failed, __ATOMIC_ACQUIRE))
		return 0;
	pthread_mutex_lock(&ch->error_lock);
	if (ch->failed) {
		if (err)
			*err = ch->error;
		r = -1;
	}
	pthread_mutex_unlock(&ch->error_lock);
	return r;
}

/* The channel fails for good; the first reason stays, and is what @err becomes. */
int channel_fail(struct hg_channel *ch, struct hg_gpu_error *err)
{
	pthread_mutex_lock(&ch->error_lock);
	if (!ch->failed) {
		ch->error = *err;
		__atomic_store_n(&ch->failed, true, __ATOMIC_RELEASE);
	} else {
		*err = ch->error;
	}
	pthread_mutex_unlock(&ch->error_lock);
	return -1;
}

void channel_count(uint64_t *counter, uint64_t n)
{
	__atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

uint64_t channel_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void channel_count_since(uint64_t *counter, uint64_t start)
{
	channel_count(counter, channel_now() - start);
}

void hg_channel_stats(struct hg_channel *ch, struct hg_channel_stats *stats)
{
	const uint64_t *from = (const uint64_t *)&ch->stats;
	uint64_t *to = (uint64_t *)stats;
	size_t i;

	for (i = 0; i < sizeof(*stats) / sizeof(*to); i++)
		to[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
}

size_t hg_channel_state_size(void)
{
	return sizeof(struct hg_state);
}

struct hg_buffer *hg_channel_state(struct hg_channel *ch)
{
	return ch->state;
}

/*
 * Starts a kernel after what the channel did before, on whatever queue. The event is
 * kept: the next operation may be on another queue.
 */
int channel_launch(struct hg_channel *ch, struct hg_queue *queue, enum channel_kernel kernel,
		   const struct hg_arg *args, unsigned count, size_t groups,
		   struct hg_gpu_error *err)
{
	struct hg_event *done = NULL;
	struct hg_wait wait;

	if (ch->p->ops->launch(ch->p, queue, ch->kernel[kernel], args, count, groups,
			       ch->p->info.lanes, channel_wait(ch, queue, &wait), &done, err))
		return -1;
	channel_last(ch, queue, done);
	channel_count(&ch->stats.launches, 1);
	channel_count(&ch->stats.crossings, 1);
	return 0;
}

/* NULL where the queue itself keeps the order. */
const struct hg_wait *channel_wait(struct hg_channel *ch, struct hg_queue *queue,
				   struct hg_wait *wait)
{
	if (!ch->last_event || ch->last_queue == queue)
		return NULL;
	wait->events = &ch->last_event;
	wait->count = 1;
	return wait;
}

/* Takes over the reference to @done. */
void channel_last(struct hg_channel *ch, struct hg_queue *queue, struct hg_event *done)
{
	ch->p->ops->event_release(ch->p, ch->last_event);
	ch->last_event = done;
	ch->last_queue = queue;
}

/* Ciphers: taken by whoever seals or opens, made where none is free. */
struct hg_record_cipher *channel_cipher_get(struct hg_channel *ch, enum hg_purpose purpose,
					    struct hg_gpu_error *err)
{
	struct hg_record_cipher *c = NULL;

	pthread_mutex_lock(&ch->cipher_lock);
	if (ch->cipher_count[purpose])
		c = ch->ciphers[purpose][--ch->cipher_count[purpose]];
	else
		hg_record_cipher_new(&ch->keys, purpose, &c, err);
	pthread_mutex_unlock(&ch->cipher_lock);
	return c;
}

void channel_cipher_put(struct hg_channel *ch, enum hg_purpose purpose, struct hg_record_cipher *c)
{
	pthread_mutex_lock(&ch->cipher_lock);
	if (ch->cipher_count[purpose] < CIPHERS_KEPT) {
		ch->ciphers[purpose][ch->cipher_count[purpose]++] = c;
		c = NULL;
	}
	pthread_mutex_unlock(&ch->cipher_lock);
	hg_record_cipher_free(c);
}

static void drop_ciphers(struct hg_channel *ch)
{
	int i;

	for (i = 0; i < HG_KEYS; i++)
		while (ch->cipher_count[i])
			hg_record_cipher_free(ch->ciphers[i][--ch->cipher_count[i]]);
}

/* The keys of the next epoch, for records from now on. No read is pending. */
int channel_next_epoch(struct hg_channel *ch, struct hg_gpu_error *err)
{
	int r;

	pthread_mutex_lock(&ch->cipher_lock);
	drop_ciphers(ch);
	r = hg_record_rekey(&ch->keys, err);
	pthread_mutex_unlock(&ch->cipher_lock);
	ch->opened = 0;
	ch->sealed = 0;
	ch->epoch_bytes = 0;
	return r;
}

int slot_new(struct hg_channel *ch, bool with_plain, struct slot **slot, struct hg_gpu_error *err)
{
	struct slot *s = calloc(1, sizeof(*s));

	*slot = NULL;
	if (!s)
		return hg_gpu_no_memory(err);
	s->host = aligned_alloc(64, SLOT_BYTES);
	s->plain = with_plain ? aligned_alloc(64, SLOT_DATA) : NULL;
	if (!s->host || (with_plain && !s->plain)) {
		slot_free(ch, s);
		return hg_gpu_no_memory(err);
	}
	if (ch->p->ops->buffer_create(ch->p, SLOT_BYTES, &s->device, err)) {
		slot_free(ch, s);
		return -1;
	}
	*slot = s;
	return 0;
}

void slot_free(struct hg_channel *ch, struct slot *s)
{
	if (!s)
		return;
	if (s->event)
		ch->p->ops->event_release(ch->p, s->event);
	if (s->device)
		ch->p->ops->buffer_release(ch->p, s->device);
	free(s->host);
	if (s->plain)
		OPENSSL_cleanse(s->plain, SLOT_DATA);
	free(s->plain);
	free(s);
}

static int find_kernels(struct hg_channel *ch, struct hg_gpu_error *err)
{
	static const char *const names[CHANNEL_KERNELS] = {
		[K_INSTALL] = "hg_install", [K_BIND] = "hg_bind", [K_CHECK] = "hg_check",
		[K_OPEN] = "hg_open", [K_OPEN_SMALL] = "hg_open_small", [K_SEAL] = "hg_seal",
		[K_RECEIPT] = "hg_receipt", [K_AREA] = "hg_area", [K_FOLD] = "hg_fold",
		[K_COMMIT] = "hg_commit",
	};
	int i;

	for (i = 0; i < CHANNEL_KERNELS; i++)
		if (ch->p->ops->kernel(ch->p, names[i], &ch->kernel[i], err))
			return -1;
	return 0;
}

static int write_zeros(struct hg_provider *p, struct hg_queue *queue, struct hg_buffer *state,
		       struct hg_gpu_error *err)
{
	const size_t size = offsetof(struct hg_state, scratch);
	uint8_t *zeros = calloc(1, size);
	int r;

	if (!zeros)
		return hg_gpu_no_memory(err);
	r = p->ops->write(p, queue, state, 0, zeros, size, NULL, NULL, err);
	if (p->ops->finish(p, queue, r ? NULL : err))
		r = -1;
	free(zeros);
	return r;
}

void hg_channel_state_drop(struct hg_provider *p, struct hg_queue *queue, struct hg_buffer *state)
{
	if (!state)
		return;
	/* Where that fails there is nothing else to be done. */
	write_zeros(p, queue, state, NULL);
	p->ops->buffer_release(p, state);
}

/* A state without keys, and the secret into it: in clear. */
static int install(struct hg_channel *ch, struct hg_queue *queue,
		   const struct hg_channel_options *o, struct hg_gpu_error *err)
{
	struct hg_arg args[11] = {{.type = HG_ARG_BUFFER}};
	int r, i;

	if (ch->p->ops->buffer_create(ch->p, sizeof(struct hg_state), &ch->state, err) ||
	    write_zeros(ch->p, queue, ch->state, err))
		return -1;
	args[0].buffer = ch->state;
	for (i = 0; i < 4; i++) {
		args[1 + i].type = args[5 + i].type = HG_ARG_U64;
		memcpy(&args[1 + i].u64, o->secret + 8 * i, 8);
		memcpy(&args[5 + i].u64, o->transcript + 8 * i, 8);
	}
	args[9].type = HG_ARG_U64;
	args[9].u64 = ch->keys.session;
	args[10].type = HG_ARG_U32;
	args[10].u32 = ch->keys.suite;
	r = channel_launch(ch, queue, K_INSTALL, args, 11, 1, err);
	if (ch->p->ops->finish(ch->p, queue, r ? NULL : err))
		r = -1;
	OPENSSL_cleanse(args, sizeof(args));
	return r;
}

static int check_options(const struct hg_provider *p, const struct hg_channel_options *o,
			 struct hg_gpu_error *err)
{
	if (o->suite > HG_SM4_CTR_HMAC_SM3)
		return hg_gpu_fail(err, HG_GPU_E_ARGUMENT, "suite %d is not known: 1, 2 or 3",
				   o->suite);
	if (!(p->info.suites & 1u << (o->suite ? o->suite : HG_AES_256_GCM)))
		return hg_gpu_fail(err, HG_GPU_E_UNSUPPORTED,
				   "the session program on %s was not built for suite %d",
				   p->info.name, o->suite ? o->suite : HG_AES_256_GCM);
	if (o->threads > THREADS_MAX || o->slots == 1 || o->slots > SLOTS_MAX)
		return hg_gpu_fail(err, HG_GPU_E_ARGUMENT,
				   "%u threads, %u slots: at most %d threads and 2 to %d slots",
				   o->threads, o->slots, THREADS_MAX, SLOTS_MAX);
	if (o->rekey_bytes > HG_REKEY_BYTES)
		return hg_gpu_fail(err, HG_GPU_E_ARGUMENT, "a key is changed after 2^36 bytes at the latest");
	return 0;
}

int hg_channel_open(struct hg_provider *p, struct hg_queue *queue,
		    const struct hg_channel_options *o, struct hg_channel **channel,
		    struct hg_gpu_error *err)
{
	struct hg_channel *ch;
	struct hg_gpu_error first = {.code = HG_GPU_OK};
	uint64_t session = o->session;
	unsigned i;

	*channel = NULL;
	if (!err)
		err = &first;
	ch = calloc(1, sizeof(*ch));
	if (!ch) {
		hg_channel_state_drop(p, queue, o->state);
		return hg_gpu_no_memory(err);
	}
	ch->p = p;
	ch->queue = queue;
	ch->state = o->state;
	pthread_mutex_init(&ch->lock, NULL);
	pthread_mutex_init(&ch->slot_lock, NULL);
	pthread_cond_init(&ch->slot_free, NULL);
	pthread_mutex_init(&ch->cipher_lock, NULL);
	pthread_mutex_init(&ch->error_lock, NULL);
	ch->coalesce = !o->no_coalescing;
	ch->rekey_bytes = o->rekey_bytes ? o->rekey_bytes : HG_REKEY_BYTES;
	if (check_options(p, o, err))
		goto fail;
	if (!session && !o->state && RAND_bytes((unsigned char *)&session, sizeof(session)) != 1) {
		hg_gpu_fail_crypto(err, "no random numbers");
		goto fail;
	}
	ch->ring_size = o->slots ? o->slots : SLOTS_DEFAULT;
	if (hg_record_derive(&ch->keys, o->suite ? o->suite : HG_AES_256_GCM, session, o->secret,
			     o->transcript, err) ||
	    hg_pool_new(o->threads, &ch->pool, err) || find_kernels(ch, err))
		goto fail;
	for (i = 0; i < ch->ring_size; i++)
		if (slot_new(ch, false, &ch->ring[i], err))
			goto fail;
	if (!o->state && install(ch, queue, o, err))
		goto fail;
	*channel = ch;
	return 0;
fail:
	hg_channel_close(ch);
	return -1;
}

void hg_channel_close(struct hg_channel *ch)
{
	unsigned i;

	if (!ch)
		return;
	while (ch->pending)
		pending_abandon(ch, ch->pending);
	/* Memory of a slot is the driver's until its event. */
	for (i = 0; i < ch->ring_size; i++) {
		if (ch->ring[i] && ch->ring[i]->event)
			ch->p->ops->event_wait(ch->p, ch->ring[i]->event, NULL);
		slot_free(ch, ch->ring[i]);
	}
	while (ch->free_slots) {
		struct slot *s = ch->free_slots;

		ch->free_slots = s->next;
		slot_free(ch, s);
	}
	if (ch->last_event) {
		ch->p->ops->event_wait(ch->p, ch->last_event, NULL);
		ch->p->ops->event_release(ch->p, ch->last_event);
	}
	launch_close(ch);
	hg_channel_state_drop(ch->p, ch->queue, ch->state);
	hg_pool_close(ch->pool);
	drop_ciphers(ch);
	pthread_mutex_destroy(&ch->lock);
	pthread_mutex_destroy(&ch->slot_lock);
	pthread_cond_destroy(&ch->slot_free);
	pthread_mutex_destroy(&ch->cipher_lock);
	pthread_mutex_destroy(&ch->error_lock);
	OPENSSL_cleanse(ch, sizeof(*ch));
	free(ch);
}
