// SPDX-License-Identifier: Apache-2.0
/* Writes a model of random weights, for benchmarks: what it says has no meaning. */
#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "random.h"

static void usage(FILE *f)
{
	fprintf(f, "Usage: mkmodel -o FILE [OPTION...]\n"
		   "Writes a LLaMA model of random weights as GGUF.\n\n"
		   "  -o, --out FILE       the model\n"
		   "      --params N       about so many numbers; k, M, G (default 60M)\n"
		   "      --format NAME    f32, f16, q8_0 (default), q4_0 or q6_k\n"
		   "      --vocab N        tokens (default 8192)\n"
		   "      --context N      (default 2048)\n"
		   "      --seed N         the same seed gives the same file (default 1)\n"
		   "      --tied           the embeddings are the output, too\n"
		   "  -h, --help           this text\n");
}

static int number(const char *what, const char *text, uint64_t max, uint64_t *v)
{
	char *end;
	uint64_t unit = 1;

	errno = 0;
	*v = strtoull(text, &end, 10);
	if (*end == 'k' || *end == 'M' || *end == 'G')
		unit = *end == 'k' ? 1000 : *end == 'M' ? 1000000 : 1000000000;
	if (errno || end == text || *text == '-' || (*end && end[unit > 1]) || !*v ||
	    *v > max / unit) {
		fprintf(stderr, "mkmodel: %s '%s': a number from 1 to %llu is wanted\n", what, text,
			(unsigned long long)max);
		return -1;
	}
	*v *= unit;
	return 0;
}

struct options {
	struct shape shape;
	uint64_t params;
	const char *out;
};

static int option(struct options *o, int c, const char *arg)
{
	uint64_t v = 0;

	switch (c) {
	case 'o':
		o->out = arg;
		return 0;
	case 'p':
		return number("--params", arg, 100000000000u, &o->params);
	case 'f':
		o->shape.fmt = fmt_by_name(arg);
		if (o->shape.fmt)
			return 0;
		fprintf(stderr, "mkmodel: --format '%s': f32, f16, q8_0, q4_0 or q6_k\n", arg);
		return -1;
	case 'v':
		if (number("--vocab", arg, 1u << 20, &v))
			return -1;
		o->shape.vocab = (uint32_t)v;
		return 0;
	case 'c':
		if (number("--context", arg, 1u << 20, &v))
			return -1;
		o->shape.context = (uint32_t)v;
		return 0;
	case 's':
		return number("--seed", arg, UINT64_MAX, &o->shape.seed);
	case 't':
		o->shape.tied = true;
		return 0;
	case 'h':
		usage(stdout);
		exit(0);
	}
	return -1;
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "out", required_argument, NULL, 'o' },
		{ "params", required_argument, NULL, 'p' },
		{ "format", required_argument, NULL, 'f' },
		{ "vocab", required_argument, NULL, 'v' },
		{ "context", required_argument, NULL, 'c' },
		{ "seed", required_argument, NULL, 's' },
		{ "tied", no_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct options o = {
		.shape = { .vocab = 8192, .context = 2048, .fmt = fmt_by_id(FMT_Q8_0), .seed = 1 },
		.params = 60000000,
	};
	struct err e;
	int c;

	while ((c = getopt_long(argc, argv, "o:h", longs, NULL)) != -1)
		if (option(&o, c, optarg)) {
			usage(stderr);
			return 2;
		}
	if (!o.out || optind != argc) {
		fprintf(stderr, "mkmodel: %s\n", o.out ? "too many arguments" : "-o is missing");
		usage(stderr);
		return 2;
	}
	if (random_fit(&o.shape, o.params, &e) || random_write(&o.shape, o.out, &e)) {
		fprintf(stderr, "mkmodel: %s\n", e.text);
		return 1;
	}
	printf("%s: %llu parameters (%s), width %u, %u blocks, %u heads (%u for keys), %u tokens\n",
	       o.out, (unsigned long long)random_params(&o.shape), o.shape.fmt->name, o.shape.dim,
	       o.shape.layers, o.shape.heads, o.shape.kv_heads, o.shape.vocab);
	return 0;
}
