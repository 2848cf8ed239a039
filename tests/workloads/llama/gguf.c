// SPDX-License-Identifier: Apache-2.0
#include "gguf.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_MAX	   65535u
#define TITLE_MAX  63u /* of a tensor */
#define KV_MIN	   13u /* bytes: length, type, one byte of value */
#define TENSOR_MIN 32u /* bytes: length, dimensions, one of them, type, offset */
#define ALIGN_MAX  (1u << 20)

/* What is left to read; a read beyond it makes it bad, and every later one fails too. */
struct reader {
	const uint8_t *p;
	uint64_t left;
	bool bad;
};

static const uint8_t *take(struct reader *r, uint64_t n)
{
	const uint8_t *p = r->p;

	if (r->bad || n > r->left) {
		r->bad = true;
		return NULL;
	}
	r->p += n;
	r->left -= n;
	return p;
}

static uint32_t take32(struct reader *r)
{
	const uint8_t *p = take(r, 4);
	uint32_t v = 0;

	if (p)
		memcpy(&v, p, 4);
	return v;
}

static uint64_t take64(struct reader *r)
{
	const uint8_t *p = take(r, 8);
	uint64_t v = 0;

	if (p)
		memcpy(&v, p, 8);
	return v;
}

static struct gguf_string take_string(struct reader *r)
{
	struct gguf_string s;

	s.len = take64(r);
	s.s = (const char *)take(r, s.len);
	if (!s.s)
		s.len = 0;
	return s;
}

/* For messages: a name of the file, cut, and without what a terminal would obey. */
struct shown {
	char text[72];
};

static struct shown show(struct gguf_string s)
{
	struct shown out;
	uint64_t i, n = s.len < 64 ? s.len : 64;

	for (i = 0; i < n; i++)
		out.text[i] = s.s[i] >= 0x20 && s.s[i] < 0x7f ? s.s[i] : '?';
	strcpy(out.text + n, n < s.len ? "..." : "");
	return out;
}

/* Bytes of one item; 0 for strings and arrays, which say it themselves. */
static uint32_t item_size(uint32_t type)
{
	static const uint8_t sizes[] = { 1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8 };

	return type < sizeof(sizes) ? sizes[type] : 0;
}

static int read_array(struct reader *r, struct gguf_kv *kv, struct err *e)
{
	uint32_t item = take32(r), size = item_size(item);
	uint64_t i;

	kv->count = take64(r);
	kv->value = r->p;
	if (r->bad)
		return 0;
	if (item > GGUF_F64 || item == GGUF_ARRAY)
		return refuse(e, "key '%s': an array of type %u, which is not supported",
			      show(kv->key).text, item);
	kv->item = item;
	/* A string has 8 bytes of length at least, so a false count ends soon. */
	if (kv->count > r->left / (size ? size : 8))
		return refuse(e,
			      "key '%s': an array of %" PRIu64 " items, more than the file holds",
			      show(kv->key).text, kv->count);
	if (size)
		take(r, kv->count * size);
	for (i = 0; !size && i < kv->count && !r->bad; i++)
		take_string(r);
	return 0;
}

static int read_kv(struct reader *r, struct gguf_kv *kv, uint64_t index, struct err *e)
{
	uint32_t type;

	memset(kv, 0, sizeof(*kv));
	kv->key = take_string(r);
	type = take32(r);
	if (r->bad)
		return refuse(e, "the file ends in the middle of key number %" PRIu64, index);
	if (!kv->key.len || kv->key.len > KEY_MAX)
		return refuse(e,
			      "key number %" PRIu64 ": a name of %" PRIu64
			      " bytes, 1 to %u are allowed",
			      index, kv->key.len, KEY_MAX);
	if (type > GGUF_F64)
		return refuse(e, "key '%s': unknown type %u", show(kv->key).text, type);
	kv->type = type;
	kv->value = r->p;
	if (type == GGUF_ARRAY) {
		if (read_array(r, kv, e))
			return -1;
	} else if (type == GGUF_STRING) {
		take_string(r);
	} else {
		take(r, item_size(type));
	}
	if (r->bad)
		return refuse(e, "the file ends in the value of key '%s'", show(kv->key).text);
	kv->size = (uint64_t)(r->p - kv->value);
	if (type == GGUF_BOOL && *kv->value > 1)
		return refuse(e, "key '%s': a truth value of %u", show(kv->key).text, *kv->value);
	return 0;
}

