/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The call table of the trusted core: the one way in.
 *
 * The Linux half calls it directly; the kernel of a guest reaches the very same
 * calls by hypercall (nest.h). Arguments are plain numbers: handles and frame numbers,
 * never pointers. Every call checks a whole transition before it commits any
 * of it, so a refused call has changed nothing.
 *
 * All addresses are in frames of 4 KiB: "pfn" is a frame of the machine,
 * "gfn" a frame of a domain's guest-physical space.
 *
 * Context: any call may be made with interrupts on or off, preemption off,
 * and never from an interrupt handler. HG_CALL_VCPU_RUN and
 * HG_CALL_VCPU_INSN need interrupts off: who takes frames back waits for them.
 */
#ifndef HG_CORE_CALL_H
#define HG_CORE_CALL_H

#include "types.h"
#include "status.h"

#define HG_CALL_ABI		4	/* what HG_CALL_VERSION answers */

/* The numbers are ABI: append only. */
#define HG_CALL_LIST(X)							\
	X(VERSION,		version)				\
	X(DOMAIN_CREATE,	domain_create)				\
	X(DOMAIN_DESTROY,	domain_destroy)				\
	X(DOMAIN_DONATE,	domain_donate)				\
	X(DOMAIN_RECLAIM,	domain_reclaim)				\
	X(DOMAIN_STAT,		domain_stat)				\
	X(MAP,			map)					\
	X(UNMAP,		unmap)					\
	X(PROTECT,		protect)				\
	X(AGE,			age)					\
	X(VCPU_CREATE,		vcpu_create)				\
	X(VCPU_DESTROY,		vcpu_destroy)				\
	X(VCPU_RUN,		vcpu_run)				\
	X(VCPU_FETCH,		vcpu_fetch)				\
	X(VCPU_SET_CPUID,	vcpu_set_cpuid)				\
	X(VCPU_DUMP,		vcpu_dump)				\
	X(FRAME_STAT,		frame_stat)				\
	X(VCPU_INSN,		vcpu_insn)				\
	X(CVM_INIT,		cvm_init)				\
	X(CVM_LAUNCH,		cvm_launch)				\
	X(CVM_RAM,		cvm_ram)				\
	X(CVM_ADD,		cvm_add)				\
	X(CVM_LOAD,		cvm_load)				\
	X(CVM_SEAL,		cvm_seal)				\
	X(CVM_START,		cvm_start)				\
	X(CVM_REPORT,		cvm_report)				\
	X(CVM_RESET,		cvm_reset)				\
	X(VCPU_STARTUP,		vcpu_startup)				\
	X(DOMAIN_PURGE,		domain_purge)

enum hg_call_nr {
#define X(upper, lower) HG_CALL_##upper,
	HG_CALL_LIST(X)
#undef X
	HG_CALL_COUNT
};

