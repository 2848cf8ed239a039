// SPDX-License-Identifier: Apache-2.0
/* hgattest: evidence of this machine, and what a verifier released for it. */
#include <argp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bytes.h"
#include "error.h"
#include "evidence.h"
#include "file.h"
#include "remote.h"

#define BOOT_LOG "/sys/kernel/security/tpm0/binary_bios_measurements"
#define L0_LOG	 "/sys/kernel/security/hypergpu/event_log"
#define FILE_MAX 65536u

enum exit_status { EXIT_DONE, EXIT_FAILED, EXIT_USAGE, EXIT_TPM };

enum {
	OPT_TCTI = 't',
	OPT_OUT = 'o',
	OPT_NONCE = 'n',
	OPT_ROOT = 0x100,
	OPT_TIMEOUT,
	OPT_TYPE,
	OPT_AK,
	OPT_BANK,
	OPT_PCRS,
	OPT_BOOT_LOG,
	OPT_L0_LOG,
	OPT_REPORT,
	OPT_KEY,
	OPT_PUBLIC,
	OPT_CHALLENGE,
	OPT_OPEN,
	OPT_EK,
	OPT_OWNER_AUTH,
	OPT_ENDORSEMENT_AUTH,
	OPT_SERVER,
	OPT_CA,
	OPT_CERT,
	OPT_CERT_KEY,
	OPT_TOKEN,
	OPT_POLICY,
	OPT_SECRET,
	OPT_EVIDENCE,
	OPT_LABEL,
	OPT_EAR,
	OPT_BYTES,
	OPT_CVM,
	OPT_JSON,
};

struct arguments {
	const char *command;
	const char *tcti, *root, *out, *nonce, *type, *ak, *bank, *boot_log, *l0_log, *report, *key,
		*public, *challenge, *sealed, *ek, *owner_auth, *endorsement_auth, *evidence, *cvm;
	struct remote remote;
	uint32_t pcrs;
	unsigned int timeout, bytes;
};

const char *argp_program_version = "hgattest " ATT_VERSION;

static const struct argp_option options[] = {
	{ "tcti", OPT_TCTI, "TCTI", 0, "How to reach the TPM (device:/dev/tpmrm0)", 1 },
	{ "root", OPT_ROOT, "KIND", 0, "tpm (default), or software: for development only", 1 },
	{ "tpm-timeout", OPT_TIMEOUT, "SECONDS", 0, "How long the TPM may take for one step (120)",
	  1 },
	{ "ak", OPT_AK, "FILE", 0, "The attestation key, as hgattest ak wrote it", 2 },
	{ "type", OPT_TYPE, "TYPE", 0,
	  "ak: rsa2048, rsa3072, p256 (default), p384, sm2, sm2-sha256", 2 },
	{ "ek", OPT_EK, "NAME", 0,
	  "ak: enrol it with this endorsement key: l-1, l-2, h-1, h-2, h-3 (the first that is certified)",
	  2 },
	{ "owner-auth", OPT_OWNER_AUTH, "FILE", 0, "The owner hierarchy's password, if it has one",
	  1 },
	{ "endorsement-auth", OPT_ENDORSEMENT_AUTH, "FILE", 0, "The endorsement hierarchy's", 1 },
	{ "challenge", OPT_CHALLENGE, "FILE", 0, "activate: what hgverify --enrol wrote", 2 },
	{ "nonce", OPT_NONCE, "HEX", 0,
	  "report, report-data, gather: the verifier's nonce; open: check it", 3 },
	{ "bank", OPT_BANK, "NAME", 0, "gather: sha256 (default), sha384, sm3_256", 3 },
	{ "pcrs", OPT_PCRS, "LIST", 0, "gather: PCRs to quote (0-15)", 3 },
	{ "boot-log", OPT_BOOT_LOG, "FILE", 0, "gather: the firmware's event log, or none", 3 },
	{ "l0-log", OPT_L0_LOG, "FILE", 0, "gather: L0's event log, or none", 3 },
	{ "report", OPT_REPORT, "FILE", 0, "gather: the CVM's report", 3 },
	{ "key", OPT_KEY, "FILE", 0,
	  "The CVM's key: report, report-data and gather take the public half, too", 4 },
	{ "public", OPT_PUBLIC, "FILE", 0, "key: write the public half here", 4 },
	{ "open", OPT_OPEN, "FILE", 0, "The command open, and the released secret to open", 4 },
	{ "server", OPT_SERVER, "URL", 0, "The verifier: https://HOST:PORT", 5 },
	{ "ca", OPT_CA, "FILE", 0, "Who signed its certificate, or that itself: PEM", 5 },
	{ "client-cert", OPT_CERT, "FILE", 0, "This client's own certificate: PEM", 5 },
	{ "client-key", OPT_CERT_KEY, "FILE", 0, "Its key", 5 },
	{ "token", OPT_TOKEN, "FILE", 0, "join: what hgverifyd token create printed", 5 },
	{ "label", OPT_LABEL, "TEXT", 0, "join: what the machine is called", 5 },
	{ "bytes", OPT_BYTES, "N", 0, "challenge: a nonce of so many bytes, 16 to 64 (32)", 5 },
	{ "evidence", OPT_EVIDENCE, "FILE", 0, "submit: what hgattest gather wrote", 5 },
	{ "policy", OPT_POLICY, "NAME", 0, "submit, remote: by which policy", 5 },
	{ "secret", OPT_SECRET, "NAME", 0, "submit, remote: which secret is wanted, to --out", 5 },
	{ "ear", OPT_EAR, "FILE", 0, "submit, remote: write the signed result here", 5 },
	{ "json", OPT_JSON, NULL, 0, "submit, remote: print the claims as JSON", 5 },
	{ "cvm", OPT_CVM, "PROGRAM", 0, "remote: is called with NONCE REPORT-FILE KEY-FILE", 5 },
	{ "out", OPT_OUT, "FILE", 0, "Write here; - is standard output", 6 },
	{ 0 }
};

