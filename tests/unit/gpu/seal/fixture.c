// SPDX-License-Identifier: Apache-2.0
#include "fixture.h"

#include <stdlib.h>
#include <string.h>

struct hg_provider *fixture_provider(void)
{
	const char *device = getenv("HG_TEST_DEVICE"), *lanes = getenv("HG_TEST_LANES");
	const char *suites = getenv("HG_TEST_SUITES");
	/* One for all tests: it has no state of its own. */
	static struct hg_provider *p;
	struct hg_gpu_error err;
	int r;

	if (p)
		return p;
	if (device && !strcmp(device, "opencl"))
		r = hg_opencl_open(0, lanes ? atoi(lanes) : 0,
				   suites ? (unsigned)atoi(suites) : HG_SUITES_ALL, &p, &err);
	else
		r = hg_cpu_open(&p, &err);
	if (r)
		fail_msg("no device: %s", err.text);
	return p;
}

void fixture_random(uint8_t *data, size_t size, uint64_t seed)
{
	size_t i;

	seed = seed * 2654435761u + 88172645463325252ull;
	for (i = 0; i < size; i++) {
		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		data[i] = seed >> 32;
	}
}

void fixture_peek(struct fixture *f, struct hg_buffer *buffer, size_t offset, void *data,
		  size_t size)
{
	struct hg_provider *p = f->evil->below;

	assert_int_equal(p->ops->finish(p, f->queue, &f->err), 0);
	assert_int_equal(p->ops->read(p, f->queue, buffer, offset, data, size, NULL, NULL, &f->err),
			 0);
	assert_int_equal(p->ops->finish(p, f->queue, &f->err), 0);
}

void fixture_poke(struct fixture *f, struct hg_buffer *buffer, size_t offset, const void *data,
		  size_t size)
{
	struct hg_provider *p = f->evil->below;

	assert_int_equal(
		p->ops->write(p, f->queue, buffer, offset, data, size, NULL, NULL, &f->err), 0);
	assert_int_equal(p->ops->finish(p, f->queue, &f->err), 0);
}

void fixture_open(struct fixture *f, const struct hg_channel_options *options)
{
	struct hg_channel_options o = {.threads = 0};
	uint8_t *fill = malloc(SIZE);

	memset(f, 0, sizeof(*f));
	if (options)
		o = *options;
	if (!o.session)
		o.session = 0x4242;
	memset(o.secret, 0x33, sizeof(o.secret));
	memset(o.transcript, 0x44, sizeof(o.transcript));
	f->evil = evil_new(fixture_provider());
	f->p = &f->evil->base;
	WORKS(f->p->ops->queue_create(f->p, &f->queue, &f->err));
	WORKS(f->p->ops->queue_create(f->p, &f->other, &f->err));
	WORKS(f->p->ops->buffer_create(f->p, SIZE, &f->a, &f->err));
	WORKS(f->p->ops->buffer_create(f->p, SIZE, &f->b, &f->err));
	assert_non_null(fill);
	memset(fill, 0x5a, SIZE);
	fixture_poke(f, f->a, 0, fill, SIZE);
	fixture_poke(f, f->b, 0, fill, SIZE);
	free(fill);
	WORKS(hg_channel_open(f->p, f->queue, &o, &f->ch, &f->err));
	WORKS(hg_channel_bind(f->ch, f->queue, f->a, SIZE, &f->id_a, &f->err));
	WORKS(hg_channel_bind(f->ch, f->queue, f->b, SIZE, &f->id_b, &f->err));
}

void fixture_close(struct fixture *f)
{
	hg_channel_close(f->ch);
	f->p->ops->buffer_release(f->p, f->a);
	f->p->ops->buffer_release(f->p, f->b);
	f->p->ops->queue_release(f->p, f->queue);
	f->p->ops->queue_release(f->p, f->other);
	hg_provider_close(f->p);
}

int fixture_read(struct fixture *f, uint64_t id, struct hg_buffer *buffer, uint64_t offset,
		 void *dst, size_t size)
{
	struct hg_pending *pending;

	if (hg_channel_read(f->ch, f->queue, id, buffer, offset, dst, size, &pending, &f->err))
		return -1;
	return hg_channel_complete(f->ch, pending, &f->err);
}
