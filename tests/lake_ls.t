#!/usr/bin/env bash
# dl-lake-ls: what is there, and whether it is what was written.
. tests/tap.sh

lake=$DL_HOME/lake

events() { # FROM TO: a day has ten
	seq "$1" "$2" | awk '{
		printf "{\"specversion\":\"1.0\",\"id\":\"%d\",\"source\":\"s\"," \
		    "\"type\":\"dl.record\",\"time\":\"2018-02-%02dT00:00:0%dZ\"," \
		    "\"data\":{\"n\":%d}}\n", $1, 1 + $1 / 10, $1 % 10, $1 }'
}
part() { # LAKE N: its path in the lake
	(cd "$lake/$1" && find . -name 'part-*' | sort | sed -n "$2s|^./||p")
}
ls_json() { dl-lake-ls "$@" | jq -c "$jq"; }

status 0 'no lake at all' dl-lake-ls
is "$(cat "$T/out" "$T/err")" '' 'is nothing'
status 75 'a lake that is not there' dl-lake-ls nothing
like "$(cat "$T/err")" 'there is no lake' 'is a failure'

events 0 29 | DL_NOW=2026-11-01T00:00:00Z dl-lake-write \
    -P 'source={source}/dt={time:%Y-%m-%d}' -z none raw
events 0 9 | DL_NOW=2026-11-01T00:00:00Z dl-lake-write -P all clean

# Lakes, partitions, parts

jq='[.lake, .partitions, .parts, .records, .unknown, .unpacked, .first, .last]'
is "$(ls_json)" '["clean",1,1,10,0,1080,"2018-02-01T00:00:00Z","2018-02-01T00:00:09Z"]
["raw",3,3,30,0,3280,"2018-02-01T00:00:00Z","2018-02-03T00:00:09Z"]' \
    'the lakes of the home'
is "$(dl-lake-ls --table)" \
'LAKE   PARTITIONS  PARTS  RECORDS  SIZE     UNPACKED  FIRST                 LAST
clean  1           1      10       '"$(wc -c <"$lake/clean/$(part clean 1)")"' B    1.1 KiB   2018-02-01T00:00:00Z  2018-02-01T00:00:09Z
raw    3           3      30       3.2 KiB  3.2 KiB   2018-02-01T00:00:00Z  2018-02-03T00:00:09Z' \
    '... for people'
jq='[.partition, .parts, .records, .bytes, .first]'
is "$(ls_json raw)" '["source=s/dt=2018-02-01",1,10,1080,"2018-02-01T00:00:00Z"]
["source=s/dt=2018-02-02",1,10,1100,"2018-02-02T00:00:00Z"]
["source=s/dt=2018-02-03",1,10,1100,"2018-02-03T00:00:00Z"]' 'partitions'
is "$(dl-lake-ls --table raw | awk '{ print $1, $2, $3 }')" \
'PARTITION PARTS RECORDS
source=s/dt=2018-02-01 1 10
source=s/dt=2018-02-02 1 10
source=s/dt=2018-02-03 1 10
3 partitions 3' '... for people, with their sum'
is "$(dl-lake-ls "$lake/raw")" "$(dl-lake-ls raw)" 'a lake by its path'
is "$(dl-lake-ls -l raw | jq -r .part)" "$(part raw 1,3)" 'parts'
is "$(dl-lake-ls -l raw | jq -c 'select(.part | test("02-03")) |
    [.records, .bytes, .unpacked, .at, .first, .last, .sources, .steps]')" \
    '[10,1100,1100,"2026-11-01T00:00:00.000Z","2018-02-03T00:00:00Z","2018-02-03T00:00:09Z",["s"],[]]' \
    'what the manifest says of a part'
is "$(dl-lake-ls -l raw | head -n 1 | jq -r .sha256)" \
    "$(sha256sum <"$lake/raw/$(part raw 1)" | cut -c-64)" 'and its sum'
is "$(dl-lake-ls -l --table raw | sed -n '2s/^[^ ]* *//p')" \
    '10       1.1 KiB  1.1 KiB   2018-02-01T00:00:00Z  2018-02-01T00:00:09Z  2026-11-01T00:00:00Z' \
    'parts for people'
like "$(dl-lake-ls -l --table raw | tail -n 1)" '^3 parts  +30 +3.2 KiB' 'summed'
printf '{"specversion":"1.0","id":"7","source":"k","type":"%s"}\n' dl.checkpoint |
    cat - <(events 0 1) | sed '$a{"specversion":"1.0","id":"9","source":"k","type":"dl.checkpoint"}' |
    dl-lake-write -P all lineage >/dev/null
