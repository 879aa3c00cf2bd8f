#!/usr/bin/env bash
# MQTT, with a real broker: nothing is acknowledged before it was committed,
# nothing that was committed comes twice, whatever is killed or cut in between.
. tests/tap.sh
. tests/servers/mosquitto.sh

seed=${SEED:-$RANDOM$RANDOM}
RANDOM=$seed
note "SEED=$seed"
mkdir -p "$DL_HOME"

openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority \
	-keyout "$T/ca.key" -out "$T/ca.pem" 2>/dev/null
certificate() { # NAME SUBJECT ALTERNATIVE
	openssl req -newkey rsa:2048 -nodes -subj "/CN=$2" \
		-keyout "$T/$1.key" -out "$T/$1.csr" 2>/dev/null
	openssl x509 -req -in "$T/$1.csr" -CA "$T/ca.pem" -CAkey "$T/ca.key" \
		-CAcreateserial -days 2 -out "$T/$1.pem" \
		-extfile <(echo "subjectAltName=$3") 2>/dev/null
}
certificate server broker IP:127.0.0.1
certificate client wagon DNS:wagon
openssl rsa -aes128 -passout pass:tender -in "$T/client.key" \
	-out "$T/client.locked" 2>/dev/null
mosquitto_passwd -c -b "$T/users" reader 'p&ss wörd' 2>/dev/null
chmod 644 "$T/users"
cat >"$T/more" <<E
listener @PORT1@ 127.0.0.1
password_file $T/users
certfile $T/server.pem
keyfile $T/server.key
cafile $T/ca.pem
E
mosquitto_start "$T/more" || exit 1
plain=mqtt://127.0.0.1:$mosquitto_port
tls=mqtts://127.0.0.1:$((mosquitto_port + 1))

# spec NAME URL [LINE...]; "mqtt: {...}" may be the last line.
spec() {
	local last=${*: -1} more=''
	[[ $last == "mqtt: "* ]] && more=", ${last#mqtt: {}" && set -- "${@:1:$#-1}"
	printf 'name: %s\nurl: %s\nformat: ndjson\n' "$1" "$2" >"$T/$1.yaml"
	printf '%s\n' "${@:3}" >>"$T/$1.yaml"
	printf 'mqtt: {idle: 200ms%s\n' "${more:-\}}" >>"$T/$1.yaml"
}
own='time: .t' # of an item that has a time of its own
readings() { # FROM TO
	seq "$1" "$2" | awk '{
		printf "{\"n\":%d,\"t\":\"2026-01-01T00:%02d:%02d.%03dZ\"}\n",
			$1, $1 / 60000, $1 / 1000 % 60, $1 % 1000 }'
}

