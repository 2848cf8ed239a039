// SPDX-License-Identifier: Apache-2.0
#include "token.h"

#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <string.h>
#include <wctype.h>

#include "gguf.h"

#define TOKENS_MAX (1u << 24)
#define PIECE_MAX  4096u
#define TEXT_MAX   32768u /* merging takes time with the square of it */
#define BLANK	   "\xe2\x96\x81" /* SentencePiece's sign for a blank */

static uint32_t hash(const char *s, size_t len)
{
	uint32_t h = 2166136261u;
	size_t i;

	for (i = 0; i < len; i++)
		h = (h ^ (uint8_t)s[i]) * 16777619u;
	return h ^ h >> 15;
}

int32_t vocab_find(const struct vocab *v, const char *s, size_t len)
{
	uint32_t at = hash(s, len);

	for (;; at++) {
		int32_t t = v->slot[at & (v->slots - 1)] - 1;

		if (t < 0)
			return -1;
		if (v->piece[t].len == len && !memcmp(v->piece[t].s, s, len))
			return t;
	}
}

static int add_hash(struct vocab *v, struct err *e)
{
	uint32_t i;

	for (v->slots = 16; v->slots / 2 < v->count; v->slots *= 2)
		;
	v->slot = calloc(v->slots, sizeof(*v->slot));
	if (!v->slot)
		return refuse(e, "out of memory for %u tokens", v->count);
	for (i = 0; i < v->count; i++) {
		uint32_t at = hash(v->piece[i].s, v->piece[i].len);

		/* Of two with one text, the first is found. */
		if (vocab_find(v, v->piece[i].s, v->piece[i].len) >= 0)
			continue;
		while (v->slot[at & (v->slots - 1)])
			at++;
		v->slot[at & (v->slots - 1)] = (int32_t)i + 1;
	}
	return 0;
}

/* ---- Bytes ---- */

static int utf8(char *out, uint32_t c)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	out[0] = (char)(0xc0 | c >> 6);
	out[1] = (char)(0x80 | (c & 0x3f));
	return 2;
}

/* The letter that stands for a byte in the texts of byte-level BPE. */
static uint32_t byte_letter(uint8_t b)
{
	if (b <= 0x20)
		return 0x100u + b;
	if (b >= 0x7f && b <= 0xa0)
		return 0x121u + (b - 0x7fu);
	return b == 0xad ? 0x143u : b;
}

static void find_bytes(struct vocab *v)
{
	char text[8];
	int b;

	for (b = 0; b < 256; b++) {
		int32_t t;

		if (v->bpe) {
			t = vocab_find(v, text, (size_t)utf8(text, byte_letter((uint8_t)b)));
		} else {
			snprintf(text, sizeof(text), "<0x%02X>", b);
			t = vocab_find(v, text, 6);
			if (t >= 0 && v->piece[t].type != TOKEN_BYTE)
				t = -1;
		}
		v->byte[b] = t;
	}
}

int vocab_init(struct vocab *v, const struct piece *piece, uint32_t count, struct err *e)
{
	uint32_t i;

	v->count = 0;
	v->piece = calloc(count ? count : 1, sizeof(*v->piece));
	for (i = 0; v->piece && i < count; i++) {
		v->piece[i] = piece[i];
		v->piece[i].s = malloc(piece[i].len + 1u);
		if (!v->piece[i].s)
			break;
		memcpy(v->piece[i].s, piece[i].s, piece[i].len);
		v->piece[i].s[piece[i].len] = 0;
		v->count++;
	}
	if (v->count != count || add_hash(v, e)) {
		vocab_free(v);
		return refuse(e, "out of memory for %u tokens", count);
	}
	find_bytes(v);
	return 0;
}

void vocab_free(struct vocab *v)
{
	uint32_t i;

	for (i = 0; i < v->count; i++)
		free(v->piece[i].s);
	free(v->piece);
	free(v->slot);
	free(v->merge);
	memset(v, 0, sizeof(*v));
}

/* ---- From a file ---- */

