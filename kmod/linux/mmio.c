// SPDX-License-Identifier: GPL-2.0-only
/*
 * Accesses that no memory answers: the emulator's view of the guest, the
 * in-kernel devices, and the exits by which the VMM answers.
 *
 * A read that only the VMM can answer suspends the instruction: the exit asks,
 * the next KVM_RUN brings the answer (run->mmio.data, or the port-data page),
 * and the instruction runs once more from the start with the answers replayed.
 * Writes are handed out after the instruction has completed.
 */
#include "mmio.h"

#include <linux/slab.h>

#include "../core/gwalk.h"
#include "memory.h"
#include "trace.h"

#define VEC_DB		1
#define DR6_BS		HG_BIT(14)
#define MMIO_PIECE	8U	/* what run->mmio.data holds */

/* ---- completing an instruction ---- */

static bool in_64bit_mode(struct hgl_vcpu *vcpu)
{
	hgl_state_need(vcpu, HG_STATE_CONTROL | HG_STATE_SEGMENTS);
	return (vcpu->page->efer & HG_EFER_LMA) && (vcpu->page->seg[HG_SEG_CS].attr & HG_SEG_L);
}

static void single_step_trap(struct hgl_vcpu *vcpu)
{
	hgl_state_need(vcpu, HG_STATE_DEBUG);
	vcpu->page->dr6 |= DR6_BS;
	hgl_state_dirty(vcpu, HG_STATE_DEBUG);
	hgl_queue_exception(vcpu, VEC_DB, false, 0);
}

static void set_rip(struct hgl_vcpu *vcpu, u64 rip)
{
	struct hg_vcpu_page *page = vcpu->page;

	/* Only outside 64-bit code does RIP wrap, and only here can it. */
	if (unlikely((page->rip ^ rip) >> 31) && !in_64bit_mode(vcpu))
		rip = (u32)rip;
	page->rip = rip;
	page->rflags &= ~HG_RFLAGS_RF;
	page->irq_shadow = 0;
	if (unlikely(page->rflags & HG_RFLAGS_TF))
		single_step_trap(vcpu);
	hgl_state_dirty(vcpu, HG_STATE_RIP);
}

void hgl_skip(struct hgl_vcpu *vcpu, u32 length)
{
	set_rip(vcpu, vcpu->page->rip + length);
}

/* ---- guest-linear memory ---- */

static int walk_read(void *ctx, u64 gpa, u32 size, u64 *value)
{
	struct hgl_vcpu *vcpu = ctx;

	*value = 0;
	return hgl_guest_read(vcpu->vm, gpa, value, size);
}

static int walk_update(void *ctx, u64 gpa, u32 size, u64 old, u64 value)
{
	struct hgl_vcpu *vcpu = ctx;

	return hgl_guest_cmpxchg(vcpu->vm, gpa, &old, &value, size);
}

static const struct hg_gwalk_ops walk_ops = {
	.read = walk_read,
	.update = walk_update,
};

static enum hg_gwalk_status walk(struct hgl_vcpu *vcpu, u64 linear, u32 access, u8 features,
				 struct hg_gwalk_result *result)
{
	const struct hg_vcpu_page *page = vcpu->page;
	struct hg_gwalk gwalk = {
		.cr0 = page->cr0, .cr3 = page->cr3, .cr4 = page->cr4, .efer = page->efer,
		.rflags = page->rflags, .pkru = vcpu->guest_pkru,
		.maxphyaddr = vcpu->maxphyaddr ?: 40,
		.features = HG_GWALK_GBPAGES | features,
		.ops = &walk_ops, .ctx = vcpu,
	};

	return hg_gwalk(&gwalk, linear, access, result);
}

static enum hg_emu_io translate(struct hgl_vcpu *vcpu, u64 linear, u32 access, u64 *gpa,
				struct hg_emu_fault *fault)
{
	u64 exit_gpa = vcpu->io->exit_gpa;
	struct hg_gwalk_result result;

