// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random calls into the core, and the model of them: confidential domains. See
 * fuzz-core.c.
 */
#include "model.h"

static s64 cvm_status(const struct domain *d, u32 state)
{
	return !d || d->dying ? HG_E_HANDLE : d->cvm != state ? HG_E_STATE : HG_OK;
}

static bool lends(const struct domain *d)
{
	u32 i;

	for (i = 0; i < d->leaves; i++)
		if (d->leaf[i].kind == LENT)
			return true;
	return false;
}

static void cvm_init(struct domain *d, u64 handle)
{
	s64 want = cvm_status(d, HG_CVM_NONE), got;
	u64 i;

	if (!want && (has_vcpu(d) || lends(d)))
		want = HG_E_STATE;
	else if (!want && (!d->donated || spare_frames(d) < HG_CVM_FRAMES))
		want = HG_E_NOMEM;
	got = enter(HG_CALL_CVM_INIT, handle, 0, 0, 0, 0);
	if (want) {
		EXPECT(got, want);
		return;
	}
	EXPECT(got >= 33 && got <= 47, 1);
	d->c = 1ULL << (got - 12);
	d->cvm = HG_CVM_CREATED;
	/* The level-2 tables of the lowest 4 GiB stay, empty or not. */
	for (i = 0; i < 4; i++)
		d->leaf[d->leaves++] = (struct leaf){
			.gfn = d->c + (i << 18), .level = 2, .kind = PIN,
		};
}

static void cvm_launch(struct domain *d, u64 handle)
{
	u64 policy = bytes(1) < 8 ? wild() : bytes(4);
	s64 want = policy >> 32 ? HG_E_ARG : cvm_status(d, HG_CVM_CREATED);

	EXPECT(enter(HG_CALL_CVM_LAUNCH, handle, policy, 0, 0, 0), want);
	if (!want)
		d->cvm = HG_CVM_LAUNCHING;
}

static struct vcpu *vcpu_at(const struct domain *d, u32 index)
{
	struct vcpu *v;

	for (v = model.vcpu; v < model.vcpu + VCPUS; v++)
		if (v->handle && v->domain == d && v->index == index)
			return v;
	return NULL;
}

/* A read-only frame that nothing measured is on. */
static bool unmeasured(const struct domain *d)
{
	u64 i, j;

	for (i = 0; i < d->leaves; i++) {
		const struct leaf *l = &d->leaf[i];

		if (l->kind != OWN || (l->prot & HG_PROT_WRITE))
			continue;
		for (j = 0; j < frames_of(l->level); j++)
			if (!model.measured[l->pfn + j])
				return true;
	}
	return false;
}

static void cvm_seal(struct domain *d, u64 handle)
{
	s64 want = cvm_status(d, HG_CVM_LAUNCHING);

	if (!want && !vcpu_at(d, 0))
		want = HG_E_ABSENT;
	else if (!want && unmeasured(d))
		want = HG_E_DENIED;
	EXPECT(enter(HG_CALL_CVM_SEAL, handle, 0, 0, 0, 0), want);
	if (!want)
		d->cvm = HG_CVM_SEALED;
}

/* Only the first runs. */
static void park(const struct domain *d)
{
	struct vcpu *v;

	for (v = model.vcpu; v < model.vcpu + VCPUS; v++)
		if (v->handle && v->domain == d) {
			v->parked = v->index;
			v->reported = false;
		}
}

static void cvm_start(struct domain *d, u64 handle)
{
	s64 want = cvm_status(d, HG_CVM_SEALED);

	EXPECT(enter(HG_CALL_CVM_START, handle, 0, 0, 0, 0), want);
	if (want)
		return;
	d->cvm = HG_CVM_RUNNING;
	park(d);
}

/* The frames of a big page that was split, or all of it; true: nothing is left. */
static bool withdraw_leaf(struct domain *d, struct leaf *l, u64 gfn, u64 count)
{
	u64 i, kept = 0;

	if (l->level == 2 && !l->split) {
		drop_own(d, l);
		return true;
	}
	for (i = 0; i < frames_of(l->level); i++) {
		if (l->gone[i])
			continue;
		if (l->gfn + i < gfn || l->gfn + i >= gfn + count) {
			kept++;
			continue;
		}
		l->gone[i] = 1;
		give_up(d, l->pfn + i);
	}
	return !kept;
}

