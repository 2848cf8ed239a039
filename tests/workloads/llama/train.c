// SPDX-License-Identifier: Apache-2.0
/*
 * Trains the tiny model on the corpus's questions and answers, and writes it as GGUF.
 * The same seed gives the same file, whatever the number of threads.
 */
#include <getopt.h>
#include <math.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "corpus.h"
#include "ggufw.h"
#include "net.h"
#include "words.h"

#define SHARDS	 2 /* parts of a batch: their gradients are added in this order */
#define WARMUP	 200
#define BETA1	 0.9f
#define BETA2	 0.98f
#define DECAY	 0.05f
#define CLIP	 1.0
#define QUESTION 0.1f /* weight of the tokens that are asked, not answered */

struct options {
	const char *out, *format;
	uint32_t steps, docs, threads;
	uint64_t seed;
	float rate;
};

struct shard {
	const struct net *net, *turned;
	struct net grad;
	struct net_work *work;
	struct doc *doc;
	uint32_t docs;
	double loss;
};

struct trainer {
	struct options o;
	struct vocab vocab;
	struct piece piece[NET_VOCAB];
	struct net net, turned, m, v;
	struct shard shard[SHARDS];
	struct rng rng;
	double weights; /* of the batch */
	float power1, power2; /* BETA1 and BETA2 to the power of the step */
};

/* ---- Tokens ---- */

static void make_vocab(struct trainer *t)
{
	const uint32_t texts = 20000;
	struct rng r = { t->o.seed ^ 0x766f636162 };
	char *all = need(malloc(texts * sizeof(struct qa) + 1));
	struct qa qa;
	struct err e;
	size_t at = 0;
	uint32_t i;

	for (i = 0; i < texts; i++) {
		corpus_any(&r, &qa);
		at += (size_t)sprintf(all + at, "%s%s\n", qa.question, qa.answer);
	}
	words_bytes(t->piece);
	words_learn(all, t->piece, NET_VOCAB);
	free(all);
	if (vocab_init(&t->vocab, t->piece, NET_VOCAB, &e)) {
		fprintf(stderr, "train: %s\n", e.text);
		exit(1);
	}
	t->vocab.bos = WORDS_BOS;
	t->vocab.eos = WORDS_EOS;
	t->vocab.eot = -1;
	t->vocab.add_bos = t->vocab.add_space = true;
}

static void make_doc(struct trainer *t, struct doc *d)
{
	size_t asked, all, i;
	char text[sizeof(struct qa)];
	int32_t *token;
	struct qa qa;
	struct err e;

	corpus_any(&t->rng, &qa);
	snprintf(text, sizeof(text), "%s%s", qa.question, qa.answer);
	if (vocab_encode(&t->vocab, qa.question, &token, &asked, &e))
		goto bad;
	free(token);
	if (vocab_encode(&t->vocab, text, &token, &all, &e))
		goto bad;
	if (all + 1 > NET_DOC) {
		refuse(&e, "'%s' has more than %d tokens", text, NET_DOC - 1);
		goto bad;
	}
	memcpy(d->token, token, all * sizeof(*token));
	free(token);
	d->token[all] = WORDS_EOS;
	d->len = (uint32_t)all + 1;
	for (i = 0; i < d->len; i++) {
		d->weight[i] = i < asked ? QUESTION : 1;
		if (i)
			t->weights += (double)d->weight[i];
	}
	return;
bad:
	fprintf(stderr, "train: %s\n", e.text);
	exit(1);
}

/* ---- Steps ---- */

static void fill(struct rng *r, float *p, size_t n, float deviation)
{
	size_t i;

	for (i = 0; i < n; i++)
		p[i] = (rng_float(r) + rng_float(r) + rng_float(r) + rng_float(r) - 2) *
		       1.7320508f * deviation;
}

