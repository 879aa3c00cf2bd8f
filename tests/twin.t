#!/bin/bash
# dl-twin-put and dl-twin-get: a join, durable, followed, full, damaged.
. tests/tap.sh

# obs COMPONENT TIME ID DATA
obs() {
	printf '{"specversion":"1.0","id":"%s","source":"s","type":"dl.observation","subject":"%s","time":"%s","data":%s}\n' \
	    "$3" "$1" "$2" "$4"
}

checkpoint() {
	printf '{"specversion":"1.0","id":"%s","source":"source.x","type":"dl.checkpoint"}\n' "$1"
}

# Observations FROM to TO, each of a component of its own, with a checkpoint
# after every TENTH.
numbered() {
	awk -v from="$1" -v to="$2" -v every="${3:-0}" 'BEGIN {
		for (i = from; i <= to; i++) {
			printf "{\"specversion\":\"1.0\",\"id\":\"i%d\",\"source\":\"s\",\"type\":\"dl.observation\",\"subject\":\"c%06d\",\"time\":\"2018-02-07T01:26:13Z\",\"data\":{\"n\":%d,\"text\":\"%0100d\"}}\n", i, i, i, i
			if (every && i % every == 0)
				printf "{\"specversion\":\"1.0\",\"id\":\"%d\",\"source\":\"source.x\",\"type\":\"dl.checkpoint\"}\n", i
		}
	}'
}

# What is put is there.

status 75 "no twin yet" dl-twin-get
like "$(cat "$T/err")" "there is no twin in '.*/home/twin' yet" "... is said"
is "$(ls "$DL_HOME" 2>/dev/null)" "" "... and none is made"

# A twin that is a path needs no home.
obs loco-1 2018-02-07T01:26:13Z i1 '{"speed":1,"oil":2}' >"$T/obs"
homeless() { env -u DL_HOME -u HOME -u XDG_DATA_HOME "$@"; }
status 0 "no home, but a path: put" homeless dl-twin-put -v -t "$T/path" <"$T/obs"
is "$(cat "$T/err")" "dl-twin-put: 1 in, 1 out, 0 dropped, 0 dead" \
    "what is put is counted"
status 0 "no home, but a path: get" homeless dl-twin-get -t "$T/path" loco-1 oil
status 64 "no home, and a name" homeless dl-twin-get
like "$(cat "$T/err")" "there is no home: set DL_HOME or give -H" "... is said"

# Nothing to show is told to a person, and left to the status in a script.
on_terminal() {
	local status
	script -qec "$*" "$T/typescript" </dev/null >"$T/screen"
	status=$?
	tr -d '\r' <"$T/screen"
	return $status
}
if on_terminal true 2>/dev/null; then
	is "$(on_terminal dl-twin-get -t "$T/path" loco)" \
	    "dl-twin-get: there is no such record (--prefix takes a name's beginning)" \
	    "no such record, on a terminal"
	is "$(on_terminal dl-twin-get -q -t "$T/path" loco)" "" \
	    "... is not told with -q"
else
	tap ok "no such record, on a terminal # SKIP no pseudo-terminals here"
fi
status 1 "no such record, in a script" dl-twin-get -t "$T/path" loco
is "$(cat "$T/out" "$T/err")" "" "... is the status alone"

obs loco-1 2018-02-07T01:26:13.840Z i1 '{"speed":2.0,"big":13911860366432393}' >"$T/in"
obs wagon-7 2018-02-07T02:26:13+01:00 i2 '{"note":"a\u0022b"}' >>"$T/in"
status 0 "put" dl-twin-put <"$T/in"
is "$(cat "$T/out")" "" "... prints nothing into a pipe"
status 0 "get a metric" dl-twin-get loco-1 speed
is "$(cat "$T/out")" '{"component":"loco-1","metric":"speed","value":2.0,"time":"2018-02-07T01:26:13.840Z","source":"s","id":"i1"}' \
    "a record's bytes"
