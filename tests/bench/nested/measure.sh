#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Inside the bench: ../measure.sh here, where its guests are L1s, and once more in a
# Linux on the same provider, where they are L2s. Its lines come out with ".L1" or ".L2"
# after the provider's name.
set -u -o pipefail
cd "$(dirname "$0")" || exit 2
HG_TOP=$(cd ../../.. && pwd)
# shellcheck source=tests/guest/lib/provider.sh
. ../../guest/lib/provider.sh
export HG_BENCH_PROVIDERS=$HG_PROVIDER HG_BENCH_CVM=
status=0

level() { # L1|L2
	sed -u "s/^$HG_PROVIDER /$HG_PROVIDER.$1 /"
}

# The VMM of L1 is the one that hgbench has for the provider; that of the measured
# guests is QEMU at either level.
machine=(--vmm hgvmm)
[ "$HG_PROVIDER" = hypergpu ] || machine=(--accel kvm)

../measure.sh | level L1 || status=1
hg_load || exit 1
"$HG_TOP/tools/hgbench" run "${machine[@]}" --smp 1 --mem 2G --timeout "${HG_BENCH_L1_TIMEOUT:-1500}" \
	--env HG_VMLINUZ --env HG_BENCH_NO_BOOT --env HG_BENCH_QUICK --env HG_BENCH_PROVIDERS \
	--env HG_BENCH_CVM= -- "$PWD/../measure.sh" | grep --line-buffered -v '^info ' | level L2 || status=1
hg_unload || status=1
exit $status
