# SPDX-License-Identifier: Apache-2.0
# The runs of gpu-llama, of one line each, as its results. Round 0 does not count, except that its
# text must be the same.
include "median";

def seconds_per_token: .stats | .decode_seconds / (.tokens - 1);

def of_kind: {
	tokens_per_second: (map(1 / seconds_per_token) | figure),
	first_token_seconds: (map(.stats.first_token_seconds) | figure),
	load_seconds: (map(.stats.load_seconds - .stats.build_seconds) | figure),
	start_seconds: (map(.stats.build_seconds) | figure),
	decode_cpu_seconds_per_token: (map(.stats | .decode_cpu_seconds / (.tokens - 1)) | figure),
	cpu_seconds: (map(.user + .system) | figure),
	wall_seconds: (map(.wall) | figure)
};

# How much more than the plain run of the same round: the median of that, and its interval. What
# disturbs a whole round is in both, and goes out.
def paired(f; $rounds; $kind):
	[$rounds[] | (map(select(.kind == "plain")) | .[0] | f) as $plain |
		(map(select(.kind == $kind)) | .[0] | f | over($plain)) | select(. != null)] |
	if length == 0 then { median: null, low: null, high: null }
	else { median: (median | digits(5)) } + interval end;

# In the time of a token, which is what the targets are about, and in processor time.
def with_over($rounds): .plain as $p | with_entries(.key as $kind | .value += {
	over: paired(seconds_per_token; $rounds; $kind),
	cpu_over: paired(.stats.decode_cpu_seconds; $rounds; $kind) } | .value += {
	over_plain: .value.over.median,
	first_over_plain: (.value.first_token_seconds.median | over($p.first_token_seconds.median))
});

def of_model: .[0] as $first | map(select(.round > 0)) as $counted | {
	model: $first.model,
	weights_bytes: $first.stats.weights_bytes,
	device: $first.stats.device,
	platform: $first.stats.platform,
	prompt_tokens: $first.stats.prompt_tokens,
	tokens: $first.stats.tokens,
	repeats: ($counted | map(.round) | max),
	same_output: (map(.hash) | unique | length == 1),
	# Below the layer; plain: what the program itself asks for.
	bus: ($bus | map(select(.model == $first.model) | { (.kind): .bus }) | add),
	kinds: ($counted | group_by(.kind) | map({ (.[0].kind): of_kind }) | add |
		{ plain, null: .["null"], data, sealed } |
		with_over($counted | group_by(.round)))
};

{ what: "gpu-llama", suite: $suite, repeats: $repeats,
  models: ($runs | group_by(.model) | map(of_model) | sort_by(.weights_bytes)) }
