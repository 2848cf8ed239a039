// SPDX-License-Identifier: Apache-2.0
/*
 * Known answers: the session program seals and opens with a fixed key in every suite, in
 * sizes that take each way through it, and the results are compared with OpenSSL's. A
 * compiler that gets one kernel wrong is found here, before any secret is handed over.
 */
#include "../device/state.h"
#include "channel.h"
#include "device.h"
#include "record.h"

#include <openssl/crypto.h>

#include <stdlib.h>
#include <string.h>

#define KAT_SESSION 0x1122334455667788ull
/* No channel gives an id that large: a state with these known keys serves none of its buffers. */
#define KAT_ID	    (1ull << 63 | 5)
#define KAT_SIZE    (2 * HG_RECORD_DATA + 4096)
#define KAT_ROW	    (4 * HG_RECORD_SPACE(HG_RECORD_DATA))

struct kat {
	struct hg_provider *p;
	struct hg_queue *queue;
	struct hg_buffer *state, *data, *staging;
	struct hg_record_keys keys;
	uint8_t *text, *row, *back;
	uint64_t opened;
};

static int run(struct kat *k, const char *name, const struct hg_arg *args, unsigned count,
	       size_t groups, struct hg_gpu_error *err)
{
	struct hg_kernel *kernel;

	if (k->p->ops->kernel(k->p, name, &kernel, err))
		return -1;
	return k->p->ops->launch(k->p, k->queue, kernel, args, count, groups, k->p->info.lanes,
				 NULL, NULL, err);
}

static int read_back(struct kat *k, struct hg_buffer *from, void *to, size_t size,
		     struct hg_gpu_error *err)
{
	if (k->p->ops->read(k->p, k->queue, from, 0, to, size, NULL, NULL, err))
		return -1;
	return k->p->ops->finish(k->p, k->queue, err);
}

#define BUFFER(b) {.type = HG_ARG_BUFFER, .buffer = (b)}
#define U32(x)	  {.type = HG_ARG_U32, .u32 = (x)}
#define U64(x)	  {.type = HG_ARG_U64, .u64 = (x)}

static int install(struct kat *k, enum hg_suite suite, struct hg_gpu_error *err)
{
	uint8_t secret[32], transcript[32], *zeros;
	uint64_t s[4], t[4];
	int i, r;

	for (i = 0; i < 32; i++) {
		secret[i] = i;
		transcript[i] = 0xf0 - i;
	}
	memcpy(s, secret, 32);
	memcpy(t, transcript, 32);
	k->opened = 0;
	if (hg_record_derive(&k->keys, suite, KAT_SESSION, secret, transcript, err))
		return -1;
	zeros = calloc(1, offsetof(struct hg_state, scratch));
	if (!zeros)
		return hg_gpu_no_memory(err);
	r = k->p->ops->write(k->p, k->queue, k->state, 0, zeros, offsetof(struct hg_state, scratch),
			     NULL, NULL, err);
	if (!r) {
		struct hg_arg a[] = {BUFFER(k->state), U64(s[0]), U64(s[1]), U64(s[2]), U64(s[3]),
				     U64(t[0]), U64(t[1]), U64(t[2]), U64(t[3]), U64(KAT_SESSION),
				     U32(suite)};
		struct hg_arg b[] = {BUFFER(k->state), BUFFER(k->data), U64(KAT_ID), U64(KAT_SIZE),
				     BUFFER(k->staging)};

		r = run(k, "hg_install", a, 11, 1, err) || run(k, "hg_bind", b, 5, 1, err);
	}
	if (k->p->ops->finish(k->p, k->queue, err))
		r = -1;
	free(zeros);
	return r ? -1 : 0;
}

static int wrong(struct kat *k, const char *what, size_t size, struct hg_gpu_error *err)
{
	static const char *const names[] = { "", "AES-256-GCM", "ChaCha20-Poly1305",
					     "SM4-CTR-HMAC-SM3" };

	return hg_gpu_fail(err, HG_GPU_E_KAT,
			   "%s computes wrongly: %s %s of %zu bytes: a fault of its compiler; it cannot be used",
			   k->p->info.name, names[k->keys.suite], what, size);
}

