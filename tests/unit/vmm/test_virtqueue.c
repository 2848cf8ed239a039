// SPDX-License-Identifier: Apache-2.0
#include "ram.h"

#include <string.h>

#include "util.h"
#include "virtqueue.h"

#define RAM	0x10000u
#define DESC	0x1000u
#define AVAIL	0x2000u
#define USED	0x3000u
#define TABLE	0x4000u
#define DATA	0x8000u
#define SIZE	8u

struct fixture {
	struct guest_mem mem;
	struct virtqueue vq;
	struct vq_chain chain;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	ram_init(&f->mem, RAM, 0);
	vq_reset(&f->vq, &f->mem, SIZE);
	f->vq.desc_gpa = DESC;
	f->vq.avail_gpa = AVAIL;
	f->vq.used_gpa = USED;
	f->vq.indirect = true;
	*state = f;
	return vq_enable(&f->vq);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	ram_free(&f->mem);
	free(f);
	return 0;
}

static void desc_at(struct fixture *f, uint64_t table, unsigned int i, uint64_t addr,
		    uint32_t len, uint16_t flags, uint16_t next)
{
	uint8_t *d = f->mem.region[0].host + table + 16 * i;

	put_le64(d, addr);
	put_le32(d + 8, len);
	put_le16(d + 12, flags);
	put_le16(d + 14, next);
}

static void desc(struct fixture *f, unsigned int i, uint64_t addr, uint32_t len, uint16_t flags,
		 uint16_t next)
{
	desc_at(f, DESC, i, addr, len, flags, next);
}

static uint16_t avail_idx(struct fixture *f)
{
	return get_le16(f->mem.region[0].host + AVAIL + 2);
}

static void offer(struct fixture *f, uint16_t head)
{
	uint8_t *a = f->mem.region[0].host + AVAIL;
	uint16_t idx = avail_idx(f);

	put_le16(a + 4 + 2 * (idx % SIZE), head);
	put_le16(a + 2, (uint16_t)(idx + 1));
}

/* The queue must refuse what was offered, and everything after it. */
static void assert_breaks(struct fixture *f)
{
	assert_int_equal(vq_pop(&f->vq, &f->chain), -22);
	assert_true(f->vq.broken);
	assert_int_equal(f->vq.last_avail, 0);
	assert_int_equal(vq_pop(&f->vq, &f->chain), -22);
	vq_push(&f->vq, &f->chain, 1);
	assert_int_equal(get_le16(f->mem.region[0].host + USED + 2), 0);
	assert_false(vq_need_interrupt(&f->vq));
	assert_false(vq_notify_on(&f->vq));
}

#define NEXT	VRING_DESC_F_NEXT
#define WRITE	VRING_DESC_F_WRITE
#define INDIR	VRING_DESC_F_INDIRECT

