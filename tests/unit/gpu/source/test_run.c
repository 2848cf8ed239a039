// SPDX-License-Identifier: Apache-2.0
/* Rewritten kernels, run: the same results, the right log; and what an attacker's changes show. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "launcher.h"

struct world {
	struct launcher l;
	struct hg_source_program p;
	cl_program plain, masked;
};

static struct world w;

static char *read_file(const char *path, size_t *size)
{
	FILE *f = fopen(path, "rb");
	char *text = malloc(65536);

	assert_non_null(f);
	assert_non_null(text);
	*size = fread(text, 1, 65535, f);
	text[*size] = 0;
	fclose(f);
	return text;
}

/* Asks the driver, as the layer would, until nothing is open. */
static char *ask_driver(struct launcher *l, const struct hg_source_output *out)
{
	struct hg_source_error err;
	const size_t one = 1;
	size_t size;
	char *probe = hg_source_probe(out->question, out->questions, &size), *lines;
	unsigned char *answer = calloc(1, size + 1);
	cl_program p = cl_build(&l->cl, probe, "");
	cl_mem mem = cl_buffer(&l->cl, size, answer);
	cl_int status;
	cl_kernel k = clCreateKernel(p, "hg_probe", &status);

	cl_must(status, "hg_probe");
	cl_must(clSetKernelArg(k, 0, sizeof(mem), &mem), "hg_probe");
	cl_must(clEnqueueNDRangeKernel(l->cl.queue, k, 1, NULL, &one, NULL, 0, NULL, NULL),
		"hg_probe");
	cl_fetch(&l->cl, mem, size, answer);
	lines = hg_source_probe_answer(out->question, out->questions, answer, size, &err);
	assert_non_null(lines);
	clReleaseKernel(k);
	clReleaseMemObject(mem);
	clReleaseProgram(p);
	free(answer);
	free(probe);
	return lines;
}

static int open_world(void **state)
{
	struct hg_source_input in = { .name = "kernels.cl" };
	struct hg_source_output out;
	struct hg_source_error err;
	size_t size;
	char *text = read_file("kernels.cl", &size);

	(void)state;
	if (!launcher_open(&w.l)) {
		puts("no OpenCL device: install pocl-opencl-icd");
		exit(77);
	}
	in.text = text;
	in.size = size;
	if (hg_source_preprocess(&in, &out, &err) ||
	    hg_source_rewrite(out.text, out.size, PROGRAM_ID, NULL, &w.p, &err)) {
		fprintf(stderr, "%s\n", err.text);
		return -1;
	}
	w.plain = cl_build(&w.l.cl, text, "-w");
	w.masked = cl_build(&w.l.cl, w.p.text, "-w");
	hg_source_output_free(&out);
	free(text);
	return 0;
}

static int close_world(void **state)
{
	(void)state;
	clReleaseProgram(w.plain);
	clReleaseProgram(w.masked);
	hg_source_program_free(&w.p);
	launcher_close(&w.l);
	return 0;
}

/*
 * The device's addresses of the buffers that the kernel got: taken from its own entry once
 * they are known to differ, so that what follows can compare.
 */
static void learn_pointers(struct run *r, const struct hg_launch_entry *got)
{
	unsigned int i, k;

	for (i = 0; i < r->kernel->pointers; i++) {
		assert_int_not_equal(got->pointer[i], 0);
		for (k = 0; k < i; k++)
			assert_int_not_equal(got->pointer[i], got->pointer[k]);
		assert_int_equal(hg_expect_pointer(&r->want, got->pointer[i]), 0);
	}
}

static void compare(struct run *a, struct run *b)
{
	static unsigned char x[BUFFER], y[BUFFER];
	const size_t origin[3] = { 0 }, region[3] = { IMAGE_SIDE, IMAGE_SIDE, 1 };
	bool wrote = !a->kernel->params;
	size_t i;

	for (i = 0; i < a->kernel->params; i++) {
		if (!a->mem[i])
			continue;
		if (a->kernel->param[i].cls == HG_PARAM_IMAGE) {
			clEnqueueReadImage(w.l.cl.queue, a->mem[i], CL_TRUE, origin, region, 0, 0,
					   x, 0, NULL, NULL);
			clEnqueueReadImage(w.l.cl.queue, b->mem[i], CL_TRUE, origin, region, 0, 0,
					   y, 0, NULL, NULL);
		} else {
			cl_fetch(&w.l.cl, a->mem[i], BUFFER, x);
			cl_fetch(&w.l.cl, b->mem[i], BUFFER, y);
		}
		if (memcmp(x, y, BUFFER))
			fail_msg("%s: argument %zu differs", a->kernel->name, i);
		wrote |= memcmp(x, launcher_contents(), BUFFER) != 0;
	}
	if (!wrote)
		fail_msg("%s wrote nothing: the test shows nothing", a->kernel->name);
}

