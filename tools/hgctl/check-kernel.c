// SPDX-License-Identifier: Apache-2.0
/* The running kernel, what else wants the CPU's virtualization, and our module. */
#include "doctor.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

static void check_headers(const struct machine *m, struct report *r, const char *release)
{
	struct check f = { "Kernel", "kernel.headers", "headers", LEVEL_OK, OPTIONAL };
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/lib/modules/%s/build/Makefile", release);
	if (fs_exists(&m->fs, path)) {
		report_add(r, f, "/lib/modules/%s/build", release);
		return;
	}
	f.level = LEVEL_MISSING;
	report_add(r, f, "none for the running kernel %s: no module can be built for it", release);
	report_remedy(r, "apt-get install linux-headers-%s", release);
}

/* Will this kernel load a module that carries no signature it knows? */
static void check_signing(const struct machine *m, struct report *r)
{
	struct check f = { "Kernel", "kernel.signing", "unsigned modules", LEVEL_OK, OPTIONAL };
	char text[128];
	bool locked = fs_read(&m->fs, "/sys/kernel/security/lockdown", text, sizeof(text)) > 0 &&
		      strchr(text, '[') && !strstr(text, "[none]");
	bool enforced = fs_read(&m->fs, "/sys/module/module/parameters/sig_enforce", text,
				sizeof(text)) > 0 && text[0] == 'Y';

	if (!locked && !enforced) {
		report_add(r, f, "accepted");
		return;
	}
	f.level = LEVEL_WARN;
	report_add(r, f, "refused (%s)", locked ? "kernel lockdown, as with Secure Boot" :
		   "module.sig_enforce");
	report_remedy(r, "sign hypergpu.ko with a key that the machine trusts (mokutil --import)");
}

void check_kernel(const struct machine *m, struct report *r)
{
	struct check f = { "Kernel", "kernel.release", "running", LEVEL_OK, OPTIONAL };
	char release[128];
	int err = machine_release(m, release, sizeof(release));

	if (err) {
		f.level = LEVEL_WARN;
		report_add(r, f, "unknown: /proc/sys/kernel/osrelease: %s", strerror(-err));
		return;
	}
	report_add(r, f, "Linux %s", release);
	check_headers(m, r, release);
	check_signing(m, r);
}

/* Built into the kernel: it has a directory, but is not in /proc/modules. */
static bool builtin(const struct machine *m, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/module/%s", name);
	return fs_exists(&m->fs, path) && !machine_module_loaded(m, name, NULL);
}

static void check_conflicts(const struct machine *m, struct report *r)
{
	static const char *const rival[] = { "kvm_amd", "kvm_intel", "kvm" };
	struct check f = { "Module", "module.conflicts", "conflicting modules", LEVEL_OK,
			     REQUIRED };
	unsigned long users;

	for (size_t i = 0; i < sizeof(rival) / sizeof(rival[0]); i++) {
		if (builtin(m, rival[i])) {
			f.level = LEVEL_MISSING;
			report_add(r, f, "%s is built into this kernel", rival[i]);
			report_remedy(r, "boot a kernel that has KVM as a module (Debian's has)");
			return;
		}
		if (!machine_module_loaded(m, rival[i], &users))
			continue;
		f.level = LEVEL_MISSING;
		if (users) {
			report_add(r, f, "%s is loaded and in use (%lu)", rival[i], users);
			report_remedy(r, "stop its VMs, then: modprobe -r %s", rival[i]);
		} else {
			report_add(r, f, "%s is loaded", rival[i]);
			report_remedy(r, "systemctl enable --now hypergpu; or for now only: "
					 "modprobe -r %s", rival[i]);
		}
		return;
	}
	report_add(r, f, "none");
}

static void check_loaded(const struct machine *m, struct report *r)
{
	struct check f = { "Module", "module.loaded", "hypergpu.ko", LEVEL_OK, OPTIONAL };
	char version[64] = "";
	unsigned long users;

	if (!machine_module_loaded(m, "hypergpu", &users)) {
		f.level = LEVEL_WARN;
		report_add(r, f, "not loaded");
		report_remedy(r, "systemctl start hypergpu; in the source tree: "
				 "insmod kmod/hypergpu.ko");
		return;
	}
	fs_read(&m->fs, "/sys/module/hypergpu/version", version, sizeof(version));
	report_add(r, f, "loaded%s%s, %lu in use", version[0] ? ", version " : "", version, users);
}

/*
 * A device node and who stands behind it. Nodes outlive drivers, and opening
 * /dev/kvm may load one, so the driver is looked up in /sys instead.
 */
static void check_device(const struct machine *m, struct report *r, const char *name,
			 const char *path, const char *id)
{
	bool ours = machine_module_loaded(m, "hypergpu", NULL);
	struct check f = { "Module", id, path, LEVEL_OK, OPTIONAL };
	char class[64];
	int err;

	snprintf(class, sizeof(class), "/sys/class/misc/%s", name);
	if (!fs_exists(&m->fs, class)) {
		f.level = ours ? LEVEL_MISSING : LEVEL_WARN;
		report_add(r, f, "no driver offers it");
		if (ours)
			report_remedy(r, "see dmesg for what hypergpu said when it was loaded");
		return;
	}
	err = fs_access(&m->fs, path, R_OK | W_OK);
	if (err) {
		f.level = LEVEL_MISSING;
		report_add(r, f, "%s", strerror(-err));
		report_remedy(r, err == -ENOENT ? "is udev running? mknod(1) makes the node" :
			      "run as root, or give the device to your group (a udev rule)");
		return;
	}
	if (!ours)
		f.level = LEVEL_WARN;
	report_add(r, f, ours ? "may be opened" : "belongs to another driver");
}

void check_module(const struct machine *m, struct report *r)
{
	check_conflicts(m, r);
	check_loaded(m, r);
	check_device(m, r, "hypergpu", "/dev/hypergpu", "module.device");
	check_device(m, r, "kvm", "/dev/kvm", "module.kvm-device");
}
