// SPDX-License-Identifier: Apache-2.0
/*
 * The provider that is no device: the session program as plain C, in this
 * process. It is the reference for the tests and says that it is simulated.
 */
#include "device.h"

#include "../device/session.cl"

#include <openssl/rand.h>
#include <pthread.h>
#include <stdlib.h>

_Thread_local u32 hg_plain_group, hg_plain_groups;

#if HG_LANES > 1
/* For tests: the lanes of a group are threads that meet at barriers. */
_Thread_local u32 hg_plain_lane;
static pthread_barrier_t lanes_barrier;

void hg_plain_barrier(void)
{
	pthread_barrier_wait(&lanes_barrier);
}
#endif

struct hg_buffer {
	size_t size;
	u8 *data;
};

struct hg_queue {
	int unused;
};

/* Everything is over when a call returns. */
struct hg_event {
	int refs;
};

struct cpu {
	struct hg_provider base;
	pthread_mutex_t lock; /* a launch is alone on the device */
};

static void *arg_data(const struct hg_arg *arg)
{
	return arg->buffer ? arg->buffer->data : NULL;
}

static void run_install(const struct hg_arg *a)
{
	hg_install(arg_data(a), a[1].u64, a[2].u64, a[3].u64, a[4].u64, a[5].u64, a[6].u64,
		   a[7].u64, a[8].u64, a[9].u64, a[10].u32);
}

static void run_bind(const struct hg_arg *a)
{
	hg_bind(arg_data(a), arg_data(a + 1), a[2].u64, a[3].u64, arg_data(a + 4));
}

static void run_check(const struct hg_arg *a)
{
	hg_check(arg_data(a), arg_data(a + 1), arg_data(a + 2), a[3].u32);
}

static void run_open(const struct hg_arg *a)
{
	hg_open(arg_data(a), arg_data(a + 1), a[2].u32);
}

static void run_open_small(const struct hg_arg *a)
{
	hg_open_small(arg_data(a), arg_data(a + 1), arg_data(a + 2), arg_data(a + 3),
		      arg_data(a + 4), arg_data(a + 5), a[6].u32);
}

static void run_seal(const struct hg_arg *a)
{
	hg_seal(arg_data(a), arg_data(a + 1), arg_data(a + 2), a[3].u64, a[4].u64, a[5].u32);
}

static void run_receipt(const struct hg_arg *a)
{
	hg_receipt(arg_data(a), arg_data(a + 1));
}

static void run_area(const struct hg_arg *a)
{
	hg_area(arg_data(a), arg_data(a + 1), a[2].u64, a[3].u32);
}

static void run_fold(const struct hg_arg *a)
{
	hg_fold(arg_data(a), arg_data(a + 1), a[2].u32, a[3].u64, a[4].u32);
}

static void run_commit(const struct hg_arg *a)
{
	hg_commit(arg_data(a), a[1].u32);
}

static void run_agree_clear(const struct hg_arg *a)
{
	hg_agree_clear(arg_data(a));
}

/*
 * Groups run one after another here, and show no noise. As all of this device is
 * simulated, so is its noise: all groups but the last get OpenSSL's random numbers.
 */
static void run_agree_hello(const struct hg_arg *a)
{
	struct agree *agree = arg_data(a);
	struct noise_group *g = &agree->noise.group[hg_plain_group % NOISE_GROUPS];

	if (hg_plain_group == NOISE_GROUPS - 1) {
		hg_agree_hello(agree, arg_data(a + 1), arg_data(a + 2), a[3].u32);
		return;
	}
	g->steps = RAND_bytes((unsigned char *)g->stirred, sizeof(g->stirred)) == 1 ? 65536 : 0;
	g->commonest = g->steps / 4;
	agree->finished++;
}

static void run_agree_finish(const struct hg_arg *a)
{
	hg_agree_finish(arg_data(a), arg_data(a + 1), arg_data(a + 2));
}

static struct hg_kernel {
	const char *name;
	void (*run)(const struct hg_arg *args);
	unsigned args;
} kernels[] = {
	{"hg_install", run_install, 11},
	{"hg_bind", run_bind, 5},
	{"hg_check", run_check, 4},
	{"hg_open", run_open, 3},
	{"hg_open_small", run_open_small, 7},
	{"hg_seal", run_seal, 6},
	{"hg_receipt", run_receipt, 2},
	{"hg_area", run_area, 4},
	{"hg_fold", run_fold, 5},
	{"hg_commit", run_commit, 2},
	{"hg_agree_clear", run_agree_clear, 1},
	{"hg_agree_hello", run_agree_hello, 4},
	{"hg_agree_finish", run_agree_finish, 3},
};

