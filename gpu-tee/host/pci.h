/* SPDX-License-Identifier: Apache-2.0 */
/* Devices on the PCI bus, through libpci and sysfs. */
#ifndef HG_PCI_H
#define HG_PCI_H

#include "identity.h"

#define HG_PCI_SYSFS   "/sys/bus/pci"
#define HG_PCI_ADDRESS 16
#define HG_PCI_MAX     64

struct hg_pci_place {
	char address[HG_PCI_ADDRESS]; /* "0000:01:00.0" */
	uint16_t vendor, device;
	char name[128];
};

/* What was looked for and not found, and why: for people. */
struct hg_fp_notes {
	char text[600];
};

void hg_fp_note(struct hg_fp_notes *notes, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Display controllers and processing accelerators; @sysfs is HG_PCI_SYSFS but in
 * tests. Returns how many there are (HG_PCI_MAX at most), or -1. None is no error, nor is
 * a machine without a PCI bus.
 */
int hg_pci_list(const char *sysfs, struct hg_pci_place *places, struct hg_gpu_error *err);

/*
 * Adds the pci members to @id. What only root may read is left out, with a note. @rom also
 * reads the expansion ROM, which the device must be idle for.
 */
int hg_pci_identity(const char *sysfs, const char *address, bool rom, struct hg_fp_identity *id,
		    struct hg_fp_notes *notes, struct hg_gpu_error *err);

#endif
