#!/usr/bin/env bash
# pipelines/departures: a timetable API in pages, for those who have its key, on
# a real web server, two editions of it, beside what jq makes of the pages.
. tests/tap.sh
. tests/servers/nginx.sh

unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
dir=pipelines/departures
key=board-$RANDOM$RANDOM
cat >"$T/server" <<E
default_type application/json;
location = /v1/departures {
	if (\$http_x_api_key != "$key") { return 401; }
	if (\$arg_station != HST) { return 404; }
	set \$page \$arg_page;
	if (\$page = "") { set \$page 1; }
	rewrite ^ /board/\$page.json last;
}
location /board/ { internal; }
E
nginx_start "$T/server" || exit 1
export DEPARTURES_URL="$nginx_url/v1/departures?station=HST"

# edition N [COUNT PER_PAGE]: what the server gives from now on.
edition() {
	rm -rf "$T/www/board"
	"$dir/sample" "$1" "$T/www/board" "${@:2}"
}
# What all pages say, in their order.
pages() {
	find "$T/www/board" -name '*.json' | sort | xargs jq -c '.departures[]'
}
data() { jq -c .data; }
requests() { wc -l <"$T/access.log"; }

# The key is a secret: without it, and with a wrong one, nobody gets in.
edition 1
status 78 'without a key' "$dir/run"
like "$(cat "$T/err")" 'secret:api_key' 'its secret is told'
is "$(requests)" 0 'and nothing is asked'
printf wrong | dl-secret put --group departures api_key 2>"$T/err"
status 77 'with a wrong key' "$dir/run"
like "$(cat "$T/err")" '/v1/departures: HTTP status 401' 'that is told'
printf %s "$key" | dl-secret put --group departures api_key 2>"$T/err"

: >"$T/access.log"
status 0 'the first edition' "$dir/run"
is "$(cat "$T/err")" '' 'says nothing'
is "$(requests)" 3 'it has three pages'
dl-lake-read raw >"$T/raw"
is "$(data <"$T/raw" | sort | sha256sum)" "$(pages | sort | sha256sum)" \
	'every departure of every page is in the lake, as it came'
is "$(wc -l <"$T/raw")" 60 'all sixty of them'
is "$(dl-lake-read clean | data | sort | sha256sum)" \
	"$(pages | jq -c -f "$dir/clean.jq" | sort | sha256sum)" \
	'the clean lake holds what jq makes of them'
is "$(dl-twin-get --json | jq -c 'select(.metric == "delay_min") |
	[.component, .value]' | sort)" \
	"$(pages | jq -c -f "$dir/clean.jq" | jq -c 'select(.delay_min != null) |
	[.id, .delay_min]' | sort)" 'the twin has how late each train is'

status 0 'a second poll' "$dir/run"
is "$(dl-lake-read raw | cmp - "$T/raw" 2>&1)" '' 'adds nothing'

edition 2
status 0 'the second edition' "$dir/run"
dl-lake-read raw | data | sort >"$T/now"
is "$(comm -13 <(data <"$T/raw" | sort) "$T/now" | sha256sum)" \
	"$(comm -13 <(data <"$T/raw" | sort) <(pages | sort) | sha256sum)" \
	'brings what has changed, and nothing else'
is "$(dl-twin-get --json 20261123-108 cancelled | jq .value)" true \
	'a train that is cancelled is so in the twin'
is "$(dl-twin-get --json 20261123-110 platform | jq -r .value)" 3 \
	'and one that leaves from elsewhere, too'

# What an API does on a bad day.
echo '{"departures":[{"id":"x","changed":"2026-11-23T12:00:00Z"}],"next":"/v1/departures?station=HST&page=1"}' \
	>"$T/www/board/3.json"
status 0 'pages in a ring' dl-source "$dir/source.yaml"
like "$(cat "$T/err")" 'page 4 is the same as an earlier one: the pages end' \
	'are walked once'
rm "$T/www/board/3.json"
status 78 'a page that is missing' dl-source "$dir/source.yaml"

# Nobody sees the key.
is "$(grep -rl "$key" "$T/home" | wc -l)" 0 'the key is nowhere in the home'

# The golden test: five departures on three pages.
edition 1 5 2
export DL_NOW=2026-11-23T12:00:00Z
rm -rf "$T/home/sources" "$T/home/commits"
dl-source "$dir/source.yaml" | grep -v dl.checkpoint >"$T/raw"
dl-transform -p "$dir/clean.jq" <"$T/raw" >"$T/clean"
dl-extract "$dir/extract.yaml" <"$T/raw" >"$T/observed"
unset DL_NOW
for out in raw clean observed; do
	sed -i 's/"dlorigin":"[^"]*"/"dlorigin":"http:"/' "$T/$out"
	is "$(cat "$T/$out")" "$(cat "$dir/golden/$out.ndjson")" \
		"golden: $out is as it was"
done

done_testing
