#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# hgrun and CUDA programs, on the mock of libcuda: the program gets the shim, or does not start.

set -eu -o pipefail
here=$(cd "$(dirname "$0")" && pwd)
mock=$here/build gpu=$here/../../../../gpu-tee/build
gpu=$(cd "$gpu" && pwd)
hgrun=$gpu/hgrun shim=$gpu/cuda driver=$mock/libcuda.so.1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
unset LD_LIBRARY_PATH LD_PRELOAD OPENCL_LAYERS HYPERGPU_ANONYMOUS HYPERGPU_CUDA_DRIVER HYPERGPU_GPU_RECORD
unset HYPERGPU_SUITE HYPERGPU_REPORT HYPERGPU_UNREWRITTEN CUDA_ENABLE_COREDUMP_ON_EXCEPTION

fail() {
	echo "FAIL: $*" >&2
	[ ! -s "$dir/out" ] || cat "$dir/out" >&2
	exit 1
}

# try STATUS TEXT [VARIABLE=VALUE...] -- ARGUMENTS of hgrun...
try() {
	local want=$1 text=$2 got=0 vars=()
	shift 2
	while [ "$1" != -- ]; do
		vars+=("$1")
		shift
	done
	shift
	env "${vars[@]}" timeout 60 "$hgrun" "$@" >"$dir/out" 2>&1 || got=$?
	[ "$got" = "$want" ] || fail "${vars[*]-} hgrun $*: status $got, not $want"
	grep -q -- "$text" "$dir/out" || fail "hgrun $*: no '$text'"
	[ "$want" != 125 ] || ! grep -q -e '^right' -e '^shim: ' -e '^driver: ' "$dir/out" ||
		fail "hgrun $*: the program ran"
}
cuda=(--cuda --anonymous --cuda-driver "$driver")

# The driver as an option, as what the loader finds, and in a folder that the program's comes after.
try 0 '^right' MOCK_SNOOP="$dir/bus" -- "${cuda[@]}" -- "$mock/app"
[ "$(stat -c %s "$dir/bus")" -gt 1200000 ] || fail 'the program did not run on the mock'
! grep -q 'a secret of' "$dir/bus" || fail 'plaintext on the bus'
try 0 '^right' LD_LIBRARY_PATH="$mock" -- --cuda --anonymous "$mock/app"
try 0 '^shim: error 0, 1 devices' -- "${cuda[@]}" "$mock/linked"
try 0 '^shim: error 0, 1 devices' LD_LIBRARY_PATH="$mock" -- --cuda --anonymous "$mock/linked"
try 0 '^shim: ' -- "${cuda[@]}" "$mock/runpath"
printf '#!%s\n' "$mock/linked" >"$dir/script"
chmod +x "$dir/script"
try 0 '^shim: ' -- "${cuda[@]}" "$dir/script"

# A driver's folder in the program's RPATH comes before all. So does what is preloaded.
try 125 'has an RPATH' -- "${cuda[@]}" "$mock/rpath"
# Nor is a library that is wanted by its path looked for anywhere: plain, the program gets it.
[[ $("$mock/bypath") == 'driver: '* ]] || fail 'the program by path does not get its driver'
try 125 'unnamed/libcuda.so.1, and not the shim' -- "${cuda[@]}" "$mock/bypath"
try 125 'is not the shim' LD_PRELOAD="$driver" -- "${cuda[@]}" "$mock/linked"
cp "$mock/linked" "$dir/suid"
chmod u+s "$dir/suid"
try 125 'privileges of its own' -- "${cuda[@]}" "$dir/suid"

# No driver, or what is none.
try 125 'there is no CUDA driver' -- --cuda --anonymous "$mock/app"
try 125 'No such file' -- --cuda --anonymous --cuda-driver /nowhere/libcuda.so.1 "$mock/app"
try 125 'is no CUDA driver' -- --cuda --anonymous --cuda-driver "$mock/find" "$mock/app"
try 125 'is the shim itself' -- --cuda --anonymous --cuda-driver "$shim/libcuda.so.1" "$mock/app"
try 125 'is the shim itself' LD_LIBRARY_PATH="$shim" -- --cuda --anonymous "$mock/app"
cp "$driver" "$dir/libcuda.so.1"
chmod o+w "$dir/libcuda.so.1"
try 125 'anyone may write to it' -- --cuda --anonymous --cuda-driver "$dir/libcuda.so.1" "$mock/app"

# Options: what they choose comes through, and no variable of the caller's weakens it.
try 125 'HYPERGPU_ANONYMOUS=1' -- --cuda --cuda-driver "$driver" "$mock/app"
try 2 'a GPU is not told by its record' -- "${cuda[@]}" --gpu record --signer key "$mock/app"
try 2 'CUDA is always sealed' -- "${cuda[@]}" --null "$mock/app"
try 2 'choose one' -- --no-cuda --cuda-driver "$driver" "$mock/app"
try 0 '^right' -- "${cuda[@]}" --report "$dir/report" --suite chacha20-poly1305 "$mock/app"
[ "$(jq -c '[.crossing, .launches.in_clear]' "$dir/report")" = '["sealed",1]' ] || fail 'the report'
try 3 'app_add was refused' -- "${cuda[@]}" --strict "$mock/app"
try 0 '^right' HYPERGPU_UNREWRITTEN=refuse HYPERGPU_SUITE=none CUDA_ENABLE_COREDUMP_ON_EXCEPTION=1 \
	HYPERGPU_CUDA_DRIVER=/nowhere -- "${cuda[@]}" "$mock/app"

# Without --cuda a program that uses it is sealed all the same, or has no GPU. This needs OpenCL.
try 0 '^shim: error 0' -- --anonymous --cuda-driver "$driver" "$mock/linked"
try 3 '^shim: error 100' -- --anonymous "$mock/linked"
try 0 '^driver: error 0' LD_LIBRARY_PATH="$mock" -- --no-cuda --anonymous "$mock/linked"
echo 'hgrun: CUDA programs get the shim'
