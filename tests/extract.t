#!/usr/bin/env bash
# dl-extract: what templates make of events, and what they refuse.
# shellcheck disable=SC2016 # jq has dollar signs too
. tests/tap.sh

cd "$T" || exit 1

# An event of id $1 with data $2 and more attributes $3 ("name":value,).
event() {
	printf '{"specversion":"1.0","id":"%s","source":"s","type":"dl.record",%s"data":%s}\n' \
		"$1" "${3-\"subject\":\"sub\",\"time\":\"2026-01-02T03:04:05Z\",}" "$2"
}

# A specification of one template: the lines $1.. below its name.
spec() {
	printf 'templates:\n- name: t\n'
	[ $# = 0 ] || printf '  %s\n' "$@"
}

# What a specification (lines $2..) makes of the events in $1.
extract() {
	spec "${@:2}" >spec.yaml
	printf '%s\n' "$1" | dl-extract spec.yaml 2>&1
}

# id, subject, time and data of observations, without their envelopes.
brief() {
	sed -E 's/.*"id":"([^"]*)".*"subject":("[^"]*").*"time":"([^"]*)".*"data":(.*)\}$/\1 \2 \3 \4/'
}

### the envelope

all='"subject":"sub","time":"2026-01-02T04:04:05.50+01:00","recordedtime":"2026-02-01T00:00:00Z","sequence":"7","dlorigin":"http://x/","dlsteps":"clean@00000001","causationid":"c","x":{"y":[1, 2]},'
is "$(extract "$(event 1 '{"a":1}' "$all")" 'metrics: {a: .a}' |
	sed 's/spec@[0-9a-f]\{8\}/spec@H/')" \
'{"specversion":"1.0","id":"1:t","source":"s","type":"dl.observation","subject":"sub","time":"2026-01-02T03:04:05.50Z","recordedtime":"2026-02-01T00:00:00Z","sequence":"7","dlorigin":"http://x/","dlsteps":"clean@00000001 spec@H","causationid":"c","x":{"y":[1, 2]},"data":{"a":1}}' \
	'the whole envelope is kept, and the step is added'

steps() {
	extract "$1" "${@:2}" | sed 's/.*"dlsteps":"\([^"]*\)".*/\1/'
}
mixed=$(event 1 1 "$all"; event 2 1; event 3 1 "$all")
spec 'metrics: {a: .}' >spec.yaml
hash=$(dl-extract spec.yaml <<<"$(event 1 1)" |
	sed 's/.*spec@\([0-9a-f]*\)".*/\1/')
is "$(steps "$mixed" 'metrics: {a: .}')" \
"clean@00000001 spec@$hash
spec@$hash
clean@00000001 spec@$hash" 'each event has its own steps'
for name in a.yaml a.yml a.extract.yaml a.extract.yml a; do
	cp spec.yaml $name
	like "$(dl-extract "./$name" <<<"$(event 1 1)")" '"dlsteps":"a@' \
		"the step of $name is a"
done
spec 'metrics: {a: ., b: .}' >spec.yaml
is "$(dl-extract spec.yaml <<<"$(event 1 1)" | grep -c "spec@$hash")" 0 \
	'another program has another hash'

### components and times

is "$(extract "$(event 1 '{"c":"x","v":1}')" 'component: .c' \
	'metrics: {v: .v}' | brief)" \
	'1:t "x" 2026-01-02T03:04:05Z {"v":1}' 'a component from the data'
is "$(extract "$(event 1 '{"c":12.50,"v":1}')" 'component: .c' \
	'metrics: {v: .v}' | brief)" \
	'1:t "12.50" 2026-01-02T03:04:05Z {"v":1}' \
	'a number is a component, digit for digit'
is "$(extract "$(event 1 '{"c":false,"v":1}')" 'component: .c' \
	'metrics: {v: .v}' | brief)" \
	'1:t "false" 2026-01-02T03:04:05Z {"v":1}' 'so is a boolean'
