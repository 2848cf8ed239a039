// SPDX-License-Identifier: Apache-2.0
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "util.h"

enum {
	OPT_DEV = 256, OPT_KERNEL, OPT_INITRD, OPT_APPEND, OPT_SMP, OPT_MEM, OPT_HUGEPAGES,
	OPT_IRQCHIP, OPT_REBOOT, OPT_SERIAL, OPT_CONSOLE, OPT_DISK, OPT_NET, OPT_SHARE,
	OPT_VSOCK, OPT_RNG, OPT_STATUS, OPT_DEBUG_EXIT, OPT_SANDBOX, OPT_CHROOT, OPT_UID,
	OPT_CVM, OPT_CVM_POLICY, OPT_DUMP_CPUID, OPT_NO_IRQFD, OPT_NO_IOEVENTFD, OPT_HELP,
	OPT_VERSION,
};

static const struct option options[] = {
	{ "dev", required_argument, NULL, OPT_DEV },
	{ "kernel", required_argument, NULL, OPT_KERNEL },
	{ "initrd", required_argument, NULL, OPT_INITRD },
	{ "append", required_argument, NULL, OPT_APPEND },
	{ "smp", required_argument, NULL, OPT_SMP },
	{ "mem", required_argument, NULL, OPT_MEM },
	{ "hugepages", no_argument, NULL, OPT_HUGEPAGES },
	{ "irqchip", required_argument, NULL, OPT_IRQCHIP },
	{ "reboot", required_argument, NULL, OPT_REBOOT },
	{ "serial", required_argument, NULL, OPT_SERIAL },
	{ "console", required_argument, NULL, OPT_CONSOLE },
	{ "disk", required_argument, NULL, OPT_DISK },
	{ "net", required_argument, NULL, OPT_NET },
	{ "share", required_argument, NULL, OPT_SHARE },
	{ "vsock", required_argument, NULL, OPT_VSOCK },
	{ "rng", no_argument, NULL, OPT_RNG },
	{ "status", required_argument, NULL, OPT_STATUS },
	{ "debug-exit", required_argument, NULL, OPT_DEBUG_EXIT },
	{ "sandbox", required_argument, NULL, OPT_SANDBOX },
	{ "chroot", required_argument, NULL, OPT_CHROOT },
	{ "uid", required_argument, NULL, OPT_UID },
	{ "cvm", no_argument, NULL, OPT_CVM },
	{ "cvm-policy", required_argument, NULL, OPT_CVM_POLICY },
	{ "dump-cpuid", required_argument, NULL, OPT_DUMP_CPUID },
	{ "no-irqfd", no_argument, NULL, OPT_NO_IRQFD },
	{ "no-ioeventfd", no_argument, NULL, OPT_NO_IOEVENTFD },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ NULL, 0, NULL, 0 },
};

