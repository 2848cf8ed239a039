// SPDX-License-Identifier: Apache-2.0
#include "boot.h"

#include <stdlib.h>

#include "bytes.h"
#include "error.h"
#include "json.h"

#define BOOT_ENTRIES 256u

/* ---- Reference values ---- */

static int parse_digest(const char *name, const json_t *v, struct att_ref_event *e,
			struct att_error *err)
{
	const struct att_alg *bank = att_alg_by_name(name);
	const char *text = json_string_value(v);

	if (!bank || bank->size < 32 || e->digests == ATT_BOOT_BANKS)
		return att_fail(err, ATT_E_FORMAT,
				"\"boot\": \"%.32s\" is not a member of an event", name);
	if (!text || att_unhex(text, e->digest[e->digests].value, bank->size) != bank->size)
		return att_fail(err, ATT_E_FORMAT, "\"boot\": \"%s\" is not %u hexadecimal digits",
				name, 2u * bank->size);
	e->digest[e->digests++].bank = bank;
	return 0;
}

static int parse_name(const json_t *obj, const char *member, char to[33], struct att_error *err)
{
	const char *text;

	if (att_json_string(obj, member, true, &text, err))
		return -1;
	if (!*text || strlen(text) > 32)
		return att_fail(err, ATT_E_FORMAT, "\"%s\" is not 1 to 32 bytes", member);
	memcpy(to, text, strlen(text) + 1);
	return 0;
}

static int parse_event(const json_t *obj, struct att_ref_event *e, struct att_error *err)
{
	uint64_t pcr;
	const char *key;
	json_t *v;

	if (!json_is_object(obj))
		return att_fail(err, ATT_E_FORMAT, "\"boot\": an event is not an object");
	if (att_json_uint(obj, "pcr", ATT_PCRS - 1, &pcr, err) ||
	    parse_name(obj, "event", e->name, err))
		return -1;
	e->pcr = (uint32_t)pcr;
	e->separator = !strcmp(e->name, "separator");
	json_object_foreach((json_t *)obj, key, v)
		if (strcmp(key, "pcr") && strcmp(key, "event") && parse_digest(key, v, e, err))
			return -1;
	if (e->separator && (e->digests || e->pcr > 7))
		return att_fail(
			err, ATT_E_FORMAT,
			"\"boot\": a separator is in one of PCR 0 to 7, and has no digests");
	if (!e->separator && !e->digests)
		return att_fail(err, ATT_E_FORMAT, "\"boot\": event \"%s\" has no digest", e->name);
	return 0;
}

static int parse_events(const json_t *obj, struct att_ref_boot *boot, struct att_error *err)
{
	const json_t *list = json_object_get(obj, "events");
	size_t n = json_array_size(list), i;

	if (!n || n > ATT_BOOT_EVENTS)
		return att_fail(err, ATT_E_FORMAT, "\"events\" is not a list of 1 to %u",
				ATT_BOOT_EVENTS);
	boot->event = calloc(n, sizeof(*boot->event));
	if (!boot->event)
		return att_no_memory(err);
	for (i = 0; i < n; i++) {
		if (parse_event(json_array_get(list, i), &boot->event[i], err))
			return -1;
		boot->pcrs |= 1u << boot->event[i].pcr;
	}
	boot->events = n;
	return 0;
}

int att_boot_parse(const json_t *ref, struct att_ref_boot **list, size_t *count,
		   struct att_error *err)
{
	static const char *const members[] = { "name", "events", NULL };
	const json_t *boots = json_object_get(ref, "boot");
	size_t i;

	if (boots && !json_is_array(boots))
		return att_fail(err, ATT_E_FORMAT, "\"boot\" is not a list");
	for (i = 0; i < json_array_size(boots); i++) {
		const json_t *o = json_array_get(boots, i);
		struct att_ref_boot *grown;

		if (*count == BOOT_ENTRIES)
			return att_fail(err, ATT_E_FORMAT, "\"boot\": more than %u entries",
					BOOT_ENTRIES);
		grown = realloc(*list, (*count + 1) * sizeof(*grown));
		if (!grown)
			return att_no_memory(err);
		*list = grown;
		grown += (*count)++;
		memset(grown, 0, sizeof(*grown));
		if (att_json_only(o, members, "\"boot\"", err) ||
		    parse_name(o, "name", grown->name, err) || parse_events(o, grown, err))
			return -1;
	}
	return 0;
}

