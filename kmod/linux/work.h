/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HGL_WORK_H
#define HGL_WORK_H

/* 0, or -EINTR when a signal came. May sleep. */
int hgl_host_work(void);

#endif /* HGL_WORK_H */
