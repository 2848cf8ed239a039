// SPDX-License-Identifier: Apache-2.0
/* hgctl cvm create, show, digest, delete. */
#include "cvm.h"
#include "cvm-def.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The options are named as hgvmm's, the keys as hypergpu.conf's; val is the key's index. */
static const char *const keys[] = {
	"kernel", "initrd", "append", "cpus", "memory", "disk", "net", "share", "vsock", "irqchip",
	"policy", "reboot", "device", "user", "cpuid", "console", "rng", "hugepages",
	"confidential",
};
enum {
	KEY_KERNEL, KEY_INITRD, KEY_DISK = 5, KEY_VSOCK = 8, KEY_CPUID = 14, KEY_RNG = 16,
	KEY_HUGEPAGES, KEY_ORDINARY,
};

static const struct option options[] = {
	{ "kernel", required_argument, NULL, 0 },
	{ "initrd", required_argument, NULL, 1 },
	{ "append", required_argument, NULL, 2 },
	{ "smp", required_argument, NULL, 3 },
	{ "mem", required_argument, NULL, 4 },
	{ "disk", required_argument, NULL, 5 },
	{ "net", required_argument, NULL, 6 },
	{ "share", required_argument, NULL, 7 },
	{ "vsock", required_argument, NULL, 8 },
	{ "irqchip", required_argument, NULL, 9 },
	{ "policy", required_argument, NULL, 10 },
	{ "reboot", required_argument, NULL, 11 },
	{ "dev", required_argument, NULL, 12 },
	{ "uid", required_argument, NULL, 13 },
	{ "cpuid", required_argument, NULL, 14 },
	{ "console", required_argument, NULL, 15 },
	{ "rng", no_argument, NULL, KEY_RNG },
	{ "hugepages", no_argument, NULL, KEY_HUGEPAGES },
	{ "ordinary", no_argument, NULL, KEY_ORDINARY },
	{ 0 }
};

/* @value with the folder before it if it is relative, from @at on. NULL: out of memory. */
static char *absolute(const char *value, const char *at)
{
	char here[PATH_MAX], *all = NULL;

	if (*at == '/' || !*at || !getcwd(here, sizeof(here)))
		return strdup(value);
	if (asprintf(&all, "%.*s%s/%s", (int)(at - value), value, here, at) < 0)
		return NULL;
	return all;
}

/* hgvmm runs in another folder than who defines the VM. */
static char *resolve(int key, const char *value)
{
	const char *at = value;

	if (key == KEY_KERNEL || key == KEY_INITRD || key == KEY_CPUID)
		return absolute(value, value);
	if (key < KEY_DISK || key > KEY_VSOCK)
		return strdup(value);
	while (at && strncmp(at, "path=", 5) && strncmp(at, "socket=", 7))
		at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL;
	return at ? absolute(value, strchr(at, '=') + 1) : strdup(value);
}

static int put(FILE *to, int key, const char *given)
{
	char *value = key == KEY_ORDINARY ? strdup("no") :
		      given ? resolve(key, given) : strdup("yes");
	int bad = 0;

	if (!value || strchr(value, '\n')) {
		complain("--%s: a value is one line", options[key].name);
		bad = 1;
	} else {
		fprintf(to, "%s = %s\n", keys[key], value);
	}
	free(value);
	return bad;
}

/* The options as a definition's text, for free(); NULL after a message. */
static char *make_text(int argc, char **argv, const char **name)
{
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);
	int key, bad = !to;

	if (to)
		fputs("# hypergpu.conf(5)\n[vm]\n", to);
	optind = 0;
	opterr = 0;
	while (!bad && (key = getopt_long(argc, argv, ":", options, NULL)) != -1) {
		if (key == '?' || key == ':') {
			complain("create: %s %s", argv[optind - 1],
				 key == ':' ? "needs a value" : "is not an option");
			bad = 1;
		} else {
			bad = put(to, key, optarg);
		}
	}
	if (!bad && optind != argc - 1) {
		complain("create wants one NAME");
		bad = 1;
	} else if (!bad) {
		*name = argv[optind];
	}
	if (to && fclose(to))
		bad = 1;
	if (!bad)
		return text;
	free(text);
	return NULL;
}

/* ---- the file ---- */

static int write_all(int fd, const char *text)
{
	size_t left = strlen(text);

	while (left) {
		ssize_t n = write(fd, text, left);

		if (n < 0 && errno != EINTR)
			return -errno;
		text += n > 0 ? n : 0;
		left -= n > 0 ? (size_t)n : 0;
	}
	return fsync(fd) ? -errno : 0;
}

