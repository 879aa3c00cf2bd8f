#!/usr/bin/env bash
# dl-source: what it lets in, what it keeps out, what it acknowledges; against
# a real nginx, and a server that breaks off.
. tests/tap.sh
. tests/servers/nginx.sh

unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
now=2026-01-01T00:00:00Z

# spec FILE LINE...: a specification
spec() {
	local file=$T/$1
	shift
	printf '%s\n' "$@" >"$file"
}

# What came out: events (without checkpoints), and the checkpoints' positions.
events() { grep -v dl.checkpoint "$T/out"; }
data() { jq -c 'select(.type == "dl.record") | .data' "$T/out"; }
subjects() { jq -r 'select(.type == "dl.record") | .subject' "$T/out" | paste -sd' '; }
checkpoints() { jq -r 'select(.type == "dl.checkpoint") | .id' "$T/out"; }
ncheckpoints() { checkpoints | wc -l; }
# How many changes of a source wait for their commit.
waiting() { find "$DL_HOME/sources/$1/pending" -type f | wc -l; }
# Let the pipe's far end say that all was durable.
commit() { grep dl.checkpoint "$T/out" | dl-commit >/dev/null; }
# The one line that was said.
said() { cat "$T/err"; }
one_error() {
	is "$(wc -l <"$T/err")" 1 "$1: one line of error"
	like "$(said)" "$2" "$1: it says what is wrong"
}
codes() { jq -r .data.code "$T/dead" | paste -sd' '; }

## Standard input becomes events.

DL_NOW=$now status 0 'ndjson from standard input' \
	dl-source -n s --subject .id --time .t --time-format ms - < <(printf '{"id":"a","t":1517966773840,"v":2.0}\n')
is "$(cat "$T/out")" '{"specversion":"1.0","id":"'"$(jq -r .id "$T/out")"'","source":"s","type":"dl.record","subject":"a","time":"2018-02-07T01:26:13.840Z","recordedtime":"2026-01-01T00:00:00Z","data":{"id":"a","t":1517966773840,"v":2.0}}' \
	'an event has its members in order, and no number is touched'
like "$(jq -r .id "$T/out")" '^[0-9a-f]{32}$' 'an id is 128 bits'

id=$(jq -r .id "$T/out")
printf '{"id":"a","t":1517966773840,"v":2.0}\n' |
	dl-source -n s --subject .id --time .t --time-format ms - >"$T/out"
is "$(jq -r .id "$T/out")" "$id" 'the same item has the same id at any time'

printf '{ "b" : [1, 2.50,\t"x y" ], "a" : "\\u00e9 \\/" }\n' |
	dl-source -n s - >"$T/out"
like "$(cat "$T/out")" '"data":\{"b":\[1,2\.50,"x y"\],"a":"\\u00e9 \\/"\}\}$' \
	'white space goes, bytes of strings and numbers stay'

printf '{"n":7}\n{"n":null}\n{}\n{"n":"7"}\n' |
	DL_NOW=$now dl-source -n s --subject .n - >"$T/out"
is "$(jq -c '[.subject, .time]' "$T/out" | paste -sd' ')" \
	'["7","2026-01-01T00:00:00Z"] [null,"2026-01-01T00:00:00Z"] [null,"2026-01-01T00:00:00Z"] ["7","2026-01-01T00:00:00Z"]' \
	'a number is a subject, null and nothing are none'

status 0 'CRLF, empty lines, a last line without newline' dl-source -n s - < <(printf '{"a":1}\r\n\n  \r\n\t{"a":2}\r\n{"a":3}')
is "$(data | paste -sd' ')" '{"a":1} {"a":2} {"a":3}' '... are read'
status 0 'a byte order mark' dl-source -n s - < <(printf '\xef\xbb\xbf{"a":1}\n')
is "$(data)" '{"a":1}' '... is passed over'
status 0 'empty standard input is no error' dl-source -n s - </dev/null
is "$(cat "$T/out")" '' '... and no event, and no checkpoint'

printf '{"a":1}\n{"type":"dl.checkpoint","specversion":"1.0","id":"9","source":"source.s"}\n' |
	dl-source -n s - >"$T/out"
is "$(jq -r .type "$T/out" | paste -sd' ')" 'dl.record dl.record' \
	'a foreign checkpoint is data'

status 0 'json with items' dl-source -n s -F json --items .l - < <(printf '{"l":[{"a":1},{"a":2}],"rest":{"x":null}}')
is "$(data | paste -sd' ')" '{"a":1} {"a":2}' '... a plain path'
status 0 'json with items' dl-source -n s -F json --items '.l[] | select(.a > 1)' - < <(printf '{"l":[{"a":1},{"a":2},{"a":13911860366432393}]}')
is "$(sed 's/.*"data"://' "$T/out" | paste -sd' ')" \
	'{"a":2}} {"a":13911860366432393}}' '... an expression'
printf ' [ 1, "x" ] ' | dl-source -n s -F json - >"$T/out"
is "$(data | paste -sd' ')" '1 "x"' 'json without items: an array is the list'
printf '{"x":1}' | dl-source -n s -F json - >"$T/out"
is "$(data)" '{"x":1}' '... and anything else the item'

status 0 'csv' dl-source -n s -F csv --time .day --time-format %Y-%m-%d - < <(printf 'day,temp,note\r\n2026-01-01,1.50,"a ""b""\nc"\r\n2026-01-02,,\r\n')
is "$(jq -c '[.time, .data]' "$T/out" | paste -sd' ')" \
	'["2026-01-01T00:00:00Z",{"day":"2026-01-01","temp":1.5,"note":"a \"b\"\nc"}] ["2026-01-02T00:00:00Z",{"day":"2026-01-02","temp":null,"note":null}]' \
	'... rows are objects'

