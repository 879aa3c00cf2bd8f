#!/usr/bin/env bash
# dl-lake-write and dl-lake-read, on a directory or, with DL_LAKE_ON=s3, on S3.
. tests/tap.sh
. tests/lake.sh
lake_start

# events FROM TO: numbered events, ten minutes from one to the next.
events() {
	awk -v from="$1" -v to="$2" 'BEGIN {
		for (i = from; i <= to; i++)
			printf "{\"specversion\":\"1.0\",\"id\":\"e%05d\"," \
			    "\"source\":\"s\",\"type\":\"dl.record\"," \
			    "\"subject\":\"k%d\"," \
			    "\"time\":\"2018-02-%02dT%02d:%02d:00Z\"," \
			    "\"data\":{\"n\":%d,\"x\":2.0,\"t\":\"\\u00e9\"}}\n",
			    i, i % 7, 1 + i / 144 % 28, i / 6 % 24,
			    i % 6 * 10, i
	}'
}

# head_of FROM TO EVERY: the same with checkpoints, as the head of a pipe.
checkpoint() {
	printf '{"specversion":"1.0","id":"%d","source":"%s","type":"%s"}\n' \
	    "$1" "${2:-stream.s.lake}" dl.checkpoint
}
head_of() {
	local i=$1 n
	checkpoint "$i"
	while [ "$i" -lt "$2" ]; do
		n=$((i + $3 < $2 ? i + $3 : $2))
		events "$((i + 1))" "$n"
		checkpoint "$n"
		i=$n
	done
}

# The position of the last whole acknowledgement in a file, or what it was.
acked() {
	local p
	p=$(sed -n 's/^{.*"id":"\([0-9]*\)".*}$/\1/p' "$1" | tail -n 1)
	echo "${p:-$2}"
}

stored_ids() {
	dl-lake-read "$at$1" | jq -r .id | sort
}

want_ids() {
	events "$1" "$2" | jq -r .id | sort
}

events 1 1000 >"$T/in"

# Round trips

for codec in zstd gzip none zstd:1 gzip:9; do
	to=c-${codec/:/-}
	status 0 "written with $codec" dl-lake-write -z "$codec" "$at$to" <"$T/in"
	is "$(cat "$T/out" "$T/err")" "" "and nothing is said with $codec"
	is "$(dl-lake-read "$at$to" | sort | cmp - <(sort "$T/in") 2>&1)" \
	    "" "$codec gives the same bytes"
done
is "$(lake_with_parts c-zstd zstd -dc | sort | cmp - <(sort "$T/in"))" \
    "" "zstd sees plain NDJSON"
is "$(lake_with_parts c-gzip gzip -dc | sort | cmp - <(sort "$T/in"))" \
    "" "gzip sees plain NDJSON"
is "$(lake_with_parts c-none cat | sort | cmp - <(sort "$T/in"))" \
    "" "cat sees plain NDJSON"
is "$(lake_parts c-zstd | sed 's/part-[0-9A-Z]\{26\}/part-ULID/' | head -n 2)" \
    "source=s/dt=2018-02-01/hour=00/part-ULID.ndjson.zst
source=s/dt=2018-02-01/hour=01/part-ULID.ndjson.zst" \
    "parts lie in Hive partitions"
is "$(lake_half c-zstd)" "" "nothing is left in staging"
is "$(find "$(lake_journal c-zstd '')" 2>/dev/null)" "" \
    "no journal without checkpoints"

status 0 "flat" dl-lake-write --layout flat -P 'k={subject}' -z none "${at}flat" \
    <"$T/in"
is "$(cat "$(lake_look flat)"/k=k1/part-* | head -n 1)" \
    '{"_id":"e00001","_source":"s","_subject":"k1","_time":"2018-02-01T00:10:00Z","n":1,"x":2.0,"t":"\u00e9"}' \
    "a flat line keeps the data's bytes"
is "$(dl-lake-read "${at}flat" | sort | cmp - <(sort "$T/in") 2>&1)" "" \
    "flat lines are events again"
is "$(dl-lake-read -w subject=k1 "${at}flat" | wc -l)" \
    "$(dl-lake-read -w k=k1 "${at}flat" | wc -l)" "a flat lake is filtered by attribute"

ev() { # ev REST-OF-MEMBERS
	printf '{"specversion":"1.0","id":"1","source":"s","type":"t",%s}\n' "$1"
}
{
	ev '"data":[1, 2]'
	ev '"data":"x"'
	ev '"extra":1'
	ev '"data":{}'
	ev '"data":{"\u005fid":1}'
	ev '"data":{"_time":1}'
	ev '"data":{"_other":1}'
} >"$T/odd"
status 0 "odd data, flat" dl-lake-write --layout flat -P all -z none \
    -d "$T/dead" "${at}odd" <"$T/odd"
