// SPDX-License-Identifier: Apache-2.0
/*
 * A libcuda.so.1 without a GPU, for tests: memory is the process's, streams are done when
 * a call returns, and a module is whatever it is given: its functions are the session
 * program's kernels as plain C, found by name. It checks what a driver would: handles, the
 * bounds of every copy, that a context is current.
 *
 * MOCK_SNOOP=FILE appends every byte that a copy carries. MOCK_ATTACK=NAME:N does
 * something to the N-th copy to the GPU (flip, drop, replay) or from it (flip-back and so on).
 * MOCK_COUNT=FILE gets the numbers of both at the end. MOCK_PAGEABLE=1: a GPU that reads all of
 * the process's memory. MOCK_MANAGED=1: all memory is managed. What names.list says is refused is
 * here, too, and leaves its name on the bus. What is given back is used again as soon as it can be.
 */
#include "mock.h"

#include "../../../../gpu-tee/device/session.cl"

#include <openssl/rand.h>

#include <pthread.h>

#define ERROR_NOT_READY	    3 /* CUDA_ERROR_NOT_INITIALIZED */
#define ERROR_INVALID_IMAGE 200
#define ERROR_NOT_FOUND	    500
#define ERROR_ILLEGAL	    700
#define BLOCKS_MAX	    4096
#define DEPTH_MAX	    64
#define CONTEXTS_MAX	    8
#define GLOBAL_SIZE	    4096 /* of the global app_global, */
#define GLOBAL_ROOM	    (1 << 20) /* in so much memory */
#define ATTRIBUTE_PAGEABLE  88

_Thread_local u32 hg_plain_group, hg_plain_groups;

#define LAST_MAX ((size_t)2 << 20)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER, bus = PTHREAD_MUTEX_INITIALIZER;
static bool started;
static u32 lanes = HG_LANES;

static struct block {
	unsigned char *at;
	size_t size;
	CUcontext context;
	CUmodule module;
} blocks[BLOCKS_MAX];

struct CUctx_st {
	int refs;
};

struct CUmod_st {
	CUcontext context;
};

struct CUevent_st {
	bool recorded;
	u32 work;
};

/* The first is the primary one. */
static struct CUctx_st contexts[CONTEXTS_MAX];
static unsigned char *spare; /* GLOBAL_ROOM bytes that an unloaded module had */
static u32 started_work, waited_work;
static _Thread_local CUcontext stack[DEPTH_MAX];
static _Thread_local unsigned depth;

bool mock_current(void)
{
	return depth > 0 && stack[depth - 1]->refs > 0;
}

void mock_work(void)
{
	__atomic_fetch_add(&started_work, 1, __ATOMIC_SEQ_CST);
}

static void waited(u32 until)
{
	if (until > waited_work)
		waited_work = until;
}

/* Commands that nobody has waited for: they may still run. For tests. */
API u32 mock_pending(void);
API u32 mock_pending(void)
{
	return started_work - waited_work;
}

/* The memory of a context, or of a module in it, is gone. With the lock held. */
static void free_blocks(CUcontext context, CUmodule module)
{
	for (int i = 0; i < BLOCKS_MAX; i++) {
		if (!blocks[i].at || blocks[i].context != context ||
		    (module && blocks[i].module != module))
			continue;
		if (module && !spare)
			spare = blocks[i].at;
		else
			free(blocks[i].at);
		blocks[i].at = NULL;
	}
}

/* 1 if [p, p + size) lies in one block. */
bool mock_inside(CUdeviceptr p, size_t size)
{
	bool found = false;

	if (p == (CUdeviceptr)(uintptr_t)&lanes)
		return size <= sizeof(lanes);
	pthread_mutex_lock(&lock);
	for (int i = 0; i < BLOCKS_MAX && !found; i++) {
		CUdeviceptr start = (CUdeviceptr)(uintptr_t)blocks[i].at;

		found = blocks[i].at && p >= start && p - start <= blocks[i].size &&
			size <= blocks[i].size - (p - start);
	}
	pthread_mutex_unlock(&lock);
	return found;
}

