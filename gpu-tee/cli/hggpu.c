// SPDX-License-Identifier: Apache-2.0
/* hggpu: which GPU is this, and is it the one that was enrolled? */
#include <argp.h>
#include <errno.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "files.h"
#include "identity_cl.h"
#include "target.h"

#define READINGS     8
#define SIM_NOISE    5 /* percent */
#define DISTINCT_MAX 256
#define DAY	     86400
#define DAYS_MAX     36500

/* From 10 on: it is not the device, by what differs first. */
enum exit_status {
	EXIT_DONE,
	EXIT_FAILED,
	EXIT_USAGE,
	EXIT_INPUT,
	EXIT_RECORD = 10,
	EXIT_IDENTITY,
	EXIT_BEHAVIOUR
};

enum {
	OPT_DEVICE = 'd',
	OPT_PCI = 'p',
	OPT_KEY = 'k',
	OPT_OUT = 'o',
	OPT_RECORD = 'r',
	OPT_TRUST = 't',
	OPT_JSON = 'j',
	OPT_SIMULATED = 0x100,
	OPT_NOISE,
	OPT_ROM,
	OPT_IDENTITY_ONLY,
	OPT_READINGS,
	OPT_DAYS,
	OPT_DISTINCT,
	OPT_STRICT,
};

struct arguments {
	const char *command, *key, *out, *record, *trust;
	const char *distinct[DISTINCT_MAX];
	size_t distincts;
	struct hg_choice choice;
	bool json, identity_only, strict, noisy;
	unsigned int readings, days;
};

/* argp looks for it from within libc. */
__attribute__((visibility("default"))) const char *argp_program_version = "hggpu " HG_GPU_VERSION;

static const struct argp_option options[] = {
	{ NULL, 0, NULL, 0, "Which device:", 1 },
	{ "device", OPT_DEVICE, "N", 0, "Device N of OpenCL's, as list numbers them", 1 },
	{ "pci", OPT_PCI, "ADDRESS", 0, "The device at 0000:01:00.0; without --device by PCI only",
	  1 },
	{ "rom", OPT_ROM, NULL, 0, "Read the expansion ROM, too; no driver may be using it", 1 },
	{ "simulated", OPT_SIMULATED, "SERIAL", 0,
	  "No hardware: a simulated device. With --device, that one computes", 1 },
	{ "noise", OPT_NOISE, "PERCENT", 0, "Of the simulated device: 0 to 40, default 5", 1 },
	{ NULL, 0, NULL, 0, "enroll:", 2 },
	{ "key", OPT_KEY, "FILE", 0, "The enroller's private key, PEM, P-256", 2 },
	{ "out", OPT_OUT, "FILE", 0, "Write the record here; - is standard output", 2 },
	{ "identity-only", OPT_IDENTITY_ONLY, NULL, 0, "Do not measure behaviour", 2 },
	{ "readings", OPT_READINGS, "N", 0, "Readings to take, 3 to 64, default 8", 2 },
	{ "days", OPT_DAYS, "N", 0, "The record is good for so long; default: for ever", 2 },
	{ "distinct-from", OPT_DISTINCT, "RECORD", 0,
	  "Refuse a device that passes for this one; may be repeated. Needs --trust", 2 },
	{ NULL, 0, NULL, 0, "verify:", 3 },
	{ "record", OPT_RECORD, "FILE", 0, "What enroll wrote", 3 },
	{ "trust", OPT_TRUST, "FILE", 0, "The public key of whoever signed the records, PEM", 3 },
	{ "strict", OPT_STRICT, NULL, 0, "Another driver than at enrolment fails, too", 3 },
	{ NULL, 0, NULL, 0, "", 4 },
	{ "json", OPT_JSON, NULL, 0, "Print JSON", 4 },
	{ 0 }
};

static const char doc[] =
	"Tell what a GPU is (list, identify), enrol it (enroll), and find out later whether it is "
	"the same one (verify). check reads a record without its device.\v"
	"Exit status: 0 done, the same device; 1 failed to do it; 2 wrong usage; 3 the record or a "
	"key cannot be used; and when it is not the device: 10 the record is of another time or "
	"kind, 11 identity, 12 behaviour. See hggpu(1).";

static unsigned long number(const char *text, unsigned long low, unsigned long high,
			    const char *option, const struct argp_state *state)
{
	unsigned long v;
	char *end;

	errno = 0;
	v = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || v < low || v > high)
		argp_error(state, "--%s wants a number from %lu to %lu, not '%s'", option, low,
			   high, text);
	return v;
}

