// SPDX-License-Identifier: GPL-2.0-only
/*
 * An L2 by raw calls of the core, and a VMM that is just enough for its interpreter.
 */
#include <linux/irqflags.h>
#include <linux/sched.h>
#include <asm/fpu/api.h>

#include "evil.h"

extern const u8 guest_rom[];

#define TABLES		24		/* pages given to begin with */
#define GIVEN		0x6576696cul	/* page_private() of what may be reclaimed */
#define APIC_MSR	0x1b
#define EFER_MSR	0xc0000080
#define APIC_VALUE	0xfee00900
#define RUNS		100000		/* until an L2 counts as hung */
#define FPU_XMM		160		/* offset of XMM0 in the image of FXSAVE */
#define FPU_XMM_BYTES	256

s64 evil_call(u64 nr, u64 a0, u64 a1, u64 a2, u64 a3, u64 a4)
{
	u64 rax = HG_NEST_CALL | nr;

	asm volatile("vmmcall" : "+a" (rax)
		     : "b" (a0), "c" (a1), "d" (a2), "S" (a3), "D" (a4) : "memory");
	return (s64)rax;
}

/* ---- the secret ---- */

u64 l2_secret(u32 half)
{
	/* volatile: the compiler must not fold it into a constant. */
	static const volatile u64 part[2][2] = {
		{ GUEST_SECRET_A, GUEST_SECRET_B }, { GUEST_SECRET_C, GUEST_SECRET_D },
	};

	return part[half][0] ^ part[half][1];
}

bool l2_has_secret(const void *data, u32 bytes)
{
	const u64 *word = data;
	u64 value;
	u32 i;

	for (i = 0; i < bytes / 8; i++)
		if (evil_read(&word[i], &value) &&
		    (value == l2_secret(0) || value == l2_secret(1)))
			return true;
	return false;
}

/* ---- pages ---- */

struct page *l2_page(void)
{
	struct page *page = alloc_page(GFP_KERNEL | __GFP_ZERO);

	if (page)
		set_page_private(page, GIVEN);
	return page;
}

void l2_own(struct l2 *l2, struct page *page)
{
	set_page_private(page, GIVEN);
	l2->given++;
}

static void free_one(struct page **page)
{
	if (!*page)
		return;
	set_page_private(*page, 0);
	__free_page(*page);
	*page = NULL;
}

int l2_donate(struct l2 *l2)
{
	struct page *page = l2_page();
	s64 status;

	MUST(page);
	status = CALL(DOMAIN_DONATE, l2->domain, pfn_of(page));
	if (status < 0) {
		free_one(&page);
		return evil_why("DOMAIN_DONATE: %lld", status);
	}
	l2->given++;
	return 0;
}

/* Lends, or gives as a private page; with more tables if they are missing. */
static int put(struct l2 *l2, u64 gfn, struct page *page, bool give, u64 how)
{
	s64 status;
	int i;

	for (i = 0; i < 4; i++) {
		status = give ? CALL(CVM_ADD, l2->domain, gfn, pfn_of(page), 1, how) :
				CALL(MAP, l2->domain, gfn, pfn_of(page), 1, how);
		if (status != HG_E_NOMEM)
			break;
		if (l2_donate(l2))
			return -1;
	}
	if (status)
		return evil_why("%s of gfn %#llx: %lld", give ? "CVM_ADD" : "MAP", gfn, status);
	l2->given += give;
	return 0;
}

/* ---- making one ---- */

static int make_domain(struct l2 *l2)
{
	struct page *page = l2_page();
	u32 i;

	MUST(page);
	l2->domain = CALL(DOMAIN_CREATE, pfn_of(page));
	if (l2->domain <= 0) {
		free_one(&page);
		return evil_why("DOMAIN_CREATE: %lld", l2->domain);
	}
	l2->given = 1;
	for (i = 0; i < TABLES; i++)
		if (l2_donate(l2))
			return -1;
	if (!l2->cvm)
		return 0;
	MUST(CALL(CVM_INIT, l2->domain) > 32);
	WANT(CALL(CVM_LAUNCH, l2->domain, 1), HG_OK);
	WANT(CALL(CVM_RAM, l2->domain, 0, L2_RAM_PAGES), HG_OK);
	return 0;
}

