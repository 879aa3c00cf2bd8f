#!/usr/bin/env bash
# dl-transform: Ok, Dropped, Failed; jq is the judge of what a program says.
# shellcheck disable=SC2016 # $event and the like are the program's
. tests/tap.sh

event() { # ID DATA [MORE]
	printf '{"specversion":"1.0","id":"%s","source":"s",' "$1"
	printf '"type":"dl.record",%s"data":%s}\n' "${3:-}" "$2"
}
head_of() { sed 's/,"data":.*//' "$1"; }

# One output, none, several, an error.
event a '{"k":1}' >"$T/one"
status 0 'one output' dl-transform -n s '{v: .k}' <"$T/one"
is "$(jq -c '[.id, .causationid, .data]' "$T/out")" '["a",null,{"v":1}]' \
	'keeps the id and has the output as data'
like "$(jq -r .dlsteps "$T/out")" '^s@[0-9a-f]{8}$' 'dlsteps has the step'
status 0 'no output' dl-transform empty <"$T/one"
is "$(cat "$T/out")" '' 'drops the event'
status 0 'several outputs' dl-transform '.k, null, [.]' <"$T/one"
is "$(jq -c '[.id, .causationid, .data]' "$T/out" | tr '\n' ' ')" \
	'["a.1","a",1] ["a.2","a",null] ["a.3","a",[{"k":1}]] ' \
	'have ids of their own'
status 65 'an error without -d' dl-transform '.k, error("it broke")' <"$T/one"
is "$(cat "$T/err")" 'dl-transform: <stdin>:1: event a: it broke' \
	'ends with a message that names the event'
is "$(cat "$T/out")" '' 'and with none of its outputs'

# Dead letters hold the record, whole, and the rest goes on.
{ event a 1; event b '"x"'; event c 3; } >"$T/in"
status 0 'errors with -d' dl-transform -d "$T/dead" -n plus \
	'if . == "x" then 1, 2, . + 1 else . end' <"$T/in"
is "$(jq -r .id "$T/out" | tr '\n' ' ')" 'a c ' 'the others pass'
is "$(jq -r .data.record "$T/dead")" "$(sed -n 2p "$T/in")" \
	'the record is kept, byte for byte'
is "$(jq -c '[.type,.data.tool,.data.step,.data.code,.data.error]' "$T/dead")" \
	'["dl.dead","dl-transform","plus","program","string (\"x\") and number (1) cannot be added"]' \
	'beside the reason'

# The envelope survives, in the order of dl-event(5).
event a '{"b":2.0}' '"subject":"k","time":"2020-01-01T00:00:00Z","other":{"x":[1.0]},"dlsteps":"first@00000000","dlorigin":"o",' \
	>"$T/in"
status 0 'an event with everything' dl-transform -n s .b <"$T/in"
is "$(sed 's/s@[0-9a-f]*/s@X/' "$T/out")" \
	'{"specversion":"1.0","id":"a","source":"s","type":"dl.record","subject":"k","time":"2020-01-01T00:00:00Z","dlorigin":"o","dlsteps":"first@00000000 s@X","other":{"x":[1.0]},"data":2.0}' \
	'attributes survive, dlsteps grows'
status 0 'the whole event is $event' dl-transform \
	'[$event.subject, $event.other.x[0], $event.data.b]' <"$T/in"
is "$(sed 's/.*"data"://' "$T/out")" '["k",1.0,2.0]}' 'with its bytes'
event a 1 >"$T/in"
dl-transform -n s . <"$T/in" >"$T/a"
dl-transform -n s '. ' <"$T/in" >"$T/b"
dl-transform -n s --arg x y . <"$T/in" >"$T/c"
is "$(sort -u "$T/a" "$T/b" "$T/c" | wc -l)" 3 \
	'the hash tells programs and arguments apart'
dl-transform -n s . <"$T/in" | cmp -s - "$T/a"
is $? 0 'and is the same each time'

