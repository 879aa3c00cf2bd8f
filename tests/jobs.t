#!/usr/bin/env bash
# dl-transform -j and dl-extract -j: several processes, and one output.
# shellcheck disable=SC2016 # $event and the like are the program's
. tests/tap.sh

cd "$T" || exit 1
event() { # ID DATA
	printf '{"specversion":"1.0","id":"%s","source":"s","type":"dl.record","subject":"c","time":"2026-01-01T00:00:00Z","data":%s}\n' \
		"$1" "$2"
}
checkpoint() {
	printf '{"specversion":"1.0","id":"%s","source":"k","type":"dl.checkpoint"}\n' \
		"$1"
}
workers() { cat "/proc/$1/task/$1/children" 2>/dev/null; }
has_workers() { [ "$(workers "$1" | wc -w)" = "$2" ]; }
gone() { ! kill -0 "$1" 2>/dev/null; }
holds() { grep -q "$1" "$2"; }

# Events of every fate, checkpoints between them, and lines that are none.
mixed() { # HOW MANY
	awk -v n="$1" 'BEGIN {
		srand(7)
		head = "{\"specversion\":\"1.0\",\"source\":\"s\"," \
		    "\"type\":\"dl.record\",\"subject\":\"c\"," \
		    "\"time\":\"2026-01-01T00:00:00Z\","
		for (pad = "x"; length(pad) < 2000;) pad = pad pad
		for (i = 1; i <= n; i++) {
			what = int(rand() * 12)
			if (what == 0 && rand() < 0.3)
				printf "{\"specversion\":\"1.0\",\"id\":\"%d\"," \
				    "\"source\":\"k\"," \
				    "\"type\":\"dl.checkpoint\"}\n", i
			else if (what == 1 && rand() < 0.3)
				print rand() < 0.5 ? "" : "{\"broken\":" i
			else
				printf "%s\"id\":\"%d\",\"data\":{\"k\":%d," \
				    "\"n\":%d.0,\"pad\":\"%s\"}}\n", head, i, what, i,
				    substr(pad, 1, rand() * 600)
		}
	}'
}
cat >every.jq <<'END'
if .k == 2 then empty
elif .k == 3 then error("no \(.n)")
elif .k == 4 then ., {n}, .n
elif .k == 5 then .pad / ""
elif .k == 20 then [range(200000)]
elif .k == 21 then range(30000) | {n: ., pad: "pad"}
else {n, k: (.k + 1)} end
END
{
	mixed 6000
	event big '{"k":20,"n":1}'
	checkpoint big
	event many '{"k":21,"n":1}'
	mixed 100
	# As long as a line may be, and one byte longer.
	event long1 "\"$(head -c 3000000 /dev/zero | tr '\0' y)\""
	mixed 10
	head -c 16777216 /dev/zero | tr '\0' z
	echo
	head -c 16777217 /dev/zero | tr '\0' z
	echo
	head -c 40000000 /dev/zero | tr '\0' z
	echo
	checkpoint end
	mixed 3000
} >in
cat >every.yaml <<'END'
templates:
  - name: one
    when: .k != 2
    component: .k / 3 | tostring
    metrics: {n: .n}
  - name: two
    metrics: {k: .k, pad: .pad}
END
export DL_NOW=2026-01-01T00:00:00Z
every() { # N [OPTION...]
	dl-transform -v -j "$@" -p every.jq
}
extract() { # N [OPTION...]
	dl-extract -v -j "$@" every.yaml
}

### the same bytes

for how in every extract; do
	$how 1 -d dead1 <in >out1 2>err1
	is $? 0 "$how: one process"
	for n in 2 3 8; do
		rm -f dead
		status 0 "$how: -j $n" $how $n -d dead <in
		cmp out out1
		is $? 0 "$how: -j $n: the same output"
		cmp dead dead1
		is $? 0 "$how: -j $n: the same dead letters"
		is "$(cat err)" "$(cat err1)" "$how: -j $n: the same counts"
		# Blocks that are cut wherever a pipe was empty.
		rm -f dead
		(dd bs=7001 count=100 status=none; sleep 0.01
		 dd bs=65537 count=20 status=none; cat) <in |
			$how $n -d dead >out 2>err
		cmp out out1 && cmp dead dead1
		is $? 0 "$how: -j $n: the same from a pipe"
	done
	rm -f dead1
done
is "$(($(wc -c <out1) > 100000))" 1 'which is not nothing'

