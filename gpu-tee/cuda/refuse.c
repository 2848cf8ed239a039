// SPDX-License-Identifier: Apache-2.0
#include "shim.h"

#include <stdbool.h>

CUresult shim_refuse(const char *name)
{
	static bool said;

	report_refused(name);
	if (!__atomic_exchange_n(&said, true, __ATOMIC_SEQ_CST))
		shim_say("CUDA: %s was refused: what it moves cannot be sealed", name);
	return CUDA_ERROR_NOT_SUPPORTED;
}
