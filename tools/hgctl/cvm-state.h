/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of a VM while it runs, in STATE/vms/NAME:
 *
 *   lock     locked as long as hgvmm or its supervisor lives, by the kernel: so no crash
 *            leaves a VM that seems to run
 *   process  "PID START" of hgvmm, START as in /proc/PID/stat, so that no other process is
 *            ever taken for it. Not in the lock's file, which hgvmm holds open: a guest that
 *            took hgvmm over would choose there whom stop --force ends.
 *   control  hgvmm's status socket
 *   console  its console
 *   log      what hgvmm says, unless systemd's journal takes it
 *   last     the exit status of the last run
 */
#ifndef HGCTL_CVM_STATE_H
#define HGCTL_CVM_STATE_H

#include "site.h"

#include <jansson.h>
#include <stdio.h>
#include <sys/types.h>

#define VM_NAME_MAX 32	/* bytes */

/* The name of a VM is that of files, too: letters, digits, and within it . _ - */
bool vm_name_good(const char *name);

/* The same, with a message. */
int vm_name_check(const char *name);

/* STATE/vms/NAME/@leaf (@leaf may be ""). -> @path, or NULL after a message. */
const char *vm_path(const struct site *site, const char *name, const char *leaf,
		    char path[PATH_MAX]);

/*
 * Makes the VM's folder and takes its lock. -> a descriptor that holds it and that children
 * inherit; -EBUSY when another process has it; -errno after a message.
 */
int vm_lock(const struct site *site, const char *name);

/* Writes down which process runs the VM; @pid 0: none yet. Lock held. 0 or -errno. */
int vm_set_pid(const struct site *site, const char *name, pid_t pid);

/*
 * Is the lock held? Then @pid is hgvmm's process, 0 when there is none yet. Takes no lock:
 * who looks gets into nobody's way. -EACCES and the like when that cannot be told.
 */
int vm_held(const struct site *site, const char *name, bool *held, pid_t *pid);

/* A pidfd of hgvmm's process. -ESRCH when it does not run any more. */
int vm_pidfd(const struct site *site, const char *name);

/*
 * Asks hgvmm's status socket, for 5 s in all. -> its answer, which the caller frees, or NULL
 * with errno: ETIMEDOUT, or EAGAIN when hgvmm has too many to answer.
 */
json_t *vm_ask(const struct site *site, const char *name, const char *command);

/* The launch digest in hgvmm's answer; NULL where there is none, or what is there is none. */
const char *vm_digest(const json_t *status);

/* Milliseconds of a clock that nobody sets. */
uint64_t clock_ms(void);

/* Connects to one of the VM's sockets, at once or not. -> a blocking descriptor or -errno. */
int vm_connect(const struct site *site, const char *name, const char *leaf);

/* The exit status of the last run: 0 or -errno. */
int vm_last(const struct site *site, const char *name, int *status);
int vm_set_last(const struct site *site, const char *name, int status);

/* The last lines of the VM's log, each after two blanks. */
void vm_log_tail(const struct site *site, const char *name, FILE *out);

#endif /* HGCTL_CVM_STATE_H */