static const struct merge *find_merge(const struct vocab *v, int32_t left, int32_t right)
{
	uint32_t at = ((uint32_t)left * 0x9e3779b1u) ^ ((uint32_t)right * 0x85ebca77u);

	for (;; at++) {
		const struct merge *m = &v->merge[at & (v->merge_slots - 1)];

		if (m->left < 0 || (m->left == left && m->right == right))
			return m;
	}
}

static int add_merge(struct vocab *v, struct gguf_string s, uint32_t rank, struct err *e)
{
	const char *gap = s.len ? memchr(s.s + 1, ' ', s.len - 1) : NULL;
	int32_t left, right, result = -1;
	char text[2 * PIECE_MAX];
	struct merge *m;
	size_t n;

	if (!gap || s.len > sizeof(text))
		return refuse(e, "key 'tokenizer.ggml.merges': number %u is not two texts", rank);
	n = (size_t)(gap - s.s);
	left = vocab_find(v, s.s, n);
	right = vocab_find(v, gap + 1, s.len - n - 1);
	memcpy(text, s.s, n);
	memcpy(text + n, gap + 1, s.len - n - 1);
	if (left >= 0 && right >= 0)
		result = vocab_find(v, text, s.len - 1);
	if (result < 0)
		return refuse(
			e, "key 'tokenizer.ggml.merges': number %u is of texts that are no tokens",
			rank);
	m = (struct merge *)(uintptr_t)find_merge(v, left, right);
	if (m->left < 0)
		*m = (struct merge){ left, right, result, rank };
	return 0;
}

static int load_merges(struct vocab *v, const struct gguf *g, struct err *e)
{
	const struct gguf_kv *kv = gguf_array(g, "tokenizer.ggml.merges", GGUF_STRING, e);
	struct gguf_string s;
	uint64_t at = 0;
	uint32_t i;

	if (!kv)
		return -1;
	if (kv->count > TOKENS_MAX)
		return refuse(e,
			      "key 'tokenizer.ggml.merges': %" PRIu64
			      " of them, at most %u are allowed",
			      kv->count, TOKENS_MAX);
	for (v->merge_slots = 16; v->merge_slots / 2 < kv->count; v->merge_slots *= 2)
		;
	v->merge = malloc(v->merge_slots * sizeof(*v->merge));
	if (!v->merge)
		return refuse(e, "out of memory for %" PRIu64 " merges", kv->count);
	for (i = 0; i < v->merge_slots; i++)
		v->merge[i].left = -1;
	for (i = 0; i < kv->count; i++) {
		if (!gguf_next_string(kv, &at, &s))
			return refuse(e, "key 'tokenizer.ggml.merges': the file changed");
		if (add_merge(v, s, i, e))
			return -1;
	}
	return 0;
}

static int load_piece(struct piece *p, const struct gguf_kv *tokens, uint64_t *at, uint32_t i,
		      struct err *e)
{
	struct gguf_string s;

	if (!gguf_next_string(tokens, at, &s))
		return refuse(e, "key 'tokenizer.ggml.tokens': the file changed");
	if (s.len > PIECE_MAX)
		return refuse(e,
			      "key 'tokenizer.ggml.tokens': token %u has %" PRIu64
			      " bytes, at most %u are allowed",
			      i, s.len, PIECE_MAX);
	p->s = (char *)(uintptr_t)s.s;
	p->len = (uint32_t)s.len;
	return 0;
}

/* An array beside the tokens: as many items, or none at all when it need not be there. */
static int load_beside(const struct gguf *g, const char *key, enum gguf_type item, bool required,
		       uint64_t count, const struct gguf_kv **kv, struct err *e)
{
	*kv = NULL;
	if (!required && !gguf_find(g, key))
		return 0;
	*kv = gguf_array(g, key, item, e);
	if (!*kv)
		return -1;
	if ((*kv)->count != count)
		return refuse(e, "key '%s': %" PRIu64 " items for %" PRIu64 " tokens", key,
			      (*kv)->count, count);
	return 0;
}