# What fails ends it, after what comes before.
for how in every extract; do
	$how 1 <in >out1 2>err1
	is $? 65 "$how: without -d"
	for n in 2 8; do
		status 65 "$how: -j $n without -d" $how $n <in
		cmp out out1
		is $? 0 "$how: -j $n: as far as it came"
		is "$(cat err)" "$(cat err1)" "$how: -j $n: the same message"
	done
done
for n in 1 2 3; do
	(mixed 2000 | sed 's/"k":[0-9]*/"k":7/'; echo broken; mixed 10) >bad
	grep -v '^{"broken"\|^$' bad >bad2
	status 65 "-j $n: a line that is no event" dl-transform -j $n '[.n]' <bad2
	like "$(cat err)" '^dl-transform: <stdin>:[0-9]*: not an event' \
		"-j $n: is told with its number"
	cp err "err.$n"
	cp out "out.$n"
	(mixed 2000 | grep 'k..[6-9]'; printf '{"spec') >torn
	status 65 "-j $n: half a line" dl-transform -j $n '[.n]' <torn
	cat out err >"torn.$n"
	(checkpoint 1; cat torn) >torn2
	status 75 "-j $n: half a line, after a checkpoint" \
		dl-transform -j $n '[.n]' <torn2
	cat out err >"torn2.$n"
	status 65 "-j $n: an event that is too long" \
		dl-transform -j $n '[.]' \
		< <(event 1 1; head -c 17000000 /dev/zero | tr '\0' x; echo)
	is "$(cat err)" 'dl-transform: <stdin>:2: a line of 17000000 bytes, at most 16777216 are taken' \
		"-j $n: is told"
done
# What comes with the end of a line that is too long, before the next one.
long() { head -c "$1" /dev/zero | tr '\0' x; }
{
	event 1 1; long 17000000; echo
	event 2 2; checkpoint 2; long 16777200; echo
	event 3 3; long 20000000; echo
	event 4 4; printf '\n'
	event 5 5; checkpoint 5
} >around
for n in 1 2 3; do
	rm -f dead
	status 0 "-j $n: lines around those that are too long" \
		dl-transform -v -j $n -d dead '[.]' <around
	is "$(jq -r .id out | xargs) $(jq -r .data.line dead | xargs)" \
		'1 2 2 3 4 5 5 2 5 7 9' "-j $n: none is lost"
	is "$(cat err)" 'dl-transform: 9 in, 5 out, 0 dropped, 4 dead' \
		"-j $n: and each is counted"
done
for n in 1 2; do
	status 75 "-j $n: a closed input" dl-transform -j $n . <&-
	status 78 "-j $n: a directory as input" dl-transform -j $n . </
	is "$(cat err)" 'dl-transform: cannot read <stdin>: Is a directory' \
		"-j $n: says so"
done
for n in 2 3; do
	is "$(cmp err.1 err.$n && cmp out.1 out.$n && cmp torn.1 torn.$n &&
		cmp torn2.1 torn2.$n && echo same)" same "-j $n: as with one"
done

mixed 3000 | grep pad | sed 's/"k":3,/"k":5,/; 2500s/"k":[0-9]*/"k":3/' \
	>fails
for n in 1 2 3; do
	DL_PIPELINE='jobs' every $n -d dead -n "n$n" <in >/dev/null 2>&1
	DL_PIPELINE='jobs' every $n -n "f$n" <fails >/dev/null 2>&1
	grep -h '^dl_.*_\(total\|status\){' \
		"$DL_HOME/metrics/jobs.dl-transform."[nf]"$n.prom" |
		sed 's/{[^}]*}//' >"metric.$n"
done
is "$(cmp metric.1 metric.2 && cmp metric.1 metric.3 && wc -l <metric.1)" \
	"$(wc -l <metric.1)" 'the same metric'
is "$(($(wc -l <metric.1) > 3))" 1 'which is one'

### checkpoints, and dead letters before them

for n in 1 2 3; do
	(event 1 1; checkpoint 1; event 2 '"x"'; checkpoint 2; event 3 3) >in2
	status 75 "-j $n: dead letters on a full disk" \
		dl-transform -j $n -d /dev/full '. + 1 | [.]' <in2
	is "$(jq -r .id out | xargs)" '1 1' \
		"-j $n: no checkpoint passes what could not be kept"
done

### a trickle

