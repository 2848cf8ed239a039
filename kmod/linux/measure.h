/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What stands behind reports (docs/report.md): this module measures itself and its report
 * key into the TPM, and shows the log of that in securityfs.
 */
#ifndef HGL_MEASURE_H
#define HGL_MEASURE_H

/*
 * When the core has started, before any guest exists. Never fails: without what it needs there
 * are no reports, which one line in the log says. May sleep, for as long as a TPM takes.
 */
void hgl_measure_init(void);
/* When no guest exists any more: the key is wiped, and the TPM told that it is. */
void hgl_measure_exit(void);
/* The same before a reboot or kexec, where guests may still exist: their reports are refused. */
void hgl_measure_reboot(void);

#endif /* HGL_MEASURE_H */
