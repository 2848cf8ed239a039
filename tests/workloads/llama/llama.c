// SPDX-License-Identifier: Apache-2.0
/* Continues a prompt with a LLaMA model on an OpenCL device. */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <math.h>
#include <string.h>
#include <time.h>

#include "engine.h"
#include "rng.h"

#define PIECE_ROOM 4096

struct options {
	const char *model, *prompt;
	struct device_options device;
	uint32_t count;
	bool json, stats, logits, ignore_eos;
	float temperature;
	struct rng rng;
};

struct run {
	struct options o;
	struct engine g;
	int32_t *prompt, *token; /* token: what came, o.count at most */
	size_t prompt_count, count;
	bool ended; /* by the model */
	float *chance; /* for --temp */
	double began, loaded, prompted, first, last;
	double first_cpu, last_cpu; /* of all threads, when those tokens came */
	struct crossings load; /* of the time before the prompt */
};

static double seconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double now(void)
{
	return seconds(CLOCK_MONOTONIC);
}

/* ---- Tokens ---- */

static int sample(struct run *r, int32_t *token, struct err *e)
{
	int32_t best = ref_argmax(r->g.logits, r->g.model.vocab);
	double sum = 0, want;
	uint32_t i;

	if (best < 0)
		return refuse(e, "the logits are no numbers");
	*token = best;
	if (!(r->o.temperature > 0))
		return 0;
	for (i = 0; i < r->g.model.vocab; i++) {
		r->chance[i] = expf((r->g.logits[i] - r->g.logits[best]) / r->o.temperature);
		sum += (double)r->chance[i];
	}
	want = (double)rng_float(&r->o.rng) * sum;
	for (i = 0; i < r->g.model.vocab; i++) {
		want -= (double)r->chance[i];
		if (want < 0) {
			*token = (int32_t)i;
			break;
		}
	}
	return 0;
}

static int next(struct run *r, int32_t *token, struct err *e)
{
	if (!r->o.logits)
		return engine_best(&r->g, token, e);
	return engine_logits(&r->g, e) || sample(r, token, e) ? -1 : 0;
}

static void show(const struct run *r, int32_t token)
{
	char buf[PIECE_ROOM];
	size_t n = vocab_decode(&r->g.vocab, token, r->count == 1, buf, sizeof(buf));

	if (r->o.json)
		return;
	fwrite(buf, 1, n, stdout);
	fflush(stdout);
}

static int generate(struct run *r, struct err *e)
{
	uint32_t pos;
	int32_t token;

	for (pos = 0; pos < r->prompt_count; pos++)
		if (engine_step(&r->g, r->prompt[pos], pos, e))
			return -1;
	for (;;) {
		if (next(r, &token, e))
			return -1;
		r->last = now();
		r->last_cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
		if (!r->count) {
			r->first = r->last;
			r->first_cpu = r->last_cpu;
		}
		if (!r->o.ignore_eos && vocab_ends(&r->g.vocab, token)) {
			r->ended = true;
			return 0;
		}
		r->token[r->count++] = token;
		show(r, token);
		if (r->count == r->o.count)
			return 0;
		if (engine_step(&r->g, token, pos++, e))
			return -1;
	}
}

/* ---- JSON ---- */

/* How long the UTF-8 at @s is; 0 when it is none. */
static size_t utf8_size(const uint8_t *s, size_t left)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = *s < 0x80   ? 1
		   : *s < 0xc2 ? 0
		   : *s < 0xe0 ? 2
		   : *s < 0xf0 ? 3
		   : *s < 0xf5 ? 4
			       : 0;
	uint32_t c = n ? *s & (n == 1 ? 0x7fu : 0x7fu >> n) : 0;
	size_t i;

	if (!n || n > left)
		return 0;
	for (i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	return c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ? 0 : n;
}

/* What is no UTF-8 is replaced, as JSON cannot hold it. */
static json_t *json_text(const char *text, size_t len)
{
	char *clean = need(malloc(3 * len + 1));
	size_t i, n, out = 0;
	json_t *j;

	for (i = 0; i < len; i += n ? n : 1) {
		n = utf8_size((const uint8_t *)text + i, len - i);
		memcpy(clean + out, n ? text + i : "\xef\xbf\xbd", n ? n : 3);
		out += n ? n : 3;
	}
	j = json_stringn(clean, out);
	free(clean);
	return j;
}

static json_t *json_tokens(const int32_t *token, size_t count)
{
	json_t *a = json_array();
	size_t i;

	for (i = 0; i < count; i++)
		json_array_append_new(a, json_integer(token[i]));
	return a;
}

static json_t *json_answer(const struct run *r)
{
	char *text = need(malloc(r->count * PIECE_ROOM + 1));
	json_t *j = json_object();
	size_t i, n = 0;

	for (i = 0; i < r->count; i++)
		n += vocab_decode(&r->g.vocab, r->token[i], !i, text + n, PIECE_ROOM);
	json_object_set_new(j, "prompt", json_text(r->o.prompt, strlen(r->o.prompt)));
	json_object_set_new(j, "prompt_tokens", json_tokens(r->prompt, r->prompt_count));
	json_object_set_new(j, "text", json_text(text, n));
	json_object_set_new(j, "tokens", json_tokens(r->token, r->count));
	json_object_set_new(j, "ended", json_string(r->ended ? "model" : "count"));
	free(text);
	return j;
}

