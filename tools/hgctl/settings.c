// SPDX-License-Identifier: Apache-2.0
#include "settings.h"

#include "../../attest/ini.h"
#include "vmm-say.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where the reading is. */
struct reading {
	struct settings *s;
	const char *name;
};

static int wrong(struct reading *r, struct ini_place at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static int wrong(struct reading *r, struct ini_place at, const char *fmt, ...)
{
	char text[384];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	snprintf(r->s->error, sizeof(r->s->error), "%.100s:%u:%u: %s", r->name, at.line, at.column,
		 text);
	return -1;
}

/* The sections, or the keys of one: for a message. */
static const char *list(const struct setting_rule *rules, const char *section, char *to,
			size_t size)
{
	size_t n = 0;

	to[0] = '\0';
	for (const struct setting_rule *k = rules; k->section && n < size; k++) {
		const char *word = section ? k->name : k->section;

		if (section ? strcmp(section, k->section) :
			      k > rules && !strcmp(k[-1].section, k->section))
			continue;
		n += (size_t)snprintf(to + n, size - n, "%s%s", n ? ", " : "", word);
	}
	return to;
}

static int bad_number(struct reading *r, const struct setting_rule *k, const struct ini_item *item)
{
	return wrong(r, item->value_at, "%s wants a number from %llu to %llu, not '%.40s'", k->name,
		     (unsigned long long)k->min, (unsigned long long)k->max, item->value);
}

static int check_number(struct reading *r, const struct setting_rule *k,
			const struct ini_item *item)
{
	const char *at = item->value;
	uint64_t n = 0;

	for (; *at >= '0' && *at <= '9' && at - item->value < 12; at++)
		n = n * 10 + (uint64_t)(*at - '0');
	return at == item->value || *at || n < k->min || n > k->max ? bad_number(r, k, item) : 0;
}

static int check_choice(struct reading *r, const struct setting_rule *k,
			const struct ini_item *item, const char *allowed)
{
	size_t n = strlen(item->value);

	for (const char *at = allowed; at; at = strchr(at, '|') ? strchr(at, '|') + 1 : NULL)
		if (n && !strncmp(at, item->value, n) && (at[n] == '|' || !at[n]))
			return 0;
	return wrong(r, item->value_at, "%s wants one of %s, not '%.40s'", k->name, allowed,
		     item->value);
}

/* What hgvmm opens must not depend on the folder that it happens to be started in. */
static bool all_absolute(const char *value)
{
	static const char *const names[] = { "path=", "socket=" };

	for (const char *at = value; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
		for (size_t i = 0; i < 2; i++)
			if (!strncmp(at, names[i], strlen(names[i])) && at[strlen(names[i])] != '/')
				return false;
	return true;
}

/* hgvmm's own parser knows what it takes. */
static int check_vmm(struct reading *r, const struct setting_rule *k, const struct ini_item *item)
{
	char why[256];

	if (!all_absolute(item->value))
		return wrong(r, item->value_at, "%s wants absolute paths, not '%.80s'", k->name,
			     item->value);
	if (vmm_takes(k->allowed, item->value, why, sizeof(why)))
		return 0;
	return wrong(r, item->value_at, "%s: %s", k->name, why);
}

static int check(struct reading *r, const struct setting_rule *k, const struct ini_item *item)
{
	if (k->kind != S_ANY && !*item->value)
		return wrong(r, item->value_at, "%s has no value", k->name);
	switch (k->kind) {
	case S_NUMBER:
		return check_number(r, k, item);
	case S_BOOL:
		return check_choice(r, k, item, "yes|no");
	case S_CHOICE:
		return check_choice(r, k, item, k->allowed);
	case S_VMM:
		return check_vmm(r, k, item);
	case S_PATH:
		if (*item->value != '/')
			return wrong(r, item->value_at, "%s wants an absolute path, not '%.80s'",
				     k->name, item->value);
		return 0;
	default:
		return 0;
	}
}

static int take_section(struct reading *r, const struct ini_item *item)
{
	char all[128];

	for (const struct setting_rule *k = r->s->rules; k->section; k++)
		if (!strcmp(k->section, item->section))
			return 0;
	return wrong(r, item->at, "there is no section [%.31s]; there are: %s", item->section,
		     list(r->s->rules, NULL, all, sizeof(all)));
}

static const struct setting_rule *find_rule(const struct setting_rule *k, const char *section,
					    const char *name)
{
	for (; k->section; k++)
		if (!strcmp(k->section, section) && !strcmp(k->name, name))
			return k;
	return NULL;
}

static int keep(struct reading *r, const struct setting_rule *k, const struct ini_item *item)
{
	struct settings *s = r->s;
	struct setting *grown = reallocarray(s->item, s->count + 1, sizeof(*grown));

	if (!grown)
		return wrong(r, item->at, "out of memory");
	s->item = grown;
	s->item[s->count] = (struct setting){ k, strdup(item->value), item->at.line };
	if (!s->item[s->count].value)
		return wrong(r, item->at, "out of memory");
	s->count++;
	return 0;
}

static int take(void *ctx, const struct ini_item *item)
{
	struct reading *r = ctx;
	const struct setting_rule *k;
	unsigned int times = 0, first = 0;
	char all[256];

	if (!item->key)
		return take_section(r, item);
	if (!*item->section)
		return wrong(r, item->at, "'%.40s' stands before the first [SECTION]", item->key);
	k = find_rule(r->s->rules, item->section, item->key);
	if (!k)
		return wrong(r, item->at, "[%s] has no key '%.40s'; it has: %s", item->section,
			     item->key, list(r->s->rules, item->section, all, sizeof(all)));
	for (size_t i = 0; i < r->s->count; i++)
		if (r->s->item[i].rule == k && !times++)
			first = r->s->item[i].line;
	if (times >= k->most && k->most == 1)
		return wrong(r, item->at, "%s is there twice, first in line %u", k->name, first);
	if (times >= k->most)
		return wrong(r, item->at, "%s is there more than %u times", k->name, k->most);
	if (check(r, k, item))
		return -1;
	return keep(r, k, item);
}

static int fault(void *ctx, struct ini_place at, const char *text)
{
	return wrong(ctx, at, "%s", text);
}

int settings_parse(struct settings *s, const char *name, const char *text, size_t size)
{
	struct reading r = { s, name };
	const struct ini_reader reader = { .item = take, .wrong = fault, .ctx = &r };

	return ini_parse(&reader, text, size);
}

int settings_read(struct settings *s, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), ret = -1;
	char *text = malloc(INI_FILE_MAX + 1);
	size_t size = 0;
	ssize_t n = -1;

	if (fd < 0)
		ret = errno == ENOENT ? -ENOENT : -1;
	while (fd >= 0 && text && size <= INI_FILE_MAX &&
	       (n = read(fd, text + size, INI_FILE_MAX + 1 - size)) > 0)
		size += (size_t)n;
	if (fd < 0 || !text || n < 0)
		snprintf(s->error, sizeof(s->error), "%.300s: %s", path, strerror(errno));
	else if (size > INI_FILE_MAX)
		snprintf(s->error, sizeof(s->error), "%.300s: larger than %u bytes", path,
			 INI_FILE_MAX);
	else
		ret = settings_parse(s, path, text, size);
	if (fd >= 0)
		close(fd);
	free(text);
	return ret;
}

void settings_free(struct settings *s)
{
	for (size_t i = 0; i < s->count; i++)
		free(s->item[i].value);
	free(s->item);
	s->item = NULL;
	s->count = 0;
}

const struct setting *settings_find(const struct settings *s, const struct setting_rule *rule)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->item[i].rule == rule)
			return &s->item[i];
	return NULL;
}

const char *settings_get(const struct settings *s, const char *section, const char *name)
{
	const struct setting_rule *k = find_rule(s->rules, section, name);
	const struct setting *item = k ? settings_find(s, k) : NULL;

	return item ? item->value : k ? k->usual : NULL;
}

bool settings_yes(const struct settings *s, const char *section, const char *name)
{
	const char *value = settings_get(s, section, name);

	return value && !strcmp(value, "yes");
}

uint64_t settings_number(const struct settings *s, const char *section, const char *name)
{
	const char *value = settings_get(s, section, name);

	return value ? strtoull(value, NULL, 10) : 0;
}
