/* SPDX-License-Identifier: Apache-2.0 */
/* The device that the command line names: its identity, its readings. */
#ifndef HGGPU_COLLECT_H
#define HGGPU_COLLECT_H

#include "../host/pci.h"
#include "../host/probe.h"
#include "../host/simulated.h"

struct choice {
	int device; /* of OpenCL's; -1: none was named */
	const char *pci; /* an address, or NULL */
	bool simulated;
	uint64_t serial;
	double noise; /* part of the bits of a simulated reading that differ */
	bool rom;
};

/* An opened device. */
struct target {
	const struct choice *choice;
	struct hg_clapi api;
	cl_device_id device; /* NULL: by PCI only, or simulated in plain C */
	struct hg_probe *probe;
	struct hg_sim_device sim;
	struct hg_fp_identity identity;
	struct hg_fp_notes notes;
};

/* Finds the device and gathers its identity. */
int target_open(struct target *t, const struct choice *c, struct hg_gpu_error *err);
void target_close(struct target *t);

/* A reading, brought to the host: for enrolment. */
int target_read(struct target *t, struct fp_reading *reading, struct hg_gpu_error *err);
/* Takes a reading and reproduces the secret where the reading is. */
int target_verify(struct target *t, const struct hg_fp_record *r, struct hg_fp_evidence *e,
		  struct hg_gpu_error *err);

#endif
