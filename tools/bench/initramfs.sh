# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# The bench's initramfs: a static busybox, the few modules needed to reach the
# 9p root, and bench/init. Built once for each content and kept in the cache;
# what differs from run to run travels in a second small archive (run_archive).

# Loaded by bench/init in this order, after what they depend on.
INITRAMFS_MODULES="virtio_pci virtio_console 9pnet_virtio 9p overlay"

# Static busybox of this machine, whatever its package calls it.
find_busybox() {
	local b

	for b in /bin/busybox /usr/bin/busybox /bin/busybox.static; do
		[[ -x $b ]] || continue
		[[ $(LC_ALL=C ldd "$b" 2>&1) =~ not\ a\ dynamic|statically\ linked ]] || continue
		echo "$b"
		return 0
	done
	die "no static busybox found: install the package busybox-static"
}

# module_closure NAME...: paths, relative to the modules directory, of the
# modules and all that they need, each after its dependencies.
module_closure() {
	local name line deps dep
	local -A seen=()

	for name; do
		line=$(grep -E "(^|/)${name//_/[_-]}\.ko:" "$KERNEL_MODULES/modules.dep") || {
			# Not a module: built into this kernel, or missing from it.
			grep -qE "/${name//_/[_-]}\.ko$" "$KERNEL_MODULES/modules.builtin" && continue
			die "kernel $KERNEL_RELEASE has no module $name"
		}
		# modules.dep lists the dependencies so that the last comes first.
		deps=$(tr ' ' '\n' <<<"${line#*:}" | sed '/^$/d' | tac)
		for dep in $deps "${line%%:*}"; do
			[[ -n ${seen[$dep]:-} ]] && continue
			seen[$dep]=1
			echo "$dep"
		done
	done
}

# Prints the path of the base archive, building it if need be.
initramfs_base() {
	local busybox hash out work mod

	busybox=$(find_busybox) || exit "$EX_BENCH"
	hash=$(cat "$busybox" "$BENCHDIR/init" "$BENCHDIR/splat" "$BENCHDIR/initramfs.sh" \
		   "$KERNEL_MODULES/modules.dep" | sha256sum | cut -c 1-16)
	out=$CACHE/initramfs-$hash.cpio
	if [[ ! -r $out ]]; then
		[[ -w $CACHE ]] || {
			# Inside the bench the cache is reached read-only; an
			# initramfs of other content is then built for this run.
			out=$RUNDIR/base.cpio
		}
		[[ -w $CACHE ]] && find "$CACHE" -maxdepth 1 -name "initramfs-*.cpio" -mtime +7 -delete
		work=$(mktemp -d "${TMPDIR:-/tmp}/hgbench.XXXXXX") || exit "$EX_BENCH"
		mkdir -p "$work/root/bin" "$work/root/mod"
		cp "$busybox" "$work/root/bin/busybox"
		cp "$BENCHDIR/init" "$BENCHDIR/splat" "$work/root/"
		chmod 755 "$work/root/init"
		# shellcheck disable=SC2086 # a list of words
		module_closure $INITRAMFS_MODULES >"$work/mods" || exit "$EX_BENCH"
		while read -r mod; do
			cp "$KERNEL_MODULES/$mod" "$work/root/mod/" || exit "$EX_BENCH"
			echo "${mod##*/}"
		done <"$work/mods" >"$work/root/mod/order"
		pack_archive "$work/root" >"$work/base.cpio" &&
			cp "$work/base.cpio" "$out.$$" && mv "$out.$$" "$out" ||
			die "cannot build the initramfs"
		rm -rf "$work"
	fi
	echo "$out"
}

# pack_archive DIR: its content as a newc archive on stdout.
pack_archive() {
	(cd "$1" && find . -mindepth 1 | LC_ALL=C sort |
		"$(find_busybox)" cpio -o -H newc -R 0:0) 2>/dev/null
}