is "$(cat "$(lake_look odd)"/all/*)" '{"_id":"1","_source":"s","value":[1, 2]}
{"_id":"1","_source":"s","value":"x"}
{"_id":"1","_source":"s"}
{"_id":"1","_source":"s"}
{"_id":"1","_source":"s","_other":1}' "what is no object is a value"
is "$(jq -r .data.code "$T/dead" | xargs)" "layout layout" \
    "a reserved name is a dead letter"
status 65 "a reserved name without -d" dl-lake-write --layout flat "${at}odd2" \
    <"$T/odd"
like "$(cat "$T/err")" "'_id'" "and it is named"
is "$(lake_parts odd2)" "" "and nothing is published"
is "$(lake_half odd2)" "" "and nothing is left staged"

# Partitions

{
	for v in '"../.."' '"/"' '".."' '""' 'null' '"\u0000"' '1.50' 'true' \
	    '"a b/c=d%"' '"\u00e9"' '"_x"' \
	    "\"$(printf 'x%.0s' {1..300})\"" '[1]' '{"a":1}' '"\ud800"'; do
		ev "\"data\":{\"v\":$v}"
	done
	ev '"data":{}'
	ev '"data":3'
	ev '"nodata":3'
} >"$T/hostile"
status 0 "hostile values" dl-lake-write -P 'v={data.v}' -d "$T/dead2" "${at}hostile" \
    <"$T/hostile"
is "$(lake_parts hostile | sed "s|/part-.*||" | sort)" \
"v=%00
v=%2F
v=%C3%A9
v=..
v=..%2F..
v=1.50
v=__HIVE_DEFAULT_PARTITION__
v=_x
v=a%20b%2Fc%3Dd%25
v=true" "they stay inside their component"
is "$(dl-lake-read "${at}hostile" | wc -l)" 14 "all that have a name are there"
is "$(jq -r '.data | .code + ": " + .error' "$T/dead2")" \
"partition: a partition's value is longer than 200 bytes: 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...'
partition: partition {data.v}: expected a string, a number, true, false or null
partition: partition {data.v}: expected a string, a number, true, false or null
partition: partition {data.v}: not a valid string" "the others are dead letters"
is "$(dl-lake-read -w 'v=a b/c=d%' "${at}hostile" | jq -c .data.v)" '"a b/c=d%"' \
    "--where compares decoded values"
is "$(ev '"time":"yesterday"' | dl-lake-write -d "$T/dead3" "${at}t";
    jq -r .data.code "$T/dead3")" partition "a time that is none"
is "$(ev '"data":1' | dl-lake-write "${at}t"; lake_parts t |
    sed "s|/part.*||")" \
    "source=s/dt=__HIVE_DEFAULT_PARTITION__/hour=__HIVE_DEFAULT_PARTITION__" \
    "an event without time"

for t in '' / a/ /a a//b ../a a/../b _a=1 .a '{source}' 'a={source' 'a={x}' \
    'a={time:%Q}' 'a={time:}' 'a={time:%}' 'a={time:%Y/%m}' 'a={data.}' \
    'a={data.x..y}' 'a=' '=b' 'a=1/a=2' 'a=x y' 'dt={source}' \
    'hour={time:%M}' 'a={source}}'; do
	status 64 "template '$t'" dl-lake-write -P "$t" "${at}bad" </dev/null
	like "$(cat "$T/err")" "at byte [0-9]+" "says where '$t' is wrong"
done
is "$([ -e "$(lake_look bad)" ] && ls -A "$(lake_look bad)")$([ -e "$(lake_state bad)" ] &&
    echo there)" "" "and makes no lake"

# Least recently used parts are finished first.
awk 'BEGIN { for (r = 0; r < 3; r++) for (i = 0; i < 200; i++)
	printf "{\"specversion\":\"1.0\",\"id\":\"%d.%d\",\"source\":\"s%d\"," \
	    "\"type\":\"t\"}\n", r, i, i }' >"$T/many"
status 0 "200 partitions, 4 of them open" dl-lake-write --max-open 4 \
    -P 's={source}' "${at}lru" <"$T/many"
is "$(dl-lake-read "${at}lru" | sort | cmp - <(sort "$T/many") 2>&1)" "" \
    "all events are there"
is "$(lake_parts lru | wc -l)" 600 "each visit made a part"
awk 'BEGIN { for (i = 0; i < 300; i++)
	printf "{\"specversion\":\"1.0\",\"id\":\"%d\",\"source\":\"s%d\"," \
	    "\"type\":\"t\"}\n", i, i % 3 ? 0 : i }' >"$T/hot"
