/* SPDX-License-Identifier: Apache-2.0 */
/* Small helpers shared by every file of hgvmm: messages, sizes, unaligned access. */
#ifndef HGVMM_UTIL_H
#define HGVMM_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define KiB (UINT64_C(1) << 10)
#define MiB (UINT64_C(1) << 20)
#define GiB (UINT64_C(1) << 30)

#define container_of(ptr, type, member) \
	((type *)((char *)(ptr) - offsetof(type, member)))

/*
 * Exit statuses. Even numbers are ours; odd numbers can only come from the
 * guest through the debug-exit port, so a test can tell the two apart.
 */
enum exit_status {
	EXIT_OK = 0,	/* the guest powered off, or we were asked to stop */
	EXIT_USAGE = 2,	/* the command line is wrong */
	EXIT_HOST = 4,	/* the host lacks or refused something */
	EXIT_GUEST = 6,	/* the guest crashed (triple fault, invalid state) */
};

/* Print "hgvmm: error: ..." / "hgvmm: warning: ..." on stderr, with a newline. */
void hg_err(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void hg_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* As hg_err, but limited to a few lines a second: for what a guest can cause. */
void hg_guest_err(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Monotonic clock in nanoseconds. */
uint64_t hg_now_ns(void);

static inline uint64_t align_up(uint64_t v, uint64_t a)
{
	return (v + a - 1) & ~(a - 1);
}

static inline uint64_t align_down(uint64_t v, uint64_t a)
{
	return v & ~(a - 1);
}

static inline unsigned int log2_ceil(unsigned int v)
{
	return v <= 1 ? 0 : 32 - (unsigned int)__builtin_clz(v - 1);
}

/* Little-endian stores and loads at any alignment (x86 only, so memcpy will do). */
static inline void put_le16(void *p, uint16_t v) { memcpy(p, &v, sizeof(v)); }
static inline void put_le32(void *p, uint32_t v) { memcpy(p, &v, sizeof(v)); }
static inline void put_le64(void *p, uint64_t v) { memcpy(p, &v, sizeof(v)); }

static inline uint16_t get_le16(const void *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint32_t get_le32(const void *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint64_t get_le64(const void *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

#endif
