#!/usr/bin/env bash
# dl-twin-serve: what it answers, whom, and how it starts, reloads and ends.
. tests/tap.sh
. tests/servers/nginx.sh
. tests/servers/serve.sh

# obs COMPONENT TIME DATA
obs() {
	printf '{"specversion":"1.0","id":"i","source":"s","type":"dl.observation","subject":"%s","time":"%s","data":%s}\n' \
		"$1" "$2" "$3"
}

# get PATH [CURL ARG...]: the body; $T/head has the headers.
get() {
	local path=$1
	shift
	curl -s --max-time 20 -D "$T/head" "$@" "$serve_url$path"
}

# code PATH [CURL ARG...]: the status alone.
code() {
	: >"$T/body"
	get "$@" -o "$T/body" -w '%{http_code}'
}

header() {
	sed -n "s/^$1: \(.*\)\r\$/\1/ip" "$T/head"
}

problem() {
	sed -n 's/.*"type":"urn:dl:problem:\([a-z-]*\)".*/\1/p' "$T/body"
}

# Options and configurations that are wrong.

status 78 'nothing to check tokens with' dl-twin-serve
like "$(cat "$T/err")" 'nothing to check tokens with' '... is said'
status 64 '--open and --issue' dl-twin-serve --open --issue
status 64 '--open on all addresses' dl-twin-serve --open -l 0.0.0.0:0
like "$(cat "$T/err")" 'only on 127.0.0.1 or \[::1\], not on 0.0.0.0' '... is said'
status 64 '--open on all of IPv6' dl-twin-serve --open -l '[::]:0'
status 78 'no TLS on all addresses' dl-twin-serve --issue -l 0.0.0.0:0
like "$(cat "$T/err")" "give 'tls'" '... is said'
for listen in 127.0.0.1 :80 127.0.0.1:65536 127.0.0.1:x example.org:80 ::1:80 \
    '[127.0.0.1]:80' ''; do
	status 64 "--listen '$listen'" dl-twin-serve --open -l "$listen"
done
status 64 'an operand' dl-twin-serve --open x
status 78 'no such file' dl-twin-serve -c "$T/none.yaml"

# conf LINE MESSAGE YAML
conf() {
	printf '%b' "$3" >"$T/bad.yaml"
	status 78 "serve.yaml: $2" dl-twin-serve -c "$T/bad.yaml"
	like "$(cat "$T/err")" "bad.yaml:$1: .*$2" '... with file and line'
}
conf 1 "did you mean 'listen'" 'lisen: 127.0.0.1:80\n'
conf 2 "'listen' is \"x\"" 'issue: true\nlisten: x\n'
conf 2 'listens with TLS alone' 'issue: true\nlisten: 0.0.0.0:80\n'
conf 1 "'cert' is needed in tls" 'tls: {key: k}\nissue: true\n'
conf 1 "'key' is needed in tls" 'tls: {cert: k}\nissue: true\n'
conf 1 "'issuer' is needed" 'jwks: x.json\n'
conf 1 "'audience' is needed" 'jwks: x.json\nissuer: me\n'
conf 2 'exclude each other' 'jwks: x.json\nissue: true\n'
conf 3 "'rate' is out of its range" 'issue: true\nlimits:\n  rate: 1000001\n'
conf 1 "'audience' is a text, or a list" 'audience: {a: b}\n'
conf 1 'leeway.* is out of its range' 'leeway: 11m\n'
conf 2 "'streems' is not a key of limits" 'limits:\n  streems: 1\n'
printf 'jwks: none.json\nissuer: i\naudience: a\n' >"$T/bad.yaml"
status 75 'a JWKS that is not there' dl-twin-serve -c "$T/bad.yaml" -l 127.0.0.1:0
like "$(cat "$T/err")" "$T/none.json" '... by its path from the file'"'"'s directory'
printf 'issue: true\npolicy: none.yaml\n' >"$T/bad.yaml"
status 78 'a policy that is not there' dl-twin-serve -c "$T/bad.yaml" -l 127.0.0.1:0
printf 'jwks: x\nissuer: i\naudience: a\n' >"$T/bad.yaml"
status 64 '--open and jwks' dl-twin-serve -c "$T/bad.yaml" --open

# Reading, open to everybody.

