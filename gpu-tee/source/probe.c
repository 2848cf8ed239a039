// SPDX-License-Identifier: Apache-2.0
/*
 * What does the driver's compiler define? It is asked in its own words: a kernel
 * copies, for each name, the text of its value. The answer has a slot of
 * SLOT bytes a name: 0, or 1 and the text up to a zero.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pool.h"

#define SLOT 256u

static const char head[] = "#define HG_TEXT(x) #x\n"
			   "#define HG_VALUE(x) HG_TEXT(x)\n"
			   "void hg_probe_put(__global uchar *out, __constant char *text)\n"
			   "{\n"
			   "	uint i;\n"
			   "	out[0] = 1;\n"
			   "	for (i = 0; text[i] != 0 && i < 255; i++)\n"
			   "		out[i + 1] = (uchar)text[i];\n"
			   "}\n";

char *hg_source_probe(char *const *name, size_t names, size_t *size)
{
	size_t room = sizeof(head) + 128, used, i;
	char *text;

	for (i = 0; i < names; i++)
		room += 3 * strlen(name[i]) + 256;
	text = malloc(room);
	if (!text)
		return NULL;
	used = (size_t)snprintf(text, room, "%s", head);
	for (i = 0; i < names; i++)
		used += (size_t)snprintf(text + used, room - used,
					 "#ifdef %s\n__constant char hg_v%zu[] = HG_VALUE(%s);\n#endif\n",
					 name[i], i, name[i]);
	used += (size_t)snprintf(text + used, room - used,
				 "__kernel void hg_probe(__global uchar *out)\n{\n");
	for (i = 0; i < names; i++)
		used += (size_t)snprintf(text + used, room - used,
					 "#ifdef %s\n	hg_probe_put(out + %zu, hg_v%zu);\n#endif\n",
					 name[i], i * SLOT, i);
	snprintf(text + used, room - used, "}\n");
	*size = names * SLOT;
	return text;
}

/* Text of a driver's making goes into the preprocessor: nothing but the one line. */
static void add_value(struct hg_pool *pool, struct hg_text *text, const char *name,
		      const unsigned char *slot)
{
	size_t k;

	if (!slot[0])
		return;
	for (k = 1; k < SLOT && slot[k] >= ' '; k++)
		;
	if (slot[0] != 1 || k == SLOT || slot[k])
		hg_pool_fail(pool, HG_SOURCE_SYNTAX,
			     "the driver's value of %.80s is longer than %u bytes, or no text", name,
			     SLOT - 2);
	hg_text_format(pool, text, "#define %s %s\n", name, (const char *)slot + 1);
}

static void add_values(struct hg_pool *pool, struct hg_text *text, char *const *name, size_t names,
		       const unsigned char *answer, size_t size)
{
	size_t i;

	if (size % SLOT || size / SLOT != names)
		hg_pool_fail(pool, HG_SOURCE_SYNTAX,
			     "the driver's answer about %zu names has %zu bytes, not %zu", names,
			     size, names * SLOT);
	hg_text_put(pool, text, "");
	for (i = 0; i < names; i++)
		add_value(pool, text, name[i], answer + i * SLOT);
}

char *hg_source_probe_answer(char *const *name, size_t names, const void *answer, size_t size,
			     struct hg_source_error *err)
{
	struct hg_text text = { 0 };
	struct hg_pool pool;
	char *kept;

	hg_pool_init(&pool, 0, err);
	if (setjmp(pool.failed)) {
		hg_pool_free(&pool);
		return NULL;
	}
	add_values(&pool, &text, name, names, answer, size);
	kept = hg_keep(&pool, text.data, text.size);
	hg_pool_free(&pool);
	return kept;
}
