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

# report RAW JSON TABLE [UNIT]: the figures of RAW by that table, and as JSON.
report() {
	echo
	awk -f figures.awk -f "$3" "$1"
	awk -v date="$(date -u +%Y-%m-%dT%H:%M:%SZ)" \
		-v commit="$(git -C "$HG_TOP" rev-parse --short HEAD 2>/dev/null || echo unknown)" \
		-v unit="${4:-}" -f json.awk "$1" >"$2" || die "cannot write $2"
	echo
	echo "figures: $2"
}