{
	obs pump-7 2024-05-01T10:00:00Z '{"rpm":1480,"bar":2.50}'
	obs 'a/b' 2024-05-01T10:00:00Z '{"x/y":1}'
	obs 'a%2Fb' 2024-05-01T10:00:00Z '{"x%y":2}'
	obs 'zü r' 2024-05-01T10:00:00Z '{"é è":3,"a,b":4,"c":5}'
	obs 'metrics' 2024-05-01T10:00:00.500Z '{"metrics":"m"}'
} >"$T/in"
dl-twin-put <"$T/in"
serve_start --open
like "$serve_url" '^http://127\.0\.0\.1:[1-9][0-9]*$' 'it says where it listens'
is "$(code /healthz) $(cat "$T/body")" '200 ok' '/healthz'
is "$(code /readyz) $(cat "$T/body")" '200 ok' '/readyz'
is "$(get /v1/components)" \
	'{"components":["a%2Fb","a/b","metrics","pump-7","zü r"]}' 'components'
is "$(header Content-Type)" application/json '... are JSON'
is "$(header Link)" '' '... all on one page'
is "$(get '/v1/components?prefix=a/')" '{"components":["a/b"]}' 'a prefix'
is "$(get '/v1/components?prefix=a%2F')" '{"components":["a/b"]}' '... encoded'
is "$(get '/v1/components?prefix=a%252F')" '{"components":["a%2Fb"]}' \
	'... decoded once'
is "$(get '/v1/components?prefix=x')" '{"components":[]}' '... of none'

# names /v1/components/{c}/metrics/{m}: as dl-twin-get has it
same() {
	is "$(get "$1")" "$(dl-twin-get "$2" "$3")" "$1"
}
same /v1/components/pump-7/metrics/rpm pump-7 rpm
same /v1/components/a%2Fb/metrics/x%2Fy a/b x/y
same /v1/components/a%2fb/metrics/x%2fy a/b x/y
same /v1/components/a%252Fb/metrics/x%25y a%2Fb x%y
same /v1/components/z%C3%BC%20r/metrics/%C3%A9%20%C3%A8 'zü r' 'é è'
same /v1/components/z%C3%BC%20r/metrics/a,b 'zü r' a,b
same /v1/components/metrics/metrics/metrics metrics metrics
is "$(get /v1/components/pump-7)" "{\"component\":\"pump-7\",\"records\":[$(
	dl-twin-get pump-7 | paste -sd,)]}" 'a component'
is "$(get '/v1/components/z%C3%BC%20r?metrics=c,a%2Cb,c,none' |
	grep -o '"metric":"[^"]*"' | paste -sd' ')" \
	'"metric":"a,b" "metric":"c"' 'some of its metrics, %2C in a name'

for path in /nothing /v1 /v1/ /v1/components/ /v1/components/pump-7/ \
    /v1/components/pump-7/metrics /v1/components/pump-7/metrics/ \
    /v1/components/pump-7/metrics/rpm/ /v1/components//metrics/rpm \
    /v1/components/none /v1/components/pump-7/metrics/none \
    /v1/components/pump-7/metrics/%00 /v1/components/pump-7/metrics/%ff \
    /v1/components/pump-7/metrics/%GG /v1/components/pump-7%00 \
    /v1/components/a/b/metrics/x "/v1/components/$(printf '%0500d' 1)" \
    "/v1/components/pump-7/metrics/$(printf '%0500d' 1)" \
    /v1/components/pump-7?metrics=none /oauth2/jwks; do
	is "$(code "$path" --path-as-is) $(problem)" '404 not-found' \
		"404 ${path:0:60}"
done
for path in '/v1/components?limit=0' '/v1/components?limit=10001' \
    '/v1/components?limit=x' '/v1/components?limit=1&limit=1' \
    '/v1/components?after=x' '/v1/components?after=' '/v1/components?prefx=a' \
    '/v1/components?prefix=%ff' '/v1/components/pump-7?metrics=' \
    '/v1/components/pump-7/metrics/rpm?max_age=5' \
    '/v1/components/pump-7/metrics/rpm?max_age=' \
    '/v1/components?access_token=x' '/healthz?x'; do
	is "$(code "$path") $(problem)" '400 bad-request' "400 $path"
done
is "$(header Content-Type)" application/problem+json 'a problem has its type'

