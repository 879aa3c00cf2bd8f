#!/usr/bin/env bash
# dl-source from the files of a pattern: each that is new, or grew, once; no row
# is lost or comes twice, whatever becomes of the files meanwhile.
. tests/tap.sh

in=$T/in
mkdir "$in"

# spec URL LINE...: a source of files
spec() {
	{
		printf 'name: s\nurl: %s\n' "$1"
		shift
		[ $# = 0 ] || printf '%s\n' "$@"
	} >"$T/s.yaml"
}
# It was written long ago.
old() { touch -d '1 hour ago' "$@"; }
# What came, and from where.
data() { jq -c 'select(.type == "dl.record") | .data' "$T/out" | paste -sd' '; }
from() {
	jq -r 'select(.type == "dl.record") | .dlorigin' "$T/out" | uniq |
		sed "s|^file://$in/||" | paste -sd' '
}
commit() { grep dl.checkpoint "$T/out" | dl-commit >/dev/null; }
# A run that goes well, and what it brought.
poll() { # NAME WANT
	status 0 "$1" dl-source "$T/s.yaml"
	is "$(data)" "$2" "... it brings ${2:-nothing}"
	commit
}
afresh() { rm -rf "$DL_HOME" "$in" && mkdir "$in"; }
said() {
	is "$(wc -l <"$T/err")" 1 "$1: one line"
	like "$(cat "$T/err")" "$2" "$1: it says what is wrong"
}
# Follow in the background, until unfollow: the output grows in $T/out.
follow() {
	dl-source -f "$T/s.yaml" >"$T/out" 2>"$T/err" &
	follower=$!
	tap_pids+=($!)
}
unfollow() { kill -TERM "$follower" && wait "$follower"; }
came() { grep -q -- "$1" "$T/out"; }

## Which files

spec "file://$in/*.nd[j]son" 'format: ndjson'
echo '{"n":2}' >"$in/b.ndjson"
echo '{"n":1}' >"$in/a.ndjson"
echo '{"n":3}' >"$in/a b%#é.ndjson"
echo '{"n":0}' >"$in/.hidden.ndjson"
echo '{"n":0}' >"$in/other.txt"
mkdir "$in/dir.ndjson"
mkfifo "$in/pipe.ndjson"
echo '{"n":4}' >"$T/elsewhere"
ln -s "$T/elsewhere" "$in/c.ndjson"
ln -s "$T/nothing" "$in/d.ndjson"
ln "$in/b.ndjson" "$in/e.ndjson"
poll 'a pattern' '{"n":3} {"n":1} {"n":2} {"n":4}'
is "$(from)" 'a%20b%25%23%C3%A9.ndjson a.ndjson b.ndjson c.ndjson' \
	'... of regular files, in their order, each named as a URL'
poll 'the same again' ''

afresh
echo '{"n":1}' >"$in/a.x"
echo '{"n":2}' >"$in/b"
echo '{"n":0}' >"$in/.c"
mkdir "$in/d" && echo '{"n":0}' >"$in/d/e"
spec "file://$in/" 'format: ndjson'
poll 'a directory' '{"n":1} {"n":2}'
afresh
mkdir "$in"/{p,q,r}{1,2}
for d in "$in"/*; do echo "{\"d\":\"${d##*/}\"}" >"$d/x"; done
echo '{}' >"$in/p3"
spec "file://$in/[pq]?/x" 'format: ndjson'
poll 'a pattern of directories' '{"d":"p1"} {"d":"p2"} {"d":"q1"} {"d":"q2"}'
afresh
echo '{"n":1}' >"$in/a*b"
echo '{"n":2}' >"$in/aXb"
spec "file://localhost$in/a%2Ab*" 'format: ndjson'
poll 'what is written as %XX is itself' '{"n":1}'
spec "file://elsewhere/*" 'format: ndjson'
status 78 'another host' dl-source "$T/s.yaml"
said 'another host' "s.yaml:2: 'url'.*file:///PATH"
spec "file://$in/nowhere/*" 'format: ndjson' 'retries: 0'
status 75 'a directory that is not there' dl-source "$T/s.yaml"
said 'a directory that is not there' "cannot open directory '$in/nowhere'"

