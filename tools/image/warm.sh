# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What PoCL compiles of a program's kernels, made by running the program on the image's own root,
# with nothing of this system's: as root of a user namespace, so without any privilege here.

POCL_AT=/usr/share/hypergpu/pocl	# in the image

warm_cache() {
	local root=$WORK/warm cache=$WORK/warm/run/pocl

	cp -a "$WORK/root" "$root" && mkdir -p "$cache" || die "cannot write to $WORK"
	add_files "$root" ${WARM_FILES[@]+"${WARM_FILES[@]}"}
	# shellcheck disable=SC2016 # the inner shells expand it
	HG_ROOT=$root HG_COMMAND=$WARM unshare --user --map-root-user --mount --pid --fork \
		/bin/sh -c '
		for d in dev sys; do mount --rbind /$d "$HG_ROOT/$d" || exit; done
		mount -t proc proc "$HG_ROOT/proc" || exit
		exec env -i PATH=/usr/bin:/usr/sbin HOME=/tmp TMPDIR=/tmp POCL_CACHE_DIR=/run/pocl \
			chroot "$HG_ROOT" /bin/busybox env LD_PRELOAD=/usr/lib/hypergpu/pin.so \
			/bin/busybox sh -c "$HG_COMMAND"' >"$WORK/warm.log" 2>&1 || {
		tail -n 20 "$WORK/warm.log" >&2
		die "the command of --warm failed"
	}
	# What PoCL writes for itself only: when a program was used, and files it left.
	find "$cache" \( -name last_accessed -o -name 'tempfile*' \) -delete
	[ -n "$(find "$cache" -name '*.so')" ] || die "the command of --warm had PoCL compile nothing"
	mkdir -p "$WORK/root$POCL_AT" && cp -r --no-preserve=all "$cache/." "$WORK/root$POCL_AT/" ||
		die "what was compiled cannot be copied"
}
