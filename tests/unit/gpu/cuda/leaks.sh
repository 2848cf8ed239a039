#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Writes, in assembly, every function that names.list refuses, as a driver might have it: it leaves
# its name on the bus, and succeeds.
set -eu -o pipefail

echo $'\t.text'
grep -v '^#' "$1" | awk '
function leak(name) {
	printf "\t.globl %s\n\t.type %s, @function\n%s:\n\tendbr64\n", name, name, name
	printf "\tleaq name_%s(%%rip), %%rdi\n\tjmp mock_leak@PLT\n\t.size %s, . - %s\n", name, name, name
	printf "\t.section .rodata\nname_%s:\t.string \"%s\"\n\t.text\n", name, name
}
$2 == "refuse" { leak($1); if ($3 != "-") leak($1 "_" $3) }'
echo $'\t.section .note.GNU-stack, "", @progbits'
