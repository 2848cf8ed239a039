// SPDX-License-Identifier: GPL-2.0-only
/*
 * vCPUs: their life, what goes in and out through the control page, and the
 * loop around the world switch.
 */
#include "core.h"
#include "arch.h"

/* --- handles: generation in bits 31:16, slot + 1 below --- */

static struct hg_vcpu_slot *slot_of(u64 handle)
{
	u64 index = (handle & 0xffff) - 1;

	if (handle >> 32 || index >= HG_MAX_VCPUS_TOTAL)
		return NULL;
	return &hg_core.vcpus[index];
}

/*
 * Claim the vCPU behind @handle for this CPU alone. The claim is what keeps it
 * from being destroyed, so it is taken before the slot is looked at.
 */
static s64 claim(u32 who, u64 handle, struct hg_vcpu **out)
{
	struct hg_vcpu_slot *slot = slot_of(handle);

	/* Not claimed even for a moment by who is not its parent, which would find it busy. */
	if (!slot || HG_UNLIKELY(__atomic_load_n(&slot->parent, __ATOMIC_RELAXED) != who))
		return HG_E_HANDLE;
	if (__atomic_exchange_n(&slot->claim, 1, __ATOMIC_ACQUIRE))
		return HG_E_BUSY;
	if (!slot->vcpu || slot->vcpu->handle != handle || slot->vcpu->domain->parent != who) {
		__atomic_store_n(&slot->claim, 0, __ATOMIC_RELEASE);
		return HG_E_HANDLE;
	}
	*out = slot->vcpu;
	return HG_OK;
}

static void release(struct hg_vcpu *vcpu)
{
	__atomic_store_n(&slot_of(vcpu->handle)->claim, 0, __ATOMIC_RELEASE);
}

void hg_vcpus_release(struct hg_domain *domain)
{
	u32 i;

	for (i = 0; i < HG_MAX_VCPUS; i++)
		if (domain->vcpus[i])
			release(domain->vcpus[i]);
}

bool hg_vcpus_claim(struct hg_domain *domain)
{
	u32 i;

	for (i = 0; i < HG_MAX_VCPUS; i++) {
		const struct hg_vcpu *vcpu = domain->vcpus[i];

		if (!vcpu || !__atomic_exchange_n(&slot_of(vcpu->handle)->claim, 1,
						  __ATOMIC_ACQUIRE))
			continue;
		while (i--)
			if (domain->vcpus[i])
				release(domain->vcpus[i]);
		return false;
	}
	return true;
}

/* A running CVM's state is nobody else's to see. */
static bool secret(const struct hg_vcpu *vcpu)
{
	return __atomic_load_n(&vcpu->domain->cvm.state, __ATOMIC_ACQUIRE) == HG_CVM_RUNNING;
}

/* --- creation and destruction --- */

/* Guests' guests leave some for the host. */
static struct hg_vcpu_slot *free_slot(u32 *index, bool child)
{
	u32 i;

	for (i = 0; i < HG_MAX_VCPUS_TOTAL - (child ? HG_NEST_SPARED : 0); i++)
		if (!hg_core.vcpus[i].vcpu && !hg_core.vcpus[i].claim) {
			*index = i;
			return &hg_core.vcpus[i];
		}
	return NULL;
}

static s64 free_index(const struct hg_domain *domain)
{
	u32 i;

	for (i = 0; i < HG_MAX_VCPUS; i++)
		if (!domain->vcpus[i])
			return i;
	return HG_E_LIMIT;
}

void hg_vcpu_reset(struct hg_vcpu *vcpu)
{
	memset(vcpu->gpr, 0, sizeof(vcpu->gpr));
	vcpu->rip = 0xfff0;
	vcpu->rflags = HG_RFLAGS_FIXED;
	vcpu->efer = 0;
	vcpu->xcr0 = 1;
	memset(vcpu->dr, 0, sizeof(vcpu->dr));
	vcpu->event = 0;
	vcpu->irq_shadow = 0;
	vcpu->nmi_masked = 0;
	vcpu->nmi_iret = 0;
	vcpu->step = 0;
	hg_core.backend->vcpu_init(vcpu);
}

