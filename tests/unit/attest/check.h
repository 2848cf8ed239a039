/* SPDX-License-Identifier: Apache-2.0 */
/* cmocka, with what it wants in front of it. */
#ifndef TEST_CHECK_H
#define TEST_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#endif
