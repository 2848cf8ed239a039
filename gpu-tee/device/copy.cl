/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies on the device, in OpenCL C: they stand in for the driver's own commands. The layer
 * rewrites this text like an application's (docs/gpu-kernels.md), so what they were told is
 * masked, and each copy is logged and receipted.
 *
 * KIND is 0: between buffers; else between a buffer and images of a kind, below.
 *
 * The last value is a digest of the others and of the size of the launch: what somebody
 * altered who does not know what the others are copies nothing. He who knows them could make
 * the digest fit; the receipt tells in either case.
 */

ulong digest_more(ulong digest, ulong value)
{
	digest = (digest ^ value) * 0x9e3779b97f4a7c15UL;
	return digest ^ (digest >> 29);
}

ulong digest_size(void)
{
	ulong digest = 0;
	uint d;

	for (d = 0; d < 3; d++) {
		digest = digest_more(digest, get_global_size(d));
		digest = digest_more(digest, get_global_offset(d));
	}
	return digest;
}

ulong digest_pair(ulong digest, ulong a, ulong b)
{
	return digest_more(digest_more(digest, a), b);
}

#if KIND == 0

#define PIECE 16u

/* A piece at any address. */
struct loose {
	uint4 piece;
} __attribute__((packed));

/*
 * Of a line of @width bytes: the pieces @x, @x + @step and so on, at most @run of them. Returns
 * the first that is not done. Each side may lie at any address.
 */
ulong copy_line(global uchar *restrict to, global const uchar *restrict from, ulong width, ulong x,
		ulong step, ulong run)
{
	ulong whole = width / PIECE, end = x + run * step, last = end < whole ? end : whole, at;

	if ((((uintptr_t)to | (uintptr_t)from) & (PIECE - 1)) == 0)
		for (; x < last; x += step)
			((global uint4 *)to)[x] = ((global const uint4 *)from)[x];
	else
		for (; x < last; x += step)
			((global struct loose *)to)[x] = ((global const struct loose *)from)[x];
	if (x < end && x * PIECE < width) {
		for (at = x * PIECE; at < width; at++)
			to[at] = from[at];
		x += step;
	}
	return x;
}

/*
 * A box of lines: @width bytes, @rows, @slices. Its pieces are numbered line after line; a
 * group has @run pieces for each of its items, and neighbours have neighbouring pieces.
 */
kernel void layer_copy(global uchar *restrict to, global const uchar *restrict from, ulong to_at,
		       ulong to_row, ulong to_slice, ulong from_at, ulong from_row,
		       ulong from_slice, ulong width, ulong rows, ulong slices, ulong run,
		       ulong check)
{
	ulong pieces = (width + PIECE - 1) / PIECE, step = get_local_size(0);
	ulong n = get_group_id(0) * step * run + get_local_id(0);
	ulong x, y, z, i, next;

	i = digest_pair(digest_size(), to_at, to_row);
	i = digest_pair(i, to_slice, from_at);
	i = digest_pair(i, from_row, from_slice);
	i = digest_pair(i, width, rows);
	if (digest_pair(i, slices, run) != check)
		return;
	x = n % pieces;
	y = n / pieces % rows;
	z = n / pieces / rows;
	for (i = 0; i < run && z < slices; i += (next - x) / step, x = next % pieces) {
		next = copy_line(to + to_at + z * to_slice + y * to_row,
				 from + from_at + z * from_slice + y * from_row, width, x, step,
				 run - i);
		y += next / pieces;
		z += y / rows;
		y %= rows;
	}
}

#else

#if KIND == 1
#define IMAGE image2d_t
#define PLACE (int2)(x, y)
#elif KIND == 2
#pragma OPENCL EXTENSION cl_khr_3d_image_writes : enable
#define IMAGE image3d_t
#define PLACE (int4)(x, y, z, 0)
#elif KIND == 3
#define IMAGE image2d_array_t
#define PLACE (int4)(x, y, z, 0)
#elif KIND == 4
#define IMAGE image1d_t
#define PLACE x
#elif KIND == 5
#define IMAGE image1d_array_t
#define PLACE (int2)(x, y)
#elif KIND == 6
#define IMAGE image1d_buffer_t
#define PLACE x
#endif

