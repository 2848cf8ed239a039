/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the SEV commands of a guest (sev.c) and of the platform (sev_dev.c) share.
 */
#ifndef HGL_SEV_H
#define HGL_SEV_H

#include <linux/types.h>

/* Is this file descriptor our /dev/sev? */
bool hgl_sev_dev_is(int fd);
/* Guests that there are: PLATFORM_STATUS tells. */
void hgl_sev_count(int by);

#endif /* HGL_SEV_H */
