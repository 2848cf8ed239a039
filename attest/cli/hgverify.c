// SPDX-License-Identifier: Apache-2.0
/* hgverify: appraises evidence by a policy; releases a secret if all of it passed. */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bytes.h"
#include "file.h"

#define FILE_MAX  (4u << 20)
#define IMAGE_MAX (1u << 30) /* a kernel, an initrd */
#define LIST_MAX  256

/* From 10 on: enum att_verdict. */
enum exit_status { EXIT_PASSED, EXIT_FAILED, EXIT_USAGE, EXIT_INPUT };

enum {
	OPT_EVIDENCE = 'e',
	OPT_NONCE = 'n',
	OPT_POLICY = 'p',
	OPT_JSON = 'j',
	OPT_OUT = 'o',
	OPT_REFERENCE = 0x100,
	OPT_ENROLLED,
	OPT_RELEASE,
	OPT_EAR,
	OPT_EAR_KEY,
	OPT_NONCES,
	OPT_NEW_NONCE,
	OPT_ENROL,
	OPT_ROOTS,
	OPT_CHALLENGE,
	OPT_STATE,
	OPT_FINISH,
	OPT_TIME,
	OPT_CRLS,
	OPT_REFERENCE_KEY,
	OPT_TO_CORIM,
	OPT_SIGN_KEY,
	OPT_SIGNER,
	OPT_BOOT_REFERENCE,
	OPT_KERNEL,
	OPT_INITRD,
	OPT_APPEND,
	OPT_FIRMWARE_LOG,
	OPT_NAME,
};

struct arguments {
	const char *evidence, *nonce, *policy, *out, *release, *ear, *ear_key, *nonces, *enrol,
		*roots, *crls, *challenge, *state, *finish, *reference_key, *to_corim, *sign_key,
		*signer, *kernel, *initrd, *append, *firmware_log, *name;
	const char *reference[LIST_MAX], *enrolled[LIST_MAX];
	size_t references, enrolleds;
	bool json, new_nonce, boot_reference;
	int64_t now;
};

const char *argp_program_version = "hgverify " ATT_VERSION;

static const struct argp_option options[] = {
	{ NULL, 0, NULL, 0, "Appraisal:", 1 },
	{ "evidence", OPT_EVIDENCE, "FILE", 0, "What hgattest gather wrote", 1 },
	{ "nonce", OPT_NONCE, "HEX", 0, "The nonce it must be for", 1 },
	{ "policy", OPT_POLICY, "FILE", 0, "What is accepted", 1 },
	{ "reference", OPT_REFERENCE, "FILE", 0,
	  "More reference values, JSON or CoRIM; may be repeated", 1 },
	{ "reference-key", OPT_REFERENCE_KEY, "FILE", 0,
	  "Who must have signed them: then only signed CoRIMs are taken; PEM, P-256 or P-384", 1 },
	{ "enrolled", OPT_ENROLLED, "FILE", 0, "An enrolment record; may be repeated", 1 },
	{ "json", OPT_JSON, NULL, 0, "Print the claims as JSON", 1 },
	{ "ear", OPT_EAR, "FILE", 0, "Write the result as EAR in a signed JWT", 1 },
	{ "ear-key", OPT_EAR_KEY, "FILE", 0, "The key that signs it: PEM, P-256 or P-384", 1 },
	{ "release", OPT_RELEASE, "FILE", 0, "If all passed, seal this secret to the CVM: --out",
	  1 },
	{ NULL, 0, NULL, 0, "Nonces that are good for one appraisal:", 2 },
	{ "nonces", OPT_NONCES, "DIR", 0, "Folder of the nonces that are out", 2 },
	{ "new-nonce", OPT_NEW_NONCE, NULL, 0, "Make one, note it in --nonces, print it", 2 },
	{ NULL, 0, NULL, 0, "Enrolment:", 3 },
	{ "enrol", OPT_ENROL, "FILE", 0, "What hgattest enrol wrote: --roots --challenge --state",
	  3 },
	{ "roots", OPT_ROOTS, "FILE", 0, "Certificates of the TPM vendors, PEM", 3 },
	{ "crls", OPT_CRLS, "FILE", 0,
	  "Their revocation lists, PEM: one of each CA, or the enrolment is refused", 3 },
	{ "challenge", OPT_CHALLENGE, "FILE", 0, "Write the challenge here", 3 },
	{ "state", OPT_STATE, "FILE", 0, "Secret: what the answer is compared with", 3 },
	{ "enrol-finish", OPT_FINISH, "FILE", 0, "What hgattest activate wrote: --state --out", 3 },
	{ NULL, 0, NULL, 0, "Reference values for others:", 4 },
	{ "to-corim", OPT_TO_CORIM, "FILE", 0, "Write these, which are JSON, as CoRIM: --out", 4 },
	{ "sign-key", OPT_SIGN_KEY, "FILE", 0, "Sign it (COSE_Sign1): PEM, P-256 or P-384", 4 },
	{ "signer", OPT_SIGNER, "NAME", 0, "In whose name", 4 },
	{ NULL, 0, NULL, 0, "Reference values of a boot:", 5 },
	{ "boot-reference", OPT_BOOT_REFERENCE, NULL, 0,
	  "Compute them: --kernel --initrd --append, or --firmware-log; --out", 5 },
	{ "kernel", OPT_KERNEL, "FILE", 0, "The kernel: an image that UEFI starts", 5 },
	{ "initrd", OPT_INITRD, "FILE", 0, "The initrd, as the kernel gets it", 5 },
	{ "append", OPT_APPEND, "TEXT", 0, "The whole command line, as the kernel gets it", 5 },
	{ "firmware-log", OPT_FIRMWARE_LOG, "FILE", 0,
	  "Event log of a machine that you trust: what its firmware measured of itself", 5 },
	{ "name", OPT_NAME, "TEXT", 0, "What messages call this boot", 5 },
	{ NULL, 0, NULL, 0, "", 6 },
	{ "out", OPT_OUT, "FILE", 0, "Write here; - is standard output", 6 },
	{ "time", OPT_TIME, "SECONDS", 0, "As if it were this time (since 1970)", 6 },
	{ 0 }
};

