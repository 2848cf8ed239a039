// SPDX-License-Identifier: Apache-2.0
/* Display controllers and processing accelerators on the PCI bus. */
#include "doctor.h"

#include <limits.h>
#include <pci/pci.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#define CLASS_DISPLAY		0x03	/* base classes, PCI Code and ID Assignment */
#define CLASS_ACCELERATOR	0x12

/* libpci ends the program on errors unless told otherwise; return instead. */
static jmp_buf pci_failed;

static void __attribute__((noreturn)) on_pci_error(char *msg, ...)
{
	(void)msg;
	longjmp(pci_failed, 1);
}

static void on_pci_note(char *msg, ...)
{
	(void)msg;
}

static void add_gpu(const struct machine *m, struct report *r, struct pci_access *acc,
		    struct pci_dev *dev)
{
	struct check f = { "GPUs", "gpu", "GPU", LEVEL_OK, OPTIONAL };
	char name[256], driver[64] = "none", group[32] = "none", path[PATH_MAX];

	/* The hardware database of udev is this machine's, not that of another root. */
	pci_lookup_name(acc, name, sizeof(name), PCI_LOOKUP_VENDOR | PCI_LOOKUP_DEVICE |
			(m->real ? 0 : PCI_LOOKUP_NO_HWDB), dev->vendor_id, dev->device_id);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%04x:%02x:%02x.%d/driver",
		 dev->domain, dev->bus, dev->dev, dev->func);
	fs_link_name(&m->fs, path, driver, sizeof(driver));
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%04x:%02x:%02x.%d/iommu_group",
		 dev->domain, dev->bus, dev->dev, dev->func);
	fs_link_name(&m->fs, path, group, sizeof(group));
	report_add(r, f, "%04x:%02x:%02x.%d %s [%04x:%04x], driver %s, IOMMU group %s",
		   dev->domain, dev->bus, dev->dev, dev->func, name, dev->vendor_id,
		   dev->device_id, driver, group);
}

static size_t scan(const struct machine *m, struct report *r, struct pci_access *acc)
{
	char path[PATH_MAX];
	size_t found = 0;

	acc->method = PCI_ACCESS_SYS_BUS_PCI;
	acc->error = on_pci_error;
	acc->warning = on_pci_note;
	acc->debug = on_pci_note;
	snprintf(path, sizeof(path), "%s/sys/bus/pci", m->fs.root);
	pci_set_param(acc, "sysfs.path", path);
	pci_init(acc);
	pci_scan_bus(acc);
	for (struct pci_dev *dev = acc->devices; dev; dev = dev->next) {
		unsigned int base;

		pci_fill_info(dev, PCI_FILL_IDENT | PCI_FILL_CLASS);
		base = dev->device_class >> 8;
		if (base != CLASS_DISPLAY && base != CLASS_ACCELERATOR)
			continue;
		add_gpu(m, r, acc, dev);
		found++;
	}
	return found;
}

void check_gpus(const struct machine *m, struct report *r)
{
	struct check f = { "GPUs", "gpu", "GPU", LEVEL_MISSING, OPTIONAL };
	struct pci_access *volatile acc = NULL;
	volatile size_t found = 0;

	if (fs_exists(&m->fs, "/sys/bus/pci/devices")) {
		acc = pci_alloc();
		/* After an error the handle is left alone: it may be half made. */
		if (!setjmp(pci_failed)) {
			found = scan(m, r, acc);
			pci_cleanup(acc);
		}
	}
	if (!found)
		report_add(r, f, "no display controller or accelerator on the PCI bus");
}
