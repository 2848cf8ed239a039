# SPDX-License-Identifier: Apache-2.0
# The model of docs/gpu-benchmarks.md: inputs in, tables of tabs out. Times in microseconds.

function bad(text) {
	printf "gpu-model: %s:%d: %s\n", FILENAME, FNR, text >"/dev/stderr"
	failed = 1
	exit 2
}

function number(text) {
	if (text !~ /^[0-9]+(\.[0-9]+)?$/)
		bad("'" text "' is no number")
	return text + 0
}

function positive(text) {
	if (number(text) == 0)
		bad("'" text "' must be more than 0")
	return text + 0
}

{ sub(/#.*/, "") }
NF == 0 { next }
$1 == "set" && NF == 3 { v[$2] = number($3); next }
$1 == "device" && NF == 5 {
	device[++devices] = $2
	bus[devices] = positive($3)
	memory[devices] = positive($4)
	units[devices] = positive($5)
	next
}
$1 == "model" && NF == 4 {
	model[++models] = $2
	weights[models] = positive($3)
	launches[models] = number($4)
	next
}
{ bad("not understood: " $0) }

# Bytes at so many GB/s.
function us(bytes, gbps) { return bytes / gbps / 1e3 }

# Of a whole GPU's rate, as far as there are work-groups for its multiprocessors.
function share(gbps, groups, d) { return gbps * (groups < units[d] ? groups : units[d]) / units[d] }

# A row of large records: the host seals the next while the device, in one queue, takes this one.
function row(d) {
	host[d] = us(v["row_bytes"], v["seal_gbps"] * v["threads"])
	wire[d] = us(v["row_bytes"], bus[d])
	check[d] = us(v["row_bytes"], share(v["tag_gbps"], v["row_groups"], d))
	open[d] = us(v["row_bytes"], share(v["cipher_gbps"], v["row_parts"], d))
	rest[d] = 2 * v["gap_us"] + v["row_hashes"] * v["hash_us"]
	gpu[d] = wire[d] + check[d] + open[d] + rest[d]
	rate[d] = v["row_bytes"] / (host[d] > gpu[d] ? host[d] : gpu[d]) / 1e3
}

function token_plain(m, d) {
	return us(weights[m] * 1e9, memory[d]) + launches[m] * v["gap_us"] + 2 * v["command_us"]
}

function token_data(m, d) { return token_plain(m, d) + v["data_launches"] * v["session_us"] }

function token_sealed(m, d) {
	return token_plain(m, d) + v["sealed_launches"] * v["session_us"] + \
		launches[m] * (v["prologue_us"] + v["entry_us"] + v["entry_hashes"] * v["hash_us"])
}

function more(a, b) { return sprintf("%.1f %%", (a / b - 1) * 100) }

function tokens(   m, d, p) {
	print "device\tmodel\tplain, ms\tdata sealed, ms\tmore\twith receipts, ms\tmore\tload plain, s\tload sealed, s"
	for (d = 1; d <= devices; d++)
		for (m = 1; m <= models; m++) {
			p = token_plain(m, d)
			printf "%s\t%s\t%.3f\t%.3f\t%s\t%.3f\t%s\t%.3f\t%.3f\n", device[d], model[m], p / 1e3,
				token_data(m, d) / 1e3, more(token_data(m, d), p), token_sealed(m, d) / 1e3,
				more(token_sealed(m, d), p), weights[m] / bus[d], weights[m] / rate[d]
		}
}

function rates(   d) {
	print "device\thost seals, us\tbus, us\tcheck, us\topen, us\tother, us\tall of the GPU, us\tGB/s\tbound by"
	for (d = 1; d <= devices; d++)
		printf "%s\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f\t%.2f\t%s\n", device[d], host[d], wire[d], check[d],
			open[d], rest[d], gpu[d], rate[d], (host[d] > gpu[d] ? "host" : "GPU")
}

END {
	if (failed)
		exit 2
	n = split("seal_gbps threads row_bytes row_groups row_parts cipher_gbps tag_gbps", rates_of, " ")
	for (i = 1; i <= n; i++)
		if (v[rates_of[i]] <= 0)
			bad(rates_of[i] " must be set, and more than 0")
	n = split("row_hashes gap_us command_us hash_us session_us entry_us entry_hashes prologue_us " \
		"data_launches sealed_launches", times, " ")
	for (i = 1; i <= n; i++)
		if (!(times[i] in v))
			bad(times[i] " is not set")
	for (d = 1; d <= devices; d++)
		row(d)
	if (table == "rates")
		rates()
	else
		tokens()
}
