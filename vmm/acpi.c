// SPDX-License-Identifier: Apache-2.0
#include "acpi.h"

#include "aml.h"
#include "ioapic.h"
#include "power.h"
#include "util.h"

#define HDR_LEN		36u
#define FADT_LEN	276u
#define FACS_LEN	64u

#define GAS_IO		1	/* generic address: system I/O */

/* FADT boot architecture: no VGA, no PS/2 keyboard controller (bit 1 clear). */
#define BOOT_LEGACY	(1u << 0)
#define BOOT_NO_VGA	(1u << 2)

/* FADT flags. */
#define FADT_WBINVD	(1u << 0)
#define FADT_C1		(1u << 2)
#define FADT_NO_SLPBTN	(1u << 5)
#define FADT_TMR32	(1u << 8)
#define FADT_RESET	(1u << 10)

/* A table under construction in guest memory. */
struct tables {
	uint8_t *base;		/* host address of gpa */
	uint64_t gpa;
	size_t len, cap;
};

static void *reserve(struct tables *t, size_t len, uint64_t *gpa)
{
	size_t at = (size_t)align_up(t->len, 16);

	if (at > t->cap || len > t->cap - at)
		return NULL;
	t->len = at + len;
	*gpa = t->gpa + at;
	memset(t->base + at, 0, len);
	return t->base + at;
}

static uint8_t checksum(const uint8_t *p, size_t len)
{
	uint8_t sum = 0;

	while (len--)
		sum = (uint8_t)(sum + *p++);
	return (uint8_t)-sum;
}

static void header(uint8_t *p, const char *sig, uint32_t len, uint8_t rev)
{
	memcpy(p, sig, 4);
	put_le32(p + 4, len);
	p[8] = rev;
	p[9] = 0;
	memcpy(p + 10, "HYPGPU", 6);
	memcpy(p + 16, "HGVMM   ", 8);
	put_le32(p + 24, 1);
	memcpy(p + 28, "HGVM", 4);
	put_le32(p + 32, 1);
	p[9] = checksum(p, len);
}

static void gas_io(uint8_t *p, uint8_t bits, uint8_t access, uint64_t port)
{
	p[0] = GAS_IO;
	p[1] = bits;
	p[2] = 0;
	p[3] = access;	/* 1 byte, 2 word, 3 dword */
	put_le64(p + 4, port);
}

/* ACPI 6.0, table 5-34. Fixed hardware: PM1a event and control, PM timer. */
static void fill_fadt(uint8_t *p, uint64_t facs, uint64_t dsdt, bool pic)
{
	put_le32(p + 36, (uint32_t)facs);
	put_le32(p + 40, (uint32_t)dsdt);
	p[45] = 4;			/* enterprise server profile */
	put_le16(p + 46, ACPI_SCI);
	put_le32(p + 56, POWER_PM1_EVT);
	put_le32(p + 64, POWER_PM1_CNT);
	put_le32(p + 76, POWER_PM_TMR);
	p[88] = 4;
	p[89] = 2;
	p[91] = 4;
	put_le16(p + 96, 0xfff);	/* no C2 */
	put_le16(p + 98, 0xfff);	/* no C3 */
	p[108] = 0x32;			/* century byte of the CMOS clock */
	put_le16(p + 109, (uint16_t)(BOOT_NO_VGA | (pic ? BOOT_LEGACY : 0)));
	put_le32(p + 112, FADT_WBINVD | FADT_C1 | FADT_NO_SLPBTN | FADT_TMR32 | FADT_RESET);
	gas_io(p + 116, 8, 1, POWER_RESET);
	p[128] = POWER_RESET_VALUE;
	p[131] = 0;
	put_le64(p + 132, facs);
	put_le64(p + 140, dsdt);
	gas_io(p + 148, 32, 2, POWER_PM1_EVT);
	gas_io(p + 172, 16, 2, POWER_PM1_CNT);
	gas_io(p + 208, 32, 3, POWER_PM_TMR);
	header(p, "FACP", FADT_LEN, 6);
}

static size_t madt_entry(uint8_t *p, uint8_t type, uint8_t len)
{
	p[0] = type;
	p[1] = len;
	return len;
}

static void override(uint8_t *p, uint8_t irq, uint32_t gsi, uint16_t flags)
{
	p[3] = irq;
	put_le32(p + 4, gsi);
	put_le16(p + 8, flags);
}

static size_t madt_size(unsigned int cpus)
{
	return HDR_LEN + 8 + cpus * 8 + 12 + 2 * 10 + 6;
}

static void fill_madt(uint8_t *p, const struct acpi_config *cfg)
{
	size_t at = HDR_LEN + 8;
	unsigned int i;

	put_le32(p + 36, 0xfee00000);
	put_le32(p + 40, cfg->pic);		/* PC-AT dual PIC present */
	for (i = 0; i < cfg->cpus; i++) {
		p[at + 2] = (uint8_t)i;		/* processor uid */
		p[at + 3] = (uint8_t)i;		/* APIC id */
		put_le32(p + at + 4, 1);	/* enabled */
		at += madt_entry(p + at, 0, 8);
	}
	p[at + 2] = 0;				/* IOAPIC id */
	put_le32(p + at + 4, (uint32_t)IOAPIC_BASE);
	at += madt_entry(p + at, 1, 12);
	override(p + at, 0, 2, 0);		/* the timer, as routed in msi.c */
	at += madt_entry(p + at, 2, 10);
	override(p + at, ACPI_SCI, ACPI_SCI, 0xd);	/* level, active high */
	at += madt_entry(p + at, 2, 10);
	p[at + 2] = 0xff;			/* all processors */
	p[at + 5] = 1;				/* NMI on LINT1 */
	at += madt_entry(p + at, 4, 6);
	header(p, "APIC", (uint32_t)at, 4);
}