/* The vCPU's frames, all or none. */
static s64 take_frames(const struct hg_domain *domain, const struct hg_vcpu_frames *frames)
{
	s64 status = hg_frames_move(frames->page, 1, HG_MOVE_CONTROL, domain->handle);
	u32 i;

	for (i = 0; !status && i < HG_VCPU_FRAMES; i++)
		status = hg_frames_move(frames->frame[i], 1, HG_MOVE_DONATE, domain->handle);
	if (!status)
		return HG_OK;
	if (!i)
		return status;
	for (i--; i--; )
		hg_frames_move(frames->frame[i], 1, HG_MOVE_RETURN, domain->handle);
	hg_frames_move(frames->page, 1, HG_MOVE_UNCONTROL, domain->handle);
	return status;
}

/* The handles' lock is held, so the slot stays free; the domain is locked. */
static s64 create(struct hg_domain *domain, const struct hg_vcpu_frames *frames)
{
	struct hg_vcpu_slot *slot;
	struct hg_vcpu *vcpu;
	s64 index, status;
	u32 nr, i;

	/* Without a top table the CPU would walk whatever is in frame 0. */
	if (domain->state != HG_DOMAIN_LIVE || !domain->root || domain->cvm.state >= HG_CVM_SEALED)
		return HG_E_STATE;
	slot = free_slot(&nr, domain->parent);
	index = free_index(domain);
	if (!slot || index < 0)
		return HG_E_LIMIT;

	status = take_frames(domain, frames);
	if (status)
		return status;

	for (i = 0; i < HG_VCPU_FRAMES; i++)
		memset(hg_frame_va(frames->frame[i]), 0, HG_PAGE_SIZE);
	vcpu = hg_frame_va(frames->frame[0]);
	memcpy(vcpu->frame, frames->frame, sizeof(vcpu->frame));
	memcpy(vcpu->away, frames->away, sizeof(vcpu->away));
	vcpu->page_gfn = frames->page_gfn;
	vcpu->page_pfn = frames->page;
	vcpu->page = hg_frame_va(frames->page);
	vcpu->control = hg_frame_va(frames->frame[1]);
	vcpu->control_pa = frames->frame[1] << HG_PAGE_SHIFT;
	vcpu->cpuid = hg_frame_va(frames->frame[2]);
	vcpu->host_pa = frames->frame[3] << HG_PAGE_SHIFT;
	vcpu->fpu = hg_frame_va(frames->frame[4]);
	vcpu->parent_fpu = hg_frame_va(frames->frame[5]);
	vcpu->domain = domain;
	vcpu->index = (u32)index;
	vcpu->xcr0_max = hg_core.guest_xcr0;
	slot->generation = (slot->generation + 1) & 0x7fff;
	vcpu->handle = slot->generation << 16 | (nr + 1);
	hg_vcpu_reset(vcpu);

	domain->vcpus[index] = vcpu;
	domain->stat[HG_DOMAIN_STAT_VCPUS]++;
	__atomic_store_n(&slot->parent, domain->parent, __ATOMIC_RELAXED);
	slot->vcpu = vcpu;
	return vcpu->handle;
}

s64 hg_vcpu_create(u32 who, u64 handle, const struct hg_vcpu_frames *frames)
{
	struct hg_domain *domain = hg_domain_enter(who, handle);
	s64 status;

	if (!domain)
		return HG_E_HANDLE;
	status = create(domain, frames);
	hg_domain_leave(domain);
	return status;
}

s64 hg_do_vcpu_create(u32 who, u64 handle, u64 page_pfn, u64 pfn, u64 a3, u64 a4)
{
	struct hg_vcpu_frames frames = { .page = page_pfn };
	s64 status;
	u32 i;

	(void)a3;
	(void)a4;
	for (i = 0; i < HG_VCPU_FRAMES; i++)
		frames.frame[i] = pfn + i;
	hg_lock(&hg_core.handles);
	status = hg_vcpu_create(who, handle, &frames);
	hg_unlock(&hg_core.handles);
	return status;
}

