/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a confidential VM starts from: kernel, initrd, command line, boot
 * parameters, ACPI tables and the shim that the CPU runs first. Laid out in
 * memory here, loaded and measured piece by piece. The same code serves hgvmm,
 * which launches it, and hgctl, which computes the digest without a VM.
 */
#ifndef HGVMM_CVM_IMAGE_H
#define HGVMM_CVM_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "image.h"
#include "memory.h"

#define CVM_SHIM_GPA	UINT64_C(0xfffff000)
#define CVM_PAGE	4096u
#define CVM_PIECES_MAX	8

struct cvm_piece {
	uint64_t gpa, size;	/* whole pages */
};

struct cvm_image {
	uint8_t *shim;		/* a page of its own, page-aligned; cvm_image_free() */
	unsigned int nr;
	struct cvm_piece piece[CVM_PIECES_MAX];	/* of guest memory, in the order of loading */
};

struct cvm_source {
	const struct image *kernel, *initrd;	/* initrd->data may be NULL */
	const char *cmdline;
	unsigned int cpus;
	bool pic;		/* the PIC exists: --irqchip on */
};

/*
 * Fill zeroed @mem and @image. 0, or after a message: -E2BIG, -ENOEXEC (only a
 * bzImage can be measured), -EINVAL, -ENOMEM.
 */
int cvm_image_build(struct cvm_image *image, const struct guest_mem *mem,
		    const struct cvm_source *src);
void cvm_image_free(struct cvm_image *image);

#endif
