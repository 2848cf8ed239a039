# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
# The tenant of the attestation's tests, on whatever machine: sourced by scripts that set
# $HG_TOP and $work. In $work they put evidence, policies, and what is referred to below.

hgattest=$HG_TOP/attest/build/hgattest
hgverify=$HG_TOP/attest/build/hgverify
bad=0

ok() { echo "ok: $*"; }
fail() {
	echo "FAILED: $*"
	bad=1
}

# The files of reference values that there are, and the machine's enrolment.
known() {
	local f
	for f in ${references:-l0 boot firmware}; do
		printf -- '--reference\n%s\n' "$work/$f.json"
	done
	[ ! -e "$work/enrolled.json" ] || printf -- '--enrolled\n%s\n' "$work/enrolled.json"
}

verify() { # POLICY EVIDENCE NONCE ARG...
	local args
	mapfile -t args < <(known)
	"$hgverify" --evidence "$work/$2" --nonce "$3" --policy "$work/$1.json" "${args[@]}" "${@:4}"
}

# refused STATUS CLAIM POLICY EVIDENCE NONCE ARG...: and nothing is released.
refused() {
	local rc=0
	verify "${@:3}" --release "$work/secret" --out "$work/stolen" >"$work/out" 2>&1 || rc=$?
	if [ $rc -ne "$1" ] || ! grep -Eq "^fail +$2 *$|refused: $2:" "$work/out"; then
		fail "$2: status $rc, want $1"
		cat "$work/out"
	elif [ -e "$work/stolen" ]; then
		fail "$2: a secret was released"
	else
		ok "refused by $2"
	fi
}
