// SPDX-License-Identifier: Apache-2.0
#include "net-wire.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "util.h"
#include "virtqueue.h"

#define SOCKET_BUFFER	(1 << 20)
#define TUN_DEVICE	"/dev/net/tun"

static int open_tap(struct net_wire *w, const char *name)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	int hdr = NET_HDR_LEN, ret;

	if (strlen(name) >= sizeof(ifr.ifr_name)) {
		hg_err("--net tap=%s: the name of an interface has at most 15 bytes", name);
		return -EINVAL;
	}
	w->fd = open(TUN_DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (w->fd < 0) {
		ret = -errno;
		hg_err(TUN_DEVICE ": %s; load the module tun", strerror(errno));
		return ret;
	}
	strcpy(ifr.ifr_name, name);
	/* No segmentation offload towards the guest: its buffers hold one frame. */
	if (ioctl(w->fd, TUNSETIFF, &ifr) < 0 || ioctl(w->fd, TUNSETVNETHDRSZ, &hdr) < 0 ||
	    ioctl(w->fd, TUNSETOFFLOAD, TUN_F_CSUM) < 0) {
		ret = -errno;
		hg_err("--net tap=%s: %s; create it with `ip tuntap add %s mode tap`", name,
		       strerror(-ret), name);
		return ret;
	}
	return 0;
}

static int make_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int size = SOCKET_BUFFER;

	if (fd < 0)
		return -errno;
	/* Best effort: less buffer only means more drops under load. */
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	return fd;
}

static int try_connect(struct net_wire *w, const struct sockaddr_un *sa)
{
	int fd = make_socket(), ret;

	if (fd < 0)
		return fd;
	if (connect(fd, (const struct sockaddr *)sa, sizeof(*sa)) < 0) {
		ret = -errno;
		close(fd);
		return ret;
	}
	w->fd = fd;
	return 0;
}

/*
 * Whoever comes first listens, the other connects. A socket file that nobody
 * listens on any more is left over and replaced. Two that start together may
 * both fail to connect; the loser of the bind then connects.
 */
static int open_socket(struct net_wire *w, const char *path)
{
	struct sockaddr_un sa;
	int tries, ret = -EINVAL;

	if (sockpath_addr(&sa, "net", path))
		return ret;
	for (tries = 0; tries < 3; tries++) {
		ret = try_connect(w, &sa);
		if (!ret)
			return 0;
		if (ret == -ECONNREFUSED)
			unlink(path);
		else if (ret != -ENOENT)
			break;
		ret = sockpath_listen(&w->listener, SOCK_SEQPACKET, &sa);
		if (ret != -EADDRINUSE)
			break;
	}
	if (ret)
		hg_err("--net socket=%s: %s%s", path, strerror(-ret),
		       ret == -EAGAIN ? "; two machines are on this wire already" : "");
	return ret;
}

static void on_peer(void *opaque, uint32_t events)
{
	struct net_wire *w = opaque;

	(void)events;
	w->readable(w->dev);
}

static void lose_peer(struct net_wire *w)
{
	if (w->is_tap || w->fd < 0)
		return;
	loop_del(w->loop, &w->peer_handler);
	close(w->fd);
	w->fd = -1;
	w->link_changed(w->dev);
}

