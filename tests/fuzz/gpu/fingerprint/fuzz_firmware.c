// SPDX-License-Identifier: Apache-2.0
/* Vital product data and expansion ROMs. The first byte chooses. */
#include "firmware.h"
#include "fuzz.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	uint8_t vpd[] = "\0\x82\x04\x00"
			"Card"
			"\x90\x11\x00"
			"PN\x02"
			"12"
			"SN\x03"
			"345"
			"RV\x02"
			"\0\0"
			"\x78";
	uint8_t rom[1025] = { 1, 0x55, 0xaa }, sum = 0;

	(void)argc, (void)argv;
	for (size_t i = 1; i < sizeof(vpd) - 4; i++)
		sum = (uint8_t)(sum + vpd[i]);
	vpd[sizeof(vpd) - 4] = (uint8_t)-sum;
	write_seed("vpd", vpd, sizeof(vpd) - 1);
	rom[1 + 0x18] = 0x1c;
	memcpy(rom + 1 + 0x1c, "PCIR", 4);
	rom[1 + 0x1c + 0x10] = 2;
	rom[1 + 0x1c + 0x15] = 0x80;
	write_seed("rom", rom, sizeof(rom));
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hg_gpu_error err = { 0 };
	struct hg_vpd vpd;
	uint8_t *exact;

	if (!size)
		return 0;
	exact = malloc(size);
	memcpy(exact, data + 1, size - 1);
	if (data[0] & 1) {
		size_t rom = hg_rom_size(exact, size - 1, &err);

		CHECK(rom <= size - 1 && rom % 512 == 0 && (rom || *err.text));
	} else if (hg_vpd_parse(exact, size - 1, &vpd, &err)) {
		CHECK(*err.text && !*vpd.name && !*vpd.part && !*vpd.serial);
	} else {
		const char *texts[] = { vpd.name, vpd.part, vpd.serial };

		for (int i = 0; i < 3; i++)
			for (const char *p = texts[i]; *p; p++)
				CHECK(*p >= 0x20 && *p <= 0x7e);
	}
	free(exact);
	return 0;
}
