#!/usr/bin/env bash
# Consumers of a stream: where they start and end, what is kept for them, what
# they lose, and what dl-stream-ls says of it.
. tests/tap.sh
. tests/stream.sh

offset() { # N: where the event after N of them begins, in 20 digits
	printf '%020d' "$(head -n "$1" "$T/in" | wc -c)"
}
# The events' numbers and the checkpoints' offsets: "1,2,@00000000000000000042"
got() {
	jq -r 'if .type == "dl.checkpoint" then "@" + .id else .id[1:] end' \
		"$@" | paste -sd,
}
commit() { # OFFSET CONSUMER
	printf '{"specversion":"1.0","id":"%s","source":"stream.%s.%s","type":"dl.checkpoint"}\n' \
		"$1" quakes "$2" | dl-commit
}
position() { cat "$DL_HOME/commits/stream.quakes.$1"; }

# Where it starts and ends.

status 75 'no such stream' dl-stream-get quakes lake
events 1 9 >"$T/in"
dl-stream-put quakes <"$T/in"
zero=$(offset 0) three=$(offset 3) six=$(offset 6) nine=$(offset 9)
status 64 'no consumer' dl-stream-get quakes
status 64 'a consumer with a dot' dl-stream-get quakes a.b
status 64 'a consumer with a slash' dl-stream-get quakes a/b
is "$(dl-stream-get quakes lake | got)" "@$zero,1,2,3,4,5,6,7,8,9,@$nine" \
	'a new consumer gets all, between two checkpoints'
is "$(dl-stream-get quakes lake | got)" "@$zero,1,2,3,4,5,6,7,8,9,@$nine" \
	'and again, until it commits'
commit "$three" lake
is "$(dl-stream-get -c 3 quakes lake | got)" "@$three,4,5,6,@$six" \
	'then what follows; --count'
