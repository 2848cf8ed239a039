// SPDX-License-Identifier: Apache-2.0
#include "ram.h"

#include <asm/bootparam.h>
#include <elf.h>
#include <string.h>

#include "boot.h"
#include "util.h"

#define RAM (16 * MiB)

struct fixture {
	struct guest_mem mem;
	struct image kernel, initrd;
	struct boot_source src;
	struct boot_entry entry;
};

/* The smallest bzImage: two setup sectors and a page of payload. */
static void make_bzimage(struct image *k)
{
	struct setup_header h = {
		.setup_sects = 7, .header = 0x53726448, .version = 0x20f,
		.loadflags = LOADED_HIGH, .xloadflags = XLF_KERNEL_64, .cmdline_size = 255,
		.pref_address = 0x200000, .init_size = 0x100000, .kernel_alignment = 0x200000,
		.relocatable_kernel = 1, .initrd_addr_max = 0x7fffffff,
	};

	k->size = 8 * 512 + 4096;
	k->data = calloc(1, k->size);
	memcpy(k->data + 0x1f1, &h, sizeof(h));
	k->data[0x200] = 0xeb;
	k->data[0x201] = 0x1f1 + sizeof(h) - 0x202;
	memset(k->data + 8 * 512, 0xcc, 4096);
}

static struct setup_header *hdr(struct fixture *f)
{
	return (struct setup_header *)(f->kernel.data + 0x1f1);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	ram_init(&f->mem, RAM, 0);
	make_bzimage(&f->kernel);
	f->src = (struct boot_source){ &f->kernel, &f->initrd, "console=ttyS0", 0xe0000 };
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	free(f->kernel.data);
	free(f->initrd.data);
	ram_free(&f->mem);
	free(f);
	return 0;
}

static int load(struct fixture *f)
{
	return boot_load(&f->mem, &f->src, &f->entry);
}

static void bzimage(void **state)
{
	struct fixture *f = *state;
	const struct boot_params *bp;
	const uint64_t *pml4;

	f->initrd.size = 5000;
	f->initrd.data = malloc(f->initrd.size);
	memset(f->initrd.data, 0x5a, f->initrd.size);
	assert_int_equal(load(f), 0);
	assert_int_equal(f->entry.mode, BOOT_LINUX64);
	assert_int_equal(f->entry.rip, 0x200200);
	assert_int_equal(f->entry.arg, BOOT_PARAMS);
	assert_memory_equal(guest_ptr(&f->mem, 0x200000, 4096), f->kernel.data + 8 * 512, 4096);
	bp = guest_ptr(&f->mem, BOOT_PARAMS, sizeof(*bp));
	assert_int_equal(bp->hdr.type_of_loader, 0xff);
	assert_int_equal(bp->acpi_rsdp_addr, 0xe0000);
	assert_string_equal(guest_ptr(&f->mem, bp->hdr.cmd_line_ptr, 1), "console=ttyS0");
	assert_int_equal(bp->hdr.ramdisk_size, 5000);
	assert_memory_equal(guest_ptr(&f->mem, bp->hdr.ramdisk_image, 5000), f->initrd.data, 5000);
	assert_true(bp->e820_entries >= 3);
	pml4 = guest_ptr(&f->mem, f->entry.cr3, 4096);
	assert_int_equal(pml4[0] & 3, 3);
}

static void at_1mib_when_small(void **state)
{
	struct fixture *f = *state;

	hdr(f)->pref_address = 64 * MiB;
	hdr(f)->kernel_alignment = 0x100000;
	assert_int_equal(load(f), 0);
	assert_int_equal(f->entry.rip, 0x100200);
	hdr(f)->relocatable_kernel = 0;
	assert_int_equal(load(f), -7);
}

static void refused_images(void **state)
{
	struct fixture *f = *state;

	hdr(f)->init_size = 17 * MiB;
	assert_int_equal(load(f), -7);
	hdr(f)->init_size = UINT32_MAX;
	assert_int_equal(load(f), -7);
	hdr(f)->init_size = 0x100000;
	hdr(f)->xloadflags = 0;
	assert_int_equal(load(f), -8);
	hdr(f)->xloadflags = XLF_KERNEL_64;
	hdr(f)->version = 0x20b;
	assert_int_equal(load(f), -8);
	hdr(f)->version = 0x20f;
	hdr(f)->setup_sects = 255;
	assert_int_equal(load(f), -22);
	hdr(f)->setup_sects = 7;
	hdr(f)->header = 0;
	assert_int_equal(load(f), -8);
	hdr(f)->header = 0x53726448;
	hdr(f)->pref_address = UINT64_MAX - 5;
	hdr(f)->relocatable_kernel = 0;
	assert_int_equal(load(f), -7);
	f->kernel.size = 0x300;
	assert_int_equal(load(f), -8);
}

