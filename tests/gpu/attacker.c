// SPDX-License-Identifier: Apache-2.0
/*
 * A layer that attacks: it stands for somebody at the bus, who changes what passes.
 *
 *   ATTACK        what to do, see attacks[]; none: only count
 *   ATTACK_N      to which transfer or launch of that kind, from 0
 *   ATTACK_KERNEL launches count only of kernels with this in their name; with a "!"
 *                 before it, of those without
 *   ATTACK_COUNT  file that gets "WRITES READS LAUNCHES COPIES DONE KERNEL" at the end; DONE is
 *                 1 when the attack found its victim, KERNEL the name of a launch that is one
 *
 * Transfers are those of buffers, rectangles, images, maps and host pointers. The first
 * three kinds of attack that say "buffer" below know only whole-buffer commands, which
 * is all that a sealed bus has.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "attacker.h"
#include "layer.h"

static const char *const attacks[] = {
	[NONE] = "none",
	[FLIP_WRITE] = "flip-write", /* a bit in the middle */
	[REPLAY_WRITE] = "replay-write", /* buffer: what the transfer before had */
	[REORDER_WRITE] = "reorder-write", /* buffer: after the next one */
	[DROP_WRITE] = "drop-write", /* buffer */
	[TRUNCATE_WRITE] = "truncate-write", /* buffer: the second half is missing */
	[SWAP_WRITE] = "swap-write", /* buffer: to another of that size */
	[DELAY_WRITE] = "delay-write", /* changes nothing but time */
	[FLIP_READ] = "flip-read",
	[REPLAY_READ] = "replay-read",
	[DROP_READ] = "drop-read",
	[TRUNCATE_READ] = "truncate-read",
	[REFLECT_READ] = "reflect-read", /* buffer: answers what was written last */
	[SWAP_READ] = "swap-read",
	[DELAY_READ] = "delay-read",
	[DROP_LAUNCH] = "drop-launch",
	[TWICE_LAUNCH] = "twice-launch",
	[SWAP_LAUNCH] = "swap-launch", /* another buffer of the same size as argument */
	[ARGS_LAUNCH] = "args-launch", /* a bit of the last value */
	[VALUE_LAUNCH] = "value-launch", /* a bit of the first value */
	[OFFSET_LAUNCH] = "offset-launch", /* all but the first work-item */
	[REORDER_LAUNCH] = "reorder-launch", /* after the next one */
	[KERNEL_LAUNCH] = "kernel-launch", /* app.c's "unscale" with the same arguments */
	[GEOMETRY_LAUNCH] = "geometry-launch",
	[DELAY_LAUNCH] = "delay-launch",
	[IMAGE_LAUNCH] = "image-launch", /* another image as argument */
	[DROP_COPY] = "drop-copy", /* also rectangles, images and fills */
	[REPLAY_COPY] = "replay-copy", /* again after the next launch */
	[REORDER_COPY] = "reorder-copy", /* after the next one */
	[SHIFT_COPY] = "shift-copy", /* from 16 bytes further on */
	[MOVE_COPY] = "move-copy", /* to 16 bytes further on */
	[SWAP_COPY] = "swap-copy", /* from another buffer of that size */
};

#define MEMS	256
#define KERNELS 64
#define ARGS	16

struct arg {
	size_t size;
	unsigned char value[64];
};

static struct {
	cl_mem handle;
	size_t size;
	int refs; /* of who is above */
	bool used; /* a kernel had it as an argument */
	bool image;
} mems[MEMS];

static struct {
	cl_kernel handle;
	struct arg arg[ARGS];
} kernels[KERNELS];

static struct {
	void *data;
	size_t size;
} last_write, last_read, held;
static cl_mem held_mem;
static size_t held_offset;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
enum attack attack;
static unsigned long victim, writes, reads, launches, copies, done;
static const char *pattern;
static char victim_name[64] = "-";

