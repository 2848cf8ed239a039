// SPDX-License-Identifier: GPL-2.0-only
/*
 * irqfd: a write to an event fd raises a GSI, without a system call in
 * between. With resampling the line stays up until the guest ends the
 * interrupt, and a second event fd tells the device to look again.
 *
 * An event fd may be closed while it is attached. Its wait queue tells us, but
 * with its lock held, where nothing can be undone; the attachment is then only
 * marked dead, keeps its reference to the event fd's context, and is taken
 * apart by the next KVM_IRQFD or when the VM's fd is closed.
 */
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/poll.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/wait.h>

#include "irqchip.h"

#define KNOWN_FLAGS	(KVM_IRQFD_FLAG_DEASSIGN | KVM_IRQFD_FLAG_RESAMPLE)

struct hgl_irqfds {
	struct mutex lock;		/* writers of @list */
	struct list_head list;		/* readers: RCU */
	u32 resampling;			/* how many; a hint for the EOI path */
};

struct irqfd {
	struct list_head link;
	struct rcu_head rcu;
	struct hgl_vm *vm;
	u32 gsi;
	bool dead;
	struct eventfd_ctx *event;
	struct eventfd_ctx *resample;	/* or NULL */
	wait_queue_entry_t wait;
	poll_table poll;
};

static struct hgl_irqfds *irqfds_of(struct hgl_vm *vm)
{
	return vm->irqfds;
}

/* ---- the event --------------------------------------------------------- */

static void inject(struct irqfd *irqfd)
{
	if (irqfd->resample)
		hgl_gsi_set(irqfd->vm, irqfd->gsi, HGL_IRQ_RESAMPLE, true);
	else
		hgl_gsi_pulse(irqfd->vm, irqfd->gsi);
}

/* Called with the event fd's wait queue locked and interrupts off. */
static int woken(wait_queue_entry_t *wait, unsigned int mode, int sync, void *key)
{
	struct irqfd *irqfd = container_of(wait, struct irqfd, wait);
	__poll_t flags = key_to_poll(key);
	u64 count;

	if (flags & EPOLLIN) {
		eventfd_ctx_do_read(irqfd->event, &count);
		inject(irqfd);
	}
	if (flags & EPOLLHUP)
		WRITE_ONCE(irqfd->dead, true);
	return 0;
}

static void queue_wait(struct file *file, wait_queue_head_t *head, poll_table *poll)
{
	struct irqfd *irqfd = container_of(poll, struct irqfd, poll);

	add_wait_queue(head, &irqfd->wait);
}

void hgl_irqfds_acked(struct hgl_vm *vm, u32 gsi)
{
	struct hgl_irqfds *irqfds = irqfds_of(vm);
	struct irqfd *irqfd;
	bool lowered = false;

	if (likely(!READ_ONCE(irqfds->resampling)))
		return;
	rcu_read_lock();
	list_for_each_entry_rcu(irqfd, &irqfds->list, link) {
		if (!irqfd->resample || irqfd->gsi != gsi)
			continue;
		/* Once, and before any device looks and raises it again. */
		if (!lowered)
			hgl_gsi_set(vm, gsi, HGL_IRQ_RESAMPLE, false);
		lowered = true;
		eventfd_signal(irqfd->resample, 1);
	}
	rcu_read_unlock();
}

/* ---- detaching --------------------------------------------------------- */

/*
 * Take an attachment apart; irqfds->lock held. Removing the wait entry takes
 * the wait queue's lock, so that afterwards no event is being delivered.
 */
static void detach(struct hgl_irqfds *irqfds, struct irqfd *irqfd)
{
	u64 count;

	eventfd_ctx_remove_wait_queue(irqfd->event, &irqfd->wait, &count);
	list_del_rcu(&irqfd->link);
	if (irqfd->resample)
		WRITE_ONCE(irqfds->resampling, irqfds->resampling - 1);
	if (irqfd->resample) {
		/* An EOI may be about to signal it. */
		synchronize_rcu_expedited();
		/* The line must not stay up without anyone to lower it. */
		hgl_gsi_set(irqfd->vm, irqfd->gsi, HGL_IRQ_RESAMPLE, false);
		eventfd_ctx_put(irqfd->resample);
	}
	eventfd_ctx_put(irqfd->event);
	kfree_rcu(irqfd, rcu);
}

/* Those whose event fd was closed. */
static void reap(struct hgl_irqfds *irqfds)
{
	struct irqfd *irqfd, *next;

	list_for_each_entry_safe(irqfd, next, &irqfds->list, link)
		if (READ_ONCE(irqfd->dead))
			detach(irqfds, irqfd);
}

static int deassign(struct hgl_vm *vm, const struct kvm_irqfd *args)
{
	struct hgl_irqfds *irqfds = irqfds_of(vm);
	struct eventfd_ctx *event = eventfd_ctx_fdget((int)args->fd);
	struct irqfd *irqfd, *next;

	if (IS_ERR(event))
		return PTR_ERR(event);
	mutex_lock(&irqfds->lock);
	reap(irqfds);
	list_for_each_entry_safe(irqfd, next, &irqfds->list, link)
		if (irqfd->event == event && irqfd->gsi == args->gsi)
			detach(irqfds, irqfd);
	mutex_unlock(&irqfds->lock);
	eventfd_ctx_put(event);
	return 0;
}

