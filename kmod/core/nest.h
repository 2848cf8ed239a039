/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Nesting: how the kernel of a guest (L1) finds the core beneath it (L0) and calls it.
 * The calls are those of call.h, by the same numbers; docs/nesting.md says what each
 * does for such a caller.
 *
 * Finding it: CPUID leaf HG_NEST_LEAF answers
 *	EAX	the last leaf of this kind
 *	EBX, ECX, EDX	HG_NEST_SIGNATURE
 * and the next one
 *	EAX	HG_CALL_ABI: another one is not compatible
 *	EBX	features, HG_NEST_*
 *	ECX	HG_CALL_COUNT
 *	EDX	0
 * There is nothing at HG_NEST_LEAF unless the domain has HG_DOMAIN_NESTING. The
 * leaves are the core's own: whatever the VMM has set there is not seen.
 *
 * Calling it: VMMCALL in 64-bit code at CPL 0, with
 *	RAX	HG_NEST_CALL | number; answer: a value or an enum hg_status
 *	RBX, RCX, RDX, RSI, RDI	arguments
 * No other register changes. From another mode or CPL the answer is HG_E_DENIED. Frame
 * numbers are the caller's own (its guest-physical ones); handles are its own, too.
 *
 * A call can be started anew by L0: interrupts that the caller has masked stay masked,
 * but others of its vCPUs may see a part of what a long call does before it is over.
 * VCPU_RUN comes back with HG_EXIT_INTR when an interrupt waits for the caller itself;
 * it must be called with interrupts off, or an interrupt may be taken before the call.
 */
#ifndef HG_CORE_NEST_H
#define HG_CORE_NEST_H

#define HG_NEST_LEAF		0x40004700U
#define HG_NEST_SIGNATURE	"HyperGPUCore"	/* 12 bytes, no zero at the end */
#define HG_NEST_CVM		HG_BIT32(0)	/* children can be confidential */

#define HG_NEST_CALL		0x48470000ULL	/* "HG" */
#define HG_NEST_CALL_MASK	(~0xffffULL)

/* What one guest may have of children; HG_E_LIMIT beyond. Pages: as many as it has. */
#define HG_NEST_DOMAINS		64
#define HG_NEST_VCPUS		256
/* Pages of one UNMAP, PROTECT or AGE: interrupts are off meanwhile. */
#define HG_NEST_RANGE		(1ULL << 15)
/* Domains, and vCPUs, of the machine's that no child may have. */
#define HG_NEST_SPARED		64

#endif /* HG_CORE_NEST_H */
