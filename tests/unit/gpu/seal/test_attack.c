// SPDX-License-Identifier: Apache-2.0
/*
 * Attacks on the bus, each against a fresh channel. After every refusal: the
 * application's buffers are as they were, the device stays bad, and the channel
 * says so for good.
 */
#include "channel_impl.h"
#include "fixture.h"

#include <stdlib.h>
#include <string.h>

#define LARGE (3 * HG_RECORD_DATA + 1000)

static uint8_t text[SIZE], before[SIZE], after[SIZE];

/* What an attacker does; counted in writes, reads and launches since it was set. */
struct plan {
	unsigned at;	 /* which write, read or launch, from 1 */
	unsigned seen;
	size_t byte;	 /* what to alter */
	uint8_t flip;
	const char *kernel;
	unsigned arg;
	uint64_t value;
	struct hg_buffer *buffer;
	size_t groups;
	bool drop;
	uint8_t *kept; /* what was recorded */
	size_t kept_size;
};

static void open_plan(struct fixture *f, struct plan *plan, const struct hg_channel_options *o)
{
	fixture_open(f, o);
	plan->seen = 0;
	f->evil->arg = plan;
	fixture_random(text, SIZE, 77);
	memset(before, 0x5a, SIZE);
}

/* Buffer a holds what is in before, b what it was filled with; nothing gets through any more. */
static void assert_dead(struct fixture *f)
{
	struct hg_gpu_error err;
	struct hg_pending *pending;
	uint64_t id;

	assert_int_equal(hg_channel_error(f->ch, &err), -1);
	assert_true(err.code == HG_GPU_E_REFUSED || err.code == HG_GPU_E_TAMPERED);
	f->evil->on_write = NULL;
	f->evil->on_read = NULL;
	f->evil->on_launch = NULL;
	assert_int_equal(
		hg_channel_write(f->ch, f->queue, f->id_a, f->a, 0, text, LARGE, NULL, &f->err),
		-1);
	assert_string_equal(f->err.text, err.text);
	assert_int_equal(
		hg_channel_read(f->ch, f->queue, f->id_a, f->a, 0, after, 1, &pending, &f->err),
		-1);
	assert_int_equal(hg_channel_sync(f->ch, f->queue, &f->err), -1);
	assert_int_equal(hg_channel_flush(f->ch, f->queue, &f->err), -1);
	assert_int_equal(hg_channel_rekey(f->ch, f->queue, &f->err), -1);
	assert_int_equal(hg_channel_bind(f->ch, f->queue, f->a, 1, &id, &f->err), -1);
	fixture_peek(f, f->a, 0, after, SIZE);
	assert_memory_equal(after, before, SIZE);
	fixture_peek(f, f->b, 0, after, SIZE);
	memset(before, 0x5a, SIZE);
	assert_memory_equal(after, before, SIZE);
}

/* A write, and the receipt that must not be good. */
static void attacked_write(struct fixture *f, size_t size, enum hg_gpu_code code)
{
	int r = hg_channel_write(f->ch, f->queue, f->id_a, f->a, 0, text, size, NULL, &f->err);

	if (!r)
		r = hg_channel_sync(f->ch, f->queue, &f->err);
	assert_int_equal(r, -1);
	if (code)
		assert_int_equal(f->err.code, code);
	assert_dead(f);
}

static void flip_write(struct evil *e, uint8_t *data, size_t size)
{
	struct plan *p = e->arg;

	if (++p->seen == p->at && p->byte < size)
		data[p->byte] ^= p->flip;
}

