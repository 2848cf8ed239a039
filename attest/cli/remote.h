/* SPDX-License-Identifier: Apache-2.0 */
/* hgattest's commands that speak to hgverifyd. */
#ifndef ATT_REMOTE_H
#define ATT_REMOTE_H

#include "attest.h"

struct remote {
	const char *server, *ca, *certificate, *certificate_key;
	const char *token; /* a file */
	const char *policy, *secret, *label, *ear;
	const char *key; /* the CVM's private one: to open the secret with */
	const char *out;
	bool json;
};

/* NULL after a message. */
struct att_client *remote_open(const struct remote *r);
/* 0, or -1 after a message. */
int remote_challenge(struct att_client *c, uint8_t *nonce, size_t size);
/*
 * Sends evidence, prints the claims, writes EAR and secret. -> the exit status: 0
 * passed, 1 failed, from 10 on enum att_verdict.
 */
int remote_submit(struct att_client *c, const struct remote *r, const uint8_t *nonce, size_t size,
		  const struct att_bytes *evidence);
/* Tells @with the nonce, which is to leave the CVM's report and public key in these files. */
int remote_ask_cvm(const char *with, const uint8_t *nonce, size_t size, const char *report,
		   const char *key);

#endif
