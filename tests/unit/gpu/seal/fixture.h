/* SPDX-License-Identifier: Apache-2.0 */
/* A channel over an evil bus, with two buffers of the application. */
#ifndef FIXTURE_H
#define FIXTURE_H

#include "channel.h"
#include "evil.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define SIZE (3u << 20)

struct fixture {
	struct evil *evil;
	struct hg_provider *p;
	struct hg_queue *queue, *other;
	struct hg_buffer *a, *b;
	uint64_t id_a, id_b;
	struct hg_channel *ch;
	struct hg_gpu_error err;
};

/* The device: HG_TEST_DEVICE=opencl for OpenCL (HG_TEST_LANES), else the simulated one. */
struct hg_provider *fixture_provider(void);
/* A channel with @options, or the default ones; the buffers are filled with 0x5a. */
void fixture_open(struct fixture *f, const struct hg_channel_options *options);
void fixture_close(struct fixture *f);

void fixture_random(uint8_t *data, size_t size, uint64_t seed);
/* What really lies on the device. */
void fixture_peek(struct fixture *f, struct hg_buffer *buffer, size_t offset, void *data,
		  size_t size);
void fixture_poke(struct fixture *f, struct hg_buffer *buffer, size_t offset, const void *data,
		  size_t size);
int fixture_read(struct fixture *f, uint64_t id, struct hg_buffer *buffer, uint64_t offset,
		 void *dst, size_t size);

#define WORKS(call) \
	do { \
		if (call) \
			fail_msg("%s: %s", #call, f->err.text); \
	} while (0)

#endif
