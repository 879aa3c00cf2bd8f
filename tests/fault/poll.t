#!/usr/bin/env bash
# A poll, killed with -9 between any two of its steps (steps.c): of each process
# of the pipe in turn.  Then the pipe runs again, and nothing is lost; with
# only_changed, or where items have a time, nothing is there twice.
#
# FAULT_ROUNDS says how many steps of each process are tried, drawn by SEED;
# 0: all of them.
. tests/fault/lib.sh
. tests/servers/nginx.sh

rounds=${FAULT_ROUNDS:-1}
began=$SECONDS
ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0
export ASAN_OPTIONS STEPS_LOG=$T/step
nginx_start ''

# What a source is read from, and how its items are told apart.
specify() { # http|file changed|changed-timed|timed|plain
	local url=file://$T/www/feed.ndjson
	[ "$1" = http ] && url=$nginx_url/feed.ndjson
	{
		printf '%s\n' 'name: feed' "url: $url" 'format: ndjson' \
			'subject: .k' 'retries: 0'
		[[ $2 = changed* ]] && echo 'only_changed: true'
		[[ $2 = *timed ]] && printf '%s\n' 'time: .t' 'time_format: s'
	} >"$T/source.yaml"
}

# The next edition: an item that is another each time, one that changes to and
# fro, one that is new, and, where it may come again, one that stays.  The last
# one is as it was, or as it is to be.
edition=0
write_feed() { # MODE LAST
	{
		echo "{\"k\":\"a\",\"t\":$((1700000000 + edition)),\"v\":$edition}"
		echo "{\"k\":\"b\",\"t\":$((1700000000 + edition)),\"v\":$((edition % 2))}"
		echo "{\"k\":\"n$edition\",\"t\":$((1700000000 + edition)),\"v\":0}"
		[[ $1 = changed* ]] && echo '{"k":"z","t":1700000000,"v":0}'
		[[ $1 = changed* ]] && echo "$2"
	} >"$T/www/.feed"
	# nginx's ETag is of the second in which the file was changed.
	written=$((written + 1))
	touch -d "@$((1700000000 + written))" "$T/www/.feed"
	mv "$T/www/.feed" "$T/www/feed.ndjson"
	last=$2
}
written=0 last='{"k":"r","t":1700000000,"v":0}'
next_edition() { # MODE
	edition=$((edition + 1))
	write_feed "$1" "{\"k\":\"r\",\"t\":$((1700000000 + edition)),\"v\":$edition}"
	cat "$T/www/feed.ndjson" >>"$T/all"
}

put() {
	case $1 in
	stream) dl-stream-put feed ;;
	lake) dl-lake-write "${at}feed" ;;
	esac
}
# shellcheck disable=SC2030 # for this pipe alone
poll() { # SINK [TOOL STEP HALF]
	(
		if [ $# -gt 1 ]; then
			export STEPS_TOOL=$2 STEPS_AT=$3 STEPS_HALF=$4
			export LD_PRELOAD=$BUILD/fault/steps.so
		fi
		cd "$T" && dl-source source.yaml | put "$1" | dl-commit
	) 2>"$T/err.poll"
}

stored() {
	case $1 in
	stream) stream feed ;;
	lake) lake feed ;;
	esac | jq -c .data
}

fresh() {
	lake_fresh
	rm -rf "${DL_HOME:?}" && mkdir "$DL_HOME"
	: >"$T/all"
}

position() { cat "$DL_HOME/commits/source.feed" 2>/dev/null || echo 0; }

