// SPDX-License-Identifier: GPL-2.0-only
/*
 * Emulator: from RIP to a result. Fetches, decodes, picks the group of the
 * instruction, and commits what the group computed.
 */
#include "emulate_priv.h"

enum group {
	G_NONE,
	G_ARITH,
	G_BITS,
	G_MOVE,
	G_EXCHANGE,
	G_STACK,
	G_STRING,
	G_PORT,
	G_VECTOR,
};

static const u8 group_1b[256] = {
	[0x00 ... 0x05] = G_ARITH, [0x06 ... 0x07] = G_STACK,
	[0x08 ... 0x0d] = G_ARITH, [0x0e] = G_STACK,
	[0x10 ... 0x15] = G_ARITH, [0x16 ... 0x17] = G_STACK,
	[0x18 ... 0x1d] = G_ARITH, [0x1e ... 0x1f] = G_STACK,
	[0x20 ... 0x25] = G_ARITH, [0x28 ... 0x2d] = G_ARITH,
	[0x30 ... 0x35] = G_ARITH, [0x38 ... 0x3d] = G_ARITH,
	[0x40 ... 0x4f] = G_ARITH,
	[0x50 ... 0x5f] = G_STACK,
	[0x63] = G_MOVE,
	[0x68] = G_STACK, [0x69] = G_ARITH,
	[0x6a] = G_STACK, [0x6b] = G_ARITH,
	[0x6c ... 0x6f] = G_STRING,
	[0x80 ... 0x85] = G_ARITH,
	[0x86 ... 0x87] = G_EXCHANGE,
	[0x88 ... 0x8e] = G_MOVE,
	[0x8f] = G_STACK,
	[0x90 ... 0x97] = G_EXCHANGE,
	[0x98 ... 0x99] = G_ARITH,
	[0xa0 ... 0xa3] = G_MOVE,
	[0xa4 ... 0xa7] = G_STRING,
	[0xa8 ... 0xa9] = G_ARITH,
	[0xaa ... 0xaf] = G_STRING,
	[0xb0 ... 0xbf] = G_MOVE,
	[0xc0 ... 0xc1] = G_ARITH,
	[0xc6 ... 0xc7] = G_MOVE,
	[0xd0 ... 0xd3] = G_ARITH,
	[0xd7] = G_MOVE,
	[0xe4 ... 0xe7] = G_PORT,
	[0xec ... 0xef] = G_PORT,
	[0xf6 ... 0xf7] = G_ARITH,
	[0xfe ... 0xff] = G_ARITH,	/* but see group_of() */
};

static const u8 group_0f[256] = {
	[0x10 ... 0x13] = G_VECTOR, [0x16 ... 0x17] = G_VECTOR,
	[0x28 ... 0x29] = G_VECTOR, [0x2b] = G_VECTOR,
	[0x40 ... 0x4f] = G_BITS,
	[0x6e ... 0x6f] = G_VECTOR, [0x7e ... 0x7f] = G_VECTOR,
	[0x90 ... 0x9f] = G_BITS,
	[0xa0 ... 0xa1] = G_STACK, [0xa3] = G_BITS,
	[0xa4 ... 0xa5] = G_ARITH,
	[0xa8 ... 0xa9] = G_STACK, [0xab] = G_BITS,
	[0xac ... 0xad] = G_ARITH, [0xaf] = G_ARITH,
	[0xb0 ... 0xb1] = G_EXCHANGE, [0xb3] = G_BITS,
	[0xb6 ... 0xb7] = G_MOVE,
	[0xb8] = G_BITS, [0xba ... 0xbd] = G_BITS,
	[0xbe ... 0xbf] = G_MOVE,
	[0xc0 ... 0xc1] = G_EXCHANGE, [0xc3] = G_MOVE,
	[0xc7] = G_EXCHANGE, [0xc8 ... 0xcf] = G_MOVE,
	[0xd6] = G_VECTOR, [0xe7] = G_VECTOR, [0xf0] = G_VECTOR,
};

static enum group group_of(const struct hg_insn *insn)
{
	switch (insn->map) {
	case HG_MAP_1B:
		if (insn->opcode == 0xff && (insn->reg & 7) >= 2)
			return G_STACK;
		return group_1b[insn->opcode];
	case HG_MAP_0F:
		return group_0f[insn->opcode];
	case HG_MAP_0F38:
		if (insn->opcode == 0xf0 || insn->opcode == 0xf1)
			return G_MOVE;
		return insn->opcode == 0x2a ? G_VECTOR : G_NONE;
	default:
		return G_NONE;
	}
}

enum hg_emu_result hg_run_fault(struct hg_run *r, u8 vector)
{
	struct hg_emu_fault *f = &r->emu->fault;

	f->vector = vector;
	f->has_error = false;
	f->error_code = 0;
	f->cr2 = 0;
	return HG_EMU_FAULT;
}

