// SPDX-License-Identifier: Apache-2.0
/*
 * Attacks of a hostile VMM, and of other processes of the host, on a guest that
 * holds a secret. Each attack succeeds against an ordinary VM here, so that the
 * test can fail, and must be refused for a confidential one; then the guest says
 * whether its secret is whole.
 */
#include <fcntl.h>
#include <linux/psp-sev.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cvm.h"
#include "scan.h"

#define JUNK		0x4a4a4a4a4a4a4a4aull
#define HC_MAP_GPA	12
#define MAP_SHARED_4K	0
#define MAP_PRIVATE_4K	16
#define KVM_EPERM_	1
#define KVM_EINVAL_	22
#define KVM_ENOSYS_	1000
#define MSI_BASE	0xfee00000
#define INVENTED	0x10000000	/* neither RAM nor where a PC has devices */

static void with_both(void (*attack)(struct cvm *cvm))
{
	struct cvm *cvm;
	int confidential;

	for (confidential = 0; confidential < 2; confidential++) {
		cvm = cvm_start(confidential);
		assert_true(cvm_whole(cvm));
		attack(cvm);
		cvm_free(cvm);
	}
}

/* ---- memory ---- */

static void read_and_write_mapping(struct cvm *cvm)
{
	unsigned int found = scan_bytes(cvm->vm->ram, cvm->vm->ram_size);

	if (cvm->confidential)
		assert_int_equal(found, 0);
	else
		assert_in_range(found, 2, 100);
	memset(cvm->vm->ram, 0x4a, cvm->vm->ram_size / 2);
	if (cvm->confidential) {
		assert_true(cvm_whole(cvm));
		assert_int_equal(cvm_peek(cvm, GUEST_PAGE), 0);
	} else {
		/* Its page tables are gone with the rest. */
		hgt_expect(cvm->vcpu, KVM_EXIT_SHUTDOWN);
	}
}

static void mapping(void **state)
{
	(void)state;
	with_both(read_and_write_mapping);
}

static void read_as_other_process(struct cvm *cvm)
{
	static const enum scan_way ways[] = { SCAN_PROC_MEM, SCAN_READV, SCAN_PTRACE };
	unsigned int i;

	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		int found = scan_process(getpid(), ways[i]);

		if (cvm->confidential)
			assert_int_equal(found, 0);
		else
			assert_in_range(found, 2, 1000);
	}
	assert_true(cvm_whole(cvm));
}

static void proc_mem(void **state)
{
	(void)state;
	with_both(read_as_other_process);
}

static void change_slots(struct cvm *cvm)
{
	void *other = hgt_pages(HGT_RAM);
	int want = cvm->confidential ? -EBUSY : 0;

	memset(other, 0x4a, HGT_RAM);
	/* A second slot over the same pages. */
	assert_int_equal(hgt_slot(cvm->vm, 5, 0, GUEST_PAGE, 4096, other), -EEXIST);
	/* The same slot with other memory behind it; gone and back; elsewhere. */
	assert_int_equal(hgt_slot(cvm->vm, 0, 0, 0, HGT_RAM, other), -EINVAL);
	assert_int_equal(hgt_slot(cvm->vm, 0, 0, 0x10000000, HGT_RAM, cvm->vm->ram), want);
	if (!cvm->confidential)
		assert_int_equal(hgt_slot(cvm->vm, 0, 0, 0, HGT_RAM, cvm->vm->ram), 0);
	assert_int_equal(hgt_slot(cvm->vm, 0, 0, 0, 0, NULL), want);
	if (!cvm->confidential)
		assert_int_equal(hgt_slot(cvm->vm, 0, 0, 0, HGT_RAM, other), 0);
	if (cvm->confidential)
		assert_true(cvm_whole(cvm));
	else
		hgt_expect(cvm->vcpu, KVM_EXIT_SHUTDOWN);	/* it found junk */
	munmap(other, HGT_RAM);
}

static void slots(void **state)
{
	(void)state;
	with_both(change_slots);
}

/*
 * Before the guest runs, a VMM may cut a slot that has measured pages, as QEMU does. The
 * pages stay as they were measured; then the new slots must stay, as the old would have.
 */
