#!/usr/bin/env bash
# dl-twin-serve: GET /v1/changes, followed by curl and by many.
. tests/tap.sh
. tests/servers/serve.sh

twin=$T/home/twin
umask 077

n=0
put() { # COMPONENT DATA [TWIN]
	n=$((n + 1))
	printf '{"specversion":"1.0","id":"%d","source":"s","type":"dl.observation","subject":"%s","time":"2026-01-01T00:%02d:%02dZ","data":%s}\n' \
		$n "$1" $((n / 60)) $((n % 60)) "$2" |
		dl-twin-put -q >/dev/null || note 'dl-twin-put failed'
}

# follow NAME TARGET [CURL'S OPTION...]: into $T/NAME, until end NAME
declare -A pids
follow() {
	local name=$1 target=$2
	shift 2
	curl -sN -D "$T/$name.head" -o "$T/$name" "$@" "$serve_url$target" &
	pids[$name]=$!
	tap_kills+=($!)
	soon grep -q '^retry' "$T/$name"
}
end() {
	kill "${pids[$1]}" 2>/dev/null
	wait "${pids[$1]}" 2>/dev/null
}
is_over() { ! kill -0 "${pids[$1]}"; }
ends() { soon is_over "$1"; } # by itself
# names NAME: "id component.metric=value" of each event
names() {
	sed -n 's/^id: //p; s/.*"component":"\([^"]*\)","metric":"\([^"]*\)","value":\([^,]*\),.*/\1.\2=\3/p' "$T/$1" |
		awk '/^[0-9]+$/ { id = $0; next } { printf "%s %s\n", id, $0 }'
}
# seen NAME TEXT: it is there, soon
seen() { soon grep -qF -- "$2" "$T/$1"; }
code() { curl -s -o "$T/body" -D "$T/head" -w '%{http_code}' "$@"; }

# As it comes.

put a '{"x":1}'
serve_start --open
follow idle '/v1/changes?prefix=nothing'
follow all /v1/changes
follow a '/v1/changes?prefix=a'
follow metrics '/v1/changes?metric=y,c%2Cd'
is "$(head -n 5 "$T/all")" "retry: 1000
event: ready
id: 1
data: {}" 'it begins with the number from which it goes on'
like "$(tr -d '\r' <"$T/all.head")" '200 OK.*Content-Type: text/event-stream' \
	'its type'
like "$(tr -d '\r' <"$T/all.head")" 'Cache-Control: no-store' \
	'it is not stored on the way'
put a '{"x":2}'
put b '{"y":3}'
put ab '{"x":4,"c,d":5}'
seen all '"value":4' && seen metrics '"value":5' && seen a '"value":4'
is "$(names all)" "2 a.x=2
3 b.y=3
4 ab.c,d=5
5 ab.x=4" 'what changes comes, in its order, with its number'
is "$(names a)" "2 a.x=2
4 ab.c,d=5
5 ab.x=4" 'only components with a prefix'
is "$(names metrics)" "3 b.y=3
4 ab.c,d=5" 'only some metrics, of whose names one has a comma'
is "$(grep '^data' "$T/all" | tail -n 1)" "data: $(dl-twin-get ab x)" \
	'the data is what dl-twin-get prints'
put a '{"x":2}'
put nl '{"x":[1,  2]}'
printf '{"specversion":"1.0","id":"cr","source":"s","type":"dl.observation","subject":"nl","time":"2026-01-02T00:00:00Z","data":{"z":[1,\r2]}}\n' |
	dl-twin-put -q >/dev/null
seen all '"z","value":[1, 2]'
is "$(grep -c $'\r' "$T/all")" 0 "a value's line ends do not end a line"
end all
end a
end metrics

# From where it was.

last=$(sed -n 's/^id: //p' "$T/all" | tail -n 1)
follow again /v1/changes -H "Last-Event-ID: 3"
seen again '"z"'
is "$(names again)" "$(names all | sed 1,2d)" \
	'Last-Event-ID: what came after it'
