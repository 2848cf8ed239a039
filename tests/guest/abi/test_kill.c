// SPDX-License-Identifier: Apache-2.0
/*
 * A process killed at random points while its VM is built or runs: nothing of
 * it stays behind. Twenty victims, after a few that warm the caches; then the
 * memory in use is what it was before, and new VMs work.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hgt.h"

#define VICTIMS	20
#define WARMUP	6
#define VCPUS	3
#define BIG	(48u << 20)
#define FAR	0x10000000ull
/* A VM that leaked would cost its 48 MiB; noise is far below one of them. */
#define SLACK_KB (24 * 1024)

/* Touch 48 MiB page by page, for ever, with exits and self-made faults. */
HGT_GUEST(busy, 64,
	"1: mov $0x10000000, %ebx\n"
	"2: lock incl (%rbx)\n" "add $0x1000, %ebx\n"
	"test $0xfffff, %ebx\n" "jnz 3f\n"
	"xor %eax, %eax\n" "cpuid\n" "out %al, $0x80\n"
	"mov $0x10000000, %eax\n" "cmp %eax, %ebx\n" "cmovb %eax, %ebx\n"
	"3: cmp $0x13000000, %ebx\n" "jb 2b\n" "jmp 1b\n");

static void *run_for_ever(void *arg)
{
	struct hgt_vcpu *v = arg;

	for (;;)
		if (ioctl(v->fd, KVM_RUN, 0) && errno != EINTR && errno != EAGAIN)
			return NULL;
}

/* In the child: no assertion may reach CMocka; a failure just ends it. */
static void victim(unsigned int seed)
{
	struct hgt_vm *vm;
	struct hgt_vcpu *v[VCPUS];
	struct kvm_mp_state runnable = { KVM_MP_STATE_RUNNABLE };
	pthread_t thread;
	unsigned int i;

	vm = hgt_vm_new(seed % 2 && hgt_cap(KVM_CAP_IRQCHIP) ?
			HGT_IRQCHIP_ON : HGT_IRQCHIP_OFF);
	if (hgt_slot(vm, 1, seed % 3 ? 0 : KVM_MEM_LOG_DIRTY_PAGES, FAR, BIG,
		     hgt_pages(BIG)))
		_exit(1);
	hgt_load(vm, HGT_CODE, busy);
	for (i = 0; i < VCPUS; i++) {
		v[i] = hgt_vcpu_new(vm, i);
		ioctl(v[i]->fd, KVM_SET_MP_STATE, &runnable);
		hgt_mode_long(v[i]);
		pthread_create(&thread, NULL, run_for_ever, v[i]);
	}
	for (;;)	/* and keep changing its memory meanwhile */
		if (hgt_slot(vm, 2, 0, FAR * 2, 4096, vm->ram) ||
		    hgt_slot(vm, 2, 0, FAR * 2, 0, vm->ram))
			_exit(1);
}

static void kill_one(unsigned int seed, unsigned int us)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		alarm(30);
		signal(SIGALRM, SIG_DFL);
		victim(seed);
	}
	usleep(us);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
}

static long meminfo_kb(const char *key)
{
	char line[128];
	long value = -1;
	FILE *f = fopen("/proc/meminfo", "r");

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, key, strlen(key)))
			value = atol(line + strlen(key) + 1);
	fclose(f);
	assert_true(value >= 0);
	return value;
}

/* Memory in use once deferred freeing has had its time. */
static long settled_kb(const char *key)
{
	FILE *f = fopen("/proc/sys/vm/drop_caches", "w");

	if (f) {
		fputs("3", f);
		fclose(f);
	}
	usleep(300000);
	return meminfo_kb(key);
}

/* Live objects that hypergpu counts in debugfs; -1 where it does not. */
static long live(const char *what)
{
	char path[96];
	long n = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/kernel/debug/hypergpu/%s", what);
	f = fopen(path, "r");
	if (!f)
		return -1;
	if (fscanf(f, "%ld", &n) != 1)
		n = -1;
	fclose(f);
	return n;
}

static void killed_anywhere(void **state)
{
	/* What hypergpu counts; -1 before and after with another provider. */
	static const char *const counter[] = {
		"vms", "frames_lent", "frames_control", "frames_device",
	};
	long count[sizeof(counter) / sizeof(counter[0])];
	unsigned int seed = 7, i;
	long before, after;

	(void)state;
	hgt_sys();
	for (i = 0; i < WARMUP; i++)
		kill_one(i, 20000 + i * 60000);
	before = settled_kb("MemFree:");
	for (i = 0; i < sizeof(counter) / sizeof(counter[0]); i++)
		count[i] = live(counter[i]);
	for (i = 0; i < VICTIMS; i++) {
		hgt_watchdog(HGT_TIMEOUT);
		kill_one(i, (unsigned int)rand_r(&seed) % 350000);
	}
	after = settled_kb("MemFree:");
	print_message("# MemFree %ld kB before, %ld kB after %d kills\n",
		      before, after, VICTIMS);
	assert_true(before - after < SLACK_KB);
	for (i = 0; i < sizeof(counter) / sizeof(counter[0]); i++) {
		long now = live(counter[i]);

		if (now != count[i])
			print_error("%s: %ld before, %ld after\n", counter[i],
				    count[i], now);
		assert_int_equal(now, count[i]);
	}
}

HGT_GUEST(fine, 64, "mov $77, %eax\n" GUEST_DONE);

static void works_afterwards(void **state)
{
	struct hgt_vm *vm = hgt_vm_new(HGT_IRQCHIP_OFF);
	struct hgt_vcpu *v = hgt_vcpu_new(vm, 0);

	(void)state;
	hgt_start_long(v, fine);
	assert_int_equal(hgt_expect_done(v), 77);
	hgt_vcpu_free(v);
	hgt_vm_free(vm);
}

/* fork() copies the address space, not the right to use the VM with it. */
static void not_after_fork(void **state)
{
	struct hgt_vm *vm = hgt_vm_new(HGT_IRQCHIP_OFF);
	struct hgt_vcpu *v = hgt_vcpu_new(vm, 0);
	int status = 0;
	pid_t pid;

	(void)state;
	hgt_start_long(v, fine);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		int r = ioctl(v->fd, KVM_RUN, 0) ? errno : 0;

		_exit(r == EIO ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(hgt_expect_done(v), 77);
	hgt_vcpu_free(v);
	hgt_vm_free(vm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(killed_anywhere),
		cmocka_unit_test(works_afterwards),
		cmocka_unit_test(not_after_fork),
	};

	return hgt_main(tests);
}
