// SPDX-License-Identifier: Apache-2.0
/* Entropy device (Virtio 1.0, section 5.4). */
#include <errno.h>
#include <linux/virtio_ids.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/random.h>

#include "util.h"
#include "virtio.h"

/* A driver asks for little; more per request would only keep the loop busy. */
#define RNG_MAX 4096u

struct virtio_rng {
	struct virtio_dev vd;
	struct vq_chain chain;
	_Atomic uint64_t bytes;
};

static uint32_t fill(struct virtio_rng *r)
{
	uint8_t buf[RNG_MAX];
	size_t want = r->chain.in_len < sizeof(buf) ? r->chain.in_len : sizeof(buf);
	ssize_t n = getrandom(buf, want, 0);

	if (n <= 0)
		return 0;
	r->bytes += (uint64_t)n;
	return (uint32_t)vq_chain_write(&r->chain, 0, buf, (size_t)n);
}

static void rng_notify(struct virtio_dev *vd, unsigned int queue)
{
	struct virtio_rng *r = container_of(vd, struct virtio_rng, vd);
	struct virtqueue *vq = &vd->queue[queue].vq;

	while (vq_pop(vq, &r->chain) == 1) {
		vq_push(vq, &r->chain, fill(r));
		virtio_interrupt(vd, queue);
	}
	/* Arm the notification; what raced with it is served at the next one. */
	if (vq_notify_on(vq))
		eventfd_write(vd->queue[queue].kick, 1);
}

static void rng_stats(struct virtio_dev *vd, json_t *obj)
{
	struct virtio_rng *r = container_of(vd, struct virtio_rng, vd);

	json_object_set_new(obj, "bytes", json_integer((json_int_t)r->bytes));
}

static void rng_destroy(struct virtio_dev *vd)
{
	virtio_fini(vd);
	free(container_of(vd, struct virtio_rng, vd));
}

static const struct virtio_ops rng_ops = {
	.name = "rng", .id = VIRTIO_ID_RNG, .class_code = 0xff0000,
	.nr_queues = 1, .queue_size = 64,
	.notify = rng_notify, .stats = rng_stats, .destroy = rng_destroy,
};

struct virtio_dev *virtio_rng_new(struct vm *vm, struct pci_bus *bus)
{
	struct virtio_rng *r = calloc(1, sizeof(*r));

	if (!r || virtio_init(&r->vd, vm, bus, &rng_ops)) {
		free(r);
		return NULL;
	}
	return &r->vd;
}
