#!/usr/bin/env bash
# lib/http: what clients may do to a server, through tests/servers/httpd.
. tests/tap.sh
. tests/servers/tls.sh
raw=$PWD/tests/servers/raw.pl

httpd_start() { # OPTION...: sets $port, $url, $pid
	: >"$T/httpd.out"
	"$BUILD/servers/httpd" "$@" >"$T/httpd.out" 2>"$T/httpd.err" &
	pid=$!
	tap_pids+=("$pid")
	soon test -s "$T/httpd.out" || cat "$T/httpd.err" >&2
	port=$(head -n 1 "$T/httpd.out")
	url=http://127.0.0.1:$port
}

httpd_stop() { # its status in $stopped
	kill "$pid"
	wait "$pid"
	stopped=$?
}

counts() { # NAME: of the running server, now
	local lines
	lines=$(wc -l <"$T/httpd.out")
	kill -USR1 "$pid"
	soon more_lines "$lines"
	tail -n 1 "$T/httpd.out" | grep -oE "$1 [0-9]+" | cut -d ' ' -f 2
}

more_lines() {
	[ "$(wc -l <"$T/httpd.out")" -gt "$1" ]
}

counted() { # NAME N
	[ "$(counts "$1")" = "$2" ]
}

code() { # CURL-ARG...
	rm -f "$T/body"
	curl -s -o "$T/body" -w '%{http_code}' "$@"
}

told() { # PART...: what raw.pl tells, in one line
	"$raw" "$port" "$@" 2>&1 | tr '\n' ' '
}

body_of() {
	head -c "$1" /dev/zero | tr '\0' x
}

# --- Requests and answers
httpd_start log="$T/log" threads=2
is "$(curl -si "$url/small" | tr -d '\r' |
	sed 's/^Date: .*/Date:/; s/^\(X-Request-Id:\) [0-9a-f]\{10\}-1$/\1/')" \
	'HTTP/1.1 200 OK
Date:
Content-Type: application/json
X-Request-Id:
X-Content-Type-Options: nosniff
Content-Length: 23

{"value":42,"ok":true}' 'a small answer, and all of its headers'
is "$(curl -sI "$url/small" | grep -c 'Content-Length: 23')" 1 \
	'HEAD has the length, and no body'
like "$(curl -s --path-as-is "$url/a/../b%2Fc")" 'there is no /a/\.\./b%2Fc"' \
	'a target is handed out as it was sent'
is "$(curl -s -H 'X-Request-Id: my.Own_id-7' -D "$T/head" "$url/nope")" \
	'{"type":"urn:dl:problem:not-found","title":"Not found","status":404,"detail":"there is no /nope","instance":"urn:dl:request:my.Own_id-7"}' \
	'a problem of RFC 9457, under the id that the client gave'
like "$(tr -d '\r' <"$T/head")" 'application/problem\+json.*no-store.*my.Own' \
	'which is not stored, and has its type'
like "$(curl -s -H 'X-Request-Id: "}' "$url/nope")" 'request:[0-9a-f]{10}-1"' \
	'an id that is none is not taken over'
is "$(curl -s -d hello -H 'X-One: 1' -H 'x-one: 2' "$url/echo?q=%41" | tr '\n' ' ')" \
	'POST /echo q=%41 X-One: 1 (2) 127.0.0.1 5 hello' 'a body and headers'
is "$(curl -s "$url/param?b=1&a=x%2By%20z+")" 'x+y z+' 'a parameter, decoded'
is "$(code "$url/param?a=%ff")$(code "$url/param?a=1&a=2")$(code "$url/param")" \
	400400404 'one that is broken, or twice, or absent'
is "$(curl -s "$url/later?ms=30") $(curl -s -d x "$url/head" | tail -n 1)" \
	'later 127.0.0.1 1 x' 'answered later, and put off at the head'
is "$(code -X PUT "$url/small") $(code -X TRACE "$url/small") $(code -X FROB "$url/")" \
	'405 405 405' 'other methods are for the handler'

# --- Connections
is "$(curl -sv "$url/small" "$url/nope" "$url/small" 2>&1 | grep -c Re-using)" 2 \
	'a connection is kept, after a problem too'
