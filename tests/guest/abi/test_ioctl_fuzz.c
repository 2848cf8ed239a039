// SPDX-License-Identifier: Apache-2.0
/*
 * Random sequences of ioctls, from a seed: mostly well-formed arguments with
 * some fields spoilt, in any order, on several VMs and vCPUs at once, with
 * two threads. Each round is a process of its own, killed if it lasts; after
 * each the host must be well: a fresh VM runs. The bench looks for kernel
 * faults afterwards.
 *
 * HG_FUZZ_SEED (1) and HG_FUZZ_ROUNDS (12) choose; round N of seed S is round
 * 0 of seed S + N, so that a round can be repeated by itself.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hgt.h"

#define STEPS	1500
#define SECONDS	6	/* a round that lasts longer is killed */
#define ARENA	(8u << 20)
#define VMS	3
#define VCPUS	4

struct round {
	uint64_t rng;
	int vm[VMS];
	int vcpu[VMS * VCPUS];
	struct kvm_run *run[VMS * VCPUS];
	uint8_t *arena;
	int event;
};

/* xorshift64*: the same everywhere, whatever the C library. */
static uint64_t rnd(struct round *r)
{
	r->rng ^= r->rng >> 12;
	r->rng ^= r->rng << 25;
	r->rng ^= r->rng >> 27;
	return r->rng * 0x2545f4914f6cdd1dull;
}

static uint32_t below(struct round *r, uint32_t n)
{
	return (uint32_t)(rnd(r) >> 33) % n;
}

/* A number that code is likely to trip over. */
static uint64_t nasty(struct round *r)
{
	static const uint64_t odd[] = {
		0, 1, 2, 3, 4, 7, 8, 31, 32, 63, 64, 255, 256, 4095, 4096, 4097,
		0x7fffffff, 0x80000000, 0xffffffff, 0x100000000ull,
		0x7fffffffffffffffull, 0x8000000000000000ull, ~0ull,
		0xfee00000, 0xfec00000, 0xfffff000, 0x0000800000000000ull,
		0xffff800000000000ull,
	};

	switch (below(r, 3)) {
	case 0:
		return rnd(r);
	case 1:
		return 1ull << below(r, 64);
	default:
		return odd[below(r, sizeof(odd) / sizeof(odd[0]))];
	}
}

/* Spoil some 32-bit words of a structure. */
static void spoil(struct round *r, void *p, size_t size)
{
	uint32_t v;

	while (below(r, 3)) {
		v = (uint32_t)nasty(r);
		if (size >= 4)
			memcpy((uint8_t *)p + below(r, (uint32_t)(size / 4)) * 4,
			       &v, 4);
	}
}

static int any_vm(struct round *r)
{
	return r->vm[below(r, VMS)];
}

static int any_vcpu(struct round *r)
{
	return r->vcpu[below(r, VMS * VCPUS)];
}

/* ---- one step each ---- */

static void step_create(struct round *r)
{
	uint32_t v = below(r, VMS), c = below(r, VCPUS), i = v * VCPUS + c;
	size_t size = (size_t)ioctl(hgt_sys(), KVM_GET_VCPU_MMAP_SIZE, 0);
	void *run;

	if (!below(r, 12)) {
		close(r->vm[v]);	/* its vCPUs keep it alive */
		r->vm[v] = ioctl(hgt_sys(), KVM_CREATE_VM, 0);
		return;
	}
	if (r->vcpu[i] >= 0 && !below(r, 4)) {
		if (r->run[i])
			munmap(r->run[i], size);
		close(r->vcpu[i]);
		r->vcpu[i] = -1;
		r->run[i] = NULL;
	}
	if (r->vcpu[i] >= 0)
		return;
	r->vcpu[i] = ioctl(r->vm[v], KVM_CREATE_VCPU,
			   below(r, 8) ? c : (uint32_t)nasty(r));
	if (r->vcpu[i] < 0)
		return;
	run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, r->vcpu[i], 0);
	r->run[i] = run == MAP_FAILED ? NULL : run;
}

static void step_slot(struct round *r)
{
	struct kvm_userspace_memory_region m = {
		.slot = below(r, 6),
		.flags = below(r, 4),
		.guest_phys_addr = (uint64_t)below(r, 16) << (12 + below(r, 9)),
		.memory_size = (uint64_t)below(r, 9) << (12 + below(r, 9)),
	};

	if (m.memory_size > ARENA)
		m.memory_size = ARENA;
	m.userspace_addr = (uintptr_t)r->arena +
		((uint64_t)below(r, 64) << 12) % (ARENA - m.memory_size + 1);
	m.userspace_addr &= ~0xfffull;
	if (!below(r, 5)) {
		/* The host address stays in the arena or becomes absurd. */
		m.guest_phys_addr = nasty(r);
		m.flags = (uint32_t)nasty(r);
	}
	if (!below(r, 16))
		m.userspace_addr = 1ull << 63 | nasty(r);
	ioctl(any_vm(r), KVM_SET_USER_MEMORY_REGION, &m);
}

