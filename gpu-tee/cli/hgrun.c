// SPDX-License-Identifier: Apache-2.0
/* hgrun: starts an OpenCL or CUDA program with what seals its bus, or does not start it. */
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "hgrun.h"
#include "record.h"

#define LIBRARY "libhypergpu-ocl-layer.so"

/* As the shell has them: what was started has its own. */
enum exit_status { EXIT_USAGE = 2, EXIT_REFUSED = 125, EXIT_CANNOT = 126, EXIT_NOT_FOUND = 127 };

struct options {
	const char *report, *suite, *layer, *gpu, *signer, *simulated, *cuda_driver;
	enum cuda_use cuda;
	bool verbose, null, binaries, anonymous, strict, plain_kernels;
};

static void usage(FILE *f)
{
	fputs("usage: hgrun [OPTION]... [--] PROGRAM [ARGUMENT]...\n"
	      "Runs an OpenCL or CUDA program so that what it sends over the bus is sealed.\n"
	      "\n"
	      "  -g, --gpu FILE         the record of the GPU's enrolment: it must be this one\n"
	      "      --signer FILE      public key (PEM) of whoever signed the record\n"
	      "      --anonymous        go without a key of the GPU's: any will do\n"
	      "      --simulated N      with a record of the simulated GPU N; for tests\n"
	      "  -r, --report FILE      write what crossed, and what in clear, as JSON\n"
	      "  -s, --suite NAME       aes-256-gcm (default), chacha20-poly1305, sm4-ctr-hmac-sm3\n"
	      "      --allow-binaries   let program binaries and intermediate code through\n"
	      "      --strict           refuse kernels whose launches cannot be receipted\n"
	      "      --no-rewrite       leave all kernels as they are: no launch is receipted\n"
	      "      --null             seal nothing: to see what the layer itself costs\n"
	      "      --cuda             the program needs CUDA: refuse it without a driver for it\n"
	      "      --cuda-driver FILE the driver's libcuda.so.1, if the loader does not find it\n"
	      "      --no-cuda          leave libcuda.so.1 alone: CUDA programs are not sealed\n"
	      "      --layer FILE       the layer, if not the one installed with hgrun\n"
	      "  -v, --verbose          say what the layer does\n"
	      "  -h, --help             this text\n"
	      "      --version          the version\n",
	      f);
}

