// SPDX-License-Identifier: Apache-2.0
#include "report.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct count {
	uint64_t times, bytes;
};

struct program {
	char kind[8];
	char sha256[65];
	size_t size;
	bool prints;
	struct program *next;
};

struct refused {
	char name[64];
	uint64_t times;
	struct refused *next;
};

static struct count crossings[2], operations[REPORT_KINDS][2], clear[CLEAR_KINDS];
static struct program *programs, **last_program = &programs;
static struct refused *refusals;
struct unrewritten {
	char name[64], reason[160];
	uint64_t times;
	struct unrewritten *next;
};

static struct unrewritten *left_alone;
static uint64_t launches[2], moved[2];
static char failure[320];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static const char *const kind_name[REPORT_KINDS] = {
	[REPORT_WRITE] = "write", [REPORT_READ] = "read",	[REPORT_RECT] = "rect",
	[REPORT_IMAGE] = "image", [REPORT_MAP] = "map",		[REPORT_UNMAP] = "unmap",
	[REPORT_FILL] = "fill",	  [REPORT_INITIAL] = "initial",
};

static const char *const clear_name[CLEAR_KINDS] = {
	[CLEAR_ARGUMENT] = "kernel_arguments", [CLEAR_SOURCE] = "program_source",
	[CLEAR_OPTIONS] = "build_options",     [CLEAR_BINARY] = "program_binary",
	[CLEAR_LAUNCH] = "launch_geometry",    [CLEAR_COPY] = "copy_commands",
};

static void add(struct count *c, size_t bytes)
{
	__atomic_fetch_add(&c->times, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&c->bytes, bytes, __ATOMIC_RELAXED);
}

void report_crossing(enum report_direction direction, size_t bytes)
{
	add(&crossings[direction], bytes);
}

void report_operation(enum report_kind kind, enum report_direction direction, size_t bytes)
{
	add(&operations[kind][direction], bytes);
}

void report_in_clear(enum report_clear what, size_t bytes)
{
	add(&clear[what], bytes);
}

void report_refused(const char *name)
{
	struct refused *r;

	pthread_mutex_lock(&lock);
	for (r = refusals; r && strcmp(r->name, name); r = r->next)
		;
	if (!r) {
		r = calloc(1, sizeof(*r));
		if (r) {
			snprintf(r->name, sizeof(r->name), "%s", name);
			r->next = refusals;
			refusals = r;
		}
	}
	if (r)
		r->times++;
	pthread_mutex_unlock(&lock);
}

void report_launch(bool receipted)
{
	__atomic_fetch_add(&launches[receipted], 1, __ATOMIC_RELAXED);
}

void report_copy(bool receipted)
{
	__atomic_fetch_add(&moved[receipted], 1, __ATOMIC_RELAXED);
	if (!receipted)
		report_in_clear(CLEAR_COPY, 0);
}

/* Text of anyone's, as JSON may have it. */
static void plain_copy(char *to, size_t size, const char *from)
{
	size_t i;

	for (i = 0; i < size - 1 && from[i]; i++)
		to[i] = from[i] < 0x20 || from[i] > 0x7e || from[i] == '"' || from[i] == '\\'
				? '\''
				: from[i];
	to[i] = '\0';
}

void report_unrewritten(const char *name, const char *reason)
{
	struct unrewritten *u, copy = { 0 };

	plain_copy(copy.name, sizeof(copy.name), name);
	plain_copy(copy.reason, sizeof(copy.reason), reason);
	pthread_mutex_lock(&lock);
	for (u = left_alone; u && (strcmp(u->name, copy.name) || strcmp(u->reason, copy.reason));
	     u = u->next)
		;
	if (!u) {
		u = malloc(sizeof(*u));
		if (u) {
			*u = copy;
			u->next = left_alone;
			left_alone = u;
		}
	}
	if (u)
		u->times++;
	pthread_mutex_unlock(&lock);
}

void report_program(const char *kind, const void *data, size_t size, bool prints)
{
	struct program *p = calloc(1, sizeof(*p));
	unsigned char hash[32];
	unsigned int i;

	if (!p)
		return;
	if (EVP_Digest(data, size, hash, NULL, EVP_sha256(), NULL) == 1)
		for (i = 0; i < 32; i++)
			snprintf(p->sha256 + 2 * i, 3, "%02x", hash[i]);
	snprintf(p->kind, sizeof(p->kind), "%s", kind);
	p->size = size;
	p->prints = prints;
	pthread_mutex_lock(&lock);
	*last_program = p;
	last_program = &p->next;
	pthread_mutex_unlock(&lock);
}

