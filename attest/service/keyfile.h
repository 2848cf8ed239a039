/* SPDX-License-Identifier: Apache-2.0 */
/* Files that hgverifyd is configured with: read as a whole, the secret ones with care. */
#ifndef HG_KEYFILE_H
#define HG_KEYFILE_H

#include "attest.h"

#define KEY_FILE_MAX 65536u

/* A regular file of at most @max bytes. */
int file_load(const char *path, size_t max, struct att_bytes *b, struct att_error *err);
/* One of at most KEY_FILE_MAX bytes that nobody but its owner may read; ATT_E_REFUSED. */
int key_file_load(const char *path, struct att_bytes *b, struct att_error *err);

#endif
