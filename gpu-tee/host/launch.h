/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Launches of rewritten kernels (source/source.h): the host's half of the launch area,
 * ../device/launch.h. Each queue has an area of its own, so its log is in the order of
 * the launches. Before each receipt the device folds what was logged into the chain, and
 * the host does the same with what it asked for.
 *
 * Whoever launches calls hg_launch_begin, fills l->want with the functions of
 * source/expect.h, sets the arguments, enqueues on the same queue, and calls
 * hg_launch_end. Between the two the channel is locked: nothing else of it may be called
 * but hg_launch_address.
 */
#ifndef HG_GPU_LAUNCH_H
#define HG_GPU_LAUNCH_H

#include "../device/launch.h"
#include "channel.h"

struct hg_launching {
	struct hg_launch_entry *want; /* begun; its parameters and geometry are missing */
	struct hg_buffer *area;	      /* the first hidden argument */
	uint64_t sequence;	      /* the second */
	const uint32_t *pad;	      /* HG_LAUNCH_WORDS of it, for this launch alone */
	struct area *mine;
};

/* What a queue's launches had come to at some point of it. */
struct hg_launch_mark {
	bool set;
	unsigned index;
	uint64_t issued;
	uint8_t chain[32];
};

/* Of the kernel: what the rewriter's table says. */
struct hg_launch_kernel {
	const char *name;
	uint64_t program;
	uint32_t number;
	bool any_local; /* the driver chooses the local size */
	bool masked;	/* it has values: a pad is needed */
};

/*
 * The number is used up whatever follows. Where this fails by HG_GPU_E_LIMIT the channel is
 * still good: too many queues.
 */
int hg_launch_begin(struct hg_channel *ch, struct hg_queue *queue,
		    const struct hg_launch_kernel *kernel, struct hg_launching *l,
		    struct hg_gpu_error *err);
/* @enqueued: whether the driver took it. */
void hg_launch_end(struct hg_channel *ch, struct hg_launching *l, bool enqueued);
/* Where the device says that the bound buffer lies; 0 if it is not bound. */
uint64_t hg_launch_address(const struct hg_channel *ch, uint64_t id);
/* The queue is about to be released; its area may serve another. */
void hg_launch_queue_gone(struct hg_channel *ch, struct hg_queue *queue);
/*
 * For a queue that is held up after a point: hg_launch_mark is called before that point is
 * enqueued, and hg_launch_commit when it has been reached, while the queue still stands
 * there. What was launched before is then in the receipts.
 */
int hg_launch_mark(struct hg_channel *ch, struct hg_queue *queue, struct hg_launch_mark *mark,
		   struct hg_gpu_error *err);
int hg_launch_commit(struct hg_channel *ch, const struct hg_launch_mark *mark,
		     struct hg_gpu_error *err);
/*
 * While *@held is not 0 a queue may wait for the application. What was launched on other
 * queues than the one in hand is then receipted later: nothing is made to wait for it.
 */
void hg_launch_hold(struct hg_channel *ch, const unsigned int *held);

#endif
