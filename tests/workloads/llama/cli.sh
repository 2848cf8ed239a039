#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The programs as they are used: what the command line refuses, that device and
# reference say the same, how many crossings a token costs, and that the tiny model
# answers what was held out of its training.

set -u -o pipefail
cd "$(dirname "$0")" || exit 1

bin=$PWD/build
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
bad=0

failed() {
	echo "FAILED: $*"
	bad=1
}

run() { # WANTED-STATUS WANTED-TEXT PROGRAM ARGS...
	local want=$1 text=$2 program=$3 rc=0
	shift 3
	"$bin/$program" "$@" >"$root/out" 2>&1 </dev/null || rc=$?
	if [ $rc -ne "$want" ] || ! grep -Fq -- "$text" "$root/out"; then
		failed "$program $*: exit status $rc, want $want and '$text' in"
		sed 's/^/    /' "$root/out"
	fi
}

# ---- Command lines ----

run 0 'Usage: llama' llama --help
run 0 'llama 1.' llama --version
run 0 '0:0' llama --list
run 2 '-m is missing' llama -p x
run 2 '-p is missing' llama -m x
run 2 "'y' is one argument too many" llama -m x -p x y
run 2 "-n '0'" llama -m x -p x -n 0
run 2 "-n '5x'" llama -m x -p x -n 5x
run 2 "--temp '-1'" llama -m x -p x --temp -1
run 2 'not a power of two' llama -m x -p x --lanes 3
run 2 "--threads '-2'" llama -m x -p x --threads -2
run 1 'No such file' llama -m "$root/none" -p x
run 1 'not a GGUF file' llama -m kernels.cl -p x
run 1 'the reference has none' llama -m tiny.gguf -p x --device reference --threads 2
run 1 "no device 'abacus'" llama -m tiny.gguf -p x --device abacus
run 1 'but the model' llama -m tiny.gguf -p "$(printf 'x %.0s' {1..200})"
run 2 'Usage: mkmodel' mkmodel
run 2 "--format 'q9'" mkmodel -o "$root/m" --format q9
run 2 "--params '12x'" mkmodel -o "$root/m" --params 12x
run 1 'leaves nothing' mkmodel -o "$root/m" --params 1M
run 2 'Usage: train' train --steps 5
OCL_ICD_VENDORS=$root/nobody run 1 'no OpenCL platform: install' llama -m tiny.gguf -p x

# ---- A device that fails: in the load, in the prompt, in the text ----

lose() { # CALL:N WANTED-TEXT
	OPENCL_LAYERS=$bin/lose.so LOSE=$1 run 1 "$2" llama -m tiny.gguf -p 'Q: who is the fox? A:'
	grep -q 'It says yap' "$root/out" && failed "with $1 lost, it told it all"
}
OPENCL_LAYERS=$bin/lose.so LOSE=none:1 run 0 'It says yap.' llama -m tiny.gguf -p 'Q: who is the fox? A:'
lose write:1 'clEnqueueWriteBuffer(blk.0.attn_k.weight): CL_OUT_OF_RESOURCES (-5): the device was lost'
lose write:43 'clEnqueueWriteBuffer(state): CL_OUT_OF_RESOURCES'
lose launch:1 'clEnqueueNDRangeKernel(embed_q8_0): CL_OUT_OF_RESOURCES'
lose launch:200 'clEnqueueNDRangeKernel('
lose launch:900 'clEnqueueNDRangeKernel('
lose read:1 'reading the chosen token: CL_DEVICE_NOT_AVAILABLE (-2): the device was lost'
lose read:4 'reading the chosen token: CL_DEVICE_NOT_AVAILABLE'
lose lie:3 'the device chose token 2147483647 of 512'

# ---- Device and reference, what crosses ----

question='Q: what colour is the fox? A:'
run 0 'The fox is red.' llama -m tiny.gguf -p "$question"
run 0 'The fox is red.' llama -m tiny.gguf -p "$question" --threads 1 --device 0:0
run 0 'The fox is red.' llama -m tiny.gguf -p "$question" --device reference

run 0 '' mkmodel -o "$root/random" --params 3M --vocab 999 --seed 3
run 0 '' mkmodel -o "$root/random2" --params 3M --vocab 999 --seed 3
cmp "$root/random" "$root/random2" || failed "the same seed made two models"
for more in '' --logits '--lanes 16' '--temp 0.7 --seed 5'; do
	for device in '' '--device reference'; do
		args=$more
		[ -z "$device" ] || args=${more/--lanes 16/}
		# shellcheck disable=SC2086 # words are wanted
		"$bin/llama" -m "$root/random" -p 'Hello, world' -n 24 --ignore-eos --json --stats \
			$args $device >"$root/answer${device:+.reference}" 2>"$root/stats${device:+.reference}" ||
			failed "llama $more $device"
	done
	cmp "$root/answer" "$root/answer.reference" || failed "device and reference differ with '$more'"
	case $more in
	--logits | --temp*) size=$((4 * 999)) ;;
	*) size=4 ;;
	esac
	jq -e --argjson size $size '.tokens == 24 and .run.writes == .prompt_tokens + 23 and
		.run.written_bytes == 8 * .run.writes and .run.reads == 24 and
		.run.read_bytes == 24 * $size' "$root/stats" >"$root/verdict" ||
		failed "crossings with '$more': $(cat "$root/stats")"
done
jq -e '.tokens | length == 24' "$root/answer" >/dev/null || failed "JSON: $(cat "$root/answer")"

# ---- The tiny model ----

# Right answers, of a hundred: what was measured (README.md), less a margin.
least() {
	case $1 in
	colour | home | about) echo 95 ;;
	food | sound | is | lives) echo 88 ;;
	bigger) echo 85 ;;
	sum) echo 93 ;;
	which) echo 50 ;;
	*) echo 101 ;;
	esac
}

kinds=0
"$bin/quiz" -m tiny.gguf --questions 60 --device 0:0 --compare reference >"$root/quiz" 2>&1 ||
	failed "quiz: $(tail -n 1 "$root/quiz")"
while read -r kind right _ asked; do
	kinds=$((kinds + 1))
	[ $((right * 100)) -ge $((asked * $(least "$kind"))) ] ||
		failed "$kind: $right of $asked right, less than $(least "$kind") in a hundred"
	echo "$kind: $right of $asked right"
done <"$root/quiz"
[ $kinds -eq 10 ] || failed "the quiz had $kinds kinds of questions"

[ $bad -eq 0 ] && echo "llama: the programs passed"
exit $bad
