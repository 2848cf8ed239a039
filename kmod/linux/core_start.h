/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Starting the core: the memory it is given and the machine it is told of.
 */
#ifndef HGL_CORE_START_H
#define HGL_CORE_START_H

struct hg_report_key;

/* 0, or an errno after one line in the log that says why. */
int hgl_core_start(void);
void hgl_core_stop(void);
/* "SVM with nested paging, ..." */
const char *hgl_core_describe(void);

/* Calls that are no part of the call table: see core.h. */
s64 hg_core_cpu_on(u32 index, u64 pfn);
s64 hg_core_cpu_off(u32 index);
s64 hg_core_report_key(const struct hg_report_key *key);
s64 hg_core_sign(u64 vcpu);

#endif /* HGL_CORE_START_H */