/*
 * hg_call - enter the core.
 *
 * Returns a value >= 0 or an enum hg_status below zero; HG_E_CALL for an
 * unknown number. Unused arguments must be zero (HG_E_ARG).
 *
 * HG_CALL_VERSION ()
 *	-> HG_CALL_ABI.
 *
 * HG_CALL_DOMAIN_CREATE (pfn, flags)
 *	Donates frame @pfn, which becomes the domain's control frame; @flags:
 *	HG_DOMAIN_NESTING. -> a domain handle (> 0).
 *	HG_E_FLAGS, HG_E_RANGE, HG_E_OWNER (not an unshared host frame),
 *	HG_E_LIMIT (HG_MAX_DOMAINS, HG_NEST_DOMAINS).
 *
 * HG_CALL_DOMAIN_DESTROY (domain)
 *	Unmaps everything and turns every donated frame over to
 *	HG_CALL_DOMAIN_RECLAIM. -> HG_OK.
 *	HG_E_HANDLE, HG_E_BUSY (it still has vCPUs, or children, or a
 *	HG_CALL_DOMAIN_PURGE is under way).
 *
 * HG_CALL_DOMAIN_DONATE (domain, pfn, big)
 *	Gives one host frame to the domain's cache of page-table frames. With @big
 *	(the host only): 512 frames in a row, for HG_EXIT_FRAMES that asks so.
 *	-> number of frames now in the cache.
 *	HG_E_HANDLE, HG_E_RANGE, HG_E_OWNER, HG_E_STATE (being destroyed),
 *	HG_E_ARG, HG_E_ALIGN, HG_E_EXISTS (it has a big one).
 *
 * HG_CALL_DOMAIN_RECLAIM (domain)
 *	Takes one frame back: of a destroyed domain any frame, the control
 *	frame last (then the handle is free again); of a live one, from its
 *	cache. The frame is scrubbed. -> its pfn; HG_E_ABSENT when none is
 *	left, HG_E_HANDLE.
 *
 * HG_CALL_DOMAIN_STAT (domain, which)
 *	-> the counter named by enum hg_domain_stat; of the cache, after frames
 *	that no CPU can reach any more have gone there. HG_E_HANDLE, HG_E_ARG.
 *
 * HG_CALL_MAP (domain, gfn, pfn, level, prot)
 *	Lends 512^(level-1) frames (level 1..3) at @pfn to the domain at @gfn
 *	with HG_PROT_*. The frames stay the host's. Mapping the same frames
 *	again adds permissions. Frames without RAM behind them
 *	(beyond the frame table) are refused.
 *	-> HG_OK. HG_E_HANDLE, HG_E_ARG (level), HG_E_FLAGS (prot),
 *	HG_E_ALIGN, HG_E_RANGE, HG_E_OWNER, HG_E_EXISTS (other frames are
 *	mapped there, or a smaller page table is), HG_E_DENIED (the guest has given
 *	a page away there, or the core shares one with it: nest.c), HG_E_LIMIT (the frames are lent
 *	2^32 times), HG_E_NOMEM (donate more).
 *
 * HG_CALL_UNMAP (domain, gfn, count)
 *	Removes every mapping that touches [gfn, gfn + count), whole big pages
 *	too. -> number of leaf mappings removed, and one more if the guest has given
 *	pages away since the last call. If it is not 0, the caller must make every
 *	running vCPU of the domain leave the guest before it reuses a frame:
 *	the core flushes at the next entry.
 *	HG_E_HANDLE, HG_E_RANGE, HG_E_LIMIT (a guest's: HG_NEST_RANGE).
 *
 * HG_CALL_PROTECT (domain, gfn, count)
 *	Takes write permission from every mapping that touches the range.
 *	-> number of leaves changed. HG_E_HANDLE, HG_E_RANGE, HG_E_LIMIT.
 *
 * HG_CALL_AGE (domain, gfn, count, clear)
 *	-> number of leaves in the range whose accessed bit was set; with
 *	@clear = 1 also clears it (a stale TLB may delay the next setting).
 *	HG_E_HANDLE, HG_E_RANGE, HG_E_ARG, HG_E_LIMIT.
 *
 * HG_CALL_VCPU_CREATE (domain, page_pfn, pfn)
 *	@page_pfn is the host frame of the vCPU's control page, lent to the
 *	core; @pfn the first of HG_VCPU_FRAMES consecutive host frames, which
 *	are donated. The vCPU starts in the architectural reset state.
 *	-> a vCPU handle (> 0). HG_E_HANDLE, HG_E_RANGE, HG_E_OWNER,
 *	HG_E_LIMIT (HG_MAX_VCPUS per domain, or in all), HG_E_STATE (being
 *	destroyed, without a top table, or a CVM that is SEALED or RUNNING).
 *
 * HG_CALL_VCPU_DESTROY (vcpu)
 *	Scrubs and gives back the frames of HG_CALL_VCPU_CREATE. -> HG_OK.
 *	HG_E_HANDLE, HG_E_BUSY (it is running).
 *
 * HG_CALL_VCPU_RUN (vcpu, cpu)
 *	@cpu is the index this CPU was given at hg_core_cpu_on(). Takes in
 *	what the control page says, runs the guest until something
 *	happens that the core does not finish itself, and describes it in the
 *	control page. -> enum hg_exit. HG_E_HANDLE, HG_E_BUSY (runs on another
 *	CPU), HG_E_STATE (this CPU is not online in the core; a CVM that is not
 *	RUNNING, or whose vCPU is not started), HG_E_ARG (the control page asks
 *	for something impossible; nothing ran), HG_E_DENIED (it asks to debug a
 *	CVM).
 *
 * HG_CALL_VCPU_FETCH (vcpu, groups)
 *	Writes the state groups HG_STATE_* into the control page and marks
 *	them valid there. -> HG_OK. HG_E_HANDLE, HG_E_BUSY, HG_E_FLAGS,
 *	HG_E_DENIED (a running CVM's).
 *
 * HG_CALL_VCPU_SET_CPUID (vcpu, pfn, count)
 *	Copies @count entries of struct hg_cpuid from host frame @pfn; a CVM's
 *	are sanitised (cvm_cpuid.c). -> HG_OK. HG_E_HANDLE, HG_E_BUSY,
 *	HG_E_RANGE, HG_E_OWNER, HG_E_LIMIT (HG_MAX_CPUID; a CVM: three less),
 *	HG_E_STATE (a CVM that is SEALED or RUNNING).
 *
 * HG_CALL_VCPU_DUMP (vcpu, pfn)
 *	Copies the vCPU's control block as the hardware sees it to host frame
 *	@pfn, for a decoded dump. -> number of bytes. HG_E_HANDLE, HG_E_BUSY,
 *	HG_E_RANGE, HG_E_OWNER, HG_E_DENIED (a running CVM's).
 *
 * HG_CALL_VCPU_INSN (vcpu, groups)
 *	Does what VCPU_FETCH does, and writes up to 15 bytes of the instruction
 *	at RIP to insn[] of the control page, for CPUs that do not report them:
 *	all that an emulator needs, by one call. -> number of bytes; 0 if the
 *	guest's tables or the domain's do not map it. HG_E_HANDLE, HG_E_BUSY,
 *	HG_E_FLAGS, HG_E_DENIED (a CVM's).
 *
 * HG_CALL_FRAME_STAT (state)
 *	-> number of frames in that enum hg_frame_state. HG_E_ARG.
 *
 * Confidential VMs (cvm.h says what each state and rule is for):
 *
 * HG_CALL_CVM_INIT (domain)
 *	Makes an empty ordinary domain confidential: CVM_CREATED. Takes
 *	HG_CVM_FRAMES frames from its cache. -> the position of the C-bit.
 *	HG_E_HANDLE, HG_E_STATE (it is one already, has vCPUs or mappings),
 *	HG_E_NOMEM (donate more), HG_E_UNSUPPORTED (too few physical address
 *	bits).
 *
 * HG_CALL_CVM_LAUNCH (domain, policy)
 *	CREATED -> LAUNCHING. @policy, 32 bits, is only recorded and measured.
 *	HG_E_HANDLE, HG_E_STATE, HG_E_ARG.
 *
 * HG_CALL_CVM_RAM (domain, gfn, count)
 *	Declares guest RAM: there, and only there, private pages may appear
 *	without content, and no access to a private page is ever taken for a
 *	device's. LAUNCHING; measured; ascending and disjoint.
 *	HG_E_HANDLE, HG_E_STATE, HG_E_RANGE, HG_E_LIMIT (HG_CVM_RANGES),
 *	HG_E_EXISTS (overlaps or is below the last range), HG_E_ARG (count 0).
 *
 * HG_CALL_CVM_ADD (domain, gfn, pfn, level, flags)
 *	Donates 512^(level-1) host frames (level 1 or 2) as private pages at
 *	@gfn (without C-bit), zeroed. @flags: HG_CVM_READONLY. Outside declared
 *	RAM only while LAUNCHING, for HG_CALL_CVM_LOAD to fill; read-only ones
 *	only then, too. -> HG_OK. HG_E_HANDLE, HG_E_STATE, HG_E_ARG, HG_E_FLAGS,
 *	HG_E_ALIGN, HG_E_RANGE, HG_E_DENIED (no RAM there), HG_E_OWNER,
 *	HG_E_EXISTS (a private page is there), HG_E_NOMEM.
 *
 * HG_CALL_CVM_LOAD (domain, gpa, src_pfn, src_offset | length << 16, type)
 *	Copies 1 to 4096 bytes, on one page each, from a host frame into the
 *	private page at @gpa. @type HG_LOAD_MEASURED (LAUNCHING) enters the
 *	launch digest; HG_LOAD_SECRET (SEALED) does not, and must not touch
 *	256-byte blocks that measured bytes share. HG_E_HANDLE, HG_E_STATE,
 *	HG_E_ARG, HG_E_RANGE, HG_E_OWNER (not the host's to read), HG_E_ABSENT
 *	(no private page there), HG_E_DENIED (secret over measured bytes).
 *
 * HG_CALL_CVM_SEAL (domain)
 *	LAUNCHING -> SEALED: the digest is final; vCPUs and their CPUID are
 *	fixed. HG_E_HANDLE, HG_E_STATE, HG_E_ABSENT (it has no vCPU), HG_E_DENIED
 *	(a read-only page that nothing measured is on).
 *
 * HG_CALL_CVM_START (domain)
 *	SEALED -> RUNNING. vCPU 0 may run, from the architectural reset state;
 *	the others wait for their start-up IPI. HG_E_HANDLE, HG_E_STATE,
 *	HG_E_BUSY (a call on one of its vCPUs is under way).
 *
 * HG_CALL_CVM_REPORT (domain, pfn)
 *	Writes struct hg_cvm_report to host frame @pfn, in any state.
 *	-> its size. HG_E_HANDLE, HG_E_STATE (not confidential), HG_E_RANGE,
 *	HG_E_OWNER.
 *
 * HG_CALL_CVM_RESET (domain)
 *	RUNNING -> RUNNING, as after power-on: every private page that is not
 *	read-only is scrubbed and gone, vCPUs are reset. Possible only if
 *	every measured byte is on a read-only page, so that what was measured
 *	is what starts. HG_E_HANDLE, HG_E_STATE, HG_E_BUSY (a vCPU runs),
 *	HG_E_DENIED (measured bytes may have changed).
 *
 * HG_CALL_VCPU_STARTUP (vcpu, vector)
 *	INIT and start-up IPI for a CVM's vCPU: resets it, to begin at
 *	@vector << 12. -> HG_OK. HG_E_HANDLE, HG_E_BUSY, HG_E_STATE (no CVM, not
 *	RUNNING), HG_E_ARG, HG_E_DENIED (no vCPU of the guest has sent both to
 *	this one, with this vector).
 *
 * HG_CALL_DOMAIN_PURGE (domain, frames)
 *	Destroys the domain's children with all they have; called again until
 *	nothing is left, since one call scrubs at most @frames (for a guest: and
 *	no more than the core sees fit). @domain 0: the calling guest's own children.
 *	-> number of children left.
 *	HG_E_HANDLE, HG_E_ARG (@frames 0), HG_E_BUSY (a vCPU of a child runs).
 */
