// SPDX-License-Identifier: Apache-2.0
/* Small models to start from, one for each format, and one with byte-level BPE. */
#include <string.h>

#include "ggufw.h"
#include "random.h"

static int nothing(void *arg, const struct ggufw_tensor *t, FILE *f)
{
	(void)arg, (void)t, (void)f;
	return 0;
}

static int write_bpe(const char *path, struct err *e)
{
	static const char *const tokens[] = { "a",  "b",  "H",	 "e",	     "l",	 "o",
					      "ll", "He", "llo", "\xc4\xa0", "\xc4\xa0w" };
	static const char *const merges[] = { "l l", "H e", "ll o" };
	struct ggufw *w = need(calloc(1, sizeof(*w)));
	int rc;

	ggufw_string(w, "tokenizer.ggml.model", "gpt2");
	ggufw_string(w, "tokenizer.ggml.pre", "llama-bpe");
	ggufw_strings(w, "tokenizer.ggml.tokens", tokens, ARRAY_SIZE(tokens));
	ggufw_strings(w, "tokenizer.ggml.merges", merges, ARRAY_SIZE(merges));
	ggufw_u32(w, "tokenizer.ggml.bos_token_id", 0);
	rc = ggufw_write(w, path, nothing, NULL, e);
	ggufw_free(w);
	free(w);
	return rc;
}

int main(int argc, char **argv)
{
	static const char *const formats[] = { "f32", "f16", "q8_0", "q4_0" };
	char path[256];
	struct err e;
	size_t i;

	if (argc != 2)
		return 2;
	for (i = 0; i < ARRAY_SIZE(formats); i++) {
		struct shape s = { .vocab = 262,
				   .dim = i < 2 ? 8 : 32,
				   .layers = 1,
				   .heads = i < 2 ? 2 : 4,
				   .kv_heads = 2,
				   .ffn = i < 2 ? 12 : 32,
				   .context = 16,
				   .tied = i & 1,
				   .fmt = fmt_by_name(formats[i]),
				   .seed = 1 };

		snprintf(path, sizeof(path), "%s/%s", argv[1], formats[i]);
		if (random_write(&s, path, &e))
			goto bad;
	}
	snprintf(path, sizeof(path), "%s/bpe", argv[1]);
	if (!write_bpe(path, &e))
		return 0;
bad:
	fprintf(stderr, "%s\n", e.text);
	return 1;
}
