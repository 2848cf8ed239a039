// SPDX-License-Identifier: Apache-2.0
#include "rewrite.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS 16u
/* Every compiler of OpenCL C defines it: an answer without it is none. */
#define SENTINEL "__OPENCL_VERSION__"

void unit_ref(struct unit *u)
{
	__atomic_add_fetch(&u->refs, 1, __ATOMIC_RELAXED);
}

void unit_put(struct unit *u)
{
	if (!u || __atomic_sub_fetch(&u->refs, 1, __ATOMIC_ACQ_REL))
		return;
	hg_source_program_free(&u->table);
	free(u->rest);
	free(u);
}

bool rewrite_wanted(const struct context *c)
{
	const char *value = getenv("HYPERGPU_REWRITE");

	return c && c->crossing->ops->launch_begin && (!value || strcmp(value, "0") != 0);
}

bool rewrite_strict(void)
{
	const char *value = getenv("HYPERGPU_UNREWRITTEN");

	return value && !strcmp(value, "refuse");
}

static bool is_one_of(const char *name, const char *a, const char *b)
{
	const char *value = getenv(name);

	return !value || !*value || !strcmp(value, a) || !strcmp(value, b);
}

bool rewrite_chosen(void)
{
	return is_one_of("HYPERGPU_REWRITE", "0", "1") &&
	       is_one_of("HYPERGPU_UNREWRITTEN", "refuse", "clear");
}

/* ---- What the driver's compiler defines by itself -------------------------------- */

struct known {
	cl_device_id device;
	char *rest;  /* options: they change what is defined */
	char *lines; /* of #define */
	char **asked;
	size_t count;
	struct known *next;
};

static struct known *all_known;
static pthread_mutex_t known_lock = PTHREAD_MUTEX_INITIALIZER;

static struct known *known_for(cl_device_id device, const char *rest)
{
	struct known *k;

	for (k = all_known; k; k = k->next)
		if (k->device == device && !strcmp(k->rest, rest))
			return k;
	k = calloc(1, sizeof(*k));
	if (!k)
		return NULL;
	k->device = device;
	k->rest = strdup(rest);
	k->lines = strdup("");
	if (!k->rest || !k->lines) {
		free(k->rest);
		free(k->lines);
		free(k);
		return NULL;
	}
	k->next = all_known;
	return all_known = k;
}

static bool was_asked(const struct known *k, const char *name)
{
	size_t i;

	for (i = 0; i < k->count; i++)
		if (!strcmp(k->asked[i], name))
			return true;
	return false;
}

/* Runs the kernel that answers; what it wrote comes back sealed. */
static cl_int run_probe(struct context *c, const char *text, const char *rest, void *answer,
			size_t size)
{
	struct cross_mem mem = { .size = size };
	struct cross_read *read = NULL;
	const struct crossing_ops *ops = c->crossing->ops;
	const size_t one = 1;
	cl_int code = context_inner(c);
	cl_program p = NULL;
	cl_kernel k = NULL;

	if (!code)
		p = below->clCreateProgramWithSource(c->object.handle, 1, &text, NULL, &code);
	if (!code)
		code = below->clBuildProgram(p, 1, &c->device, rest, NULL, NULL);
	if (!code)
		k = below->clCreateKernel(p, "hg_probe", &code);
	if (!code)
		mem.handle = below->clCreateBuffer(c->object.handle, CL_MEM_READ_WRITE, size, NULL,
						   &code);
	if (!code)
		code = below->clSetKernelArg(k, 0, sizeof(mem.handle), &mem.handle);
	pthread_mutex_lock(&c->inner.lock);
	/* Not by cross_write() and cross_read(): these count what the application sends. */
	if (!code && (cross_bind(c->crossing, c->inner.queue, &mem) ||
		      ops->write(c->crossing, c->inner.queue, &mem, 0, answer, size, false, NULL)))
		code = context_broken(c);
	cross_launch(c->crossing, c->inner.queue);
	if (!code)
		code = below->clEnqueueNDRangeKernel(c->inner.queue, k, 1, NULL, &one, NULL, 0,
						     NULL, NULL);
	if (!code &&
	    (ops->read(c->crossing, c->inner.queue, &mem, 0, answer, size, &read) ||
	     cross_complete(read)))
		code = context_broken(c);
	pthread_mutex_unlock(&c->inner.lock);
	cross_forget(c->crossing, &mem);
	if (mem.handle)
		below->clReleaseMemObject(mem.handle);
	if (k)
		below->clReleaseKernel(k);
	if (p)
		below->clReleaseProgram(p);
	return code;
}

static bool keep_answers(struct known *k, char *const *name, size_t count, const char *lines)
{
	char **asked = realloc(k->asked, (k->count + count) * sizeof(*asked));
	char *all = NULL;
	size_t i;

	if (!asked)
		return false;
	k->asked = asked;
	if (asprintf(&all, "%s%s", k->lines, lines) < 0)
		return false;
	free(k->lines);
	k->lines = all;
	for (i = 0; i < count; i++) {
		k->asked[k->count] = strdup(name[i]);
		if (!k->asked[k->count])
			return false;
		k->count++;
	}
	return true;
}

