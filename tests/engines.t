#!/usr/bin/env bash
# What other engines make of a lake: DuckDB's answers are those of jq on the
# source, from the lines as they are, from the view of --ddl, and from Parquet,
# in which no value is lost or changed.  Sums are compared exactly, as decimals.
# With DL_LAKE_ON=s3 the lakes are on S3, and DuckDB reads a mirror of them.
. tests/tap.sh
. tests/lake.sh
. tests/servers/duckdb.sh
. tests/examples.sh

if ! duckdb_have; then
	echo '1..0 # SKIP DuckDB is not there (make deps TEST=full)'
	exit 0
fi
lake_start
PATH=$BUILD/servers:$PATH
sample=pipelines/quakes/sample.geojson
template='source={source}/dt={time:%Y-%m-%d}'
[ "$lake_on" = s3 ] || template+='/hour={time:%H}'

ask() { duck "$@" 2>&1; }
event() { # ID TIME DATA [MORE]
	echo '{"specversion":"1.0","id":"'"$1"'","source":"s","type":"dl.record","time":"'"$2"'"'"${4:-}"',"data":'"$3"'}'
}
# Without merging parts first.
parquet() { # TO FROM
	dl-lake-tidy --target 1 --parquet "$at$1" "$at$2"
}
write() { dl-lake-write "${@:2}" "$at$1"; } # LAKE [OPTION...]
drop() { # LAKE DIRECTORY
	local part
	lake_parts "$1" | grep "^$2/" | while read -r part; do
		lake_drop "$1" "$part"
	done
}
quakes() {
	QUAKES_URL=file://$PWD/$sample dl-source \
		pipelines/quakes/source.yaml
}
# The definition, of where the lake is to be looked at.
view() {
	dl-lake-ls --ddl duckdb "$at$1" | sed "s#s3://lakes#$T/mirror#"
}

# The oracle: jq on the source file.
updated='.properties.updated / 1000 | floor | todate[:10]'
jq -r "[.features[] | $updated] | group_by(.)[] | \"\\(.[0])\t\\(length)\"" \
	"$sample" >"$T/days"
jq -r '[.features[] | [.properties.mag, .id]] | sort_by(-.[0], .[1])[:10][] |
	@tsv' "$sample" >"$T/largest"
jq -r '[.features[] | [.properties.mag, .geometry.coordinates[2]] |
	map(. // 0 | . * 1e6 | round)] | transpose | map(add) | @tsv' \
	"$sample" >"$T/sums"
cat "$T/days" "$T/largest" "$T/sums" >"$T/want"

# The same of a table, by where the data and the key are in it.
answers() { # FROM DATA ID [STATEMENT...]
	local from=$1 data=$2 id=$3
	shift 3
	ask "$@" "SELECT dt, count(*) FROM $from GROUP BY dt ORDER BY dt" \
		"SELECT ${data}properties.mag::DECIMAL(9,6)::DOUBLE AS mag, $id
		FROM $from ORDER BY mag DESC NULLS LAST, $id LIMIT 10" \
		"SELECT (sum(${data}properties.mag::DECIMAL(18,6)) *
			1000000)::BIGINT,
		(sum(${data}geometry.coordinates[3]::DECIMAL(18,6)) *
			1000000)::BIGINT FROM $from" | sed 's/\.0\t/\t/'
}
same_answers() { # WHEN
	local raw pq
	raw=$(lake_look raw) pq=$(lake_look quakes)
	is "$(answers "read_json('$raw/**/*.ndjson.zst',
		hive_partitioning=true)" data. data.id)" "$(cat "$T/want")" \
		"$1: read_json's answers are jq's"
	is "$(answers raw data. data.id "$(view raw)")" \
		"$(cat "$T/want")" "$1: so are the view's"
	is "$(answers "read_parquet('$pq/**/*.parquet',
		hive_partitioning=true)" '' id)" "$(cat "$T/want")" \
		"$1: and those of Parquet"
}
ask_parquet() { # LAKE EXPRESSIONS [MORE]
	ask "SELECT $2 FROM '$(lake_look "$1")/**/*.parquet' ${3:-}"
}

quakes | write raw -P "$template" >"$T/out"
status 0 'a lake becomes one of Parquet' parquet quakes raw
same_answers 'as written'
is "$(lake_parts quakes | sed 's/part-.*//')" \
	"$(lake_parts raw | sed 's/part-.*//')" 'a file for each partition'
is "$(lake_manifest quakes | jq -r '.sha256 + "  " + .part' |
	(cd "$(lake_look quakes)" && sha256sum -c --quiet) &&
	lake_manifest quakes | jq -s 'map(.records) | add')" 1707 \
	'its manifest is true'
