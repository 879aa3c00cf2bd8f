#!/usr/bin/env bash
# dl-token: what it mints, openssl verifies; keys and clients are whole,
# whatever is killed meanwhile.
. tests/tap.sh

K=$DL_HOME/keys/token.json
C=$DL_HOME/keys/clients

decode() { # base64url, without its padding, from standard input
	local text
	text=$(cat)
	while [ $((${#text} % 4)) != 0 ]; do text="$text="; done
	tr '_-' '/+' <<<"$text" | base64 -d
}
header() { cut -d. -f1 "$1" | decode; }
payload() { cut -d. -f2 "$1" | decode; }
# A public key as openssl has it, of a key in a JWK set.
public() { # SET KID
	(printf '\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00'
	 jq -r --arg kid "$2" '.keys[] | select(.kid == $kid).x' "$1" | decode
	) | openssl pkey -pubin -inform DER -out "$T/public.pem" 2>"$T/err"
}
# Is the token signed by a key of the set?
verifies() { # TOKEN SET
	public "$2" "$(header "$1" | jq -r .kid)" || return
	tr -d '\n' <"$1" | sed 's/\.[^.]*$//' >"$T/signed"
	tr -d '\n' <"$1" | sed 's/.*\.//' | decode >"$T/signature"
	openssl pkeyutl -verify -pubin -inkey "$T/public.pem" -rawin \
		-in "$T/signed" -sigfile "$T/signature" >"$T/out" 2>&1
}

# Without a key
for args in jwks 'mint --sub a --aud b' 'new --rotate'; do
	# shellcheck disable=SC2086 # they are words
	status 78 "$args without a key" dl-token $args
	is "$(cat "$T/err")" \
		"dl-token: there is no key '$K': 'dl-token new' makes it" \
		'and what to do'
done
status 1 'nothing to retire' dl-token retire x
status 0 'no clients' dl-token client ls
is "$(cat "$T/out")" '' 'none is listed'
status 1 'none to be removed' dl-token client rm x
is "$([ -e "$DL_HOME" ] || echo no)" no 'to ask makes nothing'

# A key
(umask 0; dl-token new >"$T/kid")
is $? 0 'a key'
kid=$(cat "$T/kid")
like "$kid" '^[A-Za-z0-9_][A-Za-z0-9_-]{42}$' 'whose id is told'
is "$(stat -c %a "$K" "$DL_HOME/keys" | xargs)" '600 700' \
	'is for its owner alone, whatever the umask is'
cp "$K" "$T/first"
status 1 'a second one' dl-token new
is "$(cat "$T/err")" \
	"dl-token: there is a key already, '$kid': --rotate makes another one" \
	'needs --rotate'
is "$(cmp "$K" "$T/first" && echo same)" same 'the first is as it was'
dl-token jwks >"$T/set"
is "$(jq -c '[.keys[] | keys_unsorted]' "$T/set")" \
	'[["kty","crv","alg","use","kid","x"]]' 'the set has no secret'
is "$(wc -l <"$T/set")" 1 'and is one line'
is "$(jq -j '.keys[0] | {crv, kty, x}' -c "$T/set" |
	openssl dgst -sha256 -binary | base64 | tr '+/' '-_' | tr -d =)" \
	"$kid" 'the id is the thumbprint'

# Tokens
dl-token mint --sub app --aud dl >"$T/token"
is $? 0 'a token'
is "$(wc -l <"$T/token") $(tr -d 'A-Za-z0-9_.\n-' <"$T/token")" '1 ' \
	'alone on standard output'
verifies "$T/token" "$T/set"
is $? 0 'openssl verifies it'
(tr -d '\n' <"$T/token" | sed 's/.$//'; echo) >"$T/cut"
status 1 'but not a changed one' verifies "$T/cut" "$T/set"
is "$(header "$T/token" | jq -c .)" \
	"{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"$kid\"}" 'its header'
is "$(payload "$T/token" | jq -c 'keys')" \
	'["aud","client_id","exp","iat","iss","jti","sub"]' 'its claims'
is "$(payload "$T/token" | jq -c '[.iss, .sub, .aud, .client_id, .exp - .iat]')" \
	'["dl","app","dl","app",3600]' 'and what they are'
now=$(date +%s)
is "$(payload "$T/token" | jq ".iat <= $now and .iat > $now - 60")" true \
	'it is issued now'
dl-token mint --sub app --aud dl >"$T/other"
is "$(for t in token other; do payload "$T/$t" | jq -r .jti; done |
	sort -u | wc -l)" 2 'no two have the same id'
dl-token mint --sub $'a"\\b' --aud $'\xc3\xa9' --iss i --scope 'a b:c' --ttl 1y \
	--claim role=yard --claim 'eq=a=b' --claim empty= \
	--claim-json 'list=[1, {"x": null}]' --claim-json nbf=12 >"$T/token"
is "$(payload "$T/token" | jq -c 'del(.iat, .exp, .jti)')" \
	'{"iss":"i","sub":"a\"\\b","aud":"é","client_id":"a\"\\b","scope":"a b:c","role":"yard","eq":"a=b","empty":"","list":[1,{"x":null}],"nbf":12}' \
	'all that can be said'
is "$(payload "$T/token" | jq -c '.exp - .iat')" 31536000 'for a year'
verifies "$T/token" "$T/set"
is $? 0 'openssl verifies that too'
mint() { dl-token mint --sub a --aud b "$@"; }
for args in '--ttl 0s' '--ttl 1500ms' '--ttl 366d' '--ttl x' '--claim x' \
    '--claim =x' '--claim sub=x' '--claim-json scope=1' '--claim-json n=x' \
    '--claim-json n=' '--claim x=1 --claim x=2' '--iss=' '--rotate' \
    '--json' '--table'; do
	# shellcheck disable=SC2086 # they are words
	status 64 "mint $args" mint $args
	is "$(cat "$T/out")" '' 'prints nothing'
done
status 64 'a scope with a quote' mint --scope 'a"b'
status 64 'a scope with two spaces' mint --scope 'a  b'
status 64 'a claim that is no UTF-8' mint --claim x=$'\xff'
status 64 'a subject that is none' dl-token mint --sub $'\xff' --aud b
status 64 'an empty subject' dl-token mint --sub '' --aud b
status 64 'no subject' dl-token mint --aud b
status 64 'no audience' dl-token mint --sub a
status 64 'a token that is too long' mint --claim "x=$(printf '%07000d' 0)"
like "$(cat "$T/err")" 'bytes long: servers take 8192 ' 'which is told'
status 0 'one that is not' mint --claim "x=$(printf '%05500d' 0)"
status 75 'a token on a full disk' bash -c 'dl-token mint --sub a --aud b >/dev/full'
status 75 'into a closed output' bash -c 'dl-token mint --sub a --aud b >&-'
status 75 'a set on a full disk' bash -c 'dl-token jwks >/dev/full'

# What is no command
for args in '' 'newer' 'new x' 'jwks x' 'mint x' 'retire' 'retire a b' client \
    'client x' 'client add' 'client add a b' 'client ls x' 'client rm' \
    'jwks --rotate' 'new --sub a' 'client add x --aud y' 'jwks --scope a' \
    'client rm x --ttl 1h' 'jwks --json' 'client ls --json --table' \
    'new --claim a=b'; do
	# shellcheck disable=SC2086 # they are words
	status 64 "no command: '$args'" dl-token $args
done

# Rotation
dl-token mint --sub app --aud dl >"$T/old"
dl-token new --rotate >"$T/kid2"
kid2=$(cat "$T/kid2")
dl-token jwks >"$T/set"
is "$(jq -r '.keys[].kid' "$T/set" | xargs)" "$kid2 $kid" \
	'the new key comes first'
is "$(jq -c '[.keys[] | has("d")]' "$K")" '[true,false]' \
	"the old one's secret is gone"
dl-token mint --sub app --aud dl >"$T/new"
is "$(header "$T/new" | jq -r .kid)" "$kid2" 'the new key signs'
for t in old new; do
	verifies "$T/$t" "$T/set"
	is $? 0 "a token of the $t key is good"
done
status 77 'the key that signs is not retired' dl-token retire "$kid2"
like "$(cat "$T/err")" 'new --rotate' 'and what to do first'
status 0 'the old one is' dl-token retire "$kid"
is "$(dl-token jwks | jq -r '.keys[].kid')" "$kid2" 'and is gone'
status 1 'once' dl-token retire "$kid"
for _ in {1..7}; do dl-token new --rotate >/dev/null; done
status 77 'eight are enough' dl-token new --rotate
like "$(cat "$T/err")" "oldest is '$kid2'" 'and which to retire'
is "$(dl-token jwks | jq '.keys | length')" 8 'all of them are there'
# Nothing of it is said where others could see it.
secret=$(jq -r '.keys[0].d' "$K")
is "$(dl-token -v mint --sub a --aud b 2>&1 | grep -c "$secret")" 0 \
	'no secret is in a message'

# Files that are not as they should be
for mode in 0644 0640 0604 0660 0700; do
	chmod $mode "$K"
	status 77 "a key file of mode $mode" mint
	like "$(cat "$T/err")" "mode $mode" 'which is told'
done
chmod 0400 "$K"
status 0 'mode 0400' mint
chmod 0600 "$K"
cp "$K" "$T/good"
for change in 's/"x":"./"x":"_/' 's/"d":"./"d":"_/' 's/"kid":"./"kid":"~/' \
    's/Ed25519/X25519/' 's/"d"/"e"/' 's/\]}//' 's/.*//'; do
	sed "$change" "$T/good" >"$K"
	status 65 "a key file with $change" mint
	status 65 'is not rotated' dl-token new --rotate
	status 65 'nor made anew' dl-token new
done
(cat "$T/good"; head -c 5000 /dev/zero | tr '\0' ' ') >"$K"
status 65 'a file that is too long' mint
rm "$K"
ln -s "$T/good" "$K"
status 77 'a link' mint
rm "$K"
mkfifo -m 600 "$K"
status 77 'a pipe' timeout 10 dl-token mint --sub a --aud b
rm "$K"
cp -p "$T/good" "$K"
if [ "$(id -u)" = 0 ]; then
	chown 12345 "$K"
	status 77 'the file of another user' mint
	chown 0 "$K"
fi
status 0 'as it was' mint

# Clients
(umask 0; dl-token client add web --scope 'twin:read twin:write' --ttl 10m \
	>"$T/secret")
is $? 0 'a client'
like "$(cat "$T/secret")" '^[A-Za-z0-9_][A-Za-z0-9_-]{42}$' 'and its secret'
is "$(stat -c %a "$C" "$C/web.json" | xargs)" '700 600' 'are not for others'
is "$(grep -rlF "$(cat "$T/secret")" "$DL_HOME")" '' 'no file has the secret'
is "$(jq -r .hash "$C/web.json" | tr '$' ' ' | cut -d ' ' -f -4)" \
	' argon2id v=19 m=65536,t=2,p=1' \
	'but its hash'
status 1 'a client of the same name' dl-token client add web
is "$(cat "$T/out")" '' 'gets no secret'
DL_NOW=2026-01-01T00:00:00Z dl-token client add web-2 >"$T/out"
DL_NOW=2026-01-01T00:00:00Z dl-token client add a.b >"$T/out"
is "$(dl-token client ls | jq -c '[.client, .scope, .ttl]' | xargs)" \
	'[a.b,,3600] [web,twin:read twin:write,600] [web-2,,3600]' 'all of them'
is "$(dl-token client ls --table | sed -n '1p; /web-2/p')" \
	'CLIENT  SCOPE                 TTL    TIME
web-2                         3600s  2026-01-01T00:00:00Z' 'a table'
long=$(printf '%065d' 0)
for name in '' . ../x a/b .x "$long" $'a\nb'; do
	status 64 "no name of a client: ${name:0:10}" dl-token client add "$name"
	status 64 'nor to be removed' dl-token client rm "$name"
done
for args in s3cret/word 'client s3cretword' 'client add s3cret/word' \
    'mint s3cretword'; do
	# shellcheck disable=SC2086 # they are words
	status 64 "a secret where none belongs: $args" dl-token $args
	is "$(grep -c s3cret "$T/err")" 0 'is not repeated'
done
status 64 'a scope that is none' dl-token client add x --scope 'a  b'
status 64 'one that is too long' dl-token client add x \
	--scope "$(printf '%01025d' 0)"
status 64 'no time to live' dl-token client add x --ttl 0s
status 0 'the longest scope' dl-token client add long \
	--scope "$(printf '%01024d' 0)"
status 0 'goes' dl-token client rm long
is "$(dl-token client ls | grep -c long)" 0 'is gone'
status 75 'a secret that nobody gets' \
	bash -c 'dl-token client add full >/dev/full'
is "$([ -e "$C/full.json" ] || echo none)" none 'leaves no client'
cp "$C/web.json" "$C/other.json"
cp "$C/web.json" "$T/web.json"
status 65 'a file under another name' dl-token client ls
is "$(jq -r .client "$T/out" | xargs)" 'a.b web web-2' 'hides no other'
rm "$C/other.json"
for change in 's/t=2/t=9/' 's/m=65536/m=9999999/' 's/600/0/' 's/"hash".*",/{/'; do
	sed "$change" "$T/web.json" >"$C/web.json"
	status 65 "a client's file with $change" dl-token client ls
done
cp "$T/web.json" "$C/web.json"
chmod 644 "$C/web.json"
status 77 'one that others can read' dl-token client ls
rm "$C"/*

# Two at a time: one has to come again, and nothing is lost
made=0
for i in {1..10}; do dl-token client add "c$i" >/dev/null 2>&1 & jobs[i]=$!; done
for i in {1..10}; do
	wait "${jobs[i]}"
	case $? in 0) made=$((made + 1)) ;; 75) ;; *) made=-100 ;; esac
done
is "$(dl-token client ls | wc -l)" "$made" \
	'who was told of a client has it, the others come again'
for i in {1..10}; do dl-token client add one >"$T/one.$i" 2>&1 & jobs[i]=$!; done
made=0
for i in {1..10}; do
	wait "${jobs[i]}"
	case $? in 0) made=$((made + 1)) ;; 1 | 75) ;; *) made=-100 ;; esac
done
is "$made" 1 'of those who make the same client one is told its secret'

# Killed, and cut off, at any moment, there is a key that signs, and what it
# signed is good
D=$T/disk
mkdir "$D"
export DL_HOME=$D/home
export POWERCUT_DIR=$D POWERCUT_IMAGE=$T/image
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0
power_cut() { # A file that was gone at the end comes back without its mode.
	"$BUILD/fault/restore" "$POWERCUT_IMAGE" "$D" "$1"
	find "$D" -path '*/keys/*' -type f -exec chmod 600 {} +
}
cut_off() { # COMMAND...: as if the power went when it had ended
	"$BUILD/fault/restore" -s "$POWERCUT_IMAGE" "$D"
	LD_PRELOAD=$BUILD/fault/powercut.so "$@"
	power_cut 0
}
kids() { dl-token jwks 2>/dev/null | jq -r '.keys[].kid' | xargs; }
cut_off dl-token new >"$T/kid"
is "$(kids)" "$(cat "$T/kid")" 'a new key outlasts a power cut'
cut_off dl-token new --rotate >"$T/kid2"
is "$(kids)" "$(cat "$T/kid2" "$T/kid" | xargs)" 'so does the next'
cut_off dl-token retire "$(cat "$T/kid")"
is "$(kids)" "$(cat "$T/kid2")" 'so does retirement'
cut_off dl-token client add web >"$T/secret"
is "$(dl-token client ls | jq -r .client)" web 'so does a client'
cut_off dl-token client rm web
is "$(dl-token client ls)" '' 'and its removal'

# Killed before each of its steps, and mostly the power goes too: what is there is
# what was, or what was meant.
each_step() { # NAME: of functions that prepare, do it, and check what came of it
	local n r=137
	wrong=0
	for ((n = 1; n < 100 && r == 137; n++)); do
		"$1_before" $n
		"$BUILD/fault/restore" -s "$POWERCUT_IMAGE" "$D"
		("$1" $n >"$T/said"
		 exit $?) 2>"$T/err"
		r=$?
		[ $((n % 3)) = 0 ] || power_cut $((n % 3 == 1 ? n : 0))
		"$1_after" $n $r && continue
		wrong=$((wrong + 1))
		note "$1 broken off at step $n ($r): $(cat "$T/err")"
	done
	is "$wrong $r" '0 0' "$1 broken off at each of $((n - 2)) steps"
	is "$((n > 8))" 1 'which are not too few'
}
broken_off() { # N COMMAND...
	LD_PRELOAD="$BUILD/fault/steps.so $BUILD/fault/powercut.so" \
	STEPS_TOOL=dl-token STEPS_AT=$1 STEPS_HALF=$(($1 % 2)) \
		dl-token "${@:2}"
}
good_token() {
	dl-token jwks >"$T/set" && verifies "$T/token" "$T/set"
}

first_before() { rm -rf "$DL_HOME"; }
first() { broken_off "$1" new; }
first_after() { # A key, which is the one that was told; or none, then one can be made.
	if dl-token jwks >"$T/out" 2>"$T/err"; then
		[ ! -s "$T/said" ] || [ "$(kids)" = "$(cat "$T/said")" ]
	else
		[ ! -s "$T/said" ] && dl-token new >"$T/out"
	fi
}

rotation_before() {
	was=$(kids)
	[ "$(wc -w <<<"$was")" -lt 8 ] || dl-token retire "${was##* }"
	was=$(kids)
	dl-token mint --sub app --aud dl >"$T/token"
}
rotation() { broken_off "$1" new --rotate; }
rotation_after() {
	local is
	is=$(kids)
	good_token || return
	case $2,$is in
	137,"$was") [ ! -s "$T/said" ] ;;
	137,*) [ "${is#* }" = "$was" ] ;;
	0,*) [ "$is" = "$(cat "$T/said") $was" ] ;;
	*) false ;;
	esac
}

retirement_before() {
	[ "$(kids | wc -w)" -gt 1 ] || dl-token new --rotate >"$T/out"
	was=$(kids)
	dl-token mint --sub app --aud dl >"$T/token"
}
retirement() { broken_off "$1" retire "${was##* }"; }
retirement_after() {
	local is
	is=$(kids)
	good_token || return
	case $2,$is in
	137,"$was" | 137,"${was% *}" | 0,"${was% *}") ;;
	*) false ;;
	esac
}

addition_before() { :; }
addition() { broken_off "$1" client add "a$1"; }
addition_after() { # Who was told a secret has a client.
	dl-token client ls >"$T/out" || return
	[ ! -s "$T/said" ] || grep -q "\"a$1\"" "$T/out"
}

removal_before() { dl-token client add "r$1" >"$T/out"; }
removal() { broken_off "$1" client rm "r$1"; }
removal_after() {
	dl-token client ls >"$T/out" || return
	[ "$2" != 0 ] || ! grep -q "\"r$1\"" "$T/out"
}

for what in first rotation retirement addition removal; do
	each_step $what
done
dl-token new --rotate >"$T/out"
is "$(find "$D" -name '.token.*.tmp')" '' 'what is left of it, the next one takes'

done_testing
