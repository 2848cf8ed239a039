// SPDX-License-Identifier: GPL-2.0-only
/*
 * A confidential VM that runs: its registers stay its own, what it makes shared
 * is scrubbed, and interrupts that it has not asked for do not reach it. The
 * guest's side is played inside vcpu_enter().
 */
#include "cvm_world.h"
#include "arch.h"

#define EINVAL_	(-22LL)
#define EPERM_	(-1LL)
#define ENOSYS_	(-1000LL)
#define SECRET	0x5ec4e7ab0de1f00dULL

static u64 domain, handle, other_handle;
static struct hg_vcpu *vcpu, *other;
static struct hg_vcpu_page *page;

/* APIC ids are what CPUID tells: 0x11 and 0x22 there, 0x1111 and 0x2222 by x2APIC. */
static void give_ids(u64 h, u32 id)
{
	u64 pfn = take1();
	struct hg_cpuid *table = at(pfn);

	memset(table, 0, HG_PAGE_SIZE);
	table[0].function = 1;
	table[0].ebx = id << 24;
	table[1].function = 0xb;
	table[1].ebx = 1;
	table[1].edx = id << 8 | id;
	assert_int_equal(call(VCPU_SET_CPUID, h, pfn, 2), HG_OK);
}

/* SEALED: what is loaded is up to the test. */
static void prepare(u32 cache)
{
	domain = launch_cvm(cache);
	handle = make_vcpu(domain, NULL);
	other_handle = make_vcpu(domain, NULL);
	give_ids(handle, 0x11);
	give_ids(other_handle, 0x22);
	vcpu = vcpu_of(handle);
	other = vcpu_of(other_handle);
	page = vcpu->page;
	assert_int_equal(hg_core_cpu_on(0, take1()), HG_OK);
	fake.guest.efer = HG_EFER_LMA | HG_EFER_LME;
}

static int setup(void **state)
{
	world_setup(state);
	prepare(4);
	start(domain);
	return 0;
}

static int setup_unstarted(void **state)
{
	world_setup(state);
	prepare(4);
	return 0;
}

static void run(s64 want)
{
	assert_int_equal(call(VCPU_RUN, handle, 0), want);
}

/* --- registers --- */

static void test_state_is_closed(void **state)
{
	u64 pfn = take1(), groups;

	(void)state;
	for (groups = 0; groups <= HG_STATE_ALL; groups++)
		assert_refused(HG_E_DENIED, VCPU_FETCH, handle, groups);
	assert_refused(HG_E_DENIED, VCPU_DUMP, handle, pfn);
	assert_refused(HG_E_DENIED, VCPU_INSN, handle);
	assert_refused(HG_E_STATE, VCPU_SET_CPUID, handle, pfn, 1);
	assert_refused(HG_E_DENIED, VCPU_FETCH, other_handle, HG_STATE_REGS);
	assert_int_equal(fake.get_groups, 0);
}

/* All of the state, marked as changed: none of it is taken. */
static void test_state_is_not_put(void **state)
{
	struct hg_vcpu before;

	(void)state;
	memset(page->gpr, 0xaa, (u64)((u8 *)&page->stat_runs - (u8 *)page->gpr));
	page->irq_shadow = 1;
	page->nmi_masked = 1;
	page->dirty = HG_STATE_ALL | HG_STATE_RIP;
	before = *vcpu;
	run(HG_EXIT_HLT);
	assert_int_equal(fake.put_groups, 0);
	assert_memory_equal(vcpu->gpr, before.gpr, sizeof(before.gpr));
	assert_int_equal(vcpu->rip, 0xfff0);
	assert_int_equal(vcpu->rflags, 2);
	assert_memory_equal(vcpu->dr, before.dr, sizeof(before.dr));
	assert_int_equal(vcpu->xcr0, 1);
	assert_int_equal(vcpu->tsc_aux, 0);
	assert_int_equal(vcpu->tsc_offset, before.tsc_offset);
	assert_int_equal(vcpu->nmi_masked, 0);
	assert_int_equal(vcpu->irq_shadow, 0);
	assert_int_equal(page->dirty, 0);
	assert_int_equal(page->valid, HG_STATE_EVENTS);
	/* And nothing of it was given. */
	assert_int_equal(fake.get_groups, 0);
	assert_int_equal(page->gpr[HG_RBX], 0xaaaaaaaaaaaaaaaaULL);
	assert_int_equal(page->rip, 0xaaaaaaaaaaaaaaaaULL);
	assert_int_equal(page->rflags, 2);
}

/* The parent's last look is before the start, and what it saw then is gone. */
static void test_start_resets(void **state)
{
	(void)state;
	assert_int_equal(call(VCPU_FETCH, handle, HG_STATE_ALL), HG_OK);
	vcpu->gpr[HG_RBX] = 5;
	vcpu->tsc_aux = 9;
	vcpu->irq.sent[7] = ~0u;
	vcpu->irq.startup = ~0u;
	start(domain);
	assert_int_equal(vcpu->gpr[HG_RBX], 0);
	assert_int_equal(vcpu->tsc_aux, 0);
	assert_int_equal(vcpu->irq.sent[7], 0);
	assert_int_equal(vcpu->irq.startup, 0);
	assert_int_equal(vcpu->parked, 0);
	assert_int_equal(other->parked, 1);
	assert_int_equal(vcpu->tsc_offset, other->tsc_offset);
	assert_refused(HG_E_STATE, VCPU_RUN, other_handle, 0);
}

/* --- what an exit tells --- */

static int (*exit_fn)(struct hg_vcpu *v);