static const struct hg_launch_entry *last_entry(void)
{
	launcher_fetch(&w.l);
	assert_true(w.l.area->count > 0);
	return &w.l.area->log[(w.l.area->count - 1) % HG_LAUNCH_SLOTS];
}

static void one_kernel(const struct hg_source_kernel *k, bool any_local)
{
	const struct hg_launch_entry *got;
	struct run plain, masked;
	const char *what;
	uint32_t before;

	launcher_fetch(&w.l);
	before = w.l.area->count;
	run_open(&w.l, &plain, k, w.plain, false);
	run_open(&w.l, &masked, k, w.masked, true);
	plain.any_local = masked.any_local = any_local;
	run_prepare(&w.l, &plain);
	run_launch(&w.l, &plain);
	run_prepare(&w.l, &masked);
	run_launch(&w.l, &masked);
	got = last_entry();
	assert_int_equal(w.l.area->count, before + 1);
	learn_pointers(&masked, got);
	what = hg_expect_differs(&masked.want, got);
	if (what)
		fail_msg("%s: %s differs from what was expected", k->name, what);
	assert_int_equal(w.l.area->items[(w.l.next - 1) % HG_LAUNCH_SLOTS],
			 hg_expect_items(&masked.want));
	compare(&plain, &masked);
	run_close(&plain);
	run_close(&masked);
}

static void test_results(void **state)
{
	size_t i;

	(void)state;
	assert_true(w.p.kernels >= 30);
	for (i = 0; i < w.p.kernels; i++) {
		if (w.p.kernel[i].refused)
			fail_msg("%s: %s", w.p.kernel[i].name, w.p.kernel[i].refused);
		one_kernel(&w.p.kernel[i], false);
	}
}

static const struct hg_source_kernel *kernel_named(const char *name)
{
	size_t i;

	for (i = 0; strcmp(w.p.kernel[i].name, name); i++)
		assert_true(i + 1 < w.p.kernels);
	return &w.p.kernel[i];
}

/* The driver chooses the local size. */
static void test_any_local(void **state)
{
	(void)state;
	one_kernel(kernel_named("scale"), true);
	one_kernel(kernel_named("grid"), true);
}

/* What crosses is not what was set. */
static void test_masked(void **state)
{
	unsigned char bytes[4 * HG_LAUNCH_WORDS];
	const struct hg_source_kernel *k = kernel_named("by_large");
	struct run r;
	size_t i;

	(void)state;
	run_open(&w.l, &r, k, w.masked, true);
	run_prepare(&w.l, &r);
	assert_int_equal(r.want.words, 51);
	assert_int_equal(value_of(&k->param[1], bytes), 200);
	for (i = 0; i < 50; i++)
		assert_memory_not_equal(&r.want.argument[i], bytes + 4 * i, 4);
	run_close(&r);
}

static struct run ready(void)
{
	struct run r;

	launcher_reset(&w.l);
	run_open(&w.l, &r, kernel_named("changes"), w.masked, true);
	/* A first launch tells the buffer's address. */
	run_prepare(&w.l, &r);
	run_launch(&w.l, &r);
	learn_pointers(&r, last_entry());
	return r;
}

static void prepare_again(struct run *r)
{
	uint64_t address = r->want.pointer[0];

	run_prepare(&w.l, r);
	assert_int_equal(hg_expect_pointer(&r->want, address), 0);
}

static void test_changed_value(void **state)
{
	struct run r = ready();
	uint32_t value;

	(void)state;
	prepare_again(&r);
	value = r.want.argument[0] ^ 1;
	cl_must(clSetKernelArg(r.cl, 1, 4, &value), "attack");
	run_launch(&w.l, &r);
	assert_string_equal(hg_expect_differs(&r.want, last_entry()), "a value");
	run_close(&r);
}

static void test_changed_buffer(void **state)
{
	struct run r = ready(), other;

	(void)state;
	run_open(&w.l, &other, r.kernel, w.masked, true);
	prepare_again(&r);
	cl_must(clSetKernelArg(r.cl, 0, sizeof(cl_mem), &other.mem[0]), "attack");
	run_launch(&w.l, &r);
	assert_string_equal(hg_expect_differs(&r.want, last_entry()), "a buffer");
	run_close(&other);
	run_close(&r);
}

