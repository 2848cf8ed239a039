// SPDX-License-Identifier: Apache-2.0
/* A program that is linked with the driver's library: prints which one it got. */
#include <dlfcn.h>
#include <stdio.h>

int cuInit(unsigned flags);
int cuDeviceGetCount(int *count);

int main(void)
{
	int count = 0, rc = cuInit(0);

	if (!rc)
		rc = cuDeviceGetCount(&count);
	printf("%s: error %d, %d devices\n",
	       dlsym(RTLD_DEFAULT, "hg_cuda_shim") ? "shim" : "driver", rc, count);
	return rc ? 3 : 0;
}
