// SPDX-License-Identifier: Apache-2.0
/*
 * Asks a model what was held out of its training and counts the right answers. With
 * --compare a second engine is asked, too, and must say the same, token by token.
 */
#include <getopt.h>
#include <string.h>

#include "corpus.h"
#include "engine.h"

#define ANSWER	64 /* tokens */
#define CONTEXT 96u
#define ASKED	512

struct options {
	const char *model, *device, *compare;
	uint32_t questions;
	bool learned, verbose;
};

/* The answer's text, without its leading blank. */
static int answer(struct engine *g, const char *question, int32_t *token, size_t *count, char *text,
		  struct err *e)
{
	int32_t *prompt, t;
	size_t n, at = 0;
	uint32_t pos;
	int rc = 0;

	*count = 0;
	if (vocab_encode(&g->vocab, question, &prompt, &n, e))
		return -1;
	for (pos = 0; !rc && pos < n; pos++)
		rc = engine_step(g, prompt[pos], pos, e);
	free(prompt);
	while (!rc) {
		rc = engine_best(g, &t, e);
		if (rc || vocab_ends(&g->vocab, t))
			break;
		token[*count] = t;
		at += vocab_decode(&g->vocab, t, !*count, text + at, 16);
		if (++*count == ANSWER || pos + 1 >= CONTEXT)
			break;
		rc = engine_step(g, t, pos++, e);
	}
	text[at] = 0;
	return rc;
}

static uint64_t hash(const char *s)
{
	uint64_t h = 14695981039346656037u;

	while (*s)
		h = (h ^ (uint8_t)*s++) * 1099511628211u;
	return h;
}

/* A question that was not asked before; false when there seem to be no more. */
static bool ask_new(struct rng *r, enum corpus_kind kind, bool learned, uint64_t *asked, uint32_t n,
		    struct qa *qa)
{
	uint32_t i, tries;

	for (tries = 0; tries < 2000; tries++) {
		corpus_draw(r, kind, !learned && kind != CORPUS_ABOUT, qa);
		asked[n] = hash(qa->question);
		for (i = 0; asked[i] != asked[n]; i++)
			;
		if (i == n)
			return true;
	}
	return false;
}

static int ask_kind(const struct options *o, struct engine *g, struct engine *second,
		    enum corpus_kind kind, struct err *e)
{
	char text[ANSWER * 16 + 1], again[ANSWER * 16 + 1];
	int32_t token[ANSWER], token2[ANSWER];
	size_t count, count2;
	uint64_t asked[ASKED + 1];
	struct rng r = { 4711 };
	uint32_t n, right = 0;
	struct qa qa;

	for (n = 0; n < o->questions && ask_new(&r, kind, o->learned, asked, n, &qa); n++) {
		bool good;

		if (answer(g, qa.question, token, &count, text, e))
			return -1;
		good = !strcmp(text, qa.answer + 1);
		right += good;
		if (o->verbose && !good)
			printf("%s%s -- but it said: %s\n", qa.question, qa.answer, text);
		if (!second)
			continue;
		if (answer(second, qa.question, token2, &count2, again, e))
			return -1;
		if (count != count2 || memcmp(token, token2, count * sizeof(*token)))
			return refuse(e, "'%s': %s says '%s', %s '%s'", qa.question, o->device,
				      text, o->compare, again);
	}
	printf("%-8s %u of %u\n", corpus_title(kind), right, n);
	fflush(stdout);
	return 0;
}

static int start(struct engine *g, const struct options *o, const char *device, struct err *e)
{
	struct device_options d = { .name = device, .context = CONTEXT };

	return engine_load(g, o->model, e) || engine_start(g, &d, e);
}

static void usage(FILE *f)
{
	fprintf(f,
		"Usage: quiz -m FILE [OPTION...]\n"
		"Asks the tiny model what was held out of its training.\n\n"
		"  -m, --model FILE\n"
		"      --questions N    of each kind, at most %d (default 100)\n"
		"      --device NAME    as llama's (default reference)\n"
		"      --compare NAME   a second device, which must say the same\n"
		"      --learned        ask what was learned from\n"
		"  -v, --verbose        show the wrong answers\n"
		"  -h, --help           this text\n",
		ASKED);
}

static int parse(struct options *o, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "model", required_argument, NULL, 'm' },
		{ "questions", required_argument, NULL, 'q' },
		{ "device", required_argument, NULL, 'd' },
		{ "compare", required_argument, NULL, 'c' },
		{ "learned", no_argument, NULL, 'l' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "m:vh", longs, NULL)) != -1)
		switch (c) {
		case 'm':
			o->model = optarg;
			break;
		case 'q':
			o->questions = (uint32_t)strtoul(optarg, NULL, 10);
			break;
		case 'd':
			o->device = optarg;
			break;
		case 'c':
			o->compare = optarg;
			break;
		case 'l':
			o->learned = true;
			break;
		case 'v':
			o->verbose = true;
			break;
		case 'h':
			usage(stdout);
			exit(0);
		default:
			return -1;
		}
	return o->model && optind == argc && o->questions && o->questions <= ASKED ? 0 : -1;
}

int main(int argc, char **argv)
{
	struct options o = { NULL, ENGINE_REFERENCE, NULL, 100, false, false };
	struct engine *g = need(calloc(2, sizeof(*g)));
	struct err e;
	int kind, rc;

	if (parse(&o, argc, argv)) {
		usage(stderr);
		return 2;
	}
	rc = start(&g[0], &o, o.device, &e) || (o.compare && start(&g[1], &o, o.compare, &e));
	for (kind = 0; !rc && kind < CORPUS_KINDS; kind++)
		rc = ask_kind(&o, &g[0], o.compare ? &g[1] : NULL, kind, &e);
	if (rc)
		fprintf(stderr, "quiz: %s\n", e.text);
	engine_close(&g[0]);
	engine_close(&g[1]);
	free(g);
	return rc ? 1 : 0;
}
