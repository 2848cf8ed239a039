/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Basic types of the trusted core.
 *
 * The core includes no Linux and no libc header, so it brings its own names.
 * The same sources are linked into the module, whose other half does include
 * Linux headers, and into user-space tests: a file that needs both includes
 * the foreign headers first.
 */
#ifndef HG_CORE_TYPES_H
#define HG_CORE_TYPES_H

#ifndef _LINUX_TYPES_H
typedef unsigned char		u8;
typedef unsigned short		u16;
typedef unsigned int		u32;
typedef unsigned long long	u64;
typedef signed char		s8;
typedef signed short		s16;
typedef signed int		s32;
typedef signed long long	s64;

#ifndef __bool_true_false_are_defined
typedef _Bool bool;
enum { false = 0, true = 1 };
#define __bool_true_false_are_defined 1
#endif

#ifndef NULL
#define NULL ((void *)0)
#endif
#endif /* _LINUX_TYPES_H */

#define HG_BIT(n)		(1ULL << (n))
#define HG_MASK(hi, lo)		(((~0ULL) >> (63 - (hi))) & ~(HG_BIT(lo) - 1))
#define HG_ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define HG_STATIC_ASSERT(c)	_Static_assert(c, #c)
#define HG_OFFSETOF(t, m)	__builtin_offsetof(t, m)
#define HG_LIKELY(c)		__builtin_expect(!!(c), 1)
#define HG_UNLIKELY(c)		__builtin_expect(!!(c), 0)

#define HG_PAGE_SHIFT		12
#define HG_PAGE_SIZE		(1ULL << HG_PAGE_SHIFT)
#define HG_PAGE_MASK		(~(HG_PAGE_SIZE - 1))

/* One fetch: the value that is checked is the value that is used. */
#define HG_READ_ONCE(x)		(*(const volatile __typeof__(x) *)&(x))
#define HG_WRITE_ONCE(x, v)	(*(volatile __typeof__(x) *)&(x) = (v))

/* The only library functions the core may use; part of its port. */
#ifndef _LINUX_TYPES_H
void *memcpy(void *dst, const void *src, __SIZE_TYPE__ len);
void *memset(void *dst, int byte, __SIZE_TYPE__ len);
#endif

#endif /* HG_CORE_TYPES_H */
