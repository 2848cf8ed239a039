// SPDX-License-Identifier: Apache-2.0
/*
 * The session program: the kernels that run on the device. docs/gpu-records.md says in
 * what order they run and what each may assume, which is little: every argument and the
 * number of work-groups come over the bus.
 */
#include "agree.h"
#include "fold.h"
#include "transfer.h"

#if defined(__CUDACC__) || defined(__CUDA__)
/* The host asks the image how it was built. */
extern "C" {
__constant__ u32 hg_lanes = HG_LANES;
}
#endif

/* Keys for tests and development: @s0 to @s3 are the secret, in clear. */
HG_KERNEL hg_install(HG_GLOBAL struct hg_state *state, u64 s0, u64 s1, u64 s2, u64 s3, u64 t0,
		     u64 t1, u64 t2, u64 t3, u64 session, u32 suite)
{
	u32 secret[8] = {(u32)s0, (u32)(s0 >> 32), (u32)s1, (u32)(s1 >> 32),
			 (u32)s2, (u32)(s2 >> 32), (u32)s3, (u32)(s3 >> 32)};
	u32 transcript[8] = {(u32)t0, (u32)(t0 >> 32), (u32)t1, (u32)(t1 >> 32),
			     (u32)t2, (u32)(t2 >> 32), (u32)t3, (u32)(t3 >> 32)};

	if (launch_fits(1) && HG_LANE == 0)
		state_keys(state, secret, transcript, session, suite);
}

HG_KERNEL hg_bind(HG_GLOBAL struct hg_state *state, HG_GLOBAL u8 *buffer, u64 id, u64 size,
		  HG_GLOBAL u32 *out)
{
	HG_SHARED u32 sum[5 * HG_LANES + 2];

	if (launch_single(state))
		bind_buffer(state, HG_ADDRESS(buffer), id, size, out, sum);
}

HG_KERNEL hg_check(HG_GLOBAL struct hg_state *state, HG_GLOBAL const u32 *records,
		   HG_GLOBAL u8 *dst, u32 count)
{
	HG_SHARED u32 sum[5 * HG_LANES + 2];

	check_launch(state, records, HG_ADDRESS(dst), count, sum);
}

HG_KERNEL hg_open(HG_GLOBAL struct hg_state *state, HG_GLOBAL u8 *dst, u32 count)
{
	HG_SHARED u32 flag[1];

	open_launch(state, dst, count, flag);
}

HG_KERNEL hg_open_small(HG_GLOBAL struct hg_state *state, HG_GLOBAL const u32 *records,
			HG_GLOBAL u8 *dst0, HG_GLOBAL u8 *dst1, HG_GLOBAL u8 *dst2,
			HG_GLOBAL u8 *dst3, u32 count)
{
	HG_SHARED u32 sum[5 * HG_LANES + 2];

	if (HG_GROUP == 0)
		open_small(state, records, dst0, dst1, dst2, dst3, count, sum);
}

HG_KERNEL hg_seal(HG_GLOBAL struct hg_state *state, HG_GLOBAL const u8 *src, HG_GLOBAL u32 *out,
		  u64 id, u64 offset, u32 length)
{
	HG_SHARED u32 sum[5 * HG_LANES + 2];

	seal_launch(state, src, out, id, offset, length, sum);
}

HG_KERNEL hg_receipt(HG_GLOBAL struct hg_state *state, HG_GLOBAL u32 *out)
{
	HG_SHARED u32 sum[5 * HG_LANES + 2];

	if (launch_single(state))
		seal_receipt(state, out, sum);
}

/* A bound buffer becomes a launch area, and is folded. One group. */
HG_KERNEL hg_area(HG_GLOBAL struct hg_state *state, HG_GLOBAL struct hg_launch *area, u64 id,
		  u32 index)
{
	if (HG_GROUP == 0)
		area_launch(state, area, id, index);
}

HG_KERNEL hg_fold(HG_GLOBAL struct hg_state *state, HG_GLOBAL struct hg_launch *area, u32 index,
		  u64 next, u32 commit)
{
	if (HG_GROUP == 0)
		fold_launch(state, area, index, next, commit);
}

HG_KERNEL hg_commit(HG_GLOBAL struct hg_state *state, u32 index)
{
	if (HG_GROUP == 0)
		commit_launch(state, index);
}

/* docs/gpu-protocol.md. One work-group; first and last of a session's. */
HG_KERNEL hg_agree_clear(HG_GLOBAL struct agree *agree)
{
	agree_reset(agree);
}

/* NOISE_GROUPS work-groups; @reading is not read for an anonymous device. */
HG_KERNEL hg_agree_hello(HG_GLOBAL struct agree *agree, HG_GLOBAL struct agree_wire *wire,
			 HG_GLOBAL const struct fp_reading *reading, u32 steps)
{
	agree_launch(agree, wire, reading, steps);
}

HG_KERNEL hg_agree_finish(HG_GLOBAL struct agree *agree, HG_GLOBAL struct agree_wire *wire,
			  HG_GLOBAL struct hg_state *state)
{
	agree_finish(agree, wire, state);
}
