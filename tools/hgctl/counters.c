// SPDX-License-Identifier: Apache-2.0
#include "counters.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void counters_free(struct counters *c)
{
	for (size_t i = 0; i < c->count; i++)
		free(c->item[i].name);
	free(c->item);
	c->item = NULL;
	c->count = 0;
}

const struct counter *counters_find(const struct counters *c, const char *name)
{
	for (size_t i = 0; i < c->count; i++)
		if (!strcmp(c->item[i].name, name))
			return &c->item[i];
	return NULL;
}

const struct vm_counters *snapshot_vm(const struct snapshot *s, const char *name)
{
	for (size_t i = 0; i < s->vms; i++)
		if (!strcmp(s->vm[i].name, name))
			return &s->vm[i];
	return NULL;
}

/*
 * Takes the files of @dir that hold a number; others (a log, say) and
 * directories are passed over. Names move out of @names.
 */
static int counters_take(const struct fs *fs, const char *dir, struct names *names,
			 struct counters *c)
{
	c->count = 0;
	c->item = calloc(names->count ? names->count : 1, sizeof(*c->item));
	if (!c->item)
		return -ENOMEM;
	for (size_t i = 0; i < names->count; i++) {
		char path[PATH_MAX];
		uint64_t value;

		if (snprintf(path, sizeof(path), "%s/%s", dir, names->name[i]) >= PATH_MAX)
			continue;
		if (fs_number(fs, path, &value))
			continue;
		c->item[c->count].name = names->name[i];
		c->item[c->count++].value = value;
		names->name[i] = NULL;
	}
	return 0;
}

/* -> whether @name is @prefix and a decimal number that fits. */
static bool numbered(const char *name, const char *prefix, unsigned int *number)
{
	size_t len = strlen(prefix);
	char rest;

	return !strncmp(name, prefix, len) && name[len] >= '0' && name[len] <= '9' &&
	       sscanf(name + len, "%u%c", number, &rest) == 1;
}

static int read_vcpu(const struct fs *fs, const char *vm_dir, const char *name,
		     struct vcpu_counters *vcpu)
{
	char dir[PATH_MAX];
	struct names names;
	int err;

	if (snprintf(dir, sizeof(dir), "%s/%s", vm_dir, name) >= PATH_MAX)
		return -ENAMETOOLONG;
	err = fs_list(fs, dir, &names);
	if (err)
		return err;
	err = counters_take(fs, dir, &names, &vcpu->counters);
	names_free(&names);
	return err;
}

static void vm_free(struct vm_counters *vm)
{
	for (size_t i = 0; i < vm->vcpus; i++)
		counters_free(&vm->vcpu[i].counters);
	free(vm->vcpu);
	counters_free(&vm->counters);
	free(vm->name);
	memset(vm, 0, sizeof(*vm));
}

static int read_vcpus(const struct fs *fs, const char *dir, const struct names *names,
		      struct vm_counters *vm)
{
	vm->vcpu = calloc(names->count ? names->count : 1, sizeof(*vm->vcpu));
	if (!vm->vcpu)
		return -ENOMEM;
	for (size_t i = 0; i < names->count; i++) {
		struct vcpu_counters *vcpu = &vm->vcpu[vm->vcpus];
		int err;

		if (!numbered(names->name[i], "vcpu", &vcpu->index))
			continue;
		err = read_vcpu(fs, dir, names->name[i], vcpu);
		if (err == -ENOENT)
			continue;
		if (err)
			return err;
		vm->vcpus++;
	}
	return 0;
}

static int read_vm(const struct fs *fs, const char *name, struct vm_counters *vm)
{
	char dir[PATH_MAX], path[64];
	struct names names;
	int err;

	if (snprintf(dir, sizeof(dir), "%s/%s", COUNTERS_DIR, name) >= PATH_MAX)
		return -ENAMETOOLONG;
	snprintf(path, sizeof(path), "/proc/%u/comm", vm->pid);
	if (fs_read(fs, path, vm->command, sizeof(vm->command)) <= 0)
		strcpy(vm->command, "?");
	err = fs_list(fs, dir, &names);
	if (err)
		return err;
	vm->name = strdup(name);
	err = vm->name ? 0 : -ENOMEM;
	if (!err)
		err = read_vcpus(fs, dir, &names, vm);
	if (!err)
		err = counters_take(fs, dir, &names, &vm->counters);
	names_free(&names);
	if (err)
		vm_free(vm);
	return err;
}

/* "vm-PID-ID" */
static bool vm_name(const char *name, struct vm_counters *vm)
{
	char rest;

	return sscanf(name, "vm-%u-%u%c", &vm->pid, &vm->id, &rest) == 2;
}

static int read_vms(const struct fs *fs, const struct names *names, struct snapshot *s)
{
	s->vm = calloc(names->count ? names->count : 1, sizeof(*s->vm));
	if (!s->vm)
		return -ENOMEM;
	for (size_t i = 0; i < names->count; i++) {
		struct vm_counters *vm = &s->vm[s->vms];
		int err;

		if (!vm_name(names->name[i], vm))
			continue;
		err = read_vm(fs, names->name[i], vm);
		if (err == -ENOENT)
			continue;
		if (err)
			return err;
		s->vms++;
	}
	return 0;
}

int snapshot_read(const struct fs *fs, struct snapshot *s)
{
	struct names names;
	int err;

	memset(s, 0, sizeof(*s));
	err = fs_list(fs, COUNTERS_DIR, &names);
	if (err)
		return err;
	err = read_vms(fs, &names, s);
	if (!err)
		err = counters_take(fs, COUNTERS_DIR, &names, &s->counters);
	names_free(&names);
	if (err)
		snapshot_free(s);
	return err;
}

void snapshot_free(struct snapshot *s)
{
	for (size_t i = 0; i < s->vms; i++)
		vm_free(&s->vm[i]);
	free(s->vm);
	counters_free(&s->counters);
	memset(s, 0, sizeof(*s));
}
