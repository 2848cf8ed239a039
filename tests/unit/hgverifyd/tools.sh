#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# hgverifyd as a program: its command line, the sandboxed server, a client that is not
# ours, restart, rotation of log and keys, a log that cannot be written. And hgattest's
# commands that speak to it.

set -u -o pipefail
cd "$(dirname "$0")/../../.." || exit 1

bin=$PWD/attest/build
vectors=$PWD/tests/unit/attest/vectors
[ -x "$bin/hgverifyd" ] || { echo "no $bin/hgverifyd: run make first"; exit 1; }
for p in curl openssl jq; do
	command -v $p >/dev/null || { echo "$p is not installed"; exit 77; }
done
root=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null; rm -rf "$root"' EXIT
bad=0

fail() {
	echo "FAILED: $*"
	[ ! -s "$root/out" ] || sed 's/^/    /' "$root/out"
	bad=1
}

run() { # WANTED-STATUS WANTED-TEXT PROGRAM ARGS...
	local want=$1 text=$2 program=$3 rc=0
	shift 3
	"$bin/$program" "$@" >"$root/out" 2>&1 </dev/null || rc=$?
	if [ $rc -ne "$want" ]; then
		fail "$program $*: exit status $rc, want $want"
	elif [ -n "$text" ] && ! grep -Fq -- "$text" "$root/out"; then
		fail "$program $*: want '$text'"
	else
		echo "ok: $program ${*//$root/ROOT}"
	fi
}

c=(-c "$root/conf")
certificate() { # NAME
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$1" \
		-addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout "$root/$1.key" -out "$root/$1.crt" 2>/dev/null
}
certificate server
cat >"$root/conf" <<END
[server]
listen = 127.0.0.1:0
certificate = $root/server.crt
key = $root/server.key
workers = 2
[verify]
database = $root/db
ear_key = $root/ear.pem
secrets_key = $root/secrets.key
policy = p
[audit]
file = $root/audit
END

# The command line.
run 0 'usage: hgverifyd' hgverifyd --help
run 0 'hgverifyd 0.' hgverifyd --version
run 2 'which command' hgverifyd
run 2 "no command 'frob'" hgverifyd frob
run 2 "no command 'machine frob'" hgverifyd machine frob
run 2 'wants 1 more' hgverifyd machine add
run 2 'wants nothing' hgverifyd serve x
run 2 '--days wants' hgverifyd token create --days 0
run 2 'wants the files' hgverifyd audit check
run 3 'No such file' hgverifyd -c "$root/none" serve
echo '[server]' >"$root/half"
run 3 'listen is missing' hgverifyd -c "$root/half" check
echo 'nonsense' >>"$root/half"
run 3 'half:2: neither' hgverifyd -c "$root/half" check
run 1 'ear.pem' hgverifyd "${c[@]}" check
run 1 'unable to open' hgverifyd "${c[@]}" machine list
run 0 'is ready' hgverifyd "${c[@]}" init
run 0 'is ready' hgverifyd "${c[@]}" init
run 0 'as they should be' hgverifyd "${c[@]}" check
chmod 644 "$root/ear.pem"
run 1 'others may read it' hgverifyd "${c[@]}" check
chmod 600 "$root/ear.pem"
for f in db ear.pem secrets.key; do
	[ "$(stat -c %a "$root/$f")" = 600 ] || fail "$f may be read by others"
done