for try in 'POST /v1/components' 'DELETE /v1/components/pump-7' \
    'PUT /v1/components/pump-7/metrics/rpm' 'GET /v1/query' 'TRACE /healthz'; do
	is "$(code "${try#* }" -X "${try% *}") $(problem)" \
		'405 method-not-allowed' "405 $try"
done
is "$(code /v1/query; header Allow)" '405POST, OPTIONS' 'Allow says which'
is "$(code /v1/components/pump-7 -d x; header Allow)" \
	'405GET, HEAD, OPTIONS' '... of reading too'
is "$(code /v1/components/pump-7 -X OPTIONS; header Allow)" \
	'204GET, HEAD, OPTIONS' 'OPTIONS says the same'
is "$(code /v1/events -X OPTIONS; header Allow)" '204POST, OPTIONS' \
	'... of each path'

get /v1/components/pump-7/metrics/rpm -I >/dev/null
length=$(dl-twin-get pump-7 rpm | wc -c)
is "$(header Content-Length)" "$length" 'HEAD has the length'
is "$(get /v1/components/pump-7/metrics/rpm -I -w '%{size_download}' -o /dev/null)" \
	0 '... and no body'

# Conditional requests.

metric=/v1/components/pump-7/metrics/rpm
get $metric >/dev/null
etag=$(header ETag)
like "$etag" '^"[0-9a-f]{32}"$' 'an ETag is strong'
is "$(header Last-Modified)" 'Wed, 01 May 2024 10:00:00 GMT' 'Last-Modified'
is "$(header Cache-Control)" 'private, no-cache' 'Cache-Control'
for tag in "$etag" "W/$etag" "\"x\", $etag" "\"a,b\",W/$etag" '*'; do
	is "$(code $metric -H "If-None-Match: $tag") $(wc -c <"$T/body")" \
		'304 0' "304 for If-None-Match: $tag"
done
is "$(header ETag)" "$etag" '... with the ETag'
for tag in '"x"' "${etag//\"/}" '""' "${etag:0:20}"; do
	is "$(code $metric -H "If-None-Match: $tag")" 200 \
		"200 for If-None-Match: $tag"
done
since() {
	code $metric -H "If-Modified-Since: $1"
}
is "$(since 'Wed, 01 May 2024 10:00:00 GMT')" 304 '304 for If-Modified-Since'
is "$(since 'Wednesday, 01-May-24 10:00:00 GMT')" 304 '... of RFC 850'
is "$(since 'Wed May  1 10:00:00 2024')" 304 '... of asctime'
is "$(since 'Wed, 01 May 2024 09:59:59 GMT')" 200 '200 for an earlier one'
is "$(since 'yesterday')" 200 '200 for none'
is "$(code $metric -H 'If-None-Match: "x"' \
	-H 'If-Modified-Since: Wed, 01 May 2024 10:00:00 GMT')" 200 \
	'If-Modified-Since counts only without If-None-Match'
is "$(since 'Thu, 02 May 2024 10:00:00 GMT')" 200 \
	'200 for a later one: a record may come late'
is "$(code $metric -H 'If-Match: "x"') $(problem)" '412 precondition-failed' \
	'412 for the If-Match of another one'
is "$(code $metric -H "If-Match: W/$etag")" 412 '... of a weak tag'
for tag in "$etag" "\"x\", $etag" '*'; do
	is "$(code $metric -H "If-Match: $tag")" 200 "200 for If-Match: $tag"
done
unmodified() {
	code $metric -H "If-Unmodified-Since: $1"
}
is "$(unmodified 'Wed, 01 May 2024 09:59:59 GMT') $(problem)" \
	'412 precondition-failed' '412 for If-Unmodified-Since'
is "$(unmodified 'Wed, 01 May 2024 10:00:00 GMT')" 200 '200 for the same time'
obs long 2024-05-01T10:00:00Z "{\"x\":\"$(printf '%02000d' 0)\"}" | dl-twin-put
long=/v1/components/long/metrics/x
for enc in identity gzip; do
	code $long -H "Accept-Encoding: $enc" >/dev/null
	want=$(header ETag)/$(header Vary)
	is "$(code $long -H "Accept-Encoding: $enc" -H 'If-None-Match: *') $(
		header ETag)/$(header Vary)" "304 $want" \
		"304 has the headers of the answer it stands for, $enc"
done
get /v1/components/metrics/metrics/metrics >/dev/null
is "$(header Last-Modified)" 'Wed, 01 May 2024 10:00:01 GMT' \
	'a part of a second counts as a whole one'
