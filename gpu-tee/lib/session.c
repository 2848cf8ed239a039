// SPDX-License-Identifier: Apache-2.0
/* Sessions: keys that were agreed on with a device, and the channel that uses them. */
#include "lib.h"

#include "../device/agreement.h"
#include "agree.h"
#include "session.h"

#include <stdlib.h>
#include <time.h>

_Static_assert((int)HG_GPU_SUITE_SM4_CTR_HMAC_SM3 == (int)HG_SM4_CTR_HMAC_SM3 &&
		       (int)HG_GPU_SUITE_CHACHA20_POLY1305 == (int)HG_CHACHA20_POLY1305 &&
		       (int)HG_GPU_SUITE_AES_256_GCM == (int)HG_AES_256_GCM,
	       "suites have the numbers of the records");
_Static_assert((int)HG_GPU_CURVE_X25519 == (int)HG_X25519 &&
		       (int)HG_GPU_CURVE_P256 == (int)HG_P256 &&
		       (int)HG_GPU_CURVE_SM2 == (int)HG_SM2,
	       "curves have the numbers of the agreement");
_Static_assert(LIB_SUITES > (int)HG_SM4_CTR_HMAC_SM3, "a provider for each suite");

#define THREADS_MAX 16

static int check(const struct hg_gpu_session_options *o, struct hg_gpu_failure *failure)
{
	if (o->suite > HG_GPU_SUITE_SM4_CTR_HMAC_SM3)
		return lib_fail(failure, HG_GPU_FAIL_ARGUMENT, "suite %u is unknown", o->suite);
	if (o->curve > HG_GPU_CURVE_SM2)
		return lib_fail(failure, HG_GPU_FAIL_ARGUMENT, "curve %u is unknown", o->curve);
	if (o->threads > THREADS_MAX)
		return lib_fail(failure, HG_GPU_FAIL_ARGUMENT, "%u threads: at most %d", o->threads,
				THREADS_MAX);
	if (o->rekey_bytes > HG_REKEY_BYTES)
		return lib_fail(failure, HG_GPU_FAIL_ARGUMENT, "rekey_bytes: at most 2^36");
	if (o->reserved)
		return lib_fail(failure, HG_GPU_FAIL_ARGUMENT, "reserved is not 0");
	if (!o->record != !o->signer)
		return lib_fail(failure, HG_GPU_FAIL_ARGUMENT, "record and signer come together");
	if (!o->record && !(o->flags & HG_GPU_SESSION_ANONYMOUS))
		return lib_fail(failure, HG_GPU_FAIL_ARGUMENT,
				"neither a record nor HG_GPU_SESSION_ANONYMOUS: which GPU is it "
				"to be?");
	return HG_GPU_SUCCESS;
}

/* What is needed to open one. */
struct opening {
	struct hg_gpu *gpu;
	const struct hg_gpu_session_options *o;
	const struct hg_fp_record *record; /* NULL: none */
	struct hg_agree_options agree;
	struct hg_gpu_session *session;
};

/* That the device is the one of the record, measured now. */
static int check_device(const struct opening *op, struct hg_gpu_error *err)
{
	struct hg_fp_result *result = calloc(1, sizeof(*result));
	int rc;

	if (!result)
		return hg_gpu_no_memory(err);
	rc = hg_target_compare(&op->gpu->cl.target, op->record, time(NULL),
			       op->o->flags & HG_GPU_SESSION_STRICT, result, err);
	/* Where it cannot be measured at all @err says so already. */
	if (!rc && !result->passed)
		rc = err->code == HG_GPU_E_UNSUPPORTED ? -1 : hg_fp_name_difference(result, err);
	free(result);
	return rc;
}

static int open_channel(struct opening *op, struct hg_buffer *reading, struct hg_gpu_error *err)
{
	const struct hg_channel_options channel = {
		.suite = (enum hg_suite)op->agree.suite,
		.threads = op->o->threads,
		.no_coalescing = op->o->flags & HG_GPU_SESSION_NO_COALESCING,
		.rekey_bytes = op->o->rekey_bytes,
	};
	struct hg_gpu_session *s = op->session;

	return hg_session_channel(s->provider, s->queue, &op->agree, reading, &channel,
				  &s->channel, err);
}

