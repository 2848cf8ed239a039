/* SPDX-License-Identifier: Apache-2.0 */
/* hgverifyd needs few system calls and no privileges once its files are read. */
#ifndef HG_SANDBOX_H
#define HG_SANDBOX_H

#include "attest.h"

/* Becomes @user for good, if not NULL; nobody here ever gets more privileges. */
int sandbox_become(const char *user, struct att_error *err);
/* Before threads start: they inherit it. Any other system call ends the program. */
int sandbox_filter(struct att_error *err);

#endif
