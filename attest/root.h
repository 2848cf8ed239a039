/* SPDX-License-Identifier: Apache-2.0 */
/* The trust root: what it must do, and how the rest of the library reaches it. */
#ifndef ATT_ROOT_H
#define ATT_ROOT_H

#include <tss2/tss2_tpm2_types.h>

#include "attest.h"
#include "ek.h"
#include "evidence.h"

/* An attestation key: its public area, and what only its root can use. */
struct att_ak {
	struct att_bytes public; /* TPMT_PUBLIC */
	struct att_bytes private; /* a TPM's wrapped blob, or a key in DER */
	const struct att_ek *ek; /* the endorsement key that goes with it; NULL: which there is */
};

struct att_root_ops {
	const char *name; /* in evidence and in the key's file */
	int (*create_ak)(struct att_root *root, const char *type, struct att_ak *ak,
			 struct att_error *err);
	/* Fills signature, message and PCR values of @ev. */
	int (*quote)(struct att_root *root, const struct att_ak *ak, const struct att_gather *g,
		     struct att_evidence *ev, struct att_error *err);
	/* The certificate (DER; empty if there is none) and, if asked, the key's public area. */
	int (*ek)(struct att_root *root, const struct att_ak *ak, struct att_bytes *certificate,
		  struct att_bytes *public, struct att_error *err);
	int (*activate)(struct att_root *root, const struct att_ak *ak,
			const struct att_bytes *blob, const struct att_bytes *seed,
			struct att_bytes *secret, struct att_error *err);
	/* NULL: there are no hierarchies. */
	int (*auth)(struct att_root *root, const char *hierarchy, const uint8_t *auth, size_t size,
		    struct att_error *err);
	void (*close)(struct att_root *root);
};

struct att_root {
	const struct att_root_ops *ops;
	att_step *step;
	void *opaque;
};

static inline void att_root_step(struct att_root *root, const char *name)
{
	if (root->step)
		root->step(root->opaque, name);
}

/* The public area of an attestation key of this type, without the key. ATT_E_UNSUPPORTED. */
int att_ak_template(const char *type, TPMT_PUBLIC *pub, struct att_error *err);

/* The key's file. On success the caller calls att_ak_free(). */
int att_ak_parse(const struct att_root *root, const struct att_bytes *text, struct att_ak *ak,
		 struct att_error *err);
void att_ak_free(struct att_ak *ak);

#endif