/* With the lock of the device held, whose reading is in use. */
static int open_locked(struct opening *op, struct hg_gpu_error *err)
{
	struct hg_gpu_session *s = op->session;
	struct hg_buffer *reading = NULL, *made = NULL;
	int rc;

	if (lib_gpu_provider(op->gpu, op->agree.suite, &s->provider, err) ||
	    s->provider->ops->queue_create(s->provider, &s->queue, err))
		return -1;
	if (op->record && (check_device(op, err) || hg_fp_agreement(op->record, &op->agree, err)))
		return -1;
	rc = op->agree.anonymous ? 0
				 : op->gpu->kind->reading(op->gpu, s->provider, s->queue, &reading,
							  &made, err);
	if (!rc)
		rc = open_channel(op, reading, err);
	if (made)
		s->provider->ops->buffer_release(s->provider, made);
	return rc;
}

static void choose(struct opening *op)
{
	const struct hg_gpu_session_options *o = op->o;

	op->agree.suite = o->suite ? o->suite : HG_AES_256_GCM;
	op->agree.group = o->curve ? (enum hg_group)o->curve
			  : op->agree.suite == HG_SM4_CTR_HMAC_SM3 ? HG_SM2
								   : HG_X25519;
	op->agree.anonymous = !op->record;
	if (o->cvm)
		memcpy(op->agree.cvm, o->cvm, sizeof(op->agree.cvm));
}

static int open_session(struct opening *op, struct hg_gpu_failure *failure)
{
	struct hg_gpu_session *s = calloc(1, sizeof(*s));
	struct hg_gpu_error err = { 0 };
	int rc;

	if (!s)
		return lib_fail_memory(failure);
	s->refs = 1;
	s->gpu = op->gpu;
	lib_gpu_hold(s->gpu);
	pthread_rwlock_init(&s->lock, NULL);
	op->session = s;
	choose(op);
	pthread_mutex_lock(&op->gpu->lock);
	rc = open_locked(op, &err);
	pthread_mutex_unlock(&op->gpu->lock);
	if (!rc)
		return lib_done(failure);
	lib_session_put(s);
	op->session = NULL;
	return lib_fail_as(failure, &err);
}

int hg_gpu_session_open(struct hg_gpu *gpu, const struct hg_gpu_session_options *options,
			struct hg_gpu_session **session, struct hg_gpu_failure *failure)
{
	const uint64_t known = HG_GPU_SESSION_ANONYMOUS | HG_GPU_SESSION_STRICT |
			       HG_GPU_SESSION_NO_COALESCING;
	struct hg_fp_record *r = NULL;
	struct opening op = { .gpu = gpu, .o = options };
	int result;

	if (!session)
		return lib_fail(failure, HG_GPU_FAIL_ARGUMENT, "session is NULL");
	*session = NULL;
	if (!gpu)
		return lib_fail(failure, HG_GPU_FAIL_ARGUMENT, "gpu is NULL");
	result = LIB_CHECK(options, options->flags, known, failure);
	if (!result)
		result = check(options, failure);
	if (!result && options->record)
		result = lib_check_fingerprint(gpu, failure);
	if (!result && options->record)
		result = lib_record(options->record, options->record_size, options->signer,
				    options->signer_size, &r, failure);
	if (!result && r && !r->behaviour && !(options->flags & HG_GPU_SESSION_ANONYMOUS))
		result = lib_fail(failure, HG_GPU_FAIL_RECORD,
				  "record: it has an identity and no key of the GPU's: that is "
				  "checked, with HG_GPU_SESSION_ANONYMOUS");
	if (!result) {
		op.record = r;
		result = open_session(&op, failure);
		*session = op.session;
	}
	free(r);
	return result;
}

/* ---- The end ---- */

/* What ended the channel. */
static int result_of(struct hg_channel *ch)
{
	struct hg_gpu_error err = { 0 };

	return hg_channel_error(ch, &err) ? (int)err.code : HG_GPU_SUCCESS;
}

/* With the lock for writing. */
static void end(struct hg_gpu_session *s)
{
	if (!s->channel)
		return;
	hg_channel_stats(s->channel, &s->stats);
	s->result = result_of(s->channel);
	hg_channel_close(s->channel);
	s->channel = NULL;
}