static void check_device(const struct arguments *a, const struct argp_state *state)
{
	const struct hg_choice *c = &a->choice;

	if (c->simulated && (c->pci || c->rom))
		argp_error(state, "a simulated device has no PCI address and no ROM");
	if (a->noisy && !c->simulated)
		argp_error(state, "--noise is for --simulated");
	if (c->rom && !c->pci && c->device < 0)
		argp_error(state, "--rom needs --pci or --device");
}

static void check(const struct arguments *a, const struct argp_state *state)
{
	bool enrolling, verifying, checking;

	if (!a->command)
		argp_error(state, "which command: list, identify, enroll, verify or check?");
	enrolling = !strcmp(a->command, "enroll");
	verifying = !strcmp(a->command, "verify");
	checking = !strcmp(a->command, "check");
	if (!enrolling && !verifying && !checking && strcmp(a->command, "list") &&
	    strcmp(a->command, "identify"))
		argp_error(state, "no command '%s': list, identify, enroll, verify or check", a->command);
	if (enrolling && (!a->key || !a->out))
		argp_error(state, "enroll needs --key and --out");
	if ((verifying || checking) && (!a->record || !a->trust))
		argp_error(state, "%s needs --record and --trust", a->command);
	if (!enrolling && (a->key || a->out || a->identity_only || a->days))
		argp_error(state, "--key, --out, --identity-only and --days are for enroll");
	if (!verifying && ((a->record && !checking) || a->strict))
		argp_error(state, "--record and --strict are for verify");
	if (!enrolling && a->distincts)
		argp_error(state, "--distinct-from is for enroll");
	if (!verifying && !checking && !a->trust != !a->distincts)
		argp_error(state, "--distinct-from and --trust come together");
	if (a->identity_only && a->distincts)
		argp_error(state,
			   "--distinct-from compares behaviour, which --identity-only leaves out");
	check_device(a, state);
}

static error_t parse_device(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case OPT_DEVICE:
		a->choice.device = (int)number(arg, 0, HG_CL_DEVICES_MAX - 1, "device", state);
		break;
	case OPT_PCI:
		a->choice.pci = arg;
		break;
	case OPT_ROM:
		a->choice.rom = true;
		break;
	case OPT_SIMULATED:
		a->choice.simulated = true;
		a->choice.serial = number(arg, 0, ULONG_MAX, "simulated", state);
		break;
	case OPT_NOISE:
		a->noisy = true;
		a->choice.noise = (double)number(arg, 0, 40, "noise", state) / 100;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case OPT_KEY:
		a->key = arg;
		break;
	case OPT_OUT:
		a->out = arg;
		break;
	case OPT_RECORD:
		a->record = arg;
		break;
	case OPT_TRUST:
		a->trust = arg;
		break;
	case OPT_JSON:
		a->json = true;
		break;
	case OPT_STRICT:
		a->strict = true;
		break;
	case OPT_IDENTITY_ONLY:
		a->identity_only = true;
		break;
	case OPT_READINGS:
		a->readings = (unsigned int)number(arg, HG_FP_READINGS_MIN, HG_FP_READINGS_MAX,
						   "readings", state);
		break;
	case OPT_DISTINCT:
		if (a->distincts == DISTINCT_MAX)
			argp_error(state, "at most %d times --distinct-from", DISTINCT_MAX);
		a->distinct[a->distincts++] = arg;
		break;
	case OPT_DAYS:
		a->days = (unsigned int)number(arg, 1, DAYS_MAX, "days", state);
		break;
	case ARGP_KEY_ARG:
		if (a->command)
			argp_error(state, "one command at a time, not '%s' too", arg);
		a->command = arg;
		break;
	case ARGP_KEY_END:
		check(a, state);
		break;
	default:
		return parse_device(key, arg, state);
	}
	return 0;
}

/* Takes the reference. */
static int print_json(json_t *obj)
{
	char *text = obj ? json_dumps(obj, JSON_INDENT(2) | JSON_SORT_KEYS) : NULL;

	json_decref(obj);
	if (!text) {
		complain("out of memory");
		return EXIT_FAILED;
	}
	puts(text);
	free(text);
	return fflush(stdout) ? EXIT_FAILED : EXIT_DONE;
}

/* ---- list ---- */

