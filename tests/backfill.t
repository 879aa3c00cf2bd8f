#!/usr/bin/env bash
# Windows: polls that leave no gap, and backfills that go on where they were.
. tests/tap.sh
. tests/servers/nginx.sh

cat >"$T/server" <<'E'
default_type application/json;
# An item says what was asked for; a file of that name in gone/ is a failure.
location /w/ {
	if (-e @T@/gone$uri) { return 404; }
	return 200 '[{"id":"$uri"}]';
}
location /q { return 200 '[{"id":"$args"}]'; }
location /pages/ { try_files $uri =404; }
# A body of nothing but what the path says, for the windows of a kill.
location /k/ { return 200 '[{"id":"$uri","t":"2026-01-01T00:00:00Z"}]'; }
E
sed -i "s#@T@#$T#g" "$T/server"
mkdir -p "$T/gone/w"
nginx_start "$T/server" || exit 1

spec() { # NAME PATH LINE...
	local name=$1 path=$2
	shift 2
	printf '%s\n' "name: $name" "url: '$nginx_url$path'" 'subject: .id' \
		"$@" >"$T/$name.yaml"
}
run() { # NAME [OPTION...]: its events to $T/events, committed
	local name=$1
	shift
	dl-source "$@" "$T/$name.yaml" | tee "$T/events" |
		grep dl.checkpoint | dl-commit
	return "${PIPESTATUS[0]}"
}
subjects() {
	jq -r 'select(.type == "dl.record") | .subject' "$T/events" |
		paste -sd' '
}
asks() { # WANT TITLE NAME [OPTION...]
	local want=$1 title=$2
	shift 2
	status 0 "$title" run "$@"
	is "$(subjects)" "$want" "$title: what was asked"
}

# A backfill, day by day: half-open, over a leap day.
day='/w/{from:%Y%m%d}-{to:%d}'
spec day "$day" 'window: 1d'
asks '/w/20240228-29 /w/20240229-01 /w/20240301-02' 'a backfill by days' \
	day --from 2024-02-28 --to 2024-03-02
is "$(grep -c dl.checkpoint "$T/events")" 4 'each window is a position'
is "$(cat "$T/err")" '' 'and nothing is said'
asks '/w/20240228-29 /w/20240229-01 /w/20240301-02' 'the same again' \
	day --from 2024-02-28 --to 2024-03-02
spec hour '/q?f={from}&t={to:%s}' 'window: {size: 1h}'
asks 'f=2026-01-01T22%3A30%3A00Z&t=1767310200 f=2026-01-01T23%3A30%3A00Z&t=1767312000' \
	'by hours, of which the last is cut' \
	hour --from 2026-01-01T22:30Z --to 2026-01-02
status 0 'without --to it ends now' env DL_NOW=2026-01-02T00:00:00Z \
	dl-source --from 90m "$T/hour.yaml"
is "$(grep -c dl.record "$T/out")" 2 'in two windows'

# One that fails goes on where it was.
touch "$T/gone/w/20260103-04"
range='--from 2026-01-01 --to 2026-01-06'
# shellcheck disable=SC2086 # words
status 78 'a backfill fails' run day $range
is "$(subjects)" '/w/20260101-02 /w/20260102-03' 'with what it has'
like "$(cat "$T/err")" 'dl-source: the window from 2026-01-03T00:00:00Z to 2026-01-04T00:00:00Z: http.*: HTTP status 404' \
	'and says of which window it is'
rm "$T/gone/w/20260103-04"
# shellcheck disable=SC2086
status 0 'a look at the rest' dl-source --dry-run $range "$T/day.yaml"
is "$(jq -r .subject "$T/out" | head -n 1)" /w/20260103-04 \
	'is of where it was'
# shellcheck disable=SC2086
asks '/w/20260103-04 /w/20260104-05 /w/20260105-06' 'it goes on' day $range
is "$(cat "$T/err")" \
	'dl-source: the backfill goes on at 2026-01-03T00:00:00Z: 2 of 5 windows are done' \
	'and says so'
