#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs the walk-through of docs/hgverifyd.md as it stands there, in a folder and at
# a port of its own, and checks that the CVM got the secret.

set -u -o pipefail
cd "$(dirname "$0")/../../.." || exit 1

for p in ss swtpm swtpm_setup tpm2_pcrextend openssl curl; do
	command -v $p >/dev/null || { echo "$p is not installed"; exit 77; }
done
[ -r /var/lib/swtpm-localca/issuercert.pem ] || {
	# The first EK certificate makes the CA.
	first=$(mktemp -d)
	swtpm_setup --tpm2 --tpmstate "$first" --create-ek-cert >/dev/null 2>&1
	rm -rf "$first"
}
root=$(mktemp -d)
finish() {
	local f
	for f in "$root/walk/m/pid" "$root/pid"; do
		[ ! -r "$f" ] || kill "$(cat "$f")" 2>/dev/null
	done
	rm -rf "$root"
}
trap finish EXIT

# A port that is free now, and below those that the kernel gives to clients.
port=$((20000 + RANDOM % 12000))
while [ -n "$(ss -Htln "sport = :$port")" ]; do port=$((port + 1)); done
{
	echo 'set -e -o pipefail'
	sed -n '/^## A walk-through/,/^## Installing/p' docs/hgverifyd.md |
		sed -n '/^```sh/,/^```$/p' | sed '/^```/d' |
		sed -e "s|/tmp/walk|$root/walk|g" -e "s|:8443|:$port|g" \
			-e "s|startup-clear --daemon|startup-clear --daemon --pid file=$root/pid|" \
			-e "s|conf serve &|conf serve \& echo \$! >$root/walk/m/pid|" -e 's|^kill %1|kill $(cat ../m/pid)|'
} >"$root/script"
[ "$(wc -l <"$root/script")" -gt 40 ] || { echo "the walk-through was not found"; exit 1; }
if ! bash "$root/script" >"$root/out" 2>&1 </dev/null; then
	tail -40 "$root/out"
	exit 1
fi
for want in 'a secret' 'PASSED, says the verifier' 'label=first machine' 'the last is number'; do
	grep -Fq "$want" "$root/out" || { cat "$root/out"; echo "FAILED: no '$want'"; exit 1; }
done
# The token was good for one machine.
v=$root/walk/v
used=$(attest/build/hgverifyd -c "$v/hgverifyd.conf" token list --json | jq '.[0].used')
[ "$used" != null ] || { echo "FAILED: the token was not used up"; exit 1; }
grep -q '"event":"release".*"released":true' "$v/audit" || { echo "FAILED: the release is not in the log"; exit 1; }
! grep -rq 'a secret' "$v/db" "$v/audit" || { echo "FAILED: the secret lies there in the clear"; exit 1; }
echo "walk-through: as written"
