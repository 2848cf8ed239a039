// SPDX-License-Identifier: Apache-2.0
/* The script's commands: hw/acpi/bios-linker-loader.c of QEMU describes them. */
#include "tables.h"

#include "bytes.h"

#define ALIGN_MAX	4096u

enum command {
	PADDING,		/* QEMU fills the script up with zeros */
	ALLOCATE,		/* file, u32 alignment, u8 zone: all zones are one here */
	ADD_POINTER,		/* file, pointee, u32 offset, u8 size */
	ADD_CHECKSUM,		/* file, u32 offset, u32 start, u32 length */
	WRITE_POINTER,		/* file of fw_cfg, pointee, u32 offset, u32 its offset, u8 size */
};

static bool good_name(const uint8_t *name)
{
	return name[0] && !name[FWCFG_NAME_SIZE - 1];
}

static const struct tables_file *find(const struct tables *t, const uint8_t *name)
{
	unsigned int i;

	for (i = 0; good_name(name) && i < t->count; i++)
		if (fwcfg_same_name(t->file[i].name, (const char *)name))
			return &t->file[i];
	return NULL;
}

static const char *allocate(struct tables *t, const uint8_t *name)
{
	uint32_t align = load32(name + FWCFG_NAME_SIZE), start;
	struct tables_file *file = &t->file[t->count];
	struct fwcfg_file source;

	if (!good_name(name) || find(t, name) || !fwcfg_find((const char *)name, &source))
		return "ACPI: a file has no name, comes twice or is missing";
	if (t->count == TABLES_FILES || !is_power_of_two(align) || align > ALIGN_MAX)
		return "ACPI: too many files, or a wrong alignment";
	/* @used is at most @size, which is far from 2^32. */
	start = (t->used + align - 1) & ~(align - 1);
	if (!source.size || !inside(start, source.size, t->size))
		return "ACPI: the tables are too long";
	memcpy(file->name, name, FWCFG_NAME_SIZE);
	file->data = t->base + start;
	file->address = t->address + start;
	file->size = source.size;
	if (!fwcfg_read(source.key, 0, file->data, file->size))
		return "ACPI: a file cannot be read";
	t->used = start + source.size;
	t->count++;
	return NULL;
}

static bool good_size(uint8_t size)
{
	return is_power_of_two(size) && size <= 8;
}

/* @value fits in @size bytes. */
static bool fits(uint64_t value, uint8_t size)
{
	return size == 8 || !(value >> (8 * size));
}

static const char *add_pointer(const struct tables *t, const uint8_t *name)
{
	const struct tables_file *file = find(t, name);
	const struct tables_file *pointee = find(t, name + FWCFG_NAME_SIZE);
	uint32_t offset = load32(name + 2 * FWCFG_NAME_SIZE);
	uint8_t size = name[2 * FWCFG_NAME_SIZE + 4];
	uint64_t value = 0;

	if (!file || !pointee || !good_size(size) || !inside(offset, size, file->size))
		return "ACPI: a pointer is outside its file";
	memcpy(&value, file->data + offset, size);
	if (value >= pointee->size || !fits(pointee->address + value, size))
		return "ACPI: a pointer leads outside its file";
	value += pointee->address;
	memcpy(file->data + offset, &value, size);
	return NULL;
}

static const char *add_checksum(const struct tables *t, const uint8_t *name)
{
	const struct tables_file *file = find(t, name);
	uint32_t offset = load32(name + FWCFG_NAME_SIZE);
	uint32_t start = load32(name + FWCFG_NAME_SIZE + 4);
	uint32_t length = load32(name + FWCFG_NAME_SIZE + 8), i;
	uint8_t sum = 0;

	if (!file || !inside(offset, 1, file->size) || !inside(start, length, file->size))
		return "ACPI: a checksum is outside its file";
	for (i = 0; i < length; i++)
		sum = (uint8_t)(sum + file->data[start + i]);
	file->data[offset] = (uint8_t)(file->data[offset] - sum);
	return NULL;
}

static const char *write_pointer(const struct tables *t, const uint8_t *name)
{
	const struct tables_file *pointee = find(t, name + FWCFG_NAME_SIZE);
	uint32_t offset = load32(name + 2 * FWCFG_NAME_SIZE);
	uint32_t inner = load32(name + 2 * FWCFG_NAME_SIZE + 4);
	uint8_t size = name[2 * FWCFG_NAME_SIZE + 8];
	struct fwcfg_file file;
	uint64_t value;

	if (!good_name(name) || !fwcfg_find((const char *)name, &file) || !pointee ||
	    !good_size(size) || !inside(offset, size, file.size) || inner >= pointee->size)
		return "ACPI: a pointer for the host is outside its file";
	value = pointee->address + inner;
	if (!fits(value, size) || !fwcfg_write(file.key, offset, &value, size))
		return "ACPI: a pointer for the host cannot be written";
	return NULL;
}

static const char *run(struct tables *t, const uint8_t *command)
{
	switch (load32(command)) {
	case PADDING:
		return NULL;
	case ALLOCATE:
		return allocate(t, command + 4);
	case ADD_POINTER:
		return add_pointer(t, command + 4);
	case ADD_CHECKSUM:
		return add_checksum(t, command + 4);
	case WRITE_POINTER:
		return write_pointer(t, command + 4);
	}
	return "ACPI: the script has an unknown command";
}

const char *tables_run(struct tables *t, const uint8_t *script, uint32_t size)
{
	const char *wrong = NULL;

	t->used = 0;
	t->count = 0;
	if (size % TABLES_COMMAND)
		return "ACPI: the script has a wrong length";
	for (; size && !wrong; script += TABLES_COMMAND, size -= TABLES_COMMAND)
		wrong = run(t, script);
	return wrong;
}

uint64_t tables_address(const struct tables *t, const char *name)
{
	unsigned int i;

	for (i = 0; i < t->count; i++)
		if (fwcfg_same_name(t->file[i].name, name))
			return t->file[i].address;
	return 0;
}
