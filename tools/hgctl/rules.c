// SPDX-License-Identifier: Apache-2.0
/* The keys of hypergpu.conf and of a VM's definition. */
#include "settings.h"

#include "../../vmm/config.h"

#define REFERENCES_MAX 16

const struct setting_rule conf_rules[] = {
	{ "vm", "definitions", S_PATH, 1, 0, 0, NULL, NULL },
	{ "vm", "state", S_PATH, 1, 0, 0, NULL, "/run/hypergpu" },
	{ "vm", "cpus", S_VMM, 1, 0, 0, "--smp", "1" },
	{ "vm", "memory", S_VMM, 1, 0, 0, "--mem", "512M" },
	{ "vm", "device", S_PATH, 1, 0, 0, NULL, NULL },
	{ "vm", "user", S_VMM, 1, 0, 0, "--uid", NULL },
	{ "vm", "cpuid", S_PATH, 1, 0, 0, NULL, NULL },
	{ "vm", "start_timeout", S_NUMBER, 1, 1, 3600, NULL, "120" },
	{ "vm", "stop_timeout", S_NUMBER, 1, 1, 3600, NULL, "60" },
	{ "gpu", "record", S_PATH, 1, 0, 0, NULL, NULL },
	{ "gpu", "signer", S_PATH, 1, 0, 0, NULL, NULL },
	{ "gpu", "key", S_PATH, 1, 0, 0, NULL, NULL },
	{ "gpu", "suite", S_CHOICE, 1, 0, 0, "aes-256-gcm|chacha20-poly1305|sm4-ctr-hmac-sm3",
	  "aes-256-gcm" },
	{ "gpu", "reports", S_PATH, 1, 0, 0, NULL, "/var/lib/hypergpu/reports" },
	{ "attest", "tcti", S_TEXT, 1, 0, 0, NULL, "device:/dev/tpmrm0" },
	{ "attest", "ak", S_PATH, 1, 0, 0, NULL, NULL },
	{ "attest", "server", S_TEXT, 1, 0, 0, NULL, NULL },
	{ "attest", "ca", S_PATH, 1, 0, 0, NULL, NULL },
	{ "attest", "client_certificate", S_PATH, 1, 0, 0, NULL, NULL },
	{ "attest", "client_key", S_PATH, 1, 0, 0, NULL, NULL },
	{ "attest", "policy", S_TEXT, 1, 0, 0, NULL, NULL },
	{ "attest", "policy_file", S_PATH, 1, 0, 0, NULL, NULL },
	{ "attest", "reference", S_PATH, REFERENCES_MAX, 0, 0, NULL, NULL },
	{ 0 }
};

const struct setting_rule vm_rules[] = {
	{ "vm", "kernel", S_PATH, 1, 0, 0, NULL, NULL },
	{ "vm", "initrd", S_PATH, 1, 0, 0, NULL, NULL },
	{ "vm", "append", S_ANY, 1, 0, 0, NULL, "" },
	{ "vm", "cpus", S_VMM, 1, 0, 0, "--smp", NULL },
	{ "vm", "memory", S_VMM, 1, 0, 0, "--mem", NULL },
	{ "vm", "hugepages", S_BOOL, 1, 0, 0, NULL, "no" },
	{ "vm", "irqchip", S_CHOICE, 1, 0, 0, "on|split", "on" },
	{ "vm", "confidential", S_BOOL, 1, 0, 0, NULL, "yes" },
	{ "vm", "policy", S_VMM, 1, 0, 0, "--cvm-policy", "1" },
	{ "vm", "reboot", S_CHOICE, 1, 0, 0, "restart|exit", "restart" },
	{ "vm", "console", S_CHOICE, 1, 0, 0, "serial|virtio", "serial" },
	{ "vm", "disk", S_VMM, CFG_DISKS_MAX, 0, 0, "--disk", NULL },
	{ "vm", "net", S_VMM, CFG_NETS_MAX, 0, 0, "--net", NULL },
	{ "vm", "share", S_VMM, CFG_SHARES_MAX, 0, 0, "--share", NULL },
	{ "vm", "vsock", S_VMM, 1, 0, 0, "--vsock", NULL },
	{ "vm", "rng", S_BOOL, 1, 0, 0, NULL, "no" },
	{ "vm", "device", S_PATH, 1, 0, 0, NULL, NULL },
	{ "vm", "user", S_VMM, 1, 0, 0, "--uid", NULL },
	{ "vm", "cpuid", S_PATH, 1, 0, 0, NULL, NULL },
	{ 0 }
};
