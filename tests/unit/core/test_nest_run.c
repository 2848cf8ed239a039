// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest's guest that runs, with its parent as the one who is told; and a confidential
 * one, from whose life and state the parent is shut out like any other.
 */
#include "nest_world.h"
#include "arch.h"

static u64 child, handle;
static struct hg_vcpu *kid;
static struct hg_vcpu_page *kid_page;

static int setup(void **state)
{
	nest_setup(state);
	child = make_child(&one, 4);
	handle = make_child_vcpu(&one, child, NULL);
	kid = vcpu_of(handle);
	kid_page = kid->page;
	return 0;
}

/* What the child sees at each entry, and how each ends. */
static struct {
	int exit[8];		/* HLT after the last */
	u32 entries, ends;
	u32 event[8];
	u64 tsc[8];
	u64 xcr0[8];
	u64 fpu[8];
	u64 cut;		/* an event that is cut short again, at the first entry */
} seen;

static int child_runs(struct hg_vcpu *v, struct hg_cpu *cpu)
{
	u32 n = seen.entries++ % 8;

	assert_ptr_equal(v, kid);
	assert_ptr_equal(cpu, &world.cpus[0]);
	assert_int_equal(v->running, 1);
	seen.event[n] = fake.event;
	seen.tsc[n] = fake.tsc_offset;
	seen.xcr0[n] = hg_arch_xgetbv();
	seen.fpu[n] = fake_fpu;
	fake_fpu = 0xc0de + n;
	if (seen.cut && !n)
		v->event = fake.event;		/* EXITINTINFO */
	v->rip += 1;
	return n < seen.ends ? seen.exit[n] : HG_EXIT_HLT;
}

static void child_will(u32 ends, int a, int b, int c)
{
	memset(&seen, 0, sizeof(seen));
	seen.ends = ends;
	seen.exit[0] = a;
	seen.exit[1] = b;
	seen.exit[2] = c;
	child_enter = child_runs;
	memset(&l0, 0, sizeof(l0));
}

/* --- an ordinary child --- */

static void test_exit(void **state)
{
	u32 loads = fake.loads;

	(void)state;
	child_will(1, HG_EXIT_IO, 0, 0);
	kid->gpr[HG_RCX] = 77;
	assert_int_equal(nest(&one, VCPU_RUN, handle, 0), HG_EXIT_IO);
	assert_int_equal(kid_page->exit, HG_EXIT_IO);
	assert_int_equal(kid_page->gpr[HG_RCX], 77);
	assert_int_equal(kid_page->valid, HG_STATE_REGS | HG_STATE_EVENTS);
	assert_int_equal(kid_page->rip, 0xfff0 + 1);
	assert_int_equal(one.page->exit, HG_EXIT_HLT);		/* L0 heard nothing of it */
	assert_int_equal(l0.stops, 0);
	assert_int_equal(kid->running, 0);
	assert_int_equal(fake.loads - loads, 3);	/* parent, child, parent */
	assert_int_equal(hg_core.vcpus[(handle & 0xffff) - 1].claim, 0);
	/* The parent's own registers are where they were. */
	assert_int_equal(one.vcpu->gpr[HG_RBX], handle);
}

static void test_state_groups(void **state)
{
	(void)state;
	child_will(0, 0, 0, 0);
	kid_page->dirty = HG_STATE_REGS;
	kid_page->gpr[HG_RBX] = 0x1234;
	kid_page->rip = 0x4000;
	kid_page->rflags = 2;
	assert_int_equal(nest(&one, VCPU_RUN, handle, 0), HG_EXIT_HLT);
	assert_int_equal(kid->gpr[HG_RBX], 0x1234);
	assert_int_equal(kid_page->rip, 0x4001);
	assert_int_equal(kid_page->dirty, 0);
	kid_page->run_flags = ~0u;
	refused(&one, HG_E_ARG, VCPU_RUN, handle, 0);
	assert_int_equal(seen.entries, 1);
	kid_page->run_flags = 0;
	assert_int_equal(nest(&one, VCPU_FETCH, handle, HG_STATE_SEGMENTS), HG_OK);
	assert_true(kid_page->valid & HG_STATE_SEGMENTS);
	kid_page->kick = 1;
	assert_int_equal(nest(&one, VCPU_RUN, handle, 0), HG_EXIT_KICK);
	assert_int_equal(seen.entries, 1);
}