static const char usage[] =
"Usage: hgvmm --kernel FILE [OPTION]...\n"
"Run a virtual machine on hypergpu.ko, or on any module with the KVM ABI.\n"
"\n"
"Machine:\n"
"  --kernel FILE        Linux bzImage, or an ELF kernel with a PVH entry\n"
"  --initrd FILE        initial RAM disk\n"
"  --append STRING      kernel command line\n"
"  --smp N              virtual CPUs, 1 to 64 (default 1)\n"
"  --mem SIZE           memory, e.g. 512M or 4G; a multiple of 2M (default 512M)\n"
"  --hugepages          take the memory from the 2 MiB huge page pool\n"
"  --irqchip on|split   interrupt controllers all in the kernel (default), or\n"
"                       only the local APICs\n"
"  --dev PATH           KVM device (default: /dev/hypergpu, else /dev/kvm)\n"
"  --reboot restart|exit  what a guest reboot does (default restart)\n"
"\n"
"Confidential VM:\n"
"  --cvm                keep memory and registers from the host (needs\n"
"                       hypergpu.ko); prints the launch digest\n"
"  --cvm-policy N       SEV policy, measured (default 1: no debugging)\n"
"  --dump-cpuid FILE    write what CPUID tells the vCPUs, for hgctl measure, and\n"
"                       stop\n"
"\n"
"Devices (disk, net and share may be repeated):\n"
"  --serial WHERE       16550 at 0x3f8: stdio (default), pty, file:PATH,\n"
"                       socket:PATH (a Unix socket, one client at a time), none\n"
"  --console WHERE      virtio console: the same, default none\n"
"  --disk path=FILE[,ro]\n"
"  --net tap=NAME[,mac=M] | socket=PATH[,mac=M]\n"
"                       socket: two machines that name one path are one wire\n"
"  --share tag=TAG,path=DIR[,ro][,xdev]\n"
"                       folder over 9p; xdev: also what is mounted below it\n"
"  --vsock cid=N,path=SOCKET\n"
"  --rng                entropy from the host\n"
"\n"
"Control:\n"
"  --status PATH        Unix socket that answers in JSON: status, pause,\n"
"                       resume, powerdown, stop\n"
"  --debug-exit PORT    a guest write of V to this port ends hgvmm with the\n"
"                       exit status (V << 1) | 1\n"
"  --sandbox on|off     seccomp and dropped capabilities (default on)\n"
"  --chroot DIR         enter DIR before the guest runs\n"
"  --uid UID[:GID]      give up root before the guest runs\n"
"  --no-irqfd, --no-ioeventfd   use the slower paths (for tests)\n"
"  --help, --version\n"
"\n"
"On the console, Ctrl-A x ends the machine. Exit status: 0 the guest powered\n"
"off or was stopped, 2 wrong usage, 4 the host refused, 6 the guest crashed,\n"
"odd: the debug-exit port.\n";

/* "512M" -> bytes. Returns -EINVAL for anything but digits and one suffix. */
static int parse_size(const char *s, uint64_t *out)
{
	unsigned int shift = 0;
	unsigned long long v;
	char *end;

	if (*s < '0' || *s > '9')
		return -EINVAL;
	errno = 0;
	v = strtoull(s, &end, 10);
	if (errno)
		return -EINVAL;
	switch (*end) {
	case 'K': case 'k': shift = 10; end++; break;
	case 'M': case 'm': shift = 20; end++; break;
	case 'G': case 'g': shift = 30; end++; break;
	case '\0': break;
	}
	if (*end || v > UINT64_MAX >> shift)
		return -EINVAL;
	*out = (uint64_t)v << shift;
	return 0;
}

static int parse_u64(const char *s, uint64_t max, uint64_t *out)
{
	unsigned long long v;
	char *end;

	if (*s < '0' || *s > '9')
		return -EINVAL;
	errno = 0;
	v = strtoull(s, &end, 0);
	if (errno || *end || v > max)
		return -EINVAL;
	*out = v;
	return 0;
}

static int parse_policy(struct config *cfg, const char *arg)
{
	uint64_t policy;

	if (parse_u64(arg, UINT32_MAX, &policy)) {
		hg_err("--cvm-policy: '%s' is no number of 32 bits", arg);
		return -EINVAL;
	}
	cfg->cvm_policy = (uint32_t)policy;
	return 0;
}

static int parse_char(struct cfg_char *c, const char *opt, const char *arg)
{
	if (!strcmp(arg, "stdio"))
		c->kind = CHARDEV_STDIO;
	else if (!strcmp(arg, "pty"))
		c->kind = CHARDEV_PTY;
	else if (!strcmp(arg, "none"))
		c->kind = CHARDEV_NONE;
	else if (!strncmp(arg, "socket:", 7) && arg[7]) {
		c->kind = CHARDEV_SOCKET;
		c->path = arg + 7;
	} else if (!strncmp(arg, "file:", 5) && arg[5]) {
		c->kind = CHARDEV_FILE;
		c->path = arg + 5;
	} else {
		hg_err("--%s %s: use stdio, pty, file:PATH, socket:PATH or none", opt, arg);
		return -EINVAL;
	}
	return 0;
}

