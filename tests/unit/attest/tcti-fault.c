// SPDX-License-Identifier: Apache-2.0
/*
 * A transport that fails: all goes to another one until command number N, which
 * is answered with an error, cut short, answered with garbage, or never.
 *
 * Loaded by tpm2-tss: "PATH/tcti-fault.so:MODE=N,REAL-TCTI".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tss2/tss2_tcti.h>
#include <tss2/tss2_tctildr.h>
#include <unistd.h>

struct fault {
	TSS2_TCTI_CONTEXT_COMMON_V2 common;
	TSS2_TCTI_CONTEXT *real;
	char mode[16];
	unsigned long at, count;
};

static TSS2_RC transmit(TSS2_TCTI_CONTEXT *ctx, size_t size, const uint8_t *command)
{
	struct fault *f = (struct fault *)ctx;

	f->count++;
	if (f->count == f->at && !strcmp(f->mode, "refuse"))
		return TSS2_TCTI_RC_IO_ERROR;
	return Tss2_Tcti_Transmit(f->real, size, (uint8_t *)command);
}

static void spoil(const struct fault *f, size_t *size, uint8_t *response)
{
	size_t i;

	if (!strcmp(f->mode, "error")) {
		/* TPM_RC_FAILURE, as a TPM in failure mode answers */
		memcpy(response, "\x80\x01\0\0\0\x0a\0\0\x01\x01", 10);
		*size = 10;
	} else if (!strcmp(f->mode, "short")) {
		/* The header says so, too. */
		memset(response + 10, 0, *size - 10);
		*size = *size > 14 ? 14 : 10;
		response[4] = 0;
		response[5] = (uint8_t)*size;
	} else if (!strcmp(f->mode, "garbage")) {
		for (i = 10; i < *size; i++)
			response[i] ^= 0xa5;
	}
}

static TSS2_RC receive(TSS2_TCTI_CONTEXT *ctx, size_t *size, uint8_t *response, int32_t timeout)
{
	struct fault *f = (struct fault *)ctx;
	TSS2_RC rc;

	if (f->count == f->at && !strcmp(f->mode, "hang"))
		for (;;)
			pause();
	rc = Tss2_Tcti_Receive(f->real, size, response, timeout);
	if (!rc && response && f->count == f->at)
		spoil(f, size, response);
	return rc;
}

static void finalize(TSS2_TCTI_CONTEXT *ctx)
{
	struct fault *f = (struct fault *)ctx;
	const char *path = getenv("TCTI_FAULT_COUNT");
	FILE *to = path ? fopen(path, "w") : NULL;

	if (to) {
		fprintf(to, "%lu\n", f->count);
		fclose(to);
	}
	Tss2_TctiLdr_Finalize(&f->real);
}

static TSS2_RC init(TSS2_TCTI_CONTEXT *ctx, size_t *size, const char *conf)
{
	struct fault *f = (struct fault *)ctx;
	const char *comma = conf ? strchr(conf, ',') : NULL;

	if (!ctx) {
		*size = sizeof(*f);
		return TSS2_RC_SUCCESS;
	}
	memset(f, 0, sizeof(*f));
	if (!comma || sscanf(conf, "%15[a-z]=%lu", f->mode, &f->at) != 2)
		return TSS2_TCTI_RC_BAD_VALUE;
	f->common.v1.magic = 0x6661756c74ULL;
	f->common.v1.version = 2;
	f->common.v1.transmit = transmit;
	f->common.v1.receive = receive;
	f->common.v1.finalize = finalize;
	return Tss2_TctiLdr_Initialize(comma + 1, &f->real);
}

const TSS2_TCTI_INFO *Tss2_Tcti_Info(void);

const TSS2_TCTI_INFO *Tss2_Tcti_Info(void)
{
	static const TSS2_TCTI_INFO info = {
		.version = 2,
		.name = "fault",
		.description = "fails at will",
		.init = init,
	};

	return &info;
}