# It waits for nothing: a line comes out while the input stays open.
mkfifo "$T/slow"
dl-source -n s - <"$T/slow" >"$T/out" &
tap_pids+=($!)
exec 7>"$T/slow"
printf '{"a":1}\n{"a":' >&7
for _ in $(seq 100); do [ -s "$T/out" ] && break; sleep 0.05; done
is "$(data)" '{"a":1}' 'a line comes out while the input is silent'
kill -INT "${tap_pids[-1]}"
sleep 0.2
printf '2}\n' >&7
exec 7>&-
wait "${tap_pids[-1]}"
is "$? $(data | paste -sd' ')" '0 {"a":1} {"a":2}' \
	'a signal does not end it before its input'

## Bad input at the door: without -d it stops, with -d it is kept.

# bad NAME CODE REGEX: standard input is the bad lines, between two good ones.
bad() {
	local name=$1 code=$2 regex=$3
	{ echo '{"n":1}'; cat; echo '{"n":2}'; } >"$T/in"
	status 65 "$name: status 65" dl-source -n s - <"$T/in"
	one_error "$name" "$regex"
	is "$(data)" '{"n":1}' "$name: what came before it is passed on"
	rm -f "$T/dead"
	status 0 "$name: with -d, status 0" \
		dl-source -n s -d "$T/dead" - <"$T/in"
	is "$(data | paste -sd' ')" '{"n":1} {"n":2}' "$name: the others go on"
	is "$(jq -r '.type + " " + .source + " " + .data.tool + " " + .data.code' \
		"$T/dead")" "dl.dead s dl-source $code" "$name: one dead letter"
}
bad 'two values on a line' json '^dl-source: <stdin>: line 2: ' \
	< <(echo '{"a":1}{"b":2}')
is "$(jq -r .data.record "$T/dead")" '{"a":1}{"b":2}' '... kept as it came'
bad 'half of a value' json 'line 2: ' < <(echo '{"a":')
bad 'invalid UTF-8' json 'line 2: .*UTF-8' < <(printf '{"a":"\xff"}\n')
is "$(jq -r .data.record_base64 "$T/dead" | base64 -d | od -An -tx1)" \
	' 7b 22 61 22 3a 22 ff 22 7d' '... kept as it came'
bad 'a NUL' json 'line 2: ' < <(printf '{"a":"\0"}\n')
bad 'a name twice' json 'line 2: .*twice' < <(echo '{"a":1,"a":2}')
bad '100,000 levels' json 'line 2: more than 512 ' \
	< <(printf '%100000s%100000s\n' '' '' | tr ' ' '[')
bad 'a line of 2 MB' too-long 'line 2: 2000008 bytes, longer than' \
	< <(printf '{"a":"'; head -c 2000000 /dev/zero | tr '\0' x; printf '"}\n')
is "$(jq -c '[.data.bytes, (.data.record | length)]' "$T/dead")" \
	'[2000008,65536]' '... its beginning and its length'

printf '{"n":1}\n{"n":' >"$T/in"
status 65 'a torn last line: status 65' dl-source -n s - <"$T/in"
one_error 'a torn last line' 'line 2: '
is "$(data)" '{"n":1}' 'a torn last line: the others are passed on'

# 100 MB in one line, in bounded memory.
{ printf '{"a":"'; head -c 100000000 /dev/zero | tr '\0' x; printf '"}\n{"n":2}\n'; } \
	>"$T/in"
rm -f "$T/dead"
status 0 'a line of 100 MB' /usr/bin/time -f %M -o "$T/rss" \
	dl-source -n s -d "$T/dead" - <"$T/in"
is "$(data) $(jq -c '[.data.code, .data.bytes]' "$T/dead")" \
	'{"n":2} ["too-long",100000008]' '... is one dead letter'
# The sanitizers need memory of their own.
[ "${FLAVOUR:-plain}" = plain ] &&
	is "$(($(cat "$T/rss") < 32768))" 1 '... in less than 32 MiB'
rm -f "$T/in" "$T/dead"

# Documents that are wrong as a whole.
whole() { # NAME REGEX ARG...
	local name=$1 regex=$2
	shift 2
	status 65 "$name: status 65" dl-source -n s "$@" -
	one_error "$name" "$regex"
}
whole 'an empty document' 'empty' -F json </dev/null
whole 'HTML for JSON' "expected JSON, found '<!DOCTYPE html>" -F json \
	< <(echo '<!DOCTYPE html><html><body>No</body></html>')
whole 'controls of a terminal' "found '\\?\\?31m'" -F json \
	< <(printf '\xc2\x9b31m')
whole 'half of a document' 'ends in the middle' -F json --items .l \
	< <(printf '{"l":[{"a":1},{"a"')
is "$(data)" '{"a":1}' 'half of a document: its whole items are passed on'
whole 'a path that leads nowhere' "no '\.x' in the document" -F json --items .x <<<'{"l":[]}'
whole 'half of a document, for an expression' 'not JSON' \
	-F json --items '.l | map(.)' < <(printf '{"l":[{"a":1},{"a"')
is "$(data)" '' '... has no items'
whole 'CSV without a header' 'a header row was expected' -F csv </dev/null
whole 'CSV with a column twice' "'b'" -F csv < <(printf 'a,b,b\n1,2,3\n')

rm -f "$T/dead"
status 0 'bad CSV rows' dl-source -n s -F csv -d "$T/dead" - \
	< <(printf 'a,b\n1\n1,2,3\n\xff,1\n1,\0\n"x"y,1\n5,6\n"open')
is "$(data)" '{"a":5,"b":6}' '... leave the good one'
is "$(codes)" 'csv csv csv csv csv csv' '... are dead letters'
is "$(jq -r .data.error "$T/dead" | head -1)" \
	'row 1 (line 2): 1 field where the header has 2' '... that name the row'

