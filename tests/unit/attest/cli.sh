#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The command lines of hgattest and hgverify: exit statuses and what they refuse.

set -u -o pipefail
cd "$(dirname "$0")/../../.." || exit 1

bin=$PWD/attest/build
vectors=$PWD/tests/unit/attest/vectors
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
bad=0

run() { # WANTED-STATUS WANTED-TEXT PROGRAM ARGS...
	local want=$1 text=$2 program=$3 rc=0
	shift 3
	"$bin/$program" "$@" >"$root/out" 2>&1 </dev/null || rc=$?
	if [ $rc -ne "$want" ]; then
		echo "FAILED: $program $*: exit status $rc, want $want"
		sed 's/^/    /' "$root/out"
		bad=1
	elif [ -n "$text" ] && ! grep -Fq -- "$text" "$root/out"; then
		echo "FAILED: $program $*: want '$text' in"
		sed 's/^/    /' "$root/out"
		bad=1
	else
		echo "ok: $program ${*//$root/ROOT}"
	fi
}

[ -x "$bin/hgattest" ] && [ -x "$bin/hgverify" ] || { echo "no $bin/hgattest: run make first"; exit 1; }

nonce=$(printf '%064d' 7)
run 0 'Usage: hgattest' hgattest --help
run 0 'hgattest 0.' hgattest --version
run 2 'which command' hgattest
run 2 "no command 'frob'" hgattest frob
run 2 'one command at a time' hgattest ak key
run 2 'one command at a time' hgattest ak --open f
run 2 'ak needs --out' hgattest ak
run 2 'enrol needs --ak' hgattest enrol --out f
run 2 'activate needs --challenge' hgattest activate --ak f --out g
run 2 'report needs --nonce' hgattest report --key f --out g
run 2 'report needs --key' hgattest report --nonce "$nonce" --out g
run 2 'report needs --out' hgattest report --nonce "$nonce" --key f
run 2 'gather needs --nonce' hgattest gather --ak f --out g
run 2 '--report and --key together' hgattest gather --nonce "$nonce" --ak f --out g --report r
run 2 'open needs --open' hgattest open --key k --out o
run 2 'open needs --key' hgattest --open f --out o
run 2 '--root is tpm or software' hgattest ak --out f --root hardware
for n in 0 3601 -1 1x ''; do run 2 '--tpm-timeout wants' hgattest ak --out f --tpm-timeout "$n"; done
for n in '' x 24 0-24 5-4 '1,' ',1' 1-; do run 2 '--pcrs wants' hgattest gather --pcrs "$n"; done
run 2 '--nonce wants' hgattest report --nonce 00 --key f --out g
run 2 '--nonce wants' hgattest report-data --nonce 00 --key f
run 2 '--nonce wants' hgattest gather --nonce 00 --ak f --out g
run 1 'No such file' hgattest gather --nonce "$nonce" --ak "$root/none" --out g
run 1 'p256 only' hgattest ak --root software --type p384 --out "$root/ak"
run 1 'cannot write' hgattest key --out "$root/none/key"
echo 'not a key' >"$root/text"
run 1 'not a key in PEM' hgattest report-data --nonce "$nonce" --key "$root/text"
run 1 'not a private key' hgattest --open "$root/text" --key "$root/text" --out "$root/o"
run 0 '' hgattest key --out "$root/key" --public "$root/pub"
run 1 'this is no confidential VM of HyperGPU' hgattest report --nonce "$nonce" --key "$root/pub" --out "$root/o"
run 0 '' hgattest key --out /dev/null
[ -c /dev/null ] || { echo "FAILED: /dev/null was replaced"; bad=1; }
mkdir "$root/dir"
run 1 'cannot write' hgattest key --out "$root/dir"
[ -d "$root/dir" ] && [ -z "$(ls "$root/dir")" ] || { echo "FAILED: a folder was changed"; bad=1; }
run 1 'five parts' hgattest --open "$root/text" --key "$root/key" --out "$root/o"
run 1 'not a private key' hgattest --open "$root/text" --key "$root/pub" --out "$root/o"
[ ! -e "$root/o" ] || { echo "FAILED: something was written"; bad=1; }

