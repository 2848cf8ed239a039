// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random calls by the kernels of two guests that have guests, and by the host, plausible
 * and hostile ones, with an L0 that answers as it should or as it likes. There is no
 * model of what each must answer; but after each call the core's audit holds, and:
 *
 *	- whatever any table maps is lent, or private to that domain, or a control page
 *	  that its parent sees;
 *	- for every page that a guest gave away there is one frame of a child's, and
 *	  every page is in exactly one list.
 *
 * At the end all children are purged, and everything is the host's again.
 *
 * How it is run: main.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../unit/core/world.h"
#include "input.h"

#define FRAMES		2048ULL
#define SMALL		48		/* gfns that calls meet at; frames from @base */
#define BIG_GFN		512ULL		/* 2 MiB in one piece at first, the first guest's */
#define BIG_PFN		512ULL
#define BIG_SPARE	1024ULL		/* and one that the host can give */
#define HANDLES		12
#define EXITS		24		/* until a call is given up */

#define CHECK(c)							\
	do {								\
		if (!(c)) {						\
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #c); \
			abort();					\
		}							\
	} while (0)

static u64 calls_made, answers;

struct l1 {
	u64 domain, handle[2], base;
	u64 child[HANDLES], vcpu[HANDLES];	/* that it has got; some are gone */
};
static struct l1 guests[2], *current;

/* The call under way. */
static struct {
	u64 nr, arg[5];
	bool done;
	s64 result;
} asked;

static u64 wild(void)
{
	u8 how = (u8)bytes(1);

	return how % 4 == 0 ? ~0ULL - how / 4 % 8 : how % 4 == 1 ? 1ULL << how / 4 : bytes(how % 8);
}

/* --- what must hold --- */

static void check_leaf(const struct hg_domain *domain, u64 gfn, u64 pfn, u64 entry)
{
	u64 c_gfn = domain->c_mask >> HG_PAGE_SHIFT;
	struct hg_frame frame;

	CHECK(pfn < FRAMES);
	frame = world.table[pfn];
	if (entry & HG_NPT_FIXED) {
		CHECK(!domain->parent && frame.state == HG_FRAME_CONTROL);
		CHECK(frame.owner != domain->handle);
	} else if (c_gfn && gfn >= c_gfn) {
		CHECK(frame.state == HG_FRAME_PRIVATE && frame.owner == domain->handle);
	} else {
		CHECK(frame.state == HG_FRAME_LENT);
	}
}

static void check_table(const struct hg_domain *domain, u64 table, u32 level, u64 base)
{
	u64 present = hg_core.backend == &fake_backend_ept ? 7 : 1, i, j;

	CHECK(record(table).state == HG_FRAME_CORE && record(table).owner == domain->handle);
	for (i = 0; i < 512; i++) {
		u64 entry = ((u64 *)at(table))[i], gfn = base + (i << 9 * (level - 1));
		u64 pfn = (entry & 0x000ffffffffff000ULL) >> 12;

		if (!(entry & present))
			continue;
		if (level > 1 && !(entry & 0x80)) {
			check_table(domain, pfn, level - 1, gfn);
			continue;
		}
		for (j = 0; j < 1ULL << 9 * (level - 1); j++)
			check_leaf(domain, gfn + j, pfn + j, entry);
	}
}

static u64 entry_at(const struct hg_domain *domain, u64 gfn)
{
	u64 table = domain->root, entry = 0;
	u32 level;

	for (level = 4; level; level--) {
		entry = ((u64 *)at(table))[gfn >> 9 * (level - 1) & 511];
		table = (entry & 0x000ffffffffff000ULL) >> 12;
	}
	return entry;
}

/* Frames by the slot of their owner's handle: control pages, and all others. */
static struct {
	u64 frames, control;
} owned[256];

static void count_owned(void)
{
	u64 i;

	memset(owned, 0, sizeof(owned));
	for (i = 0; i < FRAMES; i++) {
		struct hg_frame frame = world.table[i];

		if (!frame.owner)
			continue;
		CHECK(hg_core.domains[(frame.owner & 0xff) - 1].domain->handle == frame.owner);
		if (frame.state == HG_FRAME_CONTROL)
			owned[frame.owner & 0xff].control++;
		else
			owned[frame.owner & 0xff].frames++;
	}
}

