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

# How much more than $plain, as a share of it.
def over($plain): if $plain > 0 then (. / $plain - 1) * 10000 | round / 10000 else null end;