/* Scrubbed, and the host's again. */
static void give_frames(const struct hg_vcpu_frames *frames, u32 owner, bool page)
{
	u32 i;

	for (i = 0; i < HG_VCPU_FRAMES; i++) {
		memset(hg_frame_va(frames->frame[i]), 0, HG_PAGE_SIZE);
		HG_BUG_ON(hg_frames_move(frames->frame[i], 1, HG_MOVE_RETURN, owner));
	}
	if (page)
		HG_BUG_ON(hg_frames_move(frames->page, 1, HG_MOVE_UNCONTROL, owner));
}

s64 hg_vcpu_destroy(u32 who, u64 handle, struct hg_vcpu_frames *frames)
{
	struct hg_vcpu_slot *slot;
	struct hg_domain *domain;
	struct hg_vcpu *vcpu;
	s64 status;

	hg_lock(&hg_core.handles);
	status = claim(who, handle, &vcpu);
	if (status)
		goto out;

	slot = slot_of(handle);
	slot->vcpu = NULL;
	domain = vcpu->domain;
	hg_domain_lock(domain);
	domain->vcpus[vcpu->index] = NULL;
	domain->stat[HG_DOMAIN_STAT_VCPUS]--;

	memcpy(frames->frame, vcpu->frame, sizeof(frames->frame));
	memcpy(frames->away, vcpu->away, sizeof(frames->away));
	frames->page = vcpu->page_pfn;
	frames->page_gfn = vcpu->page_gfn;
	give_frames(frames, domain->handle, !domain->parent);
	hg_domain_leave(domain);
	__atomic_store_n(&slot->claim, 0, __ATOMIC_RELEASE);
out:
	hg_unlock(&hg_core.handles);
	return status;
}

s64 hg_do_vcpu_destroy(u32 who, u64 handle, u64 a1, u64 a2, u64 a3, u64 a4)
{
	struct hg_vcpu_frames frames;

	(void)a1;
	(void)a2;
	(void)a3;
	(void)a4;
	return hg_vcpu_destroy(who, handle, &frames);
}

/* --- into the core: every field of the page is read once --- */

/* Every bit a guest may have, with the bits that only go together (SDM vol. 1, 13.3). */
bool hg_xcr0_valid(const struct hg_vcpu *vcpu, u64 xcr0)
{
	const u64 mpx = HG_MASK(4, 3), avx512 = HG_MASK(7, 5), amx = HG_MASK(18, 17);

	if (xcr0 & ~vcpu->xcr0_max || !(xcr0 & 1))
		return false;
	if ((xcr0 & HG_BIT(2)) && !(xcr0 & HG_BIT(1)))
		return false;
	if ((xcr0 & mpx) && (xcr0 & mpx) != mpx)
		return false;
	if ((xcr0 & avx512) && ((xcr0 & avx512) != avx512 || !(xcr0 & HG_BIT(2))))
		return false;
	return !(xcr0 & amx) || (xcr0 & amx) == amx;
}

static void take_rip(struct hg_vcpu *vcpu, const struct hg_vcpu_page *page)
{
	vcpu->rip = HG_READ_ONCE(page->rip);
	vcpu->rflags = HG_READ_ONCE(page->rflags) | HG_RFLAGS_FIXED;
	vcpu->irq_shadow = HG_READ_ONCE(page->irq_shadow) != 0;
}