/* Counts, and says whether this one is the victim. */
static bool hit(unsigned long *counter)
{
	bool yes;

	pthread_mutex_lock(&lock);
	yes = (*counter)++ == victim && attack != NONE;
	pthread_mutex_unlock(&lock);
	return yes;
}

bool hit_copy(void)
{
	return hit(&copies);
}

/*
 * The key agreement asks until the device shows noise enough: how often depends on the
 * machine. Only the first time counts, or numbers would not mean the same in each run.
 * No other transfer is as short as its answer.
 */
#define ANSWER_SIZE 144
#define ASKING	    "hg_agree_hello"

static bool again(bool *before)
{
	return __atomic_exchange_n(before, true, __ATOMIC_RELAXED);
}

static void tell(void);

void struck(void)
{
	__atomic_store_n(&done, 1, __ATOMIC_RELAXED);
	tell();
}

static void *copy_of(const void *data, size_t size)
{
	void *p = malloc(size ? size : 1);

	if (!p)
		abort();
	memcpy(p, data, size);
	return p;
}

static void remember(void **data, size_t *size, const void *from, size_t n)
{
	pthread_mutex_lock(&lock);
	free(*data);
	*data = copy_of(from, n);
	*size = n;
	pthread_mutex_unlock(&lock);
}

cl_mem other_than(cl_mem m, cl_mem avoid)
{
	cl_mem found = NULL;
	size_t size = 0, i;
	bool image = false;

	pthread_mutex_lock(&lock);
	for (i = 0; i < MEMS; i++)
		if (mems[i].handle == m) {
			size = mems[i].size;
			image = mems[i].image;
		}
	for (i = 0; i < MEMS; i++)
		if (mems[i].handle && mems[i].handle != m && mems[i].handle != avoid &&
		    mems[i].size == size && mems[i].image == image && size)
			found = mems[i].handle;
	pthread_mutex_unlock(&lock);
	return found;
}

static cl_mem other(cl_mem m)
{
	return other_than(m, NULL);
}

static void enter_mem(cl_mem m, size_t size, bool image)
{
	size_t i;

	pthread_mutex_lock(&lock);
	for (i = 0; i < MEMS && mems[i].handle; i++)
		;
	if (i < MEMS) {
		mems[i].handle = m;
		mems[i].size = size;
		mems[i].refs = 1;
		mems[i].used = false;
		mems[i].image = image;
	}
	pthread_mutex_unlock(&lock);
}

static cl_mem CL_API_CALL create_buffer(cl_context c, cl_mem_flags flags, size_t size, void *host,
					cl_int *code)
{
	bool victim_now = host && hit(&writes);
	cl_mem m;

	if (victim_now && attack == FLIP_WRITE) {
		host = copy_of(host, size);
		((unsigned char *)host)[size / 2] ^= 1;
		flags = (flags & ~(cl_mem_flags)CL_MEM_USE_HOST_PTR) | CL_MEM_COPY_HOST_PTR;
		struck();
	}
	m = below->clCreateBuffer(c, flags, size, host, code);
	if (m)
		enter_mem(m, size, false);
	return m;
}

static cl_mem CL_API_CALL create_image(cl_context c, cl_mem_flags flags,
				       const cl_image_format *format, const cl_image_desc *desc,
				       void *host, cl_int *code)
{
	cl_mem m = below->clCreateImage(c, flags, format, desc, host, code);
	size_t size = 0;

	if (m && !below->clGetMemObjectInfo(m, CL_MEM_SIZE, sizeof(size), &size, NULL))
		enter_mem(m, size, true);
	return m;
}

/* Counted here: the driver's own count has its commands in it, too. */
static void count_mem(cl_mem m, int by)
{
	size_t i;

	pthread_mutex_lock(&lock);
	for (i = 0; m && i < MEMS; i++)
		if (mems[i].handle == m && !(mems[i].refs += by))
			mems[i].handle = NULL;
	pthread_mutex_unlock(&lock);
}

