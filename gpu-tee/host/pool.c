// SPDX-License-Identifier: Apache-2.0
#include "pool.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

struct hg_pool {
	pthread_mutex_t user; /* held by who uses the pool */
	pthread_mutex_t lock;
	pthread_cond_t start, end;
	void (*work)(void *arg, unsigned i);
	void *arg;
	unsigned next, count; /* of the job */
	unsigned under_way;   /* items that were taken and are not through */
	bool stop;
	unsigned threads;
	pthread_t thread[];
};

/* Takes items until there are none; called and returns with the lock held. */
static void take(struct hg_pool *p)
{
	while (p->next < p->count) {
		unsigned i = p->next++;

		p->under_way++;
		pthread_mutex_unlock(&p->lock);
		p->work(p->arg, i);
		pthread_mutex_lock(&p->lock);
		p->under_way--;
	}
	if (!p->under_way)
		pthread_cond_signal(&p->end);
}

static void *worker(void *arg)
{
	struct hg_pool *p = arg;

	pthread_mutex_lock(&p->lock);
	while (!p->stop) {
		take(p);
		while (!p->stop && p->next >= p->count)
			pthread_cond_wait(&p->start, &p->lock);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

int hg_pool_new(unsigned threads, struct hg_pool **pool, struct hg_gpu_error *err)
{
	struct hg_pool *p = calloc(1, sizeof(*p) + threads * sizeof(p->thread[0]));

	*pool = NULL;
	if (!p)
		return hg_gpu_no_memory(err);
	pthread_mutex_init(&p->user, NULL);
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->start, NULL);
	pthread_cond_init(&p->end, NULL);
	for (; p->threads < threads; p->threads++)
		if (pthread_create(&p->thread[p->threads], NULL, worker, p)) {
			hg_pool_close(p);
			return hg_gpu_fail(err, HG_GPU_E_MEMORY,
					   "cannot start a thread that seals");
		}
	*pool = p;
	return 0;
}

void hg_pool_close(struct hg_pool *p)
{
	unsigned i;

	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	pthread_cond_broadcast(&p->start);
	pthread_mutex_unlock(&p->lock);
	for (i = 0; i < p->threads; i++)
		pthread_join(p->thread[i], NULL);
	pthread_cond_destroy(&p->start);
	pthread_cond_destroy(&p->end);
	pthread_mutex_destroy(&p->lock);
	pthread_mutex_destroy(&p->user);
	free(p);
}

void hg_pool_run(struct hg_pool *p, void (*work)(void *arg, unsigned i), void *arg, unsigned count)
{
	unsigned i;

	if (!p->threads || count < 2 || pthread_mutex_trylock(&p->user)) {
		for (i = 0; i < count; i++)
			work(arg, i);
		return;
	}
	pthread_mutex_lock(&p->lock);
	p->work = work;
	p->arg = arg;
	p->next = 0;
	p->count = count;
	pthread_cond_broadcast(&p->start);
	take(p);
	while (p->under_way)
		pthread_cond_wait(&p->end, &p->lock);
	pthread_mutex_unlock(&p->lock);
	pthread_mutex_unlock(&p->user);
}
