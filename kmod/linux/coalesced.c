// SPDX-License-Identifier: GPL-2.0-only
/*
 * Coalesced MMIO and ports: writes to registered zones are put into a ring
 * that the VMM has mapped, and are seen by it at its next exit. Writes to
 * display memory and index ports need no answer, only their order.
 *
 * The VMM can write to the ring's indices: they are read once, checked, and
 * never used to reach outside of the page.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "irqchip.h"

#define MAX_ZONES	100U	/* as on KVM */
#define RING_SLOTS	KVM_COALESCED_MMIO_MAX

struct zones {
	u32 count;
	struct kvm_coalesced_mmio_zone zone[];
};

struct hgl_coalesced {
	struct mutex lock;		/* writers of @zones */
	struct zones __rcu *zones;	/* NULL: none */
	spinlock_t ring_lock;
	struct page *page;
};

static struct hgl_coalesced *coalesced_of(struct hgl_vm *vm)
{
	return vm->coalesced;
}

struct page *hgl_coalesced_page(struct hgl_vm *vm)
{
	return coalesced_of(vm)->page;
}

/* ---- the write --------------------------------------------------------- */

static bool covers(const struct kvm_coalesced_mmio_zone *zone, u32 bus, u64 addr, u32 len)
{
	if (!!zone->pio != (bus == HGL_BUS_PIO) || addr < zone->addr)
		return false;
	return len <= zone->size && addr - zone->addr <= zone->size - len;
}

/* One slot always stays empty, to tell full from empty. */
static bool append(struct kvm_coalesced_mmio_ring *ring, u32 bus, u64 addr, u32 len,
		   const void *data)
{
	u32 last = READ_ONCE(ring->last);
	struct kvm_coalesced_mmio *slot;

	if (last >= RING_SLOTS || (last + 1) % RING_SLOTS == READ_ONCE(ring->first))
		return false;
	slot = &ring->coalesced_mmio[last];
	slot->phys_addr = addr;
	slot->len = len;
	slot->pio = bus == HGL_BUS_PIO;
	memcpy(slot->data, data, len);
	/* The VMM sees the slot filled before it sees it counted. */
	smp_store_release(&ring->last, (last + 1) % RING_SLOTS);
	return true;
}

bool hgl_coalesced_write(struct hgl_vm *vm, enum hgl_bus bus, u64 addr, u32 len,
			 const void *data)
{
	struct hgl_coalesced *c = coalesced_of(vm);
	const struct zones *zones = srcu_dereference(c->zones, &vm->srcu);
	bool done = false;
	u32 i;

	if (!zones || len > sizeof_field(struct kvm_coalesced_mmio, data))
		return false;
	for (i = 0; i < zones->count; i++)
		if (covers(&zones->zone[i], bus, addr, len))
			break;
	if (i == zones->count)
		return false;
	spin_lock(&c->ring_lock);
	/* A full ring: this write exits, and the VMM empties it first. */
	done = append(page_address(c->page), bus, addr, len, data);
	spin_unlock(&c->ring_lock);
	return done;
}

/* ---- zones ------------------------------------------------------------- */

static void publish(struct hgl_vm *vm, struct hgl_coalesced *c, struct zones *new)
{
	struct zones *old = rcu_replace_pointer(c->zones, new, lockdep_is_held(&c->lock));

	synchronize_srcu_expedited(&vm->srcu);
	kfree(old);
}

static bool is_same(const struct kvm_coalesced_mmio_zone *a,
		    const struct kvm_coalesced_mmio_zone *b)
{
	return a->addr == b->addr && a->size == b->size && a->pio == b->pio;
}

static int check(const struct kvm_coalesced_mmio_zone *zone)
{
	if (zone->pio > 1 || zone->size > ~0ULL - zone->addr)
		return -EINVAL;
	return 0;
}

static int add_zone(struct hgl_vm *vm, struct hgl_coalesced *c,
		    const struct kvm_coalesced_mmio_zone *zone)
{
	const struct zones *old = rcu_dereference_protected(c->zones, lockdep_is_held(&c->lock));
	u32 count = old ? old->count : 0;
	struct zones *new;

	if (count >= MAX_ZONES)
		return -ENOSPC;
	new = kmalloc(struct_size(new, zone, count + 1), GFP_KERNEL_ACCOUNT);
	if (!new)
		return -ENOMEM;
	new->count = count + 1;
	if (old)
		memcpy(new->zone, old->zone, count * sizeof(*zone));
	new->zone[count] = *zone;
	publish(vm, c, new);
	return 0;
}

int hgl_coalesced_register(struct hgl_vm *vm, const struct kvm_coalesced_mmio_zone *zone)
{
	struct hgl_coalesced *c = coalesced_of(vm);
	int ret = check(zone);

	if (ret)
		return ret;
	if (zone->pio)
		hgl_bus_claim_ports(vm, zone->addr, zone->size);
	mutex_lock(&c->lock);
	ret = add_zone(vm, c, zone);
	mutex_unlock(&c->lock);
	return ret;
}

/* Removes every zone inside the named one; naming none is no error. */
static bool is_inside(const struct kvm_coalesced_mmio_zone *outer,
		      const struct kvm_coalesced_mmio_zone *inner)
{
	return is_same(outer, inner) ||
	       covers(outer, inner->pio ? HGL_BUS_PIO : HGL_BUS_MMIO, inner->addr, inner->size);
}

static int remove_zones(struct hgl_vm *vm, struct hgl_coalesced *c,
			const struct kvm_coalesced_mmio_zone *zone)
{
	const struct zones *old = rcu_dereference_protected(c->zones, lockdep_is_held(&c->lock));
	struct zones *new;
	u32 i;

	if (!old)
		return 0;
	new = kmalloc(struct_size(new, zone, old->count), GFP_KERNEL_ACCOUNT);
	if (!new)
		return -ENOMEM;
	new->count = 0;
	for (i = 0; i < old->count; i++)
		if (!is_inside(zone, &old->zone[i]))
			new->zone[new->count++] = old->zone[i];
	if (new->count == old->count) {
		kfree(new);
		return 0;
	}
	if (!new->count) {
		kfree(new);
		new = NULL;
	}
	publish(vm, c, new);
	return 0;
}

int hgl_coalesced_unregister(struct hgl_vm *vm, const struct kvm_coalesced_mmio_zone *zone)
{
	struct hgl_coalesced *c = coalesced_of(vm);
	int ret = check(zone);

	if (ret)
		return ret;
	mutex_lock(&c->lock);
	ret = remove_zones(vm, c, zone);
	mutex_unlock(&c->lock);
	return ret;
}

/* ---- life -------------------------------------------------------------- */

int hgl_coalesced_init(struct hgl_vm *vm)
{
	struct hgl_coalesced *c = kzalloc(sizeof(*c), GFP_KERNEL_ACCOUNT);

	if (!c)
		return -ENOMEM;
	c->page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!c->page) {
		kfree(c);
		return -ENOMEM;
	}
	mutex_init(&c->lock);
	spin_lock_init(&c->ring_lock);
	vm->coalesced = c;
	return 0;
}

void hgl_coalesced_destroy(struct hgl_vm *vm)
{
	struct hgl_coalesced *c = coalesced_of(vm);

	/* Mappings of the page hold references of their own. */
	put_page(c->page);
	kfree(rcu_dereference_protected(c->zones, true));
	vm->coalesced = NULL;
	kfree(c);
}