static const char doc[] =
	"Appraise the evidence of a HyperGPU machine, and release a secret to its CVM.\v"
	"Exit status: 0 passed; 1 failed to do it; 2 wrong usage; 3 policy or another input is wrong; "
	"and when evidence is refused: 10 malformed, 11 trust root or key, 12 nonce, 13 quote, "
	"14 event log, 15 reference values, 16 report, 17 launch, 18 the CVM's key. See hgverify(1).";

static void add(const char **list, size_t *count, const char *arg, const struct argp_state *state)
{
	if (*count == LIST_MAX)
		argp_error(state, "at most %d of them", LIST_MAX);
	list[(*count)++] = arg;
}

static void set_time(struct arguments *a, const char *text, const struct argp_state *state)
{
	char *end;

	a->now = strtoll(text, &end, 10);
	if (*text < '0' || *text > '9' || *end)
		argp_error(state, "--time wants seconds since 1970, not '%s'", text);
}

static void check(const struct arguments *a, const struct argp_state *state)
{
	int modes = !!a->evidence + !!a->enrol + !!a->finish + !!a->to_corim + a->new_nonce +
		    a->boot_reference;

	if (modes != 1)
		argp_error(state, "one of --evidence, --new-nonce, --enrol, --enrol-finish, "
				  "--to-corim, --boot-reference");
	if (a->boot_reference && (!a->out || (!a->kernel && !a->firmware_log)))
		argp_error(state, "--boot-reference needs --out, and --kernel or --firmware-log");
	if (!a->boot_reference &&
	    (a->kernel || a->initrd || a->append || a->firmware_log || a->name))
		argp_error(state, "what is booted is for --boot-reference");
	if ((a->initrd || a->append) && !a->kernel)
		argp_error(state, "--initrd and --append need --kernel");
	if (a->evidence && (!a->nonce || !a->policy))
		argp_error(state, "--evidence needs --nonce and --policy");
	if (!a->release && a->evidence && a->out)
		argp_error(state, "--out is where --release writes");
	if (a->release && (!a->evidence || !a->out))
		argp_error(state, "--release needs --evidence and --out");
	if (!a->ear != !a->ear_key)
		argp_error(state, "--ear and --ear-key come together");
	if (a->new_nonce && !a->nonces)
		argp_error(state, "--new-nonce needs --nonces");
	if (a->enrol && (!a->roots || !a->challenge || !a->state))
		argp_error(state, "--enrol needs --roots, --challenge and --state");
	if (a->reference_key && !a->references)
		argp_error(state, "--reference-key goes with --reference");
	if (a->to_corim && !a->out)
		argp_error(state, "--to-corim needs --out");
	if (!a->to_corim && (a->sign_key || a->signer))
		argp_error(state, "--sign-key and --signer go with --to-corim");
	if (!a->sign_key != !a->signer)
		argp_error(state, "--sign-key and --signer come together");
	if (a->crls && !a->enrol)
		argp_error(state, "--crls goes with --enrol");
	if (a->finish && (!a->state || !a->out))
		argp_error(state, "--enrol-finish needs --state and --out");
}