void lib_session_put(struct hg_gpu_session *s)
{
	if (__atomic_sub_fetch(&s->refs, 1, __ATOMIC_ACQ_REL))
		return;
	end(s);
	if (s->queue)
		s->provider->ops->queue_release(s->provider, s->queue);
	hg_gpu_close(s->gpu);
	pthread_rwlock_destroy(&s->lock);
	free(s);
}

int hg_gpu_session_close(struct hg_gpu_session *session, struct hg_gpu_failure *failure)
{
	struct hg_gpu_error err = { 0 };
	int result;

	if (!session)
		return lib_fail(failure, HG_GPU_FAIL_ARGUMENT, "session is NULL");
	pthread_rwlock_wrlock(&session->lock);
	if (!session->channel)
		result = lib_fail_closed(failure);
	else if (hg_channel_sync(session->channel, session->queue, &err))
		result = lib_fail_as(failure, &err);
	else
		result = lib_done(failure);
	end(session);
	pthread_rwlock_unlock(&session->lock);
	return result;
}

void hg_gpu_session_free(struct hg_gpu_session *session)
{
	if (!session)
		return;
	/* Buffers may keep the rest. */
	pthread_rwlock_wrlock(&session->lock);
	end(session);
	pthread_rwlock_unlock(&session->lock);
	lib_session_put(session);
}

/* ---- In between ---- */

static int with_channel(struct hg_gpu_session *session,
			int (*call)(struct hg_channel *, struct hg_queue *, struct hg_gpu_error *),
			struct hg_gpu_failure *failure)
{
	struct hg_gpu_error err = { 0 };
	int result;

	if (!session)
		return lib_fail(failure, HG_GPU_FAIL_ARGUMENT, "session is NULL");
	pthread_rwlock_rdlock(&session->lock);
	if (!session->channel)
		result = lib_fail_closed(failure);
	else if (call(session->channel, session->queue, &err))
		result = lib_fail_as(failure, &err);
	else
		result = lib_done(failure);
	pthread_rwlock_unlock(&session->lock);
	return result;
}

int hg_gpu_session_sync(struct hg_gpu_session *session, struct hg_gpu_failure *failure)
{
	return with_channel(session, hg_channel_sync, failure);
}

int hg_gpu_session_rekey(struct hg_gpu_session *session, struct hg_gpu_failure *failure)
{
	return with_channel(session, hg_channel_rekey, failure);
}

int hg_gpu_session_statistics(struct hg_gpu_session *session, struct hg_gpu_statistics *statistics,
			      struct hg_gpu_failure *failure)
{
	struct hg_channel_stats now;
	int ended, result = LIB_CHECK_OUT(statistics, failure);

	if (result)
		return result;
	if (!session)
		return lib_fail(failure, HG_GPU_FAIL_ARGUMENT, "session is NULL");
	pthread_rwlock_rdlock(&session->lock);
	now = session->stats;
	ended = session->result;
	if (session->channel) {
		hg_channel_stats(session->channel, &now);
		ended = result_of(session->channel);
	}
	pthread_rwlock_unlock(&session->lock);
	*statistics = (struct hg_gpu_statistics){
		.struct_size = sizeof(*statistics),
		.simulated = session->gpu->info.simulated,
		.result = (uint64_t)ended,
		.writes = now.writes,
		.reads = now.reads,
		.syncs = now.syncs,
		.bytes_written = now.bytes_h2d,
		.bytes_read = now.bytes_d2h,
		.records_sent = now.records_h2d,
		.records_received = now.records_d2h,
		.bus_bytes_sent = now.bus_h2d,
		.bus_bytes_received = now.bus_d2h,
		.crossings = now.crossings,
		.launches = now.launches,
		.coalesced = now.coalesced,
		.waits = now.waits,
		.rekeys = now.rekeys,
		.receipts = now.receipts,
		.verdicts = ended == HG_GPU_FAIL_TAMPERED || ended == HG_GPU_FAIL_REFUSED,
		.seal_ns = now.seal_ns,
		.open_ns = now.open_ns,
	};
	return lib_done(failure);
}