commit "$nine" lake
is "$(dl-stream-get quakes lake | got)" "@$nine" 'nothing new: one checkpoint'
is "$(dl-stream-get --read-only quakes | got)" 1,2,3,4,5,6,7,8,9 '--read-only'
is "$(dl-stream-get --read-only -s newest quakes | got)" '' '-s newest'
is "$(dl-stream-get --read-only -s oldest -c 1 quakes | got)" 1 '-s oldest'
is "$(dl-stream-get --read-only -s "$six" quakes | got)" 7,8,9 '-s OFFSET'
is "$(dl-stream-get --read-only -s "$((10#$three))" -u "$six" quakes | got)" \
	4,5,6 '-s and -u with offsets'
status 65 'not the beginning of a line' \
	dl-stream-get --read-only -s "$((10#$six + 1))" quakes
is "$(cat "$T/out")" '' '... nothing is printed'
status 65 'an offset beyond the end' \
	dl-stream-get --read-only -s "$((10#$nine + 1))" quakes
status 64 'no time' dl-stream-get --read-only -s yesterday quakes
dl-stream-get -s "$three" -c 3 quakes lake >"$T/out"
is "$(got "$T/out") $(position lake)" "@$three,4,5,6,@$six $three" \
	'going back: the commit goes back, too'
jq -c 'select(.type == "dl.checkpoint")' "$T/out" | dl-commit
is "$? $(position lake)" "0 $six" '... and dl-commit goes on from there'
rm "$DL_HOME/commits/stream.quakes.lake"

# What is not published is nobody's.
events 10 11 >>"$S/00000000000000000000.ndjson"
is "$(dl-stream-get quakes lake | got)" "@$zero,1,2,3,4,5,6,7,8,9,@$nine" \
	'what is not published is not read'
status 65 'nor can one start behind it' dl-stream-get quakes lake \
	-s "$(stat -c %s "$S/00000000000000000000.ndjson")"
dl-stream-put quakes </dev/null

# Following.

start() { # ARG...: dl-stream-get -f, in the background, to $T/tail
	dl-stream-get -f "$@" >"$T/tail" 2>"$T/told" & pid=$!
	tap_pids+=("$pid")
}
stop() { # SIGNAL
	kill "-$1" "$pid"
	wait "$pid"
}
has() { grep -q "\"id\":\"$1\"" "$T/tail"; }
idle() { [ "$(grep -c dl.checkpoint "$T/tail")" = 2 ]; }
start quakes tail
soon has e11
soon idle
is "$(grep -c dl.checkpoint "$T/tail")" 2 '-f: a checkpoint when it is idle'
status 75 'the same consumer twice' dl-stream-get quakes tail
events 12 12 | dl-stream-put --segment-bytes 4K quakes
soon has e12
events 13 60 500 | dl-stream-put --segment-bytes 4K quakes
soon has e60
is "$(jq -r 'select(.type != "dl.checkpoint") | .id[1:]' "$T/tail" | paste -sd,)" \
	"$(seq 1 60 | paste -sd,)" '-f goes on from segment to segment'
stop TERM
is $? 0 'SIGTERM ends it well'
is "$(tail -n 1 "$T/tail" | jq -r .id)" "$(cut -c 1-20 "$S/end")" \
	'with a last checkpoint'
start later lake
sleep 0.1
events 1 1 | dl-stream-put later
soon has e1
has e1
is $? 0 '-f waits for a stream that is not there yet'
stop INT
is $? 0 'SIGINT ends it well, too'
(
	dl-stream-get -f quakes gone 2>"$T/err"
	echo $? >"$T/status"
) | head -n 1 >"$T/out"
soon test -s "$T/status"
is "$(cat "$T/status")" 75 'its reader goes away'
rm -f "$DL_HOME"/commits/*

# Checkpoints by size.
events 1 10000 900 | dl-stream-put large
dl-stream-get large c >"$T/out"
is "$(awk '/dl.checkpoint/ { if (n > 4600000) print "late", n; n = 0; c++ }
	{ n += length + 1 } END { print (c >= 4) }' "$T/out")" 1 \
	'a checkpoint every 4 MiB'

# Times: against jq, with indexes that are there, torn, gone or wrong.

awk 'BEGIN {
	srand(7)
	for (i = 0; i < 3000; i++) {
		t = 3600 + int(i / 2) + int(rand() * 100)
		printf "{\"specversion\":\"1.0\",\"id\":\"e%d\",\"source\":\"s\",\"type\":\"t\",", i
		if (rand() < 0.9)
			printf "\"recordedtime\":\"2026-01-01T%02d:%02d:%02d.000Z\",", \
				t / 3600, t / 60 % 60, t % 60
		printf "\"data\":\"%0*d\"}\n", rand() * 300, 0
	}
}' >"$T/times"
dl-stream-put --segment-bytes 128K times <"$T/times"
D=$DL_HOME/streams/times
find_all() { # NAME
	local t bad=
	for t in 00:59:00 01:00:40 01:03:17 01:10:00 01:16:01 01:25:00 02:00:00; do
		t=2026-01-01T$t.000Z
		[ "$(dl-stream-get --read-only -c 1 -s "$t" times 2>&1)" = \
			"$(jq -c --arg t "$t" 'select(.recordedtime != null
				and .recordedtime >= $t)' "$T/times" |
				head -n 1)" ] || bad+=" $t"
	done
	is "$bad" '' "-s TIME $1"
}
find_all 'by the indexes'
cp -a "$D" "$T/saved"
for f in "$D"/*.index; do truncate -s -60 "$f"; done
find_all 'with torn indexes'
rm "$D"/*.index
find_all 'without indexes'
is "$(files "$D" index | wc -l)" "$(($(files "$D" ndjson | wc -l) - 1))" \
	'... and closed segments have theirs again'
for f in "$D"/*.index; do sort -r -o "$f" "$f"; done
find_all 'with indexes out of order'
for f in "$T"/saved/*.index; do
	awk '{ printf "%s %020d\n", $1, $2 - 7 }' "$f" >"$D/${f##*/}"
done
find_all 'with indexes whose offsets are in the middle of lines'
for f in "$D"/*.index; do head -c 1000 /dev/urandom >"$f"; done
find_all 'with indexes that are none'
dl-stream-put times </dev/null
find_all 'after a writer has opened it'
is "$(dl-stream-get --read-only -s 2026-01-01T01:10:00Z -u 2026-01-01T01:10:00Z \
	times | wc -l)" 0 '-s and -u at one time: nothing lies between'
{
	events 1 1
	printf '{"specversion":"1.0","id":"now","source":"s","type":"t","recordedtime":"%s"}\n' \
		"$(date -u +%Y-%m-%dT%H:%M:%SZ)"
} | dl-stream-put now
is "$(dl-stream-get --read-only -s 2h now | jq -r .id)" now '-s 2h'

# Retention.

status 64 '--retain 1m' dl-stream-put --retain 1m quakes
status 64 '--max-bytes that would wait for ever' \
	dl-stream-put --max-bytes 1M quakes
status 64 '--retain-bytes that would keep more than --max-bytes' \
	dl-stream-put --max-bytes 1M --retain-bytes 2M quakes
fresh() { # a stream of ten segments, each with 8 events: 1 to 80
	rm -rf "$S" "$DL_HOME"/commits/*
	events 1 80 400 >"$T/in"
	dl-stream-put --segment-bytes 4K quakes <"$T/in"
}
segments() { files "$S" ndjson | wc -l; }
first() { dl-stream-get --read-only -c 1 quakes | got; }
fresh
is "$(segments)" 10 'ten segments'
twelve=$(offset 12)
commit "$twelve" slow
commit "$(offset 40)" fast
files "$S" ndjson | head -n 3 | xargs touch -d '2 hours ago'
dl-stream-put --retain 1h quakes </dev/null 2>"$T/err"
is "$(segments) $(first)" '7 25' '--retain takes what is older'
is "$(files "$S" index | wc -l)" 7 '... with its index'
is "$(jq -c '[.consumer, .from, .records]' "$S/lost")" \
	"$(printf '["stream.quakes.slow","%s",4]\n["stream.quakes.slow","%s",8]' \
		"$twelve" "$(offset 16)")" '... and writes down what was lost, to whom'
dl-stream-get -v -c 1 quakes slow >"$T/out" 2>"$T/err"
is "$(got "$T/out")" "@$(offset 24),25,@$(offset 25)" \
	'the consumer goes on at the oldest'
like "$(cat "$T/err")" "retention has taken 12 events" '... and is told'
jq -c 'select(.type == "dl.checkpoint")' "$T/out" | dl-commit
dl-stream-get -c 1 quakes slow >"$T/out" 2>"$T/err"
is "$(cat "$T/err")" '' '... once'
is "$(dl-stream-get --read-only -s 0 -c 1 quakes 2>"$T/err" | got)" 25 \
	'-s with an offset that was cut off'
fresh
commit "$(offset 20)" slow
commit "$(offset 80)" fast
dl-stream-put --retain-bytes 16K quakes </dev/null
is "$(segments) $(first)" '8 17' \
	'--retain-bytes takes what every consumer has read'
rm "$DL_HOME/commits/stream.quakes.slow"
dl-stream-put --retain-bytes 16K quakes </dev/null
is "$(($(cat "$S"/*.ndjson | wc -c) <= 16384)) $(test -e "$S/lost"; echo $?)" \
	'1 1' 'a consumer whose commit is gone holds nothing'

# Room.
fresh
commit "$(offset 0)" lake
status 75 '--when-full fail' dl-stream-put --max-bytes 32K --when-full fail \
	quakes < <(events 81 90 400)
like "$(cat "$T/err")" 'is full' '... is said'
is "$(cat "$S"/*.ndjson | wc -l)" 80 '... and nothing more is stored'
events 81 100 400 | dl-stream-put --max-bytes 32K --retain-bytes 16K quakes \
	2>"$T/err" & pid=$!
tap_pids+=("$pid")
soon grep -q 'is full' "$T/err"
kill -0 "$pid"
is $? 0 '--when-full block waits'
commit "$(offset 80)" lake
wait "$pid"
is "$? $(dl-stream-get --read-only quakes | tail -n 1 | got)" '0 100' \
	'until a consumer has read'

# Following what is taken away.
fresh
start -c 80 quakes f
soon has e80
wait "$pid"
is "$? $(got <(grep -v dl.checkpoint "$T/tail"))" \
	"0 $(seq 1 80 | paste -sd,)" '-f with --count ends'

# dl-stream-ls.
rm -rf "$DL_HOME/streams" "$DL_HOME/commits"
status 0 'no streams' dl-stream-ls
is "$(cat "$T/out")" '' '... nothing is listed'
{
	events 1 1
	printf '{"specversion":"1.0","id":"e2","source":"s","type":"t","recordedtime":"%s"}\n' \
		"$(date -u -d '100 seconds ago' +%Y-%m-%dT%H:%M:%SZ)"
	events 3 4
} >"$T/in"
dl-stream-put quakes <"$T/in"
dl-stream-put other < <(events 1 1)
commit "$(offset 1)" lake
commit "$(offset 4)" twin
status 0 'ls' dl-stream-ls
is "$(jq -r .stream "$T/out" | paste -sd,)" other,quakes 'JSON: every stream'
is "$(jq -c 'select(.stream == "quakes") | [.bytes, .segments, .end_offset]' "$T/out")" \
	"[$((10#$(offset 4))),1,\"$(offset 4)\"]" '... its size'
is "$(jq -c 'select(.stream == "quakes") | .consumers[]
	| [.consumer, .position, .lag_bytes, .lag_events, .lost_events]' "$T/out")" \
	"[\"lake\",\"$(offset 1)\",$((10#$(offset 4) - 10#$(offset 1))),3,0]
[\"twin\",\"$(offset 4)\",0,0,0]" '... and its consumers'
is "$(jq -c 'select(.stream == "quakes") | .consumers[] | .lag_seconds
	| if . == 0 then 0 else . > 98 and . < 115 end' "$T/out" | paste -sd,)" \
	true,0 '... how long they are behind'
is "$(dl-stream-ls --table quakes | awk '{ print (NF >= 6), $1 }' | paste -sd,)" \
	'1 STREAM,1 quakes,0 ,1 STREAM,1 quakes,1 quakes' 'a table'
status 75 'ls of none' dl-stream-ls nothing
status 64 'JSON and table' dl-stream-ls --json --table

# Other places.
mkdir -p "$T/a" "$T/b"
events 1 2 | dl-stream-put "$T/a/quakes"
events 3 3 | dl-stream-put "$T/b/quakes"
for d in a b; do dl-stream-get "$T/$d/quakes" lake; done >"$T/out"
is "$(jq -r 'select(.type == "dl.checkpoint") | .source' "$T/out" | sort -u |
	grep -c '^stream\.quakes-[0-9a-f]*\.lake$')" 2 \
	'streams elsewhere have keys of their own'
ln -s "$T/a/quakes" "$T/b/link"
is "$(dl-stream-get "$T/b/link" lake | jq -r .source | sort -u)" \
	"$(dl-stream-get "$T/a/quakes" lake | jq -r .source | sort -u)" \
	'a link is the stream that it points to'
is "$(dl-stream-get "$DL_HOME/streams/quakes" lake | head -n 1 | jq -r .source)" \
	stream.quakes.lake "home's streams by their path are home's"
chmod -R a-w "$T/a"
is "$(dl-stream-get --read-only "$T/a/quakes" | got)" 1,2 \
	'a directory that cannot be written to is read'

done_testing
