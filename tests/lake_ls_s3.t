#!/usr/bin/env bash
# dl-lake-ls, and what dl-lake-read asks of a manifest, on S3.
export DL_LAKE_ON=s3
. tests/tap.sh
. tests/lake.sh
lake_start

events() { # FROM TO: a day has ten
	seq "$1" "$2" | awk '{
		printf "{\"specversion\":\"1.0\",\"id\":\"%d\",\"source\":\"s\"," \
		    "\"type\":\"dl.record\",\"time\":\"2018-02-%02dT00:00:0%dZ\"," \
		    "\"data\":{\"n\":%d}}\n", $1, 1 + $1 / 10, $1 % 10, $1 }'
}
raw=${at}raw
write() { # FROM TO DAY
	events "$1" "$2" | DL_NOW=2026-11-$3T00:00:00Z dl-lake-write -z none \
	    -P 'source={source}/dt={time:%Y-%m-%d}' "$raw"
}
ids() { jq -r .id | sort -n | xargs; }

write 0 149 01
is "$(dl-lake-ls "$raw" | jq -c '[.partition, .records, .bytes]' | sed -n '1p;$p')" \
'["source=s/dt=2018-02-01",10,1080]
["source=s/dt=2018-02-15",10,1120]' 'partitions'
is "$(dl-lake-ls --table "$raw" | tail -n 1 | awk '{ print $1, $2, $3, $4 }')" \
    '15 partitions 15 150' 'and their sum'
is "$(dl-lake-ls -l -w dt=2018-02-03 "$raw" | jq -c '[.records, .at, .sources]')" \
    '[10,"2026-11-01T00:00:00.000Z",["s"]]' 'parts'
is "$(dl-lake-ls -s 2018-02-14T00:00:05Z "$raw" | wc -l)" 2 'of a time'
status 0 'all is sound' dl-lake-ls --verify "$raw"
is "$(jq -c '[.parts, .records, .lines, .faults]' "$T/out")" '[15,150,15,0]' \
    'and counted'
is "$(dl-lake-read "$raw" | jq -r .id | xargs)" "$(seq 0 149 | xargs)" \
    'parts are read in their order, though fetched side by side'
is "$(dl-lake-read -c 25 "$raw" | jq -r .id | xargs)" "$(seq 0 24 | xargs)" \
    'and no more than so many events'
write 150 159 05
is "$(dl-lake-read --as-of 2026-11-04 "$raw" | ids)" "$(seq 0 149 | xargs)" \
    'what was there then'
is "$(dl-lake-read --as-of 2026-11-05 -s 2018-02-16 "$raw" | ids)" \
    "$(seq 150 159 | xargs)" 'and later'

# Replaced by hand, and removed
part=$(dl-lake-ls -l -w dt=2018-02-02 "$raw" | jq -r .part)
events 10 19 | sed s/dl.record/dl.recorD/ >"$T/other"
lake_put "$T/other" raw "$part"
status 65 'a part that was replaced' dl-lake-ls --verify "$raw"
is "$(jq -c 'select(.fault) | [.part, .fault]' "$T/out")" \
    "[\"$part\",\"sha256\"]" 'is found'
lake_drop raw "$part"
status 0 'a part that was removed' dl-lake-ls --verify -v "$raw"
like "$(cat "$T/err")" 'never published.: 1;' 'is not, but counted'

status 75 'no such lake' dl-lake-ls "${at}none"
status 78 'no such bucket' dl-lake-ls s3://nothing/raw

done_testing