static void list_cl(json_t *list, bool json)
{
	cl_device_id devices[HG_CL_DEVICES_MAX];
	struct hg_gpu_error err;
	struct hg_clapi api;
	int count;

	if (hg_clapi_open(&api, &err) || (count = hg_clapi_devices(&api, devices, &err)) < 0) {
		complain("%s", err.text);
		return;
	}
	for (int i = 0; i < count; i++) {
		struct hg_fp_identity id = { 0 };
		char at[HG_PCI_ADDRESS] = "";

		if (hg_cl_identity(&api, devices[i], &id, &err)) {
			complain("OpenCL device %d: %s", i, err.text);
			continue;
		}
		hg_cl_pci_address(&api, devices[i], at, sizeof(at));
		json_array_append_new(list, json_pack("{s:i,s:s,s:s,s:s}", "device", i, "name",
						      hg_fp_get(&id, "cl.name"), "platform",
						      hg_fp_get(&id, "cl.platform"), "pci", at));
		if (!json)
			printf("--device %d  %s (%s)%s%s\n", i, hg_fp_get(&id, "cl.name"),
			       hg_fp_get(&id, "cl.platform"), *at ? " at " : "", at);
	}
	hg_clapi_close(&api);
}

static int list(const struct arguments *a)
{
	static struct hg_pci_place places[HG_PCI_MAX];
	json_t *cl = json_array(), *pci = json_array();
	struct hg_gpu_error err;
	int count = hg_pci_list(HG_PCI_SYSFS, places, &err);

	if (count < 0)
		complain("%s", err.text);
	for (int i = 0; i < count; i++) {
		char ids[16];

		snprintf(ids, sizeof(ids), "%04x:%04x", places[i].vendor, places[i].device);
		json_array_append_new(pci, json_pack("{s:s,s:s,s:s}", "pci", places[i].address,
						     "name", places[i].name, "ids", ids));
		if (!a->json)
			printf("--pci %s  %s [%s]\n", places[i].address, places[i].name, ids);
	}
	list_cl(cl, a->json);
	if (a->json)
		return print_json(
			json_pack("{s:i,s:o,s:o}", "version", 1, "pci", pci, "opencl", cl));
	if (!count && !json_array_size(cl))
		complain(
			"no GPU on the PCI bus, and no device of OpenCL's: is its driver installed?");
	json_decref(pci);
	json_decref(cl);
	return fflush(stdout) ? EXIT_FAILED : EXIT_DONE;
}

/* ---- identify ---- */

static void say(const struct hg_target *t)
{
	if (t->identity.simulated)
		complain("this device is simulated: there is no hardware behind it");
	if (*t->notes.text)
		complain("left out: %s", t->notes.text);
}

