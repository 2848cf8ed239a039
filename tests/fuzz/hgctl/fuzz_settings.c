// SPDX-License-Identifier: Apache-2.0
/* hypergpu.conf and the definitions of VMs: the first byte says which of the two. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "settings.h"

/* Whatever is taken is one line, and no value of a key that may not be there so often. */
static void check(const struct settings *s)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct setting *it = &s->item[i];
		unsigned int times = 0;

		for (const char *c = it->value; *c; c++)
			if ((unsigned char)*c < 0x20 && *c != '\t')
				abort();
		for (size_t j = 0; j < s->count; j++)
			times += s->item[j].rule == it->rule;
		if (times > it->rule->most || !it->line)
			abort();
		if (it->rule->kind == S_PATH && *it->value != '/')
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct settings s = { .rules = size && *data == 'v' ? vm_rules : conf_rules };

	if (!size)
		return 0;
	if (settings_parse(&s, "conf", (const char *)data + 1, size - 1)) {
		/* A refusal names the place. */
		if (strncmp(s.error, "conf:", 5))
			abort();
	} else {
		check(&s);
		if (settings_number(&s, "vm", "stop_timeout") > 3600)
			abort();
	}
	settings_free(&s);
	return 0;
}
