#!/usr/bin/env bash
# Keys by https, and tokens that openssl signed: what lib/bearer says of them, as
# tests/servers/bearer.c prints it.  (serve_tokens.t has many more of them.)
. tests/tap.sh
. tests/servers/tls.sh

b64() {
	openssl base64 -A | tr '+/' '-_' | tr -d =
}

key() { # NAME: a private key
	openssl genpkey -algorithm ED25519 -out "$T/$1.key" 2>/dev/null
}

jwk() { # NAME
	printf '{"kty":"OKP","crv":"Ed25519","kid":"%s","x":"%s"}' "$1" \
		"$(openssl pkey -in "$T/$1.key" -pubout -outform DER |
			tail -c 32 | b64)"
}

token() { # NAME CLAIMS
	local text
	text=$(printf '{"alg":"EdDSA","kid":"%s"}' "$1" | b64).$(printf %s "$2" | b64)
	printf %s "$text" >"$T/text"
	openssl pkeyutl -sign -rawin -inkey "$T/$1.key" -in "$T/text" \
		-out "$T/sig"
	printf '%s.%s\n' "$text" "$(b64 <"$T/sig")"
}

mkdir -p "$T/www"
key one && key two || exit 1
printf '{"keys":[%s]}' "$(jwk one)" >"$T/www/jwks"
tls_certificates && tls_start '' || exit 1

# A process that is asked line by line.
start() { # PORT [VARIABLE=VALUE...]
	coproc BEARER {
		exec env "${@:2}" "$BUILD/servers/bearer" \
			"https://localhost:$1/jwks" me dl 2>"$T/log"
	}
	tap_pids+=("$BEARER_PID")
	exec 3<&"${BEARER[0]}" 4>&"${BEARER[1]}"
}
ask() {
	local line
	printf '%s\n' "$1" >&4
	IFS= read -r -t 60 line <&3
	printf '%s\n' "$line"
}
stop() {
	exec 3<&- 4>&-
	kill "$BEARER_PID" && wait "$BEARER_PID" 2>/dev/null
}
told() {
	grep -q "$1" "$T/log"
}
times_fetched() {
	grep -c '/jwks' "$T/tls/access.log"
}
fetched_times() {
	[ "$(times_fetched)" = "$1" ]
}
# nginx may answer before it writes its log.
fetched() {
	soon fetched_times "$1"
	times_fetched
}

one=$(token one '{"iss":"me","aud":"dl","sub":"bob","exp":4102444800,"scope":"twin:read"}')
two=$(token two '{"iss":"me","aud":"dl","sub":"eve","exp":4102444800}')

start "$tls_port" CA="$T/tls/ca.pem"
is "$(ask ready)" ready 'keys come over https'
is "$(ask "$one")" 'OK bob r' 'a token is good by them'
is "$(ask "${one%????}AAAA")" "REFUSED the token's signature is wrong" \
	'... and not with another signature'
printf '{"keys":[%s,%s]}' "$(jwk one)" "$(jwk two)" >"$T/www/jwks"
is "$(ask "$two") $(fetched 2)" 'waited OK eve - 2' \
	'a new key comes when it is asked for'
is "$(ask "$(token one '{"iss":"me","aud":"dl","sub":"bob","exp":1}')")" \
	'REFUSED the token has expired' 'an old token'
rm "$T/www/jwks"
is "$(ask reload)" reloaded 'the keys are away'
status 0 '... which is told' soon told 'those that are there stay'
is "$(ask "$two")" 'OK eve -' '... and those that were there go on'
stop

# Whose certificate is not to be trusted gives no keys.
printf '{"keys":[%s]}' "$(jwk one)" >"$T/www/jwks"
n=$(fetched 3)
for i in 1 2 3; do
	start $((tls_port + i)) CA="$T/tls/ca.pem"
	status 0 "${tls_names[i]}: no keys" soon told 'no keys came'
	like "$(ask "$one")" \
		'^(waited )?REFUSED there are no keys yet to check tokens by$' \
		'... and no token is good'
	stop
done
start "$tls_port"
status 0 'an authority that nobody knows' soon told 'no keys came'
stop
is "$(fetched "$n")" "$n" 'nobody was asked'
done_testing
