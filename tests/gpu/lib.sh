# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What tests of the OpenCL layer have in common. Source it first.

set -eu -o pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
b=$here/build
gpu=$top/gpu-tee/build
layer=$gpu/libhypergpu-ocl-layer.so
hgrun=$gpu/hgrun
app=$b/app

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset OPENCL_LAYERS HYPERGPU_CROSSING HYPERGPU_REPORT HYPERGPU_SUITE HYPERGPU_ALLOW_BINARIES HYPERGPU_VERBOSE
unset HYPERGPU_GPU_RECORD HYPERGPU_GPU_SIGNER HYPERGPU_GPU_SIMULATED
# The tests of the GPU's identity are in tests/gpu/session.
export HYPERGPU_ANONYMOUS=1
# One cache of compiled kernels: the first compilation of each is what takes long.
export POCL_CACHE_DIR=${HG_POCL_CACHE:-$here/build/pocl}
mkdir -p "$POCL_CACHE_DIR"

passed=0
failed=0

pass() {
	passed=$((passed + 1))
	[ -z "${VERBOSE:-}" ] || echo "ok: $*"
}

fail() {
	failed=$((failed + 1))
	echo "FAIL: $*"
}

is() { # WHAT GOT WANT
	if [ "$2" = "$3" ]; then pass "$1"; else fail "$1: '$2', want '$3'"; fi
}

need_platform() {
	local n
	n=$(clinfo -l 2>/dev/null | grep -c Platform || true)
	if [ "${n:-0}" -eq 0 ]; then
		echo "no OpenCL platform: install pocl-opencl-icd"
		exit 77
	fi
}

finish() {
	echo "$1: $passed passed, $failed failed"
	[ "$failed" -eq 0 ]
}
