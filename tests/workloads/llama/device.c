// SPDX-License-Identifier: Apache-2.0
#include "device.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "opencl.h"

#define LANES_GPU 64u
#define LOCAL_CPU 16u /* work-items of a group that do not share anything */
#define LOCAL_GPU 64u
#define NAME_LEN  32

extern const char kernels_source[];

/* A kernel with its arguments, which stay as they are from token to token. */
struct op {
	char name[NAME_LEN];
	cl_kernel kernel;
	size_t global[2], local[2];
	cl_uint dims, args;
	bool by_position; /* global[0] is as many as positions so far */
};

struct device {
	struct opencl cl;
	const struct model *m;
	uint32_t lanes, local, context;
	cl_program program;
	cl_mem *weights; /* by the number of the tensor in the file */
	cl_mem state, frequency, x, n, q, k, v, o, gate, up, score, logits, chosen;
	cl_mem *keys, *values; /* of each layer */
	struct op *op; /* all of a token; the last is the choice of the best */
	size_t ops, room;
	cl_int (*states)[2]; /* by position: they stay while a write may still read them */
	struct crossings crossings;
	double build;
	struct err *e; /* while ops are made: where the first failure goes */
	int bad;
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- Memory ---- */

static cl_mem buffer(struct device *d, const char *what, cl_mem_flags flags, size_t size)
{
	char text[96];
	cl_mem mem;
	cl_int rc;

	if (d->bad)
		return NULL;
	mem = clCreateBuffer(d->cl.context, flags, size, NULL, &rc);
	if (rc) {
		snprintf(text, sizeof(text), "clCreateBuffer(%.40s, %zu bytes)", what, size);
		d->bad = opencl_fail(d->e, text, rc);
		return NULL;
	}
	return mem;
}

static cl_mem floats(struct device *d, const char *what, size_t n)
{
	return buffer(d, what, CL_MEM_READ_WRITE, n * sizeof(cl_float));
}

/* Does not wait: @from must stay until the queue was waited for. */
static int send(struct device *d, const char *what, cl_mem to, const void *from, size_t size,
		struct err *e)
{
	char text[96];
	cl_int rc = clEnqueueWriteBuffer(d->cl.queue, to, CL_FALSE, 0, size, from, 0, NULL, NULL);

	if (rc) {
		snprintf(text, sizeof(text), "clEnqueueWriteBuffer(%.40s)", what);
		return opencl_fail(e, text, rc);
	}
	d->crossings.writes++;
	d->crossings.written += size;
	return 0;
}

static int fetch(struct device *d, const char *what, cl_mem from, void *to, size_t size,
		 struct err *e)
{
	cl_int rc, status = CL_COMPLETE;
	cl_event done = NULL;
	char text[96];