is "$(curl -sv -d "$(body_of 1000)" "$url/refuse" --next "$url/small" 2>&1 |
	grep -c Re-using)" 1 'and after a body that was refused'
h='Host: a\r\n\r\n'
is "$(told "GET /small HTTP/1.1\\r\\n${h}GET /later?ms=20 HTTP/1.1\\r\\n${h}GET /echo?3 HTTP/1.1\\r\\nConnection: close\\r\\n$h")" \
	'200 200 200 127.0.0.1 0  closed ' 'pipelined requests, in their order'
is "$(told '{GET /small HTTP/1.1\r\nHost: a\r\n\r\n*1000}GET /x HTTP/1.0\r\n\r\n' |
	grep -o 200 | wc -l)" 1000 'a thousand at once'
is "$(told 'POST /echo HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 5\r\n'"$h" \
	'wait 100 Continue' hello 'wait hello')" '100 200 127.0.0.1 5 hello open ' \
	'Expect: 100-continue'
like "$(told 'POST /refuse HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 5\r\n'"$h")" \
	'^401 .*closed' 'which is refused before the body'
is "$(curl -si "$url/refuse" | grep -ci '^X-Bad')" 0 \
	"a header's value can't begin another one"
is "$(told 'GET /echo HTTP/1.0\r\n\r\n')" '200 127.0.0.1 0  closed ' \
	'HTTP/1.0, without Host'
is "$(told 'GET http://other:1/echo HTTP/1.1\r\n'"$h")" \
	'200 127.0.0.1 0  open ' 'an absolute target'
is "$(told 'OPTIONS * HTTP/1.1\r\n'"$h" | cut -c 1-4)" '204 ' 'OPTIONS *'