/* Frames of the child's, and pages that its parent gave for them. -> pages */
static u64 check_child(const struct hg_domain *parent, const struct hg_domain *child)
{
	u64 frames = owned[child->handle & 0xff].frames, listed = 0, next;
	u64 control = owned[child->handle & 0xff].control;

	for (next = child->away; next; listed++) {
		u64 entry = entry_at(parent, next - 1);

		CHECK(listed < FRAMES);
		CHECK((entry & 0xfff) == HG_NPT_AWAY);
		next = (entry & 0x000ffffffffff000ULL) >> 12;
	}
	CHECK(control == child->stat[HG_DOMAIN_STAT_VCPUS]);
	CHECK(frames == listed + HG_VCPU_FRAMES * control);
	return listed + (HG_VCPU_FRAMES + 1) * control;
}

static void check_parent(const struct hg_domain *parent)
{
	u64 gone = 0, children = 0, vcpus = 0;
	u32 i;

	for (i = 0; i < HG_MAX_DOMAINS; i++) {
		const struct hg_domain *child = hg_core.domains[i].domain;

		if (!child || child->parent != parent->handle)
			continue;
		gone += check_child(parent, child);
		vcpus += child->stat[HG_DOMAIN_STAT_VCPUS];
		children++;
	}
	CHECK(parent->nest.away == gone);
	CHECK(parent->nest.domains == children);
	CHECK(parent->nest.vcpus == vcpus);
}

static void check(void)
{
	u32 i;

	calls_made++;	/* and the core has looked at itself already: see hg_core_audit_some() */
	count_owned();
	for (i = 0; i < HG_MAX_DOMAINS; i++) {
		const struct hg_domain *domain = hg_core.domains[i].domain;

		if (domain && domain->root)
			check_table(domain, domain->root, 4, 0);
		if (domain && !domain->parent)
			check_parent(domain);
	}
}

/* --- L0 --- */

static u64 host_frame(void)
{
	u64 pfn;

	for (pfn = WORLD_FREE + 2 * SMALL; pfn < FRAMES - WORLD_RAM; pfn++)
		if ((pfn < BIG_PFN || pfn >= BIG_SPARE + 512) && record(pfn).state == HG_FRAME_HOST)
			return pfn;
	return 0;
}

static void l0_frames(struct l1 *l)
{
	struct hg_vcpu_page *page = vcpu_of(l->handle[0])->page;
	u32 count = page->frames.count > 16 ? 16 : page->frames.count;

	if (page->frames.big) {
		if (call(DOMAIN_DONATE, l->domain, BIG_SPARE, 1) < 0)
			page->reply = HG_REPLY_FAULT;
		return;
	}
	while (count--)
		if (call(DOMAIN_DONATE, l->domain, host_frame()) < 0)
			page->reply = HG_REPLY_FAULT;
}

/* The frame behind @gfn; 0: none. */
static u64 behind(const struct l1 *l, u64 gfn)
{
	if (gfn - BIG_GFN < 512)
		return l == guests ? BIG_PFN + gfn - BIG_GFN : 0;
	return gfn < SMALL ? l->base + gfn : 0;
}

/* And some neighbours, so that 512 of them do not take as many exits. */
static void l0_page(struct l1 *l)
{
	struct hg_vcpu_page *page = vcpu_of(l->handle[0])->page;
	u64 gfn = page->npf.gpa >> HG_PAGE_SHIFT, i;

	if (!behind(l, gfn)) {
		page->reply = HG_REPLY_MMIO;
		return;
	}
	if (gfn >= BIG_GFN && !call(MAP, l->domain, BIG_GFN, BIG_PFN, 2, HG_PROT_ALL))
		return;
	while (call(MAP, l->domain, gfn, behind(l, gfn), 1, HG_PROT_ALL) == HG_E_NOMEM)
		if (call(DOMAIN_DONATE, l->domain, host_frame()) < 0)
			return;
	for (i = gfn + 1; gfn >= BIG_GFN && i % 16; i++)
		call(MAP, l->domain, i, behind(l, i), 1, HG_PROT_ALL);
}

static void host_op(void);

