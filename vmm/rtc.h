/* SPDX-License-Identifier: Apache-2.0 */
/* The clock part of an MC146818: a guest reads the time at boot. Read-only. */
#ifndef HGVMM_RTC_H
#define HGVMM_RTC_H

struct vm;
struct rtc;

struct rtc *rtc_new(struct vm *vm);	/* NULL when out of memory */
void rtc_free(struct rtc *rtc);

#endif
