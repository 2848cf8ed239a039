#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every relative link in the documentation leads somewhere: the file exists,
# and so does the heading when the link names one. Paths of the project that
# are written in backquotes exist, too.

# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

# The anchors that a page's headings get on the common forges.
anchors() {
	sed -n '/^```/,/^```/!s/^#\{1,6\} \+//p' "$1" | tr '[:upper:]' '[:lower:]' |
		sed 's/[^a-z0-9 _-]//g; s/ /-/g'
}

count=0
while IFS= read -r -d '' page; do
	dir=$(dirname "$page")
	while IFS= read -r link; do
		case $link in
		*://* | mailto:*) continue ;;
		esac
		count=$((count + 1))
		target=${link%%#*}
		file=$page
		[ -z "$target" ] || file=$dir/$target
		if [ ! -e "$file" ]; then
			complain "$page: no file for link '$link'"
		elif [ "$link" != "$target" ] && [ -f "$file" ]; then
			grep -Fxq -- "${link#*#}" < <(anchors "$file") ||
				complain "$page: no heading for link '$link'"
		fi
	done < <(sed '/^```/,/^```/d' "$page" |
		grep -o '\](\([^()]*\))' | sed 's/^](//; s/)$//; s/ ".*"$//' || true)
	while IFS= read -r path; do
		count=$((count + 1))
		[ -e "$path" ] || complain "$page: names \`$path\`, which does not exist"
	done < <(grep -oE '`(kmod|vmm|tools|tests|docs)/[A-Za-z0-9_./-]+`' "$page" |
		tr -d '`' | sort -u || true)
done < <(project_files '*.md')
verdict $count docs-links