# --- What is no request
while IFS='|' read -r want name bytes; do
	[ -n "$want" ] || continue
	like "$(told "${bytes//@/$h}")" "^$want" "$name"
done <<'E'
400 .*no Host.*open|no Host|GET /echo HTTP/1.1\r\n\r\n
400 .*more than one Host|two Hosts|GET /echo HTTP/1.1\r\nHost: b\r\n@
400 .*more than.*closed|Content-Length and Transfer-Encoding|POST /echo HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n@0\r\n\r\nGET /smuggled HTTP/1.1\r\n@
400 .*more than.*closed|two Content-Lengths|POST /echo HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 5\r\n@hello
400 .*closed|a list of them|POST /echo HTTP/1.1\r\nContent-Length: 5,5\r\n@hello
400 .*closed|a length with a sign|POST /echo HTTP/1.1\r\nContent-Length: +5\r\n@hello
413 .*closed|a length of no number that there is|POST /echo HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n@
400 .*that is none.*closed|a space before the colon|POST /echo HTTP/1.1\r\nContent-Length : 5\r\n@hello
400 .*that is none.*closed|a space before the first name|POST /echo HTTP/1.1\r\n Content-Length: 5\r\n@hello
400 .*not chunked.*closed|another coding|POST /echo HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n@hello
400 .*not chunked.*closed|another coding before it|POST /echo HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n@hello
400 .*not chunked.*closed|chunks of HTTP/1.0|POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n@0\r\n\r\n
400 .*closed|a chunk of no number|POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n@0x5\r\nhello\r\n0\r\n\r\n
400 .*closed|a chunk that is too long|POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n@5\r\nhelloXX0\r\n\r\n
413 .*closed|a chunk that is larger than numbers|POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n@fffffffffffffffff5\r\nhello
400 .*no target|a fragment|GET /echo#x HTTP/1.1\r\n@
400 .*no target|a space in the target|GET /ec ho HTTP/1.1\r\n@
400 .*no target|a NUL in the target|GET /echo\0x HTTP/1.1\r\n@
400 .*no target|a NUL in the query|GET /echo?\0x HTTP/1.1\r\n@
400 .*no target|a control byte in the target|GET /echo\x01 HTTP/1.1\r\n@
400 .*no target|* of another method|GET * HTTP/1.1\r\n@
400 .*no target|no path|GET echo HTTP/1.1\r\n@
405 |CONNECT|CONNECT a:443 HTTP/1.1\r\n@
505 .*closed|another version|GET /echo HTTP/2.0\r\n@
400 .*closed|no version|GET /echo\r\n\r\n
400 .*closed|a header without colon|GET /echo HTTP/1.1\r\nno colon\r\n@
closed|a hello of TLS|\x16\x03\x01\x02\x00\x01\x00\r\n\r\n
414 .*longer than 8192.*open|a long target|GET /{a*9000} HTTP/1.1\r\n@
414 |a very long one|GET /{a*200000} HTTP/1.1\r\n@
414 |no line end|{garbage*30000}
431 .*larger than 16384.*open|a large header|GET /echo HTTP/1.1\r\nX: {a*17000}\r\n@
431 |a very large one|GET /echo HTTP/1.1\r\nX: {a*200000}\r\n@
431 |10,000 headers|GET /echo HTTP/1.1\r\n{X-A: b\r\n*10000}@
200 200 .*closed|garbage after two requests|GET /small HTTP/1.1\r\n@GET /small HTTP/1.1\r\n@garbage\r\n\r\n
E
is "$(told 'POST /echo HTTP/1.1\r\nContent-Length: 9\r\n'"${h}hal" eof 'wait closed')" \
	'closed ' 'half a request'
is "$(told 'GET /small HTTP/1.1\r\n'"$h" eof 'wait closed')" \
	'200 {"value":42,"ok":true} closed ' 'a client that closes its side'
is "$(code "$url/small")" 200 'after all of which it serves'

# --- Bodies
body_of $((1 << 20)) >"$T/mib"
{ cat "$T/mib"; printf x; } >"$T/more"
is "$(curl -s --data-binary "@$T/mib" "$url/echo" | tail -n 1 | cut -c 1-20)" \
	'127.0.0.1 1048576 xx' 'a body as large as it may be'
is "$(code --data-binary "@$T/more" "$url/echo")$(code -H Expect: \
	--data-binary "@$T/more" "$url/echo")" 413413 'one byte more'
is "$(code -H Expect: -H 'Transfer-Encoding: chunked' --data-binary \
	"@$T/more" "$url/echo") $(grep -o '"detail":[^,]*' "$T/body")" \
	'413 "detail":"the body is larger than 1048576 bytes"' \
	'one byte more, in chunks'
is "$(code --data-binary "@$T/more" "$url/large")" 200 \
	'the handler may take more'
is "$(head -c 30000000 /dev/zero | code -H Expect: -T - -X POST \
	"$url/echo" 2>/dev/null)" 000 'chunks without end are broken off'

# --- Packing and tags
is "$(curl -s "$url/big?n=1399" -H 'Accept-Encoding: gzip' | wc -c)" 1399 \
	'what is small is not packed'
curl -s -D "$T/head" -H 'Accept-Encoding: br, gzip' "$url/big?n=50000" >"$T/packed"
is "$(gzip -dc "$T/packed" | cmp - <(curl -s "$url/big?n=50000") && echo same)" \
	same 'what is large is, for whoever takes it'
is "$(tr -d '\r' <"$T/head" | grep -cE '^(Vary: Accept-Encoding|Content-Encoding: gzip)$')" \
	2 'and says so'
is "$(curl -s -H 'Accept-Encoding: gzip;q=0' "$url/big?n=50000" | wc -c)" 50000 \
	'but not for whoever refuses it'
like "$(curl -sI "$url/big?n=50000")" 'Vary: Accept-Encoding' \
	'Vary is there where it was not packed, too'
curl -s -D "$T/head" -H 'Accept-Encoding: gzip' "$url/tagged?n=5000" >"$T/packed"
like "$(cat "$T/head")" 'ETag: W/"abc"' 'the tag of packed bytes is weak'
like "$(curl -sI "$url/tagged?n=5000")" 'ETag: "abc"' \
	'that of others is as it was given'
is "$(code -H 'If-None-Match: W/"abc"' "$url/tagged?n=5") $(cat "$T/body" 2>&1)" \
	"304 cat: $T/body: No such file or directory" '304, without a body'
curl -s -D "$T/head" -H 'Accept-Encoding: gzip' -H 'If-None-Match: "abc"' \
	"$url/tagged?n=5000" >"$T/none"
is "$(wc -c <"$T/none") $(tr -d '\r' <"$T/head" | grep -iE \
	'^(HTTP|etag|vary|content)' | sort | paste -sd,)" \
	"0 Content-Length: 0,ETag: W/\"abc\",HTTP/1.1 304 Not Modified,Vary: Accept-Encoding" \
	'... with what guides caches, as of the 200 for the same request'
is "$(curl -sI "$url/tagged" | grep -icE '^(etag|cache-control): ')" 1 \
	'a problem takes back what was said of another answer'
tag=$(curl -sI "$url/file" | tr -d '\r' | sed -n 's/^ETag: //p')
is "$(curl -s --compressed "$url/file" | cmp - <(curl -s "$url/file") && echo same)" \
	same 'a file, packed and not'
is "$(code -H "If-None-Match: $tag" "$url/file") $(code -H \
	'If-None-Match: "no"' "$url/file")" '304 200' 'and its tag'

# --- Streams
is "$(curl -sN -m 60 "$url/storm?n=100000" | tail -n 1)" 100000 \
	'no wake of a storm is lost'
storms=()
for i in 1 2 3 4 5 6 7 8; do
	curl -sN -m 60 "$url/storm?n=20000" | tail -n 1 >"$T/storm$i" &
	storms+=($!)
done
wait "${storms[@]}"
is "$(cat "$T"/storm? | sort | uniq -c | tr -s ' ')" ' 8 20000' \
	'nor of eight of them'
is "$(curl -sN -m 10 "$url/self?n=1000" | tail -n 1) $(curl -s -m 10 "$url/now")" \
	'1 now' 'nor one that comes before anything sleeps'
is "$(timeout 60 curl -sN "$url/storm?n=[1-100]" | grep -c "^100$")" 1 \
	'nor the last one of many'
timeout 0.5 curl -sN "$url/silent" >/dev/null
soon counted streams 0
is "$(counts streams)" 0 'a stream ends soon after its reader has left'
like "$(timeout 1 curl -sN "$url/quiet" | wc -c)" '^([468]|[1-3][0-9]|4[02])$' \
	'a quiet stream is called as often as it wants, and no more often'
is "$(curl -sI "$url/stream" | head -n 1 | tr -d '\r')" 'HTTP/1.1 200 OK' \
	'HEAD of a stream'
like "$(told 'GET /storm?n=3 HTTP/1.0\r\n\r\n')" '^200 3 closed' \
	'a stream for HTTP/1.0'
soon counted streams 0
is "$(counts streams)" 0 'all streams have ended'
like "$(counts requests) $(counts 2xx) $(counts 4xx) $(counts 0xx)" \
	'^1[0-9]{3} 1[0-9]{3} [4-9][0-9] [0-9]$' 'requests are counted'

# --- The log
httpd_stop
is "$stopped" 0 'it stops'
is "$(jq -c 'select(.path=="/param")|[.client,.who,.method,.status,.bytes]' \
	"$T/log" | head -n 1)" '["127.0.0.1",null,"GET",200,6]' 'the log is JSON'
is "$(jq -r 'select(.path=="/echo" and .status==200).who' "$T/log" |
	sort -u)" echo 'with who it was'
