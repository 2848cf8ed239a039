// SPDX-License-Identifier: Apache-2.0
/*
 * The measured guest. It does one operation many times, reads the time stamp
 * counter around each, and prints the median, least and greatest number of
 * counts to QEMU's debug console. With -icount shift=0 on the machine below,
 * a count is one executed instruction, at whatever level it was executed.
 *
 * Output: "NAME MEDIAN MIN MAX SAMPLES" a line, or "NAME - REASON".
 */
#include <stdbool.h>
#include <stdint.h>

#define SAMPLES		501
#define WARMUP		16

#define PORT_DEBUGCON	0xe9
#define PORT_EXIT	0xf4	/* isa-debug-exit */
#define HPET_COUNTER	0xfed000f0
#define HPET_ID		0xfed00000
#define LAPIC		0xfee00000
#define LAPIC_EOI	0x0b0
#define LAPIC_SVR	0x0f0
#define LAPIC_ICR	0x300
#define LAPIC_ICR_HI	0x310
#define LAPIC_LVTT	0x320
#define LAPIC_TMICT	0x380
#define LAPIC_TDCR	0x3e0
#define MSR_TSC_DEADLINE 0x6e0
#define VEC_TIMER	0x40
#define VEC_IPI		0x41
#define VEC_PING	0x42
#define VEC_SPURIOUS	0xff
#define AP_BASE		0x8000
#define TIMER_AHEAD	400000
#define DENSE_BASE	0x4000000	/* 64 MiB: nothing was there before */
#define SPARSE_BASE	0x8000000	/* 128 MiB .. 1162 MiB */
#define GIVE_UP		2000000000u

extern const uint8_t ap_start[], ap_start_end[];
extern void timer_stub(void), ipi_stub(void), ping_stub(void), spurious_stub(void);

volatile uint64_t timer_tsc;
volatile uint32_t timer_count;
volatile uint32_t ipi_count;
static volatile uint32_t ap_alive;
static uint32_t sample[SAMPLES];
static uint32_t overhead;
static uint64_t idt[256];

void bench_main(void);
void ap_main(void);

/* ---- the machine ---- */

