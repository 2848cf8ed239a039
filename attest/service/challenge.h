/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The nonces that are out: random, each good once, for whoever asked for it,
 * and for a while. They are in memory only; after a restart none is out.
 */
#ifndef HG_CHALLENGE_H
#define HG_CHALLENGE_H

#include "attest.h"
#include "rate.h"

struct challenges;

enum challenge_answer {
	CHALLENGE_OK,
	CHALLENGE_FULL, /* too many are out */
	CHALLENGE_SOURCE_FULL, /* too many of this source are out */
	CHALLENGE_UNKNOWN, /* used, expired, never given out, or from before a restart */
	CHALLENGE_OTHER_OWNER, /* it stays good for the one who asked for it */
	CHALLENGE_FAILED, /* no memory, no random numbers */
};

/* Whose a nonce is: the hash of the TLS client's certificate, or zeros without one. */
struct owner {
	uint8_t identity[32];
};

/* @max at a time, @per_source of one source; each for @lifetime milliseconds. */
struct challenges *challenges_new(size_t max, size_t per_source, int64_t lifetime);
void challenges_free(struct challenges *c);

/*
 * A new nonce of @size bytes. @payload, if not NULL, is kept with it: what it
 * held is moved away on success.
 */
enum challenge_answer challenge_give(struct challenges *c, const struct owner *to,
				     const struct source *from, int64_t now, uint8_t *nonce,
				     size_t size, struct att_bytes *payload);
/* Uses a nonce up. Of two that come with the same one, exactly one gets CHALLENGE_OK. */
enum challenge_answer challenge_take(struct challenges *c, const struct owner *by, int64_t now,
				     const uint8_t *nonce, size_t size, struct att_bytes *payload);
size_t challenges_out(struct challenges *c, int64_t now);

#endif
