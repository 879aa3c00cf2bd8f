#!/usr/bin/env bash
# A lake on an S3 that fails in every way it can (s3proxy.c): the status is the
# right one, and in the end nothing is lost and nothing is there twice, also
# when the writer is killed with -9.
#
# FAULT_ROUNDS says how many times something is broken at random, drawn by SEED.
export DL_LAKE_ON=s3
. tests/fault/lib.sh

rounds=${FAULT_ROUNDS:-6}
began=$SECONDS
s3proxy_plan ''

# Events that are numbered, with checkpoints; a line of noise does not pack.
head -c 1048576 /dev/urandom | base64 -w 700 | head -n 1000 >"$T/random"
checkpoint() { # N [KEY]
	printf '{"specversion":"1.0","id":"%d","source":"%s","type":"%s"}\n' \
		"$1" "${2:-stream.s.lake}" dl.checkpoint
}
events() { # FROM TO [KEY]
	awk -v from="$1" -v to="$2" -v key="${3:-s}" 'BEGIN {
		for (i = from; i <= to; i++)
			printf "{\"specversion\":\"1.0\",\"id\":\"%s%06d\"," \
				"\"source\":\"s%d\",\"type\":\"t\"}\n", key, i, i % 3
	}'
}
noise() { # FROM TO
	awk -v from="$1" -v to="$2" '
		{ random[NR % 1000] = $0 }
		END { for (i = from; i <= to; i++)
			printf "{\"specversion\":\"1.0\",\"id\":\"s%06d\"," \
				"\"source\":\"s\",\"type\":\"t\",\"data\":\"%s\"}\n", \
				i, random[(i * 7) % 1000] }' "$T/random"
}
few() { checkpoint 0; events 1 500; checkpoint 500; events 501 900; checkpoint 900; }
# 20 MB: a part of three pieces.
{ checkpoint 0; noise 1 27000; checkpoint 27000; } >"$T/much"

# Into the lake $name, by the proxy's plan; what is said is kept.
: >"$T/said"
lake_write() { # ARG...
	timeout -s KILL 60 dl-lake-write "$@" "$at$name" >"$T/acks" 2>"$T/err"
	local status=$?
	cat "$T/err" >>"$T/said"
	return $status
}
write_few() { few | lake_write -z zstd "$@"; }
write_much() { lake_write -z none -P all=1 "$@" <"$T/much"; }
acked_to() { sed -n 's/^{.*"id":"\([0-9]*\)".*}$/\1/p' "$T/acks" | tail -n 1; }

# What is in the lake now, past the proxy.
ids_in() { # NAME
	AWS_ENDPOINT_URL=$radosgw_url dl-lake-read "$at$1" 2>>"$T/said" |
		grep -o '"id":"[^"]*"' | sort
}
ids_of() { grep -v dl.checkpoint | grep -o '"id":"[^"]*"' | sort; }
few >"$T/few"
ids_of <"$T/few" >"$T/few.ids"
ids_of <"$T/much" >"$T/much.ids"

# The chain of the manifest's entries holds, and they are true of the parts.
chain() { # NAME
	lake_manifest "$1" | perl -MDigest::SHA=sha256_hex -ne '
		BEGIN { $prev = sha256_hex("") }
		chomp; /^\{"prev":"$prev",/ or print "line $.\n";
		$prev = sha256_hex($_)'
	lake_manifest "$1" | jq -r '.sha256 + "  " + .part' |
		(cd "$(lake_look "$1")" && sha256sum -c --quiet --ignore-missing 2>&1)
}

# All of it is there once, nothing is half done, and the last position was
# acknowledged.
wrong=
check_all() { # IDS WHEN
	local n
	ids_in "$name" >"$T/ids"
	cmp -s "$1" "$T/ids" ||
		wrong=$wrong$'\n'"$2: $(diff "$1" "$T/ids" | grep '^[<>]' |
			head -n 3 | paste -sd' ')"
	n=$(lake_half "$name" | head -n 3 | paste -sd' ')
	[ -z "$n" ] || wrong=$wrong$'\n'"$2: half done: $n"
}
# ... and the manifest says so.
check_chain() { # WHEN
	local n
	n=$(chain "$name" | head -n 3 | paste -sd' ')
	[ -z "$n" ] || wrong=$wrong$'\n'"$1: the manifest: $n"
}
another() { name=l$((lakes += 1)); }
lakes=0