static const char doc[] =
	"Gather evidence of this machine for a verifier, and open what it released.\v"
	"Commands:\n"
	"  ak           make an attestation key: --out\n"
	"  enrol        what the verifier needs to enrol it: --ak --out\n"
	"  activate     answer the verifier's challenge: --ak --challenge --out\n"
	"  key          make a CVM's key: --out, --public\n"
	"  report-data  what the CVM's report must carry: --nonce --key\n"
	"  report       in the CVM, a report of L0's on it: --nonce --key --out\n"
	"  gather       evidence: --nonce --ak --out, and for a CVM --report --key\n"
	"  open         open a released secret: --open --key --out\n"
	"With a verifier, hgverifyd: --server --ca and\n"
	"  challenge    get a nonce: --out\n"
	"  submit       send evidence: --nonce --evidence, and --secret --out, --key to open it\n"
	"  remote       challenge, gather and submit: --ak, and --cvm, --secret --out\n"
	"  join         enrol this machine there: --ak, and --token\n"
	"\n"
	"Exit status: 0 done, 1 failed, 2 wrong usage, 3 the TPM failed or did not answer; "
	"from 10 on the verifier refused the evidence, as hgverify(1) has it.\n"
	"See hgattest(1).";

/* ---- Options ---- */

struct command {
	const char *name;
	int (*run)(const struct arguments *a);
	const char *needs; /* the missing option's name, found by missing() */
};

static bool parse_pcrs(const char *text, uint32_t *pcrs)
{
	char *end;

	*pcrs = 0;
	for (;;) {
		unsigned long first, last;

		if (*text < '0' || *text > '9')
			return false;
		first = last = strtoul(text, &end, 10);
		if (*end == '-') {
			text = end + 1;
			if (*text < '0' || *text > '9')
				return false;
			last = strtoul(text, &end, 10);
		}
		if (first > last || last >= ATT_PCRS)
			return false;
		for (; first <= last; first++)
			*pcrs |= 1u << first;
		if (!*end)
			return true;
		if (*end != ',')
			return false;
		text = end + 1;
	}
}

static void set_command(struct arguments *a, const char *name, const struct argp_state *state)
{
	if (a->command && strcmp(a->command, name))
		argp_error(state, "one command at a time, not '%s' after '%s'", name, a->command);
	a->command = name;
}