static u64 withdraw(struct domain *d, u64 gfn, u64 count)
{
	u64 before = d->donated;
	u32 i;

	for (i = 0; i < d->leaves; i++) {
		struct leaf *l = &d->leaf[i];

		if (l->kind != OWN || !(l->prot & HG_PROT_WRITE) || l->gfn >= gfn + count ||
		    l->gfn + frames_of(l->level) <= gfn)
			continue;
		if (withdraw_leaf(d, l, gfn, count))
			d->leaf[i--] = d->leaf[--d->leaves];
	}
	return d->donated - before;
}

static void cvm_reset(struct domain *d, u64 handle)
{
	s64 want = cvm_status(d, HG_CVM_RUNNING);

	if (!want && d->changeable)
		want = HG_E_DENIED;
	EXPECT(enter(HG_CALL_CVM_RESET, handle, 0, 0, 0, 0), want);
	if (want)
		return;
	withdraw(d, d->c, d->c);
	park(d);
}

/* Random ones would rarely come far in a domain's life: sometimes the next that is legal. */
void op_cvm_life(void)
{
	u64 handle, pfn = FRAMES - WORLD_RAM;
	struct domain *d = some_domain(&handle);
	u8 how = (u8)bytes(1);
	u32 which = how % 5;

	if (how & 0x80 && d) {
		which = d->cvm;
		while (!which && !d->dying && (!d->donated || spare_frames(d) < 16) &&
		       --pfn > FRAMES / 2)
			donate(d, handle, pfn);
	}
	switch (which) {
	case HG_CVM_NONE: cvm_init(d, handle); break;
	case HG_CVM_CREATED: cvm_launch(d, handle); break;
	case HG_CVM_LAUNCHING: cvm_seal(d, handle); break;
	case HG_CVM_SEALED: cvm_start(d, handle); break;
	case HG_CVM_RUNNING: cvm_reset(d, handle); break;
	}
}

static void cvm_ram(struct domain *d, u64 handle, u64 gfn, u64 count)
{
	const struct ram *last = d && d->ranges ? &d->ram[d->ranges - 1] : NULL;
	s64 want = !count ? HG_E_ARG : cvm_status(d, HG_CVM_LAUNCHING);

	if (!want && (gfn >= d->c || count > d->c - gfn))
		want = HG_E_RANGE;
	else if (!want && d->ranges == HG_CVM_RANGES)
		want = HG_E_LIMIT;
	else if (!want && last && gfn < last->gfn + last->count)
		want = HG_E_EXISTS;
	EXPECT(enter(HG_CALL_CVM_RAM, handle, gfn, count, 0, 0), want);
	if (!want)
		d->ram[d->ranges++] = (struct ram){ gfn, count };
}

void op_cvm_ram(void)
{
	u64 handle, gfn = some_gfn(1), count = bytes(1) < 16 ? wild() : bytes(2) % 1024;
	struct domain *d = some_domain(&handle);
	const struct ram *last = d && d->ranges ? &d->ram[d->ranges - 1] : NULL;

	if (bytes(1) & 1)
		gfn = last ? last->gfn + last->count + bytes(1) % 3 : 0;
	cvm_ram(d, handle, gfn, count);
}

static bool in_ram(const struct domain *d, u64 gfn, u64 count)
{
	u32 i;

	for (i = 0; i < d->ranges; i++)
		if (gfn >= d->ram[i].gfn && gfn - d->ram[i].gfn < d->ram[i].count)
			return count <= d->ram[i].count - (gfn - d->ram[i].gfn);
	return false;
}

static s64 add_status(struct domain *d, u64 gfn, u64 pfn, u64 level, u64 flags)
{
	u64 frames;

	if (level < 1 || level > 2)
		return HG_E_ARG;
	if (flags & ~1ULL)
		return HG_E_FLAGS;
	if (!d || d->dying)
		return HG_E_HANDLE;
	if (d->cvm < HG_CVM_LAUNCHING || (flags && d->cvm != HG_CVM_LAUNCHING))
		return HG_E_STATE;
	frames = frames_of((u32)level);
	if (gfn >= d->c || frames > d->c - gfn)
		return HG_E_RANGE;
	if (d->cvm != HG_CVM_LAUNCHING && !in_ram(d, gfn, frames))
		return HG_E_DENIED;
	if ((gfn | pfn) & (frames - 1))
		return HG_E_ALIGN;
	gfn |= d->c;
	if (leaf_over(d, gfn) || (level == 2 && table_exists(d, gfn, 1)))
		return HG_E_EXISTS;
	if (tables_missing(d, gfn, (u32)level) > spare_frames(d))
		return HG_E_NOMEM;
	return frames_status(pfn, frames, HG_FRAME_HOST, HG_FRAME_HOST);
}

