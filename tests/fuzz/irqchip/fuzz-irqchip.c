// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzzer of the interrupt controller models. The input is a list of
 * operations; after each one the invariants of every model are checked.
 * With STANDALONE the inputs come from a seeded generator.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "fake.h"
#include "ioapic.h"
#include "pic.h"
#include "pit.h"

#define CPUS	4

static struct fake_vm vm;
static struct hg_ioapic io;
static struct hg_pic pic;
static struct hg_pit pit;
static struct hg_apicmap *map;
static bool pic_line;
static u64 pit_deadline;

static const u8 *input;
static size_t left;

/* Little-endian number from the input; 0 once it is used up. */
static u64 take(u32 bytes)
{
	u64 val = 0;
	u32 i;

	for (i = 0; i < bytes && left; i++, left--)
		val |= (u64)*input++ << (8 * i);
	return val;
}

#define CHECK(c)								\
	do {									\
		if (!(c)) {							\
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #c);	\
			abort();						\
		}								\
	} while (0)

/* ---- the host ---------------------------------------------------------- */

static int io_deliver(void *host, const struct hg_irq *irq)
{
	(void)host;
	return hg_apicmap_deliver(map, irq, NULL, &vm.turn);
}

static void io_defer(void *host, u32 pin)
{
	(void)host;
	CHECK(pin < HG_IOAPIC_PINS);
}

static void io_changed(void *host)
{
	u32 vectors[8];

	(void)host;
	hg_ioapic_vectors(&io, vectors);
	memcpy(vm.lapics[0]->eoi_vectors, vectors, sizeof(vectors));
}

static void pic_output(void *host, bool level)
{
	(void)host;
	CHECK(level != pic_line);
	pic_line = level;
}

static u64 pit_now(void *host)
{
	(void)host;
	return vm.now;
}

static void pit_arm(void *host, u64 ns)
{
	(void)host;
	pit_deadline = ns;
}

static void pit_cancel(void *host)
{
	(void)host;
	pit_deadline = 0;
}

static int pit_tick(void *host)
{
	(void)host;
	hg_pic_set_irq(&pic, 0, 1, true);
	hg_pic_set_irq(&pic, 0, 1, false);
	return hg_ioapic_set_irq(&io, 2, 1, true) | hg_ioapic_set_irq(&io, 2, 1, false);
}

static const struct hg_ioapic_ops io_ops = { io_deliver, io_defer, io_changed };
static const struct hg_pic_ops pic_ops = { pic_output };
static const struct hg_pit_ops pit_ops = { pit_now, pit_arm, pit_cancel, pit_tick };

static void rebuild(void)
{
	CHECK(hg_apicmap_build(map, vm.lapics, CPUS, 255));
	vm.map_changes = 0;
}

/* ---- invariants -------------------------------------------------------- */

static int top(const struct hg_lapic *l, u32 base)
{
	int v;

	for (v = 255; v >= 0; v--)
		if (hg_lapic_reg(l, base + (u32)v / 32 * 0x10) >> (v % 32) & 1)
			return v;
	return -1;
}

static void check_lapic(struct fake_cpu *cpu)
{
	struct hg_lapic *l = &cpu->lapic;
	int irr = top(l, HG_APIC_IRR), isr = top(l, HG_APIC_ISR);
	u32 ppr = hg_lapic_reg(l, HG_APIC_PPR), tpr = hg_lapic_reg(l, HG_APIC_TPR);
	u8 state[HG_APIC_REGS_SIZE];
	int pending = hg_lapic_pending(l);
	u32 count, initial;

	CHECK(l->isr_top == isr);
	CHECK(l->irr_pending == (irr >= 0));
	CHECK((ppr & 0xf0) >= (tpr & 0xf0));
	CHECK(isr < 0 || (ppr & 0xf0) >= ((u32)isr & 0xf0));
	CHECK(pending < 0 || (pending == irr && ((u32)pending & 0xf0) > (ppr & 0xf0)));
	CHECK(cpu->deadline == l->timer_deadline_ns);
	CHECK(!(l->base & HG_APIC_BASE_X2APIC) || (l->base & HG_APIC_BASE_ENABLED));
	hg_lapic_get_state(l, state, true);
	memcpy(&count, state + HG_APIC_TMCCT, 4);
	memcpy(&initial, state + HG_APIC_TMICT, 4);
	CHECK(count <= initial);
}

