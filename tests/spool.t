#!/usr/bin/env bash
# dl-lake-write to S3: what is published is in the spool until it has landed.
. tests/tap.sh
. tests/servers/radosgw.sh
if ! radosgw_have; then
	echo '1..0 # SKIP radosgw is not installed (make deps TEST=full)'
	exit
fi
radosgw_start '' || exit
radosgw_bucket lakes

events() { # FROM TO
	awk -v from="$1" -v to="$2" 'BEGIN {
		for (i = from; i <= to; i++)
			printf "{\"specversion\":\"1.0\",\"id\":\"e%05d\"," \
			    "\"source\":\"s\",\"type\":\"dl.record\"," \
			    "\"subject\":\"k%d\",\"data\":{\"n\":%d}}\n",
			    i, i % 7, i
	}'
}
checkpoint() { # POSITION [KEY]
	printf '{"specversion":"1.0","id":"%d","source":"%s","type":"%s"}\n' \
	    "$1" "${2:-stream.s.lake}" dl.checkpoint
}
run() { # FROM TO [KEY]: with its checkpoints
	checkpoint "$1" "${3:-}"
	events "$(($1 + 1))" "$2"
	checkpoint "$2" "${3:-}"
}
positions() {
	sed -n 's/^{.*"id":"\([0-9]*\)".*}$/\1/p' "$T/out" | xargs
}
spool() { # NAME: its directory
	echo "$DL_HOME/spool/127.0.0.1%3A$radosgw_port%2Flakes%2F$1"
}
waiting() { # NAME: parts in its outbox
	find "$(spool "$1")/outbox" -type f ! -name '.*' | wc -l
}
left() { # NAME: files of any kind in its outbox
	find "$(spool "$1")/outbox" -mindepth 1 | wc -l
}
times() { # NAME: how often there are how many of an event
	dl-lake-read "s3://lakes/$1" | jq -r .id | sort | uniq -c |
		awk '{ n[$1]++ } END { for (i in n) print i "x" n[i] }' | xargs
}
manifests() { # NAME: all lines, in the order of the objects
	radosgw_list lakes "$1%2F_dl%2Fmanifest%2F" | sed 's/.* //' |
		while read -r key; do
			radosgw_request GET "/lakes/${key//%2F//}"
		done
}
# Is each line chained to the one before?
chained() {
	local last='' line
	while IFS= read -r line; do
		[ "$(jq -r .prev <<<"$line")" = \
		    "$(printf %s "$last" | sha256sum | cut -d' ' -f1)" ] ||
			return
		last=$line
	done
	echo chained
}
head_of() { # NAME/KEY: its headers, in $T/head
	radosgw_request HEAD "/lakes/$(radosgw_escape "$1")" -I >"$T/head"
}
put() { # NAME INPUT [ARG...]
	dl-lake-write -P 'k={subject}' "${@:3}" "s3://lakes/$1" <"$2"
}

# What comes to S3, and what stays here

run 0 500 >"$T/in"
status 0 'written' put a "$T/in"
is "$(positions)" '0 500' '... and acknowledged'
is "$(times a)" 1x500 '... and read'
is "$(left a)" 0 '... and nothing is left in the spool'
is "$(manifests a | chained)" chained 'the manifest is a chain'
is "$(manifests a | jq -r .part | sort)" \
    "$(radosgw_list lakes 'a%2Fk' | sed 's/.* a%2F//; s/%2F/\//; s/%3D/=/' |
        sort)" '... and names each part'
part=$(manifests a | jq -r .part | head -n 1)
head_of "a/$part"
is "$(tr -d '\r' <"$T/head" | grep -i '^x-amz-meta-dl-\|^content-type' |
    tr '[:upper:]' '[:lower:]' | sed 's/sha256: .*/sha256/' | sort)" \
    "content-type: application/zstd
x-amz-meta-dl-records: $(manifests a | jq .records | head -n 1)
x-amz-meta-dl-sha256
x-amz-meta-dl-sources: s" 'parts have their lineage with them'
status 0 'the same again' put a "$T/in"
is "$(times a)" 1x500 '... is stored once'

# S3 is away

radosgw_stop
run 0 200 >"$T/in"
status 75 'an S3 that is away' put away "$T/in" --give-up 1s
like "$(cat "$T/err")" "^dl-lake-write: 7 parts \([0-9.]+ KiB\) wait in \
'$(spool away)', run it again: .*127.0.0.1" '... is told with what waits where'
is "$(positions)" 0 '... and not acknowledged'
is "$(waiting away)" 7 '... and stays here'
status 75 'more of it' put away "$T/in" --give-up 1s
is "$(positions)" '' '... is not stored twice'
is "$(waiting away)" 7 '... and what waits goes on waiting'
status 75 'a spool that is full' put away <(run 0 9 other) --give-up 1s \
    --spool-max 1K
