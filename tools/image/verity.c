// SPDX-License-Identifier: Apache-2.0
/*
 * verity: in the initrd of a confidential VM's image, makes the device that checks what is read
 * from the root disk against the root hash, which the initrd has and which is measured with it.
 *   verity DISK FILE
 * FILE has one line: ROOT-HASH SALT BLOCKS, of blocks of 4096 bytes; the hashes follow these
 * blocks on the disk. The device is made as /dev/dm-0. A block that does not fit stops the whole
 * VM: what has gone wrong once is not read any further.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define BLOCK	4096u
#define SECTOR	512u
#define HASH	64 /* hexadecimal digits */
#define NAME	"root"
#define CONTROL "/dev/mapper/control"

struct order {
	struct dm_ioctl head;
	struct dm_target_spec target;
	char table[512];
};

struct root {
	char hash[HASH + 1], salt[HASH + 1];
	unsigned long long blocks;
};

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "verity: %s: %s\n", what, why);
	return 1;
}

static int is_hash(const char *text)
{
	return strlen(text) == HASH && strspn(text, "0123456789abcdef") == HASH;
}

static int read_root(const char *path, struct root *root)
{
	FILE *f = fopen(path, "re");
	int n;

	if (!f)
		return fail(path, strerror(errno));
	n = fscanf(f, "%64s %64s %llu", root->hash, root->salt, &root->blocks);
	fclose(f);
	if (n != 3 || !is_hash(root->hash) || !is_hash(root->salt) || !root->blocks ||
	    root->blocks > UINT32_MAX)
		return fail(path, "not ROOT-HASH SALT BLOCKS");
	return 0;
}

static int command(int fd, unsigned long request, struct order *order, unsigned int flags)
{
	memset(&order->head, 0, sizeof(order->head));
	order->head.version[0] = DM_VERSION_MAJOR;
	order->head.data_size = sizeof(*order);
	order->head.data_start = offsetof(struct order, target);
	order->head.flags = flags;
	strcpy(order->head.name, NAME);
	if (request == DM_TABLE_LOAD)
		order->head.target_count = 1;
	return ioctl(fd, request, order) ? fail("device mapper", strerror(errno)) : 0;
}

static int set_table(struct order *order, const char *disk, const struct root *root)
{
	int n;

	memset(&order->target, 0, sizeof(order->target));
	order->target.length = root->blocks * (BLOCK / SECTOR);
	strcpy(order->target.target_type, "verity");
	n = snprintf(order->table, sizeof(order->table),
		     "1 %s %s %u %u %llu %llu sha256 %s %s 1 panic_on_corruption", disk, disk, BLOCK,
		     BLOCK, root->blocks, root->blocks, root->hash, root->salt);
	return n < 0 || (size_t)n >= sizeof(order->table) ? fail(disk, "name too long") : 0;
}

int main(int argc, char **argv)
{
	struct order order = { 0 };
	struct root root;
	int fd;

	if (argc != 3) {
		fprintf(stderr, "usage: verity DISK FILE\n");
		return 2;
	}
	if (read_root(argv[2], &root))
		return 1;
	fd = open(CONTROL, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return fail(CONTROL, strerror(errno));
	if (command(fd, DM_DEV_CREATE, &order, 0) || set_table(&order, argv[1], &root) ||
	    command(fd, DM_TABLE_LOAD, &order, DM_READONLY_FLAG) ||
	    command(fd, DM_DEV_SUSPEND, &order, 0))
		return 1;
	close(fd);
	return 0;
}
