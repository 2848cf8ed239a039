// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where inputs come from. With -DSTANDALONE the program makes up its own until SECONDS
 * have passed: fuzz-... SECONDS [SEED]. Otherwise it is for libFuzzer.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "input.h"

static const u8 *data;
static size_t left;

u64 bytes(u32 n)
{
	u64 value = 0;

	while (n--) {
		value = value << 8 | (left ? *data : 0);
		if (left) {
			data++;
			left--;
		}
	}
	return value;
}

bool input_left(void)
{
	return left;
}

static void run(const u8 *input, size_t size)
{
	data = input;
	left = size;
	one_input();
}

#ifdef STANDALONE
int main(int argc, char **argv)
{
	time_t end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 5);
	unsigned int seed = argc > 2 ? (unsigned int)atoi(argv[2]) : 1;
	static u8 input[4096];
	u64 inputs = 0;

	setenv("CMOCKA_TEST_ABORT", "1", 1);
	do {
		size_t i, size;

		srand(seed);
		size = (size_t)rand() % sizeof(input);
		for (i = 0; i < size; i++)
			input[i] = (u8)(rand() >> 8);
		fprintf(stderr, "\rseed %u ", seed++);
		run(input, size);
		inputs++;
	} while (time(NULL) < end);
	summary(inputs);
	return 0;
}
#else
int LLVMFuzzerTestOneInput(const u8 *input, size_t size);
int LLVMFuzzerTestOneInput(const u8 *input, size_t size)
{
	setenv("CMOCKA_TEST_ABORT", "1", 1);
	run(input, size);
	return 0;
}
#endif