/* A guest whose every register is a secret. */
static int leave_with_secrets(struct hg_vcpu *v, struct hg_cpu *cpu)
{
	u32 i;

	(void)cpu;
	for (i = 0; i < HG_NR_GPRS; i++)
		v->gpr[i] = SECRET;
	v->rip = SECRET;
	v->rflags = SECRET | HG_RFLAGS_IF;
	v->tsc_aux = SECRET;
	for (i = 0; i < 4; i++)
		v->dr[i] = SECRET;
	fake.guest.cr3 = SECRET;
	return exit_fn(v);
}

/* No four bytes in a row of the secret, wherever they are in the page. */
static bool leaks(const void *p)
{
	const u8 *bytes = p;
	const u64 secret = SECRET;
	u64 i, j;

	for (i = 0; i + 4 <= HG_PAGE_SIZE; i++)
		for (j = 0; j <= 4; j++)
			if (!memcmp(bytes + i, (const u8 *)&secret + j, 4))
				return true;
	return false;
}

#define EXITS_WITH(exit) { (void)v; return exit; }
static int exit_hlt(struct hg_vcpu *v) EXITS_WITH(HG_EXIT_HLT)
static int exit_pause(struct hg_vcpu *v) EXITS_WITH(HG_EXIT_PAUSE)
static int exit_intr(struct hg_vcpu *v) EXITS_WITH(HG_EXIT_INTR)
static int exit_window(struct hg_vcpu *v) EXITS_WITH(HG_EXIT_IRQ_WINDOW)
static int exit_invalid(struct hg_vcpu *v) EXITS_WITH(HG_EXIT_INVALID)
static int exit_shutdown(struct hg_vcpu *v) EXITS_WITH(HG_EXIT_SHUTDOWN)

static int exit_private(struct hg_vcpu *v)
{
	return hg_cvm_io_fault(v, v->domain->c_mask | 0x3123, HG_NPF_WRITE | HG_NPF_FINAL);
}

static int exit_shared(struct hg_vcpu *v)
{
	return hg_cvm_io_fault(v, 0x3123, HG_NPF_FINAL);
}

static int exit_in(struct hg_vcpu *v)
{
	return hg_cvm_io_port(v, 0x60, 4, true, false, 1);
}

static int exit_out(struct hg_vcpu *v)
{
	return hg_cvm_io_port(v, 0x60, 1, false, false, 1);
}

static int exit_rdmsr(struct hg_vcpu *v)
{
	v->gpr[HG_RCX] = 0x1a0;
	return hg_cvm_io_msr(v, false, 2);
}

static void test_exits_tell_nothing(void **state)
{
	static int (*const exits[])(struct hg_vcpu *v) = {
		exit_hlt, exit_pause, exit_intr, exit_window, exit_invalid, exit_private,
		exit_shared, exit_in, exit_out, exit_rdmsr, exit_shutdown,
	};
	u32 i;

	(void)state;
	fake.enter = leave_with_secrets;
	for (i = 0; i < HG_ARRAY_SIZE(exits); i++) {
		exit_fn = exits[i];
		plant(vcpu->page_pfn, 1);
		memset(page, 0, HG_OFFSETOF(struct hg_vcpu_page, exit));
		assert_true(call(VCPU_RUN, handle, 0) >= 0);
		assert_false(leaks(page));
		assert_int_equal(page->rflags, HG_RFLAGS_FIXED | HG_RFLAGS_IF);
		assert_int_equal(page->gpr[HG_RAX], 0x5a5a5a5a5a5a5a5aULL);	/* not written */
		assert_int_equal(page->rip, 0x5a5a5a5a5a5a5a5aULL);
		assert_int_equal(page->cr3, 0x5a5a5a5a5a5a5a5aULL);
		assert_int_equal(page->event, 0);
	}
	/* After a triple fault only the guest itself can start it again. */
	assert_refused(HG_E_STATE, VCPU_RUN, handle, 0);
}

static void test_exits_tell_what_is_needed(void **state)
{
	(void)state;
	fake.enter = leave_with_secrets;
	exit_fn = exit_private;
	run(HG_EXIT_NPF);
	assert_int_equal(page->npf.gpa, 0x3000);		/* the page, and no more */
	assert_int_equal(page->npf.access, HG_NPF_WRITE | HG_NPF_PRIVATE);
	exit_fn = exit_shared;
	run(HG_EXIT_NPF);
	assert_int_equal(page->npf.gpa, 0x3000);
	assert_int_equal(page->npf.access, 0);
	exit_fn = exit_out;
	run(HG_EXIT_IO);
	assert_int_equal(page->io.value, SECRET & 0xff);	/* OUT with AL: one byte */
}

static void test_no_debugging(void **state)
{
	u32 bit;

	(void)state;
	for (bit = 0; bit < 32; bit++) {
		u64 flag = HG_BIT(bit);
		bool legal = flag & (HG_RUN_IRQ_WINDOW | HG_RUN_NMI_WINDOW | HG_RUN_CR8_EXIT);

		page->run_flags = (u32)flag;
		if (legal)
			run(HG_EXIT_HLT);
		else
			assert_refused(flag & HG_RUN_FLAGS ? HG_E_DENIED : HG_E_ARG, VCPU_RUN,
				       handle, 0);
	}
	page->run_flags = 0;
	page->reply = HG_REPLY_MMIO + 1;
	assert_refused(HG_E_ARG, VCPU_RUN, handle, 0);
}

/* What an exit cut short stays in the core, and goes first at the next entry. */
static int cut_short(struct hg_vcpu *v, struct hg_cpu *cpu)
{
	(void)cpu;
	if (fake.enters == 1) {
		v->event = HG_EVENT(HG_EVENT_FAULT, 14) | (u32)HG_EVENT_HAS_ERROR;
		v->event_error = 6;
		v->rflags |= HG_RFLAGS_IF;
		return HG_EXIT_NPF;
	}
	return HG_EXIT_HLT;
}

