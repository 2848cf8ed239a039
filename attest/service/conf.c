// SPDX-License-Identifier: Apache-2.0
#include "conf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include "bytes.h"
#include "error.h"
#include "ini.h"

#define CFG(field) offsetof(struct config, field)

enum kind { K_TEXT, K_BOOL, K_NUMBER, K_ADMIN, K_CLIENTS };

static const struct key {
	const char *section, *name;
	enum kind kind;
	size_t offset;
	uint64_t min, max, usual;
} keys[] = {
	{ "server", "listen", K_TEXT, CFG(listen), 0, 0, 0 },
	{ "server", "certificate", K_TEXT, CFG(certificate), 0, 0, 0 },
	{ "server", "key", K_TEXT, CFG(key), 0, 0, 0 },
	{ "server", "client_ca", K_TEXT, CFG(client_ca), 0, 0, 0 },
	{ "server", "client_certificate", K_CLIENTS, CFG(client_required), 0, 0, 0 },
	{ "server", "user", K_TEXT, CFG(user), 0, 0, 0 },
	{ "server", "sandbox", K_BOOL, CFG(sandbox), 0, 0, 1 },
	{ "server", "workers", K_NUMBER, CFG(workers), 0, 256, 0 },
	{ "server", "metrics", K_BOOL, CFG(metrics), 0, 0, 1 },
	{ "limits", "connections", K_NUMBER, CFG(connections), 1, 65536, 256 },
	{ "limits", "connections_per_address", K_NUMBER, CFG(connections_per_address), 1, 65536,
	  64 },
	{ "limits", "appraisals", K_NUMBER, CFG(appraisals), 0, 256, 0 },
	{ "limits", "body", K_NUMBER, CFG(body), 1024, ATT_EVIDENCE_MAX + 4096,
	  ATT_EVIDENCE_MAX + 4096 },
	{ "limits", "body_memory", K_NUMBER, CFG(body_memory), 1u << 20, 1ull << 36, 128u << 20 },
	{ "limits", "rate", K_NUMBER, CFG(rate), 1, 1000000, 20 },
	{ "limits", "burst", K_NUMBER, CFG(burst), 1, 1000000, 100 },
	{ "limits", "identity_rate", K_NUMBER, CFG(identity_rate), 1, 1000000, 20 },
	{ "limits", "identity_burst", K_NUMBER, CFG(identity_burst), 1, 1000000, 100 },
	{ "limits", "handshake_timeout", K_NUMBER, CFG(handshake_timeout), 1, 3600, 10 },
	{ "limits", "header_timeout", K_NUMBER, CFG(header_timeout), 1, 3600, 10 },
	{ "limits", "body_timeout", K_NUMBER, CFG(body_timeout), 1, 3600, 30 },
	{ "limits", "idle_timeout", K_NUMBER, CFG(idle_timeout), 1, 3600, 60 },
	{ "limits", "write_timeout", K_NUMBER, CFG(write_timeout), 1, 3600, 30 },
	{ "limits", "challenges", K_NUMBER, CFG(challenges), 1, 1u << 20, 4096 },
	{ "limits", "challenges_per_address", K_NUMBER, CFG(challenges_per_address), 1, 1u << 20,
	  256 },
	{ "verify", "database", K_TEXT, CFG(database), 0, 0, 0 },
	{ "verify", "ear_key", K_TEXT, CFG(ear_key), 0, 0, 0 },
	{ "verify", "secrets_key", K_TEXT, CFG(secrets_key), 0, 0, 0 },
	{ "verify", "policy", K_TEXT, CFG(policy), 0, 0, 0 },
	{ "verify", "challenge_lifetime", K_NUMBER, CFG(challenge_lifetime), 1, 86400, 300 },
	{ "verify", "development", K_BOOL, CFG(development), 0, 0, 0 },
	{ "enrol", "enabled", K_BOOL, CFG(enrol), 0, 0, 0 },
	{ "enrol", "roots", K_TEXT, CFG(roots), 0, 0, 0 },
	{ "enrol", "crls", K_TEXT, CFG(crls), 0, 0, 0 },
	{ "enrol", "admin", K_ADMIN, 0, 0, 0, 0 },
	{ "audit", "file", K_TEXT, CFG(audit), 0, 0, 0 },
};

/* Where the parser is, for its messages. */
struct place {
	const char *name;
	unsigned int line;
	struct config *config;
	bool seen[ARRAY_SIZE(keys)];
	struct att_error *err;
};

static void *member(struct config *c, const struct key *k)
{
	return (char *)c + k->offset;
}

void config_init(struct config *c)
{
	size_t i;

	memset(c, 0, sizeof(*c));
	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		if (keys[i].kind == K_NUMBER)
			*(uint64_t *)member(c, &keys[i]) = keys[i].usual;
		else if (keys[i].kind == K_BOOL)
			*(bool *)member(c, &keys[i]) = keys[i].usual;
	}
}

void config_free(struct config *c)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(keys); i++)
		if (keys[i].kind == K_TEXT)
			free(*(char **)member(c, &keys[i]));
	memset(c, 0, sizeof(*c));
}

