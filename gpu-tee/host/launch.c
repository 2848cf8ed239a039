// SPDX-License-Identifier: Apache-2.0
#include "launch.h"

#include "../source/expect.h"
#include "channel_impl.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ull(x) ((unsigned long long)(x))
#define NUMBER(sequence) ((sequence) & (HG_LAUNCH_LIMIT - 1))
#define PADS	  16u /* made at once: a power of two */
#define LEAF_BYTES (4 * HG_LEAF_WORDS)

/* What the device must log for a launch, and the kernel's name for people. */
struct want {
	struct hg_launch_entry entry;
	char name[56];
};

struct area {
	struct hg_queue *queue; /* NULL: of a queue that is gone */
	struct hg_buffer *buffer;
	struct hg_event *idle; /* after which another queue may use it */
	uint64_t number, window; /* the next one; the first that is not folded */
	uint64_t issued, folded, committed; /* launches */
	uint8_t chain[32];
	struct want want[HG_LAUNCH_SLOTS]; /* of launch i: i % HG_LAUNCH_SLOTS */
	uint8_t leaf[HG_LAUNCH_SLOTS][LEAF_BYTES]; /* of those that are not folded */
	uint64_t pads;				   /* made for the numbers below this one */
	uint32_t pad[PADS][HG_LAUNCH_WORDS];	   /* of number n: n % PADS */
};

uint64_t hg_launch_address(const struct hg_channel *ch, uint64_t id)
{
	const struct bound *b = &ch->bound[id & (HG_BOUND_MAX - 1)];

	return id && b->id == id ? b->address : 0;
}

void hg_launch_hold(struct hg_channel *ch, const unsigned int *held)
{
	ch->held = held;
}

static bool held(const struct hg_channel *ch)
{
	return ch->held && __atomic_load_n(ch->held, __ATOMIC_ACQUIRE);
}

static void area_free(struct hg_channel *ch, struct area *a)
{
	if (!a)
		return;
	if (a->idle)
		ch->p->ops->event_release(ch->p, a->idle);
	if (a->buffer)
		ch->p->ops->buffer_release(ch->p, a->buffer);
	OPENSSL_cleanse(a->pad, sizeof(a->pad));
	free(a);
}

void launch_close(struct hg_channel *ch)
{
	unsigned i;

	for (i = 0; i < HG_AREAS; i++)
		area_free(ch, ch->area[i]);
	hg_record_cipher_free(ch->pads);
	EVP_MD_CTX_free(ch->leaf);
	EVP_MD_free(ch->leaf_md);
}

/* The area's chain takes up what it logged up to now. */
static void chain_leaves(struct area *a, unsigned index)
{
	uint32_t count = (uint32_t)(a->issued - a->folded);
	uint32_t head[4] = {count, index, (uint32_t)a->number, (uint32_t)(a->number >> 32)};
	uint8_t message[32 + sizeof(head) + sizeof(a->leaf)];

	memcpy(message, a->chain, 32);
	memcpy(message + 32, head, sizeof(head));
	memcpy(message + 32 + sizeof(head), a->leaf, (size_t)count * LEAF_BYTES);
	SHA256(message, 32 + sizeof(head) + (size_t)count * LEAF_BYTES, a->chain);
	a->folded = a->issued;
	a->window = a->number;
}

/* The channel's chain takes up an area's, as it was after @issued launches. */
static int chain_commit(struct hg_channel *ch, struct area *a, unsigned index, uint64_t issued,
			const uint8_t chain[32], struct hg_gpu_error *err)
{
	uint32_t words[10] = {index};
	uint32_t count = (uint32_t)(issued - a->committed);

	memcpy(words + 2, chain, 32);
	ch->launches += count;
	a->committed = issued;
	return hg_record_chain(ch->chain, HG_CHAIN_LAUNCH, count, words, sizeof(words), err);
}

/*
 * Unless it is to commit, the fold goes into the queue like any kernel: it waits for no
 * other queue, and none for it. @done, where not NULL, gets its event.
 */
static int fold(struct hg_channel *ch, unsigned index, bool commit, struct hg_event **done,
		struct hg_gpu_error *err)
{
	struct area *a = ch->area[index];
	struct hg_arg args[5] = {{.type = HG_ARG_BUFFER, .buffer = ch->state},
				 {.type = HG_ARG_BUFFER, .buffer = a->buffer},
				 {.type = HG_ARG_U32, .u32 = index},
				 {.type = HG_ARG_U64, .u64 = a->number},
				 {.type = HG_ARG_U32, .u32 = commit}};
	int r;

