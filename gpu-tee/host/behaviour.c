// SPDX-License-Identifier: Apache-2.0
#include "probe.h"

#include <stdbool.h>
#include <stdlib.h>

#include "../device/behaviour.h"

#define WALKS	    5
#define REGIONS_MAX 16384u
#define GROUPS	    64 /* that prepare */
/* Work-groups for each unit, where a group learns only when it runs which unit it is on. */
#define WAVES 4

extern const char hg_fingerprint_source[];

/* As in device/fingerprint.cl. */
struct fp_verdict {
	uint32_t failed;
	uint32_t differ;
	uint32_t check[8];
};

enum kernel { CLOCK, PREPARE, MEASURE, VERIFY, KERNELS };
enum buffer { ARENA, READING, SINK, HELPER, VERDICT, BUFFERS };

struct hg_probe {
	const struct hg_clapi *api;
	cl_device_id device;
	cl_context context;
	bool own_context;
	cl_command_queue queue;
	cl_program program;
	cl_kernel kernel[KERNELS];
	cl_mem buffer[BUFFERS];
	cl_uint units, regions, clock;
};

static int cl_failed(struct hg_gpu_error *err, const char *what, cl_int code)
{
	return hg_gpu_fail(
		err, HG_GPU_E_DEVICE,
		"OpenCL: %s (%d): is the device in use, or its driver another one than it needs?",
		what, code);
}

/* What a device says of itself bounds loops and sizes here: so it is bounded first. */
static int choose_shape(struct hg_probe *p, struct hg_gpu_error *err)
{
	cl_uint units = 0;
	cl_int ret = p->api->GetDeviceInfo(p->device, CL_DEVICE_MAX_COMPUTE_UNITS, sizeof(units),
					   &units, NULL);

	if (ret)
		return cl_failed(err, "the device does not tell how many units it has", ret);
	p->units = units < 2 ? 2 : units > FP_UNITS_MAX ? FP_UNITS_MAX : units & ~1u;
	p->regions = FP_CELLS_MAX / p->units & ~1u;
	if (p->regions > REGIONS_MAX)
		p->regions = REGIONS_MAX;
	return 0;
}

static int build(struct hg_probe *p, struct hg_gpu_error *err)
{
	static const char *const names[KERNELS] = { "fp_clock", "fp_prepare", "fp_measure",
						    "fp_verify" };
	const char *source = hg_fingerprint_source;
	char log[160] = "";
	cl_int ret;

	p->program = p->api->CreateProgramWithSource(p->context, 1, &source, NULL, &ret);
	if (!p->program)
		return cl_failed(err, "no program", ret);
	ret = p->api->BuildProgram(p->program, 1, &p->device, "", NULL, NULL);
	if (ret)
		ret = p->api->BuildProgram(p->program, 1, &p->device, "-DFP_NO_CLOCK", NULL, NULL);
	if (ret) {
		p->api->GetProgramBuildInfo(p->program, p->device, CL_PROGRAM_BUILD_LOG,
					    sizeof(log) - 1, log, NULL);
		return hg_gpu_fail(err, HG_GPU_E_DEVICE,
				   "OpenCL: the fingerprint's program does not build (%d): %s", ret,
				   log);
	}
	for (int i = 0; i < KERNELS; i++) {
		p->kernel[i] = p->api->CreateKernel(p->program, names[i], &ret);
		if (!p->kernel[i])
			return cl_failed(err, "no kernel", ret);
	}
	return 0;
}

static int make_buffers(struct hg_probe *p, struct hg_gpu_error *err)
{
	const size_t sizes[BUFFERS] = {
		[ARENA] = (size_t)p->regions * FP_REGION * 4, [READING] = sizeof(struct fp_reading),
		[SINK] = (size_t)p->units * WAVES * 4,	      [HELPER] = sizeof(struct fp_helper),
		[VERDICT] = sizeof(struct fp_verdict),
	};
	cl_int ret;

	for (int i = 0; i < BUFFERS; i++) {
		p->buffer[i] =
			p->api->CreateBuffer(p->context, CL_MEM_READ_WRITE, sizes[i], NULL, &ret);
		if (!p->buffer[i])
			return cl_failed(err, "no memory on the device", ret);
	}
	return 0;
}

