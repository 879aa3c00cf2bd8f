#!/usr/bin/env bash
# POST /v1/events: observations put over HTTP, with a verdict for each.
. tests/tap.sh
. tests/servers/serve.sh

# obs COMPONENT SECOND ID DATA [MORE]
obs() {
	printf '{"specversion":"1.0","id":"%s","source":"s","type":"dl.observation","subject":"%s","time":"2018-02-07T01:26:%02dZ",%s"data":%s}\n' \
		"$3" "$1" "$2" "${5:-}" "$4"
}

# What is on standard input, posted: the status and the answer.
post() { # TYPE [CURL-OPTION...]
	curl -s -m 20 -w '%{http_code}' -o "$T/body" --data-binary @- \
		-H "Content-Type: $1" "${@:2}" "$serve_url/v1/events"
	printf ' '
	cat "$T/body"
}
lines=application/x-ndjson
batch=application/cloudevents-batch+json
single=application/cloudevents+json
# The verdicts in short: "m:applied invalid" of those posted.
short() {
	sed 's/^200 //' | jq -r '[.verdicts[] | .code //
		(.metrics | to_entries | map("\(.key):\(.value)") | join(","))
		] | join(" ")'
}
problem() { sed 's/ .*"type":"urn:dl:problem:\([a-z-]*\)".*/ \1/'; }
value() { dl-twin-get "$@" | jq -c .value; }

serve_start --open || exit 1

# Three forms of it.

is "$(obs c 1 i1 '{"m":1,"n":"x"}' | post $single)" \
	'200 {"verdicts":[{"id":"i1","source":"s","verdict":"accepted","metrics":{"m":"applied","n":"applied"}}]}' \
	'one event'
is "$(value c)" $'1\n"x"' '... is in the twin'
like "$(dl-twin-get c m)" '"recordedtime":"20[0-9-]*T[0-9:.]*Z"}$' \
	'... recorded now, as it did not say'
obs c 1 i2 '{"r":1}' '"recordedtime":"2018-02-07T02:00:00Z",' |
	post $single >"$T/out"
like "$(dl-twin-get c r)" '"recordedtime":"2018-02-07T02:00:00Z"}$' \
	'... or when it said'
is "$({
	obs c 2 i3 '{"m":1}'
	echo
	obs c 1 i1 '{"m":1,"n":"x"}'
	obs c 0 i0 '{"m":0}'
} | post $lines | short)" 'm:unchanged m:stale,n:duplicate m:stale' 'lines'
is "$({
	printf '[ '
	obs d 1 i1 '{"a/b":[1]}'
	printf ', '
	obs d 1 i1 '{"a/b":[1]}'
	printf ']\n'
} | post "$batch" | short)" 'a/b:applied a/b:duplicate' 'a batch'
is "$(obs e 1 i1 '{"m":1}' | tr -d '\n' | post $lines | short)" 'm:applied' \
	'no newline at the end'
is "$(obs e 2 i1 '{"m":1}' | post $lines -H 'Transfer-Encoding: chunked' |
	short)" 'm:unchanged' 'in chunks'
is "$(printf '' | post $lines)" '200 {"verdicts":[]}' 'nothing'
is "$(echo '[]' | post $batch)" '200 {"verdicts":[]}' 'an empty batch'

# Each is judged alone.

{
	obs g 1 i1 '{"m":1}'
	obs bad 1 i2 '{"m":1,"m":2}'
	obs bad 1 i3 '{"m":01}'
	printf '{"specversion":"1.0","source":"s","type":"dl.observation"}\n'
	printf '{"specversion":"1.0","id":"i","type":"dl.observation"}\n'
	obs bad 1 i4 '{"m":1}' | sed 's/1[.]0/0.3/'
	obs bad 1 i5 '{"m":1}' | sed 's/dl[.]observation/dl.record/'
	obs bad 1 i6 '{"m":1}' | sed 's/2018-/9018-/'
	obs bad 1 i7 '{"m":1}' | sed 's/2018-/18-/'
	obs '' 1 i8 '{"m":1}'
	obs "$(printf '%0500d' 0)" 1 i9 '{"m":1}'
	obs bad 1 ia '{"m":1,"\n":2}'
	obs bad 1 ib '{"m":1,"":2}'
	obs bad 1 ic '"m"'
	printf '{"id":"\xff"}\n\xfe\n\x00\n}{\n'
	obs g 2 i2 '{"m":2}'
} >"$T/mixed"
is "$(post $lines <"$T/mixed" | short)" \
	'm:stale invalid invalid invalid invalid invalid observation future observation observation observation observation observation observation invalid invalid invalid invalid m:applied' \
	'what is wrong with one is not the fault of others'
