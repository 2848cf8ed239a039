# SPDX-License-Identifier: Apache-2.0
# What the figures of several runs come to.

def median:
	sort | if length == 0 then null
		elif length % 2 == 1 then .[(length - 1) / 2]
		else (.[length / 2 - 1] + .[length / 2]) / 2 end;

# To so many digits that matter.
def digits($n): if . == null or . == 0 then . else
	(fabs | log10 | floor) as $e | pow(10; $n - 1 - $e) as $f | (. * $f | round) / $f end;

def figure: { median: (median | digits(5)), min: (min | digits(5)), max: (max | digits(5)) };

# Where the median lies that more runs would have, with a probability of 95 %, whatever the figures'
# distribution: from the k-th least to the k-th greatest of them. Of fewer than six it is less: all.
def binomials: . as $n | reduce range(0; $n) as $i ([1]; . + [.[-1] * ($n - $i) / ($i + 1)]);
def interval: sort | . as $all | length as $n |
	($n | binomials) as $b |
	([range(1; $n / 2 | floor) | . as $k | select(($b[:$k + 1] | add) * 2 <= 0.05 * pow(2; $n))] |
		length) as $k |
	{ low: $all[$k], high: $all[$n - 1 - $k] };

# How much more than $plain, as a share of it.
def over($plain): if $plain > 0 then (. / $plain - 1) * 10000 | round / 10000 else null end;
