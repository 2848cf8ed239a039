// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random sequences of calls into the core, beside a model that says what each
 * must answer: frames with states, domains with lists of mappings, confidential
 * ones with the state of their life. After each call the core's audit looks at
 * everything, and at the end the tables are read as the CPU reads them and
 * compared with the model.
 *
 * How it is run: main.c.
 */
#include "model.h"

struct model model;

static u64 calls_made;

s64 enter(u64 nr, u64 a, u64 b, u64 c, u64 d, u64 e)
{
	s64 status = hg_call(nr, a, b, c, d, e);

	calls_made++;
	hg_core_audit();
	return status;
}

/* --- what the bytes choose: mostly sensible, sometimes anything --- */

u64 wild(void)
{
	switch (bytes(1) % 6) {
	case 0:
		return ~0ULL;
	case 1:
		return 1ULL << bytes(1) % 64;
	case 2:
		return FRAMES - 1 + bytes(1) % 3;
	default:
		return bytes(8);
	}
}

u64 some_pfn(u32 level)
{
	u8 how = (u8)bytes(1);

	if (how < 8)
		return wild();
	if (level > 1)
		return bytes(1) % 4 << 9;
	if (how < 160)		/* a few frames, so that calls meet */
		return WORLD_FREE + bytes(1) % 96;
	return bytes(2) % FRAMES;
}

u64 some_gfn(u32 level)
{
	u8 how = (u8)bytes(1);

	if (how < 8)
		return wild();
	if (level == 3)
		return bytes(1) % 3 << 18;
	if (level == 2)
		return bytes(1) % 6 << 9;
	if (how < 32)
		return (1ULL << 36) - 1 - bytes(1) % 4;
	if (how < 64)
		return (1ULL << 18) + bytes(2) % 1024;
	return bytes(2) % 2048;
}

struct domain *some_domain(u64 *handle)
{
	u8 how = (u8)bytes(1);
	struct domain *d = &model.domain[how % DOMAINS];

	if (how > 248) {
		*handle = wild();
		for (d = model.domain; d < model.domain + DOMAINS; d++)
			if (d->handle && (u64)d->handle == *handle)
				return d;
		return NULL;
	}
	*handle = (u64)d->handle;
	return d->handle ? d : NULL;
}

struct vcpu *some_vcpu(u64 *handle)
{
	struct vcpu *v = &model.vcpu[bytes(1) % VCPUS];

	*handle = (u64)v->handle;
	return v->handle ? v : NULL;
}

/* --- the model's frames --- */

/* What hg_frames_move() answers for @count frames that must all be in @state (or @too). */
s64 frames_status(u64 pfn, u64 count, u8 state, u8 too)
{
	u64 i;

	if (pfn >= FRAMES || count > FRAMES - pfn)
		return HG_E_RANGE;
	for (i = 0; i < count; i++) {
		u8 s = model.state[pfn + i];

		if (s != state && s != too)
			return s == HG_FRAME_DEVICE ? HG_E_RANGE : HG_E_OWNER;
	}
	return HG_OK;
}

void set_frames(u64 pfn, u64 count, u8 state)
{
	memset(&model.state[pfn], state, count);
}

u64 frames_of(u32 level)
{
	return 1ULL << (9 * (level - 1));
}

static void lend(u64 pfn, u64 count)
{
	while (count--) {
		model.maps[pfn + count]++;
		model.state[pfn + count] = HG_FRAME_LENT;
	}
}

static void unlend(u64 pfn, u64 count)
{
	while (count--)
		if (!--model.maps[pfn + count])
			model.state[pfn + count] = HG_FRAME_HOST;
}

/* --- the model's tables: those that the leaves need --- */

static u32 depth(const struct leaf *l)
{
	return l->split ? 1 : l->level;
}

bool table_exists(const struct domain *d, u64 gfn, u32 level)
{
	u32 i;

	for (i = 0; i < d->leaves; i++)
		if (depth(&d->leaf[i]) <= level &&
		    d->leaf[i].gfn >> (9 * level) == gfn >> (9 * level))
			return true;
	return false;
}

