/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One stream between a guest socket and a Unix socket of the host: credit, the
 * buffer for data the host has not taken yet, and what has to be told to the
 * guest. No queue is touched here. I/O thread only.
 */
#ifndef HGVMM_VSOCK_CONN_H
#define HGVMM_VSOCK_CONN_H

#include <linux/virtio_vsock.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loop.h"

#define VSOCK_BUFFER	(64u * 1024u)	/* per stream, what we grant the guest */
#define VSOCK_LINE_MAX	32u

enum vsock_state {
	VSOCK_FREE,
	VSOCK_GREETING,		/* host side: "CONNECT <port>\n" is being read */
	VSOCK_WAIT_GUEST,	/* our request waits for the guest's response */
	VSOCK_LIVE,
	VSOCK_DEAD,		/* only a reset is left to be sent */
};

/* Packets owed to the guest; one bit each, sent lowest first. */
#define VSOCK_OWE_REQUEST	0x01u
#define VSOCK_OWE_RESPONSE	0x02u
#define VSOCK_OWE_CREDIT	0x04u
#define VSOCK_OWE_SHUTDOWN	0x08u
#define VSOCK_OWE_RESET		0x10u

struct vsock_conn {
	enum vsock_state state;
	void *owner;
	struct loop *loop;
	struct loop_fd handler;
	int fd;
	uint32_t host_port, guest_port;

	unsigned int owed;
	uint32_t shutdown;	/* VIRTIO_VSOCK_SHUTDOWN_* of VSOCK_OWE_SHUTDOWN */

	/* To the guest: its window. */
	uint32_t peer_buf_alloc, peer_fwd_cnt, tx_cnt;
	bool host_eof;		/* the host will send no more */

	/* From the guest: our window, a ring. */
	uint32_t fwd_cnt, told_fwd_cnt;
	uint8_t *buf;
	uint32_t head, fill;
	uint32_t guest_shutdown;	/* flags the guest has sent */
	bool wr_shut;

	char line[VSOCK_LINE_MAX];
	unsigned int line_len;
};

/*
 * Make @c a stream over @fd, which it then owns. @fn gets events with @c.
 * 0 or negative errno (the descriptor is closed).
 */
int vsock_conn_init(struct vsock_conn *c, struct loop *loop, int fd,
		    void (*fn)(void *conn, uint32_t events), void *owner);
/* Close the host side and free everything; the state is VSOCK_FREE then. */
void vsock_conn_close(struct vsock_conn *c);
/* Close the host side, and owe the guest a reset. */
void vsock_conn_kill(struct vsock_conn *c);

/* Bytes the guest has room for. */
uint32_t vsock_conn_window(const struct vsock_conn *c);

/*
 * Take data of the guest. -ENOBUFS when it ignores its
 * credit, -EPIPE when the host is gone.
 */
int vsock_conn_push(struct vsock_conn *c, const uint8_t *data, uint32_t len);
/* Write what is buffered. -EPIPE when the host is gone. */
int vsock_conn_flush(struct vsock_conn *c);

/* Watch what there is to watch. @guest_room: receive buffers are there. */
void vsock_conn_watch(struct vsock_conn *c, bool guest_room);

/*
 * Read on in "CONNECT <port>\n". Returns 1 when complete (@port set), 0 when
 * more is to come, -EPROTO for anything else.
 */
int vsock_conn_greeting(struct vsock_conn *c, uint32_t *port);

#endif
