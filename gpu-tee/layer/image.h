/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAYER_IMAGE_H
#define LAYER_IMAGE_H

#include "transfer.h"

/* A region of an image and the host's memory for it; the pitches may be 0. Fails with
 * CL_INVALID_VALUE, or what the image's flags forbid. */
cl_int image_transfer(struct transfer *t, enum report_direction direction, enum report_kind kind,
		      struct mem *m, const size_t *origin, const size_t *region, size_t row,
		      size_t slice, void *host);
/* Whether the region lies within the image, and has an element. */
bool image_has(const struct mem *m, const size_t *origin, const size_t *region);
/* The queue and the image of a command, given back by image_end(). */
cl_int image_begin(cl_command_queue queue, cl_mem image, cl_uint count, const cl_event *list,
		   struct queue **q, struct mem **m);
void image_end(struct queue *q, struct mem *m);

#endif