is "$(dl-lake-ls -l lineage | jq -c '[.key, .positions]')" '["k",["7","9"]]' \
    'where it came from'

# Of these only

jq=.partition
is "$(ls_json -w dt=2018-02-02 raw)" '"source=s/dt=2018-02-02"' '--where'
is "$(ls_json -w dt=2018-02-02 -w source=x raw)" '' 'nothing is both'
is "$(ls_json -s 2018-02-02 -u 2018-02-03 raw)" '"source=s/dt=2018-02-02"' \
    '--since and --until'
is "$(dl-lake-ls -s 2018-02-02 clean)" '' 'by the times in the manifest'
is "$(dl-lake-ls -s 2018-02-01T00:00:09Z clean | jq .parts)" 1 'to the second'
status 64 'a key that is none' dl-lake-ls -w id=1 raw
like "$(cat "$T/err")" "'id' is no key of the partition of 'source=s" 'is named'
status 64 'in all lakes' dl-lake-ls -w dt=2018-02-02
is "$(jq -r '[.lake, .parts] | join(" ")' "$T/out")" 'raw 1' \
    'but others are shown'

# What the manifest does not know, and what is not there

events 50 52 >"$lake/raw/source=s/dt=2018-02-03/hand.ndjson"
jq='[.parts, .unknown, .records, .bytes]'
is "$(ls_json -w dt=2018-02-03 raw)" '[2,1,10,1430]' 'a part by hand'
is "$(dl-lake-ls --table -w dt=2018-02-03 raw | awk 'NR == 2 { print $3 }')" \
    '10+' 'whose records are not known'
is "$(dl-lake-ls -l raw | jq -c 'select(.part | test("hand"))')" \
    '{"part":"source=s/dt=2018-02-03/hand.ndjson","bytes":330}' 'as a part'
is "$(dl-lake-ls -l --table raw | awk '/hand/ { print $2, $5 }')" '- -' \
    '... for people'
status 0 'which is no fault' dl-lake-ls --verify raw
is "$(jq -c '[.unknown, .records, .faults]' "$T/out")" '[1,33,0]' \
    'but said'
printf 'torn' >"$lake/raw/source=s/dt=2018-02-03/hand.ndjson"
status 65 'unless it is broken' dl-lake-ls --verify raw
rm "$lake/raw/source=s/dt=2018-02-03/hand.ndjson"
cp -r "$lake/raw" "$lake/less"
rm -r "$lake/less/source=s/dt=2018-02-02"
dl-lake-ls -v less >"$T/out" 2>"$T/err"
is "$(jq -s length "$T/out")" 2 'a partition that is not there'
like "$(cat "$T/err")" "'less': parts that the manifest names .* published.: 1;" \
    'is told with -v'
status 0 'and no fault' dl-lake-ls -v --verify less
like "$(cat "$T/err")" 'never published.: 1;' 'but told then too'
mkdir "$lake/parquet"
printf 'PAR1' >"$lake/parquet/part-1.parquet"
is "$(dl-lake-ls parquet | jq -c '[.parts, .unknown, .bytes]')" '[1,1,4]' \
    'Parquet is counted'
status 0 'and not unpacked' dl-lake-ls --verify parquet
rm -r "$lake/parquet" "$lake/less"

# Verified

status 0 'all lakes are sound' dl-lake-ls --verify
is "$(jq -c '[.lake, .parts, .records, .lines, .faults]' "$T/out" | xargs)" \
    '[clean,1,10,1,0] [lineage,1,2,1,0] [raw,3,30,3,0]' 'and counted'
status 0 'for people' dl-lake-ls --verify --table raw
is "$(cat "$T/out")" '' 'no fault is nothing'
like "$(cat "$T/err")" \
    "'raw': 3 parts with 30 records, 3 lines of the manifest, 0 faults" 'but said'
status 0 'quietly' dl-lake-ls --verify --table -q raw
is "$(cat "$T/err")" '' 'or not'

