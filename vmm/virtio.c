// SPDX-License-Identifier: Apache-2.0
#include "virtio.h"

#include <errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <poll.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "util.h"
#include "vm.h"

/* Offered by the transport for every device. */
#define COMMON_FEATURES (UINT64_C(1) << VIRTIO_F_VERSION_1 | \
			 UINT64_C(1) << VIRTIO_RING_F_INDIRECT_DESC | \
			 UINT64_C(1) << VIRTIO_RING_F_EVENT_IDX)

bool virtio_has(const struct virtio_dev *vd, unsigned int feature_bit)
{
	return vd->driver_features >> feature_bit & 1;
}

bool virtio_live(const struct virtio_dev *vd)
{
	return vd->status & VIRTIO_CONFIG_S_DRIVER_OK &&
	       !(vd->status & VIRTIO_CONFIG_S_NEEDS_RESET);
}

uint64_t virtio_features(struct virtio_dev *vd)
{
	uint64_t features = COMMON_FEATURES | (vd->ops->features ? vd->ops->features(vd) : 0);

	/* A confidential guest must not hand out addresses of its private memory. */
	if (vd->vm->cfg->cvm)
		features |= UINT64_C(1) << VIRTIO_F_ACCESS_PLATFORM;
	return features;
}

void virtio_interrupt(struct virtio_dev *vd, unsigned int queue)
{
	if (!vq_need_interrupt(&vd->queue[queue].vq))
		return;
	atomic_fetch_or(&vd->isr, 1);
	virtio_pci_raise(vd, vd->queue[queue].vector);
}

void virtio_config_changed(struct virtio_dev *vd)
{
	vd->config_generation++;
	if (!(vd->status & VIRTIO_CONFIG_S_DRIVER_OK))
		return;
	atomic_fetch_or(&vd->isr, 2);
	virtio_pci_raise(vd, vd->config_vector);
}

void virtio_broken(struct virtio_dev *vd, const char *why)
{
	if (vd->status & VIRTIO_CONFIG_S_NEEDS_RESET)
		return;
	hg_guest_err("virtio-%s %u: %s; the device stops until the driver resets it",
		     vd->ops->name, vd->index, why);
	vd->status |= VIRTIO_CONFIG_S_NEEDS_RESET;
	virtio_config_changed(vd);
}

static void reset_queues(struct virtio_dev *vd)
{
	unsigned int i;
	uint64_t v;

	for (i = 0; i < vd->ops->nr_queues; i++) {
		struct virtio_queue *q = &vd->queue[i];

		vq_reset(&q->vq, &vd->vm->mem, vd->ops->queue_size);
		q->vector = VIRTIO_NO_VECTOR;
		if (read(q->kick, &v, sizeof(v)) < 0)
			continue;	/* no stale notification: fine */
	}
}

static void reset_device(struct virtio_dev *vd)
{
	if (vd->ops->reset)
		vd->ops->reset(vd);
	reset_queues(vd);
	vd->status = 0;
	vd->driver_features = 0;
	vd->feature_sel = vd->driver_feature_sel = 0;
	vd->queue_sel = 0;
	vd->config_vector = VIRTIO_NO_VECTOR;
	atomic_store(&vd->isr, 0);
}

/* Virtio 1.0, 3.1.1: the driver's choice is checked as a whole. */
static bool features_acceptable(struct virtio_dev *vd)
{
	return !(vd->driver_features & ~virtio_features(vd)) &&
	       virtio_has(vd, VIRTIO_F_VERSION_1);
}

void virtio_set_status(struct virtio_dev *vd, uint8_t status)
{
	uint8_t set;
	unsigned int i;

	if (!status) {
		reset_device(vd);
		return;
	}
	/* Bits only accumulate until reset; NEEDS_RESET is ours alone. */
	set = (uint8_t)(status & ~vd->status & ~VIRTIO_CONFIG_S_NEEDS_RESET);
	if (set & VIRTIO_CONFIG_S_FEATURES_OK && !features_acceptable(vd)) {
		hg_guest_err("virtio-%s %u: the driver chose features 0x%llx that were not offered",
			     vd->ops->name, vd->index, (unsigned long long)vd->driver_features);
		set &= (uint8_t)~VIRTIO_CONFIG_S_FEATURES_OK;
	}
	if (set & VIRTIO_CONFIG_S_DRIVER_OK &&
	    !((vd->status | set) & VIRTIO_CONFIG_S_FEATURES_OK))
		set &= (uint8_t)~VIRTIO_CONFIG_S_DRIVER_OK;
	vd->status |= set;
	if (!(set & VIRTIO_CONFIG_S_DRIVER_OK))
		return;
	if (vd->ops->activate)
		vd->ops->activate(vd);
	/* Chains queued before DRIVER_OK may have lost their notification. */
	for (i = 0; i < vd->ops->nr_queues; i++)
		if (vd->queue[i].vq.ready)
			eventfd_write(vd->queue[i].kick, 1);
}