pipe() { # NAME [OPTION...]
	dl-source "${@:2}" "$T/$1.yaml" 2>>"$T/err.$1" |
		dl-stream-put "$1" 2>>"$T/err.$1" | dl-commit 2>>"$T/err.$1"
	return "${PIPESTATUS[0]}"
}
# Again, where a run ended before the broker had sent all.
drain() { # NAME EVENTS [OPTION...]
	local i
	for ((i = 0; i < 20; i++)); do
		pipe "$1" "${@:3}" || return
		has "$1" "$2" && return
	done
}
stored() { cat "$DL_HOME/streams/$1"/*.ndjson 2>/dev/null; }
numbers() { stored "$1" | jq .data.n | paste -sd' '; }
has() { [ "$(stored "$1" | wc -l)" -ge "$2" ]; }
sent() { [ "$(grep -c dl.record "$T/deaf")" -ge "$1" ]; }
logged() { [ "$(grep -c "$1" "$T/mosquitto/log")" -ge "$2" ]; }
source_of() { pgrep -f "^dl-source .*$T/$1.yaml"; }

PATH=$BUILD/servers:$PATH
watch() { # NAME [MODE]
	mqttwatch "$mosquitto_port" "${@:2}" >"$T/watch.$1" &
	tap_pids+=($!)
	soon test -s "$T/watch.$1"
	watched=mqtt://127.0.0.1:$(head -n 1 "$T/watch.$1")
}
shows() { [ "$(packets "$1" "$2")" -ge "$3" ]; }
until_shown() { # NAME PACKET N
	local i
	for ((i = 0; i < 20; i++)); do
		pipe "${1%.*}"
		shows "$@" && return
	done
}
packets() { grep -c "^$2" "$T/watch.$1"; }

# A session.
spec s "$plain/s/+" "$own"
pipe s
is $? 0 'a first run makes a session'
readings 1 3 | mosquitto_put s/a
readings 4 5 | mosquitto_put s/b
drain s 5
is "$? $(numbers s)" '0 1 2 3 4 5' 'what came since is taken by the next'
is "$(stored s | jq -r .dlorigin | sort -u | paste -sd' ')" \
	"$plain/s/a $plain/s/b" 'and says of which topic it was'
pipe s
is "$? $(numbers s)" '0 1 2 3 4 5' 'and is not there any more'
is "$(cat "$T/err.s")" '' 'nothing is said of it'
is "$(grep -o ' as dl-s-[0-9A-Z]* (p5, c0' "$T/mosquitto/log" | sort -u | wc -l)" \
	1 'by MQTT 5, under one id'

# The commit comes before the acknowledgement.
for version in 5 3.1.1; do
	name=v$version
	watch "$name"
	spec "$name" "$watched/$name/+" 'mqtt: {version: '$version'}'
	pipe "$name"
	dl-source -f "$T/$name.yaml" >"$T/deaf" 2>"$T/err" &
	pid=$!
	readings 1 5 | mosquitto_put "$name/x"
	soon shows "$name" '< PUBLISH' 5
	sleep 0.3
	is "$(packets "$name" '< PUBLISH') $(packets "$name" '> PUBACK')" '5 0' \
		"$version: nothing is acknowledged that is not committed"
	kill -9 $pid && wait $pid 2>/dev/null
	drain "$name" 5
	is "$(numbers "$name")" '1 2 3 4 5' "$version: and it comes again"
	is "$(packets "$name" '< PUBLISH .* dup') $(packets "$name" '> PUBACK')" \
		'5 5' "$version: then it is"
	# Of two same ones both are taken: neither is the other one again.
	readings 5 5 | mosquitto_put "$name/x"
	readings 5 5 | mosquitto_put "$name/x"
	drain "$name" 7
	is "$(numbers "$name")" '1 2 3 4 5 5 5' "$version: what is the same is new"

	# Committed, but the broker hears nothing of it.
	watch "$name.eat" eat
	spec "$name" "$watched/$name/+" 'mqtt: {version: '$version'}'
	readings 11 15 | mosquitto_put "$name/x"
	drain "$name" 12
	is "$(numbers "$name"), $(packets "$name.eat" '> PUBACK')" \
		'1 2 3 4 5 5 5 11 12 13 14 15, 5' \
		"$version: acknowledgements that are lost"
	until_shown "$name.eat" '< PUBLISH .* dup' 5
	is "$(numbers "$name"), $(packets "$name.eat" '< PUBLISH .* dup')" \
		'1 2 3 4 5 5 5 11 12 13 14 15, 5' \
		"$version: it comes again, and is known"
	watch "$name.late"
	spec "$name" "$watched/$name/+" 'mqtt: {version: '$version'}'
	until_shown "$name.late" '> PUBACK' 5
	pipe "$name"
	is "$(numbers "$name"), $(packets "$name.late" '< PUBLISH')" \
		'1 2 3 4 5 5 5 11 12 13 14 15, 5' \
		"$version: until the broker knows it too"
done

# As much as the window, and no more, is on its way.
watch w
spec w "$watched/w" 'mqtt: {window: 7}'
pipe w
readings 1 30 | mosquitto_put w
dl-source -f "$T/w.yaml" >"$T/deaf" 2>"$T/err" &
pid=$!
soon shows w '< PUBLISH' 7
sleep 0.2
is "$(packets w '< PUBLISH')" 7 'a window of 7 is of 7 messages'
kill -9 $pid && wait $pid 2>/dev/null
drain w 30
is "$(numbers w)" "$(seq -s' ' 30)" 'all come through it'

# A connection that breaks at an acknowledgement, in a run that follows.
watch cut cut
spec cut "$watched/cut"
pipe cut
pipe cut -f &
run=$!
readings 1 20 | mosquitto_put cut
soon has cut 20
readings 21 40 | mosquitto_put cut
soon has cut 40
is "$(numbers cut)" "$(seq -s' ' 40)" 'a connection is cut: nothing twice'
is "$(packets cut closed)" 2 'it was'
like "$(cat "$T/err.cut")" 'connection is lost; trying again in' 'and that is said'

# The broker goes away, and comes back with what it knows.
mosquitto_stop
mosquitto_again || exit 1
readings 41 60 | mosquitto_put cut
soon has cut 60
is "$(numbers cut)" "$(seq -s' ' 60)" 'a broker that starts again'
before=$(date +%s%N)
kill -TERM "$(source_of cut)"
wait $run
is $? 0 'a stop ends it'
took=$((($(date +%s%N) - before) / 1000000))
like "$((took < 4000))" 1 'soon'
note "a stop took $took ms"

# What can't be read is a dead letter, and acknowledged.
spec dead "$plain/dead" "$own" 'max_item: 1K'
pipe dead
readings 1 1 | mosquitto_put dead
printf '{"n":\n{"n":2,"t":"x"}\n%s\n' "{\"pad\":\"$(printf %02000d 0)\"}" |
	mosquitto_put dead
readings 3 3 | mosquitto_put dead
drain dead 9
is "$?" 65 'without -d a message that is wrong ends the run'
drain dead 2 -d "$T/dead"
is "$? $(numbers dead) $(jq -r .data.code "$T/dead" | paste -sd' ')" \
	'0 1 3 json time too-long' 'with -d it is kept, and the others come'
pipe dead
is "$?" 0 'once'

# Retained messages come once, topics that are no more don't come.
for version in 5 3.1.1; do
	name=r$version
	mosquitto_pub -h 127.0.0.1 -p "$mosquitto_port" -r -q 1 -t "$name/a" -m '{"n":1}'
	mosquitto_pub -h 127.0.0.1 -p "$mosquitto_port" -r -q 1 -t "$name/b" -m '{"n":2}'
	spec "$name" "$plain" "mqtt: {version: $version, topics: [$name/a]}"
	drain "$name" 1
	pipe "$name"
	is "$(numbers "$name")" 1 "$version: what is retained comes once"
	spec "$name" "$plain" "mqtt: {version: $version, topics: [$name/b]}"
	drain "$name" 2
	is "$(numbers "$name")" '1 2' "$version: another topic, another one"
	echo '{"n":3}' | mosquitto_put "$name/a"
	echo '{"n":4}' | mosquitto_put "$name/b"
	drain "$name" 3
	is "$(numbers "$name")" '1 2 4' "$version: the first topic is left"
done

# Topics that overlap bring a message more than once.
spec over "$plain" "$own" 'mqtt: {topics: [over/#, over/+, over/a]}'
pipe over
readings 1 20 | mosquitto_put over/a
drain over 20
pipe over
is "$(numbers over)" "$(seq -s' ' 20)" 'topics that overlap: once, by its time'
is "$(cat "$T/err.over")" '' 'and nothing is said'
spec over "$plain" 'mqtt: {topics: [over/#, over/b]}'
dl-source --check "$T/over.yaml" 2>"$T/err"
like "$? $(cat "$T/err")" "^0 .*over.yaml: the topics 'over/#' and 'over/b' overlap" \
	'without a time that is told'

# Whoever reads us has gone, and nothing comes that would tell it.
spec alone "$plain/alone"
timeout 20 dl-source -f "$T/alone.yaml" 2>"$T/err" | true
is "${PIPESTATUS[0]} $(cat "$T/err")" \
	'75 dl-source: cannot write <stdout>: Broken pipe' \
	'-f ends when nobody reads'

# A glance changes nothing.
spec g "$plain/\$share/group/g/+" "$own"
pipe g
mosquitto_pub -h 127.0.0.1 -p "$mosquitto_port" -r -q 1 -t g/r -m "$(readings 1 1)"
sed -i 's/idle: 200ms/idle: 1s/' "$T/g.yaml"
status 0 'a dry run' dl-source --dry-run "$T/g.yaml"
like "$(cat "$T/out")" '"n":1' 'shows what is retained'
sed -i 's/idle: 1s/idle: 200ms/' "$T/g.yaml"
drain g 1
is "$(numbers g)" 1 'and takes nothing'

# QoS 0: what comes while it is there.
spec q "$plain/q" 'mqtt: {qos: 0}'
pipe q -f &
run=$!
soon logged 'as dl-q-' 1
for _ in $(seq 40); do
	echo '{"n":1}' | mosquitto_put q
	has q 1 && break
	sleep 0.05
done
like "$(numbers q)" '^1' 'QoS 0 too'
kill -TERM "$(source_of q)"
wait $run

# A will, of one that is killed.
spec will "$plain/will" 'mqtt: {will: {topic: gone/will, payload: "it is gone"}}'
mosquitto_sub -h 127.0.0.1 -p "$mosquitto_port" -t gone/will -C 1 -W 20 >"$T/gone" &
sub=$!
pipe will
pipe will -f &
run=$!
soon logged 'as dl-will-' 2
is "$(cat "$T/gone")" '' 'one that ends well has no will'
kill -9 "$(source_of will)"
wait $run
wait $sub
is "$(cat "$T/gone")" 'it is gone' 'one that is killed has'

# TLS, users, and what is wrong with either.
spec tls "$tls/tls" "auth: {basic: {user: reader, password: 'env:PASSWORD'}}" \
	"tls: {ca: $T/ca.pem}"
export PASSWORD='p&ss wörd'
pipe tls
is "$? $(cat "$T/err.tls")" '0 ' 'TLS, with a user'
readings 1 2000 | mosquitto_put tls
drain tls 2000
is "$? $(numbers tls)" "0 $(seq -s' ' 2000)" 'brings messages'
: >"$T/deaf"
dl-source -f "$T/tls.yaml" >"$T/deaf" 2>"$T/err" &
pid=$!
readings 2001 2500 | mosquitto_put tls
soon sent 1
kill -9 $pid && wait $pid 2>/dev/null
drain tls 2500
is "$(numbers tls | wc -w)" 2500 'that are not acknowledged before their time'

refused() { # STATUS MESSAGE NAME
	status "$1" "$3" dl-source "$T/x.yaml"
	like "$(cat "$T/err")" "$2" "... $2"
	is "$(grep -cE 'p&ss|geheim|tender' "$T/err")" 0 '... and tells no secret'
}
login="auth: {basic: {user: reader, password: 'env:PASSWORD'}}"
once='retries: 0'
spec x "$tls/tls" "$login" "tls: {ca: $T/ca.pem}"
PASSWORD=geheim refused 77 'refuses us: .*look at' 'a wrong password'
spec x "$tls/tls" "tls: {ca: $T/ca.pem}"
refused 77 'refuses us: ' 'no user'
spec x "$tls/tls" "$login" "$once"
refused 77 'TLS: .*certificate verify failed' 'a certificate that nobody vouches for'
spec x "${tls/127.0.0.1/127.1}/tls" "$login" "$once" "tls: {ca: $T/ca.pem}"
refused 77 'TLS: host name verification failed' 'a certificate of another host'
spec x "$tls/tls" "tls: {ca: $T/none.pem}"
refused 78 "cannot read tls.ca '$T/none.pem': No such file" 'no file of authorities'
spec x "mqtts://127.0.0.1:$mosquitto_port/tls" "$once" "tls: {ca: $T/ca.pem}"
refused 75 '(TLS: |closes the connection)' 'TLS where there is none'
spec x "mqtt://127.0.0.1:$((mosquitto_port + 1))/tls" "$once"
refused 75 'closes the connection' 'none where there is TLS'
spec x mqtt://127.0.0.1:1/x "$once"
refused 75 'mqtt://127.0.0.1:1: cannot connect: Connection refused' 'nobody there'

# The client's own certificate, with a password.
mosquitto_stop
sed -i '/^password_file/s/.*/require_certificate true\nallow_anonymous true/' \
	"$T/mosquitto/conf"
mosquitto_again || exit 1
spec x "$tls/tls" "$once" "tls: {ca: $T/ca.pem}"
# It may hang up before it is heard why.
dl-source "$T/x.yaml" >"$T/out" 2>"$T/err"
like "$? $(cat "$T/err")" '^(77 .*TLS:|75 .*closes the).* certificate' \
	'a broker that wants a certificate'
export KEY=tender
spec mutual "$tls/mutual" \
	"tls: {ca: $T/ca.pem, cert: $T/client.pem, key: $T/client.locked, key_password: 'env:KEY'}"
pipe mutual
is "$? $(cat "$T/err.mutual")" '0 ' 'a certificate of our own, and its password'
sed 's/^name.*/name: x/' "$T/mutual.yaml" >"$T/x.yaml"
KEY=geheim refused 78 'TLS: ' 'a wrong one'

# What is wrong with a specification is said without asking anybody.
wrong() { # MESSAGE URL [LINE...]
	spec x "${@:2}"
	status 78 "$1" dl-source --check "$T/x.yaml"
	like "$(cat "$T/err")" "x.yaml:[0-9]+: .*$1" '... is said'
}
wrong "'url': no topic filter" "$plain"
wrong 'level of its own' "$plain/a+b"
wrong 'level of its own' "$plain" 'mqtt: {topics: ["#/a"]}'
wrong 'not .share/GROUP/FILTER' "$plain/\$share/x"
wrong 'a user in it|written out' mqtt://reader:geheim@localhost/a
wrong 'is not mqtt://HOST' mqtt:///a
wrong 'is not mqtt://HOST' mqtt://h:99999/a
wrong 'wrongly escaped' mqtt://h/%4
wrong "'window' is from 1 to 5000" "$plain/a" 'mqtt: {window: 0}'
wrong "'qos' is 1, or 0" "$plain/a" 'mqtt: {qos: 2}'
wrong "'keepalive' is from 5s" "$plain/a" 'mqtt: {keepalive: 1s}'
wrong "5 or 3.1.1" "$plain/a" 'mqtt: {version: 4}'
wrong "did you mean 'session'" "$plain/a" 'mqtt: {sesion: 1h}'
wrong 'without . and #' "$plain/a" 'mqtt: {will: {topic: a/+}}'
wrong "'auth' is 'basic'" "$plain/a" 'auth: {bearer: env:PASSWORD}'

# Kill -9 at random moments, of one in a pipe or all of it, while messages come.
spec k "$plain/k/+" "$own"
pipe k
puts=()
for w in 0 1 2; do
	awk -v w="$w" -v enough="$T/enough" 'BEGIN {
		while (system("sleep 0.05; test -e " enough) != 0) {
			for (i = 0; i < 40; i++) {
				printf "{\"n\":%d,\"t\":\"2026-01-01T%02d:%02d:%02d.%03dZ\"}\n",
					n * 3 + w, n / 3600000, n / 60000 % 60,
					n / 1000 % 60, n % 1000
				n++
			}
			fflush()
		} }' | tee "$T/said.$w" | mosquitto_put "k/$w" &
	puts+=($!)
