#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# docs/page-states.md shows the moves of a frame as kmod/core/page.c has them.

# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

out=build/static/page-states
mkdir -p $out

# "MOVE FROM [FROM]", sorted: from moves[] and from the table in the page.
sed -n 's/^\t\[HG_MOVE_\([A-Z]*\)\][^{]*{ HG_FRAME_\([A-Z]*\), HG_FRAME_[A-Z]*, HG_FRAME_\([A-Z]*\) .*/\1 \2 \3/p' \
	kmod/core/page.c | awk '{ print $1, $2; print $1, $3 }' | sort -u >$out/code
awk -F'|' '/^\| `[A-Z]+` \| `[A-Z]+`/ && NF == 7 { move = $2; gsub(/[` ]/, "", move)
	n = split($3, from, ","); for (i = 1; i <= n; i++) {
		gsub(/[` ]/, "", from[i]); print move, from[i] } }' docs/page-states.md |
	sort -u >$out/page
diff -u $out/code $out/page || complain "the moves differ (above)"

# Every state is explained.
for state in $(sed -n 's/^\tHG_FRAME_\([A-Z]*\),.*/\1/p' kmod/core/page.h); do
	[ "$state" != STATES ] || continue
	grep -q "^| \`$state\` |" docs/page-states.md || complain "state $state is not explained"
done
verdict "$(wc -l <$out/code)" page-states