static s64 take_groups(struct hg_vcpu *vcpu, u32 groups)
{
	const struct hg_vcpu_page *page = vcpu->page;
	s64 status;
	u64 xcr0;
	int i;

	if (groups & HG_STATE_CONTROL) {
		xcr0 = HG_READ_ONCE(page->xcr0);
		if (!hg_xcr0_valid(vcpu, xcr0))
			return HG_E_ARG;
		/* May refuse, so before anything is taken. */
		status = hg_core.backend->vcpu_put(vcpu, HG_STATE_CONTROL);
		if (status)
			return status;
		vcpu->xcr0 = xcr0;
	}
	/* Any value of a register is legal: copied once, never looked at in the page. */
	if (groups & HG_STATE_REGS)
		memcpy(vcpu->gpr, page->gpr, sizeof(vcpu->gpr));
	if (groups & (HG_STATE_REGS | HG_STATE_RIP))
		take_rip(vcpu, page);
	if (groups & HG_STATE_DEBUG)
		for (i = 0; i < 4; i++)
			vcpu->dr[i] = HG_READ_ONCE(page->dr[i]);
	if (groups & HG_STATE_TIME) {
		vcpu->tsc_aux = (u32)HG_READ_ONCE(page->tsc_aux);
		vcpu->tsc_offset = HG_READ_ONCE(page->tsc_offset);
		hg_core.backend->vcpu_set_tsc(vcpu, vcpu->tsc_offset);
	}
	if (groups & HG_STATE_EVENTS) {
		vcpu->nmi_masked = HG_READ_ONCE(page->nmi_masked) != 0;
		vcpu->nmi_iret = 0;
	}
	groups &= ~(HG_STATE_CONTROL | HG_STATE_REGS | HG_STATE_RIP | HG_STATE_TIME |
		    HG_STATE_EVENTS);
	return groups ? hg_core.backend->vcpu_put(vcpu, groups) : HG_OK;
}

/* Types and vectors that may be injected at all; 0 is "none". */
static bool event_valid(u32 event)
{
	u32 vector = HG_EVENT_VECTOR(event);

	if (!(event & HG_EVENT_VALID))
		return event == 0;
	if (event & ~((u32)HG_EVENT_VALID | (u32)HG_EVENT_HAS_ERROR | 0x7ff))
		return false;
	switch (HG_EVENT_TYPE(event)) {
	case HG_EVENT_IRQ:
		return !(event & HG_EVENT_HAS_ERROR);
	case HG_EVENT_NMI:
		return vector == 2 && !(event & HG_EVENT_HAS_ERROR);
	case HG_EVENT_FAULT:
		return vector < 32 && vector != 2;
	case HG_EVENT_SOFT:
		return !(event & HG_EVENT_HAS_ERROR);
	}
	return false;
}

static s64 take_in(struct hg_vcpu *vcpu)
{
	struct hg_vcpu_page *page = vcpu->page;
	u32 flags = HG_READ_ONCE(page->run_flags);
	u32 event = HG_READ_ONCE(page->inject);
	u32 length = HG_READ_ONCE(page->inject_length);
	u32 dirty = HG_READ_ONCE(page->dirty);
	s64 status;

	if ((flags & ~HG_RUN_FLAGS) || (dirty & ~(HG_STATE_ALL | HG_STATE_RIP)) ||
	    !event_valid(event) || length > 15)
		return HG_E_ARG;
	if (dirty) {
		status = take_groups(vcpu, dirty);
		if (status)
			return status;
		HG_WRITE_ONCE(page->dirty, 0);
	}
	vcpu->run_flags = flags;
	vcpu->event = event;
	if (event) {
		vcpu->event_error = HG_READ_ONCE(page->inject_error);
		vcpu->event_length = length;
		HG_WRITE_ONCE(page->inject, 0);
	}
	return HG_OK;
}

/*
 * A confidential vCPU. Nothing of its state comes from the page: what waits for
 * an answer is finished first, and that may end the run with *@exit; then comes an
 * interrupt or NMI, if it can be taken.
 */
#define CVM_RUN_FLAGS	(HG_RUN_IRQ_WINDOW | HG_RUN_NMI_WINDOW | HG_RUN_CR8_EXIT)

static void take_event(struct hg_vcpu *vcpu, struct hg_vcpu_page *page, u32 event)
{
	switch (hg_cvm_event(vcpu, event)) {
	case HG_EVENT_TAKE:
		vcpu->event = event;
		vcpu->event_error = 0;
		vcpu->event_length = 0;
		break;
	case HG_EVENT_LATER:
		vcpu->run_flags |= HG_EVENT_TYPE(event) == HG_EVENT_NMI ? HG_RUN_NMI_WINDOW :
									  HG_RUN_IRQ_WINDOW;
		return;
	case HG_EVENT_DROP:
		__atomic_add_fetch(&vcpu->domain->stat[HG_DOMAIN_STAT_DENIED], 1, __ATOMIC_RELAXED);
		break;
	}
	HG_WRITE_ONCE(page->inject, 0);
}

