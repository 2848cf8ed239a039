// SPDX-License-Identifier: Apache-2.0
/*
 * Walks through names.list: `refused FILE`. Each function that is refused is called, by its
 * symbol and as cuGetProcAddress gives it, with addresses of a secret for arguments; each other
 * one must be there. Exit status: see client.h; 5: a function that should be refused was not.
 */
#include "client.h"

typedef unsigned long long word;

static char secret[4096] = "a secret that no function may take away with it";
static void *library;
static int (*by_name)(const char *, void **, int, word, int *);

static int call(void *function)
{
	int (*f)(word, word, word, word, word, word, word, word);
	word p = (uintptr_t)secret, n = 64;

	*(void **)&f = function;
	return f(p, p, n, p, n, p, n, p);
}

static void check(const char *name, void *function, int *bad)
{
	if (!function) {
		printf("no %s\n", name);
		exit(3);
	}
	if (call(function) == NOT_SUPPORTED)
		return;
	printf("%s was not refused\n", name);
	*bad = 1;
}

/* Of a function's name, without what version it is. */
static void *get(const char *name)
{
	char base[128];
	void *f = NULL;
	size_t n;

	snprintf(base, sizeof(base), "%s", name);
	n = strlen(base);
	if (n > 3 && base[n - 3] == '_' && base[n - 2] == 'v')
		base[n - 3] = '\0';
	return by_name(base, &f, 13000, 0, NULL) ? NULL : f;
}

int main(int argc, char **argv)
{
	char line[256], name[120], how[16], thread[16], longer[140];
	int (*init)(unsigned), bad = 0, count = 0, since;
	FILE *f = argc == 2 ? fopen(argv[1], "r") : NULL;

	library = dlopen("libcuda.so.1", RTLD_NOW);
	if (!library || !f)
		return 2;
	*(void **)&init = symbol(library, "cuInit");
	*(void **)&by_name = dlsym(library, "cuGetProcAddress_v2");
	TRY(init(0));
	while (fgets(line, sizeof(line), f)) {
		if (line[0] == '#' ||
		    sscanf(line, "%119s %15s %15s %d", name, how, thread, &since) != 4)
			continue;
		if (strcmp(how, "refuse") != 0) {
			if (by_name && !dlsym(library, name))
				wrong(__LINE__, name);
			continue;
		}
		count++;
		check(name, dlsym(library, name), &bad);
		if (by_name)
			check(name, get(name), &bad);
		if (!strncmp(thread, "pt", 2)) {
			snprintf(longer, sizeof(longer), "%s_%s", name, thread);
			check(longer, dlsym(library, longer), &bad);
		}
	}
	fclose(f);
	printf("%d functions refused\n", count);
	return bad ? 5 : 0;
}