is "$(grep -c 'smuggled\|?\|q=%41' "$T/log")" 0 'without queries'
like "$(jq -r 'select(.path=="/later")|.ms' "$T/log" | head -n 1)" \
	'^([2-9][0-9]|[0-9]{3,})' 'with the time it took'

ln -s /dev/full "$T/full"
httpd_start log="$T/full"
for _ in 1 2 3; do code "$url/small" >/dev/null; done
soon grep -q 'leaves requests out' "$T/httpd.err"
code "$url/small" >/dev/null
is "$(code "$url/small")" 200 'a full disk does not stop it'
is "$(cat "$T/httpd.err")" \
	"httpd: the access log leaves requests out: cannot write $T/full: No space left on device" \
	'and is said once'
ln -sf "$T/room" "$T/full"
kill -HUP "$pid"
soon grep -q reloaded "$T/httpd.out"
code "$url/small" >/dev/null
httpd_stop
like "$stopped $(cat "$T/httpd.err")" \
	'^0 .*written again; [1-5] requests are not in it$' \
	'nor is it silent when there is room again'
like "$(sed '/^$/d' "$T/room" | jq -r .path | sort -u)" '^/small$' \
	'and what is written then is whole'

httpd_start log="$T/rotated"
code "$url/small" >/dev/null
mv "$T/rotated" "$T/rotated.1"
kill -HUP "$pid"
soon grep -q reloaded "$T/httpd.out"
told 'GET /\xffx"\x22 HTTP/1.1\r\n'"$h" >/dev/null
httpd_stop
is "$(jq -r .path "$T/rotated" | tail -n 1)" '/?x""' 'a rotated log is opened again'