status 0 "a partition that is used stays open" dl-lake-write --max-open 2 \
    -P 's={source}' "${at}hot" <"$T/hot"
is "$(lake_parts hot | grep -c ^s=s0/)" 1 "its events are one part"

status 0 "small parts" dl-lake-write --max-bytes 4K -P all=1 "${at}small" <"$T/in"
is "$(lake_manifest small | jq -s 'all(.[]; .unpacked >= 4096 or .last == "2018-02-07T22:40:00Z") and
    all(.[]; .unpacked < 4096 + 200) and length > 30')" true "parts end at --max-bytes"

# The manifest

summed() { # NAME [OPTION...]: against what the manifest says
	lake_manifest "$1" | jq -r '.sha256 + "  " + .part' |
	    (cd "$(lake_look "$1")" && sha256sum -c --quiet "${@:2}" 2>&1)
}
is "$(summed c-zstd)" "" "each part's SHA-256"
is "$(lake_manifest c-zstd | jq -r .part | sort)" \
    "$(lake_parts c-zstd)" "all parts are named"
dl-lake-write "${at}c-zstd" <"$T/in"
lake_manifest c-zstd >"$T/manifest"
prev=$(tail -n 1 "$T/manifest" | tr -d '\n' | sha256sum | cut -d' ' -f1)
is "$(perl -MDigest::SHA=sha256_hex -ne 'BEGIN { $prev = sha256_hex("") }
    chomp; /^\{"prev":"$prev",/ or print "line $.\n"; $prev = sha256_hex($_)' \
    "$T/manifest")" "" "the chain of its entries holds"
is "$(jq -s 'map(.records) | add' "$T/manifest")" 2000 "records"
is "$(jq -r 'select(.part | startswith("source=s/dt=2018-02-01/hour=00")) |
    [.records, .bytes, .first, .last, (.sources | tostring)] | join(" ")' \
    "$T/manifest" | head -n 1)" \
    "5 $(lake_with_parts c-zstd stat -c %s | head -n 1) 2018-02-01T00:10:00Z 2018-02-01T00:50:00Z [\"s\"]" \
    "counts, bytes and times"
[ "$lake_on" = s3 ] ||
	printf '{"prev":"torn' >>"$(lake_look c-zstd)/_dl/manifest.ndjson"
status 0 "after a torn line" dl-lake-write "${at}c-zstd" <<<"$(ev '"data":1')"
is "$(lake_manifest c-zstd | tail -n 1 | jq -r .prev)" "$prev" "the chain goes on"

# Reading

is "$(dl-lake-read --since 2018-02-02 --until 2018-02-03T00:20:00+00:00 "${at}c-gzip" |
    jq -r .time | sort | sed -n '1p;$p')" "2018-02-02T00:00:00Z
2018-02-03T00:10:00Z" "since is inclusive, until exclusive"
is "$(dl-lake-read --since 2018-02-02T05:30:00Z --until 2018-02-02T05:40:00Z \
    "${at}c-gzip" | jq -r .time)" "2018-02-02T05:30:00Z" "within an hour"
is "$(dl-lake-read -w subject=k3 -w dt=2018-02-02 "${at}c-none" | jq -r .subject |
    sort | uniq -c | xargs)" "20 k3" "an attribute and a partition"
status 64 "a condition without a value" dl-lake-read "${at}c-none" -w colour
is "$(cat "$T/err")" "dl-lake-read: --where: expected KEY=VALUE, not 'colour' \
('dl-lake-read --help' lists the options)" "... is told in one line"
status 64 "a key that nothing has" dl-lake-read -w colour=red "${at}c-none"
like "$(cat "$T/err")" "'colour'" "is named"
status 75 "no lake" dl-lake-read "${at}nowhere"
like "$(cat "$T/err")" "no lake at" "says so"
for t in yesterday 2018-13-01 2018-02-07T; do
	status 64 "--since $t" dl-lake-read -s "$t" "${at}c-none"
done

lake_copy c-zstd corrupt
bad=$(lake_parts corrupt | grep -m 1 ^source=s/dt=2018-02-03/hour=04)
good=$(lake_look c-zstd)/$bad
cp "$good" "$T/bad"
printf 'XXXX' | dd of="$T/bad" bs=1 seek=20 conv=notrunc status=none
lake_put "$T/bad" corrupt "$bad"
status 65 "a corrupt part" dl-lake-read "${at}corrupt"
like "$(cat "$T/err")" "hour=04/part-.*corrupt at byte [0-9]+" "is named"
is "$(dl-lake-read -u 2018-02-03 "${at}corrupt" | wc -l)" \
    "$(dl-lake-read -u 2018-02-03 "${at}c-zstd" | wc -l)" \
    "what --until prunes is not opened"