/* L0's interrupts: the parent's call waits on its instruction and then goes on. */
static void test_stop(void **state)
{
	u64 rip = one.vcpu->rip;

	(void)state;
	child_will(3, HG_EXIT_INTR, HG_EXIT_NMI, HG_EXIT_MSR_READ);
	kid_page->exit = 0x55;
	memset(&asked, 0, sizeof(asked));
	asked.nr = HG_CALL_VCPU_RUN;
	asked.arg[0] = handle;
	fake.enter = play;
	assert_int_equal(call(VCPU_RUN, one.handle, 0), HG_EXIT_INTR);
	assert_int_equal(one.page->exit, HG_EXIT_INTR);
	assert_int_equal(one.vcpu->rip, rip);
	assert_int_equal(one.page->gpr[HG_RAX], HG_NEST_CALL | HG_CALL_VCPU_RUN);
	assert_int_equal(kid_page->exit, 0x55);			/* not the parent's business */
	assert_int_equal(call(VCPU_RUN, one.handle, 0), HG_EXIT_NMI);
	assert_int_equal(one.vcpu->rip, rip);
	assert_int_equal(call(VCPU_RUN, one.handle, 0), HG_EXIT_HLT);
	assert_int_equal(asked.result, HG_EXIT_MSR_READ);
	assert_int_equal(kid_page->exit, HG_EXIT_MSR_READ);
	assert_int_equal(seen.entries, 3);
}

#define IRQ	HG_EVENT(HG_EVENT_IRQ, 0x33)

/* An event is delivered once: whether it was before the stop, or after. */
static void test_stop_and_event(void **state)
{
	(void)state;
	child_will(1, HG_EXIT_INTR, 0, 0);
	kid_page->inject = IRQ;
	assert_int_equal(nest(&one, VCPU_RUN, handle, 0), HG_EXIT_HLT);
	assert_int_equal(seen.event[0], IRQ);
	assert_int_equal(seen.event[1], 0);
	assert_int_equal(kid_page->inject, 0);
	assert_int_equal(kid_page->event, 0);

	child_will(1, HG_EXIT_INTR, 0, 0);
	seen.cut = true;
	kid_page->inject = IRQ;
	assert_int_equal(nest(&one, VCPU_RUN, handle, 0), HG_EXIT_HLT);
	assert_int_equal(seen.event[0], IRQ);
	assert_int_equal(seen.event[1], IRQ);
	assert_int_equal(kid_page->event, 0);

	/* And what the parent says meanwhile waits for its next run. */
	child_will(1, HG_EXIT_INTR, 0, 0);
	memset(&asked, 0, sizeof(asked));
	asked.nr = HG_CALL_VCPU_RUN;
	asked.arg[0] = handle;
	assert_int_equal(call(VCPU_RUN, one.handle, 0), HG_EXIT_INTR);
	kid_page->inject = IRQ;
	assert_int_equal(call(VCPU_RUN, one.handle, 0), HG_EXIT_HLT);
	assert_int_equal(seen.event[1], 0);
	assert_int_equal(kid_page->inject, IRQ);
	assert_int_equal(nest(&one, VCPU_RUN, handle, 0), HG_EXIT_HLT);
	assert_int_equal(seen.event[2], IRQ);
}

static void wants_window(struct l1 *l1)
{
	l1->page->run_flags = HG_RUN_IRQ_WINDOW;
}

