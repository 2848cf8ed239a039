// SPDX-License-Identifier: GPL-2.0-only
/* The emulator's test machine, see machine.h. */
#include <assert.h>
#include <string.h>
#include "machine.h"

#define PORT_TAG	(1ull << 63)

u64 test_random(u64 *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed * 0x2545f4914f6cdd1dull;
}

static void page_fault(struct hg_emu_fault *f, u64 linear, u32 access, bool p)
{
	f->vector = HG_VEC_PF;
	f->has_error = true;
	f->error_code = access & (HG_ACC_USER | HG_ACC_FETCH);
	if (access & (HG_ACC_WRITE | HG_ACC_RMW))
		f->error_code |= HG_PFEC_W;
	if (p)
		f->error_code |= HG_PFEC_P;
	f->cr2 = linear;
}

/* Find the bytes of a linear range; *kind says what they are. */
static u8 *find(struct machine *m, u64 linear, u32 len, enum page_kind *kind)
{
	u64 off = linear - MACHINE_BASE;

	assert(len >= 1 && len <= 4096);
	assert((linear & 4095) + len <= 4096);
	if (off < MACHINE_SIZE) {
		*kind = m->page[off / 4096];
		return m->mem + off;
	}
	off = linear - MACHINE_CODE;
	if (off < MACHINE_CODE_SIZE) {
		*kind = m->code_page[off / 4096];
		return m->code + off;
	}
	*kind = PAGE_NONE;
	return NULL;
}

static enum hg_emu_io check(struct machine *m, u64 linear, u32 access, enum page_kind kind,
			    struct hg_emu_fault *f)
{
	m->last_access = access;
	if (access & HG_ACC_SOLE)
		m->sole++;
	switch (kind) {
	case PAGE_NONE:
		page_fault(f, linear, access, false);
		return HG_EMU_IO_FAULT;
	case PAGE_RO:
		if (!(access & (HG_ACC_WRITE | HG_ACC_RMW)))
			return HG_EMU_IO_OK;
		page_fault(f, linear, access, true);
		return HG_EMU_IO_FAULT;
	case PAGE_FAIL:
		return HG_EMU_IO_FAIL;
	default:
		return HG_EMU_IO_OK;
	}
}

static bool wants_to_pend(struct machine *m)
{
	return m->pend && (test_random(&m->pend_seed) >> 40) % 256 < m->pend;
}

static void op_seg(void *ctx, enum hg_seg seg, struct hg_segment *out)
{
	struct machine *m = ctx;

	*out = m->seg[seg];
}

static enum hg_emu_io op_fetch(void *ctx, u64 linear, void *buf, u32 len, u32 access,
			       struct hg_emu_fault *f)
{
	struct machine *m = ctx;
	enum page_kind kind;
	u8 *p = find(m, linear, len, &kind);
	enum hg_emu_io io = check(m, linear, access, kind, f);

	assert(access & HG_ACC_FETCH);
	m->fetches++;
	if (io == HG_EMU_IO_OK)
		memcpy(buf, p, len);
	return io;
}

static enum hg_emu_io op_read(void *ctx, u64 linear, void *buf, u32 len, u32 access,
			      struct hg_emu_fault *f)
{
	struct machine *m = ctx;
	enum page_kind kind;
	u8 *p = find(m, linear, len, &kind);
	enum hg_emu_io io = check(m, linear, access, kind, f);

	if (io)
		return io;
	if (access & HG_ACC_PROBE) {
		assert(!buf);
		m->probes++;
		return kind == PAGE_DEVICE ? HG_EMU_IO_POSTED : HG_EMU_IO_OK;
	}
	m->reads++;
	if (m->pend && len <= HG_REPLAY_DATA) {
		if (hg_replay_get(&m->replay, linear, buf, len))
			return HG_EMU_IO_OK;
		if (wants_to_pend(m)) {
			assert(hg_replay_ask(&m->replay, linear, len));
			m->asked = true;
			m->asked_addr = linear;
			m->asked_len = len;
			return HG_EMU_IO_PENDING;
		}
		/* What did not wait is not in the log: keep the turns apart. */
		assert(hg_replay_ask(&m->replay, linear, len));
		assert(hg_replay_answer(&m->replay, p, len));
		assert(hg_replay_get(&m->replay, linear, buf, len));
		return HG_EMU_IO_OK;
	}
	memcpy(buf, p, len);
	return HG_EMU_IO_OK;
}

static enum hg_emu_io op_write(void *ctx, u64 linear, const void *buf, u32 len, u32 access,
			       struct hg_emu_fault *f)
{
	struct machine *m = ctx;
	enum page_kind kind;
	u8 *p = find(m, linear, len, &kind);
	enum hg_emu_io io = check(m, linear, access, kind, f);

	assert((access & HG_ACC_WRITE) && !(access & HG_ACC_PROBE));
	if (io)
		return io;
	m->writes++;
	memcpy(p, buf, len);
	return kind == PAGE_DEVICE ? HG_EMU_IO_POSTED : HG_EMU_IO_OK;
}

static enum hg_emu_io op_cmpxchg(void *ctx, u64 linear, const void *old, const void *new, u32 len,
				 u32 access, struct hg_emu_fault *f)
{
	struct machine *m = ctx;
	enum page_kind kind;
	u8 *p = find(m, linear, len, &kind);
	enum hg_emu_io io = check(m, linear, access, kind, f);

	if (io)
		return io;
	m->exchanges++;
	if (m->lose) {
		m->lose--;
		p[0] ^= 0x55;
		return HG_EMU_IO_LOST;
	}
	if (memcmp(p, old, len))
		return HG_EMU_IO_LOST;
	memcpy(p, new, len);
	return kind == PAGE_DEVICE ? HG_EMU_IO_POSTED : HG_EMU_IO_OK;
}

