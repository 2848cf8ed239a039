#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# apps.sh BUILD: unmodified OpenCL applications above the test layer, which rewrites their
# kernels, masks their values and compares the launch log with what was expected. They must
# give the results that they give without it. What is not installed is named, and left out.

set -euo pipefail
build=$(realpath "$1")
layer=$build/layer.so
work=$build/apps
mkdir -p "$work/home"
export POCL_CACHE_DIR=$build/pocl HG_LAYER_REPORT=$work/report
# hashcat keeps binaries of kernels; those of others are no test.
export HOME=$work/home XDG_CACHE_HOME=$work/home XDG_DATA_HOME=$work/home XDG_CONFIG_HOME=$work/home
errors=0 tried=0

# NAME COMMAND...: with the layer; the report must have launches, and nothing that differs
with_layer() {
	local name=$1 launches wrong
	shift
	rm -f "$HG_LAYER_REPORT"
	tried=$((tried + 1))
	if ! OPENCL_LAYERS=$layer timeout 200 "$@" >"$work/$name.log" 2>&1; then
		echo "$name: failed above the layer:"
		tail -n 5 "$work/$name.log"
		errors=$((errors + 1))
		return 0
	fi
	launches=$(awk '{ n += $6 } END { print n + 0 }' "$HG_LAYER_REPORT")
	wrong=$(awk '{ n += $10 } END { print n + 0 }' "$HG_LAYER_REPORT")
	echo "$name: $launches launches logged, $wrong wrong"
	[ "$launches" -gt 0 ] && [ "$wrong" = 0 ] || errors=$((errors + 1))
}

expect() { # NAME TEXT: the log has it
	grep -q -- "$2" "$work/$1.log" || {
		echo "$1: the output has no '$2'"
		errors=$((errors + 1))
	}
}

have() {
	command -v "$1" >/dev/null || {
		echo "$1 is not installed: not tried"
		return 1
	}
}

if have clblast_test_xaxpy; then
	with_layer xaxpy clblast_test_xaxpy
	expect xaxpy passed
fi
if have clFFT-client; then
	with_layer clfft clFFT-client -x 64 -y 32
	expect clfft PASS
fi
if have ffmpeg; then
	for filter in avgblur_opencl=2 unsharp_opencl transpose_opencl; do
		command=(ffmpeg -nostdin -v error -init_hw_device opencl=gpu -filter_hw_device gpu -f lavfi
			-i testsrc=s=64x64:d=0.1 -vf "format=rgba,hwupload,$filter,hwdownload,format=rgba" -f md5 -)
		sum=$("${command[@]}")
		with_layer "ffmpeg-$filter" "${command[@]}"
		expect "ffmpeg-$filter" "$sum"
	done
fi
if have hashcat; then
	hash=$(printf abcd | md5sum | cut -c 1-32)
	rm -rf "${work:?}/home"
	mkdir -p "$work/home"
	with_layer hashcat hashcat -m 0 -a 3 --force -D 1 --potfile-disable "$hash" '?l?l?l?l'
	expect hashcat "$hash:abcd"
fi

if [ $tried = 0 ]; then
	echo "no OpenCL application is installed"
	exit 77
fi
echo "apps: $tried runs of unmodified applications, $errors errors"
[ $errors = 0 ]
