#!/usr/bin/env bash
# dl-source --check and --dry-run: what is wrong with a specification is told
# offline, and what it would bring without storing anything.
. tests/tap.sh

spec() { # LINE...
	printf '%s\n' "$@" >"$T/s.yaml"
}
one_error() { # NAME REGEX
	is "$(wc -l <"$T/err")" 1 "$1: one line"
	like "$(cat "$T/err")" "$2" "$1: it says what is wrong"
}
untouched() { is "$(find "$DL_HOME" 2>/dev/null | wc -l)" 0 "$1"; }

## --check

spec 'name: s' 'url: https://nowhere.invalid/x.json' 'items: .l' \
	'subject: .id' 'time: .t' 'time_format: ms' 'only_changed: true'
status 0 'a specification that is right' dl-source --check "$T/s.yaml"
is "$(cat "$T/out" "$T/err")" '' '... nothing is said'
untouched '... and no state is made'
spec 'name: s' 'url: https://nowhere.invalid/x.json' 'items: .l' 'subject: .id['
status 78 'a program that does not compile' dl-source --check "$T/s.yaml"
one_error 'a program that does not compile' "s.yaml:4: 'subject'"
spec 'name: s' 'url: https://nowhere.invalid/x.json' 'items: .l[' 'subject: .id'
status 78 'a path that does not compile' dl-source --check "$T/s.yaml"
one_error 'a path that does not compile' "s.yaml:3: 'items'"
spec 'name: s' 'url: gopher://nowhere.invalid/'
status 78 'a scheme that is not known' dl-source --check "$T/s.yaml"
one_error 'a scheme that is not known' "s.yaml:2: 'url': the scheme is none of http"
spec 'name: s' 'url: /srv/in.json'
status 78 'no scheme' dl-source --check "$T/s.yaml"
one_error 'no scheme' "s.yaml:2: 'url': there is no scheme.*file:///PATH"
untouched 'what is wrong left no state either'

# Secrets written out are refused, and not repeated.
for line in 'url: https://me:hunter2@nowhere.invalid/' \
	'url: https://nowhere.invalid/?api_key=hunter2&x=1' \
	'url: https://nowhere.invalid/?x=1&access_token=hunter2' \
	'url: https://nowhere.invalid/?access_token={page}hunter2'; do
	spec 'name: s' "$line"
	status 78 "refused: ${line/hunter2/...}" dl-source --check "$T/s.yaml"
	one_error 'a secret written out' "s.yaml:2: 'url' has a .*written out: say it in 'auth'"
	is "$(grep -c hunter2 "$T/err")" 0 '... and it is not repeated'
done
for name in Authorization X-Api-Key Cookie x-auth-token Proxy-Authorization; do
	spec 'name: s' 'url: https://nowhere.invalid/' 'headers:' "  $name: hunter2"
	status 78 "refused: the header $name" dl-source --check "$T/s.yaml"
	one_error "the header $name" "s.yaml:4: the header '$name' .*secret:NAME"
	is "$(grep -c hunter2 "$T/err")" 0 '... and it is not repeated'
	spec 'name: s' 'url: https://nowhere.invalid/' 'headers:' "  $name: secret:it"
	status 0 '... a reference is taken' dl-source --check "$T/s.yaml"
done
spec 'name: s' 'url: https://nowhere.invalid/' 'proxy: http://me:hunter2@proxy/'
status 78 'a password of a proxy' dl-source --check "$T/s.yaml"
one_error 'a password of a proxy' "s.yaml:3: 'proxy' has a password in it: set https_proxy"
is "$(grep -c hunter2 "$T/err")" 0 '... and it is not repeated'
spec 'name: s' 'url: https://nowhere.invalid/' 'proxy: gopher://proxy/'
status 78 'a proxy of another kind' dl-source --check "$T/s.yaml"
one_error 'a proxy of another kind' "s.yaml:3: 'proxy' "
untouched 'references are not looked up by --check'
spec 'name: s' 'url: https://nowhere.invalid/?sort=key&token=' 'headers:' '  Accept: text/x'
status 0 'what only looks a bit like one is taken' dl-source --check "$T/s.yaml"
spec 'name: s' 'url: https://nowhere.invalid/?page_token={page}' \
	'headers: {X-Next-Token: "{page}"}' 'pages: {by: cursor, next: .next}'
status 0 'a token that the server gives is none' dl-source --check "$T/s.yaml"
for proxy in http://me:hunter2@h:1 me:hunter2@h:1; do
	spec 'name: s' 'url: https://nowhere.invalid/' "proxy: $proxy"
	status 78 "refused: the proxy ${proxy/hunter2/...}" \
		dl-source --check "$T/s.yaml"
	one_error 'a password of a proxy' "s.yaml:3: 'proxy' has a password in it"
