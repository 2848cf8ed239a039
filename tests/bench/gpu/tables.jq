# SPDX-License-Identifier: Apache-2.0
# Tables of docs/gpu-benchmarks.md from the results of gpu-bench: lines with tabs.
include "median";

def percent: if . == null then "-" else "\(. * 1000 | round / 10) %" end;
def ms: . * 1000 | digits(3);
def fixed($n): pow(10; $n) as $f | . * $f | round / $f;
def rate($us): . / $us / 1000 | digits(3);

# ---- Targets ----

def verdict($is; $limit; $text): [$is, $text, (if $limit then "met" else "missed" end)];

def by_model($name; $limit): .llama.models[] | select(.model == $name) | .kinds.sealed.over_plain |
	["time of a token, \($name), sealed over plain"] +
		verdict(percent; . <= $limit; "at most \($limit * 100) %");

def sealing: .seal[] | select(.what == "host" and (.size == 65536 or .size == 1048576)) |
	["sealing by one core, \(.size / 1024) KiB, of OpenSSL's rate"] +
		verdict("\(.percent) %"; .percent >= 90; "at least 90 %");

# What OpenSSL alone gains by the same threads is what the machine has to give.
def scaling: .seal | map(select(.what == "threads")) | .[0] as $one | .[-1] as $all |
	($all.record_gbps / $all.evp_gbps) as $share |
	["sealing by \($all.threads) threads, of OpenSSL's rate with as many"] +
		verdict($share | percent; $share >= 0.9; "at least 90 %");

def targets: ["target", "is", "wanted", ""], by_model("m250"; 0.03), by_model("m60"; 0.10), sealing, scaling;

# ---- A language model ----

# A share and where it lies; older figures have no interval.
def between: if . == null or .low == null then "" else ", \(.low | percent) to \(.high | percent)" end;

def llama: ["model", "run", "tokens/s", "least to most", "more than plain", "processor, ms a token",
		"more than plain", "processor, s in all", "first token, ms", "load, s"],
	(.llama.models[] | .model as $model | .kinds | to_entries[] | .key as $kind | .value | [
		$model, $kind, (.tokens_per_second.median | digits(4)),
		(.tokens_per_second | "\(.min | digits(4)) to \(.max | digits(4))"),
		(.over_plain | percent) + (.over | between), (.decode_cpu_seconds_per_token.median | ms),
		(.cpu_over.median | percent) + (.cpu_over | between), (.cpu_seconds.median | digits(3)),
		(.first_token_seconds.median | ms), (.load_seconds.median | digits(3))]);

def token: ["model", "run", "writes", "bytes", "reads", "bytes", "copies", "launches"],
	(.llama.models[] | .model as $model | .bus | to_entries[] | .key as $kind | .value |
		[$model, $kind, .writes, .written_bytes, .reads, .read_bytes, .copies, .launches]);

# ---- Transfers by size ----

def latency: ["bytes", "write: plain", "null", "sealed", "read: plain", "null", "sealed",
		"written together: plain", "null", "sealed"],
	(.crossing.sizes[] | .kinds as $k | [.size, (("write_us", "read_us", "write_together_us") as $what |
		($k.plain, $k["null"], $k.sealed)[$what].median | digits(4))]);

# Writes that are waited for together: what a program gets that has much to send.
def bandwidth: ["write_together_us", "read_us"] as $ops |
	["bytes", "writes together, plain", "sealed", "read, plain", "sealed", "`openssl speed`",
		"OpenSSL, a message", "records", "of OpenSSL"],
	(.seal as $seal | .crossing.sizes[] | .size as $size | .kinds as $k |
		($seal | map(select(.what == "host" and .size == $size)) | .[0]) as $host | [$size,
			($ops[] as $op | ($k.plain, $k.sealed)[$op].median as $us | $size | rate($us)),
			(.openssl_speed_gbps | if . then digits(3) else "-" end),
			(if $host then ($host | .evp_gbps, .record_gbps | digits(3)), "\($host.percent) %"
			else "-", "-", "-" end)]);

def threads: (.seal | map(select(.what == "threads"))) as $rows | $rows[0] as $one |
	["threads", "OpenSSL, GB/s", "of one thread", "records, GB/s", "of one thread", "of OpenSSL"],
	($rows[] | [.threads, (.evp_gbps | fixed(2)), (.evp_gbps / $one.evp_gbps | fixed(2)),
		(.record_gbps | fixed(2)), (.record_gbps / $one.record_gbps | fixed(2)),
		(.record_gbps / .evp_gbps | percent)]);

# ---- A program that does little but transfers ----

def program: ["run", "seconds", "least to most", "more than plain", "user, s", "system, s"],
	(.layer.kinds | to_entries[] | .key as $kind | .value | [$kind, .wall, "\(.wall_min) to \(.wall_max)",
		(.over_plain | percent), .user, .system]);

def machine: ["what", ""], ["date", .date], ["processor", "\(.machine.processor), \(.machine.processors) to use"],
	["device", "\(.llama.models[0].device), \(.llama.models[0].platform)"], ["OpenSSL", .machine.openssl],
	["repeats", .repeats], ["load of the machine before", .machine.load_before],
	["and after", .machine.load_after],
	(select(.repeats < 5 or .machine.load_before > .machine.processors) |
		["note", "**the machine was busy, or the repeats too few: these figures show the form, not the cost**"]);

{ targets: [targets], llama: [llama], token: [token], latency: [latency], bandwidth: [bandwidth],
  threads: [threads], program: [program], machine: [machine] }[$table] | .[] | map(tostring) | join("\t")
