// SPDX-License-Identifier: Apache-2.0
/*
 * Socket device (Virtio 1.1, section 5.10) with a backend in user space. A host
 * program connects to the socket given by --vsock path= and writes
 * "CONNECT <port>\n"; it reads "OK <port>\n" and then has a stream to that port
 * of the guest. A guest that connects to port P of the host (cid 2) reaches who
 * listens at "<path>_P".
 *
 * Everything but reset runs on the I/O thread. A reset may come from a vCPU, so
 * it only asks for the streams to be dropped; every entry looks at that first.
 */
#include <errno.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_vsock.h>
#include <linux/vm_sockets.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config.h"
#include "sockpath.h"
#include "util.h"
#include "virtio.h"
#include "vm.h"
#include "vsock-conn.h"

enum { Q_RX, Q_TX, Q_EVENT };

#define HOST_CID	VMADDR_CID_HOST
#define CONNS_MAX	128u
#define RESETS_MAX	64u
#define FIRST_HOST_PORT	0x40000000u
#define HDR_LEN		((uint32_t)sizeof(struct virtio_vsock_hdr))
#define SHUTDOWN_BOTH	((uint32_t)(VIRTIO_VSOCK_SHUTDOWN_RCV | VIRTIO_VSOCK_SHUTDOWN_SEND))

/* A reset for a packet that belongs to no stream. */
struct stray {
	uint32_t host_port, guest_port;
};

struct virtio_vsock {
	struct virtio_dev vd;
	const struct cfg_vsock *cfg;
	struct sockpath listener;
	struct loop_fd listen_handler;
	bool drop_all;			/* a reset happened */
	uint32_t next_port;
	unsigned int nr_strays;
	struct stray stray[RESETS_MAX];
	struct vq_chain rx, tx;
	uint8_t data[VSOCK_BUFFER];
	struct vsock_conn conn[CONNS_MAX];
	_Atomic uint64_t rx_bytes, tx_bytes, connections;
	_Atomic unsigned int open;
};

static struct virtio_vsock *to_vsock(struct virtio_dev *vd)
{
	return container_of(vd, struct virtio_vsock, vd);
}

static struct vsock_conn *find(struct virtio_vsock *v, uint32_t host_port, uint32_t guest_port)
{
	unsigned int i;

	for (i = 0; i < CONNS_MAX; i++) {
		struct vsock_conn *c = &v->conn[i];

		if (c->state > VSOCK_GREETING && c->host_port == host_port &&
		    c->guest_port == guest_port)
			return c;
	}
	return NULL;
}

static struct vsock_conn *find_free(struct virtio_vsock *v)
{
	unsigned int i;

	for (i = 0; i < CONNS_MAX; i++)
		if (v->conn[i].state == VSOCK_FREE)
			return &v->conn[i];
	return NULL;
}

static void owe_stray(struct virtio_vsock *v, const struct virtio_vsock_hdr *h)
{
	if (v->nr_strays < RESETS_MAX)
		v->stray[v->nr_strays++] = (struct stray){ h->dst_port, h->src_port };
}

/* Towards the guest. */

static bool rx_buffer(struct virtio_vsock *v)
{
	struct virtqueue *vq = &v->vd.queue[Q_RX].vq;

	vq_notify_off(vq);
	if (vq_pop(vq, &v->rx) != 1 && !(vq_notify_on(vq) && vq_pop(vq, &v->rx) == 1))
		return false;
	if (v->rx.in_len > HDR_LEN)
		return true;
	virtio_broken(&v->vd, "receive buffer too small for a packet");
	return false;
}

static void send_packet(struct virtio_vsock *v, const struct virtio_vsock_hdr *h)
{
	vq_chain_write(&v->rx, 0, h, HDR_LEN);
	vq_push(&v->vd.queue[Q_RX].vq, &v->rx, HDR_LEN + h->len);
}

static struct virtio_vsock_hdr header(struct virtio_vsock *v, struct vsock_conn *c, uint16_t op)
{
	c->told_fwd_cnt = c->fwd_cnt;
	return (struct virtio_vsock_hdr){
		.src_cid = HOST_CID, .dst_cid = v->cfg->cid,
		.src_port = c->host_port, .dst_port = c->guest_port,
		.type = VIRTIO_VSOCK_TYPE_STREAM, .op = op,
		.buf_alloc = VSOCK_BUFFER, .fwd_cnt = c->fwd_cnt,
	};
}

