# shellcheck shell=bash
# A real MQTT broker for tests on a free port of the loopback.  Sourced after
# tap.sh; needs mosquitto and mosquitto-clients.
#
#	mosquitto_start [FILE]  FILE has more of the configuration, in which
#	                        @PORT1@ is the port after the broker's own
#	mosquitto_stop          it keeps its sessions
#	mosquitto_again         ... and goes on with them, on the same port
#	mosquitto_put TOPIC     publish a message for each line, with QoS 1
#
# sets $mosquitto_port and $mosquitto_pid; $T/mosquitto/log is its log.  It ends
# with the test, by its pid.
# shellcheck disable=SC2154 # tap.sh sets T

mosquitto_port_free() {
	! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

mosquitto_again() {
	mosquitto -c "$T/mosquitto/conf" >>"$T/mosquitto/log" 2>&1 &
	mosquitto_pid=$!
	tap_pids+=("$mosquitto_pid")
	for _ in $(seq 200); do
		mosquitto_port_free "$mosquitto_port" || return 0
		kill -0 "$mosquitto_pid" 2>/dev/null || break
		sleep 0.05
	done
	return 1
}

mosquitto_start() {
	local more=${1:-} user=''
	PATH=$PATH:/usr/sbin:/sbin
	[ "$(id -u)" = 0 ] && user='user root'
	mkdir -p "$T/mosquitto/db"
	for _ in 1 2 3 4 5; do
		mosquitto_port=$((20000 + RANDOM % 10000))
		mosquitto_port_free "$mosquitto_port" || continue
		mosquitto_port_free $((mosquitto_port + 1)) || continue
		cat >"$T/mosquitto/conf" <<-E
		$user
		per_listener_settings true
		persistence true
		persistence_location $T/mosquitto/db/
		autosave_interval 0
		max_queued_messages 0
		log_type error
		log_type warning
		log_type notice
		log_dest stderr
		listener $mosquitto_port 127.0.0.1
		allow_anonymous true
		E
		[ -n "$more" ] && sed "s/@PORT1@/$((mosquitto_port + 1))/g" \
			"$more" >>"$T/mosquitto/conf"
		mosquitto_again && return 0
	done
	cat "$T/mosquitto/log" >&2
	return 1
}

mosquitto_stop() {
	kill -TERM "$mosquitto_pid" && wait "$mosquitto_pid"
}

mosquitto_put() {
	mosquitto_pub -V mqttv5 -h 127.0.0.1 -p "$mosquitto_port" -q 1 -l -t "$1"
}
