/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * x86 instruction emulator: carries out one guest instruction that touches
 * memory or a port which is not plain RAM.
 *
 * It owns no state. Registers come in through struct hg_emu, memory and ports
 * are reached through struct hg_emu_ops, and nothing in struct hg_emu that is
 * marked "in/out" changes until the instruction (or a whole iteration of a
 * repeated one) is known to complete.
 *
 * Restarting. A callback that reads (memory or a port) may answer
 * HG_EMU_IO_PENDING: hg_emulate() then returns HG_EMU_IO. The caller gets the
 * data and calls hg_emulate() again with the same registers; the callbacks
 * are asked the same questions in the same order, and this time the answer
 * must be there. struct hg_replay keeps those answers, see below. Callbacks
 * that write never pend. They take the data and answer HG_EMU_IO_POSTED when
 * the caller has still to deliver it; that ends a batch of iterations, so a
 * queue of HG_EMU_MAX_POSTED entries never overflows.
 */
#ifndef HG_CORE_EMULATE_H
#define HG_CORE_EMULATE_H

#include "types.h"
#include "insn.h"
#include "gwalk.h"

/* Answers of a callback. */
enum hg_emu_io {
	HG_EMU_IO_OK		= 0,
	HG_EMU_IO_POSTED	= 1,	/* writes: accepted, delivered later */
	HG_EMU_IO_PENDING	= 2,	/* reads: not yet known, ask again */
	HG_EMU_IO_FAULT		= 3,	/* the guest faults; *fault is filled */
	HG_EMU_IO_FAIL		= 4,	/* impossible: HG_EMU_UNSUPPORTED */
	HG_EMU_IO_LOST		= 5,	/* cmpxchg: memory no longer holds old */
};

/* Memory pieces one instruction or iteration may leave posted. */
#define HG_EMU_MAX_POSTED	4

struct hg_emu_fault {
	u8 vector;
	bool has_error;
	u32 error_code;
	u64 cr2;		/* for vector 14 */
};

/* Exception vectors the emulator raises. */
#define HG_VEC_DE	0
#define HG_VEC_UD	6
#define HG_VEC_NM	7
#define HG_VEC_NP	11
#define HG_VEC_SS	12
#define HG_VEC_GP	13
#define HG_VEC_PF	14

enum hg_vec_file {
	HG_VEC_FILE_MMX,	/* 8 registers of 8 bytes */
	HG_VEC_FILE_XMM,	/* 16 registers; 16 or 32 bytes are moved */
};

/*
 * Callbacks. ctx is hg_emu.ctx. Every length is at most 32 except where said.
 * A linear range never crosses a 4 KiB boundary. Data is little-endian.
 */
struct hg_emu_ops {
	/* Load *out with a segment register. Cannot fail. */
	void (*seg)(void *ctx, enum hg_seg seg, struct hg_segment *out);

	/*
	 * Read len bytes of code. access is HG_ACC_FETCH with HG_ACC_USER.
	 * OK, FAULT or FAIL.
	 */
	enum hg_emu_io (*fetch)(void *ctx, u64 linear, void *buf, u32 len,
				u32 access, struct hg_emu_fault *fault);

	/*
	 * Read memory. OK, PENDING, FAULT or FAIL. With HG_ACC_RMW also check
	 * that it may be written. With HG_ACC_PROBE only translate and check
	 * (buf is NULL, len up to 4096): OK for RAM, POSTED for anything else.
	 * With HG_ACC_SOLE this is the only data access of the instruction, so
	 * the guest-physical address that the CPU reported for the exit is its
	 * address if the offsets in the page agree.
	 */
	enum hg_emu_io (*read)(void *ctx, u64 linear, void *buf, u32 len,
			       u32 access, struct hg_emu_fault *fault);

	/* Write memory; access has HG_ACC_WRITE. OK, POSTED, FAULT or FAIL. */
	enum hg_emu_io (*write)(void *ctx, u64 linear, const void *buf,
				u32 len, u32 access,
				struct hg_emu_fault *fault);

	/*
	 * Atomically compare len (1 to 16, a power of two) bytes with old and
	 * if equal replace them by new. OK, POSTED, LOST, FAULT or FAIL. On
	 * something that is not RAM it acts as write(). NULL: locked
	 * instructions are HG_EMU_UNSUPPORTED.
	 */
	enum hg_emu_io (*cmpxchg)(void *ctx, u64 linear, const void *old,
				  const void *new, u32 len, u32 access,
				  struct hg_emu_fault *fault);

	/*
	 * Read count items of size (1, 2, 4) bytes from one port.
	 * OK, PENDING or FAIL. count is 1 unless the instruction is INS.
	 */
	enum hg_emu_io (*pio_in)(void *ctx, u16 port, u32 size, u32 count,
				 void *buf);

	/* Write count items to one port. OK, POSTED or FAIL. */
	enum hg_emu_io (*pio_out)(void *ctx, u16 port, u32 size, u32 count,
				  const void *buf);

	/*
	 * Vector registers; len is 8 for MMX, 16 or 32 for XMM. set_vec() with
	 * zero_upper clears the register above len. set_vec() is called when
	 * everything else succeeded. OK or FAIL. NULL: such instructions are
	 * HG_EMU_UNSUPPORTED.
	 */
	enum hg_emu_io (*get_vec)(void *ctx, enum hg_vec_file file, u32 nr,
				  void *buf, u32 len);
	enum hg_emu_io (*set_vec)(void *ctx, enum hg_vec_file file, u32 nr,
				  const void *buf, u32 len, bool zero_upper);