void op_cvm_add(void)
{
	u8 pick = (u8)bytes(1);
	u64 level = pick < 4 ? wild() : pick < 48 ? 2 : 1, flags = pick % 8 == 7, handle;
	u32 near = level == 2 ? 2 : 1;
	u64 gfn = some_gfn(near), pfn = some_pfn(near);
	struct domain *d = some_domain(&handle);
	s64 want;

	if (pick == 255)
		flags = wild();
	if (d && d->leaves == LEAVES)
		return;
	want = add_status(d, gfn, pfn, level, flags);
	if (!want)
		plant(pfn, frames_of((u32)level));	/* not for the guest to see */
	EXPECT(enter(HG_CALL_CVM_ADD, handle, gfn, pfn, level, flags), want);
	if (want)
		return;
	d->leaf[d->leaves++] = (struct leaf){
		.gfn = gfn | d->c, .pfn = pfn, .level = (u32)level, .kind = OWN,
		.prot = flags ? HG_PROT_READ | HG_PROT_EXEC : HG_PROT_ALL,
	};
	EXPECT(all_zero(pfn, frames_of((u32)level)), 1);
	set_frames(pfn, frames_of((u32)level), HG_FRAME_PRIVATE);
	memset(&model.measured[pfn], 0, frames_of((u32)level) * sizeof(*model.measured));
}

static u16 blocks(u64 gpa, u64 length)
{
	u64 first = gpa % HG_PAGE_SIZE / BLOCK, last = (gpa % HG_PAGE_SIZE + length - 1) / BLOCK;
	u16 mask = 0;

	for (; first <= last; first++)
		mask |= (u16)(1 << first);
	return mask;
}

struct load {
	u64 gpa, source, offset, length, type;
};

static s64 load_status(struct domain *d, const struct load *l, const struct leaf **leaf, u64 *pfn)
{
	s64 status;

	if (l->offset >= HG_PAGE_SIZE || !l->length || l->length > HG_PAGE_SIZE - l->offset ||
	    l->length > HG_PAGE_SIZE - l->gpa % HG_PAGE_SIZE || l->type > HG_LOAD_SECRET)
		return HG_E_ARG;
	status = cvm_status(d, l->type ? HG_CVM_SEALED : HG_CVM_LAUNCHING);
	if (status)
		return status;
	if (l->gpa >> 12 >= d->c)
		return HG_E_RANGE;
	*leaf = leaf_over(d, l->gpa >> 12 | d->c);
	if (!*leaf)
		return HG_E_ABSENT;
	*pfn = (*leaf)->pfn + ((l->gpa >> 12 | d->c) - (*leaf)->gfn);
	if (l->type && (model.measured[*pfn] & blocks(l->gpa, l->length)))
		return HG_E_DENIED;
	return frames_status(l->source, 1, HG_FRAME_HOST, HG_FRAME_LENT);
}

void op_cvm_load(void)
{
	u64 handle, pfn = 0;
	struct domain *d = some_domain(&handle);
	struct load l = { .source = some_pfn(1), .type = bytes(1) % 33 / 16 };
	const struct leaf *leaf = NULL;
	s64 want;

	/* Mostly into a page that is there. */
	if (d && d->leaves && bytes(1) % 8)
		leaf = &d->leaf[bytes(1) % d->leaves];
	l.gpa = (leaf && leaf->kind == OWN ? leaf->gfn ^ d->c : some_gfn(1)) << 12;
	l.gpa += bytes(2) % (bytes(1) % 8 ? BLOCK : HG_PAGE_SIZE);
	l.offset = bytes(2) % (bytes(1) % 8 ? BLOCK : 0x10000);
	l.length = bytes(2) % (bytes(1) % 8 ? 1024 : 0x10000);
	want = load_status(d, &l, &leaf, &pfn);
	EXPECT(enter(HG_CALL_CVM_LOAD, handle, l.gpa, l.source, l.offset | l.length << 16, l.type),
	       want);
	if (want)
		return;
	EXPECT(memcmp((u8 *)at(pfn) + l.gpa % HG_PAGE_SIZE, (u8 *)at(l.source) + l.offset,
		      l.length), 0);
	if (l.type == HG_LOAD_SECRET)
		return;
	model.measured[pfn] |= blocks(l.gpa, l.length);
	d->changeable += !!(leaf->prot & HG_PROT_WRITE);
}

