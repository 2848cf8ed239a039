// SPDX-License-Identifier: Apache-2.0
/*
 * Attacks on a boot that is appraised event by event. Each begins with a boot
 * that passes; log, PCRs and quote always agree, unless said otherwise.
 */
#include "check.h"
#include "world.h"

#include <stdlib.h>

#include "boot.h"
#include "pe.h"
#include "policy.h"

#define SEPARATOR   0x4u
#define CRTM	    0x8u
#define VARIABLE    0x80000001u
#define APPLICATION 0x80000003u
#define ACTION	    0x80000007u
#define BLOB	    0x80000008u

#define CMDLINE	    "root=/dev/vda quiet"
#define CALLING	    "Calling EFI Application from Boot Option"

struct event {
	uint32_t pcr, type;
	const char *measured;
	size_t size;
	const char *data; /* NULL: what was measured */
};

/* Whose digest is that of a PE image: not text, so it is put in by name. */
#define KERNEL "<kernel>"
#define UTF16  "<command line>"
#define E(p, t, m)                           \
	{                                    \
		p, t, m, sizeof(m) - 1, NULL \
	}
#define SEP(p)                                    \
	{                                         \
		p, SEPARATOR, "\0\0\0\0", 4, NULL \
	}

static const struct event course[] = {
	E(0, CRTM, "\0\0"),
	E(0, BLOB, "PEI"),
	E(0, BLOB, "DXE"),
	E(7, VARIABLE, "SecureBoot is on"),
	E(7, VARIABLE, "these keys"),
	SEP(7),
	E(4, ACTION, CALLING),
	SEP(0),
	SEP(2),
	SEP(4),
	E(4, APPLICATION, KERNEL),
	{ 9, EV_EVENT_TAG, UTF16, 0, "LOADED_IMAGE::LoadOptions" },
	{ 9, EV_EVENT_TAG, "the initrd", 10, "Linux initrd" },
};
#define COURSE	    ARRAY_SIZE(course)
#define AT_VARIABLE 3
#define AT_SEP7	    5
#define AT_SEP4	    9
#define AT_KERNEL   10
#define AT_LINE	    11
#define AT_INITRD   12

/* A PE image of two sections with a signature behind them. */
static size_t make_pe(uint8_t pe[2048], const char *text)
{
	static const struct {
		size_t at, size;
		uint32_t value;
	} field[] = {
		{ 0x3c, 4, 0x80 },
		{ 0x80, 4, 0x4550 },
		{ 0x84, 2, 0x8664 },
		{ 0x86, 2, 2 },
		{ 0x94, 2, 240 },
		{ 0x98, 2, 0x20b },
		{ 0x98 + 60, 4, 512 },
		{ 0x98 + 64, 4, 0x1234 },
		{ 0x98 + 108, 4, 16 },
		{ 0x98 + 112 + 32, 4, 1280 },
		{ 0x98 + 112 + 36, 4, 64 },
		/* The second section's bytes come first. */
		{ 0x188 + 16, 4, 256 },
		{ 0x188 + 20, 4, 768 },
		{ 0x1b0 + 16, 4, 256 },
		{ 0x1b0 + 20, 4, 512 },
	};
	size_t i, n;

	memset(pe, 0, 2048);
	memcpy(pe, "MZ", 2);
	for (i = 0; i < ARRAY_SIZE(field); i++)
		for (n = 0; n < field[i].size; n++)
			pe[field[i].at + n] = (uint8_t)(field[i].value >> 8 * n);
	memset(pe + 512, 0xaa, 768);
	memcpy(pe + 512, text, strlen(text));
	memset(pe + 1280, 0x55, 64);
	return 1280 + 64;
}

struct boot {
	struct world *w;
	uint8_t kernel[2048];
	size_t kernel_size;
};

