/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device as enrolment and verification see it: its identity, its readings. A target is one
 * thread's at a time, and only one in the process may be opened at a time (pci.h).
 */
#ifndef HG_TARGET_H
#define HG_TARGET_H

#include "pci.h"
#include "probe.h"
#include "simulated.h"

struct hg_choice {
	int device; /* of OpenCL's; -1: none was named */
	const char *pci; /* an address, or NULL */
	bool simulated;
	uint64_t serial;
	double noise; /* part of the bits of a simulated reading that differ */
	bool rom;
};

/* An opened device. */
struct hg_target {
	const struct hg_choice *choice;
	struct hg_clapi api;
	cl_device_id device; /* NULL: by PCI only, or simulated in plain C */
	cl_context context; /* of the caller's, for readings; NULL: one of the target's own */
	struct hg_probe *probe;
	struct hg_sim_device sim;
	struct hg_fp_identity identity;
	struct hg_fp_notes notes;
};

/* Finds the device and gathers its identity. */
int hg_target_open(struct hg_target *t, const struct hg_choice *c, struct hg_gpu_error *err);
void hg_target_close(struct hg_target *t);

/* A reading, brought to the host: for enrolment. */
int hg_target_read(struct hg_target *t, struct fp_reading *reading, struct hg_gpu_error *err);
/*
 * A record, still unsigned: of the identity where @count is 0, else of so many readings too,
 * which @readings has room for. They are secrets, the caller's to wipe.
 */
int hg_target_enrol(struct hg_target *t, struct fp_reading *readings, unsigned count, int64_t now,
		    int64_t expires, struct hg_fp_record *r, struct hg_gpu_error *err);
/* Takes a reading and reproduces the secret where the reading is. */
int hg_target_verify(struct hg_target *t, const struct hg_fp_record *r, struct hg_fp_evidence *e,
		  struct hg_gpu_error *err);
/*
 * Whether it is the device of @r. Where its behaviour cannot be measured that is a difference,
 * and @err says why (HG_GPU_E_UNSUPPORTED); -1 is for what failed otherwise.
 */
int hg_target_compare(struct hg_target *t, const struct hg_fp_record *r, int64_t now, bool strict,
		      struct hg_fp_result *result, struct hg_gpu_error *err);

#endif
