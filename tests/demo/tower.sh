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

stages=9
status=0
stage() { printf '[%d/%d] %s\n' "$1" $stages "${*:2}"; }
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

stage 3 "L0: hgvmm starts the operator's Debian as an L1 VM: 2 CPUs, 3 GiB"
tools/hgbench run --vmm hgvmm --smp 2 --mem 3G --timeout 1350 --out /out --env HG_L1=yes \
	--env HG_PROVIDER=hypergpu --env DEMO_STAGE=3 --env DEMO_STAGES=$stages -- \
	tests/demo/inside.sh || fail "in L1: status $?"

stage $stages "L0: what is left when L1 has gone"
left=$(cat /sys/kernel/debug/hypergpu/frames_private)
say "private frames: $left; VMs: $(cat /sys/kernel/debug/hypergpu/vms)"
[ "$left" = 0 ] || fail "frames of confidential VMs are left"
hg_unload || fail "it does not unload"
exit $status
