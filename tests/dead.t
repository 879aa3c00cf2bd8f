#!/usr/bin/env bash
# Dead letters: what they say of a record that failed, and how it is tried again.
# shellcheck disable=SC2016 # $event is the program's
. tests/tap.sh

cd "$T" || exit 1
event() { # ID DATA
	printf '{"specversion":"1.0","id":"%s","source":"s","type":"dl.record","subject":"c","time":"2026-01-01T00:00:00Z","data":%s}\n' \
		"$1" "$2"
}
checkpoint='{"specversion":"1.0","id":"0","source":"source.s","type":"dl.checkpoint"}'
# All of a letter's data but the record itself, of letter $1 in file $2.
letter() { jq -c '.data | del(.record, .record_base64)' "$2" | sed -n "$1p"; }
# dl(7)'s two ways to try again.
plainly() { jq -r .data.record "$1"; }
counted() { jq -r '.data | "{\"dlattempts\":\(.attempts)," + .record[1:]' "$1"; }

### what a letter says

echo 'if . == "x" then error("no x") else . end' >broken.jq
{ event a 1; echo "$checkpoint"; event b '"x"'; echo nonsense; } >in
status 0 'a program that fails' dl-transform -d dead -p broken.jq <in
hash=$(sed -n '1s/.*broken@\([0-9a-f]*\).*/\1/p' out)
is "$(letter 1 dead)" \
	"{\"tool\":\"dl-transform\",\"step\":\"broken\",\"program\":\"$hash\",\"attempts\":1,\"line\":3,\"code\":\"program\",\"error\":\"broken.jq: no x\"}" \
	'its letter has step, program, attempts, line and place'
is "$(letter 2 dead | jq -c '[.program, .attempts, .line, .code]')" \
	"[\"$hash\",1,4,\"event\"]" 'a line that is no event has them too'
is "${#hash}" 8 'the program is named as in dlsteps'

printf 'templates:\n- name: t\n  metrics: {v: .v / 1}\n- name: u\n  component: .c\n  metrics: {v: .v}\n' \
	>spec.yaml
{ event a '{"v":1,"c":"c"}'; event b '{"v":[],"c":"c"}'; event c '{"v":1}'; } >in
status 0 'a specification that fails' dl-extract -d dead-x spec.yaml <in
hash=$(sed -n '1s/.*spec@\([0-9a-f]*\).*/\1/p' out)
is "$(letter 1 dead-x)" \
	"{\"tool\":\"dl-extract\",\"step\":\"spec\",\"program\":\"$hash\",\"attempts\":1,\"line\":2,\"code\":\"program\",\"error\":\"spec.yaml:3: 'v': array ([]) and number (1) cannot be divided\"}" \
	'its letter names the line and the key'
like "$(letter 2 dead-x)" "\"line\":3,.*spec.yaml:5: 'component': null is not" \
	'and those of another template'
printf 'templates:\n- name: t\n  metrics: {v: .v}\n' >spec.yaml
status 0 'an event without subject' dl-extract -d dead-s spec.yaml \
	< <(event a 1 | sed 's/"subject":"c",//')
is "$(jq -r .data.error dead-s)" \
	"spec.yaml:2: the event has no subject, and template 't' no 'component'" \
	'the letter names the template and its line'
status 0 'an event with a bad time' dl-extract -d dead-t spec.yaml \
	< <(event a 1 | sed 's/2026-/soon-/')
like "$(jq -r .data.error dead-t)" \
	"^spec.yaml:2: the event's time, for template 't': \"soon-01" \
	'so does this one'

event a '{"m":1}' >in
status 0 'a tool without a program' dl-twin-put -d dead-p <in
is "$(letter 1 dead-p | jq -c '[.tool, .step, .line, has("program")]')" \
	'["dl-twin-put","",1,false]' 'names none'
status 0 'items that fail' dl-source -n s -d dead-i --subject .id - <<'END'
{"id":1}

