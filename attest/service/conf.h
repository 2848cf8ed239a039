/* SPDX-License-Identifier: Apache-2.0 */
/* hgverifyd's configuration file: sections, KEY = VALUE, comments after #. */
#ifndef HG_CONFIG_H
#define HG_CONFIG_H

#include "attest.h"

#define CONFIG_ADMINS_MAX 16u

struct config {
	/* [server] */
	char *listen; /* ADDRESS:PORT, [ADDRESS]:PORT */
	char *certificate, *key; /* PEM */
	char *client_ca; /* PEM; NULL: clients have no certificates */
	bool client_required;
	char *user; /* NULL: stays who it is */
	bool sandbox;
	uint64_t workers; /* 0: one a processor */
	bool metrics;
	/* [limits] */
	uint64_t connections, connections_per_address;
	uint64_t appraisals; /* at a time; 0: as many as workers */
	uint64_t body_memory; /* bytes, of all requests that are under way */
	uint64_t body; /* bytes, of one */
	uint64_t rate, burst; /* requests a second of one address */
	uint64_t identity_rate, identity_burst; /* and of one certificate */
	/* Seconds: */
	uint64_t handshake_timeout, header_timeout, body_timeout, idle_timeout, write_timeout;
	uint64_t challenges, challenges_per_address;
	/* [verify] */
	char *database;
	char *ear_key; /* PEM */
	char *secrets_key;
	char *policy; /* when a request names none */
	uint64_t challenge_lifetime; /* s */
	bool development; /* policies for development are not refused */
	/* [enrol] */
	bool enrol;
	char *roots; /* PEM */
	char *crls; /* PEM; NULL: nobody looks whether an EK certificate was revoked */
	uint8_t admin[CONFIG_ADMINS_MAX][32]; /* SHA-256 of client certificates */
	size_t admins;
	/* [audit] */
	char *audit;
};

/* Defaults; everything else empty. */
void config_init(struct config *c);
/* ATT_E_FORMAT: "NAME:LINE: ...". @c must have been initialised. */
int config_parse(struct config *c, const char *name, const char *text, size_t size,
		 struct att_error *err);
int config_read(struct config *c, const char *path, struct att_error *err);
/* What `serve` cannot do without. */
int config_check(const struct config *c, const char *name, struct att_error *err);
void config_free(struct config *c);

#endif
