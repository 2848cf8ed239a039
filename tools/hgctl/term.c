// SPDX-License-Identifier: Apache-2.0
#include "term.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool term_colour(FILE *out)
{
	const char *no = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	if (no && *no)
		return false;
	return isatty(fileno(out)) && term && strcmp(term, "dumb");
}
