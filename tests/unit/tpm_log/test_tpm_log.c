// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whatever a TPM does, and wherever it fails: what is in the PCR has an entry in the log,
 * and nothing is kept that should not be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <openssl/evp.h>

#include "kernel.h"
#include "tpm_log.h"

/* --- the kernel --- */

static u32 allocated, fail_allocation;	/* the n-th from now; 0: none */
u32 complaints;

void mutex_lock(struct mutex *lock)
{
	assert_int_equal(lock->held++, 0);
}

void mutex_unlock(struct mutex *lock)
{
	assert_int_equal(--lock->held, 0);
}

void *kzalloc(size_t size, int flags)
{
	(void)flags;
	if (fail_allocation && !--fail_allocation)
		return NULL;
	allocated++;
	return calloc(1, size);
}

void *kmalloc(size_t size, int flags)
{
	return kzalloc(size, flags);
}

void *kcalloc(size_t n, size_t size, int flags)
{
	return kzalloc(n * size, flags);
}

void kfree(void *p)
{
	allocated -= !!p;
	free(p);
}

const char *const hash_algo_name[] = { "sha1", "sha256", "sha384", "sm3" };

struct crypto_shash {
	const EVP_MD *md;
};

struct crypto_shash *crypto_alloc_shash(const char *name, u32 type, u32 mask)
{
	struct crypto_shash *hash = kzalloc(sizeof(*hash), 0);

	(void)type;
	(void)mask;
	/* As in most kernels: the module brings it itself. */
	assert_string_not_equal(name, "sm3");
	if (!hash)
		return ERR_PTR(-ENOMEM);
	hash->md = EVP_get_digestbyname(name);
	return hash;
}

void crypto_free_shash(struct crypto_shash *hash)
{
	kfree(hash);
}

unsigned int crypto_shash_digestsize(struct crypto_shash *hash)
{
	return (unsigned int)EVP_MD_get_size(hash->md);
}

int crypto_shash_tfm_digest(struct crypto_shash *hash, const u8 *data, unsigned int size, u8 *out)
{
	return EVP_Digest(data, size, out, NULL, hash->md, NULL) == 1 ? 0 : -EIO;
}

void put_device(struct device *dev)
{
	assert_true(dev->references-- > 0);
}

/* --- the TPM --- */

/* How an extend ends. */
enum how { WORKS, REFUSED, LOST, LOST_AND_DEAF, REFUSED_AND_DEAF };

static struct tpm_chip chip;
static struct {
	bool absent, deaf;
	int version;		/* what tpm_is_tpm2() answers */
	enum how how;
	u32 at;			/* the how many-th extend; 0: all */
	int error;
	u32 extends, reads;
	u8 pcr[4][TPM2_MAX_DIGEST_SIZE];
} tpm;

struct tpm_chip *tpm_default_chip(void)
{
	chip.dev.references += !tpm.absent;
	return tpm.absent ? NULL : &chip;
}

int tpm_is_tpm2(struct tpm_chip *c)
{
	assert_ptr_equal(c, &chip);
	return tpm.version;
}

static u32 index_of(u16 alg_id)
{
	u32 i;

	for (i = 0; i < chip.nr_allocated_banks; i++)
		if (chip.allocated_banks[i].alg_id == alg_id)
			return i;
	fail();
	return 0;
}

int tpm_pcr_read(struct tpm_chip *c, u32 pcr, struct tpm_digest *digest)
{
	assert_ptr_equal(c, &chip);
	assert_int_equal(pcr, 13);
	tpm.reads++;
	if (tpm.deaf)
		return -EIO;
	memcpy(digest->digest, tpm.pcr[index_of(digest->alg_id)], TPM2_MAX_DIGEST_SIZE);
	return 0;
}

static void extend_bank(u32 i, const u8 *digest)
{
	const struct tpm_bank_info *info = &chip.allocated_banks[i];
	const EVP_MD *md = EVP_get_digestbyname(hash_algo_name[info->crypto_id]);
	u8 both[2 * TPM2_MAX_DIGEST_SIZE];

	memcpy(both, tpm.pcr[i], info->digest_size);
	memcpy(both + info->digest_size, digest, info->digest_size);
	assert_int_equal(EVP_Digest(both, 2u * info->digest_size, tpm.pcr[i], NULL, md, NULL), 1);
}