is "$(dl-lake-read -s 2018-02-03T05:00:00Z "${at}corrupt" | wc -l)" \
    "$(dl-lake-read -s 2018-02-03T05:00:00Z "${at}c-zstd" | wc -l)" \
    "what --since prunes is not opened"
status 0 "what --where prunes is not opened" dl-lake-read -w hour=05 "${at}corrupt"
for n in 60 30 10 1 0; do
	head -c "$n" "$good" >"$T/bad"
	lake_put "$T/bad" corrupt "$bad"
	status 65 "a part cut off at $n bytes" dl-lake-read "${at}corrupt"
	like "$(cat "$T/err")" "truncated" "says so at $n"
done
lake_drop corrupt "$bad"
printf '{"specversion":"1.0"' >"$T/bad"
lake_put "$T/bad" corrupt "${bad%.zst}"
status 65 "a torn line" dl-lake-read "${at}corrupt"
like "$(cat "$T/err")" "torn" "says so"
lake_drop corrupt "${bad%.zst}"
echo broken >"$T/bad"
for f in _hidden/a.ndjson.zst .hidden/a.ndjson.gz README; do
	lake_put "$T/bad" corrupt "$f"
done
[ "$lake_on" = s3 ] || ln -s / "$DL_HOME/lake/corrupt/dt=root"
status 0 "what is hidden, a link or no part is passed over" \
    dl-lake-read "${at}corrupt"
mapfile -t gz < <(lake_parts c-gzip)
one=$(lake_look c-gzip)/${gz[0]} two=$(lake_look c-gzip)/${gz[1]}
cat "$one" "$two" >"$T/joined"
lake_put "$T/joined" joined a=1/x.ndjson.gz
is "$(dl-lake-read "${at}joined" | cmp - <(cat "$one" "$two" | gzip -dc) 2>&1)" "" \
    "several members in one file"
printf trailing >>"$T/joined"
lake_put "$T/joined" joined a=1/x.ndjson.gz
status 65 "something after the last member" dl-lake-read "${at}joined"
is "$(dl-lake-read "${at}c-none" | head -n 1 | wc -l)" 1 "a reader that leaves early"
# shellcheck disable=SC2016 # bash expands it
status 75 "a full output" bash -c 'dl-lake-read "${at}c-none" >/dev/full'

# A checkpoint that somebody put into a lake must not get into a pipe.
for line in "$(checkpoint 9)" "$(checkpoint 9 | sed 's/dl\.ch/dl\\u002ech/')"; do
	{ events 1 1; printf '%s\n' "$line"; } >"$T/forged"
	lake_put "$T/forged" forged part-x.ndjson
	for args in '' '-s 2018-01-01' '-w source=s'; do
		# shellcheck disable=SC2086 # words
		status 65 "a forged checkpoint${args:+, }$args" \
		    dl-lake-read $args "${at}forged"
		is "$(cat "$T/err")" "dl-lake-read: part-x.ndjson:2: a \
checkpoint, which no lake stores" "... is told"
	done
done

# Lines are looked at in blocks: what is looked for may lie across the end of one
# (1 MiB of a file, or of what zstd gives), and a line may be longer than it.
pad() { # BYTES: one event of so many, with its newline
	local head='{"specversion":"1.0","id":"p","source":"s","type":"t","data":"'
	printf '%s%*s"}\n' "$head" $(($1 - ${#head} - 3)) '' | tr ' ' x
}
pack_as() { # EXTENSION FILE
	case $1 in
	.zst) zstd -qc "$2" ;;
	.gz) gzip -1c "$2" ;;
	*) cat "$2" ;;
	esac
}
backs='1 20 57 65 70 80 110'
[ "$lake_on" = s3 ] && backs='1 65' # it takes its time, and is the same
hidden=$(checkpoint 9 | sed 's/dl\.ch/dl\\u002ech/')
flat='{"_id":"1","_source":"s","n":1}'
lake_drop forged part-x.ndjson
for line in "$(checkpoint 9)" "$hidden"; do
	for back in $backs; do
		for end in $((1 << 20)) $((2 << 20)) $((1 << 17)); do
			{
				pad 200
				pad $((end - back - 200))
				printf '%s\n' "$line"
				events 1 20000
			} >"$T/forged"
			for ext in '' .zst .gz; do
				[ -z "$ext" ] || [ $end -gt $((1 << 19)) ] || continue
				part=part-x.ndjson$ext
				pack_as "$ext" "$T/forged" >"$T/packed"
				lake_put "$T/packed" forged "$part"
				dl-lake-read "${at}forged" >"$T/out" 2>"$T/err"
				echo "$? $(cat "$T/err") $(wc -c <"$T/out")"
				lake_drop forged "$part"
			done
		done
	done
