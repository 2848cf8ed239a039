// SPDX-License-Identifier: Apache-2.0
/* A console on a Unix socket: who gets in, what a client sees, what it may lose. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "charsock.h"
#include "loop.h"
#include "sockpath.h"

/* A device of so much room. */
struct device {
	size_t space;
	char got[256];
	size_t n;
	struct charsock *grows;	/* unless NULL: its room grows while space() is at it */
};

struct fixture {
	char dir[32], path[64];
	struct loop *loop;
	struct charsock *cs;
	struct device dev;
};

static size_t space(void *dev)
{
	struct device *d = dev;
	size_t n = d->space;

	if (d->grows) {
		d->space = 9;
		charsock_ready(d->grows);
		d->grows = NULL;
	}
	return n;
}

static void receive(void *dev, const uint8_t *data, size_t len)
{
	struct device *d = dev;

	assert_true(len <= d->space && len <= sizeof(d->got) - d->n);
	memcpy(d->got + d->n, data, len);
	d->n += len;
	d->space -= len;
}

static const struct chardev_ops ops = { .space = space, .receive = receive };

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->dir, "/tmp/charsock.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/s", f->dir);
	f->loop = loop_new();
	f->cs = charsock_new(f->loop, "serial", f->path);
	assert_non_null(f->cs);
	assert_int_equal(charsock_attach(f->cs, &ops, &f->dev), 0);
	f->dev.space = sizeof(f->dev.got);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	charsock_free(f->cs);
	loop_free(f->loop);
	assert_int_equal(access(f->path, F_OK), -1);	/* it takes its socket away */
	assert_int_equal(rmdir(f->dir), 0);
	free(f);
	return 0;
}

/* Whatever is due, and no more: nothing here waits for time. */
static void turn(struct fixture *f)
{
	for (int i = 0; i < 8; i++)
		assert_int_equal(loop_run_once(f->loop, 0), 0);
}

static int enter(struct fixture *f)
{
	struct sockaddr_un sa;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(sockpath_addr(&sa, "serial", f->path), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	turn(f);
	return fd;
}

static void write_text(struct fixture *f, const char *text)
{
	charsock_write(f->cs, (const uint8_t *)text, strlen(text));
}

static void assert_reads(int fd, const char *text)
{
	char buf[256];
	ssize_t n = recv(fd, buf, sizeof(buf) - 1, MSG_DONTWAIT);

	assert_true(n >= 0);
	buf[n] = '\0';
	assert_string_equal(buf, text);
}

static void test_both_ways(void **state)
{
	struct fixture *f = *state;
	int fd;

	write_text(f, "before ");
	fd = enter(f);
	write_text(f, "after");
	assert_reads(fd, "before after");
	assert_int_equal(write(fd, "typed", 5), 5);
	turn(f);
	assert_memory_equal(f->dev.got, "typed", 5);
	close(fd);
}

static void test_one_client(void **state)
{
	struct fixture *f = *state;
	int first = enter(f), second = enter(f), third;
	char c;

	assert_reads(second, "hgvmm: another client has this console\n");
	assert_int_equal(recv(second, &c, 1, MSG_DONTWAIT), 0);
	/* The first one noticed nothing. */
	write_text(f, "x");
	assert_reads(first, "x");
	close(second);
	close(first);
	turn(f);
	third = enter(f);
	assert_reads(third, "x");
	close(third);
}

static void test_no_room(void **state)
{
	struct fixture *f = *state;
	int fd = enter(f);

	f->dev.space = 2;
	assert_int_equal(write(fd, "abcd", 4), 4);
	turn(f);
	assert_int_equal(f->dev.n, 2);
	f->dev.space = 9;
	turn(f);
	assert_int_equal(f->dev.n, 2);	/* it was not told yet */
	charsock_ready(f->cs);
	turn(f);
	assert_memory_equal(f->dev.got, "abcd", 4);
	/* Who goes while there is no room makes room for the next one. */
	f->dev.space = 0;
	assert_int_equal(write(fd, "e", 1), 1);
	turn(f);
	close(fd);
	turn(f);
	fd = enter(f);
	f->dev.space = 9;
	charsock_ready(f->cs);
	assert_int_equal(write(fd, "f", 1), 1);
	turn(f);
	assert_memory_equal(f->dev.got, "abcdf", 5);
	close(fd);
}

/*
 * A device whose other threads say that it is ready while space() is called, with a lock that
 * space() wants: nobody waits for the other, and what they said is not lost.
 */
static void test_ready_meanwhile(void **state)
{
	struct fixture *f = *state;
	int fd = enter(f);

	f->dev.space = 0;
	f->dev.grows = f->cs;
	assert_int_equal(write(fd, "g", 1), 1);
	alarm(20);	/* a deadlock ends as a failure */
	turn(f);
	alarm(0);
	assert_null(f->dev.grows);
	assert_int_equal(f->dev.n, 1);
	close(fd);
}

/* A client that never reads: the guest goes on, and the newest is what it finds. */
static void test_slow_client(void **state)
{
	struct fixture *f = *state;
	static char chunk[4096];
	int fd = enter(f);
	char last = 0;
	ssize_t n;

	memset(chunk, 'o', sizeof(chunk));
	for (int i = 0; i < 1024; i++)
		charsock_write(f->cs, (const uint8_t *)chunk, sizeof(chunk));
	write_text(f, "!");
	for (;;) {
		n = recv(fd, chunk, sizeof(chunk), MSG_DONTWAIT);
		if (n <= 0)
			break;
		last = chunk[n - 1];
		turn(f);
	}
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(last, '!');
	close(fd);
}

static void test_gone_client(void **state)
{
	struct fixture *f = *state;
	int fd = enter(f);

	close(fd);
	write_text(f, "to nobody");
	turn(f);
	fd = enter(f);
	assert_reads(fd, "to nobody");
	close(fd);
}

static void test_name_taken(void **state)
{
	struct fixture *f = *state;

	assert_null(charsock_new(f->loop, "serial", f->path));
	assert_int_equal(access(f->path, F_OK), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_both_ways, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_client, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_room, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ready_meanwhile, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slow_client, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gone_client, setup, teardown),
		cmocka_unit_test_setup_teardown(test_name_taken, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
