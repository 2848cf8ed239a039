// SPDX-License-Identifier: Apache-2.0
#include "hashes.h"

#include "bytes.h"

/* A table and its entries begin alike: GUID, and length of the whole of it. */
#define GUID_SIZE	16
#define HEAD_SIZE	(GUID_SIZE + 2)

/* The first three fields of a GUID are little-endian. */
static const uint8_t table_guid[GUID_SIZE] = {
	0x06, 0xd6, 0x38, 0x94, 0x22, 0x4f, 0xc9, 0x4c,
	0xb4, 0x79, 0xa7, 0x93, 0xd4, 0x11, 0xfd, 0x21,
};
static const uint8_t cmdline_guid[GUID_SIZE] = {
	0xd8, 0x2d, 0xd0, 0x97, 0x20, 0xbd, 0x94, 0x4c,
	0xaa, 0x78, 0xe7, 0x71, 0x4d, 0x36, 0xab, 0x2a,
};
static const uint8_t initrd_guid[GUID_SIZE] = {
	0x31, 0xf7, 0xba, 0x44, 0x2f, 0x3a, 0xd7, 0x4b,
	0x9a, 0xf1, 0x41, 0xe2, 0x91, 0x69, 0x78, 0x1d,
};
static const uint8_t kernel_guid[GUID_SIZE] = {
	0x37, 0x94, 0xe7, 0x4d, 0xd2, 0xab, 0x7f, 0x42,
	0xb8, 0x35, 0xd5, 0xb1, 0x72, 0xd2, 0x04, 0x5b,
};

enum { CMDLINE = 1, INITRD = 2, KERNEL = 4 };

static uint8_t *entry_for(struct hashes *hashes, const uint8_t *guid, unsigned int *bit)
{
	if (!memcmp(guid, cmdline_guid, GUID_SIZE)) {
		*bit = CMDLINE;
		return hashes->cmdline;
	}
	if (!memcmp(guid, initrd_guid, GUID_SIZE)) {
		*bit = INITRD;
		return hashes->initrd;
	}
	if (!memcmp(guid, kernel_guid, GUID_SIZE)) {
		*bit = KERNEL;
		return hashes->kernel;
	}
	return NULL;
}

const char *hashes_parse(struct hashes *hashes, const uint8_t *table, size_t room)
{
	unsigned int found = 0, bit;
	size_t size, length;
	uint8_t *to;

	memset(hashes, 0, sizeof(*hashes));
	if (room < HEAD_SIZE || memcmp(table, table_guid, GUID_SIZE))
		return NULL;
	size = load16(table + GUID_SIZE);
	if (size < HEAD_SIZE || size > room)
		return "the table of hashes has a wrong length";
	for (table += HEAD_SIZE, size -= HEAD_SIZE; size; table += length, size -= length) {
		length = size >= HEAD_SIZE ? load16(table + GUID_SIZE) : 0;
		if (length < HEAD_SIZE || length > size)
			return "an entry of the table of hashes has a wrong length";
		to = entry_for(hashes, table, &bit);
		if (!to || length != HEAD_SIZE + SHA256_SIZE)
			return "the table of hashes has an entry of an unknown kind";
		if (found & bit)
			return "the table of hashes has an entry twice";
		found |= bit;
		memcpy(to, table + HEAD_SIZE, SHA256_SIZE);
	}
	if (found != (CMDLINE | INITRD | KERNEL))
		return "the table of hashes lacks an entry";
	hashes->present = true;
	return NULL;
}
