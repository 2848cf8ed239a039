// SPDX-License-Identifier: Apache-2.0
#include "opencl.h"

#include <string.h>

#define PLATFORMS   16u
#define DEVICES	    64u
#define NO_PLATFORM (-1001) /* of the loader's, when it finds none */

struct all {
	cl_uint platforms;
	struct {
		cl_platform_id id;
		char name[128];
		cl_uint devices;
		cl_device_id device[DEVICES];
	} platform[PLATFORMS];
};

static const char *error_name(cl_int rc)
{
	static const struct {
		cl_int rc;
		const char *name;
	} names[] = {
#define NAME(n) { n, #n }
		NAME(CL_DEVICE_NOT_FOUND),
		NAME(CL_DEVICE_NOT_AVAILABLE),
		NAME(CL_COMPILER_NOT_AVAILABLE),
		NAME(CL_MEM_OBJECT_ALLOCATION_FAILURE),
		NAME(CL_OUT_OF_RESOURCES),
		NAME(CL_OUT_OF_HOST_MEMORY),
		NAME(CL_MEM_COPY_OVERLAP),
		NAME(CL_BUILD_PROGRAM_FAILURE),
		NAME(CL_MISALIGNED_SUB_BUFFER_OFFSET),
		NAME(CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST),
		NAME(CL_DEVICE_PARTITION_FAILED),
		NAME(CL_INVALID_VALUE),
		NAME(CL_INVALID_DEVICE),
		NAME(CL_INVALID_CONTEXT),
		NAME(CL_INVALID_COMMAND_QUEUE),
		NAME(CL_INVALID_MEM_OBJECT),
		NAME(CL_INVALID_PROGRAM),
		NAME(CL_INVALID_PROGRAM_EXECUTABLE),
		NAME(CL_INVALID_KERNEL_NAME),
		NAME(CL_INVALID_KERNEL),
		NAME(CL_INVALID_ARG_INDEX),
		NAME(CL_INVALID_ARG_VALUE),
		NAME(CL_INVALID_ARG_SIZE),
		NAME(CL_INVALID_KERNEL_ARGS),
		NAME(CL_INVALID_WORK_GROUP_SIZE),
		NAME(CL_INVALID_WORK_ITEM_SIZE),
		NAME(CL_INVALID_GLOBAL_OFFSET),
		NAME(CL_INVALID_EVENT),
		NAME(CL_INVALID_OPERATION),
		NAME(CL_INVALID_BUFFER_SIZE),
		NAME(CL_INVALID_GLOBAL_WORK_SIZE),
		NAME(CL_INVALID_DEVICE_PARTITION_COUNT),
#undef NAME
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].rc == rc)
			return names[i].name;
	return "OpenCL error";
}

static const char *advice(cl_int rc)
{
	switch (rc) {
	case CL_OUT_OF_RESOURCES:
	case CL_DEVICE_NOT_AVAILABLE:
	case CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST:
	case CL_INVALID_COMMAND_QUEUE:
		return ": the device was lost, reset or out of resources; see the kernel's log";
	case CL_MEM_OBJECT_ALLOCATION_FAILURE:
	case CL_INVALID_BUFFER_SIZE:
	case CL_OUT_OF_HOST_MEMORY:
		return ": not enough memory; try a smaller model or a smaller -n";
	case CL_COMPILER_NOT_AVAILABLE:
		return ": the device has no compiler; choose another one with --device";
	}
	return "";
}

int opencl_fail(struct err *e, const char *what, cl_int rc)
{
	return refuse(e, "%s: %s (%d)%s", what, error_name(rc), rc, advice(rc));
}

/* ---- Devices ---- */

static int find_all(struct all *all, struct err *e)
{
	cl_platform_id id[PLATFORMS];
	cl_uint i, n = 0;
	cl_int rc;

	memset(all, 0, sizeof(*all));
	rc = clGetPlatformIDs(PLATFORMS, id, &n);
	if (rc == NO_PLATFORM || (!rc && !n))
		return refuse(
			e,
			"no OpenCL platform: install the GPU's driver, or pocl-opencl-icd to use the CPU; clinfo shows what is found");
	if (rc)
		return opencl_fail(e, "clGetPlatformIDs", rc);
	all->platforms = n < PLATFORMS ? n : PLATFORMS;
	for (i = 0; i < all->platforms; i++) {
		all->platform[i].id = id[i];
		if (clGetPlatformInfo(id[i], CL_PLATFORM_NAME, sizeof(all->platform[i].name) - 1,
				      all->platform[i].name, NULL))
			strcpy(all->platform[i].name, "?");
		rc = clGetDeviceIDs(id[i], CL_DEVICE_TYPE_ALL, DEVICES, all->platform[i].device,
				    &n);
		all->platform[i].devices = rc ? 0 : n < DEVICES ? n : DEVICES;
	}
	return 0;
}

static void name_of(cl_device_id d, char *buf, size_t room)
{
	memset(buf, 0, room);
	if (clGetDeviceInfo(d, CL_DEVICE_NAME, room - 1, buf, NULL))
		snprintf(buf, room, "?");
}

static cl_device_type type_of(cl_device_id d)
{
	cl_device_type type = 0;

	clGetDeviceInfo(d, CL_DEVICE_TYPE, sizeof(type), &type, NULL);
	return type;
}

