#!/usr/bin/env bash
# dl-lake-read --as-of and -c, and what becomes of parts that were merged: for
# readers, and for a run that is repeated.
. tests/tap.sh

lake=$DL_HOME/lake

events() { # FROM TO
	seq "$1" "$2" | awk '{
		printf "{\"specversion\":\"1.0\",\"id\":\"%d\",\"source\":\"s\"," \
		    "\"type\":\"dl.record\",\"time\":\"2018-02-%02dT00:00:00Z\"," \
		    "\"data\":{\"n\":%d}}\n", $1, 1 + $1 % 2, $1 }'
}
checkpoint() {
	printf '{"specversion":"1.0","id":"%d","source":"%s","type":"%s"}\n' \
	    "$1" "${2:-stream.s.lake}" dl.checkpoint
}
ids() { jq -r .id | sort -n | xargs; }

# merge LAKE PARTITION [ID...]: its parts become one, as dl-lake-tidy does it,
# without the events of these ids, which are duplicates.  The old parts are kept
# in $T/old/PARTITION.
merge() {
	local dir=$lake/$1/$2 manifest=$lake/$1/_dl/manifest.ndjson
	local name part of='' old='' bytes records seen line at
	local -a parts
	mapfile -t parts < <(cd "$dir" && ls)
	name=part-7ZZZZZZZZZZZZZZZZZZZZZ$((RANDOM % 9000 + 1000)).ndjson
	for part in "${parts[@]}"; do
		zstd -dcqf "$dir/$part" >"$T/one"
		for seen in "${@:3}"; do
			grep -v "\"id\":\"$seen\"" "$T/one" >"$T/two"
			mv "$T/two" "$T/one"
		done
		cat "$T/one" >>"$T/$name"
		bytes=$(wc -c <"$T/one") records=$(wc -l <"$T/one")
		at=$(jq -r --arg p "$2/$part" 'select(.part == $p) | .at' "$manifest")
		old+=${old:+,}\"$2/$part\"
		line=$(jq -c --arg p "$2/$part" 'select(.part == $p) | .of | values |
		    .[]' "$manifest" | paste -sd, -)
		[ -n "$line" ] || line=$(printf \
		    '{"part":"%s","at":"%s","records":%d,"bytes":%d}' \
		    "$2/$part" "$at" "$records" "$bytes")
		of+=${of:+,}$line
	done
	record "$1" "$(printf '"part":"%s","records":%d,"bytes":%d,"unpacked":%d,"sha256":"%s","merged":[%s],"of":[%s]' \
	    "$2/$name" "$(wc -l <"$T/$name")" "$(wc -c <"$T/$name")" \
	    "$(wc -c <"$T/$name")" "$(sha256sum <"$T/$name" | cut -c-64)" \
	    "$old" "$of")"
	mkdir -p "$T/old/$2"
	mv "$T/$name" "$dir/"
	for part in "${parts[@]}"; do mv "$dir/$part" "$T/old/$2/"; done
}
record() { # LAKE MEMBERS
	local manifest=$lake/$1/_dl/manifest.ndjson
	printf '{"prev":"%s","at":"%s",%s}\n' \
	    "$(tail -n 1 "$manifest" | tr -d '\n' | sha256sum | cut -c-64)" \
	    "${NOW:-2026-11-10T00:00:00.000Z}" "$2" >>"$manifest"
}

write() { # LAKE FROM TO DAY
	events "$2" "$3" | DL_NOW=2026-11-$4T00:00:00Z \
	    dl-lake-write -P 'dt={time:%Y-%m-%d}' "$1"
}

# No more than so many

write raw 1 10 01
is "$(dl-lake-read -c 3 raw | wc -l)" 3 'three events'
is "$(dl-lake-read -c 3 raw)" "$(dl-lake-read raw | head -n 3)" 'the first ones'
is "$(dl-lake-read -c 7 raw | wc -l)" 7 'out of two parts'
is "$(dl-lake-read --count 11 raw | wc -l)" 10 'no more than there are'
status 0 'none' dl-lake-read -c 0 raw
is "$(cat "$T/out")" '' 'none at all'
is "$(dl-lake-read -c 2 -s 2018-02-02 -w id=5 raw | ids)" 5 'of those asked for'
is "$(dl-lake-read -c 2 -s 2018-02-02 raw | ids)" '1 3' 'which come first'
printf 'no line' >"$lake/raw/dt=2018-02-02/z.ndjson"
status 0 'what is not reached' dl-lake-read -c 10 raw
status 65 'is no fault' dl-lake-read -c 11 raw
rm "$lake/raw/dt=2018-02-02/z.ndjson"

# What was there then

write raw 11 20 02
write raw 21 30 03
all=$(seq 30 | xargs)
check_days() {
	is "$(dl-lake-read --as-of 2026-10-31 raw | ids)" '' "$1: the day before"
	is "$(dl-lake-read --as-of 2026-11-01 raw | ids)" "$(seq 10 | xargs)" \
	    "$1: the first day"
	is "$(dl-lake-read --as-of 2026-11-02T12:00Z raw | ids)" \
	    "$(seq 20 | xargs)" "$1: the second day"
	is "$(dl-lake-read --as-of 2026-11-03 raw | ids)" "$all" "$1: the third"
	is "$(dl-lake-read raw | ids)" "$all" "$1: now"
}
check_days 'as written'
merge raw dt=2018-02-01
check_days 'one partition merged'
merge raw dt=2018-02-02
write raw 31 40 12
all=$(seq 40 | xargs)
is "$(dl-lake-read --as-of 2026-11-02 raw | ids)" "$(seq 20 | xargs)" \
    'what came after it was merged'
is "$(dl-lake-read --as-of 2026-11-12 raw | ids)" "$all" 'is seen later'
NOW=2026-11-13T00:00:00Z merge raw dt=2018-02-01
is "$(dl-lake-read --as-of 2026-11-02 raw | ids)" "$(seq 20 | xargs)" \
    'merged a second time'
is "$(dl-lake-read --as-of 2026-11-03 -w id=29 -s 2018-02-02 raw | ids)" 29 \
    'with other conditions'
is "$(dl-lake-read raw | ids)" "$all" 'and all is there'
status 0 'merged parts are sound' dl-lake-ls --verify raw

# Both there at a time, as on S3: each event once
cp "$T"/old/dt=2018-02-01/* "$lake/raw/dt=2018-02-01/"
is "$(dl-lake-read raw | ids)" "$all" 'beside what it was merged from'
is "$(dl-lake-ls raw | jq -s 'map(.records) | add')" 40 'and counted once'
for part in "$T"/old/dt=2018-02-01/*; do
	rm "$lake/raw/dt=2018-02-01/${part##*/}"
