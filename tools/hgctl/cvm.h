/* SPDX-License-Identifier: Apache-2.0 */
/* hgctl cvm: define VMs, and start, stop, list and use them. */
#ifndef HGCTL_CVM_H
#define HGCTL_CVM_H

#include "cvm-state.h"

#include <stdbool.h>

/* Exit statuses of every command of hgctl cvm. */
enum { CVM_DONE, CVM_FAILED, CVM_USAGE };

/* @argv[0] is the command; each gets what follows it. -> exit status. */
int cvm_create(const struct site *site, int argc, char **argv);

/* hgvmm in this process's hands until it ends: for systemd, or @ready for cvm_start(). */
int cvm_run(const struct site *site, const char *name, int ready);
int cvm_start(const struct site *site, const char *name, const char *root);

/* @seconds for the guest to shut down by itself, -1: as hypergpu.conf says. */
int cvm_stop(const struct site *site, const char *name, long seconds, bool force);
int cvm_list(const struct site *site, bool json);
int cvm_console(const struct site *site, const char *name);
int cvm_show(const struct site *site, const char *name);
int cvm_digest(const struct site *site, const char *name);
int cvm_delete(const struct site *site, const char *name);

/* What is known of one VM now. */
struct vm_state {
	/* "running", "paused", "starting", "stopped", "failed", "crashed", "invalid", "unknown" */
	const char *state;
	pid_t pid;	/* 0: none */
	int last;	/* exit status of the last run; -1: none is known */
	json_t *status;	/* hgvmm's answer; NULL: none */
};

/* vm_state_free() when done. @defined: 0, or what def_read() said. */
void vm_state(const struct site *site, const char *name, int defined, struct vm_state *v);
void vm_state_free(struct vm_state *v);

/* The names of all VMs that are defined or run, sorted; 0 or -errno. names_free() them. */
struct names;
int vm_names(const struct site *site, struct names *names);

/* The command line. -> exit status. */
int cvm_main(int argc, char **argv);

#endif /* HGCTL_CVM_H */
