// SPDX-License-Identifier: Apache-2.0
/* hgctl config: is hypergpu.conf right, and what follows from it? */
#include "front.h"
#include "site.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char usage[] =
	"Usage: hgctl config [--dir DIR] check [--vm] [FILE]\n"
	"       hgctl config [--dir DIR] show\n"
	"  check  whether hypergpu.conf is right, or FILE; --vm: FILE defines a VM\n"
	"  show   every key with its value, and where that is from\n"
	"Exit status: 0 right, 1 not, 2 wrong usage. See hypergpu.conf(5).\n";

static int check(const char *file, const struct setting_rule *rules)
{
	struct settings s = { .rules = rules };
	int err = settings_read(&s, file);

	if (err)
		complain("%s", s.error);
	else
		printf("%s: right\n", file);
	settings_free(&s);
	return err || fflush(stdout) ? 1 : 0;
}

/* Values that are not said are shown as comments: what is printed is a file of this syntax. */
static int show(const struct site *site)
{
	const struct setting_rule *k = conf_rules;

	for (; k->section; k++) {
		bool found = false;

		if (k == conf_rules || strcmp(k[-1].section, k->section))
			printf("%s[%s]\n", k == conf_rules ? "" : "\n", k->section);
		for (size_t i = 0; i < site->conf.count; i++) {
			const struct setting *s = &site->conf.item[i];

			if (s->rule != k)
				continue;
			printf("# %s:%u\n%s = %s\n", site->file, s->line, k->name, s->value);
			found = true;
		}
		if (!found && !strcmp(k->name, "definitions"))
			printf("#definitions = %s\n", site->definitions);
		else if (!found)
			printf("#%s = %s\n", k->name, k->usual ? k->usual : "");
	}
	return fflush(stdout) ? 1 : 0;
}

int config_main(int argc, char **argv)
{
	const struct setting_rule *rules = conf_rules;
	const char *dir;
	struct site site;
	int ret;

	dir = site_take_dir(&argc, &argv);
	if (argc > 1 && !strcmp(argv[1], "--help"))
		return fputs(usage, stdout) == EOF;
	if (argc > 3 && !strcmp(argv[1], "check") && !strcmp(argv[2], "--vm")) {
		rules = vm_rules;
		argv[2] = argv[1];
		argc--;
		argv++;
	}
	if (argc == 3 && !strcmp(argv[1], "check"))
		return check(argv[2], rules);
	if (argc != 2 || (strcmp(argv[1], "check") && strcmp(argv[1], "show"))) {
		fputs(usage, stderr);
		return 2;
	}
	ret = site_open(&site, dir) ? 1 : !strcmp(argv[1], "show") ? show(&site) :
					  check(site.file, rules);
	site_close(&site);
	return ret;
}
