#!/usr/bin/env bash
# Sources that ask one server keep to their limits together, whoever starts them
# and whenever; a real nginx says when it was asked, and by how many at once.
. tests/tap.sh
. tests/servers/nginx.sh

# The server block ends early, so that a zone can follow: one transfer at once,
# more are refused.
cat >"$T/nginx.more" <<'E'
	location = /when { return 200 '{"at":$msec}'; }
}
limit_conn_zone $server_port zone=one:64k;
limit_conn_status 429;
server {
	listen 127.0.0.1:@PORT1@;
	root @ROOT@;
	location = /slow { limit_conn one 1; limit_rate 50k; }
	location = /stuck { limit_conn one 1; limit_rate 1; }
E
sed -i "s|@ROOT@|$T/www|" "$T/nginx.more"
nginx_start "$T/nginx.more"
second=http://127.0.0.1:$((nginx_port + 1))
# What is more than the rate takes a fifth of a second.
printf '{"n":1,"pad":"%060000d"}\n' 1 >"$T/www/slow"
cp "$T/www/slow" "$T/www/stuck"
echo '{"n":1}' >"$T/www/quick"

spec() { # NAME URL LIMITS [MORE...]
	printf '%s\n' "name: $1" "url: $2" 'format: ndjson' 'retries: 0' \
		"limits: $3" "${@:4}" >"$T/$1.yaml"
}
get() { dl-source "$T/$1.yaml" >"$T/$1.out" 2>"$T/$1.err"; }
asked() { grep -c " $1 " "$T/access.log"; }

# Run sources at once: $ended has their statuses.
at_once() { # NAME...
	local name pid
	local -a pids=()
	for name in "$@"; do
		get "$name" &
		pids+=($!)
	done
	ended=
	for pid in "${pids[@]}"; do
		wait "$pid"
		ended="$ended $?"
	done
}

# Milliseconds since $1 at which the server was asked, in their order.
asked_since() {
	cat "$T"/r?.out | grep -o '"at":[0-9.]*' | cut -d: -f2 | tr -d . |
		sort -n | awk -v began="$1" '{ print $1 - began }'
}
# Is each of them a turn later than the one before it at the earliest?  nginx
# looks at the clock a little before it looks at what comes.
early() { awk -v apart="$1" '$1 < (NR - 1) * apart - 50 { print NR, $1 }'; }

for i in 1 2 3 4; do spec r$i "$nginx_url/when" '{rate: 5/s}'; done
began=$((${EPOCHREALTIME/./} / 1000))
at_once r1 r2 r3 r4
is "$ended" ' 0 0 0 0' 'four sources that share a rate'
asked_since $began >"$T/asked"
is "$(wc -l <"$T/asked")" 4 'each of them asks'
is "$(early 200 <"$T/asked")" '' 'five times a second at most'
spec r5 "$nginx_url/when" '{rate: 300/m}'
get r5
asked_since $began >"$T/asked"
is "$(wc -l <"$T/asked") $(early 200 <"$T/asked")" '5 ' \
	'and so does a later run, which says the same in other words'

# Without limits the server refuses, which shows that it looks.
for i in 1 2 3; do
	spec s$i "$second/slow" '{}'
	spec c$i "$second/slow" '{concurrency: 1}'
done
at_once s1 s2 s3
like "$ended" ' 75' 'sources without a limit are too many at once'
at_once c1 c2 c3
is "$ended $(cat "$T"/c?.err)" ' 0 0 0 ' \
	'one after the other where one may be there at once'

# Who is killed in a transfer leaves nobody waiting.
spec k1 "$second/stuck" '{concurrency: 1}'
dl-source "$T/k1.yaml" >"$T/k1.out" 2>"$T/k1.err" &
stuck=$!
disown $stuck
locked() {
	local lock
	for lock in "$DL_HOME"/locks/host.*.0; do
		flock -n "$lock" true || return 0
	done
	return 1
}
soon locked
is $? 0 'a transfer holds its slot'
kill -9 $stuck
spec k2 "$second/quick" '{concurrency: 1}'
get k2
is "$? $(cat "$T/k2.err")" '0 ' 'a killed one does not'

# A turn that is far away.
spec h1 "$nginx_url/when" '{rate: 1/h}'
spec h2 "$nginx_url/when" '{rate: 1/h}'
get h1
is $? 0 'the first one in an hour'
before=$(asked /when)
get h2
is $? 75 'the second one is not waited for'
like "$(cat "$T/h2.err")" \
	"^dl-source: 'http://127.0.0.1:$nginx_port' is asked 1/h at most, and the next turn is in [56][0-9]m: run it again then$" \
	'but told when'
is "$(asked /when)" "$before" 'and the server is not asked'

# A stop while one waits.
spec w1 "$nginx_url/when" '{rate: 10/h}'
get w1
dl-source "$T/w1.yaml" >"$T/waits" 2>"$T/w1.err" &
waits=$!
waiting() { [ -s "$T/waits" ]; }
soon waiting # its first checkpoint
kill -TERM $waits
wait $waits
is "$? $(cat "$T/w1.err")" '0 ' 'a stop ends the wait for a turn'

# Wrong limits are told by their place.
spec wrong "$nginx_url/when" '{rate: 5/week}'
status 78 'a rate that is none' dl-source "$T/wrong.yaml"
is "$(cat "$T/err")" "dl-source: $T/wrong.yaml:5: 'rate' is a count of requests by s, m, h or d, like 100/m: 1 to 1000000 of them" \
	'is told with its place'

done_testing
