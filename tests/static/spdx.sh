#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every tracked text file names its licence in its first three lines, and the
# right one for where it lies (see LICENSE).

# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

count=0
while IFS= read -r -d '' f; do
	case $f in
	.gitignore | */.gitignore | tools/bench/splat) continue ;;
	debian/changelog | debian/copyright | debian/source/format) continue ;;
	LICENSE | LICENSES/* | *.syms | *.json | *.svg.gz | */corpus/*) continue ;;
	esac
	# Binary files (test inputs) cannot carry a line of text.
	if [ -s "$f" ] && ! grep -Iq . "$f"; then
		continue
	fi
	count=$((count + 1))
	found=$(sed -n '1,3s/.*SPDX-License-Identifier: *\([^*]*[^* >-]\).*/\1/p' "$f" | head -n 1)
	case $f in
	kmod/include/uapi/*) want='GPL-2.0-only WITH Linux-syscall-note' ;;
	kmod/*) want=GPL-2.0-only ;;
	*) want=Apache-2.0 ;;
	esac
	# Tests of kmod's sources may carry kmod's licence.
	case $f:$found in tests/*:GPL-2.0-only) want=GPL-2.0-only ;; esac
	[ "$found" = "$want" ] || complain "$f: licence '${found:-none}', want '$want'"
done < <(project_files)
verdict $count spdx