static int make_vcpu(struct l2 *l2)
{
	static struct hg_cpuid table[] = { { .function = 0, .eax = 1 } };
	struct page *page = l2_page();
	s64 status;

	l2->control = l2_page();
	l2->frames = alloc_pages(GFP_KERNEL, get_order(HG_VCPU_FRAMES * PAGE_SIZE));
	MUST(page && l2->control && l2->frames);
	l2->vcpu = CALL(VCPU_CREATE, l2->domain, pfn_of(l2->control), pfn_of(l2->frames));
	MUST(l2->vcpu > 0);
	l2->page = page_address(l2->control);
	memcpy(page_address(page), table, sizeof(table));
	status = CALL(VCPU_SET_CPUID, l2->vcpu, pfn_of(page), ARRAY_SIZE(table));
	free_one(&page);
	WANT(status, HG_OK);
	return 0;
}

/* The vector registers: those of an L2, or what L1 has there and keeps. */
static void init_fpu(struct l2 *l2)
{
	memset(l2->fpu, 0, sizeof(l2->fpu));
	*(u16 *)&l2->fpu[0] = 0x37f;
	*(u32 *)&l2->fpu[24] = 0x1f80;
	memset(&l2->fpu[FPU_XMM], 0x5a, FPU_XMM_BYTES);
}

int l2_make(struct l2 *l2, bool cvm)
{
	memset(l2, 0, sizeof(*l2));
	l2->cvm = cvm;
	init_fpu(l2);
	return make_domain(l2) || make_vcpu(l2) ? -1 : 0;
}

int l2_load(struct l2 *l2)
{
	struct page *source = l2_page();
	u32 i, bad = 0;
	s64 status;

	MUST(source);
	for (i = 0; i < L2_ROM_PAGES && !bad; i++) {
		l2->rom[i] = l2_page();
		MUST(l2->rom[i]);
		memcpy(page_address(source), &guest_rom[i * PAGE_SIZE], PAGE_SIZE);
		if (!l2->cvm) {
			copy_page(page_address(l2->rom[i]), page_address(source));
			bad = put(l2, L2_ROM_GFN + i, l2->rom[i], false,
				  HG_PROT_READ | HG_PROT_EXEC);
			continue;
		}
		bad = put(l2, L2_ROM_GFN + i, l2->rom[i], true, HG_CVM_READONLY);
		status = CALL(CVM_LOAD, l2->domain, (L2_ROM_GFN + i) << PAGE_SHIFT, pfn_of(source),
			      PAGE_SIZE << 16, HG_LOAD_MEASURED);
		if (status)
			bad = evil_why("CVM_LOAD: %lld", status);
	}
	free_one(&source);
	return bad ? -1 : 0;
}

int l2_start(struct l2 *l2)
{
	if (!l2->cvm)
		return 0;
	WANT(CALL(CVM_SEAL, l2->domain), HG_OK);
	WANT(CALL(CVM_START, l2->domain), HG_OK);
	return 0;
}

int l2_boot(struct l2 *l2)
{
	MUST(!l2_next(l2));
	MUST(!l2_reads_port(l2) && l2_port_value(l2) == GUEST_READY);
	l2_answer(l2, 0);
	return 0;
}

int l2_create(struct l2 *l2, bool cvm)
{
	return l2_make(l2, cvm) || l2_load(l2) || l2_start(l2) || l2_boot(l2) ? -1 : 0;
}

/* ---- the end ---- */

static int destroy_vcpu(struct l2 *l2)
{
	if (l2->vcpu > 0)
		WANT(CALL(VCPU_DESTROY, l2->vcpu), HG_OK);
	l2->vcpu = 0;
	free_one(&l2->control);
	if (l2->frames)
		__free_pages(l2->frames, get_order(HG_VCPU_FRAMES * PAGE_SIZE));
	l2->frames = NULL;
	return 0;
}

/* What comes back must be ours, and must not hold anything of the guest's. */
static int reclaim(struct l2 *l2)
{
	struct page *page;
	s64 gfn;

	for (;;) {
		gfn = CALL(DOMAIN_RECLAIM, l2->domain);
		if (gfn == HG_E_HANDLE)
			break;
		MUST(gfn > 0 && pfn_valid(gfn));
		page = pfn_to_page(gfn);
		MUST(page_private(page) == GIVEN);
		MUST(!l2->cvm || !l2_has_secret(page_address(page), PAGE_SIZE));
		free_one(&page);
		l2->given--;
	}
	MUST(!l2->given);
	return 0;
}

