#!/usr/bin/env bash
# dl-source from a command's output: its status counts, nothing of it is left
# behind, and a stream's items come at once.
. tests/tap.sh

# spec COMMAND LINE...: a source of a command, as ndjson
spec() {
	{
		printf 'name: s\nurl: >-\n  exec:%s\n' "$1"
		shift
		printf '%s\n' "retries: ${retries:-0}" "$@"
	} >"$T/s.yaml"
}
data() { jq -c 'select(.type == "dl.record") | .data' "$T/out" | paste -sd' '; }
positions() { jq -r 'select(.type == "dl.checkpoint") | .id' "$T/out" | wc -l; }
said() {
	is "$(wc -l <"$T/err")" 1 "$1: one line"
	like "$(cat "$T/err")" "$2" "$1: it says what is wrong"
}
came() { grep -q -- "$1" "$T/out"; }
# It does not run; one that only nobody has waited for does not.
gone() {
	local state
	state=$(sed 's/.*) //; s/ .*//' "/proc/$(cat "$1")/stat" 2>/dev/null)
	[[ $state = [ZX] || -z $state ]]
}
follow() {
	dl-source -f "$T/s.yaml" >"$T/out" 2>"$T/err" &
	follower=$!
	tap_pids+=($!)
}
unfollow() { kill -TERM "$follower" && wait "$follower"; }

## What it prints

spec 'printf "a,b\n1,\"x y\"\n"' 'format: csv'
status 0 'a table' dl-source "$T/s.yaml"
is "$(data)" '{"a":1,"b":"x y"}' '... becomes items'
is "$(jq -r 'select(.type == "dl.record") | .dlorigin' "$T/out")" exec:printf \
	'... whose origin is the program'
is "$(positions)" 2 '... and a position'
spec ':' 'format: ndjson'
status 0 'a command that prints nothing' dl-source "$T/s.yaml"
is "$(data)" '' '... has no items'
spec 'PGPASSWORD=geheim echo "{}" # geheim' 'format: ndjson'
status 0 'a command with a secret in it' dl-source "$T/s.yaml"
is "$(grep -c geheim "$T/out")" 0 '... is not shown'
spec 'echo "{\"a\":1}"; echo geheim >&2; exit 3' 'format: ndjson'
status 75 '... nor where it fails' dl-source "$T/s.yaml"
is "$(cat "$T/err")" 'geheim
dl-source: exec:echo: exited with status 3' '... its errors are its own'
spec 'gzip -c <<E
  {"n":1}

  E' 'format: ndjson'
sed -i 's/^url: .*/url: |/' "$T/s.yaml"
status 0 'a command of several lines, packed' dl-source "$T/s.yaml"
is "$(data)" '{"n":1}' '... is unpacked'
spec 'seq 3000000 | sed "s/.*/{\"n\":&}/"' 'format: ndjson'
status 0 'much' /usr/bin/time -f %M -o "$T/rss" dl-source "$T/s.yaml"
is "$(grep -c dl.record "$T/out")" 3000000 '... is whole'
[ "${FLAVOUR:-plain}" = plain ] &&
	is "$(($(cat "$T/rss") < 32768))" 1 '... in less than 32 MiB'

spec 'head -c 1000 /dev/zero | tr "\0" x; echo' 'format: text' 'limits: {max_bytes: 1000}'
status 65 'more than max_bytes' dl-source "$T/s.yaml"
said 'more than max_bytes' "^dl-source: exec:head: .*1000 bytes.*'max_bytes'"
spec 'echo "{\"a\":"' 'format: json'
status 65 'half a document and status 0' dl-source "$T/s.yaml"
said 'half a document and status 0' '^dl-source: exec:echo: the document ends'
spec ' ' 'format: json'
status 78 'no command' dl-source "$T/s.yaml"
said 'no command' "s.yaml:2: 'url'.*exec:COMMAND"

## What it runs in

