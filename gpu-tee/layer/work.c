// SPDX-License-Identifier: Apache-2.0
#include "work.h"

#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>

#include "layer.h"

struct line {
	pthread_once_t once;
	void (*start)(void);
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct work *first, **last;
};

static void start_now(void), start_later(void);

static struct line now = { PTHREAD_ONCE_INIT,	     start_now, PTHREAD_MUTEX_INITIALIZER,
			   PTHREAD_COND_INITIALIZER, NULL,	&now.first };
static struct line later = { PTHREAD_ONCE_INIT,	       start_later, PTHREAD_MUTEX_INITIALIZER,
			     PTHREAD_COND_INITIALIZER, NULL,	    &later.first };

static void *worker(void *arg)
{
	struct line *l = arg;
	struct work *w;

	for (;;) {
		pthread_mutex_lock(&l->lock);
		while (!l->first)
			pthread_cond_wait(&l->more, &l->lock);
		w = l->first;
		l->first = w->next;
		if (!l->first)
			l->last = &l->first;
		pthread_mutex_unlock(&l->lock);
		w->run(w);
	}
	return NULL;
}

/* Signals are the application's: none is taken here. */
static void start(struct line *l)
{
	sigset_t all, before;
	pthread_t thread;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (pthread_create(&thread, NULL, worker, l)) {
		layer_say("cannot start a thread: transfers would never be delivered");
		abort();
	}
	pthread_detach(thread);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void start_now(void)
{
	start(&now);
}

static void start_later(void)
{
	start(&later);
}

static void add(struct line *l, struct work *w)
{
	pthread_once(&l->once, l->start);
	w->next = NULL;
	pthread_mutex_lock(&l->lock);
	*l->last = w;
	l->last = &w->next;
	pthread_cond_signal(&l->more);
	pthread_mutex_unlock(&l->lock);
}

void work_add(struct work *w)
{
	add(&now, w);
}

void work_later(struct work *w)
{
	add(&later, w);
}
