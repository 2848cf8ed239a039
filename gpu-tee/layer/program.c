// SPDX-License-Identifier: Apache-2.0
/* Programs: sources are hashed for the report; what was not made of them here is refused. */
#include "layer.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"
#include "rewrite.h"

/* Binaries that the driver made here, from a source that the report names. */
struct made {
	unsigned char hash[32];
	struct unit **unit; /* what it was made of, if that was rewritten */
	size_t units;
	struct made *next;
};

static struct made *made_here;
static pthread_mutex_t made_lock = PTHREAD_MUTEX_INITIALIZER;

static bool hash_of(const void *data, size_t size, unsigned char hash[32])
{
	return EVP_Digest(data, size, hash, NULL, EVP_sha256(), NULL) == 1;
}

static const struct made *find_made(const void *data, size_t size)
{
	unsigned char hash[32];
	const struct made *p;

	if (!data || !hash_of(data, size, hash))
		return NULL;
	pthread_mutex_lock(&made_lock);
	for (p = made_here; p && memcmp(p->hash, hash, sizeof(hash)) != 0; p = p->next)
		;
	pthread_mutex_unlock(&made_lock);
	return p;
}

/* Further units for a list of them. */
static bool add_units(struct unit ***list, size_t *count, struct unit *const *more, size_t n)
{
	struct unit **all = n ? realloc(*list, (*count + n) * sizeof(*all)) : *list;
	size_t i;

	if (n && !all)
		return false;
	*list = all;
	for (i = 0; i < n; i++) {
		unit_ref(more[i]);
		all[(*count)++] = more[i];
	}
	return true;
}

static void note_made(const struct program *of, const void *data, size_t size)
{
	struct made *p = find_made(data, size) ? NULL : calloc(1, sizeof(*p));

	if (!p || !hash_of(data, size, p->hash) ||
	    !add_units(&p->unit, &p->units, of->unit, of->units)) {
		free(p);
		return;
	}
	pthread_mutex_lock(&made_lock);
	p->next = made_here;
	made_here = p;
	pthread_mutex_unlock(&made_lock);
}

struct program *program_get(cl_program handle)
{
	return (struct program *)table_get(handle, OBJECT_PROGRAM);
}

void program_put(struct program *p)
{
	if (p)
		table_put(&p->object);
}

/* What the last build made. */
static void drop_build(struct program *p)
{
	size_t i;

	for (i = 0; i < p->units; i++)
		unit_put(p->unit[i]);
	free(p->unit);
	p->unit = NULL;
	p->units = 0;
	if (p->built != p->object.handle)
		below->clReleaseProgram(p->built);
	p->built = p->object.handle;
	*p->reason = '\0';
}

static void program_destroy(struct object *o)
{
	struct program *p = (struct program *)o;

	drop_build(p);
	context_put(p->context);
	free(p->options);
	free(p->source);
	free(p);
}

/* Enters what the driver made. @source, which may be NULL, is copied. */
static struct program *enter_as(cl_context context, cl_program handle, const char *source,
				cl_int *code)
{
	struct program *p = handle ? calloc(1, sizeof(*p)) : NULL;

	if (p && source)
		p->source = strdup(source);
	if (handle && (!p || (source && !p->source))) {
		free(p);
		below->clReleaseProgram(handle);
		*code = CL_OUT_OF_HOST_MEMORY;
		return NULL;
	}
	if (p) {
		p->built = handle;
		p->context = context_get(context);
		table_enter(&p->object, handle, OBJECT_PROGRAM, program_destroy);
	}
	return p;
}

static cl_program enter(cl_context context, cl_program handle, cl_int *code)
{
	return enter_as(context, handle, NULL, code) ? handle : NULL;
}

static cl_int check_context(cl_context context)
{
	struct context *c = context_get(context);
	cl_int code = c ? context_state(c) : CL_INVALID_CONTEXT;

	context_put(c);
	return code;
}

/* The strings one after the other, ended by a 0. */
static char *joined(cl_uint count, const char **strings, const size_t *lengths, size_t *size)
{
	char *text, *p;
	size_t n = 0, part;
	cl_uint i;

	for (i = 0; i < count; i++)
		n += lengths && lengths[i] ? lengths[i] : strlen(strings[i]);
	text = p = malloc(n + 1);
	for (i = 0; text && i < count; i++, p += part) {
		part = lengths && lengths[i] ? lengths[i] : strlen(strings[i]);
		memcpy(p, strings[i], part);
	}
	if (text)
		*p = '\0';
	*size = n;
	return text;
}

