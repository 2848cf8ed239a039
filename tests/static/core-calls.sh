#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# docs/core-calls.md lists the calls into the core as kmod/core/call.h does: the
# same names with the same numbers, and for each the same refusals.

# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

out=build/static/core-calls
mkdir -p $out

# The list in the header, in order: "NUMBER NAME".
awk '/^#define HG_CALL_LIST/ { on = 1; next }
	on && match($0, /X\([A-Z_]+/) { print n++ + 0, substr($0, RSTART + 2, RLENGTH - 2) }
	on && !/\\$/ { exit }' kmod/core/call.h >$out/header.calls
# The table in the page.
sed -n 's/^| \([0-9]*\) | `\([A-Z_]*\)` |.*/\1 \2/p' docs/core-calls.md >$out/page.calls
diff -u $out/header.calls $out/page.calls || complain "the lists of calls differ (above)"

# The refusals: "NAME ERROR", from the comment above hg_call() and the table.
awk '/^ \* HG_CALL_[A-Z_]+ \(/ { name = $2; sub(/^HG_CALL_/, "", name); next }
	/^s64 hg_call\(/ { exit }
	name { while (match($0, /HG_E_[A-Z]+/)) {
			print name, substr($0, RSTART + 5, RLENGTH - 5)
			$0 = substr($0, RSTART + RLENGTH) } }' kmod/core/call.h |
	sort -u >$out/header.errors
awk -F'|' '/^\| [0-9]+ \| `/ { name = $3; gsub(/[` ]/, "", name)
	n = split($6, e, " "); for (i = 1; i <= n; i++) { gsub(/`/, "", e[i]); print name, e[i] } }' \
	docs/core-calls.md | sort -u >$out/page.errors
diff -u $out/header.errors $out/page.errors || complain "the refusals differ (above)"
verdict "$(wc -l <$out/header.calls)" core-calls