/* A row of records with @size bytes for @offset, as the host sends it. */
static int make_row(struct kat *k, uint64_t offset, size_t size, struct hg_gpu_error *err)
{
	uint32_t count = (size + HG_RECORD_DATA - 1) / HG_RECORD_DATA, i;
	struct hg_record_cipher *c;
	int r = 0;

	if (hg_record_cipher_new(&k->keys, HG_KEY_H2D, &c, err))
		return -1;
	for (i = 0; i < count && !r; i++) {
		size_t from = (size_t)i * HG_RECORD_DATA;
		uint8_t *at = k->row + i * HG_RECORD_SPACE(HG_RECORD_DATA);
		struct hg_record h = {
			.magic = HG_RECORD_MAGIC,
			.kind = HG_DATA,
			.suite = k->keys.suite,
			.direction = HG_H2D,
			.epoch = k->keys.epoch,
			.session = KAT_SESSION,
			.sequence = k->opened++,
			.buffer = KAT_ID,
			.offset = offset + from,
			.more = count - 1 - i,
			.length = i + 1 < count ? HG_RECORD_DATA : size - from,
		};

		r = hg_record_seal(c, &h, k->text + from, at + sizeof(h), err);
		memcpy(at, &h, sizeof(h));
	}
	hg_record_cipher_free(c);
	return r;
}

/* Opens @size bytes at @offset on the device and looks at the buffer. */
static int try_open(struct kat *k, uint64_t offset, size_t size, bool small,
		    struct hg_gpu_error *err)
{
	uint32_t count = (size + HG_RECORD_DATA - 1) / HG_RECORD_DATA;
	uint32_t parts = HG_PARTS_OF(k->p->info.lanes);
	struct hg_arg one[] = {BUFFER(k->state), BUFFER(k->staging), BUFFER(k->data), BUFFER(NULL),
			       BUFFER(NULL), BUFFER(NULL), U32(count)};
	struct hg_arg check[] = {BUFFER(k->state), BUFFER(k->staging), BUFFER(k->data), U32(count)};
	struct hg_arg open[] = {BUFFER(k->state), BUFFER(k->data), U32(count)};

	if (make_row(k, offset, size, err) ||
	    k->p->ops->write(k->p, k->queue, k->staging, 0, k->row, KAT_ROW, NULL, NULL, err))
		return -1;
	if (small ? run(k, "hg_open_small", one, 7, 1, err) :
		    run(k, "hg_check", check, 4, count, err) ||
		    run(k, "hg_open", open, 3, count * parts, err))
		return -1;
	if (read_back(k, k->data, k->back, KAT_SIZE, err))
		return -1;
	if (memcmp(k->back + offset, k->text, size))
		return wrong(k, "opening", size, err);
	return 0;
}

/* Seals what lies at @offset, and opens it with OpenSSL. */
static int try_seal(struct kat *k, uint64_t offset, size_t size, struct hg_gpu_error *err)
{
	uint32_t count = (size + HG_RECORD_DATA - 1) / HG_RECORD_DATA, i;
	struct hg_arg seal[] = {BUFFER(k->state), BUFFER(k->data), BUFFER(k->staging), U64(KAT_ID),
				U64(offset), U32(size)};
	struct hg_record_cipher *c;
	struct hg_gpu_error why;
	int r = 0;

	if (run(k, "hg_seal", seal, 6, count, err) ||
	    read_back(k, k->staging, k->row, KAT_ROW, err) ||
	    hg_record_cipher_new(&k->keys, HG_KEY_D2H, &c, err))
		return -1;
	for (i = 0; i < count && !r; i++) {
		uint8_t *at = k->row + i * HG_RECORD_SPACE(HG_RECORD_DATA);
		struct hg_record h;

		memcpy(&h, at, sizeof(h));
		if (h.magic != HG_RECORD_MAGIC || h.length > HG_RECORD_DATA ||
		    h.offset != offset + (uint64_t)i * HG_RECORD_DATA ||
		    hg_record_open(c, &h, at + sizeof(h), k->back + (size_t)i * HG_RECORD_DATA,
				   &why))
			r = wrong(k, "sealing", size, err);
	}
	hg_record_cipher_free(c);
	if (!r && memcmp(k->back, k->text, size))
		r = wrong(k, "sealing", size, err);
	return r;
}

