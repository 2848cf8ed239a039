/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A PCR of the TPM, and the log of what this module has extended it with: TCG's crypto-agile
 * format (PC Client Platform Firmware Profile, 10.2), every event an EV_EVENT_TAG.
 *
 * Whatever may be in the PCR has an entry: the entry is made first. If the extend fails, the PCR
 * is read; where it is what it was, the entry goes again, and in doubt it stays.
 */
#ifndef HGL_TPM_LOG_H
#define HGL_TPM_LOG_H

#include <linux/types.h>

/*
 * PCR 13 is the operating system's, which neither firmware nor boot loaders (shim 14; GRUB 8, 9)
 * nor IMA (10) extend. systemd uses 11, 12, 15, and 13 for system extensions of unified kernel
 * images only: together with those the PCR means nothing to a verifier.
 */
#define HGL_TPM_PCR	13

/*
 * Find the TPM and begin the log. 0, or after a line in the kernel's log -ENODEV (no TPM 2.0) or
 * another errno. Without @tpm: a log as of a TPM with a bank of SHA-256, and nothing is extended.
 * May sleep, as all of this.
 */
int hgl_tpm_log_open(bool tpm);
/* Forgets the log; the PCR stays as it is. Also when it is not open. */
void hgl_tpm_log_close(void);
/* One event. 0, or an errno after a line in the log. */
int hgl_tpm_log_extend(u32 id, const void *data, u32 size);
/*
 * Does the log give what the PCR holds, in every bank? 1, 0, -ENODEV without a TPM, or another
 * errno after a line in the log.
 */
int hgl_tpm_log_replays(void);
/* Bytes of the log at @offset into @buffer: as many as there are, at most @size. */
size_t hgl_tpm_log_read(void *buffer, size_t size, loff_t offset);

#endif /* HGL_TPM_LOG_H */