/* All that may go on while the port signs, or before. */
static void while_signing(void)
{
	host_op();
	check();
}

static void l0_sign(struct l1 *l)
{
	u8 how = (u8)bytes(1);

	fake_key.answer = how < 32 ? (s8)bytes(1) : 0;
	fake_key.meanwhile = how & 1 ? while_signing : NULL;
	if (how & 2)
		while_signing();
	CHECK(hg_core_sign(l->handle[0]) == HG_OK);
}

static void l0(struct l1 *l, s64 exit)
{
	struct hg_vcpu_page *page = vcpu_of(l->handle[0])->page;
	u8 how = (u8)bytes(1);

	if (how < 16) {			/* not what was asked for */
		page->reply = how % 5;
		page->run_flags = how & 7 ? 0 : HG_RUN_IRQ_WINDOW;
		return;
	}
	page->run_flags = 0;
	if (exit == HG_EXIT_REPORT)
		l0_sign(l);
	else if (exit == HG_EXIT_FRAMES)
		l0_frames(l);
	else if (exit == HG_EXIT_NPF)
		l0_page(l);
}

/* --- calls of a guest's --- */

static void learn(struct l1 *l, u64 nr, s64 result)
{
	u64 slot = bytes(1) % HANDLES;

	if (result >= 0)
		answers++;
	if (nr == HG_CALL_DOMAIN_CREATE && result > 0)
		l->child[slot] = (u64)result;
	if (nr == HG_CALL_VCPU_CREATE && result > 0)
		l->vcpu[slot] = (u64)result;
}

static int one_call(struct hg_vcpu *v, u64 nr, const u64 *arg)
{
	static const u8 reg[5] = { HG_RBX, HG_RCX, HG_RDX, HG_RSI, HG_RDI };
	u32 i;

	v->gpr[HG_RAX] = HG_NEST_CALL | nr;
	for (i = 0; i < 5; i++)
		v->gpr[reg[i]] = arg[i];
	return hg_nest_call(v, 3);
}

static void choose(u64 *nr, u64 *arg);

/* Another vCPU of the same guest, or the host, while the child runs. */
static void meanwhile(void)
{
	struct hg_vcpu *other = vcpu_of(current->handle[1]);
	u64 arg[5], nr;

	if (bytes(1) & 1) {
		choose(&nr, arg);
		if (nr != HG_CALL_VCPU_RUN)
			one_call(other, nr, arg);
	} else {
		host_op();
	}
	check();
}

/* A confidential child asks for a report, or reads one. */
static int child_reports(struct hg_vcpu *v)
{
	u64 rip = v->rip;
	int exit;

	v->gpr[HG_RAX] = HG_REPORT_CALL | (bytes(1) % 8 < 5 ? 0 : bytes(1) % 4);
	v->gpr[HG_RBX] = bytes(1) % 8 * (bytes(1) % 4 ? 64 : 17);
	exit = hg_cvm_hypercall(v, 3);
	CHECK(exit < 0 ? v->rip == rip + 3 : exit == HG_EXIT_REPORT && v->rip == rip);
	return exit < 0 ? HG_EXIT_HLT : exit;
}

static int child_enter(struct hg_vcpu *v)
{
	static const u8 ends[] = {
		HG_EXIT_INTR, HG_EXIT_IO, HG_EXIT_NMI, HG_EXIT_HLT, HG_EXIT_MSR_READ,
		HG_EXIT_NPF, HG_EXIT_SHUTDOWN, HG_EXIT_MMIO,
	};
	u8 how = (u8)bytes(1);

	if (how < 64)
		meanwhile();
	fake_fpu = 0x5ec4e7;
	if (hg_confidential(v) && how % 4 == 3)
		return child_reports(v);
	if (hg_confidential(v) && how & 1) {
		v->gpr[HG_RAX] = 12;
		v->gpr[HG_RBX] = bytes(2) << 12;
		v->gpr[HG_RCX] = bytes(1) + 1;
		v->gpr[HG_RDX] = 0;
		return hg_cvm_hypercall(v, 3) < 0 ? HG_EXIT_HLT : HG_EXIT_CONVERTED;
	}
	return ends[how / 2 % sizeof(ends)];
}

