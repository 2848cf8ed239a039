/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

#define CHECK(x)                                                                        \
	do {                                                                            \
		if (!(x)) {                                                             \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #x); \
			abort();                                                        \
		}                                                                       \
	} while (0)

/* A file in the folder that FUZZ_SEEDS names, if it does. */
static inline void write_seed(const char *name, const void *data, size_t size)
{
	const char *folder = getenv("FUZZ_SEEDS");
	char path[512];
	FILE *f;

	if (!folder)
		return;
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "w");
	CHECK(f && fwrite(data, 1, size, f) == size && !fclose(f));
}

#endif
