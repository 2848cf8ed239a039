// SPDX-License-Identifier: GPL-2.0-only
/*
 * ioeventfd: a guest's write to a port or address becomes an event, and the
 * vCPU goes on without an exit to the VMM.
 *
 * Per bus, an array sorted by address, replaced as a whole: the write path
 * finds its entry by bisection under hgl_vm.srcu.
 */
#include <linux/eventfd.h>
#include <linux/slab.h>
#include <asm/unaligned.h>

#include "irqchip.h"

#define MAX_EVENTS	1000U	/* of one bus, as on KVM */

#define KNOWN_FLAGS \
	(KVM_IOEVENTFD_FLAG_DATAMATCH | KVM_IOEVENTFD_FLAG_PIO | KVM_IOEVENTFD_FLAG_DEASSIGN)

struct ioevent {
	u64 addr;
	u32 len;		/* 0: any */
	bool wildcard;		/* any value */
	u64 match;
	struct eventfd_ctx *event;
};

struct ioevents {
	u32 count;
	struct ioevent event[];
};

struct hgl_ioeventfds {
	struct mutex lock;			/* writers */
	struct ioevents __rcu *bus[2];		/* enum hgl_bus; NULL: none */
};

/* ---- the write --------------------------------------------------------- */

static u64 written(const void *data, u32 len)
{
	switch (len) {
	case 1:
		return *(const u8 *)data;
	case 2:
		return get_unaligned((const u16 *)data);
	case 4:
		return get_unaligned((const u32 *)data);
	default:
		return get_unaligned((const u64 *)data);
	}
}

static bool matches(const struct ioevent *e, u32 len, const void *data)
{
	if (!e->len)
		return true;
	if (e->len != len)
		return false;
	return e->wildcard || written(data, len) == e->match;
}