static void measure(struct machine *m, const struct event *e, const struct boot *b)
{
	struct att_bytes measured = { 0 };
	struct att_error err = { 0 };
	const char *data = e->data ? e->data : e->measured;
	uint8_t wide[128] = { 0 };
	size_t i;

	if (!strcmp(e->measured, KERNEL)) {
		assert_int_equal(att_pe_measured(b->kernel, b->kernel_size, &measured, &err), 0);
	} else if (!strcmp(e->measured, UTF16)) {
		for (i = 0; CMDLINE[i]; i++)
			wide[2 * i] = (uint8_t)CMDLINE[i];
		set_bytes(&measured, wide, sizeof(CMDLINE) * 2);
	} else {
		set_bytes(&measured, e->measured, e->size);
	}
	log_measure(m, &m->boot_log, e->pcr, e->type, measured.data, measured.size, data,
		    e->data ? strlen(data) : e->size);
	att_bytes_free(&measured);
}

/* A reboot of machine A, with these events. */
static struct att_evidence *booted(const struct boot *b, const struct event *list, size_t count)
{
	struct machine *m = &b->w->a;
	unsigned int bank, pcr;
	size_t i;

	for (bank = 0; bank < BANKS; bank++)
		for (pcr = 0; pcr < 10; pcr++)
			memset(m->pcr[bank][pcr], 0, ATT_HASH_MAX);
	log_start(m, &m->boot_log);
	for (i = 0; i < count; i++)
		measure(m, &list[i], b);
	return world_evidence(b->w);
}

static struct att_evidence *good(const struct boot *b)
{
	struct att_evidence *ev = booted(b, course, COURSE);

	must_pass(b->w, ev);
	return ev;
}

static void add_reference(const struct boot *b, const struct att_boot_files *files)
{
	struct att_bytes json = { 0 };
	struct att_error err = { 0 };

	if (att_boot_reference(files, &json, &err) ||
	    att_policy_add_reference(b->w->policy, (char *)json.data, json.size, &err))
		fail_msg("%s", err.text);
	att_bytes_free(&json);
}

static struct att_boot_files files_of(const struct boot *b, const char *initrd)
{
	return (struct att_boot_files){
		.name = "this",
		.kernel = { (uint8_t *)b->kernel, b->kernel_size },
		.initrd = { (uint8_t *)initrd, strlen(initrd) },
		.append = CMDLINE,
	};
}

/* The policy appraises events instead of values. */
static void set_policy(struct boot *b, const char *extra)
{
	static const char values[] = "\"pcrs\": [0, 2, 4, 7, 8, 9], ";
	char *text = world_policy_text(&b->w->a, extra), *at = strstr(text, values);
	struct att_error err = { 0 };

	assert_non_null(at);
	memset(at, ' ', sizeof(values) - 1);
	att_policy_free(b->w->policy);
	b->w->policy = att_policy_parse(text, strlen(text), &err);
	if (!b->w->policy)
		fail_msg("policy: %s", err.text);
	free(text);
}

static int setup(void **state)
{
	struct boot *b = calloc(1, sizeof(*b));
	struct att_boot_files files;

	b->w = world_new(ATT_SIG_P256);
	b->kernel_size = make_pe(b->kernel, "this kernel");
	set_policy(b, "\"boot_events\": [0, 2, 4, 7, 9],");
	att_evidence_free(booted(b, course, COURSE));
	files = files_of(b, "the initrd");
	files.firmware_name = "that firmware";
	files.firmware_log = (struct att_bytes){ b->w->a.boot_log.data, b->w->a.boot_log.size };
	add_reference(b, &files);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct boot *b = *state;

	world_free(b->w);
	free(b);
	return 0;
}

static void refuse(const struct boot *b, const struct event *list, size_t count, const char *claim)
{
	struct att_evidence *ev = booted(b, list, count);

	must_fail(b->w, ev, ATT_V_REFERENCE, claim);
	att_evidence_free(ev);
	att_evidence_free(good(b));
}

/* The course with one event put before @at. */
static void with(const struct boot *b, size_t at, struct event e, const char *claim)
{
	struct event list[COURSE + 1];

	memcpy(list, course, at * sizeof(*list));
	list[at] = e;
	memcpy(list + at + 1, course + at, (COURSE - at) * sizeof(*list));
	refuse(b, list, COURSE + 1, claim);
}

static void without(const struct boot *b, size_t at, const char *claim)
{
	struct event list[COURSE];

	memcpy(list, course, at * sizeof(*list));
	memcpy(list + at, course + at + 1, (COURSE - at - 1) * sizeof(*list));
	refuse(b, list, COURSE - 1, claim);
}

