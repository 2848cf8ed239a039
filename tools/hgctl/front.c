// SPDX-License-Identifier: Apache-2.0
#include "front.h"

#include "site.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULTS_MAX 64 /* words */

/* An option that hypergpu.conf fills in. */
struct filled {
	const char *option, *key;
	bool pair;	/* only together with the next one */
};

struct route {
	const char *command;
	const char *program;
	bool named;	/* the program gets the command's name, too */
	bool runs;	/* the first word that is no option is another program */
	struct filled filled[9];
};

static const struct route gpu_routes[] = {
	{ "list", "hggpu", true, false, { { 0 } } },
	{ "identify", "hggpu", true, false, { { 0 } } },
	{ "enroll", "hggpu", true, false, { { "--key", "key", false },
					    { "--out", "record", false } } },
	{ "verify", "hggpu", true, false, { { "--record", "record", false },
					    { "--trust", "signer", false } } },
	{ "check", "hggpu", true, false, { { "--record", "record", false },
					   { "--trust", "signer", false } } },
	{ "run", "hgrun", false, true, { { "--gpu", "record", true },
					 { "--signer", "signer", false },
					 { "--suite", "suite", false } } },
	{ 0 }
};

#define TPM	{ "--tcti", "tcti", false }
#define AK	{ "--ak", "ak", false }
#define SERVER	{ "--server", "server", false }, { "--ca", "ca", false }, \
		{ "--client-cert", "client_certificate", true }, \
		{ "--client-key", "client_key", false }

static const struct route attest_routes[] = {
	{ "ak", "hgattest", true, false, { TPM, { "--out", "ak", false } } },
	{ "enrol", "hgattest", true, false, { TPM, AK } },
	{ "activate", "hgattest", true, false, { TPM, AK } },
	{ "key", "hgattest", true, false, { { 0 } } },
	{ "report-data", "hgattest", true, false, { { 0 } } },
	{ "report", "hgattest", true, false, { { 0 } } },
	{ "gather", "hgattest", true, false, { TPM, AK } },
	{ "open", "hgattest", true, false, { { 0 } } },
	{ "challenge", "hgattest", true, false, { SERVER } },
	{ "submit", "hgattest", true, false, { SERVER, { "--policy", "policy", false } } },
	{ "remote", "hgattest", true, false, { TPM, AK, SERVER, { "--policy", "policy", false } } },
	{ "join", "hgattest", true, false, { TPM, AK, SERVER } },
	{ "verify", "hgverify", false, false, { { "--policy", "policy_file", false },
						{ "--reference", "reference", false } } },
	{ 0 }
};

static const char gpu_usage[] =
	"Usage: hgctl gpu [--dir DIR] COMMAND [OPTION]...\n"
	"  list, identify           as hggpu(1)\n"
	"  enroll                   the same; --key and --out as [gpu] key and record say\n"
	"  verify, check            the same; --record and --trust as [gpu] record and signer say\n"
	"  run PROGRAM...           as hgrun(1); --gpu, --signer and --suite as [gpu] says\n"
	"What is given prevails. Exit status: that of hggpu or hgrun.\n";

static const char attest_usage[] =
	"Usage: hgctl attest [--dir DIR] COMMAND [OPTION]...\n"
	"  ak, enrol, activate, key, report-data, report, gather, open,\n"
	"  challenge, submit, remote, join    as hgattest(1)\n"
	"  verify                             as hgverify(1)\n"
	"--tcti, --ak, --server, --ca, --client-cert, --client-key, --policy and --reference\n"
	"are as [attest] of hypergpu.conf(5) says. What is given prevails.\n"
	"Exit status: that of hgattest or hgverify.\n";

struct words {
	const char *word[DEFAULTS_MAX + 2];
	size_t count;
};

static void add(struct words *w, const char *word)
{
	if (w->count < DEFAULTS_MAX)
		w->word[w->count++] = word;
}

/*
 * How many words are hgrun's own: what follows its program is that program's. An option that
 * takes a value and is not named here ends them early; then a default comes with what is given,
 * and the program has the last word on that.
 */
