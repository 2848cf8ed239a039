// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page ownership: every move from every state, all or none.
 */
#include <string.h>

#include "world.h"

#define OWNER	7

static void set(u64 pfn, u8 state, u16 owner, u32 maps)
{
	world.table[pfn] = (struct hg_frame){ .state = state, .owner = owner, .maps = maps };
}

/* The records of a test are made up, so that nothing refers to them. */
static void forget(u64 pfn, u64 count)
{
	while (count--)
		set(pfn + count, HG_FRAME_HOST, 0, 0);
}

/* docs/page-states.md, once more and by hand; what is missing is refused. */
static const struct {
	enum hg_frame_move move;
	u8 from, to;
	u32 maps, maps_after;
} legal[] = {
	{ HG_MOVE_LEND, HG_FRAME_HOST, HG_FRAME_LENT, 0, 1 },
	{ HG_MOVE_LEND, HG_FRAME_LENT, HG_FRAME_LENT, 1, 2 },
	{ HG_MOVE_UNLEND, HG_FRAME_LENT, HG_FRAME_HOST, 1, 0 },
	{ HG_MOVE_DONATE, HG_FRAME_HOST, HG_FRAME_CORE, 0, 0 },
	{ HG_MOVE_RETURN, HG_FRAME_CORE, HG_FRAME_HOST, 0, 0 },
	{ HG_MOVE_CONTROL, HG_FRAME_HOST, HG_FRAME_CONTROL, 0, 0 },
	{ HG_MOVE_UNCONTROL, HG_FRAME_CONTROL, HG_FRAME_HOST, 0, 0 },
	{ HG_MOVE_ENTRUST, HG_FRAME_HOST, HG_FRAME_PRIVATE, 0, 0 },
	{ HG_MOVE_UNENTRUST, HG_FRAME_PRIVATE, HG_FRAME_HOST, 0, 0 },
	{ HG_MOVE_WITHDRAW, HG_FRAME_PRIVATE, HG_FRAME_CORE, 0, 0 },
	{ HG_MOVE_UNWITHDRAW, HG_FRAME_CORE, HG_FRAME_PRIVATE, 0, 0 },
};

static bool has_owner(u8 state)
{
	return state == HG_FRAME_CORE || state == HG_FRAME_CONTROL || state == HG_FRAME_PRIVATE;
}

static void try(u64 pfn, enum hg_frame_move move, u8 from)
{
	struct hg_frame before, after;
	s64 status;
	u32 i;

	set(pfn, from, has_owner(from) ? OWNER : 0, from == HG_FRAME_LENT);
	before = record(pfn);
	status = hg_frames_move(pfn, 1, move, OWNER);
	after = record(pfn);
	for (i = 0; i < HG_ARRAY_SIZE(legal); i++) {
		if (legal[i].move != move || legal[i].from != from)
			continue;
		assert_int_equal(status, HG_OK);
		assert_int_equal(after.state, legal[i].to);
		assert_int_equal(after.maps, legal[i].maps_after);
		assert_int_equal(after.owner, has_owner(after.state) ? OWNER : 0);
		return;
	}
	assert_int_equal(status, from == HG_FRAME_DEVICE ? HG_E_RANGE : HG_E_OWNER);
	assert_memory_equal(&before, &after, sizeof(before));
}

static void test_every_move(void **state)
{
	u64 pfn = take1();
	u32 move, from;

	(void)state;
	for (move = 0; move < HG_FRAME_MOVES; move++)
		for (from = 0; from < HG_FRAME_STATES; from++)
			try(pfn, (enum hg_frame_move)move, (u8)from);
	forget(pfn, 1);
}

static void test_wrong_owner(void **state)
{
	u64 pfn = take1();

	(void)state;
	set(pfn, HG_FRAME_CORE, OWNER, 0);
	assert_int_equal(hg_frames_move(pfn, 1, HG_MOVE_RETURN, OWNER + 1), HG_E_OWNER);
	assert_int_equal(hg_frames_move(pfn, 1, HG_MOVE_RETURN, 0), HG_E_OWNER);
	assert_int_equal(record(pfn).owner, OWNER);
	set(pfn, HG_FRAME_CONTROL, OWNER, 0);
	assert_int_equal(hg_frames_move(pfn, 1, HG_MOVE_UNCONTROL, OWNER + 1), HG_E_OWNER);
	assert_int_equal(record(pfn).state, HG_FRAME_CONTROL);
	set(pfn, HG_FRAME_PRIVATE, OWNER, 0);
	assert_int_equal(hg_frames_move(pfn, 1, HG_MOVE_UNENTRUST, OWNER + 1), HG_E_OWNER);
	assert_int_equal(hg_frames_move(pfn, 1, HG_MOVE_WITHDRAW, OWNER + 1), HG_E_OWNER);
	assert_int_equal(record(pfn).state, HG_FRAME_PRIVATE);
	assert_int_equal(record(pfn).owner, OWNER);
	forget(pfn, 1);
}