# Events without data; the id rule with -e.
printf '{"specversion":"1.0","id":"n","source":"s","type":"t"}\n' >"$T/in"
status 0 'no data is null' dl-transform '[.]' <"$T/in"
is "$(jq -c .data "$T/out")" '[null]' 'to a program on jq'
status 0 'to a plain one too' dl-transform .a.b <"$T/in"
is "$(jq -c .data "$T/out")" null 'null in, null out'
event a '{"b":1}' >"$T/in"
status 0 '-e: the program takes and makes events' \
	dl-transform -e '.subject = "new" | .data.b += 1' <"$T/in"
is "$(jq -c '[.id, .subject, .data]' "$T/out")" '["a","new",{"b":2}]' \
	'-e: changed'
status 0 '-e: several' dl-transform -e '., (.id = "other"), .' <"$T/in"
is "$(jq -c '[.id, .causationid]' "$T/out" | tr '\n' ' ')" \
	'["a.1","a"] ["other",null] ["a.3","a"] ' \
	'-e: an id that was changed is left alone'
for program in .data '.id = ""' 'del(.source)' '.specversion = "2"' \
	'.type = "dl.checkpoint"' '[.]'; do
	rm -f "$T/dead"
	status 0 "-e: $program" dl-transform -d "$T/dead" -e "$program" \
		<"$T/in"
	is "$(jq -r .data.code "$T/dead")" event "-e: $program is no event"
done

# Arguments.
printf '1.50 "two"\n{"three":3}\n' >"$T/values"
status 0 'arguments' dl-transform --arg s 'a "q"' --argjson j '{"x":[1]}' \
	--slurpfile f "$T/values" '[$s, $j.x[0], $f, $ARGS.named.s]' <"$T/one"
is "$(jq -c .data "$T/out")" '["a \"q\"",1,[1.5,"two",{"three":3}],"a \"q\""]' \
	'are bound'
status 64 'an argument that is no name' dl-transform --arg 1x y . <"$T/one"
status 64 'event is taken' dl-transform --arg event y . <"$T/one"
status 64 'a name twice' dl-transform --arg x y --arg x z . <"$T/one"
status 64 'no JSON' dl-transform --argjson x '{' . <"$T/one"
printf '[1' >"$T/bad"
status 64 'no file of JSON' dl-transform --slurpfile x "$T/bad" . <"$T/one"
status 78 'no file' dl-transform --slurpfile x "$T/none" . <"$T/one"

# Programs: where they come from, what is wrong with them.
mkdir "$T/p" "$T/cwd"
echo 'def twice: . * 2;' >"$T/p/lib.jq"
echo 'include "lib"; .k | twice # the end' >"$T/p/good.jq"
status 0 'a program with a module' dl-transform -p "$T/p/good.jq" <"$T/one"
is "$(jq -c .data "$T/out")" 2 'is run'
like "$(jq -r .dlsteps "$T/out")" '^good@' 'and named after its file'
echo 'def twice: "wrong one";' >"$T/cwd/lib.jq"
is "$(cd "$T/cwd" && dl-transform -p ../p/good.jq <../one | jq -c .data)" 2 \
	"not with one of the working directory's"
echo 'include "only"; 1' >"$T/p/bad.jq"
echo 'def a: 1;' >"$T/cwd/only.jq"
is "$(cd "$T/cwd" && dl-transform -p ../p/bad.jq <../one 2>&1)" \
	'dl-transform: ../p/bad.jq: module not found: only' \
	'which is not looked into'
status 78 'no module for a program without a file' \
	dl-transform 'include "lib"; 1' <"$T/one"
printf '.a |\n\n nothing\n' >"$T/p/bad.jq"
status 78 'a wrong program' dl-transform -p "$T/p/bad.jq" <"$T/one"
is "$(cat "$T/err")" \
	"dl-transform: $T/p/bad.jq: nothing/0 is not defined (line 3)" \
	'is told with its line'