static cl_int CL_API_CALL retain_mem(cl_mem m)
{
	count_mem(m, 1);
	return below->clRetainMemObject(m);
}

static cl_int CL_API_CALL release_mem(cl_mem m)
{
	count_mem(m, -1);
	return below->clReleaseMemObject(m);
}

cl_int nothing(cl_command_queue q, cl_uint n, const cl_event *list, cl_event *event)
{
	struck();
	return below->clEnqueueMarkerWithWaitList(q, n, list, event);
}

/* @data goes out in place of the application's; blocking, so that it may be freed. */
static cl_int write_other(cl_command_queue q, cl_mem m, size_t offset, size_t size, void *data,
			  cl_uint n, const cl_event *list, cl_event *event)
{
	cl_int code =
		below->clEnqueueWriteBuffer(q, m, CL_TRUE, offset, size, data, n, list, event);

	struck();
	free(data);
	return code;
}

static cl_int attack_write(cl_command_queue q, cl_mem m, cl_bool blocking, size_t offset,
			   size_t size, const void *ptr, cl_uint n, const cl_event *list,
			   cl_event *event)
{
	unsigned char *data = copy_of(ptr, size);
	cl_mem to = m;

	switch (attack) {
	case FLIP_WRITE:
		data[size / 2] ^= 0x10;
		return write_other(q, m, offset, size, data, n, list, event);
	case REPLAY_WRITE:
		if (last_write.size)
			memcpy(data, last_write.data,
			       last_write.size < size ? last_write.size : size);
		return write_other(q, m, offset, size, data, n, list, event);
	case REORDER_WRITE:
		held.data = data;
		held.size = size;
		held_mem = m;
		held_offset = offset;
		below->clRetainMemObject(m);
		return nothing(q, n, list, event);
	case DROP_WRITE:
		free(data);
		return nothing(q, n, list, event);
	case TRUNCATE_WRITE:
		return write_other(q, m, offset, size > 1 ? size / 2 : 1, data, n, list, event);
	case SWAP_WRITE:
		to = other(m);
		if (to)
			return write_other(q, to, offset, size, data, n, list, event);
		break;
	case DELAY_WRITE:
		usleep(50000);
		struck();
		break;
	default:
		break;
	}
	free(data);
	return below->clEnqueueWriteBuffer(q, m, blocking, offset, size, ptr, n, list, event);
}

/*
 * Zeros over what kernels used: the keys of a session that ends are wiped. Nothing reads them
 * again, so an attack has no victim there. Not counted, because how many writes come before
 * them depends on how many small ones went out together.
 */
static bool wipes(cl_mem m, const void *data, size_t size)
{
	const unsigned char *p = data;
	bool used = false;
	size_t i;

	if (!size || p[0] || memcmp(p, p + 1, size - 1) != 0)
		return false;
	pthread_mutex_lock(&lock);
	for (i = 0; i < MEMS; i++)
		used |= mems[i].handle == m && mems[i].used;
	pthread_mutex_unlock(&lock);
	return used;
}

static cl_int CL_API_CALL write_buffer(cl_command_queue q, cl_mem m, cl_bool blocking,
				       size_t offset, size_t size, const void *ptr, cl_uint n,
				       const cl_event *list, cl_event *event)
{
	cl_int code;

	if (!wipes(m, ptr, size) && hit(&writes)) {
		code = attack_write(q, m, blocking, offset, size, ptr, n, list, event);
	} else {
		code = below->clEnqueueWriteBuffer(q, m, blocking, offset, size, ptr, n, list,
						   event);
		if (held.data) {
			write_other(q, held_mem, held_offset, held.size, held.data, 0, NULL, NULL);
			below->clReleaseMemObject(held_mem);
			held.data = NULL;
		}
	}
	remember(&last_write.data, &last_write.size, ptr, size);
	return code;
}

