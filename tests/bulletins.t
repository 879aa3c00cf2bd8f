#!/usr/bin/env bash
# pipelines/bulletins: an XML feed from a real web server, two editions of it,
# beside what xmllint reads there.
. tests/tap.sh
. tests/servers/nginx.sh

unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
dir=pipelines/bulletins
nginx_start ''
export BULLETINS_URL=$nginx_url/rss.xml

for i in 1 2; do
	"$dir/sample" "$i" >"$T/$i.xml"
	status 0 "edition $i is XML" xmllint --noout "$T/$i.xml"
done
is "$(grep -c $'M\xfcnchen' "$T/1.xml") $(grep -c 'CDATA' "$T/1.xml")" '18 40' \
	'in ISO-8859-1, with CDATA'

# edition N: what the server gives from now on.
edition() {
	cp "$T/$1.xml" "$T/www/new" && mv "$T/www/new" "$T/www/rss.xml"
}
# poll NAME: a run, which says nothing; $T/polled has the requests' statuses.
poll() {
	: >"$T/access.log"
	status 0 "$1" "$dir/run"
	is "$(cat "$T/err")" '' '... and says nothing'
	cut -d ' ' -f 4 "$T/access.log" | paste -sd' ' >"$T/polled"
}
items() { xmllint --xpath 'count(//item)' "$1"; }
# fields EDITION: the id, title, section, line, change and text of each item, as
# xmllint reads them, a line each.
fields() {
	local i p n
	n=$(items "$T/$1.xml")
	for ((i = 1; i <= n; i++)); do
		for p in guid title '*[name()="tr:section"]/@to' \
			'*[name()="tr:line"][1]' '*[name()="dcterms:modified"]' \
			description; do
			xmllint --noent --xpath "string(//item[$i]/$p)" "$T/$1.xml"
		done
	done
}
# The same of the events on standard input.
ours() {
	jq -r '.data | .guid["#text"], .title, .["tr:section"]["@to"],
	    (.["tr:line"] | if type == "array" then .[0] else . end),
	    .["dcterms:modified"], .description'
}

edition 1
poll 'the first edition'
is "$(cat "$T/polled")" 200 '... was got'
dl-lake-read raw >"$T/raw"
is "$(wc -l <"$T/raw")" "$(items "$T/1.xml")" 'every item is an event'
fields 1 >"$T/want"
jq -c -s 'sort_by(.data.guid["#text"][9:] | -tonumber)[]' "$T/raw" | ours >"$T/got"
is "$(cmp "$T/got" "$T/want" 2>&1)" '' 'and holds what xmllint reads'
is "$(dl-twin-get --json bulletin-12 status | jq -r .value)" open \
	'the twin has them'

poll 'a second poll'
is "$(cat "$T/polled")" 304 '... hears that nothing has changed'
is "$(awk '$4 == 304' "$T/access.log" | grep -c '"W\?/\?\\x22.*\\x22"$')" 1 \
	'... for it said which edition it has'
is "$(dl-lake-read raw | cmp - "$T/raw" 2>&1)" '' 'and nothing is new'

edition 2
poll 'the second edition'
is "$(cat "$T/polled")" 200 '... was got'
dl-lake-read raw | grep -vxFf "$T/raw" >"$T/new"
fields 2 | paste -d '\t' - - - - - - - >"$T/second"
fields 1 | paste -d '\t' - - - - - - - >"$T/first"
is "$(jq -r '.data.guid["#text"]' "$T/new" | sort)" \
	"$(grep -vxFf "$T/first" "$T/second" | cut -f 1 | sort)" \
	'what differs in it is new, and nothing else'
is "$(wc -l <"$T/new")" 9 '... five that are revised, one withdrawn, three new'
is "$(dl-lake-read raw | wc -l)" "$(($(wc -l <"$T/raw") + 9))" \
	'... and the first edition is still there'
is "$(dl-twin-get --json bulletin-12 status | jq -r .value)" withdrawn \
	'the twin knows of the one that was withdrawn'
is "$(dl-twin-get --json bulletin-7 delay_min | jq .value)" 54 \
	'... and of one that was revised'
is "$(dl-twin-get --json bulletin-1 status | jq -r .value)" open \
	'... and still has one that is too old for the feed'

edition 1
poll 'the first edition again'
is "$(dl-twin-get --json bulletin-12 status | jq -r .value)" withdrawn \
	'... an older state does not come back'

unset BULLETINS_URL
DL_HOME=$T/sample status 0 'without a URL, the sample' "$dir/run"
is "$(DL_HOME=$T/sample dl-lake-read clean | wc -l)" 40 '... is in the lake'

done_testing
