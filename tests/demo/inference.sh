# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# The demo's inference, as the operator in L1 runs it: the tenant's image as a confidential VM,
# with hgvmm; the sealed prompts go in, and what comes out goes to /out/attest, for the tenant.
# Sourced by inside.sh. PoCL, on the VM's processors, plays the GPU.

: "${HG_LIMIT:=400}"
# shellcheck source=tests/guest/lib/inference.sh
. tests/guest/lib/inference.sh

image=build/inference/image
vm_dir=$work

# start_image: until it is up.
start_image() {
	local a=/out/attest
	vmm/build/hgvmm --dev "$HG_DEV" --smp 2 --dump-cpuid $a/cpuid && echo "$khz" >$a/khz &&
		cp $a/model.sealed $a/gpu.sealed "$work/" || return
	began=$(now)
	vm_start model vmm/build/hgvmm --dev "$HG_DEV" --cvm --kernel $image/vmlinuz \
		--initrd $image/initrd --append "$append" --smp 2 --mem 1G --serial stdio --reboot exit \
		--rng --disk path=$image/root.img,ro --disk "path=$work/model.sealed,ro" \
		--disk "path=$work/gpu.sealed,ro" || return
	vm_told model ready >/dev/null || return
	figure[hgcvm-boot]=$(since "$began")
	say "its agent is up after ${figure[hgcvm-boot]} s; $(grep -a 'launch digest' "$work/model.messages")"
}

# attest_image: its report goes to the tenant, and what they release to it.
attest_image() {
	local a=/out/attest
	vm_tell model "$(cat $a/nonce)"
	vm_told model report | base64 -d >$a/report.new && vm_told model public | base64 -d >$a/public &&
		mv $a/report.new $a/report || return
	say "it has made a key, and has a report of $(stat -c %s $a/report) bytes; the tenant says:"
	await_file $a/verdict 120 || { say "nothing"; return 1; }
	cut -c1-110 $a/verdict | sed 's/^/      | /'
	[ -e $a/sealed ] || return
	vm_tell model "$(cat $a/sealed)"
	vm_told model model >/dev/null && vm_told model gpu >/dev/null || return
	figure[opened]=$(since "$began")
	say "it has opened the tenant's secret with its key, and with that the model and the GPU's record"
}

# prompted NUMBER: the tenant's sealed prompt goes in; sets status, of the program.
prompted() {
	await_file "/out/attest/prompt-$1" 60 || { say "the tenant sends no prompt $1"; return 1; }
	asked=$(now)
	vm_tell model "$(cat "/out/attest/prompt-$1")"
	status=$(vm_told model "status $1") || return
	status=${status%% *}
	took=$(since "$asked")
}

# ask_image: the prompt that is answered.
ask_image() {
	local answer
	prompted 1 || return
	[ "$status" = 0 ] || { say "the program's status is $status"; return 1; }
	answer=$(vm_told model "answer 1") || return
	figure[answer]=$took
	echo "$answer" >/out/attest/answer.new && mv /out/attest/answer.new /out/attest/answer
	say "hgrun: fingerprint of the (simulated) GPU, key agreement, sealed bus; then the program, unmodified"
	say "it has answered after $took s: ${#answer} characters, sealed, which the tenant reads (below)"
}

# refused NUMBER WHAT TEXT: prompt NUMBER finds the operator at the GPU's bus. The program ends
# with an error, and the layer says which.
refused() {
	local said
	prompted "$1" || return
	[ "$status" != 0 ] || { say "$2: it has answered"; return 1; }
	said=$(inference_limit=60 && vm_told model "message $3") || return
	say "$2: no answer, after $took s:"
	say "| $3 $said"
}

# try_image: what the operator tries meanwhile.
try_image() {
	local size
	refused 2 "half of a transfer to the GPU does not arrive" "hypergpu: bus: the device refused record" &&
		refused 3 "another GPU is put in" "hypergpu: no sealed bus: this is not the enrolled GPU:" ||
		return
	vm_tell model "$(cat /out/attest/prompt-1)"
	[ "$(vm_told model refused)" = 4 ] || { say "it takes a prompt twice"; return 1; }
	say "the first prompt, sent again: refused, it is not the one that is next"
	tests/guest/inference/build/dump "${vm_pid[model]}" >/out/seen.new 2>"$work/dumped" || return
	mv /out/seen.new /out/seen && size=$(stat -c %s /out/seen) || return
	say "L1's root reads $(($(cat "$work/dumped") >> 20)) MiB of its VMM's memory; $((size >> 20)) MiB are not zeros."
	say "What is in it the tenant looks up, who knows what to look for (below)"
}

# switch_image_off: the end of it.
switch_image_off() {
	tools/build/hgctl status --json >/out/model-status.json 2>/dev/null
	figure[hgcvm-exits]=$(exits_of model)
	vm_tell model off
	vm_end model
}

# inference_stages: a stage after the other, as long as there is a VM.
inference_stages() {
	local done=
	stage "in L1: hgvmm boots the tenant's image as a confidential L2, which opens the model"
	if ! start_image; then
		fail "it does not start"
	elif ! attest_image; then
		fail "no secret was released to it, or it did not open it"
	else
		ok
		stage "in that L2: the tenant's prompt; a GPU session (PoCL plays the GPU); the answer"
		if ask_image; then
			ok
			stage "in L1: what the operator tries; at the bus by layers in the image, as the GPU is in there"
			if try_image && switch_image_off; then done=yes; else fail "see above"; fi
		else
			fail "no answer"
		fi
	fi
	cp "$work/model.console" /out/model-console.log
	cp "$work/model.messages" /out/model-messages.log
	if [ "$done" ]; then
		ok
		return
	fi
	tr -d '\r' <"$work/model.console" | tail -n 15 | cut -c1-110 | sed 's/^/      | /'
	tail -n 5 "$work/model.messages" | sed 's/^/      ! /'
	[ -z "${vm_pid[model]:-}" ] || kill "${vm_pid[model]}" 2>/dev/null
}
