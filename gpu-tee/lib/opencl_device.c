// SPDX-License-Identifier: Apache-2.0
/* Devices of OpenCL: a context of the library's own, which the target measures in, too. */
#include "lib.h"

#include "identity_cl.h"

#include <stdio.h>
#include <stdlib.h>

/* Fills name, place and the rest out of the identity. */
static void describe(struct hg_gpu_info *info, int index, const struct hg_fp_identity *id,
		     const char *pci)
{
	info->struct_size = sizeof(*info);
	lib_text(info->provider, sizeof(info->provider), lib_opencl.name);
	snprintf(info->selector, sizeof(info->selector), "%d", index);
	lib_text(info->name, sizeof(info->name), hg_fp_get(id, "cl.name"));
	lib_text(info->pci, sizeof(info->pci), pci);
	info->memory = strtoull(hg_fp_get(id, "cl.memory"), NULL, 10);
	info->units = (uint32_t)strtoul(hg_fp_get(id, "cl.units"), NULL, 10);
}

static int inspect(const struct hg_clapi *api, cl_device_id device, int index,
		   struct hg_gpu_info *info, struct hg_gpu_error *err)
{
	struct hg_fp_identity id = { 0 };
	char pci[HG_PCI_ADDRESS] = "";

	if (hg_cl_identity(api, device, &id, err))
		return -1;
	hg_cl_pci_address(api, device, pci, sizeof(pci));
	describe(info, index, &id, pci);
	lib_describe(info);
	return 0;
}

/* How many there are, or -1. */
static int find_all(struct hg_clapi *api, cl_device_id *devices, struct hg_gpu_error *err)
{
	return hg_clapi_open(api, err) ? -1 : hg_clapi_devices(api, devices, err);
}

static int list(struct hg_gpu_list *list, struct hg_gpu_error *err)
{
	cl_device_id devices[HG_CL_DEVICES_MAX];
	struct hg_clapi api;
	int count = find_all(&api, devices, err);

	for (int i = 0; i < count; i++) {
		struct hg_gpu_info info = { 0 };

		/* One that does not answer is not there. */
		if (!inspect(&api, devices[i], i, &info, err) && lib_list_add(list, &info, err))
			return -1;
	}
	return count < 0 ? -1 : 0;
}

static int by_address(const struct hg_clapi *api, const cl_device_id *devices, int count,
		      const char *address)
{
	char at[HG_PCI_ADDRESS];

	for (int i = 0; i < count; i++)
		if (!hg_cl_pci_address(api, devices[i], at, sizeof(at)) && !strcmp(at, address))
			return i;
	return -1;
}

static int choose(const char *selector, int *index, struct hg_gpu_error *err)
{
	cl_device_id devices[HG_CL_DEVICES_MAX];
	struct hg_clapi api;
	int count = find_all(&api, devices, err);
	uint64_t number;

	if (count < 0)
		return -1;
	if (!count)
		return hg_gpu_fail(err, LIB_NOT_FOUND,
				   "OpenCL has no device: is the driver of the GPU installed?");
	if (!selector && count > 1)
		return hg_gpu_fail(err, LIB_NOT_FOUND, "%d OpenCL devices: select one", count);
	*index = 0;
	if (!selector)
		return 0;
	*index = lib_number(selector, (uint64_t)count - 1, &number)
			 ? (int)number
			 : by_address(&api, devices, count, selector);
	return *index >= 0 ? 0
			   : hg_gpu_fail(err, LIB_NOT_FOUND,
					 "no OpenCL device \"%.40s\" among %d, by number or by "
					 "PCI address",
					 selector, count);
}

static int open_context(struct hg_opencl_device *d, struct hg_gpu_error *err)
{
	cl_int rc;

	d->context = d->target.api.CreateContext(NULL, 1, &d->target.device, NULL, NULL, &rc);
	if (!d->context)
		return hg_gpu_fail(err, HG_GPU_E_DEVICE,
				   "the OpenCL driver failed: clCreateContext: error %d", rc);
	d->target.context = d->context;
	return 0;
}

static int open_device(struct hg_gpu *gpu, const struct hg_gpu_open_options *options,
		       struct hg_gpu_error *err)
{
	struct hg_opencl_device *d = &gpu->cl;
	struct hg_choice *c = &d->choice;

	c->simulated = options->flags & HG_GPU_OPEN_SIMULATED_BEHAVIOUR;
	c->rom = options->flags & HG_GPU_OPEN_ROM;
	c->serial = options->serial;
	if (c->simulated && c->rom)
		return hg_gpu_fail(err, HG_GPU_E_ARGUMENT, "a simulated device has no ROM");
	if (choose(options->selector, &c->device, err) || lib_target_open(gpu, err))
		return -1;
	if (inspect(&d->target.api, d->target.device, c->device, &gpu->info, err))
		return -1;
	gpu->info.simulated = c->simulated;
	return open_context(d, err);
}

static void release(struct hg_gpu *gpu)
{
	struct hg_opencl_device *d = &gpu->cl;

	if (d->context) {
		hg_probe_close(d->target.probe);
		d->target.probe = NULL;
		d->target.api.ReleaseContext(d->context);
	}
	hg_target_close(&d->target);
}

static int provider(struct hg_gpu *gpu, unsigned suite, struct hg_provider **p,
		    struct hg_gpu_error *err)
{
	const struct _cl_icd_dispatch *dispatch = hg_opencl_dispatch(err);

	if (!dispatch)
		return -1;
	return hg_opencl_attach_suites(dispatch, gpu->cl.context, gpu->cl.target.device, 0,
				       1u << suite, p, err);
}

/* The comparison has left one there. */
static int reading(struct hg_gpu *gpu, struct hg_provider *p, struct hg_queue *queue,
		   struct hg_buffer **on_device, struct hg_buffer **made, struct hg_gpu_error *err)
{
	(void)p;
	(void)queue;
	*made = NULL;
	if (!gpu->cl.target.probe)
		return hg_gpu_fail(err, HG_GPU_E_DEVICE, "the behaviour was not measured");
	*on_device = HG_BUFFER(hg_probe_reading(gpu->cl.target.probe));
	return 0;
}

const struct hg_provider_kind lib_opencl = {
	.name = "opencl",
	.fingerprint = true,
	.list = list,
	.open = open_device,
	.release = release,
	.provider = provider,
	.reading = reading,
};