done | sed 's/ndjson[.a-z]*:/ndjson:/' | sort | uniq -c | sort -k 9n >"$T/got"
is "$(sed 's/^ *[0-9]* //; s/ [0-9]*$//' "$T/got" | sort -u)" \
    "65 dl-lake-read: part-x.ndjson:3: a checkpoint, which no lake stores" \
    "a checkpoint across the end of a block is told, with its line"
is "$(awk '{ print $NF }' "$T/got" | sort -n | xargs)" \
    "$(for end in $((1 << 17)) $((1 << 20)) $((2 << 20)); do
	for back in $backs; do echo $((end - back)); done
    done | sort -n | xargs)" "... and what came before it is printed"
{
	pad $(((1 << 20) - 3))
	printf '%s\n' "$flat" "$(events 1 1)" "$flat"
	pad 3000000
	printf '%s\n' "$flat"
} >"$T/forged"
lake_put "$T/forged" forged part-x.ndjson
{
	pad $(((1 << 20) - 3))
	ev '"data":{"n":1}' | sed 's/"t"/"dl.record"/'
	events 1 1
	ev '"data":{"n":1}' | sed 's/"t"/"dl.record"/'
	pad 3000000
	ev '"data":{"n":1}' | sed 's/"t"/"dl.record"/'
} >"$T/want"
is "$(dl-lake-read "${at}forged" | cmp - "$T/want" 2>&1)" "" \
    "flat lines among others, at the end of a block too"
lake_drop forged part-x.ndjson
pack_as .zst "$T/forged" >"$T/packed"
lake_put "$T/packed" forged part-x.ndjson.zst
is "$(dl-lake-read "${at}forged" | cmp - "$T/want" 2>&1)" "" "... and packed"
lake_drop forged part-x.ndjson.zst
for ext in '' .zst .gz; do
	part=part-x.ndjson$ext
	{ pad $((1 << 20)); pad 5000; } | head -c -1 >"$T/forged"
	pack_as "$ext" "$T/forged" >"$T/packed"
	lake_put "$T/packed" forged "$part"
	status 65 "a part${ext:+, $ext,} without its last newline" \
	    dl-lake-read "${at}forged"
	like "$(cat "$T/err")" "torn" "... is told"
	is "$(cmp "$T/out" <(pad $((1 << 20))) 2>&1)" "" \
	    "... and what came before it is printed"
	lake_drop forged "$part"
done

# Input that cannot be stored

status 65 "a torn line of input" dl-lake-write "${at}torn" < <(printf '{"specver')
is "$(lake_parts torn)" "" "stores nothing"
status 64 "--max-open 0" dl-lake-write --max-open 0 "${at}x" </dev/null
status 64 "--max-open 1001" dl-lake-write --max-open 1001 "${at}x" </dev/null
status 64 "--max-bytes 0" dl-lake-write --max-bytes 0 "${at}x" </dev/null
status 64 "codec" dl-lake-write -z lzma "${at}x" </dev/null
status 64 "level" dl-lake-write -z zstd:99 "${at}x" </dev/null
status 64 "layout" dl-lake-write --layout round "${at}x" </dev/null
status 65 "two keys" dl-lake-write "${at}x" < <(checkpoint 1; checkpoint 1 stream.b.c)
like "$(cat "$T/err")" "two sources" "are refused"
status 65 "a key that would leave the journal" dl-lake-write "${at}x" \
    < <(checkpoint 1 ../../x)

# Checkpoints

head_of 0 100 10 | dl-lake-write "${at}cp" >"$T/acks"
is "$(jq -r '.type + " " + .source + " " + .id' "$T/acks" | tail -n 1)" \
    "dl.checkpoint stream.s.lake 100" "the last checkpoint is acknowledged"
is "$(wc -l <"$T/acks")" 2 "those between are held back"
head_of 100 200 10 | dl-lake-write --max-age 0s "${at}cp" >"$T/acks"
# Far away several may land at once.
published=$(jq -r .id "$T/acks" | xargs)
[ "$lake_on" = s3 ] && published=$(lake_manifest cp |
    jq -r '.positions[1] // empty' | sort -u | xargs)
is "$published" "100 110 120 130 140 150 160 170 180 190 200" \
    "--max-age 0s publishes at each"
mkfifo "$T/idle"
dl-lake-write --max-age 200ms "${at}cp" <"$T/idle" >"$T/acks2" &
tap_pids+=($!)
exec 9>"$T/idle"
head_of 200 210 10 >&9
for _ in {1..100}; do
	[ "$(acked "$T/acks2" 0)" = 210 ] && break
	sleep 0.05
