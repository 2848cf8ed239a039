#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# hgctl cvm, gpu, attest, config and metrics on a machine without hypergpu.ko: a program that
# behaves like hgvmm takes its place, and others print what they were called with.

set -u -o pipefail
cd "$(dirname "$0")/../../.." || exit 1
[ -x tools/build/hgctl ] || { echo "no tools/build/hgctl: run make first"; exit 1; }
make -s -C tests/unit/tools build/fake-hgvmm || exit 1

root=$(mktemp -d)
export HYPERGPU_CONFIG_DIR=$root/etc HYPERGPU_STATE_DIR=$root/run HGCTL_ROOT=$root/machine
unset HGATTEST_TCTI JOURNAL_STREAM NOTIFY_SOCKET
mkdir -p "$root/bin" "$root/etc" "$root/machine"
hgctl=$root/bin/hgctl
cp tools/build/hgctl "$hgctl"
cp tests/unit/tools/build/fake-hgvmm "$root/bin/hgvmm"
for p in hggpu hgrun hgattest hgverify; do
	# shellcheck disable=SC2016 # the program's, not ours
	printf '#!/bin/sh\nprintf "%%s" "${0##*/}"\nprintf " [%%s]" "$@"\necho\n' >"$root/bin/$p"
	chmod 755 "$root/bin/$p"
done
bad=0

# The VMs that a test left running; by their own sockets, so that nobody else's is meant.
cleanup() {
	local d
	for d in "$root"/run/vms/*/; do
		[ ! -d "$d" ] || "$hgctl" cvm stop "$(basename "$d")" --timeout 0 --force >/dev/null 2>&1
	done
	rm -rf "$root"
}
trap cleanup EXIT

fail() {
	echo "FAILED: $*"
	bad=1
}

run() { # WANTED-STATUS WANTED-TEXT ARGS...
	local want=$1 text=$2 rc=0
	shift 2
	"$hgctl" "$@" >"$root/out" 2>&1 </dev/null || rc=$?
	if [ $rc -ne "$want" ]; then
		fail "hgctl $*: exit status $rc, want $want"
		sed 's/^/    /' "$root/out"
	elif [ -n "$text" ] && ! grep -Fq -- "$text" "$root/out"; then
		fail "hgctl $*: want '$text' in"
		sed 's/^/    /' "$root/out"
	else
		echo "ok: hgctl ${*//$root/ROOT}"
	fi
}

state() { # NAME: as list has it
	"$hgctl" cvm list --json | jq -r --arg n "$1" '.vms[] | select(.name == $n) | .state'
}

is() { # NAME STATE
	local now
	now=$(state "$1")
	[ "$now" = "$2" ] || fail "$1 is $now, not $2"
}

pid_of() {
	"$hgctl" cvm list --json | jq -r --arg n "$1" '.vms[] | select(.name == $n) | .pid'
}

# ---- create ----
: >"$root/kernel"
k=(--kernel "$root/kernel" --smp 2 --mem 64M)
run 0 'Usage: hgctl cvm' cvm --help
run 2 'which command' cvm
run 2 'there is no command frob' cvm frob
run 2 'wants one NAME' cvm create
run 2 '[vm] kernel is missing' cvm create a
for name in '' .. a/b ../a -x .a 'a b' 'é' "$(printf 'a%.0s' {1..33})" $'a\nb'; do
	run 2 '' cvm create "${k[@]}" -- "$name"
	run 2 '' cvm start -- "$name"
done
[ -z "$(find "$root/etc" -name '*.conf*')" ] || fail "a bad name left a file"
run 2 '--smp 65' cvm create a --kernel k --smp 65
run 2 'multiple of 2M' cvm create a --kernel k --mem 3M
run 2 "'rw' is unknown" cvm create a --kernel k --disk path=/d,rw
run 2 'wants one of on|split' cvm create a --kernel k --irqchip maybe
run 2 'is not an option' cvm create a --kernel k --frob
run 2 'needs a value' cvm create a --kernel
run 2 'a value is one line' cvm create a --kernel k --append $'x\n[vm]'
disks=()
for n in 1 2 3 4 5 6 7 8 9; do disks+=(--disk "path=/$n"); done
run 2 'more than 8 times' cvm create a --kernel k "${disks[@]}"
[ ! -e "$root/etc/vms" ] || fail "what was refused left a file"