static void test_cut_short(void **state)
{
	u32 irq = HG_EVENT(HG_EVENT_IRQ, 0x41);

	(void)state;
	fake.enter = cut_short;
	run(HG_EXIT_NPF);
	assert_int_equal(page->event, 0);
	page->inject = irq;
	run(HG_EXIT_HLT);
	assert_int_equal(fake.event, HG_EVENT(HG_EVENT_FAULT, 14) | (u32)HG_EVENT_HAS_ERROR);
	assert_int_equal(fake.event_error, 6);
	assert_int_equal(page->inject, irq);		/* its turn comes */
	assert_int_equal(fake.run_flags & HG_RUN_IRQ_WINDOW, HG_RUN_IRQ_WINDOW);
	run(HG_EXIT_HLT);
	assert_int_equal(fake.event, irq);
	assert_int_equal(page->inject, 0);
}

/* --- conversion: the guest's hypercall --- */

static struct {
	u64 nr, gpa, count, attributes;
	bool done;		/* the instruction is behind it */
	u64 reclaim;		/* 1: the parent tries inside */
} hc;

/* VMMCALL: the backend has it from the core, and enters again as long as that says so. */
static int hypercall(struct hg_vcpu *v, struct hg_cpu *cpu)
{
	u64 rip = v->rip;
	int exit;

	(void)cpu;
	if (hc.done)
		return HG_EXIT_HLT;
	v->gpr[HG_RAX] = hc.nr;
	v->gpr[HG_RBX] = hc.gpa;
	v->gpr[HG_RCX] = hc.count;
	v->gpr[HG_RDX] = hc.attributes;
	exit = hg_cvm_hypercall(v, 3);
	hc.done = v->rip == rip + 3;
	assert_true(hc.done || v->rip == rip);
	if (hc.reclaim && exit == HG_EXIT_CONVERTED)
		assert_int_equal(call(DOMAIN_RECLAIM, domain), HG_E_ABSENT);
	return exit;
}

static void guest_asks(u64 gpa, u64 count, u64 attributes)
{
	hc.nr = 12;
	hc.gpa = gpa;
	hc.count = count;
	hc.attributes = attributes;
	hc.done = false;
	hc.reclaim = 0;
	fake.enter = hypercall;
}

static u64 own_frames(void)
{
	return stat_of(domain, HG_DOMAIN_STAT_PRIVATE_4K) +
	       512 * stat_of(domain, HG_DOMAIN_STAT_PRIVATE_2M);
}

/* Answered at once with @error, and nothing of the guest's has changed. */
static void hostile(s64 error, u64 gpa, u64 count, u64 attributes)
{
	u64 own = own_frames(), tables = stat_of(domain, HG_DOMAIN_STAT_TABLES), nr = hc.nr;

	guest_asks(gpa, count, attributes);
	hc.nr = nr;
	run(HG_EXIT_HLT);
	assert_true(hc.done);
	assert_int_equal((s64)vcpu->gpr[HG_RAX], error);
	assert_int_equal(own_frames(), own);
	assert_int_equal(stat_of(domain, HG_DOMAIN_STAT_TABLES), tables);
	assert_int_equal(stat_of(domain, HG_DOMAIN_STAT_CONVERTED), 0);
	assert_int_equal(vcpu->convert.count, 0);
}

static void test_hostile_hypercalls(void **state)
{
	u64 c = domain_of(domain)->c_mask;

	(void)state;
	add_page(domain, 0, 0);
	add_page(domain, 5, 0);
	hc.nr = 12;
	hostile(EINVAL_, 0x5001, 1, 0);
	hostile(EINVAL_, 0x5000, 0, 0);
	hostile(EINVAL_, 0x5000 | c, 1, 0);
	hostile(EINVAL_, c, 1, 0);
	hostile(EINVAL_, c - 0x1000, 2, 0);
	hostile(EINVAL_, 0, (c >> 12) + 1, 0);
	hostile(EINVAL_, 0, ~0ULL, 0);
	hostile(EINVAL_, 0x1000, ~0ULL, 0);
	hostile(EINVAL_, ~0xfffULL, 1, 0);
	hostile(EINVAL_, ~0xfffULL, 2, 0);
	hostile(EINVAL_, 0x5000, 1, 1 << 5);
	hostile(EINVAL_, 0x5000, 1, ~0ULL);
	hostile(EINVAL_, 0x5000, 1, 1ULL << 63);
	hostile(0, 0x5000, 1, 1 << 4);		/* private: it is */
	hostile(0, 0x6000, 1, 0);		/* nothing is there */
	for (hc.nr = 0; hc.nr < 32; hc.nr++)
		if (hc.nr != 12)
			hostile(ENOSYS_, 0x5000, 1, 0);
	hc.nr = 12 | 1ULL << 32;
	hostile(ENOSYS_, 0x5000, 1, 0);
	hc.nr = 12;
	fake.guest.cpl = 3;			/* a process of the guest's */
	hostile(EPERM_, 0x5000, 1, 0);
	fake.guest.cpl = 0;
	fake.guest.efer = 0;
	hostile(ENOSYS_, 0x5000, 1, 0);
}

static void check_converted(u64 gfn, u64 count)
{
	assert_int_equal(page->convert.gfn, gfn);
	assert_int_equal(page->convert.count, count);
	assert_int_equal(page->convert.shared, 1);
}

/* The frame is out of reach of everyone until no CPU may write to it. */
static void in_limbo(u64 pfn)
{
	u64 plain = make_domain(4), second = launch_cvm(4);

	assert_int_equal(record(pfn).state, HG_FRAME_CORE);
	assert_int_equal(record(pfn).owner, domain);
	assert_refused(HG_E_OWNER, MAP, plain, 1, pfn, 1, HG_PROT_READ);
	assert_refused(HG_E_OWNER, CVM_ADD, second, 1, pfn, 1, 0);
	assert_refused(HG_E_OWNER, CVM_ADD, domain, 1, pfn, 1, 0);
	assert_refused(HG_E_OWNER, DOMAIN_DONATE, plain, pfn);
	assert_refused(HG_E_OWNER, CVM_REPORT, second, pfn);
}