/* Every byte of a header and of the tag, and some of the data; one record and a row. */
static void test_altered_write(void **state)
{
	static const size_t data[] = { 64,
				       65,
				       1000,
				       HG_RECORD_SPACE(HG_RECORD_DATA) + 3,
				       2 * HG_RECORD_SPACE(HG_RECORD_DATA) + 50,
				       64 + HG_RECORD_DATA - 1 };
	static const char *const why[16] = {"magic", "magic", "magic", "magic", "kind", "suite",
					    "direction", "epoch", "session", "session", "session",
					    "session", "session", "session", "session", "session"};
	struct fixture f;
	struct plan plan = {.at = 1, .flip = 1};
	size_t i, size;

	(void)state;
	for (i = 0; i < 64 + sizeof(data) / sizeof(*data); i++) {
		plan.byte = i < 64 ? i : data[i - 64];
		plan.flip = i % 3 == 1 ? 0x80 : 1;
		size = i < 64 && i % 2 ? 2000 : LARGE;
		open_plan(&f, &plan, NULL);
		f.evil->on_write = flip_write;
		attacked_write(&f, size, HG_GPU_E_REFUSED);
		if (i < 16)
			assert_non_null(strstr(f.err.text, why[i]));
		else if (i < 24)
			assert_non_null(strstr(f.err.text, "sequence"));
		else if (i >= 48 && i < 64)
			assert_non_null(strstr(f.err.text, "tag"));
		fixture_close(&f);
	}
}

/* Zeros that pad a record carry nothing and are not looked at: altered, they do no harm. */
static void test_padding(void **state)
{
	struct fixture f;
	struct plan plan = {.at = 1, .flip = 0xff, .byte = 64 + 13};

	(void)state;
	open_plan(&f, &plan, NULL);
	f.evil->on_write = flip_write;
	assert_int_equal(hg_channel_write(f.ch, f.queue, f.id_a, f.a, 0, text, 13, NULL, &f.err),
			 0);
	assert_int_equal(hg_channel_sync(f.ch, f.queue, &f.err), 0);
	fixture_peek(&f, f.a, 0, after, SIZE);
	memcpy(before, text, 13);
	assert_memory_equal(after, before, SIZE);
	fixture_close(&f);
}

/* Puts what was recorded in the place of a later write. */
static void replay_write(struct evil *e, uint8_t *data, size_t size)
{
	struct plan *p = e->arg;

	p->seen++;
	if (p->seen == 1) {
		p->kept = malloc(size);
		p->kept_size = size;
		memcpy(p->kept, data, size);
	} else if (p->seen == p->at) {
		memcpy(data, p->kept, size < p->kept_size ? size : p->kept_size);
	}
}

static void replay(size_t size, bool rekey, const char *why)
{
	struct fixture f;
	struct plan plan = {.at = rekey ? 3 : 2};

	open_plan(&f, &plan, NULL);
	f.evil->on_write = replay_write;
	assert_int_equal(hg_channel_write(f.ch, f.queue, f.id_a, f.a, 0, text, size, NULL, &f.err),
			 0);
	assert_int_equal(hg_channel_sync(f.ch, f.queue, &f.err), 0);
	if (rekey)
		assert_int_equal(hg_channel_rekey(f.ch, f.queue, &f.err), 0);
	memcpy(before, text, size);
	fixture_random(text, SIZE, 78);
	attacked_write(&f, size, HG_GPU_E_REFUSED);
	assert_non_null(strstr(f.err.text, why));
	fixture_close(&f);
	free(plan.kept);
}

static void test_replayed_write(void **state)
{
	(void)state;
	replay(100, false, "sequence");
	replay(LARGE, false, "sequence");
	replay(100, true, "epoch");
	replay(LARGE, true, "epoch");
}

/* Two records of a row change places. */
static void swap_write(struct evil *e, uint8_t *data, size_t size)
{
	const size_t space = HG_RECORD_SPACE(HG_RECORD_DATA);
	uint8_t *copy = malloc(space);

	(void)e;
	if (size > 2 * space) {
		memcpy(copy, data, space);
		memcpy(data, data + space, space);
		memcpy(data + space, copy, space);
	}
	free(copy);
}

static void test_reordered_records(void **state)
{
	struct fixture f;
	struct plan plan = {0};

	(void)state;
	open_plan(&f, &plan, NULL);
	f.evil->on_write = swap_write;
	attacked_write(&f, LARGE, HG_GPU_E_REFUSED);
	assert_non_null(strstr(f.err.text, "sequence"));
	fixture_close(&f);
}

