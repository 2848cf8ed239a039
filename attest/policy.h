/* SPDX-License-Identifier: Apache-2.0 */
/* What a tenant accepts: the policy's rules, and reference values. */
#ifndef ATT_POLICY_H
#define ATT_POLICY_H

#include "attest.h"
#include "boot.h"
#include "log.h"
#include "tpmkey.h"

#define ATT_REF_MAX 1024u /* entries of one list */

struct att_ref_pcr {
	const struct att_alg *bank;
	uint32_t pcr;
	uint8_t value[ATT_HASH_MAX];
};

struct att_ref_l0 {
	char version[33];
	uint8_t build_id[32];
	char srcversion[33];
};

struct att_ref_launch {
	uint8_t digest[32];
	uint32_t policy, vcpus;
	uint32_t levels; /* bit n: level n */
};

struct att_trusted_ak {
	uint8_t name[ATT_NAME_MAX];
	size_t size;
	bool has_ek;
	uint8_t ek[32]; /* SHA-256 of the EK certificate, from an enrolment */
};

struct att_policy {
	char id[33];
	uint8_t digest[32]; /* of the policy's text */
	bool development; /* the software root, and reports without a TPM */
	bool cvm; /* a report is required */
	bool boot_log; /* the firmware's log is required */
	uint32_t pcrs; /* must be quoted, and be a reference value */
	uint32_t boot_events; /* the same, but appraised event by event */
	uint32_t os_pcrs; /* the running system extends them: not replayed */
	const struct att_alg *bank[4];
	unsigned int banks;

	struct att_trusted_ak *ak;
	struct att_ref_pcr *pcr;
	struct att_ref_l0 *l0;
	struct att_ref_launch *launch;
	struct att_ref_boot *boot;
	size_t aks, refs, l0s, launches, boots;
};

#endif
