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
run shim 0 MOCK_SNOOP="$dir/hidden" -- hidden
! grep -q 'leak' "$dir/hidden" 2>/dev/null || fail 'something leaks that is not there'
run shim 3 HYPERGPU_GPU_RECORD=/record --
says 'cannot be told by its record'
run shim 3 CUDA_ENABLE_COREDUMP_ON_EXCEPTION=1 --
says 'a dump of the GPU'
run shim 3 HYPERGPU_UNREWRITTEN=refuze --
says 'neither refuse nor clear'

# Launches are counted and named, and refused with --strict.
run shim 0 HYPERGPU_REPORT="$dir/report" --
says '^hypergpu: CUDA: kernel app_add runs as it is'
is() { # WHAT JQ-QUERY WANT
	local got
	got=$(jq -c "$2" "$dir/report")
	[ "$got" = "$3" ] || fail "report, $1: $got, not $3"
}
is launches '[.crossing, .launches.receipted, .launches.in_clear, .failure]' '["sealed",0,1,null]'
is names '[.unrewritten[] | .name, .count]' '["app_add",1]'
is arguments '[.in_clear.kernel_arguments, .in_clear.launch_geometry]' '[{"count":1,"bytes":28},{"count":1,"bytes":28}]'
is copies '[.to_device.write, .to_host.read]' '[{"count":9,"bytes":800000},{"count":2,"bytes":400000}]'
is programs '[.programs[] | .kind, .printf]' '["ptx",false]'
run shim 3 HYPERGPU_REPORT="$dir/report" HYPERGPU_UNREWRITTEN=refuse --
says '^hypergpu: CUDA: kernel app_add was refused'
says '^cuLaunchKernel: error 801'
is refusal '[.launches.in_clear, .refused.launch]' '[0,1]'

# Every function that is refused: the mock's leaves its name on the bus, the shim's nothing.
program=refused
run plain 5 MOCK_SNOOP="$dir/leaks" -- "$shim/../../cuda/names.list"
all=$(awk '/^cu/ && $2 == "refuse" { n++; if ($3 != "-") n++ } END { print n }' "$shim/../../cuda/names.list")
[ "$(grep -o 'leak cu' "$dir/leaks" | wc -l)" = "$all" ] || fail "the mock does not leak all $all"
run shim 0 MOCK_SNOOP="$dir/noleaks" HYPERGPU_REPORT="$dir/report" -- "$shim/../../cuda/names.list"
[ ! -s "$dir/noleaks" ] || fail 'a function that is refused leaves something on the bus'
says '^hypergpu: CUDA: cuArray3DCreate_v2 was refused'
is 'refused functions' '.refused | length' "$(grep -c '^cu.* refuse ' "$shim/../../cuda/names.list")"
program=app
program=contexts
run shim 3 MOCK_MANAGED=1 -- module
says 'cuModuleGetGlobal of a managed variable was refused'
program=app

# Several contexts, modules that go, references that are counted.
program=contexts
for step in contexts primary module wait; do
	run plain 0 -- $step
	run shim 0 -- $step
	says right
done
program=app

# Every way to copy: all of it on the bus without the shim, no 16 bytes with it; and every copy of the
# step altered. Then an error, and nothing in the program's memory.
program=copies
# altered NAME COPIES STEP: the last copies of that direction, one after another. Of the session's
# each is noticed; only those of the agreement, before it, may be zeros that nobody looks at.
altered() {
	local n got
	for ((n = $2 - 5; n <= $2; n++)); do
		got=0
		LD_LIBRARY_PATH=$shim HYPERGPU_CUDA_DRIVER=$mock/libcuda.so.1 HYPERGPU_ANONYMOUS=1 \
			MOCK_ATTACK=$1:$n "$mock/copies" "$3" >"$dir/out" 2>&1 || got=$?
		case $got in
		3) says '^hypergpu: ' ;;
		0) [ "$n" -lt $(($2 - 1)) ] || fail "$3, $1:$n was not noticed" ;;
		*) fail "$3, $1:$n: status $got" ;;
		esac
	done
	says '^hypergpu: bus: '
}
for step in linear async unified rows columns box fill host; do
	rm -f "$dir/bus" "$dir/data"
	run plain 0 PLAIN="$dir/data" MOCK_SNOOP="$dir/bus" -- $step
	got=0
	"$mock/find" "$dir/bus" "$dir/data" >"$dir/out" || got=$?
	[ $got = 3 ] || fail "the snoop does not see $step"
	rm -f "$dir/bus"
	run shim 0 MOCK_SNOOP="$dir/bus" MOCK_COUNT="$dir/count" HYPERGPU_REPORT="$dir/report" -- $step
	says right
	"$mock/find" "$dir/bus" "$dir/data" >"$dir/out" || fail "plaintext of $step on the bus"
	read -r to back <"$dir/count"
	[ $step != rows ] || is rows '[.to_device.rect, .to_host.rect, .in_clear.copy_commands.count]' \
		'[{"count":1,"bytes":10000},{"count":2,"bytes":11920},1]'
	altered flip "$to" $step
	altered flip-back "$back" $step
done

run shim 0 -- bounds
says right
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