is "$(extract "$(event 1 '{"c":"\u00e9\n\/","v":"\u00e9\/"}')" \
	'component: .c' 'metrics: {v: .v}' | brief)" \
	'1:t "é\n/" 2026-01-02T03:04:05Z {"v":"\u00e9\/"}' \
	'escapes in a component are read, in a value kept'

long=$(printf 'x%.0s' {1..4000})
is "$(extract "$(event 1 "{\"c\":\"\\n$long\",\"t\":\"2020-01-01T00:00:00\\u005a\"}")" \
	'component: .c' 'time: .t' 'metrics: {v: 1}' | brief)" \
	"1:t \"\\n$long\" 2020-01-01T00:00:00Z {\"v\":1}" \
	'escapes in a component and in a time'

time_of() {
	extract "$(event 1 "{\"t\":$1}")" 'time: .t' "${@:2}" \
		'metrics: {v: 1}' | brief | cut -d ' ' -f 3
}
is "$(time_of '"2018-02-07T03:26:13.840+02:00"')" 2018-02-07T01:26:13.840Z \
	'a time of RFC 3339'
is "$(time_of 1517966773840 'time_format: ms')" 2018-02-07T01:26:13.840Z \
	'milliseconds'
is "$(time_of '"1517966773840123"' 'time_format: us')" \
	2018-02-07T01:26:13.840123Z 'microseconds in a string'
is "$(time_of 1.5179667738e9 'time_format: s')" 2018-02-07T01:26:13.8Z \
	'seconds with an exponent'
is "$(time_of 1517966773840000001 'time_format: ns')" \
	2018-02-07T01:26:13.840000001Z 'nanoseconds, none lost in a double'
is "$(time_of '"2012/01/15"' 'time_format: "%Y/%m/%d"')" \
	2012-01-15T00:00:00Z 'a strptime format'

### metrics

is "$(extract "$(event 1 '{"z":13911860366432393,"s":"\u0041\/","n":2.0,"o":{"b": 1,"a":[1.10]}}')" \
	'metrics: {s: .s, z: .z, n: .n, o: .o}' | brief | cut -d ' ' -f 4-)" \
	'{"s":"\u0041\/","z":13911860366432393,"n":2.0,"o":{"b": 1,"a":[1.10]}}' \
	'values keep their bytes, metrics the order of the specification'
is "$(extract "$(event 1 '{"a":null,"c":1}')" \
	'metrics: {a: .a, b: .b, c: .c, d: empty}' | brief | cut -d ' ' -f 4)" \
	'{"c":1}' 'absent and null metrics are left out'
is "$(extract "$(event 1 '{"a":null,"c":1}')" 'nulls: keep' \
	'metrics: {a: .a, b: .b, c: .c, d: empty}' | brief | cut -d ' ' -f 4)" \
	'{"a":null,"b":null,"c":1}' 'nulls: keep keeps nulls'
is "$(extract "$(event 1 '{"a":null}')" 'metrics: {a: .a, b: .b}')" '' \
	'no metric, no observation'
is "$(extract "$(event 1 '{"a":2}')" \
	'metrics: {"a \" é\\": .a, b: .a * 2, c: "1, 2", d: "$event.subject"}' |
	brief | cut -d ' ' -f 4-)" '{"a \" é\\":2,"b":4,"c":1,"d":"sub"}' \
	'names are quoted, jq computes, the first output counts'
is "$(extract '{"specversion":"1.0","id":"1","source":"s","type":"t","subject":"a","time":"2026-01-02T03:04:05Z"}' \
	'metrics: {a: ". == null"}' | brief)" \
	'1:t "a" 2026-01-02T03:04:05Z {"a":true}' 'without data, . is null'

### when, several templates, each

when() {
	extract "$(event 1 '{"a":1,"f":false,"n":null,"z":0}')" "when: $1" \
		'metrics: {a: .a}' | wc -l
}
is "$(when .a) $(when .z) $(when '.a == 1') $(when '.a < 2 and .z == 0')" \
	'1 1 1 1' 'when: truth as in jq'
