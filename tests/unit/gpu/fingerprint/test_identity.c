// SPDX-License-Identifier: Apache-2.0
/* Identity: PCI from sysfs trees made here, OpenCL from a driver made here. */
#include "check.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "firmware.h"
#include "identity_cl.h"
#include "pci.h"

static char root[] = "/tmp/hg-identity-XXXXXX";
static struct hg_gpu_error err;

/* ---- A tree like /sys/bus/pci ---- */

static void put(const char *device, const char *name, const void *data, size_t size)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/devices/%s/%s", root, device, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, size, f), size);
	assert_int_equal(fclose(f), 0);
}

static void put_text(const char *device, const char *name, const char *text)
{
	put(device, name, text, strlen(text));
}

static void put_device(const char *address, unsigned int vendor, unsigned int device,
		       unsigned int class, size_t config_size)
{
	uint8_t config[4096] = { 0 };
	char path[512], text[1024] = "";

	snprintf(path, sizeof(path), "%s/devices/%s", root, address);
	assert_int_equal(mkdir(path, 0755), 0);
	config[0] = (uint8_t)vendor;
	config[1] = (uint8_t)(vendor >> 8);
	config[2] = (uint8_t)device;
	config[3] = (uint8_t)(device >> 8);
	config[8] = 0xa1;
	config[0x0a] = (uint8_t) class;
	config[0x0b] = (uint8_t)(class >> 8);
	config[0x2c] = 0xde;
	config[0x2d] = 0x10;
	config[0x2e] = 0x34;
	config[0x2f] = 0x12;
	/* Status says "capabilities"; PCI Express at 0x40; serial number at 0x100. */
	config[6] = 0x10;
	config[0x34] = 0x40;
	config[0x40] = 0x10;
	config[0x42] = 2;
	memcpy(config + 0x100, "\x03\x00\x01\x00\x78\x56\x34\x12\xf0\xde\xbc\x9a", 12);
	put(address, "config", config, config_size);
	snprintf(text, sizeof(text), "0x%04x\n", vendor);
	put_text(address, "vendor", text);
	snprintf(text, sizeof(text), "0x%04x\n", device);
	put_text(address, "device", text);
	snprintf(text, sizeof(text), "0x%04x00\n", class);
	put_text(address, "class", text);
	put_text(address, "irq", "16\n");
	text[0] = '\0';
	for (int i = 0; i < 7; i++)
		strcat(text, "0x0000000000000000 0x0000000000000000 0x0000000000000000\n");
	put_text(address, "resource", text);
	put_text(address, "subsystem_vendor", "0x10de\n");
	put_text(address, "subsystem_device", "0x1234\n");
	put_text(address, "revision", "0xa1\n");
}

/* Identifier "Card", PN, SN, and a checksum that is right. */
static size_t make_vpd(uint8_t *vpd)
{
	static const uint8_t text[] = "\x82\x04\x00"
				      "Card"
				      "\x90\x16\x00"
				      "PN\x06"
				      "900-21"
				      "SN\x05"
				      "12345"
				      "RV\x02";
	size_t n = sizeof(text) - 1;
	uint8_t sum = 0;

	memcpy(vpd, text, n);
	for (size_t i = 0; i < n; i++)
		sum = (uint8_t)(sum + vpd[i]);
	vpd[n++] = (uint8_t)-sum;
	vpd[n++] = 0;
	vpd[n++] = 0x78;
	return n;
}

/* Two images of 512 and 1024 bytes; something behind them. */
static void make_rom(uint8_t rom[2048])
{
	memset(rom, 0, 2048);
	for (int i = 0; i < 2; i++) {
		uint8_t *image = rom + 512 * i;

		image[0] = 0x55;
		image[1] = 0xaa;
		image[0x18] = 0x1c;
		memcpy(image + 0x1c, "PCIR", 4);
		image[0x1c + 0x10] = (uint8_t)(1 + i);
		image[0x1c + 0x15] = i ? 0x80 : 0;
	}
	rom[2047] = 0x77;
}