void att_boot_drop(struct att_ref_boot *list, size_t *count, size_t keep)
{
	while (*count > keep)
		free(list[--*count].event);
}

/* ---- The events of one PCR ---- */

const char *att_event_type(uint32_t type)
{
	static const struct {
		uint32_t type;
		const char *name;
	} types[] = {
		{ 0x1, "EV_POST_CODE" },
		{ 0x4, "EV_SEPARATOR" },
		{ 0x5, "EV_ACTION" },
		{ 0x6, "EV_EVENT_TAG" },
		{ 0x7, "EV_S_CRTM_CONTENTS" },
		{ 0x8, "EV_S_CRTM_VERSION" },
		{ 0x9, "EV_CPU_MICROCODE" },
		{ 0xa, "EV_PLATFORM_CONFIG_FLAGS" },
		{ 0xb, "EV_TABLE_OF_DEVICES" },
		{ 0xc, "EV_COMPACT_HASH" },
		{ 0xd, "EV_IPL" },
		{ 0xf, "EV_NONHOST_CODE" },
		{ 0x10, "EV_NONHOST_CONFIG" },
		{ 0x80000001, "EV_EFI_VARIABLE_DRIVER_CONFIG" },
		{ 0x80000002, "EV_EFI_VARIABLE_BOOT" },
		{ 0x80000003, "EV_EFI_BOOT_SERVICES_APPLICATION" },
		{ 0x80000004, "EV_EFI_BOOT_SERVICES_DRIVER" },
		{ 0x80000005, "EV_EFI_RUNTIME_SERVICES_DRIVER" },
		{ 0x80000006, "EV_EFI_GPT_EVENT" },
		{ 0x80000007, "EV_EFI_ACTION" },
		{ 0x80000008, "EV_EFI_PLATFORM_FIRMWARE_BLOB" },
		{ 0x80000009, "EV_EFI_HANDOFF_TABLES" },
		{ 0x8000000a, "EV_EFI_PLATFORM_FIRMWARE_BLOB2" },
		{ 0x8000000b, "EV_EFI_HANDOFF_TABLES2" },
		{ 0x8000000c, "EV_EFI_VARIABLE_BOOT2" },
		{ 0x800000e0, "EV_EFI_VARIABLE_AUTHORITY" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(types); i++)
		if (types[i].type == type)
			return types[i].name;
	return NULL;
}

/* The walk through the events of one PCR, beside those of one entry. */
struct walk {
	const struct att_log *log;
	const struct att_alg *bank;
	const struct att_ref_boot *list, *entry;
	size_t count; /* of list */
	uint32_t pcr;
	size_t next; /* the entry's event that must come now; events: none */
	bool names_separator;
	unsigned int separators; /* which the entry does not name */
	uint8_t separator[ATT_HASH_MAX];
	int b; /* the bank in the log */
};

static const uint8_t *reference(const struct walk *w, const struct att_ref_event *e)
{
	unsigned int i;

	if (e->separator)
		return w->separator;
	for (i = 0; i < e->digests; i++)
		if (e->digest[i].bank == w->bank)
			return e->digest[i].value;
	return NULL;
}

static bool is(const struct walk *w, const struct att_ref_event *ref, const uint8_t *digest)
{
	const uint8_t *want = reference(w, ref);

	return want && !memcmp(want, digest, w->bank->size);
}

/* The entry's first event of this PCR from @i on. */
static size_t from(const struct walk *w, size_t i)
{
	while (i < w->entry->events && w->entry->event[i].pcr != w->pcr)
		i++;
	return i;
}

/* What firmware says of its own doing: texts of the TCG's and UEFI's that mean nothing new. */
static bool is_action(const struct walk *w, const uint8_t *digest)
{
	static const struct {
		uint32_t pcr;
		const char *text;
	} actions[] = {
		{ 4, "Calling EFI Application from Boot Option" },
		{ 5, "Exit Boot Services Invocation" },
		{ 5, "Exit Boot Services Returned with Success" },
	};
	uint8_t known[ATT_HASH_MAX];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(actions); i++)
		if (actions[i].pcr == w->pcr &&
		    !att_hash(w->bank, actions[i].text, strlen(actions[i].text), known) &&
		    !memcmp(known, digest, w->bank->size))
			return true;
	return false;
}