static void instead(const struct boot *b, size_t at, struct event e, const char *claim)
{
	struct event list[COURSE];

	memcpy(list, course, sizeof(list));
	list[at] = e;
	refuse(b, list, COURSE, claim);
}

static void swapped(const struct boot *b, size_t i, size_t j, const char *claim)
{
	struct event list[COURSE];

	memcpy(list, course, sizeof(list));
	list[i] = course[j];
	list[j] = course[i];
	refuse(b, list, COURSE, claim);
}

static void untampered(void **state)
{
	struct boot *b = *state;
	struct att_evidence *ev = good(b);

	machine_quote(&b->w->a, "sha384", 0xffff, b->w->nonce, sizeof(b->w->nonce), ev);
	must_pass(b->w, ev);
	att_evidence_free(ev);
	/* Where a boot is called, and how often, is the firmware's business. */
	{
		struct event list[COURSE + 1];

		memcpy(list, course, sizeof(course));
		list[COURSE] = (struct event)E(4, ACTION, CALLING);
		ev = booted(b, list, COURSE + 1);
		must_pass(b->w, ev);
		att_evidence_free(ev);
	}
}

static void extra_application(void **state)
{
	struct boot *b = *state;
	struct event tool = E(4, APPLICATION, "a tool");
	size_t i;

	for (i = 0; i <= COURSE; i++)
		with(b, i, tool, "boot-event 4");
	with(b, AT_KERNEL, course[AT_KERNEL], "boot-event 4");
	/* In the firmware's PCRs: an option ROM's driver. */
	with(b, 0, (struct event)E(2, 0x80000004u, "a driver"), "boot-event 2");
	with(b, COURSE, (struct event)E(2, 0x80000004u, "a driver"), "boot-event 2");
}

static void other_kernel(void **state)
{
	struct boot *b = *state, evil = *b;
	struct att_evidence *ev = good(b);

	att_evidence_free(ev);
	evil.kernel[600] ^= 1;
	ev = booted(&evil, course, COURSE);
	must_fail(b->w, ev, ATT_V_REFERENCE, "boot-event 4");
	att_evidence_free(ev);
	without(b, AT_KERNEL, "boot-event 4");
	instead(b, AT_KERNEL, (struct event)E(4, APPLICATION, "GRUB"), "boot-event 4");
}

static void other_initrd(void **state)
{
	struct boot *b = *state;

	instead(b, AT_INITRD, (struct event)E(9, EV_EVENT_TAG, "the initrD"), "boot-event 9");
	with(b, AT_INITRD, (struct event)E(9, EV_EVENT_TAG, "more"), "boot-event 9");
	with(b, COURSE, (struct event)E(9, EV_EVENT_TAG, "more"), "boot-event 9");
	with(b, COURSE, course[AT_INITRD], "boot-event 9");
	without(b, AT_INITRD, "boot-event 9");
	swapped(b, AT_LINE, AT_INITRD, "boot-event 9");
}

static void other_command_line(void **state)
{
	struct boot *b = *state;
	struct att_boot_files files = files_of(b, "the initrd");
	struct att_evidence *ev;
	const char *lines[] = { "", "root=/dev/vda quieT", CMDLINE " ", "root=/dev/vda quie" };
	size_t i;

	without(b, AT_LINE, "boot-event 9");
	/* The references are of another line, by one byte: the boot is the same. */
	for (i = 0; i < ARRAY_SIZE(lines); i++) {
		ev = good(b);
		att_boot_drop(b->w->policy->boot, &b->w->policy->boots, 0);
		files.append = lines[i];
		files.firmware_name = "that firmware";
		files.firmware_log =
			(struct att_bytes){ b->w->a.boot_log.data, b->w->a.boot_log.size };
		add_reference(b, &files);
		must_fail(b->w, ev, ATT_V_REFERENCE, "boot-event 9");
		files.append = CMDLINE;
		add_reference(b, &files);
		must_pass(b->w, ev);
		att_evidence_free(ev);
	}
}

