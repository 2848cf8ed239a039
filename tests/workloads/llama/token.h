/* SPDX-License-Identifier: Apache-2.0 */
/* Text to tokens and back: SentencePiece with byte fallback, or byte-level BPE. */
#ifndef LLAMA_TOKEN_H
#define LLAMA_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

struct gguf;

/* GGUF's kinds of tokens. */
enum token_type {
	TOKEN_NORMAL = 1,
	TOKEN_UNKNOWN,
	TOKEN_CONTROL,
	TOKEN_USER,
	TOKEN_UNUSED,
	TOKEN_BYTE,
};

struct piece {
	char *s;
	uint32_t len;
	uint8_t type;
	float score;
};

struct vocab {
	bool bpe;
	bool llama3; /* BPE: how text is cut before merging */
	bool add_bos, add_space;
	int32_t bos, eos, eot; /* -1: none */
	uint32_t count;
	struct piece *piece;
	int32_t *slot; /* hash of texts: token + 1 */
	uint32_t slots; /* a power of two */
	int32_t byte[256]; /* the token of a byte, -1: none */
	/* BPE: rank of "left right", as a hash of pairs of tokens */
	struct merge {
		int32_t left, right, result; /* left -1: free */
		uint32_t rank;
	} * merge;
	uint32_t merge_slots;
};

/* From @count pieces, whose texts are copied. */
int vocab_init(struct vocab *v, const struct piece *piece, uint32_t count, struct err *e);
int vocab_load(struct vocab *v, const struct gguf *g, struct err *e);
void vocab_free(struct vocab *v);

/* The token of that very text, or -1. */
int32_t vocab_find(const struct vocab *v, const char *s, size_t len);
/* Tokens of @text (with BOS where the model wants it) to *@out, which the caller frees. */
int vocab_encode(const struct vocab *v, const char *text, int32_t **out, size_t *count,
		 struct err *e);
/* What a token adds to the text; @first drops SentencePiece's leading blank. Its length. */
size_t vocab_decode(const struct vocab *v, int32_t token, bool first, char *buf, size_t room);
/* Does the text end with it? */
bool vocab_ends(const struct vocab *v, int32_t token);

#endif
