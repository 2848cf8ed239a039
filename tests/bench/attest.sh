#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What a verification costs, step by step, and how many hgverifyd answers with 10, 1,000
# and 10,000 enrolled machines. docs/benchmarks.md says how to read it.
set -u -o pipefail
cd "$(dirname "$0")" || exit 2

usage() {
	cat <<'END'
usage: tests/bench/attest.sh [OPTION...]

  --json FILE      also write the figures to FILE (default build/attest.json in
                   this directory)
  --seconds N      how long each load lasts (default 5)
END
}

die() {
	echo "bench: $*" >&2
	exit 2
}

json=build/attest.json
seconds=5
while [ $# -gt 0 ]; do
	case $1 in
	--json | --seconds)
		[ $# -ge 2 ] || die "$1 needs a value"
		case $1 in --json) json=$2 ;; *) seconds=$2 ;; esac
		shift
		;;
	-h | --help)
		usage
		exit 0
		;;
	*)
		usage >&2
		exit 2
		;;
	esac
	shift
done

top=$(cd ../.. && pwd)
make -s -C "$top/attest" || die "hgverifyd could not be built"
make -s -C attest || die "the measuring program could not be built"
bench=attest/build/attest-bench
verifyd=$top/attest/build/hgverifyd
dir=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null; rm -rf "$dir"' EXIT
mkdir -p "$(dirname "$json")"

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=bench \
	-addext subjectAltName=IP:127.0.0.1 -keyout "$dir/server.key" -out "$dir/server.crt" 2>/dev/null ||
	die "no certificate"

# The peer, before and after: a machine whose clock changes shows here.
speed() { openssl speed -seconds 2 ecdsap256 2>/dev/null | awk '/ecdsa/ { v = $NF } END { print v }'; }

# Processor time of a process, in seconds.
cpu() { awk -v hz="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); print ($12 + $13) / hz }' "/proc/$1/stat"; }

serve() { # MACHINES
	rm -f "$dir"/db* "$dir/audit" "$dir/out"
	"$bench" prepare "$dir" "$1" || die "no database"
	cat >"$dir/conf" <<-END
		[server]
		listen = 127.0.0.1:0
		certificate = $dir/server.crt
		key = $dir/server.key
		[limits]
		rate = 1000000
		burst = 1000000
		[verify]
		database = $dir/db
		ear_key = $dir/ear.pem
		policy = bench
		[audit]
		file = $dir/audit
	END
	{
		"$verifyd" -c "$dir/conf" init && "$verifyd" -c "$dir/conf" reference add r "$dir/reference.json" &&
			"$verifyd" -c "$dir/conf" policy add bench "$dir/policy.json" --reference r
	} >/dev/null || die "hgverifyd could not be set up"
	"$verifyd" -c "$dir/conf" serve >"$dir/out" 2>&1 &
	pid=$!
	for _ in $(seq 100); do
		grep -q listening "$dir/out" && return
		sleep 0.1
	done
	die "hgverifyd does not start: $(cat "$dir/out")"
}

before=$(speed)
"$bench" steps "$dir" >"$dir/steps" || die "the steps could not be measured"
for n in 10 1000 10000; do
	serve $n
	url=https://127.0.0.1:$(sed 's/.*://' "$dir/out")
	"$bench" load "$url" "$dir" 1 >/dev/null || die "the load failed"
	start=$(cpu $pid)
	read -r count took < <("$bench" load "$url" "$dir" "$seconds") || die "the load failed"
	end=$(cpu $pid)
	memory=$(awk '/VmHWM/ { print $2 }' "/proc/$pid/status")
	echo "$n $count $took $start $end $memory" >>"$dir/load"
	kill "$pid" && wait "$pid"
	pid=
done
after=$(speed)

awk -v before="$before" -v after="$after" '
	NR == FNR { step[++steps] = $1; us[$1] = $2; next }
	{ machines[++loads] = $1; count[loads] = $2; took[loads] = $3; cpu[loads] = $5 - $4; kib[loads] = $6 }
	END {
		printf "openssl speed ecdsap256, verifications a second: %s before, %s after\n\n", before, after
		printf "%-26s %10s %8s\n", "step", "us", "of peer"
		for (i = 1; i <= steps; i++) {
			if (step[i] == "evidence-bytes") continue
			printf "%-26s %10.1f %8.2f\n", step[i], us[step[i]], us[step[i]] / us["p256-verify"]
		}
		printf "\nevidence: %d bytes\n\n", us["evidence-bytes"]
		printf "%-10s %12s %14s %16s %12s\n", "machines", "per second", "per core and s",
			"us of processor", "MiB at most"
		for (i = 1; i <= loads; i++)
			printf "%-10d %12.0f %14.0f %16.0f %12.1f\n", machines[i], count[i] / took[i],
				count[i] / cpu[i], cpu[i] / count[i] * 1e6, kib[i] / 1024
	}' "$dir/steps" "$dir/load"

jq -n --arg date "$(date -u +%Y-%m-%dT%H:%M:%SZ)" --argjson before "$before" --argjson after "$after" \
	--arg commit "$(git -C "$top" rev-parse --short HEAD 2>/dev/null || echo unknown)" \
	--rawfile steps "$dir/steps" --rawfile load "$dir/load" '
	def rows: split("\n") | map(select(length > 0) | split(" "));
	{ date: $date, commit: $commit, openssl_verify_per_second: [$before, $after],
	  steps_us: ($steps | rows | map({ (.[0]): (.[1] | tonumber) }) | add),
	  load: ($load | rows | map(map(tonumber) | { machines: .[0], verifications: .[1], seconds: .[2],
	    cpu_seconds: (.[4] - .[3]), peak_kib: .[5] })) }' >"$json" || die "cannot write $json"
echo
echo "figures: $json"