#	What passes

# Each kind of request fails once, in each way.
passes() { # WHAT WRITE IDS RULES...
	local action rule plan=()
	wrong=
	for action in 'code 503 SlowDown' 'code 500 InternalError' \
		'code 400 RequestTimeout' reset 'reset-body 100000' \
		'reset-answer 0' 'flip 100'; do
		another
		plan=()
		for rule in "${@:4}"; do plan+=("$rule 1 $action"); done
		s3proxy_plan "${plan[@]}"
		"$2" || wrong=$wrong$'\n'"$action: status $? $(cat "$T/err")"
		[ "$(s3proxy_log "${action%% *}$" | wc -l)" -ge $(($# - 3)) ] ||
			wrong=$wrong$'\n'"$action: the plan was not followed"
		s3proxy_plan ''
		# Who never heard of an upload can't know that it is there.
		case $action in reset-*) lake_tidy_up ;; esac
		check_all "$3" "$action"
	done
	check_chain "$action"
	is "$wrong" '' "$1: what fails once in any way is tried again"
}
# What a lost answer left: nothing but uploads nobody knows.
lake_tidy_up() {
	radosgw_request GET "/lakes?prefix=${lake_in//\//%2F}$name%2F&uploads=" |
		grep -o '<Key>[^<]*</Key><UploadId>[^<]*' |
		sed 's/<[^>]*>/ /g' | while read -r key id; do
		radosgw_request DELETE "/lakes/$(radosgw_escape "$key")?uploadId=$id"
	done
}
passes 'small parts' write_few "$T/few.ids" 'PUT _dl/manifest' 'PUT part-'
passes 'an upload in pieces' write_much "$T/much.ids" 'PUT _dl/manifest' \
	'POST ?uploads' 'PUT partNumber=1' 'PUT partNumber=3' 'POST uploadId='

wrong=
for plan in '* * /3 code 503 SlowDown' '* * /4 reset' '* * /3 reset-answer 0' \
	'* * 1-5 code 503 SlowDown' 'PUT * 1-4 code 429 TooManyRequests'; do
	another
	s3proxy_plan "$plan"
	write_few --max-bytes 4K || wrong=$wrong$'\n'"$plan: status $? $(cat "$T/err")"
	s3proxy_plan ''
	check_all "$T/few.ids" "$plan"
	check_chain "$plan"
done
is "$wrong" '' 'storms are ridden out'

# A service that falls silent, before, in and after a request.
wrong=
for plan in 'PUT _dl/manifest 1 hang' 'PUT partNumber=2 1 hang-body 100000' \
	'POST uploadId= 1 hang-answer 0'; do
	another
	s3proxy_plan "$plan"
	write_much --give-up 1s || wrong=$wrong$'\n'"$plan: status $? $(cat "$T/err")"
	s3proxy_plan ''
	check_all "$T/much.ids" "$plan"
done
is "$wrong" '' 'a silent service is asked again'

#	What does not pass

# Told at once and in one line, with the right status; run again when it has been
# seen to, all is there once.
refused() { # STATUS WRITE IDS REGEX RULE...
	local since=$SECONDS status
	another
	s3proxy_plan "${@:5}"
	"$2"
	status=$?
	[ $status = "$1" ] && [[ $(cat "$T/err") =~ $4 ]] &&
		[ "$(wc -l <"$T/err")" = 1 ] && [ $((SECONDS - since)) -lt 20 ] ||
		wrong=$wrong$'\n'"$5: status $status, want $1: $(cat "$T/err")"
	[ -z "$(acked_to | tr -d 0)" ] ||
		wrong=$wrong$'\n'"$5: acknowledged to '$(acked_to)'"
	s3proxy_plan ''
	"$2" || wrong=$wrong$'\n'"$5: then status $? $(cat "$T/err")"
	check_all "$3" "$5"
}
wrong=
for match in '* *' 'PUT _dl/manifest' 'PUT part-'; do
	refused 77 write_few "$T/few.ids" AccessDenied \
		"$match 1- code 403 AccessDenied"
	refused 78 write_few "$T/few.ids" 's3://lakes.*NoSuchBucket' \
		"$match 1- code 404 NoSuchBucket"
done
for match in 'POST ?uploads' 'PUT partNumber=' 'PUT partNumber=3' \
	'POST uploadId='; do
	refused 77 write_much "$T/much.ids" ExpiredToken \
		"$match 1- code 400 ExpiredToken"
	refused 78 write_much "$T/much.ids" NoSuchBucket \
		"$match 1- code 404 NoSuchBucket"
done
refused 77 write_few "$T/few.ids" "clock is .*2h.* behind" '* * 1- skew 7200'
refused 77 write_few "$T/few.ids" "clock is .*2h.* ahead" '* * 1- skew -7200'
is "$wrong" '' 'what does not pass is told, and repaired by another run'

# Of the real service.
another
status 78 'a bucket that is not there' dl-lake-write s3://nowhere/x < <(few)
like "$(cat "$T/err")" "s3://nowhere.*NoSuchBucket" '... is named'
cat "$T/err" >>"$T/said"
status 78 '... nor can it be read' dl-lake-read s3://nowhere/x
status 77 'a wrong secret' env AWS_SECRET_ACCESS_KEY=WRONG dl-lake-write \
	"$at$name" < <(few)
like "$(cat "$T/err")" SignatureDoesNotMatch '... is told'
cat "$T/err" >>"$T/said"
status 77 'an unknown key' env AWS_ACCESS_KEY_ID=NOBODY dl-lake-write \
	"$at$name" < <(few)
like "$(cat "$T/err")" InvalidAccessKeyId '... is told'
cat "$T/err" >>"$T/said"
write_few
is $? 0 'and what waited is sent by a run that may'
wrong=
check_all "$T/few.ids" 'then'
check_chain 'then'
is "$wrong" '' '... each event once'

#	Killed

# At each kind of request, before it, in it and after it: then a whole run.
killed=0
kill_when() { # WRITE IDS RULE
	another
	s3proxy_plan "$3"
	exec_write "$1" &
	wait $! 2>/dev/null
	[ $? = 137 ] && killed=$((killed + 1)) ||
		wrong=$wrong$'\n'"$3: it was not killed"
	s3proxy_plan ''
	"$1" || wrong=$wrong$'\n'"$3: then status $? $(cat "$T/err")"
	check_all "$2" "$3"
}
# The shell becomes the tool, so that its pid is known.
exec_write() { # WRITE
	echo "$BASHPID" >"$T/pid"
	case $1 in
	write_few)
		exec dl-lake-write --max-bytes 8K "$at$name" <"$T/few" >"$T/acks"
		;;
	write_much)
		exec dl-lake-write -z none -P all=1 "$at$name" <"$T/much" >"$T/acks"
		;;
	esac
}
wrong=
for match in 'PUT _dl/manifest 1' 'PUT part- 2'; do
	for how in kill kill-body kill-answer; do
		kill_when write_few "$T/few.ids" "$match $how $T/pid 20"
		check_chain "$match $how"
	done