/* ---- attaching --------------------------------------------------------- */

static struct irqfd *new_irqfd(struct hgl_vm *vm, const struct kvm_irqfd *args)
{
	struct irqfd *irqfd = kzalloc(sizeof(*irqfd), GFP_KERNEL_ACCOUNT);

	if (!irqfd)
		return ERR_PTR(-ENOMEM);
	irqfd->vm = vm;
	irqfd->gsi = args->gsi;
	if (args->flags & KVM_IRQFD_FLAG_RESAMPLE) {
		struct eventfd_ctx *resample = eventfd_ctx_fdget((int)args->resamplefd);

		if (IS_ERR(resample)) {
			kfree(irqfd);
			return ERR_CAST(resample);
		}
		irqfd->resample = resample;
	}
	init_waitqueue_func_entry(&irqfd->wait, woken);
	init_poll_funcptr(&irqfd->poll, queue_wait);
	return irqfd;
}

static void free_irqfd(struct irqfd *irqfd)
{
	if (irqfd->resample)
		eventfd_ctx_put(irqfd->resample);
	if (irqfd->event)
		eventfd_ctx_put(irqfd->event);
	kfree(irqfd);
}

/* One event fd drives one GSI of a VM. */
static bool is_attached(const struct hgl_irqfds *irqfds, const struct eventfd_ctx *event)
{
	const struct irqfd *irqfd;

	list_for_each_entry(irqfd, &irqfds->list, link)
		if (irqfd->event == event)
			return true;
	return false;
}

static int attach(struct hgl_irqfds *irqfds, struct irqfd *irqfd, struct file *file)
{
	reap(irqfds);
	if (is_attached(irqfds, irqfd->event))
		return -EBUSY;
	if (irqfd->resample)
		WRITE_ONCE(irqfds->resampling, irqfds->resampling + 1);
	list_add_tail_rcu(&irqfd->link, &irqfds->list);
	/* An event from before counts too. */
	if (vfs_poll(file, &irqfd->poll) & EPOLLIN)
		inject(irqfd);
	return 0;
}

static int assign(struct hgl_vm *vm, const struct kvm_irqfd *args)
{
	struct hgl_irqfds *irqfds = irqfds_of(vm);
	struct fd f = fdget((int)args->fd);
	struct eventfd_ctx *event;
	struct irqfd *irqfd;
	int ret;

	if (!f.file)
		return -EBADF;
	event = eventfd_ctx_fileget(f.file);
	ret = PTR_ERR_OR_ZERO(event);
	if (ret)
		goto out;
	irqfd = new_irqfd(vm, args);
	ret = PTR_ERR_OR_ZERO(irqfd);
	if (ret) {
		eventfd_ctx_put(event);
		goto out;
	}
	irqfd->event = event;
	mutex_lock(&irqfds->lock);
	ret = attach(irqfds, irqfd, f.file);
	mutex_unlock(&irqfds->lock);
	if (ret)
		free_irqfd(irqfd);
out:
	fdput(f);
	return ret;
}

int hgl_irqfd(struct hgl_vm *vm, const struct kvm_irqfd *args)
{
	struct hgl_irqchip *chip = hgl_irqchip(vm);

	if (!chip || (args->flags & ~(u32)KNOWN_FLAGS) || args->gsi >= HGL_MAX_GSIS)
		return -EINVAL;
	if (args->flags & KVM_IRQFD_FLAG_DEASSIGN)
		return deassign(vm, args);
	/* With a split chip the VMM sees the EOI, and resamples itself. */
	if ((args->flags & KVM_IRQFD_FLAG_RESAMPLE) && chip->split)
		return -EINVAL;
	return assign(vm, args);
}

/* ---- life -------------------------------------------------------------- */

int hgl_irqfds_init(struct hgl_vm *vm)
{
	struct hgl_irqfds *irqfds = kzalloc(sizeof(*irqfds), GFP_KERNEL_ACCOUNT);

	if (!irqfds)
		return -ENOMEM;
	mutex_init(&irqfds->lock);
	INIT_LIST_HEAD(&irqfds->list);
	vm->irqfds = irqfds;
	return 0;
}

void hgl_irqfds_release(struct hgl_vm *vm)
{
	struct hgl_irqfds *irqfds = irqfds_of(vm);
	struct irqfd *irqfd, *next;

	mutex_lock(&irqfds->lock);
	list_for_each_entry_safe(irqfd, next, &irqfds->list, link)
		detach(irqfds, irqfd);
	mutex_unlock(&irqfds->lock);
}

void hgl_irqfds_destroy(struct hgl_vm *vm)
{
	struct hgl_irqfds *irqfds = irqfds_of(vm);

	WARN_ON(!list_empty(&irqfds->list));
	vm->irqfds = NULL;
	kfree(irqfds);
}
