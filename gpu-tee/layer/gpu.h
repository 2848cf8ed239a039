/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which GPU it must be, and the session with it. The environment, which hgrun fills:
 *
 *   HYPERGPU_GPU_RECORD     file: the record of the GPU's enrolment
 *   HYPERGPU_GPU_SIGNER     file: PEM, public key of whoever signs such records
 *   HYPERGPU_ANONYMOUS      1: go without a key of the GPU's; with a record, its
 *                           identity must be right all the same
 *   HYPERGPU_GPU_SIMULATED  number: stand in for the behaviour by a simulated device
 *                           of this serial number; for tests, and said on stderr
 */
#ifndef LAYER_GPU_H
#define LAYER_GPU_H

#include "channel.h"
#include "crossing.h"
#include "device.h"

/*
 * Checks the device and agrees on keys: fills state, session, secret and transcript of
 * @options, whose suite is set. The caller wipes it. HG_GPU_E_IDENTITY names what differs.
 */
int gpu_session(struct hg_provider *p, struct hg_queue *queue, cl_context context,
		cl_device_id device, struct hg_channel_options *options, struct hg_gpu_error *err);

#endif
