// SPDX-License-Identifier: Apache-2.0
/*
 * The fuzzer is the bus: its input says what is altered of what a channel and the
 * simulated device send each other, and how kernels are started. Whatever it does, memory on
 * both sides holds what was there before or what was sent, and all that a call that
 * succeeded has promised.
 */
#include "channel.h"
#include "evil.h"

#include <stdlib.h>
#include <string.h>

#define SIZE  (HG_RECORD_DATA + 9000)
#define SMALL 300
#define STEPS 16

/* One alteration: eight bytes of the input. */
struct step {
	uint8_t where; /* % 3: a write, a read, a launch */
	uint8_t nth;
	uint8_t how;
	uint8_t value;
	uint32_t at;
};

static struct plan {
	struct step steps[STEPS];
	unsigned count;
	struct hg_buffer *a, *b;
	uint8_t old[2 * SIZE]; /* of what crossed before */
	size_t old_size;
} plan;

static struct evil *evil;
static struct hg_queue *queue;
static uint8_t text[SIZE], before[SIZE], now[SIZE], back[SIZE];

static void alter(struct plan *p, unsigned where, unsigned nth, uint8_t *data, size_t size)
{
	unsigned i;

	for (i = 0; i < p->count; i++) {
		const struct step *s = &p->steps[i];
		size_t at = s->at % size;

		if (s->where % 3 != where || s->nth % 8 != nth % 8)
			continue;
		switch (s->how % 5) {
		case 0:
			data[at] ^= s->value;
			break;
		case 1:
			data[at % 64] = s->value;
			break;
		case 2: /* what crossed before, in its place */
			memcpy(data, p->old, size < p->old_size ? size : p->old_size);
			break;
		case 3:
			memset(data + at, s->value, size - at);
			break;
		case 4: /* parts change places */
			memmove(data, data + at, size - at);
			break;
		}
	}
	p->old_size = size < sizeof(p->old) ? size : sizeof(p->old);
	memcpy(p->old, data, p->old_size);
}

static void on_write(struct evil *e, uint8_t *data, size_t size)
{
	/* The state is set up in clear before the session: whoever changes that has no session. */
	if (size < 3 * SIZE && size < (1u << 20))
		alter(e->arg, 0, e->writes, data, size);
}

static void on_read(struct evil *e, uint8_t *data, size_t size)
{
	alter(e->arg, 1, e->reads, data, size);
}

static bool on_launch(struct evil *e, const char *kernel, struct hg_arg *args, size_t *groups)
{
	struct plan *p = e->arg;
	unsigned i, k,
		count = !strcmp(kernel, "hg_open_small") ? 7
			: !strcmp(kernel, "hg_seal")	 ? 6
			: !strcmp(kernel, "hg_bind")	 ? 4
			: !strcmp(kernel, "hg_check")	 ? 4
			: !strcmp(kernel, "hg_open")	 ? 3
							 : 0;

	for (i = 0; i < p->count && count; i++) {
		const struct step *s = &p->steps[i];

		if (s->where % 3 != 2 || s->nth % 8 != e->launches % 8)
			continue;
		if (s->how % 8 == 0)
			return false;
		if (s->how % 8 == 1) {
			*groups = s->value % 32 + 1;
			continue;
		}
		k = s->how % count;
		if (args[k].type == HG_ARG_U32)
			args[k].u32 = s->value & 1 ? s->at : s->value;
		else if (args[k].type == HG_ARG_U64)
			args[k].u64 = s->value & 1 ? s->at : s->value & 2 ? 0ull - s->at :
				      args[k].u64 ^ s->value;
		else if (args[k].buffer == p->a || args[k].buffer == p->b)
			args[k].buffer = s->value & 1 ? p->a : p->b;
	}
	return true;
}

/* The bytes of [from, to) are those of @x, or those of @y. */
static void assert_either(const uint8_t *got, const uint8_t *x, const uint8_t *y, size_t from,
			  size_t to)
{
	if (memcmp(got + from, x + from, to - from) && memcmp(got + from, y + from, to - from))
		abort();
}