static int make_tree(void **state)
{
	uint8_t vpd[256], rom[2048];
	char path[256];

	(void)state;
	assert_non_null(mkdtemp(root));
	snprintf(path, sizeof(path), "%s/devices", root);
	assert_int_equal(mkdir(path, 0755), 0);
	put_device("0000:00:1f.0", 0x8086, 0x1234, 0x0601, 4096);
	put_device("0000:01:00.0", 0x10de, 0x2330, 0x0302, 4096);
	put_device("0000:02:00.0", 0x1002, 0x740f, 0x0380, 64);
	put_device("0001:03:00.1", 0x1e36, 0x0001, 0x1200, 4096);
	put("0000:01:00.0", "vpd", vpd, make_vpd(vpd));
	make_rom(rom);
	put("0000:01:00.0", "rom", rom, sizeof(rom));
	put_text("0000:01:00.0", "max_link_speed", "32.0 GT/s PCIe\n");
	put_text("0000:01:00.0", "max_link_width", "16\n");
	put("0000:02:00.0", "vpd", "\xff\xff\xff\xff", 4);
	return 0;
}

static int remove_tree(void **state)
{
	char command[300];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", root);
	return system(command);
}

/* ---- PCI ---- */

static void test_list(void **state)
{
	struct hg_pci_place places[HG_PCI_MAX];
	int n = hg_pci_list(root, places, &err);
	bool first = false;

	(void)state;
	assert_int_equal(n, 3);
	for (int i = 0; i < n; i++) {
		assert_string_not_equal(places[i].address, "0000:00:1f.0");
		if (!strcmp(places[i].address, "0000:01:00.0")) {
			assert_int_equal(places[i].vendor, 0x10de);
			first = true;
		}
	}
	assert_true(first);
	assert_int_equal(hg_pci_list("/nonexistent", places, &err), 0);
}

static void test_pci(void **state)
{
	struct hg_fp_identity id = { 0 };
	struct hg_fp_notes notes = { "" };
	uint8_t rom[2048], hash[32];
	char hex[65];

	(void)state;
	assert_int_equal(hg_pci_identity(root, "0000:01:00.0", true, &id, &notes, &err), 0);
	assert_string_equal(notes.text, "");
	assert_string_equal(hg_fp_get(&id, "pci.vendor"), "10de");
	assert_string_equal(hg_fp_get(&id, "pci.device"), "2330");
	assert_string_equal(hg_fp_get(&id, "pci.class"), "030200");
	assert_string_equal(hg_fp_get(&id, "pci.revision"), "a1");
	assert_string_equal(hg_fp_get(&id, "pci.subsystem"), "10de:1234");
	assert_string_equal(hg_fp_get(&id, "pci.serial"), "9abcdef012345678");
	assert_string_equal(hg_fp_get(&id, "pci.vpd.name"), "Card");
	assert_string_equal(hg_fp_get(&id, "pci.vpd.part"), "900-21");
	assert_string_equal(hg_fp_get(&id, "pci.vpd.serial"), "12345");
	assert_string_equal(hg_fp_get(&id, "pci.link"), "x16 at 32.0 GT/s PCIe");
	make_rom(rom);
	assert_non_null(SHA256(rom, 1536, hash));
	for (int i = 0; i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02x", hash[i]);
	assert_memory_equal(hg_fp_get(&id, "pci.rom"), "sha256:", 7);
	assert_string_equal(hg_fp_get(&id, "pci.rom") + 7, hex);
	assert_string_equal(hg_fp_get(&id, "pci.address"), "0000:01:00.0");
}

/* A reading without ROM has none; what only root sees is missing, and said to be. */
static void test_little(void **state)
{
	struct hg_fp_identity id = { 0 };
	struct hg_fp_notes notes = { "" };

	(void)state;
	assert_int_equal(hg_pci_identity(root, "0000:02:00.0", false, &id, &notes, &err), 0);
	assert_string_equal(hg_fp_get(&id, "pci.serial"), "");
	assert_string_equal(hg_fp_get(&id, "pci.rom"), "");
	assert_non_null(strstr(notes.text, "only root"));
	assert_non_null(strstr(notes.text, "vital product data"));
	memset(&notes, 0, sizeof(notes));
	assert_int_equal(hg_pci_identity(root, "0001:03:00.1", true, &id, &notes, &err), 0);
	assert_non_null(strstr(notes.text, "expansion ROM: No such file"));
}

static void test_no_device(void **state)
{
	static const char *const names[] = { "0000:09:00.0", "", "../../etc", "0000:01:00.0/",
					     "0000:00:1f.0 " };
	struct hg_fp_identity id = { 0 };
	struct hg_fp_notes notes = { "" };

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(hg_pci_identity(root, names[i], true, &id, &notes, &err), -1);
		assert_non_null(strstr(err.text, "no PCI device"));
		assert_string_equal(hg_fp_get(&id, "pci.vendor"), "");
	}
}