# The database.
echo 'top secret text' >"$root/secret"
run 0 '' hgverifyd "${c[@]}" reference add r "$vectors/reference.json"
run 1 'already' hgverifyd "${c[@]}" reference add r "$vectors/reference.json"
run 1 'unknown member' hgverifyd "${c[@]}" policy add p "$vectors/evidence.json"
run 1 'no reference values' hgverifyd "${c[@]}" policy add p "$vectors/policy.json" --reference x
run 0 '' hgverifyd "${c[@]}" policy add p "$vectors/policy.json" --reference r
run 2 'wants --policy' hgverifyd "${c[@]}" secret add s "$root/secret"
run 1 'no name' hgverifyd "${c[@]}" secret add "x'; DROP TABLE secrets" "$root/secret" --policy p
chmod 644 "$root/secrets.key"
run 1 'others may read it' hgverifyd "${c[@]}" secret add s "$root/secret" --policy p
run 1 'others may read it' hgverifyd "${c[@]}" secret rekey "$root/new.key"
chmod 600 "$root/secrets.key"
chmod 640 "$root/new.key"
run 1 'others may read it' hgverifyd "${c[@]}" secret rekey "$root/new.key"
rm "$root/new.key"
run 0 '' hgverifyd "${c[@]}" secret add s "$root/secret" --policy p
run 0 '' hgverifyd "${c[@]}" machine add "$vectors/enrolled.json" --label "'); DROP TABLE machines; --"
run 0 "label='); DROP TABLE machines; --" hgverifyd "${c[@]}" machine list
run 2 'wants --kind' hgverifyd "${c[@]}" device add g "$vectors/policy.json"
run 0 '' hgverifyd "${c[@]}" device add g "$vectors/policy.json" --kind gpu
run 0 '"kind": "gpu"' hgverifyd "${c[@]}" device list --json
run 0 '' hgverifyd "${c[@]}" token create
! grep -q "$(cat "$root/out")" "$root/db" || fail 'the token is in the database'
! grep -rq 'top secret text' "$root/db" "$root"/db-* 2>/dev/null || fail 'the secret is in the database, in the clear'
# A policy that somebody without the key has written.
if command -v sqlite3 >/dev/null; then
	sqlite3 "$root/db" "UPDATE policies SET json = json || ' '"
	run 1 "policy 'p' was not written with the key" hgverifyd "${c[@]}" check
	run 1 "then hgverifyd vouch" hgverifyd "${c[@]}" secret rekey "$root/new.key"
	run 2 'wants nothing' hgverifyd "${c[@]}" vouch x
	run 0 'is vouched for' hgverifyd "${c[@]}" vouch
fi
run 0 'as they should be' hgverifyd "${c[@]}" check
cp "$root/secrets.key" "$root/old.key"
run 0 'now set secrets_key' hgverifyd "${c[@]}" secret rekey "$root/new.key"
run 1 'another key' hgverifyd "${c[@]}" secret rekey "$root/third.key"
cp "$root/new.key" "$root/secrets.key"
run 0 'now set secrets_key' hgverifyd "${c[@]}" secret rekey "$root/old.key"
cp "$root/old.key" "$root/secrets.key"

serve() {
	"$bin/hgverifyd" "${c[@]}" serve >"$root/log" 2>&1 &
	pid=$!
	for _ in $(seq 200); do
		! grep -q listening "$root/log" || break
		kill -0 $pid 2>/dev/null || break
		sleep 0.05
	done
	url=https://localhost:$(sed -n 's/.*listening at .*://p' "$root/log")
}

stop() {
	kill "$pid"
	wait "$pid" || fail "hgverifyd ended with status $?: $(cat "$root/log")"
	pid=
}

ask() { # STATUS TEXT CURL-ARGS...
	local want=$1 text=$2 got
	shift 2
	got=$(curl -s --max-time 20 --cacert "$root/server.crt" -o "$root/out" -w '%{http_code}' "$@")
	if [ "$got" != "$want" ] || ! grep -Fq -- "$text" "$root/out"; then
		fail "$*: status $got, want $want with '$text'"
	else
		echo "ok: curl ${*//$root/ROOT}"
	fi
}

