// SPDX-License-Identifier: Apache-2.0
/* IOMMU, TPM and memory. */
#include "doctor.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Which table of the firmware describes an IOMMU; NULL when none does. */
static const char *iommu_table(const struct machine *m)
{
	if (fs_exists(&m->fs, "/sys/firmware/acpi/tables/DMAR"))
		return "DMAR";
	if (fs_exists(&m->fs, "/sys/firmware/acpi/tables/IVRS"))
		return "IVRS";
	return NULL;
}

void check_iommu(const struct machine *m, struct report *r)
{
	struct check f = { "Platform", "iommu", "IOMMU", LEVEL_OK, OPTIONAL };
	const char *table = iommu_table(m);
	struct names units, groups;

	if (fs_list(&m->fs, "/sys/class/iommu", &units))
		units = (struct names){ NULL, 0 };
	if (fs_list(&m->fs, "/sys/kernel/iommu_groups", &groups))
		groups = (struct names){ NULL, 0 };
	if (units.count) {
		report_add(r, f, "%zu in use (%s%s), %zu groups", units.count, units.name[0],
			   units.count > 1 ? ", ..." : "", groups.count);
	} else if (table) {
		f.level = LEVEL_WARN;
		report_add(r, f, "described by the firmware (ACPI %s), not used by the kernel", table);
		report_remedy(r, "boot with %s",
			      table[0] == 'D' ? "intel_iommu=on" : "amd_iommu=on");
	} else {
		f.level = LEVEL_MISSING;
		report_add(r, f, "none; devices cannot be passed to a VM");
		report_remedy(r, machine_is_virtual(m) ?
			      "this is a virtual machine: its hypervisor must offer one" :
			      "enable VT-d or AMD-Vi (\"IOMMU\") in the firmware setup");
	}
	names_free(&units);
	names_free(&groups);
}

static void found_tpm(const struct machine *m, struct report *r, struct check f)
{
	uint64_t major = 0;
	int err;

	if (fs_number(&m->fs, "/sys/class/tpm/tpm0/tpm_version_major", &major) || major != 2) {
		f.level = LEVEL_MISSING;
		report_add(r, f, "version %" PRIu64 ", not 2", major);
		report_remedy(r, "choose TPM 2.0 in the firmware setup, or fit another TPM");
		return;
	}
	err = fs_access(&m->fs, "/dev/tpmrm0", R_OK | W_OK);
	if (err) {
		f.level = LEVEL_WARN;
		report_add(r, f, "TPM 2.0, but /dev/tpmrm0: %s", strerror(-err));
		report_remedy(r, err == -ENOENT ? "load the TPM driver of your kernel" :
			      "run as root, or join the group of /dev/tpmrm0 (tss on Debian)");
		return;
	}
	report_add(r, f, "TPM 2.0 at /dev/tpmrm0");
}

void check_tpm(const struct machine *m, struct report *r)
{
	struct check f = { "Platform", "tpm", "TPM", LEVEL_MISSING, OPTIONAL };

	if (fs_exists(&m->fs, "/sys/class/tpm/tpm0")) {
		f.level = LEVEL_OK;
		found_tpm(m, r, f);
		return;
	}
	report_add(r, f, "none; this machine cannot prove what it runs");
	report_remedy(r, machine_is_virtual(m) ?
		      "this is a virtual machine: its hypervisor must offer one" :
		      "enable the TPM (\"fTPM\", \"PTT\") in the firmware setup");
}

/* The word in brackets of, say, "always [madvise] never"; "" when there is none. */
static void chosen(const char *text, char *word, size_t size)
{
	const char *open = strchr(text, '[');
	const char *close = open ? strchr(open, ']') : NULL;
	size_t n = close ? (size_t)(close - open - 1) : 0;

	if (n >= size)
		n = 0;
	if (n)
		memcpy(word, open + 1, n);
	word[n] = '\0';
}

static void check_huge_pages(const struct machine *m, struct report *r)
{
	struct check f = { "Platform", "memory.huge", "huge pages", LEVEL_OK, OPTIONAL };
	char text[128], thp[32] = "";
	uint64_t huge2m = 0, huge1g = 0;

	if (fs_read(&m->fs, "/sys/kernel/mm/transparent_hugepage/enabled", text, sizeof(text)) > 0)
		chosen(text, thp, sizeof(thp));
	fs_number(&m->fs, "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", &huge2m);
	fs_number(&m->fs, "/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages", &huge1g);
	if (!huge2m && !huge1g && (!thp[0] || !strcmp(thp, "never"))) {
		f.level = LEVEL_WARN;
		report_add(r, f, "none reserved, and no transparent ones: VMs run on 4 KiB pages");
		report_remedy(r, "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled");
		return;
	}
	report_add(r, f, "transparent: %s; reserved: %" PRIu64 " of 2 MiB, %" PRIu64 " of 1 GiB",
		   thp[0] ? thp : "no", huge2m, huge1g);
}

/*
 * Pinned memory (DMA by a passed-through device) counts against the limit;
 * 64 MiB serves a small VM's queues, not its RAM.
 */
#define MEMLOCK_ENOUGH (64ULL << 20)

static void check_memlock(const struct machine *m, struct report *r)
{
	struct check f = { "Platform", "memory.lock", "memory lock limit", LEVEL_OK, OPTIONAL };
	char *text = fs_slurp(&m->fs, "/proc/self/limits");
	char *line = text ? strstr(text, "Max locked memory") : NULL;
	unsigned long long bytes;
	char word[32];

	if (!line || sscanf(line, "Max locked memory %31s", word) != 1) {
		f.level = LEVEL_WARN;
		report_add(r, f, "unknown: cannot read /proc/self/limits");
	} else if (!strcmp(word, "unlimited")) {
		report_add(r, f, "unlimited");
	} else {
		bytes = strtoull(word, NULL, 10);
		if (bytes < MEMLOCK_ENOUGH)
			f.level = LEVEL_WARN;
		report_add(r, f, "%llu KiB", bytes >> 10);
		if (f.level != LEVEL_OK)
			report_remedy(r, "before a device is passed to a VM: ulimit -l unlimited, "
					 "or a memlock line in /etc/security/limits.d");
	}
	free(text);
}

void check_memory(const struct machine *m, struct report *r)
{
	check_huge_pages(m, r);
	check_memlock(m, r);
}