static void init(struct net *n, struct rng *r)
{
	const float in = 0.1f, out = 0.1f / 2.8284271f;
	int l, i;

	fill(r, n->embed, ARRAY_SIZE(n->embed), 0.05f);
	for (i = 0; i < NET_DIM; i++)
		n->norm[i] = 1;
	for (l = 0; l < NET_LAYERS; l++) {
		struct net_layer *y = &n->layer[l];

		for (i = 0; i < NET_DIM; i++)
			y->norm1[i] = y->norm2[i] = 1;
		fill(r, y->q, ARRAY_SIZE(y->q), in);
		fill(r, y->k, ARRAY_SIZE(y->k), in);
		fill(r, y->v, ARRAY_SIZE(y->v), in);
		fill(r, y->o, ARRAY_SIZE(y->o), out);
		fill(r, y->gate, ARRAY_SIZE(y->gate), in);
		fill(r, y->up, ARRAY_SIZE(y->up), in);
		fill(r, y->down, ARRAY_SIZE(y->down), out * 0.6f);
	}
}

static void *run_shard(void *arg)
{
	struct shard *s = arg;

	s->loss = net_pass(s->net, s->turned, s->work, s->doc, s->docs, &s->grad);
	return NULL;
}

static void run_shards(struct trainer *t)
{
	pthread_t thread;
	int i;

	if (t->o.threads > 1 && !pthread_create(&thread, NULL, run_shard, &t->shard[1])) {
		run_shard(&t->shard[0]);
		pthread_join(thread, NULL);
		return;
	}
	for (i = 0; i < SHARDS; i++)
		run_shard(&t->shard[i]);
}

static float rate(const struct options *o, uint32_t step)
{
	if (step < WARMUP)
		return o->rate * (float)(step + 1) / WARMUP;
	return o->rate * ((float)(o->steps - step) / (float)(o->steps - WARMUP) * 0.98f + 0.02f);
}

/* AdamW over all numbers; the decay also of the norms, which is harmless. */
static void update(struct trainer *t, uint32_t step)
{
	float *p = t->net.embed, *m = t->m.embed, *v = t->v.embed, *g = t->shard[0].grad.embed;
	const float *g1 = t->shard[1].grad.embed;
	float lr = rate(&t->o, step), scale = (float)(1 / t->weights);
	double norm = 0;
	size_t i;

	for (i = 0; i < NET_PARAMS; i++) {
		g[i] = (g[i] + g1[i]) * scale;
		norm += (double)g[i] * (double)g[i];
	}
	norm = sqrt(norm);
	scale = norm > CLIP ? (float)(CLIP / norm) : 1;
	t->power1 *= BETA1;
	t->power2 *= BETA2;
	for (i = 0; i < NET_PARAMS; i++) {
		float x = g[i] * scale;

		m[i] = BETA1 * m[i] + (1 - BETA1) * x;
		v[i] = BETA2 * v[i] + (1 - BETA2) * x * x;
		p[i] -= lr * (m[i] / (1 - t->power1) / (sqrtf(v[i] / (1 - t->power2)) + 1e-8f) +
			      DECAY * p[i]);
	}
}

static double step(struct trainer *t, uint32_t number)
{
	uint32_t s, d;

	t->weights = 0;
	for (s = 0; s < SHARDS; s++)
		for (d = 0; d < t->shard[s].docs; d++)
			make_doc(t, &t->shard[s].doc[d]);
	net_turn(&t->net, &t->turned);
	run_shards(t);
	update(t, number);
	return (t->shard[0].loss + t->shard[1].loss) / t->weights;
}

/* ---- The file ---- */

struct writer {
	const struct net *net;
	const struct fmt *fmt;
};

static const float *find(const struct net *n, const char *name)
{
	const struct net_layer *y;
	unsigned int l;
	char what[32];

	if (!strcmp(name, "token_embd.weight"))
		return n->embed;
	if (!strcmp(name, "output_norm.weight"))
		return n->norm;
	if (sscanf(name, "blk.%u.%31s", &l, what) != 2 || l >= NET_LAYERS)
		return NULL;
	y = &n->layer[l];
	return !strcmp(what, "attn_norm.weight")     ? y->norm1
	       : !strcmp(what, "attn_q.weight")	     ? y->q
	       : !strcmp(what, "attn_k.weight")	     ? y->k
	       : !strcmp(what, "attn_v.weight")	     ? y->v
	       : !strcmp(what, "attn_output.weight") ? y->o
	       : !strcmp(what, "ffn_norm.weight")    ? y->norm2
	       : !strcmp(what, "ffn_gate.weight")    ? y->gate
	       : !strcmp(what, "ffn_up.weight")	     ? y->up
						     : y->down;
}

