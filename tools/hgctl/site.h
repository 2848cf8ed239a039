/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where this machine keeps what hgctl works with: hypergpu.conf, the definitions of the
 * VMs, their state, and the other programs of HyperGPU.
 */
#ifndef HGCTL_SITE_H
#define HGCTL_SITE_H

#include "settings.h"

#include <limits.h>

#define SITE_DIR	"/etc/hypergpu"
#define SITE_FILE	"hypergpu.conf"

struct site {
	struct settings conf;
	char file[PATH_MAX];		/* hypergpu.conf; it need not be there */
	char definitions[PATH_MAX];	/* NAME.conf, one a VM */
	char state[PATH_MAX];		/* below it vms/NAME, see cvm-state.h */
};

/*
 * @dir holds hypergpu.conf; NULL: $HYPERGPU_CONFIG_DIR, or else SITE_DIR. 0, or -1 after a
 * message when the file is there and not right. site_close() in any case.
 */
int site_open(struct site *site, const char *dir);
void site_close(struct site *site);

/* The folder that hgctl takes hypergpu.conf from, given what --dir said. */
const char *site_dir(const char *dir);

/*
 * Takes --dir DIR away, if a command's arguments begin with it; argv[0] is then no name any
 * more. NULL: it is not given.
 */
const char *site_take_dir(int *argc, char ***argv);

/*
 * The absolute path of another program of HyperGPU's: beside hgctl itself, or in
 * ../libexec/hypergpu. PATH is not asked: who sets it need not be who installed hgctl.
 * NULL after a message.
 */
const char *site_program(const char *name, char path[PATH_MAX]);

/* The same without a message. */
const char *site_find(const char *name, char path[PATH_MAX]);

/* "hgctl: ..." on standard error, with a newline; to the journal as an error or as a notice. */
void complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void notice(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif /* HGCTL_SITE_H */
