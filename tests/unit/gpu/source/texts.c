// SPDX-License-Identifier: Apache-2.0
/* texts PREFIX <LIBRARY: writes each text of OpenCL C in it to PREFIX.N.cl. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEAST 100u

static void write_text(const char *prefix, unsigned int n, const char *text, size_t size)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s.%03u.cl", prefix, n);
	f = fopen(path, "wb");
	if (!f || fwrite(text, 1, size, f) != size || fclose(f)) {
		perror(path);
		exit(1);
	}
}

static int is_text(char c)
{
	return c == '\n' || c == '\t' || c == '\r' || (c >= ' ' && c <= '~');
}

int main(int argc, char **argv)
{
	static char data[64 << 20];
	size_t size = fread(data, 1, sizeof(data), stdin), i = 0, from;
	unsigned int n = 0;

	if (argc != 2)
		return 2;
	while (i < size) {
		for (from = i; i < size && is_text(data[i]); i++)
			;
		if (i - from >= LEAST && i < size && !data[i] &&
		    (memmem(data + from, i - from, "__kernel", 8) ||
		     memmem(data + from, i - from, "kernel void", 11) ||
		     memmem(data + from, i - from, "get_global_id", 13)))
			write_text(argv[1], n++, data + from, i - from);
		i++;
	}
	return 0;
}
