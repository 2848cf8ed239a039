// SPDX-License-Identifier: Apache-2.0
#include "fuzzy.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdbool.h>
#include <stdlib.h>

#include "encoder.h"

#define BLOCK_BYTES (4 * FP_BLOCK_WORDS)

/* A tile over all readings. */
struct tile {
	int64_t sum; /* of its contrasts; the sign is the bit */
	uint32_t index;
	bool chosen;
};

static uint64_t strength(const struct tile *t)
{
	return t->sum < 0 ? (uint64_t)-t->sum : (uint64_t)t->sum;
}

static int by_strength(const void *a, const void *b)
{
	const struct tile *x = a, *y = b;

	if (strength(x) != strength(y))
		return strength(x) < strength(y) ? 1 : -1;
	return x->index < y->index ? -1 : 1;
}

static int by_index(const void *a, const void *b)
{
	const struct tile *x = a, *y = b;

	return x->index < y->index ? -1 : x->index > y->index;
}

static int check_readings(const struct fp_reading *const *readings, size_t count,
			  struct hg_gpu_error *err)
{
	const struct fp_reading *first = readings[0];

	if (count < HG_FP_READINGS_MIN || count > HG_FP_READINGS_MAX)
		return hg_gpu_fail(err, HG_GPU_E_ARGUMENT,
				   "enrolment needs %u to %u readings of the device, not %zu",
				   HG_FP_READINGS_MIN, HG_FP_READINGS_MAX, count);
	for (size_t i = 0; i < count; i++) {
		const struct fp_reading *r = readings[i];

		if (!fp_shape_ok(r->units, r->regions))
			return hg_gpu_fail(
				err, HG_GPU_E_ARGUMENT,
				"a reading of %u units and %u regions: both must be even, %u cells at most",
				r->units, r->regions, FP_CELLS_MAX);
		if (r->units != first->units || r->regions != first->regions)
			return hg_gpu_fail(err, HG_GPU_E_ARGUMENT,
					   "reading %zu has another shape than the first", i);
	}
	return 0;
}

static struct tile *sum_up(const struct fp_reading *const *readings, size_t count, uint32_t tiles)
{
	struct tile *t = calloc(tiles, sizeof(*t));

	for (uint32_t i = 0; t && i < tiles; i++) {
		t[i].index = i;
		for (size_t r = 0; r < count; r++)
			t[i].sum += fp_contrast(readings[r], readings[r]->regions, i);
	}
	return t;
}

/* The @count strongest tiles, in the order of the device. Ties have no sign: they never count. */
static size_t choose(struct tile *t, size_t tiles, size_t count)
{
	size_t n = 0;

	qsort(t, tiles, sizeof(*t), by_strength);
	for (size_t i = 0; i < tiles; i++) {
		t[i].chosen = i < count && t[i].sum;
		n += t[i].chosen;
	}
	qsort(t, tiles, sizeof(*t), by_index);
	return n;
}

static uint32_t estimate(const struct tile *t, size_t tiles, uint8_t *bits)
{
	size_t n = 0;
	uint32_t ppm;

	for (size_t i = 0; i < tiles; i++)
		if (t[i].chosen)
			bits[n++] = t[i].sum > 0;
	ppm = hg_fp_entropy(bits, n);
	OPENSSL_cleanse(bits, n);
	return ppm;
}

static void measure_noise(const struct fp_reading *const *readings, const struct tile *t,
			  struct hg_fp_quality *q)
{
	uint64_t wrong = 0, all = 0;

	for (uint32_t i = 0; i < q->tiles; i++)
		for (uint32_t r = 0; t[i].chosen && r < q->readings; r++) {
			wrong += fp_bit(readings[r], readings[r]->regions, i) !=
				 (uint32_t)(t[i].sum > 0);
			all++;
		}
	q->noise_ppm = all ? (uint32_t)(wrong * 1000000 / all) : 0;
}

static int refuse(const struct hg_fp_quality *q, size_t chosen, struct hg_gpu_error *err)
{
	if (chosen < FP_BLOCK_BITS)
		return hg_gpu_fail(
			err, HG_GPU_E_UNSUPPORTED,
			"the readings are degenerate or too short: %zu of %u contrasts have a sign, %u are needed; this device can be enrolled by its identity only",
			chosen, q->tiles, FP_BLOCK_BITS);
	if (q->noise_ppm > HG_FP_NOISE_MAX_PPM)
		return hg_gpu_fail(
			err, HG_GPU_E_UNSUPPORTED,
			"the readings do not repeat: %u.%u %% of the bits differ, at most %u %% may; leave the device idle and try again, or enrol its identity only",
			q->noise_ppm / 10000, q->noise_ppm % 10000 / 1000,
			HG_FP_NOISE_MAX_PPM / 10000);
	if (!q->blocks)
		return hg_gpu_fail(
			err, HG_GPU_E_UNSUPPORTED,
			"the readings have too little entropy: %u.%04u bits a bit leave less than %u of %u bits when the helper data is known; this device can be enrolled by its identity only",
			q->entropy_ppm / 1000000, q->entropy_ppm % 1000000 / 100,
			HG_FP_ENTROPY_NEEDED, q->bits);
	return 0;
}

