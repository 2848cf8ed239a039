/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host side of a serial port or console as a Unix socket: one client at a time
 * types and reads; another is told so and sent away. A client gets first what the guest
 * wrote before it came, as far as that is kept.
 */
#ifndef HGVMM_CHARSOCK_H
#define HGVMM_CHARSOCK_H

#include <stddef.h>
#include <stdint.h>

#include "chardev.h"

#define CHARSOCK_KEPT	65536u	/* bytes of output that are kept; a power of two */

struct charsock;
struct loop;

/* Listens at @path, for the option --@name. NULL after a message. */
struct charsock *charsock_new(struct loop *loop, const char *name, const char *path);
void charsock_free(struct charsock *cs);

/* As those of chardev.h. A client that does not read loses the oldest, and stops nobody. */
int charsock_attach(struct charsock *cs, const struct chardev_ops *ops, void *dev);
void charsock_write(struct charsock *cs, const uint8_t *data, size_t len);
void charsock_ready(struct charsock *cs);

#endif
