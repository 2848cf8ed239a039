// SPDX-License-Identifier: Apache-2.0
/* Code. It crosses in clear: the report has its hash. */
#include "shim.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FATBIN	       0xba55ed50u
#define FATBIN_WRAPPER 0x466243b1u
#define PRINTS	       "vprintf" /* what printf is in it */

struct fatbin {
	uint32_t magic;
	uint16_t version, header;
	uint64_t size;
};

struct wrapper {
	uint32_t magic, version;
	const void *image;
};

/* Bytes of a cubin, which ends with one of its tables. */
static size_t size_of_elf(const void *image)
{
	Elf64_Ehdr e;
	uint64_t sections, segments;

	memcpy(&e, image, sizeof(e));
	sections = e.e_shoff + (uint64_t)e.e_shnum * e.e_shentsize;
	segments = e.e_phoff + (uint64_t)e.e_phnum * e.e_phentsize;
	return sections > segments ? sections : segments;
}

/* What an image is follows from its first bytes, as for the driver. */
static void count_image(const void *image)
{
	struct fatbin f;
	struct wrapper w;
	size_t size;
	bool text = false;

	memcpy(&f.magic, image, sizeof(f.magic));
	if (f.magic == FATBIN_WRAPPER) {
		memcpy(&w, image, sizeof(w));
		image = w.image;
		memcpy(&f.magic, image, sizeof(f.magic));
	}
	if (f.magic == FATBIN) {
		memcpy(&f, image, sizeof(f));
		size = f.header + f.size;
	} else if (!memcmp(image, ELFMAG, SELFMAG)) {
		size = size_of_elf(image);
	} else {
		size = strlen(image);
		text = true;
	}
	report_program(text ? "ptx" : "binary", image, size,
		       memmem(image, size, PRINTS, sizeof(PRINTS) - 1) != NULL);
	report_in_clear(text ? CLEAR_SOURCE : CLEAR_BINARY, size);
}

static CUresult load(CUmodule *module, const void *image, unsigned count, int *names, void **values)
{
	CUresult rc = shim_ready();

	if (rc != CUDA_SUCCESS)
		return rc;
	if (!module || !image)
		return CUDA_ERROR_INVALID_VALUE;
	rc = shim_api.cuModuleLoadDataEx(module, image, count, names, values);
	if (rc == CUDA_SUCCESS)
		count_image(image);
	return rc;
}

API CUresult cuModuleLoadDataEx(CUmodule *module, const void *image, unsigned count, int *names,
				void **values);
API CUresult cuModuleLoadDataEx(CUmodule *module, const void *image, unsigned count, int *names,
				void **values)
{
	return load(module, image, count, names, values);
}

API CUresult cuModuleLoadData(CUmodule *module, const void *image);
API CUresult cuModuleLoadData(CUmodule *module, const void *image)
{
	return load(module, image, 0, NULL, NULL);
}

API CUresult cuModuleLoadFatBinary(CUmodule *module, const void *image);
API CUresult cuModuleLoadFatBinary(CUmodule *module, const void *image)
{
	return load(module, image, 0, NULL, NULL);
}

/* With an end, as PTX has to have one. */
static char *read_all(const char *path)
{
	FILE *f = fopen(path, "rbe");
	char *all = NULL;
	long size;

	if (!f)
		return NULL;
	if (!fseek(f, 0, SEEK_END) && (size = ftell(f)) > 0 && !fseek(f, 0, SEEK_SET)) {
		all = calloc(1, (size_t)size + sizeof(Elf64_Ehdr));
		if (all && fread(all, 1, (size_t)size, f) != (size_t)size) {
			free(all);
			all = NULL;
		}
	}
	fclose(f);
	return all;
}

API CUresult cuModuleLoad(CUmodule *module, const char *path);
API CUresult cuModuleLoad(CUmodule *module, const char *path)
{
	char *image;
	CUresult rc;

	if (!path)
		return CUDA_ERROR_INVALID_VALUE;
	image = read_all(path);
	if (!image)
		return CUDA_ERROR_FILE_NOT_FOUND;
	rc = load(module, image, 0, NULL, NULL);
	free(image);
	return rc;
}
