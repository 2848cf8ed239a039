// SPDX-License-Identifier: Apache-2.0
/* hgctl against made-up machines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "doctor.h"
#include "status.h"
#include "tree.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An AMD machine as the bench emulates one: SVM, NPT, no assists. */
#define AMD_CPUID							\
	"# leaf subleaf eax ebx ecx edx\n"				\
	"00000000 0 0000000d 68747541 444d4163 69746e65\n"		\
	"00000001 0 000006fb 00000800 04000000 078bfbff\n"		\
	"80000000 0 8000001f 68747541 444d4163 69746e65\n"		\
	"80000001 0 000006fb 00000000 00000007 2193fbff\n"		\
	"8000000a 0 00000001 00000010 00000000 %s\n"
#define EDX_NPT_ONLY	"00000001"
#define EDX_NPT_ASSISTS	"000000e9"	/* NP, NRIPS, VmcbClean, FlushByAsid, DecodeAssists */
#define EDX_NONE	"00000000"

static void put_amd(struct tree *t, const char *svm_edx)
{
	char text[1024];

	snprintf(text, sizeof(text), AMD_CPUID, svm_edx);
	tree_put(t, "/cpuid", text);
	tree_put(t, "/msr", "c0010114 0\n");
	tree_put(t, "/proc/sys/kernel/osrelease", "6.1.0-9-amd64\n");
	tree_put(t, "/proc/modules", "ext4 983040 1 - Live 0x0000000000000000\n");
}

static int setup(void **state)
{
	struct tree *t = calloc(1, sizeof(*t));

	tree_make(t);
	put_amd(t, EDX_NPT_ONLY);
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	tree_remove(*state);
	free(*state);
	return 0;
}

static struct report examine(const struct tree *t)
{
	struct report r = { 0 };
	struct machine m;

	machine_init(&m, t->root);
	doctor_examine(&m, &r);
	return r;
}

/* The one finding of a fresh examination must look like this. */
static void expect(const struct tree *t, const char *id, enum level level, const char *detail,
		   const char *remedy)
{
	struct report r = examine(t);
	const struct finding *f = report_find(&r, id);

	assert_non_null(f);
	if (f->check.level != level || !strstr(f->detail, detail))
		fail_msg("%s: %s \"%s\", want %s \"%s\"", id, level_name(f->check.level),
			 f->detail, level_name(level), detail);
	if (remedy && (!f->remedy || !strstr(f->remedy, remedy)))
		fail_msg("%s: remedy \"%s\", want \"%s\"", id, f->remedy ? f->remedy : "",
			 remedy);
	if (!remedy && f->remedy)
		fail_msg("%s: remedy \"%s\", want none", id, f->remedy);
	report_free(&r);
}

static bool ready(const struct tree *t)
{
	struct report r = examine(t);
	bool answer = report_ready(&r);

	report_free(&r);
	return answer;
}

static void amd_is_ready(void **state)
{
	struct tree *t = *state;

	expect(t, "cpu.virt", LEVEL_OK, "SVM revision 1, 16 ASIDs (AuthenticAMD)", NULL);
	expect(t, "cpu.firmware", LEVEL_OK, "not disabled", NULL);
	expect(t, "cpu.npt", LEVEL_OK, "NPT", NULL);
	expect(t, "cpu.common", LEVEL_OK, "yes", NULL);
	expect(t, "cpu.nrips", LEVEL_WARN, "decoded in software", NULL);
	expect(t, "cpu.decode", LEVEL_WARN, "decoded in software", NULL);
	assert_true(ready(t));

	put_amd(t, EDX_NPT_ASSISTS);
	expect(t, "cpu.nrips", LEVEL_OK, "yes", NULL);
	expect(t, "cpu.decode", LEVEL_OK, "yes", NULL);
	expect(t, "cpu.flush-by-asid", LEVEL_OK, "yes", NULL);
	expect(t, "cpu.vmcb-clean", LEVEL_OK, "yes", NULL);
}

