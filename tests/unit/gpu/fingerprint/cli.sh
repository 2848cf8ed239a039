#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The command line of hggpu, on simulated devices: exit statuses, and what it refuses.

set -u -o pipefail
cd "$(dirname "$0")/../../../.." || exit 1

hggpu=$PWD/gpu-tee/build/hggpu
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
bad=0

run() { # WANTED-STATUS WANTED-TEXT ARGS...
	local want=$1 text=$2 rc=0
	shift 2
	"$hggpu" "$@" >"$root/out" 2>&1 </dev/null || rc=$?
	if [ $rc -ne "$want" ]; then
		echo "FAILED: hggpu $*: exit status $rc, want $want"
		sed 's/^/    /' "$root/out"
		bad=1
	elif [ -n "$text" ] && ! grep -Fq -- "$text" "$root/out"; then
		echo "FAILED: hggpu $*: want '$text' in"
		sed 's/^/    /' "$root/out"
		bad=1
	else
		echo "ok: hggpu ${*//$root/ROOT}"
	fi
}

fail() {
	echo "FAILED: $*"
	bad=1
}

[ -x "$hggpu" ] || { echo "no $hggpu: run make -C gpu-tee first"; exit 1; }

key() { # NAME CURVE
	openssl genpkey -algorithm EC -pkeyopt "ec_paramgen_curve:$2" -out "$root/$1" 2>/dev/null &&
		openssl pkey -in "$root/$1" -pubout -out "$root/$1.pub"
}
key key P-256 && key other P-256 && key p384 P-384 || { echo "openssl makes no keys"; exit 1; }

run 0 'Usage: hggpu' --help
run 0 'hggpu 0.' --version
run 2 'which command'
run 2 "no command 'frob'" frob
run 2 'one command at a time' list identify
run 2 'enroll needs --key and --out' enroll --key k
run 2 'verify needs --record and --trust' verify --record r
run 2 'are for enroll' identify --out o
run 2 'are for verify' identify --strict
run 2 'has no PCI address' identify --simulated 1 --pci 0000:01:00.0
run 2 '--noise is for' identify --noise 5
run 2 '--rom needs' identify --rom
run 2 'come together' enroll --key k --out o --trust t
for n in '' x -1 1x 64; do run 2 '--device wants' identify --device "$n"; done
for n in '' x 41 -1; do run 2 '--noise wants' identify --simulated 1 --noise "$n"; done
for n in 2 65 x; do run 2 '--readings wants' enroll --key k --out o --readings "$n"; done
run 2 '--days wants' enroll --key k --out o --days 0
run 2 '--simulated wants' identify --simulated 99999999999999999999999

run 0 '' list
run 0 '"version": 1' list --json
run 1 'no PCI device' identify --pci ffff:ff:1f.7
run 1 'no PCI device' identify --pci ../../../etc
run 0 'simulated: there is no hardware' identify --simulated 1
run 0 '"simulated": true' identify --simulated 1 --json

sim=(--simulated 1)
run 3 'No such file' enroll "${sim[@]}" --key "$root/none" --out "$root/r"
run 3 'not a private key' enroll "${sim[@]}" --key "$root/key.pub" --out "$root/r"
run 3 'not on P-256' enroll "${sim[@]}" --key "$root/p384" --out "$root/r"
run 1 'cannot write' enroll "${sim[@]}" --key "$root/key" --out "$root/none/r"
run 1 'do not repeat' enroll "${sim[@]}" --noise 40 --key "$root/key" --out "$root/r"
[ ! -e "$root/r" ] || fail "a record was written after a refusal"

run 0 'bits of entropy left' enroll "${sim[@]}" --key "$root/key" --out "$root/r"
run 0 '' enroll "${sim[@]}" --key "$root/key" --out /dev/null
[ -c /dev/null ] || fail "/dev/null was replaced"
grep -q '"simulated": true' "$root/r" || fail "the record does not say that it is simulated"
trust=(--record "$root/r" --trust "$root/key.pub")
run 0 'PASSED' verify "${sim[@]}" "${trust[@]}"
run 0 '"passed": true' verify "${sim[@]}" "${trust[@]}" --json
run 0 'PASSED' verify "${sim[@]}" "${trust[@]}" --noise 20
run 12 'refused: behaviour' verify "${sim[@]}" "${trust[@]}" --noise 40
run 11 'refused: simulated.serial' verify --simulated 2 "${trust[@]}"
run 11 '"passed": false' verify --simulated 2 "${trust[@]}" --json
run 3 'signed by key' verify "${sim[@]}" --record "$root/r" --trust "$root/other.pub"
run 3 'not on P-256' verify "${sim[@]}" --record "$root/r" --trust "$root/p384.pub"
run 3 'No such file' verify "${sim[@]}" --record "$root/none" --trust "$root/key.pub"
run 3 'not JSON' verify "${sim[@]}" --record "$root/key" --trust "$root/key.pub"
run 12 'passes for the one of that record' enroll "${sim[@]}" --key "$root/key" --out "$root/twice" \
	--trust "$root/key.pub" --distinct-from "$root/r"
[ ! -e "$root/twice" ] || fail "a record was written after a refusal"
run 0 '' enroll --simulated 2 --key "$root/key" --out "$root/twice" --trust "$root/key.pub" \
	--distinct-from "$root/r"

# Changed by one character each: dates, identity, helper data, keys.
for change in 's/"created": 1/"created": 2/' 's/model 1/model 2/' 's/"helper": "SF/"helper": "SG/' \
	's/"simulated": true/"simulated": false/' 's/"version": 1/"version": 2/' 's/"units"/"unit"/'; do
	sed "$change" "$root/r" >"$root/changed"
	cmp -s "$root/r" "$root/changed" && fail "$change changes nothing"
	run 3 'record: ' verify "${sim[@]}" --record "$root/changed" --trust "$root/key.pub"
done

# By identity alone.
run 0 '' enroll "${sim[@]}" --identity-only --key "$root/key" --out "$root/i" --days 1
run 0 'behaviour: not enrolled' verify "${sim[@]}" --record "$root/i" --trust "$root/key.pub"
run 11 'FAILED' verify --simulated 2 --record "$root/i" --trust "$root/key.pub"

# A real device is not the simulated one, whatever it is; without any there is nothing to compare.
if grep -q 'device 0' < <("$hggpu" list 2>/dev/null); then
	run 10 'expected a simulated device, found hardware' verify --device 0 "${trust[@]}"
	run 0 'PASSED' verify "${sim[@]}" --device 0 "${trust[@]}"
	run 11 'FAILED' verify --simulated 2 --device 0 "${trust[@]}"
	run 0 '' enroll --device 0 --identity-only --key "$root/key" --out "$root/d"
	run 0 'PASSED' verify --device 0 --record "$root/d" --trust "$root/key.pub"
	run 10 'expected hardware' verify "${sim[@]}" --record "$root/d" --trust "$root/key.pub"
	run 1 'no OpenCL device 63' identify --device 63
else
	echo "no OpenCL device: not tried there"
fi

[ $bad -eq 0 ] && echo "cli: all as expected"
exit $bad
