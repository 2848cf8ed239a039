// SPDX-License-Identifier: Apache-2.0
/*
 * What leaving a confidential guest costs, beside an ordinary one that runs the
 * same code (tests/guest/cvm): each operation many times, in counts of the time
 * stamp counter, which are instructions on a machine with -icount shift=0.
 *
 * Prints "KIND NAME MEDIAN MIN MAX SAMPLES" a line; KIND is vm or cvm.
 */
#include <linux/psp-sev.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <x86intrin.h>

#include "cvm.h"

#define WARMUP		16
#define SAMPLES		251
#define BIG_SLOT	2
#define BIG_BASE	0x8000000u	/* 128 MiB */
#define BIG_SIZE	0x4000000u	/* 64 MiB: below the alias, GUEST_ALIAS */
#define TOUCHES		2048u		/* 8 MiB */
#define DEVICE		0x12345000u	/* no memory there */

static uint64_t sample[SAMPLES];

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static const char *kind(const struct cvm *cvm)
{
	return cvm->confidential ? "cvm" : "vm";
}

static void report(const struct cvm *cvm, const char *name, unsigned int n)
{
	qsort(sample, n, sizeof(sample[0]), compare);
	printf("%s %s %llu %llu %llu %u\n", kind(cvm), name, (unsigned long long)sample[n / 2],
	       (unsigned long long)sample[0], (unsigned long long)sample[n - 1], n);
	fflush(stdout);
}

/* The device that the guest reads. */
static void serve_read(struct cvm *cvm)
{
	struct kvm_run *run = cvm->vcpu->run;

	hgt_expect(cvm->vcpu, KVM_EXIT_MMIO);
	if (run->mmio.is_write || run->mmio.phys_addr != DEVICE || run->mmio.len != 4)
		fail_msg("an access to %#llx", (unsigned long long)run->mmio.phys_addr);
	memset(run->mmio.data, 0, sizeof(run->mmio.data));
}

static uint64_t once(struct cvm *cvm, uint32_t what, uint64_t a, uint64_t b)
{
	const uint32_t words[] = {
		GUEST_TIME, what,
		(uint32_t)a, (uint32_t)(a >> 32), (uint32_t)b, (uint32_t)(b >> 32),
	};
	uint32_t answer[2];
	unsigned int i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		cvm_word_in(cvm, words[i]);
	if (what == GUEST_TIME_OUT)
		cvm_word_out(cvm);
	if (what == GUEST_TIME_READ)
		serve_read(cvm);
	for (i = 0; i < 2; i++)
		answer[i] = cvm_word_out(cvm);
	return cvm_join(answer);
}

/* What the measurement itself takes. */
static uint64_t overhead(struct cvm *cvm)
{
	return once(cvm, GUEST_TIME_NOTHING, 0, 0);
}

/* @n times, @step further each time. */
static void measure(struct cvm *cvm, const char *name, uint32_t what, uint64_t a, uint64_t step,
		    uint64_t b, int n)
{
	uint64_t empty = overhead(cvm);
	int i;

	for (i = n == SAMPLES ? -WARMUP : 0; i < n; i++) {
		uint64_t t = once(cvm, what, a, b);

		a += step;
		if (i >= 0)
			sample[i] = t - empty;
	}
	report(cvm, name, (unsigned int)n);
}

/*
 * One page after the other, what each costs on the average: the module brings several at
 * a time, and to a confidential guest 2 MiB where it can.
 */
static void touch(struct cvm *cvm, const char *name, uint64_t at)
{
	uint64_t empty = overhead(cvm), sum = 0;
	unsigned int i;

	for (i = 0; i < TOUCHES; i++)
		sum += once(cvm, GUEST_TIME_WRITE, at + i * 4096ull, 0) - empty;
	sample[0] = sum / TOUCHES;
	report(cvm, name, 1);
}

/* Private memory becomes shared, with what it held scrubbed, and private again. */
static void conversions(struct cvm *cvm, const char *share, const char *unshare, uint64_t gpa,
			uint64_t pages, int n)
{
	uint64_t step = pages * 4096, at;

	/* Touched: a page that is not there costs less to give. */
	for (at = gpa; at < gpa + step * (uint64_t)n; at += 4096)
		once(cvm, GUEST_TIME_WRITE, at, 0);
	measure(cvm, share, GUEST_TIME_SHARE, gpa, step, pages, n);
	measure(cvm, unshare, GUEST_TIME_UNSHARE, gpa, step, pages, n);
}

static void exits(struct cvm *cvm)
{
	uint64_t device = DEVICE + (cvm->confidential ? GUEST_ALIAS : 0);

	measure(cvm, "cpuid", GUEST_TIME_CPUID, 0, 0, 0, SAMPLES);
	measure(cvm, "out", GUEST_TIME_OUT, 0, 0, 0, SAMPLES);
	measure(cvm, "mmio_read", GUEST_TIME_READ, device, 0, 0, SAMPLES);
	measure(cvm, "cr3", GUEST_TIME_CR3, 0, 0, 0, SAMPLES);
	touch(cvm, "first_touch", BIG_BASE);
	touch(cvm, "first_touch_shared", GUEST_ALIAS + BIG_BASE + BIG_SIZE / 4);
	if (!cvm->confidential)
		return;
	conversions(cvm, "share_1", "unshare_1", BIG_BASE + BIG_SIZE / 2, 1, SAMPLES);
	conversions(cvm, "share_512", "unshare_512", BIG_BASE + BIG_SIZE / 2 + 0x200000, 512, 9);
}

/* Loading, which copies and hashes: counts per MiB. */
static void launch(void)
{
	struct cvm *cvm = cvm_create(true);
	struct kvm_sev_launch_start start = { .policy = 1 };
	struct kvm_sev_launch_update_data update = { .len = BIG_SIZE / 2 };
	void *memory = hgt_pages(BIG_SIZE);
	uint32_t error;

	assert_int_equal(hgt_slot(cvm->vm, BIG_SLOT, 0, BIG_BASE, BIG_SIZE, memory), 0);
	memset(memory, 1, BIG_SIZE);
	update.uaddr = (uintptr_t)memory;
	assert_int_equal(cvm_command(cvm, KVM_SEV_LAUNCH_START, &start, &error), 0);
	sample[0] = __rdtsc();
	assert_int_equal(cvm_command(cvm, KVM_SEV_LAUNCH_UPDATE_DATA, &update, &error), 0);
	sample[0] = (__rdtsc() - sample[0]) / (BIG_SIZE / 2 >> 20);
	report(cvm, "launch_mib", 1);
	cvm_free(cvm);
	munmap(memory, BIG_SIZE);
}

int main(void)
{
	int confidential;

	for (confidential = 0; confidential < 2; confidential++) {
		struct cvm *cvm = cvm_create(confidential);
		void *memory = hgt_pages(BIG_SIZE);

		assert_int_equal(hgt_slot(cvm->vm, BIG_SLOT, 0, BIG_BASE, BIG_SIZE, memory), 0);
		cvm_launch(cvm);
		assert_int_equal(cvm_word_out(cvm), GUEST_READY);
		exits(cvm);
		cvm_free(cvm);
		munmap(memory, BIG_SIZE);
	}
	launch();
	return 0;
}
