# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# One run of the emulated machine: its files, QEMU's command line, its life.

# Everything of one run lies in a directory of its own: RUNDIR.
rundir_create() {
	RUNDIR=$(mktemp -d "${TMPDIR:-/tmp}/hgbench-run.XXXXXX") ||
		die "cannot create a directory under ${TMPDIR:-/tmp}"
	on_exit rundir_finish
	KEEP=''
}

rundir_finish() {
	if [[ -n $KEEP$KEEP_LOGS && -z $DRYRUN ]]; then
		rm -f "$RUNDIR"/*.cpio "$RUNDIR"/*.fifo
		note "logs kept in $RUNDIR"
	else
		rm -rf "$RUNDIR"
	fi
}

# The archive that tells bench/init what to do; appended to the base archive.
run_archive() {
	local d=$RUNDIR/root m

	mkdir -p "$d"
	{
		echo "HG_MODULES=$(quote "$KERNEL_MODULES")"
		echo "HG_OUT=$(quote "$OUT")"
		echo "HG_SPLAT=$SPLAT"
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
	for e in "${SETENV[@]}"; do
		[[ $e == *=* ]] || e=$e=${!e-}
		echo "export ${e%%=*}=$(quote "${e#*=}")"
	done
	echo "cd $(quote "$PWD") || exit 126"
	printf 'exec'
	for w in "${COMMAND[@]}"; do
		printf ' %s' "$(quote "$w")"
	done
	echo
}

# Fills QEMU with the command line.
machine_build() {
	local base disk n=0 dev append machine=q35

	base=$(initramfs_base) || exit "$EX_BENCH"
	run_archive
	cat "$base" "$RUNDIR/run.cpio" >"$RUNDIR/initrd.cpio" || die "cannot write in $RUNDIR"

	append="console=ttyS0 panic=-1 oops=panic tsc=reliable watchdog_thresh=60"
	append+=" rcupdate.rcu_cpu_stall_timeout=100 sysrq_always_enabled unknown_nmi_panic"
	append+=" loglevel=7 log_buf_len=4M printk.devkmsg=on"
	for dev in "${DEVICES[@]}"; do
		case $dev in
		intel-iommu) append+=" intel_iommu=on" ;;
		esac
	done
	append+="${KERNEL_ARGS[*]:+ ${KERNEL_ARGS[*]}}"

	QEMU=(qemu-system-x86_64 -nodefaults -no-user-config -display none -no-reboot)
	[[ " ${DEVICES[*]} " == *" intel-iommu "* ]] && machine+=,kernel-irqchip=split
	QEMU+=(-machine "$machine" -cpu "$CPU" -smp "$SMP" -m "$MEM")
	if [[ $ACCEL == kvm ]]; then
		QEMU+=(-accel kvm)
	elif [[ -n $ICOUNT ]]; then
		QEMU+=(-accel "tcg,thread=single" -icount "shift=0,sleep=off")
	else
		QEMU+=(-accel "tcg,thread=multi")
	fi
	QEMU+=(-kernel "$KERNEL_VMLINUX" -initrd "$RUNDIR/initrd.cpio" -append "$append")
	QEMU+=(-chardev "file,id=console,path=$RUNDIR/console.log" -serial chardev:console)
	QEMU+=(-chardev "pipe,id=mon,path=$RUNDIR/mon" -mon "chardev=mon,mode=readline")
	QEMU+=(-device "virtio-serial-pci,max_ports=4")
	QEMU+=(-chardev "file,id=ctl,path=$RUNDIR/ctl")
	QEMU+=(-device "virtserialport,chardev=ctl,name=hgbench.ctl,nr=1")
	QEMU+=(-chardev "file,id=out,path=$RUNDIR/out")
	QEMU+=(-device "virtserialport,chardev=out,name=hgbench.out,nr=2")
	QEMU+=(-chardev "file,id=err,path=$RUNDIR/err")
	QEMU+=(-device "virtserialport,chardev=err,name=hgbench.err,nr=3")
	QEMU+=(-virtfs "local,path=/,mount_tag=hgroot,security_model=none,readonly=on,multidevs=remap")
	[[ -n $OUT ]] &&
		QEMU+=(-virtfs "local,path=$OUT,mount_tag=hgout,security_model=none,multidevs=remap")
	for dev in "${DEVICES[@]}"; do
		machine_device "$dev"
	done
	for disk in "${DISKS[@]}"; do
		n=$((n + 1))
		QEMU+=(-drive "if=none,id=disk$n,format=raw,file=${disk%,ro}$([[ $disk == *,ro ]] && echo ,readonly=on)")
		QEMU+=(-device "virtio-blk-pci,drive=disk$n")
	done
	[[ -n $NET ]] && QEMU+=(-nic "user,model=virtio-net-pci")
	[[ -n $GDB ]] && QEMU+=(-s -S)
	QEMU+=("${QEMU_ARGS[@]}")
}

machine_device() {
	case $1 in
	edu)		QEMU+=(-device edu) ;;
	intel-iommu)	QEMU+=(-device "intel-iommu,intremap=on,caching-mode=on") ;;
	amd-iommu)	QEMU+=(-device amd-iommu) ;;
	tpm)
		QEMU+=(-chardev "socket,id=tpm,path=$RUNDIR/tpm.sock")
		QEMU+=(-tpmdev "emulator,id=tpm0,chardev=tpm" -device "tpm-tis,tpmdev=tpm0") ;;
	esac
}

tpm_start() {
	need swtpm swtpm
	mkdir "$RUNDIR/tpm"
	swtpm socket --tpm2 --tpmstate "dir=$RUNDIR/tpm" --ctrl "type=unixio,path=$RUNDIR/tpm.sock" \
		--flags startup-clear --terminate --daemon --pid "file=$RUNDIR/tpm.pid" \
		>"$RUNDIR/swtpm.log" 2>&1 ||
		die "swtpm did not start: $(tail -n 1 "$RUNDIR/swtpm.log")"
	# It ends by itself (--terminate) unless QEMU never connected.
	on_exit 'kill "$(cat "$RUNDIR/tpm.pid" 2>/dev/null)" 2>/dev/null'
}

cmd_run() {
	local opts=()

	[[ ${#COMMAND[@]} -gt 0 ]] || die "run: no command given; try 'hgbench --help'"
	need qemu-system-x86_64 qemu-system-x86
	kernel_require
	rundir_create
	machine_build
	if [[ -n $DRYRUN ]]; then
		printf '%q ' "${QEMU[@]}"
		echo
		exit 0
	fi
	[[ $ACCEL == tcg || -w /dev/kvm ]] ||
		die "--accel kvm: /dev/kvm cannot be opened (inside the bench: modprobe kvm-amd)"
	[[ " ${DEVICES[*]} " == *" tpm "* ]] && tpm_start
	mkfifo "$RUNDIR/mon.in" "$RUNDIR/mon.out"
	# Held open for both directions so that neither side waits for the other.
	exec {MON}<>"$RUNDIR/mon.in" {MONOUT}<>"$RUNDIR/mon.out"
	touch "$RUNDIR"/{ctl,out,err,console.log}
	"${QEMU[@]}" </dev/null >"$RUNDIR/qemu.log" 2>&1 & QEMU_PID=$!
	relay "$RUNDIR/out" & OUT_PID=$!
	relay "$RUNDIR/err" >&2 & ERR_PID=$!
	on_exit 'kill "$QEMU_PID" "$OUT_PID" "$ERR_PID" 2>/dev/null'
	machine_wait
	wait "$OUT_PID" "$ERR_PID"
	conclude
}

# relay FILE: copies the file to stdout as it grows, until QEMU has ended.
#
# A regular file between QEMU and our reader: it never blocks QEMU, so nothing
# is left in the virtio queues when the machine is switched off.
relay() {
	exec tail -s 0.1 -f -n +1 --pid="$QEMU_PID" "$1" 2>/dev/null
}

# Waits for QEMU, not longer than --timeout. Sets TIMED_OUT.
machine_wait() {
	local watch=''

	TIMED_OUT=''
	if [[ $TIMEOUT -gt 0 ]]; then
		(exec {MON}>&- {MONOUT}>&-; exec sleep "$TIMEOUT") & watch=$!
		wait -n "$QEMU_PID" "$watch"
		if kill -0 "$QEMU_PID" 2>/dev/null; then
			TIMED_OUT=1
			kill "$QEMU_PID"
		fi
		kill "$watch" 2>/dev/null
	fi
	wait "$QEMU_PID"
	QEMU_STATUS=$?
}
