// SPDX-License-Identifier: Apache-2.0
#include "rate.h"

#include <openssl/rand.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "alg.h"

#define SETS 1024u
#define WAYS 8u

struct bucket {
	struct source from;
	double tokens;
	int64_t last; /* when @tokens was right */
	bool used;
};

struct rates {
	pthread_mutex_t lock;
	double rate, burst;
	uint8_t seed[16]; /* nobody chooses who shares a set with whom */
	struct bucket set[SETS][WAYS];
};

struct rates *rate_new(double rate, double burst)
{
	struct rates *l = calloc(1, sizeof(*l));

	if (!l || RAND_bytes(l->seed, sizeof(l->seed)) != 1) {
		free(l);
		return NULL;
	}
	pthread_mutex_init(&l->lock, NULL);
	l->rate = rate;
	l->burst = burst;
	return l;
}

void rate_free(struct rates *l)
{
	if (l)
		pthread_mutex_destroy(&l->lock);
	free(l);
}

static struct bucket *set_of(struct rates *l, const struct source *from)
{
	uint8_t text[sizeof(l->seed) + SOURCE_SIZE], digest[32];

	memcpy(text, l->seed, sizeof(l->seed));
	memcpy(text + sizeof(l->seed), from->key, SOURCE_SIZE);
	if (att_sha256(text, sizeof(text), digest))
		return l->set[0];
	return l->set[((size_t)digest[0] << 8 | digest[1]) % SETS];
}

static double filled(const struct rates *l, const struct bucket *b, int64_t now)
{
	double tokens = b->tokens;

	if (now > b->last)
		tokens += (double)(now - b->last) / 1000.0 * l->rate;
	return tokens < l->burst ? tokens : l->burst;
}

/* The source's bucket, or the one that makes room for it. */
static struct bucket *find(struct rates *l, const struct source *from, int64_t now)
{
	struct bucket *set = set_of(l, from), *room = NULL;
	size_t i;

	for (i = 0; i < WAYS; i++) {
		if (set[i].used && !memcmp(set[i].from.key, from->key, SOURCE_SIZE))
			return &set[i];
		if (!room || (room->used &&
			      (!set[i].used || filled(l, &set[i], now) > filled(l, room, now))))
			room = &set[i];
	}
	*room = (struct bucket){ .from = *from, .tokens = l->burst, .last = now, .used = true };
	return room;
}

bool rate_take(struct rates *l, const struct source *from, int64_t now)
{
	struct bucket *b;
	bool ok;

	pthread_mutex_lock(&l->lock);
	b = find(l, from, now);
	b->tokens = filled(l, b, now);
	b->last = now;
	ok = b->tokens >= 1.0;
	if (ok)
		b->tokens -= 1.0;
	pthread_mutex_unlock(&l->lock);
	return ok;
}

void source_of_address(const struct sockaddr_storage *addr, struct source *s)
{
	memset(s, 0, sizeof(*s));
	if (addr->ss_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)addr;

		s->key[0] = 4;
		memcpy(s->key + 1, &in->sin_addr, 4);
	} else if (addr->ss_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)addr;
		bool v4 = IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr);

		s->key[0] = v4 ? 4 : 6;
		memcpy(s->key + 1, &in6->sin6_addr.s6_addr[v4 ? 12 : 0], v4 ? 4 : 7);
	}
}