enum hg_emu_result hg_run_fault0(struct hg_run *r, u8 vector)
{
	hg_run_fault(r, vector);
	r->emu->fault.has_error = true;
	return HG_EMU_FAULT;
}

enum hg_emu_result hg_run_answer(struct hg_run *r, enum hg_emu_io io,
				 bool write)
{
	switch (io) {
	case HG_EMU_IO_OK:
		return HG_EMU_DONE;
	case HG_EMU_IO_POSTED:
		if (!write)
			break;
		r->out_flags |= HG_EMU_OUT_POSTED;
		return HG_EMU_DONE;
	case HG_EMU_IO_PENDING:
		if (write)
			break;
		return HG_EMU_IO;
	case HG_EMU_IO_FAULT:
		return HG_EMU_FAULT;
	case HG_EMU_IO_FAIL:
		return hg_run_unsupported(r, HG_EMU_R_CALLBACK);
	default:
		break;
	}
	return hg_run_unsupported(r, HG_EMU_R_PROTOCOL);
}

/*
 * Fetch more bytes, not beyond the page that the next one is on: the
 * instruction may end before the next page, which then must not fault.
 */
static enum hg_emu_result fetch(struct hg_run *r)
{
	struct hg_emu *e = r->emu;
	u32 want = HG_INSN_MAX_LEN - e->nr_bytes, room;
	u64 linear = e->rip + e->nr_bytes;
	enum hg_emu_result ret;
	struct hg_segment cs;
	enum hg_emu_io io;

	if (e->mode == HG_MODE_64) {
		ret = hg_mem_linear(r, HG_SEG_CS, linear, 1, HG_ACC_FETCH,
				    &linear);
		if (ret)
			return ret;
	} else {
		u64 offset = linear;

		e->ops->seg(e->ctx, HG_SEG_CS, &cs);
		if (offset > cs.limit)
			return hg_run_fault0(r, HG_VEC_GP);
		if (want - 1 > cs.limit - offset)
			want = (u32)(cs.limit - offset) + 1;
		linear = (u32)(cs.base + offset);
	}
	room = HG_PAGE_SIZE - (linear & ~HG_PAGE_MASK);
	if (want > room)
		want = room;

	io = e->ops->fetch(e->ctx, linear, e->bytes + e->nr_bytes, want,
			   HG_ACC_FETCH | (e->cpl == 3 ? HG_ACC_USER : 0),
			   &e->fault);
	if (io == HG_EMU_IO_PENDING)
		return hg_run_unsupported(r, HG_EMU_R_PROTOCOL);
	ret = hg_run_answer(r, io, false);
	if (!ret)
		e->nr_bytes += want;
	return ret;
}

static enum hg_emu_result fetch_and_decode(struct hg_run *r)
{
	struct hg_emu *e = r->emu;
	enum hg_emu_result ret;
	int len;

	for (;;) {
		len = HG_INSN_MORE;
		if (e->nr_bytes)
			len = hg_insn_decode(&e->insn, e->bytes, e->nr_bytes,
					     e->mode);
		if (HG_LIKELY(len > 0))
			break;
		if (len == HG_INSN_BAD)
			return hg_run_fault(r, HG_VEC_UD);
		if (len == HG_INSN_LONG)
			return hg_run_fault0(r, HG_VEC_GP);
		ret = fetch(r);
		if (ret)
			return ret;
	}
	r->rip = e->rip + (u32)len;
	if (e->mode != HG_MODE_64)
		r->rip = (u32)r->rip;
	return HG_EMU_DONE;
}

/* LOCK is for a few instructions and only for memory (APM vol. 3, 1.2.5). */
static bool lock_ok(const struct hg_insn *insn)
{
	u8 op = insn->opcode, reg = insn->reg & 7;

	if (!(insn->flags & HG_INSN_MEM) || insn->enc != HG_ENC_LEGACY)
		return false;
	if (insn->map == HG_MAP_1B) {
		if (op < 0x38)
			return (op & 7) < 2;
		if (op >= 0x80 && op <= 0x83)
			return reg != HG_ALU_CMP;
		if (op == 0xf6 || op == 0xf7)
			return reg == 2 || reg == 3;
		if (op == 0xfe || op == 0xff)
			return reg < 2;
		return op == 0x86 || op == 0x87;
	}
	if (insn->map != HG_MAP_0F)
		return false;
	switch (op) {
	case 0xab:
	case 0xb3:
	case 0xbb:
	case 0xb0:
	case 0xb1:
	case 0xc0:
	case 0xc1:
		return true;
	case 0xba:
		return reg >= 5;
	case 0xc7:
		return reg == 1;
	default:
		return false;
	}
}

static enum hg_emu_result execute(struct hg_run *r)
{
	const struct hg_insn *insn = r->insn;

	if (HG_UNLIKELY(insn->flags & HG_INSN_LOCK) && !lock_ok(insn))
		return hg_run_fault(r, HG_VEC_UD);

