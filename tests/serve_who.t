#!/usr/bin/env bash
# dl-twin-serve: who may ask at all, without tokens, with them, and when what
# gave the right is taken back while a request is under way.
. tests/tap.sh
. tests/servers/serve.sh

umask 077
event() { # COMPONENT DATA
	printf '{"specversion":"1.0","id":"%s","source":"s","type":"dl.observation","subject":"%s","time":"2026-01-01T00:00:00Z","data":%s}\n' \
		"$RANDOM$RANDOM" "$1" "$2"
}
code() { curl -s -m 20 -o "$T/body" -D "$T/head" -w '%{http_code}' "$@"; }
nd='Content-Type: application/x-ndjson'

{ event seen '{"x":1}' && event hidden '{"x":1}'; } >"$T/events"
dl-twin-put -q <"$T/events" >"$T/out" || note 'dl-twin-put failed'

# Without tokens a browser on this machine is no way in.

serve_start --open || exit 1
port=${serve_url##*:}
for host in "localhost:$port" "LocalHost" "127.0.0.1:$port" "127.1.2.3" \
	"[::1]:$port" "[::1]"; do
	is "$(code -H "Host: $host" "$serve_url/v1/components")" 200 \
		"Host: $host is this machine"
done
for host in "evil.example:$port" evil.example "127.0.0.1.evil.example" \
	"localhost.evil.example" "10.0.0.1" "[::2]" "[::1]x" "[::1" ":$port" \
	"0.0.0.0"; do
	is "$(code -H "Host: $host" "$serve_url/v1/components")" 403 \
		"Host: $host may be a page's that was made to mean us"
done
is "$(code -H 'Host: evil.example' "$serve_url/metrics")" 403 \
	'... which reads no figures either'
is "$(code -H 'Host: evil.example' -H "$nd" --data-binary @"$T/events" \
	"$serve_url/v1/events")" 403 '... and writes nothing'
is "$(code -H 'Host: evil.example' -m 5 "$serve_url/v1/changes")" 403 \
	'... and follows nothing'
for origin in http://evil.example null "https://127.0.0.1:$port" \
	http://127.0.0.1 "http://localhost:$port" "$serve_url.evil.example"; do
	is "$(code -H "Origin: $origin" -H "$nd" --data-binary @"$T/events" \
		"$serve_url/v1/events")" 403 "Origin: $origin is another"
done
is "$(code -H "Origin: $serve_url" -H "$nd" --data-binary @"$T/events" \
	"$serve_url/v1/events")" 200 'our own page may'
serve_stop TERM

printf 'cors: [http://app.example]\n' >"$T/open.yaml"
serve_start -c "$T/open.yaml" --open || exit 1
is "$(code -H 'Origin: http://app.example' "$serve_url/v1/components")" 200 \
	'so may an origin that is named'
serve_stop TERM
printf 'cors: ["*"]\n' >"$T/open.yaml"
status 78 'any origin, without tokens: no' \
	timeout 10 dl-twin-serve -c "$T/open.yaml" -l 127.0.0.1:0 --open
like "$(<"$T/err")" 'open.yaml:1: with --open every page' '... and where'

# Tokens are of one issuer, however that was said.

dl-token new >"$T/out" || note 'dl-token new failed'
dl-token jwks >"$T/jwks.json"
printf 'jwks: jwks.json\nissuer: dl\naudience: dl\n' >"$T/serve.yaml"
status 64 '--issue, and jwks in serve.yaml' \
	timeout 10 dl-twin-serve -c "$T/serve.yaml" -l 127.0.0.1:0 --issue
like "$(<"$T/err")" "'jwks' exclude each other" '... is told'

# While the provider was never there a token is not called a bad one.

token=$(dl-token mint --sub app --aud dl --scope 'twin:read twin:write')
printf 'jwks: http://127.0.0.1:1/\nissuer: dl\naudience: dl\n' \
	>"$T/serve.yaml"
serve_start -c "$T/serve.yaml" || exit 1
is "$(code -H "Authorization: Bearer $token" "$serve_url/v1/components")" 503 \
	'no keys yet: try again'
like "$(tr -d '\r' <"$T/head")" 'Retry-After: 1' '... when'
serve_stop TERM

# Tokens.

cat >"$T/policy.yaml" <<-'EOF'
	rules:
	  - when: {scope: twin:read}
	    read: [{components: [seen, none]}]
	  - when: {scope: twin:write}
	    write: all
EOF
printf 'issue: true\npolicy: policy.yaml\ncors: "*"\n' >"$T/serve.yaml"
serve_start -c "$T/serve.yaml" || exit 1
auth="Authorization: Bearer $token"

is "$(code "$serve_url/metrics")" 200 'figures are for this machine'
is "$(code -H 'Origin: http://evil.example' "$serve_url/metrics")" 401 \
	'... but not for any page that it shows'
is "$(code -H 'Origin: http://evil.example' -H "$auth" "$serve_url/metrics")" \
	200 '... without a token'

# The same bytes for what is hidden and what is not there.
same() { # TARGET-OF-HIDDEN TARGET-OF-ABSENT
	local t
	for t in "$@"; do
		code -H "$auth" -H 'X-Request-Id: same' "$serve_url$t" \
			>"$T/code"
		cat "$T/code" "$T/body" && grep -v '^Date' "$T/head"
	done >"$T/both"
	awk '{ a[NR] = $0 } END { for (i = 1; i <= NR / 2; i++)
		if (a[i] != a[i + NR / 2]) exit 1; exit NR == 0 || NR % 2 }' \
		"$T/both"
}
for q in '' '?metrics=x' '?limit=1'; do
	status 0 "a hidden component is like none: $q" \
		same "/v1/components/hidden$q" "/v1/components/nowhere$q"