static s64 take_in_confidential(struct hg_vcpu *vcpu, int *exit)
{
	struct hg_vcpu_page *page = vcpu->page;
	u32 flags = HG_READ_ONCE(page->run_flags);
	u32 event = HG_READ_ONCE(page->inject);
	u32 reply = HG_READ_ONCE(page->reply);
	u64 value = HG_READ_ONCE(page->reply_value);

	if (vcpu->parked)
		return HG_E_STATE;
	if ((flags & ~HG_RUN_FLAGS) || !event_valid(event) || reply > HG_REPLY_MMIO)
		return HG_E_ARG;
	if (flags & ~CVM_RUN_FLAGS)
		return HG_E_DENIED;
	HG_WRITE_ONCE(page->dirty, 0);
	HG_WRITE_ONCE(page->reply, HG_REPLY_NONE);
	/* Only take_event() opens that window: for the parent it would be a single step. */
	vcpu->run_flags = flags & ~HG_RUN_NMI_WINDOW;
	*exit = hg_cvm_io_reply(vcpu, reply, value);
	if (*exit < 0 && event)
		take_event(vcpu, page, event);
	return HG_OK;
}

/* --- out of the core --- */

static void give_regs(const struct hg_vcpu *vcpu, struct hg_vcpu_page *page)
{
	memcpy(page->gpr, vcpu->gpr, sizeof(page->gpr));
	page->rip = vcpu->rip;
	page->rflags = vcpu->rflags;
	page->irq_shadow = vcpu->irq_shadow;
	page->nmi_masked = vcpu->nmi_masked;
}

static void give_groups(struct hg_vcpu *vcpu, u32 groups)
{
	struct hg_vcpu_page *page = vcpu->page;
	int i;

	if (groups & HG_STATE_REGS)
		give_regs(vcpu, page);
	if (groups & HG_STATE_CONTROL)
		page->xcr0 = vcpu->xcr0;
	if (groups & HG_STATE_DEBUG)
		for (i = 0; i < 4; i++)
			page->dr[i] = vcpu->dr[i];
	if (groups & HG_STATE_TIME) {
		page->tsc_aux = vcpu->tsc_aux;
		page->tsc_offset = vcpu->tsc_offset;
	}
	page->nmi_masked = vcpu->nmi_masked;
	groups &= ~(HG_STATE_REGS | HG_STATE_TIME | HG_STATE_EVENTS);
	if (groups)
		hg_core.backend->vcpu_get(vcpu, groups);
}

/* What was cut short stays here, and is delivered first when it runs again. */
static void give_out_confidential(struct hg_vcpu *vcpu, int exit, u64 parent_offset)
{
	struct hg_vcpu_page *page = vcpu->page;

	/* A guest that has guests hears nothing of their reports. */
	page->exit = exit == HG_EXIT_REPORT && vcpu->domain->parent ? HG_EXIT_INTR : (u32)exit;
	page->event = 0;
	page->insn_length = 0;
	page->rflags = HG_RFLAGS_FIXED | (vcpu->rflags & HG_RFLAGS_IF);
	page->irq_shadow = vcpu->irq_shadow;
	page->nmi_masked = vcpu->nmi_masked;
	/* For the timers of its local APIC. */
	page->tsc_offset = vcpu->tsc_offset - parent_offset;
	page->valid = HG_STATE_EVENTS;
	if (exit == HG_EXIT_SHUTDOWN)
		vcpu->parked = 1;
}

static void give_out(struct hg_vcpu *vcpu, int exit)
{
	struct hg_vcpu_page *page = vcpu->page;

	page->exit = (u32)exit;
	page->event = vcpu->event;
	if (vcpu->event) {
		page->event_error = vcpu->event_error;
		page->event_length = vcpu->event_length;
		/* It was not delivered, so it does not mask what follows. */
		if (HG_EVENT_TYPE(vcpu->event) == HG_EVENT_NMI)
			vcpu->nmi_masked = 0;
		vcpu->event = 0;
	}
	give_regs(vcpu, page);
	page->valid = HG_STATE_REGS | HG_STATE_EVENTS;
}

