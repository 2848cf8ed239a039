/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies on the device, in OpenCL C: they stand in for the driver's own commands. The layer
 * rewrites this text like an application's (docs/gpu-kernels.md), so what they were told is
 * masked, and each copy is logged and receipted.
 *
 * KIND is 0: between buffers; else between a buffer and images of a kind, below.
 */

#if KIND == 0

#define PIECE 16u

/* Piece @n of a line of @width bytes; each side may lie at any address. */
void copy_piece(global uchar *to, global const uchar *from, ulong width, ulong n)
{
	ulong at = n * PIECE;

	if (width - at < PIECE) {
		for (; at < width; at++)
			to[at] = from[at];
	} else if ((((uintptr_t)to | (uintptr_t)from) & (PIECE - 1)) == 0) {
		((global uint4 *)to)[n] = ((global const uint4 *)from)[n];
	} else {
		vstore16(vload16(0, from + at), 0, to + at);
	}
}

/*
 * A box of lines: @width bytes, @rows, @slices. Its pieces are numbered line after line; a
 * group has @run pieces for each of its items, and neighbours have neighbouring pieces.
 */
kernel void layer_copy(global uchar *to, global const uchar *from, ulong to_at, ulong to_row,
		       ulong to_slice, ulong from_at, ulong from_row, ulong from_slice, ulong width,
		       ulong rows, ulong slices, uint run)
{
	ulong pieces = (width + PIECE - 1) / PIECE, step = get_local_size(0);
	ulong n = get_group_id(0) * step * run + get_local_id(0);
	ulong x = n % pieces, y = n / pieces % rows, z = n / pieces / rows;
	uint i;

	for (i = 0; i < run && z < slices; i++) {
		copy_piece(to + to_at + z * to_slice + y * to_row,
			   from + from_at + z * from_slice + y * from_row, width, x);
		for (x += step; x >= pieces; x -= pieces)
			if (++y == rows) {
				y = 0;
				z++;
			}
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

/* One work-item an element: from the buffer at @at, by its pitches, to where the image has it. */
kernel void layer_put(write_only IMAGE to, global const uchar *from, uint to_x, uint to_y,
		      uint to_z, ulong at, ulong row, ulong slice, uint count, uint bytes,
		      uint order, uint as)
{
	int x = (int)(get_global_id(0) + to_x), y = (int)(get_global_id(1) + to_y),
	    z = (int)(get_global_id(2) + to_z);
	uint4 v = element_load(from + at + get_global_id(2) * slice + get_global_id(1) * row +
				       get_global_id(0) * count * bytes,
			       count, bytes, order);
	uint shift = 32 - 8 * bytes;

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
		      uint order, uint as)
{
	int x = (int)(get_global_id(0) + from_x), y = (int)(get_global_id(1) + from_y),
	    z = (int)(get_global_id(2) + from_z);
	uint4 v;

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