afresh
printf '{"n":1}\n' >"$in/a"
ln -s loop "$in/loop"
printf '{"n":2}\n' >"$in/z"
spec "file://$in/*" 'format: ndjson'
status 78 'a file that cannot be read' dl-source "$T/s.yaml"
said 'a file that cannot be read' "'$in/loop'.*symbolic links"
is "$(data)" '{"n":1} {"n":2}' '... the others are read'
commit
status 78 '... and again' dl-source "$T/s.yaml"
is "$(data)" '' '... they do not come again'

afresh
mkdir "$T/many"
(cd "$T/many" && seq 317 | xargs touch)
for n in $(seq 315); do ln -s "$T/many" "$in/$n"; done
spec "file://$in/*/*" 'format: ndjson'
poll '99,855 names' ''
ln -s "$T/many" "$in/316"
status 78 'more than 100,000' dl-source "$T/s.yaml"
said 'more than 100,000' 'more than 100000 files'

## Files that grow

afresh
spec "file://$in/*" 'format: ndjson'
printf '{"n":1}\n{"n":2}\n' >"$in/log"
poll 'a log' '{"n":1} {"n":2}'
printf '{"n":3}\n' >>"$in/log"
status 0 'it has grown' dl-source "$T/s.yaml"
is "$(data)" '{"n":3}' '... the rest comes'
status 0 '... and was not committed' dl-source "$T/s.yaml"
is "$(data)" '{"n":3}' '... so it comes again'
commit
poll 'nothing is new' ''
touch "$in/log"
poll 'it was touched' ''
mv "$in/log" "$in/log.1"
printf '{"n":4}\n' >>"$in/log.1"
printf '{"n":5}\n' >"$in/log"
poll 'it was rotated' '{"n":5} {"n":4}'
: >"$in/log"
poll 'it was emptied' ''
printf '{"n":6}\n' >"$in/log"
poll '... and written again' '{"n":6}'
printf '{"n":7}\n' >"$in/log"
poll 'it was overwritten with as many bytes' '{"n":7}'
printf '{"n":8}\n{"n":9}\n' >"$in/log"
poll '... with more' '{"n":8} {"n":9}'
printf '{"n":8}\n' >"$in/log"
poll '... with fewer' '{"n":8}'
rm "$in/log"
printf '{"n":1}\n{"n":2}\n{"n":10}\n' >"$in/log"
poll 'another file has its name, and perhaps its inode' \
	'{"n":1} {"n":2} {"n":10}'
rm -f "$in"/*
printf '{"n":1}\n{"n":2}' >"$in/x"
old "$in/x"
poll 'a last line without its end, written long ago' '{"n":1} {"n":2}'
printf '\n{"n":3}\n' >>"$in/x"
poll '... and more behind it' '{"n":3}'

spec "file://$in/*" 'format: ndjson' 'every: 1s'
afresh
printf '{"n":1}\n{"n":' >"$in/a"
follow
soon came '"n":1}'
printf '{"n":0}\n' >"$in/b"
soon came '"n":0}'
is "$(data)" '{"n":1} {"n":0}' 'a line that is being written waits'
printf '2}\n' >>"$in/a"
soon came '"n":2}'
unfollow
is "$? $(data)" '0 {"n":1} {"n":0} {"n":2}' '... for its end'

# A long file, whose reader goes away in the middle of it.
afresh
spec "file://$in/*" 'format: ndjson' 'time: .t' 'time_format: s'
seq 400000 | sed 's/.*/{"t":&,"pad":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}/' \
	>"$in/big"
old "$in/big"
dl-source "$T/s.yaml" 2>/dev/null | head -n 250000 >"$T/out"
dl-stream-put s <"$T/out" | dl-commit >/dev/null
dl-source "$T/s.yaml" >"$T/out"
is "$(($(grep -c dl.record "$T/out") < 400000))" 1 \
	'a long file: it does not begin anew'
dl-stream-put s <"$T/out" | dl-commit >/dev/null
is "$(cat "$DL_HOME"/streams/s/*.ndjson | jq .data.t | cmp - <(seq 400000) 2>&1)" \
	'' '... and each line is in the stream once'

## Tables

