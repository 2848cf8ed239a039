// SPDX-License-Identifier: Apache-2.0
/* Conditions of #if and #elif: 64-bit integers. */
#include <string.h>

#include "cpp.h"

#define DEPTH 200u

struct value {
	uint64_t v;
	bool u; /* unsigned */
};

struct expr {
	struct hg_cpp *c;
	const struct hg_token *at; /* the directive, for messages */
	const struct hg_token *t;  /* the next token */
	unsigned int depth;
	bool dead; /* not evaluated: behind 0 && and such */
};

static struct value conditional(struct expr *e);

static _Noreturn void bad(struct expr *e, const char *what)
{
	hg_cpp_fail(e->c, e->at, HG_SOURCE_SYNTAX, "in the condition: %s", what);
}

static bool take(struct expr *e, uint32_t punct)
{
	if (!hg_is(e->t, punct))
		return false;
	e->t++;
	return true;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 99;
}

static bool suffix(const char *s, size_t n, bool *u)
{
	unsigned int us = 0, ls = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		if (s[i] == 'u' || s[i] == 'U')
			us++;
		else if (s[i] == 'l' || s[i] == 'L')
			ls++;
		else
			return false;
	}
	*u = us;
	return us <= 1 && ls <= 2;
}

static struct value number(struct expr *e)
{
	const struct hg_token *t = e->t++;
	struct value r = { 0 };
	unsigned int base = 10;
	uint32_t i = 0;
	bool over = false;

	if (t->text[0] == '0' && t->size > 1) {
		char x = t->text[1];

		base = x == 'x' || x == 'X' ? 16 : x == 'b' || x == 'B' ? 2 : 8;
		i = base == 8 ? 1 : 2;
		if (i == t->size)
			bad(e, "a number without digits");
	}
	for (; i < t->size && digit(t->text[i]) < (int)base; i++) {
		uint64_t d = (uint64_t)digit(t->text[i]);

		over |= r.v > (UINT64_MAX - d) / base;
		r.v = r.v * base + d;
	}
	if (!suffix(t->text + i, t->size - i, &r.u))
		hg_cpp_fail(e->c, e->at, HG_SOURCE_SYNTAX,
			    "in the condition: '%.*s' is not an integer", HG_SHOW(t));
	if (over)
		bad(e, "a number has more than 64 bits");
	if (r.v > INT64_MAX)
		r.u = true;
	return r;
}

/* Behind a backslash; @i moves behind it. */
static uint64_t escape(const struct hg_token *t, uint32_t *i)
{
	static const char from[] = "abfnrtve", to[] = "\a\b\f\n\r\t\v\033";
	char c = t->text[*i];
	const char *p = c ? strchr(from, c) : NULL;
	uint64_t v = 0;
	uint32_t n;

	++*i;
	if (p)
		return (unsigned char)to[p - from];
	if (c == 'x') {
		for (; *i < t->size && digit(t->text[*i]) < 16; ++*i)
			v = v * 16 + (uint64_t)digit(t->text[*i]);
		return v;
	}
	if (digit(c) >= 8)
		return (unsigned char)c;
	v = (uint64_t)digit(c);
	for (n = 1; n < 3 && *i < t->size && digit(t->text[*i]) < 8; n++, ++*i)
		v = v * 8 + (uint64_t)digit(t->text[*i]);
	return v;
}

static struct value character(struct expr *e)
{
	const struct hg_token *t = e->t++;
	bool wide = t->text[0] == 'L';
	uint32_t i = 1 + wide, n = 0, v = 0;

	while (i < t->size - 1) {
		uint64_t c;

		if (t->text[i] == '\\') {
			i++;
			c = escape(t, &i);
		} else {
			c = (unsigned char)t->text[i++];
		}
		v = wide ? (uint32_t)c : v << 8 | (uint32_t)(c & 0xff);
		n++;
	}
	if (!n)
		bad(e, "an empty character");
	if (n == 1 && !wide)
		return (struct value){ (uint64_t)(int64_t)(signed char)v, false };
	return (struct value){ (uint64_t)(int64_t)(int32_t)v, false };
}

