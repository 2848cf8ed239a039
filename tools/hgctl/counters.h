/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The counters that hypergpu.ko keeps in debugfs: files that hold one decimal
 * number each, directories vm-PID-ID/ and in them vcpuN/. The names of the
 * counters are the module's business: whatever is there is read.
 */
#ifndef HGCTL_COUNTERS_H
#define HGCTL_COUNTERS_H

#include "fs.h"

#define COUNTERS_DIR "/sys/kernel/debug/hypergpu"

struct counter {
	char *name;
	uint64_t value;
};

struct counters {
	struct counter *item;	/* sorted by name */
	size_t count;
};

struct vcpu_counters {
	unsigned int index;
	struct counters counters;
};

struct vm_counters {
	char *name;		/* the directory's */
	unsigned int pid;
	unsigned int id;
	char command[32];	/* of the process; "?" when it is gone */
	struct counters counters;
	struct vcpu_counters *vcpu;
	size_t vcpus;
};

struct snapshot {
	struct counters counters;	/* of the module */
	struct vm_counters *vm;
	size_t vms;
};

/*
 * Reads everything once. A VM or vCPU that goes away meanwhile is left out.
 * 0 or -errno: -ENOENT when the module is not loaded or debugfs not mounted,
 * -EACCES without the right to look. On success the caller calls
 * snapshot_free().
 */
int snapshot_read(const struct fs *fs, struct snapshot *s);
void snapshot_free(struct snapshot *s);

/* -> the counter of that name, or NULL. */
const struct counter *counters_find(const struct counters *c, const char *name);
const struct vm_counters *snapshot_vm(const struct snapshot *s, const char *name);

#endif /* HGCTL_COUNTERS_H */