mkfifo trickle
dl-transform -j 2 -d idle '[.] | if .[0] == 0 then error("x") else . end' \
	<trickle >out &
filter=$!
tap_pids+=("$filter")
exec 9>trickle
soon has_workers "$filter" 2
for i in 1 2 3 4 5; do
	event "$i" "$i" >&9
	start=$(date +%s%N)
	soon holds "\"id\":\"$i\"" out
	is "$((($(date +%s%N) - start) / 1000000 < 5000))" 1 \
		"event $i is there at once"
done
checkpoint 1 >&9
soon holds checkpoint out
is $? 0 'and the checkpoint behind it'
event 6 0 >&9
soon holds '"id":"6"' idle
is $? 0 'and a dead letter'
{ long 17000000; echo; event long 7; } >behind
cat behind >&9
soon holds '"id":"long"' out
is $? 0 'and an event behind a line that is too long'
printf '%s' "$(event 7 7)" >&9
sleep 0.2
is "$(grep -c '"id":"7"' out)" 0 'half a line waits'
echo >&9
soon holds '"id":"7"' out
is $? 0 'for its end'
ticks() { awk '{ print $14 + $15 }' "/proc/$1/stat"; }
used=$(ticks "$filter")
sleep 0.5
is "$(($(ticks "$filter") - used < 5))" 1 'nothing spins while it waits'

# What workers are: they have nothing of their parent's pipes.
hold_nothing() { # PID WHEN
	local worker
	for worker in $(workers "$1"); do
		is "$(find "/proc/$worker/fd" -type l -printf '%f ' |
			xargs -n 1 | sort -n | xargs) $(readlink \
			"/proc/$worker/fd/"{0,1} | sort -u)" \
			'0 1 2 3 /dev/null' "a worker holds no pipe$2"
	done
}
hold_nothing "$filter" ''
mkfifo few.in
prlimit --nofile=6 dl-transform -j 2 '[.]' <few.in >few.out &
few=$!
tap_pids+=("$few")
exec 8>few.in
soon has_workers "$few" 2
event 1 1 >&8
soon [ -s few.out ]
hold_nothing "$few" ', even where descriptors are few'
exec 8>&-
wait "$few"
is $? 0 'which are enough'
for sig in INT INT TERM TERM; do
	for worker in $(workers "$filter"); do kill -$sig "$worker"; done
	sleep 0.05
done
kill -TERM "$filter"
event 8 8 >&9
soon holds '"id":"8"' out
is $? 0 'signals to end are left to the head of the pipe'
crew=$(workers "$filter")
exec 9>&-
wait "$filter"
is $? 0 'and the end of the input ends it'
for worker in $crew; do
	gone "$worker"
	is $? 0 'with its workers'
done

# A reader that has gone is found while the input is silent.
exec 8> >(dl-transform -j 2 '[.]' 2>err | head -n 1 >out; echo "${PIPESTATUS[0]}" >ended)
event 1 1 >&8
soon [ -s out ]
soon [ -s ended ]
is "$(cat ended) $(cat err)" \
	'75 dl-transform: cannot write <stdout>: Broken pipe' \
	'a reader that has gone is found while nothing comes'
exec 8>&-

### workers that die

begin_slow() { # a program that takes its time, over events without end
	mkfifo slow 2>/dev/null
	dl-transform -j 2 'if . == 5 then last(range(2e8)) else [.] end' \
		--max-time 0s <slow >out 2>err &
	filter=$!
	tap_pids+=("$filter")
	exec 9>slow
	soon has_workers "$filter" 2
	(event 1 1; event 2 2) >&9
	soon holds '"id":"2"' out
	(event 3 3; event 5 5; event 6 6; checkpoint 6) >block
	cat block >&9
}
busy() {
	for worker in $(workers "$filter"); do
		[ "$(ticks "$worker")" -gt 15 ] && echo "$worker" && return
	done
	return 1
}
begin_slow
soon busy >/dev/null
victim=$(busy)
kill -9 "$victim"
wait "$filter"
is "$?" 75 'a worker that is killed ends the tool'
is "$(cat err)" \
	'dl-transform: <stdin>:4: a worker was ended by signal 9 (Killed)' \
	'with one line, which says where'
is "$(jq -r .id out | xargs)" '1 2' 'and nothing of its block is written'
exec 9>&-

begin_slow
crew=$(workers "$filter")
kill -9 "$filter"
wait "$filter" 2>/dev/null
for worker in $crew; do
	soon gone "$worker"
	is $? 0 'a worker dies with its parent'
