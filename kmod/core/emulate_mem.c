// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory as the emulated instruction sees it: segmentation, operands, stack.
 */
#include "emulate_priv.h"

static enum hg_emu_result segment_fault(struct hg_run *r, u8 seg)
{
	return hg_run_fault0(r, seg == HG_SEG_SS ? HG_VEC_SS : HG_VEC_GP);
}

static bool canonical(const struct hg_run *r, u64 linear)
{
	u32 unused = r->emu->cr4 & HG_CR4_LA57 ? 64 - 57 : 64 - 48;

	return (u64)((s64)(linear << unused) >> unused) == linear;
}

/* Type and limit checks of a segment (APM vol. 2, 4.12). */
static bool segment_allows(const struct hg_run *r, const struct hg_segment *s,
			   u64 offset, u32 len, u32 access)
{
	u32 type = HG_SEG_TYPE(s->attr);
	bool code = type & HG_SEG_TYPE_CODE;

	if (hg_run_protected(r)) {
		if (!(s->attr & HG_SEG_P) || !(s->attr & HG_SEG_S))
			return false;
		if (access & (HG_ACC_WRITE | HG_ACC_RMW)) {
			if (code || !(type & HG_SEG_TYPE_RW))
				return false;
		} else if (code && !(type & HG_SEG_TYPE_RW)) {
			return false;
		}
		if (!code && (type & HG_SEG_TYPE_DOWN)) {
			u64 top = s->attr & HG_SEG_DB ? 0xffffffff : 0xffff;

			return offset > s->limit && offset <= top &&
			       len - 1 <= top - offset;
		}
	}
	return offset <= s->limit && len - 1 <= s->limit - offset;
}

enum hg_emu_result hg_mem_linear(struct hg_run *r, u8 seg, u64 offset, u32 len,
				 u32 access, u64 *linear)
{
	const struct hg_emu *e = r->emu;
	struct hg_segment s;
	u64 address = offset;

	if (HG_LIKELY(e->mode == HG_MODE_64)) {
		if (seg == HG_SEG_FS || seg == HG_SEG_GS) {
			e->ops->seg(e->ctx, seg, &s);
			address += s.base;
		}
		if (HG_UNLIKELY(!canonical(r, address) ||
				!canonical(r, address + len - 1)))
			return segment_fault(r, seg);
		*linear = address;
		return HG_EMU_DONE;
	}

	e->ops->seg(e->ctx, seg, &s);
	if (!segment_allows(r, &s, offset, len, access))
		return segment_fault(r, seg);
	*linear = (u32)(s.base + offset);
	return HG_EMU_DONE;
}

/* How a data access is made, besides the bits of its kind. */
static u32 access_of(const struct hg_run *r, u32 kind)
{
	if (r->emu->cpl == 3 && !(kind & HG_ACC_IMPLICIT))
		kind |= HG_ACC_USER;
	return kind;
}

/* Bytes of a range that lie in its first page. */
static u32 first_part(u64 linear, u32 len)
{
	u32 room = HG_PAGE_SIZE - (linear & ~HG_PAGE_MASK);

	return len < room ? len : room;
}

static u64 second_page(const struct hg_run *r, u64 linear, u32 first)
{
	u64 next = linear + first;

	return r->emu->mode == HG_MODE_64 ? next : (u32)next;
}

enum hg_emu_result hg_mem_read(struct hg_run *r, u64 linear, void *buf,
			       u32 len, u32 access)
{
	struct hg_emu *e = r->emu;
	u32 first = first_part(linear, len);
	enum hg_emu_result ret;
	enum hg_emu_io io;

	access = access_of(r, access);
	if (HG_LIKELY(first == len)) {
		io = e->ops->read(e->ctx, linear, buf, len, access | r->sole,
				  &e->fault);
		return hg_run_answer(r, io, false);
	}

	io = e->ops->read(e->ctx, linear, buf, first, access, &e->fault);
	ret = hg_run_answer(r, io, false);
	if (ret)
		return ret;
	io = e->ops->read(e->ctx, second_page(r, linear, first),
			  (u8 *)buf + first, len - first, access, &e->fault);
	return hg_run_answer(r, io, false);
}

static enum hg_emu_result probe_part(struct hg_run *r, u64 linear, u32 len,
				     u32 access, bool *ram)
{
	struct hg_emu *e = r->emu;
	enum hg_emu_io io;

	io = e->ops->read(e->ctx, linear, NULL, len,
			  access_of(r, access | HG_ACC_PROBE), &e->fault);
	if (io == HG_EMU_IO_POSTED) {
		*ram = false;
		return HG_EMU_DONE;
	}
	if (io == HG_EMU_IO_PENDING)
		return hg_run_unsupported(r, HG_EMU_R_PROTOCOL);
	return hg_run_answer(r, io, false);
}

enum hg_emu_result hg_mem_probe(struct hg_run *r, u64 linear, u32 len,
				u32 access, bool *ram)
{
	u32 first = first_part(linear, len);
	enum hg_emu_result ret;

	*ram = true;
	ret = probe_part(r, linear, first, access, ram);
	if (ret || first == len)
		return ret;
	return probe_part(r, second_page(r, linear, first), len - first,
			  access, ram);
}