void complain(const char *fmt, ...)
{
	va_list ap;

	fputs("hgrun: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

bool find_beside(const char *const places[2], const char *name, char path[PATH_MAX])
{
	char self[PATH_MAX], guess[PATH_MAX + 64];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	size_t i;

	if (n < 0)
		return false;
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	for (i = 0; i < 2; i++) {
		snprintf(guess, sizeof(guess), "%s%s%s", self, places[i], name);
		if (realpath(guess, path))
			return true;
	}
	return false;
}

/* Beside hgrun in the build tree, or below its prefix. */
static bool find_layer(char path[PATH_MAX])
{
	static const char *const places[] = { "/", "/../lib/hypergpu/" };

	if (find_beside(places, LIBRARY, path))
		return true;
	complain("no %s beside hgrun or in ../lib/hypergpu: install it, or name it with --layer",
		 LIBRARY);
	return false;
}

static bool choose_layer(const struct options *o, char path[PATH_MAX])
{
	if (!o->layer)
		return find_layer(path);
	if (realpath(o->layer, path))
		return true;
	complain("--layer %s: %s", o->layer, strerror(errno));
	return false;
}

/* The loader passes over a layer that it cannot load, without a word. */
static bool check_layer_entry(const char *entry)
{
	const char *name = strrchr(entry, '/');
	struct stat st;

	if (!strcmp(name ? name + 1 : entry, LIBRARY)) {
		complain("OPENCL_LAYERS names %s already: unset it, hgrun adds the layer", entry);
		return false;
	}
	if (*entry != '/' || stat(entry, &st) || !S_ISREG(st.st_mode)) {
		complain(
			"OPENCL_LAYERS names '%s', which is no file with an absolute path: correct or unset it",
			entry);
		return false;
	}
	return true;
}

/* The loader's last layer is the one nearest to the program. So the others get only
 * what has been sealed. */
static bool set_layers(const char *layer)
{
	const char *others = getenv("OPENCL_LAYERS");
	char *list, *entry, *next, *all = NULL;
	bool ok = true;

	if (strchr(layer, ':')) {
		complain("%s: a path with a colon cannot be in OPENCL_LAYERS", layer);
		return false;
	}
	if (!others || !*others)
		return !setenv("OPENCL_LAYERS", layer, 1);
	list = strdup(others);
	for (next = list; ok && (entry = strsep(&next, ":"));)
		ok = check_layer_entry(entry);
	free(list);
	if (ok)
		ok = asprintf(&all, "%s:%s", others, layer) >= 0 &&
		     !setenv("OPENCL_LAYERS", all, 1);
	free(all);
	return ok;
}

/* As execvp() would find it. */
static bool find_program(const char *name, char path[PATH_MAX])
{
	const char *dirs = getenv("PATH");
	char *list, *dir, *next;
	char guess[PATH_MAX];
	bool found = false;

	if (strchr(name, '/')) {
		found = realpath(name, path);
		if (!found)
			complain("%s: %s", name, strerror(errno));
		return found;
	}
	next = list = strdup(dirs ? dirs : "/usr/local/bin:/usr/bin:/bin");
	while (!found && (dir = strsep(&next, ":"))) {
		snprintf(guess, sizeof(guess), "%s/%s", *dir ? dir : ".", name);
		found = !access(guess, X_OK) && realpath(guess, path);
	}
	free(list);
	if (!found)
		complain("%s: not found in PATH", name);
	return found;
}

static bool check_privileges(int fd, const char *path)
{
	struct stat st;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		complain("%s: not a program", path);
		return false;
	}
	if (st.st_mode & (S_ISUID | S_ISGID) || fgetxattr(fd, "security.capability", NULL, 0) > 0) {
		complain(
			"%s has privileges of its own (set-user-ID, set-group-ID or capabilities): it would run without the layer",
			path);
		return false;
	}
	return true;
}

static bool check_program(const char *path, int depth);

static bool check_script(const char *path, char *line, int depth)
{
	char *interpreter = line + 2 + strspn(line + 2, " \t");

	interpreter[strcspn(interpreter, " \t\r\n")] = '\0';
	if (!*interpreter || depth > 3) {
		complain("%s: a script without an interpreter", path);
		return false;
	}
	return check_program(interpreter, depth + 1);
}

static bool check_elf(int fd, const char *path, const Elf64_Ehdr *e)
{
	struct program_elf elf;

	if (memcmp(e->e_ident, ELFMAG, SELFMAG)) {
		complain("%s: neither an ELF program nor a script", path);
		return false;
	}
	if (e->e_ident[EI_CLASS] != ELFCLASS64 || e->e_ident[EI_DATA] != ELFDATA2LSB) {
		complain("%s is not a 64-bit program: the layer is", path);
		return false;
	}
	if (elf_read(fd, &elf)) {
		complain("%s: what it loads cannot be read from it", path);
		return false;
	}
	if (!*elf.interpreter) {
		complain(
			"%s is linked statically: its OpenCL loader may load no layer; use a dynamic build",
			path);
		return false;
	}
	return cuda_check_program(path, &elf);
}

/* Whether the layer can be loaded into what @path starts. */
static bool check_program(const char *path, int depth)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	union {
		Elf64_Ehdr elf;
		char line[256];
	} head;
	ssize_t n;
	bool ok;

	if (fd < 0) {
		complain("%s: %s", path, strerror(errno));
		return false;
	}
	memset(&head, 0, sizeof(head));
	n = pread(fd, &head, sizeof(head) - 1, 0);
	ok = check_privileges(fd, path);
	if (ok && n > 2 && !memcmp(head.line, "#!", 2))
		ok = check_script(path, head.line, depth);
	else if (ok)
		ok = check_elf(fd, path, &head.elf);
	close(fd);
	return ok;
}

/* In a process of its own: whether this machine's loader takes the layer. @needed: it must. */
static int probe(const char *layer, bool needed)
{
	typedef int (*get_platforms)(unsigned int, void *, unsigned int *);
	void *loader = dlopen("libOpenCL.so.1", RTLD_NOW), *symbol;
	get_platforms get;
	unsigned int count = 0;

	if (!loader && !needed)
		return 0;
	if (!loader) {
		complain("no OpenCL loader: %s; install ocl-icd-libopencl1", dlerror());
		return 1;
	}
	symbol = dlsym(loader, "clGetPlatformIDs");
	memcpy(&get, &symbol, sizeof(get));
	if (!symbol || (get(0, NULL, &count) && count)) {
		complain("libOpenCL.so.1 does not answer clGetPlatformIDs");
		return 1;
	}
	if (!count && !needed)
		return 0;
	if (!count) {
		complain("there is no OpenCL platform: install the driver of the device");
		return 1;
	}
	if (!dlopen(layer, RTLD_NOW | RTLD_NOLOAD)) {
		complain(
			"libOpenCL.so.1 did not load %s: it must be an ocl-icd of at least 2.3, or another loader with OPENCL_LAYERS",
			layer);
		return 1;
	}
	return 0;
}

