#!/usr/bin/env bash
# The power fails at random moments (powercut.c) while a lake on S3 is written,
# which is away now and then: in the end each event is there once.
. tests/fault/lib.sh
. tests/servers/radosgw.sh
if ! radosgw_have; then
	echo '1..0 # SKIP radosgw is not installed (make deps TEST=full)'
	exit
fi
radosgw_start '' || exit
radosgw_bucket lakes

rounds=${FAULT_ROUNDS:-20}
# The home alone is cut: what the test itself has is beside it.
mkdir -p "$DL_HOME"
export POWERCUT_DIR=$DL_HOME POWERCUT_IMAGE=$T/image POWERCUT_BOOT=$T/boot
preload=LD_PRELOAD=$BUILD/fault/powercut.so
ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0
export ASAN_OPTIONS
"$BUILD/fault/restore" -s "$POWERCUT_IMAGE" "$DL_HOME"
echo 00000001-0000-4000-8000-000000000000 >"$T/boot"

# head_of FROM TO: events with a checkpoint after each 40.
head_of() {
	awk -v from="$1" -v to="$2" 'BEGIN {
		for (i = from; i <= to; i++) {
			if (i > from)
				printf "{\"specversion\":\"1.0\",\"id\":\"e%d\"," \
				    "\"source\":\"s\",\"type\":\"dl.record\"," \
				    "\"subject\":\"k%d\"}\n", i, i % 5
			if ((i - from) % 40 == 0 || i == to)
				printf "{\"specversion\":\"1.0\",\"id\":\"%d\"," \
				    "\"source\":\"key\"," \
				    "\"type\":\"dl.checkpoint\"}\n", i
			fflush()
		}
	}'
}
write=(env "$preload" dl-lake-write -P 'k={subject}' --max-age 0s
	s3://lakes/cut)
gone() { # PID
	! kill -0 "$1" 2>/dev/null
}
# The last position that was acknowledged, or FROM.
acked() { # FROM
	local p
	p=$(sed -n 's/^{.*"id":"\([0-9]*\)".*}$/\1/p' "$T/acks" | tail -n 1)
	echo "${p:-$1}"
}

at=0 end=4000 wrong='' away=
for round in $(seq "$rounds"); do
	if [ -z "$away" ] && [ $((RANDOM % 3)) = 0 ]; then
		away=yes
		radosgw_stop
	elif [ -n "$away" ]; then
		away=
		radosgw_again
	fi
	mkfifo "$T/fifo"
	"${write[@]}" <"$T/fifo" >"$T/acks" 2>"$T/err" &
	writer=$!
	disown "$writer"
	head_of "$at" "$end" >"$T/fifo" 2>/dev/null &
	sleep "0.$((RANDOM % 30 + 2))"
	kill -9 "$writer" 2>/dev/null
	wait "$!" 2>/dev/null
	# It may hold what it had until the kernel has done with it.
	soon gone "$writer"
	rm "$T/fifo"
	[ ! -s "$T/err" ] || wrong+=" $round: $(cat "$T/err")"
	"$BUILD/fault/restore" "$POWERCUT_IMAGE" "$DL_HOME" \
		$((RANDOM % 4 ? RANDOM * 32768 + RANDOM + 1 : 0)) ||
		wrong+=" $round: restore"
	printf '%08d-0000-4000-8000-000000000000\n' "$((round + 1))" >"$T/boot"
	at=$(acked "$at")
done
[ -z "$away" ] || radosgw_again
note "after $rounds power cuts at $at of $end"
is "$wrong" '' 'no run says that anything is wrong'
head_of "$at" "$end" | "${write[@]}" >"$T/acks" 2>"$T/err"
is "$(cat "$T/err")" '' 'nor the last'
is "$(acked 0)" "$end" '... which is acknowledged whole'
is "$(dl-lake-read s3://lakes/cut | jq -r .id | sort -V | uniq -c |
    awk '{ n[$1]++ } END { for (i in n) print i "x" n[i] }')" "1x$end" \
    'each event is there once'
is "$(find "$DL_HOME/spool"/*/outbox -mindepth 1)" '' 'nothing is left here'

done_testing