	if (commit) {
		r = channel_launch(ch, a->queue, K_FOLD, args, 5, 1, err);
	} else {
		r = ch->p->ops->launch(ch->p, a->queue, ch->kernel[K_FOLD], args, 5, 1,
				       ch->p->info.lanes, NULL, done, err);
		channel_count(&ch->stats.launches, 1);
		channel_count(&ch->stats.crossings, 1);
	}
	if (r || ch->p->ops->flush(ch->p, a->queue, err))
		return channel_fail(ch, err);
	channel_count(&ch->stats.folds, 1);
	chain_leaves(a, index);
	if (commit && chain_commit(ch, a, index, a->issued, a->chain, err))
		return channel_fail(ch, err);
	return 0;
}

/* The commit alone, of what was folded before. */
static int commit(struct hg_channel *ch, struct hg_queue *queue, unsigned index, uint64_t issued,
		  const uint8_t chain[32], struct hg_gpu_error *err)
{
	struct hg_arg args[2] = {{.type = HG_ARG_BUFFER, .buffer = ch->state},
				 {.type = HG_ARG_U32, .u32 = index}};

	if (channel_launch(ch, queue, K_COMMIT, args, 2, 1, err) ||
	    ch->p->ops->flush(ch->p, queue, err) ||
	    chain_commit(ch, ch->area[index], index, issued, chain, err))
		return channel_fail(ch, err);
	return 0;
}

int channel_fold(struct hg_channel *ch, struct hg_queue *queue, struct hg_gpu_error *err)
{
	unsigned i;

	for (i = 0; i < ch->areas; i++) {
		struct area *a = ch->area[i];

		if (a->issued == a->committed || (a->queue != queue && held(ch)))
			continue;
		if (a->queue) {
			if (fold(ch, i, true, NULL, err))
				return -1;
		} else if (ch->p->ops->event_wait(ch->p, a->idle, err) ||
			   commit(ch, queue, i, a->issued, a->chain, err)) {
			return -1;
		}
	}
	return 0;
}

int hg_launch_mark(struct hg_channel *ch, struct hg_queue *queue, struct hg_launch_mark *mark,
		   struct hg_gpu_error *err)
{
	unsigned i;
	int r = 0;

	memset(mark, 0, sizeof(*mark));
	pthread_mutex_lock(&ch->lock);
	for (i = 0; i < ch->areas && ch->area[i]->queue != queue; i++)
		;
	if (i < ch->areas && !hg_channel_error(ch, err)) {
		struct area *a = ch->area[i];

		r = a->issued != a->folded ? fold(ch, i, false, NULL, err) : 0;
		mark->set = true;
		mark->index = i;
		mark->issued = a->issued;
		memcpy(mark->chain, a->chain, sizeof(mark->chain));
	}
	pthread_mutex_unlock(&ch->lock);
	return r;
}

int hg_launch_commit(struct hg_channel *ch, const struct hg_launch_mark *mark,
		     struct hg_gpu_error *err)
{
	int r = 0;

	pthread_mutex_lock(&ch->lock);
	if (mark->set && mark->issued > ch->area[mark->index]->committed)
		r = hg_channel_error(ch, err) || channel_flush(ch, err) ||
		    commit(ch, ch->queue, mark->index, mark->issued, mark->chain, err) ? -1 : 0;
	pthread_mutex_unlock(&ch->lock);
	return r;
}

/* A buffer of the session, that the device takes for area @index. */
static int area_open(struct hg_channel *ch, struct area *a, unsigned index,
		     struct hg_gpu_error *err)
{
	struct hg_arg args[4] = {{.type = HG_ARG_BUFFER, .buffer = ch->state}};
	uint64_t words[2], id;

