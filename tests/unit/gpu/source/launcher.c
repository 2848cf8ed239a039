// SPDX-License-Identifier: Apache-2.0
#include "launcher.h"

#include <string.h>

static uint32_t noise(void)
{
	static uint32_t x = 0x2545f491;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return x;
}

bool launcher_open(struct launcher *l)
{
	cl_int status;

	*l = (struct launcher){ 0 };
	if (!cl_open(&l->cl))
		return false;
	l->area = calloc(1, sizeof(*l->area));
	if (!l->area)
		abort();
	l->area_mem = cl_buffer(&l->cl, sizeof(*l->area), l->area);
	l->sampler = clCreateSampler(l->cl.context, CL_FALSE, CL_ADDRESS_CLAMP, CL_FILTER_NEAREST,
				     &status);
	cl_must(status, "clCreateSampler");
	launcher_reset(l);
	return true;
}

void launcher_close(struct launcher *l)
{
	clReleaseSampler(l->sampler);
	clReleaseMemObject(l->area_mem);
	cl_close(&l->cl);
	free(l->area);
}

void launcher_reset(struct launcher *l)
{
	size_t i, k;

	memset(l->area, 0, sizeof(*l->area));
	for (i = 0; i < HG_LAUNCH_SLOTS; i++)
		for (k = 0; k < HG_LAUNCH_WORDS; k++)
			l->area->pad[i][k] = noise();
	cl_must(clEnqueueWriteBuffer(l->cl.queue, l->area_mem, CL_TRUE, 0, sizeof(*l->area),
				     l->area, 0, NULL, NULL),
		"clEnqueueWriteBuffer");
}

void launcher_fetch(struct launcher *l)
{
	cl_fetch(&l->cl, l->area_mem, sizeof(*l->area), l->area);
}

static size_t size_of(const struct hg_source_param *p)
{
	static const struct {
		const char *type;
		size_t size;
	} list[] = {
		{ "padded", 48 }, { "struct odd", 6 }, { "union either", 8 },
		{ "struct large", 200 }, { "pixel", 4 }, { "struct node", 4 },
	};
	size_t i;

	for (i = 0; !p->size && i < sizeof(list) / sizeof(list[0]); i++)
		if (!strcmp(p->type, list[i].type))
			return list[i].size;
	if (!p->size) {
		fprintf(stderr, "the test does not know the size of %s\n", p->type);
		exit(1);
	}
	return p->size;
}

/* Numbers that are small as floats, and small as integers. */
size_t value_of(const struct hg_source_param *p, unsigned char *bytes)
{
	size_t size = size_of(p), i;

	for (i = 0; i < size; i++)
		bytes[i] = i % 4 < 1 ? (unsigned char)(1 + (i + size) % 7) : 0;
	if (!strncmp(p->type, "float", 5))
		for (i = 0; i + 4 <= size; i += 4)
			memcpy(bytes + i, &(float){ 0.5f + (float)i }, 4);
	if (!strncmp(p->type, "double", 6))
		for (i = 0; i + 8 <= size; i += 8)
			memcpy(bytes + i, &(double){ 0.25 + (double)i }, 8);
	return size;
}

static cl_mem new_image(struct launcher *l)
{
	static const cl_image_format format = { CL_RGBA, CL_UNORM_INT8 };
	cl_image_desc desc = { .image_type = CL_MEM_OBJECT_IMAGE2D,
			       .image_width = IMAGE_SIDE,
			       .image_height = IMAGE_SIDE };
	static unsigned char texels[4 * IMAGE_SIDE * IMAGE_SIDE];
	cl_int status;
	cl_mem m;
	size_t i;

	for (i = 0; i < sizeof(texels); i++)
		texels[i] = (unsigned char)(i * 7);
	m = clCreateImage(l->cl.context, CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR, &format, &desc,
			  texels, &status);
	cl_must(status, "clCreateImage");
	return m;
}

