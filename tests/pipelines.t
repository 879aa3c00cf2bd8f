#!/usr/bin/env bash
# The pipelines on their real samples: lakes and twin hold what the feed holds,
# byte for byte; a second run adds nothing; order does not matter.
. tests/tap.sh
. tests/servers/nginx.sh # nginx_port_free

sample=pipelines/quakes/sample.geojson
export QUAKES_URL=file://$PWD/$sample

# The sample has one feature a line.
sed -e 's/^{.*"features":\[//' -e 's/,$//' -e 's/\],"bbox":.*$//' "$sample" |
	sort >"$T/features"
is "$(wc -l <"$T/features")" 1707 'the sample has 1,707 features'
data() { sed 's/^.*,"data":\(.*\)}$/\1/'; }
tree() { find "$DL_HOME/lake" -name 'part-*' | sort; }

status 0 'quakes runs' pipelines/quakes/run
is "$(cat "$T/err")" '' 'and says nothing'
find "$DL_HOME/lake/raw" -name 'part-*.zst' -print0 | xargs -0 zstdcat \
	>"$T/raw"
data <"$T/raw" | sort >"$T/got"
is "$(cmp "$T/got" "$T/features" 2>&1)" '' \
	'the raw lake holds the features, byte for byte'
is "$(jq -c .data "$T/raw" | sort | sha256sum)" \
	"$(jq -c '.features[]' "$sample" | sort | sha256sum)" \
	'and jq agrees'
is "$(dl-lake-read raw | sort | sha256sum)" "$(sort "$T/raw" | sha256sum)" \
	'dl-lake-read prints what zstdcat does'
is "$(dl-lake-read clean | jq -c .data | sort | sha256sum)" \
	"$(jq -c '.features[]' "$sample" |
		jq -c -f pipelines/quakes/clean.jq | sort | sha256sum)" \
	'the clean lake holds what jq makes of the features'
