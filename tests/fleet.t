#!/usr/bin/env bash
# pipelines/fleet with a real broker: what the wagons publish is in the stream,
# the lakes and the twin, each reading once.
. tests/tap.sh
. tests/servers/mosquitto.sh

mosquitto_start /dev/null || exit 1
export FLEET_URL=mqtt://127.0.0.1:$mosquitto_port/wagons/+/telemetry
options="-h 127.0.0.1 -p $mosquitto_port"
simulate() { pipelines/fleet/simulate "$@"; }
stored() { cat "$DL_HOME"/streams/fleet/*.ndjson 2>/dev/null; }
# A run ends when nothing came for a second: on a slow machine that may be early.
run() { # READINGS
	local i
	for ((i = 0; i < 20; i++)); do
		pipelines/fleet/run || return
		[ "$(stored | wc -l)" -ge "$1" ] && return
	done
}

# The simulator.
is "$(simulate -n 5 -s 20 -r 7 | sha256sum)" \
	"$(simulate -n 5 -s 20 -r 7 | sha256sum)" 'the same seed, the same wagons'
like "$(cmp <(simulate -r 1) <(simulate -r 2))" differ 'another seed, others'
is "$(simulate -n 300 -s 2 | cut -d/ -f2 | sort -u | wc -l)" 300 'any number'
is "$(simulate -n 3 -s 200 | cut -d' ' -f2- | jq -r '[.wagon, .n] | @csv' |
	sort -u | wc -l)" 600 'each has its numbers'
is "$(simulate -n 1 -s 4000 -t 4107538500 | cut -d' ' -f2- | jq -r .time |
	sed -n '$p')" \
	"$(date -u -d @$((4107538500 + 3999)) +%FT%TZ)" 'and the right time'
is "$(simulate -n 40 -s 600 | cut -d' ' -f2- | jq -s -c '[
	all(.[]; .speed_kmh >= 0 and .speed_kmh <= 112),
	all(.[]; .brake_c > 10 and .brake_c < 700), any(.[]; .brake_c >= 120),
	any(.[]; .lat == null), all(.[]; .load_t < 70)]')" \
	'[true,true,true,true,true]' 'that are wagons'
simulate -z 2>"$T/err"
is "$?" 64 'wrong options are said'

status 0 'a first run makes a session' pipelines/fleet/run
simulate -n 20 -s 50 -r 3 -p "$options"
run 1000
is "$?" 0 'a second one'
simulate -n 20 -s 50 -r 3 | cut -d' ' -f2- | sort >"$T/readings"
dl-lake-read raw | sed 's/^.*,"data":\(.*\)}$/\1/' | sort >"$T/got"
is "$(cmp "$T/got" "$T/readings" 2>&1)" '' \
	'the raw lake holds the readings, byte for byte'
is "$(dl-lake-read clean | jq -c .data | sort | sha256sum)" \
	"$(jq -c -f pipelines/fleet/clean.jq "$T/readings" | sort | sha256sum)" \
	'the clean lake holds what jq makes of them'
is "$(dl-twin-get --json | jq -c '[.component, .metric, .value]' | sort)" \
	"$(jq -s -c 'group_by(.wagon)[] | sort_by(.n) as $all | ($all | last)
	    | {speed_kmh, brake_c, brake_hot: (.brake_c >= 120), load_t}
	      + ($all | map(select(.lat != null)) | last
	         | {latitude: .lat, longitude: .lon})
	    | to_entries[] | [$all[0].wagon, .key, .value]' "$T/readings" | sort)" \
	'the twin holds the newest of each wagon, and its last place'
is "$(stored | jq -r .dlorigin | sort -u | wc -l)" 20 \
	'an event says of which topic it was'

done_testing
