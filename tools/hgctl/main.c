// SPDX-License-Identifier: Apache-2.0
/* hgctl: the operator's view of a HyperGPU machine. */
#include "doctor.h"
#include "status.h"

#include <argp.h>
#include <stdlib.h>
#include <string.h>

#define VERSION "0.1"

const char *argp_program_version = "hgctl " VERSION;

enum { OPT_JSON = 'j', OPT_ALL = 'a', OPT_WATCH = 'w', OPT_ROOT = 0x100 };

struct arguments {
	const char *command;
	const char *root;
	struct status_options status;
};

static const struct argp_option options[] = {
	{ "json", OPT_JSON, NULL, 0, "Print JSON", 0 },
	{ "all", OPT_ALL, NULL, 0, "status: counters that are zero, too", 0 },
	{ "watch", OPT_WATCH, "SECONDS", OPTION_ARG_OPTIONAL,
	  "status: look again every SECONDS (1), and show changes per second", 0 },
	{ "root", OPT_ROOT, "DIR", 0, "Look at the machine described in DIR, for tests", 0 },
	{ 0 }
};

static const char doc[] =
	"Tell what this machine has for HyperGPU, and what runs on it.\v"
	"Commands:\n"
	"  doctor   what the machine has and lacks, with the remedies\n"
	"  status   the VMs that run on hypergpu.ko, and their counters\n"
	"\n"
	"Exit status of doctor: 0 when nothing that hypergpu.ko requires is missing,\n"
	"1 when something is. See hgctl(1).";

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;
	char *end;
	unsigned long n;

	switch (key) {
	case OPT_JSON:
		a->status.json = true;
		break;
	case OPT_ALL:
		a->status.all = true;
		break;
	case OPT_WATCH:
		n = arg ? strtoul(arg, &end, 10) : 1;
		if (arg && (*arg < '0' || *arg > '9' || *end || n < 1 || n > 3600))
			argp_error(state, "--watch wants 1 to 3600 seconds, not '%s'", arg);
		a->status.watch = n;
		break;
	case OPT_ROOT:
		a->root = arg;
		break;
	case ARGP_KEY_ARG:
		if (a->command)
			argp_error(state, "one command at a time, not '%s' after '%s'", arg,
				   a->command);
		a->command = arg;
		break;
	case ARGP_KEY_END:
		if (!a->command)
			argp_error(state, "which command: doctor or status?");
		if (strcmp(a->command, "doctor") && strcmp(a->command, "status"))
			argp_error(state, "there is no command '%s'", a->command);
		if (!strcmp(a->command, "doctor") && (a->status.all || a->status.watch))
			argp_error(state, "--all and --watch belong to status");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

int main(int argc, char **argv)
{
	static const struct argp argp = { options, parse, "COMMAND", doc, NULL, NULL, NULL };
	struct arguments a = { .root = getenv("HGCTL_ROOT") };

	argp_err_exit_status = 2;
	argp_parse(&argp, argc, argv, 0, NULL, &a);
	if (!a.root)
		a.root = "";
	if (!strcmp(a.command, "doctor"))
		return doctor_main(a.root, a.status.json);
	return status_main(a.root, &a.status);
}
