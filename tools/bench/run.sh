# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
# The life of one machine, from its run directory to its end.

# Everything of one run lies in a directory of its own, RUNDIR:
#  console.log  the kernel's console	ctl      what bench/init reports
#  out, err     the command's output	qemu.log QEMU's own messages
rundir_create() {
	RUNDIR=$(mktemp -d "${TMPDIR:-/tmp}/hgbench-run.XXXXXX") ||
		die "cannot create a directory under ${TMPDIR:-/tmp}"
	KEEP=''
	on_exit rundir_finish
}

rundir_finish() {
	if [[ -n $KEEP$KEEP_LOGS && -z $DRYRUN ]]; then
		rm -f "$RUNDIR"/*.cpio "$RUNDIR"/qmp.* "$RUNDIR"/*.sock
		note "logs kept in $RUNDIR"
	else
		rm -rf "$RUNDIR"
	fi
}

cmd_run() {
	[[ ${#COMMAND[@]} -gt 0 ]] || die "run: no command given; try 'hgbench --help'"
	TTY=''
	machine_run
}

cmd_shell() {
	[[ -t 0 && -t 1 ]] || die "shell: needs a terminal (use 'hgbench run' in scripts)"
	TTY=1
	[[ -n $TIMEOUT_SET ]] || TIMEOUT=0
	[[ ${#COMMAND[@]} -gt 0 ]] || COMMAND=(/bin/bash -i)
	note "the files of this machine, writable in memory only; 'exit' switches off"
	machine_run
}

machine_run() {
	[[ -n $GDB && -z $TIMEOUT_SET ]] && TIMEOUT=0
	: "${ACCEL:=tcg}"
	kernel_require
	rundir_create
	if [[ -n $DRYRUN ]]; then
		machine_command
		printf '%q ' "${MACHINE[@]}"
		echo
		exit 0
	fi
	machine_command
	machine_initrd
	has_device tpm && tpm_start
	[[ -z $TPM || $FIRMWARE != ovmf ]] || machine_booted "$TPM/booted"
	machine_start
	[[ -n $GDB ]] && gdb_advice
	machine_wait
	wait "${RELAYS[@]}" 2>/dev/null
	conclude
}

# Fills MACHINE with the command line of the program that --vmm names.
machine_command() {
	if [[ $VMM == hgvmm ]]; then
		machine_hgvmm
		return
	fi
	need qemu-system-x86_64 qemu-system-x86
	[[ $ACCEL == tcg || -w /dev/kvm || -n $DRYRUN ]] ||
		die "--accel kvm: cannot open /dev/kvm (inside the bench: modprobe kvm-amd)"
	machine_qemu
}

machine_start() {
	local in=/dev/null

	mkfifo "$RUNDIR/qmp.in" "$RUNDIR/qmp.out" || die "cannot write in $RUNDIR"
	touch "$RUNDIR"/{ctl,out,err,console.log}
	# Held open for both directions so that neither side waits for the other.
	exec {QMPIN}<>"$RUNDIR/qmp.in" {QMPOUT}<>"$RUNDIR/qmp.out"
	if [[ -n $TTY ]]; then
		exec {TTYFD}<&0
		in=/dev/fd/$TTYFD
		"${MACHINE[@]}" <"$in" 2>"$RUNDIR/qemu.log" & MACHINE_PID=$!
	else
		"${MACHINE[@]}" </dev/null >"$RUNDIR/qemu.log" 2>&1 & MACHINE_PID=$!
	fi
	on_exit 'kill_child "$MACHINE_PID"'
	RELAYS=()
	relay out & RELAYS+=($!)
	relay err >&2 & RELAYS+=($!)
	[[ -z $VERBOSE ]] || { relay console.log >&2 & RELAYS+=($!); }
}

# kill_child PID: nothing for one that was waited for, whose number may be another's by now.
kill_child() {
	[[ -z $1 ]] || kill "$1" 2>/dev/null
}

# relay FILE: copies the file to stdout as it grows, until QEMU has ended.
#
# A regular file between QEMU and our reader never makes QEMU wait, so nothing
# is left in the virtio queues when the machine is switched off.
relay() {
	exec tail -s 0.1 -f -n +1 --pid="$MACHINE_PID" "$RUNDIR/$1" 2>/dev/null
}

# Waits for QEMU, not longer than --timeout. Sets TIMED_OUT and MACHINE_STATUS.
machine_wait() {
	TIMED_OUT=''
	WATCH=''
	if [[ $TIMEOUT -gt 0 ]]; then
		sleep "$TIMEOUT" & WATCH=$!
		# Else it outlives a bench that is killed, with all that it inherited.
		on_exit 'kill_child "$WATCH"'
		wait -n "$MACHINE_PID" "$WATCH"
		if kill -0 "$WATCH" 2>/dev/null; then
			kill "$WATCH"
		elif kill -0 "$MACHINE_PID" 2>/dev/null; then
			TIMED_OUT=1
			# The machine runs on while it is asked where it is.
			HUNG_IN=$(stage_name)
			await_list
			cp "$RUNDIR/console.log" "$RUNDIR/console-before.log"
			machine_diagnose
		fi
	fi
	# bash tells of a killed job on stderr; we tell it better.
	{ wait "$MACHINE_PID"; } 2>/dev/null
	MACHINE_STATUS=$?
	MACHINE_PID=''
	[[ -z $WATCH ]] || { wait "$WATCH"; } 2>/dev/null
	WATCH=''
}

# The guest lists its processes shortly before the time is up; on a busy host
# its clock began late and the list comes a little after.
await_list() {
	local left=50

	[[ $TIMEOUT -ge 10 && -z $ICOUNT ]] && grep -q "^stage cmd" "$RUNDIR/ctl" || return 0
	while [[ $left -gt 0 ]] && kill -0 "$MACHINE_PID" 2>/dev/null; do
		grep -q "^listed" "$RUNDIR/ctl" && return 0
		sleep 0.1
		left=$((left - 1))
	done
}

# qmp_send COMMAND [ARGUMENTS]: both in JSON; the answer is not awaited.
qmp_send() {
	echo "{\"execute\": \"$1\"${2:+, \"arguments\": $2}}" >&"$QMPIN"
}

# Asks a machine that hangs where it is. First the processors' registers, as
# QEMU sees them; then backtraces, from a kernel that still takes a key; then
# an NMI, which makes even one that spins with interrupts off panic; at last
# the machine is killed.
machine_diagnose() {
	local line left=30

	if [[ $VMM == hgvmm ]]; then
		kill -9 "$MACHINE_PID"
		return
	fi
	qmp_send qmp_capabilities
	qmp_send human-monitor-command '{"command-line": "info registers -a"}'
	while IFS= read -r -t 2 -u "$QMPOUT" line; do
		[[ $line == *RIP=* ]] || continue
		printf '%s\n' "$line" | sed 's/\\r\\n/\n/g' >"$RUNDIR/registers.log"
		break
	done
	qmp_send human-monitor-command '{"command-line": "sendkey alt-sysrq-w"}'
	sleep 0.5
	qmp_send human-monitor-command '{"command-line": "sendkey alt-sysrq-l"}'
	sleep 1
	qmp_send inject-nmi
	while [[ $left -gt 0 ]] && kill -0 "$MACHINE_PID" 2>/dev/null; do
		sleep 0.1
		left=$((left - 1))
	done
	kill -9 "$MACHINE_PID" 2>/dev/null
}

# tpm_setup DIR: a TPM with the certificate of its endorsement key, by a CA of its own. What
# a verifier needs of the CA is in DIR/roots.pem.
tpm_setup() {
	local dir=$1 new=$1/new.$$

	need swtpm_setup swtpm-tools
	need swtpm_localca swtpm-tools
	mkdir -p "$new/ca" "$new/state" || die "--tpm: cannot write in $dir"
	cat >"$new/localca.conf" <<-EOF
		statedir = $new/ca
		signingkey = $new/ca/signkey.pem
		issuercert = $new/ca/issuercert.pem
		certserial = $new/ca/certserial
	EOF
	printf -- '--platform-%s hgbench\n' manufacturer model version >"$new/localca.options"
	cat >"$new/setup.conf" <<-EOF
		create_certs_tool = $(command -v swtpm_localca)
		create_certs_tool_config = $new/localca.conf
		create_certs_tool_options = $new/localca.options
	EOF
	swtpm_setup --tpm2 --tpmstate "$new/state" --config "$new/setup.conf" --create-ek-cert \
		--pcr-banks sha256,sha384 >"$RUNDIR/swtpm_setup.log" 2>&1 ||
		die "swtpm_setup failed: $(tail -n 1 "$RUNDIR/swtpm_setup.log")"
	cat "$new/ca/swtpm-localca-rootca-cert.pem" "$new/ca/issuercert.pem" >"$dir/roots.pem" &&
		mv -T "$new/state" "$dir/state" || die "--tpm: cannot write in $dir"
	# The CA's keys have signed all that they will sign.
	rm -rf "$new"
}

tpm_start() {
	local state=$RUNDIR/tpm

	need swtpm swtpm
	if [[ -n $TPM ]]; then
		state=$TPM/state
		mkdir -p "$TPM" || die "--tpm: cannot write in $TPM"
		# Not two machines with one TPM, nor two that make it.
		exec {TPMFD}>"$TPM/lock" && flock -n "$TPMFD" || die "--tpm: $TPM is in use"
		[[ -d $state ]] || tpm_setup "$TPM"
	fi
	mkdir -p "$state"
	# Without the lock, which goes with this program; that waits for its end.
	(
		[[ -z $TPM ]] || exec {TPMFD}>&-
		exec swtpm socket --tpm2 --tpmstate "dir=$state" --flags startup-clear --terminate \
			--ctrl "type=unixio,path=$RUNDIR/tpm.sock" --daemon --pid "file=$RUNDIR/tpm.pid"
	) >"$RUNDIR/swtpm.log" 2>&1 ||
		die "swtpm did not start: $(tail -n 1 "$RUNDIR/swtpm.log")"
	# It ends by itself (--terminate) unless QEMU never connected.
	on_exit tpm_stop
}

# It removes the file at its end. Until then its state may still change.
tpm_stop() {
	local pid left=50

	pid=$(cat "$RUNDIR/tpm.pid" 2>/dev/null) && kill "$pid" 2>/dev/null || return 0
	while [[ -e $RUNDIR/tpm.pid && $left -gt 0 ]] && kill -0 "$pid" 2>/dev/null; do
		sleep 0.1
		left=$((left - 1))
	done
	[[ $left -gt 0 ]] || kill -9 "$pid" 2>/dev/null
}

gdb_advice() {
	cat >&2 <<-EOF
	hgbench: stopped before the first instruction. In another terminal:
	    gdb $KERNEL_VMLINUX
	    (gdb) target remote $RUNDIR/gdb.sock
	    (gdb) continue
	hgbench: Debian's vmlinux has no symbols; those of the running kernel are
	    in the guest's /proc/kallsyms, at the same addresses in every --gdb run.
	    Of each --module, gdb loads the symbols with the add-symbol-file line
	    that appears below once it is loaded.
	EOF
	(
		tail -s 0.1 -f -n +1 --pid="$MACHINE_PID" "$RUNDIR/ctl" 2>/dev/null |
			sed -u -n 's/^symbols /    add-symbol-file /p' >&2
	) & RELAYS+=($!)
}
