#!/usr/bin/env bash
# dl-twin-serve among hostile clients, dying neighbours and on a full disk: it
# goes on serving others, and has its memory and descriptors back afterwards.
#
#	FAULT_ROUNDS=N  how many times what is random is done (3)
#	SWARM=N         connections at a time (10000, if so many can be had)
. tests/fault/lib.sh
. tests/servers/serve.sh

rounds=${FAULT_ROUNDS:-3}
began=$SECONDS
lines=application/x-ndjson
# In the background, or in parentheses: it takes the place of its shell.
swarm() { exec "$BUILD/servers/swarm" -p "$serve_port" "$@"; }

obs() { # COMPONENT SECOND ID
	printf '{"specversion":"1.0","id":"%s","source":"s","type":"dl.observation","subject":"%s","time":"2018-02-07T01:26:%02dZ","data":{"m":1,"text":"%0500d"}}\n' \
		"$3" "$1" "$2" 0
}
post() { # the status; its arguments are curl's
	curl -s -m 20 -o "$T/body" -w '%{http_code}' --data-binary @- \
		-H "Content-Type: $lines" "$@" "$serve_url/v1/events"
}

# Bytes to the server; what it says until it closes, or 2 s of silence.
raw() {
	perl -MIO::Socket::INET -MIO::Select -e '
		$SIG{PIPE} = "IGNORE";
		my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1",
			PeerPort => shift) or exit 1;
		binmode STDIN; local $/; syswrite $s, <STDIN>;
		my $sel = IO::Select->new($s);
		while ($sel->can_read(2)) {
			sysread($s, my $b, 65536) or last;
			print $b;
		}' "$serve_port"
}

# What it has when it is at rest.
rest() { base_fds=$(serve_fds) base_rss=$(serve_rss); }
# shellcheck disable=SC2317 # by its name
at_rest() {
	[ "$(serve_fds)" -le $((base_fds + 3)) ] || return
	# The sanitizers keep what is freed for a while.
	[ "${FLAVOUR:-plain}" != plain ] ||
		[ "$(serve_rss)" -le $((base_rss + ${1:-8192})) ]
}
healthy() { # NAME [KIB]
	serve_is_up
	is $? 0 "$1: it answers"
	soon at_rest "${2:-8192}"
	is $? 0 "$1: memory and descriptors are back"
	at_rest "${2:-8192}" || note \
		"$(serve_fds) of $base_fds, $(serve_rss) of $base_rss KiB"
}

limits() { # MORE
	printf '%s\n' 'listen: 127.0.0.1:0' 'access_log: off' 'limits:' \
		'  header_timeout: 1s' '  body_timeout: 1s' '  idle: 2s' \
		'  header: 8K' '  body: 64K' '  grace: 1s' "$@" >"$T/serve.yaml"
}
limits
serve_start -c "$T/serve.yaml" --open || exit 1
obs c 1 i | post >"$T/out"
rest

# Slow ones: all are cut, and others are answered meanwhile.

mkfifo "$T/never"
exec 9<>"$T/never"
slow=()
slow() { # NAME [OPTION...]: 200 that send $T/NAME
	swarm -n 200 -f "$T/$1" -t 30 "${@:2}" <"$T/never" >"$T/$1.swarm" &
	slow+=($!)
	soon grep -q up "$T/$1.swarm"
}
cut_off() { # NAME...
	local name
	wait "${slow[@]}"
	slow=()
	for name; do
		is "$(awk '/^end/ { print $2, $3 }' "$T/$name.swarm")" '200 200' \
			"$name: they are cut"
	done
}
printf 'GET / HTTP/1.1\r\nHost: x\r\nX-%05000d: 1\r\n' 0 >"$T/heads"
printf 'POST /v1/query HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n%05000d' 0 >"$T/bodies"
: >"$T/silent"
slow heads -e 100 -s 7
slow bodies -e 100 -s 150
slow silent
is "$(for _ in 1 2 3 4 5 6 7 8 9 10; do
	curl -s -m 10 -o "$T/body" -w '%{time_total} %{http_code}\n' \
		"$serve_url/v1/components/c/metrics/m"
	sleep 0.05
done | awk '$2 != 200 || $1 > 2')" '' 'slow ones: others are answered'
cut_off heads bodies silent
healthy 'slow ones'

