// SPDX-License-Identifier: Apache-2.0
/*
 * What is understood is what is written here, and all else is refused by name: a reference value
 * that was skipped would be one that a tenant believes in.
 */
#include "corim.h"

#include <stdlib.h>

#include "alg.h"
#include "cbor.h"
#include "error.h"
#include "json.h"
#include "policy.h"

#define TAG_CORIM 501u
#define TAG_COMID 506u
#define TAG_BYTES 560u
#define TAG_URI	  32u

/* Ours: how the values of a CVM's launch, which CoRIM knows no names of, are numbered. */
#define PROFILE "urn:uuid:7744c982-5640-426a-8296-a78386586970"
#define VENDOR	"HyperGPU"

enum { MVAL_VERSION = 0, MVAL_DIGESTS = 2, MVAL_RAW = 4, MVAL_NAME = 11, MVAL_REGISTERS = 14 };
enum { MVAL_POLICY = -1, MVAL_VCPUS = -2, MVAL_LEVELS = -3 };

/* Environments: the model of the class. */
static const char *const models[] = { "L0", "boot", "CVM" };
enum { MODEL_L0, MODEL_BOOT, MODEL_CVM };

/* Named Information hash numbers, and our name of one that has none. */
static const struct {
	int64_t number;
	const char *name;
} hashes[] = {
	{ 1, "sha256" },
	{ 7, "sha384" },
	{ 8, "sha512" },
	{ 0, "sm3_256" },
};

/* ---- Reading ---- */

struct walk {
	struct att_reader r;
	struct att_error *err;
	json_t *pcrs, *l0, *launch; /* what is read */
	int model; /* of the triple; -1: not known yet */
	json_t *entry; /* of l0 or launch */
};

static int bad(struct walk *w, const char *what)
{
	return att_fail(w->err, ATT_E_FORMAT,
			"CoRIM: %s: not what it should be, or not in CBOR's deterministic encoding",
			what);
}

static int unknown(struct walk *w, const char *what, int64_t key)
{
	return att_fail(w->err, ATT_E_UNSUPPORTED, "CoRIM: %s: key %lld is not understood", what,
			(long long)key);
}

/* A map, not empty, whose keys @member knows. */
typedef int read_member(struct walk *w, int64_t key);

static int read_map(struct walk *w, const char *what, read_member *member)
{
	size_t count = att_cbor_read_map(&w->r);
	struct att_cbor_keys keys = { 0 };

	if (w->r.bad || !count)
		return bad(w, what);
	while (count--) {
		int64_t key = att_cbor_read_key(&w->r, &keys);

		if (w->r.bad)
			return bad(w, what);
		if (member(w, key))
			return -1;
		if (w->r.bad)
			return bad(w, what);
	}
	return 0;
}

static int expect_text(struct walk *w, const char *what, const char *want)
{
	char text[80];

	if (!att_cbor_read_text(&w->r, text, sizeof(text)))
		return bad(w, what);
	if (strcmp(text, want))
		return att_fail(w->err, ATT_E_UNSUPPORTED, "CoRIM: %s is '%s', known is '%s'", what,
				text, want);
	return 0;
}

static const char *read_hash(struct walk *w)
{
	char text[16] = "";
	int64_t number = 0;
	size_t i;

	if (att_cbor_peek(&w->r) == ATT_CBOR_TEXT)
		att_cbor_read_text(&w->r, text, sizeof(text));
	else
		number = att_cbor_read_int(&w->r);
	for (i = 0; i < ARRAY_SIZE(hashes) && !w->r.bad; i++)
		if (number ? hashes[i].number == number
			   : !hashes[i].number && !strcmp(hashes[i].name, text))
			return hashes[i].name;
	w->r.bad = true;
	return NULL;
}

static json_t *read_hex(struct walk *w)
{
	char hex[2 * ATT_HASH_MAX + 1];
	size_t size;
	const uint8_t *p = att_cbor_read_bytes(&w->r, &size);

	if (!p || !size || size > ATT_HASH_MAX) {
		w->r.bad = true;
		return NULL;
	}
	att_hex(p, size, hex);
	return json_string(hex);
}

/* [ algorithm, digest ] */
static json_t *read_digest(struct walk *w, const char **hash)
{
	if (att_cbor_read_array(&w->r) != 2)
		w->r.bad = true;
	*hash = read_hash(w);
	return read_hex(w);
}