static void cut_slots(void **state)
{
	struct cvm *cvm = cvm_create(true);
	uint8_t *ram = cvm->vm->ram;
	const uint64_t half = 0x60000;

	(void)state;
	cvm_begin_launch(cvm);
	memset(ram + GUEST_PAGE, 0x5a, 4096);
	cvm_load(cvm, ram + GUEST_PAGE, 4096);
	assert_int_equal(hgt_slot(cvm->vm, 0, 0, 0, 0, NULL), 0);
	assert_int_equal(hgt_slot(cvm->vm, 0, 0, 0, HGT_RAM, ram), 0);
	assert_int_equal(hgt_slot(cvm->vm, 0, 0, 0x10000000, HGT_RAM, ram), -EBUSY);
	cvm_measure(cvm);
	assert_int_equal(hgt_slot(cvm->vm, 0, 0, 0, 0, NULL), 0);
	/* Not this one as well: it lies elsewhere. */
	assert_int_equal(hgt_slot(cvm->vm, CVM_SLOT_ROM, 0, 0, 0, NULL), -EBUSY);
	memset(ram + GUEST_PAGE, 0x4a, 4096);
	assert_int_equal(hgt_slot(cvm->vm, 0, 0, 0, half, ram), 0);
	assert_int_equal(hgt_slot(cvm->vm, 5, 0, half, HGT_RAM - half, ram + half), 0);
	cvm_finish(cvm);
	assert_int_equal(hgt_slot(cvm->vm, 0, 0, 0, 0, NULL), -EBUSY);
	assert_int_equal(hgt_slot(cvm->vm, 5, 0, 0, 0, NULL), -EBUSY);
	cvm_ready(cvm);
	assert_true(cvm_whole(cvm));
	assert_int_equal(cvm_peek(cvm, GUEST_PAGE), 0x5a5a5a5a5a5a5a5a);
	cvm_free(cvm);
}

/* ---- registers ---- */

static bool all_zero(const void *data, size_t size)
{
	const uint8_t *p = data;
	size_t i;

	for (i = 0; i < size; i++)
		if (p[i])
			return false;
	return true;
}

/* What reading gives: the secret, or nothing at all. */
static void expect_state(struct cvm *cvm, const void *data, size_t size, bool holds_secret)
{
	if (cvm->confidential)
		assert_true(all_zero(data, size));
	else if (holds_secret)
		assert_in_range(scan_bytes(data, size), 1, 100);
}

static void read_registers(struct cvm *cvm)
{
	static struct kvm_xsave xsave;
	struct kvm_vcpu_events events;
	struct kvm_debugregs debug;
	struct kvm_sregs sregs;
	struct kvm_regs regs;
	struct kvm_fpu fpu;
	uint64_t efer = 1;

	hgt_ok(cvm->vcpu->fd, KVM_GET_REGS, &regs);
	expect_state(cvm, &regs, sizeof(regs), true);
	hgt_ok(cvm->vcpu->fd, KVM_GET_SREGS, &sregs);
	expect_state(cvm, &sregs, sizeof(sregs), false);
	hgt_ok(cvm->vcpu->fd, KVM_GET_FPU, &fpu);
	expect_state(cvm, &fpu, sizeof(fpu), true);
	hgt_ok(cvm->vcpu->fd, KVM_GET_XSAVE, &xsave);
	expect_state(cvm, &xsave, sizeof(xsave), true);
	hgt_ok(cvm->vcpu->fd, KVM_GET_DEBUGREGS, &debug);
	expect_state(cvm, &debug, sizeof(debug), false);
	hgt_ok(cvm->vcpu->fd, KVM_GET_VCPU_EVENTS, &events);
	expect_state(cvm, &events, sizeof(events), false);
	assert_int_equal(hgt_try_get_msr(cvm->vcpu, 0xc0000080, &efer), 1);
	assert_int_equal(efer != 0, !cvm->confidential);
}