done
for q in '' '?max_age=1s'; do
	status 0 "a hidden metric is like none: $q" same \
		"/v1/components/hidden/metrics/x$q" "/v1/components/none/metrics/x$q"
done
is "$(curl -s -H "$auth" -H 'Content-Type: application/json' \
	-d '{"pairs":[{"component":"hidden","metric":"x"},{"component":"none","metric":"x"}]}' \
	"$serve_url/v1/query")" '{"records":[null,null]}' '... in a query too'
is "$(curl -s -H "$auth" "$serve_url/v1/components?limit=1")" \
	'{"components":["seen"]}' '... and pages end before it'

# Who has shown no token has no large body kept for him.
head -c 100000 /dev/zero | tr '\0' a >"$T/large"
is "$(code --data-binary @"$T/large" "$serve_url/oauth2/token")" 413 \
	'a large form of nobody'
is "$(code -X GET --data-binary @"$T/large" "$serve_url/healthz")" 413 \
	'a large body for what needs none'
is "$(code -H "$auth" -H "$nd" --data-binary @"$T/large" \
	"$serve_url/v1/events")" 200 'it is larger with a token'

# A head that was allowed, and its body when the right is gone.
slow() { # BODY COMMAND...: which runs when the head was allowed
	local body=$1 line
	shift
	exec 5<>"/dev/tcp/127.0.0.1/${serve_url##*:}"
	printf 'POST /v1/events HTTP/1.1\r\nHost: localhost\r\n%s\r\n%s\r\nContent-Length: %d\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n' \
		"$auth" "$nd" "${#body}" >&5
	IFS= read -r -t 20 line <&5 # 100: the head was looked at
	IFS= read -r -t 20 _ <&5
	"$@" >"$T/out" 2>"$T/err"
	printf '%s' "$body" >&5
	cat <&5 >"$T/answer"
	exec 5>&-
	printf '%s %s\n' "${line:9:3}" "$(head -c 12 "$T/answer" | cut -c 10-)"
}
is "$(slow "$(event late '{"x":1}')" true)" '100 200' 'a slow body'
no_writes() {
	sed -i 's/write: all/write: [{components: other}]/' "$T/policy.yaml"
	serve_hup 'keys read again'
}
is "$(slow "$(event late '{"x":2}')" no_writes)" '100 200' \
	'a policy that changed while the body came'
like "$(tr -d '\r' <"$T/answer")" '"code":"forbidden"' '... holds for it'
no_key() {
	local old
	old=$(dl-token jwks | sed 's/.*"kid":"\([^"]*\)".*/\1/')
	dl-token new --rotate && dl-token retire "$old" &&
		serve_hup 'keys read again'
}
is "$(slow "$(event other '{"x":2}')" no_key)" '100 401' \
	'a key that went away while the body came'
is "$(dl-twin-get --json | grep -c '"value":2')" 0 'nothing of it was written'
is "$(dl-twin-get --json late x | grep -c '"value":1')" 1 '... but what might be'
serve_stop TERM

# Where keys come from may have a password in it.
cat >"$T/serve.yaml" <<'YAML'
jwks: https://user:SECRET@127.0.0.1:1/jwks?key=SECRET#SECRET
issuer: me
audience: dl
YAML
serve_start -v -c "$T/serve.yaml" || exit 1
serve_hup "keys are fetched again: 'https://127.0.0.1:1/jwks'"
is $? 0 'keys by URL are fetched again'
is "$(grep -c SECRET "$T/serve.log")" 0 '... and its password is not told'
serve_stop TERM
done_testing