/* ---- Devices and contexts ---- */

API CUresult cuInit(unsigned flags);
API CUresult cuInit(unsigned flags)
{
	started = flags == 0;
	return started ? CUDA_SUCCESS : ERROR_INVALID_VALUE;
}

API CUresult cuDriverGetVersion(int *version);
API CUresult cuDriverGetVersion(int *version)
{
	*version = 12040;
	return CUDA_SUCCESS;
}

API CUresult cuDeviceGetCount(int *count);
API CUresult cuDeviceGetCount(int *count)
{
	*count = 1;
	return started ? CUDA_SUCCESS : ERROR_NOT_READY;
}

API CUresult cuDeviceGet(CUdevice *device, int ordinal);
API CUresult cuDeviceGet(CUdevice *device, int ordinal)
{
	*device = 0;
	return ordinal == 0 ? CUDA_SUCCESS : ERROR_INVALID_VALUE;
}

API CUresult cuDeviceGetName(char *name, int size, CUdevice device);
API CUresult cuDeviceGetName(char *name, int size, CUdevice device)
{
	(void)device;
	snprintf(name, (size_t)size, "mock of libcuda");
	return CUDA_SUCCESS;
}

API CUresult cuDeviceGetUuid(struct CUuuid_st *uuid, CUdevice device);
API CUresult cuDeviceGetUuid(struct CUuuid_st *uuid, CUdevice device)
{
	(void)device;
	memset(uuid, 0x6d, sizeof(*uuid));
	return CUDA_SUCCESS;
}

API CUresult cuDeviceGetAttribute(int *value, int attribute, CUdevice device);
API CUresult cuDeviceGetAttribute(int *value, int attribute, CUdevice device)
{
	(void)device;
	*value = attribute == CU_ATTRIBUTE_UNITS ? 2 : attribute == CU_ATTRIBUTE_PCI_BUS ? 1 : 0;
	if (attribute == ATTRIBUTE_PAGEABLE)
		*value = getenv("MOCK_PAGEABLE") != NULL;
	return CUDA_SUCCESS;
}

API CUresult cuDeviceTotalMem_v2(size_t *bytes, CUdevice device);
API CUresult cuDeviceTotalMem_v2(size_t *bytes, CUdevice device)
{
	(void)device;
	*bytes = (size_t)1 << 30;
	return CUDA_SUCCESS;
}

API CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device);
API CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device)
{
	(void)device;
	__atomic_fetch_add(&contexts[0].refs, 1, __ATOMIC_SEQ_CST);
	*context = &contexts[0];
	return started ? CUDA_SUCCESS : ERROR_NOT_READY;
}

API CUresult cuDevicePrimaryCtxRelease_v2(CUdevice device);
API CUresult cuDevicePrimaryCtxRelease_v2(CUdevice device)
{
	CUresult rc = ERROR_NO_CONTEXT;

	(void)device;
	pthread_mutex_lock(&lock);
	if (contexts[0].refs > 0) {
		if (!--contexts[0].refs)
			free_blocks(&contexts[0], NULL);
		rc = CUDA_SUCCESS;
	}
	pthread_mutex_unlock(&lock);
	return rc;
}

API CUresult cuDevicePrimaryCtxReset_v2(CUdevice device);
API CUresult cuDevicePrimaryCtxReset_v2(CUdevice device)
{
	(void)device;
	pthread_mutex_lock(&lock);
	free_blocks(&contexts[0], NULL);
	pthread_mutex_unlock(&lock);
	return CUDA_SUCCESS;
}

API CUresult cuDevicePrimaryCtxGetState(CUdevice device, unsigned *flags, int *active);
API CUresult cuDevicePrimaryCtxGetState(CUdevice device, unsigned *flags, int *active)
{
	(void)device;
	*flags = 0;
	*active = contexts[0].refs > 0;
	return CUDA_SUCCESS;
}

