#!/usr/bin/env bash
# Memory: what a tool holds does not grow with what it is given.  A gigabyte goes
# through each; LMDB's map is a file, and is not counted.
. tests/tap.sh
. tests/memory.sh

jq -c .data "$T/week" >"$T/items"
awk '{ printf "%s%s", (NR > 1 ? "," : "{\"features\":["), $0 }' "$T/items" \
	>"$T/head"
awk '{ printf ",%s", $0 }' "$T/items" >"$T/more"

document() {
	cat "$T/head"
	repeat "$T/more"
	echo ']}'
}

printf '%s\n' 'name: quakes' 'items: .features' 'subject: .id' \
	'time: .properties.updated' 'time_format: ms' >"$T/source.yaml"
printf '%s\n' 'templates:' '  - name: quake' '    component: .id' \
	'    time: .properties.time' '    time_format: ms' '    metrics:' \
	'      magnitude: .properties.mag' '      place: .properties.place' \
	>"$T/extract.yaml"

memory dl-source dl-source "$T/source.yaml" - < <(document)

# A document of 2 GiB by its URL: from a server, and through a fifo.
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
"$BUILD/servers/events" /dev/null >"$T/port" &
tap_pids+=($!)
soon test -s "$T/port"
big=http://127.0.0.1:$(head -n 1 "$T/port")/document/2147483648
mkfifo "$T/fifo"

# by_url NAME URL LOG: where LOG says how many features were sent.
by_url() {
	local much='a document of 2 GiB' features
	printf '%s\n' 'name: big' "url: $2" 'items: .features' 'subject: .id' \
		'time: .properties.time' 'time_format: ms' >"$T/big.yaml"
	memory "$1" dl-source -v "$T/big.yaml"
	soon grep -q '^features' "$3"
	features=$(sed -n 's/^features //p' "$3")
	is "$(cat "$T/err")" \
		"dl-source: $features in, $features out, 0 dropped, 0 dead" \
		"$1: every item is an event"
}
by_url 'dl-source, http' "$big" "$T/port"
"$BUILD/servers/events" -d 2147483648 >"$T/fifo" 2>"$T/sent" &
by_url 'dl-source, fifo' "file://$T/fifo" "$T/sent"

memory dl-stream-put dl-stream-put quakes < <(repeat "$T/month")
memory dl-stream-get dl-stream-get --read-only quakes
rm -rf "$DL_HOME"
memory dl-transform dl-transform '{id, place: .properties.place}' \
	< <(repeat "$T/month")
memory 'dl-transform -j 2' dl-transform -j 2 '{id, place: .properties.place}' \
	< <(repeat "$T/month")
memory dl-extract dl-extract "$T/extract.yaml" < <(repeat "$T/month")
memory 'dl-extract -j 2' dl-extract -j 2 "$T/extract.yaml" \
	< <(repeat "$T/month")
dl-extract "$T/extract.yaml" <"$T/week" >"$T/observations"
memory dl-twin-put dl-twin-put < <(repeat "$T/observations")
memory dl-lake-write dl-lake-write -P 'dt={time:%Y-%m-%d}' raw \
	< <(repeat "$T/month")
memory dl-lake-read dl-lake-read raw

done_testing
