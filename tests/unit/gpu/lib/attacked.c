// SPDX-License-Identifier: Apache-2.0
/*
 * A program on a bus that somebody attacks: MOCK_ATTACK of ../cuda/mock.c says how. Exit status:
 *   0  nothing was found, and all that came back is right
 *   3  no session came to be
 *   4  the session ended by a verdict, and everything about it is as the header says
 *   1  anything else: above all, that something wrong came back
 */
#include <hypergpu/hypergpu.h>

#include <stdio.h>

#define SIZE 150000u

static unsigned char there[SIZE], back[SIZE];
static int step;

static int wrong(const char *what, const struct hg_gpu_failure *f)
{
	fprintf(stderr, "WRONG: %s: %s\n", what, f ? f->text : "");
	return 1;
}

/* After a verdict: nothing of it came out, and nothing goes in any more. */
static int ended(struct hg_gpu_session *s, hg_gpu_buffer *b, const struct hg_gpu_failure *first)
{
	struct hg_gpu_failure again;
	struct hg_gpu_statistics st;

	for (size_t i = 0; i < SIZE; i++)
		if (back[i])
			return wrong("something came out", first);
	if (first->code != HG_GPU_FAIL_TAMPERED && first->code != HG_GPU_FAIL_REFUSED)
		return wrong("it is no verdict", first);
	if (b && (hg_gpu_buffer_write(b, 0, there, 1, &again) != first->code ||
		  strcmp(again.text, first->text)))
		return wrong("a write after it", &again);
	if (b && hg_gpu_buffer_read(b, 0, back, 1, &again) != first->code)
		return wrong("a read after it", &again);
	if (hg_gpu_session_sync(s, &again) != first->code)
		return wrong("a sync after it", &again);
	hg_gpu_clear(&st);
	if (hg_gpu_session_statistics(s, &st, &again) || st.verdicts != 1 ||
	    st.result != (uint64_t)first->code)
		return wrong("statistics", &again);
	if (hg_gpu_session_close(s, &again) != first->code)
		return wrong("the end", &again);
	if (hg_gpu_session_close(s, &again) != HG_GPU_FAIL_CLOSED)
		return wrong("after the end", &again);
	fprintf(stderr, "step %d: %s: %s\n", step, hg_gpu_result_name(first->code), first->text);
	return 4;
}

static int transfers(struct hg_gpu_session *s, hg_gpu_buffer **b, struct hg_gpu_failure *f)
{
	step = 1;
	if (hg_gpu_buffer_create(s, SIZE, b, f))
		return -1;
	step = 2;
	if (hg_gpu_buffer_write(*b, 0, there, SIZE, f) ||
	    hg_gpu_buffer_write(*b, 0, there, 100, f))
		return -1;
	step = 3;
	if (hg_gpu_session_sync(s, f))
		return -1;
	step = 4;
	return hg_gpu_buffer_read(*b, 0, back, SIZE, f) ? -1 : 0;
}

static int use(struct hg_gpu_session *s)
{
	hg_gpu_buffer *b = NULL;
	struct hg_gpu_failure f;
	int ret;

	if (transfers(s, &b, &f))
		ret = ended(s, b, &f);
	else if (memcmp(there, back, SIZE))
		ret = wrong("other data came back", NULL);
	else if (memset(back, 0, SIZE), step = 5, hg_gpu_session_sync(s, &f))
		ret = ended(s, b, &f);
	else if (step = 6, !hg_gpu_session_close(s, &f))
		ret = 0;
	else
		ret = f.code == HG_GPU_FAIL_TAMPERED || f.code == HG_GPU_FAIL_REFUSED
			      ? 4
			      : wrong("the end", &f);
	hg_gpu_buffer_free(b);
	return ret;
}

int main(void)
{
	struct hg_gpu_open_options o;
	struct hg_gpu_session_options so;
	struct hg_gpu_session *s = NULL;
	struct hg_gpu_failure f;
	struct hg_gpu *gpu;
	int ret;

	for (size_t i = 0; i < SIZE; i++)
		there[i] = (unsigned char)(i % 251 + 1);
	hg_gpu_clear(&o);
	o.provider = "cuda";
	if (hg_gpu_open(&o, &gpu, &f))
		return wrong("no device", &f);
	hg_gpu_clear(&so);
	so.flags = HG_GPU_SESSION_ANONYMOUS;
	if (hg_gpu_session_open(gpu, &so, &s, &f)) {
		fprintf(stderr, "no session: %s\n", f.text);
		ret = s ? wrong("half a session", &f) : 3;
	} else {
		ret = use(s);
		hg_gpu_session_free(s);
	}
	hg_gpu_close(gpu);
	return ret;
}
