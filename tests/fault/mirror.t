#!/usr/bin/env bash
# The mirror of dl(7) over ssh, between two sites whose link is cut and whose
# processes are killed while events are written: in the end the copy is the
# original, byte for byte, and no position has ever moved backwards.
#
#	SOAK=1           longer
#	FAULT_ROUNDS=N   how many times something is broken
#	SITES=loopback   as where network namespaces can't be made
. tests/fault/lib.sh
. tests/servers/twosites.sh

kinds=(blink cut far-put torn near-ssh move near-put)
rounds=${FAULT_ROUNDS:-${SOAK:+70}}
rounds=${rounds:-${#kinds[@]}}
seconds=200 # for the faults, at most: a second of it is a megabyte
copy=$T/far
mkdir "$T/pid"
touch "$T"/{err.{get,ssh,commit,far,writer},statuses}

the_end() {
	local status=$? pid
	for pid in "${loops[@]}"; do kill -9 -- "-$pid" 2>/dev/null; done
	end_one 9 far-put
	sites_end
	return $status
}
loops=()
trap 'the_end; tap_cleanup' EXIT

# The program that this shell becomes is known by a name.
as() { echo "$BASHPID" >"$T/pid/$1"; }

# A pid may be another's by now: the program must be one of those.
alive() { # NAME
	local pid
	pid=$(cat "$T/pid/$1" 2>/dev/null) && [ -n "$pid" ] &&
		grep -qa '^\(dl-stream\|ssh\)' "/proc/$pid/cmdline" 2>/dev/null &&
		echo "$pid"
}
end_one() { # SIGNAL NAME
	local pid
	pid=$(alive "$2") && kill "-$1" "$pid" 2>/dev/null
}

# What runs on the far site.  Who started it may be gone: what it says, and how it
# ends, is kept there too.
cat >"$T/far-put" <<'FAR'
#!/usr/bin/env bash
dl-stream-put --segment-bytes 3M "$1" <&0 2> >(tee -a "$T/err.far" >&2) &
echo $! >"$T/pid/far-put"
wait $!
FAR
chmod +x "$T/far-put"

# The pipe, started again whenever it ends, as a service would do it.
mirror() {
	local far
	far=$(printf '%q ' env DL_HOME="$copy" PATH="$PATH" T="$T" \
		LSAN_OPTIONS="$LSAN_OPTIONS" "$T/far-put" quakes)
	while [ ! -e "$T/stop" ]; do
		(as near-get; exec dl-stream-get -f quakes mirror) 2>>"$T/err.get" |
			(as near-ssh; site_ssh "$far") 2>>"$T/err.ssh" |
			dl-commit -v 2>>"$T/err.commit"
		echo "${PIPESTATUS[*]}" >>"$T/statuses"
		sleep 0.1
	done
}

# From the position that is committed on; each so many lines one fills many
# packets, in a burst all do.
events() { # FROM
	local each=20
	[ ! -e "$T/burst" ] || each=1
	awk -v from="$1" -v each="$each" 'function checkpoint(n) {
		printf "{\"specversion\":\"1.0\",\"id\":\"%d\",", n
		printf "\"source\":\"source.feed\",\"type\":\"dl.checkpoint\"}\n"
	}
	BEGIN {
		for (pad = "x"; length(pad) < 100000; pad = pad pad)
			;
		checkpoint(from)
		for (n = from + 1; n <= from + 20; n++) {
			printf "{\"specversion\":\"1.0\",\"id\":\"%d\",", n
			printf "\"source\":\"feed\",\"type\":\"dl.record\","
			printf "\"time\":\"2026-11-23T00:00:00Z\",\"data\":\"%s\"}\n",
				substr(pad, 1, n % each ? n * 7 % 5000 : 90000)
		}
		checkpoint(n - 1)
	}'
}
position() { cat "$DL_HOME/commits/$1" 2>/dev/null || echo 0; }
writer() {
	while [ ! -e "$T/written" ]; do
		events "$(position source.feed)" |
			(as near-put; exec dl-stream-put --segment-bytes 1M quakes) |
			dl-commit
		sleep 0.1
	done 2>>"$T/err.writer"
}

# Until a condition holds; that it takes so long is a failure.
stuck=
wait_for() { # WHAT CONDITION...
	local i
	for ((i = 0; i < 300; i++)); do
		"${@:2}" && return
		sleep 0.05
	done
	stuck=$1
	note "stuck: $1: $(tail -qn 2 "$T"/err.{get,ssh,far} "$T/ssh/log")"
	return 1
}
is_gone() { ! alive "$1" >"$T/alive"; }
# A run has ended since, whatever is on its way.
has_run() { [ "$(wc -l <"$T/statuses")" -gt "$1" ]; }
has_moved() { [[ $(position stream.quakes.mirror) > $1 ]]; }
is_whole() {
	[ "$(position stream.quakes.mirror)" = \
		"$(dl-stream-ls --json quakes | jq -r .end_offset)" ]
}
has_ended() { ! kill -0 "$1" 2>/dev/null; }

is_written() { [ "$(position source.feed)" -gt "$1" ]; }

# The head is killed with more in hand than a pipe takes: half a line goes on.
tear() {
	end_one STOP near-ssh
	touch "$T/burst"
	wait_for 'the writer goes on' is_written \
		$(($(position source.feed) + 40))
	rm "$T/burst"
	end_one 9 near-get
	end_one CONT near-ssh
}

break_it() { # KIND
	case $1 in
	blink)
		link_cut
		nap 500
		link_mend
		;;
	cut)
		link_cut
		wait_for 'ssh sees that the link is cut' is_gone near-ssh
		nap 500
		link_mend
		;;
	# The near end starts again; the far end isn't told.
	move)
		link_cut
		end_one 9 near-ssh
		link_move
		link_mend
		;;
	torn) tear ;;
	*) end_one 9 "$1" ;;
	esac
}

