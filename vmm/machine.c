// SPDX-License-Identifier: Apache-2.0
#include "machine.h"

#include <errno.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "acpi.h"
#include "boot.h"
#include "power.h"
#include "rtc.h"
#include "serial.h"
#include "util.h"
#include "vcpu.h"

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

int machine_create(struct machine *m, const struct config *cfg, struct loop *loop)
{
	int ret = vm_open(&m->vm, cfg, loop);

	if (!ret)
		ret = image_load(&m->kernel, "kernel", cfg->kernel);
	if (!ret && cfg->initrd)
		ret = image_load(&m->initrd, "initrd", cfg->initrd);
	if (ret)
		return ret;
	m->power = power_new(&m->vm);
	m->rtc = rtc_new(&m->vm);
	m->serial = serial_new(&m->vm);
	if (!m->power || !m->rtc || !m->serial)
		return -ENOMEM;
	return 0;
}

void machine_destroy(struct machine *m)
{
	serial_free(m->serial);
	rtc_free(m->rtc);
	power_free(m->power);
	image_free(&m->initrd);
	image_free(&m->kernel);
	free(m->cmdline);
	vm_close(&m->vm);
}

int machine_start(struct machine *m)
{
	return vm_start(&m->vm, boot);
}

void machine_stop(struct machine *m)
{
	vm_halt(&m->vm);
	power_reset(m->power);
	serial_reset(m->serial);
	guest_mem_clear(&m->vm.mem);
}
