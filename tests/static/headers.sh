#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every header compiles alone, with both compilers: it includes what it needs.
# Headers of the Linux half, and of a test that is a module, are left to the module's build.

# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

common=(-std=gnu11 -Wall -Wextra -Werror -fsyntax-only -x c)
core_dirs=()
for d in kmod/core kmod/irqchip kmod/svm; do
	[ ! -d "$d" ] || core_dirs+=("-I$d")
done

check() { # HEADER FLAGS...
	local h=$1 cc
	shift
	for cc in gcc clang; do
		command -v $cc >/dev/null || continue
		printf '#include "%s"\n#include "%s"\n' "$PWD/$h" "$PWD/$h" |
			$cc "${common[@]}" "$@" - || complain "$h: does not compile alone with $cc"
	done
}

# What gpu-tee's build makes of a list.
mkdir -p build/static/headers
gpu-tee/cuda/names.sh header >build/static/headers/shim_names.h

count=0
while IFS= read -r -d '' h; do
	case $h in
	# In other languages: of the kernel, for a GPU.
	kmod/linux/* | tests/guest/nested/evil.h | gpu-tee/device/cuda_clang.h) continue ;;
	kmod/core/* | kmod/irqchip/* | kmod/svm/*)
		check "$h" -ffreestanding -nostdinc -mgeneral-regs-only "${core_dirs[@]}"
		;;
	kmod/include/*)
		check "$h" -Ikmod/include/uapi -Ikmod/include "${core_dirs[@]}"
		;;
	gpu-tee/* | tests/*/gpu/* | tests/gpu/*)
		check "$h" -D_GNU_SOURCE "-I$(dirname "$h")" -Igpu-tee/host -Igpu-tee/device -Igpu-tee/source \
			-Igpu-tee/include \
			-Ibuild/static/headers
		;;
	*)
		check "$h" -D_GNU_SOURCE "-I$(dirname "$h")" -Ivmm -Iattest -Iattest/service -Itests/unit/attest \
			-Itests/guest/lib "${core_dirs[@]}"
		;;
	esac
	count=$((count + 1))
done < <(project_files '*.h')
verdict $count headers
