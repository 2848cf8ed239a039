# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
# The emulated machine: what it boots with and QEMU's command line for it.

# Kernel command line of every machine.
#  - a panic ends the machine at once (with -no-reboot), an oops is a panic;
#  - all processors share the host's counter, so the TSC needs no watchdog;
#  - the watchdogs wait long: several machines may share few host processors;
#  - a time-out asks for backtraces by SysRq and ends the machine by an NMI.
APPEND_BASE="panic=-1 oops=panic tsc=reliable watchdog_thresh=60"
APPEND_BASE+=" rcupdate.rcu_cpu_stall_timeout=100 sysrq_always_enabled unknown_nmi_panic"
APPEND_BASE+=" loglevel=7 log_buf_len=4M printk.devkmsg=on"

# Where Debian's ovmf has its files.
OVMF=/usr/share/OVMF

# A comma separates the parts of a QEMU option; two stand for one.
qopt() { echo "${1//,/,,}"; }

# has_device NAME: whether --device NAME was given.
has_device() { [[ " ${DEVICES[*]} " == *" $1 "* ]]; }

# Whether the first processor is one more than --smp, on which the command does not run.
#
# Restoring x87 state on any processor makes TCG rewrite a word of the first one,
# unlocked: the word that also says whether nested paging is on (QEMU 7.2,
# cpu_clear_ignne()). A hypervisor that enters or leaves a guest there at that
# moment goes on with the guest's state mixed with its own. With one processor, or
# with all of them in one thread, there is nobody to do that.
machine_spare() { [[ $VMM == qemu && $ACCEL == tcg && -z $ICOUNT && $SMP -gt 1 ]]; }

# The archive that tells bench/init what to do; appended to the base archive.
run_archive() {
	local d=$RUNDIR/root m

	mkdir -p "$d"
	{
		echo "HG_MODULES=$(quote "$KERNEL_MODULES")"
		echo "HG_OUT=$(quote "$OUT")"
		echo "HG_SPLAT=$SPLAT"
		echo "HG_TTY=$TTY"
		machine_spare && printf "HG_CPUS=%x\n" $(((2 ** SMP - 1) * 2))
		# The guest lists what runs shortly before the host gives up.
		# With --icount the guest's seconds are not the host's.
		echo "HG_SHARE=$([[ $VMM == hgvmm ]] && echo 1)"
		[[ $TIMEOUT -ge 10 && -z $ICOUNT ]] && echo "HG_LIST_AT=$((TIMEOUT - 4))"
	} >"$d/run.conf"
	for m in "${MODULES[@]}"; do
		echo "$m"
	done >"$d/run.modules"
	command_script >"$d/run.cmd"
	pack_archive "$d" >"$RUNDIR/run.cpio" || die "cannot write in $RUNDIR"
	rm -rf "$d"
}