int tpm_pcr_extend(struct tpm_chip *c, u32 pcr, struct tpm_digest *digests)
{
	bool now = ++tpm.extends == tpm.at || !tpm.at;
	enum how how = now ? tpm.how : WORKS;
	u32 i;

	assert_ptr_equal(c, &chip);
	assert_int_equal(pcr, 13);
	for (i = 0; i < chip.nr_allocated_banks; i++) {
		assert_int_equal(digests[i].alg_id, chip.allocated_banks[i].alg_id);
		if (how == WORKS || how == LOST || how == LOST_AND_DEAF)
			extend_bank(i, digests[i].digest);
	}
	tpm.deaf |= how == LOST_AND_DEAF || how == REFUSED_AND_DEAF;
	return how == WORKS ? 0 : tpm.error;
}

/* --- a log, read by its format --- */

struct entry {
	u32 id, size;
	u8 data[128];
};

static struct {
	u8 bytes[4096];
	size_t size;
	u32 events;
	struct entry entry[8];
	u8 pcr[4][TPM2_MAX_DIGEST_SIZE];
} seen;

static u32 word(size_t *at, u32 size)
{
	u32 value = 0, i;

	assert_true(*at + size <= seen.size);
	for (i = 0; i < size; i++)
		value |= (u32)seen.bytes[(*at)++] << 8 * i;
	return value;
}

static void replay_bank(u32 i, const u8 *digest)
{
	u8 saved[TPM2_MAX_DIGEST_SIZE];

	memcpy(saved, tpm.pcr[i], sizeof(saved));
	memcpy(tpm.pcr[i], seen.pcr[i], sizeof(saved));
	extend_bank(i, digest);
	memcpy(seen.pcr[i], tpm.pcr[i], sizeof(saved));
	memcpy(tpm.pcr[i], saved, sizeof(saved));
}

static void look(void)
{
	u32 i, size, banks = chip.nr_allocated_banks;
	size_t at = 0;

	memset(&seen, 0, sizeof(seen));
	seen.size = hgl_tpm_log_read(seen.bytes, sizeof(seen.bytes), 0);
	assert_int_equal(word(&at, 4), 0);
	assert_int_equal(word(&at, 4), 3);
	at += 20;
	size = word(&at, 4);
	assert_int_equal(size, 29 + 4 * banks);
	assert_memory_equal(seen.bytes + at, "Spec ID Event03", 16);
	at += size;
	while (at < seen.size) {
		struct entry *entry = &seen.entry[seen.events++];

		assert_int_equal(word(&at, 4), 13);
		assert_int_equal(word(&at, 4), 6);
		assert_int_equal(word(&at, 4), banks);
		for (i = 0; i < banks; i++) {
			assert_int_equal(word(&at, 2), chip.allocated_banks[i].alg_id);
			replay_bank(i, seen.bytes + at);
			at += chip.allocated_banks[i].digest_size;
		}
		size = word(&at, 4);
		entry->id = word(&at, 4);
		entry->size = word(&at, 4);
		assert_int_equal(size, entry->size + 8);
		assert_true(entry->size <= sizeof(entry->data) && at + entry->size <= seen.size);
		memcpy(entry->data, seen.bytes + at, entry->size);
		at += entry->size;
	}
}

static bool replays(void)
{
	look();
	return !memcmp(seen.pcr, tpm.pcr, sizeof(tpm.pcr));
}

/* --- tests --- */

static const u8 data[40] = "what is measured";

/* What a PCR would hold: tpm's, which nobody has extended. The event is as in the log. */
static void extend_expected(u32 id, u32 size)
{
	u32 head[2] = { id, size };
	u8 event[64], digest[32];

	memcpy(event, head, sizeof(head));
	memcpy(event + sizeof(head), data, size);
	size += sizeof(head);
	assert_int_equal(EVP_Digest(event, size, digest, NULL, EVP_sha256(), NULL), 1);
	extend_bank(0, digest);
}

