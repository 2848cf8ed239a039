// SPDX-License-Identifier: GPL-2.0-only
/*
 * The report key: it signs what OpenSSL would verify (test_ec.c), with nonces that are RFC 6979's
 * and new each time; and where a hash or the randomness is not what it should be there is no key.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "kernel.h"
#include "report_key.h"

/* --- the kernel --- */

static u32 allocated, fail_allocation;	/* the n-th from now; 0: none */
u32 complaints;

/* What goes wrong. */
static enum fault {
	NONE,
	SAME_RANDOM,	/* whenever one asks */
	NO_BYTE,	/* the one that tells K's two rounds apart */
	NO_KEY,		/* the private key is not in the seed */
	NO_RANDOM,	/* nor the random part */
	CONSTANT_MAC,
	MAC_ERROR,
} fault;

void mutex_lock(struct mutex *lock)
{
	assert_int_equal(lock->held++, 0);
}

int mutex_lock_killable(struct mutex *lock)
{
	mutex_lock(lock);
	return 0;
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

void kfree_sensitive(void *p)
{
	allocated -= !!p;
	free(p);
}

int wait_for_random_bytes(void)
{
	return 0;
}

void get_random_bytes(void *buffer, size_t size)
{
	if (fault == SAME_RANDOM)
		memset(buffer, 0x5a, size);
	else
		assert_int_equal(RAND_bytes(buffer, (int)size), 1);
}

int get_random_bytes_wait(void *buffer, size_t size)
{
	get_random_bytes(buffer, size);
	return 0;
}

struct crypto_shash {
	const EVP_MD *md;
	u8 key[64];
	unsigned int key_size;
};

static struct crypto_shash *mac;	/* the last one */

struct crypto_shash *crypto_alloc_shash(const char *name, u32 type, u32 mask)
{
	struct crypto_shash *hash = kzalloc(sizeof(*hash), 0);
	bool is_mac = !strncmp(name, "hmac(", 5);
	char plain[16] = "";

	(void)type;
	(void)mask;
	if (!hash)
		return ERR_PTR(-ENOMEM);
	strncpy(plain, name + (is_mac ? 5 : 0), 6);
	hash->md = EVP_get_digestbyname(plain);
	assert_non_null(hash->md);
	if (is_mac)
		mac = hash;
	return hash;
}

void crypto_free_shash(struct crypto_shash *hash)
{
	kfree_sensitive(hash);
}

unsigned int crypto_shash_digestsize(struct crypto_shash *hash)
{
	return (unsigned int)EVP_MD_get_size(hash->md);
}

int crypto_shash_tfm_digest(struct crypto_shash *hash, const u8 *data, unsigned int size, u8 *out)
{
	return EVP_Digest(data, size, out, NULL, hash->md, NULL) == 1 ? 0 : -EIO;
}

int crypto_shash_setkey(struct crypto_shash *hash, const u8 *key, unsigned int size)
{
	assert_true(size <= sizeof(hash->key));
	memcpy(hash->key, key, size);
	hash->key_size = size;
	return 0;
}

int crypto_shash_init(struct shash_desc *desc)
{
	desc->size = 0;
	return 0;
}

int crypto_shash_update(struct shash_desc *desc, const u8 *data, unsigned int size)
{
	unsigned int number = crypto_shash_digestsize(desc->tfm);
	u8 *to = desc->data + desc->size;

	assert_true(size <= sizeof(desc->data) - desc->size);
	if (size == 1 && fault == NO_BYTE)
		return 0;
	memcpy(to, data, size);
	if (size > number && fault == NO_KEY)
		memset(to, 0, number);
	if (size > 2 * number && fault == NO_RANDOM)
		memset(to + 2 * number, 0, number);
	desc->size += size;
	return 0;
}

int crypto_shash_final(struct shash_desc *desc, u8 *out)
{
	struct crypto_shash *hash = desc->tfm;
	unsigned int size = crypto_shash_digestsize(hash);

	if (fault == MAC_ERROR)
		return -EINVAL;
	if (fault == CONSTANT_MAC)
		memset(out, 0x5a, size);
	else
		assert_non_null(HMAC(hash->md, hash->key, (int)hash->key_size, desc->data,
				     desc->size, out, &size));
	return 0;
}

void shash_desc_zero(struct shash_desc *desc)
{
	explicit_bzero(desc, sizeof(*desc));
}

/* --- tests --- */

static const char *const words[] = { "p256", "p384", "sm2" };

static u8 public[HGL_REPORT_PUBLIC_MAX], signature[HGL_REPORT_SIGNATURE_MAX];

static int teardown(void **state)
{
	(void)state;
	fault = NONE;
	fail_allocation = 0;
	hgl_report_key_wipe();
	assert_int_equal(allocated, 0);
	assert_int_equal(hgl_report_key_sign("m", 1, signature), -ENOKEY);
	return 0;
}

/* Its key would give the nonce, and that the private key. */
static void mac_is_wiped(void)
{
	static const u8 none[64];

	assert_true(mac->key_size);
	assert_memory_equal(mac->key, none, sizeof(none));
}

static void test_signs(void **state)
{
	u8 again[HGL_REPORT_SIGNATURE_MAX];
	u32 i;

	(void)state;
	complaints = 0;
	for (i = 0; i < ARRAY_SIZE(words); i++) {
		const struct hgl_report_scheme *scheme = hgl_report_scheme(words[i]);
		int size = (int)hgl_report_scheme_size(scheme);

		assert_int_equal(hgl_report_key_make(scheme, public), 0);
		mac_is_wiped();
		assert_int_equal(hgl_report_key_sign("message", 7, signature), size);
		mac_is_wiped();
		assert_int_equal(hgl_report_key_sign("message", 7, again), size);
		assert_memory_not_equal(signature, again, size / 2);
		hgl_report_key_wipe();
		assert_int_equal(hgl_report_key_sign("message", 7, signature), -ENOKEY);
	}
	assert_int_equal(complaints, 0);
	assert_null(hgl_report_scheme("rsa"));
}

/* No key, one line that says so, and nothing kept. */
static void refused(const char *word, int error)
{
	complaints = 0;
	assert_int_equal(hgl_report_key_make(hgl_report_scheme(word), public), error);
	assert_int_equal(complaints, 1);
	assert_int_equal(allocated, 0);
	assert_int_equal(hgl_report_key_sign("m", 1, signature), -ENOKEY);
}

static void test_faults(void **state)
{
	u32 i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(words); i++) {
		for (fault = SAME_RANDOM; fault < MAC_ERROR; fault++)
			/* What SM2 has no example for. */
			if (fault != NO_BYTE || strcmp(words[i], "sm2"))
				refused(words[i], -EIO);
		refused(words[i], -EINVAL);
	}
}

static void test_no_memory(void **state)
{
	(void)state;
	fail_allocation = 1;
	refused("p256", -ENOMEM);
	fail_allocation = 2;
	refused("p256", -ENOENT);
	fail_allocation = 2;
	refused("sm2", -ENOENT);
	fail_allocation = 3;
	refused("p384", -ENOENT);
}

#define TEST(name) cmocka_unit_test_teardown(name, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_signs), TEST(test_faults), TEST(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