static cl_program with_source(cl_context context, const char *text, size_t size, cl_int *code)
{
	cl_program handle;

	report_program("source", text, size, strstr(text, "printf"));
	report_in_clear(CLEAR_SOURCE, size);
	handle = below->clCreateProgramWithSource(context, 1, &text, &size, code);
	return enter_as(context, handle, text, code) ? handle : NULL;
}

static cl_program CL_API_CALL create_with_source(cl_context context, cl_uint count,
						 const char **strings, const size_t *lengths,
						 cl_int *errcode_ret)
{
	cl_int code = check_context(context);
	cl_program handle = NULL;
	char *text = NULL;
	size_t size;
	cl_uint i;

	if (!code && (!count || !strings))
		code = CL_INVALID_VALUE;
	for (i = 0; !code && i < count; i++)
		if (!strings[i])
			code = CL_INVALID_VALUE;
	if (!code) {
		text = joined(count, strings, lengths, &size);
		code = text ? CL_SUCCESS : CL_OUT_OF_HOST_MEMORY;
	}
	if (text)
		handle = with_source(context, text, size, &code);
	free(text);
	layer_code(errcode_ret, code);
	return handle;
}

static bool refused(const char *name, const char *what, cl_int code, cl_int *errcode_ret)
{
	if (layer_allows_binaries())
		return false;
	layer_say_once(
		"%s was refused: %s cannot be read here; use the source, or hgrun --allow-binaries",
		name, what);
	report_refused(name);
	layer_code(errcode_ret, code);
	return true;
}

static bool all_made(cl_uint count, const size_t *lengths, const unsigned char **binaries)
{
	cl_uint i;

	for (i = 0; lengths && binaries && i < count; i++)
		if (!find_made(binaries[i], lengths[i]))
			return false;
	return lengths && binaries && count;
}

/* The kernels of a binary that was made here are those that were rewritten then. */
static void take_made(cl_program handle, const void *data, size_t size)
{
	const struct made *m = find_made(data, size);
	struct program *p = program_get(handle);

	if (m)
		add_units(&p->unit, &p->units, m->unit, m->units);
	program_put(p);
}

static cl_program CL_API_CALL create_with_binary(cl_context context, cl_uint count,
						 const cl_device_id *devices, const size_t *lengths,
						 const unsigned char **binaries, cl_int *status,
						 cl_int *errcode_ret)
{
	cl_int code = check_context(context);
	cl_program handle = NULL;
	cl_uint i;

	if (!all_made(count, lengths, binaries) &&
	    refused("clCreateProgramWithBinary", "a program binary from elsewhere",
		    CL_INVALID_BINARY, errcode_ret)) {
		for (i = 0; status && i < count; i++)
			status[i] = CL_INVALID_BINARY;
		return NULL;
	}
	if (!code && (!count || !lengths || !binaries || !devices))
		code = CL_INVALID_VALUE;
	for (i = 0; !code && i < count; i++) {
		if (!binaries[i] || !lengths[i]) {
			code = CL_INVALID_VALUE;
			break;
		}
		report_program("binary", binaries[i], lengths[i], false);
		report_in_clear(CLEAR_BINARY, lengths[i]);
	}
	if (!code)
		handle = enter(context,
			       below->clCreateProgramWithBinary(context, count, devices, lengths,
								binaries, status, &code),
			       &code);
	if (handle)
		take_made(handle, binaries[0], lengths[0]);
	layer_code(errcode_ret, code);
	return handle;
}

static cl_program CL_API_CALL create_with_il(cl_context context, const void *il, size_t length,
					     cl_int *errcode_ret)
{
	cl_int code = check_context(context);
	cl_program handle = NULL;

	if (refused("clCreateProgramWithIL", "intermediate code", CL_INVALID_OPERATION,
		    errcode_ret))
		return NULL;
	if (!code && (!il || !length))
		code = CL_INVALID_VALUE;
	if (!code) {
		report_program("il", il, length, false);
		report_in_clear(CLEAR_BINARY, length);
		handle = enter(context, below->clCreateProgramWithIL(context, il, length, &code),
			       &code);
	}
	layer_code(errcode_ret, code);
	return handle;
}

