// SPDX-License-Identifier: Apache-2.0
#include "machine.h"

#include <errno.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "acpi.h"
#include "boot.h"
#include "cvm.h"
#include "power.h"
#include "rtc.h"
#include "serial.h"
#include "util.h"
#include "vcpu.h"
#include "virtio.h"

/*
 * Without a paravirtual clock the guest measures the TSC at boot, which goes
 * wrong on a busy host; so tell it the frequency when the device knows it.
 */
static int build_cmdline(struct machine *m)
{
	const char *user = m->vm.cfg->append;
	struct kvm_cpuid2 *cpuid;
	bool clock;
	int khz, n;

	cpuid = cpuid_build(&m->vm, 0);
	if (!cpuid)
		return -ENOTSUP;
	clock = cpuid_has_kvmclock(cpuid);
	free(cpuid);
	khz = clock ? 0 : m->vm.tsc_khz;
	if (khz > 0 && !strstr(user, "tsc_early_khz="))
		n = asprintf(&m->cmdline, "tsc_early_khz=%d%s%s", khz, *user ? " " : "", user);
	else
		n = asprintf(&m->cmdline, "%s", user);
	if (n < 0) {
		m->cmdline = NULL;
		return -ENOMEM;
	}
	return 0;
}

/* The command line as it was given: the launch digest must not depend on this host. */
static int boot_confidential(struct machine *m)
{
	struct vm *vm = &m->vm;
	struct cvm_source src = {
		.kernel = &m->kernel, .initrd = &m->initrd, .cmdline = vm->cfg->append,
		.cpus = vm->cfg->vcpus, .pic = vm->cfg->irqchip == IRQCHIP_ON,
	};
	int ret;

	cvm_image_free(&m->cvm);	/* of the boot before this one */
	ret = cvm_image_build(&m->cvm, &vm->mem, &src);
	return ret ? ret : cvm_launch(vm, &m->cvm);
}

static int boot(struct vm *vm)
{
	struct machine *m = container_of(vm, struct machine, vm);
	struct acpi_config acpi = {
		.cpus = vm->cfg->vcpus,
		.pic = vm->cfg->irqchip == IRQCHIP_ON,
		.serial = true,
	};
	struct boot_source src = { .kernel = &m->kernel, .initrd = &m->initrd };
	struct boot_entry entry;
	int ret;

	if (vm->cfg->cvm)
		return boot_confidential(m);
	src.rsdp = acpi_build(&vm->mem, BOOT_ACPI, BOOT_ACPI_SIZE, &acpi);
	if (!src.rsdp) {
		hg_err("the ACPI tables do not fit");
		return -E2BIG;
	}
	ret = ioctl(vm->vcpu[0].fd, KVM_GET_TSC_KHZ, 0);
	vm->tsc_khz = ret > 0 ? ret : 0;
	if (!m->cmdline) {
		ret = build_cmdline(m);
		if (ret)
			return ret;
	}
	src.cmdline = m->cmdline;
	ret = boot_load(&vm->mem, &src, &entry);
	return ret ? ret : vcpu_set_entry(&vm->vcpu[0], &entry);
}

static int add_virtio(struct machine *m, struct virtio_dev *vd)
{
	if (!vd)
		return -ENODEV;	/* the device said why */
	if (m->nr_virtio == MACHINE_VIRTIO_MAX) {
		vd->ops->destroy(vd);
		hg_err("more than %d virtio devices", MACHINE_VIRTIO_MAX);
		return -ENOSPC;
	}
	m->virtio[m->nr_virtio++] = vd;
	return 0;
}

static int create_virtio(struct machine *m, const struct config *cfg)
{
	struct vm *vm = &m->vm;
	unsigned int i;
	int ret = 0;

	for (i = 0; i < cfg->nr_disks && !ret; i++)
		ret = add_virtio(m, virtio_blk_new(vm, &m->pci, &cfg->disk[i]));
	for (i = 0; i < cfg->nr_nets && !ret; i++)
		ret = add_virtio(m, virtio_net_new(vm, &m->pci, &cfg->net[i]));
	for (i = 0; i < cfg->nr_shares && !ret; i++)
		ret = add_virtio(m, virtio_9p_new(vm, &m->pci, &cfg->share[i]));
	if (!ret && cfg->console.kind != CHARDEV_NONE)
		ret = add_virtio(m, virtio_console_new(vm, &m->pci));
	if (!ret && cfg->vsock.on)
		ret = add_virtio(m, virtio_vsock_new(vm, &m->pci));
	if (!ret && cfg->rng)
		ret = add_virtio(m, virtio_rng_new(vm, &m->pci));
	return ret;
}

static void on_pci_reset(void *opaque)
{
	vm_ask(opaque, REQ_RESET);
}

static int create_platform(struct machine *m)
{
	pci_bus_init(&m->pci);
	m->pci.reset = on_pci_reset;
	m->pci.reset_opaque = &m->vm;
	if (pci_bus_attach(&m->pci, &m->vm.pio, &m->vm.mmio))
		return -EEXIST;
	m->rtc = rtc_new(&m->vm);
	m->serial = serial_new(&m->vm);
	m->power = m->serial ? power_new(&m->vm) : NULL;
	return m->power && m->rtc && m->serial ? 0 : -ENOMEM;
}

int machine_create(struct machine *m, const struct config *cfg, struct loop *loop)
{
	int ret;

	m->vm.start_ns = hg_now_ns();
	ret = vm_open(&m->vm, cfg, loop);
	if (!ret)
		ret = image_load(&m->kernel, "kernel", cfg->kernel);
	if (!ret && cfg->initrd)
		ret = image_load(&m->initrd, "initrd", cfg->initrd);
	if (!ret)
		ret = create_platform(m);
	if (!ret)
		ret = create_virtio(m, cfg);
	return ret;
}

void machine_destroy(struct machine *m)
{
	if (!m->vm.cfg)
		return;	/* never came to life */
	while (m->nr_virtio) {
		struct virtio_dev *vd = m->virtio[--m->nr_virtio];

		vd->ops->destroy(vd);
	}
	serial_free(m->serial);
	rtc_free(m->rtc);
	power_free(m->power);
	image_free(&m->initrd);
	image_free(&m->kernel);
	free(m->cmdline);
	vm_close(&m->vm);
	cvm_image_free(&m->cvm);
}

int machine_start(struct machine *m)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < m->nr_virtio && !ret; i++)
		ret = virtio_start(m->virtio[i]);
	if (!ret)
		ret = vm_start(&m->vm, boot);
	if (ret)
		for (i = 0; i < m->nr_virtio; i++)
			virtio_stop(m->virtio[i]);
	return ret;
}

void machine_stop(struct machine *m)
{
	unsigned int i;

	vm_halt(&m->vm);
	/* No vCPU runs; once the device threads stand still, nobody else touches
	 * guest memory either. */
	for (i = 0; i < m->nr_virtio; i++)
		virtio_stop(m->virtio[i]);
	pci_bus_reset(&m->pci);
	for (i = 0; i < m->nr_virtio; i++)
		virtio_power_on(m->virtio[i]);
	power_reset(m->power);
	serial_reset(m->serial);
	guest_mem_clear(&m->vm.mem);
}