/* As few blocks as leave enough; they have the strongest tiles. */
static int plan(const struct fp_reading *const *readings, struct tile *t, struct hg_fp_quality *q,
		struct hg_gpu_error *err)
{
	uint8_t *bits = malloc(q->tiles);
	size_t chosen = 0;

	if (!bits)
		return hg_gpu_no_memory(err);
	for (uint32_t b = 1; b <= FP_BLOCKS_MAX && !q->blocks; b++) {
		size_t want = (size_t)b * FP_BLOCK_BITS, got = choose(t, q->tiles, want);

		chosen = got > chosen ? got : chosen;
		if (got < want)
			break;
		/* Not even perfect bits would do: no need to look. */
		if (hg_fp_entropy_left(b, 1000000) < HG_FP_ENTROPY_NEEDED)
			continue;
		q->bits = (uint32_t)want;
		q->entropy_ppm = estimate(t, q->tiles, bits);
		q->left = hg_fp_entropy_left(b, q->entropy_ppm);
		if (q->left >= HG_FP_ENTROPY_NEEDED)
			q->blocks = b;
	}
	free(bits);
	measure_noise(readings, t, q);
	return refuse(q, chosen, err);
}

static int hmac_sha256(const uint8_t *key, const void *data, size_t size, uint8_t out[32])
{
	return HMAC(EVP_sha256(), key, 32, data, size, out, NULL) ? 0 : -1;
}

/* The same as fp_expand(), by OpenSSL. */
static int expand(const uint8_t prk[32], enum fp_label label, uint8_t out[32])
{
	uint8_t text[FP_LABEL_MAX + 1];
	size_t n = strlen((const char *)fp_labels[label]);

	memcpy(text, fp_labels[label], n);
	text[n] = 1;
	return hmac_sha256(prk, text, n + 1, out);
}

static void put_le(uint8_t *to, const uint32_t *words, size_t count)
{
	for (size_t i = 0; i < 4 * count; i++)
		to[i] = (uint8_t)(words[i / 4] >> 8 * (i % 4));
}

static void get_le(uint32_t *words, const uint8_t *from, size_t count)
{
	for (size_t i = 0; i < count; i++, from += 4)
		words[i] = from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 |
			   (uint32_t)from[3] << 24;
}

/* The tag covers the helper as it lies in memory, little-endian, without the tag itself. */
static int tag_helper(const uint8_t prk[32], struct fp_helper *h)
{
	uint8_t text[sizeof(*h) - sizeof(h->tag)], key[32], tag[32] = { 0 }, *at = text;
	const uint32_t head[4] = { h->magic, h->blocks, h->units, h->regions };
	int ret;

	put_le(at, head, 4);
	at += sizeof(head);
	put_le(at, h->salt, 8);
	at += sizeof(h->salt);
	put_le(at, h->mask, FP_MASK_WORDS);
	at += sizeof(h->mask);
	put_le(at, h->offset[0], FP_BLOCKS_MAX * FP_BLOCK_WORDS);
	ret = expand(prk, FP_LABEL_HELPER, key) || hmac_sha256(key, text, sizeof(text), tag);
	get_le(h->tag, tag, 8);
	OPENSSL_cleanse(key, sizeof(key));
	return ret;
}

/* One block's offset: what was read ^ a random code word, repeated. */
static int hide(const uint32_t read[FP_BLOCK_WORDS], uint32_t offset[FP_BLOCK_WORDS])
{
	const struct bch_code code = BCH_255_131;
	uint32_t word[BCH_WORDS], block[FP_BLOCK_WORDS];
	uint8_t message[17];
	int ret = -1;

	if (RAND_priv_bytes(message, sizeof(message)) == 1 &&
	    !hg_bch_encode(&code, message, word)) {
		fp_repeat(word, block);
		for (uint32_t i = 0; i < FP_BLOCK_WORDS; i++)
			offset[i] = read[i] ^ block[i];
		ret = 0;
	}
	OPENSSL_cleanse(message, sizeof(message));
	OPENSSL_cleanse(word, sizeof(word));
	OPENSSL_cleanse(block, sizeof(block));
	return ret;
}

