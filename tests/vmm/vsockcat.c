// SPDX-License-Identifier: Apache-2.0
/*
 * vsockcat connect CID PORT: copy standard input to the peer, then the peer's
 * answer to standard output. vsockcat echo PORT: accept once, send back what
 * comes until the peer stops sending.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

static void die(const char *what)
{
	fprintf(stderr, "vsockcat: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void copy(int from, int to)
{
	char buf[4096];
	ssize_t n, done, part;

	while ((n = read(from, buf, sizeof(buf))) > 0) {
		for (done = 0; done < n; done += part) {
			part = write(to, buf + done, (size_t)(n - done));
			if (part <= 0)
				die("write");
		}
	}
	if (n < 0)
		die("read");
}

static void do_connect(unsigned int cid, unsigned int port)
{
	struct sockaddr_vm sa = { .svm_family = AF_VSOCK, .svm_cid = cid, .svm_port = port };
	int fd = socket(AF_VSOCK, SOCK_STREAM, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		die("connect");
	copy(STDIN_FILENO, fd);
	shutdown(fd, SHUT_WR);
	copy(fd, STDOUT_FILENO);
}

static void do_echo(unsigned int port)
{
	struct sockaddr_vm sa = {
		.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = port,
	};
	int fd = socket(AF_VSOCK, SOCK_STREAM, 0), conn;

	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || listen(fd, 1) < 0)
		die("listen");
	conn = accept(fd, NULL, NULL);
	if (conn < 0)
		die("accept");
	copy(conn, conn);
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "connect"))
		do_connect((unsigned int)atoi(argv[2]), (unsigned int)atoi(argv[3]));
	else if (argc == 3 && !strcmp(argv[1], "echo"))
		do_echo((unsigned int)atoi(argv[2]));
	else
		return 2;
	return 0;
}