rm -f "$T/dead"
status 0 'items that cannot become events' dl-source -n s -d "$T/dead" \
	--subject .s --time .t - <<-'E'
	{"s":"a","t":"2026-01-01T00:00:00Z"}
	{"s":"b","t":"yesterday"}
	{"s":"c"}
	{"s":["d"],"t":"2026-01-01T00:00:00Z"}
	[1]
E
is "$(subjects) / $(codes)" 'a / time time subject program' \
	'... are dead letters with their reason'
is "$(jq -r .subject "$T/dead" | paste -sd' ')" 'b c null null' \
	'... that know as much as could be read'

rm -f "$T/dead"
status 0 'elements that are wrong' dl-source -n s -F json --items .l \
	-d "$T/dead" - < <(printf '{"l":[{"a":1},{"a":1,"a":2},"\xff",[01],{"a":2}]}')
is "$(data | paste -sd' ') / $(codes)" '{"a":1} {"a":2} / json json json' \
	'... are dead letters, and the list goes on'

## Output that fails.

yes '{"a":1}' | head -200000 >"$T/in"
dl-source -n s - <"$T/in" >/dev/full 2>"$T/err"
is "$?" 75 'a full disk: status 75'
one_error 'a full disk' 'No space left'
dl-source -n s - <"$T/in" 2>"$T/err" >&-
is "$?" 75 'a closed standard output: status 75'
one_error 'a closed standard output' 'cannot write <stdout>'
{ dl-source -n s - <"$T/in" 2>"$T/err"; echo $? >"$T/status"; } | head -1 >/dev/null
is "$(cat "$T/status")" 75 'a reader that went away: status 75'
one_error 'a reader that went away' 'Broken pipe'
dl-source -n s - <&- >"$T/out" 2>"$T/err"
is "$?" 75 'a closed standard input: status 75'
one_error 'a closed standard input' 'cannot read <stdin>'
printf '{"a"\n' | dl-source -n s -d /dev/full - >"$T/out" 2>"$T/err"
is "$?" 75 'dead letters that cannot be written: status 75'
one_error 'dead letters that cannot be written' 'No space left'

## Specifications and usage.

wrong() { # STATUS REGEX ARG...
	local want=$1 regex=$2
	shift 2
	status "$want" "dl-source $*: status $want" dl-source "$@" </dev/null
	like "$(said)" "$regex" "dl-source $*: $regex"
}
cd "$T" || exit 1
wrong 64 'too few operands'
wrong 64 'needs a name' -
wrong 64 'not a name' -n 'a b' -
wrong 64 "'yaml' is no format" -n s -F yaml -
printf '{"t":"2026-01-01T00:00:00Z"}\n{"t":"soon"}\n' >"$T/in"
dl-source -n s --time .t - <"$T/in" 2>"$T/err" >"$T/out"
is "$? $(said)" "65 dl-source: <stdin>: item 2: --time: \"soon\" is not an RFC \
3339 time such as 2018-02-07T01:26:13.840Z" 'a wrong time: the item is named'
wrong 64 "--name is for standard input: 'some.yaml' is a SPEC.yaml" -n s some.yaml
wrong 64 "one operand too many: at most 2 \('dl-source --help'" a b c
wrong 64 "'http://localhost/x' is no SPEC.yaml, but may be the 'url'" \
	http://localhost/x
is "$(wc -l <"$T/err")" 1 'wrong usage is told in one line'
wrong 64 'no -f' -f -n s -
wrong 64 'time-format needs' -n s --time-format ms -
wrong 78 "'--subject'|--subject:" -n s --subject '.a |' -
wrong 78 'No such file' none.yaml
conf() { # REGEX LINE...: a spec that is wrong
	local regex=$1
	shift
	spec bad.yaml "$@"
	wrong 78 "$regex" bad.yaml
}
conf "bad.yaml:2: 'urll' is not a key of a source .did you mean 'url'" \
	'name: s' 'urll: http://localhost/'
conf "bad.yaml:1: 'url' is needed" 'name: s'
conf "bad.yaml:1: 'name'" 'name: ../x' 'url: http://localhost/'
conf "bad.yaml:2: 'url': .*file:///PATH" 'name: s' 'url: data/x.json'
conf "bad.yaml:2: 'url': .*file:///PATH" 'name: s' 'url: file://x.json'
conf "bad.yaml:2: 'url': .*none of http, https" 'name: s' 'url: gopher://x/y'
conf "bad.yaml:3: 'only_changed' needs 'subject'" \
	'name: s' 'url: http://localhost/' 'only_changed: true'
conf "bad.yaml:3: 'every' is at least 1s" \
	'name: s' 'url: http://localhost/' 'every: 999ms'
conf "bad.yaml:3: 'max_item' is from 64 bytes to 16M" \
	'name: s' 'url: http://localhost/' 'max_item: 17M'
conf "bad.yaml:3: 'time_format'" \
	'name: s' 'url: http://localhost/' 'time_format: fortnights' 'time: .t'
conf "bad.yaml:3: 'items'" 'name: s' 'url: http://localhost/' 'items: .a['
conf "bad.yaml:4: 'a b' is not the name of a header" \
	'name: s' 'url: http://localhost/' 'headers:' '  a b: c'
conf 'bad.yaml:4: the header .X. has a control character' \
	'name: s' 'url: http://localhost/' 'headers:' '  X: "a\r\nY: b"'
conf "bad.yaml:3: 'delimiter'" 'name: s' 'url: http://localhost/' 'delimiter: ab'
is "$([ -e "$DL_HOME/sources" ] && echo state)" '' \
	'nothing of it left a state behind'
cd - >/dev/null || exit 1

## Acquired from a web server.

openssl req -x509 -newkey rsa:2048 -nodes -keyout "$T/key.pem" \
	-out "$T/cert.pem" -days 2 -subj /CN=localhost >"$T/x" 2>&1