done
exec 9>&-

mkfifo idle.in
dl-transform -j 3 '[.]' <idle.in >out 2>err &
filter=$!
tap_pids+=("$filter")
exec 9>idle.in
soon has_workers "$filter" 3
kill -9 "$(workers "$filter" | cut -d ' ' -f 2)"
wait "$filter"
is "$? $(cat err)" \
	'75 dl-transform: a worker was ended by signal 9 (Killed)' \
	'an idle worker that is killed, too'
exec 9>&-

### programs that do not stop, and that break libjq

event a 1 >one
for n in 1 2; do
	status 65 "-j $n: a program that does not stop" \
		dl-transform -j $n --max-time 100ms 'def r: r; r' <one
	is "$(cat err)" \
		'dl-transform: <stdin>:1: event a: the program ran longer than 100ms' \
		"-j $n: is ended"
	(event 1 1; event 2 2; event 3 3) >three
	rm -f dead
	status 0 "-j $n: or is a dead letter" dl-transform -j $n -d dead \
		--max-time 100ms 'if . == 2 then last(repeat(1)) else [.] end' \
		<three
	is "$(jq -r .id out dead | xargs)" '1 3 2' "-j $n: others pass"
	(event 0 0; event a 1) >two
	status 65 "-j $n: one that cannot be interrupted" dl-transform -j $n \
		--max-time 100ms \
		'if . == 0 then [.] else ("é"*600000)|[match("é";"g")]|length end' \
		<two
	is "$(cat err)" \
		'dl-transform: the program would not stop after 100ms, at event a' \
		"-j $n: ends the tool, which says so once"
	(event a 0; event b 1e18; event c 1) >three
	rm -f dead
	status 0 "-j $n: where libjq fails" dl-transform -j $n -d dead todate \
		<three
	is "$(jq -r .id out dead | xargs)" 'a c b' "-j $n: others pass too"
done

### a slow reader, and memory

mixed 40000 >lots
dl-transform -d dead '{n, k: .k, pad: .pad}' <lots >want
mkfifo reader
dl-transform -j 2 -d dead '{n, k: .k, pad: .pad}' <lots >reader &
filter=$!
tap_pids+=("$filter")
exec 7<reader
sleep 0.5
resident() { # MiB of all its processes, what they share counted each time
	for pid in "$1" $(workers "$1"); do
		cat "/proc/$pid/status"
	done | awk '/^VmRSS:/ { n += $2 } END { print int(n / 1024) }'
}
[ "${FLAVOUR:-plain}" = plain ] && {
	used=$(resident "$filter")
	is "$((used > 0 && used < 64))" 1 \
		"a reader that does not read costs no memory: $used MiB"
}
(dd bs=1000 count=50 status=none; sleep 0.2; cat) <&7 >got
cmp got want
is $? 0 'and has all of it in the end'
wait "$filter"
is $? 0 'with status 0'
exec 7<&-

# Lines of the greatest length, one after the other.
[ "${FLAVOUR:-plain}" = plain ] && {
	line=$(head -c 15000000 /dev/zero | tr '\0' y)
	for i in 1 2 3 4 5 6 7 8 9 10 11 12; do event $i "\"$line\""; done >long
	dl-transform -j 2 'select($event.id == "12")' <long >out &
	filter=$!
	most=0
	while kill -0 "$filter" 2>/dev/null; do
		used=$(resident "$filter" 2>/dev/null)
		[ "${used:-0}" -gt "$most" ] && most=$used
		sleep 0.01
	done
	wait "$filter"
	is "$? $(jq -r .id out)" '0 12' 'long lines'
	is "$((most < 250))" 1 "have a bound: $most MiB"
}

### usage

for n in 65 x -1 99999999999999999999; do
	status 64 "-j $n" dl-transform -j $n . </dev/null
	is "$(wc -l <err)" 1 "-j $n: one line says so"
done
status 64 'dl-extract -j 65' dl-extract -j 65 every.yaml </dev/null
for n in 0 1 2 64; do
	status 0 "-j $n" dl-transform -j $n '[.]' <one
	is "$(jq -c .data out)" '[1]' "-j $n: works"
	status 0 "-j $n: nothing" dl-transform -j $n '[.]' </dev/null
	is "$(cat out)" '' "-j $n: nothing of nothing"
done

done_testing
