// SPDX-License-Identifier: Apache-2.0
/*
 * What sealing costs: on the host a core against EVP's bare AES-256-GCM, on the device the
 * kernels by size, and each crossing against a plain write or read. One JSON object a line.
 */
#include "channel.h"
#include "pool.h"
#include "record.h"

#include <openssl/evp.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DATA (16u << 20)
#define REPEATS 7

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

/* Of this thread: what a core does, whoever else is there. */
static double cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

static int compare(const void *a, const void *b)
{
	return *(const double *)a > *(const double *)b ? 1 : -1;
}

static double median(double *x, int n)
{
	qsort(x, n, sizeof(*x), compare);
	return x[n / 2];
}

static void die(const char *what, const struct hg_gpu_error *err)
{
	fprintf(stderr, "gpu-seal: %s: %s\n", what, err ? err->text : "failed");
	exit(1);
}

/* Seconds to seal @size bytes once, as bare EVP does it and as records are made. */
static double bare(EVP_CIPHER_CTX *c, const uint8_t *src, uint8_t *dst, size_t size, long rounds)
{
	uint8_t iv[12] = {0}, aad[48] = {0}, tag[16];
	double t = cpu();
	long i;
	int n;

	for (i = 0; i < rounds; i++) {
		memcpy(iv, &i, sizeof(i));
		if (!EVP_EncryptInit_ex(c, NULL, NULL, NULL, iv) ||
		    !EVP_EncryptUpdate(c, NULL, &n, aad, sizeof(aad)) ||
		    !EVP_EncryptUpdate(c, dst, &n, src, (int)size) ||
		    !EVP_EncryptFinal_ex(c, dst + n, &n) ||
		    !EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, 16, tag))
			die("EVP", NULL);
	}
	return (cpu() - t) / rounds;
}

static double records(struct hg_record_cipher *c, const uint8_t *src, uint8_t *dst, size_t size,
		      long rounds)
{
	struct hg_gpu_error err;
	double t = cpu();
	size_t at;
	long i;

	for (i = 0; i < rounds; i++) {
		uint8_t *out = dst;

		for (at = 0; at < size; at += HG_RECORD_DATA) {
			struct hg_record h = {.magic = HG_RECORD_MAGIC, .sequence = i};

			h.length = size - at < HG_RECORD_DATA ? size - at : HG_RECORD_DATA;
			if (hg_record_seal(c, &h, src + at, out + sizeof(h), &err))
				die("seal", &err);
			memcpy(out, &h, sizeof(h));
			out += HG_RECORD_SPACE(h.length);
		}
	}
	return (cpu() - t) / rounds;
}

static void host(void)
{
	static const size_t sizes[] = {16,    64,     256,     1024,    4096, 16384,
				       65536, 262144, 1048576, 4194304, DATA};
	size_t room = DATA / HG_RECORD_DATA * HG_RECORD_SPACE(HG_RECORD_DATA);
	uint8_t *src = aligned_alloc(64, DATA), *dst = aligned_alloc(64, room), key[32] = {1};
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	struct hg_record_keys keys = {.suite = HG_AES_256_GCM};
	struct hg_record_cipher *r;
	struct hg_gpu_error err;
	size_t i;
	int k;

	if (!src || !dst || !c || !EVP_EncryptInit_ex(c, EVP_aes_256_gcm(), NULL, key, NULL))
		die("EVP", NULL);
	if (hg_record_cipher_new(&keys, HG_KEY_H2D, &r, &err))
		die("cipher", &err);
	memset(src, 7, DATA);
	memset(dst, 0, room);
	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		long rounds = (128l << 20) / (sizes[i] + 4096);
		double a[REPEATS], b[REPEATS];

		for (k = 0; k < REPEATS; k++) {
			a[k] = bare(c, src, dst, sizes[i], rounds);
			b[k] = records(r, src, dst, sizes[i], rounds);
		}
		printf("{\"what\":\"host\",\"size\":%zu,\"evp_gbps\":%.3f,"
		       "\"record_gbps\":%.3f,\"percent\":%.1f}\n",
		       sizes[i], sizes[i] / median(a, REPEATS) / 1e9,
		       sizes[i] / median(b, REPEATS) / 1e9,
		       100 * median(a, REPEATS) / median(b, REPEATS));
	}
	EVP_CIPHER_CTX_free(c);
	hg_record_cipher_free(r);
	free(src);
	free(dst);
}

