// SPDX-License-Identifier: Apache-2.0
/*
 * Conditions: each gives its line, or none. Nothing here needs more than 64 bits: clang has
 * 128 in OpenCL C, where a long long is that wide.
 */
#define yes 1
#define no 0
#define none
#define fn(x) ((x) * 2)
#define is_def defined(yes)
#define T(n, ...) n
#if yes && !no
1
#endif
#if defined yes && defined(no) && !defined missing && !defined(missing)
2
#endif
#if fn(2) == 4 && fn (3) == 6 && missing == 0
3
#endif
#if is_def
4
#endif
#if none 1
5
#endif
#if 0xFFFFFFFF == 4294967295 && -1 > 0u && -1 < 0 && 1 ? 1 : 0
6
#endif
#if (2 || 1 / 0) && !(0 && 1 / 0) && (1 ? 1 : 1 / 0)
7
#endif
#if '\xff' < 0 && 'a' + 1 == 'b' && '\0' == 0 && '\\' == 92 && '\'' == 39 && L'\xff' == 255
8
#endif
#if 1 << 3 == 8 && 256 >> 4 == 16 && -8 >> 1 == -4 && (7 & 3 | 8 ^ 1) == 11 && ~5 == -6
9
#endif
#if 10 % 3 == 1 && -10 % 3 == -1 && -10 / 3 == -3 && 7 - 3 - 2 == 2 && 2 * 3 + 4 == 10
10
#endif
#if 1 ? 0 ? 3 : 4 : 5
11
#endif
#if (1 ? 0 ? 3 : 4 : 5) == 4 && (0 ? 1 : 0 ? 2 : 3) == 3
12
#endif
#if -1 / 2u > 5 && 9223372036854775807 > 0 && 18446744073709551615u > 0
13
#endif
#if (0 ? -1 : 0u) - 1 > 0 && (1 ? -1 : 0u) > 0
14
#endif
#if 0
#if 1
no
#else
no
#endif
' an unclosed " thing
#elif 0 + 0
no
#elif 1
15
#elif 1 / 0 (
no
#else
no
#endif
#ifndef missing
16
# if 0
no
# else
17
# endif
#else
no
#endif
#ifdef yes /* comment */ // more
18
#endif // yes
T(19,
#if yes
20
#else
21
#endif
)
#define arg(x) <x>
arg(
#undef no
#define no 7
no
)
no
#if 'ab' == 24930 && 0b101 == 5 && 017 == 15 && 1ULL + 1lu == 2
22
#endif
#if __LINE__ == 117 || 1
23
#endif
#if true || false
24
#endif