/* An interrupt waits for the parent: the child's run ends, and what it had is told. */
static void test_window(void **state)
{
	(void)state;
	child_will(0, 0, 0, 0);
	one.page->run_flags = HG_RUN_IRQ_WINDOW;
	kid_page->inject = IRQ;
	assert_int_equal(nest(&one, VCPU_RUN, handle, 0), HG_EXIT_INTR);
	assert_int_equal(l0.stops, 0);
	assert_int_equal(seen.entries, 0);
	assert_int_equal(kid_page->exit, HG_EXIT_INTR);
	assert_int_equal(kid_page->event, IRQ);
	assert_int_equal(kid_page->inject, 0);

	one.page->run_flags = HG_RUN_NMI_WINDOW;
	assert_int_equal(nest(&one, VCPU_RUN, handle, 0), HG_EXIT_INTR);
	assert_int_equal(seen.entries, 0);

	/* It comes up while the child runs, whose delivery was cut short. */
	one.page->run_flags = 0;
	child_will(1, HG_EXIT_INTR, 0, 0);
	seen.cut = true;
	l0.stopped = wants_window;
	kid_page->inject = IRQ;
	assert_int_equal(nest(&one, VCPU_RUN, handle, 0), HG_EXIT_INTR);
	assert_int_equal(l0.stops, 1);
	assert_int_equal(seen.entries, 1);
	assert_int_equal(kid_page->event, IRQ);
	one.page->run_flags = 0;
	child_will(0, 0, 0, 0);
	assert_int_equal(nest(&one, VCPU_RUN, handle, 0), HG_EXIT_HLT);
	assert_int_equal(seen.event[0], 0);	/* the parent has it now */
}

static void test_time(void **state)
{
	(void)state;
	one.page->tsc_offset = 1000;
	one.page->dirty = HG_STATE_TIME;
	child_will(0, 0, 0, 0);
	kid_page->tsc_offset = 234;
	kid_page->dirty = HG_STATE_TIME;
	assert_int_equal(nest(&one, VCPU_RUN, handle, 0), HG_EXIT_HLT);
	assert_int_equal(seen.tsc[0], 1234);
	one.page->tsc_offset = 5000;
	one.page->dirty = HG_STATE_TIME;
	assert_int_equal(nest(&one, VCPU_RUN, handle, 0), HG_EXIT_HLT);
	assert_int_equal(seen.tsc[1], 5234);
	assert_int_equal(nest(&one, VCPU_FETCH, handle, HG_STATE_TIME), HG_OK);
	assert_int_equal(kid_page->tsc_offset, 234);	/* to its parent's */
}

static void test_xcr0(void **state)
{
	(void)state;
	one.page->dirty = HG_STATE_CONTROL;
	one.page->xcr0 = 3;
	child_will(0, 0, 0, 0);
	kid_page->dirty = HG_STATE_CONTROL;
	kid_page->xcr0 = 7;
	/* More than its parent has, its parent does not switch. */
	assert_int_equal(nest(&one, VCPU_RUN, handle, 0), HG_E_ARG);
	one.page->dirty = HG_STATE_CONTROL;
	one.page->xcr0 = 7;
	kid_page->dirty = HG_STATE_CONTROL;
	kid_page->xcr0 = 3;
	fake_fpu = 0xbeef;
	assert_int_equal(nest(&one, VCPU_RUN, handle, 0), HG_EXIT_HLT);
	assert_int_equal(seen.xcr0[0], 3);
	assert_int_equal(one.vcpu->xcr0, 7);
	assert_int_equal(kid->xcr0, 3);
	assert_int_equal(hg_arch_xgetbv(), hg_core.host_xcr0);
	/* Its vector registers are its parent's to switch. */
	assert_int_equal(seen.fpu[0], 0xbeef);
	assert_int_equal(fake_fpu, 0xc0de);
}