# The server, sandboxed; and a client that is not ours.
serve
j='Content-Type: application/json'
ask 200 '"status":"ok"' "$url/v1/healthz"
ask 200 '"kty": "EC"' "$url/v1/key"
ask 200 'hgverifyd_connections 1' "$url/metrics"
ask 404 '"error":"path"' "$url/"
ask 405 '"error":"method"' "$url/v1/verify"
ask 415 '"error":"type"' -d '{}' "$url/v1/challenge"
ask 400 '"error":"json"' -H "$j" -d '{' "$url/v1/challenge"
ask 501 'chunks' -H "$j" -H 'Transfer-Encoding: chunked' -d '{}' "$url/v1/challenge"
ask 501 'GET and POST' -X DELETE "$url/v1/challenge"
ask 200 '"expires_in":300' -H "$j" -d '{}' "$url/v1/challenge"
nonce=$(jq -r .nonce "$root/out")
jq -n --arg n "$nonce" --slurpfile e "$vectors/evidence.json" '{ nonce: $n, evidence: $e[0], secret: "s" }' >"$root/q"
ask 403 '"error":"refused"' -H "$j" -d @"$root/q" "$url/v1/release"
ask 403 '"error":"nonce"' -H "$j" -d @"$root/q" "$url/v1/release"
head -c 9000000 /dev/zero >"$root/large"
ask 413 '"error":"size"' -H "$j" -H Expect: --data-binary @"$root/large" "$url/v1/verify"
if curl -s --cacert "$root/server.crt" --tls-max 1.2 "$url/v1/healthz" >/dev/null; then fail 'TLS 1.2 was accepted'; fi

# Our client. The kept evidence is for another nonce: it is refused as such.
s=(--server "$url" --ca "$root/server.crt")
run 0 '' hgattest challenge "${s[@]}" --out "$root/nonce"
run 12 'REFUSED (12)' hgattest submit "${s[@]}" --nonce "$(cat "$root/nonce")" --evidence "$vectors/evidence.json"
run 1 '403 nonce' hgattest submit "${s[@]}" --nonce "$(cat "$root/nonce")" --evidence "$vectors/evidence.json"
run 0 '' hgattest challenge "${s[@]}" --bytes 64 --out "$root/nonce"
run 12 '"verdict": 12' hgattest submit "${s[@]}" --nonce "$(cat "$root/nonce")" --evidence "$vectors/evidence.json" \
	--json --secret s --out "$root/o" --ear "$root/ear"
[ ! -e "$root/o" ] || fail 'something was released'
[ "$(tr -cd . <"$root/ear" | wc -c)" = 2 ] || fail 'no EAR'
run 0 '' hgattest challenge "${s[@]}" --out "$root/nonce"
run 1 '403 secret' hgattest submit "${s[@]}" --nonce "$(cat "$root/nonce")" --evidence "$vectors/evidence.json" \
	--secret none --out "$root/o"
certificate other
run 1 'certificate' hgattest challenge --server "$url" --ca "$root/other.crt" --out "$root/n"
run 1 'https://' hgattest challenge --server http://localhost --ca "$root/server.crt" --out "$root/n"
run 2 'challenge needs --server' hgattest challenge --ca f --out "$root/n"
run 2 'needs --ca' hgattest challenge --server "$url" --out "$root/n"
run 2 '--bytes wants' hgattest challenge --bytes 15
run 2 'needs --evidence' hgattest submit "${s[@]}" --nonce "$nonce"
run 2 '--secret needs --out' hgattest submit "${s[@]}" --nonce "$nonce" --evidence f --secret s
run 2 'come together' hgattest join "${s[@]}" --ak f --client-cert f
run 1 "did not get the CVM's report" hgattest remote "${s[@]}" --root software --ak "$root/none" --cvm "$root/none"
[ ! -e "$root/n" ] || fail 'a nonce was written'

# Another one does not get the log; it is moved, and the chain goes on.
run 1 'another hgverifyd' hgverifyd "${c[@]}" serve
mv "$root/audit" "$root/audit.1"
kill -HUP "$pid"
for _ in $(seq 100); do
	[ ! -s "$root/audit" ] || break
	sleep 0.05
done
run 0 'the last is number' hgverifyd audit check "$root/audit.1" "$root/audit"
run 0 '"first": 1,' hgverifyd audit check --json "$root/audit.1" "$root/audit"
run 0 'are not in these files' hgverifyd audit check "$root/audit"
run 4 'was due' hgverifyd audit check "$root/audit" "$root/audit.1"

