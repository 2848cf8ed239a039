// SPDX-License-Identifier: Apache-2.0
#include "fake.h"

#include <asm/bootparam.h>

#include "layout.h"
#include "linux.h"

#define MiB	0x100000ULL
#define SECTORS	5u
#define SIZE	((SECTORS + 1) * 512)

static uint8_t setup[SIZE];
/* In place: it is packed, so its members may lie anywhere. */
static struct setup_header *h = (void *)(setup + 0x1f1);
static struct linux_layout layout;

static void begin(void)
{
	memset(setup, 0, sizeof(setup));
	setup[0x201] = 0x6a;
	h->setup_sects = SECTORS;
	h->header = 0x53726448;
	h->version = 0x20f;
	h->loadflags = LOADED_HIGH;
	h->xloadflags = XLF_KERNEL_64;
	h->kernel_alignment = 0x200000;
	h->relocatable_kernel = 1;
	h->pref_address = 16 * MiB;
	h->init_size = 40 * MiB;
	h->initrd_addr_max = 0x7fffffff;
	h->cmdline_size = 2047;
	layout = (struct linux_layout){
		.setup_size = SIZE, .kernel_size = 8 * MiB, .initrd_size = 3 * MiB + 1,
		.cmdline_size = 10,
	};
}

/* @low MiB of RAM; the header in memory that ends with it. */
static const char *place(uint64_t low)
{
	uint32_t size = layout.setup_size < SIZE ? layout.setup_size : SIZE;
	uint8_t *copy = malloc(size ? size : 1);
	const char *wrong;

	memcpy(copy, setup, size);
	wrong = linux_place(&layout, copy, low * MiB);
	free(copy);
	return wrong;
}

/* Kernel and initrd lie in RAM that is theirs, and apart. */
static void sound(uint64_t low)
{
	uint64_t span = h->init_size > layout.kernel_size ? h->init_size : layout.kernel_size;

	assert_true(layout.kernel >= HIGH_BASE);
	assert_true(layout.kernel + span <= low * MiB);
	if (!layout.initrd_size)
		return;
	assert_true(layout.initrd >= layout.kernel + span);
	assert_true(layout.initrd + layout.initrd_size <= low * MiB);
	assert_true(layout.initrd + layout.initrd_size <= (uint64_t)h->initrd_addr_max + 1);
	assert_int_equal(layout.initrd % 4096, 0);
}

static void good(void **state)
{
	(void)state;
	begin();
	assert_right(place(512));
	sound(512);
	assert_int_equal(layout.kernel, 16 * MiB);
	assert_int_equal(layout.initrd, 509 * MiB - 4096);
	assert_int_equal(linux_entry(&layout), 16 * MiB);
	layout.initrd_size = 0;
	assert_right(place(512));
	assert_int_equal(layout.initrd, 0);
	begin();
	h->pref_address = MiB;			/* the loader's own */
	assert_right(place(512));
	sound(512);
	assert_int_equal(layout.kernel, HIGH_BASE);
	begin();
	h->pref_address = 500 * MiB;
	assert_right(place(512));
	sound(512);
	assert_int_equal(layout.kernel, HIGH_BASE);
	begin();
	h->initrd_addr_max = 0x0fffffff;
	assert_right(place(512));
	sound(512);
	assert_int_equal(layout.initrd, 253 * MiB - 4096);
	begin();
	h->initrd_addr_max = 0xffffffff;
	assert_right(place(2048));
	sound(2048);
}

/*
 * The attack: of the bytes that the hash covers, let the kernel begin elsewhere, so
 * that other code is at its entry.
 */
static void shifted(void **state)
{
	int by;

	(void)state;
	for (by = -2048; by <= 2048; by++) {
		if (!by)
			continue;
		begin();
		layout.setup_size = (uint32_t)((int)SIZE + by);
		layout.kernel_size = (uint32_t)(8 * (int)MiB - by);
		assert_wrong(place(512), "wrong length");
	}
	begin();
	h->setup_sects = 0;			/* means 4 */
	assert_wrong(place(512), "wrong length");
	layout.setup_size = 5 * 512;
	assert_right(place(512));
	begin();
	h->setup_sects = 255;
	assert_wrong(place(512), "wrong length");
}

static void headers(void **state)
{
	uint32_t i;

	(void)state;
	for (i = 0; i < 1024; i++) {
		begin();
		layout.setup_size = i;
		assert_wrong(place(512), "no kernel");
	}
	begin();
	layout.kernel_size = 0xfff;
	assert_wrong(place(512), "no kernel");
	begin();
	h->header ^= 1;
	assert_wrong(place(512), "not a 64-bit");
	begin();
	h->version = 0x20b;
	assert_wrong(place(512), "not a 64-bit");
	begin();
	h->xloadflags = 0;
	assert_wrong(place(512), "not a 64-bit");
	begin();
	h->loadflags = 0;
	assert_wrong(place(512), "not a 64-bit");
	/* What the header says is beyond its own end is not there. */
	begin();
	setup[0x201] = 0;
	assert_non_null(place(512));
	begin();
	setup[0x201] = 0xff;
	assert_right(place(512));
}

static void alignments(void **state)
{
	static const uint32_t bad[] = { 0, 1, 2048, 3000, 0x201000, 0x80000000, ~0u };
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		begin();
		h->kernel_alignment = bad[i];
		assert_wrong(place(512), "alignment");
	}
	begin();
	h->kernel_alignment = 0x40000000;
	h->pref_address = 0;
	assert_wrong(place(512), "too little");
	assert_right(place(2048));
	sound(2048);
}