done
is "$(acked "$T/acks2" 0)" 210 "--max-age publishes while the input is idle"
exec 9>&-
wait "${tap_pids[0]}"
tap_pids=()
is "$(stored_ids cp)" "$(want_ids 1 210)" "each event once"
is "$(lake_manifest cp | jq -s 'map(.positions | select(.[1] == "100")) | length > 0')" true "the manifest has the positions"

is "$(head_of 0 50 7 | dl-lake-write "${at}again" | wc -l)" 2 "a run"
for i in 1 2 3; do
	is "$(head_of 0 $((50 + i)) $((3 + i)) | dl-lake-write "${at}again" | tail -n 1 |
	    jq -r .id)" $((50 + i)) "repeat $i, never committed"
done
is "$(stored_ids again)" "$(want_ids 1 53)" "stores nothing twice"
dl-lake-write "${at}again" >/dev/null < <(head_of 53 60 5)
is "$(stored_ids again)" "$(want_ids 1 60)" "and goes on"
is "$(wc -l <"$(lake_journal again stream.s.lake)")" 1 \
    "lines before the position are dropped"
head_of 0 50 7 | dl-lake-write --layout flat "${at}fl" >/dev/null
head_of 0 60 9 | dl-lake-write "${at}fl" >/dev/null
is "$(stored_ids fl)" "$(want_ids 1 60)" "the same with flat lines"

# A repeat that is cut short, at a checkpoint: the run that goes on from there
# must still know what the first one stored beyond it.
head_of 0 100 10 | dl-lake-write "${at}cut" >/dev/null
head_of 0 21 7 | dl-lake-write "${at}cut" >/dev/null
head_of 21 100 10 | dl-lake-write "${at}cut" >/dev/null
is "$(stored_ids cut | cmp - <(want_ids 1 100) 2>&1)" "" \
    "a repeat that ends early forgets nothing"

# An item is gone when the run is repeated, and comes back after positions have
# moved on; what the journal says does not grow with them.
head_of 0 100 10 | dl-lake-write "${at}gap" >/dev/null
{ checkpoint 0; events 2 30; checkpoint 40; checkpoint 50; } |
    dl-lake-write "${at}gap" >/dev/null
{ checkpoint 50; events 101 105; checkpoint 60; events 106 110; } |
    dl-lake-write --max-age 0s "${at}gap" >/dev/null
{ checkpoint 60; events 106 110; events 1 1; events 31 100; checkpoint 70; } |
    dl-lake-write "${at}gap" >/dev/null
is "$(stored_ids gap | cmp - <(want_ids 1 110) 2>&1)" "" \
    "an event that comes back is known"
for i in 80 90 100; do
	{ checkpoint $((i - 10)); events $((i + 31)) $((i + 40)); checkpoint "$i"; } |
	    dl-lake-write "${at}gap" >/dev/null
done
is "$(stored_ids gap | cmp - <(want_ids 1 140) 2>&1)" "" "and the run goes on"
is "$(wc -l <"$(lake_journal gap stream.s.lake)")" 2 \
    "with the base, and the line of this run"

# The head of the pipe dies: what came after its last checkpoint comes again.
head_of 0 100 10 | head -n 38 | dl-lake-write "${at}dies" >"$T/acks"
is "$(acked "$T/acks" none)" 30 "the last checkpoint before the head died"
head_of 30 100 7 | dl-lake-write "${at}dies" >/dev/null
is "$(stored_ids dies | cmp - <(want_ids 1 100) 2>&1)" "" "each event once"

mkfifo "$T/hold"
rm "$T/acks"
dl-lake-write "${at}again" <"$T/hold" >"$T/acks" &
tap_pids+=($!)
exec 9>"$T/hold"
checkpoint 60 >&9
for _ in {1..100}; do
	[ -s "$T/acks" ] && break
	sleep 0.05
done
status 75 "a second writer of the same lake and key" dl-lake-write "${at}again" \
    < <(head_of 60 70 5)
like "$(cat "$T/err")" "in use" "says so"
status 0 "a second writer with another key" dl-lake-write "${at}again" \
    < <(checkpoint 1 stream.other.lake; events 61 61)
exec 9>&-
wait "${tap_pids[0]}"
is $? 0 "the first one ends well"
tap_pids=()

# A full output, a full disk

# shellcheck disable=SC2016 # bash expands it
status 75 "acknowledgements to a full disk" bash -c \
    'dl-lake-write "${at}full" >/dev/full' < <(head_of 0 100 10)
