// SPDX-License-Identifier: Apache-2.0
/* A program that is linked with the driver's library: prints which one it got. */
#include <dlfcn.h>
#include <stdio.h>

int cuDriverGetVersion(int *version);
int cuInit(unsigned flags);
int cuDeviceGetCount(int *count);

int main(void)
{
	int count = 0, version = 0, rc = cuDriverGetVersion(&version);

	if (rc || version < 9000) {
		printf("version %d: error %d\n", version, rc);
		return 4;
	}
	rc = cuInit(0);
	if (!rc)
		rc = cuDeviceGetCount(&count);
	printf("%s: error %d, %d devices\n",
	       dlsym(RTLD_DEFAULT, "hg_cuda_shim") ? "shim" : "driver", rc, count);
	return rc ? 3 : 0;
}