	/* The CPU has just walked to this very address, with all checks. */
	if ((access & HG_ACC_SOLE) && exit_gpa != ~0ULL && !((exit_gpa ^ linear) & ~PAGE_MASK) &&
	    (!(access & (HG_ACC_WRITE | HG_ACC_RMW)) || (vcpu->page->npf.access & HG_NPF_WRITE))) {
		*gpa = exit_gpa;
		return HG_EMU_IO_OK;
	}
	switch (walk(vcpu, linear, access, 0, &result)) {
	case HG_GWALK_OK:
		*gpa = result.gpa;
		return HG_EMU_IO_OK;
	case HG_GWALK_FAULT:
		*fault = (struct hg_emu_fault){
			.vector = HG_VEC_PF, .has_error = true,
			.error_code = result.error_code, .cr2 = linear,
		};
		return HG_EMU_IO_FAULT;
	case HG_GWALK_NONCANONICAL:
		*fault = (struct hg_emu_fault){ .vector = HG_VEC_GP, .has_error = true };
		return HG_EMU_IO_FAULT;
	default:
		return HG_EMU_IO_FAIL;
	}
}

int hgl_guest_translate(struct hgl_vcpu *vcpu, struct kvm_translation *tr)
{
	struct hg_gwalk_result result;

	hgl_state_need(vcpu, HG_STATE_CONTROL | HG_STATE_REGS);
	tr->valid = walk(vcpu, tr->linear_address, HG_ACC_IMPLICIT, HG_GWALK_NO_AD, &result) ==
		    HG_GWALK_OK;
	tr->physical_address = tr->valid ? result.gpa : ~0ULL;
	tr->writeable = tr->valid && (result.perms & HG_PERM_W);
	tr->usermode = tr->valid && (result.perms & HG_PERM_U);
	return 0;
}

/* ---- the emulator's callbacks ---- */

static void emu_seg(void *ctx, enum hg_seg seg, struct hg_segment *out)
{
	struct hgl_vcpu *vcpu = ctx;

	*out = vcpu->page->seg[seg];
}

static enum hg_emu_io emu_fetch(void *ctx, u64 linear, void *buf, u32 len, u32 access,
				struct hg_emu_fault *fault)
{
	struct hgl_vcpu *vcpu = ctx;
	enum hg_emu_io io;
	u64 gpa;

	io = translate(vcpu, linear, access & ~HG_ACC_SOLE, &gpa, fault);
	if (io != HG_EMU_IO_OK)
		return io;
	return hgl_guest_read(vcpu->vm, gpa, buf, len) ? HG_EMU_IO_FAIL : HG_EMU_IO_OK;
}

/* One piece of at most 8 bytes: a device in the kernel, or ask the VMM. */
static enum hg_emu_io mmio_read(struct hgl_vcpu *vcpu, u64 gpa, void *buf, u32 len)
{
	struct hgl_io_state *io = vcpu->io;
	u64 value = 0;

	if (hg_replay_get(&io->replay, gpa, buf, len))
		return HG_EMU_IO_OK;
	if (!hg_replay_ask(&io->replay, gpa, len))
		return HG_EMU_IO_FAIL;
	if (!hgl_bus_read(vcpu, HGL_BUS_MMIO, gpa, len, &value)) {
		/* Logged like any answer: the device must not be read twice. */
		trace_hg_mmio(vcpu->vm->id, vcpu->id, false, gpa, len, value);
		if (!hg_replay_answer(&io->replay, &value, len) ||
		    !hg_replay_get(&io->replay, gpa, buf, len))
			return HG_EMU_IO_FAIL;
		return HG_EMU_IO_OK;
	}
	io->ask_addr = gpa;
	io->ask_len = len;
	io->state = HGL_IO_MMIO_READ;
	return HG_EMU_IO_PENDING;
}

/* The fault handler has just found no memory there to read. */
static bool known_mmio(const struct hgl_vcpu *vcpu, u64 gpa)
{
	return gpa == vcpu->io->exit_gpa && !(vcpu->page->npf.access & HG_NPF_WRITE);
}

static enum hg_emu_io emu_read(void *ctx, u64 linear, void *buf, u32 len, u32 access,
			       struct hg_emu_fault *fault)
{
	struct hgl_vcpu *vcpu = ctx;
	enum hg_emu_io io;
	u32 done, piece;
	u64 gpa;

	io = translate(vcpu, linear, access, &gpa, fault);
	if (io != HG_EMU_IO_OK)
		return io;
	if (access & HG_ACC_PROBE)
		return hgl_slot_find(hgl_slots_reader(vcpu->vm), gpa >> PAGE_SHIFT) ?
		       HG_EMU_IO_OK : HG_EMU_IO_POSTED;
	if (!known_mmio(vcpu, gpa) && !hgl_guest_read(vcpu->vm, gpa, buf, len))
		return HG_EMU_IO_OK;
	for (done = 0; done < len; done += piece) {
		piece = min(len - done, MMIO_PIECE);
		io = mmio_read(vcpu, gpa + done, buf + done, piece);
		if (io != HG_EMU_IO_OK)
			return io;
	}
	return HG_EMU_IO_OK;
}

