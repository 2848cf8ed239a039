// SPDX-License-Identifier: Apache-2.0
#include "firmware.h"

#include <stdbool.h>
#include <string.h>

/* PCI Local Bus 3.0, appendix I: tags of resources. */
#define VPD_NAME  0x82u
#define VPD_READ  0x90u
#define VPD_WRITE 0x91u
#define VPD_END	  0x78u

static uint32_t le16(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8;
}

static int vpd_bad(struct hg_vpd *vpd, struct hg_gpu_error *err, const char *what)
{
	memset(vpd, 0, sizeof(*vpd));
	return hg_gpu_fail(err, HG_GPU_E_DEVICE, "vital product data: %s", what);
}

/* Texts are padded with blanks or zeros. */
static void take(char *to, const uint8_t *text, size_t size)
{
	while (size && (text[size - 1] == ' ' || !text[size - 1]))
		size--;
	if (size > HG_VPD_TEXT - 1)
		size = HG_VPD_TEXT - 1;
	for (size_t i = 0; i < size; i++)
		to[i] = text[i] < 0x20 || text[i] > 0x7e ? '?' : (char)text[i];
	to[size] = '\0';
}

/* "RV": its first byte makes the sum of all bytes from the start up to it zero. */
static bool sum_is_zero(const uint8_t *data, size_t size)
{
	uint8_t sum = 0;

	for (size_t i = 0; i < size; i++)
		sum = (uint8_t)(sum + data[i]);
	return !sum;
}

/* The fields of VPD-R, which lies at @at of @data: keyword of two letters, size, text. */
static int read_fields(const uint8_t *data, size_t at, size_t size, struct hg_vpd *vpd,
		       struct hg_gpu_error *err)
{
	while (size) {
		const uint8_t *field = data + at;
		size_t length;

		if (size < 3)
			return vpd_bad(vpd, err, "a field is cut off");
		length = field[2];
		if (length > size - 3)
			return vpd_bad(vpd, err, "a field is longer than what holds it");
		if (!memcmp(field, "PN", 2))
			take(vpd->part, field + 3, length);
		else if (!memcmp(field, "SN", 2))
			take(vpd->serial, field + 3, length);
		else if (!memcmp(field, "RV", 2)) {
			if (!length || !sum_is_zero(data, at + 4))
				return vpd_bad(vpd, err, "its checksum is wrong");
			return 0;
		}
		at += 3 + length;
		size -= 3 + length;
	}
	return vpd_bad(vpd, err, "it has no checksum");
}

int hg_vpd_parse(const uint8_t *data, size_t size, struct hg_vpd *vpd, struct hg_gpu_error *err)
{
	size_t at = 0;

	memset(vpd, 0, sizeof(*vpd));
	if (size > HG_VPD_MAX)
		return vpd_bad(vpd, err, "too long");
	while (at < size) {
		uint8_t tag = data[at];
		size_t length;

		if (tag == VPD_END)
			return 0;
		if (tag != VPD_NAME && tag != VPD_READ && tag != VPD_WRITE)
			return vpd_bad(vpd, err, "a tag that the specification does not have");
		if (size - at < 3)
			break;
		length = le16(data + at + 1);
		at += 3;
		if (length > size - at)
			break;
		if (tag == VPD_NAME)
			take(vpd->name, data + at, length);
		if (tag == VPD_READ && read_fields(data, at, length, vpd, err))
			return -1;
		at += length;
	}
	return vpd_bad(vpd, err, "it is cut off");
}

static size_t rom_bad(struct hg_gpu_error *err, const char *what)
{
	hg_gpu_fail(err, HG_GPU_E_DEVICE, "expansion ROM: %s", what);
	return 0;
}

/*
 * PCI Firmware 3.0: images, each with its signature, a pointer to its data
 * structure ("PCIR"), and there its size in units of 512 bytes and whether it is the last.
 */
size_t hg_rom_size(const uint8_t *data, size_t size, struct hg_gpu_error *err)
{
	size_t at = 0;

	if (size > HG_ROM_MAX)
		return rom_bad(err, "too long");
	while (size - at >= 0x1a) {
		const uint8_t *image = data + at;
		size_t left = size - at, pcir = le16(image + 0x18), length;

		if (image[0] != 0x55 || image[1] != 0xaa)
			return rom_bad(err,
				       at ? "an image has no signature" : "it has no signature");
		if (left < 0x18 || pcir < 0x1a || pcir > left - 0x18 ||
		    memcmp(image + pcir, "PCIR", 4))
			return rom_bad(err, "an image has no data structure");
		length = le16(image + pcir + 0x10) * (size_t)512;
		if (!length || length > left)
			return rom_bad(err, "an image of no size, or cut off");
		at += length;
		if (image[pcir + 0x15] & 0x80)
			return at;
	}
	return rom_bad(err, "it is cut off");
}