static void enable_refuses(void **state)
{
	struct fixture *f = *state;
	static const struct { uint16_t size; uint64_t desc, avail, used; } bad[] = {
		{ 0, DESC, AVAIL, USED }, { 3, DESC, AVAIL, USED }, { 512, DESC, AVAIL, USED },
		{ 8, DESC + 8, AVAIL, USED }, { 8, DESC, AVAIL + 1, USED },
		{ 8, DESC, AVAIL, USED + 2 }, { 8, RAM - 16, AVAIL, USED },
		{ 8, DESC, RAM - 2, USED }, { 8, DESC, AVAIL, RAM - 4 },
		{ 8, UINT64_MAX - 15, AVAIL, USED }, { 8, DESC, UINT64_MAX - 1, USED },
		{ 8, DESC, AVAIL, UINT64_MAX - 3 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct virtqueue vq;

		vq_reset(&vq, &f->mem, bad[i].size);
		vq.desc_gpa = bad[i].desc;
		vq.avail_gpa = bad[i].avail;
		vq.used_gpa = bad[i].used;
		assert_int_equal(vq_enable(&vq), -22);
		assert_false(vq.ready);
		assert_int_equal(vq_pop(&vq, &f->chain), 0);
	}
}

static void simple_chain(void **state)
{
	struct fixture *f = *state;
	char buf[16];

	memcpy(f->mem.region[0].host + DATA, "hello", 5);
	memcpy(f->mem.region[0].host + DATA + 64, "world", 5);
	desc(f, 2, DATA, 5, NEXT, 5);
	desc(f, 5, DATA + 64, 5, NEXT, 0);
	desc(f, 0, DATA + 128, 7, WRITE, 0);
	assert_int_equal(vq_pop(&f->vq, &f->chain), 0);
	offer(f, 2);
	assert_int_equal(vq_pop(&f->vq, &f->chain), 1);
	assert_int_equal(f->chain.head, 2);
	assert_int_equal(f->chain.nr_out, 2);
	assert_int_equal(f->chain.nr_in, 1);
	assert_int_equal(f->chain.out_len, 10);
	assert_int_equal(f->chain.in_len, 7);

	assert_int_equal(vq_chain_read(&f->chain, 0, buf, sizeof(buf)), 10);
	assert_memory_equal(buf, "helloworld", 10);
	assert_int_equal(vq_chain_read(&f->chain, 3, buf, 4), 4);
	assert_memory_equal(buf, "lowo", 4);
	assert_int_equal(vq_chain_read(&f->chain, 10, buf, 4), 0);
	assert_int_equal(vq_chain_write(&f->chain, 2, "abcdefghi", 9), 5);
	assert_memory_equal(f->mem.region[0].host + DATA + 128, "\0\0abcde\0", 8);

	vq_push(&f->vq, &f->chain, 7);
	assert_int_equal(get_le16(f->mem.region[0].host + USED + 2), 1);
	assert_int_equal(get_le32(f->mem.region[0].host + USED + 4), 2);
	assert_int_equal(get_le32(f->mem.region[0].host + USED + 8), 7);
	assert_int_equal(vq_pop(&f->vq, &f->chain), 0);
}

static void iov_of_ranges(void **state)
{
	struct fixture *f = *state;
	uint8_t *ram = f->mem.region[0].host;
	struct iovec iov[4];

	desc(f, 0, DATA, 16, NEXT, 1);
	desc(f, 1, DATA + 100, 32, WRITE | NEXT, 2);
	desc(f, 2, DATA + 200, 32, WRITE, 0);
	offer(f, 0);
	assert_int_equal(vq_pop(&f->vq, &f->chain), 1);
	assert_int_equal(vq_chain_iov(&f->chain, true, 8, 32, iov, 4), 2);
	assert_ptr_equal(iov[0].iov_base, ram + DATA + 108);
	assert_int_equal(iov[0].iov_len, 24);
	assert_ptr_equal(iov[1].iov_base, ram + DATA + 200);
	assert_int_equal(iov[1].iov_len, 8);
	/* Longer than the part, or more segments than there is room for. */
	assert_int_equal(vq_chain_iov(&f->chain, true, 8, 64, iov, 4), 0);
	assert_int_equal(vq_chain_iov(&f->chain, true, 0, 64, iov, 1), 0);
	assert_int_equal(vq_chain_iov(&f->chain, false, 0, 17, iov, 4), 0);
	assert_int_equal(vq_chain_iov(&f->chain, false, 16, 1, iov, 4), 0);
}

/* Indices run freely modulo 2^16. */
static void wraps(void **state)
{
	struct fixture *f = *state;
	unsigned int i;

	desc(f, 3, DATA, 8, 0, 0);
	for (i = 0; i < 70000; i++) {
		offer(f, 3);
		assert_int_equal(vq_pop(&f->vq, &f->chain), 1);
		vq_push(&f->vq, &f->chain, 0);
	}
	assert_int_equal(f->vq.used_idx, 70000 % 65536);
	assert_int_equal(vq_pop(&f->vq, &f->chain), 0);
}

static void unpop_gives_it_again(void **state)
{
	struct fixture *f = *state;

	desc(f, 1, DATA, 8, 0, 0);
	offer(f, 1);
	assert_int_equal(vq_pop(&f->vq, &f->chain), 1);
	vq_unpop(&f->vq);
	assert_int_equal(vq_pop(&f->vq, &f->chain), 1);
	assert_int_equal(f->chain.head, 1);
}

static void index_runs_ahead(void **state)
{
	struct fixture *f = *state;

	put_le16(f->mem.region[0].host + AVAIL + 2, SIZE + 1);
	assert_breaks(f);
}

static void head_out_of_range(void **state)
{
	offer(*state, SIZE);
	assert_breaks(*state);
}

static void next_out_of_range(void **state)
{
	struct fixture *f = *state;

	desc(f, 0, DATA, 8, NEXT, SIZE);
	offer(f, 0);
	assert_breaks(f);
}

static void loop_of_one(void **state)
{
	struct fixture *f = *state;

	desc(f, 0, DATA, 8, NEXT, 0);
	offer(f, 0);
	assert_breaks(f);
}

static void loop_of_all(void **state)
{
	struct fixture *f = *state;
	uint16_t i;

	for (i = 0; i < SIZE; i++)
		desc(f, i, DATA, 8, NEXT, (i + 1) % SIZE);
	offer(f, 4);
	assert_breaks(f);
}

static void outside_memory(void **state)
{
	static const struct { uint64_t addr; uint32_t len; } bad[] = {
		{ RAM, 1 }, { RAM - 1, 2 }, { 0, RAM + 1 }, { UINT64_MAX, 1 },
		{ UINT64_MAX - 7, 8 },
		{ UINT64_MAX - 7, 16 }, { 8, UINT32_MAX }, { MEM_HIGH_BASE, 1 }, { DATA, 0 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct fixture *f = *state;

		desc(f, 0, bad[i].addr, bad[i].len, 0, 0);
		offer(f, 0);
		assert_breaks(f);
		teardown(state);
		assert_int_equal(setup(state), 0);
	}
}

static void readable_after_writable(void **state)
{
	struct fixture *f = *state;

	desc(f, 0, DATA, 8, WRITE | NEXT, 1);
	desc(f, 1, DATA, 8, 0, 0);
	offer(f, 0);
	assert_breaks(f);
}

static void unknown_flags(void **state)
{
	struct fixture *f = *state;

	desc(f, 0, DATA, 8, 8, 0);
	offer(f, 0);
	assert_breaks(f);
}

static void indirect_chain(void **state)
{
	struct fixture *f = *state;
	unsigned int i;

	/* Longer than the ring itself, and not aligned to anything. */
	for (i = 0; i < 20; i++)
		desc_at(f, TABLE + 1, i, DATA + i, 1, i == 19 ? WRITE : NEXT, (uint16_t)(i + 1));
	desc(f, 6, TABLE + 1, 20 * 16, INDIR, 0);
	offer(f, 6);
	assert_int_equal(vq_pop(&f->vq, &f->chain), 1);
	assert_int_equal(f->chain.head, 6);
	assert_int_equal(f->chain.nr_out, 19);
	assert_int_equal(f->chain.nr_in, 1);
}

/* A direct part may come before the table (2.4.5.3.1). */
static void indirect_after_direct(void **state)
{
	struct fixture *f = *state;

	desc(f, 0, DATA, 8, NEXT, 1);
	desc(f, 1, TABLE, 16, INDIR, 0);
	desc_at(f, TABLE, 0, DATA + 8, 8, WRITE, 0);
	offer(f, 0);
	assert_int_equal(vq_pop(&f->vq, &f->chain), 1);
	assert_int_equal(f->chain.nr_out, 1);
	assert_int_equal(f->chain.nr_in, 1);
}

static void indirect_not_negotiated(void **state)
{
	struct fixture *f = *state;

	f->vq.indirect = false;
	desc(f, 0, TABLE, 16, INDIR, 0);
	desc_at(f, TABLE, 0, DATA, 8, 0, 0);
	offer(f, 0);
	assert_breaks(f);
}

static void indirect_bad_tables(void **state)
{
	static const struct { uint64_t addr; uint32_t len; uint16_t flags; } bad[] = {
		{ TABLE, 0, INDIR }, { TABLE, 15, INDIR }, { TABLE, 17, INDIR },
		{ TABLE, 16 * (VQ_SEGS_MAX + 1), INDIR }, { RAM - 8, 16, INDIR },
		{ UINT64_MAX - 15, 16, INDIR }, { TABLE, 16, INDIR | NEXT },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct fixture *f = *state;

		desc(f, 0, bad[i].addr, bad[i].len, bad[i].flags, 1);
		desc_at(f, TABLE, 0, DATA, 8, 0, 0);
		offer(f, 0);
		assert_breaks(f);
		teardown(state);
		assert_int_equal(setup(state), 0);
	}
}

static void indirect_nested_and_looping(void **state)
{
	struct fixture *f = *state;

	desc(f, 0, TABLE, 16, INDIR, 0);
	desc_at(f, TABLE, 0, TABLE, 16, INDIR, 0);
	offer(f, 0);
	assert_breaks(f);
	teardown(state);
	assert_int_equal(setup(state), 0);
	f = *state;
	desc(f, 0, TABLE, 32, INDIR, 0);
	desc_at(f, TABLE, 0, DATA, 8, NEXT, 1);
	desc_at(f, TABLE, 1, DATA, 8, NEXT, 0);
	offer(f, 0);
	assert_breaks(f);
}

static void too_many_segments(void **state)
{
	struct fixture *f = *state;
	unsigned int i;

	/* A full table behind one direct segment: one more than allowed. */
	desc(f, 0, DATA, 8, NEXT, 1);
	desc(f, 1, TABLE, VQ_SEGS_MAX * 16, INDIR, 0);
	for (i = 0; i < VQ_SEGS_MAX; i++)
		desc_at(f, TABLE, i, DATA, 1, i == VQ_SEGS_MAX - 1 ? 0 : NEXT, (uint16_t)(i + 1));
	offer(f, 0);
	assert_breaks(f);
}

static void interrupts_by_flag(void **state)
{
	struct fixture *f = *state;

	desc(f, 0, DATA, 8, 0, 0);
	offer(f, 0);
	assert_int_equal(vq_pop(&f->vq, &f->chain), 1);
	vq_push(&f->vq, &f->chain, 0);
	assert_true(vq_need_interrupt(&f->vq));
	assert_false(vq_need_interrupt(&f->vq));	/* nothing new */
	put_le16(f->mem.region[0].host + AVAIL, VRING_AVAIL_F_NO_INTERRUPT);
	vq_push(&f->vq, &f->chain, 0);
	assert_false(vq_need_interrupt(&f->vq));
}

static void interrupts_by_event(void **state)
{
	struct fixture *f = *state;
	uint8_t *event = f->mem.region[0].host + AVAIL + 4 + 2 * SIZE;
	unsigned int i;

	f->vq.event_idx = true;
	put_le16(event, 3);
	for (i = 1; i <= 6; i++) {
		vq_push(&f->vq, &f->chain, 0);
		/* The first check has no history and may interrupt. */
		if (i > 1)
			assert_int_equal(vq_need_interrupt(&f->vq), i == 4);
		else
			vq_need_interrupt(&f->vq);
	}
}

static void notifications(void **state)
{
	struct fixture *f = *state;
	uint8_t *used = f->mem.region[0].host + USED;

	vq_notify_off(&f->vq);
	assert_int_equal(get_le16(used), VRING_USED_F_NO_NOTIFY);
	assert_false(vq_notify_on(&f->vq));
	assert_int_equal(get_le16(used), 0);
	desc(f, 0, DATA, 8, 0, 0);
	offer(f, 0);
	assert_true(vq_notify_on(&f->vq));

	f->vq.event_idx = true;
	assert_int_equal(vq_pop(&f->vq, &f->chain), 1);
	assert_false(vq_notify_on(&f->vq));
	assert_int_equal(get_le16(used + 4 + 8 * SIZE), 1);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(enable_refuses), TEST(simple_chain), TEST(iov_of_ranges), TEST(wraps),
		TEST(unpop_gives_it_again), TEST(index_runs_ahead), TEST(head_out_of_range),
		TEST(next_out_of_range), TEST(loop_of_one), TEST(loop_of_all),
		TEST(outside_memory), TEST(readable_after_writable), TEST(unknown_flags),
		TEST(indirect_chain), TEST(indirect_after_direct), TEST(indirect_not_negotiated),
		TEST(indirect_bad_tables), TEST(indirect_nested_and_looping),
		TEST(too_many_segments), TEST(interrupts_by_flag), TEST(interrupts_by_event),
		TEST(notifications),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
