/* SPDX-License-Identifier: Apache-2.0 */
/* The tables, as the steps that lead from each version of them to the next. */
#ifndef HG_SCHEMA_H
#define HG_SCHEMA_H

#define SCHEMA_VERSION 2

/* Step N makes version N + 1 of version N; version 0 is an empty file. */
extern const char *const schema_steps[SCHEMA_VERSION];

#endif
