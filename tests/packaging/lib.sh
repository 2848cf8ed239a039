# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
# Shared by the tests of installation: a scratch folder, and verdicts.

set -u -o pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
top=$PWD
PATH=$PATH:/usr/sbin:/sbin
export LC_ALL=C
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
bad=0

ok() { echo "ok: $*"; }

fail() {
	echo "FAILED: $*"
	bad=1
}

# check WHAT COMMAND...: the command succeeds; else its output is shown.
check() {
	local what=$1
	shift
	if "$@" >"$tmp/out" 2>&1; then
		ok "$what"
	else
		fail "$what"
		tail -n 20 "$tmp/out" | sed 's/^/    /'
	fi
}

# refused WHAT TEXT COMMAND...: it fails, and says so with that text.
refused() {
	local what=$1 text=$2
	shift 2
	if "$@" >"$tmp/out" 2>&1; then
		fail "$what: was not refused"
	elif ! grep -Fq -- "$text" "$tmp/out"; then
		fail "$what: want '$text' in"
		sed 's/^/    /' "$tmp/out"
	else
		ok "$what is refused"
	fi
}

# same WHAT A B: two texts are equal.
same() {
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		fail "$1"
		diff <(echo "$2") <(echo "$3") | head -n 20 | sed 's/^/    /'
	fi
}

# Everything below a folder: kind, mode and path, and what it holds.
picture() {
	(cd "$1" && find . -printf '%y %m %p %l\n' | sort && find . -type f -exec sha256sum {} + | sort)
}

finish() {
	[ $bad = 0 ] && exit 0
	exit 1
}