static struct value defined(struct expr *e)
{
	bool open = take(e, '(');
	struct value r = { 0 };

	if (e->t->kind != HG_IDENT)
		bad(e, "'defined' without a name");
	r.v = hg_macro_find(&e->c->macros, e->t) != NULL;
	if (!r.v)
		hg_cpp_ask(e->c, e->t);
	e->t++;
	if (open && !take(e, ')'))
		bad(e, "'defined(NAME' without ')'");
	return r;
}

/* name ( ... ) where it does not matter, as behind "defined name &&". */
static void skip_call(struct expr *e)
{
	unsigned int open = 0;

	do {
		open += hg_is(e->t, '(') ? 1 : 0;
		open -= hg_is(e->t, ')') ? 1 : 0;
		if (e->t->kind == HG_END)
			bad(e, "a ')' is missing");
		e->t++;
	} while (open);
}

static struct value name(struct expr *e)
{
	const struct hg_token *t = e->t++;

	if (hg_is_name(t, "defined"))
		return defined(e);
	if (!hg_macro_find(&e->c->macros, t) && !hg_is_name(t, "true"))
		hg_cpp_ask(e->c, t);
	if (hg_is(e->t, '(')) {
		if (!e->dead)
			hg_cpp_fail(e->c, e->at, HG_SOURCE_SYNTAX,
				    "in the condition: there is no macro %.*s()", HG_SHOW(t));
		skip_call(e);
	}
	/* A keyword of OpenCL C. */
	return (struct value){ hg_is_name(t, "true"), false };
}

static struct value primary(struct expr *e)
{
	struct value r;

	if (take(e, '(')) {
		r = conditional(e);
		if (!take(e, ')'))
			bad(e, "a ')' is missing");
		return r;
	}
	if (e->t->kind == HG_NUMBER)
		return number(e);
	if (e->t->kind == HG_CHAR)
		return character(e);
	if (e->t->kind == HG_IDENT)
		return name(e);
	if (e->t->kind == HG_END)
		bad(e, "it ends where a value is wanted");
	hg_cpp_fail(e->c, e->at, HG_SOURCE_SYNTAX, "in the condition: '%.*s' is no value",
		    HG_SHOW(e->t));
}

static struct value unary(struct expr *e)
{
	struct value r;

	if (e->depth++ >= DEPTH)
		bad(e, "it is nested too deep");
	if (take(e, '+')) {
		r = unary(e);
	} else if (take(e, '-')) {
		r = unary(e);
		r.v = -r.v;
	} else if (take(e, '~')) {
		r = unary(e);
		r.v = ~r.v;
	} else if (take(e, '!')) {
		r = unary(e);
		r.v = !r.v;
		r.u = false;
	} else {
		r = primary(e);
	}
	e->depth--;
	return r;
}

/* The precedence of a binary operator; 0: none. */
static unsigned int precedence(const struct hg_token *t)
{
	if (t->kind != HG_PUNCT)
		return 0;
	switch (t->punct) {
	case HG_P2('|', '|'):
		return 1;
	case HG_P2('&', '&'):
		return 2;
	case '|':
		return 3;
	case '^':
		return 4;
	case '&':
		return 5;
	case HG_P2('=', '='):
	case HG_P2('!', '='):
		return 6;
	case '<':
	case '>':
	case HG_P2('<', '='):
	case HG_P2('>', '='):
		return 7;
	case HG_P2('<', '<'):
	case HG_P2('>', '>'):
		return 8;
	case '+':
	case '-':
		return 9;
	case '*':
	case '/':
	case '%':
		return 10;
	}
	return 0;
}

static struct value divide(struct expr *e, bool remainder, struct value a, struct value b)
{
	int64_t x = (int64_t)a.v, y = (int64_t)b.v;
	bool u = a.u || b.u;

