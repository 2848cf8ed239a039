/* SPDX-License-Identifier: GPL-2.0-only */
/* See kernel.h. */
#include "../kernel.h"
