// SPDX-License-Identifier: Apache-2.0
#include "ram.h"

#include <string.h>

#include "acpi.h"
#include "aml.h"
#include "power.h"
#include "util.h"

#define AT	0xe0000u
#define ROOM	0x20000u

static uint8_t sum(const uint8_t *p, size_t n)
{
	uint8_t s = 0;

	while (n--)
		s = (uint8_t)(s + *p++);
	return s;
}

static const uint8_t *table(const struct guest_mem *m, uint64_t gpa, const char *sig)
{
	const uint8_t *p = guest_ptr(m, gpa, 36);

	assert_non_null(p);
	assert_memory_equal(p, sig, 4);
	assert_non_null(guest_ptr(m, gpa, get_le32(p + 4)));
	assert_int_equal(sum(p, get_le32(p + 4)), 0);
	return p;
}

static void tables(void **state)
{
	const struct acpi_config cfg = { .cpus = 64, .pic = true, .serial = true };
	struct guest_mem m;
	const uint8_t *rsdp, *xsdt, *fadt, *madt, *p;
	unsigned int cpus = 0, ioapics = 0;
	uint64_t gpa;

	(void)state;
	ram_init(&m, 0x100000, 0);
	gpa = acpi_build(&m, AT, ROOM, &cfg);
	assert_int_equal(gpa & 15, 0);
	rsdp = guest_ptr(&m, gpa, 36);
	assert_memory_equal(rsdp, "RSD PTR ", 8);
	assert_int_equal(sum(rsdp, 20), 0);
	assert_int_equal(sum(rsdp, 36), 0);
	xsdt = table(&m, get_le64(rsdp + 24), "XSDT");
	assert_int_equal(get_le32(xsdt + 4), 36 + 16);
	fadt = table(&m, get_le64(xsdt + 36), "FACP");
	madt = table(&m, get_le64(xsdt + 44), "APIC");
	table(&m, get_le64(fadt + 140), "DSDT");
	assert_int_equal(get_le64(fadt + 132) & 63, 0);
	p = guest_ptr(&m, get_le64(fadt + 132), 64);
	assert_memory_equal(p, "FACS", 4);
	/* What the operating system needs to switch off and to reset. */
	assert_int_equal(get_le32(fadt + 64), POWER_PM1_CNT);
	assert_int_equal(get_le64(fadt + 120), POWER_RESET);
	assert_int_equal(get_le32(fadt + 112) & 1u << 10, 1u << 10);

	for (p = madt + 44; p < madt + get_le32(madt + 4); p += p[1]) {
		assert_true(p[1] >= 2);
		if (p[0] == 0) {
			assert_int_equal(p[3], cpus);
			cpus++;
		}
		ioapics += p[0] == 1;
	}
	assert_ptr_equal(p, madt + get_le32(madt + 4));
	assert_int_equal(cpus, 64);
	assert_int_equal(ioapics, 1);
	ram_free(&m);
}

static void too_little_room(void **state)
{
	const struct acpi_config cfg = { .cpus = 4, .pic = true, .serial = true };
	struct guest_mem m;
	uint64_t room;

	(void)state;
	ram_init(&m, 0x100000, 0);
	assert_int_equal(acpi_build(&m, AT, ROOM + 1, &cfg), 0);	/* beyond memory */
	for (room = 16; room < 1024; room += 16)
		if (acpi_build(&m, AT, room, &cfg))
			break;
	assert_true(room < 1024);
	assert_true(room > 600);
	ram_free(&m);
}

static void aml_encoding(void **state)
{
	static const uint8_t want[] = {
		0x08, '_', 'S', '5', '_',
		0x12, 0x88, 0x00, 0x00,		/* package, PkgLength 8 in three bytes */
		0x02, 0x00, 0x0b, 0x34, 0x12,
	};
	uint8_t buf[32];
	struct aml a = { .buf = buf, .cap = sizeof(buf) };
	size_t mark;

	(void)state;
	aml_name(&a, "_S5_");
	mark = aml_package(&a, 2);
	aml_int(&a, 0);
	aml_int(&a, 0x1234);
	aml_end(&a, mark);
	assert_false(a.overflow);
	assert_int_equal(a.len, sizeof(want));
	assert_memory_equal(buf, want, sizeof(want));

	a.len = 0;
	aml_eisaid(&a, "PNP0A03");		/* 0x030ad041 in every BIOS */
	assert_memory_equal(buf, "\x0c\x41\xd0\x0a\x03", 5);
}

static void aml_overflow(void **state)
{
	uint8_t buf[8];
	struct aml a = { .buf = buf, .cap = sizeof(buf) };
	size_t mark = aml_package(&a, 1);

	(void)state;
	aml_bytes(&a, "12345678", 8);
	assert_true(a.overflow);
	aml_end(&a, mark);
	assert_int_equal(a.len, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables), cmocka_unit_test(too_little_room),
		cmocka_unit_test(aml_encoding), cmocka_unit_test(aml_overflow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