is "$(sed -n 2,3p "$T/again")" ":
id: 3" 'which it says at once'
end again
follow query "/v1/changes?last_event_id=4"
seen query '"z"'
is "$(names query)" "$(names all | sed 1,3d)" 'the same in the query'
end query
follow header "/v1/changes?last_event_id=0" -H "Last-Event-ID: 4"
seen header '"z"'
is "$(names header)" "$(names all | sed 1,3d)" \
	'a header is newer than the URL one began with'
end header
follow zero '/v1/changes?last_event_id=0'
seen zero '"z"'
is "$(names zero | cut -d ' ' -f 2 | sort)" \
	"$(dl-twin-get --json | sed 's/{"component":"\([^"]*\)","metric":"\([^"]*\)","value":\([^,]*\),.*/\1.\2=\3/' | tr '\r' ' ' | sort)" \
	'0: all there is'
end zero
follow reset "/v1/changes?last_event_id=$((last + 1))"
is "$(sed -n 2,4p "$T/reset")" "event: reset
id: $last
data: {}" 'a number that is none of this twin: reset'
put r '{"x":1}'
seen reset '"r"' && is "$(names reset | wc -l)" 1 'and on from the newest'
end reset
follow huge "/v1/changes?last_event_id=99999999999999999999999"
is "$(sed -n 2p "$T/huge")" 'event: reset' 'a number larger than any'
end huge
follow gone /v1/changes
before=$(sed -n 's/^id: //p' "$T/gone" | tail -n 1)
serve_end TERM
is $? 0 'a stop ends well with a follower there'
ends gone
put while '{"away":1}'
serve_start --open
follow back /v1/changes -H "Last-Event-ID: $before"
seen back '"away"' && is "$(names back | sed 's/.* //')" while.away=1 \
	'another server goes on where the one before was'
end back
ends idle
follow idle '/v1/changes?prefix=nothing'

# What is wrong.

is "$(code -H 'Last-Event-ID: x' "$serve_url/v1/changes")" 400 'no number'
like "$(cat "$T/body")" 'urn:dl:problem:bad-request.*Last-Event-ID' 'says so'
is "$(code "$serve_url/v1/changes?last_event_id=-1")" 400 'a negative one'
is "$(code "$serve_url/v1/changes?prefix=%FF")" 400 'a prefix that is not UTF-8'
is "$(code "$serve_url/v1/changes?metric=a,%G0")" 400 'a metric badly encoded'
is "$(code "$serve_url/v1/changes?metric=a,,b")" 400 'an empty metric'
is "$(code "$serve_url/v1/changes?metric=a&metric=b")" 400 'metric twice'
is "$(code "$serve_url/v1/changes?metric=$(seq -s , 101)")" 400 'too many metrics'
is "$(code -X POST -d x "$serve_url/v1/changes")" 405 'POST'
is "$(code -I "$serve_url/v1/changes")" 200 'HEAD'
like "$(tr -d '\r' <"$T/head")" 'Content-Type: text/event-stream' \
	'HEAD has the type, and ends'
like "$(tr -d '\r' <"$T/head")" 'Cache-Control: no-store' \
	'... and the other headers of GET'

# Large values, read slowly.

{
	printf '{"specversion":"1.0","id":"L","source":"s","type":"dl.observation","subject":"large","time":"2026-01-02T00:00:00Z","data":{"x":"'
	head -c 1000000 /dev/zero | tr '\0' x
	printf '"}}\n'
} >"$T/megabyte"
follow large '/v1/changes?prefix=large' --limit-rate 2M
dl-twin-put -q <"$T/megabyte" >/dev/null
seen large '"id":"L"}'
is "$(grep -o 'x*' "$T/large" | awk 'length > 100' | wc -c)" 1000001 \
	'a megabyte comes whole'
end large

# Many.

for mode in own all; do
	"$BUILD/servers/followers" -n 100 -r 2000 -s 2 $mode "$serve_port" \
		>"$T/$mode" 2>&1
	is $? 0 "100 followers, 2,000 observations a second, $mode: $(cat "$T/$mode")"