static void too_big(void **state)
{
	static const uint64_t where[] = { 0, 16 * MiB, 4ULL << 30, ~0ULL, ~0xfffULL, 1ULL << 63 };
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(where) / sizeof(where[0]); i++) {
		begin();
		h->pref_address = where[i];
		h->init_size = ~0u;
		assert_wrong(place(512), "for the kernel");
		h->init_size = 512 * MiB;
		assert_wrong(place(512), "for the kernel");
		h->init_size = 0;
		layout.kernel_size = ~0u;
		assert_wrong(place(512), "for the kernel");
		layout.kernel_size = 512 * MiB;
		assert_wrong(place(512), "for the kernel");
	}
	begin();
	h->relocatable_kernel = 0;
	h->pref_address = 2 * MiB;
	assert_wrong(place(512), "for the kernel");
}

/* An initrd that would reach the kernel, or wrap. */
static void initrds(void **state)
{
	static const uint32_t sizes[] = {
		456 * MiB + 1, 512 * MiB, 512 * MiB + 1, 0x80000000, ~0u,
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		begin();
		layout.initrd_size = sizes[i];
		assert_wrong(place(512), "for the initrd");
	}
	begin();
	layout.initrd_size = 456 * MiB;
	assert_right(place(512));
	sound(512);
	assert_int_equal(layout.initrd, 56 * MiB);
	h->initrd_addr_max = 50 * MiB;
	layout.initrd_size = 1;
	assert_wrong(place(512), "for the initrd");
	h->initrd_addr_max = 0;
	assert_wrong(place(512), "for the initrd");
}

static void command_lines(void **state)
{
	(void)state;
	begin();
	layout.cmdline_size = 2048;
	assert_right(place(512));
	layout.cmdline_size = 2049;
	assert_wrong(place(512), "command line");
	layout.cmdline_size = 0;
	assert_wrong(place(512), "command line");
	layout.cmdline_size = ~0u;
	assert_wrong(place(512), "command line");
}

/* What is told to Linux is the loader's word where it must be. */
static void filled(void **state)
{
	struct boot_params *bp = malloc(sizeof(*bp));
	struct memmap map = { .count = MEMMAP_MAX };
	unsigned int i;

	(void)state;
	for (i = 0; i < MEMMAP_MAX; i++)
		map.range[i] = (struct memrange){ i + 1, 2 * i + 1, 3 };
	begin();
	h->setup_data = 0x1234;
	h->heap_end_ptr = 0xfe00;
	h->loadflags = LOADED_HIGH | CAN_USE_HEAP | KEEP_SEGMENTS;
	h->type_of_loader = 0xb0;
	h->ramdisk_image = 0x5555;
	h->cmd_line_ptr = 0x6666;
	assert_right(place(512));
	memset(bp, 0xee, sizeof(*bp));
	linux_fill(bp, &layout, setup, &map, CMDLINE_BASE, 0x100000);
	assert_int_equal(bp->hdr.setup_data, 0);
	assert_int_equal(bp->hdr.heap_end_ptr, 0);
	assert_int_equal(bp->hdr.loadflags, LOADED_HIGH);
	assert_int_equal(bp->hdr.type_of_loader, 0xff);
	assert_int_equal(bp->hdr.ramdisk_image, 509 * MiB - 4096);
	assert_int_equal(bp->hdr.ramdisk_size, 3 * MiB + 1);
	assert_int_equal(bp->hdr.cmd_line_ptr, CMDLINE_BASE);
	assert_int_equal(bp->hdr.code32_start, 16 * MiB);
	assert_int_equal(bp->hdr.init_size, 40 * MiB);
	assert_int_equal(bp->acpi_rsdp_addr, 0x100000);
	assert_int_equal(bp->ext_ramdisk_image, 0);
	assert_int_equal(bp->cc_blob_address, 0);
	assert_int_equal(bp->e820_entries, MEMMAP_MAX);
	assert_int_equal(bp->e820_table[2].addr, 3);
	assert_int_equal(bp->e820_table[2].size, 5);
	assert_int_equal(bp->e820_table[2].type, 3);
	free(bp);
}

static void noise(void **state)
{
	static const uint32_t numbers[] = {
		0, 1, 0x1000, 0x200000, 16 * MiB, 100 * MiB, 511 * MiB, 512 * MiB, 0x7fffffff, ~0u,
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < 200000; i++) {
		begin();
		h->pref_address = (uint64_t)numbers[rand() % 10] << (rand() % 2 * 12);
		h->init_size = numbers[rand() % 10];
		h->initrd_addr_max = numbers[rand() % 10];
		h->kernel_alignment = 1u << (rand() % 32);
		h->relocatable_kernel = (uint8_t)(rand() % 2);
		layout.kernel_size = numbers[rand() % 10];
		layout.initrd_size = numbers[rand() % 10];
		if (!place(512))
			sound(512);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good),
		cmocka_unit_test(shifted),
		cmocka_unit_test(headers),
		cmocka_unit_test(alignments),
		cmocka_unit_test(too_big),
		cmocka_unit_test(initrds),
		cmocka_unit_test(command_lines),
		cmocka_unit_test(filled),
		cmocka_unit_test(noise),
	};

	srand(1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
