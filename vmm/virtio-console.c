// SPDX-License-Identifier: Apache-2.0
/* Console device with one port (Virtio 1.0, section 5.3). */
#include <errno.h>
#include <linux/virtio_console.h>
#include <linux/virtio_ids.h>
#include <stdlib.h>

#include "chardev.h"
#include "util.h"
#include "virtio.h"
#include "vm.h"

enum { Q_RX, Q_TX };

struct virtio_console {
	struct virtio_dev vd;
	struct chardev *cd;
	struct vq_chain chain;
	_Atomic uint64_t rx_bytes, tx_bytes;
};

static struct virtio_console *to_console(struct virtio_dev *vd)
{
	return container_of(vd, struct virtio_console, vd);
}

static void transmit(struct virtio_console *c)
{
	struct virtqueue *vq = &c->vd.queue[Q_TX].vq;
	unsigned int i;

	do {
		vq_notify_off(vq);
		while (vq_pop(vq, &c->chain) == 1) {
			for (i = 0; i < c->chain.nr_out; i++)
				chardev_write(c->cd, c->chain.iov[i].iov_base,
					      c->chain.iov[i].iov_len);
			c->tx_bytes += c->chain.out_len;
			vq_push(vq, &c->chain, 0);
			virtio_interrupt(&c->vd, Q_TX);
		}
	} while (vq_notify_on(vq));
}

static void console_notify(struct virtio_dev *vd, unsigned int queue)
{
	struct virtio_console *c = to_console(vd);

	if (queue == Q_TX)
		transmit(c);
	else
		chardev_ready(c->cd);
}

/* How much the next receive buffer holds; 0 when there is none. */
static size_t rx_space(void *dev)
{
	struct virtio_console *c = dev;
	struct virtqueue *vq = &c->vd.queue[Q_RX].vq;
	size_t n = 0;

	pthread_mutex_lock(&c->vd.lock);
	if (virtio_live(&c->vd) && (vq_pop(vq, &c->chain) == 1 ||
				    (vq_notify_on(vq) && vq_pop(vq, &c->chain) == 1))) {
		n = c->chain.in_len;
		vq_unpop(vq);
	}
	pthread_mutex_unlock(&c->vd.lock);
	return n;
}

static void rx_data(void *dev, const uint8_t *data, size_t len)
{
	struct virtio_console *c = dev;
	struct virtqueue *vq = &c->vd.queue[Q_RX].vq;

	pthread_mutex_lock(&c->vd.lock);
	/* A reset between the two calls loses the input, as unplugging would. */
	if (virtio_live(&c->vd) && vq_pop(vq, &c->chain) == 1) {
		len = vq_chain_write(&c->chain, 0, data, len);
		c->rx_bytes += len;
		vq_push(vq, &c->chain, (uint32_t)len);
		virtio_interrupt(&c->vd, Q_RX);
	}
	pthread_mutex_unlock(&c->vd.lock);
}

static const struct chardev_ops rx_ops = { .space = rx_space, .receive = rx_data };

static void console_activate(struct virtio_dev *vd)
{
	chardev_ready(to_console(vd)->cd);
}

static void console_config_read(struct virtio_dev *vd, unsigned int off, void *buf,
				unsigned int len)
{
	struct virtio_console_config c = { .max_nr_ports = 1 };

	(void)vd;
	memcpy(buf, (uint8_t *)&c + off, len);
}

static void console_stats(struct virtio_dev *vd, json_t *obj)
{
	struct virtio_console *c = to_console(vd);

	json_object_set_new(obj, "rx_bytes", json_integer((json_int_t)c->rx_bytes));
	json_object_set_new(obj, "tx_bytes", json_integer((json_int_t)c->tx_bytes));
}

static void console_destroy(struct virtio_dev *vd)
{
	struct virtio_console *c = to_console(vd);

	chardev_free(c->cd);
	virtio_fini(vd);
	free(c);
}

static const struct virtio_ops console_ops = {
	.name = "console", .id = VIRTIO_ID_CONSOLE, .class_code = 0x078000,
	.nr_queues = 2, .queue_size = 64,
	.config_len = sizeof(struct virtio_console_config),
	.notify = console_notify, .activate = console_activate,
	.config_read = console_config_read, .stats = console_stats, .destroy = console_destroy,
};

struct virtio_dev *virtio_console_new(struct vm *vm, struct pci_bus *bus)
{
	struct virtio_console *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->cd = chardev_new(vm, &vm->cfg->console, "console");
	if (!c->cd || virtio_init(&c->vd, vm, bus, &console_ops)) {
		chardev_free(c->cd);
		free(c);
		return NULL;
	}
	if (chardev_attach(c->cd, &rx_ops, c)) {
		hg_err("--console: cannot watch its input");
		console_destroy(&c->vd);
		return NULL;
	}
	return &c->vd;
}
