# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Load and unload a provider of the KVM ABI; sourced by the test scripts that
# run inside the bench. $HG_PROVIDER chooses: "hypergpu" (default) for
# kmod/hypergpu.ko, "kvm-amd" for the kernel's own. The two never run side by
# side. The script that sources this sets HG_TOP; hg_load exports HG_DEV.

: "${HG_PROVIDER:=hypergpu}"
: "${HG_MODULE:=$HG_TOP/kmod/hypergpu.ko}"

# What every Linux guest of the tests is told. noearly: on a processor of AMD's family 15,
# which QEMU emulates, Linux looks for a GART on 256 buses: 33 000 port accesses, more than
# all the rest of the boot.
HG_APPEND="console=ttyS0 panic=-1 pci=noearly"

hg_loaded() {
	grep -q "^$1 " /proc/modules
}

hg_load() {
	case $HG_PROVIDER in
	hypergpu)
		if hg_loaded kvm; then
			echo "provider: kvm is loaded and hypergpu does not share; rmmod kvm_amd kvm" >&2
			return 1
		fi
		if [ ! -e "$HG_MODULE" ]; then
			echo "provider: no $HG_MODULE; run 'make modules'" >&2
			return 1
		fi
		hg_loaded hypergpu || insmod "$HG_MODULE" || return 1
		HG_DEV=/dev/hypergpu
		;;
	kvm-amd)
		if hg_loaded hypergpu; then
			echo "provider: hypergpu is loaded; rmmod hypergpu" >&2
			return 1
		fi
		modprobe kvm-amd || return 1
		HG_DEV=/dev/kvm
		;;
	*)
		echo "provider: HG_PROVIDER=$HG_PROVIDER; known are hypergpu and kvm-amd" >&2
		return 2
		;;
	esac
	if [ ! -e "$HG_DEV" ]; then
		echo "provider: $HG_PROVIDER is loaded, but there is no $HG_DEV" >&2
		return 1
	fi
	export HG_DEV HG_PROVIDER
}

hg_unload() {
	case $HG_PROVIDER in
	hypergpu) rmmod hypergpu ;;
	kvm-amd) rmmod kvm_amd && rmmod kvm ;;
	esac
}
