/* SPDX-License-Identifier: Apache-2.0 */
/* What a card keeps in memories of its own: vital product data, the expansion ROM. */
#ifndef HG_FIRMWARE_H
#define HG_FIRMWARE_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define HG_VPD_MAX  32768u
#define HG_VPD_TEXT 100u
#define HG_ROM_MAX  (16u << 20)

struct hg_vpd {
	char name[HG_VPD_TEXT]; /* the identifier string */
	char part[HG_VPD_TEXT]; /* PN */
	char serial[HG_VPD_TEXT]; /* SN */
};

/* -1 with HG_GPU_E_DEVICE if it is malformed, its checksum too; @vpd is empty then. */
int hg_vpd_parse(const uint8_t *data, size_t size, struct hg_vpd *vpd, struct hg_gpu_error *err);

/* Bytes that the images of a ROM take, up to the last; 0 with a reason if there is none. */
size_t hg_rom_size(const uint8_t *data, size_t size, struct hg_gpu_error *err);

#endif