static int identify(const struct arguments *a, const struct hg_target *t)
{
	char hex[65];
	uint8_t hash[32];
	struct hg_gpu_error err;

	if (hg_fp_identity_hash(&t->identity, hash, &err)) {
		complain("%s", err.text);
		return EXIT_FAILED;
	}
	for (size_t i = 0; i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02x", hash[i]);
	if (a->json)
		return print_json(json_pack("{s:i,s:b,s:o,s:s,s:s}", "version", 1, "simulated",
					    t->identity.simulated, "identity",
					    hg_fp_identity_json(&t->identity), "identity_hash", hex,
					    "notes", t->notes.text));
	for (int i = 0; hg_fp_members[i].name; i++)
		if (*t->identity.value[i])
			printf("%-18s %-9s %s\n", hg_fp_members[i].name,
			       hg_fp_class_name(hg_fp_members[i].class), t->identity.value[i]);
	printf("%-18s %-9s %s\n", "identity_hash", "", hex);
	return fflush(stdout) ? EXIT_FAILED : EXIT_DONE;
}

static struct hg_fp_record *read_record(const char *path, EVP_PKEY *trusted)
{
	struct hg_fp_record *r = NULL;
	struct hg_gpu_error err = { 0 };
	size_t size;
	char *text = file_text(path, HG_FP_RECORD_MAX, &size);

	if (text)
		r = calloc(1, sizeof(*r));
	if (r && hg_fp_record_parse(text, size, trusted, r, &err)) {
		complain("%s: %s", path, err.text);
		free(r);
		r = NULL;
	}
	free(text);
	return r;
}

/* ---- enroll ---- */

/* No other device's secret may come out of what was read: EXIT_DONE, or why not. */
static int is_distinct(const char *path, EVP_PKEY *trusted, const struct fp_reading *reading)
{
	struct hg_fp_record *r = read_record(path, trusted);
	uint8_t secret[FP_SECRET_BYTES];
	int ret = EXIT_INPUT;

	if (r)
		ret = !r->behaviour || hg_fp_reproduce(&r->helper, reading, secret, NULL, NULL)
			      ? EXIT_DONE
			      : EXIT_BEHAVIOUR;
	OPENSSL_cleanse(secret, sizeof(secret));
	if (ret == EXIT_BEHAVIOUR)
		complain(
			"%s: this device passes for the one of that record: either it is the same one, or their behaviour does not tell them apart and must not be enrolled (--identity-only)",
			path);
	free(r);
	return ret;
}

static int are_distinct(const struct arguments *a, const struct fp_reading *reading)
{
	EVP_PKEY *trusted = a->distincts ? file_key(a->trust, false) : NULL;
	int ret = a->distincts && !trusted ? EXIT_INPUT : EXIT_DONE;

	for (size_t i = 0; !ret && i < a->distincts; i++)
		ret = is_distinct(a->distinct[i], trusted, reading);
	EVP_PKEY_free(trusted);
	return ret;
}

/* EXIT_DONE, or why not, after a message. */
static int make_record(const struct arguments *a, struct hg_target *t, struct hg_fp_record *r)
{
	struct fp_reading *readings = calloc(a->readings, sizeof(*readings));
	unsigned int count = a->identity_only ? 0 : a->readings;
	int64_t now = time(NULL);
	struct hg_gpu_error err = { 0 };
	int bad = readings ? 0 : hg_gpu_no_memory(&err), ret = EXIT_FAILED;

	if (!bad)
		bad = hg_target_enrol(t, readings, count, now,
				      a->days ? now + (int64_t)a->days * DAY : 0, r, &err);
	if (!bad)
		ret = are_distinct(a, readings);
	if (readings)
		OPENSSL_cleanse(readings, a->readings * sizeof(*readings));
	free(readings);
	if (bad)
		complain("%s%s", err.text,
			 err.code == HG_GPU_E_UNSUPPORTED ? " (--identity-only)" : "");
	return ret;
}

static int enroll(const struct arguments *a, struct hg_target *t)
{
	EVP_PKEY *key = file_key(a->key, true);
	struct hg_fp_record *r = key ? calloc(1, sizeof(*r)) : NULL;
	struct hg_gpu_error err = { 0 };
	int ret = key ? EXIT_FAILED : EXIT_INPUT;
	char *text = NULL;

	if (r)
		ret = make_record(a, t, r);
	if (r && ret == EXIT_DONE) {
		text = hg_fp_record_sign(r, key, &err);
		if (!text) {
			complain("%s: %s", a->key, err.text);
			ret = EXIT_INPUT;
		} else if (file_write(a->out, text)) {
			ret = EXIT_FAILED;
		}
	}
	if (ret == EXIT_DONE && r->behaviour)
		fprintf(stderr,
			"hggpu: %u contrasts, %u.%02u %% of them noisy, %u bits of entropy left\n",
			r->quality.bits, r->quality.noise_ppm / 10000,
			r->quality.noise_ppm % 10000 / 100, r->quality.left);
	free(text);
	free(r);
	EVP_PKEY_free(key);
	return ret;
}

/* ---- verify ---- */

static int verdict(const struct hg_fp_result *result)
{
	int ret = EXIT_DONE;

	for (size_t i = result->count; i-- > 0;) {
		const struct hg_fp_difference *d = &result->difference[i];

		if (d->fails)
			ret = !strcmp(d->class, "record")      ? EXIT_RECORD
			      : !strcmp(d->class, "behaviour") ? EXIT_BEHAVIOUR
							       : EXIT_IDENTITY;
	}
	return ret;
}

static json_t *result_json(const struct hg_fp_record *r, const struct hg_fp_result *result)
{
	json_t *list = json_array();

	for (size_t i = 0; i < result->count; i++) {
		const struct hg_fp_difference *d = &result->difference[i];

		json_array_append_new(list, json_pack("{s:s,s:s,s:b,s:s,s:s}", "name", d->name,
						      "class", d->class, "fails", d->fails,
						      "expected", d->expected, "found", d->found));
	}
	return json_pack("{s:i,s:b,s:i,s:b,s:s,s:i,s:i,s:I,s:o}", "version", 1, "passed",
			 result->passed, "verdict", verdict(result), "simulated", result->simulated,
			 "kind", r->behaviour ? "behaviour" : "identity", "members",
			 (int)result->members, "alike", (int)result->alike, "score_ppm",
			 (json_int_t)result->score_ppm, "differences", list);
}

static void result_text(const struct hg_fp_record *r, const struct hg_fp_result *result)
{
	printf("identity: %u of %u stable members alike\n", result->alike, result->members);
	if (!r->behaviour)
		puts("behaviour: not enrolled");
	else if (result->score_ppm)
		printf("behaviour: %u.%02u %% of %u contrasts alike, the secret came out\n",
		       result->score_ppm / 10000, result->score_ppm % 10000 / 100, r->quality.bits);
	for (size_t i = 0; i < result->count; i++) {
		const struct hg_fp_difference *d = &result->difference[i];

		printf("%s: %s (%s): expected %s, found %s\n", d->fails ? "refused" : "note",
		       d->name, d->class, d->expected, d->found);
	}
	puts(result->passed ? "PASSED: the device of the record"
			    : "FAILED: not the device of the record");
}

static int compare(const struct arguments *a, struct hg_target *t, const struct hg_fp_record *r)
{
	struct hg_fp_result result;
	struct hg_gpu_error err = { 0 };
	int ret = hg_target_compare(t, r, time(NULL), a->strict, &result, &err);

	if (err.code != HG_GPU_OK)
		complain("%s", err.text);
	if (ret)
		return EXIT_FAILED;
	if (a->json) {
		ret = print_json(result_json(r, &result));
	} else {
		result_text(r, &result);
		ret = fflush(stdout) ? EXIT_FAILED : EXIT_DONE;
	}
	return ret ? ret : verdict(&result);
}

/* The ROM is read if the record has it: it was asked for then. */
static int verify(struct arguments *a)
{
	EVP_PKEY *trusted = file_key(a->trust, false);
	struct hg_fp_record *r = trusted ? read_record(a->record, trusted) : NULL;
	struct hg_gpu_error err = { 0 };
	struct hg_target t;
	int ret = EXIT_FAILED;

	EVP_PKEY_free(trusted);
	if (!r)
		return EXIT_INPUT;
	if (!a->choice.simulated)
		a->choice.rom |= *hg_fp_get(&r->identity, "pci.rom") != '\0';
	if (hg_target_open(&t, &a->choice, &err)) {
		complain("%s", err.text);
	} else {
		say(&t);
		ret = compare(a, &t, r);
	}
	hg_target_close(&t);
	free(r);
	return ret;
}

/* Of the record alone, without its device. */
static int check_record(const struct arguments *a)
{
	EVP_PKEY *trusted = file_key(a->trust, false);
	struct hg_fp_record *r = trusted ? read_record(a->record, trusted) : NULL;
	int64_t now = time(NULL);
	int ret = EXIT_INPUT;

	if (r) {
		ret = r->expires && r->expires <= now ? EXIT_RECORD : EXIT_DONE;
		if (ret)
			complain("%s: it has expired", a->record);
		else
			printf("%s: signed by that key, %s\n", a->record,
			       r->behaviour ? "with behaviour" : "identity only");
	}
	EVP_PKEY_free(trusted);
	free(r);
	return ret ? ret : fflush(stdout) ? EXIT_FAILED : EXIT_DONE;
}

static int with_target(struct arguments *a, bool enrolling)
{
	struct hg_gpu_error err = { 0 };
	struct hg_target t;
	int ret = EXIT_FAILED;

	if (hg_target_open(&t, &a->choice, &err)) {
		complain("%s", err.text);
	} else {
		say(&t);
		ret = enrolling ? enroll(a, &t) : identify(a, &t);
	}
	hg_target_close(&t);
	return ret;
}

int main(int argc, char **argv)
{
	static const struct argp argp = { options, parse, "list|identify|enroll|verify|check",
					  doc, NULL,
					  NULL,	   NULL };
	struct arguments a = { .choice = { .device = -1, .noise = SIM_NOISE / 100.0 },
			       .readings = READINGS };

	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &a);
	if (!strcmp(a.command, "list"))
		return list(&a);
	if (!strcmp(a.command, "verify"))
		return verify(&a);
	if (!strcmp(a.command, "check"))
		return check_record(&a);
	return with_target(&a, !strcmp(a.command, "enroll"));
}
