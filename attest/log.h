/* SPDX-License-Identifier: Apache-2.0 */
/* Event logs in the TCG's crypto-agile format: the firmware's, and L0's own. */
#ifndef ATT_LOG_H
#define ATT_LOG_H

#include "alg.h"
#include "attest.h"

#define ATT_LOG_MAX    (2u << 20)
#define ATT_LOG_EVENTS 16384u
#define ATT_LOG_BANKS  8u
#define ATT_PCRS       24u

#define EV_NO_ACTION   3u
#define EV_EVENT_TAG   6u

struct att_bank {
	uint16_t id, size;
	const struct att_alg *alg; /* NULL: not one that this library computes */
};

struct att_event {
	uint32_t pcr, type;
	const uint8_t *digest[ATT_LOG_BANKS]; /* by index of att_log's bank[] */
	const uint8_t *data;
	size_t size;
};

/* Points into the bytes it was parsed from, which must stay. */
struct att_log {
	struct att_bank bank[ATT_LOG_BANKS];
	unsigned int banks;
	struct att_event *event; /* without the Spec ID event */
	size_t count;
};

/* ATT_E_FORMAT, ATT_E_MEMORY. On success the caller calls att_log_free(). */
int att_log_parse(const uint8_t *data, size_t size, struct att_log *log, struct att_error *err);
void att_log_free(struct att_log *log);

/* -> index of the bank in the log, or -1. */
int att_log_bank(const struct att_log *log, const struct att_alg *alg);

/*
 * The PCR's value after all events. @events counts those that extend it.
 * ATT_E_FORMAT: the log has no such bank.
 */
int att_log_replay(const struct att_log *log, const struct att_alg *alg, uint32_t pcr,
		   uint8_t *value, size_t *events, struct att_error *err);

#endif