/* A record of another session with the same keys, were there such a thing. */
static void test_other_session(void **state)
{
	struct fixture f;
	struct plan plan = {.at = 1}, second = {.at = 2};
	struct hg_channel_options o = {.session = 0x9999};

	(void)state;
	open_plan(&f, &plan, NULL);
	f.evil->on_write = replay_write;
	assert_int_equal(hg_channel_write(f.ch, f.queue, f.id_a, f.a, 0, text, 64, NULL, &f.err),
			 0);
	assert_int_equal(hg_channel_flush(f.ch, f.queue, &f.err), 0);
	fixture_close(&f);
	second.kept = plan.kept;
	second.kept_size = plan.kept_size;
	open_plan(&f, &second, &o);
	second.seen = 1;
	f.evil->on_write = replay_write;
	attacked_write(&f, 64, HG_GPU_E_REFUSED);
	assert_non_null(strstr(f.err.text, "session"));
	fixture_close(&f);
	free(plan.kept);
}

/* What the device sealed comes back to it as if the host had. */
static void keep_read(struct evil *e, uint8_t *data, size_t size)
{
	struct plan *p = e->arg;

	if (!p->kept) {
		p->kept = malloc(size);
		p->kept_size = size;
		memcpy(p->kept, data, size);
	}
}

static void reflect_write(struct evil *e, uint8_t *data, size_t size)
{
	struct plan *p = e->arg;

	memcpy(data, p->kept, size < p->kept_size ? size : p->kept_size);
}

static void test_reflection(void **state)
{
	struct fixture f;
	struct plan plan = {0};

	(void)state;
	open_plan(&f, &plan, NULL);
	f.evil->on_read = keep_read;
	assert_int_equal(fixture_read(&f, f.id_a, f.a, 0, after, 5000), 0);
	f.evil->on_read = NULL;
	f.evil->on_write = reflect_write;
	attacked_write(&f, 5000, HG_GPU_E_REFUSED);
	assert_non_null(strstr(f.err.text, "direction"));
	fixture_close(&f);
	free(plan.kept);
}

static bool change_launch(struct evil *e, const char *kernel, struct hg_arg *args, size_t *groups)
{
	struct plan *p = e->arg;

	if (strcmp(kernel, p->kernel))
		return true;
	if (++p->seen != p->at)
		return true;
	if (p->drop)
		return false;
	if (p->groups)
		*groups = p->groups;
	else if (args[p->arg].type == HG_ARG_BUFFER)
		args[p->arg].buffer = p->buffer;
	else if (args[p->arg].type == HG_ARG_U32)
		args[p->arg].u32 = (uint32_t)p->value;
	else
		args[p->arg].u64 = p->value;
	return true;
}

/* Kernels of a write that are left out, started otherwise, or with other arguments. */
static void test_write_launches(void **state)
{
	static const struct {
		size_t size;
		struct plan plan;
		bool other; /* the other buffer in the argument's place */
	} cases[] = {
		{100, {.kernel = "hg_open_small", .drop = true}, false},
		{100, {.kernel = "hg_open_small", .arg = 6, .value = 0}, false},
		{100, {.kernel = "hg_open_small", .arg = 6, .value = 2}, false},
		{100, {.kernel = "hg_open_small", .arg = 6, .value = 0xffffffff}, false},
		{100, {.kernel = "hg_open_small", .groups = 2}, false},
		{100, {.kernel = "hg_open_small", .arg = 2}, false},
		{100, {.kernel = "hg_open_small", .arg = 2}, true},
		{LARGE, {.kernel = "hg_check", .drop = true}, false},
		{LARGE, {.kernel = "hg_check", .arg = 3, .value = 3}, false},
		{LARGE, {.kernel = "hg_check", .arg = 3, .value = 5}, false},
		{LARGE, {.kernel = "hg_check", .arg = 3, .value = 0}, false},
		{LARGE, {.kernel = "hg_check", .groups = 3}, false},
		{LARGE, {.kernel = "hg_check", .groups = 5}, false},
		{LARGE, {.kernel = "hg_check", .arg = 2}, true},
		{LARGE, {.kernel = "hg_open", .drop = true}, false},
		{LARGE, {.kernel = "hg_open", .arg = 1}, true},
		{LARGE, {.kernel = "hg_open", .arg = 2, .value = 3}, false},
		{LARGE, {.kernel = "hg_open", .arg = 2, .value = 0}, false},
		{LARGE, {.kernel = "hg_open", .arg = 2, .value = 0xffffffff}, false},
		{LARGE, {.kernel = "hg_open", .groups = 1}, false},
		{LARGE, {.kernel = "hg_open", .groups = 1000}, false},
	};
	struct fixture f;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct plan plan = cases[i].plan;

		plan.at = 1;
		open_plan(&f, &plan, NULL);
		plan.buffer = cases[i].other ? f.b : NULL;
		f.evil->on_launch = change_launch;
		attacked_write(&f, cases[i].size, 0);
		fixture_close(&f);
	}
}

