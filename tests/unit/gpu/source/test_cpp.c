// SPDX-License-Identifier: Apache-2.0
/* The preprocessor: what it makes of small texts, and what it says of bad ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "source.h"

/* Without #line, white space as single blanks: easy to compare. */
static char *squeeze(const char *text)
{
	char *out = malloc(strlen(text) + 1), *o = out;

	assert_non_null(out);
	while (*text) {
		size_t n = strcspn(text, "\n");

		if (strncmp(text, "#line", 5)) {
			for (; n; n--, text++)
				if (*text != ' ' || (o > out && o[-1] != ' '))
					*o++ = *text;
			if (o > out && o[-1] != ' ')
				*o++ = ' ';
		}
		text += n + (text[n] == '\n');
	}
	while (o > out && o[-1] == ' ')
		o--;
	*o = 0;
	return out;
}

static struct hg_source_input input(const char *text)
{
	return (struct hg_source_input){ .text = text, .size = strlen(text), .name = "a.cl" };
}

static void gives_with(const struct hg_source_input *in, const char *want)
{
	struct hg_source_output out;
	struct hg_source_error err;
	char *got;

	if (hg_source_preprocess(in, &out, &err))
		fail_msg("'%s': %s", in->text, err.text);
	got = squeeze(out.text);
	if (strcmp(got, want))
		fail_msg("'%s'\n gives '%s'\n and not '%s'", in->text, got, want);
	free(got);
	hg_source_output_free(&out);
}

static void gives(const char *text, const char *want)
{
	struct hg_source_input in = input(text);

	gives_with(&in, want);
}

static void refuses_with(const struct hg_source_input *in, enum hg_source_code code,
			 const char *part)
{
	struct hg_source_output out;
	struct hg_source_error err = { 0 };

	assert_int_equal(hg_source_preprocess(in, &out, &err), -1);
	if (err.code != code || !strstr(err.text, part))
		fail_msg("'%s': says '%s' (%d), not '%s' (%d)", in->text, err.text, (int)err.code,
			 part, (int)code);
	assert_null(out.text);
	assert_int_equal(hg_source_preprocess(in, &out, NULL), -1);
}

static void refuses(const char *text, enum hg_source_code code, const char *part)
{
	struct hg_source_input in = input(text);

	refuses_with(&in, code, part);
}

static void test_tokens(void **state)
{
	(void)state;
	gives("a /* b\n c */ d // e\nf", "a d f");
	gives("a\\\nb c\\  \r\nd", "ab cd");
	gives("x = 1.5e+3f - 0x1p-2 .5;", "x = 1.5e+3f - 0x1p-2 .5;");
	gives("a+++b --> c <<= 3 ... %:%: <: :>", "a++ +b -- > c <<= 3 ... %:%: <: :>");
	gives("\"a/*b*/\" '\"' L\"x\" \"\\\"\"", "\"a/*b*/\" '\"' L\"x\" \"\\\"\"");
	gives("don't stop\nx", "don 't stop x");
	gives("\?\?( \?\?) \?\?< \?\?>", "[ ] { }");
	gives("", "");
	gives("a\rb\r\nc", "a b c");
	gives("#\n # \n/**/ # /* */ define A 1 /*\n*/ + 2\nA", "1 + 2");
	gives("#pragma OPENCL EXTENSION cl_khr_fp64 : enable\nx",
	      "#pragma OPENCL EXTENSION cl_khr_fp64 : enable x");
}