done
coproc half { "$BUILD/servers/strays" half "$serve_port" 100; }
read -r -u "${half[0]}" asked
"$BUILD/servers/strays" come "$serve_port" 1000 >"$T/come" 2>&1
is "$asked $?" 'asked 0' \
	"1,000 come and go, 100 never read a byte $(cat "$T/come")"
follow after /v1/changes
put after '{"x":1}'
seen after '"after"' && is "$(names after | wc -l)" 1 'it goes on serving'
end after
eval "exec ${half[1]}>&-"

# Rights; the server before goes on, and idle listens.

mv "$T/serve.log" "$T/first.err"
dl-token new >/dev/null
dl-token jwks >"$T/jwks"
cat >"$T/policy.yaml" <<'E'
rules:
  - when: {role: yard}
    read: [{components: wagon-*, metrics: position}]
E
cat >"$T/serve.yaml" <<E
jwks: $T/jwks
issuer: dl
audience: dl
leeway: 0s
policy: $T/policy.yaml
E
token() { dl-token mint --sub app --aud dl --claim role="$1" --ttl "$2"; }
serve_start -c "$T/serve.yaml"
is "$(code "$serve_url/v1/changes")" 401 'without a token'
is "$(code -H "Authorization: Bearer $(token guest 1h)" "$serve_url/v1/changes")" \
	403 'with one that may read nothing'
follow yard '/v1/changes?last_event_id=0' \
	-H "Authorization: Bearer $(token yard 1h)"
follow short /v1/changes -H "Authorization: Bearer $(token yard 3s)"
put engine-1 '{"position":1}'
put wagon-1 '{"weight":1}'
put wagon-2 '{"position":2,"weight":3}'
seen yard wagon-2
is "$(names yard | sed 's/.* //')" 'wagon-2.position=2' \
	'what it may see, and nothing else'
ends short
is "$(kill -0 "${pids[yard]}" && echo there)" there \
	'a stream ends when its token does, and no other'
sed -i 's/wagon/engine/' "$T/policy.yaml"
kill -HUP "$serve_pid"
ends yard
is $? 0 'all end when the policy changes'
serve_end TERM

# Only so many.

printf 'limits: {streams: 2, idle: 1s}\n' >"$T/two.yaml"
serve_start --open -c "$T/two.yaml"
follow one /v1/changes
follow two /v1/changes
is "$(code "$serve_url/v1/changes")" 503 'one more than there may be'
like "$(tr -d '\r' <"$T/head")" 'Retry-After: [0-9]' 'may come again'
end one
is_let_in() { [ "$(code -m 0.3 "$serve_url/v1/changes")" = 200 ]; }
soon is_let_in
is $? 0 'when another has gone'
end two
for i in 1 2 3 4 5 6 7; do sed "s/large/large$i/" "$T/megabyte"; done |
	dl-twin-put -q >/dev/null
soon is_let_in
coproc half { "$BUILD/servers/strays" half "$serve_port" 2; }
read -r -u "${half[0]}" asked
is "$(code -m 0.3 "$serve_url/v1/changes")" 503 'two that never read'
soon is_let_in
is $? 0 'who takes nothing for a while is cut off'
eval "exec ${half[1]}>&-"

# A beat for whoever hears nothing: all this while nothing was for it.
idle_ids() { sed -n 's/^id: //p' "$T/idle"; }
moved() { [ "$(idle_ids | tail -n 1)" -gt "$(idle_ids | head -n 1)" ]; }
soon moved || soon moved || soon moved || soon moved
is $? 0 'after 15 s there is a comment with the number it has come to'
like "$(tail -n 3 "$T/idle")" $'^:\nid: [0-9]*$' 'and nothing else'
end idle

# Another twin in its place.

mv "$twin" "$twin.old"
put new '{"x":1}'
has_ended() { ! kill -0 "$serve_pid"; }
soon has_ended
wait "$serve_pid"
is $? 75 'the twin was made anew: it ends, to be started again'
like "$(tr -d "\0" <"$T/serve.log")" "data.mdb' is (gone|another file now)" 'and says why'

done_testing
