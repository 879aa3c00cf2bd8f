#!/usr/bin/env bash
# The pipes around a stream, and the quakes' own, killed with -9 at random
# moments and run again: in the end each event is everywhere once, no position
# ever goes back, and nothing hangs.
. tests/fault/lib.sh

rounds=${FAULT_ROUNDS:-24}
began=$SECONDS
mkdir "$DL_HOME/commits"

# A stop, sent to all as Ctrl-C and systemd do, or to the script alone.
check_stop() { # SIGNAL WHOM
	start run -f
	sleep 1
	kill "-$1" -- "$2$run"
	wait "$run"
	is $? 0 "SIG$1 to ${2:+all of }a run that follows"
	is "$(members "$run")" '' 'nothing of it is left'
	is "$(lake raw | wc -l) $(lake clean | wc -l) $(lake raw | ids | uniq -d)" \
		'100 90 ' 'and what it had acquired is stored'
}

# The twin is told at once, a lake when it is time or the end.
caught_up() {
	[ "$(head -c 20 "$DL_HOME/streams/quakes/end")" = \
		"$(cat "$DL_HOME/commits/stream.quakes.twin")" ]
} 2>/dev/null

# The same to single pipes.
check_stops() { # SIGNAL
	local pipe i=0
	local -a pipes=(in lake twin) of=()
	fresh
	feed 1 100
	for pipe in "${pipes[@]}"; do
		start "$pipe" -f
		of+=("$run")
	done
	for ((i = 0; i < 200; i++)); do
		caught_up && break
		sleep 0.05
	done
	sleep 0.3
	i=0
	signal "$1" "${of[@]}"
	for run in "${of[@]}"; do
		wait "$run"
		is $? 0 "SIG$1 to ${pipes[i++]} that follows"
		is "$(members "$run")" '' 'nothing of it is left'
	done
	well "SIG$1" "${pipes[@]}"
	check "SIG$1" "${pipes[@]}"
}

# Only one of a kind at a time.
check_second() { # PIPE KEY
	local first
	start "$1" -f
	first=$run
	for ((i = 0; i < 600; i++)); do
		sleep 0.05
		[ -s "$DL_HOME/commits/$2" ] && break
	done
	start "$1"
	wait "$run"
	like "$? $(cat "$T/err.$1")" "^75 .*'$2' is in use by another process( \(pid [0-9]+\))?$" \
		"$1: a second run at the same time says so, and that is all"
	kill -TERM -- "-$first"
	wait "$first"
	is $? 0 "$1: the first one is not disturbed"
}

declare -A last=()
backwards='' kills=0
check_positions() {
	local file now
	for file in "$DL_HOME/commits"/*; do
		now=$(cat "$file" 2>/dev/null) || continue
		[[ $now < ${last[$file]:-} ]] &&
			backwards="$backwards $file: ${last[$file]} to $now"
		last[$file]=$now
	done
}

# One run of all the pipes: all of it is killed, or one process, or one after
# another.  Some are not waited for before the next one starts.
left=()
round() { # PIPE...
	local choice=$((RANDOM % 8)) pid s deaf
	[ $((RANDOM % 6)) = 0 ] && deaf=yes
	start_all "$@"
	nap "$span"
	kills=$((kills + 1))
	case $choice in
	0 | 1) signal 9 "${runs[@]}" ;;
	2) kill -9 "${runs[RANDOM % ${#runs[@]}]}" 2>/dev/null ;;
	*) pid=$(one_of "${runs[@]}") && kill -9 "$pid" 2>/dev/null ;;
	esac
	# A pipe without its head or its end goes on until it notices.
	if [ $choice = 7 ]; then
		left+=("${runs[@]}")
		return
	fi
	nap 200
	for s in "${runs[@]}"; do
		signal "$(printf '%s\n' 9 INT TERM |
			sed -n $((RANDOM % 3 + 1))p)" "$s"
		settle "$s"
	done
}

stop_left() {
	local s
	for s in "${left[@]+"${left[@]}"}"; do
		signal INT "$s"
		settle "$s"
	done
	left=()
}

fresh() {
	lake_fresh
	rm -rf "${DL_HOME:?}" && mkdir -p "$DL_HOME/commits"
	: >"$T/all"
	last=()
}

# Rounds on a feed that grows; every few of them a run that is left alone.
kill_rounds() { # NAME ROUNDS PIPE...
	local edition n=100 i=0
	fresh
	for ((edition = 1; i < $2; edition++)); do
		feed "$edition" $((n += 10))
		while ((i < $2)); do
			round "${@:3}"
			check_positions
			# More may come while some of it waits for the next run.
			[ $((RANDOM % 4)) = 0 ] && feed "$edition" $((n += 5))
			[ $((++i % 12)) = 0 ] && break
		done
		stop_left
		well "$1 $edition" "${@:3}"
		check_positions
		check "$1 $edition" "${@:3}"
		is "$(lake_half raw; lake_half clean)" '' \
			"$1 $edition: nothing is left half done"
	done
	note "$1: $i rounds, $kills kills, $n items, $((SECONDS - began)) s"
}

feed 1 100
for stop in INT TERM; do
	check_stop $stop -
	check_stop $stop ''
done
check_stops INT
check_stops TERM
check_second in source.quakes
check_second lake stream.quakes.lake

span=600 SEGMENT=64K
export SEGMENT
kill_rounds stream "$rounds" in lake twin
kill_rounds run $((rounds / 3)) run
kill_rounds tee $((rounds / 3)) tee
is "$hung" '' 'no pipe hung after one of its processes was killed'
is "$backwards" '' 'no position ever moved backwards'

done_testing
