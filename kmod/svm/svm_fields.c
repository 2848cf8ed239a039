// SPDX-License-Identifier: GPL-2.0-only
/*
 * SVM: the control block's fields by name.
 */
#include "svm.h"

#define FIELD(name, member)							\
	{ name, HG_OFFSETOF(struct vmcb, member), sizeof(((struct vmcb *)0)->member) }
#define SEGMENT(name)								\
	FIELD(#name ".sel", name.selector), FIELD(#name ".attr", name.attr),	\
	FIELD(#name ".limit", name.limit), FIELD(#name ".base", name.base)

const struct hg_control_field svm_fields[] = {
	FIELD("exit_code", exit_code), FIELD("exit_info1", exit_info1),
	FIELD("exit_info2", exit_info2), FIELD("exit_int_info", exit_int_info),
	FIELD("event_inject", event_inject), FIELD("vintr", vintr),
	FIELD("interrupt_shadow", interrupt_shadow), FIELD("asid", asid),
	FIELD("tlb_control", tlb_control), FIELD("nested_control", nested_control),
	FIELD("nested_cr3", nested_cr3), FIELD("intercept_cr", intercept_cr),
	FIELD("intercept_dr", intercept_dr),
	FIELD("intercept_exception", intercept_exception),
	FIELD("intercept3", intercept3), FIELD("intercept4", intercept4),
	FIELD("iopm_pa", iopm_pa), FIELD("msrpm_pa", msrpm_pa),
	FIELD("tsc_offset", tsc_offset), FIELD("next_rip", next_rip),
	FIELD("rip", rip), FIELD("rsp", rsp), FIELD("rax", rax), FIELD("rflags", rflags),
	FIELD("cr0", cr0), FIELD("cr2", cr2), FIELD("cr3", cr3), FIELD("cr4", cr4),
	FIELD("efer", efer), FIELD("dr6", dr6), FIELD("dr7", dr7), FIELD("cpl", cpl),
	FIELD("pat", pat), FIELD("star", star), FIELD("lstar", lstar),
	FIELD("sysenter_cs", sysenter_cs),
	SEGMENT(cs), SEGMENT(ss), SEGMENT(ds), SEGMENT(es), SEGMENT(fs), SEGMENT(gs),
	SEGMENT(gdtr), SEGMENT(idtr), SEGMENT(ldtr), SEGMENT(tr),
};
const u32 svm_field_count = HG_ARRAY_SIZE(svm_fields);