static void spoil_read(unsigned char *ptr, size_t size)
{
	switch (attack) {
	case FLIP_READ:
		ptr[size / 2] ^= 0x10;
		break;
	case REPLAY_READ:
		if (last_read.size)
			memcpy(ptr, last_read.data, last_read.size < size ? last_read.size : size);
		break;
	case REFLECT_READ:
		if (last_write.size)
			memcpy(ptr, last_write.data,
			       last_write.size < size ? last_write.size : size);
		break;
	case TRUNCATE_READ:
		memset(ptr + size / 2, 0, size - size / 2);
		break;
	case DELAY_READ:
		usleep(50000);
		break;
	default:
		return;
	}
	struck();
}

static cl_int CL_API_CALL read_buffer(cl_command_queue q, cl_mem m, cl_bool blocking, size_t offset,
				      size_t size, void *ptr, cl_uint n, const cl_event *list,
				      cl_event *event)
{
	static bool answered;
	bool wait = attack >= FLIP_READ && attack <= DELAY_READ;
	bool now = !(size == ANSWER_SIZE && again(&answered)) && hit(&reads);
	cl_int code;

	if (now && attack == DROP_READ)
		return nothing(q, n, list, event);
	if (now && attack == SWAP_READ && other(m)) {
		m = other(m);
		struck();
	}
	code = below->clEnqueueReadBuffer(q, m, wait ? CL_TRUE : blocking, offset, size, ptr, n,
					  list, event);
	if (code || !wait)
		return code;
	if (now) {
		spoil_read(ptr, size);
		return code;
	}
	remember(&last_read.data, &last_read.size, ptr, size);
	return code;
}

/* Of what a sealed bus does not use, one attack each: a bit. */
static cl_int CL_API_CALL write_rect(cl_command_queue q, cl_mem m, cl_bool blocking,
				     const size_t *bo, const size_t *ho, const size_t *region,
				     size_t brow, size_t bslice, size_t hrow, size_t hslice,
				     const void *ptr, cl_uint n, const cl_event *list,
				     cl_event *event)
{
	size_t row = hrow ? hrow : region[0], slice = hslice ? hslice : row * region[1];
	unsigned char *first =
		(unsigned char *)(uintptr_t)ptr + ho[0] + ho[1] * row + ho[2] * slice;
	bool now = hit(&writes) && attack == FLIP_WRITE;
	cl_int code;

	if (now) {
		*first ^= 1;
		struck();
	}
	code = below->clEnqueueWriteBufferRect(q, m, now ? CL_TRUE : blocking, bo, ho, region, brow,
					       bslice, hrow, hslice, ptr, n, list, event);
	if (now)
		*first ^= 1;
	return code;
}

static cl_int CL_API_CALL read_rect(cl_command_queue q, cl_mem m, cl_bool blocking,
				    const size_t *bo, const size_t *ho, const size_t *region,
				    size_t brow, size_t bslice, size_t hrow, size_t hslice,
				    void *ptr, cl_uint n, const cl_event *list, cl_event *event)
{
	bool now = hit(&reads) && attack == FLIP_READ;
	size_t row = hrow ? hrow : region[0], slice = hslice ? hslice : row * region[1];
	cl_int code =
		below->clEnqueueReadBufferRect(q, m, now ? CL_TRUE : blocking, bo, ho, region, brow,
					       bslice, hrow, hslice, ptr, n, list, event);

	if (now) {
		((unsigned char *)ptr)[ho[0] + ho[1] * row + ho[2] * slice] ^= 1;
		struck();
	}
	return code;
}