static enum hg_emu_io mmio_write(struct hgl_vcpu *vcpu, u64 gpa, const void *buf, u32 len)
{
	struct hgl_io_state *io = vcpu->io;
	struct hgl_io_write *write;
	u64 value = 0;

	memcpy(&value, buf, len);
	trace_hg_mmio(vcpu->vm->id, vcpu->id, true, gpa, len, value);
	if (!hgl_bus_write(vcpu, HGL_BUS_MMIO, gpa, len, buf))
		return HG_EMU_IO_OK;
	if (io->writes >= ARRAY_SIZE(io->write))
		return HG_EMU_IO_FAIL;
	write = &io->write[io->writes++];
	write->gpa = gpa;
	write->len = len;
	memcpy(write->data, buf, len);
	return HG_EMU_IO_POSTED;
}

static enum hg_emu_io write_pieces(struct hgl_vcpu *vcpu, u64 gpa, const void *buf, u32 len)
{
	enum hg_emu_io io, all = HG_EMU_IO_OK;
	u32 done, piece;

	for (done = 0; done < len; done += piece) {
		piece = min(len - done, MMIO_PIECE);
		io = mmio_write(vcpu, gpa + done, buf + done, piece);
		if (io == HG_EMU_IO_FAIL)
			return io;
		if (io == HG_EMU_IO_POSTED)
			all = io;
	}
	return all;
}

static enum hg_emu_io emu_write(void *ctx, u64 linear, const void *buf, u32 len, u32 access,
				struct hg_emu_fault *fault)
{
	struct hgl_vcpu *vcpu = ctx;
	enum hg_emu_io io;
	u64 gpa;

	io = translate(vcpu, linear, access, &gpa, fault);
	if (io != HG_EMU_IO_OK)
		return io;
	if (!hgl_guest_write(vcpu->vm, gpa, buf, len))
		return HG_EMU_IO_OK;
	return write_pieces(vcpu, gpa, buf, len);
}

static enum hg_emu_io emu_cmpxchg(void *ctx, u64 linear, const void *old, const void *new,
				  u32 len, u32 access, struct hg_emu_fault *fault)
{
	struct hgl_vcpu *vcpu = ctx;
	enum hg_emu_io io;
	u8 expected[16];
	u64 gpa;
	int ret;

	io = translate(vcpu, linear, access, &gpa, fault);
	if (io != HG_EMU_IO_OK)
		return io;
	memcpy(expected, old, len);
	ret = hgl_guest_cmpxchg(vcpu->vm, gpa, expected, new, len);
	if (ret == -EFAULT)
		return write_pieces(vcpu, gpa, new, len);
	if (ret < 0)
		return HG_EMU_IO_FAIL;
	return ret ? HG_EMU_IO_LOST : HG_EMU_IO_OK;
}

/* A string of port reads: from a device in the kernel all at once, or from the VMM. */
static enum hg_emu_io emu_pio_in(void *ctx, u16 port, u32 size, u32 count, void *buf)
{
	struct hgl_vcpu *vcpu = ctx;
	struct hgl_io_state *io = vcpu->io;
	u32 i;

	if (io->state == HGL_IO_PORT_ANSWERED) {
		if (io->port != port || io->port_size != size || io->port_count != count)
			return HG_EMU_IO_FAIL;
		io->state = HGL_IO_IDLE;
		memcpy(buf, vcpu->pio_data, size * count);
		return HG_EMU_IO_OK;
	}
	for (i = 0; i < count; i++)
		if (hgl_bus_read(vcpu, HGL_BUS_PIO, port, size, buf + i * size))
			break;
	if (i == count)
		return HG_EMU_IO_OK;
	if (i || size * count > PAGE_SIZE)
		return HG_EMU_IO_FAIL;	/* a device that vanished half-way */
	io->state = HGL_IO_PORT_STRING;
	io->port = port;
	io->port_size = size;
	io->port_count = count;
	return HG_EMU_IO_PENDING;
}

static enum hg_emu_io emu_pio_out(void *ctx, u16 port, u32 size, u32 count, const void *buf)
{
	struct hgl_vcpu *vcpu = ctx;
	struct hgl_io_state *io = vcpu->io;
	u32 i;