static u64 tables_used(const struct domain *d)
{
	/* The root, and two of code that does not page. */
	u64 count = !d->donated ? 0 : d->c ? 3 : 1;
	u32 level, i, j;

	for (level = 1; level <= 3; level++)
		for (i = 0; i < d->leaves; i++) {
			if (depth(&d->leaf[i]) > level)
				continue;
			for (j = 0; j < i; j++)
				if (depth(&d->leaf[j]) <= level &&
				    d->leaf[j].gfn >> (9 * level) == d->leaf[i].gfn >> (9 * level))
					break;
			count += j == i;
		}
	return count;
}

struct leaf *leaf_over(struct domain *d, u64 gfn)
{
	u32 i;

	for (i = 0; i < d->leaves; i++) {
		struct leaf *l = &d->leaf[i];
		u64 at_ = gfn - l->gfn;

		if (l->kind != PIN && at_ < frames_of(l->level) && !(l->split && l->gone[at_]))
			return l;
	}
	return NULL;
}

/* What the parent maps is below the C-bit. */
static u64 gfn_limit(const struct domain *d)
{
	return d->c ? d->c : 1ULL << 36;
}

u64 tables_missing(const struct domain *d, u64 gfn, u32 level)
{
	u64 missing = 0;

	for (; level <= 3; level++)
		missing += !table_exists(d, gfn, level);
	return missing;
}

u64 spare_frames(const struct domain *d)
{
	return d->donated - tables_used(d);
}

static s64 map_status(struct domain *d, u64 gfn, u64 pfn, u64 level, u64 prot, struct leaf **same)
{
	struct leaf *leaf;

	*same = NULL;
	if (level > 3)
		return HG_E_ARG;
	if (!d || d->dying)
		return HG_E_HANDLE;
	if (!level)
		return HG_E_ARG;
	if (prot & ~7ULL || !(prot & 1))
		return HG_E_FLAGS;
	if ((gfn | pfn) & (frames_of((u32)level) - 1))
		return HG_E_ALIGN;
	if (gfn >= gfn_limit(d))
		return HG_E_RANGE;
	if (!d->donated)
		return HG_E_NOMEM;
	leaf = leaf_over(d, gfn);
	if (leaf && leaf->level == level) {
		*same = leaf;
		return leaf->pfn == pfn ? HG_OK : HG_E_EXISTS;
	}
	if (leaf && leaf->level > level)
		return HG_E_EXISTS;
	if (level > 1 && table_exists(d, gfn, (u32)level - 1))
		return HG_E_EXISTS;
	if (tables_missing(d, gfn, (u32)level) > spare_frames(d))
		return HG_E_NOMEM;
	return frames_status(pfn, frames_of((u32)level), HG_FRAME_HOST, HG_FRAME_LENT);
}

/* --- operations --- */

void create(u64 pfn, u64 flags)
{
	s64 want = flags & ~(u64)HG_DOMAIN_NESTING ? HG_E_FLAGS :
		   frames_status(pfn, 1, HG_FRAME_HOST, HG_FRAME_HOST), got;
	struct domain *d = model.domain;

	while (d < model.domain + DOMAINS && d->handle)
		d++;
	if (d == model.domain + DOMAINS)
		return;
	got = enter(HG_CALL_DOMAIN_CREATE, pfn, flags, 0, 0, 0);
	if (want) {
		EXPECT(got, want);
		return;
	}
	EXPECT(got > 0, 1);
	memset(d, 0, sizeof(*d));
	d->handle = got;
	d->control = pfn;
	set_frames(pfn, 1, HG_FRAME_CORE);
}

static void op_create(void)
{
	u64 pfn = some_pfn(1);

	create(pfn, bytes(1) > 240 ? bytes(1) % 4 : 0);
}

bool has_vcpu(const struct domain *d)
{
	u32 i;

	for (i = 0; i < VCPUS; i++)
		if (model.vcpu[i].handle && model.vcpu[i].domain == d)
			return true;
	return false;
}

