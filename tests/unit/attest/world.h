/* SPDX-License-Identifier: Apache-2.0 */
/* Two machines, two CVM keys and a policy that accepts the first of each. */
#ifndef TEST_WORLD_H
#define TEST_WORLD_H

#include "attest.h"
#include "machine.h"

struct world {
	struct machine a, b;
	struct att_bytes key, other_key; /* PEM */
	struct att_policy *policy;
	uint8_t nonce[32], other_nonce[32];
};

/* Boot PCRs that the policy appraises. */
#define WORLD_PCRS 0x395u /* 0, 2, 4, 7, 8, 9 */

struct world *world_new(uint32_t sig_alg);
void world_free(struct world *w);
/* A policy's text for machine @m; @extra are more members, with a comma behind each. */
char *world_policy_text(const struct machine *m, const char *extra);
/* Evidence of machine A for the nonce and the first key. */
struct att_evidence *world_evidence(const struct world *w);

/* Passes, and a secret goes to the CVM and opens there. */
void must_pass(const struct world *w, const struct att_evidence *ev);
/* Fails with this verdict, this claim failed, and nothing is released. */
void must_fail(const struct world *w, const struct att_evidence *ev, enum att_verdict verdict,
	       const char *claim);

#endif