cat >"$T/server" <<'E'
	listen 127.0.0.1:@PORT1@ ssl;
	ssl_certificate @T@/cert.pem;
	ssl_certificate_key @T@/key.pem;
	location = /page { default_type text/html; return 200 "<!DOCTYPE html><title>Sorry</title>"; }
	location = /none { return 204; }
	location = /short { default_type text/plain; return 200 "Bad gateway"; }
	location = /same { return 304; }
	location = /packed { add_header Content-Encoding zstd; alias @T@/packed; }
	location = /busy { add_header Retry-After 1 always; return 503; }
	location = /later { add_header Retry-After 3600 always; return 503; }
	location = /denied { return 401; }
	location = /moved { return 302 /a.json; }
	location = /loop { return 301 /loop; }
	location = /away { return 302 http://localhost:@PORT@/a.json; }
	location = /tofile { return 302 file:///etc/passwd; }
	location = /slow { limit_req zone=slow; limit_req_status 429; try_files /a.json =404; }
	location = /f.json { if (-f @T@/down) { return 503; } }
	location /gz/ { gzip on; gzip_types *; gzip_min_length 1; gzip_proxied any; }
E
sed -i "s#@T@#$T#g" "$T/server"
nginx_start "$T/server" || exit 1

nfeeds=0
feed() { # FILE ID...: a document with those items, ID=V for another content
	local file=$T/www/$1 sep='' id
	shift
	mkdir -p "$(dirname "$file")"
	{
		printf '{"l":['
		for id in "$@"; do
			printf '%s{"id":"%s","v":"%s"}' "$sep" \
				"${id%=*}" "${id#*=}"
			sep=,
		done
		printf ']}'
	} >"$file.new"
	# nginx makes the ETag of length and time: let each have its own.
	touch -d "@$((1700000000 + ++nfeeds))" "$file.new"
	mv "$file.new" "$file"
}
web() { # FILE PATH LINE...: a specification of what nginx serves
	local file=$1 path=$2
	shift 2
	spec "$file" "name: ${file%.yaml}" "url: $nginx_url$path" "$@"
}

feed a.json a=1 b=1
web plain.yaml /a.json 'items: .l' 'subject: .id'
status 0 'a URL' dl-source "$T/plain.yaml"
is "$(subjects)" 'a b' '... gives events'
is "$(jq -r .dlorigin "$T/out" | sort -u)" "$(printf '%s\nnull' "$nginx_url/a.json")" \
	'... that say where they are from'
is "$(head -1 "$T/out")" '{"specversion":"1.0","id":"0","source":"source.plain","type":"dl.checkpoint"}' \
	'... after the checkpoint that the run starts from'
is "$(ncheckpoints) $(tail -1 "$T/out" | jq -r .type)" '2 dl.checkpoint' \
	'... and before that of its end'
is "$(cat "$T/err")" '' '... and nothing to say'
last=$(checkpoints | tail -1)
commit
status 0 'the same, committed' dl-source "$T/plain.yaml"
is "$(events)" '' '... unchanged by its ETag: no event'
is "$(checkpoints)" "$last" '... and one checkpoint, where it started'
like "$(tail -1 "$T/access.log")" '/a.json 304 ' '... as the server said'
sed -i 's/^subject:.*/subject: .v/' "$T/plain.yaml"
dl-source "$T/plain.yaml" >"$T/out"
is "$(subjects)" '1 1' 'another specification does not use its ETag'

web never.yaml /a.json 'items: .l'
dl-source "$T/never.yaml" >"$T/out"
dl-source "$T/never.yaml" >"$T/out"
is "$(events | wc -l) $(checkpoints | head -1)" '2 0' \
	'without a commit the next run starts from the same position'

mkdir -p "$T/www/gz"
feed gz/a.json "big=$(printf '%0100000d' 0)"
web gz.yaml /gz/a.json 'items: .l' 'subject: .id'
status 0 'a compressed answer' dl-source "$T/gz.yaml"
is "$(subjects) $(($(wc -c <"$T/out") > 100000))" 'big 1' '... is unpacked'

# Only what has changed, by subject and content.
feed c.json a=1 b=1 c=1
web changed.yaml /c.json 'items: .l' 'subject: .id' 'only_changed: true'
status 0 'only_changed' dl-source "$T/changed.yaml"
is "$(subjects)" 'a b c' '... all is new at first'
dl-source "$T/changed.yaml" >"$T/out"
is "$(subjects)" 'a b c' '... and still, if nobody committed'
commit
feed c.json a=1 b=2 c=1 d=10
status 0 'only_changed, committed' dl-source "$T/changed.yaml"
is "$(subjects)" 'b d' '... then what is new for its subject'
dl-source "$T/changed.yaml" >"$T/out"
is "$(subjects)" 'b d' '... as long as that is not committed'
commit
status 0 'only_changed, unchanged' dl-source "$T/changed.yaml"
is "$(events) $(ncheckpoints)" ' 1' '... nothing, and the position stays'
feed c.json a=1 b=2 c=1 d=1
dl-source "$T/changed.yaml" >"$T/out"
is "$(subjects)" 'd' '... only d has changed'
is "$(waiting changed)" 1 \
	'... one change waits for its commit'
commit
feed c.json d=1 c=1 b=2 a=1
status 0 'only_changed, in another order' dl-source "$T/changed.yaml"
is "$(events) $(ncheckpoints)" ' 2' \
	'... nothing is new but the ETag, which is a position'

# A checkpoint that comes late, while the next run has begun.
feed r.json a=1
web race.yaml /r.json 'items: .l' 'subject: .id' 'only_changed: true'
dl-source "$T/race.yaml" >"$T/out"
cp "$T/out" "$T/first"
dl-source "$T/race.yaml" >"$T/out"
grep dl.checkpoint "$T/first" | dl-commit >/dev/null
dl-source "$T/race.yaml" >"$T/out"
is "$(subjects)" 'a' 'a late commit repeats, and loses nothing'

# Killed at any moment, and committed now and then: what was committed is in
# what came out before, and in the end the newest of each subject has come out.
web killed.yaml /k.json 'items: .l' 'subject: .id' 'only_changed: true' \
	'every: 1s'
: >"$T/lake"
for i in $(seq 30); do
	feed k.json "a=$i" b=1 "c=$((i / 7))" "d=$((RANDOM % 3))"
	timeout -s KILL "0.0$((RANDOM % 30 + 4))" \
		dl-source "$T/killed.yaml" >"$T/out" 2>>"$T/said"
	# The sink got whole lines; it stores them before it says so.
	grep '}$' "$T/out" >"$T/got"
	cat "$T/got" >>"$T/lake"
	[ $((RANDOM % 3)) = 0 ] || grep dl.checkpoint "$T/got" | dl-commit >/dev/null
done 2>/dev/null
is "$(cat "$T/said")" '' 'killed at any moment: no run found its state broken'
dl-source "$T/killed.yaml" >>"$T/lake"
is "$(jq -r 'select(.type == "dl.record") | "\(.subject) \(.data.v)"' "$T/lake" |
	awk '{ v[$1] = $2 } END { print v["a"], v["b"], v["c"] }')" \
	"30 1 4" '... and the newest of each subject has come out'

# As many subjects as are remembered, and more, in little memory: at first,
# when that is committed, and when it is read again.
seq 600000 | sed 's/.*/{"id":&}/' >"$T/many.ndjson"
spec many.yaml 'name: many' "url: file://$T/many.ndjson" 'format: ndjson' \
	'subject: .id' 'only_changed: true'
if [ "${FLAVOUR:-plain}" = plain ]; then
	for i in 1 2 3; do
		command time -f %M -o "$T/rss" dl-source "$T/many.yaml" |
			grep dl.checkpoint | dl-commit
		is "$(($(cat "$T/rss") < 32768))" 1 \
			"600,000 subjects, run $i: less than 32 MiB"
	done
fi
rm -f "$T/many.ndjson"

# Bad items among the good ones of a URL.
printf '{"l":[{"id":"a"},{"id":"\xff"},{"id":"b"}]}' >"$T/www/bad.json"
web bad.yaml /bad.json 'items: .l' 'subject: .id'
status 65 'a bad item, without -d' dl-source "$T/bad.yaml"
is "$(subjects) $(ncheckpoints)" 'a 1' '... ends it before its checkpoint'
one_error 'a bad item, without -d' 'bad.json .application/json.: element 2'
rm -f "$T/dead"
status 0 'a bad item, with -d' dl-source -d "$T/dead" "$T/bad.yaml"
is "$(subjects) $(ncheckpoints) $(codes)" 'a b 2 json' '... is a dead letter'
is "$(jq -r .dlorigin "$T/dead")" "$nginx_url/bad.json" '... from there'

# What is not what was expected.
refused() { # PATH STATUS REGEX [LINE...]
	local path=$1 want=$2 regex=$3
	shift 3
	[[ "$*" == *retries* ]] || set -- "$@" 'retries: 0'
	web refused.yaml "$path" "$@"
	status "$want" "$path: status $want" dl-source "$T/refused.yaml"
	one_error "$path" "$regex"
	is "$(events) $(ncheckpoints)" ' 1' "$path: no event, no position"
}
refused /page 65 "/page .text/html.: expected JSON, found '<!DOCTYPE html>"
refused /page 65 "expected NDJSON, found '<!DOCTYPE" 'format: ndjson'
refused /page 65 "expected CSV, found '<!DOCTYPE" 'format: csv'
refused /short 65 "/short .text/plain.: expected JSON, found 'Bad gateway'"
refused /same 78 'HTTP status 304' # nobody asked whether it had changed
echo '{"l":[]}' | zstd -q --long=27 >"$T/packed"
refused /packed 65 'Content-Encoding was not asked for: only gzip, deflate'
refused /nothing 78 'HTTP status 404: there is nothing at this URL'
refused /denied 77 'HTTP status 401: check the credentials'
refused /busy 75 'HTTP status 503'
refused /later 75 'HTTP status 503; it asks to wait 3600 s' 'retries: 9'
refused /loop 78 'more than 5 redirects'
refused /tofile 78 'redirected from http to another scheme'
: >"$T/www/empty.json"
refused /empty.json 65 'the document is empty'
web none.yaml /none
status 0 'an answer without content' dl-source "$T/none.yaml"
is "$(events) $(ncheckpoints)" ' 1' '... is nothing new'
spec dead.yaml 'name: dead' 'url: http://127.0.0.1:1/' 'retries: 0'
status 75 'a dead peer: status 75' dl-source "$T/dead.yaml"
one_error 'a dead peer' '127.0.0.1:1/: .*([Rr]efused|connect)'
spec file.yaml 'name: file' "url: file://$T/nothing.json"
status 75 'a file that is not there: status 75' dl-source "$T/file.yaml"
one_error 'a file that is not there' \
	"cannot open '$T/nothing.json': No such file or directory"
mkdir -p "$T/folder"
spec folder.yaml 'name: folder' "url: file://$T/folder"
status 78 'a directory: status 78' dl-source "$T/folder.yaml"
one_error 'a directory' "'$T/folder' is a directory"
echo '{}' >"$T/secret.json"
spec secret.yaml 'name: secret' "url: file://$T/secret.json"
chmod 000 "$T/secret.json"
chmod 755 "$T"
cp "$(command -v dl-source)" "$T/dl-source"
as=(env)
[ "$(id -u)" = 0 ] && as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
mkdir -m 777 "$T/theirs"
status 77 'a file that is not ours: status 77' \
	"${as[@]}" "$T/dl-source" -H "$T/theirs" "$T/secret.yaml"
one_error 'a file that is not ours' 'secret.json.: Permission denied'

web moved.yaml /moved 'items: .l' 'subject: .id'
status 0 'a redirect' dl-source "$T/moved.yaml"
is "$(subjects)" 'a b' '... is followed'

# Secrets go to their own server, and into no message.
: >"$T/access.log"
spec secret.yaml 'name: secret' 'retries: 0' 'items: .l' \
	"url: http://127.0.0.1:$nginx_port/away?q=query" \
	'auth: {basic: {user: me, password: env:PASSWORD}}' \
	'headers:' '  X-Key: env:THE_KEY'
export PASSWORD=pa55 THE_KEY=letmein
status 0 'a redirect to another host' \
	dl-source -v "$T/secret.yaml"
is "$(sed 's/^[0-9]* [0-9]* //' "$T/access.log")" \
	"$(printf '/away 302 "Basic bWU6cGE1NQ==" "letmein" "-"\n/a.json 200 "-" "-" "-"')" \
	'... does not get credentials or headers'
is "$(jq -r .dlorigin "$T/out" | sort -u | head -1)" "$nginx_url/away" \
	'the origin has neither user nor query'
is "$(grep -c 'letmein\|pa55\|query' "$T/err" "$T/out" | paste -sd' ')" \
	"$T/err:0 $T/out:0" '... and nothing tells them'
spec secret.yaml 'name: secret' 'retries: 0' \
	"url: http://127.0.0.1:$nginx_port/nothing?q=query" \
	'auth: {basic: {user: me, password: env:PASSWORD}}' \
	'headers:' '  X-Key: env:THE_KEY'
status 78 'a failure' dl-source -v "$T/secret.yaml"
is "$(grep -c 'letmein\|pa55\|query' "$T/err")" 0 '... tells no secret'

# A certificate that nobody vouches for.
spec tls.yaml 'name: tls' "url: https://localhost:$((nginx_port + 1))/a.json"
status 77 'a certificate that is not trusted: status 77' \
	dl-source "$T/tls.yaml"
one_error 'a certificate that is not trusted' 'not trusted'
is "$(events) $(ncheckpoints)" ' 1' '... no event, no position'

# Retries: the server is asked again, when it says so.
web busy.yaml /busy 'retries: 1'
: >"$T/access.log"
start=$(date +%s%N)
status 75 'busy twice: status 75' dl-source "$T/busy.yaml"
is "$(wc -l <"$T/access.log")" 2 '... it was asked twice'
is "$((($(date +%s%N) - start) / 1000000 >= 1000))" 1 \
	'... one second apart, as Retry-After says'
like "$(said)" 'HTTP status 503; trying again in 1\.000 s' '... and says so'
curl -s -o "$T/x" "$nginx_url/slow"
web slow.yaml /slow 'items: .l' 'subject: .id' 'retries: 20'
status 0 'a rate limit' dl-source "$T/slow.yaml"
is "$(subjects) $(ncheckpoints)" 'a b 2' '... is waited out'
like "$(said)" 'HTTP status 429; trying again in' '... and told'

## Answers that break off.

printf '{"l":[%s{"id":"z"}]}' "$(for i in $(seq 2000); do
	printf '{"id":"%d"},' "$i"
done)" >"$T/cut.json"
exec 8< <(exec "$BUILD/servers/cutter" "$T/cut.json")
tap_pids+=($!)
read -r cut_port <&8
breaks() { # MODE LINE...
	local mode=$1
	shift
	spec cut.yaml 'name: cut' "url: http://127.0.0.1:$cut_port/$mode" \
		'retries: 0' "$@"
	status 75 "cut off ($mode${1:+, $1}): status 75" dl-source "$T/cut.yaml"
	one_error "cut off ($mode)" "127.0.0.1:$cut_port/$mode"
	is "$(ncheckpoints)" 1 "cut off ($mode): no position is told"
}
for mode in length chunked close; do
	breaks "$mode" 'items: .l' 'subject: .id'
	is "$(subjects | cut -d' ' -f1-3) $(($(events | wc -l) > 900))" \
		'1 2 3 1' "cut off ($mode): whole items are passed on"
	is "$(events | jq -c . | wc -l)" "$(events | wc -l)" \
		"cut off ($mode): nothing half-written"
	breaks "$mode" 'items: .l | map(.)'
	is "$(events)" '' "cut off ($mode): a whole document has no items"
