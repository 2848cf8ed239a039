// SPDX-License-Identifier: Apache-2.0
/*
 * hgrun for CUDA: a program loads libcuda.so.1 by its name, and gets the shim, as the shim's folder
 * is the first of LD_LIBRARY_PATH. What comes before that (DT_RPATH, preloading) is looked for.
 */
#include "hgrun.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SHIM   "libcuda.so.1"
#define MARK   "hg_cuda_shim"
#define OUTPUT 65536

/* Names that programs ask for. Each is in the shim's folder. */
static const char *const names[] = { SHIM, "libcuda.so" };
static char shim[PATH_MAX];

/* ---- Children ---- */

/* Everything that @child writes to its standard output, as text. -1: it failed. */
static int listen_to(void (*child)(const void *), const void *argument, char text[OUTPUT])
{
	int fds[2], status = -1;
	size_t have = 0;
	ssize_t n;
	pid_t pid;

	text[0] = '\0';
	if (pipe(fds))
		return -1;
	pid = fork();
	if (!pid) {
		dup2(fds[1], STDOUT_FILENO);
		close(fds[0]);
		close(fds[1]);
		child(argument);
		_exit(1);
	}
	close(fds[1]);
	while (pid > 0 && have < OUTPUT - 1 &&
	       ((n = read(fds[0], text + have, OUTPUT - 1 - have)) > 0 ||
		(n < 0 && errno == EINTR)))
		have += n > 0 ? (size_t)n : 0;
	text[have] = '\0';
	close(fds[0]);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	/* Of what is longer the end is not known. */
	if (pid < 0 || have == OUTPUT - 1)
		return -1;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -1;
}

/* ---- The driver's library ---- */

/* Loads the library, which may run code of it: so not in hgrun's own process. */
static void tell_driver(const void *name)
{
	void *library = dlopen(name, RTLD_LAZY | RTLD_LOCAL);
	struct link_map *map;
	char path[PATH_MAX];

	if (!library || !dlsym(library, "cuInit") || dlinfo(library, RTLD_DI_LINKMAP, &map) ||
	    !realpath(map->l_name, path))
		_exit(1);
	printf("%s%s", dlsym(library, MARK) ? "shim:" : "", path);
	fflush(stdout);
	_exit(0);
}

static bool check_driver(const char *path)
{
	struct stat st;

	if (*path != '/' || stat(path, &st) || !S_ISREG(st.st_mode)) {
		complain("%s: no file with an absolute path", path);
		return false;
	}
	if (st.st_mode & S_IWOTH) {
		complain("%s: anyone may write to it, so it is not taken for the CUDA driver",
			 path);
		return false;
	}
	return true;
}

/* @path is empty where there is no driver. */
static bool find_driver(const char *wanted, char path[PATH_MAX])
{
	char full[PATH_MAX], text[OUTPUT];

	path[0] = '\0';
	if (wanted && !realpath(wanted, full)) {
		complain("--cuda-driver %s: %s", wanted, strerror(errno));
		return false;
	}
	if (wanted && !check_driver(full))
		return false;
	if (listen_to(tell_driver, wanted ? full : SHIM, text) || strlen(text) >= PATH_MAX) {
		if (wanted)
			complain("--cuda-driver %s is no CUDA driver", wanted);
		return !wanted;
	}
	if (!strncmp(text, "shim:", 5)) {
		complain(
			"%s is the shim itself: %s", text + 5,
			wanted ? "name the driver's libcuda.so.1"
			       : "take its folder out of LD_LIBRARY_PATH, or it out of LD_PRELOAD");
		return false;
	}
	memcpy(path, text, strlen(text) + 1);
	return check_driver(path);
}

/* ---- The shim ---- */

static bool find_shim(void)
{
	static const char *const places[] = { "/cuda/", "/../lib/hypergpu/cuda/" };

	if (!find_beside(places, SHIM, shim)) {
		complain("no cuda/%s beside hgrun or in ../lib/hypergpu: install it; or give "
			 "--no-cuda, with which CUDA programs are not sealed",
			 SHIM);
		return false;
	}
	if (!strpbrk(shim, ":;$"))
		return true;
	complain("%s: a path with one of : ; $ cannot be in LD_LIBRARY_PATH", shim);
	return false;
}

static bool put_first(void)
{
	const char *others = getenv("LD_LIBRARY_PATH");
	int folder = (int)(strrchr(shim, '/') - shim);
	char *list = NULL;
	bool ok;

	ok = asprintf(&list, "%.*s%s%s", folder, shim, others && *others ? ":" : "",
		      others ? others : "") >= 0 &&
	     !setenv("LD_LIBRARY_PATH", list, 1);
	free(list);
	return ok;
}

static void start_probe(const void *must)
{
	unsetenv("HYPERGPU_REPORT");
	execl("/proc/self/exe", CUDA_PROBE, shim, must ? "must" : "may", (char *)NULL);
}