static cl_int CL_API_CALL write_image(cl_command_queue q, cl_mem m, cl_bool blocking,
				      const size_t *o, const size_t *region, size_t r, size_t s,
				      const void *ptr, cl_uint n, const cl_event *list,
				      cl_event *event)
{
	bool now = hit(&writes) && attack == FLIP_WRITE;
	unsigned char *first = (unsigned char *)(uintptr_t)ptr;
	cl_int code;

	if (now) {
		*first ^= 1;
		struck();
	}
	code = below->clEnqueueWriteImage(q, m, now ? CL_TRUE : blocking, o, region, r, s, ptr, n,
					  list, event);
	if (now)
		*first ^= 1;
	return code;
}

static cl_int CL_API_CALL read_image(cl_command_queue q, cl_mem m, cl_bool blocking,
				     const size_t *o, const size_t *region, size_t r, size_t s,
				     void *ptr, cl_uint n, const cl_event *list, cl_event *event)
{
	bool now = hit(&reads) && attack == FLIP_READ;
	cl_int code = below->clEnqueueReadImage(q, m, now ? CL_TRUE : blocking, o, region, r, s,
						ptr, n, list, event);

	if (now) {
		*(unsigned char *)ptr ^= 1;
		struck();
	}
	return code;
}

static void *CL_API_CALL map_buffer(cl_command_queue q, cl_mem m, cl_bool blocking,
				    cl_map_flags flags, size_t offset, size_t size, cl_uint n,
				    const cl_event *list, cl_event *event, cl_int *code)
{
	bool now = flags & CL_MAP_READ && hit(&reads) && attack == FLIP_READ;
	unsigned char *p = below->clEnqueueMapBuffer(q, m, now ? CL_TRUE : blocking, flags, offset,
						     size, n, list, event, code);

	if (p && now) {
		p[size / 2] ^= 1;
		struck();
	}
	return p;
}

static cl_int CL_API_CALL unmap(cl_command_queue q, cl_mem m, void *ptr, cl_uint n,
				const cl_event *list, cl_event *event)
{
	if (hit(&writes) && attack == FLIP_WRITE) {
		*(unsigned char *)ptr ^= 1;
		struck();
	}
	return below->clEnqueueUnmapMemObject(q, m, ptr, n, list, event);
}

static cl_int CL_API_CALL set_arg(cl_kernel k, cl_uint index, size_t size, const void *value)
{
	size_t i;

	pthread_mutex_lock(&lock);
	for (i = 0; value && size == sizeof(mems[i].handle) && i < MEMS; i++)
		if (mems[i].handle && !memcmp(&mems[i].handle, value, size))
			mems[i].used = true;
	for (i = 0; i < KERNELS && kernels[i].handle && kernels[i].handle != k; i++)
		;
	if (i < KERNELS && index < ARGS && value && size <= sizeof(kernels[i].arg[0].value)) {
		if (!kernels[i].handle)
			memset(kernels[i].arg, 0, sizeof(kernels[i].arg));
		kernels[i].handle = k;
		kernels[i].arg[index].size = size;
		memcpy(kernels[i].arg[index].value, value, size);
	}
	pthread_mutex_unlock(&lock);
	return below->clSetKernelArg(k, index, size, value);
}

static cl_int CL_API_CALL release_kernel(cl_kernel k)
{
	cl_uint count = 0;
	size_t i;

	below->clGetKernelInfo(k, CL_KERNEL_REFERENCE_COUNT, sizeof(count), &count, NULL);
	pthread_mutex_lock(&lock);
	for (i = 0; count == 1 && i < KERNELS; i++)
		if (kernels[i].handle == k)
			memset(kernels[i].arg, 0, sizeof(kernels[i].arg));
	pthread_mutex_unlock(&lock);
	return below->clReleaseKernel(k);
}

static struct arg *args_of(cl_kernel k)
{
	size_t i;

	for (i = 0; i < KERNELS; i++)
		if (kernels[i].handle == k)
			return kernels[i].arg;
	return NULL;
}

