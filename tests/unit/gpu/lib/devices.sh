#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The tests of libhypergpu on devices that are not simulated: OpenCL, where there is a platform,
# and the mock of CUDA's driver; each copy of a run on that attacked in turn.

set -eu -o pipefail
cd "$(dirname "$0")"
b=build/shared
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export CMOCKA_MESSAGE_OUTPUT=stdout
unset HG_TEST_PROVIDER MOCK_ATTACK MOCK_COUNT MOCK_SNOOP OPENCL_LAYERS

fail() {
	echo "FAIL: $*" >&2
	tail -60 "$dir/out" >&2
	exit 1
}

run() { # PROVIDER TEST
	HG_TEST_PROVIDER=$1 timeout 500 "$b/$2" >"$dir/out" 2>&1 || fail "$2 on $1"
	programs=$((programs + 1))
}

programs=0
if [ "$(clinfo -l 2>/dev/null | grep -c Platform || true)" != 0 ]; then
	run opencl test_use
	run opencl test_misuse
	run opencl test_record
	run opencl test_threads
else
	echo "gpu/lib: no OpenCL platform here"
fi
# An OpenCL without devices, and a machine without NVIDIA's driver.
OCL_ICD_VENDORS=/nonexistent "$b/absent" opencl 'not found' >"$dir/out" 2>&1 || fail 'no OpenCL device'
if ! ldconfig -p | grep libcuda.so.1 >/dev/null; then
	"$b/absent" cuda unsupported >"$dir/out" 2>&1 || fail 'no CUDA driver'
fi

make -s -C ../cuda build/libcuda.so.1
export LD_LIBRARY_PATH=$PWD/../cuda/build
run cuda test_use
run cuda test_threads
"$b/absent" cuda unsupported fingerprint >"$dir/out" 2>&1 || fail 'a fingerprint by CUDA'

MOCK_COUNT=$dir/count "$b/attacked" >"$dir/out" 2>&1 || fail 'a run without an attack'
read -r to from <"$dir/count"
[ "$to" -gt 4 ] && [ "$from" -gt 4 ] || fail "the mock saw $to and $from copies"
ends=0
for attack in flip drop replay flip-back drop-back replay-back; do
	case $attack in *-back) last=$from ;; *) last=$to ;; esac
	for n in $(seq 1 "$last"); do
		rc=0
		MOCK_ATTACK=$attack:$n "$b/attacked" >"$dir/out" 2>&1 || rc=$?
		case $rc in
		0 | 3) ;;
		4) ends=$((ends + 1)) ;;
		*) fail "$attack of copy $n: status $rc" ;;
		esac
	done
done
[ "$ends" -gt 10 ] || fail "only $ends attacks were found"
echo "gpu/lib: $programs test programs passed; $ends attacks ended sessions, none did harm"
