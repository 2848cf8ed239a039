/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Data to a GPU and back over a sealed channel, and what that took. C and C++:
 *
 *   cc roundtrip.c -o roundtrip $(pkg-config --cflags --libs hypergpu)
 *   ./roundtrip [PROVIDER [SELECTOR [RECORD SIGNER]]]
 *
 * PROVIDER: simulated (the default), opencl or cuda. RECORD: what hggpu enroll wrote, SIGNER: the
 * public key of whoever signed it; without them the session is anonymous.
 */
#include <hypergpu/hypergpu.h>

#include <stdio.h>
#include <stdlib.h>

#define SIZE 3000001u

static int complain(const char *what, const struct hg_gpu_failure *f)
{
	fprintf(stderr, "%s: %s (%s)\n", what, f->text, hg_gpu_result_name(f->code));
	return 1;
}

/* For free(); NULL after a message. */
static char *read_file(const char *path, size_t *size)
{
	const size_t max = 65536;
	char *text = (char *)malloc(max);
	FILE *file = fopen(path, "rb");

	*size = file && text ? fread(text, 1, max, file) : 0;
	if (file)
		fclose(file);
	if (*size)
		return text;
	fprintf(stderr, "%s: cannot be read\n", path);
	free(text);
	return NULL;
}

static void print(struct hg_gpu_session *session)
{
	struct hg_gpu_statistics s;
	struct hg_gpu_failure f;

	hg_gpu_clear(&s);
	if (hg_gpu_session_statistics(session, &s, &f)) {
		complain("statistics", &f);
		return;
	}
	printf("written %llu bytes in %llu records, read %llu in %llu\n",
	       (unsigned long long)s.bytes_written, (unsigned long long)s.records_sent,
	       (unsigned long long)s.bytes_read, (unsigned long long)s.records_received);
	printf("%llu crossings, %llu receipts, %llu new keys, %llu verdicts against the bus\n",
	       (unsigned long long)s.crossings, (unsigned long long)s.receipts,
	       (unsigned long long)s.rekeys, (unsigned long long)s.verdicts);
	printf("%.3f ms of sealing, %.3f ms of opening%s\n", (double)s.seal_ns / 1e6,
	       (double)s.open_ns / 1e6, s.simulated ? ", SIMULATED" : "");
}

static int round_trip(struct hg_gpu_session *session)
{
	unsigned char *there = (unsigned char *)malloc(SIZE), *back = (unsigned char *)malloc(SIZE);
	hg_gpu_buffer *buffer = NULL;
	struct hg_gpu_failure f;
	int ret = 1;

	if (!there || !back) {
		fprintf(stderr, "out of memory\n");
	} else {
		for (size_t i = 0; i < SIZE; i++)
			there[i] = (unsigned char)(i * 7 + i / 251);
		memset(back, 0, SIZE);
		if (hg_gpu_buffer_create(session, SIZE, &buffer, &f) ||
		    hg_gpu_buffer_write(buffer, 0, there, SIZE, &f) ||
		    hg_gpu_session_rekey(session, &f) ||
		    hg_gpu_buffer_read(buffer, 0, back, SIZE, &f))
			complain("round trip", &f);
		else
			ret = memcmp(there, back, SIZE) != 0;
	}
	hg_gpu_buffer_free(buffer);
	free(there);
	free(back);
	return ret;
}

static int with_options(struct hg_gpu *gpu, const struct hg_gpu_session_options *options)
{
	struct hg_gpu_session *session;
	struct hg_gpu_failure f;
	int ret;

	if (hg_gpu_session_open(gpu, options, &session, &f))
		return complain("no session", &f);
	ret = round_trip(session);
	if (hg_gpu_session_close(session, &f))
		ret = complain("the end", &f);
	print(session);
	hg_gpu_session_free(session);
	return ret;
}

static int with_gpu(struct hg_gpu *gpu, const char *record, const char *signer)
{
	struct hg_gpu_session_options options;
	char *r = NULL, *s = NULL;
	int ret = 1;

	hg_gpu_clear(&options);
	if (record) {
		r = read_file(record, &options.record_size);
		s = read_file(signer, &options.signer_size);
		options.record = r;
		options.signer = s;
	} else {
		options.flags = HG_GPU_SESSION_ANONYMOUS;
	}
	if (!record || (r && s))
		ret = with_options(gpu, &options);
	free(r);
	free(s);
	return ret;
}

int main(int argc, char **argv)
{
	struct hg_gpu_open_options options;
	struct hg_gpu_failure f;
	struct hg_gpu_info info;
	struct hg_gpu *gpu;
	int ret;

	if (argc == 4 || argc > 5) {
		fprintf(stderr, "usage: %s [PROVIDER [SELECTOR [RECORD SIGNER]]]\n", argv[0]);
		return 2;
	}
	hg_gpu_clear(&options);
	options.provider = argc > 1 ? argv[1] : "simulated";
	options.selector = argc > 2 ? argv[2] : NULL;
	if (hg_gpu_open(&options, &gpu, &f))
		return complain("no device", &f);
	hg_gpu_clear(&info);
	hg_gpu_get_info(gpu, &info, NULL);
	printf("%s\n", info.description);
	ret = with_gpu(gpu, argc > 3 ? argv[3] : NULL, argc > 4 ? argv[4] : NULL);
	hg_gpu_close(gpu);
	puts(ret ? "FAILED" : "the same came back");
	return ret;
}
