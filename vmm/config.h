/* SPDX-License-Identifier: Apache-2.0 */
/* What the command line asked for. Filled once, read-only afterwards. */
#ifndef HGVMM_CONFIG_H
#define HGVMM_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#ifndef HGVMM_VERSION
#define HGVMM_VERSION "0.1"
#endif

#define CFG_DISKS_MAX	8
#define CFG_NETS_MAX	4
#define CFG_SHARES_MAX	4
#define CFG_VCPUS_MAX	64
#define CFG_TAG_MAX	32

enum cfg_irqchip { IRQCHIP_ON, IRQCHIP_SPLIT };

enum cfg_chardev {
	CHARDEV_NONE, CHARDEV_STDIO, CHARDEV_PTY, CHARDEV_FILE, CHARDEV_SOCKET,
};

struct cfg_char {
	enum cfg_chardev kind;
	const char *path;	/* CHARDEV_FILE, CHARDEV_SOCKET */
};

struct cfg_disk {
	const char *path;
	bool ro;
};

enum cfg_netkind { NET_TAP, NET_SOCKET };

struct cfg_net {
	enum cfg_netkind kind;
	const char *name;	/* tap interface or socket path */
	uint8_t mac[6];
	bool has_mac;
};

struct cfg_share {
	const char *tag;
	const char *path;
	bool ro;
	bool xdev;		/* may cross mount points below path */
};

struct cfg_vsock {
	bool on;
	uint64_t cid;
	const char *path;
};

struct config {
	const char *dev;	/* NULL: /dev/hypergpu, then /dev/kvm */
	const char *kernel;
	const char *initrd;
	const char *append;
	unsigned int vcpus;
	uint64_t mem_bytes;
	bool hugepages;
	enum cfg_irqchip irqchip;
	bool cvm;
	uint32_t cvm_policy;	/* of KVM_SEV_LAUNCH_START; measured */
	const char *dump_cpuid;	/* write the CPUID tables here, and do no more */
	bool reboot_exit;	/* a guest reboot ends hgvmm */
	bool no_irqfd, no_ioeventfd;	/* use the slow paths (tests) */

	struct cfg_char serial;
	struct cfg_char console;
	struct cfg_disk disk[CFG_DISKS_MAX];
	unsigned int nr_disks;
	struct cfg_net net[CFG_NETS_MAX];
	unsigned int nr_nets;
	struct cfg_share share[CFG_SHARES_MAX];
	unsigned int nr_shares;
	struct cfg_vsock vsock;
	bool rng;

	const char *status;	/* path of the status socket */
	bool debug_exit;
	uint16_t debug_exit_port;

	bool sandbox;		/* seccomp, capabilities (default on) */
	const char *chroot;
	bool has_uid;
	uid_t uid;
	gid_t gid;
};

enum config_result { CONFIG_RUN, CONFIG_DONE, CONFIG_BAD };

/*
 * Parse the command line into @cfg. Strings point into @argv, which is cut up
 * on the way. CONFIG_DONE: --help or --version was served. CONFIG_BAD: a
 * message says what is wrong.
 */
enum config_result config_parse(struct config *cfg, int argc, char **argv);

#endif
