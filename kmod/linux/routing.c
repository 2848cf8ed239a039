// SPDX-License-Identifier: GPL-2.0-only
/*
 * GSI routing: from the interrupt numbers of the KVM ABI to pins and MSIs.
 *
 * The table is replaced as a whole and read under RCU, from any context. A
 * delivery that began before KVM_SET_GSI_ROUTING returns may still take the
 * old route, as a message in flight on a real bus would.
 */
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "irqchip.h"
#include "trace.h"

#define PINS		24U	/* of the largest chip */
#define NONE		0xffffU

struct route {
	u32 gsi;
	u32 type;		/* KVM_IRQ_ROUTING_IRQCHIP or _MSI */
	union {
		struct {
			u32 which;	/* KVM_IRQCHIP_x */
			u32 pin;
		};
		struct {
			u32 address_lo;
			u32 address_hi;
			u32 data;
		};
	};
};

struct routes {
	struct rcu_head rcu;
	u32 count;
	u32 gsis;			/* entries of first[], less one */
	u16 gsi_of_pin[KVM_NR_IRQCHIPS][PINS];
	u32 user_levels[8];		/* split: level vectors of the VMM's I/O APIC */
	u32 *first;			/* route[first[g]] to route[first[g + 1]] are g's */
	struct route route[];		/* sorted by GSI */
};

static struct routes *routes_of(struct hgl_vm *vm)
{
	return rcu_dereference_raw(vm->irq_routes);
}

/* ---- messages ---------------------------------------------------------- */

/* Decode an MSI (SDM 11.11). */
static void decode_msi(const struct hgl_irqchip *chip, u32 lo, u32 hi, u32 data,
		       struct hg_irq *irq)
{
	*irq = (struct hg_irq){
		.dest = lo >> 12 & 0xff,
		.vector = (u8)data,
		.mode = data >> 8 & 7,
		.logical = lo >> 2 & 1,
		.level = data >> 15 & 1,
		.assert = true,
	};
	/* The redirection hint asks for one target of several, no more. */
	if ((lo & BIT(3)) && irq->logical && irq->mode == HG_IRQ_FIXED)
		irq->mode = HG_IRQ_LOWEST;
	if (chip->x2apic_32bit && hi >> 8) {
		irq->dest |= hi & ~0xffU;
		irq->dest32 = true;
	}
}

static int send_msi(struct hgl_irqchip *chip, u32 lo, u32 hi, u32 data)
{
	struct hg_irq irq;

	decode_msi(chip, lo, hi, data, &irq);
	return hgl_irq_deliver(chip, &irq, NULL);
}

static bool msi_is_valid(const struct hgl_irqchip *chip, u32 address_hi)
{
	return !chip->x2apic_32bit || !(address_hi & 0xff);
}

int hgl_msi_send(struct hgl_vm *vm, const struct kvm_msi *msi)
{
	struct hgl_irqchip *chip = hgl_irqchip(vm);

	if (!chip || msi->flags || !msi_is_valid(chip, msi->address_hi))
		return -EINVAL;
	/* Blocked is 0 here: -1 would be an error number. */
	return max(send_msi(chip, msi->address_lo, msi->address_hi, msi->data), 0);
}

/* ---- delivery ---------------------------------------------------------- */

/* The best of the results: any taker counts. */
static int merge(int result, int r)
{
	if (r < 0)
		return result;
	return result < 0 ? r : result + r;
}

static int drive(struct hgl_irqchip *chip, const struct route *route,
		 enum hgl_irq_source source, bool level)
{
	if (route->type == KVM_IRQ_ROUTING_IRQCHIP)
		return hgl_irqchip_set_pin(chip, route->which, route->pin, source, level);
	if (!level)
		return HG_IRQ_MASKED;
	return send_msi(chip, route->address_lo, route->address_hi, route->data);
}

int hgl_gsi_set(struct hgl_vm *vm, u32 gsi, enum hgl_irq_source source, bool level)
{
	struct hgl_irqchip *chip = hgl_irqchip(vm);
	int result = HG_IRQ_MASKED;
	const struct routes *routes;
	u32 i;

	if (!chip)
		return result;
	rcu_read_lock();
	routes = routes_of(vm);
	if (gsi < routes->gsis)
		for (i = routes->first[gsi]; i < routes->first[gsi + 1]; i++)
			result = merge(result, drive(chip, &routes->route[i], source, level));
	rcu_read_unlock();
	trace_hg_irq(vm->id, gsi, level, result);
	return result;
}