static cl_mem mem_of(const struct arg *a, bool *image)
{
	cl_mem m = NULL;
	size_t i;

	if (a->size != sizeof(m))
		return NULL;
	memcpy(&m, a->value, sizeof(m));
	for (i = 0; i < MEMS; i++)
		if (m && mems[i].handle == m) {
			*image = mems[i].image;
			return m;
		}
	return NULL;
}

/* Sets an argument otherwise; *index and *old tell what to put back. */
static bool spoil_args(cl_kernel k, cl_uint *index, struct arg *old)
{
	struct arg *args = args_of(k), changed;
	bool swap = attack == SWAP_LAUNCH || attack == IMAGE_LAUNCH, image;
	cl_mem m;
	int n, i;

	for (n = ARGS - 1; args && n >= 0; n--) {
		i = attack == VALUE_LAUNCH ? (int)ARGS - 1 - n : n;
		image = false;
		m = mem_of(&args[i], &image);
		changed = args[i];
		if (swap && m && image == (attack == IMAGE_LAUNCH) && other(m)) {
			m = other(m);
			memcpy(changed.value, &m, sizeof(m));
		} else if (!swap && args[i].size && !m) {
			changed.value[0] ^= 1;
		} else {
			continue;
		}
		*index = (cl_uint)i;
		*old = args[i];
		struck();
		return !below->clSetKernelArg(k, *index, changed.size, changed.value);
	}
	return false;
}

static bool counts(cl_kernel k)
{
	static bool asked;
	char name[64] = "";

	below->clGetKernelInfo(k, CL_KERNEL_FUNCTION_NAME, sizeof(name), name, NULL);
	if (!strcmp(name, ASKING) && again(&asked))
		return false;
	if (!pattern)
		return true;
	return *pattern == '!' ? !strstr(name, pattern + 1) : strstr(name, pattern) != NULL;
}

/* The kernel "unscale" of the same program, with the arguments of @k. */
static cl_kernel another_kernel(cl_kernel k)
{
	const struct arg *args = args_of(k);
	cl_program program = NULL;
	cl_kernel made;
	cl_uint i;

	below->clGetKernelInfo(k, CL_KERNEL_PROGRAM, sizeof(program), &program, NULL);
	made = program ? below->clCreateKernel(program, "unscale", NULL) : NULL;
	for (i = 0; made && args && i < ARGS; i++)
		if (args[i].size && below->clSetKernelArg(made, i, args[i].size, args[i].value)) {
			below->clReleaseKernel(made);
			return NULL;
		}
	return made;
}

/* A launch that was held back, until the next. */
static struct {
	cl_kernel kernel;
	cl_uint dims;
	size_t offset[3], global[3], local[3];
	bool has_local;
} late;

static void hold_launch(cl_kernel k, cl_uint dims, const size_t *offset, const size_t *global,
			const size_t *local)
{
	late.kernel = k;
	late.dims = dims;
	late.has_local = local;
	if (offset)
		memcpy(late.offset, offset, dims * sizeof(*offset));
	memcpy(late.global, global, dims * sizeof(*global));
	if (local)
		memcpy(late.local, local, dims * sizeof(*local));
	below->clRetainKernel(k);
}

static void launch_late(cl_command_queue q)
{
	if (!late.kernel)
		return;
	struck();
	below->clEnqueueNDRangeKernel(q, late.kernel, late.dims, late.offset, late.global,
				      late.has_local ? late.local : NULL, 0, NULL, NULL);
	below->clReleaseKernel(late.kernel);
	late.kernel = NULL;
}