static int cpu_buffer_create(struct hg_provider *p, size_t size, struct hg_buffer **buffer,
			     struct hg_gpu_error *err)
{
	struct hg_buffer *b = malloc(sizeof(*b));

	(void)p;
	if (b)
		b->data = aligned_alloc(64, (size + 63) & ~(size_t)63);
	if (!b || !b->data) {
		free(b);
		return hg_gpu_no_memory(err);
	}
	b->size = size;
	*buffer = b;
	return 0;
}

static void cpu_buffer_release(struct hg_provider *p, struct hg_buffer *buffer)
{
	(void)p;
	if (!buffer)
		return;
	free(buffer->data);
	free(buffer);
}

static int cpu_queue_create(struct hg_provider *p, struct hg_queue **queue,
			    struct hg_gpu_error *err)
{
	(void)p;
	*queue = calloc(1, sizeof(**queue));
	return *queue ? 0 : hg_gpu_no_memory(err);
}

static void cpu_queue_release(struct hg_provider *p, struct hg_queue *queue)
{
	(void)p;
	free(queue);
}

static int make_event(struct hg_event **done, struct hg_gpu_error *err)
{
	if (!done)
		return 0;
	*done = malloc(sizeof(**done));
	if (!*done)
		return hg_gpu_no_memory(err);
	(*done)->refs = 1;
	return 0;
}

static int check_range(const struct hg_buffer *buffer, size_t offset, size_t size,
		       struct hg_gpu_error *err)
{
	if (offset > buffer->size || size > buffer->size - offset)
		return hg_gpu_fail(err, HG_GPU_E_ARGUMENT,
				   "%zu bytes at %zu are outside of a buffer of %zu", size, offset,
				   buffer->size);
	return 0;
}

static int cpu_write(struct hg_provider *p, struct hg_queue *queue, struct hg_buffer *buffer,
		     size_t offset, const void *src, size_t size, const struct hg_wait *wait,
		     struct hg_event **done, struct hg_gpu_error *err)
{
	struct cpu *c = (struct cpu *)p;

	(void)queue;
	(void)wait;
	if (check_range(buffer, offset, size, err) || make_event(done, err))
		return -1;
	pthread_mutex_lock(&c->lock);
	memcpy(buffer->data + offset, src, size);
	pthread_mutex_unlock(&c->lock);
	return 0;
}

static int cpu_read(struct hg_provider *p, struct hg_queue *queue, struct hg_buffer *buffer,
		    size_t offset, void *dst, size_t size, const struct hg_wait *wait,
		    struct hg_event **done, struct hg_gpu_error *err)
{
	struct cpu *c = (struct cpu *)p;

	(void)queue;
	(void)wait;
	if (check_range(buffer, offset, size, err) || make_event(done, err))
		return -1;
	pthread_mutex_lock(&c->lock);
	memcpy(dst, buffer->data + offset, size);
	pthread_mutex_unlock(&c->lock);
	return 0;
}

static int cpu_kernel(struct hg_provider *p, const char *name, struct hg_kernel **kernel,
		      struct hg_gpu_error *err)
{
	size_t i;

	(void)p;
	for (i = 0; i < sizeof(kernels) / sizeof(*kernels); i++)
		if (!strcmp(kernels[i].name, name)) {
			*kernel = &kernels[i];
			return 0;
		}
	return hg_gpu_fail(err, HG_GPU_E_UNSUPPORTED, "the simulated device has no kernel %s",
			   name);
}

#if HG_LANES == 1
static void run_groups(struct hg_kernel *kernel, const struct hg_arg *args, u32 groups)
{
	hg_plain_groups = groups;
	for (hg_plain_group = 0; hg_plain_group < groups; hg_plain_group++)
		kernel->run(args);
}
#else
struct lane {
	struct hg_kernel *kernel;
	const struct hg_arg *args;
	u32 groups, lane;
	pthread_t thread;
};

