/* SPDX-License-Identifier: Apache-2.0 */
/* What goes back to a client. */
#ifndef HG_ANSWER_H
#define HG_ANSWER_H

#include <jansson.h>

#include "attest.h"

struct answer {
	int status;
	char *body; /* for free(); wiped, as it may be a sealed secret or a token */
	size_t size;
	bool text; /* text/plain, not JSON */
	bool close; /* what follows on this connection is not to be trusted */
	unsigned int retry; /* seconds, if not 0 */
	char code[32]; /* of a refusal */
};

/* Takes @o. */
void answer_json(struct answer *a, int status, json_t *o);
/* {"error": code, "message": ...}. @code is for programs and does not change. */
void answer_error(struct answer *a, int status, const char *code, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* The same with more members in @o, which is taken. */
void answer_refusal(struct answer *a, int status, const char *code, json_t *o, const char *message);
void answer_free(struct answer *a);
/* The head that goes before the body. -> its length. */
size_t answer_head(const struct answer *a, bool close, char *to, size_t max);

#endif