/* Everything of a tensor but where its bytes are. */
static int tensor_size(struct gguf_tensor *t, uint32_t type, struct err *e)
{
	struct shown name = show(t->name);
	uint64_t blocks;
	uint32_t d;

	t->fmt = fmt_by_id(type);
	if (!t->fmt)
		return refuse(
			e,
			"tensor '%s': format %s (%u) is not supported: F32, F16, Q8_0, Q4_0 and Q6_K are",
			name.text, fmt_title(type), type);
	for (d = 0; d < t->dims; d++)
		if (!t->ne[d])
			return refuse(e, "tensor '%s': dimension %u is 0", name.text, d);
	if (t->ne[0] % t->fmt->block)
		return refuse(e, "tensor '%s': rows of %" PRIu64 ", not a multiple of %s's %u",
			      name.text, t->ne[0], t->fmt->name, t->fmt->block);
	blocks = t->ne[0] / t->fmt->block;
	for (d = 1; d < t->dims; d++)
		if (__builtin_mul_overflow(blocks, t->ne[d], &blocks))
			return refuse(e, "tensor '%s': its dimensions overflow", name.text);
	if (__builtin_mul_overflow(blocks, (uint64_t)t->fmt->size, &t->size))
		return refuse(e, "tensor '%s': its dimensions overflow", name.text);
	return 0;
}

/* Where the bytes are is known later, when the data section is. */
static int read_tensor(struct reader *r, struct gguf_tensor *t, uint64_t *offset, uint64_t index,
		       struct err *e)
{
	uint32_t d, type;

	memset(t, 0, sizeof(*t));
	t->name = take_string(r);
	t->dims = take32(r);
	if (r->bad)
		return refuse(e, "the file ends in the middle of tensor number %" PRIu64, index);
	if (!t->name.len || t->name.len > TITLE_MAX)
		return refuse(e,
			      "tensor number %" PRIu64 ": a name of %" PRIu64
			      " bytes, 1 to %u are allowed",
			      index, t->name.len, TITLE_MAX);
	if (!t->dims || t->dims > GGUF_DIMS)
		return refuse(e, "tensor '%s': %u dimensions, 1 to %u are allowed",
			      show(t->name).text, t->dims, GGUF_DIMS);
	for (d = 0; d < GGUF_DIMS; d++)
		t->ne[d] = d < t->dims ? take64(r) : 1;
	type = take32(r);
	*offset = take64(r);
	if (r->bad)
		return refuse(e, "the file ends in the middle of tensor '%s'", show(t->name).text);
	return tensor_size(t, type, e);
}

static int place_tensor(struct gguf_tensor *t, uint64_t offset, const struct reader *data,
			uint32_t align, struct err *e)
{
	if (offset % align)
		return refuse(e, "tensor '%s': offset %" PRIu64 " is not a multiple of %u",
			      show(t->name).text, offset, align);
	if (offset > data->left || t->size > data->left - offset)
		return refuse(e,
			      "tensor '%s': offset %" PRIu64 " and %" PRIu64
			      " bytes, but the file holds %" PRIu64 " bytes of tensors",
			      show(t->name).text, offset, t->size, data->left);
	t->data = data->p + offset;
	return 0;
}

static int compare(struct gguf_string a, struct gguf_string b)
{
	int c = memcmp(a.s, b.s, a.len < b.len ? a.len : b.len);

	return c ? c : a.len < b.len ? -1 : a.len > b.len;
}

static int by_key(const void *a, const void *b)
{
	return compare(((const struct gguf_kv *)a)->key, ((const struct gguf_kv *)b)->key);
}

static int by_name(const void *a, const void *b)
{
	return compare(((const struct gguf_tensor *)a)->name,
		       ((const struct gguf_tensor *)b)->name);
}

static int by_data(const void *a, const void *b)
{
	const uint8_t *x = ((const struct gguf_tensor *)a)->data;
	const uint8_t *y = ((const struct gguf_tensor *)b)->data;

	return x < y ? -1 : x > y;
}