static void *run_lane(void *arg)
{
	struct lane *l = arg;

	hg_plain_lane = l->lane;
	hg_plain_groups = l->groups;
	for (hg_plain_group = 0; hg_plain_group < l->groups; hg_plain_group++) {
		l->kernel->run(l->args);
		hg_plain_barrier();
	}
	return NULL;
}

static void run_groups(struct hg_kernel *kernel, const struct hg_arg *args, u32 groups)
{
	struct lane lanes[HG_LANES];
	u32 i;

	pthread_barrier_init(&lanes_barrier, NULL, HG_LANES);
	for (i = 0; i < HG_LANES; i++) {
		lanes[i] = (struct lane){
			.kernel = kernel, .args = args, .groups = groups, .lane = i
		};
		if (pthread_create(&lanes[i].thread, NULL, run_lane, &lanes[i]))
			abort();
	}
	for (i = 0; i < HG_LANES; i++)
		pthread_join(lanes[i].thread, NULL);
	pthread_barrier_destroy(&lanes_barrier);
}
#endif

static int cpu_launch(struct hg_provider *p, struct hg_queue *queue, struct hg_kernel *kernel,
		      const struct hg_arg *args, unsigned count, size_t groups, size_t lanes,
		      const struct hg_wait *wait, struct hg_event **done, struct hg_gpu_error *err)
{
	struct cpu *c = (struct cpu *)p;

	(void)queue;
	(void)wait;
	if (count != kernel->args || lanes != HG_LANES)
		return hg_gpu_fail(err, HG_GPU_E_ARGUMENT, "%s: %u arguments and %zu lanes: want %u and %d",
				   kernel->name, count, lanes, kernel->args, (int)HG_LANES);
	if (make_event(done, err))
		return -1;
	pthread_mutex_lock(&c->lock);
	run_groups(kernel, args, (u32)groups);
	pthread_mutex_unlock(&c->lock);
	return 0;
}

static int cpu_event_wait(struct hg_provider *p, struct hg_event *event, struct hg_gpu_error *err)
{
	(void)p;
	(void)event;
	(void)err;
	return 0;
}

static void cpu_event_retain(struct hg_provider *p, struct hg_event *event)
{
	(void)p;
	__atomic_fetch_add(&event->refs, 1, __ATOMIC_SEQ_CST);
}

static void cpu_event_release(struct hg_provider *p, struct hg_event *event)
{
	(void)p;
	if (event && __atomic_fetch_sub(&event->refs, 1, __ATOMIC_SEQ_CST) == 1)
		free(event);
}

static int cpu_nothing(struct hg_provider *p, struct hg_queue *queue, struct hg_gpu_error *err)
{
	(void)p;
	(void)queue;
	(void)err;
	return 0;
}

static void cpu_close(struct hg_provider *p)
{
	pthread_mutex_destroy(&((struct cpu *)p)->lock);
	free(p);
}

static const struct hg_provider_ops cpu_ops = {
	.name = "cpu",
	.simulated = true,
	.buffer_create = cpu_buffer_create,
	.buffer_release = cpu_buffer_release,
	.queue_create = cpu_queue_create,
	.queue_release = cpu_queue_release,
	.write = cpu_write,
	.read = cpu_read,
	.kernel = cpu_kernel,
	.launch = cpu_launch,
	.event_wait = cpu_event_wait,
	.event_retain = cpu_event_retain,
	.event_release = cpu_event_release,
	.flush = cpu_nothing,
	.finish = cpu_nothing,
	.close = cpu_close,
};

int hg_cpu_open(struct hg_provider **p, struct hg_gpu_error *err)
{
	struct cpu *c = calloc(1, sizeof(*c));

	*p = NULL;
	if (!c)
		return hg_gpu_no_memory(err);
	c->base.ops = &cpu_ops;
	pthread_mutex_init(&c->lock, NULL);
	memcpy(c->base.info.name, "simulated device", sizeof("simulated device"));
	memcpy(c->base.info.vendor, "HyperGPU", sizeof("HyperGPU"));
	c->base.info.units = 1;
	c->base.info.lanes = HG_LANES;
	c->base.info.suites = HG_SUITES_ALL;
	if (hg_kat_run(&c->base, err)) {
		cpu_close(&c->base);
		return -1;
	}
	*p = &c->base;
	return 0;
}