/* --- the loop --- */

/* On @cpu, whose XCR0 outside of the vCPU is @outer. */
static int run(struct hg_vcpu *vcpu, struct hg_cpu *cpu, u64 outer)
{
	const struct hg_backend *backend = hg_core.backend;
	struct hg_vcpu_page *page = vcpu->page;
	int exit;

	vcpu->cpu = cpu;
	backend->vcpu_load(vcpu, cpu);
	if (vcpu->xcr0 != outer)
		hg_arch_xsetbv(vcpu->xcr0);
	do {
		if (HG_UNLIKELY(HG_READ_ONCE(page->kick))) {
			exit = HG_EXIT_KICK;
			break;
		}
		vcpu->page->stat_runs++;
		exit = backend->vcpu_enter(vcpu, cpu);
	} while (exit < 0);
	/* Not every CPU stops for XSETBV (QEMU 7.2 emulates one that does not). */
	vcpu->xcr0 = hg_arch_xgetbv();
	if (vcpu->xcr0 != outer)
		hg_arch_xsetbv(outer);
	backend->vcpu_unload(vcpu);
	return exit;
}

/* @outer: as for run(); @parent_offset: of the TSC by which the parent's timers go. */
static s64 run_confidential(struct hg_vcpu *vcpu, struct hg_cpu *cpu, u64 outer,
			    u64 parent_offset)
{
	int exit = -1;
	s64 status;

	if (!secret(vcpu))
		return HG_E_STATE;
	status = take_in_confidential(vcpu, &exit);
	if (status)
		return status;
	if (exit < 0)
		exit = run(vcpu, cpu, outer);
	give_out_confidential(vcpu, exit, parent_offset);
	return exit;
}

/* --- a guest's guest --- */

/* Exits that are L0's business: the parent does not hear of them, and its call goes on after. */
static bool for_host(int exit)
{
	return exit == HG_EXIT_INTR || exit == HG_EXIT_NMI || exit == HG_EXIT_MACHINE_CHECK ||
	       exit == HG_EXIT_REPORT;
}

static s64 run_ordinary_child(struct hg_vcpu *vcpu, struct hg_vcpu *parent, bool wanted)
{
	s64 status = HG_OK;
	int exit;

	/* More than its parent has switched on, its parent does not switch. */
	vcpu->xcr0_max = hg_core.guest_xcr0 & parent->xcr0;
	/* What it had taken in when L0 stopped it is still to be done. */
	if (!vcpu->resuming)
		status = take_in(vcpu);
	if (status)
		return status;
	hg_core.backend->vcpu_set_tsc(vcpu, vcpu->tsc_offset + parent->tsc_offset);
	exit = wanted ? HG_EXIT_INTR : run(vcpu, parent->cpu, parent->xcr0);
	vcpu->resuming = !wanted && for_host(exit);
	if (!vcpu->resuming)
		give_out(vcpu, exit);
	return exit;
}

/* Neither sees the other's vector registers: the core exchanges them. */
static s64 run_confidential_child(struct hg_vcpu *vcpu, struct hg_vcpu *parent, bool wanted)
{
	u64 components = hg_core.guest_xcr0;
	s64 status;

	if (wanted) {
		HG_WRITE_ONCE(vcpu->page->exit, HG_EXIT_INTR);
		HG_WRITE_ONCE(vcpu->page->event, 0);
		return HG_EXIT_INTR;
	}
	hg_arch_xsetbv(hg_core.host_xcr0);
	hg_arch_xsave(vcpu->parent_fpu, components);
	hg_arch_xrstor(vcpu->fpu, components);
	status = run_confidential(vcpu, parent->cpu, hg_core.host_xcr0, parent->tsc_offset);
	hg_arch_xsave(vcpu->fpu, components);
	hg_arch_xrstor(vcpu->parent_fpu, components);
	hg_arch_xsetbv(parent->xcr0);
	return status;
}

