/* SPDX-License-Identifier: Apache-2.0 */
/* The fingerprint's kernels, a program of its own for hggpu. */
#include "behaviour.h"

/* What comes back of a verification; nothing of it is secret. */
struct fp_verdict {
	u32 failed;
	u32 differ;
	u32 check[8];
};

HG_KERNEL fp_clock(HG_GLOBAL u32 *kind)
{
	kind[0] = fp_clock_kind();
}

/* Any number of work-groups. */
HG_KERNEL fp_prepare(HG_GLOBAL u32 *arena, HG_GLOBAL struct fp_reading *reading, u32 units,
			  u32 regions)
{
	for (u32 region = HG_GROUP; region < regions; region += HG_GROUPS)
		fp_lay(arena, region);
	fp_clear(reading, units, regions, HG_GROUP, HG_GROUPS);
}

/* Work-groups of one item. */
HG_KERNEL fp_measure(HG_GLOBAL const u32 *arena, HG_GLOBAL struct fp_reading *reading,
			  u32 walks, HG_GLOBAL u32 *sink)
{
	fp_measure_unit(arena, reading, HG_GROUP, walks, sink);
}

/* One work-item. The secret stays in its registers. */
HG_KERNEL fp_verify(HG_GLOBAL const struct fp_helper *helper,
			 HG_GLOBAL const struct fp_reading *reading,
			 HG_GLOBAL struct fp_verdict *verdict)
{
	u8 secret[FP_SECRET_BYTES];
	u32 differ, check[8];
	int failed = fp_reproduce_score(helper, reading, secret, &differ);

	fp_check_value(secret, check);
	verdict->failed = failed != 0;
	verdict->differ = differ;
	for (u32 i = 0; i < 8; i++)
		verdict->check[i] = failed ? 0 : check[i];
}
