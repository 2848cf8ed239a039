/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host side of a network card: a tap interface, or a Unix socket that
 * makes two machines one wire.
 */
#ifndef HGVMM_NET_WIRE_H
#define HGVMM_NET_WIRE_H

#include <stdbool.h>
#include <sys/uio.h>

#include "config.h"
#include "loop.h"
#include "sockpath.h"

#define NET_HDR_LEN	12u	/* struct virtio_net_hdr_v1 */

struct net_wire {
	bool is_tap;
	int fd;			/* the tap, or the peer; -1: link down */
	struct sockpath listener;	/* socket: we own the path */
	struct loop *loop;
	struct loop_fd peer_handler, listen_handler;
	void (*readable)(void *dev);		/* a frame waits */
	void (*link_changed)(void *dev);
	void *dev;
};

/*
 * Open the wire. Callbacks come on the I/O thread. 0 or negative errno after a
 * message.
 */
int net_wire_open(struct net_wire *w, struct loop *loop, const struct cfg_net *cfg,
		  void (*readable)(void *dev), void (*link_changed)(void *dev), void *dev);
void net_wire_close(struct net_wire *w);

/* Stop and start readable() calls, while the guest has no room. I/O thread. */
void net_wire_hold(struct net_wire *w, bool hold);

/*
 * One frame, NET_HDR_LEN bytes of virtio header first. Receive returns the
 * bytes stored, 0 when none waits or the peer left, -EMSGSIZE for a frame that
 * did not fit and was dropped. Send returns false when the frame was dropped.
 */
int net_wire_receive(struct net_wire *w, const struct iovec *iov, unsigned int n);
bool net_wire_send(struct net_wire *w, const struct iovec *iov, unsigned int n);
/* Throw away one waiting frame. */
void net_wire_discard(struct net_wire *w);

#endif
