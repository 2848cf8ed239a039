// SPDX-License-Identifier: Apache-2.0
#include "ram.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "util.h"

/* Parse a command line given as one string; options are separated by blanks. */
static enum config_result parse(struct config *cfg, const char *line)
{
	static char buf[1024];	/* cfg keeps pointers into it */
	char *argv[64] = { "hgvmm" }, *save = NULL, *tok;
	int argc = 1;

	snprintf(buf, sizeof(buf), "%s", line);
	for (tok = strtok_r(buf, " ", &save); tok && argc < 63; tok = strtok_r(NULL, " ", &save))
		argv[argc++] = tok;
	optind = 0;		/* glibc: start over */
	return config_parse(cfg, argc, argv);
}

static void defaults(void **state)
{
	struct config c;

	(void)state;
	assert_int_equal(parse(&c, "--kernel k"), CONFIG_RUN);
	assert_string_equal(c.kernel, "k");
	assert_int_equal(c.vcpus, 1);
	assert_int_equal(c.mem_bytes, 512 * MiB);
	assert_int_equal(c.serial.kind, CHARDEV_STDIO);
	assert_int_equal(c.console.kind, CHARDEV_NONE);
	assert_int_equal(c.irqchip, IRQCHIP_ON);
	assert_true(c.sandbox);
	assert_false(c.reboot_exit);
	assert_null(c.dev);
	assert_false(c.cvm);
	assert_int_equal(c.cvm_policy, 1);
}

static void confidential(void **state)
{
	struct config c;

	(void)state;
	assert_int_equal(parse(&c, "--kernel k --cvm --cvm-policy 0xffffffff"), CONFIG_RUN);
	assert_true(c.cvm);
	assert_int_equal(c.cvm_policy, 0xffffffff);
	assert_int_equal(parse(&c, "--dump-cpuid f"), CONFIG_RUN);	/* no kernel is needed */
	assert_string_equal(c.dump_cpuid, "f");
}

static void everything(void **state)
{
	struct config c;

	(void)state;
	assert_int_equal(parse(&c, "--kernel k --initrd i --append a=b --smp 16 --mem 2G "
			       "--hugepages --irqchip split --reboot exit --dev /d "
			       "--serial socket:/run/s "
			       "--console stdio --disk path=a,ro --disk path=b "
			       "--net tap=t0,mac=02:00:00:00:00:0f --net socket=/s "
			       "--share tag=t,path=/p,ro --share tag=u,path=/q,xdev "
			       "--vsock cid=3,path=/v --rng --status /st --debug-exit 0xf4 "
			       "--sandbox off --chroot /c --uid 5:6"), CONFIG_RUN);
	assert_int_equal(c.vcpus, 16);
	assert_int_equal(c.mem_bytes, 2 * GiB);
	assert_true(c.hugepages && c.reboot_exit && c.rng && !c.sandbox);
	assert_int_equal(c.irqchip, IRQCHIP_SPLIT);
	assert_int_equal(c.nr_disks, 2);
	assert_true(c.disk[0].ro && !c.disk[1].ro);
	assert_int_equal(c.nr_nets, 2);
	assert_int_equal(c.net[0].kind, NET_TAP);
	assert_int_equal(c.net[0].mac[5], 0xf);
	assert_int_equal(c.net[1].kind, NET_SOCKET);
	assert_false(c.net[1].has_mac);
	assert_int_equal(c.nr_shares, 2);
	assert_int_equal(c.serial.kind, CHARDEV_SOCKET);
	assert_string_equal(c.serial.path, "/run/s");
	assert_true(c.share[0].ro && !c.share[0].xdev && c.share[1].xdev && !c.share[1].ro);
	assert_int_equal(c.vsock.cid, 3);
	assert_int_equal(c.debug_exit_port, 0xf4);
	assert_int_equal(c.uid, 5);
	assert_int_equal(c.gid, 6);
}

static void refused(void **state)
{
	static const char *const bad[] = {
		"", "--smp 2", "--kernel", "--kernel k --smp 0", "--kernel k --smp 65",
		"--kernel k --smp -1", "--kernel k --smp 2x", "--kernel k --mem 0",
		"--kernel k --mem 3M", "--kernel k --mem 17592186044416G", "--kernel k --mem 5T",
		"--kernel k --mem -512M", "--kernel k --mem M", "--kernel k --irqchip off",
		"--kernel k --reboot never", "--kernel k --sandbox maybe", "--kernel k --disk a",
		"--kernel k --disk ro", "--kernel k --disk path=a,rw", "--kernel k --disk path=",
		"--kernel k --disk path=a,path=b", "--kernel k --disk path=a,ro=1",
		"--kernel k --net foo=1", "--kernel k --net mac=02:00:00:00:00:01",
		"--kernel k --net tap=a,socket=b", "--kernel k --net tap=a,mac=03:00:00:00:00:01",
		"--kernel k --net tap=a,mac=02:00:00:00:00",
		"--kernel k --net tap=a,mac=zz:0:0:0:0:0",
		"--kernel k --share tag=t", "--kernel k --share path=/p",
		"--kernel k --share tag=t,path=/p --share tag=t,path=/q",
		"--kernel k --share tag=123456789012345678901234567890123,path=/p",
		"--kernel k --vsock cid=2,path=/v", "--kernel k --vsock cid=4294967295,path=/v",
		"--kernel k --vsock cid=5", "--kernel k --vsock cid=5,path=a --vsock cid=6,path=b",
		"--kernel k --debug-exit 65536", "--kernel k --uid root", "--kernel k --uid 1:",
		"--kernel k --console stdio", "--kernel k --serial tty",
		"--kernel k --serial socket:",
		"--kernel k --serial file:",
		"--kernel k --cvm --cvm-policy x", "--kernel k --cvm-policy 4294967296",
		"--kernel k --cvm-policy -1", "--kernel k --cvm-policy", "--cvm",
		"--kernel k --frobnicate", "--kernel k stray", "--kernel k -x",
	};
	struct config c;
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		if (parse(&c, bad[i]) != CONFIG_BAD)
			fail_msg("accepted: %s", bad[i]);
	}
}

static void many(void **state)
{
	struct config c;

	(void)state;
	assert_int_equal(parse(&c, "--kernel k --disk path=1 --disk path=2 --disk path=3 "
			       "--disk path=4 --disk path=5 --disk path=6 --disk path=7 "
			       "--disk path=8"), CONFIG_RUN);
	assert_int_equal(parse(&c, "--kernel k --disk path=1 --disk path=2 --disk path=3 "
			       "--disk path=4 --disk path=5 --disk path=6 --disk path=7 "
			       "--disk path=8 --disk path=9"), CONFIG_BAD);
}

static void help(void **state)
{
	struct config c;

	(void)state;
	assert_int_equal(parse(&c, "--help"), CONFIG_DONE);
	assert_int_equal(parse(&c, "--version"), CONFIG_DONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults), cmocka_unit_test(everything),
		cmocka_unit_test(confidential), cmocka_unit_test(refused),
		cmocka_unit_test(many), cmocka_unit_test(help),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