static int load_pieces(struct vocab *v, const struct gguf *g, struct err *e)
{
	const struct gguf_kv *tokens, *scores, *types;
	struct piece *piece;
	uint64_t at = 0;
	uint32_t i;
	int rc = 0;

	tokens = gguf_array(g, "tokenizer.ggml.tokens", GGUF_STRING, e);
	if (!tokens)
		return -1;
	if (!tokens->count || tokens->count > TOKENS_MAX)
		return refuse(
			e, "key 'tokenizer.ggml.tokens': %" PRIu64 " of them, 1 to %u are allowed",
			tokens->count, TOKENS_MAX);
	if (load_beside(g, "tokenizer.ggml.scores", GGUF_F32, !v->bpe, tokens->count, &scores, e) ||
	    load_beside(g, "tokenizer.ggml.token_type", GGUF_I32, false, tokens->count, &types, e))
		return -1;
	piece = calloc(tokens->count, sizeof(*piece));
	if (!piece)
		return refuse(e, "out of memory for %" PRIu64 " tokens", tokens->count);
	for (i = 0; !rc && i < tokens->count; i++) {
		int32_t type = TOKEN_NORMAL;

		rc = load_piece(&piece[i], tokens, &at, i, e);
		if (scores)
			memcpy(&piece[i].score, scores->value + 4 * (size_t)i, 4);
		if (types)
			memcpy(&type, types->value + 4 * (size_t)i, 4);
		if (!rc && (type < TOKEN_NORMAL || type > TOKEN_BYTE))
			rc = refuse(e, "key 'tokenizer.ggml.token_type': token %u is of type %d", i,
				    type);
		if (!rc && isnan(piece[i].score))
			rc = refuse(e, "key 'tokenizer.ggml.scores': token %u has none", i);
		piece[i].type = (uint8_t)type;
	}
	if (!rc)
		rc = vocab_init(v, piece, (uint32_t)tokens->count, e);
	free(piece);
	return rc;
}

static int load_special(const struct vocab *v, const struct gguf *g, const char *key, int32_t *t,
			struct err *e)
{
	uint32_t id = UINT32_MAX;

	if (gguf_u32(g, key, false, &id, e))
		return -1;
	if (id != UINT32_MAX && id >= v->count)
		return refuse(e, "key '%s': token %u of %u", key, id, v->count);
	*t = id == UINT32_MAX ? -1 : (int32_t)id;
	return 0;
}

/* The model of the tokenizer and, for BPE, how it cuts the text. */
static int load_kind(struct vocab *v, const struct gguf *g, struct err *e)
{
	struct gguf_string model, pre = { "default", 7 };

	if (gguf_string(g, "tokenizer.ggml.model", true, &model, e) ||
	    gguf_string(g, "tokenizer.ggml.pre", false, &pre, e))
		return -1;
	v->bpe = gguf_is(model, "gpt2");
	if (!v->bpe && !gguf_is(model, "llama"))
		return refuse(
			e,
			"key 'tokenizer.ggml.model': '%.*s' is not supported: llama and gpt2 are",
			model.len < 40 ? (int)model.len : 40, model.s);
	v->llama3 = v->bpe && (gguf_is(pre, "llama-bpe") || gguf_is(pre, "llama3") ||
			       gguf_is(pre, "llama-v3"));
	if (v->bpe && !v->llama3 && !gguf_is(pre, "gpt-2") && !gguf_is(pre, "default"))
		return refuse(
			e,
			"key 'tokenizer.ggml.pre': '%.*s' is not supported: llama-bpe and gpt-2 are",
			pre.len < 40 ? (int)pre.len : 40, pre.s);
	v->add_bos = !v->bpe || v->llama3;
	v->add_space = !v->bpe;
	return 0;
}

int vocab_load(struct vocab *v, const struct gguf *g, struct err *e)
{
	memset(v, 0, sizeof(*v));
	if (load_kind(v, g, e) || load_pieces(v, g, e))
		return -1;
	if (load_special(v, g, "tokenizer.ggml.bos_token_id", &v->bos, e) ||
	    load_special(v, g, "tokenizer.ggml.eos_token_id", &v->eos, e) ||
	    load_special(v, g, "tokenizer.ggml.eot_token_id", &v->eot, e) ||
	    gguf_bool(g, "tokenizer.ggml.add_bos_token", &v->add_bos, e) ||
	    gguf_bool(g, "tokenizer.ggml.add_space_prefix", &v->add_space, e) ||
	    (v->bpe && load_merges(v, g, e))) {
		vocab_free(v);
		return -1;
	}
	if (v->add_bos && v->bos < 0) {
		vocab_free(v);
		return refuse(
			e, "key 'tokenizer.ggml.bos_token_id' is missing, and texts begin with it");
	}
	return 0;
}