done
breaks empty
spec cut.yaml 'name: cut' "url: http://127.0.0.1:$cut_port/length" \
	'retries: 3' 'items: .l'
status 75 'cut off, with retries: status 75' dl-source "$T/cut.yaml"
one_error 'cut off, with retries' "$cut_port/length"
is "$(data | sort | uniq -d)" '' \
	'... what was passed on is not repeated within a run'
spec once.yaml 'name: once' "url: http://127.0.0.1:$cut_port/once-empty" \
	'items: .l' 'retries: 3'
exec 8<&-
exec 8< <(exec "$BUILD/servers/cutter" "$T/cut.json")
tap_pids+=($!)
read -r cut_port <&8
for mode in once-length once-empty; do
	spec once.yaml 'name: once' "url: http://127.0.0.1:$cut_port/$mode" \
		'items: .l | map(.)' 'retries: 3'
	status 0 "$mode: tried again" dl-source "$T/once.yaml"
	is "$(events | wc -l) $(ncheckpoints)" '2001 2' "$mode: all is there"
done
is "$(grep -c 'trying again' "$T/err")" 0 'the second one was not cut off'
# One block of zstd: nothing of it is unpacked before all of it is there.
zstd -qc "$T/cut.json" >"$T/cut.zst"
exec 8<&-
exec 8< <(exec "$BUILD/servers/cutter" "$T/cut.zst")
tap_pids+=($!)
read -r cut_port <&8
breaks close 'items: .l'
is "$(events)" '' 'cut off, packed: no item of it'

