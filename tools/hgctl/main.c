// SPDX-License-Identifier: Apache-2.0
/* hgctl: the operator's view of a HyperGPU machine. */
#include "cvm.h"
#include "doctor.h"
#include "front.h"
#include "measure.h"
#include "metrics.h"
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
	struct measure_options measure;
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
	"  measure  the launch digest of a confidential VM, from what it starts with;\n"
	"           it needs --kernel, --smp, --mem and --cpuid\n"
	"  cvm      define, start, stop, list and use VMs\n"
	"  gpu      enrol and verify GPUs, run programs on them\n"
	"  attest   keys, evidence and verification\n"
	"  config   check and show hypergpu.conf\n"
	"  metrics  counters and states for Prometheus\n"
	"cvm, gpu, attest, config and metrics have a --help of their own.\n"
	"\n"
	"Exit status of doctor: 0 when nothing that hypergpu.ko requires is missing,\n"
	"1 when something is. See hgctl(1).";

static bool is(const struct arguments *a, const char *command)
{
	return !strcmp(a->command, command);
}

/* The command is there, it exists, and the options are its own. */
static void check(const struct arguments *a, const struct argp_state *state)
{
	const struct measure_options *m = &a->measure;

	if (!a->command)
		argp_error(state, "which command: doctor, status or measure?");
	if (!is(a, "doctor") && !is(a, "status") && !is(a, "measure"))
		argp_error(state, "there is no command '%s'", a->command);
	if (!is(a, "status") && (a->status.all || a->status.watch))
		argp_error(state, "--all and --watch belong to status");
	if (!is(a, "measure") && m->any)
		argp_error(state, "%s takes none of the options of measure", a->command);
	if (is(a, "measure") && !((m->kernel || m->firmware) && m->smp && m->mem && m->cpuid))
		argp_error(state, "measure needs %s", !m->kernel && !m->firmware ? "--kernel FILE" :
			   !m->smp ? "--smp N" : !m->mem ? "--mem SIZE" :
			   "--cpuid FILE, which hgvmm --dump-cpuid FILE writes");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;
	char *end;
	unsigned long n;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->measure;
		break;
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
		check(a, state);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

int main(int argc, char **argv)
{
	/* Commands with command lines of their own. */
	static const struct {
		const char *name;
		int (*main)(int argc, char **argv);
	} own[] = {
		{ "cvm", cvm_main }, { "gpu", gpu_main }, { "attest", attest_main },
		{ "config", config_main }, { "metrics", metrics_main },
	};
	static const struct argp_child children[] = {
		{ &measure_argp, 0, "Options of measure:", 1 }, { 0 }
	};
	static const struct argp argp = { options, parse, "COMMAND", doc, children, NULL, NULL };
	struct arguments a = { .root = getenv("HGCTL_ROOT") };

	for (size_t i = 0; argc > 1 && i < sizeof(own) / sizeof(own[0]); i++)
		if (!strcmp(argv[1], own[i].name))
			return own[i].main(argc - 1, argv + 1);
	argp_err_exit_status = 2;
	argp_parse(&argp, argc, argv, 0, NULL, &a);
	if (!a.root)
		a.root = "";
	if (is(&a, "doctor"))
		return doctor_main(a.root, a.status.json);
	if (is(&a, "measure"))
		return measure_main(&a.measure, a.status.json);
	return status_main(a.root, &a.status);
}