/* ---- Merging ---- */

/* A run of the text, in a list; the best of neighbours are joined until none can be. */
struct symbol {
	uint32_t at, len;
	int32_t token; /* -1: that text is no token */
	int32_t next; /* -1: the last */
	int32_t joined; /* with the next one: the token, -1: none */
	float rank; /* of joining, the greatest comes first */
};

static void rank_pair(const struct vocab *v, const char *text, struct symbol *s, int32_t i)
{
	const struct symbol *b;

	s[i].joined = -1;
	if (s[i].next < 0)
		return;
	b = &s[s[i].next];
	if (v->bpe) {
		const struct merge *m;

		if (s[i].token < 0 || b->token < 0)
			return;
		m = find_merge(v, s[i].token, b->token);
		if (m->left >= 0) {
			s[i].joined = m->result;
			s[i].rank = -(float)m->rank;
		}
		return;
	}
	s[i].joined = vocab_find(v, text + s[i].at, s[i].len + b->len);
	if (s[i].joined >= 0)
		s[i].rank = v->piece[s[i].joined].score;
}

static void merge_all(const struct vocab *v, const char *text, struct symbol *s, size_t n)
{
	int32_t i, before;

	for (i = 0; (size_t)i < n; i++)
		rank_pair(v, text, s, i);
	for (;;) {
		int32_t best = -1, best_before = -1;

		for (i = 0, before = -1; i >= 0; before = i, i = s[i].next)
			if (s[i].joined >= 0 && (best < 0 || s[i].rank > s[best].rank)) {
				best = i;
				best_before = before;
			}
		if (best < 0)
			return;
		s[best].token = s[best].joined;
		s[best].len += s[s[best].next].len;
		s[best].next = s[s[best].next].next;
		rank_pair(v, text, s, best);
		if (best_before >= 0)
			rank_pair(v, text, s, best_before);
	}
}

static size_t letter_size(const char *s, size_t left)
{
	uint8_t c = (uint8_t)*s;
	size_t n = c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

	return n < left ? n : left;
}

struct list {
	int32_t *token;
	size_t count;
};

/* Room was made for every byte of the text. */
static int add_symbols(const struct vocab *v, const char *text, const struct symbol *s,
		       struct list *out, struct err *e)
{
	int32_t i;
	uint32_t b;

	for (i = 0; i >= 0; i = s[i].next) {
		if (s[i].token >= 0) {
			out->token[out->count++] = s[i].token;
			continue;
		}
		if (v->bpe)
			return refuse(e, "the model has no token for '%.*s'", (int)s[i].len,
				      text + s[i].at);
		for (b = 0; b < s[i].len; b++) {
			uint8_t byte = (uint8_t)text[s[i].at + b];

			if (v->byte[byte] < 0)
				return refuse(e, "the model has no token for the byte 0x%02x",
					      byte);
			out->token[out->count++] = v->byte[byte];
		}
	}
	return 0;
}

/* Merges one run of text and adds its tokens. */
static int add_run(const struct vocab *v, const char *text, size_t len, struct list *out,
		   struct err *e)
{
	struct symbol *s;
	size_t at, n = 0;
	int rc;

	if (!len)
		return 0;
	s = malloc(len * sizeof(*s));
	if (!s)
		return refuse(e, "out of memory for a text of %zu bytes", len);
	for (at = 0; at < len; at += s[n++].len) {
		s[n].at = (uint32_t)at;
		s[n].len = (uint32_t)letter_size(text + at, len - at);
		s[n].token = vocab_find(v, text + at, s[n].len);
		s[n].next = at + s[n].len < len ? (int32_t)n + 1 : -1;
	}
	merge_all(v, text, s, n);
	rc = add_symbols(v, text, s, out, e);
	free(s);
	return rc;
}

