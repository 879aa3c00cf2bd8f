# What the tests of faults share.  Sourced in place of tap.sh; needs bash.
#
#	SEED=N         the same choices again
#	FAULT_ROUNDS=N how many times something is broken (soak: many)
#
# The lakes are on a disk, or with DL_LAKE_ON=s3 on S3: lake.sh.
#
# $T/feed is what the source reads, $T/all every item that was ever in it;
# $PIPELINE has the specifications.
# shellcheck disable=SC2154 # tap.sh sets T
# shellcheck disable=SC2034 # the tests read them

# Thousands of small files are made and thrown away: in memory, if there is room.
room=$(df -k --output=avail /dev/shm 2>/dev/null | tail -n 1)
[ -w /dev/shm ] && [ "${room:-0}" -gt 200000 ] && TMPDIR=${TMPDIR:-/dev/shm}
export TMPDIR=${TMPDIR:-/tmp}
. tests/tap.sh
. tests/lake.sh
lake_start
# S3 is slow to take parts, so that what is killed has some on their way.
if [ "$lake_on" = s3 ]; then
	. tests/servers/s3proxy.sh
	s3proxy_start || exit 1
	s3proxy_plan 'PUT part- /2 code 503 SlowDown' 'PUT _dl/ /3 code 503 SlowDown'
	export AWS_ENDPOINT_URL=$s3proxy_url
fi

# At its end a program looks for leaks from a helper process that shares its
# memory; where that one is the process killed, the program waits for ever.
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0

seed=${SEED:-$RANDOM$RANDOM}
RANDOM=$seed
note "SEED=$seed"
export PIPELINE=$T/p QUAKES_URL=file://$T/feed
fault=$PWD/tests/fault
mkdir -p "$PIPELINE" "$DL_HOME" "$T/tmp"
cp pipelines/quakes/{clean.jq,extract.yaml} "$PIPELINE"
sed 's/^every:.*/every: 1s/' pipelines/quakes/source.yaml \
	>"$PIPELINE/source.yaml"
: >"$T/all"

# A dl-commit that hears all and commits nothing: a pipe whose run is repeated.
mkdir "$T/deaf"
cat >"$T/deaf/dl-commit" <<'DEAF'
#!/bin/sh
[ $# = 0 ] && exec cat >/dev/null
for f; do
	if [ "$f" = - ]; then cat <&3; else cat "$f"; fi >/dev/null &
done 3<&0
wait
DEAF
chmod +x "$T/deaf/dl-commit"

# N earthquakes in six hours, of which some are revised when the edition
# changes.
feed() { # EDITION N
	awk -v edition="$1" -v n="$2" 'BEGIN {
		for (i = 0; i < n; i++) {
			v = i % 3 == 0 ? int((edition + i % 5) / 2) : 0
			printf "{\"type\":\"Feature\",\"properties\":{"
			printf "\"type\":\"%s\",", i % 10 ? "earthquake" : "quarry"
			printf "\"mag\":%d.%02d,\"place\":\"%d km N\",", v, i % 100, i
			printf "\"status\":%s,", v ? "\"reviewed\"" : "null"
			printf "\"updated\":%d000},", 1517961600 + i % 6 * 3600 + v
			printf "\"geometry\":{\"coordinates\":[%d,0,%d.50]},", i, i
			printf "\"id\":\"q%d\"}\n", i
		}
	}' >"$T/features"
	sort -u "$T/features" "$T/all" -o "$T/all"
	(printf '{"features":['; paste -sd, "$T/features"; printf ']}') \
		>"$T/feed.new"
	mv "$T/feed.new" "$T/feed"
}

# Start a pipe (in, lake, twin, tee: see `pipe`; or run: the quakes' own) as the
# leader of a session: $run.  Its standard error is $T/err.PIPE.  With $deaf
# nothing is committed; $before is a command to start it by.
before=()
start() { # PIPE [OPTION...]
	local how=("$fault/pipe" "$1")
	[ "$1" = run ] && how=(pipelines/quakes/run)
	PATH=${deaf:+$T/deaf:}$PATH TMPDIR=$T/tmp LAKES=$at \
		setsid env --default-signal=INT ${preload:+"$preload"} \
		"${before[@]+"${before[@]}"}" "${how[@]}" "${@:2}" >"$T/out.$1" 2>"$T/err.$1" &
	run=$!
}

# Start several: $runs.
start_all() { # PIPE...
	local pipe
	runs=()
	for pipe in "$@"; do
		# The shell would tell how it died.
		if [ $((RANDOM % 3)) = 0 ]; then start "$pipe" -f; else start "$pipe"; fi
		disown "$run"
		runs+=("$run")
	done
}

# Those of a session that live: what is dead may wait long for init.
members() { ps -o stat=,pid= -s "$1" | awk '!/^Z/ { print $2 }'; }

