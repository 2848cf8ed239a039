/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The arithmetic of a LLaMA model, one token at a time, in OpenCL C 1.2.
 *
 * LANES, which the host defines, is how many work-items share a row: 1 where one is
 * as fast as a core (CPUs; then there is no local memory and no barrier), 64 where
 * many are one's neighbours (GPUs). Quantized rows are as they are in the file.
 *
 * state[0] is the token, state[1] its position.
 */

/* ---- Lanes ---- */

#if LANES > 1
#define LANE	      ((uint)get_local_id(0))
#define ROW	      ((uint)get_group_id(0))
#define BEYOND(rows)  false /* there are as many groups as rows */
#define SHARED(name)  __local float name[LANES]
#define SUM(v, name)  lanes_sum(v, name)
#define MOST(v, name) lanes_max(v, name)

float lanes_sum(float v, __local float *part)
{
	barrier(CLK_LOCAL_MEM_FENCE); /* whoever still reads the last result */
	part[LANE] = v;
	barrier(CLK_LOCAL_MEM_FENCE);
	for (uint n = LANES / 2; n; n /= 2) {
		if (LANE < n)
			part[LANE] += part[LANE + n];
		barrier(CLK_LOCAL_MEM_FENCE);
	}
	return part[0];
}

float lanes_max(float v, __local float *part)
{
	barrier(CLK_LOCAL_MEM_FENCE);
	part[LANE] = v;
	barrier(CLK_LOCAL_MEM_FENCE);
	for (uint n = LANES / 2; n; n /= 2) {
		if (LANE < n)
			part[LANE] = fmax(part[LANE], part[LANE + n]);
		barrier(CLK_LOCAL_MEM_FENCE);
	}
	return part[0];
}
#else
#define LANE	      0u
#define ROW	      ((uint)get_global_id(0))
#define BEYOND(rows)  (ROW >= (rows))
#define SHARED(name)
#define SUM(v, name)  (v)
#define MOST(v, name) (v)
#endif

float sum16(float16 v)
{
	float8 a = v.lo + v.hi;
	float4 b = a.lo + a.hi;
	float2 c = b.lo + b.hi;

	return c.x + c.y;
}

/* ---- Formats: one number of a row, and what a lane sums of a row times x ---- */

/*
 * Halves, also where the compiler has no instruction for them; then without infinity,
 * which no weight is. What is denormal counts from the exponent of the first normal.
 */
float16 half16(__global const uchar *p)
{
#ifdef FAST_HALF
	return vload_half16(0, (__global const half *)p);
#else
	uint16 h = convert_uint16(vload16(0, (__global const ushort *)p));
	uint16 sign = (h & 0x8000u) << 16, bits = (h & 0x7fffu) << 13;
	float16 small = as_float16(bits + (113u << 23)) - as_float16((uint16)(113u << 23));
	float16 normal = as_float16(bits + (112u << 23));
	float16 v = select(normal, small, (h & 0x7c00u) == 0u);

	return as_float16(as_uint16(v) | sign);
#endif
}

float half1(__global const uchar *p)
{
#ifdef FAST_HALF
	return vload_half(0, (__global const half *)p);
#else
	uint h = *(__global const ushort *)p, bits = (h & 0x7fffu) << 13;
	float v = h & 0x7c00u ? as_float(bits + (112u << 23)) :
				as_float(bits + (113u << 23)) - as_float(113u << 23);

	return h & 0x8000u ? -v : v;
#endif
}

float one_f32(__global const uchar *row, uint i)
{
	return ((__global const float *)row)[i];
}

float row_f32(__global const uchar *row, __global const float *x, uint n)
{
	__global const float *w = (__global const float *)row;
	float16 sum = 0;
	float rest = 0;
	uint i;

	for (i = LANE; i < n / 16; i += LANES)
		sum = mad(vload16(i, w), vload16(i, x), sum);
	for (i = n / 16 * 16 + LANE; i < n; i += LANES)
		rest += w[i] * x[i];
	return sum16(sum) + rest;
}

float one_f16(__global const uchar *row, uint i)
{
	return half1(row + 2 * i);
}

float row_f16(__global const uchar *row, __global const float *x, uint n)
{
	float16 sum = 0;
	float rest = 0;
	uint i;

	for (i = LANE; i < n / 16; i += LANES)
		sum = mad(half16(row + 32 * i), vload16(i, x), sum);
	for (i = n / 16 * 16 + LANE; i < n; i += LANES)
		rest += half1(row + 2 * i) * x[i];
	return sum16(sum) + rest;
}

/* A block: half d, char[32]. */
float one_q8_0(__global const uchar *row, uint i)
{
	__global const uchar *p = row + i / 32 * 34;

	return half1(p) * (float)as_char(p[2 + i % 32]);
}

