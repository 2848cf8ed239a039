/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * As much of the kernel as tpm_log.c and report_key.c need, for user space: names and contracts
 * are the kernel's, what is behind them is the tests'.
 */
#ifndef TEST_KERNEL_H
#define TEST_KERNEL_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint16_t __le16;
typedef uint32_t __le32;

#define cpu_to_le16(x)	((__le16)(x))
#define cpu_to_le32(x)	((__le32)(x))
#define min_t(type, a, b) ((type)(a) < (type)(b) ? (type)(a) : (type)(b))
#define static_assert(c)	_Static_assert(c, #c)
#define noinline	__attribute__((noinline))
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

extern u32 complaints;	/* lines in the log */
#define pr_err(fmt, ...)	(complaints++, printf(pr_fmt(fmt), ##__VA_ARGS__))
#define WARN_ON_ONCE(c)	({ if (c) abort(); false; })

struct mutex {
	int held;
};
#define DEFINE_MUTEX(name) struct mutex name
void mutex_lock(struct mutex *lock);
int mutex_lock_killable(struct mutex *lock);
void mutex_unlock(struct mutex *lock);

#define GFP_KERNEL	0
void *kmalloc(size_t size, int flags);
void *kzalloc(size_t size, int flags);
void *kcalloc(size_t n, size_t size, int flags);
void kfree(void *p);
void kfree_sensitive(void *p);
#define memzero_explicit(p, size) explicit_bzero(p, size)

#define ERR_PTR(error)	((void *)(intptr_t)(error))
#define PTR_ERR(p)	((intptr_t)(p))
#define IS_ERR(p)	((uintptr_t)(p) >= (uintptr_t)-4095)
#define IS_ERR_OR_NULL(p) (!(p) || IS_ERR(p))

struct crypto_shash;
struct crypto_shash *crypto_alloc_shash(const char *name, u32 type, u32 mask);
void crypto_free_shash(struct crypto_shash *hash);
unsigned int crypto_shash_digestsize(struct crypto_shash *hash);
int crypto_shash_tfm_digest(struct crypto_shash *hash, const u8 *data, unsigned int size, u8 *out);

struct shash_desc {
	struct crypto_shash *tfm;
	u8 data[256];
	u32 size;
};
#define SHASH_DESC_ON_STACK(desc, hash) struct shash_desc desc##_store, *desc = &desc##_store
int crypto_shash_setkey(struct crypto_shash *hash, const u8 *key, unsigned int size);
int crypto_shash_init(struct shash_desc *desc);
int crypto_shash_update(struct shash_desc *desc, const u8 *data, unsigned int size);
int crypto_shash_final(struct shash_desc *desc, u8 *out);
void shash_desc_zero(struct shash_desc *desc);

int wait_for_random_bytes(void);
int get_random_bytes_wait(void *buffer, size_t size);
void get_random_bytes(void *buffer, size_t size);

enum { HASH_ALGO_SHA1, HASH_ALGO_SHA256, HASH_ALGO_SHA384, HASH_ALGO_SM3_256, HASH_ALGO__LAST };
extern const char *const hash_algo_name[HASH_ALGO__LAST];

#define TPM_ALG_SHA256		0x0b
#define TPM_ALG_SM3_256		0x12
#define TPM2_MAX_DIGEST_SIZE	64
#define TPM2_MAX_PCR_BANKS	8

struct device {
	int references;
};
void put_device(struct device *dev);

struct tpm_digest {
	u16 alg_id;
	u8 digest[TPM2_MAX_DIGEST_SIZE];
};

struct tpm_bank_info {
	u16 alg_id;
	u16 digest_size;
	u16 crypto_id;
};

struct tpm_chip {
	struct device dev;
	u32 nr_allocated_banks;
	struct tpm_bank_info allocated_banks[TPM2_MAX_PCR_BANKS];
};
struct tpm_chip *tpm_default_chip(void);
int tpm_is_tpm2(struct tpm_chip *chip);
int tpm_pcr_read(struct tpm_chip *chip, u32 pcr, struct tpm_digest *digest);
int tpm_pcr_extend(struct tpm_chip *chip, u32 pcr, struct tpm_digest *digests);

#endif
