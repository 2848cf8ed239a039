// SPDX-License-Identifier: Apache-2.0
/*
 * Every way to copy, one step a run: `copies STEP`. It knows nothing of HyperGPU. PLAIN=FILE gets
 * all that it moves. After an error what the copy was to fill must be as it was, or zeros.
 * Exit status: see client.h.
 */
#include "../../../../gpu-tee/cuda/abi.h"

#include "client.h"

#define WIDTH  200u
#define HEIGHT 50u
#define DEPTH  4u
#define BYTES  (WIDTH * HEIGHT * DEPTH)

#define FUNCTIONS(F)                                                                               \
	F(cuInit, (unsigned))                                                                      \
	F(cuDevicePrimaryCtxRetain, (CUcontext *, int))                                            \
	F(cuCtxSetCurrent, (CUcontext))                                                            \
	F(cuCtxSynchronize, (void))                                                                \
	F(cuStreamCreate, (CUstream *, unsigned))                                                  \
	F(cuStreamSynchronize, (CUstream))                                                         \
	F(cuMemAlloc_v2, (CUdeviceptr *, size_t))                                                  \
	F(cuMemAllocPitch_v2, (CUdeviceptr *, size_t *, size_t, size_t, unsigned))                 \
	F(cuMemcpy, (CUdeviceptr, CUdeviceptr, size_t))                                            \
	F(cuMemcpyHtoD_v2, (CUdeviceptr, const void *, size_t))                                    \
	F(cuMemcpyDtoH_v2, (void *, CUdeviceptr, size_t))                                          \
	F(cuMemcpyHtoDAsync_v2, (CUdeviceptr, const void *, size_t, CUstream))                     \
	F(cuMemcpyDtoHAsync_v2, (void *, CUdeviceptr, size_t, CUstream))                           \
	F(cuMemcpyDtoDAsync_v2, (CUdeviceptr, CUdeviceptr, size_t, CUstream))                      \
	F(cuMemcpy2D_v2, (const struct copy2 *))                                                   \
	F(cuMemcpy2DUnaligned_v2, (const struct copy2 *))                                          \
	F(cuMemcpy2DAsync_v2, (const struct copy2 *, CUstream))                                    \
	F(cuMemcpy3D_v2, (const struct copy3 *))                                                   \
	F(cuMemcpy3DAsync_v2, (const struct copy3 *, CUstream))                                    \
	F(cuMemsetD8_v2, (CUdeviceptr, uint8_t, size_t))                                           \
	F(cuMemsetD16_v2, (CUdeviceptr, uint16_t, size_t))                                         \
	F(cuMemsetD32_v2, (CUdeviceptr, uint32_t, size_t))                                         \
	F(cuMemsetD2D8_v2, (CUdeviceptr, size_t, uint8_t, size_t, size_t))                         \
	F(cuMemsetD2D32_v2, (CUdeviceptr, size_t, uint32_t, size_t, size_t))                       \
	F(cuLaunchHostFunc, (CUstream, void (*)(void *), void *))                                  \
	F(cuStreamAddCallback, (CUstream, void (*)(CUstream, CUresult, void *), void *, unsigned)) \
	F(cuTexObjectCreate,                                                                       \
	  (unsigned long long *, const struct resource_desc *, const void *, const void *))

#define DECLARE(name, arguments) static CUresult(*name) arguments;
FUNCTIONS(DECLARE)

static uint8_t data[BYTES], back[BYTES];
static CUdeviceptr memory;
static void *library;

static void keep(const void *bytes, size_t size)
{
	const char *path = getenv("PLAIN");
	FILE *f = path ? fopen(path, "ab") : NULL;

	if (f) {
		fwrite(bytes, 1, size, f);
		fclose(f);
	}
}

/* Memory of the GPU's with @data in it, @back as nothing leaves it. */
static void begin(unsigned seed)
{
	CUcontext context;
	size_t i;

	TRY(cuDevicePrimaryCtxRetain(&context, 0));
	TRY(cuCtxSetCurrent(context));
	for (i = 0; i < BYTES; i++)
		data[i] = (uint8_t)((i * 2654435761u >> 13) + seed * 37);
	keep(data, BYTES);
	memset(back, 0x55, BYTES);
	TRY(cuMemAlloc_v2(&memory, BYTES));
}

/* A copy into @back has failed. */
static void untouched(int line, CUresult rc)
{
	size_t i;

	for (i = 0; i < BYTES && (back[i] == 0x55 || !back[i]); i++)
		;
	if (i < BYTES)
		wrong(line, "a copy that failed left something");
	printf("%d: error %d\n", line, rc);
	exit(3);
}

