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

# In the time of a token: that is what the targets are about.
def with_over: .plain as $p | map_values(. + {
	over_plain: (1 / .tokens_per_second.median | over(1 / $p.tokens_per_second.median)),
	first_over_plain: (.first_token_seconds.median | over($p.first_token_seconds.median))
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
		{ plain, null: .["null"], data, sealed } | with_over)
};

{ what: "gpu-llama", suite: $suite, repeats: $repeats,
  models: ($runs | group_by(.model) | map(of_model) | sort_by(.weights_bytes)) }
