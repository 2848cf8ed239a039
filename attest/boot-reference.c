// SPDX-License-Identifier: Apache-2.0
/*
 * Reference values of a boot, from the files that are booted: the kernel as
 * UEFI measures it, and what the kernel's EFI stub measures. Firmware is in no
 * such file; what it measured of itself is taken from a log.
 */
#include <stdlib.h>

#include "boot.h"
#include "bytes.h"
#include "error.h"
#include "json.h"
#include "pe.h"

#define EV_EFI_VARIABLE_DRIVER_CONFIG 0x80000001u
#define EV_EFI_VARIABLE_AUTHORITY     0x800000e0u
#define EV_SEPARATOR		      0x4u

/* The firmware's own PCRs. 4 and 5 are of what it starts, and of the disks. */
#define FIRMWARE_PCRS (1u << 0 | 1u << 1 | 1u << 2 | 1u << 3 | 1u << 6 | 1u << 7)

static const char *const bank_names[] = { "sha256", "sha384" };

static json_t *new_event(json_t *events, uint32_t pcr, const char *name)
{
	json_t *e = json_pack("{s:i, s:s}", "pcr", (int)pcr, "event", name);

	if (!e || json_array_append_new(events, e))
		return NULL;
	return e;
}

static int add_file(json_t *events, uint32_t pcr, const char *name, const uint8_t *data,
		    size_t size, struct att_error *err)
{
	json_t *e = new_event(events, pcr, name);
	uint8_t digest[ATT_HASH_MAX];
	size_t i;

	if (!e)
		return att_no_memory(err);
	for (i = 0; i < ARRAY_SIZE(bank_names); i++) {
		const struct att_alg *bank = att_alg_by_name(bank_names[i]);

		if (att_hash(bank, data, size, digest))
			return att_fail_crypto(err, bank->name);
		if (att_json_set_hex(e, bank->name, digest, bank->size))
			return att_no_memory(err);
	}
	return 0;
}

static int add_kernel(json_t *events, const struct att_bytes *kernel, struct att_error *err)
{
	struct att_bytes measured = { 0 };
	int ret;

	if (att_pe_measured(kernel->data, kernel->size, &measured, err))
		return att_prefix(err, "kernel");
	ret = add_file(events, 4, "kernel", measured.data, measured.size, err);
	att_bytes_free(&measured);
	return ret;
}

/* UEFI hands a command line over as UTF-16, with a zero at its end that is measured, too. */
static int add_append(json_t *events, const char *append, struct att_error *err)
{
	size_t n = strlen(append), i;
	uint8_t *wide;
	int ret;

	for (i = 0; i < n; i++)
		if (append[i] < 0x20 || append[i] > 0x7e)
			return att_fail(err, ATT_E_FORMAT,
					"command line: byte %zu is no printable ASCII", i + 1);
	wide = calloc(n + 1, 2);
	if (!wide)
		return att_no_memory(err);
	for (i = 0; i < n; i++)
		wide[2 * i] = (uint8_t)append[i];
	ret = add_file(events, 9, "command-line", wide, (n + 1) * 2, err);
	free(wide);
	return ret;
}

static int add_entry(json_t *boot, const char *name, json_t **events, struct att_error *err)
{
	json_t *entry;

	if (!name || !*name || strlen(name) > 32)
		return att_fail(err, ATT_E_FORMAT, "the name of a boot has 1 to 32 bytes");
	*events = json_array();
	entry = json_pack("{s:s, s:o}", "name", name, "events", *events);
	if (!entry || json_array_append_new(boot, entry))
		return att_no_memory(err);
	return 0;
}

/* In the order in which they are measured. */
static int add_boot(json_t *boot, const struct att_boot_files *f, struct att_error *err)
{
	json_t *events;

	if (!f->kernel.data && !f->append && !f->initrd.data)
		return 0;
	if (!f->kernel.data)
		return att_fail(err, ATT_E_FORMAT,
				"a command line or an initrd without a kernel that takes it");
	if (add_entry(boot, f->name, &events, err) || add_kernel(events, &f->kernel, err) ||
	    (f->append && add_append(events, f->append, err)))
		return -1;
	if (!f->initrd.data)
		return 0;
	return add_file(events, 9, "initrd", f->initrd.data, f->initrd.size, err);
}