static bool loader_takes(const char *layer, bool needed)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		unsetenv("HYPERGPU_REPORT");
		_exit(probe(layer, needed));
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return false;
	return pid > 0 && WIFEXITED(status) && !WEXITSTATUS(status);
}

static bool set_report(const char *file)
{
	char *full = NULL, *folder = get_current_dir_name();
	bool ok = folder && (*file == '/' ? (full = strdup(file)) != NULL
					  : asprintf(&full, "%s/%s", folder, file) >= 0);
	int fd = -1;

	/* The program may go elsewhere; and an old report must not be taken for its. */
	if (ok)
		fd = open(full, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0) {
		complain("--report %s: %s", file, strerror(errno));
		ok = false;
	} else {
		close(fd);
	}
	ok = ok && !setenv("HYPERGPU_REPORT", full, 1);
	free(full);
	free(folder);
	return ok;
}

static bool set_suite(const char *suite)
{
	if (*suite && hg_record_suite(suite))
		return !setenv("HYPERGPU_SUITE", suite, 1);
	complain("--suite %s: not aes-256-gcm, chacha20-poly1305 or sm4-ctr-hmac-sm3", suite);
	return false;
}

static bool set_or_unset(const char *name, bool set, const char *value)
{
	return !(set ? setenv(name, value, 1) : unsetenv(name));
}

/* The program may go elsewhere: by an absolute path. */
static bool set_file(const char *name, const char *option, const char *file)
{
	char path[PATH_MAX];

	if (!file)
		return !unsetenv(name);
	if (!realpath(file, path)) {
		complain("%s %s: %s", option, file, strerror(errno));
		return false;
	}
	return !setenv(name, path, 1);
}

/* Which GPU it is to be. Without an option the variables say it, as for programs without hgrun. */
static bool set_gpu(const struct options *o)
{
	if (!o->gpu && !o->signer && !o->simulated && !o->anonymous)
		return true;
	if (!o->gpu != !o->signer) {
		complain("--gpu and --signer go together");
		return false;
	}
	return set_file("HYPERGPU_GPU_RECORD", "--gpu", o->gpu) &&
	       set_file("HYPERGPU_GPU_SIGNER", "--signer", o->signer) &&
	       set_or_unset("HYPERGPU_GPU_SIMULATED", o->simulated, o->simulated) &&
	       set_or_unset("HYPERGPU_ANONYMOUS", o->anonymous, "1");
}

/* What the options do not say, no variable of the caller's does. */
static bool set_environment(const struct options *o, const char *layer)
{
	return set_or_unset("HYPERGPU_VERBOSE", o->verbose, "1") &&
	       set_or_unset("HYPERGPU_CROSSING", o->null, "null") &&
	       set_or_unset("HYPERGPU_ALLOW_BINARIES", o->binaries, "1") &&
	       set_or_unset("HYPERGPU_UNREWRITTEN", o->strict, "refuse") &&
	       set_or_unset("HYPERGPU_REWRITE", o->plain_kernels, "0") &&
	       (o->suite ? set_suite(o->suite) : set_or_unset("HYPERGPU_SUITE", false, NULL)) &&
	       (o->report ? set_report(o->report) : set_or_unset("HYPERGPU_REPORT", false, NULL)) &&
	       set_gpu(o) && set_layers(layer);
}

static bool cuda_options_fit(const struct options *o)
{
	if (o->cuda == CUDA_LEFT && o->cuda_driver) {
		complain("--no-cuda and --cuda-driver: choose one");
		return false;
	}
	if (o->cuda != CUDA_MUST || !(o->null || o->gpu || o->simulated))
		return true;
	complain("--cuda: CUDA is always sealed, and a GPU is not told by its record there yet: go "
		 "without --null, --gpu and --simulated");
	return false;
}