static void separators(void **state)
{
	struct boot *b = *state;
	static const char failed[] = { '\1', 0, 0, 0 };

	without(b, AT_SEP4, "boot-event 4");
	without(b, AT_SEP7, "boot-event 7");
	with(b, COURSE, (struct event)SEP(4), "boot-event 4");
	with(b, COURSE, (struct event)SEP(7), "boot-event 7");
	with(b, COURSE, (struct event)SEP(9), "boot-event 9");
	instead(b, AT_SEP4, (struct event){ 4, SEPARATOR, failed, 4, NULL }, "boot-event 4");
	instead(b, AT_SEP7, (struct event){ 7, SEPARATOR, failed, 4, NULL }, "boot-event 7");
	/* Whoever comes after the firmware says that Secure Boot is on. */
	swapped(b, AT_SEP7 - 1, AT_SEP7, "boot-event 7");
	instead(b, AT_VARIABLE, (struct event)E(7, VARIABLE, "SecureBoot is off"), "boot-event 7");
}

static void other_firmware(void **state)
{
	struct boot *b = *state;

	instead(b, 1, (struct event)E(0, BLOB, "rootkit"), "boot-event 0");
	without(b, 2, "boot-event 0");
	swapped(b, 1, 2, "boot-event 0");
	with(b, 3, (struct event)E(0, BLOB, "more"), "boot-event 0");
}

static void other_pcr(void **state)
{
	struct boot *b = *state;
	struct event e = course[AT_INITRD];

	e.pcr = 8;
	instead(b, AT_INITRD, e, "boot-event 9");
	e = course[AT_KERNEL];
	e.pcr = 9;
	instead(b, AT_KERNEL, e, "boot-event 4");
	e = course[0];
	e.pcr = 7;
	with(b, 3, e, "boot-event 7");
}

/* Type and data are not measured: they neither save what is wrong nor harm what is right. */
static void lies(void **state)
{
	struct boot *b = *state;
	struct event e = E(4, ACTION, "a tool"), list[COURSE];
	struct att_evidence *ev;
	size_t i;

	e.data = CALLING;
	with(b, AT_KERNEL, e, "boot-event 4");
	e.type = SEPARATOR;
	e.data = "\0\0\0\0";
	with(b, AT_KERNEL, e, "boot-event 4");
	e = (struct event){ 9, EV_EVENT_TAG, "rootkit", 7, "Linux initrd" };
	instead(b, AT_INITRD, e, "boot-event 9");
	memcpy(list, course, sizeof(list));
	for (i = 0; i < COURSE; i++) {
		list[i].type = 0xd;
		list[i].data = "rm -rf /\n\33[2J";
	}
	ev = booted(b, list, COURSE);
	must_pass(b->w, ev);
	att_evidence_free(ev);
}

/* An event that was extended is called one that was not; and the other way round. */
static void no_action(void **state)
{
	struct boot *b = *state;
	struct event list[COURSE + 1];
	struct att_evidence *ev;

	memcpy(list, course, sizeof(course));
	list[COURSE] = (struct event)E(4, APPLICATION, "a tool");
	ev = booted(b, list, COURSE + 1);
	must_fail(b->w, ev, ATT_V_REFERENCE, "boot-event 4");
	{
		/* Its digests, data, and sizes end the log; 8 bytes before them begin it. */
		uint8_t *at = ev->boot_log.data + ev->boot_log.size -
			      (6 + 4 + 4 + 2 + 20 + 2 + 32 + 2 + 48 + 4);

		assert_int_equal(at[0], APPLICATION & 0xff);
		memcpy(at, "\3\0\0\0", 4);
	}
	must_fail(b->w, ev, ATT_V_LOG, "boot-log");
	att_evidence_free(ev);
	list[COURSE] = course[AT_INITRD];
	list[COURSE].type = EV_NO_ACTION;
	list[AT_INITRD] = list[COURSE];
	ev = booted(b, list, COURSE + 1);
	must_fail(b->w, ev, ATT_V_REFERENCE, "boot-event 9");
	att_evidence_free(ev);
}

