# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
# What run.sh and nested.sh share; they are in this directory.

HG_TOP=$(cd ../.. && pwd)

die() {
	echo "bench: $*" >&2
	exit 2
}

# Builds what is measured; sets vmlinuz.
prepare() {
	make -s initrd || die "the measured programs could not be built"
	vmlinuz=$("$HG_TOP/tools/hgbench" kernel | sed -n 's/^vmlinuz //p')
	[ -r "$vmlinuz" ] || die "hgbench has no kernel; run tools/hgbench fetch"
}

# report TABLE [UNIT]: the figures of $raw by that table, and as JSON into $json.
report() {
	echo
	awk -f figures.awk -f "$1" "$raw"
	awk -v date="$(date -u +%Y-%m-%dT%H:%M:%SZ)" \
		-v commit="$(git -C "$HG_TOP" rev-parse --short HEAD 2>/dev/null || echo unknown)" \
		-v unit="${2:-}" -f json.awk "$raw" >"$json" || die "cannot write $json"
	echo
	echo "figures: $json"
}
