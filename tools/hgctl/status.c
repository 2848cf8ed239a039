// SPDX-License-Identifier: Apache-2.0
#include "status.h"

#include "machine.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NAME_WIDTH 24
#define CELL_WIDTH 12

/* One table cell: a total, or a change per second. Blank when there is none. */
static void cell(const struct counter *now, const struct counter *before, double seconds, FILE *out)
{
	if (!now)
		fprintf(out, " %*s", CELL_WIDTH, "-");
	else if (seconds > 0)
		fprintf(out, " %*.0f", CELL_WIDTH,
			before && now->value >= before->value ?
			(now->value - before->value) / seconds : 0.0);
	else
		fprintf(out, " %*" PRIu64, CELL_WIDTH, now->value);
}

static const struct counters *vcpu_before(const struct vm_counters *before, unsigned int index)
{
	static const struct counters none;

	for (size_t i = 0; before && i < before->vcpus; i++)
		if (before->vcpu[i].index == index)
			return &before->vcpu[i].counters;
	return &none;
}

/* A row of a counter that vCPUs have: the sum, then each of them. */
static void vcpu_row(const struct vm_counters *vm, const struct vm_counters *before,
		     double seconds, bool all, const char *name, FILE *out)
{
	struct counter sum = { NULL, 0 }, sum_before = { NULL, 0 };

	for (size_t i = 0; i < vm->vcpus; i++) {
		const struct counter *c = counters_find(&vm->vcpu[i].counters, name);
		const struct counter *b =
			counters_find(vcpu_before(before, vm->vcpu[i].index), name);

		sum.value += c ? c->value : 0;
		sum_before.value += b ? b->value : 0;
	}
	if (!sum.value && !all)
		return;
	fprintf(out, "  %-*s", NAME_WIDTH, name);
	cell(&sum, &sum_before, seconds, out);
	for (size_t i = 0; i < vm->vcpus; i++)
		cell(counters_find(&vm->vcpu[i].counters, name),
		     counters_find(vcpu_before(before, vm->vcpu[i].index), name), seconds, out);
	fputc('\n', out);
}

/* Every counter name that some vCPU has, each at the first vCPU that has it. */
static void vcpu_rows(const struct vm_counters *vm, const struct vm_counters *before,
		      double seconds, bool all, FILE *out)
{
	for (size_t i = 0; i < vm->vcpus; i++) {
		const struct counters *c = &vm->vcpu[i].counters;

		for (size_t k = 0; k < c->count; k++) {
			bool shown = false;

			for (size_t j = 0; j < i && !shown; j++)
				shown = counters_find(&vm->vcpu[j].counters, c->item[k].name);
			if (!shown)
				vcpu_row(vm, before, seconds, all, c->item[k].name, out);
		}
	}
}

static void print_vm(const struct vm_counters *vm, const struct vm_counters *before,
		     double seconds, bool all, FILE *out)
{
	fprintf(out, "\n%s: process %u (%s), %zu vCPU%s\n", vm->name, vm->pid, vm->command,
		vm->vcpus, vm->vcpus == 1 ? "" : "s");
	fprintf(out, "  %-*s %*s", NAME_WIDTH, seconds > 0 ? "per second" : "", CELL_WIDTH, "all");
	for (size_t i = 0; i < vm->vcpus; i++) {
		char head[32];

		snprintf(head, sizeof(head), "vcpu%u", vm->vcpu[i].index);
		fprintf(out, " %*s", CELL_WIDTH, head);
	}
	fputc('\n', out);
	for (size_t i = 0; i < vm->counters.count; i++) {
		const struct counter *c = &vm->counters.item[i];

		if (!c->value && !all)
			continue;
		fprintf(out, "  %-*s", NAME_WIDTH, c->name);
		cell(c, before ? counters_find(&before->counters, c->name) : NULL, seconds, out);
		fputc('\n', out);
	}
	vcpu_rows(vm, before, seconds, all, out);
}