# The command as a POSIX script, with the caller's directory and environment.
command_script() {
	local w e

	echo "export HOME=/root USER=root SHELL=/bin/bash TERM=$(quote "${TERM:-dumb}") HGBENCH=1"
	echo "export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	[[ -n ${HGBENCH_CACHE:-} ]] && echo "export HGBENCH_CACHE=$(quote "$CACHE")"
	[[ -n $TPM ]] && echo "export HGBENCH_TPM=$(quote "$TPM")"
	for e in "${SETENV[@]}"; do
		[[ $e == *=* ]] || e=$e=${!e-}
		echo "export ${e%%=*}=$(quote "${e#*=}")"
	done
	[[ -n $TTY ]] && stty -g >/dev/null 2>&1 && stty size |
		sed 's/^\([0-9]*\) \([0-9]*\)$/stty rows \1 cols \2/'
	echo "cd $(quote "$PWD") || exit 126"
	printf 'exec'
	for w in "${COMMAND[@]}"; do
		printf ' %s' "$(quote "$w")"
	done
	echo
}

# The initramfs of this run: the base archive and run_archive's.
machine_initrd() {
	local base

	base=$(initramfs_base) || exit "$EX_BENCH"
	run_archive
	cat "$base" "$RUNDIR/run.cpio" >"$RUNDIR/initrd.cpio" || die "cannot write in $RUNDIR"
}

# Where the frequency of this host's TSC is remembered, in kHz.
tsc_file() {
	echo "$CACHE/tsc-khz-$(grep -m 1 "^model name" /proc/cpuinfo | sha256sum | cut -c 1-12)"
}

# The argument that spares the kernel to measure the TSC, if that is known.
#
# On a busy host the measurement goes wrong tenfold, with it every second of
# the guest. Under --icount the TSC counts nanoseconds; else TCG passes the
# host's through, and an earlier guest has measured that (tsc_remember).
machine_tsc() {
	local khz=1000000

	[[ $VMM == qemu && $ACCEL == tcg ]] || return 0
	[[ -n $ICOUNT ]] || khz=$(cat "$(tsc_file)" 2>/dev/null)
	# In a virtual machine "cpu MHz" is the frequency of the TSC.
	if [[ -z $khz ]] && grep -q "^flags.* hypervisor" /proc/cpuinfo; then
		khz=$(sed -n "s/^cpu MHz.*: \([0-9]*\)\.\([0-9]*\)$/\1\2/p" /proc/cpuinfo | head -n 1)
	fi
	[[ ! $khz =~ ^[1-9][0-9]{5,6}$ ]] || echo " tsc_early_khz=$khz"
}

# Keeps what the kernel calls refined: measured over a second, and within one
# per cent of the first measurement.
tsc_remember() {
	local khz file

	[[ $VMM == qemu && $ACCEL == tcg && -z $ICOUNT && -w $CACHE ]] || return 0
	file=$(tsc_file)
	[[ ! -e $file ]] || return 0
	khz=$(sed -n "s/.*Refined TSC clocksource calibration: \([0-9]*\)\.\([0-9]*\) MHz.*/\1\2/p" \
		"$RUNDIR/console.log")
	[[ ! $khz =~ ^[1-9][0-9]{5,6}$ ]] || { echo "$khz" >"$file.$$" && mv "$file.$$" "$file"; }
}

# The kernel's command line, on stdout.
machine_append() {
	local a

	a="console=ttyS0 $APPEND_BASE$(machine_tsc)"
	has_device intel-iommu && a+=" intel_iommu=on"
	# As machine_cpu; hgvmm has no way to leave XSAVE out of the processor. And no search
	# for a GART on 256 buses, on a processor of a family that might have one.
	[[ $VMM == hgvmm ]] && grep -q "^model name.*QEMU TCG" /proc/cpuinfo && a+=" noxsave pci=noearly"
	# Addresses that stay the same from boot to boot.
	[[ -n $GDB ]] && a+=" nokaslr"
	echo "$a${KERNEL_ARGS[*]:+ ${KERNEL_ARGS[*]}}"
}

# The kernel image. QEMU 7.2 puts the initrd of a PVH kernel at the end of the
# memory, less a fixed space for the ACPI tables; the log that a TPM adds to
# them exceeds that space and the initrd overwrites the tables. The loader of a
# bzImage asks the firmware where the memory ends.
machine_kernel() {
	if has_device tpm || [[ $FIRMWARE == ovmf ]]; then
		echo "$KERNEL_BZIMAGE"
	else
		echo "$KERNEL_VMLINUX"
	fi
}

# The processor when --cpu names none.
#
# TCG emulates the XSETBV instruction of a nested guest without the intercept
# that its hypervisor asked for (QEMU 7.2), so that the two disagree on XCR0:
# a guest of stock KVM on the bench gets a processor without XSAVE.
machine_cpu() {
	[[ $ACCEL == kvm ]] && echo max,-xsave || echo max
}

# Fills MACHINE with QEMU's command line. Everything in it is explicit: no default
# devices, no configuration file of the user's.
machine_qemu() {
	local dir dev machine=q35 cpus=$SMP

	machine_spare && cpus=$((SMP + 1))
	dir=$(qopt "$RUNDIR")
	# The IOMMUs remap interrupts only of an APIC that QEMU itself emulates.
	has_device intel-iommu && machine+=,kernel-irqchip=split
	MACHINE=(qemu-system-x86_64 -nodefaults -no-user-config -display none -no-reboot)
	MACHINE+=(-machine "$machine" -cpu "${CPU:-$(machine_cpu)}" -smp "$cpus" -m "$MEM")
	if [[ $ACCEL == kvm ]]; then
		MACHINE+=(-accel kvm)
	elif [[ -n $ICOUNT ]]; then
		MACHINE+=(-accel "tcg,thread=single" -icount "shift=0,sleep=off")
	else
		MACHINE+=(-accel "tcg,thread=multi")
	fi
	# An IOMMU must exist before the devices behind it.
	for dev in "${DEVICES[@]}"; do
		machine_device "$dev" "$dir"
	done
	[[ $FIRMWARE != ovmf ]] || machine_ovmf "$dir"
	MACHINE+=(-kernel "$(machine_kernel)" -initrd "$RUNDIR/initrd.cpio" -append "$(machine_append)")
	MACHINE+=(-chardev "file,id=console,path=$dir/console.log" -serial chardev:console)
	MACHINE+=(-chardev "pipe,id=qmp,path=$dir/qmp" -mon "chardev=qmp,mode=control")
	machine_ports "$dir"
	machine_shares
	machine_disks
	[[ -n $NET ]] && MACHINE+=(-nic "user,model=virtio-net-pci")
	[[ -n $GDB ]] && MACHINE+=(-S -gdb "unix:$dir/gdb.sock,server=on,wait=off")
	MACHINE+=("${QEMU_ARGS[@]}")
}

# machine_ovmf DIR: UEFI instead of SeaBIOS. It starts the kernel as an EFI application, and
# measures it, where SeaBIOS takes what QEMU hands it. The variables begin anew in each run.
machine_ovmf() {
	need qemu-system-x86_64 qemu-system-x86
	[[ -r $OVMF/OVMF_CODE_4M.fd && -r $OVMF/OVMF_VARS_4M.fd ]] ||
		die "--firmware ovmf: no $OVMF/OVMF_CODE_4M.fd: install the package ovmf"
	cp "$OVMF/OVMF_VARS_4M.fd" "$RUNDIR/vars.fd" || die "cannot write in $RUNDIR"
	MACHINE+=(-drive "if=pflash,format=raw,readonly=on,file=$OVMF/OVMF_CODE_4M.fd")
	MACHINE+=(-drive "if=pflash,format=raw,file=$1/vars.fd")
}

# put_le FILE OFFSET SIZE VALUE: an unsigned little-endian field.
put_le() {
	local n text=''

	for ((n = 0; n < $3; n++)); do
		text+=$(printf '\\x%02x' $(($4 >> 8 * n & 255)))
	done
	# shellcheck disable=SC2059 # the escapes are the point
	printf "$text" | dd of="$1" bs=1 seek=$(($2)) conv=notrunc 2>/dev/null
}

# machine_booted DIR: what OVMF is given, as it measures it, for a verifier who computes from
# files. QEMU 7.2 writes into the setup header of a kernel (Documentation/x86/boot.rst), which
# OVMF gets and measures with it; and OVMF adds to the command line where the initrd is.
machine_booted() {
	local kernel=$1/kernel mib=${MEM%[MG]} size

	mkdir -p "$1" && cp "$KERNEL_BZIMAGE" "$kernel" && chmod 644 "$kernel" &&
		cp "$RUNDIR/initrd.cpio" "$1/initrd" &&
		printf '%s initrd=initrd' "$(machine_append)" >"$1/cmdline" || die "cannot write in $1"
	[[ $MEM != *G ]] || mib=$((mib * 1024))
	# With 2.75 GiB and more q35 has 2 GiB of it below 4 GiB.
	[[ $mib -lt 2816 ]] || mib=2048
	size=$(stat -c %s "$1/initrd")
	put_le "$kernel" 0x210 1 0xb0	# type_of_loader: QEMU
	put_le "$kernel" 0x211 1 $(($(le_field "$kernel" 529 1) | 0x80))	# loadflags: CAN_USE_HEAP
	put_le "$kernel" 0x218 4 $((((mib << 20) - 0x28000 - 1 - size) & ~4095))	# ramdisk_image
	put_le "$kernel" 0x21c 4 "$size"	# ramdisk_size
	put_le "$kernel" 0x224 2 0xfe00	# heap_end_ptr
	put_le "$kernel" 0x228 4 0x20000	# cmd_line_ptr
}

machine_device() {
	case $1 in
	edu)		MACHINE+=(-device edu) ;;
	intel-iommu)	MACHINE+=(-device "intel-iommu,intremap=on,caching-mode=on") ;;
	amd-iommu)	MACHINE+=(-device "amd-iommu,intremap=on") ;;
	tpm)
		MACHINE+=(-chardev "socket,id=tpm,path=$2/tpm.sock")
		MACHINE+=(-tpmdev "emulator,id=tpm0,chardev=tpm" -device "tpm-tis,tpmdev=tpm0") ;;
	esac
}

