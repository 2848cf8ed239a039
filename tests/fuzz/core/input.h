/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What main.c and the programs that it runs know of each other.
 */
#ifndef FUZZ_INPUT_H
#define FUZZ_INPUT_H

#include <stdbool.h>

#include "../../unit/core/world.h"

/* ---- main.c ---- */
/* The next @n bytes of the input; zeros after its end. */
u64 bytes(u32 n);
bool input_left(void);

/* ---- the program ---- */
/* All that one input asks for, from the core's start to its end. */
void one_input(void);
/* One line on standard output after @inputs inputs. */
void summary(u64 inputs);

#endif