pq=$(lake_look quakes)
is "$(ask "SELECT string_agg(column_name, ' ') FROM (DESCRIBE
	FROM read_parquet('$pq/**/*.parquet', hive_partitioning=false))")" \
	'_id _source _type _subject _time _recordedtime _dlorigin _dlsteps geometry id properties type' \
	"the envelope's columns come first"
without_null='walk(if type == "object" then with_entries(select(.value != null))
	else . end)'
jq -cS ".features[] | $without_null" "$sample" | sort >"$T/source"
is "$(ask "SELECT to_json({'geometry': geometry, 'id': id, 'properties':
	properties, 'type': type}) FROM '$pq/**/*.parquet'" | sed 's/\\\\/\\/g' |
	jq -cS "$without_null" | sort | diff "$T/source" - | head -5)" '' \
	'every value of every event is in it, unchanged'
is "$(ask "SELECT DISTINCT compression FROM
	parquet_metadata('$pq/**/*.parquet')")" ZSTD 'it is packed by zstd'

# What is there already is passed over, also after the lake was compacted.
lake_parts quakes >"$T/before"
changed() { lake_parts quakes | diff "$T/before" - | grep -c '^[<>]'; }
parquet quakes raw
is "$(changed)" 0 'again: nothing is written'
event new 2018-02-07T01:00:00Z '{"id":"x"}' | sed 's/"s"/"quakes"/' |
	write raw -P "$template"
parquet quakes raw
is "$(changed)" 2 'an event more: its partition alone is written anew'
lake_parts quakes >"$T/before"
is "$(lake_parts raw | wc -l)" $(($(wc -l <"$T/before") + 1)) \
	'the lake has a part more than partitions'
dl-lake-tidy "${at}raw"
is "$(lake_parts raw | wc -l)" "$(wc -l <"$T/before")" 'not once compacted'
parquet quakes raw
is "$(changed)" 0 'which writes nothing'
is "$(ask_parquet quakes 'count(*), count(properties)')" $'1708\t1707' \
	'all is there once'
same='the lake compacted'
is "$(answers raw data. data.id "$(view raw)" |
	sed $'s/^2018-02-07\t43$/2018-02-07\t42/')" "$(cat "$T/want")" \
	"$same: the view's answers are jq's"
event far 2018-02-08T01:00:00Z '{"id":"x","added":1}' |
	sed 's/"s"/"quakes"/' | write raw -P "$template"
parquet quakes raw
is "$(ask_parquet quakes 'count(*), count(added)')" $'1709\t1' \
	'a new column: all partitions have it'
drop raw source=quakes/dt=2018-02-08
drop raw source=quakes/dt=2018-02-07
parquet quakes raw
is "$(ask_parquet quakes 'count(*)')" 1665 \
	'a partition that is gone is gone from Parquet'

# Killed at any moment it leaves whole files, and the next run goes on.
for _ in 1 2 3 4 5 6; do
	rm -f "$(lake_state killed)/parquet/seen.ndjson"
	dl-lake-tidy --parquet "${at}killed" "${at}raw" >"$T/out" 2>&1 &
	disown
	sleep "0.$((RANDOM % 4 + 1))"
	kill -9 $! 2>/dev/null
	# Its lock lives until it is quite gone.
	while kill -0 $! 2>/dev/null; do sleep 0.01; done
done
status 0 'killed, and run again' parquet killed raw
is "$(ask_parquet killed 'count(*), count(DISTINCT _id)')" $'1665\t1665' \
	'every event is there once'
