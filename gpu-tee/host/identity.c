// SPDX-License-Identifier: Apache-2.0
#include "identity.h"

#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct hg_fp_member_kind hg_fp_members[] = { { "cl.device_version", HG_FP_SOFTWARE },
						   { "cl.driver", HG_FP_SOFTWARE },
						   { "cl.driver_uuid", HG_FP_SOFTWARE },
						   { "cl.extensions", HG_FP_SOFTWARE },
						   { "cl.group_size", HG_FP_STABLE },
						   { "cl.local_memory", HG_FP_STABLE },
						   { "cl.luid", HG_FP_PLACEMENT },
						   { "cl.memory", HG_FP_STABLE },
						   { "cl.name", HG_FP_STABLE },
						   { "cl.platform", HG_FP_SOFTWARE },
						   { "cl.units", HG_FP_STABLE },
						   { "cl.uuid", HG_FP_STABLE },
						   { "cl.vendor", HG_FP_STABLE },
						   { "cl.vendor_id", HG_FP_STABLE },
						   { "pci.address", HG_FP_PLACEMENT },
						   { "pci.class", HG_FP_STABLE },
						   { "pci.device", HG_FP_STABLE },
						   { "pci.link", HG_FP_PLACEMENT },
						   { "pci.revision", HG_FP_STABLE },
						   { "pci.rom", HG_FP_STABLE },
						   { "pci.serial", HG_FP_STABLE },
						   { "pci.subsystem", HG_FP_STABLE },
						   { "pci.vendor", HG_FP_STABLE },
						   { "pci.vpd.name", HG_FP_STABLE },
						   { "pci.vpd.part", HG_FP_STABLE },
						   { "pci.vpd.serial", HG_FP_STABLE },
						   { "simulated.model", HG_FP_STABLE },
						   { "simulated.serial", HG_FP_STABLE },
						   { NULL, HG_FP_STABLE } };

int hg_fp_member(const char *name)
{
	for (int i = 0; hg_fp_members[i].name; i++)
		if (!strcmp(hg_fp_members[i].name, name))
			return i;
	return -1;
}

const char *hg_fp_class_name(enum hg_fp_class class)
{
	static const char *const names[] = { "stable", "software", "placement" };

	return names[class];
}

const char *hg_fp_get(const struct hg_fp_identity *id, const char *name)
{
	int i = hg_fp_member(name);

	return i < 0 ? "" : id->value[i];
}

void hg_fp_set(struct hg_fp_identity *id, const char *name, const char *fmt, ...)
{
	int i = hg_fp_member(name);
	va_list ap;

	if (i < 0)
		return;
	va_start(ap, fmt);
	vsnprintf(id->value[i], HG_FP_VALUE_MAX, fmt, ap);
	va_end(ap);
	for (char *p = id->value[i]; *p; p++)
		if (*p < 0x20 || *p > 0x7e)
			*p = '?';
}

static json_t *members_json(const struct hg_fp_identity *id, bool stable_only)
{
	json_t *obj = json_object();

	for (int i = 0; obj && hg_fp_members[i].name; i++) {
		if (!id->value[i][0] || (stable_only && hg_fp_members[i].class != HG_FP_STABLE))
			continue;
		if (json_object_set_new(obj, hg_fp_members[i].name, json_string(id->value[i]))) {
			json_decref(obj);
			return NULL;
		}
	}
	return obj;
}

json_t *hg_fp_identity_json(const struct hg_fp_identity *id)
{
	return members_json(id, false);
}

static bool is_printable(const char *text)
{
	for (; *text; text++)
		if (*text < 0x20 || *text > 0x7e)
			return false;
	return true;
}

int hg_fp_identity_parse(const json_t *obj, struct hg_fp_identity *id, struct hg_gpu_error *err)
{
	const char *key;
	json_t *value;

	memset(id, 0, sizeof(*id));
	if (!json_is_object(obj) || !json_object_size(obj))
		return hg_gpu_fail(err, HG_GPU_E_ARGUMENT,
				   "\"identity\" is not an object with members");
	json_object_foreach((json_t *)obj, key, value) {
		int i = hg_fp_member(key);
		const char *text = json_string_value(value);

		if (i < 0)
			return hg_gpu_fail(err, HG_GPU_E_ARGUMENT,
					   "\"identity\": unknown member \"%.40s\"", key);
		if (!text || !*text || json_string_length(value) != strlen(text) ||
		    strlen(text) >= HG_FP_VALUE_MAX || !is_printable(text))
			return hg_gpu_fail(
				err, HG_GPU_E_ARGUMENT,
				"\"identity\": \"%s\" is not a text of 1 to %d printable characters",
				key, HG_FP_VALUE_MAX - 1);
		memcpy(id->value[i], text, strlen(text) + 1);
	}
	return 0;
}

int hg_fp_identity_hash(const struct hg_fp_identity *id, uint8_t hash[32], struct hg_gpu_error *err)
{
	json_t *obj = members_json(id, true);
	char *text = obj ? json_dumps(obj, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	int ok = text && EVP_Digest(text, strlen(text), hash, NULL, EVP_sha256(), NULL) == 1;

	if (!text)
		hg_gpu_no_memory(err);
	else if (!ok)
		hg_gpu_fail_crypto(err, "cannot hash the identity");
	free(text);
	json_decref(obj);
	return ok ? 0 : -1;
}