API CUresult cuCtxCreate_v2(CUcontext *context, unsigned flags, CUdevice device);
API CUresult cuCtxCreate_v2(CUcontext *context, unsigned flags, CUdevice device)
{
	int i;

	(void)device;
	for (i = 1; i < CONTEXTS_MAX && contexts[i].refs; i++)
		;
	if (flags || i == CONTEXTS_MAX || depth == DEPTH_MAX)
		return ERROR_INVALID_VALUE;
	contexts[i].refs = 1;
	*context = stack[depth++] = &contexts[i];
	return CUDA_SUCCESS;
}

API CUresult cuDevicePrimaryCtxSetFlags_v2(CUdevice device, unsigned flags);
API CUresult cuDevicePrimaryCtxSetFlags_v2(CUdevice device, unsigned flags)
{
	(void)device;
	return flags & 0x60 ? mock_leak("a dump") : CUDA_SUCCESS;
}

API CUresult cuCtxDestroy_v2(CUcontext context);
API CUresult cuCtxDestroy_v2(CUcontext context)
{
	if (context <= &contexts[0] || context >= &contexts[CONTEXTS_MAX] || !context->refs)
		return ERROR_BAD_HANDLE;
	pthread_mutex_lock(&lock);
	free_blocks(context, NULL);
	context->refs = 0;
	pthread_mutex_unlock(&lock);
	return CUDA_SUCCESS;
}

API CUresult cuCtxPushCurrent_v2(CUcontext context);
API CUresult cuCtxPushCurrent_v2(CUcontext context)
{
	if (context < &contexts[0] || context >= &contexts[CONTEXTS_MAX] || depth == DEPTH_MAX)
		return ERROR_BAD_HANDLE;
	stack[depth++] = context;
	return CUDA_SUCCESS;
}

API CUresult cuCtxPopCurrent_v2(CUcontext *context);
API CUresult cuCtxPopCurrent_v2(CUcontext *context)
{
	if (!depth)
		return ERROR_NO_CONTEXT;
	*context = stack[--depth];
	return CUDA_SUCCESS;
}

API CUresult cuCtxGetCurrent(CUcontext *context);
API CUresult cuCtxGetCurrent(CUcontext *context)
{
	*context = depth ? stack[depth - 1] : NULL;
	return CUDA_SUCCESS;
}

API CUresult cuCtxSetCurrent(CUcontext context);
API CUresult cuCtxSetCurrent(CUcontext context)
{
	if (depth)
		depth--;
	return context ? cuCtxPushCurrent_v2(context) : CUDA_SUCCESS;
}

API CUresult cuCtxGetDevice(CUdevice *device);
API CUresult cuCtxGetDevice(CUdevice *device)
{
	*device = 0;
	return mock_current() ? CUDA_SUCCESS : ERROR_NO_CONTEXT;
}

API CUresult cuCtxSynchronize(void);
API CUresult cuCtxSynchronize(void)
{
	waited(started_work);
	return mock_current() ? CUDA_SUCCESS : ERROR_NO_CONTEXT;
}

/* ---- Memory ---- */

API CUresult cuMemAlloc_v2(CUdeviceptr *p, size_t size);
API CUresult cuMemAlloc_v2(CUdeviceptr *p, size_t size)
{
	CUresult rc = CUDA_ERROR_OUT_OF_MEMORY;

	if (!mock_current())
		return ERROR_NO_CONTEXT;
	if (!size)
		return ERROR_INVALID_VALUE;
	pthread_mutex_lock(&lock);
	for (int i = 0; i < BLOCKS_MAX && rc; i++) {
		if (blocks[i].at)
			continue;
		if (spare && size <= GLOBAL_ROOM) {
			blocks[i].at = spare;
			spare = NULL;
		} else {
			blocks[i].at = aligned_alloc(256, (size + 255) & ~(size_t)255);
		}
		blocks[i].size = size;
		blocks[i].context = stack[depth - 1];
		blocks[i].module = NULL;
		if (!blocks[i].at)
			break;
		*p = (CUdeviceptr)(uintptr_t)blocks[i].at;
		rc = CUDA_SUCCESS;
	}
	pthread_mutex_unlock(&lock);
	return rc;
}