void hgl_gsi_pulse(struct hgl_vm *vm, u32 gsi)
{
	hgl_gsi_set(vm, gsi, HGL_IRQ_EVENTFD, true);
	hgl_gsi_set(vm, gsi, HGL_IRQ_EVENTFD, false);
}

int hgl_gsi_of_pin(struct hgl_vm *vm, u32 which, u32 pin)
{
	u16 gsi;

	if (which >= KVM_NR_IRQCHIPS || pin >= PINS)
		return -1;
	rcu_read_lock();
	gsi = routes_of(vm)->gsi_of_pin[which][pin];
	rcu_read_unlock();
	return gsi == NONE ? -1 : gsi;
}

bool hgl_routes_want_eoi(struct hgl_vm *vm, u8 vector)
{
	bool want;

	rcu_read_lock();
	want = routes_of(vm)->user_levels[vector / 32] >> (vector % 32) & 1;
	rcu_read_unlock();
	return want;
}

/* ---- building ---------------------------------------------------------- */

static struct routes *alloc_routes(u32 count, u32 gsis)
{
	struct routes *routes;
	size_t size = struct_size(routes, route, count);

	/* The index follows the routes; both are 32-bit aligned. */
	routes = kvzalloc(size_add(size, ((size_t)gsis + 1) * sizeof(u32)), GFP_KERNEL_ACCOUNT);
	if (!routes)
		return NULL;
	routes->count = count;
	routes->gsis = gsis;
	routes->first = (void *)routes + size;
	memset(routes->gsi_of_pin, 0xff, sizeof(routes->gsi_of_pin));
	return routes;
}

/* Two routes of one GSI: at most one for each chip, and an MSI is alone. */
static bool may_share(const struct route *a, const struct route *b)
{
	return a->type == KVM_IRQ_ROUTING_IRQCHIP && b->type == KVM_IRQ_ROUTING_IRQCHIP &&
	       a->which != b->which;
}

static int check_sharing(const struct routes *routes, u32 gsi, const struct route *route, u32 upto)
{
	u32 i;

	for (i = routes->first[gsi]; i < upto; i++)
		if (!may_share(&routes->route[i], route))
			return -EINVAL;
	return 0;
}

static void note_route(const struct hgl_irqchip *chip, struct routes *routes,
		       const struct route *route)
{
	struct hg_irq irq;

	if (route->type == KVM_IRQ_ROUTING_IRQCHIP) {
		routes->gsi_of_pin[route->which][route->pin] = (u16)route->gsi;
		return;
	}
	if (!chip->split || route->gsi >= chip->user_pins)
		return;
	decode_msi(chip, route->address_lo, route->address_hi, route->data, &irq);
	if (irq.level)
		routes->user_levels[irq.vector / 32] |= 1U << (irq.vector % 32);
}

/*
 * Place `count` checked routes, counting sort by GSI. On entry first[g] counts
 * the routes of GSI g.
 */
static int place(const struct hgl_irqchip *chip, struct routes *routes, const struct route *from)
{
	u32 sum = 0, g, i;
	u32 *next;
	int ret = 0;

	next = kvmalloc_array(routes->gsis + 1, sizeof(*next), GFP_KERNEL);
	if (!next)
		return -ENOMEM;
	for (g = 0; g <= routes->gsis; g++) {
		u32 n = routes->first[g];

		routes->first[g] = sum;
		next[g] = sum;
		sum += n;
	}
	for (i = 0; i < routes->count && !ret; i++) {
		g = from[i].gsi;
		ret = check_sharing(routes, g, &from[i], next[g]);
		if (ret)
			break;
		routes->route[next[g]++] = from[i];
		note_route(chip, routes, &from[i]);
	}
	kvfree(next);
	return ret;
}

static int convert(const struct hgl_irqchip *chip, const struct kvm_irq_routing_entry *entry,
		   struct route *route)
{
	if (entry->gsi >= HGL_MAX_GSIS || entry->flags)
		return -EINVAL;
	*route = (struct route){ .gsi = entry->gsi, .type = entry->type };
	switch (entry->type) {
	case KVM_IRQ_ROUTING_IRQCHIP:
		route->which = entry->u.irqchip.irqchip;
		route->pin = entry->u.irqchip.pin;
		if (chip->split || route->which >= KVM_NR_IRQCHIPS ||
		    route->pin >= (route->which == KVM_IRQCHIP_IOAPIC ? HG_IOAPIC_PINS : 8))
			return -EINVAL;
		return 0;
	case KVM_IRQ_ROUTING_MSI:
		route->address_lo = entry->u.msi.address_lo;
		route->address_hi = entry->u.msi.address_hi;
		route->data = entry->u.msi.data;
		return msi_is_valid(chip, route->address_hi) ? 0 : -EINVAL;
	default:
		return -EINVAL;
	}
}

