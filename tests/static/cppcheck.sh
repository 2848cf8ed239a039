#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The program cppcheck finds nothing in what runs in user space, nor in the
# trusted core and the models of interrupt controllers.

# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

command -v cppcheck >/dev/null || {
	echo "cppcheck is not installed"
	exit 77
}
sources=()
while IFS= read -r -d '' f; do
	case $f in
	kmod/linux/*) ;; # the kernel's own macros are beyond it: sparse looks there
	*) sources+=("$f") ;;
	esac
done < <(project_files 'vmm/*.c' 'tools/*.c' 'attest/*.c' 'gpu-tee/*.c' 'kmod/*.c')

mkdir -p build/static/cppcheck
cppcheck --quiet --std=c11 --language=c -j2 --cppcheck-build-dir=build/static/cppcheck \
	--enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
	--suppress=missingIncludeSystem --suppress=ctuuninitvar -D__x86_64__ -D__SIZE_TYPE__='unsigned long' \
	-Ikmod/core -Ikmod/irqchip -Ivmm -Itools/hgctl -Iattest -Iattest/service "${sources[@]}" || errors=1
verdict ${#sources[@]} cppcheck