/* ---- VPD and ROM ---- */

static void test_vpd(void **state)
{
	uint8_t vpd[256];
	size_t size = make_vpd(vpd);
	struct hg_vpd v;

	(void)state;
	assert_int_equal(hg_vpd_parse(vpd, size, &v, &err), 0);
	/* Each shorter one is refused, and each altered byte that the checksum covers. */
	for (size_t n = 0; n < size; n++) {
		uint8_t *exact = malloc(n + 1);

		memcpy(exact, vpd, n);
		assert_int_equal(hg_vpd_parse(exact, n, &v, &err), -1);
		assert_true(!*v.name && !*v.part && !*v.serial);
		free(exact);
	}
	for (size_t i = 0; i < size - 2; i++) {
		vpd[i] ^= 0x20;
		assert_int_equal(hg_vpd_parse(vpd, size, &v, &err), -1);
		assert_string_equal(v.serial, "");
		vpd[i] ^= 0x20;
	}
	/* A text longer than there is room for, and one that would move a cursor. */
	memset(vpd, 0, sizeof(vpd));
	memcpy(vpd, "\x82\xc8\x00\x1b[2J", 7);
	memset(vpd + 7, 'x', 196);
	vpd[203] = 0x78;
	assert_int_equal(hg_vpd_parse(vpd, 204, &v, &err), 0);
	assert_int_equal(strlen(v.name), HG_VPD_TEXT - 1);
	assert_int_equal(v.name[0], '?');
}

static void test_rom(void **state)
{
	uint8_t rom[2048];

	(void)state;
	make_rom(rom);
	assert_int_equal(hg_rom_size(rom, sizeof(rom), &err), 1536);
	assert_int_equal(hg_rom_size(rom, 1536, &err), 1536);
	for (size_t n = 0; n < 1536; n++) {
		uint8_t *exact = malloc(n + 1);

		memcpy(exact, rom, n);
		assert_int_equal(hg_rom_size(exact, n, &err), 0);
		assert_non_null(strstr(err.text, "expansion ROM"));
		free(exact);
	}
	rom[0x19] = 0xff; /* its structure would be beyond the end */
	assert_int_equal(hg_rom_size(rom, sizeof(rom), &err), 0);
	make_rom(rom);
	rom[512 + 0x1c + 0x10] = 0; /* an image of no size: no endless loop */
	assert_int_equal(hg_rom_size(rom, sizeof(rom), &err), 0);
	make_rom(rom);
	rom[512 + 0x1c + 0x15] = 0; /* none is the last */
	assert_int_equal(hg_rom_size(rom, sizeof(rom), &err), 0);
}

/* ---- OpenCL ---- */

static struct {
	bool full, fail, unended, huge;
} driver;

