// SPDX-License-Identifier: Apache-2.0
/* The rewriter's table and text, what it refuses, and the host's side of a launch. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "expect.h"

static struct hg_source_program rewrite(const char *text)
{
	struct hg_source_program p;
	struct hg_source_error err;

	if (hg_source_rewrite(text, strlen(text), 0xabc, NULL, &p, &err))
		fail_msg("'%s': %s", text, err.text);
	return p;
}

/* The text behind the prelude. */
static const char *body(const struct hg_source_program *p)
{
	static const char mark[] = "#line 1 \"<kernel>\"\n";
	const char *at = strstr(p->text, mark);

	return at ? at + strlen(mark) : p->text;
}

static void gives(const char *text, const char *want)
{
	struct hg_source_program p = rewrite(text);

	if (strcmp(body(&p), want))
		fail_msg("'%s'\n gives '%s'\n and not '%s'", text, body(&p), want);
	assert_null(p.kernel[0].refused);
	hg_source_program_free(&p);
}

static void refuses(const char *text, const char *why)
{
	struct hg_source_program p = rewrite(text);

	assert_int_equal(p.kernels, 1);
	if (!p.kernel[0].refused || strcmp(p.kernel[0].refused, why))
		fail_msg("'%s': says '%s', not '%s'", text, p.kernel[0].refused, why);
	assert_int_equal(p.kernel[0].params, 0);
	/* It is as it was. */
	assert_string_equal(p.text, text);
	hg_source_program_free(&p);
}

#define HIDDEN "__global struct hg_launch *hg_l, ulong hg_seq"

static void test_text(void **state)
{
	(void)state;
	gives("__kernel void a(__global int *o, const int n)\n{\n}\n",
	      "__kernel void a(__global int *o,  int n, " HIDDEN ")\n{\n"
	      " { HG_ENTER(0xabcUL, 0u, 1u, 1u) HG_POINTER(o, 0) HG_VALUE(int, n, 0) }}\n");
	gives("kernel void a(void) {;}",
	      "kernel void a(" HIDDEN ") { { HG_ENTER(0xabcUL, 0u, 0u, 0u) };}");
	gives("kernel void a();", "kernel void a(" HIDDEN ");");
	gives("kernel void a(float3 v, struct s, int) {}",
	      "HG_PACK(float3, hg_t0_a); HG_PACK(struct s, hg_t1_a); kernel void a(hg_t0_a hg_a0 , "
	      "hg_t1_a hg_a1 , int hg_a2, " HIDDEN ") { float3 v; struct s hg_a1_; { "
	      "HG_ENTER(0xabcUL, 0u, 5u+HG_WORDS(struct s), 0u) HG_PACKED(float3, v, hg_a0, 0) "
	      "HG_PACKED(struct s, hg_a1_, hg_a1, 4) HG_VALUE(int, hg_a2, 4+HG_WORDS(struct s)) }}");
	gives("kernel void a(int n) {}\nkernel void b(int n) { a(n); }",
	      " void hg_inner_a(int n) {}\n kernel void a ( int n, " HIDDEN ") { { "
	      "HG_ENTER(0xabcUL, 0u, 1u, 0u) HG_VALUE(int, n, 0) } hg_inner_a(n); } kernel void b("
	      "int n, " HIDDEN ") {  { HG_ENTER(0xabcUL, 1u, 1u, 0u) HG_VALUE(int, n, 0) }"
	      "hg_inner_a(n); }");
}

static void test_untouched(void **state)
{
	static const char text[] = "#pragma x\nint f(int kernel_size);\nvoid g() {}\n"
				   "typedef struct { int kernel_; } hg_fine;\n";
	struct hg_source_program p = rewrite(text);

	(void)state;
	assert_int_equal(p.kernels, 0);
	assert_string_equal(p.text, text);
	hg_source_program_free(&p);
}