API CUresult cuMemFree_v2(CUdeviceptr p);
API CUresult cuMemFree_v2(CUdeviceptr p)
{
	CUresult rc = ERROR_INVALID_VALUE;

	pthread_mutex_lock(&lock);
	for (int i = 0; i < BLOCKS_MAX && rc; i++)
		if (blocks[i].at && !blocks[i].module &&
		    p == (CUdeviceptr)(uintptr_t)blocks[i].at) {
			free(blocks[i].at);
			blocks[i].at = NULL;
			rc = CUDA_SUCCESS;
		}
	pthread_mutex_unlock(&lock);
	return rc;
}

/* What the attacker of MOCK_ATTACK does to this copy: its name, or "". */
static const char *attack(const char *prefix, unsigned *counter)
{
	const char *wanted = getenv("MOCK_ATTACK"), *colon = wanted ? strchr(wanted, ':') : NULL;
	static _Thread_local char name[32];
	unsigned n = ++*counter;

	name[0] = '\0';
	if (!colon || strtoul(colon + 1, NULL, 10) != n || (size_t)(colon - wanted) >= sizeof(name))
		return name;
	memcpy(name, wanted, (size_t)(colon - wanted));
	name[colon - wanted] = '\0';
	if (!strstr(name, "-back") != !*prefix)
		name[0] = '\0';
	return name;
}

static void snoop(const void *data, size_t size)
{
	const char *path = getenv("MOCK_SNOOP");
	FILE *f = path ? fopen(path, "ab") : NULL;

	if (!f)
		return;
	fwrite(data, 1, size, f);
	fclose(f);
}

/* @from -> @to over the bus, whose attacker is on it. @last: the copy before, of that direction. */
static void cross(void *to, const void *from, size_t size, const char *name, unsigned char *last,
		  size_t *last_size)
{
	unsigned char *seen;

	if (!strncmp(name, "drop", 4))
		return;
	if (!strncmp(name, "replay", 6) && *last_size)
		memcpy(to, last, size < *last_size ? size : *last_size);
	else
		memcpy(to, from, size);
	seen = to;
	if (!strncmp(name, "flip", 4))
		seen[size / 2] ^= 0x10;
	snoop(from, size);
	*last_size = size < LAST_MAX ? size : LAST_MAX;
	memcpy(last, from, *last_size);
}

static unsigned char last_to[LAST_MAX], last_from[LAST_MAX];
static size_t last_to_size, last_from_size;
static unsigned copies_to, copies_from;

__attribute__((destructor)) static void count(void)
{
	const char *path = getenv("MOCK_COUNT");
	FILE *f = path ? fopen(path, "w") : NULL;

	if (!f)
		return;
	fprintf(f, "%u %u\n", copies_to, copies_from);
	fclose(f);
}

void mock_cross(void *to, const void *from, size_t size, bool back)
{
	mock_work();
	pthread_mutex_lock(&bus);
	if (back)
		cross(to, from, size, attack("-back", &copies_from), last_from, &last_from_size);
	else
		cross(to, from, size, attack("", &copies_to), last_to, &last_to_size);
	pthread_mutex_unlock(&bus);
}

/* What all functions that a shim refuses are here: something of theirs crosses. See leaks.S. */
CUresult mock_leak(const char *name)
{
	pthread_mutex_lock(&bus);
	snoop("leak ", 5);
	snoop(name, strlen(name));
	pthread_mutex_unlock(&bus);
	return CUDA_SUCCESS;
}

API CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr dst, const void *src, size_t size, CUstream s);
API CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr dst, const void *src, size_t size, CUstream s)
{
	if (!mock_current())
		return ERROR_NO_CONTEXT;
	if ((s && s->magic != STREAM_MAGIC) || !mock_inside(dst, size))
		return ERROR_INVALID_VALUE;
	mock_cross((void *)(uintptr_t)dst, src, size, false);
	return CUDA_SUCCESS;
}

API CUresult cuMemcpyHtoD_v2(CUdeviceptr dst, const void *src, size_t size);
API CUresult cuMemcpyHtoD_v2(CUdeviceptr dst, const void *src, size_t size)
{
	CUresult rc = cuMemcpyHtoDAsync_v2(dst, src, size, NULL);

	waited(started_work);
	return rc;
}