static int enter(struct hg_vcpu *v, struct hg_cpu *cpu)
{
	u64 rip = v->rip;
	int exit;

	(void)cpu;
	if (v->domain->parent)
		return child_enter(v);
	if (asked.done)
		return HG_EXIT_HLT;
	fake_fpu = 0x11;
	exit = one_call(v, asked.nr, asked.arg);
	CHECK(fake_fpu == 0x11 || asked.nr == HG_CALL_VCPU_RUN);
	asked.done = v->rip != rip;
	asked.result = (s64)v->gpr[HG_RAX];
	return exit;
}

static u64 some_gfn(void)
{
	u8 how = (u8)bytes(1);

	return how < 8 ? wild() : how < 48 ? BIG_GFN + bytes(2) % 512 : how % SMALL;
}

static u64 some_child(void)
{
	u8 how = (u8)bytes(1);
	struct l1 *other = &guests[current == guests];

	if (how < 4)
		return wild();
	if (how < 8)
		return how & 1 ? current->domain : other->domain;
	return (how < 16 ? other : current)->child[how % HANDLES];
}

static u64 some_vcpu(void)
{
	u8 how = (u8)bytes(1);
	struct l1 *other = &guests[current == guests];

	if (how < 4)
		return wild();
	if (how < 8)
		return current->handle[how & 1];
	return (how < 16 ? other : current)->vcpu[how % HANDLES];
}

/* What each argument is: child, vCPU, gfn, level, bits, small number, a whole range. */
static const char *const kinds[HG_CALL_COUNT] = {
	[HG_CALL_VERSION] = "", [HG_CALL_DOMAIN_CREATE] = "g", [HG_CALL_DOMAIN_DESTROY] = "c",
	[HG_CALL_DOMAIN_DONATE] = "cg", [HG_CALL_DOMAIN_RECLAIM] = "c",
	[HG_CALL_DOMAIN_STAT] = "cn", [HG_CALL_MAP] = "cgglb", [HG_CALL_UNMAP] = "cgn",
	[HG_CALL_PROTECT] = "cgn", [HG_CALL_AGE] = "cgn", [HG_CALL_VCPU_CREATE] = "cgg",
	[HG_CALL_VCPU_DESTROY] = "v", [HG_CALL_VCPU_RUN] = "v", [HG_CALL_VCPU_FETCH] = "vn",
	[HG_CALL_VCPU_SET_CPUID] = "vgn", [HG_CALL_VCPU_DUMP] = "vg", [HG_CALL_FRAME_STAT] = "n",
	[HG_CALL_VCPU_INSN] = "vn", [HG_CALL_CVM_INIT] = "c", [HG_CALL_CVM_LAUNCH] = "cn",
	[HG_CALL_CVM_RAM] = "cgr", [HG_CALL_CVM_ADD] = "caglz", [HG_CALL_CVM_LOAD] = "cpgw",
	[HG_CALL_CVM_SEAL] = "c", [HG_CALL_CVM_START] = "c", [HG_CALL_CVM_REPORT] = "cg",
	[HG_CALL_CVM_RESET] = "c", [HG_CALL_VCPU_STARTUP] = "vn", [HG_CALL_DOMAIN_PURGE] = "zn",
};

static u64 argument(char kind)
{
	switch (kind) {
	case 'c': return some_child();
	case 'v': return some_vcpu();
	case 'g': return some_gfn();
	case 'a': return bytes(1) % 4 * 512 + bytes(1) % 8;
	case 'p': return (bytes(1) % 4 * 512 + bytes(1) % 8) << 12;
	case 'l': return bytes(1) % 16 < 14 ? 1 : bytes(1) % 4;
	case 'b': return bytes(1) % 8 | 1;
	case 'n': return bytes(1) % 16 ? bytes(1) % 64 : wild();
	case 'r': return 2048;
	case 'w': return 256 << 16;
	}
	return 0;
}

/* The longer a call needs for its preparation, the oftener. */
static const u8 often[] = {
	HG_CALL_DOMAIN_CREATE, HG_CALL_DOMAIN_DONATE, HG_CALL_DOMAIN_DONATE,
	HG_CALL_DOMAIN_DONATE, HG_CALL_DOMAIN_RECLAIM, HG_CALL_MAP, HG_CALL_MAP,
	HG_CALL_VCPU_CREATE, HG_CALL_VCPU_CREATE, HG_CALL_VCPU_RUN, HG_CALL_VCPU_RUN,
	HG_CALL_CVM_ADD, HG_CALL_CVM_ADD, HG_CALL_CVM_INIT, HG_CALL_CVM_LAUNCH, HG_CALL_CVM_LOAD,
};

