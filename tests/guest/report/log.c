// SPDX-License-Identifier: Apache-2.0
#include "log.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hgt.h"

#define PCR	13

/* TCG Algorithm Registry; and as the kernel's files call them. */
static const struct {
	uint16_t id, size;
	const char *name;
} algorithms[] = {
	{ 0x04, 20, "sha1" }, { 0x0b, 32, "sha256" }, { 0x0c, 48, "sha384" },
	{ 0x0d, 64, "sha512" }, { 0x12, 32, "sm3" },
};

static const char *name_of(uint16_t id, uint16_t size)
{
	size_t i;

	for (i = 0; i < sizeof(algorithms) / sizeof(*algorithms); i++)
		if (algorithms[i].id == id) {
			assert_int_equal(algorithms[i].size, size);
			return algorithms[i].name;
		}
	fail_msg("the log has a bank of algorithm %#x", id);
	return NULL;
}

uint64_t log_number(const uint8_t *bytes, unsigned int size)
{
	uint64_t value = 0;

	while (size--)
		value = value << 8 | bytes[size];
	return value;
}

int log_file(const char *path, void *to, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t have = 0;
	ssize_t n = 1;

	if (fd < 0)
		return -1;
	while (have < size && (n = read(fd, (char *)to + have, size - have)) > 0)
		have += (size_t)n;
	close(fd);
	return n < 0 ? -1 : (int)have;
}

/* --- reading --- */

static const uint8_t *take(struct log *log, size_t *at, size_t size)
{
	const uint8_t *bytes = log->bytes + *at;

	assert_true(size <= log->size - *at);
	*at += size;
	return bytes;
}

static uint32_t number(struct log *log, size_t *at, unsigned int size)
{
	return (uint32_t)log_number(take(log, at, size), size);
}

static void read_spec_id(struct log *log, size_t *at)
{
	static const uint8_t zero[20];
	uint32_t size;
	unsigned int i;

	assert_int_equal(number(log, at, 4), 0);
	assert_int_equal(number(log, at, 4), 3);	/* EV_NO_ACTION */
	assert_memory_equal(take(log, at, 20), zero, 20);
	size = number(log, at, 4);
	assert_memory_equal(take(log, at, 16), "Spec ID Event03", 16);
	assert_int_equal(number(log, at, 4), 0);
	assert_memory_equal(take(log, at, 4), "\0\2\0\2", 4);
	log->banks = number(log, at, 4);
	assert_in_range(log->banks, 1, LOG_BANKS);
	for (i = 0; i < log->banks; i++) {
		log->bank[i].algorithm = (uint16_t)number(log, at, 2);
		log->bank[i].size = (uint16_t)number(log, at, 2);
		name_of(log->bank[i].algorithm, log->bank[i].size);
	}
	assert_int_equal(number(log, at, 1), 0);
	assert_int_equal(size, 16 + 8 + 4 + 4 * log->banks + 1);
}

static void digest(const struct log *log, unsigned int bank, const void *a, size_t a_size,
		   const void *b, size_t b_size, uint8_t *to)
{
	const EVP_MD *md = EVP_get_digestbyname(name_of(log->bank[bank].algorithm,
							log->bank[bank].size));
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	assert_non_null(md);
	assert_true(EVP_DigestInit_ex(context, md, NULL) && EVP_DigestUpdate(context, a, a_size) &&
		    EVP_DigestUpdate(context, b, b_size) && EVP_DigestFinal_ex(context, to, NULL));
	EVP_MD_CTX_free(context);
}

static void read_event(struct log *log, size_t *at)
{
	uint8_t want[64];
	const uint8_t *digests, *event;
	size_t before;
	uint32_t size;
	unsigned int i;

	assert_int_equal(number(log, at, 4), PCR);
	assert_int_equal(number(log, at, 4), 6);	/* EV_EVENT_TAG */
	assert_int_equal(number(log, at, 4), log->banks);
	before = *at;
	for (i = 0; i < log->banks; i++)
		take(log, at, 2 + log->bank[i].size);
	size = number(log, at, 4);
	event = take(log, at, size);
	digests = log->bytes + before;
	for (i = 0; i < log->banks; i++) {
		assert_int_equal(log_number(digests, 2), log->bank[i].algorithm);
		digest(log, i, event, size, "", 0, want);
		assert_memory_equal(digests + 2, want, log->bank[i].size);
		digests += 2 + log->bank[i].size;
	}
	assert_true(size >= 8);
	assert_int_equal(log_number(event + 4, 4), size - 8);
	assert_true(log->events < LOG_EVENTS);
	log->event[log->events++] = (struct log_event){
		.id = (uint32_t)log_number(event, 4), .size = size - 8, .data = event + 8,
	};
	log_extend(log, (uint32_t)log_number(event, 4), event + 8, size - 8);
}

void log_extend(struct log *log, uint32_t id, const void *data, uint32_t size)
{
	uint32_t head[2] = { id, size };
	uint8_t hash[64];
	unsigned int i;

	for (i = 0; i < log->banks; i++) {
		digest(log, i, head, sizeof(head), data, size, hash);
		digest(log, i, log->bank[i].pcr, log->bank[i].size, hash, log->bank[i].size,
		       log->bank[i].pcr);
	}
}

void log_read(struct log *log, const char *path)
{
	size_t at = 0;
	int size;

	memset(log, 0, sizeof(*log));
	size = log_file(path, log->bytes, sizeof(log->bytes));
	assert_in_range(size, 1, sizeof(log->bytes) - 1);
	log->size = (size_t)size;
	read_spec_id(log, &at);
	while (at < log->size)
		read_event(log, &at);
}

/* --- the TPM --- */

bool log_matches(const struct log *log)
{
	char path[64], text[160], hex[129];
	unsigned int i, j, shown = 0;

	for (i = 0; i < log->banks; i++) {
		snprintf(path, sizeof(path), "/sys/class/tpm/tpm0/pcr-%s/%u",
			 name_of(log->bank[i].algorithm, log->bank[i].size), PCR);
		memset(text, 0, sizeof(text));
		if (log_file(path, text, sizeof(text) - 1) < 0)
			continue;
		shown++;
		for (j = 0; j < log->bank[i].size; j++)
			sprintf(hex + 2 * j, "%02X", log->bank[i].pcr[j]);
		if (strncmp(text, hex, 2 * log->bank[i].size)) {
			print_message("# %s: %s, the log says %s\n", path, text, hex);
			return false;
		}
	}
	assert_true(shown > 0);
	return true;
}
