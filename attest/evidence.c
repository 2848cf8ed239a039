// SPDX-License-Identifier: Apache-2.0
#include "evidence.h"

#include <stdlib.h>

#include "bytes.h"
#include "error.h"
#include "json.h"
#include "quote.h"
#include "report.h"

#define CERT_MAX 8192u
#define KEY_MAX	 4096u

static const char *const top_members[] = { "version", "type",	"trust_root", "tpm", "boot_log",
					   "l0_log",  "report", "cvm_key",    NULL };
static const char *const tpm_members[] = { "ak_public", "ak_tpm_public", "ek_certificate",
					   "tpm_quote", NULL };
static const char *const quote_members[] = { "signature", "message", "pcrs", NULL };

static int parse_pcrs(const json_t *list, struct att_evidence *ev, struct att_error *err)
{
	size_t i;

	if (!json_is_array(list) || !json_array_size(list) || json_array_size(list) > ATT_PCRS)
		return att_fail(err, ATT_E_FORMAT, "\"pcrs\" is not a list of 1 to %u values",
				ATT_PCRS);
	for (i = 0; i < json_array_size(list); i++) {
		const char *text = json_string_value(json_array_get(list, i));
		int size = text ? att_unhex(text, ev->pcr[i], ATT_HASH_MAX) : -1;

		if (size <= 0)
			return att_fail(err, ATT_E_FORMAT, "\"pcrs\": value %zu is not hexadecimal",
					i);
		ev->pcr_size[i] = (size_t)size;
	}
	ev->pcrs = (unsigned int)i;
	return 0;
}

static int parse_quote(const json_t *quote, struct att_evidence *ev, struct att_error *err)
{
	return att_json_only(quote, quote_members, "\"tpm_quote\"", err) ||
			       att_json_bytes(quote, "signature", ATT_QUOTE_MAX, true,
					      &ev->signature, err) ||
			       att_json_bytes(quote, "message", ATT_QUOTE_MAX, true, &ev->message,
					      err) ||
			       parse_pcrs(json_object_get(quote, "pcrs"), ev, err)
		       ? -1
		       : 0;
}

static int parse_tpm(const json_t *tpm, struct att_evidence *ev, struct att_error *err)
{
	return att_json_only(tpm, tpm_members, "\"tpm\"", err) ||
			       att_json_bytes(tpm, "ak_public", KEY_MAX, true, &ev->ak_public,
					      err) ||
			       att_json_bytes(tpm, "ak_tpm_public", KEY_MAX, true,
					      &ev->ak_tpm_public, err) ||
			       att_json_bytes(tpm, "ek_certificate", CERT_MAX, false,
					      &ev->ek_certificate, err) ||
			       parse_quote(json_object_get(tpm, "tpm_quote"), ev, err)
		       ? -1
		       : 0;
}

static int parse_trust_root(const json_t *top, struct att_evidence *ev, struct att_error *err)
{
	const char *type, *root;

	if (att_json_string(top, "type", true, &type, err) ||
	    att_json_string(top, "trust_root", true, &root, err))
		return -1;
	if (strcmp(type, "hypergpu-evidence"))
		return att_fail(err, ATT_E_FORMAT, "\"type\" is not \"hypergpu-evidence\"");
	ev->software = !strcmp(root, "software");
	if (!ev->software && strcmp(root, "tpm"))
		return att_fail(err, ATT_E_FORMAT,
				"\"trust_root\" is neither \"tpm\" nor \"software\"");
	return 0;
}