static void fill(const struct tile *t, uint32_t tiles, struct fp_helper *h,
		 uint32_t read[FP_BLOCKS_MAX][FP_BLOCK_WORDS])
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < tiles; i++) {
		uint32_t block = n / FP_BLOCK_BITS, at = n % FP_BLOCK_BITS;

		if (!t[i].chosen)
			continue;
		h->mask[i >> 5] |= 1u << (i & 31);
		read[block][at >> 5] |= (uint32_t)(t[i].sum > 0) << (at & 31);
		n++;
	}
}

static int seal_helper(const struct tile *t, const struct hg_fp_quality *q, struct fp_helper *h,
		       uint8_t *secret, struct hg_gpu_error *err)
{
	uint32_t read[FP_BLOCKS_MAX][FP_BLOCK_WORDS] = { { 0 } };
	uint8_t text[FP_BLOCKS_MAX * BLOCK_BYTES], prk[32], salt[32];
	int bad;

	fill(t, q->tiles, h, read);
	put_le(text, read[0], FP_BLOCKS_MAX * FP_BLOCK_WORDS);
	bad = RAND_bytes(salt, sizeof(salt)) != 1 ||
	      hmac_sha256(salt, text, q->blocks * BLOCK_BYTES, prk);
	get_le(h->salt, salt, 8);
	for (uint32_t b = 0; !bad && b < q->blocks; b++)
		bad = hide(read[b], h->offset[b]);
	bad = bad || tag_helper(prk, h) || expand(prk, FP_LABEL_SECRET, secret);
	OPENSSL_cleanse(read, sizeof(read));
	OPENSSL_cleanse(text, sizeof(text));
	OPENSSL_cleanse(prk, sizeof(prk));
	return bad ? hg_gpu_fail_crypto(err, "cannot make helper data") : 0;
}

static int generate(const struct fp_reading *const *readings, struct tile *t,
		    struct fp_helper *helper, uint8_t *secret, struct hg_fp_quality *q,
		    struct hg_gpu_error *err)
{
	if (plan(readings, t, q, err))
		return -1;
	helper->magic = FP_MAGIC;
	helper->blocks = q->blocks;
	helper->units = readings[0]->units;
	helper->regions = readings[0]->regions;
	return seal_helper(t, q, helper, secret, err);
}

int hg_fp_generate(const struct fp_reading *const *readings, size_t count, struct fp_helper *helper,
		   uint8_t secret[FP_SECRET_BYTES], struct hg_fp_quality *quality,
		   struct hg_gpu_error *err)
{
	struct hg_fp_quality q = { .readings = (uint32_t)count };
	struct tile *t;
	int ret;

	memset(helper, 0, sizeof(*helper));
	memset(secret, 0, FP_SECRET_BYTES);
	if (check_readings(readings, count, err))
		return -1;
	q.tiles = fp_tiles(readings[0]->units, readings[0]->regions);
	t = sum_up(readings, count, q.tiles);
	if (!t)
		return hg_gpu_no_memory(err);
	ret = generate(readings, t, helper, secret, &q, err);
	OPENSSL_cleanse(t, q.tiles * sizeof(*t));
	free(t);
	if (ret) {
		memset(helper, 0, sizeof(*helper));
		OPENSSL_cleanse(secret, FP_SECRET_BYTES);
	}
	if (quality)
		*quality = q;
	return ret;
}

int hg_fp_helper_check(const struct fp_helper *helper, struct hg_gpu_error *err)
{
	return fp_helper_ok(helper)
		       ? 0
		       : hg_gpu_fail(
				 err, HG_GPU_E_ARGUMENT,
				 "helper data that no enrolment wrote: its sizes do not fit together");
}

int hg_fp_reproduce(const struct fp_helper *helper, const struct fp_reading *reading,
		    uint8_t secret[FP_SECRET_BYTES], uint32_t *differ, struct hg_gpu_error *err)
{
	uint32_t count;
	int ret;

	memset(secret, 0, FP_SECRET_BYTES);
	if (hg_fp_helper_check(helper, err))
		return -1;
	ret = fp_reproduce_score(helper, reading, secret, &count);
	if (differ)
		*differ = count;
	return ret ? hg_gpu_fail(
			     err, HG_GPU_E_IDENTITY,
			     "the reading does not give the enrolled secret: another device, more noise than is corrected, or helper data that was changed")
		   : 0;
}