void op_cvm_report(void)
{
	u64 handle, pfn = some_pfn(1);
	struct domain *d = some_domain(&handle);
	const struct hg_cvm_report *report;
	s64 want = !d ? HG_E_HANDLE : !d->cvm ? HG_E_STATE :
		   frames_status(pfn, 1, HG_FRAME_HOST, HG_FRAME_HOST);

	EXPECT(enter(HG_CALL_CVM_REPORT, handle, pfn, 0, 0, 0),
	       want ? want : (s64)sizeof(*report));
	if (want)
		return;
	report = at(pfn);
	EXPECT(report->state, d->cvm);
	EXPECT(report->handle, handle);
}

/* The guest makes pages shared, by its hypercall; at most as many as one step does. */
static u64 convert_gfn, convert_count;

static int converts(struct hg_vcpu *v, struct hg_cpu *cpu)
{
	(void)cpu;
	fake.enter = NULL;
	v->gpr[HG_RAX] = 12;
	v->gpr[HG_RBX] = convert_gfn << 12;
	v->gpr[HG_RCX] = convert_count;
	v->gpr[HG_RDX] = 0;
	return hg_cvm_hypercall(v, 3);
}

/* The big page under @gfn becomes small ones, if there is a table for them. */
static bool split(struct domain *d, u64 gfn)
{
	struct leaf *l = leaf_over(d, gfn);

	if (!l || l->level != 2 || l->split)
		return true;
	if (!spare_frames(d))
		return false;
	l->split = true;
	return true;
}

static s64 convert_status(struct domain *d)
{
	u64 first = convert_gfn | d->c, end = first + convert_count;

	if (!convert_count)
		return HG_EXIT_HLT;
	if ((first % 512 && !split(d, first)) || (end % 512 && !split(d, end - 1)))
		return HG_EXIT_FRAMES;
	return withdraw(d, first, convert_count) ? HG_EXIT_CONVERTED : HG_EXIT_HLT;
}

void op_convert(void)
{
	u64 handle;
	struct vcpu *v = some_vcpu(&handle);
	const struct leaf *l;
	struct domain *d;

	if (!v || v->domain->cvm != HG_CVM_RUNNING || v->parked)
		return;
	d = v->domain;
	convert_gfn = bytes(2) % 2048;
	l = &d->leaf[bytes(1) % d->leaves];	/* it has pins at least */
	if (bytes(1) % 4 && l->kind == OWN && (l->gfn ^ d->c) < 2048)
		convert_gfn = (l->gfn ^ d->c) + bytes(2) % frames_of(l->level);
	convert_count = bytes(1) % 4 ? bytes(1) % 64 : bytes(2) % 1025;
	memset(at(v->page), 0, HG_OFFSETOF(struct hg_vcpu_page, exit));
	fake.guest.efer = HG_EFER_LMA;
	fake.enter = converts;
	EXPECT(enter(HG_CALL_VCPU_RUN, handle, 0, 0, 0, 0), convert_status(d));
	EXPECT(fake.enter == NULL, 1);
	fake.guest.efer = 0;
}

/* --- reports --- */

static struct {
	u64 nr, offset, data;
	bool done;
	s64 answer;
	u64 words[8];
} report;

static const u8 carriers[8] = {
	HG_RBX, HG_RCX, HG_RDX, HG_RSI, HG_RDI, HG_R8, HG_R9, HG_R10,
};

static int reports(struct hg_vcpu *v, struct hg_cpu *cpu)
{
	u64 rip = v->rip, i;
	int exit;

	(void)cpu;
	if (report.done)
		return HG_EXIT_HLT;
	v->gpr[HG_RAX] = HG_REPORT_CALL | report.nr;
	for (i = 0; i < 8; i++)
		v->gpr[carriers[i]] = report.nr ? 0 : report.data + i;
	if (report.nr)
		v->gpr[HG_RBX] = report.offset;
	exit = hg_cvm_hypercall(v, 3);
	report.done = v->rip == rip + 3;
	report.answer = (s64)v->gpr[HG_RAX];
	for (i = 0; i < 8; i++)
		report.words[i] = v->gpr[carriers[i]];
	EXPECT(exit, report.done ? -1 : HG_EXIT_REPORT);
	return exit;
}

