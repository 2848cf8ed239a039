#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The part of the demo that runs VMs, as root: in the bench, or in an L1 VM that
# tests/demo/tower.sh starts there. Writes the guests' consoles to /out.
#
# HG_L1=yes: this is the L1 VM, and who looks for the secrets is its root. With DEMO=quick it starts
# no VM by libvirt, and the confidential VM to which a secret is released runs no model.
# DEMO_STAGE, DEMO_STAGES: how many stages came before, and how many there are.

set -u -o pipefail
cd "$(dirname "$0")/../.." || exit 2
export HG_TOP=$PWD
# shellcheck source=tests/guest/lib/provider.sh
. tests/guest/lib/provider.sh
# shellcheck source=tests/guest/lib/libvirt.sh
. tests/guest/lib/libvirt.sh

quick=
[ "${DEMO:-}" != quick ] || quick=yes
scan=tests/guest/cvm/build/scan-process
work=$(mktemp -d /tmp/demo.XXXXXX)
mkfifo "$work/never" && exec {never}<>"$work/never"
mib=$((1024 * 1024))
half=4	# MiB of a guest's disk
failed=0
l1=${HG_L1:-}
stage_number=${DEMO_STAGE:-0}
declare -A figure=()

now() { echo "${EPOCHREALTIME/./}"; }	# microseconds
since() { awk -v a="$1" -v b="$(now)" 'BEGIN { printf "%.1f", (b - a) / 1e6 }'; }

stage() {
	stage_number=$((stage_number + 1))
	stage_began=$(now)
	printf '[%d/%d] %s\n' $stage_number "${DEMO_STAGES:-6}" "$*"
}
# here IN_L1 ELSEWHERE: which of the two.
here() { if [ -n "$l1" ]; then echo "$1"; else echo "$2"; fi; }
say() { printf '      %s\n' "$*"; }
ok() { say "ok, $(since "$stage_began") s"; }
fail() {
	say "FAILED: $*"
	failed=$((failed + 1))
}

# The guest's initramfs: busybox, the kernel's own virtio modules, guest-init.
build_initrd() {
	local root=$work/root m
	mkdir -p "$root/bin" "$root/mod"
	cp "$(command -v busybox)" "$root/bin/busybox" || return 1
	cp tests/demo/guest-init "$root/init" && cp tests/guest/lib/plant "$root/bin/" &&
		chmod 755 "$root/init" "$root/bin/plant" || return 1
	for m in virtio_pci virtio_blk virtio_net; do
		modprobe --show-depends $m
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' >"$work/modules" || return 1
	while read -r m; do
		cp "$m" "$root/mod/" && basename "$m" >>"$root/mod/order" || return 1
	done <"$work/modules"
	(cd "$root" && find . | cpio --quiet -o -H newc) >"$work/initrd" 2>/dev/null
}

# What a guest needs besides to ask for a report: hgattest, and the libraries it is linked with.
build_hgattest() {
	local root=$work/more lib
	mkdir -p "$root/bin" "$root/lib" "$root/lib64" && cp attest/build/hgattest "$root/bin/" || return
	while read -r lib; do
		case $lib in
		*/ld-linux*) cp -L "$lib" "$root/lib64/" || return ;;
		*) cp -L "$lib" "$root/lib/" || return ;;
		esac
	done < <(ldd attest/build/hgattest | grep -o '/[^ ]*')
	(cd "$root" && find . | cpio --quiet -o -H newc) >"$work/more.cpio" &&
		cat "$work/initrd" "$work/more.cpio" >"$work/initrd-hgattest"
}

# A disk of two halves: the guest reads the lower one, and copies it to the upper one.
make_disk() { # FILE
	head -c $((2 * half * mib)) /dev/urandom >"$1"
}

# tap NAME: a network card of the host's for one guest; 10.9.0.1 is the host.
make_tap() {
	ip tuntap add "$1" mode tap && ip addr add 10.9.0.1/24 dev "$1" && ip link set "$1" up
}