/* A row of 1 MiB as the channel seals it, shared by threads: a record is one thread's at a time. */
struct rows {
	const uint8_t *src;
	uint8_t *dst;
	struct hg_record_cipher *record[HG_BATCH_MAX];
	EVP_CIPHER_CTX *evp[HG_BATCH_MAX];
};

static void seal_record(void *arg, unsigned i)
{
	struct rows *r = arg;

	records(r->record[i], r->src + (size_t)i * HG_RECORD_DATA,
		r->dst + (size_t)i * HG_RECORD_SPACE(HG_RECORD_DATA), HG_RECORD_DATA, 1);
}

static void seal_bare(void *arg, unsigned i)
{
	struct rows *r = arg;

	bare(r->evp[i], r->src + (size_t)i * HG_RECORD_DATA,
	     r->dst + (size_t)i * HG_RECORD_SPACE(HG_RECORD_DATA), HG_RECORD_DATA, 1);
}

/* GB/s by the clock. */
static double rate(struct hg_pool *pool, void (*work)(void *arg, unsigned i), struct rows *r)
{
	int rounds = 100, i;
	double t;

	hg_pool_run(pool, work, r, HG_BATCH_MAX);
	t = now();
	for (i = 0; i < rounds; i++)
		hg_pool_run(pool, work, r, HG_BATCH_MAX);
	return (double)rounds * HG_BATCH_MAX * HG_RECORD_DATA / (now() - t) / 1e9;
}

static void scale_to(unsigned threads, struct rows *r)
{
	double a[REPEATS], b[REPEATS];
	struct hg_gpu_error err;
	struct hg_pool *pool;
	int k;

	if (hg_pool_new(threads - 1, &pool, &err))
		die("pool", &err);
	for (k = 0; k < REPEATS; k++) {
		a[k] = rate(pool, seal_bare, r);
		b[k] = rate(pool, seal_record, r);
	}
	hg_pool_close(pool);
	printf("{\"what\":\"threads\",\"threads\":%u,\"evp_gbps\":%.3f,\"record_gbps\":%.3f}\n",
	       threads, median(a, REPEATS), median(b, REPEATS));
}

/* With as many threads as there are processors, at most as many as there are records in a row. */
static void scaling(void)
{
	size_t room = HG_BATCH_MAX * HG_RECORD_SPACE(HG_RECORD_DATA);
	uint8_t *src = aligned_alloc(64, room), *dst = aligned_alloc(64, room), key[32] = {1};
	struct hg_record_keys keys = {.suite = HG_AES_256_GCM};
	struct rows r = {.src = src, .dst = dst};
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	struct hg_gpu_error err;
	unsigned i;

	if (!src || !dst)
		die("memory", NULL);
	memset(src, 7, room);
	memset(dst, 0, room);
	for (i = 0; i < HG_BATCH_MAX; i++) {
		r.evp[i] = EVP_CIPHER_CTX_new();
		if (!r.evp[i] ||
		    !EVP_EncryptInit_ex(r.evp[i], EVP_aes_256_gcm(), NULL, key, NULL))
			die("EVP", NULL);
		if (hg_record_cipher_new(&keys, HG_KEY_H2D, &r.record[i], &err))
			die("cipher", &err);
	}
	for (i = 1; i <= (unsigned)cores && i <= HG_BATCH_MAX; i++)
		scale_to(i, &r);
	for (i = 0; i < HG_BATCH_MAX; i++) {
		EVP_CIPHER_CTX_free(r.evp[i]);
		hg_record_cipher_free(r.record[i]);
	}
	free(src);
	free(dst);
}

struct bench {
	struct hg_provider *p;
	struct hg_queue *queue;
	struct hg_buffer *buffer;
	struct hg_channel *ch;
	uint64_t id;
	uint8_t *data;
};

static void plain_write(struct bench *b, size_t size)
{
	if (b->p->ops->write(b->p, b->queue, b->buffer, 0, b->data, size, NULL, NULL, NULL) ||
	    b->p->ops->finish(b->p, b->queue, NULL))
		die("write", NULL);
}

