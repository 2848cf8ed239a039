// SPDX-License-Identifier: Apache-2.0
/*
 * What masking and logging cost: launches of kernels as they are, and rewritten. CPU time of
 * the whole process, driver and device alike, since other work on the machine disturbs it
 * least; the least of several rounds.
 */
#include <string.h>
#include <time.h>

#include "launcher.h"

#define LAUNCHES 200u
#define ROUNDS	 7u

static const char text[] =
	"kernel void trivial(global float *x, float f)\n"
	"{\n"
	"	x[get_global_id(0)] += f;\n"
	"}\n"
	"kernel void matvec(global const float *m, global const float *v, global float *o, int n,\n"
	"		   int rows)\n"
	"{\n"
	"	int row = (int)get_global_id(0), i;\n"
	"	float sum = 0.0f;\n"
	"	if (row >= rows)\n"
	"		return;\n"
	"	for (i = 0; i < n; i++)\n"
	"		sum += m[(size_t)row * n + i] * v[i];\n"
	"	o[row] = sum;\n"
	"}\n";

struct subject {
	cl_kernel kernel;
	bool masked;
};

static struct launcher l;
static cl_mem big, small, out;
static size_t items, local_size = 64;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void set(cl_kernel k, cl_uint i, size_t size, const void *value)
{
	cl_must(clSetKernelArg(k, i, size, value), "clSetKernelArg");
}

/* All arguments, as the layer must set them before each launch. */
static void prepare(const struct subject *s, bool matvec)
{
	const int n = 1024, rows = (int)items;
	const float f = 1.0f;
	const uint32_t *pad = l.area->pad[l.next % HG_LAUNCH_SLOTS];
	uint32_t value[2];
	struct hg_launch_entry want;
	cl_uint i = 0;

	hg_expect_begin(&want, l.next, PROGRAM_ID, 0);
	if (matvec) {
		set(s->kernel, i++, sizeof(big), &big);
		set(s->kernel, i++, sizeof(small), &small);
	}
	set(s->kernel, i++, sizeof(out), &out);
	memcpy(&value[0], matvec ? (const void *)&n : &f, 4);
	memcpy(&value[1], &rows, 4);
	if (s->masked) {
		hg_expect_value(&want, pad, &value[0], 4, &value[0]);
		hg_expect_value(&want, pad, &value[1], 4, &value[1]);
	}
	set(s->kernel, i++, 4, &value[0]);
	if (matvec)
		set(s->kernel, i++, 4, &value[1]);
	if (s->masked) {
		set(s->kernel, i++, sizeof(l.area_mem), &l.area_mem);
		set(s->kernel, i, 8, &l.next);
		l.next++;
	}
}

/* Microseconds a launch: enqueued one behind the other, waited for at the end. */
static double round_of(const struct subject *s, bool matvec)
{
	double start = now();
	unsigned int i;

	for (i = 0; i < LAUNCHES; i++) {
		prepare(s, matvec);
		cl_must(clEnqueueNDRangeKernel(l.cl.queue, s->kernel, 1, NULL, &items,
					       &local_size, 0, NULL, NULL),
			"clEnqueueNDRangeKernel");
	}
	clFinish(l.cl.queue);
	return (now() - start) / LAUNCHES;
}

static int compare(const void *a, const void *b)
{
	return *(const double *)a < *(const double *)b ? -1 : 1;
}

static void measure(const char *name, struct subject *s, bool matvec)
{
	double us[2][ROUNDS];
	unsigned int r, k;

	for (k = 0; k < 2; k++)
		round_of(&s[k], matvec);
	for (r = 0; r < ROUNDS; r++)
		for (k = 0; k < 2; k++)
			us[k][r] = round_of(&s[k], matvec);
	for (k = 0; k < 2; k++)
		qsort(us[k], ROUNDS, sizeof(double), compare);
	printf("%-10s %8zu items  plain %8.2f us  rewritten %8.2f us  %+.1f %%\n", name, items,
	       us[0][0], us[1][0], 100 * (us[1][0] / us[0][0] - 1));
}

int main(void)
{
	struct hg_source_program p;
	struct hg_source_error err;
	struct subject s[2] = { { .masked = false }, { .masked = true } };
	static const char *const name[] = { "trivial", "matvec" };
	static const size_t sizes[] = { 64, 1024, 65536 };
	void *zero = calloc(1, 64 << 20);
	cl_program built[2];
	cl_int status;
	size_t i, k;

	if (!zero || hg_source_rewrite(text, strlen(text), PROGRAM_ID, NULL, &p, &err))
		return 1;
	if (!launcher_open(&l)) {
		puts("no OpenCL device: install pocl-opencl-icd");
		return 77;
	}
	big = cl_buffer(&l.cl, 64 << 20, zero);
	small = cl_buffer(&l.cl, 4096, zero);
	out = cl_buffer(&l.cl, 65536 * 4, zero);
	built[0] = cl_build(&l.cl, text, "");
	built[1] = cl_build(&l.cl, p.text, "");
	for (i = 0; i < 2; i++) {
		for (k = 0; k < 2; k++) {
			s[k].kernel = clCreateKernel(built[k], name[i], &status);
			cl_must(status, name[i]);
		}
		for (k = 0; k < (i ? 2u : 3u); k++) {
			items = sizes[k];
			measure(name[i], s, i);
		}
	}
	free(zero);
	hg_source_program_free(&p);
	return 0;
}