/* Cut "key=value" or "flag" off *@rest. Returns false at the end. */
static bool next_sub(char **rest, char **key, char **val)
{
	char *s = *rest, *comma;

	if (!s || !*s)
		return false;
	comma = strchr(s, ',');
	if (comma)
		*comma = '\0';
	*rest = comma ? comma + 1 : NULL;
	*key = s;
	*val = strchr(s, '=');
	if (*val)
		*(*val)++ = '\0';
	return true;
}

static int bad_sub(const char *opt, const char *key, const char *known)
{
	hg_err("--%s: '%s' is unknown, repeated or lacks its value; it takes %s", opt, key, known);
	return -EINVAL;
}

static int parse_disk(struct config *cfg, char *arg)
{
	struct cfg_disk *d = &cfg->disk[cfg->nr_disks];
	char *key, *val;

	if (cfg->nr_disks == CFG_DISKS_MAX) {
		hg_err("at most %d --disk", CFG_DISKS_MAX);
		return -EINVAL;
	}
	while (next_sub(&arg, &key, &val)) {
		if (!strcmp(key, "path") && val && *val && !d->path)
			d->path = val;
		else if (!strcmp(key, "ro") && !val)
			d->ro = true;
		else
			return bad_sub("disk", key, "path=FILE and ro");
	}
	if (!d->path) {
		hg_err("--disk needs path=FILE");
		return -EINVAL;
	}
	cfg->nr_disks++;
	return 0;
}

static int parse_mac(const char *s, uint8_t mac[6])
{
	unsigned int b[6], i;
	char tail;

	if (strlen(s) != 17 || sscanf(s, "%2x:%2x:%2x:%2x:%2x:%2x%c", &b[0], &b[1], &b[2],
				      &b[3], &b[4], &b[5], &tail) != 6)
		return -EINVAL;
	for (i = 0; i < 6; i++)
		mac[i] = (uint8_t)b[i];
	return mac[0] & 1 ? -EINVAL : 0;
}

static int parse_net(struct config *cfg, char *arg)
{
	struct cfg_net *n = &cfg->net[cfg->nr_nets];
	char *key, *val;

	if (cfg->nr_nets == CFG_NETS_MAX) {
		hg_err("at most %d --net", CFG_NETS_MAX);
		return -EINVAL;
	}
	while (next_sub(&arg, &key, &val)) {
		if (!strcmp(key, "tap") && val && *val && !n->name) {
			n->kind = NET_TAP;
			n->name = val;
		} else if (!strcmp(key, "socket") && val && *val && !n->name) {
			n->kind = NET_SOCKET;
			n->name = val;
		} else if (!strcmp(key, "mac") && val && !n->has_mac) {
			if (parse_mac(val, n->mac)) {
				hg_err("--net mac=%s: write a unicast address such as "
				       "02:00:00:00:00:01", val);
				return -EINVAL;
			}
			n->has_mac = true;
		} else {
			return bad_sub("net", key, "tap=NAME or socket=PATH, and mac=M");
		}
	}
	if (!n->name) {
		hg_err("--net needs tap=NAME or socket=PATH");
		return -EINVAL;
	}
	cfg->nr_nets++;
	return 0;
}