static void test_changed_geometry(void **state)
{
	struct run r = ready();

	(void)state;
	prepare_again(&r);
	r.global[0] = 8;
	run_launch(&w.l, &r);
	assert_string_equal(hg_expect_differs(&r.want, last_entry()), "the geometry");
	assert_int_equal(w.l.area->items[(w.l.next - 1) % HG_LAUNCH_SLOTS], 8);
	run_close(&r);
}

static void test_other_kernel(void **state)
{
	struct run r = ready(), other;
	cl_kernel own;

	(void)state;
	run_open(&w.l, &other, kernel_named("make_int"), w.masked, true);
	prepare_again(&r);
	w.l.next--;
	other.want = r.want;
	run_prepare(&w.l, &other);
	own = r.cl;
	r.cl = other.cl;
	run_launch(&w.l, &r);
	r.cl = own;
	assert_string_equal(hg_expect_differs(&r.want, last_entry()), "the kernel");
	run_close(&other);
	run_close(&r);
}

/* Once more with the number of a launch before: two entries, twice the items. */
static void test_replay(void **state)
{
	struct run r = ready();
	uint64_t at = (w.l.next - 1) % HG_LAUNCH_SLOTS;

	(void)state;
	run_launch(&w.l, &r);
	launcher_fetch(&w.l);
	assert_int_equal(w.l.area->count, 2);
	assert_int_equal(w.l.area->items[at], 2 * hg_expect_items(&r.want));
	run_close(&r);
}

/* The second launch comes first: the log has it so. */
static void test_reorder(void **state)
{
	struct run a = ready(), b;

	(void)state;
	run_open(&w.l, &b, a.kernel, w.masked, true);
	prepare_again(&a);
	run_prepare(&w.l, &b);
	run_launch(&w.l, &b);
	run_launch(&w.l, &a);
	launcher_fetch(&w.l);
	assert_int_equal(w.l.area->count, 3);
	assert_string_equal(hg_expect_differs(&a.want, &w.l.area->log[1]), "the launch number");
	assert_null(hg_expect_differs(&a.want, &w.l.area->log[2]));
	run_close(&a);
	run_close(&b);
}

static void test_dropped(void **state)
{
	struct run r = ready();

	(void)state;
	prepare_again(&r);
	launcher_fetch(&w.l);
	assert_int_equal(w.l.area->count, 1);
	assert_int_equal(w.l.area->items[(w.l.next - 1) % HG_LAUNCH_SLOTS], 0);
	run_close(&r);
}

/* What the driver says about names is what its compiler does with them. */
static void test_probe(void **state)
{
	static const char text[] = "#ifdef __OPENCL_VERSION__\n#if __ENDIAN_LITTLE__ == 1\n"
				   "int little;\n#endif\n#endif\n"
				   "#ifdef NO_SUCH_NAME\nint none;\n#endif\n"
				   "#if __OPENCL_VERSION__ >= CL_VERSION_1_1\nint version;\n#endif\n";
	struct hg_source_input in = { .text = text, .size = sizeof(text) - 1 };
	struct hg_source_output out;
	char *known = calloc(1, 1), *more;
	unsigned int rounds = 0;

	(void)state;
	for (;; rounds++) {
		in.predefined = known;
		assert_int_equal(hg_source_preprocess(&in, &out, NULL), 0);
		more = ask_driver(&w.l, &out);
		hg_source_output_free(&out);
		if (!*more)
			break;
		known = realloc(known, strlen(known) + strlen(more) + 1);
		assert_non_null(known);
		strcat(known, more);
		free(more);
		assert_true(rounds < 8);
	}
	free(more);
	assert_non_null(strstr(known, "#define __ENDIAN_LITTLE__ 1\n"));
	assert_int_equal(hg_source_preprocess(&in, &out, NULL), 0);
	assert_non_null(strstr(out.text, "int little;"));
	assert_non_null(strstr(out.text, "int version;"));
	assert_null(strstr(out.text, "none"));
	hg_source_output_free(&out);
	free(known);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_results),
		cmocka_unit_test(test_any_local),
		cmocka_unit_test(test_masked),
		cmocka_unit_test(test_changed_value),
		cmocka_unit_test(test_changed_buffer),
		cmocka_unit_test(test_changed_geometry),
		cmocka_unit_test(test_other_kernel),
		cmocka_unit_test(test_replay),
		cmocka_unit_test(test_reorder),
		cmocka_unit_test(test_dropped),
		cmocka_unit_test(test_probe),
	};

	return cmocka_run_group_tests_name("run", tests, open_world, close_world);
}