/* First entry at addr or after. */
static u32 lower_bound(const struct ioevents *events, u64 addr)
{
	u32 low = 0, high = events->count;

	while (low < high) {
		u32 mid = low + (high - low) / 2;

		if (events->event[mid].addr < addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

bool hgl_ioeventfds_write(struct hgl_vm *vm, struct hgl_ioeventfds *all, enum hgl_bus bus,
			  u64 addr, u32 len, const void *data)
{
	const struct ioevents *events = srcu_dereference(all->bus[bus], &vm->srcu);
	u32 i;

	if (!events)
		return false;
	for (i = lower_bound(events, addr); i < events->count; i++) {
		const struct ioevent *e = &events->event[i];

		if (e->addr != addr)
			break;
		if (!matches(e, len, data))
			continue;
		eventfd_signal(e->event, 1);
		return true;
	}
	return false;
}

/* ---- changing ---------------------------------------------------------- */

static void publish(struct hgl_vm *vm, struct hgl_ioeventfds *all, u32 bus, struct ioevents *new)
{
	struct ioevents *old = rcu_replace_pointer(all->bus[bus], new,
						   lockdep_is_held(&all->lock));

	/* Also makes sure that no reader still signals a removed event fd. */
	synchronize_srcu_expedited(&vm->srcu);
	kvfree(old);
}

static struct ioevents *current_of(struct hgl_ioeventfds *all, u32 bus)
{
	return rcu_dereference_protected(all->bus[bus], lockdep_is_held(&all->lock));
}

/* Would some write belong to both? */
static bool collide(const struct ioevent *a, const struct ioevent *b)
{
	return a->addr == b->addr && (!a->len || !b->len || a->len == b->len) &&
	       (a->wildcard || b->wildcard || a->match == b->match);
}

static int add(struct hgl_vm *vm, struct hgl_ioeventfds *all, u32 bus, const struct ioevent *e)
{
	const struct ioevents *old = current_of(all, bus);
	u32 count = old ? old->count : 0;
	struct ioevents *new;
	u32 at, i;

	if (count >= MAX_EVENTS)
		return -ENOSPC;
	for (i = 0; i < count; i++)
		if (collide(&old->event[i], e))
			return -EEXIST;
	new = kvmalloc(struct_size(new, event, count + 1), GFP_KERNEL_ACCOUNT);
	if (!new)
		return -ENOMEM;
	at = old ? lower_bound(old, e->addr) : 0;
	new->count = count + 1;
	if (old) {
		memcpy(new->event, old->event, at * sizeof(*e));
		memcpy(new->event + at + 1, old->event + at, (count - at) * sizeof(*e));
	}
	new->event[at] = *e;
	publish(vm, all, bus, new);
	return 0;
}

static bool is_same(const struct ioevent *a, const struct ioevent *b)
{
	return a->event == b->event && a->addr == b->addr && a->len == b->len &&
	       a->wildcard == b->wildcard && (a->wildcard || a->match == b->match);
}

static int remove(struct hgl_vm *vm, struct hgl_ioeventfds *all, u32 bus, const struct ioevent *e)
{
	const struct ioevents *old = current_of(all, bus);
	u32 count = old ? old->count : 0;
	struct eventfd_ctx *event;
	struct ioevents *new = NULL;
	u32 at;

	for (at = 0; at < count && !is_same(&old->event[at], e); at++)
		;
	if (at == count)
		return -ENOENT;
	if (count > 1) {
		new = kvmalloc(struct_size(new, event, count - 1), GFP_KERNEL_ACCOUNT);
		if (!new)
			return -ENOMEM;
		new->count = count - 1;
		memcpy(new->event, old->event, at * sizeof(*e));
		memcpy(new->event + at, old->event + at + 1, (count - at - 1) * sizeof(*e));
	}
	event = old->event[at].event;
	publish(vm, all, bus, new);
	eventfd_ctx_put(event);
	return 0;
}

/* ---- ioctl ------------------------------------------------------------- */

static int check(const struct kvm_ioeventfd *args)
{
	if (args->flags & ~(u32)KNOWN_FLAGS)
		return -EINVAL;
	switch (args->len) {
	case 0:
		/* A value to compare with has a length. */
		if (args->flags & KVM_IOEVENTFD_FLAG_DATAMATCH)
			return -EINVAL;
		break;
	case 1:
	case 2:
	case 4:
	case 8:
		break;
	default:
		return -EINVAL;
	}
	return args->len > ~0ULL - args->addr ? -EINVAL : 0;
}

int hgl_ioeventfd(struct hgl_vm *vm, struct hgl_ioeventfds *all, const struct kvm_ioeventfd *args)
{
	u32 bus = args->flags & KVM_IOEVENTFD_FLAG_PIO ? HGL_BUS_PIO : HGL_BUS_MMIO;
	bool deassign = args->flags & KVM_IOEVENTFD_FLAG_DEASSIGN;
	struct ioevent e = {
		.addr = args->addr,
		.len = args->len,
		.wildcard = !(args->flags & KVM_IOEVENTFD_FLAG_DATAMATCH),
		.match = args->datamatch,
	};
	int ret = check(args);

	if (ret)
		return ret;
	if (!e.wildcard && e.len < 8)
		e.match &= BIT_ULL(e.len * 8) - 1;
	e.event = eventfd_ctx_fdget(args->fd);
	if (IS_ERR(e.event))
		return PTR_ERR(e.event);
	mutex_lock(&all->lock);
	ret = deassign ? remove(vm, all, bus, &e) : add(vm, all, bus, &e);
	mutex_unlock(&all->lock);
	/* An attached event keeps the reference. */
	if (deassign || ret)
		eventfd_ctx_put(e.event);
	return ret;
}

/* ---- life -------------------------------------------------------------- */

int hgl_ioeventfds_init(struct hgl_vm *vm, struct hgl_ioeventfds **out)
{
	struct hgl_ioeventfds *all = kzalloc(sizeof(*all), GFP_KERNEL_ACCOUNT);

	if (!all)
		return -ENOMEM;
	mutex_init(&all->lock);
	*out = all;
	return 0;
}

static void drop_bus(struct hgl_vm *vm, struct hgl_ioeventfds *all, u32 bus)
{
	struct ioevents *old = current_of(all, bus);
	u32 i;

	if (!old)
		return;
	RCU_INIT_POINTER(all->bus[bus], NULL);
	synchronize_srcu_expedited(&vm->srcu);
	for (i = 0; i < old->count; i++)
		eventfd_ctx_put(old->event[i].event);
	kvfree(old);
}

void hgl_ioeventfds_release(struct hgl_vm *vm, struct hgl_ioeventfds *all)
{
	mutex_lock(&all->lock);
	drop_bus(vm, all, HGL_BUS_MMIO);
	drop_bus(vm, all, HGL_BUS_PIO);
	mutex_unlock(&all->lock);
}

void hgl_ioeventfds_destroy(struct hgl_ioeventfds *all)
{
	WARN_ON(rcu_access_pointer(all->bus[0]) || rcu_access_pointer(all->bus[1]));
	kfree(all);
}