	rc = clEnqueueReadBuffer(d->cl.queue, from, CL_FALSE, 0, size, to, 0, NULL, &done);
	if (!rc)
		rc = clFlush(d->cl.queue);
	if (!rc)
		rc = clWaitForEvents(1, &done);
	/* What went wrong before it, in the queue, shows here. */
	if (!rc)
		rc = clGetEventInfo(done, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof(status),
				    &status, NULL);
	if (!rc && status != CL_COMPLETE)
		rc = status;
	if (done)
		clReleaseEvent(done);
	if (rc) {
		snprintf(text, sizeof(text), "reading %s", what);
		return opencl_fail(e, text, rc);
	}
	d->crossings.reads++;
	d->crossings.read += size;
	return 0;
}

static int finish(struct device *d, const char *what, struct err *e)
{
	cl_int rc = clFinish(d->cl.queue);

	return rc ? opencl_fail(e, what, rc) : 0;
}

static size_t index_of(const struct device *d, const struct gguf_tensor *t)
{
	return (size_t)(t - d->m->file.tensor);
}

/* Does it fit, by what the device says of itself? */
static int check_memory(struct device *d, struct err *e)
{
	const struct model *m = d->m;
	uint64_t cache = (uint64_t)d->context * m->kv_dim * sizeof(cl_float);
	cl_ulong most = 0, all = 0;
	uint64_t wanted = m->bytes + 2 * m->layers * cache;
	size_t i;

	clGetDeviceInfo(d->cl.device, CL_DEVICE_MAX_MEM_ALLOC_SIZE, sizeof(most), &most, NULL);
	clGetDeviceInfo(d->cl.device, CL_DEVICE_GLOBAL_MEM_SIZE, sizeof(all), &all, NULL);
	for (i = 0; i < m->file.tensors; i++)
		if (m->file.tensor[i].size > most)
			return refuse(e,
				      "tensor '%.*s' has %" PRIu64 " bytes, '%s' allows %" PRIu64
				      " in one buffer",
				      (int)m->file.tensor[i].name.len, m->file.tensor[i].name.s,
				      m->file.tensor[i].size, d->cl.name, (uint64_t)most);
	if (cache > most || wanted > all)
		return refuse(e,
			      "the model and a context of %u tokens need %" PRIu64
			      " bytes, '%s' has %" PRIu64 "; try a smaller -n",
			      d->context, wanted, d->cl.name, (uint64_t)all);
	return 0;
}

static int send_weights(struct device *d, struct err *e)
{
	const struct model *m = d->m;
	size_t i;

	for (i = 0; i < m->file.tensors; i++) {
		const struct gguf_tensor *t = &m->file.tensor[i];
		char name[64];

		snprintf(name, sizeof(name), "%.*s", (int)t->name.len, t->name.s);
		d->weights[i] = buffer(d, name, CL_MEM_READ_ONLY, t->size);
		if (d->bad || send(d, name, d->weights[i], t->data, t->size, e))
			return -1;
	}
	return send(d, "frequencies", d->frequency, m->frequency, m->rope / 2 * sizeof(cl_float),
		    e);
}

static int make_buffers(struct device *d, struct err *e)
{
	const struct model *m = d->m;
	uint32_t l;

	d->weights = calloc(m->file.tensors, sizeof(*d->weights));
	d->keys = calloc(m->layers, sizeof(*d->keys));
	d->values = calloc(m->layers, sizeof(*d->values));
	d->states = calloc(d->context, sizeof(*d->states));
	if (!d->weights || !d->keys || !d->values || !d->states)
		return refuse(e, "out of memory for the buffers' names");
	d->state = buffer(d, "state", CL_MEM_READ_ONLY, sizeof(*d->states));
	d->chosen = buffer(d, "chosen", CL_MEM_READ_WRITE, sizeof(cl_int));
	d->frequency = buffer(d, "frequencies", CL_MEM_READ_ONLY, m->rope / 2 * sizeof(cl_float));
	d->x = floats(d, "x", m->dim);
	d->n = floats(d, "n", m->dim);
	d->q = floats(d, "q", m->dim);
	d->k = floats(d, "k", m->kv_dim);
	d->v = floats(d, "v", m->kv_dim);
	d->o = floats(d, "o", m->dim);
	d->gate = floats(d, "gate", m->ffn);
	d->up = floats(d, "up", m->ffn);
	d->score = floats(d, "scores", (size_t)m->heads * d->context);
	d->logits = floats(d, "logits", m->vocab);
	for (l = 0; l < m->layers; l++) {
		d->keys[l] = floats(d, "keys", (size_t)d->context * m->kv_dim);
		d->values[l] = floats(d, "values", (size_t)d->context * m->kv_dim);
	}
	return d->bad;
}

/* ---- Commands ---- */

static size_t round_up(size_t n, size_t to)
{
	return (n + to - 1) / to * to;
}

/* The next command of a token. Its arguments follow, in order. */
static struct op *add(struct device *d, const char *name, size_t items)
{
	struct op *op = &d->op[d->ops++];
	cl_int rc;

	snprintf(op->name, sizeof(op->name), "%s", name);
	op->dims = 1;
	op->local[0] = d->local;
	op->global[0] = round_up(items, d->local);
	if (d->bad)
		return op;
	op->kernel = clCreateKernel(d->program, name, &rc);
	if (rc) {
		char text[64];

		op->kernel = NULL;
		snprintf(text, sizeof(text), "clCreateKernel(%s)", name);
		d->bad = opencl_fail(d->e, text, rc);
	}
	return op;
}

/* One whose rows are shared by lanes. */
static struct op *add_rows(struct device *d, const char *name, size_t rows)
{
	struct op *op = add(d, name, rows);

