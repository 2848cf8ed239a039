/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What test programs of the driver API have in common. Exit status: 0 right, 3 the driver reported
 * an error, 4 wrong without one.
 */
#ifndef TEST_CUDA_CLIENT_H
#define TEST_CUDA_CLIENT_H

#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INVALID_VALUE 1
#define NOT_SUPPORTED 801

static inline void *symbol(void *library, const char *name)
{
	void *f = dlsym(library, name);

	if (!f) {
		printf("no %s\n", name);
		exit(3);
	}
	return f;
}

#define TRY(call)                                                              \
	do {                                                                   \
		int try_rc = (call);                                           \
		if (try_rc) {                                                  \
			printf("%d: %s: error %d\n", __LINE__, #call, try_rc); \
			exit(3);                                               \
		}                                                              \
	} while (0)

static inline void wrong(int line, const char *what)
{
	printf("%d: %s\n", line, what);
	exit(4);
}

#endif
