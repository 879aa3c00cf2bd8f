#!/usr/bin/env bash
# A delivery of MQTT, killed with -9 between any two of its steps (steps.c),
# those on the socket too: of each process of the pipe in turn.  Then the pipe
# runs again, and each message is there once.
#
# FAULT_ROUNDS says how many steps of each process are tried, drawn by SEED;
# 0: all of them.
. tests/fault/lib.sh
. tests/servers/mosquitto.sh

rounds=${FAULT_ROUNDS:-4}
began=$SECONDS
ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0
export ASAN_OPTIONS STEPS_LOG=$T/step
mosquitto_start '' || exit 1

# Messages that are numbered, each with a time of its own.
published=0
publish() { # N
	seq $((published + 1)) $((published + $1)) | awk '{
		printf "{\"n\":%d,\"t\":%d}\n", $1, 1700000000 + $1 }' |
		mosquitto_put "$name/x"
	published=$((published + $1))
}

put() {
	case $1 in
	stream) dl-stream-put "$name" ;;
	lake) dl-lake-write --max-age 0s "$at$name" ;; # or it waits for more
	esac
}
# shellcheck disable=SC2030 # for this pipe alone
deliver() { # SINK [TOOL STEP HALF]
	(
		if [ $# -gt 1 ]; then
			export STEPS_TOOL=$2 STEPS_AT=$3 STEPS_HALF=$4
			export LD_PRELOAD=$BUILD/fault/steps.so
		fi
		cd "$T" && timeout -s KILL 60 dl-source source.yaml | put "$1" | dl-commit
	) 2>"$T/err.deliver"
}

stored() {
	case $1 in
	stream) stream "$name" ;;
	lake) lake "$name" ;;
	esac | jq .data.n
}

# Undisturbed, as often as it takes until all is there: what is left of a
# connection that died may hold the broker up, and a run ends when nothing comes.
wrong=
again() { # SINK WHEN
	local i
	for ((i = 0; i < 20; i++)); do
		deliver "$1" || wrong=$wrong$'\n'"$2: status $?"
		grep -v ': cut off$' "$T/err.deliver" >"$T/err.more" &&
			wrong=$wrong$'\n'"$2: $(head -n 1 "$T/err.more")"
		[ "$(stored "$1" | wc -l)" -ge $published ] && return
	done
}
look() { # SINK WHEN
	stored "$1" | sort -n >"$T/got"
	seq "$published" >"$T/want"
	cmp -s "$T/want" "$T/got" && return
	wrong=$wrong$'\n'"$2: $(diff "$T/want" "$T/got" | grep '^[<>]' |
		head -n 3 | paste -sd' ')"
	start_anew "$1"
}

# A source of its own name has a session of its own.
sources=0
start_anew() { # SINK
	sources=$((sources + 1)) published=0
	name=$1$sources
	printf '%s\n' "name: $name" \
		"url: mqtt://127.0.0.1:$mosquitto_port/$name/+" \
		'format: ndjson' 'time: .t' 'time_format: s' \
		'mqtt: {idle: 100ms, window: 3}' >"$T/source.yaml"
	deliver "$1"
}

# One delivery that is killed at a step, and one that is left alone: 1, it ended
# before it came to that step.
killed=0
kill_at() { # SINK TOOL STEP
	local what half=$((RANDOM % 2))
	rm -f "$STEPS_LOG"
	publish 5
	deliver "$1" "$2" "$3" $half 2>/dev/null
	what=$(cat "$STEPS_LOG" 2>/dev/null)
	[ -n "$what" ] && killed=$((killed + 1))
	what="$2 killed at ${what:-no step}"
	[ $half = 1 ] && what="$what, half done"
	again "$1" "$what"
	look "$1" "$what"
	[[ $what != *'no step'* ]]
}

walk() { # SINK TOOL
	local n steps
	start_anew "$1"
	rm -f "$STEPS_LOG"
	publish 5
	deliver "$1" "$2" all 0
	steps=$(wc -l <"$STEPS_LOG")
	for ((n = 1; rounds == 0 ? n < 500 : n <= rounds; n++)); do
		if [ "$rounds" = 0 ]; then
			kill_at "$1" "$2" "$n" || break
		else
			kill_at "$1" "$2" $((RANDOM % steps + 1))
		fi
	done
}

for sink in stream lake; do
	wrong=
	put=dl-stream-put
	[ $sink = lake ] && put=dl-lake-write
	for tool in dl-source $put dl-commit; do walk $sink "$tool"; done
	is "$wrong" '' "$sink: whatever is killed, each message is there once"
done
note "$killed kills, $((SECONDS - began)) s"
[ $killed -gt 0 ]
is $? 0 'and something was killed'

done_testing
