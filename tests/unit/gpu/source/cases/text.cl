// SPDX-License-Identifier: Apache-2.0
/* Lines, splices, trigraphs, comments, numbers, strings. */
#define str(x) #x
#define xstr(x) str(x)
int a\
b\
c = 1; /* a
comment */ __LINE__ /**/ __LINE__
__LI\
NE__ // and \
so on
__LINE__ xstr(__LINE__
) xstr(a
   b) xstr(  a    b  ) xstr(a/**/b) xstr(/**/a/**/) str("a\\b" '\'' "\"") str(\)
??=define tri 1
??( tri ??) ??< ??> ??! ??' ??- ??/
still the line
%:define digraph(x) %: x
%:ifdef digraph
digraph(a) <: :> <% %> %:%:
%:endif
1.0e+10 1.e-3f .5 0x1.8p+3 0xe+1 1e 1_000 1..2 ... .. . 0x1p-2f 12ul 1u+2 1e+x
"str" L"wide" 'c' L'w' 'ab' "" '' "esc\"aped" "//not" "/*not*/"
a+++b a---b a- -b a+ +b a<<=b a>>=b a->b a&&b a||b a!=b a==b a>=b a<=b a<b a%=b a^=b a|=b a&=b
a/=b a*=b a+=b a-=b a:b a::b a#b a##b a.b a...b ~a !a a?b:c a,b;c [d] {e} (f) <:g:> @ `
#define EMPTY
- EMPTY - + EMPTY + - - EMPTY- +EMPTY+ <EMPTY< .EMPTY. 1 EMPTY 2 a EMPTY b
#define plus +
plus+ +plus plus plus -plus 1plus plus1 plus=
#define num 1
num.5 num e num.num .num num(num)
#define L(x) x
L'a' L("b") L (c) L
not a macro L
#pragma once
#pragma OPENCL EXTENSION all : disable
#define pragma_in(x) _Pragma(#x)
before pragma_in(unroll 4) after
_Pragma("OPENCL FP_CONTRACT ON") x _Pragma("a \"b\" \\ c") y
#line 200
__LINE__
#line 300 "named.cl"
__LINE__ __FILE__
#define LN 400
#define FN "macro.cl"
#line LN FN
__LINE__ __FILE__
# 500 "marker.cl"
__LINE__ __FILE__
__COUNTER__ __COUNTER__ xstr(__COUNTER__) __INCLUDE_LEVEL__
L(__LINE__
__LINE__
) __LINE__ L(
__FILE__)