/* A read that must fail and leave nothing of the device's with the application. */
static void attacked_read(struct fixture *f, size_t size)
{
	uint8_t *dst = malloc(size);
	size_t i;

	memset(dst, 0xc3, size);
	assert_int_equal(fixture_read(f, f->id_a, f->a, 0, dst, size), -1);
	for (i = 0; i < size; i++)
		assert_true(dst[i] == 0 || dst[i] == 0xc3);
	free(dst);
	assert_dead(f);
}

static void flip_read(struct evil *e, uint8_t *data, size_t size)
{
	struct plan *p = e->arg;

	if (++p->seen == p->at && p->byte < size)
		data[p->byte] ^= p->flip;
}

static void test_altered_read(void **state)
{
	const size_t space = HG_RECORD_SPACE(HG_RECORD_DATA),
		     receipt = 3 * space + HG_RECORD_SPACE(1000);
	struct fixture f;
	struct plan plan = {.at = 1};
	size_t i;

	(void)state;
	for (i = 0; i < 64 + 64 + 6; i++) {
		const size_t data[] = {
			64,	      space + 100,	2 * space - 1, 3 * space + 64 + 999,
			receipt + 64, receipt + 64 + 95
		};

		plan.byte = i < 64 ? i : i < 128 ? receipt + i - 64 : data[i - 128];
		plan.flip = i % 3 ? 1 : 0x40;
		open_plan(&f, &plan, NULL);
		f.evil->on_read = flip_read;
		attacked_read(&f, LARGE);
		assert_int_equal(f.err.code, HG_GPU_E_TAMPERED);
		fixture_close(&f);
	}
}

/* A large read whose second piece is altered: the first was there, and is wiped. */
static void test_later_piece(void **state)
{
	struct fixture f;
	struct plan plan = {.at = 2, .byte = 5000, .flip = 1};

	(void)state;
	open_plan(&f, &plan, NULL);
	f.evil->on_read = flip_read;
	attacked_read(&f, 2u << 20);
	fixture_close(&f);
}

/* An old answer for a new question. */
static void replay_read(struct evil *e, uint8_t *data, size_t size)
{
	struct plan *p = e->arg;

	if (p->kept)
		memcpy(data, p->kept, size < p->kept_size ? size : p->kept_size);
	else
		keep_read(e, data, size);
}

static void test_replayed_read(void **state)
{
	struct fixture f;
	struct plan plan = {0};

	(void)state;
	open_plan(&f, &plan, NULL);
	f.evil->on_read = replay_read;
	assert_int_equal(fixture_read(&f, f.id_a, f.a, 0, after, LARGE), 0);
	attacked_read(&f, LARGE);
	fixture_close(&f);
	free(plan.kept);
}

static void swap_read(struct evil *e, uint8_t *data, size_t size)
{
	swap_write(e, data, size);
}

static void test_reordered_read(void **state)
{
	struct fixture f;
	struct plan plan = {0};

	(void)state;
	open_plan(&f, &plan, NULL);
	f.evil->on_read = swap_read;
	attacked_read(&f, LARGE);
	fixture_close(&f);
}