static void step_dirty(struct round *r)
{
	struct kvm_dirty_log log = {
		.slot = below(r, 8),
		.dirty_bitmap = r->arena,
	};

	spoil(r, &log.slot, 4);
	ioctl(any_vm(r), KVM_GET_DIRTY_LOG, &log);
}

static void step_chips(struct round *r)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_SPLIT_IRQCHIP,
				      .args = { 24 } };
	struct kvm_pit_config pit = { .flags = below(r, 2) };
	struct kvm_irqchip chip = { .chip_id = below(r, 4) };
	struct kvm_pit_state2 ps;
	int vm = any_vm(r);

	switch (below(r, 7)) {
	case 0:
		ioctl(vm, KVM_CREATE_IRQCHIP, 0);
		break;
	case 1:
		spoil(r, &cap, sizeof(cap));
		ioctl(vm, KVM_ENABLE_CAP, &cap);
		break;
	case 2:
		/* Stock 6.1 takes a PIT without a PIC, and hangs on it. */
		if (!ioctl(vm, KVM_GET_IRQCHIP, &chip))
			ioctl(vm, KVM_CREATE_PIT2, &pit);
		break;
	case 3:
		memset(&ps, 0, sizeof(ps));
		ioctl(vm, KVM_GET_PIT2, &ps);
		spoil(r, &ps, sizeof(ps));
		ioctl(vm, KVM_SET_PIT2, &ps);
		break;
	default:
		ioctl(vm, KVM_GET_IRQCHIP, &chip);
		spoil(r, &chip, sizeof(chip));
		ioctl(vm, KVM_SET_IRQCHIP, &chip);
		break;
	}
}

static void step_routes(struct round *r)
{
	union {
		struct kvm_irq_routing r;
		uint8_t room[sizeof(struct kvm_irq_routing) +
			     8 * sizeof(struct kvm_irq_routing_entry)];
	} u;
	uint32_t i;

	memset(&u, 0, sizeof(u));
	u.r.nr = below(r, 9);
	for (i = 0; i < u.r.nr; i++) {
		u.r.entries[i].gsi = below(r, 32);
		u.r.entries[i].type = 1 + below(r, 2);
		if (u.r.entries[i].type == KVM_IRQ_ROUTING_IRQCHIP) {
			u.r.entries[i].u.irqchip.irqchip = below(r, 3);
			u.r.entries[i].u.irqchip.pin = below(r, 24);
		} else {
			u.r.entries[i].u.msi.address_lo = 0xfee00000 | below(r, 16) << 12;
			u.r.entries[i].u.msi.data = below(r, 0x10000);
		}
	}
	if (!below(r, 4))
		spoil(r, &u, sizeof(u));
	if (u.r.nr > 8 && u.r.nr <= 4096)
		u.r.nr = 8;	/* do not read past the end of u */
	ioctl(any_vm(r), KVM_SET_GSI_ROUTING, &u);
}

static void step_interrupt(struct round *r)
{
	struct kvm_irq_level level = { .irq = below(r, 40), .level = below(r, 2) };
	struct kvm_msi msi = { .address_lo = 0xfee00000, .data = below(r, 256) };
	struct kvm_interrupt irq = { .irq = below(r, 300) };
	struct kvm_irqfd ifd = { .fd = (uint32_t)r->event, .gsi = below(r, 40),
				 .flags = below(r, 3) };

	switch (below(r, 5)) {
	case 0:
		spoil(r, &level, sizeof(level));
		ioctl(any_vm(r), KVM_IRQ_LINE, &level);
		break;
	case 1:
		spoil(r, &msi, sizeof(msi));
		ioctl(any_vm(r), KVM_SIGNAL_MSI, &msi);
		break;
	case 2:
		ioctl(any_vcpu(r), KVM_INTERRUPT, &irq);
		break;
	case 3:
		ioctl(any_vcpu(r), KVM_NMI, 0);
		break;
	default:
		spoil(r, &ifd, sizeof(ifd));
		ioctl(any_vm(r), KVM_IRQFD, &ifd);
		if (eventfd_write(r->event, 1))
			break;
	}
}

static void step_doorbell(struct round *r)
{
	struct kvm_ioeventfd e = {
		.addr = 0xd0000000 + below(r, 4) * 4,
		.len = 1u << below(r, 4),
		.fd = r->event,
		.flags = below(r, 8),
		.datamatch = below(r, 4),
	};
	struct kvm_coalesced_mmio_zone z = { .addr = 0xd0001000, .size = 4096 };

	if (!below(r, 3))
		spoil(r, &e, sizeof(e));
	ioctl(any_vm(r), KVM_IOEVENTFD, &e);
	spoil(r, &z, sizeof(z));
	ioctl(any_vm(r), below(r, 2) ? KVM_REGISTER_COALESCED_MMIO :
				       KVM_UNREGISTER_COALESCED_MMIO, &z);
}

