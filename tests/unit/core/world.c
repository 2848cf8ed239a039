// SPDX-License-Identifier: GPL-2.0-only
/*
 * See world.h.
 */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "world.h"
#include "arch.h"

struct world world;
struct fake fake;
const char *panic_text;
jmp_buf panic_jump;
bool panic_expected;

void hg_port_panic(const char *what, const char *file, int line)
{
	panic_text = what;
	if (panic_expected)
		longjmp(panic_jump, 1);
	fprintf(stderr, "%s:%d: the core panics: %s\n", file, line, what);
	abort();
}

void hg_port_sha256(const void *a, u64 a_length, const void *b, u64 b_length, u8 digest[32])
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();

	assert_non_null(md);
	assert_int_equal(EVP_DigestInit_ex(md, EVP_sha256(), NULL), 1);
	assert_int_equal(EVP_DigestUpdate(md, a, a_length), 1);
	assert_int_equal(EVP_DigestUpdate(md, b, b_length), 1);
	assert_int_equal(EVP_DigestFinal_ex(md, digest, NULL), 1);
	EVP_MD_CTX_free(md);
}

struct fake_key fake_key;

s64 hg_port_sign(const void *message, u64 length, u8 *signature)
{
	s64 size = fake_key.answer ? fake_key.answer : 64;
	s64 i;

	fake_key.signs++;
	assert_int_equal(length, sizeof(fake_key.message));
	memcpy(&fake_key.message, message, sizeof(fake_key.message));
	if (fake_key.meanwhile)
		fake_key.meanwhile();
	/* Of a port that fails, too, to see that nobody gets it. */
	for (i = 0; i < (size > 0 ? size : 64) && i < HG_REPORT_SIGNATURE; i++)
		signature[i] = (u8)(0x80 + i);
	return size;
}

void fake_key_give(u32 algorithm, u32 flags)
{
	struct hg_report_key key = { .algorithm = algorithm, .flags = flags, .l0_version = "1.2" };

	memset(&fake_key, 0, sizeof(fake_key));
	memset(key.boot_id, 0xb0, sizeof(key.boot_id));
	memset(key.key_id, 0x1d, sizeof(key.key_id));
	hg_core_report_key(NULL);
	assert_int_equal(hg_core_report_key(&key), HG_OK);
}

void hg_arch_xsetbv(u64 xcr0)
{
	fake.xcr0 = xcr0;
	fake.xsetbvs++;
}

/* Nobody has written it: the host's. */
u64 hg_arch_xgetbv(void)
{
	return fake.xcr0 ? fake.xcr0 : hg_core.host_xcr0;
}

/* The CPU's vector registers: one number will do. */
u64 fake_fpu;

void hg_arch_xsave(u8 *area, u64 components)
{
	(void)components;
	memcpy(area + 512, &fake_fpu, sizeof(fake_fpu));
}

void hg_arch_xrstor(const u8 *area, u64 components)
{
	(void)components;
	memcpy(&fake_fpu, area + 512, sizeof(fake_fpu));
}

/* --- the backend --- */

static s64 fake_probe(const char **why)
{
	(void)why;
	return HG_OK;
}

static s64 fake_start(u64 pfn)
{
	assert_int_equal(pfn, WORLD_BACKEND);
	if (!fake.start_status)
		fake.started++;
	return fake.start_status;
}

static void fake_stop(void)
{
	fake.started--;
}

static s64 fake_cpu_on(struct hg_cpu *cpu, u64 pfn)
{
	if (fake.cpu_on_status)
		return fake.cpu_on_status;
	memset(at(pfn), 0x77, HG_PAGE_SIZE);	/* what the CPU leaves there */
	cpu->backend[0] = pfn;
	fake.cpus_on++;
	return HG_OK;
}

static void fake_cpu_off(struct hg_cpu *cpu)
{
	(void)cpu;
	fake.cpus_on--;
}

static void fake_vcpu_init(struct hg_vcpu *vcpu)
{
	fake.inits++;
	memset(vcpu->control, 0x11, HG_PAGE_SIZE);
	memset(hg_va(vcpu->host_pa), 0x22, HG_PAGE_SIZE);
}

