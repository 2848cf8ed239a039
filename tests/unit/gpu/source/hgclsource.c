// SPDX-License-Identifier: Apache-2.0
/* Shows what the preprocessor and the rewriter make of a program. For tests and debugging. */
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "source.h"

static const char help[] =
	"Usage: hgclsource [OPTION]... [FILE]\n"
	"Shows an OpenCL C program (standard input without FILE) as HyperGPU's layer hands it\n"
	"to the driver.\n"
	"\n"
	"  -b, --build-options TEXT  the options of clBuildProgram()\n"
	"  -p, --predefined FILE     lines of #define: what the driver's compiler defines\n"
	"  -i, --id NUMBER           the program's id in the launch log\n"
	"  -E, --preprocess          preprocess only\n"
	"  -R, --rewrite-only        the text has been preprocessed\n"
	"  -t, --table               the table of kernels, as JSON, instead of the text\n"
	"  -q, --questions           the names that decided and were not defined\n"
	"  -P, --probe               the program that asks the driver about these names\n"
	"  -r, --rest                the build options that are left\n"
	"  -h, --help                this text\n"
	"  -V, --version             the version\n";

struct request {
	const char *build, *predefined, *file;
	uint64_t id;
	int show; /* a letter of the options, or 0 */
	bool rewrite_only;
};

static char *read_all(const char *path, size_t *size)
{
	FILE *f = path && strcmp(path, "-") ? fopen(path, "rb") : stdin;
	size_t room = 65536, n = 0, got;
	char *text = malloc(room);

	if (!f || !text) {
		perror(path);
		exit(1);
	}
	while ((got = fread(text + n, 1, room - n - 1, f)) > 0) {
		n += got;
		if (room - n < 2 && !(text = realloc(text, room *= 2)))
			abort();
	}
	if (f != stdin)
		fclose(f);
	text[n] = 0;
	*size = n;
	return text;
}

static int complain(const struct hg_source_error *err)
{
	fprintf(stderr, "hgclsource: %s\n", err->text);
	return 1;
}

static json_t *param_json(const struct hg_source_param *p)
{
	json_t *o = json_pack("{s:s, s:s, s:s}", "class", hg_source_class_name(p->cls), "type",
			      p->type, "name", p->name);

	if (p->cls == HG_PARAM_VALUE) {
		json_object_set_new(o, "size", p->size ? json_integer(p->size) : json_null());
		json_object_set_new(o, "packed", json_boolean(p->packed));
	}
	if (p->cls == HG_PARAM_GLOBAL || p->cls == HG_PARAM_CONSTANT)
		json_object_set_new(o, "pointer", json_integer(p->pointer));
	return o;
}

static void print_table(const struct hg_source_program *p)
{
	json_t *kernels = json_array(), *top = json_pack("{s:o}", "kernels", kernels);
	size_t i, k;

	for (i = 0; i < p->kernels; i++) {
		const struct hg_source_kernel *kern = &p->kernel[i];
		json_t *params = json_array();
		json_t *o = json_pack("{s:s, s:i, s:b, s:o}", "name", kern->name, "number",
				      (int)kern->number, "defined", kern->defined, "parameters",
				      params);

		for (k = 0; k < kern->params; k++)
			json_array_append_new(params, param_json(&kern->param[k]));
		if (kern->refused)
			json_object_set_new(o, "refused", json_string(kern->refused));
		if (*kern->inner)
			json_object_set_new(o, "inner", json_string(kern->inner));
		json_array_append_new(kernels, o);
	}
	json_dumpf(top, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(top);
}

static int rewrite(const struct request *r, const char *text, size_t size)
{
	struct hg_source_program p;
	struct hg_source_error err;
	size_t i;

	if (hg_source_rewrite(text, size, r->id, NULL, &p, &err))
		return complain(&err);
	if (r->show == 't')
		print_table(&p);
	else
		fwrite(p.text, 1, p.size, stdout);
	for (i = 0; i < p.kernels; i++)
		if (p.kernel[i].refused && r->show != 't')
			fprintf(stderr, "hgclsource: kernel %s is left as it is: %s\n",
				p.kernel[i].name, p.kernel[i].refused);
	hg_source_program_free(&p);
	return 0;
}

static void ask(const struct request *r, const struct hg_source_output *out)
{
	size_t i, size;
	char *probe;

	for (i = 0; r->show == 'q' && i < out->questions; i++)
		puts(out->question[i]);
	if (r->show != 'P')
		return;
	probe = hg_source_probe(out->question, out->questions, &size);
	if (probe)
		fputs(probe, stdout);
	free(probe);
}

static int run(const struct request *r, const char *text, size_t size)
{
	struct hg_source_options o;
	struct hg_source_input in = { .text = text, .size = size, .name = r->file, .options = &o };
	struct hg_source_output out;
	struct hg_source_error err;
	char *predefined = NULL;
	size_t n;
	int ret = 0;

	if (r->rewrite_only)
		return rewrite(r, text, size);
	if (hg_source_options_parse(r->build, &o, &err))
		return complain(&err);
	if (r->predefined)
		in.predefined = predefined = read_all(r->predefined, &n);
	if (hg_source_preprocess(&in, &out, &err)) {
		ret = complain(&err);
	} else {
		if (r->show == 'r')
			puts(o.rest);
		else if (r->show == 'E')
			fwrite(out.text, 1, out.size, stdout);
		else if (r->show == 'q' || r->show == 'P')
			ask(r, &out);
		else
			ret = rewrite(r, out.text, out.size);
		hg_source_output_free(&out);
	}
	hg_source_options_free(&o);
	free(predefined);
	return ret;
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "build-options", required_argument, NULL, 'b' },
		{ "predefined", required_argument, NULL, 'p' },
		{ "id", required_argument, NULL, 'i' },
		{ "preprocess", no_argument, NULL, 'E' },
		{ "rewrite-only", no_argument, NULL, 'R' },
		{ "table", no_argument, NULL, 't' },
		{ "questions", no_argument, NULL, 'q' },
		{ "probe", no_argument, NULL, 'P' },
		{ "rest", no_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	struct request r = { 0 };
	size_t size;
	char *text;
	int c, ret;

	while ((c = getopt_long(argc, argv, "b:p:i:ERtqPrhV", longs, NULL)) != -1) {
		switch (c) {
		case 'b':
			r.build = optarg;
			break;
		case 'p':
			r.predefined = optarg;
			break;
		case 'i':
			r.id = strtoull(optarg, NULL, 0);
			break;
		case 'R':
			r.rewrite_only = true;
			break;
		case 'h':
			fputs(help, stdout);
			return 0;
		case 'V':
			puts("hgclsource 0.1");
			return 0;
		case '?':
			fputs("Try 'hgclsource --help'.\n", stderr);
			return 2;
		default:
			r.show = c;
		}
	}
	if (optind + 1 < argc) {
		fputs("hgclsource: one FILE at most\n", stderr);
		return 2;
	}
	r.file = argv[optind];
	text = read_all(r.file, &size);
	ret = run(&r, text, size);
	free(text);
	return ret;
}