/* What an emulator needs, by one call. */
static void test_insn(void **state)
{
	u64 gfn = page1(&one);

	(void)state;
	memset(at(one.base + gfn), 0xab, 4096);
	kid->rip = 0xfff0;
	kid_page->valid = 0;
	/* Nothing is mapped. */
	assert_int_equal(nest(&one, VCPU_INSN, handle, HG_STATE_SEGMENTS), 0);
	assert_int_equal(kid_page->valid, HG_STATE_SEGMENTS);
	assert_int_equal(nest(&one, MAP, child, 0xf, gfn, 1, HG_PROT_ALL), HG_OK);
	assert_int_equal(nest(&one, VCPU_INSN, handle, HG_STATE_CONTROL), 15);
	assert_memory_equal(kid_page->insn, at(one.base + gfn), 15);
	assert_int_equal(kid_page->valid, HG_STATE_SEGMENTS | HG_STATE_CONTROL);
	refused(&one, HG_E_FLAGS, VCPU_INSN, handle, HG_STATE_ALL + 1);
	assert_int_equal(kid->running, 0);
}

static void test_busy(void **state)
{
	(void)state;
	hg_core.vcpus[(handle & 0xffff) - 1].claim = 1;
	refused(&one, HG_E_BUSY, VCPU_RUN, handle, 0);
	refused(&one, HG_E_BUSY, VCPU_DESTROY, handle);
	refused(&one, HG_E_BUSY, VCPU_FETCH, handle, 1);
	hg_core.vcpus[(handle & 0xffff) - 1].claim = 0;
}

static void test_cpuid_table(void **state)
{
	u64 gfn = page1(&one);
	struct hg_cpuid *table = at(one.base + gfn);

	(void)state;
	table[0].function = 0x80000001;
	table[1].function = 1;
	table[1].eax = 0xabcd;
	assert_int_equal(nest(&one, VCPU_SET_CPUID, handle, gfn, 2), HG_OK);
	assert_int_equal(kid->cpuid_count, 2);
	assert_int_equal(kid->cpuid[0].eax, 0xabcd);
	assert_int_equal(table[1].eax, 0xabcd);
	assert_int_equal(record(one.base + gfn).state, HG_FRAME_LENT);
}

/* --- a confidential child: the same launch, by the host and by an L1 --- */

#define POLICY	0x77

static void fill(u64 pfn, u8 value)
{
	memset(at(pfn), value, HG_PAGE_SIZE);
}

static void fill_cpuid(u64 pfn)
{
	struct hg_cpuid *table = at(pfn);

	memset(table, 0, HG_PAGE_SIZE);
	table->function = 1;
	table->ebx = 0x11 << 24;
}

static struct hg_cvm_report launch_by_host(void)
{
	u64 domain = make_domain(HG_CVM_FRAMES + 8), pfn = take1(), vcpu;

	assert_true(call(CVM_INIT, domain) > 0);
	assert_int_equal(call(CVM_LAUNCH, domain, POLICY), HG_OK);
	assert_int_equal(call(CVM_RAM, domain, 0, 2048), HG_OK);
	vcpu = make_vcpu(domain, NULL);
	fill_cpuid(pfn);
	assert_int_equal(call(VCPU_SET_CPUID, vcpu, pfn, 1), HG_OK);
	assert_int_equal(call(CVM_ADD, domain, 5, take1(), 1, 0), HG_OK);
	assert_int_equal(call(CVM_ADD, domain, 512, take(512, 512), 2, 0), HG_OK);
	fill(pfn, 0xab);
	assert_int_equal(call(CVM_LOAD, domain, 5 << 12, pfn, 4096 << 16, 0), HG_OK);
	assert_int_equal(call(CVM_LOAD, domain, 700 << 12, pfn, 100 << 16 | 7, 0), HG_OK);
	assert_int_equal(call(CVM_SEAL, domain), HG_OK);
	assert_int_equal(call(CVM_REPORT, domain, pfn), sizeof(struct hg_cvm_report));
	return *(struct hg_cvm_report *)at(pfn);
}