obs pump-7 2024-05-01T10:00:01Z '{"rpm":1481}' | dl-twin-put
is "$(code $metric -H "If-None-Match: $etag")" 200 'another value, another ETag'
is "$(code "$metric?max_age=5m") $(problem)" '404 stale' 'too old: stale'
like "$(cat "$T/body")" 'the newest value is [0-9]+d old' '... says how old'
is "$(code "$metric?max_age=99y")" 200 'young enough'

# Many at once.

query() {
	code /v1/query -H "Content-Type: ${2:-application/json}" -d "$1"
}
is "$(query '{"pairs":[{"metric":"x/y","component":"a/b"},{"component":"a/b","metric":"none"},{"component":"z\u00fc r","metric":"c"},{"component":"","metric":""},{"component":"pump-7\u0000","metric":"rpm"}]}')" \
	200 'a query'
is "$(cat "$T/body")" "{\"records\":[$(dl-twin-get a/b),null,$(
	dl-twin-get 'zü r' c),null,null]}" '... in its order, null for what is not there'
for body in '' '{' '[]' '{}' '{"pairs":{}}' '{"pairs":[]}' '{"pairs":[1]}' \
    '{"pairs":[{}]}' '{"pairs":[{"component":"a"}]}' \
    '{"pairs":[{"component":"a","metric":1}]}' \
    '{"pairs":[{"component":"a","metric":"b","x":1}]}' \
    '{"pairs":[{"component":"a","metric":"b"}],"x":1}' \
    '{"pairs":[{"component":"a","component":"a","metric":"b"}]}'; do
	is "$(query "$body") $(problem)" '400 bad-request' "400 for $body"
done
is "$(query '{}' text/plain) $(problem)" '415 media-type' 'of another type'
is "$(query '{}' application/jsonx) $(problem)" '415 media-type' '... nearly'
is "$(query '{"pairs":[{"component":"a/b","metric":"x/y"}]}' \
	'Application/JSON; charset=utf-8')" 200 'with a parameter'
pairs() {
	awk -v n="$1" 'BEGIN { printf "{\"pairs\":["
		for (i = 0; i < n; i++)
			printf "%s{\"component\":\"pump-7\",\"metric\":\"bar\"}", i ? "," : ""
		print "]}" }' >"$T/pairs"
	query "@$T/pairs"
}
is "$(pairs 1000) $(grep -o pump-7 "$T/body" | wc -l)" '200 1000' '1000 pairs'
is "$(pairs 1001) $(problem)" '400 bad-request' '... not 1001'

# /metrics and /openapi.json

get /metrics >"$T/metrics"
is "$(header Content-Type)" \
	'application/openmetrics-text; version=1.0.0; charset=utf-8' '/metrics'
is "$(tail -n 1 "$T/metrics")" '# EOF' '... ends with EOF'
is "$(grep -c '^dl_twin_records 9$' "$T/metrics")" 1 '... counts the records'
is "$(awk '/^# TYPE/ { type[$3] = $4; next } /^#/ { next }
	{ name = $1; sub(/[{].*/, "", name); f = name
	  if (!(f in type)) sub(/_(total|bucket|count|sum|info)$/, "", f)
	  if (!(f in type) || $2 !~ /^[0-9.]+$/) print }' "$T/metrics")" '' \
	'... each sample has a family'
is "$(sed -n 's/^dl_http_request_duration_seconds_bucket.* //p' "$T/metrics" |
	sort -nc && echo sorted)" sorted '... the buckets add up'
get /openapi.json | python3 -m json.tool >/dev/null
is "$? $(header Content-Type)" '0 application/json' '/openapi.json is JSON'
is "$(code /openapi.json -H "If-None-Match: $(header ETag)")" 304 \
	'... and has an ETag'

# A twin that grows while it is served, paged.

awk 'BEGIN { for (i = 0; i < 2500; i++)
	printf "{\"specversion\":\"1.0\",\"id\":\"i%d\",\"source\":\"s\",\"type\":\"dl.observation\",\"subject\":\"c%04d\",\"time\":\"2024-05-01T10:00:00Z\",\"data\":{\"n\":%d,\"%s\":1}}\n",
	    i, i, i, i % 5 ? "dull" : "fine" }' | dl-twin-put
