/* SPDX-License-Identifier: Apache-2.0 */
/* Where a serial port or console is connected on the host. */
#ifndef HGVMM_CHARDEV_H
#define HGVMM_CHARDEV_H

#include <stddef.h>
#include <stdint.h>

#include "config.h"

struct chardev;
struct vm;

struct chardev_ops {
	/* Both on the I/O thread, no lock held. space(): how many bytes receive() would take. */
	size_t (*space)(void *dev);
	void (*receive)(void *dev, const uint8_t *data, size_t len);
};

/*
 * Open the host side described by @cfg for the device called @name. Terminals
 * are put in raw mode until chardev_free(). NULL after a message.
 */
struct chardev *chardev_new(struct vm *vm, const struct cfg_char *cfg, const char *name);
void chardev_free(struct chardev *cd);

/* Connect the device side and start to deliver input. 0 or negative errno. */
int chardev_attach(struct chardev *cd, const struct chardev_ops *ops, void *dev);

/* Any thread. Output that a pty has no reader for is dropped. */
void chardev_write(struct chardev *cd, const uint8_t *data, size_t len);

/* Any thread, which may hold a lock that space() takes: space() has grown. */
void chardev_ready(struct chardev *cd);

#endif