static int parse(int argc, char **argv, struct options *o)
{
	enum {
		OPT_LAYER = 0x100,
		OPT_NULL,
		OPT_BINARIES,
		OPT_STRICT,
		OPT_PLAIN,
		OPT_VERSION,
		OPT_SIGNER,
		OPT_ANONYMOUS,
		OPT_SIMULATED,
		OPT_CUDA,
		OPT_CUDA_DRIVER,
		OPT_NO_CUDA
	};
	static const struct option known[] = {
		{ "report", required_argument, NULL, 'r' },
		{ "suite", required_argument, NULL, 's' },
		{ "gpu", required_argument, NULL, 'g' },
		{ "signer", required_argument, NULL, OPT_SIGNER },
		{ "anonymous", no_argument, NULL, OPT_ANONYMOUS },
		{ "simulated", required_argument, NULL, OPT_SIMULATED },
		{ "cuda", no_argument, NULL, OPT_CUDA },
		{ "cuda-driver", required_argument, NULL, OPT_CUDA_DRIVER },
		{ "no-cuda", no_argument, NULL, OPT_NO_CUDA },
		{ "layer", required_argument, NULL, OPT_LAYER },
		{ "null", no_argument, NULL, OPT_NULL },
		{ "allow-binaries", no_argument, NULL, OPT_BINARIES },
		{ "strict", no_argument, NULL, OPT_STRICT },
		{ "no-rewrite", no_argument, NULL, OPT_PLAIN },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, OPT_VERSION },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "+g:r:s:vh", known, NULL)) != -1) {
		switch (c) {
		case 'r':
			o->report = optarg;
			break;
		case 's':
			o->suite = optarg;
			break;
		case 'g':
			o->gpu = optarg;
			break;
		case OPT_SIGNER:
			o->signer = optarg;
			break;
		case OPT_ANONYMOUS:
			o->anonymous = true;
			break;
		case OPT_SIMULATED:
			o->simulated = optarg;
			break;
		case 'v':
			o->verbose = true;
			break;
		case OPT_CUDA:
			o->cuda = CUDA_MUST;
			break;
		case OPT_CUDA_DRIVER:
			o->cuda_driver = optarg;
			break;
		case OPT_NO_CUDA:
			o->cuda = CUDA_LEFT;
			break;
		case OPT_LAYER:
			o->layer = optarg;
			break;
		case OPT_NULL:
			o->null = true;
			break;
		case OPT_BINARIES:
			o->binaries = true;
			break;
		case OPT_STRICT:
			o->strict = true;
			break;
		case OPT_PLAIN:
			o->plain_kernels = true;
			break;
		case OPT_VERSION:
			puts("hgrun " HG_GPU_VERSION);
			exit(EXIT_SUCCESS);
		case 'h':
			usage(stdout);
			exit(EXIT_SUCCESS);
		default:
			usage(stderr);
			return -1;
		}
	}
	if (o->strict && (o->null || o->plain_kernels)) {
		complain(
			"--strict receipts every launch, --null and --no-rewrite none: choose one");
		return -1;
	}
	if (!cuda_options_fit(o))
		return -1;
	if (optind < argc)
		return 0;
	complain("no program to run");
	usage(stderr);
	return -1;
}

int main(int argc, char **argv)
{
	char layer[PATH_MAX], program[PATH_MAX];
	struct options o = { 0 };

	if (argc == 3 && !strcmp(argv[0], CUDA_PROBE))
		return cuda_probe(argv[1], !strcmp(argv[2], "must"));
	if (parse(argc, argv, &o))
		return EXIT_USAGE;
	if (!choose_layer(&o, layer))
		return EXIT_REFUSED;
	if (!find_program(argv[optind], program))
		return EXIT_NOT_FOUND;
	if (!set_environment(&o, layer) || !cuda_set_up(o.cuda, o.cuda_driver) ||
	    !check_program(program, 0) || !loader_takes(layer, o.cuda != CUDA_MUST))
		return EXIT_REFUSED;
	if (o.verbose) {
		const char *driver = getenv("HYPERGPU_CUDA_DRIVER");

		complain("OPENCL_LAYERS=%s", getenv("OPENCL_LAYERS"));
		complain("CUDA driver: %s", driver ? driver : "none");
	}
	execv(program, argv + optind);
	complain("%s: %s", program, strerror(errno));
	return EXIT_CANNOT;
}
