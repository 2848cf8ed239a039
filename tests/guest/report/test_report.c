// SPDX-License-Identifier: Apache-2.0
/*
 * Reports on confidential VMs, with what stands behind them: "test_report tpm",
 * "chain" (as tpm, where the PCR holds more), "development", "l2" (with L0's key in HG_PUBLIC),
 * "none" (each report is refused), "gone FILE" (after the module, whose log was copied to
 * FILE), "save FILE" (one report, with HG_DATA as its data, for other verifiers), "time" (how
 * long a report takes). HG_KEY says what the key is: p256 (default), p384, sm2. docs/report.md
 */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "cvm.h"
#include "log.h"

#define DIR		"/sys/kernel/security/hypergpu/"
#define REPORT		0x48475200u
#define READ		0x48475201u
#define SIGNED		304
#define KEY_MAX		96
#define E_CALL		(-1)
#define E_RANGE		(-5)
#define E_ALIGN		(-6)
#define E_ABSENT	(-9)
#define E_BUSY		(-12)
#define E_UNSUPPORTED	(-14)
#define EVENT_L0	0x48470001
#define EVENT_KEY	0x48470002
#define EVENT_UNLOADED	0x48470003

/* Kinds of keys. @size: of X || Y, and of a signature. */
static const struct kind {
	const char *word, *type, *group, *hash;
	unsigned int algorithm, size;
} kinds[] = {
	{ "p256", "EC", "P-256", "SHA256", 1, 64 },
	{ "p384", "EC", "P-384", "SHA384", 2, 96 },
	{ "sm2", "SM2", "SM2", "SM3", 3, 64 },
}, *kind = kinds;
#define SIZE		(SIGNED + kind->size)

static bool development;
static unsigned int level = 1;
static const char *kept;	/* the log's copy */

/* --- the guest's part --- */

static int64_t ask(struct cvm *cvm, const uint8_t *data)
{
	uint64_t regs[9] = { REPORT };

	memcpy(regs + 1, data, 64);
	cvm_registers(cvm, regs);
	assert_memory_equal(regs + 1, data, 64);	/* as they were */
	return (int64_t)regs[0];
}

static int64_t read_block(struct cvm *cvm, uint64_t offset, uint8_t *to)
{
	uint64_t regs[9] = { READ, offset, 2, 3, 4, 5, 6, 7, 8 };

	cvm_registers(cvm, regs);
	if (regs[0])
		assert_true(regs[1] == offset && regs[2] == 2 && regs[8] == 8);
	memcpy(to, regs + 1, 64);
	return (int64_t)regs[0];
}

static void get_report(struct cvm *cvm, const uint8_t *data, uint8_t *report)
{
	uint64_t offset;

	assert_int_equal(ask(cvm, data), SIZE);
	for (offset = 0; offset < SIZE; offset += 64)
		assert_int_equal(read_block(cvm, offset, report + offset), 0);
}

/* --- the verifier's part --- */

static EVP_PKEY *public_key(const uint8_t *point)
{
	uint8_t bytes[1 + KEY_MAX] = { 4 };
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, kind->type, NULL);
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	EVP_PKEY *key = NULL;
	OSSL_PARAM *params;

	memcpy(bytes + 1, point, kind->size);
	assert_true(OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, kind->group,
						    0));
	assert_true(OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, bytes,
						     1 + kind->size));
	params = OSSL_PARAM_BLD_to_param(build);
	assert_int_equal(EVP_PKEY_fromdata_init(context), 1);
	assert_int_equal(EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params), 1);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(build);
	EVP_PKEY_CTX_free(context);
	return key;
}

static bool verifies(const uint8_t *point, const uint8_t *report)
{
	const uint8_t *raw = report + SIGNED;
	int half = (int)kind->size / 2, size, good;
	ECDSA_SIG *sig = ECDSA_SIG_new();
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY *key = public_key(point);
	EVP_PKEY_CTX *inner = NULL;
	uint8_t *der = NULL;

	assert_true(ECDSA_SIG_set0(sig, BN_bin2bn(raw, half, NULL),
				   BN_bin2bn(raw + half, half, NULL)));
	size = i2d_ECDSA_SIG(sig, &der);
	assert_int_equal(EVP_DigestVerifyInit_ex(context, &inner, kind->hash, NULL, NULL, key,
						 NULL), 1);
	if (kind->algorithm == 3)
		assert_int_equal(EVP_PKEY_CTX_set1_id(inner, "1234567812345678", 16), 1);
	good = EVP_DigestVerify(context, der, (size_t)size, report, SIGNED);
	OPENSSL_free(der);
	EVP_PKEY_free(key);
	EVP_MD_CTX_free(context);
	ECDSA_SIG_free(sig);
	return good == 1;
}