/* "variable SecureBoot": the name in the data of an event of a UEFI variable's. */
static void variable_name(const struct att_event *e, char to[33])
{
	struct att_reader r = { e->data, e->size, false };
	char text[24];
	uint64_t n, i;

	att_read(&r, 16);
	n = att_read_u64(&r);
	att_read_u64(&r);
	for (i = 0; i < n && i < sizeof(text) - 1; i++) {
		uint16_t c = att_read_u16(&r);

		text[i] = (char)(c > 0x20 && c < 0x7f ? c : '?');
	}
	text[i] = '\0';
	snprintf(to, 33, "variable %s", r.bad || !i ? "?" : text);
}

static void event_name(const struct att_event *e, char to[33])
{
	const char *type = att_event_type(e->type);

	if (e->type == EV_EFI_VARIABLE_DRIVER_CONFIG || e->type == EV_EFI_VARIABLE_AUTHORITY)
		variable_name(e, to);
	else if (type)
		snprintf(to, 33, "%s", type + (strncmp(type, "EV_EFI_", 7) ? 3 : 7));
	else
		snprintf(to, 33, "type 0x%x", e->type);
}

static bool is_separator(const struct att_log *log, const struct att_event *e)
{
	uint8_t zeros[ATT_HASH_MAX];
	unsigned int b;

	for (b = 0; b < log->banks; b++)
		if (log->bank[b].alg && (att_hash(log->bank[b].alg, "\0\0\0\0", 4, zeros) ||
					 memcmp(zeros, e->digest[b], log->bank[b].size)))
			return false;
	return true;
}

static int add_logged(json_t *events, const struct att_log *log, const struct att_event *e,
		      struct att_error *err)
{
	bool separator = is_separator(log, e);
	char name[33] = "separator";
	unsigned int b, digests = 0;
	json_t *to;

	if (!separator)
		event_name(e, name);
	to = new_event(events, e->pcr, name);
	if (!to)
		return att_no_memory(err);
	for (b = 0; b < log->banks && !separator && digests < ATT_BOOT_BANKS; b++) {
		const struct att_alg *alg = log->bank[b].alg;

		if (!alg || alg->size < 32)
			continue;
		if (att_json_set_hex(to, alg->name, e->digest[b], alg->size))
			return att_no_memory(err);
		digests++;
	}
	if (!separator && !digests)
		return att_fail(err, ATT_E_FORMAT, "the log has no bank but SHA-1");
	return 0;
}

static int add_firmware(json_t *boot, const struct att_boot_files *f, struct att_error *err)
{
	struct att_log log;
	json_t *events;
	size_t i;
	int ret;

	if (!f->firmware_log.data)
		return 0;
	if (att_log_parse(f->firmware_log.data, f->firmware_log.size, &log, err))
		return att_prefix(err, "firmware's log");
	ret = add_entry(boot, f->firmware_name, &events, err);
	for (i = 0; !ret && i < log.count; i++)
		if (log.event[i].pcr < 8 && FIRMWARE_PCRS >> log.event[i].pcr & 1 &&
		    log.event[i].type != EV_NO_ACTION)
			ret = add_logged(events, &log, &log.event[i], err);
	att_log_free(&log);
	if (!ret && !json_array_size(events))
		return att_fail(err, ATT_E_FORMAT, "firmware's log: no events of the firmware");
	return ret ? att_prefix(err, "firmware's log") : 0;
}

int att_boot_reference(const struct att_boot_files *files, struct att_bytes *json,
		       struct att_error *err)
{
	json_t *boot = json_array(), *top;

	top = json_pack("{s:i, s:s, s:o}", "version", 1, "type", "hypergpu-reference-values",
			"boot", boot);
	if (!top)
		return att_no_memory(err);
	if (add_boot(boot, files, err) || add_firmware(boot, files, err)) {
		json_decref(top);
		return -1;
	}
	if (!json_array_size(boot)) {
		json_decref(top);
		return att_fail(err, ATT_E_FORMAT, "neither a kernel nor a firmware's log");
	}
	return att_bytes_take_string(json, att_json_text(top)) ? att_no_memory(err) : 0;
}