# damaged NAME COMMAND...: in a copy of raw, $dir; then its faults, and status.
# shellcheck disable=SC2034 # for the commands
damaged() {
	local want=$1 first manifest
	shift
	cp -r "$lake/raw" "$lake/bad"
	dir=$lake/bad first=$lake/bad/$(part raw 1)
	manifest=$dir/_dl/manifest.ndjson
	eval "$*"
	dl-lake-ls --verify bad >"$T/out" 2>"$T/err"
	is "$? $(jq -r '.fault // empty' "$T/out" | paste -sd' ')" "$want" "$*"
	rm -r "$lake/bad"
}
# shellcheck disable=SC2016,SC2034 # they are evaluated there
{
damaged '65 sha256' 'sed -i s/dl.record/dl.recorD/ "$first"'
damaged '65 bytes' 'echo >>"$first"'
damaged '65 bytes' ': >"$first"'
damaged '65 prev' 'sed -i "1s/\"s\"/\"t\"/" "$manifest"'
damaged '65 prev' 'sed -i 2d "$manifest"'
damaged '65 prev' 'sed -i 1d "$manifest"'
damaged '65 prev prev prev' \
    'tac "$manifest" >"$T/m"; cp "$T/m" "$manifest"'
damaged '65 line prev' 'sed -i "2s/.*/what/" "$manifest"'
damaged '0 ' 'sed -i 3d "$manifest"'
damaged '65 line' 'sed -i "3s/\"records\":10/\"records\":-1/" "$manifest"'
damaged '65 line' 'sed -i "3s/\"sha256\":\"../\"sha256\":\"/" "$manifest"'
damaged '65 line' 'sed -i "3s#\"part\":\"#&../#" "$manifest"'
damaged '65 prev records' 'sed -i "1s/\"records\":10/\"records\":9/" "$manifest"'
damaged '65 prev unpacked' \
    'sed -i "1s/\"unpacked\":1080/\"unpacked\":1081/" "$manifest"'
damaged '65 prev records of "of"' \
    'sed -i "1s/}$/,\"of\":[{\"part\":\"x\",\"records\":9,\"bytes\":1080}]}/" "$manifest"'
damaged '65 prev bytes of "of"' \
    'sed -i "1s/}$/,\"of\":[{\"part\":\"x\",\"records\":10,\"bytes\":1}]}/" "$manifest"'
damaged '65 ' 'head -c 17000000 /dev/zero >>"$manifest"; echo >>"$manifest"'
}
cp -r "$lake/clean" "$lake/bad"
first=$lake/bad/$(part clean 1)
printf 'x' | dd of="$first" bs=1 seek=30 conv=notrunc 2>/dev/null
status 65 'a part that is compressed' dl-lake-ls --verify bad
is "$(jq -r '.fault // .faults' "$T/out" | xargs)" 'sha256 1' 'is damaged'
is "$(head -n 1 "$T/out" | jq -r '[.lake, .part, .expected, .found] | join(" ")')" \
    "bad $(part clean 1) $(sha256sum <"$lake/clean/$(part clean 1)" |
	cut -c-64) $(sha256sum <"$first" | cut -c-64)" 'what was expected'
status 65 'for people' dl-lake-ls --verify --table bad
like "$(tail -n 1 "$T/out")" '^bad +part|all/part-[^ ]+ +sha256 +[0-9a-f]{12} ' \
    'a line each'
sed -i 's/"sha256":"[0-9a-f]*",//; s/"bytes":[0-9]*/"bytes":'"$(wc -c <"$first")/" \
    "$lake/bad/_dl/manifest.ndjson"
status 65 'without a sum' dl-lake-ls --verify bad
is "$(jq -r '.fault // .faults' "$T/out" | xargs)" 'unpacking 1' \
    'it cannot be unpacked'
rm -r "$lake/bad"

# A torn last line is a writer's that died
printf '{"prev":"' >>"$lake/clean/_dl/manifest.ndjson"
status 0 'a torn line' dl-lake-ls --verify clean

# The definition of its table

status 0 'for DuckDB' dl-lake-ls --ddl duckdb raw
like "$(cat "$T/out")" 'VIEW "raw" .*read_json' 'its view'
like "$(cat "$T/out")" "$lake/raw/" 'where it is'
status 0 'for Athena' dl-lake-ls --ddl athena "$lake/raw/"
like "$(cat "$T/out")" 'CREATE EXTERNAL TABLE' 'its table'

events 1 2 | dl-lake-write -P 'No={source}' hive >/dev/null
status 65 'a key that Athena cannot have' dl-lake-ls --ddl athena hive
is "$(cat "$T/out")" '' 'is not half a definition'

# Options

status 64 'no such engine' dl-lake-ls --ddl oracle raw
status 64 'all at once' dl-lake-ls --verify -l raw
status 64 'neither table nor JSON' dl-lake-ls --json --table raw
status 64 'parts of all lakes' dl-lake-ls -l
status 64 'two lakes' dl-lake-ls raw clean
status 64 'no condition' dl-lake-ls -w dt raw
dl-lake-ls raw >/dev/full 2>"$T/err"
is "$?" 75 'a full disk is a failure'

done_testing