static void drain_cache(void)
{
	while (call(DOMAIN_RECLAIM, domain) > 0)
		;
}

/* The second vCPU is on another CPU, in the guest, since generation @seen. */
static void other_inside(u64 seen)
{
	other->running = 1;
	other->tlb_seen = seen;
}

static void test_withdraw(void **state)
{
	u64 pfn = add_page(domain, 5, 0), gen = domain_of(domain)->tlb_gen, back;

	(void)state;
	add_page(domain, 6, 0);		/* keeps the table */
	drain_cache();
	memset(at(pfn), 0x77, HG_PAGE_SIZE);	/* the guest's */
	other_inside(gen);
	guest_asks(0x5000, 1, 0);
	hc.reclaim = 1;
	run(HG_EXIT_CONVERTED);
	check_converted(5, 1);
	assert_int_equal(vcpu->gpr[HG_RAX], 0);
	assert_true(domain_of(domain)->tlb_gen > gen);
	assert_int_equal(walk_private(domain, 5).level, 0);
	assert_int_equal(walk_unpaged(domain, 5).level, 0);
	assert_int_equal(walk_private(domain, 6).level, 1);
	assert_int_equal(stat_of(domain, HG_DOMAIN_STAT_CONVERTED), 1);
	in_limbo(pfn);
	assert_int_equal(call(DOMAIN_RECLAIM, domain), HG_E_ABSENT);
	*(u8 *)at(pfn) = 0x78;		/* the other CPU still writes */
	other->tlb_seen = domain_of(domain)->tlb_gen;
	back = (u64)call(DOMAIN_RECLAIM, domain);
	assert_int_equal(back, pfn);
	assert_true(all_zero(pfn, 1));
	assert_int_equal(record(pfn).state, HG_FRAME_HOST);
	other->running = 0;
	/* The address is private and empty again once the parent brings a page. */
	assert_true(all_zero(add_page(domain, 5, 0), 1));
}

/* A page that the guest gave up serves as a table: without what was in it. */
static void test_withdrawn_as_table(void **state)
{
	u64 pfn[3], i;

	(void)state;
	for (i = 0; i < 3; i++) {
		pfn[i] = add_page(domain, 5 + i, 0);
		memset(at(pfn[i]), 0xff, HG_PAGE_SIZE);	/* present entries, all over memory */
	}
	add_page(domain, 8, 0);
	drain_cache();
	guest_asks(0x5000, 3, 0);
	run(HG_EXIT_CONVERTED);
	assert_int_equal(call(MAP, domain, 77 << 18, take1(), 1, HG_PROT_ALL), HG_OK);
	hg_core_audit();
	assert_int_equal(stat_of(domain, HG_DOMAIN_STAT_CACHE), 3 -
			 (stat_of(domain, HG_DOMAIN_STAT_TABLES) - HG_CVM_FRAMES - 2));
	for (i = 0; i < 512; i++)
		assert_int_equal(walk(domain_of(domain)->root, (77 << 18) + i).level, !i);
}

static void test_readonly_stays(void **state)
{
	u64 rom, pfn;

	(void)state;
	rom = add_page(domain, 5, HG_CVM_READONLY);
	load_bytes(domain, 0x5000, 0x11, 4096, HG_LOAD_MEASURED);
	pfn = add_page(domain, 6, 0);
	start(domain);
	guest_asks(0x4000, 8, 0);
	run(HG_EXIT_CONVERTED);
	assert_int_equal(stat_of(domain, HG_DOMAIN_STAT_CONVERTED), 1);
	assert_int_equal(record(rom).state, HG_FRAME_PRIVATE);
	assert_int_equal(*(u8 *)at(rom), 0x11);
	assert_int_equal(record(pfn).state, HG_FRAME_CORE);
}

/* --- big pages --- */

/* Each frame has its own mark. */
static void mark_frames(u64 pfn)
{
	u64 i;

	for (i = 0; i < 512; i++)
		*(u64 *)at(pfn + i) = SECRET + i;
}

static void check_split(u64 gfn, u64 pfn, u64 i)
{
	struct walk w = walk_private(domain, gfn + i);

	assert_int_equal(w.level, 1);
	assert_int_equal(w.pfn, pfn + i);
	assert_true(w.write && w.exec);
	assert_int_equal(*(u64 *)at(pfn + i), SECRET + i);
	assert_int_equal(record(pfn + i).state, HG_FRAME_PRIVATE);
}

static void test_split(void **state)
{
	u64 pfn = add_big_page(domain, 512, 0), i;

	(void)state;
	mark_frames(pfn);
	drain_cache();
	guest_asks(700 << 12, 1, 0);
	run(HG_EXIT_FRAMES);		/* without a table it waits, unharmed */
	assert_false(hc.done);
	assert_int_equal(walk_private(domain, 700).level, 2);
	assert_int_equal(own_frames(), 512);
	run(HG_EXIT_FRAMES);
	donate(domain, 1);
	run(HG_EXIT_CONVERTED);
	check_converted(700, 1);
	assert_true(hc.done);
	assert_int_equal(stat_of(domain, HG_DOMAIN_STAT_PRIVATE_2M), 0);
	assert_int_equal(stat_of(domain, HG_DOMAIN_STAT_PRIVATE_4K), 511);
	for (i = 0; i < 512; i++)
		if (i != 700 - 512)
			check_split(512, pfn, i);
	assert_int_equal(walk_private(domain, 700).level, 0);
	assert_int_equal(call(DOMAIN_RECLAIM, domain), pfn + 700 - 512);
}