# machine_ports DIR: one virtio-serial port each for control, stdout, stderr.
machine_ports() {
	local n=1 port

	MACHINE+=(-device "virtio-serial-pci,max_ports=5")
	for port in ctl out err; do
		MACHINE+=(-chardev "file,id=$port,path=$1/$port")
		MACHINE+=(-device "virtserialport,chardev=$port,name=hgbench.$port,nr=$n")
		n=$((n + 1))
	done
	if [[ -n $TTY ]]; then
		MACHINE+=(-chardev "stdio,id=tty,signal=off")
		MACHINE+=(-device "virtconsole,chardev=tty,name=hgbench.tty,nr=0")
	fi
}

machine_shares() {
	MACHINE+=(-virtfs "local,path=/,mount_tag=hgroot,security_model=none,readonly=on,multidevs=remap")
	[[ -n $OUT ]] &&
		MACHINE+=(-virtfs "local,path=$(qopt "$OUT"),mount_tag=hgout,security_model=none,multidevs=remap")
}

machine_disks() {
	local disk n=0 opts

	for disk in "${DISKS[@]}"; do
		n=$((n + 1))
		opts="if=none,id=disk$n,format=raw,file=$(qopt "${disk%,ro}")"
		[[ $disk == *,ro ]] && opts+=,readonly=on
		MACHINE+=(-drive "$opts" -device "virtio-blk-pci,drive=disk$n,serial=disk$n")
	done
}
