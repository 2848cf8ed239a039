/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small reads of /proc, /sys and /dev below a root of the caller's choice.
 *
 * Everything that hgctl learns from files goes through here, so that tests can
 * show it a made-up machine in a directory. Paths begin with '/' and are taken
 * below the root; a path that does not fit PATH_MAX counts as absent.
 */
#ifndef HGCTL_FS_H
#define HGCTL_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fs {
	const char *root;	/* "" is the machine itself; no '/' at the end */
};

/* A sorted list of the names in a directory. */
struct names {
	char **name;
	size_t count;
};

bool fs_exists(const struct fs *fs, const char *path);

/* access(2); 0 or -errno. */
int fs_access(const struct fs *fs, const char *path, int mode);

/*
 * Reads at most @size - 1 bytes of the file, ends them with a zero byte and
 * drops blanks and newlines at the end. -> bytes kept, or -errno.
 */
int fs_read(const struct fs *fs, const char *path, char *buf, size_t size);

/*
 * Reads a whole file of at most 1 MiB. -> a string that the caller frees, or
 * NULL with errno set (EFBIG when it is longer).
 */
char *fs_slurp(const struct fs *fs, const char *path);

/* Reads one unsigned decimal number that fills the file. 0 or -errno (EINVAL). */
int fs_number(const struct fs *fs, const char *path, uint64_t *value);

/*
 * Names in a directory, "." and ".." left out, digits compared as numbers.
 * 0 or -errno; on success the caller calls names_free().
 */
int fs_list(const struct fs *fs, const char *path, struct names *names);
void names_free(struct names *names);

/* The last component of what a symbolic link points to; 0 or -errno. */
int fs_link_name(const struct fs *fs, const char *path, char *buf, size_t size);

#endif /* HGCTL_FS_H */