bool cuda_set_up(enum cuda_use use, const char *driver)
{
	char path[PATH_MAX], text[OUTPUT];

	if (use == CUDA_LEFT)
		return true;
	if (!find_shim() || !find_driver(driver, path))
		return false;
	if (use == CUDA_MUST && !*path) {
		complain(
			"there is no CUDA driver: the loader finds no %s; install the driver, or name "
			"its library with --cuda-driver",
			SHIM);
		return false;
	}
	if ((*path ? setenv("HYPERGPU_CUDA_DRIVER", path, 1) : unsetenv("HYPERGPU_CUDA_DRIVER")) ||
	    !put_first()) {
		complain("no memory");
		return false;
	}
	/* A dump of the GPU's memory would cross in clear. */
	if (unsetenv("CUDA_ENABLE_COREDUMP_ON_EXCEPTION") ||
	    unsetenv("CUDA_ENABLE_USER_TRIGGERED_COREDUMP"))
		return false;
	return !listen_to(start_probe, use == CUDA_MUST ? shim : NULL, text);
}

/* In a new process, as the program will be one. */
int cuda_probe(const char *path, bool must)
{
	int (*init)(unsigned), (*count)(int *), rc, devices = 0;
	char found[PATH_MAX];
	struct link_map *map;
	void *library = NULL;
	size_t i;

	for (i = sizeof(names) / sizeof(names[0]); i-- > 0;) {
		library = dlopen(names[i], RTLD_NOW);
		if (!library || dlinfo(library, RTLD_DI_LINKMAP, &map) ||
		    !realpath(map->l_name, found) || strcmp(found, path) != 0) {
			complain("%s is not the shim here but %s: is LD_PRELOAD set?", names[i],
				 library ? found : dlerror());
			return 1;
		}
	}
	if (!must)
		return 0;
	*(void **)&init = dlsym(library, "cuInit");
	*(void **)&count = dlsym(library, "cuDeviceGetCount");
	rc = init(0);
	if (!rc)
		rc = count(&devices);
	if (rc || devices < 1) {
		complain("no GPU by the CUDA driver: error %d, %d devices", rc, devices);
		return 1;
	}
	return 0;
}

/* ---- The program ---- */

/* @folder with what $ORIGIN and ${ORIGIN} stand for. Others than these are not known here. */
static bool expand(const char *folder, const char *program, char to[PATH_MAX])
{
	int origin = (int)(strrchr(program, '/') - program);
	const char *rest = !strncmp(folder, "$ORIGIN", 7)     ? folder + 7
			   : !strncmp(folder, "${ORIGIN}", 9) ? folder + 9
							      : NULL;
	int n;

	if (rest)
		n = snprintf(to, PATH_MAX, "%.*s%s", origin, program, rest);
	else
		n = snprintf(to, PATH_MAX, "%s", *folder ? folder : ".");
	return n > 0 && n < PATH_MAX && !strchr(to, '$');
}

static bool holds_driver(const char *folder)
{
	char guess[PATH_MAX + 16], full[PATH_MAX];
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(guess, sizeof(guess), "%s/%s", folder, names[i]);
		if (!access(guess, F_OK) && (!realpath(guess, full) || strcmp(full, shim) != 0))
			return true;
	}
	return false;
}

static bool check_rpath(const char *program, const struct program_elf *elf)
{
	char list[PATH_MAX], folder[PATH_MAX], *entry, *next = list;
	bool ok = true;

	memcpy(list, elf->rpath, sizeof(list));
	while (ok && *elf->rpath && (entry = strsep(&next, ":")))
		ok = expand(entry, program, folder) && !holds_driver(folder);
	if (!ok)
		complain("%s has an RPATH (%s) that comes before LD_LIBRARY_PATH: it would load "
			 "another libcuda.so than the shim",
			 program, elf->rpath);
	return ok;
}

struct listing {
	const char *interpreter, *program;
};

static void start_listing(const void *argument)
{
	const struct listing *l = argument;

	execl(l->interpreter, l->interpreter, "--list", l->program, (char *)NULL);
}

static bool names_driver(const char *file)
{
	const char *slash = strrchr(file, '/');

	return !strncmp(slash ? slash + 1 : file, "libcuda.so", 10);
}

/*
 * A line of it: "libcuda.so.1 => /path (0x...)", or "/path (0x...)" for a library that is
 * wanted by a path, which LD_LIBRARY_PATH has no say in.
 */
static bool check_line(const char *program, char *line)
{
	char *name = line + strspn(line, " \t"), *end = strstr(name, " (0x"), *arrow;
	char full[PATH_MAX];
	const char *file;

	if (end)
		*end = '\0';
	arrow = strstr(name, " => ");
	if (arrow)
		*arrow = '\0';
	file = arrow ? arrow + 4 : name;
	if (!names_driver(name) && !names_driver(file))
		return true;
	if (realpath(file, full) && !strcmp(full, shim))
		return true;
	complain("%s would load %s, and not the shim", program, file);
	return false;
}

bool cuda_check_program(const char *path, const struct program_elf *elf)
{
	char text[OUTPUT], full[PATH_MAX], *line, *next = text;
	struct listing l = { elf->interpreter, full };
	bool ok = true;

	if (!*shim)
		return true;
	/* $ORIGIN is where the file itself is, not a link to it. */
	if (!realpath(path, full)) {
		complain("%s: %s", path, strerror(errno));
		return false;
	}
	if (!check_rpath(full, elf))
		return false;
	if (listen_to(start_listing, &l, text)) {
		complain("%s --list %s fails: what it loads is not known", elf->interpreter, path);
		return false;
	}
	while (ok && (line = strsep(&next, "\n")))
		ok = check_line(path, line);
	return ok;
}
