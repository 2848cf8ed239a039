// SPDX-License-Identifier: GPL-2.0-only
/*
 * See tpm_log.h.
 */
#define pr_fmt(fmt) "hypergpu: " fmt

#include <crypto/hash.h>
#include <crypto/hash_info.h>
#include <linux/err.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/tpm.h>

#include "sm3.h"
#include "tpm_log.h"

#define EV_NO_ACTION	3
#define EV_EVENT_TAG	6

/* A key event has 152 bytes at most, and digests; there are three events. */
#define LOG_SIZE	4096

struct bank {
	u16 alg_id;
	u16 size;
	struct crypto_shash *hash;	/* NULL: SM3, which is our own */
	u8 replayed[TPM2_MAX_DIGEST_SIZE];
};

static DEFINE_MUTEX(lock);	/* all of this */
static struct tpm_chip *chip;	/* NULL: not open, or a log without a TPM */
static u32 nr_banks;
static struct bank bank[TPM2_MAX_PCR_BANKS];
static u8 *record;		/* NULL: not open */
static size_t length;

/* ---- the log: little-endian ---- */

static void put(const void *bytes, size_t size)
{
	if (WARN_ON_ONCE(size > LOG_SIZE - length))
		return;
	memcpy(record + length, bytes, size);
	length += size;
}

static void put16(u16 value)
{
	__le16 bytes = cpu_to_le16(value);

	put(&bytes, sizeof(bytes));
}

static void put32(u32 value)
{
	__le32 bytes = cpu_to_le32(value);

	put(&bytes, sizeof(bytes));
}

/* What begins a log: which banks it has digests for. Not extended. */
static void put_spec_id(void)
{
	static const u8 no_digest[20];
	static const u8 spec[] = "Spec ID Event03\0"	/* platform class, client: 4 bytes */
				 "\0\0\0\0" "\0\2\0"	/* version 2.0, errata 0 */
				 "\2";			/* UINTN has 64 bits */
	u32 i;

	put32(0);
	put32(EV_NO_ACTION);
	put(no_digest, sizeof(no_digest));
	put32(sizeof(spec) - 1 + 4 + 4 * nr_banks + 1);
	put(spec, sizeof(spec) - 1);
	put32(nr_banks);
	for (i = 0; i < nr_banks; i++) {
		put16(bank[i].alg_id);
		put16(bank[i].size);
	}
	put("", 1);		/* no vendor's information */
}

static void put_event(const struct tpm_digest *digests, const void *event, u32 size)
{
	u32 i;

	put32(HGL_TPM_PCR);
	put32(EV_EVENT_TAG);
	put32(nr_banks);
	for (i = 0; i < nr_banks; i++) {
		put16(bank[i].alg_id);
		put(digests[i].digest, bank[i].size);
	}
	put32(size);
	put(event, size);
}

size_t hgl_tpm_log_read(void *buffer, size_t size, loff_t offset)
{
	size_t bytes = 0;

	mutex_lock(&lock);
	if (record && offset >= 0 && offset < length) {
		bytes = min_t(size_t, size, length - offset);
		memcpy(buffer, record + offset, bytes);
	}
	mutex_unlock(&lock);
	return bytes;
}

/* ---- the TPM ---- */

static int digest(const struct bank *b, const void *data, u32 size, u8 *out)
{
	struct hgl_sm3 sm3;

	if (b->hash)
		return crypto_shash_tfm_digest(b->hash, data, size, out);
	hgl_sm3_begin(&sm3);
	hgl_sm3_add(&sm3, data, size);
	hgl_sm3_end(&sm3, out);
	return 0;
}

static int open_bank(struct bank *b, const struct tpm_bank_info *info)
{
	const char *name = info->crypto_id < HASH_ALGO__LAST ? hash_algo_name[info->crypto_id] :
								NULL;

	b->alg_id = info->alg_id;
	b->size = info->digest_size;
	memset(b->replayed, 0, sizeof(b->replayed));
	b->hash = NULL;
	if (b->alg_id == TPM_ALG_SM3_256 && b->size == HGL_SM3_SIZE)
		return 0;
	b->hash = name ? crypto_alloc_shash(name, 0, 0) : ERR_PTR(-ENOENT);
	if (!IS_ERR(b->hash) && crypto_shash_digestsize(b->hash) == b->size)
		return 0;
	pr_err("the log of PCR %u needs algorithm %#x (%s), which this kernel does not offer: load its module, or switch that bank of the TPM's off\n",
	       HGL_TPM_PCR, b->alg_id, name ?: "unknown");
	return -ENOENT;
}

static void close_log(void)
{
	u32 i;

	for (i = 0; i < nr_banks; i++)
		if (!IS_ERR_OR_NULL(bank[i].hash))
			crypto_free_shash(bank[i].hash);
	memset(bank, 0, sizeof(bank));
	nr_banks = 0;
	if (chip)
		put_device(&chip->dev);
	chip = NULL;
	kfree(record);
	record = NULL;
	length = 0;
}

static int alloc_record(void)
{
	record = kzalloc(LOG_SIZE, GFP_KERNEL);
	if (record)
		return 0;
	pr_err("no memory for the log of PCR %u\n", HGL_TPM_PCR);
	return -ENOMEM;
}

static int open_tpm(void)
{
	u32 i;
	int ret;

	chip = tpm_default_chip();
	if (!chip) {
		pr_err("there is no TPM\n");
		return -ENODEV;
	}
	ret = tpm_is_tpm2(chip);
	if (ret <= 0) {
		pr_err("the TPM %s: error %d\n", ret ? "does not answer" : "is no TPM 2.0", ret);
		return ret ?: -ENODEV;
	}
	ret = alloc_record();
	if (ret)
		return ret;
	if (!chip->nr_allocated_banks) {
		pr_err("the TPM has no bank of PCRs in use\n");
		return -ENODEV;
	}
	for (i = 0; i < chip->nr_allocated_banks; i++) {
		nr_banks = i + 1;
		ret = open_bank(&bank[i], &chip->allocated_banks[i]);
		if (ret)
			return ret;
	}
	put_spec_id();
	return 0;
}