static u64 small_gfn, big_gfn, data_gfn;

static void launch_by_guest(void)
{
	child = make_child(&one, HG_CVM_FRAMES + 8);
	data_gfn = page1(&one);
	small_gfn = page1(&one);
	assert_true(nest(&one, CVM_INIT, child) > 0);
	assert_int_equal(nest(&one, CVM_LAUNCH, child, POLICY), HG_OK);
	assert_int_equal(nest(&one, CVM_RAM, child, 0, 2048), HG_OK);
	handle = make_child_vcpu(&one, child, NULL);
	big_gfn = pages(&one, 512, 512);
	kid = vcpu_of(handle);
	kid_page = kid->page;
	fill_cpuid(one.base + data_gfn);
	assert_int_equal(nest(&one, VCPU_SET_CPUID, handle, data_gfn, 1), HG_OK);
	fill(one.base + small_gfn, 0xee);	/* what was there does not come with it */
	assert_int_equal(nest(&one, CVM_ADD, child, 5, small_gfn, 1, 0), HG_OK);
	assert_int_equal(nest(&one, CVM_ADD, child, 512, big_gfn, 2, 0), HG_OK);
	fill(one.base + data_gfn, 0xab);
	assert_int_equal(nest(&one, CVM_LOAD, child, 5 << 12, data_gfn, 4096 << 16, 0), HG_OK);
	assert_int_equal(nest(&one, CVM_LOAD, child, 700 << 12, data_gfn, 100 << 16 | 7, 0), HG_OK);
	assert_int_equal(nest(&one, CVM_SEAL, child), HG_OK);
}

static int setup_cvm(void **state)
{
	nest_setup(state);
	launch_by_guest();
	return 0;
}

static void start(void)
{
	assert_int_equal(nest(&one, CVM_START, child), HG_OK);
}

static struct walk private(u64 gfn)
{
	const struct hg_domain *domain = domain_of(child);

	return walk(domain->root, gfn | domain->c_mask >> HG_PAGE_SHIFT);
}

static void test_digest(void **state)
{
	struct hg_cvm_report host = launch_by_host(), guest;

	(void)state;
	fill(one.base + data_gfn, 0x99);
	assert_int_equal(nest(&one, CVM_REPORT, child, data_gfn), sizeof(guest));
	memcpy(&guest, at(one.base + data_gfn), sizeof(guest));
	assert_int_equal(guest.state, HG_CVM_SEALED);
	assert_int_equal(guest.handle, child);
	assert_memory_equal(&guest.parts, &host.parts, sizeof(host.parts));
	assert_memory_equal(guest.launch, host.launch, sizeof(host.launch));
	/* No more than the report. */
	assert_int_equal(((u8 *)at(one.base + data_gfn))[sizeof(guest)], 0x99);
}

static void test_private_pages(void **state)
{
	u64 i, first = private(512).pfn;

	(void)state;
	assert_int_equal(private(5).level, 1);
	assert_int_equal(private(512).level, 2);
	assert_int_equal(first % 512, 0);
	assert_int_not_equal(private(5).pfn, one.base + small_gfn);
	assert_true(is_away(&one, small_gfn));
	assert_int_equal(l0.big, 1);
	for (i = 0; i < 512; i++) {
		assert_true(is_away(&one, big_gfn + i));
		assert_int_equal(record(first + i).state, HG_FRAME_PRIVATE);
		assert_int_equal(record(first + i).owner, child);
	}
	assert_int_equal(nest(&one, FRAME_STAT, HG_FRAME_PRIVATE), 513);
	/* Content that was the host's, or loaded later, is not the other's. */
	assert_int_equal(((u8 *)at(private(5).pfn))[0], 0xab);
	assert_int_equal(((u8 *)at(first))[0], 0);
	assert_int_equal(((u8 *)at(one.base + small_gfn))[0], 0xee);
	/* The host, too, gets nothing of it. */
	l0_donate(&two, HG_MAP_TABLES);
	assert_int_equal(call(MAP, one.domain, small_gfn, private(5).pfn, 1, 1), HG_E_DENIED);
	assert_int_equal(call(MAP, two.domain, 9, first, 1, 1), HG_E_OWNER);
	assert_int_equal(call(DOMAIN_DONATE, two.domain, first), HG_E_OWNER);
}