static void test_refused(void **state)
{
	static char long_text[8000];
	size_t i;

	(void)state;
	refuses("kernel int a() {}", "it does not return void");
	refuses("kernel void a(int *p) {}",
		"parameter 1 (int*) points to none of global, constant and local memory");
	refuses("kernel void a(generic int *p) {}",
		"parameter 1 (int*) points to none of global, constant and local memory");
	refuses("kernel void a(global int *p, struct { int x; } s) {}",
		"parameter 2 is of a struct without a name");
	refuses("kernel void a(unheard_of x) {}",
		"parameter 1 has the type unheard_of, which the program does not explain");
	refuses("kernel void a(typeof(1) x) {}",
		"parameter 1 has the type typeof, which the program does not explain");
	refuses("typedef const int ci; kernel void a(ci x) {}",
		"parameter 1 has the constant type ci");
	refuses("kernel void a(x) int x; {}", "its declaration is not of the common form");
	refuses("kernel void a(int x), b(int y);", "its declaration is not of the common form");
	refuses("kernel void a(int (*f)(int)) {}",
		"parameter 1 is declared in a way that is not understood");
	refuses("kernel void a(global int *x[4]) {}", "parameter 1 is an array of pointers");
	refuses("kernel void a(global int [4]) {}", "parameter 1 is an array without a name");
	refuses("kernel void a(int x, int x) {}", "parameter 2 has the name of one before it");
	refuses("kernel void a(int x,, int y) {}", "parameter 2 is missing");
	refuses("kernel void a(void x) {}",
		"parameter 1 has the type void, which the program does not explain");
	refuses("kernel void a(local int x) {}",
		"parameter 1 (int) is a value, but not in private memory");
	refuses("kernel void a() {} kernel void a() {}", "it is defined twice");
	strcpy(long_text, "kernel void a(");
	for (i = 0; i < 5; i++)
		sprintf(long_text + strlen(long_text), "%sint16 p%zu", i ? ", " : "", i);
	strcat(long_text, ") {}");
	refuses(long_text, "its values have at least 320 bytes, and a pad has 256");
	strcpy(long_text, "kernel void a(");
	for (i = 0; i < 33; i++)
		sprintf(long_text + strlen(long_text), "%sglobal int *p%zu", i ? ", " : "", i);
	strcat(long_text, ") {}");
	refuses(long_text, "it has 33 pointers, and the log takes 32");
	strcpy(long_text, "kernel void a(int x");
	for (i = 0; i < 256; i++)
		strcat(long_text, ", int y");
	strcat(long_text, ") {}");
	refuses(long_text, "it has more than 256 parameters");
}

/* A kernel that is left alone can be called still, and the others are rewritten. */
static void test_mixed(void **state)
{
	struct hg_source_program p =
		rewrite("kernel void a(int *x) {} kernel void b(int n) { a(0); }");

	(void)state;
	assert_int_equal(p.kernels, 2);
	assert_non_null(p.kernel[0].refused);
	assert_null(p.kernel[1].refused);
	assert_non_null(strstr(p.text, "kernel void a(int *x) {}"));
	assert_non_null(strstr(p.text, "}a(0); }"));
	hg_source_program_free(&p);
}

static void test_names(void **state)
{
	static const char text[] = "int hg_mine; kernel void a() {}";
	struct hg_source_program p;
	struct hg_source_error err;

	(void)state;
	assert_int_equal(hg_source_rewrite(text, strlen(text), 0, NULL, &p, &err), -1);
	assert_int_equal(err.code, HG_SOURCE_SYNTAX);
	assert_non_null(strstr(err.text, "the program has the name hg_mine"));
	assert_null(p.text);
	assert_int_equal(hg_source_rewrite(text, strlen(text), 0, NULL, &p, NULL), -1);
}