static void amd_lacks(void **state)
{
	struct tree *t = *state;

	tree_put(t, "/msr", "c0010114 18\n");
	expect(t, "cpu.firmware", LEVEL_MISSING, "SVMDIS, locked", "firmware setup");
	assert_false(ready(t));

	/* Nobody could read the register: that alone is no verdict. */
	tree_drop(t, "/msr");
	expect(t, "cpu.firmware", LEVEL_WARN, "unknown", "modprobe msr");
	assert_true(ready(t));

	put_amd(t, EDX_NONE);
	expect(t, "cpu.npt", LEVEL_MISSING, "no NPT", "cannot run");
	assert_false(ready(t));

	/* NX and XSAVE, each alone. */
	tree_put(t, "/cpuid",
		 "0 0 d 68747541 444d4163 69746e65\n1 0 0 0 4000000 0\n"
		 "80000000 0 8000000a 0 0 0\n80000001 0 0 0 4 0\n8000000a 0 1 10 0 1\n");
	expect(t, "cpu.common", LEVEL_MISSING, "no NX", "CPU model");
	assert_false(ready(t));
	tree_put(t, "/cpuid",
		 "0 0 d 68747541 444d4163 69746e65\n1 0 0 0 0 0\n"
		 "80000000 0 8000000a 0 0 0\n80000001 0 0 0 4 100000\n8000000a 0 1 10 0 1\n");
	expect(t, "cpu.common", LEVEL_MISSING, "no XSAVE", "CPU model");
	assert_false(ready(t));

	/* SVM bit off; and in a VM, where the firmware cannot help. */
	tree_put(t, "/cpuid",
		 "0 0 d 68747541 444d4163 69746e65\n1 0 0 0 0 0\n"
		 "80000000 0 8000000a 0 0 0\n80000001 0 0 0 3 0\n");
	expect(t, "cpu.virt", LEVEL_MISSING, "without SVM", "this CPU cannot run");
	assert_false(ready(t));
	tree_put(t, "/cpuid",
		 "0 0 d 68747541 444d4163 69746e65\n1 0 0 0 80000000 0\n"
		 "80000000 0 8000000a 0 0 0\n80000001 0 0 0 3 0\n");
	expect(t, "cpu.virt", LEVEL_MISSING, "without SVM", "nested virtualization");
}

/* Leaves beyond the last one must not be taken from whatever is there. */
static void cpuid_bounds(void **state)
{
	struct tree *t = *state;
	struct machine m;

	tree_put(t, "/cpuid",
		 "0 0 1 68747541 444d4163 69746e65\n1 0 1 2 3 4\n2 0 5 6 7 8\n"
		 "80000000 0 80000001 0 0 0\n80000001 0 0 0 4 0\n8000000a 0 1 10 0 1\n");
	machine_init(&m, t->root);
	assert_int_equal(machine_cpuid(&m, 1, 0).ebx, 2);
	assert_int_equal(machine_cpuid(&m, 2, 0).eax, 0);
	assert_int_equal(machine_cpuid(&m, 0x80000001, 0).ecx, 4);
	assert_int_equal(machine_cpuid(&m, 0x8000000a, 0).ebx, 0);
	assert_int_equal(machine_cpuid(&m, 1, 1).ebx, 0);
	expect(t, "cpu.npt", LEVEL_MISSING, "no NPT", "cannot run");
}

static void other_vendors(void **state)
{
	struct tree *t = *state;

	/* Intel, VMX on, EPT and unrestricted guest: no back end yet. */
	tree_put(t, "/cpuid", "0 0 16 756e6547 6c65746e 49656e69\n1 0 0 0 20 0\n");
	tree_put(t, "/msr", "3a 5\n482 8000000000000000\n48b 000000a200000000\n");
	expect(t, "cpu.virt", LEVEL_MISSING, "no back end", "bench");
	expect(t, "cpu.firmware", LEVEL_OK, "VMX is not disabled", NULL);
	expect(t, "cpu.npt", LEVEL_OK, "EPT, unrestricted guest", NULL);
	assert_false(ready(t));

	tree_put(t, "/msr", "3a 1\n482 0\n");
	expect(t, "cpu.firmware", LEVEL_MISSING, "disabled and locked", "VT-x");
	expect(t, "cpu.npt", LEVEL_MISSING, "no EPT", "cannot run");
	tree_drop(t, "/msr");
	expect(t, "cpu.npt", LEVEL_WARN, "unknown", "modprobe msr");

	tree_put(t, "/cpuid", "0 0 16 68532020 20206961 68676e61\n1 0 0 0 20 0\n");
	expect(t, "cpu.virt", LEVEL_MISSING, "(  Shanghai  )", "bench");
	tree_put(t, "/cpuid", "0 0 16 6f677948 656e6975 6e65476e\n80000000 0 8000000a 0 0 0\n"
		 "80000001 0 0 0 4 0\n8000000a 0 1 8000 0 1\n");
	expect(t, "cpu.virt", LEVEL_OK, "32768 ASIDs (HygonGenuine)", NULL);
	tree_put(t, "/cpuid", "0 0 16 41414141 41414141 41414141\n");
	expect(t, "cpu.virt", LEVEL_MISSING, "unknown CPU vendor \"AAAAAAAAAAAA\"", "knows AMD");
	tree_put(t, "/cpuid", "");
	expect(t, "cpu.virt", LEVEL_MISSING, "unknown CPU vendor \"\"", "knows AMD");
}