/* An old kernel's hole is not closed by a new initrd: an entry is accepted as a whole. */
static void two_boots(void **state)
{
	struct boot *b = *state, old = *b;
	struct att_boot_files files;
	struct event e = E(9, EV_EVENT_TAG, "an old initrd"), list[COURSE];
	struct att_evidence *ev;

	memcpy(list, course, sizeof(list));
	list[AT_INITRD] = e;
	old.kernel_size = make_pe(old.kernel, "an old kernel");
	ev = booted(&old, list, COURSE);
	must_fail(b->w, ev, ATT_V_REFERENCE, "boot-event 9");
	files = files_of(&old, "an old initrd");
	files.name = "old";
	add_reference(b, &files);
	must_pass(b->w, ev);
	att_evidence_free(ev);
	ev = booted(&old, course, COURSE);
	must_fail(b->w, ev, ATT_V_REFERENCE, NULL);
	att_evidence_free(ev);
	ev = booted(b, list, COURSE);
	must_fail(b->w, ev, ATT_V_REFERENCE, NULL);
	att_evidence_free(ev);
	att_evidence_free(good(b));
	/* Nor when one part is in an entry of its own. */
	{
		static const char text[] =
			"{ \"version\": 1, \"type\": \"hypergpu-reference-values\", \"boot\": [ { "
			"\"name\": \"other\", \"events\": [ { \"pcr\": 9, \"event\": \"x\", "
			"\"sha256\": \"00000000000000000000000000000000"
			"00000000000000000000000000000000\" } ] } ] }";
		struct att_error err = { 0 };

		assert_int_equal(att_policy_add_reference(b->w->policy, text, strlen(text), &err),
				 0);
	}
	ev = booted(&old, course, COURSE);
	must_fail(b->w, ev, ATT_V_REFERENCE, NULL);
	att_evidence_free(ev);
}

static void other_bank(void **state)
{
	struct boot *b = *state;
	struct att_evidence *ev = good(b);
	size_t i, n;

	machine_quote(&b->w->a, "sha384", 0xffff, b->w->nonce, sizeof(b->w->nonce), ev);
	must_pass(b->w, ev);
	for (i = 0; i < b->w->policy->boots; i++)
		for (n = 0; n < b->w->policy->boot[i].events; n++)
			if (b->w->policy->boot[i].event[n].digests)
				b->w->policy->boot[i].event[n].digests = 1;
	must_fail(b->w, ev, ATT_V_REFERENCE, "boot-event 4");
	machine_quote(&b->w->a, "sha1", 0xffff, b->w->nonce, sizeof(b->w->nonce), ev);
	must_fail(b->w, ev, ATT_V_QUOTE, "pcr-bank");
	att_evidence_free(ev);
}

static void not_quoted(void **state)
{
	struct boot *b = *state;
	struct att_evidence *ev = good(b);

	machine_quote(&b->w->a, "sha256", 0xffff & ~(1u << 9), b->w->nonce, sizeof(b->w->nonce),
		      ev);
	must_fail(b->w, ev, ATT_V_QUOTE, "pcr-selection");
	att_evidence_free(ev);
	ev = good(b);
	ev->boot_log.size -= 20;
	must_fail(b->w, ev, ATT_V_LOG, "boot-log");
	att_bytes_free(&ev->boot_log);
	must_fail(b->w, ev, ATT_V_LOG, "boot-log");
	att_evidence_free(ev);
	/* Another log, which also gives what this policy accepts, but not what was quoted. */
	ev = good(b);
	b->w->a.pcr[1][9][0] ^= 1;
	machine_quote(&b->w->a, "sha256", 0xffff, b->w->nonce, sizeof(b->w->nonce), ev);
	must_fail(b->w, ev, ATT_V_LOG, "boot-log");
	att_evidence_free(ev);
}

static void no_reference(void **state)
{
	struct boot *b = *state;
	struct att_evidence *ev = good(b);

	set_policy(b, "\"boot_events\": [4],");
	must_fail(b->w, ev, ATT_V_REFERENCE, "boot-event 4");
	att_evidence_free(ev);
}