is "$(dl-twin-get | cut -d, -f1-3)" '{"component":"loco-1","metric":"big","value":13911860366432393
{"component":"loco-1","metric":"speed","value":2.0
{"component":"wagon-7","metric":"note","value":"a\u0022b"' "the whole list"
is "$(dl-twin-get loco-1 | wc -l)" 2 "a component"
status 1 "an absent metric" dl-twin-get loco-1 nothing
is "$(cat "$T/out$T/err" 2>/dev/null)" "" "... says nothing"
status 1 "an absent component" dl-twin-get loco
is "$(dl-twin-get --prefix lo | wc -l)" 2 "a prefix"
is "$(dl-twin-get --prefix '' note | wc -l)" 1 "a metric of all components"
is "$(dl-twin-get --count)" 3 "the count"
is "$(dl-twin-get --count loco-1)" 2 "the count of a component"
status 1 "the count of nothing" dl-twin-get --count x
is "$(cat "$T/out")" 0 "... is 0"
status 64 "--json --table" dl-twin-get --json --table
status 64 "--follow --count" dl-twin-get -f --count
dl-twin-put -t "$T/other" <"$T/in"
is "$(dl-twin-get -t "$T/other" | wc -l)" 3 "a twin at a path"
dl-twin-put -t second <"$T/in"
is "$(ls "$DL_HOME/second")" "data.mdb
lock.mdb" "a twin by name is in home"
status 75 "a full disk under the output" \
    sh -c 'dl-twin-get >/dev/full'

# Age.

export DL_NOW=2018-02-07T01:27:13Z
status 0 "young enough" dl-twin-get -m 1m loco-1 speed
status 1 "too old" dl-twin-get -m 59s loco-1 speed
is "$(dl-twin-get -m 59500ms | wc -l)" 2 "only the young are listed"
status 1 "none is young" dl-twin-get -m 1s
is "$(dl-twin-get --count -m 1m)" 3 "the young are counted"
unset DL_NOW

# Any order, any repetition.

for i in {1..300}; do
	obs "c$((i * 7919 % 5))" "2018-02-07T01:00:0$((i * 31 % 10))Z" \
	    "i$((i * 17 % 4))" "{\"m\":$((i * 13 % 3)),\"n$((i % 2))\":1}"
done >"$T/events"
dl-twin-put -t "$T/a" <"$T/events"
for seed in 1 2 3; do
	{
		shuf --random-source=<(yes $seed) "$T/events"
		shuf --random-source=<(yes x$seed) "$T/events"
	} >"$T/shuffled"
	rm -rf "$T/b"
	split -n l/$seed "$T/shuffled" "$T/part."
	for part in "$T"/part.*; do
		dl-twin-put -t "$T/b" <"$part"
	done
	rm "$T"/part.*
	is "$(dl-twin-get -t "$T/b")" "$(dl-twin-get -t "$T/a")" \
	    "shuffled ($seed), twice, in $seed parts: the same twin"
done

# Bad events.

obs x 2018-02-07T01:26:13Z bad '{"a":1,"b\u0007":2}' >"$T/bad"
status 65 "a bad event ends it" dl-twin-put <"$T/bad"
like "$(cat "$T/err")" "<stdin>:1: event bad: .*control" "... and is named"
obs x 2018-02-07T01:26:13Z good '{"a":1}' >>"$T/bad"
obs y 2018-02-07T01:26:13Z r '{"a":1}' | sed s/dl.observation/dl.record/ \
    >"$T/record"
cat "$T/record" >>"$T/bad"
status 0 "dead letters" dl-twin-put -d "$T/dead" <"$T/bad"
is "$(grep -c '"code":"observation"' "$T/dead")" 2 "... hold the bad ones"
is "$(dl-twin-get x | cut -d, -f2)" '"metric":"a"' "the good one is put alone"
status 65 "a dl.record" dl-twin-put <"$T/record"
like "$(cat "$T/err")" "dl-extract" "... is told where to go"
obs z 2099-01-01T00:00:00Z f '{"a":1}' >"$T/future"
status 65 "a time in the future" dl-twin-put <"$T/future"
status 0 "... is a dead letter" dl-twin-put -d "$T/dead.future" <"$T/future"
is "$(grep -c '"code":"future"' "$T/dead.future")" 1 "... with its own code"
status 1 "... and isn't put" dl-twin-get z
status 0 "unless it is allowed" dl-twin-put --max-future 99999d <"$T/future"
status 0 "... then it is" dl-twin-get z a
status 65 "a torn line" dl-twin-put < <(obs t 2018-02-07T01:26:13Z t '{"a":1}' |
    head -c 100)
status 1 "... is not put" dl-twin-get t
status 0 "nothing at all" dl-twin-put </dev/null

# Verdicts and checkpoints.

{
	checkpoint 0
	obs v 2018-02-07T01:00:02Z b '{"m":1}'
	checkpoint 1
	obs v 2018-02-07T01:00:01Z a '{"m":0}'
	obs v 2018-02-07T01:00:03Z c '{"m":1}'
	obs v 2099-02-07T01:00:03Z f '{"m":1}'
	checkpoint 2
	obs v 2018-02-07T01:00:03Z c '{"m":1}'
} >"$T/verdicts"
dl-twin-put --verdicts -d "$T/dead.verdicts" <"$T/verdicts" >"$T/out"
is "$(sed 's/.*"id":"\([^"]*\)".*"verdict":"\(.*\)"}/\1 \2/; s/.*"id":"\([^"]*\)".*dl.checkpoint.*/checkpoint \1/' "$T/out" |
    paste -sd,)" \
    "checkpoint 0,b applied,checkpoint 1,f future,c unchanged,a stale,checkpoint 2,c duplicate" \
    "verdicts, with the checkpoints in their order"
