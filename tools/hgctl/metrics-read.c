// SPDX-License-Identifier: Apache-2.0
/* Where the samples come from: debugfs, the states of VMs, the reports of hgrun. */
#include "metrics.h"

#include "counters.h"
#include "cvm.h"

#include <stdlib.h>
#include <string.h>

#define LABELS_MAX 256
#define REPORTS_MAX 4096

/* ---- hypergpu.ko ---- */

/* All else that the module counts only grows. */
static bool is_gauge(const char *name)
{
	static const char *const begin[] = { "domain_cache", "domain_tables", "domain_mapped_",
					     "domain_private_", "vcpus" };

	for (size_t i = 0; i < sizeof(begin) / sizeof(begin[0]); i++)
		if (!strncmp(name, begin[i], strlen(begin[i])))
			return true;
	return false;
}

static void add_counters(struct metrics *m, const char *kind, const char *help,
			 const char *labels, const struct counters *c)
{
	char name[80];

	for (size_t i = 0; i < c->count; i++) {
		snprintf(name, sizeof(name), "%s_%s", kind, c->item[i].name);
		metrics_add(m, name, !is_gauge(c->item[i].name), help, labels,
			    (double)c->item[i].value);
	}
}

static void add_vm(struct metrics *m, const struct vm_counters *vm)
{
	char labels[LABELS_MAX] = "", text[16];

	metrics_label(labels, sizeof(labels), "vm", vm->name);
	snprintf(text, sizeof(text), "%u", vm->pid);
	metrics_label(labels, sizeof(labels), "pid", text);
	metrics_label(labels, sizeof(labels), "command", vm->command);
	add_counters(m, "vm", "Of hypergpu.ko for a VM; see docs/debugging.md.", labels,
		     &vm->counters);
	for (size_t i = 0; i < vm->vcpus; i++) {
		labels[0] = '\0';
		metrics_label(labels, sizeof(labels), "vm", vm->name);
		snprintf(text, sizeof(text), "%u", vm->vcpu[i].index);
		metrics_label(labels, sizeof(labels), "vcpu", text);
		add_counters(m, "vcpu", "Of hypergpu.ko for a vCPU; see docs/debugging.md.", labels,
			     &vm->vcpu[i].counters);
	}
}

static void add_module(struct metrics *m, const struct counters *c)
{
	for (size_t i = 0; i < c->count; i++) {
		const char *name = c->item[i].name;
		char labels[LABELS_MAX] = "";

		if (strncmp(name, "frames_", 7)) {
			metrics_add(m, name, false, "Of hypergpu.ko; see docs/debugging.md.", "",
				    (double)c->item[i].value);
			continue;
		}
		metrics_label(labels, sizeof(labels), "state", name + 7);
		metrics_add(m, "frames", false, "Frames by state; see docs/page-states.md.",
			    labels, (double)c->item[i].value);
	}
}

void metrics_module(struct metrics *m, const struct fs *fs)
{
	struct snapshot s;
	int err = snapshot_read(fs, &s);

	metrics_add(m, "module_up", false, "Whether the counters of hypergpu.ko can be read.", "",
		    !err);
	if (err)
		return;
	add_module(m, &s.counters);
	for (size_t i = 0; i < s.vms; i++)
		add_vm(m, &s.vm[i]);
	snapshot_free(&s);
}

/* ---- VMs ---- */

static void add_state(struct metrics *m, const char *name, const struct vm_state *v)
{
	char labels[LABELS_MAX] = "";
	const json_t *uptime = json_object_get(v->status, "uptime_ms");
	const json_t *boots = json_object_get(v->status, "boots");

	metrics_label(labels, sizeof(labels), "name", name);
	if (json_is_integer(uptime))
		metrics_add(m, "cvm_uptime_seconds", false, "How long the VM has run.", labels,
			    (double)json_integer_value(uptime) / 1000);
	if (json_is_integer(boots))
		metrics_add(m, "cvm_boots", false, "Boots of this run, reboots included.", labels,
			    (double)json_integer_value(boots));
	if (v->last >= 0)
		metrics_add(m, "cvm_last_exit_status", false, "hgvmm's last exit status.",
			    labels, v->last);
	metrics_label(labels, sizeof(labels), "state", v->state);
	metrics_add(m, "cvm_state", false, "1 for the state in which a defined VM is.", labels, 1);
}