static void set_timeout(struct arguments *a, const char *text, const struct argp_state *state)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || n < 1 || n > 3600)
		argp_error(state, "--tpm-timeout wants 1 to 3600 seconds, not '%s'", text);
	a->timeout = (unsigned int)n;
}

static void set_bytes(struct arguments *a, const char *text, const struct argp_state *state)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || n < ATT_NONCE_MIN || n > ATT_NONCE_MAX)
		argp_error(state, "--bytes wants %u to %u, not '%s'", ATT_NONCE_MIN, ATT_NONCE_MAX,
			   text);
	a->bytes = (unsigned int)n;
}

static const char **remote_option(struct remote *r, int key)
{
	switch (key) {
	case OPT_SERVER:
		return &r->server;
	case OPT_CA:
		return &r->ca;
	case OPT_CERT:
		return &r->certificate;
	case OPT_CERT_KEY:
		return &r->certificate_key;
	case OPT_TOKEN:
		return &r->token;
	case OPT_LABEL:
		return &r->label;
	case OPT_POLICY:
		return &r->policy;
	case OPT_SECRET:
		return &r->secret;
	case OPT_EAR:
		return &r->ear;
	default:
		return NULL;
	}
}

static const char **string_option(struct arguments *a, int key)
{
	switch (key) {
	case OPT_TCTI:
		return &a->tcti;
	case OPT_ROOT:
		return &a->root;
	case OPT_OUT:
		return &a->out;
	case OPT_NONCE:
		return &a->nonce;
	case OPT_TYPE:
		return &a->type;
	case OPT_AK:
		return &a->ak;
	case OPT_BANK:
		return &a->bank;
	case OPT_BOOT_LOG:
		return &a->boot_log;
	case OPT_L0_LOG:
		return &a->l0_log;
	case OPT_REPORT:
		return &a->report;
	case OPT_KEY:
		return &a->key;
	case OPT_PUBLIC:
		return &a->public;
	case OPT_CHALLENGE:
		return &a->challenge;
	case OPT_EK:
		return &a->ek;
	case OPT_OWNER_AUTH:
		return &a->owner_auth;
	case OPT_ENDORSEMENT_AUTH:
		return &a->endorsement_auth;
	case OPT_EVIDENCE:
		return &a->evidence;
	case OPT_CVM:
		return &a->cvm;
	default:
		return remote_option(&a->remote, key);
	}
}

