#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# tools/kconfig: what it writes, and what it refuses without changing a file.

set -u -o pipefail
cd "$(dirname "$0")/../../.." || exit 1

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export KCONFIG=$dir/Kconfig KCONFIG_CONFIG=$dir/config
k=tools/kconfig
bad=0

expect() { # WHAT: standard input must equal the file $dir/got
	if ! diff -u - "$dir/got"; then
		echo "FAILED: $1"
		bad=1
	else
		echo "ok: $1"
	fi
}

refuse() { # MESSAGE COMMAND...
	local want=$1 before
	shift
	before=$(cat "$KCONFIG_CONFIG" 2>/dev/null)
	if "$@" >"$dir/got" 2>&1; then
		echo "FAILED: accepted: $*"
		bad=1
	elif ! grep -Fq -- "$want" "$dir/got"; then
		echo "FAILED: $*: want '$want', got: $(cat "$dir/got")"
		bad=1
	elif [ "$before" != "$(cat "$KCONFIG_CONFIG" 2>/dev/null)" ]; then
		echo "FAILED: $*: refused, but changed .config"
		bad=1
	else
		echo "ok: refused: ${*#"$PWD/"}"
	fi
}

cat >"$KCONFIG" <<'END'
# a comment
config FLAG
	bool "A flag"
	default n
	help
	  About the flag.

config COUNT
	int "A number"
	default 64
	range 1 255

config NAME
	string "A name"
	default "hyper gpu"
END

$k args >"$dir/got"
expect "defaults without .config, for make" <<'END'
CONFIG_FLAG=
CONFIG_COUNT=64
CONFIG_NAME=hyper gpu
END

refuse 'there is no option NONE' $k set NONE=y
refuse 'COUNT must be between 1 and 255' $k set COUNT=256
refuse 'COUNT must be between 1 and 255' $k set COUNT=0
refuse 'COUNT is a number' $k set COUNT=-1
refuse 'COUNT is a number' $k set COUNT=
refuse 'FLAG is y or n' $k set FLAG=m
refuse 'quotes' $k set 'NAME=a"b'
refuse 'NAME=VALUE' $k set FLAG
[ ! -e "$KCONFIG_CONFIG" ] || { echo "FAILED: a refused set made .config"; bad=1; }

$k set FLAG=y COUNT=255 >/dev/null
cp "$KCONFIG_CONFIG" "$dir/got"
expect "set writes every option" <<'END'
CONFIG_FLAG=y
CONFIG_COUNT=255
CONFIG_NAME="hyper gpu"
END

$k args >"$dir/got"
expect "what was set, for make" <<'END'
CONFIG_FLAG=y
CONFIG_COUNT=255
CONFIG_NAME=hyper gpu
END

echo 'CONFIG_GONE=1' >>"$KCONFIG_CONFIG"
refuse 'there is no option GONE' $k check
refuse 'there is no option GONE' $k set FLAG=n
sed -i '$d' "$KCONFIG_CONFIG"
echo 'rubbish' >>"$KCONFIG_CONFIG"
refuse 'cannot read "rubbish"' $k check

$k defconfig >/dev/null
cp "$KCONFIG_CONFIG" "$dir/got"
expect "defconfig brings the defaults back, whatever .config held" <<'END'
# CONFIG_FLAG is not set
CONFIG_COUNT=64
CONFIG_NAME="hyper gpu"
END
exit $bad
