// SPDX-License-Identifier: GPL-2.0-only
/*
 * libFuzzer target: hg_emulate() with hostile instruction bytes, registers,
 * control registers and segments, and with callbacks that wait, fault, fail,
 * lose exchanges or answer nonsense. The sanitizers look for undefined
 * behaviour; the target itself checks the contract of every result.
 *
 * Input: struct header.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "emulate.h"

#define CHECK(c) \
	do { \
		if (!(c)) { \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #c); \
			abort(); \
		} \
	} while (0)

/* What decides most comes first: short inputs are zero-filled. */
struct header {
	u8 code[15];
	u8 mode;
	u8 cpl;
	u8 flags;		/* bit 0 CR0.PE, 1 EM, 2 TS, 3 OSFXSR, 4 AVX, 5 LA57, ... */
	u8 script[16];		/* answers of the callbacks, in turn */
	u8 nr_bytes;
	u8 bulk;
	u8 seg_attr[8];
	u16 limit_lo;
	u32 rflags;
	u64 gpr[16];
	u64 rip;
} __attribute__((packed));

struct world {
	struct header h;
	u32 turn;
	u32 posted;
	u32 waited;
	u64 gpr[16];
	u8 bulk[4096];
	struct hg_replay replay;
	u8 mem[4096];		/* every page is this one */
};

static u8 script(struct world *w)
{
	return w->h.script[w->turn++ % sizeof(w->h.script)];
}

static void op_seg(void *ctx, enum hg_seg seg, struct hg_segment *out)
{
	struct world *w = ctx;

	CHECK((unsigned int)seg < 8);
	out->base = w->h.gpr[seg];
	out->limit = w->h.seg_attr[seg] & 0x40 ? 0xffffffff : w->h.limit_lo;
	out->selector = (u16)w->h.gpr[seg];
	out->attr = (u16)(w->h.seg_attr[seg] | (w->h.seg_attr[seg] & 0x60) << 4);
}

static void check_range(u64 linear, u32 len, u32 max)
{
	CHECK(len >= 1 && len <= max);
	CHECK((linear & 4095) + len <= 4096);
}

static enum hg_emu_io answer(struct world *w, bool write, struct hg_emu_fault *f)
{
	u8 s = script(w);

	switch (s & 0x1f) {
	case 1:
		f->vector = HG_VEC_PF;
		f->has_error = true;
		f->error_code = s;
		f->cr2 = s;
		return HG_EMU_IO_FAULT;
	case 2:
		return HG_EMU_IO_FAIL;
	case 3:
	case 4:
		return write ? HG_EMU_IO_POSTED : HG_EMU_IO_PENDING;
	case 5:
		return s >> 5;	/* whatever, allowed or not */
	default:
		return HG_EMU_IO_OK;
	}
}

static enum hg_emu_io op_fetch(void *ctx, u64 linear, void *buf, u32 len, u32 access,
			       struct hg_emu_fault *f)
{
	struct world *w = ctx;
	enum hg_emu_io io = answer(w, false, f);
	u32 i;

	check_range(linear, len, HG_INSN_MAX_LEN);
	CHECK(access & HG_ACC_FETCH);
	for (i = 0; i < len; i++)
		((u8 *)buf)[i] = w->h.code[(linear - w->h.rip + i) % sizeof(w->h.code)];
	return io;
}

static enum hg_emu_io op_read(void *ctx, u64 linear, void *buf, u32 len, u32 access,
			      struct hg_emu_fault *f)
{
	struct world *w = ctx;
	enum hg_emu_io io;

	check_range(linear, len, !buf || len > 32 ? 4096 : 32);
	CHECK(!buf == !!(access & HG_ACC_PROBE));
	if (buf && len <= HG_REPLAY_DATA && hg_replay_get(&w->replay, linear, buf, len))
		return HG_EMU_IO_OK;
	io = answer(w, false, f);
	if (io == HG_EMU_IO_PENDING && buf) {
		w->waited++;
		if (len > HG_REPLAY_DATA || !hg_replay_ask(&w->replay, linear, len))
			return HG_EMU_IO_FAIL;
		return io;
	}
	if (buf)
		memcpy(buf, w->mem + (linear & 4095), len);
	return io;
}

