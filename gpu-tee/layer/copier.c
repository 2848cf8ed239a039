// SPDX-License-Identifier: Apache-2.0
#include "copier.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pixel.h"
#include "report.h"
#include "rewrite.h"

extern const char hg_copy_source[];

/* As in copy.cl: KIND, PIECE, AS_... */
#define KINDS	  7u
#define PIECE	  16u
#define AS_UINT	  0u
#define AS_INT	  1u
#define AS_FLOAT  2u
#define GPU_ITEMS 64u /* of a group */

/* A program of one kind, and its kernels. */
struct own_program {
	bool tried;
	struct kernel *kernel[2];
};

struct copier {
	pthread_mutex_t lock;
	size_t items, groups; /* of a group; that keep the device busy */
	bool floats;	      /* it keeps all bits of them */
	struct own_program program[KINDS];
};

static const char *const kernel_name[2][2] = {
	{ "layer_copy", NULL },
	{ "layer_put", "layer_get" },
};

bool copier_wanted(const struct context *c)
{
	return rewrite_wanted(c);
}

/* ---- The programs ------------------------------------------------------------------ */

static void kernel_free(struct kernel *k)
{
	size_t size;

	if (!k)
		return;
	/* The row is the unit's, which may go with this kernel. */
	size = sizeof(*k) + k->row->params * sizeof(k->arg[0]);
	below->clReleaseKernel(k->object.handle);
	pthread_mutex_destroy(&k->lock);
	unit_put(k->unit);
	explicit_bzero(k, size);
	free(k);
}

void copier_free(struct context *c)
{
	unsigned int i;

	if (!c->copier)
		return;
	for (i = 0; i < KINDS; i++) {
		kernel_free(c->copier->program[i].kernel[0]);
		kernel_free(c->copier->program[i].kernel[1]);
	}
	pthread_mutex_destroy(&c->copier->lock);
	free(c->copier);
	c->copier = NULL;
}

static void learn_device(struct context *c, struct copier *made)
{
	const cl_device_fp_config all = CL_FP_DENORM | CL_FP_INF_NAN;
	cl_device_fp_config config = 0;
	cl_device_type type = 0;
	cl_uint units = 1;

	below->clGetDeviceInfo(c->device, CL_DEVICE_TYPE, sizeof(type), &type, NULL);
	below->clGetDeviceInfo(c->device, CL_DEVICE_MAX_COMPUTE_UNITS, sizeof(units), &units, NULL);
	below->clGetDeviceInfo(c->device, CL_DEVICE_SINGLE_FP_CONFIG, sizeof(config), &config,
			       NULL);
	made->items = type & CL_DEVICE_TYPE_CPU ? 1 : GPU_ITEMS;
	made->groups = (units ? units : 1) * 8;
	made->floats = (config & all) == all;
}

static struct copier *copier_of(struct context *c)
{
	struct copier *made, *old = NULL;

	made = __atomic_load_n(&c->copier, __ATOMIC_ACQUIRE);
	if (made)
		return made;
	made = calloc(1, sizeof(*made));
	if (!made)
		return NULL;
	pthread_mutex_init(&made->lock, NULL);
	learn_device(c, made);
	if (__atomic_compare_exchange_n(&c->copier, &old, made, false, __ATOMIC_ACQ_REL,
					__ATOMIC_ACQUIRE))
		return made;
	pthread_mutex_destroy(&made->lock);
	free(made);
	return old;
}

static const struct hg_source_kernel *row_of(const struct unit *u, const char *name)
{
	size_t i;

	for (i = 0; i < u->table.kernels; i++)
		if (u->table.kernel[i].defined && !u->table.kernel[i].refused &&
		    !strcmp(u->table.kernel[i].name, name))
			return &u->table.kernel[i];
	return NULL;
}

static struct kernel *make_kernel(cl_program built, struct unit *u, const char *name)
{
	const struct hg_source_kernel *row = row_of(u, name);
	struct kernel *k = row ? calloc(1, sizeof(*k) + row->params * sizeof(k->arg[0])) : NULL;
	cl_int code;

	if (!k)
		return NULL;
	k->object.handle = below->clCreateKernel(built, name, &code);
	if (!k->object.handle) {
		free(k);
		return NULL;
	}
	pthread_mutex_init(&k->lock, NULL);
	k->row = row;
	k->unit = u;
	unit_ref(u);
	return k;
}

static void make_program(struct context *c, struct own_program *p, unsigned int kind)
{
	const char *const *name = kernel_name[kind ? 1 : 0], *text;
	char defines[32], reason[320] = "";
	cl_program built = NULL;
	struct unit *u;
	cl_int code = CL_SUCCESS;

	snprintf(defines, sizeof(defines), "#define KIND %u\n", kind);
	u = rewrite_own(hg_copy_source, defines, reason);
	if (u) {
		text = u->table.text;
		built = below->clCreateProgramWithSource(c->object.handle, 1, &text, &u->table.size,
							 &code);
	}
	if (built)
		code = below->clBuildProgram(built, 1, &c->device, "", NULL, NULL);
	if (built && !code) {
		p->kernel[0] = make_kernel(built, u, name[0]);
		p->kernel[1] = name[1] ? make_kernel(built, u, name[1]) : NULL;
	} else {
		layer_say_once("the driver does not build copies of kind %u: error %d %s", kind,
			       code, reason);
	}
	if (built)
		below->clReleaseProgram(built);
	unit_put(u);
}

