/* SPDX-License-Identifier: Apache-2.0 */
/* What another process answers, with a time limit. */
#ifndef HGCTL_PROBE_H
#define HGCTL_PROBE_H

#include <stddef.h>

/*
 * Reads @fd until its end, or until @seconds are over, into @text, a string of at most
 * @size - 1 bytes; what is more is dropped. 0 or -errno (-ETIMEDOUT).
 */
int probe_read(int fd, char *text, size_t size, int seconds);

/*
 * Runs @argv[0], an absolute path, without input and with nothing of its output but the
 * last line of standard error, which goes to @text. -> its exit status; -errno when it did
 * not end in time (-ETIMEDOUT) or by a signal (-ECHILD).
 */
int probe_run(const char *const *argv, char *text, size_t size, int seconds);

#endif /* HGCTL_PROBE_H */