static void rules(void **state)
{
	static const struct {
		const char *what;
		enum att_code code;
		const char *says;
	} bad[] = {
		{ "\"boot_events\": [13],", ATT_E_REFUSED, "PCR 13" },
		{ "\"boot_events\": [11],", ATT_E_REFUSED, "os_pcrs" },
		{ "\"boot_events\": [4], \"os_pcrs\": [4],", ATT_E_REFUSED, "os_pcrs" },
		{ "\"boot_events\": [4], \"require_boot_log\": false,", ATT_E_REFUSED,
		  "firmware's log" },
		{ "\"boot_events\": [24],", ATT_E_FORMAT, "not a PCR" },
		{ "\"boot_events\": 4,", ATT_E_FORMAT, "not a list" },
	};
	struct boot *b = *state;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		char *text = world_policy_text(&b->w->a, bad[i].what);
		struct att_error err = { 0 };

		assert_null(att_policy_parse(text, strlen(text), &err));
		assert_int_equal(err.code, bad[i].code);
		assert_non_null(strstr(err.text, bad[i].says));
		free(text);
	}
}

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

static void reference_json(void **state)
{
	static const struct {
		const char *boot, *says;
	} bad[] = {
		{ "{}", "not a list" },
		{ "[ 4 ]", "\"boot\"" },
		{ "[ { \"name\": \"x\" } ]", "\"events\" is not" },
		{ "[ { \"name\": \"x\", \"events\": [] } ]", "\"events\" is not" },
		{ "[ { \"name\": \"\", \"events\": [] } ]", "\"name\" is not" },
		{ "[ { \"name\": \"x\", \"event\": [] } ]", "unknown member" },
		{ "[ { \"name\": \"x\", \"events\": [ 1 ] } ]", "not an object" },
		{ "[ { \"name\": \"x\", \"events\": [ { \"pcr\": 24, \"event\": \"k\", "
		  "\"sha256\": \"" ZEROS "\" } ] } ]",
		  "\"pcr\"" },
		{ "[ { \"name\": \"x\", \"events\": [ { \"pcr\": 4, \"event\": \"k\" } ] } ]",
		  "has no digest" },
		{ "[ { \"name\": \"x\", \"events\": [ { \"pcr\": 4, \"sha256\": \"" ZEROS
		  "\" } ] } ]",
		  "\"event\"" },
		{ "[ { \"name\": \"x\", \"events\": [ { \"pcr\": 4, \"event\": \"k\", "
		  "\"sha256\": \"00\" } ] } ]",
		  "64 hexadecimal" },
		{ "[ { \"name\": \"x\", \"events\": [ { \"pcr\": 4, \"event\": \"k\", "
		  "\"sha1\": \"00\" } ] } ]",
		  "not a member" },
		{ "[ { \"name\": \"x\", \"events\": "
		  "[ { \"pcr\": 9, \"event\": \"separator\" } ] } ]",
		  "PCR 0 to 7" },
		{ "[ { \"name\": \"x\", \"events\": [ { \"pcr\": 4, \"event\": \"separator\", "
		  "\"sha256\": \"" ZEROS "\" } ] } ]",
		  "has no digests" },
		/* The first entry is good, and goes with the second. */
		{ "[ { \"name\": \"x\", \"events\": "
		  "[ { \"pcr\": 4, \"event\": \"separator\" } ] }, "
		  "{ \"name\": \"y\", \"events\": [ {} ] } ]",
		  "\"pcr\"" },
	};
	struct boot *b = *state;
	size_t before = b->w->policy->boots, i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct att_error err = { 0 };
		char text[800];

		snprintf(
			text, sizeof(text),
			"{ \"version\": 1, \"type\": \"hypergpu-reference-values\", \"boot\": %s }",
			bad[i].boot);
		assert_int_equal(att_policy_add_reference(b->w->policy, text, strlen(text), &err),
				 -1);
		assert_int_equal(err.code, ATT_E_FORMAT);
		if (!strstr(err.text, bad[i].says))
			fail_msg("%s: '%s'", bad[i].boot, err.text);
		assert_int_equal(b->w->policy->boots, before);
	}
	att_evidence_free(good(b));
}

/* ---- Files ---- */

static void digest_of(const uint8_t *pe, size_t size, uint8_t digest[32])
{
	struct att_bytes measured = { 0 };
	struct att_error err = { 0 };

	if (att_pe_measured(pe, size, &measured, &err))
		fail_msg("%s", err.text);
	assert_int_equal(att_sha256(measured.data, measured.size, digest), 0);
	att_bytes_free(&measured);
}