is "$(cd "$(lake_state killed)/parquet" && echo *)" 'lock seen.ndjson' \
	'and nothing else is left'

# No value is lost or changed.
{
	event 1 2020-01-01T00:00:00.123456789Z '{"i":9223372036854775807,"big":18446744073709551616,"f":0.30000000000000004,"d":9007199254740993,"x":1e400,"m":"text","t":"a\u0000b\"\\\ud83d\ude00","l":[{"a":1}],"n":null,"b":true,"o":{"a":{"b":[1,[2]]}}}'
	event 2 2020-01-01T00:00:00+01:00 '{"i":-9223372036854775808,"big":-1,"f":-0.0,"d":0.5,"x":2.50,"m":2.50,"t":"","l":[],"o":{"a":null},"A":1,"a":2,"":3,"_id":"mine","k":"mine"}' ',"recordedtime":"2020-01-01T00:00:00.5Z","sequence":"7","causationid":"c","dlorigin":"o","dlsteps":"p@1","trace":"x","subject":"sub"'
	event 3 2020-01-01T00:00:00Z '[1,"a"]'
	event 4 2020-01-01T00:00:00Z 'null'
	event 5 2020-01-01T00:00:00Z '{"l":[{"a":2.5},null],"o":{}}'
} | write odd -P 'k={source}'
status 0 'odd values become Parquet' parquet oddpq odd
from="FROM '$(lake_look oddpq)/**/*.parquet' ORDER BY _id"
is "$(ask "SELECT i, big, f, d, x, m, l, n, b, o $from")" \
	"9223372036854775807	18446744073709551616	0.30000000000000004	9007199254740993.0	1e400	\"text\"	[{'a': 1.0}]	NULL	true	{'a': {'b': [1, [2]]}}
-9223372036854775808	-1	-0.0	0.5	2.50	2.50	[]	NULL	NULL	{'a': NULL}
$(yes NULL | head -20 | paste -sd '\t\t\t\t\t\t\t\t\t\n')
NULL	NULL	NULL	NULL	NULL	NULL	[{'a': 2.5}, NULL]	NULL	NULL	{'a': NULL}" \
	'numbers, lists and objects are what they were'
is "$(ask "SELECT i.typeof(), big.typeof(), f.typeof(), d.typeof(), x.typeof(),
	m.typeof(), l.typeof(), o.typeof(), _more.typeof(), _time.typeof()
	$from LIMIT 1")" \
	"BIGINT	DECIMAL(38,0)	DOUBLE	DECIMAL(38,1)	JSON	JSON	STRUCT(a DOUBLE)[]	STRUCT(a STRUCT(b JSON[]))	JSON	TIMESTAMP_NS" \
	'in the types that hold them'
is "$(ask "SELECT t = 'a' || chr(0) || 'b\"\\' || chr(128512)
	$from LIMIT 1")" true 'so is text'
is "$(ask "SELECT \"A\", a_2, \"_\", _id_2, k_2, _data $from")" \
	"$(yes NULL | head -6 | paste -sd '\t\t\t\t\t')
