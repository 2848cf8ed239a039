# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
# The command line of hgbench.

SMP=1 MEM=2G ICOUNT='' CPU='' ACCEL='' VMM=qemu FIRMWARE='' TPM=''
DEVICES=() MODULES=() KERNEL_ARGS=() QEMU_ARGS=() DISKS=() SETENV=()
NET='' OUT='' TIMEOUT=120 TIMEOUT_SET='' KEEP_LOGS='' SPLAT=1 GDB='' DRYRUN='' DEB='' VERBOSE=''
COMMAND=() TTY=''

usage() {
	cat <<-'EOF'
	usage: hgbench run [OPTION...] [--] COMMAND [ARG...]
	       hgbench shell [OPTION...]
	       hgbench fetch | kernel [--deb FILE]

	Boots an emulated machine (QEMU, TCG, SVM) with this machine's root file
	system, writable in memory only, and runs COMMAND in it as root.

	  --smp N              processors (1)
	  --mem SIZE           memory, as QEMU takes it (2G)
	  --cpu MODEL          QEMU CPU model (max)
	  --icount             count instructions: the clock of the guest advances
	                       one nanosecond an instruction, on one host thread
	  --accel tcg|kvm      what runs the guest (tcg)
	  --vmm qemu|hgvmm     which program is the machine (qemu); hgvmm runs on the
	                       module, so only inside the bench
	  --firmware NAME      what starts the kernel: seabios, or ovmf, which measures
	                       it into a --device tpm (seabios)
	  --device NAME        edu, intel-iommu, amd-iommu or tpm; repeatable
	  --tpm DIR            as --device tpm, with a TPM that stays in DIR from run to
	                       run; made there, with its EK certificate, if DIR is new
	  --disk FILE[,ro]     a virtio disk with the raw image FILE; repeatable
	  --net                a virtio network card on QEMU's user network
	  --module FILE.ko     load the module before COMMAND; repeatable
	  --out DIR            mount DIR, writable, at /out
	  --env NAME[=VALUE]   pass an environment variable; repeatable
	  --kernel-arg ARG     add to the kernel's command line; repeatable
	  --qemu-arg ARG       add to QEMU's command line; repeatable
	  --timeout SECONDS    give up after that time (120; shell: none; 0: none)
	  --no-check-splat     accept faults in the kernel's log (--check-splat)
	  --keep-logs          keep the logs of a run that went well, too
	  --verbose            show the console on standard error while it runs
	  --gdb                stop before the first instruction, wait for gdb
	  --dry-run            print QEMU's command line instead of running it
	  --deb FILE           take the kernel from this linux-image package

	The exit status is COMMAND's, or 121 for a kernel panic, 122 when the
	machine ended early, 123 for a fault in the kernel's log, 124 for a
	time-out, 125 for a failure of the bench itself.
	EOF
}

# arg OPTION COUNT: dies unless an argument follows.
arg() { [[ $2 -ge 2 ]] || die "$1 needs an argument"; }

number() {
	[[ $2 =~ ^[0-9]+$ && ${#2} -le 9 ]] || die "$1: '$2' is not a number"
}

parse_options() {
	while [[ $# -gt 0 ]]; do
		case $1 in
		--*=*)	set -- "${1%%=*}" "${1#*=}" "${@:2}"; continue ;;
		esac
		case $1 in
		--icount)	ICOUNT=1 ;;
		--net)		NET=1 ;;
		--keep-logs)	KEEP_LOGS=1 ;;
		--check-splat)	SPLAT=1 ;;
		--no-check-splat) SPLAT='' ;;
		--gdb)		GDB=1 ;;
		--dry-run)	DRYRUN=1 ;;
		--verbose|-v)	VERBOSE=1 ;;
		--help|-h)	usage; exit 0 ;;
		--)		shift; break ;;
		--?*)		arg "$1" $#; parse_valued "$1" "$2"; shift ;;
		-*)		die "unknown option '$1'; try 'hgbench --help'" ;;
		*)		break ;;
		esac
		shift
	done
	COMMAND=("$@")
}

parse_valued() {
	case $1 in
	--smp)	number "$1" "$2"; SMP=$2; [[ $SMP -ge 1 ]] || die "--smp: at least 1" ;;
	--mem)	[[ $2 =~ ^[0-9]+[MG]?$ ]] || die "--mem: '$2' is not a size (512M, 2G)"
		MEM=$2 ;;
	--cpu)	CPU=$2 ;;
	--vmm)	[[ $2 == qemu || $2 == hgvmm ]] || die "--vmm: '$2' is neither qemu nor hgvmm"
		VMM=$2 ;;
	--accel) [[ $2 == tcg || $2 == kvm ]] || die "--accel: '$2' is neither tcg nor kvm"
		ACCEL=$2 ;;
	--firmware) [[ $2 == seabios || $2 == ovmf ]] ||
			die "--firmware: '$2' is neither seabios nor ovmf"
		FIRMWARE=$2 ;;
	--tpm)	mkdir -p "$2" && [[ -w $2 ]] || die "--tpm: cannot write in $2"
		TPM=$(readlink -f "$2")
		has_device tpm || DEVICES+=(tpm) ;;
	--device)
		case $2 in
		edu|intel-iommu|amd-iommu|tpm) DEVICES+=("$2") ;;
		*) die "--device: '$2' is none of edu, intel-iommu, amd-iommu, tpm" ;;
		esac ;;
	--disk)	[[ -r ${2%,ro} ]] || die "--disk: cannot read ${2%,ro}"
		DISKS+=("$2") ;;
	--module)
		[[ -r $2 ]] || die "--module: cannot read $2"
		MODULES+=("$(readlink -f "$2")") ;;
	--out)	[[ -d $2 && -w $2 ]] || die "--out: $2 is not a writable directory"
		OUT=$(readlink -f "$2") ;;
	--env)	SETENV+=("$2") ;;
	--kernel-arg) KERNEL_ARGS+=("$2") ;;
	--qemu-arg) QEMU_ARGS+=("$2") ;;
	--timeout) number "$1" "$2"; TIMEOUT=$2 TIMEOUT_SET=1 ;;
	--deb)	[[ -r $2 ]] || die "--deb: cannot read $2"
		DEB=$(readlink -f "$2") ;;
	*)	die "unknown option '$1'; try 'hgbench --help'" ;;
	esac
}
