#!/usr/bin/env bash
# Sources that go on for long in one process: their memory stays flat, and no
# descriptor is leaked.  One polls a server that now and then fails; its clock is
# hurried (hurry.c): a poll a second, fifty times as fast.  The other takes a
# thousand MQTT messages a second, and its clock is the true one.
#
#	SOURCE_POLLS    how many (150); `make soak` takes an hour's: 3,600
#	SOURCE_SECONDS  of messages (6); 120
. tests/fault/lib.sh
. tests/servers/nginx.sh
. tests/servers/mosquitto.sh

polls=${SOURCE_POLLS:-150} seconds=${SOURCE_SECONDS:-6}
began=$SECONDS
ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0
export ASAN_OPTIONS

# How many are open all the time: a file may be open just now.
descriptors() { # PID
	local i
	for ((i = 0; i < 20; i++)); do
		find "/proc/$1/fd" -mindepth 1 | wc -l
		sleep 0.02
	done | sort -n | head -n 1
}

# The processes of a session by their names, with memory and descriptors.
usage() { # SESSION: "NAME KIB DESCRIPTORS" each
	local pid
	for pid in $(members "$1"); do
		printf '%s %s %s\n' "$(cat "/proc/$pid/comm")" \
			"$(awk '/^VmRSS/ { print $2 }' "/proc/$pid/status")" \
			"$(descriptors "$pid")"
	done 2>/dev/null | grep '^dl-' | sort
}

# Three looks at a pipe have shown the same.
check_usage() {
	is "$(cut -d' ' -f1,3 "$T/usage.3")" \
		"$(cut -d' ' -f1,3 "$T/usage.1")" 'no descriptor is leaked'
	is "$(cut -d' ' -f1 "$T/usage.1" | paste -sd' ')" \
		'dl-commit dl-source dl-stream-put' 'of any of the three'
	# The sanitizers keep what is freed for a while.
	[ "${FLAVOUR:-plain}" = plain ] || return
	# dl-stream-put folds its producer's lines now and then, to the newest
	# 1,024: the first time takes 400 KiB, the next ones no more.
	is "$(join "$T/usage.2" "$T/usage.3" |
		awk '$4 > $2 + 256 + ($1 == "dl-stream-put") * 256 {
			print $1, $2, $4 }')" '' \
		'and memory is flat: in the last third 256 KiB more at most'
}

# A pipe that follows source.yaml, as a session: $run.
follow() { # [NAME=VALUE...]
	# shellcheck disable=SC2016 # for the shell of the session
	setsid env --default-signal=INT bash -c 'cd "$1" && {
		env "${@:2}" dl-source -f source.yaml |
			dl-stream-put feed | dl-commit
	}' - "$T" "$@" 2>"$T/err.sources" &
	run=$!
}
# The head is stopped; whoever stands after it drains what it has begun.
end() {
	local pid
	for pid in $(members "$run"); do
		[ "$(cat "/proc/$pid/comm" 2>/dev/null)" = dl-source ] &&
			kill -TERM "$pid"
	done
	wait "$run"
	is $? 0 'it ends well'
	settle "$run"
}

# Polls.

# A document that is another each time: 100 items; now and then a failure.
# shellcheck disable=SC2016 # nginx's own variables
{
	echo 'location = /feed {'
	echo '	default_type application/x-ndjson;'
	echo '	if ($request_id ~ "^0") { return 503; }'
	echo '	if ($request_id ~ "^1") { return 204; }'
	printf '	return 200 '\'
	for ((i = 0; i < 100; i++)); do
		printf '{"k":"k%d","v":"$request_id"}\n' $i
	done
	printf "';\n}\n"
} >"$T/nginx.more"
nginx_start "$T/nginx.more"
printf '%s\n' 'name: feed' "url: $nginx_url/feed" 'format: ndjson' \
	'subject: .k' 'only_changed: true' 'every: 1s' >"$T/source.yaml"

# Polls so far, as nginx has them.
polled() { wc -l <"$T/access.log"; }
wait_for() { # N
	local i
	for ((i = 0; i < polls * 20; i++)); do
		[ "$(polled)" -ge "$1" ] && return
		sleep 0.05
	done
	note "only $(polled) polls"
	return 1
}

follow HURRY=50 LD_PRELOAD="$BUILD/fault/hurry.so"
for part in 1 2 3; do
	wait_for $((polls * part / 3))
	is $? 0 "it polls: $part of 3"
	usage "$run" >"$T/usage.$part"
	note "after $(polled) polls: $(paste -sd, "$T/usage.$part")"
done
end
is "$(grep -v 'trying again' "$T/err.sources" | head -n 3)" '' \
	'it tells of nothing but the failures'
like "$(wc -l <"$T/err.sources")" '^[1-9]' 'which it does tell'

check_usage

# What was served is there, once; the last one may have been stopped.
served=$(awk '$4 == 200' "$T/access.log" | wc -l)
stream feed | jq -r '.data.v' | sort | uniq -c |
	awk '{ print $1 }' | sort | uniq -c >"$T/stored"
stored=$(awk '{ print $1 }' "$T/stored" | head -n 1)
is "$(awk '{ print $2 }' "$T/stored" | paste -sd' ')" 100 \
	'each document that was acquired is in the stream whole, and once'
is "$((served - stored == 0 || served - stored == 1))" 1 \
	"all of them are: $served served, $stored stored"
note "$(polled) polls, $((SECONDS - began)) s"

# Messages.
rm -rf "${DL_HOME:?}" && mkdir "$DL_HOME"
mosquitto_start '' || exit 1
printf '%s\n' 'name: feed' "url: mqtt://127.0.0.1:$mosquitto_port/feed/+" \
	'format: ndjson' 'time: .t' 'time_format: s' >"$T/source.yaml"
follow
connected() { grep -q 'as dl-feed-' "$T/mosquitto/log"; }
soon connected
# A tenth of a second's at a time, and what sleep has missed with the next.
publish() {
	local sent=0 due start=${EPOCHREALTIME/./}
	while ((sent < seconds * 1000)); do
		due=$(((${EPOCHREALTIME/./} - start) / 1000))
		((due > seconds * 1000)) && due=$((seconds * 1000))
		seq $((sent + 1)) "$due" | awk '{
			printf "{\"n\":%d,\"t\":%d,\"v\":\"%060d\"}\n",
				$1, 1700000000 + $1, $1 }'
		sent=$due
		sleep 0.1
	done | mosquitto_put feed/x
}
publish &
publisher=$!
arrived() { stream feed 2>/dev/null | wc -l; }
for part in 1 2 3; do
	for ((i = 0; i < seconds * 40; i++)); do
		[ "$(arrived)" -ge $((seconds * 1000 * part / 3)) ] && break
		sleep 0.25
	done
	usage "$run" >"$T/usage.$part"
	note "after $(arrived) messages: $(paste -sd, "$T/usage.$part")"
done
wait $publisher
end
is "$(cat "$T/err.sources")" '' 'it has nothing to tell'
check_usage
stream feed | jq .data.n | sort -n | cmp -s - <(seq $((seconds * 1000)))
is $? 0 'each message is in the stream once'
note "$seconds s of 1000 messages a second, $((SECONDS - began)) s"

done_testing