static cl_int answer(const void *from, size_t have, size_t size, void *to, size_t *got)
{
	if (got)
		*got = have;
	if (to && size < have)
		return CL_INVALID_VALUE;
	if (to)
		memcpy(to, from, have);
	return CL_SUCCESS;
}

static cl_int CL_API_CALL device_info(cl_device_id device, cl_device_info what, size_t size,
				      void *to, size_t *got)
{
	static const uint8_t uuid[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };
	static const cl_device_pci_bus_info_khr bus = { 0, 1, 0, 0 };
	cl_platform_id platform = (cl_platform_id)(uintptr_t)7;
	cl_ulong memory = 85899345920;
	cl_uint units = 132;
	cl_bool yes = CL_TRUE;

	assert_ptr_equal(device, (void *)5);
	if (driver.fail)
		return CL_INVALID_DEVICE;
	switch (what) {
	case CL_DEVICE_PLATFORM:
		return answer(&platform, sizeof(platform), size, to, got);
	case CL_DEVICE_NAME:
		if (driver.huge)
			return answer("", (size_t)1 << 40, 0, NULL, got);
		return driver.unended ? answer("Unended", 7, size, to, got)
				      : answer("GPU \x1b[1m", 9, size, to, got);
	case CL_DEVICE_MAX_COMPUTE_UNITS:
		return answer(&units, sizeof(units), size, to, got);
	case CL_DEVICE_GLOBAL_MEM_SIZE:
		return answer(&memory, sizeof(memory), size, to, got);
	case CL_DEVICE_EXTENSIONS:
		return driver.full ? answer("b_ext a_ext ", 13, size, to, got)
				   : answer("a_ext b_ext", 12, size, to, got);
	case CL_DEVICE_UUID_KHR:
		return driver.full ? answer(uuid, 16, size, to, got) : CL_INVALID_VALUE;
	case CL_DRIVER_UUID_KHR:
		return driver.full ? answer(uuid, 15, size, to, got) : CL_INVALID_VALUE;
	case CL_DEVICE_LUID_VALID_KHR:
		return driver.full ? answer(&yes, sizeof(yes), size, to, got) : CL_INVALID_VALUE;
	case CL_DEVICE_LUID_KHR:
		return answer(uuid, 8, size, to, got);
	case CL_DEVICE_PCI_BUS_INFO_KHR:
		return driver.full ? answer(&bus, sizeof(bus), size, to, got) : CL_INVALID_VALUE;
	default:
		return CL_INVALID_VALUE;
	}
}

static cl_int CL_API_CALL platform_info(cl_platform_id platform, cl_platform_info what, size_t size,
					void *to, size_t *got)
{
	assert_ptr_equal(platform, (void *)7);
	return what == CL_PLATFORM_NAME ? answer("P", 2, size, to, got) : CL_INVALID_VALUE;
}

static void test_opencl(void **state)
{
	struct hg_clapi api = { .GetDeviceInfo = device_info, .GetPlatformInfo = platform_info };
	struct hg_fp_identity full = { 0 }, few = { 0 };
	cl_device_id device = (cl_device_id)(uintptr_t)5;
	char at[HG_PCI_ADDRESS];

	(void)state;
	driver.full = true;
	assert_int_equal(hg_cl_identity(&api, device, &full, &err), 0);
	assert_string_equal(hg_fp_get(&full, "cl.name"), "GPU ?[1m");
	assert_string_equal(hg_fp_get(&full, "cl.units"), "132");
	assert_string_equal(hg_fp_get(&full, "cl.memory"), "85899345920");
	assert_string_equal(hg_fp_get(&full, "cl.uuid"), "0102030405060708090a0b0c0d0e0f10");
	assert_string_equal(hg_fp_get(&full, "cl.driver_uuid"), ""); /* of a wrong size */
	assert_string_equal(hg_fp_get(&full, "cl.luid"), "0102030405060708");
	assert_string_equal(hg_fp_get(&full, "cl.platform"), "P, no version");
	assert_int_equal(hg_cl_pci_address(&api, device, at, sizeof(at)), 0);
	assert_string_equal(at, "0000:01:00.0");
	driver.full = false;
	assert_int_equal(hg_cl_identity(&api, device, &few, &err), 0);
	assert_string_equal(hg_fp_get(&few, "cl.uuid"), "");
	assert_int_equal(hg_cl_pci_address(&api, device, at, sizeof(at)), -1);
	/* The order of the extensions does not count. */
	assert_string_equal(hg_fp_get(&few, "cl.extensions"), hg_fp_get(&full, "cl.extensions"));
	driver.unended = true;
	assert_int_equal(hg_cl_identity(&api, device, &few, &err), 0);
	assert_string_equal(hg_fp_get(&few, "cl.name"), "Unended");
	driver.huge = true;
	memset(&few, 0, sizeof(few));
	assert_int_equal(hg_cl_identity(&api, device, &few, &err), -1);
	driver.fail = true;
	assert_int_equal(hg_cl_identity(&api, device, &few, &err), -1);
}

