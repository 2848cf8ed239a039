#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The module builds without a warning at W=1, and sparse finds nothing in it,
# with and without the assertions of HG_DEBUG. Works on a copy, so that the
# developer's own build stays as it is.

# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

kdir=${KDIR:-$(make -s --no-print-directory print-kdir)}
[ -e "$kdir/Makefile" ] || { echo "no kernel headers in '$kdir'"; exit 1; }

build() { # NAME HG_DEBUG (y or empty)
	local dir=$PWD/build/static/module-$1 log=build/static/module-$1.log
	rm -rf "$dir"
	mkdir -p "$dir/kmod"
	(cd kmod && find . -type f \( -name '*.[chS]' -o -name Kbuild -o -name '*.syms' \) \
		-print0 | xargs -0 cp --parents -t "$dir/kmod")
	if ! make -C "$kdir" M="$dir/kmod" W=1 C=1 CONFIG_HG_DEBUG="$2" modules \
		>"$log" 2>&1; then
		complain "$1: does not build"
		grep -E 'error|warning|undefined' "$log" || tail -n 20 "$log"
		return
	fi
	# Only our own files: the kernel's headers are not ours to mend.
	if grep -E "^(${dir}/kmod/|kmod/|\./)?[^ ]*: (warning|error):" "$log" |
		grep -v '^/usr/src/'; then
		complain "$1: warnings (above)"
	fi
	[ -e "$dir/kmod/hypergpu.ko" ] || complain "$1: no hypergpu.ko came of it"
}

build release ""
build debug y
verdict "$(find kmod -name '*.[cS]' | wc -l)" module