afresh
spec "file://$in/*.csv" 'format: csv'
printf '\xef\xbb\xbf\r\n"a\nb",c\r\n1,2\r\n' >"$in/t.csv"
poll 'a table' '{"a\nb":1,"c":2}'
printf '3,"x\ny"\r\n' >>"$in/t.csv"
poll 'it has grown' '{"a\nb":3,"c":"x\ny"}'
printf 'a,c\n1,2\n' >"$in/t.csv"
poll 'it was written anew' '{"a":1,"c":2}'
printf 'a,c\n1,3\n' >"$in/t.csv"
poll '... with as many bytes' '{"a":1,"c":3}'
printf 'a,c\n1,3\n4,5' >"$in/t.csv"
old "$in/t.csv"
poll '... and has a row without its end' '{"a":4,"c":5}'
printf 'a,c\n' >"$in/u.csv"
poll 'a header alone' ''
printf '1,2\n' >>"$in/u.csv"
poll '... and a row' '{"a":1,"c":2}'
spec "file://$in/*.csv" 'format: csv' 'names: [x, y]'
rm "$in"/*
printf '1,2\n' >"$in/t.csv"
poll 'a table without a header' '{"x":1,"y":2}'
printf '3,4\n' >>"$in/t.csv"
poll '... that has grown' '{"x":3,"y":4}'
rm "$in"/*
spec "file://$in/*" 'format: auto'
printf 'a\tb\n1\t2\n' >"$in/t.tsv"
poll 'tabs, by the name' '{"a":1,"b":2}'
printf '3\t4\n' >>"$in/t.tsv"
poll '... that has grown' '{"a":3,"b":4}'
rm "$in"/*
spec "file://$in/*" 'format: csv' 'encoding: ISO-8859-1'
printf 'n\xe4me,b\n\xfc,2\n' >"$in/t"
poll 'another encoding' '{"näme":"ü","b":2}'
printf '\xdf,3\n' >>"$in/t"
poll '... that has grown' '{"näme":"ß","b":3}'
rm "$in"/*
spec "file://$in/*" 'format: csv' 'encoding: UTF-16'
printf 'n\nü\n' | iconv -f UTF-8 -t UTF-16 >"$in/t"
old "$in/t"
poll 'an encoding of wider newlines' '{"n":"ü"}'
printf 'n\nü\nĊ\n' | iconv -f UTF-8 -t UTF-16 >"$in/t" # which has a byte \n
old "$in/t"
poll '... is read anew' '{"n":"ü"} {"n":"Ċ"}'

afresh
spec "file://$in/*" 'format: csv' 'every: 1s'
printf 'a,b\n1,"x\n' >"$in/t"
printf 'a,b\n0,0\n' >"$in/u"
follow
soon came '"a":0'
is "$(data)" '{"a":0,"b":0}' 'a quoted field that is being written waits'
printf 'y"\n' >>"$in/t"
soon came '"a":1'
unfollow
is "$? $(data)" '0 {"a":0,"b":0} {"a":1,"b":"x\ny"}' '... for its end'

# Every way to cut a table in two: as many rows as there are.
afresh
printf 'k,"v"\n1,"a\n""b"""\r\n\n2,\r3,"c,\n"\n4,d\n' >"$T/whole"
spec "file://$in/*" 'format: csv' 'every: 1s'
size=$(wc -c <"$T/whole")
for ((cut = 0; cut <= size; cut++)); do
	head -c "$cut" "$T/whole" >"$in/$cut"
done
printf 'k,v\n0,0\n' >"$in/seen"
follow
soon came '"k":0'
for ((cut = 0; cut <= size; cut++)); do
	tail -c +$((cut + 1)) "$T/whole" >>"$in/$cut"
done
all() { [ "$(grep -c '"k":4' "$T/out")" = $((size + 1)) ]; }
soon all
unfollow
want='1 "a\n\"b\"",2 null,3 "c,\n",4 "d"'
for ((cut = 0; cut <= size; cut++)); do
	echo "$cut: $want"
done >"$T/want"
jq -r 'select(.type == "dl.record" and .data.k != 0)
    | (.dlorigin | sub(".*/"; "")) + " \(.data.k) \(.data.v | tojson)"' \
	"$T/out" | sort -s -n -k1,1 |
	awk 'BEGIN { was = "none" } $1 != was { printf "%s%s: ", nl, $1; was = $1; comma = "" }
	    { sub("^[0-9]+ ", ""); printf "%s%s", comma, $0; comma = ","; nl = "\n" }
	    END { print "" }' >"$T/got"
is "$(diff "$T/want" "$T/got")" '' 'a table cut anywhere, and written on'

## Documents

