// SPDX-License-Identifier: GPL-2.0-only
/*
 * 8254 interval timer (Intel 8254 datasheet). See pit.h for locking.
 *
 * A channel is its initial count and the time that count was loaded; the
 * present count and the output follow from the clock.
 */
#include "pit.h"

#define PORT_BASE	0x40
#define PORT_CONTROL	0x43
#define NS_PER_SEC	1000000000ULL

/*
 * With reinjection, ticks that a stalled guest missed are delivered late, one
 * by one. Beyond this many (about a minute at 1 kHz) its clock is lost anyway.
 */
#define OWED_MAX	65536U

/* ---- time -------------------------------------------------------------- */

static u64 ticks_to_ns(u64 ticks)
{
	return (ticks * NS_PER_SEC + HG_PIT_HZ - 1) / HG_PIT_HZ;
}

static u64 ns_to_ticks(u64 ns)
{
	/* Split, so that no product exceeds 64 bits. */
	return ns / NS_PER_SEC * HG_PIT_HZ + ns % NS_PER_SEC * HG_PIT_HZ / NS_PER_SEC;
}

/* Ticks since the count was loaded. */
static u64 elapsed(const struct hg_pit *pit, u32 n)
{
	u64 now = pit->ops->now_ns(pit->host);
	u64 start = (u64)pit->ch[n].count_load_time;

	return now > start ? ns_to_ticks(now - start) : 0;
}

/* 0: the channel has no count yet, which behaves as the longest one. */
static u32 period(const struct hg_pit_channel *c)
{
	return c->count ? c->count : 0x10000;
}

static u32 present_count(const struct hg_pit *pit, u32 n)
{
	const struct hg_pit_channel *c = &pit->ch[n];
	u32 count = period(c);
	u64 t = elapsed(pit, n);

	switch (c->mode) {
	case 2:
		return count - (u32)(t % count);
	case 3:
		/* Counts by two, twice per period; odd counts lose the 1. */
		return (count - (u32)(2 * t % count)) & ~1U;
	default:
		/* Goes on through 0, modulo the counter's range. */
		if (c->bcd)
			return (u32)(count + 10000 - t % 10000) % 10000;
		return (u32)((u64)count - t) & 0xffff;
	}
}

static bool output(const struct hg_pit *pit, u32 n)
{
	const struct hg_pit_channel *c = &pit->ch[n];
	u32 count = period(c);
	u64 t = elapsed(pit, n);

	/* Before the first count, only mode 0 holds the output low. */
	if (!c->count)
		return c->mode != 0;
	switch (c->mode) {
	case 0:
	case 1:
		return t >= count;
	case 2:
		return t % count != count - 1;
	case 3:
		return t % count < (count + 1) / 2;
	default:
		return t != count;
	}
}

/* ---- channel 0 and its timer ------------------------------------------- */

static bool channel0_runs(const struct hg_pit *pit)
{
	return pit->ch[0].count && !(pit->flags & HG_PIT_FLAG_HPET_LEGACY);
}

static void start_channel0(struct hg_pit *pit)
{
	const struct hg_pit_channel *c = &pit->ch[0];
	u64 ns;

	pit->ops->timer_cancel(pit->host);
	pit->deadline_ns = 0;
	pit->period_ns = 0;
	pit->owed = 0;
	pit->in_flight = false;
	if (!channel0_runs(pit))
		return;
	ns = ticks_to_ns(c->count);
	switch (c->mode) {
	case 2:
	case 3:
		pit->period_ns = ns < pit->min_period_ns ? pit->min_period_ns : ns;
		ns = pit->period_ns;
		break;
	case 1:
	case 5:
		/* Triggered by the gate, which is tied high on channel 0. */
		return;
	default:
		break;
	}
	pit->deadline_ns = (u64)c->count_load_time + ns;
	pit->ops->timer_arm(pit->host, pit->deadline_ns);
}

static void deliver_owed(struct hg_pit *pit)
{
	if (!pit->owed || (pit->reinject && pit->in_flight))
		return;
	pit->owed = pit->reinject ? pit->owed - 1 : 0;
	/* A masked tick will never be acknowledged: wait for nothing. */
	pit->in_flight = pit->ops->tick(pit->host) >= 0;
}

void hg_pit_expired(struct hg_pit *pit)
{
	u64 now = pit->ops->now_ns(pit->host);
	u64 missed;

	if (!pit->deadline_ns)
		return;
	if (now < pit->deadline_ns) {
		pit->ops->timer_arm(pit->host, pit->deadline_ns);
		return;
	}
	missed = 1;
	if (pit->period_ns) {
		missed += (now - pit->deadline_ns) / pit->period_ns;
		pit->deadline_ns += missed * pit->period_ns;
		pit->ops->timer_arm(pit->host, pit->deadline_ns);
	} else {
		pit->deadline_ns = 0;
	}
	pit->owed = missed > OWED_MAX - pit->owed ? OWED_MAX : pit->owed + (u32)missed;
	deliver_owed(pit);
}