/* New keys: a command, which nothing but the device reads. */
static int change_keys(struct kat *k, struct hg_gpu_error *err)
{
	const struct hg_command_rekey command = {.command = HG_COMMAND_REKEY, .epoch = 1};
	struct hg_record h = {
		.magic = HG_RECORD_MAGIC, .kind = HG_COMMAND, .suite = k->keys.suite,
		.session = KAT_SESSION, .sequence = k->opened, .length = sizeof(command),
	};
	struct hg_arg one[] = {BUFFER(k->state), BUFFER(k->staging), BUFFER(NULL), BUFFER(NULL),
			       BUFFER(NULL), BUFFER(NULL), U32(1)};
	struct hg_record_cipher *c;
	int r;

	if (hg_record_cipher_new(&k->keys, HG_KEY_COMMAND_H2D, &c, err))
		return -1;
	r = hg_record_seal(c, &h, &command, k->row + sizeof(h), err);
	hg_record_cipher_free(c);
	memcpy(k->row, &h, sizeof(h));
	if (r ||
	    k->p->ops->write(k->p, k->queue, k->staging, 0, k->row, KAT_ROW, NULL, NULL, err) ||
	    run(k, "hg_open_small", one, 7, 1, err) || k->p->ops->finish(k->p, k->queue, err))
		return -1;
	k->opened = 0;
	return hg_record_rekey(&k->keys, err);
}

static int try_suite(struct kat *k, enum hg_suite suite, struct hg_gpu_error *err)
{
	static const struct {
		uint32_t offset, size;
		bool small;
	} cases[] = {
		{0, 1, true}, {16, 480, true}, {3, 1517, true}, {64, 16384, true},
		{128, HG_RECORD_DATA, false}, {1, 2 * HG_RECORD_DATA + 77, false},
	};
	size_t i;

	if (install(k, suite, err))
		return -1;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (try_open(k, cases[i].offset, cases[i].size, cases[i].small, err) ||
		    try_seal(k, cases[i].offset, cases[i].size, err))
			return -1;
	if (change_keys(k, err))
		return -1;
	return try_open(k, 8, 2000, true, err) || try_seal(k, 8, 2000, err) ? -1 : 0;
}

int hg_kat_run(struct hg_provider *p, struct hg_gpu_error *err)
{
	struct kat k = {.p = p};
	int r = -1, s;
	size_t i;

	k.text = malloc(KAT_SIZE);
	k.back = malloc(KAT_SIZE);
	k.row = calloc(1, KAT_ROW);
	if (!k.text || !k.back || !k.row) {
		hg_gpu_no_memory(err);
	} else if (!p->ops->queue_create(p, &k.queue, err) &&
		   !p->ops->buffer_create(p, sizeof(struct hg_state), &k.state, err) &&
		   !p->ops->buffer_create(p, KAT_SIZE, &k.data, err) &&
		   !p->ops->buffer_create(p, KAT_ROW, &k.staging, err)) {
		for (i = 0; i < KAT_SIZE; i++)
			k.text[i] = (uint8_t)(i * 167 + i / 251);
		r = 0;
		for (s = HG_AES_256_GCM; s <= HG_SM4_CTR_HMAC_SM3 && !r; s++)
			if (p->info.suites & 1u << s)
				r = try_suite(&k, s, err);
	}
	if (k.staging)
		p->ops->buffer_release(p, k.staging);
	if (k.data)
		p->ops->buffer_release(p, k.data);
	hg_channel_state_drop(p, k.queue, k.state);
	if (k.queue)
		p->ops->queue_release(p, k.queue);
	free(k.text);
	free(k.back);
	free(k.row);
	return r;
}