static void point_of(uint8_t *point)
{
	const char *hex = getenv("HG_PUBLIC");	/* L0's: there is none here */
	unsigned int i;

	if (!hex) {
		assert_int_equal(log_file(DIR "public_key", point, KEY_MAX),
				 kind->size);
		return;
	}
	assert_int_equal(strlen(hex), 2 * kind->size);
	for (i = 0; i < kind->size; i++)
		assert_int_equal(sscanf(hex + 2 * i, "%2hhx", &point[i]), 1);
}

/* --- the log and the TPM --- */

static void check_events(const struct log *log)
{
	uint8_t point[KEY_MAX];
	const uint8_t *e = log->event[0].data;

	assert_int_equal(log->events, 2);
	assert_int_equal(log->event[0].id, EVENT_L0);
	assert_int_equal(log->event[0].size, 100);
	assert_int_equal(log_number(e, 4), 1);
	assert_string_equal((const char *)e + 4, getenv("HG_VERSION"));
	print_message("# build id %02x%02x%02x%02x..., srcversion %s\n", e[36], e[37], e[38], e[39],
		      e + 68);
	assert_int_equal(log->event[1].id, EVENT_KEY);
	assert_int_equal(log->event[1].size, 44 + kind->size);
	e = log->event[1].data;
	assert_int_equal(log_number(e, 4), 1);
	assert_int_equal(log_number(e + 4, 4), kind->algorithm);
	assert_int_equal(log_number(e + 40, 4), kind->size);
	point_of(point);
	assert_memory_equal(e + 44, point, kind->size);
}

static void test_log(void **state)
{
	struct log log;

	(void)state;
	log_read(&log, DIR "event_log");
	assert_true(log_matches(&log));
	check_events(&log);
}

/* The same without a TPM: one bank, and nothing holds what it says. */
static void test_log_alone(void **state)
{
	struct log log;

	(void)state;
	log_read(&log, DIR "event_log");
	assert_int_equal(log.banks, 1);
	assert_int_equal(log.bank[0].algorithm, 0x0b);
	check_events(&log);
}

/* The L0 event names the very module that was loaded. */
static void test_build_id(void **state)
{
	uint8_t note[36], id[32] = { 0 };
	char srcversion[64] = { 0 };
	struct log log;

	(void)state;
	log_read(&log, DIR "event_log");
	assert_int_equal(log_file("/sys/module/hypergpu/notes/.note.gnu.build-id", note, 36), 36);
	memcpy(id, note + 16, 20);
	assert_memory_equal(log.event[0].data + 36, id, 32);
	assert_true(log_file("/sys/module/hypergpu/srcversion", srcversion, 63) > 0);
	srcversion[strcspn(srcversion, "\n")] = 0;
	assert_string_equal((const char *)log.event[0].data + 68, srcversion);
}

/* In pieces, as a slow reader has it. */
static void test_log_in_pieces(void **state)
{
	uint8_t byte;
	struct log log;
	FILE *file;
	size_t i;

	(void)state;
	log_read(&log, DIR "event_log");
	file = fopen(DIR "event_log", "r");
	assert_non_null(file);
	setvbuf(file, NULL, _IONBF, 0);
	for (i = 0; i < log.size; i++) {
		assert_int_equal(fread(&byte, 1, 1, file), 1);
		assert_int_equal(byte, log.bytes[i]);
	}
	assert_int_equal(fread(&byte, 1, 1, file), 0);
	assert_int_equal(fseek(file, (long)log.size - 3, SEEK_SET), 0);
	assert_int_equal(fread(&byte, 1, 1, file), 1);
	assert_int_equal(byte, log.bytes[log.size - 3]);
	fclose(file);
}

/* --- reports --- */

static void test_report(void **state)
{
	struct cvm *cvm = cvm_start(true);
	uint8_t data[64], report[448], point[KEY_MAX], id[32], zero[64] = { 0 };
	unsigned int i;

	(void)state;
	for (i = 0; i < 64; i++)
		data[i] = (uint8_t)(i * 11 + 3);
	get_report(cvm, data, report);
	point_of(point);
	SHA256(point, kind->size, id);
	assert_memory_equal(report, "HGRP", 4);
	assert_int_equal(log_number(report + 4, 2), 1);
	assert_int_equal(log_number(report + 6, 2), SIGNED);
	assert_int_equal(log_number(report + 8, 4), kind->algorithm);
	assert_int_equal(log_number(report + 12, 4), development);
	assert_true(log_number(report + 16, 8) > 0);
	assert_int_equal(log_number(report + 24, 4), 1);
	assert_int_equal(log_number(report + 28, 4), 1);
	assert_int_equal(log_number(report + 32, 4), level);
	assert_int_equal(log_number(report + 36, 4), 1);
	assert_memory_equal(report + 40, cvm->digest, 32);
	assert_memory_equal(report + 72, zero, 32);
	assert_memory_equal(report + 104, data, 64);
	assert_memory_not_equal(report + 168, zero, 32);
	assert_string_equal((char *)report + 200, getenv("HG_VERSION"));
	assert_memory_equal(report + 232, id, 32);
	assert_memory_equal(report + 264, zero, 40);
	assert_memory_equal(report + SIZE, zero, 16);
	assert_true(verifies(point, report));
	assert_true(cvm_whole(cvm));
	cvm_free(cvm);
}