static enum hg_emu_io op_pio_in(void *ctx, u16 port, u32 size, u32 count, void *buf)
{
	struct machine *m = ctx;
	u32 i;

	assert(count >= 1 && size * count <= sizeof(m->bulk));
	if (port == 0xdead)
		return HG_EMU_IO_FAIL;
	if (!m->bulk_answered && wants_to_pend(m)) {
		/* A device is asked once; the answer stays until taken. */
		m->bulk_answered = true;
		return HG_EMU_IO_PENDING;
	}
	m->bulk_answered = false;
	m->last_port = port;
	m->last_count = count;
	for (i = 0; i < size * count; i++)
		((u8 *)buf)[i] = m->in_next++;
	return HG_EMU_IO_OK;
}

static enum hg_emu_io op_pio_out(void *ctx, u16 port, u32 size, u32 count, const void *buf)
{
	struct machine *m = ctx;

	if (port == 0xdead)
		return HG_EMU_IO_FAIL;
	assert(m->out_len + size * count <= sizeof(m->out_log));
	m->last_port = port;
	m->last_count = count;
	memcpy(m->out_log + m->out_len, buf, size * count);
	m->out_len += size * count;
	return HG_EMU_IO_POSTED;
}

static enum hg_emu_io op_get_vec(void *ctx, enum hg_vec_file file, u32 nr, void *buf, u32 len)
{
	struct machine *m = ctx;

	if (file == HG_VEC_FILE_MMX) {
		assert(nr < 8 && len == 8);
		memcpy(buf, m->vec.mm[nr], 8);
	} else {
		assert(nr < 16 && (len == 16 || len == 32));
		memcpy(buf, m->vec.ymm[nr], len);
	}
	return HG_EMU_IO_OK;
}

static enum hg_emu_io op_set_vec(void *ctx, enum hg_vec_file file, u32 nr, const void *buf, u32 len,
				 bool zero_upper)
{
	struct machine *m = ctx;

	if (file == HG_VEC_FILE_MMX) {
		assert(nr < 8 && len == 8);
		memcpy(m->vec.mm[nr], buf, 8);
		return HG_EMU_IO_OK;
	}
	assert(nr < 16 && (len == 16 || len == 32));
	memcpy(m->vec.ymm[nr], buf, len);
	if (zero_upper)
		memset(m->vec.ymm[nr] + len, 0, 32 - len);
	return HG_EMU_IO_OK;
}

static enum hg_emu_io op_load_seg(void *ctx, enum hg_seg seg, u16 selector, struct hg_emu_fault *f)
{
	struct machine *m = ctx;

	if (selector == 0xbad8) {
		f->vector = HG_VEC_GP;
		f->has_error = true;
		f->error_code = selector;
		f->cr2 = 0;
		return HG_EMU_IO_FAULT;
	}
	m->loaded_seg = seg;
	m->loaded_selector = selector;
	m->seg[seg].selector = selector;
	return HG_EMU_IO_OK;
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

void machine_init(struct machine *m, enum hg_mode mode)
{
	u32 i;

	memset(m, 0, sizeof(*m));
	m->emu.gpr = m->gpr;
	m->emu.ops = &ops;
	m->emu.ctx = m;
	m->emu.replay = &m->replay;
	m->emu.bulk = m->bulk;
	m->emu.bulk_size = sizeof(m->bulk);
	m->emu.mode = mode;
	m->emu.rflags = 2;
	m->emu.cr0 = 0x80000033;
	m->emu.cr4 = 0x406f0;	/* OSXSAVE, OSFXSR, OSXMMEXCPT, PAE, ... */
	m->emu.efer = mode == HG_MODE_64 ? 0xd00 : 0;
	m->emu.xcr0 = 7;
	m->pend_seed = 0x1234567;
	m->loaded_seg = -1;
	for (i = 0; i < 6; i++) {
		m->seg[i].selector = 0x8 * (i + 1);
		m->seg[i].limit = 0xffffffff;
		m->seg[i].attr = HG_SEG_P | HG_SEG_S | HG_SEG_TYPE_RW | HG_SEG_G | 1;
		if (mode != HG_MODE_16)
			m->seg[i].attr |= HG_SEG_DB;
	}
	m->seg[HG_SEG_CS].attr |= HG_SEG_TYPE_CODE;
	m->seg[HG_SEG_TR].attr = HG_SEG_P | 11;
	m->seg[HG_SEG_TR].limit = 0x67;
}

void machine_code(struct machine *m, u32 offset, const void *code, u32 len)
{
	assert(offset <= MACHINE_CODE_SIZE && len <= MACHINE_CODE_SIZE - offset);
	memcpy(m->code + offset, code, len);
	m->emu.rip = MACHINE_CODE + offset - m->seg[HG_SEG_CS].base;
	m->emu.nr_bytes = 0;
}

void machine_answer(struct machine *m)
{
	enum page_kind kind;

	if (!m->asked)
		return;
	assert(hg_replay_answer(&m->replay, find(m, m->asked_addr, m->asked_len, &kind),
				m->asked_len));
	m->asked = false;
}

enum hg_emu_result machine_run(struct machine *m)
{
	enum hg_emu_result ret;
	u32 i;

	for (i = 0; i < 100000; i++) {
		ret = hg_emulate(&m->emu);
		if (ret == HG_EMU_REPEAT)
			m->emu.nr_bytes = 0;
		else if (ret == HG_EMU_IO)
			machine_answer(m);
		else
			break;
	}
	return ret;
}