one_of() { # SESSION...
	local all
	mapfile -t all < <(members "$(IFS=,; echo "$*")")
	[ ${#all[@]} -gt 0 ] && echo "${all[RANDOM % ${#all[@]}]}"
}

# The heads of a session's pipes that are ready to be stopped.
ready_heads() { # SESSION...
	local pid caught
	for pid in $(ps -o pid=,comm= -s "$(IFS=,; echo "$*")" |
		awk '$2 ~ /^dl-(source|stream-get)$/ { print $1 }'); do
		caught=$(awk '$1 == "SigCgt:" { print $2 }' "/proc/$pid/status" \
			2>/dev/null)
		((0x0$caught & 2)) && echo "$pid"
	done
}

# A head that was not ready when its session was signalled has heard nothing,
# and would follow for ever: it is told now.
declare -A heard=()
tell_late() { # SESSION
	local pid
	for pid in $(ready_heads "$1"); do
		[ -n "${heard[$pid]:-}" ] && continue
		heard[$pid]=yes
		kill -INT "$pid" 2>/dev/null
	done
}

# Wait until nothing of a session is left, however it ended.
hung=
settle() { # SESSION
	local i
	wait "$1" 2>/dev/null
	for ((i = 0; i < 400; i++)); do
		[ -z "$(members "$1")" ] && return
		tell_late "$1"
		sleep 0.05
	done
	hung=$(ps -o args= -s "$1")
	note "hung: $hung"
	kill -9 -- "-$1" 2>/dev/null
}

signal() { # SIGNAL SESSION...
	local s pid
	[ "$1" = 9 ] || for pid in $(ready_heads "${@:2}"); do heard[$pid]=yes; done
	for s in "${@:2}"; do kill "-$1" -- "-$s" 2>/dev/null; done
}

# Sleep for a random part of $1 milliseconds.
nap() {
	local n=$((RANDOM % $1))
	sleep "$(printf '%d.%03d' $((n / 1000)) $((n % 1000)))"
}

# Run once, undisturbed.
well() { # NAME PIPE...
	local pipe
	for pipe in "${@:2}"; do
		start "$pipe"
		wait "$run"
		is "$? $(cat "$T/err.$pipe")" '0 ' "$1: $pipe runs well"
		settle "$run"
	done
}

same() { # NAME: $T/got is $T/want
	is "$(diff "$T/want" "$T/got" | grep '^[<>]' | cut -c -100 | head -4)" \
		'' "$1"
}
lake() { dl-lake-read "$at$1"; }
stream() { cat "$DL_HOME/streams/$1"/*.ndjson; }
ids() { jq -c '[.source, .id]' | sort; }

# Each event of the feed is there once, by what is stored and by its ids.
check_stored() { # NAME PROGRAM READER [ARG...]
	"${@:3}" >"$T/stored"
	jq -c "$2" "$T/all" | sort >"$T/want"
	jq -c .data "$T/stored" | sort >"$T/got"
	same "$1: each event is in the ${*:3} once"
	is "$(ids <"$T/stored" | uniq -d)" '' "$1: no id twice in the ${*:3}"
}

check_twin() { # NAME
	jq -c 'select(.properties.type == "earthquake")
		    | .id as $id
		    | {magnitude: .properties.mag, place: .properties.place,
		       depth_km: .geometry.coordinates[2],
		       status: .properties.status}
		    | to_entries[] | select(.value != null)
		    | [$id, .key, .value]' "$T/features" | sort >"$T/want"
	dl-twin-get --json | jq -c '[.component, .metric, .value]' | sort \
		>"$T/got"
	same "$1: the twin has the newest of each"
}

# All that the pipes keep is what the feed says.
check() { # NAME PIPE...
	local clean pipe
	clean=$(cat "$PIPELINE/clean.jq")
	for pipe in "${@:2}"; do
		case $pipe in
		in) check_stored "$1" . stream quakes ;;
		lake) check_stored "$1" "$clean" lake clean ;;
		twin) check_twin "$1" ;;
		tee | run)
			check_stored "$1" . lake raw
			check_stored "$1" "$clean" lake clean
			check_twin "$1"
			;;
		esac
	done
}

# Acknowledgements: `pipe` keeps in $ACKS what went into each sink and what came
# out of it.

# The events that went into it before the newest position that came out.
acked() { # SENT ACKED
	local id
	id=$(grep -a '}$' "$2" | tail -n 1 | jq -r .id)
	[ -n "$id" ] && awk -v id="\"id\":\"$id\"" '
		!/"type":"dl.checkpoint"/ { held = held $0 "\n"; next }
		{ printf "%s", held; held = "" }
		index($0, id) { exit }' "$1"
}

# What the sinks acknowledged in the runs since the last time, added to what
# must be there: $T/must/PIPE.
gather_acks() {
	local pipe sent
	for pipe in in lake twin; do
		for sent in "$ACKS/$pipe".*.sent; do
			[ -s "${sent%.sent}.acked" ] &&
				acked "$sent" "${sent%.sent}.acked"
		done >"$T/acked"
		if [ $pipe = twin ]; then
			jq -c '.subject as $c | .time as $t | .data
			    | keys[] | [$c, ., $t]' "$T/acked"
		else
			jq -c '[.source, .id]' "$T/acked"
		fi | sort -u "$T/must/$pipe" - -o "$T/must/$pipe"
	done
	rm -f "$ACKS"/*
}

# Of what must be there, what is not: $missing.
missing=
look_for() { # WHEN
	local gone
	dl-stream-get --read-only quakes 2>"$T/err.ls" | ids |
		comm -13 - "$T/must/in" >"$T/gone"
	dl-lake-read "${at}clean" 2>"$T/err.ls" | ids |
		comm -13 - "$T/must/lake" >>"$T/gone"
	dl-twin-get --json 2>"$T/err.ls" |
		jq -c '[.component, .metric, .time]' | sort -u |
		comm -13 - "$T/must/twin" >"$T/older"
	newer "$T/older" >>"$T/gone"
	gone=$(head -n 3 "$T/gone" | paste -sd' ')
	[ -n "$gone" ] && missing="$missing $1: $gone" &&
		note "$1: acknowledged and gone: $gone"
}

# Of the readings in a file, those that the twin has nothing as new for.
newer() { # FILE
	[ -s "$1" ] || return 0
	dl-twin-get --json | jq -c --slurpfile old "$1" -n '
		(reduce inputs as $r ({};
		    .[$r.component + "\n" + $r.metric] = $r.time)) as $twin
		| $old[] | select(($twin[.[0] + "\n" + .[1]] // "") < .[2])'
}
