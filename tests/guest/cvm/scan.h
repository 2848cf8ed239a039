/* SPDX-License-Identifier: Apache-2.0 */
/* Looking for the guest's secret wherever a process of the host can look. */
#ifndef SCAN_H
#define SCAN_H

#include <stddef.h>
#include <sys/types.h>

/* Places in @size bytes where either half of the secret begins, at any alignment. */
unsigned int scan_bytes(const void *data, size_t size);

/* The ways into another process's memory. */
enum scan_way { SCAN_PROC_MEM, SCAN_READV, SCAN_PTRACE };

/*
 * From a child process, which is no part of the VMM: every mapping of @pid that
 * can be read that way. The number of places, or -errno if nothing could be read.
 */
int scan_process(pid_t pid, enum scan_way way);
/* All of a file such as /proc/kcore's RAM or a debugfs file; -errno if it cannot be opened. */
int scan_file(const char *path);
/* Every regular file below @dir. */
int scan_tree(const char *dir);

#endif
