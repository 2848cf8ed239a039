#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# docs/kvm-abi.md lists the ioctls and capabilities that the Linux half handles:
# no fewer, no more.

# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

out=build/static/kvm-abi
mkdir -p $out

# All ioctls there are, by the kernel's header.
echo '#include <linux/kvm.h>' | gcc -E -dM - |
	sed -n 's/^#define \(KVM_[A-Z0-9_]*\) _IO.*/\1/p' | sort -u >$out/all
grep -hoE 'case KVM_[A-Z0-9_]+|cmd == KVM_(RUN|GET_SUPPORTED_CPUID)' kmod/linux/*.c | awk '{ print $NF }' | sort -u |
	comm -12 - $out/all >$out/code.ioctls
sed -n '/^## Of the device/,/^## Capabilities/s/^| \(`KVM_[^|]*\)|.*/\1/p' docs/kvm-abi.md |
	grep -oE 'KVM_[A-Z0-9_]+' | sort -u >$out/page.ioctls
diff -u $out/code.ioctls $out/page.ioctls || complain "ioctls differ: - in the code, + on the page"

grep -oE '\{ KVM_CAP_[A-Z0-9_]+|cap == KVM_CAP_[A-Z0-9_]+' kmod/linux/cap.c |
	grep -oE 'KVM_CAP_[A-Z0-9_]+' | sort -u >$out/code.caps
sed -n '/^## Capabilities/,$s/^| `\(KVM_CAP_[A-Z0-9_]*\)` |.*/\1/p' docs/kvm-abi.md |
	sort -u >$out/page.caps
diff -u $out/code.caps $out/page.caps || complain "capabilities differ: - in the code, + on the page"
verdict "$(cat $out/code.* | wc -l)" kvm-abi