static void test_table(void **state)
{
	static const char text[] =
		"typedef __global const float *fp; typedef unsigned long long u64; typedef u64 v64;"
		"typedef float f4 __attribute__((ext_vector_type(4))); enum e { A };"
		"typedef struct { int kernel_; } S; typedef int arr[4]; typedef image2d_t im_t;"
		"kernel void proto(global int *, int);"
		"kernel void a(fp p, const v64 n, f4 q, enum e r, S s, constant arr t, local S *u,"
		" read_only image2d_t v, sampler_t w, im_t x, queue_t y, read_only pipe int z,"
		" unsigned b, long unsigned int c, global S *restrict const d, half3 g, size_t h)"
		"{ if (1) { proto(0, 1); } }"
		"kernel void proto(global int *o, int count) { local int l[2]; }";
	static const struct {
		enum hg_source_class cls;
		const char *type, *name;
		unsigned int size;
		bool packed;
	} want[] = {
		{ HG_PARAM_GLOBAL, "fp", "p", 0, false },
		{ HG_PARAM_VALUE, "v64", "n", 8, false },
		{ HG_PARAM_VALUE, "f4", "q", 0, true },
		{ HG_PARAM_VALUE, "enum e", "r", 4, false },
		{ HG_PARAM_VALUE, "S", "s", 0, true },
		{ HG_PARAM_CONSTANT, "arr", "t", 0, false },
		{ HG_PARAM_LOCAL, "S*", "u", 0, false },
		{ HG_PARAM_IMAGE, "image2d_t", "v", 0, false },
		{ HG_PARAM_SAMPLER, "sampler_t", "w", 0, false },
		{ HG_PARAM_IMAGE, "im_t", "x", 0, false },
		{ HG_PARAM_OPAQUE, "queue_t", "y", 0, false },
		{ HG_PARAM_PIPE, "int", "z", 0, false },
		{ HG_PARAM_VALUE, "unsigned", "b", 4, false },
		{ HG_PARAM_VALUE, "long unsigned int", "c", 8, false },
		{ HG_PARAM_GLOBAL, "S*", "d", 0, false },
		{ HG_PARAM_VALUE, "half3", "g", 8, true },
		{ HG_PARAM_VALUE, "size_t", "h", 0, false },
	};
	struct hg_source_program p = rewrite(text);
	size_t i;

	(void)state;
	assert_int_equal(p.kernels, 2);
	assert_string_equal(p.kernel[0].name, "proto");
	assert_string_equal(p.kernel[0].param[1].name, "count");
	assert_string_equal(p.kernel[0].inner, "hg_inner_proto");
	assert_true(p.kernel[0].defined);
	assert_int_equal(p.kernel[1].params, sizeof(want) / sizeof(want[0]));
	assert_int_equal(p.kernel[1].pointers, 3);
	assert_string_equal(p.kernel[1].inner, "");
	for (i = 0; i < p.kernel[1].params; i++) {
		const struct hg_source_param *a = &p.kernel[1].param[i];

		assert_int_equal(a->cls, want[i].cls);
		assert_string_equal(a->type, want[i].type);
		assert_string_equal(a->name, want[i].name);
		assert_int_equal(a->size, want[i].size);
		assert_int_equal(a->packed, want[i].packed);
	}
	assert_int_equal(p.kernel[1].param[14].pointer, 2);
	hg_source_program_free(&p);
}

/* Every line keeps its number, and so does #line. */
static void test_lines(void **state)
{
	static const char text[] = "kernel\nvoid\na\n(const\nint\nn\n,\nfloat3\nv)\n{\n#line 3\n}\n"
				   "kernel void b\n()\n{\na\n(1,\n2);\n}\nend;\n";
	struct hg_source_program p = rewrite(text);
	const char *x = body(&p), *y = text;

	(void)state;
	while (*y) {
		const char *word = y;
		size_t n = strcspn(y, "\n");

		/* The line ends in what it ended in, apart from what is put behind it. */
		if (n && !strstr("kernel const { n v) a ( } 2); () }", (char[]){ *word, 0 }))
			assert_non_null(memmem(x, strcspn(x, "\n"), word, n));
		x += strcspn(x, "\n");
		y += n;
		assert_int_equal(*x++, '\n');
		assert_int_equal(*y++, '\n');
	}
	assert_string_equal(x, "");
	hg_source_program_free(&p);
}

static void test_limit(void **state)
{
	struct hg_source_limits limits = { .memory = 100000 };
	struct hg_source_program p;
	struct hg_source_error err;
	static char text[20000];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(text) - 1; i++)
		text[i] = i & 1 ? ';' : 'a';
	assert_int_equal(hg_source_rewrite(text, strlen(text), 0, &limits, &p, &err), -1);
	assert_int_equal(err.code, HG_SOURCE_LIMIT);
}

