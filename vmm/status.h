/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The status socket: a client sends one command a line and reads one line of
 * JSON for each. Commands: status, pause, resume, powerdown, stop.
 */
#ifndef HGVMM_STATUS_H
#define HGVMM_STATUS_H

struct machine;
struct status;

/* Listen at @path, which only the user who runs hgvmm may use. NULL after a message. */
struct status *status_new(struct machine *m, const char *path);
void status_free(struct status *st);

#endif
