# shellcheck shell=bash
# dl-twin-serve on a free port of the loopback.  Sourced after tap.sh.
#
#	serve_start [OPTION...]  starts it, without -l where $serve_listen is ''
#	serve_end [SIGNAL]       ends it and waits: its status
#	serve_stop               ends it by $serve_signal: $serve_status
#	serve_hup REGEX          SIGHUP, until that is in the log
#	serve_is_up              does it answer?
#	serve_rss, serve_fds     KiB and descriptors that it has
#
# sets $serve_url, $serve_port and $serve_pid; $T/serve.log is its log.  It ends
# with the test.

serve_listen=127.0.0.1:0
serve_signal=TERM
# What starts it, with its limits: ulimit, env.
serve_by=()

serve_start() { # [OPTION...]
	# Before it is in the background, which may be late to empty it.
	: >"$T/serve.log"
	"${serve_by[@]+"${serve_by[@]}"}" dl-twin-serve \
		${serve_listen:+-l "$serve_listen"} "$@" 2>>"$T/serve.log" &
	serve_pid=$!
	tap_pids+=("$serve_pid")
	tap_kills+=("$serve_pid")
	if ! soon serve_listens; then
		note "the server does not start: $(cat "$T/serve.log")"
		return 1
	fi
	# shellcheck disable=SC2034 # for whoever sources this
	serve_url=$(sed -n 's/.*listening on \(http[^ ,]*\).*/\1/p' "$T/serve.log")
	# shellcheck disable=SC2034 # for whoever sources this
	serve_port=${serve_url##*:}
}

serve_listens() {
	kill -0 "$serve_pid" && grep -q 'listening on' "$T/serve.log"
}

# shellcheck disable=SC2120 # most give none
serve_end() { # [SIGNAL]
	kill "-${1:-TERM}" "$serve_pid"
	wait "$serve_pid" 2>/dev/null
}

serve_stop() {
	serve_end "$serve_signal"
	# shellcheck disable=SC2034 # for whoever sources this
	serve_status=$?
}

serve_hup() { # REGEX
	: >"$T/serve.log"
	kill -HUP "$serve_pid"
	soon grep -qE "$1" "$T/serve.log"
}

serve_is_up() {
	[ "$(curl -s -m 10 "$serve_url/healthz")" = ok ]
}

serve_rss() {
	awk '/^VmRSS/ { print $2 }' "/proc/$serve_pid/status"
}

serve_fds() {
	find "/proc/$serve_pid/fd" -mindepth 1 | wc -l
}