static int write_tensor(void *arg, const struct ggufw_tensor *t, FILE *f)
{
	const struct writer *w = arg;
	uint8_t *bytes = need(malloc(t->size));
	int bad = !fmt_encode(t->fmt, find(w->net, t->name), bytes, t->ne[0] * t->ne[1]) ||
		  fwrite(bytes, 1, t->size, f) != t->size;

	free(bytes);
	return bad;
}

static void add_tensors(struct ggufw *w, const struct fmt *fmt)
{
	static const struct {
		const char *name;
		uint32_t in, out;
	} parts[] = {
		{ "attn_norm", NET_DIM, 0 },	     { "attn_q", NET_DIM, NET_DIM },
		{ "attn_k", NET_DIM, NET_KVDIM },    { "attn_v", NET_DIM, NET_KVDIM },
		{ "attn_output", NET_DIM, NET_DIM }, { "ffn_norm", NET_DIM, 0 },
		{ "ffn_gate", NET_DIM, NET_FFN },    { "ffn_up", NET_DIM, NET_FFN },
		{ "ffn_down", NET_FFN, NET_DIM },
	};
	const struct fmt *f32 = fmt_by_id(FMT_F32);
	char name[64];
	size_t i;
	int l;

	ggufw_tensor(w, "token_embd.weight", NET_DIM, NET_VOCAB, fmt);
	for (l = 0; l < NET_LAYERS; l++)
		for (i = 0; i < ARRAY_SIZE(parts); i++) {
			snprintf(name, sizeof(name), "blk.%d.%s.weight", l, parts[i].name);
			ggufw_tensor(w, name, parts[i].in, parts[i].out, parts[i].out ? fmt : f32);
		}
	ggufw_tensor(w, "output_norm.weight", NET_DIM, 0, f32);
}

static void add_keys(struct ggufw *w, const struct trainer *t)
{
	const char *text[NET_VOCAB];
	int32_t type[NET_VOCAB];
	float score[NET_VOCAB];
	int i;

	for (i = 0; i < NET_VOCAB; i++) {
		text[i] = t->piece[i].s;
		type[i] = t->piece[i].type;
		score[i] = t->piece[i].score;
	}
	ggufw_string(w, "general.architecture", "llama");
	ggufw_string(w, "general.name", "tiny: questions about animals and sums");
	ggufw_string(w, "general.license", "apache-2.0");
	ggufw_u32(w, "llama.context_length", NET_DOC);
	ggufw_u32(w, "llama.embedding_length", NET_DIM);
	ggufw_u32(w, "llama.block_count", NET_LAYERS);
	ggufw_u32(w, "llama.feed_forward_length", NET_FFN);
	ggufw_u32(w, "llama.attention.head_count", NET_HEADS);
	ggufw_u32(w, "llama.attention.head_count_kv", NET_KV);
	ggufw_u32(w, "llama.rope.dimension_count", NET_HEAD);
	ggufw_f32(w, "llama.rope.freq_base", NET_BASE);
	ggufw_f32(w, "llama.attention.layer_norm_rms_epsilon", NET_EPS);
	ggufw_string(w, "tokenizer.ggml.model", "llama");
	ggufw_strings(w, "tokenizer.ggml.tokens", text, NET_VOCAB);
	ggufw_f32s(w, "tokenizer.ggml.scores", score, NET_VOCAB);
	ggufw_i32s(w, "tokenizer.ggml.token_type", type, NET_VOCAB);
	ggufw_u32(w, "tokenizer.ggml.bos_token_id", WORDS_BOS);
	ggufw_u32(w, "tokenizer.ggml.eos_token_id", WORDS_EOS);
	ggufw_u32(w, "tokenizer.ggml.unknown_token_id", 0);
}

static int save(const struct trainer *t)
{
	struct writer writer = { &t->net, fmt_by_name(t->o.format) };
	struct ggufw *w = need(calloc(1, sizeof(*w)));
	struct err e;
	int rc;

	add_keys(w, t);
	add_tensors(w, writer.fmt);
	rc = ggufw_write(w, t->o.out, write_tensor, &writer, &e);
	ggufw_free(w);
	free(w);
	if (rc)
		fprintf(stderr, "train: %s\n", e.text);
	return rc;
}

