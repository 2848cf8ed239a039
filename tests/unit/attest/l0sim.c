// SPDX-License-Identifier: Apache-2.0
/*
 * Plays firmware and L0 for swtpm.sh: logs, what to extend into the TPM, and
 * reports.
 *
 *   l0sim boot DIR NAME           DIR/{boot.log,l0.log,extends,report.pem,boot_id,reference.json}
 *   l0sim report DIR HEX FILE     a report that carries these 64 bytes
 */
#include <assert.h>
#include <openssl/pem.h>
#include <stdlib.h>

#include "machine.h"

static void save(const char *dir, const char *name, const void *data, size_t size)
{
	char path[512];
	FILE *to;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	to = fopen(path, "w");
	assert(to && fwrite(data, 1, size, to) == size);
	assert(!fclose(to));
}

static size_t load(const char *dir, const char *name, void *data, size_t max)
{
	char path[512];
	FILE *from;
	size_t n;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	from = fopen(path, "r");
	assert(from);
	n = fread(data, 1, max, from);
	fclose(from);
	return n;
}

/* One line an event, as tpm2_pcrextend takes it. */
static void put_extends(FILE *to, const struct writer *w)
{
	struct att_error err = { 0 };
	struct att_log log;
	size_t i;
	unsigned int b;

	assert(!att_log_parse(w->data, w->size, &log, &err));
	for (i = 0; i < log.count; i++) {
		const struct att_event *e = &log.event[i];
		char hex[2 * ATT_HASH_MAX + 1];

		if (e->type == EV_NO_ACTION)
			continue;
		fprintf(to, "%u:", e->pcr);
		for (b = 0; b < log.banks; b++) {
			att_hex(e->digest[b], log.bank[b].size, hex);
			fprintf(to, "%s%s=%s", b ? "," : "", log.bank[b].alg->name, hex);
		}
		fputc('\n', to);
	}
	att_log_free(&log);
}

static void put_reference(FILE *to, const struct machine *m)
{
	static const uint32_t pcrs[] = { 0, 2, 4, 7, 8, 9 };
	char hex[2 * ATT_HASH_MAX + 1];
	size_t i;

	fprintf(to,
		"{ \"version\": 1, \"type\": \"hypergpu-reference-values\", "
		"\"pcrs\": { \"sha256\": {");
	for (i = 0; i < ARRAY_SIZE(pcrs); i++) {
		att_hex(m->pcr[1][pcrs[i]], 32, hex);
		fprintf(to, "%s \"%u\": [\"%s\"]", i ? "," : "", pcrs[i], hex);
	}
	att_hex(m->build_id, 20, hex);
	fprintf(to,
		" } },\n\"l0\": [ { \"version\": \"%s\", \"build_id\": \"%s\", "
		"\"srcversion\": \"%s\" } ],\n",
		L0_VERSION, hex, L0_SRCVERSION);
	att_hex(m->launch_digest, 32, hex);
	fprintf(to,
		"\"launch\": [ { \"digest\": \"%s\", \"policy\": 1, "
		"\"vcpus\": 2, \"levels\": [1] } ] }\n",
		hex);
}

static void boot(const char *dir, const char *name)
{
	struct machine m;
	char *text = NULL;
	size_t size = 0;
	FILE *to;
	BIO *bio = BIO_new(BIO_s_mem());
	char *pem;
	long n;

	machine_boot(&m, name, ATT_SIG_P256);
	save(dir, "boot.log", m.boot_log.data, m.boot_log.size);
	save(dir, "l0.log", m.l0_log.data, m.l0_log.size);
	save(dir, "boot_id", m.boot_id, sizeof(m.boot_id));
	to = open_memstream(&text, &size);
	assert(to);
	put_extends(to, &m.boot_log);
	put_extends(to, &m.l0_log);
	fclose(to);
	save(dir, "extends", text, size);
	free(text);
	text = NULL;
	to = open_memstream(&text, &size);
	assert(to);
	put_reference(to, &m);
	fclose(to);
	save(dir, "reference.json", text, size);
	free(text);
	assert(PEM_write_bio_PrivateKey(bio, m.report_key, NULL, NULL, 0, NULL, NULL) == 1);
	n = BIO_get_mem_data(bio, &pem);
	save(dir, "report.pem", pem, (size_t)n);
	BIO_free(bio);
	machine_free(&m);
}

static void report(const char *dir, const char *hex, const char *path)
{
	uint8_t data[ATT_REPORT_DATA], out[ATT_REPORT_MAX];
	struct machine m;
	char pem[4096];
	EVP_PKEY *key;
	BIO *bio;
	FILE *to;
	size_t n;

	assert(att_unhex(hex, data, sizeof(data)) == sizeof(data));
	machine_boot(&m, "", ATT_SIG_P256);
	assert(load(dir, "boot_id", m.boot_id, 32) == 32);
	n = load(dir, "report.pem", pem, sizeof(pem));
	bio = BIO_new_mem_buf(pem, (int)n);
	key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	assert(key);
	n = machine_report(&m, key, data, out);
	to = fopen(path, "w");
	assert(to && fwrite(out, 1, n, to) == n && !fclose(to));
	EVP_PKEY_free(key);
	BIO_free(bio);
	machine_free(&m);
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "boot"))
		boot(argv[2], argv[3]);
	else if (argc == 5 && !strcmp(argv[1], "report"))
		report(argv[2], argv[3], argv[4]);
	else
		return 2;
	return 0;
}
