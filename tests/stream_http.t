#!/usr/bin/env bash
# HTTP streams without end: server-sent events and NDJSON, from a server that
# stalls, breaks off and takes requests up again; and kill -9.
. tests/tap.sh

unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
SEED=${SEED:-$RANDOM}
RANDOM=$SEED
note "SEED=$SEED"

# lines FROM TO: events, each with its number and the time it is sent at.
lines() {
	perl -MTime::HiRes=time -e '
		$| = 1;
		printf "{\"n\":%d,\"t\":%d}\n", $_, time * 1000 for $ARGV[0] .. $ARGV[1]' \
		"$1" "$2"
}
# steadily FROM TO MS: the same, one every MS milliseconds.
steadily() {
	perl -MTime::HiRes=time,sleep -e '
		$| = 1;
		for ($ARGV[0] .. $ARGV[1]) {
			printf "{\"n\":%d,\"t\":%d}\n", $_, time * 1000;
			sleep $ARGV[2] / 1000;
		}' "$@" >>"$T/rows"
}
# On standard input events, in $T/came the number of each and how many
# milliseconds it took.
arrivals() {
	perl -MTime::HiRes=time -ne '
		BEGIN { $| = 1 }
		printf "%d %d\n", $1, time * 1000 - $2
			if /"n":(\d+),"t":(\d+)/ && !/dl.checkpoint/' >"$T/came"
}
came() { [ "$(wc -l <"$T/came")" -ge "$1" ]; }
numbers() { cut -d ' ' -f 1 "$T/came" | paste -sd' '; }
# Half of them came within so many milliseconds.
median() { cut -d ' ' -f 2 "$T/came" | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

start_server() { # [PORT]
	"$BUILD/servers/events" "$T/rows" "$@" >>"$T/log" &
	server=$!
	tap_pids+=("$server")
	soon test -s "$T/log"
}
# serve: anew, on an empty file.
serve() {
	[ -z "${server:-}" ] || { kill "$server"; wait "$server"; } 2>/dev/null
	: >"$T/rows"
	rm -f "$T/log"
	start_server
	url=http://127.0.0.1:$(head -n 1 "$T/log")
}
asked() { tail -n +2 "$T/log" | cut -d ' ' -f 2 | paste -sd' '; }
connected() { [ "$(wc -l <"$T/log")" -gt "${1:-1}" ]; }

# spec PATH LINE...
spec() {
	local path=$1
	shift
	printf '%s\n' 'name: ev' "url: $url/$path" 'stream: true' \
		'time: .data.t' 'time_format: ms' "$@" >"$T/ev.yaml"
}
# follow: dl-source by it, for ever; $source is its pid, $reader its reader's.
follow() {
	rm -rf "$DL_HOME" "$T/came" "$T/pipe" "$T/dead"
	mkfifo "$T/pipe"
	arrivals <"$T/pipe" &
	reader=$!
	dl-source -f -d "$T/dead" "$T/ev.yaml" >"$T/pipe" 2>"$T/err" &
	source=$!
	tap_pids+=("$source")
	soon connected
}
# finish NAME: stop it.
finish() {
	kill "$source"
	wait "$source"
	is $? 0 "$1: it stops when it is told to"
	wait "$reader"
	[ ! -s "$T/dead" ] || note "$(head -n 3 "$T/dead")"
}

## Each event comes out before the next one is sent.

# one_by_one NAME: 20 of them, each sent when the one before has come.
one_by_one() {
	local i
	for ((i = 1; i <= 20; i++)); do
		lines "$i" "$i" >>"$T/rows"
		soon came "$i" || break
	done
	is "$(numbers)" "$(seq -s' ' 20)" "$1: each event comes out while nothing follows"
	note "$1: median $(median) ms"
	is "$(($(median) < 200))" 1 "$1: half of them within 200 ms"
	finish "$1"
}
serve
spec sse 'format: sse' 'subject: .id'
follow
one_by_one sse
serve
spec sse/bytes 'format: auto'
follow
one_by_one 'sse, byte by byte'
serve
spec ndjson/plain 'format: ndjson' 'time: .t'
sed -i '/^time: .data/d' "$T/ev.yaml"
follow
one_by_one ndjson

# Each in two parts, between which a while nothing comes.
serve
spec sse/slow=150 'format: sse'
follow
lines 1 4 >>"$T/rows"
soon came 4
finish 'stalls in events'
is "$(numbers)" '1 2 3 4' 'stalls in events: each is whole'
is "$(cat "$T/err")" '' '... which is no failure'

# Without a time of its own an event has that of its coming, not that of the
# connection.
serve
printf '%s\n' 'name: ev' "url: $url/sse" 'stream: true' 'format: sse' >"$T/ev.yaml"
rm -rf "$DL_HOME"
dl-source -f "$T/ev.yaml" >"$T/out" &
source=$!
tap_pids+=("$source")
out() { [ "$(grep -c dl.record "$T/out")" -ge "$1" ]; }
for i in 1 2 3; do
	lines "$i" "$i" >>"$T/rows"
	soon out "$i"
done
kill "$source" && wait "$source"
is "$(jq -c 'select(.type == "dl.record") | .data.data.t as $sent | .time
	| sub("\\.(?<d>...).*"; ".\(.d)") | .[:19] as $s | .[20:] as $ms
	| ($s + "Z" | fromdate) * 1000 + ($ms | tonumber) >= $sent' "$T/out" |
	paste -sd' ')" 'true true true' 'no event has come before it was sent'