static void peek(struct hg_buffer *buffer)
{
	struct hg_provider *p = evil->below;

	if (p->ops->read(p, queue, buffer, 0, now, SIZE, NULL, NULL, NULL))
		abort();
}

static void session(void)
{
	struct hg_channel_options o = {.session = 7, .slots = 2, .suite = HG_AES_256_GCM};
	struct hg_gpu_error err = {.code = HG_GPU_OK}, first;
	struct hg_channel *ch = NULL;
	struct hg_pending *pending = NULL;
	uint64_t a = 0, b = 0;
	size_t i;
	int r;

	memset(back, 0xc3, SIZE);
	r = hg_channel_open(&evil->base, queue, &o, &ch, &err) ||
	    hg_channel_bind(ch, queue, plan.a, SIZE, &a, &err) ||
	    hg_channel_bind(ch, queue, plan.b, SIZE, &b, &err) ||
	    hg_channel_write(ch, queue, a, plan.a, 0, text, SMALL, NULL, &err) ||
	    hg_channel_write(ch, queue, a, plan.a, SMALL, text + SMALL, SMALL, NULL, &err) ||
	    hg_channel_rekey(ch, queue, &err) ||
	    hg_channel_write(ch, queue, a, plan.a, 2 * SMALL, text + 2 * SMALL, SIZE - 2 * SMALL,
			     NULL, &err) ||
	    hg_channel_read(ch, queue, a, plan.a, 0, back, SIZE, &pending, &err) ||
	    hg_channel_complete(ch, pending, &err) || hg_channel_sync(ch, queue, &err);
	/* Whatever the verdict: what lies on the device was sent, and the rest is as it was. */
	peek(plan.a);
	assert_either(now, before, text, 0, SMALL);
	assert_either(now, before, text, SMALL, 2 * SMALL);
	assert_either(now, before, text, 2 * SMALL, SIZE);
	peek(plan.b);
	assert_either(now, before, before, 0, SIZE);
	if (!r) {
		assert_either(back, text, text, 0, SIZE);
	} else if (ch) {
		for (i = 0; i < SIZE && (back[i] == 0xc3 || back[i] == 0); i++)
			;
		if (i < SIZE)
			assert_either(back, text, text, 0, SIZE);
		/* The first error stays. */
		if (!hg_channel_error(ch, &first) || !hg_channel_sync(ch, queue, &err))
			abort();
	}
	hg_channel_close(ch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hg_provider *cpu;
	size_t i;

	if (!evil) {
		if (hg_cpu_open(&cpu, NULL))
			abort();
		evil = evil_new(cpu);
		if (cpu->ops->queue_create(cpu, &queue, NULL) ||
		    cpu->ops->buffer_create(cpu, SIZE, &plan.a, NULL) ||
		    cpu->ops->buffer_create(cpu, SIZE, &plan.b, NULL))
			abort();
		for (i = 0; i < SIZE; i++)
			text[i] = (uint8_t)(i * 31 + i / 256 + 1) | 1;
		memset(before, 0x5a, SIZE);
		evil->arg = &plan;
		evil->on_write = on_write;
		evil->on_read = on_read;
		evil->on_launch = on_launch;
	}
	plan.count = size / sizeof(struct step) < STEPS ? size / sizeof(struct step) : STEPS;
	if (plan.count)
		memcpy(plan.steps, data, plan.count * sizeof(struct step));
	plan.old_size = 0;
	evil->writes = evil->reads = evil->launches = 0;
	evil_forget(evil);
	cpu = evil->below;
	if (cpu->ops->write(cpu, queue, plan.a, 0, before, SIZE, NULL, NULL, NULL) ||
	    cpu->ops->write(cpu, queue, plan.b, 0, before, SIZE, NULL, NULL, NULL))
		abort();
	session();
	return 0;
}
