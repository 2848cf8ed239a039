// SPDX-License-Identifier: GPL-2.0-only
/*
 * A confidential VM that runs: its registers and what an exit tells of them, the
 * start of its other vCPUs, reset, and what remains at the end.
 */
#include "cvm_guest.h"
#include "arch.h"

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
	vcpu->irq.sent[7] = 5;
	vcpu->irq.startup = ~0u;
	vcpu->tsc_offset = 5;
	vcpu->tsc_adjust = 5;
	start(domain);
	assert_int_equal(vcpu->gpr[HG_RBX], 0);
	assert_int_equal(vcpu->tsc_aux, 0);
	assert_int_equal(vcpu->irq.sent[7], 0);
	assert_int_equal(vcpu->irq.startup, 0);
	assert_int_equal(vcpu->parked, 0);
	assert_int_equal(other->parked, 1);
	/* Time begins now, for all of them. */
	assert_int_equal(vcpu->tsc_offset, other->tsc_offset);
	assert_int_equal(fake.tsc_offset, vcpu->tsc_offset);
	assert_true(hg_arch_rdtsc() + vcpu->tsc_offset < 1ULL << 40);
	assert_int_equal(vcpu->tsc_adjust, 0);
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

static int exit_shared_write(struct hg_vcpu *v)
{
	return hg_cvm_io_fault(v, 0x3123, HG_NPF_PRESENT | HG_NPF_WRITE | HG_NPF_FINAL);
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
	/* A shared page is the parent's, also if it has made it read-only. */
	assert_int_equal(call(MAP, domain, 3, take1(), 1, HG_PROT_READ), HG_OK);
	exit_fn = exit_shared_write;
	run(HG_EXIT_NPF);
	assert_int_equal(page->npf.gpa, 0x3000);
	assert_int_equal(page->npf.access, HG_NPF_PRESENT | HG_NPF_WRITE);
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

/* --- starting the others --- */

/* A private address that is no RAM: a device's only where a PC has devices; else missing. */
static void test_invented_ram(void **state)
{
	static const struct { u64 gpa; bool device; } place[] = {
		{ 0xa0000, false },	/* RAM, by the launch */
		{ RAM_PAGES * HG_PAGE_SIZE, false }, { 0x7ffff000, false }, { 0x80000000, true },
		{ 0xfee00000, true }, { 0xfffff000, true }, { 0x100000000, false },
		{ 1ull << 38, false },
	};
	u64 c = domain_of(domain)->c_mask;
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(place) / sizeof(place[0]); i++) {
		int exit = hg_cvm_io_fault(vcpu, place[i].gpa | c, HG_NPF_WRITE);
		bool told = exit == HG_EXIT_NPF && page->npf.gpa == place[i].gpa &&
			    page->npf.access == (HG_NPF_WRITE | HG_NPF_PRIVATE);

		/* A device's access is emulated, which wants the instruction first. */
		assert_int_equal(told, !place[i].device);
	}
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
	vcpu->cr3 = SECRET;
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
	assert_int_equal(vcpu->cr3, 0);
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
	host -= HG_BACKEND_FRAMES + 1;	/* and the CPU's: they stay */
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
		TEST(test_exits_tell_what_is_needed), TEST(test_no_debugging), TEST(test_cut_short),
		TEST(test_invented_ram), TEST(test_startup), UNSTARTED(test_reset_refused),
		UNSTARTED(test_reset), TEST(test_destroy), cmocka_unit_test(test_destroy_early),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