done
gone() { ! pgrep -r D,R,S,T,t -s "$1" >"$T/alive"; }
kills=0
for ((i = 0; i < ${MQTT_ROUNDS:-14}; i++)); do
	# shellcheck disable=SC2016 # for the inner shell
	setsid bash -c 'dl-source -f "$1" | dl-stream-put k | dl-commit' \
		pipe "$T/k.yaml" 2>/dev/null &
	run=$!
	disown $run
	sleep "0.$(printf %03d $((RANDOM % 350)))"
	mapfile -t all < <(pgrep -s "$run" '^dl-')
	if [ $((RANDOM % 3)) = 0 ] || [ ${#all[@]} = 0 ]; then
		kill -9 -- "-$run"
	else
		kill -9 "${all[RANDOM % ${#all[@]}]}"
	fi 2>/dev/null && kills=$((kills + 1))
	# What is left of it goes on for a moment, or not.
	[ $((RANDOM % 2)) = 0 ] && sleep 0.1
	kill -9 -- "-$run" 2>/dev/null
	soon gone "$run"
done
touch "$T/enough"
wait "${puts[@]}"
cat "$T"/said.* | jq .n | sort -n >"$T/want"
drain k "$(wc -l <"$T/want")"
pipe k
stored k | jq .data.n | sort -n >"$T/got"
note "$kills kills, $(wc -l <"$T/want") messages"
is "$(uniq -d "$T/got" | wc -l)" 0 'nothing is there twice'
is "$(cmp "$T/want" "$T/got" 2>&1)" '' 'and nothing is lost'

# A long run.
spec long "$plain/long" "$own"
pipe long # from here on the broker keeps what comes for it
pipe long -f &
run=$!
started() { pid=$(source_of long); }
soon started
figures() {
	awk '/^VmRSS/ { print $2 }' "/proc/$pid/status"
	find "/proc/$pid/fd" -mindepth 1 | wc -l
}
# Many take a while where a disk is slow.
patiently() {
	local i
	for ((i = 0; i < 300; i++)); do
		"$@" && return
		sleep 0.2
	done
}
readings 1 20000 | mosquitto_put long
patiently has long 20000
mapfile -t before < <(figures)
began=$(date +%s%N)
readings 20001 80000 | mosquitto_put long
patiently has long 80000
took=$((($(date +%s%N) - began) / 1000000))
mapfile -t after < <(figures)
is "$(stored long | wc -l)" 80000 '80,000 messages'
has long 80000 || {
	note "missing: $(comm -13 <(stored long | jq .data.n | sort) \
		<(seq 80000 | sort) | sort -n | paste -sd ' ' | cut -c 1-400)"
	note "$(tail -n 5 "$T/err.long" "$T/mosquitto/log")"
}
note "60,000 messages in $took ms; ${before[0]} KiB before, ${after[0]} after"
# The sanitizers keep for long what was freed.
[ "${FLAVOUR:-plain}" = plain ] || after[0]=0
like "$((after[0] - before[0] < 512))" 1 'no memory grows'
is "${after[1]}" "${before[1]}" 'nor descriptors'
kill -TERM "$pid"
wait $run

done_testing