static int setup(void **state)
{
	(void)state;
	memset(&tpm, 0, sizeof(tpm));
	tpm.version = 1;
	tpm.error = -EIO;
	tpm.at = 1;
	chip = (struct tpm_chip){
		.nr_allocated_banks = 3,
		.allocated_banks = {
			{ 0x04, 20, HASH_ALGO_SHA1 }, { 0x0b, 32, HASH_ALGO_SHA256 },
			{ 0x0c, 48, HASH_ALGO_SHA384 },
		},
	};
	fail_allocation = 0;
	return 0;
}

/* Nothing stays behind. */
static int teardown(void **state)
{
	u8 byte;

	(void)state;
	hgl_tpm_log_close();
	assert_int_equal(chip.dev.references, 0);
	assert_int_equal(allocated, 0);
	assert_int_equal(hgl_tpm_log_read(&byte, 1, 0), 0);
	assert_int_equal(hgl_tpm_log_extend(1, data, sizeof(data)), -ENODEV);
	assert_int_equal(hgl_tpm_log_replays(), -ENODEV);
	return 0;
}

static void test_works(void **state)
{
	u32 i;

	(void)state;
	assert_int_equal(hgl_tpm_log_open(true), 0);
	look();
	assert_int_equal(seen.events, 0);
	for (i = 1; i <= 3; i++) {
		assert_int_equal(hgl_tpm_log_extend(i, data, 10 * i), 0);
		assert_true(replays());
		assert_int_equal(hgl_tpm_log_replays(), 1);
		assert_int_equal(seen.events, i);
		assert_int_equal(seen.entry[i - 1].id, i);
		assert_int_equal(seen.entry[i - 1].size, 10 * i);
		assert_memory_equal(seen.entry[i - 1].data, data, 10 * i);
	}
	assert_int_equal(tpm.extends, 3);
}

/* A bank of SM3, which the kernel has no hash for. */
static void test_sm3(void **state)
{
	(void)state;
	chip.nr_allocated_banks = 4;
	chip.allocated_banks[3] = (struct tpm_bank_info){ 0x12, 32, HASH_ALGO_SM3_256 };
	assert_int_equal(hgl_tpm_log_open(true), 0);
	assert_int_equal(hgl_tpm_log_extend(1, data, sizeof(data)), 0);
	assert_int_equal(hgl_tpm_log_extend(2, data, 3), 0);
	assert_true(replays());
	assert_int_equal(hgl_tpm_log_replays(), 1);
	assert_memory_not_equal(seen.pcr[3], tpm.pcr[1], 32);
	tpm.pcr[3][31] ^= 1;
	assert_int_equal(hgl_tpm_log_replays(), 0);
	hgl_tpm_log_close();
	/* Alone; and one that says it is SM3, but of another size. */
	chip.nr_allocated_banks = 1;
	chip.allocated_banks[0] = chip.allocated_banks[3];
	memset(tpm.pcr, 0, sizeof(tpm.pcr));
	assert_int_equal(hgl_tpm_log_open(true), 0);
	assert_int_equal(hgl_tpm_log_extend(1, data, sizeof(data)), 0);
	assert_int_equal(hgl_tpm_log_replays(), 1);
	hgl_tpm_log_close();
	chip.allocated_banks[0].digest_size = 20;
	chip.allocated_banks[0].crypto_id = HASH_ALGO_SHA384;
	assert_int_equal(hgl_tpm_log_open(true), -ENOENT);
}

static void test_pieces(void **state)
{
	u8 byte;
	size_t i;

	(void)state;
	assert_int_equal(hgl_tpm_log_open(true), 0);
	assert_int_equal(hgl_tpm_log_extend(1, data, sizeof(data)), 0);
	look();
	for (i = 0; i < seen.size; i++) {
		assert_int_equal(hgl_tpm_log_read(&byte, 1, (loff_t)i), 1);
		assert_int_equal(byte, seen.bytes[i]);
	}
	assert_int_equal(hgl_tpm_log_read(&byte, 1, (loff_t)i), 0);
	assert_int_equal(hgl_tpm_log_read(&byte, 1, 1LL << 62), 0);
	assert_int_equal(hgl_tpm_log_read(&byte, 1, -1), 0);
}