is "$(sed -n 2p "$T/out")" \
    '{"component":"v","metric":"m","time":"2018-02-07T01:00:02Z","id":"b","verdict":"applied"}' \
    "a verdict's bytes"
dl-twin-put <"$T/verdicts" >"$T/out" -d "$T/dead.verdicts"
is "$(wc -l <"$T/out")" 3 "checkpoints alone without --verdicts"

# A table.

obs 'ev\u202eil' 2018-02-07T01:26:13Z e \
    "$(printf '{"long":"%0200d","\303\251":"\177\302\233[31m"}' 0)" |
    dl-twin-put -t "$T/table"
is "$(DL_NOW=2018-02-07T01:28:13Z COLUMNS=64 dl-twin-get -t "$T/table" --table)" \
'COMPONENT  METRIC  VALUE       TIME                  AGE  SOURCE
ev?il      long    "00000000…  2018-02-07T01:26:13Z  2m   s
ev?il      é       "??[31m"    2018-02-07T01:26:13Z  2m   s' \
    "a table is cut to the terminal, and harmless"
is "$(DL_NOW=2018-02-07T01:28:13Z COLUMNS=20 dl-twin-get -t "$T/table" --table |
    LC_ALL=C.UTF-8 wc -L)" 20 "... however narrow"

# Following.