done
for match in 'POST ?uploads 1' 'PUT partNumber=2 1' 'POST uploadId= 1'; do
	for how in kill kill-body kill-answer; do
		[ "$match $how" = 'POST ?uploads 1 kill-body' ] && continue
		kill_when write_much "$T/much.ids" "$match $how $T/pid 100"
	done
done
is "$wrong" '' 'killed at each kind of request, then a whole run: all is there once'
note "$killed kills, $((SECONDS - began)) s"

#	Away

# The service is gone before the run: what came waits on disk, and is sent by the
# next run, even by one to which nothing comes.
another
radosgw_stop
write_few --give-up 1s
is $? 75 'a service that is away'
like "$(cat "$T/err")" '^dl-lake-write: .*wait' '... is told, and that parts wait'
is "$(acked_to)" 0 '... and nothing is acknowledged'
radosgw_again
lake_write </dev/null
is $? 0 'a run to which nothing comes'
wrong=
check_all "$T/few.ids" 'sent'
is "$wrong" '' '... sends what waited'
write_few
is "$? $(acked_to)" '0 900' 'the run is repeated'
check_all "$T/few.ids" 'repeated'
is "$wrong" '' '... and adds nothing'

# It goes away in the middle of a run, and comes back.
another
radosgw_stop
write_few --give-up 1m --max-bytes 4K &
pid=$!
soon grep -q . "$T/s3proxy/log"
radosgw_again
wait $pid
is "$? $(acked_to)" '0 900' 'a service that comes back in time'
wrong=
check_all "$T/few.ids" 'came back'
is "$wrong" '' '... has each event once'