static void write_registers(struct cvm *cvm)
{
	struct kvm_sregs sregs;
	struct kvm_regs regs;
	struct kvm_fpu fpu;

	hgt_ok(cvm->vcpu->fd, KVM_GET_REGS, &regs);
	regs.rbx = regs.r12 = regs.r15 = JUNK;
	hgt_ok(cvm->vcpu->fd, KVM_SET_REGS, &regs);
	hgt_ok(cvm->vcpu->fd, KVM_GET_FPU, &fpu);
	memset(fpu.xmm, 0x4a, sizeof(fpu.xmm));
	hgt_ok(cvm->vcpu->fd, KVM_SET_FPU, &fpu);
	hgt_ok(cvm->vcpu->fd, KVM_GET_SREGS, &sregs);
	if (cvm->confidential)
		sregs.cr3 = 0x200000;	/* a page table of the VMM's */
	hgt_ok(cvm->vcpu->fd, KVM_SET_SREGS, &sregs);
	if (cvm->confidential)
		assert_int_equal(hgt_set_msr(cvm->vcpu, 0xc0000080, 0), 1);
	assert_int_equal(cvm_whole(cvm), cvm->confidential);
}

static void attack_registers(struct cvm *cvm)
{
	read_registers(cvm);
	if (cvm->confidential)
		assert_true(cvm_whole(cvm));
	write_registers(cvm);
}

static void registers(void **state)
{
	(void)state;
	with_both(attack_registers);
}

/* What an exit leaves in memory that the VMM has mapped. */
static void look_at_run_page(struct cvm *cvm)
{
	struct kvm_run *run = cvm->vcpu->run;
	unsigned int found;

	if (hgt_cap(KVM_CAP_SYNC_REGS))
		run->kvm_valid_regs = KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS;
	assert_true(cvm_whole(cvm));
	found = scan_bytes(run, cvm->vcpu->run_size);
	if (cvm->confidential)
		assert_int_equal(found, 0);
	else if (hgt_cap(KVM_CAP_SYNC_REGS))
		assert_in_range(found, 1, 100);
	if (cvm->confidential && hgt_cap(KVM_CAP_SYNC_REGS))
		assert_true(all_zero(&run->s.regs, sizeof(run->s.regs)));
}

static void run_page(void **state)
{
	(void)state;
	with_both(look_at_run_page);
}

static void watch_steps(struct cvm *cvm)
{
	struct kvm_guest_debug debug = {
		.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP,
	};
	struct kvm_translation where = { .linear_address = GUEST_SECRET };

	if (!cvm->confidential) {
		hgt_ok(cvm->vcpu->fd, KVM_SET_GUEST_DEBUG, &debug);
		hgt_expect(cvm->vcpu, KVM_EXIT_DEBUG);
		return;
	}
	hgt_refused(cvm->vcpu->fd, KVM_SET_GUEST_DEBUG, &debug, EPERM);
	assert_int_not_equal(ioctl(cvm->vcpu->fd, KVM_TRANSLATE, &where), 0);
	assert_true(cvm_whole(cvm));
}

static void stepping(void **state)
{
	(void)state;
	with_both(watch_steps);
}

/*
 * The VMM has told the guest of RAM that was not declared at the launch, and the guest
 * writes to it. What is written to an ordinary VM's hole in memory, a device is told.
 */
static void write_to_invented_ram(struct cvm *cvm)
{
	const uint32_t words[] = { GUEST_POKE, INVENTED, 0x5ec2e7a1, 0x1f00ba11 };
	struct kvm_run *run = cvm->vcpu->run;
	unsigned int i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		cvm_word_in(cvm, words[i]);
	memset(&run->mmio, 0, sizeof(run->mmio));
	if (!cvm->confidential) {
		hgt_expect(cvm->vcpu, KVM_EXIT_MMIO);
		assert_memory_equal(run->mmio.data, &words[2], 8);
		return;
	}
	for (i = 0; i < 2; i++) {
		assert_int_equal(hgt_run(cvm->vcpu), -EPERM);
		assert_int_not_equal(run->exit_reason, KVM_EXIT_MMIO);
		assert_true(all_zero(&run->mmio, sizeof(run->mmio)));
	}
}

