// SPDX-License-Identifier: Apache-2.0
#include "l0.h"

#include "bytes.h"
#include "error.h"

struct tagged {
	uint32_t id;
	struct att_reader r;
};

/* The digests are of the whole structure, so what the PCR has covers each byte. */
static int check_digests(const struct att_log *log, const struct att_event *e,
			 struct att_error *err)
{
	uint8_t digest[ATT_HASH_MAX];
	unsigned int b;

	for (b = 0; b < log->banks; b++) {
		const struct att_alg *alg = log->bank[b].alg;

		if (!alg)
			continue;
		if (att_hash(alg, e->data, e->size, digest))
			return att_fail_crypto(err, alg->name);
		if (memcmp(digest, e->digest[b], alg->size))
			return att_fail(err, ATT_E_REFUSED,
					"the %s digest is not that of the event's data", alg->name);
	}
	return 0;
}

static int open_tagged(const struct att_log *log, const struct att_event *e, struct tagged *t,
		       struct att_error *err)
{
	uint32_t size;

	if (e->pcr != ATT_L0_PCR)
		return att_fail(err, ATT_E_REFUSED, "an event of PCR %u, L0 measures into PCR %u",
				e->pcr, ATT_L0_PCR);
	if (e->type != EV_EVENT_TAG)
		return att_fail(err, ATT_E_REFUSED,
				"an event of type 0x%x, L0's are tagged events (6)", e->type);
	if (check_digests(log, e, err))
		return -1;
	t->r = (struct att_reader){ e->data, e->size, false };
	t->id = att_read_u32(&t->r);
	size = att_read_u32(&t->r);
	if (t->r.bad || size != t->r.left)
		return att_fail(err, ATT_E_FORMAT,
				"a tagged event whose size is not that of its data");
	return 0;
}

static int end(const struct att_reader *r, const char *what, struct att_error *err)
{
	if (r->bad || r->left)
		return att_fail(err, ATT_E_FORMAT, "%s: not of the size it should be", what);
	return 0;
}

static int parse_l0(struct tagged *t, struct att_l0 *l0, struct att_error *err)
{
	uint32_t version = att_read_u32(&t->r);

	if (!t->r.bad && version != 1)
		return att_fail(err, ATT_E_FORMAT, "L0 event: version %u, known is 1", version);
	if (att_read_text(&t->r, l0->version))
		return att_fail(err, ATT_E_FORMAT,
				"L0 event: the version is not text padded with zeros");
	att_read_copy(&t->r, l0->build_id, sizeof(l0->build_id));
	if (att_read_text(&t->r, l0->srcversion))
		return att_fail(err, ATT_E_FORMAT,
				"L0 event: srcversion is not text padded with zeros");
	return end(&t->r, "L0 event", err);
}

static int parse_key(struct tagged *t, struct att_l0 *l0, struct att_error *err)
{
	uint32_t version = att_read_u32(&t->r), size;
	const uint8_t *key;

	if (!t->r.bad && version != 1)
		return att_fail(err, ATT_E_FORMAT, "report key event: version %u, known is 1",
				version);
	l0->sig_alg = att_read_u32(&t->r);
	att_read_copy(&t->r, l0->boot_id, sizeof(l0->boot_id));
	size = att_read_u32(&t->r);
	if (t->r.bad || !att_sig_size(l0->sig_alg) || size != att_sig_size(l0->sig_alg))
		return att_fail(
			err, ATT_E_FORMAT,
			"report key event: a key of %u bytes does not fit signature algorithm %u",
			size, l0->sig_alg);
	key = att_read(&t->r, size);
	if (key)
		memcpy(l0->key, key, size);
	l0->key_size = size;
	return end(&t->r, "report key event", err);
}

static int refuse(uint32_t id, size_t index, struct att_error *err)
{
	if (id == ATT_TAG_UNLOADED)
		return att_fail(
			err, ATT_E_REFUSED,
			"hypergpu.ko was unloaded: its report key is gone, a reboot is needed");
	if (index >= 2 && (id == ATT_TAG_L0 || id == ATT_TAG_REPORT_KEY))
		return att_fail(
			err, ATT_E_REFUSED,
			"hypergpu.ko was loaded a second time since boot: a reboot is needed");
	if (index < 2 && (id == ATT_TAG_L0 || id == ATT_TAG_REPORT_KEY))
		return att_fail(
			err, ATT_E_REFUSED,
			"tag 0x%x out of order: L0's event comes first, then the report key's", id);
	return att_fail(err, ATT_E_REFUSED, "tag 0x%x is none of L0's", id);
}

int att_l0_parse(const struct att_log *log, struct att_l0 *l0, struct att_error *err)
{
	static const uint32_t want[] = { ATT_TAG_L0, ATT_TAG_REPORT_KEY };
	struct tagged t = { 0 };
	char at[40];
	size_t i;
	int ret;

	memset(l0, 0, sizeof(*l0));
	for (i = 0; i < log->count; i++) {
		snprintf(at, sizeof(at), "event %zu", i + 1);
		if (open_tagged(log, &log->event[i], &t, err))
			return att_prefix(err, at);
		if (i >= ARRAY_SIZE(want) || t.id != want[i])
			ret = refuse(t.id, i, err);
		else
			ret = i ? parse_key(&t, l0, err) : parse_l0(&t, l0, err);
		if (ret)
			return att_prefix(err, at);
	}
	if (log->count < ARRAY_SIZE(want))
		return att_fail(err, ATT_E_REFUSED, "%s event is missing",
				log->count ? "the report key's" : "L0's");
	return 0;
}
