// SPDX-License-Identifier: Apache-2.0
/*
 * Work of a guest, in counts of the time stamp counter; run by init.
 *
 *	work cpu	a loop of arithmetic
 *	work memory	a walk through 32 MiB in an order that no prefetcher knows
 *	work disk DEVICE	16 MiB read from a disk, past the page cache
 *	work net ADDRESS PORT	8 MiB sent by TCP
 *
 * Prints "bench NAME COUNTS".
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <x86intrin.h>

#define MIB		(1u << 20)
#define WALK_SIZE	(32 * MIB)
#define WALK_STEPS	1000000u
#define DISK_SIZE	(16 * MIB)
#define NET_SIZE	(8 * MIB)
#define CHUNK		(256 * 1024u)

static int die(const char *what)
{
	perror(what);
	return 1;
}

static int report(const char *name, uint64_t since)
{
	printf("bench %s %llu\n", name, (unsigned long long)(__rdtsc() - since));
	return 0;
}

static int cpu(void)
{
	volatile uint64_t sink;
	uint64_t x = 1, since = __rdtsc();
	unsigned int i;

	for (i = 0; i < 20000000; i++)
		x = x * 6364136223846793005u + 1442695040888963407u;
	sink = x;
	(void)sink;
	return report("cpu", since);
}

static int memory(void)
{
	uint64_t *word = malloc(WALK_SIZE), at = 0, since;
	uint64_t n = WALK_SIZE / sizeof(*word);
	unsigned int i;

	if (!word)
		return die("malloc");
	memset(word, 1, WALK_SIZE);
	since = __rdtsc();
	for (i = 0; i < WALK_STEPS; i++) {
		at = (at * 6364136223846793005u + 1442695040888963407u + word[at % n]) % n;
		word[at]++;
	}
	report("memory", since);
	free(word);
	return 0;
}

static int disk(const char *path)
{
	void *data = aligned_alloc(4096, CHUNK);
	int fd = open(path, O_RDONLY | O_DIRECT);
	uint64_t since = __rdtsc();
	unsigned int done;

	if (fd < 0 || !data)
		return die(path);
	for (done = 0; done < DISK_SIZE; done += CHUNK)
		if (read(fd, data, CHUNK) != CHUNK)
			return die(path);
	close(fd);
	free(data);
	return report("disk", since);
}

static int net(const char *address, const char *port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };
	void *data = calloc(1, CHUNK);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	unsigned int done;
	uint64_t since;
	char c;

	if (!data || fd < 0 || inet_pton(AF_INET, address, &to.sin_addr) != 1 ||
	    connect(fd, (struct sockaddr *)&to, sizeof(to)))
		return die(address);
	since = __rdtsc();
	for (done = 0; done < NET_SIZE; done += CHUNK)
		if (write(fd, data, CHUNK) != CHUNK)
			return die(address);
	/* All has arrived when the other side closes, too. */
	shutdown(fd, SHUT_WR);
	if (read(fd, &c, 1) < 0)
		return die(address);
	close(fd);
	free(data);
	return report("net", since);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (argc == 2 && !strcmp(what, "cpu"))
		return cpu();
	if (argc == 2 && !strcmp(what, "memory"))
		return memory();
	if (argc == 3 && !strcmp(what, "disk"))
		return disk(argv[2]);
	if (argc == 4 && !strcmp(what, "net"))
		return net(argv[2], argv[3]);
	fprintf(stderr, "usage: work cpu | memory | disk DEVICE | net ADDRESS PORT\n");
	return 2;
}
