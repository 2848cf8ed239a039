// SPDX-License-Identifier: Apache-2.0
/* Standard input's tokens, one a line, without directives: to compare two texts. */
#include <stdio.h>
#include <stdlib.h>

#include "lex.h"

int main(void)
{
	static char text[64 << 20];
	static struct hg_pool pool;
	struct hg_source_error err;
	struct hg_lexer l;
	struct hg_token t;

	hg_pool_init(&pool, 0, &err);
	if (setjmp(pool.failed)) {
		fprintf(stderr, "tokens: %s\n", err.text);
		return 1;
	}
	hg_lex_open(&pool, &l, text, fread(text, 1, sizeof(text), stdin), "input");
	for (;;) {
		hg_lex(&l, &t);
		if (t.kind == HG_END)
			break;
		if (hg_is(&t, '#') && (t.flags & HG_FIRST))
			hg_lex_skip_line(&l);
		else if (t.kind != HG_NEWLINE)
			printf("%.*s\n", (int)t.size, t.text);
	}
	hg_pool_free(&pool);
	return 0;
}