/* The TPM has not done it, and says so: no entry. */
static void test_refused(void **state)
{
	(void)state;
	tpm.how = REFUSED;
	tpm.at = 2;
	assert_int_equal(hgl_tpm_log_open(true), 0);
	assert_int_equal(hgl_tpm_log_extend(1, data, 8), 0);
	assert_int_equal(hgl_tpm_log_extend(2, data, 8), -EIO);
	assert_true(replays());
	assert_int_equal(seen.events, 1);
	assert_int_equal(hgl_tpm_log_replays(), 1);
	assert_int_equal(hgl_tpm_log_extend(3, data, 8), 0);
	assert_true(replays());
	assert_int_equal(seen.events, 2);
	assert_int_equal(seen.entry[1].id, 3);
}

/* It has done it, and the answer was lost: an error all the same, and an entry. */
static void test_lost(void **state)
{
	(void)state;
	tpm.how = LOST;
	assert_int_equal(hgl_tpm_log_open(true), 0);
	assert_int_equal(hgl_tpm_log_extend(1, data, 8), -EIO);
	assert_true(replays());
	assert_int_equal(seen.events, 1);
	assert_int_equal(hgl_tpm_log_replays(), 1);
}

/* And then it does not answer any more: in doubt there is an entry. */
static void test_deaf(void **state)
{
	(void)state;
	tpm.how = LOST_AND_DEAF;
	assert_int_equal(hgl_tpm_log_open(true), 0);
	assert_int_equal(hgl_tpm_log_extend(1, data, 8), -EIO);
	assert_true(replays());
	complaints = 0;
	assert_int_equal(hgl_tpm_log_replays(), -EIO);
	assert_int_equal(complaints, 1);
	assert_int_equal(hgl_tpm_log_extend(2, data, 8), -EIO);
	assert_int_equal(tpm.extends, 1);		/* not without reading it first */
	assert_true(replays());
}

static void test_deaf_for_nothing(void **state)
{
	(void)state;
	tpm.how = REFUSED_AND_DEAF;
	assert_int_equal(hgl_tpm_log_open(true), 0);
	assert_int_equal(hgl_tpm_log_extend(1, data, 8), -EIO);
	look();
	assert_int_equal(seen.events, 1);		/* one too many, not one too few */
	tpm.deaf = false;
	assert_int_equal(hgl_tpm_log_replays(), 0);	/* and it is found out */
}

/* TPM's own error codes are above zero. */
static void test_positive_error(void **state)
{
	(void)state;
	tpm.how = REFUSED;
	tpm.error = 0x101;
	assert_int_equal(hgl_tpm_log_open(true), 0);
	assert_int_equal(hgl_tpm_log_extend(1, data, 8), -EIO);
	tpm.how = LOST;
	tpm.at = 0;
	assert_int_equal(hgl_tpm_log_extend(1, data, 8), -EIO);
	assert_true(replays());
	assert_int_equal(seen.events, 1);
}

/* Somebody else uses the PCR: before, or meanwhile. */
static void test_others(void **state)
{
	u8 foreign[TPM2_MAX_DIGEST_SIZE] = { 7 };

	(void)state;
	extend_bank(1, foreign);
	assert_int_equal(hgl_tpm_log_open(true), 0);
	assert_int_equal(hgl_tpm_log_extend(1, data, 8), 0);
	assert_int_equal(hgl_tpm_log_replays(), 0);
	hgl_tpm_log_close();
	memset(tpm.pcr, 0, sizeof(tpm.pcr));
	assert_int_equal(hgl_tpm_log_open(true), 0);
	assert_int_equal(hgl_tpm_log_extend(1, data, 8), 0);
	assert_int_equal(hgl_tpm_log_replays(), 1);
	extend_bank(2, foreign);
	assert_int_equal(hgl_tpm_log_replays(), 0);
}

