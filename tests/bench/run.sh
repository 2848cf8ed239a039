#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What exits cost: hypergpu.ko beside the kernel's own kvm-amd, and confidential VMs
# beside ordinary ones, in one boot of the bench, in instructions. docs/benchmarks.md says how to read it.
set -u
set -o pipefail
cd "$(dirname "$0")" || exit 2
# shellcheck source=tests/bench/lib.sh
. ./lib.sh

usage() {
	cat <<'END'
usage: tests/bench/run.sh [OPTION...]

  --json FILE       also write the figures to FILE (default build/bench.json
                    in this directory)
  --provider NAME   measure only this one (kvm-amd or hypergpu); repeatable
  --no-cvm          leave out the confidential VMs
  --only-cvm        measure nothing else
  --no-boot         leave out the boots of Linux, which take most of the time
  --quick           one boot of Linux each instead of three

The exit status tells of errors only; a figure that misses its target is no error.
END
}

json=build/bench.json
providers=()
no_boot=
quick=
cvm=1
while [ $# -gt 0 ]; do
	case $1 in
	--json)
		[ $# -ge 2 ] || die "--json needs a file"
		json=$2
		shift
		;;
	--provider)
		[ $# -ge 2 ] || die "--provider needs a name"
		case $2 in
		kvm-amd | hypergpu) providers+=("$2") ;;
		*) die "no provider '$2'; known are kvm-amd and hypergpu" ;;
		esac
		shift
		;;
	--no-boot) no_boot=1 ;;
	--no-cvm) cvm= ;;
	--only-cvm) providers=(none) ;;
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

raw=build/bench.raw
# One processor: time is shared out among several only in long slices.
"$HG_TOP/tools/hgbench" run --icount --smp 1 --mem 3G --timeout "${HG_BENCH_TIMEOUT:-1800}" \
	--env "HG_VMLINUZ=$vmlinuz" --env "HG_BENCH_NO_BOOT=$no_boot" \
	--env "HG_BENCH_QUICK=$quick" --env "HG_BENCH_CVM=$cvm" \
	--env "HG_BENCH_PROVIDERS=${providers[*]:-kvm-amd hypergpu}" \
	-- "$PWD/measure.sh" | tee "$raw.tmp"
status=$?
grep -E '^(info|kvm-amd|hypergpu|vm|cvm) ' "$raw.tmp" >"$raw"
rm -f "$raw.tmp"
grep -qv '^info ' "$raw" || die "nothing was measured (hgbench status $status)"

report "$raw" "$json" table.awk
exit $status