is "$(dl-twin-get --json | jq -c '[.component, .metric, .value]' |
	sort | sha256sum)" \
	"$(jq -c '.features[] | select(.properties.type == "earthquake")
	    | .id as $id
	    | {magnitude: .properties.mag, place: .properties.place,
	       depth_km: .geometry.coordinates[2], status: .properties.status}
	    | to_entries[] | select(.value != null)
	    | [$id, .key, .value]' "$sample" | sort | sha256sum)" \
	'the twin holds what jq picks of them'
is "$(find "$DL_HOME/sources/quakes/pending" -type f | wc -l)" 1 \
	'the change of the state waits for its commit to be seen'

tree >"$T/before"
dl-twin-get --json >"$T/twin"
status 0 'quakes runs again' pipelines/quakes/run
is "$(tree)" "$(cat "$T/before")" 'and adds nothing to the lakes'
is "$(dl-twin-get --json | cmp - "$T/twin" 2>&1)" '' 'nor to the twin'
is "$(find "$DL_HOME"/lake/*/_dl/staging -type f | wc -l)" 0 \
	'nothing is left half done'

# The same events in random order, twice, into another twin.
dl-lake-read raw | shuf | cat - <(dl-lake-read raw | shuf) |
	dl-extract pipelines/quakes/extract.yaml | dl-twin-put -t "$T/other"
is "$(dl-twin-get --json -t "$T/other" | cmp - "$T/twin" 2>&1)" '' \
	'random order, twice: the same twin'

# An earlier and a later reading, of which only the later one stays.
sed 's/"mag":2,"place":"4km W of Castaic/"mag":2.5,"place":"4km W of Castaic/
     s/"updated":1517966996303/"updated":1517966996304/' "$sample" \
	>"$T/revised.geojson"
QUAKES_URL=file://$T/revised.geojson status 0 'a revised feed' \
	pipelines/quakes/run
is "$(dl-twin-get --json ci37868143 magnitude | jq -c .value)" 2.5 \
	'its new value is in the twin'
is "$(dl-lake-read raw | wc -l)" 1708 'and the lake has one event more'
status 0 'the old feed again' pipelines/quakes/run
is "$(dl-twin-get --json ci37868143 magnitude | jq -c .value)" 2.5 \
	'an older value does not come back'

# A consumer that can't work: it stays where it is, the others go on, and the
# run says so.
before=$(cat "$DL_HOME/commits/stream.quakes.twin")
stored=$(dl-lake-read raw | wc -l)
mkdir "$T/broken"
cp pipelines/quakes/{source.yaml,clean.jq} "$T/broken"
printf 'templates:\n  - name: t\n    component: .nope\n    metrics:\n      m: .id\n' \
	>"$T/broken/extract.yaml"
sed 's/"mag":2,/"mag":3,/' "$sample" >"$T/third.geojson"
PIPELINE=$T/broken QUAKES_URL=file://$T/third.geojson \
	pipelines/quakes/run >"$T/out" 2>"$T/err" && ran=well || ran=badly
is "$ran" badly 'a broken consumer fails the run'
is "$(cat "$DL_HOME/commits/stream.quakes.twin")" "$before" \
	'and its position stays where it was'
new=$(diff "$sample" "$T/third.geojson" | grep -c '^>')
is "$(dl-stream-ls quakes | jq -c '[.consumers[].lag_events]')" "[0,0,$new]" \
	'while the others are not behind'
QUAKES_URL=file://$T/third.geojson status 0 'mended, it goes on' \
	pipelines/quakes/run
is "$(dl-lake-read raw | wc -l)" "$((stored + new))" \
	'and each event is in the lake once'

# The golden tests of each pipeline.
for dir in pipelines/*/golden; do
	name=$(basename "$(dirname "$dir")")
	export DL_NOW=2026-01-01T00:00:00Z
	input=$(find "$dir" -name 'input.*')
	# The others are on a server of their own: see NAME.t.
	[ -n "$input" ] || continue
	QUAKES_URL=file://$PWD/$input WEATHER_URL=file://$PWD/$input \
		BULLETINS_URL=file://$PWD/$input INVENTORY_URL=file://$PWD/$input \
		FLEET_URL=file://$PWD/$input \
		DL_HOME=$T/golden dl-source "pipelines/$name/source.yaml" |
		grep -v dl.checkpoint >"$T/raw"
	dl-transform -p "pipelines/$name/clean.jq" <"$T/raw" >"$T/clean"
	dl-extract "pipelines/$name/extract.yaml" <"$T/raw" >"$T/observed"
	unset DL_NOW
	# Where it was acquired depends on where the tree stands.
	for out in raw clean observed; do
		sed -i 's/"dlorigin":"[^"]*"/"dlorigin":"file:"/' "$T/$out"
		is "$(cat "$T/$out")" "$(cat "$dir/$out.ndjson")" \
			"$name: $out is as it was"
	done
done

status 0 'weather runs' pipelines/weather/run
is "$(dl-lake-read --where source=weather raw | wc -l)" 1461 \
	'every day is in the lake'
is "$(dl-twin-get --json seattle |
	sed 's/.*"metric":"\([^"]*\)","value":\([^,]*\),"time":"\([^"]*\)".*/\1 \2 \3/')" \
	'rain_mm 0.0 2015-12-31T00:00:00Z
temp_max_c 5.6 2015-12-31T00:00:00Z
temp_min_c -2.1 2015-12-31T00:00:00Z
weather "sun" 2015-12-31T00:00:00Z
wind_ms 3.5 2015-12-31T00:00:00Z' \
	'the twin holds the newest'

# The README's pipeline of one's own, as it stands there.
mkdir -p "$T/own/build"
ln -s "$BUILD"/dl-* "$T/own/build"
readme() { # N: the Nth of its blocks of shell
	awk -v n="$1" '/^```sh$/ { on = ++i == n; next } /^```$/ { on = 0 } on' \
		README.md
}
readme 1 >"$T/own/run"
status 0 "the README's pipeline runs" bash -c "cd '$T/own' && bash run"
is "$(awk '{ print $1, $2, $3 }' "$T/out" | paste -sd,)" \
	'COMPONENT METRIC VALUE,p7 bar 2.50,p7 rpm 1480,p8 bar 1.90' \
	'and prints what the README says'
port=$((20000 + RANDOM % 10000))
while ! nginx_port_free "$port"; do port=$((port + 1)); done
{ readme 1 && readme 2 | sed "s/:8080/:$port/" && echo 'kill "$!"'; } \
	>"$T/own/run"
status 0 '... its twin is served' bash -c "rm -rf '$T/own/build/pumps' &&
	cd '$T/own' && bash run"
like "$(tail -n 1 "$T/out")" '"metric":"bar","value":2[.]50,' \
	'... to who has a token'

done_testing