awk 'BEGIN { printf "{\"specversion\":\"1.0\",\"id\":\"i\",\"source\":\"s\",\"type\":\"dl.observation\",\"subject\":\"wide\",\"time\":\"2024-05-01T10:00:00Z\",\"data\":{"
	for (i = 0; i < 2500; i++) printf "%s\"m%04d\":%d", i ? "," : "", i, i
	print "}}" }' | dl-twin-put

# walk PATH PATTERN [CURL ARG...]: what matches on all pages, by their Links
walk() {
	local path=$1 pattern=$2
	shift 2
	walked=0
	while [ -n "$path" ]; do
		get "$path" "$@" >"$T/page"
		grep -o "$pattern" "$T/page"
		path=$(header Link | sed -n 's/^<\(.*\)>; rel="next"$/\1/p')
		next=$(sed -n 's/.*"next":"\([^"]*\)".*/\1/p' "$T/page")
		[ "${path##*after=}" = "$next" ] || echo "Link is not next"
		walked=$((walked + 1))
		[ $walked -lt 100 ] || break
	done
}
walk '/v1/components?prefix=c&limit=100' '"c[0-9]*"' >"$T/walked"
is "$(wc -l <"$T/walked") $(sort -u "$T/walked" | wc -l) $walked" \
	'2500 2500 25' '2,500 components on 25 pages, no empty one at the end'
walk '/v1/components?limit=999' '"[^"]*"' | grep -cx '"c[0-9]*"' >"$T/walked"
is "$(cat "$T/walked")" 2500 '... on pages of 999'
walk '/v1/components?prefix=a%2F&limit=1' '"a[^"]*"' >"$T/walked"
is "$(cat "$T/walked")" '"a/b"' 'a page that is full and the last'
walk '/v1/components/wide?limit=1000' '"metric":"m[0-9]*"' >"$T/walked"
is "$(sort -u "$T/walked" | wc -l) $walked" '2500 3' 'a component, paged'
walk '/v1/components/zü%20r?metrics=a%2Cb,c,%C3%A9%20%C3%A8&limit=1' \
	'"metric":"[^"]*"' >"$T/walked"
is "$(paste -sd' ' "$T/walked") $walked" \
	'"metric":"a,b" "metric":"c" "metric":"é è" 3' 'some of its metrics, paged'
is "$(get /v1/components/wide | grep -o '"metric"' | wc -l)" 1000 \
	'1000 records unless it is said'

# Large records: answers are bounded.

awk 'BEGIN { for (i = 0; i < 20; i++)
	printf "{\"specversion\":\"1.0\",\"id\":\"i\",\"source\":\"s\",\"type\":\"dl.observation\",\"subject\":\"large\",\"time\":\"2024-05-01T10:00:00Z\",\"data\":{\"m%d\":\"%01000000d\"}}\n", i, 0 }' |
	dl-twin-put
walk /v1/components/large '"metric":"m[0-9]*"' >"$T/walked"
is "$(sort -u "$T/walked" | wc -l) $walked" '20 3' 'a page ends at 8 MiB'
larges() {
	awk -v n="$1" 'BEGIN { printf "{\"pairs\":["
		for (i = 0; i < n; i++)
			printf "%s{\"component\":\"large\",\"metric\":\"m%d\"}", i ? "," : "", i
		print "]}" }' >"$T/pairs"
	query "@$T/pairs"
}
is "$(larges 16)" 200 'a query of 16 MB'
is "$(larges 20) $(problem)" '413 too-large' '... and one of 20 MB'

serve_stop
is "$serve_status" 0 'SIGTERM ends it, with 0'
is "$(tail -n 1 "$T/serve.log")" 'dl-twin-serve: stopped' '... which is said'
is "$(grep -c '"path":"/healthz"' "$T/serve.log")" 3 'the access log is there'
is "$(grep -c access_token "$T/serve.log")" 0 '... without queries'

# Tokens and a policy.

dl-token new >/dev/null
dl-token mint --sub app --scope twin:read --aud dl >"$T/read"
dl-token mint --sub feed --scope twin:write --aud dl >"$T/write"
dl-token mint --sub boss --claim role=boss --aud dl >"$T/boss"
dl-token mint --sub yard --claim role=yard --aud dl >"$T/yard"
dl-token mint --sub other --scope twin:read --aud other >"$T/other"
as() {
	local who=$1
	shift
	code "$@" -H "Authorization: Bearer $(cat "$T/$who")"
}
cat >"$T/policy.yaml" <<-E
	rules:
	  - when: {role: boss}
	    read: all
	  - when: {role: yard}
	    read:
	      - {components: c*, metrics: fine}
	      - {components: pump-7, metrics: none}
	      - {components: 'a/b'}
	E