static json_t *json_crossings(const struct crossings *c)
{
	return json_pack("{s:I,s:I,s:I,s:I,s:I}", "writes", (json_int_t)c->writes, "written_bytes",
			 (json_int_t)c->written, "reads", (json_int_t)c->reads, "read_bytes",
			 (json_int_t)c->read, "launches", (json_int_t)c->launches);
}

static json_t *json_stats(const struct run *r)
{
	size_t steps = r->count + r->ended;
	double decode = r->last - r->first;
	json_t *j = json_object();

	json_object_set_new(j, "model", json_text(r->o.model, strlen(r->o.model)));
	json_object_set_new(j, "weights_bytes", json_integer((json_int_t)r->g.model.bytes));
	json_object_set_new(j, "load_seconds", json_real(r->loaded - r->began));
	json_object_set_new(j, "first_token_seconds", json_real(r->first - r->prompted));
	json_object_set_new(j, "prompt_tokens", json_integer((json_int_t)r->prompt_count));
	json_object_set_new(j, "tokens", json_integer((json_int_t)r->count));
	json_object_set_new(j, "decode_seconds", json_real(decode));
	json_object_set_new(j, "decode_cpu_seconds", json_real(r->last_cpu - r->first_cpu));
	json_object_set_new(j, "tokens_per_second",
			    steps > 1 && decode > 0 ? json_real((double)(steps - 1) / decode)
						    : json_null());
	if (r->g.device) {
		const struct crossings *all = device_crossings(r->g.device);
		struct crossings run = { all->writes - r->load.writes, all->reads - r->load.reads,
					 all->written - r->load.written, all->read - r->load.read,
					 all->launches - r->load.launches };

		json_object_set_new(j, "device", json_string(device_name(r->g.device)));
		json_object_set_new(j, "platform", json_string(device_platform(r->g.device)));
		json_object_set_new(j, "lanes", json_integer(device_lanes(r->g.device)));
		json_object_set_new(j, "build_seconds",
				    json_real(device_build_seconds(r->g.device)));
		json_object_set_new(j, "load", json_crossings(&r->load));
		json_object_set_new(j, "run", json_crossings(&run));
	} else {
		json_object_set_new(j, "device", json_string(ENGINE_REFERENCE));
	}
	return j;
}

static int print_json(json_t *j, FILE *f)
{
	int rc = json_dumpf(j, f, JSON_REAL_PRECISION(6));

	fputc('\n', f);
	json_decref(j);
	return rc;
}

/* ---- Command line ---- */

static void usage(FILE *f)
{
	fprintf(f,
		"Usage: llama -m FILE -p PROMPT [OPTION...]\n"
		"Continues PROMPT with a LLaMA model (GGUF) on an OpenCL device.\n\n"
		"  -m, --model FILE     F32, F16, Q8_0, Q4_0 and Q6_K tensors\n"
		"  -p, --prompt TEXT    what the model continues\n"
		"  -n, --count N        tokens at most (default 64)\n"
		"      --device NAME    part of a device's or platform's name, PLATFORM:DEVICE, or\n"
		"                       'reference': no device, plain C (default: a GPU, else any)\n"
		"      --list           the devices there are\n"
		"      --threads N      of a CPU device: compute units to use (default: all)\n"
		"      --lanes N        work-items for a row, a power of two (default: 1 on CPUs, 64)\n"
		"      --logits         read all logits for each token, not the best token alone\n"
		"      --temp T         choose by chance, implies --logits (default 0: the best)\n"
		"      --seed N         of chance (default 1)\n"
		"      --ignore-eos     go on when the model ends its text\n"
		"      --json           print one JSON object at the end, not the text as it comes\n"
		"      --stats          times and crossings, as JSON to standard error\n"
		"  -h, --help           this text\n"
		"  -V, --version\n");
}

static int number(const char *what, const char *text, uint64_t min, uint64_t max, uint64_t *v)
{
	char *end;

	errno = 0;
	*v = strtoull(text, &end, 10);
	if (!errno && end != text && !*end && *text != '-' && *v >= min && *v <= max)
		return 0;
	fprintf(stderr, "llama: %s '%s': a number from %llu to %llu is wanted\n", what, text,
		(unsigned long long)min, (unsigned long long)max);
	return -1;
}

static int list(void)
{
	struct err e;

	if (!device_list(stdout, &e))
		return 0;
	fprintf(stderr, "llama: %s\n", e.text);
	return 1;
}

static int set_temperature(struct options *o, const char *arg)
{
	char *end;

	o->temperature = strtof(arg, &end);
	if (end == arg || *end || !(o->temperature >= 0) || o->temperature > 100) {
		fprintf(stderr, "llama: --temp '%s': a number from 0 to 100 is wanted\n", arg);
		return -1;
	}
	o->logits |= o->temperature > 0;
	return 0;
}