# What is typed at the guest's shell. Each answer comes back as a line
# "demo-NAME VALUE" on its console.
type_commands() {
	cat <<END
echo demo-read \$(head -c $((half * mib)) /dev/vda | sha256sum)
dd if=/dev/vda of=/dev/vda bs=1M count=$half seek=$half conv=fsync 2>/dev/null; echo demo-wrote \$?
END
	cat <<'END'
echo demo-kernel $(uname -r)
echo demo-cpus $(nproc)
echo demo-ping $(ping -c 3 -w 10 -q 10.9.0.1 | sed -n 's/.* \([0-9]*\)% packet loss.*/\1/p')
plant >/secret; echo demo-planted $?
echo demo-sev $(dmesg | sed -n 's/.*\(Memory Encryption Features active.*\)/\1/p')
echo demo-clock $(cat /sys/devices/system/clocksource/clocksource0/current_clocksource)
END
}

# answer FILE NAME: the last value that the guest gave. By no program: to start one in L1
# takes its time.
answer() {
	local line value=
	while IFS= read -r line; do
		line=${line%$'\r'}
		[[ $line != "demo-$2 "* ]] || value=${line#"demo-$2 "}
	done <"$1"
	echo "$value"
}

# pause SECONDS: without a program, which would take its time from the guests.
pause() { read -r -t "$1" -u "$never" || true; }

# await FILE TEXT SECONDS PID: until TEXT stands in FILE or the VMM is gone.
await() {
	local left=$(($3 * 4))
	until grep -aq -- "$2" "$1"; do
		left=$((left - 1))
		[ $left -gt 0 ] && kill -0 "$4" 2>/dev/null || return 1
		pause 0.5
	done
}
await_file() { # FILE SECONDS
	local left=$(($2 * 4))
	until [ -e "$1" ]; do
		[ $((left -= 1)) -gt 0 ] || return 1
		pause 0.5
	done
}

# The tenant is outside of all of this; files in /out/attest go to and fro. The confidential
# VM makes a key and asks for a report; the tenant appraises, and sends the secret.
attest_cvm() { # LOG PID
	local nonce a=/out/attest
	nonce=$(cat $a/nonce)
	cp "$work/initrd-hgattest" $a/initrd && echo "$khz" >$a/khz &&
		vmm/build/hgvmm --dev "$HG_DEV" --smp 2 --dump-cpuid $a/cpuid || return
	echo "export LD_LIBRARY_PATH=/lib; hgattest key --out /key --public /public &&" \
		"hgattest report --nonce $nonce --key /public --out /report;" \
		"echo demo-report \$(base64 -w0 /report); echo demo-public \$(base64 -w0 /public);" \
		"echo demo-asked" >&"$keys"
	await "$1" '^demo-asked' 60 "$2" || { say "it has no report"; return 1; }
	answer "$1" public | base64 -d >$a/public && answer "$1" report | base64 -d >$a/report.new &&
		mv $a/report.new $a/report || return
	say "it has made a key, and has a report of $(stat -c %s $a/report) bytes; the tenant says:"
	await_file $a/verdict 120 || { say "nothing"; return 1; }
	cut -c1-110 $a/verdict | sed 's/^/      | /'
	[ -e $a/sealed ] || return
	echo "echo $(cat $a/sealed) >/sealed" >&"$keys"	# base64url and dots
	echo "hgattest --open /sealed --key /key --nonce $nonce --out /model-key;" \
		"echo demo-secret \$(sha256sum </model-key); echo demo-opened" >&"$keys"
	await "$1" '^demo-opened' 60 "$2" || { say "it does not open what was sent"; return 1; }
	[ "$(answer "$1" secret | cut -d' ' -f1)" = "$(cat $a/secret.sha256)" ] ||
		{ say "another secret came out"; return 1; }
	say "the confidential VM has opened it: its hash is that of the tenant's secret"
}

# at_the_shell NAME LOG PID BEGAN: type the commands when it is there, and look at what
# the host can see meanwhile. The shell's input is the descriptor $keys.
at_the_shell() {
	if ! await "$2" '^demo-shell' "${shell_limit:-150}" "$3"; then
		fail "no shell; the last lines of its console:"
		tr -d '\r' <"$2" | tail -n 15 | sed 's/^/      | /'
		tail -n 5 "/out/$1-messages.log" | sed 's/^/      ! /'
		return 1
	fi
	figure[$1-boot]=$(since "$4")
	say "at its shell after ${figure[$1-boot]} s"
	type_commands >&"$keys"
	await "$2" '^demo-clock' 90 "$3" || fail "its shell does not answer"
	tools/build/hgctl status --json >"/out/$1-status.json" 2>/dev/null
	figure[$1-found]=$($scan "$3") || fail "the scan of its VMM's memory failed"
}

# boot NAME COMMAND...: run a VMM with its serial console on stdin and stdout,
# type the commands at its shell, and check what comes of it.
boot() {
	local name=$1 log=/out/$1-console.log disk=$work/$1.img pid began want
	shift
	want=$(head -c $((half * mib)) "$disk" | sha256sum | cut -d' ' -f1)
	mkfifo "$work/$name.in"
	began=$(now)
	: >"$log"
	"$@" <"$work/$name.in" >"$log" 2>"/out/$name-messages.log" &
	pid=$!
	exec {keys}>"$work/$name.in"
	if ! at_the_shell "$name" "$log" $pid "$began"; then
		kill $pid 2>/dev/null
		exec {keys}>&-
		return
	fi
	if [ "$name" = hgcvm ]; then
		attest_cvm "$log" $pid || fail "no secret was released to it"
	fi
	echo 'poweroff -f' >&"$keys"
	exec {keys}>&-
	timeout 30 tail --pid=$pid -f /dev/null || { fail "it did not switch off"; kill -9 $pid; }
	wait $pid || fail "$1 ended with status $?"
	check_answers "$name" "$log" "$disk" "$want"
	check_secret "$name"
}

# The same for the confidential VM, of which libvirt takes care.
boot_cvm() {
	local log=$work/cvm.log disk=$work/cvm.img pid began want drain tty
	want=$(head -c $((half * mib)) "$disk" | sha256sum | cut -d' ' -f1)
	domain_xml cvm-measured "$disk" "$kernel" "$work/initrd" "$append" "$log" tap2 >"$work/cvm.xml"
	began=$(now)
	show virsh -q define "$work/cvm.xml" && show virsh -q start cvm-measured || return
	pid=$(cat /run/libvirt/qemu/cvm-measured.pid)
	# By other processes: to this one, a session's leader, it would be the terminal.
	tty=$(virsh -q ttyconsole cvm-measured)
	exec {keys}> >(cat >"$tty")
	cat "$tty" >/dev/null 2>&1 &	# or the console is full one day
	drain=$!
	shell_limit=300
	if at_the_shell cvm "$log" "$pid" "$began"; then
		show virsh -q domstate cvm-measured
		echo 'poweroff -f' >&"$keys"
		# shellcheck disable=SC2016 # the inner shell expands it
		timeout 60 sh -c 'until [ "$(virsh -q domstate cvm-measured)" = "shut off" ]; do sleep 1; done' ||
			fail "it did not switch off"
		check_answers cvm "$log" "$disk" "$want"
		check_secret cvm
	else
		virsh -q destroy cvm-measured
	fi
	kill $drain 2>/dev/null
	exec {keys}>&-
	cp "$log" /out/cvm-console.log
	cp /var/log/libvirt/qemu/cvm-measured.log /out/cvm-messages.log
	show virsh -q undefine cvm-measured
}

# show COMMAND...: the command, and what it says; a failure fails the demo.
show() {
	say "# $*"
	local status=0
	"$@" >"$work/said" 2>&1 || status=$?
	grep -v '^$' "$work/said" | sed 's/^/      | /'
	[ $status -eq 0 ] || fail "status $status"
	return $status
}

firmware_said() { # LOG
	tr -d '\r' <"$1" | sed -n 's/^.*hgloader: //p' | head -n 1
}

# An ordinary guest's secret is found, or the search is worth nothing.
check_secret() { # NAME
	local found=${figure[$1-found]:-none} log=/out/$1-console.log
	[ "$1" != cvm ] || log=$work/cvm.log
	if [ "$1" = cvm ]; then
		say "its firmware says: $(firmware_said "$log")"
		[[ $(firmware_said "$log") == *"hashes are right"* ]] || fail "its kernel was not checked"
	fi
	[ "$(answer "$log" planted)" = 0 ] || fail "it has hidden no secret"
	if [[ $1 == *cvm ]]; then
		say "its kernel says: $(answer "$log" sev)"
		[ "$(answer "$log" sev)" = "Memory Encryption Features active: AMD SEV" ] ||
			fail "it does not take itself for confidential"
		say "its secret, looked for in all memory of its VMM: found $found times"
		[ "$found" = 0 ] || fail "the host has found the secret"
	else
		say "its secret, looked for in all memory of its VMM: found $found times"
		[ "$found" -ge 256 ] 2>/dev/null || fail "the search cannot find what is there"
	fi
}

check_answers() { # NAME LOG DISK SHA256
	local log=$2
	say "kernel $(answer "$log" kernel), $(answer "$log" cpus) CPUs, clock $(answer "$log" clock)"
	[ "$(answer "$log" kernel)" = "$(uname -r)" ] || fail "another kernel than the one started"
	[ "$(answer "$log" cpus)" = 2 ] || fail "CPUs: $(answer "$log" cpus), want 2"
	if [ "$(answer "$log" read | cut -d' ' -f1)" = "$4" ]; then
		say "disk: read $half MiB, checksum right"
	else
		fail "disk: what it read has another checksum"
	fi
	if [ "$(tail -c $((half * mib)) "$3" | sha256sum | cut -d' ' -f1)" = "$4" ]; then
		say "disk: wrote $half MiB, all there"
	else
		fail "disk: what it wrote is not what is there"
	fi
	if [ "$(answer "$log" ping)" = 0 ]; then
		say "network: 3 pings, none lost"
	else
		fail "network: pings lost: $(answer "$log" ping) %"
	fi
	figure[$1-exits]=$(exits_of "$1")
}

exits_of() { # NAME: of all its processors
	grep -Eo '"exits": [0-9]+' "/out/$1-status.json" | awk '{ n += $2 } END { print n ? n : "-" }'
}

kernel=$(tools/hgbench kernel | sed -n 's/^vmlinuz //p')
# tsc_early_khz: a confidential guest has no kvmclock to tell it the TSC's frequency, and
# measuring it goes wrong under emulation; each look at the clock would be an exit then.
khz=$(awk '/^cpu MHz/ { printf "%d", $4 * 1000; exit }' /proc/cpuinfo)
append="$HG_APPEND quiet tsc=reliable tsc_early_khz=$khz"

stage "$(here "the L1 VM" "the bench"): $(nproc) CPUs, Linux $(uname -r)"
if ! { modprobe tun && build_initrd; }; then
	fail "cannot prepare the guests"
	exit 1
fi
figure[bench]=$(($(date +%s) - ${DEMO_BEGAN:-$(date +%s)}))
[ -n "$l1" ] || say "up after ${figure[bench]} s"

stage "${l1:+in L1: }insmod $HG_PROVIDER"
if ! hg_load; then
	fail "see above"
	dmesg | tail -n 5 | sed 's/^/      | /'
	exit 1
fi
if [ "$HG_PROVIDER" = hypergpu ]; then
	say "lsmod | grep -E 'hypergpu|kvm':"
	lsmod | grep -E 'hypergpu|kvm' | sed 's/^/      | /'
	! hg_loaded kvm || fail "a kvm module is loaded"
fi
ok

# boot_hgvmm NAME TAP INITRD [OPTION...]
boot_hgvmm() {
	local before=$failed
	make_disk "$work/$1.img"
	if make_tap "$2"; then
		boot "$1" vmm/build/hgvmm --dev "$HG_DEV" --kernel "$kernel" --initrd "$3" \
			--append "$append" --smp 2 --mem "$(here 256M 512M)" --disk "path=$work/$1.img" \
			--net "tap=$2" --reboot exit "${@:4}"
		ip link del "$2"
	else
		fail "no tap device"
	fi
	[ $failed -ne "$before" ] || ok
}

boot_qemu() {
	boot qemu qemu-system-x86_64 -nodefaults -no-user-config -display none -no-reboot \
		-machine q35,accel=kvm -cpu host -smp 2 -m 512M -serial stdio \
		-kernel "$kernel" -initrd "$work/initrd" -append "$append" \
		-drive "if=virtio,format=raw,file=$work/qemu.img" \
		-nic tap,ifname=tap1,script=no,downscript=no,model=virtio-net-pci
}

stage "${l1:+in L1: }hgvmm boots Debian's kernel${l1:+ as L2}: 2 CPUs, disk, network"
boot_hgvmm hgvmm tap0 "$work/initrd"

if [ -n "$l1" ] && [ -z "$quick" ]; then
	# shellcheck source=tests/demo/inference.sh
	. tests/demo/inference.sh
	inference_stages
elif [ -n "$l1" ]; then
	stage "in L1: hgvmm boots the same as a confidential L2, to which a secret is released"
	if build_hgattest; then
		boot_hgvmm hgcvm tap1 "$work/initrd-hgattest" --cvm
	else
		fail "cannot prepare the guest"
	fi
else
	stage "Debian's unmodified QEMU does the same: $(qemu-system-x86_64 --version | head -n 1)"
	before=$failed
	make_disk "$work/qemu.img"
	if make_tap tap1; then
		boot_qemu
		ip link del tap1
	else
		fail "no tap device"
	fi
	[ $failed -ne $before ] || ok
fi

if [ "$HG_PROVIDER" = hypergpu ] && [ -z "$quick" ]; then
	stage "${l1:+in L1: }Debian's libvirt starts a confidential $(here L2 VM): $(virsh --version)"
	before=$failed
	make_disk "$work/cvm.img"
	if make_tap tap2 && start_libvirt; then
		boot_cvm
		stop_libvirt
		ip link del tap2
	else
		fail "no tap device, or libvirtd does not answer"
	fi
	[ $failed -ne $before ] || ok
elif [ -z "$quick" ]; then
	stage "no confidential VM: $HG_PROVIDER has none here"
fi

stage "${l1:+in L1: }rmmod $HG_PROVIDER"
if hg_unload; then ok; else fail "it does not unload"; fi

echo
line() { printf '  %-44s %10s %10s %10s\n' "$@"; }
second=qemu
if [ -n "$l1" ]; then
	second=hgcvm
	line '' hgvmm 'hgvmm, CVM' "$([ "$quick" ] || echo 'QEMU, CVM')"
else
	line '' hgvmm QEMU 'QEMU, CVM'
fi
nothing=-
[ -z "$quick" ] || nothing=
line 'from start to the shell, seconds' \
	"${figure[hgvmm-boot]:--}" "${figure[$second-boot]:--}" "${figure[cvm-boot]:-$nothing}"
[ "$HG_PROVIDER" != hypergpu ] || line 'exits until then and at the shell' \
	"${figure[hgvmm-exits]:--}" "${figure[$second-exits]:--}" "${figure[cvm-exits]:-$nothing}"
line "the guest's secret, found by $(here "L1's root" "the host"), times" \
	"${figure[hgvmm-found]:--}" "${figure[$second-found]:-(below)}" "${figure[cvm-found]:-$nothing}"
for f in "${!figure[@]}"; do echo "$f ${figure[$f]}"; done >/out/figures
rm -rf "$work"
exit $((failed > 0))