int opencl_list(FILE *f, struct err *e)
{
	struct all *all = need(malloc(sizeof(*all)));
	char name[128];
	cl_uint p, d;
	int rc = find_all(all, e);

	for (p = 0; !rc && p < all->platforms; p++)
		for (d = 0; d < all->platform[p].devices; d++) {
			cl_device_id id = all->platform[p].device[d];

			name_of(id, name, sizeof(name));
			fprintf(f, "%u:%u  %s  %s (%s)\n", p, d,
				type_of(id) & CL_DEVICE_TYPE_GPU   ? "GPU"
				: type_of(id) & CL_DEVICE_TYPE_CPU ? "CPU"
								   : "other",
				name, all->platform[p].name);
		}
	free(all);
	return rc;
}

/* GPUs before others, CPUs last; -1: not what was asked for. */
static int score(const struct all *all, cl_uint p, cl_uint d, const char *want)
{
	cl_device_id id = all->platform[p].device[d];
	cl_device_type type = type_of(id);
	unsigned int wp, wd;
	char name[128], rest;

	name_of(id, name, sizeof(name));
	if (want && sscanf(want, "%u:%u%c", &wp, &wd, &rest) == 2) {
		if (p != wp || d != wd)
			return -1;
	} else if (want && !strcasestr(name, want) && !strcasestr(all->platform[p].name, want)) {
		return -1;
	}
	return type & CL_DEVICE_TYPE_GPU ? 2 : type & CL_DEVICE_TYPE_CPU ? 0 : 1;
}

static int choose(struct opencl *cl, const struct all *all, const char *want, struct err *e)
{
	int best = -1;
	cl_uint p, d;

	for (p = 0; p < all->platforms; p++)
		for (d = 0; d < all->platform[p].devices; d++) {
			int s = score(all, p, d, want);

			if (s <= best)
				continue;
			best = s;
			cl->device = all->platform[p].device[d];
			cl->cpu = type_of(cl->device) & CL_DEVICE_TYPE_CPU;
			snprintf(cl->platform, sizeof(cl->platform), "%s", all->platform[p].name);
		}
	if (best < 0 && want)
		return refuse(e, "no device '%.80s': llama --list shows those there are", want);
	if (best < 0)
		return refuse(e, "%u OpenCL platforms, but no device; clinfo shows why",
			      all->platforms);
	name_of(cl->device, cl->name, sizeof(cl->name));
	return 0;
}

static int restrict_threads(struct opencl *cl, uint32_t threads, struct err *e)
{
	cl_device_partition_property how[] = { CL_DEVICE_PARTITION_BY_COUNTS, (intptr_t)threads,
					       CL_DEVICE_PARTITION_BY_COUNTS_LIST_END, 0 };
	cl_uint units = 0, n = 0;
	cl_int rc;

	clGetDeviceInfo(cl->device, CL_DEVICE_MAX_COMPUTE_UNITS, sizeof(units), &units, NULL);
	if (!cl->cpu)
		return refuse(e, "--threads: '%s' is not a CPU", cl->name);
	if (threads > units)
		return refuse(e, "--threads %u: '%s' has %u compute units", threads, cl->name,
			      units);
	if (threads == units)
		return 0;
	rc = clCreateSubDevices(cl->device, how, 1, &cl->device, &n);
	if (rc)
		return opencl_fail(e, "--threads: clCreateSubDevices", rc);
	cl->sub = true;
	return 0;
}

int opencl_open(struct opencl *cl, const char *name, uint32_t threads, struct err *e)
{
	struct all *all = need(malloc(sizeof(*all)));
	cl_int rc;
	int bad;

	memset(cl, 0, sizeof(*cl));
	bad = find_all(all, e) || choose(cl, all, name, e);
	free(all);
	if (bad || (threads && restrict_threads(cl, threads, e)))
		return -1;
	cl->context = clCreateContext(NULL, 1, &cl->device, NULL, NULL, &rc);
	if (rc) {
		cl->context = NULL;
		opencl_close(cl);
		return opencl_fail(e, "clCreateContext", rc);
	}
	cl->queue = clCreateCommandQueue(cl->context, cl->device, 0, &rc);
	if (rc) {
		cl->queue = NULL;
		opencl_close(cl);
		return opencl_fail(e, "clCreateCommandQueue", rc);
	}
	return 0;
}

void opencl_close(struct opencl *cl)
{
	if (cl->queue)
		clReleaseCommandQueue(cl->queue);
	if (cl->context)
		clReleaseContext(cl->context);
	if (cl->sub)
		clReleaseDevice(cl->device);
	memset(cl, 0, sizeof(*cl));
}

int opencl_build(struct opencl *cl, const char *source, const char *options, cl_program *program,
		 struct err *e)
{
	char log[200] = "";
	cl_program p;
	cl_int rc;

	*program = NULL;
	p = clCreateProgramWithSource(cl->context, 1, &source, NULL, &rc);
	if (rc)
		return opencl_fail(e, "clCreateProgramWithSource", rc);
	rc = clBuildProgram(p, 1, &cl->device, options, NULL, NULL);
	if (rc) {
		/* Cut where it does not fit: then nothing is given. */
		char *whole = calloc(1, 65536);

		if (whole &&
		    !clGetProgramBuildInfo(p, cl->device, CL_PROGRAM_BUILD_LOG, 65535, whole, NULL))
			snprintf(log, sizeof(log), ": %.190s", whole);
		free(whole);
		clReleaseProgram(p);
		return refuse(e, "clBuildProgram: %s (%d)%s", error_name(rc), rc, log);
	}
	*program = p;
	return 0;
}
