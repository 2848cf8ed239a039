#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# hgctl's command line: exit statuses and what it refuses.

set -u -o pipefail
cd "$(dirname "$0")/../../.." || exit 1

hgctl=tools/build/hgctl
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
bad=0

run() { # WANTED-STATUS WANTED-TEXT ARGS...
	local want=$1 text=$2 rc=0
	shift 2
	"$hgctl" "$@" >"$root/out" 2>&1 </dev/null || rc=$?
	if [ $rc -ne "$want" ]; then
		echo "FAILED: hgctl $*: exit status $rc, want $want"
		sed 's/^/    /' "$root/out"
		bad=1
	elif ! grep -Fq -- "$text" "$root/out"; then
		echo "FAILED: hgctl $*: want '$text' in"
		sed 's/^/    /' "$root/out"
		bad=1
	else
		echo "ok: hgctl ${*//$root/ROOT}"
	fi
}

[ -x $hgctl ] || { echo "no $hgctl: run make first"; exit 1; }

run 0 'Usage: hgctl' --help
run 0 'hgctl 0.' --version
run 2 'which command'
run 2 "no command 'frob'" frob
run 2 'one command at a time' doctor status
run 2 'belong to status' doctor --watch
run 2 '--watch wants' status --watch=0
run 2 '--watch wants' status --watch=-1
run 2 '--watch wants' status --watch=4000000000
run 2 '--watch wants' status --watch=2x
run 2 '' doctor --frob
run 2 'none of the options of measure' status --smp 1

# measure: what it wants.
m=(measure --kernel "$root/kernel" --smp 2 --mem 32M --cpuid "$root/cpuid.json")
run 2 'needs --kernel' measure
run 2 'needs --smp' measure --kernel k
run 2 'needs --mem' measure --kernel k --smp 1
run 2 'needs --cpuid' measure --kernel k --smp 1 --mem 32M
run 2 'belong to status' "${m[@]}" --all
for n in 0 65 -1 1x ''; do run 2 '--smp wants' "${m[@]}" --smp "$n"; done
for n in 0 14M 33M 4098G 99999999999999999999 32X 32MM -32M M ''; do
	run 2 '--mem wants' "${m[@]}" --mem "$n"
done
for n in 4294967296 -1 x ''; do run 2 '--policy wants' "${m[@]}" --policy "$n"; done
run 2 'SEV-ES' "${m[@]}" --policy 5
run 2 '--irqchip wants' "${m[@]}" --irqchip off

# The least that is a bzImage of 64 bits: header fields as in the boot protocol.
poke() { # OFFSET BYTES
	# shellcheck disable=SC2059 # the escapes are the point
	printf "$2" | dd of="$root/kernel" bs=1 seek=$(($1)) conv=notrunc 2>/dev/null
}
run 1 "--kernel $root/kernel: No such file" "${m[@]}"
truncate -s 5000 "$root/kernel"
poke 0x1f1 '\003'				# setup_sects
poke 0x200 '\353\146HdrS\014\002'		# jump, signature, version 2.12
poke 0x22c '\377\377\377\177\000\000\020'	# initrd_addr_max, kernel_alignment
poke 0x234 '\001\000\001'			# relocatable, XLF_KERNEL_64
poke 0x238 '\377\007'				# cmdline_size
poke 0x25a '\020'				# pref_address: 1 MiB
poke 0x261 '\020'				# init_size
run 1 "--cpuid $root/cpuid.json: No such file" "${m[@]}"
echo '{"c_bit":47,"vcpus":[[[0,0,0,13,1,2,3],[1,0,0,4,5,6,7]]]}' >"$root/cpuid.json"
run 1 'it is for --smp 1, not 2' "${m[@]}"
echo '{"c_bit":47,"vcpus":[[[0,0,0,13,1,2,3],[1,0,0,4,5,6,7]],[]]}' >"$root/cpuid.json"
run 1 '--initrd /dev/null' "${m[@]}" --initrd /dev/null
run 1 'neither a Linux bzImage nor an ELF' "${m[@]}" --kernel README.md
truncate -s 31M "$root/initrd"
run 1 'raise --mem' "${m[@]}" --initrd "$root/initrd"

# A digest that ever changes without docs/launch-digest.md is a mistake: owners keep them.
pinned=8c2977928407a5b78a53e51e2f0e906183db8e29da91f6f1a005dccd04558a96
run 0 $pinned "${m[@]}" --append 'console=ttyS0'
run 0 '"smp": 2' "${m[@]}" --append 'console=ttyS0' --json
run 0 $pinned "${m[@]}" --append 'console=ttyS0' --json
run 0 $pinned "${m[@]}" --append 'console=ttyS0' --irqchip on --policy 0x1
# QEMU's: a flash of two pages that wants the table of hashes at 0x1ff0, across a page's end.
truncate -s 8192 "$root/flash"
flash() { # OFFSET BYTES
	# shellcheck disable=SC2059
	printf "$2" | dd of="$root/flash" bs=1 seek=$(($1)) conv=notrunc 2>/dev/null
}
q=("${m[@]}" --append 'console=ttyS0' --firmware "$root/flash")
run 1 'no place for hashes' "${q[@]}"
flash 0x1fb4 '\360\037\0\0\0\020\0\0\032\0\037\067\125\162\073\072\004\113\222\173\035\246\357\250\324\124'
flash 0x1fce '\054\0\336\202\265\226\262\037\367\105\272\352\243\146\305\132\010\055'
run 0 d4cacd53b1336afac1759b197dedff3e9373920eb7432750b99a1403bc2e982e "${q[@]}"
run 0 '"firmware": {' "${q[@]}" --json
flash 0x1fb8 '\257\0'				# 175 bytes: too few
run 1 'no place for hashes' "${q[@]}"
flash 0x1fb8 '\0\020'
flash 0x1fce '\021\0'				# shorter than its head
run 1 'no place for hashes' "${q[@]}"
flash 0x1fce '\377\377'			# longer than the flash
run 1 'no place for hashes' "${q[@]}"
truncate -s 8193 "$root/flash"
run 1 'in pages of 4 KiB' "${q[@]}"

differs() { # OPTION...: another digest
	run 0 '' "${m[@]}" --append 'console=ttyS0' "$@"
	if grep -q $pinned "$root/out"; then
		echo "FAILED: $* changes nothing"
		bad=1
	fi
}
differs --append 'console=ttyS1'
differs --policy 3
differs --irqchip split
differs --mem 34M
differs --mem 5G
differs --initrd README.md

# An empty machine lacks everything, and that is no crash.
run 1 'Not ready' doctor --root "$root"
run 1 '"ready": false' doctor --json --root "$root"
run 1 'not loaded' status --root "$root"

mkdir -p "$root/proc"
cat >"$root/cpuid" <<'END'
0 0 d 68747541 444d4163 69746e65
1 0 0 0 4000000 0
80000000 0 8000000a 0 0 0
80000001 0 0 0 4 100000
8000000a 0 1 10 0 1
END
run 0 'Ready:' doctor --root "$root"
run 0 '"ready": true' doctor --json --root "$root"
export HGCTL_ROOT=$root
run 0 'Ready:' doctor
echo 'hypergpu 1 0 - Live 0x0' >"$root/proc/modules"
run 1 'debugfs' status
mkdir -p "$root/sys/kernel/debug/hypergpu/vm-1-2/vcpu0"
echo 5 >"$root/sys/kernel/debug/hypergpu/vm-1-2/vcpu0/exits"
run 0 'vm-1-2: process 1 (?), 1 vCPU' status
run 0 '"exits": 5' status --json
unset HGCTL_ROOT
exit $bad
