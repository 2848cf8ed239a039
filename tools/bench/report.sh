# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What a run came to: reads the control port's record and the console.

# The last value that the guest reported under the name, or nothing.
ctl_last() {
	sed -n "s/^$1 //p" "$RUNDIR/ctl" | tr -d '\r' | tail -n 1
}

stage_name() {
	case $(ctl_last stage) in
	'')	echo "the kernel's boot or the start of init" ;;
	root)	echo "init (setting up the root file system)" ;;
	module)	echo "loading --module" ;;
	cmd)	if grep -q '^exit ' "$RUNDIR/ctl"; then
			echo "switching off after the command"
		else
			echo "the command: ${COMMAND[*]}"
		fi ;;
	esac
}

console_tail() {
	note "last lines of the console:"
	tr -d '\r' <"$RUNDIR/console.log" 2>/dev/null | tail -n "${1:-15}" | sed 's/^/    /' >&2
}

# Ends the program with the status of the run.
conclude() {
	local status

	status=$(ctl_last exit)
	KEEP=1
	if [[ -n $TIMED_OUT ]]; then
		note "timed out after $TIMEOUT s in: $(stage_name)"
		console_tail
		exit "$EX_TIMEOUT"
	fi
	if grep -q 'Kernel panic - not syncing' "$RUNDIR/console.log" 2>/dev/null; then
		note "the kernel panicked in: $(stage_name)"
		console_tail 40
		exit "$EX_PANIC"
	fi
	if grep -q '^fail ' "$RUNDIR/ctl"; then
		note "the guest gave up: $(ctl_last fail)"
		exit "$EX_BENCH"
	fi
	if [[ -z $status ]]; then
		note "the machine ended (QEMU status $QEMU_STATUS) in: $(stage_name)"
		sed 's/^/    /' "$RUNDIR/qemu.log" >&2
		console_tail
		exit "$EX_DIED"
	fi
	if grep -q '^splat ' "$RUNDIR/ctl"; then
		note "the kernel's log tells of a fault (the command's status was $status):"
		sed -n 's/^splat /    /p' "$RUNDIR/ctl" >&2
		exit "$EX_SPLAT"
	fi
	KEEP=''
	exit "$status"
}