enum hg_emu_result hg_mem_write(struct hg_run *r, u64 linear, const void *buf,
				u32 len, u32 access, bool checked)
{
	struct hg_emu *e = r->emu;
	u32 first = first_part(linear, len);
	enum hg_emu_result ret;
	enum hg_emu_io io;
	u64 next;
	bool ram;

	access |= HG_ACC_WRITE;
	if (HG_LIKELY(first == len)) {
		io = e->ops->write(e->ctx, linear, buf, len,
				   access_of(r, access) | r->sole, &e->fault);
		return hg_run_answer(r, io, true);
	}

	/* Both pages are checked before either is written. */
	next = second_page(r, linear, first);
	if (!checked) {
		ret = hg_mem_probe(r, linear, len, access, &ram);
		if (ret)
			return ret;
	}
	access = access_of(r, access);
	io = e->ops->write(e->ctx, linear, buf, first, access, &e->fault);
	ret = hg_run_answer(r, io, true);
	if (ret)
		return ret;
	io = e->ops->write(e->ctx, next, (const u8 *)buf + first, len - first,
			   access, &e->fault);
	return hg_run_answer(r, io, true);
}

enum hg_emu_result hg_mem_cmpxchg(struct hg_run *r, u64 linear,
				  const void *old, const void *new, u32 len)
{
	struct hg_emu *e = r->emu;
	enum hg_emu_io io;

	if (!e->ops->cmpxchg)
		return hg_run_unsupported(r, HG_EMU_R_NO_CALLBACK);
	/*
	 * Two pages cannot be exchanged as one. The write is then as good as
	 * it gets; no sane guest has a lock across pages.
	 */
	if (first_part(linear, len) != len)
		return hg_mem_write(r, linear, new, len, 0, true);

	io = e->ops->cmpxchg(e->ctx, linear, old, new, len,
			     access_of(r, HG_ACC_WRITE) | r->sole, &e->fault);
	if (io == HG_EMU_IO_LOST)
		return HG_EMU_REPEAT;
	return hg_run_answer(r, io, true);
}

/* hg_insn_offset() on the registers of the run. */
static u64 offset_of(const struct hg_run *r)
{
	const struct hg_insn *insn = r->insn;
	u64 offset = (u64)insn->disp;

	if (insn->base < HG_NR_GPRS)
		offset += hg_run_gpr(r, insn->base);
	else if (insn->base == HG_REG_RIP)
		offset += r->rip;
	if (insn->index < HG_NR_GPRS)
		offset += hg_run_gpr(r, insn->index) << insn->scale;
	return offset & hg_size_mask(insn->addrsize);
}

enum hg_emu_result hg_opnd_find(struct hg_run *r, struct hg_opnd *o, u32 size,
				u32 access)
{
	const struct hg_insn *insn = r->insn;

	o->value = 0;
	o->size = size;
	o->rmw = false;
	o->mem = insn->flags & HG_INSN_MEM;
	if (!o->mem)
		return HG_EMU_DONE;
	return hg_mem_linear(r, insn->seg, offset_of(r), size, access,
			     &o->linear);
}

enum hg_emu_result hg_opnd_load(struct hg_run *r, struct hg_opnd *o, u32 size,
				u32 access)
{
	enum hg_emu_result ret = hg_opnd_find(r, o, size, access);

	if (ret)
		return ret;
	if (!o->mem) {
		o->value = hg_run_reg(r, r->insn->rm, size);
		return HG_EMU_DONE;
	}
	o->rmw = access & HG_ACC_RMW;
	return hg_mem_read(r, o->linear, &o->value, size, access);
}

/* XCHG with memory locks without being told (APM vol. 3, XCHG). */
static bool locked(const struct hg_insn *insn)
{
	return (insn->flags & HG_INSN_LOCK) ||
	       (insn->map == HG_MAP_1B && (insn->opcode & 0xfe) == 0x86);
}

enum hg_emu_result hg_opnd_store(struct hg_run *r, struct hg_opnd *o, u64 v)
{
	if (!o->mem) {
		hg_run_set_reg(r, r->insn->rm, o->size, v);
		return HG_EMU_DONE;
	}
	if (o->rmw && locked(r->insn))
		return hg_mem_cmpxchg(r, o->linear, &o->value, &v, o->size);
	return hg_mem_write(r, o->linear, &v, o->size, 0, o->rmw);
}

/* Width of the stack pointer: that of the SS segment, not the prefix. */
static u32 stack_size(const struct hg_run *r)
{
	const struct hg_emu *e = r->emu;
	struct hg_segment s;

	if (e->mode == HG_MODE_64)
		return 8;
	e->ops->seg(e->ctx, HG_SEG_SS, &s);
	return s.attr & HG_SEG_DB ? 4 : 2;
}

enum hg_emu_result hg_stack_push(struct hg_run *r, u64 v, u32 size)
{
	u32 width = stack_size(r);
	u64 sp = (hg_run_gpr(r, HG_RSP) - size) & hg_size_mask(width);
	enum hg_emu_result ret;
	u64 linear;

	r->sole = 0;
	ret = hg_mem_linear(r, HG_SEG_SS, sp, size, HG_ACC_WRITE, &linear);
	if (ret)
		return ret;
	ret = hg_mem_write(r, linear, &v, size, 0, false);
	if (ret)
		return ret;
	hg_run_set_reg(r, HG_RSP, width, sp);
	return HG_EMU_DONE;
}

enum hg_emu_result hg_stack_pop(struct hg_run *r, u64 *v, u32 size)
{
	u32 width = stack_size(r);
	u64 sp = hg_run_gpr(r, HG_RSP) & hg_size_mask(width);
	enum hg_emu_result ret;
	u64 linear;

	r->sole = 0;
	*v = 0;
	ret = hg_mem_linear(r, HG_SEG_SS, sp, size, HG_ACC_READ, &linear);
	if (ret)
		return ret;
	ret = hg_mem_read(r, linear, v, size, HG_ACC_READ);
	if (ret)
		return ret;
	hg_run_set_reg(r, HG_RSP, width, sp + size);
	return HG_EMU_DONE;
}
