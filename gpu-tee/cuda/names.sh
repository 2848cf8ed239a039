#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Writes what names.list says as a header (names.sh header) or as the functions that are
# handed on, in assembly (names.sh code).

set -eu -o pipefail
list=$(dirname "$0")/names.list

names() { # -> NAME own|forward
	grep -v '^#' "$list" | awk 'NF { if (NF != 2 || ($2 != "own" && $2 != "forward")) {
		print "names.list: " $0 >"/dev/stderr"; exit 1 } print $1, $2 }'
}

header() {
	cat <<-'END'
	/* SPDX-License-Identifier: Apache-2.0 */
	/* Made by names.sh of names.list. */
	#ifndef HG_CUDA_SHIM_NAMES_H
	#define HG_CUDA_SHIM_NAMES_H
	#include <stdbool.h>
	END
	echo 'enum {'
	names | awk '{ print "\tHG_" $1 "," }'
	echo $'\tHG_CUDA_NAMES\n};'
	cat <<-'END'
	struct hg_cuda_name {
		const char *name;
		bool own;
		void *function; /* what the application gets */
	};
	extern const struct hg_cuda_name hg_cuda_names[HG_CUDA_NAMES];
	#endif
	END
}

# Through the driver's address, with all arguments where they are; 500 is CUDA_ERROR_NOT_FOUND.
code() {
	echo $'\t.text'
	names | awk '$2 == "forward" {
		printf "\t.globl %s\n\t.type %s, @function\n%s:\n", $1, $1, $1
		printf "\tendbr64\n\tmovq hg_cuda_reals+%d(%%rip), %%r11\n", 8 * (NR - 1)
		printf "\ttestq %%r11, %%r11\n\tje 1f\n\tjmp *%%r11\n"
		printf "1:\tmovl $500, %%eax\n\tret\n\t.size %s, . - %s\n", $1, $1
	}'
	echo $'\t.section .rodata'
	names | awk '{ printf "name_%s:\t.string \"%s\"\n", $1, $1 }'
	echo $'\t.section .data.rel.ro, "aw"\n\t.balign 8\n\t.globl hg_cuda_names\n\t.hidden hg_cuda_names'
	echo 'hg_cuda_names:'
	names | awk '{ printf "\t.quad name_%s\n\t.quad %d\n\t.quad %s\n", $1, $2 == "own", $1 }'
	echo $'\t.section .note.GNU-stack, "", @progbits'
}

case ${1-} in
header | code) "$1" ;;
*) echo "usage: names.sh header|code" >&2; exit 2 ;;
esac