static void serve(struct virtio_dev *vd, unsigned int i)
{
	uint64_t v;

	if (read(vd->queue[i].kick, &v, sizeof(v)) != sizeof(v))
		return;
	atomic_fetch_add_explicit(&vd->notifies, 1, memory_order_relaxed);
	pthread_mutex_lock(&vd->lock);
	if (virtio_live(vd) && vd->queue[i].vq.ready) {
		vd->ops->notify(vd, i);
		if (vd->queue[i].vq.broken)
			virtio_broken(vd, "malformed descriptor chain");
	}
	pthread_mutex_unlock(&vd->lock);
}

static void on_kick(void *opaque, uint32_t events)
{
	struct virtio_queue *q = opaque;

	(void)events;
	serve(q->vd, (unsigned int)(q - q->vd->queue));
}

static void *worker(void *arg)
{
	struct virtio_dev *vd = arg;
	struct pollfd p[VIRTIO_QUEUES_MAX + 1];
	unsigned int i, n = vd->ops->nr_queues;
	char name[16];

	snprintf(name, sizeof(name), "virtio-%s", vd->ops->name);
	pthread_setname_np(pthread_self(), name);
	for (i = 0; i < n; i++)
		p[i] = (struct pollfd){ .fd = vd->queue[i].kick, .events = POLLIN };
	p[n] = (struct pollfd){ .fd = vd->stop_fd, .events = POLLIN };
	for (;;) {
		if (poll(p, n + 1, -1) < 0) {
			if (errno == EINTR)
				continue;
			hg_err("poll: %s", strerror(errno));
			vm_ask(vd->vm, REQ_HOST);
			return NULL;
		}
		if (p[n].revents)
			return NULL;
		for (i = 0; i < n; i++)
			if (p[i].revents)
				serve(vd, i);
	}
}

int virtio_start(struct virtio_dev *vd)
{
	int ret;

	if (!vd->ops->threaded)
		return 0;
	ret = pthread_create(&vd->thread, NULL, worker, vd);
	if (ret) {
		hg_err("cannot start the thread of virtio-%s: %s", vd->ops->name, strerror(ret));
		return -ret;
	}
	vd->has_thread = true;
	return 0;
}

void virtio_stop(struct virtio_dev *vd)
{
	uint64_t v;

	if (!vd->has_thread)
		return;
	eventfd_write(vd->stop_fd, 1);
	pthread_join(vd->thread, NULL);
	vd->has_thread = false;
	if (read(vd->stop_fd, &v, sizeof(v)) < 0)
		hg_err("eventfd: %s", strerror(errno));
}

void virtio_power_on(struct virtio_dev *vd)
{
	pthread_mutex_lock(&vd->lock);
	reset_device(vd);
	virtio_pci_power_on(vd);
	pthread_mutex_unlock(&vd->lock);
}

static int init_queue(struct virtio_dev *vd, struct virtio_queue *q)
{
	int ret;

	q->vd = vd;
	q->kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (q->kick < 0) {
		hg_err("eventfd: %s", strerror(errno));
		return -errno;
	}
	if (vd->ops->threaded)
		return 0;
	ret = loop_add(vd->vm->loop, &q->handler, q->kick, EPOLLIN, on_kick, q);
	if (ret)
		hg_err("epoll: %s", strerror(-ret));
	return ret;
}

int virtio_init(struct virtio_dev *vd, struct vm *vm, struct pci_bus *bus,
		const struct virtio_ops *ops)
{
	static unsigned int next_index;
	unsigned int i;
	int ret = 0;

	vd->ops = ops;
	vd->vm = vm;
	vd->index = next_index++;
	vd->stop_fd = -1;
	pthread_mutex_init(&vd->lock, NULL);
	for (i = 0; i < ops->nr_queues; i++)
		vd->queue[i].kick = vd->queue[i].handler.fd = -1;
	for (i = 0; i < ops->nr_queues && !ret; i++)
		ret = init_queue(vd, &vd->queue[i]);
	if (!ret) {
		vd->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		ret = vd->stop_fd < 0 ? -errno : 0;
	}
	if (!ret)
		ret = virtio_pci_init(vd, bus);
	if (!ret)
		reset_device(vd);
	else
		virtio_fini(vd);
	return ret;
}

void virtio_fini(struct virtio_dev *vd)
{
	unsigned int i;

	virtio_stop(vd);
	for (i = 0; i < vd->ops->nr_queues; i++) {
		loop_del(vd->vm->loop, &vd->queue[i].handler);
		if (vd->queue[i].kick >= 0)
			close(vd->queue[i].kick);
	}
	if (vd->stop_fd >= 0)
		close(vd->stop_fd);
	pthread_mutex_destroy(&vd->lock);
}
