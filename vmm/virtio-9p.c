// SPDX-License-Identifier: Apache-2.0
/* Folder sharing: the 9P transport of virtio around the server in p9.c. */
#include <errno.h>
#include <linux/virtio_9p.h>
#include <linux/virtio_ids.h>
#include <stdlib.h>

#include "config.h"
#include "p9.h"
#include "util.h"
#include "virtio.h"

struct virtio_9p {
	struct virtio_dev vd;
	const struct cfg_share *cfg;
	struct p9_server *server;
	struct vq_chain chain;
	uint8_t *req, *rep;	/* P9_MSIZE_MAX each */
};

static struct virtio_9p *to_9p(struct virtio_dev *vd)
{
	return container_of(vd, struct virtio_9p, vd);
}

static uint64_t p9_dev_features(struct virtio_dev *vd)
{
	(void)vd;
	return UINT64_C(1) << VIRTIO_9P_MOUNT_TAG;
}

static void p9_dev_config_read(struct virtio_dev *vd, unsigned int off, void *buf,
			       unsigned int len)
{
	uint8_t c[2 + CFG_TAG_MAX] = { 0 };
	const char *tag = to_9p(vd)->cfg->tag;

	put_le16(c, (uint16_t)strlen(tag));
	memcpy(c + 2, tag, strlen(tag));
	memcpy(buf, c + off, len);
}

/* Bytes of answer written; 0: the request is no 9p message. */
static size_t answer(struct virtio_9p *p)
{
	struct vq_chain *c = &p->chain;
	size_t len, cap;

	if (c->out_len > P9_MSIZE_MAX)
		return 0;
	len = vq_chain_read(c, 0, p->req, c->out_len);
	cap = c->in_len < P9_MSIZE_MAX ? c->in_len : P9_MSIZE_MAX;
	len = p9_handle(p->server, p->req, len, p->rep, cap);
	return vq_chain_write(c, 0, p->rep, len);
}

static void p9_dev_notify(struct virtio_dev *vd, unsigned int queue)
{
	struct virtio_9p *p = to_9p(vd);
	struct virtqueue *vq = &vd->queue[queue].vq;

	do {
		vq_notify_off(vq);
		while (vq_pop(vq, &p->chain) == 1) {
			size_t len = answer(p);

			if (!len) {
				virtio_broken(vd, "request is no 9p message");
				return;
			}
			vq_push(vq, &p->chain, (uint32_t)len);
			virtio_interrupt(vd, queue);
		}
	} while (vq_notify_on(vq));
}

static void p9_dev_reset(struct virtio_dev *vd)
{
	p9_reset(to_9p(vd)->server);
}

static void p9_dev_stats(struct virtio_dev *vd, json_t *obj)
{
	struct p9_stats st = p9_stats(to_9p(vd)->server);

	json_object_set_new(obj, "tag", json_string(to_9p(vd)->cfg->tag));
	json_object_set_new(obj, "read_only", json_boolean(to_9p(vd)->cfg->ro));
	json_object_set_new(obj, "requests", json_integer((json_int_t)st.requests));
	json_object_set_new(obj, "errors", json_integer((json_int_t)st.errors));
	json_object_set_new(obj, "read_bytes", json_integer((json_int_t)st.read_bytes));
	json_object_set_new(obj, "written_bytes", json_integer((json_int_t)st.written_bytes));
	json_object_set_new(obj, "fids", json_integer((json_int_t)st.fids));
}

static void free_parts(struct virtio_9p *p)
{
	p9_free(p->server);
	free(p->rep);
	free(p->req);
	free(p);
}

static void p9_dev_destroy(struct virtio_dev *vd)
{
	virtio_fini(vd);
	free_parts(to_9p(vd));
}

static const struct virtio_ops p9_dev_ops = {
	.name = "9p", .id = VIRTIO_ID_9P, .class_code = 0xff0000,
	.nr_queues = 1, .queue_size = 128, .threaded = true,
	.config_len = 2 + CFG_TAG_MAX,
	.features = p9_dev_features, .reset = p9_dev_reset, .notify = p9_dev_notify,
	.config_read = p9_dev_config_read, .stats = p9_dev_stats, .destroy = p9_dev_destroy,
};

struct virtio_dev *virtio_9p_new(struct vm *vm, struct pci_bus *bus, const struct cfg_share *cfg)
{
	struct virtio_9p *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->cfg = cfg;
	p->req = malloc(P9_MSIZE_MAX);
	p->rep = malloc(P9_MSIZE_MAX);
	if (p->req && p->rep)
		p->server = p9_new(cfg->path, cfg->ro, cfg->xdev);
	if (!p->server || virtio_init(&p->vd, vm, bus, &p9_dev_ops)) {
		free_parts(p);
		return NULL;
	}
	return &p->vd;
}
