// SPDX-License-Identifier: Apache-2.0
/* A vCPU that works on memory in a thread of its own. */
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "worker.h"

/*
 * %rbx window, %rcx pages, %edx what to do; %r8 the talk area. The pass is in
 * %r9, the page in %r10, its address in %r11.
 */
HGT_GUEST(work_loop, 64,
	"	movl $1, %r9d\n"
	"pass:	xorl %r10d, %r10d\n"
	"	movq %rbx, %r11\n"
	"page:	cmpl $0, (%r8)\n"
	"	jne stop\n"
	"	cmpl $3, %edx\n"
	"	je read\n"
	"	cmpl $2, %edx\n"
	"	je keep\n"
	"	movq %r9, (%r11)\n"
	"	cmpl $1, %edx\n"
	"	jne next\n"
	"	movq (%r11), %rax\n"
	"	movq %r9, %rsi\n"
	"judge:	cmpq %rsi, %rax\n"
	"	je next\n"
	"	testq %rax, %rax\n"
	"	jne bad\n"
	"	incq 16(%r8)\n"
	"	jmp next\n"
	"read:	leaq 1(%r10), %rsi\n"
	"	movq (%r11), %rax\n"
	"	jmp judge\n"
	"keep:	movq $1, %rax\n"
	"	lock xaddq %rax, (%r11)\n"
	"	leaq -1(%r9), %rsi\n"
	"	cmpq %rsi, %rax\n"
	"	jne bad\n"
	"next:	addq $4096, %r11\n"
	"	incq %r10\n"
	"	cmpq %rcx, %r10\n"
	"	jb page\n"
	"	movq %r9, 8(%r8)\n"
	"	incq %r9\n"
	"	jmp pass\n"
	"bad:	movq %r11, 24(%r8)\n"
	"	movq %rax, 32(%r8)\n"
	"stop:	xorl %eax, %eax\n"
	GUEST_DONE
	"	jmp stop\n");

/* This vCPU's own @field, a TALK_*. */
static uint64_t talk(const struct worker *w, uint64_t field)
{
	return field + w->vcpu->id * TALK_SIZE;
}

static void *run_thread(void *arg)
{
	struct worker *w = arg;
	int r;

	do {
		r = hgt_run(w->vcpu);
	} while (r == -EINTR);
	w->error = r;
	return NULL;
}

void worker_prepare(struct worker *w, struct hgt_vcpu *vcpu, enum work work, uint64_t gpa,
		    uint64_t pages)
{
	struct kvm_regs r;

	w->vcpu = vcpu;
	memset(hgt_ptr(vcpu->vm, talk(w, HGT_DATA), TALK_SIZE), 0, TALK_SIZE);
	hgt_start_long(vcpu, work_loop);
	hgt_get_regs(vcpu, &r);
	r.rbx = gpa;
	r.rcx = pages;
	r.rdx = work;
	r.r8 = talk(w, HGT_DATA);
	hgt_set_regs(vcpu, &r);
}

void worker_go(struct worker *w)
{
	w->started = true;
	assert_int_equal(pthread_create(&w->thread, NULL, run_thread, w), 0);
}

void worker_start(struct worker *w, struct hgt_vcpu *vcpu, enum work work, uint64_t gpa,
		  uint64_t pages)
{
	worker_prepare(w, vcpu, work, gpa, pages);
	worker_go(w);
}

int worker_join(struct worker *w)
{
	if (w->started)
		pthread_join(w->thread, NULL);
	w->started = false;
	return w->error;
}

static void assert_good(struct worker *w)
{
	uint64_t bad = hgt_u64(w->vcpu->vm, talk(w, TALK_BAD));

	if (bad)
		fail_msg("guest: wrong value %#lx at %#lx in pass %lu",
			 (unsigned long)hgt_u64(w->vcpu->vm, talk(w, TALK_GOT)), (unsigned long)bad,
			 (unsigned long)hgt_u64(w->vcpu->vm, talk(w, TALK_PASS)) + 1);
}

void worker_wait(struct worker *w, unsigned int passes)
{
	uint64_t until = hgt_u64(w->vcpu->vm, talk(w, TALK_PASS)) + passes;
	struct timespec pause = { 0, 1000000 };
	int i;

	for (i = 0; i < 30000 && hgt_u64(w->vcpu->vm, talk(w, TALK_PASS)) < until; i++) {
		assert_good(w);
		nanosleep(&pause, NULL);
	}
	if (hgt_u64(w->vcpu->vm, talk(w, TALK_PASS)) < until)
		fail_msg("the guest makes no progress: pass %lu of %lu",
			 (unsigned long)hgt_u64(w->vcpu->vm, talk(w, TALK_PASS)),
			 (unsigned long)until);
}

void worker_stop(struct worker *w)
{
	hgt_u32(w->vcpu->vm, talk(w, TALK_STOP)) = 1;
	assert_int_equal(worker_join(w), 0);
	assert_good(w);
	assert_int_equal(w->vcpu->run->exit_reason, KVM_EXIT_IO);
	assert_int_equal(w->vcpu->run->io.port, HGT_PORT_DONE);
}

uint8_t *aligned_pages(size_t size, size_t align)
{
	uint8_t *p = hgt_pages(size + align);
	uint8_t *start = (uint8_t *)(((uintptr_t)p + align - 1) & ~(align - 1));

	if (start > p)
		munmap(p, start - p);
	munmap(start + size, p + align - start);
	return start;
}

long read_number(const char *path)
{
	FILE *f = fopen(path, "r");
	long value = -1;

	if (!f)
		return -1;
	if (fscanf(f, "%ld", &value) != 1)
		value = -1;
	fclose(f);
	return value;
}

int write_number(const char *path, long value)
{
	FILE *f = fopen(path, "w");
	int r;

	if (!f)
		return -errno;
	r = fprintf(f, "%ld\n", value) < 0 ? -EIO : 0;
	return fclose(f) ? -errno : r;
}

long vm_counter(const char *name)
{
	char pattern[128];
	long value = -1;
	glob_t found;

	snprintf(pattern, sizeof(pattern), "/sys/kernel/debug/hypergpu/vm-*/%s", name);
	if (!glob(pattern, 0, NULL, &found) && found.gl_pathc == 1)
		value = read_number(found.gl_pathv[0]);
	globfree(&found);
	return value;
}
