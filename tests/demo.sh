#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# make demo: the tower. In the bench, hypergpu.ko makes a server (L0) of it; there, hgvmm
# starts Debian as an L1 VM; in L1 the same module lets hgvmm and Debian's libvirt start
# guests (L2), ordinary and confidential. Each L2 has two CPUs, a disk and a network card,
# is asked to prove it at its shell, and hides a secret that L1's root then looks for.
#
# The server boots by UEFI, which measures what it starts into a software TPM. One of the
# confidential L2 gets a report; the tenant, who is here and not on that server, appraises it
# with the TPM's quote, and releases a secret to it: tests/demo/tenant.sh.
#
# In that VM, of an image that the tenant has built, a model answers the tenant's prompt over the
# sealed bus of a GPU, which PoCL plays on the VM's processors; at the end tests/demo/answer.sh has
# the tenant read the answer, and look for plaintext in what L1's root has read.
#
# DEMO=quick: no model, and no VM by libvirt. DEMO=flat: the VMs run on L0 itself, under hgvmm,
# Debian's QEMU and libvirt.
# HG_PROVIDER=kvm-amd (flat): on the kernel's own KVM, for developers of this script.
# The exit status is true only if everything that is shown worked.

set -u -o pipefail
cd "$(dirname "$0")/.." || exit 2

provider=${HG_PROVIDER:-hypergpu}
tower=yes
script=tower.sh
memory=5G
export DEMO=${DEMO:-tower}
case $DEMO in
tower | quick | flat) ;;
*)
	echo "demo: DEMO=$DEMO; known are quick and flat, or nothing" >&2
	exit 2
	;;
esac
if [ "$DEMO" = flat ] || [ "$provider" != hypergpu ]; then
	tower=
	script=inside.sh
	memory=3G
fi
for f in tools/hgbench vmm/build/hgvmm tools/build/hgctl attest/build/hgverify; do
	[ -x "$f" ] || { echo "demo: no $f: run make first" >&2; exit 2; }
done
if [ "$provider" = hypergpu ] && [ ! -e kmod/hypergpu.ko ]; then
	echo "demo: no kmod/hypergpu.ko: run make first" >&2
	exit 2
fi

cat <<END
HyperGPU demo. This machine emulates another one, with AMD's SVM, in QEMU (no
hardware virtualization is used and nothing is loaded here).
END
if [ "$tower" ]; then
	cat <<END
That machine is the server, L0. The operator's Debian is a VM on it, L1, and starts
VMs of its own, L2, ordinary and confidential ones. They hide secrets in their memory;
the operator, root in L1, looks for them. The tenant, who is not on that server,
verifies it by its TPM, and sends a secret to one of the confidential VMs.
END
	[ "$DEMO" = quick ] || cat <<END
With it that VM opens a model, and answers a prompt by a GPU whose bus is sealed. There
is no GPU here: PoCL plays it on the VM's processors, and its identity is simulated.
END
	echo
else
	cat <<END
In that machine, $provider runs two ordinary guests, under two VMMs, and a
confidential one. Each hides 16 bytes in its memory; the host's root looks for them.

END
fi

make -s -C tests/guest/cvm build/scan-process || exit 2
tools/hgbench kernel >/dev/null || exit 1	# says so when it must download
if [ "$DEMO" = tower ] && [ "$tower" ]; then
	echo "The tenant's image (built if it is not there, which takes a minute or two):"
	SECONDS=0
	tests/guest/inference/image >build/inference.log 2>&1 || { cat build/inference.log >&2; exit 1; }
	size=$(($(stat -c %s build/inference/image/root.img) >> 20))
	echo "      $size MiB of root disk, there after $SECONDS s"
	echo
fi
SECONDS=0
logs=build/demo
rm -rf $logs
mkdir -p $logs

machine=()
tenant=
if [ "$tower" ]; then
	# The tenant's own, and the TPM's: $logs is the server's to write.
	own=$(mktemp -d)
	machine=(--firmware ovmf --tpm "$own/tpm" --kernel-arg no5lvl)
	tests/demo/tenant.sh $logs "$own" >$logs/tenant.log 2>&1 &
	tenant=$!
	trap '[ -z "$tenant" ] || kill "$tenant" 2>/dev/null; rm -rf "$own"' EXIT
fi
status=0
tools/hgbench run "${machine[@]}" --smp 2 --mem "$memory" --timeout 1400 --out $logs \
	--env HG_PROVIDER="$provider" --env DEMO="$DEMO" --env DEMO_BEGAN="$(date +%s)" -- \
	"tests/demo/$script" || status=$?
if [ "$tower" ]; then
	kill "$tenant" 2>/dev/null
	rc=0
	wait "$tenant" || rc=$?
	tenant=
	if [ $rc -ne 0 ]; then
		echo "the tenant: status $rc"
		sed 's/^/      | /' $logs/tenant.log
		[ $status -ne 0 ] || status=1
	fi
fi

if [ $status -eq 0 ] && [ "$tower" ] && [ "$DEMO" != quick ]; then
	echo
	echo "The tenant, when that machine is off:"
	tests/demo/answer.sh $logs "$own" || status=1
fi
if [ $status -eq 0 ] && [ "$tower" ]; then
	echo
	tests/demo/summary.sh $logs "$own"
fi

echo
if [ $status -eq 0 ]; then
	echo "The demo worked, in $SECONDS s altogether. Logs, and consoles of the guests: $logs"
else
	echo "THE DEMO FAILED (status $status, after $SECONDS s). Logs, and consoles of the guests: $logs" >&2
fi
exit $status
