#!/usr/bin/env bash
# dl-stream-put and dl-stream-get: what is put is kept, once, in any crash.
# Retention, room and dl-stream-ls: tests/stream_keep.t.
. tests/tap.sh
. tests/stream.sh

# Segments.

events 1 400 200 >"$T/in"
status 0 'put' dl-stream-put --segment-bytes 16K quakes <"$T/in"
is "$(cat "$T/out" "$T/err")" '' '... prints nothing without checkpoints'
is "$(cat "$S"/*.ndjson | cmp - "$T/in" 2>&1)" '' \
	'the segments, one after the other, are the input'
at=0 wrong=
for f in "$S"/*.ndjson; do
	[ "$f" = "$S/$(printf %020d "$at").ndjson" ] || wrong=$f
	size=$(stat -c %s "$f")
	[ "$size" -le 16384 ] || wrong="$f: $size"
	at=$((at + size))
done
is "$wrong" '' 'each is named by its offset, and no longer than it may be'
is "$(cut -c 1-20 "$S/end")" "$(printf %020d "$(stat -c %s "$T/in")")" \
	'end says where the log ends'
events 401 410 200 >>"$T/in"
tail -n 10 "$T/in" | dl-stream-put --segment-bytes 16K quakes
is "$(cat "$S"/*.ndjson | cmp - "$T/in" 2>&1)" '' 'more comes behind it'
dl-stream-get --read-only quakes >"$T/got"
is "$(cmp "$T/got" "$T/in" 2>&1)" '' 'and all of it is read'
is "$(cat "$S"/*.ndjson | grep -c '"id":"e7"')" 1 'grep finds an event'
is "$(cat "$S"/*.ndjson | wc -l)" 410 'wc counts them'
is "$(zstd -qc "$S"/*.ndjson | zstd -qdc | cmp - "$T/in" 2>&1)" '' \
	'zstd packs them'
mkdir "$T/copy"
cp "$S/end" "$S"/*.ndjson "$T/copy"
is "$(dl-stream-get --read-only "$T/copy" | cmp - "$T/in" 2>&1)" '' \
	'a copy of the end and of the segments is a stream'
status 64 'a segment of 1 KiB' dl-stream-put --segment-bytes 1K quakes
status 64 'sync never' dl-stream-put --sync never quakes
status 65 'what is no event' dl-stream-put quakes <<<'{"a":1}'
big=$(printf '%016777000d' 0)
printf '{"specversion":"1.0","id":"big","source":"s","type":"t","data":"%s"}\n' \
	"$big" >"$T/big"
{ cat "$T/big"; events 1 1; } | dl-stream-put big
is "$(dl-stream-get --read-only big | head -n 1 | cmp - "$T/big" 2>&1)" '' \
	'an event of 16 MiB'

# Writers at once.

for i in 1 2 3 4; do
	events 1 3000 "$((i * 50))" "w$i" |
		dl-stream-put --segment-bytes 64K four &
	tap_pids+=($!)
	pids[i]=$!
done
ok=
for i in 1 2 3 4; do wait "${pids[i]}" && ok+=$i; done
is "$ok" 1234 'four writers at once'
cat "$DL_HOME"/streams/four/*.ndjson >"$T/got"
for i in 1 2 3 4; do events 1 3000 "$((i * 50))" "w$i"; done |
	sort | cmp - <(sort "$T/got") >"$T/diff" 2>&1
is "$(cat "$T/diff")" '' 'each line is there once, and whole'
for i in 1 2 3 4; do
	grep "\"source\":\"w$i\"" "$T/got" |
		cmp - <(events 1 3000 "$((i * 50))" "w$i")
done >"$T/diff" 2>&1
is "$(cat "$T/diff")" '' 'and in order of its writer'

# Exactly once.

{ checkpoint P; events 1 5; checkpoint Q; events 6 8; } >"$T/in"
is "$(dl-stream-put once <"$T/in" | jq -r '.id' | paste -sd,)" P,Q \
	'checkpoints come back'
is "$(ids once)" e1,e2,e3,e4,e5,e6,e7,e8 'all is there'
events 1 2 0 others | dl-stream-put once
{ checkpoint P; events 7 9; events 1 5 | tac; } | dl-stream-put once >"$T/out"
is "$(ids once)" e1,e2,e3,e4,e5,e6,e7,e8,e1,e2,e9 \
	'a repeat stores what is new, in any order'
{ checkpoint Q; events 10 10; checkpoint R; } | dl-stream-put once >"$T/out"
{ checkpoint Q; events 9 10; checkpoint R; } | dl-stream-put once >"$T/out"
is "$(ids once)" e1,e2,e3,e4,e5,e6,e7,e8,e1,e2,e9,e10 \
	'and what an unfinished repeat stored is known to the next'
{ checkpoint P; events 1 1; checkpoint Q; } | dl-stream-put again >"$T/out"
{ checkpoint Q; events 1 1; } | dl-stream-put again >"$T/out"
is "$(ids again)" e1,e1 'what follows a finished run is not of it'

# A run that ends only after the next one has opened the stream.
mkfifo "$T/late"
dl-stream-put late <"$T/late" >"$T/out" & late=$!
tap_pids+=("$late")
exec 7>"$T/late"
soon test -e "$DL_HOME/streams/late/recovered"
{ checkpoint P; events 1 3; } | dl-stream-put late >"$T/first"
{ checkpoint P; events 1 4; } >&7
exec 7>&-
wait "$late"
is "$(ids late)" e1,e2,e3,e4 'what a run stored that ended late is known'

# The same key twice.
mkfifo "$T/f"
dl-stream-put same <"$T/f" >"$T/out1" & one=$!
tap_pids+=("$one")
exec 7>"$T/f"
checkpoint P >&7
soon grep -q '"P"' "$T/out1"
status 75 'the same key twice' dl-stream-put same < <(checkpoint P)
like "$(cat "$T/err")" 'in use by another process' '... is said'

# A writer that lives cuts what one that died has left.
printf '{"specversion":"1.0","id":"half%01000d' 0 \
	>>"$DL_HOME/streams/same/00000000000000000000.ndjson"
{ events 1 2; checkpoint Q; } >&7
soon grep -q '"Q"' "$T/out1"
is "$(cat "$DL_HOME"/streams/same/*.ndjson | jq -r .id | paste -sd,)" e1,e2 \
	'half a line of one that was killed is cut by one that lives'
exec 7>&-
wait "$one"

# Killed at any moment.
log() { cat "$DL_HOME"/streams/killed/*.ndjson 2>/dev/null; }
published() { # what readers may have seen
	[ ! -e "$DL_HOME/streams/killed/end" ] ||
		dl-stream-get --read-only killed
}
events 1 3000 300 >"$T/all"
cut=
for ((i = 0; i < 8; i++)); do
	{ checkpoint P; cat "$T/all"; sleep 1; } |
		dl-stream-put --segment-bytes 256K killed >"$T/out" 2>"$T/err" &
	pid=$!
	tap_pids+=("$pid")
	disown "$pid"
	sleep "0.0$((RANDOM % 10))"
	kill -9 "$pid" 2>/dev/null
	published >"$T/seen.$i"
done
{ checkpoint P; cat "$T/all"; } | dl-stream-put killed >"$T/out"
is "$(log | sort | cmp - <(sort "$T/all") 2>&1)" '' \
	'killed and run again: each event once'
for ((i = 0; i < 8; i++)); do
	log | head -c "$(stat -c %s "$T/seen.$i")" | cmp - "$T/seen.$i" ||
		cut=$i
done >"$T/out" 2>&1
is "$cut" '' 'and what readers had seen is still where it was'

# What a crash leaves at the end.

seg=$(files "$S" ndjson | tail -n 1)
dl-stream-get --read-only quakes >"$T/published"
torn() { # NAME: $T/tail is at the end of the log; $1 events of it are kept
	cp -a "$S" "$T/before"
	cat "$T/tail" >>"$seg"
	is "$(dl-stream-get --read-only quakes | cmp - "$T/published" 2>&1)" '' \
		"$2: not read before it is published"
	dl-stream-put quakes </dev/null 2>"$T/err"
	{ cat "$T/published"; head -n "$1" "$T/tail"; } >"$T/want"
	is "$(cat "$S"/*.ndjson | cmp - "$T/want" 2>&1)" '' \
		"$2: what is whole is kept, and the rest cut"
	is "$(dl-stream-get --read-only quakes | cmp - "$T/want" 2>&1)" '' \
		"$2: and published"
	rm -rf "$S"
	mv "$T/before" "$S"
}
events 1 3 >"$T/tail"
torn 3 'whole lines'
printf '{"specversion":"1.0","id":' >>"$T/tail"
torn 3 'a torn line'
{ events 1 2; head -c 5000 /dev/zero; } >"$T/tail"
torn 2 'zeros'
{ events 1 2; head -c 4096 /dev/zero; echo; events 3 4; } >"$T/tail"
torn 2 'a page of zeros with whole lines behind it'
{ events 1 1; echo '{"a":1}'; events 2 2; } >"$T/tail"
torn 1 'a line that is no event'

cp "$S/end" "$T/end"
rm "$S/end"
status 65 'no end: a reader is told' dl-stream-get --read-only quakes
dl-stream-put quakes </dev/null
is "$(cmp "$S/end" "$T/end" 2>&1)" '' 'no end: a writer finds it'
echo garbage >"$S/end"
dl-stream-put quakes </dev/null
is "$(cmp "$S/end" "$T/end" 2>&1)" '' 'an end that is garbage, too'
events 1 1 | dl-stream-put quakes
cp "$T/end" "$S/end"
dl-stream-put quakes </dev/null
is "$(dl-stream-get --read-only quakes | wc -l)" 411 'an older end: nothing is cut'
cp "$S/end" "$T/end"
size=$(stat -c %s "$seg")
cp "$seg" "$T/seg"
truncate -s -10 "$seg"
status 65 'the log is shorter than was published' dl-stream-put quakes < <(events 1 1)
like "$(cat "$T/err")" 'all before .* was durable' '... is said'
is "$(stat -c %s "$seg") $(cmp "$S/end" "$T/end" 2>&1)" "$((size - 10)) " \
	'... and nothing is touched'
cp "$T/seg" "$seg"
status 0 'restored, it goes on' dl-stream-put quakes </dev/null
mv "$S/00000000000000000000.ndjson" "$T/first"
second=$(files "$S" ndjson | sed -n 2p)
mv "$second" "$T/second"
status 65 'a segment in the middle is missing' dl-stream-put quakes </dev/null
mv "$T/first" "$S/00000000000000000000.ndjson"
mv "$T/second" "$second"

# When acknowledgements come.

both() { [ "$(ids "$1")" = e1,e2 ]; }
for sync in checkpoint interval always; do
	mkfifo "$T/p"
	dl-stream-put --sync $sync "s-$sync" <"$T/p" >"$T/acks" & pid=$!
	tap_pids+=("$pid")
	exec 7>"$T/p"
	rm "$T/p"
	{ checkpoint P; events 1 1; checkpoint Q; } >&7
	began=${EPOCHREALTIME/./}
	soon grep -q '"Q"' "$T/acks"
	ms=$(((${EPOCHREALTIME/./} - began) / 1000))
	is "$((10#$(cut -c 1-20 "$DL_HOME/streams/s-$sync/end")))" \
		"$(stat -c %s "$DL_HOME/streams/s-$sync"/*.ndjson)" \
		"--sync $sync: what is acknowledged is published"
	is "$((ms < 5000))" 1 "--sync $sync: soon"
	[ $sync = interval ] && is "$((ms >= 60))" 1 '... but not at once'
	events 2 2 >&7
	soon both "s-$sync"
	is "$(ids "s-$sync")" e1,e2 "--sync $sync: at idle, too, without a checkpoint"
	exec 7>&-
	wait "$pid"
done

# Room.

# A disk that is full, or, where none can be mounted, a limit on files.
mkdir "$T/mnt"
full=(dl-stream-put -H "$T/mnt" full)
why='No space left'
if mount -t tmpfs -o size=256k none "$T/mnt" 2>/dev/null; then
	first=("${full[@]}")
else
	first=(bash -c 'ulimit -f 200; exec "$@"' - "${full[@]}")
	why='File too large'
fi
{ checkpoint P; events 1 2000 200; checkpoint Q; } >"$T/in"
status 75 'a full disk' "${first[@]}" <"$T/in"
like "$(cat "$T/err")" "$why" '... is said'
is "$(jq -r .id "$T/out")" P '... and nothing acknowledged'
mount -o remount,size=4m "$T/mnt" 2>/dev/null
status 0 'with room it goes on' "${full[@]}" <"$T/in"
is "$(cat "$T"/mnt/streams/full/*.ndjson | jq -r .id | sort | uniq -d |
	wc -l) $(cat "$T"/mnt/streams/full/*.ndjson | wc -l)" '0 2000' \
	'... and each event is there once'
umount "$T/mnt" 2>/dev/null

if [ "${BUILD%san}" = "$BUILD" ]; then
	(
		ulimit -v 150000
		yes "$(events 1 1 8000)" | head -n 25000 | dl-stream-put mem
		dl-stream-get --read-only mem | wc -c
	) >"$T/out" 2>"$T/err"
	is "$(cat "$T/out" "$T/err")" \
		"$((25000 * $(events 1 1 8000 | wc -c)))" \
		'200 MB within 150 MB of address space'
fi

# A stream that is moved away, or removed, while it is written to; and one that
# stands in its place by then.
for how in mv rm; do
	mkfifo "$T/$how"
	dl-stream-put --segment-bytes 4K moved <"$T/$how" >"$T/acks" 2>"$T/err" &
	put=$!
	exec 6>"$T/$how"
	{ checkpoint A; events 1 2; checkpoint B; } >&6
	soon grep -q '"id":"B"' "$T/acks"
	if [ $how = mv ]; then mv "$DL_HOME/streams/moved" "$T/old"; else
		rm -r "$DL_HOME/streams/moved"; fi
	events 8 9 | dl-stream-put moved
	(events 3 90 100; checkpoint C) >&6 2>/dev/null
	exec 6>&-
	wait $put
	is $? 75 "$how: who writes to a stream that is no more is told"
	like "$(cat "$T/err")" 'was moved or removed' '... why'
	is "$(grep -c '"id":"C"' "$T/acks")" 0 '... and nothing is acknowledged'
	is "$(ids moved)" e8,e9 '... and the new one has its own'
done

# One made anew: who has read the old one gets all of it.
events 1 50 | dl-stream-put again
dl-stream-get again c | dl-stream-put "$T/copy" | dl-commit
rm -r "$DL_HOME/streams/again"
events 1 80 | dl-stream-put --segment-bytes 4K --retain-bytes 16K again
is "$(dl-stream-get again c | grep -c '"data"')" 80 \
	'a stream made anew begins behind what was read of the old one'

mkdir "$T/full_of" && : >"$T/full_of/letters"
status 78 'a directory of something else' dl-stream-put "$T/full_of" </dev/null
is "$(ls "$T/full_of")" letters '... is left alone'

# Nobody reads what a pipe's middle and its head have to say.
(checkpoint A; sleep 2) | dl-transform . 2>"$T/err" | head -n 0
is "${PIPESTATUS[1]}" 75 'a filter that waits sees its reader go'
events 1 1 | dl-stream-put quiet
dl-stream-get -f quiet c 2>"$T/err" | head -n 1 >"$T/out"
is "${PIPESTATUS[0]}" 75 'so does a head'

# The same where the output is a socket, as of sshd and inetd.
on_socket() { # COMMAND...: its status when the socket's other end is closed
	perl -MSocket -e '
		socketpair(my $near, my $far, AF_UNIX, SOCK_STREAM, 0) or die;
		my $pid = fork;
		if (!$pid) { close $near; open STDOUT, ">&", $far; exec @ARGV }
		close $far;
		# All of it: what is left unread would be told as an error.
		select undef, undef, undef, 0.3;
		sysread $near, my $all, 65536 or die;
		close $near;
		$SIG{ALRM} = sub { print "hangs\n"; kill 9, $pid; exit };
		alarm 10;
		wait;
		print $? >> 8, "\n"' "$@"
}
is "$(on_socket dl-stream-get -f quiet s 2>"$T/err")" 75 \
	'a head whose socket is closed ends'
is "$( (checkpoint A; sleep 5) | on_socket dl-transform . 2>"$T/err")" 75 \
	'and a filter'

done_testing