dl-twin-put -t "$T/follow" <"$T/in"
: >"$T/followed"
dl-twin-get -t "$T/follow" -f loco-1 >"$T/followed" &
tap_pids+=($!)
follower=$!
lines() { [ "$(wc -l <"$T/followed")" -ge "$1" ]; }
soon lines 2
is "$(wc -l <"$T/followed")" 2 "-f prints what is there"
obs loco-1 2018-02-08T00:00:00Z i3 '{"speed":3}' | dl-twin-put -t "$T/follow"
obs wagon-7 2018-02-08T00:00:00Z i3 '{"note":4}' | dl-twin-put -t "$T/follow"
obs loco-1 2018-02-08T00:00:01Z i4 '{"big":5}' | dl-twin-put -t "$T/follow"
soon lines 4
is "$(tail -n +3 "$T/followed" | cut -d, -f1-3)" \
    '{"component":"loco-1","metric":"speed","value":3
{"component":"loco-1","metric":"big","value":5' "... then what changes"
kill -0 $follower
is $? 0 "... for ever"
kill $follower
wait $follower 2>/dev/null

{ timeout 20 dl-twin-get -t "$T/follow" -f; echo $? >"$T/ended"; } |
    head -n 1 >/dev/null &
soon test -s "$T/ended"
is "$(cat "$T/ended" 2>/dev/null)" 0 "it ends when its output is closed, though nothing changes"

# A trickle is visible at once.

mkfifo "$T/fifo"
dl-twin-put -t "$T/follow" <"$T/fifo" &
tap_pids+=($!)
exec 3>"$T/fifo"
obs trickle 2018-02-08T00:00:00Z i3 '{"speed":3}' >&3
soon dl-twin-get -t "$T/follow" trickle >/dev/null
is $? 0 "idle input is committed"
exec 3>&-
wait $!

# The map grows while others read.

dl-twin-put -t "$T/grow" <"$T/in"
dl-twin-get -t "$T/grow" -f --prefix c >"$T/followed" &
tap_pids+=($!)
follower=$!
numbered 1 100000 1000 | dl-twin-put -t "$T/grow" >"$T/acks"
like "$(stat -c %s "$T/grow/data.mdb")" '^[0-9]{8}' "a twin of more than 10 MB"
is "$(tail -n 1 "$T/acks" | grep -c '"id":"100000"')" 1 "... all acknowledged"
soon lines 200000
is "$(sort -u "$T/followed" | wc -l)" 200000 "a follower saw all of it"
is "$(dl-twin-get -t "$T/grow" | wc -l)" 200003 "and so does a list"
kill $follower
wait $follower 2>/dev/null

# kill -9: what was acknowledged is there.

missing=0 acked=0
for round in {1..20}; do
	# That many at a time, a checkpoint after every 20.
	numbered $((round * 100000)) $((round * 100000 + 20000)) 20 >"$T/load"
	: >"$T/acks"
	dl-twin-put -t "$T/killed" <"$T/load" >"$T/acks" &
	pid=$!
	sleep "0.0$((10 + RANDOM % 90))"
	kill -9 $pid 2>/dev/null
	wait $pid 2>/dev/null
	last=$(grep '}$' "$T/acks" | tail -n 1 |
	    sed 's/.*"id":"\([0-9]*\)".*/\1/')
	[ -z "$last" ] && continue
	want=$((last - round * 100000 + 1))
	got=$(dl-twin-get -t "$T/killed" --prefix "" n |
	    awk -F'[,:]' -v from=$((round * 100000)) -v to="$last" \
	        '$6 >= from && $6 <= to' | wc -l)
	acked=$((acked + want))
	missing=$((missing + want - got))
done
is $missing 0 "20 times killed: nothing acknowledged is missing"
like $acked '^[1-9][0-9]{2,}' "... of $acked"
numbered 1 100 | dl-twin-put -t "$T/killed"
is "$(dl-twin-get -t "$T/killed" c000100 n | wc -l)" 1 "... and it goes on"

# No space left.

numbered 1 30000 1000 >"$T/load"
full() {
	(
		trap '' XFSZ
		ulimit -f 4096
		dl-twin-put -t "$T/full" <"$T/load"
	)
}
status 75 "a file that may not grow" full
like "$(cat "$T/err")" "cannot write to twin '.*/full': Input/output error, or no more space" "... says so"
last=$(tail -n 1 "$T/out" | sed 's/.*"id":"\([0-9]*\)".*/\1/')
like "$last" '^[1-9][0-9]*000$' "... after some was acknowledged ($last)"
is "$(dl-twin-get -t "$T/full" --prefix "" n |
    awk -F'[,:]' -v to="$last" '$6 <= to' | wc -l)" "$last" \
    "... all of which is there"
status 0 "with space again" dl-twin-put -t "$T/full" <"$T/load"
is "$(dl-twin-get -t "$T/full" --count)" 60000 "... it is all put"

