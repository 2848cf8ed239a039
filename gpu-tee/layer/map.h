/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAYER_MAP_H
#define LAYER_MAP_H

#include "layer.h"

/* What clEnqueueMap... gave out and clEnqueueUnmapMemObject has not taken back. */
void maps_free(struct mem *m);
cl_uint maps_count(struct mem *m);

#endif