static void tell_event(const struct walk *w, size_t index, const uint8_t *digest, char *to,
		       size_t size)
{
	const char *type = att_event_type(w->log->event[index].type);
	char hex[2 * ATT_HASH_MAX + 1];

	att_hex(digest, w->bank->size, hex);
	snprintf(to, size, "event %zu of the log, %s of %s %s", index + 1,
		 type ? type : "of unknown type,", w->bank->name, hex);
}

static void tell_expected(const struct walk *w, struct att_boot_finding *f)
{
	const struct att_ref_event *e = &w->entry->event[w->next];
	char hex[2 * ATT_HASH_MAX + 1];
	const uint8_t *want;

	if (w->next == w->entry->events) {
		snprintf(f->expected, sizeof(f->expected), "no more events of PCR %u (%s)", w->pcr,
			 w->entry->name);
		return;
	}
	want = reference(w, e);
	if (!want) {
		snprintf(f->expected, sizeof(f->expected),
			 "%s: there is no %s of it in the reference values (%s)", e->name,
			 w->bank->name, w->entry->name);
		return;
	}
	att_hex(want, w->bank->size, hex);
	snprintf(f->expected, sizeof(f->expected), "%s, %s %s (%s)", e->name, w->bank->name, hex,
		 w->entry->name);
}

/* Whose event that is which came instead of the right one. */
static void tell_cause(const struct walk *w, const uint8_t *digest, struct att_boot_finding *f)
{
	const struct att_ref_event *e = &w->entry->event[w->next];
	size_t i, n;

	for (i = from(w, 0); i < w->entry->events; i = from(w, i + 1)) {
		if (!is(w, &w->entry->event[i], digest))
			continue;
		snprintf(f->cause, sizeof(f->cause),
			 i < w->next ? "%s was measured twice" : "%s comes too early",
			 w->entry->event[i].name);
		return;
	}
	for (n = 0; n < w->count; n++)
		for (i = 0; i < w->list[n].events; i++)
			if (w->list[n].event[i].pcr == w->pcr &&
			    is(w, &w->list[n].event[i], digest)) {
				snprintf(f->cause, sizeof(f->cause), "it is %s of %s",
					 w->list[n].event[i].name, w->list[n].name);
				return;
			}
	if (w->next == w->entry->events)
		snprintf(f->cause, sizeof(f->cause), "something more was started or measured");
	else if (!reference(w, e))
		snprintf(f->cause, sizeof(f->cause), "incomplete reference values");
	else
		snprintf(f->cause, sizeof(f->cause), "another %s, or something more before it",
			 e->name);
}

static void miss(const struct walk *w, size_t index, const uint8_t *digest,
		 struct att_boot_finding *f)
{
	f->fits = false;
	tell_expected(w, f);
	tell_event(w, index, digest, f->found, sizeof(f->found));
	tell_cause(w, digest, f);
}

/* -> false after a miss. */
static bool step(struct walk *w, size_t index, struct att_boot_finding *f)
{
	const uint8_t *digest = w->log->event[index].digest[w->b];
	bool separator = w->pcr < 8 && !memcmp(digest, w->separator, w->bank->size);

	if (separator && !w->names_separator) {
		if (!w->separators++)
			return true;
		miss(w, index, digest, f);
		snprintf(f->cause, sizeof(f->cause), "the separator was measured twice");
		return false;
	}
	if (w->next < w->entry->events && is(w, &w->entry->event[w->next], digest)) {
		w->next = from(w, w->next + 1);
		return true;
	}
	if (is_action(w, digest))
		return true;
	miss(w, index, digest, f);
	return false;
}

/* "kernel (NAME)": what the entry tells of this PCR. */
static void tell_all(const struct walk *w, char *to, size_t size)
{
	size_t used = 0, i;

	for (i = from(w, 0); i < w->entry->events && used < size; i = from(w, i + 1))
		used += (size_t)snprintf(to + used, size - used, "%s%s", used ? ", " : "",
					 w->entry->event[i].name);
	if (used < size)
		snprintf(to + used, size - used, " (%s)", w->entry->name);
}

