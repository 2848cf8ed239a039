// SPDX-License-Identifier: GPL-2.0-only
/*
 * Emulated instructions: strings, with and without a repeat prefix.
 *
 * One call does iterations until the count or condition ends them, something
 * else than "done" turns up, a write was posted, or HG_EMU_BATCH bytes were
 * moved. Each iteration is an instruction of its own: it is committed to the
 * registers before the next one starts.
 */
#include "emulate_priv.h"

struct string {
	u32 size;		/* of an element */
	u32 width;		/* of rSI, rDI, rCX */
	u64 rsi;
	u64 rdi;
	u64 rcx;
	u64 fl;
	bool repeat;
	bool src;		/* uses rSI */
	bool dst;		/* uses rDI */
};

/* MOVS, CMPS, STOS, LODS, SCAS: bits of what an opcode uses. */
static void string_init(const struct hg_run *r, struct string *s)
{
	const struct hg_insn *insn = r->insn;
	u8 op = insn->opcode & 0xfe;

	s->size = insn->opsize;
	/* Ports are not 8 bytes wide, REX.W or not. */
	if (op <= 0x6e && s->size == 8)
		s->size = 4;
	s->width = insn->addrsize;
	s->rsi = hg_run_reg(r, HG_RSI, s->width);
	s->rdi = hg_run_reg(r, HG_RDI, s->width);
	s->rcx = hg_run_reg(r, HG_RCX, s->width);
	s->fl = r->rflags;
	s->repeat = insn->flags & (HG_INSN_REP | HG_INSN_REPNE);
	s->src = op == 0xa4 || op == 0xa6 || op == 0xac || op == 0x6e;
	s->dst = op == 0xa4 || op == 0xa6 || op == 0xaa || op == 0xae ||
		 op == 0x6c;
}

static enum hg_emu_result src_linear(struct hg_run *r, const struct string *s,
				     u32 len, u64 *linear)
{
	return hg_mem_linear(r, r->insn->seg, s->rsi, len, HG_ACC_READ,
			     linear);
}

/* The destination is in ES; no prefix changes that. */
static enum hg_emu_result dst_linear(struct hg_run *r, const struct string *s,
				     u32 len, u32 access, u64 *linear)
{
	return hg_mem_linear(r, HG_SEG_ES, s->rdi, len, access, linear);
}

static enum hg_emu_result load_src(struct hg_run *r, const struct string *s,
				   u64 *v)
{
	enum hg_emu_result ret;
	u64 linear;

	*v = 0;
	ret = src_linear(r, s, s->size, &linear);
	if (ret)
		return ret;
	return hg_mem_read(r, linear, v, s->size, HG_ACC_READ);
}

static enum hg_emu_result load_dst(struct hg_run *r, const struct string *s,
				   u64 *v)
{
	enum hg_emu_result ret;
	u64 linear;

	*v = 0;
	ret = dst_linear(r, s, s->size, HG_ACC_READ, &linear);
	if (ret)
		return ret;
	return hg_mem_read(r, linear, v, s->size, HG_ACC_READ);
}

static enum hg_emu_result store_dst(struct hg_run *r, const struct string *s,
				    u64 v)
{
	enum hg_emu_result ret;
	u64 linear;

	ret = dst_linear(r, s, s->size, HG_ACC_WRITE, &linear);
	if (ret)
		return ret;
	return hg_mem_write(r, linear, &v, s->size, 0, false);
}

/* One element of everything but INS and OUTS. */
static enum hg_emu_result element(struct hg_run *r, struct string *s)
{
	enum hg_emu_result ret;
	u64 a, b;

	switch (r->insn->opcode & 0xfe) {
	case 0xa4:
		ret = load_src(r, s, &a);
		return ret ? ret : store_dst(r, s, a);
	case 0xa6:
		ret = load_src(r, s, &a);
		if (!ret)
			ret = load_dst(r, s, &b);
		break;
	case 0xaa:
		return store_dst(r, s, hg_run_reg(r, HG_RAX, s->size));
	case 0xac:
		ret = load_src(r, s, &a);
		if (!ret)
			hg_run_set_reg(r, HG_RAX, s->size, a);
		return ret;
	default:
		a = hg_run_reg(r, HG_RAX, s->size);
		ret = load_dst(r, s, &b);
		break;
	}
	if (!ret)
		hg_alu(HG_ALU_CMP, a, b, s->size, &s->fl);
	return ret;
}

/*
 * How many elements of a port string can go in one piece: forward, inside
 * one page, inside the segment, no wrap-around, and room in the work area.
 */
static u32 bulk_count(const struct hg_run *r, const struct string *s,
		      u64 offset, u64 linear)
{
	const struct hg_emu *e = r->emu;
	u64 n = s->rcx, room, wrap = hg_size_mask(s->width) - offset;

	if (!s->repeat || !e->bulk || (s->fl & (HG_FL_DF | HG_FL_TF)))
		return 1;
	room = HG_PAGE_SIZE - (linear & ~HG_PAGE_MASK);
	if (room > e->bulk_size)
		room = e->bulk_size;
	if (room > HG_EMU_BATCH)
		room = HG_EMU_BATCH;
	if (room - 1 > wrap)
		room = wrap + 1;
	if (n > room / s->size)
		n = room / s->size;
	return n ? (u32)n : 1;
}

