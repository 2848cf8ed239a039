/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of the service ask of it, and want to see refused. */
#ifndef TEST_ASK_H
#define TEST_ASK_H

#include "site.h"

/* A member's text, or "". */
const char *text_of(const json_t *o, const char *name);
/* A request that must be refused so, and change nothing. */
void refused_as(struct site *t, const struct peer *peer, const char *path, const char *body,
		const char *token, int want, const char *code);
void refused(struct site *t, const char *path, const char *body, int want, const char *code);
/* The last line of the log says so; a @verdict below 0: none. */
void audited(struct site *t, const char *event, int verdict, const char *error);
/* A body with evidence of @m for a new nonce of @peer's. */
char *fresh(struct site *t, const struct peer *peer, const struct machine *m, const char *more);
/* What was released is this. */
void opens_to(const struct site *t, const json_t *answer, const char *secret);
/* What somebody does who can write the database, and has no key: SQL with one text. */
void forge(const struct site *t, const char *fmt, const char *text)
	__attribute__((format(printf, 2, 0)));

#endif
