/* SPDX-License-Identifier: Apache-2.0 */
/* A fw_cfg device in memory, and what every test includes. */
#ifndef HG_LOADER_FAKE_H
#define HG_LOADER_FAKE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../../vmm/loader/fwcfg.h"

#define FAKE_ITEMS	64

struct fake_item {
	const void *data;
	uint32_t size;
};

extern struct fake_item fake_item[FAKE_ITEMS];
extern bool fake_broken;		/* it refuses everything */
/* The last fwcfg_write(). */
extern struct fake_written {
	unsigned int count;
	uint16_t key;
	uint32_t offset, size;
	uint64_t value;
} fake_written;

/* An empty device. */
void fake_reset(void);

/* Add the file @name, of which the directory says that it has @claimed bytes. */
void fake_file(const char *name, const void *data, uint32_t size, uint32_t claimed);

/* @wrong is an error that has @part in it. */
void assert_wrong(const char *wrong, const char *part);
#define assert_right(wrong) assert_null(wrong)

#endif