afresh
spec "file://$in/*" 'format: json'
echo '{"n":1}' >"$in/a.json"
: >"$in/empty.json"
old "$in/a.json"
poll 'a document' '{"n":1}'
chmod 600 "$in/a.json"
old "$in/a.json"
mv "$in/a.json" "$in/b.json"
poll '... touched, and renamed' ''
echo '{"n":2}' >"$in/b.json"
old "$in/b.json"
poll '... changed in as many bytes' '{"n":2}'
touch -d @1000 "$in/b.json"
poll '... dated back' ''
echo '{"n":7}' >"$in/b.json" && touch -d @1000 "$in/b.json"
poll '... changed and dated back' '{"n":7}'
echo '{"n":3}' >"$in/.b" && old "$in/.b" && mv "$in/.b" "$in/b.json"
poll '... replaced' '{"n":3}'
echo '{"n":4}' >"$in/b.json"
poll 'one that was just written' '{"n":4}'
echo '{"n":' >"$in/c.json"
echo '{"n":5}' >"$in/b.json"
old "$in"/*.json
status 65 'one that is broken' dl-source "$T/s.yaml"
is "$(data)" '{"n":5}' '... what was before it comes'
said 'one that is broken' "$in/c.json: the document ends in the middle"
commit
echo '{"n":6}' >"$in/c.json"
poll 'one that is mended' '{"n":6}'

# One that is spoilt while it is read, which its reader holds up meanwhile.
afresh
spec "file://$in/*" 'format: json'
{ echo '['; seq 1000000 | sed 's/$/,/'; echo '0]'; } >"$in/long"
old "$in/long"
mkfifo "$T/held"
dl-source "$T/s.yaml" >"$T/held" 2>"$T/err" &
follower=$!
exec 7<"$T/held"
read -r _ <&7
printf '}' | dd of="$in/long" bs=1 seek="$(($(wc -c <"$in/long") - 4))" \
	conv=notrunc status=none
cat <&7 >/dev/null
exec 7<&-
wait "$follower"
is $? 75 'one that is written while it is read: another time'
said 'one that is written while it is read' 'written while it was read'

afresh
spec "file://$in/*" 'format: json' 'every: 1s'
printf '{"n":' >"$in/half"
(while [ ! -e "$T/enough" ]; do
	printf ' ' >>"$in/half"
	sleep 0.05
done) &
writer=$!
tap_pids+=($!)
follow
for n in 1 2; do
	echo "{\"n\":$n}" >"$in/whole$n"
	old "$in/whole$n"
	soon came "\"n\":$n}"
done
: >"$T/enough"
wait "$writer"
printf '3}' >>"$in/half"
soon came '"n":3}'
unfollow
is "$? $(data)" '0 {"n":1} {"n":2} {"n":3}' \
	'a document that is being written waits for its end'

afresh
spec "file://$in/log*" 'format: ndjson'
printf '{"n":1}\n' | gzip >"$in/log.1.gz"
old "$in/log.1.gz"
printf '{"n":2}\n' >"$in/log"
poll 'a log, and a packed one' '{"n":2} {"n":1}'
mv "$in/log.1.gz" "$in/log.2.gz"
gzip -c "$in/log" >"$in/log.1.gz"
printf '{"n":3}\n' >"$in/log"
old "$in/log.1.gz"
poll 'one that was packed is another one' '{"n":3} {"n":2}'
afresh
spec "file://$in/*" 'format: text'
seq 20000 | gzip >"$in/new.gz"
is "$(($(wc -l <"$in/new.gz") > 1))" 1 'a packed file has bytes that look like newlines'
status 0 '... which was just written' dl-source "$T/s.yaml"
is "$(jq -r 'select(.type == "dl.record") | .data.line' "$T/out" | cmp - <(seq 20000) 2>&1)" \
	'' '... is read when it is quiet, and whole'
spec "file://$in/*" 'format: raw' 'limits: {max_bytes: 50}'
afresh
printf 'abc' >"$in/a"
old "$in/a"
status 0 'a document as it is' dl-source "$T/s.yaml"
is "$(jq -r 'select(.type == "dl.record") | .data_base64' "$T/out" | base64 -d)" \
	abc '... comes as it is'
commit
head -c 51 /dev/zero >"$in/b"
printf 'abd' >"$in/c"
old "$in/b" "$in/c"
status 65 'one that is too long' dl-source "$T/s.yaml"
said 'one that is too long' "'$in/b' has 51 bytes.*max_bytes"
is "$(jq -r 'select(.type == "dl.record") | .data_base64' "$T/out" | base64 -d)" \
	abd '... the others come'

## What only looks packed is not; what begins with a frame to be skipped is.

afresh
spec "file://$in/*" 'format: text'
echo '80 a' >"$in/log"
echo 'hb a' >"$in/log2"
poll 'text that could be deflate' '{"line":"80 a"} {"line":"hb a"}'
echo '80 b' >>"$in/log"
echo 'hb b' >>"$in/log2"
old "$in"/*
poll '... and has grown' '{"line":"80 b"} {"line":"hb b"}'
afresh
spec "file://$in/*" 'format: ndjson'
{ printf 'P*M\030\002\0\0\0\n\n' && head -c 9M /dev/urandom | base64 -w 1000 |
	sed 's/.*/"&"/' | zstd -qc; } >"$in/a"
