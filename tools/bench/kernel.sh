# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# The bench's kernel: Debian's linux-image package, downloaded and unpacked
# under the cache directory and never installed on the machine itself.
#
# Cache layout ($CACHE):
#   lock                    flock(2) taken while anything below is created
#   kernel -> RELEASE       which unpacked kernel is used
#   RELEASE/boot/vmlinuz    as packaged
#   RELEASE/boot/vmlinux    the same kernel, decompressed (see unpack_vmlinux)
#   RELEASE/lib/modules/RELEASE   modules, with depmod's indexes
#   initramfs-HASH.cpio     see initramfs.sh

# Fills KERNEL_RELEASE, KERNEL_BZIMAGE, KERNEL_VMLINUX, KERNEL_MODULES from
# the cache. Fails, saying nothing, when no kernel is unpacked there.
kernel_locate() {
	local dir

	dir=$(readlink "$CACHE/kernel") || return 1
	KERNEL_RELEASE=$dir
	KERNEL_BZIMAGE=$CACHE/$dir/boot/vmlinuz
	KERNEL_VMLINUX=$CACHE/$dir/boot/vmlinux
	KERNEL_MODULES=$CACHE/$dir/lib/modules/$dir
	[[ -r $KERNEL_VMLINUX && -r $KERNEL_MODULES/modules.dep ]]
}

# Makes sure that a kernel is unpacked; fetches it when there is none.
kernel_require() {
	kernel_locate && return 0
	cache_lock
	# Someone else may have finished the job while we waited for the lock.
	kernel_locate || kernel_fetch
	cache_unlock
	kernel_locate || die "the kernel in $CACHE is incomplete; remove that directory and try again"
}

# Name of the package that Debian's linux-image-amd64 depends on today.
kernel_package() {
	local pkg

	command -v apt-cache >/dev/null ||
		die "apt-cache not found: the bench takes its kernel from Debian's archive." \
		    "On another system, pass a linux-image package with --deb FILE"
	pkg=$(apt-cache depends --important linux-image-amd64 2>/dev/null |
	      sed -n 's/^ *Depends: \(linux-image-[0-9][^ ]*\)$/\1/p' | head -n 1)
	[[ -n $pkg ]] ||
		die "apt does not know linux-image-amd64. Run 'apt-get update' as root" \
		    "(or pass a linux-image package with --deb FILE)"
	echo "$pkg"
}

# Downloads (or takes from --deb) and unpacks; called with the lock held.
kernel_fetch() {
	local work deb pkg log

	need dpkg-deb dpkg
	need xz xz-utils
	need depmod kmod
	work=$(mktemp -d "$CACHE/fetch.XXXXXX") || die "cannot write to $CACHE"
	on_exit "rm -rf $(quote "$work")"
	deb=$DEB
	if [[ -z $deb ]]; then
		pkg=$(kernel_package) || exit "$EX_BENCH"
		note "downloading $pkg from Debian's archive (about 70 MB, once)"
		log=$work/apt.log
		# apt checks the package against the archive's signed index; its
		# 'unsandboxed as root' warning is about file ownership only.
		(cd "$work" && apt-get -q download "$pkg") >"$log" 2>&1 || {
			cat "$log" >&2
			die "apt-get could not download $pkg (network, or run 'apt-get update' first);" \
			    "or pass the package with --deb FILE"
		}
		deb=$(find "$work" -maxdepth 1 -name '*.deb' -print -quit)
	fi
	[[ -r $deb ]] || die "$deb: cannot read the package"
	kernel_unpack "$deb" "$work"
	rm -rf "$work"
}

# kernel_unpack DEB WORK: unpacks into WORK, checks, renames into the cache.
kernel_unpack() {
	local deb=$1 work=$2 tree=$2/tree image release

	note "unpacking ${deb##*/}"
	dpkg-deb -x "$deb" "$tree" && dpkg-deb -e "$deb" "$work/control" ||
		die "$deb: not a sound Debian package"
	# A full disk or a killed dpkg-deb leaves truncated files: check them all.
	(cd "$tree" && md5sum --quiet --check "$work/control/md5sums") >&2 ||
		die "$deb: unpacked files do not match the package's checksums (disk full?)"
	image=$(find "$tree/boot" -name 'vmlinuz-*' -print -quit)
	release=${image##*/vmlinuz-}
	[[ -n $image && -d $tree/lib/modules/$release/kernel ]] ||
		die "$deb: holds no kernel image with modules (is it a linux-image package?)"
	mv "$image" "$tree/boot/vmlinuz"
	unpack_vmlinux "$tree/boot/vmlinuz" "$tree/boot/vmlinux"
	depmod -b "$tree" "$release" || die "depmod failed on the unpacked modules"
	chmod -R a+rX "$tree"
	rm -rf "${CACHE:?}/$release"
	mv "$tree" "$CACHE/$release"
	ln -sfn "$release" "$CACHE/kernel.new" && mv -T "$CACHE/kernel.new" "$CACHE/kernel"
}

# le_field FILE OFFSET SIZE: an unsigned little-endian field, in decimal.
le_field() {
	od -An -v "-tu$3" -j "$2" -N "$3" "$1" | tr -d ' \n'
}

# unpack_vmlinux BZIMAGE OUT: takes the ELF kernel out of a bzImage.
#
# Entering the decompressed kernel by its PVH note saves the XZ decompressor,
# which costs an emulated processor three seconds, longer than all the rest of
# the boot. Offsets: Documentation/x86/boot.rst, 'The Real-Mode Kernel Header'.
unpack_vmlinux() {
	local bz=$1 out=$2 sects off len start

	[[ $(le_field "$bz" 514 4) == 1400005704 ]] ||	# "HdrS"
		die "$bz: not a Linux bzImage"
	sects=$(le_field "$bz" 497 1)
	off=$(le_field "$bz" 584 4)
	len=$(le_field "$bz" 588 4)
	# The last four bytes of the payload are its unpacked size, not XZ data.
	start=$(((sects + 1) * 512 + off))
	head -c $((start + len - 4)) "$bz" | tail -c +$((start + 1)) |
		xz -dc >"$out" || die "$bz: the payload is not an XZ stream"
	[[ $(head -c 4 "$out" | od -An -tx1 | tr -d ' ') == 7f454c46 ]] ||
		die "$bz: the payload is not an ELF kernel"
}
