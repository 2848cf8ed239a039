#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The trusted core stands alone: its sources compile freestanding, without any
# header of Linux or libc, and the symbols that it leaves undefined are exactly
# those of kmod/core/port.syms, which docs/architecture.md explains.

# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

out=build/static/core-port
rm -rf "$out"
mkdir -p "$out"

sources=()
while IFS= read -r -d '' f; do
	sources+=("$f")
done < <(find kmod/core kmod/irqchip kmod/svm -name '*.[cS]' -print0 2>/dev/null | sort -z)
[ ${#sources[@]} -gt 0 ] || { echo "no source in kmod/core"; exit 1; }

# One exception: the world switch takes the host's patching of predictors along.
if grep -nE '#[[:space:]]*include[[:space:]]*<' -r kmod/core kmod/irqchip kmod/svm --include='*.[chS]' |
	grep -vE '^kmod/svm/enter.S:[0-9]+:#include <asm/(asm|nospec-branch)[.]h>$'; then
	complain "the core includes a foreign header (above)"
fi

flags=(-std=gnu11 -O2 -ffreestanding -nostdinc -mgeneral-regs-only -mno-red-zone -fno-pic
	-mcmodel=kernel -fno-stack-protector -fcf-protection=none -fno-asynchronous-unwind-tables
	-Wall -Wextra -Werror -Ikmod/core -Ikmod/irqchip -Ikmod/svm)
for cc in gcc clang; do
	objects=()
	for s in "${sources[@]}"; do
		o=$out/$cc-$(tr / - <<<"${s%.*}").o
		objects+=("$o")
		$cc "${flags[@]}" -c -o "$o" "$s" || complain "$s: does not compile freestanding with $cc"
	done
	[ "$errors" -eq 0 ] || continue
	ld -r -o "$out/$cc-core.o" "${objects[@]}"
	nm -u "$out/$cc-core.o" | awk '{ print $2 }' | sort >"$out/$cc.syms"
	grep -vE '^(#|$)' kmod/core/port.syms | sort >"$out/want.syms"
	# A compiler may do without one of the port's functions (it may expand
	# memcpy in place), so only gcc must match both ways.
	while IFS= read -r sym; do
		complain "$cc: undefined symbol '$sym' is not in kmod/core/port.syms"
	done < <(comm -23 "$out/$cc.syms" "$out/want.syms")
	[ $cc = gcc ] || continue
	while IFS= read -r sym; do
		complain "kmod/core/port.syms names '$sym', which nothing uses"
	done < <(comm -13 "$out/$cc.syms" "$out/want.syms")
done
verdict ${#sources[@]} core-port