/* All entries are converted and checked before anything is replaced. */
static struct routes *build(const struct hgl_irqchip *chip,
			    const struct kvm_irq_routing_entry *entries, u32 count)
{
	struct routes *routes = NULL;
	struct route *from;
	u32 i, gsis = 0;
	int ret = 0;

	from = kvmalloc_array(count ?: 1, sizeof(*from), GFP_KERNEL);
	if (!from)
		return ERR_PTR(-ENOMEM);
	for (i = 0; i < count && !ret; i++) {
		ret = convert(chip, &entries[i], &from[i]);
		if (!ret)
			gsis = max(gsis, from[i].gsi + 1);
	}
	if (ret)
		goto out;
	ret = -ENOMEM;
	routes = alloc_routes(count, gsis);
	if (!routes)
		goto out;
	for (i = 0; i < count; i++)
		routes->first[from[i].gsi]++;
	ret = place(chip, routes, from);
out:
	kvfree(from);
	if (!ret)
		return routes;
	kvfree(routes);
	return ERR_PTR(ret);
}

static void replace(struct hgl_vm *vm, struct routes *new)
{
	/* xchg() publishes the table and orders its contents before it. */
	struct routes *old = xchg(&vm->irq_routes, new);

	if (old)
		kvfree_rcu(old, rcu);
}

int hgl_routes_set(struct hgl_vm *vm, const struct kvm_irq_routing __user *user)
{
	struct hgl_irqchip *chip = hgl_irqchip(vm);
	struct kvm_irq_routing_entry *entries = NULL;
	struct kvm_irq_routing head;
	struct routes *routes;

	if (copy_from_user(&head, user, sizeof(head)))
		return -EFAULT;
	if (!chip || head.nr > HGL_MAX_GSIS || head.flags)
		return -EINVAL;
	if (head.nr) {
		entries = vmemdup_user(user->entries, (size_t)head.nr * sizeof(*entries));
		if (IS_ERR(entries))
			return PTR_ERR(entries);
	}
	routes = build(chip, entries, head.nr);
	kvfree(entries);
	if (IS_ERR(routes))
		return PTR_ERR(routes);
	replace(vm, routes);
	return 0;
}

int hgl_routes_set_default(struct hgl_vm *vm)
{
	/* GSI n is pin n of the I/O APIC, and of the PICs as far as they go. */
	const struct hgl_irqchip full = { .vm = vm };
	struct kvm_irq_routing_entry *entries;
	struct routes *routes;
	u32 gsi, n = 0;

	entries = kcalloc(HG_IOAPIC_PINS + HG_PIC_PINS, sizeof(*entries), GFP_KERNEL);
	if (!entries)
		return -ENOMEM;
	for (gsi = 0; gsi < HG_IOAPIC_PINS; gsi++) {
		entries[n].gsi = gsi;
		entries[n].type = KVM_IRQ_ROUTING_IRQCHIP;
		entries[n].u.irqchip.irqchip = KVM_IRQCHIP_IOAPIC;
		entries[n++].u.irqchip.pin = gsi;
		if (gsi >= HG_PIC_PINS)
			continue;
		entries[n].gsi = gsi;
		entries[n].type = KVM_IRQ_ROUTING_IRQCHIP;
		entries[n].u.irqchip.irqchip =
			gsi < 8 ? KVM_IRQCHIP_PIC_MASTER : KVM_IRQCHIP_PIC_SLAVE;
		entries[n++].u.irqchip.pin = gsi & 7;
	}
	routes = build(&full, entries, n);
	kfree(entries);
	if (IS_ERR(routes))
		return PTR_ERR(routes);
	replace(vm, routes);
	return 0;
}

/* ---- life -------------------------------------------------------------- */

int hgl_routes_init(struct hgl_vm *vm)
{
	/* An empty table spares every reader a check. */
	vm->irq_routes = alloc_routes(0, 0);
	return vm->irq_routes ? 0 : -ENOMEM;
}

void hgl_routes_destroy(struct hgl_vm *vm)
{
	kvfree(vm->irq_routes);
	vm->irq_routes = NULL;
}
