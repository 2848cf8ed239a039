/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The report key: made when the module is loaded, private to this half, gone when it is
 * unloaded. Everything here may sleep.
 */
#ifndef HGL_REPORT_KEY_H
#define HGL_REPORT_KEY_H

#include <linux/types.h>

#define HGL_REPORT_PUBLIC_MAX	96	/* X || Y, big-endian */
#define HGL_REPORT_SIGNATURE_MAX 96	/* r || s, big-endian: as long as X || Y */

/* What a key may be; the words of the parameter report_key. NULL: there is no such. */
struct hgl_report_scheme;
const struct hgl_report_scheme *hgl_report_scheme(const char *word);
#define HGL_REPORT_SCHEMES	"p256, p384, sm2"
u32 hgl_report_scheme_algorithm(const struct hgl_report_scheme *scheme);
const char *hgl_report_scheme_name(const struct hgl_report_scheme *scheme);
/* Of X || Y, and of a signature. */
u32 hgl_report_scheme_size(const struct hgl_report_scheme *scheme);

/*
 * Makes the key, and the public half in @public. 0, or an errno after a line in the log:
 * -ENOENT (this kernel has not what it takes), -EIO (the scheme's known answer does not come out,
 * or the key does not sign as it should), -ENOMEM, and what keeps randomness from it.
 */
int hgl_report_key_make(const struct hgl_report_scheme *scheme, u8 *public);
/* Wipes it; signing fails from now on. Any number of times. */
void hgl_report_key_wipe(void);
/*
 * -> bytes of the signature; -ENOKEY (there is none), -EINTR (killed), or another errno:
 * nothing was signed.
 */
int hgl_report_key_sign(const void *message, size_t length, u8 *signature);

#endif /* HGL_REPORT_KEY_H */
