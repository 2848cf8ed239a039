#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Writes a C file that holds a device program as a string, with the headers it
# includes by "..." put in place, once each: flatten.sh FILE SYMBOL

set -eu -o pipefail

file=$1 symbol=$2
cd "$(dirname "$file")"

flatten() { # FILE
	awk '
		function put(f,   line, name) {
			if (f in seen) return
			seen[f] = 1
			while ((got = (getline line <f)) > 0) {
				if (line ~ /^#include "/) {
					name = line
					sub(/^#include "/, "", name)
					sub(/".*/, "", name)
					put(name)
				} else if (line !~ /^\/[\/*] SPDX/) {
					print line
				}
			}
			if (got < 0) {
				print "flatten.sh: cannot read " f >"/dev/stderr"
				exit 1
			}
			close(f)
		}
		BEGIN { put(ARGV[1]) }' "$1"
}

# A string of pieces: compilers need not take one of more than 4095 characters.
{
	printf '/* SPDX-License-Identifier: Apache-2.0 */\n'
	printf 'extern const char %s[];\nconst char %s[] =\n' "$symbol" "$symbol"
	flatten "$(basename "$file")" | sed 's/\\/\\\\/g; s/"/\\"/g; s/\t/ /g; s/^/"/; s/$/\\n"/'
	printf ';\n'
}