# shellcheck disable=SC2086
dl-source $range "$T/day.yaml" >"$T/events"
# shellcheck disable=SC2086
asks '/w/20260101-02 /w/20260102-03 /w/20260103-04 /w/20260104-05 /w/20260105-06' \
	'what was not committed is not done' day $range
touch "$T/gone/w/20260103-04"
# shellcheck disable=SC2086
status 78 'a backfill that fails again' run day $range
asks '/w/20260102-03' 'another span begins anew' \
	day --from 2026-01-02 --to 2026-01-03
rm "$T/gone/w/20260103-04"

# -v tells how far it is.
status 0 'a backfill with -v' dl-source -v --from 2026-01-01 --to 2026-01-03 \
	"$T/day.yaml"
like "$(cat "$T/err")" \
	'dl-source: 2 of 2 windows, 2 items, [0-9]+/s, at 2026-01-02T00:00:00Z' \
	'says how far it came'

# On a terminal there is a bar, which leaves nothing behind.
if script -qec true /dev/null >/dev/null 2>&1 </dev/null; then
	spec many '/w/{from:%s}' 'window: 4m'
	script -qec "stty cols 100; dl-source --from 2026-01-01 --to 2026-01-02 \
	    $T/many.yaml >$T/out" /dev/null >"$T/tty" 2>&1 </dev/null
	like "$(tr '\r' '\n' <"$T/tty" | grep of)" \
		'\[#+-+\] [0-9]+ of 360 windows, [0-9]+ items, [0-9]+/s, .* left' \
		'a bar on the terminal'
	is "$(tail -c 4 "$T/tty" | od -An -c | tr -d ' ')" '\r033[K' \
		'and at the end there is none'
	is "$(grep -c dl.record "$T/out")" 360 'all windows came'
	script -qec "dl-source -q --from 2026-01-01 --to 2026-01-02 \
	    $T/many.yaml >$T/out" /dev/null >"$T/tty" 2>&1 </dev/null
	is "$(cat "$T/tty")" '' 'with -q there is none'
fi

# More windows than may wait to be committed: all of them are done.
spec most '/w/{from:%s}' 'window: 1s'
status 0 'more positions than may wait' dl-source -q \
	--from 2026-01-01T00:00Z --to 2026-01-01T00:18Z "$T/most.yaml"
grep dl.checkpoint "$T/out" | dl-commit
status 0 'once they are committed' dl-source --dry-run -c 1 \
	--from 2026-01-01T00:00Z --to 2026-01-01T00:18Z "$T/most.yaml"
is "$(jq -r .subject "$T/out") $(cat "$T/err")" '/w/1767225600 ' \
	'nothing of the backfill is left'

# Killed again and again, and run again until it is done: each window once.
spec kill '/k/{from:%s}' 'window: 1m' 'time: .t'
SEED=${SEED:-$RANDOM}
RANDOM=$SEED
echo "# SEED=$SEED"
kills=0 code=1
mkfifo "$T/pipe"
for round in 1 2 3 4 5 6 7 8 9 10 11 12; do
	dl-stream-put kill <"$T/pipe" 2>"$T/put.err" | dl-commit &
	sink=$!
	dl-source -q --from 2026-01-01 --to 2026-01-01T05:00Z "$T/kill.yaml" \
		>"$T/pipe" 2>"$T/err" &
	head=$!
	if [ "$round" -lt 8 ]; then
		sleep "0.0$((RANDOM % 90 + 10))"
		kill -9 "$head" 2>/dev/null && kills=$((kills + 1))
	fi
	wait "$head" 2>/dev/null
	code=$?
	wait "$sink"
	[ "$code" != 0 ] || break
done
is "$code" 0 "after $kills kills the backfill is done"
is "$(dl-stream-get --read-only kill | jq -r .subject | sort | uniq -c |
	awk '{ print $1 }' | sort | uniq -c | awk '{ print $1, $2 }')" '300 1' \
	'and each window is in the stream, once'

# A stop is no failure, and no end either.
spec stop '/w/{from:%s}' 'window: 1s'
dl-source --from 2026-01-01 --to 2026-02-01 "$T/stop.yaml" \
	>"$T/stop" 2>"$T/err" &