run 0 'Usage: hgverify' hgverify --help
run 0 'hgverify 0.' hgverify --version
run 2 'one of --evidence' hgverify
run 2 'one of --evidence' hgverify --evidence e --enrol r
run 2 'needs --nonce and --policy' hgverify --evidence e
run 2 '--release needs' hgverify --evidence e --nonce "$nonce" --policy p --release s
run 2 '--out is where' hgverify --evidence e --nonce "$nonce" --policy p --out s
run 2 'come together' hgverify --evidence e --nonce "$nonce" --policy p --ear j
run 2 '--new-nonce needs --nonces' hgverify --new-nonce
run 2 '--enrol needs' hgverify --enrol r
run 2 '--enrol-finish needs' hgverify --enrol-finish r
run 2 '--crls goes with' hgverify --enrol-finish r --state s --out o --crls c
run 2 'is not an option' hgverify frob
run 2 '--time wants' hgverify --new-nonce --nonces d --time x
e=(--evidence "$vectors/evidence.json" --nonce "$nonce")
more=(--reference "$vectors/reference.json" --enrolled "$vectors/enrolled.json")
run 2 '--nonce wants' hgverify --evidence e --nonce 0011 --policy "$vectors/policy.json"
run 3 'No such file' hgverify "${e[@]}" --policy "$root/none"
run 3 'not JSON' hgverify "${e[@]}" --policy "$root/text"
run 3 'unknown member' hgverify "${e[@]}" --policy "$vectors/evidence.json"
run 3 'unknown member "ak_name"' hgverify "${e[@]}" --policy "$vectors/policy.json" --reference "$vectors/enrolled.json"
run 1 'No such file' hgverify --evidence "$root/none" --nonce "$nonce" --policy "$vectors/policy.json"
run 10 'not JSON' hgverify --evidence "$root/text" --nonce "$nonce" --policy "$vectors/policy.json"
run 11 'there is none in the policy' hgverify "${e[@]}" --policy "$vectors/policy.json"
run 0 PASSED hgverify "${e[@]}" --policy "$vectors/policy.json" "${more[@]}"
run 0 '"passed": true' hgverify "${e[@]}" --policy "$vectors/policy.json" "${more[@]}" --json
run 1 'No such file' hgverify "${e[@]}" --policy "$vectors/policy.json" "${more[@]}" --release "$root/none" --out o
run 1 'not a private key' hgverify "${e[@]}" --policy "$vectors/policy.json" "${more[@]}" \
	--ear "$root/o" --ear-key "$root/text" --release "$root/text" --out "$root/o"
[ ! -e "$root/o" ] || { echo "FAILED: something was written"; bad=1; }

# Reference values as CoRIM, signed and not.
e+=(--policy "$vectors/policy.json" --enrolled "$vectors/enrolled.json")
run 0 PASSED hgverify "${e[@]}" --reference "$vectors/reference.corim"
run 0 PASSED hgverify "${e[@]}" --reference "$vectors/reference-signed.corim" \
	--reference-key "$vectors/reference-key.pem"
run 3 'no key to check it with' hgverify "${e[@]}" --reference "$vectors/reference-signed.corim"
run 3 'nothing else is taken' hgverify "${e[@]}" --reference "$vectors/reference.corim" \
	--reference-key "$vectors/reference-key.pem"
run 3 'nothing else is taken' hgverify "${e[@]}" --reference "$vectors/reference.json" \
	--reference-key "$vectors/reference-key.pem"
run 0 '' hgattest key --out "$root/signer" --public "$root/signer.pub"
run 0 '' hgverify --to-corim "$vectors/reference.json" --sign-key "$root/signer" --signer me --out "$root/ours"
run 0 PASSED hgverify "${e[@]}" --reference "$root/ours" --reference-key "$root/signer.pub"
run 3 'does not verify' hgverify "${e[@]}" --reference "$root/ours" --reference-key "$vectors/reference-key.pem"
run 0 '' hgverify --to-corim "$vectors/reference.json" --out "$root/ours"
cmp -s "$root/ours" "$vectors/reference.corim" || { echo "FAILED: another CoRIM than the kept one"; bad=1; }
rm "$root/ours"
run 3 'unknown member' hgverify --to-corim "$vectors/policy.json" --out "$root/ours"
run 3 'not a private key' hgverify --to-corim "$vectors/reference.json" --sign-key "$root/signer.pub" --signer me \
	--out "$root/ours"
[ ! -e "$root/ours" ] || { echo "FAILED: something was written"; bad=1; }
run 2 '--to-corim needs --out' hgverify --to-corim "$vectors/reference.json"
run 2 'come together' hgverify --to-corim r --out o --sign-key k
run 2 'go with --to-corim' hgverify --new-nonce --nonces d --sign-key k --signer s
run 2 '--reference-key goes with' hgverify "${e[@]}" --reference-key k

