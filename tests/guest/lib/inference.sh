# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
# A tenant's model in a confidential VM, in stages: who makes a script of them decides where each
# one runs. Sourced by scripts that have set HG_TOP.
#
#   the tenant     tenant_keys, tenant_parcels; tenant_bundle; tenant_prompt, tenant_answer
#   the operator   vm_start, vm_told, vm_tell, vm_end
#
# The tenant's folder is theirs alone. What the two exchange are files and lines.

hgseal=$HG_TOP/attest/build/hgseal
hgattest=$HG_TOP/attest/build/hgattest
# A guest on emulated hardware, beside other work, may take minutes.
inference_limit=${HG_LIMIT:-300}

# ---- the tenant ----

# tenant_keys OWN: the key that seals, and the one that reads answers; and who enrolls GPUs.
tenant_keys() {
	"$hgseal" key --out "$1/key" && "$hgattest" key --out "$1/reader" --public "$1/reader.pub" &&
		"$hgattest" key --out "$1/enroller" --public "$1/enroller.pub"
}

# tenant_parcels OWN MODEL TO: the model, and the record of a simulated GPU, sealed, as disks.
tenant_parcels() {
	"$hgseal" seal --key "$1/key" --context model --in "$2" --out "$3/model.sealed" &&
		"$HG_TOP/gpu-tee/build/hggpu" enroll --simulated 7 --key "$1/enroller" \
			--out "$1/gpu" >"$1/enrolled" 2>&1 &&
		{
			echo "signer $(base64 -w0 "$1/enroller.pub")"
			echo "simulated 7"
			cat "$1/gpu"
		} >"$1/gpu-parcel" &&
		"$hgseal" seal --key "$1/key" --context gpu --in "$1/gpu-parcel" --out "$3/gpu.sealed" &&
		truncate -s %512 "$3/model.sealed" "$3/gpu.sealed"
}

# tenant_bundle OWN: the secret that is released to the confidential VM.
tenant_bundle() {
	echo hypergpu-bundle-1
	echo "key $(base64 -w0 "$1/key")"
	echo "answer-to $(base64 -w0 "$1/reader.pub")"
	echo "gpu record"
}

# tenant_prompt OWN NONCE NUMBER TEXT: the line that asks.
tenant_prompt() {
	printf '%s' "$4" >"$1/prompt-$3" &&
		"$hgseal" seal --key "$1/key" --context "prompt $3 of $2" --in "$1/prompt-$3" \
			--out "$1/prompt-$3.sealed" && base64 -w0 "$1/prompt-$3.sealed"
}

# tenant_answer OWN NONCE NUMBER JWE: what it said, to answer-NUMBER.
tenant_answer() {
	printf '%s' "$4" >"$1/jwe" &&
		"$hgattest" --open "$1/jwe" --key "$1/reader" --nonce "$2" --out "$1/answer.sealed" &&
		"$hgseal" open --key "$1/key" --context "answer $3 of $2" --in "$1/answer.sealed" \
			--out "$1/answer-$3"
}

# ---- the operator ----

# vm_start NAME COMMAND...: a VMM with its serial line on stdin and stdout; $vm_dir/NAME.console.
declare -A vm_pid=() vm_keys=()
vm_start() {
	local name=$1 fd
	shift
	mkfifo "$vm_dir/$name.keys" && : >"$vm_dir/$name.console" || return
	"$@" <"$vm_dir/$name.keys" >"$vm_dir/$name.console" 2>"$vm_dir/$name.messages" &
	vm_pid[$name]=$!
	exec {fd}>"$vm_dir/$name.keys"
	vm_keys[$name]=$fd
}

# vm_told NAME WORD: what the VM says by that word, once its line is complete. If it does not, why
# is on stderr.
vm_told() {
	local n line
	for ((n = 0; n < inference_limit * 5; n++)); do
		while IFS= read -r line; do
			line=${line%$'\r'}
			case $line in
			"cvm-$2 "*)
				echo "${line#"cvm-$2 "}"
				return
				;;
			cvm-failed*)
				echo "$1: waiting for cvm-$2: it says $line" >&2
				return 1
				;;
			esac
		done <"$vm_dir/$1.console"
		if ! kill -0 "${vm_pid[$1]}" 2>/dev/null; then
			echo "$1: waiting for cvm-$2: the VMM has ended" >&2
			return 1
		fi
		sleep 0.2
	done
	echo "$1: waiting for cvm-$2: nothing in $inference_limit s" >&2
	return 1
}

# vm_tell NAME LINE. In a shell of its own: a VMM that has ended would end this one.
vm_tell() { (echo "$2" >&"${vm_keys[$1]}") 2>/dev/null; }

# vm_end NAME: wait until it has switched off. Its status is the VMM's.
vm_end() {
	local fd=${vm_keys[$1]}
	exec {fd}>&-
	timeout "$inference_limit" tail --pid="${vm_pid[$1]}" -f /dev/null || {
		echo "$1: it has not switched off in $inference_limit s" >&2
		kill -9 "${vm_pid[$1]}"
	}
	wait "${vm_pid[$1]}"
}