static void read_report(const struct vcpu *v)
{
	s64 want = !v->reported ? HG_E_ABSENT : report.offset % 64 ? HG_E_ALIGN :
		   report.offset >= 368 ? HG_E_RANGE : HG_OK;
	u64 i;

	EXPECT(report.done, 1);
	EXPECT(report.answer, want);
	/* Bytes 104 to 167 are what it asked for. */
	for (i = 0; !want && report.offset == 64 && i < 3; i++)
		EXPECT(report.words[5 + i], v->data + i);
}

/* Its answer when the port has said @says; the rate is not the model's. */
static void ask_report(struct vcpu *v, u64 handle, s64 exit)
{
	static const s64 says[] = { 0, 0, 64, 0, 96, -1, HG_E_BUSY, 1000 };
	s64 said = says[bytes(1) % 8];

	if (exit == HG_EXIT_HLT) {
		EXPECT(report.answer, model.key ? HG_E_BUSY : HG_E_UNSUPPORTED);
		return;
	}
	EXPECT(exit, HG_EXIT_REPORT);
	EXPECT(model.key, 1);
	v->reported = false;
	fake_key.answer = said;
	if (bytes(1) % 8)
		EXPECT(hg_core_sign(handle), HG_OK);
	else
		said = 1;	/* nobody signs, and nobody asks again */
	EXPECT(enter(HG_CALL_VCPU_RUN, handle, 0, 0, 0, 0),
	       said == 1 ? HG_EXIT_REPORT : HG_EXIT_HLT);
	if (said == 1)
		return;
	v->reported = !said || said == 64;
	v->data = report.data;
	EXPECT(report.answer, v->reported ? 368 : said == HG_E_BUSY ? said : HG_E_UNSUPPORTED);
}

void op_report(void)
{
	u64 handle;
	struct vcpu *v = some_vcpu(&handle);
	static u64 asked;
	s64 exit;

	if (!v || v->domain->cvm != HG_CVM_RUNNING || v->parked)
		return;
	memset(&report, 0, sizeof(report));
	report.nr = bytes(1) & 1;
	report.offset = bytes(1) % 8 ? bytes(1) % 8 * 64 : wild();
	report.data = asked += 16;
	memset(at(v->page), 0, HG_OFFSETOF(struct hg_vcpu_page, exit));
	fake.enter = reports;
	exit = enter(HG_CALL_VCPU_RUN, handle, 0, 0, 0, 0);
	if (report.nr) {
		EXPECT(exit, HG_EXIT_HLT);
		read_report(v);
	} else {
		ask_report(v, handle, exit);
	}
	fake.enter = NULL;
}

/* Nobody in the guest has ever sent a start-up IPI. */
void op_startup(void)
{
	u64 handle, vector = bytes(1) < 8 ? wild() : bytes(1);
	struct vcpu *v = some_vcpu(&handle);

	EXPECT(enter(HG_CALL_VCPU_STARTUP, handle, vector, 0, 0, 0),
	       vector > 0xff ? HG_E_ARG : !v ? HG_E_HANDLE :
	       v->domain->cvm == HG_CVM_RUNNING ? HG_E_DENIED : HG_E_STATE);
}

void prelude(u32 state)
{
	struct domain *d = model.domain;
	u64 pfn = FRAMES / 2 - 32, i;

	create(pfn, 0);
	for (i = 8 + bytes(1) % 8; i; i--)
		donate(d, (u64)d->handle, --pfn);
	cvm_init(d, (u64)d->handle);
	cvm_launch(d, (u64)d->handle);
	cvm_ram(d, (u64)d->handle, 0, 1024 + bytes(1));
	for (i = 0; i < 2; i++) {
		pfn -= HG_VCPU_FRAMES + 1;
		vcpu_create(d, (u64)d->handle, pfn, pfn + 1);
	}
	for (i = bytes(1) % 16; i; i--)
		op_cvm_add();
	for (i = bytes(1) % 4; i; i--)
		op_cvm_load();
	if (state >= HG_CVM_SEALED)
		cvm_seal(d, (u64)d->handle);
	if (state >= HG_CVM_RUNNING)
		cvm_start(d, (u64)d->handle);
}