is "$(when .f) $(when .n) $(when .no) $(when empty) $(when '.a == 2')" \
	'0 0 0 0 0' 'when: false, null and nothing'
is "$(when "'.no.no | not'")" 1 'when: a program'

cat >two.yaml <<'END'
templates:
  - {name: p, when: .lat != null, metrics: {lat: .lat}}
  - name: t
    component: '.id | ascii_upcase'
    metrics:
      temp: |
        # of the two sensors the warmer
        [.t1, .t2]
        | max
END
is "$(event 1 '{"id":"a","lat":1.0,"t1":2,"t2":3}' | dl-extract two.yaml | brief)" \
'1:p "sub" 2026-01-02T03:04:05Z {"lat":1.0}
1:t "A" 2026-01-02T03:04:05Z {"temp":3}' 'two templates, two observations'

list='{"train":"x","w":[{"n":1,"t":1.50},{"n":2},{"n":3,"t":[2]}]}'
is "$(extract "$(event 1 "$list")" 'each: .w' 'component: .n' \
	'metrics: {t: .t}' | brief)" \
'1:t.0 "1" 2026-01-02T03:04:05Z {"t":1.50}
1:t.2 "3" 2026-01-02T03:04:05Z {"t":[2]}' \
	'each: an observation for each element, by its place'
is "$(extract "$(event 1 "$list")" 'each: .w' 'when: .n > 1' \
	'component: "$event.subject + \"-\" + (.n | tostring)"' \
	'metrics: {n: .n}' | brief)" \
'1:t.1 "sub-2" 2026-01-02T03:04:05Z {"n":2}
1:t.2 "sub-3" 2026-01-02T03:04:05Z {"n":3}' \
	'each: when and programs with $event see the element as .'
is "$(extract "$(event 1 "$list")" 'each: "[.train as $t | .w[] | . + {$t}]"' \
	'component: .t' 'metrics: {n: .n}' | brief | cut -d ' ' -f 1,2 | tail -n 1)" \
	'1:t.2 "x"' 'each: a program that takes what is beside the list'
for v in '{}' '{"w":null}' '{"w":[]}' null; do
	is "$(extract "$(event 1 "$v")" 'each: .w' 'metrics: {a: .}')" '' \
		"each: nothing in $v"
done

{
	printf '{"specversion":"1.0","id":"1","source":"s","type":"t","subject":"x","time":"2026-01-02T03:04:05Z","data":['
	seq -s , 0 49999 | tr -d '\n'
	printf ']}\n'
} >long
spec 'each: .' 'metrics: {n: ., s: "$event.subject"}' >spec.yaml
status 0 'each: a long list' dl-extract spec.yaml <long
is "$(brief <out | tail -n 1) $(wc -l <out)" \
	'1:t.49999 "x" 2026-01-02T03:04:05Z {"n":49999,"s":"x"} 50000' \
	'each: of 50000 elements'

### failures: a dead letter each, and nothing of their event

dead() { # NAME CODE MESSAGE DATA LINE...
	rm -f dead.ndjson
	spec "${@:5}" >spec.yaml
	status 0 "$1: goes on" dl-extract -d dead.ndjson spec.yaml \
		< <(event 1 "$4"; event 2 '{"c":"c","t":"2020-01-01T00:00:00Z","l":[1],"v":1}')
	is "$(jq -c '[.type, .id, .data.code, .data.error, .data.tool, .data.step]' \
		dead.ndjson)" \
		"$(jq -nc --arg c "$2" --arg m "$3" \
			'["dl.dead", "1", $c, $m, "dl-extract", "spec"]')" \
		"$1: the dead letter says why"
	is "$(jq -r .data.record dead.ndjson)" "$(event 1 "$4")" \
		"$1: the dead letter holds the event"
	is "$(grep -c '"id":"1:' out)" 0 "$1: nothing of the event came out"
}
bad_component='a component: a string that is not empty, a number or a boolean'
for v in null '""' '{}' '[1]'; do
	dead "component $v" component \
		"spec.yaml:3: 'component': $v is not $bad_component" \
		"{\"c\":$v}" 'component: .c' 'metrics: {v: 1}'