/* Checksum, and where and what signatures are, can change; no other byte can. */
static void pe_bytes(void **state)
{
	struct boot *b = *state;
	uint8_t want[32], got[32], *pe = b->kernel;
	struct att_bytes measured = { 0 };
	struct att_error err = { 0 };
	size_t i;

	digest_of(pe, b->kernel_size, want);
	for (i = 0; i < b->kernel_size; i++) {
		bool free_to_change = (i >= 0x98 + 64 && i < 0x98 + 68) || /* checksum */
				      (i >= 0x98 + 144 && i < 0x98 + 148) || /* where */
				      i >= 1280;

		pe[i] ^= 1;
		if (att_pe_measured(pe, b->kernel_size, &measured, &err)) {
			assert_false(free_to_change);
			assert_int_equal(err.code, ATT_E_FORMAT);
		} else {
			assert_int_equal(att_sha256(measured.data, measured.size, got), 0);
			att_bytes_free(&measured);
			assert_int_equal(!memcmp(want, got, 32), free_to_change);
		}
		pe[i] ^= 1;
	}
	digest_of(pe, b->kernel_size, got);
	assert_memory_equal(want, got, 32);
}

static void pe_damaged(void **state)
{
	static const struct {
		size_t at;
		uint8_t value[4];
		unsigned int size;
	} bad[] = {
		{ 0, "X", 1 },
		{ 0x3c, "\xff\xff\xff\xff", 4 },
		{ 0x3c, "\x38\x05\0\0", 4 },
		{ 0x80, "N", 1 },
		{ 0x86, "\x61", 1 },
		{ 0x94, "\x70", 1 },
		{ 0x98, "\0", 1 },
		{ 0x98 + 60, "\xff\xff\xff\xff", 4 },
		{ 0x98 + 60, "\1\0\0\0", 4 },
		{ 0x98 + 108, "\xff\xff\xff\xff", 4 },
		{ 0x98 + 108, "\x11", 1 },
		{ 0x188 + 16, "\xff\xff\xff\xff", 4 },
		{ 0x188 + 20, "\xff\xff\xff\xff", 4 },
		{ 0x188 + 16, "\x40\x04\0\0", 4 },
	};
	struct boot *b = *state;
	struct att_bytes measured = { 0 };
	struct att_error err = { 0 };
	uint8_t *cut;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		uint8_t pe[2048];

		memcpy(pe, b->kernel, sizeof(pe));
		memcpy(pe + bad[i].at, bad[i].value, bad[i].size);
		if (!att_pe_measured(pe, b->kernel_size, &measured, &err))
			fail_msg("case %zu is taken", i);
		assert_int_equal(err.code, ATT_E_FORMAT);
		assert_null(measured.data);
	}
	for (i = 0; i < 1024; i++) {
		cut = malloc(i ? i : 1);
		memcpy(cut, b->kernel, i);
		assert_int_equal(att_pe_measured(cut, i, &measured, &err), -1);
		assert_int_equal(err.code, ATT_E_FORMAT);
		free(cut);
	}
}

static void files_refused(void **state)
{
	struct boot *b = *state;
	struct att_boot_files files = { .name = "x" };
	struct att_bytes json = { 0 };
	struct att_error err = { 0 };

	assert_int_equal(att_boot_reference(&files, &json, &err), -1);
	files = files_of(b, "i");
	files.append = "caf\xc3\xa9";
	assert_int_equal(att_boot_reference(&files, &json, &err), -1);
	assert_non_null(strstr(err.text, "printable"));
	files = files_of(b, "i");
	files.kernel.data = NULL;
	assert_int_equal(att_boot_reference(&files, &json, &err), -1);
	files = files_of(b, "i");
	files.kernel.size = 100;
	assert_int_equal(att_boot_reference(&files, &json, &err), -1);
	assert_non_null(strstr(err.text, "kernel: "));
	files = files_of(b, "i");
	files.name = "a name that is longer than 32 bytes";
	assert_int_equal(att_boot_reference(&files, &json, &err), -1);
	files = (struct att_boot_files){ .firmware_name = "x", .firmware_log = { b->kernel, 99 } };
	assert_int_equal(att_boot_reference(&files, &json, &err), -1);
	assert_non_null(strstr(err.text, "firmware's log: "));
	assert_null(json.data);
}

