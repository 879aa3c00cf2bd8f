#!/usr/bin/env bash
# What the tools count: nothing is lost between two steps, and a file says so.
. tests/tap.sh

unset DL_PIPELINE DL_METRIC_MS
metrics=$DL_HOME/metrics

# The value of sample $2 in file $1 (without .prom); nothing if it has none.
value() {
	sed -n "s/^$2{[^}]*} //p" "$metrics/$1.prom"
}
counts() { # FILE: in added out dropped dead, and the exit status
	local n
	for n in in added out dropped dead; do
		value "$1" "dl_records_${n}_total"
	done | xargs
}
balance() { # FILE
	local in added out dropped dead
	read -r in added out dropped dead < <(counts "$1")
	is "$((in + added))" "$((out + dropped + dead))" \
		"$1: what came in is out, dropped or dead"
}

# OpenMetrics 1.0, line by line: each family is TYPE, UNIT (if its name has
# one), HELP, one sample; no family twice; # EOF, and nothing after it.
well_formed() {
	awk '
	function bad(why) { print FILENAME ":" FNR ": " why ": " $0; exit }
	ended { bad("after EOF") }
	/^# EOF$/ { ended = 1; if (want != "") bad("no sample"); next }
	/^# TYPE [a-z_]+ (counter|gauge)$/ {
		if (want != "") bad("no sample of the last family")
		if ($3 in seen) bad("twice")
		seen[$3]; family = $3; type = $4; want = "UNIT"
		if (family !~ /_seconds$/) want = "HELP"
		next
	}
	/^# UNIT [a-z_]+ seconds$/ {
		if (want != "UNIT" || $3 != family) bad("unexpected")
		want = "HELP"; next
	}
	/^# HELP [a-z_]+ [^\\"]+$/ {
		if (want != "HELP" || $3 != family) bad("unexpected")
		want = "sample"; next
	}
	/^[a-z_]+\{pipeline="[A-Za-z0-9._-]+",tool="dl-[a-z-]+"(,instance="[A-Za-z0-9._-]+")?\} [0-9]+(\.[0-9]+)?$/ {
		name = family (type == "counter" ? "_total" : "")
		if (want != "sample" || substr($0, 1, index($0, "{") - 1) != name)
			bad("unexpected")
		if (($2 ~ /\./) != (family ~ /_seconds$/)) bad("number")
		want = ""; next
	}
	{ bad("no line of OpenMetrics") }
	END { if (!ended) print FILENAME ": no EOF" }
	' "$1"
	tail -c 1 "$1" | od -An -c | grep -q '\\n' || echo 'no newline'
}

# A pipe whose steps drop, split, fail and extract.
seq 20 >"$T/in"
echo '"x"' >>"$T/in"
echo '{"torn":' >>"$T/in"
cat >"$T/extract.yaml" <<'END'
templates:
  - {name: one, when: . > 5, component: '"c"', metrics: {v: .}}
  - {name: two, when: . > 15, component: '"d"', metrics: {v: ., w: .}}
END
pipe() {
	dl-source -n s -d "$T/dead" - <"$T/in" |
		dl-transform -n odd -d "$T/dead" \
			'if . % 4 == 0 then empty elif . % 2 == 1 then . else ., . + 1, . end' |
		tee >(dl-extract "$T/extract.yaml" | dl-twin-put; echo >"$T/done") |
		dl-lake-write -P one=1 "$T/lakes/my lake/"
	until [ -s "$T/done" ]; do sleep 0.02; done
	rm "$T/done"
}
pipe >"$T/plain"
is "$([ -e "$metrics" ] && echo some)" '' 'without DL_PIPELINE: no file'
DL_PIPELINE='' pipe >/dev/null
is "$([ -e "$metrics" ] && echo some)" '' 'nor with an empty one'

before=$(date +%s)
DL_PIPELINE="tee" pipe >"$T/told"
is "$(cat "$T/told")" "$(cat "$T/plain")" 'with it the output is the same'
is "$(cd "$metrics" && find . -type f ! -name '.*.lock' | sort | xargs)" \
	'./tee.dl-extract.extract.prom ./tee.dl-lake-write.my_lake.prom ./tee.dl-source.s.prom ./tee.dl-transform.odd.prom ./tee.dl-twin-put.twin.prom' \
	'a file for each step, no temporary left'
