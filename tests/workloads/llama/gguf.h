/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads GGUF files, versions 2 and 3. Nothing in a file is believed before it was
 * checked: every count, length and offset against what is left of the file.
 */
#ifndef LLAMA_GGUF_H
#define LLAMA_GGUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "quant.h"

#define GGUF_MAGIC     0x46554747u /* "GGUF" */
#define GGUF_ALIGNMENT 32u /* unless the file says otherwise */
#define GGUF_DIMS      4u

enum gguf_type {
	GGUF_U8,
	GGUF_I8,
	GGUF_U16,
	GGUF_I16,
	GGUF_U32,
	GGUF_I32,
	GGUF_F32,
	GGUF_BOOL,
	GGUF_STRING,
	GGUF_ARRAY,
	GGUF_U64,
	GGUF_I64,
	GGUF_F64,
};

/* Not ended by a zero. */
struct gguf_string {
	const char *s;
	uint64_t len;
};

struct gguf_kv {
	struct gguf_string key;
	enum gguf_type type, item; /* item: of an array */
	uint64_t count; /* of an array */
	const uint8_t *value; /* of an array: its first item */
	uint64_t size; /* bytes at @value */
};

struct gguf_tensor {
	struct gguf_string name;
	uint32_t dims;
	uint64_t ne[GGUF_DIMS]; /* ne[0]: the length of a row; 1 beyond @dims */
	const struct fmt *fmt;
	const uint8_t *data;
	uint64_t size;
};

struct gguf {
	const uint8_t *file;
	size_t size;
	bool mapped;
	struct gguf_kv *kv;
	size_t kvs;
	struct gguf_tensor *tensor;
	size_t tensors;
};

/* On failure nothing is left to close. */
int gguf_open(struct gguf *g, const char *path, struct err *e);
/* The same from memory, which must stay. */
int gguf_parse(struct gguf *g, const uint8_t *file, size_t size, struct err *e);
void gguf_close(struct gguf *g);

const struct gguf_kv *gguf_find(const struct gguf *g, const char *key);
const struct gguf_tensor *gguf_tensor(const struct gguf *g, const char *name);

/* When the key is not there, *@v stays as it is, or @required makes that an error. */
int gguf_u32(const struct gguf *g, const char *key, bool required, uint32_t *v, struct err *e);
int gguf_f32(const struct gguf *g, const char *key, bool required, float *v, struct err *e);
int gguf_bool(const struct gguf *g, const char *key, bool *v, struct err *e);
int gguf_string(const struct gguf *g, const char *key, bool required, struct gguf_string *v,
		struct err *e);
/* An array of such items; NULL with @e filled when it is another thing or not there. */
const struct gguf_kv *gguf_array(const struct gguf *g, const char *key, enum gguf_type item,
				 struct err *e);
/* The string at *@at of an array's bytes; moves *@at on. */
bool gguf_next_string(const struct gguf_kv *kv, uint64_t *at, struct gguf_string *s);

static inline bool gguf_is(struct gguf_string s, const char *text)
{
	uint64_t i;

	for (i = 0; i < s.len; i++)
		if (!text[i] || text[i] != s.s[i])
			return false;
	return !text[i];
}

#endif
