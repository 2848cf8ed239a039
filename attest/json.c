// SPDX-License-Identifier: Apache-2.0
#include "json.h"

#include <stdlib.h>

#include "bytes.h"
#include "error.h"

json_t *att_json_parse(const char *text, size_t size, size_t max, struct att_error *err)
{
	json_error_t why;
	json_t *obj;

	if (size > max) {
		att_fail(err, ATT_E_FORMAT, "%zu bytes of JSON, at most %zu are allowed", size,
			 max);
		return NULL;
	}
	obj = json_loadb(text, size, JSON_REJECT_DUPLICATES, &why);
	if (!obj)
		att_fail(err, ATT_E_FORMAT, "not JSON: line %d: %s", why.line, why.text);
	else if (!json_is_object(obj))
		att_fail(err, ATT_E_FORMAT, "JSON, but not an object");
	else
		return obj;
	json_decref(obj);
	return NULL;
}

int att_json_only(const json_t *obj, const char *const *names, const char *what,
		  struct att_error *err)
{
	const char *key;
	json_t *value;

	if (!json_is_object(obj))
		return att_fail(err, ATT_E_FORMAT, "%s: not an object", what);
	json_object_foreach((json_t *)obj, key, value) {
		size_t i;

		for (i = 0; names[i] && strcmp(names[i], key); i++)
			;
		if (!names[i])
			return att_fail(err, ATT_E_FORMAT, "%s: unknown member \"%.40s\"", what,
					key);
	}
	return 0;
}

int att_json_version(const json_t *obj, const char *what, struct att_error *err)
{
	const json_t *v = json_object_get(obj, "version");

	if (!json_is_integer(v) || json_integer_value(v) != 1)
		return att_fail(err, ATT_E_FORMAT, "%s: \"version\" is not 1", what);
	return 0;
}

int att_json_string(const json_t *obj, const char *name, bool required, const char **text,
		    struct att_error *err)
{
	const json_t *v = json_object_get(obj, name);
	const char *p;

	*text = NULL;
	if (!v && !required)
		return 0;
	if (!v)
		return att_fail(err, ATT_E_FORMAT, "\"%s\" is missing", name);
	if (!json_is_string(v))
		return att_fail(err, ATT_E_FORMAT, "\"%s\" is not a string", name);
	for (p = json_string_value(v); *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return att_fail(err, ATT_E_FORMAT, "\"%s\" has control characters", name);
	*text = json_string_value(v);
	return 0;
}

int att_json_bytes(const json_t *obj, const char *name, size_t max, bool required,
		   struct att_bytes *b, struct att_error *err)
{
	const char *text;

	b->data = NULL;
	b->size = 0;
	if (att_json_string(obj, name, required, &text, err))
		return -1;
	if (!text)
		return 0;
	if (!*text)
		return att_fail(err, ATT_E_FORMAT, "\"%s\" is empty", name);
	return att_unbase64(text, strlen(text), max, b, name, err);
}

int att_json_hex(const json_t *obj, const char *name, uint8_t *to, size_t size,
		 struct att_error *err)
{
	const char *text;

	if (att_json_string(obj, name, true, &text, err))
		return -1;
	if (att_unhex(text, to, size) != (int)size)
		return att_fail(err, ATT_E_FORMAT, "\"%s\" is not %zu hexadecimal digits", name,
				2 * size);
	return 0;
}

int att_json_uint(const json_t *obj, const char *name, uint64_t max, uint64_t *value,
		  struct att_error *err)
{
	const json_t *v = json_object_get(obj, name);

	if (!json_is_integer(v) || json_integer_value(v) < 0 ||
	    (uint64_t)json_integer_value(v) > max)
		return att_fail(err, ATT_E_FORMAT, "\"%s\" is not an integer from 0 to %llu", name,
				(unsigned long long)max);
	*value = (uint64_t)json_integer_value(v);
	return 0;
}

int att_json_bool(const json_t *obj, const char *name, bool *value, struct att_error *err)
{
	const json_t *v = json_object_get(obj, name);

	if (v && !json_is_boolean(v))
		return att_fail(err, ATT_E_FORMAT, "\"%s\" is neither true nor false", name);
	if (v)
		*value = json_is_true(v);
	return 0;
}

int att_json_set_bytes(json_t *obj, const char *name, const struct att_bytes *b)
{
	char *text;
	int ret;

	if (!b->size)
		return 0;
	text = att_base64(b->data, b->size);
	if (!text)
		return -1;
	ret = json_object_set_new(obj, name, json_string(text));
	free(text);
	return ret;
}

int att_json_set_hex(json_t *obj, const char *name, const uint8_t *data, size_t size)
{
	char text[2 * 128 + 1];

	if (size > 128)
		return -1;
	att_hex(data, size, text);
	return json_object_set_new(obj, name, json_string(text));
}

char *att_json_text(json_t *obj)
{
	char *text = obj ? json_dumps(obj, JSON_INDENT(2)) : NULL, *line = NULL;
	size_t size = text ? strlen(text) : 0;

	json_decref(obj);
	if (text)
		line = malloc(size + 2);
	if (line) {
		memcpy(line, text, size);
		memcpy(line + size, "\n", 2);
	}
	free(text);
	return line;
}
