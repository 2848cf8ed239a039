// SPDX-License-Identifier: Apache-2.0
/*
 * Helper data, as the bus may hand it to the device: pieces of the input are laid
 * over good helper data. Only unchanged helper data gives the secret.
 */
#include "fuzz.h"
#include "simulated.h"

static struct fp_reading reading;
static struct fp_helper helper;
static uint8_t secret[32];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static struct fp_reading readings[3];
	const struct fp_reading *list[3] = { &readings[0], &readings[1], &readings[2] };
	const uint8_t none[] = { 0, 0, 0 }, head[] = { 4, 0, 1, 0xff };
	struct hg_gpu_error err;
	struct hg_sim_device d;

	(void)argc, (void)argv;
	hg_sim_defaults(&d, 1);
	for (uint64_t i = 0; i < 3; i++)
		hg_sim_read(&d, i, &readings[i]);
	hg_sim_read(&d, 9, &reading);
	CHECK(!hg_fp_generate(list, 3, &helper, secret, NULL, &err));
	write_seed("none", none, sizeof(none));
	write_seed("head", head, sizeof(head));
	return 0;
}

/* Runs of: place (2 bytes), length, and that many bytes that are XORed in. */
static void lay(struct fp_helper *h, const uint8_t *data, size_t size)
{
	uint8_t *to = (uint8_t *)h;

	while (size > 3) {
		size_t at = (data[0] | (size_t)data[1] << 8) % sizeof(*h), n = data[2];

		data += 3;
		size -= 3;
		for (; n && size && at < sizeof(*h); n--, at++, data++, size--)
			to[at] ^= *data;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t zero[32];
	struct fp_helper *h = malloc(sizeof(*h));
	uint8_t out[32];
	uint32_t differ;
	int ret;

	*h = helper;
	lay(h, data, size);
	ret = hg_fp_reproduce(h, &reading, out, &differ, NULL);
	if (!memcmp(h, &helper, sizeof(*h)))
		CHECK(!ret && !memcmp(out, secret, 32));
	else
		CHECK(ret == -1 && !memcmp(out, zero, 32));
	free(h);
	return 0;
}
