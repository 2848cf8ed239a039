/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configuration files: what hypergpu.conf and the definition of a VM say, each checked
 * against a table of the keys that there are. hypergpu.conf(5) describes both.
 */
#ifndef HGCTL_SETTINGS_H
#define HGCTL_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum setting_kind {
	S_TEXT,		/* not empty */
	S_ANY,		/* may be empty, too */
	S_PATH,		/* absolute */
	S_BOOL,		/* yes or no */
	S_NUMBER,	/* decimal, min to max */
	S_CHOICE,	/* one of `allowed`, with | between them */
	S_VMM,		/* what hgvmm takes as its option `allowed` */
};

struct setting_rule {
	const char *section, *name;
	enum setting_kind kind;
	unsigned int most;	/* how often it may be there */
	uint64_t min, max;
	const char *allowed;
	const char *usual;	/* when it is not there; NULL: nothing */
};

struct setting {
	const struct setting_rule *rule;
	char *value;
	unsigned int line;
};

struct settings {
	const struct setting_rule *rules;	/* ends with a section that is NULL */
	struct setting *item;
	size_t count;
	char error[512];	/* "FILE:LINE:COLUMN: what is wrong and what is allowed" */
};

extern const struct setting_rule conf_rules[];	/* hypergpu.conf */
extern const struct setting_rule vm_rules[];	/* a VM */

/*
 * Reads @size bytes of @text, which messages call @name. 0, or -1 with @s->error set; free
 * @s in any case. @s->rules is the caller's, all else begins as zeros.
 */
int settings_parse(struct settings *s, const char *name, const char *text, size_t size);

/* The same of a file. -ENOENT and @s->error when there is none, -1 for all else. */
int settings_read(struct settings *s, const char *path);
void settings_free(struct settings *s);

/* The value, or what it is when the file does not say; NULL when that is nothing. */
const char *settings_get(const struct settings *s, const char *section, const char *name);
bool settings_yes(const struct settings *s, const char *section, const char *name);
uint64_t settings_number(const struct settings *s, const char *section, const char *name);

/* The item that says it; NULL when none does. */
const struct setting *settings_find(const struct settings *s, const struct setting_rule *rule);

#endif /* HGCTL_SETTINGS_H */
