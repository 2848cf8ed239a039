// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reports on a guest's guest: L0's core gives them, and the parent hears nothing of it.
 */
#include "nest_world.h"
#include "report_guest.h"

static u64 child, handle;
static struct hg_vcpu *kid;
static struct hg_vcpu_page *kid_page;
static u8 data[64];

/* A confidential child with one vCPU; it starts if @starts. */
static void launch(bool starts)
{
	child = make_child(&one, HG_CVM_FRAMES + 8);
	assert_true(nest(&one, CVM_INIT, child) > 0);
	assert_int_equal(nest(&one, CVM_LAUNCH, child, 0x77), HG_OK);
	assert_int_equal(nest(&one, CVM_RAM, child, 0, 2048), HG_OK);
	handle = make_child_vcpu(&one, child, NULL);
	kid = vcpu_of(handle);
	kid_page = kid->page;
	assert_int_equal(nest(&one, CVM_SEAL, child), HG_OK);
	if (starts)
		assert_int_equal(nest(&one, CVM_START, child), HG_OK);
}

static int setup(void **state)
{
	u32 i;

	nest_setup(state);
	for (i = 0; i < sizeof(data); i++)
		data[i] = (u8)(i * 5 + 0x47);
	fake_key_give(HG_REPORT_P256, 0);
	launch(true);
	child_enter = report_enter;
	return 0;
}

static s64 child_does(u64 nr, const void *in)
{
	guest_wants(nr, in);
	assert_int_equal(nest(&one, VCPU_RUN, handle, 0), HG_EXIT_HLT);
	assert_true(rc.done);
	return rc.answer;
}

static void test_report(void **state)
{
	u8 offset[64] = { 64 };

	(void)state;
	kid_page->exit = HG_EXIT_COUNT;
	assert_int_equal(child_does(HG_REPORT_ASK, data), 368);
	assert_int_equal(l0.reports, 1);
	assert_int_equal(fake_key.signs, 1);
	assert_int_equal(fake_key.message.level, 2);
	assert_int_equal(fake_key.message.policy, 0x77);
	assert_int_equal(fake_key.message.vcpus, 1);
	assert_int_equal(fake_key.message.cvm_id, 1);
	assert_memory_equal(fake_key.message.launch_digest, domain_of(child)->cvm.launch, 32);
	assert_memory_equal(fake_key.message.report_data, data, 64);
	assert_int_equal(child_does(HG_REPORT_READ, offset), HG_OK);
	assert_memory_equal((u8 *)rc.out + 40, data, 24);
	assert_int_equal(one.vcpu->signs, 0);
}

/* All that L1 can see, while L0 signs: no exit of that name, no byte of the data. */
static void looks(struct l1 *l1)
{
	u64 gfn, i;

	assert_int_equal(kid_page->exit, HG_EXIT_INTR);
	for (gfn = 0; gfn < l1->pages; gfn++) {
		struct walk w = l1_walk(l1, gfn);

		for (i = 0; w.level && i < HG_PAGE_SIZE - 8; i++)
			assert_memory_not_equal((u8 *)at(w.pfn) + i, data, 8);
	}
	/* Nor does the process on L0 that runs L1. */
	assert_int_equal(l1->page->exit, HG_EXIT_REPORT);
	for (i = 0; i < HG_PAGE_SIZE - 8; i++)
		assert_memory_not_equal((u8 *)l1->page + i, data, 8);
	assert_int_equal(l1->page->gpr[HG_RBX], handle);
}

static void test_not_told(void **state)
{
	(void)state;
	l0.reported = looks;
	assert_int_equal(child_does(HG_REPORT_ASK, data), 368);
	assert_int_equal(l0.reports, 1);
	assert_int_equal(kid_page->exit, HG_EXIT_HLT);
}

