/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fingerprint's program on an OpenCL device: takes readings there, and turns
 * them into the secret there. Only enrolment brings a reading back to the host.
 */
#ifndef HG_PROBE_H
#define HG_PROBE_H

#include "clapi.h"
#include "enrol.h"

struct hg_probe;

/* Builds the program. @api must outlive the probe. */
int hg_probe_open(const struct hg_clapi *api, cl_device_id device, struct hg_probe **probe,
		  struct hg_gpu_error *err);
/* The same in a context of the caller's, who keeps it. */
int hg_probe_attach(const struct hg_clapi *api, cl_context context, cl_device_id device,
		    struct hg_probe **probe, struct hg_gpu_error *err);
void hg_probe_close(struct hg_probe *p);
/* The reading: a buffer of the context, the probe's. */
cl_mem hg_probe_reading(const struct hg_probe *p);

/*
 * A reading, which stays on the device; its shape follows from the device.
 * HG_GPU_E_UNSUPPORTED where kernels have no clock.
 */
int hg_probe_measure(struct hg_probe *p, struct hg_gpu_error *err);
/* To the host, in clear: for enrolment. Refuses one in which a unit is missing. */
int hg_probe_fetch(struct hg_probe *p, struct fp_reading *reading, struct hg_gpu_error *err);
/* A reading of another device, for simulated ones. */
int hg_probe_put(struct hg_probe *p, const struct fp_reading *reading, struct hg_gpu_error *err);
/* fp_reproduce() there, with the reading that is there. Fills what was measured of @e. */
int hg_probe_verify(struct hg_probe *p, const struct fp_helper *helper, struct hg_fp_evidence *e,
		    struct hg_gpu_error *err);

#endif