void report_failure(const char *text)
{
	pthread_mutex_lock(&lock);
	if (!*failure)
		plain_copy(failure, sizeof(failure), text);
	pthread_mutex_unlock(&lock);
}

static void put_count(FILE *f, const char *before, const char *name, const struct count *c)
{
	fprintf(f, "%s\"%s\": {\"count\": %llu, \"bytes\": %llu}", before, name,
		(unsigned long long)c->times, (unsigned long long)c->bytes);
}

static void put_operations(FILE *f, enum report_direction direction)
{
	unsigned int i;

	for (i = 0; i < REPORT_KINDS; i++)
		put_count(f, i ? ", " : "", kind_name[i], &operations[i][direction]);
}

static void put_lists(FILE *f)
{
	const struct program *p;
	const struct refused *r;
	const struct unrewritten *u;

	fprintf(f, "  \"programs\": [");
	for (p = programs; p; p = p->next) {
		fprintf(f, "%s\n    {\"kind\": \"%s\", \"sha256\": \"%s\", ",
			p == programs ? "" : ",", p->kind, p->sha256);
		fprintf(f, "\"bytes\": %zu, \"printf\": %s}", p->size,
			p->prints ? "true" : "false");
	}
	fprintf(f, "],\n  \"refused\": {");
	for (r = refusals; r; r = r->next)
		fprintf(f, "%s\"%s\": %llu", r == refusals ? "" : ", ", r->name,
			(unsigned long long)r->times);
	fprintf(f, "},\n  \"launches\": {\"receipted\": %llu, \"in_clear\": %llu},\n",
		(unsigned long long)launches[1], (unsigned long long)launches[0]);
	fprintf(f, "  \"copies\": {\"receipted\": %llu, \"in_clear\": %llu},\n",
		(unsigned long long)moved[1], (unsigned long long)moved[0]);
	fprintf(f, "  \"unrewritten\": [");
	for (u = left_alone; u; u = u->next)
		fprintf(f, "%s{\"name\": \"%s\", \"reason\": \"%s\", \"count\": %llu}",
			u == left_alone ? "" : ", ", u->name, u->reason,
			(unsigned long long)u->times);
	fprintf(f, "],\n");
}

static void put_report(FILE *f)
{
	const char *crossing = report_crossing_name();
	unsigned int i;

	fprintf(f, "{\n  \"version\": \"%s\",\n  \"pid\": %d,\n  \"crossing\": \"%s\",\n",
		HG_GPU_VERSION, (int)getpid(), crossing ? crossing : "none");
	put_count(f, "  \"crossings\": {", "to_device", &crossings[REPORT_TO_DEVICE]);
	put_count(f, ", ", "to_host", &crossings[REPORT_TO_HOST]);
	fprintf(f, "},\n  \"to_device\": {");
	put_operations(f, REPORT_TO_DEVICE);
	fprintf(f, "},\n  \"to_host\": {");
	put_operations(f, REPORT_TO_HOST);
	fprintf(f, "},\n");
	put_lists(f);
	fprintf(f, "  \"in_clear\": {");
	for (i = 0; i < CLEAR_KINDS; i++)
		put_count(f, i ? ", " : "", clear_name[i], &clear[i]);
	fprintf(f, "},\n  \"failure\": ");
	fprintf(f, *failure ? "\"%s\"\n}\n" : "null\n}\n", failure);
}

void report_write(void)
{
	const char *path = getenv("HYPERGPU_REPORT");
	char *temp = NULL;
	FILE *f;

	if (!path || !*path || asprintf(&temp, "%s.%d", path, (int)getpid()) < 0)
		return;
	pthread_mutex_lock(&lock);
	f = fopen(temp, "we");
	if (f) {
		put_report(f);
		if (fclose(f) || rename(temp, path))
			unlink(temp);
	}
	pthread_mutex_unlock(&lock);
	if (!f)
		fprintf(stderr, "hypergpu: cannot write the report %s\n", path);
	free(temp);
}

__attribute__((destructor)) static void at_exit(void)
{
	if (report_crossing_name())
		report_write();
}
