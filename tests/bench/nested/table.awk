# SPDX-License-Identifier: Apache-2.0
# The figures of nested.sh: L1, L2 and their ratio, of ours and of stock KVM.

function known(v) {
	return v ~ /^[0-9]+$/ && v > 0
}

# Three columns of one provider; sets ratio.
function columns(provider, name,   one, two) {
	one = figure[provider ".L1." unit, name]
	two = figure[provider ".L2." unit, name]
	ratio = known(one) && known(two) ? sprintf("%.2f", two / one) : ""
	return sprintf(" %14s %14s %6s", one == "" ? "-" : one, two == "" ? "-" : two, ratio)
}

function row(name, what, target,   ours, stock, verdict) {
	stock = unit == "tsc" ? columns("kvm-amd", name) : ""
	ours = columns("hypergpu", name)
	if (ratio == "" && stock == "")
		return
	verdict = target != "" && ratio != "" ? (ratio + 0 <= target + 0 ? "met" : "MISSED") : ""
	printf "%-30s%s%s %7s  %s\n", what, ours, stock, target == "" ? "" : "<= " target, verdict
}

# Who finishes the exit says what is to be expected of it: L0 alone, or L1.
function table(title, of) {
	unit = of
	printf "\n%-30s %14s %14s %6s", title, "ours L1", "ours L2", "L2/L1"
	if (unit == "tsc")
		printf " %14s %14s %6s", "stock L1", "stock L2", "L2/L1"
	printf " %7s\n", "target"
	row("cpuid", "CPUID (L0 finishes it)", "1.1")
	row("outb_0x80", "outb 0x80 to QEMU", "2.5")
	row("inb_0x61", "inb 0x61", "2.5")
	row("hpet_read", "HPET read (MMIO to QEMU)", "2.5")
	row("first_touch", "first touch, 4 KiB, new table", "2.5")
	row("first_touch_dense", "first touch, 4 KiB, next page", "2.5")
	row("ipi_round_trip", "IPI there and back", "")
	row("timer_deadline", "TSC deadline to handler", "")
	row("linux_boot", "Linux to init, processor time", "1.3")
	row("linux_boot_elapsed", "Linux to init, elapsed", "")
}

END {
	if (measured("hypergpu.L1.insn"))
		table("instructions (median)", "insn")
	if (measured("hypergpu.L1.tsc") || measured("kvm-amd.L1.tsc"))
		table("by the clock (median)", "tsc")
	if (notes)
		printf "\n%s", notes
}