static void at_the_end(const struct walk *w, struct att_boot_finding *f)
{
	f->fits = false;
	snprintf(f->found, sizeof(f->found), "the end of PCR %u's events", w->pcr);
	if (w->next < w->entry->events) {
		tell_expected(w, f);
		snprintf(f->cause, sizeof(f->cause), "%s was not measured",
			 w->entry->event[w->next].name);
	} else if (w->pcr < 8 && !w->names_separator && !w->separators) {
		snprintf(f->expected, sizeof(f->expected), "a separator");
		snprintf(f->cause, sizeof(f->cause),
			 "the firmware did not end its part of this PCR");
	} else {
		f->fits = true;
		tell_all(w, f->found, sizeof(f->found));
	}
}

static void walk(const struct att_log *log, const struct att_alg *bank,
		 const struct att_ref_boot *list, size_t count, const struct att_ref_boot *entry,
		 uint32_t pcr, struct att_boot_finding *f)
{
	struct walk w = { .log = log,
			  .bank = bank,
			  .list = list,
			  .count = count,
			  .entry = entry,
			  .pcr = pcr,
			  .b = att_log_bank(log, bank) };
	size_t i;

	memset(f, 0, sizeof(*f));
	if (w.b < 0 || att_hash(bank, "\0\0\0\0", 4, w.separator)) {
		snprintf(f->expected, sizeof(f->expected), "digests of %s", bank->name);
		snprintf(f->found, sizeof(f->found), "none");
		snprintf(f->cause, sizeof(f->cause), "the log lacks this bank");
		return;
	}
	for (i = from(&w, 0); i < entry->events; i = from(&w, i + 1))
		w.names_separator |= entry->event[i].separator;
	w.next = from(&w, 0);
	for (i = 0; i < log->count; i++)
		/* As the replay: these were not extended. */
		if (log->event[i].pcr == pcr && log->event[i].type != EV_NO_ACTION &&
		    !step(&w, i, f))
			return;
	at_the_end(&w, f);
}

/* In how many of its PCRs the entry fits; @misses: in which not. */
static unsigned int fits_in(const struct att_log *log, const struct att_alg *bank,
			    const struct att_ref_boot *list, size_t count,
			    const struct att_ref_boot *entry, uint32_t pcrs, uint32_t *misses)
{
	struct att_boot_finding f;
	unsigned int n = 0;
	uint32_t pcr;

	*misses = 0;
	for (pcr = 0; pcr < ATT_PCRS; pcr++) {
		if (!(entry->pcrs & pcrs & 1u << pcr))
			continue;
		walk(log, bank, list, count, entry, pcr, &f);
		if (f.fits)
			n++;
		else
			*misses |= 1u << pcr;
	}
	return n;
}

static void no_entry(uint32_t pcr, struct att_boot_finding *f)
{
	memset(f, 0, sizeof(*f));
	snprintf(f->expected, sizeof(f->expected), "an entry of \"boot\" that tells of PCR %u",
		 pcr);
	snprintf(f->found, sizeof(f->found), "none among the reference values");
	snprintf(f->cause, sizeof(f->cause), "incomplete reference values");
}

void att_boot_appraise(const struct att_log *log, const struct att_alg *bank,
		       const struct att_ref_boot *list, size_t count, uint32_t pcrs, uint32_t pcr,
		       struct att_boot_finding *f)
{
	const struct att_ref_boot *best = NULL;
	uint32_t misses = 0;
	int most = -1;
	size_t i;

	for (i = 0; i < count && (!best || misses); i++) {
		uint32_t now;
		int n;

		if (!(list[i].pcrs >> pcr & 1))
			continue;
		n = (int)fits_in(log, bank, list, count, &list[i], pcrs, &now);
		if (n > most || !now) {
			best = &list[i];
			most = n;
			misses = now;
		}
	}
	if (!best) {
		no_entry(pcr, f);
		return;
	}
	walk(log, bank, list, count, best, pcr, f);
	if (!f->fits || !misses)
		return;
	/* Parts of two accepted boots are not one. */
	f->fits = false;
	snprintf(f->expected, sizeof(f->expected), "one entry that fits in all its PCRs");
	snprintf(f->found, sizeof(f->found), "%s, which fits here but not in PCR %u", best->name,
		 (unsigned int)__builtin_ctz(misses));
	snprintf(f->cause, sizeof(f->cause), "see the other PCR: what was booted is not one whole");
}