	if (d->lanes > 1 || rows == 1) {
		op->local[0] = d->lanes;
		op->global[0] = rows * d->lanes;
	}
	return op;
}

static struct op *add_format(struct device *d, const char *name, const struct gguf_tensor *t,
			     size_t items, bool rows)
{
	char text[NAME_LEN];

	snprintf(text, sizeof(text), "%s_%s", name, t->fmt->name);
	return rows ? add_rows(d, text, items) : add(d, text, items);
}

static void arg(struct device *d, struct op *op, const void *value, size_t size)
{
	cl_int rc;

	if (d->bad)
		return;
	rc = clSetKernelArg(op->kernel, op->args, size, value);
	if (rc) {
		char text[64];

		snprintf(text, sizeof(text), "clSetKernelArg(%s, %u)", op->name, op->args);
		d->bad = opencl_fail(d->e, text, rc);
	}
	op->args++;
}

static void mem(struct device *d, struct op *op, cl_mem m)
{
	arg(d, op, &m, sizeof(m));
}

static void num(struct device *d, struct op *op, uint32_t n)
{
	cl_uint v = n;

	arg(d, op, &v, sizeof(v));
}

static void flt(struct device *d, struct op *op, float f)
{
	cl_float v = f;

	arg(d, op, &v, sizeof(v));
}

static uint32_t row_size(const struct gguf_tensor *t)
{
	return (uint32_t)(t->ne[0] / t->fmt->block * t->fmt->size);
}

static void add_multiply(struct device *d, const struct gguf_tensor *w, cl_mem x, cl_mem y,
			 bool sum)
{
	struct op *op = add_format(d, "multiply", w, w->ne[1], true);

	mem(d, op, d->weights[index_of(d, w)]);
	mem(d, op, x);
	mem(d, op, y);
	num(d, op, (uint32_t)w->ne[0]);
	num(d, op, (uint32_t)w->ne[1]);
	num(d, op, row_size(w));
	num(d, op, sum);
}

static void add_norm(struct device *d, const struct gguf_tensor *w)
{
	struct op *op = add_rows(d, "norm", 1);

	mem(d, op, d->x);
	mem(d, op, d->weights[index_of(d, w)]);
	mem(d, op, d->n);
	num(d, op, d->m->dim);
	flt(d, op, d->m->eps);
}

static void add_rotate(struct device *d, uint32_t l)
{
	const struct model *m = d->m;
	struct op *op = add(d, "rotate_store", m->dim / 2 + m->kv_dim);

	mem(d, op, d->state);
	mem(d, op, d->frequency);
	mem(d, op, d->q);
	mem(d, op, d->k);
	mem(d, op, d->v);
	mem(d, op, d->keys[l]);
	mem(d, op, d->values[l]);
	num(d, op, m->dim / 2);
	num(d, op, m->kv_dim / 2);
	num(d, op, m->head);
	num(d, op, m->rope);
}

static void add_look(struct device *d, uint32_t l)
{
	const struct model *m = d->m;
	struct op *op = add(d, "look", 1);

	op->dims = 2;
	op->global[1] = m->heads;
	op->local[1] = 1;
	op->by_position = true;
	mem(d, op, d->state);
	mem(d, op, d->q);
	mem(d, op, d->keys[l]);
	mem(d, op, d->score);
	num(d, op, m->head);
	num(d, op, m->heads / m->kv_heads);
	num(d, op, m->kv_dim);
	num(d, op, d->context);
	flt(d, op, 1 / __builtin_sqrtf((float)m->head));
}

static void add_attention(struct device *d, uint32_t l)
{
	const struct model *m = d->m;
	struct op *op;

	add_rotate(d, l);
	add_look(d, l);
	op = add_rows(d, "soften", m->heads);
	mem(d, op, d->state);
	mem(d, op, d->score);
	num(d, op, m->heads);
	num(d, op, d->context);
	op = add(d, "gather", m->dim / 4);
	mem(d, op, d->state);
	mem(d, op, d->score);
	mem(d, op, d->values[l]);
	mem(d, op, d->o);
	num(d, op, m->heads);
	num(d, op, m->head);
	num(d, op, m->heads / m->kv_heads);
	num(d, op, m->kv_dim);
	num(d, op, d->context);
}

static void add_layer(struct device *d, uint32_t l)
{
	const struct layer *y = &d->m->layer[l];
	struct op *op;

	add_norm(d, y->norm1);
	add_multiply(d, y->m[M_Q], d->n, d->q, false);
	add_multiply(d, y->m[M_K], d->n, d->k, false);
	add_multiply(d, y->m[M_V], d->n, d->v, false);
	add_attention(d, l);
	add_multiply(d, y->m[M_O], d->o, d->x, true);
	add_norm(d, y->norm2);
	add_multiply(d, y->m[M_GATE], d->n, d->gate, false);
	add_multiply(d, y->m[M_UP], d->n, d->up, false);
	op = add(d, "gate", round_up(d->m->ffn, 4) / 4);
	mem(d, op, d->gate);
	mem(d, op, d->up);
	num(d, op, d->m->ffn);
	add_multiply(d, y->m[M_DOWN], d->gate, d->x, true);
}

static int make_ops(struct device *d, struct err *e)
{
	const struct model *m = d->m;
	struct op *op;
	uint32_t l;

	d->room = 16 * (size_t)m->layers + 8;
	d->op = calloc(d->room, sizeof(*d->op));
	if (!d->op)
		return refuse(e, "out of memory for %zu commands", d->room);
	op = add_format(d, "embed", m->embed, m->dim, false);
	mem(d, op, d->state);
	mem(d, op, d->weights[index_of(d, m->embed)]);
	mem(d, op, d->x);
	num(d, op, m->dim);
	num(d, op, row_size(m->embed));
	for (l = 0; l < m->layers; l++)
		add_layer(d, l);
	add_norm(d, m->norm);
	add_multiply(d, m->output, d->n, d->logits, false);
	op = add_rows(d, "choose", 1);
	mem(d, op, d->logits);
	num(d, op, m->vocab);
	mem(d, op, d->chosen);
	return d->bad;
}

static int launch(struct device *d, const struct op *op, uint32_t pos, struct err *e)
{
	size_t global[2] = { op->global[0], op->global[1] };
	char text[96];
	cl_int rc;

	if (op->by_position)
		global[0] = round_up((size_t)pos + 1, op->local[0]);
	rc = clEnqueueNDRangeKernel(d->cl.queue, op->kernel, op->dims, NULL, global, op->local, 0,
				    NULL, NULL);
	if (rc) {
		snprintf(text, sizeof(text), "clEnqueueNDRangeKernel(%s)", op->name);
		return opencl_fail(e, text, rc);
	}
	d->crossings.launches++;
	return 0;
}

int device_step(struct device *d, uint32_t token, uint32_t pos, struct err *e)
{
	size_t i;
	cl_int rc;

	if (token >= d->m->vocab)
		return refuse(e, "token %u of %u", token, d->m->vocab);
	if (pos >= d->context)
		return refuse(e, "position %u in a context of %u", pos, d->context);
	d->states[pos][0] = (cl_int)token;
	d->states[pos][1] = (cl_int)pos;
	if (send(d, "state", d->state, d->states[pos], sizeof(d->states[pos]), e))
		return -1;
	for (i = 0; i + 1 < d->ops; i++)
		if (launch(d, &d->op[i], pos, e))
			return -1;
	rc = clFlush(d->cl.queue);
	return rc ? opencl_fail(e, "clFlush", rc) : 0;
}

int device_best(struct device *d, int32_t *token, struct err *e)
{
	cl_int chosen;

	if (launch(d, &d->op[d->ops - 1], 0, e) ||
	    fetch(d, "the chosen token", d->chosen, &chosen, sizeof(chosen), e))
		return -1;
	/* The device's word is checked before it is an index. */
	if (chosen < 0 || (uint32_t)chosen >= d->m->vocab)
		return refuse(e, "the device chose token %d of %u: its logits are no numbers",
			      chosen, d->m->vocab);
	*token = chosen;
	return 0;
}

int device_logits(struct device *d, float *logits, struct err *e)
{
	return fetch(d, "the logits", d->logits, logits, d->m->vocab * sizeof(*logits), e);
}

/* ---- Life ---- */

static uint32_t suit_lanes(const struct device *d, uint32_t wanted)
{
	uint32_t lanes = 1;
	size_t most = 1;

	if (!wanted)
		wanted = d->cl.cpu ? 1 : LANES_GPU;
	clGetDeviceInfo(d->cl.device, CL_DEVICE_MAX_WORK_GROUP_SIZE, sizeof(most), &most, NULL);
	while (2 * lanes <= wanted && 2 * lanes <= most)
		lanes *= 2;
	return lanes;
}

static int build(struct device *d, struct err *e)
{
	char options[96], extensions[8192] = "";

	clGetDeviceInfo(d->cl.device, CL_DEVICE_EXTENSIONS, sizeof(extensions) - 1, extensions,
			NULL);
	/* Where lanes are many there is an instruction for halves, whatever is said of them. */
	snprintf(options, sizeof(options), "-cl-std=CL1.2 -cl-mad-enable -DLANES=%u%s", d->lanes,
		 d->lanes > 1 || strstr(extensions, "cl_khr_fp16") ? " -DFAST_HALF" : "");
	return opencl_build(&d->cl, kernels_source, options, &d->program, e);
}

/* The first run of a kernel may be when it is really compiled: not when one waits for it. */
static int warm_up(struct device *d, struct err *e)
{
	int32_t token;

	return device_step(d, 0, 0, e) || device_best(d, &token, e);
}

int device_open(struct device **out, const struct model *m, const struct device_options *o,
		struct err *e)
{
	struct device *d = calloc(1, sizeof(*d));
	double began;

