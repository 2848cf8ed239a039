// SPDX-License-Identifier: Apache-2.0
#include "challenge.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX

struct entry {
	uint8_t nonce[ATT_NONCE_MAX];
	size_t size;
	struct owner owner;
	struct source source;
	int64_t expires;
	struct att_bytes payload;
	uint32_t next; /* in its chain, or among the free ones */
	uint32_t older, newer;
};

/*
 * A hash table, chained by index, and a list by age: all live equally long, so
 * the oldest expires first.
 */
struct challenges {
	pthread_mutex_t lock;
	size_t max, per_source, count;
	int64_t lifetime;
	uint32_t mask, free, oldest, newest;
	uint32_t *chain;
	struct entry *entry;
};

struct challenges *challenges_new(size_t max, size_t per_source, int64_t lifetime)
{
	struct challenges *c = calloc(1, sizeof(*c));
	uint32_t chains = 16, i;

	if (!c)
		return NULL;
	while (chains < max)
		chains *= 2;
	c->max = max;
	c->per_source = per_source;
	c->lifetime = lifetime;
	c->mask = chains - 1;
	c->oldest = c->newest = NONE;
	c->chain = malloc(chains * sizeof(*c->chain));
	c->entry = calloc(max, sizeof(*c->entry));
	pthread_mutex_init(&c->lock, NULL);
	if (!c->chain || !c->entry) {
		c->max = 0;
		challenges_free(c);
		return NULL;
	}
	for (i = 0; i < chains; i++)
		c->chain[i] = NONE;
	for (i = 0; i < max; i++)
		c->entry[i].next = i + 1 < max ? i + 1 : NONE;
	return c;
}

void challenges_free(struct challenges *c)
{
	size_t i;

	if (!c)
		return;
	for (i = 0; i < c->max; i++)
		att_bytes_free(&c->entry[i].payload);
	free(c->chain);
	free(c->entry);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

/* They are random bytes: the first ones are hash enough. */
static uint32_t *chain_of(struct challenges *c, const uint8_t *nonce)
{
	uint32_t v;

	memcpy(&v, nonce, sizeof(v));
	return &c->chain[v & c->mask];
}

static void drop(struct challenges *c, uint32_t index)
{
	struct entry *e = &c->entry[index];
	uint32_t *at = chain_of(c, e->nonce);

	while (*at != index)
		at = &c->entry[*at].next;
	*at = e->next;
	*(e->older == NONE ? &c->oldest : &c->entry[e->older].newer) = e->newer;
	*(e->newer == NONE ? &c->newest : &c->entry[e->newer].older) = e->older;
	att_bytes_free(&e->payload);
	OPENSSL_cleanse(e->nonce, sizeof(e->nonce));
	e->next = c->free;
	c->free = index;
	c->count--;
}

static void expire(struct challenges *c, int64_t now)
{
	while (c->oldest != NONE && c->entry[c->oldest].expires <= now)
		drop(c, c->oldest);
}

static bool has_many(const struct challenges *c, const struct source *from)
{
	size_t n = 0;
	uint32_t i;

	if (c->count < c->per_source)
		return false;
	for (i = c->oldest; i != NONE && n < c->per_source; i = c->entry[i].newer)
		n += !memcmp(c->entry[i].source.key, from->key, SOURCE_SIZE);
	return n >= c->per_source;
}

static void put(struct challenges *c, const struct entry *new)
{
	uint32_t index = c->free, *chain = chain_of(c, new->nonce);
	struct entry *e = &c->entry[index];

	c->free = e->next;
	*e = *new;
	e->next = *chain;
	*chain = index;
	e->newer = NONE;
	e->older = c->newest;
	*(c->newest == NONE ? &c->oldest : &c->entry[c->newest].newer) = index;
	c->newest = index;
	c->count++;
}

enum challenge_answer challenge_give(struct challenges *c, const struct owner *to,
				     const struct source *from, int64_t now, uint8_t *nonce,
				     size_t size, struct att_bytes *payload)
{
	struct entry e = { .size = size, .owner = *to, .source = *from };
	enum challenge_answer ret = CHALLENGE_OK;

	if (size < ATT_NONCE_MIN || size > ATT_NONCE_MAX || RAND_bytes(e.nonce, (int)size) != 1)
		return CHALLENGE_FAILED;
	pthread_mutex_lock(&c->lock);
	expire(c, now);
	if (c->count >= c->max) {
		ret = CHALLENGE_FULL;
	} else if (has_many(c, from)) {
		ret = CHALLENGE_SOURCE_FULL;
	} else {
		e.expires = now + c->lifetime;
		if (payload) {
			e.payload = *payload;
			memset(payload, 0, sizeof(*payload));
		}
		memcpy(nonce, e.nonce, size);
		put(c, &e);
	}
	pthread_mutex_unlock(&c->lock);
	return ret;
}

static uint32_t find(struct challenges *c, const uint8_t *nonce, size_t size)
{
	uint32_t i;

	if (size < ATT_NONCE_MIN || size > ATT_NONCE_MAX)
		return NONE;
	for (i = *chain_of(c, nonce); i != NONE; i = c->entry[i].next)
		if (c->entry[i].size == size && !CRYPTO_memcmp(c->entry[i].nonce, nonce, size))
			break;
	return i;
}

enum challenge_answer challenge_take(struct challenges *c, const struct owner *by, int64_t now,
				     const uint8_t *nonce, size_t size, struct att_bytes *payload)
{
	enum challenge_answer ret = CHALLENGE_OK;
	uint32_t i;

	pthread_mutex_lock(&c->lock);
	expire(c, now);
	i = find(c, nonce, size);
	if (i == NONE) {
		ret = CHALLENGE_UNKNOWN;
	} else if (CRYPTO_memcmp(&c->entry[i].owner, by, sizeof(*by))) {
		ret = CHALLENGE_OTHER_OWNER;
	} else {
		if (payload) {
			*payload = c->entry[i].payload;
			memset(&c->entry[i].payload, 0, sizeof(*payload));
		}
		drop(c, i);
	}
	pthread_mutex_unlock(&c->lock);
	return ret;
}

size_t challenges_out(struct challenges *c, int64_t now)
{
	size_t n;

	pthread_mutex_lock(&c->lock);
	expire(c, now);
	n = c->count;
	pthread_mutex_unlock(&c->lock);
	return n;
}