	if (!ch->pads && hg_record_cipher_new(&ch->keys, HG_KEY_LAUNCH, &ch->pads, err))
		return -1;
	/* SHA256() would look for its code at each launch. */
	if (!ch->leaf_md)
		ch->leaf_md = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (!ch->leaf)
		ch->leaf = EVP_MD_CTX_new();
	if (!ch->leaf_md || !ch->leaf)
		return hg_gpu_fail_crypto(err, "no SHA-256");
	if (ch->p->ops->buffer_create(ch->p, sizeof(struct hg_launch), &a->buffer, err) ||
	    channel_bind(ch, ch->queue, a->buffer, sizeof(struct hg_launch), &id, err))
		return -1;
	args[1] = (struct hg_arg){.type = HG_ARG_BUFFER, .buffer = a->buffer};
	args[2] = (struct hg_arg){.type = HG_ARG_U64, .u64 = id};
	args[3] = (struct hg_arg){.type = HG_ARG_U32, .u32 = index};
	words[0] = index;
	words[1] = id;
	/* The application's queue does not wait for this one: so it must be over. */
	if (channel_launch(ch, ch->queue, K_AREA, args, 4, 1, err) ||
	    hg_record_chain(ch->chain, HG_CHAIN_AREA, 1, words, sizeof(words), err) ||
	    ch->p->ops->finish(ch->p, ch->queue, err))
		return channel_fail(ch, err);
	return 0;
}

/* That of a queue that is gone, or a new one. */
static struct area *area_take(struct hg_channel *ch, unsigned *index, struct hg_gpu_error *err)
{
	struct area *a;
	unsigned i;

	for (i = 0; i < ch->areas; i++)
		if (!ch->area[i]->queue && !held(ch)) {
			a = ch->area[*index = i];
			if (ch->p->ops->event_wait(ch->p, a->idle, err))
				return NULL;
			ch->p->ops->event_release(ch->p, a->idle);
			a->idle = NULL;
			return a;
		}
	if (ch->areas == HG_AREAS) {
		hg_gpu_fail(err, HG_GPU_E_LIMIT, "%u queues launch kernels: that is the limit",
			    HG_AREAS);
		return NULL;
	}
	a = calloc(1, sizeof(*a));
	if (!a) {
		hg_gpu_no_memory(err);
		return NULL;
	}
	if (area_open(ch, a, ch->areas, err)) {
		area_free(ch, a);
		return NULL;
	}
	ch->area[*index = ch->areas++] = a;
	return a;
}

static struct area *area_of(struct hg_channel *ch, struct hg_queue *queue, unsigned *index,
			    struct hg_gpu_error *err)
{
	struct area *a;
	unsigned i;

	for (i = 0; i < ch->areas; i++)
		if (ch->area[i]->queue == queue) {
			*index = i;
			return ch->area[i];
		}
	a = area_take(ch, index, err);
	if (a)
		a->queue = queue;
	return a;
}

/*
 * The pad of a launch: the key stream of the record that would have its number. Those of
 * the next numbers are made with it.
 */
static int make_pad(struct hg_channel *ch, struct area *a, unsigned index, uint64_t number,
		    struct hg_gpu_error *err)
{
	uint64_t first = number & ~(uint64_t)(PADS - 1);

	_Static_assert(sizeof(a->pad[0]) == HG_STREAM_SIZE, "a pad is a stream");
	if (number < a->pads)
		return 0;
	if (hg_record_streams(ch->pads, (uint64_t)index << HG_AREA_SHIFT | first, PADS,
			      (uint8_t(*)[HG_STREAM_SIZE])a->pad, err))
		return -1;
	a->pads = first + PADS;
	return 0;
}

/* The bytes of an entry that count, hashed. */
static int make_leaf(struct hg_channel *ch, const struct hg_launch_entry *e,
		     uint8_t leaf[LEAF_BYTES], struct hg_gpu_error *err)
{
	uint8_t digest[32];

	if (!EVP_DigestInit_ex(ch->leaf, ch->leaf_md, NULL) ||
	    !EVP_DigestUpdate(ch->leaf, e, hg_entry_first(e)) ||
	    !EVP_DigestUpdate(ch->leaf, e->pointer, hg_entry_pointers(e)) ||
	    !EVP_DigestFinal_ex(ch->leaf, digest, NULL))
		return hg_gpu_fail_crypto(err, "SHA-256 of a launch");
	memcpy(leaf, digest, LEAF_BYTES);
	return 0;
}

/* For people. */
static void copy_name(struct want *w, const char *name)
{
	size_t n = strnlen(name, sizeof(w->name) - 1);

	memcpy(w->name, name, n);
	w->name[n] = '\0';
}