/* Part of one big page and part of the next: two tables are needed. */
static void test_split_two(void **state)
{
	u64 first = add_big_page(domain, 512, 0), second = add_big_page(domain, 1024, 0);

	(void)state;
	mark_frames(first);
	mark_frames(second);
	drain_cache();
	donate(domain, 1);
	guest_asks(600 << 12, 900, 0);
	run(HG_EXIT_FRAMES);
	assert_int_equal(own_frames(), 1024);		/* nothing is gone */
	donate(domain, 1);
	run(HG_EXIT_CONVERTED);
	check_converted(600, 900);
	assert_int_equal(own_frames(), 124);
	check_split(512, first, 0);
	check_split(512, first, 87);
	check_split(1024, second, 476);
	check_split(1024, second, 511);
	assert_int_equal(walk_private(domain, 600).level, 0);
	assert_int_equal(walk_private(domain, 1499).level, 0);
}

/* A whole big page needs no table, and gives all its frames. */
static void test_whole_big(void **state)
{
	u64 pfn = add_big_page(domain, 512, 0), host = hg_frames_count(HG_FRAME_HOST), i;

	(void)state;
	mark_frames(pfn);
	drain_cache();
	host = hg_frames_count(HG_FRAME_HOST);
	guest_asks(512 << 12, 512, 0);
	run(HG_EXIT_CONVERTED);
	assert_int_equal(own_frames(), 0);
	for (i = 0; i < 512; i++) {
		s64 back = call(DOMAIN_RECLAIM, domain);

		assert_true(back >= (s64)pfn && back < (s64)pfn + 512);
		assert_true(all_zero((u64)back, 1));
	}
	assert_int_equal(call(DOMAIN_RECLAIM, domain), HG_E_ABSENT);
	assert_int_equal(hg_frames_count(HG_FRAME_HOST), host + 512);
}

/* More than is done in one go: the parent hears how far it is, and may stop it meanwhile. */
static void test_long(void **state)
{
	static const u64 gfns[] = { 3, 2047, 2048, 4095, 4096, RAM_PAGES - 1 };
	/* To where a big page ends, then 2048 each; in the one after 6144 there is the last. */
	static const u64 done[] = { 2045, 4093, 6141, RAM_PAGES - 3 };
	u32 i;

	(void)state;
	donate(domain, 4);
	for (i = 0; i < HG_ARRAY_SIZE(gfns); i++)
		add_page(domain, gfns[i], 0);
	add_big_page(domain, 512, 0);
	guest_asks(0x3000, 1ULL << 20, 0);
	for (i = 0; i < HG_ARRAY_SIZE(done); i++) {
		assert_true(own_frames() > 0);
		run(HG_EXIT_CONVERTED);
		check_converted(3, done[i]);
		assert_false(hc.done);
		page->convert.count = 7;	/* the parent's word counts for nothing */
	}
	assert_int_equal(own_frames(), 0);
	run(HG_EXIT_HLT);
	assert_true(hc.done);
	assert_int_equal(vcpu->gpr[HG_RAX], 0);
	assert_true(fake.enters >= (1 << 20) / 2048);
	assert_int_equal(stat_of(domain, HG_DOMAIN_STAT_CONVERTED), HG_ARRAY_SIZE(gfns) + 512);
}

/* --- events --- */

static enum hg_cvm_event event(enum hg_event_type type, u32 vector)
{
	return hg_cvm_event(vcpu, HG_EVENT(type, vector));
}

static void test_vectors(void **state)
{
	u32 v;

	(void)state;
	vcpu->rflags |= HG_RFLAGS_IF;
	for (v = 0; v < 256; v++) {
		bool device = v >= 0x20 && v != 0x80 && v < 0xec;

		assert_int_equal(event(HG_EVENT_IRQ, v), device ? HG_EVENT_TAKE : HG_EVENT_DROP);
		assert_int_equal(event(HG_EVENT_FAULT, v), HG_EVENT_DROP);
		assert_int_equal(event(HG_EVENT_SOFT, v), HG_EVENT_DROP);
		assert_int_equal(event(1, v), HG_EVENT_DROP);
		assert_int_equal(event(7, v), HG_EVENT_DROP);
	}
}

/* What cannot be taken now does not use up what was asked for. */
static void test_later(void **state)
{
	(void)state;
	vcpu->irq.sent[0xfd / 32] = HG_BIT32(0xfd % 32);
	assert_int_equal(event(HG_EVENT_IRQ, 0x41), HG_EVENT_LATER);
	assert_int_equal(event(HG_EVENT_IRQ, 0xfd), HG_EVENT_LATER);
	vcpu->rflags |= HG_RFLAGS_IF;
	vcpu->irq_shadow = 1;
	assert_int_equal(event(HG_EVENT_IRQ, 0xfd), HG_EVENT_LATER);
	assert_int_equal(event(HG_EVENT_NMI, 2), HG_EVENT_LATER);
	vcpu->irq_shadow = 0;
	vcpu->event = HG_EVENT(HG_EVENT_FAULT, 13);
	assert_int_equal(event(HG_EVENT_IRQ, 0xfd), HG_EVENT_LATER);
	assert_int_equal(event(HG_EVENT_NMI, 2), HG_EVENT_LATER);
	vcpu->event = 0;
	assert_int_equal(event(HG_EVENT_IRQ, 0xfd), HG_EVENT_TAKE);
	assert_int_equal(event(HG_EVENT_IRQ, 0xfd), HG_EVENT_DROP);
}

