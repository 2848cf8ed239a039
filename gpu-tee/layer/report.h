/* SPDX-License-Identifier: Apache-2.0 */
/* What the layer, or the shim of CUDA, counts, and HYPERGPU_REPORT, the file it is written to. */
#ifndef LAYER_REPORT_H
#define LAYER_REPORT_H

#include <stdbool.h>
#include <stddef.h>

enum report_direction { REPORT_TO_DEVICE, REPORT_TO_HOST };

/* What the application did that carried data, or would have. */
enum report_kind {
	REPORT_WRITE,
	REPORT_READ,
	REPORT_RECT,
	REPORT_IMAGE,
	REPORT_MAP,
	REPORT_UNMAP,
	REPORT_INITIAL,
	REPORT_FILL,
	REPORT_KINDS,
};

/* What crosses in clear. */
enum report_clear {
	CLEAR_ARGUMENT,
	CLEAR_SOURCE,
	CLEAR_OPTIONS,
	CLEAR_BINARY,
	CLEAR_LAUNCH,
	CLEAR_COPY,
	CLEAR_KINDS,
};

void report_crossing(enum report_direction direction, size_t bytes);
void report_operation(enum report_kind kind, enum report_direction direction, size_t bytes);
void report_in_clear(enum report_clear what, size_t bytes);
/* An entry point that the layer refused, by name. */
void report_refused(const char *name);
/* A launch of the application's: receipted, or in clear. */
void report_launch(bool receipted);
/* The same of a copy on the device: the application's, or the layer's own. */
void report_copy(bool receipted);
/* A kernel or a program that runs as it is, and why. */
void report_unrewritten(const char *name, const char *reason);
/* @kind: "source", "binary" or "il". */
void report_program(const char *kind, const void *data, size_t size, bool prints);
void report_failure(const char *text);
/*
 * How what is counted crosses, by name. Each library that has this file in it says so itself. NULL:
 * nothing has been used, and at the end of the process no report is written.
 */
const char *report_crossing_name(void);
/* Writes the report if one is wanted; again, over the last one, when called again. */
void report_write(void);

#endif