	*out = NULL;
	if (!d)
		return refuse(e, "out of memory");
	d->m = m;
	d->e = e;
	d->context = o->context;
	if (opencl_open(&d->cl, o->name, o->threads, e))
		goto bad;
	d->lanes = suit_lanes(d, o->lanes);
	d->local = d->lanes > 1 && !d->cl.cpu ? LOCAL_GPU : LOCAL_CPU;
	if (check_memory(d, e))
		goto bad;
	began = now();
	if (build(d, e))
		goto bad;
	d->build = now() - began;
	if (make_buffers(d, e) || send_weights(d, e) || finish(d, "sending the weights", e) ||
	    make_ops(d, e))
		goto bad;
	began = now();
	if (warm_up(d, e))
		goto bad;
	d->build += now() - began;
	*out = d;
	return 0;
bad:
	device_close(d);
	return -1;
}

static void release(cl_mem m)
{
	if (m)
		clReleaseMemObject(m);
}

void device_close(struct device *d)
{
	size_t i;

	if (!d)
		return;
	/* Nothing may still read what is freed below. */
	if (d->cl.queue)
		clFinish(d->cl.queue);
	for (i = 0; i < d->ops; i++)
		if (d->op[i].kernel)
			clReleaseKernel(d->op[i].kernel);
	for (i = 0; d->weights && i < d->m->file.tensors; i++)
		release(d->weights[i]);
	for (i = 0; i < d->m->layers; i++) {
		if (d->keys)
			release(d->keys[i]);
		if (d->values)
			release(d->values[i]);
	}
	release(d->state), release(d->frequency), release(d->x), release(d->n), release(d->q);
	release(d->k), release(d->v), release(d->o), release(d->gate), release(d->up);
	release(d->score), release(d->logits), release(d->chosen);
	if (d->program)
		clReleaseProgram(d->program);
	opencl_close(&d->cl);
	free(d->op);
	free(d->weights);
	free(d->keys);
	free(d->values);
	free(d->states);
	free(d);
}

int device_list(FILE *f, struct err *e)
{
	return opencl_list(f, e);
}

const char *device_name(const struct device *d)
{
	return d->cl.name;
}

const char *device_platform(const struct device *d)
{
	return d->cl.platform;
}

uint32_t device_lanes(const struct device *d)
{
	return d->lanes;
}

double device_build_seconds(const struct device *d)
{
	return d->build;
}

const struct crossings *device_crossings(const struct device *d)
{
	return &d->crossings;
}