# shellcheck disable=SC2016 # sh expands it
status 75 "acknowledgements to nobody" bash -c 'set -o pipefail
    { echo "$1"; sleep 0.2; echo "$2"; } | dl-lake-write "${at}full" | true' sh \
    "$(checkpoint 0)" "$(checkpoint 1)"
head_of 0 100 10 | dl-lake-write "${at}full" >/dev/null
is "$(stored_ids full)" "$(want_ids 1 100)" "and the next run repairs it"

limited() {
	(
		trap '' XFSZ
		ulimit -f "$1"
		shift
		"$@"
	)
}
head_of 0 20000 500 >"$T/big"
status 75 "a file system that takes no more" limited 64 dl-lake-write \
    -z none -P all=1 "${at}efbig" <"$T/big"
is "$(lake_parts efbig)$(lake_half efbig)" "" \
    "nothing is published, nothing is left"
is "$(acked "$T/out" none)" 0 "only the start is acknowledged"
dl-lake-write -P all=1 "${at}efbig" <"$T/big" >/dev/null
is "$(stored_ids efbig | cmp - <(want_ids 1 20000) 2>&1)" "" \
    "and the next run stores all"
# On S3 what is full is the spool, for as long as S3 is slow: tests/fault/s3.t.
mkdir "$T/mnt"
if [ "$lake_on" = disk ] &&
	mount -t tmpfs -o size=512k none "$T/mnt" 2>/dev/null; then
	status 75 "a full tmpfs" dl-lake-write -z none --max-bytes 100K -P all=1 \
	    "$T/mnt/lake" <"$T/big"
	safe=$(acked "$T/out" none)
	is "$(dl-lake-read "$T/mnt/lake" | jq -r .id | sort | head -n "$safe" |
	    cmp - <(want_ids 1 "$safe") 2>&1)" "" \
	    "acknowledges only what is there ($safe)"
	is "$(ls "$T/mnt/lake/_dl/staging")" "" "leaves nothing staged"
	mount -o remount,size=64m "$T/mnt"
	dl-lake-write -z none --max-bytes 100K -P all=1 "$T/mnt/lake" \
	    <"$T/big" >"$T/acks"
	is "$(acked "$T/acks" none)" 20000 "and with more room goes on"
	is "$(dl-lake-read "$T/mnt/lake" | jq -r .id | sort |
	    cmp - <(want_ids 1 20000) 2>&1)" "" "each event once"
	umount "$T/mnt"
fi

# Killed at any moment, and with acknowledgements that get lost: every event
# is in exactly one part in the end, and none that was acknowledged is missing.

RANDOM=${DL_TEST_SEED:-$$}
note "seed ${DL_TEST_SEED:-$$}"
position=0
killed=0
missing=0
for _ in {1..25}; do
	every=$((RANDOM % 60 + 5))
	age=$((RANDOM % 3 * 4))
	dl-lake-write --max-age ${age}ms --max-open 3 --max-bytes 6K "${at}kill" \
	    < <(head_of "$position" 3000 "$every" | head -n $((RANDOM % 2000))) \
	    >"$T/acks" 2>"$T/err" &
	pid=$!
	sleep "0.$(printf %03d $((RANDOM % 150)))"
	kill -9 "$pid" 2>/dev/null && killed=$((killed + 1))
	wait "$pid" 2>/dev/null
	[ -s "$T/err" ] && note "$(cat "$T/err")"
	safe=$(acked "$T/acks" "$position")
	n=$(dl-lake-read "${at}kill" 2>/dev/null | jq -r .id | sort -u |
	    awk -v n="e$(printf %05d "$safe")" '$0 <= n' | wc -l)
	[ "$n" = "$safe" ] || missing=$((missing + 1))
	[ $((RANDOM % 3)) = 0 ] || position=$safe
done
note "killed $killed times, at $position"
is "$missing" 0 "what was acknowledged is there"
like "$killed" '^([5-9]|1[0-9]|2[0-9])$' "the writer was killed many times"
status 0 "then a whole run" dl-lake-write "${at}kill" < <(head_of "$position" 3000 50)
is "$(acked "$T/out" none)" 3000 "acknowledges the end"
is "$(stored_ids kill | cmp - <(want_ids 1 3000) 2>&1)" "" \
    "each event is in exactly one part"
is "$(lake_half kill)" "" "what the dead staged is gone"
is "$(summed kill --ignore-missing)" "" \
    "the manifest is true of every part that is there"

# Packing in threads: 24 MB that do not pack well, in five partitions.

base64 -w 300 <(head -c 18000000 /dev/urandom) | awk '{
	printf "{\"specversion\":\"1.0\",\"id\":\"%d\",\"source\":\"s%d\"," \
	    "\"type\":\"t\",\"data\":\"%s\"}\n", NR, NR % 11 % 5, $0 }' >"$T/noise"
