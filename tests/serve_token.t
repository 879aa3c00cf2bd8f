#!/usr/bin/env bash
# dl-twin-serve --issue: clients of dl-token get tokens, with which they are let
# in; keys are rotated and retired while it runs.
. tests/tap.sh

dl-token new >"$T/kid"
dl-token client add web --scope 'twin:read twin:write' --ttl 5m >"$T/secret"
dl-token client add reader --scope twin:read >"$T/reader"
secret=$(cat "$T/secret")
dl-twin-put <<'EVENT'
{"specversion":"1.0","id":"1","source":"s","type":"dl.observation","subject":"c","time":"2026-01-01T00:00:00Z","data":{"m":7}}
EVENT
dl-twin-serve --issue -l 127.0.0.1:0 2>"$T/log" &
pid=$!
tap_pids+=("$pid")
soon grep -q 'listening on' "$T/log"
url=$(sed -n 's/.*listening on \([^ ]*\).*/\1/p' "$T/log")

# Status of an answer, whose body is in $T/body and whose head is in $T/head.
ask() { curl -s -m 30 -o "$T/body" -D "$T/head" -w '%{http_code}' "$@"; }
grant() { ask -d grant_type=client_credentials "$@" "$url/oauth2/token"; }
get() { ask -H "Authorization: Bearer $1" "$url/v1/components/c/metrics/m"; }
field() { tr -d '\r' <"$T/head" | sed -n "s/^$1: //Ip"; }

# A token
is "$(get x)" 401 'nobody is let in'
is "$(grant -u "web:$secret")" 200 'a token'
is "$(jq -c '[.token_type, .expires_in, .scope]' "$T/body")" \
	'["Bearer",300,"twin:read twin:write"]' 'and what of'
is "$(field cache-control) $(field pragma) $(field content-type)" \
	'no-store no-cache application/json' 'which is not to be kept'
token=$(jq -r .access_token "$T/body")
is "$(get "$token") $(jq .value "$T/body")" '200 7' 'lets in'
is "$(get "${token%?}")" 401 'but not without its end'
is "$(get "$(dl-token mint --sub a --aud dl --scope twin:read)")" 200 \
	'so does one of dl-token'
is "$(get "$(dl-token mint --sub a --aud other --scope twin:read)")" 401 \
	'but not for another audience'
is "$(get "$(dl-token mint --sub a --aud dl --scope other)")" 403 \
	'nor without a scope that reads'
is "$(grant -d client_id=web -d "client_secret=$secret" -d scope=twin:read)" \
	200 'the client is in the body'
is "$(jq -r .scope "$T/body")" twin:read 'and asks for less'
is "$(grant -u "reader:$(cat "$T/reader")" -d scope=twin:write)" 400 \
	'or for more'
is "$(jq -r .error "$T/body")" invalid_scope 'which is refused'

# No token
is "$(grant -u web:wrong)" 401 'a wrong secret'
is "$(field www-authenticate)" 'Basic realm="dl"' 'is asked for again'
cp "$T/body" "$T/wrong"
is "$(grant -u nobody:wrong) $(cmp "$T/body" "$T/wrong" && echo same)" \
	'401 same' 'an unknown client is refused in the same words'
is "$(grant -u "web:$secret" -H 'Content-Type: text/plain')" 400 'not a form'
is "$(grant -H 'Authorization: Basic x' -H 'Authorization: Basic y')" 400 \
	'two of Authorization'
is "$(ask -d grant_type=password "$url/oauth2/token")" 400 'another grant'
is "$(jq -r .error "$T/body")" unsupported_grant_type 'is not known'
is "$(ask "$url/oauth2/token") $(field allow)" '405 POST, OPTIONS' \
	'it is posted'
for _ in {1..5}; do grant -u reader:wrong >"$T/out"; done
is "$(grant -u "reader:$(cat "$T/reader")")" 429 'five failures cost time'
like "$(field retry-after)" '^[1-9]$' 'and it is said how much'
is "$(grant -u "web:$secret")" 200 'but others none'
dl-token client rm web
is "$(grant -u "web:$secret")" 401 'a client that was removed gets none'
is "$(get "$token")" 200 'but keeps what it has'

# Keys
set_of() {
	ask "$url/oauth2/jwks" >"$T/out"
	jq -r '.keys[].kid' "$T/body" | xargs
}
is "$(set_of)" "$(cat "$T/kid")" 'the key set'
is "$(jq '.keys[0] | has("d")' "$T/body")" false 'without a secret'
dl-token new --rotate >"$T/kid2"
kill -HUP "$pid"
both() { [ "$(set_of)" = "$(cat "$T/kid2" "$T/kid" | xargs)" ]; }
soon both
is $? 0 'another key, read on SIGHUP'
new=$(dl-token mint --sub a --aud dl --scope twin:read)
becomes() { [ "$(get "$1")" = "$2" ]; }
soon becomes "$new" 200
is "$(get "$new")" 200 'signs what lets in'
is "$(get "$token")" 200 'as does what the old one signed'
dl-token retire "$(cat "$T/kid")"
kill -HUP "$pid"
soon becomes "$token" 401
is "$(get "$token")" 401 'until it is retired'
is "$(get "$new") $(set_of)" "200 $(cat "$T/kid2")" 'the new one stays'
mv "$DL_HOME/keys/token.json" "$T/away"
kill -HUP "$pid"
soon grep -q 'the old keys stay' "$T/log"
is "$(get "$new") $(set_of)" "200 $(cat "$T/kid2")" \
	'keys that cannot be read change nothing'
mv "$T/away" "$DL_HOME/keys/token.json"

# dl's own client: a source that asks for a token, then for a record
dl-token client add source --scope twin:read >"$T/source"
cat >"$T/source.yaml" <<YAML
name: twin
url: $url/v1/components/c
format: json
items: .records
auth:
  oauth2:
    token_url: $url/oauth2/token
    client_id: source
    client_secret: file:$T/source
YAML
chmod 600 "$T/source"
status 0 'dl-source gets a token, and is let in' dl-source "$T/source.yaml"
is "$(jq -c 'select(.type == "dl.record").data | [.metric, .value]' "$T/out")" \
	'["m",7]' 'to the record'

# Nothing tells
is "$(grep -cF -e "$secret" -e "$token" -e "$new" "$T/log")" 0 \
	'no secret and no token is in the log'
like "$(jq -Rr 'fromjson? | select(.path == "/oauth2/token").who' "$T/log" |
	sort -u | xargs)" 'web' 'but who got one'
kill "$pid"
wait "$pid"
is $? 0 'it stops'
rm "$DL_HOME/keys/token.json"
status 78 'without a key it does not start' \
	timeout 20 dl-twin-serve --issue -l 127.0.0.1:0
like "$(cat "$T/err")" "'dl-token new' makes it" 'and what to do'

done_testing