# A database that changes under it counts at once; a restart forgets nonces.
ask 200 nonce -H "$j" -d '{}' "$url/v1/challenge"
nonce=$(jq -r .nonce "$root/out")
run 0 '' hgverifyd "${c[@]}" machine revoke "$(jq -r .ak_name "$vectors/enrolled.json")"
jq -n --arg n "$nonce" --slurpfile e "$vectors/evidence.json" '{ nonce: $n, evidence: $e[0] }' >"$root/q"
ask 200 'revoked' -H "$j" -d @"$root/q" "$url/v1/verify"
ask 200 nonce -H "$j" -d '{}' "$url/v1/challenge"
nonce=$(jq -r .nonce "$root/out")
stop
serve
jq -n --arg n "$nonce" --slurpfile e "$vectors/evidence.json" '{ nonce: $n, evidence: $e[0] }' >"$root/q"
ask 403 '"error":"nonce"' -H "$j" -d @"$root/q" "$url/v1/verify"
stop
run 0 'the last is number' hgverifyd audit check "$root/audit.1" "$root/audit"
! grep -q '"released":true' "$root/audit" "$root/audit.1" || fail 'something was released'

# What is damaged keeps it from starting.
sed -i '2s/verify/verifY/' "$root/audit"
run 4 'line 3' hgverifyd "${c[@]}" serve
rm "$root/audit"
cp "$root/db" "$root/db.good"
dd if=/dev/urandom of="$root/db" bs=512 seek=9 count=40 conv=notrunc status=none
run 4 'db' hgverifyd "${c[@]}" serve
cp "$root/db.good" "$root/db"
if [ -e /dev/full ]; then
	ln -s /dev/full "$root/audit"
	run 1 'not a regular file' hgverifyd "${c[@]}" serve
	rm "$root/audit"
fi
# Started as root, it is somebody else once it listens, and its keys may be root's.
if [ "$(id -u)" = 0 ]; then
	mkdir "$root/var" && mv "$root/db" "$root/var" && chown -R nobody "$root/var" && chmod 711 "$root"
	sed -e "s|^\[server\]|&\nuser = nobody|; s|$root/db|$root/var/db|; s|$root/audit|$root/var/audit|" \
		"$root/conf" >"$root/conf2"
	c=(-c "$root/conf2")
	serve
	ask 200 '"status":"ok"' "$url/v1/healthz"
	[ "$(awk '/^Uid/ { print $2 $3 $4 }' "/proc/$pid/status")" = "$(id -u nobody)$(id -u nobody)$(id -u nobody)" ] ||
		fail 'it is still root'
	grep -q '^NoNewPrivs:.1' "/proc/$pid/status" && grep -q '^Seccomp:.2' "/proc/$pid/status" ||
		fail 'it has no sandbox'
	stop
	# init makes the keys theirs, and does in their folder what they could do themselves.
	rm "$root/ear.pem" "$root/var/db"*
	run 0 'is ready' hgverifyd "${c[@]}" init
	[ "$(stat -c '%U %a' "$root/ear.pem")" = 'nobody 600' ] || fail "ear.pem is not nobody's"
	[ "$(stat -c '%U %a' "$root/var/db")" = 'nobody 600' ] || fail "db is not nobody's"
	rm "$root/var/db"*
	ln -s "$root/victim" "$root/var/db"
	run 1 'symbolic link' hgverifyd "${c[@]}" init
	[ ! -e "$root/victim" ] || fail 'init followed a link'
	rm "$root/var/db"
	chown root "$root/var"
	run 1 'Permission denied' hgverifyd "${c[@]}" init
	[ ! -e "$root/var/db" ] || fail 'init wrote as root'
	c=(-c "$root/conf")
fi
sed -i "s|^\[server\]|&\nuser = no-such-user|" "$root/conf"
run 1 'there is no user' hgverifyd "${c[@]}" serve

[ $bad -eq 0 ] && echo "hgverifyd-tools: all as expected"
exit $bad
