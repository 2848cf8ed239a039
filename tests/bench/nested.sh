#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What nesting costs: the guests of measure.sh as a machine's guests (L1) and as guests of
# such a guest (L2), on hypergpu.ko and on kvm-amd. docs/benchmarks.md says how to read it.
set -u -o pipefail
cd "$(dirname "$0")" || exit 2
# shellcheck source=tests/bench/lib.sh
. ./lib.sh

usage() {
	cat <<'END'
usage: tests/bench/nested.sh [OPTION...]

  --json FILE       also write the figures to FILE (default build/nested.json
                    in this directory)
  --run NAME        only this one of the runs insn (hypergpu, in instructions),
                    tsc (hypergpu, by the clock) and stock (kvm-amd, by the
                    clock); repeatable
  --no-boot         leave out the boots of Linux, which take most of the time
  --quick           one boot of Linux each instead of three

The exit status tells of errors only; a figure that misses its target is no error.
END
}

json=build/nested.json
runs=()
no_boot=
quick=
while [ $# -gt 0 ]; do
	case $1 in
	--json)
		[ $# -ge 2 ] || die "--json needs a file"
		json=$2
		shift
		;;
	--run)
		[ $# -ge 2 ] || die "--run needs a name"
		case $2 in
		insn | tsc | stock) runs+=("$2") ;;
		*) die "no run '$2'; known are insn, tsc and stock" ;;
		esac
		shift
		;;
	--no-boot) no_boot=1 ;;
	--quick) quick=1 ;;
	-h | --help)
		usage
		exit 0
		;;
	*)
		usage >&2
		die "unknown argument '$1'"
		;;
	esac
	shift
done

prepare
raw=build/nested.raw
: >"$raw"
status=0

# One machine for each: stock KVM's L2 does not live under -icount, so beside it
# ours is measured by the clock, too.
measure() { # RUN PROVIDER OPTION...
	echo "== $1: $2"
	# One processor: what runs on others would not be counted.
	"$HG_TOP/tools/hgbench" run --smp 1 --mem 4G --timeout "${HG_BENCH_TIMEOUT:-1800}" "${@:3}" \
		--env "HG_PROVIDER=$2" --env "HG_VMLINUZ=$vmlinuz" --env "HG_BENCH_NO_BOOT=$no_boot" \
		--env "HG_BENCH_QUICK=$quick" -- "$PWD/nested/measure.sh" | tee "$raw.tmp" || status=1
	grep -E '^(hypergpu|kvm-amd)\.L[12] ' "$raw.tmp" | sed "s/ /.$1 /" >>"$raw"
	grep -q "^$2.L2.$1 " "$raw" || die "$1: nothing was measured at L2"
	grep '^info ' "$raw.tmp" >"$raw.info"
	rm -f "$raw.tmp"
}

[ ${#runs[@]} -gt 0 ] || runs=(insn tsc stock)
for run in "${runs[@]}"; do
	case $run in
	insn) measure insn hypergpu --icount ;;
	tsc) measure tsc hypergpu ;;
	stock) measure tsc kvm-amd ;;
	esac
done
cat "$raw.info" >>"$raw"
rm -f "$raw.info"

report "$raw" "$json" nested/table.awk \
	"insn: instructions; tsc: counts of the time stamp counter, linux_boot in nanoseconds"
exit $status