	for (i = 0; i < count; i++)
		if (hgl_bus_write(vcpu, HGL_BUS_PIO, port, size, buf + i * size))
			break;
	if (i == count)
		return HG_EMU_IO_OK;
	if (size * (count - i) > PAGE_SIZE || io->out_count)
		return HG_EMU_IO_FAIL;
	memcpy(vcpu->pio_data, buf + i * size, size * (count - i));
	io->port = port;
	io->port_size = size;
	io->out_count = count - i;
	return HG_EMU_IO_POSTED;
}

static const struct hg_emu_ops emu_ops = {
	.seg = emu_seg,
	.fetch = emu_fetch,
	.read = emu_read,
	.write = emu_write,
	.cmpxchg = emu_cmpxchg,
	.pio_in = emu_pio_in,
	.pio_out = emu_pio_out,
	.get_vec = hgl_vec_get,
	.set_vec = hgl_vec_set,
};

/* ---- exits to the VMM ---- */

static int user_mmio(struct hgl_vcpu *vcpu, bool write, u64 gpa, const void *data, u32 len)
{
	struct kvm_run *run = vcpu->run;

	run->exit_reason = KVM_EXIT_MMIO;
	run->mmio.phys_addr = gpa;
	run->mmio.len = len;
	run->mmio.is_write = write;
	memset(run->mmio.data, 0, sizeof(run->mmio.data));
	if (write)
		memcpy(run->mmio.data, data, len);
	return HGL_TO_USER;
}

static int user_io(struct hgl_vcpu *vcpu, bool in, u16 port, u32 size, u32 count)
{
	struct kvm_run *run = vcpu->run;

	run->exit_reason = KVM_EXIT_IO;
	run->io.direction = in ? KVM_EXIT_IO_IN : KVM_EXIT_IO_OUT;
	run->io.size = (u8)size;
	run->io.port = port;
	run->io.count = count;
	run->io.data_offset = KVM_PIO_PAGE_OFFSET * PAGE_SIZE;
	return HGL_TO_USER;
}

/* The next posted write, if any. */
static int hand_out(struct hgl_vcpu *vcpu)
{
	struct hgl_io_state *io = vcpu->io;
	const struct hgl_io_write *write;
	u32 count = io->out_count;

	if (count) {
		io->out_count = 0;
		io->state = io->writes ? HGL_IO_WRITES : HGL_IO_IDLE;
		return user_io(vcpu, false, io->port, io->port_size, count);
	}
	if (io->sent < io->writes) {
		write = &io->write[io->sent++];
		io->state = HGL_IO_WRITES;
		return user_mmio(vcpu, true, write->gpa, write->data, write->len);
	}
	io->writes = 0;
	io->sent = 0;
	io->state = HGL_IO_IDLE;
	return HGL_AGAIN;
}

static int ask(struct hgl_vcpu *vcpu)
{
	struct hgl_io_state *io = vcpu->io;

	if (io->state == HGL_IO_PORT_STRING)
		return user_io(vcpu, true, io->port, io->port_size, io->port_count);
	return user_mmio(vcpu, false, io->ask_addr, NULL, io->ask_len);
}

/* ---- emulation ---- */

static int unsupported(struct hgl_vcpu *vcpu)
{
	const struct hg_emu *emu = &vcpu->io->emu;
	struct kvm_run *run = vcpu->run;
	u8 bytes = min_t(u8, emu->nr_bytes, sizeof(emu->bytes));

	pr_warn_ratelimited("hypergpu: vm %u vcpu %u: cannot emulate at rip %#llx (reason %d): %*ph\n",
			    vcpu->vm->id, vcpu->id, vcpu->page->rip, emu->reason, (int)bytes,
			    emu->bytes);
	hgl_io_cancel(vcpu);
	run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
	run->emulation_failure.suberror = KVM_INTERNAL_ERROR_EMULATION;
	run->emulation_failure.ndata = 3;
	run->emulation_failure.flags = KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES;
	run->emulation_failure.insn_size = bytes;
	memset(run->emulation_failure.insn_bytes, 0x90, sizeof(run->emulation_failure.insn_bytes));
	memcpy(run->emulation_failure.insn_bytes, emu->bytes, bytes);
	return HGL_TO_USER;
}

static void queue_fault(struct hgl_vcpu *vcpu, const struct hg_emu_fault *fault)
{
	if (fault->vector == HG_VEC_PF)
		hgl_queue_page_fault(vcpu, fault->cr2, fault->error_code);
	else
		hgl_queue_exception(vcpu, fault->vector, fault->has_error, fault->error_code);
}