static void test_macros(void **state)
{
	(void)state;
	gives("#define A B\n#define B C\nA", "C");
	gives("#define A A B\n#define B A\nA", "A A");
	gives("#define f(x) [x]\nf(1) f (2) f\n(3) f f(f(4))", "[1] [2] [3] f [[4]]");
	gives("#define f(x) x x\n#define g f(\ng 1)", "1 1");
	gives("#define f(a) a*g\n#define g(a) f(a)\nf(2)(9)", "2*9*g");
	gives("#define f() z\nf() f( )", "z z");
	gives("#define p(a,b) a##b\np(x,1) p(,y) p(z,) p(,) p(1,e) p(<,<)", "x1 y z 1e <<");
	gives("#define x 3\n#define p(a,b) a##b\n#define q(a,b) p(a,b)\np(x,x) q(x,x)", "xx 33");
	gives("#define s(a) #a\ns( a  b ) s(\"x\\n\" '\\0') s() s(a /* c */ b)",
	      "\"a b\" \"\\\"x\\\\n\\\" '\\\\0'\" \"\" \"a b\"");
	gives("#define s(...) #__VA_ARGS__\ns(a, b,c) s()", "\"a, b,c\" \"\"");
	gives("#define v(a, ...) f(a, ## __VA_ARGS__)\nv(1) v(1,) v(1,2,3)",
	      "f(1) f(1,) f(1,2,3)");
	gives("#define v(a, r...) [a|r]\nv(1) v(1,2,3)", "[1|] [1|2,3]");
	gives("#define h #\n#define c h ## h\nx c", "x hh");
	gives("#define f(x) x\nf((a, b)) f(f)(1)", "(a, b) f(1)");
	gives("#define A 1\n#define A 2\nA\n#undef A\nA", "2 A");
	gives("#define E\n-E- +E+ x E y", "- - + + x y");
	gives("#define t(x,y,z) x ## y ## z\nt(,,) t(a,,) t(,b,) t(,,c) t(1,2,3)", "a b c 123");
	gives("#define f(x) (x)\nf(\n#define Q 5\nQ\n)", "(5)");
	gives("#define N 4\n#pragma unroll N\n_Pragma(\"unroll N\") x",
	      "#pragma unroll 4 #pragma unroll 4 x");
	gives("#define L(n) _Pragma(#n) y\nL(unroll 2)", "#pragma unroll 2 y");
}

static void test_builtins(void **state)
{
	(void)state;
	gives("__LINE__\n\n__LINE__ __FILE__", "1 3 \"a.cl\"");
	gives("#define f(x) x __LINE__\nf(\n1\n)", "1 4");
	gives("#line 50 \"b.cl\"\n__LINE__ __FILE__", "50 \"b.cl\"");
	gives("#line 7\n__LINE__ __COUNTER__ __COUNTER__ __INCLUDE_LEVEL__", "7 0 1 0");
	gives("# 9 \"c.cl\"\n__LINE__ __FILE__", "9 \"c.cl\"");
}

static void test_conditions(void **state)
{
	static const char *const is_true[] = {
		"1", "!0", "-1 < 0", "-1 > 0u", "1 ? 2 : 0", "0 ? 0 : 3",
		"'a' == 97", "'\\n' == 10", "'\\x41' == 65", "'\\377' < 0", "L'a' == 97",
		"'ab' == 24930", "0x10 == 16", "010 == 8", "0b11 == 3", "7 / 2 == 3",
		"-7 % 3 == -1", "1 << 62 > 0", "1u << 63 == 0x8000000000000000", "~0 == -1",
		"5 & 6 ^ 1 | 8", "1 || 1 / 0", "!(0 && 1 / 0)", "2 > 1 == 1", "10 - 3 - 2 == 5",
		"18446744073709551615u == ~0u", "defined A && A(2) == 3", "!defined(B)",
		"B == 0", "!(0 && unknown(1, 2))", "-9223372036854775807 - 1 < 0",
		"1 ? 1 : 1 / 0", "-1 >> 1 == -1", "true == 1 && false == 0", "1 - -1 == 2",
	};
	char text[200];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(is_true) / sizeof(is_true[0]); i++) {
		snprintf(text, sizeof(text),
			 "#define A(x) (x + 1)\n#if %s\nyes\n#else\nno\n#endif\n", is_true[i]);
		gives(text, "yes");
	}
	gives("#if 0\n'a /* \n#if 1\n*/\n#else\n#endif\n#error no\n#elif 0\na\n#elif 1\nb\n"
	      "#elif bad )\nc\n#else\nd\n#endif", "b");
	gives("#ifdef A\na\n#else\n#ifndef B\nb\n#endif\n#endif", "b");
	gives("#if 1\na\n#elif 1 / 0\nb\n#else\nc\n#endif\nd", "a d");
	gives("#define D defined(X)\n#define Y 1\n#if D || !defined Y\na\n#else\nb\n#endif", "b");
}