/* L1 cannot ask itself, neither for its child nor for what it is: an ordinary VM. */
static void test_parent_asks(void **state)
{
	(void)state;
	one.vcpu->gpr[HG_RAX] = HG_REPORT_CALL;
	assert_true(hg_nest_is_call(one.vcpu));		/* a call of the table, of no number */
	assert_int_equal(nest_call(&one, 0x5200, 0, 0, 0, 0, 0), HG_E_CALL);
	assert_int_equal(nest_call(&one, 0x5201, 0, 0, 0, 0, 0), HG_E_CALL);
	assert_int_equal(hg_core_sign(handle), HG_E_HANDLE);	/* the child's is not the host's */
	assert_int_equal(fake_key.signs, 0);
}

static void wants_window(struct l1 *l1)
{
	l1->page->run_flags = HG_RUN_IRQ_WINDOW;
}

/* L1 takes an interrupt, and runs the child again: the answer has waited. */
static void test_interrupted(void **state)
{
	(void)state;
	l0.reported = wants_window;
	guest_wants(HG_REPORT_ASK, data);
	assert_int_equal(nest(&one, VCPU_RUN, handle, 0), HG_EXIT_INTR);
	assert_false(rc.done);
	assert_int_equal(fake_key.signs, 1);
	l0.reported = NULL;
	one.page->run_flags = 0;
	assert_int_equal(nest(&one, VCPU_RUN, handle, 0), HG_EXIT_HLT);
	assert_int_equal(rc.answer, 368);
	assert_int_equal(fake_key.signs, 1);
}

/* The child is gone, or its vCPU, when L0 comes to sign. */
static void destroys(struct l1 *l1)
{
	s64 left;

	(void)l1;
	do
		left = call(DOMAIN_PURGE, one.domain, 64);
	while (left > 0);
	assert_int_equal(left, 0);
}

static void test_destroyed(void **state)
{
	(void)state;
	l0.reported = destroys;
	guest_wants(HG_REPORT_ASK, data);
	assert_int_equal(nest(&one, VCPU_RUN, handle, 0), HG_E_HANDLE);
	assert_int_equal(fake_key.signs, 0);
	assert_int_equal(one.vcpu->signs, 0);
}

static void busy(void)
{
	assert_int_equal(call(VCPU_RUN, one.handle, 0), HG_E_BUSY);
	assert_int_equal(call(DOMAIN_PURGE, one.domain, 64), HG_E_BUSY);
	assert_int_equal(hg_core_sign(one.handle), HG_E_BUSY);
}

static void test_busy(void **state)
{
	(void)state;
	fake_key.meanwhile = busy;
	assert_int_equal(child_does(HG_REPORT_ASK, data), 368);
	assert_int_equal(fake_key.signs, 1);
}

static void test_port_fails(void **state)
{
	u8 zero[64] = { 0 };

	(void)state;
	fake_key.answer = HG_E_UNSUPPORTED;
	assert_int_equal(child_does(HG_REPORT_ASK, data), HG_E_UNSUPPORTED);
	assert_int_equal(child_does(HG_REPORT_READ, zero), HG_E_ABSENT);
	fake_key.answer = HG_E_BUSY;
	assert_int_equal(child_does(HG_REPORT_ASK, data), HG_E_BUSY);
}

/* An ordinary child's VMMCALL goes to its parent. */
static void test_ordinary(void **state)
{
	u64 plain = make_child(&one, 4), h = make_child_vcpu(&one, plain, NULL);

	(void)state;
	vcpu_of(h)->gpr[HG_RAX] = HG_REPORT_CALL;
	assert_false(hg_confidential(vcpu_of(h)) || hg_nest_is_call(vcpu_of(h)));
}

/* One that L1 has not started asks for nothing. */
static void test_not_started(void **state)
{
	(void)state;
	launch(false);
	guest_wants(HG_REPORT_ASK, data);
	assert_int_equal(nest(&one, VCPU_RUN, handle, 0), HG_E_STATE);
	assert_int_equal(l0.reports, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, nest_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_report), TEST(test_not_told), TEST(test_parent_asks),
		TEST(test_interrupted), TEST(test_destroyed), TEST(test_busy),
		TEST(test_port_fails), TEST(test_ordinary), TEST(test_not_started),
	};

	return nest_run(tests);
}