done
spec 'name: s' 'url: https://nowhere.invalid/' \
	'auth: {oauth2: {token_url: "https://h/?client_secret=hunter2", client_id: c, client_secret: env:A}}'
status 78 'refused: a secret in a token_url' dl-source --check "$T/s.yaml"
one_error 'a secret in a token_url' \
	"s.yaml:3: 'auth.oauth2.token_url' has a key or token in it, written out"
spec 'name: s' 'url: http://nowhere.invalid/' 'auth: {bearer: env:A}'
status 0 'a token for http' dl-source --check "$T/s.yaml"
one_error 'a token for http' "s.yaml:2: 'url' is http: .* in the clear"
for url in http://127.0.0.1/ https://nowhere.invalid/; do
	spec 'name: s' "url: $url" 'auth: {bearer: env:A}'
	status 0 "a token for $url" dl-source --check "$T/s.yaml"
	is "$(cat "$T/err")" '' '... without a word'
done
for url in exec:true file:///etc/hostname ftp://nowhere.invalid/a; do
	spec 'name: s' "url: $url" 'auth: {bearer: env:A}'
	status 78 "a token for $url" dl-source --check "$T/s.yaml"
	one_error "a token for $url" "s.yaml:3: 'auth' is "
done
spec 'name: s' 'url: ftp://nowhere.invalid/a' 'auth: {basic: {user: u, password: env:A}}'
status 0 'a password for ftp' dl-source --check "$T/s.yaml"
spec 'name: s' 'url: https://nowhere.invalid/' 'tls: {cert: c.pem}'
status 78 'half a certificate' dl-source --check "$T/s.yaml"
one_error 'half a certificate' "s.yaml:3: .*'cert' and 'key'"
spec 'name: s' 'url: https://nowhere.invalid/' \
	'tls: {cert: c.pem, key: k.pem, key_password: hunter2}'
status 78 'a password of a key, written out' dl-source --check "$T/s.yaml"
one_error 'a password of a key' "s.yaml:3: 'key_password' .*secret:NAME"

## --dry-run

seq 9 | jq -c '{id: ("k" + tostring), t: (1700000000000 + . * 1000), v: .}' \
	>"$T/in.ndjson"
spec 'name: s' "url: file://$T/in.ndjson" 'format: ndjson' 'subject: .id' \
	'time: .t' 'time_format: ms' 'only_changed: true'
status 0 'a dry run' dl-source --dry-run -c 3 "$T/s.yaml"
is "$(jq -c '[.type, .subject, .time, .data.v]' "$T/out" | paste -sd' ')" \
	'["dl.record","k1","2023-11-14T22:13:21.000Z",1] ["dl.record","k2","2023-11-14T22:13:22.000Z",2] ["dl.record","k3","2023-11-14T22:13:23.000Z",3]' \
	'... prints the events that would be'
ids=$(jq -r .id "$T/out")
untouched '... and stores nothing'
status 0 'ten of them unless told' dl-source --dry-run "$T/s.yaml"
is "$(wc -l <"$T/out")" 9 '... or as many as there are'
dl-source "$T/s.yaml" | dl-stream-put s | dl-commit
is "$(jq -r .id "$DL_HOME"/streams/s/*.ndjson | head -3)" "$ids" \
	'the ids are those that a run gives'
cp -a "$DL_HOME" "$T/before"
echo '{"id":"k1","t":1700000009000,"v":"new"}' >>"$T/in.ndjson"
status 0 'a dry run after a run' dl-source --dry-run "$T/s.yaml"
is "$(jq -c .data.v "$T/out")" '"new"' '... knows what has not changed'
is "$(diff -r "$DL_HOME" "$T/before")" '' '... and changes nothing'
status 0 'the source itself still may run' dl-source "$T/s.yaml"
is "$(grep -c dl.record "$T/out")" 1 '... and brings it'

printf '%s\n' '{"id":"a","t":1}' '{"id":' '{"id":"b","t":2}' >"$T/in.ndjson"
rm -rf "$DL_HOME"
status 0 'a dry run with an item that is wrong' dl-source --dry-run "$T/s.yaml"
is "$(wc -l <"$T/out")" 2 '... goes on'
one_error 'a wrong item' 'item 2 would be a dead letter: '
status 0 'of standard input' dl-source --dry-run -c 1 "$T/s.yaml" - <"$T/in.ndjson"
is "$(wc -l <"$T/out")" 1 '... as well'
for args in '-f --check' '-f --dry-run' '--check --dry-run' '-c 3' \
	'--dry-run -d dead'; do
	# shellcheck disable=SC2086 # options
	status 64 "wrong usage: $args" dl-source $args "$T/s.yaml"
done

done_testing
