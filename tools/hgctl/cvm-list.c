// SPDX-License-Identifier: Apache-2.0
/* hgctl cvm list: what is true of each VM now. */
#include "cvm.h"
#include "cvm-def.h"
#include "fs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool has_name(const struct names *n, const char *name)
{
	for (size_t i = 0; i < n->count; i++)
		if (!strcmp(n->name[i], name))
			return true;
	return false;
}

/* Of files NAME.conf the names; what is none is dropped. */
static void keep_definitions(struct names *n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n->count; i++) {
		char *name = n->name[i], *dot = strrchr(name, '.');

		if (dot && !strcmp(dot, ".conf")) {
			*dot = '\0';
			if (vm_name_good(name)) {
				n->name[kept++] = name;
				continue;
			}
		}
		free(name);
	}
	n->count = kept;
}

/* A VM may run whose definition is not there any more. */
static int add_running(const struct site *site, struct names *all)
{
	const struct fs fs = { site->state };
	struct names found;
	int err = fs_list(&fs, "/vms", &found);

	if (err)
		return err == -ENOENT ? 0 : err;
	for (size_t i = 0; !err && i < found.count; i++) {
		bool held = false;
		char **grown;
		pid_t pid;

		if (!vm_name_good(found.name[i]) || has_name(all, found.name[i]) ||
		    vm_held(site, found.name[i], &held, &pid) || !held)
			continue;
		grown = reallocarray(all->name, all->count + 1, sizeof(*grown));
		err = grown ? 0 : -ENOMEM;
		if (grown) {
			all->name = grown;
			all->name[all->count++] = found.name[i];
			found.name[i] = NULL;
		}
	}
	names_free(&found);
	return err;
}

int vm_names(const struct site *site, struct names *names)
{
	const struct fs fs = { site->definitions };
	int err = fs_list(&fs, "/", names);

	if (err && err != -ENOENT)
		return err;
	if (err)
		*names = (struct names){ NULL, 0 };
	keep_definitions(names);
	err = add_running(site, names);
	/* Root's states are root's; the definitions may be for all. */
	return err == -EACCES ? 0 : err;
}

static const char *running_state(const struct vm_state *v)
{
	const char *state = json_string_value(json_object_get(v->status, "state"));

	if (!state)
		return "starting";	/* or it is ending: it does not answer */
	return !strcmp(state, "paused") ? "paused" : "running";
}

static const char *stopped_state(const struct site *site, const char *name, struct vm_state *v)
{
	char path[PATH_MAX];
	int err = vm_last(site, name, &v->last);

	if (!err)
		return v->last ? "failed" : "stopped";
	/* It ran, and nobody was left to say how it ended: "last" is there and empty. */
	if (err == -EINVAL && vm_path(site, name, "last", path))
		return "crashed";
	return "stopped";
}

void vm_state(const struct site *site, const char *name, int defined, struct vm_state *v)
{
	bool held;

	*v = (struct vm_state){ .last = -1 };
	if (vm_held(site, name, &held, &v->pid)) {
		v->state = "unknown";
	} else if (held) {
		v->status = vm_ask(site, name, "status");
		v->state = running_state(v);
	} else {
		v->state = defined ? "invalid" : stopped_state(site, name, v);
	}
}

void vm_state_free(struct vm_state *v)
{
	json_decref(v->status);
}

static json_t *vm_json(const struct site *site, const char *name, const struct settings *def,
		       int defined, const struct vm_state *v)
{
	json_t *o = json_pack("{ss ss so so so}", "name", name, "state", v->state, "pid",
			      v->pid ? json_integer(v->pid) : json_null(), "last",
			      v->last >= 0 ? json_integer(v->last) : json_null(), "error",
			      defined ? json_string(def->error) : json_null());

	if (!defined) {
		json_object_set_new(o, "cpus", json_string(def_get(site, def, "cpus")));
		json_object_set_new(o, "memory", json_string(def_get(site, def, "memory")));
		json_object_set_new(o, "confidential",
				    json_boolean(settings_yes(def, "vm", "confidential")));
	}
	if (v->status)
		json_object_set(o, "status", v->status);
	return o;
}

static void print_row(const struct site *site, const char *name, const struct settings *def,
		      int defined, const struct vm_state *v)
{
	const char *digest = vm_digest(v->status);
	char pid[16] = "-";

	if (v->pid)
		snprintf(pid, sizeof(pid), "%d", (int)v->pid);
	printf("%-20s %-9s %8s %5s %8s  %s\n", name, v->state, pid,
	       defined ? "-" : def_get(site, def, "cpus"),
	       defined ? "-" : def_get(site, def, "memory"),
	       defined && !v->status ? def->error :
	       digest ? digest : !defined && !settings_yes(def, "vm", "confidential") ?
	       "ordinary" : "");
}

int cvm_list(const struct site *site, bool json)
{
	json_t *list = json_array(), *top;
	struct names names;
	int err = vm_names(site, &names);

	if (err) {
		complain("%s, %s: %s", site->definitions, site->state, strerror(-err));
		json_decref(list);
		return CVM_FAILED;
	}
	if (!json)
		printf("%-20s %-9s %8s %5s %8s  %s\n", "NAME", "STATE", "PROCESS", "CPUS", "MEMORY",
		       "LAUNCH DIGEST");
	for (size_t i = 0; i < names.count; i++) {
		struct settings def;
		struct vm_state v;
		int defined = def_read(site, names.name[i], &def);

		vm_state(site, names.name[i], defined, &v);
		if (json)
			json_array_append_new(list, vm_json(site, names.name[i], &def, defined,
							    &v));
		else
			print_row(site, names.name[i], &def, defined, &v);
		vm_state_free(&v);
		settings_free(&def);
	}
	names_free(&names);
	top = json_pack("{si so}", "version", 1, "vms", list);
	if (json && (!top || json_dumpf(top, stdout, JSON_INDENT(2)) || putchar('\n') == EOF))
		err = -EIO;
	json_decref(top);
	return fflush(stdout) || err ? CVM_FAILED : CVM_DONE;
}