struct arg {
	size_t size;
	const void *value;
};

static int launch(struct hg_probe *p, enum kernel which, const struct arg *args, cl_uint count,
		  size_t groups, size_t lanes, struct hg_gpu_error *err)
{
	size_t global = groups * lanes;
	cl_int ret = 0;

	for (cl_uint i = 0; !ret && i < count; i++)
		ret = p->api->SetKernelArg(p->kernel[which], i, args[i].size, args[i].value);
	if (!ret)
		ret = p->api->EnqueueNDRangeKernel(p->queue, p->kernel[which], 1, NULL, &global,
						   &lanes, 0, NULL, NULL);
	if (!ret)
		ret = p->api->Finish(p->queue);
	return ret ? cl_failed(err, "a kernel of the fingerprint failed", ret) : 0;
}

#define BUFFER(b)                             \
	{                                     \
		sizeof(cl_mem), &p->buffer[b] \
	}
#define WORD(w)                       \
	{                             \
		sizeof(cl_uint), &(w) \
	}

static int ask_clock(struct hg_probe *p, struct hg_gpu_error *err)
{
	const struct arg args[] = { BUFFER(VERDICT) };
	cl_int ret;

	if (launch(p, CLOCK, args, 1, 1, 1, err))
		return -1;
	ret = p->api->EnqueueReadBuffer(p->queue, p->buffer[VERDICT], CL_TRUE, 0, sizeof(p->clock),
					&p->clock, 0, NULL, NULL);
	return ret ? cl_failed(err, "nothing comes back from the device", ret) : 0;
}

static int start(struct hg_probe *p, struct hg_gpu_error *err)
{
	cl_int ret;

	if (choose_shape(p, err))
		return -1;
	if (!p->context) {
		p->context = p->api->CreateContext(NULL, 1, &p->device, NULL, NULL, &ret);
		if (!p->context)
			return cl_failed(err, "no context", ret);
		p->own_context = true;
	}
	p->queue = p->api->CreateCommandQueue(p->context, p->device, 0, &ret);
	if (!p->queue)
		return cl_failed(err, "no queue", ret);
	return build(p, err) || make_buffers(p, err) || ask_clock(p, err) ? -1 : 0;
}

int hg_probe_open(const struct hg_clapi *api, cl_device_id device, struct hg_probe **probe,
		  struct hg_gpu_error *err)
{
	return hg_probe_attach(api, NULL, device, probe, err);
}

cl_mem hg_probe_reading(const struct hg_probe *p)
{
	return p->buffer[READING];
}

int hg_probe_attach(const struct hg_clapi *api, cl_context context, cl_device_id device,
		    struct hg_probe **probe, struct hg_gpu_error *err)
{
	struct hg_probe *p = calloc(1, sizeof(*p));

	*probe = NULL;
	if (!p)
		return hg_gpu_no_memory(err);
	p->api = api;
	p->device = device;
	p->context = context;
	if (start(p, err)) {
		hg_probe_close(p);
		return -1;
	}
	*probe = p;
	return 0;
}

/* The enrolled secret can be computed from a reading: it is not left for who gets the memory. */
static void forget_reading(struct hg_probe *p)
{
	void *zeros = calloc(1, sizeof(struct fp_reading));

	if (zeros)
		p->api->EnqueueWriteBuffer(p->queue, p->buffer[READING], CL_TRUE, 0,
					   sizeof(struct fp_reading), zeros, 0, NULL, NULL);
	free(zeros);
}

