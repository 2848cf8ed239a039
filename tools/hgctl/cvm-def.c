// SPDX-License-Identifier: Apache-2.0
#include "cvm-def.h"

#include "cvm-state.h"
#include "measure.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGUMENTS_MAX 80

const char *def_path(const struct site *site, const char *name, char path[PATH_MAX])
{
	int n = snprintf(path, PATH_MAX, "%s/%s.conf", site->definitions, name);

	if (n > 0 && n < PATH_MAX)
		return path;
	complain("%.40s...: the path is too long", site->definitions);
	return NULL;
}

/* What the parser, which sees one line at a time, cannot tell. */
static int check_whole(struct settings *def, const char *name, int err)
{
	if (err || settings_get(def, "vm", "kernel"))
		return err;
	snprintf(def->error, sizeof(def->error), "%.300s: [vm] kernel is missing", name);
	return -1;
}

int def_read(const struct site *site, const char *name, struct settings *def)
{
	char path[PATH_MAX];

	*def = (struct settings){ .rules = vm_rules };
	if (!def_path(site, name, path))
		return -1;
	return check_whole(def, path, settings_read(def, path));
}

int def_parse(const char *name, const char *text, size_t size, struct settings *def)
{
	*def = (struct settings){ .rules = vm_rules };
	return check_whole(def, name, settings_parse(def, name, text, size));
}

const char *def_get(const struct site *site, const struct settings *def, const char *key)
{
	const char *value = settings_get(def, "vm", key);

	return value ? value : settings_get(&site->conf, "vm", key);
}

/* ---- hgvmm's command line ---- */

struct command {
	char *word[ARGUMENTS_MAX + 1];
	size_t count;
	bool full; /* or out of memory */
};

static void add(struct command *c, const char *option, const char *value)
{
	const char *const both[] = { option, value };

	for (size_t i = 0; i < 2 && both[i]; i++) {
		char *copy = c->count < ARGUMENTS_MAX ? strdup(both[i]) : NULL;

		if (copy)
			c->word[c->count++] = copy;
		else
			c->full = true;
	}
}

static void add_if(struct command *c, const char *option, const char *value)
{
	if (value)
		add(c, option, value);
}

/* Those that hgvmm takes as they are, in the order of the file. */
static void add_devices(struct command *c, const struct settings *def)
{
	static const char *const several[] = { "disk", "net", "share", "vsock" };

	for (size_t i = 0; i < def->count; i++)
		for (size_t k = 0; k < sizeof(several) / sizeof(several[0]); k++)
			if (!strcmp(def->item[i].rule->name, several[k]))
				add(c, def->item[i].rule->allowed, def->item[i].value);
}

static bool add_sockets(struct command *c, const struct site *site, const char *name,
			const struct settings *def)
{
	bool serial = !strcmp(settings_get(def, "vm", "console"), "serial");
	char path[PATH_MAX], *where;

	if (!vm_path(site, name, "control", path))
		return false;
	add(c, "--status", path);
	if (!vm_path(site, name, "console", path) || asprintf(&where, "socket:%s", path) < 0)
		return false;
	add(c, serial ? "--serial" : "--console", where);
	free(where);
	if (!serial)
		add(c, "--serial", "none");
	return true;
}

char **def_command(const struct site *site, const char *name, const struct settings *def)
{
	struct command *c = calloc(1, sizeof(*c));
	char path[PATH_MAX], **list = NULL;
	bool ok = c && site_program("hgvmm", path);

	if (ok) {
		add(c, path, NULL);
		add(c, "--kernel", settings_get(def, "vm", "kernel"));
		add_if(c, "--initrd", settings_get(def, "vm", "initrd"));
		add(c, "--append", settings_get(def, "vm", "append"));
		add(c, "--smp", def_get(site, def, "cpus"));
		add(c, "--mem", def_get(site, def, "memory"));
		add_if(c, "--dev", def_get(site, def, "device"));
		add_if(c, "--uid", def_get(site, def, "user"));
		add(c, "--irqchip", settings_get(def, "vm", "irqchip"));
		add(c, "--reboot", settings_get(def, "vm", "reboot"));
		if (settings_yes(def, "vm", "hugepages"))
			add(c, "--hugepages", NULL);
		if (settings_yes(def, "vm", "rng"))
			add(c, "--rng", NULL);
		if (settings_yes(def, "vm", "confidential")) {
			add(c, "--cvm", NULL);
			add(c, "--cvm-policy", settings_get(def, "vm", "policy"));
		}
		add_devices(c, def);
		ok = add_sockets(c, site, name, def) && !c->full;
		if (!ok)
			complain("%s: hgvmm's command line cannot be made", name);
	}
	if (ok)
		list = calloc(c->count + 1, sizeof(*list));
	if (list)
		memcpy(list, c->word, c->count * sizeof(*list));
	else if (c)
		for (size_t i = 0; i < c->count; i++)
			free(c->word[i]);
	free(c);
	return list;
}

void free_strings(char **list)
{
	for (size_t i = 0; list && list[i]; i++)
		free(list[i]);
	free(list);
}

/* ---- the digest ---- */

/* Has hgvmm write to @file what CPUID tells on this machine. -> whether it did. */
static bool dump_cpuid(const struct site *site, const struct settings *def, const char *file)
{
	const char *smp = def_get(site, def, "cpus"), *dev = def_get(site, def, "device");
	char path[PATH_MAX];
	const char *argv[] = { path, "--smp", smp, "--dump-cpuid", file, dev ? "--dev" : NULL, dev,
			       NULL };
	posix_spawn_file_actions_t quiet;
	char *none[] = { NULL };
	int status = -1;
	pid_t pid;

	if (!site_program("hgvmm", path) || posix_spawn_file_actions_init(&quiet))
		return false;
	posix_spawn_file_actions_addopen(&quiet, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	if (!posix_spawn(&pid, path, &quiet, NULL, (char *const *)argv, none))
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	posix_spawn_file_actions_destroy(&quiet);
	return status == 0;
}

static int measure(const struct site *site, const struct settings *def, const char *cpuid,
		   uint8_t digest[DIGEST_SIZE])
{
	struct measure_options o = {
		.kernel = settings_get(def, "vm", "kernel"),
		.initrd = settings_get(def, "vm", "initrd"),
		.append = settings_get(def, "vm", "append"),
		.cpuid = cpuid,
		.split = !strcmp(settings_get(def, "vm", "irqchip"), "split"),
		.policy = (uint32_t)strtoul(settings_get(def, "vm", "policy"), NULL, 0),
	};

	if (measure_set(&o, def_get(site, def, "cpus"), def_get(site, def, "memory"))) {
		complain("cpus or memory: not what hgctl measure takes");
		return -1;
	}
	return measure_digest(&o, digest) ? -1 : 0;
}

int def_digest(const struct site *site, const struct settings *def, uint8_t digest[DIGEST_SIZE],
	       const char **why)
{
	const char *cpuid = def_get(site, def, "cpuid");
	char folder[] = "/tmp/hgctl.XXXXXX", file[sizeof(folder) + 8];
	int ret = -ENODATA;

	if (cpuid)
		return measure(site, def, cpuid, digest);
	*why = "hgvmm --dump-cpuid says nothing here; name with --cpuid what it wrote on the host";
	if (!mkdtemp(folder)) {
		*why = "there is no room for a file in /tmp";
		return -ENODATA;
	}
	snprintf(file, sizeof(file), "%s/cpuid", folder);
	if (dump_cpuid(site, def, file))
		ret = measure(site, def, file, digest);
	unlink(file);
	rmdir(folder);
	return ret;
}
