/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest state in the control page: fetched from the core when it is first
 * needed, handed back at the next entry when it was changed.
 *
 * Context: the vCPU's owner (vcpu->mutex).
 */
#ifndef HGL_STATE_H
#define HGL_STATE_H

#include "cvm.h"
#include "memory.h"

/* Make @groups (HG_STATE_*) readable in vcpu->page. */
static inline void hgl_state_need(struct hgl_vcpu *vcpu, u32 groups)
{
	struct hg_vcpu_page *page = vcpu->page;

	/* A dirty group is newer here than in the core. */
	groups &= ~(page->valid | page->dirty);
	/* Of a running CVM nothing is to be had: what is there stays, and means nothing. */
	if (likely(!groups) || hgl_cvm_running(vcpu->vm))
		return;
	/* A CVM may have begun to run at this moment. */
	WARN_ON_ONCE(hgl_call(HG_CALL_VCPU_FETCH, vcpu->handle, groups) && !hgl_cvm(vcpu->vm));
}

/* @groups, complete in vcpu->page, were changed. */
static inline void hgl_state_dirty(struct hgl_vcpu *vcpu, u32 groups)
{
	vcpu->page->dirty |= groups;
	vcpu->page->valid |= groups;
}

#endif /* HGL_STATE_H */