	/*
	 * Load a segment register with all the checks of MOV sreg. The last
	 * callback of its instruction. OK, FAULT or FAIL. May be NULL:
	 * HG_EMU_UNSUPPORTED.
	 */
	enum hg_emu_io (*load_seg)(void *ctx, enum hg_seg seg, u16 selector,
				   struct hg_emu_fault *fault);
};

/*
 * Answers to the reads of an instruction that had to wait. Lives as long as
 * the vCPU; zero-filled once. The emulator rewinds it when it starts and
 * empties it when an instruction or iteration completes or faults.
 *
 * A callback that cannot answer a read now does:
 *	if (hg_replay_get(replay, addr, buf, len)) return HG_EMU_IO_OK;
 *	if (!hg_replay_ask(replay, addr, len)) return HG_EMU_IO_FAIL;
 *	... note that the caller must ask for addr, len ...
 *	return HG_EMU_IO_PENDING;
 * and the caller, when the data is there, hg_replay_answer(replay, data, len)
 * and hg_emulate() again. addr is whatever identifies the read: a guest-
 * physical address, or a port with bit 63 set. Data longer than
 * HG_REPLAY_DATA (bulk port input) is kept by the callback itself.
 */
#define HG_REPLAY_MAX		8
#define HG_REPLAY_DATA		32

struct hg_replay_entry {
	u64 addr;
	u32 len;
	bool answered;
	u8 data[HG_REPLAY_DATA];
};

struct hg_replay {
	u32 count;		/* entries in use */
	u32 next;		/* the entry that the next read must match */
	struct hg_replay_entry entry[HG_REPLAY_MAX];
};

/* True and buf filled if the next read in turn is addr, len and answered. */
bool hg_replay_get(struct hg_replay *replay, u64 addr, void *buf, u32 len);
/* Note an unanswered read; false if it cannot be held. */
bool hg_replay_ask(struct hg_replay *replay, u64 addr, u32 len);
/* Answer the read that was asked last; false if there is none of that len. */
bool hg_replay_answer(struct hg_replay *replay, const void *data, u32 len);
/* Forget everything, as after an injected event or a reset. */
void hg_replay_reset(struct hg_replay *replay);

enum hg_emu_result {
	HG_EMU_DONE,		/* completed; RIP is past it */
	HG_EMU_REPEAT,		/* some iterations completed, or a locked
				 * operation lost a race; run the guest or the
				 * emulator again at the same RIP */
	HG_EMU_FAULT,		/* inject emu.fault */
	HG_EMU_IO,		/* a read is pending; call again */
	HG_EMU_UNSUPPORTED,	/* see emu.reason; bytes in emu.bytes */
};

enum hg_emu_reason {
	HG_EMU_R_NONE,
	HG_EMU_R_OPCODE,	/* a valid instruction we do not emulate */
	HG_EMU_R_EVEX,		/* AVX-512 and XOP encodings */
	HG_EMU_R_NO_CALLBACK,	/* needs a callback that is NULL */
	HG_EMU_R_CALLBACK,	/* a callback answered FAIL */
	HG_EMU_R_PROTOCOL,	/* a callback gave an answer it may not give */
	HG_EMU_R_STATE,		/* impossible in-values, such as mode */
};

/* Bits of hg_emu.in_flags. */
#define HG_EMU_IN_IO_CHECKED	HG_BIT32(0)	/* the CPU checked IOPL and the
						 * I/O permission map already */

/* Bits of hg_emu.out_flags. */
#define HG_EMU_OUT_TRAP		HG_BIT32(0)	/* RFLAGS.TF was set: #DB now */
#define HG_EMU_OUT_SHADOW	HG_BIT32(1)	/* MOV SS, POP SS: interrupt shadow */
#define HG_EMU_OUT_POSTED	HG_BIT32(2)	/* a callback posted a write */
#define HG_EMU_OUT_PROGRESS	HG_BIT32(3)	/* FAULT or IO, but iterations before
						 * this one completed and were
						 * committed to the registers */

struct hg_emu {
	/* In/out. Changed by DONE and REPEAT, and with HG_EMU_OUT_PROGRESS. */
	u64 *gpr;		/* HG_NR_GPRS registers, caller's array */
	u64 rip;
	u64 rflags;

	/* In. */
	u64 cr0;
	u64 cr4;
	u64 efer;
	u64 xcr0;
	u8 mode;		/* enum hg_mode */
	u8 cpl;
	u32 in_flags;
	const struct hg_emu_ops *ops;
	void *ctx;
	struct hg_replay *replay;	/* NULL if no callback ever pends */
	u8 *bulk;		/* work area for REP INS and OUTS, or NULL */
	u32 bulk_size;		/* its size in bytes; 4096 is as good as more */

	/*
	 * Instruction bytes. In: the first nr_bytes are known (decode
	 * assists); 0 has them all fetched. Out: those that were fetched.
	 * Set nr_bytes for every new instruction, and leave it alone when
	 * calling again after HG_EMU_IO, so that the same instruction runs.
	 */
	u8 nr_bytes;
	u8 bytes[HG_INSN_MAX_LEN];

	/* Out. */
	u32 out_flags;
	enum hg_emu_reason reason;	/* with HG_EMU_UNSUPPORTED */
	struct hg_emu_fault fault;	/* with HG_EMU_FAULT */
	struct hg_insn insn;		/* the instruction, if it decoded */
};

/*
 * Carry out the instruction at CS:RIP. See enum hg_emu_result. Nothing marked
 * in/out is changed by FAULT, IO or UNSUPPORTED, with the one exception that
 * iterations of a repeated string instruction which completed before stay
 * completed, as on the CPU; out_flags then has HG_EMU_OUT_PROGRESS.
 * No more than 4096 bytes are moved per call.
 */
enum hg_emu_result hg_emulate(struct hg_emu *emu);

#endif /* HG_CORE_EMULATE_H */