for file in "$metrics"/*; do
	name=$(basename "$file" .prom)
	is "$(well_formed "$file")" '' "$name: is OpenMetrics"
	balance "$name"
	is "$(value "$name" dl_run_exit_status)" 0 "$name: its exit status"
	start=$(value "$name" dl_run_start_time_seconds)
	is "$((${start%.*} >= before && ${start%.*} <= $(date +%s)))" 1 \
		"$name: when it began"
	like "$(value "$name" dl_run_duration_seconds)" '^[0-9]\.[0-9]{3}$' \
		"$name: how long it took"
	is "$(value "$name" dl_records_lost_total)" '' \
		"$name: only heads of streams can lose"
done
# Of 1 to 20 and "x" 5 are dropped, 5 become 3, 10 stay; of those 25 are 6 not
# above 5, and 5 above 15.
is "$(counts tee.dl-source.s)" '22 0 21 0 1' 'dl-source'
is "$(counts tee.dl-transform.odd)" '21 10 25 5 1' 'dl-transform'
is "$(counts tee.dl-lake-write.my_lake)" '25 0 25 0 0' 'dl-lake-write'
is "$(counts tee.dl-extract.extract)" '25 5 24 6 0' 'dl-extract'
is "$(counts tee.dl-twin-put.twin)" '24 0 24 0 0' 'dl-twin-put'
is "$(value tee.dl-source.s dl_records_out_total)" \
	"$(value tee.dl-transform.odd dl_records_in_total)" \
	'what a step puts out the next one takes in'

# The same of a run with -v.
DL_PIPELINE=v dl-transform -v -n odd -d "$T/dead2" '., .' 2>"$T/err" >"$T/out" \
	< <(dl-source -n s - <<<$'1\n2'; echo broken)
is "$(cat "$T/err")" \
	'dl-transform: 3 in, 2 added, 4 out, 0 dropped, 1 dead' '-v says the same'
is "$(counts v.dl-transform.odd)" '3 2 4 0 1' 'as the file'

# What was known already is dropped.
cat >"$T/only.yaml" <<END
name: only
url: file://$T/feed.json
subject: .id
only_changed: true
END
echo '[{"id":"a","v":1},{"id":"b","v":1}]' >"$T/feed.json"
export DL_PIPELINE=again
dl-source "$T/only.yaml" >"$T/events"
dl-lake-write twice <"$T/events" >/dev/null
is "$(counts again.dl-lake-write.twice)" '2 0 2 0 0' 'a lake'
dl-lake-write twice <"$T/events" >/dev/null
is "$(counts again.dl-lake-write.twice)" '2 0 0 2 0' \
	'what a lake has stored already is dropped'
dl-source "$T/only.yaml" | dl-lake-write once | dl-commit
echo '[{"id":"a","v":1},{"id":"b","v":2}]' >"$T/feed.json"
dl-source "$T/only.yaml" >/dev/null
is "$(counts again.dl-source.only)" '2 0 1 1 0' \
	'an item that has not changed is dropped'
is "$(find "$metrics" -name '*dl-commit*')" '' 'dl-commit has no metric'
echo '{"specversion":"1.0","id":"1","source":"s","type":"dl.observation","subject":"c","time":"2020-01-01T00:00:00Z","data":{"m":1}}' \
	>"$T/obs"
dl-twin-put -t "$T/t2" <"$T/obs"
dl-twin-put -t "$T/t2" <"$T/obs"
is "$(counts again.dl-twin-put.t2)" '1 0 1 0 0' \
	'what a twin has already was put all the same'

# A tool that fails says how far it came, and with which status.
DL_PIPELINE=bad status 65 'a tool that fails' dl-transform -n f '. / 2' \
	< <(dl-source -n s - <<<$'1\n2\n"x"\n3')
is "$(counts bad.dl-transform.f) $(value bad.dl-transform.f dl_run_exit_status)" \
	'3 0 2 0 0 65' 'has its counts and its status'
DL_PIPELINE=bad status 78 'a program that is none' dl-transform -n g '. /' </dev/null
is "$(value bad.dl-transform.g dl_run_exit_status)" 78 'has its status'
DL_PIPELINE=bad status 78 'a specification that is wrong' \
	dl-source <(printf 'name: wrong\nurl: x\nevry: 1s\n')
is "$(value bad.dl-source.wrong dl_run_exit_status)" 78 'has it, by its name'
DL_PIPELINE=bad status 78 'a specification that is not there' \
	dl-extract "$T/none.extract.yaml" </dev/null
is "$(value bad.dl-extract.none dl_run_exit_status)" 78 'has it, by the file'
DL_PIPELINE=bad status 75 'a full disk' \
	sh -c "dl-transform -n h . <'$T/obs' >/dev/full"
is "$(value bad.dl-transform.h dl_run_exit_status)" 75 'has it'
for file in "$metrics"/bad.*; do
	is "$(well_formed "$file")" '' "$(basename "$file"): is OpenMetrics"
done

# Names.
for name in 'a b' .a '' a/b "$(printf 'x%.0s' {1..65})"; do
	[ -n "$name" ] || continue
	DL_PIPELINE=$name status 64 "DL_PIPELINE '${name:0:9}'" \
		dl-transform . <"$T/obs"
	is "$(wc -l <"$T/err") $(cat "$T/out")" '1 ' 'says so in one line'
done
DL_PIPELINE='a b' status 0 'a reader does not look at it' dl-twin-get
export DL_PIPELINE=names
dl-lake-write . </dev/null
(cd "$T" && dl-lake-write "./$(printf 'é .x%.0s' {1..50})//" </dev/null)
is "$(cd "$metrics" && find . -name 'names.*' | sort | cut -c -34 | xargs)" \
	'./names.dl-lake-write.prom ./names.dl-lake-write.x___.x___.x_' \
	'an instance that is no name becomes one, or there is none'
rm -rf _dl

# A metric is no reason to fail.
rm -rf "$T/h2"
mkdir "$T/h2"
touch "$T/h2/metrics"
DL_HOME=$T/h2 status 0 'where no file can be written' dl-transform . <"$T/obs"
like "$(cat "$T/err")" '^dl-transform: metrics are not kept: cannot ' \
	'a warning'
is "$(wc -l <"$T/err")" 1 'of one line'
is "$(jq -r .id "$T/out")" 1 'and the events'

# While a tool runs: a filter whose input is silent, a source that follows.
export DL_PIPELINE=run DL_METRIC_MS=100
says() { # FILE COUNTS
	[ -f "$metrics/$1.prom" ] && [ "$(counts "$1")" = "$2" ]
}
mkfifo "$T/silent"
dl-transform -n wait 'select(. != 2)' <"$T/silent" >"$T/waited" &
filter=$!
tap_pids+=("$filter")
exec 9>"$T/silent"
soon says run.dl-transform.wait '0 0 0 0 0'
is "$(counts run.dl-transform.wait)" '0 0 0 0 0' 'a filter that waits says so'
dl-source -n s - <<<$'1\n2' >&9
soon says run.dl-transform.wait '2 0 1 1 0'
is "$(counts run.dl-transform.wait)" '2 0 1 1 0' \
	'the last change before silence is told'
is "$(value run.dl-transform.wait dl_run_exit_status)" '' \
	'without a status: it still runs'
is "$(well_formed "$metrics/run.dl-transform.wait.prom")" '' 'in OpenMetrics'
written=$(stat -c %y "$metrics/run.dl-transform.wait.prom")
ticks() { # clock ticks that a process has run for
	awk '{ print $14 + $15 }' "/proc/$1/stat"
}
used=$(ticks "$filter")
sleep 0.5
is "$(stat -c %y "$metrics/run.dl-transform.wait.prom")" "$written" \
	'what does not change is not written again'
is "$(($(ticks "$filter") - used < 10))" 1 'and nothing spins'
exec 9>&-
wait "$filter"
is "$(counts run.dl-transform.wait) $(value run.dl-transform.wait dl_run_exit_status)" \
	'2 0 1 1 0 0' 'its end has a status'

mkfifo "$T/door"
dl-source -n door - <"$T/door" >/dev/null &
door=$!
tap_pids+=("$door")
exec 9>"$T/door"
echo 1 >&9
soon says run.dl-source.door '1 0 1 0 0'
is "$(counts run.dl-source.door)" '1 0 1 0 0' 'standard input that is silent'
exec 9>&-
wait "$door"

mkfifo "$T/slow"
dl-lake-write -P a=1 --max-age 700ms slow <"$T/slow" >/dev/null &
lake=$!
tap_pids+=("$lake")
exec 9>"$T/slow"
cat "$T/obs" >&9
soon says run.dl-lake-write.slow '1 0 1 0 0'
is "$(counts run.dl-lake-write.slow)" '1 0 1 0 0' 'a lake that waits says so'
is_there() { [ -d "$DL_HOME/lake/slow/a=1" ]; }
soon is_there
is_there
is $? 0 'and publishes what is old enough all the same'
exec 9>&-
wait "$lake"

cat >"$T/follow.yaml" <<END
name: follow
url: file://$T/feed.json
subject: .id
only_changed: true
every: 1h
END
dl-source -f "$T/follow.yaml" >/dev/null &
follow=$!
tap_pids+=("$follow")
two_out() { [ "$(value run.dl-source.follow dl_records_out_total)" = 2 ]; }
soon two_out
is "$(value run.dl-source.follow dl_records_out_total)" 2 \
	'a source that follows says so'
balance run.dl-source.follow
written=$(stat -c %y "$metrics/run.dl-source.follow.prom")
sleep 0.5
is "$(stat -c %y "$metrics/run.dl-source.follow.prom")" "$written" \
	'and says it once'
kill "$follow"
wait "$follow"
is "$? $(value run.dl-source.follow dl_run_exit_status)" '0 0' \
	'and when it was stopped'

done_testing