is "$(value g)$(dl-twin-get --count bad)" 20 '... which are stored'
is "$(jq -r '.verdicts[1].error, .verdicts[3].error, .verdicts[4].error,
	.verdicts[5].error, .verdicts[6].error, .verdicts[9].error' "$T/body")" \
	'the name '"'m'"' twice in one object, at byte 129
not an event: no id
not an event: no source
not an event: specversion is not "1.0"
a dl.record is not an observation: dl-extract makes observations of records
an observation without a subject, which is its component' '... and it is told'
is "$(jq -c '.verdicts[1]|del(.error)' "$T/body")" \
	'{"verdict":"refused","code":"invalid"}' 'of one that is no event'
is "$(jq -c '.verdicts[7]|del(.error)' "$T/body")" \
	'{"id":"i6","source":"s","verdict":"refused","code":"future"}' \
	'of one that is'

# The body as a whole.

is "$(echo '{}' | post $batch | problem)" '400 bad-request' 'a batch is an array'
is "$({ printf '['; obs h 1 i '{"m":1}'; } | post $batch | problem)" \
	'400 bad-request' 'a batch that is cut off'
is "$({ printf '['; obs h 1 i '{"m":1}'; printf ']]'; } | post $batch |
	problem)" '400 bad-request' 'a batch with something behind it'
is "$(yes '{}' | head -n 10001 | post $lines | problem)" '413 too-large' \
	'too many events'
is "$(yes '{}' | head -n 10000 | post $lines | short | wc -w)" 10000 \
	'as many as may be'
is "$(head -c 1048577 /dev/zero | tr '\0' '\n' | post $lines | problem)" \
	'413 too-large' 'a body that is too large'
is "$(head -c 1048576 /dev/zero | tr '\0' '\n' | post $lines)" \
	'200 {"verdicts":[]}' 'as large as may be'
is "$(dl-twin-get --count h)" 0 'nothing of them was stored'

for type in 'application/json' 'text/plain' "$lines; charset=latin1" ''; do
	is "$(obs h 1 i '{"m":1}' | post "$type" | problem)" '415 media-type' \
		"media type '$type'"
done
n=0
for type in "$lines; charset=utf-8" 'Application/X-NDJSON;charset=UTF-8' \
	"$lines ;"; do
	n=$((n + 1))
	is "$(obs i 1 i "{\"m$n\":1}" | post "$type" | short)" \
		"m$n:applied" "media type '$type'"
done
is "$(curl -s -o "$T/body" -w '%{http_code} %header{allow}' \
	"$serve_url/v1/events")" '405 POST, OPTIONS' 'there is nothing to get'

# Packed.

is "$(obs j 1 i '{"m":1}' | gzip | post $lines -H 'Content-Encoding: gzip' |
	short)" 'm:applied' 'gzip'
is "$(obs j 1 i '{"m":1}' | gzip | post $lines -H 'Content-Encoding: X-GZIP' |
	short)" 'm:duplicate' 'by its old name'
is "$(obs j 1 i '{"m":1}' | post $lines -H 'Content-Encoding: identity' |
	short)" 'm:duplicate' 'not packed, and so said'
is "$(obs j 1 i '{"m":1}' | gzip | post $lines -H 'Content-Encoding: br' |
	problem)" '415 media-type' 'another coding'
is "$(obs j 1 i '{"m":1}' | gzip | post $lines | short)" 'invalid' \
	'packed, and not said'
is "$(obs j 1 i '{"m":1}' | post $lines -H 'Content-Encoding: gzip' | problem)" \
	'400 bad-request' 'said, and not packed'
is "$(obs j 1 i '{"m":1}' | gzip | head -c 60 |
	post $lines -H 'Content-Encoding: gzip' | problem)" '400 bad-request' \
	'cut off'
before=$(serve_rss)
is "$(head -c 900M /dev/zero | gzip -1 | head -c 1000000 |
	post $lines -H 'Content-Encoding: gzip' | problem)" '413 too-large' \
	'a bomb'
[ "${FLAVOUR:-plain}" != plain ] || [ $(($(serve_rss) - before)) -lt 16384 ]
is $? 0 '... does not go off'

# Many at a time, with another writer: nothing is lost, and each verdict is of
# its own event.
{
	for ((i = 0; i < 300; i++)); do
		obs "o$((RANDOM % 20))" $((RANDOM % 30)) "i$((RANDOM % 5))" \
			"{\"m\":$((RANDOM % 3)),\"n\":$((RANDOM % 3))}" \
			'"recordedtime":"2020-01-01T00:00:00Z",'
	done
} >"$T/many"
split -l 15 "$T/many" "$T/part."
posts=()
dl-twin-put <"$T/many" &
beside=$!
for part in "$T"/part.*; do
	curl -s -m 20 -o "$part.out" --data-binary "@$part" \
		-H "Content-Type: $lines" "$serve_url/v1/events" &
	posts+=($!)