static int begin_locked(struct hg_channel *ch, struct hg_queue *queue,
			const struct hg_launch_kernel *kernel, struct hg_launching *l,
			struct hg_gpu_error *err)
{
	unsigned index = 0;
	struct area *a;
	struct want *w;

	/* Small writes that wait would come after the launch. */
	if (hg_channel_error(ch, err) || channel_flush(ch, err))
		return -1;
	a = area_of(ch, queue, &index, err);
	if (!a || (a->number - a->window == HG_LAUNCH_SLOTS && fold(ch, index, false, NULL, err)))
		return -1;
	if (a->number == HG_LAUNCH_LIMIT - HG_LAUNCH_SLOTS)
		return hg_gpu_fail(err, HG_GPU_E_LIMIT, "the launch numbers of a queue are used up");
	l->mine = a;
	l->area = a->buffer;
	if (kernel->masked && make_pad(ch, a, index, a->number, err))
		return channel_fail(ch, err);
	l->pad = a->pad[a->number % PADS];
	l->sequence = (uint64_t)index << HG_AREA_SHIFT | a->number++;
	if (kernel->any_local)
		l->sequence |= HG_LAUNCH_ANY_LOCAL;
	w = &a->want[a->issued % HG_LAUNCH_SLOTS];
	copy_name(w, kernel->name);
	hg_expect_begin(&w->entry, l->sequence, kernel->program, kernel->number);
	l->want = &w->entry;
	return 0;
}

int hg_launch_begin(struct hg_channel *ch, struct hg_queue *queue,
		    const struct hg_launch_kernel *kernel, struct hg_launching *l,
		    struct hg_gpu_error *err)
{
	pthread_mutex_lock(&ch->lock);
	if (!begin_locked(ch, queue, kernel, l, err))
		return 0;
	pthread_mutex_unlock(&ch->lock);
	return -1;
}

/* The next entry was last written long ago; the first lines of it are what most launches fill. */
static void prefetch(const struct want *w)
{
	__builtin_prefetch(&w->entry, 1);
	__builtin_prefetch(w->entry.global_offset, 1);
	__builtin_prefetch(w->entry.pointer, 1);
	__builtin_prefetch(w->name, 1);
}

void hg_launch_end(struct hg_channel *ch, struct hg_launching *l, bool enqueued)
{
	struct area *a = l->mine;
	struct hg_gpu_error err;

	/* Without the leaf there will be no receipt that is right. */
	if (enqueued && make_leaf(ch, l->want, a->leaf[a->issued - a->folded], &err))
		channel_fail(ch, &err);
	if (enqueued) {
		a->issued++;
		channel_count(&ch->stats.kernels, 1);
	}
	/* What was used of it: no launch has use for the rest. */
	OPENSSL_cleanse((void *)(uintptr_t)l->pad, 4 * (size_t)l->want->words);
	prefetch(&a->want[a->issued % HG_LAUNCH_SLOTS]);
	pthread_mutex_unlock(&ch->lock);
}

void hg_launch_queue_gone(struct hg_channel *ch, struct hg_queue *queue)
{
	struct hg_gpu_error err;
	unsigned i;

	pthread_mutex_lock(&ch->lock);
	for (i = 0; i < ch->areas && ch->area[i]->queue != queue; i++)
		;
	/* A fold, needed or not: its event tells when the queue has done with the area. */
	if (i < ch->areas && !hg_channel_error(ch, &err) &&
	    !fold(ch, i, false, &ch->area[i]->idle, &err))
		ch->area[i]->queue = NULL;
	pthread_mutex_unlock(&ch->lock);
}

/* ---- What was done to a launch ---------------------------------------------------- */

/* The log as it lies on the device, read in clear. It only names what the receipt found. */
static struct hg_launch *read_area(struct hg_channel *ch, struct hg_queue *queue,
				   const struct area *a)
{
	struct hg_launch *got = calloc(1, sizeof(*got));
	const size_t from = offsetof(struct hg_launch, log);
	struct hg_gpu_error err;

	if (got && (ch->p->ops->read(ch->p, queue, a->buffer, 0, &got->count, sizeof(got->count),
				     NULL, NULL, &err) ||
		    ch->p->ops->read(ch->p, queue, a->buffer, from, got->log, sizeof(got->log),
				     NULL, NULL, &err) ||
		    ch->p->ops->finish(ch->p, queue, &err))) {
		free(got);
		return NULL;
	}
	return got;
}