static void test_errors(void **state)
{
	static const struct {
		const char *text;
		const char *part;
	} bad[] = {
		{ "\n#if 1\n", "a.cl:2: this #if has no #endif" },
		{ "#if 0\n", "has no #endif" },
		{ "#endif\n", "a.cl:1: #endif without #if" },
		{ "#else\n", "#else without #if" },
		{ "#if 1\n#else\n#else\n#endif", "behind the #else of line 2" },
		{ "#if\n#endif", "ends where a value is wanted" },
		{ "#if 1 +\n#endif", "ends where a value is wanted" },
		{ "#if (1\n#endif", "')' is missing" },
		{ "#if 1 2\n#endif", "'2' is too much" },
		{ "#if 1 / 0\n#endif", "division by zero" },
		{ "#if 1.5\n#endif", "'1.5' is not an integer" },
		{ "#if \"a\"\n#endif", "is no value" },
		{ "#if 1 ? 2\n#endif", "'?' without ':'" },
		{ "#if foo(1)\n#endif", "there is no macro foo()" },
		{ "#if defined\n#endif", "'defined' without a name" },
		{ "#if 99999999999999999999\n#endif", "more than 64 bits" },
		{ "#ifdef 1\n#endif", "needs a name" },
		{ "#define 1\n", "cannot have the name '1'" },
		{ "#define defined\n", "cannot be defined" },
		{ "#define f(a,a)\n", "is there twice" },
		{ "#define f(a\n", "do not end in ')'" },
		{ "#define f(1)\n", "is not a parameter" },
		{ "#define f(..., a)\n", "do not end in ')'" },
		{ "#define f(a) #b\n", "does not stand before a parameter" },
		{ "#define f ## a\n", "stands at an end" },
		{ "#define f(a) a\nf(1", "a.cl:2: the call of macro f has no ')'" },
		{ "#define f(a) a\nf(1,2)", "takes 1 arguments, and gets more" },
		{ "#define f(a,b) a\nf(1)", "takes 2 arguments, and gets 1" },
		{ "#define p(a,b) a##b\np(+,-)", "'+' ## '-' is no token" },
		{ "#undef 5\n", "#undef needs a name" },
		{ "#line x\n", "#line needs a number" },
		{ "#line 99999999999\n", "is not the number of a line" },
		{ "#line 3 x\n", "is a string" },
		{ "#nonsense\n", "there is no directive #nonsense" },
		{ "#include\n", "#include needs" },
		{ "#include \"\"\n", "empty name" },
		{ "_Pragma(x)", "takes a string in parentheses" },
		{ "_Pragma y", "takes a string in parentheses" },
		{ "#define H #\nH x", "starts a line" },
		{ "#define f(x) x\nf(\n#include \"a\"\n)", "inside the arguments of a macro" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refuses(bad[i].text, HG_SOURCE_SYNTAX, bad[i].part);
	refuses("#error out of  order\n", HG_SOURCE_STOP, "a.cl:1: #error out of order");
	refuses("#include <none.h>\n", HG_SOURCE_FILE, "'none.h' is in none of the 0 directories");
}

static void test_limits(void **state)
{
	static const char bomb[] = "#define A B B B B B B B B\n#define B C C C C C C C C\n"
				   "#define C D D D D D D D D\n#define D E E E E E E E E\n"
				   "#define E F F F F F F F F\n#define F G G G G G G G G\n"
				   "#define G H H H H H H H H\n#define H x x x x x x x x\nA\n";
	struct hg_source_input in = input(bomb);
	static char deep[20000];
	size_t i;

	(void)state;
	in.limits.output = 1 << 20;
	refuses_with(&in, HG_SOURCE_LIMIT, "more than 1048576 bytes");
	in.limits.output = 0;
	in.limits.memory = 1 << 20;
	refuses_with(&in, HG_SOURCE_LIMIT, "needs more than 1048576 bytes");
	strcpy(deep, "#define f(x) x\n");
	for (i = 0; i < 1000; i++)
		strcat(deep, "f(");
	for (i = 0; i < 1000; i++)
		strcat(deep, ")");
	refuses(deep, HG_SOURCE_LIMIT, "nested more than 400 deep");
	strcpy(deep, "#if ");
	for (i = 0; i < 1000; i++)
		strcat(deep, "(");
	refuses(deep, HG_SOURCE_SYNTAX, "nested too deep");
	in = input("#define A 1\n#define B 1\n#define C 1\n");
	in.limits.macros = 7;
	refuses_with(&in, HG_SOURCE_LIMIT, "more than 7 macros");
}

static char *headers(void *context, const char *name, bool quoted, size_t *size)
{
	const char *text = NULL;

	(void)context;
	if (!strcmp(name, "self.h"))
		text = "#include \"self.h\"\n";
	if (!strcmp(name, "once.h"))
		text = "#pragma once\nint once;\n";
	if (!strcmp(name, "line.h"))
		text = "__LINE__ __FILE__ __INCLUDE_LEVEL__\n#define FROM 1\n";
	if (!strcmp(name, "open.h"))
		text = "#if 1\n";
	if (!strcmp(name, "call.h"))
		text = "f(\n";
	if (!strcmp(name, "q.h"))
		text = quoted ? "quoted" : "angled";
	if (!text)
		return NULL;
	*size = strlen(text);
	return strdup(text);
}

static void test_callback(void **state)
{
	struct hg_source_input in = input("#include \"line.h\"\n__LINE__ __FILE__ FROM");

	(void)state;
	in.include = headers;
	gives_with(&in, "1 \"line.h\" 1 2 \"a.cl\" 1");
	in = input("#include \"once.h\"\n#include <once.h>\nx");
	in.include = headers;
	gives_with(&in, "int once; x");
	in = input("#define H <q.h>\n#include H\n#define S(x) #x\n#include S(q.h)\n#include <q.h>");
	in.include = headers;
	gives_with(&in, "angled quoted angled");
	in = input("#include \"self.h\"\n");
	in.include = headers;
	refuses_with(&in, HG_SOURCE_LIMIT, "self.h:1: files are included more than 64 deep");
	in = input("#include \"open.h\"\n#endif\n");
	in.include = headers;
	refuses_with(&in, HG_SOURCE_SYNTAX, "open.h:1: this #if has no #endif");
	in = input("#define f(x) x\n#include \"call.h\"\n)");
	in.include = headers;
	refuses_with(&in, HG_SOURCE_SYNTAX, "call.h:1: the call of macro f has no ')'");
	in = input("#include \"none.h\"\n");
	in.include = headers;
	refuses_with(&in, HG_SOURCE_FILE, "nor among the headers given");
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void test_disk(void **state)
{
	char dir[] = "/tmp/hg-source-XXXXXX", path[100], build[300];
	struct hg_source_options o;
	struct hg_source_input in = input("#include \"one.h\"\n#include <sub/two.h>\n");

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/sub", dir);
	assert_int_equal(system((snprintf(build, sizeof(build), "mkdir %s", path), build)), 0);
	snprintf(path, sizeof(path), "%s/one.h", dir);
	write_file(path, "#pragma once\none\n");
	snprintf(path, sizeof(path), "%s/sub/two.h", dir);
	write_file(path, "#include \"three.h\"\n#include \"one.h\"\n");
	snprintf(path, sizeof(path), "%s/sub/three.h", dir);
	write_file(path, "three\n");
	snprintf(build, sizeof(build), "-I /nowhere -I'%s'", dir);
	assert_int_equal(hg_source_options_parse(build, &o, NULL), 0);
	in.options = &o;
	gives_with(&in, "one three");
	snprintf(path, sizeof(path), "%s/pipe", dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	in = input("#include \"pipe\"\n");
	in.options = &o;
	refuses_with(&in, HG_SOURCE_FILE, "none of the 2 directories");
	in = input("#include \"sub\"\n");
	in.options = &o;
	refuses_with(&in, HG_SOURCE_FILE, "none of the 2 directories");
	in = input("#include \"one.h\"\n");
	in.options = &o;
	in.no_disk = true;
	refuses_with(&in, HG_SOURCE_FILE, "'one.h'");
	hg_source_options_free(&o);
	snprintf(build, sizeof(build), "rm -r %s", dir);
	assert_int_equal(system(build), 0);
}

static void test_options(void **state)
{
	struct hg_source_options o;
	struct hg_source_error err;
	struct hg_source_input in = input("A B C D E F(2) G");

	(void)state;
	assert_int_equal(hg_source_options_parse(
		" -DA -D B=2 -DC=\"a b\" -D 'D=x y' -DE=\\\"s\\\" -DF(x)=x+1 -cl-std=CL1.2 "
		"-DG=1 -UG  -I dir -I\"other dir\" -w -x \"a -Db c\" ", &o, &err), 0);
	assert_string_equal(o.rest, "-cl-std=CL1.2 -w -x \"a -Db c\"");
	assert_int_equal(o.dirs, 2);
	assert_string_equal(o.dir[0], "dir");
	assert_string_equal(o.dir[1], "other dir");
	in.options = &o;
	gives_with(&in, "1 2 a b x y \"s\" 2+1 G");
	hg_source_options_free(&o);

	assert_int_equal(hg_source_options_parse(NULL, &o, &err), 0);
	assert_string_equal(o.rest, "");
	hg_source_options_free(&o);
	assert_int_equal(hg_source_options_parse("-DA=\"x", &o, &err), -1);
	assert_int_equal(err.code, HG_SOURCE_OPTION);
	assert_string_equal(err.text, "build options: the \" of '-DA=\"x' is not closed");
	assert_int_equal(hg_source_options_parse("-w -D", &o, &err), -1);
	assert_string_equal(err.text, "build options: -D needs a value");
	assert_int_equal(hg_source_options_parse("-D 1=2", &o, &err), 0);
	in.options = &o;
	refuses_with(&in, HG_SOURCE_SYNTAX, "<build options>:1: a macro cannot have the name '1'");
	hg_source_options_free(&o);
	assert_int_equal(hg_source_options_parse("-U 1", &o, &err), 0);
	in.options = &o;
	refuses_with(&in, HG_SOURCE_OPTION, "-U 1: not a name");
	hg_source_options_free(&o);
}

/* Lines and files as the driver will report them. */
static void test_lines(void **state)
{
	struct hg_source_input in = input("a\n\n\nb\n#include \"q.h\"\nc\n#line 100 \"z\"\nd");
	struct hg_source_output out;

	(void)state;
	in.include = headers;
	assert_int_equal(hg_source_preprocess(&in, &out, NULL), 0);
	assert_string_equal(out.text, "#line 1 \"a.cl\"\na\n\n\nb\n#line 1 \"q.h\"\nquoted\n"
				      "#line 6 \"a.cl\"\nc\n#line 100 \"z\"\nd\n");
	hg_source_output_free(&out);
	in = input("1\n\n\n\n\n\n\n\n\n\n\n2");
	in.name = "we\"ird\\name";
	assert_int_equal(hg_source_preprocess(&in, &out, NULL), 0);
	assert_string_equal(out.text, "#line 1 \"we\\\"ird\\\\name\"\n1\n"
				      "#line 12 \"we\\\"ird\\\\name\"\n2\n");
	hg_source_output_free(&out);
}

static void test_questions(void **state)
{
	struct hg_source_input in = input("#define MINE\n#ifdef MINE\n#endif\n#ifndef __A\n#endif\n"
					  "#if defined(__B) || __C > 1 || __K == 7\n#endif\n"
					  "#ifdef __A\n#endif\n__D");
	struct hg_source_output out;
	struct hg_source_error err;
	unsigned char answer[768] = { 0 };
	char *lines;

	(void)state;
	in.predefined = "#define __K 7\n#undef __NONE\n";
	assert_int_equal(hg_source_preprocess(&in, &out, NULL), 0);
	assert_int_equal(out.questions, 3);
	assert_string_equal(out.question[0], "__A");
	assert_string_equal(out.question[1], "__B");
	assert_string_equal(out.question[2], "__C");
	memcpy(answer + 256, "\001120", 5);
	lines = hg_source_probe_answer(out.question, 3, answer, sizeof(answer), &err);
	assert_string_equal(lines, "#define __B 120\n");
	free(lines);
	/* A driver that wants to slip in a line, or that does not end. */
	memcpy(answer, "\001x\n#", 5);
	assert_null(hg_source_probe_answer(out.question, 3, answer, sizeof(answer), &err));
	assert_non_null(strstr(err.text, "driver's value of __A"));
	memset(answer, 'x', 256);
	answer[0] = 1;
	assert_null(hg_source_probe_answer(out.question, 3, answer, sizeof(answer), &err));
	assert_null(hg_source_probe_answer(out.question, 3, answer, 512, &err));
	assert_non_null(strstr(err.text, "has 512 bytes, not 768"));
	hg_source_output_free(&out);
	in.predefined = "int x;\n";
	refuses_with(&in, HG_SOURCE_SYNTAX, "<predefined>:1: 'int' is no directive");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tokens),	  cmocka_unit_test(test_macros),
		cmocka_unit_test(test_builtins),  cmocka_unit_test(test_conditions),
		cmocka_unit_test(test_errors),	  cmocka_unit_test(test_limits),
		cmocka_unit_test(test_callback),  cmocka_unit_test(test_disk),
		cmocka_unit_test(test_options),	  cmocka_unit_test(test_lines),
		cmocka_unit_test(test_questions),
	};

	return cmocka_run_group_tests_name("cpp", tests, NULL, NULL);
}