static void test_nmi(void **state)
{
	u32 i, dropped = 0;

	(void)state;
	vcpu->nmi_masked = 1;
	assert_int_equal(event(HG_EVENT_NMI, 2), HG_EVENT_LATER);
	vcpu->nmi_masked = 0;
	assert_int_equal(event(HG_EVENT_NMI, 2), HG_EVENT_TAKE);
	/* Not in a flood; a test that is preempted at the wrong moment tries again. */
	for (i = 0; i < 1000; i++) {
		vcpu->irq.last_nmi = hg_arch_rdtsc();
		dropped += event(HG_EVENT_NMI, 2) == HG_EVENT_DROP;
	}
	assert_true(dropped > 500);
	vcpu->irq.last_nmi = hg_arch_rdtsc() - (1 << 20);
	assert_int_equal(event(HG_EVENT_NMI, 2), HG_EVENT_TAKE);
}

/* Through the control page, as the parent does it. */
static void inject(u32 what, u32 delivered, bool denied)
{
	u64 before = stat_of(domain, HG_DOMAIN_STAT_DENIED);

	page->inject = what;
	page->inject_error = 0x1234;
	page->inject_length = 2;
	run(HG_EXIT_HLT);
	assert_int_equal(fake.event, delivered);
	assert_int_equal(stat_of(domain, HG_DOMAIN_STAT_DENIED), before + denied);
	page->inject_length = 0;
}

static void test_inject(void **state)
{
	u32 irq = HG_EVENT(HG_EVENT_IRQ, 0x41), v;

	(void)state;
	inject(irq, 0, false);			/* IF is clear */
	assert_int_equal(page->inject, irq);
	assert_int_equal(fake.run_flags, HG_RUN_IRQ_WINDOW);
	vcpu->rflags |= HG_RFLAGS_IF;
	inject(irq, irq, false);
	assert_int_equal(page->inject, 0);
	assert_int_equal(fake.event_error, 0);	/* no value of the parent's goes with it */
	assert_int_equal(fake.event_length, 0);
	inject(HG_EVENT(HG_EVENT_IRQ, 0x80), 0, true);
	assert_int_equal(page->inject, 0);
	inject(HG_EVENT(HG_EVENT_IRQ, 0xfd), 0, true);
	for (v = 0; v < 32; v++) {
		inject(HG_EVENT(HG_EVENT_IRQ, v), 0, true);
		if (v != 2)
			inject(HG_EVENT(HG_EVENT_FAULT, v), 0, true);
		inject(HG_EVENT(HG_EVENT_SOFT, v), 0, true);
	}
	inject(HG_EVENT(HG_EVENT_FAULT, 14) | (u32)HG_EVENT_HAS_ERROR, 0, true);
	inject(HG_EVENT(HG_EVENT_SOFT, 0x80), 0, true);
	page->inject = HG_EVENT(HG_EVENT_IRQ, 0x41) | 1u << 12;
	assert_refused(HG_E_ARG, VCPU_RUN, handle, 0);
}

/* --- what the guest asks for --- */

#define APIC		0xfee00000ULL
#define FIXED(vector)	(1u << 14 | (vector))

static bool expects(struct hg_vcpu *v, u32 vector)
{
	v->rflags |= HG_RFLAGS_IF;
	return hg_cvm_event(v, HG_EVENT(HG_EVENT_IRQ, vector)) == HG_EVENT_TAKE;
}

/* Whom the IPI allows; each only once. */
static void expect_ipi(u32 vector, bool self, bool to_other)
{
	assert_int_equal(expects(vcpu, vector), self);
	assert_int_equal(expects(other, vector), to_other);
	assert_false(expects(vcpu, vector));
	assert_false(expects(other, vector));
}

static void xapic(u32 icr, u32 dest)
{
	hg_cvm_irq_mmio(vcpu, APIC + 0x310, 4, (u64)dest << 24);
	hg_cvm_irq_mmio(vcpu, APIC + 0x300, 4, icr);
}

static void test_ipi(void **state)
{
	(void)state;
	xapic(FIXED(0xfd), 0x22);
	expect_ipi(0xfd, false, true);
	xapic(FIXED(0xfd), 0x11);
	expect_ipi(0xfd, true, false);
	xapic(FIXED(0xfd), 0x33);		/* nobody */
	expect_ipi(0xfd, false, false);
	xapic(FIXED(0xfb) | 1 << 18, 0x22);	/* self */
	expect_ipi(0xfb, true, false);
	xapic(FIXED(0xfb) | 2 << 18, 0);
	expect_ipi(0xfb, true, true);
	xapic(FIXED(0xfb) | 3 << 18, 0);
	expect_ipi(0xfb, false, true);
	xapic(FIXED(0xff) | 1 << 11, 1);	/* logical: cannot be told */
	expect_ipi(0xff, true, true);
	xapic(FIXED(0xff), 0xff);		/* broadcast */
	expect_ipi(0xff, true, true);
	xapic(FIXED(0xff) | 4 << 8, 0x22);	/* an NMI allows no vector */
	expect_ipi(0xff, false, false);
	/* One vector asked for, no other. */
	xapic(FIXED(0xfd), 0x22);
	assert_false(expects(other, 0xfc));
	assert_false(expects(other, 0xfe));
	expect_ipi(0xfd, false, true);
	/* Not even the guest may make 0x80 or an exception. */
	xapic(FIXED(0x80) | 2 << 18, 0);
	expect_ipi(0x80, false, false);
	xapic(FIXED(0x0e) | 2 << 18, 0);
	expect_ipi(0x0e, false, false);
}