static json_t *child(json_t *obj, const char *name, json_t *fresh)
{
	json_t *found = json_object_get(obj, name);

	if (found) {
		json_decref(fresh);
		return found;
	}
	return json_object_set_new(obj, name, fresh) ? NULL : fresh;
}

/* The registers of one measurement: PCR by PCR. */
static int read_register(struct walk *w, int64_t pcr)
{
	size_t count = att_cbor_read_array(&w->r);
	char number[24];

	if (pcr < 0 || pcr >= ATT_PCRS || !count)
		return bad(w, "integrity-registers");
	snprintf(number, sizeof(number), "%d", (int)pcr);
	while (count--) {
		const char *hash = NULL;
		json_t *value = read_digest(w, &hash), *bank, *list;

		bank = value && hash ? child(w->pcrs, hash, json_object()) : NULL;
		list = bank ? child(bank, number, json_array()) : NULL;
		if (!list || json_array_append(list, value)) {
			json_decref(value);
			return bad(w, "integrity-registers");
		}
		json_decref(value);
	}
	return 0;
}

static int set(struct walk *w, const char *name, json_t *value)
{
	return !value || json_object_set_new(w->entry, name, value) ? bad(w, name) : 0;
}

static int set_text(struct walk *w, const char *name)
{
	char text[80];

	return att_cbor_read_text(&w->r, text, sizeof(text)) ? set(w, name, json_string(text))
							     : bad(w, name);
}

static int read_version(struct walk *w, int64_t key)
{
	return key ? unknown(w, "version-map", key) : set_text(w, "version");
}

static int read_l0_value(struct walk *w, int64_t key)
{
	switch (key) {
	case MVAL_VERSION:
		return read_map(w, "version-map", read_version);
	case MVAL_RAW:
		att_cbor_read_tag(&w->r, TAG_BYTES);
		return set(w, "build_id", read_hex(w));
	case MVAL_NAME:
		return set_text(w, "srcversion");
	default:
		return unknown(w, "L0's measurement values", key);
	}
}

static int read_boot_value(struct walk *w, int64_t key)
{
	return key == MVAL_REGISTERS ? read_map(w, "integrity-registers", read_register)
				     : unknown(w, "the boot's measurement values", key);
}

static int read_levels(struct walk *w)
{
	size_t count = att_cbor_read_array(&w->r);
	json_t *levels = json_array();
	int failed = 0;

	while (count-- && !w->r.bad)
		failed |= json_array_append_new(levels,
						json_integer((json_int_t)att_cbor_read_int(&w->r)));
	if (!failed && !w->r.bad)
		return set(w, "levels", levels);
	json_decref(levels);
	return bad(w, "levels");
}

static int read_launch_digest(struct walk *w)
{
	const char *hash = NULL;
	json_t *value = NULL;

	if (att_cbor_read_array(&w->r) == 1)
		value = read_digest(w, &hash);
	if (value && hash && !strcmp(hash, "sha256"))
		return set(w, "digest", value);
	json_decref(value);
	return bad(w, "digests of a launch: one of SHA-256");
}

static int read_cvm_value(struct walk *w, int64_t key)
{
	switch (key) {
	case MVAL_DIGESTS:
		return read_launch_digest(w);
	case MVAL_POLICY:
		return set(w, "policy", json_integer(att_cbor_read_int(&w->r)));
	case MVAL_VCPUS:
		return set(w, "vcpus", json_integer(att_cbor_read_int(&w->r)));
	case MVAL_LEVELS:
		return read_levels(w);
	default:
		return unknown(w, "a launch's measurement values", key);
	}
}

static int read_measurement(struct walk *w, int64_t key)
{
	static read_member *const readers[] = { read_l0_value, read_boot_value, read_cvm_value };

	return key == 1 ? read_map(w, "measurement-values-map", readers[w->model])
			: unknown(w, "measurement-map", key);
}

/* One measurement is one entry of the list that its environment stands for. */
static int read_entry(struct walk *w)
{
	json_t *list = w->model == MODEL_L0 ? w->l0 : w->model == MODEL_CVM ? w->launch : NULL;
	int ret;

	w->entry = json_object();
	ret = read_map(w, "measurement-map", read_measurement);
	if (!ret && list && json_array_append(list, w->entry))
		ret = att_no_memory(w->err);
	json_decref(w->entry);
	w->entry = NULL;
	return ret;
}

