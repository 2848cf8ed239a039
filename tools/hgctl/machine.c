// SPDX-License-Identifier: Apache-2.0
#include "machine.h"

#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void machine_init(struct machine *m, const char *root)
{
	m->real = !root[0] || !strcmp(root, "/");
	m->fs.root = m->real ? "" : root;
}

static struct cpuid cpuid_raw(const struct machine *m, uint32_t leaf, uint32_t subleaf)
{
	struct cpuid r = { 0, 0, 0, 0 };
	char *text, *line, *save;

	if (m->real) {
		__cpuid_count(leaf, subleaf, r.eax, r.ebx, r.ecx, r.edx);
		return r;
	}
	text = fs_slurp(&m->fs, "/cpuid");
	for (line = text ? strtok_r(text, "\n", &save) : NULL; line;
	     line = strtok_r(NULL, "\n", &save)) {
		struct cpuid c;
		uint32_t l, s;

		if (sscanf(line, "%" SCNx32 "%" SCNx32 "%" SCNx32 "%" SCNx32 "%" SCNx32 "%" SCNx32,
			   &l, &s, &c.eax, &c.ebx, &c.ecx, &c.edx) == 6 &&
		    l == leaf && s == subleaf)
			r = c;
	}
	free(text);
	return r;
}

struct cpuid machine_cpuid(const struct machine *m, uint32_t leaf, uint32_t subleaf)
{
	/* Leaf 0 of each range tells the last leaf of that range. */
	uint32_t base = leaf & 0xffff0000u;
	struct cpuid r = cpuid_raw(m, base, 0);

	if (leaf == base)
		return r;
	if (r.eax < leaf || (r.eax & 0xffff0000u) != base)
		return (struct cpuid){ 0, 0, 0, 0 };
	return cpuid_raw(m, leaf, subleaf);
}

bool machine_is_virtual(const struct machine *m)
{
	return machine_cpuid(m, 1, 0).ecx & (1U << 31);
}

static int rdmsr_real(uint32_t msr, uint64_t *value)
{
	int fd = open("/dev/cpu/0/msr", O_RDONLY | O_CLOEXEC);
	ssize_t n;
	int err;

	if (fd < 0)
		return -errno;
	n = pread(fd, value, sizeof(*value), msr);
	err = n == sizeof(*value) ? 0 : n < 0 ? -errno : -EIO;
	close(fd);
	return err;
}

int machine_rdmsr(const struct machine *m, uint32_t msr, uint64_t *value)
{
	char *text, *line, *save;
	int err = -ENOENT;

	if (m->real)
		return rdmsr_real(msr, value);
	text = fs_slurp(&m->fs, "/msr");
	for (line = text ? strtok_r(text, "\n", &save) : NULL; line;
	     line = strtok_r(NULL, "\n", &save)) {
		uint32_t number;
		uint64_t v;

		if (sscanf(line, "%" SCNx32 "%" SCNx64, &number, &v) == 2 && number == msr) {
			*value = v;
			err = 0;
		}
	}
	free(text);
	return err;
}

int machine_release(const struct machine *m, char *buf, size_t size)
{
	int n = fs_read(&m->fs, "/proc/sys/kernel/osrelease", buf, size);

	return n < 0 ? n : n == 0 ? -EINVAL : 0;
}

bool machine_module_loaded(const struct machine *m, const char *name, unsigned long *users)
{
	char *text = fs_slurp(&m->fs, "/proc/modules");
	char *line, *save;
	bool found = false;

	/* Lines are "name size users ..."; only a live module counts, and a
	 * module that is coming or going is as good as there.
	 */
	for (line = text ? strtok_r(text, "\n", &save) : NULL; line && !found;
	     line = strtok_r(NULL, "\n", &save)) {
		char first[64];
		unsigned long size, count;

		if (sscanf(line, "%63s %lu %lu", first, &size, &count) == 3 &&
		    !strcmp(first, name)) {
			found = true;
			if (users)
				*users = count;
		}
	}
	free(text);
	return found;
}
