/* SPDX-License-Identifier: Apache-2.0 */
/* Files of the tools: read as a whole, written as a whole or not at all. */
#ifndef ATT_FILE_H
#define ATT_FILE_H

#include <sys/types.h>

#include "attest.h"

/* "-" is standard input. 0, or -1 after a message on stderr, with errno. */
int file_read(const char *path, size_t max, struct att_bytes *b);

/*
 * Writes @path anew with this mode: whoever reads it sees the old contents or
 * the new ones. "-" is standard output; devices and pipes are written to. 0, or
 * -1 after a message; @path is as it was then.
 */
int file_write(const char *path, const void *data, size_t size, unsigned int mode);

/*
 * The same for a new file that is to be this user's: it is theirs before it has its name, so
 * that nobody who can write its folder has another file given to them. -1 stays who it is.
 */
int file_write_for(const char *path, const void *data, size_t size, unsigned int mode, uid_t uid,
		   gid_t gid);

/* The nonce in hexadecimal digits. 0, or -1 after a message. */
int file_nonce(const char *text, uint8_t nonce[ATT_NONCE_MAX], size_t *size);

/* "PROGRAM: ..." on stderr, with a newline. */
void complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
