/* SPDX-License-Identifier: Apache-2.0 */
/* ACPI tables: RSDP, XSDT, FADT, FACS, MADT and a DSDT (ACPI 6.0 layouts). */
#ifndef HGVMM_ACPI_H
#define HGVMM_ACPI_H

#include <stdint.h>

#include "memory.h"

#define ACPI_SCI	9	/* interrupt line of the power button */

struct acpi_config {
	unsigned int cpus;
	bool pic;	/* the PIC and PIT exist (not with --irqchip split) */
	bool serial;
};

/*
 * Write all tables at @gpa (at most @size bytes of guest RAM, 16-byte aligned).
 * Returns the address of the RSDP, or 0 when they do not fit.
 */
uint64_t acpi_build(const struct guest_mem *mem, uint64_t gpa, uint64_t size,
		    const struct acpi_config *cfg);

#endif