head=$!
tap_pids+=("$head")
came() { [ "$(grep -c dl.record "$T/stop")" -gt 20 ]; }
soon came
kill -TERM "$head"
wait "$head"
is $? 0 'a backfill that is stopped ends well'
like "$(cat "$T/err")" 'stopped: [1-9][0-9]* of 2678400 windows are done, the same again goes on' \
	'and says that it is not done'

# Polls: from the last window that is done to that of now.
at() { # NOW WANT TITLE NAME
	DL_NOW=$1 asks "$2" "$3" "$4"
}
spec poll '/w/{from:%H%M}-{to:%H%M}' 'window: {size: 1h, late: 10m}'
at 2026-06-01T12:30:00Z '/w/1200-1300' 'the first poll' poll
at 2026-06-01T12:45:00Z '/w/1200-1300' 'the window has not ended' poll
at 2026-06-01T13:05:00Z '/w/1200-1300 /w/1300-1400' 'late items may come' poll
at 2026-06-01T13:15:00Z '/w/1200-1300 /w/1300-1400' 'no more' poll
at 2026-06-01T13:20:00Z '/w/1300-1400' 'so it is done' poll
at 2026-06-01T16:00:00Z '/w/1300-1400 /w/1400-1500 /w/1500-1600 /w/1600-1700' \
	'a poll after a while leaves no gap' poll
touch "$T/gone/w/1500-1600"
DL_NOW=2026-06-01T18:30:00Z status 78 'a window fails' run poll
is "$(subjects)" '' 'first of all'
rm "$T/gone/w/1500-1600"
at 2026-06-01T18:30:00Z \
	'/w/1500-1600 /w/1600-1700 /w/1700-1800 /w/1800-1900' 'it comes again' poll
DL_NOW=2026-06-01T18:40:00Z asks '/w/0000-0100 /w/0100-0200' \
	'a backfill in between' poll --from 2026-01-01 --to 2026-01-01T02:00Z
at 2026-06-01T18:40:00Z '/w/1800-1900' 'changes nothing' poll
spec fails '/w/{from:%H%M}' 'window: 1h'
touch "$T/gone/w/1200"
DL_NOW=2026-06-01T12:58:00Z status 78 'the very first poll fails' run fails
rm "$T/gone/w/1200"
at 2026-06-01T13:02:00Z '/w/1200 /w/1300' 'its window is not lost' fails
at 2026-06-01T13:20:00Z '/w/1200 /w/1300' 'a window is done' fails
DL_NOW=2026-06-01T11:30:00Z status 0 'a clock that went back' run fails
like "$(cat "$T/err")" 'it is 2026-06-01T11:30:00Z, and earlier polls left windows from 2026-06-01T13:00:00Z on' \
	'behind what is done is told'
touch "$T/gone/w/1300"
DL_NOW=2026-06-01T14:30:00Z status 78 'a window that never comes' run fails
spec fails '/w/{from:%H%M}' 'window: {size: 1h, start: 2026-06-01T14:00:00Z}'
at 2026-06-01T14:30:00Z '/w/1400' 'is passed over by a later start' fails
rm "$T/gone/w/1300"
spec start '/w/{from:%d%H}' 'window: {size: 12h, start: 2026-05-31}'
at 2026-06-01T12:30:00Z '/w/3100 /w/3112 /w/0100 /w/0112' 'from a start' start
at 2026-06-01T12:30:00Z '/w/0112' 'and on' start

# Windows of pages.
mkdir -p "$T/www/pages"
for d in 01 02; do
	echo "[{\"id\":\"$d.1\"},{\"id\":\"$d.2\"}]" >"$T/www/pages/$d-1.json"
	echo "[{\"id\":\"$d.3\"}]" >"$T/www/pages/$d-2.json"
done
spec paged '/pages/{from:%d}-{page}.json' 'window: 1d' \
	'pages: {by: page, size: 2}'
asks '01.1 01.2 01.3 02.1 02.2 02.3' 'a backfill of pages' \
	paged --from 2026-01-01 --to 2026-01-03
spec cut '/pages/{from:%d}-{page}.json' 'window: 1d' \
	'pages: {by: page, max: 1}'