/* The guest's frame becomes one of the domain's, for tables or to be reclaimed. */
void give_up(struct domain *d, u64 pfn)
{
	model.state[pfn] = HG_FRAME_CORE;
	d->donated++;
}

void drop_own(struct domain *d, const struct leaf *l)
{
	u64 i;

	for (i = 0; i < frames_of(l->level); i++)
		if (!l->split || !l->gone[i])
			give_up(d, l->pfn + i);
}

static void drop_leaf(struct domain *d, u32 i)
{
	struct leaf *l = &d->leaf[i];

	if (l->kind == LENT)
		unlend(l->pfn, frames_of(l->level));
	else if (l->kind == OWN)
		drop_own(d, l);
	d->leaf[i] = d->leaf[--d->leaves];
}

static void op_destroy(void)
{
	u64 handle;
	struct domain *d = some_domain(&handle);
	s64 want = !d || d->dying ? HG_E_HANDLE : has_vcpu(d) ? HG_E_BUSY : HG_OK;

	EXPECT(enter(HG_CALL_DOMAIN_DESTROY, handle, 0, 0, 0, 0), want);
	if (want)
		return;
	d->dying = true;
	while (d->leaves)
		drop_leaf(d, 0);
}

void donate(struct domain *d, u64 handle, u64 pfn)
{
	s64 want = !d ? HG_E_HANDLE : d->dying ? HG_E_STATE :
		   frames_status(pfn, 1, HG_FRAME_HOST, HG_FRAME_HOST);
	s64 got = enter(HG_CALL_DOMAIN_DONATE, handle, pfn, 0, 0, 0);

	if (want) {
		EXPECT(got, want);
		return;
	}
	EXPECT(got >= 0, 1);
	d->donated++;
	set_frames(pfn, 1, HG_FRAME_CORE);
}

static void op_donate(void)
{
	u64 handle, pfn = some_pfn(1);
	struct domain *d = some_domain(&handle);

	donate(d, handle, pfn);
}

static void op_reclaim(void)
{
	u64 handle, spare;
	struct domain *d = some_domain(&handle);
	s64 got = enter(HG_CALL_DOMAIN_RECLAIM, handle, 0, 0, 0, 0);

	if (!d) {
		EXPECT(got, HG_E_HANDLE);
		return;
	}
	spare = d->dying ? d->donated : spare_frames(d);
	if (!spare && !d->dying) {
		EXPECT(got, HG_E_ABSENT);
		return;
	}
	EXPECT(got > 0 && got < FRAMES, 1);
	EXPECT(model.state[got], HG_FRAME_CORE);
	EXPECT(all_zero((u64)got, 1), 1);
	model.state[got] = HG_FRAME_HOST;
	if (spare) {
		d->donated--;
	} else {
		EXPECT(got, d->control);
		d->handle = 0;
	}
}

static void op_map(void)
{
	u8 pick = (u8)bytes(1);
	u64 level = pick < 8 ? wild() : pick < 40 ? 2 : pick < 48 ? 3 : 1;
	u32 near = level == 2 || level == 3 ? (u32)level : 1;
	u64 gfn = some_gfn(near), pfn = some_pfn(near), handle, prot = bytes(1) % 9 | 1;
	struct domain *d = some_domain(&handle);
	struct leaf *same;
	s64 want;

	if (pick == 255)
		prot = wild();
	if (d && d->leaves == LEAVES)
		return;
	want = map_status(d, gfn, pfn, level, prot, &same);
	EXPECT(enter(HG_CALL_MAP, handle, gfn, pfn, level, prot), want);
	if (want)
		return;
	if (same) {
		same->prot |= (u32)prot;
		return;
	}
	d->leaf[d->leaves++] = (struct leaf){
		.gfn = gfn, .pfn = pfn, .level = (u32)level, .prot = (u32)prot,
	};
	lend(pfn, frames_of((u32)level));
	plant(pfn, 1);		/* the guest's data: no table may hold it later */
}

enum range_op { UNMAP, PROTECT, AGE, LOOK };