static const struct {
	unsigned int owed;
	uint16_t op;
} control[] = {
	{ VSOCK_OWE_REQUEST, VIRTIO_VSOCK_OP_REQUEST },
	{ VSOCK_OWE_RESPONSE, VIRTIO_VSOCK_OP_RESPONSE },
	{ VSOCK_OWE_CREDIT, VIRTIO_VSOCK_OP_CREDIT_UPDATE },
	{ VSOCK_OWE_SHUTDOWN, VIRTIO_VSOCK_OP_SHUTDOWN },
	{ VSOCK_OWE_RESET, VIRTIO_VSOCK_OP_RST },
};

/* Send what is owed; false when the guest has no buffer. */
static bool send_owed(struct virtio_vsock *v, struct vsock_conn *c)
{
	struct virtio_vsock_hdr h;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(control); i++) {
		if (!(c->owed & control[i].owed))
			continue;
		if (!rx_buffer(v))
			return false;
		h = header(v, c, control[i].op);
		if (control[i].owed == VSOCK_OWE_SHUTDOWN)
			h.flags = c->shutdown;
		send_packet(v, &h);
		c->owed &= ~control[i].owed;
	}
	if (c->state == VSOCK_DEAD) {
		vsock_conn_close(c);
		v->open--;
	}
	return true;
}

static bool send_strays(struct virtio_vsock *v)
{
	while (v->nr_strays) {
		struct virtio_vsock_hdr h = {
			.src_cid = HOST_CID, .dst_cid = v->cfg->cid,
			.type = VIRTIO_VSOCK_TYPE_STREAM, .op = VIRTIO_VSOCK_OP_RST,
		};

		if (!rx_buffer(v))
			return false;
		v->nr_strays--;
		h.src_port = v->stray[v->nr_strays].host_port;
		h.dst_port = v->stray[v->nr_strays].guest_port;
		send_packet(v, &h);
	}
	return true;
}

/* Everything the guest is owed, then watch the host sides accordingly. */
static void settle(struct virtio_vsock *v)
{
	bool room = virtio_live(&v->vd) && send_strays(v);
	unsigned int i;

	for (i = 0; i < CONNS_MAX; i++)
		if (room && v->conn[i].owed)
			room = send_owed(v, &v->conn[i]);
	/* Watching a host that cannot be served would spin the loop. */
	if (room) {
		room = rx_buffer(v);
		if (room)
			vq_unpop(&v->vd.queue[Q_RX].vq);
	}
	for (i = 0; i < CONNS_MAX; i++)
		if (v->conn[i].state != VSOCK_FREE)
			vsock_conn_watch(&v->conn[i], room);
	virtio_interrupt(&v->vd, Q_RX);
	if (v->vd.queue[Q_RX].vq.broken)
		virtio_broken(&v->vd, "malformed receive buffer");
}

/* One packet of data from the host into a receive buffer. */
static void move_data(struct virtio_vsock *v, struct vsock_conn *c, bool hangup)
{
	uint32_t max = vsock_conn_window(c);
	struct virtio_vsock_hdr h;
	ssize_t n;

	if (!max || !rx_buffer(v))
		return;
	if (max > v->rx.in_len - HDR_LEN)
		max = (uint32_t)(v->rx.in_len - HDR_LEN);
	if (max > sizeof(v->data))
		max = sizeof(v->data);
	n = recv(c->fd, v->data, max, MSG_DONTWAIT);
	if (n <= 0) {
		vq_unpop(&v->vd.queue[Q_RX].vq);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		c->host_eof = true;
		c->shutdown = VIRTIO_VSOCK_SHUTDOWN_SEND;
		if (n < 0 || hangup)
			c->shutdown |= VIRTIO_VSOCK_SHUTDOWN_RCV;
		c->owed |= VSOCK_OWE_SHUTDOWN;
		return;
	}
	h = header(v, c, VIRTIO_VSOCK_OP_RW);
	h.len = (uint32_t)n;
	vq_chain_write(&v->rx, HDR_LEN, v->data, (size_t)n);
	send_packet(v, &h);
	c->tx_cnt += (uint32_t)n;
	v->rx_bytes += (uint64_t)n;
}

/* The host side. */

static void drop_streams(struct virtio_vsock *v)
{
	unsigned int i;

	v->drop_all = false;
	v->nr_strays = 0;
	for (i = 0; i < CONNS_MAX; i++) {
		if (v->conn[i].state == VSOCK_FREE)
			continue;
		vsock_conn_close(&v->conn[i]);
		v->open--;
	}
}

static void enter(struct virtio_vsock *v)
{
	pthread_mutex_lock(&v->vd.lock);
	if (v->drop_all)
		drop_streams(v);
}

