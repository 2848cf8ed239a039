// SPDX-License-Identifier: Apache-2.0
#include "log.h"

#include <stdlib.h>

#include "bytes.h"
#include "error.h"

static const char spec_id[16] = "Spec ID Event03";
static const char locality[16] = "StartupLocality";

static int add_bank(struct att_log *log, uint16_t id, uint16_t size, struct att_error *err)
{
	const struct att_alg *alg = att_alg_by_id(id);
	unsigned int i;

	if (!size || size > ATT_HASH_MAX || (alg && alg->size != size))
		return att_fail(err, ATT_E_FORMAT,
				"Spec ID event: algorithm 0x%x with digests of %u bytes", id, size);
	for (i = 0; i < log->banks; i++)
		if (log->bank[i].id == id)
			return att_fail(err, ATT_E_FORMAT, "Spec ID event: algorithm 0x%x twice",
					id);
	log->bank[log->banks++] = (struct att_bank){ id, size, alg };
	return 0;
}

/* The event data of the first event, which says which banks there are. */
static int parse_spec_id(struct att_reader *r, struct att_log *log, struct att_error *err)
{
	const uint8_t *signature = att_read(r, sizeof(spec_id));
	uint32_t count, i;

	if (!signature || memcmp(signature, spec_id, sizeof(spec_id)))
		return att_fail(
			err, ATT_E_FORMAT,
			"the log does not begin with a Spec ID event of version 2.0 (a log of TPM 1.2's format?)");
	att_read(r, 4 + 1 + 1 + 1 + 1); /* class, minor, major, errata, uintn */
	count = att_read_u32(r);
	if (r->bad || !count || count > ATT_LOG_BANKS)
		return att_fail(err, ATT_E_FORMAT,
				"Spec ID event: %u algorithms, 1 to %u are allowed", count,
				ATT_LOG_BANKS);
	for (i = 0; i < count; i++) {
		uint16_t id = att_read_u16(r), size = att_read_u16(r);

		if (r->bad)
			break;
		if (add_bank(log, id, size, err))
			return -1;
	}
	att_read(r, att_read_u8(r)); /* vendor's information */
	if (r->bad || r->left)
		return att_fail(err, ATT_E_FORMAT,
				"Spec ID event: its size is not that of its contents");
	return 0;
}

/* The first event has the form of TPM 1.2's, whatever follows. */
static int parse_first(struct att_reader *r, struct att_log *log, struct att_error *err)
{
	uint32_t pcr = att_read_u32(r), type = att_read_u32(r), size;
	struct att_reader event;

	att_read(r, 20);
	size = att_read_u32(r);
	event.left = size;
	event.bad = false;
	event.next = att_read(r, size);
	if (r->bad)
		return att_fail(err, ATT_E_FORMAT, "the log ends inside its first event");
	if (pcr || type != EV_NO_ACTION)
		return att_fail(err, ATT_E_FORMAT, "the log does not begin with a Spec ID event");
	return parse_spec_id(&event, log, err);
}

/* One digest of each bank, in any order. */
static int parse_digests(struct att_reader *r, const struct att_log *log, struct att_event *e,
			 struct att_error *err)
{
	uint32_t count = att_read_u32(r), i;

	if (count != log->banks)
		return att_fail(err, ATT_E_FORMAT, "%u digests, but the log has %u banks", count,
				log->banks);
	for (i = 0; i < count; i++) {
		uint16_t id = att_read_u16(r);
		unsigned int b;

		for (b = 0; b < log->banks && log->bank[b].id != id; b++)
			;
		if (b == log->banks || e->digest[b])
			return att_fail(err, ATT_E_FORMAT, "a digest of algorithm 0x%x, %s", id,
					b == log->banks ? "which is no bank of the log" : "twice");
		e->digest[b] = att_read(r, log->bank[b].size);
		if (r->bad)
			return att_fail(err, ATT_E_FORMAT, "the log ends inside a digest");
	}
	return 0;
}