s64 hg_call(u64 nr, u64 a0, u64 a1, u64 a2, u64 a3, u64 a4);

#define HG_PROT_READ		1U
#define HG_PROT_WRITE		2U
#define HG_PROT_EXEC		4U
#define HG_PROT_ALL		7U	/* READ is required */

enum hg_domain_stat {
	HG_DOMAIN_STAT_CACHE,		/* frames to reclaim: for page tables, or given up */
	HG_DOMAIN_STAT_TABLES,		/* frames in use as page tables */
	HG_DOMAIN_STAT_MAPPED_4K,	/* leaves by level */
	HG_DOMAIN_STAT_MAPPED_2M,
	HG_DOMAIN_STAT_MAPPED_1G,
	HG_DOMAIN_STAT_VCPUS,
	HG_DOMAIN_STAT_PRIVATE_4K,	/* leaves that are a CVM's own */
	HG_DOMAIN_STAT_PRIVATE_2M,
	HG_DOMAIN_STAT_CONVERTED,	/* private pages given up by the guest so far */
	HG_DOMAIN_STAT_DENIED,		/* events of the parent's that were dropped */
	HG_DOMAIN_STAT_COUNT
};

/* DOMAIN_CREATE @flags: its kernel may call the core, and have guests itself (nest.h). */
#define HG_DOMAIN_NESTING	1U

#define HG_MAX_DOMAINS		255
#define HG_MAX_VCPUS		64	/* of one domain */
#define HG_MAX_VCPUS_TOTAL	512
#define HG_MAX_CPUID		100	/* entries of one vCPU */
/*
 * struct hg_vcpu, the hardware control block, the CPUID table, the backend's host state, the
 * vector registers of a confidential guest's guest and those of its parent.
 */
#define HG_VCPU_FRAMES		6

#define HG_BIG_PAGE		512	/* frames of 2 MiB */

/* Frames that a MAP of a 4 KiB page may need at worst: levels 3, 2, 1. */
#define HG_MAP_TABLES		3

#endif /* HG_CORE_CALL_H */