/*
 * TCG does not restore the host's CR0 at a #VMEXIT from a guest that has
 * EFER.LME set and CR4.PAE clear, and so the machine below dies of it. Real
 * processors have no such fault; here no round may set that up.
 */
#define EFER		0xc0000080
#define EFER_LME	0x100ull
#define CR4_PAE		0x20ull

/* GET, spoil, SET of one kind of vCPU state. */
static void step_state(struct round *r)
{
	static const struct {
		unsigned long get, set;
		size_t size;
	} kind[] = {
		{ KVM_GET_REGS, KVM_SET_REGS, sizeof(struct kvm_regs) },
		{ KVM_GET_SREGS, KVM_SET_SREGS, sizeof(struct kvm_sregs) },
		{ KVM_GET_FPU, KVM_SET_FPU, sizeof(struct kvm_fpu) },
		{ KVM_GET_XSAVE, KVM_SET_XSAVE, sizeof(struct kvm_xsave) },
		{ KVM_GET_XCRS, KVM_SET_XCRS, sizeof(struct kvm_xcrs) },
		{ KVM_GET_LAPIC, KVM_SET_LAPIC, sizeof(struct kvm_lapic_state) },
		{ KVM_GET_VCPU_EVENTS, KVM_SET_VCPU_EVENTS,
		  sizeof(struct kvm_vcpu_events) },
		{ KVM_GET_DEBUGREGS, KVM_SET_DEBUGREGS,
		  sizeof(struct kvm_debugregs) },
		{ KVM_GET_MP_STATE, KVM_SET_MP_STATE,
		  sizeof(struct kvm_mp_state) },
	};
	uint8_t p[8192] __attribute__((aligned(8)));
	uint32_t k = below(r, sizeof(kind) / sizeof(kind[0]));
	int vcpu = any_vcpu(r);

	memset(p, 0, kind[k].size);
	if (below(r, 5))
		ioctl(vcpu, kind[k].get, p);
	spoil(r, p, kind[k].size);
	if (kind[k].set == KVM_SET_SREGS) {
		struct kvm_sregs *s = (void *)p;

		if (!(s->cr4 & CR4_PAE))
			s->efer &= ~EFER_LME;
	}
	ioctl(vcpu, kind[k].set, p);
}

static void step_msr(struct round *r)
{
	static const uint32_t known[] = {
		0x10, 0x1b, 0x174, 0x175, 0x277, 0x2ff, 0x200, 0x6e0, 0x17a,
		0x400, 0x830, 0x80b, 0xc0000080, 0xc0000081, 0xc0000082,
		0xc0000102, 0xc0010015, 0x4b564d00, 0x4b564d01, 0x12,
	};
	union {
		struct kvm_msrs m;
		uint8_t room[sizeof(struct kvm_msrs) +
			     4 * sizeof(struct kvm_msr_entry)];
	} u;
	uint32_t i;

	memset(&u, 0, sizeof(u));
	u.m.nmsrs = below(r, 5);
	for (i = 0; i < u.m.nmsrs; i++) {
		u.m.entries[i].index = below(r, 4) ?
			known[below(r, sizeof(known) / 4)] : (uint32_t)nasty(r);
		u.m.entries[i].data = nasty(r);
		if (u.m.entries[i].index == EFER)
			u.m.entries[i].data &= ~EFER_LME;
	}
	ioctl(any_vcpu(r), below(r, 2) ? KVM_GET_MSRS : KVM_SET_MSRS, &u);
}

static void step_misc(struct round *r)
{
	struct kvm_guest_debug g = { .control = below(r, 8) };
	struct kvm_clock_data clock = { .clock = nasty(r) };
	int vcpu = any_vcpu(r);

	switch (below(r, 6)) {
	case 0:
		spoil(r, &g, sizeof(g));
		ioctl(vcpu, KVM_SET_GUEST_DEBUG, &g);
		break;
	case 1:
		ioctl(vcpu, KVM_SET_TSC_KHZ, nasty(r));
		break;
	case 2:
		ioctl(any_vm(r), KVM_SET_TSS_ADDR, nasty(r));
		break;
	case 3:
		ioctl(any_vm(r), KVM_SET_CLOCK, &clock);
		break;
	case 4:
		/* Any number at all, with a bad pointer. */
		ioctl(below(r, 2) ? vcpu : any_vm(r),
		      _IOC(below(r, 4), KVMIO, below(r, 256), below(r, 4096)),
		      (void *)(uintptr_t)below(r, 4096));
		break;
	default:
		if (madvise(r->arena + ((size_t)below(r, 1024) << 12),
			    1u << (12 + below(r, 8)), MADV_DONTNEED))
			break;
	}
}

