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
};

struct arguments {
	const char *command;
	const char *tcti, *root, *out, *nonce, *type, *ak, *bank, *boot_log, *l0_log, *report, *key,
		*public, *challenge, *sealed, *ek, *owner_auth, *endorsement_auth;
	uint32_t pcrs;
	unsigned int timeout;
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
	{ "out", OPT_OUT, "FILE", 0, "Write here; - is standard output", 5 },
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
	"\n"
	"Exit status: 0 done, 1 failed, 2 wrong usage, 3 the TPM failed or did not answer.\n"
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
	default:
		return NULL;
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

static int run_gather(const struct arguments *a)
{
	uint8_t nonce[ATT_NONCE_MAX];
	struct att_gather g = { .nonce = nonce, .bank = a->bank, .pcrs = a->pcrs };
	struct att_evidence *ev = NULL;
	struct att_bytes text = { 0 };
	struct att_error err = { 0 };
	struct att_root *root;
	int failed = -1;

	if (file_nonce(a->nonce, nonce, &g.nonce_size))
		return EXIT_USAGE;
	if (read_inputs(a, &g)) {
		free_inputs(&g);
		return EXIT_FAILED;
	}
	root = open_root(a, &err);
	if (root) {
		ev = att_gather(root, &g, &err);
		close_root(root);
	}
	free_inputs(&g);
	if (ev) {
		failed = att_bytes_take_string(&text, att_evidence_dump(ev));
		att_evidence_free(ev);
	}
	return deliver(failed, a, &text, 0644, &err);
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
		{ "--ak", a->ak },   { "--challenge", a->challenge }, { "--nonce", a->nonce },
		{ "--key", a->key }, { "--open", a->sealed },	      { "--out", a->out },
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
		argp_error(
			state,
			"which command: ak, enrol, activate, key, report-data, report, gather or open?");
	c = find(a->command);
	if (!c)
		argp_error(state, "there is no command '%s'", a->command);
	option = missing(a, c->needs);
	if (option)
		argp_error(state, "%s needs %s", c->name, option);
	if (!a->report != !a->key && !strcmp(c->name, "gather"))
		argp_error(state, "gather takes --report and --key together, or neither");
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
	};

	if (getenv("HGATTEST_TCTI"))
		a.tcti = getenv("HGATTEST_TCTI");
	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &a);
	return find(a.command)->run(&a);
}