static void invented_ram(void **state)
{
	(void)state;
	with_both(write_to_invented_ram);
}

/* ---- CPUID ---- */

static void forge_cpuid(struct cvm *cvm)
{
	struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 entry[1];
	} forged = { .head.nent = 1, .entry[0].function = 0 };
	uint32_t args[2] = { 0x8000001f, 0 }, answer[4];

	cvm_do(cvm, GUEST_CPUID, args, 2, answer, 4);
	assert_int_equal(answer[0] >> 1 & 1, cvm->confidential);
	if (!cvm->confidential)
		return;
	hgt_refused(cvm->vcpu->fd, KVM_SET_CPUID2, &forged, EPERM);
	cvm_do(cvm, GUEST_CPUID, args, 2, answer, 4);
	assert_int_equal(answer[0] >> 1 & 1, 1);
	assert_true(cvm_whole(cvm));
}

static void cpuid(void **state)
{
	(void)state;
	with_both(forge_cpuid);
}

/* ---- page tables ---- */

static void load_cr3(struct cvm *cvm, uint64_t value)
{
	uint32_t args[2] = { (uint32_t)value, (uint32_t)(value >> 32) }, answer;

	cvm_do(cvm, GUEST_CR3, args, 2, &answer, 1);
	assert_int_equal(answer, 0);
}

/*
 * A guest that has long set the C-bit in CR3 leaves it out once, as Linux does
 * before it starts another kernel: a page table of the VMM's lies in wait there.
 */
static void page_tables(void **state)
{
	struct cvm *cvm = cvm_start(true);
	uint32_t args[2] = { 0x8000001f, 0 }, answer[4];
	unsigned int i;
	uint64_t c;

	(void)state;
	cvm_do(cvm, GUEST_CPUID, args, 2, answer, 4);
	c = 1ull << (answer[1] & 63);
	memset(hgt_ptr(cvm->vm, GUEST_PML4, 4096), 0x4a, 4096);
	for (i = 0; i < 40; i++)
		load_cr3(cvm, GUEST_PML4 | c);
	load_cr3(cvm, GUEST_PML4);
	assert_true(cvm_whole(cvm));
	assert_int_equal(cvm_peek(cvm, GUEST_ALIAS + GUEST_PML4), 0x4a4a4a4a4a4a4a4aull);
	cvm_free(cvm);
}

/* ---- injection ---- */

static uint32_t count_of(struct cvm *cvm, unsigned int vector)
{
	return (uint32_t)cvm_peek(cvm, GUEST_COUNTS + 4 * vector);
}

static void send_msi(struct cvm *cvm, uint32_t vector)
{
	struct kvm_msi msi = { .address_lo = MSI_BASE, .data = vector };

	ioctl(cvm->vm->fd, KVM_SIGNAL_MSI, &msi);
}

static void take_irqs(struct cvm *cvm)
{
	uint32_t answer;

	cvm_do(cvm, GUEST_IRQS, NULL, 0, &answer, 1);
	assert_int_equal(answer, 0);
}

static void inject(struct cvm *cvm)
{
	static const struct {
		unsigned int vector;
		bool device;	/* one that a device may use */
	} sent[] = {
		{ 0x20, true }, { 0x31, true }, { 0x7f, true }, { 0x80, false }, { 0x81, true },
		{ 0xeb, true }, { 0xec, false }, { 0xef, false }, { 0xfb, false }, { 0xff, false },
	};
	struct kvm_vcpu_events events;
	unsigned int i, vector;

	for (i = 0; i < sizeof(sent) / sizeof(sent[0]); i++) {
		send_msi(cvm, sent[i].vector);
		take_irqs(cvm);
		assert_int_equal(count_of(cvm, sent[i].vector),
				 sent[i].device || !cvm->confidential);
	}
	/* An exception by way of the state: #GP. */
	hgt_ok(cvm->vcpu->fd, KVM_GET_VCPU_EVENTS, &events);
	events.exception.injected = 1;
	events.exception.nr = 13;
	events.exception.has_error_code = 1;
	hgt_ok(cvm->vcpu->fd, KVM_SET_VCPU_EVENTS, &events);
	if (cvm->confidential) {
		assert_true(cvm_whole(cvm));
		for (vector = 0; vector < 32; vector++)
			assert_int_equal(count_of(cvm, vector), 0);
	} else {
		hgt_expect(cvm->vcpu, KVM_EXIT_IO);
		assert_int_equal(*(uint32_t *)hgt_pio_data(cvm->vcpu), GUEST_FAULT | 13);
	}
}

