/* SPDX-License-Identifier: Apache-2.0 */
/* Guest memory for tests: exact allocations, so that ASan sees every overrun. */
#ifndef TESTS_UNIT_VMM_RAM_H
#define TESTS_UNIT_VMM_RAM_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>

#include "memory.h"

/* One region of @low bytes at 0 and, if @high, one of @high bytes at 4 GiB. */
static inline void ram_init(struct guest_mem *mem, uint64_t low, uint64_t high)
{
	*mem = (struct guest_mem){ .nr = high ? 2 : 1 };
	mem->region[0] = (struct guest_region){ 0, low, calloc(1, low) };
	if (high)
		mem->region[1] = (struct guest_region){ MEM_HIGH_BASE, high, calloc(1, high) };
}

static inline void ram_free(struct guest_mem *mem)
{
	unsigned int i;

	for (i = 0; i < mem->nr; i++)
		free(mem->region[i].host);
}

#endif
