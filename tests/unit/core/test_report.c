// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reports: what is in one, who gets one, and who sees what went into it.
 */
#include "cvm_guest.h"
#include "arch.h"
#include "report_guest.h"

/* What the guest wants to have reported; nobody else is to see it. */
static u8 data[64];

static int setup_key(void **state)
{
	u32 i;

	setup(state);
	for (i = 0; i < sizeof(data); i++)
		data[i] = (u8)(i * 7 + 0x31);
	fake_key_give(HG_REPORT_P256, 0);
	fake.enter = report_enter;
	return 0;
}

/* The Linux half's part: runs it, and has what waits signed. -> RAX */
static s64 finish_on(u64 h)
{
	s64 exit;

	while ((exit = call(VCPU_RUN, h, 0)) == HG_EXIT_REPORT) {
		assert_int_equal(vcpu_of(h)->page->exit, HG_EXIT_REPORT);
		assert_int_equal(hg_core_sign(h), HG_OK);
	}
	assert_int_equal(exit, HG_EXIT_HLT);
	assert_true(rc.done);
	return rc.answer;
}

static s64 ask_on(u64 h, const void *what)
{
	guest_wants(HG_REPORT_ASK, what);
	return finish_on(h);
}

static s64 read_on(u64 h, u64 offset)
{
	guest_wants(HG_REPORT_READ, NULL);
	rc.in[0] = offset;
	return finish_on(h);
}

static s64 ask(void)
{
	return ask_on(handle, data);
}

static s64 read(u64 offset)
{
	return read_on(handle, offset);
}

/* The whole, as a guest reads it. */
static void read_all(u8 *report, u64 size)
{
	u64 offset;

	for (offset = 0; offset < size; offset += 64) {
		assert_int_equal(read(offset), HG_OK);
		memcpy(report + offset, rc.out, 64);
	}
	assert_int_equal(read(offset), HG_E_RANGE);
}

static u64 le(const u8 *bytes, u32 size)
{
	u64 value = 0;

	while (size--)
		value = value << 8 | bytes[size];
	return value;
}

static bool all(const u8 *bytes, u8 value, u32 size)
{
	while (size--)
		if (*bytes++ != value)
			return false;
	return true;
}

/* By the offsets of the format, not by the structure. */
static void test_content(void **state)
{
	const struct hg_cvm *cvm = &domain_of(domain)->cvm;
	u8 r[448];
	u32 i;

	(void)state;
	assert_int_equal(ask(), 304 + 64);
	assert_int_equal(fake_key.signs, 1);
	read_all(r, 368);
	assert_memory_equal(r, "HGRP", 4);
	assert_int_equal(le(r + 4, 2), 1);
	assert_int_equal(le(r + 6, 2), 304);
	assert_int_equal(le(r + 8, 4), 1);
	assert_int_equal(le(r + 12, 4), 0);
	assert_int_equal(le(r + 16, 8), 1);
	assert_int_equal(le(r + 24, 4), 0x1234);	/* launch_cvm() */
	assert_int_equal(le(r + 28, 4), 2);
	assert_int_equal(le(r + 32, 4), 1);
	assert_int_equal(le(r + 36, 4), 1);
	assert_memory_equal(r + 40, cvm->launch, 32);
	assert_false(all(cvm->launch, 0, 32));
	assert_true(all(r + 72, 0, 32));
	assert_memory_equal(r + 104, data, 64);
	assert_true(all(r + 168, 0xb0, 32));
	assert_memory_equal(r + 200, "1.2", 4);
	assert_true(all(r + 203, 0, 29));
	assert_true(all(r + 232, 0x1d, 32));
	assert_true(all(r + 264, 0, 40));
	for (i = 0; i < 64; i++)
		assert_int_equal(r[304 + i], 0x80 + i);
	assert_true(all(r + 368, 0, 16));		/* zeros past the end */
	assert_memory_equal(&fake_key.message, r, 304);	/* that is what was signed */
}

static void test_long_signature(void **state)
{
	u8 r[448];

	(void)state;
	fake_key_give(HG_REPORT_P384, HG_REPORT_DEVELOPMENT);
	fake_key.answer = 96;
	assert_int_equal(ask(), 304 + 96);
	read_all(r, 400);
	assert_int_equal(le(r + 8, 4), 2);
	assert_int_equal(le(r + 12, 4), 1);
	assert_int_equal(r[399], 0x80 + 95);
	assert_true(all(r + 400, 0, 48));
	fake_key_give(HG_REPORT_SM2, 0);
	assert_int_equal(ask(), 304 + 64);
}