{"id":{}}
{"id":
END
is "$(jq -c '.data | [.tool, .step, .attempts, .item, has("line"), has("program")]' \
	dead-i)" '["dl-source","s",1,2,false,false]
["dl-source","s",1,3,false,false]' 'are numbered as items'

### trying again

cat >broken.jq <<'END'
if .ok then . else error("not ok") end
END
odd='{"z":13911860366432393,"f":2.0,"e":1E+2,"s":"\u00e9\/","o":{"b":1.0,"a":[]}}'
event a "$odd" >in
printf '.f |= .\n' >fixed.jq
status 0 'a record fails' dl-transform -d dead1 -p broken.jq <in
plainly dead1 | cmp -s - in
is $? 0 'its letter has it byte for byte'
status 0 'it is tried again' dl-transform -p fixed.jq < <(plainly dead1)
is "$(sed 's/.*"data"://' out)" "$odd}" 'the mended program has the same bytes'
dl-transform -p fixed.jq <in | cmp -s - out
is $? 0 'and what comes out is what had come out'

status 0 'it fails again, counted' dl-transform -d dead2 -p broken.jq \
	< <(counted dead1)
is "$(jq -c '[.id, .data.attempts, .data.line]' dead2)" '["a",2,1]' \
	'the second letter says so'
status 0 'and again' dl-transform -d dead3 -p broken.jq < <(counted dead2)
is "$(jq -c '[.id, .data.attempts]' dead3)" '["a",3]' 'and the third'
status 0 'then it goes on' dl-transform -p fixed.jq < <(counted dead3)
is "$(sed 's/.*"data"://' out) $(grep -o '"dlattempts":[0-9]*' out)" \
	"$odd} \"dlattempts\":3" 'bytes kept, with its attempts, once'
status 0 'a program that sees the event takes it too' \
	dl-transform '[$event.dlattempts, .f]' < <(counted dead3)
is "$(sed 's/.*"data"://' out)" '[3,2.0]}' 'with its attempts'
printf 'templates:\n- name: t\n  metrics: {z: .z, f: .f}\n' >spec.yaml
status 0 'dl-extract too' dl-extract spec.yaml < <(counted dead3)
is "$(grep -o '"dlattempts":[0-9]*' out) $(sed 's/.*"data"://' out)" \
	'"dlattempts":3 {"z":13911860366432393,"f":2.0}}' 'passes it on'
dl-extract spec.yaml < <(counted dead3) |
	dl-transform -d dead4 -p broken.jq
is "$(jq .data.attempts dead4)" 4 'which a later step counts on'
status 0 'a lake' dl-lake-write -P a=1 -z none lake < <(counted dead3)
is "$(cat "$DL_HOME"/lake/lake/a=1/*.ndjson | grep -o '"dlattempts":[0-9]*')" \
	'"dlattempts":3' 'keeps it once as well'

for n in 0 -1 1.0 1e3 '"2"' null true 01 1000001 99999999999999999999 '[2]'; do
	sed "s/^{/{\"dlattempts\":$n,/" in >odd
	rm -f dead5
	status 0 "dlattempts $n" dl-transform -d dead5 -p broken.jq <odd
	is "$(jq .data.attempts dead5)" 1 "dlattempts $n is none"
done
sed 's/^{/{"dlattempts":2,"dlattempts":7,"dlattempts":7,"dlattempts":3,/' in >odd
dl-transform -d dead7 -p broken.jq <odd
is "$(jq .data.attempts dead7)" 8 'of several the largest counts'
sed 's/^{/{"dlattempts" : 1000000 ,/' in >odd
dl-transform -d dead6 -p broken.jq <odd
is "$(jq .data.attempts dead6)" 1000001 'dlattempts 1000000 is one'

# Half a dead letter, as a full disk or a kill leaves it.
event='{"specversion":"1.0","id":"1","source":"s","type":"dl.record","data":1}'
printf '{"a":1}\n{"specversion":"1.0","id":"1","sou' >"$T/half"
echo "$event" | dl-transform -d "$T/half" 'error("no")'
is "$(jq -c '[.a, .data.error]' "$T/half" 2>&1)" '[1,null]
[null,"no"]' 'half a dead letter does not spoil the next one'

done_testing
