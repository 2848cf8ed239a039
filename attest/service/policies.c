// SPDX-License-Identifier: Apache-2.0
#include "policies.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

#define KEPT 64u /* more names than that are read again and again */

struct policy_ref {
	char name[STORE_NAME_MAX + 1];
	int64_t generation;
	struct att_policy *policy;
	unsigned int users; /* the table is one of them */
};

struct policies {
	pthread_mutex_t lock;
	struct policy_ref *kept[KEPT];
	size_t next; /* whose place is taken when all are taken */
};

struct policies *policies_new(void)
{
	struct policies *p = calloc(1, sizeof(*p));

	if (p)
		pthread_mutex_init(&p->lock, NULL);
	return p;
}

/* Under the lock. */
static void put(struct policy_ref *ref)
{
	if (!ref || --ref->users)
		return;
	att_policy_free(ref->policy);
	free(ref);
}

void policies_free(struct policies *p)
{
	size_t i;

	if (!p)
		return;
	for (i = 0; i < KEPT; i++)
		put(p->kept[i]);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

static struct policy_ref *find(struct policies *p, const char *name, int64_t generation)
{
	struct policy_ref *found = NULL;
	size_t i;

	pthread_mutex_lock(&p->lock);
	for (i = 0; i < KEPT && !found; i++)
		if (p->kept[i] && p->kept[i]->generation == generation &&
		    !strcmp(p->kept[i]->name, name))
			found = p->kept[i];
	if (found)
		found->users++;
	pthread_mutex_unlock(&p->lock);
	return found;
}

/* In the place of an older one of its name, or of another. */
static void keep(struct policies *p, struct policy_ref *ref)
{
	size_t i, at = KEPT;

	pthread_mutex_lock(&p->lock);
	for (i = 0; i < KEPT; i++)
		if (p->kept[i] && !strcmp(p->kept[i]->name, ref->name))
			at = i;
	for (i = 0; i < KEPT && at == KEPT; i++)
		if (!p->kept[i])
			at = i;
	if (at == KEPT)
		at = p->next++ % KEPT;
	put(p->kept[at]);
	p->kept[at] = ref;
	ref->users++;
	pthread_mutex_unlock(&p->lock);
}

struct policy_ref *policies_get(struct policies *p, struct store *s, const char *name,
				struct att_error *err)
{
	int64_t generation = store_generation(s, err);
	struct policy_ref *ref;

	if (generation < 0)
		return NULL;
	if (!store_name_ok(name)) {
		att_fail(err, ATT_E_REFUSED, "there is no policy '%.64s'", name);
		return NULL;
	}
	ref = find(p, name, generation);
	if (ref)
		return ref;
	ref = calloc(1, sizeof(*ref));
	if (!ref) {
		att_no_memory(err);
		return NULL;
	}
	ref->policy = store_policy_snapshot(s, name, &ref->generation, err);
	if (!ref->policy) {
		free(ref);
		return NULL;
	}
	memcpy(ref->name, name, strlen(name) + 1);
	ref->users = 1;
	keep(p, ref);
	return ref;
}

const struct att_policy *policy_of(const struct policy_ref *ref)
{
	return ref->policy;
}

void policies_put(struct policies *p, struct policy_ref *ref)
{
	pthread_mutex_lock(&p->lock);
	put(ref);
	pthread_mutex_unlock(&p->lock);
}