# One every 10 ms: there is no silence.
serve
spec sse 'format: sse'
follow
steadily 1 150 10
soon came 150
is "$(numbers)" "$(seq -s' ' 150)" 'without a pause: each event comes'
note "without a pause: median $(median) ms"
is "$(($(median) < 200))" 1 'without a pause: half of them within 200 ms'
finish 'without a pause'

## What breaks off goes on where it was: nothing is lost, and nothing twice.

# broken NAME PATH ASKED: 40 events over connections that end.
broken() {
	serve
	spec "$2" 'format: sse'
	follow
	lines 1 40 >>"$T/rows"
	soon came 40
	finish "$1"
	is "$(numbers)" "$(seq -s' ' 40)" "$1: each event once, in order"
	is "$(asked)" "$3" "$1: by Last-Event-ID"
	is "$(cat "$T/dead" 2>/dev/null)" '' "$1: half an event is no dead letter"
}
broken 'dies in an event' sse/die=11/retry=20 '- 11 22 33'
broken 'is reset in an event' sse/reset=15 '- 15 30'
broken 'ends' sse/end=15/retry=20 '- 15 30'
broken 'breaks off without chunks' sse/die=15/plain '- 15 30'
like "$(cat "$T/err")" 'trying again in' '... and it is told'

# It asks to be left alone for a while.
serve
spec sse/end=1/once/retry=700 'format: sse'
follow
lines 1 2 >>"$T/rows"
soon came 2
finish retry
is "$(($(tail -n 1 "$T/came" | cut -d ' ' -f 2) >= 700))" 1 'retry: so long nobody asks'

# NDJSON has no position: what comes again is known by its content.
serve
spec ndjson/die=15/once 'format: ndjson' 'subject: .n' 'only_changed: true'
sed -i 's/^time: .*/time: .t/' "$T/ev.yaml"
follow
lines 1 40 >>"$T/rows"
soon came 40
finish ndjson
is "$(numbers)" "$(seq -s' ' 40)" 'ndjson that breaks off in a line: each event once'
is "$(cat "$T/dead" 2>/dev/null)" '' '... and half a line is no dead letter'

## kill -9 of dl-source, again and again, while events come.