s64 hg_vcpu_run_child(struct hg_vcpu *parent, u64 handle, int *stop)
{
	const struct hg_backend *backend = hg_core.backend;
	/* An interrupt waits for the parent: it is told at once, and the child does not run. */
	bool wanted = parent->run_flags & (HG_RUN_IRQ_WINDOW | HG_RUN_NMI_WINDOW);
	struct hg_vcpu *vcpu;
	s64 status;

	status = claim(parent->domain->handle, handle, &vcpu);
	if (status)
		return status;
	__atomic_store_n(&vcpu->running, 1, __ATOMIC_SEQ_CST);
	backend->vcpu_unload(parent);
	parent->xcr0 = hg_arch_xgetbv();
	status = hg_confidential(vcpu) ? run_confidential_child(vcpu, parent, wanted) :
					 run_ordinary_child(vcpu, parent, wanted);
	if (!wanted && status > 0 && for_host((int)status))
		*stop = (int)status;
	if (status == HG_EXIT_REPORT)
		parent->signs = handle;
	backend->vcpu_load(parent, parent->cpu);
	__atomic_store_n(&vcpu->running, 0, __ATOMIC_RELEASE);
	release(vcpu);
	return status;
}

s64 hg_core_sign(u64 handle)
{
	struct hg_vcpu *vcpu, *child;
	s64 status = claim(0, handle, &vcpu);

	if (status)
		return status;
	/* Its parent may have destroyed the child meanwhile, or run it elsewhere. */
	if (hg_confidential(vcpu)) {
		hg_report_sign(vcpu);
	} else if (vcpu->signs && !claim(vcpu->domain->handle, vcpu->signs, &child)) {
		hg_report_sign(child);
		release(child);
	}
	vcpu->signs = 0;
	release(vcpu);
	return HG_OK;
}

s64 hg_do_vcpu_run(u32 who, u64 handle, u64 cpu_index, u64 a2, u64 a3, u64 a4)
{
	struct hg_vcpu *vcpu;
	struct hg_cpu *cpu;
	s64 status;

	(void)a2;
	(void)a3;
	(void)a4;
	if (HG_UNLIKELY(cpu_index >= hg_core.cpu_count || !hg_core.cpus[cpu_index].online))
		return HG_E_STATE;
	cpu = &hg_core.cpus[cpu_index];
	status = claim(who, handle, &vcpu);
	if (HG_UNLIKELY(status))
		return status;

	/* Pairs with the limbo rule in npt.c: running before tlb_gen is read. */
	__atomic_store_n(&vcpu->running, 1, __ATOMIC_SEQ_CST);
	if (HG_UNLIKELY(hg_confidential(vcpu))) {
		status = run_confidential(vcpu, cpu, hg_core.host_xcr0, 0);
	} else {
		status = take_in(vcpu);
		if (HG_LIKELY(!status)) {
			status = run(vcpu, cpu, hg_core.host_xcr0);
			give_out(vcpu, (int)status);
		}
	}
	__atomic_store_n(&vcpu->running, 0, __ATOMIC_RELEASE);
	release(vcpu);
	return status;
}

static void fetch_groups(struct hg_vcpu *vcpu, u32 groups)
{
	give_groups(vcpu, groups);
	vcpu->page->valid |= groups;
}

s64 hg_do_vcpu_fetch(u32 who, u64 handle, u64 groups, u64 a2, u64 a3, u64 a4)
{
	struct hg_vcpu *vcpu;
	s64 status;

	(void)a2;
	(void)a3;
	(void)a4;
	if (groups & ~HG_STATE_ALL)
		return HG_E_FLAGS;
	status = claim(who, handle, &vcpu);
	if (status)
		return status;
	if (secret(vcpu))
		status = HG_E_DENIED;
	else
		fetch_groups(vcpu, (u32)groups);
	release(vcpu);
	return status;
}