/* Each byte of it counts, and so does the key. */
static void test_tampered(void **state)
{
	struct cvm *cvm = cvm_start(true);
	uint8_t data[64] = { 1 }, report[448], point[KEY_MAX];
	unsigned int i;

	(void)state;
	get_report(cvm, data, report);
	point_of(point);
	for (i = 0; i < SIZE; i += i < SIGNED ? 1 : 7) {
		report[i] ^= 1 << i % 8;
		assert_false(verifies(point, report));
		report[i] ^= 1 << i % 8;
	}
	assert_true(verifies(point, report));
	cvm_free(cvm);
}

/* The report's boot_id and key are those of the measured event. */
static void test_chain(void **state)
{
	struct cvm *cvm = cvm_start(true);
	uint8_t data[64] = { 2 }, report[448];
	struct log log;

	(void)state;
	log_read(&log, DIR "event_log");
	get_report(cvm, data, report);
	assert_memory_equal(report + 168, log.event[1].data + 8, 32);
	assert_true(verifies(log.event[1].data + 44, report));
	cvm_free(cvm);
}

/* Many signatures: all good, no nonce twice, and no id for two CVMs. */
static void test_many(void **state)
{
	uint8_t data[64] = { 3 }, report[12][448], point[KEY_MAX];
	struct cvm *cvm[2] = { cvm_start(true), cvm_start(true) };
	unsigned int i, j;

	(void)state;
	point_of(point);
	for (i = 0; i < 12; i++) {
		get_report(cvm[i & 1], data, report[i]);
		assert_true(verifies(point, report[i]));
		for (j = 0; j < i; j++)
			assert_memory_not_equal(report[i] + SIGNED, report[j] + SIGNED, 32);
	}
	assert_true(log_number(report[0] + 16, 8) != log_number(report[1] + 16, 8));
	assert_true(log_number(report[0] + 16, 8) == log_number(report[2] + 16, 8));
	cvm_free(cvm[0]);
	cvm_free(cvm[1]);
}

static void test_refusals(void **state)
{
	struct cvm *cvm = cvm_start(true);
	uint8_t data[64] = { 4 }, block[64];
	uint64_t regs[9] = { REPORT + 2 };

	(void)state;
	assert_int_equal(read_block(cvm, 0, block), E_ABSENT);
	assert_int_equal(ask(cvm, data), SIZE);
	assert_int_equal(read_block(cvm, 8, block), E_ALIGN);
	assert_int_equal(read_block(cvm, 384, block), E_RANGE);
	assert_int_equal(read_block(cvm, ~63ULL, block), E_RANGE);
	cvm_registers(cvm, regs);
	assert_int_equal((int64_t)regs[0], E_CALL);
	assert_true(cvm_whole(cvm));
	cvm_free(cvm);
}

/* The host is not kept signing. */
static void test_rate(void **state)
{
	struct cvm *cvm = cvm_start(true);
	uint8_t data[64] = { 5 };
	unsigned int i, refused = 0;
	int64_t got;

	(void)state;
	for (i = 0; i < 100; i++) {
		got = ask(cvm, data);
		assert_true(got == SIZE || got == E_BUSY);
		refused += got == E_BUSY;
	}
	print_message("# %u of 100 in a row refused\n", refused);
	for (i = 0; i < 100 && ask(cvm, data) == E_BUSY; i++)
		usleep(20000);
	assert_true(i < 100);
	cvm_free(cvm);
}

/* An ordinary VM has no such call: the number is that of a call of its kernel's, which is none. */
static void test_ordinary(void **state)
{
	struct cvm *cvm = cvm_start(false);
	uint8_t data[64] = { 6 };

	(void)state;
	assert_int_equal(ask(cvm, data), E_CALL);
	cvm_free(cvm);
}

static void test_none(void **state)
{
	struct cvm *cvm = cvm_start(true);
	uint8_t data[64] = { 7 }, block[64], point[KEY_MAX];

	(void)state;
	assert_int_equal(ask(cvm, data), E_UNSUPPORTED);
	assert_int_equal(read_block(cvm, 0, block), E_ABSENT);
	assert_int_equal(log_file(DIR "public_key", point, KEY_MAX), 0);
	assert_true(cvm_whole(cvm));
	cvm_free(cvm);
}