/* ---- Members ---- */

static void test_members(void **state)
{
	struct hg_fp_identity id = { 0 }, again;
	uint8_t a[32], b[32];
	json_t *obj;

	(void)state;
	for (int i = 1; hg_fp_members[i].name; i++) {
		assert_true(strcmp(hg_fp_members[i - 1].name, hg_fp_members[i].name) < 0);
		assert_true(i < HG_FP_MEMBERS_MAX);
	}
	hg_fp_set(&id, "pci.vendor", "10de");
	hg_fp_set(&id, "cl.driver", "1");
	hg_fp_set(&id, "pci.nothing", "x");
	assert_int_equal(hg_fp_identity_hash(&id, a, &err), 0);
	hg_fp_set(&id, "cl.driver", "2");
	assert_int_equal(hg_fp_identity_hash(&id, b, &err), 0);
	assert_memory_equal(a, b, 32);
	hg_fp_set(&id, "pci.vendor", "1002");
	assert_int_equal(hg_fp_identity_hash(&id, b, &err), 0);
	assert_memory_not_equal(a, b, 32);
	obj = hg_fp_identity_json(&id);
	assert_int_equal(json_object_size(obj), 2);
	assert_int_equal(hg_fp_identity_parse(obj, &again, &err), 0);
	assert_memory_equal(&id, &again, sizeof(id));
	json_decref(obj);
}

static void test_members_refused(void **state)
{
	static const struct {
		const char *text, *why;
	} bad[] = {
		{ "{}", "not an object with members" },
		{ "{\"pci.vendr\": \"x\"}", "unknown member \"pci.vendr\"" },
		{ "{\"pci.vendor\": 5}", "pci.vendor" },
		{ "{\"pci.vendor\": \"\"}", "pci.vendor" },
		{ "{\"pci.vendor\": \"a\\nb\"}", "pci.vendor" },
		{ "{\"pci.vendor\": \"\\u00e4\"}", "pci.vendor" },
	};
	struct hg_fp_identity id;
	char longer[400];
	json_t *obj;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		obj = json_loads(bad[i].text, 0, NULL);
		assert_int_equal(hg_fp_identity_parse(obj, &id, &err), -1);
		assert_non_null(strstr(err.text, bad[i].why));
		json_decref(obj);
	}
	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	obj = json_pack("{s:s}", "cl.name", longer);
	assert_int_equal(hg_fp_identity_parse(obj, &id, &err), -1);
	json_decref(obj);
	assert_int_equal(hg_fp_identity_parse(NULL, &id, &err), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_pci),
		cmocka_unit_test(test_little),
		cmocka_unit_test(test_no_device),
		cmocka_unit_test(test_vpd),
		cmocka_unit_test(test_rom),
		cmocka_unit_test(test_opencl),
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_members_refused),
	};

	return cmocka_run_group_tests(tests, make_tree, remove_tree);
}