## For ever, at intervals.

has_lines() { [ "$(wc -l <"$1")" -ge "$2" ]; }

feed f.json a=1
web follow.yaml /f.json 'items: .l' 'subject: .id' 'only_changed: true' \
	'every: 1s' 'retries: 0'
: >"$T/access.log"
dl-source -f "$T/follow.yaml" >"$T/flow" 2>"$T/said" &
follow=$!
tap_pids+=("$follow")
flow() { jq -r 'if .type == "dl.record" then .subject else "/" end' "$T/flow" | paste -sd' '; }
soon has_lines "$T/flow" 3
is "$(flow)" '/ a /' '-f: the first acquisition is out, with its checkpoint'
status 75 'a second run of the same source: status 75' \
	dl-source "$T/follow.yaml"
one_error 'a second run of the same source' 'source.follow'
soon has_lines "$T/access.log" 2
is "$(flow)" '/ a /' '-f: an unchanged feed writes nothing'
feed f.json a=1 b=10
soon has_lines "$T/flow" 5
is "$(flow)" '/ a / b /' '-f: what is new comes out, though none was committed'
: >"$T/down"
soon grep -q 'HTTP status 503' "$T/said"
feed f.json a=1 b=10 c=100
rm "$T/down"
soon has_lines "$T/flow" 7
is "$(flow)" '/ a / b / c /' '-f: goes on after a temporary failure'
is "$(cut -d' ' -f1 "$T/access.log" | sort -u | wc -l)" 1 \
	'-f: all requests went over one connection'