# The spool has its limit.
another
radosgw_stop
write_much --max-bytes 1M --spool-max 2M --give-up 1s
is $? 75 'a spool that may hold no more'
spool=$(du -sk "$(lake_state "$name")" | cut -f1)
[ "$spool" -lt 5000 ]
is $? 0 "... holds no more ($spool KiB)"
radosgw_again
write_much --max-bytes 1M --spool-max 2M
is "$? $(acked_to)" '0 27000' '... and goes on when there is a service'
wrong=
check_all "$T/much.ids" 'spool'
is "$wrong" '' '... with each event once'
mkdir "$T/mnt"
if mount -t tmpfs -o size=3m none "$T/mnt" 2>/dev/null; then
	another
	radosgw_stop
	home=$DL_HOME DL_HOME=$T/mnt/home
	write_much --max-bytes 1M --give-up 1s
	is $? 75 'a disk that is full of what waits'
	radosgw_again
	lake_write </dev/null
	is $? 0 '... is emptied when there is a service'
	write_much --max-bytes 256K --spool-max 1M
	is "$? $(acked_to)" '0 27000' '... and holds no more than it may'
	wrong=
	check_all "$T/much.ids" 'full'
	is "$wrong" '' '... with each event once'
	DL_HOME=$home
	umount "$T/mnt"
fi

# The bucket vanishes, and is made again: what came after is there.
another
at=s3://vanishes/
radosgw_bucket vanishes
mkfifo "$T/in"
lake_write --max-age 0s --give-up 2s <"$T/in" &
pid=$!
exec 8>"$T/in"
{ checkpoint 0; events 1 100; checkpoint 100; } >&8
landed() { [ "$(acked_to)" = "$1" ]; }
soon landed 100
is $? 0 'what has landed is acknowledged at once'
radosgw_list vanishes '' | while read -r _ key; do
	radosgw_request DELETE "/vanishes/${key//%2F//}"
done
radosgw_request DELETE /vanishes
{ events 101 200; checkpoint 200; } >&8
exec 8>&-
wait $pid
is "$? $(acked_to)" '78 100' 'a bucket that vanishes'
like "$(cat "$T/err")" 'NoSuchBucket' '... is told'
radosgw_bucket vanishes
{ checkpoint 100; events 101 200; checkpoint 200; } | lake_write
is "$? $(acked_to)" '0 200' 'and where it is made again'
is "$(ids_in "$name" | wc -l) $(ids_in "$name" | uniq -d)" '100 ' \
	'... what came after is there, once'
at=s3://lakes/

#	Two at once

another
s3proxy_plan '* * /7 reset-answer 0' '* * /5 code 503 SlowDown'
for i in 1 2 3; do
	{
		checkpoint 0 "stream.s.$i"
		events 1 600 "k$i-"
		checkpoint 600 "stream.s.$i"
	} | dl-lake-write --max-bytes 4K "$at$name" >"$T/acks.$i" 2>"$T/err.$i" &
	pids[i]=$!
done
wait "${pids[@]}"
wrong=
for i in 1 2 3; do
	[ "$(tail -n 1 "$T/acks.$i" | jq -r .id)" = 600 ] ||
		wrong=$wrong$(cat "$T/err.$i")
done
s3proxy_plan ''
for i in 1 2 3; do events 1 600 "k$i-"; done | ids_of >"$T/three.ids"
check_all "$T/three.ids" 'three writers'
check_chain 'three writers'
is "$wrong" '' 'three writers at once do not disturb each other'