# Somebody holds what is there, as if it were another process that sends it.
radosgw_again
box=$(echo "$(spool away)"/outbox/*/)
exec 7<"$box"
flock 7
{
	cat "$T/in"
	until [ -e "$T/let-go" ]; do sleep 0.05; done
} 7<&- | dl-lake-write -P 'k={subject}' s3://lakes/away \
    >"$T/out" 2>"$T/err" 7<&- &
writer=$!
tap_pids+=("$writer")
soon test -s "$(spool away)/journal/stream.s.lake"
sleep 0.2
is "$(positions)" '' 'a part that another process has to send is waited for'
exec 7<&-
soon grep -q '"200"' "$T/out"
is "$(positions)" '200' '... and is taken over when it has died'
: >"$T/let-go"
wait "$writer"
is "$?" 0 '... and then all is well'
is "$(times away)" 1x200 '... each event once'
is "$(left away)" 0 '... and nothing is left'

# Killed, with parts of another key: a run without events sends what there is.
radosgw_stop
wait_for_parts() { # NAME N
	[ "$(waiting "$1" 2>/dev/null)" = "$2" ]
}
mkfifo "$T/fifo"
dl-lake-write -P 'k={subject}' --max-age 0s s3://lakes/killed \
    <"$T/fifo" >"$T/out" &
writer=$!
disown "$writer"
exec 8>"$T/fifo"
run 0 50 >&8
soon wait_for_parts killed 7
kill -9 "$writer"
exec 8>&-
radosgw_again
status 0 'a run without events' put killed /dev/null
is "$(left killed)" 0 '... sends what a dead one left'
is "$(times killed)" 1x50 '... which is read'

# A disk that is full is one on which room is waited for

mkdir "$T/mnt"
if mount -t tmpfs -o size=6m none "$T/mnt" 2>/dev/null; then
	home=$DL_HOME
	export DL_HOME=$T/mnt
	radosgw_stop
	run 0 30000 >"$T/much"
	status 75 'a disk that fills while S3 is away' put full "$T/much" \
	    -z none --max-bytes 100K --give-up 4s
	full=$(waiting full)
	[ "$full" -gt 0 ]
	is $? 0 "... has parts ($full)"
	like "$(cat "$T/err")" "waits? in .*Failed to connect" \
	    '... is told as what it is'
	status 75 'the next run' put full <(run 0 30000 other) -z none \
	    --max-bytes 100K --give-up 4s
	like "$(cat "$T/err")" "^dl-lake-write: $full parts? .*Failed to connect" \
	    '... does not end before S3 could make room'
	radosgw_again
	status 0 'with S3' put full "$T/much" -z none --max-bytes 100K
	is "$(times full)" 1x30000 '... all is stored, once'
	is "$(left full)" 0 '... and nothing is left'
	umount "$T/mnt"
	export DL_HOME=$home
fi

# Two at a time

pids=()
for key in a b c d; do
	run 0 1000 "$key" | sed "s/\"e/\"$key/" |
		dl-lake-write -P 'k={subject}' --max-bytes 4K s3://lakes/many \
		    >"$T/out.$key" 2>"$T/err.$key" &
	pids+=("$!")
done
wait "${pids[@]}"
is "$(cat "$T"/err.?)" '' 'four writers at a time'
is "$(cat "$T"/out.? | jq -r '.source + .id' | sort | xargs)" \
    'a0 a1000 b0 b1000 c0 c1000 d0 d1000' '... are acknowledged'
is "$(times many)" 1x4000 '... and have stored each event once'
is "$(manifests many | chained)" chained '... and the manifest is a chain'
is "$(manifests many | jq -r .part | sort | uniq -d)" '' \
    '... that names each part once'
is "$(left many)" 0 '... and the spool is empty'

# Keys that S3 does not take

x=$(printf 'x%.0s' {1..190})
{
	run 0 3
	for n in 100 250; do
		jq -nc --arg x "$x" --arg y "${x::n - 60}" '{specversion: "1.0",
		    id: "long\($y | length)", source: "s", type: "t",
		    data: {a: $x, b: $x, c: $x, d: $x, e: $y}}'
	done
	checkpoint 5
} >"$T/long"
status 0 'a key that is too long' dl-lake-write -d "$T/dead" \
    -P 'a={data.a}/b={data.b}/c={data.c}/d={data.d}/e={data.e}' \
    s3://lakes/long <"$T/long"
like "$(jq -r '.data | .code + ": " + .error' "$T/dead")" \
    "^partition: the partition 'a=x.*' has 964 bytes; in s3://lakes/long" \
    '... is a dead letter'
is "$(dl-lake-read s3://lakes/long | jq -r .id | sort | xargs)" \
    'e00001 e00002 e00003 long40' '... and in nobody'"'"'s way'
is "$(left long)" 0 '... and nothing is left'

# What is wrong

status 78 'no such bucket' dl-lake-write s3://nowhere/x <"$T/in"
is "$(find "$DL_HOME"/spool/*nowhere* -type f)" '' '... keeps nothing here'
AWS_SECRET_ACCESS_KEY=wrong status 77 'a wrong secret' put a "$T/in"
status 64 'no bucket' dl-lake-write s3:// <"$T/in"
status 64 'a style that is none' put a "$T/in" --style other
status 64 'a tag that is none' put a "$T/in" --tag x
status 75 'no lake to read' dl-lake-read s3://lakes/nowhere
like "$(cat "$T/err")" "no lake at 's3://lakes/nowhere'" '... is told'
like "$(dl-lake-read ftp://x/y 2>&1)" 'no storage for' 'another URL'

# Options

status 0 'options of S3' put options "$T/in" --endpoint "$AWS_ENDPOINT_URL" \
    --region us-east-1 --style path --sse aws:kms --sse-key-id testkey \
    --tag team=lake --tag 'a b=c&d' --storage-class STANDARD
part=$(manifests options | jq -r .part | head -n 1)
head_of "options/$part"
like "$(cat "$T/head")" 'server-side-encryption: aws:kms' '... encrypt there'
like "$(radosgw_request GET "/lakes/options/$(radosgw_escape "$part")?tagging=")" \
    '<Key>a b</Key><Value>c&amp;d</Value>' '... and tag'
is "$(times options)" 1x200 '... and it is read'

done_testing
