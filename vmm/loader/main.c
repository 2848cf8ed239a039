// SPDX-License-Identifier: Apache-2.0
/*
 * The loader: reads the kernel, the initrd and the command line from QEMU into
 * private memory, checks what it then has there against the table of hashes, and
 * starts Linux. docs/loader.md says what for.
 */
#include <asm/bootparam.h>

#include "bytes.h"
#include "chipset.h"
#include "console.h"
#include "fwcfg.h"
#include "hashes.h"
#include "layout.h"
#include "linux.h"
#include "memmap.h"
#include "mtrr.h"
#include "sha256.h"
#include "tables.h"

#define KVM_HC_MAP_GPA_RANGE	12
#define KVM_MAP_GPA_ENCRYPTED	0x10
#define PAGE_SHIFT		12

#define SCRIPT_MAX	0x10000u

/* Of entry.S. */
void enter_linux(uint64_t entry, const void *boot_params) __attribute__((noreturn));
void loader_main(uint64_t c_bit) __attribute__((noreturn));

static bool confidential, can_power_off;
static struct memmap map;
static struct hashes hashes;
static struct linux_layout layout;
static struct tables tables;
static uint8_t script[SCRIPT_MAX];

static void __attribute__((noreturn)) refuse_that(const char *what, const char *why)
{
	say("hgloader: ");
	say(what);
	say(why);
	say(". The VM does not start.\n");
	if (can_power_off)
		chipset_power_off();
	for (;;)
		__asm__ volatile("cli; hlt");
}

static void __attribute__((noreturn)) refuse(const char *why)
{
	refuse_that("", why);
}

static void require(const char *wrong)
{
	if (wrong)
		refuse(wrong);
}

static void fetch(uint16_t key, void *to, uint32_t size)
{
	if (!fwcfg_read(key, 0, to, size))
		refuse("fw_cfg cannot be read");
}

/* The core's answer for a confidential VM; an ordinary one has nobody else to ask. */
static bool confirm_ram(uint64_t base, uint64_t size)
{
	uint64_t answer = KVM_HC_MAP_GPA_RANGE;

	if (!confidential)
		return true;
	__asm__ volatile("vmmcall"
			 : "+a"(answer)
			 : "b"(base), "c"(size >> PAGE_SHIFT), "d"((uint64_t)KVM_MAP_GPA_ENCRYPTED)
			 : "memory");
	return !answer;
}

static void read_memory_map(void)
{
	static uint8_t list[MEMMAP_LIST_MAX * MEMMAP_ENTRY];
	struct fwcfg_file file;

	if (!fwcfg_find("etc/e820", &file) || file.size > sizeof(list))
		refuse("there is no memory map, or it is too long");
	fetch(file.key, list, file.size);
	require(memmap_build(&map, list, file.size, confirm_ram));
}

static void read_hashes(void)
{
	require(hashes_parse(&hashes, (const uint8_t *)HASHES_BASE, HASHES_SIZE));
	if (hashes.present)
		return;
	if (confidential)
		refuse("no hashes were measured: QEMU wants kernel-hashes=on");
	say("hgloader: there is no table of hashes: nothing is checked\n");
}

static void verify(const char *what, struct sha256 *sum, const uint8_t expected[SHA256_SIZE])
{
	uint8_t digest[SHA256_SIZE];

	sha256_end(sum, digest);
	if (memcmp(digest, expected, SHA256_SIZE))
		refuse_that(what, " is not what was measured");
}

static void check_hashes(void)
{
	struct sha256 sum;

	if (!hashes.present)
		return;
	sha256_begin(&sum);
	sha256_add(&sum, (const void *)SETUP_BASE, layout.setup_size);
	sha256_add(&sum, (const void *)layout.kernel, layout.kernel_size);
	verify("the kernel", &sum, hashes.kernel);
	sha256_begin(&sum);
	sha256_add(&sum, (const void *)layout.initrd, layout.initrd_size);
	verify("the initrd", &sum, hashes.initrd);
	sha256_begin(&sum);
	sha256_add(&sum, (const void *)CMDLINE_BASE, layout.cmdline_size);
	verify("the command line", &sum, hashes.cmdline);
}

static void read_linux(void)
{
	const char *cmdline = (const char *)CMDLINE_BASE;

	layout.setup_size = fwcfg_number(FWCFG_SETUP_SIZE);
	layout.kernel_size = fwcfg_number(FWCFG_KERNEL_SIZE);
	layout.initrd_size = fwcfg_number(FWCFG_INITRD_SIZE);
	layout.cmdline_size = fwcfg_number(FWCFG_CMDLINE_SIZE);
	if (layout.setup_size > SETUP_LIMIT || layout.cmdline_size > CMDLINE_LIMIT)
		refuse("the kernel's first part or the command line is too long");
	fetch(FWCFG_SETUP_DATA, (void *)SETUP_BASE, layout.setup_size);
	require(linux_place(&layout, (const uint8_t *)SETUP_BASE, map.low_end));
	fetch(FWCFG_CMDLINE_DATA, (void *)CMDLINE_BASE, layout.cmdline_size);
	if (cmdline[layout.cmdline_size - 1])
		refuse("the command line has no end");
	fetch(FWCFG_KERNEL_DATA, (void *)layout.kernel, layout.kernel_size);
	if (layout.initrd_size)
		fetch(FWCFG_INITRD_DATA, (void *)layout.initrd, layout.initrd_size);
}

/* The RSDP's address; 0 without ACPI. */
static uint64_t read_tables(void)
{
	struct fwcfg_file file;

	if (!fwcfg_find("etc/table-loader", &file))
		return 0;
	if (file.size > sizeof(script))
		refuse("ACPI: the script is too long");
	fetch(file.key, script, file.size);
	tables.base = (uint8_t *)ACPI_BASE;
	tables.address = ACPI_BASE;
	tables.size = ACPI_SIZE;
	require(tables_run(&tables, script, file.size));
	return tables_address(&tables, "etc/acpi/rsdp");
}

static void report(void)
{
	say(confidential ? "hgloader: confidential VM" : "hgloader: ordinary VM");
	say(hashes.present ? ", hashes are right: kernel " : ", unchecked: kernel ");
	say_number(layout.setup_size + layout.kernel_size);
	say(", initrd ");
	say_number(layout.initrd_size);
	say(" bytes\n");
}

void loader_main(uint64_t c_bit)
{
	struct boot_params *bp = (struct boot_params *)BOOT_PARAMS;
	uint64_t rsdp;

	confidential = c_bit;
	console_init();
	require(chipset_init());
	can_power_off = true;
	require(fwcfg_init());
	require(fwcfg_read_directory());
	read_memory_map();
	read_hashes();
	read_linux();
	check_hashes();
	rsdp = read_tables();
	mtrr_init();
	linux_fill(bp, &layout, (const uint8_t *)SETUP_BASE, &map, CMDLINE_BASE, rsdp);
	report();
	enter_linux(linux_entry(&layout), bp);
}
