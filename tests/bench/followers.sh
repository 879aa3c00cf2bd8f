# Followers of dl-twin-serve's live changes; sourced by run.
# shellcheck shell=bash
# shellcheck disable=SC2154 # dir is run's

followers_start() {
	rm -rf "$DL_HOME"
	mkdir -p "$DL_HOME"
	printf '%s\n' 'access_log: off' >"$dir/serve.yaml"
	dl-twin-serve -c "$dir/serve.yaml" --open -l 127.0.0.1:0 \
		2>"$dir/serve.log" >&2 &
	followers_pid=$!
	for _ in $(seq 100); do
		followers_port=$(sed -n 's/.*listening on [^ ]*:\([0-9]*\).*/\1/p' \
			"$dir/serve.log")
		[ -z "$followers_port" ] || return 0
		sleep 0.1
	done
	cat "$dir/serve.log" >&2
	return 1
}

followers_stop() {
	[ -n "${followers_pid-}" ] || return 0
	kill "$followers_pid"
	wait "$followers_pid" || :
	followers_pid=
}

# The server's own memory, in MiB: LMDB's map is a file, and is not in it.
followers_mib() {
	awk '/^RssAnon/ { printf "%.0f", $2 / 1024 }' \
		"/proc/$followers_pid/status"
}

# followers NAME MODE N RATE SECONDS: a line of the table.  Each in a server of
# its own; what doesn't come, or comes twice, ends the run.
followers() {
	local name=$1 mode=$2 n=$3 rate=$4 seconds=$5
	local before wanted came half most longest after
	followers_start
	before=$(followers_mib)
	"$BUILD/servers/followers" -n "$n" -r "$rate" -s "$seconds" "$mode" \
		"$followers_port" >"$dir/told"
	read -r wanted came half most longest after <"$dir/told"
	printf '| %s | %s | %s | %s | %s | %s | %s | %s | %s to %s |\n' "$name" \
		"$rate" "$wanted" "$came" "$half" "$most" "$longest" "$after" \
		"$before" "$(followers_mib)"
	followers_stop
}

bench_followers() {
	echo '| from dl-twin-put to a follower of /v1/changes |' \
		'observations/s | changes | came | median, ms |' \
		'99 of 100, ms | longest, ms | the last has all after, ms |' \
		'MiB |'
	echo '|---|---|---|---|---|---|---|---|---|'
	followers 'one' all 1 50 "$1"
	followers '100, each of everything' all 100 50 "$1"
	followers '1,000, each of its own' own 1000 10000 "$1"
	followers '1,000, each of everything, of 1,000 keys' all 1000 10000 "$1"
}
