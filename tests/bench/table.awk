# SPDX-License-Identifier: Apache-2.0
# The figures as a table: ours, stock, their ratio, the target for the ratio.

function row(name, what, target,   s, o, ratio, verdict) {
	s = figure["kvm-amd", name]
	o = figure["hypergpu", name]
	if (s == "" && o == "")
		return
	ratio = verdict = ""
	if (s ~ /^[0-9]+$/ && o ~ /^[0-9]+$/ && s > 0) {
		ratio = sprintf("%.2f", o / s)
		if (target != "")
			verdict = (o / s <= target) ? "met" : "MISSED"
	}
	printf "%-34s %14s %14s %7s %8s  %s\n", what, s == "" ? "-" : s, o == "" ? "-" : o,
		ratio, target == "" ? "" : "<= " target, verdict
}

$1 == "info" {
	key = $2
	sub(/^info [^ ]+ /, "")
	print key ": " $0
	next
}
{
	figure[$1, $2] = $3
	if ($3 == "-") {
		why = $0
		sub(/^[^ ]+ [^ ]+ - /, "", why)
		notes = notes sprintf("%s: %s not measured: %s\n", $1, $2, why)
	}
}
END {
	print ""
	printf "%-34s %14s %14s %7s %8s\n", "instructions (median)", "kvm-amd", "hypergpu", "ratio",
		"target"
	row("cpuid", "CPUID", "0.5")
	row("outb_0x80", "outb 0x80 to QEMU", "0.8")
	row("inb_0x61", "inb 0x61", "0.8")
	row("hpet_read", "HPET read (MMIO to QEMU)", "0.8")
	row("first_touch", "first touch, 4 KiB, new table", "0.8")
	row("first_touch_dense", "first touch, 4 KiB, next page", "0.8")
	row("ipi_round_trip", "IPI there and back, both halted", "")
	row("timer_deadline", "TSC deadline to handler, running", "")
	row("timer_oneshot", "LAPIC one-shot to handler, running", "")
	row("linux_boot", "Linux to init, processor time", "1.0")
	if (notes)
		printf "\n%s", notes
}