static void check_all(void)
{
	u32 i;

	for (i = 0; i < CPUS; i++)
		check_lapic(&vm.cpu[i]);
	for (i = 0; i < HG_IOAPIC_PINS; i++) {
		CHECK((io.s.irr >> i & 1) == !!io.lines[i]);
		CHECK((io.s.redir[i] & HG_IOAPIC_RTE_LEVEL) ||
		      !(io.s.redir[i] & HG_IOAPIC_RTE_REMOTE_IRR));
	}
	CHECK(!(io.s.irr >> HG_IOAPIC_PINS));
	CHECK(pic.output == pic_line);
	for (i = 0; i < 2; i++)
		CHECK(pic.chip[i].priority_add < 8 && pic.chip[i].init_state < 4);
	for (i = 0; i < HG_PIT_CHANNELS; i++)
		CHECK(pit.ch[i].count <= 0x10000 && pit.ch[i].mode <= 5);
	CHECK(pit_deadline == pit.deadline_ns);
	CHECK(!pit.period_ns || pit.deadline_ns);
}

/* ---- operations -------------------------------------------------------- */

static void lapic_op(u32 op)
{
	static u8 state[HG_APIC_REGS_SIZE];
	struct hg_lapic *l = vm.lapics[op >> 4 & (CPUS - 1)];
	u64 val;
	u32 i;

	switch (op & 15) {
	case 0:
	case 1:
		hg_lapic_mmio_write(l, (u32)take(1) << 4, 4, take(4));
		break;
	case 2:
	case 3:
		i = 0x800 + (u32)take(1);
		hg_lapic_msr_write(l, i, take(i == 0x830 ? 8 : 4));
		break;
	case 4:
		hg_lapic_mmio_read(l, (u32)take(2), (u32)take(1) & 7, &val);
		break;
	case 5:
		hg_lapic_msr_read(l, 0x800 + (u32)take(1), &val);
		break;
	case 6:
		hg_lapic_set_base(l, (HG_APIC_DEFAULT_BASE | take(2)), take(1) & 1);
		break;
	case 7:
		hg_lapic_set_tsc_deadline(l, vm.now * 2 + take(4));
		break;
	case 8:
		hg_lapic_post(l, (u8)take(1), take(1) & 1);
		break;
	case 9:
		hg_lapic_ack(l);
		break;
	case 10:
		hg_lapic_eoi(l);
		break;
	case 11:
		hg_lapic_reset(l, take(1) & 1);
		break;
	case 12:
		for (i = 0; i < sizeof(state); i += 4)
			if (take(1) & 1)
				memcpy(state + i, &(u32){ (u32)take(4) }, 4);
		hg_lapic_set_state(l, state, take(1) & 1);
		break;
	case 13:
		hg_lapic_tsc_changed(l, (u32)take(4) % 4000000);
		break;
	case 14:
		hg_lapic_take_events(l, (u32)take(1));
		break;
	default:
		hg_lapic_set_cr8(l, take(1) & 15);
		break;
	}
	rebuild();
}

static void eoi(void)
{
	u8 vector = (u8)take(1);
	bool level = take(1) & 1;

	hg_ioapic_eoi_pins(&io, vector, level);
	hg_ioapic_eoi(&io, vector, level);
}

static void io_op(u32 op)
{
	struct hg_ioapic_state s;
	u64 val;

	switch (op & 7) {
	case 0:
	case 1:
		hg_ioapic_set_irq(&io, (u32)take(1) & 31, (u32)take(1) & 127, op & 8);
		break;
	case 2:
	case 3:
		hg_ioapic_write(&io, 0, 4, take(1));
		hg_ioapic_write(&io, 0x10, 4, take(4));
		break;
	case 4:
		hg_ioapic_read(&io, (u32)take(1), (u32)take(1) & 7, &val);
		break;
	case 5:
		hg_ioapic_retry(&io, (u32)take(1));
		break;
	case 6:
		hg_ioapic_get_state(&io, &s);
		s.irr ^= (u32)take(4);
		s.redir[take(1) % HG_IOAPIC_PINS] = take(8);
		hg_ioapic_set_state(&io, &s);
		break;
	default:
		eoi();
		break;
	}
}

