/* SPDX-License-Identifier: Apache-2.0 */
/* Files of hggpu: read as a whole, written as a whole or not at all. */
#ifndef HGGPU_FILES_H
#define HGGPU_FILES_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>

/* "PROGRAM: ..." on stderr, with a newline. */
void complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* For free(), with a zero behind it; NULL after a message. */
char *file_text(const char *path, size_t max, size_t *size);
/* Whoever reads @path sees the old file or the new one. "-" is standard output. */
int file_write(const char *path, const char *text);
/* PEM, without a password. Of a private key's file the public half will do, too. */
EVP_PKEY *file_key(const char *path, bool private);

#endif
