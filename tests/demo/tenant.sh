#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The demo's tenant, on the developer's machine and not on the emulated server. Files in the
# folder DIR/attest go to and fro, and the server may do with them what it likes. OWN is out of
# its reach: there the tenant keeps the secret, the nonces, and whom they have enrolled; and
# OWN/tpm has what the TPM's maker says, and what the server was given to boot.
#   tests/demo/tenant.sh DIR OWN
# In two things the demo's tenant is more trustful than one should be: the firmware's values are
# those of the enrolment, and the confidential VM's initrd is measured as the server built it. And the
# bench lets the server read, not write, the developer's whole file system.
# Before the server boots there are a nonce and a secret; then it enrolls the server's TPM,
# appraises the evidence, and releases the secret. What it says is in DIR/attest/verdict.

set -u -o pipefail
cd "$(dirname "$0")/../.." || exit 2

attest=$1/attest
own=$2
hgverify=attest/build/hgverify
mkdir -p "$attest" "$own/nonces"

die() {
	echo "tenant: $*" >&2
	echo "the tenant has given up: $*" >"$own/verdict" && mv "$own/verdict" "$attest/verdict"
	exit 1
}
await() { # FILE: the demo ends this program if it does not come
	until [ -e "$attest/$1" ]; do sleep 0.5; done
}

nonce=$("$hgverify" --new-nonce --nonces "$own/nonces") || die "no nonce"
head -c 32 /dev/urandom >"$own/secret"
sha256sum <"$own/secret" | cut -d' ' -f1 >"$attest/secret.sha256"
echo "$nonce" >"$own/nonce" && cp "$own/nonce" "$attest/nonce"

await enrol
"$hgverify" --enrol "$attest/request.json" --roots "$own/tpm/roots.pem" --state "$own/state.json" \
	--challenge "$attest/challenge.json" || die "the TPM's certificate is refused"
await response.json
"$hgverify" --enrol-finish "$attest/response.json" --state "$own/state.json" \
	--out "$own/enrolled.json" || die "the attestation key is not in that TPM"
cp "$own/enrolled.json" "$attest/enrolled.json"	# for the server to know that it is done
# Of the server: its kernel, initrd and command line by their files, the module by its file,
# and the firmware as it was at the enrolment.
booted=$own/tpm/booted
tools/reference-values >"$own/l0.json" || die "no reference values of the module"
"$hgverify" --boot-reference --name demo --kernel "$booted/kernel" --initrd "$booted/initrd" \
	--append "$(cat "$booted/cmdline")" --out "$own/boot.json" || die "no reference values of the boot"
"$hgverify" --boot-reference --name OVMF --firmware-log "$attest/firmware.log" \
	--out "$own/firmware.json" || die "no reference values of the firmware"

await evidence.json
# Of the confidential VM: its kernel, initrd and command line, 2 CPUs, 256 MiB, at level 2.
kernel=$(tools/hgbench kernel | sed -n 's/^vmlinuz //p')
digest=$(tools/build/hgctl measure --kernel "$kernel" --initrd "$attest/initrd" \
	--append "$(cat "$attest/append")" --smp 2 --mem 256M --cpuid "$attest/cpuid") ||
	die "the launch cannot be measured"
cat >"$own/policy.json" <<-END
	{ "version": 1, "type": "hypergpu-policy", "id": "demo", "boot_events": [0, 2, 4, 7, 9],
	  "reference_values": { "version": 1, "type": "hypergpu-reference-values",
	    "launch": [ { "digest": "$digest", "policy": 1, "vcpus": 2, "levels": [2] } ] } }
END
verify() { # ARG...
	"$hgverify" --evidence "$attest/evidence.json" --nonce "$nonce" --nonces "$own/nonces" \
		--policy "$own/policy.json" --reference "$own/l0.json" --reference "$own/boot.json" \
		--reference "$own/firmware.json" --enrolled "$own/enrolled.json" "$@"
}
status=0
verify --release "$own/secret" --out "$attest/sealed" >"$own/verdict" 2>&1 || status=$?
# The same evidence once more: nobody gets a secret for what is old.
again=0
{
	echo
	echo "The same evidence, sent again:"
	verify --release "$own/secret" --out "$own/stolen" 2>&1 || again=$?
	echo "hgverify's status is $again; nothing was released"
} >>"$own/verdict"
[ $again -eq 12 ] || die "evidence that was sent again has status $again"
[ ! -e "$own/stolen" ] || die "a secret was released for evidence that was sent again"
mv "$own/verdict" "$attest/verdict"
exit $status