static int parse_share(struct config *cfg, char *arg)
{
	struct cfg_share *s = &cfg->share[cfg->nr_shares];
	char *key, *val;
	unsigned int i;

	if (cfg->nr_shares == CFG_SHARES_MAX) {
		hg_err("at most %d --share", CFG_SHARES_MAX);
		return -EINVAL;
	}
	while (next_sub(&arg, &key, &val)) {
		if (!strcmp(key, "tag") && val && *val && !s->tag)
			s->tag = val;
		else if (!strcmp(key, "path") && val && *val && !s->path)
			s->path = val;
		else if (!strcmp(key, "ro") && !val)
			s->ro = true;
		else if (!strcmp(key, "xdev") && !val)
			s->xdev = true;
		else
			return bad_sub("share", key, "tag=TAG, path=DIR, ro and xdev");
	}
	if (!s->tag || !s->path) {
		hg_err("--share needs tag=TAG and path=DIR");
		return -EINVAL;
	}
	if (strlen(s->tag) > CFG_TAG_MAX) {
		hg_err("--share tag=%s: at most %d bytes", s->tag, CFG_TAG_MAX);
		return -EINVAL;
	}
	for (i = 0; i < cfg->nr_shares; i++) {
		if (!strcmp(cfg->share[i].tag, s->tag)) {
			hg_err("--share tag=%s is used twice", s->tag);
			return -EINVAL;
		}
	}
	cfg->nr_shares++;
	return 0;
}

static int parse_vsock(struct config *cfg, char *arg)
{
	struct cfg_vsock *v = &cfg->vsock;
	char *key, *val;

	if (v->on) {
		hg_err("only one --vsock");
		return -EINVAL;
	}
	while (next_sub(&arg, &key, &val)) {
		if (!strcmp(key, "cid") && val && !v->cid) {
			/* 0 to 2 are reserved, the last one is "any". */
			if (parse_u64(val, UINT32_MAX - 1, &v->cid) || v->cid < 3) {
				hg_err("--vsock cid=%s: use a number from 3 to 4294967294", val);
				return -EINVAL;
			}
		} else if (!strcmp(key, "path") && val && *val && !v->path) {
			v->path = val;
		} else {
			return bad_sub("vsock", key, "cid=N and path=SOCKET");
		}
	}
	if (!v->cid || !v->path) {
		hg_err("--vsock needs cid=N and path=SOCKET");
		return -EINVAL;
	}
	v->on = true;
	return 0;
}

static int parse_uid(struct config *cfg, char *arg)
{
	char *colon = strchr(arg, ':');
	uint64_t v;

	if (colon)
		*colon++ = '\0';
	if (parse_u64(arg, UINT32_MAX - 1, &v)) {
		hg_err("--uid takes a number, or UID:GID");
		return -EINVAL;
	}
	cfg->uid = (uid_t)v;
	cfg->gid = (gid_t)v;
	if (colon) {
		if (parse_u64(colon, UINT32_MAX - 1, &v)) {
			hg_err("--uid takes a number, or UID:GID");
			return -EINVAL;
		}
		cfg->gid = (gid_t)v;
	}
	cfg->has_uid = true;
	return 0;
}

/* @arg is one of two words. Returns 1 for @yes, 0 for @no, -EINVAL otherwise. */
static int parse_choice(const char *opt, const char *arg, const char *yes, const char *no)
{
	if (!strcmp(arg, yes))
		return 1;
	if (!strcmp(arg, no))
		return 0;
	hg_err("--%s %s: use %s or %s", opt, arg, yes, no);
	return -EINVAL;
}

static int parse_machine(struct config *cfg, int opt, char *arg)
{
	uint64_t v;
	int c;

	switch (opt) {
	case OPT_SMP:
		if (parse_u64(arg, CFG_VCPUS_MAX, &v) || !v) {
			hg_err("--smp %s: use a number from 1 to %d", arg, CFG_VCPUS_MAX);
			return -EINVAL;
		}
		cfg->vcpus = (unsigned int)v;
		return 0;
	case OPT_MEM:
		if (parse_size(arg, &v) || v < 16 * MiB || v > 4096 * GiB || v % (2 * MiB)) {
			hg_err("--mem %s: use a multiple of 2M from 16M to 4096G", arg);
			return -EINVAL;
		}
		cfg->mem_bytes = v;
		return 0;
	case OPT_IRQCHIP:
		c = parse_choice("irqchip", arg, "on", "split");
		cfg->irqchip = c == 1 ? IRQCHIP_ON : IRQCHIP_SPLIT;
		return c < 0 ? c : 0;
	case OPT_REBOOT:
		c = parse_choice("reboot", arg, "exit", "restart");
		cfg->reboot_exit = c == 1;
		return c < 0 ? c : 0;
	case OPT_SANDBOX:
		c = parse_choice("sandbox", arg, "on", "off");
		cfg->sandbox = c == 1;
		return c < 0 ? c : 0;
	case OPT_DEBUG_EXIT:
		if (parse_u64(arg, UINT16_MAX, &v)) {
			hg_err("--debug-exit %s: use a port number such as 0xf4", arg);
			return -EINVAL;
		}
		cfg->debug_exit = true;
		cfg->debug_exit_port = (uint16_t)v;
		return 0;
	}
	return -EINVAL;
}

