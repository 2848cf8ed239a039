// SPDX-License-Identifier: Apache-2.0
#include "measure-qemu.h"

#include "../../vmm/util.h"

#include <errno.h>

/* ---- the firmware ---- */

#define FLASH_MAX	(16 * MiB)
#define FOOTER_END	32u	/* bytes between the table of GUIDs and the flash's end */
#define GUID_SIZE	16u
#define HEAD_SIZE	(GUID_SIZE + 2)

static const uint8_t footer_guid[GUID_SIZE] = {
	0xde, 0x82, 0xb5, 0x96, 0xb2, 0x1f, 0xf7, 0x45,
	0xba, 0xea, 0xa3, 0x66, 0xc5, 0x5a, 0x08, 0x2d,
};
static const uint8_t area_guid[GUID_SIZE] = {
	0x1f, 0x37, 0x55, 0x72, 0x3b, 0x3a, 0x04, 0x4b,
	0x92, 0x7b, 0x1d, 0xa6, 0xef, 0xa8, 0xd4, 0x54,
};

/*
 * Where the firmware wants the table of hashes. Its own table is read from the
 * end: an entry is data, a length that counts all three, a GUID.
 */
static bool find_area(const struct image *firmware, uint32_t *base, uint32_t *size)
{
	const uint8_t *end = firmware->data + firmware->size - FOOTER_END;
	size_t left = firmware->size - FOOTER_END, length;

	if (left < HEAD_SIZE || memcmp(end - GUID_SIZE, footer_guid, GUID_SIZE))
		return false;
	length = get_le16(end - HEAD_SIZE);
	if (length < HEAD_SIZE || length > left)
		return false;
	left = length - HEAD_SIZE;
	end -= HEAD_SIZE;
	for (; left >= HEAD_SIZE; end -= length, left -= length) {
		length = get_le16(end - HEAD_SIZE);
		if (length < HEAD_SIZE || length > left)
			return false;
		if (length == HEAD_SIZE + 8 && !memcmp(end - GUID_SIZE, area_guid, GUID_SIZE)) {
			*base = get_le32(end - length);
			*size = get_le32(end - length + 4);
			return true;
		}
	}
	return false;
}

static int add_firmware(struct digest *d, const struct image *firmware)
{
	if (!firmware->size || firmware->size % DIGEST_PAGE || firmware->size > FLASH_MAX) {
		hg_err("--firmware: a flash image has 4 KiB to 16 MiB, in pages of 4 KiB");
		return -EINVAL;
	}
	for (size_t at = 0; at < firmware->size; at += DIGEST_PAGE)
		digest_page(d, 4 * GiB - firmware->size + at, firmware->data + at, DIGEST_PAGE,
			    true);
	return 0;
}

/* ---- the table of hashes ---- */

#define ENTRY_SIZE	(HEAD_SIZE + DIGEST_SIZE)
#define TABLE_SIZE	(HEAD_SIZE + 3 * ENTRY_SIZE)
#define PADDED_SIZE	176u	/* a multiple of 16 */

static const uint8_t table_guid[GUID_SIZE] = {
	0x06, 0xd6, 0x38, 0x94, 0x22, 0x4f, 0xc9, 0x4c,
	0xb4, 0x79, 0xa7, 0x93, 0xd4, 0x11, 0xfd, 0x21,
};
static const uint8_t entry_guids[3][GUID_SIZE] = {
	{	/* the command line */
		0xd8, 0x2d, 0xd0, 0x97, 0x20, 0xbd, 0x94, 0x4c,
		0xaa, 0x78, 0xe7, 0x71, 0x4d, 0x36, 0xab, 0x2a,
	}, {	/* the initrd */
		0x31, 0xf7, 0xba, 0x44, 0x2f, 0x3a, 0xd7, 0x4b,
		0x9a, 0xf1, 0x41, 0xe2, 0x91, 0x69, 0x78, 0x1d,
	}, {	/* the kernel */
		0x37, 0x94, 0xe7, 0x4d, 0xd2, 0xab, 0x7f, 0x42,
		0xb8, 0x35, 0xd5, 0xb1, 0x72, 0xd2, 0x04, 0x5b,
	},
};

static void make_table(uint8_t table[PADDED_SIZE], const struct qemu_source *src)
{
	uint8_t *at = table + HEAD_SIZE;

	memset(table, 0, PADDED_SIZE);
	memcpy(table, table_guid, GUID_SIZE);
	put_le16(table + GUID_SIZE, TABLE_SIZE);
	for (unsigned int i = 0; i < 3; i++, at += ENTRY_SIZE) {
		memcpy(at, entry_guids[i], GUID_SIZE);
		put_le16(at + GUID_SIZE, ENTRY_SIZE);
	}
	at = table + 2 * HEAD_SIZE;
	digest_sha256(src->append, strlen(src->append) + 1, at);
	digest_sha256(src->initrd->data, src->initrd->size, at + ENTRY_SIZE);
	digest_sha256(src->kernel->data, src->kernel->size, at + 2 * ENTRY_SIZE);
}

/* One load; it is cut where a page ends. */
static int add_table(struct digest *d, const struct qemu_source *src)
{
	uint8_t table[PADDED_SIZE];
	uint32_t base, size, first;

	if (!find_area(src->firmware, &base, &size) || !base || size < PADDED_SIZE) {
		hg_err("--firmware: it has no place for hashes, as hgloader.fd has");
		return -EINVAL;
	}
	make_table(table, src);
	first = DIGEST_PAGE - base % DIGEST_PAGE;
	if (first > PADDED_SIZE)
		first = PADDED_SIZE;
	digest_page(d, base, table, first, false);
	if (first < PADDED_SIZE)
		digest_page(d, (uint64_t)base + first, table + first, PADDED_SIZE - first, false);
	return 0;
}

/* ---- RAM ---- */

/* A q35: from 2.75 GiB on only 2 GiB are below 4 GiB. */
#define LOW_MAX		0xb0000000u
#define LOW_SPLIT	0x80000000u

/* QEMU has RAM measured before the chipset cuts holes for VGA and the BIOS into it. */
static void add_ranges(struct digest *d, uint64_t mem)
{
	uint64_t low = mem >= LOW_MAX ? LOW_SPLIT : mem;

	digest_range(d, 0, low);
	if (mem > low)
		digest_range(d, 4 * GiB, mem - low);
}

int qemu_add_memory(struct digest *d, const struct qemu_source *src)
{
	int err = add_firmware(d, src->firmware);

	if (!err && src->kernel)
		err = add_table(d, src);
	if (!err)
		add_ranges(d, src->mem);
	return err;
}
