// SPDX-License-Identifier: Apache-2.0
#include "ggufw.h"

#include <errno.h>
#include <string.h>

#include "gguf.h"

static void put(struct ggufw *w, const void *p, size_t n)
{
	if (n > w->kv_room - w->kv_size) {
		w->kv_room = 2 * w->kv_room + n + 4096;
		w->kv = need(realloc(w->kv, w->kv_room));
	}
	memcpy(w->kv + w->kv_size, p, n);
	w->kv_size += n;
}

static void put32(struct ggufw *w, uint32_t v)
{
	put(w, &v, sizeof(v));
}

static void put64(struct ggufw *w, uint64_t v)
{
	put(w, &v, sizeof(v));
}

static void put_string(struct ggufw *w, const char *s)
{
	put64(w, strlen(s));
	put(w, s, strlen(s));
}

static void put_key(struct ggufw *w, const char *key, uint32_t type)
{
	w->kv_count++;
	put_string(w, key);
	put32(w, type);
}

static void put_array(struct ggufw *w, const char *key, uint32_t type, uint64_t n)
{
	put_key(w, key, GGUF_ARRAY);
	put32(w, type);
	put64(w, n);
}

void ggufw_free(struct ggufw *w)
{
	free(w->kv);
	memset(w, 0, sizeof(*w));
}

void ggufw_u32(struct ggufw *w, const char *key, uint32_t v)
{
	put_key(w, key, GGUF_U32);
	put32(w, v);
}

void ggufw_f32(struct ggufw *w, const char *key, float v)
{
	put_key(w, key, GGUF_F32);
	put(w, &v, sizeof(v));
}

void ggufw_bool(struct ggufw *w, const char *key, bool v)
{
	uint8_t b = v;

	put_key(w, key, GGUF_BOOL);
	put(w, &b, 1);
}

void ggufw_string(struct ggufw *w, const char *key, const char *v)
{
	put_key(w, key, GGUF_STRING);
	put_string(w, v);
}

void ggufw_strings(struct ggufw *w, const char *key, const char *const *v, size_t n)
{
	size_t i;

	put_array(w, key, GGUF_STRING, n);
	for (i = 0; i < n; i++)
		put_string(w, v[i]);
}

void ggufw_f32s(struct ggufw *w, const char *key, const float *v, size_t n)
{
	put_array(w, key, GGUF_F32, n);
	put(w, v, n * sizeof(*v));
}

void ggufw_i32s(struct ggufw *w, const char *key, const int32_t *v, size_t n)
{
	put_array(w, key, GGUF_I32, n);
	put(w, v, n * sizeof(*v));
}

void ggufw_tensor(struct ggufw *w, const char *name, uint64_t row, uint64_t rows,
		  const struct fmt *fmt)
{
	struct ggufw_tensor *t = &w->tensor[w->tensors++];

	if (w->tensors > GGUFW_TENSORS || strlen(name) >= sizeof(t->name)) {
		fprintf(stderr, "tensor '%s': too many tensors, or too long a name\n", name);
		exit(1);
	}
	memset(t, 0, sizeof(*t));
	strcpy(t->name, name);
	t->dims = rows ? 2 : 1;
	t->ne[0] = row;
	t->ne[1] = rows ? rows : 1;
	t->fmt = fmt;
	t->size = row / fmt->block * fmt->size * t->ne[1];
	t->offset = w->data;
	w->data += (t->size + GGUF_ALIGNMENT - 1) / GGUF_ALIGNMENT * GGUF_ALIGNMENT;
}

static void put_tensors(struct ggufw *w)
{
	size_t i;

	for (i = 0; i < w->tensors; i++) {
		const struct ggufw_tensor *t = &w->tensor[i];
		uint32_t d;

		put_string(w, t->name);
		put32(w, t->dims);
		for (d = 0; d < t->dims; d++)
			put64(w, t->ne[d]);
		put32(w, t->fmt->id);
		put64(w, t->offset);
	}
}

static int pad(FILE *f, uint64_t at)
{
	static const uint8_t zero[GGUF_ALIGNMENT];
	size_t n = (GGUF_ALIGNMENT - at % GGUF_ALIGNMENT) % GGUF_ALIGNMENT;

	return fwrite(zero, 1, n, f) == n ? 0 : -1;
}

int ggufw_write(const struct ggufw *w, const char *path,
		int (*fill)(void *arg, const struct ggufw_tensor *t, FILE *f), void *arg,
		struct err *e)
{
	struct ggufw all = { 0 };
	size_t i;
	FILE *f;
	int bad;

	put32(&all, GGUF_MAGIC);
	put32(&all, 3);
	put64(&all, w->tensors);
	put64(&all, w->kv_count);
	put(&all, w->kv, w->kv_size);
	memcpy(all.tensor, w->tensor, sizeof(w->tensor));
	all.tensors = w->tensors;
	put_tensors(&all);

	f = fopen(path, "wb");
	if (!f) {
		ggufw_free(&all);
		return refuse(e, "%s: %s", path, strerror(errno));
	}
	bad = fwrite(all.kv, 1, all.kv_size, f) != all.kv_size || pad(f, all.kv_size);
	ggufw_free(&all);
	for (i = 0; !bad && i < w->tensors; i++)
		bad = fill(arg, &w->tensor[i], f) || pad(f, w->tensor[i].size);
	if (fclose(f) || bad)
		return refuse(e, "%s: could not be written: %s", path, strerror(errno));
	return 0;
}
