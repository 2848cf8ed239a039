/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Simulated devices: a map of latencies drawn from a seed, and readings of it with
 * noise. For tests, figures and trying the tools out. They have no hardware behind them and no
 * secrets: whoever knows the seed knows the device. Identities and records say so.
 */
#ifndef HG_SIMULATED_H
#define HG_SIMULATED_H

#include "fuzzy.h"
#include "identity.h"

/* Lengths of time are in cycles. */
struct hg_sim_device {
	uint64_t serial; /* the device's own part of the map */
	uint64_t model; /* the part that all devices of the model have */
	uint32_t units, regions;
	double spread; /* standard deviation of the own part */
	double shared; /* of the model's part, cell by cell */
	double noise; /* of one reading */
	double drift; /* of slow change of cells since enrolment */
	double temperature; /* in degrees; readings at enrolment are at 50 */
};

/* 128 units, 512 regions, spread 1, noise for 5 % of the bits of unselected tiles. */
void hg_sim_defaults(struct hg_sim_device *d, uint64_t serial);

/* The noise that inverts this part of unselected bits, when enrolment saw the map itself. */
double hg_sim_noise(double spread, double bit_errors);

/* @seed makes the noise: the same one, the same reading. */
void hg_sim_read(const struct hg_sim_device *d, uint64_t seed, struct fp_reading *reading);

void hg_sim_identity(const struct hg_sim_device *d, struct hg_fp_identity *id);

#endif