	if (HG_UNLIKELY(insn->enc != HG_ENC_LEGACY)) {
		if (insn->enc != HG_ENC_VEX)
			return hg_run_unsupported(r, HG_EMU_R_EVEX);
		if (group_of(insn) != G_VECTOR)
			return hg_run_unsupported(r, HG_EMU_R_OPCODE);
		return hg_exec_vector(r);
	}

	switch (group_of(insn)) {
	case G_MOVE:
		return hg_exec_move(r);
	case G_ARITH:
		return hg_exec_arith(r);
	case G_BITS:
		return hg_exec_bits(r);
	case G_EXCHANGE:
		return hg_exec_exchange(r);
	case G_STACK:
		return hg_exec_stack(r);
	case G_STRING:
		return hg_exec_string(r);
	case G_PORT:
		return hg_exec_port(r);
	case G_VECTOR:
		return hg_exec_vector(r);
	default:
		return hg_run_unsupported(r, HG_EMU_R_OPCODE);
	}
}

/* The parts of a commit that are callbacks, and may yet fail. */
static enum hg_emu_result commit_late(struct hg_run *r)
{
	struct hg_emu *e = r->emu;
	enum hg_emu_io io = HG_EMU_IO_OK;

	if (r->seg_pending)
		io = e->ops->load_seg(e->ctx, r->seg_nr, r->seg_selector,
				      &e->fault);
	else if (r->vec_pending)
		io = e->ops->set_vec(e->ctx, r->vec_file, r->vec_nr, r->vec,
				     r->vec_len, r->vec_zero_upper);
	if (io == HG_EMU_IO_PENDING)
		return hg_run_unsupported(r, HG_EMU_R_PROTOCOL);
	return hg_run_answer(r, io, false);
}

static void commit_registers(struct hg_run *r)
{
	u32 dirty = r->dirty;

	while (dirty) {
		u32 nr = (u32)__builtin_ctz(dirty);

		r->emu->gpr[nr] = r->gpr[nr];
		dirty &= dirty - 1;
	}
}

static enum hg_emu_result finish(struct hg_run *r, enum hg_emu_result ret)
{
	struct hg_emu *e = r->emu;
	bool trap = e->rflags & HG_FL_TF;

	if (HG_UNLIKELY(r->seg_pending || r->vec_pending) &&
	    ret == HG_EMU_DONE)
		ret = commit_late(r);

	if (ret == HG_EMU_DONE) {
		commit_registers(r);
		e->rip = r->rip;
		e->rflags = r->rflags & ~HG_FL_RF;
		/* Nothing traps between MOV SS and the next instruction. */
		if (trap && !(r->out_flags & HG_EMU_OUT_SHADOW))
			r->out_flags |= HG_EMU_OUT_TRAP;
	} else {
		r->out_flags &= ~HG_EMU_OUT_SHADOW;
		if (r->progress) {
			commit_registers(r);
			e->rflags = r->rflags;
			if (ret != HG_EMU_REPEAT)
				r->out_flags |= HG_EMU_OUT_PROGRESS;
			else if (trap)
				r->out_flags |= HG_EMU_OUT_TRAP;
		}
	}
	if (e->replay && ret != HG_EMU_IO)
		hg_replay_reset(e->replay);
	e->out_flags = r->out_flags;
	return ret;
}

static void run_init(struct hg_run *r, struct hg_emu *emu)
{
	r->emu = emu;
	r->insn = &emu->insn;
	r->dirty = 0;
	r->sole = HG_ACC_SOLE;
	r->out_flags = 0;
	r->progress = false;
	r->rflags = emu->rflags;
	r->seg_pending = false;
	r->vec_pending = false;
}

/* What hg_emu_hot() was answered, as a result. */
static enum hg_emu_result finish_hot(struct hg_run *r, enum hg_emu_io io)
{
	struct hg_emu *e = r->emu;
	enum hg_emu_result ret;

	r->out_flags = 0;
	ret = hg_run_answer(r, io, !(e->insn.opcode & 2));
	if (e->replay && ret != HG_EMU_IO)
		hg_replay_reset(e->replay);
	e->out_flags = r->out_flags;
	return ret;
}

enum hg_emu_result hg_emulate(struct hg_emu *emu)
{
	enum hg_emu_result ret;
	enum hg_emu_io io;
	struct hg_run r;

	r.emu = emu;
	emu->reason = HG_EMU_R_NONE;
	if (emu->replay)
		emu->replay->next = 0;
	if (emu->mode > HG_MODE_64 || emu->cpl > 3 ||
	    emu->nr_bytes > HG_INSN_MAX_LEN) {
		emu->out_flags = 0;
		return hg_run_unsupported(&r, HG_EMU_R_STATE);
	}

	ret = fetch_and_decode(&r);
	if (HG_LIKELY(!ret) && HG_LIKELY(hg_emu_hot(emu, &io)))
		return finish_hot(&r, io);
	run_init(&r, emu);
	if (HG_LIKELY(!ret))
		ret = execute(&r);
	return finish(&r, ret);
}
