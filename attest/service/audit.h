/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The audit log: one JSON object a line, one line a decision, only ever
 * appended to. Each line carries its number and the SHA-256 of the line before
 * it, so that damage is noticed. There is no key in it: whoever can write the
 * file can make a whole chain anew, but not one that ends in a hash which
 * somebody noted elsewhere.
 */
#ifndef HG_AUDIT_H
#define HG_AUDIT_H

#include "attest.h"

#define AUDIT_LINE_MAX 4096u
#define AUDIT_HASH     32u

/* What a line says; texts may be NULL. Foreign texts come in as they are. */
struct audit_entry {
	const char *event; /* "verify", "release", "enrol-request", ... */
	const char *request; /* its id, in answers, too */
	const char *remote, *identity, *ak, *policy, *secret;
	const char *claim; /* the first that failed */
	const char *error; /* the code of the answer, if it was a refusal */
	const uint8_t *nonce;
	size_t nonce_size;
	int verdict; /* enum att_verdict; -1: none */
	bool released;
	int64_t time;
};

struct audit;

/*
 * Opens or makes @path, checks it from its first line to its last, and notes
 * a start. Only one program at a time has it. ATT_E_IO, ATT_E_FORMAT: the
 * message names the line.
 */
struct audit *audit_open(const char *path, int64_t now, struct att_error *err);
void audit_close(struct audit *a);
/*
 * Appends a line; with @durable it is on the disk before this returns 0. After
 * -1 the line is not in the file, unless it is the disk that failed at the end.
 */
int audit_write(struct audit *a, const struct audit_entry *e, bool durable, struct att_error *err);
/* Opens @path anew after somebody has moved it away; the chain goes on in the new file. */
int audit_reopen(struct audit *a, int64_t now, struct att_error *err);
/* Could a line be written? */
bool audit_works(struct audit *a);

/* Where a chain has come to. */
struct audit_chain {
	uint64_t lines; /* of all files so far */
	uint64_t first; /* the number of the first line; 1, if nothing is missing before it */
	uint64_t next; /* the number that the next line must have */
	uint8_t hash[AUDIT_HASH]; /* of the last line */
	bool started; /* a first file may begin anywhere */
	uint64_t torn; /* bytes of an unfinished line behind the last one */
};

/* Checks the lines of a file from where @chain is; the message names the line. */
int audit_check(const char *path, struct audit_chain *chain, struct att_error *err);
/* The same with the contents of a file. */
int audit_check_text(const char *text, size_t size, struct audit_chain *chain,
		     struct att_error *err);

#endif