static void commit(struct hgl_vcpu *vcpu)
{
	const struct hg_emu *emu = &vcpu->io->emu;
	struct hg_vcpu_page *page = vcpu->page;

	page->rip = emu->rip;
	page->rflags = emu->rflags;
	page->irq_shadow = !!(emu->out_flags & HG_EMU_OUT_SHADOW);
	hgl_state_dirty(vcpu, HG_STATE_REGS);
	if (emu->out_flags & HG_EMU_OUT_TRAP)
		single_step_trap(vcpu);
}

/*
 * Is what waits for the VMM a plain MOV from memory to a register, in one
 * piece? Then the answer completes it and it need not run a second time. This
 * is what drivers read device registers with.
 */
static bool plain_load(const struct hgl_io_state *io)
{
	const struct hg_insn *insn = &io->emu.insn;

	return io->state == HGL_IO_MMIO_READ && io->emu.out_flags == 0 &&
	       insn->enc == HG_ENC_LEGACY && insn->map == HG_MAP_1B &&
	       (insn->opcode == 0x8b || insn->opcode == 0xa1) &&
	       insn->opsize >= 4 && insn->opsize == io->ask_len && io->replay.count == 1;
}

static int finish_load(struct hgl_vcpu *vcpu, const u8 *data)
{
	const struct hg_insn *insn = &vcpu->io->emu.insn;
	u64 value = 0;

	/* A 32-bit result clears the upper half. */
	memcpy(&value, data, insn->opsize);
	vcpu->page->gpr[insn->opcode == 0xa1 ? HG_RAX : insn->reg & 15] = value;
	hgl_state_dirty(vcpu, HG_STATE_REGS);
	hg_replay_reset(&vcpu->io->replay);
	hgl_skip(vcpu, insn->len);
	return HGL_AGAIN;
}

static int run_emulator(struct hgl_vcpu *vcpu)
{
	struct hgl_io_state *io = vcpu->io;
	struct hg_emu *emu = &io->emu;
	enum hg_emu_result result;

	vcpu->stat.emulated++;
	result = hg_emulate(emu);
	switch (result) {
	case HG_EMU_DONE:
	case HG_EMU_REPEAT:
		commit(vcpu);
		return hand_out(vcpu);
	case HG_EMU_FAULT:
		if (emu->out_flags & HG_EMU_OUT_PROGRESS)
			commit(vcpu);
		queue_fault(vcpu, &emu->fault);
		return hand_out(vcpu);
	case HG_EMU_IO:
		if (emu->out_flags & HG_EMU_OUT_PROGRESS)
			commit(vcpu);
		io->load = plain_load(io);
		return ask(vcpu);
	case HG_EMU_UNSUPPORTED:
		break;
	}
	return unsupported(vcpu);
}

/*
 * The instruction's bytes from the core, which walks the guest's tables faster
 * than we can, and @groups of the state by the same call. 0 if there are no
 * bytes; a changed RIP the core does not know of yet.
 */
static u8 known_bytes(struct hgl_vcpu *vcpu, u32 groups)
{
	s64 count;

	if (vcpu->page->dirty & ~HG_STATE_DEBUG) {
		hgl_state_need(vcpu, groups);
		return 0;
	}
	/*
	 * The core reads the guest's memory, by frames the host may take back: to a
	 * flush this must look like a run.
	 */
	local_irq_disable();
	WRITE_ONCE(vcpu->cpu, smp_processor_id());
	smp_store_mb(vcpu->mode, HGL_INSIDE);
	count = hgl_core(HG_CALL_VCPU_INSN, vcpu->handle, groups & ~vcpu->page->valid, 0, 0, 0);
	smp_store_release(&vcpu->mode, HGL_OUTSIDE);
	local_irq_enable();
	if (count <= 0)
		return 0;
	memcpy(vcpu->io->emu.bytes, vcpu->page->insn, count);
	return (u8)count;
}

static u8 code_mode(struct hgl_vcpu *vcpu)
{
	if (in_64bit_mode(vcpu))
		return HG_MODE_64;
	return vcpu->page->seg[HG_SEG_CS].attr & HG_SEG_DB ? HG_MODE_32 : HG_MODE_16;
}