static void test_ipi_x2apic(void **state)
{
	(void)state;
	hg_cvm_irq_msr(vcpu, 0x830, 0x2222ULL << 32 | FIXED(0xfd));
	expect_ipi(0xfd, false, true);
	hg_cvm_irq_msr(vcpu, 0x830, 0x22ULL << 32 | FIXED(0xfd));
	expect_ipi(0xfd, false, false);
	hg_cvm_irq_msr(vcpu, 0x830, 0xffffffffULL << 32 | FIXED(0xfd));
	expect_ipi(0xfd, true, true);
	hg_cvm_irq_msr(vcpu, 0x83f, 0xf6);
	expect_ipi(0xf6, true, false);
	hg_cvm_irq_msr(vcpu, 0x831, FIXED(0xfd));
	expect_ipi(0xfd, false, false);
}

/* Accesses that look like it, elsewhere or too narrow, allow nothing. */
static void test_ipi_not(void **state)
{
	(void)state;
	hg_cvm_irq_mmio(vcpu, APIC + 0x1300, 4, FIXED(0xfd) | 2 << 18);
	hg_cvm_irq_mmio(vcpu, APIC + 0x304, 4, FIXED(0xfd) | 2 << 18);
	hg_cvm_irq_mmio(vcpu, APIC + 0x300, 2, FIXED(0xfd) | 2 << 18);
	hg_cvm_irq_mmio(vcpu, 0x300, 4, FIXED(0xfd) | 2 << 18);
	expect_ipi(0xfd, false, false);
}

static void test_timer(void **state)
{
	(void)state;
	assert_false(expects(vcpu, 0xec));
	hg_cvm_irq_mmio(vcpu, APIC + 0x320, 4, 0x200ec);	/* periodic */
	assert_true(expects(vcpu, 0xec));
	assert_true(expects(vcpu, 0xec));		/* as often as it likes */
	assert_false(expects(vcpu, 0xed));
	assert_false(expects(other, 0xec));
	hg_cvm_irq_mmio(vcpu, APIC + 0x320, 4, 0x300ec);	/* masked */
	assert_false(expects(vcpu, 0xec));
	hg_cvm_irq_msr(vcpu, 0x832, 0xee);
	assert_true(expects(vcpu, 0xee));
}

/* --- starting the others --- */

static void start_up(u32 mode, u32 vector)
{
	xapic(1u << 14 | mode << 8 | vector, 0x22);
}

static void test_startup(void **state)
{
	(void)state;
	assert_refused(HG_E_ARG, VCPU_STARTUP, other_handle, 0x100);
	assert_refused(HG_E_DENIED, VCPU_STARTUP, other_handle, 0);
	assert_refused(HG_E_DENIED, VCPU_STARTUP, other_handle, 0x9a);
	start_up(6, 0x9a);			/* no INIT before it */
	assert_refused(HG_E_DENIED, VCPU_STARTUP, other_handle, 0x9a);
	start_up(5, 0);
	assert_refused(HG_E_DENIED, VCPU_STARTUP, other_handle, 0);
	start_up(6, 0x9a);
	assert_refused(HG_E_DENIED, VCPU_STARTUP, other_handle, 0x9b);	/* elsewhere */
	assert_refused(HG_E_DENIED, VCPU_STARTUP, handle, 0x9a);	/* someone else */
	assert_refused(HG_E_STATE, VCPU_RUN, other_handle, 0);
	other->gpr[HG_RBX] = 5;
	assert_int_equal(call(VCPU_STARTUP, other_handle, 0x9a), HG_OK);
	assert_int_equal(other->rip, 0);
	assert_int_equal(other->gpr[HG_RBX], 0);
	assert_int_equal(fake.segment[HG_SEG_CS].base, 0x9a000);
	assert_int_equal(call(VCPU_RUN, other_handle, 0), HG_EXIT_HLT);
	/* It cannot be thrown back once it runs. */
	assert_refused(HG_E_DENIED, VCPU_STARTUP, other_handle, 0x9a);
}

/* --- reset --- */

static void test_reset_refused(void **state)
{
	u64 pfn;

	(void)state;
	add_page(domain, ROM_GFN, HG_CVM_READONLY);
	load_bytes(domain, ROM_GFN << 12, 0x11, 4096, HG_LOAD_MEASURED);
	pfn = add_page(domain, 5, 0);
	load_bytes(domain, 0x5000, 0x22, 1, HG_LOAD_MEASURED);	/* the guest may change it */
	start(domain);
	vcpu->gpr[HG_RBX] = 5;
	assert_refused(HG_E_DENIED, CVM_RESET, domain);
	assert_int_equal(vcpu->gpr[HG_RBX], 5);
	assert_int_equal(record(pfn).state, HG_FRAME_PRIVATE);
}

/* Inside its own run the guest cannot be reset. */
static int reset_inside(struct hg_vcpu *v, struct hg_cpu *cpu)
{
	(void)v;
	(void)cpu;
	assert_int_equal(call(CVM_RESET, domain), HG_E_BUSY);
	assert_int_equal(call(VCPU_STARTUP, handle, 0), HG_E_BUSY);
	assert_int_equal(call(VCPU_FETCH, handle, HG_STATE_REGS), HG_E_BUSY);
	assert_int_equal(call(VCPU_DUMP, handle, take1()), HG_E_BUSY);
	assert_int_equal(call(DOMAIN_DESTROY, domain), HG_E_BUSY);
	return HG_EXIT_HLT;
}

static void dirty_guest(u64 big)
{
	vcpu->gpr[HG_RBX] = SECRET;
	vcpu->cr3_watch = 0;
	vcpu->irq_shadow = 1;
	vcpu->nmi_masked = 1;
	vcpu->parked = 1;
	other->parked = 0;
	xapic(FIXED(0xfd) | 2 << 18, 0);
	start_up(5, 0);
	hg_cvm_irq_mmio(vcpu, APIC + 0x320, 4, 0xec);
	mark_frames(big);
}

