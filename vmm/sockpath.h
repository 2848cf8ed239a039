/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listening Unix sockets with a name. The directory is kept open, so that the
 * name can be removed after a chroot, where its path would mean another file.
 */
#ifndef HGVMM_SOCKPATH_H
#define HGVMM_SOCKPATH_H

#include <sys/un.h>

struct sockpath {
	int fd;			/* the listening socket, -1: none */
	int dir;
	char name[sizeof(((struct sockaddr_un *)0)->sun_path)];
};

/* Fill @sa. -ENAMETOOLONG after a message that names @opt. */
int sockpath_addr(struct sockaddr_un *sa, const char *opt, const char *path);

/*
 * Listen at @path with a socket of @type (SOCK_STREAM, SOCK_SEQPACKET). Returns
 * 0 or a negative errno, -EADDRINUSE when the name exists; no message.
 */
int sockpath_listen(struct sockpath *sp, int type, const struct sockaddr_un *sa);
/* The same, but a name that nobody answers at is removed first; with messages. */
int sockpath_claim(struct sockpath *sp, int type, const char *opt, const char *path);
void sockpath_close(struct sockpath *sp);

#endif