/* Settle the count: the segment may be shorter, and it may not be RAM. */
static enum hg_emu_result bulk_settle(struct hg_run *r, const struct string *s,
				      u32 access, u64 linear, u32 *n)
{
	u8 seg = access & HG_ACC_WRITE ? HG_SEG_ES : r->insn->seg;
	u64 offset = access & HG_ACC_WRITE ? s->rdi : s->rsi, again;
	enum hg_emu_result ret;
	bool ram;

	if (*n == 1)
		return HG_EMU_DONE;
	if (hg_mem_linear(r, seg, offset, *n * s->size, access, &again)) {
		/* The fault belongs to a later iteration. */
		*n = 1;
		return HG_EMU_DONE;
	}
	ret = hg_mem_probe(r, linear, *n * s->size, access, &ram);
	if (!ret && !ram)
		*n = 1;
	return ret;
}

/* OUTS: *n elements went. */
static enum hg_emu_result port_out(struct hg_run *r, const struct string *s,
				   u16 port, u32 *n)
{
	struct hg_emu *e = r->emu;
	enum hg_emu_result ret;
	enum hg_emu_io io;
	u64 linear, one;
	void *buf = &one;

	ret = src_linear(r, s, s->size, &linear);
	if (ret)
		return ret;
	*n = bulk_count(r, s, s->rsi, linear);
	ret = bulk_settle(r, s, HG_ACC_READ, linear, n);
	if (ret)
		return ret;
	if (*n > 1) {
		buf = e->bulk;
		io = e->ops->read(e->ctx, linear, buf, *n * s->size,
				  e->cpl == 3 ? HG_ACC_USER : 0, &e->fault);
		ret = hg_run_answer(r, io, false);
	} else {
		ret = hg_mem_read(r, linear, buf, s->size, HG_ACC_READ);
	}
	if (ret)
		return ret;
	io = e->ops->pio_out(e->ctx, port, s->size, *n, buf);
	return hg_run_answer(r, io, true);
}

/*
 * INS. The destination is checked before the port is read, for reading it
 * cannot be undone.
 */
static enum hg_emu_result port_in(struct hg_run *r, const struct string *s,
				  u16 port, u32 *n)
{
	struct hg_emu *e = r->emu;
	enum hg_emu_result ret;
	enum hg_emu_io io;
	u64 linear, one = 0;
	void *buf = &one;
	bool ram;

	ret = dst_linear(r, s, s->size, HG_ACC_WRITE, &linear);
	if (ret)
		return ret;
	*n = bulk_count(r, s, s->rdi, linear);
	ret = bulk_settle(r, s, HG_ACC_WRITE, linear, n);
	if (ret)
		return ret;
	if (*n == 1) {
		ret = hg_mem_probe(r, linear, s->size, HG_ACC_WRITE, &ram);
		if (ret)
			return ret;
	} else {
		buf = e->bulk;
	}

	io = e->ops->pio_in(e->ctx, port, s->size, *n, buf);
	ret = hg_run_answer(r, io, false);
	if (ret)
		return ret;
	if (*n == 1)
		return hg_mem_write(r, linear, buf, s->size, 0, true);
	io = e->ops->write(e->ctx, linear, buf, *n * s->size,
			   HG_ACC_WRITE | (e->cpl == 3 ? HG_ACC_USER : 0),
			   &e->fault);
	return hg_run_answer(r, io, true);
}

static enum hg_emu_result step(struct hg_run *r, struct string *s, u32 *n)
{
	u16 port;
	enum hg_emu_result ret;

	*n = 1;
	if (r->insn->opcode > 0x6f)
		return element(r, s);

	port = (u16)hg_run_gpr(r, HG_RDX);
	ret = hg_port_check(r, port, s->size);
	if (ret)
		return ret;
	return r->insn->opcode & 2 ? port_out(r, s, port, n)
				   : port_in(r, s, port, n);
}

/* Count n elements as done. */
static void advance(struct hg_run *r, struct string *s, u32 n)
{
	u64 by = (u64)n * s->size, mask = hg_size_mask(s->width);

	if (s->fl & HG_FL_DF)
		by = 0 - by;
	if (s->src) {
		s->rsi = (s->rsi + by) & mask;
		hg_run_set_reg(r, HG_RSI, s->width, s->rsi);
	}
	if (s->dst) {
		s->rdi = (s->rdi + by) & mask;
		hg_run_set_reg(r, HG_RDI, s->width, s->rdi);
	}
	if (s->repeat) {
		s->rcx -= n;
		hg_run_set_reg(r, HG_RCX, s->width, s->rcx);
	}
	r->rflags = s->fl;
	r->progress = true;
	r->sole = 0;
}

/* Does the outcome of CMPS or SCAS end the repetition? */
static bool condition_ends(const struct hg_run *r, const struct string *s)
{
	u8 op = r->insn->opcode & 0xfe;
	bool zf = s->fl & HG_FL_ZF;

	if (op != 0xa6 && op != 0xae)
		return false;
	return zf == !(r->insn->flags & HG_INSN_REP);
}

enum hg_emu_result hg_exec_string(struct hg_run *r)
{
	u8 op = r->insn->opcode & 0xfe;
	enum hg_emu_result ret;
	struct string s;
	u32 moved = 0, n;

	string_init(r, &s);
	if (op == 0xa4 || op == 0xa6)
		r->sole = 0;
	if (s.repeat && !s.rcx)
		return HG_EMU_DONE;

	for (;;) {
		ret = step(r, &s, &n);
		if (ret)
			return ret;
		advance(r, &s, n);
		if (r->emu->replay)
			hg_replay_reset(r->emu->replay);
		if (!s.repeat || !s.rcx || condition_ends(r, &s))
			return HG_EMU_DONE;
		moved += n * s.size;
		if (moved >= HG_EMU_BATCH || (s.fl & HG_FL_TF) ||
		    (r->out_flags & HG_EMU_OUT_POSTED))
			return HG_EMU_REPEAT;
	}
}
