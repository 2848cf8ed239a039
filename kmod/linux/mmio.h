/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An access in flight between a vCPU and its VMM.
 */
#ifndef HGL_MMIO_H
#define HGL_MMIO_H

#include "vcpu.h"

enum hgl_io_progress {
	HGL_IO_IDLE,
	HGL_IO_PORT,		/* IN: the answer goes to RAX */
	HGL_IO_PORT_STRING,	/* INS: the emulator waits */
	HGL_IO_PORT_ANSWERED,	/* and here is its data, in vcpu->pio_data */
	HGL_IO_MMIO_READ,	/* the emulator waits for run->mmio.data */
	HGL_IO_WRITES,		/* posted writes are being handed out */
};

struct hgl_io_write {
	u64 gpa;
	u32 len;
	u8 data[8];
};

/* Owner: the vCPU's thread. */
struct hgl_io_state {
	struct hg_emu emu;
	struct hg_replay replay;
	enum hgl_io_progress state;
	u64 exit_gpa;		/* of the fault being emulated; ~0: none */
	u64 ask_addr;
	u32 ask_len;
	bool load;		/* what waits is a plain load: finish_load() */
	u16 port;
	u32 port_size, port_count;
	u32 out_count;		/* items of OUTS in vcpu->pio_data, not handed out yet */
	u32 writes, sent;
	/* A 32-byte access makes 4 pieces. */
	struct hgl_io_write write[4 * HG_EMU_MAX_POSTED];
	u8 bulk[4096];
};

/* ---- vec.c: the guest's vector registers, live in the CPU during KVM_RUN ---- */
enum hg_emu_io hgl_vec_get(void *ctx, enum hg_vec_file file, u32 nr, void *buf, u32 len);
enum hg_emu_io hgl_vec_set(void *ctx, enum hg_vec_file file, u32 nr, const void *buf, u32 len,
			   bool zero_upper);

#endif /* HGL_MMIO_H */
