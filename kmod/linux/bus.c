// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who takes a guest's access to a port or an address that is no memory: the
 * in-kernel chips, an ioeventfd, a coalesced zone, or nobody, which leaves it
 * to the VMM. Callers hold hgl_vm.srcu for reading, as every exit handler does.
 */
#include <linux/slab.h>

#include "irqchip.h"

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

int hgl_bus_read(struct hgl_vcpu *vcpu, enum hgl_bus bus, u64 addr, u32 len, void *data)
{
	if (bus == HGL_BUS_MMIO && hgl_apic_read(vcpu, addr, len, data))
		return 0;
	return chips(vcpu, bus, addr, len, data, false);
}

int hgl_bus_write(struct hgl_vcpu *vcpu, enum hgl_bus bus, u64 addr, u32 len, const void *data)
{
	struct hgl_vm *vm = vcpu->vm;

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
	return hgl_ioeventfd(vm, ioeventfds_of(vm), args);
}

/* ---- life -------------------------------------------------------------- */

int hgl_buses_init(struct hgl_vm *vm)
{
	struct buses *buses = kzalloc(sizeof(*buses), GFP_KERNEL_ACCOUNT);
	int ret;

	if (!buses)
		return -ENOMEM;
	ret = hgl_ioeventfds_init(vm, &buses->ioeventfds);
	if (ret)
		goto free;
	ret = hgl_coalesced_init(vm);
	if (ret)
		goto events;
	vm->buses = buses;
	return 0;

events:
	hgl_ioeventfds_destroy(buses->ioeventfds);
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
	vm->buses = NULL;
	kfree(buses);
}