# What is wrong with what is stored, if anything.
wrong=
look() { # SINK MODE WHEN
	local all=(cat)
	# An item that comes again unchanged is there once; of one that changes
	# to and fro, each change is.
	[[ $2 = changed* ]] && all=(sed '/"k":"[rz]"/d')
	stored "$1" | "${all[@]}" | sort >"$T/got"
	"${all[@]}" "$T/all" | sort >"$T/want"
	[ "$2" = plain ] && sort -u "$T/got" -o "$T/got"
	[ "$2" = plain ] && sort -u "$T/want" -o "$T/want"
	if [[ $2 = changed* ]] && [ "$(stored "$1" | grep -c '"z"')" != 1 ]; then
		wrong=$wrong$'\n'"$3: what stays as it is came again"
	fi
	# Of one that went back, nobody knows what is stored, but for the last.
	if [ "$1 $2" = 'stream changed' ] &&
		[ "$(stored "$1" | grep '"k":"r"' | tail -n 1)" != "$last" ]; then
		wrong=$wrong$'\n'"$3: what went back is not the last"
	fi
	cmp -s "$T/want" "$T/got" && return
	wrong=$wrong$'\n'"$3: $(diff "$T/want" "$T/got" | grep '^[<>]' |
		head -n 3 | paste -sd' ')"
	fresh
	poll "$1"
	cat "$T/www/feed.ndjson" >"$T/all"
}

# One poll that is killed at a step, and one that is left alone: 1, it ended
# before it came to that step.
killed=0
kill_at() { # SINK MODE TOOL STEP
	local what before before_last half=$((RANDOM % 2))
	before=$(position) before_last=$last
	rm -f "$STEPS_LOG"
	next_edition "$2"
	poll "$1" "$3" "$4" $half 2>/dev/null
	what=$(cat "$STEPS_LOG" 2>/dev/null)
	[ -n "$what" ] && killed=$((killed + 1))
	what="$3 killed at ${what:-no step}"
	[ $half = 1 ] && what="$what, half done"
	# Now and then the repeated run is killed too; or something has gone back.
	if [ "$2" = changed ] && [ $((RANDOM % 3)) = 0 ]; then
		rm -f "$STEPS_LOG"
		poll "$1" "$3" $((RANDOM % 40 + 1)) $half 2>/dev/null
		what="$what; again at $(cat "$STEPS_LOG" 2>/dev/null)"
	fi
	[ $((RANDOM % 3)) = 0 ] && write_feed "$2" "$before_last"
	# What was committed and is acquired anew is not the same observation.
	if [ "$2" != timed ] || [ "$(position)" = "$before" ]; then
		poll "$1" || wrong=$wrong$'\n'"$what: status $?"
		grep -v ': cut off$' "$T/err.poll" >"$T/err.more" &&
			wrong=$wrong$'\n'"$what: $(head -n 1 "$T/err.more")"
	fi
	look "$1" "$2" "$what"
	[[ $what != *'no step'* ]]
}

# How many steps a process takes.
steps_of() { # SINK MODE TOOL
	rm -f "$STEPS_LOG"
	next_edition "$2"
	poll "$1" "$3" all 0
	wc -l <"$STEPS_LOG"
}

# Where nothing is yet, directories are made; afterwards, a state is followed.
walk() { # http|file SINK MODE TOOL first|later
	local n i steps
	fresh
	[ "$5" = later ] && next_edition "$3" && poll "$2"
	steps=$(steps_of "$2" "$3" "$4")
	# The other one was in a subshell.
	edition=$((edition + 1)) written=$((written + 1))
	if [ "$rounds" = 0 ]; then
		for ((n = 1; n < 500; n++)); do
			[ "$5" = first ] && fresh
			kill_at "$2" "$3" "$4" "$n" || break
		done
		return
	fi
	for ((i = 0; i < rounds; i++)); do
		[ "$5" = first ] && fresh
		kill_at "$2" "$3" "$4" $((RANDOM % steps + 1))
	done
}

walks() { # http|file SINK MODE
	local tool put=dl-stream-put
	[ "$2" = lake ] && put=dl-lake-write
	specify "$1" "$3"
	wrong=
	for tool in dl-source $put dl-commit; do
		walk "$1" "$2" "$3" "$tool" first
		walk "$1" "$2" "$3" "$tool" later
	done
	is "$wrong" '' "$1, $2, $3: whatever is killed, each item is there once"
}

sources=(http file) sinks=(lake stream)
[ "$lake_on" = s3 ] && sources=(file) sinks=(lake)
for from in "${sources[@]}"; do
	for sink in "${sinks[@]}"; do
		for mode in changed changed-timed timed plain; do
			walks "$from" "$sink" $mode
		done
	done
done
note "$killed kills, $((SECONDS - began)) s"
[ $killed -gt 0 ]
is $? 0 'and something was killed'

done_testing