static void iommu(void **state)
{
	struct tree *t = *state;

	expect(t, "iommu", LEVEL_MISSING, "none", "firmware setup");
	tree_put(t, "/sys/firmware/acpi/tables/DMAR", "x");
	expect(t, "iommu", LEVEL_WARN, "ACPI DMAR", "intel_iommu=on");
	tree_drop(t, "/sys/firmware/acpi/tables/DMAR");
	tree_put(t, "/sys/firmware/acpi/tables/IVRS", "x");
	expect(t, "iommu", LEVEL_WARN, "ACPI IVRS", "amd_iommu=on");
	tree_dir(t, "/sys/class/iommu/ivhd0");
	tree_dir(t, "/sys/class/iommu/ivhd1");
	tree_dir(t, "/sys/kernel/iommu_groups/0");
	expect(t, "iommu", LEVEL_OK, "2 in use (ivhd0, ...), 1 groups", NULL);
}

static void tpm(void **state)
{
	struct tree *t = *state;

	expect(t, "tpm", LEVEL_MISSING, "none", "firmware setup");
	tree_put(t, "/sys/class/tpm/tpm0/tpm_version_major", "1\n");
	expect(t, "tpm", LEVEL_MISSING, "version 1, not 2", "TPM 2.0");
	tree_put(t, "/sys/class/tpm/tpm0/tpm_version_major", "2\n");
	expect(t, "tpm", LEVEL_WARN, "No such file", "driver");
	tree_put(t, "/dev/tpmrm0", "");
	expect(t, "tpm", LEVEL_OK, "/dev/tpmrm0", NULL);
}

