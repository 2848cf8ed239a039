// SPDX-License-Identifier: Apache-2.0
/* Configuration files. */
#include <stdlib.h>
#include <string.h>

#include "conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct att_error err = { 0 };
	struct config c;

	config_init(&c);
	if (config_parse(&c, "conf", (const char *)data, size, &err)) {
		/* A refusal names the line. */
		if (strncmp(err.text, "conf:", 5))
			abort();
	} else {
		config_check(&c, "conf", &err);
		if (!c.connections || c.connections > 65536 || c.admins > CONFIG_ADMINS_MAX)
			abort();
	}
	config_free(&c);
	return 0;
}