static void op_range(enum range_op op)
{
	static const u64 nr[] = { HG_CALL_UNMAP, HG_CALL_PROTECT, HG_CALL_AGE, HG_CALL_AGE };
	u64 handle, gfn = some_gfn(1), count = bytes(1) < 16 ? wild() : bytes(2) % 600, want = 0;
	struct domain *d = some_domain(&handle);
	u32 i;

	if (bytes(1) < 8) {
		gfn = 0;
		count = d ? gfn_limit(d) : 1ULL << 36;
	}
	if (!d || d->dying) {
		EXPECT(enter(nr[op], handle, gfn, count, op == AGE, 0), HG_E_HANDLE);
		return;
	}
	if (gfn >= gfn_limit(d) || count > gfn_limit(d) - gfn) {
		EXPECT(enter(nr[op], handle, gfn, count, op == AGE, 0), HG_E_RANGE);
		return;
	}
	for (i = 0; i < d->leaves; i++) {
		struct leaf *l = &d->leaf[i];

		if (l->kind != LENT || l->gfn >= gfn + count ||
		    l->gfn + frames_of(l->level) <= gfn)
			continue;
		switch (op) {
		case UNMAP:
			want++;
			drop_leaf(d, i--);
			break;
		case PROTECT:
			want += !!(l->prot & HG_PROT_WRITE);
			l->prot &= ~HG_PROT_WRITE;
			break;
		case AGE:
		case LOOK:
			want += l->young;
			l->young &= op == LOOK;
			break;
		}
	}
	EXPECT(enter(nr[op], handle, gfn, count, op == AGE, 0), want);
}

/* The guest touches a page: the CPU notes it. */
static void op_touch(void)
{
	u64 handle;
	struct domain *d = some_domain(&handle);
	struct leaf *l;

	if (!d || !d->leaves)
		return;
	l = &d->leaf[bytes(1) % d->leaves];
	if (l->kind != LENT)
		return;
	*walk(domain_of(handle)->root, l->gfn).entry |= hg_core.backend->npt->accessed;
	l->young = true;
}

void vcpu_create(struct domain *d, u64 handle, u64 page, u64 pfn)
{
	struct vcpu *v = model.vcpu;
	s64 want, got;

	while (v < model.vcpu + VCPUS && v->handle)
		v++;
	if (v == model.vcpu + VCPUS)
		return;
	want = !d ? HG_E_HANDLE :
	       d->dying || !d->donated || d->cvm >= HG_CVM_SEALED ? HG_E_STATE :
	       frames_status(page, 1, HG_FRAME_HOST, HG_FRAME_HOST);
	if (!want) {
		model.state[page] = HG_FRAME_CONTROL;
		want = frames_status(pfn, HG_VCPU_FRAMES, HG_FRAME_HOST, HG_FRAME_HOST);
		model.state[page] = HG_FRAME_HOST;
	}
	got = enter(HG_CALL_VCPU_CREATE, handle, page, pfn, 0, 0);
	if (want) {
		EXPECT(got, want);
		return;
	}
	EXPECT(got > 0, 1);
	*v = (struct vcpu){
		.handle = got, .domain = d, .page = page, .pfn = pfn,
		.index = vcpu_of((u64)got)->index,
	};
	set_frames(page, 1, HG_FRAME_CONTROL);
	set_frames(pfn, HG_VCPU_FRAMES, HG_FRAME_CORE);
}

static void op_vcpu_create(void)
{
	u64 handle, page = some_pfn(1), pfn = some_pfn(1);
	struct domain *d = some_domain(&handle);

	vcpu_create(d, handle, page, pfn);
}

static void op_vcpu_destroy(void)
{
	u64 handle;
	struct vcpu *v = some_vcpu(&handle);

	EXPECT(enter(HG_CALL_VCPU_DESTROY, handle, 0, 0, 0, 0), v ? HG_OK : HG_E_HANDLE);
	if (!v)
		return;
	EXPECT(all_zero(v->pfn, HG_VCPU_FRAMES), 1);
	set_frames(v->page, 1, HG_FRAME_HOST);
	set_frames(v->pfn, HG_VCPU_FRAMES, HG_FRAME_HOST);
	v->handle = 0;
}

