#!/usr/bin/env bash
# The power fails at random moments (powercut.c): what was acknowledged is on
# the disk, and in the end each event is everywhere once.
. tests/fault/lib.sh

rounds=${FAULT_ROUNDS:-12}
began=$SECONDS
export POWERCUT_DIR=$DL_HOME POWERCUT_IMAGE=$T/image POWERCUT_BOOT=$T/boot
preload=LD_PRELOAD=$BUILD/fault/powercut.so
ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0
export ASAN_OPTIONS

# The machine starts again.
boots=0
boot() {
	boots=$((boots + 1))
	printf '%08d-0000-4000-8000-000000000000\n' "$boots" >"$T/boot"
}

# Of four cuts one leaves nothing but what is durable.
power_cut() {
	local choice=$((RANDOM % 4 ? RANDOM * 32768 + RANDOM + 1 : 0))
	"$BUILD/fault/restore" "$POWERCUT_IMAGE" "$DL_HOME" "$choice" ||
		tap fail "restore $choice"
	boot
}

fresh() {
	lake_fresh
	rm -rf "$DL_HOME" "$T/must" "$T/acks"
	mkdir "$DL_HOME" "$T/must" "$T/acks"
	touch "$T/must"/{in,lake,twin}
	"$BUILD/fault/restore" -s "$POWERCUT_IMAGE" "$DL_HOME"
	boot
	: >"$T/all"
}

# A consumer never stands behind the end of what is there.
ahead=
check_ends() { # WHEN
	local end at key
	end=$(cat "$DL_HOME/streams/quakes/end" 2>/dev/null)
	for key in lake twin; do
		at=$(cat "$DL_HOME/commits/stream.quakes.$key" 2>/dev/null) ||
			continue
		[[ ${end:0:20} < $at ]] &&
			ahead="$ahead $1: $key at $at, the end is '$end'"
	done
}

# One run of all the pipes, and a power cut in the middle of it.
round() { # WHEN PIPE...
	local s deaf
	[ $((RANDOM % 3)) = 0 ] && deaf=yes
	start_all "${@:2}"
	nap "$span"
	signal 9 "${runs[@]}"
	for s in "${runs[@]}"; do settle "$s"; done
	power_cut
	case $2 in tee | run) return ;; esac
	gather_acks
	# The stream's end may be an old one until a writer has looked at it; now
	# and then the next round's must, and is cut off at it.
	if [ $((RANDOM % 3)) = 0 ]; then
		early "$1"
	else
		recover "$1"
		look_for "$1"
		check_ends "$1"
	fi
}

recover() { # WHEN
	env "$preload" dl-stream-put quakes </dev/null >"$T/out.put" 2>&1 ||
		unwell="$unwell $1: put: $(cat "$T/out.put")"
	# Or this would not be a power cut to it.
	grep -q "$(cat "$T/boot")" "$DL_HOME/streams/quakes/recovered" ||
		unwell="$unwell $1: it did not notice the boot"
}

# A consumer that comes before any writer: it waits its turn, or does its work.
unwell=
early() { # WHEN
	local status
	ACKS='' start lake
	wait "$run"
	status=$?
	[ $status = 0 ] || [ $status = 75 ] ||
		unwell="$unwell $1: lake: $(cat "$T/err.lake")"
	settle "$run"
}

# Rounds on a feed that grows; every few of them a run that is left alone.
cuts() { # NAME ROUNDS PIPE...
	local edition n=100 i=0
	fresh
	for ((edition = 1; i < $2; edition++)); do
		feed "$edition" $((n += 10))
		while ((i < $2)); do
			round "$1 $i" "${@:3}"
			[ $((RANDOM % 4)) = 0 ] && feed "$edition" $((n += 5))
			[ $((++i % 6)) = 0 ] && break
		done
		well "$1 $edition" "${@:3}"
		check "$1 $edition" "${@:3}"
	done
	note "$1: $i cuts, $n items, $((SECONDS - began)) s"
}

export ACKS=$T/acks SEGMENT=64K
span=500
cuts stream "$rounds" in lake twin
note "$(cat "$T"/must/* | wc -l) acknowledged events and readings, looked for"
is "$missing" '' 'nothing that was acknowledged was missing after a cut'
is "$ahead" '' 'no consumer was ahead of what is durable'
is "$unwell" '' 'a stream as it was left is no surprise to anyone'
cuts run $((rounds / 3)) run
cuts tee $((rounds / 3)) tee

# Never committed, a hundred times: work is repeated, nothing else.
times=100
[ "$lake_on" = s3 ] && times=30
uncommitted() {
	local deaf=yes i pipe preload='' bad=
	fresh
	for ((i = 0; i < times; i++)); do
		[ $((i % 20)) = 0 ] && feed 1 $((20 + i))
		for pipe in in lake; do
			start "$pipe"
			wait "$run" || bad="$bad $i $pipe: $(cat "$T/err.$pipe")"
		done
	done
	is "$bad" '' "$times runs without dl-commit are well"
	check 'never committed' in lake
	note "never committed: $times runs, $((SECONDS - began)) s"
}
uncommitted
is "$hung" '' 'nothing hung'

done_testing