/* What refuses a big page puts back 512 of the parent's, and keeps L0's piece for the next. */
static void test_big_refused(void **state)
{
	u64 gfn, big;

	(void)state;
	gfn = pages(&one, 512, 512);
	refused(&one, HG_E_EXISTS, CVM_ADD, child, 512, gfn, 2, 0);
	refused(&one, HG_E_STATE, CVM_ADD, child, 1024, gfn, 2, HG_CVM_READONLY);
	refused(&one, HG_E_DENIED, CVM_ADD, child, 4096, gfn, 2, 0);
	refused(&one, HG_E_ALIGN, CVM_ADD, child, 1025, gfn, 2, 0);
	assert_int_equal(l0.big, 2);
	big = domain_of(one.domain)->nest.big;
	assert_true(big);
	assert_int_equal(call(DOMAIN_DONATE, one.domain, take(512, 512), 1), HG_E_EXISTS);
	/* One page in the middle is lent: none is given. */
	assert_int_equal(l0_map(&one, gfn + 300, HG_PROT_ALL), HG_OK);
	assert_int_equal(nest(&one, MAP, child, 0, gfn + 300, 1, HG_PROT_READ), HG_OK);
	refused(&one, HG_E_OWNER, CVM_ADD, child, 1024, gfn, 2, 0);
	assert_int_equal(nest(&one, UNMAP, child, 0, 1), 1);
	assert_int_equal(nest(&one, CVM_ADD, child, 1024, gfn, 2, 0), HG_OK);
	assert_int_equal(private(1024).pfn, big);
	assert_int_equal(l0.big, 2);
}

static void test_run_confidential(void **state)
{
	(void)state;
	child_will(1, HG_EXIT_MSR_READ, 0, 0);
	refused(&one, HG_E_STATE, VCPU_RUN, handle, 0);
	start();
	kid->gpr[HG_RCX] = 0x5ec4e7;
	memset(kid_page->gpr, 0, sizeof(kid_page->gpr));
	assert_int_equal(nest(&one, VCPU_RUN, handle, 0), HG_EXIT_MSR_READ);
	assert_int_equal(kid_page->exit, HG_EXIT_MSR_READ);
	assert_int_equal(kid_page->gpr[HG_RCX], 0);
	assert_int_equal(kid_page->rip, 0);
	refused(&one, HG_E_DENIED, VCPU_FETCH, handle, HG_STATE_REGS);
	refused(&one, HG_E_DENIED, VCPU_INSN, handle);
	refused(&one, HG_E_STATE, VCPU_CREATE, child, page1(&one), pages(&one, 6, 1));
	refused(&one, HG_E_STATE, VCPU_SET_CPUID, handle, data_gfn, 1);
	refused(&one, HG_E_STATE, CVM_LOAD, child, 5 << 12, data_gfn, 4096 << 16, 0);
	kid_page->run_flags = HG_RUN_STEP;
	assert_int_equal(nest(&one, VCPU_RUN, handle, 0), HG_E_DENIED);
	assert_int_equal(seen.entries, 1);
}

