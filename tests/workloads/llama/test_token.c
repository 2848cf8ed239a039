// SPDX-License-Identifier: Apache-2.0
/* Texts become tokens as the two kinds of vocabularies want it, and come back whole. */
#include "test.h"

#include "gguf.h"
#include "ggufw.h"
#include "token.h"
#include "words.h"

static int zeros(void *arg, const struct ggufw_tensor *t, FILE *f)
{
	(void)arg, (void)t, (void)f;
	return 0;
}

static void encoded(const struct vocab *v, const char *text, const int32_t *want, size_t n)
{
	int32_t *token;
	size_t count, i;
	struct err e;

	if (vocab_encode(v, text, &token, &count, &e))
		fail_msg("'%s': %s", text, e.text);
	for (i = 0; i < count || i < n; i++)
		if (i >= count || i >= n || token[i] != want[i])
			fail_msg("'%s': %zu tokens, number %zu is %d, want %zu, %d", text, count, i,
				 i < count ? token[i] : -1, n, i < n ? want[i] : -1);
	free(token);
}

#define ENCODED(v, text, ...)                              \
	encoded(v, text, (const int32_t[]){ __VA_ARGS__ }, \
		sizeof((const int32_t[]){ __VA_ARGS__ }) / sizeof(int32_t))

static void decoded(const struct vocab *v, const char *text)
{
	char buf[256];
	int32_t *token;
	size_t count, i, n = 0;
	struct err e;

	assert_int_equal(vocab_encode(v, text, &token, &count, &e), 0);
	for (i = 0; i < count; i++)
		n += vocab_decode(v, token[i], i == v->add_bos, buf + n, sizeof(buf) - n);
	buf[n] = 0;
	assert_string_equal(buf, text);
	free(token);
}

/* 259: blank, then pieces; a lower score joins later. */
static void sentencepiece(void **state)
{
	static const char *const text[] = { "\xe2\x96\x81", "a",  "b",	 "c",
					    "ab",	    "bc", "abc", "\xe2\x96\x81\x61" };
	static const float score[] = { 0, 0, 0, 0, -2, -1, -3, -4 };
	struct piece piece[WORDS_FIRST + ARRAY_SIZE(text)] = { 0 };
	struct vocab v = { .bos = 1, .eos = 2, .eot = -1, .add_bos = true, .add_space = true };
	struct err e;
	size_t i;

	(void)state;
	words_bytes(piece);
	for (i = 0; i < ARRAY_SIZE(text); i++)
		piece[WORDS_FIRST + i] =
			(struct piece){ (char *)(uintptr_t)text[i], (uint32_t)strlen(text[i]),
					TOKEN_NORMAL, score[i] };
	assert_int_equal(vocab_init(&v, piece, ARRAY_SIZE(piece), &e), 0);
	ENCODED(&v, "b", 1, 259, 261);
	ENCODED(&v, "", 1);
	/* bc (-1) goes first, then abc, and no blank before it can be joined. */
	ENCODED(&v, "abc", 1, 259, 265);
	ENCODED(&v, "ab", 1, 259, 263);
	ENCODED(&v, "a b", 1, 266, 259, 261);
	/* What is no piece becomes bytes: 'z', a line's end, an umlaut. */
	ENCODED(&v, "z\n\xc3\xa4", 1, 259, 3 + 'z', 3 + '\n', 3 + 0xc3, 3 + 0xa4);
	decoded(&v, "abc  cab \xf0\x9f\xa6\x8a!\n");
	assert_true(vocab_ends(&v, 2) && !vocab_ends(&v, 1) && !vocab_ends(&v, -1));
	v.byte['z'] = -1;
	{
		int32_t *token;
		size_t count;

		assert_int_equal(vocab_encode(&v, "z", &token, &count, &e), -1);
		says(&e, "no token for the byte 0x7a");
		assert_null(token);
	}
	vocab_free(&v);
	for (i = 0; i < WORDS_FIRST; i++)
		free(piece[i].s);
}

/* ---- Byte-level BPE ---- */

/* All bytes in the order of their letters' making, then these. */
static const char *const merged[] = { "he", "ll", "hell", "hello", "\xc4\xa0h", "\xc4\xa0hello" };
static const char *const merges[] = { "l l", "h e", "he ll", "hell o", "\xc4\xa0 hello" };

static void letter(char *out, int b)
{
	int c = b <= 0x20 ? 0x100 + b : b >= 0x7f && b <= 0xa0 ? 0x121 + b - 0x7f : b;

	c = b == 0xad ? 0x143 : c;
	memset(out, 0, 4);
	if (c < 0x80) {
		out[0] = (char)c;
	} else {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
	}
}