is "$(waiting follow)" 3 \
	'-f: each change waits for its commit'
start=$(date +%s%N)
kill -TERM "$follow"
wait "$follow"
is "$? $((($(date +%s%N) - start) / 1000000 < 2000))" '0 1' \
	'-f: SIGTERM ends it at once, status 0'
is "$(tail -1 "$T/flow" | jq -r .type)" dl.checkpoint \
	'... after its last checkpoint'
cp "$T/flow" "$T/out"
checkpoints >"$T/tokens"
dl-commit >/dev/null < <(grep dl.checkpoint "$T/flow" | head -3)
status 0 'a run after it' dl-source "$T/follow.yaml"
is "$(checkpoints | head -1) $(subjects)" "$(sed -n 3p "$T/tokens") c" \
	'... starts from what was committed'

# The clock of the polls is kept from start to start.
times=$(grep -c . "$T/access.log")
is "$((times >= 4))" 1 '-f: it polled as often as it was told'

: >"$T/access.log"
dl-source -f "$T/follow.yaml" >"$T/flow" 2>"$T/said" &
follow=$!
tap_pids+=("$follow")
soon has_lines "$T/flow" 3
mv "$T/www/f.json" "$T/www/f.gone"
wait "$follow"
is "$?" 78 '-f: what a person has to repair ends it'
like "$(cat "$T/said")" 'HTTP status 404' '... and is told'

# What went out of an acquisition that was then cut off does not go out again,
# and reaches a sink once: of two that failed in a row, whichever sent it.
part() { # REST ID...: as feed, with times, and ends with REST
	local rest=$1 id
	shift
	{
		printf '{"l":['
		for id in "$@"; do printf '{"id":"%s","t":1},' "$id"; done
		printf '%s' "$rest"
	} >"$T/www/part.json.new"
	mv "$T/www/part.json.new" "$T/www/part.json"
}
timed=('items: .l' 'subject: .id' 'time: .t' 'time_format: s')
web part.yaml /part.json "${timed[@]}" 'every: 1s' 'retries: 0'
part '' a b
: >"$T/flow"
: >"$T/said"
mkfifo "$T/pipe"
tee "$T/flow" <"$T/pipe" | dl-stream-put -q part >"$T/acks" &
sink=$!
tap_pids+=("$sink")
dl-source -fv "$T/part.yaml" >"$T/pipe" 2>"$T/said" &
follow=$!
tap_pids+=("$follow")
soon grep -q 'ends in the middle' "$T/said"
part '' c
soon has_lines "$T/flow" 4
part '{"id":"e","t":1}]}' a b c d
soon has_lines "$T/flow" 7
is "$(flow)" '/ a b c d e /' '-f: what was cut off goes on where it was'
part '{"id":"f","t":1}]}' a d
soon has_lines "$T/flow" 11
is "$(flow)" '/ a b c d e / a d f /' \
	'... and that is forgotten when it is whole'
kill -TERM "$follow"
wait "$follow" "$sink"
is "$(cat "$DL_HOME"/streams/part/*.ndjson | jq -r .subject | paste -sd' ')" \
	'a b c d e a d f' '... a stream has each event once'
like "$(tail -1 "$T/said")" ' 8 out, [1-9][0-9]* dropped, 0 dead$' \
	'... and what came again was dropped'

# So it may be tried again at once, for all that is known when it comes again.
again() { # MODE LINE...: -f until it was cut off, and then whole or given up
	exec 8<&-
	exec 8< <(exec "$BUILD/servers/cutter" "$T/cut.json")
	tap_pids+=($!)
	read -r cut_port <&8
	spec again.yaml 'name: again' "retries: ${retries:-5}" 'every: 1h' \
		"url: http://127.0.0.1:$cut_port/$1" "${@:2}"
	: >"$T/flow"
	: >"$T/said"
	dl-source -f -d "$T/dead" "$T/again.yaml" >"$T/flow" 2>"$T/said" &
	follow=$!
	tap_pids+=("$follow")
}
ended() { kill -TERM "$follow"; wait "$follow"; }
for i in $(seq 2000); do printf '{"id":"%d","t":%d},' "$i" "$i"; done |
	sed 's/^/{"l":[/; s/,$/]}/' >"$T/cut.json"
