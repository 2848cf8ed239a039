/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets as the database has them: AES-256-GCM under a key in a file. What is
 * authenticated with one is its name and its policy's; what that policy says is
 * authenticated by store-mac.c with a key of the same file.
 */
#ifndef HG_SECRETS_H
#define HG_SECRETS_H

#include "attest.h"

struct secrets_key {
	uint8_t key[32];
	uint8_t id[8]; /* says which key it was, without saying it */
	uint8_t mac[32]; /* made of it, for the rows of the database */
};

/* A file of 64 hexadecimal digits and a newline. */
int secrets_key_parse(struct secrets_key *k, const char *text, size_t size, struct att_error *err);
/* The same from the file; ATT_E_REFUSED if others may read it. */
int secrets_key_load(struct secrets_key *k, const char *path, struct att_error *err);
/* A new one, as text for its file. */
int secrets_key_new(struct att_bytes *text, struct att_error *err);

int secrets_seal(const struct secrets_key *k, const char *name, const char *policy,
		 const struct att_bytes *secret, struct att_bytes *sealed, struct att_error *err);
/* ATT_E_REFUSED: another key. ATT_E_CRYPTO: changed, or of another name or policy. */
int secrets_open(const struct secrets_key *k, const char *name, const char *policy,
		 const struct att_bytes *sealed, struct att_bytes *secret, struct att_error *err);

#endif