status 64 'no program' dl-transform <"$T/one"
status 64 'two programs' dl-transform -p "$T/p/good.jq" . <"$T/one"
status 78 'a file that is not there' dl-transform -p "$T/none" <"$T/one"
is "$(cd "$T/p" && dl-transform good.jq <../one 2>&1)" "dl-transform: 'good.jq' \
is a file, which -p runs: program: good/0 is not defined (line 1)" \
	'a file given as a program'
status 78 'a program that ends too early' dl-transform '.a |' <"$T/one"
is "$(cat "$T/err")" \
	'dl-transform: program: syntax error, unexpected $end (line 1)' \
	"is told without jq's guess at a shell's quotes"
status 64 'a step that is no name' dl-transform -n 'a b' . <"$T/one"
is "$(HOME=$T/p dl-transform '[env, $ENV]' <"$T/one" | jq -c .data)" \
	'[{},{}]' 'the environment is empty'

# Programs that would not end.
status 65 'a runaway program' dl-transform --max-time 100ms \
	'def r: r; r' <"$T/one"
is "$(cat "$T/err")" \
	'dl-transform: <stdin>:1: event a: the program ran longer than 100ms' \
	'is ended, and the event named'
{ event a 1; event b 2; event c 1; } >"$T/in"
status 0 'one of three' dl-transform --max-time 100ms -d "$T/dead2" \
	'if . == 2 then last(repeat(1)) else . end' <"$T/in"
is "$(jq -r .id "$T/out" | tr '\n' ' ')" 'a c ' 'the others pass'
is "$(jq -r .data.error "$T/dead2")" 'the program ran longer than 100ms' \
	'and it is a dead letter'
status 65 'a function that cannot be interrupted' dl-transform \
	--max-time 100ms '("é"*300000)|[match("é";"g")]|length' <"$T/one"
is "$(cat "$T/err")" \
	'dl-transform: the program would not stop after 100ms, at event a' \
	'ends the tool, and the event is named'

# libjq 1.6 aborts over 1e18|todate: an error of that event, and no other.
{ event a 0; event b 1e18; event c 1; } >"$T/in"
status 0 'where libjq fails' dl-transform -d "$T/dead5" '[..][0] | todate' \
	<"$T/in"
is "$(jq -c '[.id, .data]' "$T/out" | tr '\n' ' ')" \
	'["a","1970-01-01T00:00:00Z"] ["c","1970-01-01T00:00:01Z"] ' \
	'the others pass'
is "$(jq -r .data.error "$T/dead5")" 'libjq failed in this program' \
	'and it is a dead letter'

# Checkpoints in their order, idle input, the end of a pipe.
{
	echo '{"specversion":"1.0","id":"00","source":"k","type":"dl.checkpoint"}'
	event a 1
	event b 2
	echo '{"specversion":"1.0","id":"02","source":"k","type":"dl.checkpoint"}'
	event c 3
	echo '{"specversion":"1.0","id":"03","source":"k","type":"dl.checkpoint"}'
} >"$T/in"
status 0 'checkpoints' dl-transform 'select(. != 2)' <"$T/in"
is "$(jq -r .id "$T/out" | tr '\n' ' ')" '00 a 02 c 03 ' 'pass in order'
status 65 'a torn line' dl-transform . <<<"$(event a 1)"x
printf '{"specversion":"1.0"' >"$T/torn"
status 65 'a torn end' dl-transform . <"$T/torn"
status 75 'a full disk' sh -c "dl-transform . <'$T/one' >/dev/full"

# Data that isn't JSON behind the door: a dead letter where it is looked into.
printf '%s\n' '{"specversion":"1.0","id":"a","source":"s","type":"t","data":{"a":1,"a":2}}' \
	>"$T/in"
status 0 'a name twice' dl-transform -d "$T/dead3" '[.[]]' <"$T/in"
is "$(jq -r .data.code "$T/dead3")" program 'is a dead letter'
status 0 'of a plain path the last one counts' dl-transform .a <"$T/in"
is "$(jq -c .data "$T/out")" 2 'as in jq'

