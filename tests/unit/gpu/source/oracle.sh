#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# oracle.sh BUILD: the preprocessor's tokens against those of `clang -E`, for the cases here
# and for the kernels that installed packages bring. What the rewriter makes of the latter
# must compile. Pragmas are compared apart: clang leaves macros in them unexpanded, and
# would not know them any more.

set -euo pipefail
build=$1
here=$(dirname "$0")
cd "$here"
build=$(realpath "$build")
tool=$build/hgclsource
tokens=$build/tokens
work=$build/oracle
std=CL1.2
mkdir -p "$work"
clang -dM -E -x cl -cl-std=$std -cl-no-stdinc - </dev/null >"$work/predefined.h"
errors=0 files=0 kernels=0

quote() { # ARG...: as build options
	local a
	for a; do printf " '%s'" "$a"; done
}

# FILE OPTION...: true when both have the same tokens
same() {
	local f=$1
	shift
	if ! clang -E -x cl -cl-std=$std -cl-no-stdinc "$@" "$f" 2>"$work/clang.log" | "$tokens" >"$work/want"; then
		echo "$f: clang refuses it: $(head -n 1 "$work/clang.log")"
		return 1
	fi
	"$tool" -p "$work/predefined.h" -b "$(quote "$@")" -E "$f" >"$work/text" || return 1
	"$tokens" <"$work/text" >"$work/got"
	if ! cmp -s "$work/want" "$work/got"; then
		echo "$f: other tokens than clang's:"
		diff "$work/want" "$work/got" | head -n 8
		return 1
	fi
	files=$((files + 1))
}

# FILE OPTION...: true when the rewritten text compiles
compiles() {
	local f=$1
	shift
	"$tool" -p "$work/predefined.h" -b "$(quote "$@")" "$f" >"$work/new.cl" || return 1
	clang -x cl -cl-std=$std -fsyntax-only -w "$work/new.cl" 2>"$work/clang.log" || {
		echo "$f: rewritten, it does not compile:"
		head -n 4 "$work/clang.log"
		return 1
	}
	kernels=$((kernels + $(grep -c 'ulong hg_seq)' "$work/new.cl" || true)))
}

for f in cases/*.cl kernels.cl; do
	same "$f" || errors=$((errors + 1))
done
compiles kernels.cl || errors=$((errors + 1))

# hashcat's, with the options that hashcat gives.
dir=/usr/share/hashcat/OpenCL
if [ -d $dir ]; then
	options=(-DKERNEL_STATIC "-DINCLUDE_PATH=$dir" '-DXM2S(x)=#x' '-DM2S(x)=XM2S(x)' -DLOCAL_MEM_TYPE=1
		-DVENDOR_ID=64 -DCUDA_ARCH=0 -DHAS_ADD=0 -DVECT_SIZE=4 -DDEVICE_TYPE=2 -DDGST_R0=0 -DDGST_R1=1
		-DDGST_R2=2 -DDGST_R3=3 -DDGST_ELEM=4 -DKERN_TYPE=0 -DATTACK_EXEC=11 -DATTACK_KERN=3
		-DATTACK_MODE=3 -DFIXED_LOCAL_SIZE=64)
	for f in ${HASHCAT:-m00000_a0-optimized m00000_a3-pure m01400_a1-pure m02500-pure shared markov_le}; do
		[ -e "$dir/$f.cl" ] || continue
		same "$dir/$f.cl" "${options[@]}" || errors=$((errors + 1))
		compiles "$dir/$f.cl" "${options[@]}" || errors=$((errors + 1))
	done
else
	echo "hashcat-data is not installed: its kernels are not tried"
fi

# What programs carry inside: every long text that looks like a kernel. Parts that compile only
# together with others are compared, and compiled when clang takes the original.
for lib in libavfilter.so.8 libclblast.so.1; do
	path=$(ldconfig -p | sed -n "s/.*$lib .*=> //p" | head -n 1)
	if [ -z "$path" ]; then
		echo "$lib is not installed: its kernels are not tried"
		continue
	fi
	rm -f "$work/$lib".*.cl
	"$build/texts" "$work/$lib" <"$path"
	for f in "$work/$lib".*.cl; do
		[ -e "$f" ] || continue
		same "$f" || errors=$((errors + 1))
		if clang -x cl -cl-std=$std -fsyntax-only -w "$f" 2>/dev/null; then
			compiles "$f" || errors=$((errors + 1))
		fi
	done
done

echo "oracle: $files files have clang's tokens, $kernels rewritten kernels compile, $errors errors"
[ "$errors" = 0 ]