static void test_mask(void **state)
{
	uint32_t pad[HG_LAUNCH_WORDS];
	uint8_t value[300] = { 1, 2, 3, 4, 5 }, masked[300] = { 0 };
	struct hg_launch_entry e, copy;
	struct hg_source_param p = { .packed = true };
	size_t i;

	(void)state;
	for (i = 0; i < HG_LAUNCH_WORDS; i++)
		pad[i] = 0x01010101u * (uint32_t)(i + 1);
	hg_expect_begin(&e, 7, 8, 9);
	assert_int_equal(hg_expect_value(&e, pad, value, 5, masked), 0);
	assert_int_equal(e.words, 2);
	/* Bytes behind the value are 0 and not the pad's. */
	assert_memory_equal(masked, ((uint8_t[]){ 0, 3, 2, 5, 7, 0, 0, 0 }), 8);
	assert_memory_equal(e.argument, masked, 8);
	assert_int_equal(hg_expect_size(&p, 5), 8);
	p.packed = false;
	assert_int_equal(hg_expect_size(&p, 5), 5);
	/* The next value goes on in the pad. */
	assert_int_equal(hg_expect_value(&e, pad, value, 1, masked), 0);
	assert_int_equal(masked[0], 1 ^ 3);
	/* 61 words are left: 62 are refused, and nothing changes. */
	copy = e;
	assert_int_equal(hg_expect_value(&e, pad, value, 245, masked), -1);
	assert_int_equal(hg_expect_value(&e, pad, value, 0, masked), -1);
	assert_int_equal(hg_expect_value(&e, pad, value, 300, masked), -1);
	assert_memory_equal(&copy, &e, sizeof(e));
	assert_int_equal(hg_expect_value(&e, pad, value, 244, masked), 0);
	for (i = 0; i < HG_LAUNCH_POINTERS; i++)
		assert_int_equal(hg_expect_pointer(&e, i), 0);
	assert_int_equal(hg_expect_pointer(&e, i), -1);
	assert_int_equal(hg_entry_first(&e), 360);
	assert_int_equal(hg_entry_pointers(&e), 256);
}

static void test_geometry(void **state)
{
	const size_t g[3] = { 16, 4, 2 }, l[3] = { 8, 2, 1 }, o[3] = { 1, 2, 3 };
	struct hg_launch_entry e, got;

	(void)state;
	hg_expect_begin(&e, 1, 2, 3);
	assert_int_equal(hg_expect_geometry(&e, 0, o, g, l), -1);
	assert_int_equal(hg_expect_geometry(&e, 4, o, g, l), -1);
	assert_int_equal(hg_expect_geometry(&e, 2, o, g, NULL), -1);
	assert_int_equal(hg_expect_geometry(&e, 2, o, g, l), 0);
	assert_int_equal(hg_expect_items(&e), 64);
	assert_int_equal(e.global_size[2], 1);
	assert_int_equal(e.local_size[2], 1);
	assert_int_equal(e.global_offset[2], 0);
	got = e;
	assert_null(hg_expect_differs(&e, &got));
	got.global_offset[0]++;
	assert_string_equal(hg_expect_differs(&e, &got), "the geometry");
	got = e;
	got.number++;
	assert_string_equal(hg_expect_differs(&e, &got), "the kernel");
	got = e;
	got.words = 65;
	assert_string_equal(hg_expect_differs(&e, &got), "a value");
	assert_string_equal(hg_expect_differs(&got, &got), "a value");
	got = e;
	got.pointers = 1;
	assert_string_equal(hg_expect_differs(&e, &got), "a buffer");
	/* What lies behind the words that count may be anything. */
	got = e;
	got.argument[0] = 1;
	got.pointer[0] = 1;
	assert_null(hg_expect_differs(&e, &got));
	hg_expect_begin(&e, 1 | HG_LAUNCH_ANY_LOCAL, 2, 3);
	assert_int_equal(hg_expect_geometry(&e, 3, NULL, g, NULL), 0);
	assert_int_equal(e.local_size[0], 0);
	assert_int_equal(hg_expect_items(&e), 128);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),	  cmocka_unit_test(test_untouched),
		cmocka_unit_test(test_refused),	  cmocka_unit_test(test_mixed),
		cmocka_unit_test(test_names),	  cmocka_unit_test(test_table),
		cmocka_unit_test(test_lines),	  cmocka_unit_test(test_limit),
		cmocka_unit_test(test_mask),	  cmocka_unit_test(test_geometry),
	};

	return cmocka_run_group_tests_name("rewrite", tests, NULL, NULL);
}
