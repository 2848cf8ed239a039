#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every tracked text file names its licence in its first three lines, and the
# right one for where it lies (see LICENSE).

# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

# One pass over all files: a process for each would take longer than the rest.
declare -A licence
while IFS= read -r -d '' f && IFS=: read -r line text; do
	[ "$line" -le 3 ] || continue
	text=${text#*SPDX-License-Identifier:}
	text=${text%%[*>]*}
	read -r text <<<"${text%% -*}"
	licence[$f]=$text
done < <(project_files | xargs -0 grep -m1 -HnZ 'SPDX-License-Identifier: ')

count=0
while IFS= read -r -d '' f; do
	case $f in
	.gitignore | */.gitignore | tools/bench/splat) continue ;;
	debian/changelog | debian/copyright | debian/source/format) continue ;;
	LICENSE | LICENSES/* | *.syms | *.json | *.svg.gz | */corpus/*) continue ;;
	esac
	found=${licence[$f]:-}
	# Binary files (test inputs) cannot carry a line of text.
	if [ -z "$found" ] && [ -s "$f" ] && ! grep -Iq . "$f"; then
		continue
	fi
	count=$((count + 1))
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