static void no_room(void **state)
{
	struct fixture *f = *state;
	char longline[BOOT_CMDLINE_MAX + 2];

	f->initrd.size = 14 * MiB;
	f->initrd.data = calloc(1, f->initrd.size);
	assert_int_equal(load(f), -7);
	free(f->initrd.data);
	f->initrd = (struct image){ 0 };

	memset(longline, 'x', sizeof(longline));
	longline[256] = '\0';
	f->src.cmdline = longline;
	assert_int_equal(load(f), -7);		/* 256 > cmdline_size */
	longline[255] = '\0';
	assert_int_equal(load(f), 0);
	memset(longline, 'x', sizeof(longline));
	longline[sizeof(longline) - 1] = '\0';
	hdr(f)->cmdline_size = UINT32_MAX;
	assert_int_equal(load(f), -7);
}

struct elf {
	Elf64_Ehdr eh;
	Elf64_Phdr ph[2];
	Elf64_Nhdr nh;
	char name[4];
	uint64_t entry;
	uint8_t code[64];
};

static struct elf *make_elf(struct fixture *f)
{
	struct elf *e;

	free(f->kernel.data);
	f->kernel.size = sizeof(*e);
	f->kernel.data = calloc(1, sizeof(*e));
	e = (struct elf *)f->kernel.data;
	memcpy(e->eh.e_ident, "\177ELF\2\1\1", 7);
	e->eh.e_machine = EM_X86_64;
	e->eh.e_phentsize = sizeof(Elf64_Phdr);
	e->eh.e_phnum = 2;
	e->eh.e_phoff = offsetof(struct elf, ph);
	e->ph[0] = (Elf64_Phdr){
		.p_type = PT_LOAD, .p_offset = offsetof(struct elf, code), .p_filesz = 64,
		.p_memsz = 4096, .p_paddr = 0x200000 };
	e->ph[1] = (Elf64_Phdr){
		.p_type = PT_NOTE, .p_offset = offsetof(struct elf, nh), .p_filesz = 24 };
	e->nh = (Elf64_Nhdr){ 4, 8, 18 };
	memcpy(e->name, "Xen", 4);
	e->entry = 0x200010;
	memset(e->code, 0x90, sizeof(e->code));
	return e;
}

static void pvh(void **state)
{
	struct fixture *f = *state;
	const uint8_t *info;

	make_elf(f);
	memset(guest_ptr(&f->mem, 0x200000, 4096), 0xff, 4096);
	assert_int_equal(load(f), 0);
	assert_int_equal(f->entry.mode, BOOT_PVH32);
	assert_int_equal(f->entry.rip, 0x200010);
	assert_int_equal(*(uint8_t *)guest_ptr(&f->mem, 0x20003f, 1), 0x90);
	assert_int_equal(*(uint8_t *)guest_ptr(&f->mem, 0x200040, 1), 0);	/* bss */
	info = guest_ptr(&f->mem, f->entry.arg, 56);
	assert_int_equal(get_le32(info), 0x336ec578);
	assert_int_equal(get_le64(info + 24), BOOT_CMDLINE);
	assert_int_equal(get_le64(info + 32), 0xe0000);
	assert_true(get_le32(info + 48) >= 3);
}

static void damaged_elf(void **state)
{
	struct fixture *f = *state;
	struct elf *e = make_elf(f);

	e->ph[0].p_filesz = 8192;			/* more than in memory */
	assert_int_equal(load(f), -22);
	e->ph[0].p_memsz = 8192;			/* over the end of the file */
	assert_int_equal(load(f), -22);
	e->ph[0].p_filesz = 64;
	e->ph[0].p_offset = UINT64_MAX - 8;
	assert_int_equal(load(f), -22);
	e->ph[0].p_offset = 0;
	e->ph[0].p_paddr = RAM - 4096;
	assert_int_equal(load(f), -7);
	e->ph[0].p_paddr = UINT64_MAX - 100;
	assert_int_equal(load(f), -7);
	e->ph[0].p_paddr = 0x7000;			/* over our own tables */
	assert_int_equal(load(f), -7);
	e->ph[0].p_paddr = 0x200000;
	e->ph[1].p_filesz = 16;				/* note cut short: no entry */
	assert_int_equal(load(f), -8);
	e->ph[1].p_filesz = 24;
	e->nh.n_namesz = UINT32_MAX;
	assert_int_equal(load(f), -8);
	e->eh.e_phnum = 0xffff;
	assert_int_equal(load(f), -8);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(bzimage), TEST(at_1mib_when_small), TEST(refused_images), TEST(no_room),
		TEST(pvh), TEST(damaged_elf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
