/* SPDX-License-Identifier: Apache-2.0 */
/* hgverifyd's commands that look after the database. */
#ifndef ATT_ADMIN_H
#define ATT_ADMIN_H

#include "conf.h"

#define ADMIN_REFERENCES_MAX 64u

enum admin_status { ADMIN_DONE, ADMIN_FAILED, ADMIN_USAGE, ADMIN_CONFIG, ADMIN_DAMAGED };

struct admin {
	const char *config;
	const struct config *cfg;
	char **word; /* the command and what follows */
	int words;
	bool json, replace;
	const char *label, *policy, *kind, *machine;
	const char *reference[ADMIN_REFERENCES_MAX];
	size_t references;
	unsigned int days;
	int64_t now;
};

/* Says what went wrong; -> the exit status. */
int admin_failed(const struct att_error *err);
/* Is there such a command, with as many words? 0, or ADMIN_USAGE after a message. */
int admin_known(const struct admin *a);
int admin_run(struct admin *a, const struct config *cfg);
int admin_audit(struct admin *a);

#endif
