// SPDX-License-Identifier: Apache-2.0
/* Files that are wrong: each is refused with a message that names what is wrong in it. */
#include "test.h"

#include "gguf.h"

/* A file that is being made, byte by byte. */
struct made {
	uint8_t b[8192];
	size_t n;
};

static void bytes(struct made *m, const void *p, size_t n)
{
	assert_true(n <= sizeof(m->b) - m->n);
	memcpy(m->b + m->n, p, n);
	m->n += n;
}

static void u32(struct made *m, uint32_t v)
{
	bytes(m, &v, 4);
}

static void u64(struct made *m, uint64_t v)
{
	bytes(m, &v, 8);
}

static void text(struct made *m, const char *s)
{
	u64(m, strlen(s));
	bytes(m, s, strlen(s));
}

static void head(struct made *m, uint64_t tensors, uint64_t kvs)
{
	m->n = 0;
	u32(m, GGUF_MAGIC);
	u32(m, 3);
	u64(m, tensors);
	u64(m, kvs);
}

static void key(struct made *m, const char *name, uint32_t type)
{
	text(m, name);
	u32(m, type);
}

static void tensor(struct made *m, const char *name, uint64_t row, uint64_t rows, uint32_t type,
		   uint64_t offset)
{
	text(m, name);
	u32(m, 2);
	u64(m, row);
	u64(m, rows);
	u32(m, type);
	u64(m, offset);
}

static void data(struct made *m, size_t n)
{
	m->n = (m->n + 31) / 32 * 32;
	assert_true(n <= sizeof(m->b) - m->n);
	memset(m->b + m->n, 0, n);
	m->n += n;
}

/* An exact copy, so that the sanitizer sees a read behind it. */
static int parse(const struct made *m, struct gguf *g, struct err *e)
{
	uint8_t *copy = malloc(m->n ? m->n : 1);
	int rc;

	memcpy(copy, m->b, m->n);
	e->text[0] = 0;
	rc = gguf_parse(g, copy, m->n, e);
	if (rc) {
		assert_null(g->kv);
		assert_null(g->tensor);
		assert_int_equal(g->kvs + g->tensors, 0);
	}
	gguf_close(g);
	free(copy);
	return rc;
}

static void refused(const struct made *m, const char *want)
{
	struct gguf g;
	struct err e;

	assert_int_equal(parse(m, &g, &e), -1);
	says(&e, want);
}

static void accepted(const struct made *m)
{
	struct gguf g;
	struct err e;

	if (parse(m, &g, &e))
		fail_msg("refused: %s", e.text);
}

static void files(void **state)
{
	struct made m = { .n = 0 };
	struct gguf g;
	struct err e;
	char *path = temporary();

	(void)state;
	assert_int_equal(gguf_open(&g, "/nonexistent/model", &e), -1);
	says(&e, "/nonexistent/model: No such file");
	assert_int_equal(gguf_open(&g, "/tmp", &e), -1);
	says(&e, "/tmp: not a regular file");
	assert_int_equal(gguf_open(&g, path, &e), -1);
	says(&e, "the file is empty");
	unlink(path);
	free(path);
	refused(&m, "ends within the first 24 bytes");
	head(&m, 0, 0);
	accepted(&m);
	m.n = 23;
	refused(&m, "ends within the first 24 bytes");
}

static void heads(void **state)
{
	static const struct {
		uint32_t version;
		const char *want;
	} bad[] = { { 0, "version 0" },
		    { 1, "version 1 of GGUF, 2 and 3" },
		    { 4, "version 4" },
		    { 0x03000000, "big-endian" },
		    { 0x02000000, "big-endian" } };
	struct made m;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		head(&m, 0, 0);
		memcpy(m.b + 4, &bad[i].version, 4);
		refused(&m, bad[i].want);
	}
	head(&m, 0, 0);
	m.b[4] = 2;
	accepted(&m);
	m.b[0] = 'g';
	refused(&m, "does not begin with \"GGUF\"");
	head(&m, 0, UINT64_MAX);
	refused(&m, "18446744073709551615 keys, more than the file holds");
	head(&m, UINT64_MAX / 32 + 2, 0);
	refused(&m, "tensors, more than the file holds");
	head(&m, 1, 0);
	refused(&m, "1 tensors, more than");
	head(&m, 0, 1);
	refused(&m, "1 keys, more than");
}