static cl_int CL_API_CALL launch(cl_command_queue q, cl_kernel k, cl_uint dims,
				 const size_t *offset, const size_t *global, const size_t *local,
				 cl_uint n, const cl_event *list, cl_event *event)
{
	bool now = counts(k) && hit(&launches), changed = false;
	size_t less[3] = { 1, 1, 1 };
	const size_t first[3] = { 1, 0, 0 };
	cl_kernel made = NULL;
	struct arg old;
	cl_uint index;
	cl_int code;

	if (now)
		below->clGetKernelInfo(k, CL_KERNEL_FUNCTION_NAME, sizeof(victim_name), victim_name,
				       NULL);
	if (now && attack == DROP_LAUNCH)
		return nothing(q, n, list, event);
	if (now && attack == DELAY_LAUNCH) {
		usleep(50000);
		struck();
	}
	if (now && attack == REORDER_LAUNCH && dims <= 3) {
		hold_launch(k, dims, offset, global, local);
		return below->clEnqueueMarkerWithWaitList(q, n, list, event);
	}
	if (now && attack == KERNEL_LAUNCH) {
		made = another_kernel(k);
		if (made)
			struck();
	}
	if (now && attack == OFFSET_LAUNCH && dims == 1 && !offset && global[0] > 1) {
		less[0] = global[0] - 1;
		global = less;
		offset = first;
		local = NULL;
		struck();
	}
	if (now && (attack == SWAP_LAUNCH || attack == ARGS_LAUNCH || attack == VALUE_LAUNCH ||
		    attack == IMAGE_LAUNCH))
		changed = spoil_args(k, &index, &old);
	if (now && attack == GEOMETRY_LAUNCH && dims <= 3) {
		memcpy(less, global, dims * sizeof(*global));
		less[0] = local ? local[0] : (less[0] + 1) / 2;
		if (less[0] != global[0])
			struck();
		global = less;
	}
	code = below->clEnqueueNDRangeKernel(q, made ? made : k, dims, offset, global, local, n,
					     list, event);
	if (made)
		below->clReleaseKernel(made);
	if (counts(k))
		launch_late(q);
	copy_kept(q);
	if (changed)
		below->clSetKernelArg(k, index, old.size, old.value);
	if (!code && now && attack == TWICE_LAUNCH) {
		struck();
		code = below->clEnqueueNDRangeKernel(q, k, dims, offset, global, local, 0, NULL,
						     NULL);
	}
	return code;
}

void test_layer_take(cl_icd_dispatch *d)
{
	const char *name = getenv("ATTACK"), *n = getenv("ATTACK_N");
	size_t i, count = sizeof(attacks) / sizeof(attacks[0]);

	for (i = 0; name && i < count && strcmp(attacks[i], name); i++)
		;
	if (name && i == count) {
		fprintf(stderr, "attacker: no attack '%s'\n", name);
		_exit(99);
	}
	attack = name ? (enum attack)i : NONE;
	victim = n ? strtoul(n, NULL, 10) : 0;
	pattern = getenv("ATTACK_KERNEL");
	d->clCreateBuffer = create_buffer;
	d->clCreateImage = create_image;
	d->clRetainMemObject = retain_mem;
	d->clReleaseMemObject = release_mem;
	d->clEnqueueWriteBuffer = write_buffer;
	d->clEnqueueReadBuffer = read_buffer;
	d->clEnqueueWriteBufferRect = write_rect;
	d->clEnqueueReadBufferRect = read_rect;
	d->clEnqueueWriteImage = write_image;
	d->clEnqueueReadImage = read_image;
	d->clEnqueueMapBuffer = map_buffer;
	d->clEnqueueUnmapMemObject = unmap;
	d->clSetKernelArg = set_arg;
	d->clReleaseKernel = release_kernel;
	d->clEnqueueNDRangeKernel = launch;
	attacker_take_copies(d, below);
}

/* In one piece and over what is there: another thread may end the program at any time. */
static void tell(void)
{
	const char *path = getenv("ATTACK_COUNT");
	int fd = path ? open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644) : -1;

	if (fd < 0)
		return;
	pthread_mutex_lock(&lock);
	dprintf(fd, "%lu %lu %lu %lu %lu %s\n", writes, reads, launches, copies, done, victim_name);
	pthread_mutex_unlock(&lock);
	close(fd);
}

__attribute__((destructor)) static void at_exit(void)
{
	tell();
}
