// SPDX-License-Identifier: Apache-2.0
#include "work.h"

#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>

#include "layer.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t more = PTHREAD_COND_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct work *first, **last = &first;

static void *worker(void *unused)
{
	struct work *w;

	(void)unused;
	for (;;) {
		pthread_mutex_lock(&lock);
		while (!first)
			pthread_cond_wait(&more, &lock);
		w = first;
		first = w->next;
		if (!first)
			last = &first;
		pthread_mutex_unlock(&lock);
		w->run(w);
	}
	return NULL;
}

/* Signals are the application's: none is taken here. */
static void start(void)
{
	sigset_t all, before;
	pthread_t thread;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (pthread_create(&thread, NULL, worker, NULL)) {
		layer_say("cannot start a thread: transfers would never be delivered");
		abort();
	}
	pthread_detach(thread);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void work_add(struct work *w)
{
	pthread_once(&once, start);
	w->next = NULL;
	pthread_mutex_lock(&lock);
	*last = w;
	last = &w->next;
	pthread_cond_signal(&more);
	pthread_mutex_unlock(&lock);
}