static cl_program CL_API_CALL create_built_in(cl_context context, cl_uint count,
					      const cl_device_id *devices, const char *names,
					      cl_int *errcode_ret)
{
	cl_int code = check_context(context);
	cl_program handle = NULL;

	if (refused("clCreateProgramWithBuiltInKernels", "a kernel of the driver's",
		    CL_INVALID_VALUE, errcode_ret))
		return NULL;
	if (!code)
		handle = enter(context,
			       below->clCreateProgramWithBuiltInKernels(context, count, devices,
									names, &code),
			       &code);
	layer_code(errcode_ret, code);
	return handle;
}

/* What a build is told; a compilation has headers, if only none. */
struct order {
	cl_uint count;
	const cl_device_id *devices;
	const char *options;
	const struct headers *headers;
};

static cl_int order_below(cl_program handle, const struct order *o, const char *options,
			  const struct headers *headers)
{
	if (!o->headers)
		return below->clBuildProgram(handle, o->count, o->devices, options, NULL, NULL);
	return below->clCompileProgram(handle, o->count, o->devices, options,
				       headers ? headers->count : 0,
				       headers ? headers->program : NULL,
				       headers ? headers->name : NULL, NULL, NULL);
}

/* Builds the rewritten text in the program's place. False: it stays as it was. */
static bool build_unit(struct program *p, struct unit *u, const struct order *o)
{
	const char *text = u->table.text;
	cl_int code = CL_SUCCESS;
	cl_program ours = below->clCreateProgramWithSource(p->context->object.handle, 1, &text,
							   &u->table.size, &code);

	if (ours && !code)
		code = order_below(ours, o, u->rest, NULL);
	if (ours && !code && add_units(&p->unit, &p->units, &u, 1)) {
		p->built = ours;
		return true;
	}
	if (ours)
		below->clReleaseProgram(ours);
	snprintf(p->reason, sizeof(p->reason),
		 "the driver does not build it when it is rewritten: error %d", code);
	return false;
}

/*
 * A program that cannot be rewritten is built as it is: where that fails, too, the
 * application gets the driver's own messages about its own text.
 */
static cl_int build_plain(struct program *p, const struct order *o)
{
	cl_int code = order_below(p->object.handle, o, o->options, o->headers);

	if (code || !rewrite_wanted(p->context))
		return code;
	if (rewrite_strict()) {
		layer_say("a program was refused: it cannot be rewritten: %s", p->reason);
		report_refused("clBuildProgram");
		return CL_BUILD_PROGRAM_FAILURE;
	}
	layer_say_once("a program is not rewritten: what its kernels are told crosses in clear, without receipt: %s",
		       p->reason);
	report_unrewritten("(program)", p->reason);
	return CL_SUCCESS;
}

static cl_int build_any(cl_program program, const struct order *o)
{
	struct program *p = program_get(program);
	struct unit *u = NULL;
	cl_int code;

	if (!p)
		return CL_INVALID_PROGRAM;
	if (o->options && *o->options)
		report_in_clear(CLEAR_OPTIONS, strlen(o->options));
	if (p->source)
		drop_build(p);
	free(p->options);
	p->options = strdup(o->options ? o->options : "");
	if (p->source && rewrite_wanted(p->context))
		u = rewrite_source(p->context, p->source, o->options, o->headers, p->reason);
	if (context_state(p->context))
		code = CL_OUT_OF_RESOURCES;
	else if (u && build_unit(p, u, o))
		code = CL_SUCCESS;
	else if (p->source)
		code = build_plain(p, o);
	else
		code = order_below(p->object.handle, o, o->options, o->headers);
	unit_put(u);
	program_put(p);
	return code;
}

/* The build is over when the call returns, which OpenCL leaves open. */
static cl_int told(cl_program program, cl_int code, void(CL_CALLBACK *notify)(cl_program, void *),
		   void *data)
{
	if (!notify || (code && code != CL_BUILD_PROGRAM_FAILURE &&
			code != CL_COMPILE_PROGRAM_FAILURE))
		return code;
	notify(program, data);
	return CL_SUCCESS;
}

