// SPDX-License-Identifier: Apache-2.0
/*
 * A program of CUDA's driver API that knows nothing of HyperGPU: c = a + b, in pieces, by
 * every kind of copy. Half of the functions it takes by name, half by cuGetProcAddress. It
 * knows what must come out. Exit status: 0 right, 3 the driver reported an error, 4 wrong
 * without any error, 5 a function is there that should not be (`app hidden`).
 */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int CUresult;
typedef unsigned long long CUdeviceptr;
typedef void *handle;

#define N     100000u
#define BYTES (N * 4u)

static void *library;
static CUresult (*by_name)(const char *, void **, int, unsigned long long, int *);

static void check(CUresult rc, const char *what)
{
	if (!rc)
		return;
	printf("%s: error %d\n", what, rc);
	exit(3);
}

static void *symbol(const char *name)
{
	void *f = dlsym(library, name);

	if (!f) {
		printf("no %s\n", name);
		exit(3);
	}
	return f;
}

/* As a run-time library asks: without a version in the name. */
static void *proc(const char *name)
{
	void *f = NULL;

	/* The driver under test, or a mock that has no such function. */
	if (by_name)
		check(by_name(name, &f, 12040, 0, NULL), name);
	return f;
}

/* What is no name of the driver API, or an old one, is not there; nor a table, or mapped memory. */
static void hidden(void)
{
	static const char *const names[] = { "cuMemAlloc", "cuMemcpyHtoD", "no_such_function" };
	CUresult (*host_alloc)(void **, size_t, unsigned);
	CUresult (*table)(const void **, const void *);
	CUresult (*attribute)(int *, int, int);
	CUresult (*flags)(int, unsigned);
	const void *t = &t;
	void *p = NULL, *f = NULL;
	int value = 7;
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (dlsym(library, names[i])) {
			printf("%s is there\n", names[i]);
			exit(5);
		}
	if (by_name && !by_name("no_such_function", &f, 12040, 0, NULL) && f)
		exit(5);
	host_alloc = symbol("cuMemHostAlloc");
	table = symbol("cuGetExportTable");
	attribute = symbol("cuDeviceGetAttribute");
	flags = symbol("cuDevicePrimaryCtxSetFlags_v2");
	if (!host_alloc(&p, 4096, 2) || p || !table(&t, "0123456789abcdef") || t) {
		printf("memory that is mapped, or a hidden table, was handed out\n");
		exit(5);
	}
	/* Managed memory, pools: not there, so that programs fall back. And no dumps. */
	if (attribute(&value, 83, 0) || value || attribute(&value, 115, 0) || value ||
	    !flags(0, 0x20)) {
		printf("an attribute promises too much\n");
		exit(5);
	}
}

int main(int argc, char **argv)
{
	static const char ptx[] =
		".version 6.0\n.target sm_60\n.address_size 64\n.visible .entry app_add";
	CUresult (*init)(unsigned), (*retain)(handle *, int), (*set)(handle),
		(*load)(handle *, const void *, unsigned, int *, void **);
	CUresult (*get)(handle *, handle, const char *), (*alloc)(CUdeviceptr *, size_t),
		(*give_back)(CUdeviceptr);
	CUresult (*to)(CUdeviceptr, const void *, size_t), (*back)(void *, CUdeviceptr, size_t);
	CUresult (*to_async)(CUdeviceptr, const void *, size_t, handle), (*sync)(void);
	CUresult (*launch)(handle, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned,
			   unsigned, handle, void **, void **);
	CUdeviceptr d[3];
	handle context, module, f;
	uint32_t *a = malloc(BYTES), *b = malloc(BYTES), *c = calloc(1, BYTES), n = N, i;
	void *args[] = { &d[0], &d[1], &d[2], &n };

	library = dlopen("libcuda.so.1", RTLD_NOW);
	if (!library || !a || !b || !c) {
		printf("%s\n", dlerror());
		return 3;
	}
	by_name = (CUresult(*)(const char *, void **, int, unsigned long long, int *))dlsym(
		library, "cuGetProcAddress_v2");
	init = symbol("cuInit");
	check(init(0), "cuInit");
	if (argc > 1 && !strcmp(argv[1], "hidden")) {
		hidden();
		puts("hidden");
		return 0;
	}
	retain = symbol("cuDevicePrimaryCtxRetain");
	set = symbol("cuCtxSetCurrent");
	load = symbol("cuModuleLoadDataEx");
	get = symbol("cuModuleGetFunction");
	launch = by_name ? proc("cuLaunchKernel") : symbol("cuLaunchKernel");
	alloc = by_name ? proc("cuMemAlloc") : symbol("cuMemAlloc_v2");
	give_back = symbol("cuMemFree_v2");
	to = by_name ? proc("cuMemcpyHtoD") : symbol("cuMemcpyHtoD_v2");
	to_async = symbol("cuMemcpyHtoDAsync_v2");
	back = symbol("cuMemcpyDtoH_v2");
	sync = symbol("cuCtxSynchronize");

	for (i = 0; i < N; i++) {
		a[i] = i * 2654435761u;
		b[i] = i ^ 0x5bd1e995u;
	}
	memcpy(a, "a secret of the application's own, plain", 40);
	check(retain(&context, 0), "cuDevicePrimaryCtxRetain");
	check(set(context), "cuCtxSetCurrent");
	check(load(&module, ptx, 0, NULL, NULL), "cuModuleLoadDataEx");
	check(get(&f, module, "app_add"), "cuModuleGetFunction");
	for (i = 0; i < 3; i++)
		check(alloc(&d[i], BYTES), "cuMemAlloc");
	check(to(d[0], a, BYTES), "cuMemcpyHtoD");
	for (i = 0; i < BYTES; i += 50000)
		check(to_async(d[1] + i, (char *)b + i, BYTES - i < 50000 ? BYTES - i : 50000,
			       NULL),
		      "cuMemcpyHtoDAsync");
	check(launch(f, (N + 255) / 256, 1, 1, 256, 1, 1, 0, NULL, args, NULL), "cuLaunchKernel");
	check(sync(), "cuCtxSynchronize");
	for (i = 0; i < BYTES; i += BYTES / 2)
		check(back((char *)c + i, d[2] + i, BYTES / 2), "cuMemcpyDtoH");
	for (i = 0; i < N; i++)
		if (c[i] != a[i] + b[i]) {
			printf("wrong at %u\n", i);
			return 4;
		}
	for (i = 0; i < 3; i++)
		check(give_back(d[i]), "cuMemFree");
	puts("right");
	return 0;
}