/* The module is gone, and the PCR has one event more. */
static void test_gone(void **state)
{
	uint8_t event[36] = { 1 };
	struct log log;

	(void)state;
	log_read(&log, kept);
	assert_int_equal(log.events, 2);
	memcpy(event + 4, log.event[1].data + 8, 32);
	assert_false(log_matches(&log));
	log_extend(&log, EVENT_UNLOADED, event, sizeof(event));
	assert_true(log_matches(&log));
}

/* --- for others to verify --- */

static void test_save(void **state)
{
	struct cvm *cvm = cvm_start(true);
	const char *hex = getenv("HG_DATA");
	uint8_t data[64], report[448];
	unsigned int i;
	FILE *file;

	(void)state;
	assert_true(hex && strlen(hex) == 128);
	for (i = 0; i < 64; i++)
		assert_int_equal(sscanf(hex + 2 * i, "%2hhx", &data[i]), 1);
	get_report(cvm, data, report);
	file = fopen(kept, "w");
	assert_true(file && fwrite(report, 1, SIZE, file) == SIZE && !fclose(file));
	cvm_free(cvm);
}

/* --- how long it takes: with hgbench --icount a nanosecond is an instruction --- */

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_RAW, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

#define ROUNDS	8

static void test_time(void **state)
{
	struct cvm *cvm = cvm_start(true);
	uint8_t data[64] = { 8 }, block[64];
	uint64_t begin, report, read, nothing;
	unsigned int i;

	(void)state;
	begin = now();
	for (i = 0; i < ROUNDS; i++)
		assert_int_equal(cvm_hypercall(cvm, REPORT + 2, 0, 0, 0), E_CALL);
	nothing = now() - begin;
	begin = now();
	for (i = 0; i < ROUNDS; i++)
		assert_int_equal(ask(cvm, data), SIZE);
	report = now() - begin;
	begin = now();
	for (i = 0; i < ROUNDS; i++)
		assert_int_equal(read_block(cvm, 0, block), 0);
	read = now() - begin;
	print_message("# ns each, the test's own port accesses included: report %llu, read %llu, other %llu\n",
		      (unsigned long long)report / ROUNDS, (unsigned long long)read / ROUNDS,
		      (unsigned long long)nothing / ROUNDS);
	cvm_free(cvm);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tpm[] = {
		cmocka_unit_test(test_log), cmocka_unit_test(test_build_id),
		cmocka_unit_test(test_log_in_pieces), cmocka_unit_test(test_chain),
		cmocka_unit_test(test_report), cmocka_unit_test(test_tampered),
		cmocka_unit_test(test_many), cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_rate), cmocka_unit_test(test_ordinary),
	};
	static const struct CMUnitTest unbacked[] = {
		cmocka_unit_test(test_report), cmocka_unit_test(test_tampered),
		cmocka_unit_test(test_many),
	};
	static const struct CMUnitTest logged[] = {
		cmocka_unit_test(test_log_alone), cmocka_unit_test(test_build_id),
		cmocka_unit_test(test_log_in_pieces), cmocka_unit_test(test_chain),
	};
	static const struct CMUnitTest chain[] = {
		cmocka_unit_test(test_chain), cmocka_unit_test(test_report),
	};
	static const struct CMUnitTest none[] = {
		cmocka_unit_test(test_none), cmocka_unit_test(test_ordinary),
	};
	static const struct CMUnitTest gone[] = { cmocka_unit_test(test_gone) };
	static const struct CMUnitTest save[] = { cmocka_unit_test(test_save) };
	static const struct CMUnitTest timing[] = { cmocka_unit_test(test_time) };
	const char *what = argc > 1 ? argv[1] : "", *word = getenv("HG_KEY");

	while (word && strcmp(kind->word, word))
		if (++kind == kinds + sizeof(kinds) / sizeof(*kinds))
			return 2;
	kept = argc > 2 ? argv[2] : NULL;
	level += !strcmp(what, "l2");
	development = level == 2 || !strcmp(what, "development");
	if (!strcmp(what, "tpm"))
		return hgt_main(tpm);
	/* L0's log is not to be seen in L1. */
	if (level == 2)
		return hgt_main(unbacked);
	if (development)
		return hgt_main(logged) | hgt_main(unbacked);
	if (!strcmp(what, "chain"))
		return hgt_main(chain);
	if (!strcmp(what, "none"))
		return hgt_main(none);
	if (!strcmp(what, "gone") && kept)
		return hgt_main(gone);
	if (!strcmp(what, "save") && kept)
		return hgt_main(save);
	if (!strcmp(what, "time"))
		return hgt_main(timing);
	fprintf(stderr, "usage: test_report tpm|chain|development|l2|none|gone FILE|save FILE|time\n");
	return 2;
}