/* ---- SentencePiece ---- */

static int encode_spm(const struct vocab *v, const char *text, struct list *out, struct err *e)
{
	size_t len = 0, i, n = strlen(text);
	char *s = malloc(3 * n + 4);
	int rc;

	if (!s)
		return refuse(e, "out of memory for a text of %zu bytes", n);
	if (v->add_space && n) {
		memcpy(s, BLANK, 3);
		len = 3;
	}
	for (i = 0; i < n; i++) {
		if (text[i] == ' ') {
			memcpy(s + len, BLANK, 3);
			len += 3;
		} else {
			s[len++] = text[i];
		}
	}
	rc = add_run(v, s, len, out, e);
	free(s);
	return rc;
}

/* ---- Byte-level BPE ---- */

enum class { LETTER, DIGIT, SPACE, LINE, OTHER };

/* By C.UTF-8's classes, which are near enough to Unicode's. */
static enum class classify(const char *s, size_t left, size_t *len) {
	static locale_t locale; wchar_t c = (uint8_t)*s; size_t i;

	*len = letter_size(s, left);
	if (*len > 1){ c &= 0x7f >> *len; for (i = 1; i < *len; i++) c = c << 6 | (s[i] & 0x3f); }
if (c < 0x80)
{
	if (c == '\r' || c == '\n')
		return LINE;
	if (c == ' ' || (c >= '\t' && c <= '\f'))
		return SPACE;
	if (c >= '0' && c <= '9')
		return DIGIT;
	return (c | 0x20) >= 'a' && (c | 0x20) <= 'z' ? LETTER : OTHER;
}
if (!locale)
	locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", NULL);
if (!locale || *len == 1)
	return OTHER;
return iswalpha_l((wint_t)c, locale) ? LETTER : iswspace_l((wint_t)c, locale) ? SPACE : OTHER;
}

/* How long the run of one class is, @max letters at most. */
static size_t run_of(const char *s, size_t left, enum class want, size_t max)
{
	size_t at = 0, len;

	for (; at < left && max; at += len, max--)
		if (classify(s + at, left - at, &len) != want)
			break;
	return at;
}

static size_t contraction(const char *s, size_t left, bool any_case)
{
	static const char *const ends[] = { "'s", "'t", "'re", "'ve", "'m", "'ll", "'d" };
	size_t i, k;

	for (i = 0; i < ARRAY_SIZE(ends); i++) {
		for (k = 0; ends[i][k] && k < left; k++)
			if (s[k] != ends[i][k] && !(any_case && k && (s[k] | 0x20) == ends[i][k]))
				break;
		if (!ends[i][k])
			return k;
	}
	return 0;
}

/* Blanks: up to their last line break, or all but the one before the next word. */
static size_t blanks(const char *s, size_t left, bool llama3)
{
	size_t at = 0, len = 0, line = 0, last = 0;

	while (at < left) {
		enum class c = classify(s + at, left - at, &len);

		if (c != SPACE && c != LINE)
			break;
		last = at;
		at += len;
		if (c == LINE)
			line = at;
	}
	if (llama3 && line)
		return line;
	return at < left && last ? last : at;
}

/* The length of the first run that is merged by itself. */
static size_t cut(const struct vocab *v, const char *s, size_t left)
{
	size_t first, skip, n, len;
	enum class c, next;

	n = contraction(s, left, v->llama3);
	if (n)
		return n;
	c = classify(s, left, &first);
	skip = c == SPACE || c == OTHER ? first : 0;
	next = skip && skip < left ? classify(s + skip, left - skip, &len) : c;
	if (c == LETTER)
		return run_of(s, left, LETTER, SIZE_MAX);
	if (c == DIGIT)
		return run_of(s, left, DIGIT, v->llama3 ? 3 : SIZE_MAX);
	/* Words take one sign (llama-bpe) or one blank (gpt-2) before them along. */
	if (next == LETTER && skip < left && (*s == ' ' || v->llama3))
		return skip + run_of(s + skip, left - skip, LETTER, SIZE_MAX);
	if (next == DIGIT && *s == ' ' && !v->llama3)
		return 1 + run_of(s + 1, left - 1, DIGIT, SIZE_MAX);
	if (c == OTHER || (*s == ' ' && next == OTHER)) {
		n = *s == ' ';
		n += run_of(s + n, left - n, OTHER, SIZE_MAX);
		return v->llama3 ? n + run_of(s + n, left - n, LINE, SIZE_MAX) : n;
	}
	return blanks(s, left, v->llama3);
}

