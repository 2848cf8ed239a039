# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# What a run came to: reads the control port's record and the console.

# The last value that the guest reported under the name, or nothing.
ctl_last() {
	sed -n "s/^$1 //p" "$RUNDIR/ctl" | tr -d '\r' | tail -n 1
}

stage_name() {
	case $(ctl_last stage) in
	'')	if grep -q 'Run /init as init process' "$RUNDIR/console.log"; then
			echo "the start of init"
		else
			echo "the kernel's boot"
		fi ;;
	root)	echo "init (setting up the root file system)" ;;
	module)	echo "init (loading --module)" ;;
	cmd)	if grep -q '^exit ' "$RUNDIR/ctl"; then
			echo "switching off after the command"
		else
			echo "the command: ${COMMAND[*]}"
		fi ;;
	esac
}

# indented FILE COUNT: the file's last lines.
indented() {
	tr -d '\r' <"$1" 2>/dev/null | tail -n "$2" | sed 's/^/    /' >&2
}

console_tail() {
	note "last lines of the console:"
	indented "$RUNDIR/console.log" "$1"
}

# A panic's own lines: from its first complaint on, not what led up to it.
console_panic() {
	note "the console:"
	tr -d '\r' <"$RUNDIR/console.log" |
		sed -n '/cut here\|BUG: \|Oops\|sysrq: Trigger\|Kernel panic - not syncing/,$p' |
		head -n 60 | sed 's/^/    /' >&2
}

report_timeout() {
	note "timed out after $TIMEOUT s in: $HUNG_IN"
	if grep -q '^running ' "$RUNDIR/ctl"; then
		note "processes (number, state, where it waits in the kernel, command):"
		sed -n 's/^running /    /p' "$RUNDIR/ctl" >&2
	fi
	if [[ -s $RUNDIR/registers.log ]]; then
		note "processors were at:"
		grep -E '^CPU#|RIP=' "$RUNDIR/registers.log" | tr -d '\r' |
			sed -E 's/ RFL=.*//; s/^/    /' >&2
	fi
	note "last lines of the console (backtraces follow in console.log):"
	indented "$RUNDIR/console-before.log" 15
}

# Ends the program with the status of the run.
conclude() {
	local status

	status=$(ctl_last exit)
	KEEP=1
	if [[ -n $TIMED_OUT ]]; then
		report_timeout
		exit "$EX_TIMEOUT"
	fi
	if grep -q 'Kernel panic - not syncing' "$RUNDIR/console.log" 2>/dev/null; then
		note "the kernel panicked in: $(stage_name)"
		console_panic
		exit "$EX_PANIC"
	fi
	if grep -q '^fail ' "$RUNDIR/ctl"; then
		note "the guest gave up: $(ctl_last fail)"
		exit "$EX_BENCH"
	fi
	if [[ -z $status ]]; then
		note "the machine ended (status $MACHINE_STATUS of $VMM) in: $(stage_name)"
		indented "$RUNDIR/qemu.log" 20
		console_tail 15
		exit "$EX_DIED"
	fi
	if grep -q '^splat ' "$RUNDIR/ctl"; then
		note "the kernel's log tells of a fault (the command's status was $status):"
		sed -n 's/^splat /    /p' "$RUNDIR/ctl" >&2
		exit "$EX_SPLAT"
	fi
	# Else nobody knows whether the log told of one.
	if ! grep -q '^done' "$RUNDIR/ctl"; then
		note "the machine ended (status $MACHINE_STATUS of $VMM) in: $(stage_name)"
		note "the command's status was $status"
		console_tail 15
		exit "$EX_DIED"
	fi
	tsc_remember
	KEEP=''
	exit "$status"
}