static void memory(void **state)
{
	struct tree *t = *state;

	expect(t, "memory.huge", LEVEL_WARN, "4 KiB pages", "madvise");
	tree_put(t, "/sys/kernel/mm/transparent_hugepage/enabled", "always madvise [never]\n");
	expect(t, "memory.huge", LEVEL_WARN, "4 KiB pages", "madvise");
	tree_put(t, "/sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n");
	expect(t, "memory.huge", LEVEL_OK, "transparent: madvise; reserved: 0 of 2 MiB", NULL);
	tree_put(t, "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "512\n");
	expect(t, "memory.huge", LEVEL_OK, "512 of 2 MiB, 0 of 1 GiB", NULL);

	expect(t, "memory.lock", LEVEL_WARN, "unknown", NULL);
	tree_put(t, "/proc/self/limits",
		 "Limit                     Soft Limit           Hard Limit           Units\n"
		 "Max locked memory         8388608              8388608              bytes\n");
	expect(t, "memory.lock", LEVEL_WARN, "8192 KiB", "ulimit -l");
	tree_put(t, "/proc/self/limits", "Max locked memory         67108864  x bytes\n");
	expect(t, "memory.lock", LEVEL_OK, "65536 KiB", NULL);
	tree_put(t, "/proc/self/limits", "Max locked memory         unlimited  x bytes\n");
	expect(t, "memory.lock", LEVEL_OK, "unlimited", NULL);
}

static void kernel(void **state)
{
	struct tree *t = *state;

	expect(t, "kernel.release", LEVEL_OK, "Linux 6.1.0-9-amd64", NULL);
	expect(t, "kernel.headers", LEVEL_MISSING, "6.1.0-9-amd64",
	       "apt-get install linux-headers-6.1.0-9-amd64");
	tree_put(t, "/lib/modules/6.1.0-9-amd64/build/Makefile", "");
	expect(t, "kernel.headers", LEVEL_OK, "/lib/modules/6.1.0-9-amd64/build", NULL);

	expect(t, "kernel.signing", LEVEL_OK, "accepted", NULL);
	tree_put(t, "/sys/kernel/security/lockdown", "[none] integrity confidentiality\n");
	expect(t, "kernel.signing", LEVEL_OK, "accepted", NULL);
	tree_put(t, "/sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
	expect(t, "kernel.signing", LEVEL_WARN, "lockdown", "mokutil");
	tree_drop(t, "/sys/kernel/security/lockdown");
	tree_put(t, "/sys/module/module/parameters/sig_enforce", "Y\n");
	expect(t, "kernel.signing", LEVEL_WARN, "sig_enforce", "mokutil");
}

static void conflicts(void **state)
{
	struct tree *t = *state;

	/* kvm alone: its vendor module can follow at any moment, so ours refuses. */
	tree_put(t, "/proc/modules", "kvm 1146880 0 - Live 0x0\n");
	expect(t, "module.conflicts", LEVEL_MISSING, "kvm is loaded", "modprobe -r kvm");
	assert_false(ready(t));

	tree_dir(t, "/sys/module/kvm_amd");
	tree_put(t, "/proc/modules", "kvm_amd 155648 0 - Live 0x0\nkvm 1146880 1 kvm_amd, Live 0x0\n");
	expect(t, "module.conflicts", LEVEL_MISSING, "kvm_amd is loaded", "modprobe -r kvm_amd");
	assert_false(ready(t));
	tree_put(t, "/proc/modules", "kvm_amd 155648 4 - Live 0x0\n");
	expect(t, "module.conflicts", LEVEL_MISSING, "in use (4)", "stop its VMs");
	tree_put(t, "/proc/modules", "");
	expect(t, "module.conflicts", LEVEL_MISSING, "built into", "KVM as a module");
	tree_drop(t, "/sys/module/kvm_amd");
	/* A name that only begins alike is another module. */
	tree_put(t, "/proc/modules", "kvm_amd_other 1 0 - Live 0x0\n");
	expect(t, "module.conflicts", LEVEL_OK, "none", NULL);
}

static void module(void **state)
{
	struct tree *t = *state;

	expect(t, "module.loaded", LEVEL_WARN, "not loaded", "insmod");
	expect(t, "module.device", LEVEL_WARN, "no driver", NULL);
	tree_dir(t, "/sys/class/misc/kvm");
	tree_put(t, "/dev/kvm", "");
	expect(t, "module.kvm-device", LEVEL_WARN, "another driver", NULL);

	tree_put(t, "/proc/modules", "hypergpu 200000 2 - Live 0x0 (OE)\n");
	tree_put(t, "/sys/module/hypergpu/version", "0.1\n");
	expect(t, "module.loaded", LEVEL_OK, "loaded, version 0.1, 2 in use", NULL);
	expect(t, "module.device", LEVEL_MISSING, "no driver", "dmesg");
	tree_dir(t, "/sys/class/misc/hypergpu");
	expect(t, "module.device", LEVEL_MISSING, "No such file", "udev");
	tree_put(t, "/dev/hypergpu", "");
	expect(t, "module.device", LEVEL_OK, "may be opened", NULL);
	expect(t, "module.kvm-device", LEVEL_OK, "may be opened", NULL);
}

static void put_pci(const struct tree *t, const char *slot, const char *class, const char *vendor,
		    const char *device)
{
	static const char *const file[] = { "class", "vendor", "device" };
	const char *value[] = { class, vendor, device };
	char path[128];

	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", slot, file[i]);
		tree_put(t, path, value[i]);
	}
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/irq", slot);
	tree_put(t, path, "0\n");
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource", slot);
	tree_put(t, path, "");
}

static void gpus(void **state)
{
	struct tree *t = *state;

	expect(t, "gpu", LEVEL_MISSING, "no display controller", NULL);
	put_pci(t, "0000:00:02.0", "0x020000\n", "0x8086\n", "0x10d3\n");
	expect(t, "gpu", LEVEL_MISSING, "no display controller", NULL);
	put_pci(t, "0000:41:00.0", "0x030200\n", "0xfff1\n", "0xfff2\n");
	expect(t, "gpu", LEVEL_OK, "0000:41:00.0", NULL);
	expect(t, "gpu", LEVEL_OK, "[fff1:fff2], driver none, IOMMU group none", NULL);
	tree_link(t, "/sys/bus/pci/devices/0000:41:00.0/driver", "../../../bus/pci/drivers/vfio-pci");
	tree_link(t, "/sys/bus/pci/devices/0000:41:00.0/iommu_group", "../../kernel/iommu_groups/7");
	expect(t, "gpu", LEVEL_OK, "driver vfio-pci, IOMMU group 7", NULL);
}

static json_t *load(void (*print)(FILE *, void *), void *arg)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);
	json_t *json;

	print(f, arg);
	fclose(f);
	json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	free(text);
	assert_non_null(json);
	return json;
}