/* A range with one frame that cannot move stays as it was, whichever frame. */
static void test_all_or_none(void **state)
{
	static const struct {
		enum hg_frame_move move;
		u8 from, bad;
		s64 status;
	} cases[] = {
		{ HG_MOVE_LEND, HG_FRAME_HOST, HG_FRAME_CORE, HG_E_OWNER },
		{ HG_MOVE_LEND, HG_FRAME_HOST, HG_FRAME_DEVICE, HG_E_RANGE },
		{ HG_MOVE_LEND, HG_FRAME_LENT, HG_FRAME_CONTROL, HG_E_OWNER },
		{ HG_MOVE_UNLEND, HG_FRAME_LENT, HG_FRAME_HOST, HG_E_OWNER },
		{ HG_MOVE_DONATE, HG_FRAME_HOST, HG_FRAME_LENT, HG_E_OWNER },
		{ HG_MOVE_DONATE, HG_FRAME_HOST, HG_FRAME_DEVICE, HG_E_RANGE },
		{ HG_MOVE_RETURN, HG_FRAME_CORE, HG_FRAME_HOST, HG_E_OWNER },
		{ HG_MOVE_CONTROL, HG_FRAME_HOST, HG_FRAME_LENT, HG_E_OWNER },
		{ HG_MOVE_UNCONTROL, HG_FRAME_CONTROL, HG_FRAME_CORE, HG_E_OWNER },
	};
	u64 pfn = take(8, 1), i, bad, f;
	u64 counts[HG_FRAME_STATES];
	struct hg_frame before[8];

	(void)state;
	for (f = 0; f < HG_FRAME_STATES; f++)
		counts[f] = hg_frames_count((enum hg_frame_state)f);
	for (i = 0; i < HG_ARRAY_SIZE(cases); i++)
		for (bad = 0; bad < 8; bad++) {
			for (f = 0; f < 8; f++) {
				u8 s = f == bad ? cases[i].bad : cases[i].from;

				set(pfn + f, s, s == HG_FRAME_CORE || s == HG_FRAME_CONTROL ?
				    OWNER : 0, s == HG_FRAME_LENT ? 3 : 0);
			}
			memcpy(before, &world.table[pfn], sizeof(before));
			assert_int_equal(hg_frames_move(pfn, 8, cases[i].move, OWNER),
					 cases[i].status);
			assert_memory_equal(before, &world.table[pfn], sizeof(before));
		}
	for (f = 0; f < HG_FRAME_STATES; f++)
		assert_int_equal(hg_frames_count((enum hg_frame_state)f), counts[f]);
	forget(pfn, 8);
}

static void test_range(void **state)
{
	static const struct {
		u64 pfn, count;
	} bad[] = {
		{ WORLD_FRAMES, 1 }, { WORLD_FRAMES - 1, 2 }, { 0, WORLD_FRAMES + 1 },
		{ ~0ULL, 1 }, { 1, ~0ULL }, { 1ULL << 52, 0 }, { ~0ULL, ~0ULL },
	};
	u32 i, move;

	(void)state;
	for (move = 0; move < HG_FRAME_MOVES; move++)
		for (i = 0; i < HG_ARRAY_SIZE(bad); i++)
			assert_int_equal(hg_frames_move(bad[i].pfn, bad[i].count,
							(enum hg_frame_move)move, 0), HG_E_RANGE);
}

static void test_maps_limit(void **state)
{
	u64 pfn = take(2, 1);

	(void)state;
	set(pfn, HG_FRAME_LENT, 0, 5);
	set(pfn + 1, HG_FRAME_LENT, 0, ~0u);
	assert_int_equal(hg_frames_move(pfn, 2, HG_MOVE_LEND, 0), HG_E_LIMIT);
	assert_int_equal(record(pfn).maps, 5);
	assert_int_equal(record(pfn + 1).maps, ~0u);
	set(pfn + 1, HG_FRAME_LENT, 0, ~0u - 1);
	assert_int_equal(hg_frames_move(pfn, 2, HG_MOVE_LEND, 0), HG_OK);
	assert_int_equal(record(pfn + 1).maps, ~0u);
	forget(pfn, 2);
}

static void test_counts(void **state)
{
	u64 pfn = take(4, 1), host = hg_frames_count(HG_FRAME_HOST);

	(void)state;
	assert_int_equal(hg_frames_move(pfn, 4, HG_MOVE_LEND, 0), HG_OK);
	assert_int_equal(hg_frames_move(pfn, 2, HG_MOVE_LEND, 0), HG_OK);
	assert_int_equal(hg_frames_count(HG_FRAME_LENT), 4);
	assert_int_equal(hg_frames_count(HG_FRAME_HOST), host - 4);
	assert_int_equal(hg_frames_move(pfn, 4, HG_MOVE_UNLEND, 0), HG_OK);
	assert_int_equal(hg_frames_count(HG_FRAME_LENT), 2);
	assert_int_equal(hg_frames_move(pfn, 2, HG_MOVE_UNLEND, 0), HG_OK);
	assert_int_equal(hg_frames_count(HG_FRAME_LENT), 0);
	assert_int_equal(hg_frames_count(HG_FRAME_HOST), host);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_every_move), TEST(test_wrong_owner), TEST(test_all_or_none),
		TEST(test_range), TEST(test_maps_limit), TEST(test_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