float row_q8_0(__global const uchar *row, __global const float *x, uint n)
{
	float16 sum = 0;

	for (uint b = LANE; b < n / 32; b += LANES) {
		__global const uchar *p = row + 34 * b;
		__global const char *q = (__global const char *)(p + 2);
		float16 part = convert_float16(vload16(0, q)) * vload16(2 * b, x);

		part = mad(convert_float16(vload16(1, q)), vload16(2 * b + 1, x), part);
		sum = mad((float16)half1(p), part, sum);
	}
	return sum16(sum);
}

/* A block: half d, 16 bytes: number i in the low half of byte i, i + 16 in the high. */
float one_q4_0(__global const uchar *row, uint i)
{
	__global const uchar *p = row + i / 32 * 18;
	uint q = p[2 + i % 16];

	return half1(p) * ((float)(i % 32 < 16 ? q & 15 : q >> 4) - 8.0f);
}

float row_q4_0(__global const uchar *row, __global const float *x, uint n)
{
	float16 sum = 0;

	for (uint b = LANE; b < n / 32; b += LANES) {
		__global const uchar *p = row + 18 * b;
		int16 q = convert_int16(vload16(0, p + 2));
		float16 part = convert_float16((q & 15) - 8) * vload16(2 * b, x);

		part = mad(convert_float16((q >> 4) - 8), vload16(2 * b + 1, x), part);
		sum = mad((float16)half1(p), part, sum);
	}
	return sum16(sum);
}

/*
 * A block of 256: low halves uchar[128], high bits uchar[64], scales char[16], half d.
 * In each half of 128 the runs of 32 share bytes: run r has the nibble r / 2 of the
 * bytes 32 (r % 2) of the low halves, and bits 2 r of the high ones.
 */
float one_q6_k(__global const uchar *row, uint i)
{
	__global const uchar *p = row + i / 256 * 210;
	uint h = i % 256 / 128, r = i % 128 / 32, k = i % 32;
	uint low = p[64 * h + 32 * (r % 2) + k] >> (4 * (r / 2)) & 15;
	uint high = p[128 + 32 * h + k] >> (2 * r) & 3;

	return half1(p + 208) * (float)as_char(p[192 + 8 * h + 2 * r + k / 16]) *
	       ((float)(low | high << 4) - 32.0f);
}

float row_q6_k(__global const uchar *row, __global const float *x, uint n)
{
	float16 sum = 0;

	for (uint s = LANE; s < n / 16; s += LANES) {
		__global const uchar *p = row + s / 16 * 210;
		uint h = s % 16 / 8, r = s % 8 / 2, k = s % 2;
		int16 low = convert_int16(vload16(0, p + 64 * h + 32 * (r % 2) + 16 * k));
		int16 high = convert_int16(vload16(0, p + 128 + 32 * h + 16 * k));
		float d = half1(p + 208) * (float)as_char(p[192 + s % 16]);
		int16 q = ((low >> (int)(4 * (r / 2))) & 15) | ((high >> (int)(2 * r)) & 3) << 4;

		sum = mad((float16)d * convert_float16(q - 32), vload16(s, x), sum);
	}
	return sum16(sum);
}

