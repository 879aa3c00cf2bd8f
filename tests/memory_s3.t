#!/usr/bin/env bash
# Memory: a gigabyte into a lake on S3 and out of it, in little of it.
. tests/tap.sh
export DL_LAKE_ON=s3
. tests/lake.sh
. tests/memory.sh
lake_start

memory 'dl-lake-write, 24 partitions' dl-lake-write -P 'hour={time:%H}' \
	"${at}raw" < <(repeat "$T/month")
is "$(lake_parts raw | cut -d/ -f1 | sort -u | wc -l)" 24 'in 24 partitions'
memory dl-lake-read dl-lake-read "${at}raw"

# Parts that go in pieces, several at a time.
GB=400000000
much='400 MB'
memory 'dl-lake-write, unpacked' dl-lake-write -z none -P 'hour={time:%H}' \
	"${at}big" < <(repeat "$T/month")
memory 'dl-lake-read, unpacked' dl-lake-read "${at}big"
is "$(lake_half raw; lake_half big)" '' 'and all of it has landed'

done_testing
