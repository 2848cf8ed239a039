#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# hgctl's command line: exit statuses and what it refuses.

set -u -o pipefail
cd "$(dirname "$0")/../../.." || exit 1

hgctl=tools/build/hgctl
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
bad=0

run() { # WANTED-STATUS WANTED-TEXT ARGS...
	local want=$1 text=$2 rc=0
	shift 2
	"$hgctl" "$@" >"$root/out" 2>&1 </dev/null || rc=$?
	if [ $rc -ne "$want" ]; then
		echo "FAILED: hgctl $*: exit status $rc, want $want"
		sed 's/^/    /' "$root/out"
		bad=1
	elif ! grep -Fq -- "$text" "$root/out"; then
		echo "FAILED: hgctl $*: want '$text' in"
		sed 's/^/    /' "$root/out"
		bad=1
	else
		echo "ok: hgctl ${*//$root/ROOT}"
	fi
}

[ -x $hgctl ] || { echo "no $hgctl: run make first"; exit 1; }

run 0 'Usage: hgctl' --help
run 0 'hgctl 0.' --version
run 2 'which command'
run 2 "no command 'frob'" frob
run 2 'one command at a time' doctor status
run 2 'belong to status' doctor --watch
run 2 '--watch wants' status --watch=0
run 2 '--watch wants' status --watch=-1
run 2 '--watch wants' status --watch=4000000000
run 2 '--watch wants' status --watch=2x
run 2 '' doctor --frob

# An empty machine lacks everything, and that is no crash.
run 1 'Not ready' doctor --root "$root"
run 1 '"ready": false' doctor --json --root "$root"
run 1 'not loaded' status --root "$root"

mkdir -p "$root/proc"
cat >"$root/cpuid" <<'END'
0 0 d 68747541 444d4163 69746e65
1 0 0 0 4000000 0
80000000 0 8000000a 0 0 0
80000001 0 0 0 4 100000
8000000a 0 1 10 0 1
END
run 0 'Ready:' doctor --root "$root"
run 0 '"ready": true' doctor --json --root "$root"
export HGCTL_ROOT=$root
run 0 'Ready:' doctor
echo 'hypergpu 1 0 - Live 0x0' >"$root/proc/modules"
run 1 'debugfs' status
mkdir -p "$root/sys/kernel/debug/hypergpu/vm-1-2/vcpu0"
echo 5 >"$root/sys/kernel/debug/hypergpu/vm-1-2/vcpu0/exits"
run 0 'vm-1-2: process 1 (?), 1 vCPU' status
run 0 '"exits": 5' status --json
unset HGCTL_ROOT
exit $bad