static void choose(u64 *nr, u64 *arg)
{
	u8 how = (u8)bytes(1);
	const char *kind;
	u32 i;

	*nr = how < 160 ? often[how % sizeof(often)] : how % HG_CALL_COUNT;
	kind = kinds[*nr];
	for (i = 0; i < 5; i++)
		arg[i] = *kind ? argument(*kind++) : 0;
	if (how < 250)
		return;
	arg[how % 5] = wild();
	*nr = how & 1 ? bytes(2) : *nr;
}

static void run_call(struct l1 *l)
{
	s64 exit;
	u32 i;

	current = l;
	asked.done = false;
	fake.enter = enter;
	for (i = 0; i < EXITS && !asked.done; i++) {
		exit = call(VCPU_RUN, l->handle[0], 0);
		check();
		if (asked.done)
			break;
		if (exit < 0)
			return;
		l0(l, exit);
	}
	if (asked.done)
		learn(l, asked.nr, asked.result);
}

static s64 plain(struct l1 *l, u64 nr, u64 a, u64 b, u64 c, u64 d)
{
	memset(&asked, 0, sizeof(asked));
	asked.nr = nr;
	asked.arg[0] = a;
	asked.arg[1] = b;
	asked.arg[2] = c;
	asked.arg[3] = d;
	run_call(l);
	return asked.done ? asked.result : HG_E_ABSENT;
}

static void guest_op(void)
{
	struct l1 *l = &guests[bytes(1) & 1];

	current = l;
	memset(&asked, 0, sizeof(asked));
	choose(&asked.nr, asked.arg);
	fake.guest.cpl = bytes(1) < 4 ? 3 : 0;
	run_call(l);
	fake.guest.cpl = 0;
}

/* --- the host --- */

static u64 some_pfn(void)
{
	u8 how = (u8)bytes(1);

	return how < 8 ? wild() : how < 128 ? guests[how & 1].base + bytes(1) % SMALL :
	       bytes(2) % FRAMES;
}

static void reclaim(u64 domain)
{
	s64 pfn = call(DOMAIN_RECLAIM, domain);

	if (pfn > 0) {
		CHECK(record((u64)pfn).state == HG_FRAME_HOST);
		CHECK(all_zero((u64)pfn, 1));
	}
}

static void host_op(void)
{
	struct l1 *l = &guests[bytes(1) & 1];
	u64 gfn = some_gfn();

	switch (bytes(1) % 12) {
	case 0: case 1:
		call(UNMAP, l->domain, gfn, bytes(1));
		break;
	case 2:
		call(PROTECT, l->domain, gfn, bytes(1));
		break;
	case 3:
		call(MAP, l->domain, gfn, some_pfn(), 1, bytes(1) % 8 | 1);
		break;
	case 4:
		call(MAP, l->domain, gfn & ~511ULL, some_pfn() & ~511ULL, 2, HG_PROT_ALL);
		break;
	case 5:
		call(DOMAIN_DONATE, l->domain, some_pfn(), bytes(1) % 8 == 0);
		break;
	case 6: case 7:
		reclaim(l->domain);
		break;
	case 8:
		call(DOMAIN_PURGE, bytes(1) < 250 ? l->domain : some_child(), bytes(1) % 8);
		break;
	case 9:
		call(AGE, l->domain, gfn, bytes(1), bytes(1) & 1);
		break;
	case 10:
		call(DOMAIN_DESTROY, bytes(1) & 1 ? l->domain : some_child());
		break;
	case 11:			/* its vCPUs forget, so what waits for them comes free */
		vcpu_of(l->handle[1])->tlb_seen = domain_of(l->domain)->tlb_gen;
		break;
	}
}

/* --- the beginning and the end --- */

