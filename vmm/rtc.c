// SPDX-License-Identifier: Apache-2.0
#include "rtc.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "util.h"
#include "vm.h"

#define RTC_PORT	0x70u

enum {
	REG_SEC = 0, REG_MIN = 2, REG_HOUR = 4, REG_WDAY = 6, REG_MDAY = 7, REG_MONTH = 8,
	REG_YEAR = 9, REG_A = 10, REG_B = 11, REG_C = 12, REG_D = 13, REG_CENTURY = 0x32,
};

#define REG_A_32KHZ	0x26	/* usual divider, no update in progress */
#define REG_B_24H	0x02
#define REG_D_VALID	0x80

struct rtc {
	pthread_mutex_t lock;
	uint8_t index;
};

static uint8_t bcd(int v)
{
	return (uint8_t)(v / 10 % 10 << 4 | v % 10);
}

static uint8_t rtc_value(uint8_t reg)
{
	time_t now = time(NULL);
	struct tm tm;

	gmtime_r(&now, &tm);
	switch (reg) {
	case REG_SEC: return bcd(tm.tm_sec);
	case REG_MIN: return bcd(tm.tm_min);
	case REG_HOUR: return bcd(tm.tm_hour);
	case REG_WDAY: return bcd(tm.tm_wday + 1);
	case REG_MDAY: return bcd(tm.tm_mday);
	case REG_MONTH: return bcd(tm.tm_mon + 1);
	case REG_YEAR: return bcd(tm.tm_year % 100);
	case REG_CENTURY: return bcd((tm.tm_year + 1900) / 100);
	case REG_A: return REG_A_32KHZ;
	case REG_B: return REG_B_24H;
	case REG_D: return REG_D_VALID;
	}
	return 0;
}

static uint64_t rtc_read(void *dev, uint64_t off, unsigned int size)
{
	struct rtc *rtc = dev;
	uint8_t index;

	(void)size;
	if (off == 0)
		return 0xff;
	pthread_mutex_lock(&rtc->lock);
	index = rtc->index;
	pthread_mutex_unlock(&rtc->lock);
	return rtc_value(index);
}

static void rtc_write(void *dev, uint64_t off, uint64_t val, unsigned int size)
{
	struct rtc *rtc = dev;

	(void)size;
	if (off != 0)
		return;
	pthread_mutex_lock(&rtc->lock);
	rtc->index = val & 0x7f;
	pthread_mutex_unlock(&rtc->lock);
}

static const struct bus_ops rtc_ops = { .read = rtc_read, .write = rtc_write };

struct rtc *rtc_new(struct vm *vm)
{
	struct rtc *rtc = calloc(1, sizeof(*rtc));

	if (!rtc)
		return NULL;
	pthread_mutex_init(&rtc->lock, NULL);
	if (bus_add(&vm->pio, RTC_PORT, 2, &rtc_ops, rtc)) {
		rtc_free(rtc);
		return NULL;
	}
	return rtc;
}

void rtc_free(struct rtc *rtc)
{
	if (!rtc)
		return;
	pthread_mutex_destroy(&rtc->lock);
	free(rtc);
}