mkdir "$T/mnt"
if mount -t tmpfs -o size=2m none "$T/mnt" 2>/dev/null; then
	status 75 "a full disk" dl-twin-put -t "$T/mnt/twin" <"$T/load"
	like "$(cat "$T/err")" "No space left on device" "... is said"
	status 0 "... and read" dl-twin-get -t "$T/mnt/twin" --count
	mount -o remount,size=64m "$T/mnt"
	status 0 "... and gets space" dl-twin-put -t "$T/mnt/twin" <"$T/load"
	is "$(dl-twin-get -t "$T/mnt/twin" --count)" 60000 "... for all"
	umount "$T/mnt"
fi

# Files that are not a twin's.

mkdir "$T/foreign"
head -c 100000 /dev/zero | tr '\0' x >"$T/foreign/data.mdb"
status 65 "a foreign data.mdb is not written to" dl-twin-put -t "$T/foreign" <"$T/in"
like "$(cat "$T/err")" "damaged, or not a twin" "... and said to be"
status 65 "nor read" dl-twin-get -t "$T/foreign"
cp -r "$T/full" "$T/cut"
truncate -s 100000 "$T/cut/data.mdb"
status 65 "a data.mdb that was cut short" dl-twin-get -t "$T/cut"
like "$(cat "$T/err")" "cut short" "... is told"
status 65 "... nor is it written to" dl-twin-put -t "$T/cut" <"$T/in"
cp -r "$T/full" "$T/torn"
yes damaged | head -c 400000 |
    dd of="$T/torn/data.mdb" bs=8192 seek=1 conv=notrunc status=none
status 65 "pages of something else" dl-twin-get -t "$T/torn"
like "$(cat "$T/err")" "damaged" "... are told"
status 65 "... nor are they written to" dl-twin-put -t "$T/torn" <"$T/in"
cp -r "$T/full" "$T/sizeless"
for at in 40 "$(($(getconf PAGESIZE) + 40))"; do # the size of a page, in both of LMDB's meta pages
	head -c 4 /dev/zero |
	    dd of="$T/sizeless/data.mdb" bs=1 seek=$at conv=notrunc status=none
done
status 65 "pages of no size" dl-twin-get -t "$T/sizeless"
like "$(cat "$T/err")" "damaged" "... are told"
status 65 "... nor are they written to" dl-twin-put -t "$T/sizeless" <"$T/in"
dl-twin-put -t "$T/later" <"$T/in"
# Version, number of the change, form, then the seconds of a day in 2018.
LC_ALL=C sed -i 's/\x02\(..\x0e\xd3\)/\x09\1/g' "$T/later/data.mdb"
status 65 "a record of a later version" dl-twin-get -t "$T/later" loco-1
like "$(cat "$T/err")" "version 9.* version 2" "... is told"
obs loco-1 2018-02-08T00:00:00Z i3 '{"speed":3}' >"$T/newer"
status 65 "... and not overwritten" dl-twin-put -t "$T/later" <"$T/newer"
touch "$T/file"
status 78 "a file in the place of the directory" dl-twin-put -t "$T/file" <"$T/in"

# New keys all over the tree: LMDB keeps each page that changes in memory until
# the commit, which must come in time.  (Sanitizers need memory of their own.)
if [ "${FLAVOUR:-plain}" = plain ]; then
	awk 'BEGIN { for (i = 0; i < 100000; i++)
		printf "{\"specversion\":\"1.0\",\"id\":\"e%d\"," \
		    "\"source\":\"s\",\"type\":\"dl.observation\"," \
		    "\"subject\":\"c%d\",\"time\":\"2018-02-07T00:00:00Z\"," \
		    "\"data\":{\"a\":1,\"b\":2,\"c\":3,\"d\":4}}\n",
		    i, i * 7919 % 100000
	}' >"$T/scattered"
	for i in 1 2; do
		# shellcheck disable=SC2016 # the inner shell expands it
		status 0 "400,000 scattered keys in 64 MiB of memory, $i" \
		    bash -c 'ulimit -d 65536; exec dl-twin-put -t "$1"' - \
		    "$T/scattered.twin" <"$T/scattered"
	done
	is "$(dl-twin-get -t "$T/scattered.twin" --count)" 400000 "... are there"
fi

done_testing
