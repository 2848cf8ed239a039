/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Nesting, both ends: this kernel as a guest (L1) whose core is beneath it, and guests
 * of this one that call the core themselves.
 */
#ifndef HGL_NEST_H
#define HGL_NEST_H

#include <linux/jump_label.h>

#include "../core/call.h"
#include "../core/nest.h"

struct hgl_vcpu;
struct hgl_vm;

/* Is the core beneath this kernel, instead of in this module? */
DECLARE_STATIC_KEY_FALSE(hgl_nested);

/* A call to the core beneath; as hg_call(). Any context that hg_call() allows. */
s64 hgl_hypercall(u64 nr, u64 a0, u64 a1, u64 a2, u64 a3, u64 a4);

/* A call to the core, wherever it is. Every call of this half goes through here. */
static __always_inline s64 hgl_core(u64 nr, u64 a0, u64 a1, u64 a2, u64 a3, u64 a4)
{
	if (static_branch_unlikely(&hgl_nested))
		return hgl_hypercall(nr, a0, a1, a2, a3, a4);
	return hg_call(nr, a0, a1, a2, a3, a4);
}

/* --- as a guest --- */

/* Look for a core beneath. 1: use it; 0: there is none; -EOPNOTSUPP, said why. */
int hgl_nest_probe(void);
/* Destroy what another kernel has left before this one, or what this one leaves. */
void hgl_nest_clean(void);

/* --- for guests --- */

/* DOMAIN_CREATE's flags for a new VM. */
u64 hgl_nest_flags(void);
/* HG_EXIT_FRAMES. 0: run it again; it may have been told that there are none. */
void hgl_nest_frames(struct hgl_vcpu *vcpu);
/* Destroy a VM's own guests: it has been reset, or ends. May sleep. */
void hgl_nest_purge(struct hgl_vm *vm);
/* The same, and the memory goes back to the host. */
void hgl_nest_reset(struct hgl_vm *vm);

#endif /* HGL_NEST_H */
