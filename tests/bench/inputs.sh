# Makes what the benchmarks read, in $dir, from the quakes' sample; sourced.
# shellcheck shell=bash
# shellcheck disable=SC2154 # dir, mb, observations, slice: set by run

# The same week, so many times, in one document, for dl-source.
make_document() { # TIMES
	jq -c .data "$dir/one.ndjson" | awk -v times="$1" '
		{ line[NR] = $0 }
		END {
			printf "{\"features\":["
			for (t = 0; t < times; t++)
				for (i = 1; i <= NR; i++)
					printf "%s%s", (t + i > 1 ? ",\n" : ""),
					    line[i]
			print "]}"
		}'
}

make_events() {
	local one=$dir/one.ndjson
	local bytes times i
	QUAKES_URL=file://$PWD/pipelines/quakes/sample.geojson \
		dl-source pipelines/quakes/source.yaml |
		grep -v dl.checkpoint >"$one"
	bytes=$(stat -c %s "$one")
	times=$((mb * 1000000 / bytes + 1))
	for ((i = 0; i < times; i++)); do cat "$one"; done >"$dir/events"
	# Peers that need half a minute for all of it get a part.
	head -n "$(($(wc -l <"$dir/events") / slice))" "$dir/events" \
		>"$dir/slice"
	make_document "$times" >"$dir/document"
	make_document "$((times / slice))" >"$dir/document-slice"
	cat >"$dir/source.yaml" <<-YAML
	name: quakes
	url: file://$PWD/$dir/document
	items: .features
	subject: .id
	time: .properties.updated
	time_format: ms
	YAML
	cat >"$dir/extract.yaml" <<-'YAML'
	templates:
	  - name: quake
	    component: .id
	    time: .properties.time
	    time_format: ms
	    metrics:
	      magnitude: .properties.mag
	      depth_km: .geometry.coordinates[2]
	      place: .properties.place
	YAML
}

# make_observations COMPONENTS METRICS EACH: each line has EACH metrics (1: any
# one of them; or all METRICS) of one component, at random.
make_observations() {
	awk -v n="$observations" -v components="$1" -v metrics="$2" \
	    -v each="$3" 'BEGIN {
		head = "{\"specversion\":\"1.0\",\"id\":\"%08x:bench\"," \
		    "\"source\":\"bench\",\"type\":\"dl.observation\"," \
		    "\"subject\":\"wagon-%06d\"," \
		    "\"time\":\"2026-11-01T%02d:%02d:%02d.%03dZ\"," \
		    "\"recordedtime\":\"2026-11-01T12:00:00Z\",\"data\":{"
		srand(1)
		for (i = 0; i < n / each; i++) {
			printf head, i, rand() * components, i / 3600000 % 24,
			    i / 60000 % 60, i / 1000 % 60, i % 1000
			if (each == 1)
				printf "\"metric%d\":%.2f", rand() * metrics,
				    rand() * 100
			else
				for (m = 0; m < metrics; m++)
					printf "%s\"metric%d\":%.2f",
					    (m > 0 ? "," : ""), m,
					    rand() * 100
			print "}}"
		}
	}'
}

# What puts the same into redis, as commands of its protocol.
make_redis() { # SHA
	cat >"$dir/observations.jq" <<-JQ
	.subject as \$s | .time as \$t | .data | to_entries[]
	| "EVALSHA $1 1 \(\$s):\(.key) \(\$t) \(.value)"
	JQ
	cat >"$dir/quakes.jq" <<-JQ
	.data | (.properties.time / 1000 | todate) as \$t
	| "EVALSHA $1 1 \(.id):magnitude \(\$t) \(.properties.mag)",
	  "EVALSHA $1 1 \(.id):depth_km \(\$t) \(.geometry.coordinates[2])",
	  "EVALSHA $1 1 \(.id):place \(\$t) \(.properties.place | @json)"
	JQ
	jq -r -f "$dir/observations.jq" "$dir/observations" >"$dir/resp"
}

make_inputs() {
	make_events
	make_observations 100000 8 1 >"$dir/observations"
	make_observations 100000 8 8 >"$dir/observations8"
	make_observations 125 8 1 >"$dir/hot"
}