static void print_report(FILE *f, void *arg)
{
	assert_int_equal(report_print_json(arg, f), 0);
}

static void doctor_json(void **state)
{
	struct report r = examine(*state);
	json_t *top = load(print_report, &r), *check;
	size_t i;

	assert_true(json_is_true(json_object_get(top, "ready")));
	assert_int_equal(json_integer_value(json_object_get(top, "version")), 1);
	assert_int_equal(json_array_size(json_object_get(top, "checks")), r.count);
	json_array_foreach(json_object_get(top, "checks"), i, check) {
		const struct finding *f = &r.finding[i];

		assert_string_equal(json_string_value(json_object_get(check, "id")), f->check.id);
		assert_string_equal(json_string_value(json_object_get(check, "status")),
				    level_name(f->check.level));
		assert_string_equal(json_string_value(json_object_get(check, "detail")),
				    f->detail);
		assert_int_equal(json_is_true(json_object_get(check, "required")),
				 f->check.need == REQUIRED);
		if (f->remedy)
			assert_string_equal(json_string_value(json_object_get(check, "remedy")),
					    f->remedy);
		else
			assert_true(json_is_null(json_object_get(check, "remedy")));
	}
	json_decref(top);
	report_free(&r);
}

static char *human(const struct report *r, bool colour)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	assert_int_equal(report_print(r, f, colour), 0);
	fclose(f);
	return text;
}

static void doctor_text(void **state)
{
	struct report r = examine(*state);
	char *text = human(&r, false);

	assert_non_null(strstr(text, "CPU\n  ok       virtualization         SVM revision 1"));
	assert_non_null(strstr(text, "\n                                  -> systemctl start"));
	assert_non_null(strstr(text, "\nReady: "));
	assert_null(strchr(text, '\033'));
	free(text);
	text = human(&r, true);
	assert_non_null(strstr(text, "\033[32mok\033[0m"));
	free(text);
	report_free(&r);
}

#define DBG COUNTERS_DIR

static void put_counters(const struct tree *t)
{
	tree_put(t, DBG "/vms", "2\n");
	tree_put(t, DBG "/frames_free", "18446744073709551615\n");
	tree_put(t, DBG "/log", "no number\n");
	tree_put(t, DBG "/negative", "-1\n");
	tree_put(t, DBG "/huge", "18446744073709551616\n");
	tree_put(t, DBG "/trailing", "1 2\n");
	tree_put(t, DBG "/vm-812-1/mapped_4k", "77\n");
	tree_put(t, DBG "/vm-812-1/vcpu0/exits", "100\n");
	tree_put(t, DBG "/vm-812-1/vcpu0/idle", "0\n");
	tree_put(t, DBG "/vm-812-1/vcpu10/exits", "5\n");
	tree_put(t, DBG "/vm-812-1/vcpu2/exits", "20\n");
	tree_put(t, DBG "/vm-812-1/vcpu2/halts", "3\n");
	tree_put(t, DBG "/vm-812-1/vcpux/exits", "9\n");
	tree_dir(t, DBG "/vm-99-7");
	tree_dir(t, DBG "/vm-99-7x");
	tree_put(t, "/proc/812/comm", "hgvmm\n");
}

static void counters(void **state)
{
	struct tree *t = *state;
	struct fs fs = { t->root };
	struct snapshot s;
	const struct vm_counters *vm;

	assert_int_equal(snapshot_read(&fs, &s), -ENOENT);
	put_counters(t);
	assert_int_equal(snapshot_read(&fs, &s), 0);
	assert_int_equal(s.counters.count, 2);
	assert_true(counters_find(&s.counters, "frames_free")->value == UINT64_MAX);
	assert_null(counters_find(&s.counters, "log"));
	assert_int_equal(s.vms, 2);
	vm = snapshot_vm(&s, "vm-812-1");
	assert_non_null(vm);
	assert_int_equal(vm->pid, 812);
	assert_int_equal(vm->id, 1);
	assert_string_equal(vm->command, "hgvmm");
	assert_int_equal(vm->vcpus, 3);
	assert_int_equal(vm->vcpu[0].index, 0);
	assert_int_equal(vm->vcpu[1].index, 2);
	assert_int_equal(vm->vcpu[2].index, 10);
	assert_int_equal(counters_find(&vm->vcpu[1].counters, "halts")->value, 3);
	assert_string_equal(snapshot_vm(&s, "vm-99-7")->command, "?");
	snapshot_free(&s);
}

