/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Status codes of the core's calls.
 *
 * They are part of the call ABI (the hypercall ABI uses the same numbers), so
 * they are never renumbered. Zero and positive values are success.
 */
#ifndef HG_CORE_STATUS_H
#define HG_CORE_STATUS_H

enum hg_status {
	HG_OK			= 0,
	HG_E_CALL		= -1,	/* no such call */
	HG_E_HANDLE		= -2,	/* no such domain or vCPU */
	HG_E_ARG		= -3,	/* an argument has an impossible value */
	HG_E_FLAGS		= -4,	/* an unknown flag is set */
	HG_E_RANGE		= -5,	/* a frame or guest address out of range */
	HG_E_ALIGN		= -6,	/* an address is not aligned as required */
	HG_E_OWNER		= -7,	/* the frame's owner or state forbids it */
	HG_E_EXISTS		= -8,	/* something is already there */
	HG_E_ABSENT		= -9,	/* nothing is there */
	HG_E_NOMEM		= -10,	/* the domain's page cache is empty */
	HG_E_LIMIT		= -11,	/* a documented limit is reached */
	HG_E_BUSY		= -12,	/* running or still in use */
	HG_E_STATE		= -13,	/* not in this state of its life */
	HG_E_UNSUPPORTED	= -14,	/* this CPU or build cannot */
	HG_E_HARDWARE		= -15,	/* the CPU refused the guest's state */
	HG_E_DENIED		= -16,	/* would break what a confidential VM was promised */
};

#endif /* HG_CORE_STATUS_H */
