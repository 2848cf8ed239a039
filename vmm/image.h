/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files read whole at start-up (kernel, initrd), so that a reboot needs no
 * file access from inside the sandbox and later edits of the file do not matter.
 */
#ifndef HGVMM_IMAGE_H
#define HGVMM_IMAGE_H

#include <stddef.h>
#include <stdint.h>

struct image {
	uint8_t *data;
	size_t size;
};

/* 0 or negative errno after a message naming @what and @path. */
int image_load(struct image *img, const char *what, const char *path);
void image_free(struct image *img);

#endif