# shellcheck disable=SC2016 # it is the command's
spec 'readlink /proc/self/fd/0; echo "$DL_SOURCE"; ls /proc/self/fd | wc -l;
  for s in Ign Blk; do
  echo $((0x$(sed -n s/^Sig$s:.//p /proc/self/status) & 0x7fffffff)); done; ps -o pgid= -p $$ | xargs expr $$ -; :' \
	'format: text'
(trap '' PIPE INT CHLD && DL_SOURCE=other dl-source "$T/s.yaml" 7</dev/null) \
	>"$T/out" 2>"$T/err"
is "$? $(jq -r 'select(.type == "dl.record") | .data.line' "$T/out" | tr -s '\t\n' ' ')" \
	'0 /dev/null s 4 0 0 0 ' \
	'no input, its name, no other descriptor, default signals, a group of its own'

## How it ends

spec 'echo "{\"n\":1}"; sleep 0.2; exit 3' 'format: ndjson'
status 75 'status 3' dl-source "$T/s.yaml"
said 'status 3' '^dl-source: exec:echo: exited with status 3$'
is "$(data) $(positions)" '{"n":1} 1' '... what came is no position'
spec 'kill -9 $$' 'format: ndjson'
status 75 'a signal' dl-source "$T/s.yaml"
said 'a signal' 'exec:kill: ended by signal 9 \(Killed\)'
spec 'nowhere-to-be-found 2>/dev/null' 'format: ndjson'
status 78 'no such program' dl-source "$T/s.yaml"
said 'no such program' 'exec:nowhere-to-be-found: exited with status 127: .*no such command'
: >"$T/plain"
spec "$T/plain 2>/dev/null" 'format: ndjson'
status 78 'a file that is no program' dl-source "$T/s.yaml"
said 'a file that is no program' 'status 126: .*cannot be executed'
retries=1 spec "[ -e $T/twice ] && echo '{}' && exit; echo > $T/twice; exit 1" \
	'format: ndjson'
status 0 'it fails once' dl-source "$T/s.yaml"
is "$(data)" '{}' '... and is run again'
like "$(cat "$T/err")" 'exited with status 1; trying again' '... which is told'

spec "echo \$\$ >$T/pid; trap '' TERM; (trap '' TERM; sh -c 'echo \$PPID' >$T/pid2;
  for n in \$(seq 300); do sleep 0.1; done) & for n in \$(seq 300); do sleep 0.1; done" \
	'format: ndjson' 'timeout: 300ms'
status 75 'a command that does not end, nor heed SIGTERM' timeout 30 dl-source "$T/s.yaml"
said 'a command that does not end' 'exec:echo: not finished after 300 ms'
soon gone "$T/pid2"
is "$(gone "$T/pid" && gone "$T/pid2" && echo gone)" gone '... is gone'
spec "exec >&-; echo \$\$ >$T/pid; sleep 100" 'format: ndjson' 'timeout: 300ms'
status 75 'a command that closes its output and goes on' timeout 30 dl-source "$T/s.yaml"
said 'a command that closes its output' 'exec:exec: closed its output, and goes on'
soon gone "$T/pid"
is "$(gone "$T/pid" && echo gone)" gone '... is ended'
spec "echo \$\$ >$T/pid; sleep 1000" 'format: ndjson' 'every: 1s'
rm "$T/pid"
follow
soon test -s "$T/pid"
unfollow
is "$? $(gone "$T/pid" && echo gone)" '0 gone' 'a stop ends the command'
spec "echo >>$T/runs; echo '{}'" 'format: ndjson' 'every: 1s'
follow
descriptors() { find "/proc/$follower/fd" -type l | wc -l; }
runs() { [ "$(wc -l <"$T/runs")" -ge "$1" ]; }
as_before() { [ "$(descriptors)" = "$before" ]; }
soon runs 1
soon came '"data":{}'
before=$(descriptors)
soon runs 3
soon as_before
is "$(descriptors)" "$before" 'no descriptor is left'
is "$(pgrep -c -r Z -P "$follower")" 0 'nor a zombie'
unfollow

## What it is asked

# shellcheck disable=SC2016 # it is the command's
spec 'for n in 1 2 3; do
  [ $n -gt {cursor} ] && echo "{\"n\":$n,\"after\":{cursor}}"; done; :' \
	'format: ndjson' 'cursor: {value: .n, start: 1}'
status 0 'a command with a cursor' dl-source "$T/s.yaml"
is "$(data)" '{"n":2,"after":1} {"n":3,"after":1}' '... is told where to begin'
grep dl.checkpoint "$T/out" | dl-commit >/dev/null
status 0 '... and again' dl-source "$T/s.yaml"
is "$(data)" '' '... where it has come to'
# shellcheck disable=SC2016 # it is the command's
spec 'echo "{\"n\":\"z\$(id)\"}" "{cursor}" | cut -d" " -f 1' 'format: ndjson' \
	'cursor: {value: .n, start: a}'
rm -rf "$DL_HOME"
status 0 'a cursor that could be a command' dl-source "$T/s.yaml"
grep dl.checkpoint "$T/out" | dl-commit >/dev/null
status 0 '... is not kept' dl-source "$T/s.yaml"
# shellcheck disable=SC2016 # it is the item's
is "$(data)" '{"n":"z$(id)"}' '... and nothing of it is run'
like "$(cat "$T/err")" "'cursor' gives what can't be put into the request" \
	'... which is told'

## Streams

mkfifo "$T/events"
spec "cat $T/events; echo done >$T/done; sleep 1000" 'format: ndjson' 'stream: true' \
	'timeout: 200ms'
follow
exec 7>"$T/events"
printf '{"n":1}\n{"n":' >&7
soon came '"n":1}'
is "$(data)" '{"n":1}' 'an item of a stream comes at once'
sleep 0.3
printf '2}\n' >&7
soon came '"n":2}'
is "$(data)" '{"n":1} {"n":2}' '... the next whenever it comes, without a timeout'
printf '{"n":3}\n{"n":4' >&7
exec 7>&-
soon came '"n":3}'
soon test -e "$T/done"
unfollow
is "$? $(data)" '0 {"n":1} {"n":2} {"n":3}' 'a stop: what is whole has come'
is "$(tail -n 1 "$T/out" | jq -r .type)" dl.checkpoint '... and is a position'
spec 'echo "{\"n\":1}"; exec sleep 1000' 'format: ndjson' 'stream: true' \
	'timeout: 500ms'
status 0 'a stream without -f' timeout 30 dl-source "$T/s.yaml"
is "$(data) $(positions)" '{"n":1} 2' '... is listened to for the timeout'
spec 'echo "{\"n\":1}"; exit 2' 'format: ndjson' 'stream: true'
status 75 'a stream that fails' dl-source "$T/s.yaml"
is "$(data) $(positions)" '{"n":1} 2' '... what came is a position'

# One that is never silent.
spec "yes '{\"a\":1}'" 'format: ndjson' 'stream: true' 'subject: .a' 'only_changed: true'
rm -rf "$DL_HOME"
follow
moved() { [ "$(positions)" -ge 2 ]; }
soon moved
is "$(data) $(positions)" '{"a":1} 2' 'what came of a stream that is never silent is a position'
unfollow
spec 'seq 3000000 | sed "s/.*/{\"t\":&}/"; exec sleep 1000' 'format: ndjson' \
	'stream: true' 'time: .t' 'time_format: s'
# shellcheck disable=SC2016 # for the inner shell
/usr/bin/time -f %M -o "$T/rss" sh -c 'echo $$ >"$1/pid"; exec dl-source -f "$1/s.yaml"' \
	sh "$T" >"$T/out" &
timed=$!
soon came '"t":3000000}'
kill "$(cat "$T/pid")"
wait "$timed"
[ "${FLAVOUR:-plain}" = plain ] &&
	is "$(($(tail -n 1 "$T/rss") < 32768))" 1 'what it has brought is not remembered for ever'

done_testing