# A boot by its files, and by the log of a machine that was kept.
run 2 '--boot-reference needs' hgverify --boot-reference --out "$root/o"
run 2 '--boot-reference needs' hgverify --boot-reference --kernel k
run 2 'need --kernel' hgverify --boot-reference --firmware-log l --initrd i --out "$root/o"
run 2 'is for --boot-reference' hgverify --new-nonce --nonces d --kernel k
run 2 'one of --evidence' hgverify --boot-reference --new-nonce --nonces d
run 3 'No such file' hgverify --boot-reference --kernel "$root/none" --out "$root/o"
run 3 'not a PE image' hgverify --boot-reference --kernel "$root/text" --out "$root/o"
run 3 'first event' hgverify --boot-reference --firmware-log "$root/text" --out "$root/o"
[ ! -e "$root/o" ] || { echo "FAILED: something was written"; bad=1; }
jq -r .boot_log "$vectors/ovmf-evidence.json" | base64 -d >"$root/log"
run 3 '1 to 32 bytes' hgverify --boot-reference --firmware-log "$root/log" --out "$root/o" \
	--name 'a name that is longer than 32 bytes'
run 0 '' hgverify --boot-reference --firmware-log "$root/log" --name OVMF --out "$root/firmware"
e_ovmf=(--evidence "$vectors/ovmf-evidence.json" --nonce "$(jq -r . "$vectors/ovmf-nonce.json")"
	--policy "$vectors/ovmf-policy.json" --enrolled "$vectors/ovmf-enrolled.json")
jq 'del(.boot)' "$vectors/ovmf-reference.json" >"$root/l0"
run 15 'an entry of "boot" that tells of PCR 0' hgverify "${e_ovmf[@]}" --reference "$root/l0" \
	--reference "$vectors/ovmf-boot.json"
run 15 'an entry of "boot" that tells of PCR 4' hgverify "${e_ovmf[@]}" --reference "$root/l0" \
	--reference "$root/firmware"
run 0 PASSED hgverify "${e_ovmf[@]}" --reference "$root/l0" --reference "$root/firmware" \
	--reference "$vectors/ovmf-boot.json"
sed 's/"sha256": "../"sha256": "/' "$vectors/ovmf-boot.json" >"$root/damaged"
run 3 '64 hexadecimal' hgverify "${e_ovmf[@]}" --reference "$root/damaged"

# A PE image of nothing but headers and a section of 16 bytes.
z() { head -c "$1" /dev/zero; }
{
	printf 'MZ' && z 58 && printf '\100\0\0\0PE\0\0\144\206\1\0' && z 12 && printf '\360\0\0\0\013\002'
	z 58 && printf '\0\2\0\0' && z 44 && printf '\020\0\0\0' && z 144
	printf '\020\0\0\0\0\2\0\0' && z 200
} >"$root/kernel"
boot=(hgverify --boot-reference --kernel "$root/kernel" --out "$root/boot")
run 0 'warning: the command line has initrd=' "${boot[@]}" --append 'quiet initrd=initrd'
run 0 'warning: the command line has root=' "${boot[@]}" --append 'root=/dev/sda1'
run 0 '' "${boot[@]}" --append 'quiet noinitrd=1 xroot=2'
[ ! -s "$root/out" ] || { echo "FAILED: it warns of nothing: $(cat "$root/out")"; bad=1; }
run 3 'printable ASCII' "${boot[@]}" --append "$(printf 'a\tb')"

# The module's reference values are what hgverify reads; L0 of the vectors is another one.
if [ -e kmod/hypergpu.ko ]; then
	tools/reference-values >"$root/values" || bad=1
	jq --slurpfile l0 "$root/values" '.l0 = $l0[0].l0' "$vectors/reference.json" >"$root/both"
	run 15 'another build of hypergpu.ko' hgverify "${e[@]}" --reference "$root/both"
	tools/reference-values --corim >"$root/corim" || bad=1
	jq 'del(.l0)' "$vectors/reference.json" >"$root/rest"
	run 15 'another build of hypergpu.ko' hgverify "${e[@]}" --reference "$root/corim" --reference "$root/rest"
else
	echo "no kmod/hypergpu.ko: its reference values are not tried"
fi
echo 'not a module' >"$root/text"
if tools/reference-values "$root/text" >"$root/out" 2>&1; then
	echo "FAILED: reference values of a text"
	bad=1
fi

[ $bad -eq 0 ] && echo "cli: all as expected"
exit $bad