static int option(struct options *o, int c, const char *arg)
{
	uint64_t v = 0;
	int rc = 0;

	switch (c) {
	case 'm':
		o->model = arg;
		break;
	case 'p':
		o->prompt = arg;
		break;
	case 'n':
		rc = number("-n", arg, 1, 1000000, &v);
		o->count = (uint32_t)v;
		break;
	case 'd':
		o->device.name = arg;
		break;
	case 't':
		rc = number("--threads", arg, 1, 4096, &v);
		o->device.threads = (uint32_t)v;
		break;
	case 'L':
		rc = number("--lanes", arg, 1, 1024, &v);
		if (!rc && (v & (v - 1))) {
			fprintf(stderr, "llama: --lanes %s: not a power of two\n", arg);
			rc = -1;
		}
		o->device.lanes = (uint32_t)v;
		break;
	case 'T':
		return set_temperature(o, arg);
	case 's':
		return number("--seed", arg, 0, UINT64_MAX, &o->rng.state);
	case 'g':
		o->logits = true;
		break;
	case 'e':
		o->ignore_eos = true;
		break;
	case 'j':
		o->json = true;
		break;
	case 'S':
		o->stats = true;
		break;
	case 'l':
		exit(list());
	case 'h':
		usage(stdout);
		exit(0);
	case 'V':
		puts("llama 1.0");
		exit(0);
	default:
		return -1;
	}
	return rc;
}

static int parse(struct options *o, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "model", required_argument, NULL, 'm' },
		{ "prompt", required_argument, NULL, 'p' },
		{ "count", required_argument, NULL, 'n' },
		{ "device", required_argument, NULL, 'd' },
		{ "threads", required_argument, NULL, 't' },
		{ "lanes", required_argument, NULL, 'L' },
		{ "temp", required_argument, NULL, 'T' },
		{ "seed", required_argument, NULL, 's' },
		{ "logits", no_argument, NULL, 'g' },
		{ "ignore-eos", no_argument, NULL, 'e' },
		{ "json", no_argument, NULL, 'j' },
		{ "stats", no_argument, NULL, 'S' },
		{ "list", no_argument, NULL, 'l' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "m:p:n:hV", longs, NULL)) != -1)
		if (option(o, c, optarg))
			return -1;
	if (optind != argc)
		fprintf(stderr, "llama: '%s' is one argument too many\n", argv[optind]);
	else if (!o->model || !o->prompt)
		fprintf(stderr, "llama: %s is missing\n", o->model ? "-p" : "-m");
	else
		return 0;
	return -1;
}

/* ---- */

static int prepare(struct run *r, struct err *e)
{
	uint64_t context;

	if (engine_load(&r->g, r->o.model, e) ||
	    vocab_encode(&r->g.vocab, r->o.prompt, &r->prompt, &r->prompt_count, e))
		return -1;
	if (!r->prompt_count)
		return refuse(e, "the prompt is empty");
	if (r->prompt_count > r->g.model.context)
		return refuse(e, "the prompt has %zu tokens, but the model's context is %u",
			      r->prompt_count, r->g.model.context);
	/* The last token that comes is not put in any more. */
	context = r->prompt_count + r->o.count - 1;
	if (context > r->g.model.context) {
		context = r->g.model.context;
		r->o.count = (uint32_t)(context - r->prompt_count + 1);
	}
	r->o.device.context = (uint32_t)context;
	r->token = malloc(r->o.count * sizeof(*r->token));
	r->chance = malloc(r->g.model.vocab * sizeof(*r->chance));
	if (!r->token || !r->chance)
		return refuse(e, "out of memory for %u tokens", r->o.count);
	return engine_start(&r->g, &r->o.device, e);
}

static int run(struct run *r, struct err *e)
{
	r->began = now();
	if (prepare(r, e))
		return -1;
	r->loaded = now();
	if (r->g.device)
		r->load = *device_crossings(r->g.device);
	r->prompted = now();
	if (generate(r, e)) {
		if (r->count && !r->o.json)
			putchar('\n');
		return -1;
	}
	if (!r->o.json)
		putchar('\n');
	else if (print_json(json_answer(r), stdout))
		return refuse(e, "the answer could not be written");
	if (fflush(stdout) || ferror(stdout))
		return refuse(e, "the answer could not be written: %s", strerror(errno));
	if (r->o.stats)
		print_json(json_stats(r), stderr);
	return 0;
}

int main(int argc, char **argv)
{
	struct run *r = need(calloc(1, sizeof(*r)));
	struct err e;
	int rc;

	r->o.count = 64;
	r->o.rng.state = 1;
	if (parse(&r->o, argc, argv)) {
		fprintf(stderr, "llama --help tells the options\n");
		free(r);
		return 2;
	}
	rc = run(r, &e);
	if (rc)
		fprintf(stderr, "llama: %s\n", e.text);
	engine_close(&r->g);
	free(r->prompt);
	free(r->token);
	free(r->chance);
	free(r);
	return rc ? 1 : 0;
}
