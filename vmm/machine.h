/* SPDX-License-Identifier: Apache-2.0 */
/* The machine: a VM with its devices and boot image, assembled from the options. */
#ifndef HGVMM_MACHINE_H
#define HGVMM_MACHINE_H

#include "config.h"
#include "image.h"
#include "vm.h"

struct machine {
	struct vm vm;
	struct image kernel, initrd;
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
