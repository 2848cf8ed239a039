// SPDX-License-Identifier: Apache-2.0
#include "fake.h"

#define FIRST_FILE	0x20

struct fake_item fake_item[FAKE_ITEMS];
struct fake_written fake_written;
bool fake_broken;

static uint8_t directory[4 + 64 * FAKE_ITEMS];

void fake_reset(void)
{
	memset(fake_item, 0, sizeof(fake_item));
	memset(&fake_written, 0, sizeof(fake_written));
	memset(directory, 0, sizeof(directory));
	fake_item[FWCFG_DIRECTORY] = (struct fake_item){ directory, sizeof(directory) };
	fake_broken = false;
	assert_null(fwcfg_read_directory());
}

void fake_file(const char *name, const void *data, uint32_t size, uint32_t claimed)
{
	uint8_t *entry = directory + 4 + 64 * directory[3];
	uint16_t key = FIRST_FILE + directory[3]++;
	uint32_t big = __builtin_bswap32(claimed);

	assert_true(key < FAKE_ITEMS);
	fake_item[key] = (struct fake_item){ data, size };
	memcpy(entry, &big, 4);
	entry[5] = (uint8_t)key;
	snprintf((char *)entry + 8, FWCFG_NAME_SIZE, "%s", name);
	assert_null(fwcfg_read_directory());
}

bool fwcfg_read(uint16_t key, uint32_t offset, void *to, uint32_t size)
{
	const struct fake_item *item = &fake_item[key % FAKE_ITEMS];
	uint32_t have = offset < item->size ? item->size - offset : 0;

	if (fake_broken)
		return false;
	if (have > size)
		have = size;
	memset(to, 0, size);
	if (have)
		memcpy(to, (const uint8_t *)item->data + offset, have);
	return true;
}

bool fwcfg_write(uint16_t key, uint32_t offset, const void *from, uint32_t size)
{
	if (fake_broken)
		return false;
	fake_written.count++;
	fake_written.key = key;
	fake_written.offset = offset;
	fake_written.size = size;
	fake_written.value = 0;
	memcpy(&fake_written.value, from, size);
	return true;
}

void assert_wrong(const char *wrong, const char *part)
{
	if (!wrong)
		fail_msg("accepted; expected: %s", part);
	else if (!strstr(wrong, part))
		fail_msg("'%s', expected: %s", wrong, part);
}
