#!/usr/bin/env bash
# The quakes' pipe, killed with -9 at random moments and run again: each event
# of the feed is in each lake once, and the twin is as if nothing had happened.
#
#	SEED=N bash tests/crash.t            the same choices again
#	CRASH_SECONDS=N bash tests/crash.t   as long as that
. tests/tap.sh

seed=${SEED:-$RANDOM$RANDOM}
RANDOM=$seed
note "SEED=$seed"
enough=${CRASH_SECONDS:-12}
export PIPELINE=$T/p QUAKES_URL=file://$T/feed
mkdir -p "$PIPELINE" "$DL_HOME/commits" "$T/tmp"
cp pipelines/quakes/{clean.jq,extract.yaml} "$PIPELINE"
sed 's/^every:.*/every: 1s/' pipelines/quakes/source.yaml \
	>"$PIPELINE/source.yaml"

# The feed: N earthquakes in six hours, of which some are revised when the
# edition changes.  "$T/all" gathers what was ever in it.
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

# Start the pipe as the leader of a session of its own: $run.
start() {
	TMPDIR=$T/tmp setsid env --default-signal=INT pipelines/quakes/run "$@" \
		>"$T/out" 2>"$T/err" &
	run=$!
}
# Those of it that live: what is dead may wait long for init to take notice.
members() { ps -o stat=,pid= -s "$run" | awk '!/^Z/ { print $2 }'; }

# Wait until nothing of $run is left, however it ended.
settle() {
	local i
	wait "$run" 2>/dev/null
	for ((i = 0; i < 400; i++)); do
		[ -z "$(members)" ] && return
		sleep 0.05
	done
	hung=$(ps -o args= -s "$run")
	kill -9 -- "-$run" 2>/dev/null
}

# Sleep for a random part of $1 milliseconds.
nap() { sleep "$(printf '%d.%03d' $((n = RANDOM % $1, n / 1000)) $((n % 1000)))"; }

one_of() {
	local all
	mapfile -t all < <(members)
	[ ${#all[@]} -gt 0 ] && echo "${all[RANDOM % ${#all[@]}]}"
}

hung='' backwards='' last=0 kills=0
check_position() {
	local now
	now=$(cat "$DL_HOME/commits/source.quakes" 2>/dev/null) || return 0
	[ "$(printf '%s\n' "$last" "$now" | sort | tail -n 1)" = "$now" ] ||
		backwards="$last to $now"
	last=$now
}

# A stop, sent to all as Ctrl-C and systemd do, or to the script alone.
check_stop() { # SIGNAL WHOM
	start -f
	sleep 0.7
	kill "-$1" -- "$2$run"
	wait "$run"
	is "$? $(cat "$T/err")" '0 ' "SIG$1 to ${2:+all of }a pipe that follows"
	is "$(members)" '' 'nothing of it is left'
	is "$(ids raw | wc -l) $(ids clean | wc -l) $(ids raw | uniq -d)" \
		'100 90 ' 'and what it had acquired is stored'
}

# The disk is full from the start, and from a little later; then there is room.
check_full() { # KIBIBYTES
	local DL_HOME=$T/mnt/home
	mount -o "remount,size=${1}k" "$T/mnt"
	start
	wait "$run"
	is $? 75 "a disk of $1 KiB"
	like "$(cat "$T/err")" 'No space left' 'is told'
	settle
	mount -o remount,size=8m "$T/mnt"
	start
	wait "$run"
	is "$? $(cat "$T/err")" '0 ' 'with room again it is well'
	settle
	is "$(ids raw | wc -l) $(ids clean | wc -l) $(ids raw | uniq -d)" \
		'100 90 ' 'nothing is lost or doubled'
	is "$(dl-twin-get --count)" 297 'nor in the twin'
	rm -rf "$T/mnt/home"
}

# One run that is killed: all of it, one process, or one after another; some
# are not waited for before the next one starts.
round() {
	local how=$((RANDOM % 8)) pid
	if [ $((RANDOM % 8)) = 0 ]; then
		start -f
		nap 1500
	else
		start
		nap "$span"
	fi
	kills=$((kills + 1))
	disown "$run" # or the shell tells how it died
	case $how in
	0 | 1) kill -9 -- "-$run" 2>/dev/null ;;
	2) kill -9 "$run" 2>/dev/null ;;
	*) pid=$(one_of) && kill -9 "$pid" 2>/dev/null ;;
	esac
	# A pipe without its head or its end goes on until it notices.
	if [ "$how" = 7 ]; then
		left="$left $run"
		return
	fi
	nap 200
	kill -"$(printf '%s\n' 9 INT TERM | sed -n $((RANDOM % 3 + 1))p)" -- \
		"-$run" 2>/dev/null
	settle
}