void hg_pit_acked(struct hg_pit *pit)
{
	pit->in_flight = false;
	if (pit->reinject)
		deliver_owed(pit);
}

void hg_pit_unmasked(struct hg_pit *pit)
{
	pit->owed = 0;
	pit->in_flight = false;
}

void hg_pit_set_reinject(struct hg_pit *pit, bool on)
{
	pit->reinject = on;
	if (!on)
		pit->owed = 0;
}

/* ---- writing counts ---------------------------------------------------- */

static u32 from_bcd(u32 v)
{
	return (v & 0xf) + (v >> 4 & 0xf) * 10 + (v >> 8 & 0xf) * 100 + (v >> 12 & 0xf) * 1000;
}

static u32 to_bcd(u32 v)
{
	return v % 10 | v / 10 % 10 << 4 | v / 100 % 10 << 8 | v / 1000 % 10 << 12;
}

static void load(struct hg_pit *pit, u32 n, u32 val)
{
	struct hg_pit_channel *c = &pit->ch[n];

	if (c->bcd)
		val = from_bcd(val);
	/* 0 stands for the counter's whole range. */
	c->count = val ? val : c->bcd ? 10000 : 0x10000;
	c->count_load_time = (s64)pit->ops->now_ns(pit->host);
	if (n == 0)
		start_channel0(pit);
}

static void write_count(struct hg_pit *pit, u32 n, u8 val)
{
	struct hg_pit_channel *c = &pit->ch[n];

	switch (c->write_state) {
	case HG_PIT_RW_MSB:
		load(pit, n, (u32)val << 8);
		break;
	case HG_PIT_RW_WORD0:
		c->write_latch = val;
		c->write_state = HG_PIT_RW_WORD1;
		break;
	case HG_PIT_RW_WORD1:
		c->write_state = HG_PIT_RW_WORD0;
		load(pit, n, c->write_latch | (u32)val << 8);
		break;
	default:
		load(pit, n, val);
		break;
	}
}

/* ---- latches and reads ------------------------------------------------- */

static u16 visible_count(const struct hg_pit *pit, u32 n)
{
	u32 count = present_count(pit, n);

	return (u16)(pit->ch[n].bcd ? to_bcd(count % 10000) : count);
}

static void latch_count(struct hg_pit *pit, u32 n)
{
	struct hg_pit_channel *c = &pit->ch[n];

	/* A second latch before the first was read is ignored. */
	if (c->count_latched)
		return;
	c->latched_count = visible_count(pit, n);
	c->count_latched = c->rw_mode;
}

static void latch_status(struct hg_pit *pit, u32 n)
{
	struct hg_pit_channel *c = &pit->ch[n];

	if (c->status_latched)
		return;
	c->status = (u8)(output(pit, n) << 7 | !c->count << 6 | c->rw_mode << 4 | c->mode << 1 |
			 c->bcd);
	c->status_latched = 1;
}

static u8 read_latched(struct hg_pit_channel *c)
{
	u8 low = (u8)c->latched_count;
	u8 high = (u8)(c->latched_count >> 8);

	switch (c->count_latched) {
	case HG_PIT_RW_MSB:
		c->count_latched = 0;
		return high;
	case HG_PIT_RW_WORD0:
		c->count_latched = HG_PIT_RW_MSB;
		return low;
	default:
		c->count_latched = 0;
		return low;
	}
}

static u8 read_channel(struct hg_pit *pit, u32 n)
{
	struct hg_pit_channel *c = &pit->ch[n];
	u16 count;

	if (c->status_latched) {
		c->status_latched = 0;
		return c->status;
	}
	if (c->count_latched)
		return read_latched(c);
	count = visible_count(pit, n);
	switch (c->read_state) {
	case HG_PIT_RW_MSB:
		return (u8)(count >> 8);
	case HG_PIT_RW_WORD0:
		c->read_state = HG_PIT_RW_WORD1;
		return (u8)count;
	case HG_PIT_RW_WORD1:
		c->read_state = HG_PIT_RW_WORD0;
		return (u8)(count >> 8);
	default:
		return (u8)count;
	}
}

static void write_control(struct hg_pit *pit, u8 val)
{
	struct hg_pit_channel *c;
	u32 n = val >> 6;
	u32 access = val >> 4 & 3;

	if (n == 3) {
		/* Read-back: bits 5 and 4, active low, choose what to latch. */
		for (n = 0; n < HG_PIT_CHANNELS; n++) {
			if (!(val & (2U << n)))
				continue;
			if (!(val & 0x20))
				latch_count(pit, n);
			if (!(val & 0x10))
				latch_status(pit, n);
		}
		return;
	}
	if (!access) {
		latch_count(pit, n);
		return;
	}
	c = &pit->ch[n];
	c->rw_mode = (u8)access;
	c->read_state = (u8)access;
	c->write_state = (u8)access;
	c->count_latched = 0;
	c->status_latched = 0;
	c->mode = val >> 1 & 7;
	if (c->mode > 5)
		c->mode -= 4;		/* bit 2 does not matter in modes 2, 3 */
	c->bcd = val & 1;
	/* Counting stops until a count is written. */
	c->count = 0;
	if (n == 0)
		start_channel0(pit);
}

