// SPDX-License-Identifier: Apache-2.0
/* hgverifyd: the verifier as a service, and its administration. */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "admin.h"
#include "file.h"
#include "sandbox.h"
#include "server.h"
#include "tls.h"

#define TICK_MS 250

static const char usage_text[] =
	"usage: hgverifyd COMMAND [OPTION...]\n"
	"\n"
	"Appraise the evidence of HyperGPU machines over the network, and release secrets.\n"
	"\n"
	"  serve                            answer requests\n"
	"  check                            read configuration, keys and database; say what is wrong\n"
	"  init                             make the database and the keys that are missing, or\n"
	"                                   bring an older database up to date\n"
	"  vouch                            authenticate what is in the database, after a look at it\n"
	"  machine add FILE [--label TEXT]  enrol the machine of hgverify's enrolment record\n"
	"  machine list | revoke AK | restore AK | remove AK\n"
	"  reference add NAME FILE [--replace] | list | remove NAME\n"
	"  policy add NAME FILE [--reference NAME]... [--replace] | list | remove NAME\n"
	"  secret add NAME FILE --policy NAME [--replace] | list | remove NAME\n"
	"  secret rekey FILE                seal all secrets with the key in FILE (made if missing)\n"
	"  device add NAME FILE --kind KIND [--machine AK] | list | remove NAME\n"
	"  token create [--label TEXT] [--days N] | list | remove HASH\n"
	"  audit check FILE...              do the lines of the audit log follow each other?\n"
	"\n"
	"  -c, --config FILE   configuration (/etc/hypergpu/hgverifyd.conf)\n"
	"  -j, --json          lists as JSON\n"
	"  -h, --help, -V, --version\n"
	"\n"
	"Exit status: 0 done, 1 failed, 2 wrong usage, 3 configuration, 4 audit log or database\n"
	"damaged. See hgverifyd(8).\n";

/* ---- serve ---- */

static int block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	/* Threads inherit it: signals come to the descriptor only. */
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* -> the signal that ends it. */
static void wait_for_end(struct server *srv, struct service *s, int signals)
{
	struct pollfd p = { .fd = signals, .events = POLLIN };
	struct signalfd_siginfo info;
	struct att_error err = { 0 };

	for (;;) {
		if (poll(&p, 1, TICK_MS) < 0 && errno != EINTR)
			return;
		server_tick(srv);
		if (read(signals, &info, sizeof(info)) != sizeof(info))
			continue;
		if (info.ssi_signo != SIGHUP)
			return;
		if (audit_reopen(s->audit, time(NULL), &err))
			complain("%s", err.text);
	}
}

/*
 * All of the database is looked at once, before the workers trust it. One row that nobody
 * vouched for does not keep the others from being served: @vouched may be NULL.
 */
static int check_database(const struct config *cfg, const struct service *vouched,
			  struct att_error *err)
{
	struct store *store = store_open(cfg->database, STORE_CHECK, err);
	int ret = store ? 0 : -1;

	if (store && vouched && vouched->has_secrets_key) {
		store_set_key(store, &vouched->secrets_key);
		ret = store_check_rows(store, err);
	}
	store_close(store);
	return ret;
}

static int serve_with(const struct config *cfg, struct service *s, struct server *srv, int signals,
		      struct att_error *err)
{
	int ret = -1;

	if (sandbox_become(cfg->user, err) || check_database(cfg, NULL, err) ||
	    service_open_audit(s, err) || (cfg->sandbox && sandbox_filter(err)))
		return -1;
	if (!server_start(srv, s, err)) {
		printf("hgverifyd: listening at %s\n", server_address(srv));
		fflush(stdout);
		wait_for_end(srv, s, signals);
		ret = 0;
	}
	server_stop(srv);
	return ret;
}

static int serve(const struct config *cfg)
{
	struct att_error err = { 0 };
	int signals = block_signals(), ret = -1;
	struct service *s = service_new(cfg, &err);
	struct server *srv = s ? server_new(cfg, &err) : NULL;

	if (srv)
		ret = serve_with(cfg, s, srv, signals, &err);
	server_free(srv);
	service_free(s);
	close(signals);
	return ret ? admin_failed(&err) : 0;
}