/* Kernels of a read that are left out, started otherwise, or with other arguments. */
static void test_read_launches(void **state)
{
	static const struct {
		struct plan plan;
		bool other;
	} cases[] = {
		{{.kernel = "hg_seal", .drop = true}, false},
		{{.kernel = "hg_seal", .groups = 3}, false},
		{{.kernel = "hg_seal", .groups = 5}, false},
		{{.kernel = "hg_seal", .arg = 1}, true},
		{{.kernel = "hg_seal", .arg = 1}, false},
		{{.kernel = "hg_seal", .arg = 3, .value = 0}, false},
		{{.kernel = "hg_seal", .arg = 3, .value = 1u << HG_BOUND_BITS | 2}, false},
		{{.kernel = "hg_seal", .arg = 4, .value = 16}, false},
		{{.kernel = "hg_seal", .arg = 4, .value = UINT64_MAX}, false},
		{{.kernel = "hg_seal", .arg = 4, .value = SIZE}, false},
		{{.kernel = "hg_seal", .arg = 5, .value = LARGE - 1}, false},
		{{.kernel = "hg_seal", .arg = 5, .value = 0}, false},
		{{.kernel = "hg_seal", .arg = 5, .value = 0xffffffff}, false},
	};
	struct fixture f;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct plan plan = cases[i].plan;

		plan.at = 1;
		open_plan(&f, &plan, NULL);
		plan.buffer = cases[i].other ? f.b : NULL;
		f.evil->on_launch = change_launch;
		attacked_read(&f, LARGE);
		fixture_close(&f);
	}
}

/* Both buffers get the same memory, or another size or id than the host announced. */
static void test_bind(void **state)
{
	static const struct plan cases[] = {
		{ .kernel = "hg_bind", .arg = 1 },
		{ .kernel = "hg_bind", .arg = 2, .value = 5 },
		{ .kernel = "hg_bind", .arg = 3, .value = 1 },
		{ .kernel = "hg_bind", .arg = 3, .value = 0 },
		{ .kernel = "hg_bind", .groups = 2 },
		{ .kernel = "hg_bind", .drop = true },
	};
	struct fixture f;
	struct hg_buffer *third;
	uint64_t id;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct plan plan = cases[i];

		plan.at = 1;
		open_plan(&f, &plan, NULL);
		plan.buffer = f.b;
		assert_int_equal(f.p->ops->buffer_create(f.p, 4096, &third, &f.err), 0);
		f.evil->on_launch = change_launch;
		assert_int_equal(hg_channel_bind(f.ch, f.queue, third, 4096, &id, &f.err), -1);
		assert_int_equal(id, 0);
		assert_dead(&f);
		f.p->ops->buffer_release(f.p, third);
		fixture_close(&f);
	}
}

/* The device is made to seal into the state's memory, or to take that for a buffer. */
static void test_state_as_buffer(void **state)
{
	static const struct plan cases[] = {
		{ .kernel = "hg_bind", .arg = 1 },
		{ .kernel = "hg_bind", .arg = 4 },
		{ .kernel = "hg_seal", .arg = 2 },
		{ .kernel = "hg_receipt", .arg = 1 },
	};
	static struct hg_key keys[2][HG_KEYS];
	struct hg_buffer *third;
	struct fixture f;
	uint64_t id;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct plan plan = cases[i];

		plan.at = 1;
		open_plan(&f, &plan, NULL);
		plan.buffer = hg_channel_state(f.ch);
		fixture_peek(&f, plan.buffer, offsetof(struct hg_state, keys), keys[0],
			     sizeof(keys[0]));
		assert_int_equal(f.p->ops->buffer_create(f.p, 4096, &third, &f.err), 0);
		f.evil->on_launch = change_launch;
		if (i < 2)
			assert_int_equal(hg_channel_bind(f.ch, f.queue, third, 4096, &id, &f.err),
					 -1);
		else if (i == 2)
			assert_int_equal(fixture_read(&f, f.id_a, f.a, 0, after, 5000), -1);
		else
			assert_int_equal(hg_channel_sync(f.ch, f.queue, &f.err), -1);
		assert_dead(&f);
		fixture_peek(&f, plan.buffer, offsetof(struct hg_state, keys), keys[1],
			     sizeof(keys[1]));
		assert_memory_equal(keys[0], keys[1], sizeof(keys[0]));
		f.p->ops->buffer_release(f.p, third);
		fixture_close(&f);
	}
}