# Those that take nothing: there is more to tell them than any buffer holds.

for ((i = 0; i < 160; i++)); do
	printf '{"specversion":"1.0","id":"i","source":"s","type":"dl.observation","subject":"f%d","time":"2018-02-07T01:26:00Z","data":{"m":"%060000d"}}' \
		"$i" 0 >"$T/in"
	post <"$T/in"
done >"$T/codes"
is "$(cat "$T/codes")" "$(printf '200%.0s' {1..160})" 'ten megabytes are put'
serve_is_up
rest
printf 'GET /v1/changes HTTP/1.1\r\nHost: x\r\nLast-Event-ID: 0\r\n\r\n' >"$T/req"
swarm -n 50 -q -f "$T/req" -t 30 <"$T/never" >"$T/swarm" &
deaf=$!
disown
soon grep -q up "$T/swarm"
stopped=()
for _ in 1 2 3; do
	curl -sN -m 30 "$serve_url/v1/changes?last_event_id=0" >"$T/follow" &
	stopped+=($!)
	disown
	kill -STOP "${stopped[-1]}"
done
is "$(for ((i = 0; i < 50; i++)); do obs "g$i" 1 i | post; done)" \
	"$(printf '200%.0s' {1..50})" 'followers that take nothing: others put'
healthy 'followers that take nothing' 32768
kill -9 "$deaf" "${stopped[@]}" 2>/dev/null

# Those that vanish are noticed when there is something to tell them.
swarm -n 50 -f "$T/req" -t 30 <"$T/never" >"$T/swarm" &
deaf=$!
disown
soon grep -q up "$T/swarm"
kill -9 "$deaf"
more=100
# shellcheck disable=SC2317 # by its name
told() {
	obs "g$((more++))" 1 i | post >"$T/code"
	[ "$(serve_fds)" -le $((base_fds + 3)) ]
}
soon told
is $? 0 'followers that vanish are let go'
healthy 'followers that vanish' 32768
rest

# Too large.

many() { # N TEXT
	awk -v n="$1" -v t="$2" 'BEGIN { while (n-- > 0) printf "%s", t }'
}
get() { curl -s -m 10 -o "$T/body" -w '%{http_code}' "${@:2}" "$serve_url$1"; }
is "$(get "/$(many 9000 x)")" 414 'a long target'
is "$(get / -H "X: $(many 20000 x)")" 431 'a long header'
like "$({
	printf 'GET / HTTP/1.1\r\nHost: x\r\n'
	many 20000 $'A:\r\n'
	printf '\r\n'
} | raw | head -n 1)" '^(HTTP/1.1 4|$)' 'many headers'
like "$(many 100000 x | raw | head -n 1)" '^(HTTP/1.1 4|$)' 'no end of a line'
is "$(many 70000 x | get /v1/query --data-binary @- \
	-H 'Content-Type: application/json')" 413 'a long body'
is "$({
	printf '{"pairs":['
	many 1001 '{"component":"c","metric":"m"},' | sed 's/,$/]}/'
} | get /v1/query --data-binary @- -H 'Content-Type: application/json')" 400 \
	'many pairs'
is "$(get "/v1/components/$(many 600 x)")" 404 'a long name'
is "$(get "/v1/components?prefix=$(many 5000 x)")" 200 'a long prefix'
is "$(get "/v1/components/c?metrics=$(many 2000 'x,')" | cut -c 1)" 4 \
	'many metrics'
is "$(get "/v1/changes?metric=$(many 2000 'x,')" | cut -c 1)" 4 \
	'many metrics to follow'
is "$(get '/v1/components?limit=99999999999999999999999')" 400 'a large limit'
healthy 'too large'

# Rubbish, and what follows it in the same bytes.

{
	many 100 $'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n'
	printf 'rub\xffbish\r\n\r\n'
	many 100 $'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n'
} | raw >"$T/answers"
is "$(grep -ac '^HTTP/1.1 200' "$T/answers")" 100 \
	'what is before the rubbish is answered'