static void check_reset_vcpus(void)
{
	assert_int_equal(vcpu->gpr[HG_RBX], 0);
	assert_int_equal(vcpu->cr3_watch, 1);
	assert_int_equal(vcpu->irq_shadow, 0);
	assert_int_equal(vcpu->nmi_masked, 0);
	assert_int_equal(vcpu->parked, 0);
	assert_int_equal(other->parked, 1);
	assert_false(expects(vcpu, 0xfd));
	assert_false(expects(vcpu, 0xec));
	assert_int_equal(other->irq.startup, 0);
	assert_int_equal(vcpu->tsc_offset, other->tsc_offset);
}

static void test_reset(void **state)
{
	u64 rom, big, small, gen, i;

	(void)state;
	rom = add_page(domain, ROM_GFN, HG_CVM_READONLY);
	load_bytes(domain, ROM_GFN << 12, 0x11, 4096, HG_LOAD_MEASURED);
	small = add_page(domain, 5, 0);
	seal(domain);
	load_bytes(domain, 0x5000, 0x33, 64, HG_LOAD_SECRET);
	assert_int_equal(call(CVM_START, domain), HG_OK);
	big = add_big_page(domain, 512, 0);
	fake.enter = reset_inside;
	run(HG_EXIT_HLT);
	fake.enter = NULL;
	dirty_guest(big);
	drain_cache();
	gen = domain_of(domain)->tlb_gen;
	assert_int_equal(call(CVM_RESET, domain), HG_OK);
	assert_true(domain_of(domain)->tlb_gen > gen);
	check_reset_vcpus();
	assert_int_equal(own_frames(), 1);
	assert_int_equal(walk_private(domain, ROM_GFN).pfn, rom);
	assert_int_equal(*(u8 *)at(rom), 0x11);
	assert_int_equal(walk_private(domain, 5).level, 0);
	assert_int_equal(record(small).state, HG_FRAME_CORE);
	/* 513 pages, and the table of the small one. */
	for (i = 0; i < 514; i++)
		assert_true(all_zero((u64)call(DOMAIN_RECLAIM, domain), 1));
	assert_int_equal(call(DOMAIN_RECLAIM, domain), HG_E_ABSENT);
	run(HG_EXIT_HLT);
}

/* --- the end --- */

/* Everything comes back: each frame once, scrubbed, and none is left. */
static void test_destroy(void **state)
{
	u64 host = hg_frames_count(HG_FRAME_HOST), control = domain_of(domain)->control_pfn;
	u64 big, back = 0;
	s64 pfn;

	(void)state;
	host += hg_frames_count(HG_FRAME_CONTROL) + hg_frames_count(HG_FRAME_CORE);
	host -= 5 + 1;			/* the backend's and the CPU's stay */
	big = add_big_page(domain, 512, 0);
	mark_frames(big);
	plant(add_page(domain, 5, 0), 1);
	plant(add_page(domain, RAM_PAGES - 1, 0), 1);
	guest_asks(0x5000, 1, 0);
	run(HG_EXIT_CONVERTED);
	assert_refused(HG_E_BUSY, DOMAIN_DESTROY, domain);
	assert_int_equal(call(VCPU_DESTROY, handle), HG_OK);
	assert_int_equal(call(VCPU_DESTROY, other_handle), HG_OK);
	back = 512 + 2 + 1 + 1 + HG_CVM_FRAMES + 4;	/* pages, control, root, donated */
	assert_int_equal(call(DOMAIN_DESTROY, domain), HG_OK);
	assert_int_equal(hg_frames_count(HG_FRAME_PRIVATE), 0);
	assert_refused(HG_E_HANDLE, CVM_ADD, domain, 9, take1(), 1, 0);
	do {
		pfn = call(DOMAIN_RECLAIM, domain);
		assert_true(pfn > 0);
		assert_int_equal(record((u64)pfn).state, HG_FRAME_HOST);
		assert_true(all_zero((u64)pfn, 1));
		back--;
	} while ((u64)pfn != control);
	assert_int_equal(back, 0);
	assert_int_equal(call(DOMAIN_RECLAIM, domain), HG_E_HANDLE);
	assert_int_equal(hg_frames_count(HG_FRAME_HOST), host);
	assert_true(all_zero(big, 512));
}

/* Before it is final, too; and as EPT. */
static void test_destroy_early(void **state)
{
	u64 host;

	(void)state;
	world_start(WORLD_FRAMES, WORLD_EPT);
	host = hg_frames_count(HG_FRAME_HOST);
	domain = launch_cvm(3);
	plant(add_page(domain, 5, HG_CVM_READONLY), 1);
	plant(add_page(domain, ROM_GFN, 0), 1);
	unmake_domain(domain);
	domain = make_cvm(0);
	unmake_domain(domain);
	assert_int_equal(hg_frames_count(HG_FRAME_HOST), host);
	world_stop();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)
#define UNSTARTED(name) cmocka_unit_test_setup_teardown(name, setup_unstarted, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_state_is_closed), TEST(test_state_is_not_put),
		UNSTARTED(test_start_resets), TEST(test_exits_tell_nothing),
		TEST(test_exits_tell_what_is_needed), TEST(test_no_debugging),
		TEST(test_cut_short), TEST(test_hostile_hypercalls), TEST(test_withdraw),
		TEST(test_withdrawn_as_table), UNSTARTED(test_readonly_stays), TEST(test_split),
		TEST(test_split_two), TEST(test_whole_big), TEST(test_long), TEST(test_vectors),
		TEST(test_later), TEST(test_nmi), TEST(test_inject), TEST(test_ipi),
		TEST(test_ipi_x2apic), TEST(test_ipi_not), TEST(test_timer), TEST(test_startup),
		UNSTARTED(test_reset_refused), UNSTARTED(test_reset), TEST(test_destroy),
		cmocka_unit_test(test_destroy_early),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
