/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions on the provider that HG_TEST_PROVIDER names ("simulated"), keys for records. */
#ifndef TEST_FIXTURE_H
#define TEST_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <hypergpu/hypergpu.h>

struct fixture {
	struct hg_gpu *gpu;
	struct hg_gpu_session *session;
	struct hg_gpu_failure failure;
};

const char *test_provider(void);

/* What was expected to succeed, or fails the test with the text. */
void ok(int result, const struct hg_gpu_failure *failure);
/* The result is @want, the failure says the same and has a text. */
void fails(int result, int want, const struct hg_gpu_failure *failure);

struct hg_gpu *open_gpu(const char *provider, const char *selector);
struct hg_gpu_session *open_session(struct hg_gpu *gpu, uint32_t suite);
struct hg_gpu_statistics statistics_of(struct hg_gpu_session *session);

/* A struct fixture: with the device, and with a session, too. */
int with_gpu(void **state);
int with_session(void **state);
int without(void **state);

/* A new key on P-256 in PEM, both halves; for free(). */
void new_keys(char **private, char **public);
/* A record of @gpu; for hg_gpu_text_free(). */
char *new_record(struct hg_gpu *gpu, const char *private, uint64_t flags, size_t *size);

/* Bytes that are different at every offset. */
void fill(unsigned char *to, size_t size, unsigned seed);

#endif
