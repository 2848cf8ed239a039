// SPDX-License-Identifier: Apache-2.0
#include "session.h"

#include "channel.h"

#include "../device/agree.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

extern const char hg_device_source[];

/*
 * Steps of a group's race in the first launch, and launches until the device is held to be
 * without noise. A clock gives enough at once. Without one the groups must run side by side,
 * for which a launch must outlast others' turns where processors are shared.
 */
#define STEPS_FIRST 4096u
#define LAUNCHES    64u

struct opening {
	struct hg_provider *p;
	struct hg_queue *queue;
	struct hg_buffer *agree, *wire, *state, *reading;
	struct hg_agreement *host;
};

#define BUFFER(b)                                    \
	{                                            \
		.type = HG_ARG_BUFFER, .buffer = (b) \
	}

static int zeros(struct opening *o, size_t size, struct hg_buffer **buffer,
		 struct hg_gpu_error *err)
{
	uint8_t *zero = calloc(1, size);
	int rc;

	if (!zero)
		return hg_gpu_no_memory(err);
	rc = o->p->ops->buffer_create(o->p, size, buffer, err);
	if (!rc)
		rc = o->p->ops->write(o->p, o->queue, *buffer, 0, zero, size, NULL, NULL, err);
	if (!rc)
		rc = o->p->ops->finish(o->p, o->queue, err);
	free(zero);
	return rc;
}

static int launch(struct opening *o, const char *name, const struct hg_arg *args, unsigned count,
		  size_t groups, struct hg_gpu_error *err)
{
	struct hg_kernel *kernel;

	if (o->p->ops->kernel(o->p, name, &kernel, err))
		return -1;
	return o->p->ops->launch(o->p, o->queue, kernel, args, count, groups, o->p->info.lanes,
				 NULL, NULL, err);
}

/*
 * By the device: zeros of ours would cross the bus, and what comes there instead could say
 * that noise was collected. The state is cleared by the kernel that fills it.
 */
static int clear(struct opening *o, struct hg_gpu_error *err)
{
	const struct hg_arg args[] = { BUFFER(o->agree) };

	return launch(o, "hg_agree_clear", args, 1, 1, err);
}

static int put(struct opening *o, size_t offset, const void *data, size_t size,
	       struct hg_gpu_error *err)
{
	if (o->p->ops->write(o->p, o->queue, o->wire, offset, data, size, NULL, NULL, err))
		return -1;
	return o->p->ops->finish(o->p, o->queue, err);
}

static int get(struct opening *o, size_t offset, void *data, size_t size, struct hg_gpu_error *err)
{
	if (o->p->ops->read(o->p, o->queue, o->wire, offset, data, size, NULL, NULL, err))
		return -1;
	return o->p->ops->finish(o->p, o->queue, err);
}

/* Sends the hello until there is noise enough for an answer. */
static int ask(struct opening *o, const struct hg_hello *hello,
	       const struct hg_agree_options *options, struct hg_answer *answer,
	       struct hg_gpu_error *err)
{
	uint32_t steps = STEPS_FIRST;
	unsigned i;

	if (put(o, offsetof(struct agree_wire, hello), hello, sizeof(*hello), err))
		return -1;
	if (options->helper_size &&
	    put(o, offsetof(struct agree_wire, helper), options->helper, options->helper_size, err))
		return -1;
	for (i = 0; i < LAUNCHES; i++) {
		const struct hg_arg args[] = { BUFFER(o->agree),
					       BUFFER(o->wire),
					       BUFFER(o->reading),
					       { .type = HG_ARG_U32, .u32 = steps } };

		if (launch(o, "hg_agree_hello", args, 4, NOISE_GROUPS, err) ||
		    get(o, offsetof(struct agree_wire, answer), answer, sizeof(*answer), err))
			return -1;
		if (answer->status != HG_AGREE_NOISE)
			break;
		steps = steps < NOISE_STEPS_MAX / 4 ? steps * 4 : NOISE_STEPS_MAX;
	}
	return 0;
}

