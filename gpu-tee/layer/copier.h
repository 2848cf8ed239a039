/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies on the device by kernels of the layer's (../device/copy.cl). They are launched like
 * rewritten kernels of the application's, so the receipts have them: docs/gpu-kernels.md.
 */
#ifndef LAYER_COPIER_H
#define LAYER_COPIER_H

#include "layer.h"

/* A place in a buffer, and the way to the next line and slice. Bytes. */
struct copy_place {
	struct cross_mem *buffer;
	size_t at, row, slice;
};

/* What a copy waits for, and who wants to know of its end: as in any command of OpenCL. */
struct copy_order {
	cl_command_queue queue;
	cl_uint count;
	const cl_event *list;
	cl_event *event;
};

/* Whether copies of this context are receipted, and not commands of the driver's. */
bool copier_wanted(const struct context *c);
void copier_free(struct context *c);

/* The place in what is a whole buffer below; the pitches are 0. */
struct copy_place copy_place_of(struct mem *m, size_t at);

/*
 * @region: bytes of a line, lines, slices, none of them 0; the boxes lie within the buffers and
 * have no byte in common. A pitch that is not needed may be 0. Returns an error of OpenCL's.
 */
cl_int copy_box(struct context *c, const struct copy_order *o, const struct copy_place *to,
		const struct copy_place *from, const size_t region[3]);
/* The first @have bytes at @place over and over, until @size are filled. */
cl_int copy_repeat(struct context *c, const struct copy_order *o, const struct copy_place *place,
		   size_t have, size_t size);
/*
 * Between @image and a buffer; @region in elements. Where the layer has no kernel for the
 * image, the driver's command does it, in clear: unless launches in clear are refused. That
 * command takes lines and slices one after the other only.
 */
cl_int copy_image(struct context *c, const struct copy_order *o, struct mem *image,
		  const size_t origin[3], const size_t region[3], const struct copy_place *place,
		  bool to_image);
/* Whether the layer has one. */
bool copier_knows(struct context *c, const struct mem *image);
/* It has none: CL_SUCCESS if the driver's command may do it, which is then said and counted. */
cl_int copy_left_alone(const struct mem *image, const char *what);

#endif