#define READ(call)                                    \
	do {                                          \
		CUresult read_rc = (call);            \
		if (read_rc)                          \
			untouched(__LINE__, read_rc); \
	} while (0)

static void same(int line, const void *a, const void *b, size_t size)
{
	if (memcmp(a, b, size) != 0)
		wrong(line, "not what was sent");
}

static void step_linear(void)
{
	begin(1);
	TRY(cuMemcpyHtoD_v2(memory, data, BYTES));
	READ(cuMemcpyDtoH_v2(back, memory, BYTES));
	same(__LINE__, back, data, BYTES);
	TRY(cuCtxSynchronize());
}

static void step_async(void)
{
	CUstream stream;

	begin(2);
	TRY(cuStreamCreate(&stream, 1));
	TRY(cuMemcpyHtoDAsync_v2(memory, data, BYTES / 2, stream));
	TRY(cuMemcpyHtoDAsync_v2(memory + BYTES / 2, data + BYTES / 2, BYTES / 2, stream));
	READ(cuMemcpyDtoHAsync_v2(back, memory, BYTES, stream));
	TRY(cuStreamSynchronize(stream));
	same(__LINE__, back, data, BYTES);
}

static void step_unified(void)
{
	CUdeviceptr other;

	begin(3);
	TRY(cuMemAlloc_v2(&other, BYTES));
	TRY(cuMemcpy(memory, (uintptr_t)data, BYTES));
	TRY(cuMemcpy(other, memory, BYTES));
	READ(cuMemcpy((uintptr_t)back, other, BYTES));
	same(__LINE__, back, data, BYTES);
	TRY(cuCtxSynchronize());
}

static struct copy2 from_host(const void *host, size_t host_pitch, CUdeviceptr device, size_t pitch)
{
	return (struct copy2){
		.from = { .type = TYPE_HOST, .host = (uintptr_t)host, .pitch = host_pitch },
		.to = { .type = TYPE_DEVICE, .device = device, .pitch = pitch },
		.width = WIDTH,
		.height = HEIGHT,
	};
}

static struct copy2 to_host(void *host, size_t host_pitch, CUdeviceptr device, size_t pitch)
{
	struct copy2 c = from_host(host, host_pitch, device, pitch);
	struct side2 from = c.from;

	c.from = c.to;
	c.to = from;
	return c;
}

/*
 * Rows that the GPU has further apart, by each of the three functions, and a window in them.
 * Widths are multiples of 16, as a flip in what fills up a record is none of the data's.
 */
static void step_rows(void)
{
	CUdeviceptr pitched, other;
	struct copy2 c;
	size_t pitch, y;

	begin(4);
	TRY(cuMemAllocPitch_v2(&pitched, &pitch, WIDTH, HEIGHT, 4));
	TRY(cuMemAlloc_v2(&other, pitch * HEIGHT));
	c = from_host(data, WIDTH, pitched, pitch);
	TRY(cuMemcpy2D_v2(&c));
	c = to_host(back, WIDTH, pitched, pitch);
	READ(cuMemcpy2D_v2(&c));
	same(__LINE__, back, data, WIDTH * HEIGHT);

	c.from = (struct side2){ .type = TYPE_DEVICE, .device = pitched, .pitch = pitch };
	c.to = (struct side2){ .type = TYPE_DEVICE, .device = other, .pitch = pitch };
	TRY(cuMemcpy2DUnaligned_v2(&c));
	memset(back, 0x55, BYTES);
	c = to_host(back, WIDTH, other, pitch);
	c.from.x = 8;
	c.from.y = 5;
	c.width = 96;
	c.height = 20;
	c.to.x = 3;
	c.to.y = 2;
	READ(cuMemcpy2DAsync_v2(&c, NULL));
	TRY(cuCtxSynchronize());
	for (y = 0; y < 20; y++)
		same(__LINE__, back + (y + 2) * WIDTH + 3, data + (y + 5) * WIDTH + 8, 96);
	if (back[0] != 0x55 || back[2 * WIDTH + 2] != 0x55 || back[2 * WIDTH + 99] != 0x55)
		wrong(__LINE__, "bytes beside the window have changed");
}

