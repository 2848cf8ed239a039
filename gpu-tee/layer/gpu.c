// SPDX-License-Identifier: Apache-2.0
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include "gpu.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "enrol.h"
#include "identity_cl.h"
#include "layer.h"
#include "pci.h"
#include "probe.h"
#include "session.h"
#include "simulated.h"

/* Everything that is needed to know the GPU. */
struct gpu {
	struct hg_clapi api;
	cl_context context;
	cl_device_id device;
	bool anonymous, recorded, simulated;
	uint64_t serial;
	struct hg_fp_record record;
	struct hg_probe *probe;
};

/* ---- What the environment wants ---- */

static const char *setting(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

static char *read_file(const char *path, size_t max, size_t *size, struct hg_gpu_error *err)
{
	FILE *f = fopen(path, "re");
	char *text = f ? malloc(max + 1) : NULL;

	if (!text) {
		hg_gpu_fail(err, HG_GPU_E_ARGUMENT, "cannot read %s: %s", path, strerror(errno));
	} else {
		*size = fread(text, 1, max + 1, f);
		if (ferror(f) || *size > max) {
			hg_gpu_fail(err, HG_GPU_E_ARGUMENT, "%s: %s", path,
				    *size > max ? "too long" : "cannot be read");
			free(text);
			text = NULL;
		}
	}
	if (f)
		fclose(f);
	return text;
}

static EVP_PKEY *read_signer(struct hg_gpu_error *err)
{
	const char *path = setting("HYPERGPU_GPU_SIGNER");
	EVP_PKEY *key = NULL;
	BIO *bio;

	if (!path) {
		hg_gpu_fail(
			err, HG_GPU_E_ARGUMENT,
			"a record needs HYPERGPU_GPU_SIGNER, the public key of whoever signed it");
		return NULL;
	}
	bio = BIO_new_file(path, "r");
	if (bio)
		key = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
	if (!key)
		hg_gpu_fail(err, HG_GPU_E_ARGUMENT, "%s is no public key in PEM", path);
	BIO_free(bio);
	ERR_clear_error();
	return key;
}

static int read_record(struct gpu *g, const char *path, struct hg_gpu_error *err)
{
	EVP_PKEY *signer = read_signer(err);
	size_t size;
	char *text = signer ? read_file(path, HG_FP_RECORD_MAX, &size, err) : NULL;
	int rc = -1;

	if (text) {
		rc = hg_fp_record_parse(text, size, signer, &g->record, err);
		if (rc)
			hg_gpu_prefix(err, path);
	}
	free(text);
	EVP_PKEY_free(signer);
	return rc;
}

static int read_serial(struct gpu *g, const char *text, struct hg_gpu_error *err)
{
	char *end;

	errno = 0;
	g->serial = strtoull(text, &end, 10);
	if (errno || *end || *text < '0' || *text > '9')
		return hg_gpu_fail(err, HG_GPU_E_ARGUMENT,
				   "HYPERGPU_GPU_SIMULATED is no number: %s", text);
	g->simulated = true;
	return 0;
}

static int read_environment(struct gpu *g, struct hg_gpu_error *err)
{
	const char *anonymous = setting("HYPERGPU_ANONYMOUS");
	const char *record = setting("HYPERGPU_GPU_RECORD");
	const char *serial = setting("HYPERGPU_GPU_SIMULATED");

	if (anonymous && strcmp(anonymous, "1") != 0 && strcmp(anonymous, "0") != 0)
		return hg_gpu_fail(err, HG_GPU_E_ARGUMENT, "HYPERGPU_ANONYMOUS is neither 0 nor 1");
	g->anonymous = anonymous && *anonymous == '1';
	g->recorded = record != NULL;
	if (!g->recorded && !g->anonymous)
		return hg_gpu_fail(err, HG_GPU_E_ARGUMENT,
				   "which GPU is it to be? Name the record of its enrolment "
				   "(hgrun --gpu), or go without knowing (hgrun --anonymous)");
	if (record && read_record(g, record, err))
		return -1;
	if (serial && read_serial(g, serial, err))
		return -1;
	if (g->recorded && g->record.simulated != g->simulated)
		return hg_gpu_fail(err, HG_GPU_E_IDENTITY,
				   g->simulated ? "the record is not of a simulated GPU"
						: "the record is of a simulated GPU: such a one is "
						  "for tests only (HYPERGPU_GPU_SIMULATED)");
	if (g->recorded && !g->record.behaviour && !g->anonymous)
		return hg_gpu_fail(err, HG_GPU_E_ARGUMENT,
				   "the record has no key of the GPU's, as kernels have no clock "
				   "there: its identity can be checked, with --anonymous");
	return 0;
}

/* ---- What the device is ---- */

static int read_identity(struct gpu *g, struct hg_fp_identity *id, struct hg_gpu_error *err)
{
	char address[HG_PCI_ADDRESS];
	struct hg_fp_notes notes = { { 0 } };
	struct hg_sim_device sim;

	if (g->simulated) {
		hg_sim_defaults(&sim, g->serial);
		hg_sim_identity(&sim, id);
		return 0;
	}
	if (hg_cl_identity(&g->api, g->device, id, err))
		return -1;
	if (hg_cl_pci_address(&g->api, g->device, address, sizeof(address)))
		return 0;
	return hg_pci_identity(HG_PCI_SYSFS, address, false, id, &notes, err);
}

static int put_simulated(struct gpu *g, struct hg_gpu_error *err)
{
	struct fp_reading *reading = calloc(1, sizeof(*reading));
	struct hg_sim_device sim;
	uint64_t seed;
	int rc = -1;

	if (!reading)
		return hg_gpu_no_memory(err);
	hg_sim_defaults(&sim, g->serial);
	if (RAND_bytes((unsigned char *)&seed, sizeof(seed)) != 1) {
		hg_gpu_fail_crypto(err, "random numbers");
	} else {
		hg_sim_read(&sim, seed, reading);
		rc = hg_probe_put(g->probe, reading, err);
	}
	free(reading);
	return rc;
}

/* A reading on the device, and what it gives with the record's helper data. */
static int measure(struct gpu *g, struct hg_fp_evidence *e, struct hg_gpu_error *err)
{
	if (hg_probe_attach(&g->api, g->context, g->device, &g->probe, err))
		return -1;
	if (g->simulated ? put_simulated(g, err) : hg_probe_measure(g->probe, err))
		return -1;
	return hg_probe_verify(g->probe, &g->record.helper, e, err);
}

static int check_device(struct gpu *g, struct hg_gpu_error *err)
{
	struct hg_fp_evidence *e = calloc(1, sizeof(*e));
	struct hg_fp_result *result = calloc(1, sizeof(*result));
	int rc = -1;

	if (!e || !result) {
		hg_gpu_no_memory(err);
	} else if (!read_identity(g, &e->identity, err) &&
		   (!g->record.behaviour || !measure(g, e, err))) {
		hg_fp_compare(&g->record, e, time(NULL), false, result);
		rc = result->passed ? 0 : hg_fp_name_difference(result, err);
	}
	free(e);
	free(result);
	return rc;
}

/* ---- The session ---- */

static int agree(struct gpu *g, struct hg_provider *p, struct hg_queue *queue,
		 struct hg_channel_options *options, struct hg_gpu_error *err)
{
	/* No identity of the CVM: no report would show it to anybody yet. */
	struct hg_agree_options o = { .suite = options->suite };
	struct hg_session_keys keys;
	int rc;

	/* X25519, and SM2's curve where the records are of SM4. */
	o.group = o.suite == HG_SM4_CTR_HMAC_SM3 ? HG_SM2 : HG_X25519;
	o.anonymous = !g->recorded;
	if (g->recorded && hg_fp_agreement(&g->record, &o, err))
		return -1;
	if (o.anonymous)
		layer_say_once("nothing proves which GPU this is: only who listens is kept out");
	else if (g->simulated)
		layer_say_once("the GPU's behaviour is simulated: it proves nothing");
	rc = hg_session_open(p, queue, &o, g->probe ? HG_BUFFER(hg_probe_reading(g->probe)) : NULL,
			     &options->state, &keys, err);
	options->session = keys.session;
	memcpy(options->secret, keys.secret, sizeof(options->secret));
	memcpy(options->transcript, keys.transcript, sizeof(options->transcript));
	OPENSSL_cleanse(&keys, sizeof(keys));
	return rc;
}

int gpu_session(struct hg_provider *p, struct hg_queue *queue, cl_context context,
		cl_device_id device, struct hg_channel_options *options, struct hg_gpu_error *err)
{
	struct gpu *g = calloc(1, sizeof(*g));
	int rc;

	if (!g)
		return hg_gpu_no_memory(err);
	g->context = context;
	g->device = device;
#define BELOW(name) g->api.name = below->cl##name;
	HG_CLAPI(BELOW)
#undef BELOW
	rc = read_environment(g, err);
	if (!rc && g->recorded)
		rc = check_device(g, err);
	if (!rc)
		rc = agree(g, p, queue, options, err);
	hg_probe_close(g->probe);
	OPENSSL_cleanse(g, sizeof(*g));
	free(g);
	return rc;
}
