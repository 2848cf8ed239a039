// SPDX-License-Identifier: Apache-2.0
/*
 * A program of CUDA's driver API that uses several contexts and modules and counts its
 * references, one step a run: `contexts STEP`. Exit status as app.c: 0 right, 3 an error where
 * there should be none, 4 wrong without one.
 */
#include "client.h"

typedef int CUresult;
typedef unsigned long long CUdeviceptr;
typedef void *handle;

#define BYTES 65536u

#define FUNCTIONS(F)                                                              \
	F(cuInit, (unsigned))                                                     \
	F(cuDevicePrimaryCtxRetain, (handle *, int))                              \
	F(cuDevicePrimaryCtxRelease_v2, (int))                                    \
	F(cuDevicePrimaryCtxReset_v2, (int))                                      \
	F(cuCtxCreate_v2, (handle *, unsigned, int))                              \
	F(cuCtxDestroy_v2, (handle))                                              \
	F(cuCtxSetCurrent, (handle))                                              \
	F(cuCtxSynchronize, (void))                                               \
	F(cuModuleLoadDataEx, (handle *, const void *, unsigned, int *, void **)) \
	F(cuModuleUnload, (handle))                                               \
	F(cuModuleGetGlobal_v2, (CUdeviceptr *, size_t *, handle, const char *))  \
	F(cuMemAlloc_v2, (CUdeviceptr *, size_t))                                 \
	F(cuMemFree_v2, (CUdeviceptr))                                            \
	F(cuMemcpyHtoD_v2, (CUdeviceptr, const void *, size_t))                   \
	F(cuMemcpyDtoH_v2, (void *, CUdeviceptr, size_t))                         \
	F(cuMemcpyDtoDAsync_v2, (CUdeviceptr, CUdeviceptr, size_t, handle))

#define DECLARE(name, arguments) static CUresult(*name) arguments;
FUNCTIONS(DECLARE)

static uint8_t data[BYTES], back[BYTES];

static void fill(unsigned seed)
{
	size_t i;

	for (i = 0; i < BYTES; i++)
		data[i] = (uint8_t)(i * 7 + (i >> 8) + seed);
}

/* Writes @size bytes and reads them again. */
static void there_and_back(CUdeviceptr p, size_t size, unsigned seed)
{
	fill(seed);
	memset(back, 0, sizeof(back));
	TRY(cuMemcpyHtoD_v2(p, data, size));
	TRY(cuMemcpyDtoH_v2(back, p, size));
	TRY(cuCtxSynchronize());
	if (memcmp(data, back, size) != 0)
		wrong(__LINE__, "what came back is not what was sent");
}

static void holds(CUdeviceptr p, size_t size, unsigned seed)
{
	fill(seed);
	memset(back, 0, sizeof(back));
	TRY(cuMemcpyDtoH_v2(back, p, size));
	if (memcmp(data, back, size) != 0)
		wrong(__LINE__, "memory has changed");
}

/* A copy that touches memory of another context: done, or refused and nothing done. */
static int refused(CUresult rc)
{
	if (rc && rc != INVALID_VALUE) {
		printf("error %d\n", rc);
		exit(3);
	}
	return rc != 0;
}

static void step_contexts(void)
{
	handle first, second;
	CUdeviceptr a, b, c;
	int no;

	TRY(cuDevicePrimaryCtxRetain(&first, 0));
	TRY(cuCtxSetCurrent(first));
	TRY(cuMemAlloc_v2(&a, BYTES));
	there_and_back(a, BYTES, 1);
	TRY(cuCtxCreate_v2(&second, 0, 0));
	TRY(cuMemAlloc_v2(&b, BYTES));
	there_and_back(b, BYTES, 2);

	fill(3);
	no = refused(cuMemcpyHtoD_v2(a, data, BYTES));
	holds(b, BYTES, 2);
	TRY(cuCtxSetCurrent(first));
	holds(a, BYTES, no ? 1 : 3);
	TRY(cuCtxSetCurrent(second));
	memset(back, 0x55, sizeof(back));
	if (refused(cuMemcpyDtoH_v2(back, a, BYTES))) {
		if (back[0] != 0x55 || memcmp(back, back + 1, BYTES - 1) != 0)
			wrong(__LINE__, "a refused copy copied");
	}
	no = refused(cuMemcpyDtoDAsync_v2(b, a, 64, NULL)) |
	     refused(cuMemcpyDtoDAsync_v2(a, b, 64, NULL)) << 1;
	if (no && no != 3)
		wrong(__LINE__, "one direction of a copy was refused");
	there_and_back(b, BYTES, 4);

	/* Memory goes back from whatever context, and to its own. */
	TRY(cuMemFree_v2(a));
	holds(b, BYTES, 4);
	there_and_back(b, BYTES, 5);
	TRY(cuCtxSetCurrent(first));
	TRY(cuMemAlloc_v2(&c, BYTES));
	there_and_back(c, BYTES, 6);
	TRY(cuCtxDestroy_v2(second));
	if (!cuMemcpyHtoD_v2(b, data, 64))
		wrong(__LINE__, "memory of a context that is gone");
	there_and_back(c, BYTES, 7);
	TRY(cuMemFree_v2(c));
	TRY(cuDevicePrimaryCtxRelease_v2(0));
}

