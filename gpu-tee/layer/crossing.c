// SPDX-License-Identifier: Apache-2.0
#include "crossing.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"

const struct crossing_ops *crossing_chosen(void)
{
	const char *name = getenv("HYPERGPU_CROSSING");

	if (!name || !*name || !strcmp(name, "sealed"))
		return &crossing_sealed;
	return strcmp(name, "null") ? NULL : &crossing_null;
}

const char *report_crossing_name(void)
{
	const struct crossing_ops *ops = crossing_chosen();

	return ops ? ops->name : "none";
}

struct crossing *cross_open(cl_context context, cl_device_id device, char text[320])
{
	const struct crossing_ops *ops = crossing_chosen();
	struct crossing *x;

	if (!ops) {
		snprintf(text, 320, "HYPERGPU_CROSSING is neither sealed nor null");
		return NULL;
	}
	x = calloc(1, sizeof(*x));
	if (!x) {
		snprintf(text, 320, "out of memory");
		return NULL;
	}
	x->ops = ops;
	x->context = context;
	x->device = device;
	pthread_mutex_init(&x->binding, NULL);
	if (ops->open(x)) {
		snprintf(text, 320, "%s", x->text);
		pthread_mutex_destroy(&x->binding);
		free(x);
		return NULL;
	}
	return x;
}

void cross_close(struct crossing *x)
{
	if (!x)
		return;
	x->ops->close(x);
	pthread_mutex_destroy(&x->binding);
	free(x);
}

void cross_queue_gone(struct crossing *x, cl_command_queue queue)
{
	if (x && x->ops->queue_gone)
		x->ops->queue_gone(x, queue);
}

/* Once for each buffer, whichever thread or command of the application's comes first. */
int cross_bind(struct crossing *x, cl_command_queue queue, struct cross_mem *m)
{
	int rc = 0;

	if (__atomic_load_n(&m->bound, __ATOMIC_ACQUIRE))
		return 0;
	pthread_mutex_lock(&x->binding);
	if (!m->bound) {
		rc = x->ops->bind(x, queue, m) ? -1 : 0;
		__atomic_store_n(&m->bound, !rc, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&x->binding);
	return rc;
}

void cross_forget(struct crossing *x, struct cross_mem *m)
{
	if (x && m->bound)
		x->ops->forget(x, m);
	m->bound = false;
}

int cross_write(struct crossing *x, cl_command_queue queue, struct cross_mem *m, size_t offset,
		const void *src, size_t size, bool stays, cl_event *done)
{
	report_crossing(REPORT_TO_DEVICE, size);
	return cross_bind(x, queue, m) || x->ops->write(x, queue, m, offset, src, size, stays, done)
		       ? -1
		       : 0;
}

int cross_read(struct crossing *x, cl_command_queue queue, struct cross_mem *m, size_t offset,
	       void *dst, size_t size, struct cross_read **pending)
{
	report_crossing(REPORT_TO_HOST, size);
	return cross_bind(x, queue, m) || x->ops->read(x, queue, m, offset, dst, size, pending) ? -1
												: 0;
}

int cross_complete(struct cross_read *pending)
{
	return pending->crossing->ops->complete(pending);
}

void cross_launch(struct crossing *x, cl_command_queue queue)
{
	if (x && x->ops->launch)
		x->ops->launch(x, queue);
}

int cross_sync(struct crossing *x, cl_command_queue queue)
{
	return x->ops->sync(x, queue);
}

int cross_fail(struct crossing *x, const char *fmt, ...)
{
	static pthread_mutex_t failing = PTHREAD_MUTEX_INITIALIZER;
	va_list ap;

	pthread_mutex_lock(&failing);
	if (!x->broken) {
		va_start(ap, fmt);
		vsnprintf(x->text, sizeof(x->text), fmt, ap);
		va_end(ap);
		__atomic_store_n(&x->broken, true, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&failing);
	return -1;
}