# --- CORS
httpd_start origin=https://a.example
like "$(curl -si -H 'Origin: https://a.example' "$url/small" | tr -d '\r')" \
	'Vary: Origin.*Allow-Origin: https://a.example.*Expose-Headers: ETag, Link' \
	'an origin that may read'
is "$(curl -si -H 'Origin: https://b.example' "$url/small" | grep -ci allow-origin)" \
	0 'one that may not'
like "$(curl -si -X OPTIONS -H 'Origin: https://a.example' -H \
	'Access-Control-Request-Method: GET' "$url/refuse" | tr -d '\r')" \
	'204.*Allow-Methods: GET.*Allow-Headers: Authorization.*Max-Age: 600' \
	'a preflight is answered, without a token'
httpd_stop

# --- Limits of time
httpd_start header_ms=500 body_ms=700 idle_ms=1000
export RAW_TIME=1 RAW_QUIET=8
slow=()
late() { # NAME PART...: told in the background
	local name=$1
	shift
	told "$@" >"$T/late-$name" &
	slow+=($!)
}
late head 'GET /echo HTTP/1.1\r\n' 'drip 0.1 {X*200}'
late line 'drip 0.1 {G*200}'
late nothing
late body 'POST /echo HTTP/1.1\r\nContent-Length: 900\r\n'"$h" \
	'drip 0.1 {X*200}'
late second 'GET /small HTTP/1.1\r\n'"$h" 'wait true' 'drip 0.3 {GET*20}'
late idle 'GET /small HTTP/1.1\r\n'"$h"
RAW_QUIET=0.1 late stream 'GET /stream HTTP/1.1\r\n'"$h" 'sleep 2.5'
RAW_QUIET=0.1 late late 'GET /later?ms=2500 HTTP/1.1\r\n'"$h" 'wait later'
late big 'GET /big?n=20000000 HTTP/1.1\r\n'"$h" 'wait aaa' 'sleep 3'
late flood 'GET /flood HTTP/1.1\r\n'"$h" 'wait xxx' 'sleep 3'
wait "${slow[@]}"
unset RAW_TIME RAW_QUIET
over='(closed|reset) ([0-9]\.)'
like "$(cat "$T/late-head")" "^408 .*timeout.*$over" 'a slow head'
like "$(cat "$T/late-line")" "^$over" 'a slow first line'
like "$(cat "$T/late-nothing")" "^$over" 'nothing at all'
like "$(cat "$T/late-body")" "^408 .*timeout.*$over" 'a slow body'
like "$(cat "$T/late-second")" "^200 .*$over" 'a slow second request'
like "$(cat "$T/late-idle")" "^200 .*$over" 'nothing after a request'
like "$(cat "$T/late-big") $(cat "$T/late-flood")" \
	'200 .*(closed|reset).* 200 .*(closed|reset)' 'who takes nothing'
like "$(cat "$T/late-stream")" '^200 .*open' 'but a stream lasts'
like "$(cat "$T/late-late")" '^200 later' 'and so does what is answered late'
like "$(counts timeouts)" '^[2-9]$' 'timeouts are counted'
httpd_stop