/* Neither sees the other's vector registers, however a run ends. */
static void test_vector_registers(void **state)
{
	u64 area;

	(void)state;
	start();
	child_will(3, HG_EXIT_MSR_READ, HG_EXIT_INTR, HG_EXIT_HLT);
	one.page->dirty = HG_STATE_CONTROL;
	one.page->xcr0 = 3;
	fake_fpu = 0xaaaa;
	assert_int_equal(nest(&one, VCPU_RUN, handle, 0), HG_EXIT_MSR_READ);
	assert_int_equal(seen.fpu[0], 0);
	assert_int_equal(fake_fpu, 0xaaaa);
	assert_int_equal(one.vcpu->xcr0, 3);
	fake_fpu = 0xbbbb;
	assert_int_equal(nest(&one, VCPU_RUN, handle, 0), HG_EXIT_HLT);	/* INTR between */
	assert_int_equal(l0.stops, 1);
	assert_int_equal(seen.fpu[1], 0xc0de);
	assert_int_equal(seen.fpu[2], 0xc0de + 1);
	assert_int_equal(fake_fpu, 0xbbbb);
	/* Refused, or ended before it began. */
	kid_page->run_flags = ~0u;
	assert_int_equal(nest(&one, VCPU_RUN, handle, 0), HG_E_ARG);
	assert_int_equal(fake_fpu, 0xbbbb);
	kid_page->run_flags = 0;
	one.page->run_flags = HG_RUN_IRQ_WINDOW;
	assert_int_equal(nest(&one, VCPU_RUN, handle, 0), HG_EXIT_INTR);
	assert_int_equal(fake_fpu, 0xbbbb);
	assert_int_equal(seen.entries, 3);
	memcpy(&area, kid->fpu + 512, 8);
	assert_int_equal(area, 0xc0de + 2);
	assert_int_equal(hg_arch_xgetbv(), hg_core.host_xcr0);
}

static void test_confidential_time(void **state)
{
	(void)state;
	start();
	one.page->dirty = HG_STATE_TIME;
	one.page->tsc_offset = 1000;
	child_will(0, 0, 0, 0);
	assert_int_equal(nest(&one, VCPU_RUN, handle, 0), HG_EXIT_HLT);
	/* Its clock is the core's affair; the parent is told how it goes by the parent's. */
	assert_int_equal(kid_page->tsc_offset, kid->tsc_offset - 1000);
}

/* The end: every page comes back, none with what was in it. */
static void test_confidential_end(void **state)
{
	u64 count = 0;
	s64 gfn;

	(void)state;
	start();
	memset(at(private(5).pfn), 0x5e, HG_PAGE_SIZE);
	memset(at(private(777).pfn), 0x5e, HG_PAGE_SIZE);
	assert_int_equal(nest(&one, VCPU_DESTROY, handle), HG_OK);
	assert_int_equal(nest(&one, DOMAIN_DESTROY, child), HG_OK);
	while ((gfn = nest(&one, DOMAIN_RECLAIM, child)) >= 0) {
		assert_false(is_away(&one, (u64)gfn));
		count++;
	}
	assert_int_equal(gfn, HG_E_HANDLE);
	assert_int_equal(count, 513 + 1 + 1 + HG_CVM_FRAMES + 8);
	assert_int_equal(away(&one), 0);
	while ((gfn = call(DOMAIN_RECLAIM, one.domain)) > 0)
		assert_true(all_zero((u64)gfn, 1));
}

#define RUN(name) cmocka_unit_test_setup_teardown(name, setup, nest_teardown)
#define CVM(name) cmocka_unit_test_setup_teardown(name, setup_cvm, nest_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_exit), RUN(test_state_groups), RUN(test_stop), RUN(test_stop_and_event),
		RUN(test_window), RUN(test_time), RUN(test_xcr0), RUN(test_insn), RUN(test_busy),
		RUN(test_cpuid_table), CVM(test_digest), CVM(test_private_pages),
		CVM(test_big_refused), CVM(test_run_confidential), CVM(test_vector_registers),
		CVM(test_confidential_time), CVM(test_confidential_end),
	};

	return nest_run(tests);
}
