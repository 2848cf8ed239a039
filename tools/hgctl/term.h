/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HGCTL_TERM_H
#define HGCTL_TERM_H

#include <stdbool.h>
#include <stdio.h>

/*
 * May colour go to @out? Only to a terminal that is not dumb, and not when the
 * user has set NO_COLOR.
 */
bool term_colour(FILE *out);

#endif /* HGCTL_TERM_H */