static int conclude(struct opening *o, const struct hg_finish *finish, struct hg_gpu_error *err)
{
	const struct hg_arg args[] = { BUFFER(o->agree), BUFFER(o->wire), BUFFER(o->state) };
	uint32_t status = HG_AGREE_STATE;

	if (put(o, offsetof(struct agree_wire, finish), finish, sizeof(*finish), err) ||
	    launch(o, "hg_agree_finish", args, 3, 1, err) ||
	    get(o, offsetof(struct agree_wire, status), &status, sizeof(status), err))
		return -1;
	/* Not authenticated, for the message only: the first receipt tells the truth. */
	if (status != HG_AGREE_OK)
		return hg_gpu_fail(err, HG_GPU_E_TAMPERED,
				   "key agreement: the device does not open the session: %s",
				   hg_agree_status_name(status));
	return 0;
}

static int agree_on(struct opening *o, const struct hg_agree_options *options,
		    struct hg_session_keys *keys, struct hg_gpu_error *err)
{
	uint8_t program[32];
	struct hg_hello hello;
	struct hg_answer answer;
	struct hg_finish finish;

	if (hg_session_program(o->p, program, err) ||
	    hg_agree_hello(options, program, &o->host, &hello, err))
		return -1;
	if (o->p->ops->buffer_create(o->p, sizeof(struct agree), &o->agree, err) ||
	    clear(o, err) || zeros(o, sizeof(struct agree_wire), &o->wire, err) ||
	    o->p->ops->buffer_create(o->p, sizeof(struct hg_state), &o->state, err))
		return -1;
	if (ask(o, &hello, options, &answer, err) ||
	    hg_agree_answer(o->host, &answer, &finish, keys, err))
		return -1;
	return conclude(o, &finish, err);
}

int hg_session_open(struct hg_provider *p, struct hg_queue *queue,
		    const struct hg_agree_options *options, struct hg_buffer *reading,
		    struct hg_buffer **state, struct hg_session_keys *keys,
		    struct hg_gpu_error *err)
{
	struct opening o = { .p = p, .queue = queue, .reading = reading };
	int rc;

	*state = NULL;
	memset(keys, 0, sizeof(*keys));
	if (!options->anonymous && !reading)
		return hg_gpu_fail(err, HG_GPU_E_ARGUMENT,
				   "an enrolled device needs a reading of its behaviour");
	rc = agree_on(&o, options, keys, err);
	hg_agree_free(o.host);
	/* Whatever is under way uses memory of ours; and what was secret is not left in it. */
	if (o.agree) {
		clear(&o, NULL);
		p->ops->finish(p, queue, NULL);
		p->ops->buffer_release(p, o.agree);
	}
	if (o.wire)
		p->ops->buffer_release(p, o.wire);
	if (!rc) {
		*state = o.state;
		return 0;
	}
	hg_channel_state_drop(p, queue, o.state);
	OPENSSL_cleanse(keys, sizeof(*keys));
	return -1;
}

int hg_session_channel(struct hg_provider *p, struct hg_queue *queue,
		       const struct hg_agree_options *agree, struct hg_buffer *reading,
		       const struct hg_channel_options *channel, struct hg_channel **ch,
		       struct hg_gpu_error *err)
{
	struct hg_channel_options options = *channel;
	struct hg_session_keys keys;
	int rc = hg_session_open(p, queue, agree, reading, &options.state, &keys, err);

	*ch = NULL;
	if (!rc) {
		options.session = keys.session;
		memcpy(options.secret, keys.secret, sizeof(options.secret));
		memcpy(options.transcript, keys.transcript, sizeof(options.transcript));
		rc = hg_channel_open(p, queue, &options, ch, err);
	}
	OPENSSL_cleanse(&keys, sizeof(keys));
	OPENSSL_cleanse(&options, sizeof(options));
	return rc;
}

int hg_session_program(const struct hg_provider *p, uint8_t digest[32], struct hg_gpu_error *err)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint32_t choice[2] = { p->info.lanes, p->info.suites };
	int ok = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) &&
		 EVP_DigestUpdate(ctx, hg_device_source, strlen(hg_device_source)) &&
		 EVP_DigestUpdate(ctx, choice, sizeof(choice)) &&
		 EVP_DigestFinal_ex(ctx, digest, NULL);

	EVP_MD_CTX_free(ctx);
	return ok ? 0 : hg_gpu_fail_crypto(err, "hash of the session program");
}