1	2	3	mine	mine	NULL
NULL	NULL	NULL	NULL	NULL	[1, \"a\"]
$(yes NULL | head -12 | paste -sd '\t\t\t\t\t\n')" \
	'names that are taken, and data that is no object, have columns'
is "$(ask "SELECT _time, _recordedtime, _sequence, _causationid, _dlorigin,
	_dlsteps, _subject, _more, k $from LIMIT 2")" \
	"2020-01-01 00:00:00.123456789	NULL	NULL	NULL	NULL	NULL	NULL	NULL	s
2019-12-31 23:00:00	2020-01-01 00:00:00.5	7	c	o	p@1	sub	{\"trace\":\"x\"}	s" \
	'and so has the envelope'
event 6 'at noon' '{}' | write odd -P 'k={source}'
parquet oddpq odd
is "$(ask_parquet oddpq _time "WHERE _id IN ('2', '6') ORDER BY _id")" \
	$'2020-01-01T00:00:00+01:00\nat noon' \
	'a time that is none: the column is text'

event 1 1677-09-21T23:59:59.123456789Z '{}' | write early -P 'k={source}'
status 0 'the first day that has nanoseconds' parquet earlypq early
is "$(ask_parquet earlypq _time '')" 1677-09-21T23:59:59.123456789Z \
	'does not have all of them: it is text'

# A broken record, a lake that is none, and no DuckDB: one line, and why.
{
	event 1 2020-01-01T00:00:00Z 1
	event 2 2020-01-01T00:00:00Z '{"a":tru}'
} >"$T/bad"
lake_put "$T/bad" bad k=1/part-x.ndjson
status 65 'a record that is not JSON' parquet badpq bad
like "$(cat "$T/err")" 'k=1/part-x\.ndjson:2: ' 'is named by its line'
is "$(lake_parts badpq)" '' 'and nothing is written'
status 78 'without DuckDB' env DL_DUCKDB=/nowhere.so \
	dl-lake-tidy --parquet "${at}none" "${at}raw"
like "$(cat "$T/err")" \
	"needs DuckDB's library.*/nowhere.so.*duckdb.org/install.*DL_DUCKDB" \
	'it says what is missing, and where to get it'
[ "$lake_on" = disk ] || { done_testing; exit; }

# The definition of a table, whatever the names are.
{
	event 1 2020-01-01T00:00:00.5Z '{"a b":1,"A":1,"a":2,"":3,"x'\''y\"z`;--":4,"n\nl":5,"o":{"b c":[1.5]},"p":{"q":1,"Q":2},"select":"s","k":1,"\u00dc":"u","bignum":18446744073709551616}'
	event 2 2020-01-01T00:00:00Z '{"o":null}'
} | dl-lake-write --layout flat -z gzip -P 'all/k={source}' "$DL_HOME/lake/it's"
dl-lake-ls --ddl duckdb "$DL_HOME/lake/it's" >"$T/odd.sql"
is "$(ask "$(cat "$T/odd.sql")" "SELECT * FROM \"it's\" ORDER BY _id" |
	head -n 1)" \
	"1	s	2020-01-01 00:00:00.5	1	1	18446744073709551616	5	{'b c': [1.5]}	{\"q\":1,\"Q\":2}	s	4	u	s" \
	'the view has all but what it says it leaves out'
is "$(grep '^-- Left out' "$T/odd.sql")" \
	'-- Left out: "", which cannot be a name.
-- Left out: "a", which is another'\''s name but for the case of letters.
-- Left out: "k", which the path tells.' 'which is this'
is "$(dl-lake-ls --ddl athena "$DL_HOME/lake/it's" | grep -v '^--')" "CREATE EXTERNAL TABLE \`it_s\` (
  \`_id\` string,
  \`_source\` string,
  \`_time\` string,
  \`a\` bigint,
  \`a_2\` bigint,
  \`a_b\` bigint,
  \`bignum\` string,
  \`n_l\` bigint,
  \`o\` string,
  \`p\` string,
  \`select\` string,
  \`x_y_z____\` bigint,
  \`__\` string)
PARTITIONED BY (\`k\` string)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
WITH SERDEPROPERTIES (
  'case.insensitive' = 'FALSE',
  'mapping.a' = 'A',
  'mapping.a_2' = 'a',
  'mapping.a_b' = 'a b',
  'mapping.n_l' = 'n\\u000al',
  'mapping.x_y_z____' = 'x\\'y\"z\`\\u003b--',
  'mapping.__' = 'Ü')
LOCATION '$DL_HOME/lake/it\\'s/all/';" 'the same for Athena'

# What the page says is run.
mkdir "$T/bin"
cat >"$T/bin/duckdb" <<-'X'
	#!/bin/sh
	# duckdb -csv -noheader -c SQL, by the library alone
	for sql; do :; done
	duck "$sql" | tr '\t' ','
X
chmod +x "$T/bin/duckdb"
PATH=$T/bin:$PATH run_examples man/dl-lake.7 dl-lake.7 DUCKDB
is "$((examples_run > 3))" 1 'dl-lake(7) has statements'

done_testing
