/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ACPI tables: QEMU brings them as files, with a script that says how they are
 * linked (its etc/table-loader). Script and tables are the host's word, so every
 * number is checked before it is used; what the tables say is not.
 */
#ifndef HG_LOADER_TABLES_H
#define HG_LOADER_TABLES_H

#include <stdint.h>

#include "fwcfg.h"

#define TABLES_COMMAND	128u	/* bytes of a command */
#define TABLES_FILES	16u

struct tables_file {
	char name[FWCFG_NAME_SIZE];
	uint8_t *data;
	uint64_t address;	/* where the guest has it */
	uint32_t size;
};

struct tables {
	uint8_t *base;		/* room for all files */
	uint64_t address;	/* of @base, for the guest: a multiple of 4096 */
	uint32_t size, used;
	unsigned int count;
	struct tables_file file[TABLES_FILES];
};

/* Run the @script of @size bytes. NULL, or what is wrong with it. */
const char *tables_run(struct tables *tables, const uint8_t *script, uint32_t size);

/* Where the guest finds the file @name; 0: there is none. */
uint64_t tables_address(const struct tables *tables, const char *name);

#endif