__attribute__((format(printf, 2, 3))) static int wrong(struct place *p, const char *fmt, ...)
{
	char text[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return att_fail(p->err, ATT_E_FORMAT, "%s:%u: %s", p->name, p->line, text);
}

static int set_number(struct place *p, const struct key *k, const char *value, uint64_t *to)
{
	uint64_t n = 0;
	const char *at;

	for (at = value; *at >= '0' && *at <= '9' && at - value < 12; at++)
		n = n * 10 + (uint64_t)(*at - '0');
	if (at == value || *at || n < k->min || n > k->max)
		return wrong(p, "%s wants a number from %llu to %llu, not '%.40s'", k->name,
			     (unsigned long long)k->min, (unsigned long long)k->max, value);
	*to = n;
	return 0;
}

static int set_choice(struct place *p, const struct key *k, const char *value, const char *yes,
		      const char *no, bool *to)
{
	if (strcmp(value, yes) && strcmp(value, no))
		return wrong(p, "%s wants %s or %s, not '%.40s'", k->name, yes, no, value);
	*to = !strcmp(value, yes);
	return 0;
}

static int set_text(struct place *p, const struct key *k, const char *value, char **to)
{
	if (!*value)
		return wrong(p, "%s has no value", k->name);
	free(*to);
	*to = strdup(value);
	return *to ? 0 : att_no_memory(p->err);
}

/* As `openssl x509 -fingerprint -sha256` prints it, with or without colons. */
static int add_admin(struct place *p, struct config *c, const char *value)
{
	char hex[65];
	size_t n = 0;

	if (c->admins == CONFIG_ADMINS_MAX)
		return wrong(p, "more than %u admins", CONFIG_ADMINS_MAX);
	for (; *value && n < sizeof(hex) - 1; value++)
		if (*value != ':')
			hex[n++] = *value;
	hex[n] = '\0';
	if (*value || att_unhex(hex, c->admin[c->admins], 32) != 32)
		return wrong(p, "admin wants the SHA-256 of a certificate, 64 hexadecimal digits");
	c->admins++;
	return 0;
}

static int set(struct place *p, struct config *c, const struct key *k, const char *value)
{
	switch (k->kind) {
	case K_NUMBER:
		return set_number(p, k, value, member(c, k));
	case K_BOOL:
		return set_choice(p, k, value, "yes", "no", member(c, k));
	case K_CLIENTS:
		return set_choice(p, k, value, "required", "optional", member(c, k));
	case K_ADMIN:
		return add_admin(p, c, value);
	default:
		return set_text(p, k, value, member(c, k));
	}
}

static int take_section(struct place *p, const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(keys); i++)
		if (!strcmp(keys[i].section, name))
			return 0;
	return wrong(p, "there is no section [%.40s]", name);
}

static int take_item(void *ctx, const struct ini_item *item)
{
	struct place *p = ctx;
	size_t i;

	p->line = item->at.line;
	if (!item->key)
		return take_section(p, item->section);
	for (i = 0; i < ARRAY_SIZE(keys); i++)
		if (!strcmp(keys[i].section, item->section) && !strcmp(keys[i].name, item->key))
			break;
	if (i == ARRAY_SIZE(keys))
		return wrong(p, "[%s] has no key '%.40s'", item->section, item->key);
	if (p->seen[i] && keys[i].kind != K_ADMIN)
		return wrong(p, "%s is there twice", item->key);
	p->seen[i] = true;
	return set(p, p->config, &keys[i], item->value);
}

static int take_fault(void *ctx, struct ini_place at, const char *text)
{
	struct place *p = ctx;

	p->line = at.line;
	return wrong(p, "%s", text);
}

int config_parse(struct config *c, const char *name, const char *text, size_t size,
		 struct att_error *err)
{
	struct place p = { .name = name, .config = c, .err = err };
	const struct ini_reader r = { .item = take_item, .wrong = take_fault, .ctx = &p };

	return ini_parse(&r, text, size);
}

int config_read(struct config *c, const char *path, struct att_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), ret = -1;
	char *text = malloc(INI_FILE_MAX + 1);
	size_t size = 0;
	ssize_t n = -1;

	if (fd >= 0 && text) {
		while (size <= INI_FILE_MAX &&
		       (n = read(fd, text + size, INI_FILE_MAX + 1 - size)) > 0)
			size += (size_t)n;
	}
	if (fd < 0 || !text || n < 0)
		att_fail(err, ATT_E_IO, "%s: %s", path, strerror(errno));
	else if (size > INI_FILE_MAX)
		att_fail(err, ATT_E_FORMAT, "%s: larger than %u bytes", path, INI_FILE_MAX);
	else
		ret = config_parse(c, path, text, size, err);
	if (fd >= 0)
		close(fd);
	free(text);
	return ret;
}

int config_check(const struct config *c, const char *name, struct att_error *err)
{
	const struct {
		const char *name, *value;
	} needed[] = {
		{ "[server] listen", c->listen },   { "[server] certificate", c->certificate },
		{ "[server] key", c->key },	    { "[verify] database", c->database },
		{ "[verify] ear_key", c->ear_key }, { "[audit] file", c->audit },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(needed); i++)
		if (!needed[i].value)
			return att_fail(err, ATT_E_FORMAT, "%s: %s is missing", name,
					needed[i].name);
	if (c->enrol && !c->roots)
		return att_fail(err, ATT_E_FORMAT,
				"%s: [enrol] enabled wants roots, the TPM vendors' certificates",
				name);
	if ((c->client_required || c->admins) && !c->client_ca)
		return att_fail(
			err, ATT_E_FORMAT,
			"%s: clients' certificates are asked for, but [server] client_ca is missing",
			name);
	if (c->body > c->body_memory)
		return att_fail(err, ATT_E_FORMAT, "%s: [limits] body is more than body_memory",
				name);
	return 0;
}