static enum hg_emu_io op_write(void *ctx, u64 linear, const void *buf, u32 len, u32 access,
			       struct hg_emu_fault *f)
{
	struct world *w = ctx;
	enum hg_emu_io io = answer(w, true, f);

	check_range(linear, len, len > 32 ? 4096 : 32);
	CHECK(access & HG_ACC_WRITE);
	if (io == HG_EMU_IO_POSTED)
		w->posted++;
	memcpy(w->mem + (linear & 4095), buf, len);
	return io;
}

static enum hg_emu_io op_cmpxchg(void *ctx, u64 linear, const void *old, const void *new, u32 len,
				 u32 access, struct hg_emu_fault *f)
{
	struct world *w = ctx;
	enum hg_emu_io io = answer(w, true, f);

	check_range(linear, len, 16);
	CHECK(len == 1 || len == 2 || len == 4 || len == 8 || len == 16);
	CHECK(access & HG_ACC_WRITE);
	if (memcmp(w->mem + (linear & 4095), old, len))
		return HG_EMU_IO_LOST;
	if (io == HG_EMU_IO_POSTED)
		w->posted++;
	memcpy(w->mem + (linear & 4095), new, len);
	return io;
}

static enum hg_emu_io op_pio_in(void *ctx, u16 port, u32 size, u32 count, void *buf)
{
	struct world *w = ctx;
	struct hg_emu_fault unused;
	enum hg_emu_io io = answer(w, false, &unused);

	CHECK(size == 1 || size == 2 || size == 4);
	CHECK(count >= 1 && count <= 4096 / size);
	memset(buf, port, (size_t)size * count);
	return io == HG_EMU_IO_FAULT ? HG_EMU_IO_OK : io;
}

static enum hg_emu_io op_pio_out(void *ctx, u16 port, u32 size, u32 count, const void *buf)
{
	struct world *w = ctx;
	struct hg_emu_fault unused;
	enum hg_emu_io io = answer(w, true, &unused);
	u8 sum = (u8)port;
	u32 i;

	CHECK(size == 1 || size == 2 || size == 4);
	CHECK(count >= 1 && count <= 4096 / size);
	for (i = 0; i < size * count; i++)
		sum += ((const u8 *)buf)[i];
	w->mem[0] = sum;
	if (io == HG_EMU_IO_POSTED)
		w->posted++;
	return io == HG_EMU_IO_FAULT ? HG_EMU_IO_OK : io;
}

static enum hg_emu_io op_get_vec(void *ctx, enum hg_vec_file file, u32 nr, void *buf, u32 len)
{
	struct hg_emu_fault unused;
	enum hg_emu_io io = answer(ctx, false, &unused);

	CHECK(file == HG_VEC_FILE_MMX ? nr < 8 && len == 8
				      : nr < 16 && (len == 16 || len == 32));
	memset(buf, (int)nr, len);
	return io == HG_EMU_IO_FAULT ? HG_EMU_IO_OK : io;
}

static enum hg_emu_io op_set_vec(void *ctx, enum hg_vec_file file, u32 nr, const void *buf,
				 u32 len, bool zero_upper)
{
	struct world *w = ctx;

	(void)zero_upper;
	CHECK(file == HG_VEC_FILE_MMX ? nr < 8 && len == 8
				      : nr < 16 && (len == 16 || len == 32));
	memcpy(w->bulk, buf, len);
	return HG_EMU_IO_OK;
}

static enum hg_emu_io op_load_seg(void *ctx, enum hg_seg seg, u16 selector, struct hg_emu_fault *f)
{
	(void)selector;
	CHECK(seg <= HG_SEG_GS && seg != HG_SEG_CS);
	return answer(ctx, false, f);
}

static const struct hg_emu_ops ops = {
	.seg = op_seg,
	.fetch = op_fetch,
	.read = op_read,
	.write = op_write,
	.cmpxchg = op_cmpxchg,
	.pio_in = op_pio_in,
	.pio_out = op_pio_out,
	.get_vec = op_get_vec,
	.set_vec = op_set_vec,
	.load_seg = op_load_seg,
};

