/* SPDX-License-Identifier: Apache-2.0 */
/* Strict reading of JSON: known members only, each once, of the right type. */
#ifndef ATT_JSON_H
#define ATT_JSON_H

#include <jansson.h>

#include "attest.h"

/* An object and nothing behind it. ATT_E_FORMAT. The caller calls json_decref(). */
json_t *att_json_parse(const char *text, size_t size, size_t max, struct att_error *err);
/* @names ends with NULL. Messages begin with @what. */
int att_json_only(const json_t *obj, const char *const *names, const char *what,
		  struct att_error *err);
/* The member "version" is the integer 1. */
int att_json_version(const json_t *obj, const char *what, struct att_error *err);

/* Members of @obj. One that is absent is an error only if it is @required. */
int att_json_bytes(const json_t *obj, const char *name, size_t max, bool required,
		   struct att_bytes *b, struct att_error *err);
/* A string without control characters; NULL when absent. */
int att_json_string(const json_t *obj, const char *name, bool required, const char **text,
		    struct att_error *err);
/* Hexadecimal digits for exactly @size bytes. Must be there. */
int att_json_hex(const json_t *obj, const char *name, uint8_t *to, size_t size,
		 struct att_error *err);
/* 0 to @max. Must be there. */
int att_json_uint(const json_t *obj, const char *name, uint64_t max, uint64_t *value,
		  struct att_error *err);
int att_json_bool(const json_t *obj, const char *name, bool *value, struct att_error *err);

/* Nothing is set if @b is empty. -1 without memory. */
int att_json_set_bytes(json_t *obj, const char *name, const struct att_bytes *b);
int att_json_set_hex(json_t *obj, const char *name, const uint8_t *data, size_t size);
/* json_dumps(), indented, with a newline; takes the reference. NULL without memory. */
char *att_json_text(json_t *obj);

#endif