static void test_key(void **state)
{
	struct hg_report_key key = { .algorithm = HG_REPORT_SM2 + 1 };

	(void)state;
	/* One that is there is not replaced. */
	assert_true(ask() > 0);
	key.algorithm = HG_REPORT_P384;
	assert_int_equal(hg_core_report_key(&key), HG_E_EXISTS);
	assert_int_equal(ask(), 368);
	assert_int_equal(fake_key.signs, 2);

	assert_int_equal(hg_core_report_key(NULL), HG_OK);
	key.algorithm = HG_REPORT_SM2 + 1;
	assert_int_equal(hg_core_report_key(&key), HG_E_ARG);
	key.algorithm = 0;
	assert_int_equal(hg_core_report_key(&key), HG_E_ARG);
	key.algorithm = HG_REPORT_P256;
	key.flags = 2;
	assert_int_equal(hg_core_report_key(&key), HG_E_FLAGS);
	assert_int_equal(ask(), HG_E_UNSUPPORTED);
	assert_int_equal(fake_key.signs, 2);
}

/* Any mode, any ring: a process of the guest's needs no driver. */
static void test_from_anywhere(void **state)
{
	(void)state;
	fake.guest.cpl = 3;
	assert_int_equal(ask(), 368);
	fake.guest.efer = 0;
	assert_int_equal(ask(), 368);
	assert_int_equal(read(64), HG_OK);
	/* EAX names the call, not RAX. */
	guest_wants(HG_REPORT_ASK, data);
	rc.rax |= 0xdead0000ULL << 32;
	assert_int_equal(finish_on(handle), 368);
}

static void test_numbers(void **state)
{
	u64 nr;

	(void)state;
	for (nr = 2; nr < 256; nr++) {
		guest_wants(nr, data);
		assert_int_equal(finish_on(handle), HG_E_CALL);
	}
	guest_wants(256, data);			/* not ours any more */
	assert_int_equal(finish_on(handle), -1000);
	assert_int_equal(fake_key.signs, 0);
}

static void test_read_refused(void **state)
{
	static const u64 far[] = { 384, 448, 512, 4096, 1ULL << 32, 1ULL << 63, ~63ULL };
	u64 i;

	(void)state;
	assert_int_equal(read(0), HG_E_ABSENT);
	assert_int_equal(ask(), 368);
	for (i = 0; i < 448; i++)
		assert_int_equal(read(i), i % 64 ? HG_E_ALIGN : i < 368 ? HG_OK : HG_E_RANGE);
	for (i = 0; i < HG_ARRAY_SIZE(far); i++)
		assert_int_equal(read(far[i]), HG_E_RANGE);
	assert_int_equal(read(~0ULL), HG_E_ALIGN);
}

/* Each vCPU has its own. */
static void test_other_vcpu(void **state)
{
	u8 mine[64];

	(void)state;
	other->parked = 0;
	assert_int_equal(ask(), 368);
	assert_int_equal(read_on(other_handle, 64), HG_E_ABSENT);
	memset(mine, 0xaa, sizeof(mine));
	assert_int_equal(ask_on(other_handle, mine), 368);
	assert_int_equal(read(128), HG_OK);
	assert_memory_equal(rc.out, data + 24, 40);
	assert_int_equal(read_on(other_handle, 128), HG_OK);
	assert_memory_equal(rc.out, mine, 40);
}

/* The parent finds the guest's data nowhere: in no page that it may read. */
static bool somewhere(const u8 *what)
{
	u64 pfn, at_;

	for (pfn = WORLD_FREE; pfn < world.next; pfn++) {
		if (record(pfn).state == HG_FRAME_CORE || record(pfn).state == HG_FRAME_PRIVATE)
			continue;
		for (at_ = 0; at_ + 8 <= HG_PAGE_SIZE; at_++)
			if (!memcmp((u8 *)at(pfn) + at_, what, 8))
				return true;
	}
	return false;
}

