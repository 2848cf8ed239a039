/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was booted, event by event. Only an event's PCR and its digests are
 * bound to the quote: neither its type nor its data in the log are believed.
 */
#ifndef ATT_BOOT_H
#define ATT_BOOT_H

#include <jansson.h>

#include "log.h"

#define ATT_BOOT_EVENTS 256u /* of one entry */
#define ATT_BOOT_BANKS	4u

struct att_ref_event {
	uint32_t pcr;
	char name[33];
	bool separator; /* its digest is known without a reference */
	struct {
		const struct att_alg *bank;
		uint8_t value[ATT_HASH_MAX];
	} digest[ATT_BOOT_BANKS];
	unsigned int digests;
};

/* One accepted course of events: all of it, in this order in each PCR, and nothing else. */
struct att_ref_boot {
	char name[33];
	struct att_ref_event *event;
	size_t events;
	uint32_t pcrs; /* of which it tells */
};

/* The member "boot" of reference values: more entries of @list. What was added stays on failure. */
int att_boot_parse(const json_t *ref, struct att_ref_boot **list, size_t *count,
		   struct att_error *err);
/* Takes entries off the end, until @keep are left. */
void att_boot_drop(struct att_ref_boot *list, size_t *count, size_t keep);

/* What came of one PCR. */
struct att_boot_finding {
	bool fits; /* then @found says what, and the others are empty */
	char expected[320], found[320], cause[160];
};

/*
 * Appraises the events of @pcr, which must have been replayed, by the entry
 * that fits best among those that tell of this PCR. @pcrs are all that are
 * appraised so: an entry must fit in each of them.
 */
void att_boot_appraise(const struct att_log *log, const struct att_alg *bank,
		       const struct att_ref_boot *list, size_t count, uint32_t pcrs, uint32_t pcr,
		       struct att_boot_finding *finding);

/* The TCG's name of an event type; NULL if it is none that is known here. */
const char *att_event_type(uint32_t type);

#endif