void hg_probe_close(struct hg_probe *p)
{
	if (!p)
		return;
	if (p->queue && p->buffer[READING])
		forget_reading(p);
	for (int i = 0; i < BUFFERS; i++)
		if (p->buffer[i])
			p->api->ReleaseMemObject(p->buffer[i]);
	for (int i = 0; i < KERNELS; i++)
		if (p->kernel[i])
			p->api->ReleaseKernel(p->kernel[i]);
	if (p->program)
		p->api->ReleaseProgram(p->program);
	if (p->queue)
		p->api->ReleaseCommandQueue(p->queue);
	if (p->own_context)
		p->api->ReleaseContext(p->context);
	free(p);
}

int hg_probe_measure(struct hg_probe *p, struct hg_gpu_error *err)
{
	const cl_uint walks = WALKS;
	const struct arg prepare[] = { BUFFER(ARENA), BUFFER(READING), WORD(p->units),
				       WORD(p->regions) };
	const struct arg measure[] = { BUFFER(ARENA), BUFFER(READING), WORD(walks), BUFFER(SINK) };
	size_t groups = p->clock == FP_CLOCK_UNITS ? (size_t)p->units * WAVES : p->units;

	if (p->clock != FP_CLOCK_UNITS && p->clock != FP_CLOCK_ONLY)
		return hg_gpu_fail(
			err, HG_GPU_E_UNSUPPORTED,
			"kernels of this device have no clock, so its behaviour cannot be measured: use its identity only");
	return launch(p, PREPARE, prepare, 4, GROUPS, 1, err) ||
			       launch(p, MEASURE, measure, 4, groups, 1, err)
		       ? -1
		       : 0;
}

int hg_probe_fetch(struct hg_probe *p, struct fp_reading *reading, struct hg_gpu_error *err)
{
	cl_int ret = p->api->EnqueueReadBuffer(p->queue, p->buffer[READING], CL_TRUE, 0,
					       sizeof(*reading), reading, 0, NULL, NULL);

	if (ret)
		return cl_failed(err, "the reading does not come back", ret);
	if (reading->units != p->units || reading->regions != p->regions)
		return hg_gpu_fail(
			err, HG_GPU_E_DEVICE,
			"the device's reading has %u units and %u regions, not %u and %u",
			reading->units, reading->regions, p->units, p->regions);
	for (uint32_t i = 0; i < p->units * p->regions; i++)
		if (reading->cell[i] == FP_UNSEEN)
			return hg_gpu_fail(
				err, HG_GPU_E_DEVICE,
				"unit %u of the device ran no group: leave it idle and try again",
				i / p->regions);
	return 0;
}

int hg_probe_put(struct hg_probe *p, const struct fp_reading *reading, struct hg_gpu_error *err)
{
	cl_int ret = p->api->EnqueueWriteBuffer(p->queue, p->buffer[READING], CL_TRUE, 0,
						sizeof(*reading), reading, 0, NULL, NULL);

	return ret ? cl_failed(err, "the reading does not get to the device", ret) : 0;
}

int hg_probe_verify(struct hg_probe *p, const struct fp_helper *helper, struct hg_fp_evidence *e,
		    struct hg_gpu_error *err)
{
	const struct arg args[] = { BUFFER(HELPER), BUFFER(READING), BUFFER(VERDICT) };
	struct fp_verdict v = { .failed = 1 };
	cl_int ret = p->api->EnqueueWriteBuffer(p->queue, p->buffer[HELPER], CL_TRUE, 0,
						sizeof(*helper), helper, 0, NULL, NULL);

	if (ret)
		return cl_failed(err, "the helper data does not get to the device", ret);
	if (launch(p, VERIFY, args, 3, 1, 1, err))
		return -1;
	ret = p->api->EnqueueReadBuffer(p->queue, p->buffer[VERDICT], CL_TRUE, 0, sizeof(v), &v, 0,
					NULL, NULL);
	if (ret)
		return cl_failed(err, "the verdict does not come back", ret);
	e->measured = true;
	e->failed = v.failed != 0;
	e->differ = v.differ;
	for (size_t i = 0; i < sizeof(e->check); i++)
		e->check[i] = (uint8_t)(v.check[i / 4] >> 8 * (i % 4));
	return 0;
}
