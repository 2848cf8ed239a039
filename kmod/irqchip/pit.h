/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Intel 8254 interval timer (ports 40h to 43h) and the PC's port 61h.
 *
 * Channels are computed from the clock when someone looks; only channel 0
 * needs a host timer, which drives interrupt line 0. The caller serialises
 * all functions with one lock of the VM, the timer callback included; ops are
 * called with that lock held. ops->timer_cancel need not wait for a running
 * callback: a late hg_pit_expired() finds nothing due and does nothing.
 */
#ifndef HG_IRQCHIP_PIT_H
#define HG_IRQCHIP_PIT_H

#include "irq.h"

#define HG_PIT_HZ		1193182U
#define HG_PIT_CHANNELS		3U
#define HG_PIT_SPEAKER_PORT	0x61

struct hg_pit_ops {
	u64 (*now_ns)(void *host);
	/* Call hg_pit_expired() when now_ns() reaches deadline_ns. */
	void (*timer_arm)(void *host, u64 deadline_ns);
	void (*timer_cancel)(void *host);
	/* One pulse on interrupt line 0; returns enum hg_irq_result. */
	int (*tick)(void *host);
};

/* Layout of struct kvm_pit_channel_state. */
struct hg_pit_channel {
	u32 count;		/* initial count, 1 to 65536; 0: none yet */
	u16 latched_count;
	u8 count_latched;	/* bytes still to read: enum hg_pit_rw or 0 */
	u8 status_latched;
	u8 status;
	u8 read_state;		/* next byte: enum hg_pit_rw */
	u8 write_state;
	u8 write_latch;
	u8 rw_mode;		/* as programmed: enum hg_pit_rw */
	u8 mode;		/* 0 to 5 */
	u8 bcd;
	u8 gate;
	s64 count_load_time;	/* ns of now_ns() */
};

enum hg_pit_rw {
	HG_PIT_RW_LSB	= 1,
	HG_PIT_RW_MSB	= 2,
	HG_PIT_RW_WORD0	= 3,	/* low byte next */
	HG_PIT_RW_WORD1	= 4,	/* high byte next */
};

#define HG_PIT_FLAG_HPET_LEGACY	1U	/* channel 0 gives way to the HPET */
#define HG_PIT_FLAG_SPEAKER_ON	2U

/* Layout of struct kvm_pit_state2. */
struct hg_pit_state {
	struct hg_pit_channel ch[HG_PIT_CHANNELS];
	u32 flags;
	u32 reserved[9];
};

struct hg_pit {
	struct hg_pit_channel ch[HG_PIT_CHANNELS];
	u32 flags;
	const struct hg_pit_ops *ops;
	void *host;
	u64 min_period_ns;	/* floor of channel 0's period; 0: none */
	u64 period_ns;		/* of channel 0; 0: one shot */
	u64 deadline_ns;	/* of channel 0; 0: stopped */
	u32 owed;		/* ticks that passed but are not delivered */
	bool reinject;		/* deliver every tick, one after the other */
	bool in_flight;		/* a tick was delivered and not acknowledged */
	bool refresh;		/* port 61h bit 4, toggles */
};

void hg_pit_init(struct hg_pit *pit, const struct hg_pit_ops *ops, void *host);
void hg_pit_reset(struct hg_pit *pit);

/* Does a port belong to the PIT (61h included)? */
bool hg_pit_owns(u16 port);

/* One-byte access to an owned port. */
u8 hg_pit_read(struct hg_pit *pit, u16 port);
void hg_pit_write(struct hg_pit *pit, u16 port, u8 val);

/* Channel 0's timer is due. */
void hg_pit_expired(struct hg_pit *pit);

/*
 * Interrupt line 0 was acknowledged (EOI). With reinjection on, this is what
 * lets the next owed tick out.
 */
void hg_pit_acked(struct hg_pit *pit);

/*
 * Interrupt line 0 was masked and is no more: ticks of the past, and the
 * acknowledgement of one that may never have been seen, do not matter.
 */
void hg_pit_unmasked(struct hg_pit *pit);

/* KVM_REINJECT_CONTROL. Off: ticks that come too early merge. */
void hg_pit_set_reinject(struct hg_pit *pit, bool on);

void hg_pit_get_state(const struct hg_pit *pit, struct hg_pit_state *state);
/*
 * Restarts channel 0 as of now; the other channels keep their phase. False,
 * nothing changed, for an impossible mode or count or an unknown flag.
 */
bool hg_pit_set_state(struct hg_pit *pit, const struct hg_pit_state *state);

#endif /* HG_IRQCHIP_PIT_H */
