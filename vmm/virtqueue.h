/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only reader of split virtqueues (Virtio 1.0, section 2.4). A queue lies
 * in memory the guest changes at will, so every field is fetched once, and what
 * was fetched is checked and used. After the first malformed chain the queue is
 * broken: it yields nothing until it is reset.
 */
#ifndef HGVMM_VIRTQUEUE_H
#define HGVMM_VIRTQUEUE_H

#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "memory.h"

#define VQ_SIZE_MAX	256u	/* entries of a queue */
#define VQ_SEGS_MAX	256u	/* segments of one chain, indirect ones included */

struct virtqueue {
	const struct guest_mem *mem;

	/* Set by the transport while the queue is off. */
	uint16_t size;
	uint64_t desc_gpa, avail_gpa, used_gpa;
	bool indirect, event_idx;	/* negotiated features */

	/* Ours from vq_enable() on. */
	bool ready, broken;
	const uint8_t *desc;		/* size entries of 16 bytes */
	const uint16_t *avail;		/* flags, idx, ring[size], used_event */
	uint8_t *used;			/* flags, idx, ring[size], avail_event */
	uint16_t last_avail;		/* next chain to take */
	uint16_t used_idx;		/* next used entry to write */
	uint16_t signalled;		/* used_idx at the last interrupt check */
	bool signalled_valid;
};

/* One request: @nr_out segments the device reads, then @nr_in it writes. */
struct vq_chain {
	uint16_t head;
	unsigned int nr_out, nr_in;
	uint64_t out_len, in_len;	/* bytes in all */
	struct iovec iov[VQ_SEGS_MAX];
};

/* Power-on state; @mem stays the caller's. */
void vq_reset(struct virtqueue *vq, const struct guest_mem *mem, uint16_t size);

/*
 * Start the queue. Returns 0, or -EINVAL when the size is no power of two or
 * too large, an address is misaligned, or a ring is not wholly in RAM.
 */
int vq_enable(struct virtqueue *vq);

/*
 * Take the next chain. Returns 1 with @chain filled, 0 when none is waiting, or
 * -EINVAL when the queue is, or just became, broken: an index out of range, a
 * loop, more than VQ_SEGS_MAX segments, an empty or non-RAM segment, a readable
 * segment after a writable one, a bad indirect table or unknown flags.
 */
int vq_pop(struct virtqueue *vq, struct vq_chain *chain);

/* Put back the chain just popped; the next vq_pop() returns it again. */
void vq_unpop(struct virtqueue *vq);

/* Give @chain back with @len bytes written into its writable part. */
void vq_push(struct virtqueue *vq, const struct vq_chain *chain, uint32_t len);

/* After pushes: must the driver be interrupted? */
bool vq_need_interrupt(struct virtqueue *vq);

/* Ask the driver (not) to notify us. vq_notify_on() returns true when chains
 * arrived meanwhile, so the caller has to look again. */
void vq_notify_off(struct virtqueue *vq);
bool vq_notify_on(struct virtqueue *vq);

/*
 * Copy out of the readable / into the writable part, starting @off bytes in.
 * Returns the bytes copied, fewer than @len only at the end of the chain.
 */
size_t vq_chain_read(const struct vq_chain *chain, size_t off, void *buf, size_t len);
size_t vq_chain_write(const struct vq_chain *chain, size_t off, const void *buf, size_t len);

/*
 * Segments of [off, off + len) of the readable or writable part as an iovec
 * array of at most @max. Returns their number, 0 when the range is not inside.
 */
unsigned int vq_chain_iov(const struct vq_chain *chain, bool in, size_t off, size_t len,
			  struct iovec *iov, unsigned int max);

#endif