static void test_no_tpm(void **state)
{
	(void)state;
	tpm.absent = true;
	assert_int_equal(hgl_tpm_log_open(true), -ENODEV);
	tpm.absent = false;
	tpm.version = 0;
	assert_int_equal(hgl_tpm_log_open(true), -ENODEV);
	tpm.version = -EPIPE;
	assert_int_equal(hgl_tpm_log_open(true), -EPIPE);
	tpm.version = 1;
	chip.nr_allocated_banks = 0;
	assert_int_equal(hgl_tpm_log_open(true), -ENODEV);
	chip.nr_allocated_banks = 3;
	chip.allocated_banks[2].crypto_id = HASH_ALGO__LAST;	/* without a name */
	assert_int_equal(hgl_tpm_log_open(true), -ENOENT);
	chip.allocated_banks[2].crypto_id = HASH_ALGO_SHA256;	/* another size than the TPM's */
	assert_int_equal(hgl_tpm_log_open(true), -ENOENT);
	chip.allocated_banks[2].crypto_id = HASH_ALGO_SHA384;
	assert_int_equal(hgl_tpm_log_open(true), 0);
}

static void test_no_memory(void **state)
{
	u32 i;

	(void)state;
	for (i = 1; i <= 4; i++) {
		fail_allocation = i;
		complaints = 0;
		assert_true(hgl_tpm_log_open(true) < 0);
		assert_int_equal(complaints, 1);
		assert_int_equal(allocated, 0);
		assert_int_equal(chip.dev.references, 0);
	}
	fail_allocation = 0;
	assert_int_equal(hgl_tpm_log_open(true), 0);
	for (i = 1; i <= 2; i++) {
		fail_allocation = i;
		assert_int_equal(hgl_tpm_log_extend(1, data, 8), -ENOMEM);
		assert_true(replays());
		assert_int_equal(seen.events, 0);
	}
	assert_int_equal(tpm.extends, 0);
}

/* For development: the same log with one bank, and the TPM hears nothing. */
static void test_without_tpm(void **state)
{
	u32 i;

	(void)state;
	tpm.absent = true;
	/* What look() expects. */
	chip.nr_allocated_banks = 1;
	chip.allocated_banks[0] = chip.allocated_banks[1];
	assert_int_equal(hgl_tpm_log_open(false), 0);
	look();
	assert_int_equal(seen.events, 0);
	for (i = 1; i <= 2; i++) {
		assert_int_equal(hgl_tpm_log_extend(i, data, 10 * i), 0);
		extend_expected(i, 10 * i);
		assert_true(replays());
		assert_int_equal(seen.events, i);
		assert_int_equal(seen.entry[i - 1].id, i);
		assert_memory_equal(seen.entry[i - 1].data, data, 10 * i);
		assert_int_equal(hgl_tpm_log_replays(), -ENODEV);
	}
	assert_int_equal(tpm.extends + tpm.reads, 0);
}

static void test_without_memory_or_tpm(void **state)
{
	u32 i;

	(void)state;
	tpm.absent = true;
	for (i = 1; i <= 2; i++) {
		fail_allocation = i;
		complaints = 0;
		assert_int_equal(hgl_tpm_log_open(false) < 0, 1);
		assert_int_equal(complaints, 1);
		assert_int_equal(allocated, 0);
	}
	fail_allocation = 0;
	assert_int_equal(hgl_tpm_log_open(false), 0);
	chip.nr_allocated_banks = 1;
	chip.allocated_banks[0] = chip.allocated_banks[1];
	for (i = 1; i <= 2; i++) {
		fail_allocation = i;
		assert_int_equal(hgl_tpm_log_extend(1, data, 8), -ENOMEM);
		look();
		assert_int_equal(seen.events, 0);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_works), TEST(test_sm3), TEST(test_pieces), TEST(test_refused),
		TEST(test_lost),
		TEST(test_deaf), TEST(test_deaf_for_nothing), TEST(test_positive_error),
		TEST(test_others), TEST(test_no_tpm), TEST(test_no_memory),
		TEST(test_without_tpm), TEST(test_without_memory_or_tpm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
