#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The tools against two software TPMs, made by swtpm with EK certificates of a CA
# of our own: enrolment, evidence, appraisal, release; what tpm2-tools say of it;
# and a TPM that fails, or never answers, at each step.

set -eu -o pipefail
cd "$(dirname "$0")/../../.."

hgattest=$PWD/attest/build/hgattest
hgverify=$PWD/attest/build/hgverify
aids=$PWD/tests/unit/attest/build
for f in "$hgattest" "$hgverify" "$aids/l0sim" "$aids/ekpub" "$aids/tcti-fault.so"; do
	[ -x "$f" ] || { echo "no $f: run make first"; exit 1; }
done
for p in swtpm swtpm_setup tpm2_pcrextend tpm2_checkquote tpm2_eventlog jq; do
	command -v $p >/dev/null || { echo "$p is not installed"; exit 77; }
done

d=$(mktemp -d)
tpms=()
cleanup() {
	[ ${#tpms[@]} -eq 0 ] || kill "${tpms[@]}" 2>/dev/null || true
	rm -rf "$d"
}
trap cleanup EXIT
bad=0
# l0sim does not free what it ends with.
export ASAN_OPTIONS=detect_leaks=0 TPM2TOOLS_TCTI

fail() {
	echo "FAILED: $*"
	bad=1
}

expect() { # STATUS TEXT COMMAND...
	local want=$1 text=$2 rc=0
	shift 2
	"$@" >"$d/out" 2>&1 </dev/null || rc=$?
	if [ $rc -ne "$want" ]; then
		fail "exit status $rc, want $want: ${*//$d/D}"
		sed 's/^/    /' "$d/out"
	elif [ -n "$text" ] && ! grep -Fq -- "$text" "$d/out"; then
		fail "no '$text' from: ${*//$d/D}"
		sed 's/^/    /' "$d/out"
	else
		echo "ok: $want ${text:+($text) }${*//$d/D}"
	fi
}

absent() { # FILE...
	local f
	for f in "$@"; do
		[ ! -e "$f" ] || fail "${f//$d/D} was written"
	done
}

# A CA as swtpm_localca makes it, in our own directory.
mkdir -p "$d/ca"
cat >"$d/localca.conf" <<-END
	statedir = $d/ca
	signingkey = $d/ca/signkey.pem
	issuercert = $d/ca/issuercert.pem
	certserial = $d/ca/certserial
END
cat >"$d/localca.options" <<-END
	--platform-manufacturer test
	--platform-version 1
	--platform-model test
END
cat >"$d/setup.conf" <<-END
	create_certs_tool = $(command -v swtpm_localca)
	create_certs_tool_config = $d/localca.conf
	create_certs_tool_options = $d/localca.options
END

machine() { # NAME: a TPM, booted, with L0 in PCR 13
	local m=$d/$1 line i
	mkdir -p "$m/tpm"
	swtpm_setup --tpm2 --tpmstate "$m/tpm" --config "$d/setup.conf" --create-ek-cert \
		--pcr-banks sha1,sha256,sha384 --not-overwrite >"$m/setup.log" 2>&1 || {
		cat "$m/setup.log"
		echo "swtpm_setup failed"
		exit 1
	}
	swtpm socket --tpm2 --tpmstate "dir=$m/tpm" --server "type=unixio,path=$m/s" \
		--ctrl "type=unixio,path=$m/s.ctrl" --flags not-need-init,startup-clear \
		>"$m/swtpm.log" 2>&1 &
	tpms+=($!)
	for ((i = 0; i < 50; i++)); do
		[ ! -S "$m/s" ] || break
		sleep 0.1
	done
	"$aids/l0sim" boot "$m" "$1"
	TPM2TOOLS_TCTI=swtpm:path=$m/s
	while read -r line; do
		tpm2_pcrextend "$line"
	done <"$m/extends"
}

tcti() { echo "swtpm:path=$d/$1/s"; }

enrol() { # NAME TYPE OPTIONS-OF-AK...
	local m=$d/$1
	expect 0 '' "$hgattest" ak --tcti "$(tcti "$1")" --type "$2" --out "$m/ak-$2.json" "${@:3}"
	expect 0 '' "$hgattest" enrol --tcti "$(tcti "$1")" --ak "$m/ak-$2.json" --out "$m/request.json"
	expect 0 '' "$hgverify" --enrol "$m/request.json" --roots "$d/roots.pem" \
		--challenge "$m/challenge.json" --state "$m/state.json"
	expect 0 '' "$hgattest" activate --tcti "$(tcti "$1")" --ak "$m/ak-$2.json" \
		--challenge "$m/challenge.json" --out "$m/response.json"
	expect 0 '' "$hgverify" --enrol-finish "$m/response.json" --state "$m/state.json" \
		--out "$m/enrolled-$2.json"
}

gather() { # NAME TYPE NONCE OUT ARGS...
	local m=$d/$1 data
	data=$("$hgattest" report-data --nonce "$3" --key "$d/cvm.pub")
	"$aids/l0sim" report "$m" "$data" "$m/report"
	"$hgattest" gather --tcti "$(tcti "$1")" --nonce "$3" --ak "$m/ak-$2.json" \
		--boot-log "$m/boot.log" --l0-log "$m/l0.log" --report "$m/report" --key "$d/cvm.pub" \
		--out "$4" "${@:5}"
}

verify() { # NAME TYPE EVIDENCE NONCE ARGS...
	"$hgverify" --evidence "$3" --nonce "$4" --policy "$d/policy.json" \
		--reference "$d/$1/reference.json" --enrolled "$d/$1/enrolled-$2.json" "${@:5}"
}

machine a
machine b
cat "$d"/ca/swtpm-localca-rootca-cert.pem "$d/ca/issuercert.pem" >"$d/roots.pem"
cat >"$d/policy.json" <<-END
	{ "version": 1, "type": "hypergpu-policy", "id": "test", "pcrs": [0, 2, 4, 7, 8, 9] }
END
expect 0 '' "$hgattest" key --out "$d/cvm.pem" --public "$d/cvm.pub"
expect 0 '' "$hgattest" key --out "$d/other.pem"
[ "$(stat -c %a "$d/cvm.pem")" = 600 ] || fail "the CVM's key is readable by others"
nonce=$(printf '%064d' 7)
other=$(printf '%064d' 8)
echo 'a secret' >"$d/secret"
openssl ecparam -name prime256v1 -genkey -noout -out "$d/ear.pem"
openssl pkey -in "$d/ear.pem" -pubout -out "$d/ear.pub"

echo "== each kind of key: enrolled, quoted, checked by tpm2-tools, released, opened"
for type in p256 p384 rsa2048 rsa3072 sm2-sha256; do
	enrol a $type
	e=$d/ev-$type.json
	expect 0 '' gather a $type "$nonce" "$e"
	expect 0 PASSED verify a $type "$e" "$nonce" --release "$d/secret" --out "$d/sealed" \
		--ear "$d/ear.jwt" --ear-key "$d/ear.pem"
	expect 0 '' "$hgattest" --open "$d/sealed" --key "$d/cvm.pem" --nonce "$nonce" --out "$d/opened"
	cmp "$d/secret" "$d/opened" || fail "another secret came out"
	[ "$(stat -c %a "$d/opened")" = 600 ] || fail "the secret is readable by others"
	jq -r .tpm.tpm_quote.message "$e" | base64 -d >"$d/message"
	jq -r .tpm.tpm_quote.signature "$e" | base64 -d >"$d/signature"
	jq -r .tpm.ak_public "$e" | base64 -d | openssl pkey -pubin -inform DER -out "$d/ak.pem"
	hash=sha256
	[ $type != p384 ] || hash=sha384
	# This one cannot check SM2: it asks OpenSSL for SM2 with SHA-256, and with Z.
	[ $type != sm2-sha256 ] || continue
	expect 0 '' tpm2_checkquote -u "$d/ak.pem" -m "$d/message" -s "$d/signature" -g $hash -q "$nonce"
	expect 1 '' tpm2_checkquote -u "$d/ak.pem" -m "$d/message" -s "$d/signature" -g $hash -q "$other"
done
# This TPM has SM2's curve, but no SM3.
expect 1 'the TPM has no sm3_256' "$hgattest" ak --tcti "$(tcti a)" --type sm2 --out "$d/none.json"
absent "$d/none.json"
e=$d/ev-p256.json
expect 0 '' gather a p256 "$nonce" "$d/ev-384.json" --bank sha384 --pcrs 0-9,13
expect 15 'there is none of this PCR and bank' verify a p256 "$d/ev-384.json" "$nonce"

echo "== both logs in tpm2_eventlog's eyes"
jq -r .boot_log "$e" | base64 -d >"$d/boot.log"
jq -r .l0_log "$e" | base64 -d >"$d/l0.log"
expect 0 '' tpm2_eventlog "$d/boot.log"
expect 0 EV_EVENT_TAG tpm2_eventlog "$d/l0.log"
tpm2_eventlog "$d/l0.log" | sed -n '/^  sha256:/,/^  sha384:/s/^ *13 *: *0x//p' |
	tr '[:upper:]' '[:lower:]' >"$d/replayed"
[ "$(cat "$d/replayed")" = "$(jq -r '.tpm.tpm_quote.pcrs[13]' "$e")" ] ||
	fail "tpm2_eventlog replays L0's log to '$(cat "$d/replayed")'"

echo "== the EAR: its signature, and what it says"
IFS=. read -r head body sig <"$d/ear.jwt" || true
unurl() { # base64url on standard input
	local t
	t=$(tr -- -_ +/)
	while [ $((${#t} % 4)) -ne 0 ]; do t+='='; done
	base64 -d <<<"$t"
}
printf '%s.%s' "$head" "$body" >"$d/signed"
unurl <<<"$sig" | od -An -v -tx1 | tr -d ' \n' >"$d/sig.hex"
printf 'asn1=SEQUENCE:s\n[s]\nr=INTEGER:0x%s\ns=INTEGER:0x%s\n' "$(cut -c1-64 "$d/sig.hex")" \
	"$(cut -c65-128 "$d/sig.hex")" >"$d/sig.cnf"
openssl asn1parse -genconf "$d/sig.cnf" -noout -out "$d/sig.der"
expect 0 'Verified OK' openssl dgst -sha256 -verify "$d/ear.pub" -signature "$d/sig.der" "$d/signed"
[ "$(unurl <<<"$head" | jq -r .alg)" = ES256 ] || fail "the EAR's algorithm"
[ "$(unurl <<<"$body" | jq -r '.submods.cpu0["ear.status"]')" = affirming ] || fail "the EAR's status"
[ "$(unurl <<<"$body" | jq -c '.submods.cpu0["ear.trustworthiness-vector"]')" = \
	'{"instance-identity":2,"executables":2,"configuration":2}' ] || fail "the EAR's vector"

echo "== refused: nothing is written"
rm -f "$d/sealed"
refuse() { # STATUS CLAIM EVIDENCE NONCE ARGS...
	expect "$1" "$2" verify a p256 "$3" "$4" --release "$d/secret" --out "$d/sealed" "${@:5}"
	absent "$d/sealed"
}
refuse 12 nonce "$e" "$other"
enrol b p256
expect 0 '' gather b p256 "$nonce" "$d/ev-b.json"
expect 0 PASSED verify b p256 "$d/ev-b.json" "$nonce"
refuse 11 ak-trusted "$d/ev-b.json" "$nonce"
mix() { # JQ-FILTER: evidence a, with parts of b ($b)
	jq --slurpfile b "$d/ev-b.json" "$1" "$e" >"$d/mixed.json"
}
mix '.report = $b[0].report'
refuse 16 report-key "$d/mixed.json" "$nonce"
mix '.l0_log = $b[0].l0_log | .report = $b[0].report'
refuse 14 l0-log "$d/mixed.json" "$nonce"
mix '.tpm.tpm_quote = $b[0].tpm.tpm_quote'
refuse 13 quote-signature "$d/mixed.json" "$nonce"
mix '.tpm.ek_certificate = $b[0].tpm.ek_certificate'
refuse 11 ek-certificate "$d/mixed.json" "$nonce"
mix '.boot_log = .l0_log'
refuse 14 boot-log "$d/mixed.json" "$nonce"
mix 'del(.boot_log)'
refuse 14 boot-log "$d/mixed.json" "$nonce"
mix '.trust_root = "software"'
refuse 11 trust-root "$d/mixed.json" "$nonce"
mix '.more = 1'
refuse 10 'unknown member' "$d/mixed.json" "$nonce"
mix 'del(.tpm.ak_tpm_public)'
refuse 10 'is missing' "$d/mixed.json" "$nonce"
head -c 9000000 /dev/zero >"$d/large.json"
refuse 10 'larger than' "$d/large.json" "$nonce"
head -c 2000 "$e" >"$d/cut.json"
refuse 10 'not JSON' "$d/cut.json" "$nonce"
expect 0 '' gather a p256 "$nonce" "$d/ev-sha1.json" --bank sha1
refuse 13 pcr-bank "$d/ev-sha1.json" "$nonce"
expect 1 'another key, or changed' "$hgattest" --open <(verify a p256 "$e" "$nonce" \
	--release "$d/secret" --out - 2>/dev/null) --key "$d/other.pem" --out "$d/stolen"
absent "$d/stolen"

echo "== a nonce is good for one appraisal"
mkdir "$d/nonces"
fresh=$("$hgverify" --new-nonce --nonces "$d/nonces")
expect 0 '' gather a p256 "$fresh" "$d/ev-fresh.json"
expect 0 PASSED verify a p256 "$d/ev-fresh.json" "$fresh" --nonces "$d/nonces"
refuse 12 'used before' "$d/ev-fresh.json" "$fresh" --nonces "$d/nonces"
refuse 12 'never given out' "$e" "$nonce" --nonces "$d/nonces"

echo "== enrolment: chains that do not hold, answers that are wrong"
rm -f "$d/c" "$d/s"
challenge() { # STATUS TEXT REQUEST ROOTS ARGS...
	expect "$1" "$2" "$hgverify" --enrol "$3" --roots "$4" --challenge "$d/c" --state "$d/s" "${@:5}"
	absent "$d/c" "$d/s"
}
openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=other -days 2 -keyout "$d/x.key" -out "$d/x.pem" 2>/dev/null
challenge 11 'unable to get' "$d/a/request.json" "$d/x.pem"
challenge 11 'unable to get' "$d/a/request.json" "$d/ca/swtpm-localca-rootca-cert.pem"
challenge 11 'no self-signed' "$d/a/request.json" /dev/null
challenge 11 'not yet valid' "$d/a/request.json" "$d/roots.pem" --time 1000000000
challenge 11 'no certificate revocation list' "$d/a/request.json" "$d/roots.pem" --crls /dev/null
challenge 11 'no certificate revocation list' "$d/a/request.json" "$d/roots.pem" --crls "$d/roots.pem"
challenge 3 'No such file' "$d/a/request.json" "$d/roots.pem" --crls "$d/nowhere"
# A vendor of our own, whose certificates end.
jq -r .ek_certificate "$d/a/request.json" | base64 -d | openssl x509 -inform DER -noout -pubkey >"$d/ek.pub"
openssl x509 -new -subj /CN=ek -force_pubkey "$d/ek.pub" -CA "$d/x.pem" -CAkey "$d/x.key" -set_serial 1 \
	-days 2 -outform DER -out "$d/ek.der" 2>/dev/null
jq --arg c "$(base64 -w0 "$d/ek.der")" '.ek_certificate = $c' "$d/a/request.json" >"$d/ours.json"
expect 0 '' "$hgverify" --enrol "$d/ours.json" --roots "$d/x.pem" --challenge "$d/c" --state "$d/s"
rm "$d/c" "$d/s"
: >"$d/index"
printf '[ca]\ndefault_ca=x\n[x]\ndatabase=%s\ndefault_md=sha256\n' "$d/index" >"$d/ca.conf"
openssl ca -config "$d/ca.conf" -gencrl -keyfile "$d/x.key" -cert "$d/x.pem" -crldays 1 -out "$d/crl.pem" 2>/dev/null
expect 0 '' "$hgverify" --enrol "$d/ours.json" --roots "$d/x.pem" --crls "$d/crl.pem" --challenge "$d/c" --state "$d/s"
rm "$d/c" "$d/s"
challenge 11 'no CRL of CN = swtpm-localca' "$d/a/request.json" "$d/roots.pem" --crls "$d/crl.pem"
challenge 11 'the CRL of CN = other: CRL has expired' "$d/ours.json" "$d/x.pem" --crls "$d/crl.pem" \
	--time $(($(date +%s) + 90000))
printf 'R\t301231235959Z\t%s\t01\tunknown\t/CN=ek\n' "$(date -u +%y%m%d%H%M%SZ)" >"$d/index"
openssl ca -config "$d/ca.conf" -gencrl -keyfile "$d/x.key" -cert "$d/x.pem" -crldays 1 -out "$d/crl.pem" 2>/dev/null
challenge 11 'CN = other has revoked the certificate of this EK' "$d/ours.json" "$d/x.pem" --crls "$d/crl.pem"
challenge 11 'expired' "$d/ours.json" "$d/x.pem" --time $(($(date +%s) + 864000))
# A certificate authority is not an endorsement key.
jq --arg c "$(openssl x509 -in "$d/x.pem" -outform DER | base64 -w0)" '.ek_certificate = $c' \
	"$d/a/request.json" >"$d/r.json"
challenge 11 'not for an endorsement key' "$d/r.json" "$d/x.pem"
jq 'del(.ek_certificate)' "$d/a/request.json" >"$d/r.json"
challenge 10 'is missing' "$d/r.json" "$d/roots.pem"
jq --slurpfile b "$d/b/request.json" '.ek_certificate = $b[0].ek_certificate' "$d/a/request.json" >"$d/r.json"
challenge 11 'another endorsement key' "$d/r.json" "$d/roots.pem"
jq '.ak_public = .ek_public' "$d/a/request.json" >"$d/r.json"
challenge 11 'attestation key' "$d/r.json" "$d/roots.pem"
jq '.ek_public = .ak_public' "$d/a/request.json" >"$d/r.json"
challenge 11 'endorsement key' "$d/r.json" "$d/roots.pem"
# A challenge for another machine, for another key, and the answer to another challenge.
expect 3 'activate the credential' "$hgattest" activate --tcti "$(tcti b)" --ak "$d/b/ak-p256.json" \
	--challenge "$d/a/challenge.json" --out "$d/answer"
expect 3 'activate the credential' "$hgattest" activate --tcti "$(tcti a)" --ak "$d/a/ak-p256.json" \
	--challenge "$d/a/challenge.json" --out "$d/answer"
absent "$d/answer"
expect 11 'the answer is wrong' "$hgverify" --enrol-finish "$d/b/response.json" --state "$d/a/state.json" \
	--out "$d/record"
absent "$d/record"
expect 3 "is it this TPM's" "$hgattest" gather --tcti "$(tcti b)" --nonce "$nonce" \
	--ak "$d/a/ak-p256.json" --boot-log none --l0-log none --out "$d/foreign"
absent "$d/foreign"

echo "== other endorsement keys: by the certificates that are there"
fresh_tpm() { # what a run left in a TPM that has no resource manager
	TPM2TOOLS_TCTI=$(tcti "$1") tpm2_flushcontext -t
	TPM2TOOLS_TCTI=$(tcti "$1") tpm2_flushcontext -l
}
# swtpm has RSA-2048 by L-1 and P-384 by H-3; of the others we are the vendor.
certify() { # NAME EK INDEX: an EK certificate of our own, into NV
	local m=$d/$1 t
	t=$(tcti "$1")
	case $2 in
	l-2) TPM2TOOLS_TCTI=$t tpm2_createek -G ecc -c "$m/ek.ctx" -u "$m/ek.pub" -f pem >/dev/null ;;
	*) "$aids/ekpub" "$t" "$2" >"$m/ek.pub" ;;
	esac
	fresh_tpm "$1"
	openssl x509 -new -subj /CN=ek -force_pubkey "$m/ek.pub" -CA "$d/x.pem" -CAkey "$d/x.key" \
		-set_serial 7 -days 2 -outform DER -out "$m/ek.der" 2>/dev/null
	TPM2TOOLS_TCTI=$t tpm2_nvdefine "$3" -C o -s "$(stat -c %s "$m/ek.der")" \
		-a 'ownerwrite|ownerread|authread|authwrite|no_da' >/dev/null
	TPM2TOOLS_TCTI=$t tpm2_nvwrite "$3" -C o -i "$m/ek.der" >/dev/null
}
for ek in l-2:0x1c0000a h-1:0x1c00012 h-2:0x1c00014; do
	expect 0 '' "$hgattest" ak --tcti "$(tcti b)" --ek ${ek%:*} --out "$d/b/ak-none.json"
	expect 1 "template ${ek%:*} (NV index ${ek#*:})" "$hgattest" enrol --tcti "$(tcti b)" \
		--ak "$d/b/ak-none.json" --out "$d/none"
	absent "$d/none"
	certify b ${ek%:*} ${ek#*:}
done
cat "$d/roots.pem" "$d/x.pem" >"$d/both.pem"
cp "$d/roots.pem" "$d/vendors.pem"
cp "$d/both.pem" "$d/roots.pem"
for ek in h-3 l-2 h-1 h-2 l-1; do
	enrol b p256 --ek $ek
	expect 0 '' gather b p256 "$nonce" "$d/ev-ek.json"
	expect 0 PASSED verify b p256 "$d/ev-ek.json" "$nonce"
	jq -e --arg ek $ek '.ek == $ek' "$d/b/ak-p256.json" >/dev/null || fail "the key's file: no $ek"
	cp "$d/b/challenge.json" "$d/challenge-$ek.json"
	cp "$d/b/ak-p256.json" "$d/ak-$ek.json"
done
cp "$d/vendors.pem" "$d/roots.pem"
# A challenge for one endorsement key, and another to answer it with.
for ek in h-3:h-2 h-2:l-2 l-2:h-1 l-1:h-1; do
	expect 3 'activate the credential' "$hgattest" activate --tcti "$(tcti b)" \
		--ak "$d/ak-${ek#*:}.json" --challenge "$d/challenge-${ek%:*}.json" --out "$d/answer"
	absent "$d/answer"
	fresh_tpm b
done
# One byte of the point, of the tag, and of the secret.
for at in 8 70 140; do
	jq --argjson at $at '.encrypted_seed |= (.[:$at] + (if .[$at:$at+1] == "A" then "B" else "A" end) +
		.[$at+1:])' "$d/challenge-h-3.json" >"$d/changed.json"
	[ $at -lt 130 ] || jq '.credential_blob |= (.[:60] + (if .[60:61] == "A" then "B" else "A" end) +
		.[61:])' "$d/challenge-h-3.json" >"$d/changed.json"
	expect 3 'activate the credential' "$hgattest" activate --tcti "$(tcti b)" \
		--ak "$d/ak-h-3.json" --challenge "$d/changed.json" --out "$d/answer"
	absent "$d/answer"
	fresh_tpm b
done
expect 1 "known are l-1" "$hgattest" ak --tcti "$(tcti b)" --ek l-9 --out "$d/none"
jq '.ek = "l-9"' "$d/ak-h-3.json" >"$d/ak-l-9.json"
expect 1 "'l-9' is not known" "$hgattest" enrol --tcti "$(tcti b)" --ak "$d/ak-l-9.json" --out "$d/none"
absent "$d/none"

echo "== passwords of the hierarchies"
echo 'the owner' >"$d/owner"
printf 'endorsed' >"$d/endorsement"
TPM2TOOLS_TCTI=$(tcti b) tpm2_changeauth -c owner 'the owner'
TPM2TOOLS_TCTI=$(tcti b) tpm2_changeauth -c endorsement endorsed
expect 3 'give it by --owner-auth' "$hgattest" ak --tcti "$(tcti b)" --out "$d/none"
expect 3 'give it by --owner-auth' "$hgattest" ak --tcti "$(tcti b)" --owner-auth "$d/endorsement" --out "$d/none"
absent "$d/none"
expect 0 '' "$hgattest" ak --tcti "$(tcti b)" --owner-auth "$d/owner" --out "$d/ak-own.json"
expect 3 'give it by --endorsement-auth' "$hgattest" enrol --tcti "$(tcti b)" --ak "$d/ak-own.json" \
	--owner-auth "$d/owner" --out "$d/none"
absent "$d/none"
expect 0 '' "$hgattest" enrol --tcti "$(tcti b)" --ak "$d/ak-own.json" --endorsement-auth "$d/endorsement" \
	--out "$d/own.json"
expect 0 '' "$hgverify" --enrol "$d/own.json" --roots "$d/roots.pem" --challenge "$d/c" --state "$d/s"
expect 0 '' "$hgattest" activate --tcti "$(tcti b)" --ak "$d/ak-own.json" --challenge "$d/c" \
	--owner-auth "$d/owner" --endorsement-auth "$d/endorsement" --out "$d/answer"
expect 0 '' "$hgverify" --enrol-finish "$d/answer" --state "$d/s" --out "$d/record"
rm "$d/answer" "$d/record" "$d/c" "$d/s"
head -c 65 /dev/zero >"$d/long"
expect 1 'a password of 65 bytes' "$hgattest" ak --tcti "$(tcti b)" --owner-auth "$d/long" --out "$d/none"
expect 1 'no password of the owner' "$hgattest" ak --tcti "$(tcti b)" --owner-auth "$d/nowhere" --out "$d/none"
expect 1 'has no passwords' "$hgattest" ak --root software --owner-auth "$d/owner" --out "$d/none"
absent "$d/none"
TPM2TOOLS_TCTI=$(tcti b) tpm2_changeauth -c owner -p 'the owner'
TPM2TOOLS_TCTI=$(tcti b) tpm2_changeauth -c endorsement -p endorsed

echo "== the software root says so"
expect 0 warning "$hgattest" ak --root software --out "$d/soft.json"
cp "$d/soft.json" "$d/a/ak-soft.json"
expect 0 warning gather a soft "$nonce" "$d/ev-soft.json" --root software
refuse 11 trust-root "$d/ev-soft.json" "$nonce"
jq -r .name "$d/soft.json" >"$d/soft.name"
jq --arg n "$(cat "$d/soft.name")" '.development = true | .trusted_aks = [$n]' "$d/policy.json" >"$d/dev.json"
expect 0 'for development only' "$hgverify" --evidence "$d/ev-soft.json" --nonce "$nonce" \
	--policy "$d/dev.json" --reference "$d/a/reference.json"
jq '.trust_root = "tpm"' "$d/ev-soft.json" >"$d/lie.json"
expect 11 ak-attributes "$hgverify" --evidence "$d/lie.json" --nonce "$nonce" \
	--policy "$d/dev.json" --reference "$d/a/reference.json"
expect 1 'no endorsement key' "$hgattest" enrol --root software --ak "$d/soft.json" --out "$d/soft-request"
absent "$d/soft-request"

echo "== a TPM that fails at each of its commands"
faulty() { # MODE N
	"$hgattest" gather --tcti "$aids/tcti-fault.so:$1=$2,$(tcti a)" --nonce "$nonce" --tpm-timeout 1 \
		--ak "$d/a/ak-p256.json" --boot-log "$d/a/boot.log" --l0-log "$d/a/l0.log" --out "$d/faulty"
}
TCTI_FAULT_COUNT=$d/count faulty error 0
count=$(cat "$d/count")
rm -f "$d/faulty"
[ "$count" -ge 6 ] || fail "only $count commands: what is tested?"
for mode in error refuse short garbage hang; do
	for ((n = 1; n <= count; n++)); do
		rc=0
		# What a run left in the TPM, which has no resource manager in front of it.
		TPM2TOOLS_TCTI=$(tcti a) tpm2_flushcontext -t
		TPM2TOOLS_TCTI=$(tcti a) tpm2_flushcontext -l
		faulty $mode "$n" >"$d/out" 2>&1 || rc=$?
		# Answers to the last commands, which free memory of the TPM's, are not needed.
		if [ $rc -eq 0 ]; then
			cmp -s <(jq -S 'del(.tpm.tpm_quote)' "$d/faulty") \
				<(jq -S 'del(.tpm.tpm_quote, .report, .cvm_key)' "$e") ||
				[ $mode = garbage ] || fail "$mode at command $n: evidence, but another"
			verify a p256 "$d/faulty" "$nonce" --json >"$d/verdict" 2>&1 || true
			echo "ok: $mode at command $n of $count does no harm"
		elif { [ $rc -ne 3 ] && [ $mode != garbage ]; } || [ ! -s "$d/out" ]; then
			fail "$mode at command $n: exit status $rc: $(cat "$d/out")"
		else
			echo "ok: $mode at command $n of $count: $(head -n 1 "$d/out")"
			absent "$d/faulty"
		fi
		rm -f "$d/faulty"
	done
done
# The same when a key is made, and when a challenge is answered for a key of the high range.
failing() { # MODE N WHAT...
	case $3 in
	ak) "$hgattest" ak --type sm2-sha256 --tcti "$aids/tcti-fault.so:$1=$2,$(tcti a)" --tpm-timeout 1 \
		--out "$d/faulty" ;;
	activate) "$hgattest" activate --tcti "$aids/tcti-fault.so:$1=$2,$(tcti b)" --tpm-timeout 1 \
		--ak "$d/ak-h-3.json" --challenge "$d/challenge-h-3.json" --out "$d/faulty" ;;
	esac
}
for what in ak activate; do
	fresh_tpm a
	fresh_tpm b
	TCTI_FAULT_COUNT=$d/count failing error 0 $what
	count=$(cat "$d/count")
	[ "$count" -ge 6 ] || fail "$what: only $count commands: what is tested?"
	cp "$d/faulty" "$d/whole"
	rm -f "$d/faulty"
	for mode in error short garbage; do
		for ((n = 1; n <= count; n++)); do
			rc=0
			fresh_tpm a
			fresh_tpm b
			failing $mode "$n" $what >"$d/out" 2>&1 || rc=$?
			if [ $rc -eq 0 ]; then
				[ $what = ak ] || cmp -s "$d/faulty" "$d/whole" || [ $mode = garbage ] ||
					fail "$what: $mode at command $n: another answer"
			elif { [ $rc -ne 3 ] && [ $mode != garbage ]; } || [ ! -s "$d/out" ]; then
				fail "$what: $mode at command $n: exit status $rc: $(cat "$d/out")"
			else
				absent "$d/faulty"
			fi
			rm -f "$d/faulty"
		done
	done
	echo "ok: a TPM that fails at each of $count commands of $what"
done
expect 3 connect "$hgattest" gather --tcti "swtpm:path=$d/nobody" --nonce "$nonce" \
	--ak "$d/a/ak-p256.json" --boot-log none --l0-log none --out "$d/faulty"
absent "$d/faulty"
# No temporary file is left behind.
compgen -G "$d/*.??????" | grep -v -e '\.json$' -e '\.options$' | sed 's/^/left behind: /' >"$d/left" || true
[ ! -s "$d/left" ] || fail "$(cat "$d/left")"

# To renew the files that test_formats.c appraises: KEEP=tests/unit/attest/vectors
if [ -n "${KEEP:-}" ] && [ $bad -eq 0 ]; then
	cp "$e" "$KEEP/evidence.json"
	cp "$d/policy.json" "$d/a/reference.json" "$KEEP"
	cp "$d/a/enrolled-p256.json" "$KEEP/enrolled.json"
	jq '.tpm | { ak_public, ak_tpm_public, message: .tpm_quote.message, signature: .tpm_quote.signature }' \
		"$d/ev-sm2-sha256.json" >"$KEEP/quote-sm2.json"
fi

[ $bad -eq 0 ] && echo "swtpm: all as expected"
exit $bad