static void test_secret_data(void **state)
{
	u64 page_before[512];

	(void)state;
	guest_wants(HG_REPORT_ASK, data);
	memcpy(page_before, page, sizeof(page_before));
	run(HG_EXIT_REPORT);
	assert_false(somewhere(data) || somewhere(data + 8) || somewhere(data + 56));
	assert_int_equal(page->exit, HG_EXIT_REPORT);
	assert_memory_equal(page->space, ((struct hg_vcpu_page *)page_before)->space,
			    sizeof(page->space));
	assert_int_equal(call(VCPU_FETCH, handle, HG_STATE_REGS), HG_E_DENIED);
	assert_int_equal(call(VCPU_DUMP, handle, take1()), HG_E_DENIED);
	assert_int_equal(finish_on(handle), 368);
	assert_int_equal(read(64), HG_OK);
	assert_false(somewhere(data) || somewhere(data + 8) || somewhere(data + 56));
	/* And not after its end. */
	assert_int_equal(call(VCPU_DESTROY, handle), HG_OK);
	assert_false(somewhere(data) || somewhere(data + 8) || somewhere(data + 56));
}

/* A Linux half that does not sign, or signs what nobody asked for. */
static void test_odd_linux_half(void **state)
{
	u32 i;

	(void)state;
	assert_int_equal(hg_core_sign(handle), HG_OK);
	assert_int_equal(hg_core_sign(handle + 77), HG_E_HANDLE);
	assert_int_equal(hg_core_sign(0), HG_E_HANDLE);
	assert_int_equal(fake_key.signs, 0);
	guest_wants(HG_REPORT_ASK, data);
	for (i = 0; i < 100; i++)
		run(HG_EXIT_REPORT);		/* and no turn is lost by that */
	assert_int_equal(hg_core_sign(handle), HG_OK);
	assert_int_equal(hg_core_sign(handle), HG_OK);
	assert_int_equal(fake_key.signs, 1);
	assert_int_equal(finish_on(handle), 368);
	assert_int_equal(hg_core_sign(handle), HG_OK);
	assert_int_equal(fake_key.signs, 1);
	assert_int_equal(read(0), HG_OK);
}

static void busy(void)
{
	assert_int_equal(call(VCPU_RUN, handle, 0), HG_E_BUSY);
	assert_int_equal(call(VCPU_DESTROY, handle), HG_E_BUSY);
	assert_int_equal(call(CVM_RESET, domain), HG_E_BUSY);
	assert_int_equal(hg_core_sign(handle), HG_E_BUSY);
}

static void test_busy(void **state)
{
	(void)state;
	fake_key.meanwhile = busy;
	assert_int_equal(ask(), 368);
	assert_int_equal(fake_key.signs, 1);
}

/* What the port says, the guest is told in words that it knows; and gets no half report. */
static void test_port_fails(void **state)
{
	static const s64 says[] = {
		HG_E_BUSY, HG_E_UNSUPPORTED, HG_E_NOMEM, HG_E_DENIED, -1000, 63, 65, 1, 96, 1 << 20,
		1LL << 62, -(1LL << 62),
	};
	u64 i;

	(void)state;
	for (i = 0; i < HG_ARRAY_SIZE(says); i++) {
		fake_key.answer = says[i];
		assert_int_equal(ask(), i ? HG_E_UNSUPPORTED : HG_E_BUSY);
		assert_int_equal(read(0), HG_E_ABSENT);
		assert_true(all(vcpu->report.signature, 0, HG_REPORT_SIGNATURE));
	}
	fake_key.answer = 0;
	assert_int_equal(ask(), 368);
	assert_int_equal(read(320), HG_OK);
}

/* An interrupt before the second entry: another process asks on this vCPU. */
static void test_interrupted(void **state)
{
	u8 mine[64] = { 1 };

	(void)state;
	guest_wants(HG_REPORT_ASK, data);
	run(HG_EXIT_REPORT);
	assert_int_equal(hg_core_sign(handle), HG_OK);
	assert_int_equal(read(0), HG_E_ABSENT);		/* not asked for by who reads */
	assert_int_equal(ask_on(handle, mine), 368);
	assert_int_equal(read(64), HG_OK);
	assert_memory_equal((u8 *)rc.out + 40, mine, 24);
	assert_int_equal(ask(), 368);			/* the first again */
	assert_int_equal(fake_key.signs, 3);
	assert_int_equal(read(64), HG_OK);
	assert_memory_equal((u8 *)rc.out + 40, data, 24);
}

/* The same data again is a report of its own; one that failed leaves none. */
static void test_again(void **state)
{
	(void)state;
	assert_int_equal(ask(), 368);
	assert_int_equal(ask(), 368);
	assert_int_equal(fake_key.signs, 2);
	hg_core_report_key(NULL);
	assert_int_equal(ask(), HG_E_UNSUPPORTED);
	assert_int_equal(read(0), HG_OK);	/* a refusal changes nothing */
}

