// SPDX-License-Identifier: Apache-2.0
/* Memory of the device, written and read through the channel. */
#include "lib.h"

#include <openssl/crypto.h>
#include <stdlib.h>

#define ZEROS 65536u

/* With the session's lock. */
static int create(hg_gpu_buffer *b, struct hg_gpu_error *err)
{
	struct hg_gpu_session *s = b->session;

	if (s->provider->ops->buffer_create(s->provider, b->size, &b->memory, err))
		return -1;
	if (!hg_channel_bind(s->channel, s->queue, b->memory, b->size, &b->id, err))
		return 0;
	s->provider->ops->buffer_release(s->provider, b->memory);
	return -1;
}

int hg_gpu_buffer_create(struct hg_gpu_session *session, size_t size, hg_gpu_buffer **buffer,
			 struct hg_gpu_failure *failure)
{
	struct hg_gpu_error err = { 0 };
	hg_gpu_buffer *b;
	int result;

	if (!buffer)
		return lib_fail(failure, HG_GPU_FAIL_ARGUMENT, "buffer is NULL");
	*buffer = NULL;
	if (!session || !size)
		return lib_fail(failure, HG_GPU_FAIL_ARGUMENT, session ? "size is 0" :
									 "session is NULL");
	/* Drivers round sizes up. */
	if (size > SIZE_MAX / 2)
		return lib_fail(failure, HG_GPU_FAIL_LIMIT, "%zu bytes: no device has them", size);
	b = calloc(1, sizeof(*b));
	if (!b)
		return lib_fail_memory(failure);
	b->session = session;
	b->size = size;
	pthread_rwlock_rdlock(&session->lock);
	if (!session->channel)
		result = lib_fail_closed(failure);
	else
		result = create(b, &err) ? lib_fail_as(failure, &err) : lib_done(failure);
	pthread_rwlock_unlock(&session->lock);
	if (result) {
		free(b);
		return result;
	}
	__atomic_add_fetch(&session->refs, 1, __ATOMIC_RELAXED);
	*buffer = b;
	return result;
}

/* In order with what was sent before; what fails leaves nothing else to be tried. */
static void wipe(const struct hg_gpu_session *s, const hg_gpu_buffer *b)
{
	static const uint8_t zeros[ZEROS];
	size_t at, n;

	for (at = 0; at < b->size; at += n) {
		n = b->size - at < ZEROS ? b->size - at : ZEROS;
		if (s->provider->ops->write(s->provider, s->queue, b->memory, at, zeros, n, NULL,
					    NULL, NULL))
			break;
	}
	s->provider->ops->finish(s->provider, s->queue, NULL);
}

void hg_gpu_buffer_free(hg_gpu_buffer *buffer)
{
	struct hg_gpu_session *s;

	if (!buffer)
		return;
	s = buffer->session;
	pthread_rwlock_rdlock(&s->lock);
	/* A write that waits would come after the zeros. */
	if (s->channel)
		hg_channel_flush(s->channel, s->queue, NULL);
	wipe(s, buffer);
	if (s->channel)
		hg_channel_forget(s->channel, buffer->id);
	pthread_rwlock_unlock(&s->lock);
	s->provider->ops->buffer_release(s->provider, buffer->memory);
	free(buffer);
	lib_session_put(s);
}

size_t hg_gpu_buffer_size(const hg_gpu_buffer *buffer)
{
	return buffer ? buffer->size : 0;
}

static int check(const hg_gpu_buffer *b, size_t offset, const void *data, size_t size,
		 struct hg_gpu_failure *failure)
{
	if (!b || (!data && size))
		return lib_fail(failure, HG_GPU_FAIL_ARGUMENT, "%s is NULL", b ? "data" : "buffer");
	if (offset > b->size || size > b->size - offset)
		return lib_fail(failure, HG_GPU_FAIL_RANGE,
				"%zu bytes at %zu are outside of a buffer of %zu", size, offset,
				b->size);
	return HG_GPU_SUCCESS;
}

int hg_gpu_buffer_write(hg_gpu_buffer *buffer, size_t offset, const void *data, size_t size,
			struct hg_gpu_failure *failure)
{
	struct hg_gpu_error err = { 0 };
	struct hg_gpu_session *s;
	int result = check(buffer, offset, data, size, failure);

	if (result)
		return result;
	s = buffer->session;
	pthread_rwlock_rdlock(&s->lock);
	if (!s->channel)
		result = lib_fail_closed(failure);
	else if (size && hg_channel_write(s->channel, s->queue, buffer->id, buffer->memory, offset,
					  data, size, NULL, &err))
		result = lib_fail_as(failure, &err);
	else
		result = lib_done(failure);
	pthread_rwlock_unlock(&s->lock);
	return result;
}

static int read_all(struct hg_gpu_session *s, const hg_gpu_buffer *b, size_t offset, void *data,
		    size_t size, struct hg_gpu_error *err)
{
	struct hg_pending *pending;

	if (!hg_channel_read(s->channel, s->queue, b->id, b->memory, offset, data, size, &pending,
			     err) &&
	    !hg_channel_complete(s->channel, pending, err))
		return 0;
	OPENSSL_cleanse(data, size);
	return -1;
}

int hg_gpu_buffer_read(hg_gpu_buffer *buffer, size_t offset, void *data, size_t size,
		       struct hg_gpu_failure *failure)
{
	struct hg_gpu_error err = { 0 };
	struct hg_gpu_session *s;
	int result = check(buffer, offset, data, size, failure);

	if (result)
		return result;
	s = buffer->session;
	pthread_rwlock_rdlock(&s->lock);
	if (!s->channel)
		result = lib_fail_closed(failure);
	else if (size && read_all(s, buffer, offset, data, size, &err))
		result = lib_fail_as(failure, &err);
	else
		result = lib_done(failure);
	pthread_rwlock_unlock(&s->lock);
	return result;
}
