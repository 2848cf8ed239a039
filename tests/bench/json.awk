# SPDX-License-Identifier: Apache-2.0
# The figures as JSON.

function quote(s) {
	gsub(/\\/, "\\\\", s)
	gsub(/"/, "\\\"", s)
	return "\"" s "\""
}

BEGIN {
	printf "{\n  \"date\": %s,\n  \"commit\": %s,\n  \"unit\": %s", quote(date), quote(commit),
		quote(unit ? unit : "instructions")
}
$1 == "info" {
	key = $2
	sub(/^info [^ ]+ /, "")
	printf ",\n  %s: %s", quote(key), quote($0)
	next
}
$3 == "-" {
	why = $0
	sub(/^[^ ]+ [^ ]+ - /, "", why)
	entry = sprintf("{\"provider\": %s, \"name\": %s, \"absent\": %s}", quote($1), quote($2), quote(why))
}
$3 != "-" {
	entry = sprintf("{\"provider\": %s, \"name\": %s, \"median\": %s, \"min\": %s, \"max\": %s, \"samples\": %s}",
		quote($1), quote($2), $3, $4, $5, $6)
}
{
	entries = entries (entries ? ",\n    " : "\n    ") entry
}
END {
	printf ",\n  \"figures\": [%s\n  ]\n}\n", entries
}