static void keys(void **state)
{
	struct made m;

	(void)state;
	head(&m, 0, 1);
	key(&m, "a", GGUF_U32);
	u32(&m, 7);
	accepted(&m);
	m.n--;
	refused(&m, "ends in the value of key 'a'");
	head(&m, 0, 1);
	u64(&m, UINT64_MAX);
	data(&m, 64);
	refused(&m, "ends in the middle of key number 0");
	head(&m, 0, 1);
	key(&m, "", GGUF_U32);
	u32(&m, 7);
	refused(&m, "key number 0: a name of 0 bytes");
	head(&m, 0, 1);
	key(&m, "b", 13);
	data(&m, 64);
	refused(&m, "key 'b': unknown type 13");
	head(&m, 0, 1);
	key(&m, "t", GGUF_BOOL);
	bytes(&m, "\2", 1);
	refused(&m, "key 't': a truth value of 2");
	head(&m, 0, 1);
	key(&m, "s\x1b[2J", GGUF_STRING);
	u64(&m, 1ull << 63);
	refused(&m, "ends in the value of key 's?[2J'");
	head(&m, 0, 2);
	key(&m, "a", GGUF_U32);
	u32(&m, 1);
	key(&m, "a", GGUF_U32);
	u32(&m, 2);
	refused(&m, "key 'a' is there twice");
}

static void arrays(void **state)
{
	static const uint64_t counts[] = { 3, 1ull << 61, 1ull << 62, UINT64_MAX };
	struct made m;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		head(&m, 0, 1);
		key(&m, "a", GGUF_ARRAY);
		u32(&m, GGUF_U64);
		u64(&m, counts[i]);
		u64(&m, 1);
		u64(&m, 2);
		refused(&m, "key 'a': an array of");
		head(&m, 0, 1);
		key(&m, "s", GGUF_ARRAY);
		u32(&m, GGUF_STRING);
		u64(&m, counts[i]);
		text(&m, "1");
		refused(&m, "key 's': an array of");
	}
	head(&m, 0, 1);
	key(&m, "s", GGUF_ARRAY);
	u32(&m, GGUF_STRING);
	u64(&m, 2);
	text(&m, "1");
	u64(&m, 1);
	refused(&m, "ends in the value of key 's'");
	head(&m, 0, 1);
	key(&m, "n", GGUF_ARRAY);
	u32(&m, GGUF_ARRAY);
	u64(&m, 0);
	refused(&m, "key 'n': an array of type 9, which is not supported");
	head(&m, 0, 1);
	key(&m, "n", GGUF_ARRAY);
	u32(&m, 77);
	u64(&m, 0);
	refused(&m, "array of type 77");
}

/* One tensor, and so many bytes of data. */
static void one(struct made *m, uint64_t row, uint64_t rows, uint32_t type, uint64_t offset,
		size_t size)
{
	head(m, 1, 0);
	tensor(m, "w", row, rows, type, offset);
	data(m, size);
}

static void tensors(void **state)
{
	struct made m;

	(void)state;
	one(&m, 32, 2, FMT_Q8_0, 0, 68);
	accepted(&m);
	one(&m, 32, 2, FMT_Q8_0, 0, 67);
	refused(&m, "tensor 'w': offset 0 and 68 bytes, but the file holds 67");
	one(&m, 32, 2, FMT_Q8_0, 64, 68);
	refused(&m, "tensor 'w': offset 64 and 68 bytes");
	one(&m, 32, 2, FMT_Q8_0, UINT64_MAX - 31, 68);
	refused(&m, "tensor 'w': offset 18446744073709551584");
	one(&m, 32, 2, FMT_Q8_0, 8, 68);
	refused(&m, "tensor 'w': offset 8 is not a multiple of 32");
	one(&m, 33, 2, FMT_Q8_0, 0, 1000);
	refused(&m, "tensor 'w': rows of 33, not a multiple of q8_0's 32");
	one(&m, 0, 2, FMT_F32, 0, 64);
	refused(&m, "tensor 'w': dimension 0 is 0");
	one(&m, 2, 0, FMT_F32, 0, 64);
	refused(&m, "tensor 'w': dimension 1 is 0");
	one(&m, 1ull << 33, 1ull << 33, FMT_F32, 0, 64);
	refused(&m, "tensor 'w': its dimensions overflow");
	one(&m, 1ull << 62, 1, FMT_F32, 0, 64);
	refused(&m, "tensor 'w': its dimensions overflow");
	one(&m, 1ull << 61, 1, FMT_F32, 0, 64);
	refused(&m, "tensor 'w': offset 0 and 9223372036854775808 bytes");
	one(&m, 256, 1, 12, 0, 1000);
	refused(&m, "tensor 'w': format Q4_K (12) is not supported");
	one(&m, 256, 1, 9999, 0, 1000);
	refused(&m, "tensor 'w': format unknown (9999)");
	head(&m, 1, 0);
	tensor(&m, "w", 4, 4, FMT_F32, 0);
	m.n -= 1;
	refused(&m, "ends in the middle of tensor 'w'");
}