/* The primary context is there until its last user has gone. */
static void step_primary(void)
{
	handle context, again;
	CUdeviceptr p;

	TRY(cuDevicePrimaryCtxRetain(&context, 0));
	TRY(cuDevicePrimaryCtxRetain(&again, 0));
	TRY(cuCtxSetCurrent(context));
	TRY(cuMemAlloc_v2(&p, BYTES));
	there_and_back(p, BYTES, 1);
	TRY(cuDevicePrimaryCtxRelease_v2(0));
	holds(p, BYTES, 1);
	there_and_back(p, BYTES, 2);
	TRY(cuDevicePrimaryCtxRelease_v2(0));
	if (!cuDevicePrimaryCtxRelease_v2(0))
		wrong(__LINE__, "released more often than retained");
	TRY(cuDevicePrimaryCtxRetain(&context, 0));
	TRY(cuCtxSetCurrent(context));
	if (!cuMemcpyHtoD_v2(p, data, 64))
		wrong(__LINE__, "memory of before the last release");
	TRY(cuMemAlloc_v2(&p, BYTES));
	there_and_back(p, BYTES, 3);
	TRY(cuDevicePrimaryCtxReset_v2(0));
	if (!cuMemcpyHtoD_v2(p, data, 64))
		wrong(__LINE__, "memory of before the reset");
	TRY(cuMemAlloc_v2(&p, BYTES));
	there_and_back(p, BYTES, 4);
	TRY(cuMemFree_v2(p));
	TRY(cuDevicePrimaryCtxRelease_v2(0));
}

/* The memory of an unloaded module is no longer its global's. */
static void step_module(void)
{
	static const char ptx[] =
		".version 6.0\n.target sm_60\n.address_size 64\n.visible .entry app_add";
	handle context, module;
	CUdeviceptr global, again, p;
	size_t size;

	TRY(cuDevicePrimaryCtxRetain(&context, 0));
	TRY(cuCtxSetCurrent(context));
	TRY(cuModuleLoadDataEx(&module, ptx, 0, NULL, NULL));
	TRY(cuModuleGetGlobal_v2(&global, &size, module, "app_global"));
	TRY(cuModuleGetGlobal_v2(&again, &size, module, "app_global"));
	if (again != global || size > BYTES / 2)
		wrong(__LINE__, "a global that moves");
	there_and_back(global, size, 1);
	TRY(cuModuleUnload(module));
	if (cuMemcpyHtoD_v2(global, data, size) != INVALID_VALUE ||
	    cuMemcpyDtoH_v2(back, global, size) != INVALID_VALUE)
		wrong(__LINE__, "a global of a module that is gone");
	TRY(cuMemAlloc_v2(&p, BYTES));
	if (p != global)
		wrong(__LINE__, "this driver does not use memory again");
	there_and_back(p, BYTES, 2);
	TRY(cuMemFree_v2(p));
	TRY(cuDevicePrimaryCtxRelease_v2(0));
}

/* A copy that is not Async is done when it returns. */
static void step_wait(void)
{
	void *driver = dlopen(getenv("HYPERGPU_CUDA_DRIVER"), RTLD_NOW);
	uint32_t (*pending)(void);
	handle context;
	CUdeviceptr p;

	if (!driver)
		exit(3);
	*(void **)&pending = symbol(driver, "mock_pending");
	TRY(cuDevicePrimaryCtxRetain(&context, 0));
	TRY(cuCtxSetCurrent(context));
	TRY(cuMemAlloc_v2(&p, BYTES));
	fill(1);
	TRY(cuMemcpyHtoD_v2(p, data, BYTES));
	if (pending())
		wrong(__LINE__, "a large copy is still under way");
	TRY(cuMemcpyHtoD_v2(p, data, 64));
	if (pending())
		wrong(__LINE__, "a small copy is still under way");
	holds(p, BYTES, 1);
	TRY(cuMemFree_v2(p));
	TRY(cuDevicePrimaryCtxRelease_v2(0));
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} steps[] = {
		{ "contexts", step_contexts },
		{ "primary", step_primary },
		{ "module", step_module },
		{ "wait", step_wait },
	};
	void *library = dlopen("libcuda.so.1", RTLD_NOW);
	size_t i;

	if (!library) {
		printf("%s\n", dlerror());
		return 3;
	}
#define FIND(name, arguments) *(void **)&name = symbol(library, #name);
	FUNCTIONS(FIND)
	TRY(cuInit(0));
	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (argc == 2 && !strcmp(argv[1], steps[i].name)) {
			steps[i].run();
			puts("right");
			return 0;
		}
	puts("usage: contexts STEP");
	return 2;
}
