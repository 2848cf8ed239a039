/* SPDX-License-Identifier: Apache-2.0 */
/* The layer's one thread: what a driver's callback may not do, and deliveries that
 * nobody waits for. It does one piece of work after the other. */
#ifndef LAYER_WORK_H
#define LAYER_WORK_H

struct work {
	void (*run)(struct work *w);
	struct work *next;
};

/* @w stays its owner's; run() may free it. */
void work_add(struct work *w);

#endif
