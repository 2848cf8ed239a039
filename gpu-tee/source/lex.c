// SPDX-License-Identifier: Apache-2.0
#include "lex.h"

#include <string.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* $ and bytes of UTF-8 count as letters, as compilers of OpenCL C have it. */
static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$' ||
	       (unsigned char)c >= 0x80;
}

/* A zero byte, too: except at the end, which the callers see to. */
static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\f' || c == '\v' || c == 0;
}

static char trigraph(char c)
{
	static const char from[] = "=/'()!<>-", to[] = "#\\^[]|{}~";
	const char *p = c ? strchr(from, c) : NULL;

	return p ? to[p - from] : 0;
}

/* Length of a newline at @p, with what blanks stand before it; 0 if there is none. */
static size_t splice_length(const char *p, const char *end)
{
	const char *q = p;

	while (q < end && is_blank(*q))
		q++;
	if (q == end)
		return 0;
	if (*q == '\r')
		return (size_t)(q - p) + (q + 1 < end && q[1] == '\n' ? 2 : 1);
	return *q == '\n' ? (size_t)(q - p) + 1 : 0;
}

/* One character of phase 1: trigraphs; all kinds of newline become \n. */
static size_t take_char(const char *p, const char *end, char *c)
{
	if (end - p >= 3 && p[0] == '?' && p[1] == '?' && trigraph(p[2])) {
		*c = trigraph(p[2]);
		return 3;
	}
	*c = *p;
	if (*p != '\r')
		return 1;
	*c = '\n';
	return end - p >= 2 && p[1] == '\n' ? 2 : 1;
}

void hg_lex_open(struct hg_pool *pool, struct hg_lexer *l, const char *text, size_t size,
		 const char *name)
{
	const char *p = text, *end = text + size;
	size_t splices = 0, room = 0;
	uint32_t *splice = NULL;
	char *out, c;

	if (size > HG_FILE_MAX)
		hg_pool_fail(pool, HG_SOURCE_LIMIT, "%s: the file is larger than %zu bytes", name,
			     HG_FILE_MAX);
	out = hg_pool_get(pool, size + 1);
	l->start = l->at = out;
	while (p < end) {
		size_t n = take_char(p, end, &c);
		size_t more = c == '\\' ? splice_length(p + n, end) : 0;

		if (more) {
			splice = hg_pool_grow(pool, splice, splices, &room, sizeof(*splice));
			splice[splices++] = (uint32_t)(out - l->start);
		} else {
			*out++ = c;
		}
		p += n + more;
	}
	*out = 0;
	splice = hg_pool_grow(pool, splice, splices, &room, sizeof(*splice));
	splice[splices] = UINT32_MAX;
	l->splice = splice;
	l->end = out;
	l->file = name;
	l->line = 1;
	l->first = true;
}

/* The line, for a token that starts here: removed newlines before it count. */
static void count_splices(struct hg_lexer *l)
{
	while (*l->splice <= (uint32_t)(l->at - l->start)) {
		l->line++;
		l->splice++;
	}
}

/* A comment at @p ends behind the returned place. @lines: newlines in it. */
static const char *comment_end(const char *p, const char *end, uint32_t *lines)
{
	if (p[1] == '/') {
		const char *q = memchr(p, '\n', (size_t)(end - p));

		return q ? q : end;
	}
	for (p += 2; p < end; p++) {
		if (*p == '\n')
			++*lines;
		if (*p == '*' && p[1] == '/')
			return p + 2;
	}
	return end;
}

static bool at_comment(const struct hg_lexer *l)
{
	return l->at[0] == '/' && (l->at[1] == '/' || l->at[1] == '*');
}

/* -> was there any? */
static bool skip_space(struct hg_lexer *l)
{
	const char *from = l->at;

	while (l->at < l->end) {
		uint32_t lines = 0;

		if (is_blank(*l->at))
			l->at++;
		else if (at_comment(l))
			l->at = comment_end(l->at, l->end, &lines);
		else
			break;
		l->line += lines;
	}
	return l->at > from;
}

static void lex_word(struct hg_lexer *l)
{
	while (is_letter(*l->at) || is_digit(*l->at))
		l->at++;
}

static void lex_number(struct hg_lexer *l)
{
	for (;; l->at++) {
		char c = *l->at;

		if ((c == '+' || c == '-') && strchr("eEpP", l->at[-1]))
			continue;
		if (!is_letter(c) && !is_digit(c) && c != '.')
			return;
	}
}

/* -> false: the line ends first; then the rest of the line is one stray token. */
static bool lex_quoted(struct hg_lexer *l)
{
	char quote = *l->at++;

	for (; l->at < l->end && *l->at != '\n'; l->at++) {
		if (*l->at == quote) {
			l->at++;
			return true;
		}
		if (*l->at == '\\' && l->at + 1 < l->end && l->at[1] != '\n')
			l->at++;
	}
	return false;
}