/* Sorts keys and tensors by name, to find them; refuses doubles and overlaps. */
static int sort_all(struct gguf *g, struct err *e)
{
	size_t i;

	if (g->kvs)
		qsort(g->kv, g->kvs, sizeof(*g->kv), by_key);
	for (i = 1; i < g->kvs; i++)
		if (!by_key(&g->kv[i - 1], &g->kv[i]))
			return refuse(e, "key '%s' is there twice", show(g->kv[i].key).text);
	if (g->tensors)
		qsort(g->tensor, g->tensors, sizeof(*g->tensor), by_data);
	for (i = 1; i < g->tensors; i++)
		if (g->tensor[i - 1].size > (uint64_t)(g->tensor[i].data - g->tensor[i - 1].data))
			return refuse(e, "tensor '%s' overlaps tensor '%s'",
				      show(g->tensor[i].name).text,
				      show(g->tensor[i - 1].name).text);
	if (g->tensors)
		qsort(g->tensor, g->tensors, sizeof(*g->tensor), by_name);
	for (i = 1; i < g->tensors; i++)
		if (!by_name(&g->tensor[i - 1], &g->tensor[i]))
			return refuse(e, "tensor '%s' is there twice",
				      show(g->tensor[i].name).text);
	return 0;
}

static int read_head(struct reader *r, uint64_t *tensors, uint64_t *kvs, struct err *e)
{
	uint32_t magic = take32(r), version = take32(r);

	*tensors = take64(r);
	*kvs = take64(r);
	if (!r->bad && magic != GGUF_MAGIC)
		return refuse(e, "not a GGUF file: it does not begin with \"GGUF\"");
	if (r->bad)
		return refuse(e, "not a GGUF file: it ends within the first 24 bytes");
	if (version == 0x02000000 || version == 0x03000000)
		return refuse(e, "the file is big-endian, which is not supported");
	if (version != 2 && version != 3)
		return refuse(e, "version %u of GGUF, 2 and 3 are supported", version);
	if (*kvs > r->left / KV_MIN)
		return refuse(e, "%" PRIu64 " keys, more than the file holds", *kvs);
	if (*tensors > r->left / TENSOR_MIN)
		return refuse(e, "%" PRIu64 " tensors, more than the file holds", *tensors);
	return 0;
}

static int find_data(const struct gguf *g, struct reader *r, uint32_t *align, struct err *e)
{
	uint64_t used;
	size_t i;

	*align = GGUF_ALIGNMENT;
	/* Not sorted yet. */
	for (i = 0; i < g->kvs; i++) {
		if (!gguf_is(g->kv[i].key, "general.alignment"))
			continue;
		if (g->kv[i].type != GGUF_U32)
			return refuse(e, "key 'general.alignment': not of type u32");
		memcpy(align, g->kv[i].value, 4);
		if (!*align || *align % 8 || *align > ALIGN_MAX)
			return refuse(
				e,
				"key 'general.alignment': %u, a multiple of 8 up to %u is wanted",
				*align, ALIGN_MAX);
	}
	used = (uint64_t)(r->p - g->file);
	if (used % *align && !take(r, *align - used % *align)) {
		/* A file without tensors may end here. */
		r->left = 0;
		r->bad = false;
	}
	return 0;
}

static int parse(struct gguf *g, uint64_t *offset, struct reader *r, struct err *e)
{
	uint32_t align;
	uint64_t i;

	for (i = 0; i < g->kvs; i++)
		if (read_kv(r, &g->kv[i], i, e))
			return -1;
	for (i = 0; i < g->tensors; i++)
		if (read_tensor(r, &g->tensor[i], &offset[i], i, e))
			return -1;
	if (find_data(g, r, &align, e))
		return -1;
	for (i = 0; i < g->tensors; i++)
		if (place_tensor(&g->tensor[i], offset[i], r, align, e))
			return -1;
	return sort_all(g, e);
}

int gguf_parse(struct gguf *g, const uint8_t *file, size_t size, struct err *e)
{
	struct reader r = { file, size, false };
	uint64_t tensors, kvs, *offset;
	int rc;

	memset(g, 0, sizeof(*g));
	if (read_head(&r, &tensors, &kvs, e))
		return -1;
	g->file = file;
	g->size = size;
	/* Both counts are bounded by the file's size, so the products do not overflow. */
	g->kv = malloc(kvs * sizeof(*g->kv) + 1);
	g->tensor = malloc(tensors * sizeof(*g->tensor) + 1);
	offset = malloc(tensors * sizeof(*offset) + 1);
	if (!g->kv || !g->tensor || !offset) {
		rc = refuse(e, "out of memory for %" PRIu64 " keys and %" PRIu64 " tensors", kvs,
			    tensors);
	} else {
		g->kvs = kvs;
		g->tensors = tensors;
		rc = parse(g, offset, &r, e);
	}
	free(offset);
	if (rc)
		gguf_close(g);
	return rc;
}

