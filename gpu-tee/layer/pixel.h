/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAYER_PIXEL_H
#define LAYER_PIXEL_H

#include "layer.h"

#define PIXEL_MAX 16u

/*
 * One element of an image as it lies in memory, made of the colour that
 * clEnqueueFillImage takes: four floats, or four integers for integer formats; one
 * float for depth. False: not for this format.
 */
bool pixel_make(const cl_image_format *format, const void *colour, unsigned char pixel[PIXEL_MAX],
		size_t *size);

/* For each part of an element, in memory's order, which of red (0) to alpha (3) it is. Returns
 * how many parts there are: 0 for an order that is not known. */
int pixel_order(cl_channel_order order, int component[4]);

#endif
