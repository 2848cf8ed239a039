// SPDX-License-Identifier: GPL-2.0-only
/* The other CPU of L1, and memory that may not be there. */
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/smp.h>
#include <asm/asm.h>

#include "evil.h"

/*
 * By the plain exception table: copy_from_kernel_nofault() would survive a #GP as
 * well, but warns of it.
 */
bool evil_read(const u64 *at, u64 *value)
{
	u32 fine = 0;

	asm volatile("1: movq (%2), %1\n\tmovl $1, %0\n2:\n" _ASM_EXTABLE(1b, 2b)
		     : "+r" (fine), "=&r" (*value) : "r" (at) : "memory");
	return fine;
}

bool evil_write(u64 *at, u64 value)
{
	u32 fine = 0;

	asm volatile("1: movq %1, (%2)\n\tmovl $1, %0\n2:\n" _ASM_EXTABLE(1b, 2b)
		     : "+r" (fine) : "r" (value), "r" (at) : "memory");
	return fine;
}

static int helper_loop(void *data)
{
	struct helper *helper = data;

	while (!kthread_should_stop()) {
		helper->work(helper->data);
		cond_resched();
	}
	return 0;
}

/* Who attacks is bound to one CPU by the program. */
int helper_start(struct helper *helper, void (*work)(void *data), void *data)
{
	unsigned int here = raw_smp_processor_id(), cpu;

	cpu = cpumask_any_but(cpu_online_mask, here);
	MUST(cpu < nr_cpu_ids);
	helper->work = work;
	helper->data = data;
	helper->task = kthread_create(helper_loop, helper, "evil");
	MUST(!IS_ERR(helper->task));
	kthread_bind(helper->task, cpu);
	wake_up_process(helper->task);
	return 0;
}

void helper_stop(struct helper *helper)
{
	kthread_stop(helper->task);
}
