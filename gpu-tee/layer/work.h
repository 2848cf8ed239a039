/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layer's threads: what a driver's callback may not do, and deliveries that nobody
 * waits for. Each does one piece of work after the other.
 */
#ifndef LAYER_WORK_H
#define LAYER_WORK_H

struct work {
	void (*run)(struct work *w);
	struct work *next;
};

/* @w stays its owner's; run() may free it. Here are deliveries and gates. */
void work_add(struct work *w);
/* By the other thread: what may wait for a delivery, as the ends of objects, for which the
 * crossing must be free, and what the application does in its callbacks. */
void work_later(struct work *w);

#endif
