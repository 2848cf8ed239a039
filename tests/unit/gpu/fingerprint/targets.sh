#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The fingerprint's program compiles for GPUs that are not here, as OpenCL C and as CUDA C,
# and reads their clocks: the first before the chain of loads, the second after the store
# that waits for the last of them.

set -u -o pipefail
cd "$(dirname "$0")" || exit 1

device=../../../../gpu-tee/device
out=build/targets
mkdir -p "$out"
bad=0

compile() { # NAME FLAGS...
	local name=$1
	shift
	if clang -x cl -D__OPENCL_VERSION__=120 -cl-std=CL1.2 -Xclang -finclude-default-header -O2 -S \
		-Wall -Werror -Wno-unused-function "$@" -o "$out/$name.s" "$device/fingerprint.cl"; then
		echo "ok: $name compiles"
	else
		echo "FAILED: $name does not compile"
		bad=1
	fi
}

# The kinds of instruction, in their order, each but once in a row.
order() { # FILE WANTED AWK-RULES
	local found
	found=$(awk "$3"' { if (k != "" && k != last) printf "%s ", k; if (k != "") last = k; k = "" }' "$1")
	if [[ " $found" == *" $2 "* ]]; then
		echo "ok: ${1##*/}: $2"
	else
		echo "FAILED: ${1##*/}: want '$2' in '$found'"
		bad=1
	fi
}

command -v clang >/dev/null || { echo "no clang"; exit 77; }
compile nvptx --target=nvptx64-nvidia-nvcl -D__NV_CL_C_VERSION=1
compile amdgcn --target=amdgcn-amd-amdhsa -mcpu=gfx906 -nogpulib
[ $bad -eq 0 ] || exit 1
order "$out/nvptx.s" 'clock load store clock' '/%clock64/ { k = "clock" } /ld\.volatile/ { k = "load" }
	/st\.volatile/ { k = "store" }'
grep -q '%smid' "$out/nvptx.s" || { echo "FAILED: nvptx: the unit is not asked for"; bad=1; }
order "$out/amdgcn.s" 'clock load store clock' '/s_memtime/ { k = "clock" } /_load_dword .*glc/ { k = "load" }
	/_store_dword v.*/ { k = "store" }'

if clang -x cuda --cuda-device-only -nocudainc -nocudalib --cuda-gpu-arch=sm_70 -include "$device/cuda_clang.h" \
	-Wno-unknown-cuda-version -Werror -fsyntax-only "$device/fingerprint.cl"; then
	echo "ok: CUDA C compiles"
else
	echo "FAILED: CUDA C does not compile"
	bad=1
fi
exit $bad