static void set_up(struct world *w, struct hg_emu *e)
{
	u8 f = w->h.flags;

	memset(e, 0, sizeof(*e));
	memcpy(w->gpr, w->h.gpr, sizeof(w->gpr));
	e->gpr = w->gpr;
	e->rip = w->h.rip;
	e->rflags = w->h.rflags | 2;
	e->cr0 = (f & 1) | (f & 2 ? 4 : 0) | (f & 4 ? 8 : 0);
	e->cr4 = (f & 8 ? 1 << 9 : 0) | (f & 16 ? 1 << 18 : 0) | (f & 32 ? 1 << 12 : 0);
	e->xcr0 = f & 16 ? 7 : 1;
	e->in_flags = f & 64 ? HG_EMU_IN_IO_CHECKED : 0;
	e->mode = w->h.mode & 3;
	e->cpl = w->h.cpl & 3;
	e->ops = &ops;
	e->ctx = w;
	e->replay = f & 128 ? &w->replay : NULL;
	e->bulk = w->h.bulk ? w->bulk : NULL;
	e->bulk_size = w->h.bulk * 17u < sizeof(w->bulk) ? w->h.bulk * 17u : sizeof(w->bulk);
	e->nr_bytes = w->h.nr_bytes & 15;
	memcpy(e->bytes, w->h.code, sizeof(e->bytes));
}

/* What must hold whatever happened. */
static void check_result(const struct world *w, const struct hg_emu *e, const struct hg_emu *was,
			 const u64 *gpr, enum hg_emu_result ret)
{
	bool progress = e->out_flags & HG_EMU_OUT_PROGRESS;

	CHECK(ret <= HG_EMU_UNSUPPORTED);
	CHECK(e->gpr == w->gpr && e->mode == was->mode && e->cpl == was->cpl);
	CHECK(!(e->out_flags & ~15u));
	CHECK((ret == HG_EMU_UNSUPPORTED) == (e->reason != HG_EMU_R_NONE));
	CHECK(w->posted <= HG_EMU_MAX_POSTED);
	CHECK(!w->posted || (e->out_flags & HG_EMU_OUT_POSTED) || ret == HG_EMU_FAULT ||
	      ret == HG_EMU_UNSUPPORTED);
	if (ret == HG_EMU_DONE) {
		CHECK(!progress && !(e->rflags & (1 << 16)));
		CHECK(e->insn.len >= 1 && e->insn.len <= 15);
	} else {
		CHECK(e->rip == was->rip);
		CHECK(!(e->out_flags & HG_EMU_OUT_SHADOW));
		if (ret != HG_EMU_REPEAT && !progress) {
			CHECK(!memcmp(w->gpr, gpr, sizeof(w->gpr)));
			CHECK(e->rflags == was->rflags);
		}
	}
	/* Only arithmetic flags, and RF, are ever touched. */
	CHECK(!((e->rflags ^ was->rflags) & ~(0x8d5ull | 1 << 16)));
	if (ret == HG_EMU_FAULT)
		CHECK(e->fault.vector < 32);
	if (ret != HG_EMU_IO && e->replay)
		CHECK(!w->replay.count);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static struct world w;
	struct hg_emu e, was;
	enum hg_emu_result ret;
	u64 gpr[16];
	u8 zero[HG_REPLAY_DATA] = { 0 };
	u32 i;

	memset(&w, 0, sizeof(w));
	memcpy(&w.h, data, size < sizeof(w.h) ? size : sizeof(w.h));
	memset(w.mem, 0x5a, sizeof(w.mem));
	set_up(&w, &e);
	for (i = 0; i < 8; i++) {
		was = e;
		memcpy(gpr, w.gpr, sizeof(gpr));
		w.posted = 0;
		ret = hg_emulate(&e);
		check_result(&w, &e, &was, gpr, ret);
		if (ret == HG_EMU_IO && e.replay && w.replay.count) {
			u32 n = w.replay.entry[w.replay.count - 1].len;

			if (!w.replay.entry[w.replay.count - 1].answered)
				CHECK(hg_replay_answer(&w.replay, zero, n));
		} else if (ret != HG_EMU_REPEAT && ret != HG_EMU_IO) {
			break;
		}
	}
	return 0;
}
