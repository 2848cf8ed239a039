# SPDX-License-Identifier: Apache-2.0
# The results of gpu-bench as a plot (SVG): above, what a transfer takes by its size; below, how
# many times that of a plain one it is. Both axes are logarithmic. The same results make the same
# bytes. Colours follow the reader's choice of light or dark.
include "median";

def lg: log / (10 | log);
def r1: . * 10 | round / 10;

# ---- Where things are ----

def left: 74;
def right: 560;
def width: 760;
def x($size): ($size / 16 | log) / (4194304 | log) * (right - left) + left | r1;
# A panel has its top, its height and the powers of ten that it spans.
def y($p; $v): $p.top + $p.height * ($p.high - ($v | lg)) / ($p.high - $p.low) | r1;

def bytes: if . >= 1048576 then "\(. / 1048576) MiB" elif . >= 1024 then "\(. / 1024) KiB" else "\(.) B" end;
def text($x; $y; $class; $what): "<text x=\"\($x)\" y=\"\($y)\" class=\"\($class)\">\($what)</text>";
def line($a; $b; $c; $d; $class): "<line x1=\"\($a)\" y1=\"\($b)\" x2=\"\($c)\" y2=\"\($d)\" class=\"\($class)\"/>";

# ---- A panel ----

# Of the powers of ten, of 0.001 at least.
def power: if . >= 0 then pow(10; .) | tostring else "0.\("00"[0:-1 - .])1" end;
def microseconds: if . >= 6 then "\(. - 6 | power) s" elif . >= 3 then "\(. - 3 | power) ms" else "\(power) µs" end;

def frame($p): text(left; $p.top - 12; "head"; $p.title),
	(range($p.low; $p.high + 1) as $e | y($p; pow(10; $e)) as $y | line(left; $y; right; $y; "grid"),
		text(left - 8; $y + 4; "tick end"; $e | if $p.times then "\(power)×" else microseconds end)),
	(16, 256, 4096, 65536, 1048576, 16777216 |
		. as $s | line(x($s); $p.top; x($s); $p.top + $p.height; "grid"),
		text(x($s); $p.top + $p.height + 18; "tick mid"; ($s | bytes))),
	"<rect x=\"\(left)\" y=\"\($p.top)\" width=\"\(right - left)\" height=\"\($p.height)\" class=\"frame\"/>";

def dot($shape; $x; $y; $class): if $shape == "square"
	then "<rect x=\"\($x - 3.5 | r1)\" y=\"\($y - 3.5 | r1)\" width=\"7\" height=\"7\" class=\"dot \($class)\"/>"
	else "<circle cx=\"\($x)\" cy=\"\($y)\" r=\"3.5\" class=\"dot \($class)\"/>" end;

# $s: its points [size, value], class and shape.
def curve($p; $s): $s.points | map([x(.[0]), y($p; .[1])]) |
	"<polyline class=\"curve \($s.class)\" points=\"\(map("\(.[0]),\(.[1])") | join(" "))\"/>",
	(.[] | dot($s.shape; .[0]; .[1]; $s.class));

# Names stand beside the panel, in the order of the ends of the curves, and not over each other.
def legend($p; $curves): $curves | sort_by(-(.points[-1][1])) | to_entries[] |
	($p.top + 16 + 24 * .key) as $y | .value as $s |
	"<line x1=\"\(right + 16)\" y1=\"\($y)\" x2=\"\(right + 44)\" y2=\"\($y)\" class=\"curve \($s.class)\"/>",
	dot($s.shape; right + 30; $y; $s.class), text(right + 52; $y + 4; "name"; $s.name);

def panel($p; $curves): frame($p), ($curves[] | curve($p; .)), legend($p; $curves);

# The powers of ten around all values.
def span($curves): [$curves[].points[][1] | lg] | { low: (min | floor), high: (max | ceil) } |
	if .low == .high then .high += 1 else . end;

# ---- What is shown ----

def points($kind; $what): [.crossing.sizes[] | [.size, .kinds[$kind][$what].median]];
def ratio($kind; $what): [.crossing.sizes[] | [.size, .kinds[$kind][$what].median / .kinds.plain[$what].median]];

def times: [
	{ name: "write, sealed", class: "sealed", shape: "circle", points: points("sealed"; "write_us") },
	{ name: "write, plain", class: "plain", shape: "circle", points: points("plain"; "write_us") },
	{ name: "read, sealed", class: "sealed dashed", shape: "square", points: points("sealed"; "read_us") },
	{ name: "read, plain", class: "plain dashed", shape: "square", points: points("plain"; "read_us") }];

def ratios: [
	{ name: "write, sealed", class: "sealed", shape: "circle", points: ratio("sealed"; "write_us") },
	{ name: "16 writes, sealed", class: "many", shape: "circle", points: ratio("sealed"; "write_together_us") },
	{ name: "read, sealed", class: "sealed dashed", shape: "square", points: ratio("sealed"; "read_us") },
	{ name: "write, null layer", class: "null", shape: "circle", points: ratio("null"; "write_us") }];

def style: "<style>
text { font-family: sans-serif; fill: #24292f; }
.head { font-size: 15px; font-weight: bold; } .tick { font-size: 12px; } .name { font-size: 13px; }
.end { text-anchor: end; } .mid { text-anchor: middle; }
.paper { fill: #ffffff; } .grid { stroke: #d0d7de; stroke-width: 1; }
.frame { fill: none; stroke: #57606a; stroke-width: 1; }
.curve { fill: none; stroke-width: 2; } .dashed { stroke-dasharray: 6 4; }
.dot { stroke-width: 1; stroke-dasharray: none; }
.sealed { stroke: #b35900; } .plain { stroke: #0550ae; } .null { stroke: #57606a; } .many { stroke: #6639ba; }
.dot.sealed { fill: #b35900; } .dot.plain { fill: #0550ae; } .dot.null { fill: #57606a; } .dot.many { fill: #6639ba; }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3; } .paper { fill: #0d1117; } .grid { stroke: #30363d; } .frame { stroke: #8b949e; }
.sealed { stroke: #ffa657; } .plain { stroke: #79c0ff; } .null { stroke: #8b949e; } .many { stroke: #d2a8ff; }
.dot.sealed { fill: #ffa657; } .dot.plain { fill: #79c0ff; } .dot.null { fill: #8b949e; } .dot.many { fill: #d2a8ff; }
}
</style>";

times as $times | ratios as $ratios |
({ title: "Time of one transfer", times: false, top: 40, height: 290 } + span($times)) as $above |
({ title: "How many times that of a plain transfer", times: true, top: 404, height: 230 } + span($ratios)) as $below |
"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(width) 682\" width=\"\(width)\" height=\"682\" role=\"img\">",
"<!-- SPDX-License-Identifier: Apache-2.0 -->", "<!-- Made by tests/bench/gpu-plot. -->",
"<title>What sealing costs a transfer, by its size</title>", style,
"<rect class=\"paper\" width=\"\(width)\" height=\"682\"/>",
panel($above; $times), panel($below; $ratios),
text((left + right) / 2; 674; "tick mid"; "size of the transfer"),
"</svg>"
