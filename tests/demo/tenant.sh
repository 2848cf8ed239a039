#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The demo's tenant, on the developer's machine and not on the emulated server. Files in the
# folder DIR/attest go to and fro, and the server may do with them what it likes. OWN is out of
# its reach: there the tenant keeps the secret, the nonces, and whom they have enrolled; and
# OWN/tpm has what the TPM's maker says, and what the server was given to boot.
#   tests/demo/tenant.sh DIR OWN
# With DEMO=quick the secret is 32 bytes; else it opens a model and the record of a GPU, which the
# tenant has sealed, and the confidential VM is of an image that the tenant has built. The prompts go
# to it when it has been appraised; the answer is for tests/demo/answer.sh.
# In some things the demo's tenant is more trustful than one should be: the firmware's values are
# those of the enrolment; what CPUID tells is not looked at; and with DEMO=quick the confidential VM's
# initrd is measured as the server built it. And the bench lets the server read, not write, the
# developer's whole file system, and the tenant's image, model and prompt are built there.
# Before the server boots there are a nonce and a secret; then it enrolls the server's TPM,
# appraises the evidence, and releases the secret. What it says is in DIR/attest/verdict.

set -u -o pipefail
cd "$(dirname "$0")/../.." || exit 2

export HG_TOP=$PWD
# shellcheck source=tests/guest/lib/provider.sh
. tests/guest/lib/provider.sh
# shellcheck source=tests/guest/lib/inference.sh
. tests/guest/lib/inference.sh

attest=$1/attest
own=$2
hgverify=attest/build/hgverify
prompt='Q: what is 17 plus 25? A:'
inference=yes
[ "${DEMO:-}" != quick ] || inference=
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
if [ "$inference" ]; then
	tenant_keys "$own" && tenant_parcels "$own" tests/workloads/llama/tiny.gguf "$attest" &&
		tenant_bundle "$own" >"$own/secret" || die "the model cannot be sealed"
else
	head -c 32 /dev/urandom >"$own/secret"
fi
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
# Of the confidential VM: its kernel, initrd and command line, 2 CPUs, its memory, at level 2. The
# command line is the tenant's but for a number: how fast that machine's clock counts.
if [ "$inference" ]; then
	kernel=build/inference/image/vmlinuz initrd=build/inference/image/initrd memory=1G
else
	kernel=$(tools/hgbench kernel | sed -n 's/^vmlinuz //p') initrd=$attest/initrd memory=256M
fi
khz=$(cat "$attest/khz")
[[ $khz =~ ^[0-9]{1,8}$ ]] || die "no frequency: ${khz:0:40}"
# policy TO INITRD
policy() {
	local digest
	digest=$(tools/build/hgctl measure --kernel "$kernel" --initrd "$2" \
		--append "$HG_APPEND quiet tsc=reliable tsc_early_khz=$khz" --smp 2 --mem $memory \
		--cpuid "$attest/cpuid") || die "the launch cannot be measured"
	cat >"$1" <<-END
		{ "version": 1, "type": "hypergpu-policy", "id": "demo", "boot_events": [0, 2, 4, 7, 9],
		  "reference_values": { "version": 1, "type": "hypergpu-reference-values",
		    "launch": [ { "digest": "$digest", "policy": 1, "vcpus": 2, "levels": [2] } ] } }
	END
}
verify() { # POLICY NONCES ARG...
	"$hgverify" --evidence "$attest/evidence.json" --nonce "$nonce" --nonces "$2" \
		--policy "$1" --reference "$own/l0.json" --reference "$own/boot.json" \
		--reference "$own/firmware.json" --enrolled "$own/enrolled.json" "${@:3}"
}
policy "$own/policy.json" "$initrd"
cp "$initrd" "$own/initrd" && printf x | dd of="$own/initrd" bs=1 seek=3000 conv=notrunc 2>/dev/null
policy "$own/policy-byte.json" "$own/initrd"
cp -r "$own/nonces" "$own/nonces-byte"
status=0
verify "$own/policy.json" "$own/nonces" --release "$own/secret" --out "$attest/sealed" >"$own/verdict" 2>&1 || status=$?
# The same evidence once more: nobody gets a secret for what is old.
again=0 byte=0
{
	echo
	echo "The same evidence, sent again:"
	verify "$own/policy.json" "$own/nonces" --release "$own/secret" --out "$own/stolen" 2>&1 || again=$?
	echo "hgverify's status is $again; nothing was released"
	echo
	echo "A tenant whose initrd differs in one byte from that of this VM:"
	verify "$own/policy-byte.json" "$own/nonces-byte" --release "$own/secret" --out "$own/stolen" \
		>"$own/byte" 2>&1 || byte=$?
	grep -A 3 '^fail' "$own/byte"
	echo "hgverify's status is $byte; nothing was released"
} >>"$own/verdict"
[ $again -eq 12 ] || die "evidence that was sent again has status $again"
[ $byte -eq 17 ] || die "another image has status $byte"
[ ! -e "$own/stolen" ] || die "a secret was released for evidence that was sent again, or of another image"
if [ "$inference" ] && [ $status -eq 0 ]; then
	n=0
	for scene in snoop tamper other-gpu; do
		n=$((n + 1))
		tenant_prompt "$own" "$nonce" $n "#$scene $prompt" >"$own/line" &&
			mv "$own/line" "$attest/prompt-$n" || die "the prompt cannot be sealed"
	done
fi
mv "$own/verdict" "$attest/verdict"
exit $status