static const struct {
	char text[5];
	uint8_t size;
	uint32_t punct;
} puncts[] = {
	{ "%:%:", 4, HG_P2('#', '#') },
	{ "...", 3, HG_P3('.', '.', '.') },
	{ "<<=", 3, HG_P3('<', '<', '=') },
	{ ">>=", 3, HG_P3('>', '>', '=') },
	{ "<:", 2, '[' },
	{ ":>", 2, ']' },
	{ "<%", 2, '{' },
	{ "%>", 2, '}' },
	{ "%:", 2, '#' },
	{ "##", 2, HG_P2('#', '#') },
	{ "->", 2, HG_P2('-', '>') },
	{ "++", 2, HG_P2('+', '+') },
	{ "--", 2, HG_P2('-', '-') },
	{ "<<", 2, HG_P2('<', '<') },
	{ ">>", 2, HG_P2('>', '>') },
	{ "<=", 2, HG_P2('<', '=') },
	{ ">=", 2, HG_P2('>', '=') },
	{ "==", 2, HG_P2('=', '=') },
	{ "!=", 2, HG_P2('!', '=') },
	{ "&&", 2, HG_P2('&', '&') },
	{ "||", 2, HG_P2('|', '|') },
	{ "*=", 2, HG_P2('*', '=') },
	{ "/=", 2, HG_P2('/', '=') },
	{ "%=", 2, HG_P2('%', '=') },
	{ "+=", 2, HG_P2('+', '=') },
	{ "-=", 2, HG_P2('-', '=') },
	{ "&=", 2, HG_P2('&', '=') },
	{ "^=", 2, HG_P2('^', '=') },
	{ "|=", 2, HG_P2('|', '=') },
};

static void lex_punct(struct hg_lexer *l, struct hg_token *t)
{
	size_t i;

	t->kind = HG_PUNCT;
	for (i = 0; i < ARRAY_SIZE(puncts); i++)
		if (!strncmp(l->at, puncts[i].text, puncts[i].size)) {
			t->punct = puncts[i].punct;
			l->at += puncts[i].size;
			return;
		}
	t->punct = (unsigned char)*l->at++;
	if (!strchr("[](){}.&*+-~!/%<>^|?:;=,#", (char)t->punct))
		t->kind = HG_OTHER;
}

/* A letter that belongs to a quoted text: L'x', u8"x". */
static size_t prefix_length(const char *p)
{
	size_t n = p[0] == 'L' || p[0] == 'U' ? 1 : p[0] == 'u' ? (p[1] == '8' ? 2 : 1) : 0;

	/* Only L is a prefix in C99; the others are names of their own there. */
	return n == 1 && p[0] == 'L' && (p[1] == '"' || p[1] == '\'') ? 1 : 0;
}

static void lex_text(struct hg_lexer *l, struct hg_token *t)
{
	size_t prefix = prefix_length(l->at);
	char c = l->at[prefix];

	if (c == '"' || c == '\'') {
		l->at += prefix;
		t->kind = !lex_quoted(l) ? HG_OTHER : c == '"' ? HG_STRING : HG_CHAR;
	} else if (is_letter(c)) {
		t->kind = HG_IDENT;
		lex_word(l);
	} else if (is_digit(c) || (c == '.' && is_digit(l->at[1]))) {
		t->kind = HG_NUMBER;
		l->at++;
		lex_number(l);
	} else {
		lex_punct(l, t);
	}
}

void hg_lex(struct hg_lexer *l, struct hg_token *t)
{
	bool space = skip_space(l);

	count_splices(l);
	*t = (struct hg_token){ .text = l->at, .file = l->file, .line = l->line };
	t->flags = (uint8_t)(HG_RAW | (space ? HG_SPACE : 0) | (l->first ? HG_FIRST : 0));
	if (l->at == l->end) {
		t->kind = HG_END;
		return;
	}
	l->first = *l->at == '\n';
	if (l->first) {
		l->at++;
		l->line++;
		t->kind = HG_NEWLINE;
	} else {
		lex_text(l, t);
	}
	t->size = (uint32_t)(l->at - t->text);
}

bool hg_lex_header(struct hg_lexer *l, struct hg_token *t)
{
	const char *q;
	char close;

	skip_space(l);
	count_splices(l);
	if (*l->at != '<' && *l->at != '"')
		return false;
	close = *l->at == '<' ? '>' : '"';
	for (q = l->at + 1; q < l->end && *q != '\n' && *q != close; q++)
		;
	if (*q != close)
		return false;
	*t = (struct hg_token){
		.text = l->at, .size = (uint32_t)(q + 1 - l->at), .file = l->file, .line = l->line
	};
	t->kind = HG_STRING;
	l->at = q + 1;
	return true;
}

bool hg_lex_paren_follows(const struct hg_lexer *l)
{
	struct hg_lexer copy = *l;

	for (;;) {
		skip_space(&copy);
		if (*copy.at != '\n' || copy.at == copy.end)
			break;
		copy.at++;
	}
	return copy.at < copy.end && *copy.at == '(';
}

void hg_lex_skip_line(struct hg_lexer *l)
{
	struct hg_token t;

	if (l->first)
		return;
	do {
		hg_lex(l, &t);
	} while (t.kind != HG_NEWLINE && t.kind != HG_END);
}

bool hg_is_name(const struct hg_token *t, const char *name)
{
	return t->kind == HG_IDENT && strlen(name) == t->size && !memcmp(t->text, name, t->size);
}

bool hg_would_join(const struct hg_token *a, const struct hg_token *b)
{
	char x = a->size ? a->text[a->size - 1] : ' ', y = b->size ? b->text[0] : ' ';

	if (a->kind == HG_IDENT || a->kind == HG_NUMBER) {
		if (is_letter(y) || is_digit(y))
			return true;
		if (a->kind == HG_NUMBER && y == '.')
			return true;
		if (a->kind == HG_NUMBER && (y == '+' || y == '-') && strchr("eEpP", x))
			return true;
		return a->kind == HG_IDENT && (y == '"' || y == '\'');
	}
	if (a->kind == HG_PUNCT && b->kind == HG_PUNCT)
		return strchr("+-<>=&|#%:/*!^.", x) && strchr("+-<>=&|#%:/*.", y);
	if (a->kind == HG_OTHER || b->kind == HG_OTHER)
		return true;
	return x == '.' && is_digit(y);
}
