// SPDX-License-Identifier: Apache-2.0
#include "share.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct share {
	struct source of;
	uint64_t size; /* never 0 */
};

struct shares {
	pthread_mutex_t lock;
	uint64_t all, each, taken;
	size_t count, max;
	struct share share[]; /* the first @count, in no order */
};

struct shares *shares_new(size_t sources, uint64_t all, uint64_t each)
{
	struct shares *s = calloc(1, sizeof(*s) + sources * sizeof(s->share[0]));

	if (!s)
		return NULL;
	pthread_mutex_init(&s->lock, NULL);
	s->all = all;
	s->each = each;
	s->max = sources;
	return s;
}

void shares_free(struct shares *s)
{
	if (s)
		pthread_mutex_destroy(&s->lock);
	free(s);
}

/* The source's share, or the place for it; NULL if there is no place. */
static struct share *find(struct shares *s, const struct source *by)
{
	size_t i;

	for (i = 0; i < s->count; i++)
		if (!memcmp(s->share[i].of.key, by->key, SOURCE_SIZE))
			return &s->share[i];
	return i < s->max ? &s->share[i] : NULL;
}

bool share_take(struct shares *s, const struct source *by, uint64_t size)
{
	struct share *at;
	uint64_t has;
	bool ok;

	if (!size)
		return true;
	pthread_mutex_lock(&s->lock);
	at = find(s, by);
	has = at && at < s->share + s->count ? at->size : 0;
	ok = at && size <= s->all - s->taken && has <= s->each && size <= s->each - has;
	if (ok) {
		s->count += !has;
		s->taken += size;
		*at = (struct share){ .of = *by, .size = has + size };
	}
	pthread_mutex_unlock(&s->lock);
	return ok;
}

void share_give(struct shares *s, const struct source *by, uint64_t size)
{
	struct share *at;

	if (!size)
		return;
	pthread_mutex_lock(&s->lock);
	at = find(s, by);
	s->taken -= size;
	at->size -= size;
	/* The last one takes the place of one that is empty. */
	if (!at->size)
		*at = s->share[--s->count];
	pthread_mutex_unlock(&s->lock);
}
