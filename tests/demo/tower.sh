#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The demo's tower, in the bench, as root (L0): load the module, start Debian as an
# L1 VM, and let tests/demo/inside.sh run VMs in there.

set -u -o pipefail
cd "$(dirname "$0")/../.." || exit 2
export HG_TOP=$PWD
# shellcheck source=tests/guest/lib/provider.sh
. tests/guest/lib/provider.sh

stages=13
[ "${DEMO:-}" != quick ] || stages=10
status=0
stage() { printf '[%d/%d] %s\n' "$1" "$stages" "${*:2}"; }
say() { printf '      %s\n' "$*"; }
fail() {
	say "FAILED: $*"
	status=1
}

stage 1 "L0, the server: $(nproc) CPUs, Linux $(uname -r)"
say "up after $(($(date +%s) - ${DEMO_BEGAN:-$(date +%s)})) s"

stage 2 "L0: insmod hypergpu"
hg_load || exit 1
dmesg | sed -n 's/.*\(hypergpu: ready.*\)/      | \1/p'

# What the machine does for the tenant, who is elsewhere: files in /out go to and fro.
stage 3 "L0: its TPM shows that it is the one that the vendor has certified"
attest=/out/attest
hgattest=attest/build/hgattest
mountpoint -q /sys/kernel/security || mount -t securityfs none /sys/kernel/security
# await FILE SECONDS: the tenant writes files whole.
await() {
	local left=$2
	until [ -e "$1" ]; do
		[ $((left -= 1)) -ge 0 ] || return 1
		sleep 1
	done
}
enrol() {
	"$hgattest" ak --out /run/ak.json &&
		"$hgattest" enrol --ak /run/ak.json --out $attest/request.json &&
		cp /sys/kernel/security/tpm0/binary_bios_measurements $attest/firmware.log &&
		touch $attest/enrol && await $attest/challenge.json 60 &&
		"$hgattest" activate --ak /run/ak.json --challenge $attest/challenge.json \
			--out $attest/response.json && await $attest/enrolled.json 60
}
if enrol; then
	say "the tenant has enrolled this TPM and its attestation key"
else
	fail "the TPM was not enrolled"
fi
# The confidential VM has no TPM: L0 adds the quote to its report.
gather() {
	await $attest/report 1300 && "$hgattest" gather --nonce "$(cat $attest/nonce)" --ak /run/ak.json \
		--report $attest/report --key $attest/public --out $attest/evidence.json
}
gather 2>/out/gather.log &
gather=$!

stage 4 "L0: hgvmm starts the operator's Debian as an L1 VM: 2 CPUs, 3 GiB"
tools/hgbench run --vmm hgvmm --smp 2 --mem 3G --timeout 1350 --out /out --env HG_L1=yes \
	--env HG_PROVIDER=hypergpu --env DEMO="${DEMO:-}" --env DEMO_STAGE=4 --env DEMO_STAGES="$stages" -- \
	tests/demo/inside.sh || fail "in L1: status $?"

kill $gather 2>/dev/null
stage "$stages" "L0: what is left when L1 has gone"
left=$(cat /sys/kernel/debug/hypergpu/frames_private)
say "private frames: $left; VMs: $(cat /sys/kernel/debug/hypergpu/vms)"
[ "$left" = 0 ] || fail "frames of confidential VMs are left"
hg_unload || fail "it does not unload"
exit $status
