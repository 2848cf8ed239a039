#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Inside the bench: a confidential VM beside an ordinary one, on hypergpu.ko. Lines on
# standard output, for run.sh: "KIND NAME MEDIAN MIN MAX SAMPLES", KIND being vm or cvm.
# HG_BENCH_NO_BOOT leaves out Linux, HG_BENCH_QUICK boots it once each.
set -u -o pipefail
cd "$(dirname "$0")" || exit 2
HG_TOP=$(cd ../../.. && pwd)
# shellcheck source=tests/guest/lib/provider.sh
. ../../guest/lib/provider.sh
work=$(mktemp -d /tmp/cvm-bench.XXXXXX) || exit 2
append="console=ttyS0 quiet panic=-1 nokaslr tsc=reliable"
status=0

# Lines "NAME VALUE" become one line for each name.
summary() { # KIND
	sort -k 1,1 -k 2,2n | awk -v kind="$1" '
		function out() { if (n) print kind, name, v[int((n + 1) / 2)], v[1], v[n], n }
		$1 != name { out(); name = $1; n = 0 }
		{ v[++n] = $2 }
		END { out() }'
}

build_initrd() {
	local root=$work/root m
	mkdir -p "$root/bin" "$root/mod" "$root/dev"
	cp "$(command -v busybox)" "$root/bin/busybox" && cp ../build/work "$root/bin/" &&
		cp init "$root/init" && chmod 755 "$root/init" || return 1
	for m in virtio_pci virtio_blk virtio_net; do
		modprobe --show-depends $m
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' >"$work/modules" || return 1
	while read -r m; do
		cp "$m" "$root/mod/" && basename "$m" >>"$root/mod/order" || return 1
	done <"$work/modules"
	(cd "$root" && find . | cpio --quiet -o -H newc) >"$work/initrd"
	head -c 16M /dev/zero | tr '\0' x >"$work/disk"
}

hgvmm() { # KIND OPTION...
	local cvm=()
	[ "$1" = vm ] || cvm=(--cvm)
	set -- "$HG_TOP/vmm/build/hgvmm" --dev "$HG_DEV" --kernel "$HG_VMLINUZ" --smp 1 --mem 384M \
		--initrd "$work/initrd" --append "$append" --reboot exit "${cvm[@]}" "${@:2}"
	timeout 900 "${watch[@]}" "$@" </dev/null
}

boots() { # KIND
	local n watch=(../build/untilbyte 900)
	for n in 1 2 3; do
		n=$(hgvmm "$1" 2>"$work/$1.err") || return 1
		echo "linux_boot ${n#* }"
		[ -z "${HG_BENCH_QUICK:-}" ] || break
	done
}

works() { # KIND
	local watch=() want=0
	[ "$1" = vm ] || want=1
	hgvmm "$1" --disk "path=$work/disk,ro" --net tap=tap0 2>"$work/$1.err" |
		tr -d '\r' >"$work/$1.log"
	if ! grep -q '^bench-end 3$' "$work/$1.log" || ! grep -q "^bench-sev $want\$" "$work/$1.log"; then
		tail -n 12 "$work/$1.log" "$work/$1.err" >&2
		return 1
	fi
	sed -n 's/^bench \([a-z]*\) \([0-9]*\)$/work_\1 \2/p' "$work/$1.log"
}

hg_load || exit 1
../build/exits || status=1
if [ -z "${HG_BENCH_NO_BOOT:-}" ]; then
	build_initrd && modprobe tun && ip tuntap add tap0 mode tap &&
		ip addr add 10.9.0.1/24 dev tap0 && ip link set tap0 up || exit 2
	socat -u TCP-LISTEN:7000,reuseaddr,fork /dev/null &
	sink=$!
	cat "$HG_VMLINUZ" "$work/initrd" "$work/disk" >/dev/null
	for kind in vm cvm; do
		{ boots $kind && works $kind; } >"$work/figures" || status=1
		summary $kind <"$work/figures"
	done
	kill $sink
fi
hg_unload || status=1
rm -rf "$work"
exit $status