static void on_listen(void *opaque, uint32_t events)
{
	struct net_wire *w = opaque;
	int fd = accept4(w->listener.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	int size = SOCKET_BUFFER;

	(void)events;
	if (fd < 0)
		return;
	if (w->fd >= 0) {	/* a wire has two ends */
		close(fd);
		return;
	}
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	w->fd = fd;
	net_wire_hold(w, false);
	w->link_changed(w->dev);
}

int net_wire_open(struct net_wire *w, struct loop *loop, const struct cfg_net *cfg,
		  void (*readable)(void *dev), void (*link_changed)(void *dev), void *dev)
{
	int ret;

	memset(w, 0, sizeof(*w));
	w->fd = w->listener.fd = w->peer_handler.fd = w->listen_handler.fd = -1;
	w->is_tap = cfg->kind == NET_TAP;
	w->loop = loop;
	w->readable = readable;
	w->link_changed = link_changed;
	w->dev = dev;
	ret = w->is_tap ? open_tap(w, cfg->name) : open_socket(w, cfg->name);
	if (!ret && w->listener.fd >= 0)
		ret = loop_add(loop, &w->listen_handler, w->listener.fd, EPOLLIN, on_listen, w);
	if (ret)
		net_wire_close(w);
	else
		net_wire_hold(w, false);
	return ret;
}

void net_wire_close(struct net_wire *w)
{
	loop_del(w->loop, &w->peer_handler);
	loop_del(w->loop, &w->listen_handler);
	if (w->fd >= 0)
		close(w->fd);
	sockpath_close(&w->listener);
	w->fd = -1;
}

void net_wire_hold(struct net_wire *w, bool hold)
{
	if (hold || w->fd < 0)
		loop_del(w->loop, &w->peer_handler);
	else if (w->peer_handler.fd < 0 &&
		 loop_add(w->loop, &w->peer_handler, w->fd, EPOLLIN, on_peer, w))
		hg_warn("a network wire cannot be watched");
}

static int receive_socket(struct net_wire *w, const struct iovec *iov, unsigned int n)
{
	/* The wire carries bare frames; the header is made here. */
	uint8_t hdr[NET_HDR_LEN] = { 0 };
	struct iovec data[VQ_SEGS_MAX];
	struct msghdr msg = { .msg_iov = data };
	size_t skip = NET_HDR_LEN, done = 0;
	unsigned int i;
	ssize_t len;

	put_le16(hdr + 10, 1);		/* num_buffers */
	for (i = 0; i < n; i++) {
		size_t part = iov[i].iov_len < skip ? iov[i].iov_len : skip;

		memcpy(iov[i].iov_base, hdr + done, part);
		done += part;
		skip -= part;
		if (part == iov[i].iov_len)
			continue;
		data[msg.msg_iovlen].iov_base = (uint8_t *)iov[i].iov_base + part;
		data[msg.msg_iovlen++].iov_len = iov[i].iov_len - part;
	}
	len = recvmsg(w->fd, &msg, MSG_DONTWAIT);
	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (len <= 0) {
		lose_peer(w);
		return 0;
	}
	return msg.msg_flags & MSG_TRUNC ? -EMSGSIZE : (int)len + (int)NET_HDR_LEN;
}

int net_wire_receive(struct net_wire *w, const struct iovec *iov, unsigned int n)
{
	ssize_t len;

	if (w->fd < 0)
		return 0;
	if (!w->is_tap)
		return receive_socket(w, iov, n);
	len = readv(w->fd, iov, (int)n);
	return len < 0 ? 0 : (int)len;
}

/* Skip @skip bytes of @src. Returns the segments left in @dst. */
static unsigned int advance(const struct iovec *src, unsigned int n, size_t skip,
			    struct iovec *dst)
{
	unsigned int i, out = 0;

	for (i = 0; i < n; i++) {
		if (skip >= src[i].iov_len) {
			skip -= src[i].iov_len;
			continue;
		}
		dst[out].iov_base = (uint8_t *)src[i].iov_base + skip;
		dst[out++].iov_len = src[i].iov_len - skip;
		skip = 0;
	}
	return out;
}

bool net_wire_send(struct net_wire *w, const struct iovec *iov, unsigned int n)
{
	struct iovec data[VQ_SEGS_MAX];
	struct msghdr msg = { .msg_iov = data };

	if (w->fd < 0)
		return false;
	if (w->is_tap)
		return writev(w->fd, iov, (int)n) > 0;
	msg.msg_iovlen = advance(iov, n, NET_HDR_LEN, data);
	if (!msg.msg_iovlen)
		return false;
	return sendmsg(w->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) > 0;
}

void net_wire_discard(struct net_wire *w)
{
	uint8_t byte;
	ssize_t n;

	if (w->fd < 0)
		return;
	n = read(w->fd, &byte, 1);	/* the rest of the frame goes with it */
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		lose_peer(w);
}