static void injection(void **state)
{
	(void)state;
	with_both(inject);
}

/* An interrupt that the guest sends itself may come, once. */
static void self_ipi(void **state)
{
	struct cvm *cvm = cvm_start(true);
	uint32_t args[3] = { 0x83f, 0xf0, 0 }, answer;

	(void)state;
	cvm_do(cvm, GUEST_WRMSR, args, 3, &answer, 1);
	assert_int_equal(answer, 0);
	take_irqs(cvm);
	assert_int_equal(count_of(cvm, 0xf0), 1);
	send_msi(cvm, 0xf0);
	take_irqs(cvm);
	assert_int_equal(count_of(cvm, 0xf0), 1);
	cvm_free(cvm);
}

/* ---- launch ---- */

static void late_commands(void **state)
{
	struct cvm *cvm = cvm_start(true);
	struct kvm_sev_launch_start start = { .policy = 0 };
	struct kvm_sev_launch_update_data update = {
		.uaddr = (uintptr_t)cvm->vm->ram + GUEST_SECRET, .len = 4096,
	};
	static uint8_t page[4096];
	struct kvm_sev_dbg debug = {
		.src_uaddr = (uintptr_t)cvm->vm->ram + GUEST_SECRET, .dst_uaddr = (uintptr_t)page,
		.len = sizeof(page),
	};
	struct kvm_sev_guest_status status;
	uint32_t error;

	(void)state;
	assert_int_equal(cvm_command(cvm, KVM_SEV_LAUNCH_START, &start, &error), -EIO);
	assert_int_equal(error, SEV_RET_INVALID_GUEST_STATE);
	assert_int_equal(cvm_command(cvm, KVM_SEV_LAUNCH_UPDATE_DATA, &update, &error), -EIO);
	assert_int_equal(error, SEV_RET_INVALID_GUEST_STATE);
	assert_int_equal(cvm_command(cvm, KVM_SEV_LAUNCH_FINISH, NULL, &error), -EIO);
	assert_int_equal(error, SEV_RET_INVALID_GUEST_STATE);
	assert_int_equal(cvm_command(cvm, KVM_SEV_DBG_DECRYPT, &debug, &error), -EIO);
	assert_int_equal(error, SEV_RET_UNSUPPORTED);
	assert_true(all_zero(page, sizeof(page)));
	assert_int_equal(cvm_command(cvm, KVM_SEV_DBG_ENCRYPT, &debug, &error), -EIO);
	assert_int_equal(cvm_command(cvm, KVM_SEV_GUEST_STATUS, &status, &error), 0);
	assert_int_equal(status.state, 3);
	assert_int_equal(status.policy, 1);
	assert_true(cvm_whole(cvm));
	cvm_free(cvm);
}

static void run_before_finish(void **state)
{
	struct cvm *cvm = cvm_create(true);

	(void)state;
	assert_int_equal(hgt_run(cvm->vcpu), -EINVAL);
	cvm_launch(cvm);
	hgt_expect(cvm->vcpu, KVM_EXIT_IO);
	cvm_free(cvm);
}

static void digest_after(uint8_t digest[32], unsigned int byte, uint8_t flip)
{
	struct cvm *cvm = cvm_create(true);

	cvm->rom[byte] ^= flip;
	cvm_launch(cvm);
	memcpy(digest, cvm->digest, 32);
	cvm_free(cvm);
}

