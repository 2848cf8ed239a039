// SPDX-License-Identifier: Apache-2.0
#include "fwcfg.h"

#include "bytes.h"

#define FILES_MAX	128u	/* QEMU has some dozens */

/* Big-endian, as the directory's count. */
struct entry {
	uint32_t size;
	uint16_t key, reserved;
	char name[FWCFG_NAME_SIZE];
};

static struct entry directory[FILES_MAX];
static uint32_t files;

uint32_t fwcfg_number(uint16_t key)
{
	uint32_t value;

	return fwcfg_read(key, 0, &value, sizeof(value)) ? value : 0;
}

const char *fwcfg_read_directory(void)
{
	uint32_t count;

	files = 0;
	if (!fwcfg_read(FWCFG_DIRECTORY, 0, &count, sizeof(count)))
		return "cannot read the directory of fw_cfg";
	count = __builtin_bswap32(count);
	if (count > FILES_MAX)
		return "the directory of fw_cfg has too many files";
	if (!fwcfg_read(FWCFG_DIRECTORY, sizeof(count), directory,
			count * (uint32_t)sizeof(directory[0])))
		return "cannot read the directory of fw_cfg";
	files = count;
	return NULL;
}

bool fwcfg_find(const char *name, struct fwcfg_file *file)
{
	uint32_t i;

	for (i = 0; i < files; i++) {
		if (fwcfg_same_name(name, directory[i].name)) {
			file->key = __builtin_bswap16(directory[i].key);
			file->size = __builtin_bswap32(directory[i].size);
			return true;
		}
	}
	return false;
}
