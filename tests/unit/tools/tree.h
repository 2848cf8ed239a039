/* SPDX-License-Identifier: Apache-2.0 */
/* A made-up machine: a temporary directory with files as /proc and /sys have. */
#ifndef TREE_H
#define TREE_H

struct tree {
	char root[64];
};

/* All of these end the test program when the file system refuses. */
void tree_make(struct tree *t);
void tree_put(const struct tree *t, const char *path, const char *text);
void tree_dir(const struct tree *t, const char *path);
void tree_link(const struct tree *t, const char *path, const char *target);
void tree_drop(const struct tree *t, const char *path);
void tree_remove(struct tree *t);

#endif /* TREE_H */
