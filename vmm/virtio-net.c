// SPDX-License-Identifier: Apache-2.0
/* Network card (Virtio 1.0, section 5.1) with one pair of queues. */
#include <errno.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_net.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/random.h>

#include "config.h"
#include "net-wire.h"
#include "util.h"
#include "virtio.h"
#include "vm.h"

_Static_assert(sizeof(struct virtio_net_hdr_v1) == NET_HDR_LEN, "virtio net header");

enum { Q_RX, Q_TX };

/* Frames moved in one go, so that no wire keeps the loop for itself. */
#define BUDGET 256

struct virtio_net {
	struct virtio_dev vd;
	struct net_wire wire;
	uint8_t mac[6];
	bool told_link;		/* what the driver knows */
	struct vq_chain chain;
	_Atomic uint64_t rx_frames, tx_frames, rx_dropped, tx_dropped, rx_bytes, tx_bytes;
};

static struct virtio_net *to_net(struct virtio_dev *vd)
{
	return container_of(vd, struct virtio_net, vd);
}

static uint64_t net_features(struct virtio_dev *vd)
{
	uint64_t f = UINT64_C(1) << VIRTIO_NET_F_MAC | UINT64_C(1) << VIRTIO_NET_F_STATUS;

	/* A tap takes the headers as they are; a bare wire cannot. */
	if (to_net(vd)->wire.is_tap)
		f |= UINT64_C(1) << VIRTIO_NET_F_CSUM | UINT64_C(1) << VIRTIO_NET_F_GUEST_CSUM |
		     UINT64_C(1) << VIRTIO_NET_F_HOST_TSO4 | UINT64_C(1) << VIRTIO_NET_F_HOST_TSO6;
	return f;
}

static void net_config_read(struct virtio_dev *vd, unsigned int off, void *buf, unsigned int len)
{
	struct virtio_net *n = to_net(vd);
	struct virtio_net_config c = { 0 };

	memcpy(c.mac, n->mac, sizeof(c.mac));
	n->told_link = n->wire.fd >= 0;
	c.status = n->told_link ? VIRTIO_NET_S_LINK_UP : 0;
	memcpy(buf, (uint8_t *)&c + off, len);
}

static void transmit(struct virtio_net *n)
{
	struct virtqueue *vq = &n->vd.queue[Q_TX].vq;

	do {
		vq_notify_off(vq);
		while (vq_pop(vq, &n->chain) == 1) {
			if (n->chain.out_len > NET_HDR_LEN &&
			    net_wire_send(&n->wire, n->chain.iov, n->chain.nr_out)) {
				n->tx_frames++;
				n->tx_bytes += n->chain.out_len - NET_HDR_LEN;
			} else {
				n->tx_dropped++;
			}
			vq_push(vq, &n->chain, 0);
			virtio_interrupt(&n->vd, Q_TX);
		}
	} while (vq_notify_on(vq));
}

/* A buffer for one frame; false when the driver has to offer more first. */
static bool take_buffer(struct virtio_net *n)
{
	struct virtqueue *vq = &n->vd.queue[Q_RX].vq;

	vq_notify_off(vq);
	if (vq_pop(vq, &n->chain) == 1)
		return true;
	return vq_notify_on(vq) && vq_pop(vq, &n->chain) == 1;
}

static void receive(struct virtio_net *n)
{
	struct virtqueue *vq = &n->vd.queue[Q_RX].vq;
	unsigned int budget = BUDGET;
	int len;

	while (budget--) {
		if (!take_buffer(n)) {
			net_wire_hold(&n->wire, true);	/* until the driver notifies */
			break;
		}
		if (n->chain.in_len < NET_HDR_LEN) {
			virtio_broken(&n->vd, "receive buffer too small for the header");
			return;
		}
		len = net_wire_receive(&n->wire, n->chain.iov + n->chain.nr_out, n->chain.nr_in);
		if (len <= 0) {
			vq_unpop(vq);
			if (!len)
				break;
			n->rx_dropped++;
			continue;
		}
		n->rx_frames++;
		n->rx_bytes += (unsigned int)len - NET_HDR_LEN;
		vq_push(vq, &n->chain, (uint32_t)len);
	}
	virtio_interrupt(&n->vd, Q_RX);
	if (vq->broken)
		virtio_broken(&n->vd, "malformed receive buffer");
}

static void on_readable(void *dev)
{
	struct virtio_net *n = dev;

	pthread_mutex_lock(&n->vd.lock);
	if (virtio_live(&n->vd) && n->vd.queue[Q_RX].vq.ready) {
		receive(n);
	} else {
		net_wire_discard(&n->wire);	/* nobody listens */
		n->rx_dropped++;
	}
	pthread_mutex_unlock(&n->vd.lock);
}

/*
 * Called from the wire, which is called from here with the lock held (a peer
 * lost in receive()) or from the loop without it (a new peer): the config
 * change is therefore left to the next pass of the loop.
 */
static void on_link(void *dev)
{
	struct virtio_net *n = dev;

	eventfd_write(n->vd.queue[Q_TX].kick, 1);
}

static void net_notify(struct virtio_dev *vd, unsigned int queue)
{
	struct virtio_net *n = to_net(vd);
	bool link = n->wire.fd >= 0;

	if (link != n->told_link) {
		n->told_link = link;
		virtio_config_changed(vd);
	}
	if (queue == Q_TX)
		transmit(n);
	else
		net_wire_hold(&n->wire, false);
}

static void net_stats(struct virtio_dev *vd, json_t *obj)
{
	struct virtio_net *n = to_net(vd);

	json_object_set_new(obj, "link", json_boolean(n->wire.fd >= 0));
	json_object_set_new(obj, "rx_frames", json_integer((json_int_t)n->rx_frames));
	json_object_set_new(obj, "tx_frames", json_integer((json_int_t)n->tx_frames));
	json_object_set_new(obj, "rx_bytes", json_integer((json_int_t)n->rx_bytes));
	json_object_set_new(obj, "tx_bytes", json_integer((json_int_t)n->tx_bytes));
	json_object_set_new(obj, "rx_dropped", json_integer((json_int_t)n->rx_dropped));
	json_object_set_new(obj, "tx_dropped", json_integer((json_int_t)n->tx_dropped));
}

static void net_destroy(struct virtio_dev *vd)
{
	struct virtio_net *n = to_net(vd);

	net_wire_close(&n->wire);
	virtio_fini(vd);
	free(n);
}

static const struct virtio_ops net_ops = {
	.name = "net", .id = VIRTIO_ID_NET, .class_code = 0x020000,
	.nr_queues = 2, .queue_size = 256,
	.config_len = offsetof(struct virtio_net_config, max_virtqueue_pairs),
	.features = net_features, .notify = net_notify, .config_read = net_config_read,
	.stats = net_stats, .destroy = net_destroy,
};

struct virtio_dev *virtio_net_new(struct vm *vm, struct pci_bus *bus, const struct cfg_net *cfg)
{
	struct virtio_net *n = calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	memcpy(n->mac, cfg->mac, sizeof(n->mac));
	if (!cfg->has_mac) {
		if (getrandom(n->mac, sizeof(n->mac), 0) != sizeof(n->mac))
			goto fail;
		n->mac[0] = 0x02;	/* unicast, locally administered */
	}
	if (net_wire_open(&n->wire, vm->loop, cfg, on_readable, on_link, n))
		goto fail;
	if (virtio_init(&n->vd, vm, bus, &net_ops)) {
		net_wire_close(&n->wire);
		goto fail;
	}
	return &n->vd;
fail:
	free(n);
	return NULL;
}