serve
spec sse/die=40/retry=10 'format: sse' 'subject: .id'
rm -rf "$DL_HOME"
# The pipe; the source's pid is in $T/pid.
run() {
	# shellcheck disable=SC2016 # for the inner shell
	bash -c 'echo "$$" >"$1/pid"; exec dl-source -f "$1/ev.yaml"' run "$T" \
		2>>"$T/killed" | dl-stream-put ev 2>>"$T/killed" | dl-commit 2>>"$T/killed"
}
stored() { cat "$DL_HOME"/streams/ev/*.ndjson 2>/dev/null; }
is_stored() { [ "$(stored | wc -l)" -ge "$1" ]; }
steadily 1 300 10 &
writer=$!
kills=0
while kill -0 "$writer" 2>/dev/null; do
	rm -f "$T/pid"
	run &
	runner=$!
	soon test -s "$T/pid"
	sleep "0.$((RANDOM % 8))$((RANDOM % 10))"
	kill -9 "$(cat "$T/pid")" && kills=$((kills + 1))
	wait "$runner"
done
wait "$writer"
rm -f "$T/pid"
run &
runner=$!
soon is_stored 300
kill "$(cat "$T/pid")"
wait "$runner"
note "$kills kills; $(grep -c . "$T/log") connections"
is "$((kills > 2))" 1 'it was killed in between'
is "$(stored | jq -r .data.data.n | paste -sd' ')" "$(seq -s' ' 300)" \
	'kill -9: each event is stored once, in order'
before=$(wc -l <"$T/log")
run &
runner=$!
soon connected "$before"
lines 301 301 >>"$T/rows"
soon is_stored 301
kill "$(cat "$T/pid")"
wait "$runner"
is "$(tail -n 1 "$T/log" | cut -d ' ' -f 2)" 300 'the next run asks for what is new alone'
is "$(stored | tail -n 1 | jq .data.data.n)" 301 '... and gets it'

# Of another URL that id says nothing.
before=$(wc -l <"$T/log")
spec sse/other 'format: sse' 'subject: .id'
run &
runner=$!
soon connected "$before"
is "$(tail -n 1 "$T/log")" '/sse/other -' 'another URL is asked from its start'
kill "$(cat "$T/pid")"
wait "$runner"

status 78 'a stream of json' dl-source --check <(sed 's/: sse/: json/' "$T/ev.yaml")
like "$(cat "$T/err")" "'stream' is for ndjson, sse, text and auto" '... is told'

## A server that is killed: another one takes its place.

serve
spec sse 'format: sse' 'retries: 50'
follow
lines 1 10 >>"$T/rows"
soon came 10
{ kill -9 "$server" && wait "$server"; } 2>/dev/null
lines 11 20 >>"$T/rows"
start_server "${url##*:}"
soon came 20
finish 'a server that is killed'
is "$(numbers)" "$(seq -s' ' 20)" '... another one goes on where it was'
is "$(tail -n 1 "$T/log")" '/sse 10' '... by Last-Event-ID'

# Without -f a run takes what there is until the stream ends.
serve
spec sse/end=5/gone 'format: sse' 'every: 1s'
rm -rf "$DL_HOME"
lines 1 5 >>"$T/rows"
once() { dl-source "$T/ev.yaml" | dl-stream-put ev | dl-commit; }
status 0 'a stream that ends, without -f' once
status 0 'once more, where a server has no more of it' once
is "$(stored | jq -r .data.data.n | paste -sd' ') $(asked)" '1 2 3 4 5 - 5' \
	'... each event is stored once'
follow
soon came 5
soon connected 5
finish 'a server that has no more of it, with -f'
is "$(asked) $(wc -l <"$T/err")" '- 5 - 5 5 1' '... asks at its intervals, and says nothing'

# Without -f it is listened to for as long as timeout.
serve
spec sse 'format: sse' 'subject: .id' 'timeout: 300ms'
lines 1 3 >>"$T/rows"
rm -rf "$DL_HOME"
status 0 'a stream that goes on, without -f' timeout 20 dl-source "$T/ev.yaml"
is "$(jq -c 'select(.type == "dl.record") | .data.data.n' "$T/out" | paste -sd' ')" \
	'1 2 3' '... what came until then came'
is "$(jq -r .type "$T/out" | tail -n 1)" dl.checkpoint '... and is a position'

done_testing
