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
cpus=2
if [ "$HG_PROVIDER" = kvm-amd ]; then
	machine=(--accel kvm)
	# Of two L2 processors that halt, one may never wake: probably because of what QEMU
	# does with the interrupt shadow of a guest (kmod/svm/enter.S).
	cpus=1
fi

# A page that L0 has not given to L1 yet costs a first touch of L1's besides. How many of
# those there are is a matter of L1's age, so L1 first touches what it will use.
# shellcheck disable=SC2016
old='head -c 256M /dev/zero >/dev/shm/old && rm /dev/shm/old && exec "$0"'

../measure.sh | level L1 || status=1
hg_load || exit 1
"$HG_TOP/tools/hgbench" run "${machine[@]}" --smp 1 --mem 2G --timeout "${HG_BENCH_L1_TIMEOUT:-1500}" \
	--env HG_VMLINUZ --env HG_BENCH_NO_BOOT --env HG_BENCH_QUICK --env HG_BENCH_PROVIDERS \
	--env HG_BENCH_CVM= --env HG_BENCH_CPUS=$cpus -- sh -c "$old" "$PWD/../measure.sh" |
	sed -u '/^info /d; s/ipi_round_trip - .*/ipi_round_trip - two such processors may hang/' |
	level L2 || status=1
hg_unload || status=1
exit $status
