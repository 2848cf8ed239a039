// SPDX-License-Identifier: Apache-2.0
/* Replacement and rescanning, at its borders. `clang -E` is asked what is right. */
#define one two
#define two three one
one two three
#define self(x) self(x) + x
self(self(1)) self (2) self
self
(3) selfish

#define add(x, y) ((x) + (y))
#define twice(f, x) f(x, x)
twice(add, 1) twice(twice, 1) twice(, 2)
add(add(1, 2), add(3, add(4, 5))) add((1, 2), 3) add(, ) add( , 4)

#define open (
#define close )
#define call add open 1, 2 close
call
#define nothing
add nothing (1, nothing 2) - nothing - nothing nothing +
#define defer(x) x nothing
defer(add)(1, 2) defer(defer)(defer)(3)

#define f(a) a * g
#define g(a) f(a)
f(2)(9) f(f)(1) g(g)(g)(2)
#define h(x) x(x
#define tail h(tail
h(h)(1)) tail)

#undef f
#undef g
#undef h
#define x 3
#define F(a) f(x * (a))
#undef x
#define x 2
#define G F
#define z z[0]
#define H G(~
#define m(a) a(w)
#define w 0,1
#define t(a) a
#define p() int
#define q(x) x
#define r(x, y) x ## y
#define str(x) # x
F(y + 1) + F(F(z)) % t(t(G)(0) + t)(1);
G(x + (3, 4) - w) | H 5) & m
	(F) ^ m(m);
p() i[q()] = { q(1), r(2, 3), r(4, ), r(, 5), r(, ) };
char c[2][6] = { str(hello), str() };

#define xstr(s) str(s)
#define show(s, t) put("v" # s "= %d, v" # t "= %s", v ## s, v ## t)
#define name(n) file ## n
#define glue(a, b) a ## b
#define xglue(a, b) glue(a, b)
#define HIGHLOW "low"
#define LOW LOW ", high"
show(1, 2);
put(str(cmp("abc\0d", "abc", '\4') // all of this
	== 0) str(: @\n), s);
xstr(name(2).h)
glue(HIGH, LOW);
xglue(HIGH, LOW)

#define hash_hash # ## #
#define mkstr(a) # a
#define in_between(a) mkstr(a)
#define join(c, d) in_between(c hash_hash d)
char s[] = join(x, y);

#define T3(x, y, z) x ## y ## z
int j[] = { T3(1, 2, 3), T3(, 4, 5), T3(6, , 7), T3(8, 9, ), T3(10, , ), T3(, 11, ), T3(, , 12),
	    T3(, , ) };

#define debug(...) note(err, __VA_ARGS__)
#define showlist(...) put(#__VA_ARGS__)
#define report(test, ...) ((test) ? put(#test) : note(__VA_ARGS__))
debug("Flag"); debug("X = %d\n", x); debug();
showlist(The first, second, and third items.); showlist(); showlist( a , b );
report(x>y, "x is %d but y is %d", x, y);

#define gnu(fmt, ...) note(fmt, ##__VA_ARGS__)
#define named(fmt, rest...) note(fmt, ##rest)
#define only(...) note(fmt, ##__VA_ARGS__)
#define glued(a, ...) [a ## __VA_ARGS__]
gnu("a") gnu("a",) gnu("a", 1) gnu("a", 1, 2) gnu() gnu( , )
named("a") named("a",) named("a", 1) named("a", 1, 2) named()
only() only(1) only(,) glued(1) glued(1, 2, 3) glued(, 4)
xstr(gnu(1, 2)) xstr(gnu(1,
2)) xstr(gnu(1 ,)) xstr(gnu( 1 )) xstr(add( 1 , 2 )) xstr(add(1,2))
