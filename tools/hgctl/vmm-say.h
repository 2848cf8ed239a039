/* SPDX-License-Identifier: Apache-2.0 */
/* What hgvmm's files that are linked here have to say. */
#ifndef HGCTL_VMM_SAY_H
#define HGCTL_VMM_SAY_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Whether hgvmm's command line takes @value as its option @option ("--disk"). If it does
 * not, @why, of @size bytes, says what it wants.
 */
bool vmm_takes(const char *option, const char *value, char *why, size_t size);

#endif /* HGCTL_VMM_SAY_H */
