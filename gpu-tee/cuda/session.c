// SPDX-License-Identifier: Apache-2.0
/* A session for each context of the application's, opened when it first moves data. */
#include "shim.h"

#include "record.h"
#include "session.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

struct stream {
	struct stream *next;
	struct hg_queue queue;
};

struct shim_session {
	struct shim_session *next;
	struct stream *streams; /* under the lock */
	CUcontext context;
	struct hg_provider *provider;
	struct hg_queue *queue;
	struct hg_channel *channel;
	bool broken;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct shim_session *sessions;

static void close_session(struct shim_session *s)
{
	struct stream *t;

	if (s->channel)
		hg_channel_close(s->channel);
	if (s->queue)
		s->provider->ops->queue_release(s->provider, s->queue);
	hg_provider_close(s->provider);
	while ((t = s->streams)) {
		s->streams = t->next;
		free(t);
	}
	free(s);
}

static int agree(struct shim_session *s, unsigned suite, struct hg_gpu_error *err)
{
	/* No identity of the CVM, which nobody checks, nor of the GPU, which is unknown. */
	struct hg_agree_options o = { .suite = suite, .anonymous = true };
	struct hg_channel_options co = { .suite = suite, .threads = 1 };

	return hg_session_channel(s->provider, s->queue, &o, NULL, &co, &s->channel, err);
}

/*
 * With HMM or ATS kernels reach all memory of the process by its address, and what they
 * read or write there crosses in clear: then nothing here holds.
 */
static int check_reach(CUdevice device, struct hg_gpu_error *err)
{
	int reaches = 0;
	CUresult rc = shim_api.cuDeviceGetAttribute(&reaches, CU_ATTRIBUTE_PAGEABLE, device);

	/* A driver that does not know the attribute is older than what it stands for. */
	if (rc == CUDA_ERROR_INVALID_VALUE)
		return 0;
	if (rc != CUDA_SUCCESS)
		return hg_gpu_fail(err, HG_GPU_E_DEVICE,
				   "the CUDA driver does not say whether the GPU reaches pageable "
				   "memory: error %d",
				   rc);
	if (reaches)
		return hg_gpu_fail(err, HG_GPU_E_UNSUPPORTED,
				   "this GPU reaches all memory of the program, in clear: turn HMM "
				   "off, by the option uvm_disable_hmm=1 of the module nvidia-uvm");
	return 0;
}

static struct shim_session *open_session(CUcontext context, CUdevice device)
{
	struct shim_session *s = calloc(1, sizeof(*s));
	struct hg_gpu_error err = { 0 };
	unsigned suite = hg_record_suite(getenv("HYPERGPU_SUITE"));

	if (!s)
		return NULL;
	s->context = context;
	if (!suite)
		hg_gpu_fail(&err, HG_GPU_E_ARGUMENT,
			    "HYPERGPU_SUITE is none of aes-256-gcm, chacha20-poly1305, "
			    "sm4-ctr-hmac-sm3");
	else if (!check_reach(device, &err) &&
		 !hg_cuda_attach(&shim_api, device, context, suite, &s->provider, &err) &&
		 !s->provider->ops->queue_create(s->provider, &s->queue, &err) &&
		 !agree(s, suite, &err))
		return s;
	shim_say("%s", err.text);
	report_failure(err.text);
	close_session(s);
	return NULL;
}

struct shim_session *shim_current(CUresult *rc)
{
	CUcontext context = NULL;
	CUdevice device = 0;
	struct shim_session *s;

	*rc = shim_ready();
	if (*rc == CUDA_SUCCESS)
		*rc = REAL(cuCtxGetCurrent, CUcontext *)(&context);
	if (*rc == CUDA_SUCCESS)
		*rc = REAL(cuCtxGetDevice, CUdevice *)(&device);
	if (*rc != CUDA_SUCCESS)
		return NULL;
	pthread_mutex_lock(&lock);
	for (s = sessions; s && s->context != context; s = s->next)
		;
	if (!s) {
		s = open_session(context, device);
		if (s) {
			s->next = sessions;
			sessions = s;
		}
	}
	pthread_mutex_unlock(&lock);
	*rc = s ? shim_state(s) : CUDA_ERROR_LAUNCH_FAILED;
	return *rc == CUDA_SUCCESS ? s : NULL;
}

void shim_forget(CUcontext context)
{
	struct shim_session *s, **at;

	shim_forget_blocks(context);
	pthread_mutex_lock(&lock);
	for (at = &sessions; *at && (*at)->context != context; at = &(*at)->next)
		;
	s = *at;
	if (s)
		*at = s->next;
	pthread_mutex_unlock(&lock);
	if (s)
		close_session(s);
}

CUresult shim_broken(struct shim_session *s, const struct hg_gpu_error *err)
{
	if (!__atomic_exchange_n(&s->broken, true, __ATOMIC_SEQ_CST)) {
		shim_say("%s", err->text);
		report_failure(err->text);
	}
	return CUDA_ERROR_LAUNCH_FAILED;
}

CUresult shim_state(struct shim_session *s)
{
	struct hg_gpu_error err;

	if (__atomic_load_n(&s->broken, __ATOMIC_SEQ_CST))
		return CUDA_ERROR_LAUNCH_FAILED;
	return hg_channel_error(s->channel, &err) ? shim_broken(s, &err) : CUDA_SUCCESS;
}

struct shim_session *shim_of(CUcontext context)
{
	struct shim_session *s;

	pthread_mutex_lock(&lock);
	for (s = sessions; s && s->context != context; s = s->next)
		;
	pthread_mutex_unlock(&lock);
	return s;
}

CUcontext shim_context(struct shim_session *s)
{
	return s->context;
}

struct hg_provider *shim_provider(struct shim_session *s)
{
	return s->provider;
}

struct hg_channel *shim_channel(struct shim_session *s)
{
	return s->channel;
}

CUstream shim_stream(CUstream stream)
{
	return (uintptr_t)stream <= 2 ? NULL : stream;
}

struct hg_queue *shim_queue(struct shim_session *s, CUstream stream)
{
	struct stream *t;

	stream = shim_stream(stream);
	pthread_mutex_lock(&lock);
	for (t = s->streams; t && t->queue.stream != stream; t = t->next)
		;
	if (!t) {
		t = calloc(1, sizeof(*t));
		if (t) {
			t->queue.stream = stream;
			t->next = s->streams;
			s->streams = t;
		}
	}
	pthread_mutex_unlock(&lock);
	return t ? &t->queue : NULL;
}