static int parse_top(const json_t *top, struct att_evidence *ev, struct att_error *err)
{
	if (att_json_only(top, top_members, "evidence", err) ||
	    att_json_version(top, "evidence", err) || parse_trust_root(top, ev, err) ||
	    parse_tpm(json_object_get(top, "tpm"), ev, err) ||
	    att_json_bytes(top, "boot_log", ATT_LOG_MAX, false, &ev->boot_log, err) ||
	    att_json_bytes(top, "l0_log", ATT_LOG_MAX, false, &ev->l0_log, err) ||
	    att_json_bytes(top, "report", ATT_REPORT_MAX, false, &ev->report, err) ||
	    att_json_bytes(top, "cvm_key", KEY_MAX, false, &ev->cvm_key, err))
		return -1;
	if (!ev->report.size != !ev->cvm_key.size)
		return att_fail(err, ATT_E_FORMAT,
				"\"report\" and \"cvm_key\" come together or not at all");
	return 0;
}

struct att_evidence *att_evidence_from(const json_t *top, struct att_error *err)
{
	struct att_evidence *ev = calloc(1, sizeof(*ev));

	if (!ev) {
		att_no_memory(err);
	} else if (parse_top(top, ev, err)) {
		att_evidence_free(ev);
		ev = NULL;
	}
	return ev;
}

struct att_evidence *att_evidence_parse(const char *text, size_t size, struct att_error *err)
{
	json_t *top = att_json_parse(text, size, ATT_EVIDENCE_MAX, err);
	struct att_evidence *ev = top ? att_evidence_from(top, err) : NULL;

	json_decref(top);
	return ev;
}

void att_evidence_free(struct att_evidence *ev)
{
	if (!ev)
		return;
	att_bytes_free(&ev->ak_public);
	att_bytes_free(&ev->ak_tpm_public);
	att_bytes_free(&ev->ek_certificate);
	att_bytes_free(&ev->signature);
	att_bytes_free(&ev->message);
	att_bytes_free(&ev->boot_log);
	att_bytes_free(&ev->l0_log);
	att_bytes_free(&ev->report);
	att_bytes_free(&ev->cvm_key);
	free(ev);
}

static json_t *dump_quote(const struct att_evidence *ev)
{
	json_t *quote = json_object(), *list = json_array();
	char text[2 * ATT_HASH_MAX + 1];
	unsigned int i;
	int bad = 0;

	for (i = 0; i < ev->pcrs; i++) {
		att_hex(ev->pcr[i], ev->pcr_size[i], text);
		bad |= json_array_append_new(list, json_string(text));
	}
	bad |= att_json_set_bytes(quote, "signature", &ev->signature);
	bad |= att_json_set_bytes(quote, "message", &ev->message);
	bad |= json_object_set_new(quote, "pcrs", list);
	if (!bad)
		return quote;
	json_decref(quote);
	return NULL;
}

static json_t *dump_tpm(const struct att_evidence *ev)
{
	json_t *tpm = json_object();
	int bad = att_json_set_bytes(tpm, "ak_public", &ev->ak_public);

	bad |= att_json_set_bytes(tpm, "ak_tpm_public", &ev->ak_tpm_public);
	bad |= att_json_set_bytes(tpm, "ek_certificate", &ev->ek_certificate);
	bad |= json_object_set_new(tpm, "tpm_quote", dump_quote(ev));
	if (!bad)
		return tpm;
	json_decref(tpm);
	return NULL;
}

char *att_evidence_dump(const struct att_evidence *ev)
{
	json_t *top = json_object();
	int bad = json_object_set_new(top, "version", json_integer(1));

	bad |= json_object_set_new(top, "type", json_string("hypergpu-evidence"));
	bad |= json_object_set_new(top, "trust_root",
				   json_string(ev->software ? "software" : "tpm"));
	bad |= json_object_set_new(top, "tpm", dump_tpm(ev));
	bad |= att_json_set_bytes(top, "boot_log", &ev->boot_log);
	bad |= att_json_set_bytes(top, "l0_log", &ev->l0_log);
	bad |= att_json_set_bytes(top, "report", &ev->report);
	bad |= att_json_set_bytes(top, "cvm_key", &ev->cvm_key);
	if (!bad)
		return att_json_text(top);
	json_decref(top);
	return NULL;
}
