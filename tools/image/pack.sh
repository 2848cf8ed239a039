# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# From the two trees to files whose bytes depend on nothing else: no owners, one time, names in
# order, and a salt of dm-verity that is the hash of what it salts.

BLOCK=4096

pack_image() {
	local image=$WORK/image

	cp --no-preserve=all "$KERNEL" "$image/vmlinuz" || die "$KERNEL: cannot be copied"
	pack_root "$image/root.img"
	cp "$WORK/verity" "$WORK/initrd/verity"
	pack_initrd "$image/initrd"
	echo "console=ttyS0 panic=-1 quiet" >"$image/cmdline"
	write_manifest "$image" >"$image/manifest.json" || die "no manifest"
}

# The file system, and behind it the hashes. $WORK/verity: root hash, salt, blocks.
pack_root() {
	local size salt hash

	# The order of the entries of a folder must not show.
	mkdir "$WORK/sorted" && (cd "$WORK/root" && find . -print0 | sort -z |
		cpio --quiet --null -pdm "$WORK/sorted") || die "the root cannot be sorted"
	find "$WORK/sorted" -exec touch -h -d "@$EPOCH" {} +
	mkfs.erofs --quiet -x-1 -T "$EPOCH" --all-root -U 00000000-0000-4000-8000-000000000000 \
		"$1" "$WORK/sorted" >"$WORK/mkfs.log" 2>&1 || {
		cat "$WORK/mkfs.log" >&2
		die "mkfs.erofs failed"
	}
	size=$(stat -c %s "$1")
	size=$(((size + BLOCK - 1) / BLOCK * BLOCK))
	truncate -s $size "$1"
	salt=$(sha256sum <"$1" | cut -d' ' -f1)
	veritysetup format --no-superblock --data-blocks=$((size / BLOCK)) --hash-offset=$size \
		--salt="$salt" --root-hash-file="$WORK/hash" "$1" "$1" >/dev/null ||
		die "veritysetup failed"
	hash=$(cat "$WORK/hash")
	[[ $hash =~ ^[0-9a-f]{64}$ ]] || die "veritysetup gave no root hash"
	echo "$hash $salt $((size / BLOCK))" >"$WORK/verity"
}

pack_initrd() {
	find "$WORK/initrd" -exec touch -h -d "@$EPOCH" {} +
	(cd "$WORK/initrd" && find . -print0 | sort -z |
		cpio --quiet --null -o -H newc --reproducible --owner 0:0) >"$1" || die "no initrd"
}

write_manifest() { # IMAGE
	local f

	for f in vmlinuz initrd root.img cmdline; do
		echo "$f $(stat -c %s "$1/$f") $(sha256sum <"$1/$f" | cut -d' ' -f1)"
	done >"$WORK/image-files"
	(cd "$WORK/root" && find . -type f -print0 | sort -z | xargs -0 sha256sum) |
		sed 's|  \./|  /|' >"$WORK/root-files"
	jq -n --rawfile packages <(sort -u "$WORK/packages") --rawfile image "$WORK/image-files" \
		--rawfile sources <(sort "$WORK/sources") --rawfile root "$WORK/root-files" \
		--rawfile verity "$WORK/verity" --arg kernel "${MODULES##*/}" --arg epoch "$EPOCH" '
		def lines(f): split("\n") | map(select(. != "") | f);
		{ version: 1, type: "hypergpu-image", kernel: $kernel, epoch: ($epoch | tonumber),
		  image: ($image | lines(split(" ") | { (.[0]): { size: (.[1] | tonumber), sha256: .[2] } }) | add),
		  verity: ($verity | rtrimstr("\n") | split(" ") |
			{ root_hash: .[0], salt: .[1], blocks: (.[2] | tonumber) }),
		  packages: ($packages | lines(split(" ") | { name: .[0], version: .[1], architecture: .[2] } +
			if .[3] == "-" then {} else { sha256: .[3] } end)),
		  files: ($sources | lines(split(" ") | { tree: .[0], path: .[1], sha256: .[2] })),
		  root: ($root | lines({ (.[66:]): .[:64] }) | add) }'
}