same() { # NAME: $T/got is $T/want
	is "$(diff "$T/want" "$T/got" | head -20)" '' "$1"
}
lake() { dl-lake-read "$1" | jq -c .data | sort; }
ids() { dl-lake-read "$1" | jq -c '[.source, .id]' | sort; }

# Run once more, undisturbed, and look at everything.
check() {
	local lake
	for run in $left; do
		kill -INT -- "-$run" 2>/dev/null
		settle
	done
	left=
	start
	wait "$run"
	is "$? $(cat "$T/err")" '0 ' "edition $1: an undisturbed run is well"
	settle
	check_position
	jq -c . "$T/all" | sort >"$T/want"
	lake raw >"$T/got"
	same "edition $1: each event is in the raw lake once"
	jq -c -f "$PIPELINE/clean.jq" "$T/all" | sort >"$T/want"
	lake clean >"$T/got"
	same "edition $1: and in the clean lake once"
	for lake in raw clean; do
		is "$(ids $lake | uniq -d)" '' "edition $1: no id twice in $lake"
	done
	jq -c 'select(.properties.type == "earthquake")
		    | .id as $id
		    | {magnitude: .properties.mag, place: .properties.place,
		       depth_km: .geometry.coordinates[2],
		       status: .properties.status}
		    | to_entries[] | select(.value != null)
		    | [$id, .key, .value]' "$T/features" | sort >"$T/want"
	dl-twin-get --json | jq -c '[.component, .metric, .value]' | sort \
		>"$T/got"
	same "edition $1: the twin has the newest of each"
	is "$(cd "$DL_HOME" && find lake/*/_dl/staging lake/*/_dl/journal commits \
		sources -type f | grep -v '/pending/' | sort)" \
		'commits/source.quakes
lake/clean/_dl/journal/source.quakes
lake/raw/_dl/journal/source.quakes
sources/quakes/state' "edition $1: nothing is left half done"
}

: >"$T/all"
feed 1 100
left=
check_stop INT -
check_stop TERM -
check_stop INT ''
check_stop TERM ''

# A second one beside it.
start -f
sleep 0.3
first=$run
start
wait "$run"
is "$? $(cat "$T/err")" \
	"75 dl-source: 'source.quakes' is in use by another process" \
	'a second run at the same time says so, and that is all'
run=$first
kill -TERM "$run"
wait "$run"
is $? 0 'the first one is not disturbed'

mkdir "$T/mnt"
if mount -t tmpfs none "$T/mnt" 2>/dev/null; then
	for size in 4 8 12 48 96 120 160; do
		check_full $size
	done
	umount "$T/mnt"
fi

# Half a dead letter, as a full disk or a kill leaves it.
event='{"specversion":"1.0","id":"1","source":"s","type":"dl.record","data":1}'
printf '{"a":1}\n{"specversion":"1.0","id":"1","sou' >"$T/dead"
echo "$event" | dl-transform -d "$T/dead" 'error("no")'
is "$(jq -c '[.a, .data.error]' "$T/dead" 2>&1)" '[1,null]
[null,"no"]' 'half a dead letter does not spoil the next one'

feed 2 100
began=${EPOCHREALTIME/./}
start; settle
span=$(((${EPOCHREALTIME/./} - began) / 800)) # a bit more than it takes
SECONDS=0
n=100
for ((edition = 3; edition < 6 || SECONDS < enough; edition++)); do
	feed "$edition" $((n += 10))
	for ((i = 0; i < 12; i++)); do
		round
		check_position
		# More may come while some of it waits for the next run.
		[ $((RANDOM % 4)) = 0 ] && feed "$edition" $((n += 5))
	done
	check "$edition"
done
note "$kills kills, $((edition - 3)) editions, $SECONDS s"
is "$hung" '' 'no pipe hung after one of its processes was killed'
is "$backwards" '' 'the position never moved backwards'

done_testing
