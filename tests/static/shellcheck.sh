#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The program shellcheck finds no warning in any tracked script. Not judged:
# variables that only a sourced file uses, modes of mkdir -p, that busybox sh is
# not dash.

# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

command -v shellcheck >/dev/null || {
	echo "shellcheck is not installed"
	exit 77
}
scripts=()
while IFS= read -r -d '' f; do
	case $f in
	*.sh) scripts+=("$f") ;;
	*.bash) ;; # completion: its variables belong to bash-completion
	*)
		case $(head -c 32 "$f" | head -n 1 | tr -d '\0') in
		'#!'*sh) scripts+=("$f") ;;
		esac
		;;
	esac
done < <(project_files)
[ ${#scripts[@]} -eq 0 ] || printf '%s\0' "${scripts[@]}" |
	xargs -0 -n 20 -P 2 shellcheck -x -S warning -e SC2034,SC2174,SC2187 || errors=1
verdict ${#scripts[@]} shellcheck