static struct kernel *kernel_of(struct context *c, unsigned int kind, unsigned int which)
{
	struct copier *made = copier_of(c);
	struct own_program *p;

	if (!made)
		return NULL;
	p = &made->program[kind];
	pthread_mutex_lock(&made->lock);
	if (!p->tried)
		make_program(c, p, kind);
	p->tried = true;
	pthread_mutex_unlock(&made->lock);
	return p->kernel[which];
}

/* ---- Launches ---------------------------------------------------------------------- */

static void set_value(struct kernel *k, size_t i, uint64_t value)
{
	struct kernel_arg *a = &k->arg[i];

	a->size = k->row->param[i].size;
	memcpy(a->value, &value, a->size < sizeof(value) ? a->size : sizeof(value));
	a->set = true;
}

/* As in copy.cl. */
static uint64_t digest_more(uint64_t digest, uint64_t value)
{
	digest = (digest ^ value) * 0x9e3779b97f4a7c15u;
	return digest ^ digest >> 29;
}

/* The values that follow the two buffers or images, and their digest. */
static void set_values(struct kernel *k, const uint64_t *value, size_t count, cl_uint dims,
		       const size_t *global)
{
	uint64_t digest = 0;
	size_t i;

	for (i = 0; i < 3; i++)
		digest = digest_more(digest_more(digest, i < dims ? global[i] : 1), 0);
	for (i = 0; i < count; i++) {
		set_value(k, 2 + i, value[i]);
		digest = digest_more(digest, value[i]);
	}
	set_value(k, 2 + i, digest);
}

static cl_int set_handle(struct kernel *k, size_t i, cl_mem handle, struct cross_mem *own)
{
	k->arg[i].own = own;
	k->arg[i].set = true;
	return below->clSetKernelArg(k->object.handle, (cl_uint)i, sizeof(handle), &handle);
}

static cl_int run(struct context *c, const struct copy_order *o, struct kernel *k, cl_uint dims,
		  const size_t *global, const size_t *local)
{
	cl_int code = kernel_launch_locked(c, o->queue, k, dims, NULL, global, local, o->count,
					   o->list, o->event);

	if (!code)
		report_copy(true);
	return code;
}

struct copy_place copy_place_of(struct mem *m, size_t at)
{
	size_t origin;
	struct mem *root = mem_root(m, &origin);

	return (struct copy_place){ .buffer = &root->cross, .at = origin + at };
}

/* Pieces that each work-item has: enough of them to keep all units busy, if there are. */
static size_t share(const struct copier *made, size_t pieces)
{
	size_t most = made->items == 1 ? 4096 : 16, n = pieces / (made->items * made->groups);

	return n < 1 ? 1 : n > most ? most : n;
}

cl_int copy_box(struct context *c, const struct copy_order *o, const struct copy_place *to,
		const struct copy_place *from, const size_t region[3])
{
	struct kernel *k = kernel_of(c, 0, 0);
	size_t pieces = (region[0] + PIECE - 1) / PIECE * region[1] * region[2];
	uint64_t value[] = { to->at,	  to->row,   to->slice, from->at,  from->row,
			     from->slice, region[0], region[1], region[2], 1 };
	size_t each, global;
	cl_int code;

	if (!k)
		return CL_OUT_OF_RESOURCES;
	value[9] = each = share(c->copier, pieces);
	global = (pieces + each * c->copier->items - 1) / (each * c->copier->items) *
		 c->copier->items;
	pthread_mutex_lock(&k->lock);
	code = set_handle(k, 0, to->buffer->handle, to->buffer);
	if (!code)
		code = set_handle(k, 1, from->buffer->handle, from->buffer);
	set_values(k, value, sizeof(value) / sizeof(value[0]), 1, &global);
	if (!code)
		code = run(c, o, k, 1, &global, &c->copier->items);
	pthread_mutex_unlock(&k->lock);
	return code;
}

cl_int copy_repeat(struct context *c, const struct copy_order *o, const struct copy_place *place,
		   size_t have, size_t size)
{
	const size_t region[3] = { have, size / have - 1, 1 }, rest[3] = { size % have, 1, 1 };
	struct copy_order first = *o, last = *o;
	struct copy_place to = *place;
	cl_int code = CL_SUCCESS;

	to.at += have;
	to.row = have;
	if (rest[0])
		first.event = NULL;
	if (region[1]) {
		code = copy_box(c, &first, &to, place, region);
		last.count = 0;
		last.list = NULL;
	}
	to.at = place->at + size - rest[0];
	return code || !rest[0] ? code : copy_box(c, &last, &to, place, rest);
}

/* ---- Images ------------------------------------------------------------------------ */

struct element {
	unsigned int kind, count, bytes, order, as;
};