# The least that is a bzImage, as in cli.sh.
poke() { # OFFSET BYTES
	# shellcheck disable=SC2059 # the escapes are the point
	printf "$2" | dd of="$root/kernel" bs=1 seek=$(($1)) conv=notrunc 2>/dev/null
}
truncate -s 5000 "$root/kernel"
poke 0x1f1 '\003'
poke 0x200 '\353\146HdrS\014\002'
poke 0x22c '\377\377\377\177\000\000\020'
poke 0x234 '\001\000\001'
poke 0x238 '\377\007'
poke 0x25a '\020'
poke 0x261 '\020'
run 0 "$root/etc/vms/a.conf" cvm create a "${k[@]}" --append runs
run 1 'is there already' cvm create a "${k[@]}" --append other
grep -q '^append = runs$' "$root/etc/vms/a.conf" || fail "a.conf was overwritten"
# The digest is that of hgctl measure, with what the same hgvmm says of CPUID.
"$root/bin/hgvmm" --smp 2 --dump-cpuid "$root/cpuid"
want=$("$hgctl" measure "${k[@]}" --append runs --cpuid "$root/cpuid")
[ ${#want} = 64 ] || fail "measure says '$want'"
run 0 "$want" cvm digest a
run 0 "launch digest $want" cvm create b "${k[@]}" --append runs --cpuid "$root/cpuid"
run 0 'cpuid = ' cvm show b
(cd "$root" && : >disk && "$hgctl" cvm create rel --kernel kernel --disk path=disk,ro --ordinary >/dev/null) ||
	fail "create with relative paths"
run 0 "disk = path=$root/disk,ro" cvm show rel
run 1 'no launch digest' cvm digest rel
run 1 "no VM 'none'" cvm show none
[ -z "$(find "$root/etc" -name '*.conf.*')" ] || fail "create left a temporary file"
if [ "$(id -u)" = 0 ]; then	# whom no mode stops: a file where the folder should be
	mkdir "$root/etc2" && : >"$root/etc2/vms"
	run 1 'Not a directory' cvm --dir "$root/etc2" create a "${k[@]}"
	mkdir "$root/etc3" && printf '[vm]\nstate = %s/kernel\n' "$root" >"$root/etc3/hypergpu.conf" &&
		cp -r "$root/etc/vms" "$root/etc3/"
	(unset HYPERGPU_STATE_DIR; run 1 'Not a directory' cvm --dir "$root/etc3" start a; exit $bad) || bad=1
fi

# ---- start, list, console, stop ----
is a stopped
run 1 "no VM 'none'" cvm start none
run 0 'a does not run' cvm stop a
run 1 'does not run' cvm console a
run 0 'a runs, launch digest 0011' cvm start a
is a running
run 1 'a runs already' cvm start a
run 1 'a runs: hgctl cvm stop a' cvm delete a
run 0 "$(pid_of a)" cvm list
run 0 'launch_digest' cvm list --json
[ "$(printf 'hello' | timeout 20 "$hgctl" cvm console a)" = "console of $(pid_of a): hello" ] || fail "console"
# Whose definition is gone: it still runs, and can be stopped.
mv "$root/etc/vms/a.conf" "$root/kept"
run 0 'running' cvm list
run 0 'a stopped' cvm stop a
mv "$root/kept" "$root/etc/vms/a.conf"
is a stopped

# Many starts at once: one wins, and nothing of the winner's is touched.
for turn in 1 2 3; do
	for i in 1 2 3 4 5 6; do
		("$hgctl" cvm start a >"$root/start.$i" 2>&1; echo $? >"$root/rc.$i") &
		starts[i]=$!
	done
	wait "${starts[@]}"
	[ "$(cat "$root"/rc.* | grep -c '^0$')" = 1 ] || fail "turn $turn: not one start won: $(cat "$root"/start.*)"
	is a running
	grep -q 'this is none' "$root/run/vms/a/log" || fail "turn $turn: the winner's log was lost"
	run 0 'a stopped' cvm stop a
done

# ---- what does not start ----
run 0 '' cvm create fails "${k[@]}" --append fails
run 1 'lacks something' cvm start fails
grep -q $'\033' "$root/out" && fail "a log's escape reached the terminal"
is fails failed
printf '[vm]\nstart_timeout = 1\n' >"$root/etc/hypergpu.conf"
run 0 '' cvm create hangs "${k[@]}" --append hangs
run 1 'does not run after 1 s' cvm start hangs
is hangs failed
rm "$root/etc/hypergpu.conf"
mv "$root/bin/hgvmm" "$root/bin/away"
run 1 'there is no hgvmm beside hgctl' cvm start a
(PATH=$root/elsewhere:$PATH; mkdir "$root/elsewhere"; cp "$root/bin/away" "$root/elsewhere/hgvmm"
	run 1 'there is no hgvmm beside hgctl' cvm start a; exit $bad) || bad=1
mv "$root/bin/away" "$root/bin/hgvmm"

# ---- what does not stop ----
run 0 '' cvm create deaf "${k[@]}" --append deaf
run 0 '' cvm start deaf
run 1 'did not power off in 1 s' cvm stop deaf --timeout 1
is deaf running
run 0 'deaf stopped' cvm stop deaf --timeout 0 --force
is deaf stopped
run 0 '' cvm create stubborn "${k[@]}" --append stubborn
run 0 '' cvm start stubborn
run 1 '--force ends it' cvm stop stubborn --timeout 0
is stubborn running
run 0 'stubborn stopped' cvm stop stubborn --timeout 0 --force
is stubborn failed
# An answer that comes byte by byte and never ends.
run 0 '' cvm create drips "${k[@]}" --append drips
run 0 '' cvm start drips
run 1 'hgvmm does not answer; --force ends it' cvm stop drips --timeout 0
is drips starting	# it does not answer
run 0 'drips stopped' cvm stop drips --timeout 0 --force
# One that is held, and whose queue is full.
run 0 '' cvm start drips
kill -STOP "$(pid_of drips)"
clients=()
for _ in $(seq 12); do
	socat -u "UNIX-CONNECT:$root/run/vms/drips/control" - >/dev/null 2>&1 &
	clients+=($!)
done
until [ "$(ss -Hxl src "$root/run/vms/drips/control" | awk '{ print $3 }')" -gt 4 ]; do sleep 0.02; done
is drips starting
run 0 'drips stopped' cvm stop drips --timeout 0 --force
kill "${clients[@]}" 2>/dev/null
wait "${clients[@]}"

# ---- a hgvmm that is its guest's ----
sleep 1000 &
other=$!
run 0 '' cvm create liar "${k[@]}" --append liar
VICTIM="$other $(awk '{ print $22 }' /proc/$other/stat)" run 0 'liar runs' cvm start liar
grep -q $'\033' "$root/out" && fail "a digest's escape reached the terminal"
grep -q '/lock$' "$root/run/vms/liar/log" || fail "the test wants a hgvmm that writes what it has open"
run 0 liar cvm list
grep -q $'\033' "$root/out" && fail "a digest's escape reached the terminal"
[ "$(pid_of liar)" != $other ] || fail "another process passes for hgvmm"
run 0 'liar stopped' cvm stop liar --timeout 0 --force
kill -0 $other || fail "another process was ended"
kill $other

# ---- crashes, and states that are stale ----
run 0 '' cvm create crashes "${k[@]}" --append crashes
run 0 '' cvm start crashes
run 0 'crashes stopped' cvm stop crashes
is crashes failed
[ "$("$hgctl" cvm list --json | jq '.vms[] | select(.name == "crashes").last')" = $((128 + 6)) ] ||
	fail "the signal is not told"
# hgvmm killed, its sockets left: not running, and it starts again.
run 0 '' cvm start a
pid=$(pid_of a)
kill -9 "$pid"
for _ in $(seq 500); do [ "$(state a)" = failed ] && break; sleep 0.02; done
is a failed
[ -S "$root/run/vms/a/control" ] || fail "the test wants a socket that is left over"
run 0 'a runs' cvm start a
# The supervisor killed, too: still running, as it is hgvmm that has the lock.
super=$(ps -o ppid= -p "$(pid_of a)" | tr -d ' ')
kill -9 "$super"
for _ in $(seq 500); do kill -0 "$super" 2>/dev/null || break; sleep 0.02; done
is a running
run 1 'a runs already' cvm start a
kill -9 "$(pid_of a)"
for _ in $(seq 500); do [ "$(state a)" = crashed ] && break; sleep 0.02; done
is a crashed
# A process number that another process has by now: it is neither shown nor signalled.
sleep 1000 &
other=$!
echo "$other 1" >"$root/run/vms/a/process"
is a crashed
run 0 'does not run' cvm stop a --force --timeout 0
kill -0 $other || fail "another process was ended"
# The same while the lock is held by somebody: a running VM's.
run 0 '' cvm start a
cp "$root/run/vms/a/process" "$root/process"
echo "$other 1" >"$root/run/vms/a/process"
[ "$(pid_of a)" = null ] || fail "another process passes for hgvmm"
run 1 'about to start or to end' cvm stop a --timeout 0 --force
kill -0 $other || fail "another process was ended"
cat "$root/process" >"$root/run/vms/a/process"
run 0 'a stopped' cvm stop a
kill $other
for junk in '' x '-1 5' '99999999999999999999 1' "$(head -c 100000 /dev/zero | tr '\0' 9)"; do
	printf '%s' "$junk" >"$root/run/vms/a/process"
	is a stopped
done
# A link in the way is not followed.
rm "$root/run/vms/a/log" && : >"$root/precious" && ln -s "$root/precious" "$root/run/vms/a/log"
run 1 'Too many levels' cvm start a
[ ! -s "$root/precious" ] || fail "a log was written through a link"
rm "$root/run/vms/a/log"
run 0 'a runs' cvm start a
run 0 'a stopped' cvm stop a

# In the foreground, as systemd has it: told when it runs, and the journal's priorities.
socat -u "UNIX-RECV:$root/notify" "CREATE:$root/notified" &
socat=$!
for _ in $(seq 500); do [ -S "$root/notify" ] && break; sleep 0.02; done
NOTIFY_SOCKET=$root/notify "$hgctl" cvm run a 2>"$root/journal" &
super=$!
for _ in $(seq 500); do [ -s "$root/notified" ] && break; sleep 0.02; done
grep -q READY=1 "$root/notified" || fail "systemd was not told"
is a running
kill $super
wait $super || fail "run ended with $?"
kill $socat
is a stopped

# With systemd: the unit is started, by the systemctl of the machine that was named, and of that
# machine's own VMs only.
m=$root/machine
mkdir -p "$m/run/systemd/system" "$m/usr/lib/systemd/system" "$m/usr/bin" "$m/etc/hypergpu"
: >"$m/usr/lib/systemd/system/hypergpu-vm@.service"
cat >"$m/usr/bin/systemctl" <<END
#!/bin/sh
echo "\$@" >>$root/systemctl
[ ! -e $root/refuse ] || exit 1
[ ! -e $root/skip ] || exit 0
$hgctl cvm --dir $m/etc/hypergpu run a >$root/unit 2>&1 &
until grep -q 'launch digest' $root/unit; do sleep 0.02; done
END
chmod 755 "$m/usr/bin/systemctl"
if [ "$(id -u)" = 0 ]; then
	printf '[vm]\nstate = %s\n' "$root/run" | tee "$root/etc/hypergpu.conf" >"$m/etc/hypergpu/hypergpu.conf"
	cp -r "$root/etc/vms" "$m/etc/hypergpu/"
	(unset HYPERGPU_CONFIG_DIR HYPERGPU_STATE_DIR
	# VMs of another folder are not systemd's.
	run 0 'a runs, launch digest' cvm --dir "$root/etc" start a
	[ ! -e "$root/systemctl" ] || fail "systemctl was asked for a VM of another folder"
	run 0 'a stopped' cvm --dir "$root/etc" stop a
	: >"$root/skip"
	run 1 'journalctl -u hypergpu-vm@a.service' cvm --dir "$m/etc/hypergpu" start a
	rm "$root/skip"; : >"$root/refuse"
	run 1 'journalctl -u hypergpu-vm@a.service' cvm --dir "$m/etc/hypergpu" start a
	rm "$root/refuse"
	run 0 'a runs, as hypergpu-vm@a.service' cvm --dir "$m/etc/hypergpu" start a
	run 0 'a stopped' cvm --dir "$m/etc/hypergpu" stop a; exit $bad) || bad=1
	[ "$(sort -u "$root/systemctl")" = 'start hypergpu-vm@a.service' ] || fail "systemctl: $(cat "$root/systemctl")"
fi

# ---- definitions and hypergpu.conf that are wrong ----
conf() { # STATUS TEXT LINES: hypergpu.conf
	printf '%b' "$3" >"$root/etc/hypergpu.conf"
	run "$1" "$2" config check
}
f=$root/etc/hypergpu.conf
conf 0 right ''
conf 0 right '# c\n\n[vm]\n cpus = 4\n[gpu]\nrecord=/r\n[attest]\nreference = /a\nreference = /b\n'
conf 1 "$f:1:1: there is no section [vms]; there are: vm, gpu, attest" '[vms]\n'
conf 1 "$f:3:2: [vm] has no key 'cpu'; it has: definitions, state, cpus" '[vm]\n\n cpu = 1\n'
conf 1 "$f:3:1: cpus is there twice, first in line 2" '[vm]\ncpus = 1\ncpus = 1\n'
conf 1 "$f:2:8: cpus: --smp 0: use a number from 1 to 64" '[vm]\ncpus = 0\n'
conf 1 "$f:2:18: start_timeout wants a number from 1 to 3600, not '3601'" '[vm]\nstart_timeout  = 3601\n'
conf 1 "$f:2:9: suite wants one of aes-256-gcm|chacha20-poly1305|sm4-ctr-hmac-sm3, not 'aes'" '[gpu]\nsuite = aes\n'
conf 1 "$f:2:9: state wants an absolute path" '[vm]\nstate = run\n'
conf 1 "$f:2:5: ak has no value" '[attest]\nak =  \n'
conf 1 "$f:1:1: 'cpus' stands before the first" 'cpus = 1\n'
conf 1 "$f:2:1: neither [SECTION] nor KEY" '[vm]\ncpus\n'
conf 1 "$f:1:1: a section is [NAME]" '[vm\n'
conf 1 "$f:2:5: a control character" '[vm]\ncpus\0= 1\n'
conf 1 "$f:1:3: a control character" '# \033[31m\n'
conf 1 "$f:1:1024: a line of more than" "#$(printf 'x%.0s' {1..1023})\n"
conf 1 'more than 16 times' "[attest]\n$(printf 'reference = /%d\\n' {1..17})"
head -c 65537 /dev/zero | tr '\0' '\n' >"$f"
run 1 'larger than 65536 bytes' config check
run 1 'larger than 65536 bytes' cvm list
rm "$f" && mkdir "$f"
run 1 "$f:" config check
rmdir "$f"
run 1 'No such file' config check
run 0 '#state = /run/hypergpu' config show
run 2 'Usage' config frob
printf '[vm]\nkernel = /k\nsmp = 1\n' >"$root/etc/vms/wrong.conf"
run 1 "wrong.conf:3:1: [vm] has no key 'smp'" cvm start wrong
run 0 "wrong.conf:3:1:" cvm list
is wrong invalid
run 1 "wrong.conf:3:1:" config check --vm "$root/etc/vms/wrong.conf"
run 0 right config check --vm "$root/etc/vms/a.conf"
run 0 right config check tools/conf/hypergpu.conf

# ---- gpu, attest ----
cat >"$f" <<END
[gpu]
record = $root/r
signer = /s
key = /k
[attest]
ak = $root/ak
server = https://v:1
ca = /ca
client_certificate = /cc
policy = p
policy_file = /pf
reference = /r1
reference = /r2
END
s='[--server] [https://v:1] [--ca] [/ca]'
run 0 'hggpu [list] [--json]' gpu list --json
run 0 "hggpu [verify] [--record] [$root/r] [--trust] [/s] [--strict]" gpu verify --strict
run 0 "hggpu [verify] [--trust] [/s] [--record=/other]" gpu verify --record=/other
run 0 "hggpu [enroll] [--key] [/k] [--out] [$root/r]" gpu enroll
: >"$root/r"
run 1 "$root/r is there already" gpu enroll
run 0 'hggpu [enroll] [--key] [/k] [--out] [/x]' gpu enroll --out /x
run 0 "hgrun [--gpu] [$root/r] [--signer] [/s] [--suite] [aes-256-gcm] [--] [prog]" gpu run -- prog
run 0 "hgrun [--suite] [aes-256-gcm] [--gpu] [/g] [prog]" gpu run --gpu /g prog
# What stands behind the program is the program's: it takes no record away.
d="hgrun [--gpu] [$root/r] [--signer] [/s] [--suite] [aes-256-gcm]"
run 0 "$d [prog] [--gpu] [0] [--suite] [x]" gpu run prog --gpu 0 --suite x
run 0 "$d [--verbose] [--report] [p] [prog] [--gpu=0]" gpu run --verbose --report p prog --gpu=0
run 2 'there is no command frob' gpu frob
run 2 'which command' attest
run 0 "hgattest [ak] [--tcti] [device:/dev/tpmrm0] [--out] [$root/ak]" attest ak
run 0 "hgattest [gather] [--tcti] [device:/dev/tpmrm0] [--ak] [$root/ak] [--nonce] [00]" attest gather --nonce 00
run 0 "hgattest [challenge] $s [--out] [-]" attest challenge --out -
run 0 "hgattest [submit] $s [--policy] [q]" attest submit --policy q
run 0 'hgverify [--policy] [/pf] [--reference] [/r1] [--reference] [/r2] [--json]' attest verify --json
HGATTEST_TCTI=x run 0 'hgattest [join] [--ak]' attest join
mv "$root/bin/hgattest" "$root/elsewhere/"
(PATH=$root/elsewhere:$PATH; run 1 'there is no hgattest beside hgctl' attest ak; exit $bad) || bad=1
mkdir -p "$root/libexec/hypergpu" && mv "$root/elsewhere/hgattest" "$root/libexec/hypergpu/"
run 0 'hgattest [ak]' attest ak

# ---- metrics: the rules of the text format, and of names ----
check_prom() { # FILE
	awk '
		function bad(text) { printf "%d: %s: %s\n", NR, text, $0; wrong = 1 }
		/^# HELP [a-zA-Z_:][a-zA-Z0-9_:]* ./ { if ($3 in help) bad("a second HELP"); help[$3] = 1; next }
		/^# TYPE [a-zA-Z_:][a-zA-Z0-9_:]* (counter|gauge)$/ {
			if (!($3 in help)) bad("no HELP"); if ($3 in type) bad("a second TYPE")
			if (($4 == "counter") != ($3 ~ /_total$/)) bad("a counter is one that ends in _total")
			if ($3 !~ /^hypergpu_/) bad("prefix"); type[$3] = $4; family = $3; next }
		/^[a-zA-Z_:][a-zA-Z0-9_:]*({([a-zA-Z_][a-zA-Z0-9_]*="([^"\\]|\\["\\n])*",?)+})? [-+0-9.e]+$/ {
			name = $0; sub(/[{ ].*/, "", name); if (name != family) bad("not of this family")
			key = $0; sub(/ [^ ]*$/, "", key); if (key in seen) bad("twice"); seen[key] = 1; next }
		{ bad("no such line") }
		END { exit wrong || !length(type) }' "$1"
}
d=$root/machine/sys/kernel/debug/hypergpu
mkdir -p "$d/vm-1-2/vcpu0" "$d/vm-1-2/vcpu1" "$root/machine/proc/1" "$root/reports"
echo 3 >"$d/vms"; echo 7 >"$d/frames_host"; echo 9 >"$d/frames_private"
echo 4 >"$d/vm-1-2/faults"; echo 2 >"$d/vm-1-2/vcpus"; echo 5 >"$d/vm-1-2/domain_mapped_4k"
for v in 0 1; do echo 18446744073709551615 >"$d/vm-1-2/vcpu$v/exits"; echo 1 >"$d/vm-1-2/vcpu$v/odd-name"; done
# shellcheck disable=SC1003
printf 'a"b\\c\n\001\377' >"$root/machine/proc/1/comm"
printf '[gpu]\nreports = %s/reports\n' "$root" >"$f"
cat >"$root/reports/1.json" <<END
{"crossings": {"to_device": {"count": 1, "bytes": 100}, "to_host": {"count": 1, "bytes": 50}},
 "launches": {"receipted": 3, "in_clear": 1}, "refused": {"clFoo": 2}, "failure": "x",
 "in_clear": {"kernel_arguments": {"count": 1, "bytes": 10}, "a": {"count": 1, "bytes": -5}}}
END
echo '{"crossings": 5}' >"$root/reports/2.json"
echo '[[[[' >"$root/reports/3.json"
: >"$root/reports/4.json"
: >"$root/reports/no-report"
run 0 'hypergpu_vms 3' metrics
cp "$root/out" "$root/prom"
check_prom "$root/prom" || fail "metrics are not as Prometheus wants them"
for line in 'hypergpu_module_up 1' 'hypergpu_frames{state="host"} 7' 'hypergpu_gpu_reports 1' \
	'hypergpu_vm_faults_total{vm="vm-1-2",pid="1",command="a\"b\\c\n??"} 4' \
	'hypergpu_vm_domain_mapped_4k{vm="vm-1-2",pid="1",command="a\"b\\c\n??"} 5' \
	'hypergpu_vcpu_exits_total{vm="vm-1-2",vcpu="1"} 1.8446744073709552e+19' \
	'hypergpu_gpu_reports_unreadable 2' 'hypergpu_gpu_sealed_bytes{direction="to_device"} 100' \
	'hypergpu_gpu_clear_bytes 10' 'hypergpu_gpu_launches{receipt="no"} 1' \
	'hypergpu_cvm_state{name="a",state="stopped"} 1' 'hypergpu_gpu_failures 1'; do
	grep -Fxq -- "$line" "$root/prom" || fail "metrics lack $line"
done
run 0 '' metrics --out "$root/m.prom"
cmp "$root/m.prom" "$root/prom" || fail "metrics --out differ"
run 1 '' metrics --out "$root/nowhere/m.prom"
run 2 'is not an option' metrics --listen 9100
run 0 'hypergpu_module_up 0' metrics --root "$root/reports"

run 0 '' cvm delete b
run 1 'No such file' cvm delete b
is b ''
[ ! -e "$root/run/vms/b" ] || fail "delete left the state"
exit $bad