static char *tables(const struct snapshot *s, const struct snapshot *before, double seconds,
		    bool all)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	status_print(s, before, seconds, all, f);
	fclose(f);
	return text;
}

static void status_text(void **state)
{
	struct tree *t = *state;
	struct fs fs = { t->root };
	struct snapshot s, later;
	char *text;

	put_counters(t);
	assert_int_equal(snapshot_read(&fs, &s), 0);
	text = tables(&s, NULL, 0, false);
	assert_non_null(strstr(text, "vm-812-1: process 812 (hgvmm), 3 vCPUs\n"));
	assert_non_null(strstr(text, "exits                             125          100           20            5\n"));
	assert_non_null(strstr(text, "halts                               3            -            3            -\n"));
	assert_null(strstr(text, "idle"));
	free(text);
	text = tables(&s, NULL, 0, true);
	assert_non_null(strstr(text, "idle                                0            0            -            -\n"));
	free(text);

	tree_put(t, DBG "/vm-812-1/vcpu0/exits", "300\n");
	assert_int_equal(snapshot_read(&fs, &later), 0);
	text = tables(&later, &s, 2.0, false);
	assert_non_null(strstr(text, "exits                             100          100            0            0\n"));
	free(text);
	snapshot_free(&later);
	snapshot_free(&s);
}

static void print_snapshot(FILE *f, void *arg)
{
	assert_int_equal(status_print_json(arg, true, f), 0);
}

static void status_json(void **state)
{
	struct tree *t = *state;
	struct fs fs = { t->root };
	struct snapshot s;
	json_t *top, *vm;
	const char *command;
	json_int_t index, exits;

	put_counters(t);
	assert_int_equal(snapshot_read(&fs, &s), 0);
	top = load(print_snapshot, &s);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(top, "counters"),
							    "vms")), 2);
	vm = json_array_get(json_object_get(top, "vms"), 1);
	assert_int_equal(json_unpack(vm, "{s:s, s:[{}, {s:I, s:{s:I}}, {}]}", "command", &command,
				     "vcpus", "index", &index, "counters", "exits", &exits), 0);
	assert_string_equal(command, "hgvmm");
	assert_int_equal(index, 2);
	assert_int_equal(exits, 20);
	json_decref(top);
	snapshot_free(&s);
}

static void files(void **state)
{
	struct tree *t = *state;
	struct fs fs = { t->root };
	char small[4], *text;
	uint64_t n;

	tree_put(t, "/f", "abcdefgh");
	assert_int_equal(fs_read(&fs, "/f", small, sizeof(small)), 3);
	assert_string_equal(small, "abc");
	assert_int_equal(fs_read(&fs, "/none", small, sizeof(small)), -ENOENT);
	assert_int_equal(fs_number(&fs, "/f", &n), -EINVAL);
	tree_put(t, "/f", "");
	assert_int_equal(fs_number(&fs, "/f", &n), -EINVAL);
	tree_put(t, "/f", "  \n \n");
	assert_int_equal(fs_read(&fs, "/f", small, sizeof(small)), 0);
	assert_string_equal(small, "");
	text = fs_slurp(&fs, "/f");
	assert_string_equal(text, "  \n \n");
	free(text);

	text = malloc((1 << 20) + 2);
	memset(text, 'x', (1 << 20) + 1);
	text[(1 << 20) + 1] = '\0';
	tree_put(t, "/f", text);
	assert_null(fs_slurp(&fs, "/f"));
	assert_int_equal(errno, EFBIG);
	free(text);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(files), T(cpuid_bounds), T(amd_is_ready), T(amd_lacks), T(other_vendors),
		T(iommu), T(tpm), T(memory), T(kernel), T(conflicts), T(module), T(gpus),
		T(doctor_json), T(doctor_text), T(counters), T(status_text), T(status_json),
	};

	return cmocka_run_group_tests_name("hgctl", tests, NULL, NULL);
}
