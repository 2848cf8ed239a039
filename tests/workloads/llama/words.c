// SPDX-License-Identifier: Apache-2.0
#include "words.h"

#include <string.h>

#define BLANK	  "\xe2\x96\x81"
#define WORD_MAX  32
#define WORDS_MAX 4096
#define PIECES	  4096
#define SELDOM	  8 /* a pair that occurs less often is no piece */

struct word {
	char text[WORD_MAX]; /* without the blank before it */
	uint32_t times, len;
	int32_t token[WORD_MAX + 1];
};

struct table {
	struct word word[WORDS_MAX];
	uint32_t words;
	uint32_t pairs[PIECES][PIECES];
};

static void set(struct piece *p, const char *text, uint8_t type, float score)
{
	p->s = need(strdup(text));
	p->len = (uint32_t)strlen(text);
	p->type = type;
	p->score = score;
}

void words_bytes(struct piece *piece)
{
	char text[8];
	int b;

	set(&piece[0], "<unk>", TOKEN_UNKNOWN, 0);
	set(&piece[WORDS_BOS], "<s>", TOKEN_CONTROL, 0);
	set(&piece[WORDS_EOS], "</s>", TOKEN_CONTROL, 0);
	for (b = 0; b < 256; b++) {
		snprintf(text, sizeof(text), "<0x%02X>", b);
		set(&piece[3 + b], text, TOKEN_BYTE, 0);
	}
}

static void add_word(struct table *t, const char *s, size_t len)
{
	uint32_t i;

	if (!len || len >= WORD_MAX)
		return;
	for (i = 0; i < t->words; i++)
		if (!strncmp(t->word[i].text, s, len) && !t->word[i].text[len])
			break;
	if (i == WORDS_MAX)
		return;
	if (i == t->words) {
		memcpy(t->word[i].text, s, len);
		t->words++;
	}
	t->word[i].times++;
}

static void read_words(struct table *t, const char *text)
{
	while (*text) {
		size_t len = strcspn(text, " \n");

		add_word(t, text, len);
		text += len + (text[len] != 0);
	}
}

/* The blank and the letters, each a piece; words become rows of them. */
static uint32_t add_letters(struct table *t, struct piece *piece, uint32_t n)
{
	int32_t letter[256] = { 0 }, blank = (int32_t)n;
	uint32_t i;

	set(&piece[n++], BLANK, TOKEN_NORMAL, 0);
	for (i = 0; i < t->words; i++) {
		struct word *w = &t->word[i];
		const char *c;

		w->token[w->len++] = blank;
		for (c = w->text; *c; c++) {
			char one[2] = { *c, 0 };
			int32_t *l = &letter[(uint8_t)*c];

			if (!*l) {
				*l = (int32_t)n;
				set(&piece[n++], one, TOKEN_NORMAL, 0);
			}
			w->token[w->len++] = *l;
		}
	}
	return n;
}

static int digits(const struct piece *p)
{
	return strpbrk(p->s, "0123456789") != NULL;
}

static void count_pairs(struct table *t)
{
	uint32_t i, k;

	memset(t->pairs, 0, sizeof(t->pairs));
	for (i = 0; i < t->words; i++)
		for (k = 0; k + 1 < t->word[i].len; k++)
			t->pairs[t->word[i].token[k]][t->word[i].token[k + 1]] += t->word[i].times;
}

static void merge_pair(struct word *w, int32_t a, int32_t b, int32_t to)
{
	uint32_t k, n = 0;

	for (k = 0; k < w->len; k++) {
		if (k + 1 < w->len && w->token[k] == a && w->token[k + 1] == b) {
			w->token[n++] = to;
			k++;
		} else {
			w->token[n++] = w->token[k];
		}
	}
	w->len = n;
}

/* The commonest pair becomes piece @n; false when none is common. */
static int add_pair(struct table *t, struct piece *piece, uint32_t n)
{
	uint32_t a, b, i, best_a = 0, best_b = 0, most = SELDOM;
	char text[2 * WORD_MAX];

	count_pairs(t);
	for (a = WORDS_FIRST; a < n; a++)
		for (b = WORDS_FIRST; b < n; b++)
			if (t->pairs[a][b] > most && !digits(&piece[a]) && !digits(&piece[b])) {
				most = t->pairs[a][b];
				best_a = a;
				best_b = b;
			}
	if (most == SELDOM)
		return 0;
	snprintf(text, sizeof(text), "%s%s", piece[best_a].s, piece[best_b].s);
	set(&piece[n], text, TOKEN_NORMAL, -(float)(n - WORDS_FIRST));
	for (i = 0; i < t->words; i++)
		merge_pair(&t->word[i], (int32_t)best_a, (int32_t)best_b, (int32_t)n);
	return 1;
}

void words_learn(const char *text, struct piece *piece, uint32_t count)
{
	struct table *t = need(calloc(1, sizeof(*t)));
	char name[16];
	uint32_t n;

	read_words(t, text);
	n = add_letters(t, piece, WORDS_FIRST);
	while (n < count && n < PIECES && add_pair(t, piece, n))
		n++;
	for (; n < count; n++) {
		snprintf(name, sizeof(name), "<unused%u>", n);
		set(&piece[n], name, TOKEN_UNUSED, 0);
	}
	free(t);
}