printf 'issue: true\naccess_log: own.log\nlisten: 127.0.0.1:0\n' \
	>"$T/serve.yaml"
serve_listen=''
serve_start -c "$T/serve.yaml"
is "$(code /v1/components) $(problem)" '401 unauthorized' 'no token'
is "$(header WWW-Authenticate)" 'Bearer realm="dl"' '... says what is wanted'
is "$(code /v1/components -H 'Authorization: Basic eDp5')" 401 'another scheme'
is "$(header WWW-Authenticate)" 'Bearer realm="dl"' '... likewise'
is "$(as read /v1/components)" 200 'a token'
is "$(code /v1/components -H "authorization: bEARER  $(cat "$T/read")")" 200 \
	'... its scheme in any case'
is "$(as other /v1/components)" 401 'a token for somebody else'
like "$(header WWW-Authenticate)" \
	'^Bearer realm="dl", error="invalid_token", error_description="[^"]+"$' \
	'... says why'
is "$(as read /v1/components -H "Authorization: Bearer $(cat "$T/read")")" \
	400 'two tokens'
is "$(code "/v1/components?access_token=$(cat "$T/read")")" 400 \
	'a token in the query'
is "$(as write /v1/components) $(problem)" '403 forbidden' 'no right to read'
like "$(header WWW-Authenticate)" 'error="insufficient_scope"' '... says so'
is "$(as read /v1/events -d x) $(problem)" '403 forbidden' 'no right to write'
is "$(code /metrics)" 200 '/metrics is open to this machine'
is "$(code /metrics -H 'X-Forwarded-For: 10.1.1.1')" 401 \
	'... not to whom a proxy speaks for'
is "$(as write /metrics -H 'X-Forwarded-For: 10.1.1.1')" 200 \
	'... unless with a token'
for path in /healthz /readyz /openapi.json /oauth2/jwks; do
	is "$(code $path)" 200 "$path needs none"
done
like "$(cat "$T/body")" '"kty":"OKP"' 'the keys are public'
is "$(as boss /v1/components) $(problem)" '403 forbidden' \
	'a role means nothing without a policy'
serve_signal=INT
serve_stop
serve_signal=TERM
is "$serve_status" 0 'SIGINT ends it, with 0'

# A policy: what may not be seen is what is not there.

echo 'policy: policy.yaml' >>"$T/serve.yaml"
serve_start -c "$T/serve.yaml"
is "$(as boss /v1/components)" 200 'a policy'
is "$(as read /v1/components)" 403 '... in the place of scopes'
is "$(as boss '/v1/components?prefix=c&limit=3'; cat "$T/body")" \
	"200{\"components\":[\"c0000\",\"c0001\",\"c0002\"],\"next\":\"$(
		printf '\001c0002' | base64 | tr -d =)\"}" 'the boss sees all'
walk '/v1/components?limit=50' '"[ac][0-9/b]*"' \
	-H "Authorization: Bearer $(cat "$T/yard")" >"$T/walked"
is "$(wc -l <"$T/walked") $walked $(head -n 3 "$T/walked" | paste -sd' ')" \
	'501 11 "a/b" "c0000" "c0005"' 'the yard sees its own, on full pages'
yard() {
	as yard "$1" -H 'X-Request-Id: same' >/dev/null
	sed 's/^Date: .*//' "$T/head" "$T/body"
}
absent=$(yard /v1/components/c0001/metrics/zzz)
like "$absent" '404 Not Found' 'absent'
for path in /v1/components/c0001/metrics/n /v1/components/c0001 \
    /v1/components/pump-7 /v1/components/pump-7/metrics/rpm \
    /v1/components/wide '/v1/components/c0000?metrics=n' \
    '/v1/components/c0000/metrics/n?max_age=1s' /v1/components/c0000/metrics/x \
    '/v1/components/wide?limit=1'; do
	is "$(yard "$path")" "$absent" "$path: as if it were not there"
done
is "$(yard '/v1/components?prefix=w')" \
	"$(yard '/v1/components?prefix=w-none')" 'a prefix of what may not be seen'