old "$in/a"
status 0 'zstd behind a frame to be skipped' dl-source "$T/s.yaml"
is "$(grep -c dl.record "$T/out")" 12583 '... is one document'

## A failure far behind in a file is its own.

afresh
{ seq 1100000 | sed 's/.*/{"n":&}/' && echo '{"n":'; } >"$in/a"
old "$in/a"
status 65 'a wrong item after 16 MB' dl-source "$T/s.yaml"
like "$(cat "$T/err")" "^dl-source: after byte [0-9]{7,}: file://$in/a: line" '... it is told where'

## What was left in its middle comes again: nothing behind it is a position.

afresh
spec "file://$in/*" 'format: ndjson' 'every: 1s'
{ seq 200000 | sed 's/.*/{"n":&,"some":"more of it"}/' && echo '{"n":'; } >"$in/b"
old "$in/b"
mkfifo "$T/slow"
dl-source -f "$T/s.yaml" >"$T/slow" 2>"$T/err" &
follower=$!
tap_pids+=($!)
exec 7<"$T/slow"
head -n 2 <&7 >/dev/null
touch -d '30 minutes ago' "$in/b"
echo '{"a":1}' >"$in/a"
cat <&7 >"$T/out"
exec 7<&-
wait "$follower"
is "$?" 65 'a file is written while it is read, and is wrong the next time'
like "$(head -n 1 "$T/err")" 'it was written while it was read' '... which is told'
is "$(grep -c '"data":{"a":1}' "$T/out")" 1 '... another one comes'
is "$(grep -c dl.checkpoint "$T/out")" 0 '... and no position, for it comes again'

## A file without rows may have terabytes: a stop ends that, too.

is_open() { find "/proc/$follower/fd" -lname "$in/x" 2>/dev/null | grep -q .; }
ended() { ! kill -0 "$follower" 2>/dev/null; }
for format in ndjson csv; do
	afresh
	spec "file://$in/*" "format: $format"
	truncate -s 1T "$in/x"
	follow
	soon is_open
	kill "$follower"
	soon ended
	is "$(ended && echo ended)" ended "$format: a stop in a file without rows"
	kill -9 "$follower" 2>/dev/null
	wait "$follower"
	is "$?" 0 "$format: ... ends well"
done

## A document that breaks off, and was written a moment ago, may go on.

afresh
spec "file://$in/*" 'format: json' 'every: 1s'
printf '[{"n":1},{"n":2}' >"$in/a"
echo '[{"n":9}]' >"$in/b"
old "$in/b"
touch -d '5 seconds ago' "$in/a"
status 75 'a document that broke off a moment ago' dl-source "$T/s.yaml"
said 'a document that broke off a moment ago' "not whole yet: file://$in/a: the document ends"
is "$(data)" '{"n":1} {"n":2} {"n":9}' '... the others come'
is "$(grep -c dl.checkpoint "$T/out")" 1 '... and no position, for it comes again'
follow
twice() { [ "$(grep -c 'not whole yet' "$T/err")" -ge 2 ]; }
soon twice
is "$(data)" '{"n":1} {"n":2} {"n":9}' '... not again as it is'
printf ',{"n":3}]' >>"$in/a"
soon came '"n":3}'
unfollow
is "$? $(data)" '0 {"n":1} {"n":2} {"n":9} {"n":1} {"n":2} {"n":3}' '... but once it is whole'
is "$(tail -n 1 "$T/out" | jq -r .type)" dl.checkpoint '... and then is a position'

done_testing
