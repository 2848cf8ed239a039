#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The end of the demo, by the tenant of tests/demo/tenant.sh, when the machine is off: opens the
# answer, and looks in what L1's root has read for what they know. The same program has run here
# in clear, on the same PoCL, for comparison.
#   tests/demo/answer.sh DIR OWN
# Writes to OWN/summary, as NAME VALUE.

set -u -o pipefail
cd "$(dirname "$0")/../.." || exit 2
export HG_TOP=$PWD
# shellcheck source=tests/guest/lib/inference.sh
. tests/guest/lib/inference.sh

logs=$1
own=$2
outside=build/inference/outside
say() { printf '      %s\n' "$*"; }
die() {
	say "FAILED: $*"
	exit 1
}

[ -e "$logs/attest/answer" ] || die "there is no answer"
tenant_answer "$own" "$(cat "$own/nonce")" 1 "$(cat "$logs/attest/answer")" ||
	die "the answer does not open"
answer=$(head -n 1 "$own/answer-1")
say "prompt: $(sed 's/^#[^ ]* //' "$own/prompt-1")"
say "answer: $(jq -r .text <<<"$answer")"
[ "$answer" = "$(cat $outside)" ] || die "in clear, here, the same program answers $(jq -r .text $outside)"
say "token for token what the same program answers here, in clear"

snooped=$(tail -n 1 "$own/answer-1")
say "what crossed the GPU's bus meanwhile, searched for the weights and the prompt in the confidential VM:"
say "| sealed:         $snooped"
say "| in clear, here: $(tail -n 1 $outside-snooped)"
[[ $snooped == "looked for "[1-9]*": 0 found" ]] || die "plaintext has crossed the bus"
say "a tensor of which half is lost, in clear, here; nothing is noticed:"
say "| answer: $(jq -r .text $outside-tampered | tr -d '\000-\037' | cut -c1-60)"

say "what L1's root has read, and all that was sent to and fro:"
seen=$own/search
mkdir -m 700 "$seen" "$seen/tenant" &&
	cat "$logs/seen" "$logs"/model-{console,messages}.log "$logs"/attest/* >"$seen/seen" &&
	cp "$logs/attest/gpu.sealed" "$seen/handed-in" &&
	sed 's/^#[^ ]* //' "$own/prompt-1" >"$seen/tenant/prompt" &&
	echo "$answer" >"$seen/tenant/answer" && cp "$own"/{key,gpu} "$seen/tenant/" &&
	cp "$own/secret" "$seen/tenant/bundle" || die "there is nothing to search"
said=$(tests/guest/inference/search "$seen") || die "$said"
say "| $said"
rm "$logs/seen"
{
	echo "searched $(stat -c %s "$seen/seen")"
	echo "clear $(sed 's/.*: //; s/ found//' <<<"$(tail -n 1 $outside-snooped)")"
	sed -n 's/looked for \([0-9]*\) runs in \([0-9]*\) .*/runs \1\nbus \2/p' <<<"$snooped"
} >"$own/summary"
