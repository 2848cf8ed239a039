// SPDX-License-Identifier: Apache-2.0
#include "ini.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct state {
	const struct ini_reader *r;
	unsigned int line;
	char section[INI_SECTION_MAX + 1];
	char text[INI_LINE_MAX + 1]; /* of the line */
};

static struct ini_place place(const struct state *s, const char *at)
{
	return (struct ini_place){ s->line, (unsigned int)(at - s->text) + 1 };
}

static int wrong(const struct state *s, const char *at, const char *text)
{
	return s->r->wrong(s->r->ctx, place(s, at), text);
}

static char *trim(char *text)
{
	size_t n;

	text += strspn(text, " \t");
	for (n = strlen(text); n && strchr(" \t", text[n - 1]); n--)
		;
	text[n] = '\0';
	return text;
}

static int parse_section(struct state *s, char *line)
{
	char *end = strchr(line, ']');
	struct ini_item item = { .section = s->section, .at = place(s, line) };

	if (!end || end[1])
		return wrong(s, line, "a section is [NAME]");
	*end = '\0';
	if ((size_t)(end - line) > INI_SECTION_MAX)
		return wrong(s, line, "the name of a section is too long");
	snprintf(s->section, sizeof(s->section), "%s", line + 1);
	return s->r->item(s->r->ctx, &item);
}

static int parse_key(struct state *s, char *line)
{
	char *equals = strchr(line, '=');
	struct ini_item item = { .section = s->section, .at = place(s, line) };

	if (!equals)
		return wrong(s, line, "neither [SECTION] nor KEY = VALUE nor # comment");
	*equals = '\0';
	item.value = trim(equals + 1);
	item.value_at = place(s, item.value);
	item.key = trim(line);
	return s->r->item(s->r->ctx, &item);
}

static int parse_line(struct state *s, const char *at, size_t size)
{
	size_t i;
	char *line;

	if (size > INI_LINE_MAX)
		return wrong(s, s->text + INI_LINE_MAX, "a line of more than 1023 bytes");
	for (i = 0; i < size; i++)
		if (((unsigned char)at[i] < 0x20 && at[i] != '\t') || at[i] == 0x7f)
			return wrong(s, s->text + i, "a control character");
	memcpy(s->text, at, size);
	s->text[size] = '\0';
	line = trim(s->text);
	if (!*line || *line == '#')
		return 0;
	return *line == '[' ? parse_section(s, line) : parse_key(s, line);
}

int ini_parse(const struct ini_reader *r, const char *text, size_t size)
{
	struct state s = { .r = r };
	int ret = 0;

	while (size && !ret) {
		const char *end = memchr(text, '\n', size);
		size_t length = end ? (size_t)(end - text) : size;

		s.line++;
		ret = parse_line(&s, text, length);
		length += !!end;
		text += length;
		size -= length;
	}
	return ret;
}
