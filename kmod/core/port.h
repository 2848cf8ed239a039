/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The port: everything the core needs from outside itself.
 *
 * port.syms lists the same names; the build fails if the core refers to any
 * other. memcpy and memset (types.h) complete it.
 */
#ifndef HG_CORE_PORT_H
#define HG_CORE_PORT_H

#include "types.h"

/* hg_port_panic - an invariant of the core is broken; does not return. */
void hg_port_panic(const char *what, const char *file, int line);

/* hg_port_sha256 - SHA-256 (FIPS 180-4) of @a followed by @b. Cannot fail. */
void hg_port_sha256(const void *a, u64 a_length, const void *b, u64 b_length, u8 digest[32]);

/*
 * hg_port_sign - sign @length bytes with the report key, in the key's algorithm, hash included.
 * Behind the port, so that the key can move to where the host's kernel does not reach it without
 * a change in the core. May sleep; called by hg_core_sign() only, without any lock.
 * -> bytes written to @signature (at most HG_REPORT_SIGNATURE), HG_E_BUSY (not now: ask again),
 * any other status: it cannot.
 */
s64 hg_port_sign(const void *message, u64 length, u8 *signature);

#define HG_BUG_ON(c)							\
	do {								\
		if (HG_UNLIKELY(c)) {					\
			hg_port_panic(#c, __FILE__, __LINE__);		\
			__builtin_trap();	/* tells tools that it ends */ \
		}							\
	} while (0)

/* Checks too dear for every build: CONFIG_HG_DEBUG only. */
#ifdef HG_DEBUG
#define HG_ASSERT(c)	HG_BUG_ON(!(c))
#else
#define HG_ASSERT(c)	((void)sizeof(c))
#endif

#endif /* HG_CORE_PORT_H */
