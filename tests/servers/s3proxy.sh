# shellcheck shell=bash
# Our own proxy before radosgw, that breaks what it is told to.  Sourced after
# radosgw.sh; needs make helpers.
#
#	s3proxy_start       sets $s3proxy_url, $s3proxy_port
#	s3proxy_plan LINE...
#	                    from now on (see s3proxy.c); none: all is passed on
#	s3proxy_log [MATCH] the requests since the last plan: METHOD PATH STATUS
#	                    ACTION
#
# It ends with the test, by its pid.
# shellcheck disable=SC2154 # tap.sh and radosgw.sh set what is used

s3proxy_plan() {
	mkdir -p "$T/s3proxy"
	printf '%s\n' "$@" >"$T/s3proxy/new"
	mv "$T/s3proxy/new" "$T/s3proxy/plan"
	: >"$T/s3proxy/log"
}

s3proxy_start() {
	s3proxy_plan ''
	"$BUILD/servers/s3proxy" "$radosgw_port" "$T/s3proxy/plan" \
		"$T/s3proxy/log" >"$T/s3proxy/port" 2>"$T/s3proxy/err" &
	tap_kills+=($!)
	disown $!
	soon test -s "$T/s3proxy/port" || return
	s3proxy_port=$(cat "$T/s3proxy/port")
	# shellcheck disable=SC2034 # for whoever sources this
	s3proxy_url=http://127.0.0.1:$s3proxy_port
}

s3proxy_log() {
	grep -a -e "${1:-}" "$T/s3proxy/log"
}