API CUresult cuMemcpyDtoHAsync_v2(void *dst, CUdeviceptr src, size_t size, CUstream s);
API CUresult cuMemcpyDtoHAsync_v2(void *dst, CUdeviceptr src, size_t size, CUstream s)
{
	if (!mock_current())
		return ERROR_NO_CONTEXT;
	if ((s && s->magic != STREAM_MAGIC) || !mock_inside(src, size))
		return ERROR_INVALID_VALUE;
	mock_cross(dst, (void *)(uintptr_t)src, size, true);
	return CUDA_SUCCESS;
}

API CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr dst, CUdeviceptr src, size_t size, CUstream s);
API CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr dst, CUdeviceptr src, size_t size, CUstream s)
{
	(void)s;
	if (!mock_inside(dst, size) || !mock_inside(src, size))
		return ERROR_INVALID_VALUE;
	memmove((void *)(uintptr_t)dst, (void *)(uintptr_t)src, size);
	return CUDA_SUCCESS;
}

API CUresult cuMemcpyDtoH_v2(void *dst, CUdeviceptr src, size_t size);
API CUresult cuMemcpyDtoH_v2(void *dst, CUdeviceptr src, size_t size)
{
	CUresult rc = cuMemcpyDtoHAsync_v2(dst, src, size, NULL);

	waited(started_work);
	return rc;
}

/* ---- Streams and events ---- */

API CUresult cuStreamCreate(CUstream *stream, unsigned flags);
API CUresult cuStreamCreate(CUstream *stream, unsigned flags)
{
	if (!mock_current())
		return ERROR_NO_CONTEXT;
	if (flags > CU_STREAM_NON_BLOCKING)
		return ERROR_INVALID_VALUE;
	*stream = malloc(sizeof(**stream));
	if (!*stream)
		return CUDA_ERROR_OUT_OF_MEMORY;
	(*stream)->magic = STREAM_MAGIC;
	return CUDA_SUCCESS;
}

API CUresult cuStreamDestroy_v2(CUstream stream);
API CUresult cuStreamDestroy_v2(CUstream stream)
{
	if (!stream || stream->magic != STREAM_MAGIC)
		return ERROR_BAD_HANDLE;
	stream->magic = 0;
	free(stream);
	return CUDA_SUCCESS;
}

API CUresult cuStreamSynchronize(CUstream stream);
API CUresult cuStreamSynchronize(CUstream stream)
{
	waited(started_work);
	return !mock_current()				 ? ERROR_NO_CONTEXT
	       : stream && stream->magic != STREAM_MAGIC ? ERROR_BAD_HANDLE
							 : CUDA_SUCCESS;
}