/*
 * An element: @count parts of @bytes bytes each, least significant first. Two bits of @order,
 * from the lowest, tell for each part which of red (0) to alpha (3) it is. @as: what a part is.
 */
#define AS_UNSIGNED 0u
#define AS_SIGNED   1u
#define AS_FLOAT    2u /* its bits */
/* Else a fraction of @as. */

uint4 element_load(global const uchar *from, uint count, uint bytes, uint order)
{
	uint part[4] = { 0, 0, 0, 0 };
	uint i, k, v;

	for (i = 0; i < count; i++) {
		v = 0;
		for (k = 0; k < bytes; k++)
			v |= (uint)from[i * bytes + k] << (8 * k);
		part[order >> (2 * i) & 3] = v;
	}
	return (uint4)(part[0], part[1], part[2], part[3]);
}

void element_store(global uchar *to, uint4 v, uint count, uint bytes, uint order)
{
	uint part[4] = { v.x, v.y, v.z, v.w };
	uint i, k;

	for (i = 0; i < count; i++)
		for (k = 0; k < bytes; k++)
			to[i * bytes + k] = (uchar)(part[order >> (2 * i) & 3] >> (8 * k));
}

ulong image_digest(ulong x, ulong y, ulong z, ulong at, ulong row, ulong slice, ulong count,
		   ulong bytes, ulong order, ulong as)
{
	ulong digest = digest_pair(digest_size(), x, y);

	digest = digest_pair(digest, z, at);
	digest = digest_pair(digest, row, slice);
	digest = digest_pair(digest, count, bytes);
	return digest_pair(digest, order, as);
}

/* One work-item an element: from the buffer at @at, by its pitches, to where the image has it. */
kernel void layer_put(write_only IMAGE to, global const uchar *from, uint to_x, uint to_y,
		      uint to_z, ulong at, ulong row, ulong slice, uint count, uint bytes,
		      uint order, uint as, ulong check)
{
	int x = (int)(get_global_id(0) + to_x), y = (int)(get_global_id(1) + to_y),
	    z = (int)(get_global_id(2) + to_z);
	uint4 v;
	uint shift = 32 - 8 * bytes;

	if (image_digest(to_x, to_y, to_z, at, row, slice, count, bytes, order, as) != check)
		return;
	v = element_load(from + at + get_global_id(2) * slice + get_global_id(1) * row +
				 get_global_id(0) * count * bytes,
			 count, bytes, order);
	if (as == AS_UNSIGNED)
		write_imageui(to, PLACE, v);
	else if (as == AS_SIGNED)
		write_imagei(to, PLACE, as_int4(v << shift) >> (int4)((int)shift));
	else if (as == AS_FLOAT)
		write_imagef(to, PLACE, as_float4(v));
	else
		write_imagef(to, PLACE, convert_float4(v) / (float)as);
}

kernel void layer_get(read_only IMAGE from, global uchar *to, uint from_x, uint from_y,
		      uint from_z, ulong at, ulong row, ulong slice, uint count, uint bytes,
		      uint order, uint as, ulong check)
{
	int x = (int)(get_global_id(0) + from_x), y = (int)(get_global_id(1) + from_y),
	    z = (int)(get_global_id(2) + from_z);
	uint4 v;

	if (image_digest(from_x, from_y, from_z, at, row, slice, count, bytes, order, as) != check)
		return;
	if (as == AS_UNSIGNED)
		v = read_imageui(from, PLACE);
	else if (as == AS_SIGNED)
		v = as_uint4(read_imagei(from, PLACE));
	else if (as == AS_FLOAT)
		v = as_uint4(read_imagef(from, PLACE));
	else
		v = convert_uint4_rte(read_imagef(from, PLACE) * (float)as);
	element_store(to + at + get_global_id(2) * slice + get_global_id(1) * row +
			      get_global_id(0) * count * bytes,
		      v, count, bytes, order);
}

#endif