int l2_destroy(struct l2 *l2)
{
	u32 i;

	if (destroy_vcpu(l2))
		return -1;
	if (l2->domain > 0) {
		WANT(CALL(DOMAIN_DESTROY, l2->domain), HG_OK);
		if (reclaim(l2))
			return -1;
	}
	for (i = 0; i < L2_RAM_PAGES; i++) {
		if (!l2->cvm)
			free_one(&l2->ram[i]);
		free_one(&l2->shared[i]);
	}
	for (i = 0; i < L2_ROM_PAGES && !l2->cvm; i++)
		free_one(&l2->rom[i]);
	memset(l2, 0, sizeof(*l2));
	return 0;
}

/* ---- running it ---- */

s64 l2_run_once(struct l2 *l2)
{
	u8 before[FPU_XMM_BYTES];
	unsigned long flags;
	s64 status;

	memcpy(before, &l2->fpu[FPU_XMM], FPU_XMM_BYTES);
	kernel_fpu_begin();
	local_irq_save(flags);
	asm volatile("fxrstor64 %0" : : "m" (l2->fpu));
	status = CALL(VCPU_RUN, l2->vcpu);
	asm volatile("fxsave64 %0" : "=m" (l2->fpu));
	local_irq_restore(flags);
	kernel_fpu_end();
	if (l2->cvm && memcmp(before, &l2->fpu[FPU_XMM], FPU_XMM_BYTES))
		l2->leaked = true;
	return status;
}

/* An event that the exit cut short is delivered again. */
static void again(struct l2 *l2)
{
	struct hg_vcpu_page *page = l2->page;

	if (l2->cvm || !(page->event & HG_EVENT_VALID))
		return;
	page->inject = page->event;
	page->inject_error = page->event_error;
	page->inject_length = page->event_length;
}

s64 l2_run(struct l2 *l2)
{
	s64 status;
	int i;

	for (i = 0; i < RUNS; i++) {
		status = l2_run_once(l2);
		if (status >= 0)
			again(l2);
		if (status != HG_EXIT_INTR)
			return status;
		cond_resched();
	}
	return evil_why("the L2 does not come back");
}

static int serve_fault(struct l2 *l2)
{
	u64 gfn = l2->page->npf.gpa >> PAGE_SHIFT;
	bool private = l2->page->npf.access & HG_NPF_PRIVATE;
	struct page **at;

	/* L0 may take away what was lent at any time. */
	if (!l2->cvm && gfn >= L2_ROM_GFN && gfn < L2_ROM_GFN + L2_ROM_PAGES)
		return put(l2, gfn, l2->rom[gfn - L2_ROM_GFN], false, HG_PROT_READ | HG_PROT_EXEC);
	if (gfn >= L2_RAM_PAGES)
		return evil_why("the L2 touches gfn %#llx", gfn);
	at = l2->cvm && !private ? &l2->shared[gfn] : &l2->ram[gfn];
	if (!*at)
		*at = l2_page();
	MUST(*at);
	return put(l2, gfn, *at, private, private ? 0 : HG_PROT_ALL);
}

/* Its local APIC is of no use to anybody here. A confidential one's EFER is the core's. */
static u64 msr_value(struct l2 *l2, bool write)
{
	struct hg_vcpu_page *page = l2->page;

	if (page->msr.index == APIC_MSR)
		return APIC_VALUE;
	if (page->msr.index != EFER_MSR)
		return 0;
	CALL(VCPU_FETCH, l2->vcpu, HG_STATE_CONTROL);
	if (write) {
		page->efer = page->msr.value;
		page->dirty |= HG_STATE_CONTROL;
	}
	return page->efer;
}

static int serve_msr(struct l2 *l2, bool write)
{
	struct hg_vcpu_page *page = l2->page;
	u64 value = msr_value(l2, write);

	if (l2->cvm) {
		page->reply = HG_REPLY_VALUE;
		page->reply_value = value;
		return 0;
	}
	if (!write) {
		page->gpr[HG_RAX] = (u32)value;
		page->gpr[HG_RDX] = value >> 32;
	}
	page->rip += page->insn_length;
	page->dirty |= HG_STATE_REGS;
	return 0;
}