static int read_class(struct walk *w, int64_t key)
{
	char text[80];
	size_t i;

	if (key == 1)
		return expect_text(w, "vendor", VENDOR);
	if (key != 2)
		return unknown(w, "class-map", key);
	if (!att_cbor_read_text(&w->r, text, sizeof(text)))
		return bad(w, "model");
	for (i = 0; i < ARRAY_SIZE(models); i++)
		if (!strcmp(models[i], text))
			w->model = (int)i;
	return w->model < 0 ? att_fail(w->err, ATT_E_UNSUPPORTED,
				       "CoRIM: model '%s' is none of L0, boot and CVM", text)
			    : 0;
}

static int read_environment(struct walk *w, int64_t key)
{
	return key ? unknown(w, "environment-map", key) : read_map(w, "class-map", read_class);
}

static int read_reference_triple(struct walk *w)
{
	size_t count;

	w->model = -1;
	if (att_cbor_read_array(&w->r) != 2)
		return bad(w, "reference-triple-record");
	if (read_map(w, "environment-map", read_environment))
		return -1;
	if (w->model < 0)
		return bad(w, "class-map without a model");
	count = att_cbor_read_array(&w->r);
	if (!count)
		return bad(w, "measurements");
	while (count--)
		if (read_entry(w))
			return -1;
	return 0;
}

static int read_triples(struct walk *w, int64_t key)
{
	size_t count;

	if (key)
		return unknown(w, "triples-map", key);
	count = att_cbor_read_array(&w->r);
	if (!count)
		return bad(w, "reference-triples");
	while (count--)
		if (read_reference_triple(w))
			return -1;
	return 0;
}

/* Names and versions of CoMIDs: nothing here depends on them. */
static int read_identity(struct walk *w, int64_t key)
{
	char text[256];

	if (key == 0)
		return att_cbor_read_text(&w->r, text, sizeof(text)) ? 0 : bad(w, "tag-id");
	if (key != 1)
		return unknown(w, "tag-identity", key);
	att_cbor_read_uint(&w->r);
	return 0;
}

static int read_comid_member(struct walk *w, int64_t key)
{
	switch (key) {
	case 1:
		return read_map(w, "tag-identity", read_identity);
	case 4:
		return read_map(w, "triples-map", read_triples);
	default:
		return unknown(w, "concise-mid-tag", key);
	}
}

static int read_comid(struct walk *w)
{
	struct att_reader outer;
	const uint8_t *p;
	size_t size;
	int ret;

	att_cbor_read_tag(&w->r, TAG_COMID);
	p = att_cbor_read_bytes(&w->r, &size);
	if (!p)
		return bad(w, "a tag that is not a CoMID");
	outer = w->r;
	w->r = (struct att_reader){ p, size, false };
	ret = read_map(w, "concise-mid-tag", read_comid_member);
	if (!ret && w->r.left)
		ret = bad(w, "bytes behind a CoMID");
	w->r = outer;
	return ret;
}

static int read_corim_member(struct walk *w, int64_t key)
{
	char text[256];
	size_t count;

	switch (key) {
	case 0:
		return att_cbor_read_text(&w->r, text, sizeof(text)) ? 0 : bad(w, "id");
	case 1:
		count = att_cbor_read_array(&w->r);
		if (!count)
			return bad(w, "tags");
		while (count--)
			if (read_comid(w))
				return -1;
		return 0;
	case 3:
		att_cbor_read_tag(&w->r, TAG_URI);
		return expect_text(w, "profile", PROFILE);
	default:
		return unknown(w, "corim-map", key);
	}
}

json_t *att_corim_read(const uint8_t *data, size_t size, struct att_error *err)
{
	struct walk w = { .r = { data, size, false }, .err = err };
	json_t *top;
	int ret;

	if (size > ATT_CORIM_MAX) {
		att_fail(err, ATT_E_FORMAT, "CoRIM: larger than %u bytes", ATT_CORIM_MAX);
		return NULL;
	}
	w.pcrs = json_object();
	w.l0 = json_array();
	w.launch = json_array();
	att_cbor_read_tag(&w.r, TAG_CORIM);
	ret = w.r.bad ? bad(&w, "no unsigned CoRIM (tag 501)")
		      : read_map(&w, "corim-map", read_corim_member);
	if (!ret && w.r.left)
		ret = bad(&w, "bytes behind it");
	top = json_pack("{s:i, s:s, s:o, s:o, s:o}", "version", 1, "type",
			"hypergpu-reference-values", "pcrs", w.pcrs, "l0", w.l0, "launch",
			w.launch);
	if (!ret && top)
		return top;
	if (!ret)
		att_no_memory(err);
	json_decref(top);
	return NULL;
}