/* ---- port 61h ---------------------------------------------------------- */

static void write_speaker(struct hg_pit *pit, u8 val)
{
	struct hg_pit_channel *c = &pit->ch[2];
	u8 gate = val & 1;

	if (val & 2)
		pit->flags |= HG_PIT_FLAG_SPEAKER_ON;
	else
		pit->flags &= ~HG_PIT_FLAG_SPEAKER_ON;
	/*
	 * A rising gate restarts modes 1, 2, 3 and 5. A low gate should also
	 * stop the others; as nothing listens to channel 2, it need not.
	 */
	if (gate && !c->gate && c->mode != 0 && c->mode != 4)
		c->count_load_time = (s64)pit->ops->now_ns(pit->host);
	c->gate = gate;
}

static u8 read_speaker(struct hg_pit *pit)
{
	/* Bit 4 follows memory refresh: old code spins on its toggling. */
	pit->refresh = !pit->refresh;
	return (u8)((pit->flags & HG_PIT_FLAG_SPEAKER_ON) | pit->ch[2].gate | output(pit, 2) << 5 |
		    pit->refresh << 4);
}

/* ---- ports ------------------------------------------------------------- */

bool hg_pit_owns(u16 port)
{
	return (port & 0xfffc) == PORT_BASE || port == HG_PIT_SPEAKER_PORT;
}

u8 hg_pit_read(struct hg_pit *pit, u16 port)
{
	if (port == HG_PIT_SPEAKER_PORT)
		return read_speaker(pit);
	/* The control word cannot be read back. */
	if (port == PORT_CONTROL)
		return 0;
	return read_channel(pit, port & 3);
}

void hg_pit_write(struct hg_pit *pit, u16 port, u8 val)
{
	if (port == HG_PIT_SPEAKER_PORT)
		write_speaker(pit, val);
	else if (port == PORT_CONTROL)
		write_control(pit, val);
	else
		write_count(pit, port & 3, val);
}

/* ---- life cycle and state ---------------------------------------------- */

void hg_pit_reset(struct hg_pit *pit)
{
	u32 n;

	memset(pit->ch, 0, sizeof(pit->ch));
	pit->flags = 0;
	pit->refresh = false;
	for (n = 0; n < HG_PIT_CHANNELS; n++) {
		struct hg_pit_channel *c = &pit->ch[n];

		c->mode = 3;
		c->gate = n != 2;
		c->rw_mode = HG_PIT_RW_WORD0;
		c->read_state = HG_PIT_RW_WORD0;
		c->write_state = HG_PIT_RW_WORD0;
		c->count_load_time = (s64)pit->ops->now_ns(pit->host);
	}
	start_channel0(pit);
}

void hg_pit_init(struct hg_pit *pit, const struct hg_pit_ops *ops, void *host)
{
	memset(pit, 0, sizeof(*pit));
	pit->ops = ops;
	pit->host = host;
	pit->reinject = true;
	hg_pit_reset(pit);
}

void hg_pit_get_state(const struct hg_pit *pit, struct hg_pit_state *state)
{
	u32 n;

	memset(state, 0, sizeof(*state));
	memcpy(state->ch, pit->ch, sizeof(state->ch));
	/* A counter never loaded counts as 65536; QEMU divides by what it reads. */
	for (n = 0; n < HG_PIT_CHANNELS; n++)
		if (!state->ch[n].count)
			state->ch[n].count = 0x10000;
	state->flags = pit->flags;
}

static bool channel_is_valid(const struct hg_pit_channel *c)
{
	return c->count <= 0x10000 && c->mode <= 5 && c->rw_mode <= HG_PIT_RW_WORD0 &&
	       c->read_state <= HG_PIT_RW_WORD1 && c->write_state <= HG_PIT_RW_WORD1 &&
	       c->count_latched <= HG_PIT_RW_WORD1 && c->bcd <= 1 && c->gate <= 1;
}

bool hg_pit_set_state(struct hg_pit *pit, const struct hg_pit_state *state)
{
	s64 now = (s64)pit->ops->now_ns(pit->host);
	u32 n;

	if (state->flags & ~(u32)(HG_PIT_FLAG_HPET_LEGACY | HG_PIT_FLAG_SPEAKER_ON))
		return false;
	for (n = 0; n < HG_PIT_CHANNELS; n++)
		if (!channel_is_valid(&state->ch[n]))
			return false;
	memcpy(pit->ch, state->ch, sizeof(pit->ch));
	pit->flags = state->flags;
	/* The timer starts afresh; so does what was loaded in the future. */
	for (n = 0; n < HG_PIT_CHANNELS; n++)
		if (n == 0 || pit->ch[n].count_load_time < 0 || pit->ch[n].count_load_time > now)
			pit->ch[n].count_load_time = now;
	start_channel0(pit);
	return true;
}