is "$(as yard /v1/components/c0005; cat "$T/body")" \
	"200{\"component\":\"c0005\",\"records\":[$(dl-twin-get c0005 fine)]}" \
	'of a component what may be seen'
is "$(as yard /v1/query -H 'Content-Type: application/json' -d \
	'{"pairs":[{"component":"c0005","metric":"n"},{"component":"c0005","metric":"fine"},{"component":"x","metric":"y"}]}'; cat "$T/body")" \
	"200{\"records\":[null,$(dl-twin-get c0005 fine),null]}" '... of a query too'

# SIGHUP, all or nothing.

is "$(as yard /v1/components/wide/metrics/m0001)" 404 'before SIGHUP'
cp "$T/policy.yaml" "$T/policy.old"
sed -i 's/pump-7/wide/; s/metrics: none/metrics: m0001/' "$T/policy.yaml"
serve_hup 'policy read again'
is "$(as yard /v1/components/wide/metrics/m0001)" 200 'another policy by SIGHUP'
echo nonsense >>"$T/policy.yaml"
serve_hup 'the old policy stays: .*policy.yaml:'
is "$?" 0 'a bad one is said, with its line'
is "$(as yard /v1/components/wide/metrics/m0001)" 200 '... and the old one stays'
cp "$T/policy.old" "$T/policy.yaml"
mv "$T/own.log" "$T/access.old"
serve_hup 'keys read again'
is "$(as yard /healthz)" 200 'after another'
soon grep -q healthz "$T/own.log"
is "$?" 0 'a rotated access log is opened again'
is "$(grep -c '"who":"[^"]*boss' "$T/access.old" |
	sed 's/[1-9][0-9]*/some/')" some '... it knows who asked'
is "$(cat "$T/access.old" "$T/own.log" "$T/serve.log" |
	grep -cF "$(cut -d. -f3 "$T/boss")")" 0 '... but not by what token'
dl-token new --rotate >/dev/null
dl-token mint --sub boss --claim role=boss --aud dl >"$T/new"
is "$(as new /v1/components)" 401 'a new key, before SIGHUP'
serve_hup 'keys read again'
is "$(as new /v1/components)" 200 '... and after it'
is "$(as boss /v1/components)" 200 '... the old one goes on'
serve_stop

# Keys of a provider, fetched; a new one is asked for when it is seen.

mkdir -p "$T/www"
dl-token jwks >"$T/www/jwks.json"
nginx_start ''
printf 'jwks: %s/jwks.json\nissuer: dl\naudience: [other, dl]\nlisten: 127.0.0.1:0\n' \
	"$nginx_url" >"$T/serve.yaml"
serve_start -c "$T/serve.yaml"
ready() { [ "$(code /readyz)" = 200 ]; }
soon ready
is "$(as read /v1/components)" 200 'keys of a URL'
is "$(as other /v1/components)" 200 '... and another audience'
dl-token new --rotate >/dev/null
dl-token jwks >"$T/www/jwks.json"
dl-token mint --sub new --scope twin:read --aud dl >"$T/new"
is "$(as new /v1/components)" 200 'an unknown key waits for its fetch'
# nginx may answer before it writes its log.
fetched() { [ "$(wc -l <"$T/access.log")" = 2 ]; }
soon fetched
dl-token new --rotate >/dev/null
dl-token mint --sub newer --scope twin:read --aud dl >"$T/newer"
is "$(as newer /v1/components) $(wc -l <"$T/access.log")" '401 2' \
	'... once a minute'
serve_stop

# Limits of each client.

printf 'issue: true\naccess_log: off\nlisten: 127.0.0.1:0\nlimits: {rate: 1, burst: 3}\n' \
	>"$T/serve.yaml"
serve_start -c "$T/serve.yaml"
# several COMMAND: the statuses of 20 of them, each once
several() {
	for _ in {1..20}; do "$@"; echo; done | sort | uniq -c |
		awk '{ print $2 }' | paste -sd' '
}
is "$(several as read /v1/components)" '200 429' 'too many of one subject'
as read /v1/components >/dev/null
is "$(header Retry-After) $(problem)" '1 too-many-requests' \
	'... are told when to come again'
is "$(as write /v1/events -H 'Content-Type: text/plain' -d x)" 415 \
	'another subject is not meant'