status 0 'pages that max cuts short' run cut --from 2026-01-01 --to 2026-01-03
is "$(subjects)" '01.1 01.2 02.1 02.2' 'bring what they may'
like "$(cat "$T/err")" 'not all pages came: 0 of 2 windows are done' \
	'and are not done'
printf '%s\n' 'name: file' "url: file://$T/www/pages/{from:%d}-1.json" \
	'subject: .id' 'window: 1d' >"$T/file.yaml"
asks '01.1 01.2 02.1 02.2' 'a backfill of files' \
	file --from 2026-01-01 --to 2026-01-03

# Commands: their windows, and cursors that cannot leave their place.
cat >"$T/exec.yaml" <<E2
name: exec
url: "exec:printf '{\"id\":\"%s\"}' '{from:%F}/{to:s}'"
subject: .id
window: 1d
E2
asks '2026-01-01/1767312000 2026-01-02/1767398400' 'a backfill of a command' \
	exec --from 2026-01-01 --to 2026-01-03
cat >"$T/since.yaml" <<E2
name: since
url: "exec:echo '{\"id\":\"{cursor}\",\"at\":\"2026-01-01T10:00:00Z\"}'"
subject: .id
cursor: {value: .at, start: 2020-01-01T00:00:00Z}
E2
asks '2020-01-01T00:00:00Z' 'a command with a cursor' since
asks '2026-01-01T10:00:00Z' 'that was kept' since
cat >"$T/foul.yaml" <<E2
name: foul
url: "exec:echo '{\"at\":\"x; touch $T/foul\"}' {cursor}"
cursor: .at
E2
status 0 'a cursor that is more than a word' run foul
like "$(cat "$T/err")" "foul.yaml:3: 'cursor' gives what can't be put into" \
	'is told'
status 0 'and is not kept' run foul
is "$([ -e "$T/foul" ] && echo there)" '' 'nor run'

# Wrong usage, and wrong specifications.
spec none /w/ 'name2: x'
sed -i /name2/d "$T/none.yaml"
usage() { # WANT OPTION...
	local want=$1
	shift
	dl-source "$@" >"$T/out" 2>"$T/err" </dev/null
	like "$? $(head -n 1 "$T/err")" "^64 dl-source: $want" "usage: $*"
}
usage '--to is for --from' --to 2026-01-01 "$T/day.yaml"
usage "--from fetches windows of a URL, once: no '-', -f or --check" \
	-f --from 2026-01-01 "$T/day.yaml"
usage "--from fetches windows" --from 2026-01-01 "$T/day.yaml" -
usage "--from goes over windows, and $T/none.yaml has no 'window'" \
	--from 2026-01-01 "$T/none.yaml"
usage "--from: 'x' is not a time" --from x "$T/day.yaml"
usage "--to: 'x' is not a time" --from 2026-01-01 --to x "$T/day.yaml"
usage '--from is not before --to' --from 2026-01-01 --to 2026-01-01 \
	"$T/day.yaml"
wrong() { # WANT LINE...
	local want=$1
	shift
	printf '%s\n' 'name: w' 'url: http://h/{from}' "$@" >"$T/w.yaml"
	dl-source --check "$T/w.yaml" >"$T/out" 2>"$T/err"
	is "$? $(sed "s#^dl-source: $T/##" "$T/err")" "78 $want" "told: $want"
}
wrong "w.yaml:2: 'url' (or 'body', or a header) has {from} or {to}, and there is no 'window'"
wrong "w.yaml:3: 'window' is whole seconds, from 1s to 3660d" 'window: 10ms'
wrong "w.yaml:4: 'cursor' and 'window' both say where to go on: one of them" \
	'window: 1d' 'cursor: .a' 'headers: {X: "{cursor}"}'
printf '%s\n' 'name: w' 'url: http://h/' 'window: 1d' >"$T/w.yaml"
dl-source --check "$T/w.yaml" 2>"$T/err"
like "$(cat "$T/err")" "w.yaml:3: 'window' is asked for nowhere" \
	'told: a window that nothing is asked by'

done_testing
