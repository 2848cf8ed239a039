/* SPDX-License-Identifier: Apache-2.0 */
/*
 * QEMU's q35: what its ACPI tables take for granted. All else, BARs and bridges
 * included, Linux sets up itself.
 */
#ifndef HG_LOADER_CHIPSET_H
#define HG_LOADER_CHIPSET_H

/*
 * Put PCIe's registers and those of power management where they belong. QEMU
 * looks at the former when it builds the ACPI tables, which is when the firmware
 * first reads them. NULL, or what is wrong: it is another machine.
 */
const char *chipset_init(void);

/* Turn the machine off; chipset_init() must have succeeded. Returns if it does not work. */
void chipset_power_off(void);

#endif