static int open_without(void)
{
	static const struct tpm_bank_info info = {
		.alg_id = TPM_ALG_SHA256,
		.digest_size = 32,
		.crypto_id = HASH_ALGO_SHA256,
	};
	int ret;

	ret = alloc_record();
	if (ret)
		return ret;
	nr_banks = 1;
	ret = open_bank(&bank[0], &info);
	if (!ret)
		put_spec_id();
	return ret;
}

int hgl_tpm_log_open(bool tpm)
{
	int ret;

	mutex_lock(&lock);
	ret = tpm ? open_tpm() : open_without();
	if (ret)
		close_log();
	mutex_unlock(&lock);
	return ret;
}

void hgl_tpm_log_close(void)
{
	mutex_lock(&lock);
	close_log();
	mutex_unlock(&lock);
}

/* ---- extending ---- */

static int read_pcr(const struct bank *b, u8 *value)
{
	struct tpm_digest digest = { .alg_id = b->alg_id };
	int ret = tpm_pcr_read(chip, HGL_TPM_PCR, &digest);

	if (!ret)
		memcpy(value, digest.digest, b->size);
	return ret > 0 ? -EIO : ret;
}

/* In @digests, one a bank. */
static int hash_event(struct tpm_digest *digests, const void *event, u32 size)
{
	u32 i;
	int ret;

	for (i = 0; i < nr_banks; i++) {
		digests[i].alg_id = bank[i].alg_id;
		ret = digest(&bank[i], event, size, digests[i].digest);
		if (ret)
			return ret;
	}
	return 0;
}

/* The PCR as the log has it. */
static int replay(const struct tpm_digest *digests)
{
	u8 both[2 * TPM2_MAX_DIGEST_SIZE];
	u32 i;
	int ret;

	for (i = 0; i < nr_banks; i++) {
		struct bank *b = &bank[i];

		memcpy(both, b->replayed, b->size);
		memcpy(both + b->size, digests[i].digest, b->size);
		ret = digest(b, both, 2 * b->size, b->replayed);
		if (ret)
			return ret;
	}
	return 0;
}

/* Without a TPM there is the entry, and nothing to fail. */
static int enter(const struct tpm_digest *digests, const void *event, u32 size)
{
	int ret = replay(digests);

	if (!ret)
		put_event(digests, event, size);
	return ret;
}

/* The TPM extends all banks in one command, or none: one bank tells whether it did. */
static int extend(const struct tpm_digest *digests, const void *event, u32 size)
{
	u8 before[TPM2_MAX_DIGEST_SIZE], after[TPM2_MAX_DIGEST_SIZE];
	size_t begin = length;
	int ret;

	ret = read_pcr(&bank[0], before);
	if (ret)
		return ret;
	put_event(digests, event, size);
	ret = tpm_pcr_extend(chip, HGL_TPM_PCR, (struct tpm_digest *)digests);
	if (ret && !read_pcr(&bank[0], after) && !memcmp(before, after, bank[0].size)) {
		length = begin;
		return ret > 0 ? -EIO : ret;
	}
	return replay(digests) ?: ret > 0 ? -EIO : ret;
}

/* TCG_PCClientTaggedEvent: what is hashed, and stands in the log. */
static u8 *tagged(u32 id, const void *data, u32 size)
{
	u8 *event = kmalloc(2 * sizeof(__le32) + size, GFP_KERNEL);
	__le32 head[2] = { cpu_to_le32(id), cpu_to_le32(size) };

	if (!event)
		return NULL;
	memcpy(event, head, sizeof(head));
	memcpy(event + sizeof(head), data, size);
	return event;
}

static int extend_tagged(u32 id, const void *data, u32 size)
{
	struct tpm_digest *digests = kcalloc(TPM2_MAX_PCR_BANKS, sizeof(*digests), GFP_KERNEL);
	u8 *event = tagged(id, data, size);
	u32 bytes = 2 * sizeof(__le32) + size;
	int ret = -ENOMEM;

	if (digests && event)
		ret = hash_event(digests, event, bytes);
	if (digests && event && !ret)
		ret = chip ? extend(digests, event, bytes) : enter(digests, event, bytes);
	kfree(event);
	kfree(digests);
	return ret;
}

int hgl_tpm_log_extend(u32 id, const void *data, u32 size)
{
	int ret;

	mutex_lock(&lock);
	ret = record ? extend_tagged(id, data, size) : -ENODEV;
	mutex_unlock(&lock);
	if (ret)
		pr_err("%s PCR %u: error %d\n",
		       chip ? "the TPM failed to extend" : "nothing was logged for",
		       HGL_TPM_PCR, ret);
	return ret;
}

int hgl_tpm_log_replays(void)
{
	u8 value[TPM2_MAX_DIGEST_SIZE];
	bool equal = true;
	u32 i;
	int ret;

	mutex_lock(&lock);
	ret = chip ? 0 : -ENODEV;
	for (i = 0; !ret && i < nr_banks; i++) {
		ret = read_pcr(&bank[i], value);
		equal &= !memcmp(value, bank[i].replayed, bank[i].size);
	}
	if (ret && chip)
		pr_err("the TPM failed to read PCR %u: error %d\n", HGL_TPM_PCR, ret);
	mutex_unlock(&lock);
	return ret ?: equal;
}