int gguf_open(struct gguf *g, const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct err why;
	struct stat st;
	void *file;

	memset(g, 0, sizeof(*g));
	if (fd < 0)
		return refuse(e, "%s: %s", path, strerror(errno));
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		close(fd);
		return refuse(e, "%s: not a regular file", path);
	}
	if (!st.st_size) {
		close(fd);
		return refuse(e, "%s: the file is empty", path);
	}
	file = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (file == MAP_FAILED)
		return refuse(e, "%s: cannot be mapped: %s", path, strerror(errno));
	if (gguf_parse(g, file, (size_t)st.st_size, &why)) {
		munmap(file, (size_t)st.st_size);
		return refuse(e, "%s: %s", path, why.text);
	}
	g->mapped = true;
	return 0;
}

void gguf_close(struct gguf *g)
{
	if (g->mapped)
		munmap((void *)(uintptr_t)g->file, g->size);
	free(g->kv);
	free(g->tensor);
	memset(g, 0, sizeof(*g));
}

const struct gguf_kv *gguf_find(const struct gguf *g, const char *key)
{
	struct gguf_kv want = { .key = { key, strlen(key) } };

	return g->kvs ? bsearch(&want, g->kv, g->kvs, sizeof(want), by_key) : NULL;
}

const struct gguf_tensor *gguf_tensor(const struct gguf *g, const char *name)
{
	struct gguf_tensor want = { .name = { name, strlen(name) } };

	return g->tensors ? bsearch(&want, g->tensor, g->tensors, sizeof(want), by_name) : NULL;
}

/* The key, of this type; *@kv is NULL when it is not there and need not be. */
static int find_typed(const struct gguf *g, const char *key, bool required, enum gguf_type type,
		      const char *title, const struct gguf_kv **kv, struct err *e)
{
	*kv = gguf_find(g, key);
	if (!*kv)
		return required ? refuse(e, "key '%s' is missing", key) : 0;
	if ((*kv)->type != type)
		return refuse(e, "key '%s': not of type %s", key, title);
	return 0;
}

int gguf_u32(const struct gguf *g, const char *key, bool required, uint32_t *v, struct err *e)
{
	const struct gguf_kv *kv;

	if (find_typed(g, key, required, GGUF_U32, "u32", &kv, e))
		return -1;
	if (kv)
		memcpy(v, kv->value, sizeof(*v));
	return 0;
}

int gguf_f32(const struct gguf *g, const char *key, bool required, float *v, struct err *e)
{
	const struct gguf_kv *kv;

	if (find_typed(g, key, required, GGUF_F32, "f32", &kv, e))
		return -1;
	if (kv)
		memcpy(v, kv->value, sizeof(*v));
	return 0;
}

int gguf_bool(const struct gguf *g, const char *key, bool *v, struct err *e)
{
	const struct gguf_kv *kv;

	if (find_typed(g, key, false, GGUF_BOOL, "bool", &kv, e))
		return -1;
	if (kv)
		*v = *kv->value == 1;
	return 0;
}

int gguf_string(const struct gguf *g, const char *key, bool required, struct gguf_string *v,
		struct err *e)
{
	const struct gguf_kv *kv;
	uint64_t at = 0;

	if (find_typed(g, key, required, GGUF_STRING, "string", &kv, e))
		return -1;
	if (kv && !gguf_next_string(kv, &at, v))
		return refuse(e, "key '%s': the file changed while it was read", key);
	return 0;
}

const struct gguf_kv *gguf_array(const struct gguf *g, const char *key, enum gguf_type item,
				 struct err *e)
{
	const struct gguf_kv *kv;

	if (find_typed(g, key, true, GGUF_ARRAY, "array", &kv, e))
		return NULL;
	if (kv->item != item) {
		refuse(e, "key '%s': an array of type %u, type %u is wanted", key, kv->item, item);
		return NULL;
	}
	return kv;
}

/* Checked again: the file may be another's, who may write it now. */
bool gguf_next_string(const struct gguf_kv *kv, uint64_t *at, struct gguf_string *s)
{
	struct reader r = { kv->value + *at, kv->size - *at, *at > kv->size };

	*s = take_string(&r);
	*at = kv->size - r.left;
	return !r.bad;
}