done
wait "$beside"
is $? 0 'dl-twin-put writes beside it'
wait "${posts[@]}"
is "$(cat "$T"/part.*.out | jq -r '.verdicts[].metrics | keys[]' | sort |
	uniq -c | xargs)" '300 m 300 n' 'each has its verdicts'
for part in "$T"/part.??; do
	paste -d ' ' <(jq -r .id "$part") \
		<(jq -r '.verdicts[].id' "$part.out")
done | awk '$1 != $2' >"$T/swapped"
is "$(cat "$T/swapped")" '' '... in the order of the events'
dl-twin-put -t "$T/other" <"$T/many"
dl-twin-get --prefix o >"$T/got"
dl-twin-get -t "$T/other" >"$T/want"
is "$(diff "$T/got" "$T/want" | head -n 3)" '' 'the twin is the join of them'
serve_end
is $? 0 'it ends well'

# Large bodies that are not at their end: no more than memory says are kept.

printf '%s\n' 'listen: 127.0.0.1:0' 'access_log: off' \
	'limits: {memory: 1M, body: 2M}' >"$T/small.yaml"
serve_start -c "$T/small.yaml" --open || exit 1
mkfifo "$T/hold"
perl -MIO::Socket::INET -e '
	my @s = map { IO::Socket::INET->new(PeerAddr => "127.0.0.1",
		PeerPort => $ARGV[0]) or die } 1 .. 4;
	for my $s (@s) {
		print $s "POST /v1/events HTTP/1.1\r\nHost: localhost\r\n" .
			"Content-Type: application/x-ndjson\r\n" .
			"Content-Length: 700001\r\n\r\n", "\n" x 700000;
		$s->flush;
	}
	$| = 1;
	print "sent\n";
	<STDIN>;
	for my $s (@s) {
		print $s "\n";
		$s->flush;
		my $line = <$s>;
		print substr($line, 9, 3), "\n";
	}' "$serve_port" <"$T/hold" >"$T/crowd" &
pid=$!
exec 8>"$T/hold"
soon grep -q sent "$T/crowd"
is $? 0 'bodies that are not at their end'
crowded() {
	head -c 900000 /dev/zero | tr '\0' '\n' |
		post $lines -D "$T/head" | grep -q '^503 .*problem:unavailable'
}
soon crowded
is $? 0 '... leave no room for another'
like "$(cat "$T/head")" 'Retry-After: 1' '... for now'
is "$(obs k 1 i '{"m":1}' | post $lines | short)" 'm:applied' \
	'... but for one that is small'
exec 8>&-
wait "$pid"
is "$(sort "$T/crowd" | uniq -c | xargs)" '1 200 3 503 1 sent' \
	'... nor for all of them'
is "$(head -c 1900000 /dev/zero | tr '\0' '\n' | post $lines)" \
	'200 {"verdicts":[]}' 'then there is room, for one that alone is too large'
serve_end
is $? 0 'it ends well'

# Whoever may write only some of it.

cat >"$T/policy.yaml" <<'E2'
rules:
  - when: {scope: yard}
    write:
      - {components: 'w-*', metrics: [position, speed]}
  - when: {scope: see}
    read: all
E2
printf '%s\n' 'listen: 127.0.0.1:0' 'issue: true' 'audience: dl' \
	"policy: policy.yaml" >"$T/serve.yaml"
dl-token new >"$T/out" 2>&1
token() { dl-token mint --sub "$1" --scope "$1" --aud dl --ttl 1h; }
yard=$(token yard) see=$(token see)
serve_start -c "$T/serve.yaml" || exit 1
is "$(obs w-1 1 i '{"speed":1}' | post $lines | problem)" '401 unauthorized' \
	'without a token'
is "$(obs w-1 1 i '{"speed":1}' |
	post $lines -H "Authorization: Bearer $see" | problem)" '403 forbidden' \
	'without any right to write'
is "$({
	obs w-1 1 i1 '{"speed":1,"position":2}'
	obs w-1 1 i2 '{"speed":1,"weight":2}'
	obs x-1 1 i3 '{"speed":1}'
	obs w-1 1 i4 '{"\u0073peed":1}'
	obs w-1 1 i5 '{"Speed":1}'
	obs 'w-\u0032' 1 i6 '{"speed":1}'
} | post $lines -H "Authorization: Bearer $yard" | short)" \
	'speed:stale,position:applied forbidden forbidden speed:applied forbidden speed:applied' \
	'each event is asked for its rights'
is "$(jq -r '.verdicts[1].error' "$T/body")" \
	"metric 'weight' of 'w-1' is not yours to write" '... and told'
is "$(dl-twin-get --prefix w- | jq -r '"\(.component).\(.metric)"' | xargs)" \
	'w-1.position w-1.speed w-2.speed' 'an event is taken whole or not'
serve_end
is $? 0 'it ends well'
done_testing