/* x = the token's row of the embeddings; y (+)= W x. */
#define FORMAT(name)                                                                             \
	__kernel void embed_##name(__global const int *state, __global const uchar *w,           \
				   __global float *x, uint n, uint row_size)                     \
	{                                                                                        \
		uint i = get_global_id(0);                                                       \
                                                                                                 \
		if (i < n)                                                                       \
			x[i] = one_##name(w + (ulong)state[0] * row_size, i);                    \
	}                                                                                        \
	__kernel void multiply_##name(__global const uchar *w, __global const float *x,          \
				      __global float *y, uint n, uint rows, uint row_size,       \
				      uint add)                                                  \
	{                                                                                        \
		uint row = ROW;                                                                  \
		SHARED(part);                                                                    \
		float sum;                                                                       \
                                                                                                 \
		if (BEYOND(rows))                                                                \
			return;                                                                  \
		sum = SUM(row_##name(w + (ulong)row * row_size, x, n), part);                    \
		if (LANE == 0)                                                                   \
			y[row] = add ? y[row] + sum : sum;                                       \
	}

FORMAT(f32)
FORMAT(f16)
FORMAT(q8_0)
FORMAT(q4_0)
FORMAT(q6_k)

/* ---- The rest of a block ---- */

/* out = x / its root mean square * w. One group. */
__kernel void norm(__global const float *x, __global const float *w, __global float *out, uint n,
		   float eps)
{
	SHARED(part);
	float4 sum = 0;
	float scale;
	uint i;

	for (i = LANE; i < n / 4; i += LANES) {
		float4 v = vload4(i, x);

		sum = mad(v, v, sum);
	}
	scale = rsqrt(SUM(sum.x + sum.y + sum.z + sum.w, part) / n + eps);
	for (i = LANE; i < n / 4; i += LANES)
		vstore4(vload4(i, x) * scale * vload4(i, w), i, out);
}

/* Turns the pairs of q, and of k on their way to the cache, where v goes too. */
__kernel void rotate_store(__global const int *state, __global const float *frequency,
			   __global float *q, __global const float *k, __global const float *v,
			   __global float *keys, __global float *values, uint q_pairs,
			   uint kv_pairs, uint head, uint rope)
{
	uint i = get_global_id(0), pos = state[1], at = i < q_pairs ? i : i - q_pairs;
	uint in_head = at % (head / 2);
	float2 pair;

	if (i >= q_pairs + 2 * kv_pairs)
		return;
	if (i >= q_pairs + kv_pairs) {
		at -= kv_pairs;
		vstore2(vload2(at, v), at, values + (ulong)pos * 2 * kv_pairs);
		return;
	}
	pair = i < q_pairs ? vload2(at, q) : vload2(at, k);
	if (in_head < rope / 2) {
		float angle = (float)pos * frequency[in_head], c = cos(angle), s = sin(angle);

		pair = (float2)(pair.x * c - pair.y * s, pair.x * s + pair.y * c);
	}
	if (i < q_pairs)
		vstore2(pair, at, q);
	else
		vstore2(pair, at, keys + (ulong)pos * 2 * kv_pairs);
}

/* How much head get_global_id(1) looks at position get_global_id(0). */
__kernel void look(__global const int *state, __global const float *q,
		   __global const float *keys, __global float *score, uint head, uint group,
		   uint kv_dim, uint context, float scale)
{
	uint t = get_global_id(0), h = get_global_id(1);
	float16 wide = 0;
	float4 sum = 0;

	if (t > (uint)state[1])
		return;
	q += h * head;
	keys += (ulong)t * kv_dim + h / group * head;
	for (uint i = 0; i < head / 16; i++)
		wide = mad(vload16(i, q), vload16(i, keys), wide);
	for (uint i = head / 16 * 4; i < head / 4; i++)
		sum = mad(vload4(i, q), vload4(i, keys), sum);
	score[(ulong)h * context + t] = (sum16(wide) + sum.x + sum.y + sum.z + sum.w) * scale;
}

/* The scores of one head, so that they sum to 1. One row for each head. */
__kernel void soften(__global const int *state, __global float *score, uint heads, uint context)
{
	SHARED(part);
	uint n = (uint)state[1] + 1, row = ROW, t;
	__global float *s = score + (ulong)row * context;
	float most = -INFINITY, sum = 0;

	if (BEYOND(heads))
		return;
	for (t = LANE; t < n; t += LANES)
		most = fmax(most, s[t]);
	most = MOST(most, part);
	for (t = LANE; t < n; t += LANES) {
		s[t] = exp(s[t] - most);
		sum += s[t];
	}
	sum = SUM(sum, part);
	for (t = LANE; t < n; t += LANES)
		s[t] /= sum;
}

/* out = values by their scores: four numbers of a head for each work-item. */
__kernel void gather(__global const int *state, __global const float *score,
		     __global const float *values, __global float *out, uint heads, uint head,
		     uint group, uint kv_dim, uint context)
{
	uint i = get_global_id(0), h = i / (head / 4), part = i % (head / 4);
	uint n = (uint)state[1] + 1;
	float4 sum = 0;

	if (h >= heads)
		return;
	score += (ulong)h * context;
	values += h / group * head + 4 * part;
	for (uint t = 0; t < n; t++, values += kv_dim)
		sum = mad((float4)score[t], vload4(0, values), sum);
	vstore4(sum, i, out);
}

__kernel void gate(__global float *g, __global const float *up, uint n)
{
	uint i = get_global_id(0);
	float4 v;

	if (4 * i + 4 <= n) {
		v = vload4(i, g);
		vstore4(v / (1.0f + exp(-v)) * vload4(i, up), i, g);
	} else {
		for (i *= 4; i < n; i++)
			g[i] = g[i] / (1.0f + exp(-g[i])) * up[i];
	}
}

/* The greatest logit, the first of equals; -1 when none is a number. One group. */
__kernel void choose(__global const float *logits, uint n, __global int *chosen)
{
	SHARED(part);
	float most = -INFINITY, best;
	uint first = n;

	for (uint i = LANE; i < n; i += LANES)
		if (logits[i] > most) {
			most = logits[i];
			first = i;
		}
	best = MOST(most, part);
#if LANES > 1
	/* Floats hold every token: there are less than 2^24. */
	first = (uint)-MOST(most == best ? -(float)first : -(float)n, part);
#endif
	if (LANE == 0)
		*chosen = first < n ? (int)first : -1;
}