static int own_words(int argc, char **argv)
{
	static const char *const valued[] = { "--report", "--suite", "--gpu", "--signer",
					      "--simulated", "--cuda-driver", "--layer",
					      "-r", "-s", "-g" };
	int i = 0;

	while (i < argc && argv[i][0] == '-' && strcmp(argv[i], "--")) {
		const char *option = argv[i++];

		for (size_t k = 0; k < sizeof(valued) / sizeof(valued[0]); k++)
			i += !strcmp(option, valued[k]);
	}
	return i < argc ? i : argc;
}

/* Whether the arguments have the option themselves: "--record X" or "--record=X". */
static bool given(int argc, char **argv, const char *option)
{
	size_t n = strlen(option);

	for (int i = 0; i < argc && strcmp(argv[i], "--"); i++)
		if (!strncmp(argv[i], option, n) && (!argv[i][n] || argv[i][n] == '='))
			return true;
	return false;
}

/* A key, or a record, is not written over without a word. */
static bool writes_over(const struct filled *f, const char *path)
{
	if (strcmp(f->option, "--out") || !path || access(path, F_OK))
		return false;
	complain("%s is there already: move it away, or write elsewhere with --out", path);
	return true;
}

/* Every value of a key that the file itself gives, or else the usual one. */
static void add_values(struct words *w, const struct site *site, const char *section,
		       const struct filled *f)
{
	const char *usual = settings_get(&site->conf, section, f->key);
	bool found = false;

	for (size_t i = 0; i < site->conf.count; i++) {
		const struct setting *s = &site->conf.item[i];

		if (strcmp(s->rule->section, section) || strcmp(s->rule->name, f->key))
			continue;
		add(w, f->option);
		add(w, s->value);
		found = true;
	}
	if (!found && usual) {
		add(w, f->option);
		add(w, usual);
	}
}

static bool add_defaults(struct words *w, const struct site *site, const char *section,
			 const struct route *r, int argc, char **argv)
{
	for (const struct filled *f = r->filled; f->option; f++) {
		bool half = f->pair && !settings_get(&site->conf, section, f[1].key);

		/* A TPM that the environment names was named for this call. */
		if (!strcmp(f->option, "--tcti") && getenv("HGATTEST_TCTI"))
			continue;
		if (half || (f->pair && given(argc, argv, f[1].option))) {
			f++;
			continue;
		}
		if (given(argc, argv, f->option)) {
			f += f->pair;
			continue;
		}
		if (writes_over(f, settings_get(&site->conf, section, f->key)))
			return false;
		add_values(w, site, section, f);
	}
	return true;
}

static int start(const struct site *site, const char *section, const struct route *r, int argc,
		 char **argv)
{
	struct words w = { .count = 0 };
	const char **all;
	char path[PATH_MAX];

	if (!site_program(r->program, path))
		return 1;
	add(&w, path);
	if (r->named)
		add(&w, r->command);
	if (!add_defaults(&w, site, section, r, r->runs ? own_words(argc, argv) : argc, argv))
		return 1;
	all = calloc(w.count + (size_t)argc + 1, sizeof(*all));
	if (all) {
		memcpy(all, w.word, w.count * sizeof(*all));
		memcpy(all + w.count, argv, (size_t)argc * sizeof(*all));
		execv(path, (char *const *)all);
	}
	complain("%s: %s", path, strerror(errno));
	free(all);
	return 1;
}

static int front(int argc, char **argv, const struct route *routes, const char *usage)
{
	const char *section = argv[0], *dir;
	struct site site;
	int ret;

	dir = site_take_dir(&argc, &argv);
	if (argc > 1 && !strcmp(argv[1], "--help"))
		return fputs(usage, stdout) == EOF;
	for (; argc > 1 && routes->command; routes++)
		if (!strcmp(routes->command, argv[1]))
			break;
	if (argc < 2 || !routes->command) {
		complain("%s: %s%s; hgctl %s --help", section, argc < 2 ? "which command?" :
			 "there is no command ", argc < 2 ? "" : argv[1], section);
		return 2;
	}
	ret = site_open(&site, dir) ? 1 : start(&site, section, routes, argc - 2, argv + 2);
	site_close(&site);
	return ret;
}

int gpu_main(int argc, char **argv)
{
	return front(argc, argv, gpu_routes, gpu_usage);
}

int attest_main(int argc, char **argv)
{
	return front(argc, argv, attest_routes, attest_usage);
}
