// SPDX-License-Identifier: Apache-2.0
#include "pci.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <pci/pci.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "firmware.h"

#define CLASS_DISPLAY	  0x03 /* base classes, PCI Code and ID Assignment */
#define CLASS_ACCELERATOR 0x12
#define CAP_SERIAL	  0x0003 /* extended capability "device serial number" */

/* libpci ends the program on errors unless told otherwise; return instead. */
static __thread jmp_buf pci_failed;

static void __attribute__((noreturn)) on_pci_error(char *msg, ...)
{
	(void)msg;
	longjmp(pci_failed, 1);
}

static void on_pci_note(char *msg, ...)
{
	(void)msg;
}

void hg_fp_note(struct hg_fp_notes *notes, const char *fmt, ...)
{
	size_t used = strlen(notes->text);
	va_list ap;

	if (used && used < sizeof(notes->text) - 2) {
		memcpy(notes->text + used, "; ", 3);
		used += 2;
	}
	va_start(ap, fmt);
	vsnprintf(notes->text + used, sizeof(notes->text) - used, fmt, ap);
	va_end(ap);
}

static struct pci_access *start(const char *sysfs)
{
	struct pci_access *acc = pci_alloc();

	acc->method = PCI_ACCESS_SYS_BUS_PCI;
	acc->error = on_pci_error;
	acc->warning = on_pci_note;
	acc->debug = on_pci_note;
	pci_set_param(acc, "sysfs.path", (char *)sysfs);
	pci_init(acc);
	pci_scan_bus(acc);
	return acc;
}

static void address_of(const struct pci_dev *dev, char to[HG_PCI_ADDRESS])
{
	snprintf(to, HG_PCI_ADDRESS, "%04x:%02x:%02x.%x", (unsigned int)dev->domain & 0xffff,
		 dev->bus, dev->dev, dev->func & 7u);
}

static bool has_bus(const char *sysfs)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/devices", sysfs);
	return !access(path, R_OK | X_OK);
}

static int scan(struct pci_access *acc, struct hg_pci_place *places)
{
	int count = 0;

	for (struct pci_dev *dev = acc->devices; dev && count < HG_PCI_MAX; dev = dev->next) {
		struct hg_pci_place *p = &places[count];
		unsigned int base;

		pci_fill_info(dev, PCI_FILL_IDENT | PCI_FILL_CLASS);
		base = dev->device_class >> 8;
		if (base != CLASS_DISPLAY && base != CLASS_ACCELERATOR)
			continue;
		address_of(dev, p->address);
		p->vendor = dev->vendor_id;
		p->device = dev->device_id;
		pci_lookup_name(acc, p->name, sizeof(p->name),
				PCI_LOOKUP_VENDOR | PCI_LOOKUP_DEVICE | PCI_LOOKUP_NO_HWDB,
				dev->vendor_id, dev->device_id);
		count++;
	}
	return count;
}

int hg_pci_list(const char *sysfs, struct hg_pci_place *places, struct hg_gpu_error *err)
{
	struct pci_access *volatile acc = NULL;
	volatile int count = 0;

	if (!has_bus(sysfs))
		return 0;
	/* After an error the handle is left alone: it may be half made. */
	if (setjmp(pci_failed))
		return hg_gpu_fail(err, HG_GPU_E_DEVICE, "%s: the PCI bus cannot be read", sysfs);
	acc = start(sysfs);
	count = scan(acc, places);
	pci_cleanup(acc);
	return count;
}

/* A file of the device's folder, whole: its size, or -1 with errno. */
static ssize_t read_file(const char *path, uint8_t *data, size_t max)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), saved;
	size_t size = 0;
	ssize_t n = 1;

	if (fd < 0)
		return -1;
	while (n > 0 && size < max) {
		n = read(fd, data + size, max - size);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0)
			size += (size_t)n;
	}
	saved = errno;
	close(fd);
	errno = saved;
	return n < 0 ? -1 : (ssize_t)size;
}

static void add_vpd(const char *folder, struct hg_fp_identity *id, struct hg_fp_notes *notes)
{
	struct hg_gpu_error why;
	struct hg_vpd vpd;
	char path[PATH_MAX];
	uint8_t data[HG_VPD_MAX];
	ssize_t size;

	snprintf(path, sizeof(path), "%s/vpd", folder);
	size = read_file(path, data, sizeof(data));
	if (size < 0) {
		if (errno != ENOENT)
			hg_fp_note(notes, "vital product data: %s", strerror(errno));
		return;
	}
	if (hg_vpd_parse(data, (size_t)size, &vpd, &why)) {
		hg_fp_note(notes, "%s", why.text);
		return;
	}
	if (*vpd.name)
		hg_fp_set(id, "pci.vpd.name", "%s", vpd.name);
	if (*vpd.part)
		hg_fp_set(id, "pci.vpd.part", "%s", vpd.part);
	if (*vpd.serial)
		hg_fp_set(id, "pci.vpd.serial", "%s", vpd.serial);
}

/* sysfs shows a ROM only after "1" was written to it; elsewhere that must not be done. */
static int enable_rom(const char *path, const char *sysfs, const char *value)
{
	int fd, ret;

	if (strcmp(sysfs, HG_PCI_SYSFS))
		return 0;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ret = write(fd, value, 1) == 1 ? 0 : -1;
	close(fd);
	return ret;
}

static void hash_rom(const uint8_t *data, size_t size, struct hg_fp_identity *id,
		     struct hg_fp_notes *notes)
{
	struct hg_gpu_error why;
	uint8_t hash[32];
	char hex[65];
	size_t used = hg_rom_size(data, size, &why);