/* A file that was not there is there then as a whole, or not at all. 0 or -errno. */
static int write_new(const struct site *site, const char *path, const char *text)
{
	char temp[PATH_MAX + 16];
	int fd, err;

	if (mkdir(site->definitions, 0755) && errno != EEXIST)
		return -errno;
	snprintf(temp, sizeof(temp), "%s.XXXXXX", path);
	fd = mkostemp(temp, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = write_all(fd, text);
	close(fd);
	if (!err && link(temp, path))
		err = -errno;
	unlink(temp);
	return err;
}

static int print_digest(const struct site *site, const struct settings *def, bool only)
{
	uint8_t digest[DIGEST_SIZE];
	char hex[2 * DIGEST_SIZE + 1];
	const char *why;
	int err;

	if (!settings_yes(def, "vm", "confidential")) {
		notice("an ordinary VM has no launch digest");
		return only ? CVM_FAILED : CVM_DONE;
	}
	err = def_digest(site, def, digest, &why);
	if (err == -ENODATA)
		notice("no launch digest: %s", why);
	if (err)
		return CVM_FAILED;
	printf("%s%s\n", only ? "" : "launch digest ", digest_hex(digest, hex));
	return fflush(stdout) ? CVM_FAILED : CVM_DONE;
}

int cvm_create(const struct site *site, int argc, char **argv)
{
	const char *name = NULL;
	char path[PATH_MAX], *text = make_text(argc, argv, &name);
	struct settings def = { 0 };
	int err, ret = CVM_USAGE;

	if (text && !vm_name_check(name) && def_path(site, name, path)) {
		if (def_parse(path, text, strlen(text), &def)) {
			complain("%s", def.error);
		} else {
			err = write_new(site, path, text);
			ret = err ? CVM_FAILED : CVM_DONE;
			if (err == -EEXIST)
				complain("%s is there already: hgctl cvm delete %s", path, name);
			else if (err)
				complain("%s: %s", path, strerror(-err));
			else
				printf("%s\n", path);
		}
	}
	/* The VM is defined by now, whether its digest can be told or not. */
	if (ret == CVM_DONE && settings_yes(&def, "vm", "confidential"))
		print_digest(site, &def, false);
	settings_free(&def);
	free(text);
	return ret;
}

/* ---- of one that is there ---- */

static int read_def(const struct site *site, const char *name, struct settings *def)
{
	int err = def_read(site, name, def);

	if (err == -ENOENT)
		complain("there is no VM '%s': %s", name, def->error);
	else if (err)
		complain("%s", def->error);
	return err;
}

int cvm_show(const struct site *site, const char *name)
{
	struct settings def;
	char **command = NULL;
	int ret = CVM_FAILED;

	if (!read_def(site, name, &def)) {
		for (size_t i = 0; i < def.count; i++)
			printf("%s = %s\n", def.item[i].rule->name, def.item[i].value);
		command = def_command(site, name, &def);
		printf("#");
		for (size_t i = 0; command && command[i]; i++)
			printf(" %s", *command[i] ? command[i] : "''");
		putchar('\n');
		ret = !command || fflush(stdout) ? CVM_FAILED : CVM_DONE;
	}
	free_strings(command);
	settings_free(&def);
	return ret;
}

int cvm_digest(const struct site *site, const char *name)
{
	struct settings def;
	int ret = read_def(site, name, &def) ? CVM_FAILED : print_digest(site, &def, true);

	settings_free(&def);
	return ret;
}

static void remove_state(const struct site *site, const char *name)
{
	static const char *const leaf[] = { "control", "console", "log", "last", "process",
					    "lock", "" };
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof(leaf) / sizeof(leaf[0]); i++)
		if (vm_path(site, name, leaf[i], path))
			remove(path);
}

int cvm_delete(const struct site *site, const char *name)
{
	char path[PATH_MAX];
	int lock, ret = CVM_FAILED;

	if (!def_path(site, name, path))
		return CVM_FAILED;
	if (access(path, F_OK)) {
		complain("%s: %s", path, strerror(errno));
		return CVM_FAILED;
	}
	lock = vm_lock(site, name);
	if (lock == -EBUSY)
		complain("%s runs: hgctl cvm stop %s", name, name);
	if (lock < 0)
		return CVM_FAILED;
	if (!unlink(path))
		ret = CVM_DONE;
	else
		complain("%s: %s", path, strerror(errno));
	if (ret == CVM_DONE)
		remove_state(site, name);
	close(lock);
	return ret;
}
