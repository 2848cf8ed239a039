#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# make demo: in the bench, on hypergpu.ko, boot a stock Debian kernel three times:
# under hgvmm, under Debian's own unmodified QEMU, and as a confidential VM that
# Debian's libvirt starts. Each guest has two CPUs, a disk and a network card, is asked
# to prove it at its shell, and hides a secret that the host then looks for.
#
# HG_PROVIDER=kvm-amd runs the same on the kernel's own KVM, for developers of
# this script. The exit status is true only if everything that is shown worked.

set -u -o pipefail
cd "$(dirname "$0")/.." || exit 2

provider=${HG_PROVIDER:-hypergpu}
for f in tools/hgbench vmm/build/hgvmm tools/build/hgctl; do
	[ -x "$f" ] || { echo "demo: no $f: run make first" >&2; exit 2; }
done
if [ "$provider" = hypergpu ] && [ ! -e kmod/hypergpu.ko ]; then
	echo "demo: no kmod/hypergpu.ko: run make first" >&2
	exit 2
fi

cat <<END
HyperGPU demo. This machine emulates another one, with AMD's SVM, in QEMU (no
hardware virtualization is used and nothing is loaded here). In that machine,
$provider runs two ordinary guests, under two VMMs, and a confidential one.
Each hides 16 bytes in its memory; the host's root looks for them.

END

make -s -C tests/guest/cvm build/scan-process || exit 2
SECONDS=0
tools/hgbench kernel >/dev/null || exit 1	# says so when it must download
logs=build/demo
rm -rf $logs
mkdir -p $logs

status=0
tools/hgbench run --smp 2 --mem 3G --timeout 800 --out $logs \
	--env HG_PROVIDER="$provider" --env DEMO_BEGAN="$(date +%s)" -- \
	tests/demo/inside.sh || status=$?

echo
if [ $status -eq 0 ]; then
	echo "The demo worked, in $SECONDS s altogether. Consoles of the guests: $logs"
else
	echo "THE DEMO FAILED (status $status, after $SECONDS s). Consoles of the guests: $logs" >&2
fi
exit $status