/* ---- Writing ---- */

static void put_key(struct att_cbor_out *o, int64_t key)
{
	att_cbor_put_int(o, key);
}

/* [ environment-map, [ @count measurements ... */
static void start_triple(struct att_cbor_out *o, int model, size_t count)
{
	att_cbor_put(o, ATT_CBOR_ARRAY, 2);
	att_cbor_put(o, ATT_CBOR_MAP, 1);
	put_key(o, 0);
	att_cbor_put(o, ATT_CBOR_MAP, 2);
	put_key(o, 1);
	att_cbor_put_text(o, VENDOR);
	put_key(o, 2);
	att_cbor_put_text(o, models[model]);
	att_cbor_put(o, ATT_CBOR_ARRAY, count);
}

/* { mval: { @count values ... */
static void start_measurement(struct att_cbor_out *o, size_t count)
{
	att_cbor_put(o, ATT_CBOR_MAP, 1);
	put_key(o, 1);
	att_cbor_put(o, ATT_CBOR_MAP, count);
}

static void put_l0(struct att_cbor_out *o, const struct att_ref_l0 *l0)
{
	size_t size = sizeof(l0->build_id);

	/* It is padded with zeros. */
	while (size > 1 && !l0->build_id[size - 1])
		size--;
	start_measurement(o, 3);
	put_key(o, MVAL_VERSION);
	att_cbor_put(o, ATT_CBOR_MAP, 1);
	put_key(o, 0);
	att_cbor_put_text(o, l0->version);
	put_key(o, MVAL_RAW);
	att_cbor_put(o, ATT_CBOR_TAG, TAG_BYTES);
	att_cbor_put_bytes(o, l0->build_id, size);
	put_key(o, MVAL_NAME);
	att_cbor_put_text(o, l0->srcversion);
}

static void put_digest(struct att_cbor_out *o, const char *hash, const uint8_t *value, size_t size)
{
	size_t i = 0;

	while (strcmp(hashes[i].name, hash))
		i++;
	att_cbor_put(o, ATT_CBOR_ARRAY, 2);
	if (hashes[i].number)
		att_cbor_put_int(o, hashes[i].number);
	else
		att_cbor_put_text(o, hashes[i].name);
	att_cbor_put_bytes(o, value, size);
}

static void put_launch(struct att_cbor_out *o, const struct att_ref_launch *l)
{
	uint32_t level, count = (uint32_t)__builtin_popcount(l->levels);

	start_measurement(o, 4);
	put_key(o, MVAL_DIGESTS);
	att_cbor_put(o, ATT_CBOR_ARRAY, 1);
	put_digest(o, "sha256", l->digest, sizeof(l->digest));
	put_key(o, MVAL_POLICY);
	att_cbor_put_int(o, l->policy);
	put_key(o, MVAL_VCPUS);
	att_cbor_put_int(o, l->vcpus);
	put_key(o, MVAL_LEVELS);
	att_cbor_put(o, ATT_CBOR_ARRAY, count);
	for (level = 0; level < 32; level++)
		if (l->levels >> level & 1)
			att_cbor_put_int(o, level);
}

/* A value's place among those of its PCR and bank: the first, another one, a third. */
static size_t rank(const struct att_policy *p, size_t index)
{
	size_t i, n = 0;

	for (i = 0; i < index; i++)
		n += p->pcr[i].pcr == p->pcr[index].pcr && p->pcr[i].bank == p->pcr[index].bank;
	return n;
}

/* Values of @pcr (or of any) with this rank; they are written if @o. */
static size_t registers(struct att_cbor_out *o, const struct att_policy *p, const size_t *ranks,
			size_t which, uint32_t pcr)
{
	size_t i, n = 0;

	for (i = 0; i < p->refs; i++) {
		if (ranks[i] != which || p->pcr[i].pcr != pcr)
			continue;
		if (o)
			put_digest(o, p->pcr[i].bank->name, p->pcr[i].value, p->pcr[i].bank->size);
		n++;
	}
	return n;
}