static int parse_event(struct att_reader *r, const struct att_log *log, struct att_event *e,
		       struct att_error *err)
{
	e->pcr = att_read_u32(r);
	e->type = att_read_u32(r);
	if (parse_digests(r, log, e, err))
		return -1;
	e->size = att_read_u32(r);
	e->data = att_read(r, e->size);
	if (r->bad)
		return att_fail(err, ATT_E_FORMAT, "the log ends inside the event");
	/* Some firmware notes events without an effect for PCR 0xffffffff. */
	if (e->pcr >= ATT_PCRS && !(e->pcr == 0xffffffff && e->type == EV_NO_ACTION))
		return att_fail(err, ATT_E_FORMAT, "PCR %u, there are %u", e->pcr, ATT_PCRS);
	return 0;
}

static int parse_events(struct att_reader *r, struct att_log *log, struct att_error *err)
{
	size_t room = 0;
	char at[40];

	while (r->left) {
		if (log->count == ATT_LOG_EVENTS)
			return att_fail(err, ATT_E_FORMAT, "more than %u events", ATT_LOG_EVENTS);
		if (log->count == room) {
			struct att_event *more;

			room = room ? room * 2 : 64;
			more = realloc(log->event, room * sizeof(*more));
			if (!more)
				return att_no_memory(err);
			log->event = more;
		}
		memset(&log->event[log->count], 0, sizeof(*log->event));
		snprintf(at, sizeof(at), "event %zu", log->count + 1);
		if (parse_event(r, log, &log->event[log->count], err))
			return att_prefix(err, at);
		log->count++;
	}
	return 0;
}

int att_log_parse(const uint8_t *data, size_t size, struct att_log *log, struct att_error *err)
{
	struct att_reader r = { data, size, false };

	memset(log, 0, sizeof(*log));
	if (size > ATT_LOG_MAX)
		return att_fail(err, ATT_E_FORMAT, "a log of %zu bytes, at most %u are allowed",
				size, ATT_LOG_MAX);
	if (parse_first(&r, log, err) || parse_events(&r, log, err)) {
		att_log_free(log);
		return -1;
	}
	return 0;
}

void att_log_free(struct att_log *log)
{
	free(log->event);
	memset(log, 0, sizeof(*log));
}

int att_log_bank(const struct att_log *log, const struct att_alg *alg)
{
	unsigned int b;

	for (b = 0; b < log->banks; b++)
		if (log->bank[b].id == alg->id)
			return (int)b;
	return -1;
}

/* TPM2_Startup from another locality: PCR 0 begins with its number. */
static bool is_locality(const struct att_event *e)
{
	return e->pcr == 0 && e->size == sizeof(locality) + 1 &&
	       !memcmp(e->data, locality, sizeof(locality));
}

int att_log_replay(const struct att_log *log, const struct att_alg *alg, uint32_t pcr,
		   uint8_t *value, size_t *events, struct att_error *err)
{
	int bank = att_log_bank(log, alg);
	size_t i;

	*events = 0;
	if (bank < 0)
		return att_fail(err, ATT_E_FORMAT, "the log has no digests of %s", alg->name);
	/* PCRs of dynamic launch (17 to 22) begin with ones. */
	memset(value, pcr >= 17 && pcr <= 22 ? 0xff : 0, alg->size);
	for (i = 0; i < log->count; i++) {
		const struct att_event *e = &log->event[i];

		if (e->pcr != pcr)
			continue;
		if (e->type == EV_NO_ACTION) {
			if (is_locality(e) && !*events)
				value[alg->size - 1] = e->data[sizeof(locality)];
			continue;
		}
		if (att_hash2(alg, value, alg->size, e->digest[bank], alg->size, value))
			return att_fail_crypto(err, alg->name);
		++*events;
	}
	return 0;
}
