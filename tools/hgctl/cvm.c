// SPDX-License-Identifier: Apache-2.0
#include "cvm.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
	"Usage: hgctl cvm [--dir DIR] COMMAND ...\n"
	"Define confidential VMs, and start, stop and use them.\n"
	"\n"
	"  create NAME --kernel FILE [OPTION]...   define a VM; prints its launch digest\n"
	"      --initrd FILE, --append STRING, --smp N, --mem SIZE, --irqchip on|split,\n"
	"      --policy N, --reboot restart|exit, --hugepages, --rng, --dev PATH,\n"
	"      --disk path=FILE[,ro], --net ..., --share ..., --vsock ..., --uid UID[:GID]:\n"
	"                   as hgvmm has them\n"
	"      --ordinary   not a confidential one\n"
	"      --cpuid FILE what hgvmm --dump-cpuid wrote on the host\n"
	"      --console serial|virtio\n"
	"  start NAME                              run it in the background\n"
	"  stop NAME [--timeout SECONDS] [--force] press its power button, wait for it\n"
	"  list [--json]                           all VMs and how they are\n"
	"  console NAME                            its console, until Ctrl-]\n"
	"  show NAME                               its definition, and hgvmm's command line\n"
	"  digest NAME                             the launch digest it will have\n"
	"  delete NAME                             forget it\n"
	"  run NAME                                as start, in the foreground; for systemd\n"
	"\n"
	"--dir DIR: hypergpu.conf and vms/ are there; else $HYPERGPU_CONFIG_DIR, or\n"
	"/etc/hypergpu. Exit status: 0 done, 1 failed, 2 wrong usage. See hgctl(1).\n";

struct arguments {
	const char *name;
	long seconds;
	bool json, force;
};

enum { TAKES_JSON = 1, TAKES_STOP = 2, TAKES_NAME = 4 };

static const struct command {
	const char *name;
	int takes;
} commands[] = {
	{ "start", TAKES_NAME }, { "stop", TAKES_NAME | TAKES_STOP }, { "list", TAKES_JSON },
	{ "console", TAKES_NAME }, { "show", TAKES_NAME }, { "digest", TAKES_NAME },
	{ "delete", TAKES_NAME }, { "run", TAKES_NAME },
};

static int wrong(const char *what, const char *which)
{
	complain("cvm: %s%s; hgctl cvm --help", what, which);
	return CVM_USAGE;
}

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

static int parse_seconds(const char *text, long *seconds)
{
	char *end;

	*seconds = strtol(text, &end, 10);
	if (*text >= '0' && *text <= '9' && !*end && *seconds <= 3600)
		return 0;
	return wrong("--timeout wants 0 to 3600 seconds, not ", text);
}

static int parse(const struct command *c, int argc, char **argv, struct arguments *a)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "timeout", required_argument, NULL, 't' },
		{ "force", no_argument, NULL, 'f' },
		{ 0 }
	};
	int key;

	optind = 0;
	opterr = 0;
	while ((key = getopt_long(argc, argv, ":", options, NULL)) != -1) {
		if (key == 'j' && c->takes & TAKES_JSON)
			a->json = true;
		else if (key == 'f' && c->takes & TAKES_STOP)
			a->force = true;
		else if (key == 't' && c->takes & TAKES_STOP && !parse_seconds(optarg, &a->seconds))
			continue;
		else if (key == 't' && c->takes & TAKES_STOP)
			return CVM_USAGE;
		else
			return wrong("what is ", argv[optind - 1]);
	}
	if (c->takes & TAKES_NAME) {
		if (optind == argc)
			return wrong("which VM? ", c->name);
		a->name = argv[optind++];
		if (vm_name_check(a->name))
			return CVM_USAGE;
	}
	return optind < argc ? wrong("what is ", argv[optind]) : CVM_DONE;
}

static int serve(const struct site *site, const struct command *c, const struct arguments *a)
{
	const char *root = getenv("HGCTL_ROOT");

	switch (c - commands) {
	case 0:
		return cvm_start(site, a->name, root ? root : "");
	case 1:
		return cvm_stop(site, a->name, a->seconds, a->force);
	case 2:
		return cvm_list(site, a->json);
	case 3:
		return cvm_console(site, a->name);
	case 4:
		return cvm_show(site, a->name);
	case 5:
		return cvm_digest(site, a->name);
	case 6:
		return cvm_delete(site, a->name);
	default:
		return cvm_run(site, a->name, -1);
	}
}

int cvm_main(int argc, char **argv)
{
	struct arguments a = { .seconds = -1 };
	const struct command *c = NULL;
	const char *dir;
	struct site site;
	int ret = CVM_DONE;

	dir = site_take_dir(&argc, &argv);
	if (argc < 2)
		return wrong("which command?", "");
	if (!strcmp(argv[1], "--help"))
		return fputs(usage, stdout) == EOF ? CVM_FAILED : CVM_DONE;
	if (strcmp(argv[1], "create")) {
		c = find(argv[1]);
		if (!c)
			return wrong("there is no command ", argv[1]);
		ret = parse(c, argc - 1, argv + 1, &a);
		if (ret)
			return ret;
	}
	if (site_open(&site, dir))
		ret = CVM_FAILED;
	else
		ret = c ? serve(&site, c, &a) : cvm_create(&site, argc - 1, argv + 1);
	site_close(&site);
	return ret;
}