perl -e 'srand shift; my ($n, $port) = (shift, shift);
	use IO::Socket::INET; $SIG{PIPE} = "IGNORE";
	my @words = ("GET ", "POST ", "/v1/", "components/", "c", "events", "%",
		"%2F", "?", "&", "=", " HTTP/1.1\r\n", "HTTP/1.0", "\r\n",
		"Host: x\r\n", "Content-Length: ", "Transfer-Encoding: chunked\r\n",
		"5\r\nhello\r\n", "0\r\n\r\n", "9999999999999999999",
		"Authorization: Bearer ", "{\"pairs\":[", "\0", "\n", ":", "query",
		"changes", "Content-Type: application/x-ndjson\r\n", "-1", "limit=",
		"Expect: 100-continue\r\n", "Connection: close\r\n");
	for (1 .. $n) {
		my $bytes = "";
		if (rand() < 0.5) {
			$bytes .= chr rand 256 for 1 .. rand 2000;
		} else {
			$bytes .= $words[rand @words] for 1 .. rand 60;
			$bytes = "GET / HTTP/1.1\r\n" . $bytes if rand() < 0.3;
		}
		my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1",
			PeerPort => $port) or die "connect: $!";
		syswrite $s, $bytes;
		shutdown $s, 1 if rand() < 0.5;
		sysread $s, my $answer, 100 if rand() < 0.1 and $bytes =~ /\r\n\r\n/;
	}' "$seed" $((rounds * 200)) "$serve_port"
is $? 0 'random bytes: it takes all of them'
healthy 'random bytes'

# Neighbours that die, signals that come too often.

for ((i = 0; i < rounds; i++)); do
	for ((j = 0; j < 80; j++)); do obs "k$j" $((i % 60)) "k$i-$j"; done \
		>"$T/in"
	dl-twin-put <"$T/in" 2>"$T/err" &
	pid=$!
	nap 40
	kill -9 "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	is "$(post <"$T/in")" 200 "dl-twin-put was killed beside it: $i"
done
healthy 'a neighbour that dies'
for ((i = 0; i < 100; i++)); do
	kill -HUP "$serve_pid"
	((i % 20)) || get /v1/components
done >"$T/codes"
is "$(cat "$T/codes")" 200200200200200 'a storm of SIGHUP: it answers'
healthy 'a storm of SIGHUP'

# It is killed itself: what was answered is there.

for ((i = 0; i < rounds; i++)); do
	for ((j = 0; ; j++)); do
		obs "z$i-$j" 1 i | post >"$T/code" || break
		[ "$(cat "$T/code")" = 200 ] && echo "z$i-$j"
	done >"$T/answered" &
	pid=$!
	nap 300
	serve_end KILL
	wait "$pid"
	dl-twin-get --prefix "z$i-" m | jq -r .component | sort >"$T/there"
	is "$(sort "$T/answered" | comm -23 - "$T/there")" '' \
		"killed: $(wc -l <"$T/answered") events were answered, and are there"
	serve_start -c "$T/serve.yaml" --open || exit 1
	is "$(obs "z$i-last" 1 i | post)" 200 '... and it goes on'
done
serve_end
is $? 0 'it ends well'

# Somebody holds the twin's lock and was stopped: it is read from, and it ends,
# at its start too.

limits '  grace: 100ms'
sed -i '/grace: 1s/d' "$T/serve.yaml"
serve_start -c "$T/serve.yaml" --open || exit 1
mkfifo "$T/letgo"
"$BUILD/servers/holder" "$DL_HOME/twin" <"$T/letgo" >"$T/holder" &
holder=$!
disown
exec 7>"$T/letgo"
soon grep -q held "$T/holder"
is $? 0 'the lock is held'
obs held 1 i | post -v -H 'Expect: 100-continue' >"$T/code" 2>"$T/sent" &
pid=$!
soon grep -q 'HTTP/1.1 100' "$T/sent"
is "$(get /v1/components/c/metrics/m)" 200 'a lock that is held: it is read from'
nap 500 # what was sent is with the writer then
serve_end
is $? 75 '... and it ends in its time'
wait "$pid"
like "$(cat "$T/serve.log")" 'does not end by itself' '... and says so'
# shellcheck disable=SC2317 # by its name
serve_listens() { kill -0 "$serve_pid"; }
for signal in TERM INT; do
	serve_start -c "$T/serve.yaml" --open 2>"$T/err" || exit 1
	# Blocked by it, and not by who hears it: then it is on its way.
	# shellcheck disable=SC2317 # by its name
	waits() { [ "$(find "/proc/$serve_pid/task" -mindepth 1 -maxdepth 1 | wc -l)" -ge 2 ]; }
	soon waits
	serve_end "$signal"
	is $? $((128 + $(kill -l "$signal"))) \
		"a start that waits for it is ended by SIG$signal"