s64 hg_do_vcpu_dump(u32 who, u64 handle, u64 pfn, u64 a2, u64 a3, u64 a4)
{
	struct hg_vcpu *vcpu;
	s64 status;

	(void)a2;
	(void)a3;
	(void)a4;
	status = claim(who, handle, &vcpu);
	if (status)
		return status;
	/* Borrowed for the copy, so that it cannot become the core's meanwhile. */
	status = secret(vcpu) ? HG_E_DENIED :
		 hg_frames_move(pfn, 1, HG_MOVE_CONTROL, vcpu->domain->handle);
	if (!status) {
		status = (s64)hg_core.backend->vcpu_dump(vcpu, hg_frame_va(pfn));
		hg_frames_move(pfn, 1, HG_MOVE_UNCONTROL, vcpu->domain->handle);
	}
	release(vcpu);
	return status;
}

/* The domain is locked, so that a CVM is not sealed meanwhile. */
static s64 set_cpuid(struct hg_vcpu *vcpu, u64 pfn, u32 count)
{
	struct hg_domain *domain = vcpu->domain;
	s64 status = HG_E_STATE;

	hg_domain_lock(domain);
	if (domain->cvm.state >= HG_CVM_SEALED)
		goto out;
	status = hg_frames_move(pfn, 1, HG_MOVE_CONTROL, domain->handle);
	if (status)
		goto out;
	status = hg_cpuid_take(vcpu, hg_frame_va(pfn), count);
	hg_frames_move(pfn, 1, HG_MOVE_UNCONTROL, domain->handle);
out:
	hg_domain_leave(domain);
	return status;
}

s64 hg_do_vcpu_set_cpuid(u32 who, u64 handle, u64 pfn, u64 count, u64 a3, u64 a4)
{
	struct hg_vcpu *vcpu;
	s64 status;

	(void)a3;
	(void)a4;
	if (count > HG_MAX_CPUID)
		return HG_E_LIMIT;
	status = claim(who, handle, &vcpu);
	if (status)
		return status;
	status = set_cpuid(vcpu, pfn, (u32)count);
	release(vcpu);
	return status;
}

s64 hg_do_vcpu_insn(u32 who, u64 handle, u64 groups, u64 a2, u64 a3, u64 a4)
{
	struct hg_fetch fetch;
	struct hg_vcpu *vcpu;
	u8 bytes[15];
	u64 gpa;
	s64 status;

	(void)a2;
	(void)a3;
	(void)a4;
	if (groups & ~HG_STATE_ALL)
		return HG_E_FLAGS;
	status = claim(who, handle, &vcpu);
	if (status)
		return status;
	if (hg_confidential(vcpu)) {
		release(vcpu);
		return HG_E_DENIED;
	}
	fetch_groups(vcpu, (u32)groups);
	/* As in a run: tables that are freed meanwhile must wait in limbo. */
	__atomic_store_n(&vcpu->running, 1, __ATOMIC_SEQ_CST);
	hg_core.backend->vcpu_code(vcpu, &fetch);
	status = hg_fetch_insn(vcpu, &fetch, bytes, sizeof(bytes), &gpa);
	memcpy(vcpu->page->insn, bytes, (u64)status);
	__atomic_store_n(&vcpu->running, 0, __ATOMIC_RELEASE);
	release(vcpu);
	return status;
}

s64 hg_do_vcpu_startup(u32 who, u64 handle, u64 vector, u64 a2, u64 a3, u64 a4)
{
	struct hg_vcpu *vcpu;
	s64 status;

	(void)a2;
	(void)a3;
	(void)a4;
	if (vector > 0xff)
		return HG_E_ARG;
	status = claim(who, handle, &vcpu);
	if (status)
		return status;
	if (!secret(vcpu)) {
		status = HG_E_STATE;
	} else if (!hg_cvm_irq_startup(vcpu, (u32)vector)) {
		status = HG_E_DENIED;
	} else {
		hg_cvm_reset_vcpu(vcpu);
		hg_core.backend->vcpu_startup(vcpu, (u8)vector);
		vcpu->rip = 0;
		vcpu->parked = 0;
	}
	release(vcpu);
	return status;
}
