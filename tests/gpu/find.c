// SPDX-License-Identifier: Apache-2.0
/*
 * find SNOOPED PLAIN...: looks in the first file for every run of 16 bytes that any of
 * the others has anywhere. Runs with fewer than 8 different bytes say nothing and are
 * passed over. Exit status: 0 none found, 1 trouble, 3 found.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUN 16u

static unsigned char *load(const char *path, size_t *size)
{
	FILE *f = fopen(path, "rb");
	unsigned char *p = NULL;
	long end;

	if (f && !fseek(f, 0, SEEK_END) && (end = ftell(f)) >= 0 && !fseek(f, 0, SEEK_SET)) {
		p = malloc((size_t)end + 1);
		*size = p ? fread(p, 1, (size_t)end, f) : 0;
		if (p && *size != (size_t)end) {
			free(p);
			p = NULL;
		}
	}
	if (f)
		fclose(f);
	if (!p) {
		fprintf(stderr, "find: cannot read %s\n", path);
		exit(1);
	}
	return p;
}

static uint64_t hash(const unsigned char *p)
{
	uint64_t a, b;

	memcpy(&a, p, 8);
	memcpy(&b, p + 8, 8);
	a = (a ^ b * 0x9e3779b97f4a7c15u) * 0xff51afd7ed558ccdu;
	return a ^ a >> 32;
}

static bool telling(const unsigned char *p)
{
	uint64_t seen[4] = { 0 };
	unsigned int i;

	for (i = 0; i < RUN; i++)
		seen[p[i] >> 6] |= 1ull << (p[i] & 63);
	return __builtin_popcountll(seen[0]) + __builtin_popcountll(seen[1]) +
		       __builtin_popcountll(seen[2]) + __builtin_popcountll(seen[3]) >=
	       8;
}

/* Places of runs in the text, by hash; 0 is none. */
static uint32_t *index_runs(const unsigned char *text, size_t size, size_t *mask, size_t *count)
{
	size_t slots = 1024, at, i;
	uint32_t *table;

	while (slots < size * 2)
		slots *= 2;
	table = calloc(slots, sizeof(*table));
	if (!table || size > UINT32_MAX - 1) {
		fputs("find: too much text\n", stderr);
		exit(1);
	}
	*mask = slots - 1;
	*count = 0;
	for (i = 0; i + RUN <= size; i++) {
		if (!telling(text + i))
			continue;
		for (at = hash(text + i) & *mask; table[at]; at = (at + 1) & *mask)
			if (!memcmp(text + table[at] - 1, text + i, RUN))
				break;
		if (!table[at])
			table[at] = (uint32_t)i + 1;
		++*count;
	}
	return table;
}

static size_t search(const unsigned char *in, size_t size, const unsigned char *text,
		     const uint32_t *table, size_t mask, size_t *first)
{
	size_t found = 0, at, i;

	for (i = 0; i + RUN <= size; i++)
		for (at = hash(in + i) & mask; table[at]; at = (at + 1) & mask)
			if (!memcmp(text + table[at] - 1, in + i, RUN)) {
				if (!found++)
					*first = i;
				break;
			}
	return found;
}

int main(int argc, char **argv)
{
	size_t size, text_size, mask, runs, n, first = 0, all = 0, total = 0;
	unsigned char *in, *text;
	uint32_t *table;
	int i;

	if (argc < 3) {
		fputs("usage: find SNOOPED PLAIN...\n", stderr);
		return 1;
	}
	in = load(argv[1], &size);
	for (i = 2; i < argc; i++) {
		text = load(argv[i], &text_size);
		table = index_runs(text, text_size, &mask, &runs);
		n = search(in, size, text, table, mask, &first);
		if (n)
			printf("%s: %zu runs of it in %s, the first at byte %zu\n", argv[i], n,
			       argv[1], first);
		all += n;
		total += runs;
		free(text);
		free(table);
	}
	free(in);
	/* To have looked for nothing, or nowhere, is no good news. */
	if (!total || size < RUN) {
		fputs("find: nothing to look for, or nothing to look in\n", stderr);
		return 1;
	}
	printf("looked for %zu runs in %zu bytes: %zu found\n", total, size, all);
	return all ? 3 : 0;
}
