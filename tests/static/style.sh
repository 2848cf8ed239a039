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

count=0
out=
while IFS= read -r -d '' f; do
	case $f in
	*.c | *.h | *.S) lang=c ;;
	*.sh | *.bash | *Makefile | *Kbuild | *.mk) lang=text ;;
	*.md) lang=md ;;
	*)
		case $(head -c 32 "$f" | head -n 1 | tr -d '\0') in
		'#!'*sh) lang=text ;;
		*) continue ;;
		esac
		;;
	esac
	count=$((count + 1))
	out+=$(awk -v f="$f" -v lang="$lang" -v max="$([ $lang = c ] && echo 100 || echo 120)" '
		function bad(msg) { printf "%s:%d: %s\n", f, FNR, msg }
		function long_string(s) {
			for (; match(s, /"[^"]*"/); s = substr(s, RSTART + RLENGTH))
				if (RLENGTH > 40) return 1
			return 0
		}
		function width(s,   i, n) {
			if (index(s, "\t") == 0) return length(s)
			for (i = 1; i <= length(s); i++)
				n = substr(s, i, 1) == "\t" ? n + 8 - n % 8 : n + 1
			return n
		}
		/\r/ { bad("carriage return") }
		lang != "md" && /[ \t]$/ { bad("blank at the end of the line") }
		# A string that a user may search for is not broken to fit.
		lang != "md" && width($0) > max && !long_string($0) { bad("wider than " max " columns") }
		lang == "c" && /^        / { bad("indented by blanks, not tabs") }
		lang == "c" && /^[ \t]*\/\// && FNR > 1 { bad("comment as //") }
		/^set .*pipefail/ { pipefail = 1 }
		pipefail && !/^[ \t]*#/ && /[^|]\|[ \t]*grep -[a-zA-Z]*q/ { bad("pipe into grep -q under pipefail") }
		END { if (lang == "c" && NR > 900) bad("more than 900 lines in one file") }
	' "$f")
	if [ -s "$f" ] && [ -n "$(tail -c 1 "$f")" ]; then
		out+="$f: no newline at the end"
	fi
	[ -z "$out" ] || out="${out%$'\n'}"$'\n'
done < <(project_files)
if [ -n "$out" ]; then
	printf '%s' "$out"
	errors=$(printf '%s' "$out" | wc -l)
fi
verdict $count style