static int parse_one(struct config *cfg, int opt, char *arg)
{
	switch (opt) {
	case OPT_DEV: cfg->dev = arg; return 0;
	case OPT_KERNEL: cfg->kernel = arg; return 0;
	case OPT_INITRD: cfg->initrd = arg; return 0;
	case OPT_APPEND: cfg->append = arg; return 0;
	case OPT_HUGEPAGES: cfg->hugepages = true; return 0;
	case OPT_RNG: cfg->rng = true; return 0;
	case OPT_STATUS: cfg->status = arg; return 0;
	case OPT_CHROOT: cfg->chroot = arg; return 0;
	case OPT_NO_IRQFD: cfg->no_irqfd = true; return 0;
	case OPT_NO_IOEVENTFD: cfg->no_ioeventfd = true; return 0;
	case OPT_SERIAL: return parse_char(&cfg->serial, "serial", arg);
	case OPT_CONSOLE: return parse_char(&cfg->console, "console", arg);
	case OPT_DISK: return parse_disk(cfg, arg);
	case OPT_NET: return parse_net(cfg, arg);
	case OPT_SHARE: return parse_share(cfg, arg);
	case OPT_VSOCK: return parse_vsock(cfg, arg);
	case OPT_UID: return parse_uid(cfg, arg);
	case OPT_CVM:
		cfg->cvm = true;
		return 0;
	case OPT_CVM_POLICY:
		return parse_policy(cfg, arg);
	case OPT_DUMP_CPUID:
		cfg->dump_cpuid = arg;
		return 0;
	default: return parse_machine(cfg, opt, arg);
	}
}

static int check_whole(struct config *cfg)
{
	if (cfg->dump_cpuid)
		return 0;
	if (!cfg->kernel) {
		hg_err("--kernel FILE is missing; try --help");
		return -EINVAL;
	}
	if (cfg->serial.kind == CHARDEV_STDIO && cfg->console.kind == CHARDEV_STDIO) {
		hg_err("--serial and --console cannot both use stdio; add --serial none");
		return -EINVAL;
	}
	return 0;
}

enum config_result config_parse(struct config *cfg, int argc, char **argv)
{
	int opt;

	memset(cfg, 0, sizeof(*cfg));
	cfg->append = "";
	cfg->vcpus = 1;
	cfg->cvm_policy = 1;
	cfg->mem_bytes = 512 * MiB;
	cfg->serial.kind = CHARDEV_STDIO;
	cfg->sandbox = true;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":", options, NULL)) != -1) {
		if (opt == OPT_HELP) {
			fputs(usage, stdout);
			return CONFIG_DONE;
		}
		if (opt == OPT_VERSION) {
			puts("hgvmm " HGVMM_VERSION);
			return CONFIG_DONE;
		}
		if (opt == '?' || opt == ':') {
			hg_err("%s %s; try --help", argv[optind - 1],
			       opt == ':' ? "needs a value" : "is not an option");
			return CONFIG_BAD;
		}
		if (parse_one(cfg, opt, optarg))
			return CONFIG_BAD;
	}
	if (optind < argc) {
		hg_err("'%s' belongs to no option; try --help", argv[optind]);
		return CONFIG_BAD;
	}
	return check_whole(cfg) ? CONFIG_BAD : CONFIG_RUN;
}