static void greet(struct virtio_vsock *v, struct vsock_conn *c)
{
	int ret = vsock_conn_greeting(c, &c->guest_port);

	if (!ret)
		return;
	if (ret < 0 || !virtio_live(&v->vd)) {
		vsock_conn_close(c);
		v->open--;
		return;
	}
	do {
		c->host_port = v->next_port++;
		if (v->next_port < FIRST_HOST_PORT)
			v->next_port = FIRST_HOST_PORT;
	} while (find(v, c->host_port, c->guest_port));
	c->state = VSOCK_WAIT_GUEST;
	c->owed = VSOCK_OWE_REQUEST;
}

/* The host takes data again; the last of it may have been waited for. */
static void drain(struct vsock_conn *c)
{
	if (vsock_conn_flush(c) || (c->guest_shutdown == SHUTDOWN_BOTH && !c->fill))
		vsock_conn_kill(c);
}

static void on_conn(void *opaque, uint32_t events)
{
	struct vsock_conn *c = opaque;
	struct virtio_vsock *v = c->owner;

	enter(v);
	if (c->state == VSOCK_GREETING)
		greet(v, c);
	if (c->state == VSOCK_LIVE && events & EPOLLOUT)
		drain(c);
	if (c->state == VSOCK_LIVE && events & (EPOLLIN | EPOLLHUP | EPOLLERR) && !c->host_eof)
		move_data(v, c, events & EPOLLHUP);
	settle(v);
	pthread_mutex_unlock(&v->vd.lock);
}

static void on_listen(void *opaque, uint32_t events)
{
	struct virtio_vsock *v = opaque;
	struct vsock_conn *c;
	int fd;

	(void)events;
	enter(v);
	fd = accept4(v->listener.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	c = find_free(v);
	if (fd >= 0 && c && !vsock_conn_init(c, v->vd.vm->loop, fd, on_conn, v)) {
		c->state = VSOCK_GREETING;
		v->open++;
		v->connections++;
	} else if (fd >= 0 && !c) {
		close(fd);
	}
	pthread_mutex_unlock(&v->vd.lock);
}

/* Connect to who listens at "<path>_<port>". */
static int connect_host(struct virtio_vsock *v, uint32_t port)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd, n = snprintf(sa.sun_path, sizeof(sa.sun_path), "%s_%u", v->cfg->path, port);

	if ((size_t)n >= sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
		n = -errno;
		close(fd);
		return n;
	}
	return fd;
}

/* From the guest. */

static void guest_request(struct virtio_vsock *v, const struct virtio_vsock_hdr *h)
{
	struct vsock_conn *c = find_free(v);
	int fd = c ? connect_host(v, h->dst_port) : -ENOSPC;

	if (fd < 0 || vsock_conn_init(c, v->vd.vm->loop, fd, on_conn, v)) {
		owe_stray(v, h);
		return;
	}
	c->state = VSOCK_LIVE;
	c->host_port = h->dst_port;
	c->guest_port = h->src_port;
	c->peer_buf_alloc = h->buf_alloc;
	c->peer_fwd_cnt = h->fwd_cnt;
	c->owed = VSOCK_OWE_RESPONSE;
	v->open++;
	v->connections++;
}

static void guest_response(struct vsock_conn *c)
{
	char line[VSOCK_LINE_MAX];
	int n = snprintf(line, sizeof(line), "OK %u\n", c->host_port);

	if (c->state != VSOCK_WAIT_GUEST ||
	    send(c->fd, line, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL) != n) {
		vsock_conn_kill(c);
		return;
	}
	c->state = VSOCK_LIVE;
}

static void guest_data(struct virtio_vsock *v, struct vsock_conn *c, uint32_t len)
{
	if (c->state != VSOCK_LIVE || len > sizeof(v->data) ||
	    vq_chain_read(&v->tx, HDR_LEN, v->data, len) != len ||
	    vsock_conn_push(c, v->data, len))
		vsock_conn_kill(c);
	else
		v->tx_bytes += len;
}

static void guest_shutdown(struct vsock_conn *c, uint32_t flags)
{
	c->guest_shutdown |= flags & SHUTDOWN_BOTH;
	if (c->state != VSOCK_LIVE) {
		vsock_conn_kill(c);
		return;
	}
	if (c->guest_shutdown & VIRTIO_VSOCK_SHUTDOWN_RCV)
		c->host_eof = true;	/* nobody would read it */
	drain(c);
}

