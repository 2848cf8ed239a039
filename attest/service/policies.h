/* SPDX-License-Identifier: Apache-2.0 */
/* Parsed policies, shared by the workers, and read anew when the database's changed. */
#ifndef HG_POLICIES_H
#define HG_POLICIES_H

#include "store.h"

struct policies;
struct policy_ref; /* a policy in use */

struct policies *policies_new(void);
void policies_free(struct policies *p);

/* ATT_E_REFUSED: there is none of this name. */
struct policy_ref *policies_get(struct policies *p, struct store *s, const char *name,
				struct att_error *err);
const struct att_policy *policy_of(const struct policy_ref *ref);
void policies_put(struct policies *p, struct policy_ref *ref);

#endif