# --- Limits of number
cat >"$T/hold.pl" <<'P'
use IO::Socket::INET;
use IO::Select;
my ($dir, $port, $n, $seconds) = @ARGV;
my (@all, $refused, $told);
for (1 .. $n) {
	my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
		PeerPort => $port, Proto => 'tcp') or next;
	push @all, $s;
}
my $select = IO::Select->new(@all);
my $until = time + $seconds;
while (time < $until && !-e "$dir/let-go") {
	for my $s ($select->can_read(0.1)) {
		sysread $s, my $bytes, 1000;
		$refused += ($bytes // '') =~ /^HTTP.1.1 503/;
		$select->remove($s);
	}
	unless ($told++) {
		open my $f, '>', "$dir/held"; print $f scalar @all; close $f;
	}
}
print $refused // 0, " of ", scalar @all, "\n";
P
hold() { # N SECONDS: in the background, until $T/let-go is there
	rm -f "$T/held" "$T/let-go"
	perl "$T/hold.pl" "$T" "$port" "$1" "$2" >"$T/holder" &
	holder=$!
	soon test -s "$T/held"
}
let_go() {
	touch "$T/let-go"
	wait "$holder"
}
httpd_start clients=40 connections=60
hold 50 20
soon counted connections 40
is "$(counts refused)" 10 'a client has so many connections and no more'
like "$(code "$url/small")" '^(503|000)$' 'it gets no other one'
is "$(code --interface 127.0.0.2 "$url/small")" 200 'another client does'
let_go
is "$(cat "$T/holder")" '10 of 50' 'those that are refused are told'
soon counted connections 0
is "$(code "$url/small")" 200 'and when it has closed them, it may again'
httpd_stop
httpd_start clients=1000 connections=60
hold 70 20
soon counted connections 60
like "$(counts refused) $(code --interface 127.0.0.2 "$url/small")" \
	'^10 (503|000)$' 'all clients together have so many'
let_go
httpd_stop

held=2000
[ "$(ulimit -Hn)" = unlimited ] || [ "$(ulimit -Hn)" -ge 2300 ] ||
	held=$(($(ulimit -Hn) - 300))
ulimit -Sn $((held + 200))
httpd_start clients=5000 connections=5000
hold "$held" 60
soon counted connections "$held"
is "$(counts connections)" "$held" 'thousands of connections are held'
is "$(code "$url/small")" 200 'beside them it serves'
[ "${FLAVOUR:-}" = san ] ||
	is "$(awk '/^VmRSS/ { print ($2 < 150000) }' "/proc/$pid/status")" 1 \
		'and memory is bounded'
let_go
soon counted connections 0
httpd_stop
is "$stopped" 0 'and it stops'

(
	ulimit -n 300
	exec "$BUILD/servers/httpd" connections=5000
) >"$T/few.out" 2>"$T/few.err" &
few=$!
tap_pids+=("$few")
soon test -s "$T/few.out"
kill "$few"
wait "$few"
is "$(cat "$T/few.err")" \
	'httpd: at most 236 connections, since only 300 files may be open (ulimit -n)' \
	'a limit of files is one of connections'

# --- Stops
httpd_start grace_ms=10000
curl -s "$url/later?ms=700" >"$T/later" &
later=$!
curl -sN -w '%{http_code} %{exitcode}' "$url/stream" >"$T/streamed" &
streamed=$!
"$raw" "$port" 'GET /small HTTP/1.1\r\n'"$h" 'wait x' >"$T/idle" &
idle=$!
soon counted connections 3
soon test -s "$T/streamed"
soon counted 2xx 1
SECONDS=0
httpd_stop
wait "$later" "$streamed" "$idle"
is "$stopped $(cat "$T/later")" '0 later' 'a stop lets a request end'
is "$(tail -n 1 "$T/streamed")" '200 0' 'and ends streams, whole'
is "$(code "$url/small")" 000 'nobody can connect any more'
is "$((SECONDS < 9)) $(tail -n 1 "$T/idle")" '1 closed' \
	'and it does not wait for those who ask nothing'
httpd_start grace_ms=300
curl -s -w ' %{http_code}\n' "$url/stuck" >"$T/stuck" &
stuck=$!
"$raw" "$port" 'POST /echo HTTP/1.1\r\nContent-Length: 9\r\n'"$h" 'wait x' \
	>"$T/half" &
half=$!
soon counted connections 2
httpd_stop
wait "$stuck" "$half"
like "$stopped $(cat "$T/stuck")" '^0 .*(503|000)' \
	'what does not end in time is ended'

# --- Where it listens
httpd_start
status 75 'a port that is taken' "$BUILD/servers/httpd" port="$port"
is "$(cat "$T/err")" \
	"httpd: cannot listen on 127.0.0.1:$port: Address already in use" \
	'is said with the port'
status 78 'an address that is none' "$BUILD/servers/httpd" address=localhost
httpd_stop
if [ -e /proc/net/if_inet6 ] && grep -q '^0*1 ' /proc/net/if_inet6; then
	httpd_start address=::1
	is "$(code "http://[::1]:$port/small")" 200 'IPv6'
	is "$(curl -s "http://[::1]:$port/echo" | tail -n 1)" '::1 0 ' \
		'and its addresses'
	httpd_stop
fi

# --- TLS
tls_certificates
cert=$T/tls/now.pem key=$T/tls/now.key
cp "$T/tls/good.pem" "$cert"
cp "$T/tls/good.key" "$key"
httpd_start cert="$cert" key="$key" header_ms=1500
url=https://127.0.0.1:$port
tls=(--cacert "$T/tls/ca.pem")
is "$(code "${tls[@]}" "$url/small")" 200 'TLS'
is "$(code "${tls[@]}" --tls-max 1.2 "$url/small")" 200 'TLS 1.2'
is "$(code "${tls[@]}" --tls-max 1.1 "$url/small")" 000 'nothing older'
is "$(curl -sN "${tls[@]}" "$url/storm?n=5000" | tail -n 1)" 5000 \
	'a stream over TLS'
is "$(curl -s "${tls[@]}" --data-binary "@$T/mib" "$url/echo" | wc -c)" 1048606 \
	'a mebibyte over TLS'
# A connection of before the change goes on.
mkfifo "$T/asks"
openssl s_client -quiet -connect "127.0.0.1:$port" -CAfile "$T/tls/ca.pem" \
	<"$T/asks" >"$T/answers" 2>/dev/null &
client=$!
tap_pids+=("$client")
exec 4>"$T/asks"
printf 'GET /small HTTP/1.1\r\nHost: a\r\n\r\n' >&4
soon grep -q value "$T/answers"
cp "$T/tls/other.pem" "$cert"
kill -HUP "$pid"
soon grep -q "the key '.*' is not that of" "$T/httpd.err"
is "$(code "${tls[@]}" "$url/small")" 200 \
	'a key that is not that of the certificate changes nothing'
cp "$T/tls/other.key" "$key"
soon grep -q reloaded "$T/httpd.out"
kill -HUP "$pid"
reloaded_twice() {
	[ "$(grep -c reloaded "$T/httpd.out")" = 2 ]
}
soon reloaded_twice
is "$(code "${tls[@]}" "$url/small")" 000 'another certificate is shown'
other=(--resolve "other.example:$port:127.0.0.1")
is "$(code "${tls[@]}" "${other[@]}" "https://other.example:$port/small")" 200 \
	'which is good for its name'
printf 'GET /echo HTTP/1.1\r\nHost: a\r\n\r\n' >&4
soon grep -q '127.0.0.1 0' "$T/answers"
is "$(grep -c '127.0.0.1 0' "$T/answers")" 1 'who was connected goes on'
exec 4>&-
for _ in 1 2 3 4 5 6 7 8 9 10; do kill -HUP "$pid"; done
is "$(code "${tls[@]}" "${other[@]}" "https://other.example:$port/small")" 200 \
	'in the midst of changes, too'
like "$(RAW_TIME=1 RAW_QUIET=8 told 'drip 0.1 {\x16*200}')" \
	'(closed|reset) [0-9]' 'a slow handshake'
like "$(RAW_QUIET=1 told 'GET / HTTP/1.1\r\n'"$h")" '(closed|reset)' \
	'no handshake'
httpd_stop
is "$stopped" 0 'it stops'
status 78 'a certificate that is none' "$BUILD/servers/httpd" \
	cert="$T/tls/good.key" key="$T/tls/good.key"
status 78 'a key that is none' "$BUILD/servers/httpd" \
	cert="$T/tls/good.pem" key="$T/tls/good.pem"

done_testing
