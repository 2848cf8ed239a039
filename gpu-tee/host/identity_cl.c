// SPDX-License-Identifier: Apache-2.0
#include "identity_cl.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXTENSIONS_MAX 65536u

struct source {
	const struct hg_clapi *api;
	cl_device_id device;
	cl_platform_id platform;
};

/* A text of the driver's, ended here whatever it wrote. NULL if there is none or too much. */
static char *text_of(const struct source *s, cl_uint what, bool of_platform)
{
	size_t size = 0;
	char *text;
	cl_int ret;

	ret = of_platform ? s->api->GetPlatformInfo(s->platform, what, 0, NULL, &size)
			  : s->api->GetDeviceInfo(s->device, what, 0, NULL, &size);
	if (ret || !size || size > EXTENSIONS_MAX)
		return NULL;
	text = calloc(1, size + 1);
	if (!text)
		return NULL;
	ret = of_platform ? s->api->GetPlatformInfo(s->platform, what, size, text, NULL)
			  : s->api->GetDeviceInfo(s->device, what, size, text, NULL);
	if (!ret && *text)
		return text;
	free(text);
	return NULL;
}

static void add_text(const struct source *s, struct hg_fp_identity *id, const char *name,
		     cl_uint what)
{
	char *text = text_of(s, what, false);

	if (text)
		hg_fp_set(id, name, "%s", text);
	free(text);
}

/* Integers of 32 and 64 bits, whatever size the driver has for it. */
static void add_number(const struct source *s, struct hg_fp_identity *id, const char *name,
		       cl_uint what, const char *format)
{
	uint64_t value = 0;
	size_t size = 0;
	char text[32];

	if (s->api->GetDeviceInfo(s->device, what, sizeof(value), &value, &size) ||
	    (size != 4 && size != 8))
		return;
	if (size == 4)
		value &= 0xffffffff;
	if (!strcmp(format, "x"))
		snprintf(text, sizeof(text), "%04llx", (unsigned long long)value);
	else
		snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	hg_fp_set(id, name, "%s", text);
}

static void add_bytes(const struct source *s, struct hg_fp_identity *id, const char *name,
		      cl_uint what, size_t want)
{
	uint8_t bytes[16] = { 0 }, any = 0;
	char hex[33] = "";
	size_t size = 0;

	if (s->api->GetDeviceInfo(s->device, what, want, bytes, &size) || size != want)
		return;
	for (size_t i = 0; i < want; i++) {
		snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
		any |= bytes[i];
	}
	if (any)
		hg_fp_set(id, name, "%s", hex);
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Their order says nothing: the hash is over the sorted names, a blank behind each. */
static void add_extensions(const struct source *s, struct hg_fp_identity *id)
{
	char *text = text_of(s, CL_DEVICE_EXTENSIONS, false), *save = NULL, *names[2048] = { NULL },
	     hex[65];
	EVP_MD_CTX *ctx = text ? EVP_MD_CTX_new() : NULL;
	uint8_t hash[32];
	size_t count = 0;
	bool ok;

	for (char *n = text ? strtok_r(text, " ", &save) : NULL; n && count < 2048;
	     n = strtok_r(NULL, " ", &save))
		names[count++] = n;
	if (count)
		qsort(names, count, sizeof(*names), compare);
	ok = count && ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;
	for (size_t i = 0; ok && i < count; i++)
		ok = EVP_DigestUpdate(ctx, names[i], strlen(names[i])) == 1 &&
		     EVP_DigestUpdate(ctx, " ", 1) == 1;
	if (ok && EVP_DigestFinal_ex(ctx, hash, NULL) == 1) {
		for (size_t i = 0; i < 32; i++)
			snprintf(hex + 2 * i, 3, "%02x", hash[i]);
		hg_fp_set(id, "cl.extensions", "sha256:%s", hex);
	}
	EVP_MD_CTX_free(ctx);
	free(text);
}

static void add_platform(const struct source *s, struct hg_fp_identity *id)
{
	char *name = text_of(s, CL_PLATFORM_NAME, true);
	char *version = text_of(s, CL_PLATFORM_VERSION, true);

	if (name)
		hg_fp_set(id, "cl.platform", "%s, %s", name, version ? version : "no version");
	free(name);
	free(version);
}

int hg_cl_pci_address(const struct hg_clapi *api, cl_device_id device, char *to, size_t size)
{
	cl_device_pci_bus_info_khr bus;
	size_t got = 0;

	if (api->GetDeviceInfo(device, CL_DEVICE_PCI_BUS_INFO_KHR, sizeof(bus), &bus, &got) ||
	    got != sizeof(bus) || bus.pci_domain > 0xffff || bus.pci_bus > 0xff ||
	    bus.pci_device > 0x1f || bus.pci_function > 7)
		return -1;
	snprintf(to, size, "%04x:%02x:%02x.%x", bus.pci_domain, bus.pci_bus, bus.pci_device,
		 bus.pci_function);
	return 0;
}

int hg_cl_identity(const struct hg_clapi *api, cl_device_id device, struct hg_fp_identity *id,
		   struct hg_gpu_error *err)
{
	struct source s = { .api = api, .device = device };
	cl_bool valid = CL_FALSE;

	if (api->GetDeviceInfo(device, CL_DEVICE_PLATFORM, sizeof(s.platform), &s.platform, NULL))
		return hg_gpu_fail(err, HG_GPU_E_DEVICE, "OpenCL: the device does not answer");
	add_text(&s, id, "cl.name", CL_DEVICE_NAME);
	add_text(&s, id, "cl.vendor", CL_DEVICE_VENDOR);
	add_text(&s, id, "cl.driver", CL_DRIVER_VERSION);
	add_text(&s, id, "cl.device_version", CL_DEVICE_VERSION);
	add_number(&s, id, "cl.vendor_id", CL_DEVICE_VENDOR_ID, "x");
	add_number(&s, id, "cl.units", CL_DEVICE_MAX_COMPUTE_UNITS, "d");
	add_number(&s, id, "cl.memory", CL_DEVICE_GLOBAL_MEM_SIZE, "d");
	add_number(&s, id, "cl.local_memory", CL_DEVICE_LOCAL_MEM_SIZE, "d");
	add_number(&s, id, "cl.group_size", CL_DEVICE_MAX_WORK_GROUP_SIZE, "d");
	add_bytes(&s, id, "cl.uuid", CL_DEVICE_UUID_KHR, CL_UUID_SIZE_KHR);
	add_bytes(&s, id, "cl.driver_uuid", CL_DRIVER_UUID_KHR, CL_UUID_SIZE_KHR);
	if (!api->GetDeviceInfo(device, CL_DEVICE_LUID_VALID_KHR, sizeof(valid), &valid, NULL) &&
	    valid)
		add_bytes(&s, id, "cl.luid", CL_DEVICE_LUID_KHR, CL_LUID_SIZE_KHR);
	add_extensions(&s, id);
	add_platform(&s, id);
	return *hg_fp_get(id, "cl.name")
		       ? 0
		       : hg_gpu_fail(err, HG_GPU_E_DEVICE, "OpenCL: the device has no name");
}