int hgl_emulate(struct hgl_vcpu *vcpu, u64 gpa)
{
	struct hg_vcpu_page *page = vcpu->page;
	struct hgl_io_state *io = vcpu->io;
	struct hg_emu *emu = &io->emu;

	emu->nr_bytes = known_bytes(vcpu, HG_STATE_CONTROL | HG_STATE_SEGMENTS);
	io->exit_gpa = page->exit == HG_EXIT_NPF && (page->npf.access & HG_NPF_FINAL) ? gpa : ~0ULL;
	emu->gpr = page->gpr;
	emu->rip = page->rip;
	emu->rflags = page->rflags;
	emu->cr0 = page->cr0;
	emu->cr4 = page->cr4;
	emu->efer = page->efer;
	emu->xcr0 = page->xcr0;
	emu->mode = code_mode(vcpu);
	emu->cpl = (u8)page->cpl;
	emu->in_flags = page->exit == HG_EXIT_IO ? HG_EMU_IN_IO_CHECKED : 0;
	return run_emulator(vcpu);
}

/* ---- plain port accesses ---- */

static void set_rax(struct hgl_vcpu *vcpu, u32 value, u32 size)
{
	u64 *rax = &vcpu->page->gpr[HG_RAX];

	if (size == 4)
		*rax = value;	/* a 32-bit result clears the upper half */
	else
		memcpy(rax, &value, size);
	hgl_state_dirty(vcpu, HG_STATE_REGS);
}

/*
 * RIP moves on before the VMM answers: what it does on the port may well be to
 * reset the vCPU, and nothing must then follow.
 */
int hgl_port_io(struct hgl_vcpu *vcpu, u16 port, u32 size, bool in, u64 rip)
{
	u32 value = in ? 0 : (u32)vcpu->page->gpr[HG_RAX];
	int ret;

	trace_hg_pio(vcpu->vm->id, vcpu->id, !in, port, size, 1, value);
	set_rip(vcpu, rip);
	if (in) {
		ret = hgl_bus_read(vcpu, HGL_BUS_PIO, port, size, &value);
		if (!ret) {
			set_rax(vcpu, value, size);
			return HGL_AGAIN;
		}
		vcpu->io->state = HGL_IO_PORT;
		vcpu->io->port_size = size;
	} else {
		if (!hgl_bus_write(vcpu, HGL_BUS_PIO, port, size, &value))
			return HGL_AGAIN;
		memcpy(vcpu->pio_data, &value, size);
	}
	return user_io(vcpu, in, port, size, 1);
}

/* ---- the VMM's answer ---- */

bool hgl_io_pending(const struct hgl_vcpu *vcpu)
{
	return vcpu->io->state != HGL_IO_IDLE;
}

int hgl_io_complete(struct hgl_vcpu *vcpu)
{
	struct hgl_io_state *io = vcpu->io;
	u8 data[MMIO_PIECE];
	u32 value = 0;

	switch (io->state) {
	case HGL_IO_PORT:
		memcpy(&value, vcpu->pio_data, io->port_size);
		io->state = HGL_IO_IDLE;
		set_rax(vcpu, value, io->port_size);
		return HGL_AGAIN;
	case HGL_IO_PORT_STRING:
		io->state = HGL_IO_PORT_ANSWERED;
		return run_emulator(vcpu);
	case HGL_IO_MMIO_READ:
		memcpy(data, vcpu->run->mmio.data, sizeof(data));
		io->state = HGL_IO_IDLE;
		if (io->load)
			return finish_load(vcpu, data);
		if (!hg_replay_answer(&io->replay, data, io->ask_len))
			return hgl_internal_error(vcpu, KVM_INTERNAL_ERROR_EMULATION);
		return run_emulator(vcpu);
	case HGL_IO_WRITES:
		return hand_out(vcpu);
	case HGL_IO_PORT_ANSWERED:
	case HGL_IO_IDLE:
		break;
	}
	io->state = HGL_IO_IDLE;
	return HGL_AGAIN;
}

void hgl_io_cancel(struct hgl_vcpu *vcpu)
{
	struct hgl_io_state *io = vcpu->io;

	if (!io)
		return;
	hg_replay_reset(&io->replay);
	io->state = HGL_IO_IDLE;
	io->writes = 0;
	io->sent = 0;
	io->out_count = 0;
}

int hgl_io_init(struct hgl_vcpu *vcpu)
{
	struct hgl_io_state *io = kzalloc(sizeof(*io), GFP_KERNEL_ACCOUNT);

	if (!io)
		return -ENOMEM;
	io->emu.ops = &emu_ops;
	io->emu.ctx = vcpu;
	io->emu.replay = &io->replay;
	io->emu.bulk = io->bulk;
	io->emu.bulk_size = sizeof(io->bulk);
	vcpu->io = io;
	return 0;
}

void hgl_io_destroy(struct hgl_vcpu *vcpu)
{
	kfree_sensitive(vcpu->io);
}