/* What is sealed would lie over what it is made from. */
static void test_seal_in_place(void **state)
{
	struct fixture f;
	struct plan plan = {.kernel = "hg_seal", .arg = 2, .at = 1};

	(void)state;
	open_plan(&f, &plan, NULL);
	plan.buffer = f.a;
	f.evil->on_launch = change_launch;
	attacked_read(&f, LARGE);
	fixture_close(&f);
}

/* A receipt that is asked for by more groups than one. */
static void test_receipt(void **state)
{
	struct fixture f;
	struct plan plan = {.kernel = "hg_receipt", .at = 1, .groups = 2};

	(void)state;
	open_plan(&f, &plan, NULL);
	f.evil->on_launch = change_launch;
	assert_int_equal(hg_channel_sync(f.ch, f.queue, &f.err), -1);
	assert_dead(&f);
	fixture_close(&f);
}

/* The attacker announces buffers himself, again or anew, between two of our calls. */
static void test_extra_bind(void **state)
{
	struct fixture f;
	struct plan plan = {0};
	struct hg_provider *p;
	struct hg_kernel *bind;
	struct hg_buffer *out;
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		open_plan(&f, &plan, NULL);
		p = f.evil->below;
		assert_int_equal(p->ops->kernel(p, "hg_bind", &bind, &f.err), 0);
		assert_int_equal(p->ops->buffer_create(p, 4096, &out, &f.err), 0);
		{
			struct hg_arg args[] = {
				{.type = HG_ARG_BUFFER, .buffer = hg_channel_state(f.ch)},
				{.type = HG_ARG_BUFFER, .buffer = f.b},
				/* The same id, the place's next, and one of a free place. */
				{.type = HG_ARG_U64, .u64 = i == 0 ? f.id_a : i == 1 ?
				 f.id_a + HG_BOUND_MAX : 1u << HG_BOUND_BITS | 99},
				{.type = HG_ARG_U64, .u64 = SIZE},
				{.type = HG_ARG_BUFFER, .buffer = out},
			};

			assert_int_equal(p->ops->launch(p, f.queue, bind, args, 5, 1, p->info.lanes,
							NULL, NULL, &f.err), 0);
		}
		/* What is not about buffer a does not keep a write to it; but it is noticed. */
		if (i == 2)
			memcpy(before, text, 64);
		attacked_write(&f, 64, 0);
		p->ops->buffer_release(p, out);
		fixture_close(&f);
	}
}

/* Keys are installed again, to start all numbers anew. */
static void test_second_install(void **state)
{
	struct fixture f;
	struct plan plan = {0};
	struct hg_provider *p;
	struct hg_kernel *install;
	struct hg_arg args[11] = {{.type = HG_ARG_BUFFER}};
	int i;

	(void)state;
	open_plan(&f, &plan, NULL);
	p = f.evil->below;
	assert_int_equal(p->ops->kernel(p, "hg_install", &install, &f.err), 0);
	args[0].buffer = hg_channel_state(f.ch);
	for (i = 1; i < 10; i++)
		args[i] = (struct hg_arg){.type = HG_ARG_U64, .u64 = 0x3333333333333333};
	args[10] = (struct hg_arg){.type = HG_ARG_U32, .u32 = HG_AES_256_GCM};
	assert_int_equal(p->ops->launch(p, f.queue, install, args, 11, 1, p->info.lanes, NULL, NULL,
					&f.err), 0);
	attacked_write(&f, 64, HG_GPU_E_REFUSED);
	fixture_close(&f);
}

/*
 * A nonce must not be made twice: what the attacker starts himself, or starts with too
 * few groups, uses numbers up, and two records never have the same.
 */