/* Asks the driver about the names that are new. False: @reason says what went wrong. */
static bool ask(struct context *c, struct known *k, const struct hg_source_output *out, bool *more,
		char reason[320])
{
	static char sentinel[] = SENTINEL;
	char **name = calloc(out->questions + 1, sizeof(*name)), *text = NULL, *lines = NULL;
	struct hg_source_error err = { .text = "out of memory" };
	unsigned char *answer = NULL;
	size_t count = 0, size = 0, i;
	cl_int code = CL_SUCCESS;

	for (i = 0; name && i < out->questions; i++)
		if (!was_asked(k, out->question[i]))
			name[count++] = out->question[i];
	*more = count;
	if (name && count) {
		for (i = 0; i < count && strcmp(name[i], sentinel) != 0; i++)
			;
		if (i == count)
			name[count++] = sentinel;
		text = hg_source_probe(name, count, &size);
		answer = text ? calloc(1, size) : NULL;
	}
	if (answer)
		code = run_probe(c, text, k->rest, answer, size);
	if (answer && !code)
		lines = hg_source_probe_answer(name, count, answer, size, &err);
	/* Not a driver's doing; and a program must not go in clear for it. */
	if (answer && (!lines || !strstr(lines, "#define " SENTINEL " ")) &&
	    code != CL_BUILD_PROGRAM_FAILURE && code != CL_INVALID_BUILD_OPTIONS) {
		cross_fail(c->crossing,
			   "bus: the kernel that asks what the driver defines was left out (probe)");
		code = context_broken(c);
	}
	if (code)
		snprintf(reason, 320, "the driver does not say what it defines: error %d", code);
	else if (lines ? !keep_answers(k, name, count, lines) : count || !name)
		snprintf(reason, 320, "%s", err.text);
	else
		code = CL_INT_MAX;
	free(lines);
	free(answer);
	free(text);
	free(name);
	return code == CL_INT_MAX;
}

/* ---- Preprocessing and rewriting --------------------------------------------------- */

static char *include(void *context, const char *name, bool quoted, size_t *size)
{
	const struct headers *h = context;
	struct program *p;
	char *text = NULL;
	cl_uint i;

	(void)quoted;
	for (i = 0; i < h->count; i++) {
		if (strcmp(h->name[i], name) != 0)
			continue;
		p = program_get(h->program[i]);
		text = p && p->source ? strdup(p->source) : NULL;
		program_put(p);
		break;
	}
	*size = text ? strlen(text) : 0;
	return text;
}

static bool preprocess(struct context *c, struct known *k, const char *source,
		       const struct hg_source_options *o, const struct headers *headers,
		       struct hg_source_output *out, char reason[320])
{
	struct hg_source_input in = { .text = source, .size = strlen(source), .options = o };
	struct hg_source_error err;
	bool more = true;
	unsigned int i;

	if (headers && headers->count) {
		in.include = include;
		in.context = (void *)(uintptr_t)headers;
	}
	for (i = 0; i < ROUNDS; i++) {
		in.predefined = k->lines;
		if (hg_source_preprocess(&in, out, &err)) {
			snprintf(reason, 320, "%s", err.text);
			return false;
		}
		if (!ask(c, k, out, &more, reason))
			break;
		if (!more)
			return true;
		hg_source_output_free(out);
		memset(out, 0, sizeof(*out));
	}
	if (i == ROUNDS)
		snprintf(reason, 320, "what the driver defines leads to ever more questions");
	hg_source_output_free(out);
	return false;
}

static uint64_t digest_of(const char *text, size_t size, const char *rest)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char hash[32] = { 0 };
	uint64_t id;

	if (ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) &&
	    EVP_DigestUpdate(ctx, text, size) && EVP_DigestUpdate(ctx, rest, strlen(rest)))
		EVP_DigestFinal_ex(ctx, hash, NULL);
	EVP_MD_CTX_free(ctx);
	memcpy(&id, hash, sizeof(id));
	return id;
}

static struct unit *rewrite_text(const struct hg_source_output *out, const char *rest,
				 char reason[320])
{
	struct unit *u = calloc(1, sizeof(*u));
	struct hg_source_error err = { .text = "out of memory" };

	if (u)
		u->rest = strdup(rest);
	if (!u || !u->rest) {
		unit_put(u);
		snprintf(reason, 320, "out of memory");
		return NULL;
	}
	u->refs = 1;
	u->id = digest_of(out->text, out->size, rest);
	if (!hg_source_rewrite(out->text, out->size, u->id, NULL, &u->table, &err))
		return u;
	snprintf(reason, 320, "%s", err.text);
	memset(&u->table, 0, sizeof(u->table));
	unit_put(u);
	return NULL;
}

struct unit *rewrite_source(struct context *c, const char *source, const char *options,
			    const struct headers *headers, char reason[320])
{
	struct hg_source_options o = { 0 };
	struct hg_source_output out = { 0 };
	struct hg_source_error err;
	struct unit *u = NULL;
	struct known *k;

	if (hg_source_options_parse(options, &o, &err)) {
		snprintf(reason, 320, "%s", err.text);
		return NULL;
	}
	pthread_mutex_lock(&known_lock);
	k = known_for(c->device, o.rest);
	if (strcasestr(o.rest, "clc++")) {
		snprintf(reason, 320, "it is C++ for OpenCL");
	} else if (!k) {
		snprintf(reason, 320, "out of memory");
	} else if (preprocess(c, k, source, &o, headers, &out, reason)) {
		u = rewrite_text(&out, o.rest, reason);
		hg_source_output_free(&out);
	}
	pthread_mutex_unlock(&known_lock);
	hg_source_options_free(&o);
	return u;
}

struct unit *rewrite_own(const char *source, const char *defines, char reason[320])
{
	struct hg_source_input in = { .text = source,
				      .size = strlen(source),
				      .predefined = defines,
				      .no_disk = true };
	struct hg_source_output out = { 0 };
	struct hg_source_error err;
	struct unit *u;

	if (hg_source_preprocess(&in, &out, &err)) {
		snprintf(reason, 320, "%s", err.text);
		return NULL;
	}
	u = rewrite_text(&out, "", reason);
	hg_source_output_free(&out);
	return u;
}
