#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# What the demo was about, with what was measured in it, and the tests behind it.
#   tests/demo/summary.sh DIR OWN

set -u -o pipefail

# fig NAME: what was measured.
fig() { sed -n "s/^$1 //p" "$logs/figures" "$own/summary" 2>/dev/null; }
row() { printf '  %-24s %-52s %s\n' "$@"; }

logs=$1
own=$2
model=
[ ! -e "$own/summary" ] || model=yes

echo "What was protected, from whom, and the tests of tests/tests.list that try harder:"
row "memory of a VM" "L1's root finds the ordinary VM's secret $(fig hgvmm-found) times," "guest-cvm"
row "" "a confidential VM's $(fig "$([ "$model" ] && echo cvm-found || echo hgcvm-found)") times" "guest-nested"
row "the tenant's secret" "from who sends old evidence: refused, nonce;" "guest-attest"
row "" "who runs another image: refused, launch-digest" "guest-attest"
if [ "$model" ]; then
	row "model, prompt, answer" "L1's root finds nothing of them in $(($(fig searched) >> 20)) MiB;" "guest-inference"
	row "" "who sends the prompt again: refused" "guest-inference"
	row "the GPU's bus" "who listens there has $(fig bus) bytes, and none of" "guest-inference"
	row "" "$(fig runs) runs of 16 bytes; in clear $(fig clear)" "gpu-layer"
	row "what the GPU computes" "who changes what crosses: refused, by name" "gpu-layer-attacks"
	row "which GPU it is" "who puts in another: refused, by name" "gpu-fingerprint, gpu-agree"
fi
echo
echo "What it cost in this run; all processors were emulated, so only proportions say anything:"
row "from start to the shell" "ordinary $(fig hgvmm-boot) s, confidential $(fig hgcvm-boot) s${model:+ (to the agent)}" docs/benchmarks.md
row "exits" "ordinary $(fig hgvmm-exits), confidential $(fig hgcvm-exits)" docs/benchmarks.md
if [ "$model" ]; then
	row "start to the open model" "$(fig opened) s, with the attestation" docs/attestation.md
	row "prompt to sealed answer" "$(fig answer) s, most of it the start of PoCL and LLVM" docs/gpu-benchmarks.md
fi
echo
echo "Not shown: a real processor with SVM, a real TPM, a real GPU; none has run this yet."
[ "$model" ] || echo "Left out by DEMO=quick: the model and its GPU, libvirt."
echo "Read on: README.md, docs/threat-model.md, docs/attestation.md, docs/cvm-image.md, docs/gpu-layer.md"