/* ---- A real boot that was kept: hgbench's, by OVMF ---- */

static char *slurp(const char *path)
{
	FILE *from = fopen(path, "r");
	char *text = NULL;
	size_t size = 0;

	if (!from)
		fail_msg("%s cannot be read", path);
	assert_true(getdelim(&text, &size, '\0', from) > 0);
	fclose(from);
	return text;
}

typedef int add_text(struct att_policy *policy, const char *text, size_t size,
		     struct att_error *err);

static void add_kept(struct att_policy *policy, add_text *add, const char *path)
{
	char *text = slurp(path);
	struct att_error err = { 0 };

	if (add(policy, text, strlen(text), &err))
		fail_msg("%s: %s", path, err.text);
	free(text);
}

/* The claim's status. */
static enum att_status status_of(const struct att_result *res, const char *name)
{
	size_t i;

	for (i = 0; i < att_result_count(res); i++)
		if (!strcmp(att_result_claim(res, i)->name, name))
			return att_result_claim(res, i)->status;
	fail_msg("no claim %s", name);
	return ATT_FAIL;
}

static void kept_boot(void **state)
{
	char *text = slurp("vectors/ovmf-evidence.json"),
	     *rules = slurp("vectors/ovmf-policy.json");
	char *hex = slurp("vectors/ovmf-nonce.json");
	struct att_error err = { 0 };
	struct att_evidence *ev = att_evidence_parse(text, strlen(text), &err);
	struct att_policy *policy = att_policy_parse(rules, strlen(rules), &err);
	struct att_result *res;
	uint8_t nonce[32];
	size_t i;

	(void)state;
	assert_int_equal(*hex, '"');
	hex[1 + strcspn(hex + 1, "\"")] = '\0';
	assert_int_equal(att_unhex(hex + 1, nonce, sizeof(nonce)), sizeof(nonce));
	assert_true(ev && policy);
	add_kept(policy, att_policy_add_reference, "vectors/ovmf-reference.json");
	add_kept(policy, att_policy_add_enrolled, "vectors/ovmf-enrolled.json");
	res = att_appraise(ev, policy, nonce, sizeof(nonce), 0, &err);
	assert_int_equal(att_result_verdict(res), ATT_V_REFERENCE);
	assert_int_equal(status_of(res, "boot-event 0"), ATT_PASS);
	assert_int_equal(status_of(res, "boot-event 7"), ATT_PASS);
	assert_int_equal(status_of(res, "boot-event 4"), ATT_FAIL);
	att_result_free(res);
	add_kept(policy, att_policy_add_reference, "vectors/ovmf-boot.json");
	res = att_appraise(ev, policy, nonce, sizeof(nonce), 0, &err);
	if (att_result_verdict(res))
		att_result_table(res, stderr);
	assert_int_equal(att_result_verdict(res), ATT_V_PASS);
	att_result_free(res);
	/* Each of the events that are wanted is needed. */
	for (i = 0; i < policy->boots; i++) {
		struct att_ref_boot *entry = &policy->boot[i];
		size_t n;

		for (n = 0; n < entry->events; n++) {
			struct att_ref_event *e = &entry->event[n];

			if (e->separator || !(policy->boot_events >> e->pcr & 1))
				continue;
			e->digest[0].value[0] ^= 1;
			res = att_appraise(ev, policy, nonce, sizeof(nonce), 0, &err);
			assert_int_equal(att_result_verdict(res), ATT_V_REFERENCE);
			att_result_free(res);
			e->digest[0].value[0] ^= 1;
		}
	}
	att_policy_free(policy);
	att_evidence_free(ev);
	free(text);
	free(rules);
	free(hex);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(untampered),	   T(extra_application),  T(other_kernel),
		T(other_initrd),   T(other_command_line), T(separators),
		T(other_firmware), T(other_pcr),	  T(lies),
		T(no_action),	   T(two_boots),	  T(other_bank),
		T(not_quoted),	   T(no_reference),	  T(rules),
		T(reference_json), T(pe_bytes),		  T(pe_damaged),
		T(files_refused),  T(kept_boot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