static int altered(const struct want *w, const char *what, struct hg_gpu_error *err)
{
	return hg_gpu_fail(err, HG_GPU_E_TAMPERED, "bus: launch %llu (kernel %s) was %s",
			   ull(NUMBER(w->entry.sequence)), w->name, what);
}

/* Launch @i has another number in the log. */
static int name_order(const struct area *a, const struct hg_launch *got, uint64_t i,
		      struct hg_gpu_error *err)
{
	const struct want *w = &a->want[i % HG_LAUNCH_SLOTS];
	const struct hg_launch_entry *e = &got->log[i % HG_LAUNCH_SLOTS];
	const struct want *before = &a->want[(i - 1) % HG_LAUNCH_SLOTS];

	if (i && e->sequence == before->entry.sequence)
		return altered(before, "done twice (repeated)", err);
	if (i + 1 < got->count && got->log[(i + 1) % HG_LAUNCH_SLOTS].sequence == w->entry.sequence)
		return altered(w, "done in another order (reordered)", err);
	return altered(w, "left out (dropped)", err);
}

/* -1: something differs in what area @a logged, and @err names it. */
static int name_area(const struct area *a, const struct hg_launch *got, struct hg_gpu_error *err)
{
	static const char *const what[][2] = {
		{"the kernel", "altered (another kernel)"}, {"the geometry", "altered (geometry)"},
		{"a value", "altered (arguments)"},	    {"a buffer", "altered (buffer)"},
	};
	uint64_t i = a->issued > HG_LAUNCH_SLOTS ? a->issued - HG_LAUNCH_SLOTS : 0;
	const struct want *last;
	const char *differs;
	size_t k;

	for (; i < a->committed; i++) {
		const struct want *w = &a->want[i % HG_LAUNCH_SLOTS];
		const struct hg_launch_entry *e = &got->log[i % HG_LAUNCH_SLOTS];

		if (i >= got->count)
			return altered(w, "left out (dropped)", err);
		if (e->sequence != w->entry.sequence)
			return name_order(a, got, i, err);
		differs = hg_expect_differs(&w->entry, e);
		for (k = 0; differs && k < sizeof(what) / sizeof(what[0]); k++)
			if (!strcmp(differs, what[k][0]))
				return altered(w, what[k][1], err);
	}
	/* The last again, after which nothing was folded any more. */
	last = &a->want[(i - 1) % HG_LAUNCH_SLOTS];
	if (i && got->count > i && got->log[i % HG_LAUNCH_SLOTS].sequence == last->entry.sequence)
		return name_order(a, got, i, err);
	return 0;
}

/* The device's own word, where the log is as it should be. */
static void name_refusal(const struct hg_channel *ch, struct hg_gpu_error *err)
{
	uint64_t index = ch->doubt_at >> HG_AREA_SHIFT, i;
	const struct area *a = index < ch->areas ? ch->area[index] : NULL;

	for (i = 0; a && ch->doubt == HG_BAD_ITEMS && i < HG_LAUNCH_SLOTS && i < a->issued; i++)
		if (NUMBER(a->want[i].entry.sequence) == NUMBER(ch->doubt_at)) {
			altered(&a->want[i], "altered (geometry: other work-items)", err);
			return;
		}
}

/* With the channel's lock held, after a receipt that was not as it must be. */
void channel_name(struct hg_channel *ch, struct hg_gpu_error *err)
{
	struct hg_gpu_error ignored;
	struct hg_queue *queue;
	struct hg_launch *got;
	int found = 0;
	unsigned i;

	if (!ch->doubt || !ch->areas)
		return;
	/* A queue of its own: any other may wait for the application. */
	if (ch->p->ops->queue_create(ch->p, &queue, &ignored))
		return;
	for (i = 0; i < ch->areas && !found; i++) {
		got = read_area(ch, queue, ch->area[i]);
		found = got && name_area(ch->area[i], got, err);
		free(got);
	}
	ch->p->ops->queue_release(ch->p, queue);
	if (!found)
		name_refusal(ch, err);
	ch->doubt = 0;
	pthread_mutex_lock(&ch->error_lock);
	ch->error = *err;
	pthread_mutex_unlock(&ch->error_lock);
}