static unsigned int kind_of(const struct mem *m)
{
	static const cl_mem_object_type type[KINDS] = {
		[1] = CL_MEM_OBJECT_IMAGE2D,	     [2] = CL_MEM_OBJECT_IMAGE3D,
		[3] = CL_MEM_OBJECT_IMAGE2D_ARRAY,   [4] = CL_MEM_OBJECT_IMAGE1D,
		[5] = CL_MEM_OBJECT_IMAGE1D_ARRAY,   [6] = CL_MEM_OBJECT_IMAGE1D_BUFFER,
	};
	unsigned int i;

	for (i = 1; i < KINDS && type[i] != m->type; i++)
		;
	return i < KINDS ? i : 0;
}

/* Formats whose every element a kernel reads and writes without loss: not halves and signed
 * fractions, which have values that mean the same. */
static bool element_of(const struct copier *made, const struct mem *m, struct element *e)
{
	int component[4], n = pixel_order(m->format.image_channel_order, component), i;

	memset(e, 0, sizeof(*e));
	e->kind = kind_of(m);
	e->count = (unsigned int)n;
	for (i = 0; i < n; i++)
		e->order |= (unsigned int)component[i] << (2 * i);
	switch (m->format.image_channel_data_type) {
	case CL_UNSIGNED_INT8:
	case CL_UNSIGNED_INT16:
	case CL_UNSIGNED_INT32:
		e->as = AS_UINT;
		break;
	case CL_SIGNED_INT8:
	case CL_SIGNED_INT16:
	case CL_SIGNED_INT32:
		e->as = AS_INT;
		break;
	case CL_UNORM_INT8:
		e->as = 255;
		break;
	case CL_UNORM_INT16:
		e->as = 65535;
		break;
	case CL_FLOAT:
		e->as = AS_FLOAT;
		break;
	default:
		return false;
	}
	if (m->one_way || !e->kind || !n || m->format.image_channel_order == CL_DEPTH ||
	    (e->as == AS_FLOAT && !made->floats))
		return false;
	e->bytes = (unsigned int)(m->element / e->count);
	return true;
}

bool copier_knows(struct context *c, const struct mem *image)
{
	struct copier *made = copier_of(c);
	struct element e;

	return made && element_of(made, image, &e) && kernel_of(c, e.kind, 0) &&
	       kernel_of(c, e.kind, 1);
}

static cl_int launch_image(struct context *c, const struct copy_order *o, struct kernel *k,
			   struct mem *image, const struct element *e, const size_t origin[3],
			   const size_t region[3], const struct copy_place *place)
{
	const uint64_t value[] = { origin[0],	 origin[1], origin[2], place->at, place->row,
				   place->slice, e->count,  e->bytes,  e->order,  e->as };
	cl_int code;

	pthread_mutex_lock(&k->lock);
	code = set_handle(k, 0, image->object.handle, NULL);
	if (!code)
		code = set_handle(k, 1, place->buffer->handle, place->buffer);
	set_values(k, value, sizeof(value) / sizeof(value[0]), 3, region);
	if (!code)
		code = run(c, o, k, 3, region, NULL);
	pthread_mutex_unlock(&k->lock);
	return code;
}

static cl_int in_clear(const struct copy_order *o, struct mem *image, const size_t origin[3],
		       const size_t region[3], const struct copy_place *place, bool to_image)
{
	cl_mem handle = image->object.handle, buffer = place->buffer->handle;
	cl_int code;

	code = to_image ? below->clEnqueueCopyBufferToImage(o->queue, buffer, handle, place->at,
							    origin, region, o->count, o->list,
							    o->event)
			: below->clEnqueueCopyImageToBuffer(o->queue, handle, buffer, origin,
							    region, place->at, o->count, o->list,
							    o->event);
	if (!code)
		report_copy(false);
	return code;
}

cl_int copy_left_alone(const struct mem *image, const char *what)
{
	char reason[96];

	snprintf(reason, sizeof(reason), "an image of type %#x and format %#x/%#x", image->type,
		 image->format.image_channel_order, image->format.image_channel_data_type);
	if (rewrite_strict()) {
		layer_say("%s was refused: no kernel of the layer's copies %s", what, reason);
		report_refused(what);
		return CL_IMAGE_FORMAT_NOT_SUPPORTED;
	}
	layer_say_once("copies cross in clear, without receipt: no kernel of the layer's for %s",
		       reason);
	report_unrewritten("(copy)", reason);
	return CL_SUCCESS;
}

cl_int copy_image(struct context *c, const struct copy_order *o, struct mem *image,
		  const size_t origin[3], const size_t region[3], const struct copy_place *place,
		  bool to_image)
{
	struct copier *made;
	struct element e;
	struct kernel *k;
	cl_int code;

	if (!copier_wanted(c))
		return in_clear(o, image, origin, region, place, to_image);
	if (copier_knows(c, image)) {
		made = copier_of(c);
		element_of(made, image, &e);
		k = kernel_of(c, e.kind, to_image ? 0 : 1);
		return launch_image(c, o, k, image, &e, origin, region, place);
	}
	code = copy_left_alone(image, to_image ? "a copy to an image" : "a copy of an image");
	return code ? code : in_clear(o, image, origin, region, place, to_image);
}
