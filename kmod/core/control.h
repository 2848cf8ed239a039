/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The fields of the hardware control block, by name: for a dump that people
 * can read. The layout is the vendor's; the reader needs only this.
 */
#ifndef HG_CORE_CONTROL_H
#define HG_CORE_CONTROL_H

#include "types.h"

struct hg_control_field {
	const char *name;
	u16 offset;		/* in what HG_CALL_VCPU_DUMP copies */
	u16 size;		/* 1, 2, 4 or 8 bytes */
};

/* The fields of the backend in use, *@count of them. NULL before the start. */
const struct hg_control_field *hg_control_fields(u32 *count);

#endif /* HG_CORE_CONTROL_H */
