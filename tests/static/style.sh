#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The few habits of style that a machine can judge: width (100 columns in C, 120
# elsewhere; tabs
# count to the next multiple of 8), tabs for indentation in C, no blanks at the
# end of a line, no carriage returns, a newline at the end, files below 900
# lines, comments as /* */. And one trap: under pipefail, "A | grep -q B" fails now
# and then although B is there, since grep ends at the first match and A may die
# of SIGPIPE; "grep -q B < <(A)" does not.

# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

# One awk for all files of a kind: a process for each file would take longer than the rest.
lists=$(mktemp -d)
trap 'rm -rf "$lists"' EXIT
count=0
while IFS= read -r -d '' f; do
	case $f in
	*.c | *.h | *.S) lang=c ;;
	*.sh | *.bash | *Makefile | *Kbuild | *.mk) lang=text ;;
	*.md) lang=md ;;
	*)
		first=
		IFS= read -r -d $'\n' -n 32 first <"$f" 2>/dev/null || true
		case $first in
		'#!'*sh*) lang=text ;;
		*) continue ;;
		esac
		;;
	esac
	count=$((count + 1))
	printf '%s\0' "$f" >>"$lists/$lang"
done < <(project_files)

judge() { # LANG WIDTH
	[ ! -e "$lists/$1" ] || xargs -0 awk -v lang="$1" -v max="$2" '
		function bad(msg) { printf "%s:%d: %s\n", FILENAME, FNR, msg }
		function long_string(s) {
			for (; match(s, /"[^"]*"/); s = substr(s, RSTART + RLENGTH))
				if (RLENGTH > 40) return 1
			return 0
		}
		function width(s,   i, n) {
			if (length(s) * 8 <= max) return 0
			if (index(s, "\t") == 0) return length(s)
			for (i = 1; i <= length(s); i++)
				n = substr(s, i, 1) == "\t" ? n + 8 - n % 8 : n + 1
			return n
		}
		FNR == 1 { pipefail = 0 }
		/\r/ { bad("carriage return") }
		lang != "md" && /[ \t]$/ { bad("blank at the end of the line") }
		# A string that a user may search for is not broken to fit.
		lang != "md" && width($0) > max && !long_string($0) { bad("wider than " max " columns") }
		lang == "c" && /^        / { bad("indented by blanks, not tabs") }
		lang == "c" && /^[ \t]*\/\// && FNR > 1 { bad("comment as //") }
		/^set .*pipefail/ { pipefail = 1 }
		pipefail && !/^[ \t]*#/ && /[^|]\|[ \t]*grep -[a-zA-Z]*q/ { bad("pipe into grep -q under pipefail") }
		lang == "c" && FNR == 901 { bad("more than 900 lines in one file") }
	' <"$lists/$1"
}
out=$(judge c 100 && judge text 120 && judge md 0 &&
	cat "$lists"/* | xargs -0 perl -0777 -ne 'print "$ARGV: no newline at the end\n" unless /\n\z/ || $_ eq ""')
if [ -n "$out" ]; then
	printf '%s\n' "$out"
	errors=$(printf '%s\n' "$out" | wc -l)
fi
verdict $count style
