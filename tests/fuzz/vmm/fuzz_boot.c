// SPDX-License-Identifier: Apache-2.0
/*
 * Kernel images. The first byte chooses an ELF or a bzImage magic, so that the
 * fuzzer need not find it; what is accepted must start inside guest memory.
 */
#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "boot.h"
#include "util.h"

#define RAM (2 * MiB)

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct guest_mem mem;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	mem.nr = 1;
	mem.region[0] = (struct guest_region){ 0, RAM, calloc(1, RAM) };
	return mem.region[0].host ? 0 : 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t initrd_data[4096];
	struct image kernel, initrd = { initrd_data, sizeof(initrd_data) };
	struct boot_source src = { &kernel, &initrd, "quiet", 0xe0000 };
	struct boot_entry entry = { 0 };
	size_t pad = 0;

	if (size < 8)
		return 0;
	if (data[0] & 1)
		pad = 0x1f1;
	kernel.size = pad + size - 1 + (data[0] & 1 ? 0x1000 : 0);
	kernel.data = calloc(1, kernel.size);
	memcpy(kernel.data + pad, data + 1, size - 1);
	if (data[0] & 1)
		put_le32(kernel.data + 0x202, 0x53726448);
	else
		memcpy(kernel.data, "\177ELF\2\1\1", 7);
	if (!boot_load(&mem, &src, &entry))
		assert(entry.mode != BOOT_LINUX64 || guest_ptr(&mem, entry.rip - 0x200, 1));
	free(kernel.data);
	return 0;
}
