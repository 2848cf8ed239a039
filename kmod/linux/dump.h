/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A vCPU's hardware control block in the log, decoded.
 */
#ifndef HGL_DUMP_H
#define HGL_DUMP_H

struct hgl_vcpu;

/* Rate limited: a guest can provoke it. May sleep. */
void hgl_dump_vcpu(struct hgl_vcpu *vcpu);

#endif /* HGL_DUMP_H */