/* Few bytes of each row: they come one by one. Unified types. */
static void step_columns(void)
{
	struct copy2 c;
	size_t y;

	begin(5);
	TRY(cuMemcpyHtoD_v2(memory, data, BYTES));
	c = to_host(back, WIDTH, memory, WIDTH);
	c.from.type = c.to.type = TYPE_UNIFIED;
	c.to.device = (uintptr_t)back;
	c.width = 32;
	READ(cuMemcpy2D_v2(&c));
	for (y = 0; y < HEIGHT; y++)
		same(__LINE__, back + y * WIDTH, data + y * WIDTH, 32);
	if (back[32] != 0x55)
		wrong(__LINE__, "bytes beside the column have changed");
	TRY(cuCtxSynchronize());
}

static void step_box(void)
{
	struct copy3 c = { .width = WIDTH, .height = HEIGHT, .depth = DEPTH };
	CUdeviceptr box;

	begin(6);
	TRY(cuMemAlloc_v2(&box, 256 * (HEIGHT + 3) * DEPTH));
	c.from = (struct side3){
		.type = TYPE_HOST, .host = (uintptr_t)data, .pitch = WIDTH, .height = HEIGHT
	};
	c.to = (struct side3){
		.type = TYPE_DEVICE, .device = box, .pitch = 256, .height = HEIGHT + 3
	};
	TRY(cuMemcpy3D_v2(&c));
	c.from = c.to;
	c.to = (struct side3){
		.type = TYPE_HOST, .host = (uintptr_t)back, .pitch = WIDTH, .height = HEIGHT
	};
	READ(cuMemcpy3DAsync_v2(&c, NULL));
	same(__LINE__, back, data, BYTES);
	memset(back, 0x55, BYTES);
	c.from.z = c.to.z = 2;
	c.from.y = c.to.y = 1;
	c.from.x = c.to.x = 7;
	c.width = 96;
	c.height = 10;
	c.depth = 2;
	READ(cuMemcpy3D_v2(&c));
	same(__LINE__, back + (3 * HEIGHT + 10) * WIDTH + 7, data + (3 * HEIGHT + 10) * WIDTH + 7,
	     96);
	if (back[(2 * HEIGHT + 1) * WIDTH + 6] != 0x55 || back[(2 * HEIGHT) * WIDTH + 7] != 0x55)
		wrong(__LINE__, "bytes beside the box have changed");
	TRY(cuCtxSynchronize());
}

static void step_fill(void)
{
	uint32_t *words = (uint32_t *)(void *)back, value = 0x12345678;
	size_t i;

	begin(7);
	TRY(cuMemcpyHtoD_v2(memory, data, BYTES));
	TRY(cuMemsetD32_v2(memory + 4, value, BYTES / 4 - 2));
	READ(cuMemcpyDtoH_v2(back, memory, BYTES));
	same(__LINE__, back, data, 4);
	same(__LINE__, back + BYTES - 4, data + BYTES - 4, 4);
	for (i = 1; i < BYTES / 4 - 1; i++)
		if (words[i] != value)
			wrong(__LINE__, "a word was not filled");
	TRY(cuMemsetD8_v2(memory + 1, 0xa5, 3));
	TRY(cuMemsetD16_v2(memory + 8, 0xbeef, 1));
	TRY(cuMemsetD2D8_v2(memory + WIDTH, WIDTH, 0x77, 10, 5));
	TRY(cuMemsetD2D32_v2(memory + 20 * WIDTH, WIDTH, 0x01020304, WIDTH / 4, 3));
	memset(back, 0x55, BYTES);
	READ(cuMemcpyDtoH_v2(back, memory, BYTES));
	if (back[0] != data[0] || back[1] != 0xa5 || back[3] != 0xa5 || back[4] != 0x78 ||
	    back[8] != 0xef || back[9] != 0xbe || back[10] != 0x34 || back[WIDTH + 9] != 0x77 ||
	    back[5 * WIDTH] != 0x77 || back[6 * WIDTH] == 0x77 || back[WIDTH + 10] == 0x77 ||
	    back[20 * WIDTH] != 4 || back[23 * WIDTH - 1] != 1 || back[23 * WIDTH] == 4)
		wrong(__LINE__, "fills of other sizes");
	TRY(cuCtxSynchronize());
}

static void host_function(void *calls)
{
	if (memcmp(back, data, BYTES) != 0)
		wrong(__LINE__, "the host's function came before the copy");
	++*(int *)calls;
}

static void callback(CUstream stream, CUresult rc, void *calls)
{
	(void)stream;
	if (rc)
		wrong(__LINE__, "a callback with an error");
	host_function(calls);
}