	if (!b.v) {
		if (!e->dead)
			bad(e, "a division by zero");
		return (struct value){ 0, u };
	}
	if (u)
		return (struct value){ remainder ? a.v % b.v : a.v / b.v, true };
	if (y == -1)
		return (struct value){ remainder ? 0 : -a.v, false };
	return (struct value){ (uint64_t)(remainder ? x % y : x / y), false };
}

static struct value shift(bool right, struct value a, struct value b)
{
	uint64_t by = b.v;

	/* A negative count shifts the other way. */
	if (!b.u && (int64_t)by < 0) {
		right = !right;
		by = -by;
	}
	if (!right)
		a.v = by < 64 ? a.v << by : 0;
	else if (!a.u && (int64_t)a.v < 0)
		a.v = by < 64 ? ~(~a.v >> by) : UINT64_MAX;
	else
		a.v = by < 64 ? a.v >> by : 0;
	return a;
}

static bool less(struct value a, struct value b)
{
	return a.u || b.u ? a.v < b.v : (int64_t)a.v < (int64_t)b.v;
}

static struct value apply(struct expr *e, uint32_t op, struct value a, struct value b)
{
	bool u = a.u || b.u;

	switch (op) {
	case '|':
		return (struct value){ a.v | b.v, u };
	case '^':
		return (struct value){ a.v ^ b.v, u };
	case '&':
		return (struct value){ a.v & b.v, u };
	case HG_P2('=', '='):
		return (struct value){ a.v == b.v, false };
	case HG_P2('!', '='):
		return (struct value){ a.v != b.v, false };
	case '<':
		return (struct value){ less(a, b), false };
	case '>':
		return (struct value){ less(b, a), false };
	case HG_P2('<', '='):
		return (struct value){ !less(b, a), false };
	case HG_P2('>', '='):
		return (struct value){ !less(a, b), false };
	case HG_P2('<', '<'):
		return shift(false, a, b);
	case HG_P2('>', '>'):
		return shift(true, a, b);
	case '+':
		return (struct value){ a.v + b.v, u };
	case '-':
		return (struct value){ a.v - b.v, u };
	case '*':
		return (struct value){ a.v * b.v, u };
	}
	return divide(e, op == '%', a, b);
}

/* Operators that bind at least as strongly as @least. */
static struct value binary(struct expr *e, unsigned int least)
{
	struct value a = unary(e), b;
	unsigned int p;

	while ((p = precedence(e->t)) && p >= least) {
		uint32_t op = (e->t++)->punct;
		bool dead = e->dead;

		if (p <= 2) {
			bool decided = (p == 1) == (a.v != 0);

			e->dead |= decided;
			b = binary(e, p + 1);
			e->dead = dead;
			a = (struct value){ p == 1 ? a.v || b.v : a.v && b.v, false };
		} else {
			b = binary(e, p + 1);
			a = apply(e, op, a, b);
		}
	}
	return a;
}

static struct value conditional(struct expr *e)
{
	struct value test, a, b;
	bool dead = e->dead;

	if (e->depth++ >= DEPTH)
		bad(e, "it is nested too deep");
	test = binary(e, 1);
	if (take(e, '?')) {
		e->dead = dead || !test.v;
		a = conditional(e);
		if (!take(e, ':'))
			bad(e, "'?' without ':'");
		e->dead = dead || test.v;
		b = conditional(e);
		e->dead = dead;
		test = (struct value){ test.v ? a.v : b.v, a.u || b.u };
	}
	e->depth--;
	return test;
}

bool hg_cpp_condition(struct hg_cpp *c, const struct hg_token *at, const struct hg_token *list,
		      size_t n)
{
	struct expr e = { .c = c, .at = at };
	struct value v;

	c->in_condition = true;
	e.t = hg_cpp_expand(c, list, n, &n);
	c->in_condition = false;
	v = conditional(&e);
	if (e.t->kind != HG_END)
		hg_cpp_fail(c, at, HG_SOURCE_SYNTAX, "in the condition: '%.*s' is too much",
			    HG_SHOW(e.t));
	return v.v != 0;
}
