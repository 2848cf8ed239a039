# SPDX-License-Identifier: Apache-2.0
# Reads the figures: figure[provider, name], and notes on what was not measured. Prints
# the lines that tell of the machine. Before a file that makes a table of them.

$1 == "info" {
	key = $2
	sub(/^info [^ ]+ /, "")
	print key ": " $0
	next
}
{
	figure[$1, $2] = $3
	if ($3 == "-") {
		why = $0
		sub(/^[^ ]+ [^ ]+ - /, "", why)
		notes = notes sprintf("%s: %s not measured: %s\n", $1, $2, why)
	}
}

function measured(kind,   k) {
	for (k in figure)
		if (index(k, kind SUBSEP) == 1)
			return 1
	return 0
}
