/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The report key: made when the module is loaded, private to this half, gone when it is
 * unloaded. Everything here may sleep.
 */
#ifndef HGL_REPORT_KEY_H
#define HGL_REPORT_KEY_H

#include <linux/types.h>

#define HGL_REPORT_PUBLIC_SIZE		64	/* X || Y, big-endian */
#define HGL_REPORT_SIGNATURE_SIZE	64	/* r || s, big-endian */

/*
 * Makes the key, and the public half in @public. 0, or an errno after a line in the log:
 * -ENOENT (this kernel has not what it takes), -EIO (the key does not sign as it should).
 */
int hgl_report_key_make(u8 *public);
/* Wipes it; signing fails from now on. Any number of times. */
void hgl_report_key_wipe(void);
/* 0; -ENOKEY (there is none), -EINTR (killed), or another errno: nothing was signed. */
int hgl_report_key_sign(const void *message, size_t length, u8 *signature);

#endif /* HGL_REPORT_KEY_H */
