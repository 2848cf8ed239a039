# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
# What the tests of nesting share, in the host and in its guest; after provider.sh.

bad=0	# something was wrong

fail() {
	echo "FAILED $*"
	bad=1
}

mount_debugfs() {
	mountpoint -q /sys/kernel/debug || mount -t debugfs none /sys/kernel/debug
}

counter() {
	cat "/sys/kernel/debug/hypergpu/$1"
}

# no_frames WHERE: none that only a VM has.
no_frames() {
	local c
	for c in vms frames_private frames_lent frames_control; do
		[ "$(counter $c)" = 0 ] || fail "$1: $c is $(counter $c), not 0"
	done
}

# The kernel's log tells of no fault.
clean_log() {
	local ours='refused (its|to|the)|frame refused|could not be destroyed'
	if dmesg | grep -E "WARNING:|BUG:|Oops|hypergpu: .*($ours)"; then
		fail "the kernel's log (above)"
	fi
}

# guest_initrd FILE [MORE...]: busybox, what stdin has as /init, and those files.
guest_initrd() {
	local file=$1 root
	shift
	root=$(mktemp -d /tmp/initrd.XXXXXX)
	mkdir "$root/bin"
	cp "$(command -v busybox)" "$root/bin/busybox" && cat >"$root/init" && chmod 755 "$root/init" &&
		{ [ $# -eq 0 ] || cp "$@" "$root/"; } &&
		(cd "$root" && find . | cpio --quiet -o -H newc) >"$file"
	local status=$?
	rm -rf "$root"
	return $status
}

# A confidential guest has no kvmclock that tells it the TSC's frequency.
guest_tsc() {
	awk '/^cpu MHz/ { printf "tsc=reliable tsc_early_khz=%d", $4 * 1000; exit }' /proc/cpuinfo
}