is "$(several code /v1/components)" '401 429' 'refusals are limited by address'
is "$(several code /healthz)" 200 '/healthz never is'
serve_stop

# TLS.

mkdir "$T/tls"
for n in 1 2; do
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 \
		-nodes -days 2 -subj "/CN=n$n" -keyout "$T/tls/$n.key" \
		-addext 'subjectAltName=IP:127.0.0.1' \
		-out "$T/tls/$n.pem" 2>/dev/null
done
cp "$T/tls/1.pem" "$T/tls/cert.pem"
cp "$T/tls/1.key" "$T/tls/key.pem"
printf 'issue: true\nlisten: 0.0.0.0:0\ntls: {cert: tls/cert.pem, key: tls/key.pem}\n' \
	>"$T/serve.yaml"
serve_start -c "$T/serve.yaml"
like "$serve_url" '^https://0.0.0.0:[0-9]*$' 'TLS, on all addresses'
serve_url=https://127.0.0.1:${serve_url##*:}
is "$(as read /v1/components --cacert "$T/tls/1.pem")" 200 '... is TLS'
cp "$T/tls/2.pem" "$T/tls/cert.pem"
serve_hup 'the old certificate stays: '
is "$?" 0 'a certificate without its key is told'
is "$(as read /v1/components --cacert "$T/tls/1.pem")" 200 \
	'... and the old one stays'
cp "$T/tls/2.key" "$T/tls/key.pem"
serve_hup 'certificate read again'
is "$(as read /v1/components --cacert "$T/tls/2.pem")" 200 \
	'another certificate by SIGHUP'
serve_stop

# No twin yet, and nobody may make one.

printf 'issue: true\nlisten: 127.0.0.1:0\npolicy: policy.yaml\n' >"$T/serve.yaml"
serve_start -c "$T/serve.yaml" -t "$T/later"
like "$(cat "$T/serve.log")" \
	"there is no twin in '.*/later' yet: waiting for it" \
	'without a twin it says that it waits'
is "$(code /readyz) $(problem)" '503 not-ready' '... and is not ready'
is "$(code /healthz)" 200 '... but alive'
is "$(as boss /v1/components) $(problem) $(header Retry-After)" \
	'503 unavailable 1' '... and can not be read'
is "$(code /metrics; grep -c '^dl_twin_ready 0' "$T/body")" 2001 \
	'... and says so in /metrics'
is "$([ -e "$T/later" ] || echo absent)" absent '... nor does it make one'
dl-twin-put -t "$T/later" <"$T/in"
soon ready
is "$(as boss '/v1/components?limit=1'; cut -c-24 "$T/body")" \
	'200{"components":["a%2Fb"],' '... until one is there'
serve_stop
is "$serve_status" 0 '... and ends well'

# One that is broken, and a port that is taken.

mkdir "$T/broken"
head -c 100000 /dev/zero | tr '\0' x >"$T/broken/data.mdb"
status 65 'a damaged twin' \
	dl-twin-serve --open -l 127.0.0.1:0 -t "$T/broken"
serve_listen=127.0.0.1:0
{
	obs first 2024-05-01T10:00:00Z '{"a":1}'
	obs later 2018-02-07T01:26:13Z '{"a":1}'
} | dl-twin-put -t "$T/half"
# The version of a record in 2018, see tests/twin.t.
sed -i 's/\x02\(..\x0e\xd3\)/\x09\1/g' "$T/half/data.mdb"
serve_start --open -t "$T/half"
is "$(code /v1/components/first/metrics/a)" 200 'beside a damaged record'
is "$(code /v1/components/later/metrics/a -H 'X-Request-Id: that') $(problem)" \
	'500 internal' 'a damaged record'
is "$(grep -c 'version' "$T/body")" 0 '... is not told to the client'
is "$(grep -c 'request that: .*version 9' "$T/serve.log")" 1 \
	'... but to the log, with the request'
is "$(code /v1/components/later) $(problem)" '500 internal' '... in a list too'
is "$(query '{"pairs":[{"component":"first","metric":"a"},{"component":"later","metric":"a"}]}') $(problem)" \
	'500 internal' '... and in a query'
serve_stop
serve_start --open
status 75 'a port that is taken' \
	dl-twin-serve --open -l "${serve_url#http://}" -t "$T/second"
like "$(cat "$T/err")" "cannot listen on ${serve_url#http://}" '... is said'
serve_stop

done_testing