static inline void outb(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint8_t inb(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static inline void cpuid(uint32_t leaf, uint32_t *a, uint32_t *b, uint32_t *c,
			 uint32_t *d)
{
	__asm__ volatile("cpuid" : "=a"(*a), "=b"(*b), "=c"(*c), "=d"(*d)
			 : "0"(leaf), "2"(0));
}

static inline uint64_t rdtsc(void)
{
	uint64_t t;

	__asm__ volatile("rdtsc" : "=A"(t) : : "memory");
	return t;
}

static inline void wrmsr(uint32_t index, uint64_t value)
{
	__asm__ volatile("wrmsr" : : "c"(index), "A"(value));
}

static inline uint32_t mmio_read(uint32_t addr)
{
	return *(volatile uint32_t *)addr;
}

static inline void mmio_write(uint32_t addr, uint32_t value)
{
	*(volatile uint32_t *)addr = value;
}

/* ---- output ---- */

static void put(const char *s)
{
	while (*s)
		outb(PORT_DEBUGCON, (uint8_t)*s++);
}

static void put_u32(uint32_t v)
{
	char buf[12];
	char *p = buf + sizeof(buf);

	*--p = 0;
	do {
		*--p = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	put(p);
}

static void sort_samples(void)
{
	int gap, i, j;
	uint32_t v;

	for (gap = SAMPLES / 2; gap; gap /= 2) {
		for (i = gap; i < SAMPLES; i++) {
			v = sample[i];
			for (j = i; j >= gap && sample[j - gap] > v; j -= gap)
				sample[j] = sample[j - gap];
			sample[j] = v;
		}
	}
}

static uint32_t median(void)
{
	sort_samples();
	return sample[SAMPLES / 2];
}

static void report(const char *name)
{
	uint32_t m = median();

	put(name);
	put(" ");
	put_u32(m);
	put(" ");
	put_u32(sample[0]);
	put(" ");
	put_u32(sample[SAMPLES - 1]);
	put(" ");
	put_u32(SAMPLES);
	put("\n");
}

static void absent(const char *name, const char *why)
{
	put(name);
	put(" - ");
	put(why);
	put("\n");
}

/* Time @op, @i counting up from -WARMUP; negative samples are thrown away. */
#define MEASURE(name, op)						\
	do {								\
		int i;							\
									\
		for (i = -WARMUP; i < SAMPLES; i++) {			\
			uint64_t t_ = rdtsc();				\
									\
			op;						\
			t_ = rdtsc() - t_;				\
			if (i >= 0)					\
				sample[i] = (uint32_t)t_ - overhead;	\
		}							\
		report(name);						\
	} while (0)

/* ---- what is measured ---- */

static void calibrate(void)
{
	int i;

	for (i = 0; i < SAMPLES; i++) {
		uint64_t t = rdtsc();

		sample[i] = (uint32_t)(rdtsc() - t);
	}
	overhead = median();
}

static void op_cpuid(void)
{
	uint32_t a, b, c, d;

	cpuid(0, &a, &b, &c, &d);
}

/* Neighbouring pages: the tables above them are mostly there already. */
static void touch_dense(void)
{
	MEASURE("first_touch_dense",
		mmio_write(DENSE_BASE + (uint32_t)(i + WARMUP) * 4096, 1));
}

/* One page in each 2 MiB: each needs a page table of its own, too. */
static void touch_sparse(void)
{
	MEASURE("first_touch",
		mmio_write(SPARSE_BASE + ((uint32_t)(i + WARMUP) << 21), 1));
}

static void hpet(void)
{
	uint32_t id = mmio_read(HPET_ID);

	if (!id || id == 0xffffffff)
		absent("hpet_read", "no HPET");
	else
		MEASURE("hpet_read", mmio_read(HPET_COUNTER));
}

static void set_gate(unsigned int vector, void (*fn)(void))
{
	uint32_t addr = (uint32_t)fn;

	/* 32-bit interrupt gate in code segment 8 (AMD APM 2, 4.7.4). */
	idt[vector] = (uint64_t)(addr & 0xffff0000) << 32 | 0x8e0000080000ull |
		      (addr & 0xffff);
}

static void load_idt(void)
{
	struct {
		uint16_t limit;
		uint32_t base;
	} __attribute__((packed)) p = { sizeof(idt) - 1, (uint32_t)idt };

	__asm__ volatile("lidt %0" : : "m"(p));
}

static void lapic_on(void)
{
	mmio_write(LAPIC + LAPIC_SVR, 0x100 | VEC_SPURIOUS);
}

static void interrupts_setup(void)
{
	set_gate(VEC_TIMER, timer_stub);
	set_gate(VEC_IPI, ipi_stub);
	set_gate(VEC_PING, ping_stub);
	set_gate(VEC_SPURIOUS, spurious_stub);
	load_idt();
	/* All lines of the PICs are masked: only the LAPIC interrupts. */
	outb(0x21, 0xff);
	outb(0xa1, 0xff);
	lapic_on();
	__asm__ volatile("sti");
}

static bool has_tsc_deadline(void)
{
	uint32_t a, b, c, d;

	cpuid(1, &a, &b, &c, &d);
	return c & 1u << 24;
}

/* Arm for TIMER_AHEAD counts from now; the moment at which it is due. */
static uint64_t arm_timer(bool deadline)
{
	uint64_t due = rdtsc() + TIMER_AHEAD;

	if (deadline)
		wrmsr(MSR_TSC_DEADLINE, due);
	else
		mmio_write(LAPIC + LAPIC_TMICT, TIMER_AHEAD);
	return due;
}

/*
 * From the moment at which the timer is due to the first instruction of the
 * handler, while the guest runs (does not halt).
 */
static void timer(void)
{
	bool deadline = has_tsc_deadline();
	int i;

	mmio_write(LAPIC + LAPIC_TDCR, 0xb);	/* divide by one */
	mmio_write(LAPIC + LAPIC_LVTT, VEC_TIMER | (deadline ? 2u << 17 : 0));
	for (i = -WARMUP; i < SAMPLES; i++) {
		uint32_t before = timer_count;
		uint64_t due = arm_timer(deadline);
		uint32_t spins = 0;

		while (timer_count == before && ++spins < 10 * TIMER_AHEAD)
			;
		if (timer_count == before) {
			absent("timer", "the LAPIC timer did not fire");
			return;
		}
		if (i >= 0)
			sample[i] = (int64_t)(timer_tsc - due) > 0 ?
				    (uint32_t)(timer_tsc - due) : 0;
	}
	report(deadline ? "timer_deadline" : "timer_oneshot");
}

void ap_main(void)
{
	load_idt();
	lapic_on();
	__asm__ volatile("sti");
	ap_alive = 1;
	for (;;)
		__asm__ volatile("hlt");
}

static void icr(uint32_t low)
{
	mmio_write(LAPIC + LAPIC_ICR_HI, 1u << 24);
	mmio_write(LAPIC + LAPIC_ICR, low);
}

static bool start_ap(void)
{
	volatile uint8_t *to = (volatile uint8_t *)AP_BASE;
	uint32_t n = (uint32_t)(ap_start_end - ap_start);
	uint64_t start;
	uint32_t i;

	for (i = 0; i < n; i++)
		to[i] = ap_start[i];
	icr(0x4500);				/* INIT */
	start = rdtsc();
	while (rdtsc() - start < 10000000)
		;
	icr(0x4600 | AP_BASE >> 12);		/* start-up */
	start = rdtsc();
	while (!ap_alive && rdtsc() - start < GIVE_UP)
		__asm__ volatile("pause");
	return ap_alive;
}

/*
 * There and back: an interrupt to the second processor, which halts, and its
 * answer; the first halts too until that comes. Where the machine below has one
 * processor, the figure holds its two task switches.
 */
static void ipi(void)
{
	int i;

	if (!start_ap()) {
		absent("ipi_round_trip", "the second processor did not start");
		return;
	}
	for (i = -WARMUP; i < SAMPLES; i++) {
		uint32_t before = ipi_count;
		uint64_t t = rdtsc();

		__asm__ volatile("cli");
		icr(0x4000 | VEC_PING);
		while (ipi_count == before)
			__asm__ volatile("sti; hlt; cli");
		__asm__ volatile("sti");
		t = rdtsc() - t;
		if (i >= 0)
			sample[i] = (uint32_t)t - overhead;
	}
	report("ipi_round_trip");
}

void bench_main(void)
{
	calibrate();
	MEASURE("cpuid", op_cpuid());
	MEASURE("outb_0x80", outb(0x80, 0));
	MEASURE("inb_0x61", (void)inb(0x61));
	hpet();
	touch_sparse();
	touch_dense();
	interrupts_setup();
	timer();
	ipi();
	put("done\n");
	outb(PORT_EXIT, 0);
}
