# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
# The machine under hgvmm instead of QEMU, on /dev/hypergpu or /dev/kvm.
#
# hgvmm has no port of its own for every stream. The run directory is shared
# with the guest instead, which writes the same files through 9p.

hgvmm_program() {
	local p

	for p in "$REPO/vmm/build/hgvmm" "$(command -v hgvmm)"; do
		[[ -x $p ]] && { echo "$p"; return 0; }
	done
	die "hgvmm is not built: run 'make' first"
}

# What hgvmm does not have is refused, never left out silently.
hgvmm_check() {
	[[ ${#DEVICES[@]} -eq 0 ]] || die "--vmm hgvmm: has no --device ${DEVICES[0]}"
	[[ ${#QEMU_ARGS[@]} -eq 0 ]] || die "--vmm hgvmm: --qemu-arg is for QEMU"
	[[ -z $ICOUNT ]] || die "--vmm hgvmm: --icount needs QEMU's TCG"
	[[ -z $GDB ]] || die "--vmm hgvmm: has no gdb stub"
	[[ -z $NET ]] || die "--vmm hgvmm: has no user network (--net)"
	[[ -z $FIRMWARE ]] || die "--vmm hgvmm: starts the kernel without firmware (--firmware)"
	[[ -z $CPU ]] || die "--vmm hgvmm: offers the processor the module offers (--cpu)"
	[[ -w /dev/hypergpu || -w /dev/kvm ]] ||
		die "--vmm hgvmm: no /dev/hypergpu or /dev/kvm here" \
		    "(inside the bench: insmod kmod/hypergpu.ko)"
}

# Fills MACHINE with hgvmm's command line.
machine_hgvmm() {
	local program disk serial=file:$RUNDIR/console.log

	program=$(hgvmm_program) || exit "$EX_BENCH"
	hgvmm_check
	MACHINE=("$program" --kernel "$KERNEL_VMLINUX" --initrd "$RUNDIR/initrd.cpio")
	MACHINE+=(--append "$(machine_append)" --smp "$SMP" --mem "$MEM" --reboot exit)
	MACHINE+=(--serial "$serial" --share "tag=hgroot,path=/,ro,xdev")
	MACHINE+=(--share "tag=hgrun,path=$RUNDIR")
	[[ -n $OUT ]] && MACHINE+=(--share "tag=hgout,path=$OUT")
	for disk in "${DISKS[@]}"; do
		MACHINE+=(--disk "path=$disk")
	done
	[[ -n $TTY ]] && MACHINE+=(--console stdio)
	# The last of the tests above may well have been false.
	return 0
}
