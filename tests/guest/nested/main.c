// SPDX-License-Identifier: GPL-2.0-only
/*
 * evil.ko: the list of attacks, and /dev/evil, by which a program runs them.
 */
#define pr_fmt(fmt) "evil: " fmt

#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/uaccess.h>
#include <asm/processor.h>

#include "evil.h"
#include "evil-ioctl.h"

static DEFINE_MUTEX(lock);
static struct l2 victim;
struct l2 evil_other;
static char why[sizeof_field(struct evil_attack, why)];

int evil_why(const char *format, ...)
{
	va_list args;

	if (why[0])
		return -1;
	va_start(args, format);
	vscnprintf(why, sizeof(why), format, args);
	va_end(args);
	return -1;
}

static const struct {
	const char *name;
	attack_fn attack;
	bool alone;		/* has L2s of its own */
} attacks[] = {
	{ "read_private", attack_read_private },
	{ "write_private", attack_write_private },
	{ "stale_tlb", attack_stale_tlb, true },
	{ "lend_private", attack_lend_private },
	{ "donate_twice", attack_donate_twice },
	{ "lie_memory", attack_lie_memory },
	{ "remap_measured", attack_remap_measured },
	{ "set_registers", attack_set_registers },
	{ "forge_exit", attack_forge_exit },
	{ "inject", attack_inject },
	{ "fpu_leak", attack_fpu_leak },
	{ "reclaim_running", attack_reclaim_running },
	{ "control_race", attack_control_race },
	{ "run_twice", attack_run_twice },
	{ "foreign_handle", attack_foreign_handle },
	{ "user_mode", attack_user_mode, true },
	{ "fuzz", attack_fuzz, true },
};

/* ---- running one ---- */

static int nothing_left(void)
{
	WANT(CALL(FRAME_STAT, HG_FRAME_PRIVATE), 0);
	WANT(CALL(FRAME_STAT, HG_FRAME_CORE), 0);
	WANT(CALL(FRAME_STAT, HG_FRAME_CONTROL), 0);
	WANT(CALL(FRAME_STAT, HG_FRAME_LENT), 0);
	return 0;
}

static int on_one(attack_fn attack, bool cvm)
{
	if (l2_create(&victim, cvm))
		return -1;
	WANT(l2_whole(&victim), 1);
	if (attack(&victim))
		return -1;
	/* Some attacks leave none. */
	if (cvm && victim.vcpu) {
		WANT(l2_whole(&victim), 1);
		MUST(!victim.leaked);
	}
	return l2_destroy(&victim);
}

static void clean(void)
{
	s64 left;

	/* A failed attack may leave anything; its pages are lost. */
	do
		left = CALL(DOMAIN_PURGE, 0, 64);
	while (left > 0);
	if (left)
		pr_warn("DOMAIN_PURGE: %lld\n", left);
}

static void run(u32 index, struct evil_attack *result)
{
	attack_fn attack = attacks[index].attack;
	const char *kind = "";

	why[0] = 0;
	if (attacks[index].alone) {
		result->failed = attack(NULL);
	} else {
		kind = "ordinary L2: ";
		result->failed = on_one(attack, false);
		if (!result->failed) {
			kind = "confidential L2: ";
			result->failed = on_one(attack, true);
		}
	}
	if (!result->failed)
		result->failed = nothing_left();
	else
		clean();
	if (result->failed)
		scnprintf(result->why, sizeof(result->why), "%s%s", kind, why);
}

/* ---- the page that a program maps ---- */

static struct page *shown;
static struct l2 holder;

static int page_back(void)
{
	why[0] = 0;
	return holder.domain ? l2_destroy(&holder) : 0;
}

static int page_give(unsigned long how)
{
	s64 status;

	if (page_back())
		return -EIO;
	if (how == EVIL_PAGE_BACK)
		return 0;
	if (l2_make(&holder, how == EVIL_PAGE_PRIVATE))
		return -EIO;
	status = how == EVIL_PAGE_PRIVATE ? CALL(CVM_ADD, holder.domain, 0, pfn_of(shown), 1, 0) :
					    CALL(DOMAIN_DONATE, holder.domain, pfn_of(shown));
	if (status < 0)
		return -EIO;
	/* When it is taken back, one reference goes. */
	get_page(shown);
	l2_own(&holder, shown);
	return 0;
}

/* ---- the device ---- */

static long evil_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct evil_attack attack;
	long ret;

	if (cmd == EVIL_PAGE) {
		mutex_lock(&lock);
		ret = page_give(arg);
		mutex_unlock(&lock);
		return ret;
	}
	if (cmd != EVIL_NAME && cmd != EVIL_RUN)
		return -ENOTTY;
	if (copy_from_user(&attack, (void __user *)arg, sizeof(attack)))
		return -EFAULT;
	if (attack.index >= ARRAY_SIZE(attacks))
		return -ENOENT;
	strscpy(attack.name, attacks[attack.index].name, sizeof(attack.name));
	if (cmd == EVIL_RUN) {
		mutex_lock(&lock);
		run(attack.index, &attack);
		mutex_unlock(&lock);
	}
	return copy_to_user((void __user *)arg, &attack, sizeof(attack)) ? -EFAULT : 0;
}

static int evil_mmap(struct file *file, struct vm_area_struct *vma)
{
	if (vma->vm_pgoff || vma->vm_end - vma->vm_start != PAGE_SIZE)
		return -EINVAL;
	return remap_pfn_range(vma, vma->vm_start, pfn_of(shown), PAGE_SIZE, vma->vm_page_prot);
}

static const struct file_operations evil_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = evil_ioctl,
	.mmap = evil_mmap,
};

static struct miscdevice evil_device = {
	.minor = MISC_DYNAMIC_MINOR, .name = "evil", .fops = &evil_fops, .mode = 0666,
};

static bool __init in_hypergpu(void)
{
	u32 top, name[3];

	cpuid(HG_NEST_LEAF, &top, &name[0], &name[1], &name[2]);
	return top > HG_NEST_LEAF && !memcmp(name, HG_NEST_SIGNATURE, sizeof(name));
}

static int __init evil_init(void)
{
	int ret;

	if (!in_hypergpu()) {
		pr_err("no HyperGPU beneath\n");
		return -ENODEV;
	}
	shown = l2_page();
	if (!shown)
		return -ENOMEM;
	ret = misc_register(&evil_device);
	if (ret)
		__free_page(shown);
	return ret;
}

static void __exit evil_exit(void)
{
	misc_deregister(&evil_device);
	page_back();
	__free_page(shown);
}

module_init(evil_init);
module_exit(evil_exit);
MODULE_LICENSE("GPL v2");
MODULE_DESCRIPTION("Attacks of a guest's kernel on the guest's own guests");
