// SPDX-License-Identifier: Apache-2.0
/*
 * OpenCL and CUDA devices, found through the vendors' own libraries if they
 * are installed. Those load drivers that may hang or crash, so each is tried
 * in a child with a time limit; what it finds comes back over a pipe as text.
 */
#include "doctor.h"

#include "probe.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROBE_SECONDS 20

/* First letter of the answer: what kind of answer the rest is. */
#define ANSWER_ABSENT	'A'	/* no library */
#define ANSWER_FAILED	'F'	/* the library is there and reports an error */
#define ANSWER_DEVICES	'D'	/* names, with ", " between them; may be none */

struct answer {
	char text[1024];
};

static void say(struct answer *a, char kind, const char *text)
{
	snprintf(a->text, sizeof(a->text), "%c%s", kind, text);
}

static void add_name(struct answer *a, const char *name)
{
	size_t len = strlen(a->text);

	snprintf(a->text + len, sizeof(a->text) - len, "%s%s", len > 1 ? ", " : "", name);
}

/* OpenCL 1.2 specification, 4.1 and 4.2. */
typedef int (*cl_platforms_fn)(unsigned int room, void **platform, unsigned int *count);
typedef int (*cl_devices_fn)(void *platform, uint64_t type, unsigned int room, void **device,
			     unsigned int *count);
typedef int (*cl_info_fn)(void *device, unsigned int what, size_t size, void *value,
			  size_t *used);
#define CL_DEVICE_TYPE_ALL	0xffffffffULL
#define CL_DEVICE_NAME		0x102b

static void probe_opencl(struct answer *a)
{
	void *lib = dlopen("libOpenCL.so.1", RTLD_NOW | RTLD_LOCAL);
	cl_platforms_fn platforms = lib ? (cl_platforms_fn)dlsym(lib, "clGetPlatformIDs") : NULL;
	cl_devices_fn devices = lib ? (cl_devices_fn)dlsym(lib, "clGetDeviceIDs") : NULL;
	cl_info_fn info = lib ? (cl_info_fn)dlsym(lib, "clGetDeviceInfo") : NULL;
	void *platform[16], *device[16];
	unsigned int np = 0;

	if (!lib) {
		say(a, ANSWER_ABSENT, "no libOpenCL.so.1");
		return;
	}
	if (!platforms || !devices || !info) {
		say(a, ANSWER_FAILED, "libOpenCL.so.1 lacks the OpenCL calls");
		return;
	}
	say(a, ANSWER_DEVICES, "");
	/* With no driver installed the loader answers with an error. */
	if (platforms(16, platform, &np))
		return;
	for (unsigned int p = 0; p < np && p < 16; p++) {
		unsigned int nd = 0;

		if (devices(platform[p], CL_DEVICE_TYPE_ALL, 16, device, &nd))
			continue;
		for (unsigned int d = 0; d < nd && d < 16; d++) {
			char name[256] = "";

			if (!info(device[d], CL_DEVICE_NAME, sizeof(name) - 1, name, NULL))
				add_name(a, name);
		}
	}
}

/* CUDA Driver API reference: initialization and device management. */
typedef int (*cu_init_fn)(unsigned int flags);
typedef int (*cu_count_fn)(int *count);
typedef int (*cu_name_fn)(char *name, int size, int device);

static void probe_cuda(struct answer *a)
{
	void *lib = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
	cu_init_fn init = lib ? (cu_init_fn)dlsym(lib, "cuInit") : NULL;
	cu_count_fn count = lib ? (cu_count_fn)dlsym(lib, "cuDeviceGetCount") : NULL;
	cu_name_fn device_name = lib ? (cu_name_fn)dlsym(lib, "cuDeviceGetName") : NULL;
	char text[64];
	int err, n = 0;

	if (!lib) {
		say(a, ANSWER_ABSENT, "no libcuda.so.1");
		return;
	}
	if (!init || !count || !device_name) {
		say(a, ANSWER_FAILED, "libcuda.so.1 lacks the driver calls");
		return;
	}
	err = init(0);
	if (!err)
		err = count(&n);
	if (err && err != 100) {	/* CUDA_ERROR_NO_DEVICE */
		snprintf(text, sizeof(text), "CUDA error %d", err);
		say(a, ANSWER_FAILED, text);
		return;
	}
	say(a, ANSWER_DEVICES, "");
	for (int i = 0; i < n; i++) {
		char name[256] = "";

		if (!device_name(name, sizeof(name), i))
			add_name(a, name);
	}
}

/* The child: answers on @fd and never returns. */
static void __attribute__((noreturn)) child(void (*probe)(struct answer *), int fd)
{
	struct answer a = { "" };
	int null = open("/dev/null", O_RDWR);

	/* Drivers may print; that is not part of our report. */
	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
	}
	probe(&a);
	_exit(write(fd, a.text, strlen(a.text)) < 0);
}

static int ask(void (*probe)(struct answer *), struct answer *a)
{
	int pipefd[2], err, status;
	pid_t pid;

	if (pipe2(pipefd, O_CLOEXEC))
		return -errno;
	fflush(NULL);
	pid = fork();
	if (pid < 0) {
		err = -errno;
		close(pipefd[0]);
		close(pipefd[1]);
		return err;
	}
	if (pid == 0) {
		close(pipefd[0]);
		child(probe, pipefd[1]);
	}
	close(pipefd[1]);
	err = probe_read(pipefd[0], a->text, sizeof(a->text), PROBE_SECONDS);
	close(pipefd[0]);
	if (err)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!err && (!WIFEXITED(status) || WEXITSTATUS(status) || !a->text[0]))
		err = -ECHILD;
	return err;
}

static void check_library(struct report *r, void (*probe)(struct answer *), const char *id,
			  const char *title, const char *remedy)
{
	struct check f = { "GPUs", id, title, LEVEL_OK, OPTIONAL };
	struct answer a;
	int err = ask(probe, &a);

	if (err) {
		f.level = LEVEL_WARN;
		report_add(r, f, err == -ETIMEDOUT ? "its driver did not answer within %d s" :
			   "its driver crashed (time limit %d s)", PROBE_SECONDS);
	} else if (a.text[0] == ANSWER_DEVICES && a.text[1]) {
		report_add(r, f, "%s", a.text + 1);
	} else {
		f.level = a.text[0] == ANSWER_FAILED ? LEVEL_WARN : LEVEL_MISSING;
		report_add(r, f, "%s", a.text[1] ? a.text + 1 : "library found, but no device");
		report_remedy(r, "%s", remedy);
	}
}

void check_compute(const struct machine *m, struct report *r)
{
	(void)m;
	check_library(r, probe_opencl, "opencl", "OpenCL devices",
		      "install the GPU's OpenCL driver (or pocl-opencl-icd, on the CPU)");
	check_library(r, probe_cuda, "cuda", "CUDA devices",
		      "on NVIDIA GPUs: install the NVIDIA driver");
}