static void plain_read(struct bench *b, size_t size)
{
	if (b->p->ops->read(b->p, b->queue, b->buffer, 0, b->data, size, NULL, NULL, NULL) ||
	    b->p->ops->finish(b->p, b->queue, NULL))
		die("read", NULL);
}

static void sealed_write(struct bench *b, size_t size)
{
	struct hg_gpu_error err;

	if (hg_channel_write(b->ch, b->queue, b->id, b->buffer, 0, b->data, size, NULL, &err) ||
	    hg_channel_flush(b->ch, b->queue, &err) || b->p->ops->finish(b->p, b->queue, &err))
		die("channel write", &err);
}

static void sealed_read(struct bench *b, size_t size)
{
	struct hg_pending *pending;
	struct hg_gpu_error err;

	if (hg_channel_read(b->ch, b->queue, b->id, b->buffer, 0, b->data, size, &pending, &err) ||
	    hg_channel_complete(b->ch, pending, &err))
		die("channel read", &err);
}

/* Many small writes and one wait, as before a launch. */
static void burst(struct bench *b, size_t size)
{
	struct hg_gpu_error err;
	int i;

	for (i = 0; i < 16; i++)
		if (hg_channel_write(b->ch, b->queue, b->id, b->buffer, size * i, b->data, size,
				     NULL, &err))
			die("channel write", &err);
	if (hg_channel_flush(b->ch, b->queue, &err) || b->p->ops->finish(b->p, b->queue, &err))
		die("channel flush", &err);
}

static double time_of(struct bench *b, void (*op)(struct bench *b, size_t size), size_t size)
{
	int rounds = size >= 1048576 ? 3 : size >= 65536 ? 20 : 100, i, k;
	double t[REPEATS];

	op(b, size);
	for (k = 0; k < REPEATS; k++) {
		t[k] = now();
		for (i = 0; i < rounds; i++)
			op(b, size);
		t[k] = (now() - t[k]) / rounds;
	}
	return median(t, REPEATS);
}

static void device(unsigned threads)
{
	static const size_t sizes[] = {64, 1024, 4096, 16384, 65536, 262144, 1048576, DATA};
	struct hg_channel_options o = {.threads = threads};
	struct hg_gpu_error err;
	struct bench b = {.data = malloc(DATA)};
	double w, r, sw, sr;
	size_t i;

	if (!b.data || hg_opencl_open(0, 0, 1 << HG_AES_256_GCM, &b.p, &err))
		die("no OpenCL device", &err);
	memset(b.data, 1, DATA);
	if (b.p->ops->queue_create(b.p, &b.queue, &err) ||
	    b.p->ops->buffer_create(b.p, DATA, &b.buffer, &err) ||
	    hg_channel_open(b.p, b.queue, &o, &b.ch, &err) ||
	    hg_channel_bind(b.ch, b.queue, b.buffer, DATA, &b.id, &err))
		die("channel", &err);
	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		w = time_of(&b, plain_write, sizes[i]);
		sw = time_of(&b, sealed_write, sizes[i]);
		r = time_of(&b, plain_read, sizes[i]);
		sr = time_of(&b, sealed_read, sizes[i]);
		printf("{\"what\":\"crossing\",\"size\":%zu,\"write_us\":%.1f,"
		       "\"sealed_write_us\":%.1f,"
		       "\"read_us\":%.1f,\"sealed_read_us\":%.1f,\"sealed_write_gbps\":%.3f,"
		       "\"sealed_read_gbps\":%.3f}\n",
		       sizes[i], w * 1e6, sw * 1e6, r * 1e6, sr * 1e6, sizes[i] / sw / 1e9,
		       sizes[i] / sr / 1e9);
	}
	printf("{\"what\":\"burst\",\"size\":1024,\"writes\":16,\"us_each\":%.1f}\n",
	       time_of(&b, burst, 1024) * 1e6 / 16);
	hg_channel_close(b.ch);
	b.p->ops->buffer_release(b.p, b.buffer);
	b.p->ops->queue_release(b.p, b.queue);
	printf("{\"what\":\"device\",\"name\":\"%s\",\"lanes\":%u,\"units\":%u}\n", b.p->info.name,
	       b.p->info.lanes, b.p->info.units);
	hg_provider_close(b.p);
	free(b.data);
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	host();
	scaling();
	device(argc > 1 ? (unsigned)atoi(argv[1]) : 1);
	return 0;
}