static void digest(void **state)
{
	uint8_t first[32], same[32], other[32];
	struct cvm *cvm;
	uint8_t page[4096];

	(void)state;
	digest_after(first, 0, 0);
	digest_after(same, 0, 0);
	assert_memory_equal(first, same, 32);
	assert_false(all_zero(first, 32));
	digest_after(other, GUEST_ROM_SIZE - 1, 1);
	assert_memory_not_equal(first, other, 32);
	/* Two pages change places. */
	cvm = cvm_create(true);
	memcpy(page, cvm->rom, 4096);
	memcpy(cvm->rom, cvm->rom + 4096, 4096);
	memcpy(cvm->rom + 4096, page, 4096);
	cvm_launch(cvm);
	assert_memory_not_equal(first, cvm->digest, 32);
	cvm_free(cvm);
	/* What is written after it was measured is not what runs. */
	cvm = cvm_create(true);
	cvm_launch(cvm);
	memset(cvm->rom, 0xf4, GUEST_ROM_SIZE);
	hgt_expect(cvm->vcpu, KVM_EXIT_IO);
	assert_int_equal(*(uint32_t *)hgt_pio_data(cvm->vcpu), GUEST_READY);
	cvm_free(cvm);
}

/* ---- conversion ---- */

static int64_t share(struct cvm *cvm, uint64_t gpa, uint64_t pages)
{
	return cvm_hypercall(cvm, HC_MAP_GPA, gpa, pages, MAP_SHARED_4K);
}

static void conversions(void **state)
{
	struct cvm *cvm = cvm_start(true);
	volatile uint64_t *host = hgt_ptr(cvm->vm, GUEST_PAGE, 8);
	unsigned int i;

	(void)state;
	for (i = 0; i < 50; i++) {
		/* A secret in a page that becomes shared does not become readable. */
		cvm_poke(cvm, GUEST_PAGE, cvm_secret(0));
		assert_int_equal(cvm_peek(cvm, GUEST_PAGE), cvm_secret(0));
		assert_int_equal(share(cvm, GUEST_PAGE, 1), 0);
		assert_int_equal(scan_bytes(cvm->vm->ram, cvm->vm->ram_size), 0);
		*host = JUNK + i;
		assert_int_equal(cvm_peek(cvm, GUEST_ALIAS + GUEST_PAGE), JUNK + i);
		cvm_poke(cvm, GUEST_ALIAS + GUEST_PAGE, i);
		assert_int_equal(*host, i);
		/* Private again it is empty, and what the host writes is not seen. */
		assert_int_equal(cvm_hypercall(cvm, HC_MAP_GPA, GUEST_PAGE, 1, MAP_PRIVATE_4K), 0);
		*host = JUNK;
		assert_int_equal(cvm_peek(cvm, GUEST_PAGE), 0);
	}
	assert_true(cvm_whole(cvm));
	cvm_free(cvm);
}

static void hostile_guest(void **state)
{
	static const struct {
		uint64_t gpa, count, attributes;
		int64_t want;
	} call[] = {
		{ GUEST_PAGE + 1, 1, 0, -KVM_EINVAL_ },
		{ GUEST_PAGE, 0, 0, -KVM_EINVAL_ },
		{ GUEST_PAGE, 1, 0x20, -KVM_EINVAL_ },
		{ GUEST_PAGE, 1, 1ull << 63, -KVM_EINVAL_ },
		{ GUEST_PAGE, ~0ull, 0, -KVM_EINVAL_ },
		{ GUEST_PAGE, 1ull << 52, 0, -KVM_EINVAL_ },
		{ ~0xfffull, 1, 0, -KVM_EINVAL_ },
		{ ~0xfffull, 2, 0, -KVM_EINVAL_ },
		{ 1ull << 62, 1, 0, -KVM_EINVAL_ },
		{ 1ull << 51, 1, 0, -KVM_EINVAL_ },
		{ 0xd0000000, 16, 0, 0 },	/* nothing is there: nothing to give up */
		{ 0xd0000000, 16, MAP_PRIVATE_4K, -KVM_EINVAL_ },	/* nor is it RAM */
		{ 0, HGT_RAM / 4096, MAP_PRIVATE_4K, 0 },
		{ 0, HGT_RAM / 4096 + 1, MAP_PRIVATE_4K, -KVM_EINVAL_ },
	};
	struct cvm *cvm = cvm_start(true);
	uint64_t number;
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(call) / sizeof(call[0]); i++) {
		assert_int_equal(cvm_hypercall(cvm, HC_MAP_GPA, call[i].gpa, call[i].count,
					       call[i].attributes), call[i].want);
		assert_true(cvm_whole(cvm));
	}
	for (number = 0; number < 40; number++)
		if (number != HC_MAP_GPA)
			assert_int_equal(cvm_hypercall(cvm, number, 0, 0, 0), -KVM_ENOSYS_);
	assert_int_equal(cvm_hypercall(cvm, ~0ull, ~0ull, ~0ull, ~0ull), -KVM_ENOSYS_);
	assert_true(cvm_whole(cvm));
	/* Its own code: measured and read-only, it stays. */
	assert_int_equal(share(cvm, GUEST_ROM, 4), 0);
	assert_true(cvm_whole(cvm));
	cvm_free(cvm);
}

