/* SPDX-License-Identifier: Apache-2.0 */
/* The machine: a VM with its devices and boot image, assembled from the options. */
#ifndef HGVMM_MACHINE_H
#define HGVMM_MACHINE_H

#include "config.h"
#include "cvm-image.h"
#include "image.h"
#include "pci.h"
#include "vm.h"

#define MACHINE_VIRTIO_MAX 20

struct virtio_dev;

struct machine {
	struct vm vm;
	struct pci_bus pci;
	struct virtio_dev *virtio[MACHINE_VIRTIO_MAX];
	unsigned int nr_virtio;
	struct image kernel, initrd;
	struct cvm_image cvm;
	char *cmdline;
	struct serial *serial;
	struct power *power;
	struct rtc *rtc;
};

/* Build everything that needs privileges or files. 0 or negative errno after
 * a message; call machine_destroy() in both cases. */
int machine_create(struct machine *m, const struct config *cfg, struct loop *loop);
void machine_destroy(struct machine *m);

/* Start the guest from power-on. After machine_stop() it may be called again. */
int machine_start(struct machine *m);
/* Stop the vCPUs, then put every device and the memory in its power-on state. */
void machine_stop(struct machine *m);

#endif
