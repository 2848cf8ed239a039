// SPDX-License-Identifier: Apache-2.0
/* absent PROVIDER RESULT [fingerprint]: that opening, or the fingerprint then, has this result. */
#include <hypergpu/hypergpu.h>

#include <stdio.h>

int main(int argc, char **argv)
{
	struct hg_gpu_fingerprint *fp = NULL;
	struct hg_gpu_open_options o;
	struct hg_gpu_failure f;
	struct hg_gpu *gpu = NULL;
	struct hg_gpu_list *list = NULL;
	int result;

	if (argc < 3)
		return 2;
	hg_gpu_clear(&o);
	o.provider = argv[1];
	result = hg_gpu_open(&o, &gpu, &f);
	if (argc > 3 && !result)
		result = hg_gpu_fingerprint_collect(gpu, &fp, &f);
	printf("%s: %s\n", hg_gpu_result_name(result), f.text);
	hg_gpu_close(gpu);
	/* The list of all has what is there. */
	if (hg_gpu_list_create(NULL, &list, &f) || !hg_gpu_list_count(list))
		return 1;
	hg_gpu_list_free(list);
	return fp || !*f.text != !f.code || strcmp(hg_gpu_result_name(result), argv[2]) != 0;
}