static s64 fake_vcpu_put(struct hg_vcpu *vcpu, u64 groups)
{
	(void)vcpu;
	if ((groups & HG_STATE_CONTROL) && fake.put_control_status)
		return fake.put_control_status;
	fake.put_groups |= groups;
	return HG_OK;
}

static void fake_vcpu_get(struct hg_vcpu *vcpu, u64 groups)
{
	(void)vcpu;
	fake.get_groups |= groups;
}

static s64 fake_vcpu_load(struct hg_vcpu *vcpu, struct hg_cpu *cpu)
{
	(void)vcpu;
	(void)cpu;
	fake.loads++;
	return HG_OK;
}

static int fake_vcpu_enter(struct hg_vcpu *vcpu, struct hg_cpu *cpu)
{
	fake.enters++;
	fake.event = vcpu->event;
	fake.event_error = vcpu->event_error;
	fake.event_length = vcpu->event_length;
	fake.run_flags = vcpu->run_flags;
	vcpu->event = 0;
	vcpu->tlb_seen = __atomic_load_n(&vcpu->domain->tlb_gen, __ATOMIC_ACQUIRE);
	return fake.enter ? fake.enter(vcpu, cpu) : HG_EXIT_HLT;
}

static void fake_vcpu_unload(struct hg_vcpu *vcpu)
{
	(void)vcpu;
	fake.unloads++;
}

static void fake_vcpu_skip(struct hg_vcpu *vcpu, u32 length)
{
	vcpu->rip += length;
	__atomic_fetch_add(&fake.skipped, length, __ATOMIC_RELAXED);
}

static void fake_vcpu_set_cr4(struct hg_vcpu *vcpu, u64 cr4)
{
	(void)vcpu;
	(void)cr4;
}

static void fake_vcpu_set_cr0(struct hg_vcpu *vcpu, u64 cr0, u64 efer)
{
	(void)vcpu;
	fake.guest.cr0 = cr0;
	fake.guest.efer = efer;
}

static void fake_vcpu_set_cr2(struct hg_vcpu *vcpu, u64 cr2)
{
	(void)vcpu;
	fake.cr2 = cr2;
}

static void fake_vcpu_set_cr3(struct hg_vcpu *vcpu, u64 cr3, bool flush)
{
	(void)vcpu;
	fake.guest.cr3 = cr3;
	fake.flushes += flush;
}

static void fake_vcpu_set_efer(struct hg_vcpu *vcpu, u64 efer)
{
	(void)vcpu;
	fake.guest.efer = efer;
}

static u64 fake_vcpu_get_pat(struct hg_vcpu *vcpu)
{
	(void)vcpu;
	return fake.pat;
}

static void fake_vcpu_set_pat(struct hg_vcpu *vcpu, u64 pat)
{
	(void)vcpu;
	fake.pat = pat;
}

static void fake_vcpu_set_tsc(struct hg_vcpu *vcpu, u64 offset)
{
	(void)vcpu;
	fake.tsc_offset = offset;
}

static void fake_vcpu_startup(struct hg_vcpu *vcpu, u8 vector)
{
	(void)vcpu;
	fake.segment[HG_SEG_CS].selector = (u16)(vector << 8);
	fake.segment[HG_SEG_CS].base = (u64)vector << 12;
}

static void fake_vcpu_segment(struct hg_vcpu *vcpu, enum hg_seg seg, struct hg_segment *out)
{
	(void)vcpu;
	*out = fake.segment[seg];
}

/* Where the guest's next instruction is, and how it pages. */
static void fake_vcpu_code(struct hg_vcpu *vcpu, struct hg_fetch *fetch)
{
	*fetch = fake.guest;
	fetch->linear = vcpu->rip;
	fetch->rflags = vcpu->rflags;
}

static void fake_vcpu_debug(struct hg_vcpu *vcpu, u64 *dr6, u64 *dr7, bool write)
{
	(void)vcpu;
	if (write) {
		fake.dr6 = *dr6;
		fake.dr7 = *dr7;
	} else {
		*dr6 = fake.dr6;
		*dr7 = fake.dr7;
	}
}

