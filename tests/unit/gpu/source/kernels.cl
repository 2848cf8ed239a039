// SPDX-License-Identifier: Apache-2.0
/*
 * Kernels of many shapes. test_run runs each as it is and rewritten; what they write must
 * be the same. A kernel's first work-items are all it may count on.
 */
#define AT get_global_id(0)

typedef struct {
	char tag;
	float3 v;
	int n;
} padded;
struct odd {
	ushort a, b, c;
};
union either {
	float f;
	uint u;
	uchar b[8];
};
struct large {
	uint w[50];
};
enum colour { RED, GREEN = 5 };
typedef __global const uint *words;
typedef uint number;
typedef number count_t;
typedef uchar pixel __attribute__((ext_vector_type(4)));

__kernel void scale(__global float *x, const float f)
{
	x[AT] = x[AT] * f;
}

kernel void scalars(global ulong *o, char a, uchar b, short c, ushort d, int e, uint f, long g,
		    ulong h)
{
	o[AT] = a + 3 * b + 5 * c + 7 * d + 11 * e + 13 * f + 17 * g + 19 * h;
}

kernel void long_names(global ulong *o, unsigned char a, signed short int b, unsigned int c,
		       unsigned d, long int e, unsigned long f, signed g)
{
	o[AT] = a + 3 * b + 5 * c + 7 * d + 11 * e + 13 * f + 17 * g;
}

kernel void vectors(global float *o, float2 a, float4 b, float8 c, float16 d)
{
	o[AT] = a.y + b.w + c.s7 + d.sf;
}

kernel void threes(global float *o, const float3 a, uchar3 b, short3 c)
{
	o[AT] = a.x + a.y + a.z + b.x + b.y + b.z + c.x + c.y + c.z;
}

kernel void small_vectors(global int *o, char2 a, uchar4 b, const short8 c)
{
	o[AT] = a.x + 2 * a.y + b.w + c.s7;
}

kernel void by_struct(global float *o, const padded p, int n)
{
	o[AT] = p.tag + p.v.x + p.v.z + p.n + n;
}

kernel void by_odd(global int *o, struct odd s, int n)
{
	o[AT] = s.a + 2 * s.b + 3 * s.c + 5 * n;
}

kernel void by_union(global uint *o, union either e)
{
	o[AT] = e.u + e.b[7];
}

kernel void by_large(global uint *o, const struct large s, uint i)
{
	o[AT] = s.w[(AT + i) % 50];
}

kernel void by_enum(global int *o, enum colour c, const count_t n, pixel p)
{
	o[AT] = (int)c + n + p.x + p.w;
}

kernel void doubles(global double *o, double d, const double2 e)
{
	o[AT] = d * e.x + e.y;
}

kernel void with_local(global int *o, local int *tmp, int n)
{
	local int more[64];
	size_t l = get_local_id(0);

	tmp[l % 16] = n;
	more[l % 64] = (int)l + n;
	barrier(CLK_LOCAL_MEM_FENCE);
	o[AT] = tmp[0] + more[(l + 1) % get_local_size(0) % 64];
}

kernel void with_constant(global int *o, constant int *c, __constant const uint *const d, int n)
{
	o[AT] = c[AT % 16] + d[(AT + n) % 16];
}

kernel void read_it(global float4 *o, read_only image2d_t im, sampler_t s, int2 at)
{
	o[AT] = read_imagef(im, s, at);
}

kernel void write_it(__write_only image2d_t im, float4 c, global int *o)
{
	write_imagef(im, (int2)((int)AT % 16, 0), c);
	o[AT] = 1;
}

kernel void nothing()
{
}

kernel void nothing_at_all(void)
{
}

kernel void as_array(global int o[], const global uint in[16], words more, int n)
{
	o[AT] = in[AT % 16] + more[(AT + n) % 16];
}

kernel void qualified(global volatile int *restrict o, const global int *restrict const in,
		      const int n)
{
	o[AT] = in[AT] + n;
}

kernel void changes(global int *o, int n, float f)
{
	n += 1;
	while (n > 100)
		n -= 50;
	f = -f;
	o[AT] = n + (int)f;
}

/* Kernels that call kernels, before and after they are defined. */
kernel void callee(global int *, int, const padded);
kernel void callee_local(global int *o, int n);

kernel void caller(global int *o, int n, padded p)
{
	callee(o, n + 1, p);
}

kernel void callee(global int *o, const int n, const padded p)
{
	o[AT] = n + p.n;
}

kernel __attribute__((reqd_work_group_size(8, 1, 1))) void callee_local(global int *o, int n)
{
	local int t[8];

	t[get_local_id(0) % 8] = n;
	barrier(CLK_LOCAL_MEM_FENCE);
	o[AT] += t[0];
}

kernel void caller_local(global int *o, int n)
{
	callee_local(o, n);
	callee_local(o, n + 1);
}

__attribute__((vec_type_hint(float4))) kernel
	__attribute__((work_group_size_hint(8, 1, 1))) void attributes(global float4 *o,
								       float4 a)
{
	o[AT] = a;
}

#define MAKE(name, type)                                \
	__kernel void name(__global type *o, type n)    \
	{                                               \
		o[AT] = n;                              \
	}
MAKE(make_int, int) MAKE(make_float4, float4) MAKE(make_ulong, ulong)

kernel void
spread(global int *o, /* the result */
       const
       int n,
       padded p // by value
)
{
	o[AT] = n + p.n;
}

kernel void leaves(global int *o, int n)
{
	if (AT > 3)
		return;
	o[AT] = n;
}

kernel void grid(global int *o, int n)
{
	size_t at = (get_global_id(2) * get_global_size(1) + get_global_id(1)) *
			    get_global_size(0) + get_global_id(0);

	o[at % 64] = (int)at + n;
}

struct node {
	int v;
};
struct node *find_node(struct node *n, int v)
{
	return n->v == v ? n : 0;
}

kernel void after_functions(global int *o, struct node n, int v)
{
	o[AT] = find_node(&n, n.v) ? v : -v;
}

kernel void many(global int *a, global int *b, global int *c, global int *d, int e, int f, int g,
		 int h, uint2 i, constant int *j, int k, int l)
{
	a[AT] = e + f;
	b[AT] = g + h;
	c[AT] = i.x + i.y + k;
	d[AT] = j[0] + l;
}
