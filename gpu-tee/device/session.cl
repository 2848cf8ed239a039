// SPDX-License-Identifier: Apache-2.0
/* The session program: the kernels that run on the device. */
#include "record.h"