done
dead 'no component' component \
	"spec.yaml:3: 'component': no value, expected $bad_component" \
	'{"c":1}' 'component: .c | select(. != 1)' 'metrics: {v: 1}'
dead 'a bad time' time \
	"spec.yaml:3: 'time': \"soon\" is not an RFC 3339 time such as 2018-02-07T01:26:13.840Z" \
	'{"t":"soon"}' 'time: .t' 'metrics: {v: 1}'
dead 'no time' time "spec.yaml:3: 'time': null is not a time" \
	'{}' 'time: .t' 'metrics: {v: 1}'
dead 'a plain path that fails' program \
	"spec.yaml:4: 'v': Cannot index number with string \"x\"" \
	'{"v":{"x":1},"y":2}' 'metrics:' '  v: .y.x'
dead 'a program that fails' program \
	"spec.yaml:4: 'v': null (null) and number (1) cannot be divided" \
	'{}' 'metrics:' '  v: .v / 1'
dead 'a condition that fails' program "spec.yaml:3: 'when': no" \
	'{}' 'when: "if .c then true else error(\"no\") end"' 'metrics: {v: 1}'
dead 'each of no list' each "spec.yaml:3: 'each': {\"a\":1} is not a list" \
	'{"l":{"a":1}}' 'each: .l' 'metrics: {v: 1}'
dead 'each of many values' each \
	"spec.yaml:3: 'each': more than one value, expected one list" \
	'{"l":[[1],[2]]}' 'each: "if (.l | length) == 2 then .l[] else .l end"' \
	'metrics: {v: 1}'
dead 'the last element' program \
	"spec.yaml:5: 'v': Cannot index number with string \"x\"" \
	'{"l":[{"x":1},{"x":1},2]}' 'each: ".l | map(select(. != 1))"' 'metrics:' '  v: .x'
dead 'data that is not JSON' json "the event's data is not JSON: expected a name in quotes at byte 8" \
	'{"v":1,}' 'metrics: {v: .v}'

cat >two.yaml <<'END'
templates:
  - {name: good, metrics: {a: .a}}
  - {name: bad, when: .b, metrics: {a: .a.b}}
END
(event 1 '{"a":1}'; event 2 '{"a":1,"b":true}'; event 3 '{"a":1}') >in
status 0 'one of two templates fails' dl-extract -d dead2 two.yaml <in
is "$(brief <out)" '1:good "sub" 2026-01-02T03:04:05Z {"a":1}
3:good "sub" 2026-01-02T03:04:05Z {"a":1}' \
	'the other one has nothing of that event either'
status 0 'dead letters are appended' dl-extract -d dead2 two.yaml <in
is "$(jq -r .id dead2 | xargs)" '2 2' 'to what is there'
status 65 'without -d the tool ends' dl-extract two.yaml <in
is "$(cat err)" "dl-extract: <stdin>:2: event 2: two.yaml:3: 'a': Cannot index number with string \"b\"" \
	'and names line, event, file and key'

(event 1 '{"a":1}'; echo '{"a":1}{"b":2}'; printf '\xff\n'; event 3 '{"a":1}') >in
status 0 'lines that are no events' dl-extract -d dead3 two.yaml <in
is "$(brief <out | cut -d ' ' -f 1 | xargs)" '1:good 3:good' 'the rest goes on'
is "$(jq -r '.data | .code + (.record // "") + (.record_base64 // "")' dead3)" \
'event{"a":1}{"b":2}
event/w==' 'and they are kept'

(event 1 '{"a":1}'; printf '{"specversion"') >in
status 65 'a torn line' dl-extract two.yaml <in