sites_start
is $? 0 'two sites, and ssh between them'

# Each loop is a group of processes, known by its leader.
set -m
writer &
loops+=($!)
mirror &
loops+=($!)
set +m

wait_for 'the mirror begins' has_moved 0
for ((i = 0; i < rounds && SECONDS < seconds; i++)); do
	nap 300
	ended=$(wc -l <"$T/statuses")
	kind=${kinds[i % ${#kinds[@]}]}
	break_it "$kind"
	[ "$kind" = blink ] || [ "$kind" = near-put ] ||
		wait_for "$kind ends a run" has_run "$ended" || break
	wait_for "going on after $kind" \
		has_moved "$(position stream.quakes.mirror)" || break
done
touch "$T/written"
wait_for 'the writer ends' has_ended "${loops[0]}"
wait_for 'all is mirrored' is_whole
touch "$T/stop"
end_one TERM near-get
wait_for 'the mirror ends' has_ended "${loops[1]}"
is "$stuck" '' 'whatever was broken, it went on'

# How the runs ended: a broken one never as if it were well.
is "$(tail -n 1 "$T/statuses")" '0 0 0' 'a stop ends it well'
is "$(grep -c '^0 0 0$' "$T/statuses")" 1 'nothing else did'
is "$(grep -vxE 'dl-stream-get: (cannot write <stdout>: Broken pipe|there is no stream in .*: waiting for it)' \
	"$T/err.get")" '' 'what the head said'
is "$(grep -vE "^dl-stream-put: (<stdin> ends in the middle of line [0-9]+ |.* '?stream.quakes.mirror'? is in use by another process \(pid [0-9]+\)|cannot write <stdout>: )" \
	"$T/err.far")" '' 'what the sink said'

is "$(grep -v '^dl-commit: stream.quakes.mirror is at [0-9]*$' \
	"$T/err.commit")" '' 'every position was taken'
sed 's/.* //' "$T/err.commit" | sort -c 2>"$T/err"
is "$(cat "$T/err")" '' 'none was behind the one before it'

original() { cat "$DL_HOME"/streams/quakes/*.ndjson; }
copied() { cat "$copy"/streams/quakes/*.ndjson; }
status 0 'the copy is the original' cmp <(original) <(copied)
is "$(original | jq -r .id | cmp - <(seq "$(position source.feed)") 2>&1)" '' \
	'which has each event once, in their order'
is "$(DL_HOME=$copy dl-stream-get --read-only quakes | md5sum)" \
	"$(original | md5sum)" 'and is read like it'

# ssh hands on what the far end said, and its status.
if [ "$i" -ge ${#kinds[@]} ]; then
	like "$(cat "$T/statuses")" '137 75 0' 'half a line is told of'
	[ "$sites" = loopback ] ||
		like "$(cat "$T/statuses")" '75 75 0' \
			'beside one that is cut off no other can put'
fi
told() { grep -c "$1" "$T/err.far"; }
note "$sites: $i faults, $(position source.feed) events," \
	"$(wc -l <"$T/statuses") runs, $(told 'in the middle') of them ended in" \
	"half a line, $(told 'in use') came too early, $SECONDS s"
[ "$tap_failed" = 0 ] || note "$(cat "$T/err.ssh" "$T/ssh/log")"
done_testing