const void *launcher_contents(void)
{
	static uint32_t data[BUFFER / 4];
	size_t i;

	for (i = 0; i < BUFFER / 4; i++)
		data[i] = (uint32_t)(i * 3 + 1);
	return data;
}

void run_open(struct launcher *l, struct run *r, const struct hg_source_kernel *k,
	      cl_program program, bool masked)
{
	cl_int status;
	size_t i;

	*r = (struct run){ .kernel = k, .masked = masked, .dimensions = 1 };
	r->global[0] = 16;
	r->local[0] = 8;
	if (!strcmp(k->name, "grid")) {
		r->dimensions = 3;
		memcpy(r->global, (size_t[]){ 4, 6, 2 }, sizeof(r->global));
		memcpy(r->local, (size_t[]){ 2, 3, 1 }, sizeof(r->local));
	}
	r->cl = clCreateKernel(program, k->name, &status);
	cl_must(status, k->name);
	for (i = 0; i < k->params; i++) {
		if (k->param[i].cls == HG_PARAM_GLOBAL || k->param[i].cls == HG_PARAM_CONSTANT)
			r->mem[i] = cl_buffer(&l->cl, BUFFER, launcher_contents());
		if (k->param[i].cls == HG_PARAM_IMAGE)
			r->mem[i] = new_image(l);
	}
}

void run_close(struct run *r)
{
	size_t i;

	for (i = 0; i < r->kernel->params; i++)
		if (r->mem[i])
			clReleaseMemObject(r->mem[i]);
	clReleaseKernel(r->cl);
}

static void set(const struct run *r, size_t i, size_t size, const void *value)
{
	char what[100];

	snprintf(what, sizeof(what), "%s: argument %zu", r->kernel->name, i);
	cl_must(clSetKernelArg(r->cl, (cl_uint)i, size, value), what);
}

static void set_value(struct launcher *l, struct run *r, size_t i)
{
	const struct hg_source_param *p = &r->kernel->param[i];
	unsigned char bytes[4 * HG_LAUNCH_WORDS], masked[4 * HG_LAUNCH_WORDS];
	size_t size = value_of(p, bytes);

	if (!r->masked) {
		set(r, i, size, bytes);
		return;
	}
	if (hg_expect_value(&r->want, l->area->pad[l->next % HG_LAUNCH_SLOTS], bytes, size,
			    masked)) {
		fprintf(stderr, "%s: the pad is too short\n", r->kernel->name);
		exit(1);
	}
	set(r, i, hg_expect_size(p, size), masked);
}

void run_prepare(struct launcher *l, struct run *r)
{
	const struct hg_source_kernel *k = r->kernel;
	cl_ulong sequence = l->next | (r->any_local ? HG_LAUNCH_ANY_LOCAL : 0);
	size_t i;

	hg_expect_begin(&r->want, sequence, PROGRAM_ID, k->number);
	if (hg_expect_geometry(&r->want, r->dimensions, NULL, r->global, r->local))
		abort();
	for (i = 0; i < k->params; i++) {
		switch (k->param[i].cls) {
		case HG_PARAM_VALUE:
			set_value(l, r, i);
			break;
		case HG_PARAM_LOCAL:
			set(r, i, 64, NULL);
			break;
		case HG_PARAM_SAMPLER:
			set(r, i, sizeof(l->sampler), &l->sampler);
			break;
		default:
			set(r, i, sizeof(r->mem[i]), &r->mem[i]);
		}
	}
	if (!r->masked)
		return;
	set(r, k->params, sizeof(l->area_mem), &l->area_mem);
	set(r, k->params + 1, sizeof(sequence), &sequence);
	l->next++;
}

void run_launch(struct launcher *l, struct run *r)
{
	cl_must(clEnqueueNDRangeKernel(l->cl.queue, r->cl, r->dimensions, NULL, r->global,
				       r->any_local ? NULL : r->local, 0, NULL, NULL),
		r->kernel->name);
	cl_must(clFinish(l->cl.queue), "clFinish");
}