static char *bpe_file(const char *pre, const char *extra_merge)
{
	const char *text[256 + ARRAY_SIZE(merged)], *merge[ARRAY_SIZE(merges) + 1];
	struct ggufw *w = need(calloc(1, sizeof(*w)));
	size_t i, n = ARRAY_SIZE(merges);
	char *path = temporary();
	char one[256][4];
	struct err e;

	for (i = 0; i < 256; i++) {
		letter(one[i], (int)i);
		text[i] = one[i];
	}
	for (i = 0; i < ARRAY_SIZE(merged); i++)
		text[256 + i] = merged[i];
	memcpy(merge, merges, sizeof(merges));
	if (extra_merge)
		merge[n++] = extra_merge;
	ggufw_string(w, "tokenizer.ggml.model", "gpt2");
	if (pre)
		ggufw_string(w, "tokenizer.ggml.pre", pre);
	ggufw_strings(w, "tokenizer.ggml.tokens", text, ARRAY_SIZE(text));
	ggufw_strings(w, "tokenizer.ggml.merges", merge, n);
	ggufw_bool(w, "tokenizer.ggml.add_bos_token", false);
	assert_int_equal(ggufw_write(w, path, zeros, NULL, &e), 0);
	ggufw_free(w);
	free(w);
	return path;
}

static int bpe(struct vocab *v, const char *pre, const char *extra_merge, struct err *e)
{
	char *path = bpe_file(pre, extra_merge);
	struct gguf g;
	int rc;

	assert_int_equal(gguf_open(&g, path, e), 0);
	rc = vocab_load(v, &g, e);
	gguf_close(&g);
	unlink(path);
	free(path);
	return rc;
}

static void byte_pairs(void **state)
{
	struct vocab v;
	struct err e;

	(void)state;
	assert_int_equal(bpe(&v, NULL, NULL, &e), 0);
	ENCODED(&v, "hello", 259);
	ENCODED(&v, "hello hello", 259, 261);
	ENCODED(&v, "hell", 258);
	ENCODED(&v, "hel", 256, 'l');
	/* The second blank belongs to the word, the first is alone. */
	ENCODED(&v, "  hello", ' ', 261);
	ENCODED(&v, "a'll", 'a', '\'', 257);
	ENCODED(&v, "1234", '1', '2', '3', '4');
	decoded(&v, "hello \xc3\xa4 \xf0\x9f\xa6\x8a 12345 it's\r\n\r\n  x\t\n \xff\xfe\x80");
	vocab_free(&v);
	assert_int_equal(bpe(&v, "llama-bpe", NULL, &e), 0);
	/* No merge makes this token, but it is the whole word. */
	ENCODED(&v, " h", 260);
	ENCODED(&v, "\n\nhello", '\n', '\n', 259);
	decoded(&v, "hello \xc3\xa4 \xf0\x9f\xa6\x8a 12345 it's\r\n\r\n  x\t\n \xff\xfe\x80");
	vocab_free(&v);
}

static void bad_byte_pairs(void **state)
{
	struct vocab v;
	struct err e;

	(void)state;
	assert_int_equal(bpe(&v, "deepseek", NULL, &e), -1);
	says(&e, "key 'tokenizer.ggml.pre': 'deepseek' is not supported");
	assert_int_equal(bpe(&v, NULL, "hello", &e), -1);
	says(&e, "key 'tokenizer.ggml.merges': number 5 is not two texts");
	assert_int_equal(bpe(&v, NULL, "h x", &e), -1);
	says(&e, "number 5 is of texts that are no tokens");
	assert_int_equal(bpe(&v, NULL, "", &e), -1);
	says(&e, "number 5 is not two texts");
}

/* Byte-level BPE has no other way to say a byte. */
static void no_letter(void **state)
{
	struct piece piece = { (char *)(uintptr_t) "a", 1, TOKEN_NORMAL, 0 };
	struct vocab v = { .bpe = true, .bos = -1, .eos = -1, .eot = -1 };
	int32_t *token;
	size_t count;
	struct err e;

	(void)state;
	assert_int_equal(vocab_init(&v, &piece, 1, &e), 0);
	ENCODED(&v, "a", 0);
	assert_int_equal(vocab_encode(&v, "b", &token, &count, &e), -1);
	says(&e, "the model has no token for 'b'");
	assert_null(token);
	vocab_free(&v);
}

static void too_long(void **state)
{
	struct vocab v;
	struct err e;
	int32_t *token;
	size_t count;
	char *text;

	(void)state;
	assert_int_equal(bpe(&v, NULL, NULL, &e), 0);
	text = need(malloc(40001));
	memset(text, 'a', 40000);
	text[40000] = 0;
	assert_int_equal(vocab_encode(&v, text, &token, &count, &e), -1);
	says(&e, "a text of 40000 bytes, at most 32768");
	assert_null(token);
	free(text);
	vocab_free(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sentencepiece),  cmocka_unit_test(byte_pairs),
		cmocka_unit_test(bad_byte_pairs), cmocka_unit_test(no_letter),
		cmocka_unit_test(too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
