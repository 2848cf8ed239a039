#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Inside the bench: measure one provider after the other, both in this boot.
# Lines on standard output, for run.sh:
#	info KEY VALUE...
#	PROVIDER NAME MEDIAN MIN MAX SAMPLES
#	PROVIDER NAME - REASON
set -u
cd "$(dirname "$0")" || exit 2
HG_TOP=$(cd ../.. && pwd)
status=0

# Pages of 4 KiB: with large ones most first touches would find memory there.
echo never >/sys/kernel/mm/transparent_hugepage/enabled || exit 2

info() {
	echo "info $*"
}

qemu() { # SECONDS ARG...
	timeout "$1" qemu-system-x86_64 -accel kvm -cpu host -nodefaults -no-user-config \
		-display none -no-reboot -debugcon stdio \
		-device isa-debug-exit,iobase=0xf4,iosize=4 "${@:2}"
}

micro() { # PROVIDER
	local line
	qemu 600 -smp "${HG_BENCH_CPUS:-2}" -m 1280 -kernel build/guest.elf 2>build_err.$$ |
	while read -r line; do
		[ "$line" = "done" ] || echo "$1 $line"
	done
	# isa-debug-exit: the guest's 0 is QEMU's status 1.
	if [ "${PIPESTATUS[0]}" != 1 ]; then
		sed "s/^/$1: qemu: /" build_err.$$ >&2
		echo "$1: the measured guest did not finish" >&2
		return 1
	fi
}

# The median of QEMU's processor time counts: it is the same on a busy machine.
# What passes altogether holds waiting for files, at the speed of the shared
# folder, and is told for information.
boot() { # PROVIDER
	local n i samples=()
	for i in 1 2 3; do
		n=$(build/untilbyte 900 qemu-system-x86_64 -accel kvm -cpu host \
			-nodefaults -no-user-config -display none -no-reboot -smp 1 -m 256 \
			-debugcon stdio -device isa-debug-exit,iobase=0xf4,iosize=4 \
			-kernel "$HG_VMLINUZ" -initrd build/init.cpio \
			-append "quiet panic=-1 nokaslr tsc=reliable") || return 1
		samples+=("$n")
		[ -z "${HG_BENCH_QUICK:-}" ] || break
	done
	printf '%s\n' "${samples[@]}" | awk -v p="$1" '
		function out(name, v, n) { print p, name, v[int((n + 1) / 2)], v[1], v[n], n }
		{ e[NR] = $1; c[NR] = $2 }
		END {
			sort(e, NR); sort(c, NR)
			out("linux_boot", c, NR); out("linux_boot_elapsed", e, NR)
		}
		function sort(v, n,   i, j, t) {
			for (i = 2; i <= n; i++)
				for (j = i; j > 1 && v[j - 1] > v[j]; j--) { t = v[j]; v[j] = v[j - 1]; v[j - 1] = t }
		}'
}

measure() { # PROVIDER
	HG_PROVIDER=$1
	unset HG_DEV
	# shellcheck source=tests/guest/lib/provider.sh
	. ../guest/lib/provider.sh
	if ! hg_load; then
		echo "$1: cannot be loaded; not measured" >&2
		return 1
	fi
	micro "$1" || status=1
	[ -n "${HG_BENCH_NO_BOOT:-}" ] || boot "$1" || status=1
	hg_unload || status=1
}

# In the page cache, lest the boots differ by the speed of the shared folder.
cat "$HG_VMLINUZ" build/init.cpio >/dev/null

info kernel "$(uname -r)"
info cpu "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)"
info qemu "$(qemu-system-x86_64 --version | head -n 1)"
for p in ${HG_BENCH_PROVIDERS:-kvm-amd hypergpu}; do
	[ "$p" = none ] || measure "$p" || status=1
done
[ -z "${HG_BENCH_CVM:-}" ] || HG_PROVIDER=hypergpu cvm/measure.sh || status=1
rm -f build_err.$$
exit $status