/* ---- the end ---- */

static long counter(const char *name)
{
	char path[96], text[32] = "";
	int fd;

	snprintf(path, sizeof(path), "/sys/kernel/debug/hypergpu/%s", name);
	fd = open(path, O_RDONLY);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 1)
		fail_msg("%s: %s", path, strerror(errno));
	close(fd);
	return strtol(text, NULL, 10);
}

/*
 * A guest that makes the same pages shared and private again, and touches them each time,
 * uses up the host's memory unless what it gives up goes back to the host at once.
 */
static void hoarding(void **state)
{
	const unsigned int pages = 64, rounds = 100;
	long host = counter("frames_host");
	struct cvm *cvm = cvm_start(true);
	unsigned int i, page;

	(void)state;
	for (i = 0; i < rounds; i++) {
		for (page = 0; page < pages; page++)
			cvm_poke(cvm, GUEST_PAGE + page * 4096, JUNK);
		assert_int_equal(share(cvm, GUEST_PAGE, pages), 0);
	}
	/* Its memory, twice over, and what runs it. */
	assert_in_range(host - counter("frames_host"), 1, 3 * HGT_RAM / 4096);
	assert_true(cvm_whole(cvm));
	cvm_free(cvm);
	assert_int_equal(counter("frames_host"), host);
}

static void accounting(void **state)
{
	long private = counter("frames_private"), core = counter("frames_core"),
	     lent = counter("frames_lent");
	unsigned int i;

	(void)state;
	for (i = 0; i < 20; i++) {
		struct cvm *cvm = cvm_start(true);

		assert_true(counter("frames_private") > private);
		if (i & 1)
			share(cvm, GUEST_PAGE, 64);
		cvm_free(cvm);
	}
	assert_int_equal(counter("frames_private"), private);
	assert_int_equal(counter("frames_core"), core);
	assert_int_equal(counter("frames_lent"), lent);
}

/* What the module tells of its VMs has no secret in it. */
static void debugfs(void **state)
{
	struct cvm *cvm = cvm_start(true);

	(void)state;
	assert_int_equal(scan_tree("/sys/kernel/debug/hypergpu"), 0);
	assert_true(cvm_whole(cvm));
	cvm_free(cvm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mapping),
		cmocka_unit_test(proc_mem),
		cmocka_unit_test(slots),
		cmocka_unit_test(cut_slots),
		cmocka_unit_test(registers),
		cmocka_unit_test(run_page),
		cmocka_unit_test(stepping),
		cmocka_unit_test(invented_ram),
		cmocka_unit_test(cpuid),
		cmocka_unit_test(page_tables),
		cmocka_unit_test(injection),
		cmocka_unit_test(self_ipi),
		cmocka_unit_test(late_commands),
		cmocka_unit_test(run_before_finish),
		cmocka_unit_test(digest),
		cmocka_unit_test(conversions),
		cmocka_unit_test(hostile_guest),
		cmocka_unit_test(hoarding),
		cmocka_unit_test(accounting),
		cmocka_unit_test(debugfs),
	};

	return hgt_main(tests);
}