static u64 fake_vcpu_dump(struct hg_vcpu *vcpu, void *to)
{
	memcpy(to, vcpu->control, 1024);
	return 1024;
}

static const struct hg_control_field fields[] = { { "first", 0, 8 } };
static const u32 field_count = 1;

/* AMD APM vol. 2, 5.3 and 15.25. */
static const struct hg_npt_format npt = {
	.present = 1, .table = 7, .leaf = 5, .large = 0x80, .write = 2, .noexec = 1ULL << 63,
	.accessed = 0x20, .dirty = 0x40,
};

/* Intel SDM vol. 3, 29.3.2; memory type write-back. */
static const struct hg_npt_format ept = {
	.present = 7, .table = 7, .leaf = 6 << 3, .large = 0x80, .read = 1, .write = 2, .exec = 4,
	.accessed = 0x100, .dirty = 0x200,
};

#define BACKEND(format)							\
	{								\
		.name = "fake", .npt = &(format), .npt_levels_max = 3,	\
		.fields = fields, .field_count = &field_count,		\
		.probe = fake_probe, .start = fake_start, .stop = fake_stop, \
		.cpu_on = fake_cpu_on, .cpu_off = fake_cpu_off,		\
		.vcpu_init = fake_vcpu_init, .vcpu_put = fake_vcpu_put,	\
		.vcpu_get = fake_vcpu_get, .vcpu_load = fake_vcpu_load,	\
		.vcpu_enter = fake_vcpu_enter, .vcpu_unload = fake_vcpu_unload, \
		.vcpu_skip = fake_vcpu_skip, .vcpu_debug = fake_vcpu_debug, \
		.vcpu_set_cr4 = fake_vcpu_set_cr4, .vcpu_set_cr0 = fake_vcpu_set_cr0, \
		.vcpu_set_cr2 = fake_vcpu_set_cr2, .vcpu_set_cr3 = fake_vcpu_set_cr3, \
		.vcpu_set_efer = fake_vcpu_set_efer,			\
		.vcpu_get_pat = fake_vcpu_get_pat, .vcpu_set_pat = fake_vcpu_set_pat, \
		.vcpu_set_tsc = fake_vcpu_set_tsc, .vcpu_startup = fake_vcpu_startup, \
		.vcpu_segment = fake_vcpu_segment, .vcpu_code = fake_vcpu_code, \
		.vcpu_dump = fake_vcpu_dump,				\
	}
const struct hg_backend fake_backend_npt = BACKEND(npt);
const struct hg_backend fake_backend_ept = BACKEND(ept);

/* --- start and stop --- */

