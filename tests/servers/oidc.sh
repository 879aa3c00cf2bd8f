# shellcheck shell=bash
# A real OpenID provider for tests on a free port of the loopback: oidc.mjs, which
# says what it knows.  Sourced after tap.sh and node.sh; needs node_have.
#
#	oidc_start                  sets $oidc_url, its issuer, and $oidc_pid
#	oidc_token CLIENT [SCOPE]   print an access token; CLIENT: reader-ES256
#	oidc_rotate                 new keys; the old are still published
#	oidc_drop                   new keys, and the old are gone
#	oidc_count                  how often its keys were asked for
#	oidc_stop                   as if it had failed
#
# Its keys are at $oidc_url/jwks.  It ends with the test, by its pid.
# shellcheck disable=SC2154 # tap.sh sets T, node.sh what is of node

oidc_lines() {
	[ "$(wc -l <"$T/oidc.out")" -ge "$1" ]
}

oidc_start() {
	node --preserve-symlinks --preserve-symlinks-main \
		"$node_root/servers/oidc.mjs" >"$T/oidc.out" 2>"$T/oidc.err" &
	oidc_pid=$!
	tap_pids+=("$oidc_pid")
	soon oidc_lines 1 || {
		cat "$T/oidc.err" >&2
		return 1
	}
	oidc_url=http://127.0.0.1:$(head -n 1 "$T/oidc.out")
}

oidc_token() {
	curl -sf -u "$1:secret" -d grant_type=client_credentials \
		-d "scope=${2:-twin:read}" "$oidc_url/token" |
		jq -r .access_token
}

oidc_signal() {
	local lines
	lines=$(wc -l <"$T/oidc.out")
	kill "-$1" "$oidc_pid"
	soon oidc_lines $((lines + 1))
}

oidc_rotate() {
	oidc_signal HUP
}

oidc_drop() {
	oidc_signal USR1
}

oidc_count() {
	curl -sf "$oidc_url/count"
}

oidc_stop() {
	kill -9 "$oidc_pid" && wait "$oidc_pid" 2>/dev/null
}
