// SPDX-License-Identifier: Apache-2.0
#include "target.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdlib.h>

#include "identity_cl.h"

static int open_cl(struct hg_target *t, struct hg_gpu_error *err)
{
	cl_device_id devices[HG_CL_DEVICES_MAX];
	int count, which = t->choice->device;

	if (hg_clapi_open(&t->api, err))
		return -1;
	count = hg_clapi_devices(&t->api, devices, err);
	if (count < 0)
		return -1;
	if (which < 0 && count == 1)
		which = 0;
	if (which < 0)
		return hg_gpu_fail(
			err, HG_GPU_E_ARGUMENT,
			"%d OpenCL devices: say which one with --device; hggpu list names them",
			count);
	if (which >= count)
		return hg_gpu_fail(err, HG_GPU_E_ARGUMENT,
				   "no OpenCL device %d, there are %d: hggpu list names them",
				   which, count);
	t->device = devices[which];
	return 0;
}

/* By PCI, too, when the driver or the user tells where it sits. Both must mean one device. */
static int add_pci(struct hg_target *t, struct hg_gpu_error *err)
{
	const char *address = t->choice->pci;
	char told[HG_PCI_ADDRESS];

	if (t->device && !hg_cl_pci_address(&t->api, t->device, told, sizeof(told))) {
		if (address && strcmp(address, told))
			return hg_gpu_fail(err, HG_GPU_E_ARGUMENT,
					   "the OpenCL device sits at %s, and --pci says %s", told,
					   address);
		address = told;
	}
	return address ? hg_pci_identity(HG_PCI_SYSFS, address, t->choice->rom, &t->identity,
					 &t->notes, err)
		       : 0;
}

int hg_target_open(struct hg_target *t, const struct hg_choice *c, struct hg_gpu_error *err)
{
	memset(t, 0, sizeof(*t));
	t->choice = c;
	if (c->simulated) {
		hg_sim_defaults(&t->sim, c->serial);
		t->sim.noise = hg_sim_noise(t->sim.spread, c->noise);
		hg_sim_identity(&t->sim, &t->identity);
		return c->device >= 0 ? open_cl(t, err) : 0;
	}
	if ((c->device >= 0 || !c->pci) && open_cl(t, err))
		return -1;
	if (t->device && hg_cl_identity(&t->api, t->device, &t->identity, err))
		return -1;
	return add_pci(t, err);
}

void hg_target_close(struct hg_target *t)
{
	hg_probe_close(t->probe);
	hg_clapi_close(&t->api);
}

static int need_probe(struct hg_target *t, struct hg_gpu_error *err)
{
	if (t->probe)
		return 0;
	if (!t->device)
		return hg_gpu_fail(
			err, HG_GPU_E_UNSUPPORTED,
			"behaviour is measured through OpenCL: name the device with --device, or use its identity only");
	return t->context
		       ? hg_probe_attach(&t->api, t->context, t->device, &t->probe, err)
		       : hg_probe_open(&t->api, t->device, &t->probe, err);
}

static int simulate(struct hg_target *t, struct fp_reading *reading, struct hg_gpu_error *err)
{
	uint64_t seed;

	if (RAND_bytes((unsigned char *)&seed, sizeof(seed)) != 1)
		return hg_gpu_fail_crypto(err, "no random numbers");
	hg_sim_read(&t->sim, seed, reading);
	return 0;
}

int hg_target_read(struct hg_target *t, struct fp_reading *reading, struct hg_gpu_error *err)
{
	if (t->choice->simulated)
		return simulate(t, reading, err);
	return need_probe(t, err) || hg_probe_measure(t->probe, err) ||
			       hg_probe_fetch(t->probe, reading, err)
		       ? -1
		       : 0;
}

int hg_target_enrol(struct hg_target *t, struct fp_reading *readings, unsigned count, int64_t now,
		    int64_t expires, struct hg_fp_record *r, struct hg_gpu_error *err)
{
	const struct fp_reading *each[HG_FP_READINGS_MAX];

	if (count > HG_FP_READINGS_MAX)
		return hg_gpu_fail(err, HG_GPU_E_ARGUMENT, "%u readings: at most %u", count,
				   HG_FP_READINGS_MAX);
	for (unsigned i = 0; i < count; i++) {
		each[i] = &readings[i];
		if (hg_target_read(t, &readings[i], err))
			return -1;
	}
	return hg_fp_enrol(&t->identity, each, count, now, expires, r, err);
}

static int verify_in_c(const struct fp_reading *reading, const struct hg_fp_record *r,
		       struct hg_fp_evidence *e)
{
	uint8_t secret[FP_SECRET_BYTES];
	uint32_t check[8];

	e->measured = true;
	e->failed = hg_fp_reproduce(&r->helper, reading, secret, &e->differ, NULL) != 0;
	fp_check_value(secret, check);
	OPENSSL_cleanse(secret, sizeof(secret));
	for (size_t i = 0; !e->failed && i < sizeof(e->check); i++)
		e->check[i] = (uint8_t)(check[i / 4] >> 8 * (i % 4));
	return 0;
}

static int verify_simulated(struct hg_target *t, const struct hg_fp_record *r,
			    struct hg_fp_evidence *e, struct hg_gpu_error *err)
{
	struct fp_reading *reading = calloc(1, sizeof(*reading));
	int ret;

	if (!reading)
		return hg_gpu_no_memory(err);
	ret = simulate(t, reading, err);
	if (!ret && !t->device)
		ret = verify_in_c(reading, r, e);
	else if (!ret)
		ret = need_probe(t, err) || hg_probe_put(t->probe, reading, err) ||
		      hg_probe_verify(t->probe, &r->helper, e, err);
	free(reading);
	return ret ? -1 : 0;
}

int hg_target_verify(struct hg_target *t, const struct hg_fp_record *r, struct hg_fp_evidence *e,
		  struct hg_gpu_error *err)
{
	if (t->choice->simulated)
		return verify_simulated(t, r, e, err);
	return need_probe(t, err) || hg_probe_measure(t->probe, err) ||
			       hg_probe_verify(t->probe, &r->helper, e, err)
		       ? -1
		       : 0;
}

int hg_target_compare(struct hg_target *t, const struct hg_fp_record *r, int64_t now, bool strict,
		      struct hg_fp_result *result, struct hg_gpu_error *err)
{
	struct hg_fp_evidence e = { .identity = t->identity };
	struct hg_gpu_error why = { 0 };
	int ret = 0;

	/* An identity alone never needs the device to compute. */
	if (r->behaviour && r->simulated == t->identity.simulated)
		ret = hg_target_verify(t, r, &e, &why);
	if (why.code != HG_GPU_OK && err)
		*err = why;
	if (ret && why.code != HG_GPU_E_UNSUPPORTED)
		return -1;
	hg_fp_compare(r, &e, now, strict, result);
	return 0;
}