/* A parent that writes anything into the control page. */
static void op_run(void)
{
	u64 handle, at_, i;
	struct vcpu *v = some_vcpu(&handle);
	s64 got;

	if (!v) {
		EXPECT(enter(HG_CALL_VCPU_RUN, handle, 0, 0, 0, 0), HG_E_HANDLE);
		return;
	}
	for (i = bytes(1) % 8; i; i--) {
		at_ = bytes(1) % 32 ? bytes(1) % 8 * 4 : bytes(2) % HG_PAGE_SIZE;
		((u8 *)at(v->page))[at_] = (u8)bytes(1);
	}
	got = enter(HG_CALL_VCPU_RUN, handle, 0, 0, 0, 0);
	EXPECT(vcpu_of(handle)->running, 0);
	if (v->domain->cvm && (v->domain->cvm != HG_CVM_RUNNING || v->parked))
		EXPECT(got, HG_E_STATE);
	else if (got != HG_E_DENIED || !v->domain->cvm)
		EXPECT(got == HG_E_ARG || got == HG_EXIT_HLT || got == HG_EXIT_KICK, 1);
}

static void op_vcpu_frame(void)
{
	u64 handle, pfn = some_pfn(1), count = bytes(1) % (HG_MAX_CPUID + 2);
	struct vcpu *v = some_vcpu(&handle);
	s64 status = !v ? HG_E_HANDLE : frames_status(pfn, 1, HG_FRAME_HOST, HG_FRAME_HOST);
	u32 cvm = v ? v->domain->cvm : HG_CVM_NONE;

	if (bytes(1) & 1) {
		if (cvm == HG_CVM_RUNNING)
			status = HG_E_DENIED;
		EXPECT(enter(HG_CALL_VCPU_DUMP, handle, pfn, 0, 0, 0), status ? status : 1024);
		return;
	}
	if (cvm >= HG_CVM_SEALED)
		status = HG_E_STATE;
	if (count > HG_MAX_CPUID || (!status && cvm && count > HG_MAX_CPUID - 3))
		status = HG_E_LIMIT;
	EXPECT(enter(HG_CALL_VCPU_SET_CPUID, handle, pfn, count, 0, 0), status);
	if (!status) {
		vcpu_of(handle)->gpr[HG_RAX] = bytes(1);
		hg_trap_cpuid(vcpu_of(handle), 2, bytes(4));
	}
}

static void op_fetch(void)
{
	u64 handle, groups = bytes(1);
	struct vcpu *v = some_vcpu(&handle);

	EXPECT(enter(HG_CALL_VCPU_FETCH, handle, groups, 0, 0, 0),
	       groups & ~HG_STATE_ALL ? HG_E_FLAGS : !v ? HG_E_HANDLE :
	       v->domain->cvm == HG_CVM_RUNNING ? HG_E_DENIED : HG_OK);
}

/* Any call with any arguments; only those that cannot change the model. */
static void op_garbage(void)
{
	u64 nr = bytes(1), i, a[5];

	for (i = 0; i < 5; i++)
		a[i] = wild() | 1ULL << 62;	/* no handle, no frame, no known call */
	if (nr == HG_CALL_FRAME_STAT || nr == HG_CALL_VERSION)
		nr += HG_CALL_COUNT;
	EXPECT(enter(nr, a[0], a[1], a[2], a[3], a[4]) < 0, 1);
}