static int encode_bpe(const struct vocab *v, const char *text, struct list *out, struct err *e)
{
	size_t left = strlen(text), n, i, len;
	char *s = malloc(2 * left + 1);
	int rc = 0;

	if (!s)
		return refuse(e, "out of memory for a text of %zu bytes", left);
	for (; !rc && left; text += n, left -= n) {
		int32_t whole;

		n = cut(v, text, left);
		for (i = len = 0; i < n; i++)
			len += (size_t)utf8(s + len, byte_letter((uint8_t)text[i]));
		whole = v->llama3 ? vocab_find(v, s, len) : -1;
		if (whole >= 0)
			out->token[out->count++] = whole;
		else
			rc = add_run(v, s, len, out, e);
	}
	free(s);
	return rc;
}

int vocab_encode(const struct vocab *v, const char *text, int32_t **out, size_t *count,
		 struct err *e)
{
	struct list list = { 0 };
	int rc;

	*out = NULL;
	*count = 0;
	if (strlen(text) > TEXT_MAX)
		return refuse(e, "a text of %zu bytes, at most %u are allowed", strlen(text),
			      TEXT_MAX);
	/* A blank may become three bytes, each a token; one more in front, and BOS. */
	list.token = malloc((3 * strlen(text) + 4) * sizeof(*list.token));
	if (!list.token)
		return refuse(e, "out of memory for a text of %zu bytes", strlen(text));
	if (v->add_bos)
		list.token[list.count++] = v->bos;
	rc = v->bpe ? encode_bpe(v, text, &list, e) : encode_spm(v, text, &list, e);
	if (rc) {
		free(list.token);
		return -1;
	}
	*out = list.token;
	*count = list.count;
	return 0;
}

static size_t decode_bpe(const struct piece *p, char *buf, size_t room)
{
	uint32_t i = 0, c;
	size_t n = 0;

	while (i < p->len && n < room) {
		uint32_t len = (uint32_t)letter_size(p->s + i, p->len - i);
		int b;

		c = len == 2 ? (p->s[i] & 0x1fu) << 6 | (p->s[i + 1] & 0x3fu) : (uint8_t)p->s[i];
		for (b = 0; len < 3 && b < 256 && byte_letter((uint8_t)b) != c; b++)
			;
		if (len < 3 && b < 256) {
			buf[n++] = (char)b;
		} else { /* a token that the file's maker added as it is */
			for (b = 0; b < (int)len && n < room; b++)
				buf[n++] = p->s[i + (uint32_t)b];
		}
		i += len;
	}
	return n;
}

size_t vocab_decode(const struct vocab *v, int32_t token, bool first, char *buf, size_t room)
{
	const struct piece *p;
	size_t n = 0, i = 0;

	if (token < 0 || (uint32_t)token >= v->count || !room)
		return 0;
	p = &v->piece[token];
	if (p->type == TOKEN_CONTROL || p->type == TOKEN_UNUSED)
		return 0;
	if (v->bpe)
		return decode_bpe(p, buf, room);
	if (p->type == TOKEN_BYTE) {
		unsigned int b = 0;

		sscanf(p->s, "<0x%2x>", &b);
		buf[0] = (char)b;
		return 1;
	}
	if (first && p->len >= 3 && !memcmp(p->s, BLANK, 3))
		i = 3;
	for (; i < p->len && n < room; i++) {
		if (p->len - i >= 3 && !memcmp(p->s + i, BLANK, 3)) {
			buf[n++] = ' ';
			i += 2;
		} else {
			buf[n++] = p->s[i];
		}
	}
	return n;
}

bool vocab_ends(const struct vocab *v, int32_t token)
{
	return token >= 0 && (token == v->eos || token == v->eot);
}