done

# Not known to the manifest
events 50 50 >"$lake/raw/hand.ndjson"
is "$(dl-lake-read --as-of 2026-10-31 raw | ids)" 50 \
    'a part by hand was always there'
mv "$lake/raw/hand.ndjson" "$lake/raw/part-01KVZZZZZZ0000000000000000.ndjson"
is "$(dl-lake-read --as-of 2025-01-01 raw | ids)" '' \
    'a name tells when it was written'
is "$(dl-lake-read --as-of 2027-01-01 raw | ids)" "$all 50" 'and it is there'
rm "$lake"/raw/part-*

# Removed since
write gone 1 10 01
write gone 11 20 05
part=$(cd "$lake/gone" && find dt=2018-02-01 -type f | sort | head -n 1)
record gone "\"gone\":[\"$part\"],\"why\":\"expired\""
rm "$lake/gone/$part"
status 0 'as it was before parts were removed' \
    dl-lake-read --as-of 2026-11-02 gone
is "$(wc -l <"$T/out")" 5 'what is left is read'
like "$(cat "$T/err")" "^dl-lake-read: 1 part that '.*/gone' had then" \
    'and it is said that there was more'
status 0 'later' dl-lake-read --as-of 2026-11-11 gone
is "$(cat "$T/err")" '' 'nothing is'
status 64 'no time' dl-lake-read --as-of soon raw

# A reader that began before parts were merged

write busy 1 2000 01
write busy 2001 4000 02
write busy 4001 6000 03
mkfifo "$T/slow"
dl-lake-read busy >"$T/slow" 2>"$T/slow.err" &
tap_pids+=($!)
exec 7<"$T/slow"
read -r -u 7 line
merge busy dt=2018-02-01
merge busy dt=2018-02-02
is "$({ echo "$line"; cat <&7; } | ids | sha256sum)" \
    "$(seq 6000 | xargs | sha256sum)" 'reads each event once'
exec 7<&-
is "$(cat "$T/slow.err")" '' 'and has nothing to say'

# A run that is repeated after its parts were merged

head_of() { # FROM TO
	checkpoint "$1"
	events "$(($1 + 1))" "$2"
	checkpoint "$2"
}
head_of 0 100 | head -n 101 | dl-lake-write --max-bytes 1K -P all again >/dev/null
is "$(find "$lake/again/all" -type f | wc -l)" 10 'a run that was not acknowledged'
merge again all
head_of 0 100 | dl-lake-write -v -P all again >"$T/out" 2>"$T/err"
is "$(dl-lake-read again | ids)" "$(seq 100 | xargs)" 'stores nothing twice'
is "$(find "$lake/again/all" -type f | wc -l)" 1 'nor any part'
is "$(jq -r .id "$T/out" | tail -n 1)" 100 'and is acknowledged'

head_of 0 50 | head -n 51 | dl-lake-write --max-bytes 1K -P all twice >/dev/null
head_of 0 20 | sed 's/stream.s.lake/stream.s.other/' |
    dl-lake-write -P all twice >/dev/null
merge twice all 3 4 >/dev/null
is "$(dl-lake-read twice | ids | wc -w)" 66 'without duplicates'
head_of 0 50 | dl-lake-write -P all twice >/dev/null
is "$(dl-lake-read twice | wc -l)" 68 'events that were left out come again'

done_testing