static void step(void)
{
	switch (bytes(1) % 43) {
	case 0: op_create(); break;
	case 1: op_destroy(); break;
	case 2: case 3: case 4: case 5: op_donate(); break;
	case 6: case 7: op_reclaim(); break;
	case 8: case 9: case 10: case 11: case 12: case 13: op_map(); break;
	case 14: op_range(UNMAP); break;
	case 15: op_range(PROTECT); break;
	case 16: op_range(AGE); break;
	case 17: op_range(LOOK); break;
	case 18: op_touch(); break;
	case 19: op_vcpu_create(); break;
	case 20: op_vcpu_destroy(); break;
	case 21: op_run(); break;
	case 22: bytes(1) & 1 ? op_vcpu_frame() : op_fetch(); break;
	case 23: op_garbage(); break;
	case 24: case 25: op_cvm_life(); break;
	case 26: case 27: op_cvm_ram(); break;
	case 28: case 29: case 30: case 31: case 32: op_cvm_add(); break;
	case 33: case 34: case 35: op_cvm_load(); break;
	case 36: op_cvm_report(); break;
	case 37: case 38: op_convert(); break;
	case 39: op_startup(); break;
	case 40: case 41: case 42: op_report(); break;
	}
}

/* --- the end --- */

static void compare_leaf(const struct domain *d, const struct leaf *l, u64 i)
{
	struct walk w = walk(domain_of((u64)d->handle)->root, l->gfn + i);

	if (l->split && l->gone[i] && w.level && leaf_over((struct domain *)d, l->gfn + i))
		return;		/* another page has come in its place */
	EXPECT(w.level, l->split && l->gone[i] ? 0 : depth(l));
	if (!w.level)
		return;
	EXPECT(w.pfn, l->pfn + i);
	EXPECT(w.write, !!(l->prot & HG_PROT_WRITE));
	EXPECT(w.exec, !!(l->prot & HG_PROT_EXEC));
	EXPECT(w.accessed, l->young);
}

static void compare_domain(const struct domain *d)
{
	u64 leaves[2][4] = { { 0 } };
	u32 i, j;

	for (i = 0; i < d->leaves; i++) {
		const struct leaf *l = &d->leaf[i];

		if (l->kind == PIN)
			continue;
		for (j = 0; j < (l->split ? 512 : 1); j++) {
			compare_leaf(d, l, j);
			leaves[l->kind][depth(l)] += !l->split || !l->gone[j];
		}
	}
	for (i = 1; i <= 3; i++)
		EXPECT(call(DOMAIN_STAT, d->handle, HG_DOMAIN_STAT_MAPPED_4K + i - 1),
		       leaves[LENT][i]);
	for (i = 1; i <= 2; i++)
		EXPECT(call(DOMAIN_STAT, d->handle, HG_DOMAIN_STAT_PRIVATE_4K + i - 1),
		       leaves[OWN][i]);
	EXPECT(call(DOMAIN_STAT, d->handle, HG_DOMAIN_STAT_TABLES), d->dying ? 0 : tables_used(d));
}

static void compare(void)
{
	u64 counts[HG_FRAME_STATES] = { 0 }, i;

	for (i = 0; i < FRAMES; i++) {
		EXPECT(record(i).state, model.state[i]);
		if (model.state[i] == HG_FRAME_LENT)
			EXPECT(record(i).maps, model.maps[i]);
		counts[model.state[i]]++;
	}
	for (i = 0; i < HG_FRAME_STATES; i++)
		EXPECT(call(FRAME_STAT, i), counts[i]);
	for (i = 0; i < DOMAINS; i++)
		if (model.domain[i].handle)
			compare_domain(&model.domain[i]);
}

void one_input(void)
{
	u64 i, cpu;
	u8 how;

	how = (u8)bytes(1);
	world_start(FRAMES, how & 1 ? WORLD_EPT : WORLD_NPT);
	cpu = FRAMES - WORLD_RAM - 1;
	EXPECT(hg_core_cpu_on(0, cpu), HG_OK);
	memset(&model, 0, sizeof(model));
	for (i = 0; i < FRAMES; i++)
		model.state[i] = record(i).state;
	model.key = how & 0xc0;
	if (model.key)
		fake_key_give(HG_REPORT_P256, 0);
	if (how & 2)
		prelude(HG_CVM_LAUNCHING + how / 4 % 3);
	while (input_left())
		step();
	compare();
	world_stop();
}

void summary(u64 inputs)
{
	printf("\nfuzz-core: %llu inputs, %llu calls\n", inputs, calls_made);
}