# What no program touched keeps its bytes.
D='{"n":13911860366432393,"f":2.0,"e":1E+2,"s":"\u00e9\/","o":{"z":1.0,"a":[]},"x":0}'
event a "$D" >"$T/in"
status 0 'a member is changed' dl-transform '.x = 1' <"$T/in"
is "$(sed 's/.*"data"://' "$T/out")" "${D%0\}}1}}" 'and no byte of the others'
status 0 'members are moved' dl-transform '{q: .o, p: .n, l: [.f, .e, .s]}' \
	<"$T/in"
is "$(sed 's/.*"data"://' "$T/out")" \
	'{"q":{"z":1.0,"a":[]},"p":13911860366432393,"l":[2.0,1E+2,"\u00e9\/"]}}' \
	'with their bytes'

# jq is the judge: the same outputs on the same data.
cat >"$T/data" <<'END'
null
0
-7
3.25
""
"text"
"é😀\t\"q\" \\ 🎉"
[]
[1,2,3,2]
[3,[1],{"a":2},null,"x"]
{}
{"a":1,"b":[1,2,{"c":null}],"k e y":"v"}
{"a":{"b":{"c":[true,false]}},"b":"B","":0}
{"time":1517966773840,"properties":{"mag":1.3,"place":"8km NNW","felt":null},"geometry":{"coordinates":[-122.8,38.8,1.4]}}
[{"g":1,"v":"a"},{"g":2,"v":"b"},{"g":1,"v":"c"}]
END
while IFS= read -r data; do event x "$data"; done <"$T/data" >"$T/in"
data_of() { sed 's/.*"data"://; s/}$//'; }
n=0
while IFS= read -r program; do
	n=$((n + 1))
	rm -f "$T/dead4"
	jq -c "$program" "$T/data" >"$T/want" 2>"$T/want.err"
	status 0 "runs: $program" dl-transform -d "$T/dead4" "$program" \
		<"$T/in"
	is "$(data_of <"$T/out")" "$(cat "$T/want")" "as jq: $program"
	is "$(jq -r .data.error "$T/dead4")" \
		"$(sed 's/^jq: error (at [^)]*): //' "$T/want.err")" \
		"errors as jq: $program"
done <<'END'
.
.a
.a.b.c
.a?
.["k e y"]
.[0]
.[-1]
.b[1]?
.properties.mag
.geometry.coordinates[2]
.a == 1
.properties.mag >= 1.25 and .time > 0
select(.a == 1) | .b
.a | not
keys?
length
map(.)?
tojson
[paths]
[..|numbers]
[.[]?]
{x: ., y: [.]}
to_entries?
with_entries(.value |= [.])?
del(.a)?
[limit(2; .[]?)]
group_by(.g)?
sort
add?
.[1:]?
(.a, .b)?
if type == "object" then .new = 1 else . end
ascii_upcase?
explode?
@base64
[.,1] | @csv
. as [$x, $y] ?// $x | [$x]
reduce .[]? as $x (0; . + 1)
[.[]? | select(type == "number") | . / 3]
walk(if type == "number" then . + 1 else . end)
END
is "$n" 40 'forty programs'

# Which engine.

is "$(dl-transform --explain '{id, mag: (.mag * 10 | round)}')" \
	'program: the scanner' 'the scanner runs what is common'
printf '%s\n' '# places' '.place | test("AK")' >"$T/places.jq"
is "$(dl-transform --explain -p "$T/places.jq")" \
	"$T/places.jq: libjq, for 'test', a regular expression (line 2)" \
	'libjq the rest, and the line says why'
status 78 'what is not jq is explained by its error' \
	dl-transform --explain '{a: ' <"$T/places.jq"
if dl-transform --explain . >/dev/full 2>"$T/err"; then r=0; else r=$?; fi
is "$r" 75 'an explanation that cannot be written is an error'

done_testing
