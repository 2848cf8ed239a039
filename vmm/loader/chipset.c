// SPDX-License-Identifier: Apache-2.0
#include "chipset.h"

#include <stddef.h>

#include "layout.h"
#include "port.h"

#define CONFIG_ADDRESS	0xcf8
#define CONFIG_DATA	0xcfc
#define CONFIG_ENABLE	0x80000000u

#define HOST_BRIDGE	0x00u	/* 00:00.0, as bits 15:8 of the address */
#define LPC_BRIDGE	0xf8u	/* 00:1f.0 */
#define MCH_Q35		0x29c08086u

/* Intel 3 series chipset, PCIEXBAR: bit 0 enables, bits 2:1 are 0 for 256 MiB. */
#define MCH_PCIEXBAR	0x60u
#define PCIEXBAR_ENABLE	0x1u

/* ICH9, 13.1.13 and 13.1.14. */
#define LPC_PMBASE	0x40u
#define LPC_ACPI_CNTL	0x44u
#define ACPI_ENABLE	0x80u	/* and the SCI is IRQ 9 */
#define PM_BASE		0x600u
#define PM1_CNT		(PM_BASE + 4)
#define SLEEP_OFF	0x2000u	/* SLP_EN; type 0 is "off" in QEMU */

static void config_select(uint32_t device, uint32_t reg)
{
	port_write32(CONFIG_ADDRESS, CONFIG_ENABLE | device << 8 | reg);
}

static uint32_t config_read(uint32_t device, uint32_t reg)
{
	config_select(device, reg);
	return port_read32(CONFIG_DATA);
}

static void config_write(uint32_t device, uint32_t reg, uint32_t value)
{
	config_select(device, reg);
	port_write32(CONFIG_DATA, value);
}

const char *chipset_init(void)
{
	if (config_read(HOST_BRIDGE, 0) != MCH_Q35)
		return "the machine is not a q35";
	config_write(HOST_BRIDGE, MCH_PCIEXBAR + 4, 0);
	config_write(HOST_BRIDGE, MCH_PCIEXBAR, DEVICES_BASE | PCIEXBAR_ENABLE);
	config_write(LPC_BRIDGE, LPC_PMBASE, PM_BASE | 1);
	config_write(LPC_BRIDGE, LPC_ACPI_CNTL,
		     (config_read(LPC_BRIDGE, LPC_ACPI_CNTL) & ~0xffu) | ACPI_ENABLE);
	return NULL;
}

void chipset_power_off(void)
{
	port_write16(PM1_CNT, SLEEP_OFF);
}
