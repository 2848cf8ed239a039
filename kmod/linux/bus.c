// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who takes a guest's access to a port or an address that is no memory: the
 * in-kernel chips, an ioeventfd, a coalesced zone, or nobody, which leaves it
 * to the VMM. Callers hold hgl_vm.srcu for reading, as every exit handler does.
 */
#include <linux/bitmap.h>
#include <linux/slab.h>

#include "irqchip.h"

/*
 * Most port accesses are the VMM's, and it takes four look-ups to learn so. A
 * bit of vm->claimed_ports says that something here may take an access that
 * begins at the port. Bits are set before what they announce is there and are
 * never cleared: a stale one only costs the look-ups.
 */
#define PORTS		0x10000

void hgl_bus_claim_ports(struct hgl_vm *vm, u64 first, u64 count)
{
	u64 port;

	for (port = first; port < PORTS && port - first < count; port++)
		set_bit(port, vm->claimed_ports);
}

/* The ports of a chip whose model tells which are its own. */
void hgl_bus_claim_owned(struct hgl_vm *vm, bool (*owns)(u16 port))
{
	u32 port;

	for (port = 0; port < PORTS; port++)
		if (owns((u16)port))
			set_bit(port, vm->claimed_ports);
}

/* vm->buses */
struct buses {
	struct hgl_ioeventfds *ioeventfds;
};

static struct hgl_ioeventfds *ioeventfds_of(struct hgl_vm *vm)
{
	return ((struct buses *)vm->buses)->ioeventfds;
}

/* PIC and I/O APIC of this VM, or NULL. */
static struct hgl_irqchip *full_chip(struct hgl_vm *vm)
{
	struct hgl_irqchip *chip = hgl_irqchip(vm);

	return chip && !chip->split ? chip : NULL;
}

static int chips(struct hgl_vcpu *vcpu, enum hgl_bus bus, u64 addr, u32 len, void *data, bool write)
{
	struct hgl_irqchip *chip = full_chip(vcpu->vm);

	if (!chip)
		return -EOPNOTSUPP;
	if (bus == HGL_BUS_PIO)
		return hgl_irqchip_pio(chip, (u16)addr, len, data, write);
	return hgl_irqchip_mmio(chip, addr, len, data, write);
}

static bool unclaimed(const struct hgl_vm *vm, enum hgl_bus bus, u64 addr)
{
	return bus == HGL_BUS_PIO && !test_bit(addr & (PORTS - 1), vm->claimed_ports);
}

int hgl_bus_read(struct hgl_vcpu *vcpu, enum hgl_bus bus, u64 addr, u32 len, void *data)
{
	if (unclaimed(vcpu->vm, bus, addr))
		return -EOPNOTSUPP;
	if (bus == HGL_BUS_MMIO && hgl_apic_read(vcpu, addr, len, data))
		return 0;
	return chips(vcpu, bus, addr, len, data, false);
}

int hgl_bus_write(struct hgl_vcpu *vcpu, enum hgl_bus bus, u64 addr, u32 len, const void *data)
{
	struct hgl_vm *vm = vcpu->vm;

	if (unclaimed(vm, bus, addr))
		return -EOPNOTSUPP;
	if (bus == HGL_BUS_MMIO && hgl_apic_write(vcpu, addr, len, data))
		return 0;
	/* The chips do not change what they are given to write. */
	if (!chips(vcpu, bus, addr, len, (void *)data, true))
		return 0;
	if (hgl_ioeventfds_write(vm, ioeventfds_of(vm), bus, addr, len, data) ||
	    hgl_coalesced_write(vm, bus, addr, len, data))
		return 0;
	return -EOPNOTSUPP;
}

int hgl_bus_ioeventfd(struct hgl_vm *vm, const struct kvm_ioeventfd *args)
{
	if (args->flags & KVM_IOEVENTFD_FLAG_PIO)
		hgl_bus_claim_ports(vm, args->addr, 1);
	return hgl_ioeventfd(vm, ioeventfds_of(vm), args);
}

/* ---- life -------------------------------------------------------------- */

int hgl_buses_init(struct hgl_vm *vm)
{
	struct buses *buses = kzalloc(sizeof(*buses), GFP_KERNEL_ACCOUNT);
	int ret;

	if (!buses)
		return -ENOMEM;
	vm->claimed_ports = bitmap_zalloc(PORTS, GFP_KERNEL_ACCOUNT);
	if (!vm->claimed_ports) {
		ret = -ENOMEM;
		goto free;
	}
	ret = hgl_ioeventfds_init(vm, &buses->ioeventfds);
	if (ret)
		goto ports;
	ret = hgl_coalesced_init(vm);
	if (ret)
		goto events;
	vm->buses = buses;
	return 0;

events:
	hgl_ioeventfds_destroy(buses->ioeventfds);
ports:
	bitmap_free(vm->claimed_ports);
free:
	kfree(buses);
	return ret;
}

void hgl_buses_release(struct hgl_vm *vm)
{
	hgl_ioeventfds_release(vm, ioeventfds_of(vm));
}

void hgl_buses_destroy(struct hgl_vm *vm)
{
	struct buses *buses = vm->buses;

	hgl_coalesced_destroy(vm);
	hgl_ioeventfds_destroy(buses->ioeventfds);
	bitmap_free(vm->claimed_ports);
	vm->buses = NULL;
	kfree(buses);
}
