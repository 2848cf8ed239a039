/* SPDX-License-Identifier: Apache-2.0 */
/* Reference values as CoRIM (draft-ietf-rats-corim-10): docs/attestation.md says how they map. */
#ifndef ATT_CORIM_H
#define ATT_CORIM_H

#include <jansson.h>

#include "attest.h"

#define ATT_CORIM_MAX (4u << 20)

/* The tag of an unsigned one. -> the JSON of reference values, not yet checked, or NULL. */
json_t *att_corim_read(const uint8_t *data, size_t size, struct att_error *err);
/* Reference values that a policy has read, as an unsigned one. */
struct att_policy;
int att_corim_write(const struct att_policy *values, struct att_bytes *corim,
		    struct att_error *err);

/* COSE_Sign1 around one: -> the payload, which points into @data. The key is P-256 or P-384. */
int att_corim_open(const uint8_t *data, size_t size, const struct att_bytes *key_pem,
		   const uint8_t **payload, size_t *payload_size, struct att_error *err);
int att_corim_sign(const struct att_bytes *payload, const struct att_bytes *key_pem,
		   const char *signer, struct att_bytes *corim, struct att_error *err);

#endif