static void packet(struct virtio_vsock *v, const struct virtio_vsock_hdr *h)
{
	struct vsock_conn *c;

	/* The device, not the guest, says who the guest is. */
	if (h->src_cid != v->cfg->cid || h->dst_cid != HOST_CID ||
	    h->type != VIRTIO_VSOCK_TYPE_STREAM) {
		if (h->op != VIRTIO_VSOCK_OP_RST)
			owe_stray(v, h);
		return;
	}
	c = find(v, h->dst_port, h->src_port);
	if (h->op == VIRTIO_VSOCK_OP_RST) {
		if (c) {
			vsock_conn_close(c);
			v->open--;
		}
		return;
	}
	if (!c) {
		if (h->op == VIRTIO_VSOCK_OP_REQUEST)
			guest_request(v, h);
		else
			owe_stray(v, h);
		return;
	}
	if (c->state == VSOCK_DEAD)
		return;
	c->peer_buf_alloc = h->buf_alloc;
	c->peer_fwd_cnt = h->fwd_cnt;
	switch (h->op) {
	case VIRTIO_VSOCK_OP_RESPONSE: guest_response(c); break;
	case VIRTIO_VSOCK_OP_RW: guest_data(v, c, h->len); break;
	case VIRTIO_VSOCK_OP_SHUTDOWN: guest_shutdown(c, h->flags); break;
	case VIRTIO_VSOCK_OP_CREDIT_UPDATE: break;
	case VIRTIO_VSOCK_OP_CREDIT_REQUEST: c->owed |= VSOCK_OWE_CREDIT; break;
	default: vsock_conn_kill(c);
	}
}

static void transmit(struct virtio_vsock *v)
{
	struct virtqueue *vq = &v->vd.queue[Q_TX].vq;
	struct virtio_vsock_hdr h;

	do {
		vq_notify_off(vq);
		while (vq_pop(vq, &v->tx) == 1) {
			if (vq_chain_read(&v->tx, 0, &h, HDR_LEN) != HDR_LEN) {
				virtio_broken(&v->vd, "packet without a header");
				return;
			}
			packet(v, &h);
			vq_push(vq, &v->tx, 0);
		}
		virtio_interrupt(&v->vd, Q_TX);
	} while (vq_notify_on(vq));
}

static void vsock_notify(struct virtio_dev *vd, unsigned int queue)
{
	struct virtio_vsock *v = to_vsock(vd);

	if (v->drop_all)
		drop_streams(v);
	if (queue == Q_TX)
		transmit(v);
	/* Nothing is ever sent on the event queue: a machine does not migrate. */
	settle(v);
}

static void vsock_reset(struct virtio_dev *vd)
{
	to_vsock(vd)->drop_all = true;
}

static void vsock_config_read(struct virtio_dev *vd, unsigned int off, void *buf,
			      unsigned int len)
{
	struct virtio_vsock_config c = { .guest_cid = to_vsock(vd)->cfg->cid };

	memcpy(buf, (uint8_t *)&c + off, len);
}

static void vsock_stats(struct virtio_dev *vd, json_t *obj)
{
	struct virtio_vsock *v = to_vsock(vd);

	json_object_set_new(obj, "cid", json_integer((json_int_t)v->cfg->cid));
	json_object_set_new(obj, "open", json_integer((json_int_t)v->open));
	json_object_set_new(obj, "connections", json_integer((json_int_t)v->connections));
	json_object_set_new(obj, "rx_bytes", json_integer((json_int_t)v->rx_bytes));
	json_object_set_new(obj, "tx_bytes", json_integer((json_int_t)v->tx_bytes));
}

static void vsock_destroy(struct virtio_dev *vd)
{
	struct virtio_vsock *v = to_vsock(vd);

	drop_streams(v);
	loop_del(vd->vm->loop, &v->listen_handler);
	sockpath_close(&v->listener);
	virtio_fini(vd);
	free(v);
}

static const struct virtio_ops vsock_ops = {
	.name = "vsock", .id = VIRTIO_ID_VSOCK, .class_code = 0xff0000,
	.nr_queues = 3, .queue_size = 128,
	.config_len = sizeof(struct virtio_vsock_config),
	.notify = vsock_notify, .reset = vsock_reset, .config_read = vsock_config_read,
	.stats = vsock_stats, .destroy = vsock_destroy,
};

struct virtio_dev *virtio_vsock_new(struct vm *vm, struct pci_bus *bus)
{
	struct virtio_vsock *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	v->cfg = &vm->cfg->vsock;
	v->next_port = FIRST_HOST_PORT;
	v->listen_handler.fd = -1;
	if (sockpath_claim(&v->listener, SOCK_STREAM, "vsock", v->cfg->path)) {
		free(v);
		return NULL;
	}
	if (loop_add(vm->loop, &v->listen_handler, v->listener.fd, EPOLLIN, on_listen, v) ||
	    virtio_init(&v->vd, vm, bus, &vsock_ops)) {
		loop_del(vm->loop, &v->listen_handler);
		sockpath_close(&v->listener);
		free(v);
		return NULL;
	}
	return &v->vd;
}