int l2_serve(struct l2 *l2)
{
	u32 exit = l2->page->exit;

	switch (exit) {
	case HG_EXIT_NPF:
		return serve_fault(l2);
	case HG_EXIT_MSR_READ:
	case HG_EXIT_MSR_WRITE:
		return serve_msr(l2, exit == HG_EXIT_MSR_WRITE);
	case HG_EXIT_IRQ_WINDOW:
	case HG_EXIT_NMI_WINDOW:
		return 0;
	}
	return evil_why("unexpected exit %u of the L2", exit);
}

int l2_next(struct l2 *l2)
{
	s64 status;

	for (;;) {
		status = l2_run(l2);
		if (status == HG_EXIT_IO)
			return 0;
		if (status < 0)
			return evil_why("VCPU_RUN: %lld", status);
		if (l2_serve(l2))
			return -1;
	}
}

bool l2_reads_port(const struct l2 *l2)
{
	return l2->page->io.flags & HG_IO_IN;
}

u32 l2_port_value(const struct l2 *l2)
{
	return (u32)(l2->cvm ? l2->page->io.value : l2->page->gpr[HG_RAX]);
}

void l2_answer(struct l2 *l2, u32 word)
{
	struct hg_vcpu_page *page = l2->page;

	if (l2->cvm) {
		if (l2_reads_port(l2)) {
			page->reply = HG_REPLY_VALUE;
			page->reply_value = word;
		}
		return;
	}
	if (l2_reads_port(l2))
		page->gpr[HG_RAX] = word;
	page->rip = page->io.next_rip;
	page->dirty = HG_STATE_REGS;
}

/* ---- commands ---- */

static int word_in(struct l2 *l2, u32 word)
{
	MUST(!l2_next(l2));
	MUST(l2_reads_port(l2) && l2->page->io.port == GUEST_PORT_IN);
	l2_answer(l2, word);
	return 0;
}

static int word_out(struct l2 *l2, u32 *word)
{
	MUST(!l2_next(l2));
	MUST(!l2_reads_port(l2) && l2->page->io.port == GUEST_PORT_OUT);
	*word = l2_port_value(l2);
	l2_answer(l2, 0);
	return 0;
}

int l2_do(struct l2 *l2, u32 command, const u32 *args, u32 nr_args, u32 *answer, u32 words)
{
	u32 i;

	if (word_in(l2, command))
		return -1;
	for (i = 0; i < nr_args; i++)
		if (word_in(l2, args[i]))
			return -1;
	for (i = 0; i < words; i++)
		if (word_out(l2, &answer[i]))
			return -1;
	return 0;
}

int l2_peek(struct l2 *l2, u32 address, u64 *value)
{
	u32 answer[2];

	if (l2_do(l2, GUEST_PEEK, &address, 1, answer, 2))
		return -1;
	*value = answer[0] | (u64)answer[1] << 32;
	return 0;
}

int l2_poke(struct l2 *l2, u32 address, u64 value)
{
	u32 args[3] = { address, (u32)value, (u32)(value >> 32) }, answer;

	return l2_do(l2, GUEST_POKE, args, 3, &answer, 1);
}

int l2_open(struct l2 *l2)
{
	u32 answer;

	return l2_do(l2, GUEST_IRQS, NULL, 0, &answer, 1);
}

int l2_whole(struct l2 *l2)
{
	u32 answer;

	if (l2_do(l2, GUEST_CHECK, NULL, 0, &answer, 1))
		return -1;
	return answer == 1;
}

/*
 * It may wait for an argument: no command takes more words than these zeros, which
 * are no command themselves.
 */
int l2_resync(struct l2 *l2)
{
	u32 zeros;

	for (zeros = 0; zeros < 16; ) {
		MUST(!l2_next(l2));
		zeros += l2_reads_port(l2);
		l2_answer(l2, 0);
	}
	for (;;) {
		MUST(!l2_next(l2));
		if (l2_reads_port(l2))
			return 0;
		l2_answer(l2, 0);
	}
}