static int check(const struct config *cfg)
{
	struct att_error err = { 0 };
	struct service *s = service_new(cfg, &err);
	SSL_CTX *tls = NULL;
	int ret = -1;

	if (s) {
		tls = tls_server(cfg->certificate, cfg->key, cfg->client_ca, cfg->client_required,
				 &err);
		ret = tls ? check_database(cfg, s, &err) : -1;
	}
	SSL_CTX_free(tls);
	service_free(s);
	if (ret)
		return admin_failed(&err);
	puts("hgverifyd: configuration, keys and database are as they should be");
	return 0;
}

/* ---- The command line ---- */

enum { OPT_LABEL = 0x100, OPT_REFERENCE, OPT_REPLACE, OPT_POLICY, OPT_KIND, OPT_MACHINE, OPT_DAYS };

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ "label", required_argument, NULL, OPT_LABEL },
	{ "reference", required_argument, NULL, OPT_REFERENCE },
	{ "replace", no_argument, NULL, OPT_REPLACE },
	{ "policy", required_argument, NULL, OPT_POLICY },
	{ "kind", required_argument, NULL, OPT_KIND },
	{ "machine", required_argument, NULL, OPT_MACHINE },
	{ "days", required_argument, NULL, OPT_DAYS },
	{ 0 },
};

static int set_days(struct admin *a, const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || n < 1 || n > 3650) {
		complain("--days wants 1 to 3650, not '%s'", text);
		return -1;
	}
	a->days = (unsigned int)n;
	return 0;
}

/* 0, or an exit status + 1. */
static int take_option(struct admin *a, int option)
{
	switch (option) {
	case 'c':
		a->config = optarg;
		return 0;
	case 'j':
		a->json = true;
		return 0;
	case 'h':
		fputs(usage_text, stdout);
		return 1;
	case 'V':
		puts("hgverifyd " ATT_VERSION);
		return 1;
	case OPT_LABEL:
		a->label = optarg;
		return 0;
	case OPT_REFERENCE:
		if (a->references == ADMIN_REFERENCES_MAX) {
			complain("at most %u times --reference", ADMIN_REFERENCES_MAX);
			return ADMIN_USAGE + 1;
		}
		a->reference[a->references++] = optarg;
		return 0;
	case OPT_REPLACE:
		a->replace = true;
		return 0;
	case OPT_POLICY:
		a->policy = optarg;
		return 0;
	case OPT_KIND:
		a->kind = optarg;
		return 0;
	case OPT_MACHINE:
		a->machine = optarg;
		return 0;
	case OPT_DAYS:
		return set_days(a, optarg) ? ADMIN_USAGE + 1 : 0;
	default:
		complain("see hgverifyd --help");
		return ADMIN_USAGE + 1;
	}
}

static int read_config(struct admin *a, struct config *cfg)
{
	struct att_error err = { 0 };

	config_init(cfg);
	if (!config_read(cfg, a->config, &err) && !config_check(cfg, a->config, &err))
		return 0;
	complain("%s", err.text);
	config_free(cfg);
	return ADMIN_CONFIG;
}

static int run_with(struct admin *a, const struct config *cfg)
{
	if (!strcmp(a->word[0], "serve"))
		return serve(cfg);
	return strcmp(a->word[0], "check") ? admin_run(a, cfg) : check(cfg);
}

static int run(struct admin *a)
{
	struct config cfg;
	int ret;

	if (!strcmp(a->word[0], "audit"))
		return admin_audit(a);
	ret = admin_known(a);
	if (!ret)
		ret = read_config(a, &cfg);
	if (ret)
		return ret;
	ret = run_with(a, &cfg);
	config_free(&cfg);
	return ret;
}

int main(int argc, char **argv)
{
	struct admin a = { .config = "/etc/hypergpu/hgverifyd.conf", .days = 1, .now = time(NULL) };
	int option, ret;

	setenv("TSS2_LOG", "all+NONE", 0);
	while ((option = getopt_long(argc, argv, "c:jhV", options, NULL)) != -1) {
		ret = take_option(&a, option);
		if (ret)
			return ret - 1;
	}
	a.word = argv + optind;
	a.words = argc - optind;
	if (a.words)
		return run(&a);
	complain("which command? See hgverifyd --help");
	return ADMIN_USAGE;
}
