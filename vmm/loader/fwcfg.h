/* SPDX-License-Identifier: Apache-2.0 */
/*
 * QEMU's fw_cfg device: what it has for the firmware, by number or by name
 * (QEMU's docs/specs/fw_cfg). All of it is the host's word.
 */
#ifndef HG_LOADER_FWCFG_H
#define HG_LOADER_FWCFG_H

#include <stdbool.h>
#include <stdint.h>

#define FWCFG_SIGNATURE		0x00
#define FWCFG_FEATURES		0x01
#define FWCFG_KERNEL_SIZE	0x08
#define FWCFG_INITRD_SIZE	0x0b
#define FWCFG_KERNEL_DATA	0x11
#define FWCFG_INITRD_DATA	0x12
#define FWCFG_CMDLINE_SIZE	0x14
#define FWCFG_CMDLINE_DATA	0x15
#define FWCFG_SETUP_SIZE	0x17
#define FWCFG_SETUP_DATA	0x18
#define FWCFG_DIRECTORY		0x19

#define FWCFG_NAME_SIZE		56	/* its zero included */

struct fwcfg_file {
	uint16_t key;
	uint32_t size;
};

/* NULL, or what is wrong: not QEMU's, or without DMA. Call it first. */
const char *fwcfg_init(void);

/*
 * Copy the @size bytes from @offset of item @key to @to. Beyond the item's end
 * come zeros. False: the device refused.
 */
bool fwcfg_read(uint16_t key, uint32_t offset, void *to, uint32_t size);

/* As fwcfg_read(), to the device. */
bool fwcfg_write(uint16_t key, uint32_t offset, const void *from, uint32_t size);

/* The item @key as a little-endian number; 0 if there is none. */
uint32_t fwcfg_number(uint16_t key);

/* Read the directory, for fwcfg_find(). NULL, or what is wrong. */
const char *fwcfg_read_directory(void);

/* Look the file @name up, which has a zero within FWCFG_NAME_SIZE bytes. */
bool fwcfg_find(const char *name, struct fwcfg_file *file);

/* Names of FWCFG_NAME_SIZE bytes at most, their zeros included; one without a zero is nobody's. */
static inline bool fwcfg_same_name(const char *a, const char *b)
{
	unsigned int i;

	for (i = 0; i < FWCFG_NAME_SIZE; i++) {
		if (a[i] != b[i])
			return false;
		if (!a[i])
			return true;
	}
	return false;
}

#endif