static const char **string_option(struct arguments *a, int key)
{
	switch (key) {
	case OPT_EVIDENCE:
		return &a->evidence;
	case OPT_NONCE:
		return &a->nonce;
	case OPT_POLICY:
		return &a->policy;
	case OPT_OUT:
		return &a->out;
	case OPT_RELEASE:
		return &a->release;
	case OPT_EAR:
		return &a->ear;
	case OPT_EAR_KEY:
		return &a->ear_key;
	case OPT_NONCES:
		return &a->nonces;
	case OPT_ENROL:
		return &a->enrol;
	case OPT_ROOTS:
		return &a->roots;
	case OPT_CRLS:
		return &a->crls;
	case OPT_CHALLENGE:
		return &a->challenge;
	case OPT_STATE:
		return &a->state;
	case OPT_FINISH:
		return &a->finish;
	case OPT_REFERENCE_KEY:
		return &a->reference_key;
	case OPT_TO_CORIM:
		return &a->to_corim;
	case OPT_SIGN_KEY:
		return &a->sign_key;
	case OPT_SIGNER:
		return &a->signer;
	case OPT_KERNEL:
		return &a->kernel;
	case OPT_INITRD:
		return &a->initrd;
	case OPT_APPEND:
		return &a->append;
	case OPT_FIRMWARE_LOG:
		return &a->firmware_log;
	case OPT_NAME:
		return &a->name;
	default:
		return NULL;
	}
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;
	const char **option = string_option(a, key);

	if (option) {
		*option = arg;
		return 0;
	}
	switch (key) {
	case OPT_JSON:
		a->json = true;
		break;
	case OPT_NEW_NONCE:
		a->new_nonce = true;
		break;
	case OPT_BOOT_REFERENCE:
		a->boot_reference = true;
		break;
	case OPT_REFERENCE:
		add(a->reference, &a->references, arg, state);
		break;
	case OPT_ENROLLED:
		add(a->enrolled, &a->enrolleds, arg, state);
		break;
	case OPT_TIME:
		set_time(a, arg, state);
		break;
	case ARGP_KEY_ARG:
		argp_error(state, "'%s' is not an option", arg);
		break;
	case ARGP_KEY_END:
		check(a, state);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/* ---- Nonces ---- */

static int new_nonce(const struct arguments *a)
{
	uint8_t nonce[32];
	char text[2 * sizeof(nonce) + 1], *path = NULL;
	int fd;

	if (RAND_bytes(nonce, sizeof(nonce)) != 1) {
		complain("no random numbers");
		return EXIT_FAILED;
	}
	att_hex(nonce, sizeof(nonce), text);
	if (asprintf(&path, "%s/%s", a->nonces, text) < 0)
		return EXIT_FAILED;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		complain("%s: %s", path, strerror(errno));
	else
		close(fd);
	free(path);
	if (fd < 0)
		return EXIT_FAILED;
	puts(text);
	return fflush(stdout) ? EXIT_FAILED : EXIT_PASSED;
}

/* Removing the file is what makes it good for one appraisal, also of two at a time. */
static int use_nonce(const struct arguments *a, const uint8_t *nonce, size_t size)
{
	char text[2 * ATT_NONCE_MAX + 1], *path = NULL;
	int ret;

	if (!a->nonces)
		return EXIT_PASSED;
	att_hex(nonce, size, text);
	if (asprintf(&path, "%s/%s", a->nonces, text) < 0)
		return EXIT_FAILED;
	ret = unlink(path) ? errno : 0;
	free(path);
	if (!ret)
		return EXIT_PASSED;
	if (ret != ENOENT) {
		complain("%s: %s", a->nonces, strerror(ret));
		return EXIT_FAILED;
	}
	complain(
		"refused: nonce: expected one that is out, found one that was used before or never given out; likely evidence was sent again");
	return ATT_V_FRESHNESS;
}

/* ---- Appraisal ---- */

/* @key: of who must have signed reference values, or NULL. */
typedef int add_file(struct att_policy *policy, const struct att_bytes *text,
		     const struct att_bytes *key, struct att_error *err);

static int add_reference(struct att_policy *policy, const struct att_bytes *text,
			 const struct att_bytes *key, struct att_error *err)
{
	if (key || att_is_corim(text->data, text->size))
		return att_policy_add_corim(policy, text->data, text->size, key, err);
	return att_policy_add_reference(policy, (char *)text->data, text->size, err);
}

static int add_enrolled(struct att_policy *policy, const struct att_bytes *text,
			const struct att_bytes *key, struct att_error *err)
{
	(void)key;
	return att_policy_add_enrolled(policy, (char *)text->data, text->size, err);
}

static int add_all(struct att_policy *policy, add_file *with, const char *const *list, size_t count,
		   const struct att_bytes *key)
{
	struct att_error err = { 0 };
	struct att_bytes text;
	size_t i;
	int ret;

	for (i = 0; i < count; i++) {
		if (file_read(list[i], FILE_MAX, &text))
			return -1;
		ret = with(policy, &text, key, &err);
		att_bytes_free(&text);
		if (ret) {
			complain("%s: %s", list[i], err.text);
			return -1;
		}
	}
	return 0;
}

static int add_references(const struct arguments *a, struct att_policy *policy)
{
	struct att_bytes key = { 0 };
	int ret;

	if (a->reference_key && file_read(a->reference_key, 65536, &key))
		return -1;
	ret = add_all(policy, add_reference, a->reference, a->references,
		      a->reference_key ? &key : NULL);
	att_bytes_free(&key);
	return ret;
}

static struct att_policy *read_policy(const struct arguments *a)
{
	struct att_error err = { 0 };
	struct att_policy *policy;
	struct att_bytes text;

	if (file_read(a->policy, FILE_MAX, &text))
		return NULL;
	policy = att_policy_parse((char *)text.data, text.size, &err);
	att_bytes_free(&text);
	if (!policy) {
		complain("%s: %s", a->policy, err.text);
		return NULL;
	}
	if (!add_references(a, policy) &&
	    !add_all(policy, add_enrolled, a->enrolled, a->enrolleds, NULL))
		return policy;
	att_policy_free(policy);
	return NULL;
}

static int write_ear(const struct arguments *a, const struct att_result *res)
{
	struct att_error err = { 0 };
	struct att_bytes pem;
	char *token;
	int ret;

	if (file_read(a->ear_key, 65536, &pem))
		return EXIT_FAILED;
	token = att_result_ear(res, (char *)pem.data, pem.size, &err);
	att_bytes_free(&pem);
	if (!token) {
		complain("%s: %s", a->ear_key, err.text);
		return EXIT_FAILED;
	}
	ret = file_write(a->ear, token, strlen(token), 0644);
	free(token);
	return ret ? EXIT_FAILED : EXIT_PASSED;
}

static int release(const struct arguments *a, const struct att_result *res)
{
	struct att_error err = { 0 };
	struct att_bytes secret;
	char *jwe;
	int ret;

	if (file_read(a->release, ATT_SECRET_MAX, &secret))
		return EXIT_FAILED;
	jwe = att_release(res, secret.data, secret.size, &err);
	att_bytes_free(&secret);
	if (!jwe) {
		complain("%s", err.text);
		return EXIT_FAILED;
	}
	ret = file_write(a->out, jwe, strlen(jwe), 0600);
	free(jwe);
	return ret ? EXIT_FAILED : EXIT_PASSED;
}

/* The verdict goes to stderr when the secret goes to standard output. */
static int show(const struct arguments *a, const struct att_result *res)
{
	bool taken = (a->out && !strcmp(a->out, "-")) || (a->ear && !strcmp(a->ear, "-"));
	FILE *to = taken ? stderr : stdout;
	char *text;

	if (!a->json) {
		att_result_table(res, to);
		return fflush(to) ? EXIT_FAILED : EXIT_PASSED;
	}
	text = att_result_json(res);
	if (!text)
		return EXIT_FAILED;
	fputs(text, to);
	free(text);
	return fflush(to) ? EXIT_FAILED : EXIT_PASSED;
}

/* Nothing leaves before everything else is done, and nothing at all after a refusal. */
static int conclude(const struct arguments *a, const struct att_result *res)
{
	int ret = show(a, res), verdict = (int)att_result_verdict(res);

	if (!ret && a->ear)
		ret = write_ear(a, res);
	if (ret || verdict)
		return verdict ? verdict : ret;
	return a->release ? release(a, res) : EXIT_PASSED;
}

static int appraise_with(const struct arguments *a, const struct att_policy *policy,
			 const uint8_t *nonce, size_t nonce_size)
{
	struct att_error err = { 0 };
	struct att_result *res = NULL;
	struct att_evidence *ev;
	struct att_bytes text;
	int ret;

	if (file_read(a->evidence, ATT_EVIDENCE_MAX, &text))
		return errno == EFBIG ? (int)ATT_V_FORMAT : EXIT_FAILED;
	ev = att_evidence_parse((char *)text.data, text.size, &err);
	att_bytes_free(&text);
	if (!ev) {
		complain("%s: refused: evidence: %s", a->evidence, err.text);
		return err.code == ATT_E_MEMORY ? EXIT_FAILED : ATT_V_FORMAT;
	}
	ret = use_nonce(a, nonce, nonce_size);
	if (!ret) {
		res = att_appraise(ev, policy, nonce, nonce_size, a->now, &err);
		if (!res) {
			complain("%s", err.text);
			ret = EXIT_FAILED;
		}
	}
	att_evidence_free(ev);
	if (res)
		ret = conclude(a, res);
	att_result_free(res);
	return ret;
}

static int appraise(const struct arguments *a)
{
	uint8_t nonce[ATT_NONCE_MAX];
	struct att_policy *policy;
	size_t size;
	int ret;

	if (file_nonce(a->nonce, nonce, &size))
		return EXIT_USAGE;
	policy = read_policy(a);
	if (!policy)
		return EXIT_INPUT;
	ret = appraise_with(a, policy, nonce, size);
	att_policy_free(policy);
	return ret;
}

/* ---- Enrolment ---- */

static int refused(const struct att_error *err)
{
	complain("refused: %s", err->text);
	return err->code == ATT_E_FORMAT   ? ATT_V_FORMAT
	       : err->code == ATT_E_MEMORY ? EXIT_FAILED
					   : ATT_V_TRUST_ROOT;
}

static int enrol(const struct arguments *a)
{
	struct att_bytes request, roots, crls = { 0 }, challenge = { 0 }, state = { 0 };
	struct att_error err = { 0 };
	int ret;

	if (file_read(a->enrol, 65536, &request))
		return EXIT_FAILED;
	if (file_read(a->roots, 1u << 20, &roots)) {
		att_bytes_free(&request);
		return EXIT_INPUT;
	}
	if (a->crls && file_read(a->crls, 8u << 20, &crls)) {
		att_bytes_free(&request);
		att_bytes_free(&roots);
		return EXIT_INPUT;
	}
	ret = att_enrol_challenge_crls(&request, &roots, a->crls ? &crls : NULL, a->now, &challenge,
				       &state, &err);
	att_bytes_free(&request);
	att_bytes_free(&roots);
	att_bytes_free(&crls);
	if (ret)
		return refused(&err);
	ret = file_write(a->state, state.data, state.size, 0600) ||
	      file_write(a->challenge, challenge.data, challenge.size, 0644);
	att_bytes_free(&challenge);
	att_bytes_free(&state);
	return ret ? EXIT_FAILED : EXIT_PASSED;
}

static int enrol_finish(const struct arguments *a)
{
	struct att_bytes state, response, record = { 0 };
	struct att_error err = { 0 };
	int ret;

	if (file_read(a->state, 65536, &state))
		return EXIT_INPUT;
	if (file_read(a->finish, 65536, &response)) {
		att_bytes_free(&state);
		return EXIT_FAILED;
	}
	ret = att_enrol_finish(&state, &response, a->now, &record, &err);
	att_bytes_free(&state);
	att_bytes_free(&response);
	if (ret)
		return refused(&err);
	ret = file_write(a->out, record.data, record.size, 0644);
	att_bytes_free(&record);
	return ret ? EXIT_FAILED : EXIT_PASSED;
}

/* ---- Reference values ---- */

static int to_corim(const struct arguments *a)
{
	struct att_bytes text, key = { 0 }, corim = { 0 };
	struct att_error err = { 0 };
	int ret;

	if (file_read(a->to_corim, FILE_MAX, &text))
		return EXIT_INPUT;
	if (a->sign_key && file_read(a->sign_key, 65536, &key)) {
		att_bytes_free(&text);
		return EXIT_INPUT;
	}
	ret = att_reference_to_corim((char *)text.data, text.size, a->sign_key ? &key : NULL,
				     a->signer, &corim, &err);
	att_bytes_free(&text);
	att_bytes_free(&key);
	if (ret) {
		complain("%s: %s", a->to_corim, err.text);
		return EXIT_INPUT;
	}
	ret = file_write(a->out, corim.data, corim.size, 0644);
	att_bytes_free(&corim);
	return ret ? EXIT_FAILED : EXIT_PASSED;
}

/* ---- Reference values of a boot ---- */

static int write_reference(const struct arguments *a, const struct att_boot_files *files)
{
	struct att_error err = { 0 };
	struct att_bytes json = { 0 };
	int ret;

	if (att_boot_reference(files, &json, &err)) {
		complain("%s", err.text);
		return err.code == ATT_E_FORMAT ? EXIT_INPUT : EXIT_FAILED;
	}
	ret = file_write(a->out, json.data, json.size, 0644);
	att_bytes_free(&json);
	return ret ? EXIT_FAILED : EXIT_PASSED;
}

/* What lets the kernel go on without the initrd that is measured: docs/attestation.md. */
static void warn_of_line(const char *line)
{
	static const char *const words[] = { "initrd=", "root=" };
	size_t i;

	for (i = 0; line && i < ARRAY_SIZE(words); i++) {
		const char *at = line;

		while ((at = strstr(at, words[i])) && at != line && at[-1] != ' ')
			at++;
		if (at)
			complain(
				"warning: the command line has %s: with it the kernel may start what was not measured, which can extend the wanted digests later",
				words[i]);
	}
}

static int boot_reference(const struct arguments *a)
{
	struct att_boot_files files = {
		.name = a->name ? a->name : "boot",
		.firmware_name = a->name ? a->name : "firmware",
		.append = a->append,
	};
	int ret = EXIT_INPUT;

	warn_of_line(a->append);
	if ((!a->kernel || !file_read(a->kernel, IMAGE_MAX, &files.kernel)) &&
	    (!a->initrd || !file_read(a->initrd, IMAGE_MAX, &files.initrd)) &&
	    (!a->firmware_log || !file_read(a->firmware_log, FILE_MAX, &files.firmware_log)))
		ret = write_reference(a, &files);
	att_bytes_free(&files.kernel);
	att_bytes_free(&files.initrd);
	att_bytes_free(&files.firmware_log);
	return ret;
}

int main(int argc, char **argv)
{
	static const struct argp argp = { options, parse, NULL, doc, NULL, NULL, NULL };
	struct arguments a = { .now = time(NULL) };

	argp_err_exit_status = EXIT_USAGE;
	/* What its unmarshalling refuses, the claims tell. */
	setenv("TSS2_LOG", "all+NONE", 0);
	argp_parse(&argp, argc, argv, 0, NULL, &a);
	if (a.new_nonce)
		return new_nonce(&a);
	if (a.boot_reference)
		return boot_reference(&a);
	if (a.enrol)
		return enrol(&a);
	if (a.to_corim)
		return to_corim(&a);
	return a.finish ? enrol_finish(&a) : appraise(&a);
}