static cl_int CL_API_CALL build(cl_program program, cl_uint count, const cl_device_id *devices,
				const char *options, void(CL_CALLBACK *notify)(cl_program, void *),
				void *data)
{
	const struct order o = { count, devices, options, NULL };

	if ((!notify && data) || !count != !devices)
		return CL_INVALID_VALUE;
	return told(program, build_any(program, &o), notify, data);
}

static cl_int CL_API_CALL compile(cl_program program, cl_uint count, const cl_device_id *devices,
				  const char *options, cl_uint headers,
				  const cl_program *header_programs, const char **header_names,
				  void(CL_CALLBACK *notify)(cl_program, void *), void *data)
{
	const struct headers h = { headers, header_programs, header_names };
	const struct order o = { count, devices, options, &h };

	if ((!notify && data) || !count != !devices || !headers != !header_programs ||
	    !headers != !header_names)
		return CL_INVALID_VALUE;
	return told(program, build_any(program, &o), notify, data);
}

/* What stands for each of the programs below; the units of all of them. */
static cl_int gather(cl_uint count, const cl_program *list, cl_program *ours, struct program *all)
{
	cl_int code = CL_SUCCESS;
	struct program *p;
	cl_uint i;

	for (i = 0; i < count && !code; i++) {
		p = program_get(list[i]);
		if (!p)
			return CL_INVALID_PROGRAM;
		ours[i] = p->built;
		if (!add_units(&all->unit, &all->units, p->unit, p->units))
			code = CL_OUT_OF_HOST_MEMORY;
		if (*p->reason)
			memcpy(all->reason, p->reason, sizeof(all->reason));
		program_put(p);
	}
	return code;
}

static cl_program CL_API_CALL link_programs(cl_context context, cl_uint count,
					    const cl_device_id *devices, const char *options,
					    cl_uint inputs, const cl_program *input_programs,
					    void(CL_CALLBACK *notify)(cl_program, void *),
					    void *data, cl_int *errcode_ret)
{
	cl_int code = check_context(context), entered = CL_SUCCESS;
	struct program all = { .units = 0 }, *p;
	cl_program handle = NULL, *ours;
	size_t i;

	if (!code && (!inputs || !input_programs || (!notify && data)))
		code = CL_INVALID_VALUE;
	ours = code ? NULL : calloc(inputs, sizeof(*ours));
	if (!code)
		code = ours ? gather(inputs, input_programs, ours, &all) : CL_OUT_OF_HOST_MEMORY;
	if (options && *options)
		report_in_clear(CLEAR_OPTIONS, strlen(options));
	if (!code)
		handle = below->clLinkProgram(context, count, devices, options, inputs, ours, NULL,
					      NULL, &code);
	p = handle ? enter_as(context, handle, NULL, &entered) : NULL;
	if (p && add_units(&p->unit, &p->units, all.unit, all.units))
		memcpy(p->reason, all.reason, sizeof(p->reason));
	for (i = 0; i < all.units; i++)
		unit_put(all.unit[i]);
	free(all.unit);
	free(ours);
	if (p && notify)
		notify(handle, data);
	layer_code(errcode_ret, entered ? entered : notify && p ? CL_SUCCESS : code);
	return p ? handle : NULL;
}

bool program_hides(const struct program *p, const char *name, size_t size)
{
	size_t i, k;

	for (i = 0; i < p->units; i++)
		for (k = 0; k < p->unit[i]->table.kernels; k++) {
			const char *inner = p->unit[i]->table.kernel[k].inner;

			if (inner && strlen(inner) == size && size && !memcmp(inner, name, size))
				return true;
		}
	return false;
}

cl_int program_kernels(struct program *p, char **names, cl_uint *count)
{
	size_t size = 0, n;
	char *from, *to;
	cl_int code = below->clGetProgramInfo(p->built, CL_PROGRAM_KERNEL_NAMES, 0, NULL, &size);

	*count = 0;
	*names = code ? NULL : calloc(1, size + 1);
	if (!*names)
		return code ? code : CL_OUT_OF_HOST_MEMORY;
	code = below->clGetProgramInfo(p->built, CL_PROGRAM_KERNEL_NAMES, size, *names, NULL);
	for (from = to = *names; *from; from += n) {
		from += strspn(from, ";");
		n = strcspn(from, ";");
		if (!n || program_hides(p, from, n))
			continue;
		if (to != *names)
			*to++ = ';';
		memmove(to, from, n);
		to += n;
		++*count;
	}
	*to = '\0';
	return code;
}

