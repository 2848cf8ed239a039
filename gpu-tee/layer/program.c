// SPDX-License-Identifier: Apache-2.0
/* Programs: sources are hashed for the report; what was not made of them here is refused. */
#include "layer.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"

/* Binaries that the driver made here, from a source that the report names. */
struct made {
	unsigned char hash[32];
	struct made *next;
};

static struct made *made_here;
static pthread_mutex_t made_lock = PTHREAD_MUTEX_INITIALIZER;

static bool hash_of(const void *data, size_t size, unsigned char hash[32])
{
	return EVP_Digest(data, size, hash, NULL, EVP_sha256(), NULL) == 1;
}

static bool is_made(const void *data, size_t size)
{
	unsigned char hash[32];
	const struct made *p;

	if (!data || !hash_of(data, size, hash))
		return false;
	pthread_mutex_lock(&made_lock);
	for (p = made_here; p && memcmp(p->hash, hash, sizeof(hash)); p = p->next)
		;
	pthread_mutex_unlock(&made_lock);
	return p;
}

static void note_made(const void *data, size_t size)
{
	struct made *p = is_made(data, size) ? NULL : calloc(1, sizeof(*p));

	if (!p || !hash_of(data, size, p->hash)) {
		free(p);
		return;
	}
	pthread_mutex_lock(&made_lock);
	p->next = made_here;
	made_here = p;
	pthread_mutex_unlock(&made_lock);
}

static void program_destroy(struct object *o)
{
	free(o);
}

/* Enters what the driver made. */
static cl_program enter(cl_program handle, cl_int *code)
{
	struct object *o = handle ? calloc(1, sizeof(*o)) : NULL;

	if (handle && !o) {
		below->clReleaseProgram(handle);
		*code = CL_OUT_OF_HOST_MEMORY;
		return NULL;
	}
	if (o)
		table_enter(o, handle, OBJECT_PROGRAM, program_destroy);
	return handle;
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
	report_program("source", text, size, strstr(text, "printf"));
	report_in_clear(CLEAR_SOURCE, size);
	return enter(below->clCreateProgramWithSource(context, 1, &text, &size, code), code);
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
		if (!is_made(binaries[i], lengths[i]))
			return false;
	return lengths && binaries && count;
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
		handle = enter(below->clCreateProgramWithBinary(context, count, devices, lengths,
								binaries, status, &code),
			       &code);
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
		handle = enter(below->clCreateProgramWithIL(context, il, length, &code), &code);
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
		handle = enter(below->clCreateProgramWithBuiltInKernels(context, count, devices,
									names, &code),
			       &code);
	layer_code(errcode_ret, code);
	return handle;
}

static void count_options(const char *options)
{
	if (options && *options)
		report_in_clear(CLEAR_OPTIONS, strlen(options));
}

static cl_int CL_API_CALL build(cl_program program, cl_uint count, const cl_device_id *devices,
				const char *options, void(CL_CALLBACK *notify)(cl_program, void *),
				void *data)
{
	count_options(options);
	return below->clBuildProgram(program, count, devices, options, notify, data);
}

static cl_int CL_API_CALL compile(cl_program program, cl_uint count, const cl_device_id *devices,
				  const char *options, cl_uint headers,
				  const cl_program *header_programs, const char **header_names,
				  void(CL_CALLBACK *notify)(cl_program, void *), void *data)
{
	count_options(options);
	return below->clCompileProgram(program, count, devices, options, headers, header_programs,
				       header_names, notify, data);
}

static cl_program CL_API_CALL link_programs(cl_context context, cl_uint count,
					    const cl_device_id *devices, const char *options,
					    cl_uint inputs, const cl_program *input_programs,
					    void(CL_CALLBACK *notify)(cl_program, void *),
					    void *data, cl_int *errcode_ret)
{
	cl_int code = check_context(context), entered = CL_SUCCESS;
	cl_program handle = NULL;

	count_options(options);
	if (!code)
		handle = below->clLinkProgram(context, count, devices, options, inputs,
					      input_programs, notify, data, &code);
	if (handle)
		handle = enter(handle, &entered);
	layer_code(errcode_ret, entered ? entered : code);
	return handle;
}

/* A context has one device, so a program has one binary. */
static cl_int CL_API_CALL program_info(cl_program program, cl_program_info name, size_t room,
				       void *value, size_t *size_ret)
{
	cl_int code = below->clGetProgramInfo(program, name, room, value, size_ret);
	unsigned char *const *binary = value;
	size_t size = 0;

	if (!code && name == CL_PROGRAM_BINARIES && value && room >= sizeof(*binary) && *binary &&
	    !below->clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof(size), &size, NULL) &&
	    size)
		note_made(*binary, size);
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
	d->clGetProgramBuildInfo = below->clGetProgramBuildInfo;
	d->clUnloadCompiler = below->clUnloadCompiler;
	d->clUnloadPlatformCompiler = below->clUnloadPlatformCompiler;
	d->clSetProgramReleaseCallback = below->clSetProgramReleaseCallback;
	d->clSetProgramSpecializationConstant = below->clSetProgramSpecializationConstant;
}