#	Reading

another
write_much
wrong=
for plan in 'GET list-type 1 code 503 SlowDown' 'GET list-type 1 reset-answer 0' \
	'GET list-type 1 reset-answer 100' 'GET part- 1 reset-answer 0' \
	'GET part- 1 reset-answer 1000000' 'GET part- 1-3 reset-answer 3000000' \
	'GET part- 1 code 500 InternalError' 'GET _dl/ 1 code 503 SlowDown' \
	'* * /3 reset'; do
	s3proxy_plan "$plan"
	timeout 60 dl-lake-read "$at$name" 2>"$T/err" | cmp -s - <(grep -v \
		dl.checkpoint "$T/much")
	[ "${PIPESTATUS[*]}" = '0 0' ] ||
		wrong=$wrong$'\n'"$plan: $(cat "$T/err")"
	cat "$T/err" >>"$T/said"
done
is "$wrong" '' 'a reader goes on where an answer broke off'
wrong=
for n in 0 1000 15000000; do
	s3proxy_plan "GET part- 1- flip-answer $n"
	timeout 60 dl-lake-read "$at$name" >"$T/out" 2>"$T/err"
	status=$?
	{ [ $status = 65 ] || [ $status = 75 ]; } && [ "$(wc -l <"$T/err")" = 1 ] ||
		wrong=$wrong$'\n'"$n: status $status $(cat "$T/err")"
done
is "$wrong" '' 'a byte that is changed on its way is noticed'
s3proxy_plan 'GET part- 1- code 403 AccessDenied'
status 77 'a part that may not be read' dl-lake-read "$at$name"
s3proxy_plan ''

#	At random

# Plans, kills and repeats as they come; the spool goes from run to run.
methods=('PUT _dl/manifest' 'PUT part-' 'POST ?uploads' 'PUT partNumber=1'
	'PUT partNumber=2' 'POST uploadId=' '* *')
actions=('code 503 SlowDown' 'code 500 InternalError' reset 'reset-body 5000'
	'reset-answer 0' 'flip 200' "kill $T/pid" "kill-body $T/pid 3000"
	"kill-answer $T/pid" 'code 403 AccessDenied')
at_random() {
	local i n rules=()
	for ((i = RANDOM % 4; i >= 0; i--)); do
		n=$((RANDOM % 6 + 1))
		rules+=("${methods[RANDOM % ${#methods[@]}]} $n ${actions[RANDOM % ${#actions[@]}]}")
	done
	s3proxy_plan "${rules[@]}"
}
another
wrong='' position=0 end=0
for ((round = 1; round <= rounds; round++)); do
	at_random
	# What is in the next run is as much as before, or more.
	end=$((end + RANDOM % 8000))
	{ checkpoint "$position"; noise $((position + 1)) $end; checkpoint "$end"; } \
		>"$T/round"
	age=$((RANDOM % 2 * 300000))ms
	(
		echo "$BASHPID" >"$T/pid"
		exec dl-lake-write -z none -P 'all={source}' --max-age $age \
			--give-up 1s "$at$name" <"$T/round" >"$T/acks" 2>"$T/err"
	) &
	pid=$!
	[ $((RANDOM % 3)) = 0 ] && nap 600 && kill -9 $pid 2>/dev/null
	wait $pid 2>/dev/null
	cat "$T/err" >>"$T/said"
	n=$(acked_to)
	[ $((RANDOM % 3)) = 0 ] || position=${n:-$position}
done
s3proxy_plan ''
{ checkpoint "$position"; noise $((position + 1)) $end; checkpoint $end; } |
	lake_write -z none -P 'all={source}'
is "$? $(acked_to)" "0 $end" 'after what happens at random, a whole run'
noise 1 $end | ids_of >"$T/random.ids"
check_all "$T/random.ids" 'at random'
check_chain 'at random'
is "$wrong" '' '... and each event is there once'
note "$rounds rounds at random, $end events, $((SECONDS - began)) s"

is "$(grep -c -e TESTSECRET -e Signature= -e WRONG "$T/said")" 0 \
	'no secret was ever said'
done_testing
