/* SPDX-License-Identifier: Apache-2.0 */
/* What L0 measured of itself: the events of its own log, in PCR 13. */
#ifndef ATT_L0_H
#define ATT_L0_H

#include "log.h"
#include "report.h"

#define ATT_L0_PCR	   13u
#define ATT_TAG_L0	   0x48470001u
#define ATT_TAG_REPORT_KEY 0x48470002u
#define ATT_TAG_UNLOADED   0x48470003u

struct att_l0 {
	char version[33];
	uint8_t build_id[32];
	char srcversion[33];
	uint32_t sig_alg; /* ATT_SIG_*, of the report key */
	uint8_t boot_id[32];
	uint8_t key[ATT_KEY_MAX]; /* X || Y */
	size_t key_size;
};

/*
 * Exactly one L0 event, then one report key event, in PCR 13 and nothing else,
 * each digest being that of its event. ATT_E_FORMAT: malformed;
 * ATT_E_REFUSED: well-formed, but not this.
 */
int att_l0_parse(const struct att_log *log, struct att_l0 *l0, struct att_error *err);

#endif
