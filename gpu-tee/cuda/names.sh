#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Writes what names.list says as a header (names.sh header) or as the functions that are
# handed on or refused, in assembly (names.sh code).

set -eu -o pipefail
list=$(dirname "$0")/names.list

names() { # -> NAME own|forward|refuse -|ptds|ptsz[:N] SINCE
	grep -v '^#' "$list" | awk 'NF {
		if (NF != 4 || $2 !~ /^(own|forward|refuse)$/ || $3 !~ /^(-|ptds|ptsz(:[12])?)$/ ||
		    $4 !~ /^[0-9]+$/ || ($2 == "forward" && $3 ~ /^pt/ && $3 !~ /:/)) {
			print "names.list: " $0 >"/dev/stderr"; exit 1 }
		print $1, $2, $3, $4 }'
}

header() {
	cat <<-'END'
	/* SPDX-License-Identifier: Apache-2.0 */
	/* Made by names.sh of names.list. */
	#ifndef HG_CUDA_SHIM_NAMES_H
	#define HG_CUDA_SHIM_NAMES_H
	END
	echo 'enum {'
	names | awk '{ print "\tHG_" $1 "," }'
	echo $'\tHG_CUDA_NAMES\n};'
	cat <<-'END'
	enum hg_cuda_how { HG_CUDA_OWN, HG_CUDA_FORWARD, HG_CUDA_REFUSE };
	struct hg_cuda_name {
		const char *name;
		enum hg_cuda_how how;
		int since; /* the version of CUDA */
		void *function; /* what the application gets */
	};
	extern const struct hg_cuda_name hg_cuda_names[HG_CUDA_NAMES];
	#endif
	END
}

# What is handed on goes through the driver's address, with all arguments where they are; 500 is
# CUDA_ERROR_NOT_FOUND. The thread's own stream, 2, is stream 0 here: that waits for more, and nothing
# that a program may rely on comes sooner by it.
code() {
	echo $'\t.text'
	names | awk '
	function start(name) { printf "\t.globl %s\n\t.type %s, @function\n%s:\n\tendbr64\n", name, name, name }
	function end(name) { printf "\t.size %s, . - %s\n", name, name }
	{ split($3, thread, ":") }
	$2 == "forward" {
		start($1)
		reg = thread[2] == 1 ? "d" : "s"
		if (thread[2])
			printf("\tcmpq $2, %%r%si\n\tjne 2f\n\txorl %%e%si, %%e%si\n2:\n", reg, reg, reg)
		printf "\tmovq hg_cuda_reals+%d(%%rip), %%r11\n", 8 * (NR - 1)
		printf "\ttestq %%r11, %%r11\n\tje 1f\n\tjmp *%%r11\n1:\tmovl $500, %%eax\n\tret\n"
		end($1)
	}
	$2 == "refuse" {
		start($1)
		printf "\tleaq name_%s(%%rip), %%rdi\n\tjmp shim_refuse\n", $1
		end($1)
	}
	thread[1] != "-" {
		start($1 "_" thread[1])
		printf "\tjmp %s@PLT\n", $1
		end($1 "_" thread[1])
	}'
	echo $'\t.section .rodata'
	names | awk '{ printf "name_%s:\t.string \"%s\"\n", $1, $1 }'
	echo $'\t.section .data.rel.ro, "aw"\n\t.balign 8\n\t.globl hg_cuda_names\n\t.hidden hg_cuda_names'
	echo 'hg_cuda_names:'
	names | awk '{ how = $2 == "own" ? 0 : $2 == "forward" ? 1 : 2
		printf "\t.quad name_%s\n\t.long %d, %d\n\t.quad %s\n", $1, how, $4, $1 }'
	echo $'\t.section .note.GNU-stack, "", @progbits'
}

case ${1-} in
header | code) "$1" ;;
*) echo "usage: names.sh header|code" >&2; exit 2 ;;
esac