done
serve_listens() {
	kill -0 "$serve_pid" && grep -q 'listening on' "$T/serve.log"
}
exec 7>&-
wait "$holder" 2>/dev/null

# The same, by one who has made the map larger before: nobody hangs.
serve_start -c "$T/serve.yaml" -t "$T/grown" --open || exit 1
kill -STOP "$serve_pid"
for ((i = 0; i < 40; i++)); do
	printf '{"specversion":"1.0","id":"i","source":"s","type":"dl.observation","subject":"c%d","time":"2018-02-07T01:26:00Z","data":{"m":"%060000d"}}\n' \
		"$i" 0
done | dl-twin-put -t "$T/grown"
"$BUILD/servers/holder" "$T/grown" <"$T/letgo" >"$T/holder" &
holder=$!
disown
exec 7>"$T/letgo"
soon grep -q held "$T/holder"
{ obs held 1 i | post >"$T/code"; } 7>&- &
pid=$!
nap 200
kill -CONT "$serve_pid"
nap 200
like "$(get '/v1/components?limit=1')" '^(200|503)$' \
	'a map that has grown, and a lock that is held: readers are answered'
exec 7>&-
wait "$holder" 2>/dev/null
wait "$pid"
is "$(cat "$T/code") $(get '/v1/components?limit=1')" '200 200' \
	'... and it goes on'
serve_end
is $? 0 'it ends well'
limits

# No room on the disk: what was answered is there, and it is read from; then
# there is room.

# shellcheck disable=SC2016 # the other shell expands it
serve_by=(bash -c 'trap "" XFSZ; ulimit -Sf "$(($(stat -c %s "$0") / 1024 + 40))"; exec "$@"' \
	"$DL_HOME/twin/data.mdb")
serve_start -c "$T/serve.yaml" --open || exit 1
serve_by=()
for ((i = 0; i < 1000; i++)); do
	obs "full-$i" 1 i | post >"$T/code"
	[ "$(cat "$T/code")" = 200 ] || break
	echo "full-$i"
done >"$T/answered"
is "$(cat "$T/code") $(jq -r .type "$T/body")" \
	'503 urn:dl:problem:unavailable' 'a full disk'
for ((i = 0; i < 80; i++)); do obs "full-x$i" 1 i; done | curl -s -o "$T/body" -D "$T/head" --data-binary @- \
	-H "Content-Type: $lines" "$serve_url/v1/events"
like "$(cat "$T/head")" 'Retry-After: [0-9]+' '... for now'
is "$(get /v1/components/c/metrics/m)" 200 '... is read from'
like "$(grep -c 'events are turned away' "$T/serve.log") $(cat "$T/serve.log")" \
	'^1 .*(No space left|File too large|no more space)' '... is told once'
dl-twin-get --prefix full- m | jq -r .component | sort >"$T/there"
is "$(sort "$T/answered" | comm -23 - "$T/there")" '' \
	"a full disk: $(wc -l <"$T/answered") events were answered, and are there"
prlimit --pid "$serve_pid" --fsize=unlimited
is "$(obs full-y 1 i | post)" 200 'there is room: it goes on'
is "$(dl-twin-get --count --prefix full-x)" 0 '... without those that were turned away'
rest
healthy 'a full disk'
serve_end
is $? 0 'it ends well'

# Handshakes that are cut off.

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
	-subj /CN=localhost -keyout "$T/key.pem" -out "$T/cert.pem" 2>"$T/err"
