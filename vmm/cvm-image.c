// SPDX-License-Identifier: Apache-2.0
#include "cvm-image.h"

#include <asm/bootparam.h>
#include <errno.h>
#include <stdlib.h>

#include "acpi.h"
#include "boot.h"
#include "util.h"

extern const uint8_t cvm_shim[CVM_PAGE], cvm_shim_args[8];

static int add_piece(struct cvm_image *image, uint64_t gpa, uint64_t size)
{
	uint64_t first = align_down(gpa, CVM_PAGE), end = align_up(gpa + size, CVM_PAGE);

	if (!size)
		return 0;
	if (image->nr == CVM_PIECES_MAX)
		return -E2BIG;
	image->piece[image->nr++] = (struct cvm_piece){ first, end - first };
	return 0;
}

static int make_shim(struct cvm_image *image, uint64_t entry)
{
	uint8_t *args;

	image->shim = aligned_alloc(CVM_PAGE, CVM_PAGE);
	if (!image->shim)
		return -ENOMEM;
	memcpy(image->shim, cvm_shim, CVM_PAGE);
	args = image->shim + ((uintptr_t)cvm_shim_args - (uintptr_t)cvm_shim);
	put_le32(args, (uint32_t)entry);
	put_le32(args + 4, (uint32_t)BOOT_PARAMS);
	return 0;
}

/* Where boot_load() has put things, as the boot parameters tell the kernel. */
static int list_pieces(struct cvm_image *image, const struct guest_mem *mem,
		       const struct cvm_source *src)
{
	const struct boot_params *bp = guest_ptr(mem, BOOT_PARAMS, sizeof(*bp));
	uint64_t kernel = bp->hdr.code32_start;
	size_t setup = ((size_t)(bp->hdr.setup_sects ? bp->hdr.setup_sects : 4) + 1) * 512;
	int ret;

	ret = add_piece(image, BOOT_PARAMS, sizeof(*bp));
	if (!ret)
		ret = add_piece(image, BOOT_CMDLINE, strlen(src->cmdline) + 1);
	if (!ret)
		ret = add_piece(image, BOOT_ACPI, BOOT_ACPI_SIZE);
	if (!ret)
		ret = add_piece(image, kernel, src->kernel->size - setup);
	if (!ret)
		ret = add_piece(image, bp->hdr.ramdisk_image, bp->hdr.ramdisk_size);
	return ret ? ret : make_shim(image, kernel);
}

int cvm_image_build(struct cvm_image *image, const struct guest_mem *mem,
		    const struct cvm_source *src)
{
	struct acpi_config acpi = { .cpus = src->cpus, .pic = src->pic, .serial = true };
	struct boot_source boot = {
		.kernel = src->kernel, .initrd = src->initrd, .cmdline = src->cmdline,
	};
	struct boot_entry entry;
	int ret;

	memset(image, 0, sizeof(*image));
	boot.rsdp = acpi_build(mem, BOOT_ACPI, BOOT_ACPI_SIZE, &acpi);
	if (!boot.rsdp) {
		hg_err("the ACPI tables do not fit");
		return -E2BIG;
	}
	ret = boot_load(mem, &boot, &entry);
	if (ret)
		return ret;
	if (entry.mode != BOOT_LINUX64) {
		hg_err("a confidential VM starts from a Linux bzImage, not from an ELF kernel");
		return -ENOEXEC;
	}
	return list_pieces(image, mem, src);
}

void cvm_image_free(struct cvm_image *image)
{
	free(image->shim);
	image->shim = NULL;
	image->nr = 0;
}