API CUresult cuEventCreate(CUevent *event, unsigned flags);
API CUresult cuEventCreate(CUevent *event, unsigned flags)
{
	(void)flags;
	*event = calloc(1, sizeof(**event));
	return *event ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

API CUresult cuEventRecord(CUevent event, CUstream stream);
API CUresult cuEventRecord(CUevent event, CUstream stream)
{
	(void)stream;
	event->recorded = true;
	event->work = started_work;
	return CUDA_SUCCESS;
}

API CUresult cuEventSynchronize(CUevent event);
API CUresult cuEventSynchronize(CUevent event)
{
	waited(event->work);
	return event->recorded ? CUDA_SUCCESS : ERROR_BAD_HANDLE;
}

API CUresult cuEventDestroy_v2(CUevent event);
API CUresult cuEventDestroy_v2(CUevent event)
{
	free(event);
	return CUDA_SUCCESS;
}

API CUresult cuStreamWaitEvent(CUstream stream, CUevent event, unsigned flags);
API CUresult cuStreamWaitEvent(CUstream stream, CUevent event, unsigned flags)
{
	(void)stream;
	return event->recorded && !flags ? CUDA_SUCCESS : ERROR_BAD_HANDLE;
}

/* ---- Modules and kernels ---- */

API CUresult cuModuleLoadDataEx(CUmodule *module, const void *image, unsigned options, int *names,
				void **values);
API CUresult cuModuleLoadDataEx(CUmodule *module, const void *image, unsigned options, int *names,
				void **values)
{
	(void)options;
	(void)names;
	(void)values;
	if (!mock_current())
		return ERROR_NO_CONTEXT;
	/* PTX is text, and this driver wants to see an entry in it. */
	if (!strstr(image, ".version") || !strstr(image, ".entry"))
		return ERROR_INVALID_IMAGE;
	*module = calloc(1, sizeof(**module));
	if (!*module)
		return CUDA_ERROR_OUT_OF_MEMORY;
	(*module)->context = stack[depth - 1];
	return CUDA_SUCCESS;
}

API CUresult cuModuleUnload(CUmodule module);
API CUresult cuModuleUnload(CUmodule module)
{
	pthread_mutex_lock(&lock);
	free_blocks(module->context, module);
	pthread_mutex_unlock(&lock);
	free(module);
	return CUDA_SUCCESS;
}

/* The module's app_global, whose memory is there from the first use on. */
static CUresult app_global(CUdeviceptr *p, size_t *size, CUmodule m)
{
	int i, empty = -1;

	pthread_mutex_lock(&lock);
	for (i = 0; i < BLOCKS_MAX && !(blocks[i].at && blocks[i].module == m); i++)
		if (!blocks[i].at && empty < 0)
			empty = i;
	if (i == BLOCKS_MAX && empty >= 0) {
		i = empty;
		blocks[i].at = aligned_alloc(256, GLOBAL_ROOM);
		blocks[i].size = GLOBAL_SIZE;
		blocks[i].context = m->context;
		blocks[i].module = m;
	}
	pthread_mutex_unlock(&lock);
	if (i == BLOCKS_MAX || !blocks[i].at)
		return CUDA_ERROR_OUT_OF_MEMORY;
	*p = (CUdeviceptr)(uintptr_t)blocks[i].at;
	*size = GLOBAL_SIZE;
	return CUDA_SUCCESS;
}

API CUresult cuModuleGetGlobal_v2(CUdeviceptr *p, size_t *size, CUmodule m, const char *name);
API CUresult cuModuleGetGlobal_v2(CUdeviceptr *p, size_t *size, CUmodule m, const char *name)
{
	if (!strcmp(name, "app_global"))
		return app_global(p, size, m);
	if (strcmp(name, "hg_lanes") != 0)
		return ERROR_NOT_FOUND;
	*p = (CUdeviceptr)(uintptr_t)&lanes;
	*size = sizeof(lanes);
	return CUDA_SUCCESS;
}

#define PTR(i) ((void *)(uintptr_t) * (CUdeviceptr *)a[i])
#define U32(i) (*(u32 *)a[i])
#define U64(i) (*(u64 *)a[i])

static void run_install(void **a)
{
	hg_install(PTR(0), U64(1), U64(2), U64(3), U64(4), U64(5), U64(6), U64(7), U64(8), U64(9),
		   U32(10));
}

static void run_bind(void **a)
{
	hg_bind(PTR(0), PTR(1), U64(2), U64(3), PTR(4));
}

static void run_check(void **a)
{
	hg_check(PTR(0), PTR(1), PTR(2), U32(3));
}

static void run_open(void **a)
{
	hg_open(PTR(0), PTR(1), U32(2));
}

static void run_open_small(void **a)
{
	hg_open_small(PTR(0), PTR(1), PTR(2), PTR(3), PTR(4), PTR(5), U32(6));
}

static void run_seal(void **a)
{
	hg_seal(PTR(0), PTR(1), PTR(2), U64(3), U64(4), U32(5));
}

static void run_receipt(void **a)
{
	hg_receipt(PTR(0), PTR(1));
}

static void run_area(void **a)
{
	hg_area(PTR(0), PTR(1), U64(2), U32(3));
}

static void run_fold(void **a)
{
	hg_fold(PTR(0), PTR(1), U32(2), U64(3), U32(4));
}

static void run_commit(void **a)
{
	hg_commit(PTR(0), U32(1));
}

static void run_agree_clear(void **a)
{
	hg_agree_clear(PTR(0));
}

/* Groups run one after another and show no noise: OpenSSL's stands in for all but the last's. */
static void run_agree_hello(void **a)
{
	struct agree *agree = PTR(0);
	struct noise_group *g = &agree->noise.group[hg_plain_group % NOISE_GROUPS];

	if (hg_plain_group == NOISE_GROUPS - 1) {
		hg_agree_hello(agree, PTR(1), PTR(2), U32(3));
		return;
	}
	g->steps = RAND_bytes((unsigned char *)g->stirred, sizeof(g->stirred)) == 1 ? 65536 : 0;
	g->commonest = g->steps / 4;
	agree->finished++;
}

static void run_agree_finish(void **a)
{
	hg_agree_finish(PTR(0), PTR(1), PTR(2));
}

/* An application's kernel: c = a + b. */
static void run_app_add(void **a)
{
	const u32 *x = PTR(0), *y = PTR(1);
	u32 *z = PTR(2), n = U32(3);

	for (u32 i = 0; i < n; i++)
		z[i] = x[i] + y[i];
}

static struct CUfunc_st {
	const char *name;
	void (*run)(void **args);
	bool app; /* one call does all groups */
} functions[] = {
	{ "app_add", run_app_add, true },
	{ "hg_install", run_install, false },
	{ "hg_bind", run_bind, false },
	{ "hg_check", run_check, false },
	{ "hg_open", run_open, false },
	{ "hg_open_small", run_open_small, false },
	{ "hg_seal", run_seal, false },
	{ "hg_receipt", run_receipt, false },
	{ "hg_area", run_area, false },
	{ "hg_fold", run_fold, false },
	{ "hg_commit", run_commit, false },
	{ "hg_agree_clear", run_agree_clear, false },
	{ "hg_agree_hello", run_agree_hello, false },
	{ "hg_agree_finish", run_agree_finish, false },
};

/* app_add has three addresses and a number. */
API CUresult cuFuncGetParamInfo(CUfunction f, size_t index, size_t *offset, size_t *size);
API CUresult cuFuncGetParamInfo(CUfunction f, size_t index, size_t *offset, size_t *size)
{
	if (!f->app || index > 3)
		return ERROR_INVALID_VALUE;
	*offset = index * 8;
	*size = index < 3 ? 8 : 4;
	return CUDA_SUCCESS;
}

API CUresult cuModuleGetFunction(CUfunction *function, CUmodule module, const char *name);
API CUresult cuModuleGetFunction(CUfunction *function, CUmodule module, const char *name)
{
	(void)module;
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
		if (!strcmp(functions[i].name, name)) {
			*function = &functions[i];
			return CUDA_SUCCESS;
		}
	return ERROR_NOT_FOUND;
}

API CUresult cuLaunchKernel(CUfunction f, unsigned groups_x, unsigned groups_y, unsigned groups_z,
			    unsigned lanes_x, unsigned lanes_y, unsigned lanes_z, unsigned shared,
			    CUstream stream, void **args, void **extra);
API CUresult cuLaunchKernel(CUfunction f, unsigned groups_x, unsigned groups_y, unsigned groups_z,
			    unsigned lanes_x, unsigned lanes_y, unsigned lanes_z, unsigned shared,
			    CUstream stream, void **args, void **extra)
{
	if (!mock_current())
		return ERROR_NO_CONTEXT;
	mock_work();
	if (f->app) {
		f->run(args);
		return CUDA_SUCCESS;
	}
	if (groups_y != 1 || groups_z != 1 || lanes_x != HG_LANES || lanes_y != 1 || lanes_z != 1 ||
	    shared || extra || (stream && stream->magic != STREAM_MAGIC))
		return ERROR_ILLEGAL;
	pthread_mutex_lock(&lock);
	hg_plain_groups = groups_x;
	for (hg_plain_group = 0; hg_plain_group < groups_x; hg_plain_group++)
		f->run(args);
	pthread_mutex_unlock(&lock);
	return CUDA_SUCCESS;
}