sums() { # LAKE: of each part, without its own name
	lake_parts "$1" | sed 's|/part-[^/]*$||' |
		paste - <(lake_with_parts "$1" sha256sum | cut -d ' ' -f 1) | sort
}
for codec in zstd none; do
	for j in 1 2 4; do
		status 0 "$codec, -j $j" dl-lake-write -j $j -z $codec \
		    -P 's={source}' --max-bytes 3M "${at}j-$codec-$j" <"$T/noise"
		[ $j = 1 ] || is "$(sums "j-$codec-$j")" "$(sums "j-$codec-1")" \
		    "the same parts, byte by byte, as with -j 1"
	done
done
is "$(dl-lake-read "${at}j-zstd-4" | sort | cmp - <(sort "$T/noise") 2>&1)" "" \
    "and all events are there"
is "$(summed j-zstd-4)" "" \
    "the manifest is true of them"
status 0 "44 partitions, 8 of them open, -j 4" dl-lake-write -j 4 \
    --max-open 8 -P 's={source}/i={data.i}' "${at}j-many" \
    < <(awk '{ sub(/"data":"/, "\"data\":{\"i\":" int(NR / 150) % 44 ",\"x\":\"");
	sub(/}$/, "}}"); print }' "$T/noise" | head -n 20000)
is "$(dl-lake-read "${at}j-many" | jq -r .id | sort -n | cmp - <(seq 20000) 2>&1)" "" \
    "all events are there, each once"
if [ "${FLAVOUR:-plain}" = plain ]; then
	/usr/bin/time -o "$T/rss" -f %M dl-lake-write -j 4 -P 's={source}' "${at}j-rss" \
	    <"$T/noise"
	is "$(($(tail -n 1 "$T/rss") < 65536))" 1 \
	    "in less than 64 MiB ($(tail -n 1 "$T/rss") KiB)"
fi
{ checkpoint 0; cat "$T/noise"; checkpoint 60000; } >"$T/noisy"
for j in 1 4; do
	status 75 "a write that fails in a thread, -j $j" limited 1500 \
	    dl-lake-write -j $j -P 's={source}' "${at}j-full" <"$T/noisy"
	like "$(cat "$T/err")" "^dl-lake-write: cannot write .*: File too large$" \
	    "... is told in one line"
	is "$(lake_parts j-full)$(lake_half j-full)" "" \
	    "... nothing is published, nothing is left"
	is "$(acked "$T/out" none)" 0 "... only the start is acknowledged"
done
for wait in 0.02 0.1 0.3; do
	dl-lake-write -j 4 -z zstd:9 -P 's={source}' --max-bytes 2M "${at}j-killed" \
	    <"$T/noisy" >"$T/acks" 2>"$T/err" &
	pid=$!
	begun() { [ -n "$(lake_begun j-killed)" ]; }
	soon begun
	sleep $wait
	kill -9 $pid 2>/dev/null
	wait $pid 2>/dev/null
	is $? 137 "killed while threads pack, after $wait s"
done
status 0 "then a whole run" dl-lake-write -j 4 -P 's={source}' "${at}j-killed" \
    <"$T/noisy"
is "$(acked "$T/out" none)" 60000 "acknowledges the end"
is "$(dl-lake-read "${at}j-killed" | sort | cmp - <(sort "$T/noise") 2>&1)" "" \
    "each event is there once"
is "$(lake_half j-killed)" "" "what the dead staged is gone"
[ "$lake_on" = s3 ] || rm -r "$DL_HOME/lake"/j-*
for n in -1 17 x; do
	status 64 "-j $n" dl-lake-write -j "$n" "${at}x" </dev/null
done

# A lake that is a path needs no home.
homeless() { env -u DL_HOME -u HOME -u XDG_DATA_HOME "$@"; }
status 0 "no home, but a path: write" \
    homeless dl-lake-write -v "$T/path" < <(events 1 5)
is "$(cat "$T/err")" "dl-lake-write: 5 in, 5 out, 0 dropped, 0 dead" \
    "what is stored is counted"
status 0 "no home, but a path: read" homeless dl-lake-read "$T/path"
is "$(wc -l <"$T/out")" 5 "... all of it"
status 64 "no home, and a name" homeless dl-lake-read path
{ checkpoint 0; events 1 5; } >"$T/again"
status 0 "a run that is not committed" dl-lake-write "${at}again" <"$T/again"
status 0 "is repeated" dl-lake-write -v "${at}again" <"$T/again"
is "$(cat "$T/err")" "dl-lake-write: 5 in, 0 out, 5 dropped, 0 dead" \
    "what was stored before is counted as passed over"

done_testing