/* The host's functions see what was copied before them. Stream 2 is the thread's own. */
static void step_host(void)
{
	CUresult (*to)(CUdeviceptr, const void *, size_t, CUstream),
		(*from)(void *, CUdeviceptr, size_t, CUstream), (*sync)(CUstream);
	CUstream own = (CUstream)2;
	int calls = 0;

	begin(8);
	TRY(cuMemcpyHtoDAsync_v2(memory, data, BYTES, NULL));
	READ(cuMemcpyDtoHAsync_v2(back, memory, BYTES, NULL));
	TRY(cuLaunchHostFunc(NULL, host_function, &calls));
	TRY(cuStreamAddCallback(NULL, callback, &calls, 0));
	TRY(cuStreamSynchronize(NULL));
	if (calls != 2)
		wrong(__LINE__, "a function of the host's was not called");
	*(void **)&to = dlsym(library, "cuMemcpyHtoDAsync_v2_ptsz");
	*(void **)&from = dlsym(library, "cuMemcpyDtoHAsync_v2_ptsz");
	*(void **)&sync = dlsym(library, "cuStreamSynchronize_ptsz");
	if (!to || !from || !sync)
		return; /* the mock has none of its own */
	memset(back, 0x55, BYTES);
	TRY(to(memory, data, BYTES, NULL));
	READ(from(back, memory, BYTES, own));
	TRY(sync(NULL));
	same(__LINE__, back, data, BYTES);
}

/* What makes no sense is refused, and nothing happens. */
static void step_bounds(void)
{
	struct resource_desc r = { .type = RESOURCE_PITCH };
	unsigned long long texture = 0;
	struct copy2 c;
	struct copy3 b = { .width = 16, .height = 2, .depth = 2 };

	begin(9);
	TRY(cuMemcpyHtoD_v2(memory, data, BYTES));
#define REFUSED(call)                \
	if ((call) != INVALID_VALUE) \
	wrong(__LINE__, "was not refused: " #call)
	REFUSED(cuMemcpyDtoH_v2(back, memory + 1, BYTES));
	REFUSED(cuMemcpyHtoD_v2(memory - 1, data, 2));
	REFUSED(cuMemsetD8_v2(memory, 0, BYTES + 1));
	REFUSED(cuMemsetD32_v2(memory + 2, 0, 1));
	c = to_host(back, WIDTH, memory, WIDTH);
	c.from.pitch = WIDTH - 1;
	REFUSED(cuMemcpy2D_v2(&c));
	c = to_host(back, WIDTH, memory, WIDTH);
	c.from.y = HEIGHT * DEPTH;
	REFUSED(cuMemcpy2D_v2(&c));
	c = to_host(back, WIDTH, memory, WIDTH);
	c.from.x = SIZE_MAX - 10;
	REFUSED(cuMemcpy2D_v2(&c));
	c = to_host(back, WIDTH, memory, WIDTH);
	c.from.pitch = SIZE_MAX / 2;
	REFUSED(cuMemcpy2D_v2(&c));
	b.from = (struct side3){ .type = TYPE_DEVICE, .device = memory, .pitch = 16, .height = 1 };
	b.to = (struct side3){
		.type = TYPE_HOST, .host = (uintptr_t)back, .pitch = 16, .height = 2
	};
	REFUSED(cuMemcpy3D_v2(&b));
	c = to_host(back, WIDTH, memory, WIDTH);
	c.from.type = TYPE_ARRAY;
	if (!cuMemcpy2D_v2(&c))
		wrong(__LINE__, "a copy of an array");
	r.type = RESOURCE_ARRAY;
	r.at = memory;
	if (cuTexObjectCreate(&texture, &r, NULL, NULL) != NOT_SUPPORTED || texture)
		wrong(__LINE__, "a texture of an array");
	r.type = RESOURCE_PITCH;
	TRY(cuTexObjectCreate(&texture, &r, NULL, NULL));
	r.at = (uintptr_t)data;
	REFUSED(cuTexObjectCreate(&texture, &r, NULL, NULL));
	if (back[0] != 0x55 || memcmp(back, back + 1, BYTES - 1) != 0)
		wrong(__LINE__, "a refused copy copied");
	READ(cuMemcpyDtoH_v2(back, memory, BYTES));
	same(__LINE__, back, data, BYTES);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} steps[] = {
		{ "linear", step_linear }, { "async", step_async },	{ "unified", step_unified },
		{ "rows", step_rows },	   { "columns", step_columns }, { "box", step_box },
		{ "fill", step_fill },	   { "host", step_host },	{ "bounds", step_bounds },
	};
	size_t i;

	library = dlopen("libcuda.so.1", RTLD_NOW);
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
	puts("usage: copies STEP");
	return 2;
}
