# shellcheck shell=bash
# Real proxies for tests on free ports of the loopback.  Sourced after tap.sh;
# needs tinyproxy, and for SOCKS what sftp.sh has started.
#
#	proxy_start [LINE...]    tinyproxy; more lines of configuration; sets
#	                         $proxy_port; $T/proxy/log says what it passed on
#	socks_start              ssh -D through sftp_start's sshd; sets
#	                         $socks_port
#
# They end with the test, by their pids.
# shellcheck disable=SC2034 # for whoever sources this
# shellcheck disable=SC2154 # tap.sh and sftp.sh set what is used

proxy_port_free() {
	! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# Until it listens; fails as soon as what listens there has ended.
proxy_wait() { # PORT PID
	for _ in $(seq 100); do
		proxy_port_free "$1" || return 0
		kill -0 "$2" 2>/dev/null || return 1
		sleep 0.05
	done
	return 1
}

proxy_start() {
	local dir=$T/proxy line
	mkdir -p "$dir"
	for _ in 1 2 3 4 5; do
		proxy_port=$((20000 + RANDOM % 10000))
		proxy_port_free "$proxy_port" || continue
		cat >"$dir/conf" <<-E
		Listen 127.0.0.1
		Port $proxy_port
		Allow 127.0.0.1
		MaxClients 10
		Timeout 60
		LogLevel Connect
		E
		for line in "$@"; do echo "$line"; done >>"$dir/conf"
		tinyproxy -d -c "$dir/conf" >"$dir/log" 2>&1 &
		tap_pids+=($!)
		proxy_wait "$proxy_port" "${tap_pids[-1]}" && return
	done
	cat "$dir/log" >&2
	return 1
}

socks_start() {
	for _ in 1 2 3 4 5; do
		socks_port=$((20000 + RANDOM % 10000))
		proxy_port_free "$socks_port" || continue
		ssh -F none -N -T -D "127.0.0.1:$socks_port" -p "$sftp_port" \
			-i "$T/sftp/key" -o IdentitiesOnly=yes -o IdentityAgent=none \
			-o BatchMode=yes -o UserKnownHostsFile="$T/sftp/known" \
			-o StrictHostKeyChecking=yes -o ExitOnForwardFailure=yes \
			"$sftp_user@127.0.0.1" >"$T/socks.log" 2>&1 &
		tap_pids+=($!)
		proxy_wait "$socks_port" "${tap_pids[-1]}" && return
	done
	cat "$T/socks.log" >&2
	return 1
}