static void tensor_names(void **state)
{
	char name[80];
	struct made m;
	uint32_t dims;

	(void)state;
	memset(name, 'n', sizeof(name));
	name[64] = 0;
	head(&m, 1, 0);
	tensor(&m, name, 4, 1, FMT_F32, 0);
	data(&m, 64);
	refused(&m, "tensor number 0: a name of 64 bytes, 1 to 63");
	for (dims = 0; dims <= 5; dims += 5) {
		head(&m, 1, 0);
		text(&m, "w");
		u32(&m, dims);
		data(&m, 128);
		refused(&m, "dimensions, 1 to 4 are allowed");
	}
	head(&m, 2, 0);
	tensor(&m, "w", 8, 1, FMT_F32, 0);
	tensor(&m, "w", 8, 1, FMT_F32, 32);
	data(&m, 64);
	refused(&m, "tensor 'w' is there twice");
	head(&m, 2, 0);
	tensor(&m, "a", 9, 1, FMT_F32, 0);
	tensor(&m, "b", 8, 1, FMT_F32, 32);
	data(&m, 64);
	refused(&m, "tensor 'b' overlaps tensor 'a'");
}

static void alignment(void **state)
{
	static const uint32_t bad[] = { 0, 7, 12, 1u << 21, UINT32_MAX };
	struct made m;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		head(&m, 0, 1);
		key(&m, "general.alignment", GGUF_U32);
		u32(&m, bad[i]);
		refused(&m, "key 'general.alignment': ");
	}
	head(&m, 0, 1);
	key(&m, "general.alignment", GGUF_STRING);
	text(&m, "32");
	refused(&m, "key 'general.alignment': not of type u32");
	head(&m, 0, 1);
	key(&m, "general.alignment", GGUF_U32);
	u32(&m, 4096);
	accepted(&m);
}

static void values(void **state)
{
	struct gguf_string s = { "-", 1 };
	struct gguf g;
	struct made m;
	struct err e;
	uint32_t n = 5;
	bool b = false;
	float f = 0;

	(void)state;
	head(&m, 0, 4);
	key(&m, "n", GGUF_U32);
	u32(&m, 77);
	key(&m, "f", GGUF_F32);
	u32(&m, 0x3fc00000);
	key(&m, "b", GGUF_BOOL);
	bytes(&m, "\1", 1);
	key(&m, "a", GGUF_STRING);
	text(&m, "text");
	assert_int_equal(gguf_parse(&g, m.b, m.n, &e), 0);
	assert_int_equal(gguf_u32(&g, "n", true, &n, &e), 0);
	assert_int_equal(n, 77);
	assert_int_equal(gguf_f32(&g, "f", true, &f, &e), 0);
	assert_true(f == 1.5f);
	assert_int_equal(gguf_bool(&g, "b", &b, &e), 0);
	assert_true(b);
	assert_int_equal(gguf_string(&g, "a", true, &s, &e), 0);
	assert_true(gguf_is(s, "text") && !gguf_is(s, "tex") && !gguf_is(s, "texts"));
	assert_int_equal(gguf_u32(&g, "m", false, &n, &e), 0);
	assert_int_equal(n, 77);
	assert_int_equal(gguf_u32(&g, "m", true, &n, &e), -1);
	says(&e, "key 'm' is missing");
	assert_int_equal(gguf_u32(&g, "a", false, &n, &e), -1);
	says(&e, "key 'a': not of type u32");
	assert_null(gguf_array(&g, "a", GGUF_U32, &e));
	says(&e, "key 'a': not of type array");
	gguf_close(&g);
}

/* Wherever a good file ends too early, that is noticed. */
static void cuts(void **state)
{
	struct made m, cut;
	struct gguf g;
	struct err e;

	(void)state;
	head(&m, 2, 2);
	key(&m, "s", GGUF_ARRAY);
	u32(&m, GGUF_STRING);
	u64(&m, 2);
	text(&m, "one");
	text(&m, "two");
	key(&m, "n", GGUF_U64);
	u64(&m, 1);
	tensor(&m, "a", 8, 1, FMT_F32, 0);
	tensor(&m, "b", 8, 2, FMT_F16, 32);
	data(&m, 64);
	accepted(&m);
	for (cut = m; cut.n--;) {
		assert_int_equal(parse(&cut, &g, &e), -1);
		assert_true(*e.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files),     cmocka_unit_test(heads),
		cmocka_unit_test(keys),	     cmocka_unit_test(arrays),
		cmocka_unit_test(tensors),   cmocka_unit_test(tensor_names),
		cmocka_unit_test(alignment), cmocka_unit_test(values),
		cmocka_unit_test(cuts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
