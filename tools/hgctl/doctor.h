/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hgctl doctor: what this machine has and lacks, with the remedies.
 *
 * Each check looks at one part of the machine and adds one finding or a few.
 * None of them changes anything, and none needs root, though root sees more.
 */
#ifndef HGCTL_DOCTOR_H
#define HGCTL_DOCTOR_H

#include "machine.h"
#include "report.h"

void check_cpu(const struct machine *m, struct report *r);
void check_iommu(const struct machine *m, struct report *r);
void check_tpm(const struct machine *m, struct report *r);
void check_kernel(const struct machine *m, struct report *r);
void check_module(const struct machine *m, struct report *r);
void check_memory(const struct machine *m, struct report *r);
void check_gpus(const struct machine *m, struct report *r);

/* OpenCL and CUDA; runs their libraries, so only on the real machine. */
void check_compute(const struct machine *m, struct report *r);

/*
 * hypergpu.conf, event logs, attestation key, verifier, GPU record, OpenCL layer. On the real
 * machine our other programs are run, each with a time limit.
 */
void check_chain(const struct machine *m, struct report *r);

/* All of them, in the order of the report. */
void doctor_examine(const struct machine *m, struct report *r);

/* The subcommand. -> exit status: 0 ready, 1 not ready, 2 could not tell. */
int doctor_main(const char *root, bool json);

#endif /* HGCTL_DOCTOR_H */