void status_print(const struct snapshot *s, const struct snapshot *before, double seconds,
		  bool all, FILE *out)
{
	fputs("hypergpu\n", out);
	for (size_t i = 0; i < s->counters.count; i++)
		fprintf(out, "  %-*s %*" PRIu64 "\n", NAME_WIDTH, s->counters.item[i].name,
			CELL_WIDTH, s->counters.item[i].value);
	if (!s->vms)
		fputs("\nNo VM runs.\n", out);
	for (size_t i = 0; i < s->vms; i++)
		print_vm(&s->vm[i], before ? snapshot_vm(before, s->vm[i].name) : NULL,
			 before ? seconds : 0, all, out);
}

/* Counters are 64-bit and JSON integers here are signed: the top bit is never used. */
static json_t *counters_json(const struct counters *c)
{
	json_t *o = json_object();

	for (size_t i = 0; i < c->count; i++)
		json_object_set_new(o, c->item[i].name, json_integer(c->item[i].value));
	return o;
}

static json_t *vm_json(const struct vm_counters *vm)
{
	json_t *vcpus = json_array();

	for (size_t i = 0; i < vm->vcpus; i++)
		json_array_append_new(vcpus, json_pack("{si so}", "index", vm->vcpu[i].index,
			"counters", counters_json(&vm->vcpu[i].counters)));
	return json_pack("{ss si si ss so so}", "name", vm->name, "pid", vm->pid, "id", vm->id,
			 "command", vm->command, "counters", counters_json(&vm->counters),
			 "vcpus", vcpus);
}

int status_print_json(const struct snapshot *s, bool compact, FILE *out)
{
	json_t *vms = json_array();
	json_t *top;
	int err;

	for (size_t i = 0; i < s->vms; i++)
		json_array_append_new(vms, vm_json(&s->vm[i]));
	top = json_pack("{si so so}", "version", 1, "counters", counters_json(&s->counters),
			"vms", vms);
	if (!top)
		return -ENOMEM;
	err = json_dumpf(top, out, compact ? JSON_COMPACT : JSON_INDENT(2));
	json_decref(top);
	return err || fputc('\n', out) == EOF || fflush(out) ? -EIO : 0;
}

static int complain(const struct machine *m, int err)
{
	if (err == -ENOENT && !machine_module_loaded(m, "hypergpu", NULL))
		fputs("hgctl: hypergpu.ko is not loaded (insmod kmod/hypergpu.ko)\n", stderr);
	else if (err == -ENOENT)
		fputs("hgctl: " COUNTERS_DIR " is not there: is debugfs mounted?\n"
		      "(mount -t debugfs debugfs /sys/kernel/debug)\n", stderr);
	else if (err == -EACCES)
		fputs("hgctl: only root may read " COUNTERS_DIR "\n", stderr);
	else
		fprintf(stderr, "hgctl: " COUNTERS_DIR ": %s\n", strerror(-err));
	return 1;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

static int show(const struct snapshot *s, const struct snapshot *before, double seconds,
		const struct status_options *o)
{
	if (o->json)
		return status_print_json(s, o->watch, stdout);
	if (o->watch && isatty(STDOUT_FILENO))
		fputs("\033[H\033[J", stdout);
	status_print(s, before, seconds, o->all, stdout);
	return fflush(stdout) ? -EIO : 0;
}

int status_main(const char *root, const struct status_options *o)
{
	struct snapshot s[2];
	bool have = false;
	double then = 0;
	struct machine m;
	int err;

	machine_init(&m, root);
	for (unsigned int turn = 0;; turn ^= 1) {
		double t = now();

		err = snapshot_read(&m.fs, &s[turn]);
		if (!err) {
			err = show(&s[turn], have ? &s[turn ^ 1] : NULL, t - then, o);
			if (have)
				snapshot_free(&s[turn ^ 1]);
			have = true;
			then = t;
		} else if (have) {
			snapshot_free(&s[turn ^ 1]);
		}
		if (err)
			return complain(&m, err);
		if (!o->watch)
			break;
		sleep(o->watch);
	}
	snapshot_free(&s[0]);
	return 0;
}
