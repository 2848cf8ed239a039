#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# An unmodified CUDA program on the mock of libcuda, without and with the shim: the same
# result, nothing of its data on the bus, and each attack, which does harm without the shim,
# ends in an error with it.

set -eu -o pipefail
here=$(cd "$(dirname "$0")" && pwd)
mock=$here/build shim=$here/../../../../gpu-tee/build/cuda
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

fail() {
	echo "FAIL: $*" >&2
	[ ! -s "$dir/out" ] || cat "$dir/out" >&2
	exit 1
}

program=app
# run plain|shim EXPECTED-STATUS [VARIABLE=VALUE...] -- [ARGUMENT...]
run() {
	local how=$1 want=$2 got=0 path=$mock
	shift 2
	local vars=()
	while [ "$1" != -- ]; do
		vars+=("$1")
		shift
	done
	shift
	[ "$how" = plain ] || path=$shim
	env LD_LIBRARY_PATH="$path" HYPERGPU_CUDA_DRIVER="$mock/libcuda.so.1" HYPERGPU_ANONYMOUS=1 \
		"${vars[@]}" timeout 60 "$mock/$program" "$@" >"$dir/out" 2>&1 || got=$?
	[ "$got" = "$want" ] || fail "$how ${vars[*]-}: status $got, not $want"
}

says() {
	grep -q -- "$1" "$dir/out" || fail "no '$1' in the output"
}

run plain 0 MOCK_SNOOP="$dir/plain" --
grep -q 'a secret of the application' "$dir/plain" || fail 'the snoop sees nothing'
for suite in aes-256-gcm chacha20-poly1305 sm4-ctr-hmac-sm3; do
	run shim 0 MOCK_SNOOP="$dir/$suite" HYPERGPU_SUITE=$suite --
	says right
	[ "$(stat -c %s "$dir/$suite")" -gt 1200000 ] || fail "$suite: the snoop saw less than was sent"
	! grep -q -e 'a secret of' -e 'the application' "$dir/$suite" || fail "$suite: plaintext on the bus"
done
run shim 3 HYPERGPU_SUITE=rot13 --
says 'HYPERGPU_SUITE is none of'
run shim 3 HYPERGPU_ANONYMOUS=0 --
says 'HYPERGPU_ANONYMOUS=1'
run shim 3 HYPERGPU_CUDA_DRIVER=libcuda.so.1 --
says 'absolute path'
run shim 3 HYPERGPU_CUDA_DRIVER="$shim/libcuda.so.1" --
run plain 5 -- hidden
run shim 0 -- hidden

# Several contexts, modules that go, references that are counted.
program=contexts
for step in contexts primary module wait; do
	run plain 0 -- $step
	run shim 0 -- $step
	says right
done
program=app

# A GPU to which all of the program's memory is its own: there is nothing to be kept from it.
run plain 0 MOCK_PAGEABLE=1 --
run shim 3 MOCK_PAGEABLE=1 MOCK_SNOOP="$dir/pageable" --
says 'uvm_disable_hmm=1'
[ ! -s "$dir/pageable" ] || fail 'something went to a GPU that is refused'

# Every copy of a run, to the GPU and back, one after another. The first of them are the known
# answers and the key agreement: there some attacks meet zeros that nobody looks at. From
# the session on each is noticed. Nothing ever comes out wrong.
attack() { # NAME COPIES FIRST-OF-THE-SESSION
	local n got
	run plain 4 MOCK_ATTACK="$1":2 --
	for n in $(seq 1 "$2"); do
		got=0
		LD_LIBRARY_PATH=$shim HYPERGPU_CUDA_DRIVER=$mock/libcuda.so.1 HYPERGPU_ANONYMOUS=1 \
			MOCK_ATTACK=$1:$n "$mock/app" >"$dir/out" 2>&1 || got=$?
		case $got in
		3) says '^hypergpu: ' ;;
		0) [ "$n" -lt "$3" ] || fail "$1:$n was not noticed" ;;
		*) fail "$1:$n: status $got" ;;
		esac
		[ "$got" = 0 ] || ! grep -q '^right' "$dir/out" || fail "$1:$n: right, and an error"
	done
}

run plain 0 MOCK_COUNT="$dir/count" HYPERGPU_CUDA_DRIVER= --
run shim 0 MOCK_COUNT="$dir/count" --
read -r to back <"$dir/count"
[ "$to" -ge 20 ] && [ "$back" -ge 15 ] || fail "only $to copies to the GPU and $back back"
attack flip "$to" $((to - 10))
attack drop "$to" $((to - 10))
attack replay "$to" $((to - 10))
attack flip-back "$back" $((back - 7))
attack replay-back "$back" $((back - 7))
attack drop-back "$back" $((back - 4))
