#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The bench tested: what users rely on (status, output, shares, devices) and
# what it must notice (panic, splat, hang, early end). Boots about ten machines.
# With --nested it also boots a machine inside a machine, which takes longer.

set -u
top=$(readlink -f "$(dirname "$0")/..")
hgbench=$top/tools/hgbench
work=$(mktemp -d /var/tmp/bench-selftest.XXXXXX) || exit 1
trap 'rm -rf "$work"' EXIT
export TMPDIR=$work
failed=0

# t NAME STATUS STDOUT-PATTERN STDERR-PATTERN ARG...: runs hgbench and compares
# its exit status, and its output with extended regular expressions.
t() {
	local name=$1 want=$2 outre=$3 errre=$4 got

	shift 4
	"$hgbench" "$@" >"$work/o" 2>"$work/e" </dev/null
	got=$?
	if [[ $got -ne $want ]]; then
		echo "FAIL $name: status $got, not $want"
	elif ! [[ $(<"$work/o") =~ $outre ]]; then
		echo "FAIL $name: output lacks '$outre'"
	elif ! [[ $(<"$work/e") =~ $errre ]]; then
		echo "FAIL $name: messages lack '$errre'"
	else
		echo "ok   $name"
		return 0
	fi
	sed 's/^/     out: /' "$work/o" | tail -n 20
	sed 's/^/     err: /' "$work/e" | tail -n 40
	failed=1
}

# Refusals cost nothing: no machine is booted.
t "no command" 125 '^$' 'no command given' run
t "unknown option" 125 '^$' "unknown option '--frob'" run --frob x -- true
t "bad size" 125 '^$' 'is not a size' run --mem lots -- true
t "bad device" 125 '^$' 'none of edu' run --device sdb -- true
t "missing module" 125 '^$' 'cannot read /nonexistent.ko' run --module /nonexistent.ko -- true
t "bad firmware" 125 '^$' 'neither seabios nor ovmf' run --firmware coreboot -- true
t "no TPM's folder" 125 '^$' 'cannot write in' run --tpm /dev/null/tpm -- true
t "dry run, ovmf" 0 'pflash.*OVMF_CODE' '^$' run --firmware ovmf --dry-run -- true
t "dry run" 0 'qemu-system-x86_64.*-icount' '^$' run --icount --dry-run -- true

mkdir "$work/out"
cd "$work" || exit 1
t "status, output, directory, arguments" 7 "^it's <a  b> in $work" '^complaint$' run -- \
	sh -c 'echo "it'\''s <$1> in $PWD"; echo complaint >&2; exit 7' sh 'a  b'
t "root file system is written in memory only" 0 '^new$' '^$' run -- \
	sh -c "echo new >$work/scratch && cat $work/scratch"
[[ ! -e $work/scratch ]] || { echo "FAIL the bench wrote to the real file system"; failed=1; }
t "large output arrives whole" 0 '^$' '^$' run --smp 2 --out "$work/out" -- sh -c \
	'[ "$(nproc)" = 2 ] && grep -q "^Cpus_allowed_list:[[:space:]]*1-2$" /proc/self/status &&
	 head -c 3000000 /dev/urandom | base64 | tee /out/copy >/out/copy2 &&
	 md5sum </out/copy >/out/sum'
[[ $(md5sum <"$work/out/copy2") == "$(cat "$work/out/sum")" && -s $work/out/copy ]] ||
	{ echo "FAIL --out: the files differ"; failed=1; }
# Started by OVMF; the TPM has a certificate, and stays.
t "ovmf, TPM in a folder" 0 '^3D458CFE' '' run --firmware ovmf --tpm "$work/tpm" -- sh -c \
	'cat /sys/class/tpm/tpm0/pcr-sha256/2; export TPM2TOOLS_TCTI=device:/dev/tpmrm0
	 tpm2_nvdefine -C o -s 4 0x1500016 && printf kept | tpm2_nvwrite -C o 0x1500016 -i -'
t "the TPM is the same" 0 '^kept' '' run --tpm "$work/tpm" -- \
	tpm2_nvread -T device:/dev/tpmrm0 -C o 0x1500016
grep -q BEGIN "$work/tpm/roots.pem" && [[ -s $work/tpm/booted/initrd && -s $work/tpm/booted/cmdline ]] ||
	{ echo "FAIL --tpm: something is missing in its folder"; failed=1; }
mkdir "$work/busy" && exec {busy}>"$work/busy/lock" && flock "$busy"
t "a TPM that is in use" 125 '^$' 'busy is in use' run --tpm "$work/busy" -- true
[[ $(ls "$work/busy") == lock ]] || { echo "FAIL --tpm: made one that is in use"; failed=1; }
exec {busy}>&-
t "devices, modprobe, environment" 0 '0x11e8.*value' '^$' run --device edu --env NAME=value -- \
	sh -c 'modprobe tun && test -c /dev/net/tun && cat /sys/bus/pci/devices/*/device | grep 11e8; echo $NAME'
t "panic" 121 '' 'panicked in: the command.*sysrq triggered crash' run -- \
	sh -c 'echo c >/proc/sysrq-trigger'
t "splat" 123 '' 'WARNING: made up' run -- sh -c 'echo "WARNING: made up" >/dev/kmsg'
t "splat accepted" 5 '' '^$' run --no-check-splat -- \
	sh -c 'echo "WARNING: made up" >/dev/kmsg; exit 5'
t "early end" 122 '' 'the machine ended .*in: the command' run -- \
	sh -c 'echo b >/proc/sysrq-trigger; sleep 20'
# The patterns that the log is searched with: who opens them ends the machine; and none.
t "early end, after the command" 122 '' "switching off after the command.*command's status was 3" run -- \
	sh -c 'p=/proc/1/root/splat; rm $p && mkfifo $p || exit 1
	       (exec 9>$p; echo b >/proc/sysrq-trigger) >/dev/null 2>&1 & exit 3'
t "a log that cannot be searched" 125 '' 'gave up: cannot search' run -- \
	sh -c 'echo "[" >/proc/1/root/splat'
t "hang in the boot" 124 '' "timed out after 1 s in: the kernel's boot" run --timeout 1 -- true
t "hang in the command" 124 '' \
	'in: the command: sh -c echo up.*processes.*sleep 12345.*processors were at.*RIP=' \
	run --timeout 12 -- sh -c 'echo up; sleep 12345'
if [[ ${1:-} == --nested ]]; then
	t "a machine in the machine, on stock KVM" 11 '^inner Linux' '' run --timeout 200 -- \
		sh -c "modprobe kvm-amd && exec $hgbench run --accel kvm --mem 512M --timeout 150 -- \
			sh -c 'echo inner \$(uname); exit 11'"
fi
exit "$failed"