void metrics_vms(struct metrics *m, const struct site *site)
{
	struct names names;

	if (vm_names(site, &names))
		return;
	for (size_t i = 0; i < names.count; i++) {
		struct vm_state v;

		vm_state(site, names.name[i], 0, &v);
		add_state(m, names.name[i], &v);
		vm_state_free(&v);
	}
	names_free(&names);
}

/* ---- hgrun's reports ---- */

struct gpu_sums {
	double reports, unreadable, failures;
	double bytes[2], clear_bytes, receipted, clear_launches, refused;
};

/* A number of whoever wrote the report: at least it is one. */
static double number(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	return json_is_integer(v) && json_integer_value(v) >= 0 ? (double)json_integer_value(v) : 0;
}

/* Of { NAME: { "bytes" } } the sum. */
static double all_bytes(const json_t *o)
{
	const char *name;
	double sum = 0;
	json_t *v;

	json_object_foreach((json_t *)o, name, v)
		sum += number(v, "bytes");
	return sum;
}

/* Of { NAME: number } the sum. */
static double all_numbers(const json_t *o)
{
	const char *name;
	double sum = 0;
	json_t *v;

	json_object_foreach((json_t *)o, name, v)
		sum += number(o, name);
	return sum;
}

static void add_report(struct gpu_sums *s, const json_t *o)
{
	const json_t *crossings = json_object_get(o, "crossings");

	s->reports++;
	s->bytes[0] += number(json_object_get(crossings, "to_device"), "bytes");
	s->bytes[1] += number(json_object_get(crossings, "to_host"), "bytes");
	s->clear_bytes += all_bytes(json_object_get(o, "in_clear"));
	s->receipted += number(json_object_get(o, "launches"), "receipted");
	s->clear_launches += number(json_object_get(o, "launches"), "in_clear");
	s->failures += json_is_string(json_object_get(o, "failure"));
	s->refused += all_numbers(json_object_get(o, "refused"));
}

static void read_report(struct gpu_sums *s, const struct fs *fs, const char *name)
{
	size_t n = strlen(name);
	char path[PATH_MAX], *text;
	json_t *o;

	if (n < 5 || strcmp(name + n - 5, ".json"))
		return;
	snprintf(path, sizeof(path), "/%s", name);
	text = fs_slurp(fs, path);
	o = text && *text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
	if (json_is_object(json_object_get(o, "crossings")))
		add_report(s, o);
	else if (!text || *text)	/* empty: its program still runs */
		s->unreadable++;
	json_decref(o);
	free(text);
}

static void add_sums(struct metrics *m, const struct gpu_sums *s)
{
	metrics_add(m, "gpu_reports", false, "Reports of hgrun in the folder.", "", s->reports);
	metrics_add(m, "gpu_reports_unreadable", false, "Files there that are no report.", "",
		    s->unreadable);
	metrics_add(m, "gpu_sealed_bytes", false, "Bytes that crossed sealed, by those reports.",
		    "direction=\"to_device\"", s->bytes[0]);
	metrics_add(m, "gpu_sealed_bytes", false, "", "direction=\"to_host\"", s->bytes[1]);
	metrics_add(m, "gpu_clear_bytes", false, "Bytes that crossed in clear.", "",
		    s->clear_bytes);
	metrics_add(m, "gpu_launches", false, "Launches of kernels, with a receipt and without.",
		    "receipt=\"yes\"", s->receipted);
	metrics_add(m, "gpu_launches", false, "", "receipt=\"no\"", s->clear_launches);
	metrics_add(m, "gpu_refused_calls", false, "Calls that the layer refused.", "", s->refused);
	metrics_add(m, "gpu_failures", false, "Programs whose channel failed.", "", s->failures);
}

void metrics_gpu(struct metrics *m, const struct site *site)
{
	const struct fs fs = { settings_get(&site->conf, "gpu", "reports") };
	struct gpu_sums sums = { 0 };
	struct names names;

	if (fs_list(&fs, "/", &names))
		return;
	for (size_t i = 0; i < names.count && i < REPORTS_MAX; i++)
		read_report(&sums, &fs, names.name[i]);
	names_free(&names);
	add_sums(m, &sums);
}