static void check(const struct arguments *a, const struct argp_state *state);

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;
	const char **option = string_option(a, key);

	if (option) {
		*option = arg;
		return 0;
	}
	switch (key) {
	case OPT_TIMEOUT:
		set_timeout(a, arg, state);
		break;
	case OPT_PCRS:
		if (!parse_pcrs(arg, &a->pcrs))
			argp_error(state, "--pcrs wants a list as 0-9,13, not '%s'", arg);
		break;
	case OPT_JSON:
		a->remote.json = true;
		break;
	case OPT_BYTES:
		set_bytes(a, arg, state);
		break;
	case OPT_OPEN:
		set_command(a, "open", state);
		a->sealed = arg;
		break;
	case ARGP_KEY_ARG:
		set_command(a, arg, state);
		break;
	case ARGP_KEY_END:
		check(a, state);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/* ---- The TPM, and its time limit ---- */

static const char *volatile current_step = "connect";
static unsigned int limit;

/* tpm2-tss' transports wait as long as they like; nothing was written yet. */
static void too_long(int signal)
{
	static const char head[] = "hgattest: the TPM did not answer in time: ";
	const char *step = current_step;
	ssize_t n;

	(void)signal;
	n = write(STDERR_FILENO, head, sizeof(head) - 1);
	n += write(STDERR_FILENO, step, strlen(step));
	n += write(STDERR_FILENO, "\n", 1);
	_exit(n ? EXIT_TPM : EXIT_FAILED);
}

static void on_step(void *opaque, const char *name)
{
	(void)opaque;
	current_step = name;
	alarm(limit);
}

static int report_error(const struct att_error *err)
{
	complain("%s", err->text);
	return err->code == ATT_E_TPM ? EXIT_TPM : EXIT_FAILED;
}

/* A file with a password, and perhaps a newline behind it. Nothing if there is no file. */
static int give_auth(struct att_root *root, const char *hierarchy, const char *path,
		     struct att_error *err)
{
	struct att_bytes auth;
	int ret;

	if (!path)
		return 0;
	if (file_read(path, FILE_MAX, &auth))
		return att_fail(err, ATT_E_IO, "no password of the %s hierarchy", hierarchy);
	ret = att_root_auth(root, hierarchy, auth.data,
			    auth.size - (auth.size && auth.data[auth.size - 1] == '\n'), err);
	att_bytes_free(&auth);
	return ret;
}

static struct att_root *open_kind(const struct arguments *a, struct att_error *err)
{
	struct sigaction action = { .sa_handler = too_long };

	if (!strcmp(a->root, "software")) {
		complain("warning: --root software proves nothing; it is for development");
		return att_root_software(on_step, NULL, err);
	}
	limit = a->timeout;
	sigaction(SIGALRM, &action, NULL);
	/* Its messages would come besides ours. */
	setenv("TSS2_LOG", "all+NONE", 0);
	return att_root_tpm(a->tcti, on_step, NULL, err);
}

static struct att_root *open_root(const struct arguments *a, struct att_error *err)
{
	struct att_root *root = open_kind(a, err);

	if (!root || (!give_auth(root, "owner", a->owner_auth, err) &&
		      !give_auth(root, "endorsement", a->endorsement_auth, err)))
		return root;
	att_root_free(root);
	return NULL;
}

static void close_root(struct att_root *root)
{
	on_step(NULL, "close");
	att_root_free(root);
	alarm(0);
}

/* ---- Commands ---- */

/* Writes what a step gave, if it gave something, and frees it. */
static int deliver(int failed, const struct arguments *a, struct att_bytes *b, unsigned int mode,
		   const struct att_error *err)
{
	int ret;

	if (failed)
		return report_error(err);
	ret = file_write(a->out, b->data, b->size, mode) ? EXIT_FAILED : EXIT_DONE;
	att_bytes_free(b);
	return ret;
}

static int run_ak(const struct arguments *a)
{
	struct att_bytes ak = { 0 };
	struct att_error err = { 0 };
	struct att_root *root = open_root(a, &err);
	int failed;

	if (!root)
		return report_error(&err);
	failed = att_ak_create(root, a->type, a->ek, &ak, &err);
	close_root(root);
	return deliver(failed, a, &ak, 0600, &err);
}

static int run_enrol(const struct arguments *a)
{
	struct att_bytes ak, request = { 0 };
	struct att_error err = { 0 };
	struct att_root *root;
	int failed = -1;

	if (file_read(a->ak, FILE_MAX, &ak))
		return EXIT_FAILED;
	root = open_root(a, &err);
	if (root) {
		failed = att_enrol_request(root, &ak, &request, &err);
		close_root(root);
	}
	att_bytes_free(&ak);
	return deliver(failed, a, &request, 0644, &err);
}

static int run_activate(const struct arguments *a)
{
	struct att_bytes ak, challenge, response = { 0 };
	struct att_error err = { 0 };
	struct att_root *root;
	int failed = -1;

	if (file_read(a->ak, FILE_MAX, &ak))
		return EXIT_FAILED;
	if (file_read(a->challenge, FILE_MAX, &challenge)) {
		att_bytes_free(&ak);
		return EXIT_FAILED;
	}
	root = open_root(a, &err);
	if (root) {
		failed = att_enrol_activate(root, &ak, &challenge, &response, &err);
		close_root(root);
	}
	att_bytes_free(&ak);
	att_bytes_free(&challenge);
	return deliver(failed, a, &response, 0600, &err);
}

static int run_key(const struct arguments *a)
{
	struct att_bytes pem = { 0 }, public = { 0 };
	struct att_error err = { 0 };
	int failed = att_cvm_key(&pem, &err);

	if (!failed && a->public) {
		failed = att_cvm_public(&pem, &public, &err);
		if (!failed && file_write(a->public, public.data, public.size, 0644)) {
			att_bytes_free(&pem);
			att_bytes_free(&public);
			return EXIT_FAILED;
		}
		att_bytes_free(&public);
	}
	return deliver(failed, a, &pem, 0600, &err);
}

static int report_data(const struct arguments *a, uint8_t data[ATT_REPORT_DATA])
{
	uint8_t nonce[ATT_NONCE_MAX];
	struct att_error err = { 0 };
	struct att_bytes pem;
	size_t size;
	int failed;

	if (file_nonce(a->nonce, nonce, &size))
		return EXIT_USAGE;
	if (file_read(a->key, FILE_MAX, &pem))
		return EXIT_FAILED;
	failed = att_report_data(nonce, size, (char *)pem.data, pem.size, data, &err);
	att_bytes_free(&pem);
	return failed ? report_error(&err) : EXIT_DONE;
}

static int run_report_data(const struct arguments *a)
{
	uint8_t data[ATT_REPORT_DATA];
	char text[2 * ATT_REPORT_DATA + 1];
	int ret = report_data(a, data);

	if (ret)
		return ret;
	att_hex(data, sizeof(data), text);
	puts(text);
	return EXIT_DONE;
}

static int run_report(const struct arguments *a)
{
	uint8_t data[ATT_REPORT_DATA];
	struct att_bytes report = { 0 };
	struct att_error err = { 0 };
	int ret = report_data(a, data);

	return ret ? ret : deliver(att_guest_report(data, &report, &err), a, &report, 0644, &err);
}

/* A log at its usual place may be missing; one that was asked for may not. */
static int read_log(const char *option, const char *usual, const char *what, struct att_bytes *b)
{
	memset(b, 0, sizeof(*b));
	if (option && !strcmp(option, "none"))
		return 0;
	if (option)
		return file_read(option, ATT_LOG_MAX, b);
	if (access(usual, R_OK)) {
		complain("note: %s cannot be read: evidence goes without %s", usual, what);
		return 0;
	}
	return file_read(usual, ATT_LOG_MAX, b);
}

static int read_inputs(const struct arguments *a, struct att_gather *g)
{
	if (file_read(a->ak, FILE_MAX, &g->ak) ||
	    read_log(a->boot_log, BOOT_LOG, "the firmware's event log", &g->boot_log) ||
	    read_log(a->l0_log, L0_LOG, "L0's event log", &g->l0_log) ||
	    (a->report && file_read(a->report, 4096, &g->report)) ||
	    (a->key && file_read(a->key, FILE_MAX, &g->cvm_key)))
		return -1;
	return 0;
}

static void free_inputs(struct att_gather *g)
{
	att_bytes_free(&g->ak);
	att_bytes_free(&g->boot_log);
	att_bytes_free(&g->l0_log);
	att_bytes_free(&g->report);
	att_bytes_free(&g->cvm_key);
}

/* Evidence as text. An exit status. */
static int gather(const struct arguments *a, struct att_gather *g, struct att_bytes *text)
{
	struct att_evidence *ev = NULL;
	struct att_error err = { 0 };
	struct att_root *root;
	int failed = -1;

	if (read_inputs(a, g)) {
		free_inputs(g);
		return EXIT_FAILED;
	}
	root = open_root(a, &err);
	if (root) {
		ev = att_gather(root, g, &err);
		close_root(root);
	}
	free_inputs(g);
	if (ev) {
		failed = att_bytes_take_string(text, att_evidence_dump(ev));
		att_evidence_free(ev);
	}
	return failed ? report_error(&err) : EXIT_DONE;
}

static int run_gather(const struct arguments *a)
{
	uint8_t nonce[ATT_NONCE_MAX];
	struct att_gather g = { .nonce = nonce, .bank = a->bank, .pcrs = a->pcrs };
	struct att_bytes text = { 0 };
	struct att_error err = { 0 };
	int ret;

	if (file_nonce(a->nonce, nonce, &g.nonce_size))
		return EXIT_USAGE;
	ret = gather(a, &g, &text);
	return ret ? ret : deliver(0, a, &text, 0644, &err);
}

/* ---- With a verifier ---- */

static int run_challenge(const struct arguments *a)
{
	uint8_t nonce[ATT_NONCE_MAX];
	char text[2 * ATT_NONCE_MAX + 2];
	struct att_client *c = remote_open(&a->remote);
	int ret = EXIT_FAILED;

	if (c && !remote_challenge(c, nonce, a->bytes)) {
		att_hex(nonce, a->bytes, text);
		strcat(text, "\n");
		ret = file_write(a->out, text, strlen(text), 0644) ? EXIT_FAILED : EXIT_DONE;
	}
	att_client_free(c);
	return ret;
}

static int run_submit(const struct arguments *a)
{
	struct remote r = a->remote;
	uint8_t nonce[ATT_NONCE_MAX];
	struct att_bytes evidence;
	struct att_client *c;
	size_t size;
	int ret = EXIT_FAILED;

	r.out = a->out;
	r.key = a->key;
	if (file_nonce(a->nonce, nonce, &size))
		return EXIT_USAGE;
	if (file_read(a->evidence, ATT_EVIDENCE_MAX, &evidence))
		return EXIT_FAILED;
	c = remote_open(&r);
	if (c)
		ret = remote_submit(c, &r, nonce, size, &evidence);
	att_client_free(c);
	att_bytes_free(&evidence);
	return ret;
}

/* The nonce first, then the CVM's report for it, then the quote. */
static int gather_with_cvm(const struct arguments *a, struct att_gather *g, struct att_bytes *text)
{
	char folder[] = "/tmp/hgattest.XXXXXX", report[64], key[64];
	struct arguments with = *a;
	int ret = EXIT_FAILED;

	if (!a->cvm)
		return gather(a, g, text);
	if (!mkdtemp(folder)) {
		complain("%s: cannot be made", folder);
		return EXIT_FAILED;
	}
	snprintf(report, sizeof(report), "%s/report", folder);
	snprintf(key, sizeof(key), "%s/key", folder);
	with.report = report;
	with.key = key;
	if (!remote_ask_cvm(a->cvm, g->nonce, g->nonce_size, report, key))
		ret = gather(&with, g, text);
	unlink(report);
	unlink(key);
	rmdir(folder);
	return ret;
}

static int run_remote(const struct arguments *a)
{
	uint8_t nonce[ATT_NONCE_MAX];
	struct att_gather g = {
		.nonce = nonce, .nonce_size = 32, .bank = a->bank, .pcrs = a->pcrs
	};
	struct remote r = a->remote;
	struct att_bytes evidence = { 0 };
	struct att_client *c = remote_open(&r);
	int ret = EXIT_FAILED;

	r.out = a->out;
	if (c && !remote_challenge(c, nonce, g.nonce_size)) {
		ret = gather_with_cvm(a, &g, &evidence);
		if (!ret)
			ret = remote_submit(c, &r, nonce, g.nonce_size, &evidence);
	}
	att_bytes_free(&evidence);
	att_client_free(c);
	return ret;
}

static int join_with(const struct arguments *a, struct att_client *c, struct att_root *root,
		     const struct att_bytes *ak)
{
	struct att_bytes request = { 0 }, challenge = { 0 }, response = { 0 };
	char *session = NULL, *machine = NULL;
	struct att_error err = { 0 };
	int ret = EXIT_DONE;

	if (att_enrol_request(root, ak, &request, &err) ||
	    att_client_enrol(c, &request, &session, &challenge, &err) ||
	    att_enrol_activate(root, ak, &challenge, &response, &err) ||
	    att_client_enrol_finish(c, session, &response, a->remote.label, &machine, &err))
		ret = report_error(&err);
	else
		puts(machine);
	att_bytes_free(&request);
	att_bytes_free(&challenge);
	att_bytes_free(&response);
	free(session);
	free(machine);
	return ret;
}

static int run_join(const struct arguments *a)
{
	struct att_client *c = remote_open(&a->remote);
	struct att_error err = { 0 };
	struct att_root *root = NULL;
	struct att_bytes ak = { 0 };
	int ret = EXIT_FAILED;

	if (c && !file_read(a->ak, FILE_MAX, &ak)) {
		root = open_root(a, &err);
		ret = root ? join_with(a, c, root, &ak) : report_error(&err);
	}
	if (root)
		close_root(root);
	att_bytes_free(&ak);
	att_client_free(c);
	return ret;
}

static int run_open(const struct arguments *a)
{
	uint8_t nonce[ATT_NONCE_MAX];
	struct att_bytes pem, jwe, secret = { 0 };
	struct att_error err = { 0 };
	size_t size = 0;
	int failed;

	if (a->nonce && file_nonce(a->nonce, nonce, &size))
		return EXIT_USAGE;
	if (file_read(a->key, FILE_MAX, &pem))
		return EXIT_FAILED;
	if (file_read(a->sealed, 2 * ATT_SECRET_MAX, &jwe)) {
		att_bytes_free(&pem);
		return EXIT_FAILED;
	}
	failed = att_open((char *)jwe.data, jwe.size, (char *)pem.data, pem.size,
			  a->nonce ? nonce : NULL, size, &secret, &err);
	att_bytes_free(&pem);
	att_bytes_free(&jwe);
	return deliver(failed, a, &secret, 0600, &err);
}

static const struct command commands[] = {
	{ "ak", run_ak, "--out" },
	{ "enrol", run_enrol, "--ak --out" },
	{ "activate", run_activate, "--ak --challenge --out" },
	{ "key", run_key, "--out" },
	{ "report-data", run_report_data, "--nonce --key" },
	{ "report", run_report, "--nonce --key --out" },
	{ "gather", run_gather, "--nonce --ak --out" },
	{ "open", run_open, "--open --key --out" },
	{ "challenge", run_challenge, "--server --ca --out" },
	{ "submit", run_submit, "--server --ca --nonce --evidence" },
	{ "remote", run_remote, "--server --ca --ak" },
	{ "join", run_join, "--server --ca --ak" },
};

static const struct command *find(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

/* -> the first option that the command needs and that is not there, or NULL. */
static const char *missing(const struct arguments *a, const char *needs)
{
	const struct {
		const char *name, *value;
	} given[] = {
		{ "--ak", a->ak },	       { "--challenge", a->challenge },
		{ "--nonce", a->nonce },       { "--key", a->key },
		{ "--open", a->sealed },       { "--server", a->remote.server },
		{ "--ca", a->remote.ca },      { "--evidence", a->evidence },
		{ "--out", a->out },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(given); i++)
		if (!given[i].value && strstr(needs, given[i].name))
			return given[i].name;
	return NULL;
}

static void check(const struct arguments *a, const struct argp_state *state)
{
	const struct command *c;
	const char *option;

	if (!a->command)
		argp_error(state,
			   "which command: ak, enrol, activate, key, report-data, report, gather, open, challenge, submit, remote or join?");
	c = find(a->command);
	if (!c)
		argp_error(state, "there is no command '%s'", a->command);
	option = missing(a, c->needs);
	if (option)
		argp_error(state, "%s needs %s", c->name, option);
	if (!a->report != !a->key && !strcmp(c->name, "gather"))
		argp_error(state, "gather takes --report and --key together, or neither");
	if (!a->remote.certificate != !a->remote.certificate_key)
		argp_error(state, "--client-cert and --client-key come together");
	if (a->remote.secret && !a->out)
		argp_error(state, "--secret needs --out");
	if (strcmp(a->root, "tpm") && strcmp(a->root, "software"))
		argp_error(state, "--root is tpm or software, not '%s'", a->root);
}

int main(int argc, char **argv)
{
	static const struct argp argp = { options, parse, "COMMAND", doc, NULL, NULL, NULL };
	struct arguments a = {
		.tcti = "device:/dev/tpmrm0",
		.root = "tpm",
		.type = "p256",
		.bank = "sha256",
		.pcrs = 0xffff,
		.timeout = 120,
		.bytes = 32,
	};

	if (getenv("HGATTEST_TCTI"))
		a.tcti = getenv("HGATTEST_TCTI");
	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &a);
	return find(a.command)->run(&a);
}