again once-length "${timed[@]}"
soon has_lines "$T/flow" 2002
ended
is "$(flow)" "/ $(seq 2000 | paste -sd' ') /" \
	'-f: cut off, and tried again: each event once'
is "$(grep -c 'trying again' "$T/said")" 1 '... at once'
retries=1 again length "${timed[@]}"
soon has_lines "$T/said" 2
ended
is "$(head -n 2 "$T/said" | grep -c 'trying again')" 1 \
	'-f: cut off each time, and tried again as often as retries says'
again once-length "${timed[@]:0:2}"
soon has_lines "$T/said" 1
ended
is "$(grep -c 'trying again' "$T/said") $(($(wc -l <"$T/flow") > 900))" '0 1' \
	'-f: items without a time of their own are not observed twice at once'
sed -i 's/"t":1}/"t":"x"}/' "$T/cut.json"
rm -f "$T/dead"
again once-length "${timed[@]}"
soon has_lines "$T/said" 1
ended
is "$(grep -c 'trying again' "$T/said") $(wc -l <"$T/dead")" '0 1' \
	'-f: nor is a dead letter written twice at once'

# A signal ends a transfer that hangs.
spec hang.yaml 'name: hang' "url: http://127.0.0.1:$cut_port/hang"
dl-source "$T/hang.yaml" >"$T/flow" 2>"$T/said" &
follow=$!
tap_pids+=("$follow")
soon has_lines "$T/flow" 1
sleep 0.3
start=$(date +%s%N)
kill -INT "$follow"
wait "$follow"
is "$? $((($(date +%s%N) - start) / 1000000 < 2000))" '0 1' \
	'SIGINT ends a transfer that hangs at once, status 0'
is "$(wc -l <"$T/flow")" 1 '... and no position is told'
spec hang.yaml 'name: hang' "url: http://127.0.0.1:$cut_port/hang" \
	'timeout: 300ms' 'retries: 0'
status 75 'a transfer that hangs: status 75' dl-source "$T/hang.yaml"
one_error 'a transfer that hangs' 'not finished after 300 ms'

## Files.

printf 'a,b\n1,2\n' >"$T/x y.csv"
spec csv.yaml 'name: csv' "url: file://$T/x y.csv" 'format: csv' \
	'csv_types: strings' 'subject: .a'
status 0 'a file' dl-source "$T/csv.yaml"
is "$(data) $(ncheckpoints)" '{"a":"1","b":"2"} 2' '... is acquired'
printf 'a;b\n3;4,5\n' >"$T/in"
sed -i 's/^csv_types.*/delimiter: ;/' "$T/csv.yaml"
status 0 'a specification for standard input' \
	dl-source "$T/csv.yaml" - <"$T/in"
is "$(data) $(ncheckpoints)" '{"a":3,"b":"4,5"} 0' \
	'... has no URL and no position'

printf '{"l":[%s1]}' "$(printf '1,%.0s' $(seq 100))" >"$T/in"
spec doc.yaml 'name: doc' "url: file://$T/in" 'items: .l | map(.)' \
	'max_document: 100'
status 65 'a document longer than max_document' dl-source "$T/doc.yaml"
one_error 'a document longer than max_document' 'max_document .100 bytes.'
printf '{"l":["%0100d"]}' 0 >"$T/in"
spec doc.yaml 'name: doc' "url: file://$T/in" 'items: .l' 'max_item: 100'
rm -f "$T/dead"
status 0 'an item longer than max_item' dl-source -d "$T/dead" "$T/doc.yaml"
is "$(events) $(codes)" ' too-long' '... is a dead letter'
printf '{"l":["%070d"]}' 0 >"$T/in"
rm -f "$T/dead"
status 0 'an event longer than max_item' dl-source -d "$T/dead" "$T/doc.yaml"
is "$(events) $(codes)" ' too-long' '... is a dead letter'

# A home that is full: nothing is acknowledged, nothing half-written stays.
mkdir "$T/mnt"
if mount -t tmpfs -o size=64k none "$T/mnt" 2>/dev/null; then
	seq -f '{"id":"%.0f"}' 10000 >"$T/in"
	spec full.yaml 'name: full' "url: file://$T/in" 'format: ndjson' \
		'subject: .id' 'only_changed: true'
	status 75 'a full home: status 75' \
		dl-source -H "$T/mnt" "$T/full.yaml"
	one_error 'a full home' 'No space left'
	is "$(ncheckpoints) $(find "$T/mnt/sources" -type f ! -name begun |
		wc -l)" '1 0' '... no position is told, and no file is left'
	mount -o remount,size=1m "$T/mnt"
	status 0 'with room again' dl-source -H "$T/mnt" "$T/full.yaml"
	is "$(events | wc -l) $(ncheckpoints)" '10000 2' '... all comes again'
fi

# 200 MB, one document, in bounded memory.
{
	printf '{"head":1,"l":['
	yes '{"id":"abc","value":12.50,"text":"some words of text to fill the line"},' |
		head -n 2700000
	printf '{"id":"last"}]}'
} >"$T/in"
spec big.yaml 'name: big' "url: file://$T/in" 'items: .l' 'subject: .id'
status 0 'a document of 200 MB' /usr/bin/time -f '%M' -o "$T/rss" \
	dl-source "$T/big.yaml"
is "$(wc -l <"$T/out")" 2700003 '... all of its items'
[ "${FLAVOUR:-plain}" = plain ] &&
	is "$(($(tail -1 "$T/rss") < 32768))" 1 '... in less than 32 MiB'

done_testing