	if (!used || EVP_Digest(data, used, hash, NULL, EVP_sha256(), NULL) != 1) {
		hg_fp_note(notes, "%s", used ? "expansion ROM: no SHA-256" : why.text);
		return;
	}
	for (size_t i = 0; i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02x", hash[i]);
	hg_fp_set(id, "pci.rom", "sha256:%s", hex);
}

static void add_rom(const char *folder, const char *sysfs, struct hg_fp_identity *id,
		    struct hg_fp_notes *notes)
{
	uint8_t *data = malloc(HG_ROM_MAX);
	char path[PATH_MAX];
	ssize_t size = -1;

	snprintf(path, sizeof(path), "%s/rom", folder);
	if (data && !enable_rom(path, sysfs, "1")) {
		size = read_file(path, data, HG_ROM_MAX);
		if (size >= 0)
			hash_rom(data, (size_t)size, id, notes);
		if (enable_rom(path, sysfs, "0"))
			hg_fp_note(notes, "expansion ROM: it cannot be turned off again");
	}
	if (size < 0)
		hg_fp_note(notes, "expansion ROM: %s", data ? strerror(errno) : "out of memory");
	free(data);
}

/* "16.0 GT/s PCIe" and "16", each the most that the link does. */
static void add_link(const char *folder, struct hg_fp_identity *id)
{
	char path[PATH_MAX], speed[40] = "", width[8] = "";

	snprintf(path, sizeof(path), "%s/max_link_speed", folder);
	if (read_file(path, (uint8_t *)speed, sizeof(speed) - 1) <= 0)
		return;
	snprintf(path, sizeof(path), "%s/max_link_width", folder);
	if (read_file(path, (uint8_t *)width, sizeof(width) - 1) <= 0)
		return;
	speed[strcspn(speed, "\n")] = '\0';
	width[strcspn(width, "\n")] = '\0';
	hg_fp_set(id, "pci.link", "x%s at %s", width, speed);
}

static void add_serial(struct pci_dev *dev, struct hg_fp_identity *id, struct hg_fp_notes *notes)
{
	struct pci_cap *cap = pci_find_cap(dev, CAP_SERIAL, PCI_CAP_EXTENDED);
	uint32_t low, high;

	if (!cap) {
		/* Without root only 64 bytes are to be had. */
		if (pci_read_byte(dev, 0x40) == 0xff && pci_read_byte(dev, 0x43) == 0xff)
			hg_fp_note(notes, "serial number: only root may read the capabilities");
		return;
	}
	low = pci_read_long(dev, (int)cap->addr + 4);
	high = pci_read_long(dev, (int)cap->addr + 8);
	if ((low || high) && !(low == 0xffffffff && high == 0xffffffff))
		hg_fp_set(id, "pci.serial", "%08x%08x", high, low);
}

static void add_config(struct pci_dev *dev, struct hg_fp_identity *id, struct hg_fp_notes *notes)
{
	char address[HG_PCI_ADDRESS];

	pci_fill_info(dev, PCI_FILL_IDENT | PCI_FILL_CLASS | PCI_FILL_CLASS_EXT | PCI_FILL_SUBSYS |
				   PCI_FILL_CAPS | PCI_FILL_EXT_CAPS);
	address_of(dev, address);
	hg_fp_set(id, "pci.address", "%s", address);
	hg_fp_set(id, "pci.vendor", "%04x", dev->vendor_id);
	hg_fp_set(id, "pci.device", "%04x", dev->device_id);
	hg_fp_set(id, "pci.class", "%04x%02x", dev->device_class, dev->prog_if);
	hg_fp_set(id, "pci.revision", "%02x", dev->rev_id);
	if (dev->known_fields & PCI_FILL_SUBSYS)
		hg_fp_set(id, "pci.subsystem", "%04x:%04x", dev->subsys_vendor_id, dev->subsys_id);
	add_serial(dev, id, notes);
}

static bool find(struct pci_access *acc, const char *address, struct hg_fp_identity *id,
		 struct hg_fp_notes *notes)
{
	for (struct pci_dev *dev = acc->devices; dev; dev = dev->next) {
		char at[HG_PCI_ADDRESS];

		address_of(dev, at);
		if (!strcmp(at, address)) {
			add_config(dev, id, notes);
			return true;
		}
	}
	return false;
}

int hg_pci_identity(const char *sysfs, const char *address, bool rom, struct hg_fp_identity *id,
		    struct hg_fp_notes *notes, struct hg_gpu_error *err)
{
	struct pci_access *volatile acc = NULL;
	volatile bool found = false;
	char folder[PATH_MAX / 2];

	/* Only devices that the bus lists, so no path of the caller's gets into one of ours. */
	if (has_bus(sysfs)) {
		if (setjmp(pci_failed))
			return hg_gpu_fail(err, HG_GPU_E_DEVICE,
					   "%s: the device's configuration cannot be read",
					   address);
		acc = start(sysfs);
		found = find(acc, address, id, notes);
		pci_cleanup(acc);
	}
	if (!found)
		return hg_gpu_fail(err, HG_GPU_E_ARGUMENT,
				   "no PCI device %.40s: hggpu list names those there are",
				   address);
	snprintf(folder, sizeof(folder), "%s/devices/%s", sysfs, address);
	add_link(folder, id);
	add_vpd(folder, id, notes);
	if (rom)
		add_rom(folder, sysfs, id, notes);
	return 0;
}
