/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small world of animals and sums, told as questions and answers. What is asked is
 * either for learning or held out, by a hash of what the question is about, so what
 * was held out never appears in the text that a model learns from.
 */
#ifndef LLAMA_CORPUS_H
#define LLAMA_CORPUS_H

#include <stdbool.h>

#include "rng.h"

enum corpus_kind {
	CORPUS_COLOUR, /* what colour is the fox? */
	CORPUS_HOME,
	CORPUS_FOOD,
	CORPUS_SOUND,
	CORPUS_IS, /* is the fox blue? */
	CORPUS_LIVES, /* does the fox live in the sea? */
	CORPUS_BIGGER, /* which is bigger, the fox or the bear? */
	CORPUS_WHICH, /* which animal is red and lives in the forest? */
	CORPUS_SUM, /* what is 17 plus 25? */
	CORPUS_ABOUT, /* tell me about the fox: nothing of it is held out */
	CORPUS_KINDS,
};

struct qa {
	char question[128]; /* "Q: what colour is the fox? A:" */
	char answer[256]; /* " The fox is red." */
};

const char *corpus_title(enum corpus_kind kind);
void corpus_draw(struct rng *r, enum corpus_kind kind, bool held_out, struct qa *qa);
/* Any kind, in the proportions that are learned from. */
void corpus_any(struct rng *r, struct qa *qa);

#endif