/* One measurement has one value of each PCR and bank: what else they may be is in others. */
static void put_boot(struct att_cbor_out *o, const struct att_policy *p, const size_t *ranks,
		     size_t which)
{
	size_t count = 0, n;
	uint32_t pcr;

	for (pcr = 0; pcr < ATT_PCRS; pcr++)
		count += registers(NULL, p, ranks, which, pcr) > 0;
	start_measurement(o, 1);
	put_key(o, MVAL_REGISTERS);
	att_cbor_put(o, ATT_CBOR_MAP, count);
	for (pcr = 0; pcr < ATT_PCRS; pcr++) {
		n = registers(NULL, p, ranks, which, pcr);
		if (!n)
			continue;
		att_cbor_put_int(o, pcr);
		att_cbor_put(o, ATT_CBOR_ARRAY, n);
		registers(o, p, ranks, which, pcr);
	}
}

static int put_boots(struct att_cbor_out *o, const struct att_policy *p, struct att_error *err)
{
	size_t *ranks, i, most = 0;

	if (!p->refs)
		return 0;
	ranks = calloc(p->refs, sizeof(*ranks));
	if (!ranks)
		return att_no_memory(err);
	for (i = 0; i < p->refs; i++) {
		ranks[i] = rank(p, i);
		most = ranks[i] > most ? ranks[i] : most;
	}
	start_triple(o, MODEL_BOOT, most + 1);
	for (i = 0; i <= most; i++)
		put_boot(o, p, ranks, i);
	free(ranks);
	return 0;
}

static int put_comid(struct att_cbor_out *o, const struct att_policy *p, struct att_error *err)
{
	size_t i;

	att_cbor_put(o, ATT_CBOR_MAP, 2);
	put_key(o, 1);
	att_cbor_put(o, ATT_CBOR_MAP, 1);
	put_key(o, 0);
	att_cbor_put_text(o, "hypergpu-reference-values");
	put_key(o, 4);
	att_cbor_put(o, ATT_CBOR_MAP, 1);
	put_key(o, 0);
	att_cbor_put(o, ATT_CBOR_ARRAY, !!p->l0s + !!p->refs + !!p->launches);
	if (p->l0s)
		start_triple(o, MODEL_L0, p->l0s);
	for (i = 0; i < p->l0s; i++)
		put_l0(o, &p->l0[i]);
	if (put_boots(o, p, err))
		return -1;
	if (p->launches)
		start_triple(o, MODEL_CVM, p->launches);
	for (i = 0; i < p->launches; i++)
		put_launch(o, &p->launch[i]);
	return 0;
}

/* A name that is another one for other contents. */
static int put_id(struct att_cbor_out *o, const struct att_bytes *contents)
{
	char id[65];
	uint8_t digest[32];

	if (att_sha256(contents->data, contents->size, digest))
		return -1;
	att_hex(digest, sizeof(digest), id);
	put_key(o, 0);
	att_cbor_put_text(o, id);
	return 0;
}

int att_corim_write(const struct att_policy *p, struct att_bytes *corim, struct att_error *err)
{
	struct att_cbor_out comid = { 0 }, o = { 0 };
	int ret;

	if (!p->l0s && !p->refs && !p->launches)
		return att_fail(err, ATT_E_REFUSED, "there are no reference values to write");
	ret = put_comid(&comid, p, err);
	att_cbor_put(&o, ATT_CBOR_TAG, TAG_CORIM);
	att_cbor_put(&o, ATT_CBOR_MAP, 3);
	if (!ret && !comid.bad && put_id(&o, &comid.bytes))
		ret = att_fail_crypto(err, "SHA-256");
	put_key(&o, 1);
	att_cbor_put(&o, ATT_CBOR_ARRAY, 1);
	att_cbor_put(&o, ATT_CBOR_TAG, TAG_COMID);
	att_cbor_put_inner(&o, &comid);
	put_key(&o, 3);
	att_cbor_put(&o, ATT_CBOR_TAG, TAG_URI);
	att_cbor_put_text(&o, PROFILE);
	if (!ret && o.bad)
		ret = att_no_memory(err);
	if (ret)
		att_bytes_free(&o.bytes);
	*corim = o.bytes;
	return ret;
}