static void test_nonces(void **state)
{
	enum { OUT = 5 };
	struct fixture f;
	struct plan plan = {0};
	struct hg_provider *p;
	struct hg_kernel *seal;
	struct hg_buffer *out[OUT];
	struct hg_record heads[4 * OUT];
	unsigned i, k, count = 0;

	(void)state;
	open_plan(&f, &plan, NULL);
	p = f.evil->below;
	assert_int_equal(p->ops->kernel(p, "hg_seal", &seal, &f.err), 0);
	for (i = 0; i < OUT; i++) {
		struct hg_arg args[] = {
			{.type = HG_ARG_BUFFER, .buffer = hg_channel_state(f.ch)},
			{.type = HG_ARG_BUFFER, .buffer = f.a},
			{.type = HG_ARG_BUFFER},
			{.type = HG_ARG_U64, .u64 = f.id_a},
			{.type = HG_ARG_U64, .u64 = i * 100},
			{.type = HG_ARG_U32, .u32 = 3 * HG_RECORD_DATA},
		};
		uint8_t zero[64] = {0};

		assert_int_equal(p->ops->buffer_create(p, 4 * HG_RECORD_SPACE(HG_RECORD_DATA),
						       &out[i], &f.err),
				 0);
		for (k = 0; k < 4; k++)
			fixture_poke(&f, out[i], k * HG_RECORD_SPACE(HG_RECORD_DATA), zero, 64);
		args[2].buffer = out[i];
		assert_int_equal(p->ops->launch(p, f.queue, seal, args, 6,
						i == 2	 ? 2
						: i == 3 ? 7
							 : 3,
						p->info.lanes, NULL, NULL, &f.err),
				 0);
		for (k = 0; k < 4; k++) {
			fixture_peek(&f, out[i], k * HG_RECORD_SPACE(HG_RECORD_DATA), &heads[count],
				     64);
			count += heads[count].magic == HG_RECORD_MAGIC;
		}
	}
	/* Two good launches of 3 and a receipt; after the wrong one receipts alone. */
	assert_in_range(count, 9, 11);
	for (i = 0; i < count; i++)
		for (k = 0; k < i; k++)
			assert_int_not_equal(heads[i].sequence, heads[k].sequence);
	attacked_read(&f, 100);
	for (i = 0; i < OUT; i++)
		p->ops->buffer_release(p, out[i]);
	fixture_close(&f);
}

/* Memory of the session's is released: whether there are keys in it. */
struct remains {
	struct hg_queue *queue;
	struct hg_buffer *state;
	unsigned released;
	bool keys;
};

static void look_at_state(struct evil *e, struct hg_buffer *buffer)
{
	const size_t size = offsetof(struct hg_state, scratch);
	struct remains *r = e->arg;
	uint8_t *copy;
	size_t i;

	if (buffer != r->state)
		return;
	copy = malloc(size);
	assert_non_null(copy);
	assert_int_equal(e->below->ops->read(e->below, r->queue, buffer, 0, copy, size, NULL, NULL,
					     NULL),
			 0);
	assert_int_equal(e->below->ops->finish(e->below, r->queue, NULL), 0);
	for (i = 0; i < size; i++)
		r->keys |= copy[i] != 0;
	r->released++;
	free(copy);
}

/* A channel that is closed, and one that cannot be opened, leave no keys behind. */
static void test_remains(void **state)
{
	struct fixture f;
	struct plan plan = {0};
	struct remains r = {0};
	struct hg_channel_options o = {.suite = HG_AES_256_GCM, .slots = 1};
	struct hg_channel *ch;
	uint8_t byte = 1;

	(void)state;
	open_plan(&f, &plan, NULL);
	r.queue = f.queue;
	r.state = hg_channel_state(f.ch);
	f.evil->arg = &r;
	f.evil->on_release = look_at_state;
	hg_channel_close(f.ch);
	assert_int_equal(r.released, 1);
	assert_false(r.keys);
	for (o.slots = 1; o.slots < 3; o.slots++) {
		assert_int_equal(f.evil->below->ops->buffer_create(
					 f.evil->below, hg_channel_state_size(), &o.state, &f.err),
				 0);
		fixture_poke(&f, o.state, offsetof(struct hg_state, keys), &byte, 1);
		r.state = o.state;
		/* Wrong options, or no memory for the ring. */
		f.evil->calls = 0;
		f.evil->fail_at = o.slots == 2 ? CHANNEL_KERNELS : -1;
		assert_int_equal(hg_channel_open(f.p, f.queue, &o, &ch, &f.err), -1);
		assert_null(ch);
		assert_int_equal(r.released, 1 + o.slots);
		assert_false(r.keys);
	}
	f.evil->fail_at = -1;
	f.ch = NULL;
	fixture_close(&f);
}