static void test_rate(void **state)
{
	u32 got = 0, i;
	u64 begin = domain_of(domain)->cvm.report_due, due;

	(void)state;
	assert_int_equal(begin, 0);
	other->parked = 0;
	for (i = 0; i < 64; i++)
		got += ask_on(i & 1 ? handle : other_handle, data) > 0;
	/* A slow machine may have earned some meanwhile, not 48. */
	assert_in_range(got, HG_REPORT_BURST, HG_REPORT_BURST + 16);
	assert_int_equal(fake_key.signs, got);
	due = domain_of(domain)->cvm.report_due;
	while (ask() == HG_E_BUSY)
		assert_int_equal(domain_of(domain)->cvm.report_due, due);
	assert_int_equal(fake_key.signs, got + 1);
	/* Nothing else is refused. */
	assert_int_equal(read(0), HG_OK);
	/* The machine's counter fell back: not a lifetime without reports. */
	domain_of(domain)->cvm.report_due = hg_arch_rdtsc() + (1ULL << 50);
	assert_int_equal(ask(), 368);
	/* What the guest's own time is does not matter. */
	vcpu->tsc_offset = 1ULL << 60;
	for (i = 0; i < 64; i++)
		ask();
	assert_true(ask() == HG_E_BUSY || ask() == HG_E_BUSY || ask() == HG_E_BUSY);
}

/* A life's id: a new one for each start, and never one again. */
static void test_ids(void **state)
{
	u64 h[3], d, i;

	(void)state;
	assert_int_equal(ask(), 368);
	assert_int_equal(fake_key.message.cvm_id, 1);
	assert_int_equal(call(CVM_RESET, domain), HG_OK);
	assert_int_equal(read(0), HG_E_ABSENT);		/* the last life's */
	assert_int_equal(ask(), 368);
	assert_int_equal(fake_key.message.cvm_id, 2);
	for (i = 0; i < 3; i++) {
		d = launch_cvm(4);
		h[i] = make_vcpu(d, NULL);
		start(d);
		assert_int_equal(ask_on(h[i], data), 368);
		assert_int_equal(fake_key.message.cvm_id, 3 + i);
		assert_int_equal(fake_key.message.vcpus, 1);
		assert_int_equal(call(VCPU_DESTROY, h[i]), HG_OK);
		unmake_domain(d);
	}
}

/* Its memory as after INIT, too. */
static void test_reset_vcpu(void **state)
{
	(void)state;
	assert_int_equal(ask(), 368);
	hg_cvm_reset_vcpu(vcpu);
	assert_int_equal(read(0), HG_E_ABSENT);
}

/* The Linux half cannot have a guest's call carried out before the launch is over. */
static void test_not_sealed(void **state)
{
	u64 d = launch_cvm(4), h = make_vcpu(d, NULL), i;

	(void)state;
	for (i = 0; i < 2; i++) {
		guest_wants(HG_REPORT_ASK, data);
		assert_int_equal(call(VCPU_RUN, h, 0), HG_E_STATE);
		assert_int_equal(report_call(vcpu_of(h)), -1);
		assert_int_equal(rc.answer, HG_E_STATE);
		if (!i)
			seal(d);
	}
	assert_int_equal(hg_core_sign(h), HG_OK);
	assert_int_equal(fake_key.signs, 0);
	/* A dead one has no vCPU that could ask. */
	assert_int_equal(call(DOMAIN_DESTROY, d), HG_E_BUSY);
}

/* An ordinary VM's VMMCALL is the parent's business, as always. */
static void test_ordinary(void **state)
{
	u64 d = make_domain(4), h = make_vcpu(d, NULL);

	(void)state;
	vcpu_of(h)->gpr[HG_RAX] = HG_REPORT_CALL;
	assert_false(hg_confidential(vcpu_of(h)));
	assert_false(hg_nest_is_call(vcpu_of(h)));
	assert_int_equal(hg_core_sign(h), HG_OK);
	assert_int_equal(fake_key.signs, 0);
	assert_int_equal(vcpu_of(h)->gpr[HG_RAX], HG_REPORT_CALL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_key, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_content), TEST(test_long_signature), TEST(test_key),
		TEST(test_from_anywhere), TEST(test_numbers), TEST(test_read_refused),
		TEST(test_other_vcpu), TEST(test_secret_data), TEST(test_odd_linux_half),
		TEST(test_busy), TEST(test_port_fails), TEST(test_interrupted), TEST(test_again),
		TEST(test_rate), TEST(test_ids), TEST(test_reset_vcpu), TEST(test_not_sealed),
		TEST(test_ordinary),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