sed '1a tls: {cert: cert.pem, key: key.pem}' "$T/serve.yaml" >"$T/tls.yaml"
serve_start -c "$T/tls.yaml" --open || exit 1
tls_is_up() { [ "$(curl -sk -m 10 "https://127.0.0.1:$serve_port/healthz")" = ok ]; }
tls_is_up
is $? 0 'TLS: it answers'
rest
# What a client says first.
perl -MIO::Socket::INET -e '
	my $l = IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1");
	my $pid = fork;
	if (!$pid) {
		open STDERR, ">/dev/null"; open STDOUT, ">/dev/null";
		open STDIN, "</dev/null";
		exec "openssl", "s_client", "-connect", "127.0.0.1:" . $l->sockport;
	}
	sysread $l->accept, my $hello, 65536;
	print $hello; kill "KILL", $pid; wait;' >"$T/hello"
[ "$(wc -c <"$T/hello")" -gt 100 ]
is $? 0 'a client says hello'
head -c 100 "$T/hello" >"$T/half-a-hello"
cp "$T/hello" "$T/slow-hello"
slow half-a-hello
slow hello
slow slow-hello -e 20 -s 3
cut_off half-a-hello hello slow-hello
perl -MIO::Socket::INET -e '
	my ($seed, $n, $port, $file) = @ARGV;
	srand $seed; $SIG{PIPE} = "IGNORE";
	open my $f, "<:raw", $file; local $/; my $hello = <$f>;
	for (1 .. $n) {
		my $bytes = substr $hello, 0, rand 1 + length $hello;
		substr($bytes, rand length $bytes, 1) = chr rand 256
			if length $bytes and rand() < 0.7;
		$bytes .= chr rand 256 for 1 .. rand 50;
		my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1",
			PeerPort => $port) or die "connect: $!";
		syswrite $s, $bytes;
	}' "$seed" $((rounds * 100)) "$serve_port" "$T/hello"
is $? 0 'broken handshakes: it takes all of them'
tls_is_up
is $? 0 'TLS: it answers still'
soon at_rest 16384
is $? 0 'TLS: memory and descriptors are back'
note "$(serve_fds) of $base_fds, $(serve_rss) of $base_rss KiB"
serve_end
is $? 0 'it ends well'

# No descriptors.

# shellcheck disable=SC2016 # the other shell expands it
serve_by=(bash -c 'ulimit -n 64; exec "$@"' -)
serve_start -c "$T/serve.yaml" --open || exit 1
serve_by=()
rest
: >"$T/req"
(swarm -n 100 -f "$T/req" -t 20 <"$T/never" >"$T/swarm")
is "$(awk '/^end/ { print $2, $3 }' "$T/swarm")" '100 100' \
	'no descriptors: all of them are gone'
healthy 'no descriptors'
serve_end
is $? 0 'it ends well'

# Ten thousand at a time.

n=${SWARM:-10000} most=$(ulimit -Hn)
[ "$most" != unlimited ] && [ "$n" -gt $((most - 300)) ] && n=$((most - 300))
limits "  connections: $n" "  client_connections: $n"
sed -i 's/header_timeout: 1s/header_timeout: 60s/; s/idle: 2s/idle: 60s/' \
	"$T/serve.yaml"
# shellcheck disable=SC2016
serve_by=(bash -c 'ulimit -n "$(ulimit -Hn)"; exec "$@"' -)
serve_start -c "$T/serve.yaml" --open || exit 1
serve_by=()
rest
printf 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n' >"$T/req"
mkfifo "$T/hold"
swarm -n "$((n - 10))" -f "$T/req" -t 50 <"$T/hold" >"$T/swarm" &
pid=$!
exec 8>"$T/hold"
up() { grep -q up "$T/swarm"; }
soon up
is "$(cat "$T/swarm")" "up $((n - 10))" "$n connections: they are up"
is "$(get /v1/components/c/metrics/m)" 200 "$n connections: another is answered"
note "$n connections: $(serve_rss) KiB, $(serve_fds) descriptors"
if [ "${FLAVOUR:-plain}" = plain ]; then
	[ $(($(serve_rss) - base_rss)) -lt $((n * 48)) ]
	is $? 0 "$n connections: 48 KiB for each at most"
fi
: >"$T/empty"
(swarm -n 50 -f "$T/empty" -t 1 <"$T/never" >"$T/more")
[ "$(awk '/^end/ { print $3 }' "$T/more")" -ge 40 ]
is $? 0 "$n connections: what is beyond is closed"
exec 8>&-
wait "$pid"
is "$(awk '/^end/ { print $4 }' "$T/swarm")" $((n - 10)) \
	"$n connections: all were answered"
healthy "$n connections" 32768
serve_end
is $? 0 'it ends well'
note "$((SECONDS - began)) s"
done_testing
