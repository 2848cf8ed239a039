# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What the benchmarks of the GPU's side share: the kinds of run, how each is started, and the proof
# that it was of that kind. Source it first; $0 names the benchmark.

set -eu -o pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
hgrun=$top/gpu-tee/build/hgrun
layer=$top/gpu-tee/build/libhypergpu-ocl-layer.so
me=$(basename "$0")

# plain: without the layer. null: through the layer, sealing nothing. data: sealed, but no kernel is
# rewritten and no launch receipted. sealed: as hgrun starts it.
kinds='plain null data sealed'
suite=aes-256-gcm

unset OPENCL_LAYERS HYPERGPU_CROSSING HYPERGPU_REPORT HYPERGPU_SUITE HYPERGPU_REWRITE HYPERGPU_UNREWRITTEN \
	HYPERGPU_ALLOW_BINARIES HYPERGPU_VERBOSE HYPERGPU_GPU_RECORD HYPERGPU_GPU_SIGNER HYPERGPU_GPU_SIMULATED
# Which GPU it is does not matter for what it costs.
export HYPERGPU_ANONYMOUS=1
# Compiling kernels is not what is measured: they are kept.
export POCL_CACHE_DIR=${HG_POCL_CACHE:-$top/tests/gpu/build/pocl}
mkdir -p "$POCL_CACHE_DIR"

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

die() {
	echo "$me: $*" >&2
	exit 2
}

# How far it is, on one line of a terminal, on lines of their own elsewhere.
progress() {
	if [ -t 2 ]; then printf '\r\e[K%s' "$*" >&2; else echo "$me: $*" >&2; fi
}

progress_end() {
	[ ! -t 2 ] || printf '\r\e[K' >&2
}

# hgrun's own look at the loader is not measured: once for all.
need_layer() {
	[ -x "$hgrun" ] || die "no $hgrun: make -C gpu-tee"
	"$hgrun" --anonymous --layer "$layer" -- true || die "hgrun refuses"
}

# Sets the array kind_env: what the environment of a run of that kind has more.
set_kind() { # KIND
	kind_env=()
	case $1 in
	plain) return ;;
	null) kind_env=(HYPERGPU_CROSSING=null) ;;
	data) kind_env=(HYPERGPU_SUITE="$suite" HYPERGPU_REWRITE=0) ;;
	sealed) kind_env=(HYPERGPU_SUITE="$suite") ;;
	*) die "no kind '$1'" ;;
	esac
	kind_env+=(OPENCL_LAYERS="$layer" HYPERGPU_REPORT="$dir/report")
}

# A loader that passes over a layer says nothing: a run counts only if the layer reports of it.
check_kind() { # KIND
	[ "$1" != plain ] || return 0
	[ -s "$dir/report" ] || die "$1: the layer was not loaded"
	jq -e --arg kind "$1" '.failure == null and .crossing == (if $kind == "null" then "null" else "sealed" end) and
		($kind == "sealed" or .launches.receipted == 0)' "$dir/report" >/dev/null ||
		die "$1: the layer reports another kind of run: $(cat "$dir/report")"
}

# Runs once: its output to $dir/out, its messages to $dir/err, seconds of wall clock, user and
# system to $dir/time, the report to $dir/report.
run_kind() { # KIND COMMAND...
	local kind=$1 rc=0 TIMEFORMAT='%R %U %S'
	shift
	set_kind "$kind"
	rm -f "$dir/report"
	{ time env "${kind_env[@]}" "$@" >"$dir/out" 2>"$dir/err" </dev/null || rc=$?; } 2>"$dir/time"
	if [ $rc -ne 0 ]; then
		tail -n 5 "$dir/err" >&2
		die "$kind: exit status $rc of: $*"
	fi
	check_kind "$kind"
}

# Columns for lines with tabs; others stay.
align() {
	awk -F '\t' '
		{ line[NR] = $0; for (i = 1; i <= NF && NF > 1; i++) if (length($i) > wide[i]) wide[i] = length($i) }
		END {
			for (n = 1; n <= NR; n++) {
				fields = split(line[n], f, "\t")
				for (i = 1; i < fields; i++) printf "%-" wide[i] "s  ", f[i]
				print f[fields]
			}
		}'
}

# The same as a table of a page.
markdown() {
	awk -F '\t' -v OFS=' | ' '
		{ $1 = $1; print "| " $0 " |" }
		NR == 1 { for (i = 1; i <= NF; i++) printf "| --- "; print "|" }'
}

is_count() { # OPTION VALUE
	[[ $2 =~ ^[1-9][0-9]?$ ]] || die "$1 wants a number from 1 to 99"
}