static void pic_op(u32 op)
{
	static const u16 ports[] = { 0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1, 0x20, 0x21 };
	struct hg_pic_state s;

	switch (op & 7) {
	case 0:
	case 1:
		hg_pic_set_irq(&pic, (u32)take(1) & 31, (u32)take(1) & 127, op & 8);
		break;
	case 2:
	case 3:
		hg_pic_write(&pic, ports[op >> 3 & 7], (u8)take(1));
		break;
	case 4:
		hg_pic_read(&pic, ports[op >> 3 & 7]);
		break;
	case 5:
		hg_pic_ack(&pic);
		hg_pic_take_acked(&pic);
		break;
	case 6:
		hg_pic_get_state(&pic, op >> 3 & 1, &s);
		((u8 *)&s)[take(1) % sizeof(s)] = (u8)take(1);
		hg_pic_set_state(&pic, op >> 3 & 1, &s);
		break;
	default:
		hg_pic_ack(&pic);
		break;
	}
}

static void pit_op(u32 op)
{
	struct hg_pit_state s;

	switch (op & 7) {
	case 0:
	case 1:
	case 2:
		hg_pit_write(&pit, (u16)(op & 0x80 ? 0x61 : 0x40 + (op >> 3 & 3)), (u8)take(1));
		break;
	case 3:
	case 4:
		hg_pit_read(&pit, (u16)(op & 0x80 ? 0x61 : 0x40 + (op >> 3 & 3)));
		break;
	case 5:
		hg_pit_acked(&pit);
		break;
	case 6:
		hg_pit_get_state(&pit, &s);
		((u8 *)&s)[take(1) % sizeof(s)] = (u8)take(1);
		hg_pit_set_state(&pit, &s);
		break;
	default:
		hg_pit_set_reinject(&pit, op & 8);
		break;
	}
}

/* Time passes; each timer that is due fires once, late or not. */
static void time_op(u32 op)
{
	u32 i;

	vm.now += take(op & 3 ? 2 : 5);
	for (i = 0; i < CPUS; i++) {
		if (!vm.cpu[i].deadline || vm.cpu[i].deadline > vm.now)
			continue;
		vm.cpu[i].deadline = 0;
		hg_lapic_timer_expired(vm.lapics[i]);
	}
	if (pit_deadline && pit_deadline <= vm.now) {
		pit_deadline = 0;
		hg_pit_expired(&pit);
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	input = data;
	left = size;
	if (!map)
		map = malloc(hg_apicmap_size(255));
	CHECK(map);
	fake_init(&vm, CPUS);
	pic_line = false;
	pit_deadline = 0;
	rebuild();
	hg_ioapic_init(&io, &io_ops, &io);
	hg_pic_init(&pic, &pic_ops, &pic);
	hg_pit_init(&pit, &pit_ops, &pit);
	check_all();
	while (left) {
		u32 op = (u32)take(1);

		switch (take(1) & 7) {
		case 0:
			io_op(op);
			break;
		case 1:
			pic_op(op);
			break;
		case 2:
			pit_op(op);
			break;
		case 3:
			time_op(op);
			break;
		default:
			lapic_op(op);
			break;
		}
		check_all();
	}
	return 0;
}

#ifdef STANDALONE
int main(int argc, char **argv)
{
	static u8 data[4096];
	u32 secs = argc > 1 ? (u32)strtoul(argv[1], NULL, 10) : 5;
	u64 seed = 0x9e3779b97f4a7c15ULL;
	time_t end = time(NULL) + (time_t)secs;
	unsigned long rounds = 0;
	size_t i;

	do {
		for (i = 0; i < sizeof(data); i++) {
			seed ^= seed << 13;
			seed ^= seed >> 7;
			seed ^= seed << 17;
			data[i] = (u8)(seed >> 32);
		}
		LLVMFuzzerTestOneInput(data, sizeof(data));
		rounds++;
	} while (time(NULL) < end);
	free(map);
	printf("fuzz-irqchip: %lu rounds of %zu bytes\n", rounds, sizeof(data));
	return 0;
}
#endif