static cl_int names_info(struct program *p, cl_program_info name, size_t room, void *value,
			 size_t *size_ret)
{
	char *names = NULL;
	cl_uint count = 0;
	size_t kernels;
	cl_int code = program_kernels(p, &names, &count);

	kernels = count;
	if (!code && name == CL_PROGRAM_NUM_KERNELS)
		code = layer_answer(&kernels, sizeof(kernels), room, value, size_ret);
	else if (!code)
		code = layer_answer(names, strlen(names) + 1, room, value, size_ret);
	free(names);
	return code;
}

/* A context has one device, so a program has one binary. */
static cl_int binary_info(struct program *p, cl_program_info name, size_t room, void *value,
			  size_t *size_ret)
{
	cl_int code = below->clGetProgramInfo(p->built, name, room, value, size_ret);
	unsigned char *const *binary = value;
	size_t size = 0;

	if (!code && name == CL_PROGRAM_BINARIES && value && room >= sizeof(*binary) && *binary &&
	    !below->clGetProgramInfo(p->built, CL_PROGRAM_BINARY_SIZES, sizeof(size), &size,
				     NULL) &&
	    size)
		note_made(p, *binary, size);
	return code;
}

static cl_int CL_API_CALL program_info(cl_program program, cl_program_info name, size_t room,
				       void *value, size_t *size_ret)
{
	struct program *p = program_get(program);
	cl_int code;

	if (!p)
		return CL_INVALID_PROGRAM;
	if (name == CL_PROGRAM_NUM_KERNELS || name == CL_PROGRAM_KERNEL_NAMES)
		code = names_info(p, name, room, value, size_ret);
	else if (name == CL_PROGRAM_BINARIES || name == CL_PROGRAM_BINARY_SIZES)
		code = binary_info(p, name, room, value, size_ret);
	else
		code = below->clGetProgramInfo(program, name, room, value, size_ret);
	program_put(p);
	return code;
}

static cl_int CL_API_CALL build_info(cl_program program, cl_device_id device,
				     cl_program_build_info name, size_t room, void *value,
				     size_t *size_ret)
{
	struct program *p = program_get(program);
	cl_int code;

	if (!p)
		return CL_INVALID_PROGRAM;
	if (name == CL_PROGRAM_BUILD_OPTIONS && p->options)
		code = layer_answer(p->options, strlen(p->options) + 1, room, value, size_ret);
	else
		code = below->clGetProgramBuildInfo(p->built, device, name, room, value, size_ret);
	program_put(p);
	return code;
}

static cl_int CL_API_CALL retain(cl_program handle)
{
	cl_int code = below->clRetainProgram(handle);

	if (!code)
		table_retain(handle, OBJECT_PROGRAM);
	return code;
}

static cl_int CL_API_CALL release(cl_program handle)
{
	if (!table_release(handle, OBJECT_PROGRAM))
		return CL_INVALID_PROGRAM;
	return below->clReleaseProgram(handle);
}

void layer_programs(cl_icd_dispatch *d)
{
	d->clCreateProgramWithSource = create_with_source;
	d->clCreateProgramWithBinary = create_with_binary;
	d->clCreateProgramWithIL = create_with_il;
	d->clCreateProgramWithBuiltInKernels = create_built_in;
	d->clBuildProgram = build;
	d->clCompileProgram = compile;
	d->clLinkProgram = link_programs;
	d->clRetainProgram = retain;
	d->clReleaseProgram = release;
	d->clGetProgramInfo = program_info;
	d->clGetProgramBuildInfo = build_info;
	d->clUnloadCompiler = below->clUnloadCompiler;
	d->clUnloadPlatformCompiler = below->clUnloadPlatformCompiler;
	d->clSetProgramReleaseCallback = below->clSetProgramReleaseCallback;
	d->clSetProgramSpecializationConstant = below->clSetProgramSpecializationConstant;
}