for v in subject time; do
	[ "$v" = time ] && other=subject || other='time'
	spec 'metrics: {a: .}' >spec.yaml
	status 65 "an event without $v" dl-extract spec.yaml \
		< <(event 1 1 "\"$other\":\"2026-01-02T03:04:05Z\",")
	like "$(cat err)" "the event has no $v, and template 't' no '[a-z]*'" \
		"no $v: the message says what is missing"
done

### checkpoints

check='{"specversion":"1.0","id":"P","source":"source.s","type":"dl.checkpoint"}'
(echo "$check"; event 1 '{"a":1}'; event 2 '{"a":1,"b":true}'
	echo "$check"; event 3 '{}'; echo "$check") >in
status 0 'checkpoints' dl-extract -d dead4 two.yaml <in
is "$(sed 's/.*"id":"\([^"]*\)".*/\1/' out | xargs)" 'P 1:good P P' \
	'pass in their order'
is "$(grep -c '^'"$check"'$' out)" 3 'as they came'

### the specification

wrong() { # NAME MESSAGE, the file on standard input
	cat >wrong.yaml
	status 78 "$1: status" dl-extract wrong.yaml </dev/null
	is "$(cat err)" "dl-extract: $2" "$1: message"
}
wrong 'an unknown key' \
	"wrong.yaml:3: 'metric' is not a key of a template (did you mean 'metrics'?)" <<'END'
templates:
  - name: t
    metric: {a: .a}
END
wrong 'a key twice' "wrong.yaml:4: 'a' is given twice (first on line 3)" <<'END'
templates:
  - {name: t, metrics: {
      a: .a,
      a: .b}}
END
wrong 'no name' "wrong.yaml:2: a template needs 'name'" <<'END'
templates:
  - metrics: {a: .a}
END
wrong 'no metrics' "wrong.yaml:3: a template needs 'metrics'" <<'END'
templates:

  - name: t
END
wrong 'empty metrics' "wrong.yaml:3: 'metrics' is empty, expected names and jq expressions" <<'END'
templates:
  - name: t
    metrics: {}
END
wrong 'a metric without an expression' \
	"wrong.yaml:4: metric 'a' is not text, expected a jq expression" <<'END'
templates:
  - name: t
    metrics:
      a:
END
wrong 'a metric without a name' \
	"wrong.yaml:2: a metric's name has 1 to 256 bytes" <<'END'
templates:
  - {name: t, metrics: {"": .a}}
END
wrong 'no templates' 'wrong.yaml:1: 0 templates, expected 1 to 1000' <<'END'
templates: []
END
wrong 'an empty file' \
	'wrong.yaml:1: expected an extraction, a mapping of keys to values' </dev/null
wrong 'a name that is none' \
	"wrong.yaml:2: 'name' is \"a b\", expected at most 64 of A-Z a-z 0-9 . _ - and first a letter or digit" <<'END'
templates:
  - {name: a b, metrics: {a: .a}}
END
wrong 'a name twice' "wrong.yaml:3: template 't' is given twice" <<'END'
templates:
  - {name: t, metrics: {a: .a}}
  - {name: t, metrics: {b: .b}}
END
wrong 'time_format alone' \
	"wrong.yaml:2: 'time_format' is for 'time', which is not given" <<'END'
templates:
  - {name: t, time_format: ms, metrics: {a: .a}}
END
wrong 'a time_format that is none' \
	"wrong.yaml:4: 'time_format': \"iso\" is not a time format: expected rfc3339, s, ms, us, ns, or a strptime format such as %Y-%m-%d" <<'END'
templates:
  - name: t
    time: .t
    time_format: iso
    metrics: {a: .a}
END
wrong 'nulls that are none' \
	"wrong.yaml:2: 'nulls' is \"kep\", expected drop or keep (did you mean 'keep'?)" <<'END'
templates:
  - {name: t, nulls: kep, metrics: {a: .a}}
END
wrong 'an unset variable' \
	"wrong.yaml:2: the environment has no DL_TEST_NONE (\${DL_TEST_NONE:-default} gives a default)" <<'END'
templates:
  - {name: t, metrics: {a: '.a', b: "${DL_TEST_NONE}"}}
END
for key in when each component time; do
	printf 'templates:\n  - name: t\n    metrics: {a: .a}\n    %s: .a[\n' \
		$key >wrong.yaml
	status 78 "$key that is no jq" dl-extract wrong.yaml </dev/null
	like "$(cat err)" "^dl-extract: wrong.yaml:4: '$key': .*syntax error" \
		"$key: line, key and jq's message"
	is "$(wc -l <err)" 1 "$key: in one line"
done
printf 'templates:\n- name: t\n  metrics:\n    a: nofunction\n' >wrong.yaml
status 78 'a metric that is no jq' dl-extract wrong.yaml </dev/null
like "$(cat err)" "wrong.yaml:4: 'a': .*nofunction/0 is not defined" \
	'line, key and the message of jq'

spec "metrics: {a: '.a', b: \"\${DL_TEST_PATH:-.b}\", c: '\$event.subject'}" >env.yaml
is "$(event 1 '{"a":1,"b":2,"c":3}' | dl-extract env.yaml | brief | cut -d ' ' -f 4)" \
	'{"a":1,"b":2,"c":"sub"}' 'a default of the environment'
is "$(event 1 '{"a":1,"b":2,"c":3}' | DL_TEST_PATH=.c dl-extract env.yaml |
	brief | cut -d ' ' -f 4)" '{"a":1,"b":3,"c":"sub"}' 'a variable that is set'
status 78 'no such file' dl-extract none.yaml </dev/null
is "$(event 1 '{"a":1}' | dl-extract <(spec 'metrics: {a: .a}') | wc -l)" 1 \
	'the specification may be a pipe'
status 64 'no operand' dl-extract </dev/null
status 64 'two operands' dl-extract spec.yaml spec.yaml </dev/null
status 64 'too many jobs' dl-extract -j 65 spec.yaml </dev/null

### the ends of pipes

status 0 'nothing in, nothing out' dl-extract two.yaml </dev/null
is "$(cat out)" '' 'nothing'
event 1 '{"a":1}' >in
dl-extract two.yaml <in >/dev/full 2>err
is "$? $(cat err)" \
	'75 dl-extract: cannot write <stdout>: No space left on device' \
	'a full disk is told'
(event 1 '{"a":1,"b":1}') >in
dl-extract -d /dev/full two.yaml <in >out 2>err
is $? 75 'so is one that dead letters go to'
dl-extract two.yaml <in >&- 2>err
is $(($? != 0)) 1 'and an output that is closed'

### the real feed, with jq as the oracle

feed=$OLDPWD/pipelines/quakes/sample.geojson
jq -c '.features[] | {specversion: "1.0", id, source: "q", type: "dl.record",
	subject: .id, time: "2018-02-07T01:26:13Z", data: .}' "$feed" >quakes
cat >quakes.yaml <<'END'
templates:
  - name: q
    when: .type == "Feature"
    component: .id
    time: .properties.time
    time_format: ms
    metrics:
      mag: .properties.mag
      depth: .geometry.coordinates[2]
      place: .properties.place
      felt: .properties.felt
END
dl-extract quakes.yaml <quakes >observations
jq -c '[.id, .subject, .time, .data]' observations >got
jq -c '[.id + ":q", .data.id,
	(.data.properties.time / 1000 | floor | todate[:19]) + "." +
	((.data.properties.time % 1000 + 1000 | tostring)[1:]) + "Z",
	({mag: .data.properties.mag, depth: .data.geometry.coordinates[2],
		place: .data.properties.place, felt: .data.properties.felt}
		| with_entries(select(.value != null)))]' quakes >want
is "$(cmp got want && wc -l <got)" 1707 '1707 earthquakes as jq has them'
dl-extract quakes.yaml <quakes | cmp - observations
is $? 0 'a second run gives the same bytes'

done_testing