/*
 * Every operation fails once: an error, no hang, no leak, no wrong data. The channel may go
 * on where nothing was used up.
 */
static int everything(struct fixture *f, struct hg_channel **ch)
{
	struct hg_channel_options o = {.session = 1};
	struct hg_pending *pending = NULL;
	uint64_t id;

	if (hg_channel_open(f->p, f->queue, &o, ch, &f->err) ||
	    hg_channel_bind(*ch, f->queue, f->a, SIZE, &id, &f->err) ||
	    hg_channel_write(*ch, f->queue, id, f->a, 0, text, 100, NULL, &f->err) ||
	    hg_channel_write(*ch, f->queue, id, f->a, 100, text + 100, SIZE - 100, NULL, &f->err) ||
	    hg_channel_rekey(*ch, f->queue, &f->err) ||
	    hg_channel_read(*ch, f->queue, id, f->a, 0, after, SIZE, &pending, &f->err))
		return -1;
	if (hg_channel_complete(*ch, pending, &f->err))
		return -1;
	return hg_channel_sync(*ch, f->queue, &f->err);
}

static void test_faults(void **state)
{
	struct fixture f;
	struct plan plan = {0};
	long n;
	int r = -1;

	(void)state;
	open_plan(&f, &plan, NULL);
	for (n = 0; r; n++) {
		struct hg_channel *ch = NULL;

		assert_true(n < 500);
		memset(after, 0, SIZE);
		f.evil->calls = 0;
		f.evil->fail_at = n;
		r = everything(&f, &ch);
		if (r) {
			assert_non_null(strstr(f.err.text, "injected"));
			/* All or nothing of what was asked for. */
			assert_true(after[0] == 0 || !memcmp(after, text, SIZE));
		}
		f.evil->fail_at = -1;
		hg_channel_close(ch);
	}
	assert_true(n > 50);
	assert_memory_equal(after, text, SIZE);
	fixture_close(&f);
}

static void flip_all(struct evil *e, uint8_t *data, size_t size)
{
	struct plan *p = e->arg;
	size_t i;

	if (++p->seen == p->at)
		for (i = 0; i < size; i++)
			data[i] ^= 1;
}

/* A device that computes wrongly, in whatever it is asked, is refused. */
static void test_known_answers(void **state)
{
	struct plan plan = {0};
	struct hg_gpu_error err;
	unsigned n, refused = 0;
	int r = -1;

	(void)state;
	for (n = 1; r; n += 3) {
		struct evil *e = evil_new(fixture_provider());

		plan.at = n;
		plan.seen = 0;
		e->arg = &plan;
		e->on_read = flip_all;
		r = hg_kat_run(&e->base, &err);
		if (r) {
			refused++;
			assert_int_equal(err.code, HG_GPU_E_KAT);
			assert_non_null(strstr(err.text, "computes wrongly"));
		}
		/* Nothing is wrong only where there is no such read any more. */
		assert_true(r || plan.seen < n);
		hg_provider_close(&e->base);
	}
	assert_true(refused >= 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_altered_write),
		cmocka_unit_test(test_padding),
		cmocka_unit_test(test_replayed_write),
		cmocka_unit_test(test_reordered_records),
		cmocka_unit_test(test_other_session),
		cmocka_unit_test(test_reflection),
		cmocka_unit_test(test_write_launches),
		cmocka_unit_test(test_altered_read),
		cmocka_unit_test(test_later_piece),
		cmocka_unit_test(test_replayed_read),
		cmocka_unit_test(test_reordered_read),
		cmocka_unit_test(test_read_launches),
		cmocka_unit_test(test_bind),
		cmocka_unit_test(test_state_as_buffer),
		cmocka_unit_test(test_seal_in_place),
		cmocka_unit_test(test_receipt),
		cmocka_unit_test(test_extra_bind),
		cmocka_unit_test(test_second_install),
		cmocka_unit_test(test_nonces),
		cmocka_unit_test(test_remains),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_known_answers),
	};

	return cmocka_run_group_tests_name("attacks", tests, NULL, NULL);
}