/* Resource descriptors, ACPI 6.0 section 6.4. */
static const uint8_t pci_resources[] = {
	/* bus 0 to 0 */
	0x88, 0x0d, 0x00, 0x02, 0x0c, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x01, 0x00,
	/* the configuration ports themselves */
	0x47, 0x01, 0xf8, 0x0c, 0xf8, 0x0c, 0x01, 0x08,
	/* I/O 0x1000 to 0xffff */
	0x88, 0x0d, 0x00, 0x01, 0x0c, 0x03, 0x00, 0x00, 0x00, 0x10, 0xff, 0xff, 0x00, 0x00,
	0x00, 0xf0,
	/* memory PCI_MMIO_BASE for PCI_MMIO_SIZE, not cacheable, read-write */
	0x87, 0x17, 0x00, 0x00, 0x0c, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xc0,
	0xff, 0xff, 0xff, 0xfd, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x3e,
};
_Static_assert(PCI_MMIO_BASE == 0xc0000000 && PCI_MMIO_SIZE == 0x3e000000,
	       "pci_resources spells out the window");

static const uint8_t com1_resources[] = {
	0x47, 0x01, 0xf8, 0x03, 0xf8, 0x03, 0x01, 0x08,	/* I/O 0x3f8, 8 ports */
	0x22, 0x10, 0x00,					/* IRQ 4 */
};

static const uint8_t rtc_resources[] = {
	0x47, 0x01, 0x70, 0x00, 0x70, 0x00, 0x01, 0x02,	/* I/O 0x70, 2 ports */
};

static void add_device(struct aml *a, const char *name, const char *hid, uint32_t uid,
		       const uint8_t *res, size_t len)
{
	size_t dev = aml_device(a, name);

	aml_name(a, "_HID");
	aml_eisaid(a, hid);
	aml_name(a, "_UID");
	aml_int(a, uid);
	aml_name(a, "_CRS");
	aml_resources(a, res, len);
	aml_end(a, dev);
}

static void write_dsdt(struct aml *a, const struct acpi_config *cfg)
{
	size_t scope, pkg;

	scope = aml_scope(a, "\\_SB_");
	add_device(a, "PCI0", "PNP0A03", 0, pci_resources, sizeof(pci_resources));
	if (cfg->serial)
		add_device(a, "COM1", "PNP0501", 1, com1_resources, sizeof(com1_resources));
	add_device(a, "RTC_", "PNP0B00", 0, rtc_resources, sizeof(rtc_resources));
	aml_end(a, scope);

	/* The sleep type that the power device takes for "off". */
	aml_name(a, "_S5_");
	pkg = aml_package(a, 4);
	aml_int(a, POWER_SLP_S5);
	aml_int(a, 0);
	aml_int(a, 0);
	aml_int(a, 0);
	aml_end(a, pkg);
}

static uint64_t build_dsdt(struct tables *t, const struct acpi_config *cfg)
{
	uint8_t buf[1024];
	struct aml a = { .buf = buf, .len = HDR_LEN, .cap = sizeof(buf) };
	uint64_t gpa = 0;
	uint8_t *p;

	memset(buf, 0, HDR_LEN);
	write_dsdt(&a, cfg);
	p = a.overflow ? NULL : reserve(t, a.len, &gpa);
	if (!p)
		return 0;
	memcpy(p, buf, a.len);
	header(p, "DSDT", (uint32_t)a.len, 2);
	return gpa;
}

uint64_t acpi_build(const struct guest_mem *mem, uint64_t gpa, uint64_t size,
		    const struct acpi_config *cfg)
{
	struct tables t = { .base = guest_ptr(mem, gpa, size), .gpa = gpa, .cap = size };
	uint64_t rsdp_gpa = 0, facs_gpa = 0, fadt_gpa = 0, madt_gpa = 0, xsdt_gpa = 0, dsdt;
	uint8_t *rsdp, *facs, *fadt, *madt, *xsdt;

	if (!t.base)
		return 0;
	rsdp = reserve(&t, 36, &rsdp_gpa);
	if (!rsdp)
		return 0;
	t.len = (size_t)(align_up(gpa + t.len, 64) - gpa);	/* the FACS is 64-byte aligned */
	facs = reserve(&t, FACS_LEN, &facs_gpa);
	fadt = reserve(&t, FADT_LEN, &fadt_gpa);
	madt = reserve(&t, madt_size(cfg->cpus), &madt_gpa);
	xsdt = reserve(&t, HDR_LEN + 16, &xsdt_gpa);
	dsdt = build_dsdt(&t, cfg);
	if (!facs || !fadt || !madt || !xsdt || !dsdt)
		return 0;

	memcpy(facs, "FACS", 4);
	put_le32(facs + 4, FACS_LEN);
	facs[32] = 2;
	fill_fadt(fadt, facs_gpa, dsdt, cfg->pic);
	fill_madt(madt, cfg);
	put_le64(xsdt + HDR_LEN, fadt_gpa);
	put_le64(xsdt + HDR_LEN + 8, madt_gpa);
	header(xsdt, "XSDT", HDR_LEN + 16, 1);

	memcpy(rsdp, "RSD PTR ", 8);
	memcpy(rsdp + 9, "HYPGPU", 6);
	rsdp[15] = 2;
	put_le32(rsdp + 20, 36);
	put_le64(rsdp + 24, xsdt_gpa);
	rsdp[8] = checksum(rsdp, 20);
	rsdp[32] = checksum(rsdp, 36);
	return rsdp_gpa;
}
