#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What is installed is enough: into an empty directory goes the library; the example and that of
# docs/gpu-library.md are compiled against it alone, as C and as C++, shared and static, and run
# on the simulated device and on OpenCL. What the library exports is what its header declares.

set -eu -o pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../../../.." && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
unset OPENCL_LAYERS
checks=0

fail() {
	echo "FAIL: $*" >&2
	[ ! -s "$dir/out" ] || tail -30 "$dir/out" >&2
	exit 1
}

good() { # WHAT COMMAND...
	local what=$1
	shift
	"$@" >"$dir/out" 2>&1 || fail "$what"
	checks=$((checks + 1))
}

says() { # WHAT TEXT
	grep -q -- "$2" "$dir/out" || fail "$1: no '$2'"
}

# A place that is not the default, so that nothing is found by chance.
root=$dir/root libdir=/opt/hg/lib64
good 'make install-lib' make -s -C "$top/gpu-tee" install-lib DESTDIR="$root" PREFIX=/opt/hg LIBDIR=$libdir
lib=$root$libdir
export PKG_CONFIG_PATH=$lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$root LD_LIBRARY_PATH=$lib
good 'pkg-config' pkg-config --exists --print-errors hypergpu
read -ra flags < <(pkg-config --cflags --libs hypergpu)
read -ra static < <(pkg-config --cflags --libs --static hypergpu)

# ---- Symbols ----

grep -q 'SONAME.*\[libhypergpu.so.0\]' < <(readelf -d "$lib/libhypergpu.so") || fail 'SONAME'
header=$root/opt/hg/include/hypergpu/hypergpu.h
sed '/^#/d' "$header" | tr '\n' ' ' | grep -o 'HG_GPU_PUBLIC [^;(]*(' |
	sed -n 's/.*[ *]\(hg_gpu_[a-z_]*\)($/\1/p' | sort >"$dir/declared"
[ "$(wc -l <"$dir/declared")" -gt 25 ] || fail 'the header declares next to nothing'
nm -D --defined-only "$lib/libhypergpu.so" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' |
	sort >"$dir/exported"
diff "$dir/declared" "$dir/exported" >"$dir/out" || fail 'the shared library exports other symbols'
nm -g --defined-only "$lib/libhypergpu.a" | awk 'NF == 3 { print $3 }' | sort >"$dir/static"
diff "$dir/declared" "$dir/static" >"$dir/out" || fail 'the static library has other symbols'
checks=$((checks + 3))

# ---- The header, alone ----

echo '#include <hypergpu/hypergpu.h>' >"$dir/alone.c"
warn=(-Wall -Wextra -Wpedantic -Wshadow -Werror)
for cc in gcc clang; do
	for std in c99 c11 gnu17; do
		good "$cc -std=$std" $cc -std=$std "${warn[@]}" "-I$root/opt/hg/include" -fsyntax-only "$dir/alone.c"
	done
done
for cc in g++ clang++; do
	for std in c++11 c++17 c++20; do
		good "$cc -std=$std" $cc -std=$std "${warn[@]}" "-I$root/opt/hg/include" -x c++ \
			-fsyntax-only "$dir/alone.c"
	done
done

# ---- Programs ----

# The guide's example, as whoever reads it copies it.
awk '/^```c$/ { on = 1; next } /^```$/ { on = 0 } on' "$top/docs/gpu-library.md" >"$dir/guide.c"
[ -s "$dir/guide.c" ] || fail 'no example in docs/gpu-library.md'
cp "$top/gpu-tee/examples/roundtrip.c" "$dir"
warn=(-Wall -Wextra -Werror)
for name in guide roundtrip; do
	good "$name.c as C" gcc "${warn[@]}" -std=c11 -o "$dir/$name" "$dir/$name.c" "${flags[@]}"
	good "$name.c as C++" g++ "${warn[@]}" -x c++ -o "$dir/$name++" "$dir/$name.c" "${flags[@]}"
done
good 'static' gcc "${warn[@]}" -o "$dir/roundtrip-static" "$dir/roundtrip.c" "$lib/libhypergpu.a" "${static[@]}"
# It was named before -lhypergpu, and enough.
if grep -q 'NEEDED.*libhypergpu' < <(readelf -d "$dir/roundtrip-static"); then
	fail 'the static program needs the shared library'
fi

providers=(simulated)
[ "$(clinfo -l 2>/dev/null | grep -c Platform || true)" = 0 ] || providers+=(opencl)
for p in "${providers[@]}"; do
	for program in guide guide++ roundtrip roundtrip++ roundtrip-static; do
		good "$program $p" "$dir/$program" "$p"
		case $program in roundtrip*)
			says "$program $p" 'the same came back'
			says "$program $p" '0 verdicts against the bus'
			says "$program $p" 'written 3000001 bytes'
			[ "$p" = simulated ] || continue
			says "$program $p" '^SIMULATED'
			;;
		esac
	done
done

# ---- Records of hggpu's ----

openssl ecparam -name prime256v1 -genkey -noout -out "$dir/key" 2>/dev/null
openssl ec -in "$dir/key" -pubout -out "$dir/key.pub" 2>/dev/null
good 'hggpu enroll' "$top/gpu-tee/build/hggpu" enroll --simulated 5 --key "$dir/key" --out "$dir/record"
good 'with a record' "$dir/roundtrip" simulated 5 "$dir/record" "$dir/key.pub"
if "$dir/roundtrip" simulated 6 "$dir/record" "$dir/key.pub" >"$dir/out" 2>&1; then
	fail 'another device passes'
fi
says 'another device' '(identity)'
echo "gpu/lib: installed: $checks checks passed"