/* ---- Command line ---- */

static void usage(FILE *f)
{
	fprintf(f, "Usage: train -o FILE [OPTION...]\n"
		   "Trains the tiny model and writes it as GGUF.\n\n"
		   "  -o, --out FILE       the model\n"
		   "      --format NAME    of the matrices: f32, f16, q8_0 (default) or q4_0\n"
		   "      --steps N        batches to learn from (default 4500)\n"
		   "      --docs N         questions of a batch, even (default 64)\n"
		   "      --rate R         the greatest learning rate (default 0.004)\n"
		   "      --seed N         the same seed gives the same file (default 1)\n"
		   "      --threads N      1 or 2 (default 1); the file is the same\n"
		   "  -h, --help           this text\n");
}

static int parse(struct options *o, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "out", required_argument, NULL, 'o' },
		{ "format", required_argument, NULL, 'f' },
		{ "steps", required_argument, NULL, 's' },
		{ "docs", required_argument, NULL, 'd' },
		{ "rate", required_argument, NULL, 'r' },
		{ "seed", required_argument, NULL, 'S' },
		{ "threads", required_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "o:h", longs, NULL)) != -1) {
		switch (c) {
		case 'o':
			o->out = optarg;
			break;
		case 'f':
			o->format = optarg;
			break;
		case 's':
			o->steps = (uint32_t)strtoul(optarg, NULL, 10);
			break;
		case 'd':
			o->docs = (uint32_t)strtoul(optarg, NULL, 10);
			break;
		case 'r':
			o->rate = strtof(optarg, NULL);
			break;
		case 'S':
			o->seed = strtoull(optarg, NULL, 10);
			break;
		case 't':
			o->threads = (uint32_t)strtoul(optarg, NULL, 10);
			break;
		case 'h':
			usage(stdout);
			exit(0);
		default:
			return -1;
		}
	}
	if (!o->out || optind != argc || o->steps <= WARMUP || !o->docs || o->docs % SHARDS ||
	    o->docs > 4096 || !(o->rate > 0) || !fmt_by_name(o->format) ||
	    fmt_by_name(o->format)->id == FMT_Q6_K || !o->threads || o->threads > SHARDS) {
		fprintf(stderr,
			"train: -o, or a value that can be used, is missing (more than %d steps)\n",
			WARMUP);
		return -1;
	}
	return 0;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int main(int argc, char **argv)
{
	struct trainer *t = need(calloc(1, sizeof(*t)));
	double loss = 0, began;
	uint32_t i;

	t->o = (struct options){ NULL, "q8_0", 4500, 64, 1, 1, 0.004f };
	if (parse(&t->o, argc, argv)) {
		usage(stderr);
		return 2;
	}
	t->rng.state = t->o.seed;
	t->power1 = t->power2 = 1;
	make_vocab(t);
	init(&t->net, &t->rng);
	for (i = 0; i < SHARDS; i++) {
		struct shard *s = &t->shard[i];

		s->net = &t->net;
		s->turned = &t->turned;
		s->docs = t->o.docs / SHARDS;
		s->work = net_work_new(s->docs);
		s->doc = need(calloc(s->docs, sizeof(*s->doc)));
	}
	began = now();
	for (i = 0; i < t->o.steps; i++) {
		loss += step(t, i);
		if ((i + 1) % 200 == 0) {
			printf("step %u: loss %.4f, %.0f s\n", i + 1, loss / 200, now() - began);
			fflush(stdout);
			loss = 0;
		}
	}
	if (save(t))
		return 1;
	printf("%s: %zu parameters, %u steps, %.0f s\n", t->o.out, NET_PARAMS, t->o.steps,
	       now() - began);
	for (i = 0; i < SHARDS; i++) {
		net_work_free(t->shard[i].work);
		free(t->shard[i].doc);
	}
	for (i = 0; i < NET_VOCAB; i++)
		free(t->piece[i].s);
	vocab_free(&t->vocab);
	free(t);
	return 0;
}
