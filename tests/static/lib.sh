# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Shared by the static checks: where the project is and which files belong to
# it. Source it first.

set -eu -o pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# Tracked files that exist, NUL-separated, narrowed by git path patterns. An
# unpacked archive has no git: then every file counts that no build makes.
project_files() {
	if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
		git ls-files -z -- "$@"
	else
		[ $# -gt 0 ] || set -- '*'
		local p
		for p in "$@"; do
			find . -path ./.git -prune -o -name build -prune -o \
				-type f -path "./$p" ! -name '*.cmd' ! -name '*.mod' \
				! -name '*.mod.c' ! -name '*.o' ! -name '*.ko' \
				! -name modules.order ! -name Module.symvers -print0
		done | sed -z 's|^\./||' | sort -zu
	fi | while IFS= read -r -d '' f; do
		[ ! -f "$f" ] || printf '%s\0' "$f"
	done
}

errors=0
complain() {
	echo "$*"
	errors=$((errors + 1))
}

# The last line of every check: how many files were looked at, and the verdict.
# Looking at nothing is a fault of the check itself.
verdict() { # COUNT WHAT
	if [ "$1" -eq 0 ]; then
		echo "$2: looked at nothing"
		exit 1
	fi
	echo "$2: $1 looked at, $errors wrong"
	[ "$errors" -eq 0 ]
}