static void step_run(struct round *r)
{
	uint32_t i = below(r, VMS * VCPUS);
	struct kvm_run *run = r->run[i];

	if (run) {
		run->immediate_exit = !below(r, 4);
		run->request_interrupt_window = below(r, 2);
		run->cr8 = below(r, 17);
		if (!below(r, 8))
			spoil(r, run, 256);
	}
	ioctl(r->vcpu[i], KVM_RUN, 0);
}

static void (*const steps[])(struct round *) = {
	step_create, step_create, step_slot, step_slot, step_dirty, step_chips,
	step_routes, step_interrupt, step_doorbell, step_state, step_state,
	step_msr, step_misc, step_run, step_run,
};

/* ---- a round ---- */

static void on_tick(int sig)
{
	(void)sig;
}

static void *second_thread(void *arg)
{
	struct round *r = arg, mine = *r;
	uint32_t i;

	mine.rng ^= 0x5deece66dull;
	for (i = 0; i < STEPS; i++) {
		memcpy(mine.vm, r->vm, sizeof(mine.vm));
		memcpy(mine.vcpu, r->vcpu, sizeof(mine.vcpu));
		/* Creating and closing is the first thread's alone. */
		steps[2 + below(&mine, sizeof(steps) / sizeof(steps[0]) - 4)](&mine);
	}
	return NULL;
}

static void play(uint64_t seed)
{
	struct sigaction sa = { .sa_handler = on_tick };
	struct round r = { .rng = seed * 0x9e3779b97f4a7c15ull + 1 };
	pthread_t thread;
	uint32_t i;

	sigaction(SIGALRM, &sa, NULL);
	ualarm(2000, 2000);	/* no KVM_RUN lasts longer */
	r.arena = mmap(NULL, ARENA, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	r.event = eventfd(0, EFD_NONBLOCK);
	for (i = 0; i < ARENA; i += 8) {	/* code, tables, whatever it is */
		uint64_t v = rnd(&r);

		memcpy(r.arena + i, &v, 8);
	}
	for (i = 0; i < VMS; i++)
		r.vm[i] = ioctl(hgt_sys(), KVM_CREATE_VM, 0);
	for (i = 0; i < VMS * VCPUS; i++)
		r.vcpu[i] = -1;
	for (i = 0; i < 8; i++)
		step_create(&r);
	pthread_create(&thread, NULL, second_thread, &r);
	for (i = 0; i < STEPS; i++)
		steps[below(&r, sizeof(steps) / sizeof(steps[0]))](&r);
	_exit(0);	/* with everything open, perhaps in the midst of a run */
}

HGT_GUEST(well, 64, "mov $0x600d, %eax\n" "out %al, $0x80\n" GUEST_DONE);

static void host_is_well(void)
{
	struct hgt_vm *vm = hgt_vm_new(HGT_IRQCHIP_OFF);
	struct hgt_vcpu *v = hgt_vcpu_new(vm, 0);

	hgt_start_long(v, well);
	hgt_expect(v, KVM_EXIT_IO);
	assert_int_equal(hgt_expect_done(v), 0x600d);
	hgt_vcpu_free(v);
	hgt_vm_free(vm);
}

static void one_round(uint64_t seed)
{
	int status, waited = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid)
		play(seed);
	while (waitpid(pid, &status, WNOHANG) == 0) {
		usleep(50000);
		waited += 50;
		if (waited == SECONDS * 1000)
			kill(pid, SIGKILL);
		if (waited > SECONDS * 1000 + 20000)
			fail_msg("seed %lu: killed, but does not die",
				 (unsigned long)seed);
	}
	/*
	 * A guest may scribble over the arena only, so the process must not
	 * crash. The run page's spoilt fields are no excuse either.
	 */
	if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
		fail_msg("seed %lu: ended by signal %d", (unsigned long)seed,
			 WTERMSIG(status));
	host_is_well();
}

static uint64_t from_env(const char *name, uint64_t fallback)
{
	const char *s = getenv(name);

	return s && *s ? strtoull(s, NULL, 0) : fallback;
}

static void random_sequences(void **state)
{
	uint64_t seed = from_env("HG_FUZZ_SEED", 1);
	uint64_t rounds = from_env("HG_FUZZ_ROUNDS", 12), i;

	(void)state;
	hgt_sys();
	for (i = 0; i < rounds; i++) {
		hgt_watchdog(HGT_TIMEOUT);
		one_round(seed + i);
	}
	print_message("# %lu rounds from seed %lu\n", (unsigned long)rounds,
		      (unsigned long)seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_sequences),
	};

	return hgt_main(tests);
}
