/* SPDX-License-Identifier: Apache-2.0 */
/* Makes SentencePiece's kind of vocabulary from text: bytes, letters, merged pieces. */
#ifndef LLAMA_WORDS_H
#define LLAMA_WORDS_H

#include <stdint.h>

#include "token.h"

#define WORDS_BOS 1
#define WORDS_EOS 2

/* <unk>, <s>, </s>, the 256 bytes: tokens 0 to 258, as every such model has them. */
#define WORDS_FIRST 259u

/* Fills @piece[0 .. WORDS_FIRST - 1]; texts are the caller's to free. */
void words_bytes(struct piece *piece);
/*
 * Adds the letters of @text and the pairs that occur most in it, up to @count pieces;
 * what is not needed is filled with unused tokens. Digits stay alone.
 */
void words_learn(const char *text, struct piece *piece, uint32_t count);

#endif
