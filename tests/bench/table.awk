# SPDX-License-Identifier: Apache-2.0
# The figures as a table: ours, stock, their ratio, the target for the ratio.

# The row of one measurement, of the two columns that heading() has named.
function row(name, what, target,   s, o, ratio, verdict) {
	s = figure[left, name]
	o = figure[right, name]
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

function heading(l, r) {
	left = l
	right = r
	printf "\n%-34s %14s %14s %7s %8s\n", "instructions (median)", l, r, "ratio", "target"
}

function providers() {
	heading("kvm-amd", "hypergpu")
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
}

function confidential() {
	heading("vm", "cvm")
	row("cpuid", "CPUID", "")
	row("out", "OUT to the VMM", "")
	row("mmio_read", "MMIO read from the VMM", "")
	row("cr3", "CR3 written", "")
	row("first_touch", "first touch, mean of 2048 pages", "")
	row("first_touch_shared", "the same, shared memory", "")
	row("share_1", "private to shared, 1 page", "")
	row("share_512", "private to shared, 512 pages", "")
	row("unshare_1", "shared to private, 1 page", "")
	row("unshare_512", "shared to private, 512 pages", "")
	row("launch_mib", "loaded and measured, 1 MiB", "")
	row("linux_boot", "Linux to init, processor time", "1.25")
	row("work_cpu", "Linux: arithmetic", "1.01")
	row("work_memory", "Linux: walk through 32 MiB", "1.01")
	row("work_disk", "Linux: 16 MiB from a disk", "")
	row("work_net", "Linux: 8 MiB by TCP", "")
}

END {
	if (measured("kvm-amd") || measured("hypergpu"))
		providers()
	if (measured("vm") || measured("cvm"))
		confidential()
	if (notes)
		printf "\n%s", notes
}