void world_start(u64 frames, enum world_format format)
{
	struct hg_boot boot;
	const char *why = "";

	memset(&fake, 0, sizeof(fake));
	memset(&world, 0, sizeof(world));
	fake.dr6 = 0xffff0ff0;
	fake.dr7 = 0x400;
	world.frames = frames;
	world.next = WORLD_FREE;
	world.arena = mmap(NULL, frames << 12, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_ptr_not_equal(world.arena, MAP_FAILED);
	world.table = calloc(frames, sizeof(*world.table));
	assert_non_null(world.table);
	boot = (struct hg_boot){
		.va_base = world.arena,
		.frames = world.table,
		.frame_count = frames,
		.cpus = world.cpus,
		.cpu_count = WORLD_CPUS,
		.host_xcr0 = 7,
		.guest_xcr0 = 0xe7,	/* more than the host has: cut down to 7 */
		.backend_pfn = WORLD_BACKEND,
		.backend = format == WORLD_NPT ? &fake_backend_npt : &fake_backend_ept,
	};
	assert_int_equal(hg_core_start(&boot, &why), HG_OK);
	assert_int_equal(hg_core_ram(WORLD_RAM, frames - 2 * WORLD_RAM), HG_OK);
}

static void release_vcpus(void)
{
	u32 i;

	for (i = 0; i < HG_MAX_VCPUS_TOTAL; i++)
		if (hg_core.vcpus[i].vcpu)
			assert_int_equal(call(VCPU_DESTROY, hg_core.vcpus[i].vcpu->handle), HG_OK);
}

static void release_domains(void)
{
	u32 i;

	for (i = 0; i < HG_MAX_DOMAINS; i++) {
		struct hg_domain *domain = hg_core.domains[i].domain;

		if (domain)
			unmake_domain(domain->handle);
	}
}

void world_stop(void)
{
	u64 i;

	release_vcpus();
	release_domains();
	for (i = 0; i < WORLD_CPUS; i++)
		if (world.cpus[i].online)
			assert_int_equal(hg_core_cpu_off(i), HG_OK);
	/* Every frame of RAM is the host's again, but the backend's. */
	for (i = 0; i < world.frames; i++) {
		struct hg_frame frame = record(i);
		u8 want = i < WORLD_RAM || i >= world.frames - WORLD_RAM ? HG_FRAME_DEVICE :
			  i - WORLD_BACKEND < HG_BACKEND_FRAMES ? HG_FRAME_CORE : HG_FRAME_HOST;

		assert_int_equal(frame.state, want);
		assert_int_equal(frame.owner, 0);
		assert_int_equal(frame.maps, 0);
	}
	assert_int_equal(hg_core_stop(), HG_OK);
	assert_int_equal(fake.started, 0);
	munmap(world.arena, world.frames << 12);
	free(world.table);
}

int world_setup(void **state)
{
	(void)state;
	world_start(WORLD_FRAMES, WORLD_NPT);
	return 0;
}

int world_teardown(void **state)
{
	(void)state;
	world_stop();
	return 0;
}

/* --- frames --- */

u64 take(u64 count, u64 align)
{
	u64 pfn = (world.next + align - 1) / align * align;

	assert_true(pfn + count <= world.frames - WORLD_RAM);
	world.next = pfn + count;
	return pfn;
}

void plant(u64 pfn, u64 count)
{
	memset(at(pfn), 0x5a, count << 12);
}

bool all_zero(u64 pfn, u64 count)
{
	const u8 *p = at(pfn);

	return !p[0] && !memcmp(p, p + 1, (count << 12) - 1);
}

struct hg_frame record(u64 pfn)
{
	return world.table[pfn];
}

/* --- snapshots --- */

struct snapshot {
	u64 frames;		/* that tests have touched, and some more */
	u8 *arena;
	struct hg_frame *table;
	struct hg_core core;
	u64 counts[HG_FRAME_STATES];
};

/* Locks are counters: what a refused call has taken and given back differs. */
static struct snapshot *normal(struct snapshot *s)
{
	u32 i;

	memset(&s->core.handles, 0, sizeof(s->core.handles));
	for (i = 0; i < HG_MAX_DOMAINS; i++)
		memset(&s->core.domains[i].lock, 0, sizeof(s->core.domains[i].lock));
	return s;
}

static struct snapshot *take_frames(u64 frames)
{
	struct snapshot *s = calloc(1, sizeof(*s));
	u32 i;

	assert_non_null(s);
	s->frames = frames;
	s->arena = malloc(frames << 12);
	s->table = malloc(world.frames * sizeof(*s->table));
	assert_true(s->arena && s->table);
	memcpy(s->arena, world.arena, frames << 12);
	memcpy(s->table, world.table, world.frames * sizeof(*s->table));
	s->core = hg_core;
	for (i = 0; i < HG_FRAME_STATES; i++)
		s->counts[i] = hg_frames_count((enum hg_frame_state)i);
	return normal(s);
}

struct snapshot *snapshot_take(void)
{
	u64 frames = world.next + 16;

	return take_frames(frames < world.frames ? frames : world.frames);
}

static void snapshot_free(struct snapshot *s)
{
	free(s->arena);
	free(s->table);
	free(s);
}

void snapshot_check(struct snapshot *before, const char *file, int line)
{
	struct snapshot *after = take_frames(before->frames);
	const char *differs = NULL;

	if (memcmp(before->arena, after->arena, before->frames << 12))
		differs = "memory";
	else if (memcmp(before->table, after->table, world.frames * sizeof(*after->table)))
		differs = "the frame table";
	else if (memcmp(&before->core, &after->core, sizeof(after->core)))
		differs = "the core's own state";
	else if (memcmp(before->counts, after->counts, sizeof(after->counts)))
		differs = "the counts of frames";
	snapshot_free(before);
	snapshot_free(after);
	if (differs) {
		fprintf(stderr, "a refused call has changed %s\n", differs);
		_assert_true(0, "nothing has changed", file, line);
	}
}

/* --- domains --- */

u64 make_domain(u32 cache)
{
	s64 domain = call(DOMAIN_CREATE, take1());
	u32 i;

	assert_true(domain > 0);
	assert_int_equal(call(DOMAIN_DONATE, domain, take1()), 0);
	for (i = 0; i < cache; i++)
		assert_int_equal(call(DOMAIN_DONATE, domain, take1()), i + 1);
	return (u64)domain;
}

u64 make_vcpu(u64 domain, u64 *page_pfn)
{
	u64 page = take1();
	s64 vcpu = call(VCPU_CREATE, domain, page, take(HG_VCPU_FRAMES, 1));

	assert_true(vcpu > 0);
	if (page_pfn)
		*page_pfn = page;
	return (u64)vcpu;
}

struct hg_domain *domain_of(u64 handle)
{
	struct hg_domain *domain = hg_core.domains[(handle & 0xff) - 1].domain;

	assert_non_null(domain);
	assert_int_equal(domain->handle, handle);
	return domain;
}

struct hg_vcpu *vcpu_of(u64 handle)
{
	struct hg_vcpu *vcpu = hg_core.vcpus[(handle & 0xffff) - 1].vcpu;

	assert_non_null(vcpu);
	assert_int_equal(vcpu->handle, handle);
	return vcpu;
}

void unmake_domain(u64 handle)
{
	struct hg_domain *domain = domain_of(handle);
	u64 control = domain->control_pfn;
	s64 pfn;

	if (domain->state == HG_DOMAIN_LIVE)
		assert_int_equal(call(DOMAIN_DESTROY, handle), HG_OK);
	do {
		pfn = call(DOMAIN_RECLAIM, handle);
		assert_true(pfn > 0);
		assert_true(all_zero((u64)pfn, 1));
		assert_int_equal(record((u64)pfn).state, HG_FRAME_HOST);
	} while ((u64)pfn != control);
	assert_int_equal(call(DOMAIN_RECLAIM, handle), HG_E_HANDLE);
}

u64 stat_of(u64 domain, enum hg_domain_stat which)
{
	s64 value = call(DOMAIN_STAT, domain, which);

	assert_true(value >= 0);
	return (u64)value;
}

/* --- the walker: literal bits, on purpose --- */

static bool is_ept(void)
{
	return hg_core.backend == &fake_backend_ept;
}

static void describe(struct walk *w, u64 entry)
{
	if (is_ept()) {
		w->write = entry >> 1 & 1;
		w->exec = entry >> 2 & 1;
		w->accessed = entry >> 8 & 1;
		w->dirty = entry >> 9 & 1;
		assert_int_equal(entry >> 3 & 7, 6);	/* write-back */
		assert_true(entry & 1);
	} else {
		w->write = entry >> 1 & 1;
		w->exec = !(entry >> 63);
		w->accessed = entry >> 5 & 1;
		w->dirty = entry >> 6 & 1;
		assert_true(entry & 4);			/* user: 15.25.5 */
	}
}

struct walk walk(u64 root, u64 gfn)
{
	static const u64 size[5] = { 0, 1, 512, 512 * 512, 512 * 512 * 512 };
	struct walk w = { 0 };
	u64 table = root;
	u32 level;

	assert_true(gfn >> 36 == 0);
	for (level = 4; level; level--) {
		u64 *entry = (u64 *)at(table) + gfn / size[level] % 512;
		u64 frame = (*entry & 0x000ffffffffff000ULL) >> 12;

		if (!(*entry & (is_ept() ? 7 : 1)))
			return w;
		assert_true(frame < world.frames);
		if (level == 1 || (*entry & 0x80)) {
			assert_true(level < 4);
			assert_int_equal(frame % size[level], 0);
			w.level = level;
			w.pfn = frame + gfn % size[level];
			w.entry = entry;
			describe(&w, *entry);
			return w;
		}
		assert_int_equal(*entry & 7, 7);	/* a table allows all; leaves decide */
		table = frame;
	}
	return w;
}
