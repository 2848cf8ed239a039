/* SPDX-License-Identifier: Apache-2.0 */
/* What hgvmm gives up before the guest's first instruction. */
#ifndef HGVMM_SANDBOX_H
#define HGVMM_SANDBOX_H

#include "config.h"

/*
 * Enter --chroot and --uid; then, unless --sandbox off, drop every capability
 * the devices do not need, forbid new privileges, and install the system call
 * filter. Everything must be open, and no other thread may exist: threads made
 * later inherit all of it. 0 or negative errno after a message.
 */
int sandbox_enter(const struct config *cfg);

#endif