static void make_guest(struct l1 *l, u64 base)
{
	u32 i;

	memset(l, 0, sizeof(*l));
	l->base = base;
	l->domain = (u64)call(DOMAIN_CREATE, host_frame(), HG_DOMAIN_NESTING);
	for (i = 0; i < 8; i++)
		CHECK(call(DOMAIN_DONATE, l->domain, host_frame()) == i);
	for (i = 0; i < 2; i++) {
		u64 page = host_frame(), first;

		for (first = page + 1; record(first).state != HG_FRAME_HOST; first++)
			;
		l->handle[i] = (u64)call(VCPU_CREATE, l->domain, page, first);
		CHECK((s64)l->handle[i] > 0);
		vcpu_of(l->handle[i])->cpu = &world.cpus[i];
	}
}

/* A child that is confidential and runs, or one that is ordinary. */
static void prelude(struct l1 *l, bool confidential)
{
	u64 gfn = 0, child, vcpu, i;
	s64 got;

	got = plain(l, HG_CALL_DOMAIN_CREATE, gfn++, 0, 0, 0);
	if (got <= 0)
		return;
	child = (u64)got;
	l->child[0] = child;
	for (i = 0; i < 12; i++)
		plain(l, HG_CALL_DOMAIN_DONATE, child, gfn++, 0, 0);
	if (confidential) {
		plain(l, HG_CALL_CVM_INIT, child, 0, 0, 0);
		plain(l, HG_CALL_CVM_LAUNCH, child, 1, 0, 0);
		plain(l, HG_CALL_CVM_RAM, child, 0, 2048, 0);
	}
	got = plain(l, HG_CALL_VCPU_CREATE, child, gfn, gfn + 1, 0);
	if (got <= 0)
		return;
	vcpu = (u64)got;
	l->vcpu[0] = vcpu;
	if (!confidential)
		return;
	plain(l, HG_CALL_CVM_ADD, child, 0, gfn + 8, 1);
	plain(l, HG_CALL_CVM_ADD, child, 512, BIG_GFN, 2);
	plain(l, HG_CALL_CVM_SEAL, child, 0, 0, 0);
	plain(l, HG_CALL_CVM_START, child, 0, 0, 0);
}

static void finish(struct l1 *l)
{
	s64 left_, pfn;
	u32 steps = 0;

	do {
		left_ = call(DOMAIN_PURGE, l->domain, 100);
		check();
		CHECK(left_ >= 0 && steps++ < 100);
	} while (left_);
	CHECK(domain_of(l->domain)->nest.away == 0);
	CHECK(domain_of(l->domain)->nest.domains == 0 && domain_of(l->domain)->nest.vcpus == 0);
	CHECK(call(VCPU_DESTROY, l->handle[0]) == HG_OK);
	CHECK(call(VCPU_DESTROY, l->handle[1]) == HG_OK);
	CHECK(call(DOMAIN_DESTROY, l->domain) == HG_OK);
	/* Not by hg_call(): an audit for each of so many frames would take too long. */
	while ((pfn = hg_do_domain_reclaim(0, l->domain, 0, 0, 0, 0)) > 0)
		CHECK(all_zero((u64)pfn, 1));
	CHECK(pfn == HG_E_HANDLE);
}

void one_input(void)
{
	u8 how;

	how = (u8)bytes(1);
	world_start(FRAMES, how & 1 ? WORLD_EPT : WORLD_NPT);
	CHECK(hg_core_cpu_on(0, FRAMES - WORLD_RAM - 1) == HG_OK);
	fake.guest.efer = HG_EFER_LMA | HG_EFER_LME;
	fake.segment[HG_SEG_CS].attr = HG_SEG_L;
	if (how & 96)
		fake_key_give(HG_REPORT_P256, 0);
	make_guest(&guests[0], WORLD_FREE);
	make_guest(&guests[1], WORLD_FREE + SMALL);
	if (how & 2)
		prelude(&guests[0], how & 4);
	if (how & 8)
		prelude(&guests[1], how & 16);
	while (input_left()) {
		if (bytes(1) % 5)
			guest_op();
		else
			host_op();
		check();
	}
	finish(&guests[0]);
	finish(&guests[1]);
	world_stop();
}

void summary(u64 inputs)
{
	printf("\nfuzz-nest: %llu inputs, %llu calls, %llu of them granted\n", inputs, calls_made,
	       answers);
}
